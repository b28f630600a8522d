"""Tables and fields as the data package and its Table Schemas declare them; whatever cannot be honoured is a fault.

The only place that knows how they are written: all other rooms see `Package`, `Table` and `Field`. A constraint that is
dropped in silence would let wrong records pass.
"""

from __future__ import annotations

import datetime
import difflib
import hashlib
import re
from collections.abc import Callable, Collection
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from lingtouyan.problems import Problem, RecordsError, error, quoted
from lingtouyan.reading.source import Source, UnsafePathError, checked_pattern, glob_regex
from lingtouyan.reading.yaml import Mapping, Value, YamlError, parse_yaml
from lingtouyan.settings import Settings, read_settings

DESCRIPTOR = "datapackage.yaml"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ENGINE_TABLES = _words(
    "build cells changes commits fields finding_subjects findings proposed_changes proposed_commits proposed_files "
    "raw rules tables views"
)
IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")
# What the standard's reference implementation can hold a value of each type against; `unique` goes with all.
_LENGTHS = _words("minLength maxLength")
_BOUNDS = _words("minimum maximum exclusiveMinimum exclusiveMaximum enum")
SUPPORTED: dict[str, frozenset[str]] = {
    **dict.fromkeys(("any", "boolean", "duration", "geojson", "geopoint"), _words("enum")),
    **dict.fromkeys(("array", "object"), _LENGTHS | {"enum"}),
    **dict.fromkeys(("date", "datetime", "integer", "number", "time", "year", "yearmonth"), _BOUNDS),
    "list": _LENGTHS,
    "string": _LENGTHS | {"enum", "pattern"},
}
_CONSTRAINTS = frozenset().union(*SUPPORTED.values(), {"required", "unique"})
_FORMATS = {
    "string": _words("default email uri binary uuid"),
    "geopoint": _words("default array object"),
    "geojson": _words("default topojson"),
}
_ITEM_TYPES = _words("string integer boolean number datetime date time")
_BOOLEAN = {"true": True, "True": True, "false": False, "False": False}
_PASSED_ON = ("title", "description", "format", "decimalChar", "groupChar", "delimiter", "itemType")
_PACKAGE_KEYS = _words("name title description resources lingtouyan")
_RESOURCE_KEYS = _words("name title description path formerPaths schema parent property")
_SCHEMA_KEYS = _words(
    "fields primaryKey foreignKeys missingValues title description label order rows owner scaffold sealedFor"
)
_FIELD_KEYS = _words(
    "name type example sensitivity constraints categories categoriesOrdered categoriesType codes trueValues falseValues "
    "bareNumber floatNumber missingValues formerNames arrayItem compartment"
).union(_PASSED_ON)
# Names that a type of the database has already.
_TAKEN_TYPES = _words("integer bigint double boolean date time timestamp varchar json interval uuid blob")

Fault = Callable[[int, str], None]
"""Called with (line, what is wrong)."""


class Sensitivity(IntEnum):
    """Who may see a value; an edition shows all up to its own level."""

    PUBLIC = 0
    INTERNAL = 1
    RESTRICTED = 2


SENSITIVITIES = {s.name.lower(): s for s in Sensitivity}
# Edition -> the most that its readers may see.
EDITION_LEVELS = {s.name.lower(): s for s in Sensitivity}


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
        missing_values: texts that mean "no value" in this field, where it has its own.
        former_names: what the field was called before, so that its history does not break off.
        compartment: what an office must be entitled to, to open a sealed value of this field.
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
    missing_values: tuple[str, ...] | None = None
    former_names: tuple[str, ...] = ()
    compartment: str = "personal"

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
        order: fields by which `fmt` sorts a table's lines; lines that are alike in them keep their order.
        former_paths: globs of where its files were before, for its history.
        sealed_for: the field that names the record whose key seals this table's values; empty for its own.
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
    former_paths: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    sealed_for: str = ""

    def field(self, name: str) -> Field | None:
        """Return the field of that name."""
        return next((f for f in self.fields if f.name == name), None)

    def missing(self, field: Field) -> tuple[str, ...]:
        """Return the texts that mean "no value" in a field of this table."""
        return self.missing_values if field.missing_values is None else field.missing_values

    def visible(self, level: Sensitivity) -> tuple[Field, ...]:
        """Return the fields an edition of that level may see."""
        return tuple(f for f in self.fields if f.sensitivity <= level)


