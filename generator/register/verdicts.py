"""What rules found when everything was last in order: a rule that reaches no changed table finds the same again.

What a statement reaches is over-estimated: every word of it counts that is no text and no comment, told by the
database's own tokens.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import duckdb

from generator.checking.rules import Finding, Rule
from generator.problems import Problem, Severity
from generator.reading.package import Package
from generator.register.cells import CELLS
from generator.register.statements import Statement

# A tree in which nearly every row is wrong is judged as fast as it is read back.
_MOST_FINDINGS = 20_000
_WORD = re.compile(r"\w+")
_MACRO = re.compile(r"\bmacro\s+(\w+)", re.IGNORECASE)
# What tells of rows without naming their table.
_ELSEWHERE = re.compile(r"(duckdb|information|pragma|pg|sqlite|json_execute)_\w+|query|query_table")
_SAID = frozenset({duckdb.token_type.comment, duckdb.token_type.string_const})


@dataclass(frozen=True)
class Verdicts:
    """What was found for one set of statements and facts.

    Attributes:
        key: digest over all that is not records.
        findings: rule -> what it found.
    """

    key: str
    findings: Mapping[str, Sequence[Finding]]


@dataclass(frozen=True)
class Work:
    """What is left to do: the views to compute, the rules to run, and what the other rules find."""

    views: list[Statement]
    rules: list[Rule]
    findings: list[Finding]


def key_of(statements: Iterable[Statement], facts: Iterable[object]) -> str:
    """Return a digest over the statements of a tree and the facts that they may ask for."""
    digest = hashlib.blake2b(digest_size=16)
    for statement in statements:
        digest.update(f"{statement.file}\0{_whole(statement)}\0".encode())
    for fact in facts:
        digest.update(f"{fact}\0".encode())
    return digest.hexdigest()


def work_left(
    known: Verdicts | None,
    key: str,
    package: Package,
    touched: frozenset[str],
    macros: Sequence[Statement],
    views: Sequence[Statement],
    rules: Sequence[Rule],
) -> Work:
    """Return what has to be computed after the touched tables changed; everything, when nothing fitting is known."""
    if known is None or known.key != key or any(r.id not in known.findings for r in rules):
        return Work(list(views), list(rules), [])
    through = _through([*macros, *views])
    left = [r for r in rules if _changed(_reached(_words(r.statement) | {r.table}, through), touched)]
    reached = {v.name: _reached(_words(v), through) for v in views}
    wanted = {n for n, words in reached.items() if _changed(words, touched)}
    filters = {
        w for t in package.tables.values() for c in t.row_filters.values() for w in _WORD.findall(c.lower())
    }
    read = _reached(filters, through).union(
        *(_reached(_words(r.statement), through) for r in left), *(reached[n] for n in wanted)
    )
    kept = {r.id for r in left}
    return Work(
        [v for v in views if v.name in wanted or v.name in read],
        left,
        [f for r in rules if r.id not in kept for f in known.findings[r.id]],
    )


def verdicts_of(key: str, rules: Sequence[Rule], findings: Sequence[Finding]) -> Verdicts | None:
    """Return what is worth keeping."""
    if len(findings) > _MOST_FINDINGS:
        return None
    found: dict[str, list[Finding]] = {r.id: [] for r in rules}
    for finding in findings:
        found[finding.rule].append(finding)
    return Verdicts(key, found)


def pack_verdicts(verdicts: Verdicts) -> list[Any]:
    """Return verdicts as plain values for a cache."""
    return [
        verdicts.key,
        {r: [[asdict(f.problem), f.table, f.subjects] for f in fs] for r, fs in verdicts.findings.items()},
    ]


def unpack_verdicts(values: list[Any]) -> Verdicts:
    """Return verdicts as packed."""
    key, findings = values
    return Verdicts(
        key,
        {
            rule: [
                Finding(Problem(**{**p, "severity": Severity(p["severity"])}), rule, table, subjects)
                for p, table, subjects in found
            ]
            for rule, found in findings.items()
        },
    )


def _whole(statement: Statement) -> str:
    return f"{statement.header!r}\0{statement.sql}"


def _words(statement: Statement) -> set[str]:
    """Return every word by which a statement may name something, in lower case."""
    data = statement.sql.encode()
    tokens = duckdb.tokenize(statement.sql)
    ends = [start for start, _ in tokens[1:]] + [len(data)]
    code = b" ".join(
        data[start:end] for (start, kind), end in zip(tokens, ends, strict=True) if kind not in _SAID
    )
    # The conditions on rows that a header declares are SQL, too.
    return set(_WORD.findall(f"{code.decode()} {statement.header.get('rows')}".lower()))


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


def _changed(words: set[str], touched: frozenset[str]) -> bool:
    """Tell whether what reaches these words may give something else than before."""
    if touched and CELLS in words:
        return True
    return not words.isdisjoint(touched) or any(_ELSEWHERE.fullmatch(w) for w in words)
