"""The sample city's history as a whole: what happened in it is found, and what it says adds up to the records of today."""

from __future__ import annotations

from pathlib import Path

import pytest
from history import Made, read_source

from lingtouyan.history.changes import Change, History, read_history
from lingtouyan.history.tree import CommitTree, resolve
from lingtouyan.history.versions import Versions
from lingtouyan.project import Project
from lingtouyan.reading.documents import rows_of
from lingtouyan.reading.package import Package
from lingtouyan.reading.records import read_records
from lingtouyan.reading.source import WorkTree, glob_regex

pytestmark = pytest.mark.exhaustive

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def project(city: Made) -> Project:
    return Project.open(city.root)


@pytest.fixture(scope="module")
def history(city: Made, project: Project) -> History:
    return read_history(city.root, project.package, city.marks["last"], None)


@pytest.fixture(scope="module")
def rows(history: History) -> dict[str, list[Change]]:
    found: dict[str, list[Change]] = {}
    for change in history.changes:
        found.setdefault(change.commit, []).append(change)
    return found


def test_the_history_ends_with_the_sample_city(city: Made) -> None:
    assert read_source(city.root) == read_source(ROOT)
    assert city.commits > 250


@pytest.mark.parametrize(
    "name", ["rename", "split", "re-sorted", "re-formatted", "gb18030", "crlf", "lf", "broken", "mended"]
)
def test_what_moves_and_respells_records_changes_none(
    city: Made, rows: dict[str, list[Change]], name: str
) -> None:
    assert rows.get(city.marks[name], []) == []


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("moved-village", {"township_id"}),
        ("mistake", {"birthplace"}),
        ("revert", {"birthplace"}),
        ("dropped", {"birthplace"}),
        ("drop", {"birthplace"}),
        ("evil-merge", {"birthplace"}),
        ("list-reordered", {"ordinal"}),
    ],
)
def test_what_changes_a_value_is_that_value_and_no_other(
    city: Made, rows: dict[str, list[Change]], name: str, fields: set[str]
) -> None:
    found = rows[city.marks[name]]
    assert {c.field for c in found} == fields
    assert len({c.root_key for c in found}) == 1
    assert all(c.action == "changed" for c in found)


def test_a_merge_brings_what_was_done_on_its_branch(city: Made, history: History) -> None:
    merges = {c.id: c for c in history.commits if len(c.parents) > 1}
    assert len(merges) > 50
    assert set(history.brought.values()) == set(merges)
    by_id = {c.id: c for c in history.commits}
    assert all(by_id[c].author != merges[m].author for c, m in history.brought.items())


def test_the_last_word_of_the_history_is_what_the_records_say(project: Project, history: History) -> None:
    package = project.package
    records = read_records(WorkTree(project.root), package)
    # The items of a list are counted by place, which shifts; there the number of items must agree.
    numbered = {n for n, t in package.tables.items() if t.primary_key[-1:] == ("ordinal",)}
    below = {n for n, t in package.tables.items() if t.parent in numbered}
    assert not below
    counted: dict[tuple[str, str], int] = {}
    last: dict[tuple[str, str, str], Change] = {}
    there: dict[tuple[str, str], bool] = {}
    gone: set[tuple[str, str, str]] = set()
    for change in history.changes:
        if change.table in numbered:
            step = (change.commit, change.table, change.key)
            if change.action == "added" or (change.action == "removed" and step not in gone):
                gone.add(step)
                place = (change.table, change.root_key)
                counted[place] = counted.get(place, 0) + (1 if change.action == "added" else -1)
            continue
        there[change.table, change.key] = change.action != "removed"
        if change.action == "changed":
            last[change.table, change.key, change.field] = change
        elif change.action == "added":
            for field in package.tables[change.table].fields:
                last.pop((change.table, change.key, field.name), None)
    today: dict[tuple[str, str], dict[str, str]] = {}
    # What came with the import and was never touched has no row of its own: the file names the import.
    imported: set[tuple[str, str]] = set()
    for name, table in package.tables.items():
        names = [f.name for f in table.fields]
        for file, (_, cells) in records.rows(name):
            record = {n: c or "" for n, c in zip(names, cells, strict=True)}
            key = "/".join(record[k] for k in table.primary_key)
            today[name, key] = record
            if file in history.imports:
                imported.add((name, key))
    assert imported
    assert imported.isdisjoint(there)
    assert set(history.imports.values()) <= {c.id for c in history.commits}
    assert {k for k, alive in there.items() if alive} == {k for k in today if k[0] not in numbered} - imported
    items: dict[tuple[str, str], int] = {}
    for table, key in today.keys() - imported:
        if table in numbered:
            items[table, key.rpartition("/")[0]] = items.get((table, key.rpartition("/")[0]), 0) + 1
    assert {k: n for k, n in counted.items() if n} == items
    wrong = [
        c
        for (table, key, field), c in last.items()
        if (table, key) in today and c.after != "●●●" and c.after != today[table, key][field]
    ]
    assert wrong == []


def test_files_are_read_as_the_register_reads_them(city: Made, project: Project) -> None:
    package = project.package
    tree = CommitTree(city.root, resolve(city.root, "HEAD"))
    versions = Versions(city.root, package)
    names = tree.files(["records"]).files
    blobs = tree.digests(names)
    compared = 0
    for table in package.tables.values():
        if table.kind not in ("yaml", "markdown") or not table.path:
            continue
        pattern = glob_regex(table.path)
        for path, data in tree.read_all([n for n in names if pattern.match(n)]):
            assert isinstance(data, bytes)
            rows, _ = rows_of(data, path, table, package)
            [document] = (versions.read(table, path, blobs[path]) or {}).values()
            assert document == _by_key(package, rows), path
            compared += 1
    assert compared > 500


def _by_key(package: Package, rows: dict[str, list[tuple[int, list[str | None]]]]) -> dict[str, object]:
    result: dict[str, object] = {}
    for name, found in rows.items():
        table = package.tables[name]
        records = [
            {f.name: c for f, c in zip(table.fields, cells, strict=True) if c is not None}
            for _, cells in found
        ]
        result[name] = {tuple(r.get(k, "") for k in table.primary_key): r for r in records}
    return result
