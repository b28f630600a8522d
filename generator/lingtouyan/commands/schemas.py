"""JSON Schemas for the YAML documents, made from the Table Schemas, so that editors complete and check while one types.

Written to `schemas/json/` and wired up in `.vscode/settings.json`; never edited by hand.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lingtouyan.problems import UsageError
from lingtouyan.project import Project
from lingtouyan.reading.package import Field, Package, Table

FOLDER = "schemas/json"
_SETTINGS = ".vscode/settings.json"
_TYPES = {"integer": "integer", "year": "integer", "number": "number", "array": "array"}


def write_editor_schemas(project: Project) -> int:
    """Write one JSON Schema per table of documents and point the editor's settings at them; return how many."""
    folder = project.root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    wired: dict[str, list[str]] = {}
    for name, schema in editor_schemas(project.package).items():
        path = folder / f"{name}.json"
        path.write_text(json.dumps(schema, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        wired[f"./{FOLDER}/{name}.json"] = [project.package.tables[name].path]
    _wire(project.root / _SETTINGS, wired)
    return len(wired)


def editor_schemas(package: Package) -> dict[str, dict[str, Any]]:
    """Return table name -> JSON Schema for each table whose records are YAML documents."""
    result = {}
    for table in package.tables.values():
        if table.kind == "yaml":
            record = _record(table, package, ())
            result[table.name] = {
                "$schema": "http://json-schema.org/draft-07/schema#",
                "title": table.title,
                "description": table.description,
                "oneOf": [record, {"type": "array", "items": record}],
            }
    return result


def _record(table: Table, package: Package, inherited: tuple[str, ...]) -> dict[str, Any]:
    fields = [f for f in table.fields if f.name not in inherited]
    schema: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {f.name: _field(f) for f in fields},
        "required": [f.name for f in fields if f.required and f.name != "ordinal"],
    }
    nested = _nested(fields)
    schema["properties"].update(nested)
    for child in package.children.get(table.name, ()):
        items: dict[str, Any] = _record(child, package, (*inherited, *table.primary_key))
        value = child.field("value")
        if value is not None:
            items = {"anyOf": [items, _field(value)]}
        _put(
            schema["properties"],
            child.property.split("."),
            {
                "type": ["array", "null"],
                "title": child.title,
                "description": child.description,
                "items": items,
            },
        )
    # A value may stand flat (`a_b: 1`) or nested (`a: {b: 1}`), so only flat ones can be demanded here.
    schema["required"] = [n for n in schema["required"] if n.split("_")[0] not in nested]
    return schema


def _nested(fields: list[Field]) -> dict[str, Any]:
    """Offer `education: {level: …}` for `education_level` wherever at least two fields share the first part."""
    groups: dict[str, list[Field]] = {}
    for field in fields:
        head, _, rest = field.name.partition("_")
        if rest:
            groups.setdefault(head, []).append(field)
    names = {f.name for f in fields}
    return {
        head: _tree([(f.name.split("_")[1:], f) for f in members])
        for head, members in groups.items()
        if len(members) > 1 and head not in names
    }


def _tree(members: list[tuple[list[str], Field]]) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for parts, field in members:
        # Any split of the remaining words may be the author's nesting; the flat rest and each first word are offered.
        properties.setdefault("_".join(parts), _field(field))
        for cut in range(1, len(parts)):
            head = "_".join(parts[:cut])
            node = properties.setdefault(head, {"type": "object", "properties": {}})
            if "properties" in node:
                node["properties"].setdefault("_".join(parts[cut:]), _field(field))
    return {"type": ["object", "null"], "properties": properties, "additionalProperties": False}


def _put(properties: dict[str, Any], path: list[str], schema: dict[str, Any]) -> None:
    if len(path) == 1:
        properties[path[0]] = schema
        return
    node = properties.setdefault(path[0], {"type": ["object", "null"], "properties": {}})
    _put(node.setdefault("properties", {}), path[1:], schema)


def _field(field: Field) -> dict[str, Any]:
    note = f"{field.description}" + ("（必填）" if field.required else "")
    schema: dict[str, Any] = {"title": field.title, "description": note}
    limits = field.constraints
    if "enum" in limits:
        schema["enum"] = [*limits["enum"], *([] if field.required else [None])]
        return schema
    if field.type == "array":
        return {**schema, "type": ["array", "null"], "items": {"type": "string"}}
    # Editors read plain YAML, where 2026-03-01 is a date and 12 a number; records read them as text.
    kinds = (
        ["string", "number", "boolean"]
        if field.type in ("string", "any", "boolean", "date")
        else [_TYPES.get(field.type, "string"), "string"]
    )
    schema["type"] = kinds if field.required else [*kinds, "null"]
    for ours, theirs in (("pattern", "pattern"), ("minLength", "minLength"), ("maxLength", "maxLength")):
        if ours in limits:
            schema[theirs] = f"^(?:{limits[ours]})$" if ours == "pattern" else limits[ours]
    if field.type in ("integer", "number", "year"):
        for key in ("minimum", "maximum"):
            if key in limits:
                schema[key] = limits[key]
    if field.example:
        schema["examples"] = [field.example]
    return schema


def _wire(path: Path, wired: dict[str, list[str]]) -> None:
    settings: dict[str, Any] = {}
    if path.is_file() and not path.is_symlink():
        try:
            settings = json.loads(path.read_text(encoding="utf-8"))
        except json.JSONDecodeError as fault:
            raise UsageError(
                f"{_SETTINGS} 不是合法的 JSON（第 {fault.lineno} 行），没有改动。请改正后重试。"
            ) from None
    settings["yaml.schemas"] = wired
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(settings, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
