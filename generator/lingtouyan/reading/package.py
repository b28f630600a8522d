"""Tables and fields as the data package and its Table Schemas declare them; whatever cannot be honoured is a fault.

The only place that knows how they are written: all other rooms see `Package`, `Table` and `Field`. A constraint that is
dropped in silence would let wrong records pass.
"""

from __future__ import annotations

import datetime
import difflib
import hashlib
import re
from collections.abc import Callable, Collection, Iterator
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property, partial
from pathlib import PurePosixPath
from typing import Any

from lingtouyan.problems import Problem, RecordsError, error, meant, quoted
from lingtouyan.reading.source import Source, UnsafePathError, checked_pattern, glob_regex, static_prefix
from lingtouyan.reading.yaml import Mapping, YamlError, parse_yaml
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
# How numbers are written; understood by the database, too.
SHAPES = {
    "integer": r"[+-]?[0-9]+",
    "year": "[0-9]{4}",
    "number": r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?",
}
# What the standard takes for yes and no where a field does not say.
_YES, _NO = ["true", "True", "TRUE", "1"], ["false", "False", "FALSE", "0"]
_BOOLEAN = {"true": True, "True": True, "false": False, "False": False}
# What a record of processing tells of a field, where it does not hold for the whole table.
PRIVACY = ("purpose", "basis", "retention", "printed")
_PASSED_ON = ("title", "description", "format", "decimalChar", "groupChar", "delimiter", "itemType")
_PACKAGE_KEYS = _words("name title description resources lingtouyan")
_RESOURCE_KEYS = _words("name title description path formerPaths schema parent property")
_SCHEMA_KEYS = _words(
    "fields primaryKey foreignKeys missingValues title description label order rows owner scaffold sealedFor compartments"
).union(PRIVACY)
_FIELD_KEYS = _words(
    "name type example sensitivity constraints categories categoriesOrdered categoriesType codes trueValues falseValues "
    "bareNumber floatNumber missingValues formerNames aliases valueAliases suggest arrayItem compartment picture digestOf"
).union(_PASSED_ON, PRIVACY)
# Names that a type of the database has already.
_TAKEN_TYPES = _words("integer bigint double boolean date time timestamp varchar json interval uuid blob")
_KINDS = {".csv": "csv", ".parquet": "parquet", ".yaml": "yaml", ".yml": "yaml", ".md": "markdown"}


class Sensitivity(IntEnum):
    """Who may see a value; an edition shows all up to its own level."""

    PUBLIC = 0
    INTERNAL = 1
    RESTRICTED = 2


