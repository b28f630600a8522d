"""A workbook dragged into `inbox/` on a git host, against a bare repository and the very script of the pipelines."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from trees import Tree

from lingtouyan.cli import main
from lingtouyan.exchange.workbook import ANSWER, Sheet, read_workbook, write_workbook

ROOT = Path(__file__).resolve().parents[2]
CLERK = {"GIT_AUTHOR_NAME": "李干事", "GIT_AUTHOR_EMAIL": "li@north.example"}


class Host:
    """A bare repository, and somebody's clone of it."""

    def __init__(self, folder: Path) -> None:
        self.bare, self.clone, self.folder = folder / "host.git", folder / "clone", folder
        config = folder / ".gitconfig"
        config.write_text("[user]\nname = inbox\nemail = inbox@localhost\n[init]\ndefaultBranch = main\n")
        self.tool = folder / "tool"
        self.tool.write_text(
            f'#!/bin/sh\nPYTHONPATH={ROOT / "generator"} exec {sys.executable} -m lingtouyan "$@"\n'
        )
        self.tool.chmod(0o755)

    def git(self, *words: str, **env: str) -> str:
        given = {**os.environ, "HOME": str(self.folder), **env}
        command = ["git", "-C", str(self.clone), *words]
        return subprocess.run(command, env=given, capture_output=True, text=True, check=True).stdout.strip()

    def drag(self, path: Path, message: str = "Add files via upload") -> None:
        """Upload a file into `inbox/`, as the host's page does for the clerk."""
        self.git("checkout", "-q", "-B", "patch-1", "origin/patch-1" if self.there() else "origin/main")
        target = self.clone / "inbox" / path.name
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(path.read_bytes())
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message, **CLERK)
        self.git("push", "-q", "origin", "patch-1")

    def there(self) -> bool:
        return "origin/patch-1" in self.git("branch", "-r")

    def pipeline(self) -> int:
        """Run what the pipelines run, in a clone of its own."""
        env = {"PATH": os.environ["PATH"], "HOME": str(self.folder)}
        work = self.folder / f"job{len(list(self.folder.glob('job*')))}"
        subprocess.run(["git", "clone", "-q", "-b", "patch-1", self.bare, work], env=env, check=True)
        command = [str(ROOT / ".ci/take-inbox"), str(self.tool), str(work), str(self.bare), "patch-1"]
        code = subprocess.run(command, env=env, check=False).returncode
        self.git("fetch", "-q", "origin")
        return code

    def changed(self) -> list[str]:
        names = self.git("-c", "core.quotePath=false", "diff", "--name-only", "origin/main", "origin/patch-1")
        return names.splitlines()


@pytest.fixture
def host(tmp_path: Path) -> Host:
    tree = Tree(tmp_path / "clone")
    fields: list[Any] = [
        {"name": "id", "title": "编号", "example": "P001", "constraints": {"required": True}},
        {"name": "name", "title": "姓名", "constraints": {"required": True}},
        {"name": "group", "title": "民族", "constraints": {"enum": ["汉族", "回族"]}},
        {"name": "card", "title": "身份证号", "sensitivity": "restricted"},
    ]
    tree.table("people", fields, path="records/people.csv", primaryKey=["id"], label="name")
    tree.write("records/people.csv", "id,name,group,card\nP001,王五,汉族,\n")
    made = Host(tmp_path)
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", made.bare], check=True)
    made.git("init", "-q", "-b", "main")
    made.git("remote", "add", "origin", str(made.bare))
    made.git("add", "-A")
    made.git("commit", "-q", "-m", "first")
    made.git("push", "-q", "origin", "main")
    return made


def test_a_roster_becomes_a_commit_of_records_in_the_clerks_name(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "名册.xlsx"
    write_workbook(
        path, [Sheet("一", rows=[["姓名", "民族", "身份证号"], ["钱七", "回族", "990101197503150017"]])]
    )
    host.drag(path, "Add files via upload\n\n依据：示组〔2026〕3号")
    assert host.pipeline() == 0
    assert host.changed() == ["records/people.csv"]
    assert "P002,钱七,回族," in host.git("show", "origin/patch-1:records/people.csv")
    log = host.git("log", "-1", "--format=%an <%ae>%n%B", "origin/patch-1")
    assert "李干事 <li@north.example>" in log
    assert "收下 1 条" in log
    assert "依据：示组〔2026〕3号" in log
    # What the workbook held besides, an ID number say, is in no commit of the branch.
    assert host.git("log", "--format=%H", "origin/main..origin/patch-1", "--", "inbox") == ""


def test_what_is_wrong_stays_as_an_answer_until_it_is_put_right(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "表.xlsx"
    assert main(["--root", str(host.clone), "sheet", str(path)]) == 0
    (sheet, *hidden) = read_workbook(path)
    about = next(s.rows for s in hidden if s.title == "lingtouyan")

    def put(row: list[str]) -> None:
        write_workbook(path, [Sheet("people表", rows=[sheet.rows[0], ["P001", "王五", "汉族"], row])], about)
        host.drag(path)

    put(["P002", "钱七", "火星族"])
    assert host.pipeline() == 1
    answer = f"inbox/表.{ANSWER}.xlsx"
    assert host.changed() == [answer]
    assert "退回 1 条" in host.git("log", "-1", "--format=%B", "origin/patch-1")
    host.git("checkout", "-q", "-B", "patch-1", "origin/patch-1")
    assert "P002" in str([s.rows for s in read_workbook(host.clone / answer)])
    path = tmp_path / f"表.{ANSWER}.xlsx"
    put(["P002", "钱七", "回族"])
    assert host.pipeline() == 0
    assert host.changed() == ["records/people.csv"]
    assert host.git("log", "--format=%H", "origin/main..origin/patch-1", "--", "inbox") == ""
