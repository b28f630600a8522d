"""Versions of a file as documents: each record of its table with all that stands below it, as today's schema reads them.

A document is read once for each content; of tables only the lines in which versions differ are read.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import itertools
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from lingtouyan.history.git import read_objects
from lingtouyan.problems import Severity
from lingtouyan.reading.csv import decode, read_csv
from lingtouyan.reading.documents import rows_of
from lingtouyan.reading.package import Package, Sensitivity, Table
from lingtouyan.reading.source import limit_of

Key = tuple[str, ...]
Record = dict[str, str]
Records = dict[Key, Record]
Document = dict[str, Records]
"""Table -> a record of a table with files and what stands below it."""
Documents = dict[Key, Document]
"""Key of the record -> its document; of others with that key in one file the name is added to the key."""
_AT_ONCE = 500


class Versions:
    """Reads versions of the files of one data package.

    `plan`: blobs in the order in which they will be read, each as often as it will be. They are fetched many at once, and
    what is made of one is kept until its last turn.
    """

    def __init__(self, root: Path, package: Package, plan: Iterable[str] = ()) -> None:
        self._root = root
        self._former = {
            t.name: {old: f.name for f in t.fields for old in f.former_names} for t in package.tables.values()
        }
        self._package = _with_former_names(package) if any(self._former.values()) else package
        self._turns = Counter(plan)
        self._due = set(self._turns)
        self._ahead = iter(list(self._turns))
        self._fetched: dict[str, bytes] = {}
        self._made: dict[tuple[str, str], Any] = {}

    def read(self, source: Table, path: str, blob: str) -> Documents | None:
        """Return all documents of a file; None when nothing can be read from it, nothing for a file that is not there."""
        return self._documents(source, path, self._version(source, path, blob))

    def parse(self, source: Table, path: str, data: bytes) -> Documents | None:
        """Return all documents of a file with this content; None when nothing can be read from it."""
        return self._documents(source, path, self._make(source, path, data))

    def differing(self, source: Table, path: str, blobs: Sequence[str]) -> list[Documents | None]:
        """Return the documents of each version of a file; what all versions have may be left out.

        That is lines of a table, and of documents the lists that are the same in all of them.
        """
        parts = [self._version(source, path, b) for b in blobs]
        known = [p for p in parts if p is not None]
        common: set[str] = set()
        if source.kind != "csv":
            first = known[0] if known else {}
            common = {n for n, rows in first.items() if all(p.get(n) == rows for p in known)} - {source.name}
            return [self._documents(source, path, p, common) for p in parts]
        if len({head for head, _ in known}) == 1:
            common = set.intersection(*(set(lines) for _, lines in known))
        tables = [self._documents(source, path, p, common) for p in parts]
        found = [t for t in tables if t is not None]
        times = Counter(k for t in found for k in t)
        single = {k for k, n in times.items() if n < len(found)}
        # A key that stands on another line of all versions has not come or gone: that line belongs to each.
        keys = {k[: len(source.primary_key)] for k in single}
        lines = [x for x in common if any(k[-1] in x for k in keys)]
        for document in (self._documents(source, path, (known[0][0], lines)) or {}).values():
            for key, record in document[source.name].items():
                for table in found if key in keys else ():
                    _put(table, source, key, record)
        return tables

    def _version(self, source: Table, path: str, blob: str) -> Any:
        """Return what `_make` returns of a blob; of a file that is not there, nothing."""
        if not blob:
            return ("", []) if source.kind == "csv" else {}
        place = (source.name, blob)
        if place not in self._made:
            self._made[place] = self._make(source, path, self._content(blob))
        made = self._made[place]
        self._turns[blob] -= 1
        if self._turns[blob] <= 0:
            del self._made[place]
        return made

    def _make(self, source: Table, path: str, data: bytes) -> Any:
        """Return a table's header and its other lines, or the rows of documents by table; None when too large or unreadable."""
        if len(data) > limit_of(path):
            return None
        if source.kind == "csv":
            head, *rest = decode(data, "")[0].split("\n")
            return head, [line for line in rest if line]
        read, problems = rows_of(data, path, self._package.tables[source.name], self._package)
        if not read and any(p.rule == "source-error" for p in problems):
            return None
        return {name: [cells for _, cells in rows] for name, rows in read.items()}

    def _content(self, blob: str) -> bytes:
        while blob in self._due:
            group = list(itertools.islice(self._ahead, _AT_ONCE))
            self._due.difference_update(group)
            self._fetched.update(zip(group, read_objects(self._root, group), strict=True))
        return self._fetched.pop(blob) if blob in self._fetched else read_objects(self._root, [blob])[0]

    def _documents(
        self, source: Table, path: str, made: Any, without: Collection[str] = ()
    ) -> Documents | None:
        """Return the documents of what was made of a file, without these lines or tables."""
        if made is None:
            return None
        if source.kind == "csv":
            return self._table(source, path, made[0], [x for x in made[1] if x not in without])
        result: Documents = {}
        for name in made.keys() - without:
            for key, record in self._records(name, made[name]):
                document = result.setdefault(root_key(source, key, record), {})
                document.setdefault(name, {})[key] = record
        return result

    def _records(self, name: str, rows: Iterable[Sequence[str | None]]) -> Iterator[tuple[Key, Record]]:
        table, former = self._package.tables[name], self._former[name]
        names = [f.name for f in table.fields]
        for cells in rows:
            record = {n: c for n, c in zip(names, cells, strict=True) if c}
            for old in former.keys() & record.keys():
                record.setdefault(former[old], record.pop(old))
            yield tuple([record.get(k, "") for k in table.primary_key]), record

    def _table(self, source: Table, path: str, head: str, lines: list[str]) -> Documents | None:
        table, former = self._package.tables[source.name], self._former[source.name]
        labels = head.split(",")
        if not head or not lines:
            # A header alone is an empty table; something else alone is none.
            return {} if not head or any(table.field(x) for x in labels) else None
        read, problems = read_csv("\n".join([head, *lines]).encode(), path, table)
        if any(p.rule == "source-error" for p in problems):
            # A line with a broken quote is still that record's line: what was typed is what was known.
            mended = io.StringIO(f"{head}\n")
            mended.seek(0, io.SEEK_END)
            csv.writer(mended, lineterminator="\n").writerows(next(csv.reader([x]), []) for x in lines)
            read, problems = read_csv(mended.getvalue().encode(), path, table)
        there = {former.get(x, x) for x in labels}
        keys = {f.title for f in table.fields if f.name in source.primary_key and f.name not in there}
        lost = set() if read else {"blank-header", "incorrect-label", "source-error"}
        errors = [p for p in problems if p.severity is Severity.ERROR]
        if any(p.rule in lost or (p.rule == "missing-label" and p.column in keys) for p in errors):
            return None
        result: Documents = {}
        for key, record in self._records(source.name, [cells for _, cells in read]):
            _put(result, source, key, record)
        return result


