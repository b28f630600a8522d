"""Pages: written pages become Markdown for the site builder, record pages become HTML for its frames.

Queries run once per template; a record page's Markdown is converted once, and only filled for each row.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import jinja2
import markdown

from generator.problems import Problem, RecordsError, error
from generator.rendering.escaping import front_matter, text
from generator.rendering.frames import FrameSpec
from generator.rendering.links import Links
from generator.rendering.sandbox import Groups, Row, Sandbox, compiled, rendered
from generator.rendering.templates import (
    PATH_SLOT,
    UNSAFE_IN_PATH,
    Results,
    Template,
    run_queries,
    template_fault,
)

_TAG = re.compile(r"\{#.*?#\}|\{%-?\s*macro\b.*?\bendmacro\s*-?%\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
_SLOT = re.compile(r"<!--jinja-(\d+)-->|\ue000(\d+)\ue001")
# Names that one system or another takes for a device.
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|\Z)", re.IGNORECASE)
_BUILD_WORD = re.compile(r"\bbuild\b|\bcommit\b")


def slug(value: object) -> str:
    """Return a value as one path segment: what could climb, split, hide or confuse is written as `~` and its code."""
    plain = UNSAFE_IN_PATH.sub(lambda m: f"~{ord(m[0]):x}", text(value))
    if _DEVICE.match(plain) or plain.startswith("."):
        plain = f"~{ord(plain[0]):x}{plain[1:]}"
    if plain.endswith("."):
        plain = f"{plain[:-1]}~2e"
    if len(plain.encode()) > 150:
        return plain[:30] + "~" + hashlib.blake2b(plain.encode(), digest_size=8).hexdigest()
    return plain or "~"


def output_path(template: Template, row: Row) -> str:
    """Return where a row's page goes, as the template's `path` says.

    Raises:
        RecordsError: the path names a column that the query does not give.
    """

    def segment(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        if name not in row:
            raise RecordsError(
                [error(template.file, 1, "template-error", f"path 用到了查询里没有的列 {name}。")]
            )
        return slug(row[name])

    return PATH_SLOT.sub(segment, template.path).strip("/")


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
class WrittenPage:
    """A page that the site builder renders: `path` in the Markdown tree, `url` in the site."""

    path: str
    url: str
    markdown: str


@dataclass(frozen=True, slots=True)
class RecordPage:
    """One record's page, not yet rendered.

    Attributes:
        url: relative to the site's root, with a slash at the end.
        digest: over the template and every row it shows.
    """

    url: str
    title: str
    description: str
    row: Row
    digest: str


@dataclass
class RecordKind:
    """All pages of one template with `each`."""

    template: Template
    spec: FrameSpec
    results: Results
    body: jinja2.Template
    lines: Callable[[int], int]
    pages: list[RecordPage] = field(default_factory=list)


@dataclass
class Pages:
    """Everything one edition's site shows.

    Attributes:
        written: pages for the Markdown tree.
        kinds: record pages by template.
        search: entries of the records' index.
    """

    written: list[WrittenPage] = field(default_factory=list)
    kinds: list[RecordKind] = field(default_factory=list)
    search: list[dict[str, str]] = field(default_factory=list)


class PageMaker:
    """Makes the pages of one edition.

    Args:
        connection: the edition's database.
        environment: where the templates run.
        links: filled here with every record page before anything is rendered.
        facts: what every template sees besides its rows (`edition`, `as_of`, `draft`, `build`).
        convert: Markdown to HTML, for record pages.
        shared: digest over all that shapes every record page (macros, engine, facts).
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        environment: Sandbox,
        links: Links,
        facts: dict[str, Any],
        convert: Callable[[str], str],
        shared: str,
    ) -> None:
        self._connection = connection
        self._environment = environment
        self._links = links
        self._facts = facts
        self._convert = convert
        self._shared = shared

    def plan(self, templates: Sequence[Template]) -> Pages:
        """Run all queries, register all record pages, render the written ones.

        Raises:
            RecordsError: with the faults of all templates.
        """
        edition = str(self._facts["edition"])
        pages = Pages()
        problems: list[Problem] = []
        written: list[tuple[Template, Results]] = []
        for template in templates:
            if template.edition and template.edition != edition:
                continue
            try:
                results = run_queries(self._connection, template, edition)
                if template.each:
                    pages.kinds.append(self._kind(template, results, pages.search))
                else:
                    written.append((template, results))
            except RecordsError as fault:
                problems.extend(fault.problems)
        self._refuse_doubles(pages, written, problems)
        for template, results in written:
            try:
                pages.written.append(self._written(template, results))
            except RecordsError as fault:
                problems.extend(fault.problems)
        if problems:
            raise RecordsError(problems)
        return pages

    def _kind(self, template: Template, results: Results, search: list[dict[str, str]]) -> RecordKind:
        folder = template.path.split("{")[0].rpartition("/")[0]
        spec = FrameSpec(slug(template.name.replace("/", "-")), folder, f"{folder}/" if folder else "")
        source = compile_record_body(template.body, self._convert)
        lines = lines_of(template.body, source)
        try:
            body = compiled(self._environment, source)
            title = compiled(self._environment.overlay(autoescape=False, finalize=text), template.title)
        except Exception as fault:
            raise template_fault(template, fault, lines=lines) from None
        kind = RecordKind(template, spec, results, body, lines)
        rows: Any = results.rows[template.each]
        common = hashlib.blake2b(
            f"{template.digest}\0{self._shared}\0".encode()
            + (repr(self._facts["build"]).encode() if _BUILD_WORD.search(template.body) else b""),
            digest_size=16,
        )
        grouped: list[tuple[str, Groups]] = []
        for name, value in sorted(results.rows.items()):
            if isinstance(value, Groups):
                query = template.queries[name]
                if query.by not in results.columns[template.each]:
                    reason = f"查询 {name} 按 {query.by} 分组，但 each 的查询 {template.each} 没有这一列。"
                    raise RecordsError([error(template.file, query.line, "template-error", reason)])
                grouped.append((query.by, value))
            elif name != template.each:
                common.update(repr(value).encode("utf-8", "backslashreplace"))
        for row in rows:
            url = output_path(template, row) + "/"
            key = row.get(template.key) if template.key else next(iter(row.values()))
            digest = common.copy()
            digest.update(
                repr((list(row.values()), [groups[row.get(by)] for by, groups in grouped])).encode(
                    "utf-8", "backslashreplace"
                )
            )
            try:
                words = rendered(title, row=row, **self._facts).strip()
            except Exception as fault:
                raise template_fault(template, fault, "title", lambda _: 0) from None
            page = RecordPage(
                url, words, text(row.get(template.meta.get("description", ""), "")), row, digest.hexdigest()
            )
            kind.pages.append(page)
            if template.record and key is not None:
                self._links.add(template.record, str(key), url)
            if template.search:
                search.append(_search_entry(template, row, url))
        return kind

    def _refuse_doubles(
        self, pages: Pages, written: Sequence[tuple[Template, Results]], problems: list[Problem]
    ) -> None:
        seen = {written_url(t): t.file for t, _ in written}
        for kind in pages.kinds:
            for page in kind.pages:
                other = seen.get(page.url)
                if other is not None:
                    reason = (
                        "两条记录得到同一个页面路径"
                        if other == kind.template.file
                        else f"{other} 已经用了页面路径"
                    )
                    problems.append(
                        error(
                            kind.template.file,
                            1,
                            "template-error",
                            f"{reason} {page.url or '/'}。请改 path，并让它含主键。",
                        )
                    )
                seen[page.url] = kind.template.file

    def _written(self, template: Template, results: Results) -> WrittenPage:
        path = f"{template.name}.md"
        url = written_url(template)
        self._links.start(url)
        try:
            body = rendered(compiled(self._environment, template.body), **{**results.rows, **self._facts})
        except Exception as fault:
            raise template_fault(template, fault) from None
        meta: dict[str, object] = {"title": template.title, **template.meta}
        return WrittenPage(path, url, front_matter(meta) + body.lstrip("\n"))

    def render(self, kind: RecordKind, page: RecordPage) -> tuple[str, list[list[str | None]]]:
        """Render one record page.

        Returns:
            The HTML below the heading, and what it asked of the links.
        """
        values: dict[str, Any] = {}
        for name, value in kind.results.rows.items():
            if isinstance(value, Groups):
                values[name] = value[page.row.get(kind.template.queries[name].by)]
            else:
                values[name] = value
        self._links.start(page.url)
        try:
            html = rendered(kind.body, **{**values, **self._facts, "row": page.row})
        except Exception as fault:
            raise template_fault(kind.template, fault, page.title, kind.lines) from None
        return html, self._links.answers(self._links.asked)

    def unchanged(self, asked: Sequence[Sequence[str | None]]) -> bool:
        """Tell whether the links that a page asked for are answered as they were."""
        return all(self._links.find(str(record), key) == url for record, key, url in asked)


def written_url(template: Template) -> str:
    """Return where a written page goes, relative to the site's root."""
    return "" if template.name == "index" else template.name.removesuffix("/index") + "/"


def _search_entry(template: Template, row: Row, url: str) -> dict[str, str]:
    def value(name: str) -> str:
        column = template.search.get(name, "")
        return text(row.get(column, "")) if column in row else column if name == "kind" else ""

    return {
        "kind": value("kind"),
        "url": url,
        "title": value("title"),
        "subtitle": value("subtitle"),
        "pinyin": value("pinyin"),
        "key": value("key"),
    }


def converter(extensions: list[str], configs: dict[str, Any]) -> Callable[[str], str]:
    """Return Markdown to HTML with the site's own extensions."""
    machine = markdown.Markdown(extensions=extensions, extension_configs=configs)

    def convert(source: str) -> str:
        machine.reset()
        return machine.convert(source)

    return convert


def iter_pages(pages: Pages) -> Iterator[tuple[RecordKind, RecordPage]]:
    """Yield every record page with its kind."""
    for kind in pages.kinds:
        for page in kind.pages:
            yield kind, page
