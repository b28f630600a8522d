"""A question reads, computes and cuts only what it reaches, and is answered as if all of it had been."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from trees import Tree

from lingtouyan.checks.register import build_register, check
from lingtouyan.cli import main
from lingtouyan.commands.query import query
from lingtouyan.database.database import connect, rows_of
from lingtouyan.problems import UsageError
from lingtouyan.project import Project

VIEW = "/*\ntitle: {name}\n{more}fields:\n  {field}: {{title: 甲, sensitivity: public}}\n*/\n{sql}\n"


@pytest.fixture
def city(tree: Tree) -> Tree:
    tree.table("towns", ["town", {"name": "open", "type": "boolean"}], primaryKey=["town"])
    tree.table(
        "people",
        ["name", "town", {"name": "born", "type": "date"}, {"name": "phone", "sensitivity": "restricted"}],
        path="records/people/*.yaml",
        primaryKey=["name"],
        foreignKeys=[{"fields": ["town"], "reference": {"resource": "towns", "fields": ["town"]}}],
        rows={"public": "town IN (SELECT town FROM open_towns)"},
    )
    tree.table("posts", ["name", "post"], parent="people", property="posts")
    tree.table("wells", ["well"])
    tree.write("records/towns.csv", "town,open\nT1,true\nT2,false\n")
    for n, town in enumerate(("T1", "T2"), 1):
        tree.write(
            f"records/people/P{n}.yaml",
            f'name: P{n}\ntown: {town}\nborn: "1975-3-{n}"\nphone: "13900000001"\nposts:\n  - post: 甲\n',
        )
    tree.write("records/wells.csv", "well\nW1\n")
    tree.write(
        "schemas/macros/m.sql", "CREATE MACRO open_names() AS (SELECT list(town) FROM towns WHERE open)"
    )
    tree.write(
        "schemas/views/open_towns.sql", "SELECT town FROM people WHERE list_contains(open_names(), town)"
    )
    tree.write(
        "schemas/views/posted.sql",
        VIEW.format(
            name="任职", more="", field="post", sql="SELECT post FROM posts JOIN people USING (name)"
        ),
    )
    tree.write("schemas/views/broken.sql", "SELECT no_such_column FROM wells")
    return tree


def asked(tree: Tree, sql: str, edition: str = "public") -> Any:
    return json.loads(query(tree.root, sql, edition, None, "json"))


def test_an_answer_is_the_same_as_from_a_whole_edition(city: Tree) -> None:
    # Rows hidden by a condition that asks a view, which asks a macro, which asks another table.
    assert asked(city, "SELECT name, born FROM people") == [{"name": "P1", "born": "1975-03-01"}]
    assert asked(city, "SELECT count(*) AS n FROM people", "internal") == [{"n": 2}]
    assert asked(city, "SELECT post FROM posted") == [{"post": "甲"}, {"post": "甲"}]
    assert asked(city, 'SELECT "Post" FROM PoStEd LIMIT 1') == [{"post": "甲"}]
    assert asked(city, "SELECT 1 AS a") == [{"a": 1}]
    assert asked(city, "SELECT edition FROM build") == [{"edition": "public"}]
    assert len(asked(city, "SELECT name FROM tables")) == 4
    assert asked(city, "SELECT field FROM views WHERE name = 'posted'") == [{"field": "post"}]
    assert asked(city, "SELECT count(*) AS n FROM changes, commits") == [{"n": 0}]
    assert asked(city, "SELECT column_name FROM (DESCRIBE wells)") == [{"column_name": "well"}]


def test_what_no_question_may_see_is_not_there(city: Tree) -> None:
    for sql in (
        "SELECT phone FROM people",
        "FROM open_towns",
        "FROM raw.people",
        "FROM cells",
        "FROM findings",
    ):
        with pytest.raises(UsageError):
            asked(city, sql)


def test_findings_are_those_of_a_whole_check(city: Tree) -> None:
    found = asked(city, "SELECT rule, file FROM findings ORDER BY ALL", "internal")
    assert {"rule": "sql-error", "file": "schemas/views/broken.sql"} in found
    assert [f["file"] for f in found if f["rule"] == "unusual-form"] == [
        "records/people/P1.yaml",
        "records/people/P2.yaml",
    ]


def test_a_repeated_record_counts_once(city: Tree) -> None:
    shutil.copy(city.root / "records/people/P1.yaml", city.root / "records/people/P1 (1).yaml")
    assert asked(city, "SELECT count(*) AS n FROM people") == [{"n": 1}]
    assert asked(city, "SELECT count(*) AS n FROM posts") == [{"n": 2}]


def test_files_that_a_question_does_not_reach_are_not_read(
    city: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project.open(city.root)
    taken: list[str] = []
    read_all = type(project.source).read_all

    def note(self: Any, names: Any, limit: int | None = None) -> Any:
        taken.extend(names)
        return read_all(self, names, limit)

    monkeypatch.setattr(type(project.source), "read_all", note)
    assert asked(city, "SELECT well FROM wells") == [{"well": "W1"}]
    assert [n for n in taken if n.startswith("records/")] == ["records/wells.csv"]


def test_columns_keep_the_names_that_a_query_gives_them() -> None:
    assert rows_of(connect(), "SELECT 1 AS a, 2 AS a, 3 AS a_1 ORDER BY 1") == (
        ["a", "a", "a_1"],
        [(1, 2, 3)],
    )


def test_a_view_that_nothing_reaches_is_looked_at_and_not_computed(city: Tree) -> None:
    (city.root / "schemas/views/broken.sql").unlink()
    city.write("schemas/views/late.sql", "SELECT error('x') AS a FROM wells")
    city.write("schemas/views/later.sql", "SELECT a FROM late")
    project = Project.open(city.root)
    register = build_register(project, project.as_of(None), only=())
    assert [p.rule for p in register.problems] == ["unusual-form", "unusual-form"]
    assert [v.name for v in register.views] == ["late", "open_towns", "posted", "later"]
    problems = city.check()
    assert {p.file for p in problems if p.rule == "sql-error"} == {
        "schemas/views/late.sql",
        "schemas/views/later.sql",
    }


def test_views_in_a_circle_are_told(city: Tree) -> None:
    city.write("schemas/views/a.sql", "FROM b")
    city.write("schemas/views/b.sql", "FROM a")
    (problem,) = city.check()
    assert "a、b" in problem.message


RULE = "/*\nid: {n}\ntitle: x\nseverity: warning\nmessage: x\n*/\nSELECT _file, _line FROM {table}\n"


def test_a_second_check_of_the_same_tree_gives_the_same_and_any_change_is_seen(
    city: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def told(**options: Any) -> list[str]:
        project = Project.open(city.root)
        return [f"{p.file}:{p.line} {p.rule}" for p in check(project, project.as_of(options.get("as_of")))]

    city.write("schemas/rules/R1.sql", RULE.format(n="R1", table="wells"))
    first = told()
    with monkeypatch.context() as patch:
        patch.setattr("lingtouyan.checks.register.build_register", None)
        assert told() == first
    city.write("records/wells.csv", "well\nW1\nW2\n")
    assert [t for t in told() if t not in first] == ["records/wells.csv:3 R1"]
    city.write(
        "schemas/rules/R2.sql", RULE.format(n="R2", table="build, wells WHERE as_of > DATE '2026-06-01'")
    )
    assert not [t for t in told() if "R2" in t]
    assert [t for t in told(as_of="2026-07-01") if "R2" in t]
    city.write("records/people/leftover.txt", "x")
    assert any("unclaimed-file" in t for t in told())


def test_a_folder_of_records_may_be_renamed_between_two_checks(
    city: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (city.root / "schemas/views/broken.sql").unlink()
    city.write("schemas/rules/R1.sql", RULE.format(n="R1", table="people"))
    monkeypatch.chdir(city.root)
    assert main(["check"]) == 0
    (city.root / "records/people").rename(city.root / "records/folk")
    descriptor = city.root / "datapackage.yaml"
    descriptor.write_text(
        descriptor.read_text("utf-8").replace("records/people/*", "records/folk/*"), "utf-8"
    )
    for _ in range(2):
        capsys.readouterr()
        assert main(["check"]) == 0
        assert "records/folk/P1.yaml" in capsys.readouterr().out
