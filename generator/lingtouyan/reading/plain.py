"""Documents in plain form, as forms and editors write them, taken apart line by line at a fraction of a parser's cost.

It may say no too often, never read anything differently: what it does not surely know is left to the full reader.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from lingtouyan.reading.documents import Shape
from lingtouyan.reading.package import Package, Table

# What a parser may take for more than the text it is: indicators, line breaks of other kinds, words that mean nothing.
_FIRST = r"[^-?:,\[\]{}#&*!|>'\"%@`~= \n]"
_IN_QUOTES = r'"[^"\\\n]+"'
_QUOTED = re.compile(_IN_QUOTES)
# In a block a value runs to the end of its line; in braces it may hold no comma, brace or colon.
_VALUE = re.compile(rf'{_FIRST}(?:[^:#"\n]*[^:#" \n])?')
_INNER = rf'({_FIRST}(?:[^,:#"?\[\]{{}}\n]*[^,:#"?\[\]{{}} \n])?|{_IN_QUOTES})'
_PREFIX = re.compile(r"( *)(- )?(\{)?([a-z_][a-z0-9_]*)(:)?")
_PAIR = re.compile(r"([a-z_][a-z0-9_]*): ")
_CONTROLS = bytes(b for b in (*range(32), 127) if b != 10)
_OTHERS = bytes(set(range(256)) - set(_CONTROLS))
_UNUSUAL = (b"\xe2\x80\xa8", b"\xe2\x80\xa9", b"\xef\xbb\xbf", b"\xef\xbf\xbe", b"\xef\xbf\xbf", b"null")
_HIGH_CONTROL = re.compile(rb"\xc2[\x80-\x9f]")
# Stands for a key without a value; told from every text by being this very object.
_NOTHING = "\ufdd1"
_MOST_FORMS = 64


class _NotPlainError(Exception):
    """The document is not surely read alike here and by the parser."""


@dataclass(eq=False)
class _Sheet:
    """How one table's records become lines of the register."""

    table: Table
    shape: Shape
    inherited: tuple[str, ...]
    columns: dict[str, int]
    key: tuple[int, ...]
    ordinal: int | None
    from_parent: tuple[int, ...]
    children: dict[tuple[str, ...], _Sheet] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Tell whether a document may give this field."""
        return name in self.columns and name not in self.inherited

    def leaf(self, name: str) -> int:
        """Return where a field that a document may give stands in a row."""
        if not self.has(name):
            raise _NotPlainError
        return self.columns[name]


@dataclass(eq=False)
class _Node:
    """A place in documents of one form: a mapping, a list, or a key whose value has not begun.

    Attributes:
        level: how many records stand around the one it belongs to.
        steps: what a line means that comes next, by its beginning.
    """

    kind: str
    sheet: _Sheet
    path: tuple[str, ...]
    indent: int
    level: int
    parent: _Node | None
    steps: dict[str, _Step] = field(default_factory=dict)
    below: dict[tuple[str, tuple[str, ...], int], _Node] = field(default_factory=dict)

    def under(self, kind: str, sheet: _Sheet, path: tuple[str, ...], indent: int, level: int) -> _Node:
        """Return the place inside this one, the same each time."""
        key = (kind, path, indent)
        if key not in self.below:
            self.below[key] = _Node(kind, sheet, path, indent, level, self)
        return self.below[key]


_Match: TypeAlias = "Callable[[str], re.Match[str] | None]"
_Write: TypeAlias = "Callable[..., str]"
_NEVER: _Match = re.compile(r"(?!)").fullmatch


class _Forms:
    """Items in braces of one list: which keys they have had, and how such an item becomes a line."""

    def __init__(self, sheet: _Sheet, width: int) -> None:
        self.sheet = sheet
        self.name = sheet.table.name
        self.width = width
        self.first: _Match = _NEVER
        self.line_of: _Write = str
        self._known: list[tuple[_Match, _Write]] = []

    def row(self, line: str, prefix: str, number: int, ordinal: int, key: list[str]) -> str:
        """Return the register's line for an item; raises `_NotPlainError`."""
        if line[-1] != "}":
            raise _NotPlainError
        text = line[self.width : -1]
        for match, line_of in self._known:
            found = match(text)
            if found is not None:
                self.first, self.line_of = match, line_of
                return line_of(prefix, number, ordinal, *key, *found.groups())
        match, line_of = self._learn(text)
        found = match(text)
        if found is None:
            raise _NotPlainError
        return line_of(prefix, number, ordinal, *key, *found.groups())

    def _learn(self, text: str) -> tuple[_Match, _Write]:
        pairs = [_PAIR.match(part) for part in text.split(", ")]
        names = [p[1] for p in pairs if p is not None]
        if len(names) < len(pairs) or len(set(names)) < len(names) or len(self._known) >= _MOST_FORMS:
            raise _NotPlainError
        sheet = self.sheet
        cells = [""] * len(sheet.columns)
        slots = iter(range(3, 3 + len(sheet.from_parent) + len(names)))
        for n in sheet.from_parent:
            cells[n] = f"{{{next(slots)}}}"
        for name in names:
            if (name,) in sheet.children:
                raise _NotPlainError
            cells[sheet.leaf(name)] = f"{{{next(slots)}}}"
        if sheet.ordinal is not None and not cells[sheet.ordinal]:
            cells[sheet.ordinal] = "{2}"
        pattern = re.compile(", ".join(f"{name}: {_INNER}" for name in names))
        self._known.append((pattern.fullmatch, f"{{0}}{{1}},{','.join(cells)}\n".format))
        return self._known[-1]


