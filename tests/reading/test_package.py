"""A data package whose declarations cannot be honoured is refused: what is dropped in silence would let records pass."""

from __future__ import annotations

import json
from typing import Any

import pytest
from frictionless.system import system
from trees import Tree

from lingtouyan.problems import Problem
from lingtouyan.reading.package import ENGINE_TABLES, SUPPORTED, load_package
from lingtouyan.reading.source import WorkTree

GOOD = {"name": "people", "path": "records/people.csv", "schema": "schemas/people.yaml"}


def resources(tree: Tree, *items: Any, **more: Any) -> list[Problem]:
    tree.write(
        "schemas/people.yaml", "fields: [{name: id, sensitivity: public}, {name: name}]\nprimaryKey: [id]\n"
    )
    tree.write(
        "datapackage.yaml", json.dumps({"name": "x", "resources": list(items), **more}, ensure_ascii=False)
    )
    return tree.check()


def schema(tree: Tree, text: str) -> list[Problem]:
    tree.write("datapackage.yaml", "resources:\n  - {name: t, path: records/t.csv, schema: schemas/t.yaml}\n")
    tree.write("schemas/t.yaml", text)
    return tree.check()


def test_a_good_package_is_read(tree: Tree) -> None:
    assert resources(tree, GOOD) == []


@pytest.mark.parametrize(
    "text, line, words",
    [
        ("", 1, ["映射"]),
        ("- a\n", 1, ["映射"]),
        ("name: x\n", 1, ["resources"]),
        ("name: x\nresources: {a: b}\n", 1, ["resources"]),
        ("name: x\nresources:\n  - a\n", 2, ["映射"]),
        ("name: x\n\tresources: []\n", 2, ["Tab"]),
        ("name: x\nresources: []\nresources: []\n", 3, ["重复"]),
        ("name: x\nresourses: []\nresources: []\n", 2, ["是否应为 resources"]),
        ("name: x\nresources: []\nlingtouyan: yes\n", 3, ["lingtouyan"]),
    ],
)
def test_a_descriptor_that_is_none_is_named(tree: Tree, text: str, line: int, words: list[str]) -> None:
    tree.write("datapackage.yaml", text)
    (found,) = tree.check()
    assert (found.file, found.line, found.rule) == ("datapackage.yaml", line, "package-error")
    for word in words:
        assert word in found.message


@pytest.mark.parametrize(
    "items, words",
    [
        ([{**GOOD, "name": "People"}], ["表名", "小写"]),
        ([{**GOOD, "name": "人员"}], ["表名"]),
        ([{**GOOD, "name": 'x"; DROP TABLE y'}], ["表名"]),
        ([{"path": "a.csv", "schema": "schemas/people.yaml"}], ["表名"]),
        ([GOOD, GOOD], ["重复"]),
        ([{**GOOD, "path": "records/people.xlsx"}], ["扩展名"]),
        ([{**GOOD, "path": "records/people"}], ["扩展名"]),
        ([{**GOOD, "pth": "x"}], ["是否应为 path"]),
        (
            [GOOD, {"name": "c", "parent": "people", "property": "x", "schema": "schemas/people.yaml"}],
            ["子表"],
        ),
        ([{"name": "c", "parent": "none", "property": "x", "schema": "schemas/people.yaml"}], ["子表"]),
        (
            [
                {**GOOD, "path": "records/*.yaml"},
                {"name": "c", "parent": "people", "property": "x", "schema": "schemas/people.yaml"},
                {"name": "d", "parent": "people", "property": "x", "schema": "schemas/people.yaml"},
            ],
            ["property 相同"],
        ),
        (
            [
                {**GOOD, "path": "records/*.yaml"},
                {"name": "c", "parent": "people", "schema": "schemas/people.yaml"},
            ],
            ["property"],
        ),
    ],
)
def test_a_resource_that_cannot_be_one_is_named(tree: Tree, items: list[Any], words: list[str]) -> None:
    (found,) = resources(tree, *items)
    assert (found.file, found.rule) == ("datapackage.yaml", "package-error")
    for word in words:
        assert word in found.message


@pytest.mark.parametrize("name", sorted(ENGINE_TABLES))
def test_the_engines_own_names_are_taken(tree: Tree, name: str) -> None:
    (found,) = resources(tree, {**GOOD, "name": name})
    assert "保留" in found.message


