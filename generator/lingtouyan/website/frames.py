"""Frames: one page of the theme per kind of record, built empty, then filled by joining strings.

Works on the HTML that MkDocs-Material and Zensical write; nothing else of them is needed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from itertools import accumulate
from pathlib import Path
from urllib.parse import quote, unquote, urljoin

from lingtouyan.templates.escaping import escape, front_matter, tag

_TITLE, _CONTENT, _DESCRIPTION = "framed-title-7d1c", "framed-content-7d1c", "framed-description-7d1c"
_PAGE = "frame-7d1c-"


@dataclass(frozen=True)
class FrameSpec:
    """One kind of record page.

    Attributes:
        name: unique among the frames.
        folder: folder of its pages below the site's root (`people` for `people/P0001/`), or empty.
        parent: URL of the written page that leads to them (`people/`; empty: the home page). The
            navigation and the path above the title show it.
    """

    name: str
    folder: str
    parent: str = ""

    @property
    def url(self) -> str:
        """Where the frame stands in the built site."""
        # The name may hold any characters; the address holds none that a builder would change.
        page = _PAGE + hashlib.blake2b(self.name.encode(), digest_size=4).hexdigest()
        return f"{self.folder}/{page}/".lstrip("/")

    @property
    def source(self) -> str:
        """The frame's page in the Markdown tree, at the depth of the pages that it serves."""
        return f"{self.url[:-1]}.md"

    def markdown(self) -> str:
        """Return the empty page: slots for title, description and content, unknown to the search."""
        head = {"title": _TITLE, "description": _DESCRIPTION, "hide": ["toc"], "search": {"exclude": True}}
        return f"{front_matter(head)}<h1>{_TITLE}</h1>\n\n<!-- {_CONTENT} -->\n"


@dataclass(frozen=True)
class Frame:
    """A built frame, cut at its slots: even members of `parts` are HTML, odd ones name a slot."""

    parts: tuple[str, ...]

    @classmethod
    def load(cls, out: Path, spec: FrameSpec) -> Frame:
        """Read the built frame page of `spec`, open the navigation at its parent, cut it at its slots."""
        html = _open_navigation((out / spec.url / "index.html").read_text("utf-8"), spec)
        html = re.sub(rf"<!--\s*{_CONTENT}\s*-->", _CONTENT, html)
        url = quote(spec.url)
        parts = re.split(f"({_CONTENT}|{_TITLE}|{_DESCRIPTION}|{re.escape(url)})", html)
        return cls(tuple("url" if part == url else part for part in parts))

    def fill(self, title: str, content: str, url: str, description: str = "") -> bytes:
        """Return one record's page.

        Args:
            title: plain text, escaped here.
            content: the page below its heading, as HTML that is safe already.
            url: the page's address below the site's root (`people/P0001/`).
            description: plain text for search engines, escaped here.
        """
        values = {
            _TITLE: escape(title),
            _CONTENT: content,
            _DESCRIPTION: escape(description or title),
            "url": quote(url),
        }
        return "".join(values[part] if i % 2 else part for i, part in enumerate(self.parts)).encode()


class _Element:
    """A start tag: where it stands in the page, its text as it is to be, and what holds it, nearest first."""

    def __init__(
        self, tag: str, given: Mapping[str, str], start: int, source: str, holders: list[_Element]
    ) -> None:
        self.tag, self.start, self.end, self.source = tag, start, start + len(source), source
        self.classes, self.href = given.get("class", "").split(), given.get("href", "")
        self.holders, self.label = holders, ""

    def add_class(self, name: str) -> None:
        """Write one more class into the tag."""
        self.source = re.sub(
            r'class="([^"]*)"', lambda m: f'class="{m[1].strip()} {name}"', self.source, count=1
        )


_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class _Page(HTMLParser):
    """The elements of a page, in order, each knowing its place in the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self._lines = [0, *accumulate(len(line) + 1 for line in html.split("\n"))]
        self.elements: list[_Element] = []
        self._open: list[_Element] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        line, column = self.getpos()
        given = {key: value or "" for key, value in attrs}
        start, source = self._lines[line - 1] + column, self.get_starttag_text() or ""
        self.elements.append(_Element(tag, given, start, source, self._open[::-1]))
        if tag not in _VOID:
            self._open.append(self.elements[-1])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # `<path …/>` in an icon opens and closes at once.
        before = len(self._open)
        self.handle_starttag(tag, attrs)
        del self._open[before:]

    def handle_endtag(self, tag: str) -> None:
        places = [place for place, element in enumerate(self._open) if element.tag == tag]
        del self._open[places[-1] if places else len(self._open) :]

    def handle_data(self, data: str) -> None:
        if self._open and "md-ellipsis" in self._open[-1].classes:
            for element in self._open[-1].holders:
                if element.tag in ("a", "label"):
                    element.label += data
                    return


def _open_navigation(html: str, spec: FrameSpec) -> str:
    """Mark the parent as the place where the reader is, as the theme does for a page in the navigation.

    A frame stands outside the navigation, or every page would link to it.
    """
    elements = _Page(html).elements
    links = [
        e
        for e in elements
        if e.tag == "a"
        and "md-nav__link" in e.classes
        and any("md-nav--primary" in holder.classes for holder in e.holders)
    ]

    def leads_to(element: _Element, url: str) -> bool:
        there = urljoin(quote(f"/{spec.url}"), element.href)
        return unquote(there).rstrip("/") == f"/{url}".rstrip("/")

    path = [(link.label, link.href) for link in links if leads_to(link, "")][:1]
    target = next((link for link in links if leads_to(link, spec.parent)), None)
    if target is not None:
        target.add_class("md-nav__link--active")
        items = [e for e in target.holders if e.tag == "li" and "md-nav__item" in e.classes]
        tabs = [e for e in elements if "md-tabs__item" in e.classes]
        if tabs:
            tops = [e for e in elements if e.tag == "li" and e.holders[:1] == items[-1].holders[:1]]
            tabs[tops.index(items[-1])].add_class("md-tabs__item--active")
            if len(items) > 1:
                items[-1].add_class("md-nav__item--section")
        for item in reversed(items):
            item.add_class("md-nav__item--active")
            below = [e for e in elements if e.holders[:1] == [item]]
            for element in below:
                if "md-nav__toggle" in element.classes:
                    element.source = element.source.replace("<input", "<input checked", 1)
                elif element.tag == "nav":
                    element.source = element.source.replace('aria-expanded="false"', 'aria-expanded="true"')
            if item is not items[0] and (label := next((e.label for e in below if e.label), "")):
                path.append((label, next(link.href for link in links if item in link.holders)))
        path.append((target.label, target.href))
    links_above: dict[str, str] = {}
    for label, href in path:
        links_above.setdefault(" ".join(label.split()), href)
    article = next((e for e in elements if e.tag == "article"), None)
    if article is not None and links_above:
        # In the theme's own markup.
        shown = ((href, tag("span", label, class_="md-ellipsis")) for label, href in links_above.items())
        to = (tag("a", words, href=href, class_="md-path__link") for href, words in shown)
        steps = tag("ol", *(tag("li", a, class_="md-path__item") for a in to), class_="md-path__list")
        article.source = f"{tag('nav', steps, class_='md-path', aria_label='当前位置')}{article.source}"
    for element in reversed(elements):
        html = html[: element.start] + element.source + html[element.end :]
    return html
