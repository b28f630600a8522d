"""Frictionless is the authority: whatever the schema and whatever the cells, our verdict on each cell is its verdict.

Where we are stricter on purpose, the rule says so by its own name; such problems are listed in OURS and left out.
"""

from __future__ import annotations

import csv
import io
import string
from pathlib import Path
from typing import Any

import frictionless
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from trees import Tree

from lingtouyan.problems import Severity

# What Frictionless lets pass and we do not, or read where it refuses.
OURS = {
    "full-width-digits": "a pattern's \\d means 0-9, or numbers are never found again",
    "garbled-text": "a warning",
    "impossible-date": "a pattern knows no calendar",
    "invisible-character": "nobody sees it, and no comparison survives it",
    "look-alike-character": "a warning",
    "number-range": "what the register cannot store is not stored as nothing",
    "spreadsheet-damage": "what a spreadsheet ruined is not the value",
    "surrounding-spaces": "a warning",
    "unusual-form": "a warning",
}
Case = tuple[dict[str, Any], list[str], list[str]]
"""A field, what stands for a missing value, and cells."""
DIGITS = "0123456789０１٣"
WORDS = st.text(
    alphabet=string.ascii_letters + DIGITS + " .,-+eE/:是否张三\t'#!_%\u3000\u202e𠮷", max_size=12
)


def _dates() -> st.SearchStrategy[str]:
    return st.one_of(
        st.dates().map(str),
        st.dates().map(lambda d: f"{d.year}-{d.month}-{d.day}"),
        st.dates().map(lambda d: f"{d.year}/{d.month}/{d.day}"),
        st.sampled_from(
            ["0000-01-01", "0001-01-01", "2021-02-29", "9999-12-31", "2020-01-01 ", "２０２０-01-01"]
        ),
    )


def _numbers() -> st.SearchStrategy[str]:
    return st.one_of(
        st.integers(-(10**20), 10**20).map(str),
        st.integers(-30, 30).map(str),
        st.floats(allow_nan=True).map(str),
        st.decimals(allow_nan=False, allow_infinity=False).map(str),
        st.sampled_from(
            [
                "1.0",
                "+5",
                "-0",
                "007",
                "1_000",
                "1,000",
                "1e5",
                "1E+2",
                ".5",
                "5.",
                " 7",
                "7 ",
                "１２",
                "0x1F",
                "12元",
                "0.1",
                "0.10",
                "0.30000000000000001",
                "0.3",
                "99999999999999999999",
                "NaN",
                "-inf",
                "1e999",
                "2,5",
                "1 000",
            ]
        ),
    )


CELLS: dict[str, st.SearchStrategy[str]] = {
    "any": WORDS,
    "array": st.one_of(
        st.sampled_from(
            [
                '["a", "b"]',
                '["a","b"]',
                "[]",
                "[1, 2]",
                '["a",]',
                "[NaN]",
                '{"a": 1}',
                '["\\u0041"]',
                '["a"',
                '[["a"]]',
            ]
        )
    ),
    "boolean": st.sampled_from(
        ["true", "True", "TRUE", "1", "0", "false", "yes", "是", "否", "tRUE", " true", "T"]
    ),
    "date": _dates(),
    "datetime": st.sampled_from(
        [
            "2020-01-01T09:00:00",
            "2020-01-01T09:00:00Z",
            "2020-01-01T09:00:00+08:00",
            "2020-01-01 09:00:00",
            "2020-01-01T09:00",
        ]
    ),
    "duration": st.sampled_from(["P1Y", "PT5M", "P1Y2M3DT4H", "1Y", "P"]),
    "geojson": st.sampled_from(['{"type": "Point", "coordinates": [1, 2]}', '{"type": "Pt"}', "[1]"]),
    "geopoint": st.sampled_from(
        ["81.3,43.9", "181,0", "a,b", "81.3, 43.9", "[81.3, 43.9]", '{"lon": 1, "lat": 2}']
    ),
    "integer": _numbers(),
    "list": st.sampled_from(["a,b", "1,2,3", "a;b", "2020-01-01,2020-01-02", ",", "1.5,2"]),
    "number": _numbers(),
    "object": st.sampled_from(['{"a": 1}', "{}", "[]", '{"a": 1, "b": 2}', "{a: 1}"]),
    "string": st.one_of(
        WORDS,
        st.sampled_from(
            [
                "a@b.cn",
                "a@",
                "http://e.example/x",
                "e.example",
                "12345678-1234-5678-1234-567812345678",
                "YWJj",
                "POINT (30 10)",
            ]
        ),
    ),
    "time": st.sampled_from(["09:00:00", "9:00:00", "09:00", "09:00:00Z", "25:00:00"]),
    "year": st.sampled_from(["2020", "0000", "20201", "202", "+202", "-202", "２０２０", "202a", " 202"]),
    "yearmonth": st.sampled_from(["2020-03", "2020-3", "2020-13", "2020", "2020-03-01", "20-03"]),
}
FORMATS: dict[str, list[str]] = {
    "string": ["email", "uri", "binary", "uuid"],
    "date": ["any", "%Y/%m/%d", "%d.%m.%Y"],
    "datetime": ["any", "%Y-%m-%d %H:%M:%S"],
    "time": ["any", "%H:%M"],
    "geopoint": ["array", "object"],
    "geojson": ["topojson"],
}
BOUNDS: dict[str, list[str]] = {
    "date": ["2000-01-01", "2020-06-30", "0001-01-01"],
    "datetime": ["2020-01-01T09:00:00", "2019-01-01T00:00:00"],
    "integer": ["0", "-3", "7", "100000000000"],
    "number": ["0", "0.3", "-1.5", "1e10", "0.1"],
    "time": ["08:00:00", "12:30:00"],
    "year": ["2000", "2020"],
    "yearmonth": ["2020-03", "2000-01"],
}
PATTERNS = [
    r"\d{4}",
    r"[A-Z]\d+",
    r"\D+",
    r"\w+",
    r"[^\d]*",
    r"a|b",
    r"(?=.*\d).{3,}",
    r"(\d)\1",
    r"[\u4e00-\u9fff]+",
    r".*\b.*",
    r"[+-]?\d+(\.\d+)?",
    r"",
    r"(?:a|b)*c?",
    r"\S+",
    r"x{,3}",
    r"[\d.-]*",
    r"\d{1,3}(,\d{3})*",
]


