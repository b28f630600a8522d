"""Rows out of files of records: of YAML and Markdown, nested mappings flatten and declared lists become child rows.

What a document holds that no schema declares is an error at its own line: nothing typed is dropped in silence. Files in
plain form, as forms, editors and `fmt` write them, are read at a fraction of a parser's cost.
"""

from __future__ import annotations

import csv
import difflib
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from lingtouyan.problems import Problem, error, quoted, warning
from lingtouyan.reading.csv import CONFLICT, Row, conflict_line, decode, read_csv
from lingtouyan.reading.markdown import parse_markdown
from lingtouyan.reading.package import Package, Table
from lingtouyan.reading.yaml import Items, Mapping, Remarks, Value, YamlError, parse_yaml

Note = Callable[[str, int, str, int], None]
"""Called with (table, line of the row, field, line of the key) for each value read."""
Key = Sequence[str | None]


# Stands for a text of no characters where the schema does not take it for missing.
EMPTY = "\ufdd0"


def lines_of(data: bytes, file: str, table: Table, package: Package) -> tuple[dict[str, str], list[Problem]]:
    """Read one file of records of any kind.

    Args:
        data: the file's bytes.
        file: path relative to the root.
        table: the table whose path pattern the file matches.

    Returns:
        For the table and its descendants the lines `file,line,cells…` in the schema's order of fields, as CSV, and the
        problems of the file's own form.
    """
    prefix = f"{file},"
    if '"' in file or "," in file:
        prefix = csv_lines(file, [(0, [])]).removesuffix("0\n")
    plain = None if table.kind == "csv" else plain_document(data, prefix, table, package)
    if plain is not None:
        return plain, []
    found, problems = _fully(data, file, table, package)
    return {t: csv_lines(file, rows) for t, rows in found.items()}, problems


def rows_of(
    data: bytes, file: str, table: Table, package: Package, note: Note | None = None
) -> tuple[dict[str, list[Row]], list[Problem]]:
    """Read one file of records of any kind.

    A document in plain form costs a tenth of a millisecond, so that many versions of one can be read.

    Args:
        data, file, table: as for `lines_of`.
        note: told where each value of a document stands, when a caller must explain a fault; this takes longer.

    Returns:
        For the table and its descendants the rows as (line, cells in the schema's order; None for no value), and the
        problems of the file's own form.
    """
    plain = None if note or table.kind == "csv" else plain_document(data, ",", table, package)
    if plain is None:
        return _fully(data, file, table, package, note)
    rows: dict[str, list[Row]] = {}
    for name, text in plain.items():
        lines = csv.reader(text.split("\n")[:-1])
        rows[name] = [(int(line), [c or None for c in cells]) for _, line, *cells in lines]
    return rows, []


def _fully(
    data: bytes, file: str, table: Table, package: Package, note: Note | None = None
) -> tuple[dict[str, list[Row]], list[Problem]]:
    if table.kind == "csv":
        rows, problems = read_csv(data, file, table)
        return {table.name: rows}, problems
    return read_document(data, file, table, package, note)


def csv_lines(file: str, rows: Iterable[Row]) -> str:
    """Return rows as the register's lines."""
    stream = io.StringIO(newline="")
    # Two rows in one line would be one row: the register's reader is told that cells may be quoted.
    csv.writer(stream, lineterminator="\n").writerows(
        [file, line, *([EMPTY if c == "" else c for c in cells] if "" in cells else cells)]
        for line, cells in rows
    )
    return stream.getvalue()


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

    def has(self, name: str) -> bool:
        """Tell whether a document may give this field."""
        return name in self.missing and name not in self.inherited


def read_document(
    data: bytes, file: str, table: Table, package: Package, note: Note | None = None
) -> tuple[dict[str, list[Row]], list[Problem]]:
    """Read one YAML or Markdown file with all that may be wrong in it.

    Args:
        data: the file's bytes.
        file: path relative to the root, for messages.
        table: the table whose path pattern the file matches.
        note: told where each value stands, when a caller must explain a fault.

    Returns:
        For the table and each of its descendants the rows as (line, cells in schema order), and the problems found.
    """
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
    problems += [warning(file, line, "doubtful-writing", message) for line, message in remarks]
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
    return reader.rows, problems


