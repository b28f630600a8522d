"""Which tables and which of their columns a statement can depend on, told from the database's own parse tree.

Over-estimates, never under-estimates: what is not understood depends on everything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from lingtouyan.database.differences import ROWS

# What a query is made of besides expressions. Any other part may read in a way that is not known here.
_PARTS = frozenset(
    {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
    | {"BASE_TABLE", "SUBQUERY", "JOIN", "EMPTY", "EXPRESSION_LIST", "TABLE_FUNCTION"}
    | {"ORDER_MODIFIER", "DISTINCT_MODIFIER", "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER"}
    | {"ORDER_DEFAULT", "ASCENDING", "DESCENDING"}
)
_FUNCTIONS = frozenset({"range", "generate_series", "unnest", "json_each", "json_tree"})
# Functions that tell of rows without naming their table.
_ELSEWHERE = re.compile(r"(duckdb|information|pragma|pg|sqlite|json_execute)_\w+|query|query_table")


@dataclass(frozen=True, slots=True)
class Reads:
    """What one query can depend on, all names in lower case.

    Attributes:
        tables: tables and views.
        names: columns of these that are named; a name may be meant for any of the tables.
        whole: the tables of which columns are read without being named.
    """

    tables: frozenset[str]
    names: frozenset[str]
    whole: frozenset[str]

    def meets(self, changed: Mapping[str, Collection[str]]) -> bool:
        """Tell whether the answer may be another one.

        Args:
            changed: table -> its columns with other values, and `ROWS` where not only values changed.
        """
        return any(
            columns
            and (
                ROWS in columns
                or table in self.whole
                or not self.names.isdisjoint(c.lower() for c in columns)
            )
            for table, columns in changed.items()
            if table in self.tables
        )

    def pack(self) -> list[list[str]]:
        """Return the same as plain values."""
        return [sorted(self.tables), sorted(self.names), sorted(self.whole)]

    @classmethod
    def unpack(cls, values: Sequence[Iterable[str]]) -> Reads:
        """Return what was packed."""
        tables, names, whole = map(frozenset, values)
        return cls(tables, names, whole)


def parse_trees(connection: duckdb.DuckDBPyConnection, queries: Sequence[str]) -> list[Any]:
    """Return the parse tree of each SELECT; one that is none has `error` set."""
    if not queries:
        return []
    # Without what says nothing the text is a third as long.
    rows = connection.execute(
        "SELECT json_serialize_sql(query::VARCHAR, skip_null := true, skip_empty := true, skip_default := true) "
        "FROM (SELECT unnest($1) AS query)",
        [list(queries)],
    ).fetchall()
    return [json.loads(text) for (text,) in rows]


def macros_of(
    connection: duckdb.DuckDBPyConnection, tables: Collection[str]
) -> dict[str, list[Found | None]]:
    """Return macro -> what is met in what it stands for, for each number of arguments."""
    made = connection.execute(
        "SELECT lower(function_name), function_type, macro_definition FROM duckdb_functions() WHERE NOT internal"
    ).fetchall()
    queries = [
        definition if kind == "table_macro" else f"SELECT {definition}" for _, kind, definition in made
    ]
    macros: dict[str, list[Found | None]] = {name: [] for name, *_ in made}
    for (name, *_), tree in zip(made, parse_trees(connection, queries), strict=True):
        macros[name].append(_look_through(tree, tables, macros))
    return macros


def reads_of(
    tree: Any, tables: Collection[str], macros: Mapping[str, Sequence[Found | None]] | None = None
) -> Reads | None:
    """Return what a query can depend on, or None for everything.

    Args:
        tree: its parse tree.
        tables: all tables and views there are, in lower case.
        macros: as `macros_of` gives them.
    """
    macros = macros or {}
    pending = [_look_through(tree, tables, macros)]
    whole = Found(tables, macros)
    while pending:
        found = pending.pop()
        if found is None:
            return None
        for name in found.called - whole.called:
            pending.extend(macros[name])
        whole.take_in(found)
    return whole.reads()


def _look_through(tree: Any, tables: Collection[str], macros: Collection[str]) -> Found | None:
    """Return what is met in a tree, None when it is not understood."""
    found = Found(tables, macros)
    if tree.get("error") or not all(found.meet(node, select) for node, select in _nodes(tree)):
        return None
    return found if found.other <= found.inner else None


@dataclass
class Found:
    """What was met in the tree of a query or macro, in lower case."""

    tables: Collection[str]
    macros: Collection[str]
    read: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    called: set[str] = field(default_factory=set)
    # Names of WITH, and what stands where a table could and is none.
    inner: set[str] = field(default_factory=set)
    other: set[str] = field(default_factory=set)
    # Alias, or name, -> the tables that are called so anywhere.
    aliases: dict[str, set[str]] = field(default_factory=dict)
    rows: set[str] = field(default_factory=set)
    whole: set[str] = field(default_factory=set)

    def take_in(self, other: Found) -> None:
        """Add what was met in another tree."""
        for mine, more in (
            (self.read, other.read),
            (self.names, other.names),
            (self.called, other.called),
            (self.rows, other.rows),
            (self.whole, other.whole),
        ):
            mine |= more
        for alias, tables in other.aliases.items():
            self.aliases.setdefault(alias, set()).update(tables)

    def reads(self) -> Reads:
        """Return all that was gathered."""
        # A table named where a column could stand is a whole row of it.
        whole = self.whole.union(*(self.aliases.get(r, ()) for r in self.rows))
        return Reads(frozenset(self.read), frozenset(self.names), frozenset(whole & self.read))

    def meet(self, node: dict[str, Any], select: dict[str, Any] | None) -> bool:
        """Gather what one node reads; False when it is not understood."""
        kind, sort = node.get("type"), node.get("class")
        if isinstance(kind, str) and sort is None and not (kind in _PARTS or kind.endswith("_TYPE_INFO")):
            return False
        called = str(node.get("function_name") or "").lower()
        if called in self.macros:
            # What a macro makes of all columns is not looked into.
            if any(n.get("class") == "STAR" for n, _ in _nodes(node)):
                return False
            self.called.add(called)
        elif called and _ELSEWHERE.fullmatch(called):
            return False
        if kind == "TABLE_FUNCTION":
            name = str(node["function"].get("function_name", "")).lower()
            if name not in _FUNCTIONS and name not in self.macros:
                return False
        elif kind == "BASE_TABLE" and not self._base_table(node):
            return False
        elif node.get("ref_type") == "NATURAL":
            self.whole.update(name for _, name in _joined(node))
        if isinstance(node.get("key"), str):
            self.inner.add(str(node["key"]).lower())
        if sort == "STAR" and not self._star(node, select):
            return False
        for key in ("column_names", "using_columns"):
            if node.get(key):
                self.names.update(str(n).lower() for n in node[key] if isinstance(n, str))
        if sort == "COLUMN_REF":
            self.rows.add(str(node["column_names"][-1]).lower())
        return sort != "POSITIONAL_REFERENCE"

    def _base_table(self, node: dict[str, Any]) -> bool:
        name = str(node["table_name"]).lower()
        if node.get("catalog_name") or node.get("schema_name", "") not in ("", "main"):
            return False
        if name not in self.tables:
            self.other.add(name)
            return True
        self.read.add(name)
        for alias in {name, str(node.get("alias") or name).lower()}:
            self.aliases.setdefault(alias, set()).add(name)
        if node.get("column_name_alias"):
            self.whole.add(name)
        return True

    def _star(self, node: dict[str, Any], select: dict[str, Any] | None) -> bool:
        origin = (select or {}).get("from_table") or {}
        if origin.get("type", "EMPTY") == "EMPTY":
            return False
        near = _joined(origin)
        wanted = str(node.get("relation_name") or "").lower()
        if not wanted:
            self.whole.update(name for _, name in near)
        elif any(wanted in (alias, name) for alias, name in near):
            self.whole.update(name for alias, name in near if wanted in (alias, name))
        else:
            # Of a query around this one, or of one in brackets that names its columns itself.
            self.rows.add(wanted)
        return True


def _joined(origin: Any) -> list[tuple[str, str]]:
    """Return (alias, name) of the tables that stand in a FROM clause themselves, not in a query within it."""
    found = []
    pending = [origin]
    while pending:
        item = pending.pop()
        if item.get("type") == "JOIN":
            pending += [item["left"], item["right"]]
        elif item.get("type") == "BASE_TABLE":
            name = str(item["table_name"]).lower()
            found.append((str(item.get("alias") or name).lower(), name))
    return found


def _nodes(tree: Any) -> Iterator[tuple[dict[str, Any], dict[str, Any] | None]]:
    """Yield each node with the SELECT that it stands in."""
    pending: list[tuple[Any, dict[str, Any] | None]] = [(tree, None)]
    while pending:
        item, select = pending.pop()
        if isinstance(item, dict):
            yield item, select
            inside = item if item.get("type") == "SELECT_NODE" else select
            pending += [(v, inside) for v in item.values() if isinstance(v, (dict, list))]
        elif isinstance(item, list):
            pending += [(v, select) for v in item]
