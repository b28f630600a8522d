"""Cross-record rules: one SQL file each, whose every result row is a finding.

Findings become problems for the reader and rows of `findings` for the pages.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from lingtouyan.checks.conformance import Locator
from lingtouyan.checks.masking import Reach, Secrets, in_words, strike
from lingtouyan.database.database import (
    SqlError,
    create_table,
    literal,
    literals,
    quote,
    record_key,
    rows_of,
    side_by_side,
)
from lingtouyan.database.statements import Statement, read_statements
from lingtouyan.problems import Problem, Severity, did_you_mean, error, printable
from lingtouyan.reading.package import Package
from lingtouyan.reading.source import Source

_SLOT = re.compile(r"\{(\w+)\}")
_MAX_SHOWN = 200
_LISTS = ("clause", "complete")
_KEYS = ("id", "title", "severity", "message", "remedy", "table", "column", "dated", *_LISTS)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule as its header declares it.

    Attributes:
        clauses: what it enforces, the main one first; empty when the header names none.
        complete: tables of which a missing record makes it find what is not so; `all` where any record in wrong form
            does, in whatever it reads.
        dated: the column of the result that says when it happened; before the register began, errors are reminders.
    """

    id: str
    title: str
    severity: Severity
    clauses: tuple[str, ...]
    message: str
    remedy: str
    table: str
    column: str
    statement: Statement
    complete: tuple[str, ...] = ()
    dated: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One row that a rule found.

    Attributes:
        problem: what the reader is told.
        table: table of the row at fault.
        subjects: every column of the result that is no place and no number: what pages find the finding by.
    """

    problem: Problem
    table: str
    subjects: dict[str, str] = field(default_factory=dict)


def read_rules(source: Source, package: Package) -> tuple[list[Rule], list[Problem]]:
    """Read `schemas/rules`; a rule whose header is not in order is a problem of its own file."""
    rules: dict[str, Rule] = {}
    problems: list[Problem] = []
    for statement in read_statements(source, "schemas/rules"):
        fault, key = _header_fault(statement, package)
        if not fault and (other := rules.get(statement.text("id"))):
            fault = f"规则编号与 {other.statement.file} 重复。"
        if fault:
            line = statement.header.lines.get(key, 1)
            problems.append(error(statement.file, line, "sql-error", fault))
            continue
        rules[statement.text("id")] = Rule(
            **{k: statement.text(k) for k in _KEYS if k not in ("severity", *_LISTS)},
            severity=Severity(statement.text("severity")),
            clauses=statement.texts("clause"),
            complete=statement.texts("complete"),
            statement=statement,
        )
    return list(rules.values()), problems


def _header_fault(statement: Statement, package: Package) -> tuple[str, str]:
    """Return what is wrong with a rule's header, and at which key; both empty where nothing is."""
    for key, value in statement.header.items():
        if key not in _KEYS:
            hint = did_you_mean(key, _KEYS, f"，可用：{'、'.join(_KEYS)}。")
            return f"规则文件头不认识 {key}{hint}", key
        items = value if isinstance(value, list) and key in _LISTS else [value]
        if not all(item is None or isinstance(item, str) for item in items):
            return f"{key} 应是文字{'或文字的列表' if key in _LISTS else ''}。", key
    if missing := [k for k in ("id", "title", "severity", "message") if not statement.text(k)]:
        return f"规则文件头缺少：{'、'.join(missing)}。", ""
    if statement.text("severity") not in list(Severity):
        return "severity 应为 error 或 warning。", "severity"
    name, column = statement.text("table"), statement.text("column")
    table = package.tables.get(name)
    if name and table is None and name not in ("fields", "tables"):
        return f"没有 {name} 这张表。", "table"
    if table is not None and column and table.field(column) is None:
        return f"表 {name} 没有 {column} 这一列。", "column"
    if wrong := sorted({*statement.texts("complete")} - {*package.tables, "all"}):
        return f"complete 里没有 {wrong[0]} 这张表；靠全部记录计算的写 all。", "complete"
    return "", ""


