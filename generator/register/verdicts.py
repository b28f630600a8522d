"""What rules found when everything was last in order: a rule that reaches no changed table finds the same again.

What a statement reaches is over-estimated: every word of it counts that is no text and no comment, told by the
database's own tokens.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import duckdb

from generator.checking.rules import Finding, Rule
from generator.problems import Problem, Severity
from generator.reading.package import ENGINE_TABLES, Package
from generator.register.cells import CELLS
from generator.register.statements import Statement

# A tree in which nearly every row is wrong is judged as fast as it is read back.
_MOST_FINDINGS = 20_000
_WORD = re.compile(r"\w+")
_MACRO = re.compile(r"\bmacro\s+(\w+)", re.IGNORECASE)
# What tells of rows without naming their table.
_ELSEWHERE = re.compile(r"(duckdb|information|pragma|pg|sqlite|json_execute)_\w+|query|query_table")
_STAR = re.compile(r"(?:\bselect|\bdistinct|,|\.)\s*\*")
# What tells of commits: columns of `build`, and the engine's tables that are made from the history.
_OF_COMMITS = frozenset({"commit", "commit_time", "draft", "edition"}) | (
    ENGINE_TABLES - {"build", "cells", "fields", "raw", "rules", "tables", "views"}
)
_WHOLE_ROWS = frozenset(
    {"*", "columns", "unpivot", "to_json", "json_object", "row_to_json", "struct_pack", "row"}
)
_SAID = frozenset({duckdb.token_type.comment, duckdb.token_type.string_const})


@dataclass(frozen=True)
class Verdicts:
    """What was found for one set of statements and facts.

    Attributes:
        key: digest over the statements and the reference date.
        commit: digest over what else `build` and the history tell.
        views: the views whose rows are kept.
        findings: rule -> what it found.
    """

    key: str
    commit: str
    views: frozenset[str]
    findings: Mapping[str, Sequence[Finding]]


@dataclass(frozen=True)
class Work:
    """What is left to do.

    Attributes:
        again: views that may have other rows than before.
        views: the views to compute, these and more.
        kept: the views whose rows are kept.
        rules: the rules to run.
        findings: what the other rules find.
        idle: whether views are left out.
    """

    again: frozenset[str]
    views: list[Statement]
    kept: list[Statement]
    rules: list[Rule]
    findings: list[Finding]
    idle: bool = False

    def without_idle_views(self, macros: Sequence[Statement], package: Package) -> Work:
        """Return the work without views that are as they were and that nothing asks that is left to do."""
        through, names = _through(macros), {v.name: v for v in self.views}
        # Conditions on the rows of tables are planned whether or not anything changed.
        conditions = [c.lower() for t in package.tables.values() for c in t.row_filters.values()]
        pending = [
            {w for c in conditions for w in _WORD.findall(c)},
            *(_words(r.statement) for r in self.rules),
        ]
        pending += [_words(v) for v in self.kept if v.header.get("rows") is not None]
        pending += [_words(names[n]) for n in self.again]
        wanted = set(self.again)
        while pending:
            more = _reached(pending.pop(), through) & names.keys() - wanted
            wanted |= more
            pending.extend(_words(names[n]) for n in more)
        views = [v for v in self.views if v.name in wanted]
        return replace(self, views=views, idle=len(views) < len(self.views))


def digest_of(*values: object) -> str:
    """Return a digest over facts, or over the statements of a tree."""
    digest = hashlib.blake2b(digest_size=16)
    for value in values:
        text = f"{value.file}\0{value.header!r}\0{value.sql}" if isinstance(value, Statement) else value
        digest.update(f"{text}\0".encode())
    return digest.hexdigest()


def work_left(
    known: Verdicts | None,
    key: str,
    commit: str,
    touched: frozenset[str],
    macros: Sequence[Statement],
    views: Sequence[Statement],
    rules: Sequence[Rule],
) -> Work:
    """Return what has to be computed after the touched tables changed; everything, when nothing fitting is known."""
    if known is None or known.key != key:
        return Work(frozenset(v.name for v in views), list(views), [], list(rules), [])
    through = _through([*macros, *views])
    if commit != known.commit:
        touched |= _OF_COMMITS

    def changed(words: set[str]) -> bool:
        found = _reached(words, through)
        return (
            not found.isdisjoint(touched)
            or (bool(touched) and CELLS in found)
            or ("build" in found and commit != known.commit and not found.isdisjoint(_WHOLE_ROWS))
            or any(_ELSEWHERE.fullmatch(w) for w in found)
        )

    again = frozenset(v.name for v in views if changed(_words(v)))
    kept = [v for v in views if v.name in known.views - again]
    left = [r for r in rules if r.id not in known.findings or changed(_words(r.statement) | {r.table})]
    return Work(
        again,
        [v for v in views if v not in kept],
        kept,
        left,
        [f for r in rules if r not in left for f in known.findings[r.id]],
    )


def found_by(rules: Sequence[Rule], findings: Sequence[Finding]) -> dict[str, list[Finding]]:
    """Return rule -> what it found, as far as that is worth keeping."""
    if len(findings) > _MOST_FINDINGS:
        return {}
    found: dict[str, list[Finding]] = {r.id: [] for r in rules}
    for finding in findings:
        found[finding.rule].append(finding)
    return found


def pack_verdicts(verdicts: Verdicts) -> list[Any]:
    """Return verdicts as plain values for a cache."""
    return [
        verdicts.key,
        verdicts.commit,
        sorted(verdicts.views),
        {r: [[asdict(f.problem), f.table, f.subjects] for f in fs] for r, fs in verdicts.findings.items()},
    ]


def unpack_verdicts(values: list[Any]) -> Verdicts:
    """Return verdicts as packed."""
    key, commit, views, findings = values
    return Verdicts(
        key,
        commit,
        frozenset(views),
        {
            rule: [
                Finding(Problem(**{**p, "severity": Severity(p["severity"])}), rule, table, subjects)
                for p, table, subjects in found
            ]
            for rule, found in findings.items()
        },
    )


def _words(statement: Statement) -> set[str]:
    """Return every word by which a statement may name something, in lower case."""
    data = statement.sql.encode()
    tokens = duckdb.tokenize(statement.sql)
    ends = [start for start, _ in tokens[1:]] + [len(data)]
    code = b" ".join(
        data[start:end] for (start, kind), end in zip(tokens, ends, strict=True) if kind not in _SAID
    )
    # The conditions on rows that a header declares are SQL, too.
    text = f"{code.decode()} {statement.header.get('rows')}".lower()
    return {*_WORD.findall(text), *(("*",) if _STAR.search(text) else ())}


def _through(statements: Iterable[Statement]) -> dict[str, set[str]]:
    through: dict[str, set[str]] = {}
    for statement in statements:
        for name in {statement.name, *_MACRO.findall(statement.sql)}:
            through.setdefault(name.lower(), set()).update(_words(statement))
    return through


def _reached(words: Iterable[str], through: Mapping[str, set[str]]) -> set[str]:
    found = set(words)
    pending = [w for w in found if w in through]
    while pending:
        more = through[pending.pop()] - found
        found |= more
        pending.extend(w for w in more if w in through)
    return found
