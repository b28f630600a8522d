"""What a change really changes: two registers compared, in the terms of records, rules, figures and prints.

A typed account first; how it is written for a terminal, a comment or a script is another room's matter.
"""

from __future__ import annotations

import datetime
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from generator.history.changes import Change, Key, Records, table_changes
from generator.history.checkout import extract, first_common, resolve
from generator.history.design import design_changes
from generator.history.git import Commit
from generator.history.proposal import Proposal, proposal_of
from generator.problems import Problem, has_errors
from generator.project import EDITIONS, Project
from generator.reading.package import Package, Sensitivity, Table
from generator.reading.records import Records as ReadRecords
from generator.reading.records import read_records
from generator.register.building import Register, build_register
from generator.register.database import quote
from generator.register.editions import write_edition

ALARM_SHARE = 0.05
FIGURE_JUMP = 0.2
_ALARM_FROM = 20


@dataclass(frozen=True, slots=True)
class RecordChange:
    """All that changes in one record, its list items included.

    Attributes:
        title: what the record is called, with its table's title.
        action: `added`, `changed`, `removed` or `renamed`.
        former: its former key, when it was renamed.
    """

    table: str
    key: str
    title: str
    action: str
    changes: tuple[Change, ...]
    former: str = ""


@dataclass(frozen=True, slots=True)
class FigureChange:
    """One figure of a view whose header declares `compare`."""

    view: str
    row: str
    column: str
    before: Any
    after: Any


@dataclass
class Review:
    """The account of a change.

    Attributes:
        base, head: what was compared.
        alarms: things about the whole, to be read first.
        records: records that change, in the order of tables and keys.
        broken, met: findings that are new, and findings that are gone.
        problems: everything wrong at the head.
        design: tables, fields, rules, views and templates that change, in words.
        figures: figures that move.
        prints: dossiers whose content changes, as edition and path.
        proposal: the commits and their files.
    """

    base: Commit
    head: Commit
    as_of: datetime.date
    alarms: list[str] = field(default_factory=list)
    records: list[RecordChange] = field(default_factory=list)
    broken: list[Problem] = field(default_factory=list)
    met: list[Problem] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    design: list[str] = field(default_factory=list)
    figures: list[FigureChange] = field(default_factory=list)
    prints: list[tuple[str, str]] = field(default_factory=list)
    proposal: Proposal = field(default_factory=Proposal)
    titles: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def refused(self) -> bool:
        """Whether the head has errors."""
        return has_errors(self.problems)


def review(root: Path, base: str, head: str, as_of: str | None = None, *, prints: bool = True) -> Review:
    """Compare two revisions; the change is what `head` made since the two parted.

    Args:
        root: the repository; its work tree is not touched.
        base, head: names, tags, numbers or dates of commits.
        as_of: reference date for both sides; None takes the head's.
        prints: also say which dossiers change.

    Raises:
        UsageError: a revision is unknown.
        RecordsError: a side cannot be read at all.
    """
    head_commit = resolve(root, head)
    base_commit = resolve(root, first_common(root, resolve(root, base).id, head_commit.id))
    with tempfile.TemporaryDirectory(prefix="lingtouyan-") as folder:
        old_project, new_project = (
            _laid_out(root, commit, Path(folder) / name)
            for name, commit in (("base", base_commit), ("head", head_commit))
        )
        date = new_project.as_of(as_of)
        result = Review(base_commit, head_commit, date)
        old_rows = read_records(old_project.root, old_project.package)
        new_rows = read_records(new_project.root, new_project.package)
        changes = list(_changes(old_project.package, old_rows, new_project.package, new_rows))
        result.proposal = proposal_of(root, base_commit.id, head_commit.id, changes)
        files = {
            s: {e: Path(folder) / f"{s}-{e}.duckdb" for e in EDITIONS if prints} for s in ("base", "head")
        }
        old = build_register(old_project, date, records=old_rows, attached=files["base"])
        new = build_register(
            new_project, date, records=new_rows, attached=files["head"], proposal=result.proposal
        )
        result.titles = {
            (t.name, f.name): f.title
            for p in (old_project, new_project)
            for t in p.package.tables.values()
            for f in t.fields
        }
        result.records = _by_record(changes, old_project.package, old_rows, new_project.package, new_rows)
        result.problems = new.problems
        result.broken, result.met = _findings(old.problems, new.problems)
        result.design = list(design_changes(old_project, new_project))
        result.figures = list(_figures(old, new))
        result.alarms = list(_alarms(changes, old_rows, new_project.package, result.figures))
        if prints:
            before = _fingerprints(old_project, old, files["base"], date)
            after = _fingerprints(new_project, new, files["head"], date)
            result.prints = sorted(p for p, digest in after.items() if before.get(p) != digest)
    return result


