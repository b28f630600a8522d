"""Tables and fields as the data package and its Table Schemas declare them.

The only place that knows how a descriptor is written; all other rooms see `Package`, `Table` and `Field`.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from lingtouyan.problems import Problem, RecordsError, error, quoted
from lingtouyan.reading.schemas import (
    IDENTIFIER,
    Fault,
    misspelt,
    names,
    read_fields,
    read_foreign_keys,
    text,
)
from lingtouyan.reading.source import Source, UnsafePathError, checked_pattern, glob_regex
from lingtouyan.reading.tables import EDITION_LEVELS, SENSITIVITIES, Field, ForeignKey, Sensitivity, Table
from lingtouyan.reading.yaml import Mapping, YamlError, parse_yaml
from lingtouyan.settings import Settings, read_settings

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
__all__ = [
    "DESCRIPTOR",
    "ENGINE_TABLES",
    "SENSITIVITIES",
    "Field",
    "ForeignKey",
    "Package",
    "Sensitivity",
    "Table",
    "load_package",
]

_PACKAGE_KEYS = frozenset({"name", "title", "description", "resources", "lingtouyan"})
_RESOURCE_KEYS = frozenset(
    {"name", "title", "description", "path", "formerPaths", "schema", "parent", "property"}
)
_SCHEMA_KEYS = frozenset(
    {
        "fields",
        "primaryKey",
        "foreignKeys",
        "missingValues",
        "title",
        "description",
        "label",
        "order",
        "rows",
        "owner",
        "scaffold",
    }
)


@dataclass(frozen=True)
class Package:
    """The whole data package.

    Attributes:
        tables: by name, in the order declared; a child comes after its parent.
        settings: what the tree sets under the key `lingtouyan`.
        digest: over descriptor and schemas; changes when any of them does.
        sheets: what reading learnt of the documents of each table.
    """

    name: str
    title: str
    description: str
    tables: dict[str, Table]
    settings: Settings
    digest: str
    children: dict[str, list[Table]] = field(default_factory=dict)
    sheets: dict[str, Any] = field(init=False, repr=False, compare=False, default_factory=dict)

    @cached_property
    def titles(self) -> frozenset[str]:
        """The titles of all tables and fields: words of the schemas, never of the records."""
        return frozenset(n for t in self.tables.values() for n in (t.title, *(f.title for f in t.fields)))

    def origin(self, table: Table) -> Table:
        """Return the table whose files hold this table's rows."""
        while table.parent:
            table = self.tables[table.parent]
        return table


def load_package(source: Source) -> Package:
    """Read the descriptor and all schemas.

    Raises:
        RecordsError: with every fault found in them.
    """
    reader = _PackageReader(source)
    package = reader.read()
    if reader.problems or package is None:
        raise RecordsError(reader.problems)
    return package


