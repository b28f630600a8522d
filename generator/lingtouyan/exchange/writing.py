"""The text of record files: one canonical form, made of the file as it is or of changes to its records.

Whether a change may stand is judged elsewhere.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable
from pathlib import Path

from lingtouyan.checks.messages import (
    DOUBTFUL_MONTH,
    FULL_WIDTH,
    TEXTS,
    Wording,
    damage,
    is_date,
    plain_value,
    value_fault,
)
from lingtouyan.exchange.records import ORDINAL, Change, Entry, Tree, Values, descendants
from lingtouyan.problems import Problem, Severity, error, quoted, warning
from lingtouyan.reading.csv import csv_text, decode, is_gb18030, read_csv
from lingtouyan.reading.documents import rows_of
from lingtouyan.reading.garbled import garbled
from lingtouyan.reading.package import SHAPES, Field, Package, Sensitivity, Table
from lingtouyan.reading.source import Source
from lingtouyan.reading.yaml import Items, Mapping, Value, has_comments, parse_yaml

# Text that no reader of YAML takes for anything else: a word, or digits with a word after them.
_SAFE = re.compile(
    r"(?:[^\s\-?:,\[\]{}#&*!|>'\"%@`=~.+0-9<]|[0-9]+[^\s:#,\[\]{}\"'0-9.eEbBxXoO_+\-/])"
    r"[^:#,\[\]{}\n\"\\\x00-\x1f\x7f-\x9f\xa0\u2028\u2029\ufeff]*(?<!\s)\Z"
)
_DATE = re.compile(r"\d{4}-\d{2}(-\d{2})?\Z")
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d+)?\Z")
_WORDS = frozenset(["null", "true", "false", "yes", "no", "on", "off", "y", "n"])
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"})
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\xa0\u2028\u2029\ufeff]")
_UNREADABLE = (
    "文件的编码认不出来，或者有损坏的字节，没有改动。请在原来的软件里另存为“CSV UTF-8”或 UTF-8 文本。"
)
_MENDED = frozenset({"blank-row", "byte-order-mark", "line-ending"})


def replace(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(data)
    temporary.replace(path)


def canonical(
    data: bytes, name: str, table: Table, package: Package, ruined: list[Problem]
) -> bytes | Problem:
    """Return a file's content in canonical form, or why it is left alone: an error when it cannot be read as a whole.

    Values that a spreadsheet has ruined are added to `ruined`.
    """
    text = decoded(data)
    if text is None:
        return error(name, 0, "format", _UNREADABLE)
    return (_csv if table.kind == "csv" else _yaml)(text, name, table, package, ruined)


def decoded(data: bytes) -> str | None:
    """Decode a file, when there is no doubt how."""
    text, problems = decode(data, "")
    if "\ufffd" in text and "\ufffd".encode() not in data:
        return None
    guessed = any(p.rule == "encoding-error" for p in problems) and b"\0" not in data
    return None if guessed and not is_gb18030(data) else text


def text_of(source: Source, name: str) -> str | None:
    """Return the text of a file, nothing where there is none yet; None when it cannot be read, or not for sure."""
    data = source.read(name) if source.exists(name) else b""
    return None if isinstance(data, Problem) else decoded(data)


def _ruined(field: Field, file: str, line: int, value: str) -> Problem | None:
    cause = damage(value, long_number=True) if value[-1:].isascii() else ""
    if not cause and field.type == "date" and re.fullmatch(r"\d{5}(\.0)?", value):
        cause = "看起来是电子表格里的日期序号；请先把该列设为“文本”，再按原件重新填写"
    if not cause and is_date(field) and DOUBTFUL_MONTH.match(value.translate(FULL_WIDTH)):
        cause = "分不清是 1 月还是 10 月（电子表格会去掉末尾的 0）；请按原件写成“年-月”"
    if not cause:
        return None
    shown = quoted(value) if field.sensitivity < Sensitivity.RESTRICTED else "所填内容（不予显示）"
    return warning(file, line, "ruined-value", f"{shown}：{cause}。没有改动。", field.title)


def _mended(
    table: Table, file: str, line: int, cells: list[str | None], ruined: list[Problem]
) -> tuple[list[str | None], Problem | None]:
    """Return a row's values in their plain form, and the first that is wrong all the same."""
    mended: list[str | None] = []
    fault = None
    for f, cell in zip(table.fields, cells, strict=True):
        if cell and (problem := _ruined(f, file, line, cell)):
            ruined.append(problem)
        value = plain_value(f, cell) if cell else cell
        mended.append(value)
        words = value_fault(table, f, value or "")
        if f.type in TEXTS and value and (wrong := garbled(value)):
            words = f"{Wording(f).value(value)}：{wrong}。"
        if words and fault is None:
            fault = warning(file, line, "format", f"{words}改正以后才整理这个文件，现在没有改动。", f.title)
    return mended, fault


