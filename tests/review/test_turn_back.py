"""A register turned back is the one that a whole reading of the other tree gives, table by table."""

from __future__ import annotations

from pathlib import Path

import pytest
from edited import Edited
from trees import copy_of

from lingtouyan.checks.register import Register, build_register, turn_back
from lingtouyan.database.database import quote
from lingtouyan.project import Project
from lingtouyan.review.compare import Side
from lingtouyan.review.schema_changes import changed_files

MEMBERS = "records/members-north.csv"


@pytest.fixture
def house(tmp_path: Path) -> Edited:
    repository = Edited(copy_of("parliament", tmp_path / "house"))
    repository.commit("开始")
    return repository


def contents(register: Register) -> dict[str, list[tuple[object, ...]]]:
    """Return every table and view, rows in their order."""
    found = register.connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() UNION ALL "
        "SELECT schema_name, view_name FROM duckdb_views() WHERE NOT internal ORDER BY ALL"
    ).fetchall()
    names = [f"{s}.{quote(t)}" for s, t in found if t != "build"]
    return {n: register.connection.execute(f"SELECT * FROM {n}").fetchall() for n in names}


def turned(house: Edited) -> tuple[Register | None, Register]:
    """Return the register of HEAD turned back to the commit before, and that commit's own."""
    old, new = Project.open(house.root, "HEAD~1"), Project.open(house.root, "HEAD")
    date = new.as_of(None)
    files = changed_files(old, new)
    before, after = Side(old, files), Side(new, files)
    rows = {n: before.rows.get(n, []) for n in (*before.rows, *after.rows)}
    only = ("findings", "by_party", "sitting_members")
    register = build_register(new, date, history=False, only=only)
    return turn_back(register, old, files, rows, only), build_register(old, date, history=False, only=only)


def test_a_register_turned_back_is_that_of_the_other_tree(house: Edited) -> None:
    lines = (house.root / MEMBERS).read_text("utf-8").splitlines(keepends=True)
    sitting = next((house.root / "records/sittings").glob("*.yaml"))
    (house.root / MEMBERS).write_text(
        "".join([lines[0], *reversed(lines[1:])]).replace("0.4", "0.1"), "utf-8"
    )
    sitting.rename(sitting.with_name("zz.yaml"))
    (house.root / "records/members-west.csv").write_text(
        lines[0] + "M900,乙,yi,red,学士,0.1,,2020-01-01,,,\n", "utf-8"
    )
    house.commit("改")
    found, whole = turned(house)
    assert found is not None
    assert found.problems == whole.problems
    assert contents(found) == contents(whole)
    assert sorted(map(repr, found.findings)) == sorted(map(repr, whole.findings))


@pytest.mark.parametrize("damage", ["cell", "key"])
@pytest.mark.parametrize("side", ["before", "after"])
def test_a_tree_with_faults_of_form_has_to_be_read_whole(house: Edited, damage: str, side: str) -> None:
    content = (house.root / MEMBERS).read_text("utf-8")
    wrong = (
        content.replace("2020-01-01", "某日")
        if damage == "cell"
        else content + content.splitlines()[1] + "\n"
    )
    assert wrong != content
    (house.root / MEMBERS).write_text(wrong, "utf-8")
    house.commit("错")
    if side == "before":
        (house.root / MEMBERS).write_text(content, "utf-8")
        house.commit("改正")
    found, whole = turned(house)
    assert found is None
    assert whole.problems
