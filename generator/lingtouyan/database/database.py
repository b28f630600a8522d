"""The register: all records in one DuckDB database, as text and typed, with what the engine knows of itself.

SQL from the tree runs in it after the doors are shut: no file, no network, no settings, one statement, bounded time.
"""

from __future__ import annotations

import datetime
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import duckdb

from lingtouyan.database.grammar import refusal
from lingtouyan.reading.documents import EMPTY
from lingtouyan.reading.package import Field, Package, Table
from lingtouyan.reading.records import Records

QUERY_SECONDS = 120.0
_MOST_OVERRUNS = 4
# Seconds that statements of the register opened last took in vain.
_OVERRUNS: list[float] = []
MAX_MEGABYTES = 4096
_TYPES = {"integer": "BIGINT", "year": "BIGINT", "number": "DOUBLE", "boolean": "BOOLEAN", "date": "DATE"}
_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
PLACE = {"_file": "VARCHAR", "_line": "INTEGER"}


Item = TypeVar("Item")
Made = TypeVar("Made")


class SqlError(Exception):
    """A statement from the tree was refused or failed; the text is for the user."""


def quote(name: str) -> str:
    """Quote an identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote a string literal."""
    return "'" + text.replace("'", "''") + "'"


def connect(
    path: str = ":memory:", *, read_only: bool = False, threads: int | None = None
) -> duckdb.DuckDBPyConnection:
    """Open a database with nothing loaded from outside, that takes no more than its share of the memory and no disk."""
    config: dict[str, Any] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
        "preserve_insertion_order": True,
        "memory_limit": f"{_memory_share()}MB",
        "temp_directory": "",
    }
    if threads is not None:
        config["threads"] = threads
    if path == ":memory:":
        _OVERRUNS.clear()
    return duckdb.connect(path, read_only=read_only, config=config)


def _memory_share() -> int:
    """Return how many megabytes a query of the tree may make the database use."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    return min(MAX_MEGABYTES, whole * 6 // 10)


def shut(connection: duckdb.DuckDBPyConnection) -> None:
    """Shut the doors: from here on no statement reaches files, network or settings."""
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def duckdb_type(field: Field) -> str:
    """Return the DuckDB type a field has in the register."""
    if field.enum_type:
        return quote(field.enum_type)
    return _array_type() if field.type == "array" else _TYPES.get(field.type, "VARCHAR")


def _array_type() -> str:
    return "VARCHAR[]"


def typed(field: Field, catalog: str = "") -> str:
    """Return the SQL expression that turns a raw cell into its type, NULL where it does not fit.

    Args:
        catalog: where its ordered type stands, when elsewhere: a name and a point.
    """
    cell = quote(field.name)
    if field.type == "boolean":
        true = field.descriptor.get("trueValues", ["true", "True", "TRUE", "1"])
        false = field.descriptor.get("falseValues", ["false", "False", "FALSE", "0"])
        return f"CASE WHEN {cell} IN ({_list(true)}) THEN true WHEN {cell} IN ({_list(false)}) THEN false END"
    if field.type == "array":
        return f"TRY_CAST(TRY_CAST({cell} AS JSON) AS VARCHAR[])"
    if field.type == "date":
        # The database knows a year 0, nobody else does.
        shape = f"regexp_full_match({cell}, {literal(_DATE)}) AND {cell} >= '0001'"
        return f"CASE WHEN {shape} THEN TRY_CAST({cell} AS DATE) END"
    if field.type == "year":
        return f"CASE WHEN regexp_full_match({cell}, '[0-9]{{4}}') THEN TRY_CAST({cell} AS BIGINT) END"
    if field.type == "integer":
        return f"CASE WHEN regexp_full_match({cell}, '[+-]?[0-9]+') THEN TRY_CAST({cell} AS BIGINT) END"
    if field.type == "number":
        number = f"TRY_CAST({cell} AS DOUBLE)"
        return f"CASE WHEN regexp_full_match({cell}, {literal(_NUMBER)}) AND isfinite({number}) THEN {number} END"
    return f"TRY_CAST({cell} AS {catalog}{duckdb_type(field)})" if field.enum_type else cell


def typed_columns(table: Table) -> str:
    """Return the columns of a typed table, as selected from the raw one."""
    return ", ".join([*(f"{typed(f)} AS {quote(f.name)}" for f in table.fields), "_file", "_line"])


def is_text(field: Field) -> bool:
    """Tell whether a field's typed value is the text itself."""
    return typed(field) == quote(field.name)


def _list(values: Iterable[str]) -> str:
    return ", ".join(literal(v) for v in values)


