"""What rules found when everything was last in order: a rule that reads nothing that changed finds the same again.

Changes are followed column by column, from the tables through the views: one that is computed again and has the rows it
had before passes nothing on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import duckdb

from lingtouyan.checks.rules import Finding, Rule
from lingtouyan.database.cells import CELLS
from lingtouyan.database.differences import ROWS
from lingtouyan.database.reads import Reads, macros_of, parse_trees, reads_of
from lingtouyan.database.statements import Statement, passages, reached
from lingtouyan.problems import Problem, Severity
from lingtouyan.reading.package import ENGINE_TABLES, Package, Sensitivity

# A tree in which nearly every row is wrong is judged as fast as it is read back.
_MOST_FINDINGS = 20_000
# What tells of commits: columns of `build`, and the engine's tables that are made from the history.
_OF_COMMITS = {
    "build": frozenset({"commit", "commit_time", "draft", "edition"}),
    **dict.fromkeys(
        ENGINE_TABLES - {"build", CELLS, "fields", "raw", "rules", "tables", "views"}, frozenset({ROWS})
    ),
}


@dataclass(frozen=True)
class Verdicts:
    """What was found for one set of statements and facts.

    Attributes:
        key: digest over the statements and the reference date.
        commit: digest over what else `build` and the history tell.
        views: the views whose rows are kept.
        findings: rule -> what it found.
        reads: file of a view or rule -> what it can depend on, None for everything.
        secrets: rule -> the tables whose restricted values it may meet, and must then not say.
    """

    key: str
    commit: str
    views: frozenset[str]
    findings: Mapping[str, Sequence[Finding]]
    reads: Mapping[str, Reads | None]
    secrets: Mapping[str, frozenset[str]]


@dataclass
class Standing:
    """What of an earlier run still holds; more of it may fall as views are computed again.

    Attributes:
        known: what was found then.
        changed: table or view -> the columns in which it differs from then, or `ROWS`.
        replaced: the files that are not what they were.
        exposed: the tables in which restricted values may have changed.
    """

    known: Verdicts
    changed: dict[str, frozenset[str]]
    replaced: frozenset[str]
    exposed: frozenset[str]

    def holds(self, statement: Statement) -> bool:
        """Tell whether a view or rule, all of whose views are decided on, must have the rows it had."""
        reads = self.known.reads.get(statement.file)
        return reads is not None and not reads.meets(self.changed)

    def findings(self, rule: Rule) -> Sequence[Finding] | None:
        """Return what a rule must find again, or None when it has to be run."""
        found = self.known.findings.get(rule.id)
        if found is None or not self.holds(rule.statement):
            return None
        # What its row says and on which line is looked up in the file itself; other rows' secrets may be struck out, too.
        if any(f.problem.file in self.replaced for f in found):
            return None
        return None if found and self.exposed & self.known.secrets.get(rule.id, self.exposed) else found

    def asked(self, statement: Statement, names: Collection[str]) -> set[str]:
        """Return which of these views a statement reads itself."""
        reads = self.known.reads.get(statement.file)
        return {n for n in names if reads is None or n.lower() in reads.tables}


def standing_of(
    known: Verdicts | None,
    key: str,
    commit: str,
    changed: Mapping[str, frozenset[str]],
    replaced: frozenset[str],
    package: Package,
) -> Standing | None:
    """Return what still holds after tables changed, or None when nothing fitting is known.

    Args:
        key, commit: digests, as in `Verdicts`.
        changed: table -> its columns with other values, or `ROWS`.
        replaced: the files whose rows these are.
    """
    if known is None or known.key != key:
        return None
    exposed = {
        t
        for t, columns in changed.items()
        if any(
            f.sensitivity is Sensitivity.RESTRICTED and (ROWS in columns or f.name in columns)
            for f in package.tables[t].fields
        )
    }
    if exposed:
        exposed.add(CELLS)
    now = dict(changed)
    if now:
        now[CELLS] = frozenset({ROWS})
    if commit != known.commit:
        now.update(_OF_COMMITS)
    return Standing(known, now, replaced, frozenset(exposed))


def verdicts_of(
    connection: duckdb.DuckDBPyConnection,
    package: Package,
    key: str,
    commit: str,
    macros: Sequence[Statement],
    views: Sequence[Statement],
    rules: Sequence[Rule],
    findings: Sequence[Finding],
) -> Verdicts:
    """Return what was found, and what it can depend on, in a register that has the macros."""
    statements = [*views, *(r.statement for r in rules)]
    tables = {*package.tables, *ENGINE_TABLES, *(v.name.lower() for v in views)}
    called = macros_of(connection, tables)
    trees = parse_trees(connection, [s.sql.rstrip().rstrip(";") for s in statements])
    reads = {s.file: reads_of(t, tables, called) for s, t in zip(statements, trees, strict=True)}
    through = passages([*views, *macros])
    secrets = {
        r.id: reached(r.statement.words | {r.table}, through) & {*package.tables, CELLS} for r in rules
    }
    return Verdicts(key, commit, frozenset(), _by_rule(rules, findings), reads, secrets)


def digest_of(*values: object) -> str:
    """Return a digest over facts, or over the statements of a tree."""
    digest = hashlib.blake2b(digest_size=16)
    for value in values:
        text = f"{value.file}\0{value.header!r}\0{value.sql}" if isinstance(value, Statement) else value
        digest.update(f"{text}\0".encode())
    return digest.hexdigest()


def _by_rule(rules: Sequence[Rule], findings: Sequence[Finding]) -> dict[str, list[Finding]]:
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
        {file: reads and reads.pack() for file, reads in verdicts.reads.items()},
        {rule: sorted(tables) for rule, tables in verdicts.secrets.items()},
    ]


def unpack_verdicts(values: list[Any]) -> Verdicts:
    """Return verdicts as packed."""
    key, commit, views, findings, reads, secrets = values
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
        {file: packed and Reads.unpack(packed) for file, packed in reads.items()},
        {rule: frozenset(tables) for rule, tables in secrets.items()},
    )
