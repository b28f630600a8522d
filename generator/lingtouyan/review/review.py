"""What a change really changes: two registers compared, in the terms of records, rules, figures and prints.

A typed account first; how it is written for a terminal, a comment or a script is another room's matter.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lingtouyan.checks.register import Register, build_register
from lingtouyan.database.editions import write_edition
from lingtouyan.database.statements import Statement, read_statements
from lingtouyan.history.changes import Change
from lingtouyan.history.comparing import (
    Place,
    RecordChange,
    Side,
    by_record,
    changes_between,
    references,
    referred,
)
from lingtouyan.history.git import Commit
from lingtouyan.history.log import refuse_shallow
from lingtouyan.history.proposal import Proposal, proposal_of
from lingtouyan.history.tree import first_common, resolve
from lingtouyan.problems import Problem, RecordsError, UsageError, error, has_errors
from lingtouyan.project import EDITIONS, Project
from lingtouyan.reading.package import Sensitivity
from lingtouyan.reading.records import read_records
from lingtouyan.reading.source import Source
from lingtouyan.review.design import Design, design_changes, loud
from lingtouyan.review.subjects import Gathering, PrintChange, SubjectChange, subject_tables
from lingtouyan.review.whole import FigureChange, affected, alarms, figure_changes, jumps, unlike
from lingtouyan.scratch import scratch

_FILES = 3


@dataclass(frozen=True, slots=True)
class SettingChange:
    """A record of the table of parameters that changes, and what follows from it for all records.

    Attributes:
        words: title of the parameter, with its value before and after.
        rules: rules that read it -> findings newly broken and newly met.
    """

    words: str
    rules: Mapping[str, tuple[int, int]]


@dataclass
class Review:
    """The account of a change.

    Attributes:
        base, head: what was compared.
        alarms: things about the whole, to be read first.
        records: records that change, in the order of tables and keys.
        subjects: records, findings and prints under whom or what they are about.
        broken, met: findings that are new, and findings that are gone.
        problems: everything wrong at the head.
        altered: rules that ask otherwise than before or not at all: what they no longer find is not thereby mended.
        design: tables, fields, rules, views and templates that change.
        settings: parameters that change, and what follows.
        figures: figures that move.
        prints: dossiers that are not the same on both sides.
        proposal: the commits and their files.
        titles: (table, field) -> title; `(table, "")` is the table's own.
        refers: (table, field) -> the table whose record it names; `names` what such records are called.
    """

    base: Commit
    head: Commit
    as_of: datetime.date
    alarms: list[str] = field(default_factory=list)
    records: list[RecordChange] = field(default_factory=list)
    subjects: list[SubjectChange] = field(default_factory=list)
    broken: list[Problem] = field(default_factory=list)
    met: list[Problem] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    altered: set[str] = field(default_factory=set)
    design: list[Design] = field(default_factory=list)
    settings: list[SettingChange] = field(default_factory=list)
    figures: list[FigureChange] = field(default_factory=list)
    prints: list[PrintChange] = field(default_factory=list)
    proposal: Proposal = field(default_factory=Proposal)
    titles: dict[tuple[str, str], str] = field(default_factory=dict)
    refers: dict[tuple[str, str], str] = field(default_factory=dict)
    names: dict[Place, str] = field(default_factory=dict)

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
        UsageError: no repository, a revision is unknown, a setting makes no sense.
        RecordsError: the head cannot be read at all.
    """
    refuse_shallow(root)
    head_commit = resolve(root, head)
    base_commit = resolve(root, first_common(root, resolve(root, base).id, head_commit.id))
    with scratch() as folder:
        try:
            new_project = Project.open(root, head_commit.id)
        except UsageError as fault:
            # The call was right; the tree is what is wrong.
            raise RecordsError([error("", 0, "unreadable", f"要审阅的版本无法读取：{fault}")]) from None
        old_project = _readable(root, base_commit)
        subject_tables(new_project.package)
        date = new_project.as_of(as_of)
        result = Review(base_commit, head_commit, date)
        before, after = (
            Side(p.package, read_records(p.source, p.package)) for p in (old_project, new_project)
        )
        changes = list(changes_between(before, after))
        result.proposal = proposal_of(root, base_commit.id, head_commit.id, changes)
        files = {
            s: {e: Path(folder) / f"{s}-{e}.duckdb" for e in EDITIONS if prints} for s in ("base", "head")
        }
        old = build_register(old_project, date, records=before.rows, attached=files["base"], history=False)
        new = build_register(
            new_project,
            date,
            records=after.rows,
            attached=files["head"],
            proposal=result.proposal,
            history=False,
        )
        result.titles = _titles(old_project, new_project)
        result.records = by_record(changes, before, after)
        result.refers = {**references(old_project.package), **references(new_project.package)}
        result.names = referred(result.records, result.refers, (before, after))
        result.problems = new.problems
        result.broken, result.met = _findings(old.problems, new.problems)
        result.design = list(design_changes(old_project, new_project))
        result.settings = list(_settings(result, old_project, new_project, before, after))
        result.figures = list(figure_changes(old, new))
        packages = (old_project.package, new_project.package)
        result.altered = _altered(old_project, new_project, result.problems)
        result.alarms = [
            *_unread(changes, after, new_project.source),
            *alarms(changes, before.rows, packages),
            *loud(result.design),
            *_silenced(result),
            *jumps(result.figures, packages),
        ]
        if prints:
            result.prints = _prints(
                (old_project, old, files["base"]), (new_project, new, files["head"]), date
            )
        gathering = Gathering(new_project.package, before, after)
        gathering.records(result.records)
        gathering.findings(_with_keys(result.broken, new), "broken")
        gathering.findings(_with_keys(result.met, old), "met")
        gathering.prints(result.prints)
        result.subjects = gathering.all()
    return result


