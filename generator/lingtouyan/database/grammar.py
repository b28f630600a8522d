"""What a SELECT of the tree may not do: change rows on the way, ask the clock, chance or the machine.

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
# Words of SQL's own that stand without brackets.
_BARE_CLOCK = frozenset({"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"})
_CLOCK = _BARE_CLOCK | {
    *("now", "today", "get_current_time", "get_current_timestamp", "transaction_timestamp", "txid_current"),
    *("current_localtime", "current_localtimestamp"),
}
_CHANCE = frozenset({"random", "setseed", "uuid", "uuidv4", "uuidv7", "gen_random_uuid"})
_SERVICE = frozenset(
    {"checkpoint", "force_checkpoint", "write_log", "json_execute_serialized_sql", "nextval", "currval"}
    | {"query", "query_table", "getvariable", "enable_logging", "disable_logging", "truncate_duckdb_logs"}
)
_MACHINE = r"(?:duckdb|pragma|pg|sqlite)_\w+|current_setting|version|getenv|get_block_size|information_schema"
_WORDS = re.compile(
    r"\b(?:insert|update|delete|copy|merge|age|tablesample|using\s+sample|show|summarize|"
    rf"{'|'.join(sorted(_CLOCK | _CHANCE | _SERVICE))}|{_MACHINE})\b",
    re.IGNORECASE,
)


def refusal(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    """Say why a single SELECT is not run, or return an empty text."""
    if not _WORDS.search(sql):
        return ""
    tree = _tree(connection, sql)
    if tree.get("error"):
        return "无法确认这条查询只读取数据。"
    return next((reason for node in _nodes(tree) if (reason := _offence(node))), "")


def _offence(node: dict[str, Any]) -> str:
    kind = str(node.get("type", ""))
    if kind.endswith("_NODE") and kind not in _READING:
        return "查询只能读取数据，不能在 WITH 中增删改。"
    name = str(node.get("function_name", "")).lower()
    if kind == "COLUMN_REF" and len(node["column_names"]) == 1:
        word = str(node["column_names"][0]).lower()
        name = word if word in _BARE_CLOCK else ""
    if name in _CLOCK or (name == "age" and len(node.get("arguments", ())) == 1):
        return "查询不能用当前时间，否则同样的记录会得出不同的结果。请用 build 表的 as_of。"
    if name in _CHANCE or node.get("sample"):
        return "查询不能用随机数，否则同样的记录会得出不同的结果。"
    if name in _SERVICE:
        return "查询不能调用数据库的管理功能。"
    table = str(node.get("table_name", "")) if kind in ("BASE_TABLE", "SHOW_REF") else ""
    places = (name, table.lower().strip('"'), str(node.get("schema_name", "")).lower())
    if any(re.fullmatch(_MACHINE + "|pg_catalog", p) for p in places) or (
        kind == "SHOW_REF" and not node.get("query")
    ):
        return "查询不能问这台机器和数据库自己的情况，否则同样的记录会得出不同的结果。表和字段见 tables、fields、views。"
    return ""


def takes_rows(connection: duckdb.DuckDBPyConnection, sql: str) -> bool:
    """Tell whether a SELECT may use columns of a table without naming them: what is not understood does.

    What is no SELECT (a macro) gets rows only from who calls it.
    """
    tree = _tree(connection, sql)
    tables: set[str] = set()
    named: set[str] = set()
    for node in () if tree.get("error") else _nodes(tree):
        kind, sort = node.get("type"), node.get("class")
        known = kind in _PARTS or str(kind).endswith("_TYPE_INFO")
        if isinstance(kind, str) and sort is None and not known:
            return True
        if sort in ("STAR", "POSITIONAL_REFERENCE") or node.get("ref_type") == "NATURAL":
            return True
        if kind == "TABLE_FUNCTION" and str(node["function"].get("function_name")).lower() not in _FUNCTIONS:
            return True
        if node.get("column_name_alias"):
            return True
        if kind == "BASE_TABLE":
            tables |= {str(node["table_name"]).lower(), str(node.get("alias") or "").lower()}
        elif sort == "COLUMN_REF":
            named.add(str(node["column_names"][-1]).lower())
    return not tables.isdisjoint(named)


def _tree(connection: duckdb.DuckDBPyConnection, sql: str) -> Any:
    row = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchone()
    return json.loads(row[0]) if row else {"error": True}


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    pending = [tree]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            yield item
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