@st.composite
def fields(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(sorted(CELLS)))
    field: dict[str, Any] = {"name": "a", "type": kind, "sensitivity": "public"}
    if kind in FORMATS and draw(st.booleans()) and draw(st.booleans()):
        field["format"] = draw(st.sampled_from(FORMATS[kind]))
    limits: dict[str, Any] = {}
    if draw(st.booleans()):
        limits["required"] = "true"
    if kind in ("string", "array", "object", "list"):
        for name in ("minLength", "maxLength"):
            if draw(st.booleans()):
                limits[name] = str(draw(st.integers(0, 6)))
    if kind == "string" and draw(st.booleans()):
        limits["pattern"] = draw(st.sampled_from(PATTERNS))
    if kind in BOUNDS and "format" not in field:
        for name in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
            if draw(st.integers(0, 3)) == 0:
                limits[name] = draw(st.sampled_from(BOUNDS[kind]))
    if kind not in ("list", "object", "geojson") and "format" not in field and draw(st.integers(0, 4)) == 0:
        valid = [v for v in draw(st.lists(CELLS[kind], min_size=1, max_size=4)) if _readable(kind, v)]
        if valid:
            limits["enum"] = valid
    if limits:
        field["constraints"] = limits
    if kind == "boolean" and draw(st.booleans()):
        field |= {"trueValues": ["是", "yes"], "falseValues": ["否"]}
        limits.pop("enum", None)
    if kind in ("integer", "number") and draw(st.integers(0, 3)) == 0:
        field["bareNumber"] = draw(st.sampled_from(["true", "false"]))
    if kind == "number" and draw(st.integers(0, 3)) == 0:
        field |= draw(
            st.sampled_from(
                [
                    {"groupChar": ","},
                    {"decimalChar": ","},
                    {"decimalChar": ",", "groupChar": " "},
                    {"floatNumber": "true"},
                ]
            )
        )
    if kind == "list" and draw(st.booleans()):
        field |= draw(st.sampled_from([{"delimiter": ";"}, {"itemType": "integer"}, {"itemType": "date"}]))
    if kind == "array" and draw(st.integers(0, 2)) == 0:
        field["arrayItem"] = {"type": "string", "constraints": {"minLength": "1"}}
    if draw(st.integers(0, 4)) == 0:
        field["missingValues"] = draw(st.sampled_from([["", "-"], ["无"], ["-", "0"]]))
    return field


def _readable(kind: str, value: str) -> bool:
    if kind == "year":
        return len(value) == 4 and value.isascii() and value.isdigit()
    if kind == "integer":
        return value.lstrip("+-").isascii() and value.lstrip("+-").isdigit()
    read = frictionless.Field.from_descriptor({"name": "a", "type": kind}).create_value_reader()
    plain = kind != "number" or (
        value.lower().strip("+-") not in ("nan", "inf", "infinity") and "_" not in value and value.isascii()
    )
    return plain and value == value.strip() and value != "" and read(value) is not None