def load_raw(connection: duckdb.DuckDBPyConnection, package: Package, records: Records) -> None:
    """Create `raw.<table>`: every cell as text, with `_file` and `_line`."""
    connection.execute("CREATE SCHEMA raw")
    side_by_side(
        connection,
        lambda own, table: create_raw(own, f"raw.{quote(table.name)}", table, records),
        package.tables.values(),
    )


def beside(field: Field) -> str:
    """Return the name of the column that holds a field's typed value beside its text."""
    return f"{field.name}="


def create_raw(
    connection: duckdb.DuckDBPyConnection,
    target: str,
    table: Table,
    records: Records,
    more: Sequence[str] = (),
) -> None:
    """Create one table of text from what was read of it.

    Args:
        more: further columns, computed from the texts.
    """
    columns = {**PLACE, **{f.name: "VARCHAR" for f in table.fields}}
    parts = records.parts.get(table.name)
    if not parts:
        source = f"(SELECT * FROM (VALUES ({', '.join('NULL::' + t for t in columns.values())})) WHERE false)"
        source += f" AS t ({', '.join(map(quote, columns))})"
        connection.execute(f"CREATE TABLE {target} AS SELECT {', '.join(['*', *more])} FROM {source}")
        return
    listed = ", ".join(f"{literal(n)}: {literal(t)}" for n, t in columns.items())
    # The texts of no characters, which a CSV line cannot tell from missing ones, are put back.
    empty = [quote(f.name) for f in table.fields if "" not in table.missing(f)]
    changes = ", ".join(f"CASE WHEN {n} = {literal(EMPTY)} THEN '' ELSE {n} END AS {n}" for n in empty)
    source = (
        f"read_csv([{_list(map(str, parts))}], header = false, auto_detect = false, delim = ',', quote = '\"', "
        f"escape = '\"', nullstr = '', new_line = '\\n', max_line_size = 80000000, columns = {{{listed}}})"
    )
    if empty:
        source = f"(SELECT * REPLACE ({changes}) FROM {source})"
    connection.execute(f"CREATE TABLE {target} AS SELECT {', '.join(['*', *more])} FROM {source}")


def own_rows(connection: duckdb.DuckDBPyConnection, table: Table, schema: str = "raw") -> None:
    """Make `<schema>.<table>` a table of this database where it only shows the rows of another."""
    name = quote(table.name)
    shown = connection.execute(
        "SELECT 1 FROM duckdb_views() WHERE schema_name = $1 AND view_name = $2 AND NOT internal",
        [schema, table.name],
    ).fetchone()
    if shown:
        copy = quote(f"{table.name}+")
        connection.execute(f"CREATE TABLE {schema}.{copy} AS FROM {schema}.{name}")
        connection.execute(f"DROP VIEW {schema}.{name}")
        connection.execute(f"ALTER TABLE {schema}.{copy} RENAME TO {name}")


def create_enums(connection: duckdb.DuckDBPyConnection, package: Package, catalog: str = "") -> None:
    """Create one ordered type per list of categories, in this database or in an attached one (a name and a point)."""
    made: dict[str, tuple[str, ...]] = {}
    for table in package.tables.values():
        for field in table.fields:
            if field.enum_type and field.enum_type not in made:
                made[field.enum_type] = field.categories
                connection.execute(
                    f"CREATE TYPE {catalog}{quote(field.enum_type)} AS ENUM ({_list(field.categories)})"
                )


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


def create_typed(connection: duckdb.DuckDBPyConnection, package: Package) -> None:
    """Create `<table>` from `raw.<table>`: each cell in its type; a cell that does not fit is NULL there."""

    def create(own: duckdb.DuckDBPyConnection, table: Table) -> None:
        own.execute(
            f"CREATE TABLE {quote(table.name)} AS SELECT {typed_columns(table)} FROM raw.{quote(table.name)}"
        )

    side_by_side(connection, create, package.tables.values())


def create_descriptions(connection: duckdb.DuckDBPyConnection, package: Package) -> None:
    """Create `tables` and `fields`: the schemas as rows, so that pages and rules can ask about them."""
    connection.execute(
        "CREATE TABLE tables (name VARCHAR, title VARCHAR, description VARCHAR, kind VARCHAR, path VARCHAR, "
        "parent VARCHAR, property VARCHAR, primary_key VARCHAR[], label VARCHAR, owner VARCHAR, schema_file VARCHAR, "
        "ordinal INTEGER)"
    )
    connection.execute(
        "CREATE TABLE fields (table_name VARCHAR, name VARCHAR, title VARCHAR, description VARCHAR, type VARCHAR, "
        "sensitivity VARCHAR, required BOOLEAN, example VARCHAR, words VARCHAR[], pattern VARCHAR, in_key BOOLEAN, "
        "refers_to VARCHAR, ordinal INTEGER, _file VARCHAR, _line INTEGER)"
    )
    insert(
        connection,
        "tables",
        [
            (
                t.name,
                t.title,
                t.description,
                t.kind,
                t.path,
                t.parent,
                t.property,
                list(t.primary_key),
                t.label,
                t.owner,
                t.schema_file,
                n,
            )
            for n, t in enumerate(package.tables.values(), 1)
        ],
    )
    insert(
        connection,
        "fields",
        [_described(t, f, n) for t in package.tables.values() for n, f in enumerate(t.fields, 1)],
    )