def has_hidden_key(table: Table) -> bool:
    """Tell whether it is nobody's business which record is meant, or that there is one: the key itself is restricted."""
    return any(f.sensitivity is Sensitivity.RESTRICTED for f in table.fields if f.name in table.primary_key)


@dataclass(frozen=True)
class Package:
    """The whole data package.

    Attributes:
        tables: by name, in the order declared; a child comes after its parent.
        settings: what the tree sets under the key `lingtouyan`.
        digest: over descriptor and schemas; changes when any of them does.
        shapes: what reading learnt of the documents of each table.
    """

    name: str
    title: str
    description: str
    tables: dict[str, Table]
    settings: Settings
    digest: str
    children: dict[str, list[Table]] = field(default_factory=dict)
    shapes: dict[str, Any] = field(init=False, repr=False, compare=False, default_factory=dict)

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

    def at(self, line: int, message: str) -> None:
        """Note a fault of the descriptor."""
        self.fault(DESCRIPTOR, line, message)

    def document(self, file: str) -> Mapping | None:
        data = self.source.read(file)
        if isinstance(data, Problem):
            self.problems.append(data)
            return None
        self.digest.update(file.encode() + b"\0" + data)
        try:
            value = parse_yaml(data.decode("utf-8-sig"))
            if isinstance(value, Mapping):
                return value
            self.fault(file, 1, "文件应是一个 YAML 映射（键: 值）。")
        except UnicodeDecodeError:
            self.fault(file, 0, "文件不是 UTF-8 编码。请另存为 UTF-8。")
        except YamlError as fault:
            self.fault(file, fault.line, str(fault))
        return None

    def read(self) -> Package | None:
        descriptor = self.document(DESCRIPTOR)
        if descriptor is None:
            return None
        resources = descriptor.get("resources")
        if not isinstance(resources, list):
            self.at(descriptor.line, "缺少 resources 列表：请在其中登记每张表。")
            return None
        tables: dict[str, Table] = {}
        for resource in resources:
            if not isinstance(resource, Mapping):
                self.at(descriptor.lines["resources"], "resources 的每一项应是映射。")
                continue
            table = self.table(resource, tables)
            if table is not None:
                tables[table.name] = table
        self.check_references(tables)
        parents = dict.fromkeys(t.parent for t in tables.values() if t.parent)
        children = {p: [t for t in tables.values() if t.parent == p] for p in parents}
        misspelt(descriptor, _PACKAGE_KEYS, self.at)
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
            self.at(descriptor.lines["lingtouyan"], "lingtouyan 应是映射（键: 值）。")
        if not isinstance(given, Mapping) or self.problems:
            # With a table that cannot be read, a setting that names it would be blamed for it.
            return Settings()
        settings, faults = read_settings(given, {t.name: {f.name for f in t.fields} for t in tables.values()})
        for key, message in faults:
            self.at(given.lines[key], message)
        return settings

    def table(self, resource: Mapping, known: dict[str, Table]) -> Table | None:
        name = text(resource, "name")
        line = resource.lines.get("name", resource.line)
        misspelt(resource, _RESOURCE_KEYS, self.at)
        if not IDENTIFIER.match(name):
            self.at(line, f"表名 {quoted(name)} 应为小写英文字母、数字和下划线。")
            return None
        if name in known or name in ENGINE_TABLES:
            self.at(line, f"表名 {quoted(name)} 重复，或为系统保留名。请换一个名字。")
            return None
        parent, path = text(resource, "parent"), text(resource, "path")
        kind = self.kind(resource, parent, path, known)
        schema_file = text(resource, "schema")
        try:
            checked_pattern(schema_file)
        except UnsafePathError:
            line = resource.lines.get("schema", line)
            self.at(line, "schema 应是仓库内的相对路径（schemas/tables/….yaml）。")
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
        sealed_for = text(schema, "sealedFor")
        order = names(schema.get("order"))
        for place, parts in (("primaryKey", key), ("label", (label,) if label else ()), ("order", order)):
            for part in parts:
                if part not in known_fields:
                    fault(schema.lines[place], f"{place} 用到了没有声明的字段 {quoted(part)}。")
        misspelt(schema, _SCHEMA_KEYS, fault)
        keys = tuple(read_foreign_keys(schema, name, known_fields, fault))
        if sealed_for and not any(k.fields == (sealed_for,) for k in keys):
            fault(schema.lines["sealedFor"], f"sealedFor {quoted(sealed_for)} 应是一个外键字段。")
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
            foreign_keys=keys,
            missing_values=names(schema.get("missingValues")) if "missingValues" in schema else ("",),
            label=label
            or next((f.name for f in fields if f.name in ("name", "title")), key[0] if key else ""),
            owner=text(schema, "owner"),
            row_filters=_row_filters(schema, fault),
            schema_file=schema_file,
            scaffold=text(schema, "scaffold"),
            order=order if "order" in schema else key[:1],
            former_paths=names(resource.get("formerPaths")),
            sealed_for=sealed_for,
        )

    def kind(self, resource: Mapping, parent: str, path: str, known: dict[str, Table]) -> str | None:
        if parent:
            if parent in known and known[parent].kind != "csv" and text(resource, "property"):
                return "child"
            self.at(resource.line, "子表应写明 property，且 parent 须是前面已登记的 YAML 或 Markdown 表。")
            return None
        line = resource.lines.get("path", resource.line)
        try:
            glob_regex(checked_pattern(path))
        except re.error:
            self.at(line, f"path {quoted(path)} 里的方括号写法有误。")
            return None
        except UnsafePathError:
            self.at(line, f"path {quoted(path)} 应是仓库内的相对路径，不能含“..”或网址。")
            return None
        kinds = {".csv": "csv", ".yaml": "yaml", ".yml": "yaml", ".md": "markdown"}
        kind = kinds.get(PurePosixPath(path).suffix)
        if kind is None:
            self.at(line, "path 的扩展名应为 .csv、.yaml 或 .md。")
        return kind

    def check_references(self, tables: dict[str, Table]) -> None:
        if self.problems:
            return
        lists: dict[str, tuple[str, ...]] = {}
        places: dict[tuple[str, str], str] = {}
        for table in tables.values():
            file = table.schema_file
            for f in table.fields:
                if f.enum_type and lists.setdefault(f.enum_type, f.categories) != f.categories:
                    name = quoted(f.enum_type)
                    advice = "请统一，或用 categoriesType 另取名字。"
                    self.fault(file, f.line, f"有序类别 {name} 在另一处列的词或次序不同。{advice}")
            for key in table.foreign_keys:
                target = tables.get(key.table)
                if target is None or any(target.field(r) is None for r in key.references):
                    aim = f"{quoted(key.table)}（{'、'.join(key.references)}）"
                    self.fault(file, 1, f"外键 {'、'.join(key.fields)} 指向的表或字段不存在：{aim}。")
            if table.parent:
                other = places.setdefault((table.parent, table.property), table.name)
                if other != table.name:
                    self.at(1, f"子表 {table.name} 与 {other} 的 parent 和 property 相同。")
                missing = [k for k in tables[table.parent].primary_key if table.field(k) is None]
                if missing:
                    self.fault(file, 1, f"子表须声明上级表的主键字段：{'、'.join(missing)}。")


