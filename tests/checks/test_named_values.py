"""A rule that asks for a parameter which nobody gives is not mute without a word."""

from __future__ import annotations

import json

import pytest
from trees import Tree

from lingtouyan.problems import Problem, Severity

HEAD = "/*\nid: Q\ntitle: 试\nseverity: error\ntable: a\nmessage: '{n}太多'\n*/\n"


@pytest.fixture
def limits(tree: Tree) -> Tree:
    tree.table("a", [{"name": "n", "type": "integer"}], path="records/a.csv")
    tree.table("limits", ["name", "value", {"name": "since", "type": "date"}], primaryKey=["name", "since"])
    tree.package(lingtouyan={"as_of": "2026-01-31", "review_parameters": "limits"})
    tree.write("records/a.csv", "n\n7\n")
    tree.write(
        "records/limits.csv", "name,value,since\nlate,5,2027-01-01\nmost,9,2020-01-01\nword,多,2020-01-01\n"
    )
    select = "SELECT any_value(value) FROM limits WHERE name = wanted AND since <= on_date"
    macro = f"CREATE MACRO {{}}(wanted, on_date) AS {{}}({select}){{}};\n"
    tree.write(
        "schemas/macros/m.sql",
        macro.format("limit_of", "", "") + macro.format("limit_number", "TRY_CAST(", " AS DOUBLE)"),
    )
    return tree


def check(tree: Tree, where: str) -> list[Problem]:
    tree.write(
        "schemas/rules/Q.sql",
        f"{HEAD}-- limit_of('none')\nSELECT _file, _line, n\nFROM a, build\nWHERE {where}",
    )
    return [p for p in tree.check() if p.rule != "Q"]


def test_a_parameter_that_no_record_gives_is_an_error_of_the_rule(limits: Tree) -> None:
    (found,) = check(limits, "n > limit_number('mots', as_of)")
    assert (found.file, found.line, found.severity) == ("schemas/rules/Q.sql", 11, Severity.ERROR)
    assert "“mots”" in found.message
    assert "您是不是要找 most？" in found.message


@pytest.mark.parametrize("name", ["late", "word"])
def test_a_parameter_without_a_value_on_the_day_is_told_once_with_its_rules(limits: Tree, name: str) -> None:
    limits.write("schemas/views/v.sql", f"SELECT n, limit_number('{name}', as_of) AS most FROM a, build")
    (found,) = check(limits, f"n > limit_number('{name}', as_of) OR n > (SELECT max(most) FROM v)")
    assert (found.file, found.rule, found.severity) == ("", "not-judged", Severity.WARNING)
    assert name in found.message
    assert "规则 Q " in found.message


@pytest.mark.parametrize(
    "where",
    [
        "n > limit_number('most', as_of)",
        "n > 3 AND 'limit_of(''x'')' <> ''",
        "limit_of(n::VARCHAR, as_of) = ''",
    ],
)
def test_what_has_a_value_or_is_no_call_is_none_of_it(limits: Tree, where: str) -> None:
    assert check(limits, where) == []


def test_a_table_without_any_is_told_once(limits: Tree) -> None:
    limits.write("records/limits.csv", "name,value,since\n")
    (found,) = check(limits, "n > limit_number('most', as_of) AND n > limit_number('least', as_of)")
    assert (found.rule, "least、most" in found.message) == ("not-judged", True)


def test_a_table_that_was_not_read_is_the_only_fault(limits: Tree) -> None:
    limits.write("records/limits.csv", b"PK\x03\x04")
    found = check(limits, "n > limit_number('mots', as_of)")
    assert {p.rule for p in found} <= {"source-error", "unread-files"}
    assert json.dumps([p.message for p in found]).count("mots") == 0