def _belonging_to(item: Mapping, table: Table, package: Package) -> Table | None:
    """Return the table whose record this surely is, when it has no key of its own table and all keys of another."""
    if not table.primary_key or any(k in item for k in table.primary_key):
        return None
    for other in package.tables.values():
        if other.kind == table.kind and other.path and {*other.primary_key} & item.keys():
            shape = Shape(other, package)
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
        self.shapes: dict[str, Shape] = {}

    def fault(self, line: int, rule: str, message: str, title: str = "") -> None:
        self.problems.append(error(self.file, line, rule, message, title))

    def record(self, table: Table, item: Mapping, key: Key, ordinal: int | None) -> None:
        """Take in one record; `key` is that of the record around it."""
        if table.name not in self.shapes:
            self.shapes[table.name] = Shape(table, self.package)
        shape = self.shapes[table.name]
        cells: dict[str, str | None] = dict(zip(shape.inherited, key, strict=True))
        places: dict[str, int] = {}
        lists: list[tuple[Table, Value, int]] = []
        meant: list[tuple[str, Value, int]] = []

        def take(name: str, value: Value, line: int) -> None:
            places[name] = line
            cells[name] = self.cell(table, name, value, line)
            if self.note is not None:
                self.note(table.name, item.line, name, line)

        for path, value, line in self.leaves(item, (), shape.children):
            name = "_".join(path)
            if path in shape.children:
                lists.append((shape.children[path], value, line))
            elif name in places:
                title = self.title(table, name)
                message = f"“{title}”写了两次（第 {places[name]} 行已经写过），请只保留一处。"
                self.fault(line, "duplicate-label", message, title)
            elif shape.has(name) and not isinstance(value, Mapping):
                take(name, value, line)
            elif name in shape.groups and not isinstance(value, (list, str)):
                # A group left empty.
                continue
            elif name not in shape.free:
                meant.append((self.unknown(shape, name, ".".join(path), line), value, line))
        for name, value, line in meant:
            # A key written nearly right was named; its value is not missing, too.
            if name and name not in places and shape.has(name) and not isinstance(value, Mapping):
                take(name, value, line)
        if ordinal is not None and "ordinal" in shape.missing and cells.get("ordinal") is None:
            cells["ordinal"] = str(ordinal)
        row = [None if (c := cells.get(n)) in missing else c for n, missing in shape.missing.items()]
        self.rows.setdefault(table.name, []).append((item.line, row))
        own = [cells.get(k) for k in table.primary_key]
        for child, value, line in lists:
            self.list(child, value, line, own)

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

    def leaves(
        self, item: Mapping, prefix: tuple[str, ...], children: dict[tuple[str, ...], Table]
    ) -> Iterator[tuple[tuple[str, ...], Value, int]]:
        for name, value in item.items():
            path = (*prefix, name)
            if isinstance(value, Mapping) and value and path not in children:
                yield from self.leaves(value, path, children)
            else:
                yield path, value, item.lines[name]

    def cell(self, table: Table, name: str, value: Value, line: int) -> str | None:
        title = self.title(table, name)
        if isinstance(value, str) and "\r" in value:
            # Only an escape can put it there, and no reader of tables agrees with another on what it means.
            message = "有看不见的控制字符 ⟨U+000D⟩（回车）。请删去，换行请用 |- 写成多行。"
            self.fault(line, "invisible-character", message, title)
            return value.replace("\r", " ")
        if isinstance(value, str):
            # After one line in a block the line break belongs to how YAML is written, not to the value.
            return value[:-1] if value.find("\n") == len(value) - 1 else value
        if value is None:
            return value
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


# ---- documents in plain form: taken apart line by line -------------------------------------------------------------
# This may say no too often, never read anything differently: what it does not surely know is left to the parser.

# No scalar may begin with an indicator, or hold what begins a comment or a pair; in braces it ends at a comma.
_FIRST = r"[^-?:,\[\]{}#&*!|>'\"%@`~= \n]"
_IN_QUOTES = r'"[^"\\\n]+"'
_QUOTED = re.compile(_IN_QUOTES)
_VALUE = re.compile(rf'{_FIRST}(?:[^:#"\n]*[^:#" \n])?')
_INNER = rf'({_FIRST}(?:[^,:#"?\[\]{{}}\n]*[^,:#"?\[\]{{}} \n])?|{_IN_QUOTES})'
_HEAD = re.compile(r"( *)([a-z_][a-z0-9_]*)(:)?")
_KEYS = re.compile(r"(?:\{|, )([a-z_][a-z0-9_]*): ")
# Stands for a key without a value; told from every text by being this very object.
_NOTHING = "\ufdd1"
# A colon of another width after what looks like a key: the parser has a word to say.
_SLIP = re.compile("[a-z]：")
_END = "\0"
_MOST_FORMS = 64
_MOST_HEADS = 1000


class _NotPlainError(Exception):
    """The file is not surely read alike here and by the full reader."""


