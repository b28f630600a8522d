"""What a change really changes: two trees compared in the terms of records, findings, figures and prints.

Records are compared from the files that differ; findings, figures and prints come from a register of each side.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import tempfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lingtouyan.checks.register import Register, build_register, turn_back
from lingtouyan.checks.rules import Finding
from lingtouyan.database.database import quote, record_key
from lingtouyan.database.editions import write_edition
from lingtouyan.database.statements import Statement, read_statements
from lingtouyan.history.changes import HIDDEN, Change, History, Place, table_changes, twin_of
from lingtouyan.history.git import Commit
from lingtouyan.history.log import Graph, read_log, refuse_shallow
from lingtouyan.history.tree import first_common, resolve
from lingtouyan.history.versions import Key, Record, Records
from lingtouyan.problems import Problem, RecordsError, UsageError, error, has_errors, in_order
from lingtouyan.project import SITES, Project
from lingtouyan.reading.documents import rows_of
from lingtouyan.reading.package import DESCRIPTOR, Sensitivity, Table, has_hidden_key
from lingtouyan.review import alarms
from lingtouyan.review.alarms import Comparison, FigureChange, Figures
from lingtouyan.review.schema_changes import SchemaChange, changed_files, loud, schema_changes
from lingtouyan.templates.templates import read_templates

if TYPE_CHECKING:
    from lingtouyan.pdf.jobs import Fingerprint


class RecordChange(NamedTuple):
    """All that changes in one record, its list items included; `kind` is its table's title, `values` what may be shown.

    `action` is `added`, `changed`, `removed` or `renamed`; `former` is its former key then.
    """

    table: str
    key: str
    name: str
    kind: str
    action: str
    changes: tuple[Change, ...]
    values: Mapping[str, str]
    former: str = ""


class PrintChange(NamedTuple):
    """A dossier that is not the same on both sides: to print `again`, `new` or `gone`; `keys` are those of its row."""

    edition: str
    path: str
    title: str
    action: str
    keys: Mapping[str, str]


class ParameterChange(NamedTuple):
    """A parameter that changes, with its value before and after, and rule -> findings newly broken and newly met."""

    words: str
    rules: Mapping[str, tuple[int, int]]


@dataclass
class SubjectChange:
    """All that a change does to one subject; `name` tells it from the others of the change."""

    table: str
    key: str
    name: str = ""
    records: list[RecordChange] = field(default_factory=list)
    broken: list[Problem] = field(default_factory=list)
    met: list[Problem] = field(default_factory=list)
    prints: list[PrintChange] = field(default_factory=list)

    @property
    def weight(self) -> int:
        """Order of reading: new errors, then new warnings, then the rest."""
        return -2 * has_errors(self.broken) - bool(self.broken)


@dataclass
class Review:
    """The account of a change.

    Attributes:
        base, head: what was compared.
        alarms: sentences about the whole, to be read first.
        subjects: records, findings and prints under whom or what they are about.
        broken, met: findings that are new, and findings that are gone; `problems` everything wrong at the head.
        rules: id -> each rule of either side.
        altered: rules that ask otherwise than before or not at all: what they no longer find is not thereby mended.
        prints: dossiers that are not the same on both sides; None when they were not compared.
        proposal: the commits and their files.
        names: what records are called, as far as that may be shown.
    """

    base: Commit
    head: Commit
    as_of: datetime.date
    sides: tuple[Side, Side]
    names: dict[Place, str] = field(default_factory=dict)
    alarms: list[str] = field(default_factory=list)
    records: list[RecordChange] = field(default_factory=list)
    subjects: list[SubjectChange] = field(default_factory=list)
    broken: list[Problem] = field(default_factory=list)
    met: list[Problem] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    rules: dict[str, Statement] = field(default_factory=dict)
    altered: set[str] = field(default_factory=set)
    design: list[SchemaChange] = field(default_factory=list)
    settings: list[ParameterChange] = field(default_factory=list)
    figures: list[FigureChange] = field(default_factory=list)
    prints: list[PrintChange] | None = None
    proposal: History = field(default_factory=History)

    @property
    def refused(self) -> bool:
        """Whether the head has errors."""
        return has_errors(self.problems)

    @functools.cached_property
    def tables(self) -> dict[str, Table]:
        """All tables as the head has them, or else as the base had them."""
        return {n: t for side in self.sides for n, t in side.package.tables.items()}


class Side:
    """The rows of one tree, as far as they lie in files that differ."""

    def __init__(self, project: Project, files: Collection[str]) -> None:
        self.project, self.package = project, project.package
        self.rows: dict[str, list[tuple[str, int, list[str | None]]]] = {}
        there = [f for f in sorted(files) if project.source.exists(f)]
        self.files = {f: t for f in there if (t := self.package.owner(f))}
        for name, data in project.source.read_all(list(self.files)):
            if not isinstance(data, Problem):
                for member, found in rows_of(data, name, self.files[name], self.package)[0].items():
                    self.rows.setdefault(member, []).extend((name, line, cells) for line, cells in found)

    def records(self, table: str) -> Iterator[tuple[Key, str, Record]]:
        """Yield key, file and filled fields of the records of a table."""
        if declared := self.package.tables.get(table):
            names = [f.name for f in declared.fields]
            for file, _, cells in self.rows.get(table, ()):
                record = {n: c for n, c in zip(names, cells, strict=True) if c is not None}
                yield tuple(record.get(k, "") for k in declared.primary_key), file, record

    def found(self, table: str) -> dict[str, Record]:
        """Return key -> record."""
        return {"/".join(key): record for key, _, record in self.records(table)}


def review(root: Path, base: str, head: str, as_of: str | None = None, *, prints: bool = True) -> Review:
    """Compare two revisions; the change is what `head` made since the two parted.

    Args:
        base, head: names, tags, numbers or dates of commits.
        as_of: reference date for both sides; None takes the head's.
        prints: also say which dossiers change.

    UsageError: no repository, a revision is unknown, a setting makes no sense. RecordsError: the head cannot be read.
    """
    refuse_shallow(root)
    head_commit = resolve(root, head)
    base_commit = resolve(root, first_common(root, resolve(root, base).id, head_commit.id))
    try:
        new_project = Project.open(root, head_commit.id)
    except UsageError as fault:
        # The call was right; the tree is what is wrong.
        raise RecordsError([error("", 0, "unreadable", f"要审阅的版本无法读取：{fault}")]) from None
    try:
        old_project = Project.open(root, base_commit.id)
    except (RecordsError, UsageError) as fault:
        raise UsageError(
            f"作为基准的版本 {base_commit.short} 无法读取，没有可比的：{fault} 请换一个基准，或者直接运行 check。"
        ) from None
    projects = old_project, new_project
    date = new_project.as_of(as_of)
    files = changed_files(*projects)
    before, after = _sides(*projects, files)
    # Copies of a record are compared with the files that hold it unchanged.
    if copies := _twins(before, after) | _twins(after, before):
        files |= copies
        before, after = _sides(*projects, files)
    changes = list(changes_between(before, after))
    commits = list(read_log(root, head_commit.id, base_commit.id))
    proposal = History(commits, changes, Graph(commits).brought(head_commit.id))
    result = Review(base_commit, head_commit, date, (before, after), proposal=proposal)
    others = files - before.files.keys() - after.files.keys()
    result.design = schema_changes(*projects, others)
    result.records = list(by_record(changes, before, after))
    statements = [
        [s for part in ("macros", "views", "rules") for s in read_statements(p.source, f"schemas/{part}")]
        for p in projects
    ]
    declared = (s for side in statements for s in side if s.file.startswith("schemas/rules/"))
    result.rules = {s.text("id"): s for s in declared}
    comparison = Comparison(*statements)
    only = set(comparison.views)
    if prints:
        from lingtouyan.pdf.jobs import FOLDER, words_asked

        for project in projects:
            # A template that cannot be read is told when it is to be printed.
            with contextlib.suppress(RecordsError):
                only |= words_asked(read_templates(project.source, FOLDER))
    with tempfile.TemporaryDirectory(prefix="lingtouyan-") as folder:
        names = [f"{e}_{side}" for e in SITES for side in ("before", "after") if prints]
        # All are attached at once: a connection that is locked attaches no more.
        paths = {name: Path(folder, f"{name}.duckdb") for name in names}
        read = functools.partial(build_register, as_of=date, attached=paths, history=False, only=only)
        register = read(new_project, proposal=proposal)
        new = _judged(result, comparison, new_project, register, paths, only)
        turned = None
        if before.package.tables == after.package.tables and DESCRIPTOR not in others:
            rows = {n: before.rows.get(n, []) for n in (*before.rows, *after.rows)}
            if not any(f.startswith("schemas/") for f in others):
                turned = turn_back(register, old_project, files, rows, only)
        if turned is None:
            register.connection.close()
            turned = read(old_project)
        old = _judged(result, comparison, old_project, turned, paths, only)
        turned.connection.close()
    result.problems = in_order([*new.problems, *new.faults])
    result.broken, result.met = _findings([*old.problems, *old.faults], result.problems)
    result.altered = alarms.altered_rules(statements[0], statements[1], new.problems)
    for problems in (result.problems, result.broken, result.met):
        problems[:] = _spoken(problems, projects)
    result.settings = list(_settings(result, before, after, [s for side in statements for s in side]))
    result.figures = list(comparison.changes(old.figures, new.figures))
    result.alarms = [
        *loud(result.design),
        *alarms.unread(changes, after),
        *alarms.losses(changes, old.totals, result),
        *alarms.silenced(result),
        *alarms.jumps(result.figures, old_project.settings.alarm_jump),
    ]
    if faults := new.faults or old.faults:
        words = f"卷宗模板有错误，没有计算需要打印的文书：{faults[0].message}（{faults[0].file}）"
        result.alarms.append(words)
    elif prints:
        result.prints = list(_prints(old.prints, new.prints))
    result.subjects = _subjects(result, old, new)
    return result


class _Judged(NamedTuple):
    """What is taken from the register of one side before it is closed or turned into that of the other; `faults`: of prints."""

    problems: list[Problem]
    findings: list[Finding]
    figures: Figures
    totals: Mapping[str, int]
    prints: Mapping[tuple[str, str], Fingerprint]
    faults: list[Problem]


def _judged(
    result: Review,
    comparison: Comparison,
    project: Project,
    register: Register,
    paths: Mapping[str, Path],
    only: Collection[str],
) -> _Judged:
    """Take from a register what the review tells, and the names of what its records refer to.

    The editions of both sides are attached from `paths`, by their names there, and hold what `only` names.
    """
    package, connection = project.package, register.connection
    named = {k.table for r in result.records for k in result.tables[r.table].foreign_keys}
    for name in {*named, *result.sides[1].package.settings.review_subjects} & package.tables.keys():
        table = package.tables[name]
        label = table.field(table.label)
        if label and not label.closed and table.primary_key:
            keys, words = record_key(table.primary_key), quote(label.name)
            sql = f"SELECT {keys}, {words} FROM raw.{quote(name)} WHERE {words} IS NOT NULL"
            for key, called in connection.execute(sql).fetchall():
                if (name, key) not in project.erased:
                    result.names.setdefault((name, key), called)
    changed = {c.table for r in result.records for c in r.changes} & package.tables.keys()
    totals = {n: len(connection.table(f"raw.{quote(n)}")) for n in changed}
    figures = comparison.figures(register)
    prints: Mapping[tuple[str, str], Fingerprint] = {}
    faults: list[Problem] = []
    if paths:
        from lingtouyan.pdf.jobs import fingerprints

        side = "before" if project is result.sides[0].project else "after"
        try:
            for e in SITES:
                write_edition(connection, register.views, package, e, only, f"{e}_{side}")
            found = fingerprints(project, {e: paths[f"{e}_{side}"] for e in SITES}, result.as_of)
            gone = {key for s in result.sides for _, key in s.project.erased}
            prints = {path: f for path, f in found.items() if gone.isdisjoint(f.keys.values())}
        except RecordsError as fault:
            # A template that is wrong is told; all else is told as well.
            faults = fault.problems
    return _Judged(register.problems, register.findings, figures, totals, prints, faults)


def _sides(old: Project, new: Project, files: set[str]) -> list[Side]:
    """Return both trees with the records of all files that differ, or that are read otherwise than on the other side."""
    sides = []
    for mine, other in ((old, new), (new, old)):
        package, tables = mine.package, other.package.tables
        otherwise = {package.origin(t).name for n, t in package.tables.items() if t != tables.get(n)}
        names = mine.source.files([""]).files if otherwise else ()
        sides.append(
            Side(mine, files | {f for f in names if (t := package.owner(f)) and t.name in otherwise})
        )
    return sides


def _twins(side: Side, other: Side) -> set[str]:
    """Return files that are the same on both sides and hold a record which a differing file holds on one side alone."""
    found: set[str] = set()
    names = [n for n in side.project.source.files([""]).files if n not in side.files and n not in other.files]
    for name, table in side.package.tables.items():
        held = {k for k, _, _ in other.records(name)}
        alone = {k: r for k, _, r in side.records(name) if k not in held and name in other.package.tables}
        same = [n for n in names if side.package.owner(n) is table] if alone else []
        words = {k[-1].encode() for k in alone if k}
        for file, data in side.project.source.read_all(same):
            if isinstance(data, bytes) and any(w in data for w in words):
                twin = Side(side.project, {file})
                if any(k in alone and twin_of(table, alone[k], {file: r}) for k, _, r in twin.records(name)):
                    found.add(file)
    return found


def changes_between(old: Side, new: Side) -> Iterator[Change]:
    """Yield every change of a field or record; a field or table that only one side knows counts too."""
    for name in dict.fromkeys([*new.package.tables, *old.package.tables]):
        package = new.package if name in new.package.tables else old.package
        table = package.tables[name]
        if not table.primary_key:
            continue
        changes = table_changes(package, table, *_differing(table, old, new))
        if has_hidden_key(table):
            # That there is an item in a restricted list tells enough: only that something in the record changed is told.
            files: dict[Place, str] = {}
            for c in changes:
                files.setdefault((c.root_table, HIDDEN if c.table == c.root_table else c.root_key), c.file)
            for place, file in files.items():
                yield Change("", "changed", *place, *place, "", HIDDEN, HIDDEN, file)
        else:
            yield from changes


def _differing(table: Table, old: Side, new: Side) -> tuple[Records, Records, dict[tuple[str, Key], str]]:
    before: Records = {}
    after: Records = {}
    where: dict[tuple[str, Key], str] = {}
    found: dict[Key, tuple[list[tuple[Record, str]], list[tuple[Record, str]]]] = {}
    for place, side in enumerate((old, new)):
        for key, file, record in side.records(table.name):
            found.setdefault(key, ([], []))[place].append((record, file))
    for key, (olds, news) in found.items():
        # Where a key stands twice, what is the same on both sides counts, or stands in the same file.
        pairs = [(was, now) for was in olds for now in news]
        pair = max(pairs, key=lambda p: (p[0][0] == p[1][0], p[0][1] == p[1][1]), default=None)
        if olds:
            before[key], where[table.name, key] = pair[0] if pair else olds[-1]
        if news:
            after[key], where[table.name, key] = pair[1] if pair else news[-1]
    same = {k for k, record in after.items() if before.get(k) == record}
    if table.parent:
        # Items of one list are told apart by their neighbours: a list is left out whole or not at all.
        touched = {k[:-1] for k in (*before, *after) if k not in same}
        same = {k for k in same if k[:-1] not in touched}
    for key in same:
        del before[key], after[key]
    return before, after, where


def by_record(changes: Iterable[Change], old: Side, new: Side) -> Iterator[RecordChange]:
    """Group changes by the record whose document holds them; one that only changed its key is told as renamed."""
    guarded = {n for side in (old, new) for n, t in side.package.tables.items() if t.compartments}
    erased = old.project.erased | new.project.erased
    grouped: dict[str, dict[str, list[Change]]] = {}
    for change in changes:
        if change.root_table in guarded or (change.root_table, change.root_key) in erased:
            # Whether a row is in the compartment may be what changes: of none is told more than that it did.
            place = (change.root_table, HIDDEN)
            change = Change("", "changed", *place, *place, "", HIDDEN, HIDDEN, change.file)
        of_key = grouped.setdefault(change.root_table, {}).setdefault(change.root_key, [])
        if change.root_key != HIDDEN or change not in of_key:
            of_key.append(change)
    for name, mine in grouped.items():
        table = (new.package if name in new.package.tables else old.package).tables[name]
        was, now = old.found(name), new.found(name)

        def apart(record: Record, keys: Collection[str] = table.primary_key) -> frozenset[tuple[str, str]]:
            return frozenset((k, v) for k, v in record.items() if k not in keys)

        # A record that came and one that went, the same in all but the key, are one.
        gone = {apart(was[k]): k for k in mine if k in was and k not in now}
        came = [k for k in mine if k in now and k not in was]
        formers = {k: former for k in came if (former := gone.pop(apart(now[k]), ""))}
        restricted = {f.name for f in table.fields if f.closed}
        for key in (k for k in mine if k not in formers.values()):
            former, record = formers.get(key, ""), now.get(key) or was.get(key) or {}
            action = "added" if key not in was else "removed" if key not in now else "changed"
            action = "renamed" if former else "changed" if key == HIDDEN else action
            shown = {f.name: record[f.name] for f in table.fields if f.name in record.keys() - restricted}
            called = "" if table.primary_key == (table.label,) else shown.get(table.label, "")
            told = () if former else tuple(mine[key])
            yield RecordChange(name, key, called, table.title, action, told, shown, former)


def _findings(old: list[Problem], new: list[Problem]) -> tuple[list[Problem], list[Problem]]:
    """Return findings that are new and findings that are gone; one that only moved to another line is neither."""
    told = attrgetter("rule", "column", "message")
    before, after = Counter(map(told, old)), Counter(map(told, new))
    fresh, gone = after - before, before - after
    return [p for p in new if told(p) in fresh], [p for p in old if told(p) in gone]


def _spoken(problems: Iterable[Problem], projects: Collection[Project]) -> Iterator[Problem]:
    """Yield problems as everybody may read them: nothing is said of records that a compartment may hold."""
    said = "这里的记录属于保密分隔，内容不显示。请有权的人在本机运行 lingtouyan check 查看。"
    for problem in problems:
        hidden = any((t := p.package.owner(problem.file)) and t.compartments for p in projects)
        yield replace(problem, message=said) if hidden else problem


def _settings(
    result: Review, before: Side, after: Side, statements: Sequence[Statement]
) -> Iterator[ParameterChange]:
    """Yield the parameters that change, and what that does to the findings of the rules that look them up."""
    name = after.package.settings.review_parameters
    table = after.package.tables.get(name)
    changed = [c for r in result.records for c in r.changes if c.table == name]
    if table is None or not changed:
        return
    value = table.field("value")
    if value is None or value.sensitivity is Sensitivity.RESTRICTED:
        raise UsageError(
            f"{DESCRIPTOR} 的 lingtouyan.review_parameters 里的 {name} 不是一张有 value 列的表。"
        )
    place = table.primary_key.index("name") if "name" in table.primary_key else 0
    broken, met = (Counter(p.rule for p in ps) for ps in (result.broken, result.met))
    old, new = before.found(name), after.found(name)
    for key in dict.fromkeys(c.key for c in changed):
        parts = key.split("/")
        code = parts[place] if len(parts) == len(table.primary_key) else key
        was, now = old.get(key, {}), new.get(key, {})
        title = now.get(table.label) or was.get(table.label) or code
        moved = f"{was.get('value') or '无'} → {now.get('value') or '无'}"
        rules = alarms.resting([s for s in statements if f"'{code}'" in s.sql], statements)
        effect = {r: (broken[r], met[r]) for r in sorted(rules) if broken[r] or met[r]}
        yield ParameterChange(f"{title}（{code}，{parts[-1]} 起）：{moved}", effect)


def _prints(
    before: Mapping[tuple[str, str], Fingerprint], after: Mapping[tuple[str, str], Fingerprint]
) -> Iterator[PrintChange]:
    for (edition, path), shown in sorted({**before, **after}.items()):
        was, now = before.get((edition, path)), after.get((edition, path))
        if was is None or now is None or was.digest != now.digest:
            action = "new" if was is None else "gone" if now is None else "again"
            yield PrintChange(edition, path, shown.title, action, shown.keys)


def _subjects(result: Review, old: _Judged, new: _Judged) -> list[SubjectChange]:
    """Gather records, findings and prints under whom or what they are about, those with new errors first.

    Which tables count as subjects, and in which order they are asked, is a setting; a record that names none is one
    itself, a finding that concerns several is told at the one that changes.
    """
    package = result.sides[1].package
    tables = {t: package.tables[t] for t in package.settings.review_subjects}
    found: dict[Place, SubjectChange] = {}

    def at(place: Place) -> SubjectChange:
        return found.setdefault(place, SubjectChange(*place))

    for record in result.records:
        named = [
            (t, record.values[k.fields[0]])
            for t in tables
            for k in result.tables[record.table].foreign_keys
            if k.table == t and len(k.fields) == 1 and record.values.get(k.fields[0])
        ]
        own = (record.table, record.key)
        at(own if record.table in tables or not named else named[0]).records.append(record)

    def named_by(keys: Mapping[str, str]) -> Place | None:
        places = [(n, keys[t.primary_key[0]]) for n, t in tables.items() if keys.get(t.primary_key[0])]
        changed = [p for p in places if p in found and found[p].records]
        return next(iter([*changed, *places]), None)

    for problems, side, kind in ((result.broken, new, "broken"), (result.met, old, "met")):
        keys_of: dict[Problem, dict[str, str]] = {}
        for finding in side.findings:
            keys_of.setdefault(finding.problem, {}).update(finding.subjects)
        for problem in problems:
            if place := named_by(keys_of.get(problem, {})):
                getattr(at(place), kind).append(problem)
    for item in result.prints or ():
        if place := named_by(item.keys):
            at(place).prints.append(item)
    for place, subject in found.items():
        own_name = next((r.name for r in subject.records if (r.table, r.key) == place), "")
        subject.name = own_name or result.names.get(place, "")
    same = Counter(s.name for s in found.values())
    for subject in found.values():
        title = result.tables[subject.table].title
        if not subject.name:
            subject.name = f"{title} {subject.key}"
        elif subject.table not in tables:
            subject.name = f"{title} {subject.name}（{subject.key}）"
        elif same[subject.name] > 1:
            subject.name = f"{subject.name}（{subject.key}）"
    order = {name: n for n, name in enumerate(tables)}
    return sorted(found.values(), key=lambda s: (s.weight, order.get(s.table, len(order)), s.table, s.key))
