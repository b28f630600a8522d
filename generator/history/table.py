"""The history as tables of the register: `commits` and `changes`, ready for pages and rules.

A change is shown in an edition only where the field, and today the record itself, is shown there.
"""

from __future__ import annotations

import datetime

import duckdb

from generator.history.changes import History
from generator.reading.package import Package, Sensitivity
from generator.register.database import insert, literal, quote

_COMMITS = (
    "commit VARCHAR, author_time TIMESTAMP, commit_time TIMESTAMP, author VARCHAR, author_email VARCHAR, "
    "committer VARCHAR, subject VARCHAR, merge VARCHAR, merge_subject VARCHAR, ordinal INTEGER"
)
_CHANGES = (
    "commit VARCHAR, action VARCHAR, table_name VARCHAR, record_key VARCHAR, root_table VARCHAR, root_key VARCHAR, "
    "field VARCHAR, before VARCHAR, after VARCHAR, file VARCHAR, ordinal INTEGER"
)


def create_history(connection: duckdb.DuckDBPyConnection, history: History | None) -> None:
    """Create `commits` and `changes`; empty outside a repository."""
    connection.execute(f"CREATE TABLE commits ({_COMMITS})")
    connection.execute(f"CREATE TABLE changes ({_CHANGES})")
    if history is None:
        return
    subjects = {c.id: c.subject for c in history.commits}
    insert(
        connection,
        "commits",
        [
            (
                c.id,
                _time(c.author_time),
                _time(c.commit_time),
                c.author,
                c.author_email,
                c.committer,
                c.subject,
                history.brought.get(c.id),
                subjects.get(history.brought.get(c.id, "")),
                n,
            )
            for n, c in enumerate(history.commits, 1)
        ],
    )
    insert(
        connection,
        "changes",
        [
            (
                c.commit,
                c.action,
                c.table,
                c.key,
                c.root_table,
                c.root_key,
                c.field or None,
                c.before or None,
                c.after or None,
                c.file,
                n,
            )
            for n, c in enumerate(history.changes, 1)
        ],
    )


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
    if level >= Sensitivity.INTERNAL:
        connection.execute(f"CREATE TABLE {alias}.commits AS SELECT * FROM commits ORDER BY ordinal")
    else:
        # Who typed a change is no public matter; when it was made is.
        connection.execute(
            f"CREATE TABLE {alias}.commits AS SELECT commit, author_time, commit_time, ordinal FROM commits ORDER BY ordinal"
        )
    allowed = [
        (t.name, f.name)
        for t in package.tables.values()
        if t.name in tables
        for f in t.fields
        if f.sensitivity <= level
    ]
    pairs = ", ".join(f"({literal(t)}, {literal(f)})" for t, f in allowed) or "('', '')"
    shown = []
    for name in tables:
        table = package.tables[name]
        seen = {f.name for f in table.visible(level)}
        if table.primary_key and seen.issuperset(table.primary_key):
            key = " || '/' || ".join(f"coalesce({quote(k)}::VARCHAR, '')" for k in table.primary_key)
            shown.append(
                f"SELECT {literal(name)} AS table_name, {key} AS record_key FROM {alias}.{quote(name)}"
            )
    keys = " UNION ALL ".join(shown) or "SELECT '' AS table_name, '' AS record_key"
    condition = (
        "true"
        if level >= Sensitivity.INTERNAL
        else "(c.table_name, c.record_key) IN (SELECT (table_name, record_key) FROM shown)"
    )
    hidden = "c.action = 'removed' AND c.table_name NOT IN (SELECT name FROM tables)"
    connection.execute(
        f"CREATE TABLE {alias}.changes AS WITH shown AS ({keys}) SELECT c.* EXCLUDE (file) "
        + (", c.file " if level >= Sensitivity.INTERNAL else "")
        + f"FROM changes c WHERE NOT ({hidden}) AND {condition} "
        f"AND ((c.field IS NULL AND c.table_name IN ({', '.join(map(literal, tables)) or literal('')})) "
        f"OR (c.table_name, c.field) IN ({pairs})) ORDER BY c.ordinal"
    )
