"""Whether the records conform to their Table Schemas: types, constraints, unique values, primary and foreign keys.

DuckDB accepts whole columns at once; each distinct cell it does not accept goes to Frictionless, which has the last word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import duckdb

from lingtouyan.checks.acceptance import accepts, ascii_digits
from lingtouyan.checks.hygiene import doubtful, doubts, foreign_digits
from lingtouyan.checks.judging import Judge, UnjudgeableError
from lingtouyan.checks.repeats import order_of
from lingtouyan.checks.wording import Wording
from lingtouyan.database.database import duckdb_type, own_rows, quote, side_by_side
from lingtouyan.problems import Problem, Severity, error
from lingtouyan.reading.package import Field, ForeignKey, Package, Sensitivity, Table

if TYPE_CHECKING:
    from lingtouyan.checks.locating import Locator

_Cell = tuple[str, int, str | None]
_Said = tuple[str, Severity, str]
_NONE: Mapping[str, str] = {}
_RULES = {"type": "type-error", "range": "number-range"}


@dataclass(frozen=True, slots=True)
class Unjudged:
    """The rows of a table whose cells are to be judged.

    Attributes:
        source: what to select them from; empty when there are none.
        values: field -> SQL for its typed value, where the rows hold it beside the text.
    """

    source: str
    values: Mapping[str, str] | None = None


def check_conformance(
    connection: duckdb.DuckDBPyConnection,
    package: Package,
    locator: Locator,
    unjudged: Callable[[Table], Unjudged] | None = None,
) -> tuple[list[Problem], frozenset[str]]:
    """Check every table of the register.

    A cell that only Frictionless accepts (`2020-1-5`, ` 7`) is rewritten in `raw` in its plain form, with a warning,
    so call this before the typed tables are made; keys are checked by `check_keys` after.

    Args:
        unjudged: gives for a table the rows that no earlier run has judged.

    Returns:
        The problems, and the names of the tables in which every cell was accepted at once.
    """

    def ask(own: duckdb.DuckDBPyConnection, table: Table) -> dict[str, bool]:
        refused, odd = _refused(table), _odd(table, package)
        rows = unjudged(table) if unjudged is not None else Unjudged(f"raw.{quote(table.name)}")
        tests = [*refused.values(), *odd.values()]
        if not rows.source:
            return dict.fromkeys(tests, False)
        asked = [*(_refused(table, rows.values) if rows.values else refused).values(), *odd.values()]
        return dict(zip(tests, _any(own, rows.source, asked), strict=True))

    tables = list(package.tables.values())
    found = side_by_side(connection, ask, tables)
    # Not side by side: only here can a pattern that never ends be stopped.
    problems: list[Problem] = []
    told: dict[str, set[tuple[str, str]]] = {}
    for table, met in zip(tables, found, strict=True):
        # A list's items take their record's key from it: what is wrong with it was said of the record.
        inherited = package.tables[table.parent].primary_key if table.parent else ()
        of_parent = told.get(table.parent, set())
        named = told.setdefault(table.name, set())
        for field, problem in _check_table(connection, table, package, met, locator):
            place = (problem.file, field.name)
            named.add(place)
            if field.name not in inherited or place not in of_parent:
                problems.append(problem)
    return problems, frozenset(t.name for t, met in zip(tables, found, strict=True) if not any(met.values()))


def _refused(table: Table, values: Mapping[str, str] = _NONE) -> dict[str, str]:
    """Return field -> SQL that is true for cells which are not surely right."""
    return {f.name: f"NOT coalesce({accepts(f, values.get(f.name, ''))}, false)" for f in table.fields}


def _odd(table: Table, package: Package) -> dict[str, str]:
    """Return field -> SQL that is true for cells which may hold what no record should."""
    csv = package.origin(table).kind == "csv"
    return {f.name: test for f in table.fields if (test := doubtful(f, csv))}


def _check_table(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    package: Package,
    met: dict[str, bool],
    locator: Locator,
) -> Iterator[tuple[Field, Problem]]:
    refused, odd = _refused(table), _odd(table, package)
    csv = package.origin(table).kind == "csv"
    for field in table.fields:
        named: set[tuple[str, int]] = set()
        if met[refused[field.name]]:
            cells = _cells(connection, table, field, refused[field.name])
            try:
                for problem in _judge(connection, cells, table, field, locator):
                    named.add((problem.file, problem.line))
                    yield field, problem
            except UnjudgeableError as fault:
                message = f"字段 {field.name} 无法校验：{fault}。"
                yield field, error(table.schema_file, field.line, "schema-error", message)
        if met.get(odd.get(field.name, "")):
            cells = _cells(connection, table, field, odd[field.name])
            for problem in _doubt(cells, table, field, csv, locator):
                # Said already, in the words of the constraint that the value breaks.
                if (problem.file, problem.line) not in named:
                    yield field, problem


def _any(connection: duckdb.DuckDBPyConnection, source: str, tests: list[str]) -> list[bool]:
    """Return for each test whether any of the rows meets it: one pass over the table."""
    counts = ", ".join(f"count(*) FILTER (WHERE {t})" for t in tests)
    try:
        row = connection.execute(f"SELECT {counts} FROM {source}").fetchone() or ()
    except duckdb.Error:
        # A pattern that this regex engine does not know: only its own field is left to Frictionless altogether.
        return [True] if len(tests) == 1 else [_any(connection, source, [t])[0] for t in tests]
    return [bool(n) for n in row]


def _cells(connection: duckdb.DuckDBPyConnection, table: Table, field: Field, test: str) -> list[_Cell]:
    query = f"SELECT _file, _line, {quote(field.name)} FROM raw.{quote(table.name)}"
    try:
        return connection.execute(f"{query} WHERE {test}").fetchall()
    except duckdb.Error:
        return connection.execute(query).fetchall()


def _judge(
    connection: duckdb.DuckDBPyConnection, cells: list[_Cell], table: Table, field: Field, locator: Locator
) -> Iterator[Problem]:
    judge, wording = Judge(field), Wording(table, field)
    pattern = field.constraints.get("pattern")
    narrow = re.compile(f"^{ascii_digits(pattern)}$") if pattern else None
    rewritten: list[tuple[str, str]] = []
    said: dict[str | None, list[_Said]] = {}
    for value in dict.fromkeys(c[2] for c in cells):
        faults, plain = judge.judged(value)
        told = ((_RULES.get(f, "constraint-error"), Severity.ERROR, wording.fault(f, value)) for f in faults)
        # Two bounds are broken by what is no number at all: one fault.
        said[value] = list(dict.fromkeys(told))
        if faults or value is None or plain is None:
            continue
        if plain != value:
            rewritten.append((value, plain))
            if not judge.free_form:
                said[value].append(("unusual-form", Severity.WARNING, wording.unusual(value, plain)))
        half = foreign_digits(value) if narrow and not narrow.match(value) else ""
        if half:
            said[value].append(("full-width-digits", Severity.ERROR, wording.full_width(value, half)))
    yield from _tell(cells, said, table, field, locator)
    if rewritten:
        own_rows(connection, table)
        source, cell = f"raw.{quote(table.name)}", quote(field.name)
        connection.execute(
            f"UPDATE {source} SET {cell} = plain "
            f"FROM (SELECT unnest($1) AS found, unnest($2) AS plain) WHERE {cell} = found",
            [[v for v, _ in rewritten], [p for _, p in rewritten]],
        )


def _doubt(cells: list[_Cell], table: Table, field: Field, csv: bool, locator: Locator) -> Iterator[Problem]:
    said = {
        v: list(doubts(table, field, v, csv)) for v in dict.fromkeys(c[2] for c in cells) if v is not None
    }
    yield from _tell(cells, said, table, field, locator)


def _tell(
    cells: list[_Cell],
    said: Mapping[str, list[_Said]] | Mapping[str | None, list[_Said]],
    table: Table,
    field: Field,
    locator: Locator,
) -> Iterator[Problem]:
    for file, line, value in cells:
        for rule, severity, message in said.get(value, ()):  # type: ignore[arg-type]
            where = locator.line(file, table, line, field.name)
            yield Problem(file, where, field.title, rule, severity, message)


def check_keys(
    connection: duckdb.DuckDBPyConnection,
    package: Package,
    locator: Locator,
    unread: Mapping[str, Sequence[str]],
    known: Callable[[Table], bool] | None = None,
) -> tuple[list[Problem], frozenset[str]]:
    """Check unique values, primary and foreign keys over all files of each table, on the typed tables.

    Args:
        unread: table -> its files that could not be read. What may refer to a record in them is not at fault: that
            file is. A document's key is told by its name, a table file may have held any.
        known: tells of a table whose keys an earlier run found in order.

    Returns:
        The problems, and the names of the tables whose keys are in order.
    """

    def check(own: duckdb.DuckDBPyConnection, table: Table) -> list[Problem]:
        if known is not None and known(table):
            return []
        return list(_check_keys(own, table, package, locator, unread))

    tables = list(package.tables.values())
    found = side_by_side(connection, check, tables)
    # Where references were passed over, a later run must ask again: the lost file may be gone by then.
    sound = frozenset(
        t.name
        for t, problems in zip(tables, found, strict=True)
        if not problems and not any(k.table in unread for k in t.foreign_keys)
    )
    return [p for problems in found for p in problems], sound


def _check_keys(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    package: Package,
    locator: Locator,
    unread: Mapping[str, Sequence[str]],
) -> Iterator[Problem]:
    keys: dict[tuple[str, ...], str] = {table.primary_key: "primary-key"} if table.primary_key else {}
    for field in table.fields:
        if field.constraints.get("unique"):
            keys.setdefault((field.name,), "unique-error")
    counts = [
        *(_repeats(table, fields, missing=rule == "primary-key") for fields, rule in keys.items()),
        *(f"SELECT count(*) FROM {_lost(table, key, package)}" for key in table.foreign_keys),
    ]
    if not counts:
        return
    # One question per table; only what it finds is looked at closely.
    found = connection.execute(f"SELECT {', '.join(f'({c})' for c in counts)}").fetchone() or ()
    for (fields, rule), count in zip(keys.items(), found[: len(keys)], strict=True):
        if count:
            yield from _repeated(connection, table, fields, rule, package, locator)
    for key, count in zip(table.foreign_keys, found[len(keys) :], strict=True):
        if count:
            yield from _dangling(connection, table, key, package, locator, unread)


def _repeats(table: Table, fields: tuple[str, ...], *, missing: bool) -> str:
    """Return SQL that counts rows whose key is not their own, and, where asked, rows without any."""
    some = " OR ".join(f"{quote(f)} IS NOT NULL" for f in fields)
    # Several parts are compared as one row; a part alone is cheaper.
    key = quote(fields[0]) if len(fields) == 1 else f"({_key_values(fields)})"
    total = "count(*)" if missing else f"count(*) FILTER (WHERE {some})"
    return f"SELECT {total} - count(DISTINCT {key}) FILTER (WHERE {some}) FROM {quote(table.name)}"


def _lost(table: Table, key: ForeignKey, package: Package) -> str:
    """Return the FROM clause that gives the rows of `t` whose reference leads nowhere."""
    target = package.tables[key.table]
    parts = []
    for a, b in zip(key.fields, key.references, strict=True):
        mine, other = table.field(a), target.field(b)
        alike = mine is not None and other is not None and duckdb_type(mine) == duckdb_type(other)
        cast = "" if alike else "::VARCHAR"
        same = "=" if len(key.fields) == 1 else "IS NOT DISTINCT FROM"
        parts.append(f"t.{quote(a)}{cast} {same} o.{quote(b)}{cast}")
    some = " OR ".join(f"t.{quote(f)} IS NOT NULL" for f in key.fields)
    return f"{quote(table.name)} t ANTI JOIN {quote(target.name)} o ON {' AND '.join(parts)} WHERE {some}"


def _key_values(fields: tuple[str, ...]) -> str:
    return ", ".join(f"{quote(f)}" for f in fields)


def _shown(table: Table, fields: tuple[str, ...]) -> bool:
    return all(f is not None and f.sensitivity < Sensitivity.RESTRICTED for f in map(table.field, fields))


def _repeated(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    fields: tuple[str, ...],
    rule: str,
    package: Package,
    locator: Locator,
) -> Iterator[Problem]:
    if not fields:
        return
    keys, source = _key_values(fields), quote(table.name)
    all_null = " AND ".join(f"{quote(f)} IS NULL" for f in fields)
    title = "、".join(f.title for f in (table.field(n) for n in fields) if f)
    wording = Wording(table, table.field(fields[0]))
    if rule == "primary-key":
        for file, line in connection.execute(
            # What is written and of the wrong type is not missing.
            f"SELECT _file, _line FROM raw.{source} WHERE {all_null}"
        ).fetchall():
            yield error(file, line, rule, f"主键“{title}”没有填写，这条记录无法识别。请填写。", title)
    # A missing value is no repeat; the order of the files decides which row came first.
    within = keys
    if table.parent and set(package.tables[table.parent].primary_key) <= set(fields):
        # What two documents of one key both hold is their repetition, told of them.
        within = f"_file, {keys}"
    rows = connection.execute(
        f"SELECT _file, _line, first_value(_file) OVER w, first_value(_line) OVER w, {keys} FROM {source} "
        f"WHERE NOT ({all_null}) WINDOW w AS (PARTITION BY {within} ORDER BY {order_of(table, fields)}) "
        f"QUALIFY row_number() OVER w > 1"
    ).fetchall()
    for file, line, first_file, first_line, *values in rows:
        where = locator.line(file, table, line, fields[0])
        other = locator.line(first_file, table, first_line, fields[0])
        place = f"第 {other} 行" if first_file == file else f"{first_file} 第 {other} 行"
        yield error(
            file,
            where,
            rule,
            wording.repeated(title, values if _shown(table, fields) else None, place),
            title,
        )


def _dangling(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    key: ForeignKey,
    package: Package,
    locator: Locator,
    unread: Mapping[str, Sequence[str]],
) -> Iterator[Problem]:
    target = package.tables[key.table]
    source, files = package.origin(target), unread.get(target.name, ())
    # Whose keys a lost document held can be told by its name; a lost table file may have held any.
    by_name = source.kind != "csv" and len(source.primary_key) == 1
    naming = [n for n, other in enumerate(key.references) if (other,) == source.primary_key]
    if files and not (by_name and naming):
        return
    stems = {PurePosixPath(f).stem for f in files}
    picked = ", ".join(f"t.{quote(f)}" for f in key.fields)
    rows = connection.execute(
        f"SELECT t._file, t._line, {picked} FROM {_lost(table, key, package)}"
    ).fetchall()
    field = table.field(key.fields[0])
    wording = Wording(table, field)
    title = "、".join(f.title for f in (table.field(n) for n in key.fields) if f)
    for file, line, *values in rows:
        if any(str(values[n]) in stems for n in naming):
            continue
        where = locator.line(file, table, line, key.fields[0])
        yield error(
            file,
            where,
            "foreign-key",
            wording.dangling(target, values, shown=_shown(table, key.fields)),
            title,
        )