@pytest.mark.parametrize(
    "text, line, words",
    [
        ("", 1, ["映射"]),
        ("title: x\n", 1, ["fields"]),
        ("fields: []\n", 1, ["fields"]),
        ("fields:\n  - id\n", 1, ["映射"]),
        ("fields:\n  - {title: 编号}\n", 2, ["字段名"]),
        ("fields:\n  - {name: 编号}\n", 2, ["字段名"]),
        ("fields:\n  - {name: _file}\n", 2, ["字段名"]),
        ("fields:\n  - {name: a}\n  - {name: a}\n", 3, ["重复"]),
        ("fields:\n  - {name: a, type: strng}\n", 2, ["strng", "string"]),
        ("fields:\n  - name: a\n    sensitivity: Public\n", 3, ["public"]),
        ("fields:\n  - name: a\n    sensitivity: [public]\n", 3, ["public"]),
        ("fields:\n  - name: a\n    senstivity: public\n", 3, ["是否应为 sensitivity"]),
        ("fields:\n  - name: a\n    constraint: {required: true}\n", 3, ["是否应为 constraints"]),
        ("fields:\n  - name: a\n    constraints: required\n", 3, ["constraints"]),
        ("fields:\n  - name: a\n    constraints:\n      requird: true\n", 4, ["是否应为 required"]),
        ("fields:\n  - name: a\n    constraints:\n      required: maybe\n", 4, ["required"]),
        ("fields:\n  - name: a\n    constraints:\n      pattern: '[a'\n", 4, ["pattern"]),
        ("fields:\n  - name: a\n    constraints:\n      pattern: '(?i)a'\n", 4, ["pattern"]),
        ("fields:\n  - name: a\n    constraints:\n      pattern: [a]\n", 4, ["pattern"]),
        ("fields:\n  - name: a\n    constraints:\n      enum: a\n", 4, ["enum"]),
        ("fields:\n  - name: a\n    constraints:\n      enum: []\n", 4, ["enum"]),
        ("fields:\n  - name: a\n    constraints:\n      maxLength: -1\n", 4, ["maxLength"]),
        ("fields:\n  - name: a\n    constraints:\n      minimum: 1\n", 4, ["minimum", "string"]),
        ("fields:\n  - name: a\n    type: integer\n    constraints:\n      minimum: 1.5\n", 5, ["minimum"]),
        ("fields:\n  - name: a\n    type: integer\n    constraints:\n      enum: [1, b]\n", 5, ["enum"]),
        (
            "fields:\n  - name: a\n    type: integer\n    constraints:\n      pattern: a\n",
            5,
            ["pattern", "integer"],
        ),
        (
            "fields:\n  - name: a\n    type: date\n    constraints:\n      minimum: 2020-13-01\n",
            5,
            ["minimum"],
        ),
        (
            "fields:\n  - name: a\n    type: number\n    constraints:\n      maximum: '#REF!'\n",
            5,
            ["maximum"],
        ),
        ("fields:\n  - name: a\n    format: phone\n", 3, ["format"]),
        ("fields:\n  - name: a\n    type: list\n    itemType: people\n", 4, ["itemType"]),
        ("fields:\n  - {name: a, type: boolean, trueValues: [是], falseValues: [是]}\n", 2, ["trueValues"]),
        ("fields:\n  - name: a\n    categories: [x, x]\n    categoriesOrdered: true\n", 4, ["重复"]),
        ("fields:\n  - name: a\n    categoriesOrdered: true\n", 3, ["categories"]),
        ("fields:\n  - name: a\n    categories: [x, y]\n    categoriesOrdered: true\n", 4, ["enum"]),
        ("fields:\n  - name: a\nprimaryKey: [b]\n", 3, ["primaryKey", "“b”"]),
        ("fields:\n  - name: a\nlabel: b\n", 3, ["label", "“b”"]),
        ("fields:\n  - name: a\nforeignKeys: x\n", 3, ["foreignKeys"]),
        ("fields:\n  - name: a\nforeignKeys:\n  - {fields: [a]}\n", 3, ["reference"]),
        (
            "fields:\n  - name: a\nforeignKeys:\n  - {fields: [a], reference: {resource: t, fields: [a, b]}}\n",
            4,
            ["个数"],
        ),
        (
            "fields:\n  - name: a\nforeignKeys:\n  - {fields: [b], reference: {resource: t, fields: [a]}}\n",
            4,
            ["本表字段"],
        ),
        (
            "fields:\n  - name: a\nforeignKeys:\n  - {fields: [a], reference: {resource: u, fields: [a]}}\n",
            1,
            ["不存在", "“u”"],
        ),
        (
            "fields:\n  - name: a\nforeignKeys:\n  - {fields: [a], reference: {resource: t, fields: [b]}}\n",
            1,
            ["不存在"],
        ),
        ("fields:\n  - name: a\nforiegnKeys: []\n", 3, ["是否应为 foreignKeys"]),
        ("fields:\n  - name: a\nrows: a IS NULL\n", 3, ["rows"]),
        ("fields:\n  - name: a\nrows:\n", 3, ["rows"]),
        ("fields:\n  - name: a\nrows:\n  pubic: a IS NULL\n", 4, ["pubic", "public"]),
        ("fields:\n  - name: a\nrows:\n  public:\n", 4, ["rows.public"]),
        ("fields:\n  - name: a\nrows:\n  public: [a]\n", 4, ["rows.public"]),
        ("fields:\n  - name: a\nrow: {public: a}\n", 3, ["是否应为 rows"]),
    ],
)
def test_a_schema_that_cannot_be_honoured_is_named_at_its_line(
    tree: Tree, text: str, line: int, words: list[str]
) -> None:
    problems = schema(tree, text)
    found = problems[0]
    assert (found.file, found.line, found.rule) == ("schemas/t.yaml", line, "schema-error")
    for word in words:
        assert word in found.message