SENSITIVITIES = {s.name.lower(): s for s in Sensitivity}
# Edition -> the most that its readers may see.
EDITION_LEVELS = SENSITIVITIES


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
        aliases: other headings under which rosters have it; value_aliases: word of a roster -> value.
        suggest: `pinyin`: the field that it is the reading of; `surnames`: readings of first characters that are special.
        compartment: what an office must be entitled to, to open a sealed value of this field; one that is not restricted is
            empty in an edition that does not name its compartment.
        months_before: of a date: the month before which the month alone is enough, or empty.
        picture: it stands for a sealed file beside the record, and has no value in it.
        digest_of: the restricted field of which it holds a digest, made when that is sealed.
        privacy: what it is for, on what basis, how long it is kept and where it is printed, as `PRIVACY` names them.
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
    aliases: tuple[str, ...] = ()
    value_aliases: AbstractMapping[str, str] = field(default_factory=dict)
    suggest: AbstractMapping[str, Any] = field(default_factory=dict)
    compartment: str = ""
    months_before: str = ""
    picture: bool = False
    digest_of: str = ""
    privacy: tuple[str, ...] = ()

    @property
    def yes_and_no(self) -> tuple[list[str], list[str]]:
        """The texts that mean yes and those that mean no; first is the one in which records write it."""
        given = self.descriptor
        return given.get("trueValues") or _YES, given.get("falseValues") or _NO

    @property
    def closed(self) -> bool:
        """Whether it is in a compartment, as all that is restricted is: what many read tells none of its values."""
        return bool(self.compartment)

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
        kind: `csv`, `parquet` (never typed by people: what `collect` brought), `yaml`, `markdown`, or `child` for a list
            inside the parent's documents.
        path: glob relative to the root; empty for a child.
        parent, property: for a child, the table it belongs to and the dotted key of its list.
        label: the field that names a record to a reader.
        row_filters: edition -> SQL condition a row must meet to enter that edition.
        schema_file: where the schema stands, relative to the root.
        scaffold: for a child, the SELECT that fills its list in a new parent record, with `$field` for the parent's values.
        order: fields by which `fmt` sorts a table's lines; lines that are alike in them keep their order.
        former_paths: globs of where its files were before, for its history.
        sealed_for: the field that names the record whose key seals this table's values; empty for its own.
        compartments: compartment -> SQL condition of the rows that are in no edition that does not name it.
        privacy: as of a field, for those that say nothing themselves.
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
    compartments: AbstractMapping[str, str] = field(default_factory=dict)
    privacy: tuple[str, ...] = ()

    def lined(self) -> bool:
        """Whether each record is a line of a file, not a document or a part of one."""
        return self.kind in ("csv", "parquet")

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
        digest: over descriptor and schemas; changes when any of them does, but not with the settings.
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

    @cached_property
    def compartments(self) -> frozenset[str]:
        """All compartments that fields or rows are in."""
        tables = self.tables.values()
        return frozenset(
            n for t in tables for n in (*t.compartments, *(f.compartment for f in t.fields)) if n
        )

    def origin(self, table: Table) -> Table:
        """Return the table whose files hold this table's rows."""
        while table.parent:
            table = self.tables[table.parent]
        return table

    @cached_property
    def _patterns(self) -> tuple[re.Pattern[str], list[Table]]:
        sources = [t for t in self.tables.values() if t.path]
        return re.compile("|".join(f"({glob_regex(t.path).pattern})" for t in sources) or r"(?!)"), sources

    def owner(self, file: str) -> Table | None:
        """Return the first table whose pattern names a file."""
        pattern, sources = self._patterns
        found = pattern.match(file)
        return sources[found.lastindex - 1] if found and found.lastindex else None

    def files(self, source: Source, *tables: Table) -> Iterator[tuple[str, Table]]:
        """Yield the files of some tables, or of all, in order."""
        wanted = {t.name: static_prefix(t.path) for t in tables or self.tables.values() if t.path}
        for name in source.files(wanted.values()).files:
            if (table := self.owner(name)) and table.name in wanted:
                yield name, table


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


