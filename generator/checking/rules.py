"""Cross-record rules: one SQL file each, whose every result row is a finding.

Findings become problems for the reader and rows of `findings` for the pages.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from generator.checking.locating import Locator
from generator.problems import Problem, Severity, error, printable
from generator.reading.package import Package, Sensitivity, Table
from generator.register.database import SqlError, quote, rows_of, side_by_side
from generator.register.statements import Statement, read_statements

_SLOT = re.compile(r"\{(\w+)\}")
_MAX_SHOWN = 200
# (file, line) of a row -> its restricted values.
_Secrets = dict[tuple[str, int], list[str]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule as its header declares it."""

    id: str
    title: str
    severity: Severity
    clause: str
    message: str
    remedy: str
    table: str
    column: str
    statement: Statement


@dataclass(frozen=True, slots=True)
class Finding:
    """One row that a rule found.

    Attributes:
        problem: what the reader is told.
        rule: the rule's id.
        table: table of the row at fault.
        subjects: every column of the result that is no place and no number: what pages find the finding by.
    """

    problem: Problem
    rule: str
    table: str
    subjects: dict[str, str] = field(default_factory=dict)


def read_rules(root: Path, package: Package) -> tuple[list[Rule], list[Problem]]:
    """Read `schemas/rules`; a rule whose header lacks something is a problem of its own file."""
    rules: list[Rule] = []
    problems: list[Problem] = []
    seen: dict[str, str] = {}
    for statement in read_statements(root, "schemas/rules"):
        missing = [k for k in ("id", "title", "severity", "message") if not statement.text(k)]
        table, severity = statement.text("table"), statement.text("severity")
        if missing:
            problems.append(error(statement.file, 1, "sql-error", f"规则文件头缺少：{'、'.join(missing)}。"))
        elif severity not in ("error", "warning"):
            line = statement.header.lines["severity"]
            problems.append(error(statement.file, line, "sql-error", "severity 应为 error 或 warning。"))
        elif table and table not in package.tables and table not in ("fields", "tables"):
            problems.append(
                error(statement.file, statement.header.lines["table"], "sql-error", f"没有 {table} 这张表。")
            )
        elif statement.text("id") in seen:
            problems.append(
                error(statement.file, 1, "sql-error", f"规则编号与 {seen[statement.text('id')]} 重复。")
            )
        else:
            seen[statement.text("id")] = statement.file
            rules.append(
                Rule(
                    id=statement.text("id"),
                    title=statement.text("title"),
                    severity=Severity(severity),
                    clause=statement.text("clause"),
                    message=statement.text("message"),
                    remedy=statement.text("remedy"),
                    table=table,
                    column=statement.text("column"),
                    statement=statement,
                )
            )
    return rules, problems


def run_rules(
    connection: duckdb.DuckDBPyConnection, package: Package, rules: Sequence[Rule], locator: Locator
) -> tuple[list[Finding], list[Problem]]:
    """Run each rule once over the whole register.

    Returns:
        The findings, and the problems of rules that could not be run.
    """
    findings: list[Finding] = []
    problems: list[Problem] = []
    answers = side_by_side(connection, _answer, rules)
    for rule, answer in zip(rules, answers, strict=True):
        if isinstance(answer, SqlError):
            problems.append(error(rule.statement.file, 1, "sql-error", f"规则 {rule.id} 无法运行：{answer}"))
            continue
        columns, rows = answer
        if "_file" not in columns or "_line" not in columns:
            problems.append(
                error(
                    rule.statement.file, 1, "sql-error", f"规则 {rule.id} 的查询应给出 _file 和 _line 两列。"
                )
            )
            continue
        secrets: dict[str, _Secrets] = {}
        for row in rows:
            values = dict(zip(columns, row, strict=True))
            # A rule about several tables names the one at fault in each row; one that judges by degrees, the severity.
            table = str(values.get("_table") or rule.table)
            if table not in secrets:
                secrets[table] = _restricted_of(connection, package.tables.get(table))
            findings.append(_finding(rule, table, values, package, locator, secrets[table]))
    return findings, problems


def _answer(
    connection: duckdb.DuckDBPyConnection, rule: Rule
) -> tuple[list[str], list[tuple[Any, ...]]] | SqlError:
    try:
        return rows_of(connection, rule.statement.sql)
    except SqlError as fault:
        return fault


def _restricted_of(connection: duckdb.DuckDBPyConnection, table: Table | None) -> _Secrets:
    """Return the restricted values of each row of a table: they are struck from messages, whatever a rule selects."""
    if table is None:
        return {}
    names = [f.name for f in table.fields if f.sensitivity is Sensitivity.RESTRICTED and f.type == "string"]
    if not names:
        return {}
    some = " OR ".join(f"{quote(n)} IS NOT NULL" for n in names)
    rows = connection.execute(
        f"SELECT _file, _line, {', '.join(map(quote, names))} FROM raw.{quote(table.name)} WHERE {some}"
    ).fetchall()
    return {(r[0], r[1]): [v for v in r[2:] if v is not None and len(v) > 1] for r in rows}


def _finding(
    rule: Rule, table_name: str, values: dict[str, Any], package: Package, locator: Locator, secrets: _Secrets
) -> Finding:
    file, line = str(values.get("_file") or ""), int(values.get("_line") or 0)
    column = str(values.get("_column") or rule.column)
    table = package.tables.get(table_name)
    named = table.field(column) if table is not None else None
    if table is not None and column and file:
        line = locator.line(file, table, line, column)
    hidden = secrets.get((file, int(values.get("_line") or 0)), [])
    text = _fill(rule.message, values, hidden, package.titles) + _fill(
        rule.remedy, values, hidden, package.titles
    )
    subjects = {
        k: v
        for k, v in values.items()
        if not k.startswith("_") and isinstance(v, str) and k.endswith(("_id", "_key"))
    }
    title = named.title if named else ""
    severity = Severity(values["_severity"]) if values.get("_severity") else rule.severity
    return Finding(Problem(file, line, title, rule.id, severity, text), rule.id, table_name, subjects)


def _fill(template: str, values: dict[str, Any], hidden: Sequence[str], titles: frozenset[str]) -> str:
    # Only names are looked up, never attributes: the template is the tree's, the values are the records'.
    def shown(slot: re.Match[str]) -> str:
        if slot[1] not in values:
            return slot[0]
        text = _plain(values[slot[1]])
        # To strike a word out of a field's title would tell that it is the value.
        if text not in titles:
            for secret in hidden:
                text = text.replace(secret, "●●●")
        return text

    return _SLOT.sub(shown, template)


def _plain(value: Any) -> str:
    if value is None:
        return "（未填）"
    if isinstance(value, float):
        return f"{value:.4f}".rstrip("0").rstrip(".")
    if isinstance(value, list):
        return "、".join(_plain(v) for v in value)
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ", timespec="minutes")
    text = printable(str(value))
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"
