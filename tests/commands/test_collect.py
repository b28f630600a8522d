"""Members' packages: taken only when proved, joined across versions of a schema; the members' own work spread out."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from proof_city import commit, write_city
from repository import Repository
from trees import Tree

from lingtouyan.checks.register import build_register, check, register_with_editions
from lingtouyan.cli import main
from lingtouyan.commands.build import publish
from lingtouyan.commands.collect import TAKEN, fetch, spread
from lingtouyan.problems import RecordsError, UsageError
from lingtouyan.project import Project

NOW = [
    {"name": "id", "constraints": {"required": True}},
    "label",
    {"name": "good", "type": "boolean", "trueValues": ["是"], "falseValues": ["否"]},
    {"name": "tags", "type": "array"},
    {"name": "born", "type": "date"},
]
BEFORE = [
    *({**f, "name": "old_label"} if f == "label" else f for f in NOW[:1]),
    "old_label",
    *NOW[2:4],
    "dropped",
]
ITEMS = 'id,label,good,tags,born\nA1,"甲,""一""",是,"[""a"", ""b""]",2001-02-03\nA2,,否,,\n'
PAGE = "---\ntitle: 首页\nqueries: {items: SELECT id FROM items}\n---\n# {{ items | length }}\n"
OLD_ITEMS = "id,old_label,good,tags,dropped\nA1,旧,是,,x\n"


def member(root: Path, fields: list[object], items: str) -> Repository:
    tree = Tree(root)
    tree.table("items", fields, primaryKey=["id"])
    tree.write(
        "mkdocs.yml",
        "site_name: 成员\ntheme: {name: material, language: zh, font: false}\nplugins: [search]\n",
    )
    tree.write(
        "site/pages/index.md",
        PAGE,
    )
    tree.write(".gitignore", "build/\n")
    repository = Repository(tree)
    repository.commit({"records/items.csv": items})
    return repository


def published(root: Path) -> Path:
    """Make a member's data package as `build` does, without its site."""
    project, out = Project.open(root), root / "build/internal/data"
    shutil.rmtree(root / "build", ignore_errors=True)
    out.parent.mkdir(parents=True)
    day, path = project.as_of(None), root / "build/internal.duckdb"
    register = register_with_editions(project, day, {"internal": path})
    register.connection.close()
    publish(project, register, path, "internal", day.isoformat(), out)
    return out


def whole(root: Path, members: str) -> Tree:
    """Make the project that collects: `north` and `south`, as the lines of its table of members have them."""
    tree = Tree(root)
    words = ["name", "title", "package", "repository", "revision", "commit", "digest"]
    tree.table("members", words, primaryKey=["name"])
    tree.table(
        "packages", ["member", "title", "commit", "tree", "commit_date", "as_of", "digest"], path=TAKEN
    )
    fields = [f if f != "label" else {"name": "label", "formerNames": ["old_label"]} for f in NOW]
    tree.table("items", ["member", *fields], path="collected/items.parquet", primaryKey=["member", "id"])
    tree.package(lingtouyan={"as_of": "2026-01-31", "members": "members"})
    tree.write("records/members.csv", f"{','.join(words)}\n{members}")
    return tree


@pytest.fixture
def north(tmp_path: Path) -> Repository:
    return member(tmp_path / "north", NOW, ITEMS)


@pytest.fixture
def south(tmp_path: Path) -> Repository:
    return member(tmp_path / "south", BEFORE, OLD_ITEMS)


@pytest.fixture
def tree(tmp_path: Path, north: Repository, south: Repository) -> Tree:
    published(north.root)
    published(south.root)
    lines = "".join(
        f"{n},{t},../{n}/build/internal/data,,,,\n" for n, t in (("north", "北"), ("south", "南"))
    )
    return whole(tmp_path / "whole", lines)


