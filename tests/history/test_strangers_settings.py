"""A repository that came with settings of its own: none of the programs that they name is started."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from repository import Repository
from trees import Tree

from lingtouyan.cli import main
from lingtouyan.history import git
from lingtouyan.history.git import head_commit
from lingtouyan.history.tree import CommitTree, resolve
from lingtouyan.pdf.jobs import Commits
from lingtouyan.problems import UsageError
from lingtouyan.project import Project

FILE = "records/people.csv"


@pytest.fixture
def repository(tree: Tree) -> Repository:
    made = Repository(tree.table("people", ["id", "name"]))
    made.commit({FILE: "id,name\n1,甲\n"})
    return made


def armed(repository: Repository, folder: Path, program: str) -> None:
    """Have the repository name a program for whatever is compared below a folder."""
    for name in ("evil", "e=v.clean=x"):
        for setting in ("clean", "smudge", "process"):
            repository.git("-C", str(folder), "config", f"filter.{name}.{setting}", program)
        repository.git("-C", str(folder), "config", f"filter.{name}.required", "true")
    (folder / ".gitattributes").write_text("*.csv filter=evil\n*.txt filter=e=v.clean=x\n", "utf-8")


def test_no_filter_of_a_repository_is_run_to_see_what_has_changed(
    repository: Repository, tmp_path: Path
) -> None:
    armed(repository, repository.root, f"touch {tmp_path}/pwned; cat")
    repository.tree.write(FILE, "id,name\n1,乙\n")
    commit = head_commit(repository.root)
    assert commit is not None
    assert commit.dirty
    Commits(Project.open(repository.root))
    assert not (tmp_path / "pwned").exists()


def test_no_filter_of_a_submodule_is_run_either(repository: Repository, tmp_path: Path) -> None:
    inner = Repository(Tree(repository.root / "sub"))
    inner.commit({"a.csv": "a\n"})
    repository.commit()
    armed(inner, inner.root, f"touch {tmp_path}/pwned; cat")
    inner.tree.write("a.csv", "a\n")
    assert head_commit(repository.root) is not None
    assert not (tmp_path / "pwned").exists()


def test_what_is_missing_is_not_fetched_and_named(repository: Repository, tmp_path: Path) -> None:
    settings = {
        "core.repositoryformatversion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.promisor": "true",
        "remote.origin.url": f"ext::touch {tmp_path}/pwned",
        "protocol.ext.allow": "always",
    }
    for key, value in settings.items():
        repository.git("config", key, value)
    blob = repository.git("rev-parse", f"HEAD:{FILE}")
    (repository.root / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(UsageError, match="缺少"):
        CommitTree(repository.root, resolve(repository.root, "HEAD"))
    assert not (tmp_path / "pwned").exists()


def test_a_repository_that_git_waits_for_is_named_once(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository.root / ".git/HEAD").unlink()
    os.mkfifo(repository.root / ".git/HEAD")
    monkeypatch.setattr(git, "SECONDS", 0.3)
    assert main(["--root", str(repository.root), "check"]) == 2
    assert "git 0 秒没有回答" in capsys.readouterr().err
