"""Rows out of files of records: of YAML and Markdown, nested mappings flatten and declared lists become child rows.

What a document holds that no schema declares is an error at its own line: nothing typed is dropped in silence. Files in
plain form, as forms, editors and `fmt` write them, are read at a fraction of a parser's cost.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Sequence
from typing import Any

from lingtouyan.problems import Problem, error, quoted, warning
from lingtouyan.reading.csv import CONFLICT, Row, conflict_line, decode, read_csv
from lingtouyan.reading.markdown import parse_markdown
from lingtouyan.reading.package import Package, Table
from lingtouyan.reading.yaml import Items, Mapping, Remarks, Value, YamlError, parse_plain, parse_yaml

Note = Callable[[str, int, str, int], None]
"""Called with (table, line of the row, field, line of the key) for each value read."""
Key = Sequence[str | None]


def rows_of(
    data: bytes, file: str, table: Table, package: Package
) -> tuple[dict[str, list[Row]], list[Problem]]:
    """Read one file of records of any kind.

    Args:
        data: the file's bytes.
        file: path relative to the root.
        table: the table whose path pattern the file matches.

    Returns:
        For the table and its descendants the rows as (line, cells in the schema's order; None for no value), and the
        problems of the file's own form.
    """
    if table.kind == "csv":
        rows, problems = read_csv(data, file, table)
        return {table.name: rows}, problems
    if table.kind == "yaml" and (item := parse_plain(data)) is not None:
        reader = _DocumentReader(file, package, [], None)
        reader.record(table, item, (), None)
        if not reader.problems:
            return reader.rows, []
    return read_document(data, file, table, package)


class Shape:
    """Where the values of one table's records stand in a document."""

    def __init__(self, table: Table, package: Package) -> None:
        self.table = table
        self.missing = {f.name: table.missing(f) for f in table.fields}
        self.children = {tuple(c.property.split(".")): c for c in package.children.get(table.name, ())}
        self.inherited = package.tables[table.parent].primary_key if table.parent else ()
        # What only groups: `education` of `education_level`, `survey` of the list `survey.needs`.
        words = [*(n.split("_") for n in self.missing), *self.children]
        self.groups = {"_".join(w[:n]) for w in words for n in range(1, len(w))}
        # Markdown carries text and sections whether or not the city declares them.
        self.free = {"body", "sections"} if table.kind == "markdown" else set()
        self.usual = all(m == ("",) for m in self.missing.values())
        self.own = self.missing.keys() - {*self.inherited}

    @staticmethod
    def of(table: Table, package: Package) -> Shape:
        """Return the shape of a table's records, the same each time."""
        shapes: dict[str, Shape] = package.shapes
        return shapes.get(table.name) or shapes.setdefault(table.name, Shape(table, package))


def read_document(
    data: bytes, file: str, table: Table, package: Package, note: Note | None = None
) -> tuple[dict[str, list[Row]], list[Problem]]:
    """Do the same for a YAML or Markdown file, with all that may be wrong in it; `note` is told where each value stands."""
    text, problems = decode(data, file)
    reader = _DocumentReader(file, package, problems, note)
    if conflict := conflict_line(text):
        reader.fault(conflict, "source-error", CONFLICT)
        return {}, problems
    try:
        remarks: Remarks = []
        value: Value = (parse_markdown if table.kind == "markdown" else parse_yaml)(text, remarks)
    except YamlError as fault:
        reader.fault(fault.line, "source-error", str(fault))
        return {}, problems
    if value is None or value == []:
        message = "文件里没有记录：是空的，或只有注释。请补上内容；不再需要时请删除文件。"
        reader.fault(1, "source-error", message)
        return {}, problems
    for document in value if isinstance(value, list) else [value]:
        if isinstance(document, Mapping) and (other := _belonging_to(document, table, package)):
            message = f"这像是“{other.title}”的记录，放错了文件夹，没有读取。请移到 {other.path} 所指的位置。"
            reader.fault(document.line, "source-error", message)
        elif isinstance(document, Mapping):
            reader.record(table, document, (), None)
        elif document is None:
            reader.fault(1, "blank-row", "列表里有一项是空的。请补上内容或删去这一项。")
        else:
            reader.fault(1, "source-error", f"应是“{table.title}”的键值（键: 值），或这样的列表。")
    # Of a file that is not read there is one thing to say.
    if reader.rows:
        problems += [warning(file, line, "doubtful-writing", message) for line, message in remarks]
    return reader.rows, problems


def _belonging_to(item: Mapping, table: Table, package: Package) -> Table | None:
    """Return the table whose record this surely is, when it has no key of its own table and all keys of another."""
    if not table.primary_key or any(k in item for k in table.primary_key):
        return None
    for other in package.tables.values():
        if other.kind == table.kind and other.path and {*other.primary_key} & item.keys():
            shape = Shape.of(other, package)
            known = {*shape.missing, *shape.groups, *(c[0] for c in shape.children), *shape.free}
            if {*other.primary_key} <= item.keys() <= known:
                return other
    return None


class _DocumentReader:
    def __init__(self, file: str, package: Package, problems: list[Problem], note: Note | None) -> None:
        self.file = file
        self.package = package
        self.problems = problems
        self.note = note
        self.rows: dict[str, list[Row]] = {}

    def fault(self, line: int, rule: str, message: str, title: str = "") -> None:
        self.problems.append(error(self.file, line, rule, message, title))

    def record(self, table: Table, item: Mapping, key: Key, ordinal: int | None) -> None:
        """Take in one record; `key` is that of the record around it."""
        shape = Shape.of(table, self.package)
        cells: dict[str, str | None] = dict(zip(shape.inherited, key, strict=True))
        places: dict[str, int] = {}
        lists: list[tuple[Table, Value, int]] = []
        meant: list[tuple[str, Value, int]] = []
        if item.keys() <= shape.own and {*map(type, item.values())} == {str} and not self.note:
            # Most items of lists: nothing that is to be looked at closely.
            cells |= item  # type: ignore[arg-type]
            if not "".join(item.values()).isprintable():  # type: ignore[arg-type]
                cells |= {k: self.cell(table, k, v, item.lines[k]) for k, v in item.items()}
        else:
            self.keys(shape, item, (), (item.line, cells, places, lists, meant))
        for name, value, line in meant:
            # A key written nearly right was named; its value is not missing, too.
            if name in shape.own and name not in places and not isinstance(value, Mapping):
                places[name] = line
                cells[name] = self.cell(table, name, value, line)
        if self.note is not None:
            for name, line in places.items():
                self.note(table.name, item.line, name, line)
        if ordinal is not None and "ordinal" in shape.missing and cells.get("ordinal") is None:
            cells["ordinal"] = str(ordinal)
        row = list(map(cells.get, shape.missing))
        if "" in row or not shape.usual:
            row = [
                None if c in missing else c for c, missing in zip(row, shape.missing.values(), strict=True)
            ]
        self.rows.setdefault(table.name, []).append((item.line, row))
        for child, value, line in lists:
            self.list(child, value, line, [cells.get(k) for k in table.primary_key])

    def keys(self, shape: Shape, item: Mapping, prefix: tuple[str, ...], into: Any) -> None:
        """Take in the values of a record below some key: cells and their places, lists, and keys that it does not have."""
        start, cells, places, lists, meant = into
        for key, value in item.items():
            path = (*prefix, key)
            name = "_".join(path) if prefix else key
            line = item.lines.get(key, start)
            if path in shape.children:
                lists.append((shape.children[path], value, line))
            elif value.__class__ is str and name in shape.own and name not in places:
                places[name] = line
                cells[name] = value if value.isprintable() else self.cell(shape.table, name, value, line)
            elif isinstance(value, Mapping) and value:
                self.keys(shape, value, path, into)
            elif name in places:
                title = self.title(shape.table, name)
                message = f"“{title}”写了两次（第 {places[name]} 行已经写过），请只保留一处。"
                self.fault(line, "duplicate-label", message, title)
            elif name in shape.own and not isinstance(value, Mapping):
                places[name] = line
                cells[name] = self.cell(shape.table, name, value, line)
            elif name not in shape.free and (name not in shape.groups or isinstance(value, (list, str))):
                # A group left empty says nothing.
                meant.append((self.unknown(shape, name, ".".join(path), line), value, line))

    def list(self, table: Table, value: Value, line: int, key: Key) -> None:
        if value is None:
            return
        if not isinstance(value, list):
            self.fault(line, "type-error", f"“{table.title}”应是列表：每项另起一行，以“- ”开头。")
            return
        lines = value.lines if isinstance(value, Items) else [line] * len(value)
        for ordinal, (item, place) in enumerate(zip(value, lines, strict=True), 1):
            if isinstance(item, Mapping):
                self.record(table, item, key, ordinal)
            elif table.field("value") is not None and not isinstance(item, list):
                single = Mapping(place)
                single["value"] = item
                single.lines["value"] = place
                self.record(table, single, key, ordinal)
            else:
                message = f"“{table.title}”的第 {ordinal} 项应是键值（键: 值）。"
                self.fault(place, "type-error", message)

    def cell(self, table: Table, name: str, value: Value, line: int) -> str | None:
        if isinstance(value, str) and "\r" not in value:
            # After one line in a block the line break belongs to how YAML is written, not to the value.
            return value[:-1] if value.find("\n") == len(value) - 1 else value
        if value is None:
            return value
        title = self.title(table, name)
        if isinstance(value, str):
            # Only an escape can put it there, and no reader of tables agrees with another on what it means.
            message = "有看不见的控制字符 ⟨U+000D⟩（回车）。请删去，换行请用 |- 写成多行。"
            self.fault(line, "invisible-character", message, title)
            return value.replace("\r", " ")
        array = any(f.name == name and f.type == "array" for f in table.fields)
        if array and isinstance(value, list) and all(isinstance(v, str) for v in value):
            return json.dumps(value, ensure_ascii=False)
        wanted = "一列文字，如 [甲, 乙]" if array else "一个值，不能是列表"
        self.fault(line, "type-error", f"“{title}”应是{wanted}。", title)
        return None

    @staticmethod
    def title(table: Table, name: str) -> str:
        field = table.field(name)
        return field.title if field else name

    def unknown(self, shape: Shape, name: str, shown: str, line: int) -> str:
        """Tell of a key that the table does not have; return the one that is probably meant."""
        table, hint = shape.table, ""
        if name in shape.groups:
            message = f"“{shown}”应是一组键值（键: 值），不能是一个值或列表。"
            self.fault(line, "extra-label", message)
            return ""
        if name in shape.inherited:
            advice = "它由上级记录得出，请删去。"
        else:
            near = difflib.get_close_matches(name[:80], shape.missing, 1, 0.7)
            titles = {f.title: f.name for f in table.fields}
            hint = titles.get(shown) or (near[0] if near else "")
            advice = f"是否应为 {hint}？" if hint else f"可用的键见数据字典“{table.title}”。"
        self.fault(line, "extra-label", f"“{table.title}”没有 {quoted(shown)} 这一项。{advice}")
        return hint
