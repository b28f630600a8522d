"""Rows become files: the columns, their order and the files' paths come from the data package and its schemas.

Numbers of records and documents are given when everything is known, in the order of their dates.
"""

from __future__ import annotations

import csv
import io
import multiprocessing
import re
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

Row = dict[str, Any]

# Nested mappings of the YAML documents: flat field names begin with these, and are written below them.
NESTED = {
    "people": ("education_full_time", "education_in_service"),
    "elections": ("inspection", "approval"),
    "appraisals": ("reports_township", "reports_members", "integrity", "openness", "procedure"),
    "training_classes": ("survey", "combinations"),
}
# How a prefix is spelt as keys, where it is more than one.
SPELT = {
    "education_full_time": ("education", "full_time"),
    "education_in_service": ("education", "in_service"),
    "reports_township": ("reports", "township"),
    "reports_members": ("reports", "members"),
}
_PLAIN = re.compile(
    r"[^\s\-?:,\[\]{}#&*!|>'\"%@`=~.+0-9][^:#,\[\]{}\n\"\\]*(?<!\s)\Z|[0-9]+[^\s:#,\[\]{}0-9.eExo_+\-/][^:#,\[\]{}\n\"\\]*(?<!\s)\Z"
)
_WORDS = frozenset(["null", "true", "false", "yes", "no", "on", "off", "y", "n", ".inf", ".nan", "~"])
_DATE = re.compile(r"\d{4}-\d{2}(-\d{2})?\Z")


class Key:
    """A number that is given at the end: one series per `series`, in the order of `sort`."""

    __slots__ = ("series", "sort", "text")

    def __init__(self, series: tuple[str, ...], sort: tuple[Any, ...]) -> None:
        self.series = series
        self.sort = sort
        self.text = ""

    def __str__(self) -> str:
        return self.text


def give_numbers(keys: list[Key], shape: Callable[[tuple[str, ...], int], str]) -> None:
    """Number the keys of each series from 1 and write each with `shape(series, number)`."""
    series: dict[tuple[str, ...], list[Key]] = defaultdict(list)
    for key in keys:
        series[key.series].append(key)
    for name, members in series.items():
        members.sort(key=lambda k: k.sort)
        for number, key in enumerate(members, 1):
            key.text = shape(name, number)


