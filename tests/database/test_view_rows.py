"""A view may let only some of its rows into an edition; a filter that is not understood lets none in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from trees import Tree

from lingtouyan.checks.register import register_with_editions
from lingtouyan.database.editions import open_edition
from lingtouyan.problems import RecordsError
from lingtouyan.project import Project

VIEW = """/*
title: 名单
description: 名单。
{rows}
fields:
  name: {{title: 姓名, sensitivity: public}}
  note: {{title: 说明, sensitivity: internal}}
*/
SELECT name, note FROM people
"""


def asked(tree: Tree, sql: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return what each edition of a tree answers."""
    project = Project.open(tree.root)
    paths = {e: tree.root.parent / f"{e}.duckdb" for e in ("public", "internal")}
    register_with_editions(project, project.as_of(None), paths, allow_errors=True)
    found = {}
    for edition, path in paths.items():
        with open_edition(path) as connection:
            found[edition] = connection.execute(sql).fetchall()
    return found


def editions(folder: Path, rows: str) -> dict[str, list[tuple[Any, ...]]]:
    tree = Tree(folder / "tree").table("people", ["name", {"name": "note", "sensitivity": "internal"}])
    tree.write("records/people.csv", "name,note\n甲,可以公开\n乙,不公开\n")
    tree.write("schemas/views/roster.sql", VIEW.format(rows=rows))
    return asked(tree, "SELECT * FROM roster ORDER BY name DESC")


def test_only_the_rows_that_meet_the_condition_enter_the_edition(tmp_path: Path) -> None:
    # The condition may ask for what the edition itself does not show.
    assert editions(tmp_path, "rows: {public: note = '可以公开'}") == {
        "public": [("甲",)],
        "internal": [("甲", "可以公开"), ("乙", "不公开")],
    }


def test_a_view_without_a_filter_enters_whole(tmp_path: Path) -> None:
    assert editions(tmp_path, "")["public"] == [("甲",), ("乙",)]


def test_a_value_that_could_point_at_somebody_is_none_for_the_public(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "tree").table("people", ["name"])
    tree.write("records/people.csv", "name\n甲\n")
    # Withheld: what is few, what a total would give away, and what cannot be judged.
    tree.write(
        "schemas/views/counts.sql",
        """/*
title: 人数
fields:
  item: {title: 项目, sensitivity: public}
  persons: {title: 人数, sensitivity: public, unless: persons < 3 OR total - persons < 3}
  total: {title: 合计, sensitivity: internal}
*/
SELECT * FROM (VALUES ('少', 2, 9), ('差', 8, 9), ('不明', 5, NULL), ('可以', 5, 9)) AS v(item, persons, total)""",
    )
    shown = asked(tree, "SELECT item, persons FROM counts")
    assert dict(shown["public"]) == {"少": None, "差": None, "不明": None, "可以": 5}
    assert dict(shown["internal"]) == {"少": 2, "差": 8, "不明": 5, "可以": 5}


@pytest.mark.parametrize(
    "rows",
    [
        "rows: note = '可以公开'",
        "rows:",
        "rows: {public: }",
        "rows: {publik: note = '可以公开'}",
        "rows: {public: no_such_column = 1}",
        "rows: {public: 'true); DROP TABLE people; SELECT (true'}",
    ],
)
def test_a_filter_that_is_not_understood_opens_nothing(tmp_path: Path, rows: str) -> None:
    with pytest.raises(RecordsError) as fault:
        editions(tmp_path, rows)
    assert fault.value.problems[0].file == "schemas/views/roster.sql"


@pytest.mark.parametrize(
    "key, meant", [("row: {public: note = ''}", "rows"), ("comapre: [name]", "compare"), ("abc: x", "fields")]
)
def test_a_header_says_nothing_that_is_not_heard(tmp_path: Path, key: str, meant: str) -> None:
    tree = Tree(tmp_path).table("people", ["name", "note"])
    tree.write("schemas/views/roster.sql", VIEW.format(rows=key))
    (found,) = tree.check()
    assert (found.file, found.rule) == ("schemas/views/roster.sql", "sql-error")
    assert key.partition(":")[0] in found.message
    assert meant in found.message
