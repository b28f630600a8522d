"""Made-up histories (copies, moves, splits, merges, numbers taken twice, odd names) against a slow and obvious account."""

from __future__ import annotations

import itertools
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trees import Tree

from lingtouyan.cache import Cache
from lingtouyan.history.changes import read_history
from lingtouyan.project import Project

pytestmark = pytest.mark.exhaustive

Record = dict[str, str]
Files = dict[str, dict[str, Record]]
"""Path -> key -> record."""
FIELDS = ("name", "a", "b", "c")
PEOPLE = [
    "records/甲/people/1.yaml",
    "records/乙/people/1.yaml",
    "records/甲/people/二 \x01“\n.yaml",
    os.fsdecode(b"records/\xd5\xc6/people/\"3'\t.yaml"),
]
VILLAGES = [
    "records/甲/villages.csv",
    "records/乙/villages.csv",
    os.fsdecode(b"records/\xff\x01/villages.csv"),
]
KEYS = ("K1", "K2", "K3")


class Commit:
    def __init__(self, parents: list[int], files: Files) -> None:
        self.parents = parents
        self.files = files

    def __repr__(self) -> str:
        return f"Commit({self.parents}, {self.files})"


@st.composite
def histories(draw: st.DrawFn) -> list[Commit]:
    """Commits, parents first; the last one reaches all."""

    def record() -> Record:
        return {f: draw(st.sampled_from("0123")) for f in FIELDS}

    def step(files: Files) -> Files:
        files = {p: {k: dict(r) for k, r in found.items()} for p, found in files.items()}
        paths = draw(st.sampled_from((PEOPLE, VILLAGES)))
        one, two = draw(st.sampled_from(paths)), draw(st.sampled_from(paths))
        key = draw(st.sampled_from(KEYS))
        here = files.get(one, {})
        kind = draw(
            st.sampled_from(("put", "change", "change", "remove", "copy", "move", "renumber", "file"))
        )
        if kind == "put":
            # A document holds one record, a table several.
            files[one] = {key: record()} | ({} if paths is PEOPLE else here)
        elif here and kind == "change":
            key = draw(st.sampled_from(sorted(here)))
            here[key][draw(st.sampled_from(FIELDS))] = draw(st.sampled_from("0123"))
        elif here and kind == "remove":
            here.pop(draw(st.sampled_from(sorted(here))))
        elif here and one != two and kind in ("copy", "move"):
            key = draw(st.sampled_from(sorted(here)))
            kept = {} if paths is PEOPLE else files.get(two, {})
            files[two] = kept | {key: dict(here[key])}
            if draw(st.booleans()):
                files[two][key][draw(st.sampled_from(FIELDS))] = draw(st.sampled_from("0123"))
            if kind == "move":
                del here[key]
        elif here and kind == "renumber":
            old = draw(st.sampled_from(sorted(here)))
            here.setdefault(key, here.pop(old))
        elif here and one != two and kind == "file":
            files[two] = files.pop(one)
        return {p: found for p, found in files.items() if found}

    made = [Commit([], step({}))]
    heads = [0]
    for _ in range(draw(st.integers(2, 9))):
        if len(heads) > 1 and draw(st.booleans()):
            ours, theirs = heads[0], heads.pop()
            made.append(Commit([ours, theirs], merged(draw, made, ours, theirs)))
            heads[0] = len(made) - 1
            continue
        place = draw(st.integers(0, len(heads)))
        if place == len(heads) and place < 3:
            heads.append(heads[0])
        place = min(place, len(heads) - 1)
        made.append(Commit([heads[place]], step(made[heads[place]].files)))
        heads[place] = len(made) - 1
    while len(heads) > 1:
        theirs = heads.pop()
        if theirs not in ancestors(made, heads[0]):
            made.append(Commit([heads[0], theirs], merged(draw, made, heads[0], theirs)))
            heads[0] = len(made) - 1
    return made


def merged(draw: st.DrawFn, made: list[Commit], ours: int, theirs: int) -> Files:
    """A merge as people make it: mostly what git does, sometimes one side of a file, sometimes a value of its own."""
    base = made[parting(made, ours, theirs)].files
    sides = made[ours].files, made[theirs].files
    result: Files = {}
    for path in sorted({*sides[0], *sides[1]}):
        found = [s.get(path, {}) for s in sides]
        changed = [f for f in found if f != base.get(path, {})]
        choice = changed[0] if len(changed) == 1 else draw(st.sampled_from(found))
        if draw(st.integers(0, 5)) == 0:
            choice = draw(st.sampled_from(found))
        result[path] = {k: dict(r) for k, r in choice.items()}
        if result[path] and draw(st.integers(0, 9)) == 0:
            key = draw(st.sampled_from(sorted(result[path])))
            result[path][key][draw(st.sampled_from(FIELDS))] = "9"
    return {p: f for p, f in result.items() if f}