@lru_cache(maxsize=200_000)
def scalar(text: str, plain: bool) -> str:
    """Write one YAML scalar. `plain` fields (numbers, dates) need no quotes; text is quoted where it could be misread."""
    if plain or _DATE.match(text):
        return text
    if _PLAIN.match(text) and text.lower() not in _WORDS and ": " not in text:
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Package:
    """What the data package says about each table: where it lives, its fields in order, its child tables."""

    def __init__(self, root: Path) -> None:
        described = _load(root / "datapackage.yaml")
        keys: dict[str, list[str]] = {}
        self.tables: dict[str, dict[str, Any]] = {}
        for resource in described["resources"]:
            schema = _load(root / resource["schema"])
            keys[resource["name"]] = schema["primaryKey"]
            names = [f["name"] for f in schema["fields"]]
            self.tables[resource["name"]] = {
                "path": resource.get("path"),
                "names": names,
                "known": frozenset(names),
                "plain": {f["name"] for f in schema["fields"] if f["type"] in ("integer", "number", "date")},
                "children": [],
            }
            spec = self.tables[resource["name"]]
            if "parent" in resource:
                parent = self.tables[resource["parent"]]
                spec["inherited"] = {*keys[resource["parent"]], "ordinal"}
                parent["children"].append((resource["property"], resource["name"]))
            spec["own"] = [(n, n in spec["plain"]) for n in names if n not in spec.get("inherited", ())]

    def csv_text(self, table: str, rows: list[Row]) -> str:
        """Return a CSV file with every column of the schema."""
        spec = self.tables[table]
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(spec["names"])
        known = spec["known"]
        for row in rows:
            unknown = [k for k in row if k not in known and not k.startswith("_")]
            if unknown:
                raise KeyError(f"{table}: {unknown}")
            writer.writerow([_cell(row.get(name)) for name in spec["names"]])
        return out.getvalue()

    def write(self, tables: dict[str, dict[str, list[Row]]], root: Path) -> int:
        """Write all rows below `root` (by table, then by `city` or a township's folder) and return the number of files."""
        jobs = [(table, folder) for table, by_folder in tables.items() for folder in by_folder]
        _shared.append((self, tables, root))
        if len(jobs) < 400 or "fork" not in multiprocessing.get_all_start_methods():
            return sum(_write_one(job) for job in jobs)
        # The rows are shared with the children as they are; nothing is handed over but names.
        with ProcessPoolExecutor(mp_context=multiprocessing.get_context("fork")) as pool:
            return sum(pool.map(_write_one, jobs, chunksize=20))

    def write_rows(self, table: str, folder: str, rows: list[Row], root: Path) -> int:
        """Write the rows of one table in one folder."""
        path, key = self.tables[table]["path"], self.tables[table]["names"][0]
        target = root / (path.replace("records/townships/*", folder) if folder != "city" else path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.suffix == ".csv":
            if rows and "_sort" in rows[0]:
                rows.sort(key=lambda r: r["_sort"])
            elif table != "targets":
                rows.sort(key=lambda r: str(r[key]))
            target.write_text(self.csv_text(table, rows), encoding="utf-8")
            return 1
        for row in rows:
            (target.parent / f"{row[key]}.yaml").write_text(self.yaml_text(table, row), encoding="utf-8")
        return len(rows)

    def yaml_text(self, table: str, row: Row) -> str:
        """Return one document, its keys in the schema's order, each list item on a line of its own where it fits."""
        lines: list[str] = []
        self._mapping(table, row, lines, "")
        return "\n".join(lines) + "\n"

    def _mapping(self, table: str, row: Row, lines: list[str], indent: str) -> None:
        spec = self.tables[table]
        prefixes = NESTED.get(table, ())
        lists = dict(spec["children"])
        unknown = [k for k in row if k not in spec["known"] and k not in lists and not k.startswith("_")]
        if unknown:
            raise KeyError(f"{table}: {unknown}")
        opened: list[str] = []
        for name in spec["names"]:
            value = row.get(name)
            if value is None or value == "" or name in spec.get("inherited", ()):
                continue
            prefix = next((p for p in prefixes if name.startswith(p + "_")), "")
            path = [
                *SPELT.get(prefix, (prefix,) if prefix else ()),
                name[len(prefix) + 1 :] if prefix else name,
            ]
            same = 0
            while same < min(len(opened), len(path) - 1) and opened[same] == path[same]:
                same += 1
            for depth in range(same, len(path) - 1):
                lines.append(f"{indent}{'  ' * depth}{path[depth]}:")
            opened = path[:-1]
            pad = indent + "  " * (len(path) - 1)
            if isinstance(value, list):
                lines.append(f"{pad}{path[-1]}: [{', '.join(scalar(str(v), False) for v in value)}]")
            else:
                lines.append(f"{pad}{path[-1]}: {scalar(str(_cell(value)), name in spec['plain'])}")
        for prop, child in spec["children"]:
            items = row.get(prop)
            if not items:
                continue
            parts = prop.split(".")
            if len(parts) > 1:
                # A dotted list belongs at the end of its own mapping, which may not be the last one written.
                at = len(lines)
                while at > 0 and lines[at - 1] != f"{indent}{parts[0]}:":
                    at -= 1
                if at == 0:
                    lines.append(f"{indent}{parts[0]}:")
                    at = len(lines)
                while at < len(lines) and lines[at].startswith(indent + "  "):
                    at += 1
                inner: list[str] = []
                self._list(child, parts[-1], items, inner, indent + "  ")
                lines[at:at] = inner
            else:
                self._list(child, prop, items, lines, indent)

    def _list(self, child: str, prop: str, items: list[Row], lines: list[str], indent: str) -> None:
        spec = self.tables[child]
        lines.append(f"{indent}{prop}:")
        for item in items:
            if spec["children"]:
                inner: list[str] = []
                self._mapping(child, item, inner, indent + "    ")
                inner[0] = f"{indent}  - {inner[0].lstrip()}"
                lines.extend(inner)
                continue
            cells = [
                f"{name}: {scalar(str(_cell(item[name])), plain)}"
                for name, plain in spec["own"]
                if item.get(name) is not None and item[name] != ""
            ]
            if len(cells) != sum(v is not None and v != "" for v in item.values()):
                raise KeyError(f"{child}: {item}")
            lines.append(f"{indent}  - {{{', '.join(cells)}}}")


_shared: list[tuple[Package, dict[str, dict[str, list[Row]]], Path]] = []


def _write_one(job: tuple[str, str]) -> int:
    package, tables, root = _shared[-1]
    table, folder = job
    return package.write_rows(table, folder, tables[table][folder], root)


def _load(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if value is True:
        return "是"
    if value is False:
        return "否"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
