"""`new`: a record from a few words: next number, right folder, required fields asked for by their titles.

Lists that follow from the record (a checklist, say) are filled by the query its schema names under `scaffold`.
"""

from __future__ import annotations

import csv
import datetime
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from lingtouyan.checks.messages import plain_value, value_fault
from lingtouyan.checks.register import Register, build_register
from lingtouyan.database.database import SqlError, literal, quote, rows_of
from lingtouyan.exchange.records import next_number
from lingtouyan.exchange.writing import as_item, canonical, document, text_of
from lingtouyan.exchange.writing import replace as write_whole
from lingtouyan.problems import Problem, Severity, UsageError, printable, quoted
from lingtouyan.project import Project
from lingtouyan.reading.csv import csv_text
from lingtouyan.reading.named import find_field, find_table
from lingtouyan.reading.package import Field, ForeignKey, Sensitivity, Table
from lingtouyan.reading.source import Overlaid, static_prefix
from lingtouyan.reading.yaml import Mapping as Document
from lingtouyan.sealing.keys import open_keys
from lingtouyan.sealing.values import change_document, closing, restricted
from lingtouyan.templates.templates import slug

Ask = Callable[[Field, str], str]
"""Asks a person for one value; told the field, and what was wrong with the last answer."""
Lists = Mapping[str, list[dict[str, Any]]]
"""Property -> the items of a list inside the new document."""


@dataclass
class NewRecord:
    """What was written, what the check says of it, and by title of a list what is still to be entered there."""

    file: str
    key: str
    problems: list[Problem] = field(default_factory=list)
    checklist: list[tuple[str, list[str]]] = field(default_factory=list)


def new_record(root: Path, table: str, given: Mapping[str, str], folder: str, ask: Ask | None) -> NewRecord:
    """Write one new record, if it meets its table's schema; else nothing.

    Args:
        given: values by field name or title.
        folder: words that pick one folder where the table has several, or empty.
        ask: asks a person for a missing required value; None makes a missing value an error.

    Raises:
        UsageError: no such table or field, a value is missing or does not fit, the folder is not clear, the record exists.
    """
    project = Project.open(root)
    usable = [t for t in project.package.tables.values() if not t.parent and t.kind in ("csv", "yaml")]
    spec = find_table(usable, table, "{} 不能新建")
    as_of = project.as_of(None)
    register = build_register(project, as_of)
    draft = _Draft(project, register, spec, folder)
    try:
        draft.values.update((name, draft.meant(name, text)) for name, text in _named(spec, given).items())
        draft.fill(as_of, ask)
        file = file_of(project, spec, draft.values, folder, draft.referred(), ask)
        written, checklist = draft.lists()
    finally:
        register.connection.close()
    item = _item(draft.values)
    keys = open_keys(project)
    if any(item.get(f.name) for f in restricted(spec)):
        keys.homes[spec.name, "/".join(draft.values[k] for k in spec.primary_key)] = file
    change_document(project.package, spec, item, *closing(keys, lambda _: None))
    draft.values.update({n: str(v) for n, v in item.items() if v})
    key = {k: draft.values[k] for k in spec.primary_key}
    content = _with_record(project, file, spec, draft.values, written)
    overlaid = replace(project, source=Overlaid(project.root, {file: content}))
    again = build_register(overlaid, as_of)
    problems = _problems_of(again, spec, key, file, alone=not project.source.exists(file))
    again.connection.close()
    (project.root / file).parent.mkdir(parents=True, exist_ok=True)
    write_whole(project.root / file, content)
    return NewRecord(file, "/".join(key.values()), problems, checklist)


def _named(table: Table, given: Mapping[str, str]) -> dict[str, str]:
    values = {}
    for name, value in given.items():
        field_ = find_field(table, name)
        if table.kind == "csv" and re.search(r"[\r\n]", value):
            raise UsageError(f"“{field_.title}”不能换行：表格里一行是一条记录。")
        values[field_.name] = plain_value(field_, value)
    return values


