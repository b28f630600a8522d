"""One canonical form for record files, so that a diff shows what changed and nothing else.

Values keep their meaning: only what is surely the same is rewritten; a file that cannot be read whole is left alone.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from lingtouyan.checks.characters import FULL_WIDTH
from lingtouyan.checks.wording import DOUBTFUL_MONTH, as_date, damage, partial_date
from lingtouyan.problems import Problem, Severity, UsageError, quoted, warning
from lingtouyan.project import Project
from lingtouyan.reading.csv import decode, read_csv
from lingtouyan.reading.documents import read_document
from lingtouyan.reading.files import glob_regex, list_tree, read_bytes, static_prefix
from lingtouyan.reading.package import Field, Package, Sensitivity, Table
from lingtouyan.reading.yaml import Mapping, Value, parse_yaml

# Not taken for anything but text by any reader of YAML: a word, or digits with a word after them.
_SAFE = re.compile(
    r"(?:[^\s\-?:,\[\]{}#&*!|>'\"%@`=~.+0-9<]|[0-9]+[^\s:#,\[\]{}\"'0-9.eEbBxXoO_+\-/])"
    r"[^:#,\[\]{}\n\"\\\x00-\x1f\x7f-\x9f\xa0\u2028\u2029\ufeff]*(?<!\s)\Z"
)
_DATE = re.compile(r"\d{4}-\d{2}(-\d{2})?\Z")
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d+)?\Z")
_NUMERIC = frozenset(("integer", "number", "year"))
_WORDS = frozenset(["null", "true", "false", "yes", "no", "on", "off", "y", "n"])
_HASH = re.compile(r"(?:(?<=\s)|^)#", re.MULTILINE)
_UNREADABLE = (
    "文件的编码认不出来，或者有损坏的字节，没有改动。请在原来的软件里另存为“CSV UTF-8”或 UTF-8 文本。"
)


@dataclass
class Formatted:
    """What formatting did.

    Attributes:
        changed: files that were, or would be, rewritten.
        left: files left alone, with the reason.
        named: values that a spreadsheet has ruined; nobody can tell what they were.
        seen: how many files were looked at.
    """

    changed: list[str] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)
    named: list[Problem] = field(default_factory=list)
    seen: int = 0


def format_records(root: Path, only: Iterable[Path] = (), *, write: bool = True) -> Formatted:
    """Put record files into canonical form.

    Args:
        root: the tree.
        only: these files, or all of them.
        write: rewrite them; otherwise only say which would be.

    Raises:
        UsageError: a named file lies outside the tree, or is not there.
    """
    project = Project.open(root)
    package = project.package
    sources = [t for t in package.tables.values() if t.path]
    wanted = {_inside(project.root, p) for p in only}
    listing = list_tree(project.root, {static_prefix(t.path) for t in sources if static_prefix(t.path)})
    result = Formatted()
    patterns = [(glob_regex(t.path), t) for t in sources]
    for name in listing.files:
        table = next((t for p, t in patterns if p.match(name)), None)
        if table is None or table.kind == "markdown" or (wanted and name not in wanted):
            continue
        result.seen += 1
        data = read_bytes(project.root, name)
        if isinstance(data, Problem):
            result.left.append((name, data.message))
            continue
        text = _text(data)
        if text is None:
            result.left.append((name, _UNREADABLE))
            continue
        write_out = _csv if table.kind == "csv" else _yaml
        made = write_out(text, name, table, package, result.named)
        if isinstance(made, Problem):
            result.left.append((name, made.message))
        elif made != data:
            result.changed.append(name)
            if write:
                _replace(project.root / name, made)
    return result


def _inside(root: Path, path: Path) -> str:
    full = path.resolve()
    if not full.is_file():
        raise UsageError(f"没有 {path} 这个文件。")
    if not full.is_relative_to(root):
        raise UsageError(f"{path} 不在记录库 {root} 里。")
    return full.relative_to(root).as_posix()


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(data)
    temporary.replace(path)


def _text(data: bytes) -> str | None:
    """Decode a file, when nothing is lost on the way."""
    text, _ = decode(data, "")
    # Characters that stand for lost ones, and were not in the file themselves.
    if "\ufffd" in text and "\ufffd".encode() not in data:
        return None
    return text


def plain_value(field: Field, value: str) -> str:
    """Write a value as records write it: half-width digits and `年-月-日`, where the field leaves no doubt."""
    if field.type not in _NUMERIC and not _is_date(field):
        return value
    half = value.translate(FULL_WIDTH).strip()
    if field.type in _NUMERIC:
        return half
    if DOUBTFUL_MONTH.match(half):
        return value
    return as_date(half, partial=field.type != "date") or (half if field.type == "date" else value)


def _is_date(field: Field) -> bool:
    """Tell whether a field holds a date, or as much of one as is known."""
    return field.type == "date" or partial_date(field)


def _ruined(field: Field, table: Table, file: str, line: int, value: str) -> Problem | None:
    cause = damage(value, long_number=True) if value[-1:].isascii() else ""
    if not cause and field.type == "date" and re.fullmatch(r"\d{5}(\.0)?", value):
        cause = "看起来是电子表格里的日期序号；请先把该列设为“文本”，再按原件重新填写"
    if not cause and _is_date(field) and DOUBTFUL_MONTH.match(value.translate(FULL_WIDTH)):
        cause = "分不清是 1 月还是 10 月（电子表格会去掉末尾的 0）；请按原件写成“年-月”"
    if not cause:
        return None
    shown = quoted(value) if field.sensitivity < Sensitivity.RESTRICTED else "所填内容（不予显示）"
    return warning(file, line, "ruined-value", f"{shown}：{cause}。没有改动。", field.title)


def _natural(text: str) -> list[tuple[int, int, str]]:
    return [
        (0, int(p), "") if p.isascii() and p.isdigit() else (1, 0, p) for p in re.findall(r"\d+|\D+", text)
    ]


def _csv(text: str, name: str, table: Table, _: Package, named: list[Problem]) -> bytes | Problem:
    titles = {f.title: f.name for f in table.fields}
    head, newline, rest = text.partition("\n")
    labels = next(csv.reader([head]), [])
    if labels and all(label.strip() in titles for label in labels):
        # Columns headed in the user's language are recognised by their titles.
        text = ",".join(titles[label.strip()] for label in labels) + newline + rest
    rows, problems = read_csv(text.encode(), name, table)
    tolerated = {"blank-row", "byte-order-mark", "line-ending"}
    if rows:
        # Columns in another order are read by name; without rows it is the whole table that was not understood.
        tolerated.add("incorrect-label")
    fault = next((p for p in problems if p.severity is Severity.ERROR and p.rule not in tolerated), None)
    if fault is not None:
        return fault
    names = [f.name for f in table.fields]
    # An absent value is written as one of the texts that mean that, and as nothing where that is one.
    absent = ["" if "" in m or not m else m[0] for m in map(table.missing, table.fields)]
    cells = []
    for line, row in rows:
        for f, c in zip(table.fields, row, strict=True):
            if c and (problem := _ruined(f, table, name, line, c)):
                named.append(problem)
        cells.append(
            [
                a if c is None else plain_value(f, c) if c else c
                for f, c, a in zip(table.fields, row, absent, strict=True)
            ]
        )
    places = [names.index(k) for k in table.order]
    cells.sort(key=lambda row: [_natural(row[i]) for i in places])
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(cells)
    made = stream.getvalue().encode()
    again, faults = read_csv(made, name, table)
    expected = [
        [None if v in table.missing(f) else v for f, v in zip(table.fields, row, strict=True)]
        for row in cells
    ]
    if faults or [row for _, row in again] != expected:
        return Problem(name, 0, "", "format", Severity.WARNING, "这个文件的写法无法可靠地重排，没有改动。")
    return made


def _yaml(text: str, name: str, table: Table, package: Package, named: list[Problem]) -> bytes | Problem:
    rows, problems = read_document(text.encode(), name, table, package)
    fault = next((p for p in problems if p.severity is Severity.ERROR), None)
    if fault is not None:
        return fault
    if _commented(text):
        return Problem(name, 0, "", "format", Severity.WARNING, "文件里有注释，重排会丢失注释，没有改动。")
    value = parse_yaml(text)
    documents = value if isinstance(value, list) else [value]
    writer = _Writer(package)
    made = [writer.document(table, d) for d in documents if isinstance(d, Mapping)]
    out = "".join(made) if not isinstance(value, list) else "".join(_as_item(m) for m in made)
    again, faults = read_document(out.encode(), name, table, package)
    if any(p.severity is Severity.ERROR for p in faults) or {
        t: [c for _, c in r] for t, r in again.items()
    } != {t: [c for _, c in r] for t, r in writer.expected(rows).items()}:
        return Problem(name, 0, "", "format", Severity.WARNING, "这个文件的写法无法可靠地重排，没有改动。")
    for member, found in rows.items():
        fields = package.tables[member].fields
        for line, cells in found:
            for f, c in zip(fields, cells, strict=True):
                if c and (problem := _ruined(f, package.tables[member], name, line, c)):
                    named.append(problem)
    return out.encode()


def _commented(text: str) -> bool:
    """Tell whether a document has comments: a `#` that stands for itself, outside all values."""
    places = [m.start() for m in _HASH.finditer(text)]
    if not places:
        return False
    spans = []
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        if isinstance(token, yaml.ScalarToken):
            start, end = token.start_mark.index, token.end_mark.index
            if token.style in ("|", ">"):
                # What stands beside the sign of a block is not in the block.
                start = text.find("\n", start)
            spans.append((start, end))
    return not all(any(a <= place < b for a, b in spans) for place in places)


def _as_item(document: str) -> str:
    lines = document.splitlines()
    return "\n".join(("- " if n == 0 else "  ") + line for n, line in enumerate(lines)) + "\n"


class _Writer:
    """Writes documents: keys in the schema's order, short list items on one line."""

    def __init__(self, package: Package) -> None:
        self._package = package

    def expected(
        self, rows: dict[str, list[tuple[int, list[str | None]]]]
    ) -> dict[str, list[tuple[int, list[str | None]]]]:
        """Return the rows as they should read again: values in their plain form."""
        result = {}
        for name, members in rows.items():
            fields = self._package.tables[name].fields
            result[name] = [
                (
                    line,
                    [
                        plain_value(f, c) if c is not None else None
                        for f, c in zip(fields, cells, strict=True)
                    ],
                )
                for line, cells in members
            ]
        return result

    def document(self, table: Table, item: Mapping) -> str:
        """Return one record as text ending in a line break."""
        return "\n".join(self._mapping(table, item, (), "")) + "\n"

    def _order(self, table: Table, item: Mapping, prefix: tuple[str, ...]) -> list[tuple[str, Value]]:
        names = [f.name for f in table.fields]
        children = [tuple(c.property.split(".")) for c in self._package.children.get(table.name, ())]

        def place(key: str) -> tuple[int, int]:
            path = (*prefix, key)
            flat = "_".join(path)
            for n, child in enumerate(children):
                if child == path:
                    return (1, n)
            found = [i for i, n in enumerate(names) if n == flat or n.startswith(f"{flat}_")]
            if found:
                return (0, found[0])
            return (1, next((n for n, c in enumerate(children) if c[: len(path)] == path), len(children)))

        return sorted(item.items(), key=lambda pair: place(pair[0]))

    def _mapping(self, table: Table, item: Mapping, prefix: tuple[str, ...], indent: str) -> list[str]:
        children = {tuple(c.property.split(".")): c for c in self._package.children.get(table.name, ())}
        fields = {f.name: f for f in table.fields}
        lines: list[str] = []
        for key, value in self._order(table, item, prefix):
            path = (*prefix, key)
            if value is None or value in ([], {}):
                continue
            if isinstance(value, Mapping) and path not in children:
                inner = self._mapping(table, value, path, indent + "  ")
                lines += [f"{indent}{scalar(key)}:", *inner] if inner else []
            elif isinstance(value, list) and path in children:
                lines.append(f"{indent}{scalar(key)}:")
                lines += self._items(children[path], value, indent + "  ")
            elif isinstance(value, list):
                lines.append(f"{indent}{scalar(key)}: [{', '.join(scalar(str(v)) for v in value)}]")
            else:
                lines.append(f"{indent}{scalar(key)}: {_value(fields.get('_'.join(path)), str(value))}")
        return lines

    def _items(self, table: Table, items: list[Value], indent: str) -> list[str]:
        lines: list[str] = []
        fields = {f.name: f for f in table.fields}
        for item in items:
            if not isinstance(item, Mapping):
                lines.append(f"{indent}- {scalar(str(item))}")
                continue
            pairs = self._order(table, item, ())
            if all(v is None or (isinstance(v, str) and "\n" not in v) for _, v in pairs):
                # One item, one line: that is what a diff then shows.
                cells = [f"{scalar(k)}: {_value(fields.get(k), str(v))}" for k, v in pairs if v is not None]
                lines.append(f"{indent}- {{{', '.join(cells)}}}")
                continue
            block = self._mapping(table, item, (), indent + "  ")
            lines += [f"{indent}- {block[0].lstrip()}", *block[1:]] if block else []
        return lines


def _value(field: Field | None, text: str) -> str:
    if field is None:
        return scalar(text)
    return scalar(plain_value(field, text), plain=field.type in _NUMERIC)


def scalar(text: str, *, plain: bool = False) -> str:
    """Write one YAML scalar; quoted wherever any reader of YAML could take it for something else.

    Args:
        plain: the field is a number, and may look like one.
    """
    if (
        _DATE.match(text)
        or (plain and _NUMBER.match(text))
        or (_SAFE.match(text) and text.lower() not in _WORDS)
    ):
        return text
    escaped = (
        text.replace("\\", "\\\\")
        .replace('"', '\\"')
        .replace("\n", "\\n")
        .replace("\t", "\\t")
        .replace("\r", "\\r")
    )
    return (
        '"'
        + re.sub(r"[\x00-\x1f\x7f-\x9f\xa0\u2028\u2029\ufeff]", lambda m: f"\\u{ord(m[0]):04x}", escaped)
        + '"'
    )
