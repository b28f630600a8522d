"""What each commit changed in which record, field by field: one `git log`, and contents fetched many at once.

A record is known by its table, its key and its life: where one key stands in two files, these are two records unless
one was copied from the other. Moving a record to another file changes nothing. A commit that adds more than a thousand
record files is an import: files of it that no other commit touched are not read, `History.imports` names them.
"""

from __future__ import annotations

import difflib
import functools
import gc
import itertools
import pickle
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import and_, or_
from pathlib import Path
from typing import NamedTuple, TypeVar

from lingtouyan.cache import Cache
from lingtouyan.history.git import ask, ask_text
from lingtouyan.history.log import (
    FileChange,
    Graph,
    LoggedCommit,
    numbers,
    read_log,
    readable,
    refuse_shallow,
    touched,
)
from lingtouyan.history.signatures import Signature
from lingtouyan.history.versions import Document, Key, Record, Records, Versions, name_of, root_key
from lingtouyan.reading.package import Package, Table
from lingtouyan.reading.source import glob_regex

HIDDEN = "●●●"
# More record files added by one commit than people write by hand.
IMPORT = 1_000
# How far back an earlier head is looked for in the cache.
_BACK = 400
# A few commits more are read again rather than all kept again.
_OFTEN = 16
# Longer lists are compared place by place.
_MOST_ITEMS = 2_000
# Records of one key are one when this share of their fields is alike, and this when they are called otherwise.
LEAST, RENAMED = 0.5, 0.75
# Marks the former place of an item that is no longer in its list.
_GONE = "−"
Place = tuple[str, str]
"""Table and key of a record."""
_T = TypeVar("_T")


