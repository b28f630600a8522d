"""Every cell of every record as one table, so that one statement can look through all of them.

SQL cannot go over tables by name; a rule about any text anywhere (a leak, say) reads `cells` instead.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable

import duckdb

from lingtouyan.database.database import literal, quote
from lingtouyan.database.statements import Statement
from lingtouyan.reading.package import Package
from lingtouyan.reading.tables import Field, Sensitivity, Table

CELLS = "cells"
# No number that means somebody (a telephone, a card, an identity) has fewer digits.
_TELLING = 11
# One thing that may match a digit, and how often it is repeated.
_DIGITS = re.compile(r"(?:\\[dw]|\[[^\]]*\]|[0-9.](?![0-9,]*\})|\))(?:\{(\d+)(?:,(\d*))?\}|([*+]))?")


def named_by(statements: Iterable[Statement]) -> bool:
    """Tell whether any statement reads `cells`."""
    return any(CELLS in s.words for s in statements)


def create_cells(connection: duckdb.DuckDBPyConnection, package: Package) -> None:
    """Create the view `cells` (table_name, field, sensitivity, free, value, _file, _line): filled cells as text.

    `free` says that the schema leaves open what stands in the field: no list of words, no date, no bounded number,
    no short pattern. Not stored: each reader goes over the raw tables once. Table, sensitivity and `free` are constants
    of a branch, so that a reader who asks for one of them does not pay for the others.
    """
    branches = [b for t in package.tables.values() for b in _branches(t)]
    nothing = (
        "SELECT '' AS table_name, '' AS field, '' AS sensitivity, true AS free, '' AS value, '' AS _file, 0 AS _line "
        "WHERE false"
    )
    connection.execute(f"CREATE VIEW {CELLS} AS {' UNION ALL '.join(branches or [nothing])}")


def _branches(table: Table) -> list[str]:
    result = []
    for level, free in itertools.product(Sensitivity, (True, False)):
        names = [f.name for f in table.fields if f.sensitivity is level and is_free(table, f) is free]
        if names:
            # Two lists side by side take less time than UNPIVOT.
            lists = f"unnest([{', '.join(map(literal, names))}]) AS field, unnest([{', '.join(map(quote, names))}]) AS value"
            result.append(
                f"SELECT {literal(table.name)} AS table_name, field, {literal(level.name.lower())} AS sensitivity, "
                f"{str(free).lower()} AS free, value, "
                f"_file, _line FROM (SELECT {lists}, _file, _line FROM raw.{quote(table.name)}) WHERE value IS NOT NULL"
            )
    return result


def is_free(table: Table, field: Field) -> bool:
    """Tell whether the schema leaves open what stands in a field."""
    limits = field.constraints
    if field.categories or "enum" in limits or field.type in ("date", "boolean", "year"):
        return False
    # What must be the key of another row is looked at there.
    if any(key.fields == (field.name,) for key in table.foreign_keys):
        return False
    if field.type in ("integer", "number"):
        return "maximum" not in limits
    pattern = limits.get("pattern")
    return not isinstance(pattern, str) or digits_of(pattern) >= _TELLING


def digits_of(pattern: str) -> int:
    """Return how many digits a text that matches the pattern may hold: at least as many as it truly may."""
    total = 0
    for found in _DIGITS.finditer(pattern):
        least, most, endless = found.groups()
        if endless or most == "" or (found[0].startswith(")") and least):
            return _TELLING
        # Alternatives are added up, and what is optional is counted.
        total += 0 if found[0] == ")" else int(most or least or 1)
    return total
