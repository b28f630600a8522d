"""The register: all records in one DuckDB database, as text and typed, with what the engine knows of itself.

SQL from the tree runs in it after the doors are shut: no file, no network, no settings, one statement that only reads.
"""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from lingtouyan.database.grammar import refusal
from lingtouyan.problems import WORDING, RecordsError, did_you_mean, error, printable
from lingtouyan.reading.package import SHAPES, Field, ForeignKey, Package, Table
from lingtouyan.reading.records import EMPTY, Records

MAX_MEGABYTES = 16384
MAX_ROWS = 2_000_000
_TYPES = {
    "integer": "BIGINT",
    "year": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "array": "VARCHAR[]",
}
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
# Name -> the statement that makes a table of the engine's own.
_OWN = {
    name: statement
    for statement, name in re.findall(
        r"(CREATE OR REPLACE TABLE (\w+) [^;]*);", Path(__file__).with_name("tables.sql").read_text("utf-8")
    )
}

Item = TypeVar("Item")
Made = TypeVar("Made")


class SqlError(Exception):
    """A statement from the tree was refused or failed; the text is for the user.

    Attributes:
        line: of the statement, from 1.
        unknown: the name that the database does not know, where that is the fault.
    """

    def __init__(self, text: str, fault: duckdb.Error | None = None) -> None:
        super().__init__(text)
        found, name = _LINE.search(str(fault or "")), _UNKNOWN.search(str(fault or ""))
        self.line = int(found[1]) if found else 1
        self.unknown = next(filter(None, name.groups())) if name else ""


def quote(name: str) -> str:
    """Quote an identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote a string literal."""
    return "'" + text.replace("'", "''") + "'"


def record_key(names: Iterable[str], row: str = "") -> str:
    """Return the SQL of a record's key as history and pages have it: the columns of these names, joined by `/`."""
    return " || '/' || ".join(f"coalesce({row}{quote(n)}::VARCHAR, '')" for n in names)


def dangling_rows(table: Table, key: ForeignKey, target: Table) -> str:
    """Return the FROM clause that gives the rows of `t` whose reference leads nowhere."""
    parts = []
    for a, b in zip(key.fields, key.references, strict=True):
        mine, other = table.field(a), target.field(b)
        alike = mine is not None and other is not None and duckdb_type(mine) == duckdb_type(other)
        cast = "" if alike else "::VARCHAR"
        same = "=" if len(key.fields) == 1 else "IS NOT DISTINCT FROM"
        parts.append(f"t.{quote(a)}{cast} {same} o.{quote(b)}{cast}")
    some = " OR ".join(f"t.{quote(f)} IS NOT NULL" for f in key.fields)
    return f"{quote(table.name)} t ANTI JOIN {quote(target.name)} o ON {' AND '.join(parts)} WHERE {some}"


def tables_in(connection: duckdb.DuckDBPyConnection, schema: str) -> set[str]:
    """Return the names of the tables that the register has in a schema: where only a part was asked for, only that."""
    asked = (
        "SELECT table_name FROM duckdb_tables() WHERE schema_name = ? AND database_name = current_database()"
    )
    return {name for (name,) in connection.execute(asked, [schema]).fetchall()}


def columns_in(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    """Return table -> column -> type of all that the database in use holds."""
    result: dict[str, dict[str, str]] = {}
    for table, column, kind in connection.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal "
        "AND database_name = current_database() ORDER BY table_oid, column_index"
    ).fetchall():
        result.setdefault(table, {})[column] = str(kind)
    return result


def put_cells(
    connection: duckdb.DuckDBPyConnection, table: Table, field: Field, rows: list[int], cells: list[Any]
) -> None:
    """Put these texts in the place of a field's raw cells, in the rows with these numbers."""
    connection.execute(
        f"UPDATE raw.{quote(table.name)} AS t SET {quote(field.name)} = o.cell "
        "FROM (SELECT unnest($1::BIGINT[]) AS row, unnest($2::VARCHAR[]) AS cell) AS o WHERE t.rowid = o.row",
        [rows, cells],
    )


