"""An edition as files anyone can use: a data package of CSV files, and the same as one DuckDB file.

The descriptor is plain Frictionless, so that any tool of that standard can check what we publish.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import duckdb

from lingtouyan.checks.register import Register
from lingtouyan.database.database import duckdb_type, literal, quote
from lingtouyan.database.editions import visible_table
from lingtouyan.database.statements import Statement, columns_of
from lingtouyan.earlier import stamp_of, take_over
from lingtouyan.problems import RecordsError, UsageError, error
from lingtouyan.reading.package import Field, ForeignKey, Package, Table

_STANDARD_TYPES = {
    "BIGINT": "integer",
    "INTEGER": "integer",
    "DOUBLE": "number",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "VARCHAR[]": "array",
}


# The database file holds memory that was never written: the C library fills what it hands out with the complement of
# this byte, and the database has an allocator of its own.
ZEROED = {
    "GLIBC_TUNABLES": "glibc.malloc.perturb=255",
    "DUCKDB_JE_MALLOC_CONF": "junk:false,zero:true",
    "PYTHONHASHSEED": "0",
    "LC_ALL": "C.UTF-8",
    "PATH": "/usr/bin:/bin",
}


class Export:
    """The data of one edition on its way to the disk; as a context, it is whole when left, or stopped on a fault.

    Attributes:
        digests: table or view -> digest of its CSV file, that is, of all it shows.
        made: hand it to the next build as `known`; complete when the context is left.
    """

    def __init__(
        self, folder: Path, digests: dict[str, str], last: Path | None, known: dict[str, Any]
    ) -> None:
        self.digests = digests
        self.made: dict[str, Any] = {}
        self._folder = folder
        self._last = last
        self._known = known
        self._process: subprocess.Popen[bytes] | None = None
        self._database = ""

    def settle(self, written: Collection[str]) -> None:
        """Take over the earlier files of what was written and shows the same as before; one file on the disk is enough."""
        before: dict[str, Any] = self._known.get("csv", {})
        for name in written:
            digest = self.digests[name]
            path = self._folder / f"{name}.csv"
            entry = before.get(name)
            if self._last and entry and entry[0] == digest:
                aside = path.with_suffix(".new")
                path.rename(aside)
                if take_over(self._last / path.name, path, entry[1]):
                    aside.unlink()
                else:
                    aside.rename(path)
        self.made["csv"] = {n: [d, stamp_of(self._folder / f"{n}.csv")] for n, d in self.digests.items()}

    def unchanged(self, name: str) -> bool:
        """Tell whether a table shows what it showed in the last build."""
        entry = self._known.get("csv", {}).get(name)
        return bool(entry) and entry[0] == self.digests.get(name)

    def load(self, order: dict[str, Any]) -> None:
        """Have the database file written by a process of its own, unless the last one was written of the same."""
        words = json.dumps([order, self.digests, duckdb.__version__], sort_keys=True)
        key = hashlib.blake2b(words.encode(), digest_size=16).hexdigest()
        self._database = str(order["file"])
        self.made["database"] = [key, None]
        before = self._known.get("database")
        if (
            self._last
            and before
            and before[0] == key
            and take_over(self._last / self._database, self._folder / self._database, before[1])
        ):
            return
        self._process = _start("duckdb_file.py", self._folder, order)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        process = self._process
        if process is not None and kind is not None:
            process.kill()
            process.communicate()
        elif process is not None:
            _answer(process, "数据库文件")
        if kind is None and self._database:
            self.made["database"][1] = stamp_of(self._folder / self._database)


def _start(script: str, folder: Path, order: dict[str, Any]) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-I", str(Path(__file__).with_name(script))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        env=ZEROED,
    )
    if process.stdin is not None:
        process.stdin.write(json.dumps(order).encode())
        process.stdin.close()
        process.stdin = None
    return process


def _answer(process: subprocess.Popen[bytes], what: str) -> bytes:
    answer, said = process.communicate()
    if process.returncode:
        raise UsageError(f"{what}无法生成：{said.decode('utf-8', 'replace').strip()[-300:]}")
    return answer


def export_edition(
    connection: duckdb.DuckDBPyConnection,
    database: Path,
    register: Register,
    package: Package,
    edition: str,
    folder: Path,
    *,
    created: str,
    last: Path | None = None,
    known: Mapping[str, Any] | None = None,
) -> Export:
    """Write `datapackage.json`, one CSV per table and view, and `<name>.duckdb`.

    Args:
        connection: the edition's database; nothing else is read.
        database: the file of that database.
        created: ISO time stamp of the build, for the descriptor.
        last: folder of the last build's data, if it can be taken over.
        known: what that build said of it (`Export.made`), kept where nobody else writes.

    Returns:
        What is under way, as a context: the folder is whole when it is left.

    Raises:
        RecordsError: rows the edition shows refer to rows it does not show.
    """
    folder.mkdir(parents=True)
    seen = {t.name: v for t in package.tables.values() if (v := visible_table(t, edition)) is not None}
    held = _columns(connection)
    selects: dict[str, str] = {}
    orders: list[str] = []
    types: dict[str, tuple[str, ...]] = {}
    for table in seen.values():
        types.update({f.enum_type: f.categories for f in table.fields if f.enum_type})
        columns = {f.name: _Column(duckdb_type(f), *_words(f), _missing(table, f)) for f in table.fields}
        selects[table.name] = _select(table.name, columns)
        orders.append(_order(table.name, columns))
    shown = [v for v in register.views if v.name in held]
    for view in shown:
        columns = {n: _Column(_plain(t)) for n, t in held[view.name].items()}
        selects[view.name] = _select(view.name, columns)
        orders.append(_order(view.name, columns))
    writing = (
        _start("csv_files.py", folder, {"database": str(database), "tables": selects}) if selects else None
    )
    resources = [_resource(t, seen) for t in seen.values()]
    resources += [_view_resource(v, held[v.name]) for v in shown]
    descriptor = {
        "name": f"{package.name}-{edition}" if package.name else edition,
        "title": package.title,
        "description": package.description,
        "created": created,
        "resources": resources,
    }
    text = json.dumps(descriptor, ensure_ascii=False, indent=1, default=str)
    (folder / "datapackage.json").write_text(text + "\n", encoding="utf-8")
    digests = json.loads(_answer(writing, "数据文件")) if writing else {}
    export = Export(folder, {n: digests[n] for n in selects}, last, dict(known or {}))
    for table in seen.values():
        for key in table.foreign_keys:
            # What was sound in the last build and shows the same is sound.
            if _refers(key, seen) and not (export.unchanged(table.name) and export.unchanged(key.table)):
                _refuse_dangling(connection, table, key, edition)
    export.settle(selects)
    statements = [
        f"CREATE TYPE {quote(n)} AS ENUM ({', '.join(literal(w) for w in words)})"
        for n, words in sorted(types.items())
    ]
    export.load({"file": f"{package.name or 'register'}.duckdb", "types": statements, "tables": orders})
    return export


@dataclass(frozen=True, slots=True)
class _Column:
    """How a column stands in a CSV file: its type in the database, its words for yes, no and no value."""

    kind: str
    true: str = "true"
    false: str = "false"
    missing: str = ""


def _words(field: Field) -> tuple[str, str]:
    true = field.descriptor.get("trueValues", ["true"])
    false = field.descriptor.get("falseValues", ["false"])
    return (true[0] if true else "true", false[0] if false else "false")


def _missing(table: Table, field: Field) -> str:
    """Return what stands for no value: nothing, unless an empty text is a value of that field."""
    words = table.missing(field)
    return "" if "" in words or not words else words[0]


def _plain(kind: str) -> str:
    """Return the type that a view's column has in the exported database."""
    return kind if kind in _STANDARD_TYPES or kind == "TIMESTAMP" else "VARCHAR"