@dataclass(frozen=True)
class _Part:
    """A mapping in the descriptor or a schema, and how to say what is wrong in it, by line."""

    item: Mapping
    say: Callable[[int, str], None]

    def wrong(self, key: str, message: str) -> None:
        """Say what is wrong with a key, or, where it is not written, with the mapping."""
        self.say(self.item.lines.get(key, self.item.line), message)

    def text(self, key: str, default: str = "") -> str:
        """Return a value that should be text."""
        value = self.item.get(key)
        return value if isinstance(value, str) and value else default

    def words(self, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Return a word or a list of words; the standard also allows `{value: 1, label: 小学}` for a word."""
        value = self.item.get(key)
        if key not in self.item or isinstance(value, str):
            return (value,) if isinstance(value, str) else default
        words = (v.get("value") if isinstance(v, Mapping) else v for v in value or ())
        return tuple(w if isinstance(w, str) else "" for w in words)

    def one_of(self, key: str, known: Collection[str], default: str) -> str:
        """Return a word that must be one of these."""
        word = self.text(key) if key in self.item else default
        if word not in known:
            self.wrong(key, f"{key} {quoted(word)} 应为 {'、'.join(sorted(known))} 之一。")
        return word if word in known else ""

    def part(self, key: str) -> _Part:
        """Return the mapping under a key, an empty one where there is none."""
        value = self.item.get(key)
        if key in self.item and not isinstance(value, Mapping) and (value or key != "constraints"):
            self.wrong(key, f"{key} 应是映射（键: 值）。")
        return _Part(value if isinstance(value, Mapping) else Mapping(self.item.line), self.say)

    def parts(self, key: str, *, needed: str = "") -> Iterator[_Part]:
        """Yield the mappings of the list under a key; `needed`: what to say where there is none."""
        value = self.item.get(key)
        if not isinstance(value, list) or (needed and key == "fields" and not value):
            if needed or value is not None:
                self.wrong("" if needed else key, needed or f"{key} 应是列表。")
            return
        for item in value:
            if isinstance(item, Mapping):
                yield _Part(item, self.say)
            else:
                self.wrong(key, f"{key} 的每一项应是映射。")

    def spelt(self, known: Collection[str]) -> None:
        """Report keys that are nearly a known one: what they were meant to demand would not be demanded."""
        for key in self.item.keys() - known:
            if near := difflib.get_close_matches(key, sorted(known), 1, 0.8):
                self.wrong(key, f"不认识的键 {quoted(key)}，是否应为 {near[0]}？")


class _PackageReader:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self.digest = hashlib.blake2b(digest_size=16)

    def fault(self, file: str, line: int, message: str) -> None:
        rule = "package-error" if file == DESCRIPTOR else "schema-error"
        self.problems.append(error(file, line, rule, message))

    def document(self, file: str) -> _Part | None:
        data = self.source.read(file)
        if isinstance(data, Problem):
            self.problems.append(data)
            return None
        try:
            value = parse_yaml(data.decode("utf-8-sig"))
            if isinstance(value, Mapping):
                told = {k: v for k, v in value.items() if k != "lingtouyan"}
                self.digest.update(repr((file, told)).encode("utf-8", "backslashreplace"))
                return _Part(value, partial(self.fault, file))
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
        tables: dict[str, Table] = {}
        given, settings = descriptor.part("lingtouyan"), Settings()
        month = given.text("starts_on")[: len("2026-01")]
        for resource in descriptor.parts("resources", needed="缺少 resources 列表：请在其中登记每张表。"):
            if table := self.table(resource, tables, month):
                tables[table.name] = table
        if not self.problems:
            self.check_references(tables)
        descriptor.spelt(_PACKAGE_KEYS)
        if not self.problems:
            # With a table that cannot be read, a setting that names it would be blamed for it.
            known = {t.name: {f.name for f in t.fields} for t in tables.values()}
            settings, faults = read_settings(given.item, known)
            for key, message in faults:
                given.wrong(key, message)
        children: dict[str, list[Table]] = {}
        for table in tables.values():
            if table.parent:
                children.setdefault(table.parent, []).append(table)
        name, digest = descriptor.text("name"), self.digest.hexdigest()
        title, description = descriptor.text("title", name), descriptor.text("description")
        return Package(name, title, description, tables, settings, digest, children)

    def table(self, resource: _Part, known: dict[str, Table], month: str) -> Table | None:
        name = resource.text("name")
        resource.spelt(_RESOURCE_KEYS)
        if not IDENTIFIER.match(name):
            resource.wrong("name", f"表名 {quoted(name)} 应为小写英文字母、数字和下划线。")
            return None
        if name in known or name in ENGINE_TABLES:
            resource.wrong("name", f"表名 {quoted(name)} 重复，或为系统保留名。请换一个名字。")
            return None
        kind, schema_file = self.kind(resource, known), resource.text("schema")
        try:
            checked_pattern(schema_file)
        except UnsafePathError:
            resource.wrong("schema", "schema 应是仓库内的相对路径（schemas/tables/….yaml）。")
            return None
        schema = self.document(schema_file)
        if not kind or schema is None:
            return None
        schema.spelt(_SCHEMA_KEYS)
        fields: dict[str, Field] = {}
        for part in schema.parts("fields", needed="缺少 fields 列表。"):
            if made := _field(schema_file, part, month):
                if made.name in fields:
                    part.wrong("name", f"字段 {quoted(made.name)} 重复。")
                fields[made.name] = made
        for place in ("primaryKey", "label", "order"):
            for word in schema.words(place):
                if word not in fields:
                    schema.wrong(place, f"{place} 用到了没有声明的字段 {quoted(word)}。")
        for made in fields.values():
            if (of := made.digest_of) and (
                of not in fields or fields[of].sensitivity < Sensitivity.RESTRICTED
            ):
                schema.wrong(
                    "fields", f"字段 {made.name} 的 digestOf {quoted(of)} 应是本表的一个限制级字段。"
                )
        keys = tuple(_foreign_keys(schema, name, fields))
        sealed_for, key = schema.text("sealedFor"), schema.words("primaryKey")
        if sealed_for and not any(k.fields == (sealed_for,) for k in keys):
            schema.wrong("sealedFor", f"sealedFor {quoted(sealed_for)} 应是一个外键字段。")
        named = next((f for f in fields if f in ("name", "title")), key[0] if key else "")
        return Table(
            name=name,
            title=resource.text("title") or schema.text("title", name),
            description=schema.text("description") or resource.text("description"),
            kind=kind,
            path=resource.text("path"),
            parent=resource.text("parent"),
            property=resource.text("property"),
            fields=tuple(fields.values()),
            primary_key=key,
            foreign_keys=keys,
            missing_values=schema.words("missingValues", ("",)),
            label=schema.text("label", named),
            owner=schema.text("owner"),
            row_filters=_conditions(schema, "rows"),
            schema_file=schema_file,
            scaffold=schema.text("scaffold"),
            order=schema.words("order", key[:1]),
            former_paths=resource.words("formerPaths"),
            sealed_for=sealed_for,
            compartments=_conditions(schema, "compartments"),
            privacy=tuple(map(schema.text, PRIVACY)),
        )

    def kind(self, resource: _Part, known: dict[str, Table]) -> str:
        """Return the kind of a table, or nothing where it cannot be read."""
        parent, path = known.get(resource.text("parent")), resource.text("path")
        if resource.text("parent"):
            if parent and not parent.lined() and resource.text("property"):
                return "child"
            resource.wrong("", "子表应写明 property，且 parent 须是前面已登记的 YAML 或 Markdown 表。")
            return ""
        try:
            glob_regex(checked_pattern(path))
        except re.error:
            resource.wrong("path", f"path {quoted(path)} 里的方括号写法有误。")
        except UnsafePathError:
            resource.wrong("path", f"path {quoted(path)} 应是仓库内的相对路径，不能含“..”或网址。")
        else:
            if kind := _KINDS.get(PurePosixPath(path).suffix):
                return kind
            resource.wrong("path", "path 的扩展名应为 .csv、.yaml、.md 或 .parquet。")
        return ""

    def check_references(self, tables: dict[str, Table]) -> None:
        lists: dict[str, tuple[str, ...]] = {}
        places: dict[tuple[str, str], str] = {}
        for table in tables.values():
            file = table.schema_file
            for f in table.fields:
                if f.enum_type and lists.setdefault(f.enum_type, f.categories) != f.categories:
                    advice = "请统一，或用 categoriesType 另取名字。"
                    self.fault(
                        file, f.line, f"有序类别 {quoted(f.enum_type)} 在另一处列的词或次序不同。{advice}"
                    )
            for key in table.foreign_keys:
                target = tables.get(key.table)
                if target is None or not all(map(target.field, key.references)):
                    aim = f"{quoted(key.table)}（{'、'.join(key.references)}）"
                    self.fault(file, 1, f"外键 {'、'.join(key.fields)} 指向的表或字段不存在：{aim}。")
            if table.parent:
                other = places.setdefault((table.parent, table.property), table.name)
                if other != table.name:
                    self.fault(DESCRIPTOR, 1, f"子表 {table.name} 与 {other} 的 parent 和 property 相同。")
                if missing := [k for k in tables[table.parent].primary_key if table.field(k) is None]:
                    self.fault(file, 1, f"子表须声明上级表的主键字段：{'、'.join(missing)}。")


def _conditions(schema: _Part, key: str) -> dict[str, str]:
    """Read which rows enter an edition, or are in a compartment. What is not understood must not mean "all rows"."""
    rows = schema.part(key)
    for name in rows.item:
        if key == "rows" and name not in EDITION_LEVELS:
            known = "、".join(EDITION_LEVELS)
            rows.wrong(name, f"rows 的版名 {quoted(name)} 不存在，可用：{known}。")
        elif not rows.text(name).strip():
            advice = "要公开全部记录，请删去这一项。" if key == "rows" else "全部行都属于它时写 'true'。"
            rows.wrong(name, f"{key}.{name} 没有写条件。{advice}")
    return {name: rows.text(name) for name in rows.item}


def _foreign_keys(schema: _Part, table: str, known: Collection[str]) -> Iterator[ForeignKey]:
    """Yield the foreign keys of a schema; whether their targets exist is asked when all tables are known."""
    for part in schema.parts("foreignKeys"):
        if "reference" not in part.item:
            schema.wrong("foreignKeys", "foreignKeys 的每一项应有 fields 和 reference。")
            continue
        reference = part.part("reference")
        fields, references = part.words("fields"), reference.words("fields")
        if not fields or len(fields) != len(references) or not {*known}.issuperset(fields):
            part.wrong("", "foreignKeys 的 fields 应是本表字段，且与 reference.fields 个数相同。")
            continue
        yield ForeignKey(fields, reference.text("resource", table), references)


def _field(file: str, part: _Part, month: str) -> Field | None:
    name, kind = part.text("name"), part.text("type", "string")
    if not IDENTIFIER.match(name):
        part.wrong("name", f"字段名 {quoted(name)} 应为小写英文字母、数字和下划线。")
        return None
    if kind not in SUPPORTED:
        known = "、".join(sorted(SUPPORTED))
        part.wrong("type", f"字段 {name} 的 type {quoted(kind)} 不是表结构标准的类型：{known}。")
        return None
    part.spelt(_FIELD_KEYS)
    level = part.one_of("sensitivity", SENSITIVITIES, "restricted")
    constraints = _constraints(part, kind)
    compartment = part.text("compartment") or ("personal" if level == "restricted" else "")
    if compartment and level != "restricted" and constraints.get("required"):
        part.wrong(
            "compartment",
            f"字段 {name} 必填，却属于保密分隔 {compartment}，在别的版里会是空的。请去掉 required。",
        )
    categories = _categories(part, constraints)
    enum_type = part.text("categoriesType", f"{PurePosixPath(file).stem}_{name}") if categories else ""
    if categories and (enum_type in _TAKEN_TYPES or not IDENTIFIER.match(part.text("categoriesType", "a"))):
        message = "categoriesType 应为小写英文字母、数字和下划线，且不能是数据库已有的类型名。"
        part.wrong("categoriesType", message)
    codes = part.item.get("codes")
    return Field(
        name=name,
        title=part.text("title", name),
        type=kind,
        description=part.text("description"),
        example=part.text("example"),
        sensitivity=SENSITIVITIES.get(level, Sensitivity.RESTRICTED),
        constraints=constraints,
        categories=categories,
        enum_type=enum_type,
        codes={k: str(v) for k, v in codes.items()} if isinstance(codes, Mapping) else {},
        descriptor=_descriptor(part, name, kind, constraints),
        line=part.item.lines["name"],
        missing_values=part.words("missingValues") if "missingValues" in part.item else None,
        former_names=part.words("formerNames"),
        aliases=part.words("aliases"),
        value_aliases={k: str(v) for k, v in part.part("valueAliases").item.items()},
        suggest=part.part("suggest").item,
        compartment=compartment,
        months_before=month if kind == "date" else "",
        picture=_BOOLEAN.get(part.text("picture"), False),
        digest_of=part.text("digestOf"),
        privacy=tuple(map(part.text, PRIVACY)),
    )


def _categories(part: _Part, constraints: dict[str, Any]) -> tuple[str, ...]:
    if not _BOOLEAN.get(part.text("categoriesOrdered"), False):
        return ()
    words = part.words("categories")
    if not words or "" in words or len(set(words)) != len(words):
        message = "有序类别（categoriesOrdered）应在 categories 中由低到高列出，不能留空或重复。"
        part.wrong("categoriesOrdered", message)
        return ()
    if part.text("type", "string") != "string" or {*constraints.get("enum", ())} != {*words}:
        message = "有序类别只用于 string 字段，且 constraints.enum 应与 categories 相同。"
        part.wrong("categoriesOrdered", message)
    return words


def _descriptor(part: _Part, name: str, kind: str, constraints: dict[str, Any]) -> dict[str, Any]:
    """Return the field as the standard's own reader takes it: values typed, our own properties left out."""
    result: dict[str, Any] = {"name": name, "type": kind}
    result |= {key: text for key in _PASSED_ON if (text := part.text(key))}
    if kind in _FORMATS:
        part.one_of("format", _FORMATS[kind], "default")
    part.one_of("itemType", _ITEM_TYPES, "string")
    for key in ("trueValues", "falseValues", "missingValues"):
        if key in part.item:
            result[key] = list(part.words(key))
    if {*part.words("trueValues")} & {*part.words("falseValues")}:
        part.wrong("", f"字段 {name} 的 trueValues 与 falseValues 有相同的值。")
    for key in ("bareNumber", "floatNumber"):
        if key in part.item:
            result[key] = _BOOLEAN.get(part.text(key), key == "bareNumber")
    if "arrayItem" in part.item:
        inner = part.part("arrayItem")
        inner_kind = inner.text("type", "any")
        limits = _constraints(inner, inner_kind) if inner_kind in SUPPORTED else {}
        result["arrayItem"] = _descriptor(inner, name, inner_kind, limits)
    return result | ({"constraints": constraints} if constraints else {})


def _constraints(part: _Part, kind: str) -> dict[str, Any]:
    declared, result = part.part("constraints"), {}
    allowed = SUPPORTED[kind] | {"required", "unique"}
    # A date in another format is left as it is written, for the standard's own reader.
    read = _VALUES.get(kind, str) if kind != "date" or part.text("format", "default") == "default" else str
    for key, value in declared.item.items():
        if key not in _CONSTRAINTS:
            near = meant(key, _CONSTRAINTS)
            declared.wrong(key, f"没有 {quoted(key)} 这种约束{f'，是否应为 {near}' if near else ''}。")
        elif key not in allowed:
            known = "、".join(sorted(SUPPORTED[kind]))
            declared.wrong(key, f"{kind} 类型的字段不能用约束 {key}。可用：{known}。")
        else:
            words: Any = value if key == "enum" else [value]
            try:
                if not isinstance(words, list) or not words or not all(isinstance(w, str) for w in words):
                    raise ValueError(key)
                make: Callable[[str], Any] = _LIMITS.get(key, read)
                made = words if key == "enum" and kind == "date" else [make(w) for w in words]
            except (ValueError, KeyError, re.error, OverflowError):
                declared.wrong(key, f"约束 {key} 的值写法有误，或与字段类型 {kind} 不符。")
            else:
                result[key] = made if key == "enum" else made[0]
    return result


def _shaped(pattern: str, make: Callable[[str], Any]) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        if not re.fullmatch(pattern, text):
            raise ValueError(text)
        return make(text)

    return read


def _pattern(text: str) -> str:
    # As the standard's own reader puts it.
    re.compile(f"^{text}$")
    return text


# How the value of a constraint is read: of a constraint of its own kind, of one that holds a value of the field's type.
_LIMITS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("required", "unique"), _BOOLEAN.__getitem__),
    **dict.fromkeys(_LENGTHS, _shaped("[0-9]{1,9}", int)),
    "pattern": _pattern,
}
_VALUES: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("integer", "year"), _shaped(SHAPES["integer"], int)),
    "number": _shaped(
        SHAPES["number"], lambda text: int(text) if re.fullmatch(SHAPES["integer"], text) else float(text)
    ),
    "date": lambda text: datetime.date.fromisoformat(text).isoformat(),
}