def _readable(root: Path, commit: Commit) -> Project:
    try:
        return Project.open(root, commit.id)
    except (RecordsError, UsageError) as fault:
        raise UsageError(
            f"作为基准的版本 {commit.short} 无法读取，没有可比的：{fault} 请换一个基准，或者直接运行 check。"
        ) from None


def _titles(old: Project, new: Project) -> dict[tuple[str, str], str]:
    titles: dict[tuple[str, str], str] = {}
    for project in (old, new):
        for table in project.package.tables.values():
            titles[table.name, ""] = table.title
            titles.update({(table.name, f.name): f.title for f in table.fields})
    return titles


def _findings(old: list[Problem], new: list[Problem]) -> tuple[list[Problem], list[Problem]]:
    """Return findings that are new and findings that are gone; one that only moved to another line is neither."""

    def identity(problem: Problem) -> tuple[str, str, str]:
        return problem.rule, problem.column, problem.message

    before, after = Counter(map(identity, old)), Counter(map(identity, new))
    return (
        [p for p in new if before[identity(p)] < after[identity(p)]],
        [p for p in old if after[identity(p)] < before[identity(p)]],
    )


def _altered(old: Project, new: Project, problems: Iterable[Problem]) -> set[str]:
    """Return the rules that ask otherwise than before, through whatever they read, or cannot run at all."""
    was, now = (
        [s for folder in ("macros", "views", "rules") for s in read_statements(p.source, f"schemas/{folder}")]
        for p in (old, new)
    )
    broken = {p.file for p in problems if p.rule == "sql-error"}
    return unlike(was, now) | {s.name for s in now if s.file in broken}


def _silenced(result: Review) -> Iterator[str]:
    """Yield the rules that no longer say what they said although nobody can tell that it was mended."""
    gone = Counter(p.rule for p in result.met if p.rule in result.altered)
    for rule, count in sorted(gone.items()):
        yield (
            f"规则 {rule}（或者它所用的视图、宏）改动或取消以后，原来报告的 {count} 处不再报告。"
            "请核对是规则放宽了，还是记录改正了。"
        )