def _natural(text: str) -> list[tuple[int, int, str]]:
    """Return what sorts V2 before V10."""
    return [
        (0, int(p), "") if p[0] in "0123456789" else (1, 0, p) for p in re.findall(r"[0-9]+|[^0-9]+", text)
    ]


def _csv(text: str, name: str, table: Table, _: Package, ruined: list[Problem]) -> bytes | Problem:
    titles = {f.title: f.name for f in table.fields}
    head, newline, rest = text.partition("\n")
    labels = next(csv.reader([head]), [])
    if labels and all(label.strip() in titles for label in labels):
        # Columns headed in the user's language are recognised by their titles.
        text = ",".join(titles[label.strip()] for label in labels) + newline + rest
    rows, problems = read_csv(text.encode(), name, table)
    # Columns in another order are read by name; without rows it is the whole table that was not understood.
    mended = {*_MENDED, "incorrect-label"} if rows else _MENDED
    fault = next((p for p in problems if p.severity is Severity.ERROR and p.rule not in mended), None)
    # An absent value is written as one of the texts that mean that, and as nothing where that is one.
    absent = ["" if "" in m or not m else m[0] for m in map(table.missing, table.fields)]
    cells: list[list[str]] = []
    for line, row in rows if fault is None else ():
        values, wrong = _mended(table, name, line, row, ruined)
        fault = fault or wrong
        cells.append([a if v is None else v for v, a in zip(values, absent, strict=True)])
    names = [f.name for f in table.fields]
    keys = [tuple(row[names.index(k)] for k in table.primary_key) for row in cells]
    if fault is None and table.primary_key and len({*keys}) < len(keys):
        fault = warning(name, 0, "format", "主键有重复。改正以后才整理这个文件，现在没有改动。")
    if fault is not None:
        return fault
    places = [names.index(k) for k in table.order]
    if all(row[i] for row in cells for i in places):
        cells.sort(key=lambda row: [_natural(row[i]) for i in places])
    made = csv_text([names, *cells]).encode()
    again, faults = read_csv(made, name, table)
    missing = [table.missing(f) for f in table.fields]
    expected = [[None if v in m else v for v, m in zip(row, missing, strict=True)] for row in cells]
    return _unreliable(name) if faults or [row for _, row in again] != expected else made


def _unreliable(name: str) -> Problem:
    return warning(name, 0, "format", "这个文件的写法无法可靠地重排，没有改动。")


def _yaml(text: str, name: str, table: Table, package: Package, ruined: list[Problem]) -> bytes | Problem:
    rows, problems = rows_of(text.encode(), name, table, package)
    fault = next((p for p in problems if p.severity is Severity.ERROR), None)
    if fault is not None:
        return fault
    if has_comments(text):
        return warning(name, 0, "format", "文件里有注释，重排会丢失注释，没有改动。")
    expected: dict[str, list[list[str | None]]] = {}
    for member, found in rows.items():
        for line, cells in found:
            values, wrong = _mended(package.tables[member], name, line, cells, ruined)
            fault = fault or wrong
            expected.setdefault(member, []).append(values)
    if fault is not None:
        return fault
    out = records_text(package, table, *records_of(text)).encode()
    again, faults = rows_of(out, name, table, package)
    same = {t: [c for _, c in r] for t, r in again.items()} == expected
    return out if same and not any(p.severity is Severity.ERROR for p in faults) else _unreliable(name)