def plain_document(data: bytes, prefix: str, table: Table, package: Package) -> dict[str, str] | None:
    """Read a document in plain form.

    Args:
        prefix: what each line begins with: the file's name as a cell, and a comma.

    Returns:
        Table -> lines `file,line,cells…`; None when the document is not plain.
    """
    sheet = package.sheets.get(table.name) or package.sheets.setdefault(table.name, _Sheet(table, package))
    try:
        text = data.decode("utf-8")
        # Line breaks of other kinds, marks that nobody sees, words that mean nothing.
        if (
            sheet.usable
            and text.endswith("\n")
            and "null" not in text
            and not _SLIP.search(text)
            and text.replace("\n", "").isprintable()
        ):
            return _Reading(text, prefix).document(sheet)
    except (UnicodeDecodeError, _NotPlainError):
        pass
    return None


_Write: TypeAlias = "Callable[..., str]"
_Form: TypeAlias = "tuple[re.Pattern[str], _Write]"


class _Sheet:
    """How one table's records become lines of the register."""

    def __init__(self, table: Table, package: Package) -> None:
        self.name = table.name
        self.shape = Shape(table, package)
        self.columns = {f.name: n for n, f in enumerate(table.fields)}
        self.key = [self.columns[k] for k in table.primary_key]
        self.from_parent = [self.columns[k] for k in self.shape.inherited]
        self.ordinal = self.columns.get("ordinal")
        self.children: dict[tuple[str, ...], _Sheet] = {
            p: _Sheet(c, package) for p, c in self.shape.children.items()
        }
        self.usable: bool = (
            table.kind in ("yaml", "child")
            and all(m == ("",) for m in self.shape.missing.values())
            and all(c.usable for c in self.children.values())
        )
        self._places: dict[tuple[tuple[str, ...], int], _Place] = {}
        self._forms: dict[str, _Form] = {}

    def place(self, path: tuple[str, ...], indent: int) -> _Place:
        """Return the place of keys below a path, at a width of indentation, the same each time."""
        if (path, indent) not in self._places:
            self._places[path, indent] = _Place(self, path, indent)
        return self._places[path, indent]

    def form(self, line: str, start: str) -> _Form:
        """Return what reads an item in braces with such keys, and what writes its line.

        The writer takes (prefix, line, ordinal, key of the parent…, values…).
        """
        keys = _KEYS.findall(line)
        known = f"{start}{','.join(keys)}"
        if known in self._forms:
            return self._forms[known]
        if len(set(keys)) < len(keys) or len(self._forms) >= _MOST_FORMS:
            raise _NotPlainError
        cells = [""] * len(self.columns)
        slots = iter(range(3, 3 + len(self.from_parent) + len(keys)))
        for column in self.from_parent:
            cells[column] = f"{{{next(slots)}}}"
        for key in keys:
            if (key,) in self.children or not self.shape.has(key):
                raise _NotPlainError
            cells[self.columns[key]] = f"{{{next(slots)}}}"
        if self.ordinal is not None and not cells[self.ordinal]:
            cells[self.ordinal] = "{2}"
        pattern = re.compile(f"{re.escape(start)}{', '.join(f'{k}: {_INNER}' for k in keys)}\\}}")
        return self._forms.setdefault(known, (pattern, f"{{0}}{{1}},{','.join(cells)}\n".format))


class _Opening:
    """A key without a value on its line: a group, a list, or a field left empty (column, else -1)."""

    def __init__(self, sheet: _Sheet, path: tuple[str, ...]) -> None:
        name = "_".join(path)
        self.path = path
        self.child = sheet.children.get(path)
        self.group = name in sheet.shape.groups
        self.column = sheet.columns[name] if self.child is None and sheet.shape.has(name) else -1
        if self.child is None and not self.group and self.column < 0:
            raise _NotPlainError


_OUTSIDE, _BLANK = -1, -2
_Step: TypeAlias = "int | _Opening"


class _Place:
    """Keys of a record at one width of indentation, and what lines mean there, by what they begin with."""

    def __init__(self, sheet: _Sheet, path: tuple[str, ...], indent: int) -> None:
        self.sheet = sheet
        self.path = path
        self.indent = indent
        self.steps: dict[str, _Step] = {"": _BLANK, _END: _OUTSIDE}

    def learn(self, head: str) -> _Step:
        """Find out what a line that begins so means here: a column, an opening, or nothing, as it stands outside."""
        width = len(head) - len(head.lstrip(" "))
        step: _Step = _OUTSIDE
        if width >= self.indent:
            found = _HEAD.fullmatch(head)
            if found is None or width > self.indent or len(self.steps) >= _MOST_HEADS:
                raise _NotPlainError
            path = (*self.path, found[2])
            if found[3]:
                step = _Opening(self.sheet, path)
            elif path in self.sheet.children or not self.sheet.shape.has(name := "_".join(path)):
                raise _NotPlainError
            else:
                step = self.sheet.columns[name]
            self.steps[head] = step
        return step


