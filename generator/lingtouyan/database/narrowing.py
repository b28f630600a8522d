"""What one reader's edition, or one without a compartment, does not hold is taken out of the register itself.

Views are computed anew from what is left, so that no view, figure, finding or history can tell of the rest. Of records
that were erased only figures of views that say so in their header are kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import duckdb

from lingtouyan.database.database import (
    duckdb_type,
    explain,
    literal,
    literals,
    quote,
    record_key,
    tables_in,
)
from lingtouyan.database.statements import COUNTED
from lingtouyan.database.views import HISTORY, Views
from lingtouyan.problems import RecordsError, UsageError, did_you_mean, error, quoted
from lingtouyan.project import Scope
from lingtouyan.reading.package import ForeignKey, Package, Sensitivity, Table


def links(package: Package, table: Table) -> Iterator[ForeignKey]:
    """Yield what makes a row go with that of another table: references, and the record that a list is part of."""
    yield from table.foreign_keys
    if table.parent:
        key = package.tables[table.parent].primary_key
        yield ForeignKey(key, table.parent, key)


def with_linked(package: Package, scope: Scope, names: Collection[str], erased: bool) -> set[str]:
    """Return the tables of these names and, where that decides on their rows, all that they are linked to."""
    found, pending = set(names), [n for n in names if n in package.tables]
    while pending:
        more = {k.table for k in links(package, package.tables[pending.pop()])} - found
        found |= more
        pending += more
    tables = [package.tables[n] for n in found & package.tables.keys()]
    if scope.reader and package.settings.readers:
        return found | {package.settings.readers.table}
    return found if erased or any(t.compartments for t in tables) else set(names)


def narrow(
    connection: duckdb.DuckDBPyConnection,
    package: Package,
    views: Views,
    scope: Scope,
    named: Collection[str],
    only: Collection[str] | None,
    erased: Collection[tuple[str, str]] = (),
) -> None:
    """Take out all rows and values that are not for a scope, then all of erased records; compute anew what came of them.

    Args:
        named: compartments that may be seen.
        only: words of the statements that will be asked, as for a register.
        erased: table and key of each record that is.

    Raises:
        UsageError: there is no such reader.
        RecordsError: the condition of a compartment cannot be evaluated.
    """
    here = tables_in(connection, "main")
    tables = [t for t in package.tables.values() if t.name in here]
    gone: set[str] = set()
    emptied: set[str] = set()
    connection.execute("CREATE SCHEMA gone")

    def remove(table: Table, condition: str) -> bool:
        name = quote(table.name)
        picked = f"SELECT t.rowid FROM {name} AS t WHERE ({condition}\n)"
        try:
            rows = [row for (row,) in connection.execute(picked).fetchall()]
        except duckdb.Error as fault:
            said = f"compartments 的条件无法计算，为免泄露已停止：{explain(fault)}"
            raise RecordsError([error(table.schema_file, 1, "schema-error", said)]) from None
        if rows:
            connection.execute(f"CREATE TABLE IF NOT EXISTS gone.{name} AS SELECT * FROM {name} WHERE false")
            connection.execute(
                f"INSERT INTO gone.{name} SELECT * FROM {name} WHERE list_contains(?, rowid)", [rows]
            )
            connection.execute(f"DELETE FROM {name} WHERE list_contains(?, rowid)", [rows])
            gone.add(table.name)
        return bool(rows)

    own = _own_folder(connection, package, scope)
    for table in tables:
        for compartment, condition in table.compartments.items():
            if compartment not in named:
                remove(table, condition)
        if own and package.settings.readers:
            readers = package.settings.readers
            if table.name == readers.table:
                remove(
                    table,
                    f"coalesce({quote(readers.folder)}, '') <> '' AND {quote(readers.folder)} <> {literal(own)}",
                )
            if table.owner == readers.kind:
                remove(table, f"NOT starts_with(_file, {literal(own + '/')})")

    def follow() -> None:
        going = bool(gone)
        while going:
            going = False
            for table in tables:
                for key in links(package, table):
                    if key.table in gone:
                        linked = f"EXISTS (SELECT 1 FROM gone.{quote(key.table)} AS g WHERE {_same(key)})"
                        going = remove(table, linked) or going

    follow()
    for table in tables:
        for f in table.fields:
            if f.sensitivity < Sensitivity.RESTRICTED and f.compartment not in ("", *named):
                connection.execute(f"UPDATE {quote(table.name)} SET {quote(f.name)} = NULL")
                emptied.add(table.name)
    told = {*HISTORY, "findings", "finding_subjects"}
    counted: set[str] = set()
    if erased:
        views.forget({*gone, *emptied, *(told if gone or own else ())})
        counted = {v.name for v in views.order if v.header.get("erased") == COUNTED}
        views.need(counted if only is None else counted & views.reach(only))
        closed = [(t, sorted(k for name, k in erased if name == t.name)) for t in tables if t.primary_key]
        for table, keys in closed:
            if keys:
                _seed(connection, table, keys)
                gone.add(table.name)
                remove(table, f"{record_key(table.primary_key, 't.')} IN ({literals(keys)})")
        follow()
        for table, keys in closed:
            if keys:
                _drop_names(connection, table, keys)
    removed = [package.tables[n] for n in gone]
    if "findings" in here:
        _drop_findings(connection, removed, own)
    dropped = _drop_history(connection, package, tables, removed, own, named)
    connection.execute("DROP SCHEMA gone CASCADE")
    if gone or emptied or own or dropped:
        views.forget({*gone, *emptied, *told}, counted)
        views.need(only)


def _seed(connection: duckdb.DuckDBPyConnection, table: Table, keys: Sequence[str]) -> None:
    """Enter erased records among what is gone, by key alone: their files may be gone already, what refers to them not."""
    name, fields = quote(table.name), [f for n in table.primary_key if (f := table.field(n))]
    parts = [p for key in keys if len(p := key.split("/")) == len(fields)]
    connection.execute(f"CREATE TABLE IF NOT EXISTS gone.{name} AS SELECT * FROM {name} WHERE false")
    columns = ", ".join(quote(f.name) for f in fields)
    cells = ", ".join(f"TRY_CAST(unnest(?::VARCHAR[]) AS {duckdb_type(f)})" for f in fields)
    given = [[p[n] for p in parts] for n in range(len(fields))]
    connection.execute(f"INSERT INTO gone.{name} ({columns}) SELECT {cells}", given)


def _drop_names(connection: duckdb.DuckDBPyConnection, table: Table, keys: Sequence[str]) -> None:
    """Drop changes of other records that say what an erased record was called, and such messages of commits."""
    mine = f"FROM gone.{quote(table.name)} AS g WHERE {record_key(table.primary_key, 'g.')} IN ({literals(keys)})"

    def told(words: str) -> str:
        return f"EXISTS (SELECT 1 {mine} AND contains(concat_ws(' ', {words}), g.{quote(table.label)}))"

    connection.execute(f"DELETE FROM changes WHERE {told('before, after')}")
    connection.execute(
        "UPDATE commits SET subject = NULL, body = NULL, merge_subject = NULL "
        f"WHERE {told('subject, body, merge_subject')}"
    )


def _own_folder(connection: duckdb.DuckDBPyConnection, package: Package, scope: Scope) -> str:
    """Return the folder of the reader; empty where all are meant."""
    readers = package.settings.readers
    if not scope.reader or readers is None:
        return ""
    key, folder = quote(readers.key), quote(readers.folder)
    query = f"SELECT {key}, {folder} FROM {quote(readers.table)} WHERE {folder} <> ''"
    folders = dict(connection.execute(query).fetchall())
    if scope.reader not in folders:
        near = did_you_mean(scope.reader, folders, f"，可用：{'、'.join(sorted(folders))}。")
        raise UsageError(f"没有代码为 {quoted(scope.reader)} 的 {readers.kind}{near}")
    return str(folders[scope.reader])


def _same(key: ForeignKey) -> str:
    pairs = zip(key.references, key.fields, strict=True)
    return " AND ".join(f"g.{quote(theirs)}::VARCHAR = t.{quote(mine)}::VARCHAR" for theirs, mine in pairs)


def _drop_findings(connection: duckdb.DuckDBPyConnection, removed: list[Table], own: str) -> None:
    for table in removed:
        line = "AND g._line = f.line" if table.lined() or table.parent else ""
        connection.execute(
            "DELETE FROM findings WHERE finding_id IN (SELECT f.finding_id FROM findings AS f "
            f"JOIN gone.{quote(table.name)} AS g ON g._file = f.file {line})"
        )
    if own:
        connection.execute(f"DELETE FROM findings WHERE NOT starts_with(file, {literal(own + '/')})")
    connection.execute(
        "DELETE FROM finding_subjects WHERE finding_id NOT IN (SELECT finding_id FROM findings)"
    )


def _drop_history(
    connection: duckdb.DuckDBPyConnection,
    package: Package,
    tables: list[Table],
    removed: list[Table],
    own: str,
    named: Collection[str],
) -> bool:
    """Keep the changes of records that are still there; a commit that touched others keeps its date and no message.

    Returns:
        Whether any had to go.
    """
    if not connection.execute("SELECT count(*) FROM changes").fetchall()[0][0]:
        return False
    left = []
    gone = {t.name for t in removed}
    for table in tables:
        root = package.origin(table)
        # Of what such a row was before, or of one that was deleted, nothing says whether it was in the compartment.
        hidden = any(c not in named for c in root.compartments)
        if not own and not hidden and gone.isdisjoint({table.name, root.name}):
            continue
        kept = (
            f"root_key IN (SELECT {record_key(root.primary_key)} FROM {quote(root.name)})"
            if root.primary_key
            else "false"
        )
        if own and not hidden:
            kept = f"({kept} OR starts_with(file, {literal(own + '/')}))"
        for column, of in (("root_key", root), ("record_key", table)):
            if of.name in gone and of.primary_key:
                kept += (
                    f" AND {column} NOT IN (SELECT {record_key(of.primary_key)} FROM gone.{quote(of.name)})"
                )
        if table.parent and table.name in gone and table.primary_key and not own:
            its = record_key(table.primary_key)
            kept += f" AND record_key IN (SELECT {its} FROM {quote(table.name)})"
        left.append(f"(table_name = {literal(table.name)} AND NOT coalesce({kept}, false))")
    if not left:
        return False
    lost = " OR ".join(left)
    connection.execute(f"CREATE TABLE gone.commits AS SELECT DISTINCT commit FROM changes WHERE {lost}")
    connection.execute(f"DELETE FROM changes WHERE {lost}")
    if own:
        connection.execute("DELETE FROM commits WHERE commit NOT IN (SELECT commit FROM changes)")
    connection.execute(
        "UPDATE commits SET subject = NULL, body = NULL, merge_subject = NULL WHERE commit IN (SELECT commit FROM gone.commits)"
    )
    return bool(connection.execute("SELECT count(*) FROM gone.commits").fetchall()[0][0])
