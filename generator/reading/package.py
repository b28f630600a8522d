"""Tables and fields as the data package and its Table Schemas declare them.

The only place that knows how a descriptor is written; all other rooms see `Package`, `Table` and `Field`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any

from generator.problems import Problem, RecordsError, error, quoted
from generator.reading.files import UnsafePathError, checked_pattern, read_bytes
from generator.reading.yaml import Mapping, Value, YamlError, parse_yaml

DESCRIPTOR = "datapackage.yaml"
ENGINE_TABLES = frozenset(
    {
        "build",
        "cells",
        "changes",
        "commits",
        "fields",
        "finding_subjects",
        "findings",
        "proposed_changes",
        "proposed_commits",
        "proposed_files",
        "raw",
        "rules",
        "tables",
        "views",
    }
)
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")
_BOOLEAN = {"true": True, "True": True, "false": False, "False": False}
_NUMERIC = frozenset({"integer", "number", "year"})


class Sensitivity(IntEnum):
    """Who may see a value; an edition shows all up to its own level."""

    PUBLIC = 0
    INTERNAL = 1
    RESTRICTED = 2


SENSITIVITIES = {s.name.lower(): s for s in Sensitivity}


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a table.

    Attributes:
        name: identifier used in files and SQL.
        title: what users read.
        type: type of the Table Schema standard.
        sensitivity: restricted unless declared otherwise.
        categories: the words of an ordered list from low to high, or empty.
        enum_type: name of the DuckDB ENUM made from the categories, or empty.
        descriptor: the field as the Table Schema standard knows it, values typed.
    """

    name: str
    title: str
    type: str
    description: str
    example: str
    sensitivity: Sensitivity
    constraints: AbstractMapping[str, Any]
    categories: tuple[str, ...]
    enum_type: str
    codes: AbstractMapping[str, str]
    descriptor: AbstractMapping[str, Any]
    line: int

    @property
    def required(self) -> bool:
        """Whether each row must have a value."""
        return bool(self.constraints.get("required"))


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """Fields of this table that name a row of another (or, with an equal name, of this one)."""

    fields: tuple[str, ...]
    table: str
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """One record type.

    Attributes:
        kind: `csv`, `yaml`, `markdown`, or `child` for a list inside the parent's documents.
        path: glob relative to the root; empty for a child.
        parent, property: for a child, the table it belongs to and the dotted key of its list.
        label: the field that names a record to a reader.
        row_filters: edition -> SQL condition a row must meet to enter that edition.
        schema_file: where the schema stands, relative to the root.
        scaffold: for a child, the SELECT that fills its list in a new parent record, with `$field` for the parent's values.
    """

    name: str
    title: str
    description: str
    kind: str
    path: str
    parent: str
    property: str
    fields: tuple[Field, ...]
    primary_key: tuple[str, ...]
    foreign_keys: tuple[ForeignKey, ...]
    missing_values: tuple[str, ...]
    label: str
    owner: str
    row_filters: AbstractMapping[str, str]
    schema_file: str
    scaffold: str = ""

    def field(self, name: str) -> Field | None:
        """Return the field of that name."""
        return next((f for f in self.fields if f.name == name), None)

    def visible(self, level: Sensitivity) -> tuple[Field, ...]:
        """Return the fields an edition of that level may see."""
        return tuple(f for f in self.fields if f.sensitivity <= level)


@dataclass(frozen=True)
class Package:
    """The whole data package.

    Attributes:
        tables: by name, in the order declared; a child comes after its parent.
        options: the engine's own settings under the key `lingtouyan`.
        digest: over descriptor and schemas; changes when any of them does.
    """

    name: str
    title: str
    description: str
    tables: dict[str, Table]
    options: AbstractMapping[str, str]
    digest: str
    children: dict[str, list[Table]] = field(default_factory=dict)

    def origin(self, table: Table) -> Table:
        """Return the table whose files hold this table's rows."""
        while table.parent:
            table = self.tables[table.parent]
        return table


