"""A new record from a few words: next number, right folder, required fields asked for by their titles.

Lists that follow from the record (a checklist, say) are filled by the query its schema names under `scaffold`.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import duckdb

from generator.exchange.canonical import format_records, plain_value, scalar
from generator.problems import Problem, UsageError
from generator.project import Project
from generator.reading.files import glob_regex, list_tree, static_prefix
from generator.reading.package import Field, Table
from generator.register.building import Register, build_register
from generator.register.database import SqlError, bounded, explain, literal, one_select, quote
from generator.rendering.paths import slug

Ask = Callable[[Field], str]


def new_record(
    root: Path, table: str, given: Mapping[str, str], folder: str, ask: Ask | None
) -> tuple[str, str, list[Problem]]:
    """Write one new record.

    Args:
        root: the tree.
        table: its table; not a list inside documents.
        given: values by field name or title.
        folder: words that pick one folder where the table has several, or empty.
        ask: asks a person for a missing required value; None makes a missing value an error.

    Returns:
        The file, the key, and what the check says of that file now.

    Raises:
        UsageError: no such table or field, a value is missing, the folder is not clear, the record exists.
    """
    project = Project.open(root)
    spec = project.package.tables.get(table)
    if spec is None or spec.parent or spec.kind == "markdown":
        usable = "、".join(
            t.name for t in project.package.tables.values() if not t.parent and t.kind != "markdown"
        )
        raise UsageError(f"{table} 不能新建。可用的表：{usable}")
    values = _named(spec, given)
    register = build_register(project, project.as_of(None))
    try:
        for name in spec.primary_key:
            if not values.get(name) and len(spec.primary_key) == 1:
                values[name] = _next_number(register, spec, name, str(project.as_of(None).year))
        missing = [f for f in spec.fields if f.required and not values.get(f.name)]
        if missing and ask is None:
            listed = "\n".join(f"  {f.name}=…  {f.title}：{f.description}{_choices(f)}" for f in missing)
            raise UsageError(f"还缺必填的内容，请在命令后补上：\n{listed}")
        for field in missing:
            values[field.name] = plain_value(field, ask(field)) if ask else ""
        key = [values.get(k, "") for k in spec.primary_key]
        if _exists(register, spec, key):
            raise UsageError(f"“{spec.title}”{'/'.join(key)} 已经存在。")
        file = _place(project, register, spec, values, folder)
        lists = _lists(project, register, spec, values)
    finally:
        register.connection.close()
    _write(project.root / file, spec, values, lists)
    format_records(project.root, [project.root / file])
    again = Project.open(root)
    problems = [p for p in build_register(again, again.as_of(None)).problems if p.file == file]
    return file, "/".join(key), problems


def _named(table: Table, given: Mapping[str, str]) -> dict[str, str]:
    titles = {f.title: f.name for f in table.fields}
    values = {}
    for name, value in given.items():
        field = table.field(titles.get(name, name))
        if field is None:
            known = "、".join(f"{f.name}（{f.title}）" for f in table.fields)
            raise UsageError(f"“{table.title}”没有 {name} 这一项。可用：{known}")
        values[field.name] = plain_value(field, value)
    return values


def _choices(field: Field) -> str:
    words = field.constraints.get("enum")
    return f"（可填：{'、'.join(map(str, words))}）" if words else ""


def _next_number(register: Register, table: Table, name: str, year: str) -> str:
    """Continue the series of the largest key; a series that names a year begins anew with each year."""
    field = table.field(name)
    rows = register.connection.execute(
        f"SELECT {quote(name)} FROM raw.{quote(table.name)} WHERE {quote(name)} IS NOT NULL"
    ).fetchall()
    series: dict[str, tuple[int, int]] = {}
    for (key,) in [*rows, *([(field.example,)] if field and field.example and not rows else [])]:
        found = re.fullmatch(r"(.*?)(\d+)", key)
        if found:
            number = int(found[2]) if rows else 0
            series[found[1]] = max(series.get(found[1], (0, 0)), (number, len(found[2])))
    if not series:
        return ""
    prefix = max(series)
    dated = re.sub(r"(19|20)\d{2}", year, prefix)
    number, width = series.get(dated, (0, series[prefix][1]))
    return f"{dated}{number + 1:0{width}d}"


def _exists(register: Register, table: Table, key: list[str]) -> bool:
    condition = " AND ".join(f"{quote(k)} = ?" for k in table.primary_key)
    found = register.connection.execute(
        f"SELECT 1 FROM raw.{quote(table.name)} WHERE {condition}", key
    ).fetchone()
    return found is not None


def _place(project: Project, register: Register, table: Table, values: Mapping[str, str], wanted: str) -> str:
    """Return the file: where the table has one folder for each part of the city, that of the records it refers to."""
    path = PurePosixPath(table.path)
    if table.kind == "csv" and "*" in path.name:
        # Rows of several files in one folder: the file itself is what must be named.
        pattern = glob_regex(table.path)
        files = [f for f in list_tree(project.root, [static_prefix(table.path)]).files if pattern.match(f)]
        near = _referred_files(register, table, values)
        fitting = [f for f in files if (wanted in f if wanted else f in near)]
        if len(fitting) != 1:
            raise UsageError(
                f"不清楚该放进哪个文件，请用 --in 写明（写出能区分的几个字即可）：{'、'.join(files)}"
            )
        return fitting[0]
    leaf = (
        path.name
        if "*" not in path.name
        else path.name.replace("*", slug("-".join(values[k] for k in table.primary_key)))
    )
    if "*" not in str(path.parent):
        return str(path.parent / leaf)
    pattern = glob_regex(str(path.parent))
    files = list(list_tree(project.root, [static_prefix(table.path)]).files)
    parents = {str(p) for f in files for p in PurePosixPath(f).parents if pattern.match(str(p))}
    depth = len(PurePosixPath(static_prefix(table.path)).parts) + 1
    tops = {"/".join(PurePosixPath(f).parts[:depth]) for f in files}
    parents |= {str(PurePosixPath(t, *path.parent.parts[depth:])) for t in tops}
    near = {"/".join(PurePosixPath(f).parts[:depth]) for f in _referred_files(register, table, values)}
    fitting = sorted(
        p for p in parents if (wanted in p if wanted else any(p.startswith(f"{n}/") or p == n for n in near))
    )
    if len(fitting) != 1:
        options = "、".join(sorted(tops)) or static_prefix(table.path)
        raise UsageError(f"不清楚该放进哪个文件夹，请用 --in 写明（写出能区分的几个字即可）：{options}")
    return f"{fitting[0]}/{leaf}"


def _referred_files(register: Register, table: Table, values: Mapping[str, str]) -> set[str]:
    found: set[str] = set()
    for key in table.foreign_keys:
        given = [values.get(f, "") for f in key.fields]
        if all(given):
            condition = " AND ".join(f"{quote(r)} = ?" for r in key.references)
            rows = register.connection.execute(
                f"SELECT _file FROM raw.{quote(key.table)} WHERE {condition}", given
            ).fetchall()
            found.update(r[0] for r in rows)
    return found


def _lists(
    project: Project, register: Register, table: Table, values: Mapping[str, str]
) -> dict[str, list[dict[str, Any]]]:
    result: dict[str, list[dict[str, Any]]] = {}
    for child in project.package.children.get(table.name, ()):
        if not child.scaffold:
            continue
        # Values stand in as literals: the query is the schema's, and names them as $field.
        sql = re.sub(
            r"\$(\w+)", lambda m: literal(values[m[1]]) if values.get(m[1]) else "NULL", child.scaffold
        )
        try:
            with bounded(register.connection):
                cursor = register.connection.execute(one_select(register.connection, sql))
                names = [d[0] for d in cursor.description or ()]
                result[child.property] = [
                    {n: str(v) for n, v in zip(names, row, strict=True) if v is not None}
                    for row in cursor.fetchall()
                ]
        except (SqlError, duckdb.Error) as fault:
            said = explain(fault) if isinstance(fault, duckdb.Error) else str(fault)
            raise UsageError(f"{child.schema_file} 的 scaffold 查询无法运行：{said}") from None
    return result


def _write(
    path: Path, table: Table, values: Mapping[str, str], lists: Mapping[str, list[dict[str, Any]]]
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if table.kind == "csv":
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        names = [f.name for f in table.fields]
        before = path.read_text(encoding="utf-8") if path.is_file() else ",".join(names) + "\n"
        writer.writerow([values.get(n, "") for n in names])
        path.write_text(
            before + ("" if before.endswith("\n") else "\n") + stream.getvalue(), encoding="utf-8"
        )
        return
    lines = [f"{n}: {scalar(values[n])}" for n in (f.name for f in table.fields) if values.get(n)]
    for name, items in lists.items():
        if "." in name or not items:
            continue
        lines.append(f"{name}:")
        lines += [f"  - {{{', '.join(f'{k}: {scalar(v)}' for k, v in item.items())}}}" for item in items]
    if path.exists():
        raise UsageError(f"文件 {path.name} 已经存在。")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