def literals(values: Iterable[str]) -> str:
    """Quote string literals, as a list of SQL has them."""
    return ", ".join(map(literal, values))


def connect(
    path: str = ":memory:", *, read_only: bool = False, threads: int | None = None
) -> duckdb.DuckDBPyConnection:
    """Open a database with nothing loaded from outside, that takes no more than its share of the memory and no disk."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    config: dict[str, Any] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
        "preserve_insertion_order": True,
        "memory_limit": f"{min(MAX_MEGABYTES, whole * 6 // 10)}MB",
        "temp_directory": "",
    }
    if threads is not None:
        config["threads"] = threads
    connection = duckdb.connect(path, read_only=read_only, config=config)
    # In a process that has no main file, as those that fill pages, it takes the reader for one who types.
    connection.execute("SET enable_progress_bar = false")
    return connection


def shut(connection: duckdb.DuckDBPyConnection) -> None:
    """Shut the doors: from here on no statement reaches files, network or settings."""
    connection.execute("SET enable_external_access = false; SET lock_configuration = true")


def duckdb_type(field: Field) -> str:
    """Return the DuckDB type a field has in the register."""
    return quote(field.enum_type) if field.enum_type else _TYPES.get(field.type, "VARCHAR")


def typed(field: Field) -> str:
    """Return the SQL expression that turns a raw cell into its type, NULL where it does not fit."""
    cell = quote(field.name)
    if field.type == "boolean":
        true, false = field.yes_and_no
        return f"CASE WHEN {cell} IN ({literals(true)}) THEN true WHEN {cell} IN ({literals(false)}) THEN false END"
    if field.type == "array":
        return f"TRY_CAST(TRY_CAST({cell} AS JSON) AS VARCHAR[])"
    if field.type == "date":
        # The database knows a year 0, the calendar does not.
        shape = f"regexp_full_match({cell}, {literal(_DATE)}) AND {cell} >= '0001'"
        return f"CASE WHEN {shape} THEN TRY_CAST({cell} AS DATE) END"
    if field.type in SHAPES:
        number = f"TRY_CAST({cell} AS {_TYPES[field.type]})"
        finite = f" AND isfinite({number})" if field.type == "number" else ""
        return f"CASE WHEN regexp_full_match({cell}, {literal(SHAPES[field.type])}){finite} THEN {number} END"
    return f"TRY_CAST({cell} AS {quote(field.enum_type)})" if field.enum_type else cell


def side_by_side(
    connection: duckdb.DuckDBPyConnection,
    work: Callable[[duckdb.DuckDBPyConnection, Item], Made],
    items: Iterable[Item],
) -> list[Made]:
    """Do the same with each item, several at a time, each on a connection of its own to the same database.

    Most of a short query's time is planning, which takes one core; results come in the order of the items.
    """

    def one(item: Item) -> Made:
        with connection.cursor() as own:
            return work(own, item)

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return list(pool.map(one, items))


def load_raw(connection: duckdb.DuckDBPyConnection, package: Package, records: Records) -> None:
    """Create `raw.<table>`: every cell as text, with `_file` and `_line`."""
    connection.execute("CREATE SCHEMA raw")
    side_by_side(connection, lambda own, table: _load(own, table, records), package.tables.values())


def _load(connection: duckdb.DuckDBPyConnection, table: Table, records: Records) -> None:
    columns = {"_file": "VARCHAR", "_line": "INTEGER", **{f.name: "VARCHAR" for f in table.fields}}
    target = f"raw.{quote(table.name)}"
    if found := records.collected.get(table.name):
        _load_collected(connection, table, target, found)
        return
    if not (parts := records.parts(table.name)):
        connection.execute(
            f"CREATE TABLE {target} ({', '.join(f'{quote(n)} {t}' for n, t in columns.items())})"
        )
        return
    # To open a file costs the database more than a thousand rows.
    first, *more = parts
    with first.open("ab") as stream:
        for part in more:
            stream.write(part.read_bytes())
            part.unlink()
    # The texts of no characters, which a CSV line cannot tell from missing ones, are put back.
    empty = [quote(f.name) for f in table.fields if "" not in table.missing(f)]
    changes = ", ".join(f"CASE WHEN {n} = {literal(EMPTY)} THEN '' ELSE {n} END AS {n}" for n in empty)
    listed = ", ".join(f"{literal(n)}: {literal(t)}" for n, t in columns.items())
    connection.execute(
        f"CREATE TABLE {target} AS SELECT * {f'REPLACE ({changes})' if empty else ''} FROM read_csv("
        f"{literal(str(first))}, header = false, auto_detect = false, delim = ',', quote = '\"', escape = '\"', "
        f"nullstr = '', new_line = '\\n', max_line_size = 80000000, columns = {{{listed}}})"
    )


def _load_collected(
    connection: duckdb.DuckDBPyConnection, table: Table, target: str, files: Iterable[tuple[str, Path]]
) -> None:
    cells = ", ".join(f"{quote(f.name)}::VARCHAR AS {quote(f.name)}" for f in table.fields)
    parts = [
        f"SELECT {literal(name)} AS _file, (file_row_number + 1)::INTEGER AS _line, {cells} "
        f"FROM read_parquet({literal(str(path))}, file_row_number = true)"
        for name, path in files
    ]
    try:
        connection.execute(f"CREATE TABLE {target} AS {' UNION ALL '.join(parts)}")
    except duckdb.BinderException:
        said = f"收来的“{table.title}”缺少表结构里的列。请重新运行 lingtouyan collect fetch。"
        raise RecordsError([error(table.path, 0, "not-collected", said)]) from None


def create_enums(connection: duckdb.DuckDBPyConnection, tables: Iterable[Table], prefix: str = "") -> None:
    """Create one ordered type per list of categories; `prefix` names the database where it is not the register."""
    made = {f.enum_type: f.categories for t in tables for f in t.fields if f.enum_type}
    for name, words in made.items():
        connection.execute(f"CREATE TYPE {prefix}{quote(name)} AS ENUM ({literals(words)})")


def create_typed(connection: duckdb.DuckDBPyConnection, package: Package) -> None:
    """Create `<table>` from `raw.<table>`: each cell in its type; a cell that does not fit is NULL there."""

    def create(own: duckdb.DuckDBPyConnection, table: Table) -> None:
        columns = ", ".join([*(f"{typed(f)} AS {quote(f.name)}" for f in table.fields), "_file", "_line"])
        own.execute(f"CREATE TABLE {quote(table.name)} AS SELECT {columns} FROM raw.{quote(table.name)}")

    side_by_side(connection, create, package.tables.values())


def create_descriptions(connection: duckdb.DuckDBPyConnection, package: Package) -> None:
    """Create `tables` and `fields`: the schemas as rows, so that pages and rules can ask about them."""
    said = attrgetter("name", "title", "description", "kind", "path", "parent", "property")
    tables = [
        (*said(t), list(t.primary_key), t.label, t.owner, t.schema_file, n)
        for n, t in enumerate(package.tables.values(), 1)
    ]
    fields = []
    for t in package.tables.values():
        for n, f in enumerate(t.fields, 1):
            words = [str(w) for w in f.categories or f.constraints.get("enum", ())]
            refers = next((k.table for k in t.foreign_keys if k.fields == (f.name,)), None)
            first = (t.name, f.name, f.title, f.description, f.type, f.sensitivity.name.lower())
            limits = (f.required, f.example, words, f.constraints.get("pattern"), f.name in t.primary_key)
            told = (own or common for own, common in zip(f.privacy, t.privacy, strict=True))
            fields.append((*first, *limits, refers, f.compartment, *told, n, t.schema_file, f.line))
    create_table(connection, "tables", tables)
    create_table(connection, "fields", fields)


def create_table(
    connection: duckdb.DuckDBPyConnection, name: str, rows: Sequence[Sequence[Any]] = ()
) -> None:
    """Create a table of `tables.sql`, or make it anew; its rows go in by one statement, column by column."""
    connection.execute(_OWN[name])
    if rows:
        values = [list(c) for c in zip(*rows, strict=True)]
        picks = ", ".join(f"unnest(${n})" for n in range(1, len(values) + 1))
        connection.execute(f"INSERT INTO {name} SELECT {picks}", values)


def create_build(
    connection: duckdb.DuckDBPyConnection,
    as_of: datetime.date,
    edition: str,
    commit: str,
    epoch: int,
    draft: bool,
    refs: str = "",
) -> None:
    """Create `build`: the one row of facts about this build."""
    time = datetime.datetime.fromtimestamp(epoch, datetime.UTC).replace(tzinfo=None)
    create_table(connection, "build", [(as_of, edition, commit, time, draft, refs)])


def one_select(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    """Return the statement when it is a single SELECT that only reads, and the same each time.

    Raises:
        SqlError: it is anything else.
    """
    return _checked(connection, sql).query.strip().rstrip(";")


def _checked(connection: duckdb.DuckDBPyConnection, sql: str) -> duckdb.Statement:
    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error as fault:
        raise SqlError(explain(fault), fault) from None
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise SqlError("只能写一条 SELECT 查询。")
    reason = refusal(connection, statements[0].query.strip().rstrip(";"))
    if reason:
        raise SqlError(reason)
    return statements[0]


def rows_of(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Run one SELECT from the tree and return (column names, rows).

    Raises:
        SqlError: refused, failed or gave too many rows.
    """
    statement = _checked(connection, sql)
    try:
        cursor = connection.execute(statement)
        names = [str(d[0]) for d in cursor.description or ()]
        rows = cursor.fetchmany(MAX_ROWS + 1)
    except duckdb.Error as fault:
        raise SqlError(explain(fault), fault) from None
    if len(rows) > MAX_ROWS:
        raise SqlError(f"查询结果超过 {MAX_ROWS:,} 行，已停止。")
    return names, rows


