"""What the repository knew at another time: laid out by itself, byte for byte, by several runs at once, from any tree."""

from __future__ import annotations

import os
import pickle
import subprocess
from pathlib import Path

import pytest
from repository import START, Repository
from trees import Tree

from lingtouyan.cli import main
from lingtouyan.history.tree import CommitTree, first_common, resolve
from lingtouyan.problems import Problem, UsageError
from lingtouyan.project import Project
from lingtouyan.reading.source import WorkTree

A = "records/青山镇/people/P1.yaml"
PERSON = "id: P1\nname: 李示范\nborn: 1975-03-15\n"


def tree_of(repository: Repository, revision: str = "HEAD") -> CommitTree:
    return CommitTree(repository.root, resolve(repository.root, revision))


def raw_tree(repository: Repository, *entries: tuple[str, str, str]) -> str:
    """Commit a tree that git itself would not make: (mode, name, object)."""
    data = b"".join(f"{m} {n}".encode() + b"\0" + bytes.fromhex(o) for m, n, o in entries)
    done = subprocess.run(
        ["git", "-C", str(repository.root), "hash-object", "-t", "tree", "-w", "--literally", "--stdin"],
        input=data,
        capture_output=True,
        check=True,
    )
    tree = done.stdout.decode().strip()
    return repository.git("commit-tree", "-m", "x", tree, **repository.dated())


# names of revisions


def test_a_revision_is_named_in_many_ways(repository: Repository) -> None:
    first = repository.commit({A: PERSON})
    repository.git("tag", "-a", "换届", "-m", "x", **repository.dated())
    second = repository.commit({A: PERSON.replace("1975", "1976")})
    assert resolve(repository.root, "换届").id == resolve(repository.root, first[:9]).id == first
    assert resolve(repository.root, "HEAD").id == resolve(repository.root, "2026-01-01").id == second
    # Of the minute given, in the city's own time.
    assert START == 1_767_225_600  # 2026-01-01 08:00 +0800
    assert resolve(repository.root, "2026-01-01T08:01").id == first


def test_a_date_is_not_taken_in_by_one_that_was_feigned(repository: Repository) -> None:
    first = repository.commit({A: PERSON})
    repository.clock += 86_400
    second = repository.commit({A: PERSON.replace("1975", "1976")})
    clock, repository.clock = repository.clock, START - 3 * 365 * 86_400
    repository.commit({A: PERSON.replace("1975", "1977")}, "倒填")
    with pytest.raises(UsageError, match="之前没有提交"):
        resolve(repository.root, "2024-01-01")
    assert resolve(repository.root, "2026-01-01").id == first
    repository.clock = clock + 5 * 365 * 86_400
    repository.commit({A: PERSON.replace("1975", "1978")}, "电脑的时钟不对")
    repository.clock = clock + 86_400
    last = repository.commit({A: PERSON.replace("1975", "1979")})
    repository.commit({A: PERSON.replace("1975", "1980")})
    assert resolve(repository.root, "2026-01-02").id == second
    assert resolve(repository.root, "2026-01-03T08:03").id == last


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("2026-02-30", "日历上没有"),
        ("2026-01-01T25:00", "日历上没有"),
        ("2025-12-31", "之前没有提交"),
        ("没有", "没有叫.*git fetch"),
        ("mian", "您是不是要找 main"),
        ("--output=x", "不能以"),
        ("HEAD~1..HEAD", "没有叫"),
        ("HEAD:records", "没有叫"),
        ("a\x1b[31m", "⟨U\\+001B⟩"),
        ("", "没有叫"),
    ],
)
def test_what_names_no_commit_is_refused_in_a_sentence(repository: Repository, name: str, words: str) -> None:
    repository.commit({A: PERSON})
    repository.commit({A: PERSON.replace("1975", "1976")})
    with pytest.raises(UsageError, match=words):
        resolve(repository.root, name)


# what comes out