def _put(documents: Documents, table: Table, key: Key, record: Record) -> None:
    """Add a row to the documents of its file; one of the same key and name takes the other's place."""
    first = documents.get(key)
    name = name_of(table, record)
    other = first is not None and name_of(table, first[table.name][key]) != name
    documents[(*key, name) if other else key] = {table.name: {key: record}}


def name_of(table: Table, record: Record) -> str:
    """Return what a record is called, as far as that may be kept."""
    label = table.field(table.label)
    return record.get(table.label, "") if label and label.sensitivity is not Sensitivity.RESTRICTED else ""


def root_key(source: Table, key: Key, record: Record) -> Key:
    """Return the key of the document that a record belongs to: an item carries it, unless its own key begins with that."""
    own = [record[k] for k in source.primary_key if k in record]
    return tuple(own) if len(own) == len(source.primary_key) else key[: len(source.primary_key)]


def _with_former_names(package: Package) -> Package:
    """Return the package with a field of its own for each name that one had before."""
    tables = {}
    for name, table in package.tables.items():
        former = (dataclasses.replace(f, name=old) for f in table.fields for old in f.former_names)
        tables[name] = dataclasses.replace(table, fields=(*table.fields, *former))
    children = {n: [tables[c.name] for c in found] for n, found in package.children.items()}
    return dataclasses.replace(package, tables=tables, children=children)