_Step: TypeAlias = "tuple[str, _Node, int, int, _Forms | None]"


class PlainReader:
    """Reads documents of one table as long as they are plain; keeps what it learnt of their shapes."""

    def __init__(self, table: Table, package: Package) -> None:
        self._package = package
        self._usable = table.kind == "yaml" and self._plain_tables(table)
        self._top: _Node | None = None
        if self._usable:
            self._top = _Node("map", self._sheet(table, None), (), 0, 0, None)

    def _plain_tables(self, table: Table) -> bool:
        return all(table.missing(f) == ("",) for f in table.fields) and all(
            self._plain_tables(c) for c in self._package.children.get(table.name, ())
        )

    def _sheet(self, table: Table, parent: Table | None) -> _Sheet:
        columns = {f.name: n for n, f in enumerate(table.fields)}
        inherited = parent.primary_key if parent is not None else ()
        sheet = _Sheet(
            table,
            Shape(table, self._package),
            inherited,
            columns,
            tuple(columns[k] for k in table.primary_key),
            columns.get("ordinal"),
            tuple(columns[k] for k in inherited),
        )
        sheet.children.update((p, self._sheet(c, table)) for p, c in sheet.shape.children.items())
        return sheet

    def read(self, data: bytes, prefix: str) -> dict[str, str] | None:
        """Read one document.

        Args:
            data: the file's bytes.
            prefix: what each line of the register begins with: the file's name as a cell, and a comma.

        Returns:
            Table -> lines `file,line,cells…` in the schema's order of fields; None when the document is not plain.
        """
        if self._top is None or not data.endswith(b"\n") or data.translate(None, _OTHERS):
            return None
        if any(u in data for u in _UNUSUAL) or (b"\xc2" in data and _HIGH_CONTROL.search(data)):
            return None
        try:
            return _read(data.decode("utf-8").split("\n"), prefix, self._top)
        except (UnicodeDecodeError, _NotPlainError):
            return None


