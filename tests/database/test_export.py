"""The data of an edition: any tool of the standard accepts it, every value comes back, and the same gives the same bytes."""

from __future__ import annotations

import csv
import datetime
import os
from decimal import Decimal
from pathlib import Path

import duckdb
import frictionless
import pytest
from trees import Tree

from lingtouyan.checks.register import register_with_editions
from lingtouyan.database.editions import open_edition
from lingtouyan.database.export import export_edition
from lingtouyan.problems import RecordsError
from lingtouyan.project import Project

PEOPLE = '''name,note,mood,born,votes,share,serves,tags
"甲,乙",'单引号',低,1975-03-15,9007199254740993,0.1,是,"[""a"", ""一、二""]"
"说""引号""",=1+1,高,0001-01-01,-5,1e-7,否,[]
#井号,-,,9999-12-31,,100.0,,
丙,,,,,,,
'''
# An empty text is a value of `nick` (a dash says that there is none), and a record of YAML may hold line breaks.
TOWNS = "- town: T1\n  text: |\n    第一行\n    第二行\n  nick: ''\n- town: T2\n  nick: '-'\n- town: T3\n  nick: 小\n"
VIEW = """/*
title: 汇总
fields:
  name: {title: 姓名, sensitivity: public}
  late: {title: 晚, sensitivity: public}
  at: {title: 时刻, sensitivity: public}
  many: {title: 多, sensitivity: public}
  sum: {title: 和, sensitivity: public}
*/
SELECT name, votes < 0 AS late, born::TIMESTAMP + INTERVAL 3661 SECOND AS at, [name, NULL] AS many, 1.50::DECIMAL(9,2) AS sum
FROM people
"""


def trees(folder: Path) -> Tree:
    tree = Tree(folder)
    tree.table(
        "people",
        [
            "name",
            "note",
            {
                "name": "mood",
                "categories": ["低", "中", "高"],
                "categoriesOrdered": True,
                "constraints": {"enum": ["低", "中", "高"]},
            },
            {"name": "born", "type": "date"},
            {"name": "votes", "type": "integer"},
            {"name": "share", "type": "number"},
            {"name": "serves", "type": "boolean", "trueValues": ["是"], "falseValues": ["否"]},
            {"name": "tags", "type": "array"},
        ],
        primaryKey=["name"],
    )
    tree.table("towns", ["town", "text", {"name": "nick", "missingValues": ["-"]}], path="records/towns.yaml")
    tree.write("records/people.csv", PEOPLE)
    tree.write("records/towns.yaml", TOWNS)
    tree.write("schemas/views/summary.sql", VIEW)
    return tree


def export(tree: Tree, out: Path) -> None:
    project = Project.open(tree.root)
    path = out.parent / f"{out.name}.duckdb"
    register = register_with_editions(project, project.as_of(None), {"public": path})
    assert not register.problems, register.problems
    # A build has the edition open meanwhile, with its doors shut.
    with open_edition(path):
        export_edition(path, register.views, project.package, "public", out, created="2026-01-01T00:00:00Z")


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    export(trees(folder / "tree"), folder / "data")
    return folder / "data"


def test_frictionless_accepts_the_package_and_reads_every_value_back(data: Path) -> None:
    package = frictionless.Package(str(data / "datapackage.json"))
    report = package.validate()
    assert report.valid, report.flatten(["type", "message"])
    people = package.get_resource("people").read_rows()
    assert [list(r.values()) for r in people] == [
        [
            "甲,乙",
            "'单引号'",
            "低",
            datetime.date(1975, 3, 15),
            9007199254740993,
            Decimal("0.1"),
            True,
            ["a", "一、二"],
        ],
        ['说"引号"', "=1+1", "高", datetime.date(1, 1, 1), -5, Decimal("1e-7"), False, []],
        ["#井号", "-", None, datetime.date(9999, 12, 31), None, 100, None, None],
        ["丙", None, None, None, None, None, None, None],
    ]
    towns = package.get_resource("towns").read_rows()
    assert [(r["town"], r["text"], r["nick"]) for r in towns] == [
        ("T1", "第一行\n第二行\n", ""),
        ("T2", None, None),
        ("T3", None, "小"),
    ]


def test_parquet_files_hold_the_same_values_in_their_types(data: Path) -> None:
    with duckdb.connect() as connection:
        people = connection.execute(f"FROM '{data}/people.parquet' WHERE name = '甲,乙'").fetchall()
        assert people == [
            (
                "甲,乙",
                "'单引号'",
                "低",
                datetime.date(1975, 3, 15),
                9007199254740993,
                0.1,
                True,
                ["a", "一、二"],
            )
        ]
        nicks = connection.execute(f"SELECT nick FROM '{data}/towns.parquet' ORDER BY town").fetchall()
        assert nicks == [("",), (None,), ("小",)]
        late = connection.execute(
            f"""SELECT late, "at"::VARCHAR, many, "sum" FROM '{data}/summary.parquet' WHERE name = $1""",
            ["甲,乙"],
        ).fetchall()
        assert late == [(False, "1975-03-15 01:01:01", ["甲,乙", None], Decimal("1.50"))]


def test_each_table_and_view_is_there_in_both_forms_and_nothing_else(data: Path) -> None:
    names = {f"{n}.{form}" for n in ("people", "towns", "summary") for form in ("csv", "parquet")}
    assert {p.name for p in data.iterdir()} == names | {"datapackage.json"}


def test_cells_are_quoted_where_they_must_be_and_nowhere_else(data: Path) -> None:
    lines = (data / "people.csv").read_bytes().split(b"\n")
    assert lines[0] == b"name,note,mood,born,votes,share,serves,tags"
    assert lines[4:] == ["丙,,,,,,,".encode(), b""]
    assert (data / "towns.csv").read_text(
        "utf-8"
    ) == 'town,text,nick\nT1,"第一行\n第二行\n",""\nT2,,-\nT3,,小\n'
    with (data / "summary.csv").open(encoding="utf-8", newline="") as stream:
        rows = {r["name"]: r for r in csv.DictReader(stream)}
    assert rows["甲,乙"]["late"] == "false"
    assert rows["甲,乙"]["at"] == "1975-03-15T01:01:01"
    assert rows["甲,乙"]["sum"] == "1.50"
    assert rows["丙"]["late"] == ""


def test_two_folders_and_any_number_of_cores_give_the_same_bytes(data: Path, tmp_path: Path) -> None:
    cores = os.sched_getaffinity(0)
    folder = tmp_path / "elsewhere with a longer name" / "x"
    folder.mkdir(parents=True)
    os.sched_setaffinity(0, {min(cores)})
    try:
        export(trees(folder / "tree"), folder / "data")
    finally:
        os.sched_setaffinity(0, cores)
    assert bytes_of(folder / "data") == bytes_of(data)


def test_an_edition_that_would_refer_to_what_it_does_not_show_is_refused(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "tree")
    tree.table("towns", ["town"], primaryKey=["town"], rows={"public": "town <> 'T2'"})
    keys = [{"fields": ["town"], "reference": {"resource": "towns", "fields": ["town"]}}]
    tree.table("people", ["name", "town"], primaryKey=["name"], foreignKeys=keys)
    tree.write("records/towns.csv", "town\nT1\nT2\n")
    tree.write("records/people.csv", "name,town\n甲,T1\n")
    export(tree, tmp_path / "one")
    tree.write("records/people.csv", "name,town\n甲,T2\n")
    with pytest.raises(RecordsError, match="有 1 行引用了该版不显示的 towns"):
        export(tree, tmp_path / "two")
