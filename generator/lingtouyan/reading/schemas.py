"""Table Schemas as the standard writes them: fields, constraints, keys; whatever cannot be honoured is a fault.

A constraint that is silently dropped would let wrong records pass, so nothing is skipped that looks like one.
"""

from __future__ import annotations

import datetime
import difflib
import re
from collections.abc import Callable, Collection
from pathlib import PurePosixPath
from typing import Any

from lingtouyan.problems import quoted
from lingtouyan.reading.tables import SENSITIVITIES, Field, ForeignKey, Sensitivity
from lingtouyan.reading.yaml import Mapping, Value

IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")
# What the standard's reference implementation can hold a value of each type against; `unique` goes with all.
_LENGTHS = frozenset({"minLength", "maxLength"})
_BOUNDS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})
SUPPORTED: dict[str, frozenset[str]] = {
    "any": frozenset({"enum"}),
    "array": _LENGTHS | {"enum"},
    "boolean": frozenset({"enum"}),
    "date": _BOUNDS | {"enum"},
    "datetime": _BOUNDS | {"enum"},
    "duration": frozenset({"enum"}),
    "geojson": frozenset({"enum"}),
    "geopoint": frozenset({"enum"}),
    "integer": _BOUNDS | {"enum"},
    "list": _LENGTHS,
    "number": _BOUNDS | {"enum"},
    "object": _LENGTHS | {"enum"},
    "string": _LENGTHS | {"enum", "pattern"},
    "time": _BOUNDS | {"enum"},
    "year": _BOUNDS | {"enum"},
    "yearmonth": _BOUNDS | {"enum"},
}
FORMATS = {
    "string": frozenset({"default", "email", "uri", "binary", "uuid"}),
    "geopoint": frozenset({"default", "array", "object"}),
    "geojson": frozenset({"default", "topojson"}),
}
_ITEM_TYPES = frozenset({"string", "integer", "boolean", "number", "datetime", "date", "time"})
_BOOLEAN = {"true": True, "True": True, "false": False, "False": False}
_PASSED_ON = ("title", "description", "format", "decimalChar", "groupChar", "delimiter", "itemType")
_FIELD_KEYS = frozenset(
    {
        "name",
        "type",
        "example",
        "sensitivity",
        "constraints",
        "categories",
        "categoriesOrdered",
        "categoriesType",
        "codes",
    }
    | {
        "trueValues",
        "falseValues",
        "bareNumber",
        "floatNumber",
        "missingValues",
        "formerNames",
        "arrayItem",
        *_PASSED_ON,
    }
)
_CONSTRAINTS = frozenset().union(*SUPPORTED.values(), {"required", "unique"})
# Names that a type of the database has already.
_TAKEN_TYPES = frozenset(
    {
        "integer",
        "bigint",
        "double",
        "boolean",
        "date",
        "time",
        "timestamp",
        "varchar",
        "json",
        "interval",
        "uuid",
        "blob",
    }
)

Fault = Callable[[int, str], None]


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
        fault(
            item.lines["type"],
            f"字段 {name} 的 type {quoted(kind)} 不是表结构标准的类型：{'、'.join(SUPPORTED)}。",
        )
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
    )


def _enum_type(file: str, item: Mapping, name: str, fault: Fault) -> str:
    given = text(item, "categoriesType")
    if given and (not IDENTIFIER.match(given) or given in _TAKEN_TYPES):
        fault(
            item.lines["categoriesType"],
            "categoriesType 应为小写英文字母、数字和下划线，且不能是数据库已有的类型名。",
        )
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
    if form not in FORMATS.get(kind, {form}):
        fault(item.lines["format"], f"字段 {name} 的 format 应为 {'、'.join(sorted(FORMATS[kind]))} 之一。")
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
