"""Commits become rows: which record's which field had which value before and after, by whom and when.

Rows follow their key, not their line or file, so that a moved file or a re-sorted table is no change.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from generator.cache import Cache
from generator.history.git import git
from generator.history.log import Blobs, FileChange, LoggedCommit, brought_by, read_log, refuse_shallow
from generator.reading.csv import read_csv
from generator.reading.documents import read_document
from generator.reading.files import glob_regex
from generator.reading.package import Package, Sensitivity, Table

HIDDEN = "●●●"
_CACHE = "changes"
# Marks the former place of an item that is no longer in its list.
_GONE = "−"

Key = tuple[str, ...]
Record = dict[str, str]
Records = dict[Key, Record]


@dataclass(frozen=True, slots=True)
class Change:
    """One field of one record in one commit, or a whole record that came or went.

    Attributes:
        action: `added`, `changed` or `removed`.
        key: the record's key, parts joined by `/`; for a list item, its place in the list.
        root_table, root_key: the record whose document holds it (itself, unless it is a list item).
        field: the field; empty for a record that was added.
        before, after: the values as written; restricted ones are hidden.
    """

    commit: str
    action: str
    table: str
    key: str
    root_table: str
    root_key: str
    field: str
    before: str
    after: str
    file: str


@dataclass
class History:
    """The commits of a line of history, oldest first, and all that they changed."""

    commits: list[LoggedCommit]
    changes: list[Change]
    brought: dict[str, str]
    rewritten: bool = False


def read_history(root: Path, package: Package, tip: str, cache: Cache | None) -> History:
    """Read the history of all records up to `tip`, from the cache as far as that reaches.

    Raises:
        UsageError: not a repository, or a shallow clone.
    """
    refuse_shallow(root)
    stored = _load(cache, package)
    known, commits, changes = stored if stored else ("", [], [])
    rewritten = bool(known) and git(root, "merge-base", "--is-ancestor", known, tip) is None
    if rewritten:
        known, commits, changes = "", [], []
    if known != tip:
        fresh = list(read_log(root, tip, known))
        changes = [*changes, *_changes_of(root, package, fresh)]
        commits = [*commits, *fresh]
        if cache is not None:
            _save(cache, package, tip, commits, changes)
    return History(commits, changes, brought_by(commits, tip), rewritten)


def _changes_of(root: Path, package: Package, commits: Iterable[LoggedCommit]) -> Iterator[Change]:
    sources = [(glob_regex(t.path), t) for t in package.tables.values() if t.path]
    owners: dict[str, Table | None] = {}
    reader = _Reader(package)
    with Blobs(root) as blobs:
        for commit in commits:
            by_table: dict[str, list[FileChange]] = {}
            for change in commit.files:
                if change.path not in owners:
                    owners[change.path] = next((t for p, t in sources if p.match(change.path)), None)
                owner = owners[change.path]
                if owner is not None:
                    by_table.setdefault(owner.name, []).append(change)
            for name, files in by_table.items():
                yield from _compare(package, package.tables[name], commit, files, blobs, reader)


def _compare(
    package: Package,
    source: Table,
    commit: LoggedCommit,
    files: Sequence[FileChange],
    blobs: Blobs,
    reader: _Reader,
) -> Iterator[Change]:
    sides = max(1, *(len(f.before) for f in files))
    befores: list[dict[str, Records]] = [{} for _ in range(sides)]
    after: dict[str, Records] = {}
    where: dict[tuple[str, Key], str] = {}
    for file in files:
        new = blobs.read(file.after) if file.after else b""
        olds = [blobs.read(b) if b else b"" for b in file.before] or [b""]
        new_rows, old_rows = reader.differing(source, file.path, new, olds)
        for table, records in new_rows.items():
            after.setdefault(table, {}).update(records)
            where.update({(table, k): file.path for k in records})
        for side, rows in enumerate(old_rows):
            for table, records in rows.items():
                befores[side].setdefault(table, {}).update(records)
                for key in records:
                    where.setdefault((table, key), file.path)
    for name, declared in package.tables.items():
        if name not in after and not any(name in b for b in befores):
            continue
        yield from table_changes(
            package, declared, commit.id, [b.get(name, {}) for b in befores], after.get(name, {}), where
        )


def table_changes(
    package: Package,
    table: Table,
    commit: str,
    befores: list[Records],
    after: Records,
    where: dict[tuple[str, Key], str],
) -> Iterator[Change]:
    """Yield what happened to one table's records.

    Args:
        commit: recorded in each change.
        befores: the records on the side of each parent; one side unless it is a merge.
        after: the records now.
        where: file of each record.
    """
    hidden = {f.name for f in table.fields if f.sensitivity is Sensitivity.RESTRICTED}
    origin = package.origin(table)
    width = len(origin.primary_key)

    def change(action: str, key: Key, field: str, old: str, new: str) -> Change:
        if field in hidden:
            old, new = HIDDEN if old else "", HIDDEN if new else ""
        joined = "/".join(key)
        root = "/".join(key[:width]) if table.parent else joined
        return Change(
            commit,
            action,
            table.name,
            joined,
            origin.name,
            root,
            field,
            old,
            new,
            where.get((table.name, key)) or where.get((table.name, (*key[:-1], key[-1].rstrip(_GONE))), ""),
        )

    if table.parent and table.primary_key[-1:] == ("ordinal",):
        befores = [_aligned(b, after) for b in befores]
    # In a merge only what equals no parent is the merge's own doing.
    for key in sorted(set(after).union(*befores)):
        new = after.get(key)
        olds = [b.get(key) for b in befores]
        if any(old == new for old in olds):
            continue
        old = olds[0]
        if new is None:
            for field, value in (old or {}).items():
                yield change("removed", key, field, value, "")
        elif old is None:
            yield change("added", key, "", "", "")
        else:
            for field in [f.name for f in table.fields]:
                if all((o or {}).get(field, "") != new.get(field, "") for o in olds):
                    yield change("changed", key, field, old.get(field, ""), new.get(field, ""))


def _aligned(old: Records, new: Records) -> Records:
    """Give the old items of each list the places of the new items they are or became: an item put in front moves none."""
    lists: dict[Key, tuple[list[Key], list[Key]]] = {}
    for side, records in enumerate((old, new)):
        for key in records:
            lists.setdefault(key[:-1], ([], []))[side].append(key)
    result: Records = {}
    for before, after in lists.values():
        before.sort(key=_place)
        after.sort(key=_place)
        left, right = [_content(old[k]) for k in before], [_content(new[k]) for k in after]
        for kind, i, j, m, n in difflib.SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
            pairs = list(zip(before[i:j], after[m:n], strict=False)) if kind in ("equal", "replace") else []
            for was, now in pairs:
                result[now] = {**old[was], "ordinal": now[-1]}
            for gone in before[i + len(pairs) : j]:
                result[(*gone[:-1], f"{gone[-1]}{_GONE}")] = old[gone]
    return result


def _place(key: Key) -> tuple[int, str]:
    return (int(key[-1]) if key[-1].isdigit() else 0, key[-1])


def _content(record: Record) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((k, v) for k, v in record.items() if k != "ordinal"))


class _Reader:
    """Turns two versions of a file into the records that may differ."""

    def __init__(self, package: Package) -> None:
        self._package = package

    def differing(
        self, source: Table, file: str, new: bytes, olds: Sequence[bytes]
    ) -> tuple[dict[str, Records], list[dict[str, Records]]]:
        """Return the records of the new version and of each old one, without those whose lines are the same."""
        if source.kind != "csv":
            return self._documents(source, file, new), [self._documents(source, file, old) for old in olds]
        lines = [_lines(new), *map(_lines, olds)]
        common = (
            set(lines[0][1]).intersection(*(set(part[1]) for part in lines[1:]))
            if all(part[0] == lines[0][0] for part in lines)
            else set()
        )
        tables = [
            self._table(source, file, head, [x for x in rest if x not in common]) for head, rest in lines
        ]
        return tables[0], tables[1:]

    def _table(self, source: Table, file: str, head: bytes, rest: list[bytes]) -> dict[str, Records]:
        if not head or not rest:
            return {}
        rows, _ = read_csv(b"\n".join([head, *rest]), file, source)
        names = [f.name for f in source.fields]
        places = [names.index(k) for k in source.primary_key]
        records: Records = {}
        for _, cells in rows:
            key = tuple(cells[i] or "" for i in places)
            records[key] = {n: c for n, c in zip(names, cells, strict=True) if c is not None}
        return {source.name: records}

    def _documents(self, source: Table, file: str, data: bytes) -> dict[str, Records]:
        if not data:
            return {}
        rows, _ = read_document(data, file, source, self._package)
        result: dict[str, Records] = {}
        for name, found in rows.items():
            table = self._package.tables[name]
            names = [f.name for f in table.fields]
            records: Records = {}
            for _, cells in found:
                record = {n: c for n, c in zip(names, cells, strict=True) if c is not None}
                records[tuple(record.get(k, "") for k in table.primary_key)] = record
            result[name] = records
        return result


def _lines(data: bytes) -> tuple[bytes, list[bytes]]:
    if not data:
        return b"", []
    head, *rest = re.split(rb"\r?\n", data)
    return head, [line for line in rest if line]


def _load(cache: Cache | None, package: Package) -> tuple[str, list[LoggedCommit], list[Change]] | None:
    data = cache.load(_CACHE) if cache is not None else None
    if data is None:
        return None
    payload = json.loads(data)
    if payload["package"] != package.digest:
        return None
    commits = [
        LoggedCommit(
            c[0],
            tuple(c[1]),
            c[2],
            c[3],
            c[4],
            c[5],
            c[6],
            c[7],
            c[8],
            [FileChange(p, tuple(b), a) for p, b, a in c[9]],
        )
        for c in payload["commits"]
    ]
    return payload["tip"], commits, [Change(*c) for c in payload["changes"]]


def _save(
    cache: Cache, package: Package, tip: str, commits: Sequence[LoggedCommit], changes: Sequence[Change]
) -> None:
    payload = {
        "package": package.digest,
        "tip": tip,
        "commits": [
            [
                c.id,
                c.parents,
                c.author_time,
                c.commit_time,
                c.author,
                c.author_email,
                c.committer,
                c.committer_email,
                c.subject,
                [[f.path, f.before, f.after] for f in c.files],
            ]
            for c in commits
        ],
        "changes": [
            [c.commit, c.action, c.table, c.key, c.root_table, c.root_key, c.field, c.before, c.after, c.file]
            for c in changes
        ],
    }
    cache.save(_CACHE, json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode())