class _PackageReader:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self.digest = hashlib.blake2b(digest_size=16)

    def fault(self, file: str, line: int, message: str) -> None:
        rule = "package-error" if file == DESCRIPTOR else "schema-error"
        self.problems.append(error(file, line, rule, message))

    def document(self, file: str) -> Mapping | None:
        data = self.source.read(file)
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
        misspelt(descriptor, _PACKAGE_KEYS, lambda line, message: self.fault(DESCRIPTOR, line, message))
        return Package(
            name=text(descriptor, "name"),
            title=text(descriptor, "title") or text(descriptor, "name"),
            description=text(descriptor, "description"),
            tables=tables,
            settings=self.settings(descriptor, tables),
            digest=self.digest.hexdigest(),
            children=children,
        )

    def settings(self, descriptor: Mapping, tables: dict[str, Table]) -> Settings:
        given = descriptor.get("lingtouyan")
        if "lingtouyan" in descriptor and not isinstance(given, Mapping):
            self.fault(DESCRIPTOR, descriptor.lines["lingtouyan"], "lingtouyan 应是映射（键: 值）。")
        if not isinstance(given, Mapping) or self.problems:
            # With a table that cannot be read, a setting that names it would be blamed for it.
            return Settings()
        settings, faults = read_settings(given, {t.name: {f.name for f in t.fields} for t in tables.values()})
        for key, message in faults:
            self.fault(DESCRIPTOR, given.lines[key], message)
        return settings

    def table(self, resource: Mapping, known: dict[str, Table]) -> Table | None:
        name = text(resource, "name")
        line = resource.lines.get("name", resource.line)
        misspelt(resource, _RESOURCE_KEYS, lambda line, message: self.fault(DESCRIPTOR, line, message))
        if not IDENTIFIER.match(name):
            self.fault(DESCRIPTOR, line, f"表名 {quoted(name)} 应为小写英文字母、数字和下划线。")
            return None
        if name in known or name in ENGINE_TABLES:
            self.fault(DESCRIPTOR, line, f"表名 {quoted(name)} 重复，或为系统保留名。请换一个名字。")
            return None
        parent, path = text(resource, "parent"), text(resource, "path")
        kind = self.kind(resource, parent, path, known)
        schema_file = text(resource, "schema")
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

        def fault(line: int, message: str) -> None:
            self.fault(schema_file, line, message)

        fields = read_fields(schema_file, schema, fault)
        known_fields = {f.name for f in fields}
        label = text(schema, "label")
        key = names(schema.get("primaryKey"))
        order = names(schema.get("order"))
        for place, parts in (("primaryKey", key), ("label", (label,) if label else ()), ("order", order)):
            for part in parts:
                if part not in known_fields:
                    fault(schema.lines[place], f"{place} 用到了没有声明的字段 {quoted(part)}。")
        misspelt(schema, _SCHEMA_KEYS, fault)
        return Table(
            name=name,
            title=text(resource, "title") or text(schema, "title") or name,
            description=text(schema, "description") or text(resource, "description"),
            kind=kind,
            path=path,
            parent=parent,
            property=text(resource, "property"),
            fields=tuple(fields),
            primary_key=key,
            foreign_keys=tuple(read_foreign_keys(schema, name, known_fields, fault)),
            missing_values=names(schema.get("missingValues")) if "missingValues" in schema else ("",),
            label=label
            or next((f.name for f in fields if f.name in ("name", "title")), key[0] if key else ""),
            owner=text(schema, "owner"),
            row_filters=_row_filters(schema, fault),
            schema_file=schema_file,
            scaffold=text(schema, "scaffold"),
            order=order if "order" in schema else key[:1],
            former_paths=names(resource.get("formerPaths")),
        )

    def kind(self, resource: Mapping, parent: str, path: str, known: dict[str, Table]) -> str | None:
        line = resource.line
        if parent:
            if parent not in known or known[parent].kind == "csv" or not text(resource, "property"):
                self.fault(
                    DESCRIPTOR, line, "子表应写明 property，且 parent 须是前面已登记的 YAML 或 Markdown 表。"
                )
                return None
            return "child"
        try:
            glob_regex(checked_pattern(path))
        except re.error:
            self.fault(DESCRIPTOR, resource.lines["path"], f"path {quoted(path)} 里的方括号写法有误。")
            return None
        except UnsafePathError:
            self.fault(
                DESCRIPTOR,
                resource.lines.get("path", line),
                f"path {quoted(path)} 应是仓库内的相对路径，不能含“..”或网址。",
            )
            return None
        kind = {".csv": "csv", ".yaml": "yaml", ".yml": "yaml", ".md": "markdown"}.get(
            PurePosixPath(path).suffix
        )
        if kind is None:
            self.fault(DESCRIPTOR, resource.lines.get("path", line), "path 的扩展名应为 .csv、.yaml 或 .md。")
        return kind

    def check_references(self, tables: dict[str, Table]) -> None:
        if self.problems:
            return
        lists: dict[str, tuple[str, ...]] = {}
        places: dict[tuple[str, str], str] = {}
        for table in tables.values():
            for f in table.fields:
                if f.enum_type and lists.setdefault(f.enum_type, f.categories) != f.categories:
                    self.fault(
                        table.schema_file,
                        f.line,
                        f"有序类别 {quoted(f.enum_type)} 在另一处列的词或次序不同。请统一，或用 categoriesType 另取名字。",
                    )
            if (
                table.parent
                and (other := places.setdefault((table.parent, table.property), table.name)) != table.name
            ):
                self.fault(DESCRIPTOR, 1, f"子表 {table.name} 与 {other} 的 parent 和 property 相同。")
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


def _row_filters(schema: Mapping, fault: Fault) -> dict[str, str]:
    """Read which rows enter which edition. A filter that is not understood must not mean "all rows"."""
    declared = schema.get("rows")
    if declared is None and "rows" not in schema:
        return {}
    if not isinstance(declared, Mapping):
        fault(schema.lines["rows"], "rows 应是“版名: 条件”的映射。")
        return {}
    result: dict[str, str] = {}
    for edition, condition in declared.items():
        if edition not in EDITION_LEVELS:
            fault(
                declared.lines[edition],
                f"rows 的版名 {quoted(edition)} 不存在，可用：{'、'.join(EDITION_LEVELS)}。",
            )
        elif not isinstance(condition, str) or not condition.strip():
            fault(declared.lines[edition], f"rows.{edition} 没有写条件。要公开全部记录，请删去这一项。")
        else:
            result[edition] = condition
    return result
