"""What the repository knew at another time: laid out by itself, byte for byte, by several runs at once, from any tree."""

from __future__ import annotations

import multiprocessing
import subprocess
from pathlib import Path

import pytest
from repository import START, Repository
from trees import Tree

from lingtouyan.cli import main
from lingtouyan.history.checkout import extract, resolve
from lingtouyan.history.opening import opened
from lingtouyan.locks import in_turn
from lingtouyan.problems import UsageError

A = "records/青山镇/people/P1.yaml"
PERSON = "id: P1\nname: 李示范\nborn: 1975-03-15\n"


def laid_out(repository: Repository, folder: Path, revision: str = "HEAD") -> dict[str, bytes]:
    folder.mkdir()
    extract(repository.root, resolve(repository.root, revision), folder)
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


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
        ("没有", "没有叫"),
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
        "records/引 \"号'\t.csv": "a,b\r\n1,2\r\n",
    }
    repository.commit({".gitattributes": attributes})
    for path, text in files.items():
        repository.tree.write(path, text)
        blob = repository.git("hash-object", "-w", "--no-filters", path)
        repository.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")
    repository.git("commit", "-q", "-m", "x", **repository.dated())
    (tmp_path / "pwned").unlink(missing_ok=True)
    found = laid_out(repository, tmp_path / "out")
    assert {p: found[p] for p in files} == {p: t.encode() for p, t in files.items()}
    assert not (tmp_path / "pwned").exists()


def test_links_submodules_and_names_that_climb_stay_behind(repository: Repository, tmp_path: Path) -> None:
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
    assert set(laid_out(repository, tmp_path / "out", hostile)) == {"records/x.yaml"}
    assert not (tmp_path / "x.yaml").exists()
    assert not (tmp_path / "escaped.yaml").exists()


def test_names_that_collide_are_refused(repository: Repository, tmp_path: Path) -> None:
    repository.commit({A: PERSON})
    blob = repository.git("rev-parse", f"HEAD:{A}")
    twice = raw_tree(repository, ("100644", "a.yaml", blob), ("100644", "a.yaml", blob))
    with pytest.raises(UsageError, match=r"无法区分.*a\.yaml"):
        laid_out(repository, tmp_path / "out", twice)


def test_a_commit_without_files_is_refused(repository: Repository, tmp_path: Path) -> None:
    empty = raw_tree(repository)
    with pytest.raises(UsageError, match="没有文件"):
        laid_out(repository, tmp_path / "out", empty)


# several at once


def test_runs_at_the_same_time_share_a_folder_and_the_last_takes_it_away(repository: Repository) -> None:
    first = repository.commit({A: PERSON})
    repository.commit({A: PERSON.replace("1975", "1976")})
    with opened(repository.root, first) as one:
        with opened(repository.root, "HEAD") as other, opened(repository.root, first) as two:
            assert one.root == two.root != other.root
        assert (one.root / A).read_text() == PERSON
    assert list((repository.root / "build").iterdir()) == []


def _use(root: Path, revision: str, rounds: int) -> int:
    good = 0
    for _ in range(rounds):
        with opened(root, revision) as project:
            good += (project.root / A).read_text().startswith("id: P1\n") and (
                project.root / "datapackage.yaml"
            ).is_file()
    return good


def test_many_processes_never_disturb_each_other(repository: Repository) -> None:
    first = repository.commit({A: PERSON})
    context = multiprocessing.get_context("spawn")
    with context.Pool(3) as pool:
        assert pool.starmap(_use, [(repository.root, first, 25)] * 3) == [25] * 3
    assert list((repository.root / "build").iterdir()) == []


def _count(path: Path, rounds: int) -> None:
    for _ in range(rounds):
        with in_turn(path.with_suffix(".lock")):
            path.write_text(str(int(path.read_text()) + 1))


def test_builds_take_turns(tmp_path: Path) -> None:
    (tmp_path / "n").write_text("0")
    context = multiprocessing.get_context("spawn")
    with context.Pool(3) as pool:
        pool.starmap(_count, [(tmp_path / "n", 200)] * 3)
    assert (tmp_path / "n").read_text() == "600"


def test_what_stands_there_already_is_not_trusted(repository: Repository, tmp_path: Path) -> None:
    commit = repository.commit({A: PERSON})
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").write_text("x")
    folder = repository.root / "build" / f".rev-{commit[:12]}"
    for planted in (False, True):
        folder.parent.mkdir(exist_ok=True)
        if planted:
            folder.symlink_to(elsewhere)
        else:
            (folder / "site").mkdir(parents=True)
            (folder / "datapackage.yaml").write_text("name: evil\nresources: []\n")
            folder.with_name(folder.name + ".lock").write_text("1 2 3")
        with opened(repository.root, commit) as project:
            assert project.package.name == "tree"
            assert not (project.root / "site").exists()
    assert (elsewhere / "kept").exists()
    lock = folder.with_name(folder.name + ".lock")
    lock.symlink_to(elsewhere / "lock")
    with pytest.raises(UsageError, match="无法写入"), opened(repository.root, commit):
        pass
    assert not (elsewhere / "lock").exists()


def test_what_a_killed_run_left_is_taken_away(repository: Repository) -> None:
    commit = repository.commit({A: PERSON})
    left = repository.root / "build" / ".rev-0123456789ab"
    left.mkdir(parents=True)
    left.with_name(left.name + ".lock").write_text("")
    with opened(repository.root, commit):
        assert not left.exists()


def test_a_failed_layout_leaves_nothing(repository: Repository) -> None:
    empty = raw_tree(repository)
    repository.commit({A: PERSON})
    with pytest.raises(UsageError), opened(repository.root, empty):
        pass
    assert list((repository.root / "build").iterdir()) == []


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
