"""Records whose key stands already: the first of them counts, with its lists, until somebody has decided between them.

A document copied by mistake would else be counted twice in every figure, and one fault would be told a hundred times.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from lingtouyan.database.database import own_rows, quote
from lingtouyan.problems import Problem
from lingtouyan.reading.package import Package, Table


def order_of(table: Table, fields: Sequence[str]) -> str:
    """Return by what records of one key are put in order: a document named after its key comes before its copies."""
    named = f"NOT contains(_file, '/' || {quote(fields[0])}::VARCHAR || '.'), "
    return f"{named if table.path and table.kind != 'csv' and len(fields) == 1 else ''}_file, _line"


def keep_first(connection: duckdb.DuckDBPyConnection, package: Package, problems: Sequence[Problem]) -> None:
    """Leave one record of each key in the typed tables, when repeated keys were found."""
    if not any(p.rule == "primary-key" for p in problems):
        return
    for table in package.tables.values():
        if not table.primary_key:
            continue
        keys = ", ".join(map(quote, table.primary_key))
        some = " OR ".join(f"{quote(f)} IS NOT NULL" for f in table.primary_key)
        copies = connection.execute(
            f"SELECT _file, _line, {keys} FROM {quote(table.name)} WHERE {some} "
            f"QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY {order_of(table, table.primary_key)}) > 1"
        ).fetchall()
        if copies:
            own_rows(connection, table, "main")
            _drop(connection, table, ("_line", *table.primary_key), copies)
            _drop_lists(connection, table, [(file, *key) for file, _, *key in copies], package)


def _drop(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    fields: Sequence[str],
    rows: Sequence[Sequence[object]],
) -> None:
    same = " AND ".join(
        f"t.{quote(f)}::VARCHAR IS NOT DISTINCT FROM g.{quote(f)}" for f in ("_file", *fields)
    )
    picks = ", ".join(f"unnest(${n}::VARCHAR[]) AS {quote(f)}" for n, f in enumerate(("_file", *fields), 1))
    columns = [[None if v is None else str(v) for v in column] for column in zip(*rows, strict=True)]
    connection.execute(
        f"DELETE FROM {quote(table.name)} AS t USING (SELECT {picks}) AS g WHERE {same}", columns
    )


def _drop_lists(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    records: Sequence[Sequence[object]],
    package: Package,
) -> None:
    """Drop what lists in the copies hold, unless the record that stays is in the same file."""
    keys = ", ".join(map(quote, table.primary_key))
    kept = set(connection.execute(f"SELECT DISTINCT _file, {keys} FROM {quote(table.name)}").fetchall())
    gone = [r for r in dict.fromkeys(map(tuple, records)) if r not in kept]
    for child in package.children.get(table.name, ()) if gone else ():
        own_rows(connection, child, "main")
        _drop(connection, child, table.primary_key, gone)
        if child.primary_key and set(table.primary_key) <= set(child.primary_key):
            _drop_lists_below(connection, child, table, gone, package)


def _drop_lists_below(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    top: Table,
    gone: Sequence[Sequence[object]],
    package: Package,
) -> None:
    for child in package.children.get(table.name, ()):
        own_rows(connection, child, "main")
        _drop(connection, child, top.primary_key, gone)
        _drop_lists_below(connection, child, top, gone, package)
