"""Rows out of YAML and Markdown documents: nested mappings flatten, declared lists become child rows.

What a document holds that no schema declares is an error at its own line: nothing typed is dropped in silence.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator

from lingtouyan.problems import Problem, error, quoted
from lingtouyan.reading.csv import CONFLICT, Row, conflict_line, decode
from lingtouyan.reading.markdown import parse_markdown
from lingtouyan.reading.package import Package, Table
from lingtouyan.reading.yaml import Items, Mapping, Value, YamlError, parse_yaml

Rows = dict[str, list[Row]]
Note = Callable[[str, int, str, int], None]
"""Called with (table, line of the row, field, line of the key) for each value read."""


def read_document(
    data: bytes, file: str, table: Table, package: Package, note: Note | None = None
) -> tuple[Rows, list[Problem]]:
    """Read one YAML or Markdown file.

    Args:
        data: the file's bytes.
        file: path relative to the root, for messages.
        table: the table whose path pattern the file matches.
        note: told where each value stands, when a caller must explain a fault.

    Returns:
        For the table and each of its descendants the rows as (line, cells in schema order), and the problems found.
    """
    text, problems = decode(data, file)
    if conflict := conflict_line(text):
        problems.append(error(file, conflict, "source-error", CONFLICT))
        return {}, problems
    try:
        value: Value = parse_markdown(text) if table.kind == "markdown" else parse_yaml(text)
    except YamlError as fault:
        problems.append(error(file, fault.line, "source-error", str(fault)))
        return {}, problems
    reader = _DocumentReader(file, package, problems, note)
    if value is None or value == []:
        message = "文件里没有记录：是空的，或只有注释。请补上内容；不再需要时请删除文件。"
        problems.append(error(file, 1, "source-error", message))
        return {}, problems
    for document in value if isinstance(value, list) else [value]:
        if isinstance(document, Mapping) and (other := _belonging_to(document, table, package)):
            message = f"这像是“{other.title}”的记录，放错了文件夹，没有读取。请移到 {other.path} 所指的位置。"
            problems.append(error(file, document.line, "source-error", message))
        elif isinstance(document, Mapping):
            reader.record(table, document, {}, None)
        elif document is None:
            problems.append(error(file, 1, "blank-row", "列表里有一项是空的。请补上内容或删去这一项。"))
        else:
            problems.append(
                error(file, 1, "source-error", f"应是“{table.title}”的键值（键: 值），或这样的列表。")
            )
    return reader.rows, problems


class Shape:
    """Where the values of one table's records stand in a document."""

    def __init__(self, table: Table, package: Package) -> None:
        self.children = {tuple(c.property.split(".")): c for c in package.children.get(table.name, ())}
        self.types = {f.name: f.type for f in table.fields}
        self.missing = {f.name: table.missing(f) for f in table.fields}
        # What only groups: `education` of `education_level`, `survey` of the list `survey.needs`.
        words = [*(n.split("_") for n in self.types), *self.children]
        self.groups = {"_".join(w[:n]) for w in words for n in range(1, len(w))}
        # Markdown carries text and sections whether or not the city declares them.
        self.free = {"body", "sections"} if table.kind == "markdown" else set()


def _belonging_to(item: Mapping, table: Table, package: Package) -> Table | None:
    """Return the table whose record this surely is, when it has no key of its own table and all keys of another."""
    if not table.primary_key or any(k in item for k in table.primary_key):
        return None
    for other in package.tables.values():
        if (
            other.kind == table.kind
            and other.path
            and other.primary_key
            and item.keys() >= {*other.primary_key}
        ):
            shape = Shape(other, package)
            if item.keys() <= {*shape.types, *shape.groups, *(c[0] for c in shape.children), *shape.free}:
                return other
    return None