def test_what_was_committed_comes_out_byte_for_byte(repository: Repository, tmp_path: Path) -> None:
    attributes = "*.yaml filter=evil ident eol=crlf\n*.txt export-subst\nsecret.yaml export-ignore\n"
    repository.git("config", "filter.evil.smudge", f"touch {tmp_path}/pwned")
    repository.git("config", "filter.evil.clean", "cat")
    repository.git("config", "core.autocrlf", "true")
    files = {
        A: PERSON + "# $Id$\n",
        "records/note.txt": "$Format:%H$\n",
        "secret.yaml": "a: 1\n",
        "records/引 \"号'.csv": "a,b\r\n1,2\r\n",
    }
    repository.commit({".gitattributes": attributes})
    for path, text in files.items():
        repository.tree.write(path, text)
        blob = repository.git("hash-object", "-w", "--no-filters", path)
        repository.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")
    repository.git("commit", "-q", "-m", "x", **repository.dated())
    (tmp_path / "pwned").unlink(missing_ok=True)
    found = tree_of(repository)
    assert dict(found.read_all(list(files))) == {p: t.encode() for p, t in files.items()}
    assert not (tmp_path / "pwned").exists()


def test_links_submodules_and_names_that_climb_stay_behind(repository: Repository) -> None:
    first = repository.commit({A: PERSON})
    blob = repository.git("rev-parse", f"HEAD:{A}")
    inner = raw_tree(repository, ("100644", "x.yaml", blob))
    tree = repository.git("rev-parse", f"{inner}^{{tree}}")
    hostile = raw_tree(
        repository,
        ("40000", "..", tree),
        ("40000", ".", tree),
        ("40000", ".GIT", tree),
        ("40000", "build", tree),
        ("40000", "records", tree),
        ("160000", "sub", first),
        ("120000", "zlink", blob),
        ("100644", "zz/../../../escaped.yaml", blob),
    )
    found = tree_of(repository, hostile)
    listing = found.files([""])
    assert listing.files == ("records/x.yaml",)
    assert {(p.file, p.rule) for p in listing.problems} == {
        (n, "unsafe-file") for n in ("../x.yaml", "./x.yaml", "sub", "zlink", "zz/../../../escaped.yaml")
    }
    read = found.read_all(["../x.yaml", "zlink", "zz/../../../escaped.yaml", "records/x.yaml"])
    assert [name for name, data in read if isinstance(data, bytes)] == ["records/x.yaml"]


def test_names_that_collide_are_refused(repository: Repository) -> None:
    repository.commit({A: PERSON})
    blob = repository.git("rev-parse", f"HEAD:{A}")
    twice = raw_tree(repository, ("100644", "a.yaml", blob), ("100644", "a.yaml", blob))
    with pytest.raises(UsageError, match=r"两个文件都叫.*a\.yaml"):
        tree_of(repository, twice)


def test_a_commit_without_files_is_refused(repository: Repository) -> None:
    empty = raw_tree(repository)
    with pytest.raises(UsageError, match="不是一个记录库"):
        Project.open(repository.root, empty)


def test_a_commit_reads_as_the_work_tree_does(repository: Repository, tmp_path: Path) -> None:
    repository.commit(
        {A: PERSON, "records/README": "x", ".git2/x": "y", "records/big.md": "x" * (2 * 2**20 + 1)}
    )
    (repository.root / "records/link.yaml").symlink_to("README")
    repository.tree.write("records/\x01/\u202e.yaml", "a")
    odd = repository.root / "records" / os.fsdecode(b"\xd5\xd5.txt")
    odd.write_bytes(b"x")
    repository.git("add", "-A")
    repository.git("commit", "-q", "-m", "x", **repository.dated())
    disk, commit = WorkTree(repository.root), tree_of(repository)
    for folders in ([""], ["records", "schemas"], ["none"], ["records/link.yaml/a"]):
        here, there = disk.files(folders), commit.files(folders)
        assert here.files == there.files
        assert sorted(here.problems, key=str) == sorted(there.problems, key=str)
    names = [
        *disk.files([""]).files,
        "none",
        "records",
        "records/link.yaml",
        "records/link.yaml/x",
        "a\0",
        "\ud800",
    ]
    assert [disk.exists(n) for n in names if n != "records"] == [
        commit.exists(n) for n in names if n != "records"
    ]
    plain = [n for n in names if n != "records"]
    assert list(disk.read_all(plain)) == list(commit.read_all(plain))
    assert isinstance(commit.read("records"), Problem)
    assert disk.digests(plain) == commit.digests(plain)
    again = pickle.loads(pickle.dumps(commit))
    assert again.read(A) == PERSON.encode()


