"""A reader's history tells of no record that his edition does not hold: of a compartment, or erased."""

from __future__ import annotations

from pathlib import Path

import pytest
from repository import Repository
from trees import Tree

from lingtouyan.cli import main


@pytest.fixture
def city(tree: Tree) -> Tree:
    """Two towns, each with a person, a case that is open and, in former times, one that was taken back."""
    tree.table("towns", ["code", "folder"], primaryKey=["code"])
    fields = ["id", "name", {"name": "note", "sensitivity": "internal"}]
    tree.table("people", fields, path="records/*/people.csv", primaryKey=["id"], owner="town", label="name")
    person = {"fields": ["id"], "reference": {"resource": "people", "fields": ["id"]}}
    more = {"primaryKey": ["number"], "owner": "town", "foreignKeys": [person]}
    cases = ["number", "id", "tier", {"name": "note", "sensitivity": "internal"}]
    tree.table("cases", cases, path="records/*/cases.csv", compartments={"secret": "tier IS NULL"}, **more)
    tree.table(
        "erasures",
        ["table_name", "record_key", "erased_on", "paper"],
        primaryKey=["table_name", "record_key"],
    )
    tree.package(
        lingtouyan={"as_of": "2026-01-31", "erasures": "erasures", "readers": "town towns code folder"}
    )
    tree.write("records/towns.csv", "code,folder\n1,records/east\n2,records/west\n")
    tree.write("records/erasures.csv", "table_name,record_key,erased_on,paper\n")
    for town, number in (("east", 1), ("west", 3)):
        tree.write(f"records/{town}/people.csv", f"id,name,note\nP{number},李甲,\nP{number + 1},王乙,\n")
        tree.write(
            f"records/{town}/cases.csv",
            f"number,id,tier,note\nJ{number}0,P{number},,\nJ{number}1,P{number},,\nJ{number}2,P{number},轻,\n",
        )
    repository = Repository(tree)
    repository.commit()
    for town, number in (("east", 1), ("west", 3)):
        tree.write(f"records/{town}/people.csv", f"id,name,note\nP{number},李甲,记\nP{number + 1},王乙,记\n")
        tree.write(
            f"records/{town}/cases.csv",
            f"number,id,tier,note\nJ{number}1,P{number},,记\nJ{number}2,P{number},轻,记\n",
        )
    repository.commit()
    return tree


def _changed(tree: Tree, edition: str, capsys: pytest.CaptureFixture[str]) -> set[str]:
    capsys.readouterr()
    query = "SELECT DISTINCT root_key FROM changes WHERE table_name IN ('people', 'cases')"
    words = ("query", query, "--format", "csv", "--edition", edition)
    assert main(["--root", str(tree.root), *words]) == 0
    return {*capsys.readouterr().out.split()[1:]}


def test_the_history_of_an_edition_tells_of_no_case_in_a_compartment(
    city: Tree, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _changed(city, "town:1", capsys) == {"P1", "P2", "J12"}
    assert _changed(city, "internal", capsys) == {"P1", "P2", "P3", "P4", "J12", "J32"}
    assert {"J10", "J11", "J12", "J31"} <= _changed(city, "internal+secret", capsys)
    assert {"J10", "J11", "J12"} <= _changed(city, "town:1+secret", capsys)
    # Nor where none is left that is open.
    for town in ("east", "west"):
        path = city.root / f"records/{town}/cases.csv"
        path.write_text(
            "".join(ln for ln in path.read_text("utf-8").splitlines(True) if ",," not in ln), "utf-8"
        )
    Repository(city).commit()
    assert _changed(city, "internal", capsys) == {"P1", "P2", "P3", "P4", "J12", "J32"}


def test_the_history_of_a_readers_edition_tells_of_nobody_who_is_erased(
    city: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LINGTOUYAN_KEYS", str(tmp_path / "keys"))
    assert main(["--root", str(city.root), "erase", "people", "P1", "--paper", "市委〔2026〕9号"]) == 0
    Repository(city).commit()
    assert _changed(city, "town:1", capsys) == {"P2"}
    assert _changed(city, "internal", capsys) == {"P2", "P3", "P4", "J32"}