def _row_filters(schema: Mapping, fault: Fault) -> dict[str, str]:
    """Read which rows enter which edition. A filter that is not understood must not mean "all rows"."""
    declared = schema.get("rows", Mapping(0))
    if not isinstance(declared, Mapping):
        fault(schema.lines["rows"], "rows 应是“版名: 条件”的映射。")
        return {}
    result: dict[str, str] = {}
    for edition, condition in declared.items():
        line = declared.lines[edition]
        if edition not in EDITION_LEVELS:
            fault(line, f"rows 的版名 {quoted(edition)} 不存在，可用：{'、'.join(EDITION_LEVELS)}。")
        elif not isinstance(condition, str) or not condition.strip():
            fault(line, f"rows.{edition} 没有写条件。要公开全部记录，请删去这一项。")
        else:
            result[edition] = condition
    return result


def text(mapping: Mapping, key: str) -> str:
    """Return a value that should be text, or an empty one."""
    value = mapping.get(key)
    return value if isinstance(value, str) else ""


def names(value: Value | None) -> tuple[str, ...]:
    """Return a word or a list of words; the standard also allows `{value: 1, label: 小学}` for a word."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list):
        return tuple(
            v if isinstance(v, str) else text(v, "value") if isinstance(v, Mapping) else "" for v in value
        )
    return ()


def misspelt(item: Mapping, known: Collection[str], fault: Fault) -> None:
    """Report keys that are nearly a known one: what they were meant to demand would not be demanded."""
    unknown = [key for key in item if key not in known]
    for key in unknown:
        near = difflib.get_close_matches(key, sorted(known), 1, 0.8)
        if near:
            fault(item.lines[key], f"不认识的键 {quoted(key)}，是否应为 {near[0]}？")


def read_fields(file: str, schema: Mapping, fault: Fault) -> list[Field]:
    """Read the fields of a schema."""
    declared = schema.get("fields")
    if not isinstance(declared, list) or not declared:
        fault(schema.line, "缺少 fields 列表。")
        return []
    result: dict[str, Field] = {}
    for item in declared:
        if not isinstance(item, Mapping):
            fault(schema.lines["fields"], "fields 的每一项应是映射。")
            continue
        made = _field(file, item, fault)
        if made is None:
            continue
        if made.name in result:
            fault(made.line, f"字段 {quoted(made.name)} 重复。")
        result[made.name] = made
    return list(result.values())


def _field(file: str, item: Mapping, fault: Fault) -> Field | None:
    name, kind = text(item, "name"), text(item, "type") or "string"
    line = item.lines.get("name", item.line)
    if not IDENTIFIER.match(name):
        fault(line, f"字段名 {quoted(name)} 应为小写英文字母、数字和下划线。")
        return None
    if kind not in SUPPORTED:
        known = "、".join(sorted(SUPPORTED))
        fault(item.lines["type"], f"字段 {name} 的 type {quoted(kind)} 不是表结构标准的类型：{known}。")
        return None
    misspelt(item, _FIELD_KEYS, fault)
    level = text(item, "sensitivity") if "sensitivity" in item else "restricted"
    if level not in SENSITIVITIES:
        fault(item.lines["sensitivity"], f"sensitivity 应为 {'、'.join(SENSITIVITIES)} 之一。")
    constraints = _constraints(item, kind, fault)
    categories = _categories(item, constraints, fault)
    codes = item.get("codes")
    return Field(
        name=name,
        title=text(item, "title") or name,
        type=kind,
        description=text(item, "description"),
        example=text(item, "example"),
        sensitivity=SENSITIVITIES.get(level, Sensitivity.RESTRICTED),
        constraints=constraints,
        categories=categories,
        enum_type=_enum_type(file, item, name, fault) if categories else "",
        codes={k: str(v) for k, v in codes.items()} if isinstance(codes, Mapping) else {},
        descriptor=_descriptor(item, name, kind, constraints, fault),
        line=line,
        missing_values=names(item["missingValues"]) if "missingValues" in item else None,
        former_names=names(item.get("formerNames")),
        compartment=text(item, "compartment") or "personal",
    )


def _enum_type(file: str, item: Mapping, name: str, fault: Fault) -> str:
    given = text(item, "categoriesType")
    if given and (not IDENTIFIER.match(given) or given in _TAKEN_TYPES):
        message = "categoriesType 应为小写英文字母、数字和下划线，且不能是数据库已有的类型名。"
        fault(item.lines["categoriesType"], message)
    return given or f"{PurePosixPath(file).stem}_{name}"


def _categories(item: Mapping, constraints: dict[str, Any], fault: Fault) -> tuple[str, ...]:
    if not _BOOLEAN.get(text(item, "categoriesOrdered"), False):
        return ()
    line = item.lines["categoriesOrdered"]
    words = names(item.get("categories"))
    if not words or "" in words or len(set(words)) != len(words):
        fault(line, "有序类别（categoriesOrdered）应在 categories 中由低到高列出，不能留空或重复。")
        return ()
    if text(item, "type") not in ("", "string") or set(constraints.get("enum", ())) != set(words):
        fault(line, "有序类别只用于 string 字段，且 constraints.enum 应与 categories 相同。")
    return words


def _descriptor(
    item: Mapping, name: str, kind: str, constraints: dict[str, Any], fault: Fault
) -> dict[str, Any]:
    """Return the field as the standard's own reader takes it: values typed, our own properties left out."""
    result: dict[str, Any] = {"name": name, "type": kind}
    for key in _PASSED_ON:
        if text(item, key):
            result[key] = text(item, key)
    form = result.get("format", "default")
    if form not in _FORMATS.get(kind, {form}):
        fault(item.lines["format"], f"字段 {name} 的 format 应为 {'、'.join(sorted(_FORMATS[kind]))} 之一。")
    if result.get("itemType", "string") not in _ITEM_TYPES:
        fault(item.lines["itemType"], f"字段 {name} 的 itemType 应为 {'、'.join(sorted(_ITEM_TYPES))} 之一。")
    for key in ("trueValues", "falseValues"):
        if key in item:
            result[key] = list(names(item[key]))
    if set(result.get("trueValues", ())) & set(result.get("falseValues", ())):
        fault(item.line, f"字段 {name} 的 trueValues 与 falseValues 有相同的值。")
    for key in ("bareNumber", "floatNumber"):
        if key in item:
            result[key] = _BOOLEAN.get(text(item, key), key == "bareNumber")
    if "missingValues" in item:
        result["missingValues"] = list(names(item["missingValues"]))
    if "arrayItem" in item:
        inner = item["arrayItem"]
        if isinstance(inner, Mapping):
            inner_kind = text(inner, "type") or "any"
            limits = _constraints(inner, inner_kind, fault) if inner_kind in SUPPORTED else {}
            result["arrayItem"] = _descriptor(inner, name, inner_kind, limits, fault)
        else:
            fault(item.lines["arrayItem"], "arrayItem 应是映射。")
    if constraints:
        result["constraints"] = constraints
    return result


