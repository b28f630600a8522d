"""Builds: the same bytes every time, everything of the records as they are now, and nothing of others' work removed."""

from __future__ import annotations

import html
import os
from pathlib import Path

import pytest
from small_site import contents
from trees import copy_of

from lingtouyan.cli import main
from lingtouyan.commands.build import build
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


@pytest.mark.exhaustive
def test_every_build_gives_the_same_bytes_in_any_folder_and_on_any_number_of_cores(
    tree: Path, tmp_path: Path
) -> None:
    files = contents(built(tree))
    assert contents(built(tree)) == files
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        assert fresh(tree, tmp_path) == files
    finally:
        os.sched_setaffinity(0, cores)


@pytest.mark.exhaustive
def test_a_build_of_which_one_print_failed_says_so_and_does_not_end_well(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tree / "site/dossiers").mkdir()
    (tree / "site/dossiers/card.html").write_text(
        "---\ntitle: 卡\neach: members\nkey: member_id\npath: card/{{ row.member_id }}\n"
        "queries: {members: SELECT member_id FROM members}\n---\n"
        "{% if row.member_id == 'M002' %}{{ 1 // 0 }}{% endif %}<p>{{ row.member_id }}</p>\n",
        "utf-8",
    )
    for more in ([], ["--draft"]):
        assert main(["--root", str(tree), "build", "--edition", "internal", *more]) == 1
        assert "1 处没有印成 → build/internal/dossiers" in capsys.readouterr().out
        assert (tree / "build/internal/dossiers/card/M001.pdf").is_file()
        assert not (tree / "build/internal/dossiers/card/M002.pdf").exists()


@pytest.mark.exhaustive
def test_records_come_and_go_and_move_and_take_the_links_of_other_pages_with_them(tree: Path) -> None:
    replace(tree, "site/pages/members/member.md", "members/{{ row.member_id }}", "members/{{ row.name }}")
    replace(tree, MEMBERS, "2020-01-01,,,", "2020-01-01,2025-01-01,M002,")
    folder = built(tree)
    # The rows of M001 and M003 stay as they are, but they name M002, whose page moves.
    replace(tree, MEMBERS, "<b>|{{x}}", "新名")
    replace(tree, MEMBERS, "\nM002,", "\nM900,新人,xin ren,blue,学士,0.4,否,2019-01-01,,,\nM002,")
    built(tree)
    assert (folder / "site/members/新人/index.html").is_file()
    page = (folder / "site/members/安娜·贝尔/index.html").read_text("utf-8")
    assert "members/新名" in html.unescape(page)
    replace(tree, MEMBERS, "M900,新人,xin ren,blue,学士,0.4,否,2019-01-01,,,\n", "")
    built(tree)
    assert not (folder / "site/members/新人").exists()


def test_a_changed_template_macro_or_setting_reaches_every_page_of_it(tree: Path) -> None:
    replace(tree, "site/pages/members/member.md", "姓名是", "{% include 'macros/name.txt' %}")
    (tree / "site/macros").mkdir()
    (tree / "site/macros/name.txt").write_text("名为", "utf-8")
    folder = built(tree)
    assert "名为" in (folder / "site/members/M001/index.html").read_text("utf-8")
    (tree / "site/macros/name.txt").write_text("名叫", "utf-8")
    replace(tree, "schemas/tables/members.yaml", "title: 姓名", "title: 全名")
    built(tree)
    assert "名叫" in (folder / "site/members/M001/index.html").read_text("utf-8")
    assert "全名" in (folder / "site/members/index.html").read_text("utf-8")


@pytest.mark.exhaustive
def test_rows_that_another_table_shows_or_hides_come_and_go_with_it(tree: Path) -> None:
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


@pytest.mark.exhaustive
def test_what_was_put_into_the_build_since_is_gone_after_the_next(tree: Path) -> None:
    folder = built(tree)
    files = contents(folder)
    for name in ("site/members/M001/index.html", "site/index.html", "tree/docs/index.md", "data/members.csv"):
        (folder / name).write_bytes(b"!" + (folder / name).read_bytes())
    (folder / "site/members/M002/index.html").unlink()
    (folder / "site/members/M002/index.html").symlink_to("/etc/hostname")
    (folder / "site/members/evil.html").write_text("x", "utf-8")
    assert contents(built(tree)) == files


@pytest.mark.exhaustive
def test_a_fault_in_any_part_leaves_the_last_build_whole(tree: Path) -> None:
    folder = built(tree)
    files = contents(folder)
    replace(tree, "site/pages/members/member.md", "{{ row.party }}", "{{ row.nothing }}")
    with pytest.raises(RecordsError):
        built(tree)
    replace(tree, "site/pages/members/member.md", "{{ row.nothing }}", "{{ row.party }}")
    (tree / "site/feeds").mkdir()
    (tree / "site/feeds/bad.json").write_text("---\ntitle: x\n---\n[,]", "utf-8")
    with pytest.raises(RecordsError):
        built(tree)
    assert contents(folder) == files
    assert sorted(p.name for p in (tree / "build").iterdir() if p.name != ".cache") == ["internal"]


@pytest.mark.exhaustive
def test_a_build_without_prints_leaves_those_of_the_last_one(tree: Path) -> None:
    folder = built(tree)
    (folder / "dossiers").mkdir()
    (folder / "dossiers/a.pdf").write_bytes(b"signed")
    built(tree)
    assert (folder / "dossiers/a.pdf").read_bytes() == b"signed"


@pytest.mark.parametrize("words", ["{{ row.name | nothing }}", "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}"])
def test_a_record_template_that_cannot_be_compiled_is_a_problem_of_its_file(tree: Path, words: str) -> None:
    replace(tree, "site/pages/members/member.md", "## 基本情况", words)
    with pytest.raises(RecordsError) as fault:
        build(tree, edition="internal", dossiers=False)
    assert [p.file for p in fault.value.problems] == ["site/pages/members/member.md"]
