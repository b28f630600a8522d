"""Restricted values kept out of messages, whatever a rule selects: its own row's, and all that its SQL can reach.

A rule may judge by restricted values, but its messages are read in logs, change requests and pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import duckdb

from lingtouyan.database.cells import CELLS
from lingtouyan.database.database import quote
from lingtouyan.database.grammar import takes_rows
from lingtouyan.database.statements import Statement, passages, reached
from lingtouyan.problems import date_words
from lingtouyan.reading.package import Field, Package

MARK = "●●●"
# A number this short stands in other numbers by chance: it is only struck where it is the whole value.
_SHORT = 4
_BEGINNING = 2
_DAY = re.compile(r"\d{4}-\d\d(-\d\d)?\Z")
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
        self._statements = list(statements)
        self._through = passages(self._statements)
        self._fields = {
            t.name: fields for t in package.tables.values() if (fields := [f for f in t.fields if f.closed])
        }
        self._near: dict[str, Mapping[tuple[str, int], list[str]]] = {}
        self._columns: dict[tuple[str, str], list[str]] = {}

    def near(self, table: str, file: str, line: int) -> Sequence[str]:
        """Return the restricted values of one row."""
        fields = [f for f in self._fields.get(table, ()) if f.type != "boolean"]
        if fields and table not in self._near:
            found: dict[tuple[str, int], list[str]] = {}
            for row_file, row_line, *cells in self._connection.execute(
                f"SELECT _file, _line, {', '.join(quote(f.name) for f in fields)} FROM raw.{quote(table)}"
            ).fetchall():
                values = (v for f, cell in zip(fields, cells, strict=True) for v in _forms(f, cell))
                found[row_file, row_line] = list(values)
            self._near[table] = found
        return self._near.get(table, {}).get((file, line), ())

    def reach(self, statement: Statement) -> Reach:
        """Return what a rule may have read of other rows: by name, or by taking rows whole."""
        words = reached(statement.words, self._through)
        tables = [t for t in self._fields if t in words or CELLS in words]
        if not tables:
            return Reach()
        texts = [statement.sql, *(s.sql for s in self._statements if s.name in words)]
        # By a star, or by naming a table where a value is expected.
        whole = bool(words & _WHOLE_ROWS) or any(
            _STAR.search(sql) or takes_rows(self._connection, sql) for sql in texts
        )
        found = Reach()
        for table in tables:
            for f in self._fields[table]:
                if whole or f.name in words:
                    found.values.update(v for v in self._column(table, f) if len(v) >= _BEGINNING)
        for value in found.values:
            if _telling(value):
                found.begun.setdefault(value[:_BEGINNING], []).append(value)
        return found

    def _column(self, table: str, column: Field) -> list[str]:
        key = (table, column.name)
        if key not in self._columns:
            rows = self._connection.execute(
                f"SELECT DISTINCT {quote(column.name)} FROM raw.{quote(table)}"
            ).fetchall()
            self._columns[key] = [v for (cell,) in rows for v in _forms(column, cell)]
        return self._columns[key]


def in_words(day: str) -> str:
    """Write a date as running text has it: `2026年4月7日`, `1975年3月`; what is none stays as it is."""
    return date_words(day.split("-")) if _DAY.match(day) else day


def _forms(column: Field, cell: str | None) -> list[str]:
    """Return the texts in which a value may be said: as written, and as a number or a date is printed."""
    try:
        printed = [f"{float(cell or ''):.4f}".rstrip("0").rstrip(".")] if column.type == "number" else []
    except ValueError:
        printed = []
    return [cell, *printed, in_words(cell)] if cell else []


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
