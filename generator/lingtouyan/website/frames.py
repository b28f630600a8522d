"""Frames: one page of the theme per kind of record, built empty, then filled by joining strings.

Works on the HTML that MkDocs-Material and Zensical write; nothing else of them is needed.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urljoin

from lingtouyan.templates.escaping import escape, front_matter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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
    def source(self) -> str:
        """The frame's page in the Markdown tree, at the depth of the pages that it serves."""
        return f"{self._base}.md"

    @property
    def url(self) -> str:
        """Where the frame stands in the built site."""
        return f"{self._base}/"

    @property
    def _base(self) -> str:
        # The name may hold any characters; the address holds none that a builder would change.
        page = _PAGE + hashlib.blake2b(self.name.encode(), digest_size=4).hexdigest()
        return f"{self.folder}/{page}" if self.folder else page

    def markdown(self) -> str:
        """The empty page: slots for title, description and content, unknown to the search."""
        head = {
            "title": _TITLE,
            "description": _DESCRIPTION,
            "hide": ["toc"],
            "search": {"exclude": True},
        }
        return f"{front_matter(head)}<h1>{_TITLE}</h1>\n\n<!-- {_CONTENT} -->\n"


@dataclass(frozen=True)
class Frame:
    """A built frame, cut at its slots: even members of `parts` are HTML, odd ones name a slot."""

    parts: tuple[str, ...]

    @classmethod
    def load(cls, out: Path, spec: FrameSpec) -> Frame:
        """Read the built frame page of `spec`, open the navigation at its parent, cut it at its slots."""
        html = _open_navigation((out / spec.url / "index.html").read_text("utf-8"), spec)
        slots = re.compile(
            rf"<!--\s*({_CONTENT})\s*-->|({_TITLE})|({_DESCRIPTION})|({re.escape(quote(spec.url))})"
        )
        names = (_CONTENT, _TITLE, _DESCRIPTION, "url")
        parts: list[str] = []
        end = 0
        for slot in slots.finditer(html):
            parts += [html[end : slot.start()], names[(slot.lastindex or 1) - 1]]
            end = slot.end()
        return cls((*parts, html[end:]))

    def fill(self, *, title: str, content: str, url: str, description: str = "") -> bytes:
        """One record's page.

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
        parts = self.parts
        return "".join(values[part] if i % 2 else part for i, part in enumerate(parts)).encode()


@dataclass
class _Element:
    """A start tag in the page's text: where it stands, what it says, and the element that holds it."""

    tag: str
    start: int
    source: str
    classes: list[str]
    href: str
    parent: _Element | None
    label: str = ""

    def inside(self) -> Iterator[_Element]:
        """Its holders, nearest first."""
        holder = self.parent
        while holder is not None:
            yield holder
            holder = holder.parent


_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class _Page(HTMLParser):
    """The elements of a page, in order, each knowing its place in the text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=False)
        self._lines = [0]
        for line in html.split("\n"):
            self._lines.append(self._lines[-1] + len(line) + 1)
        self.elements: list[_Element] = []
        self._open: _Element | None = None
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        line, column = self.getpos()
        given = {key: value or "" for key, value in attrs}
        element = _Element(
            tag,
            self._lines[line - 1] + column,
            self.get_starttag_text() or "",
            given.get("class", "").split(),
            given.get("href", ""),
            self._open,
        )
        self.elements.append(element)
        if tag not in _VOID:
            self._open = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # `<path …/>` in an icon opens and closes at once.
        before = self._open
        self.handle_starttag(tag, attrs)
        self._open = before

    def handle_endtag(self, tag: str) -> None:
        element = self._open
        while element is not None and element.tag != tag:
            element = element.parent
        if element is not None:
            self._open = element.parent

    def _text(self, source: str) -> None:
        if self._open is not None and "md-ellipsis" in self._open.classes:
            for element in self._open.inside():
                if element.tag in ("a", "label"):
                    element.label += source
                    return

    def handle_data(self, data: str) -> None:
        self._text(data)

    def handle_entityref(self, name: str) -> None:
        self._text(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self._text(f"&#{name};")


def _with_class(source: str, *names: str) -> str:
    return re.sub(
        r'class="([^"]*)"', lambda m: f'class="{" ".join((m[1].strip(), *names))}"', source, count=1
    )


def _open_navigation(html: str, spec: FrameSpec) -> str:
    """Mark the parent as the place where the reader is, as the theme does for a page in the navigation.

    A frame stands outside the navigation, or every page would link to it.
    """
    elements = _Page(html).elements
    nav = next((e for e in elements if e.tag == "nav" and "md-nav--primary" in e.classes), None)
    here = quote(f"/{spec.url}")

    def leads_to(element: _Element, url: str) -> bool:
        return unquote(urljoin(here, element.href)).rstrip("/") == f"/{url}".rstrip("/")

    links = [
        e
        for e in elements
        if e.tag == "a" and "md-nav__link" in e.classes and nav is not None and nav in e.inside()
    ]
    target = next((link for link in links if leads_to(link, spec.parent)), None)
    edits: dict[int, tuple[_Element, str]] = {}
    path = [link for link in links if leads_to(link, "")][:1]
    if target is not None:
        edits[target.start] = (target, _with_class(target.source, "md-nav__link--active"))
        items = [e for e in target.inside() if e.tag == "li" and "md-nav__item" in e.classes]
        tabs = [e for e in elements if "md-tabs__item" in e.classes]
        for depth, item in enumerate(reversed(items)):
            top = ["md-nav__item--section"] if depth == 0 and len(items) > 1 and tabs else []
            edits[item.start] = (item, _with_class(item.source, "md-nav__item--active", *top))
            below = [e for e in elements if e.parent is item]
            for element in below:
                if "md-nav__toggle" in element.classes:
                    edits[element.start] = (element, element.source.replace("<input", "<input checked", 1))
                elif element.tag == "nav":
                    opened = element.source.replace('aria-expanded="false"', 'aria-expanded="true"')
                    edits[element.start] = (element, opened)
            if item is not items[0] and (label := next((e for e in below if e.label), None)):
                first = next(link for link in links if item in link.inside())
                path.append(replace(first, label=label.label))
        tops = [e for e in elements if e.tag == "li" and e.parent is items[-1].parent]
        if tabs:
            tab = tabs[tops.index(items[-1])]
            edits[tab.start] = (tab, _with_class(tab.source, "md-tabs__item--active"))
        path.append(target)
    article = next((e for e in elements if e.tag == "article"), None)
    if article is not None:
        edits[article.start] = (article, _path(path) + article.source)
    for start, (element, source) in sorted(edits.items(), reverse=True):
        html = html[:start] + source + html[start + len(element.source) :]
    return html


def _path(links: list[_Element]) -> str:
    """The way here, in the theme's own markup."""
    seen: dict[str, str] = {}
    for link in links:
        seen.setdefault(" ".join(link.label.split()), link.href)
    items = "".join(
        f'<li class="md-path__item"><a href="{href}" class="md-path__link">'
        f'<span class="md-ellipsis">{label}</span></a></li>'
        for label, href in seen.items()
    )
    return (
        f'<nav class="md-path" aria-label="当前位置"><ol class="md-path__list">{items}</ol></nav>'
        if items
        else ""
    )