class _Reading:
    """The reading of one document."""

    def __init__(self, text: str, prefix: str) -> None:
        self.lines = text.split("\n")
        self.lines[-1] = _END
        self.prefix = prefix
        self.out: dict[str, list[str]] = {}

    def document(self, sheet: _Sheet) -> dict[str, str]:
        start = next((n for n, line in enumerate(self.lines) if line), 0)
        if self.record(sheet, start, 0, [""] * len(sheet.columns), 0) != len(self.lines) - 1:
            raise _NotPlainError
        return {name: "".join(rows) for name, rows in self.out.items()}

    def record(self, sheet: _Sheet, at: int, indent: int, cells: list[str], ordinal: int) -> int:
        """Read a record from a line on (counted from 0) and write its own line; return the first line after it."""
        rows = self.out.setdefault(sheet.name, [])
        end = self.keys(sheet.place((), indent), at, cells, set(), ordinal)
        if end == at:
            raise _NotPlainError
        if ordinal and sheet.ordinal is not None and cells[sheet.ordinal] in ("", _NOTHING):
            cells[sheet.ordinal] = str(ordinal)
        row = ",".join(["" if c is _NOTHING else c for c in cells])
        rows.append(f"{self.prefix}{at + 1},{row}\n")
        return end

    def keys(
        self, place: _Place, at: int, cells: list[str], opened: set[tuple[str, ...]], ordinal: int
    ) -> int:
        lines, steps, is_value = self.lines, place.steps, _VALUE.fullmatch
        while True:
            head, colon, value = lines[at].partition(": ")
            step = steps.get(head)
            if step is None:
                step = place.learn(head)
            if step.__class__ is not int:
                if colon:
                    raise _NotPlainError
                at = self.open(place, step, at, cells, opened, ordinal)  # type: ignore[arg-type]
                continue
            if step < 0:
                if step == _OUTSIDE:
                    return at
                if colon:
                    raise _NotPlainError
                at += 1
                continue
            if is_value(value) is not None:
                if "," in value:
                    value = f'"{value}"'
            elif _QUOTED.fullmatch(value) is None:
                raise _NotPlainError
            if cells[step]:
                raise _NotPlainError
            cells[step] = value
            at += 1

    def open(
        self,
        place: _Place,
        opening: _Opening,
        at: int,
        cells: list[str],
        opened: set[tuple[str, ...]],
        ordinal: int,
    ) -> int:
        if opening.path in opened or (opening.column >= 0 and cells[opening.column]):
            raise _NotPlainError
        opened.add(opening.path)
        if opening.column >= 0:
            cells[opening.column] = _NOTHING
        at += 1
        while not self.lines[at]:
            at += 1
        line = self.lines[at]
        width = len(line) - len(line.lstrip(" "))
        dash = line.startswith("- ", width)
        if opening.child is not None and dash and width >= place.indent:
            sheet = place.sheet
            if ordinal and sheet.ordinal in sheet.key and not cells[sheet.ordinal]:
                cells[sheet.ordinal] = str(ordinal)
            key = [cells[n] for n in sheet.key]
            if "" in key or _NOTHING in key:
                # It may still come: the parser looks at a record's own keys before its lists.
                raise _NotPlainError
            return self.items(opening.child, at, width, key)
        if opening.group and width > place.indent:
            return self.keys(place.sheet.place(opening.path, width), at, cells, opened, ordinal)
        if width > place.indent or (dash and width == place.indent):
            raise _NotPlainError
        return at

    def items(self, sheet: _Sheet, at: int, indent: int, key: list[str]) -> int:
        lines, prefix, rows = self.lines, self.prefix, self.out.setdefault(sheet.name, [])
        start = f"{' ' * indent}- "
        brace = f"{start}{{"
        form: re.Pattern[str] | None = None
        write: _Write = str
        ordinal = 0
        while True:
            line = lines[at]
            if line.startswith(brace):
                ordinal += 1
                found = form.fullmatch(line) if form is not None else None
                if found is None:
                    form, write = sheet.form(line, brace)
                    found = form.fullmatch(line)
                    if found is None:
                        raise _NotPlainError
                at += 1
                rows.append(write(prefix, at, ordinal, *key, *found.groups()))
            elif line.startswith(start):
                ordinal += 1
                cells = [""] * len(sheet.columns)
                for column, cell in zip(sheet.from_parent, key, strict=True):
                    cells[column] = cell
                # Its first key stands where the others do.
                lines[at] = f"{' ' * (indent + 2)}{line[indent + 2 :]}"
                at = self.record(sheet, at, indent + 2, cells, ordinal)
            elif line:
                return at
            else:
                at += 1
