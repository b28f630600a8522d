"""Every cell of every record as one table, so that one statement can look through all of them.

SQL cannot go over tables by name; a rule about any text anywhere (a leak, say) reads `cells` instead.
"""

from __future__ import annotations

import re

import duckdb

from lingtouyan.database.database import literal, quote
from lingtouyan.reading.package import Field, Package, Table

CELLS = "cells"
# Telephone, card and identity numbers have at least this many digits.
_TELLING = 11
# One thing that may match a digit, and how often it is repeated.
_DIGITS = re.compile(r"(?:\\[dw]|\[[^\]]*\]|[0-9.](?![0-9,]*\})|\))(?:\{(\d+)(?:,(\d*))?\}|([*+]))?")


def create_cells(connection: duckdb.DuckDBPyConnection, package: Package, *, stored: bool = False) -> None:
    """Create the view `cells` (table_name, field, sensitivity, free, value, _file, _line): filled cells as text.

    `free` says that the schema leaves open what stands in the field: no list of words, no date, no bounded number,
    no short pattern. Unless `stored`, each reader goes over the raw tables once. Table, sensitivity and `free` are constants
    of a branch, so that a reader who asks for one of them does not pay for the others.
    """
    branches = []
    for table in package.tables.values():
        kinds: dict[tuple[str, bool], list[str]] = {}
        for field in table.fields:
            kinds.setdefault((field.sensitivity.name.lower(), is_free(table, field)), []).append(field.name)
        # Two lists side by side take less time than UNPIVOT.
        branches += [
            f"SELECT {literal(table.name)} AS table_name, field, {literal(level)} AS sensitivity, "
            f"{str(free).lower()} AS free, value, _file, _line FROM (SELECT unnest([{', '.join(map(literal, names))}]) "
            f"AS field, unnest([{', '.join(map(quote, names))}]) AS value, _file, _line FROM raw.{quote(table.name)}) "
            "WHERE value IS NOT NULL"
            for (level, free), names in kinds.items()
        ]
    nothing = "SELECT '' AS table_name, '' AS field, '' AS sensitivity, true AS free, '' AS value, '' AS _file, 0 AS _line"
    kind = "TABLE" if stored else "VIEW"
    connection.execute(
        f"CREATE {kind} {CELLS} AS {' UNION ALL '.join(branches or [f'{nothing} WHERE false'])}"
    )


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
