"""Records as a workbook shows them, and what somebody changed there, against the commit that it was made from."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import chain
from pathlib import PurePosixPath
from typing import NamedTuple

from lingtouyan.checks.messages import FULL_WIDTH, is_date, plain_value
from lingtouyan.exchange.workbook import (
    ABOUT,
    ANSWER,
    CHOICES,
    DOUBTFUL,
    MOST_CHARACTERS,
    REFUSED,
    SEALED,
    TOO_LONG,
    Mark,
    Sheet,
    cell_text,
    plain,
    sheet_title,
)
from lingtouyan.problems import Severity, UsageError, quoted
from lingtouyan.project import Project
from lingtouyan.reading.named import find_table
from lingtouyan.reading.package import Field, Package, Sensitivity, Table, has_hidden_key
from lingtouyan.reading.records import read_records
from lingtouyan.sealing.values import SCHEME

Values = dict[str, str | None]
Key = tuple[str, ...]
ORDINAL = "ordinal"


@dataclass
class Entry:
    """One record with all its lists: what is taken or refused as a whole.

    Attributes:
        lists: table of a list, however deep -> its rows, each with the keys of what is around it.
    """

    table: str
    key: Key
    file: str
    values: Values
    lists: dict[str, list[Values]] = field(default_factory=dict)


@dataclass
class Change:
    """What is to become of one record.

    Attributes:
        values: the fields that change; None empties one.
        lists: the lists that are replaced, with the columns that the workbook has.
        places: the rows of the workbook that ask for it, as (table, sheet, row).
        file: where the record stands, or is to stand; folder: words that name the folder of a new one.
        partners: what the same row asks for besides; taken or refused together.
        numbered: its number was given by the program, in order, and may still change.
    """

    table: str
    key: Key
    values: Values = field(default_factory=dict)
    lists: dict[str, list[Values]] = field(default_factory=dict)
    places: list[tuple[str, str, int]] = field(default_factory=list)
    file: str = ""
    folder: str = ""
    new: bool = False
    deleted: bool = False
    numbered: bool = False
    marks: list[Mark] = field(default_factory=list)
    partners: list[Change] = field(default_factory=list)

    def tell(self, kind: str, message: str, column: str = "", table: str = "", row: int = 0) -> None:
        """Say something about the row of the workbook that asks for this."""
        found = [p for p in self.places if (not table or p[0] == table) and (not row or p[2] == row)]
        _, sheet, number = (found or self.places)[0]
        if (mark := Mark(sheet, number, column, kind, message)) not in self.marks:
            self.marks.append(mark)

    @property
    def refused(self) -> bool:
        """Whether nothing of it is taken."""
        return any(m.kind == REFUSED for c in (self, *self.partners) for m in c.marks)


class Tree:
    """The records of one tree."""

    def __init__(self, project: Project) -> None:
        self.package = project.package
        records = read_records(project.source, project.package)
        self.broken = {p.file for p in records.problems if p.severity is Severity.ERROR}
        self.entries: dict[str, dict[Key, Entry]] = {}
        # Lists in which the place of a row is its number, which nobody has to write.
        self.counted = {
            t.name
            for t in self.package.tables.values()
            if t.parent and t.name not in self.package.children and ORDINAL not in self.inherited(t)
        }
        for table in self.package.tables.values():
            names = [f.name for f in table.fields]
            top = self.package.origin(table)
            own = self.entries.setdefault(table.name, {})
            places = [names.index(k) for k in top.primary_key if k in names]
            if not places or len(places) < len(top.primary_key):
                continue
            for file, (_, cells) in records.rows(table.name):
                key = tuple(cells[n] or "" for n in places)
                values = dict(zip(names, cells, strict=True))
                if table is top:
                    if key in own:
                        self.broken |= {file, own[key].file}
                    own.setdefault(key, Entry(table.name, key, file, values))
                elif entry := self.entries[top.name].get(key):
                    around = entry.lists.setdefault(table.name, [])
                    around.append(values)
                    if values.get(ORDINAL) != str(len(around)):
                        self.counted.discard(table.name)
        self._erased = erased = project.erased
        for name, held in self.entries.items() if erased else ():
            keys = self.package.tables[name].foreign_keys
            named = [(k.table, k.fields[0]) for k in keys if len(k.fields) == 1]
            for e in list(held.values()):
                if (name, "/".join(e.key)) in erased or any((t, e.values.get(f)) in erased for t, f in named):
                    del held[e.key]
        self.display = cache(self._display)

    def shown_tables(self) -> list[Table]:
        """Return the tables that a workbook may hold: with keys, writable, and with something that is not restricted."""
        return [
            t
            for t in self.package.tables.values()
            if self.package.origin(t).kind in ("csv", "yaml")
            and self.package.origin(t).primary_key
            and not has_hidden_key(t)
            and not has_hidden_key(self.package.origin(t))
            and {f.name for f in self.fields(t)} - {*self.inherited(t), ORDINAL}
        ]

    def inherited(self, table: Table) -> tuple[str, ...]:
        """Return the fields that say in which record a row of a list stands."""
        return self.package.tables[table.parent].primary_key if table.parent else ()

    def fields(self, table: Table) -> list[Field]:
        """Return the fields that a workbook shows."""
        counted = table.name in self.counted
        return [f for f in table.visible(Sensitivity.INTERNAL) if f.name != ORDINAL or not counted]

    def reference(self, table: Table, name: str) -> tuple[Table, str] | None:
        """Return the table and field that a field names a record of, when it does so by itself."""
        found = [(k.table, k.references[0]) for k in table.foreign_keys if k.fields == (name,)]
        return (self.package.tables[found[0][0]], found[0][1]) if found else None

    def _display(self, table: str, reference: str) -> dict[str, str]:
        """Return key -> what a cell shows of a record: its key, and what it is called."""
        spec, found = self.package.tables[table], dict[str, str]()
        shown = {f.name for f in spec.visible(Sensitivity.INTERNAL)} - {reference}
        for entry in self.entries[table].values():
            if key := entry.values.get(reference):
                words = plain(entry.values.get(spec.label) or "") if spec.label in shown else ""
                found[key] = key if words.startswith(SCHEME) else f"{key} {words}".split("\n")[0].strip()
        return found

    def near(self, table: Table, folder: str) -> list[Entry]:
        """Return the records of a table in a folder; those of a table that has no folders, all."""
        found = [*self.entries[table.name].values()]
        inside = [e for e in found if folder in e.file]
        return inside if inside or "*" in str(PurePosixPath(table.path).parent) else found

    def shown(self, table: Table, field_: Field, value: str | None) -> str:
        """Return what a cell shows of a value."""
        if not value:
            return ""
        target = self.reference(table, field_.name)
        if value.startswith(SCHEME) or (target and (target[0].name, value) in self._erased):
            return SEALED
        if len(value) > MOST_CHARACTERS:
            return TOO_LONG
        if field_.type == "array" and value.startswith("["):
            items = [str(i) for i in json.loads(value)]
            return value if any(re.search("[；;\n]", i) for i in items) else "；".join(items)
        if target:
            return self.display(target[0].name, target[1]).get(value, plain(value))
        return plain(value)

    def value(self, table: Table, field_: Field, text: str) -> str | None:
        """Return the value that somebody means by a text in a cell."""
        if is_date(field_) and re.fullmatch(r"[1-6]\d{4}", text):
            # The number of a day, as spreadsheets count them.
            text = (datetime.date(1899, 12, 30) + datetime.timedelta(int(text))).isoformat()
        text = plain_value(field_, text)
        if field_.type == "array" and text and not text.startswith("["):
            return json.dumps([w.strip() for w in re.split("[；;\n]", text) if w.strip()], ensure_ascii=False)
        if target := self.reference(table, field_.name):
            known = self.display(target[0].name, target[1])
            first = text.split(" ")[0]
            return next((k for k in (text, first) if k in known), text) or None
        return text or None


def sheets_of(tree: Tree, tables: Collection[str], folder: str) -> list[Sheet]:
    """Return a sheet for each table; without `tables` for all, or for those that the folder holds.

    Raises:
        UsageError: a table is not there or cannot be in a workbook, or no file is in such a folder.
    """
    shown = tree.shown_tables()
    asked = [find_table(shown, t, "{} 不能放进工作簿，或没有这张表") for t in tables]
    inside = {t for t, found in tree.entries.items() if any(folder in e.file for e in found.values())}
    if folder and not inside:
        raise UsageError(f"没有文件夹或文件的名字里有 {quoted(folder)}。")
    sheets: list[Sheet] = []
    # With a list comes what it stands in: without it nobody could tell a list that was emptied from one not asked for.
    named = {n for t in asked for n in (t.name, tree.package.origin(t).name)}
    for table in shown:
        top = tree.package.origin(table)
        scattered = "*" in str(PurePosixPath(top.path).parent)
        if table.name not in named if asked else folder and top.name not in inside and not scattered:
            continue
        fields = tree.fields(table)
        rows = [
            r
            for e in tree.near(top, folder)
            for r in ([e.values] if table is top else e.lists.get(table.name, []))
        ]
        titles = [f.title for f in fields]
        sheets.append(
            Sheet(
                sheet_title(table.title, [s.title for s in sheets]),
                [f.title if titles.count(f.title) == 1 else f"{f.title}（{f.name}）" for f in fields],
                [[tree.shown(table, f, r[f.name]) for f in fields] for r in rows],
                list(fields),
                {*table.primary_key, *tree.inherited(table)},
                {f.name: c for f in fields if (c := _choices(tree, table, f, folder))[0]},
                table.name,
                # Rows of a list come and go; those of records stay the records that they are.
                table is top,
            )
        )
    return sheets


def _choices(tree: Tree, table: Table, field_: Field, folder: str) -> tuple[list[str], bool]:
    """Return the words that a field may hold, and whether it may hold no others."""
    if words := field_.constraints.get("enum") or field_.categories:
        return [str(w) for w in words], True
    if field_.type == "boolean":
        return [w[0] for w in field_.yes_and_no], True
    target = tree.reference(table, field_.name)
    if target is None or has_hidden_key(target[0]):
        return [], False
    display = tree.display(target[0].name, target[1])
    near = (display[v] for e in tree.near(target[0], folder) if (v := e.values.get(target[1])))
    return list(dict.fromkeys(near)), False


class Origin(NamedTuple):
    """What a workbook was made from; `rows` are those of the hidden sheet that says so."""

    commit: str
    folder: str
    tables: list[str]
    rows: list[list[str]]


def about(sheets: Sequence[Sheet], commit: str, folder: str) -> list[list[str]]:
    """Return the rows of the hidden sheet: with them `sheets_of` makes the same sheets again."""
    return [["commit", commit], ["folder", folder], *(["sheet", s.title, s.table] for s in sheets)]


def origin_of(found: Sequence[Sheet], name: str) -> Origin:
    """Return what a workbook was made from.

    Raises:
        UsageError: it was not made by this program, or its note of that is gone.
    """
    rows = [[cell_text(c) for c in row] for s in found if s.title == ABOUT for row in s.rows]
    facts = {row[0]: row[1] for row in rows if len(row) > 1}
    if not re.fullmatch("[0-9a-f]{40,64}", facts.get("commit", "")):
        raise UsageError(
            f"{name} 不是 lingtouyan sheet 做的工作簿，或里面隐藏的“{ABOUT}”表被删了，不知道它是从哪一版做的。"
            "请重新做一个，把改动抄过去；自己的名册请用 lingtouyan import。"
        )
    tables = [row[2] for row in rows if row[0] == "sheet" and len(row) > 2]
    return Origin(facts["commit"], facts.get("folder", ""), tables, rows)


@dataclass
class Book:
    """A workbook that came back: the sheets with their headings taken off, those that are not ours, what is said of them."""

    folder: str
    sheets: list[Sheet] = field(default_factory=list)
    others: list[Sheet] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)


def book_of(found: Sequence[Sheet], origin: Origin, base: Tree, now: Tree) -> Book:
    """Recognise the sheets of a workbook, `base` being the tree that it was made from."""
    book, pages = Book(origin.folder), {s.title: s for s in found}
    known = {s.title: s for s in sheets_of(base, origin.tables, origin.folder)}
    for sheet in found:
        if sheet.title not in {*known, ABOUT, CHOICES, ANSWER} and any(map(cell_text, chain(*sheet.rows))):
            book.others.append(sheet)
            book.marks.append(
                Mark(sheet.title, 1, "", REFUSED, "不是这个工作簿原有的表（或改了名），没有读取。")
            )
    for title, made in known.items():
        table, page = now.package.tables.get(made.table), pages.get(title)
        if table is None or page is None or not page.rows:
            reason = "现在没有这张表了" if table is None else "这张表被删了或改了名"
            book.marks.append(Mark(title, 1, "", DOUBTFUL, f"{reason}，没有读取；记录没有改动。"))
            continue
        headings = [cell_text(c) for c in page.rows[0]]
        names = {h: f.name for h, f in zip(made.headings, made.fields, strict=True) if f}
        allowed = {f.name: f for f in now.fields(table)}
        fields = [allowed.get(names.get(h, "")) for h in headings]
        for n, heading in enumerate(headings):
            repeated = fields[n] is not None and fields[n] in fields[:n]
            if repeated or (fields[n] is None and any(n < len(r) and cell_text(r[n]) for r in page.rows)):
                fields[n] = None
                words = f"第 {n + 1} 列 {quoted(heading)} 不是这张表的栏目（或重复），没有读取。"
                book.marks.append(Mark(title, 1, heading, DOUBTFUL, words))
        lost = [h for h in names if h not in headings]
        if lost:
            words = f"缺少 {'、'.join(map(quoted, lost))}，这些栏目没有改动。"
            book.marks.append(Mark(title, 1, "", DOUBTFUL, words))
        width = len(headings)
        rows = [[*r, *[""] * width][:width] for r in page.rows[1:]]
        book.sheets.append(replace(made, headings=headings, rows=rows, fields=fields))
    return book


def changes_of(book: Book, base: Tree, now: Tree, *, delete: bool) -> list[Change]:
    """Return what a workbook asks for, against the records it was made from and those of now.

    Where only one side changed a value that side holds; where both did, unlike each other, the record is refused.
    """
    changes: dict[tuple[str, Key], Change] = {}
    lists: dict[tuple[str, Key], dict[str, list[Values]]] = {}
    for sheet in book.sheets:
        table = now.package.tables[sheet.table]
        top = now.package.origin(table)
        seen: set[Key] = set()
        for number, cells in enumerate(sheet.rows, 2):
            texts = {f.name: cell_text(c) for f, c in zip(sheet.fields, cells, strict=True) if f}
            if not any(texts.values()):
                continue
            keyed = [(k, table.field(k)) for k in top.primary_key]
            key = tuple(now.value(table, f, texts.get(k, "")) or "" for k, f in keyed if f)
            change = changes.setdefault((top.name, key), Change(top.name, key))
            change.places.append((table.name, sheet.title, number))
            if not all(key):
                titles = "、".join(f.title for k, f in keyed if f and not texts.get(k))
                changes[top.name, (*key, f"{sheet.title}{number}")] = changes.pop((top.name, key))
                change.tell(REFUSED, f"没有填 {titles}，不知道是哪一条。", titles)
                continue
            if table is not top:
                given = {n: now.value(table, f, t) for n, t in texts.items() if (f := table.field(n))}
                lists.setdefault((top.name, key), {}).setdefault(table.name, []).append(given)
                continue
            if key in seen:
                change.tell(REFUSED, "编号重复，两行都没有收。", row=number)
            seen.add(key)
            _compare(change, texts, base, now)
        made = [e.key for e in base.near(table, book.folder)] if table is top else ()
        for key in sorted(k for k in made if k not in seen):
            then, held = (t.entries[table.name].get(key) for t in (base, now))
            if held is None:
                continue
            change = Change(
                table.name, key, places=[(table.name, sheet.title, 1)], file=held.file, deleted=True
            )
            changes[table.name, key] = change
            if then is None or (then.values, then.lists) != (held.values, held.lists):
                change.tell(REFUSED, f"{'/'.join(key)} 在表里删了，但库里已有新的改动，没有删。")
            elif not delete:
                words = f"表里没有了 {'/'.join(key)}，记录没有删。确实要删的，请加 --delete 再收一次。"
                change.tell(DOUBTFUL, words)
                change.deleted = False
    for (name, key), change in changes.items():
        if not change.deleted:
            _compare_lists(change, lists.get((name, key), {}), book, base, now)
    return list(changes.values())


def _compare(change: Change, texts: dict[str, str], base: Tree, now: Tree) -> None:
    table = now.package.tables[change.table]
    before, present = (t.entries.get(table.name, {}).get(change.key) for t in (base, now))
    change.new = present is None
    if present is None and before is not None:
        return change.tell(REFUSED, "这条记录在此期间被删了，没有收。请核对。")
    for name, text in texts.items():
        field_ = table.field(name)
        if field_ is None:
            continue
        then = base.shown(table, field_, before.values.get(name)) if before else ""
        held = now.shown(table, field_, present.values.get(name)) if present else ""
        value = now.value(table, field_, text)
        if text in (then, held) or (present and value == present.values.get(name)):
            continue
        if held != then:
            words = f"两边都改了：库里现在是 {quoted(held)}，没有收。请核对后重填。"
            change.tell(REFUSED, words, field_.title)
        change.values[name] = value
    return None


def _compare_lists(change: Change, given: dict[str, list[Values]], book: Book, base: Tree, now: Tree) -> None:
    for sheet in book.sheets:
        table = now.package.tables[sheet.table]
        if table is now.package.origin(table) or now.package.origin(table).name != change.table:
            continue
        names = [f.name for f in sheet.fields if f]
        before, present = (t.entries[change.table].get(change.key) for t in (base, now))
        rows = given.get(table.name, [])
        if not present and not change.new:
            if rows:
                change.tell(REFUSED, f"没有 {quoted('/'.join(change.key))} 这一条记录。", table=table.name)
            continue
        then, held = (
            [_visible(t, table, r, names) for r in (e.lists.get(table.name, []) if e else [])]
            for t, e in ((base, before), (now, present))
        )
        asked = [_visible(now, table, r, names) for r in rows]
        if asked in (then, held):
            continue
        if held != then:
            words = f"“{table.title}”两边都改了，没有收。请重新做一个工作簿，再改一次。"
            change.tell(REFUSED, words, table=table.name)
        # A row that is as it was keeps what the workbook does not show; one that is not has nothing to keep it by.
        kept = dict(zip(map(tuple, held), present.lists.get(table.name, []), strict=True)) if present else {}
        hidden = [f.name for f in table.fields if f not in now.fields(table) and f.name != ORDINAL]
        below = present is not None and any(present.lists.get(d.name) for d in descendants(now, table.name))
        lost = [
            v
            for v, r in kept.items()
            if any(map(r.get, hidden)) and (list(v) not in asked or held.count(list(v)) > 1)
        ]
        if lost or (below and any(v not in asked for v in held)):
            words = "里有不进工作簿的内容" if lost else "里有的项下面还有别的表"
            change.tell(REFUSED, f"“{table.title}”{words}，这一组只能在原文件里改、删。", table=table.name)
        unlike = [r for v, r in zip(asked, rows, strict=True) if tuple(v) not in kept]
        if unlike and len(names) < len(now.fields(table)):
            change.tell(REFUSED, f"“{table.title}”缺少栏目，改动没有收。", table=table.name)
        drop = {ORDINAL: None} if table.name in now.counted else {}
        change.lists[table.name] = [
            {**kept.get(tuple(v), r), **drop} for v, r in zip(asked, rows, strict=True)
        ]


def _visible(tree: Tree, table: Table, row: Values, names: Sequence[str]) -> list[str]:
    """Return what cells show of a row, as one compares it."""
    fields = ((n, table.field(n)) for n in names)
    return [tree.shown(table, f, row.get(n)).translate(FULL_WIDTH) for n, f in fields if f]


def descendants(tree: Tree, table: str) -> Iterator[Table]:
    """Yield the lists inside a table's documents, however deep."""
    for child in tree.package.children.get(table, ()):
        yield child
        yield from descendants(tree, child.name)


