"""An edition as files anyone can use: a data package of CSV files, and the same tables as Parquet.

The descriptor is plain Frictionless, so that any tool of that standard can check what we publish.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from lingtouyan.database.database import columns_in, connect, dangling_rows, literal, quote, side_by_side
from lingtouyan.database.editions import visible_table
from lingtouyan.database.statements import Statement, columns_of
from lingtouyan.problems import RecordsError, error
from lingtouyan.reading.package import Field, ForeignKey, Package, Table

_STANDARD_TYPES = {
    "BIGINT": "integer",
    "INTEGER": "integer",
    "DOUBLE": "number",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "datetime",
    "VARCHAR[]": "array",
}
# What `finding_counts` holds.
COUNTS = {
    "rule": {"title": "规则", "type": "string"},
    "rule_title": {"title": "规则名称", "type": "string"},
    "severity": {"title": "轻重", "type": "string"},
    "findings": {"title": "条数", "type": "integer"},
}
_COUNTED = (
    "(SELECT rule, coalesce(any_value(r.title), rule) AS rule_title, f.severity, count(*) AS findings "
    "FROM findings f LEFT JOIN rules r USING (rule) GROUP BY rule, f.severity ORDER BY ALL)"
)
_CSV = "FORMAT csv, HEADER true, DELIMITER ',', QUOTE '\"', ESCAPE '\"', NULLSTR ''"
_PARQUET = "FORMAT parquet, COMPRESSION zstd"


def export_edition(
    database: Path, views: Sequence[Statement], package: Package, edition: str, folder: Path, *, created: str
) -> None:
    """Write `datapackage.json`, and one CSV and one Parquet file per table and view.

    Args:
        database: the file of the edition's database; nothing else is read.
        views: the register's views.
        folder: is made.
        created: ISO time stamp of the build, for the descriptor.

    Raises:
        RecordsError: rows the edition shows refer to rows it does not show.
    """
    folder.mkdir(parents=True)
    seen = {t.name: v for t in package.tables.values() if (v := visible_table(t, edition)) is not None}
    # A connection of its own, with open doors: it runs no SQL of the tree. One core a file, for the same bytes anywhere.
    with connect(threads=1) as connection:
        connection.execute(f"ATTACH {literal(str(database))} AS edition (READ_ONLY)")
        connection.execute("USE edition")
        held = columns_in(connection)
        resources: list[dict[str, Any]] = []
        cells: dict[str, dict[str, str]] = {}
        for table in seen.values():
            keys = [
                k
                for k in table.foreign_keys
                if k.table in seen and all(map(seen[k.table].field, k.references))
            ]
            for key in keys:
                _refuse_dangling(connection, table, key, seen[key.table], edition)
            resources.append(_resource(table, keys))
            kinds = held[table.name]
            cells[table.name] = {
                f.name: _cell(f.name, kinds[f.name], len(table.fields), words(f), _missing(table, f))
                for f in table.fields
            }
        for view in (v for v in views if v.name in held):
            kinds = held[view.name]
            resources.append(_view_resource(view, kinds))
            cells[view.name] = {n: _cell(n, t, len(kinds)) for n, t in kinds.items()}

        sources = {name: quote(name) for name in cells}
        if {"findings", "rules"} <= held.keys():
            # How good the records are, without a word of any: for who puts several such packages together.
            name, columns = "finding_counts", {t: quote(t) for t in COUNTS}
            fields = [{"name": n, "sensitivity": "internal", **f} for n, f in COUNTS.items()]
            resources.append(_described(name, "检查结果汇总", "按规则和轻重计数。", {"fields": fields}))
            sources[name], cells[name] = _COUNTED, columns

        def write(own: duckdb.DuckDBPyConnection, name: str) -> None:
            # A cursor begins in the database that the connection was opened with.
            own.execute("USE edition")
            target, source = literal(str(folder / name))[:-1], sources[name]
            columns, values = ", ".join(map(quote, cells[name])), ", ".join(cells[name].values())
            own.execute(f"COPY (SELECT {values} FROM {source}) TO {target}.csv' ({_CSV})")
            own.execute(f"COPY (SELECT {columns} FROM {source}) TO {target}.parquet' ({_PARQUET})")

        side_by_side(connection, write, cells)
    for resource in resources:
        # What was published can be told from what was made of it later.
        resource |= _digested(folder / resource["path"])
        binary = (folder / resource["path"]).with_suffix(".parquet")
        resource["parquet"] = {"path": binary.name, **_digested(binary)}
    descriptor = {
        "name": f"{package.name}-{edition}" if package.name else edition,
        "title": package.title,
        "description": package.description,
        "created": created,
        "resources": resources,
    }
    text = json.dumps(descriptor, ensure_ascii=False, indent=1, default=str)
    (folder / "datapackage.json").write_text(text + "\n", encoding="utf-8")


def _digested(file: Path) -> dict[str, Any]:
    return {"bytes": file.stat().st_size, "hash": digest_of(file)}


def digest_of(file: Path) -> str:
    """Return the digest of a file, as a data package tells it."""
    with file.open("rb") as stream:
        return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"


def words(field: Field) -> tuple[str, str]:
    """Return how yes and no are written in a field."""
    yes, no = field.yes_and_no
    return yes[0], no[0]


def _missing(table: Table, field: Field) -> str:
    """Return what stands for no value: nothing, unless an empty text is a value of that field."""
    words = table.missing(field)
    return "" if "" in words or not words else words[0]


def _cell(
    name: str, kind: str, width: int, yes_no: tuple[str, str] = ("true", "false"), missing: str = ""
) -> str:
    """Return the SQL expression for a cell of a CSV file.

    Args:
        kind: the column's type; `width` how many columns its table has.
        yes_no: what stands for yes and no; `missing` for no value.
    """
    value = as_text(quote(name), kind, yes_no)
    # A line with nothing on it is no row to most readers.
    if missing or width == 1:
        value = f"coalesce(CAST({value} AS VARCHAR), {literal(missing)})"
    return f"{value} AS {quote(name)}"


def as_text(value: str, kind: str, yes_no: tuple[str, str]) -> str:
    """Return the SQL expression that writes a value of a type as records have it, where the database writes it otherwise."""
    if kind == "BOOLEAN":
        yes, no = map(literal, yes_no)
        return f"CASE WHEN {value} THEN {yes} WHEN NOT {value} THEN {no} END"
    if kind == "VARCHAR[]":
        return f"CAST(to_json({value}) AS VARCHAR)"
    return f"strftime({value}, '%Y-%m-%dT%H:%M:%S')" if kind == "TIMESTAMP" else value


def _resource(table: Table, keys: Sequence[ForeignKey]) -> dict[str, Any]:
    fields = []
    for field in table.fields:
        described = {k: v for k, v in field.descriptor.items() if k != "format" or v}
        if missing := _missing(table, field):
            described["missingValues"] = [missing]
        fields.append({**described, "sensitivity": field.sensitivity.name.lower()})
    schema: dict[str, Any] = {"fields": fields}
    if table.primary_key:
        schema["primaryKey"] = list(table.primary_key)
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
    return _described(table.name, table.title, table.description, schema)


def _view_resource(view: Statement, columns: Mapping[str, str]) -> dict[str, Any]:
    declared = columns_of(view)
    fields = [
        {
            "name": n,
            "type": _STANDARD_TYPES.get(t, "string"),
            "title": declared[n].title,
            "sensitivity": declared[n].sensitivity.name.lower(),
        }
        for n, t in columns.items()
    ]
    return _described(view.name, view.text("title", view.name), view.text("description"), {"fields": fields})


def _described(name: str, title: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "title": title,
        "description": description,
        "type": "table",
        "path": f"{name}.csv",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "schema": schema,
    }


def _refuse_dangling(
    connection: duckdb.DuckDBPyConnection, table: Table, key: ForeignKey, target: Table, edition: str
) -> None:
    query = f"SELECT count(*) FROM {dangling_rows(table, key, target)}"
    (count,) = connection.execute(query).fetchone() or (0,)
    if count:
        message = (
            f"{edition} 版中“{table.title}”有 {count} 行引用了该版不显示的 {key.table}。"
            f"请让两张表的 rows.{edition} 条件一致。"
        )
        raise RecordsError([error(table.schema_file, 1, "schema-error", message)])