def records_of(text: str) -> tuple[list[Mapping], bool]:
    """Return the records of a YAML file, and whether they stand in a list."""
    value = parse_yaml(text)
    found = value if isinstance(value, list) else [value]
    return [v for v in found if isinstance(v, Mapping)], isinstance(value, list)


def records_text(package: Package, table: Table, records: Iterable[Mapping], listed: bool) -> str:
    """Return the text of a YAML file of these records."""
    written = [document(package, table, r) for r in records]
    return "".join(map(as_item, written) if listed else written)


def record_text(package: Package, table: Table, items: list[Mapping]) -> str:
    """Return records as somebody edits them: one document, or a line for each row of a table."""
    if table.kind == "yaml" and len(items) == 1:
        return document(package, table, items[0])
    return "\n".join(_items(package, table, [*items], "")) + "\n"


def as_item(text: str) -> str:
    """Return a document as one item of a list of documents."""
    return "".join(("- " if n == 0 else "  ") + line + "\n" for n, line in enumerate(text.splitlines()))


def document(package: Package, table: Table, item: Mapping) -> str:
    """Return one record as text ending in a line break: keys in the schema's order, short list items on one line."""
    return "\n".join(_mapping(package, table, item, (), "")) + "\n"


_Pair = tuple[str, Value, "Table | None"]


def _in_order(package: Package, table: Table, item: Mapping, prefix: tuple[str, ...]) -> list[_Pair]:
    """Return the keys with a value below a prefix in the schema's order: fields, then lists, each with its table."""
    names = [f.name for f in table.fields]
    children = {tuple(c.property.split(".")): c for c in package.children.get(table.name, ())}

    def place(pair: _Pair) -> tuple[int, int]:
        path = (*prefix, pair[0])
        flat = "_".join(path)
        if pair[2] is None:
            for n, name in enumerate(names):
                if name == flat or name.startswith(f"{flat}_"):
                    return 0, n
        return 1, next((n for n, c in enumerate(children) if c[: len(path)] == path), len(children))

    pairs = ((k, v, children.get((*prefix, k))) for k, v in item.items())
    return sorted((p for p in pairs if p[1] is not None and p[1] not in ([], {})), key=place)


def _mapping(
    package: Package, table: Table, item: Mapping, prefix: tuple[str, ...], indent: str
) -> list[str]:
    lines: list[str] = []
    for key, value, child in _in_order(package, table, item, prefix):
        head = f"{indent}{scalar(key)}:"
        if isinstance(value, Mapping) and child is None:
            inner = _mapping(package, table, value, (*prefix, key), indent + "  ")
            lines += [head, *inner] if inner else []
        elif isinstance(value, list) and child is not None:
            lines += [head, *_items(package, child, value, indent + "  ")]
        elif isinstance(value, list):
            lines.append(f"{head} [{', '.join(scalar(str(v)) for v in value)}]")
        else:
            lines.append(f"{head} {_written(table, '_'.join((*prefix, key)), str(value))}")
    return lines


def _items(package: Package, table: Table, items: list[Value], indent: str) -> list[str]:
    lines: list[str] = []
    for item in items:
        if not isinstance(item, Mapping):
            lines.append(f"{indent}- {scalar(str(item))}")
            continue
        pairs = _in_order(package, table, item, ())
        if all(isinstance(v, str) and "\n" not in v for _, v, _ in pairs):
            # One item, one line: that is what a diff then shows.
            cells = [f"{scalar(k)}: {_written(table, k, str(v))}" for k, v, _ in pairs]
            lines.append(f"{indent}- {{{', '.join(cells)}}}")
        elif block := _mapping(package, table, item, (), indent + "  "):
            lines += [f"{indent}- {block[0].lstrip()}", *block[1:]]
    return lines


def _written(table: Table, name: str, text: str) -> str:
    field = table.field(name)
    return scalar(plain_value(field, text), plain=field.type in SHAPES) if field else scalar(text)


