"""Commits become rows: which record's which field had which value before and after, by whom and when.

Rows follow their key, not their line or file, so that a moved file or a re-sorted table is no change.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from lingtouyan.history.blobs import Blobs
from lingtouyan.history.git import git
from lingtouyan.history.lists import GONE, Renumbered, aligned
from lingtouyan.history.log import (
    FileChange,
    LoggedCommit,
    brought_by,
    merged_files,
    read_log,
    refuse_shallow,
)
from lingtouyan.history.merges import add_own_work
from lingtouyan.history.signatures import Signature
from lingtouyan.history.store import Store, Stored
from lingtouyan.history.versions import Key, Parts, Record, Records, Versions
from lingtouyan.reading.files import glob_regex
from lingtouyan.reading.package import Package, Sensitivity, Table
from lingtouyan.signed import SignedCache as Cache

__all__ = ["HIDDEN", "Change", "History", "Key", "Record", "Records", "read_history", "table_changes"]

HIDDEN = "●●●"


class Change(NamedTuple):
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


_Make = Callable[[str, Key, str, str, str], Change]


@dataclass
class History:
    """The commits of a line of history, oldest first, and all that they changed.

    Attributes:
        brought: commit -> the merge on the main line that it came by.
        rewritten: whether what was read before is no longer part of any line.
        signatures: of the commits that have one; None when nobody has looked.
    """

    commits: list[LoggedCommit]
    changes: list[Change]
    brought: dict[str, str] = field(default_factory=dict)
    rewritten: bool = False
    signatures: Mapping[str, Signature] | None = None


def read_history(root: Path, package: Package, tip: str, cache: Cache | None) -> History:
    """Read the history of all records up to `tip`, from the cache as far as that reaches.

    Raises:
        UsageError: not a repository, a shallow clone, or one whose contents are not all there.
    """
    refuse_shallow(root)
    with _no_collection():
        return _read(root, package, tip, Store(cache, package.digest))


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the collector from searching a growing heap of rows that all stay: a third of the time goes there."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _read(root: Path, package: Package, tip: str, store: Store) -> History:
    stored = store.load()
    if stored.tip == tip:
        return _history(stored, tip)
    if stored.tip and not _follows(root, stored.tip, tip):
        return _elsewhere(root, package, tip, store, stored)
    return _history(_extended(root, package, tip, store, stored), tip)


def _history(stored: Stored, tip: str, *, rewritten: bool = False) -> History:
    changes = [Change._make(c) for c in stored.changes]
    return History(stored.commits, changes, brought_by(stored.commits, tip), rewritten)


def _follows(root: Path, before: str, after: str) -> bool:
    return git(root, "merge-base", "--is-ancestor", before, after) is not None


def _extended(root: Path, package: Package, tip: str, store: Store, known: Stored) -> Stored:
    """Return what is known and all that leads from there to `tip`; keep it."""
    with ThreadPoolExecutor(1) as pool:
        brought = pool.submit(merged_files, root, tip, known.tip)
        fresh = list(read_log(root, tip, known.tip))
        commits = [*known.commits, *fresh]
        add_own_work(commits, fresh, brought.result())
    broken = dict(known.broken)
    made = list(_changes_of(root, package, fresh, broken))
    store.save(Stored(tip, fresh, made, broken), after=known)
    return Stored(tip, commits, [*known.changes, *made], broken)


def _elsewhere(root: Path, package: Package, tip: str, store: Store, stored: Stored) -> History:
    """Read a line that what is stored is not part of: an earlier commit, another branch, or a rewritten history."""
    listed = git(root, "rev-list", tip, "--")
    shared = set((listed or "").split())
    known = Stored(
        "",
        [c for c in stored.commits if c.id in shared],
        [c for c in stored.changes if c[0] in shared],
        stored.broken,
    )
    if _follows(root, tip, stored.tip):
        # Looking at the past does not undo what was worked out of the present.
        return _history(known, tip)
    rewritten = not (git(root, "for-each-ref", "--count=1", "--contains", stored.tip) or "").strip()
    if git(root, "cat-file", "-e", f"{stored.tip}^{{commit}}") is None:
        return _history(_extended(root, package, tip, store, Stored()), tip, rewritten=True)
    known.tip = stored.tip
    extended = _extended(root, package, tip, Store(None, ""), known)
    store.save(extended, after=Stored())
    return _history(extended, tip, rewritten=rewritten)


def _changes_of(
    root: Path, package: Package, commits: Iterable[LoggedCommit], broken: dict[str, str]
) -> Iterator[Change]:
    """Yield what commits changed.

    Args:
        broken: blob that nothing can be read from -> the last one before it that could be; completed on the way.
    """
    claims = _Claims(package)
    work = [(c, f, t) for c in commits for f, t in claims.of(c.files)]
    versions = Versions(package)
    plan = (
        b for _, files, _ in work for f in files for b in (f.after, *f.before, f.base) if b and ":" not in b
    )
    with Blobs(root, plan) as blobs:
        comparing = _Comparing(package, versions, blobs, broken)
        for commit, files, table in work:
            yield from comparing.changes(commit.id, table, files)


class _Claims:
    """Which table each file belongs to, or belonged to where it was before."""

    def __init__(self, package: Package) -> None:
        tables = [t for t in package.tables.values() if t.path]
        self._sources = [(glob_regex(p), t) for t in tables for p in (t.path, *t.former_paths)]
        self._owners: dict[str, Table | None] = {}

    def of(self, files: Sequence[FileChange]) -> list[tuple[list[FileChange], Table]]:
        found: dict[str, tuple[list[FileChange], Table]] = {}
        for file in files:
            if file.path not in self._owners:
                self._owners[file.path] = next((t for p, t in self._sources if p.match(file.path)), None)
            owner = self._owners[file.path]
            if owner is not None:
                found.setdefault(owner.name, ([], owner))[0].append(file)
        return list(found.values())


class _Comparing:
    def __init__(self, package: Package, versions: Versions, blobs: Blobs, broken: dict[str, str]) -> None:
        self._package = package
        self._versions = versions
        self._blobs = blobs
        self._broken = broken
        self._order = {name: n for n, name in enumerate(package.tables)}

    def changes(self, commit: str, source: Table, files: Sequence[FileChange]) -> Iterator[Change]:
        """Yield what one commit changed in the records of one table's files."""
        sides = max(len(f.before) for f in files)
        based = sides > 1 and all(f.base is not None for f in files)
        came = not any(b for f in files for b in f.before)
        befores: list[Parts] = [{} for _ in range(sides + based)]
        after: Parts = {}
        where: dict[tuple[str, Key], str] = {}
        for file in files:
            new = self._blobs.read(file.after)
            olds = [self._old(b) for b in (*file.before, *([file.base or ""] if based else []))]
            now, was = self._versions.differing(source, file.path, new, olds, came=came)
            if now is None:
                # What the commit did to this file shows when it can be read again.
                self._broken[file.after] = self._broken.get(file.before[0], file.before[0])
                continue
            for table, records in now.items():
                after.setdefault(table, {}).update(records)
                where.update({(table, k): file.path for k in records})
            for side, parts in zip(befores, was, strict=False):
                for table, records in (parts or {}).items():
                    side.setdefault(table, {}).update(records)
                    for key in records:
                        where.setdefault((table, key), file.path)
        base = befores.pop() if based else None
        moved: list[Renumbered] = [{} for _ in range(sides + based)]
        for name in sorted({*after, *(n for b in befores for n in b)}, key=self._order.__getitem__):
            yield from table_changes(
                self._package,
                self._package.tables[name],
                commit,
                [b.get(name, {}) for b in befores],
                after.get(name, {}),
                where,
                base=None if base is None else base.get(name, {}),
                moved=moved,
            )

    def _old(self, blob: str) -> bytes | None:
        return self._blobs.read(self._broken.get(blob, blob))