class _Draft:
    """A record that is being put together from what the register holds and a person answers."""

    def __init__(self, project: Project, register: Register, table: Table, folder: str) -> None:
        self._project, self._register, self._table, self._folder = project, register, table, folder
        self.values: dict[str, str] = {}

    def meant(self, name: str, text: str) -> str:
        """Return the value that a text means: where it names a record by what that is called, the record's key."""
        keys = self._called(name, text)
        return keys[0] if len(keys) == 1 else text

    def _called(self, name: str, text: str) -> list[str]:
        """Return the keys of the records that a field may refer to and that are called so, those in the folder first."""
        for key in (k for k in self._table.foreign_keys if k.fields == (name,)):
            target, column = self._project.package.tables[key.table], key.references[0]
            label = target.field(target.label)
            if label is None or label.sensitivity is Sensitivity.RESTRICTED:
                continue
            if self._found(key.table, {column: text}):
                return []
            same = {label.name: text}
            found = zip(self._found(key.table, same, column), self._found(key.table, same), strict=True)
            keys = dict.fromkeys(k for k, file in found if self._folder in file)
            return [*keys] or self._found(key.table, same, column)
        return []

    def fill(self, as_of: datetime.date, ask: Ask | None) -> None:
        """Complete the values: the next number, then what is required, each checked at once."""
        table, values = self._table, self.values
        if len(table.primary_key) == 1 and not values.get(table.primary_key[0]):
            name = table.primary_key[0]
            keys = [k for k in self._found(table.name, {}, name) if k is not None]
            own = table.field(name)
            values[name] = next_number(keys, own.example if own else "", str(as_of.year))
        faults = [f"[{f.title}] {w}" for f in table.fields if values.get(f.name) and (w := self._fault(f))]
        if faults:
            raise UsageError(
                "没有写入，内容还不合要求：\n" + "\n".join(f"  {w}" for w in dict.fromkeys(faults))
            )
        missing = [f for f in table.fields if not values.get(f.name) and value_fault(table, f, "")]
        if not missing:
            return
        if ask is None:
            listed = ""
            for f in missing:
                words = "、".join(map(str, f.constraints.get("enum") or ()))
                listed += f"\n  {f.name}=…  {f.title}：{f.description}{f'（可填：{words}）' if words else ''}"
            raise UsageError(f"还缺必填的内容，请在命令后补上：{listed}")
        for field_ in missing:
            fault: str | None = ""
            while fault is not None:
                answer = plain_value(field_, ask(field_, fault).strip())
                values[field_.name] = self.meant(field_.name, answer)
                fault = self._fault(field_) or None

    def _fault(self, field_: Field) -> str:
        """Say what is wrong with a value: in itself, or because it names a record that does not exist."""
        if same := self._called(field_.name, self.values[field_.name]):
            return f"叫 {quoted(self.values[field_.name])} 的不止一个：{'、'.join(same[:5])}。请写编号。"
        if words := value_fault(self._table, field_, self.values[field_.name]):
            return words
        for key, given in self._references():
            own = key.table == self._table.name and all(self.values.get(r) == v for r, v in given.items())
            if field_.name not in key.fields or own or self._found(key.table, given):
                continue
            hidden = {f.name for f in self._table.fields if f.sensitivity is Sensitivity.RESTRICTED}
            shown = "/".join(given.values())
            shown = quoted(shown) if hidden.isdisjoint(key.fields) else "所填内容（不予显示）"
            return f"填的 {shown} 在“{self._project.package.tables[key.table].title}”里没有。请核对编号。"
        # The last part of a key to be filled in tells whether there is such a record.
        whole = {k: self.values.get(k, "") for k in self._table.primary_key}
        taken = [whole] if field_.name in whole and all(whole.values()) else []
        taken += [{field_.name: self.values[field_.name]}] if field_.constraints.get("unique") else []
        if any(self._found(self._table.name, key) for key in taken):
            shown = printable("/".join(taken[0].values()))
            told = "" if field_.sensitivity is Sensitivity.RESTRICTED else shown
            return f"“{self._table.title}”{told} 已经存在。"
        return ""

    def _references(self) -> Iterator[tuple[ForeignKey, dict[str, str]]]:
        """Yield the foreign keys that are filled in, and the key of the record that each names."""
        for key in self._table.foreign_keys:
            given = {r: self.values.get(f, "") for f, r in zip(key.fields, key.references, strict=True)}
            if all(given.values()):
                yield key, given

    def _found(self, table: str, given: Mapping[str, str], column: str = "_file") -> list[Any]:
        condition = " AND ".join(f"{quote(name)} = ?" for name in given) or "true"
        sql = f"SELECT {quote(column)} FROM raw.{quote(table)} WHERE {condition}"
        return [row[0] for row in self._register.connection.execute(sql, list(given.values())).fetchall()]

    def referred(self) -> set[str]:
        """Return the files of the records that this one names."""
        return {f for key, given in self._references() for f in self._found(key.table, given)}

    def lists(self) -> tuple[Lists, list[tuple[str, list[str]]]]:
        """Ask the schema's queries for the items of the record's lists.

        Returns:
            Those that are complete, which are written; and by list those of which more has to be known first.
        """
        written: dict[str, list[dict[str, Any]]] = {}
        checklist: list[tuple[str, list[str]]] = []
        for child in self._project.package.children.get(self._table.name, ()):
            if not child.scaffold:
                continue
            # Values stand in as literals: the query is the schema's, and names them as $field.
            sql = re.sub(
                r"\$(\w+)", lambda m: literal(v) if (v := self.values.get(m[1])) else "NULL", child.scaffold
            )
            try:
                names, rows = rows_of(self._register.connection, sql)
            except SqlError as fault:
                raise UsageError(f"{child.schema_file} 的 scaffold 查询无法运行：{fault}") from None
            items = [{n: str(v) for n, v in zip(names, row, strict=True) if v is not None} for row in rows]
            known = {*self._table.primary_key, "ordinal"}
            needed = [f for f in child.fields if f.required and f.name not in known]
            whole = [i for i in items if all(i.get(f.name) for f in needed)]
            if whole:
                written[child.property] = whole
            if parts := [i for i in items if i not in whole]:
                lacking = "、".join(f.title for f in needed if not all(i.get(f.name) for i in parts))
                words = [str(i.get(child.label) or next(iter(i.values()), "")) for i in parts]
                checklist.append((f"{child.title}（{child.property}，另填{lacking}）", words))
        return written, checklist