def _laid_out(root: Path, commit: Commit, place: Path) -> Project:
    place.mkdir()
    extract(root, commit, place)
    return Project.open(place, commit)


def _by_key(table: Table, rows: ReadRecords) -> tuple[Records, dict[tuple[str, Key], str]]:
    names = [f.name for f in table.fields]
    places = [names.index(k) for k in table.primary_key]
    records: Records = {}
    where: dict[tuple[str, Key], str] = {}
    for file, (_, cells) in rows.rows(table.name):
        key = tuple(cells[i] or "" for i in places)
        records[key] = {n: c for n, c in zip(names, cells, strict=True) if c is not None}
        where[table.name, key] = file
    return records, where


def _changes(
    old_package: Package, old: ReadRecords, new_package: Package, new: ReadRecords
) -> Iterator[Change]:
    for name in dict.fromkeys([*new_package.tables, *old_package.tables]):
        # Each side by its own schema; a field or table that only one side knows still counts.
        before, was = _by_key(old_package.tables[name], old) if name in old_package.tables else ({}, {})
        after, now = _by_key(new_package.tables[name], new) if name in new_package.tables else ({}, {})
        package = new_package if name in new_package.tables else old_package
        if package.tables[name].primary_key:
            yield from table_changes(package, package.tables[name], "", [before], after, {**was, **now})


def _by_record(
    changes: list[Change], old_package: Package, old: ReadRecords, new_package: Package, new: ReadRecords
) -> list[RecordChange]:
    grouped: dict[tuple[str, str], list[Change]] = {}
    for change in changes:
        grouped.setdefault((change.root_table, change.root_key), []).append(change)
    names = {**_names(old_package, old, grouped), **_names(new_package, new, grouped)}
    result = []
    for (table, key), members in grouped.items():
        own = [c for c in members if c.table == table]
        action = (
            "added"
            if any(c.action == "added" for c in own)
            else "removed"
            if any(c.action == "removed" for c in own)
            else "changed"
        )
        package = new_package if table in new_package.tables else old_package
        title = f"{package.tables[table].title} {names.get((table, key), '')}".strip()
        result.append(RecordChange(table, key, title, action, tuple(members)))
    return _renamed(result, old_package, old, new_package, new)


def _names(
    package: Package, rows: ReadRecords, wanted: dict[tuple[str, str], list[Change]]
) -> dict[tuple[str, str], str]:
    """Return the words that a record is called by; a label that is restricted is not used."""
    names: dict[tuple[str, str], str] = {}
    for name in {t for t, _ in wanted} & set(package.tables):
        table = package.tables[name]
        label = table.field(table.label)
        if label is None or label.sensitivity is Sensitivity.RESTRICTED or table.primary_key == (label.name,):
            continue
        for key, record in _by_key(table, rows)[0].items():
            names[name, "/".join(key)] = record.get(label.name, "")
    return names


def _renamed(
    records: list[RecordChange],
    old_package: Package,
    old: ReadRecords,
    new_package: Package,
    new: ReadRecords,
) -> list[RecordChange]:
    """Pair a record that went with one that came and is the same in all but its key."""
    gone = {r.key: r for r in records if r.action == "removed"}
    came = [r for r in records if r.action == "added"]
    if not gone or not came:
        return records
    paired: dict[tuple[str, str], RecordChange] = {}
    lost: set[tuple[str, str]] = set()
    for name in {r.table for r in came}:
        if name not in old_package.tables or name not in new_package.tables:
            continue
        table = new_package.tables[name]
        before, after = _by_key(old_package.tables[name], old)[0], _by_key(table, new)[0]
        index: dict[frozenset[tuple[str, str]], str] = {}
        for r in gone.values():
            if r.table == name:
                index[_apart_from_key(table, before.get(tuple(r.key.split("/")), {}))] = r.key
        for r in came:
            former = (
                index.get(_apart_from_key(table, after.get(tuple(r.key.split("/")), {})))
                if r.table == name
                else None
            )
            if former is not None:
                paired[name, r.key] = RecordChange(name, r.key, r.title, "renamed", (), former)
                lost.add((name, former))
    return [paired.get((r.table, r.key), r) for r in records if (r.table, r.key) not in lost]


