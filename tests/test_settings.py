"""What a tree may set in its data package: every slip is an error with its line, and the manual lists it all."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from trees import Tree

from lingtouyan.cli import main
from lingtouyan.problems import RecordsError, UsageError
from lingtouyan.project import Project
from lingtouyan.settings import ZONE, Owners, Settings

ROOT = Path(__file__).resolve().parents[1]


def settings_of(tree: Tree, text: str) -> Settings:
    tree.table("offices", ["id", "folder", "accounts"], primaryKey=["id"])
    tree.write(
        "datapackage.yaml",
        "name: x\nresources:\n- {name: offices, path: records/offices.csv, schema: schemas/tables/offices.yaml}\n"
        f"lingtouyan:\n  as_of: 2026-01-31\n{text}",
    )
    return Project.open(tree.root).settings


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("signatures: requried", ["signatures", "required", "requried"]),
        ("sigantures: required", ["sigantures", "您是不是要找 signatures"]),
        ("signature: required", ["signature", "您是不是要找 signatures"]),
        ("qqq: 1", ["没有 “qqq”", "可用：as_of"]),
        ("signatures: [required]", ["signatures", "一个值"]),
        ("signatures:", ["signatures", "一个值"]),
        ("signatures_from: 2026-02-30", ["signatures_from", "不是日期"]),
        ("signatures_from: 2026-02-03", ["signatures: required"]),
        ("alarm_share: 很多", ["alarm_share", "0 到 1"]),
        ("alarm_jump: nan", ["alarm_jump", "0 到 1"]),
        ("alarm_jump: 1.5", ["alarm_jump", "0 到 1"]),
        ("review_subjects: offices offcies", ["offcies", "您是不是要找 offices"]),
        ("review_subjects: {offices: 1}", ["review_subjects", "几个词"]),
        ("review_parameters: limits", ["review_parameters", "limits"]),
        ("owners: offices folder", ["owners", "三个词"]),
        ("owners: offices folder acounts", ["acounts", "您是不是要找 accounts"]),
        ("owners_files: ../CODEOWNERS", ["owners_files", "../CODEOWNERS"]),
        ("owners_files: .github/workflows/x.yml", ["CODEOWNERS"]),
        ("signers: /etc/passwd", ["signers", "/etc/passwd"]),
        ("commit_url: 'javascript:alert({commit})'", ["commit_url", "https://"]),
        ("commit_url: https://git.example/c/", ["{commit}"]),
    ],
)
def test_a_setting_that_cannot_be_meant_is_an_error_where_it_stands(
    tree: Tree, capsys: pytest.CaptureFixture[str], line: str, words: list[str]
) -> None:
    with pytest.raises(RecordsError) as fault:
        settings_of(tree, f"  {line}\n")
    (problem,) = fault.value.problems
    assert (problem.file, problem.line, problem.rule) == ("datapackage.yaml", 6, "package-error")
    assert all(word in problem.message for word in words)
    assert main(["--root", str(tree.root), "check"]) == 1
    assert "第6行" in capsys.readouterr().out


def test_settings_arrive_as_what_they_are(tree: Tree) -> None:
    lines = (
        "  review_subjects: [offices]\n  alarm_share: '0.1'\n  owners: offices folder accounts\n"
        "  signatures: required\n  signatures_from: 2026-02-03\n  signers: keys/signers\n"
        "  owners_files: .github/CODEOWNERS .gitea/CODEOWNERS\n"
    )
    assert settings_of(tree, lines) == Settings(
        as_of=datetime.date(2026, 1, 31),
        review_subjects=("offices",),
        alarm_share=0.1,
        owners=Owners("offices", "folder", "accounts"),
        owners_files=(".github/CODEOWNERS", ".gitea/CODEOWNERS"),
        signatures=True,
        signatures_from=datetime.date(2026, 2, 3),
        signers="keys/signers",
    )


def test_outside_a_repository_the_day_is_that_of_the_citys_clock(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree.table("a", ["id"])
    tree.package(lingtouyan={})
    now = datetime.datetime(2026, 1, 1, 23, 30, tzinfo=datetime.UTC).timestamp()
    monkeypatch.setattr("time.time", lambda: now)
    project = Project.open(tree.root)
    assert project.as_of(None) == datetime.date(2026, 1, 2)
    assert datetime.datetime.fromtimestamp(project.epoch, ZONE).isoformat() == "2026-01-02T00:00:00+08:00"
    with pytest.raises(UsageError, match="不是日期"):
        project.as_of("2026-02-30")