@st.composite
def tables(draw: st.DrawFn) -> Case:
    field = draw(fields())
    missing = draw(st.sampled_from([[""], [""], ["", "-"], ["n/a"], ["-", "无"]]))
    cells = draw(
        st.lists(
            st.one_of(CELLS[field["type"]], WORDS, st.sampled_from(["", "-", "无", "n/a"])),
            min_size=1,
            max_size=12,
        )
    )
    return field, missing, cells


def theirs(field: dict[str, Any], missing: list[str], data: Path) -> dict[int, set[str]] | None:
    """Return line -> error types that unmodified Frictionless finds in the cells of the column; None where it has no verdict."""
    descriptor = {k: v for k, v in field.items() if k != "sensitivity"}
    for key in ("bareNumber", "floatNumber"):
        if key in descriptor:
            descriptor[key] = descriptor[key] == "true"
    descriptor["constraints"] = _typed(field.get("constraints", {}), field["type"])
    if "arrayItem" in field:
        descriptor["arrayItem"] = {"type": "string", "constraints": {"minLength": 1}}
    resource = frictionless.Resource.from_descriptor(
        {
            "$schema": "https://datapackage.org/profiles/2.0/dataresource.json",
            "name": "t",
            "type": "table",
            "path": data.name,
            "schema": {"fields": [{"name": "n", "type": "string"}, descriptor], "missingValues": missing},
        },
        basepath=str(data.parent),
    )
    try:
        report = resource.validate(limit_errors=10_000)
    except TypeError:
        # It cannot compare a time with a zone to one without.
        return None
    found: dict[int, set[str]] = {}
    for line, kind, name in report.flatten(["rowNumber", "type", "fieldName"]):
        if name == "a":
            found.setdefault(line, set()).add(kind)
        else:
            assert kind in ("blank-row",), (kind, report.flatten(["message"]))
    return found


def _typed(limits: dict[str, Any], kind: str) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in limits.items():
        if key == "required":
            result[key] = True
        elif key in ("minLength", "maxLength"):
            result[key] = int(value)
        elif kind in ("integer", "year"):
            result[key] = [int(v) for v in value] if key == "enum" else int(value)
        else:
            result[key] = value
    return result


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("same")


# What was got wrong once.
KNOWN: list[Case] = [
    ({"name": "a", "type": "string", "constraints": {"pattern": r"\D+"}}, [""], ["１", "a", "1"]),
    ({"name": "a", "type": "string", "constraints": {"pattern": "a|b"}}, [""], ["ax", "xb", "c"]),
    (
        {"name": "a", "type": "number", "constraints": {"maximum": "0.3"}},
        [""],
        ["0.30000000000000001", "0.3"],
    ),
    ({"name": "a", "type": "date"}, [""], ["0000-01-01", "2021-02-29", "2020-1-5"]),
    ({"name": "a", "type": "year", "constraints": {"minimum": "2000"}}, [""], ["20201", "1999", "+202"]),
    ({"name": "a", "type": "array"}, [""], ['["a",]', "[NaN]", '["a"]']),
    ({"name": "a", "type": "integer"}, ["-"], ["", "-", "1"]),
    (
        {"name": "a", "type": "string", "missingValues": ["无"], "constraints": {"required": "true"}},
        [""],
        ["", "无", "a"],
    ),
    (
        {"name": "a", "type": "datetime", "constraints": {"minimum": "2020-01-01T09:00:00"}},
        [""],
        ["2019-01-01T09:00:00"],
    ),
]


@settings(max_examples=6, suppress_health_check=list(HealthCheck))
@given(cases=st.lists(tables(), min_size=30, max_size=30))
@example(cases=KNOWN)
def test_each_cell_is_judged_as_frictionless_judges_it(bench: Path, cases: list[Case]) -> None:
    tree = Tree(bench)
    expected: dict[str, dict[int, set[str]]] = {}
    for number, (field, missing, cells) in enumerate(cases):
        name = f"t{number}"
        field = {"sensitivity": "public", **field}
        tree.table(
            name, [{"name": "n", "type": "string", "sensitivity": "public"}, field], missingValues=missing
        )
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerows([["n", "a"], *([f"r{n}", c] for n, c in enumerate(cells))])
        verdict = theirs(field, missing, tree.write(f"records/{name}.csv", stream.getvalue()))
        if verdict is not None:
            expected[f"records/{name}.csv"] = verdict
    problems = tree.check()
    faults = [p for p in problems if p.rule == "schema-error"]
    assert not faults, faults
    ours: dict[str, dict[int, set[str]]] = {file: {} for file in expected}
    for p in problems:
        if p.rule not in OURS and p.file in ours:
            assert p.severity is Severity.ERROR
            ours[p.file].setdefault(p.line, set()).add(p.rule)
    assert ours == expected, [
        case
        for n, case in enumerate(cases)
        if ours.get(f"records/t{n}.csv") != expected.get(f"records/t{n}.csv")
    ]