def _select(name: str, columns: Mapping[str, _Column]) -> str:
    """Return the statement whose rows are the lines of a CSV file."""

    def cell(column: str, form: _Column) -> str:
        value = quote(column)
        if form.kind == "BOOLEAN":
            value = (
                f"CASE WHEN {value} THEN {literal(form.true)} WHEN NOT {value} THEN {literal(form.false)} END"
            )
        elif form.kind == "VARCHAR[]":
            value = f"CAST(to_json({value}) AS VARCHAR)"
        elif form.kind == "TIMESTAMP":
            value = f"strftime({value}, '%Y-%m-%dT%H:%M:%S')"
        # A line with nothing on it is no row to most readers.
        if form.missing or len(columns) == 1:
            value = f"coalesce(CAST({value} AS VARCHAR), {literal(form.missing)})"
        return f"{value} AS {quote(column)}"

    return f"SELECT {', '.join(cell(n, c) for n, c in columns.items())} FROM {quote(name)}"


def _order(name: str, columns: Mapping[str, _Column]) -> str:
    """Return the statement that loads one CSV file into a typed table."""
    read = ", ".join(f"{literal(n)}: 'VARCHAR'" for n in columns)

    def cast(column: str, form: _Column) -> str:
        cell = quote(column)
        if form.missing or len(columns) == 1:
            cell = f"nullif({cell}, {literal(form.missing)})"
        if form.kind == "BOOLEAN":
            value = (
                f"CASE {cell} WHEN {literal(form.true)} THEN true WHEN {literal(form.false)} THEN false END"
            )
        elif form.kind == "VARCHAR[]":
            value = f"CAST(CAST({cell} AS JSON) AS VARCHAR[])"
        else:
            value = f"CAST({cell} AS {form.kind})"
        return f"{value} AS {quote(column)}"

    picked = ", ".join(cast(n, c) for n, c in columns.items())
    return (
        f"CREATE TABLE {quote(name)} AS SELECT {picked} FROM read_csv({literal(name + '.csv')}, header = true, "
        f"auto_detect = false, delim = ',', quote = '\"', escape = '\"', nullstr = '', allow_quoted_nulls = false, "
        f"max_line_size = 80000000, columns = {{{read}}})"
    )