class Change(NamedTuple):
    """One field of one record in one commit, or a whole record that came or went.

    Attributes:
        action: `added`, `changed` or `removed`.
        key: the record's key, parts joined by `/`; for a list item, its place in the list.
        root_table, root_key: the record whose document holds it (itself, unless it is a list item).
        field: the field; empty for a record that was added.
        before, after: the values as written; restricted ones are hidden.
        life: tells the record from others that had its key: the file where it began, and which time it was there.
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
    life: str = ""


class Stay(NamedTuple):
    """That a record came to stand in a file with a commit, by the commit's number; without a life, that it left it.

    Where one key stands in a file more than once, a zero byte and the record's name follow the file.
    """

    ordinal: int
    file: str
    life: str


@dataclass
class History:
    """The commits of a line of history or of a change under review, oldest first, and all that they changed, in order.

    Attributes:
        brought: commit -> the merge on the main line that it came by.
        stays: (table, key) of records with files -> where they stood one after another.
        imports: file -> the import that added it, for files that nobody touched since: the records in them have no
            row of their coming in `changes`.
        broken: blob that nothing can be read from -> the last one before it that could be.
        rewritten: whether what was read before is no longer part of any line.
        landed: of a change, whether it is part of the main line already, as in an audit.
        signatures: of the commits that have one; None when nobody has looked.
        proposed: commits that are shown as what is proposed.
    """

    commits: list[LoggedCommit] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    brought: dict[str, str] = field(default_factory=dict)
    stays: dict[tuple[str, str], list[Stay]] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    rewritten: bool = False
    landed: bool = False
    signatures: Mapping[str, Signature] | None = None
    proposed: frozenset[str] = frozenset()


def read_history(root: Path, package: Package, tip: str, cache: Cache | None) -> History:
    """Read the history of all records up to `tip`, from the cache as far as that reaches.

    UsageError: not a repository, a shallow clone, or one whose contents are not all there.
    """
    refuse_shallow(root)
    # All rows stay: a third of the time would go to searching them for garbage.
    gc.disable()
    try:
        kept, history = _kept(cache, root, package, tip)
        if kept != tip:
            before = len(history.commits)
            _extend(root, package, kept, tip, history)
            if cache and (not before or len(history.commits) - before >= _OFTEN):
                cache.put(_entry(package, tip), pickle.dumps(history))
    finally:
        gc.enable()
    history.brought = Graph(history.commits).brought(tip)
    history.rewritten = cache is not None and _rewritten(root, tip, cache)
    return history


def _kept(cache: Cache | None, root: Path, package: Package, tip: str) -> tuple[str, History]:
    """Return the nearest commit on this line whose history was kept, and that; an empty one where none was."""
    if cache is not None:
        for commit in ask_text(root, "rev-list", f"--max-count={_BACK}", tip, "--").split():
            if data := cache.get(_entry(package, commit)):
                return commit, pickle.loads(data)  # noqa: S301
    return "", History()


def _entry(package: Package, tip: str) -> str:
    return f"changes {package.digest} {tip}"


def _rewritten(root: Path, tip: str, cache: Cache) -> bool:
    """Tell whether the commit that was read here last is part of no branch any more; remember this one."""

    def reaches(commit: str, earlier: str) -> bool:
        return ask(root, "merge-base", "--is-ancestor", earlier, commit, no=(1, 128)) is not None

    place = f"head {root.resolve()}"
    last = (cache.get(place) or b"").decode()
    gone = False
    if last and not reaches(tip, last):
        gone = not ask_text(root, "for-each-ref", "--count=1", "--contains", last, no=(128, 129))
        if not gone and reaches(last, tip):
            # Looking at the past does not undo what is known of the present.
            return False
    if last != tip:
        cache.put(place, tip.encode())
    return gone


def _extend(root: Path, package: Package, kept: str, tip: str, history: History) -> None:
    """Add all that leads from the commit whose history is known to `tip`."""
    start = len(history.commits)
    history.commits += read_log(root, tip, kept, merges="first-parent")
    graph = Graph(history.commits)
    complete_merges(history.commits, graph, start)
    work = list(_work(package, history, graph, start))
    plan = (b for _, _, files in work for f in files for b in (f.after, *f.before, f.base) if b)
    telling = _Telling(package, Versions(root, package, plan), history, graph)
    for ordinal, source, files in work:
        telling.tell(ordinal, source, files)
    history.changes.sort(key=lambda c: graph.numbers[c.commit])


def _work(
    package: Package, history: History, graph: Graph, start: int
) -> Iterator[tuple[int, Table, list[FileChange]]]:
    """Yield (ordinal of a commit, table, files of its records that it touched), oldest first.

    What is left out are files that an import added, unless they are touched by another commit.
    """
    tables = [t for t in package.tables.values() if t.path and t.primary_key and t.kind != "parquet"]
    sources = [(glob_regex(p), t) for t in tables for p in (t.path, *t.former_paths)]
    owner = functools.cache(lambda path: next((t.name for p, t in sources if p.match(path)), ""))
    claimed = [[f for f in c.files if owner(f.path)] for c in history.commits[start:]]
    touched = Counter(f.path for found in claimed for f in found)
    late: dict[int, list[FileChange]] = {}
    for path in touched if history.imports else ():
        if commit := history.imports.pop(readable(path), ""):
            ordinal = graph.numbers[commit]
            late.setdefault(ordinal, []).extend(f for f in history.commits[ordinal].files if f.path == path)
    for place, found in enumerate(claimed):
        fresh = [f.path for f in found if not any(f.before)]
        if len(fresh) > IMPORT:
            left = {p for p in fresh if touched[p] == 1}
            commit = history.commits[start + place].id
            history.imports.update((readable(p), commit) for p in sorted(left))
            claimed[place] = [f for f in found if f.path not in left]
    for ordinal, found in (*sorted(late.items()), *enumerate(claimed, start)):
        by_table: dict[str, list[FileChange]] = {}
        for file in found:
            by_table.setdefault(owner(file.path), []).append(file)
        for name, files in by_table.items():
            yield ordinal, package.tables[name], files


# ---- merges ----


def expected(base: _T, sides: Sequence[_T], now: _T) -> _T:
    """Return what a merge should hold by what its sides did since `base`, so far as `now` does not settle that.

    What one side changed stays changed; where several did, the merge may choose, and what it did not choose is given.
    """
    lost = [s for s in sides if s not in (base, now)]
    if lost:
        return lost[0]
    return now if now in sides else base


def complete_merges(commits: Sequence[LoggedCommit], graph: Graph, start: int) -> None:
    """Give merges from `start` on the files that they changed themselves, in place of all that differ from the first parent."""
    for commit in commits[start:]:
        if len(commit.parents) < 2:
            continue
        sides = [graph.numbers[p] for p in commit.parents]
        shared = functools.reduce(and_, (graph.reached[s] for s in sides))
        parted = shared.bit_length() - 1
        given = {f.path: f.after for f in commit.files}
        theirs = functools.reduce(or_, (graph.reached[s] for s in sides[1:])) & ~shared
        paths = {path for n in numbers(theirs) for path, _ in touched(commits[n])}
        commit.files = []
        for path in sorted(given.keys() | paths):
            was, *olds = (graph.at(n, path) for n in (parted, *sides))
            after = given.get(path, olds[0])
            commit.settled.append((path, after))
            if expected(was, olds, after) != after:
                commit.files.append(FileChange(path, tuple(olds), after, was))


# ---- records ----


class _Telling:
    """Tells what commits changed, one after another; completes what is known."""

    def __init__(self, package: Package, versions: Versions, known: History, graph: Graph) -> None:
        self._package = package
        self._order = {name: place for place, name in enumerate(package.tables)}
        self._versions = versions
        self._known = known
        self._graph = graph
        self._lines: dict[tuple[str, str], list[Change]] = {}
        self._lined = 0

    def tell(self, ordinal: int, source: Table, files: Sequence[FileChange]) -> None:
        """Tell what one commit changed in the records of one table's files."""
        sides: list[dict[Key, dict[str, Document]]]
        sides = [{} for _ in range(max(len(f.before) for f in files) + 2)]
        for file in files:
            bases = () if file.base is None else (file.base,)
            blobs = [self._known.broken.get(b, b) for b in (*file.before, *bases)]
            now, *olds = self._versions.differing(source, file.path, [file.after, *blobs])
            if now is None:
                # What the commit did to this file shows when it can be read again.
                self._known.broken[file.after] = blobs[0]
                continue
            width = len(source.primary_key)
            twice = {k[:width] for d in (now, *olds) for k in d or () if len(k) > width}
            for side, documents in zip(sides, [now, *olds], strict=False):
                for full, document in (documents or {}).items():
                    key, place = full[:width], file.path
                    if key in twice:
                        place += f"\0{name_of(source, document[source.name][key])}"
                    side.setdefault(key, {})[place] = document
        after, *befores, base = sides
        for key in sorted(set(after).union(*befores)):
            new = after.get(key, {})
            if len(befores) == 1:
                old = befores[0].get(key, {})
            else:
                old = self._expected(base.get(key, {}), [b.get(key, {}) for b in befores], new)
            if old != new:
                self._record(ordinal, source, key, old, new)

    def _expected(
        self, base: dict[str, Document], sides: list[dict[str, Document]], new: dict[str, Document]
    ) -> dict[str, Document]:
        """Return file -> what a merge should hold of a record there."""
        olds = [base, *sides]
        if base and all(len(t) <= 1 for t in (*olds, new)):
            # One record, wherever each side has it; what both sides began are two.
            place = next((f for t in (new, *sides) for f in t), "")
            olds = [dict.fromkeys((place,) if t else (), *t.values()) for t in olds]
        places = {f for t in (*olds, new) for f in t}
        found = {p: self._merged([t.get(p, {}) for t in olds], new.get(p, {})) for p in places}
        return {place: document for place, document in found.items() if document}

    def _merged(self, olds: list[Document], now: Document) -> Document:
        result: Document = {}
        moved: list[_Renumbered] = [{} for _ in olds]
        for name in sorted({n for d in (*olds, now) for n in d}, key=self._order.__getitem__):
            table, new = self._package.tables[name], now.get(name, {})
            lists = [aligned(table, d.get(name, {}), new, m) for d, m in zip(olds, moved, strict=True)]
            for key in sorted(set(new).union(*lists)):
                was, *sides = (records.get(key) for records in lists)
                record = _merged_record(was, sides, new.get(key))
                if record is not None:
                    result.setdefault(name, {})[key] = record
        return result

    def _record(
        self, ordinal: int, source: Table, key: Key, old: dict[str, Document], new: dict[str, Document]
    ) -> None:
        """Tell what happened to one record, by the files that it stood and stands in."""
        commit = self._known.commits[ordinal].id
        stays = self._known.stays.setdefault((source.name, "/".join(key)), [])
        past = sorted(s for s in stays if self._graph.reached[ordinal] >> s.ordinal & 1)
        lives = {s.file: s.life for s in past}

        def life_of(file: str) -> str:
            # Two that began in this file on two lines, and met in a merge, are known by their names.
            began, path = readable(file), file.partition("\0")[0]
            known = lives.get(file) or (began if any(s.life == began for s in past) else "")
            return known or lives.get(path) or readable(path)

        def held(documents: Mapping[str, Document]) -> dict[str, Record]:
            return {f: d.get(source.name, {}).get(key, {}) for f, d in documents.items()}

        def told(old: Document, new: Document, file: str, life: str) -> Iterator[Change]:
            moved: _Renumbered = {}
            root, path = (source.name, "/".join(key)), readable(file.partition("\0")[0])
            for name in sorted({*old, *new}, key=self._order.__getitem__):
                table, before, after = self._package.tables[name], old.get(name, {}), new.get(name, {})
                if before != after:
                    before = aligned(table, before, after, moved)
                    yield from _changes(commit, table, root, before, after, path, life)

        tell = self._known.changes.extend
        for file in sorted(old.keys() & new.keys()):
            if old[file] != new[file]:
                tell(told(old[file], new[file], file, life_of(file)))
        gone = {f: old[f] for f in sorted(old.keys() - new.keys())}
        arrived = sorted(new.keys() - old.keys())
        if not gone and not arrived:
            return
        touched = {f.partition("\0")[0] for f in old | new}
        places = [f for f, life in lives.items() if life and f.partition("\0")[0] not in touched]
        elsewhere = ((f, self._elsewhere(source, f, key, ordinal)) for f in places)
        others = {f: d for f, d in elsewhere if d}
        there, left, records = old | others, dict(gone), held(new | others)
        # The only one there is, however much was changed on the way.
        least = 0.0 if len(gone) == len(new) == 1 and not others else LEAST
        for file in arrived:
            record = records[file]
            twin = twin_of(source, record, held(left), least) or twin_of(source, record, held(there))
            former = self._former(source, key, record, ordinal) if past and twin is None else None
            if twin is not None:
                life = life_of(twin)
                left.pop(twin, None)
            else:
                start = readable(file.partition("\0")[0]) + f"\0{name_of(source, record)}"
                begun = {s.life for s in past if s.life == start or s.life.startswith(f"{start}\0")}
                life = former[1] if former else start + (f"\0{len(begun)}" if begun else "")
            lives[file] = life
            stays.append(Stay(ordinal, file, life))
            tell(told(there[twin] if twin else {}, new[file], file, life))
            if former:
                # Came back: what is not as it was when it went is a change of its own.
                tell(r for r in told(former[0], new[file], file, life) if r.action != "added")
        for file, document in gone.items():
            stays.append(Stay(ordinal, file, ""))
            if file not in left:
                continue
            life = life_of(file)
            copies = {f: r for f, r in records.items() if lives.get(f) == life}
            twin = twin_of(source, held(gone)[file], copies, 0.0, 0.0)
            if twin is None:
                tell(told(document, {}, file, life))
            elif document != (other := (new | others)[twin]):
                # Of each field that copy counts which was written last: what it says now is taken back.
                last = {_spot(c): c.file for c in self._lines_of(source, key, ordinal) if c.life == life}
                rows = told(document, other, twin, life)
                tell([r for r in rows if last.get(_spot(r)) == readable(file.partition("\0")[0])])
        for file in [f for f in new if "\0" in f]:
            path = file.partition("\0")[0]
            if sum(f.startswith(f"{path}\0") for f in new) == 1:
                # The last of several that had the key.
                stays += [Stay(ordinal, path, life_of(file)), Stay(ordinal, file, "")]

    def _lines_of(self, source: Table, key: Key, ordinal: int) -> list[Change]:
        """Return what was told of a record up to a commit."""
        for change in self._known.changes[self._lined :]:
            self._lines.setdefault((change.root_table, change.root_key), []).append(change)
        self._lined = len(self._known.changes)
        found = self._lines.get((source.name, "/".join(key)), ())
        return [c for c in found if self._graph.reached[ordinal] >> self._graph.numbers[c.commit] & 1]

    def _elsewhere(self, source: Table, file: str, key: Key, ordinal: int) -> Document | None:
        """Return a record as it stood in another file that this commit does not touch."""
        file, _, name = file.partition("\0")
        documents = self._read(source, file, self._graph.at(ordinal, file))
        return documents.get((*key, name)) or documents.get(key)

    def _former(self, source: Table, key: Key, record: Record, ordinal: int) -> tuple[Document, str] | None:
        """Return a record as it was when it was last removed, and its life, if this is the same."""
        removed = (c for c in reversed(self._lines_of(source, key, ordinal)) if c.action == "removed")
        last = next((c for c in removed if c.table == source.name), None)
        files = self._known.commits[self._graph.numbers[last.commit]].files if last else ()
        for file in (f for f in files if last and readable(f.path) == last.file):
            for blob in file.before:
                read = self._read(source, file.path, blob)
                if last and key in read and twin_of(source, record, {"x": read[key][source.name][key]}):
                    return read[key], last.life
        return None

    def _read(self, source: Table, path: str, blob: str) -> dict[Key, Document]:
        return self._versions.read(source, path, self._known.broken.get(blob, blob)) or {}


