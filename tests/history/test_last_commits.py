"""Which commit last touched each file: what a print names."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from repository import Repository

from lingtouyan.history.log import last_commits, uncommitted
from lingtouyan.problems import UsageError

A, B = "records/甲.csv", "records/乙.csv"


def test_a_file_is_last_touched_where_the_main_line_took_it_in(repository: Repository) -> None:
    first = repository.commit({A: "a\n", B: "b\n"})
    repository.branch("side")
    repository.commit({B: "c\n"})
    repository.git("checkout", "-q", "main")
    second = repository.commit({A: "d\n"})
    merge = repository.merge("side")
    found = last_commits(repository.root, "HEAD")
    assert found[A][1] == second
    assert found[B][1] == merge
    assert found[A][0] < found[B][0]
    assert last_commits(repository.root, first)[B][1] == first
    # A file that went was touched, too.
    last = repository.commit({A: None})
    assert last_commits(repository.root, "HEAD")[A][1] == last


@pytest.mark.parametrize(
    "name",
    [b"\x01\n1.csv", b":100644 100644 x", b"\nrecords.csv", b"f" * 40, b"\xd5\xd5\xc6\xac.csv", b'a"\t'],
)
def test_no_name_of_a_file_feigns_another_commit(repository: Repository, name: bytes) -> None:
    path = os.fsdecode(name)
    first = repository.commit({path: "a\n", A: "a\n"}, "\x01" + "0" * 40)
    second = repository.commit({B: "b\n"}, "一\n\n\x01二\n:100644 x")
    third = repository.commit({path: "b\n"})
    found = last_commits(repository.root, "HEAD")
    assert (found[path][1], found[A][1], found[B][1]) == (third, first, second)
    (repository.root / path).write_bytes(b"c")
    assert uncommitted(repository.root) == {path}


def test_what_is_not_committed_is_named(repository: Repository) -> None:
    repository.commit({A: "a\n", B: "b\n", "records/丙 c.csv": "c\n"})
    assert uncommitted(repository.root) == set()
    repository.tree.write(A, "x\n")
    (repository.root / B).unlink()
    repository.tree.write("records/新/丁.csv", "d\n")
    repository.git("mv", "records/丙 c.csv", "records/戊.csv")
    assert uncommitted(repository.root) == {
        *(A, B, "records/新/丁.csv", "records/丙 c.csv", "records/戊.csv")
    }


def test_a_shallow_clone_names_no_commit(repository: Repository, tmp_path: Path) -> None:
    repository.commit({A: "a\n"})
    repository.commit({B: "b\n"})
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{repository.root}", str(clone)], check=True)
    with pytest.raises(UsageError, match="浅克隆"):
        last_commits(clone, "HEAD")


def test_a_damaged_repository_is_named(repository: Repository) -> None:
    repository.commit({A: "a\n"})
    tree = repository.git("rev-parse", "HEAD^{tree}")
    repository.commit({B: "b\n"})
    (repository.root / ".git/objects" / tree[:2] / tree[2:]).unlink()
    with pytest.raises(UsageError, match="git log 没有成功"):
        last_commits(repository.root, "HEAD")