def _refers(key: ForeignKey, seen: Mapping[str, Table]) -> bool:
    return key.table in seen and {f.name for f in seen[key.table].fields}.issuperset(key.references)


def _columns(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    """Return table -> column -> type of everything in an edition's database."""
    result: dict[str, dict[str, str]] = {}
    for table, column, kind in connection.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal ORDER BY table_oid, column_index"
    ).fetchall():
        result.setdefault(table, {})[column] = str(kind)
    return result


def _resource(table: Table, seen: Mapping[str, Table]) -> dict[str, Any]:
    fields = []
    for field in table.fields:
        described = {k: v for k, v in field.descriptor.items() if k != "format" or v}
        if _missing(table, field):
            described["missingValues"] = [_missing(table, field)]
        fields.append({**described, "sensitivity": field.sensitivity.name.lower()})
    schema: dict[str, Any] = {"fields": fields}
    if table.primary_key:
        schema["primaryKey"] = list(table.primary_key)
    if keys := [k for k in table.foreign_keys if _refers(k, seen)]:
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


def _view_resource(view: Statement, columns: Mapping[str, str]) -> dict[str, Any]:
    declared = columns_of(view)
    fields = [
        {
            "name": n,
            "type": "datetime" if t == "TIMESTAMP" else _STANDARD_TYPES.get(t, "string"),
            "title": declared[n].title,
            "sensitivity": declared[n].sensitivity.name.lower(),
        }
        for n, t in columns.items()
    ]
    return _described(view.name, view.text("title", view.name), view.text("description"), {"fields": fields})