def _unread(changes: Iterable[Change], after: Side, source: Source) -> Iterator[str]:
    """Yield the files that are there but can no longer be read: their records are not really removed."""
    gone: dict[tuple[str, str], set[str]] = {}
    for change in changes:
        if change.action == "removed" and change.table == change.root_table:
            gone.setdefault((change.file, change.table), set()).add(change.key)
    left = {(file, table) for table in {t for _, t in gone} for _, file, _ in after.records(table)}
    lost = [
        (file, len(keys))
        for (file, table), keys in gone.items()
        if (file, table) not in left and source.exists(file)
    ]
    for file, count in lost[:_FILES]:
        yield (
            f"文件 {file} 读不出记录，原有的 {count} 条在下文都按“删除”列出。请先改正这个文件；确实要全部删除的，请说明理由。"
        )
    if len(lost) > _FILES:
        yield f"还有 {len(lost) - _FILES} 个文件也读不出记录。"


def _with_keys(
    problems: Iterable[Problem], register: Register
) -> Iterator[tuple[Problem, Mapping[str, str]]]:
    keys: dict[Problem, dict[str, str]] = {}
    for finding in register.findings:
        keys.setdefault(finding.problem, {}).update(finding.subjects)
    for problem in problems:
        yield problem, keys.get(problem, {})


def _settings(
    result: Review, old: Project, new: Project, before: Side, after: Side
) -> Iterator[SettingChange]:
    name = new.settings.review_parameters
    if not name:
        return
    table = new.package.tables.get(name)
    value = table.field("value") if table else None
    if table is None or value is None or value.sensitivity is Sensitivity.RESTRICTED:
        raise UsageError(
            f"datapackage.yaml 的 lingtouyan.review_parameters 里的 {name} 不是一张有 value 列的表。"
        )
    mine = [c for r in result.records for c in r.changes if c.table == name]
    if not mine:
        return
    statements: dict[str, Statement] = {}
    for folder in ("macros", "views", "rules"):
        for project in (old, new):
            statements.update({s.name: s for s in read_statements(project.source, f"schemas/{folder}")})
    keys = {c.key: c.key.split("/") for c in mine}
    width = len(table.primary_key)
    place = table.primary_key.index("name") if "name" in table.primary_key else 0
    codes = {k: parts[place] for k, parts in keys.items() if len(parts) == width}
    reads = affected(set(codes.values()), statements)
    broken, met = (Counter(p.rule for p in ps) for ps in (result.broken, result.met))
    was_all, now_all = (s.found({name: set(keys)}) for s in (before, after))
    for key in keys:
        code = codes.get(key, key)
        was, now = (found.get((name, key), {}) for found in (was_all, now_all))
        words = (
            f"{now.get(table.label) or was.get(table.label) or code}（{code}，{key.rpartition('/')[2]} 起）："
            f"{was.get('value') or '无'} → {now.get('value') or '无'}"
        )
        rules = {r: (broken[r], met[r]) for r in sorted(reads.get(code, ())) if broken[r] or met[r]}
        yield SettingChange(words, rules)


def _prints(
    old: tuple[Project, Register, dict[str, Path]],
    new: tuple[Project, Register, dict[str, Path]],
    date: datetime.date,
) -> list[PrintChange]:
    from lingtouyan.pdf.printing_house import fingerprints

    sides = []
    for project, register, files in (old, new):
        for edition in files:
            write_edition(register.connection, register.views, project.package, edition)
        sides.append(fingerprints(project, files, date))
    before, after = sides
    result = []
    for edition, path in sorted(before.keys() | after.keys()):
        was, now = before.get((edition, path)), after.get((edition, path))
        if was is None or now is None or was.digest != now.digest:
            shown = now or was
            action = "new" if was is None else "gone" if now is None else "again"
            if shown is not None:
                result.append(PrintChange(edition, path, shown.title, action, shown.keys))
    return result