def scalar(text: str, *, plain: bool = False) -> str:
    """Write one YAML scalar, quoted where a reader could take it for something else; a `plain` one may look like a number."""
    if _DATE.match(text) or (plain and _NUMBER.match(text)):
        return text
    if _SAFE.match(text) and text.lower() not in _WORDS:
        return text
    return '"' + _UNSEEN.sub(lambda m: f"\\u{ord(m[0]):04x}", text.translate(_ESCAPES)) + '"'


def table_text(table: Table, changes: Iterable[Change], held: Iterable[Entry]) -> str:
    """Return a CSV file with its changes, `held` being what it holds now."""
    names = [f.name for f in table.fields]
    wanted = {c.key: c for c in changes}
    gone = {key for key, change in wanted.items() if change.deleted}
    rows = [
        e.values | wanted[e.key].values if e.key in wanted else e.values for e in held if e.key not in gone
    ]
    rows += [c.values for c in wanted.values() if c.new]
    absent = {f.name: "" if "" in (m := table.missing(f)) or not m else m[0] for f in table.fields}
    lines = [[v if (v := r.get(n)) is not None else absent[n] for n in names] for r in rows]
    return csv_text([names, *lines])


def documents(tree: Tree, table: Table, found: list[Mapping], changes: Iterable[Change]) -> list[Mapping]:
    """Return the documents of a YAML file with their changes; `found` are those that it holds now."""
    for change in changes:
        place = next((d for d in found if tuple(_get(d, k) for k in table.primary_key) == change.key), None)
        if change.deleted:
            found = [d for d in found if d is not place]
            continue
        if place is None:
            place = Mapping(1)
            found.append(place)
        for name, text in change.values.items():
            _put(place, table, name, text)
        if change.lists:
            entry = tree.entries[table.name].get(change.key) or Entry(
                table.name, change.key, "", change.values
            )
            own = entry.values | change.values
            _put_lists(tree, table, place, own, entry.lists | change.lists, set(change.lists))
    return found


def _get(item: Mapping, name: str) -> Value:
    for key, inner in item.items():
        if isinstance(inner, Mapping) and name.startswith(f"{key}_"):
            return _get(inner, name[len(key) + 1 :])
    return item.get(name)


def _put(item: Mapping, table: Table, name: str, text: str | None, whole: str = "") -> None:
    """Set a value where the document keeps it: in the group that its name begins with, where there is one."""
    for key, inner in item.items():
        if isinstance(inner, Mapping) and name.startswith(f"{key}_"):
            return _put(inner, table, name[len(key) + 1 :], text, whole or name)
    field = table.field(whole or name)
    item[name] = json.loads(text) if text and field and field.type == "array" else text
    return None


def _put_lists(
    tree: Tree, table: Table, item: Mapping, row: Values, lists: dict[str, list[Values]], changed: set[str]
) -> None:
    """Write the lists of a document that changed, or in which one did, anew."""
    for child in tree.package.children.get(table.name, ()):
        if changed.isdisjoint([child.name, *(d.name for d in descendants(tree, child.name))]):
            continue
        inherited = table.primary_key
        items: Items = Items(1)
        mine = [r for r in lists.get(child.name, []) if all(r.get(k) == row.get(k) for k in inherited)]
        for number, own in enumerate(mine, 1):
            made = Mapping(1)
            for field in child.fields:
                text = own.get(field.name)
                counted = field.name == ORDINAL and text == str(number)
                if text is not None and field.name not in inherited and not counted:
                    _put(made, child, field.name, text)
            full = own if own.get(ORDINAL) or not child.field(ORDINAL) else {**own, ORDINAL: str(number)}
            _put_lists(tree, child, made, full, lists, {d.name for d in descendants(tree, child.name)})
            items.append(made["value"] if [*made] == ["value"] else made)
        *groups, last = child.property.split(".")
        place = item
        for group in groups:
            inner = place.get(group)
            if not isinstance(inner, Mapping):
                inner = place[group] = Mapping(1)
            place = inner
        place[last] = items
