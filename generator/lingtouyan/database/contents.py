"""What an edition holds, as digests by column: a query that can depend only on the same digests has the same answer.

What it can depend on is over-estimated, never under-estimated.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

import duckdb

from lingtouyan.database.database import one_select, quote
from lingtouyan.database.reads import Reads, parse_trees, reads_of

_PLACE = ("_file", "_line")


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


class Contents:
    """Digests of one edition's tables, measured where they are asked for and not known already.

    Args:
        connection: the edition's database.
        exported: table -> digest of all that it shows, file and line aside; a table that is not there is measured.
        known: `state` of an earlier build, kept where nobody else writes.

    Attributes:
        state: hand it to the next build.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, exported: Mapping[str, str], known: Mapping[str, Any]
    ) -> None:
        self._connection = connection
        self._columns: dict[str, dict[str, str]] = {}
        for table, column, kind in connection.execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() "
            "WHERE NOT internal AND database_name = current_database() ORDER BY table_name, column_index"
        ).fetchall():
            self._columns.setdefault(table.lower(), {})[column] = str(kind)
        self._marks = {
            name.lower(): _digest([digest, self._columns.get(name.lower())])
            for name, digest in exported.items()
        }
        self._measured: dict[str, dict[str, str]] = {}
        self._reads: dict[str, Reads | None] = {}
        self._everything = ""
        self._known = known
        self._settle()

    def _settle(self) -> None:
        """Take over what an earlier build measured in a table that still shows the same; measure the other ones."""
        before: Mapping[str, Any] = self._known.get("tables", {})
        for name, mark in self._marks.items():
            entry = before.get(name)
            self._measured[name] = (
                dict(entry[1])
                if entry and entry[0] == mark
                else self._measure(name, [c for c in self._columns.get(name, ()) if c not in _PLACE])
            )

    @property
    def state(self) -> dict[str, Any]:
        """What the next build may reuse."""
        shown = {
            name: {c: d for c, d in self._measured[name].items() if c not in _PLACE} for name in self._marks
        }
        reads = {sql: r.pack() if r else None for sql, r in self._reads.items()}
        return {"tables": {n: [m, shown[n]] for n, m in self._marks.items()}, "reads": reads}

    def key(self, sql: str) -> str:
        """Return a digest of a query and of all that its answer can depend on.

        Args:
            sql: of a template.

        Raises:
            SqlError: it is no single SELECT that only reads.
        """
        reads = self._reads_of(sql)
        if reads is None:
            return _digest([sql, duckdb.__version__, self._of_everything()])
        parts = [(t, self._of(t, None if t in reads.whole else reads.names)) for t in sorted(reads.tables)]
        return _digest([sql, duckdb.__version__, parts])

    def _of(self, table: str, names: frozenset[str] | None) -> list[Any]:
        columns = self._columns[table]
        wanted = [c for c in columns if names is None or c.lower() in names]
        known = self._measured.setdefault(table, {})
        lacking = [c for c in ["", *wanted] if c not in known]
        if lacking:
            known.update(self._measure(table, [c for c in lacking if c]))
        return [known[""], *([c, columns[c], known[c]] for c in wanted)]

    def _of_everything(self) -> str:
        if not self._everything:
            self._everything = _digest([(t, self._of(t, None)) for t in sorted(self._columns)])
        return self._everything

    def _measure(self, table: str, columns: Iterable[str]) -> dict[str, str]:
        """Return column -> digest of its cells in the order of the rows, and "" -> how many rows there are."""
        kinds = self._columns.get(table, {})
        names = list(columns)
        cells = [
            f"substr(sha256(coalesce(string_agg({cell_text(quote(n), kinds[n])}, '|'), '')), 1, 32)"
            for n in names
        ]
        query = f"SELECT {', '.join(['count(*)', *cells])} FROM {quote(table)}"
        row = self._connection.execute(query).fetchone() or ()
        return dict(zip(["", *names], map(str, row), strict=True))

    def _reads_of(self, sql: str) -> Reads | None:
        name = _digest(sql)
        if name not in self._reads:
            before: Mapping[str, Any] = self._known.get("reads", {})
            if name in before and self._holds(before[name]):
                self._reads[name] = before[name] and Reads.unpack(before[name])
            else:
                tree = parse_trees(self._connection, [one_select(self._connection, sql)])[0]
                self._reads[name] = reads_of(tree, self._columns)
        return self._reads[name]

    def _holds(self, kept: Any) -> bool:
        return kept is None or all(t in self._columns for t in kept[0])


def _digest(value: object) -> str:
    return hashlib.blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=16).hexdigest()
