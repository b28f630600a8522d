"""A city's own roster: which of its columns are which fields, and what each of its rows says of which records."""

from __future__ import annotations

import datetime
import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from lingtouyan.checks.messages import FULL_WIDTH, damage, is_date, partial_date
from lingtouyan.exchange.records import ORDINAL, Change, Entry, Key, Tree, Values, next_number
from lingtouyan.exchange.workbook import DOUBTFUL, REFUSED, Sheet, cell_text
from lingtouyan.exchange.writing import scalar
from lingtouyan.problems import UsageError, quoted
from lingtouyan.reading.named import find_table
from lingtouyan.reading.package import Field, Package, Sensitivity, Table
from lingtouyan.reading.yaml import Mapping, Value

TOTALS = re.compile(r"(合|总|小|共)\s*计|累计")
_NOTHING = frozenset(["无", "暂无", "—", "——", "-", "--", "/", "至今", "现在"])
_HEAD_ROWS = 20
MAP_HEAD = """\
# 名册的栏目对应哪张表的哪个字段，由 lingtouyan import 写出，可以改，再用 --map 指明。
# columns：表头: 字段（写中文名也行）；values：每行都一样的值；match：这些字段都相同的就是同一条。一行可以分到几张表，
# 同一张表也可以写两次；后面的表自动指向前面的表在这一行的那一条。
"""


@dataclass
class Part:
    """What of a row belongs to one table: heading -> field, constant values, the fields by which a record is known.

    `lacking` are fields that must be filled and that no column is.
    """

    table: str
    columns: dict[str, str]
    values: dict[str, str]
    match: list[str]
    lacking: Sequence[Field] = ()


@dataclass
class Roster:
    """A sheet whose headings (of two rows, both) were found, and the first row of data, counted from 0."""

    sheet: Sheet
    headings: list[str]
    first: int


def heading_forms(heading: str) -> set[str]:
    """Return how a heading may be called: without blanks, in half-width signs; and without what is in brackets."""
    plain = re.sub(r"\s+", "", heading.translate(FULL_WIDTH)).casefold()
    return {plain, re.sub(r"\(.*?\)", "", plain)} - {""}


def _words(field_: Field) -> set[str]:
    return {w for name in (field_.title, field_.name, *field_.aliases) for w in heading_forms(name)}


def find_headings(sheet: Sheet, package: Package, extra: Sequence[str]) -> Roster | None:
    """Find the headings among the first rows of a sheet, and fill merged cells; `extra`: headings that a map names."""
    for (top, left), (bottom, right) in sheet.merged:
        for row in sheet.rows[top : bottom + 1]:
            row[left : right + 1] = [sheet.rows[top][left]] * (right + 1 - left)
    known = {w for t in package.tables.values() for f in t.fields for w in _words(f)}
    known |= {w for e in extra for w in heading_forms(e)}
    texts = [[cell_text(c) for c in row] for row in sheet.rows[: _HEAD_ROWS + 1]]
    scores = [len({t for t in row if known & heading_forms(t)}) for row in texts[:_HEAD_ROWS]]
    if not scores or not max(scores):
        return None
    best = scores.index(max(scores))
    for top in (best, best - 1):
        # Two rows of headings: the upper one says something of several columns that the lower one tells apart.
        pairs = list(zip(texts[top], texts[top + 1], strict=False)) if 0 <= top < len(texts) - 1 else []
        apart = [(a, b) for a, b in pairs if a and b and a != b and texts[top].count(a) > 1]
        if len({*texts[top]}) > 2 and any(
            known & (heading_forms(a + b) | heading_forms(b + a) | heading_forms(b)) for a, b in apart
        ):
            lower = texts[top + 1]
            return Roster(sheet, [_joined(a, b, known, lower) for a, b in pairs], top + 2)
    return Roster(sheet, texts[best], best + 1)


def _joined(upper: str, lower: str, known: set[str], row: Sequence[str]) -> str:
    """Return the heading that two cells make: both words where that is known or the lower one says too little."""
    if upper in (lower, "") or not lower:
        return lower or upper
    alone = [lower] if row.count(lower) == 1 else []
    return next(
        (w for w in (lower + upper, upper + lower, *alone) if known & heading_forms(w)), upper + lower
    )