class _DocumentReader:
    def __init__(self, file: str, package: Package, problems: list[Problem], note: Note | None) -> None:
        self.file = file
        self.package = package
        self.problems = problems
        self.note = note
        self.rows: Rows = {}
        self.shapes: dict[str, Shape] = {}

    def record(self, table: Table, item: Mapping, key: dict[str, str | None], ordinal: int | None) -> None:
        if table.name not in self.shapes:
            self.shapes[table.name] = Shape(table, self.package)
        shape = self.shapes[table.name]
        cells: dict[str, str | None] = dict(key)
        places: dict[str, int] = {}
        lists: list[tuple[Table, Value, int]] = []
        meant: list[tuple[str, Value, int]] = []
        for path, value, line in self.leaves(item, (), shape.children):
            name = "_".join(path)
            child = shape.children.get(path)
            if child is not None:
                lists.append((child, value, line))
            elif name in places:
                self.twice(table, name, line, places[name])
            elif name in shape.types and name not in key and not isinstance(value, Mapping):
                places[name] = line
                cells[name] = self.cell(table, name, shape.types[name], value, line)
                if self.note is not None:
                    self.note(table.name, item.line, name, line)
            elif name in shape.groups and not isinstance(value, (list, str)):
                # A group left empty.
                continue
            elif name not in shape.free:
                meant.append(
                    (self.unknown(table, name, ".".join(path), line, shape, name in key), value, line)
                )
        for name, value, line in meant:
            # A key written nearly right was named; its value is not missing, too.
            if name and name not in places and name not in key and not isinstance(value, Mapping):
                places[name] = line
                cells[name] = self.cell(table, name, shape.types[name], value, line)
                if self.note is not None:
                    self.note(table.name, item.line, name, line)
        if ordinal is not None and "ordinal" in shape.types and cells.get("ordinal") is None:
            cells["ordinal"] = str(ordinal)
        row = [None if (c := cells.get(n)) in missing else c for n, missing in shape.missing.items()]
        self.rows.setdefault(table.name, []).append((item.line, row))
        own = {k: cells.get(k) for k in table.primary_key}
        for child, value, line in lists:
            self.list(child, value, line, own)

    def list(self, table: Table, value: Value, line: int, key: dict[str, str | None]) -> None:
        if value is None:
            return
        if not isinstance(value, list):
            self.problems.append(
                error(self.file, line, "type-error", f"“{table.title}”应是列表：每项另起一行，以“- ”开头。")
            )
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
                self.problems.append(
                    error(
                        self.file,
                        place,
                        "type-error",
                        f"“{table.title}”的第 {ordinal} 项应是键值（键: 值）。",
                    )
                )

    def leaves(
        self, item: Mapping, prefix: tuple[str, ...], children: dict[tuple[str, ...], Table]
    ) -> Iterator[tuple[tuple[str, ...], Value, int]]:
        for name, value in item.items():
            path = (*prefix, name)
            if isinstance(value, Mapping) and value and path not in children:
                yield from self.leaves(value, path, children)
            else:
                yield path, value, item.lines[name]

    def cell(self, table: Table, name: str, kind: str, value: Value, line: int) -> str | None:
        field = table.field(name)
        title = field.title if field else name
        if isinstance(value, str) and "\r" in value:
            # Only an escape can put it there, and no reader of tables agrees with another on what it means.
            message = "有看不见的控制字符 ⟨U+000D⟩（回车）。请删去，换行请用 |- 写成多行。"
            self.problems.append(error(self.file, line, "invisible-character", message, title))
            return value.replace("\r", " ")
        if isinstance(value, str):
            # After one line in a block the line break belongs to how YAML is written, not to the value.
            return value[:-1] if value.find("\n") == len(value) - 1 else value
        if value is None:
            return value
        if isinstance(value, list) and kind == "array" and all(isinstance(v, str) for v in value):
            return json.dumps(value, ensure_ascii=False)
        wanted = "一列文字，如 [甲, 乙]" if kind == "array" else "一个值，不能是列表"
        self.problems.append(error(self.file, line, "type-error", f"“{title}”应是{wanted}。", title))
        return None

    def twice(self, table: Table, name: str, line: int, other: int) -> None:
        field = table.field(name)
        title = field.title if field else name
        message = f"“{title}”写了两次（第 {other} 行已经写过），请只保留一处。"
        self.problems.append(error(self.file, line, "duplicate-label", message, title))

    def unknown(self, table: Table, name: str, shown: str, line: int, shape: Shape, inherited: bool) -> str:
        """Tell of a key that the table does not have; return the one that is probably meant."""
        hint = ""
        if name in shape.groups:
            message = f"“{shown}”应是一组键值（键: 值），不能是一个值或列表。"
            self.problems.append(error(self.file, line, "extra-label", message))
            return ""
        if inherited:
            advice = "它由上级记录得出，请删去。"
        else:
            near = difflib.get_close_matches(name[:80], shape.types, 1, 0.7)
            titles = {f.title: f.name for f in table.fields}
            hint = titles.get(shown) or (near[0] if near else "")
            advice = f"是否应为 {hint}？" if hint else f"可用的键见数据字典“{table.title}”。"
        self.problems.append(
            error(self.file, line, "extra-label", f"“{table.title}”没有 {quoted(shown)} 这一项。{advice}")
        )
        return hint
