"""What a SELECT of the tree may not do: change rows on the way, ask the clock or chance.

Told from the database's own parse tree, so that a word in a text, a comment or a column's name is no offence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import duckdb

_READING = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE", "VALUES_NODE"})
# What a query is made of besides expressions. Any other part may read in a way that is not known here.
_PARTS = _READING | {
    *("BASE_TABLE", "SUBQUERY", "JOIN", "EMPTY", "EXPRESSION_LIST", "TABLE_FUNCTION"),
    *("ORDER_MODIFIER", "DISTINCT_MODIFIER", "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER"),
    *("ORDER_DEFAULT", "ASCENDING", "DESCENDING"),
}
_FUNCTIONS = frozenset({"range", "generate_series", "unnest", "json_each", "json_tree"})
_CLOCK = frozenset(
    {"now", "today", "get_current_time", "get_current_timestamp", "transaction_timestamp", "txid_current"}
    | {"current_localtime", "current_localtimestamp", "current_date", "current_time", "current_timestamp"}
    | {"localtime", "localtimestamp"}
)
_CHANCE = frozenset({"random", "setseed", "uuid", "uuidv4", "uuidv7", "gen_random_uuid"})
_SERVICE = frozenset(
    {"checkpoint", "force_checkpoint", "write_log", "json_execute_serialized_sql", "nextval"}
)
_WORDS = re.compile(
    r"\b(insert|update|delete|copy|merge|age|tablesample|using\s+sample|"
    + "|".join(sorted(_CLOCK | _CHANCE | _SERVICE))
    + r")\b",
    re.IGNORECASE,
)


def refusal(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    """Say why a single SELECT is not run, or return an empty text."""
    if not _WORDS.search(sql):
        return ""
    row = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchone()
    tree = json.loads(row[0]) if row else {"error": True}
    if tree.get("error"):
        return "无法确认这条查询只读取数据。"
    for node in _nodes(tree):
        kind = str(node.get("type", ""))
        if kind.endswith("_NODE") and kind not in _READING:
            return "查询只能读取数据，不能在 WITH 中增删改。"
        reason = _called(node, kind)
        if reason:
            return reason
    return ""


def _called(node: dict[str, Any], kind: str) -> str:
    name = str(node.get("function_name", "")).lower()
    if kind == "COLUMN_REF" and len(node.get("column_names", ())) == 1:
        name = str(node["column_names"][0]).lower()
        if name not in ("current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"):
            return ""
    if name in _CLOCK or (name == "age" and len(node.get("arguments", ())) == 1):
        return "查询不能用当前时间，否则同样的记录会得出不同的结果。请用 build 表的 as_of。"
    if name in _CHANCE or node.get("sample"):
        return "查询不能用随机数，否则同样的记录会得出不同的结果。"
    return "查询不能调用数据库的管理功能。" if name in _SERVICE else ""


def takes_rows(connection: duckdb.DuckDBPyConnection, sql: str) -> bool:
    """Tell whether a SELECT may use columns of a table without naming them: what is not understood does.

    What is no SELECT (a macro) gets rows only from who calls it.
    """
    row = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchone()
    tree = json.loads(row[0]) if row else {"error": True}
    if tree.get("error"):
        return False
    tables: set[str] = set()
    named: set[str] = set()
    for node in _nodes(tree):
        kind, sort = node.get("type"), node.get("class")
        strange = (
            isinstance(kind, str) and sort is None and kind not in _PARTS and not kind.endswith("_TYPE_INFO")
        )
        if strange or sort in ("STAR", "POSITIONAL_REFERENCE") or node.get("ref_type") == "NATURAL":
            return True
        if node.get("column_name_alias"):
            return True
        if (
            kind == "TABLE_FUNCTION"
            and str(node["function"].get("function_name", "")).lower() not in _FUNCTIONS
        ):
            return True
        if kind == "BASE_TABLE":
            tables |= {str(node["table_name"]).lower(), str(node.get("alias") or "").lower()}
        elif sort == "COLUMN_REF":
            named.add(str(node["column_names"][-1]).lower())
    return not tables.isdisjoint(named)


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    pending = [tree]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            yield item
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
