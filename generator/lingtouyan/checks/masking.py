"""Restricted values kept out of messages, whatever a rule selects: its own row's, and all that its SQL can reach.

A rule may judge by what nobody may see, but what it says is read in logs, change requests and pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import duckdb

from lingtouyan.database.cells import CELLS
from lingtouyan.database.database import quote
from lingtouyan.database.grammar import takes_rows
from lingtouyan.database.statements import Statement, passages, reached
from lingtouyan.reading.package import Field, Package, Sensitivity, Table

MARK = "●●●"
# A number this short stands in other numbers by chance: it is only struck where it is the whole value.
_SHORT = 4
_BEGINNING = 2
_STAR = re.compile(r"(?:\bselect|\bdistinct|,|\.)\s*\*", re.IGNORECASE)
_WHOLE_ROWS = frozenset({CELLS, "columns", "unpivot", "to_json", "json_object", "struct_pack"})


@dataclass(frozen=True)
class Reach:
    """The restricted values a rule may have read anywhere."""

    values: set[str] = field(default_factory=set)
    # First characters of a value -> the values that begin so.
    begun: dict[str, list[str]] = field(default_factory=dict)


class Secrets:
    """Answers what must not be said; asks the register only for rules that found something."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, package: Package, statements: Iterable[Statement]
    ) -> None:
        self._connection = connection
        self._package = package
        self._statements = list(statements)
        self._fields = {
            t.name: fields
            for t in package.tables.values()
            if (fields := [f for f in t.fields if f.sensitivity is Sensitivity.RESTRICTED])
        }
        self._near: dict[str, dict[tuple[str, int], list[str]]] = {}
        self._columns: dict[tuple[str, str], list[str]] = {}

    @cached_property
    def _through(self) -> dict[str, set[str]]:
        return passages(self._statements)

    def near(self, table: str, file: str, line: int) -> Sequence[str]:
        """Return the restricted values of one row."""
        if table not in self._fields:
            return ()
        if table not in self._near:
            self._near[table] = self._rows(self._package.tables[table])
        return self._near[table].get((file, line), ())

    def _rows(self, table: Table) -> dict[tuple[str, int], list[str]]:
        fields = [f for f in self._fields[table.name] if f.type != "boolean"]
        if not fields:
            return {}
        names = [quote(f.name) for f in fields]
        rows = self._connection.execute(
            f"SELECT _file, _line, {', '.join(names)} FROM raw.{quote(table.name)} "
            f"WHERE {' OR '.join(f'{n} IS NOT NULL' for n in names)}"
        ).fetchall()
        found: dict[tuple[str, int], list[str]] = {}
        for file, line, *cells in rows:
            values = found.setdefault((file, line), [])
            for f, cell in zip(fields, cells, strict=True):
                values.extend(_forms(f, cell))
        return found

    def reach(self, statement: Statement) -> Reach:
        """Return what a rule may have read of other rows: by name, or by taking rows whole."""
        words = reached(statement.words, self._through)
        tables = [t for t in self._fields if t in words or CELLS in words]
        if not tables:
            return Reach()
        through = [s for s in self._statements if s.name in words]
        whole = bool(words & _WHOLE_ROWS) or any(self._takes_rows(s.sql) for s in [statement, *through])
        found = Reach()
        for table in tables:
            for f in self._fields[table]:
                if whole or f.name in words:
                    found.values.update(v for v in self._column(table, f) if len(v) >= _BEGINNING)
        for value in found.values:
            if _telling(value):
                found.begun.setdefault(value[:_BEGINNING], []).append(value)
        return found

    def _takes_rows(self, sql: str) -> bool:
        """Tell whether a statement takes rows whole: by a star, or by naming a table where a value is expected."""
        if _STAR.search(sql):
            return True
        return takes_rows(self._connection, sql)

    def _column(self, table: str, column: Field) -> list[str]:
        key = (table, column.name)
        if key not in self._columns:
            name = quote(column.name)
            rows = self._connection.execute(
                f"SELECT DISTINCT {name} FROM raw.{quote(table)} WHERE {name} IS NOT NULL"
            ).fetchall()
            self._columns[key] = [v for r in rows for v in _forms(column, r[0])]
        return self._columns[key]


def _forms(column: Field, cell: str | None) -> list[str]:
    """Return the texts in which a value may be said: as written, and as a number is printed."""
    if not cell:
        return []
    if column.type != "number":
        return [cell]
    try:
        return [cell, f"{float(cell):.4f}".rstrip("0").rstrip(".")]
    except ValueError:
        return [cell]


def _telling(value: str) -> bool:
    return len(value) >= _SHORT or (len(value) >= _BEGINNING and not value.isdigit())


def strike(text: str, near: Sequence[str], reach: Reach) -> str:
    """Return a value as a message may show it."""
    if text in reach.values or text in near:
        return MARK
    hits = {v for v in near if _telling(v)}
    for n in range(len(text)) if reach.begun else ():
        hits.update(v for v in reach.begun.get(text[n : n + _BEGINNING], ()) if text.startswith(v, n))
    for value in sorted(hits, key=len, reverse=True):
        text = text.replace(value, MARK)
    return text