def twin_of(
    table: Table, record: Record, others: Mapping[str, Record], least: float = LEAST, renamed: float = RENAMED
) -> str | None:
    """Return the file of that record among others of the same key which is the same one; None when none is.

    `least` and `renamed`: share of fields in which they have to be alike, and in which when they are called otherwise.
    """
    best, most = None, -1.0
    for file, other in sorted(others.items()):
        names = (record.keys() | other.keys()) - set(table.primary_key)
        alike = sum(record.get(n) == other.get(n) for n in names) / len(names) if names else 1.0
        called_otherwise = table.label in names and record.get(table.label) != other.get(table.label)
        if alike > most and alike >= (renamed if called_otherwise else least):
            best, most = file, alike
    return best


def _spot(change: Change) -> tuple[str, str]:
    """Return what a change is about: a field of the record itself, or one of its lists as a whole."""
    return (change.table, change.field if change.table == change.root_table else "")


def _merged_record(base: Record | None, sides: Sequence[Record | None], now: Record | None) -> Record | None:
    there = [s for s in sides if s is not None]
    if now is None or len(there) < len(sides):
        return expected(base, sides, now)
    was = base or {}
    names = dict.fromkeys(n for r in (now, *there) for n in r)
    values = {n: expected(was.get(n, ""), [s.get(n, "") for s in there], now.get(n, "")) for n in names}
    return {n: v for n, v in values.items() if v}


