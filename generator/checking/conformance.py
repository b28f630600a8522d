"""Whether the records conform to their Table Schemas: types, constraints, unique values, primary and foreign keys.

DuckDB accepts whole columns at once; each distinct cell it does not accept goes to Frictionless, which has the last word.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import duckdb

from generator.checking.wording import Wording
from generator.problems import Problem, error, warning
from generator.reading.package import Field, ForeignKey, Package, Sensitivity, Table
from generator.register.database import literal, quote, typed

if TYPE_CHECKING:
    from generator.checking.locating import Locator

_PLAIN_TYPES = frozenset({"string", "integer", "year", "number", "boolean", "date", "array", "any"})
_CASES = {"required": "constraint-error", "unique": "unique-error", "type": "type-error"}


def check_conformance(
    connection: duckdb.DuckDBPyConnection, package: Package, locator: Locator
) -> list[Problem]:
    """Check every table of the register.

    A cell that only Frictionless accepts (`2020-1-5`, ` 7`) is rewritten in `raw` in its plain form, with a warning,
    so call this before the typed tables are made; keys are checked by `check_keys` after.
    """
    problems: list[Problem] = []
    for table in package.tables.values():
        suspects = _suspects(connection, table)
        for field in suspects:
            problems.extend(_cells(connection, table, field, locator))
    return problems


def check_keys(connection: duckdb.DuckDBPyConnection, package: Package, locator: Locator) -> list[Problem]:
    """Check unique values, primary and foreign keys over all files of each table, on the typed tables."""
    problems: list[Problem] = []
    for table in package.tables.values():
        problems.extend(_repeated(connection, table, table.primary_key, "primary-key", locator))
        for field in table.fields:
            if field.constraints.get("unique") and table.primary_key != (field.name,):
                problems.extend(_repeated(connection, table, (field.name,), "unique-error", locator))
        for key in table.foreign_keys:
            problems.extend(_dangling(connection, table, key, package, locator))
    return problems


def _accepts(field: Field) -> str:
    """Return SQL that is true only for cells which surely conform. It may say no too often, never yes wrongly."""
    cell, value = quote(field.name), typed(field)
    limits = field.constraints
    if field.type not in _PLAIN_TYPES or field.descriptor.get("format", "default") != "default":
        return f"{cell} IS NULL" if not field.required else "false"
    if any(k in field.descriptor for k in ("decimalChar", "groupChar", "bareNumber")):
        return f"{cell} IS NULL" if not field.required else "false"
    tests = []
    if field.type not in ("string", "any"):
        tests.append(f"({value}) IS NOT NULL")
    if field.type == "array":
        tests.append(f"json_type(TRY_CAST({cell} AS JSON)) = 'ARRAY'")
    if "enum" in limits:
        tests.append(f"({value})::VARCHAR IN ({', '.join(literal(str(v)) for v in limits['enum'])})")
    if "pattern" in limits:
        tests.append(f"regexp_full_match({cell}, {literal(limits['pattern'])})")
    size = f"len({value})" if field.type == "array" else f"length({cell})"
    for name, sign in (("minLength", ">="), ("maxLength", "<=")):
        if name in limits:
            tests.append(f"{size} {sign} {limits[name]}")
    for name, sign in (("minimum", ">="), ("maximum", "<=")):
        if name in limits:
            bound = literal(str(limits[name])) + "::DATE" if field.type == "date" else str(limits[name])
            tests.append(f"({value}) {sign} {bound}")
    accepted = " AND ".join(tests) or "true"
    return f"({cell} IS NOT NULL AND {accepted})" if field.required else f"({cell} IS NULL OR ({accepted}))"


def _suspects(connection: duckdb.DuckDBPyConnection, table: Table) -> list[Field]:
    """Return the fields that hold at least one cell which is not surely right; one pass over the table."""
    tests = [_accepts(f) for f in table.fields]
    counts = ", ".join(f"count(*) FILTER (WHERE NOT coalesce({t}, false))" for t in tests)
    try:
        found = connection.execute(f"SELECT {counts} FROM raw.{quote(table.name)}").fetchone() or ()
    except duckdb.Error:
        # A pattern that this regex engine does not know: leave every field of the table to Frictionless.
        return list(table.fields)
    return [f for f, n in zip(table.fields, found, strict=True) if n]


def _cells(
    connection: duckdb.DuckDBPyConnection, table: Table, field: Field, locator: Locator
) -> Iterator[Problem]:
    test, cell, source = _accepts(field), quote(field.name), f"raw.{quote(table.name)}"
    try:
        rows = connection.execute(
            f"SELECT _file, _line, {cell} FROM {source} WHERE NOT coalesce({test}, false)"
        ).fetchall()
    except duckdb.Error:
        rows = connection.execute(f"SELECT _file, _line, {cell} FROM {source}").fetchall()
    judge = _Judge(field)
    wording = Wording(table, field)
    rewritten: list[tuple[str, str]] = []
    for value in {r[2] for r in rows}:
        plain = judge.plain(value)
        if plain is not None and plain != value:
            rewritten.append((value, plain))
    for file, line, value in rows:
        faults = judge.faults(value)
        where = locator.line(file, table, line, field.name) if faults or judge.plain(value) != value else line
        for name in faults:
            rule = "type-error" if name == "type" else "constraint-error"
            yield error(file, where, rule, wording.fault(name, value), field.title)
        if not faults and value is not None and judge.plain(value) != value:
            yield warning(
                file, where, "unusual-form", wording.unusual(value, str(judge.plain(value))), field.title
            )
    for value, plain in rewritten:
        connection.execute(f"UPDATE {source} SET {cell} = ? WHERE {cell} = ?", [plain, value])


class _Judge:
    """Frictionless' verdict on single cells, asked once per distinct value."""

    def __init__(self, field: Field) -> None:
        # Importing it costs half a second; a tree without faults never pays.
        import frictionless

        descriptor = dict(field.descriptor)
        self._read = frictionless.Field.from_descriptor(descriptor).create_cell_reader()
        self._field = field
        self._known: dict[str | None, tuple[list[str], str | None]] = {}

    def _judged(self, value: str | None) -> tuple[list[str], str | None]:
        if value not in self._known:
            cell, notes = self._read(value)
            self._known[value] = (list(notes or ()), None if notes else self._plainly(cell, value))
        return self._known[value]

    def faults(self, value: str | None) -> list[str]:
        """Return the names of what the value breaks: `type` or a constraint."""
        return self._judged(value)[0]

    def plain(self, value: str | None) -> str | None:
        """Return the value as the register can cast it."""
        return self._judged(value)[1]

    def _plainly(self, cell: Any, value: str | None) -> str | None:
        if cell is None or value is None:
            return value
        if self._field.type in ("integer", "year", "number"):
            return str(cell)
        return str(cell.isoformat()) if self._field.type == "date" else value


