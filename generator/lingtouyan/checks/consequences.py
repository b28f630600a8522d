"""What only follows from a fault that is told already: left out or put under it, so that a fault is not a hundred lines.

What could not be judged for that reason is said once: it is looked at when the fault is mended.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import duckdb

from lingtouyan.checks.rules import Finding, Rule
from lingtouyan.database.database import quote
from lingtouyan.database.statements import Statement, passages, reached
from lingtouyan.problems import Problem, Severity, printable, warning
from lingtouyan.reading.package import Package, Table
from lingtouyan.reading.records import Records

# What a key looks like where a message tells it.
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
# How many files a message names.
_NAMED = 5
# A reference that is no reference, or a value that did not enter the register, is one fault with what it leads to.
_NOT_ENTERED = frozenset({"number-range", "spreadsheet-damage", "type-error"})
_VALUE_FAULTS = _NOT_ENTERED | {"constraint-error", "full-width-digits", "invisible-character"}
# Of these the records themselves were read all the same.
_HARMLESS = frozenset({"encoding-error", "unclaimed-file"})
_UNREAD = frozenset({"blank-header", "incorrect-label", "extra-label", "source-error", "unsafe-file"})


def unread_files(package: Package, records: Records) -> dict[str, list[str]]:
    """Return table -> the files of it, or of the documents it stands in, that were not read or not wholly."""
    found: dict[str, set[str]] = {}
    for p in (p for p in records.problems if p.rule in _UNREAD | {"missing-label"}):
        table = package.owner(p.file)
        # A file without the column that its records are referred to by.
        key = table.primary_key if table is not None and p.file in records.files else ()
        keyless = p.rule == "missing-label" and p.column in _titles(table, key)
        empty = p.rule in _UNREAD and p.file not in records.filled
        if table is not None and (empty or keyless or p.rule == "source-error"):
            found.setdefault(table.name, set()).add(p.file)
    return {
        t.name: sorted(found[o]) for t in package.tables.values() if (o := package.origin(t).name) in found
    }


def _titles(table: Table | None, names: Sequence[str] | None = None) -> list[str]:
    fields = table.fields if table is not None else ()
    return [f.title for f in fields if names is None or f.name in names]


def without_consequences(
    package: Package, read: Iterable[Problem], formal: Sequence[Problem]
) -> list[Problem]:
    """Return what does not conform, but for what follows from faults in the files' form or from each other.

    Args:
        read: what reading the files found.
        formal: what holding the rows against the schemas found.
    """
    # Columns that whole files lack, lines whose cells stand in wrong columns, values that are told of.
    columns: set[tuple[str, str]] = set()
    torn: set[tuple[str, int]] = set()
    places: set[tuple[str, int, str]] = set()
    for p in read:
        if p.rule == "missing-label":
            columns.add((p.file, p.column))
        elif p.rule == "extra-cell":
            torn.add((p.file, p.line))
        elif p.rule == "missing-cell":
            titles = _titles(package.owner(p.file))
            start = titles.index(p.column) if p.column in titles else len(titles)
            places.update((p.file, p.line, title) for title in titles[start:])
        elif p.column and p.line and p.severity is Severity.ERROR:
            places.add((p.file, p.line, p.column))
    faulty = {
        (p.file, p.line, p.column) for p in formal if p.rule in _VALUE_FAULTS and p.severity is Severity.ERROR
    }

    def follows(p: Problem) -> bool:
        titles = p.column.split("、")
        told = places | faulty if p.rule == "foreign-key" else places
        lacking = columns if p.rule in ("constraint-error", "primary-key") else ()
        return (p.file, p.line) in torn or any(
            (p.file, p.line, t) in told or (p.file, t) in lacking for t in titles
        )

    return [p for p in formal if not follows(p)]


def attributed(
    connection: duckdb.DuckDBPyConnection,
    package: Package,
    records: Records,
    problems: Sequence[Problem],
    unread: Mapping[str, Sequence[str]],
    rules: Iterable[Rule],
    findings: Sequence[Finding],
    statements: Sequence[Statement],
) -> tuple[list[Finding], list[Problem]]:
    """Leave out what rules found only because records are missing or wrong in form; name the cause of what may be so.

    Args:
        problems: what is wrong in form.
        unread: table -> its files that could not be read, or not all of them.
        rules: all rules; which of them need what to be whole stands in their headers.
        findings: what they found.
        statements: the views and macros that rules may read through.

    Returns:
        The findings that stand, and at most one problem for all that was left out or not looked at.
    """
    errors = [p for p in problems if p.severity is Severity.ERROR and p.rule not in _HARMLESS]
    lost = {(p.file, p.line, p.column) for p in errors if p.rule in _NOT_ENTERED}
    torn = {(p.file, p.line) for p in errors if p.rule in ("extra-cell", "missing-cell")}
    origins = {records.files[p.file] for p in errors if p.file in records.files}
    faulty = {t.name for t in package.tables.values() if package.origin(t).name in origins} | unread.keys()
    found = {f.problem.rule for f in findings}
    through = passages(statements) if faulty else {}
    reach = {r.id: reached(r.statement.words, through) for r in rules if r.id in found and faulty}
    held = sorted(
        r.id
        for r in rules
        if r.id in reach
        and reach[r.id] & (faulty if r.complete == ("all",) else unread.keys() & {*r.complete})
    )
    standing = [
        f
        for f in findings
        if f.problem.rule not in held
        and (f.problem.file, f.problem.line) not in torn
        and (f.problem.file, f.problem.line, f.problem.column) not in lost
    ]
    cause_of = _causes(connection, package, records, errors, unread)
    certain = any(f.problem.severity is Severity.ERROR and f.problem.stage < 2 for f in standing)
    for n, f in enumerate(standing):
        # What is counted over all records may be wrong because of any error that a rule found.
        cause = cause_of(f, reach.get(f.problem.rule, ())) or ("*" if f.problem.stage > 1 and certain else "")
        standing[n] = dataclasses.replace(f, problem=dataclasses.replace(f.problem, cause=cause))
    named_rules = f"规则 {'、'.join(held)} "
    referred = any(k.table in unread for t in package.tables.values() for k in t.foreign_keys)
    if unread and (referred or standing or held):
        files = sorted({f for found in unread.values() for f in found})
        named = "、".join(printable(f) for f in files[:_NAMED]) + (" 等" if len(files) > _NAMED else "")
        affected = f"{named_rules}因此没有判断，其他" if held else "按记录统计、对照的"
        message = (
            f"有 {len(files)} 个文件没有完整读入（{named}）：引用其中记录的地方没有核对，{affected}规则也可能因此不符。"
            "请先改正这些文件，再校验一次。"
        )
        return standing, [warning("", 0, "unread-files", message)]
    reason = "要靠全部记录计算，记录有错误时得不出结论，这一次没有判断。请改正错误，再校验一次。"
    return standing, [warning("", 0, "not-judged", named_rules + reason)] if held else []


def _causes(
    connection: duckdb.DuckDBPyConnection,
    package: Package,
    records: Records,
    errors: Sequence[Problem],
    unread: Mapping[str, Sequence[str]],
) -> Callable[[Finding, Collection[str]], str]:
    """Return what tells, of a finding and of what its rule reaches, which error in form it may follow from, or nothing.

    An error spoils lines, documents, tables and keys; the first at a place is the cause there.
    """
    places: dict[tuple[str, int], str] = {}
    keys: dict[str, str] = {}
    tables: dict[str, str] = {}
    for p in errors:
        table = package.tables.get(records.files.get(p.file, ""))
        # Of a document all of it, of a table the line, or where a column lacks every line.
        whole = table is not None and not table.lined() and "*" in table.path
        places.setdefault((p.file, 0 if whole or p.rule == "missing-label" else p.line), p.place_of)
        for name in (t for t, files in unread.items() if p.file in files):
            tables.setdefault(name, p.place_of)

    def near(file: str, line: int) -> str:
        return places.get((file, line)) or places.get((file, 0)) or ""

    spoilt = sorted({file for file, _ in places})
    titles = {p.column for p in errors if p.rule == "foreign-key"}
    for table in package.tables.values() if spoilt else ():
        own = table.primary_key if len(table.primary_key) == 1 else ()
        foreign = {f for key in table.foreign_keys for f in key.fields}
        named = [f.name for f in table.fields if f.name in own or (f.name in foreign and f.title in titles)]
        picked = ", ".join(map(quote, ("_file", "_line", *named)))
        sql = f"SELECT {picked} FROM raw.{quote(table.name)} WHERE list_contains(?, _file)"
        for file, line, *cells in connection.execute(sql, [spoilt]).fetchall() if named else ():
            if cause := near(file, line):
                for cell in cells:
                    keys.setdefault(cell, cause)

    def cause_of(finding: Finding, words: Collection[str]) -> str:
        p = finding.problem
        told = [*finding.subjects.values(), *_KEY.findall(p.message)]
        by_key = near(p.file, p.line) or next((keys[v] for v in told if v in keys), "")
        return by_key or next((cause for table, cause in tables.items() if table in words), "")

    return cause_of