def guess(roster: Roster, tree: Tree, tables: Sequence[str]) -> list[Part]:
    """Return the parts that a roster's headings speak of: the table that most belong to, then those tied to it.

    Raises:
        UsageError: a table is not there.
    """
    shown = {t.name: t for t in tree.shown_tables() if not t.parent}
    wanted = [find_table(shown.values(), n, "{} 不能从名册收，或没有这张表").name for n in tables]
    left, chosen = list(dict.fromkeys(h for h in roster.headings if h)), dict[str, dict[str, str]]()
    while True:
        fits = {n: _columns(left, shown[n]) for n in (wanted or shown) if n not in chosen}
        called = {n for n, fit in fits.items() if shown[n].label in fit.values()}
        if not wanted:
            fits = {n: f for n, f in fits.items() if _is_meant(shown, n, fits, called, chosen)}
        best = max(fits, key=lambda n: len(fits[n]), default="")
        if not best or not fits[best]:
            break
        chosen[best] = fits[best]
        left = [h for h in left if h not in fits[best]]
    # Those that others name come first.
    order = sorted(
        chosen, key=lambda n: sum(k.table in chosen and k.table != n for k in shown[n].foreign_keys)
    )
    return [
        Part(n, c, {}, _match(shown[n], c.values(), chosen), _lacking(shown[n], c.values(), chosen))
        for n in order
        for c in [chosen[n]]
    ]


