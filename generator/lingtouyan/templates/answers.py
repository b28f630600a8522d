"""The answer to one query of a template, kept in the database: digests of it come out first, rows only where needed.

Rows cost a hundred times what their digests cost; most of them make pages that have not changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Self

import duckdb

from lingtouyan.database.asking import Allowance
from lingtouyan.database.database import SqlError, bounded, explain, one_select, quote
from lingtouyan.templates.sandbox import Row

# No name that SQL of a tree would give to a table.
_TABLE = quote("~answer")
_LENGTH = 32


class Answer:
    """A temporary table with the rows of one query in their order; as a context, gone when left.

    Attributes:
        names: of the columns, as the query calls them.
        kinds: their types.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, sql: str, allowance: Allowance | None = None
    ) -> None:
        """Run the query.

        Args:
            allowance: shared with other queries whose rows are held at the same time.

        Raises:
            SqlError: refused, failed, took too long or gave too much.
        """
        query = one_select(connection, sql)
        self._connection = connection
        try:
            described = connection.execute(f"DESCRIBE {query}").fetchall()
            self.names = [str(r[0]) for r in described]
            self.kinds = [str(r[1]) for r in described]
            self._columns = [f"c{n}" for n in range(len(described))]
            with bounded(connection):
                connection.execute(f"CREATE TEMP TABLE {_TABLE} ({', '.join(self._columns)}) AS {query}")
        except duckdb.Error as fault:
            raise SqlError(explain(fault)) from None
        cells = (cell_text(c, k) for c, k in zip(self._columns, self.kinds, strict=True))
        self._row = f"concat_ws('|', {', '.join(cells)})"
        columns = list(zip(self._columns, self.kinds, strict=True))
        try:
            with bounded(connection):
                self.count = (allowance or Allowance()).charge(connection, _TABLE, columns)
        except (duckdb.Error, SqlError) as fault:
            self.close()
            raise SqlError(explain(fault)) if isinstance(fault, duckdb.Error) else fault from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the rows."""
        self._connection.execute(f"DROP TABLE {_TABLE}")

    @property
    def shape(self) -> str:
        """A digest of names and types."""
        return hashlib.blake2b(repr((self.names, self.kinds)).encode(), digest_size=8).hexdigest()

    def column(self, name: str) -> str:
        """Return the column that a row's value of that name comes from: of two with one name, the later."""
        return self._columns[len(self.names) - 1 - self.names[::-1].index(name)]

    def kind(self, name: str) -> str:
        """Return the type of that column."""
        return self.kinds[len(self.names) - 1 - self.names[::-1].index(name)]

    def whole(self) -> str:
        """Return a digest of all rows."""
        return str(self._values(f"SELECT {_digest(f'string_agg({self._row}, chr(10))')} FROM {_TABLE}")[0])

    def each(self) -> list[str]:
        """Return a digest of each row."""
        return [str(v) for v in self._values(f"SELECT {_digest(self._row)} FROM {_TABLE} ORDER BY rowid")]

    def groups(self, by: str) -> dict[Any, str]:
        """Return value of a column -> digest of the rows that have it."""
        column = self.column(by)
        rows = self._connection.execute(
            f"SELECT {column}, {_digest(f'string_agg({self._row}, chr(10))')} FROM {_TABLE} GROUP BY {column}"
        ).fetchall()
        return dict(rows)

    def values(self, name: str) -> list[Any]:
        """Return a column."""
        return self._values(f"SELECT {self.column(name)} FROM {_TABLE} ORDER BY rowid")

    def rows(self) -> list[Row]:
        """Return all rows."""
        return self._fetched("")

    def rows_at(self, places: Sequence[int]) -> list[Row]:
        """Return the rows at these places, counted from 0, in their order."""
        if len(places) * 2 > self.count:
            wanted = set(places)
            return [row for n, row in enumerate(self.rows()) if n in wanted]
        return self._fetched("WHERE rowid IN (SELECT unnest($1))", [list(places)])

    def rows_with(self, name: str, words: Sequence[str | None]) -> list[Row]:
        """Return the rows whose value in a column is among these, given as the text of that column's type."""
        column = self.column(name)
        condition = f"WHERE {column} IN (SELECT TRY_CAST(unnest($1::VARCHAR[]) AS {self.kind(name)}))"
        if None in words:
            condition += f" OR {column} IS NULL"
        return self._fetched(condition, [[w for w in words if w is not None]])

    def _values(self, query: str) -> list[Any]:
        return [row[0] for row in self._connection.execute(query).fetchall()]

    def _fetched(self, condition: str, values: list[Any] | None = None) -> list[Row]:
        rows = self._connection.execute(
            f"SELECT * FROM {_TABLE} {condition} ORDER BY rowid", values
        ).fetchall()
        return [Row(zip(self.names, row, strict=True)) for row in rows]


def _digest(words: str) -> str:
    return f"substr(sha256(coalesce({words}, '')), 1, {_LENGTH})"


def cell_text(column: str, kind: str) -> str:
    """Return an SQL expression for a cell as text from which the cell could be told: cells differ where it differs.

    Args:
        column: quoted.
        kind: type of the column.
    """
    if kind in ("BIGINT", "INTEGER", "DOUBLE", "BOOLEAN", "DATE", "TIMESTAMP", "HUGEINT"):
        return f"coalesce({column}::VARCHAR, '')"
    nested = kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION"))
    words = f"to_json({column})::VARCHAR" if nested else f"{column}::VARCHAR"
    return f"coalesce(strlen({words}) || ':' || {words}, '-')"
