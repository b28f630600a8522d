"""Which page shows which record, and how to get there from any other page: asked by templates while they render."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable

from jinja2 import TemplateRuntimeError
from markupsafe import Markup

from lingtouyan.templates.escaping import escape, markup


class Links:
    """All record pages of one edition.

    Attributes:
        here: URL of the page being rendered, relative to the site's root; set by the renderer.
        known: tables and views; asked for a page of any other, a template is at fault. Empty asks nothing.
    """

    def __init__(self) -> None:
        self._urls: dict[str, dict[str, str]] = {}
        self.here = ""
        self.asked: set[tuple[str, str]] = set()
        self.known: Collection[str] = ()

    def add(self, record: str, key: str, url: str) -> None:
        """Register a page."""
        self._urls.setdefault(record, {})[key] = url

    def start(self, url: str) -> None:
        """Begin the page at this URL."""
        self.here = url
        self.asked = set()

    def find(self, record: str, key: object) -> str | None:
        """Return the URL of a record's page relative to the site's root, or None when this edition has none.

        Raises:
            TemplateRuntimeError: there is no such table, view or kind of page.
        """
        self.asked.add((record, str(key)))
        pages = self._urls.get(record)
        if pages is None and self.known and record not in self.known:
            raise TemplateRuntimeError(f"链接指向 {record}，但没有这张表或视图，也没有模板以它为 record。")
        return pages.get(str(key)) if pages else None

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

    def link(self, record: str, key: object, words: object = None) -> Markup:
        """Return a link to a record's page; plain text where this edition has no such page."""
        shown = escape(key if words is None else words)
        href = None if key is None else self.href(record, key)
        return shown if href is None else markup(f'<a href="{escape(href)}">{shown}</a>')

    # Until the site is no longer built in part.

    def digest(self) -> str:
        """Return a digest of where every record's page is."""
        return hashlib.blake2b(repr(sorted(self._urls.items())).encode(), digest_size=16).hexdigest()

    def answers(self, asked: Iterable[tuple[str, str]]) -> list[list[str | None]]:
        """Return what those questions are answered today: [record, key, url or None], sorted."""
        return [[record, key, self._urls.get(record, {}).get(key)] for record, key in sorted(asked)]