def ancestors(made: list[Commit], commit: int) -> set[int]:
    found, left = set[int](), [commit]
    while left:
        here = left.pop()
        if here not in found:
            found.add(here)
            left += made[here].parents
    return found


def parting(made: list[Commit], ours: int, theirs: int) -> int:
    # Commits are made in order: the newest of those that both reach.
    return max(ancestors(made, ours) & ancestors(made, theirs))


# the account


def account(made: list[Commit]) -> Iterator[tuple[Any, ...]]:
    """Tell each commit from the whole states before and after it: (commit, action, table, key, field, before, after, file)."""
    past = Past([], [], [])
    for n, commit in enumerate(made):
        for table, paths in (("people", PEOPLE), ("villages", VILLAGES)):
            for key in KEYS:
                new = held(commit.files, paths, key)
                if len(commit.parents) < 2:
                    old = held(made[commit.parents[0]].files, paths, key) if commit.parents else {}
                else:
                    states = [
                        held(made[i].files, paths, key)
                        for i in (parting(made, *commit.parents), *commit.parents)
                    ]
                    old = should_be(states[0], states[1:], new)
                for row in told(n, table, key, old, new, past, ancestors(made, n)):
                    yield (n, *row)


def held(files: Files, paths: list[str], key: str) -> dict[str, Record]:
    return {p: files[p][key] for p in paths if key in files.get(p, {})}


def should_be(
    base: dict[str, Record], sides: list[dict[str, Record]], new: dict[str, Record]
) -> dict[str, Record]:
    states = [base, *sides, new]
    same = {p for p in new if all(s.get(p) == new[p] for s in states)}
    moving = [{p: r for p, r in s.items() if p not in same} for s in states]
    if all(len(s) <= 1 for s in moving):
        place = next((p for s in (moving[-1], *moving[1:-1]) for p in s), "")
        moving = [dict.fromkeys((place,) if s else (), *s.values()) for s in moving]
    result = {p: new[p] for p in same}
    for path in {p for s in moving for p in s}:
        one = three_way(moving[0].get(path), [s.get(path) for s in moving[1:-1]], moving[-1].get(path))
        if one is not None:
            result[path] = one
    return result


def three_way(base: Record | None, sides: list[Record | None], now: Record | None) -> Record | None:
    def pick(base: Any, sides: list[Any], now: Any) -> Any:
        lost = [s for s in sides if s not in (base, now)]
        return lost[0] if lost else now if now in sides else base

    if now is None or None in sides:
        return pick(base, sides, now)  # type: ignore[no-any-return]
    return {f: pick((base or {}).get(f), [s[f] for s in sides if s], now[f]) for f in FIELDS}


class Past(NamedTuple):
    """What was told: where records came to stand or left (commit, table, key, file, life), fields written, removals."""

    stays: list[tuple[int, str, str, str, str]]
    written: list[tuple[int, str, str, str, str, str]]
    removed: list[tuple[int, str, str, Record, str]]


def same(one: Record, two: Record) -> bool:
    """Whether two records of one key are one: alike in half the fields, or in three when they are called otherwise."""
    alike = sum(one[f] == two[f] for f in FIELDS)
    return alike >= (2 if one["name"] == two["name"] else 3)


def told(
    n: int,
    table: str,
    key: str,
    old: dict[str, Record],
    new: dict[str, Record],
    past: Past,
    before: set[int],
) -> Iterator[tuple[Any, ...]]:
    def differences(one: Record, two: Record, file: str, life: str) -> Iterator[tuple[Any, ...]]:
        for f in FIELDS:
            if one[f] != two[f]:
                past.written.append((n, table, key, f, file, life))
                yield ("changed", table, key, f, one[f], two[f], file)

    def best(record: Record, others: dict[str, Record]) -> str | None:
        return max(sorted(others), key=lambda p: sum(record[f] == others[p][f] for f in FIELDS), default=None)

    def twin(record: Record, others: dict[str, Record]) -> str | None:
        return best(record, {p: r for p, r in others.items() if same(record, r)})

    known = [s[3:] for s in past.stays if s[0] in before and s[1:3] == (table, key)]
    lives = dict(known)
    gone = {p: r for p, r in old.items() if p not in new}
    left = dict(gone)
    for path in sorted(old.keys() & new.keys()):
        yield from differences(old[path], new[path], path, lives[path])
    for path in sorted(new.keys() - old.keys()):
        source = twin(new[path], left) or twin(new[path], old)
        if (
            source is None
            and len(gone) == len(new) == 1
            and new[path]["name"] == next(iter(gone.values()))["name"]
        ):
            source = next(iter(gone))
        back = [r[3:] for r in past.removed if r[0] in before and r[0] < n and r[1:3] == (table, key)]
        if source is not None:
            lives[path] = lives[source]
            left.pop(source, None)
            yield from differences(old[source], new[path], path, lives[path])
        elif back and same(back[-1][0], new[path]):
            lives[path] = back[-1][1]
            yield ("added", table, key, "", "", "", path)
            yield from differences(back[-1][0], new[path], path, lives[path])
        else:
            start = f"{path} {new[path]['name']}"
            begun = {life for _, life in known if life.partition(" again ")[0] == start}
            lives[path] = start + (f" again {len(begun)}" if begun else "")
            yield ("added", table, key, "", "", "", path)
        past.stays.append((n, table, key, path, lives[path]))
    for path in sorted(gone):
        past.stays.append((n, table, key, path, ""))
        if path not in left:
            continue
        other = best(gone[path], {p: r for p, r in new.items() if lives[p] == lives[path]})
        if other is None:
            yield from (
                ("removed", table, key, f, v, "", path) for f, v in (("id", key), *gone[path].items())
            )
            past.removed.append((n, table, key, gone[path], lives[path]))
            continue
        # What was written last in the copy that goes is taken back.
        last = {
            w[3]: w[4]
            for w in past.written
            if w[0] in before and w[1:3] == (table, key) and w[5] == lives[path]
        }
        for row in list(differences(gone[path], new[other], other, lives[path])):
            if last.get(row[3]) == path:
                yield row
            else:
                past.written.remove((n, table, key, row[3], other, lives[path]))


