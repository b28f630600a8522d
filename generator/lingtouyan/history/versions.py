"""Versions of a file as documents: each record of its table with all that stands below it, as today's schema reads them.

A document is read once for each content; of tables only the lines in which versions differ are read.
"""

from __future__ import annotations

import csv
import dataclasses
import functools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from lingtouyan.history.tree import Objects
from lingtouyan.problems import Severity
from lingtouyan.reading.csv import decode, read_csv
from lingtouyan.reading.documents import rows_of
from lingtouyan.reading.package import Package, Table
from lingtouyan.reading.source import MAX_BYTES

Key = tuple[str, ...]
Record = dict[str, str]
Records = dict[Key, Record]
Document = dict[str, Records]
"""Table -> a record of a table with files and what stands below it."""
Documents = dict[Key, Document]
"""Key of the record -> its document."""
_Part = TypeVar("_Part")
_Cells = Iterable[Sequence[str | None]]
_NO_LINES: tuple[bytes, list[bytes]] = (b"", [])

# A top-level key with all that stands below it: nothing in quotes, brackets or blocks may run into the next.
_TEXT = r"[^\n\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]"
_PLAIN = r"""[^-?:,\[\]{}#&*!|>'"%@`~= \n](?:[^:#"\n]*[^:#" \n])?"""
_VALUE = rf"""(?: (?:{_PLAIN}|"[^"\\\n]*"|'[^'\n]*'|\[[^\[\]{{}}"'#\n]*\]|[|>][-+]?))?"""
_BELOW = rf"(?:[ #]{_TEXT}*\n|- {_TEXT}*\n|\n)*"
_CHUNK = re.compile(rf"^(?={_TEXT}*\n)([a-z_][a-z0-9_]*):{_VALUE}\n{_BELOW}", re.MULTILINE)

_AHEAD = 400
_KEPT = 24 * 2**20


class Contents:
    """Blobs of a repository by id; those of `plan` are fetched ahead, in its order, while others are being read."""

    def __init__(self, root: Path, plan: Iterable[str]) -> None:
        self._objects = Objects(root)
        order = list(dict.fromkeys(plan))
        self._due = set(order)
        self._groups = iter([order[n : n + _AHEAD] for n in range(0, len(order), _AHEAD)])
        self._pool = ThreadPoolExecutor(1)
        self._here: dict[str, bytes] = {}
        self._order()

    def _order(self) -> None:
        self._names = next(self._groups, [])
        self._coming = self._pool.submit(self._objects.read, self._names)

    def read(self, blob: str) -> bytes:
        """Return a blob; raises `UsageError` if it is not there."""
        while blob in self._due:
            self._here.update(zip(self._names, self._coming.result(), strict=True))
            self._due.difference_update(self._names)
            self._order()
        return self._here.pop(blob) if blob in self._here else self._objects.read([blob])[0]

    def close(self) -> None:
        """Let the thread end."""
        self._pool.shutdown(cancel_futures=True)