def rows(tree: Tree, sql: str) -> list[tuple[object, ...]]:
    project = Project.open(tree.root)
    return build_register(project, project.as_of(None)).connection.execute(sql).fetchall()


def told(tree: Tree) -> tuple[list[str], list[str]]:
    """Fetch; return what went well and what did not."""
    lines = list(fetch(tree.root))
    return [line for well, line in lines if well], [line for well, line in lines if not well]


def test_tables_of_all_members_are_one_and_their_keys_do_not_meet(tree: Tree) -> None:
    fine, wrong = told(tree)
    assert not wrong
    project = Project.open(tree.root)
    assert check(project, project.as_of(None)) == []
    assert rows(tree, "SELECT member, id, label, good, tags, born::VARCHAR FROM items ORDER BY ALL") == [
        ("north", "A1", '甲,"一"', True, ["a", "b"], "2001-02-03"),
        ("north", "A2", None, False, None, None),
        # One version older: a column has another name now, one was added, one is gone.
        ("south", "A1", "旧", True, None, None),
    ]
    assert "南的“items表”没有这些列，留空：born" in fine
    assert "南的“items表”有这些列，本项目没有声明，没有收：dropped" in fine
    assert rows(tree, "SELECT member, title FROM packages ORDER BY member") == [
        ("north", "北"),
        ("south", "南"),
    ]


def test_records_of_members_are_checked_by_the_schema_of_the_whole(tree: Tree, north: Repository) -> None:
    schema = tree.root / "schemas/tables/items.yaml"
    schema.write_text(
        schema.read_text("utf-8").replace('"formerNames"', '"constraints": {"maxLength": 2}, "formerNames"'),
        "utf-8",
    )
    told(tree)
    project = Project.open(tree.root)
    (problem,) = check(project, project.as_of(None))
    assert (problem.file, problem.line, problem.column) == ("collected/items.parquet", 1, "label标题")


def test_nothing_is_said_of_records_that_were_not_brought(tree: Tree) -> None:
    project = Project.open(tree.root)
    with pytest.raises(RecordsError, match="collect fetch"):
        check(project, project.as_of(None))


def _append(name: str, data: bytes) -> Callable[[Path], None]:
    def change(package: Path) -> None:
        (package / name).write_bytes((package / name).read_bytes() + data)

    return change


def _anchor(package: Path) -> None:
    file = package / "anchor.json"
    file.write_text(re.sub('"time": [0-9]+', '"time": 1', file.read_text()))


@pytest.mark.parametrize(
    "change, said",
    [
        (_append("items.parquet", b"x"), "items.parquet 与数据包记载的摘要不符"),
        (_append("datapackage.json", b" "), "与锚点记载的摘要不符"),
        (_anchor, "锚点的内容与它的摘要不符"),
        (lambda package: (package / "anchor.json").unlink(), "取不到"),
    ],
)
def test_a_package_that_was_rewritten_is_refused_by_name_and_the_others_go_on(
    tree: Tree, north: Repository, change: Callable[[Path], None], said: str
) -> None:
    change(north.root / "build/internal/data")
    fine, (wrong,) = told(tree)
    assert wrong.startswith("北：没有收。")
    assert said in wrong
    assert any(line.startswith("南：已收") for line in fine)
    assert rows(tree, "SELECT DISTINCT member FROM items") == [("south",)]


def test_what_was_taken_before_stays_when_a_member_is_refused(tree: Tree, north: Repository) -> None:
    told(tree)
    before = (tree.root / TAKEN).read_bytes(), (tree.root / "collected/items.parquet").read_bytes()
    # The same commit and date, and other data: as if published anew by another hand.
    (north.root / "records/items.csv").write_text(ITEMS.replace("A2", "A3"), "utf-8")
    north.git("commit", "-qa", "--amend", "--no-edit", **north.dated())
    first = north.git("rev-parse", "HEAD@{1}")
    anchor = published(north.root) / "anchor.json"
    commit = north.head
    text = anchor.read_text().replace(commit, first)
    facts = {k: v for k, v in json.loads(text).items() if k != "digest"}
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    anchor.write_text(json.dumps({**facts, "digest": digest}))
    _, (wrong,) = told(tree)
    assert "与上次收的不同：发布之后被改写过" in wrong
    assert wrong.endswith("仍用上次收的。")
    assert before == ((tree.root / TAKEN).read_bytes(), (tree.root / "collected/items.parquet").read_bytes())


