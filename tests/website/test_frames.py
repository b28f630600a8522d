"""Frames: one built page filled for many records; everything that names the page is right on each."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from small_site import NAMES, build_written, make_job
from trees import copy_of

from lingtouyan.templates.templates import read_templates
from lingtouyan.website.frames import Frame, FrameSpec
from lingtouyan.website.pages import frame_of
from lingtouyan.website.website import Website


class _Reader(HTMLParser):
    """Texts by tag or class, links by class, and every tag that was met."""

    def __init__(self, html: bytes) -> None:
        super().__init__()
        self.texts: dict[str, list[str]] = {}
        self.links: dict[str, str] = {}
        self.metas: dict[str, str] = {}
        self.classes: list[list[str]] = []
        self._open: list[list[str]] = []
        self.feed(html.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        names = [tag, *(given.get("class") or "").split()]
        self.classes.append(names)
        if tag == "link":
            self.links[given["rel"] or ""] = given.get("href") or ""
        elif tag == "meta":
            self.metas[given.get("name") or ""] = given.get("content") or ""
            return
        elif tag in ("input", "br", "img", "hr"):
            return
        else:
            self._open.append(names)
            for name in names:
                self.texts.setdefault(name, []).append("")

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        for names in self._open:
            for name in names:
                self.texts[name][-1] += data

    def text(self, name: str) -> list[str]:
        return [" ".join(text.split()) for text in self.texts.get(name, [])]


@pytest.fixture(scope="module")
def website(tmp_path_factory: pytest.TempPathFactory) -> Website:
    return build_written(make_job(tmp_path_factory.mktemp("frames")))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_name_stands_as_typed_wherever_the_page_is_named(name: str, website: Website) -> None:
    page = _Reader(
        website.frames["people"].fill(title=name, content="<p>正文</p>", url="people/P1/", description=name)
    )
    shown = " ".join(name.split())
    assert page.text("h1") == [shown]
    assert page.text("title") == [f"{shown} - 领头雁"]
    assert shown in page.text("md-header__topic")
    assert page.metas["description"] == name
    assert "正文" in page.text("article")[0]
    assert page.text("b") == page.text("x") == []


@pytest.mark.slow
def test_addresses_are_those_of_the_record(website: Website) -> None:
    page = _Reader(website.frames["places"].fill(title="村", content="", url="towns/places/青 山/"))
    assert page.links["canonical"] == "https://example.invalid/goose/towns/places/%E9%9D%92%20%E5%B1%B1/"
    assert "prev" not in page.links
    assert "next" not in page.links
    assert page.links["icon"] == "../../../assets/favicon.svg"


@pytest.mark.slow
def test_the_navigation_is_open_at_the_parent(website: Website) -> None:
    people = _Reader(website.frames["people"].fill(title="x", content="", url="people/P1/"))
    places = _Reader(website.frames["places"].fill(title="x", content="", url="towns/places/V1/"))
    assert people.text("md-tabs__item--active") == ["队伍"]
    assert places.text("md-tabs__item--active") == ["地方"]
    assert "人员" in people.text("md-nav__link--active")
    assert people.text("md-path__item") == ["首页", "队伍", "人员"]
    assert places.text("md-path__item") == ["首页", "地方", "乡镇"]


@pytest.mark.slow
def test_no_page_leads_to_a_frame(website: Website) -> None:
    data = b"".join(frame.fill(title="x", content="", url="y/") for frame in website.frames.values())
    assert b"7d1c" not in data


def test_what_is_filled_in_is_not_filled_again(tmp_path: Path) -> None:
    spec = FrameSpec("people", "people")
    page = tmp_path / spec.url / "index.html"
    page.parent.mkdir(parents=True)
    title = spec.markdown().split("<h1>")[1].split("<")[0]
    slot = spec.markdown().split("\n\n")[-1].strip()
    page.write_text(
        f"<title>{title}</title><article class='md-content__inner'><h1>{title}</h1>{slot}</article>", "utf-8"
    )
    frame = Frame.load(tmp_path, spec)
    filled = frame.fill(title="甲", content=f"<p>{title}{slot}</p>", url="people/P1/").decode()
    assert (
        filled
        == f"<title>甲</title><article class='md-content__inner'><h1>甲</h1><p>{title}{slot}</p></article>"
    )


def test_frames_stand_at_the_depth_of_their_pages() -> None:
    assert FrameSpec("a", "").url.count("/") == 1
    assert FrameSpec("a", "people").url.startswith("people/")
    assert FrameSpec("a", "x/y").source.count("/") == 2


def test_a_frame_is_as_deep_as_its_pages(tmp_path: Path) -> None:
    tree = copy_of("parliament", tmp_path / "tree")
    page = tree / "site/pages/members/member.md"
    page.write_text(
        re.sub(
            r"(?m)^path: .*", 'path: "members/{{ row.member_id }}/{{ row.name }}"', page.read_text("utf-8")
        ),
        "utf-8",
    )
    (template,) = (t for t in read_templates(tree, "site/pages") if t.each)
    spec = frame_of(template)
    assert spec.url.count("/") == "members/M001/A/".count("/")
    assert spec.parent == "members/"
