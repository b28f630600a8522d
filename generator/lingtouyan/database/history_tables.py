"""The history as tables of the register: `commits` and `changes`, and what a change under review proposes.

A change is shown in an edition only where the field, and today the record itself, is shown there.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import TYPE_CHECKING

import duckdb

from lingtouyan.database.database import columns_in, create_table, literal, quote, record_key
from lingtouyan.reading.package import Package, Sensitivity, Table

if TYPE_CHECKING:
    from lingtouyan.history.changes import Change, History
    from lingtouyan.history.log import LoggedCommit

# GitHub and its like `Merge pull request #7 from …`, Gitee `!7 …`; a squashed merge ends in `(#7)` or `(!7)`.
_MERGED = (re.compile(r"^Merge (?:pull request|PR|merge request) ([#!]\d+)\b"), re.compile(r"^(![0-9]+) "))
_SQUASHED = re.compile(r"\(([#!]\d+)\)$")

_record = attrgetter("action", "table", "key", "root_table", "root_key")
PROPOSAL = ("proposed_commits", "proposed_files", "proposed_changes")


def create_history(
    connection: duckdb.DuckDBPyConnection, history: History | None, package: Package | None = None
) -> None:
    """Create `commits` and `changes`; empty outside a repository.

    Args:
        package: the register's tables, which must be there; they tell what an import brought.
    """
    if history is None:
        create_table(connection, "commits")
        create_table(connection, "changes")
        return
    from lingtouyan.history.signatures import NONE

    by_id = {c.id: c for c in history.commits}
    signatures = history.signatures or {}
    # Where signatures were not checked, the column stays empty.
    unsigned = NONE if history.signatures is not None else None
    commits = []
    for n, c in enumerate(history.commits, 1):
        merge, signed = by_id.get(history.brought.get(c.id, "")), signatures.get(c.id)
        commits.append(
            (c.id, _time(c.author_time), _time(c.commit_time), c.author, c.author_email, c.committer)
            + (c.subject, c.body or None)
            + ((merge.id, merge.subject, merge.author) if merge else (None, None, None))
            + (_request(c, merge),)
            + ((signed.signer or None, signed.state) if signed else (None, unsigned))
            + (c.id in history.proposed, n)
        )
    changes = [(c.commit, *_record(c), *_values(c), c.file, n) for n, c in enumerate(history.changes, 1)]
    create_table(connection, "commits", commits)
    create_table(connection, "changes", changes)
    if history.imports and package is not None:
        _add_imported(connection, history, package)


def create_proposal(
    connection: duckdb.DuckDBPyConnection, proposal: History | None, tables: Iterable[Table] = ()
) -> None:
    """Create `proposed_commits`, `proposed_files` and `proposed_changes`; empty where nothing is under review.

    A change's `ordinal` is the place of its commit among those proposed; 0 where the change is told as one.
    """
    if proposal is None:
        for name in PROPOSAL:
            create_table(connection, name)
        return
    from lingtouyan.history.log import readable

    by_id = {c.id: c for c in proposal.commits}
    order = {c.id: n for n, c in enumerate(proposal.commits, 1)}
    commits = []
    for c in proposal.commits:
        merge = by_id.get(proposal.brought.get(c.id, ""))
        commits.append(
            (c.id, c.author, c.author_email, c.committer, c.committer_email, _time(c.commit_time))
            + (c.subject, c.body or None, len(c.parents) > 1)
            + ((merge.id, merge.author_email, merge.committer_email) if merge else (None, None, None))
            + (proposal.landed,)
        )
    files = [(readable(f.path), 1, c.id, c.author, c.author_email) for c in proposal.commits for f in c.files]
    changes = [
        (c.file, 0, c.commit or None, order.get(c.commit, 0), *_record(c), *_values(c))
        for c in proposal.changes
    ]
    create_table(connection, "proposed_commits", commits)
    create_table(connection, "proposed_files", files)
    create_table(connection, "proposed_changes", changes)
    touched = {c.table for c in proposal.changes}
    for table in (t for t in tables if t.name in touched and t.primary_key):
        # Where the record stands now, though it went on to another file; one that is gone stands on no line.
        key = ", ".join(f"r.{quote(name)}" for name in table.primary_key)
        for where in ("c._file = r._file", "c._line = 0 AND c.action <> 'removed'"):
            connection.execute(
                f"UPDATE proposed_changes AS c SET _file = r._file, _line = r._line FROM raw.{quote(table.name)} AS r "
                f"WHERE c.table_name = ? AND {where} AND c.record_key = concat_ws('/', {key})",
                [table.name],
            )


def _add_imported(connection: duckdb.DuckDBPyConnection, history: History, package: Package) -> None:
    """Add as `added` the records of imported files that did not change since, by the keys in the register."""
    create_table(connection, "imported", list(history.imports.items()))
    for table in package.tables.values():
        if table.path and table.primary_key:
            key, name = record_key(table.primary_key, "t."), literal(table.name)
            connection.execute(
                "INSERT INTO changes (commit, action, table_name, record_key, root_table, root_key, file) "
                f"SELECT i.commit, 'added', {name}, {key}, {name}, {key}, i.file "
                f"FROM {quote(table.name)} AS t JOIN imported AS i ON i.file = t._file"
            )
    connection.execute(
        "CREATE OR REPLACE TABLE changes AS SELECT c.* REPLACE (row_number() OVER (ORDER BY k.ordinal, c.ordinal, "
        "c.table_name, c.record_key)::INTEGER AS ordinal) FROM changes AS c JOIN commits AS k USING (commit) "
        "ORDER BY ordinal"
    )
    connection.execute("DROP TABLE imported")


def _values(change: Change) -> tuple[str | None, ...]:
    return change.field or None, change.before or None, change.after or None


def _request(commit: LoggedCommit, merge: LoggedCommit | None) -> str | None:
    """Return the number of the change request that a commit came by, as git hosts write it into their own messages."""
    tried = [(merge.subject, p) for p in _MERGED] if merge else []
    tried += [(commit.subject, p) for p in (*_MERGED, _SQUASHED)]
    return next((found[1] for subject, p in tried if (found := p.search(subject))), None)


def _time(seconds: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).replace(tzinfo=None)


def copy_history(
    connection: duckdb.DuckDBPyConnection, alias: str, package: Package, tables: list[str], level: Sensitivity
) -> None:
    """Copy into an edition what it may know of the history.

    Args:
        alias: the edition's database, its record tables already written.
        tables: record tables that the edition has.
        level: what the edition may see.
    """
    inside = level >= Sensitivity.INTERNAL
    shown = " UNION ALL ".join(_shown(package.tables[n], alias, level) for n in tables)
    # A record whose very key is restricted is not spoken of; other restricted values stand as hidden as they were read.
    open_tables = [t for n in tables if _named(t := package.tables[n], level)]
    allowed = [(t.name, f.name) for t in open_tables for f in t.fields if inside or f.sensitivity <= level]
    pairs = ", ".join(f"({literal(t)}, {literal(f)})" for t, f in allowed) or "('', '')"
    names = ", ".join(literal(t.name) for t in open_tables) or "''"
    conditions = [f"(c.field IS NULL AND c.table_name IN ({names}) OR (c.table_name, c.field) IN ({pairs}))"]
    if not inside:
        # Only of records that are shown today, and never the name of one that is not.
        conditions.append("(c.table_name, c.record_key) IN (SELECT (table_name, record_key) FROM shown)")
        conditions += _unnamed(package, tables)
    connection.execute(
        f"CREATE TABLE {alias}.changes AS "
        f"WITH shown AS ({shown or 'SELECT NULL AS table_name, NULL AS record_key'}) "
        f"SELECT c.* {'' if inside else 'EXCLUDE (file) '}FROM changes c "
        f"WHERE {' AND '.join(conditions)} ORDER BY c.ordinal"
    )
    # Who typed a change is no public matter; when it was made is, of what the public can see.
    known = f"SELECT commit, author_time, commit_time, proposed, ordinal FROM commits SEMI JOIN {alias}.changes USING (commit)"
    commits = "FROM commits" if inside else known
    connection.execute(f"CREATE TABLE {alias}.commits AS {commits} ORDER BY ordinal")


def proposed_records(connection: duckdb.DuckDBPyConnection, package: Package) -> set[tuple[str, str]]:
    """Return table and key of each record of an edition that a proposed commit changed, itself or in one that names it."""
    changed = "changes JOIN commits USING (commit) WHERE proposed"
    parts = [f"SELECT root_table, root_key FROM {changed}"]
    subjects, held = package.settings.review_subjects, columns_in(connection)
    for table in package.tables.values():
        for key in table.foreign_keys if table.name not in subjects else ():
            needed = {*table.primary_key, *key.fields}
            if key.table in subjects and len(key.fields) == 1 and needed <= {*held.get(table.name, ())}:
                # As in a review, what happens to a record happens to the subjects that it names.
                place = "(table_name, record_key)" if table.parent else "(root_table, root_key)"
                parts.append(
                    f"SELECT {literal(key.table)}, r.{quote(key.fields[0])}::VARCHAR FROM {quote(table.name)} AS r "
                    f"WHERE ({literal(table.name)}, {record_key(table.primary_key, 'r.')}) IN (SELECT {place} FROM {changed})"
                )
    return {(t, k) for t, k in connection.execute(" UNION ".join(parts)).fetchall()}


def _named(table: Table, level: Sensitivity) -> bool:
    """Tell whether an edition may know which record of a table is meant."""
    seen = {f.name for f in table.visible(level)}
    return bool(table.primary_key) and seen.issuperset(table.primary_key)


def _shown(table: Table, alias: str, level: Sensitivity) -> str:
    """Return the query for the records of a table that an edition has."""
    name = literal(table.name)
    if not _named(table, level):
        return f"SELECT {name} AS table_name, NULL AS record_key WHERE false"
    key = record_key(table.primary_key)
    return f"SELECT {name} AS table_name, {key} AS record_key FROM {alias}.{quote(table.name)}"


def _unnamed(package: Package, tables: list[str]) -> Iterator[str]:
    """Yield conditions that keep out former and present values which name a record that the edition lacks."""
    for name in tables:
        for key in package.tables[name].foreign_keys:
            if len(key.fields) == 1 and (len(package.tables[key.table].primary_key) == 1):
                known = f"SELECT record_key FROM shown WHERE table_name = {literal(key.table)}"
                yield (
                    f"NOT (c.table_name = {literal(name)} AND c.field IS NOT DISTINCT FROM {literal(key.fields[0])} "
                    f"AND (coalesce(c.before NOT IN ({known}), false) OR coalesce(c.after NOT IN ({known}), false)))"
                )
    for name in tables:
        table = package.tables[name]
        # The place of an item in a list of which some are hidden was another one's yesterday.
        if table.parent and table.row_filters and table.primary_key[-1:] == ("ordinal",):
            yield f"c.table_name <> {literal(name)}"