class Versions:
    """Reads versions of the files of one data package."""

    def __init__(self, package: Package, contents: Contents) -> None:
        self._contents = contents
        self._former = {
            t.name: {old: f.name for f in t.fields for old in f.former_names} for t in package.tables.values()
        }
        self._package = _with_former_names(package) if any(self._former.values()) else package
        # The top-level keys under which parts of a record's own key may stand.
        self._keys = {
            t.name: {"_".join(w[:n]) for k in _names(t) for w in [k.split("_")] for n in range(1, len(w) + 1)}
            for t in package.tables.values()
        }
        self._kept: dict[tuple[str, str], Any] = {}
        self._size = 0

    def read(self, source: Table, path: str, blob: str) -> Documents | None:
        """Return all documents of a file; None when nothing can be read from it, nothing for a file that is not there."""
        if not blob:
            return {}
        if source.kind == "csv":
            part = self._part(_lines, path, blob)
            return None if part is None else self._table(source, path, *part)
        return self._part(functools.partial(self._documents, source, path), path, blob, source.name)

    def differing(self, source: Table, path: str, blobs: Sequence[str]) -> list[Documents | None]:
        """Return the documents of each version of a file, as far as they differ: a record that is the same may be left out.

        Of a document that all versions have, only its key and the top-level keys in which they differ are given.
        """
        if source.kind == "csv":
            return self._differing_lines(source, path, blobs)
        parts = [self._part(_chunks, path, b) if b and source.kind == "yaml" else None for b in blobs]
        cut = [p for p in parts if p]
        keys = [{n: chunk for n, chunk in p.items() if n in self._keys[source.name]} for p in cut]
        if len(cut) < len(parts) or not keys[0] or any(k != keys[0] for k in keys):
            return [self.read(source, path, b) for b in blobs]
        same = {n for n, chunk in cut[0].items() if all(p.get(n) == chunk for p in cut)}
        same -= keys[0].keys()
        texts = ("".join([chunk for n, chunk in p.items() if n not in same]) for p in cut)
        return [self._documents(source, path, text.encode()) for text in texts]

    def _differing_lines(self, source: Table, path: str, blobs: Sequence[str]) -> list[Documents | None]:
        parts = [self._part(_lines, path, b) if b else _NO_LINES for b in blobs]
        known = [p for p in parts if p is not None]
        common: set[bytes] = set()
        if known and len({head for head, _ in known}) == 1:
            common = set.intersection(*(set(lines) for _, lines in known))
        tables = [
            None if p is None else self._table(source, path, p[0], [x for x in p[1] if x not in common])
            for p in parts
        ]
        found = [t for t in tables if t is not None]
        times = Counter(k for t in found for k in t)
        single = {k for k, n in times.items() if n < len(found)}
        if common and single:
            # A key that stands on another line of all versions has not come or gone.
            text = b"\n" + b"\n".join(common)
            if known[0][0].split(b",")[: len(source.primary_key)] == [k.encode() for k in source.primary_key]:
                stays = {k for k in single if f"\n{','.join(k)},".encode() in text}
            else:
                stays = single.intersection(self._table(source, path, known[0][0], list(common)) or ())
            for key in stays:
                for table in found:
                    table.pop(key, None)
        return tables

    def _part(self, make: Callable[[bytes], _Part], path: str, blob: str, name: str = "") -> _Part | None:
        """Return what is made of a blob, kept for when it is needed again; None when it is too large."""
        place = (name, blob)
        if place not in self._kept:
            data = self._contents.read(blob)
            self._size += len(data)
            if self._size > _KEPT:
                self._kept.clear()
                self._size = len(data)
            small = len(data) <= MAX_BYTES.get(path[path.rfind(".") :].lower(), 2 * 2**20)
            self._kept[place] = make(data) if small else None
        part: _Part | None = self._kept[place]
        return part

    # ---- documents ----

    def _documents(self, source: Table, path: str, data: bytes) -> Documents | None:
        table = self._package.tables[source.name]
        read, problems = rows_of(data, path, table, self._package)
        if not read and any(p.rule == "source-error" for p in problems):
            return None
        rows = {n: [cells for _, cells in found] for n, found in read.items()}
        result: Documents = {}
        for name, found in rows.items():
            for key, record in self._records(name, found):
                root = root_key(source, key, record)
                result.setdefault(root, {}).setdefault(name, {})[key] = record
        return result

    def _records(self, name: str, rows: _Cells) -> Iterator[tuple[Key, Record]]:
        table, former = self._package.tables[name], self._former[name]
        names = [f.name for f in table.fields]
        for cells in rows:
            record = {n: c for n, c in zip(names, cells, strict=True) if c}
            for old in former.keys() & record.keys():
                record.setdefault(former[old], record[old])
                del record[old]
            yield tuple([record.get(k, "") for k in table.primary_key]), record

    # ---- tables ----

    def _table(self, source: Table, path: str, head: bytes, lines: list[bytes]) -> Documents | None:
        table, former = self._package.tables[source.name], self._former[source.name]
        labels = head.decode("utf-8", "replace").split(",")
        if not head or not lines:
            # A header alone is an empty table; something else alone is none.
            return {} if not head or any(table.field(x) for x in labels) else None
        there = {former.get(x, x) for x in labels}
        rows = _plain_cells(table, labels, lines) if there.issuperset(source.primary_key) else None
        if rows is None:
            read, problems = read_csv(b"\n".join([head, *lines]), path, table)
            if any(p.rule == "source-error" for p in problems):
                # A line with a broken quote is still that record's line: what was typed is what was known.
                mended = [next(csv.reader([x.decode("utf-8", "replace")]), []) for x in lines]
                quoted = (",".join('"' + c.replace('"', '""') + '"' for c in cells) for cells in mended)
                read, problems = read_csv("\n".join([head.decode(), *quoted]).encode(), path, table)
            keys = {f.title for f in table.fields if f.name in source.primary_key and f.name not in there}
            lost = ("blank-header", "incorrect-label", "source-error") if not read else ()
            errors = [p for p in problems if p.severity is Severity.ERROR]
            if any(p.rule in lost or (p.rule == "missing-label" and p.column in keys) for p in errors):
                return None
            rows = [cells for _, cells in read]
        return {key: {source.name: {key: record}} for key, record in self._records(source.name, rows)}