def table_changes(
    package: Package, table: Table, before: Records, after: Records, where: Mapping[tuple[str, Key], str]
) -> Iterator[Change]:
    """Yield what differs between the records of one table, as of no commit; `where` is (table, key) -> file."""
    origin = package.origin(table)
    roots: dict[Key, tuple[Records, Records]] = {}
    for side, records in enumerate((before, after)):
        for key, record in records.items():
            roots.setdefault(root_key(origin, key, record), ({}, {}))[side][key] = record
    for root, (old, new) in sorted(roots.items()):
        place = next((where[table.name, k] for k in (*new, *old) if (table.name, k) in where), "")
        named = (origin.name, "/".join(root))
        yield from _changes("", table, named, aligned(table, old, new, {}), new, place)


def _changes(
    commit: str, table: Table, root: Place, before: Records, after: Records, file: str, life: str = ""
) -> Iterator[Change]:
    for key in sorted(k for k in before.keys() | after.keys() if before.get(k) != after.get(k)):
        old, new = before.get(key), after.get(key, {})
        place = (table.name, "/".join(key), *root)
        if old is None:
            yield Change(commit, "added", *place, "", "", "", file, life)
            continue
        action = "changed" if key in after else "removed"
        for name in dict.fromkeys((*old, *new)):
            was, now = old.get(name, ""), new.get(name, "")
            field = table.field(name) if was != now else None
            if field is not None:
                if field.closed:
                    was, now = HIDDEN if was else "", HIDDEN if now else ""
                yield Change(commit, action, *place, name, was, now, file, life)


