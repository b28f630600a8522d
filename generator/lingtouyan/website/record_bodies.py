"""Bodies of record pages: a template's Markdown converted once, its Jinja kept, then filled for each row.

Needs neither Markdown nor the site builder, so that a process which only fills starts soon.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from lingtouyan.templates.links import Links
from lingtouyan.templates.sandbox import Sandbox, compiled, rendered
from lingtouyan.templates.templates import Template, template_fault
from lingtouyan.website.record_pages import RecordPage, RecordRows

_TAG = re.compile(r"\{#.*?#\}|\{%-?\s*macro\b.*?\bendmacro\s*-?%\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
_SLOT = re.compile(r"<!--jinja-(\d+)-->|\ue000(\d+)\ue001")


def compile_record_body(body: str, convert: Callable[[str], str]) -> str:
    """Convert a template's Markdown once, with its Jinja kept: values are filled into HTML and never read as Markdown.

    A tag alone on its line stands for a block, any other for words. A macro is kept whole: what it writes is HTML.

    Args:
        body: Markdown with Jinja.
        convert: Markdown to HTML.

    Returns:
        HTML with Jinja.
    """
    tags: list[str] = []

    def keep(found: re.Match[str]) -> str:
        tags.append(found[0])
        start, end = found.start(), found.end()
        before = body[body.rfind("\n", 0, start) + 1 : start]
        after = body[end : (body.find("\n", end) + len(body) + 1) % (len(body) + 1)]
        number = len(tags) - 1
        return (
            f"\n\n<!--jinja-{number}-->\n\n"
            if not before.strip() and not after.strip()
            else f"\ue000{number}\ue001"
        )

    kept = _TAG.sub(keep, body)
    return _SLOT.sub(lambda m: tags[int(m[1] or m[2])], convert(kept))


def lines_of(body: str, source: str) -> Callable[[int], int]:
    """Return line of the compiled source -> line of the template's body: the tags stand in both, in one order."""

    def starts(text: str) -> list[int]:
        return [text.count("\n", 0, m.start()) + 1 for m in _TAG.finditer(text)]

    pairs = list(zip(starts(source), starts(body), strict=False))

    def line(number: int) -> int:
        before = [(there, here) for there, here in pairs if there <= number]
        return before[-1][1] + number - before[-1][0] if before else 1

    return line


@dataclass(frozen=True, slots=True)
class Body:
    """What the pages of one kind are made from.

    Attributes:
        source: HTML with Jinja.
        all_rows: a page may also show all rows of `each`.
    """

    template: Template
    source: str
    all_rows: bool


@dataclass(frozen=True)
class Bench:
    """Where pages of one edition are rendered: its database, the templates' environment, every record's page, the facts."""

    connection: duckdb.DuckDBPyConnection
    environment: Sandbox
    links: Links
    facts: Mapping[str, Any]


class Filler:
    """Renders some pages of one kind; what they show is fetched at once.

    Args:
        count: how many pages of that kind there are.

    Raises:
        RecordsError: the template or a query is at fault.
    """

    def __init__(self, bench: Bench, body: Body, pages: Sequence[RecordPage], count: int) -> None:
        self._bench = bench
        self._template = body.template
        self._lines = lines_of(body.template.body, body.source)
        try:
            self._body = compiled(bench.environment, body.source)
        except Exception as fault:
            raise template_fault(self._template, fault, lines=self._lines) from None
        edition = str(bench.facts["edition"])
        self._rows = RecordRows(
            bench.connection, self._template, pages, count, edition, all_rows=body.all_rows
        )

    def render(self, page: RecordPage) -> tuple[str, list[list[str | None]]]:
        """Render one record page.

        Returns:
            The HTML below the heading, and what it asked of the links.
        """
        links = self._bench.links
        links.start(page.url)
        try:
            html = rendered(self._body, **{**self._rows.of(page), **self._bench.facts})
        except Exception as fault:
            raise template_fault(self._template, fault, page.title, self._lines) from None
        return html, links.answers(links.asked)