def close_gaps(package: Package, changes: Sequence[Change]) -> None:
    """Give the numbers of those that were refused to those after them, so that the series has no gaps."""
    told: dict[str, dict[str, str]] = {}
    for table in {c.table for c in changes if c.numbered}:
        mine = [c for c in changes if c.numbered and c.table == table]
        kept = [c for c in mine if not c.refused]
        told[table] = {c.key[0]: n.key[0] for c, n in zip(kept, mine, strict=False) if c.key != n.key}
    if not any(told.values()):
        return
    for change in (c for c in changes if not c.refused):
        spec = package.tables[change.table]
        own = told.get(change.table, {}).get(change.key[0]) if change.numbered else None
        for key in (k for k in spec.foreign_keys if len(k.fields) == 1):
            value = change.values.get(key.fields[0]) or ""
            if given := told.get(key.table, {}).get(value):
                change.values[key.fields[0]] = given
        if own:
            name = spec.primary_key[0]
            change.key, change.file, change.values[name] = (own,), "", own
            change.lists = {t: [{**r, name: own} for r in rows] for t, rows in change.lists.items()}
    for change in (c for c in changes if c.refused):
        change.numbered = False


def next_number(keys: Collection[str], example: str, year: str) -> str:
    """Continue the series of the largest key; a series that names a year begins anew with each year."""
    series: dict[str, tuple[int, int]] = {}
    for key in keys or ([example] if example else []):
        found = re.fullmatch(r"(.*?)(\d+)", key)
        # A key of digits and signs only (a date, a year) is no number of a series.
        if found and re.search(r"[^\W\d]", found[1]):
            number = int(found[2]) if keys else 0
            series[found[1]] = max(series.get(found[1], (0, 0)), (number, len(found[2])))
    if not series:
        return ""
    prefix = max(series)
    dated = re.sub(r"(19|20)\d{2}", year, prefix)
    number, width = series.get(dated, (0, series[prefix][1]))
    return f"{dated}{number + 1:0{width}d}"
