"""From a record's page back to where it is written, on the Git host, inside only; and what a change marks on the pages."""

from __future__ import annotations

import html
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from edited import Edited
from trees import copy_of

from lingtouyan.cli import main

EDIT = "https://git.example/records/_edit/main/{file}#L{line}"
ISSUE = "https://git.example/records/issues/new?title={title}"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both sites of a change: a member's public field, another's internal one, and how a sitting voted."""
    repository = Edited(copy_of("parliament", tmp_path_factory.mktemp("ways") / "house"))
    settings = f"{{as_of: 2026-01-31, review_subjects: members, edit_url: '{EDIT}', issue_url: '{ISSUE}'}}"
    repository.edit("datapackage.yaml", ("{as_of: 2026-01-31}", settings))
    page = repository.root / "site/pages/index.md"
    clause = "{{ source_links('条款 <i>', 'records/章 程.md', 17) }}"
    page.write_text(f"{page.read_text('utf-8')}\n\n{clause}\n", "utf-8")
    base = repository.commit("设置")
    repository.edit("records/members-south.csv", ("博士,0.99", "硕士,0.99"), (",0.81,", ",0.82,"))
    repository.edit("records/sittings/2026-01.yaml", ("yes: 3", "yes: 4"))
    repository.commit("送审")
    assert main(["--root", str(repository.root), "build", "--no-dossiers", "--since", base]) == 0
    return repository.root / "build"


def test_a_record_page_leads_to_its_line_and_to_a_report(built: Path) -> None:
    inside = (built / "internal/site/members/M002/index.html").read_text("utf-8")
    inside = html.unescape(inside)
    (edit,) = re.findall(r'href="([^"]*)"[^>]*>改这条记录<', inside)
    assert unquote(edit) == EDIT.format(file="records/members-north.csv", line=3)
    (issue,) = re.findall(r'href="([^"]*)"[^>]*>报告错误<', inside)
    title = issue.partition("?title=")[2]
    assert not re.search(r"[<>|{}\s]", title)
    assert "<b>|{{x}}" in unquote(title)
    home = html.unescape((built / "internal/site/index.html").read_text("utf-8"))
    (clause,) = re.findall(r'href="([^"]*)"[^>]*>改这条记录<', home)
    assert clause == EDIT.format(file="records/%E7%AB%A0%20%E7%A8%8B.md", line=17)
    assert "?title=%E6%9D%A1%E6%AC%BE%20%3Ci%3E" in home
    assert "git.example" not in (built / "public/site/index.html").read_text("utf-8")
    outside = (built / "public/site/members/M002/index.html").read_text("utf-8")
    assert "改这条记录" not in outside
    assert "git.example" not in outside


def test_what_a_change_touches_is_marked_where_it_can_be_seen(built: Path) -> None:
    def marked(edition: str) -> set[str]:
        pages = (built / edition / "site/members").glob("M*/index.html")
        return {p.parent.name for p in pages if ">本次改动</" in p.read_text("utf-8")}

    # The chair of the sitting is named by it; how often a member attends is no public matter.
    assert marked("internal") == {"M001", "M004", "M005"}
    assert marked("public") == {"M001", "M004"}
    assert "姓名是 <strong>安娜·贝尔</strong>" in (built / "public/site/members/M001/index.html").read_text(
        "utf-8"
    )