def _described(table: Table, field: Field, ordinal: int) -> tuple[Any, ...]:
    words = field.categories or field.constraints.get("enum", ())
    refers = next((k.table for k in table.foreign_keys if k.fields == (field.name,)), None)
    return (
        table.name,
        field.name,
        field.title,
        field.description,
        field.type,
        field.sensitivity.name.lower(),
        field.required,
        field.example,
        [str(w) for w in words],
        field.constraints.get("pattern"),
        field.name in table.primary_key,
        refers,
        ordinal,
        table.schema_file,
        field.line,
    )


def insert(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows in one statement, column by column."""
    if not rows:
        return
    columns = [list(c) for c in zip(*rows, strict=True)]
    picks = ", ".join(f"unnest(${n})" for n in range(1, len(columns) + 1))
    connection.execute(f"INSERT INTO {quote(table)} SELECT {picks}", columns)


def create_build(
    connection: duckdb.DuckDBPyConnection,
    as_of: datetime.date,
    edition: str,
    commit: str,
    epoch: int,
    draft: bool,
) -> None:
    """Create `build`: the one row of facts about this build."""
    connection.execute(
        "CREATE OR REPLACE TABLE build (as_of DATE, edition VARCHAR, commit VARCHAR, commit_time TIMESTAMP, draft BOOLEAN)"
    )
    time = datetime.datetime.fromtimestamp(epoch, datetime.UTC).replace(tzinfo=None)
    connection.execute("INSERT INTO build VALUES (?, ?, ?, ?, ?)", [as_of, edition, commit, time, draft])


@contextmanager
def bounded(connection: duckdb.DuckDBPyConnection, seconds: float | None = None) -> Iterator[None]:
    """Interrupt what runs longer: a statement from the tree may be made to run for ever.

    After a few such ones of a register no other is begun: a tree can hold any number of them.
    """
    if len(_OVERRUNS) >= _MOST_OVERRUNS:
        raise duckdb.InterruptException(
            f"INTERRUPT Error: 前面已有 {_MOST_OVERRUNS} 条查询超时，这一条没有运行"
        )

    allowed = QUERY_SECONDS if seconds is None else seconds

    def ring() -> None:
        _OVERRUNS.append(allowed)
        connection.interrupt()

    timer = threading.Timer(allowed, ring)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        # The waiting thread holds the connection: were it the last to let go, it would take the whole database down
        # with it at the end of the program, and be killed while doing so.
        timer.join()


def one_select(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    """Return the statement when it is a single SELECT that only reads, and the same each time.

    Raises:
        SqlError: it is anything else.
    """
    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error as fault:
        raise SqlError(explain(fault)) from None
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise SqlError("只能写一条 SELECT 查询。")
    query = statements[0].query.strip().rstrip(";")
    reason = refusal(connection, query)
    if reason:
        raise SqlError(reason)
    return query


# Faults whose text tells values of the records: what kind it is is said, the values are not.
_TELLING = (
    duckdb.ConversionException,
    duckdb.OutOfRangeException,
    duckdb.ConstraintException,
    duckdb.DataError,
)
_KNOWN_FAULTS = (
    ("file system operations are disabled", "查询不能读写文件或访问网络"),
    ("configuration has been locked", "查询不能改设置"),
    ("More than one row returned by a subquery", "放在值的位置上的子查询给出了多行，只能给一行"),
    ("INTERRUPT", "查询用时过长，已停止"),
    ("Out of Memory", "查询用的内存过多，已停止"),
    ("Referenced column", "用到了没有的列"),
    ("does not exist", "用到了没有的表、列或函数"),
    ("Parser Error", "语法有误"),
    ("Conversion Error", "有的值不能转换成所要的类型，可用 TRY_CAST"),
    ("Out of Range", "有的值超出了类型的范围"),
)


def explain(fault: duckdb.Error) -> str:
    """Say in the user's language what the database refused; its own first line follows for the maintainer."""
    text = str(fault).strip()
    first = text.splitlines()[0] if text else ""
    hint = next((h for k, h in _KNOWN_FAULTS if k in text), "查询出错")
    if isinstance(fault, _TELLING):
        return hint
    if isinstance(fault, duckdb.InvalidInputException):
        return hint if hint != "查询出错" else "查询中的函数得到了它不能处理的值"
    return f"{hint}（{first}）"