def table_changes(
    package: Package,
    table: Table,
    commit: str,
    befores: list[Records],
    after: Records,
    where: dict[tuple[str, Key], str],
    *,
    base: Records | None = None,
    moved: list[Renumbered] | None = None,
) -> Iterator[Change]:
    """Yield what happened to one table's records.

    Args:
        commit: recorded in each change.
        befores: the records on the side of each parent; one side unless it is a merge.
        after: the records now.
        where: file of each record.
        base: for a merge, the records where its sides parted: a change of one side that is gone was dropped by it.
        moved: by side, and last by base, how list items were renumbered; completed for tables that stand below them.
    """
    hidden = {f.name for f in table.fields if f.sensitivity is Sensitivity.RESTRICTED}
    origin = package.origin(table)
    holders: dict[Key, str] = {}

    def change(action: str, key: Key, field: str, old: str, new: str) -> Change:
        if field in hidden:
            old, new = HIDDEN if old else "", HIDDEN if new else ""
        joined = "/".join(key)
        root = holders.get(key, joined)
        place = where.get((table.name, key)) or where.get((table.name, (*key[:-1], key[-1].rstrip(GONE))), "")
        return Change(commit, action, table.name, joined, origin.name, root, field, old, new, place)

    if table.parent and any(befores):
        moved = moved or [{} for _ in (*befores, None)]
        befores = [aligned(table, b, after, m) for b, m in zip(befores, moved, strict=False)]
        base = aligned(table, base, after, moved[-1]) if base is not None else None
    for key in sorted(set(after).union(*befores)):
        new = after.get(key)
        olds = [b.get(key) for b in befores]
        if all(old == new for old in olds):
            continue
        if table.parent:
            # An item carries the key of its document, unless its own begins with that.
            item = new or next((o for o in olds if o), {})
            owner = [item[n] for n in origin.primary_key if n in item]
            whole = len(owner) == len(origin.primary_key)
            holders[key] = "/".join(owner if whole else key[: len(origin.primary_key)])
        if base is not None and len(olds) == 2:
            yield from _merged(table, key, new, olds, base.get(key), change)
        elif any(old == new for old in olds):
            # In a merge only what equals no parent is the merge's own doing.
            continue
        else:
            yield from _plain(table, key, new, olds, change)


