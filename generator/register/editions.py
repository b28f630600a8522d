"""Editions: separate databases that hold only what their readers may see.

Cut on the whole register, column by column, then reopened alone: what is not in an edition cannot leak from it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import duckdb

from generator.history.table import copy_history
from generator.problems import RecordsError, error
from generator.project import EDITIONS
from generator.reading.package import ForeignKey, Package, Sensitivity, Table
from generator.reading.yaml import Mapping
from generator.register.database import SqlError, explain, literal, quote, shut
from generator.register.statements import Statement, columns_of

_ENGINE = ("tables", "fields", "rules", "views")
_INTERNAL_ENGINE = ("findings", "finding_subjects")
_ALIAS = "edition_of_{}"


def attach(connection: duckdb.DuckDBPyConnection, edition: str, path: Path) -> None:
    """Attach the empty database that an edition will be written to; must happen before the doors are shut."""
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
    connection: duckdb.DuckDBPyConnection, views: Sequence[Statement], package: Package, edition: str
) -> None:
    """Write an attached edition: visible columns of tables and views, filtered rows, the engine's own tables.

    Raises:
        RecordsError: a row filter cannot be evaluated; nothing may be published then.
    """
    alias, level = _ALIAS.format(edition), EDITIONS[edition]
    made: set[str] = set()
    kept: list[str] = []
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
        condition = table.row_filters.get(edition)
        where = f" WHERE ({condition})" if condition else ""
        query = f"SELECT {', '.join(columns)} FROM {quote(table.name)}{where}"
        try:
            if len(connection.extract_statements(query)) != 1:
                raise SqlError("条件里只能写一个判断式。")
            connection.execute(f"CREATE TABLE {alias}.{quote(table.name)} AS {query}")
        except (duckdb.Error, SqlError) as fault:
            text = explain(fault) if isinstance(fault, duckdb.Error) else str(fault)
            raise RecordsError(
                [
                    error(
                        table.schema_file,
                        1,
                        "schema-error",
                        f"rows.{edition} 的条件无法计算，为免误公开已停止：{text}",
                    )
                ]
            ) from None
    for view in views:
        columns = [quote(n) for n, c in columns_of(view).items() if c.sensitivity <= level]
        if columns:
            _copy(connection, alias, view, edition, columns)
    for name in (*_ENGINE, *(_INTERNAL_ENGINE if level >= Sensitivity.INTERNAL else ())):
        connection.execute(f"CREATE TABLE {alias}.{name} AS SELECT * FROM {name}")
    connection.execute(
        f"CREATE TABLE {alias}.build AS SELECT * REPLACE ({literal(edition)} AS edition) FROM build"
    )
    copy_history(connection, alias, package, kept, level)
    connection.execute(f"DETACH {alias}")


def _copy(
    connection: duckdb.DuckDBPyConnection, alias: str, view: Statement, edition: str, columns: list[str]
) -> None:
    rows = view.header.get("rows", Mapping(0))
    # A filter that is empty or not understood must not mean "all rows".
    if not (isinstance(rows, Mapping) and EDITIONS.keys() >= rows.keys() and all(rows.values())):
        raise RecordsError(
            [
                error(
                    view.file,
                    1,
                    "sql-error",
                    f"rows 应是“版名: 条件”的映射，条件不能空着，版名可用：{'、'.join(EDITIONS)}。",
                )
            ]
        )
    condition = rows.get(edition)
    where = f" WHERE ({condition})" if condition else ""
    query = f"SELECT {', '.join(columns)} FROM {quote(view.name)}{where}"
    try:
        if len(connection.extract_statements(query)) != 1:
            raise SqlError("条件里只能写一个判断式。")
        connection.execute(f"CREATE TABLE {alias}.{quote(view.name)} AS {query}")
    except (duckdb.Error, SqlError) as fault:
        text = explain(fault) if isinstance(fault, duckdb.Error) else str(fault)
        message = (
            f"文件头的 fields 与查询结果不一致，或 rows.{edition} 的条件无法计算，为免误公开已停止：{text}"
        )
        raise RecordsError([error(view.file, 1, "sql-error", message)]) from None


def open_edition(path: Path) -> duckdb.DuckDBPyConnection:
    """Open a written edition alone, for reading, with its doors shut."""
    connection = duckdb.connect(str(path), read_only=True, config={"threads": 1})
    shut(connection)
    return connection