def test_an_older_commit_than_the_last_is_refused(tree: Tree, north: Repository) -> None:
    north.clock += 3 * 86_400
    north.commit({"records/items.csv": ITEMS.replace("A2", "A3")})
    published(north.root)
    told(tree)
    north.git("checkout", "-q", "HEAD~1")
    published(north.root)
    _, (wrong,) = told(tree)
    assert "比上次收的" in wrong


def test_only_the_commit_and_digest_that_are_expected_are_taken(tree: Tree, north: Repository) -> None:
    members = tree.root / "records/members.csv"
    text = members.read_text("utf-8")
    members.write_text(
        text.replace("north/build/internal/data,,,,", f"north/build/internal/data,,,{north.head[:10]},"),
        "utf-8",
    )
    assert told(tree)[1] == []
    north.commit({"records/items.csv": ITEMS.replace("A2", "A3")})
    published(north.root)
    _, (wrong,) = told(tree)
    assert f"登记的是 {north.git('rev-parse', 'HEAD~1')[:10]}" in wrong


def test_a_history_that_no_longer_holds_what_was_published_is_refused(
    tmp_path: Path, north: Repository
) -> None:
    published(north.root)
    tree = whole(tmp_path / "whole", "north,北,../north/build/internal/data,../north,main,,\n")
    assert told(tree)[1] == []
    (north.root / "records/items.csv").write_text(ITEMS.replace("A2", "A3"), "utf-8")
    north.git("commit", "-qa", "--amend", "--no-edit", **north.dated())
    published(north.root)
    _, (wrong,) = told(tree)
    assert "历史被改写过" in wrong
    assert [well for well, _ in spread(tree.root, "check", [])] == [False]


def made(tree: Tree) -> dict[str, bytes]:
    """Return what members' commands made."""
    folder = tree.root / "build/members"
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and "repository" not in p.relative_to(folder).parts
    }


def of_repositories(root: Path) -> Tree:
    return whole(root, "north,北,,../north,,,\nsouth,南,,../south,,,\nnowhere,无,,../nowhere,,,\n")


def test_a_member_that_fails_is_named_and_the_others_go_on(
    tmp_path: Path, north: Repository, south: Repository
) -> None:
    south.commit({"records/items.csv": OLD_ITEMS.replace("A1", "")})
    ends = {
        line[0]: (well, line) for well, line in spread(of_repositories(tmp_path / "whole").root, "check", [])
    }
    assert ends["北"] == (True, "北：没有发现问题。")
    assert not ends["南"][0]
    assert "2 个错误" in ends["南"][1]
    assert ends["无"][1].startswith("无：取不到仓库")


def test_members_that_are_named_are_the_only_ones(tree: Tree) -> None:
    assert len(list(fetch(tree.root))) > 0
    before = (tree.root / TAKEN).read_text("utf-8")
    published(tree.root.parent / "south")
    (tree.root / "../north/build/internal/data/anchor.json").unlink()
    # What is not asked for stays as it was taken, though it could not be taken now.
    assert all(well for well, _ in fetch(tree.root, only=["south"]))
    assert (tree.root / TAKEN).read_text("utf-8") == before
    assert list(spread(tree.root, "check", [], only=["south"])) == [
        (False, "南：没有登记仓库（repository）。")
    ]
    with pytest.raises(UsageError, match="没有登记成员 west"):
        list(fetch(tree.root, only=["west"]))


