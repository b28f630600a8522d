"""From files to a checked register: read, conform, type, view, rule; one pass, everything wrong in one list.

This is the whole way of the data up to the point where editions are cut from it.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import duckdb

from lingtouyan.cache import Cache
from lingtouyan.checks.conformance import Locator, check_conformance, check_keys, keep_first
from lingtouyan.checks.consequences import attributed, unread_files, without_consequences
from lingtouyan.checks.named_values import missing_values
from lingtouyan.checks.rules import Finding, Rule, create_findings, create_rules, read_rules, run_rules
from lingtouyan.database.cells import CELLS, create_cells
from lingtouyan.database.database import (
    connect,
    create_build,
    create_descriptions,
    create_enums,
    create_typed,
    load_raw,
    quote,
    shut,
)
from lingtouyan.database.editions import attach, check_cuts, write_edition
from lingtouyan.database.history_tables import PROPOSAL, create_history, create_proposal
from lingtouyan.database.narrowing import narrow, with_linked
from lingtouyan.database.statements import (
    Statement,
    create_macros,
    passages,
    reached,
    read_statements,
    usable_views,
    words_of,
)
from lingtouyan.database.views import HISTORY, Views, describe_views
from lingtouyan.problems import Problem, Severity, UsageError, has_errors, in_order, warning
from lingtouyan.project import ALL, Project, Scope
from lingtouyan.reading.package import DESCRIPTOR, ENGINE_TABLES
from lingtouyan.reading.records import Records, read_records
from lingtouyan.reading.source import static_prefix
from lingtouyan.sealing.keys import Keys, open_keys, open_to
from lingtouyan.sealing.pictures import place_pictures
from lingtouyan.sealing.values import open_cells

if TYPE_CHECKING:
    from lingtouyan.history.changes import History

_FINDINGS = frozenset({"findings", "finding_subjects"})
_UNOPENED = "not-opened"


@dataclasses.dataclass
class Register:
    """The register of one tree, at one reference date.

    Attributes:
        connection: the database; its doors are shut.
        views: the views that can be read, in dependency order.
        problems: everything wrong, in order of place.
    """

    connection: duckdb.DuckDBPyConnection
    records: Records
    views: list[Statement]
    rules: list[Rule] = dataclasses.field(default_factory=list)
    findings: list[Finding] = dataclasses.field(default_factory=list)
    problems: list[Problem] = dataclasses.field(default_factory=list)
    made: Views | None = None


def check(project: Project, as_of: datetime.date, cache: Cache | None = None) -> list[Problem]:
    """Return everything wrong with a tree, in order of place; in the very same tree it is not looked for again.

    Raises:
        RecordsError: SQL files of the tree cannot be read at all.
    """
    cache = cache or Cache()
    store = open_keys(project)
    keys = store if store.identity and store.offices else None
    # What only an office sees is not kept on its disk.
    key = "" if keys else _state(project, as_of)
    if key and (kept := cache.get(key)):
        return [Problem(**{**p, "severity": Severity(p["severity"])}) for p in json.loads(kept)]
    register = build_register(project, as_of, only=(), keys=keys)
    register.connection.close()
    # A clone without its history may have it the next time.
    if key and not any(p.rule == "history" for p in register.problems):
        values = [dataclasses.asdict(p) for p in register.problems]
        cache.put(key, json.dumps(values).encode())
    return register.problems


def _state(project: Project, as_of: datetime.date) -> str:
    """Return what tells one state of a tree from all others, or an empty text where a file cannot be read."""
    package, source = project.package, project.source
    tables = package.tables.values()
    listing = source.files({"schemas", *(static_prefix(t.path).partition("/")[0] for t in tables if t.path)})
    alone = {DESCRIPTOR, package.settings.signers, *(t.schema_file for t in tables)} - {""}
    names = sorted({*listing.files, *(n for n in alone if source.exists(n))})
    digests = source.digests(names)
    if len(digests) < len(names):
        return ""
    commit = [project.commit.id, project.commit.refs] if project.commit else []
    refused = [dataclasses.astuple(p) for p in listing.problems]
    facts = [str(as_of), commit, project.epoch, sorted(digests.items()), refused]
    return f"check {hashlib.blake2b(json.dumps(facts).encode(), digest_size=32).hexdigest()}"


def register_with_editions(
    project: Project,
    as_of: datetime.date,
    paths: Mapping[str, Path],
    *,
    draft: bool = False,
    allow_errors: bool = False,
    only: Collection[str] | None = None,
    scope: Scope = ALL,
) -> Register:
    """Read and check a whole tree, and write its editions, unless it has errors and none are allowed.

    Args:
        paths: edition -> the database file to write it to.
        only: words of the statements that will be asked: nothing else is computed and cut; where errors are allowed,
            nothing else is read, and no rule is run. None for everything.
        scope: for whom: the register that is returned holds the same rows as the editions.

    Raises:
        RecordsError: SQL files of the tree or its row filters cannot be used.
        UsageError: the databases cannot be written.
    """
    try:
        if only is not None and allow_errors and _FINDINGS.isdisjoint(only):
            register = _part_of(project, as_of, draft, paths, only, scope)
        else:
            register = build_register(project, as_of, draft=draft, attached=paths, only=only)
        if allow_errors or not has_errors(register.problems):
            named = scope.compartments
            if "restricted" in paths:
                keys = open_keys(project)
                _open_sealed(project, register, keys)
                named = named or open_to(keys)
            if register.made:
                narrow(
                    register.connection, project.package, register.made, scope, named, only, project.erased
                )
            for edition in paths:
                write_edition(register.connection, register.views, project.package, edition, only)
    except duckdb.IOException:
        # What DuckDB says may repeat a value.
        folder = next((p.parent for p in paths.values()), project.root)
        raise UsageError(
            f"登记库写不出来：{folder} 或记录库所在的磁盘已满，或不能写入。"
            "请检查磁盘空间（临时文件的位置可用环境变量 TMPDIR 改）后重试。"
        ) from None
    return register


def _open_sealed(project: Project, register: Register, keys: Keys) -> None:
    """Put what this machine's keys open into the typed tables; the check is over, and saw none of it."""
    shown, unseen = place_pictures(register.connection, project.source, project.package, keys)
    opened, closed = open_cells(register.connection, project.package, keys, shown)
    if opened:
        keep_first(register.connection, project.package, register.problems)
    if count := closed.total() + unseen:
        said = f"限制级内容有 {count} 处没有钥匙，留空。请在有权的单位的机器上打印。"
        register.problems.append(warning("", 0, "not-opened", said))