def _key_values(fields: tuple[str, ...]) -> str:
    return ", ".join(f"{quote(f)}" for f in fields)


def _shown(table: Table, fields: tuple[str, ...]) -> bool:
    return all(f is not None and f.sensitivity < Sensitivity.RESTRICTED for f in map(table.field, fields))


def _repeated(
    connection: duckdb.DuckDBPyConnection, table: Table, fields: tuple[str, ...], rule: str, locator: Locator
) -> Iterator[Problem]:
    if not fields:
        return
    keys, source = _key_values(fields), quote(table.name)
    all_null = " AND ".join(f"{quote(f)} IS NULL" for f in fields)
    title = "、".join(f.title for f in (table.field(n) for n in fields) if f)
    wording = Wording(table, table.field(fields[0]))
    if rule == "primary-key":
        for file, line in connection.execute(
            f"SELECT _file, _line FROM {source} WHERE {all_null}"
        ).fetchall():
            yield error(file, line, rule, f"主键“{title}”没有填写，这条记录无法识别。请填写。", title)
    # A missing value is no repeat; the keys' own order in the files decides which row came first.
    rows = connection.execute(
        f"SELECT _file, _line, first_value(_file) OVER w, first_value(_line) OVER w, {keys} FROM {source} "
        f"WHERE NOT ({all_null}) WINDOW w AS (PARTITION BY {keys} ORDER BY _file, _line, rowid) "
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
    connection: duckdb.DuckDBPyConnection, table: Table, key: ForeignKey, package: Package, locator: Locator
) -> Iterator[Problem]:
    target = package.tables[key.table]
    joined = " AND ".join(
        f"t.{quote(a)}::VARCHAR IS NOT DISTINCT FROM o.{quote(b)}::VARCHAR"
        for a, b in zip(key.fields, key.references, strict=True)
    )
    some = " OR ".join(f"t.{quote(f)} IS NOT NULL" for f in key.fields)
    picked = ", ".join(f"t.{quote(f)}" for f in key.fields)
    rows = connection.execute(
        f"SELECT t._file, t._line, {picked} FROM {quote(table.name)} t ANTI JOIN {quote(target.name)} o ON {joined} WHERE {some}"
    ).fetchall()
    field = table.field(key.fields[0])
    wording = Wording(table, field)
    title = "、".join(f.title for f in (table.field(n) for n in key.fields) if f)
    for file, line, *values in rows:
        where = locator.line(file, table, line, key.fields[0])
        yield error(
            file,
            where,
            "foreign-key",
            wording.dangling(target, values if _shown(table, key.fields) else None),
            title,
        )