# ---- lists ----

_Renumbered = dict[str, dict[Key, Key]]
"""Table -> former key -> the key that the same item has now."""


def aligned(table: Table, old: Records, new: Records, moved: _Renumbered) -> Records:
    """Give the old items of each list the places of the new items that they are or became.

    An item put in front moves none of the others; an item moved is one change, of its place. `moved` tells how the lists
    above were renumbered, and is completed with this table's items.
    """
    if above := moved.get(table.parent):
        width = len(next(iter(above)))
        placed = [(above.get(k[:width], k[:width]), k[width:], r) for k, r in old.items()]
        old = {(*a, *k): {**r, **dict(zip(table.primary_key, a, strict=False))} for a, k, r in placed}
    if not table.parent or table.field("ordinal") is None or not old or not new or old == new:
        return old
    numbered = table.primary_key[-1:] == ("ordinal",)
    depth = -1 if numbered else len(table.primary_key) - 1
    lists: dict[Key, tuple[list[Key], list[Key]]] = {}
    for side, records in enumerate((old, new)):
        for key in sorted(records, key=lambda k: _place(records[k])):
            lists.setdefault(key[:depth], ([], []))[side].append(key)
    result: Records = {}
    mine = moved.setdefault(table.name, {})
    for before, after in lists.values():
        items = [[_content(r[k]) if numbered else k for k in ks] for r, ks in ((old, before), (new, after))]
        for was, now, shifted in _pairs(*items):
            key, record = before[was], old[before[was]]
            mine[key] = key
            if numbered:
                mine[key] = (*key[:-1], f"{key[-1]}{_GONE}") if now is None else after[now]
            if now is not None and not shifted and "ordinal" in record:
                record = {**record, "ordinal": new[after[now]].get("ordinal", "")}
            result[mine[key]] = record
    return result


