"""Editions: separate databases that hold only what their readers may see.

Cut on the whole register, column by column, then reopened alone: what is not in an edition cannot leak from it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from pathlib import Path

import duckdb

from lingtouyan.database.database import (
    SqlError,
    columns_in,
    connect,
    create_enums,
    explain,
    literal,
    one_select,
    quote,
    shut,
    side_by_side,
)
from lingtouyan.database.history_tables import copy_history
from lingtouyan.database.statements import Statement, columns_of, row_filters
from lingtouyan.problems import Problem, RecordsError, error
from lingtouyan.project import EDITIONS
from lingtouyan.reading.package import Package, Sensitivity, Table

_ENGINE = ("tables", "fields", "rules", "views")
_INTERNAL_ENGINE = ("findings", "finding_subjects")
_ALIAS = "edition_of_{}"


def attach(connection: duckdb.DuckDBPyConnection, edition: str, path: Path) -> None:
    """Attach the database that an edition will be written to; must happen before the doors are shut."""
    connection.execute(f"ATTACH {literal(str(path))} AS {_ALIAS.format(edition)}")


def visible_table(table: Table, edition: str) -> Table | None:
    """Return the table as an edition sees it, or None when it sees none of its columns or not its key."""
    fields = table.visible(EDITIONS[edition])
    names = {f.name for f in fields}
    if not fields:
        return None
    key = table.primary_key if names.issuperset(table.primary_key) else ()
    keys = tuple(k for k in table.foreign_keys if names.issuperset(k.fields))
    return dataclasses.replace(table, fields=fields, primary_key=key, foreign_keys=keys)


def write_edition(
    connection: duckdb.DuckDBPyConnection,
    views: Sequence[Statement],
    package: Package,
    edition: str,
    only: Collection[str] | None = None,
    attached: str = "",
) -> None:
    """Write an attached edition: visible columns of tables and views, filtered rows, the engine's own tables.

    Args:
        views: those that are computed.
        only: names of the tables and views that are asked for; None for all.
        attached: what the database was attached as, unless under the edition's name.

    Raises:
        RecordsError: a row filter cannot be evaluated; nothing may be published then.
    """
    alias, level = _ALIAS.format(attached or edition), EDITIONS[edition]
    seen = [v for t in package.tables.values() if (v := visible_table(t, edition)) is not None]
    create_enums(connection, seen, f"{alias}.")
    inside = level >= Sensitivity.INTERNAL
    # What history may be shown depends on the records that are.
    told = only is None or not {"changes", "commits"}.isdisjoint(only)
    # Each name with its query, and with the file and the kind of problem where that fails.
    cuts: list[tuple[str, str, str, str]] = []
    for table in seen:
        cells = {f.name: f"::VARCHAR::{alias}.{quote(f.enum_type)}" for f in table.fields if f.enum_type}
        columns = [f"{quote(f.name)}{cells.get(f.name, '')} AS {quote(f.name)}" for f in table.fields]
        columns += ["_file", "_line"] if inside else []
        query = _select(table.name, columns, table.row_filters.get(edition))
        if told or only is None or table.name in only:
            cuts.append((table.name, query, table.schema_file, "schema-error"))
    for view in views if only is None else [v for v in views if v.name in only]:
        given = {n: c.unless for n, c in columns_of(view).items() if c.sensitivity <= level}
        columns = [
            f"CASE WHEN NOT ({unless}) THEN {quote(n)} END AS {quote(n)}"
            if unless and not inside
            else quote(n)
            for n, unless in given.items()
        ]
        query = _select(view.name, columns, row_filters(view).get(edition))
        if columns:
            cuts.append((view.name, query, view.file, "sql-error"))

    def cut(own: duckdb.DuckDBPyConnection, one: tuple[str, str, str, str]) -> Problem | None:
        name, query, file, rule = one
        try:
            rows = one_select(own, query)
            if name not in package.tables:
                # Several cores give a view's rows in no fixed order; a page whose own order leaves ties must not vary.
                rows = f"SELECT * FROM ({rows}) ORDER BY ALL"
            own.execute(f"CREATE TABLE {alias}.{quote(name)} AS {rows}")
        except (duckdb.Error, SqlError) as fault:
            return _uncut(file, rule, edition, fault)
        return None

    if problems := [p for p in side_by_side(connection, cut, cuts) if p is not None]:
        raise RecordsError(problems[:1])
    for name in (*_ENGINE, *(_INTERNAL_ENGINE if inside else ())):
        if only is None or name in only:
            connection.execute(f"CREATE TABLE {alias}.{name} AS SELECT * FROM {name} ORDER BY ALL")
    edited = f"SELECT * EXCLUDE (refs) REPLACE ({literal(edition)} AS edition) FROM build"
    connection.execute(f"CREATE TABLE {alias}.build AS {edited}")
    if told:
        copy_history(connection, alias, package, [t.name for t in seen], level)
    connection.execute(f"DETACH {alias}")


def _select(name: str, columns: Sequence[str], condition: str | None) -> str:
    where = f" WHERE ({condition}\n)" if condition is not None else ""
    return f"SELECT {', '.join(columns)} FROM {quote(name)}{where}"


def check_cuts(
    connection: duckdb.DuckDBPyConnection, views: Sequence[Statement], package: Package
) -> list[Problem]:
    """Say which row filters and declared columns no edition could be cut by, before one is."""
    problems: list[Problem] = []

    def plan(name: str, condition: str, file: str, rule: str, edition: str) -> None:
        try:
            query = one_select(connection, _select(name, ["1"], condition))
            connection.execute(f"DESCRIBE {query}")
        except (duckdb.Error, SqlError) as fault:
            problems.append(_uncut(file, rule, edition, fault))

    for table in package.tables.values():
        for edition, condition in (*table.row_filters.items(), *table.compartments.items()):
            plan(table.name, condition, table.schema_file, "schema-error", edition)
    held = columns_in(connection) if views else {}
    for view in views:
        lacking = [n for n in columns_of(view) if n not in held.get(view.name, ())]
        if lacking:
            message = f"文件头 fields 写了查询结果里没有的列：{'、'.join(lacking)}。"
            problems.append(error(view.file, 1, "sql-error", message))
        try:
            filters = row_filters(view)
        except RecordsError as fault:
            problems.extend(fault.problems)
            continue
        unless = [("public", c.unless) for c in columns_of(view).values() if c.unless is not None]
        for edition, condition in dict.fromkeys([*filters.items(), *unless]):
            plan(view.name, condition, view.file, "sql-error", edition)
    return problems


def _uncut(file: str, rule: str, edition: str, fault: Exception) -> Problem:
    text = explain(fault) if isinstance(fault, duckdb.Error) else str(fault)
    return error(
        file, 1, rule, f"rows.{edition} 的条件或 fields 无法用来生成这一版，为免误公开已停止：{text}"
    )


def open_edition(path: Path) -> duckdb.DuckDBPyConnection:
    """Open a written edition alone, for reading, with its doors shut."""
    connection = connect(str(path), read_only=True, threads=1)
    shut(connection)
    return connection