def build_register(
    project: Project,
    as_of: datetime.date,
    *,
    draft: bool = False,
    attached: Mapping[str, Path] = MappingProxyType({}),
    proposal: History | None = None,
    history: bool = True,
    only: Iterable[str] | None = None,
    keys: Keys | None = None,
) -> Register:
    """Read and check a whole tree.

    Args:
        project: the tree.
        as_of: the date on which the facts are asked for.
        draft: recorded in `build`.
        attached: edition -> database file that `write_edition` will fill.
        proposal: a change under review, for rules about changes.
        history: whether `changes` and `commits` are filled.
        only: words of the statements that will be asked besides the rules; None for everything. Views that none of
            them reaches are looked at without being computed.
        keys: what opens sealed values for the rules; without, those that read any judge nothing of them, which is told.

    Raises:
        RecordsError: SQL files of the tree cannot be read at all.
    """
    package = project.package
    macros, declared, design = _design(project)
    rules, faults = read_rules(project.source, package)
    design.extend(faults)
    locator = Locator(project.source, package)
    connection, records, formal = _start(project, locator, as_of, draft, attached, proposal)
    told = [*records.problems, *without_consequences(package, records.problems, formal)]
    problems = list(told)
    statements = [*declared, *macros]
    views = Views(connection, declared, macros, lambda: _tell(connection, project, history, problems))
    if any(CELLS in s.words for s in (*statements, *(r.statement for r in rules))):
        # What is opened below stays sealed in them: that no value is in clear text is asked of the files.
        create_cells(connection, package, stored=keys is not None)
    opened, closed = open_cells(connection, package, keys)
    if opened:
        keep_first(connection, package, problems)
    create_rules(connection, package, rules, declared)
    create_macros(connection, macros)
    views.need(None if only is None else {*only, *(w for r in rules for w in r.statement.words)})
    views.plan()
    design.extend(views.problems())
    design.extend(check_cuts(connection, views.there, package))
    describe_views(connection, views.there)
    findings, broken = run_rules(connection, rules, locator, statements, project.erased)
    design.extend(broken)
    unread = unread_files(package, records)
    named = package.tables.get(package.settings.review_parameters)
    if named is not None and named.primary_key and named.name not in unread:
        design.extend(missing_values(connection, named, rules, declared, macros))
    findings, unjudged = attributed(connection, package, records, told, unread, rules, findings, statements)
    unjudged += _unopened(closed, rules, statements)
    problems = in_order([*design, *problems, *unjudged, *(f.problem for f in findings)])
    problems = list(locator.named(problems, records.files))
    if only is None or not _FINDINGS.isdisjoint(only):
        create_findings(connection, package, problems, findings)
    return Register(connection, records, views.there, rules, findings, problems, views)


