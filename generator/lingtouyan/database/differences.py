"""In which columns two states of a table differ, and whether their rows are the same rows."""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from lingtouyan.database.database import quote

# Stands among the columns for rows that came, went or changed places.
ROWS = "*"
# No column of a table can be called so, and none of a view is.
_NUMBER = quote("=number")


def differing(
    connection: duckdb.DuckDBPyConnection, old: str, new: str, columns: Iterable[str], order: str = ""
) -> frozenset[str]:
    """Return the columns whose values differ from row to row, or only `ROWS` where there are not as many rows.

    Args:
        old, new: what to select from.
        columns: of both.
        order: how rows are put side by side; as they stand, when empty.
    """
    names = list(columns)
    tests = [
        f"a.{_NUMBER} IS NULL OR b.{_NUMBER} IS NULL",
        *(f"a.{quote(n)} IS DISTINCT FROM b.{quote(n)}" for n in names),
    ]
    sides = [
        f"(SELECT *, row_number() OVER ({f'ORDER BY {order}' if order else ''}) AS {_NUMBER} FROM {rows})"
        for rows in (old, new)
    ]
    row = connection.execute(
        f"SELECT {', '.join(f'coalesce(bool_or({t}), false)' for t in tests)} "
        f"FROM {sides[0]} AS a FULL JOIN {sides[1]} AS b ON a.{_NUMBER} = b.{_NUMBER}"
    ).fetchone() or (True,)
    return frozenset({ROWS}) if row[0] else frozenset(n for n, met in zip(names, row[1:], strict=True) if met)