def root_key(source: Table, key: Key, record: Record) -> Key:
    """Return the key of the document that a record belongs to: an item carries it, unless its own key begins with that."""
    own = [record[k] for k in source.primary_key if k in record]
    return tuple(own) if len(own) == len(source.primary_key) else key[: len(source.primary_key)]


def _plain_cells(table: Table, labels: list[str], lines: list[bytes]) -> _Cells | None:
    """Take lines without quotes apart, in the schema's order of fields; None when one is not surely that plain."""
    names = [f.name for f in table.fields]
    text = b"\n".join(lines).decode("utf-8", "replace")
    if '"' in text or "\0" in text or len(set(labels)) < len(labels) or not set(labels).issubset(names):
        return None
    split = [line.split(",") for line in text.split("\n")]
    if not all(len(cells) == len(labels) for cells in split):
        return None
    wanted = [(labels.index(f.name) if f.name in labels else -1, table.missing(f)) for f in table.fields]
    return [
        [None if at < 0 or cells[at] in missing else cells[at] for at, missing in wanted]
        for cells in split
        if any(cells)
    ]


def _lines(data: bytes) -> tuple[bytes, list[bytes]]:
    """Return a table file's header and its other lines, whatever it was saved as."""
    try:
        data.decode("utf-8")
        plain = b"\0" not in data and not data.startswith(b"\xef\xbb\xbf")
    except UnicodeDecodeError:
        plain = False
    if not plain:
        data = decode(data, "")[0].encode()
    head, *rest = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    return head, [line for line in rest if line]


def _chunks(data: bytes) -> dict[str, str]:
    """Cut a document at its top-level keys; empty when it cannot be cut without parsing it."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return {}
    found = {m[1]: m[0] for m in _CHUNK.finditer(text)}
    return found if sum(map(len, found.values())) == len(text) else {}


def _names(table: Table) -> Iterator[str]:
    for f in table.fields:
        if f.name in table.primary_key:
            yield from (f.name, *f.former_names)


def _with_former_names(package: Package) -> Package:
    """Return the package with a field of its own for each name that one had before."""
    tables = {
        t.name: dataclasses.replace(
            t,
            fields=(
                *t.fields,
                *(dataclasses.replace(f, name=old) for f in t.fields for old in f.former_names),
            ),
        )
        for t in package.tables.values()
    }
    children = {n: [tables[c.name] for c in found] for n, found in package.children.items()}
    return dataclasses.replace(package, tables=tables, children=children)