def _read(lines: list[str], prefix: str, top: _Node) -> dict[str, str]:
    begun = next((n for n, line in enumerate(lines, 1) if line), 0)
    if not begun:
        raise _NotPlainError
    out: dict[str, list[str]] = {}
    # The records open at this line, outermost first: their cells as the register's lines hold them, the line each
    # began at, the keys that opened a group or a list, and how many items the list has that is open in it.
    records: list[list[str]] = [[""] * len(top.sheet.columns)]
    sheets, starts, items = [top.sheet], [begun], [0]
    opened: list[set[tuple[str, ...]]] = [set()]

    def close(kept: int) -> None:
        while len(records) > kept:
            cells, sheet, start = records.pop(), sheets.pop(), starts.pop()
            opened.pop()
            items.pop()
            if sheet.ordinal is not None and items and not cells[sheet.ordinal]:
                cells[sheet.ordinal] = str(items[-1])
            row = ",".join(["" if c is _NOTHING else c for c in cells])
            out.setdefault(sheet.table.name, []).append(f"{prefix}{start},{row}\n")

    def key_of_parent() -> list[str]:
        cells, sheet = records[-1], sheets[-1]
        if sheet.ordinal in sheet.key and len(items) > 1 and not cells[sheet.ordinal]:
            cells[sheet.ordinal] = str(items[-2])
        key = [cells[n] for n in sheet.key]
        if "" in key or _NOTHING in key:
            # It may still come: the parser looks at a record's own keys before its lists.
            raise _NotPlainError
        return key

    node = top
    keyed: list[str] = []
    key: list[str] = []
    is_value, is_quoted = _VALUE.fullmatch, _QUOTED.fullmatch
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        head, colon, value = line.partition(": ")
        step = node.steps.get(head)
        if step is None:
            step = node.steps[head] = _resolve(node, head, colon)
        kind, node, kept, column, forms = step
        if len(records) > kept:
            close(kept)
        if forms is not None:
            items[-1] += 1
            if keyed is not records[-1]:
                keyed, key = records[-1], key_of_parent()
            # The likeliest form first: most lists have one.
            found = forms.first(line[forms.width : -1])
            if found is not None and line[-1] == "}":
                row = forms.line_of(prefix, number, items[-1], *key, *found.groups())
            else:
                row = forms.row(line, prefix, number, items[-1], key)
            rows = out.get(forms.name)
            if rows is None:
                rows = out[forms.name] = []
            rows.append(row)
            continue
        if kind == "open":
            path = node.path
            if colon or path in opened[-1] or (column >= 0 and records[-1][column]):
                raise _NotPlainError
            opened[-1].add(path)
            items[-1] = 0
            if column >= 0:
                records[-1][column] = _NOTHING
            continue
        if kind == "item":
            items[-1] += 1
            sheet = node.sheet
            cells = [""] * len(sheet.columns)
            for n, cell in zip(sheet.from_parent, key_of_parent(), strict=True):
                cells[n] = cell
            records.append(cells)
            sheets.append(sheet)
            starts.append(number)
            opened.append(set())
            items.append(0)
        if is_value(value) is not None:
            if "," in value:
                value = f'"{value}"'
        elif is_quoted(value) is None:
            raise _NotPlainError
        cells = records[-1]
        if cells[column]:
            raise _NotPlainError
        cells[column] = value
    close(0)
    return {name: "".join(rows) for name, rows in out.items()}


def _resolve(node: _Node, head: str, colon: str) -> _Step:
    """Find out what a line that begins so means after a line that left us at `node`."""
    found = _PREFIX.fullmatch(head)
    if found is None or bool(colon) == bool(found[5]):
        raise _NotPlainError
    indent, key = len(found[1]), found[4]
    if found[2]:
        if not colon:
            raise _NotPlainError
        place = _list_at(node, indent)
        if found[3]:
            return "flow", place, place.level + 1, -1, _Forms(place.sheet, indent + 3)
        inside = place.under("map", place.sheet, (), indent + 2, place.level + 1)
        return "item", inside, place.level + 1, place.sheet.leaf(key), None
    if found[3]:
        raise _NotPlainError
    place = _map_at(node, indent)
    path, sheet = (*place.path, key), place.sheet
    name, listed = "_".join(path), path in sheet.shape.children
    if colon:
        if listed:
            raise _NotPlainError
        return "leaf", place, place.level + 1, sheet.leaf(name), None
    column = -1 if listed or (name in sheet.shape.groups and not sheet.has(name)) else sheet.leaf(name)
    return "open", place.under("key", sheet, path, place.indent, place.level), place.level + 1, column, None


def _map_at(node: _Node, indent: int) -> _Node:
    if node.kind == "key" and indent > node.indent:
        if node.path in node.sheet.shape.children or "_".join(node.path) not in node.sheet.shape.groups:
            raise _NotPlainError
        return node.under("map", node.sheet, node.path, indent, node.level)
    return _up(node, "map", indent)


def _list_at(node: _Node, indent: int) -> _Node:
    if node.kind == "key" and indent > node.indent:
        child = node.sheet.children.get(node.path)
        if child is None:
            raise _NotPlainError
        return node.under("list", child, (), indent, node.level)
    return _up(node, "list", indent)


def _up(node: _Node, kind: str, indent: int) -> _Node:
    here: _Node | None = node
    while here is not None and here.indent >= indent:
        if here.kind == kind and here.indent == indent:
            return here
        here = here.parent
    raise _NotPlainError