# Faults whose text tells values of the records: what kind it is is said, the values are not.
_TELLING = (
    duckdb.ConversionException,
    duckdb.OutOfRangeException,
    duckdb.ConstraintException,
    duckdb.DataError,
)


_LINE = re.compile(r"^LINE (\d+):", re.MULTILINE)
_UNKNOWN = re.compile(
    r"(?:Referenced (?:column|table) \"(.*?)\" not found|does not have a column named \"(.*?)\"|"
    r"(?:Table|Function) with name (\S+) does not exist)"
)
_MEANT = re.compile(r"^(?:Did you mean|Candidate (?:bindings|tables)).*", re.MULTILINE)


def explain(fault: duckdb.Error) -> str:
    """Say in the user's language what the database refused; its own first line follows for the maintainer.

    For a name that it does not know, the one that may be meant follows instead.
    """
    text = str(fault).strip()
    first = text.splitlines()[0] if text else ""
    hint = next((h for k, h in WORDING["sql"].items() if k in text), "查询出错")
    if isinstance(fault, _TELLING):
        return hint
    if isinstance(fault, duckdb.InvalidInputException):
        return hint if hint != "查询出错" else "查询中的函数得到了它不能处理的值"
    if unknown := _UNKNOWN.search(text):
        name, offered = next(filter(None, unknown.groups())), _MEANT.search(text)
        known = {*re.findall(r'"([^"]+)"', offered[0])} - {name} if offered else set()
        return f"{hint} {printable(name)}{did_you_mean(name, known)}"
    return f"{hint}（{first}）"