def test_one_list_of_words_may_not_mean_two_orders(tree: Tree) -> None:
    def grade(*words: str) -> dict[str, Any]:
        listed = list(words)
        return {
            "name": "grade",
            "categories": listed,
            "categoriesOrdered": "true",
            "categoriesType": "grade",
            "constraints": {"enum": listed},
        }

    tree.table("a", [grade("低", "高")]).table("b", [grade("低", "高")])
    assert tree.check() == []
    tree.table("c", [grade("高", "低")])
    (found,) = tree.check()
    assert "grade" in found.message
    assert found.file == "schemas/tables/c.yaml"


@pytest.mark.parametrize("name", ["integer", "date", "varchar", "Grade", "a b"])
def test_an_order_of_words_may_not_be_called_like_a_type(tree: Tree, name: str) -> None:
    field = {
        "name": "g",
        "categories": ["x"],
        "categoriesOrdered": "true",
        "categoriesType": name,
        "constraints": {"enum": ["x"]},
    }
    (found,) = tree.table("a", [field]).check()
    assert "categoriesType" in found.message


def test_all_faults_of_a_package_come_in_one_run(tree: Tree) -> None:
    tree.table("a", [{"name": "x", "type": "nonsense"}, {"name": "Y"}]).table("b", ["x"], primaryKey=["y"])
    assert [p.file for p in tree.check()] == ["schemas/tables/a.yaml"] * 2 + ["schemas/tables/b.yaml"]


def test_own_properties_of_a_city_are_no_fault(tree: Tree) -> None:
    assert schema(tree, "fields:\n  - {name: a, rdfType: x, unit: 元}\nsources: [x]\nx-note: y\n") == []


def test_a_schema_from_windows_is_read(tree: Tree) -> None:
    assert schema(tree, "\ufefffields:\r\n  - name: a\r\n") == []


@pytest.mark.parametrize("kind", sorted(SUPPORTED))
def test_constraints_are_those_of_the_standards_own_implementation(kind: str) -> None:
    theirs = set(system.select_field_class(kind).supported_constraints)
    assert SUPPORTED[kind] | {"required"} == theirs


def test_a_field_that_declares_no_sensitivity_is_restricted(tree: Tree) -> None:
    schema(tree, "fields: [{name: a}, {name: b, sensitivity: internal}]\n")
    fields = load_package(WorkTree(tree.root)).tables["t"].fields
    assert [f.sensitivity.name for f in fields] == ["RESTRICTED", "INTERNAL"]
