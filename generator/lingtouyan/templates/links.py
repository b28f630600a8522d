"""Which page shows which record, and how to get there from any other page: asked by templates while they render."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from jinja2 import TemplateRuntimeError
from markupsafe import Markup

from lingtouyan.templates.escaping import escape, location, markup


@dataclass
class Lists:
    """The long lists of the page being rendered.

    Attributes:
        page: name of its template.
        grids: as its head declares them.
        rows: what its queries gave.
        files: path below the site's root -> data of a list that was shown.
    """

    page: str = ""
    grids: Mapping[str, Any] = field(default_factory=dict)
    rows: Mapping[str, Any] = field(default_factory=dict)
    files: dict[str, Any] = field(default_factory=dict)


class Links:
    """All record pages of one edition.

    Attributes:
        here: URL of the page being rendered, relative to the site's root; set by the renderer.
        lists: what that page declares to be long lists; set by the renderer.
        known: tables and views; asked for a page of any other, a template is at fault. Empty asks nothing.
    """

    def __init__(self) -> None:
        self._urls: dict[str, dict[str, str]] = {}
        self.here = ""
        self.lists = Lists()
        self.known: Collection[str] = ()

    def add(self, record: str, urls: Mapping[str, str]) -> None:
        """Register the pages of a kind, key -> URL; there may be none."""
        self._urls.setdefault(record, {}).update(urls)

    def find(self, record: str, key: object) -> str | None:
        """Return the URL of a record's page relative to the site's root, or None when this edition has none.

        Raises:
            TemplateRuntimeError: there is no such table, view or kind of page.
        """
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
        return shown if href is None else markup(f'<a href="{location(href)}">{shown}</a>')