def test_a_damaged_repository_is_named(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    repository.commit({A: PERSON})
    base = repository.commit({A: PERSON.replace("1975", "1976")})
    repository.commit({A: PERSON.replace("1975", "1977")})
    tree = repository.git("rev-parse", "HEAD:records")
    objects = repository.root / ".git/objects"
    (objects / tree[:2] / tree[2:]).unlink()
    assert main(["--root", str(repository.root), "check", "--rev", "HEAD"]) == 2
    assert "已损坏" in capsys.readouterr().err
    (objects / base[:2] / base[2:]).unlink()
    with pytest.raises(UsageError, match="merge-base"):
        first_common(repository.root, "HEAD~1", "HEAD")


def test_a_file_missing_from_the_repository_is_named(repository: Repository) -> None:
    repository.commit({A: PERSON})
    tree = tree_of(repository)
    blob = repository.git("rev-parse", f"HEAD:{A}")
    (repository.root / ".git/objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(UsageError, match="缺少"):
        tree.read(A)


# several at once


def test_asking_needs_no_place_to_write(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    first = repository.commit({A: PERSON})
    repository.commit({A: PERSON.replace("李示范", "李示")})
    (repository.root / "build").write_text("a file, so that nothing can be written")
    sql = ["query", "SELECT name FROM people", "--format", "csv", "--rev", first]
    assert main(["--root", str(repository.root), *sql]) == 0
    assert "李示范" in capsys.readouterr().out
    assert main(["--root", str(repository.root), "check", "--rev", first]) == 0


# two clocks


def test_what_was_known_on_one_day_about_another(tree: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    """A correction filed later about an earlier time fools whoever has one clock only."""
    posts = ["post", "holder", {"name": "started", "type": "date"}, {"name": "ended", "type": "date"}, "note"]
    tree.table("posts", posts, primaryKey=["post", "holder"])
    repository = Repository(tree)
    head = "post,holder,started,ended,note\n"

    def at(day: str, rows: str, message: str) -> None:
        repository.clock = int(subprocess.check_output(["date", "-d", f"{day} 10:00 +0800", "+%s"]))
        repository.commit({"records/posts.csv": head + rows}, message)

    at("2024-07-01", "云岭村书记,张甲,2024-06-01,,\n", "任职备案")
    at("2025-03-10", "云岭村书记,张甲,2024-06-01,2025-03-01,\n云岭村书记,李乙,2025-03-01,,\n", "换人")
    # Found out in 2026: 张甲 had left in September 2024 already, and 王丙 stood in until March.
    at(
        "2026-02-01",
        "云岭村书记,张甲,2024-06-01,2024-09-01,更正\n云岭村书记,王丙,2024-09-01,2025-03-01,更正\n云岭村书记,李乙,2025-03-01,,\n",
        "更正备案",
    )
    sql = "SELECT holder FROM posts, build WHERE started <= as_of AND (ended IS NULL OR ended > as_of)"

    def holder(known_on: str, about: str) -> str:
        arguments = ["query", sql, "--format", "csv", "--rev", known_on, "--as-of", about]
        assert main(["--root", str(repository.root), *arguments]) == 0
        return " ".join(capsys.readouterr().out.split()[1:])

    assert holder("2024-12-31", "2024-12-01") == "张甲"
    assert holder("2025-12-31", "2024-12-01") == "张甲"
    assert holder("2026-02-01", "2024-12-01") == "王丙"
    assert holder("2026-02-01", "2024-08-01") == "张甲"
    # On the day before the change was known, the records knew of nobody else.
    assert holder("2025-03-09", "2025-03-05") == "张甲"
    assert holder("2025-03-10", "2025-03-05") == "李乙"
    assert holder("2026-02-01", "2025-03-05") == "李乙"
    assert holder("2026-02-01", "2024-05-01") == ""
