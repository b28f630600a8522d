"""A new record from a few words: next number, right folder, required fields asked for by their titles.

Lists that follow from the record (a checklist, say) are filled by the query its schema names under `scaffold`.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from lingtouyan.checks.register import Register, build_register
from lingtouyan.checks.wording import Wording
from lingtouyan.commands.canonical import format_records, plain_value, scalar
from lingtouyan.database.asking import rows_of
from lingtouyan.database.database import SqlError, literal, quote
from lingtouyan.problems import Problem, Severity, UsageError, printable, quoted
from lingtouyan.project import Project
from lingtouyan.reading.csv import decode
from lingtouyan.reading.files import glob_regex, list_tree, static_prefix
from lingtouyan.reading.package import Field, Sensitivity, Table
from lingtouyan.templates.paths import slug

Ask = Callable[[Field, str], str]
"""Asks a person for one value; told the field, and what was wrong with the last answer."""


@dataclass
class NewRecord:
    """What was written.

    Attributes:
        problems: what the check says of the file now, and did not say before.
        checklist: title of a list, and what is still to be entered there once it is known.
    """

    file: str
    key: str
    problems: list[Problem] = field(default_factory=list)
    checklist: list[tuple[str, list[str]]] = field(default_factory=list)


def new_record(root: Path, table: str, given: Mapping[str, str], folder: str, ask: Ask | None) -> NewRecord:
    """Write one new record, if it meets its table's schema; else nothing.

    Args:
        root: the tree.
        table: its table; not a list inside documents.
        given: values by field name or title.
        folder: words that pick one folder where the table has several, or empty.
        ask: asks a person for a missing required value; None makes a missing value an error.

    Raises:
        UsageError: no such table or field, a value is missing or does not fit, the folder is not clear, the record exists.
    """
    project = Project.open(root)
    spec = project.package.tables.get(table)
    if spec is None or spec.parent or spec.kind == "markdown":
        usable = "、".join(
            t.name for t in project.package.tables.values() if not t.parent and t.kind != "markdown"
        )
        raise UsageError(f"{printable(table)} 不能新建。可用的表：{usable}")
    values = _named(spec, given)
    register = build_register(project, project.as_of(None))
    try:
        for name in spec.primary_key:
            if not values.get(name) and len(spec.primary_key) == 1:
                values[name] = _next_number(register, spec, name, str(project.as_of(None).year))
        missing = [
            f for f in spec.fields if (f.required or f.name in spec.primary_key) and not values.get(f.name)
        ]
        if missing and ask is None:
            listed = "\n".join(f"  {f.name}=…  {f.title}：{f.description}{_choices(f)}" for f in missing)
            raise UsageError(f"还缺必填的内容，请在命令后补上：\n{listed}")
        for field_ in missing:
            values[field_.name] = _asked(spec, field_, ask) if ask else ""
        key = [values.get(k, "") for k in spec.primary_key]
        if _exists(register, spec, key):
            raise UsageError(f"“{spec.title}”{printable('/'.join(key))} 已经存在。")
        _check_references(project, register, spec, values)
        file = _place(project, register, spec, values, folder)
        lists = _lists(project, register, spec, values)
    finally:
        register.connection.close()
    written, checklist = _complete(project, spec, lists)
    before = Counter((p.rule, p.column, p.message) for p in register.problems if p.file == file)
    path = project.root / file
    former = path.read_bytes() if path.is_file() else None
    try:
        _write(path, spec, values, written)
        _tidy(project.root, path)
        again = build_register(Project.open(root), project.as_of(None))
        rules = {r.id for r in again.rules}
        again.connection.close()
        found = []
        for problem in (p for p in again.problems if p.file == file):
            said = (problem.rule, problem.column, problem.message)
            before[said] -= 1
            if before[said] < 0:
                found.append(problem)
        formal = [p for p in found if p.rule not in rules and p.severity is Severity.ERROR]
        if formal:
            listed = "\n".join(f"  [{p.column}] {p.message}" for p in formal)
            raise UsageError(f"没有写入，内容还不合要求：\n{listed}")
    except BaseException:
        _restore(path, former)
        raise
    return NewRecord(file, "/".join(key), found, checklist)


def _restore(path: Path, former: bytes | None) -> None:
    if former is None:
        path.unlink(missing_ok=True)
    else:
        path.write_bytes(former)


def _tidy(root: Path, path: Path) -> None:
    done = format_records(root, [path])
    if done.left:
        raise UsageError(f"没有写入：{done.left[0][0]} 现在整理不了。{done.left[0][1]}")


def _asked(table: Table, field_: Field, ask: Ask) -> str:
    """Ask until the answer fits the field."""
    fault = ""
    while True:
        value = plain_value(field_, ask(field_, fault).strip())
        fault = _fault(table, field_, value)
        if not fault:
            return value


def _fault(table: Table, field_: Field, value: str) -> str:
    wording = Wording(table, field_)
    if not value:
        return wording.fault("required", None)
    enum, pattern = field_.constraints.get("enum"), field_.constraints.get("pattern")
    if enum and value not in map(str, enum):
        return wording.fault("enum", value)
    if pattern and not re.fullmatch(str(pattern), value):
        return wording.fault("pattern", value)
    shape = {"date": r"\d{4}-\d{2}-\d{2}", "integer": r"[+-]?\d+", "number": r"[+-]?\d+(\.\d+)?"}.get(
        field_.type
    )
    return wording.fault("type", value) if shape and not re.fullmatch(shape, value) else ""


def _complete(
    project: Project, table: Table, lists: Mapping[str, list[dict[str, Any]]]
) -> tuple[dict[str, list[dict[str, Any]]], list[tuple[str, list[str]]]]:
    """Part the items that are complete, which are written, from those of which more has to be known first."""
    written: dict[str, list[dict[str, Any]]] = {}
    checklist: list[tuple[str, list[str]]] = []
    for child in project.package.children.get(table.name, ()):
        items = lists.get(child.property, [])
        inherited = {*table.primary_key, "ordinal"}
        needed = [f for f in child.fields if f.required and f.name not in inherited]
        whole = [i for i in items if all(i.get(f.name) for f in needed)]
        if whole:
            written[child.property] = whole
        parts = [i for i in items if i not in whole]
        if parts:
            lacking = [f.title for f in needed if not all(i.get(f.name) for i in parts)]
            words = [str(i.get(child.label) or next(iter(i.values()), "")) for i in parts]
            checklist.append((f"{child.title}（{child.property}，另填{'、'.join(lacking)}）", words))
    return written, checklist


def _named(table: Table, given: Mapping[str, str]) -> dict[str, str]:
    titles = {f.title: f.name for f in table.fields}
    values = {}
    for name, value in given.items():
        known_field = table.field(titles.get(name, name))
        if known_field is None:
            known = "、".join(f"{f.name}（{f.title}）" for f in table.fields)
            raise UsageError(f"“{table.title}”没有 {printable(name)} 这一项。可用：{known}")
        if table.kind == "csv" and re.search(r"[\r\n]", value):
            raise UsageError(f"“{known_field.title}”不能换行：表格里一行是一条记录。")
        values[known_field.name] = plain_value(known_field, value)
    return values


def _choices(field_: Field) -> str:
    words = field_.constraints.get("enum")
    return f"（可填：{'、'.join(map(str, words))}）" if words else ""


def _next_number(register: Register, table: Table, name: str, year: str) -> str:
    """Continue the series of the largest key; a series that names a year begins anew with each year."""
    own = table.field(name)
    rows = register.connection.execute(
        f"SELECT {quote(name)} FROM raw.{quote(table.name)} WHERE {quote(name)} IS NOT NULL"
    ).fetchall()
    series: dict[str, tuple[int, int]] = {}
    for (key,) in [*rows, *([(own.example,)] if own and own.example and not rows else [])]:
        found = re.fullmatch(r"(.*?)(\d+)", key)
        # A key of digits and signs only (a date, a year) is no number of a series.
        if found and re.search(r"[^\W\d]", found[1]):
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


def _check_references(project: Project, register: Register, table: Table, values: Mapping[str, str]) -> None:
    """Refuse a record that names one which does not exist: it would not even be clear where it belongs."""
    for key in table.foreign_keys:
        given = [values.get(f, "") for f in key.fields]
        if not all(given) or key.table == table.name:
            continue
        condition = " AND ".join(f"{quote(r)} = ?" for r in key.references)
        sql = f"SELECT 1 FROM raw.{quote(key.table)} WHERE {condition} LIMIT 1"
        if register.connection.execute(sql, given).fetchone() is None:
            names = [f for f in table.fields if f.name in key.fields]
            hidden = any(f.sensitivity is Sensitivity.RESTRICTED for f in names)
            shown = "所填内容（不予显示）" if hidden else quoted("/".join(given))
            titles, target = "、".join(f.title for f in names), project.package.tables[key.table].title
            raise UsageError(f"“{titles}”填的 {shown} 在“{target}”里没有。请核对编号。")


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
            names, rows = rows_of(register.connection, sql)
            result[child.property] = [
                {n: str(v) for n, v in zip(names, row, strict=True) if v is not None} for row in rows
            ]
        except SqlError as fault:
            raise UsageError(f"{child.schema_file} 的 scaffold 查询无法运行：{fault}") from None
    return result


def _write(
    path: Path, table: Table, values: Mapping[str, str], lists: Mapping[str, list[dict[str, Any]]]
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if table.kind == "csv":
        titles = {f.title: f.name for f in table.fields}
        head = ",".join(f.name for f in table.fields)
        before = decode(path.read_bytes(), path.name)[0] if path.is_file() else f"{head}\n"
        labels = next(csv.reader([before.partition("\n")[0]]), [])
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([values.get(titles.get(x.strip(), x.strip()), "") for x in labels])
        _put(path, before + ("" if before.endswith("\n") else "\n") + stream.getvalue())
        return
    if path.exists() or path.is_symlink():
        raise UsageError(f"文件 {path.name} 已经存在。")
    lines = [f"{f.name}: {scalar(values[f.name])}" for f in table.fields if values.get(f.name)]
    for name, items in lists.items():
        if "." in name or not items:
            continue
        lines.append(f"{name}:")
        lines += [f"  - {{{', '.join(f'{k}: {scalar(v)}' for k, v in item.items())}}}" for item in items]
    _put(path, "\n".join(lines) + "\n")


def _put(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