def _pairs(left: Sequence[object], right: Sequence[object]) -> Iterator[tuple[int, int | None, bool]]:
    """Yield (old place, new place or None, whether it was moved past others) for each old item."""
    spans: Sequence[tuple[str, int, int, int, int]] = [("replace", 0, len(left), 0, len(right))]
    if max(len(left), len(right)) <= _MOST_ITEMS:
        spans = difflib.SequenceMatcher(None, left, right, autojunk=False).get_opcodes()
    replaced = []
    free: dict[object, list[int]] = {}
    for kind, i, j, m, n in spans:
        if kind == "equal":
            yield from zip(range(i, j), range(m, n), itertools.repeat(False), strict=False)
        else:
            replaced.append((range(i, j), range(m, n)))
            for now in range(m, n):
                free.setdefault(right[now], []).append(now)
    # The same item at another place was moved; what is left of a stretch is paired in order.
    shifted = {w: free[left[w]].pop(0) for olds, _ in replaced for w in olds if free.get(left[w])}
    yield from ((was, now, True) for was, now in shifted.items())
    taken = set(shifted.values())
    for olds, news in replaced:
        rest = iter([n for n in news if n not in taken])
        yield from ((was, next(rest, None), False) for was in olds if was not in shifted)


def _place(record: Record) -> tuple[int, str]:
    text = record.get("ordinal", "")
    return (int(text) if text.isdecimal() and len(text) < 10 else 0, text)


def _content(record: Record) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((k, v) for k, v in record.items() if k != "ordinal"))