def run_rules(
    connection: duckdb.DuckDBPyConnection,
    rules: Sequence[Rule],
    locator: Locator,
    statements: Sequence[Statement] = (),
    erased: Iterable[tuple[str, str]] = (),
) -> tuple[list[Finding], list[Problem]]:
    """Run each rule once over the whole register.

    Args:
        statements: the views and macros that rules may read through.
        erased: table and key of each record that nothing is said of any more.

    Returns:
        The findings, and the problems of rules that could not be run.
    """
    findings: list[Finding] = []
    problems: list[Problem] = []
    secrets = Secrets(connection, locator.package, statements)
    silent = _rows_of(connection, locator.package, erased)
    answers = side_by_side(connection, _answer, rules)
    for rule, (columns, rows, line, fault) in zip(rules, answers, strict=True):
        if fault:
            told = f"规则 {rule.id} 无法运行：{fault}"
            problems.append(error(rule.statement.file, line, "sql-error", told))
            continue
        reach = secrets.reach(rule.statement) if rows else Reach()
        for row in (dict(zip(columns, r, strict=True)) for r in rows):
            place = tuple(map(str, (row.get("_table") or rule.table, row["_file"], row["_line"])))
            if place not in silent:
                findings.append(_finding(rule, row, locator, secrets, reach))
    return findings, problems


def _rows_of(
    connection: duckdb.DuckDBPyConnection, package: Package, erased: Iterable[tuple[str, str]]
) -> set[tuple[str, ...]]:
    """Return table, file and line, as text, of the rows of these records and of those that refer to them."""
    keys: dict[str, list[str]] = {}
    for name, key in erased:
        keys.setdefault(name, []).append(key)
    found: set[tuple[str, ...]] = set()
    for table in package.tables.values() if keys else ():
        own = [(table.name, table.primary_key)] if table.primary_key else []
        for name, fields in [*own, *((k.table, k.fields) for k in table.foreign_keys)]:
            if name in keys:
                where = f"{record_key(fields)} IN ({literals(keys[name])})"
                sql = f"SELECT {literal(table.name)}, _file, _line::VARCHAR FROM {quote(table.name)} WHERE {where}"
                found.update(connection.execute(sql).fetchall())
    return found


def _unfit(rule: Rule, columns: list[str]) -> str:
    """Say what a rule's result lacks, or return an empty text."""
    if "_file" not in columns or "_line" not in columns:
        return "查询应给出 _file 和 _line 两列。"
    lacking = sorted({*_SLOT.findall(rule.message + rule.remedy), rule.dated} - {"", *columns})
    return f"message、remedy 或 dated 用到了查询结果里没有的列：{'、'.join(lacking)}。" if lacking else ""


def _answer(
    connection: duckdb.DuckDBPyConnection, rule: Rule
) -> tuple[list[str], list[tuple[Any, ...]], int, str]:
    """Return a rule's result and, where there is none that could be used, the line of its file and what is wrong."""
    try:
        columns, rows = rows_of(connection, rule.statement.sql)
    except SqlError as fault:
        return [], [], rule.statement.line + fault.line - 1, str(fault)
    return columns, rows, 1, _unfit(rule, columns)