# the same history in a repository


def written_out(made: list[Commit], root: Path) -> list[str]:
    def quoted(path: str) -> bytes:
        odd = {34: b'\\"', 92: b"\\\\", 10: b"\\n"}
        return b'"' + b"".join(odd.get(b, bytes([b])) for b in os.fsencode(path)) + b'"'

    parts = []
    for n, commit in enumerate(made):
        parts.append(
            b"commit refs/heads/main\nmark :%d\ncommitter x <x@example.invalid> %d +0800\ndata 1\nx\n"
            % (n + 1, 1_767_225_600 + 60 * n)
        )
        parts += [b"%s :%d\n" % (b"merge" if i else b"from", p + 1) for i, p in enumerate(commit.parents)]
        parts.append(b"deleteall\n")
        for path, records in commit.files.items():
            if path.endswith(".csv"):
                lines = [",".join(("id", *FIELDS)), *(",".join((k, *r.values())) for k, r in records.items())]
                text = "".join(f"{line}\n" for line in lines)
            else:
                text = "".join(
                    f"id: {k}\n" + "".join(f"{f}: {v}\n" for f, v in r.items()) for k, r in records.items()
                )
            data = text.encode()
            parts.append(b"M 100644 inline %s\ndata %d\n%s\n" % (quoted(path), len(data), data))
    run = ["git", "-C", str(root), "-c", "init.defaultBranch=main"]
    subprocess.run([*run, "init", "-q"], check=True)
    marks = root.parent / f"{root.name}.marks"
    importing = [*run, "fast-import", "--quiet", "--force", f"--export-marks={marks}"]
    subprocess.run(importing, input=b"".join(parts), check=True)
    named = dict(line.split() for line in marks.read_text().splitlines())
    return [named[f":{n + 1}"] for n in range(len(made))]


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(made=histories())
def test_a_history_is_told_as_by_the_slow_and_obvious_account(made: list[Commit]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        tree = Tree(Path(folder) / "tree")
        fields = ["id", *FIELDS]
        tree.table("people", fields, path="records/*/people/*.yaml", primaryKey=["id"])
        tree.table("villages", fields, path="records/*/villages.csv", primaryKey=["id"])
        ids = written_out(made, tree.root)
        package = Project.open(tree.root).package
        found = read_history(tree.root, package, ids[-1], None)
        assert {c.id for c in found.commits} <= set(ids)
        place = {c: n for n, c in enumerate(ids)}
        rows = [
            (place[c.commit], c.action, c.table, c.key, c.field, c.before, c.after, c.file)
            for c in found.changes
        ]
        reached = ancestors(made, len(made) - 1)
        expected = [
            (*row[:-1], os.fsencode(row[-1]).decode("utf-8", "backslashreplace"))
            for row in account(made)
            if row[0] in reached
        ]

        def place_aside(row: tuple[Any, ...]) -> tuple[Any, ...]:
            # What a merge lost while it moved may be told of either place.
            lost = row[1] == "removed" and len(made[row[0]].parents) > 1
            return (*row[:-1], "") if lost else row

        assert sorted(map(place_aside, rows)) == sorted(map(place_aside, expected))
        # Read in two goes, from what was kept of the first, it is the same.
        cache = Cache(Path(folder) / "cache")
        for tip in itertools.islice(ids, 0, None, max(1, len(ids) // 2)):
            read_history(tree.root, package, tip, cache)
        assert sorted(read_history(tree.root, package, ids[-1], cache).changes) == sorted(found.changes)
