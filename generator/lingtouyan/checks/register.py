"""From files to a checked register: read, conform, type, view, rule; one pass, everything wrong in one list.

This is the whole way of the data up to the point where editions are cut from it.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from lingtouyan.cache import Cache
from lingtouyan.checks.conformance import Locator, check_conformance, check_keys, keep_first
from lingtouyan.checks.consequences import unread_files, without_consequences, without_followers
from lingtouyan.checks.rules import Finding, Rule, read_rules, run_rules
from lingtouyan.database.cells import create_cells, named_by
from lingtouyan.database.database import (
    connect,
    create_build,
    create_descriptions,
    create_enums,
    create_typed,
    insert,
    literal,
    load_raw,
    quote,
    shut,
)
from lingtouyan.database.editions import attach, check_cuts, write_edition
from lingtouyan.database.statements import (
    Statement,
    create_macros,
    in_dependency_order,
    read_statements,
    usable_views,
)
from lingtouyan.database.views import compute_views, describe_views
from lingtouyan.history.changes import History, read_history
from lingtouyan.history.proposal import Proposal, create_proposal
from lingtouyan.history.signatures import read_signatures
from lingtouyan.history.table import create_history
from lingtouyan.problems import Problem, UsageError, has_errors, in_order, warning
from lingtouyan.project import Project
from lingtouyan.reading.package import ENGINE_TABLES, Package
from lingtouyan.reading.records import Records, read_records


@dataclass
class Register:
    """The whole register of one tree, at one reference date.

    Attributes:
        connection: the database; its doors are shut.
        views: the views that could be computed, in dependency order.
        problems: everything wrong, in order of place.
    """

    connection: duckdb.DuckDBPyConnection
    records: Records
    views: list[Statement]
    rules: list[Rule]
    findings: list[Finding]
    problems: list[Problem]


def register_with_editions(
    project: Project,
    as_of: datetime.date,
    paths: Mapping[str, Path],
    *,
    draft: bool = False,
    allow_errors: bool = False,
) -> Register:
    """Read and check a whole tree, and write its editions, unless it has errors and none are allowed.

    Args:
        paths: edition -> the database file to write it to.

    Raises:
        RecordsError: SQL files of the tree or its row filters cannot be used.
        UsageError: the databases cannot be written.
    """
    try:
        register = build_register(project, as_of, draft=draft, attached=paths)
        if allow_errors or not has_errors(register.problems):
            for edition in paths:
                write_edition(register.connection, register.views, project.package, edition)
    except duckdb.IOException:
        # What DuckDB says may repeat a value.
        folder = next((p.parent for p in paths.values()), project.root)
        raise UsageError(
            f"登记库写不出来：{folder} 或记录库所在的磁盘已满，或不能写入。"
            "请检查磁盘空间（临时文件的位置可用环境变量 TMPDIR 改）后重试。"
        ) from None
    return register


def build_register(
    project: Project,
    as_of: datetime.date,
    *,
    draft: bool = False,
    attached: Mapping[str, Path] | None = None,
    records: Records | None = None,
    proposal: Proposal | None = None,
    history: bool = True,
) -> Register:
    """Read and check a whole tree.

    Args:
        project: the tree.
        as_of: the date on which the facts are asked for.
        draft: recorded in `build`.
        attached: edition -> database file that `write_edition` will fill.
        records: rows that were read already.
        proposal: a change under review, for rules about changes.
        history: whether `changes` and `commits` are filled.

    Raises:
        RecordsError: SQL files of the tree cannot be read at all.
    """
    package = project.package
    macros = read_statements(project.source, "schemas/macros")
    usable, design = usable_views(
        read_statements(project.source, "schemas/views"), [*package.tables, *ENGINE_TABLES]
    )
    declared = in_dependency_order(usable, macros)
    rules, faults = read_rules(project.source, package)
    design.extend(faults)
    locator = Locator(project.source, package)
    records = records or read_records(project.source, package)
    connection, formal = _conforming(package, records, locator)
    for edition, path in (attached or {}).items():
        attach(connection, edition, path)
    shut(connection)
    problems = [*records.problems, *without_consequences(package, records.problems, formal)]
    create_descriptions(connection, package)
    commit = project.commit
    create_build(connection, as_of, "", commit.short if commit else "", project.epoch, draft)
    statements = [*macros, *declared, *(r.statement for r in rules)]
    if named_by(statements):
        create_cells(connection, package)
    told = bool(attached) or any({"changes", "commits"} & s.words for s in statements)
    create_history(connection, *(_history(project, problems) if told and history else (None, {})), package)
    create_proposal(connection, proposal)
    create_rules(connection, rules, declared)
    create_macros(connection, macros)
    views = compute_views(connection, declared, design)
    # Tells by the names and types of columns, which the same schemas and statements give again.
    design.extend(check_cuts(connection, views, package))
    describe_views(connection, views)
    findings, broken = run_rules(connection, package, rules, locator, [*declared, *macros])
    design.extend(broken)
    unread = unread_files(package, records)
    findings, unjudged = without_followers(
        package, records, [*records.problems, *formal], unread, rules, findings, [*declared, *macros]
    )
    problems.extend(unjudged)
    problems = in_order([*design, *problems, *(f.problem for f in findings)])
    _create_findings(connection, package, problems, findings)
    return Register(connection, records, views, rules, findings, problems)


def _conforming(
    package: Package, records: Records, locator: Locator
) -> tuple[duckdb.DuckDBPyConnection, list[Problem]]:
    """Return a database with the raw and the typed tables, and what of them does not conform."""
    connection = connect()
    load_raw(connection, package, records)
    create_enums(connection, package)
    formal = check_conformance(connection, package, locator)
    create_typed(connection, package)
    wrong_keys = check_keys(connection, package, locator, unread_files(package, records))
    keep_first(connection, package, wrong_keys)
    return connection, formal + wrong_keys


def _history(project: Project, problems: list[Problem]) -> tuple[History | None, dict[str, str]]:
    """Return the history of a repository and what its messages say.

    Without it (no repository, a shallow clone) pages show none, never a false one.
    """
    if project.commit is None:
        return None, {}
    tip = project.commit.id
    try:
        history = read_history(project.root, project.package, tip, Cache())
        settings = project.settings
        # Checking signatures costs a moment for each new one: only where a city uses them.
        if settings.signers or settings.signatures:
            history.signatures = read_signatures(
                project.root, history.commits, settings.signers, project.cache
            )
    except UsageError as fault:
        problems.append(warning("", 0, "history", str(fault)))
        return None, {}
    return history, {c.id: c.body for c in history.commits if c.body}


def create_rules(
    connection: duckdb.DuckDBPyConnection,
    rules: Sequence[Rule],
    views: Sequence[Statement] = (),
) -> None:
    """Create `rules`: what each rule says, where it stands, which tables it reads, itself or by a view that it names."""
    named = {v.name: v.words for v in views}
    connection.execute(
        "CREATE TABLE rules (rule VARCHAR, title VARCHAR, severity VARCHAR, clause VARCHAR, clauses VARCHAR[], message VARCHAR, "
        "remedy VARCHAR, table_name VARCHAR, tables VARCHAR[], file VARCHAR)"
    )
    insert(
        connection,
        "rules",
        [
            (
                r.id,
                r.title,
                r.severity.value,
                r.clauses[0] if r.clauses else "",
                list(r.clauses),
                r.message,
                r.remedy,
                r.table,
                # What lies behind those views again is how they work, and not what the rule is about.
                sorted(r.statement.words.union(*(named[w] for w in r.statement.words if w in named))),
                r.statement.file,
            )
            for r in rules
        ],
    )
    # Of all those words, the names of tables are what a rule reads.
    connection.execute("UPDATE rules SET tables = list_intersect(tables, (SELECT list(name) FROM tables))")


def _create_findings(
    connection: duckdb.DuckDBPyConnection,
    package: Package,
    problems: Sequence[Problem],
    findings: Sequence[Finding],
) -> None:
    connection.execute(
        "CREATE TABLE findings (finding_id INTEGER, file VARCHAR, line INTEGER, column_title VARCHAR, rule VARCHAR, "
        "severity VARCHAR, message VARCHAR, table_name VARCHAR)"
    )
    connection.execute("CREATE TABLE finding_subjects (finding_id INTEGER, field VARCHAR, value VARCHAR)")
    tables = {f.problem: f.table for f in findings}
    subjects: dict[Problem, dict[str, str]] = {}
    for finding in findings:
        subjects.setdefault(finding.problem, {}).update(finding.subjects)
    insert(
        connection,
        "findings",
        [
            (n, p.file, p.line, p.column, p.rule, p.severity.value, p.message, tables.get(p, ""))
            for n, p in enumerate(problems, 1)
        ],
    )
    insert(
        connection,
        "finding_subjects",
        [(n, k, v) for n, p in enumerate(problems, 1) for k, v in subjects.get(p, {}).items()],
    )
    # A fault of form belongs to the record whose file or line it stands in.
    for table in package.tables.values():
        if len(table.primary_key) == 1 and not table.parent:
            key = table.primary_key[0]
            place = "t._line = f.line" if table.kind == "csv" else "true"
            connection.execute(
                f"INSERT INTO finding_subjects SELECT DISTINCT f.finding_id, {literal(key)}, t.{quote(key)}::VARCHAR "
                f"FROM findings f JOIN {quote(table.name)} t ON t._file = f.file AND {place} "
                f"WHERE t.{quote(key)} IS NOT NULL AND f.finding_id NOT IN (SELECT finding_id FROM finding_subjects)"
            )
