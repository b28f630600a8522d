"""Which files are read: those that a table claims, and none that leads out of the tree or stops the reader."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from trees import Tree, places

from lingtouyan.problems import Problem, UsageError
from lingtouyan.project import Project
from lingtouyan.reading.source import UnsafePathError, checked_pattern, glob_regex, static_prefix


@pytest.fixture
def people(tree: Tree) -> Tree:
    tree.table("people", ["person_id", "name"], path="records/*/people.csv", primaryKey=["person_id"])
    tree.table("notes", ["note_id"], path="records/**/*.yaml")
    return tree


def named(problems: list[Problem], rule: str) -> list[str]:
    return [p.file for p in problems if p.rule == rule]


# What a table claims


def test_all_files_of_a_pattern_are_read_in_the_order_of_their_paths(people: Tree) -> None:
    people.write("records/b/people.csv", "person_id,name\nP2,李四\n")
    people.write("records/a/people.csv", "person_id,name\nP1,张三\n")
    people.write("records/a/x/y/n.yaml", "note_id: n1\n")
    people.write("records/n.yaml", "note_id: n2\n")
    register = people.register()
    assert register.problems == []
    read = register.connection.execute("SELECT person_id, _file, _line FROM people").fetchall()
    assert read == [("P1", "records/a/people.csv", 2), ("P2", "records/b/people.csv", 2)]
    assert register.connection.execute("SELECT count(*) FROM notes").fetchone() == (2,)


@pytest.mark.parametrize(
    "path",
    [
        "records/a/people.CSV",
        "records/a/People.csv",
        "records/a/people.tsv",
        "records/people.csv",
        "records/a/b/people.csv",
        "records/a/people (1).csv",
        "records/a/n.yml",
        "records/a/n.YAML",
        "records/a/n.json",
        "records/a/n.txt",
        "records/a/people.xlsx",
        "records/a/people.xls",
        "records/a/people.et",
        "records/a/people.ods",
        "records/build/people.csv.txt",
    ],
)
def test_a_file_that_no_table_claims_is_not_lost_in_silence(people: Tree, path: str) -> None:
    people.write(path, "person_id,name\nP1,张三\n")
    (found,) = people.check()
    assert (found.file, found.rule) == (path, "unclaimed-file")
    assert Path(path).name in found.message
    assert ("另存为" in found.message) == path.endswith((".xlsx", ".xls", ".et", ".ods"))


@pytest.mark.parametrize(
    "path", ["README.md", "a/README.zh.md", "a/.gitkeep", "a/~$people.xlsx", "a/P1.photo.sealed"]
)
def test_what_stands_beside_records_is_no_fault(people: Tree, path: str) -> None:
    people.write(f"records/{path}", "")
    assert people.check() == []


@pytest.mark.parametrize("folder", ["build", "node_modules", ".venv"])
def test_a_folder_of_records_is_read_whatever_it_is_called(people: Tree, folder: str) -> None:
    people.write(f"records/{folder}/people.csv", "person_id,name\nP1,\nP1,\n")
    assert named(people.check(), "primary-key") == [f"records/{folder}/people.csv"]


def test_patterns_at_the_root_are_read_without_claiming_what_else_stands_there(tree: Tree) -> None:
    tree.table("people", ["person_id"], path="people-*.csv", primaryKey=["person_id"])
    tree.table("places", ["place_id"], path="places.csv")
    tree.write("people-a.csv", "person_id\nP1\n")
    tree.write("people-b.csv", "person_id\nP1\n")
    tree.write("places.csv", "place_id\nX\n")
    tree.write("README.txt", "")
    tree.write("mkdocs.yml", "")
    problems = tree.check()
    assert places(problems) == [(2, "primary-key", "person_id标题")]
    assert problems[0].file == "people-b.csv"
    assert "people-a.csv 第 2 行" in problems[0].message


def test_a_pattern_over_all_folders_is_read(tree: Tree) -> None:
    tree.table("people", ["person_id"], path="**/people.csv", primaryKey=["person_id"])
    tree.write("a/b/people.csv", "person_id\nP1\n")
    tree.write("people.csv", "person_id\nP1\n")
    tree.write("build/people.csv", "person_id\nP1\n")
    tree.write(".git/people.csv", "person_id\nP1\n")
    assert named(tree.check(), "primary-key") == ["people.csv"]


@pytest.mark.parametrize(
    "pattern, matching, other",
    [
        ("a/*.csv", ["a/x.csv"], ["a/.csv", "a/b/x.csv", "a/x.csvx", "b/a/x.csv"]),
        ("a/**/x.csv", ["a/x.csv", "a/b/c/x.csv"], ["a/bx.csv", "ax.csv"]),
        ("a/**", ["a/x", "a/b/c"], ["b/a"]),
        ("a/?.csv", ["a/好.csv"], ["a/ab.csv", "a//.csv"]),
        ("a/[x-z].csv", ["a/y.csv"], ["a/a.csv", "a/-.csv"]),
        ("a/[!x].csv", ["a/y.csv"], ["a/x.csv"]),
        ("a/x+(1).csv", ["a/x+(1).csv"], ["a/xx1.csv"]),
    ],
)
def test_patterns_mean_what_they_mean_in_a_shell(pattern: str, matching: list[str], other: list[str]) -> None:
    regex = glob_regex(pattern)
    assert [p for p in matching if not regex.match(p)] == []
    assert [p for p in other if regex.match(p)] == []


def test_the_folder_before_the_first_wildcard() -> None:
    assert static_prefix("records/a/*/x.csv") == "records/a"
    assert static_prefix("records/x.csv") == "records"
    assert static_prefix("*.csv") == ""
    assert static_prefix("[a]/x.csv") == ""


# What is refused


@pytest.mark.parametrize(
    "path",
    [
        "../x.csv",
        "/etc/x.csv",
        "a/../../x.csv",
        "https://e.example/x.csv",
        "file:///etc/x.csv",
        "a\\x.csv",
        "s3://b/x.csv",
        "",
        "C:\\x.csv",
    ],
)
def test_a_path_that_leads_out_of_the_tree_is_refused(tree: Tree, path: str) -> None:
    with pytest.raises(UnsafePathError):
        checked_pattern(path)
    tree.table("people", ["person_id"], path=path or "x")
    if path:
        (found,) = tree.check()
        assert (found.file, found.rule) == ("datapackage.yaml", "package-error")
        assert "path" in found.message


@pytest.mark.parametrize(
    "schema", ["../x.yaml", "/etc/passwd", "http://e.example/x.yaml", "", "schemas/none.yaml", "schemas"]
)
def test_a_schema_outside_the_tree_or_missing_is_named(tree: Tree, schema: str) -> None:
    tree.write("datapackage.yaml", f"resources:\n  - name: people\n    path: a.csv\n    schema: '{schema}'\n")
    (found,) = tree.check()
    assert found.file in ("datapackage.yaml", schema)
    assert "schema" in found.message or "文件" in found.message


def test_a_pattern_that_is_none_is_refused(tree: Tree) -> None:
    tree.table("people", ["person_id"], path="records/[z-a].csv")
    (found,) = tree.check()
    assert (found.file, found.rule) == ("datapackage.yaml", "package-error")


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    outside = tmp_path / "outside"
    (outside / "tables").mkdir(parents=True)
    (outside / "people.csv").write_text("person_id,name\nP1,canary-7\n")
    (outside / "tables" / "people.yaml").write_text("fields: [{name: person_id}, {name: name}]\n")
    return outside


def test_a_link_among_the_records_is_named_and_not_followed(people: Tree, secret: Path) -> None:
    people.write("records/a/other.md", "")
    (people.root / "records/a/people.csv").symlink_to(secret / "people.csv")
    (people.root / "records/b").symlink_to(secret)
    problems = [p for p in people.check() if p.rule != "unclaimed-file"]
    assert [(p.file, p.rule) for p in problems] == [
        ("records/a/people.csv", "unsafe-file"),
        ("records/b", "unsafe-file"),
    ]
    assert "符号链接" in problems[0].message
    assert people.register().connection.execute("SELECT count(*) FROM people").fetchone() == (0,)


def test_records_that_are_a_link_themselves_are_refused(people: Tree, secret: Path) -> None:
    (people.root / "records").symlink_to(secret.parent)
    (found,) = people.check()
    assert (found.file, found.rule) == ("records", "unsafe-file")


def test_a_file_at_the_root_that_is_a_link_is_refused(tree: Tree, secret: Path) -> None:
    tree.table("people", ["person_id", "name"], path="people.csv")
    (tree.root / "people.csv").symlink_to(secret / "people.csv")
    (found,) = tree.check()
    assert (found.file, found.rule) == ("people.csv", "unsafe-file")


@pytest.mark.parametrize(
    "link", ["schemas", "schemas/tables", "schemas/tables/people.yaml", "schemas/rules", "schemas/views"]
)
def test_schemas_behind_a_link_are_refused(people: Tree, secret: Path, link: str) -> None:
    people.write("records/a/people.csv", "person_id,name\nP1,张三\n")
    people.write("schemas/rules/Q.sql", "SELECT 1")
    people.write("schemas/views/v.sql", "SELECT 1")
    there = people.root / link
    moved = secret / "moved"
    there.rename(moved)
    there.symlink_to(moved)
    assert {(p.rule, p.file.startswith("schemas")) for p in people.check()} == {("unsafe-file", True)}


def test_a_descriptor_that_is_a_link_is_refused(people: Tree, secret: Path) -> None:
    descriptor = people.root / "datapackage.yaml"
    descriptor.rename(secret / "moved.yaml")
    descriptor.symlink_to(secret / "moved.yaml")
    (found,) = people.check()
    assert (found.file, found.rule) == ("datapackage.yaml", "unsafe-file")


def test_pipes_and_sockets_stop_nobody(people: Tree) -> None:
    (people.root / "records/a").mkdir(parents=True)
    os.mkfifo(people.root / "records/a/people.csv")
    (found,) = people.check()
    assert (found.file, found.rule) == ("records/a/people.csv", "unsafe-file")


@pytest.mark.parametrize(
    "name", [b"people\xff.csv", b"pe\x1bople.csv", "people\u202e.csv".encode(), b"a\nb.csv"]
)
def test_a_name_that_cannot_be_shown_is_named_as_it_can(people: Tree, name: bytes) -> None:
    folder = people.root / "records/a"
    folder.mkdir(parents=True)
    (folder / os.fsdecode(name)).write_bytes(b"person_id,name\n")
    (found,) = people.check()
    assert found.rule == "unsafe-file"
    assert "改名" in found.message
    assert found.file.isprintable()
    assert re.search("pe|a", found.file)


def test_a_folder_that_cannot_be_opened_is_named(people: Tree) -> None:
    people.write("records/a/people.csv", "person_id,name\n")
    if os.geteuid() == 0:
        pytest.skip("root may open everything")
    (people.root / "records/a").chmod(0)
    try:
        (found,) = people.check()
    finally:
        (people.root / "records/a").chmod(0o755)
    assert (found.file, found.rule) == ("records/a", "source-error")


def test_a_place_without_a_descriptor_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"datapackage\.yaml"):
        Project.open(tmp_path)
    with pytest.raises(UsageError, match=r"datapackage\.yaml"):
        Project.open(tmp_path / "none")


def test_what_systems_keep_among_records_is_no_record(people: Tree) -> None:
    people.write("records/a/people.csv", "person_id,name\nP1,张三\n")
    for name in ("Thumbs.db", ".DS_Store", "desktop.ini", "~$people.xlsx", ".people.csv.swp"):
        people.write(f"records/a/{name}", b"\0\1")
    assert people.check() == []
    people.table("papers", ["paper_id"], path="records/papers/*.yaml")
    people.write("records/papers/._A1.yaml", b"\0\5\x16\7")
    assert people.check() == []


def test_a_file_beside_the_folders_of_records_is_named(tree: Tree) -> None:
    tree.table("people", ["person_id"], path="records/city/people.csv")
    tree.table("posts", ["post_id"], path="records/towns/*/posts.csv")
    tree.write("records/posts.csv", "post_id\n")
    tree.write("records/town/a/posts.csv", "post_id\n")
    tree.write("other/people.csv", "person_id\n")
    found = tree.check()
    assert "“posts表”的文件应是 records/towns/*/posts.csv" in found[1].message
    assert [(p.file, p.rule) for p in found] == [
        ("records/posts.csv", "unclaimed-file"),
        ("records/town/a/posts.csv", "unclaimed-file"),
    ]


def test_a_table_whose_folder_is_not_there_is_named_once(tree: Tree) -> None:
    tree.table("people", ["person_id"], path="records/people.csv")
    tree.table("posts", ["post_id"], path="recods/*/posts.csv")
    tree.table("papers", ["paper_id"], path="records/papers/*.yaml")
    assert tree.check() == []
    tree.write("records/people.csv", "person_id\n")
    (found,) = tree.check()
    assert (found.file, found.rule, found.severity) == ("datapackage.yaml", "no-files", "warning")
    assert "“posts表”" in found.message
    assert "您是不是要找 records" in found.message


def test_another_repository_among_the_records_is_named_and_not_read(people: Tree) -> None:
    people.write("records/a/people.csv", "person_id,name\nP1,张三\n")
    people.write("records/b/people.csv", "person_id,name\nP1,张三\n")
    people.write("records/b/.git", "gitdir: ../../.git/modules/b\n")
    (found,) = people.check()
    assert (found.file, found.rule) == ("records/b", "unsafe-file")
    assert "子模块" in found.message