def file_of(
    project: Project,
    table: Table,
    values: Mapping[str, str],
    wanted: str,
    referred: Collection[str],
    ask: Ask | None = None,
) -> str:
    """Return a new record's file: where the table has several, the one that `wanted` names or beside those `referred` to.

    Raises:
        UsageError: it is not clear which, and nobody can be asked.
    """
    path, root = PurePosixPath(table.path), project.root
    prefix = PurePosixPath(static_prefix(table.path))
    if table.kind == "csv" and "*" in path.name:
        # Rows of several files in one folder: the file itself is what must be named.
        places = {f: f for f, _ in project.package.files(project.source, table)}
    else:
        leaf = path.name.replace("*", slug("-".join(values[k] for k in table.primary_key)))
        depth, parts = len(prefix.parts) + 1, path.parent.parts
        if any("*" in p for p in parts[depth:]):
            folders = {PurePosixPath(p.relative_to(root)) for p in root.glob(str(path.parent)) if p.is_dir()}
        elif "*" in str(path.parent):
            # The folder that a record would lie in for each below the prefix, also where there is none yet.
            tops = (p for p in (root / prefix).glob("*/") if not p.is_symlink() and p.name[0] != ".")
            folders = {prefix.joinpath(p.name, *parts[depth:]) for p in tops}
        else:
            folders = {path.parent}
        places = {str(f / leaf): "/".join(f.parts[:depth]) for f in sorted(folders)}

    def fits(file: str, top: str) -> bool:
        return wanted in file if wanted else any(r == top or r.startswith(f"{top}/") for r in referred)

    fitting = [file for file, top in places.items() if (not wanted and len(places) == 1) or fits(file, top)]
    if len(fitting) == 1:
        return fitting[0]
    options = sorted(set(places.values())) or [table.path]
    if ask and places:
        # Asked like a field of the record.
        title, words = "放在哪里，写出能区分的几个字", {"enum": options}
        question = replace(table.fields[0], name="--in", title=title, constraints=words)
        question = replace(question, sensitivity=Sensitivity.PUBLIC)
        fault = f"{quoted(wanted)} 不能确定是哪一个。" if wanted else ""
        return file_of(project, table, values, ask(question, fault).strip(), referred, ask)
    raise UsageError(f"不清楚该放在哪里，请用 --in 写明（写出能区分的几个字即可）：{'、'.join(options)}")


