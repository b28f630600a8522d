"""Every cell of every record as one table, so that one statement can look through all of them.

SQL cannot go over tables by name; a rule about any text anywhere (a leak, say) reads `cells` instead.
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from generator.reading.package import Package, Sensitivity, Table
from generator.register.database import literal, quote
from generator.register.statements import Statement

CELLS = "cells"


def named_by(statements: Iterable[Statement]) -> bool:
    """Tell whether any statement reads `cells`."""
    return any(CELLS in s.words for s in statements)


def create_cells(connection: duckdb.DuckDBPyConnection, package: Package) -> None:
    """Create the view `cells` (table_name, field, sensitivity, value, _file, _line): filled cells as text.

    Not stored: each reader goes over the raw tables once. Table and sensitivity are constants of a branch,
    so that a reader who asks for one of them does not pay for the others.
    """
    branches = [b for t in package.tables.values() for b in _branches(t)]
    nothing = "SELECT '' AS table_name, '' AS field, '' AS sensitivity, '' AS value, '' AS _file, 0 AS _line WHERE false"
    connection.execute(f"CREATE VIEW {CELLS} AS {' UNION ALL '.join(branches or [nothing])}")


def _branches(table: Table) -> list[str]:
    result = []
    for level in Sensitivity:
        names = [quote(f.name) for f in table.fields if f.sensitivity is level]
        if names:
            # UNPIVOT leaves out empty cells by itself.
            result.append(
                f"SELECT {literal(table.name)} AS table_name, field, {literal(level.name.lower())} AS sensitivity, value, "
                f"_file, _line FROM (UNPIVOT (SELECT {', '.join(names)}, _file, _line FROM raw.{quote(table.name)}) "
                f"ON {', '.join(names)} INTO NAME field VALUE value)"
            )
    return result
