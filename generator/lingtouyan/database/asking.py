"""What SQL of the tree answers: kept in the database and measured there before any of it comes out.

Inside, the database's own bound on memory holds; outside, in Python, the same values take several times as much.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from typing import Any

import duckdb

from lingtouyan.database.database import SqlError, bounded, explain, one_select, quote

MAX_ROWS = 2_000_000
MAX_CELLS = 30_000_000
MAX_BYTES = 512 * 2**20
# No name that SQL of a tree would give to a table.
_TABLE = quote("~rows")
_FIXED = re.compile(
    r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DOUBLE|FLOAT|BOOLEAN|DATE|TIME.*|INTERVAL|UUID|DECIMAL\([\d,]+\)|ENUM\([^\[]*"
)
# An item of a list is a thing of its own in Python: its letters are the least of it.
_NESTED = 16
# What the database makes of a name that is there already.
_RENAMED = re.compile(r"_\d+\Z")


class Allowance:
    """How much several queries may give together: cells, and bytes of text.

    Args:
        cells: None takes what a template may have.
    """

    def __init__(self, cells: int | None = None) -> None:
        self._cells = MAX_CELLS if cells is None else cells
        self._bytes = MAX_BYTES
        self._lock = threading.Lock()

    def charge(
        self, connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[tuple[str, str]]
    ) -> int:
        """Charge a table and return how many rows it has.

        Args:
            table: quoted.
            columns: names, quoted, and types.

        Raises:
            SqlError: it holds more than is left.
            duckdb.Error: it cannot be measured.
        """
        sizes = [f"coalesce({_size(name, kind)}, 0)" for name, kind in columns if not _FIXED.fullmatch(kind)]
        (rows, size), *_ = connection.execute(
            f"SELECT count(*), coalesce(sum({' + '.join(sizes) or 0}), 0) FROM {table}"
        ).fetchall()
        with self._lock:
            self._cells -= rows * len(columns)
            self._bytes -= int(size)
            if rows > MAX_ROWS:
                raise SqlError(f"查询结果超过 {MAX_ROWS:,} 行，已停止。")
            if self._cells < 0 or self._bytes < 0:
                raise SqlError("查询结果过大，已停止。请少查几列或几行，不要生成过长的文字。")
        return int(rows)


def _size(name: str, kind: str) -> str:
    if kind == "VARCHAR":
        return f"strlen({name})"
    return f"octet_length({name})" if kind == "BLOB" else f"{_NESTED} * strlen({name}::VARCHAR)"


def rows_of(
    connection: duckdb.DuckDBPyConnection, sql: str, allowance: Allowance | None = None
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Run one SELECT from the tree and return (column names, rows).

    Args:
        allowance: shared with other queries; None gives this one an allowance of its own.

    Raises:
        SqlError: refused, failed, took too long or gave too much.
    """
    query = one_select(connection, sql)
    try:
        with bounded(connection):
            made = connection.execute(f"CREATE OR REPLACE TEMP TABLE {_TABLE} AS {query}").fetchone()
            try:
                cursor = connection.execute(f"FROM {_TABLE} LIMIT 0")
                columns = [(quote(d[0]), str(d[1])) for d in cursor.description or ()]
                names = [str(d[0]) for d in cursor.description or ()]
                if any(_RENAMED.search(n) for n in names):
                    names = [str(r[0]) for r in connection.execute(f"DESCRIBE {query}").fetchall()]
                if made == (0,):
                    return names, []
                (allowance or Allowance()).charge(connection, _TABLE, columns)
                return names, connection.execute(f"FROM {_TABLE}").fetchall()
            finally:
                connection.execute(f"DROP TABLE {_TABLE}")
    except duckdb.Error as fault:
        raise SqlError(explain(fault)) from None
