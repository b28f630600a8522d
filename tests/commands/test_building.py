"""Builds after a build: nothing is made again that would come out the same, and everything else is."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from small_site import contents
from trees import copy_of

from lingtouyan.commands.building import build
from lingtouyan.problems import RecordsError

MEMBERS = "records/members-north.csv"


def built(root: Path, edition: str = "internal") -> Path:
    report = build(root, edition=edition, dossiers=False)
    assert not report.refused, report.problems
    return root / "build" / edition


def replace(root: Path, file: str, before: str, after: str) -> None:
    path = root / file
    words = path.read_text("utf-8")
    assert before in words
    path.write_text(words.replace(before, after), "utf-8")


def inodes(folder: Path) -> dict[str, int]:
    return {p.relative_to(folder).as_posix(): p.stat().st_ino for p in folder.rglob("*") if p.is_file()}


def remade(before: dict[str, int], folder: Path) -> set[str]:
    """Files that are new or another than before."""
    return {name for name, inode in inodes(folder).items() if before.get(name) != inode}


def fresh(root: Path, folder: Path, edition: str = "internal") -> dict[str, bytes]:
    """What a first build makes of the same tree, in another folder."""
    copy = folder / "somewhere else" / root.name
    copy.parent.mkdir()
    copy.mkdir()
    for path in root.rglob("*"):
        inside = path.relative_to(root)
        if inside.parts[0] != "build" and path.is_file():
            (copy / inside).parent.mkdir(parents=True, exist_ok=True)
            (copy / inside).write_bytes(path.read_bytes())
    return contents(built(copy, edition))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return copy_of("parliament", tmp_path / "tree")


def test_a_second_build_changes_nothing_and_any_folder_and_core_gives_the_same_bytes(
    tree: Path, tmp_path: Path
) -> None:
    folder = built(tree)
    before, files = inodes(folder), contents(folder)
    assert contents(built(tree)) == files
    assert {n for n in remade(before, folder) if n.startswith(("site/members", "data/"))} <= {
        "site/members/index.html",
        "data/datapackage.json",
    }
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        assert fresh(tree, tmp_path) == files
    finally:
        os.sched_setaffinity(0, cores)
    assert "data/parliament.duckdb" in files


def test_one_changed_record_remakes_the_pages_that_show_it_and_no_other(tree: Path, tmp_path: Path) -> None:
    folder = built(tree)
    before = inodes(folder)
    replace(tree, MEMBERS, "M001,安娜·贝尔", "M001,安娜·雷")
    built(tree)
    pages = {n for n in remade(before, folder) if n.endswith((".html", ".csv"))}
    # The list of all members shows the name; so does the table of those who sit today.
    assert pages == {
        "site/members/M001/index.html",
        "site/members/index.html",
        "data/members.csv",
        "data/sitting_members.csv",
    }
    assert contents(folder) == fresh(tree, tmp_path)


def test_records_come_and_go_and_move_and_take_the_links_of_other_pages_with_them(
    tree: Path, tmp_path: Path
) -> None:
    replace(tree, "site/pages/members/member.md", "members/{{ row.member_id }}", "members/{{ row.name }}")
    replace(tree, MEMBERS, "2020-01-01,,,", "2020-01-01,2025-01-01,M002,")
    folder = built(tree)
    before = inodes(folder)
    # The rows of M001 and M003 stay as they are, but they name M002, whose page moves.
    replace(tree, MEMBERS, "<b>|{{x}}", "新名")
    replace(tree, MEMBERS, "\nM002,", "\nM900,新人,xin ren,blue,学士,0.4,否,2019-01-01,,,\nM002,")
    built(tree)
    assert {n for n in remade(before, folder) if n.startswith("site/members/")} == {
        "site/members/index.html",
        "site/members/安娜·贝尔/index.html",
        "site/members/~3d1~2b1~20~22引号~22/index.html",
        "site/members/新名/index.html",
        "site/members/新人/index.html",
    }
    assert contents(folder) == fresh(tree, tmp_path)
    replace(tree, MEMBERS, "M900,新人,xin ren,blue,学士,0.4,否,2019-01-01,,,\n", "")
    built(tree)
    assert not (folder / "site/members/新人").exists()
    files = contents(folder)
    # The site before the last one, whose folders are taken over, had that page.
    assert contents(built(tree)) == files


def test_a_changed_template_macro_or_setting_reaches_every_page_of_it(tree: Path, tmp_path: Path) -> None:
    replace(tree, "site/pages/members/member.md", "姓名是", "{% include 'macros/name.txt' %}")
    (tree / "site/macros").mkdir()
    (tree / "site/macros/name.txt").write_text("名为", "utf-8")
    folder = built(tree)
    assert "名为" in (folder / "site/members/M001/index.html").read_text("utf-8")
    (tree / "site/macros/name.txt").write_text("名叫", "utf-8")
    replace(tree, "schemas/tables/members.yaml", "title: 姓名", "title: 全名")
    built(tree)
    assert contents(folder) == fresh(tree, tmp_path)
    assert "名叫" in (folder / "site/members/M001/index.html").read_text("utf-8")


def test_rows_that_another_table_shows_or_hides_come_and_go_with_it(tree: Path, tmp_path: Path) -> None:
    condition = 'rows: {public: "seats_of(members.party_id) > 0"}'
    replace(
        tree,
        "schemas/tables/members.yaml",
        "rows: {public: \"ended IS NULL OR ended > DATE '1990-01-01'\"}",
        condition,
    )
    (tree / "schemas/macros/seats_of.sql").write_text(
        "/* title: 席位 */\nCREATE MACRO seats_of(party) AS (SELECT max(seats) FROM parties p WHERE p.party_id = party)",
        "utf-8",
    )
    folder = built(tree, "public")
    assert "M002" in (folder / "data/members.csv").read_text("utf-8")
    replace(tree, "records/parties.csv", "2001-09-30,8", "2001-09-30,0")
    built(tree, "public")
    assert "M002" not in (folder / "data/members.csv").read_text("utf-8")
    assert contents(folder) == fresh(tree, tmp_path, "public")


def test_what_was_put_into_the_build_since_is_not_taken_over(tree: Path) -> None:
    built(tree)
    folder = built(tree)
    files = contents(folder)
    for name in ("site/members/M001/index.html", "site/index.html", "tree/docs/index.md", "data/members.csv"):
        overwrite(folder / name)
    (folder / "site/members/M002/index.html").unlink()
    (folder / "site/members/M002/index.html").symlink_to("/etc/hostname")
    (folder / "site/members/evil.html").write_text("x", "utf-8")
    # The site before the last one is where folders come from.
    spare = tree / "build/.internal.spare/members"
    overwrite(spare / "M001/index.html")
    (spare / "M002/evil.html").write_text("x", "utf-8")
    shutil.rmtree(spare / "M003")
    (spare / "M003").symlink_to(spare / "M004")
    assert contents(built(tree)) == files
    spare.rename(spare.with_name("aside"))
    spare.symlink_to(folder / "site/members")
    assert contents(built(tree)) == files
    assert not (folder / "site/members").is_symlink()


@pytest.mark.parametrize("kind", ["pipe", "large"])
def test_what_stands_in_the_place_of_an_earlier_file_is_not_waited_for(tree: Path, kind: str) -> None:
    folder = built(tree)
    files = contents(folder)
    states = sorted((tree / "build/.cache").glob("*internal*"))
    for path in (folder / "tree/docs/index.md", folder / "site/index.html", *states):
        path.unlink()
        if kind == "pipe":
            os.mkfifo(path)
        else:
            with path.open("wb") as stream:
                stream.truncate(2**40)
        assert contents(built(tree)) == files


def overwrite(path: Path) -> None:
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(b"!" + data[1:])


def test_a_cache_that_somebody_else_wrote_is_not_believed_and_a_fault_leaves_the_last_build_whole(
    tree: Path,
) -> None:
    built(tree)
    folder = built(tree)
    files, before = contents(folder), inodes(folder)
    replace(tree, "site/pages/members/member.md", "{{ row.party }}", "{{ row.nothing }}")
    with pytest.raises(RecordsError):
        build(tree, edition="internal", dossiers=False)
    assert (contents(folder), inodes(folder)) == (files, before)
    memory = {p: p.read_bytes() for p in (tree / "build/.cache").glob("made-*")}
    (tree / "site/feeds").mkdir()
    (tree / "site/feeds/bad.json").write_text("---\ntitle: x\n---\n[,]", "utf-8")
    replace(tree, MEMBERS, "安娜·贝尔", "安娜·雷")
    replace(tree, "site/pages/members/member.md", "{{ row.nothing }}", "{{ row.party }}")
    with pytest.raises(RecordsError):
        # All pages were made before the feed failed; none of them is remembered.
        build(tree, edition="internal", dossiers=False)
    assert memory == {p: p.read_bytes() for p in (tree / "build/.cache").glob("made-*")}
    shutil.rmtree(tree / "site/feeds")
    replace(tree, MEMBERS, "安娜·雷", "安娜·贝尔")
    for path in (tree / "build/.cache").iterdir():
        data = bytearray(path.read_bytes())
        data[-5] ^= 1
        path.write_bytes(bytes(data))
    assert contents(built(tree)) == files
    assert "site/members/M001/index.html" in remade(before, folder)


@pytest.mark.parametrize("words", ["{{ row.name | nothing }}", "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}"])
def test_a_record_template_that_cannot_be_compiled_is_a_problem_of_its_file(tree: Path, words: str) -> None:
    replace(tree, "site/pages/members/member.md", "## 基本情况", words)
    with pytest.raises(RecordsError) as fault:
        build(tree, edition="internal", dossiers=False)
    assert [p.file for p in fault.value.problems] == ["site/pages/members/member.md"]