def _constraints(item: Mapping, kind: str, fault: Fault) -> dict[str, Any]:
    declared = item.get("constraints")
    result: dict[str, Any] = {}
    if declared is None:
        return result
    if not isinstance(declared, Mapping):
        fault(item.lines["constraints"], "constraints 应是映射。")
        return result
    for key, value in declared.items():
        line = declared.lines[key]
        if key not in _CONSTRAINTS:
            near = difflib.get_close_matches(key, sorted(_CONSTRAINTS), 1, 0.6)
            fault(line, f"没有 {quoted(key)} 这种约束{f'，是否应为 {near[0]}' if near else ''}。")
        elif key not in SUPPORTED.get(kind, _CONSTRAINTS) | {"required", "unique"}:
            fault(line, f"{kind} 类型的字段不能用约束 {key}。可用：{'、'.join(sorted(SUPPORTED[kind]))}。")
        else:
            try:
                result[key] = _constraint(key, value, kind, text(item, "format"))
            except (ValueError, TypeError, KeyError, re.error, OverflowError):
                fault(line, f"约束 {key} 的值写法有误，或与字段类型 {kind} 不符。")
    return result


def _constraint(key: str, value: Value, kind: str, form: str) -> Any:
    if key == "enum":
        if not isinstance(value, list) or not value:
            raise TypeError(key)
        return [_value(v, kind, "") for v in value]
    if not isinstance(value, str):
        raise TypeError(key)
    if key in ("required", "unique"):
        return _BOOLEAN[value]
    if key in _LENGTHS:
        if not re.fullmatch("[0-9]{1,9}", value):
            raise ValueError(value)
        return int(value)
    if key == "pattern":
        # As the standard's own reader puts it.
        re.compile(f"^{value}$")
        return value
    return _value(value, kind, form or "default")


