"""From files to a checked register: read, conform, type, view, rule; one pass, everything wrong in one list.

This is the whole way of the data up to the point where editions are cut from it.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from lingtouyan.checks.conformance import check_conformance, check_keys
from lingtouyan.checks.consequences import unread_files, without_consequences, without_followers
from lingtouyan.checks.locating import Locator
from lingtouyan.checks.repeats import keep_first
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
from lingtouyan.database.editions import Cut, attach, check_cuts, write_edition
from lingtouyan.database.shelf import Shelf, ShelfError
from lingtouyan.database.statements import (
    Statement,
    create_macros,
    in_dependency_order,
    passages,
    reached,
    read_statements,
    usable_views,
    words_of,
)
from lingtouyan.database.verdicts import Verdicts, digest_of, standing_of, verdicts_of
from lingtouyan.database.views import Views, describe_views
from lingtouyan.history.changes import History, read_history
from lingtouyan.history.messages import read_messages
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
        state: of what is kept and of all statements, empty when nothing is: tables in the same state show the same.
        changed: tables and views that may show something else than in that state, or show it to others.
        same: edition -> tables and views that stand as an earlier cut had them.
    """

    connection: duckdb.DuckDBPyConnection
    records: Records
    views: list[Statement]
    rules: list[Rule]
    findings: list[Finding]
    problems: list[Problem]
    state: str = ""
    changed: frozenset[str] = frozenset()
    same: dict[str, frozenset[str]] = field(default_factory=dict)

    def cut(self, package: Package) -> Cut | None:
        """Say for the next time what editions are cut from, or None when it could not be told again then."""
        names = frozenset({*package.tables, *(v.name for v in self.views)})
        return Cut(self.state, names - self.changed) if self.state else None


def register_with_editions(
    project: Project,
    as_of: datetime.date,
    paths: Mapping[str, Path],
    *,
    draft: bool = False,
    allow_errors: bool = False,
    earlier: Mapping[str, Cut | None] | None = None,
) -> Register:
    """Read and check a whole tree, and write its editions, unless it has errors and none are allowed.

    Args:
        paths: edition -> the database file to write it to.
        earlier: edition -> what an earlier build has left in that file.

    Raises:
        RecordsError: SQL files of the tree or its row filters cannot be used.
        UsageError: the databases cannot be written.
    """
    try:
        register = build_register(project, as_of, draft=draft, attached=paths)
        if allow_errors or not has_errors(register.problems):
            for edition in paths:
                cut = (earlier or {}).get(edition)
                stands = cut.names - register.changed if cut and cut.state == register.state else frozenset()
                register.same[edition] = write_edition(
                    register.connection, register.views, project.package, edition, stands
                )
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
    use_cache: bool = True,
    attached: Mapping[str, Path] | None = None,
    records: Records | None = None,
    proposal: Proposal | None = None,
    only_problems: bool = False,
) -> Register:
    """Read and check a whole tree.

    Args:
        project: the tree.
        as_of: the date on which the facts are asked for.
        draft: recorded in `build`.
        use_cache: reuse documents parsed by earlier runs.
        attached: edition -> database file that `write_edition` will fill.
        records: rows that were read already.
        proposal: a change under review, for rules about changes.
        only_problems: nothing but the problems is asked for: views that no change reaches may be left out.

    Raises:
        RecordsError: SQL files of the tree cannot be read at all.
    """
    package = project.package
    macros = read_statements(project.root, "schemas/macros")
    usable, design = usable_views(
        read_statements(project.root, "schemas/views"), [*package.tables, *ENGINE_TABLES]
    )
    declared = in_dependency_order(usable, macros)
    rules, faults = read_rules(project.root, package)
    design.extend(faults)
    locator = Locator(project.root, package)
    shelf = _shelf_of(project) if records is None and use_cache else None
    try:
        records = records or (shelf.read(project.root) if shelf else read_records(project.root, package))
        connection, formal = _conforming(package, records, locator, shelf)
    except ShelfError:
        shelf = None
        records = read_records(project.root, package)
        connection, formal = _conforming(package, records, locator, None)
    for edition, path in (attached or {}).items():
        attach(connection, edition, path)
    shut(connection)
    problems = [*records.problems, *without_consequences(package, records.problems, formal)]
    create_descriptions(connection, package)
    commit = project.commit
    create_build(connection, as_of, "", commit.short if commit else "", project.epoch, draft)
    statements = [*macros, *declared, *(r.statement for r in rules)]
    key = digest_of(as_of, *statements)
    of_commit = digest_of(commit.id if commit else "", project.epoch, draft)
    standing = (
        standing_of(shelf.verdicts, key, of_commit, shelf.changed, shelf.replaced, package)
        if shelf is not None and not design
        else None
    )
    asked = set() if only_problems else {v.name for v in declared}
    if (standing is None or standing.changed or asked) and named_by(statements):
        create_cells(connection, package)
    told = bool(attached) or any({"changes", "commits"} & s.words for s in statements)
    create_history(connection, *(_history(project, problems) if told else (None, {})))
    create_proposal(connection, proposal)
    create_rules(connection, rules, declared)
    create_macros(connection, macros)
    made = Views(connection, declared, standing)
    made.compute(asked)
    found = {r.id: f for r in rules if standing and (f := standing.findings(r)) is not None}
    left = [r for r in rules if r.id not in found]
    if standing is not None:
        made.compute({n for r in left for n in standing.asked(r.statement, made.idle)})
    design.extend(made.problems())
    views = [v for v in declared if v.name in made.there]
    if standing is None:
        # Tells by the names and types of columns, which the same schemas and statements give again.
        design.extend(check_cuts(connection, views, package))
    describe_views(connection, declared if made.idle else views)
    findings, broken = run_rules(connection, package, left, locator, [*declared, *macros])
    design.extend(broken)
    if design and made.idle:
        # What was left out may have a part in it.
        connection.close()
        return build_register(project, as_of, draft=draft, attached=attached, proposal=proposal)
    findings.extend(f for kept in found.values() for f in kept)
    if shelf is not None:

        def verdicts(own: duckdb.DuckDBPyConnection) -> Verdicts:
            return verdicts_of(own, package, key, of_commit, macros, declared, rules, findings)

        shelf.keep(connection, records, None if design else verdicts, [v.name for v in views])
    unread = unread_files(package, records)
    findings, unjudged = without_followers(
        package, records, [*records.problems, *formal], unread, rules, findings, [*declared, *macros]
    )
    problems.extend(unjudged)
    problems = in_order([*design, *problems, *(f.problem for f in findings)])
    if not only_problems:
        _create_findings(connection, package, problems, findings)
    state, changed = "", frozenset[str]()
    known = shelf.verdicts if shelf is not None and attached else None
    if shelf and known and (standing or (shelf.begun and known.commit == of_commit)):
        state = digest_of(shelf.content, key, known.commit)
        changed = _unsettled(package, views, macros, standing.changed if standing else ())
    return Register(connection, records, views, rules, findings, problems, state, changed)


