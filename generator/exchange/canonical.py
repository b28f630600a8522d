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

from generator.checking.wording import FULL_WIDTH, as_date
from generator.problems import Problem, Severity, UsageError
from generator.project import Project
from generator.reading.csv import decode, read_csv
from generator.reading.documents import read_document
from generator.reading.files import glob_regex, list_tree, read_bytes, static_prefix
from generator.reading.package import Field, Package, Table
from generator.reading.yaml import Mapping, Value, YamlError, parse_yaml

_WIDTH = 110
_SAFE = re.compile(r"[^\s\-?:,\[\]{}#&*!|>'\"%@`=~.+0-9][^:#,\[\]{}\n\"\\\x00-\x1f]*(?<!\s)\Z")
_NUMBER_OR_DATE = re.compile(r"(0|[1-9]\d{0,14})(\.\d+)?\Z|\d{4}-\d{2}(-\d{2})?\Z")
_WORDS = frozenset(["null", "true", "false", "yes", "no", "on", "off", "y", "n"])
_COMMENT = re.compile(r"(^|\s)#")


@dataclass
class Formatted:
    """What formatting did.

    Attributes:
        changed: files that were, or would be, rewritten.
        left: files left alone, with the reason.
        seen: how many files were looked at.
    """

    changed: list[str] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)
    seen: int = 0


def format_records(root: Path, only: Iterable[Path] = (), *, write: bool = True) -> Formatted:
    """Put record files into canonical form.

    Args:
        root: the tree.
        only: these files, or all of them.
        write: rewrite them; otherwise only say which would be.

    Raises:
        UsageError: a named file lies outside the tree.
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
        made = _csv(data, name, table) if table.kind == "csv" else _yaml(data, name, table, package)
        if isinstance(made, Problem):
            result.left.append((name, made.message))
        elif made != data:
            result.changed.append(name)
            if write:
                _replace(project.root / name, made)
    return result


def _inside(root: Path, path: Path) -> str:
    full = path.resolve()
    if not full.is_relative_to(root):
        raise UsageError(f"{path} 不在记录库 {root} 里。")
    return full.relative_to(root).as_posix()


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(data)
    temporary.replace(path)


def plain_value(field: Field, value: str) -> str:
    """Write a value as records write it: half-width digits and `年-月-日`, where the field leaves no doubt."""
    if field.type in ("integer", "number", "year", "date"):
        value = value.translate(FULL_WIDTH).strip()
    partial = field.type == "string" and r"\d{4}-" in str(field.constraints.get("pattern", ""))
    if field.type == "date" or partial:
        return as_date(value.translate(FULL_WIDTH), partial=partial) or value
    return value


def _natural(text: str) -> list[tuple[int, int, str]]:
    return [
        (0, int(p), "") if p.isascii() and p.isdigit() else (1, 0, p) for p in re.findall(r"\d+|\D+", text)
    ]


def _csv(data: bytes, name: str, table: Table) -> bytes | Problem:
    text, _ = decode(data, name)
    titles = {f.title: f.name for f in table.fields}
    head, newline, rest = text.partition("\n")
    labels = next(csv.reader([head]), [])
    if labels and all(label.strip() in titles for label in labels):
        # Columns headed in the user's language are recognised by their titles.
        text = ",".join(titles[label.strip()] for label in labels) + newline + rest
    rows, problems = read_csv(text.encode(), name, table)
    tolerated = {"blank-row", "incorrect-label", "byte-order-mark", "line-ending"}
    fault = next((p for p in problems if p.severity is Severity.ERROR and p.rule not in tolerated), None)
    if fault is not None:
        return fault
    names = [f.name for f in table.fields]
    places = [names.index(k) for k in table.primary_key]
    cells = [
        [plain_value(f, c) if c else "" for f, c in zip(table.fields, row, strict=True)] for _, row in rows
    ]
    cells.sort(key=lambda row: [_natural(row[i]) for i in places])
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(cells)
    return stream.getvalue().encode()


def _yaml(data: bytes, name: str, table: Table, package: Package) -> bytes | Problem:
    rows, problems = read_document(data, name, table, package)
    fault = next((p for p in problems if p.severity is Severity.ERROR), None)
    if fault is not None:
        return fault
    text, _ = decode(data, name)
    try:
        value = parse_yaml(text)
    except YamlError as wrong:
        return Problem(name, wrong.line, "", "source-error", Severity.ERROR, str(wrong))
    if any(_COMMENT.search(line) for line in _outside_quotes(text)):
        return Problem(name, 0, "", "format", Severity.WARNING, "文件里有注释，重排会丢失注释，没有改动。")
    documents = value if isinstance(value, list) else [value]
    writer = _Writer(package)
    made = [writer.document(table, d) for d in documents if isinstance(d, Mapping)]
    out = "".join(made) if not isinstance(value, list) else "".join(_as_item(m) for m in made)
    again, _ = read_document(out.encode(), name, table, package)
    if {t: [c for _, c in r] for t, r in again.items()} != {
        t: [c for _, c in r] for t, r in writer.expected(rows).items()
    }:
        return Problem(name, 0, "", "format", Severity.WARNING, "这个文件的写法无法可靠地重排，没有改动。")
    return out.encode()


def _outside_quotes(text: str) -> list[str]:
    return [re.sub(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'", "", line) for line in text.split("\n")]


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
                known = fields.get("_".join(path))
                lines.append(
                    f"{indent}{scalar(key)}: {scalar(plain_value(known, str(value)) if known else str(value))}"
                )
        return lines

    def _items(self, table: Table, items: list[Value], indent: str) -> list[str]:
        lines: list[str] = []
        fields = {f.name: f for f in table.fields}
        for item in items:
            if not isinstance(item, Mapping):
                lines.append(f"{indent}- {scalar(str(item))}")
                continue
            pairs = self._order(table, item, ())
            if all(isinstance(v, str) or v is None for _, v in pairs):
                cells = [
                    (k, plain_value(fields[k], str(v)) if k in fields else str(v))
                    for k, v in pairs
                    if v is not None
                ]
                short = f"{indent}- {{{', '.join(f'{scalar(k)}: {scalar(v)}' for k, v in cells)}}}"
                if len(short) <= _WIDTH:
                    lines.append(short)
                    continue
            block = self._mapping(table, item, (), indent + "  ")
            lines += [f"{indent}- {block[0].lstrip()}", *block[1:]] if block else []
        return lines


def scalar(text: str) -> str:
    """Write one YAML scalar; quoted wherever any reader of YAML could take it for something else."""
    if _NUMBER_OR_DATE.match(text) or (_SAFE.match(text) and text.lower() not in _WORDS):
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
        + re.sub(r"[\x00-\x1f\x7f\x85\xa0\u2028\u2029\ufeff]", lambda m: f"\\u{ord(m[0]):04x}", escaped)
        + '"'
    )