def load_package(root: Path) -> Package:
    """Read the descriptor and all schemas.

    Raises:
        RecordsError: with every fault found in them.
    """
    reader = _PackageReader(root)
    package = reader.read()
    if reader.problems or package is None:
        raise RecordsError(reader.problems)
    return package


class _PackageReader:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.problems: list[Problem] = []
        self.digest = hashlib.blake2b(digest_size=16)

    def fault(self, file: str, line: int, message: str) -> None:
        rule = "package-error" if file == DESCRIPTOR else "schema-error"
        self.problems.append(error(file, line, rule, message))

    def document(self, file: str) -> Mapping | None:
        data = read_bytes(self.root, file)
        if isinstance(data, Problem):
            self.problems.append(data)
            return None
        self.digest.update(file.encode() + b"\0" + data)
        try:
            value = parse_yaml(data.decode("utf-8-sig"))
        except UnicodeDecodeError:
            self.fault(file, 0, "文件不是 UTF-8 编码。请另存为 UTF-8。")
            return None
        except YamlError as fault:
            self.fault(file, fault.line, str(fault))
            return None
        if not isinstance(value, Mapping):
            self.fault(file, 1, "文件应是一个 YAML 映射（键: 值）。")
            return None
        return value

    def read(self) -> Package | None:
        descriptor = self.document(DESCRIPTOR)
        if descriptor is None:
            return None
        resources = descriptor.get("resources")
        if not isinstance(resources, list):
            self.fault(DESCRIPTOR, descriptor.line, "缺少 resources 列表：请在其中登记每张表。")
            return None
        tables: dict[str, Table] = {}
        for resource in resources:
            if not isinstance(resource, Mapping):
                self.fault(DESCRIPTOR, descriptor.lines["resources"], "resources 的每一项应是映射。")
                continue
            table = self.table(resource, tables)
            if table is not None:
                tables[table.name] = table
        self.check_references(tables)
        children: dict[str, list[Table]] = {}
        for table in tables.values():
            if table.parent:
                children.setdefault(table.parent, []).append(table)
        options = descriptor.get("lingtouyan")
        return Package(
            name=_text(descriptor, "name"),
            title=_text(descriptor, "title") or _text(descriptor, "name"),
            description=_text(descriptor, "description"),
            tables=tables,
            options={k: str(v) for k, v in options.items()} if isinstance(options, Mapping) else {},
            digest=self.digest.hexdigest(),
            children=children,
        )

    def table(self, resource: Mapping, known: dict[str, Table]) -> Table | None:
        name = _text(resource, "name")
        line = resource.lines.get("name", resource.line)
        if not _IDENTIFIER.match(name):
            self.fault(DESCRIPTOR, line, f"表名 {quoted(name)} 应为小写英文字母、数字和下划线。")
            return None
        if name in known or name in ENGINE_TABLES:
            self.fault(DESCRIPTOR, line, f"表名 {quoted(name)} 重复，或为系统保留名。请换一个名字。")
            return None
        parent, path = _text(resource, "parent"), _text(resource, "path")
        kind = self.kind(resource, parent, path, known)
        schema_file = _text(resource, "schema")
        try:
            checked_pattern(schema_file)
        except UnsafePathError:
            self.fault(
                DESCRIPTOR,
                resource.lines.get("schema", line),
                "schema 应是仓库内的相对路径（schemas/tables/….yaml）。",
            )
            return None
        schema = self.document(schema_file)
        if kind is None or schema is None:
            return None
        fields = self.fields(schema_file, schema)
        names = {f.name for f in fields}
        label = _text(schema, "label")
        key = _names(schema.get("primaryKey"))
        for part in (*key, *([label] if label else [])):
            if part not in names:
                self.fault(
                    schema_file,
                    schema.lines.get("primaryKey", 1),
                    f"primaryKey 或 label 用到了没有声明的字段 {quoted(part)}。",
                )
        filters = schema.get("rows")
        return Table(
            name=name,
            title=_text(resource, "title") or _text(schema, "title") or name,
            description=_text(schema, "description") or _text(resource, "description"),
            kind=kind,
            path=path,
            parent=parent,
            property=_text(resource, "property"),
            fields=tuple(fields),
            primary_key=key,
            foreign_keys=tuple(self.foreign_keys(schema_file, schema, name, names)),
            missing_values=_names(schema.get("missingValues")) if "missingValues" in schema else ("",),
            label=label
            or next((f.name for f in fields if f.name in ("name", "title")), key[0] if key else ""),
            owner=_text(schema, "owner"),
            row_filters={k: str(v) for k, v in filters.items()} if isinstance(filters, Mapping) else {},
            schema_file=schema_file,
            scaffold=_text(schema, "scaffold"),
        )

    def kind(self, resource: Mapping, parent: str, path: str, known: dict[str, Table]) -> str | None:
        line = resource.line
        if parent:
            if parent not in known or known[parent].kind == "csv" or not _text(resource, "property"):
                self.fault(
                    DESCRIPTOR, line, "子表应写明 property，且 parent 须是前面已登记的 YAML 或 Markdown 表。"
                )
                return None
            return "child"
        try:
            checked_pattern(path)
        except UnsafePathError:
            self.fault(
                DESCRIPTOR,
                resource.lines.get("path", line),
                f"path {quoted(path)} 应是仓库内的相对路径，不能含“..”或网址。",
            )
            return None
        kind = {".csv": "csv", ".yaml": "yaml", ".yml": "yaml", ".md": "markdown"}.get(Path(path).suffix)
        if kind is None:
            self.fault(DESCRIPTOR, resource.lines.get("path", line), "path 的扩展名应为 .csv、.yaml 或 .md。")
        return kind

    def fields(self, file: str, schema: Mapping) -> list[Field]:
        declared = schema.get("fields")
        if not isinstance(declared, list) or not declared:
            self.fault(file, schema.line, "缺少 fields 列表。")
            return []
        result: dict[str, Field] = {}
        for item in declared:
            if not isinstance(item, Mapping):
                self.fault(file, schema.lines["fields"], "fields 的每一项应是映射。")
                continue
            made = self.field(file, item)
            if made is None:
                continue
            if made.name in result:
                self.fault(file, made.line, f"字段 {quoted(made.name)} 重复。")
            result[made.name] = made
        return list(result.values())

    def field(self, file: str, item: Mapping) -> Field | None:
        name, kind = _text(item, "name"), _text(item, "type") or "string"
        line = item.lines.get("name", item.line)
        if not _IDENTIFIER.match(name):
            self.fault(file, line, f"字段名 {quoted(name)} 应为小写英文字母、数字和下划线。")
            return None
        declared = _text(item, "sensitivity") or "restricted"
        if declared not in SENSITIVITIES:
            self.fault(file, item.lines["sensitivity"], f"sensitivity 应为 {'、'.join(SENSITIVITIES)} 之一。")
        constraints = self.constraints(file, item, kind)
        ordered = _BOOLEAN.get(_text(item, "categoriesOrdered"), False)
        categories = _names(item.get("categories")) if ordered else ()
        codes = item.get("codes")
        descriptor: dict[str, Any] = {"name": name, "type": kind}
        for key in ("title", "description", "format", "decimalChar", "groupChar"):
            if _text(item, key):
                descriptor[key] = _text(item, key)
        for key in ("trueValues", "falseValues"):
            if key in item:
                descriptor[key] = list(_names(item[key]))
        if "bareNumber" in item:
            descriptor["bareNumber"] = _BOOLEAN.get(_text(item, "bareNumber"), True)
        if constraints:
            descriptor["constraints"] = constraints
        return Field(
            name=name,
            title=_text(item, "title") or name,
            type=kind,
            description=_text(item, "description"),
            example=_text(item, "example"),
            sensitivity=SENSITIVITIES.get(declared, Sensitivity.RESTRICTED),
            constraints=constraints,
            categories=categories,
            enum_type=(_text(item, "categoriesType") or f"{Path(file).stem}_{name}") if categories else "",
            codes={k: str(v) for k, v in codes.items()} if isinstance(codes, Mapping) else {},
            descriptor=descriptor,
            line=line,
        )

    def constraints(self, file: str, item: Mapping, kind: str) -> dict[str, Any]:
        declared = item.get("constraints")
        result: dict[str, Any] = {}
        if declared is None:
            return result
        if not isinstance(declared, Mapping):
            self.fault(file, item.line, "constraints 应是映射。")
            return result
        for key, value in declared.items():
            line = declared.lines[key]
            try:
                result[key] = _constraint(key, value, kind)
            except (ValueError, TypeError, KeyError, re.error):
                self.fault(file, line, f"约束 {quoted(key)} 写法有误或本系统不支持。")
        return result

    def foreign_keys(self, file: str, schema: Mapping, table: str, names: set[str]) -> list[ForeignKey]:
        declared = schema.get("foreignKeys")
        result: list[ForeignKey] = []
        for item in declared if isinstance(declared, list) else []:
            reference = item.get("reference") if isinstance(item, Mapping) else None
            if not isinstance(item, Mapping) or not isinstance(reference, Mapping):
                self.fault(
                    file, schema.lines["foreignKeys"], "foreignKeys 的每一项应有 fields 和 reference。"
                )
                continue
            fields, references = _names(item.get("fields")), _names(reference.get("fields"))
            if not fields or len(fields) != len(references) or not names.issuperset(fields):
                self.fault(
                    file, item.line, "foreignKeys 的 fields 应是本表字段，且与 reference.fields 个数相同。"
                )
                continue
            result.append(ForeignKey(fields, _text(reference, "resource") or table, references))
        return result

    def check_references(self, tables: dict[str, Table]) -> None:
        if self.problems:
            return
        for table in tables.values():
            for key in table.foreign_keys:
                target = tables.get(key.table)
                if target is None or any(target.field(r) is None for r in key.references):
                    aim = f"{quoted(key.table)}（{'、'.join(key.references)}）"
                    self.fault(
                        table.schema_file, 1, f"外键 {'、'.join(key.fields)} 指向的表或字段不存在：{aim}。"
                    )
            if table.parent:
                missing = [k for k in tables[table.parent].primary_key if table.field(k) is None]
                if missing:
                    self.fault(table.schema_file, 1, f"子表须声明上级表的主键字段：{'、'.join(missing)}。")


def _text(mapping: Mapping, key: str) -> str:
    value = mapping.get(key)
    return value if isinstance(value, str) else ""


def _names(value: Value | None) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list):
        return tuple("" if v is None else v if isinstance(v, str) else _category(v) for v in value)
    return ()


def _category(value: Value) -> str:
    # The table standard allows {value: 1, label: 小学}; the value is what records hold.
    return _text(value, "value") if isinstance(value, Mapping) else ""


def _constraint(key: str, value: Value, kind: str) -> Any:
    if key in ("required", "unique"):
        return _BOOLEAN[str(value)]
    if key in ("minLength", "maxLength"):
        return int(str(value))
    if key == "pattern":
        re.compile(str(value))
        return str(value)
    if key == "enum":
        if not isinstance(value, list):
            raise TypeError(key)
        return [_number(str(v)) if kind in _NUMERIC else str(v) for v in value]
    if key in ("minimum", "maximum"):
        return _number(str(value)) if kind in _NUMERIC else str(value)
    raise KeyError(key)


def _number(text: str) -> int | float:
    return int(text) if re.fullmatch(r"[+-]?\d+", text) else float(text)