def _unsettled(
    package: Package, views: Sequence[Statement], macros: Sequence[Statement], changed: Iterable[str]
) -> frozenset[str]:
    """Return the tables and views that changed, and those whose conditions on rows reach one that did."""
    away = {*(c.lower() for c in changed), "findings", "finding_subjects"}
    conditions = {t.name: list(t.row_filters.values()) for t in package.tables.values()}
    conditions.update((v.name, [str(v.header["rows"])]) for v in views if v.header.get("rows") is not None)
    through = passages(macros)
    reach = {
        name
        for name, texts in conditions.items()
        if not away.isdisjoint(reached((w for text in texts for w in words_of(text)), through))
    }
    return frozenset({*changed, *reach})


def _shelf_of(project: Project) -> Shelf | None:
    """Return where the tree's tables are kept; a revision that is only looked at leaves nothing behind."""
    if project.revision is None:
        return Shelf.open(project.cache, project.package)
    if project.root.is_relative_to(project.build):
        return Shelf.open(project.cache, project.package, "revision")
    return None


def _conforming(
    package: Package, records: Records, locator: Locator, shelf: Shelf | None
) -> tuple[duckdb.DuckDBPyConnection, list[Problem]]:
    """Return a database with the raw and the typed tables, and what of them does not conform.

    Raises:
        ShelfError: the shelf failed.
    """
    connection = connect()
    unread = unread_files(package, records)
    if shelf is None:
        load_raw(connection, package, records)
        create_enums(connection, package)
        formal, _ = check_conformance(connection, package, locator)
        create_typed(connection, package)
        wrong_keys, _ = check_keys(connection, package, locator, unread)
        keep_first(connection, package, wrong_keys)
        return connection, formal + wrong_keys
    try:
        shelf.load(connection, records)
        create_enums(connection, package)
        formal, clean = check_conformance(connection, package, locator, shelf.unjudged)
        shelf.create_typed(connection, clean)
        wrong_keys, shelf.sound_now = check_keys(connection, package, locator, unread, shelf.known_sound)
        shelf.clean_now = clean
        keep_first(connection, package, wrong_keys)
    except ShelfError:
        connection.close()
        raise
    return connection, formal + wrong_keys


def _history(project: Project, problems: list[Problem]) -> tuple[History | None, dict[str, str]]:
    """Return the history of a repository and what its messages say.

    Without it (no repository, a shallow clone) pages show none, never a false one.
    """
    if project.commit is None or project.repository is None:
        return None, {}
    tip = project.commit.id
    try:
        history = read_history(project.repository, project.package, tip, project.cache)
        options = project.package.options
        # Checking signatures costs a moment for each new one: only where a city uses them.
        if options.get("signers") or options.get("signatures"):
            history.signatures = read_signatures(
                project.repository, history.commits, options.get("signers", ""), project.cache
            )
    except UsageError as fault:
        problems.append(warning("", 0, "history", str(fault)))
        return None, {}
    return history, read_messages(project.repository, tip)


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
