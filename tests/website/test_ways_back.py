"""From a record's page back to where it is written: on the Git host, inside only, whatever the names hold."""

from __future__ import annotations

import html
import re
from pathlib import Path
from urllib.parse import unquote

from edited import Edited
from trees import copy_of

from lingtouyan.cli import main

EDIT = "https://git.example/records/_edit/main/{file}#L{line}"
ISSUE = "https://git.example/records/issues/new?title={title}"


def built(tmp_path: Path) -> Path:
    repository = Edited(copy_of("parliament", tmp_path / "house"))
    settings = f"{{as_of: 2026-01-31, edit_url: '{EDIT}', issue_url: '{ISSUE}'}}"
    repository.edit("datapackage.yaml", ("{as_of: 2026-01-31}", settings))
    page = repository.root / "site/pages/index.md"
    clause = "{{ source_links('条款 <i>', 'records/章 程.md', 17) }}"
    page.write_text(f"{page.read_text('utf-8')}\n\n{clause}\n", "utf-8")
    repository.commit("设置")
    assert main(["--root", str(repository.root), "build", "--no-dossiers"]) == 0
    return repository.root / "build"


def test_a_record_page_leads_to_its_line_and_to_a_report(tmp_path: Path) -> None:
    build = built(tmp_path)
    inside = (build / "internal/site/members/M002/index.html").read_text("utf-8")
    inside = html.unescape(inside)
    (edit,) = re.findall(r'href="([^"]*)"[^>]*>改这条记录<', inside)
    assert unquote(edit) == EDIT.format(file="records/members-north.csv", line=3)
    (issue,) = re.findall(r'href="([^"]*)"[^>]*>报告错误<', inside)
    title = issue.partition("?title=")[2]
    assert not re.search(r"[<>|{}\s]", title)
    assert "<b>|{{x}}" in unquote(title)
    home = html.unescape((build / "internal/site/index.html").read_text("utf-8"))
    (clause,) = re.findall(r'href="([^"]*)"[^>]*>改这条记录<', home)
    assert clause == EDIT.format(file="records/%E7%AB%A0%20%E7%A8%8B.md", line=17)
    assert "?title=%E6%9D%A1%E6%AC%BE%20%3Ci%3E" in home
    assert "git.example" not in (build / "public/site/index.html").read_text("utf-8")
    outside = (build / "public/site/members/M002/index.html").read_text("utf-8")
    assert "改这条记录" not in outside
    assert "git.example" not in outside
