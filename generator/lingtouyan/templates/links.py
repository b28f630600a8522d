"""Which page shows which record, and how to get there from any other page.

Asked by templates while they render; what a page asked is remembered, so that it is made again only when an answer changes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from markupsafe import Markup

from lingtouyan.templates.escaping import Html, escape


class Links:
    """All record pages of one edition.

    Attributes:
        here: URL of the page being rendered, relative to the site's root; set by the renderer.
        asked: the records the page asked for since `start`.
    """

    def __init__(self) -> None:
        self._urls: dict[tuple[str, str], str] = {}
        self.here = ""
        self.asked: set[tuple[str, str]] = set()

    def add(self, record: str, key: str, url: str) -> None:
        """Register a page."""
        self._urls[record, key] = url

    def digest(self) -> str:
        """Return a digest of where every record's page is."""
        words = "\n".join("\0".join([*name, url]) for name, url in sorted(self._urls.items()))
        return hashlib.blake2b(words.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()

    def start(self, url: str) -> None:
        """Begin the page at this URL."""
        self.here = url
        self.asked = set()

    def find(self, record: str, key: object) -> str | None:
        """Return the URL of a record's page relative to the site's root, or None when this edition has none."""
        name = (record, str(key))
        self.asked.add(name)
        return self._urls.get(name)

    def up(self) -> str:
        """Return the way from the current page to the site's root: `../../`, or `./`."""
        return "../" * self.here.count("/") or "./"

    def url(self, path: str) -> str:
        """Return the way from the current page to a path below the site's root."""
        if path.startswith(("/", "\\")) or ":" in path.split("/", maxsplit=1)[0] or ".." in path:
            return "#"
        return self.up() + path

    def href(self, record: str, key: object) -> str | None:
        """Return the way from the current page to a record's page, or None."""
        found = self.find(record, key)
        return None if found is None else self.up() + found

    def link(self, record: str, key: Any, words: Any = None) -> Markup:
        """Return a link to a record's page; plain text where this edition has no such page."""
        shown = escape(key if words is None else words)
        href = self.href(record, key) if key is not None else None
        return shown if href is None else Html('<a href="{}">{}</a>').format(Markup(escape(href)), shown)  # noqa: S704

    def answers(self, asked: Iterable[tuple[str, str]]) -> list[list[str | None]]:
        """Return what those questions are answered today: [record, key, url or None], sorted."""
        return [[record, key, self._urls.get((record, key))] for record, key in sorted(asked)]
