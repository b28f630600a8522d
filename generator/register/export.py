"""An edition as files anyone can use: a data package of CSV files, and the same as one DuckDB file.

The descriptor is plain Frictionless, so that any tool of that standard can check what we publish.
"""

from __future__ import annotations

import csv
import datetime
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import duckdb

from generator.problems import RecordsError, UsageError, error
from generator.reading.package import Field, ForeignKey, Package, Table
from generator.register.building import Register
from generator.register.database import duckdb_type, literal, quote
from generator.register.editions import visible_table
from generator.register.statements import Statement, columns_of

_STANDARD_TYPES = {
    "BIGINT": "integer",
    "INTEGER": "integer",
    "DOUBLE": "number",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "VARCHAR[]": "array",
}


class Pending:
    """A database file that a process of its own is writing; leaving the context waits for it, or stops it on a fault."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._process.kill()
            self._process.communicate()
        else:
            self._finish()

    def _finish(self) -> None:
        _, said = self._process.communicate()
        if self._process.returncode:
            raise UsageError(f"数据库文件无法生成：{said.decode('utf-8', 'replace').strip()[-300:]}")


def export_edition(
    connection: duckdb.DuckDBPyConnection,
    register: Register,
    package: Package,
    edition: str,
    folder: Path,
    *,
    created: str,
) -> Pending:
    """Write `datapackage.json`, one CSV per table and view, and `<name>.duckdb`.

    Args:
        connection: the edition's database; nothing else is read.
        created: ISO time stamp of the build, for the descriptor.

    Returns:
        The process that writes the DuckDB file, as a context: the folder is whole when it is left.

    Raises:
        RecordsError: rows the edition shows refer to rows it does not show.
    """
    folder.mkdir(parents=True)
    resources: list[dict[str, Any]] = []
    orders: list[dict[str, str]] = []
    seen = {t.name: v for t in package.tables.values() if (v := visible_table(t, edition)) is not None}
    types: dict[str, tuple[str, ...]] = {}
    for table in seen.values():
        columns = {f.name: duckdb_type(f) for f in table.fields}
        types.update({f.enum_type: f.categories for f in table.fields if f.enum_type})
        _write_csv(connection, table.name, [(f.name, _words(f)) for f in table.fields], folder)
        resources.append(_resource(table, seen, connection, edition))
        orders.append(_order(table.name, columns, {f.name: _words(f) for f in table.fields}))
    for view in register.views:
        columns = _view_columns(connection, view.name)
        if columns:
            _write_csv(connection, view.name, [(n, ("true", "false")) for n in columns], folder)
            resources.append(_view_resource(view, columns))
            plain = {
                n: t if t in _STANDARD_TYPES or t == "TIMESTAMP" else "VARCHAR" for n, t in columns.items()
            }
            orders.append(_order(view.name, plain, dict.fromkeys(columns, ("true", "false"))))
    descriptor = {
        "name": f"{package.name}-{edition}" if package.name else edition,
        "title": package.title,
        "description": package.description,
        "created": created,
        "resources": resources,
    }
    text = json.dumps(descriptor, ensure_ascii=False, indent=1, default=str)
    (folder / "datapackage.json").write_text(text + "\n", encoding="utf-8")
    return _write_database(folder, package.name or "register", types, orders)


def _words(field: Field) -> tuple[str, str]:
    true = field.descriptor.get("trueValues", ["true"])
    false = field.descriptor.get("falseValues", ["false"])
    return (true[0] if true else "true", false[0] if false else "false")


def _write_csv(
    connection: duckdb.DuckDBPyConnection, name: str, columns: list[tuple[str, tuple[str, str]]], folder: Path
) -> None:
    picked = ", ".join(quote(n) for n, _ in columns)
    rows = connection.execute(f"SELECT {picked} FROM {quote(name)}").fetchall()
    words = [w for _, w in columns]
    with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([n for n, _ in columns])
        writer.writerows([_cell(v, w) for v, w in zip(row, words, strict=True)] for row in rows)


def _cell(value: Any, words: tuple[str, str]) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return words[0] if value else words[1]
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S")
    return value


def _resource(
    table: Table, seen: dict[str, Table], connection: duckdb.DuckDBPyConnection, edition: str
) -> dict[str, Any]:
    fields = [
        {
            **{k: v for k, v in f.descriptor.items() if k != "format" or v},
            "sensitivity": f.sensitivity.name.lower(),
        }
        for f in table.fields
    ]
    schema: dict[str, Any] = {"fields": fields}
    if table.primary_key:
        schema["primaryKey"] = list(table.primary_key)
    keys = [
        k
        for k in table.foreign_keys
        if k.table in seen and {f.name for f in seen[k.table].fields}.issuperset(k.references)
    ]
    for key in keys:
        _refuse_dangling(connection, table, key, edition)
    if keys:
        schema["foreignKeys"] = [
            {
                "fields": list(k.fields),
                "reference": {
                    "resource": "" if k.table == table.name else k.table,
                    "fields": list(k.references),
                },
            }
            for k in keys
        ]
    return {
        "name": table.name,
        "title": table.title,
        "description": table.description,
        "type": "table",
        "path": f"{table.name}.csv",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "schema": schema,
    }


def _refuse_dangling(
    connection: duckdb.DuckDBPyConnection, table: Table, key: ForeignKey, edition: str
) -> None:
    joined = " AND ".join(
        f"t.{quote(a)}::VARCHAR IS NOT DISTINCT FROM o.{quote(b)}::VARCHAR"
        for a, b in zip(key.fields, key.references, strict=True)
    )
    some = " OR ".join(f"t.{quote(f)} IS NOT NULL" for f in key.fields)
    query = (
        f"SELECT count(*) FROM {quote(table.name)} t ANTI JOIN {quote(key.table)} o ON {joined} WHERE {some}"
    )
    count = (connection.execute(query).fetchone() or (0,))[0]
    if count:
        raise RecordsError(
            [
                error(
                    table.schema_file,
                    1,
                    "schema-error",
                    f"{edition} 版中“{table.title}”有 {count} 行引用了该版不显示的 {key.table}。"
                    f"请让两张表的 rows.{edition} 条件一致。",
                )
            ]
        )


def _view_columns(connection: duckdb.DuckDBPyConnection, name: str) -> dict[str, str]:
    rows = connection.execute(
        "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ? ORDER BY column_index",
        [name],
    ).fetchall()
    return {r[0]: str(r[1]) for r in rows}


def _view_resource(view: Statement, columns: dict[str, str]) -> dict[str, Any]:
    declared = columns_of(view)
    return {
        "name": view.name,
        "title": view.text("title", view.name),
        "description": view.text("description"),
        "type": "table",
        "path": f"{view.name}.csv",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "schema": {
            "fields": [
                {
                    "name": n,
                    "type": "datetime" if t == "TIMESTAMP" else _STANDARD_TYPES.get(t, "string"),
                    "title": declared[n].title,
                    "sensitivity": declared[n].sensitivity.name.lower(),
                }
                for n, t in columns.items()
            ]
        },
    }


def _order(name: str, columns: dict[str, str], words: dict[str, tuple[str, str]]) -> dict[str, str]:
    """Return the statement that loads one CSV file into a typed table."""
    read = ", ".join(f"{literal(n)}: 'VARCHAR'" for n in columns)

    def cast(column: str, kind: str) -> str:
        if kind == "BOOLEAN":
            true, false = words[column]
            return f"CASE {quote(column)} WHEN {literal(true)} THEN true WHEN {literal(false)} THEN false END AS {quote(column)}"
        if kind == "VARCHAR[]":
            return f"CAST(CAST({quote(column)} AS JSON) AS VARCHAR[]) AS {quote(column)}"
        return f"CAST({quote(column)} AS {kind}) AS {quote(column)}"

    picked = ", ".join(cast(n, t) for n, t in columns.items())
    return {
        "create": f"CREATE TABLE {quote(name)} AS SELECT {picked} FROM read_csv({literal(name + '.csv')}, header = true, "
        f"auto_detect = false, delim = ',', quote = '\"', escape = '\"', nullstr = '', max_line_size = 80000000, "
        f"columns = {{{read}}})"
    }


def _write_database(
    folder: Path, name: str, types: dict[str, tuple[str, ...]], tables: list[dict[str, str]]
) -> Pending:
    order = {
        "file": f"{name}.duckdb",
        "types": [
            f"CREATE TYPE {quote(n)} AS ENUM ({', '.join(literal(w) for w in words)})"
            for n, words in sorted(types.items())
        ],
        "tables": tables,
    }
    script = Path(__file__).with_name("duckdb_file.py")
    process = subprocess.Popen(
        [sys.executable, "-I", str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin"},
    )
    if process.stdin is not None:
        process.stdin.write(json.dumps(order).encode())
        process.stdin.close()
        process.stdin = None
    return Pending(process)
