from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from trees import Tree

from lingtouyan.cli import main
from lingtouyan.commands.owners import write_owners
from lingtouyan.problems import RecordsError, UsageError

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = {"owners": "offices folder accounts", "owners_files": ".github/CODEOWNERS .gitea/CODEOWNERS"}


@pytest.fixture
def offices(tree: Tree) -> Tree:
    tree.table("offices", ["id", "folder", "accounts"], primaryKey=["id"])
    tree.table("others", ["id"], primaryKey=["id"])
    tree.package(lingtouyan=OPTIONS)
    tree.write(
        "records/offices.csv",
        "id,folder,accounts\ncity,,@city @boss\nnorth,records/t/1-北镇,@north\nsouth,records/t/2,@south\nnobody,records/t/3,\n",
    )
    tree.write("records/others.csv", "id\n1\n")
    return tree


def test_each_folder_has_its_own_accounts_and_those_of_the_whole(offices: Tree) -> None:
    assert write_owners(offices.root, write=True) == [".github/CODEOWNERS", ".gitea/CODEOWNERS"]
    lines = (offices.root / ".github/CODEOWNERS").read_text("utf-8").splitlines()[1:]
    assert lines == [
        "* @city @boss",
        "/records/t/1-北镇/ @north @city @boss",
        "/records/t/2/ @south @city @boss",
    ]


def test_a_host_that_reads_expressions_gets_expressions(offices: Tree) -> None:
    write_owners(offices.root, write=True)
    lines = (offices.root / ".gitea/CODEOWNERS").read_text("utf-8").splitlines()[1:]
    assert lines[0] == ".* @city @boss"
    assert lines[1] == "records/t/1-北镇/.* @north @city @boss"


def test_checking_writes_nothing_and_tells_what_is_out_of_date(
    offices: Tree, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--root", str(offices.root), "owners", "--check"]) == 1
    assert not (offices.root / ".github").exists()
    assert main(["--root", str(offices.root), "owners"]) == 0
    assert main(["--root", str(offices.root), "owners", "--check"]) == 0
    assert "与登记一致" in capsys.readouterr().out


@pytest.mark.parametrize(
    "row",
    [
        "x,records/a b,@a",
        "x,records/*,@a",
        "x,records/../..,@a",
        "x,records/t/9,owner",
        'x,records/t/9,"@a\n* @thief"',
        "x,records/t/9#,@a",
    ],
)
def test_what_a_host_would_read_otherwise_is_refused(offices: Tree, row: str) -> None:
    offices.write("records/offices.csv", f"id,folder,accounts\n{row}\n")
    with pytest.raises(RecordsError) as fault:
        write_owners(offices.root, write=True)
    assert fault.value.problems[0].file == "records/offices.csv"
    assert not (offices.root / ".github").exists()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"owners": "offices folder"},
        {"owners": "offices nothing accounts"},
        {**OPTIONS, "owners_files": "../CODEOWNERS"},
        {**OPTIONS, "owners_files": ".github/workflows/x.yml"},
    ],
)
def test_a_wrong_setting_is_told_and_nothing_is_written(offices: Tree, options: dict[str, str]) -> None:
    offices.package(lingtouyan=options)
    with pytest.raises((UsageError, RecordsError), match="owners"):
        write_owners(offices.root, write=True)


def test_a_link_is_not_followed(offices: Tree, tmp_path: Path) -> None:
    (offices.root / ".github").symlink_to(tmp_path)
    with pytest.raises(UsageError, match="符号链接"):
        write_owners(offices.root, write=True)
    assert not (tmp_path / "CODEOWNERS").exists()


def test_the_sample_city_hosts_what_its_records_say() -> None:
    files = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "*CODEOWNERS"], capture_output=True, text=True, check=True
    ).stdout.split()
    # Other hosts' are made in the repositories of cities that use them.
    assert files == [".github/CODEOWNERS"]
    assert write_owners(ROOT, write=False) == []