def _value(value: Value, kind: str, form: str) -> Any:
    if not isinstance(value, str):
        raise TypeError(kind)
    if kind in ("integer", "year"):
        if not re.fullmatch(r"[+-]?[0-9]+", value):
            raise ValueError(value)
        return int(value)
    if kind == "number":
        if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", value):
            raise ValueError(value)
        return int(value) if re.fullmatch(r"[+-]?[0-9]+", value) else float(value)
    if kind == "date" and form == "default":
        return datetime.date.fromisoformat(value).isoformat()
    return value


def read_foreign_keys(schema: Mapping, table: str, known: set[str], fault: Fault) -> list[ForeignKey]:
    """Read the foreign keys of a schema; whether their targets exist is asked when all tables are known."""
    declared = schema.get("foreignKeys")
    if declared is None:
        return []
    line = schema.lines["foreignKeys"]
    if not isinstance(declared, list):
        fault(line, "foreignKeys 应是列表。")
        return []
    result: list[ForeignKey] = []
    for item in declared:
        reference = item.get("reference") if isinstance(item, Mapping) else None
        if not isinstance(item, Mapping) or not isinstance(reference, Mapping):
            fault(line, "foreignKeys 的每一项应有 fields 和 reference。")
            continue
        fields, references = names(item.get("fields")), names(reference.get("fields"))
        if not fields or len(fields) != len(references) or not known.issuperset(fields):
            fault(item.line, "foreignKeys 的 fields 应是本表字段，且与 reference.fields 个数相同。")
            continue
        result.append(ForeignKey(fields, text(reference, "resource") or table, references))
    return result
