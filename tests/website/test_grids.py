"""Long lists that a page declares: what the build writes of them, and how it tells what is wrong."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from lingtouyan.problems import RecordsError
from lingtouyan.project import Project
from lingtouyan.templates.templates import read_templates
from lingtouyan.website.pages import PageMaker, WrittenPage

PARLIAMENT = Path(__file__).parents[1] / "projects" / "parliament"
PAGE = """---
title: 议员
queries:
  members: SELECT * FROM members ORDER BY number
grid:
  all: {query: members, columns: [name, party], more: [age, since], internal: [age], facets: [party], ranges: [age], key: name}
---
# 议员

{{ grid('all') }}
"""


def write(tmp_path: Path, page: str, edition: str = "internal") -> WrittenPage:
    root = shutil.copytree(PARLIAMENT, tmp_path / "root")
    (root / "site/pages/list.md").write_text(page, "utf-8")
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE fields (table_name VARCHAR, name VARCHAR, title VARCHAR, sensitivity VARCHAR)"
    )
    connection.execute("INSERT INTO fields VALUES ('members', 'name', '姓名', 'public')")
    connection.execute(
        "CREATE TABLE views (name VARCHAR, field VARCHAR, field_title VARCHAR, title VARCHAR, sensitivity VARCHAR)"
    )
    connection.execute("CREATE TABLE tables (name VARCHAR, title VARCHAR)")
    connection.execute(
        "CREATE TABLE members AS SELECT i AS number, 'M' || i AS name, ['红', '绿'][i % 2 + 1] AS party, "
        "30 + i % 40 AS age, DATE '2020-01-01' + i::INTEGER AS since FROM range(250) AS r(i)"
    )
    template = next(t for t in read_templates(root, "site/pages") if t.name == "list")
    facts = {"edition": edition, "as_of": None, "draft": False, "build": {}}
    return PageMaker(Project.open(root), connection, facts).write(template)


def listed(page: WrittenPage) -> dict[str, Any]:
    script = str(page.files["lists/list/all.js"])
    data: dict[str, Any] = json.loads(script.removeprefix("var gridData = ").removesuffix(";\n"))
    return data


def test_a_page_holds_the_first_rows_and_the_data_all(tmp_path: Path) -> None:
    page = write(tmp_path, PAGE)
    assert page.markdown.count("<tr>") == 101
    assert "共 250 条" in page.markdown
    data = listed(page)
    assert data["rows"] == 250
    assert data["keys"][249] == "M249"
    assert [(c["name"], c["title"], c["kind"]) for c in data["columns"]] == [
        ("name", "姓名", "text"), ("party", "party", "text"), ("age", "age", "number"), ("since", "since", "date"),
    ]  # fmt: skip
    party = data["columns"][1]
    assert (party["words"], party["at"][:3], party["facet"]) == (["红", "绿"], [0, 1, 0], True)


def test_what_is_missing_or_withheld_is_no_blank(tmp_path: Path) -> None:
    asked = "SELECT * REPLACE (CASE WHEN age <> 35 THEN age END AS age, NULL AS party) FROM members"
    page = write(
        tmp_path,
        PAGE.replace("SELECT * FROM members", asked).replace(
            "query: members, columns: [name, party], more: [age, since]",
            "query: members, blank: ＊, columns: [name, party, age], more: [since]",
        ),
    )
    assert "<td>＊</td>" in page.markdown
    assert ">＊</td>" in page.markdown.replace("<td>＊</td>", "")
    columns = {c["name"]: c for c in listed(page)["columns"]}
    assert set(columns["party"].get("words", columns["party"].get("values"))) == {"＊"}
    assert (columns["age"]["kind"], columns["age"]["blank"]) == ("number", "＊")
    assert None in columns["age"]["values"]


def test_the_public_gets_no_column_that_is_internal(tmp_path: Path) -> None:
    page = write(tmp_path, PAGE, "public")
    assert [c["name"] for c in listed(page)["columns"]] == ["name", "party", "since"]


@pytest.mark.parametrize(
    "before, after, told",
    [
        ("facets: [party]", "facets: [partly]", "要找 party"),
        ("facets: [party]", "facet: [party]", "要找 facets"),
        ("query: members", "query: member", "要找 members"),
        ("columns: [name, party]", "columns: [name, party, sinse]", "要找 since"),
        ("grid('all')", "grid('al')", "要找 all"),
        ("key: name", "totals: {age: mean}", "sum 或 average"),
    ],
)
def test_a_slip_is_told_with_what_was_meant(before: str, after: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(RecordsError) as caught:
        write(tmp_path, PAGE.replace(before, after))
    assert told in caught.value.problems[0].message
    assert caught.value.problems[0].file == "site/pages/list.md"