def _plain(
    table: Table, key: Key, new: Record | None, olds: list[Record | None], change: _Make
) -> Iterator[Change]:
    old = next((o for o in olds if o is not None), None)
    if new is None:
        for field_name, value in (old or {}).items():
            yield change("removed", key, field_name, value, "")
    elif old is None:
        yield change("added", key, "", "", "")
    elif len(olds) == 1:
        for f in table.fields:
            if old.get(f.name, "") != new.get(f.name, ""):
                yield change("changed", key, f.name, old.get(f.name, ""), new.get(f.name, ""))
    else:
        for f in table.fields:
            value = new.get(f.name, "")
            if all(o is None or o.get(f.name, "") != value for o in olds):
                yield change("changed", key, f.name, old.get(f.name, ""), value)


def _merged(
    table: Table, key: Key, new: Record | None, olds: list[Record | None], base: Record | None, change: _Make
) -> Iterator[Change]:
    """Yield a merge's own work on a record: what equals no side, and what one side had changed and is gone."""
    # A side that left the record as it was has nothing to lose, and a side that the result agrees with lost nothing.
    lost = [o for o in olds if o not in (new, base)]
    if not lost:
        return
    if new is None or all(o is None for o in olds) or None in lost:
        yield from _plain(table, key, new, lost, change)
        return
    for f in table.fields:
        value, origin = new.get(f.name, ""), (base or {}).get(f.name, "")
        values = [(o or {}).get(f.name, "") for o in olds if o is not None]
        own = all(v != value for v in values)
        dropped = [v for v in values if v not in (value, origin)]
        if own or dropped:
            yield change("changed", key, f.name, (dropped or values)[0], value)