def _unopened(
    closed: Collection[tuple[str, str]], rules: Iterable[Rule], statements: Iterable[Statement]
) -> list[Problem]:
    """Say once that sealed values were not read, and which rules judged nothing of them."""
    if not closed:
        return []
    through = passages(statements)
    reach = {r.id: reached(r.statement.words, through) for r in rules}
    held = sorted(i for i, words in reach.items() if any({*place} <= words for place in closed))
    which = f"，规则 {'、'.join(held)} 对它们没有判断" if held else ""
    said = f"记录里有封存的内容，这里没有打开{which}。请在有权的单位的机器上校验。"
    return [warning("", 0, _UNOPENED, said)]


def turn_back(
    register: Register,
    project: Project,
    files: Collection[str],
    rows: Mapping[str, Sequence[tuple[str, int, Sequence[str | None]]]],
    only: Collection[str] = (),
) -> Register | None:
    """Turn a register into that of another tree that differs in some files of records, which costs a fraction of reading it.

    Args:
        register: as `build_register` returned it; it cannot be used any more.
        project: the other tree.
        files: those that differ.
        rows: table -> (file, line, cells) of what they hold in the other tree; every table that they hold rows of in
            either tree is named.
        only: as `build_register` had it.

    Returns:
        None where one of the trees has other faults than what rules find: that takes a whole reading.
    """
    package, connection, views = project.package, register.connection, register.made
    known = {_UNOPENED, *(r.id for r in register.rules)}
    if views is None or any(p.rule not in known for p in register.problems):
        return None
    touched = {n: t for n, t in package.tables.items() if n in rows}
    stale = {*touched, CELLS, *_FINDINGS, *PROPOSAL}
    views.forget(stale)
    for name, table in touched.items():
        raw = f"raw.{quote(name)}"
        connection.execute(f"DELETE FROM {raw} WHERE list_contains(?, _file)", [list(files)])
        if rows[name]:
            columns = zip(*((file, str(line), *cells) for file, line, cells in rows[name]), strict=True)
            picks = ", ".join(f"unnest(${n}::VARCHAR[])" for n in range(1, len(table.fields) + 3))
            connection.execute(f"INSERT INTO {raw} SELECT {picks}", [list(c) for c in columns])
        # Rows stand in the order in which a reading finds them.
        connection.execute(
            f"CREATE OR REPLACE TABLE {raw} AS SELECT * FROM {raw} ORDER BY _file, _line, rowid"
        )
        connection.execute(f"DROP TABLE {quote(name)}")
    locator = Locator(project.source, package)
    part = dataclasses.replace(package, tables=touched)
    if check_conformance(connection, locator, list(touched.values())):
        return None
    create_typed(connection, part)
    if check_keys(connection, locator, {}):
        return None
    create_proposal(connection, None)
    rules = [r for r in register.rules if not views.reach(r.statement.words).isdisjoint(stale)]
    views.need({*only, *(w for r in rules for w in r.statement.words)})
    macros, declared, _ = _design(project)
    findings, broken = run_rules(connection, rules, locator, [*declared, *macros], project.erased)
    again = {r.id for r in rules}
    findings = [*(f for f in register.findings if f.problem.rule not in again), *findings]
    kept = [p for p in register.problems if p.rule == _UNOPENED]
    problems = in_order([*broken, *kept, *(f.problem for f in findings)])
    if not _FINDINGS.isdisjoint(only):
        create_findings(connection, package, problems, findings)
    return Register(connection, register.records, views.there, register.rules, findings, problems, views)