def _with_record(project: Project, file: str, table: Table, values: Mapping[str, str], lists: Lists) -> bytes:
    """Return a file with the record added, in canonical form; where the file has other faults, with it at its end."""
    before = text_of(project.source, file)
    if before is None:
        raise UsageError(f"没有写入：{file} 读不出来，或者是符号链接。")
    before += "" if before.endswith("\n") or not before else "\n"
    if table.kind == "csv":
        titles = {f.title: f.name for f in table.fields}
        before = before or ",".join(f.name for f in table.fields) + "\n"
        labels = [x.strip() for x in next(csv.reader([before.partition("\n")[0]]), [])]
        text = before + csv_text([[values.get(titles.get(x, x), "") for x in labels]])
    else:
        if before and "*" in PurePosixPath(table.path).name:
            raise UsageError(f"文件 {PurePosixPath(file).name} 已经存在。")
        nested = {name: [_item(i) for i in items] for name, items in lists.items() if "." not in name}
        item = _item({**values, **nested})
        text = document(project.package, table, item)
        if "*" not in table.path:
            # One file for all: a list of documents, or as yet a single one.
            listed = re.search(r"^- ", before, re.MULTILINE) or not before
            text = (before if listed else as_item(before)) + as_item(text)
    made = canonical(text.encode(), file, table, project.package, [])
    if isinstance(made, Problem) and made.severity is Severity.ERROR:
        raise UsageError(f"没有写入：{file} 现在整理不了。{made.message}")
    return text.encode() if isinstance(made, Problem) else made


def _item(values: Mapping[str, Any]) -> Document:
    made = Document(1)
    made.update({name: value for name, value in values.items() if value})
    return made


def _problems_of(
    register: Register, table: Table, key: Mapping[str, str], file: str, *, alone: bool
) -> list[Problem]:
    """Return what the check says of one record; `alone`: its file holds nothing else.

    Raises:
        UsageError: it cannot be read, or does not meet its schema.
    """
    names = ", ".join(map(quote, ("_line", *table.primary_key)))
    sql = f"SELECT {names} FROM raw.{quote(table.name)} WHERE _file = ? ORDER BY _line"
    rows = register.connection.execute(sql, [file]).fetchall()
    place = next((n for n, row in enumerate(rows) if list(row[1:]) == list(key.values())), None)
    if place is None:
        raise UsageError(f"没有写入：{file} 里有别的错误，新的一条读不出来。请先改正。")
    first = rows[place][0]
    last = first + 1 if table.kind == "csv" else rows[place + 1][0] if place + 1 < len(rows) else 2**31
    found = [p for p in register.problems if p.file == file and (alone or first <= p.line < last)]
    rules = {r.id for r in register.rules}
    formal = [p for p in found if p.rule not in rules and p.severity is Severity.ERROR]
    if formal:
        listed = "\n".join(f"  [{p.column}] {p.message}" for p in formal)
        raise UsageError(f"没有写入，内容还不合要求：\n{listed}")
    return found
