"""Editions: separate databases that hold only what their readers may see.

Cut on the whole register, column by column, then reopened alone: what is not in an edition cannot leak from it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import duckdb

from lingtouyan.database.database import (
    SqlError,
    bounded,
    connect,
    explain,
    literal,
    one_select,
    quote,
    shut,
    side_by_side,
)
from lingtouyan.database.statements import Statement, columns_of
from lingtouyan.history.table import copy_history
from lingtouyan.problems import Problem, RecordsError, error
from lingtouyan.project import EDITIONS
from lingtouyan.reading.package import ForeignKey, Package, Sensitivity, Table
from lingtouyan.reading.yaml import Mapping

_ENGINE = ("tables", "fields", "rules", "views")
_INTERNAL_ENGINE = ("findings", "finding_subjects")
_ALIAS = "edition_of_{}"


def attach(connection: duckdb.DuckDBPyConnection, edition: str, path: Path) -> None:
    """Attach the database that an edition will be written to; must happen before the doors are shut."""
    connection.execute(f"ATTACH {literal(str(path))} AS {_ALIAS.format(edition)}")


def visible_table(table: Table, edition: str) -> Table | None:
    """Return the table as an edition sees it, or None when it sees none of its columns or not its key."""
    level = EDITIONS[edition]
    fields = table.visible(level)
    names = {f.name for f in fields}
    if not fields:
        return None
    key = table.primary_key if names.issuperset(table.primary_key) else ()
    keys: tuple[ForeignKey, ...] = tuple(k for k in table.foreign_keys if names.issuperset(k.fields))
    return dataclasses.replace(table, fields=fields, primary_key=key, foreign_keys=keys)


def write_edition(
    connection: duckdb.DuckDBPyConnection,
    views: Sequence[Statement],
    package: Package,
    edition: str,
) -> None:
    """Write an attached edition: visible columns of tables and views, filtered rows, the engine's own tables.

    Raises:
        RecordsError: a row filter cannot be evaluated; nothing may be published then.
    """
    alias, level = _ALIAS.format(edition), EDITIONS[edition]
    made: set[str] = set()
    kept: list[str] = []
    cuts: list[_Cut] = []
    for table in package.tables.values():
        seen = visible_table(table, edition)
        if seen is None:
            continue
        kept.append(table.name)
        for field in seen.fields:
            if field.enum_type and field.enum_type not in made:
                made.add(field.enum_type)
                words = ", ".join(literal(w) for w in field.categories)
                connection.execute(f"CREATE TYPE {alias}.{quote(field.enum_type)} AS ENUM ({words})")
        columns = [
            f"{quote(f.name)}::VARCHAR::{alias}.{quote(f.enum_type)} AS {quote(f.name)}"
            if f.enum_type
            else quote(f.name)
            for f in seen.fields
        ]
        if level >= Sensitivity.INTERNAL:
            columns += ["_file", "_line"]
        query = (
            f"SELECT {', '.join(columns)} FROM {quote(table.name)}{_where(table.row_filters.get(edition))}"
        )
        cuts.append(_Cut(table.name, query, table.schema_file, "schema-error"))
    for view in views:
        columns = [quote(n) for n, c in columns_of(view).items() if c.sensitivity <= level]
        if columns:
            query = (
                f"SELECT {', '.join(columns)} FROM {quote(view.name)}{_where(row_filters(view).get(edition))}"
            )
            cuts.append(_Cut(view.name, query, view.file, "sql-error", ordered=True))

    def cut(own: duckdb.DuckDBPyConnection, one: _Cut) -> Problem | None:
        try:
            with bounded(own):
                checked = one_select(own, one.query)
                # Several cores give a view's rows in no fixed order; a page whose own order leaves ties must not vary.
                rows = f"SELECT * FROM ({checked}) ORDER BY ALL" if one.ordered else checked
                own.execute(f"CREATE TABLE {alias}.{quote(one.name)} AS {rows}")
        except (duckdb.Error, SqlError) as fault:
            return _uncut(one.file, one.rule, edition, fault)
        return None

    if problems := [p for p in side_by_side(connection, cut, cuts) if p is not None]:
        raise RecordsError(problems[:1])
    for name in (*_ENGINE, *(_INTERNAL_ENGINE if level >= Sensitivity.INTERNAL else ())):
        connection.execute(f"CREATE TABLE {alias}.{name} AS SELECT * FROM {name} ORDER BY ALL")
    connection.execute(
        f"CREATE TABLE {alias}.build AS SELECT * REPLACE ({literal(edition)} AS edition) FROM build"
    )
    copy_history(connection, alias, package, kept, level)
    connection.execute(f"DETACH {alias}")


@dataclasses.dataclass(frozen=True, slots=True)
class _Cut:
    """One table or view on its way into an edition: what is asked of it, and who is at fault when that fails."""

    name: str
    query: str
    file: str
    rule: str
    ordered: bool = False


def _where(condition: str | None) -> str:
    return f" WHERE ({condition}\n)" if condition is not None else ""


def row_filters(view: Statement) -> dict[str, str]:
    """Return edition -> condition as a view's header declares it.

    Raises:
        RecordsError: it is not understood, which must not mean "all rows".
    """
    declared = view.header.get("rows", Mapping(0))
    result: dict[str, str] = {}
    if isinstance(declared, Mapping) and EDITIONS.keys() >= declared.keys():
        result = {k: v for k, v in declared.items() if isinstance(v, str) and v.strip()}
    if not isinstance(declared, Mapping) or len(result) != len(declared):
        message = f"rows 应是“版名: 条件”的映射，条件不能空着，版名可用：{'、'.join(EDITIONS)}。"
        raise RecordsError([error(view.file, 1, "sql-error", message)])
    return result


def check_cuts(
    connection: duckdb.DuckDBPyConnection, views: Sequence[Statement], package: Package
) -> list[Problem]:
    """Say which row filters and declared columns no edition could be cut by, before one is."""
    problems: list[Problem] = []

    def plan(query: str, file: str, rule: str, edition: str) -> None:
        try:
            connection.execute(f"EXPLAIN {one_select(connection, query)}")
        except (duckdb.Error, SqlError) as fault:
            problems.append(_uncut(file, rule, edition, fault))

    for table in package.tables.values():
        for edition, condition in table.row_filters.items():
            plan(
                f"SELECT 1 FROM {quote(table.name)}{_where(condition)}",
                table.schema_file,
                "schema-error",
                edition,
            )
    for view in views:
        held = {r[0] for r in connection.execute(f"DESCRIBE {quote(view.name)}").fetchall()}
        lacking = [n for n in columns_of(view) if n not in held]
        if lacking:
            message = f"文件头 fields 写了查询结果里没有的列：{'、'.join(lacking)}。"
            problems.append(error(view.file, 1, "sql-error", message))
        try:
            filters = row_filters(view)
        except RecordsError as fault:
            problems.extend(fault.problems)
            continue
        for edition, condition in filters.items():
            plan(f"SELECT 1 FROM {quote(view.name)}{_where(condition)}", view.file, "sql-error", edition)
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
