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
    properties = _tree([(f.name, _field(f)) for f in fields])
    for child in package.children.get(table.name, ()):
        items = _record(child, package, (*inherited, *table.primary_key))
        if value := child.field("value"):
            items = {"anyOf": [items, _field(value)]}
        *path, last = child.property.split(".")
        place = properties
        for part in path:
            place = place.setdefault(part, {"type": ["object", "null"]}).setdefault("properties", {})
        told = {"title": child.title, "description": child.description, "items": items}
        place[last] = {"type": ["array", "null"], **told}
    # A value may stand flat (`a_b: 1`) or nested (`a: {b: 1}`), so only flat ones can be demanded here.
    heads = properties.keys() - {f.name for f in fields}
    required = [f.name for f in fields if f.required and f.name != "ordinal"]
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": [n for n in required if n.partition("_")[0] not in heads],
    }


def _tree(members: list[tuple[str, dict[str, Any]]], least: int = 2) -> dict[str, Any]:
    """Offer `education: {level: …}` for `education_level`, too, wherever so many fields share the first words."""
    properties = dict(members)
    groups: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for name, schema in members:
        words = name.split("_")
        for n in range(1, len(words)):
            groups.setdefault("_".join(words[:n]), []).append(("_".join(words[n:]), schema))
    for head, below in groups.items():
        if len(below) >= least and head not in properties:
            shape = {"type": ["object", "null"], "properties": _tree(below, 1), "additionalProperties": False}
            properties[head] = shape
    return properties


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
    figures = ("minimum", "maximum") if field.type in ("integer", "number", "year") else ()
    schema |= {key: limits[key] for key in ("minLength", "maxLength", *figures) if key in limits}
    if "pattern" in limits:
        schema["pattern"] = f"^(?:{limits['pattern']})$"
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
