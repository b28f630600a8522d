"""What only follows from a fault that is told already: left out, so that each fault is one line and not a hundred.

What could not be judged for that reason is said once, before all else: it is looked at when the fault is mended.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from lingtouyan.checks.rules import Finding, Rule
from lingtouyan.database.statements import Statement, passages, reached
from lingtouyan.problems import Problem, Severity, has_errors, printable, warning
from lingtouyan.reading.files import glob_regex
from lingtouyan.reading.package import Package, Table
from lingtouyan.reading.records import Records

# How many files a message names.
_NAMED = 5
# A reference that is no reference, or a value that did not enter the register, is one fault with what it leads to.
_VALUE_FAULTS = frozenset(
    {
        "constraint-error",
        "full-width-digits",
        "invisible-character",
        "number-range",
        "spreadsheet-damage",
        "type-error",
    }
)
_NOT_ENTERED = frozenset({"number-range", "spreadsheet-damage", "type-error"})
# Of these the records themselves were read all the same.
_HARMLESS = frozenset({"encoding-error", "unclaimed-file"})

_UNREAD = frozenset({"blank-header", "incorrect-label", "extra-label", "source-error", "unsafe-file"})

_Place = tuple[str, int, str]


def unread_files(package: Package, records: Records) -> dict[str, list[str]]:
    """Return table -> the files of it, or of the documents it stands in, that were not read or not wholly."""
    sources = [(glob_regex(t.path), t) for t in package.tables.values() if t.path]
    read = records.filled
    empty = {p.file for p in records.problems if p.rule in _UNREAD} - read
    empty.update(
        p.file for p in records.problems if p.rule == "source-error" or _keyless(package, records, p)
    )
    found: dict[str, list[str]] = {}
    for file in sorted(empty):
        source = next((t for pattern, t in sources if pattern.match(file)), None)
        if source is not None:
            found.setdefault(source.name, []).append(file)
    return {t.name: found[o] for t in package.tables.values() if (o := package.origin(t).name) in found}


def _keyless(package: Package, records: Records, problem: Problem) -> bool:
    """Tell whether a file lacks the column that its records are referred to by."""
    if problem.rule != "missing-label" or problem.file not in records.files:
        return False
    table = package.tables[records.files[problem.file]]
    return any(f.name in table.primary_key and f.title == problem.column for f in table.fields)


def without_consequences(
    package: Package, read: Iterable[Problem], formal: Iterable[Problem]
) -> list[Problem]:
    """Return what does not conform, but for what follows from faults in the files' form or from each other.

    Args:
        read: what reading the files found.
        formal: what holding the rows against the schemas found.
    """
    formal = list(formal)
    columns, torn, places = _faults_of_form(package, read)
    faulty = {(p.file, p.line, p.column) for p in formal if p.rule in _VALUE_FAULTS and has_errors([p])}

    def follows(p: Problem) -> bool:
        titles = p.column.split("、")
        if (p.file, p.line) in torn or any((p.file, p.line, t) in places for t in titles):
            return True
        if p.rule == "foreign-key" and any((p.file, p.line, t) in faulty for t in titles):
            return True
        return p.rule in ("constraint-error", "primary-key") and any((p.file, t) in columns for t in titles)

    return [p for p in formal if not follows(p)]


def _faults_of_form(
    package: Package, read: Iterable[Problem]
) -> tuple[set[tuple[str, str]], set[tuple[str, int]], set[_Place]]:
    """Return the columns that whole files lack, the lines whose cells stand in wrong columns, the values told of."""
    columns: set[tuple[str, str]] = set()
    torn: set[tuple[str, int]] = set()
    places: set[_Place] = set()
    for p in read:
        if p.rule == "missing-label":
            columns.add((p.file, p.column))
        elif p.rule == "extra-cell":
            torn.add((p.file, p.line))
        elif p.rule == "missing-cell":
            titles = [f.title for f in table.fields] if (table := _table_of(package, p.file)) else []
            if p.column in titles:
                places.update((p.file, p.line, t) for t in titles[titles.index(p.column) :])
        elif p.column and p.line and p.severity is Severity.ERROR:
            places.add((p.file, p.line, p.column))
    return columns, torn, places


def _table_of(package: Package, file: str) -> Table | None:
    return next((t for t in package.tables.values() if t.path and glob_regex(t.path).match(file)), None)


def without_followers(
    package: Package,
    records: Records,
    problems: Sequence[Problem],
    unread: Mapping[str, Sequence[str]],
    rules: Iterable[Rule],
    findings: Sequence[Finding],
    statements: Sequence[Statement],
) -> tuple[list[Finding], list[Problem]]:
    """Leave out what rules found only because records are missing or wrong in form, and say so.

    Args:
        problems: what is wrong in form.
        unread: table -> its files that could not be read, or not all of them.
        rules: all rules; which of them need what to be whole stands in their headers.
        findings: what they found.
        statements: the views and macros that rules may read through.

    Returns:
        The findings that stand, and at most one problem for all that was left out or not looked at.
    """
    errors = [p for p in problems if p.severity is Severity.ERROR]
    lost = {(p.file, p.line, p.column) for p in errors if p.rule in _NOT_ENTERED}
    torn = {(p.file, p.line) for p in errors if p.rule in ("extra-cell", "missing-cell")}
    origins = {records.files[p.file] for p in errors if _counts(p, records)}
    faulty = {t.name for t in package.tables.values() if package.origin(t).name in origins} | unread.keys()
    found = {f.rule for f in findings}
    through = passages(statements) if faulty else {}
    held = {
        r.id
        for r in rules
        if r.id in found
        and (
            not unread.keys().isdisjoint(r.complete)
            or (
                r.complete == ("all",)
                and faulty
                and not faulty.isdisjoint(reached(r.statement.words, through))
            )
        )
    }
    standing = [
        f
        for f in findings
        if f.rule not in held
        and (f.problem.file, f.problem.line) not in torn
        and (f.problem.file, f.problem.line, f.problem.column) not in lost
    ]
    return standing, _told(package, unread, sorted(held), rules_found=bool(standing))


def _counts(problem: Problem, records: Records) -> bool:
    return problem.file in records.files and problem.rule not in _HARMLESS


def _told(
    package: Package, unread: Mapping[str, Sequence[str]], held: Collection[str], *, rules_found: bool
) -> list[Problem]:
    """Say once, before all else, what references and rules could not take into account."""
    named_rules = f"规则 {'、'.join(held)} "
    if not unread:
        if not held:
            return []
        message = f"{named_rules}要靠全部记录计算，记录有错误时得不出结论，这一次没有判断。请改正下面的错误，再校验一次。"
        return [warning("", 0, "not-judged", message)]
    referred = any(k.table in unread for t in package.tables.values() for k in t.foreign_keys)
    if not (referred or rules_found or held):
        return []
    files = sorted({f for found in unread.values() for f in found})
    named = "、".join(printable(f) for f in files[:_NAMED])
    shown = named if len(files) <= _NAMED else f"{named} 等"
    rules = f"{named_rules}因此没有判断，其他" if held else "按记录统计、对照的"
    message = (
        f"有 {len(files)} 个文件没有完整读入（{shown}）：引用其中记录的地方没有核对，{rules}规则也可能因此不符。"
        "请先改正这些文件，再校验一次。"
    )
    return [warning("", 0, "unread-files", message)]
