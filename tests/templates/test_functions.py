"""What templates call with words that mean nothing: a column, table or key that is not there is told, with its place."""

from __future__ import annotations

from typing import Any

import pytest
from jinja2 import TemplateRuntimeError
from test_templates import _template, environment, site  # noqa: F401
from trees import Tree

from lingtouyan.project import Project
from lingtouyan.templates.components import heatmap, table
from lingtouyan.templates.functions import make_functions
from lingtouyan.templates.links import Links
from lingtouyan.templates.sandbox import Row
from lingtouyan.templates.templates import template_fault


@pytest.fixture
def functions(tree: Tree) -> dict[str, Any]:
    tree.table("people", [{"name": "person_id", "title": "编号"}, {"name": "name", "title": "姓名"}])
    tree.write("schemas/views/roster.sql", "SELECT name FROM people")
    links = Links()
    links.add("people", {"P1": "people/P1/"})
    return make_functions(Project.open(tree.root), tree.register().connection, links, "public")


ROWS = [Row(person_id="P1", name="甲"), Row(person_id=None, name="乙")]


@pytest.mark.parametrize(
    "source, words",
    [
        ("{{ table(rows, ['name', 'nam']) }}", ["nam", "person_id、name"]),
        ("{{ table(rows, ['name'], links_to={'name': ['persons', 'person_id']}) }}", ["persons"]),
        ("{{ table([], ['name'], links_to={'name': ['persons', 'person_id']}) }}", ["persons"]),
        ("{{ table(rows, ['name'], links_to={'name': ['people', 'id']}) }}", [" id "]),
        ("{{ table(rows, ['name'], links_to={'nam': ['people', 'person_id']}) }}", [" nam "]),
        ("{{ table(rows, ['name'], source='persons') }}", ["persons"]),
        ("{{ link('persons', 'P1') }}", ["persons"]),
        ("{{ href('persons', 'P1') }}", ["persons"]),
        ("{{ heatmap(rows, 'name', 'person_id', 'n') }}", [" n "]),
    ],
)
def test_a_name_that_is_not_there_is_told_at_its_line(
    functions: dict[str, Any], tree: Tree, source: str, words: list[str]
) -> None:
    body = f"\n\n{source}"
    with pytest.raises(TemplateRuntimeError) as raised:
        environment(tree.root, **functions).from_string(body).render(rows=ROWS)
    problem = template_fault(_template(body), raised.value).problems[0]
    assert (problem.file, problem.line, problem.rule) == ("site/pages/p.md", 6, "template-error")
    for word in words:
        assert word in problem.message


def test_what_is_there_is_shown(functions: dict[str, Any], tree: Tree) -> None:
    source = (
        "{% macro both(row) %}{{ row.name }}\n\n{{ row.person_id or '无' }}{% endmacro %}"
        "{{ table(rows, ['name', 'both'], cells={'both': both}, links_to={'name': ['people', 'person_id']}) }}"
        "{{ link('roster', 'x', '乙') }}{{ link('people', 'P1') }}"
    )
    shown = environment(tree.root, **functions).from_string(source).render(rows=ROWS)
    assert '<tr><td><a href="./people/P1/">甲</a></td><td>甲 P1</td></tr>' in shown
    assert "<tr><td>乙</td><td>乙 无</td></tr>" in shown
    assert shown.endswith('乙<a href="./people/P1/">P1</a>')


def test_a_column_that_some_rows_lack_is_empty_there() -> None:
    assert "<td></td>" in table([{"a": 1}, {"a": 2, "b": "x"}], ["a", "b"])
    assert "没有记录" in heatmap([], "a", "b", "c")