@pytest.mark.slow
def test_shares_are_together_what_one_prints(tmp_path: Path) -> None:
    city = write_city(tmp_path / "north")
    asked, root = ["--edition", "internal"], whole(tmp_path / "whole", "north,北,,../north,,,\n").root
    assert [well for well, _ in spread(root, "dossiers", asked)] == [True]
    out = root / "build/members/north/prints/internal"
    alone = {p.relative_to(out): p.read_bytes() for p in out.rglob("*.pdf")}
    lines = sorted(line for _, line in spread(root, "dossiers", asked, shares=2))
    assert [line[:9] for line in lines] == ["北第 1/2 份：", "北第 2/2 份："]
    assert {p.relative_to(out): p.read_bytes() for p in out.rglob("*.pdf")} == alone
    counts = [int(n) for line in lines for n in re.findall(r"(\d+) 份文书", line)]
    assert min(counts) > 0
    assert sum(counts) == len(list(out.rglob("*.*")))
    # One that is gone from the records is gone from what is here.
    (city.root / "records/people/P2.yaml").unlink()
    city.write("records/west/posts.csv", "post_id,person_id,title,since\n")
    commit(city.root)
    assert all(well for well, _ in spread(root, "dossiers", asked, shares=2))
    assert not list(out.rglob("P2.pdf"))
    assert list(out.rglob("P1.pdf"))
    for share in ("0/2", "3/2", "x"):
        assert main(["--root", str(city.root), "dossiers", "--share", share]) == 2
    with pytest.raises(UsageError, match="只用于 dossiers"):
        list(spread(root, "check", [], shares=2))


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Start a scheduler and two workers on loopback; give its address and the workers."""
    pytest.importorskip("distributed")
    file, bare = (
        tmp_path / "scheduler.json",
        ["--no-dashboard", "--scheduler-file", str(tmp_path / "scheduler.json")],
    )
    command = [
        sys.executable,
        "-m",
        "distributed.cli.dask_scheduler",
        "--host",
        "127.0.0.1",
        "--port",
        "0",
        *bare,
    ]
    log = (tmp_path / "dask.txt").open("wb")
    started = [subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)]
    command = [sys.executable, "-m", "distributed.cli.dask_worker", "--nthreads", "1", "--no-nanny", *bare]
    try:
        while not file.exists() or not (found := re.search(r"tcp://([\d.:]+)", file.read_text())):
            assert started[0].poll() is None, (tmp_path / "dask.txt").read_text()
            time.sleep(0.1)
        for n in range(2):
            local = ["--local-directory", str(tmp_path / f"worker{n}"), "--host", "127.0.0.1"]
            started.append(
                subprocess.Popen([*command, *local], stdout=log, stderr=log, start_new_session=True)
            )
        yield f"dask://{found[1]}", started[1:]
    finally:
        for process in reversed(started):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        log.close()


@pytest.mark.slow
@pytest.mark.exhaustive
def test_two_workers_make_the_same_bytes_though_one_is_killed(
    tmp_path: Path, north: Repository, south: Repository, cluster: tuple[str, list[subprocess.Popen[bytes]]]
) -> None:
    address, workers = cluster
    here, there = of_repositories(tmp_path / "whole"), of_repositories(tmp_path / "other")
    assert sum(well for well, _ in spread(here.root, "build", ["--edition", "internal"])) == 2
    work = spread(there.root, "build", ["--edition", "internal"], address)
    # The one without a repository is told at once; by then the others are under way.
    ends = [next(work)]
    time.sleep(2)
    os.killpg(workers[0].pid, signal.SIGKILL)
    ends += work
    assert sum(well for well, _ in ends) == 2, ends
    assert made(here) == made(there)
    assert "north/internal/data/anchor.json" in made(here)
    # What was built is what is taken next, when no package is declared.
    lines = list(fetch(there.root))
    assert [line[0] for well, line in lines if well][:2] == ["北", "南"]