def _part_of(
    project: Project,
    as_of: datetime.date,
    draft: bool,
    attached: Mapping[str, Path],
    words: Iterable[str],
    scope: Scope,
) -> Register:
    """Return the register of what a statement reaches, unchecked."""
    package = project.package
    macros, declared, _ = _design(project)
    through = passages([*macros, *declared])
    conditions = {
        t.name: [*t.row_filters.values(), *t.compartments.values()] for t in package.tables.values()
    }
    rows = {view.name: view.header.get("rows") for view in declared}
    conditions |= {name: [str(v) for v in r.values()] for name, r in rows.items() if isinstance(r, Mapping)}
    for name, texts in conditions.items():
        through.setdefault(name, set()).update(w for text in texts for w in words_of(text))
    reach = reached(words, through)
    if not {*HISTORY, CELLS}.isdisjoint(reach):
        # Of the history an edition shows what belongs to the records that it shows.
        reach = reached({*reach, *package.tables}, through)
    reach = reached(with_linked(package, scope, reach, bool(project.erased)), through)
    # Tables whose rows stand in the same files come with those that are reached; whether references lead anywhere is
    # not asked.
    files = {package.origin(t).name for t in package.tables.values() if t.name in reach}
    reachable = [t for t in package.tables.values() if package.origin(t).name in files]
    part = dataclasses.replace(
        package, tables={t.name: dataclasses.replace(t, foreign_keys=()) for t in reachable}
    )
    connection, records, _ = _start(project, Locator(project.source, part), as_of, draft, attached)
    views = Views(connection, declared, macros, lambda: _tell(connection, project, True, []))
    if CELLS in reach:
        create_cells(connection, package)
    if "rules" in reach:
        create_rules(connection, package, read_rules(project.source, package)[0], declared)
    create_macros(connection, [m for m in macros if not reach.isdisjoint(passages([m]))])
    views.need(reach)
    describe_views(connection, declared)
    return Register(connection, records, views.there, made=views)


def _design(project: Project) -> tuple[list[Statement], list[Statement], list[Problem]]:
    """Return the macros, the views that can be tables of the register, and what is wrong with the others."""
    taken = [*project.package.tables, *ENGINE_TABLES]
    usable, problems = usable_views(read_statements(project.source, "schemas/views"), taken)
    return read_statements(project.source, "schemas/macros"), usable, problems


def _start(
    project: Project,
    locator: Locator,
    as_of: datetime.date,
    draft: bool,
    attached: Mapping[str, Path],
    proposal: History | None = None,
) -> tuple[duckdb.DuckDBPyConnection, Records, list[Problem]]:
    """Return a database with the tables of the locator's package, what was read, and what does not conform; its doors are shut.

    With them come the tables that the engine makes of all schemas, build and repository; the history is empty for now.
    """
    commit, part = project.commit, locator.package
    # Before there is a database: its threads keep this process from being copied for the reading.
    records = read_records(project.source, part)
    connection = connect()
    load_raw(connection, part, records)
    create_enums(connection, part.tables.values())
    formal = check_conformance(connection, locator, list(part.tables.values()))
    create_typed(connection, part)
    wrong_keys = check_keys(connection, locator, unread_files(part, records))
    keep_first(connection, part, wrong_keys)
    for edition, path in attached.items():
        attach(connection, edition, path)
    shut(connection)
    create_descriptions(connection, project.package)
    short, refs = (commit.short, commit.refs) if commit else ("", "")
    create_build(connection, as_of, "", short, project.epoch, draft, refs)
    create_history(connection, None)
    create_proposal(connection, proposal, project.package.tables.values())
    return connection, records, formal + wrong_keys


def _tell(
    connection: duckdb.DuckDBPyConnection, project: Project, wanted: bool, problems: list[Problem]
) -> None:
    """Fill `commits` and `changes`.

    Without a history (no repository, a shallow clone) pages show none, never a false one.
    """
    if project.commit is None or not wanted:
        return
    from lingtouyan.history.changes import read_history
    from lingtouyan.history.git import ask_text
    from lingtouyan.history.signatures import read_signatures

    try:
        history = read_history(project.root, project.package, project.commit.id, Cache())
        settings = project.settings
        # Checking signatures costs a moment for each new one: only where a city uses them.
        if settings.signers or settings.signatures:
            history.signatures = read_signatures(project.root, history.commits, settings.signers)
        if project.since:
            asked = ask_text(project.root, "rev-list", f"{project.since}..{project.commit.id}", "--")
            history.proposed = frozenset(asked.split())
    except UsageError as fault:
        problems.append(warning("", 0, "history", str(fault)))
    else:
        create_history(connection, history, project.package)
