"""One template for all editions, and tables whose cells a template dresses: built from a tree as a user builds."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from lingtouyan.problems import RecordsError
from lingtouyan.project import Project
from lingtouyan.templates.templates import read_templates
from lingtouyan.website import pages as website_pages
from lingtouyan.website.pages import PageMaker, Pages

PARLIAMENT = Path(__file__).parents[1] / "projects" / "parliament"

PAGE = """---
title: 议员
queries:
  members: SELECT name, party FROM members ORDER BY name
  ages: {sql: "SELECT name, age FROM secrets ORDER BY name", edition: internal}
  votes: {sql: "SELECT name, vote FROM secrets", by: name, edition: internal}
---
# 议员

{% macro shown(row) %}
{% if row.party %}

**{{ row.party }}**
{% endif %}
{% endmacro %}
{{ table(members, ['name', 'party'], badges={'party': {'绿': 'ok'}}, cells={'name': shown}) }}

{% for row in ages %}
- {{ row.name }}：{{ row.age }}，{{ votes[row.name] | length }} 次
{% endfor %}
"""


EACH = """---
title: "{{ row.name }}"
queries:
  members: SELECT name, party FROM members ORDER BY name
  mates: {sql: "SELECT party, name FROM members", by: party}
each: members
path: "members/{{ row.name }}"
---
{% macro shown(words) %}*{{ words }}*{% endmacro %}
Party: {{ shown(row.party) }}, {{ mates | length }}

{% macro line(words) %}
<p>{{ words }}</p>
{% endmacro %}
{{ line('x') }}
"""


def plan(root: Path, edition: str, page: str) -> tuple[PageMaker, Pages]:
    """Plan the pages of a tree with this one page, against a database as the edition holds it."""
    folder = root / "site" / "pages"
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "index.md").write_text(page, encoding="utf-8")
    connection = duckdb.connect()
    for table, columns in (
        ("fields", "table_name VARCHAR, name VARCHAR, title VARCHAR, sensitivity VARCHAR"),
        ("views", "name VARCHAR, field VARCHAR, title VARCHAR, field_title VARCHAR, sensitivity VARCHAR"),
        ("tables", "name VARCHAR, title VARCHAR"),
    ):
        connection.execute(f"CREATE TABLE {table} ({columns})")
    connection.execute(
        "CREATE TABLE members AS SELECT * FROM (VALUES ('甲', '绿'), ('乙', '<b>')) v(name, party)"
    )
    if edition == "internal":
        connection.execute("CREATE TABLE secrets AS SELECT '甲' AS name, 45 AS age, '赞成' AS vote")
    maker = PageMaker(Project.open(root), connection, {"edition": edition, "build": {}})
    return maker, maker.plan(read_templates(root, "site/pages"))


def pages(root: Path, edition: str, page: str) -> str:
    """The Markdown of the one page."""
    return plan(root, edition, page)[1].written[0].markdown


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PARLIAMENT, tmp_path / "tree"))


def test_a_query_of_one_edition_is_empty_in_the_others(tree: Path) -> None:
    assert "甲：45，1 次" in pages(tree, "internal", PAGE)
    assert "甲：" not in pages(tree, "public", PAGE)


def test_a_query_without_edition_still_fails_where_its_table_is_missing(tree: Path) -> None:
    with pytest.raises(RecordsError) as caught:
        pages(tree, "public", PAGE.replace(", edition: internal}", "}"))
    assert "secrets" in caught.value.problems[0].message


def test_a_query_names_an_edition_that_exists(tree: Path) -> None:
    with pytest.raises(RecordsError) as caught:
        pages(tree, "public", PAGE.replace("by: name, edition: internal", "by: name, edition: secret"))
    assert caught.value.problems[0].line == 6


def test_figures_read_the_same_alone_and_among_words(tree: Path) -> None:
    page = PAGE.replace("queries:\n", "queries:\n  shares: SELECT 100::DOUBLE AS share\n")
    page += "\n{% for s in shares %}{{ s.share }}｜{{ (s.share | figure) ~ '%' }}{% endfor %}\n"
    assert "100｜100%" in pages(tree, "public", page)


def test_cells_are_dressed_and_stay_inside_the_table(tree: Path) -> None:
    made = pages(tree, "public", PAGE)
    table = made[made.index('<div class="data"') : made.index("</table>")]
    assert '<span class="badge badge--ok">绿</span>' in table
    assert "<b>" not in table
    assert "\n\n" not in table
    assert "**绿**" in table


def test_a_macro_on_a_record_page_is_no_paragraph_of_its_own(tree: Path) -> None:
    maker, planned = plan(tree, "public", EACH)
    kind = planned.kinds[0]
    html = maker.body(kind.template, kind.pages[1])
    assert "".join(html.split()) == "<p>Party:*绿*,1</p><p>x</p>"


def test_a_kind_of_page_that_no_row_makes_may_be_linked_to(tree: Path) -> None:
    page = EACH.replace("ORDER BY name\n", "WHERE false\n", 1).replace("each:", "record: mates_of\neach:")
    maker, _ = plan(tree, "public", page)
    assert maker.links.href("mates_of", "甲") is None


def test_a_group_that_the_rows_cannot_be_asked_for_is_refused(tree: Path) -> None:
    with pytest.raises(RecordsError) as caught:
        plan(
            tree,
            "public",
            EACH.replace("SELECT name, party FROM members ORDER", "SELECT name FROM members ORDER"),
        )
    assert (caught.value.problems[0].line, "party" in caught.value.problems[0].message) == (5, True)


@pytest.mark.parametrize(
    "head, line, told", [("key: nam", 8, "nam"), ("key: name\nsearch: {kind: 人, title: titel}", 9, "titel")]
)
def test_a_column_that_the_rows_lack_is_told_where_it_is_named(
    head: str, line: int, told: str, tree: Path
) -> None:
    with pytest.raises(RecordsError) as caught:
        plan(tree, "public", EACH.replace('row.name }}"\n---', f'row.name }}}}"\n{head}\n---'))
    assert caught.value.problems[0].line == line
    assert told in caught.value.problems[0].message


def test_more_pages_than_any_city_has_are_not_begun(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(plan(tree, "public", EACH)[1].kinds[0].pages) == 2
    monkeypatch.setattr(website_pages, "MAX_PAGES", 1)
    with pytest.raises(RecordsError, match="记录页共超过 1 页") as caught:
        plan(tree, "public", EACH)
    assert caught.value.problems[0].line == 4