def _finding(rule: Rule, values: dict[str, Any], locator: Locator, secrets: Secrets, reach: Reach) -> Finding:
    package = locator.package
    # A rule about several tables names the one at fault in each row; one that judges by degrees, the severity.
    table_name = str(values.get("_table") or rule.table)
    file, row_line = str(values.get("_file") or ""), _number(values.get("_line"))
    column = str(values.get("_column") or rule.column)
    table = package.tables.get(table_name)
    named = table.field(column) if table is not None else None
    line = locator.line(file, table, row_line, column) if table is not None and column and file else row_line
    near = secrets.near(table_name, file, row_line)

    def shown(slot: re.Match[str]) -> str:
        # Only names are looked up, never attributes: the template is the tree's, the values are the records'.
        words = _plain(values[slot[1]])
        # To strike a word out of a field's title would tell that it is the value.
        return _cut(words if words in package.titles else strike(words, near, reach))

    text = _SLOT.sub(shown, rule.message) + _SLOT.sub(shown, rule.remedy)
    subjects = {
        k: v
        for k, v in values.items()
        if not k.startswith("_")
        and isinstance(v, str)
        and k.endswith(("_id", "_key"))
        and strike(v, near, reach) == v
    }
    title = named.title if named else ""
    given = values.get("_severity")
    severity = Severity(given) if given in list(Severity) else rule.severity
    began, day = package.settings.starts_on, values.get(rule.dated)
    if began and isinstance(day, datetime.date) and day < began and severity is Severity.ERROR:
        severity, text = Severity.WARNING, f"{text}（在登记起始日{began}以前，只作提醒。）"
    stage = 2 if rule.complete == ("all",) else 1
    problem = Problem(file, line, title, rule.id, severity, text, stage=stage)
    return Finding(problem, table_name, subjects)


def _number(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _plain(value: Any) -> str:
    if value is None:
        return "（未填）"
    if isinstance(value, float):
        return f"{value:.4f}".rstrip("0").rstrip(".")
    if isinstance(value, list):
        return "、".join(_plain(v) for v in value)
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ", timespec="minutes")
    return in_words(str(value)) if isinstance(value, datetime.date) else str(value)


def _cut(text: str) -> str:
    text = printable(text)
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"


def create_rules(
    connection: duckdb.DuckDBPyConnection,
    package: Package,
    rules: Sequence[Rule],
    views: Sequence[Statement] = (),
) -> None:
    """Create `rules`: what each rule says, where it stands, which tables it reads, itself or by a view that it names."""
    named = {v.name: v.words for v in views}
    rows: list[tuple[Any, ...]] = []
    for r in rules:
        # What lies behind the views that it names is how they work, and not what the rule is about.
        words = r.statement.words.union(*(named[w] for w in r.statement.words if w in named))
        tables = sorted(words & package.tables.keys())
        said = (r.id, r.title, r.severity.value, "".join(r.clauses[:1]), list(r.clauses), r.message)
        rows.append((*said, r.remedy, r.table, tables, r.statement.file))
    create_table(connection, "rules", rows)


def create_findings(
    connection: duckdb.DuckDBPyConnection,
    package: Package,
    problems: Sequence[Problem],
    findings: Sequence[Finding],
) -> None:
    """Create `findings`, all problems, and `finding_subjects`, the records that each is about."""
    tables = {f.problem: f.table for f in findings}
    subjects: dict[Problem, dict[str, str]] = {}
    for finding in findings:
        subjects.setdefault(finding.problem, {}).update(finding.subjects)
    numbered = list(enumerate(problems, 1))
    told = [
        (n, p.file, p.line, p.column, p.rule, p.severity.value, p.message, tables.get(p, ""))
        for n, p in numbered
    ]
    create_table(connection, "findings", told)
    named = [(n, k, v) for n, p in numbered for k, v in subjects.get(p, {}).items()]
    create_table(connection, "finding_subjects", named)
    # A fault of form belongs to the record whose file or line it stands in.
    for table in package.tables.values():
        if len(table.primary_key) == 1 and not table.parent:
            key = table.primary_key[0]
            place = "t._line = f.line" if table.lined() else "true"
            connection.execute(
                f"INSERT INTO finding_subjects SELECT DISTINCT f.finding_id, {literal(key)}, t.{quote(key)}::VARCHAR "
                f"FROM findings f JOIN {quote(table.name)} t ON t._file = f.file AND {place} "
                f"WHERE t.{quote(key)} IS NOT NULL AND f.finding_id NOT IN (SELECT finding_id FROM finding_subjects)"
            )
