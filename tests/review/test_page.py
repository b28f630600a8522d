"""The review as one page: what people read there, what must not be there, and that nothing typed becomes markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from edited import Edited
from trees import copy_of

from lingtouyan.cli import main

HOSTILE = "<script>alert(1)</script>{{ 7*7 }}\u202e\"'&"
HEAD = "member_id,name,name_pinyin,party_id,degree,attendance,full_time,started,ended,successor,home_phone\n"


class _Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def house(tmp_path: Path) -> Edited:
    repository = Edited(copy_of("parliament", tmp_path / "house"))
    for file in (repository.root / "records").glob("members-*.csv"):
        file.unlink()
    write(repository, "甲", "0.9", "13800000000")
    repository.commit("开始")
    repository.git("switch", "-q", "-c", "change")
    return repository


def write(repository: Edited, name: str, attendance: str, phone: str) -> None:
    shown = '"' + name.replace('"', '""') + '"'
    row = f"M001,{shown},,,学士,{attendance},,2020-01-01,,,{phone}\n"
    (repository.root / "records/members-a.csv").write_text(HEAD + row, "utf-8")


def page(house: Edited, capsys: pytest.CaptureFixture[str]) -> str:
    main(["--root", str(house.root), "review", "main", "--format", "html", "--no-prints"])
    return capsys.readouterr().out


def test_shows_before_and_after_and_who_may_see_it(house: Edited, capsys: pytest.CaptureFixture[str]) -> None:
    write(house, "甲", "0.1", "13800000000")
    house.commit("改")
    html = page(house, capsys)
    assert "<del>0.9</del>" in html
    assert "<ins>0.1</ins>" in html
    assert re.search(r"<ins>0\.1</ins></td><td class=\"quiet\">(公开|内部)</td>", html)


def test_what_was_typed_is_data_and_restricted_values_are_not_there(
    house: Edited, capsys: pytest.CaptureFixture[str]
) -> None:
    write(house, HOSTILE, "0.9", "13911112222")
    house.commit(HOSTILE)
    html = page(house, capsys)
    parsed = _Tags(html)
    assert "script" not in parsed.tags
    assert not [a for a in parsed.attributes if a[0].startswith("on")]
    assert "<script>alert(1)</script>{{ 7*7 }}" in parsed.text
    assert "\u202e" not in html
    assert "139" not in html
    assert "13800000000" not in html
    assert "限制级内容" in parsed.text or "●●●" in parsed.text


def test_nothing_is_fetched_and_nothing_runs(house: Edited, capsys: pytest.CaptureFixture[str]) -> None:
    write(house, "乙", "0.9", "13800000000")
    house.commit("改")
    parsed = _Tags(page(house, capsys))
    assert ("http-equiv", "Content-Security-Policy") in parsed.attributes
    assert not [v for name, v in parsed.attributes if name in ("src", "href") and not v.startswith("#")]


def test_of_a_long_text_only_what_differs_is_marked(
    house: Edited, capsys: pytest.CaptureFixture[str]
) -> None:
    house.git("switch", "-q", "main")
    write(house, "一二三四五六七八九十甲乙丙", "0.9", "")
    house.commit("长")
    house.git("switch", "-q", "-C", "change")
    write(house, "一二三四五六七八九十丁乙丙", "0.9", "")
    house.commit("改")
    html = page(house, capsys)
    assert "一二三四五六七八九十<del>甲</del>乙丙" in html
    assert "一二三四五六七八九十<ins>丁</ins>乙丙" in html


def test_a_page_is_written_beside_the_comment_also_when_nothing_can_be_read(
    house: Edited, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (house.root / "datapackage.yaml").write_text("resources: [<b>\n", "utf-8")
    house.commit("坏")
    out = tmp_path / "review.html"
    code = main(
        [
            "--root",
            str(house.root),
            "review",
            "main",
            "--format",
            "markdown",
            "--page",
            str(out),
            "--no-prints",
        ]
    )
    assert code == 1
    assert "没有审阅" in capsys.readouterr().out
    written = _Tags(out.read_text("utf-8"))
    assert "datapackage.yaml" in written.text
    assert "b" not in written.tags