def _is_meant(
    shown: dict[str, Table],
    name: str,
    fits: dict[str, dict[str, str]],
    called: Collection[str],
    chosen: Collection[str],
) -> bool:
    """Tell whether a row may speak of this table first or, where others are chosen, of it too; `called`: by name."""
    table, fit = shown[name], fits[name]
    named, lacking = {k.table for k in table.foreign_keys}, _lacking(table, fit.values(), chosen)
    if not chosen:
        # A row that calls somebody by name is of him first, whatever other table has columns for as much.
        others = (n for n in named & {*called} if n != name)
        return not lacking or not any(len(fits[n]) >= len(fit) // 2 for n in others)
    # Further tables only where a row says most of what they need.
    tied = named & {*chosen} or any(k.table == name for c in chosen for k in shown[c].foreign_keys)
    return bool(tied) and (not lacking or (name in called and len(lacking) < len(fit)))


def _lacking(table: Table, mapped: Collection[str], chosen: Collection[str]) -> list[Field]:
    """Return the fields that a record must have, and that no column, neighbour or suggestion gives."""
    given = {*mapped, *table.primary_key, *(f.name for f in table.fields if f.suggest)}
    given.update(f for k in table.foreign_keys if k.table in chosen for f in k.fields)
    return [f for f in table.fields if f.required and f.name not in given]


def _match(table: Table, mapped: Collection[str], chosen: Collection[str]) -> list[str]:
    """Return by what a record is known: its key, else what it is tied to, called, and dated; other things change."""
    if {*table.primary_key} <= {*mapped}:
        return [*table.primary_key]
    tied = [k.fields[0] for k in table.foreign_keys if k.table in chosen and k.table != table.name]
    fields = [f for f in table.fields if f.name in mapped]
    told = [f.name for f in fields if f.name == table.label or (f.required and is_date(f))]
    return [*tied, *(told or [f.name for f in fields])]


def _columns(headings: Sequence[str], table: Table) -> dict[str, str]:
    found: dict[str, str] = {}
    for heading in headings:
        fits = (f.name for f in table.visible(Sensitivity.INTERNAL) if heading_forms(heading) & _words(f))
        if name := next((n for n in fits if n not in found.values()), ""):
            found[heading] = name
    return found


def read_map(value: Value, tree: Tree, file: str) -> tuple[str, list[Part]]:
    """Return the folder and the parts that a map names; UsageError: it is not one, or names what is not there."""
    given = value.get("tables") if isinstance(value, Mapping) else None
    parts = []
    for item in given if isinstance(given, list) else ():
        table = tree.package.tables.get(str(item.get("table"))) if isinstance(item, Mapping) else None
        if table is None or not isinstance(item, Mapping):
            raise UsageError(f"{file}：tables 的每一项应有 table，写表名。")
        fields = {w: f.name for f in table.visible(Sensitivity.INTERNAL) for w in (f.title, f.name)}
        columns, values = _texts(item.get("columns")), _texts(item.get("values"))
        named = item.get("match")
        match = [str(m) for m in named] if isinstance(named, list) else []
        if lost := {*columns.values(), *values, *match} - fields.keys():
            raise UsageError(f"{file}：“{table.title}”没有 {quoted(min(lost))} 这一栏，或它不能从名册收。")
        columns = {heading: fields[f] for heading, f in columns.items()}
        values = {fields[f]: text for f, text in values.items()}
        parts.append(Part(table.name, columns, values, [fields[m] for m in match]))
    if not parts or not isinstance(value, Mapping):
        raise UsageError(f"{file} 不是 import 写的对照表：缺少 tables。")
    return str(value.get("folder") or ""), parts


def _texts(value: Value) -> dict[str, str]:
    return {k: str(v) for k, v in value.items()} if isinstance(value, Mapping) else {}


def map_text(folder: str, parts: Sequence[Part]) -> str:
    """Return a map as text, to be edited and used again."""
    lines = [f"folder: {scalar(folder)}" if folder else "folder:", "tables:"]
    for part in parts:
        lines += [f"  - table: {part.table}", "    columns:"]
        lines += [f"      {scalar(h)}: {f}" for h, f in part.columns.items()]
        lacking = "、".join(f"{f.title}（{f.name}）" for f in part.lacking)
        lines += [
            f"    values: {{}}{lacking and f'  # 缺 {lacking}'}",
            f"    match: [{', '.join(part.match)}]",
        ]
    return MAP_HEAD + "\n".join(lines) + "\n"


class Reader:
    """Reads the rows of rosters as changes of records."""

    def __init__(self, tree: Tree, folder: str, year: str) -> None:
        self._tree, self._folder, self._year = tree, folder, year
        self._last: dict[str, str] = {}
        self._indexes: dict[tuple[str, str], dict[str, list[tuple[Entry, Change | None]]]] = {}
        self._names: dict[tuple[str, str], dict[str, list[str]]] = {}
        files = (e.file for found in tree.entries.values() for e in found.values())
        self._folders = {p for f in files for p in PurePosixPath(f).parent.parts}
        self.changes: dict[tuple[str, Key], Change] = {}
        self.told: list[str] = []

    def read(self, roster: Roster, parts: Sequence[Part]) -> None:
        """Take in all rows of a sheet."""
        rows, headings, tables = roster.sheet.rows, roster.headings, self._tree.package.tables
        title = roster.sheet.title
        found = {h: tables[p.table].field(f) for p in parts for h, f in p.columns.items()}
        roster.sheet.fields = [found.get(h) for h in headings]
        secret = (f for t in tables.values() for f in t.fields if f.sensitivity > 1 and f.name != ORDINAL)
        hidden = {w for f in secret for w in _words(f)}
        months, place = set(), self._place(roster, found)
        for n, heading in enumerate(headings):
            cells = [r[n] for r in rows[roster.first :] if n < len(r)]
            days = [c.day for c in cells if isinstance(c, datetime.date)]
            if days and {*days} == {1}:
                # Only firsts of a month: months were typed.
                months.add(heading)
            if not heading or heading in found or heading == place:
                continue
            restricted = bool(hidden & heading_forms(heading))
            ruined = sum(bool(damage(cell_text(c), long_number=True, code=True)) for c in cells)
            words = "是限制级的内容，没有读" if restricted else "没有对应的栏目，没有读"
            words += f"；其中 {ruined} 格的长数字已被电子表格损坏，须按原件重填" if ruined else ""
            self.told.append(f"{title} {quoted(heading)} {words}。")
            for row in rows[roster.first :] if restricted else ():
                row[n : n + 1] = [""]
        for number, cells in enumerate(rows, 1):
            texts = dict(zip(headings, map(cell_text, cells), strict=False))
            filled = [t for t in map(cell_text, cells) if t and not t.isdigit()]
            mine = [h for h in found if texts.get(h)]
            above = number <= roster.first
            if all(t in headings or (above and any(t in h for h in headings)) for t in filled):
                continue
            if above or TOTALS.match(filled[0]) or len(mine) < min(2, len(found)):
                self.told.append(f"{title} 第 {number} 行 {quoted(filled[0])} 是标题、合计或说明，没有读。")
                continue
            for h in months & texts.keys():
                texts[h] = (
                    texts[h][:7]
                    if (f := found.get(h)) and (partial_date(f) or texts[h] < f.months_before)
                    else texts[h]
                )
            where = texts.get(place, "")
            folder = where if self._inside(where) else self._folder
            self._row(title, number, texts, parts, folder)

    def _inside(self, words: str) -> bool:
        return len(words) > 1 and sum(words in f for f in self._folders) == 1

    def _place(self, roster: Roster, known: Collection[str]) -> str:
        """Return the heading of the column that names folders, or nothing."""
        for n, heading in enumerate(roster.headings):
            cells = {cell_text(r[n]) for r in roster.sheet.rows[roster.first :] if n < len(r)} - {""}
            if heading and heading not in known and sum(map(self._inside, cells)) > len(cells) / 2:
                return heading
        return ""

    def _row(
        self, sheet: str, number: int, texts: dict[str, str], parts: Sequence[Part], folder: str
    ) -> None:
        made: dict[str, Change] = {}
        row: list[Change] = []
        said = [({f: texts.get(h, "") for h, f in p.columns.items()}, p) for p in parts]
        for given, part in ((g, p) for all_, p in said for g in self._each(p, all_) if any(all_.values())):
            table = self._tree.package.tables[part.table]
            values: Values = {}
            faults = []
            for name, text in (part.values | given).items():
                if (field_ := table.field(name)) and (text or part.values.get(name)):
                    values[name], fault = self._meant(table, field_, text or part.values[name], folder)
                    faults += [(fault, field_.title)] if fault else []
            for key in table.foreign_keys:
                if len(key.fields) == 1 and key.table in made and not values.get(key.fields[0]):
                    values[key.fields[0]] = made[key.table].key[0]
            change = self._change(table, part, values, (part.table, sheet, number))
            change.folder = folder
            for fault, title in faults:
                change.tell(REFUSED, fault, title, row=number)
            made[part.table] = change
            row.append(change)
        for change in row:
            change.partners += [c for c in row if c is not change]

    def _each(self, part: Part, given: dict[str, str]) -> list[dict[str, str]]:
        """Return what a row says of a part: once for each word where a cell of choices holds several, as `甲、乙`."""
        table = self._tree.package.tables[part.table]
        for name, text in given.items():
            field_ = table.field(name)
            words = field_.constraints.get("enum") if field_ else None
            if field_ and words and text not in words:
                several = re.split("[、,，;；/兼]", text)
                if len(several) > 1 and all(self._meant(table, field_, w, "")[0] in words for w in several):
                    return [given | {name: word} for word in several]
        return [given]

    def _change(self, table: Table, part: Part, values: Values, place: tuple[str, str, int]) -> Change:
        """Return what becomes of the record that is meant, or of a new one: it is completed, never overwritten."""
        match = [m for m in part.match if values.get(m)] or [n for n, v in values.items() if v]
        like = self._index(table, match[0])[values[match[0]] or ""] if match else []
        found = [(e, c) for e, c in like if all(_alike(e.values.get(m), values[m]) for m in match)]
        if found:
            entry, former = found[0]
            change = former or self.changes.setdefault((table.name, entry.key), Change(table.name, entry.key))
            change.places.append(place)
            if len(found) > 1:
                change.tell(REFUSED, f"有 {len(found)} 条都像是它，没有收。请写明编号。", row=place[2])
            for name, value in values.items():
                held, field_ = entry.values.get(name), table.field(name)
                if value and not held:
                    entry.values[name] = change.values[name] = value
                elif value and field_ and not _alike(held, value):
                    words = f"已登记的是 {quoted(held)}，表里是 {quoted(value)}，没有改。"
                    change.tell(DOUBTFUL, words, field_.title, row=place[2])
            return change
        for f in table.fields:
            source = values.get(str(f.suggest.get("pinyin")))
            if source and not values.get(f.name):
                values[f.name] = _reading(source, f.suggest.get("surnames") or {})
        keys = {k: values.get(k) or "" for k in table.primary_key}
        if [*keys.values()] == [""] and (own := table.field(table.primary_key[0])):
            last = self._last.get(table.name)
            known = [last] if last else [k[0] for k in self._tree.entries[table.name]]
            self._last[table.name] = keys[own.name] = next_number(known, own.example, self._year)
        change = Change(table.name, tuple(keys.values()), {**values, **keys}, places=[place], new=True)
        change.numbered = change.key == (self._last.get(table.name),)
        if not all(keys.values()):
            titles = "、".join(f.title for f in table.fields if f.name in keys and not keys[f.name])
            change.tell(REFUSED, f"没有 {titles}，不知道是哪一条。")
        if match[:1] == [table.label] and (
            label := self._index(table, table.label)[values[table.label] or ""]
        ):
            same = "、".join(f"第 {c.places[0][2]} 行" if c else "/".join(e.key) for e, c in label[:3])
            change.tell(DOUBTFUL, f"已有同名的 {same}，这是另外新建的一条，请核对。")
        self.changes[table.name, change.key] = change
        for (name, column), index in self._indexes.items():
            if name == table.name and (value := change.values.get(column)):
                index[value].append((Entry(name, change.key, "", change.values), change))
        return change

    def _index(self, table: Table, name: str) -> dict[str, list[tuple[Entry, Change | None]]]:
        if (table.name, name) not in self._indexes:
            made = self._indexes[table.name, name] = defaultdict(list)
            for entry in self._tree.entries[table.name].values():
                made[entry.values.get(name) or ""].append((entry, None))
        return self._indexes[table.name, name]

    def _meant(self, table: Table, field_: Field, text: str, folder: str) -> tuple[str | None, str]:
        """Return the value that a text means, and what is wrong with it where only the roster shows that."""
        words = [str(w) for w in field_.constraints.get("enum") or ()]
        if text in _NOTHING and not field_.required and text not in words:
            return None, ""
        text = field_.value_aliases.get(text, text)
        if words and text not in words:
            near = [w for w, c in field_.codes.items() if c == text] or [
                w for w in words if w.startswith(text)
            ]
            return near[0] if len(near) == 1 else text, ""
        if is_date(field_) and field_.required:
            # What begins is often written with the end that has not come: 2021年3月至今, 2021.03—.
            text = re.sub(r"\s*([-—－~～至]*\s*(今|现在)|[-—－~～]+|起)$", "", text)
        if is_date(field_) and re.fullmatch(r"\d{4}\.[2-9]", text):
            # Of `1975.1` a spreadsheet may have dropped a zero; of these it cannot.
            text = f"{text[:4]}-0{text[5:]}"
        value = self._tree.value(table, field_, text)
        target = self._tree.reference(table, field_.name)
        if value and target and value not in self._tree.display(target[0].name, target[1]):
            called = self._called(target[0], folder)
            found = called.get(text) or [k for n, keys in called.items() if n.startswith(text) for k in keys]
            if len(found) > 1:
                return value, f"{quoted(text)} 有 {len(found)} 个（{'、'.join(found[:3])}）。请写编号。"
            value = found[0] if found else value
        return value, ""

    def _called(self, table: Table, folder: str) -> dict[str, list[str]]:
        """Return name -> keys of the records of a table in the folder, or of those that stand in no folder."""
        if (table.name, folder) not in self._names:
            made = self._names[table.name, folder] = defaultdict(list)
            for entry in self._tree.near(table, folder):
                made[entry.values.get(table.label) or ""].append(entry.key[0])
        return self._names[table.name, folder]


def _alike(held: str | None, given: str | None) -> bool:
    """Tell whether two values are the same, or a day and its month."""
    short, long = sorted((held or "", given or ""), key=len)
    return short == long or (re.fullmatch(r"\d{4}-\d\d", short) is not None and long.startswith(f"{short}-"))


def _reading(name: str, surnames: Any) -> str:
    """Return how a name is probably read, with the readings of surnames that are special."""
    from pypinyin import Style, lazy_pinyin

    first = next((s for s in sorted(surnames, key=len, reverse=True) if name.startswith(s)), "")
    return " ".join(
        [*([surnames[first]] if first else []), *lazy_pinyin(name[len(first) :], style=Style.TONE)]
    )