def _apart_from_key(table: Table, record: dict[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset((k, v) for k, v in record.items() if k not in table.primary_key)


def _findings(old: list[Problem], new: list[Problem]) -> tuple[list[Problem], list[Problem]]:
    """Return findings that are new and findings that are gone; one that only moved to another line is neither."""

    def identity(problem: Problem) -> tuple[str, str, str]:
        return problem.rule, problem.column, problem.message

    before, after = Counter(map(identity, old)), Counter(map(identity, new))
    return (
        [p for p in new if before[identity(p)] < after[identity(p)]],
        [p for p in old if after[identity(p)] < before[identity(p)]],
    )


def _figures(old: Register, new: Register) -> Iterator[FigureChange]:
    views = {v.name: v for v in old.views}
    for view in new.views:
        compare = view.header.get("compare")
        if not isinstance(compare, list) or view.name not in views:
            continue
        keys = [str(k) for k in compare]
        before, after = (_figure_rows(r, view.name, keys) for r in (old, new))
        for row in dict.fromkeys([*before, *after]):
            mine, others = before.get(row, {}), after.get(row, {})
            for column in dict.fromkeys([*mine, *others]):
                if mine.get(column) != others.get(column):
                    yield FigureChange(
                        view.text("title", view.name),
                        " · ".join(row),
                        column,
                        mine.get(column),
                        others.get(column),
                    )


def _figure_rows(register: Register, view: str, keys: list[str]) -> dict[tuple[str, ...], dict[str, Any]]:
    cursor = register.connection.execute(f"SELECT * FROM {quote(view)}")
    columns = [d[0] for d in cursor.description or ()]
    result = {}
    for values in cursor.fetchall():
        row = dict(zip(columns, values, strict=True))
        key = tuple(str(row.get(k, "")) for k in keys)
        result[key] = {
            c: v
            for c, v in row.items()
            if c not in keys and isinstance(v, (int, float)) and not isinstance(v, bool)
        }
    return result


def _alarms(
    changes: list[Change], old: ReadRecords, package: Package, figures: list[FigureChange]
) -> Iterator[str]:
    removed: dict[str, set[str]] = {}
    altered: dict[str, set[str]] = {}
    for change in changes:
        if change.action != "added":
            kind = removed if change.action == "removed" else altered
            kind.setdefault(change.table, set()).add(change.key)
    share = float(package.options.get("alarm_share", ALARM_SHARE))
    for name in dict.fromkeys([*removed, *altered]):
        total = sum(1 for _ in old.rows(name))
        title = package.tables[name].title if name in package.tables else name
        for keys, word in (
            (removed.get(name, set()), "删除"),
            (altered.get(name, set()) - removed.get(name, set()), "改动"),
        ):
            if total >= _ALARM_FROM and len(keys) > share * total:
                yield (
                    f"“{title}”{word}了 {len(keys)} 条记录，占原有 {total} 条的 {len(keys) / total:.1%}，"
                    f"超过 {share:.0%}。请确认是有意为之。"
                )
    jump = float(package.options.get("alarm_jump", FIGURE_JUMP))
    for figure in figures:
        if (
            isinstance(figure.before, (int, float))
            and isinstance(figure.after, (int, float))
            and abs(figure.before) >= 5
        ):
            moved = abs(figure.after - figure.before) / abs(figure.before)
            if moved > jump:
                yield (
                    f"“{figure.view}”{figure.row} 的 {figure.column} 由 {figure.before:g} 变为 {figure.after:g}，"
                    f"变动 {moved:.0%}。请核对。"
                )


def _fingerprints(
    project: Project, register: Register, files: dict[str, Path], date: datetime.date
) -> dict[tuple[str, str], str]:
    from generator.rendering.printing_house import fingerprints

    for edition in files:
        write_edition(register.connection, register.views, project.package, edition)
    return fingerprints(project, files, date)
