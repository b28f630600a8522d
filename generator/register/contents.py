"""What an edition holds, as digests by column, and which of them a query can depend on: same digests, same answer.

Over-estimates what a query reads, never under-estimates: whatever is not understood depends on everything.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from generator.register.database import one_select, quote

# What a query is made of besides expressions. Any other part may read in a way that is not known here.
_PARTS = frozenset(
    {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
    | {"BASE_TABLE", "SUBQUERY", "JOIN", "EMPTY", "EXPRESSION_LIST", "TABLE_FUNCTION"}
    | {"ORDER_MODIFIER", "DISTINCT_MODIFIER", "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER"}
    | {"ORDER_DEFAULT", "ASCENDING", "DESCENDING"}
)
_FUNCTIONS = frozenset({"range", "generate_series", "unnest", "json_each", "json_tree"})
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


@dataclass(frozen=True, slots=True)
class _Reads:
    """What one query can depend on: tables, and names of their columns (None: all of them)."""

    tables: tuple[str, ...]
    names: frozenset[str] | None


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
        self._reads: dict[str, _Reads | None] = {}
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
        reads = {
            sql: [list(r.tables), None if r.names is None else sorted(r.names)] if r else None
            for sql, r in self._reads.items()
        }
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
        parts = [(t, self._of(t, reads.names)) for t in reads.tables]
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

    def _reads_of(self, sql: str) -> _Reads | None:
        name = _digest(sql)
        if name not in self._reads:
            before: Mapping[str, Any] = self._known.get("reads", {})
            if name in before and self._holds(before[name]):
                kept = before[name]
                self._reads[name] = kept and _Reads(
                    tuple(kept[0]), None if kept[1] is None else frozenset(kept[1])
                )
            else:
                self._reads[name] = self._analysed(sql)
        return self._reads[name]

    def _holds(self, kept: Any) -> bool:
        return kept is None or all(t in self._columns for t in kept[0])

    def _analysed(self, sql: str) -> _Reads | None:
        query = one_select(self._connection, sql)
        row = self._connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [query]).fetchone()
        tree = json.loads(row[0]) if row else {"error": True}
        if tree.get("error"):
            return None
        tables: set[str] = set()
        aliases: set[str] = set()
        names: set[str] = set()
        whole = False
        inner = {str(n["key"]).lower() for n in _nodes(tree) if isinstance(n.get("key"), str)}
        for node in _nodes(tree):
            kind, sort = node.get("type"), node.get("class")
            if isinstance(kind, str) and sort is None and not (kind in _PARTS or kind.endswith("_TYPE_INFO")):
                return None
            if (
                kind == "TABLE_FUNCTION"
                and node["function"].get("function_name", "").lower() not in _FUNCTIONS
            ):
                return None
            if kind == "BASE_TABLE":
                name = str(node["table_name"]).lower()
                if node.get("catalog_name") or node.get("schema_name", "") not in ("", "main"):
                    return None
                if name in self._columns:
                    tables.add(name)
                elif name not in inner:
                    return None
                aliases |= {name, str(node.get("alias", "")).lower()}
            # Columns that are read without being named: `*`, a natural join, by number or under another name.
            whole = whole or sort in ("STAR", "POSITIONAL_REFERENCE") or node.get("ref_type") == "NATURAL"
            whole = whole or bool(node.get("column_name_alias"))
            names.update(str(n).lower() for n in node.get("column_names") or () if isinstance(n, str))
            names.update(str(n).lower() for n in node.get("using_columns") or () if isinstance(n, str))
        # A table named where a column could stand is a whole row of it.
        whole = whole or bool(names & aliases and self._is_row(tree, aliases))
        return _Reads(tuple(sorted(tables)), None if whole else frozenset(names))

    @staticmethod
    def _is_row(tree: Any, aliases: set[str]) -> bool:
        return any(
            node.get("class") == "COLUMN_REF" and str(node["column_names"][-1]).lower() in aliases
            for node in _nodes(tree)
        )


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    pending = [tree]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            yield item
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)


def _digest(value: object) -> str:
    return hashlib.blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=16).hexdigest()
