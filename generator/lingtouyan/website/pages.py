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
import jinja2.meta
import markdown
from jinja2.exceptions import SecurityError

from lingtouyan.problems import Problem, RecordsError, error
from lingtouyan.templates.escaping import front_matter, text
from lingtouyan.templates.links import Links
from lingtouyan.templates.paths import slug
from lingtouyan.templates.sandbox import SECONDS, Sandbox, compiled, rendered
from lingtouyan.templates.templates import Template, run_queries, template_fault
from lingtouyan.watchdog import OverdueError, watched
from lingtouyan.website.frames import FrameSpec
from lingtouyan.website.record_bodies import Bench, Body, compile_record_body, lines_of
from lingtouyan.website.record_pages import RecordKind, RecordPlanner

# What may show the facts of the build itself: it names them, or takes in a file that may.
_BUILD_WORD = re.compile(r"\bbuild\b|\bcommit\b|\binclude\b|\bwith\s+context\b")


@dataclass(frozen=True, slots=True)
class WrittenPage:
    """A page that the site builder renders: `path` in the Markdown tree, `url` in the site."""

    path: str
    url: str
    markdown: str


@dataclass
class Pages:
    """Everything one edition's site shows.

    Attributes:
        written: pages for the Markdown tree.
        kinds: record pages by template.
        links: digest of where every record's page is.
        known: template -> what the next build may reuse of a written page.
    """

    written: list[WrittenPage] = field(default_factory=list)
    kinds: list[RecordKind] = field(default_factory=list)
    links: str = ""
    known: dict[str, Any] = field(default_factory=dict)

    @property
    def search(self) -> list[dict[str, str]]:
        """Entries of the records' index."""
        return [p.search for k in self.kinds if k.template.search for p in k.pages]


class PageMaker:
    """Makes the pages of one edition.

    Args:
        connection: the edition's database.
        environment: where the templates run.
        links: filled here with every record page before anything is rendered.
        facts: what every template sees besides its rows (`edition`, `as_of`, `draft`, `build`).
        convert: Markdown to HTML, for record pages.
        shared: digest over all that shapes every page (macros, engine, facts).

    Attributes:
        bench: where the record pages are rendered, once they are planned.
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
        self.bench = Bench(connection, environment, links, facts)
        self._edition = str(facts["edition"])
        self._sources: dict[str, str] = {}
        self._planner = RecordPlanner(connection, facts, self._title_of, self._shared_by, self._uses_each)

    def plan(self, templates: Sequence[Template]) -> Pages:
        """Register all record pages, render the written ones.

        Raises:
            RecordsError: with the faults of all templates.
        """
        pages = Pages()
        problems: list[Problem] = []
        written: list[Template] = []
        for template in templates:
            if template.edition and template.edition != self._edition:
                continue
            if not template.each:
                written.append(template)
                continue
            try:
                pages.kinds.append(self._kind(template))
            except RecordsError as fault:
                problems.extend(fault.problems)
        problems.extend(_doubles(pages.kinds, written))
        pages.links = self._links.digest()
        for template in written:
            try:
                page, state = self._written(template)
            except RecordsError as fault:
                problems.extend(fault.problems)
            else:
                pages.written.append(page)
                pages.known[template.file] = state
        if problems:
            raise RecordsError(problems)
        return pages

    def _shared_by(self, template: Template) -> str:
        """Return a digest over all that shapes a template's pages besides the answers to its queries."""
        shown = f"{template.title}\n{template.body}"
        facts = repr(self._facts["build"]) if _BUILD_WORD.search(shown) else ""
        words = f"{template.file}\0{template.digest}\0{self._shared}\0{facts}"
        return hashlib.blake2b(words.encode(), digest_size=16).hexdigest()

    def _kind(self, template: Template) -> RecordKind:
        folder = template.path.split("{")[0].rpartition("/")[0]
        spec = FrameSpec(slug(template.name.replace("/", "-")), folder, f"{folder}/" if folder else "")
        kind = self._planner.plan(template, spec)
        if template.record:
            for page in kind.pages:
                if page.key is not None:
                    self._links.add(template.record, page.key, page.url)
        return kind

    def _source(self, template: Template) -> str:
        if template.file not in self._sources:
            try:
                with watched(SECONDS):
                    self._sources[template.file] = compile_record_body(template.body, self._convert)
            except OverdueError:
                raise template_fault(template, SecurityError(f"排版超过 {SECONDS:.0f} 秒")) from None
            except RecursionError as fault:
                raise template_fault(template, fault) from None
        return self._sources[template.file]

    def _title_of(self, template: Template) -> jinja2.Template:
        try:
            return compiled(self._environment.overlay(autoescape=False, finalize=text), template.title)
        except Exception as fault:
            raise template_fault(template, fault, "title", lambda _: 0) from None

    def _uses_each(self, template: Template) -> bool:
        """Tell whether a page may show rows of other pages: the template names `each`, or takes in another file."""
        source = self._source(template)
        try:
            tree = self._environment.parse(source)
            # It generates code, and so is the first to meet a filter that there is not, or words too deeply nested.
            names = jinja2.meta.find_undeclared_variables(tree)
        except (jinja2.TemplateError, RecursionError) as fault:
            raise template_fault(template, fault, lines=lines_of(template.body, source)) from None
        return template.each in names or any(True for _ in tree.find_all((jinja2.nodes.Include,)))

    def _written(self, template: Template) -> tuple[WrittenPage, dict[str, Any]]:
        path = f"{template.name}.md"
        url = written_url(template)
        results = run_queries(self._connection, template, self._edition)
        self._links.start(url)
        try:
            body = rendered(compiled(self._environment, template.body), **{**results.rows, **self._facts})
        except Exception as fault:
            raise template_fault(template, fault) from None
        meta: dict[str, object] = {"title": template.title, **template.meta}
        made = front_matter(meta) + body.lstrip("\n")
        answers = self._links.answers(self._links.asked)
        return WrittenPage(path, url, made), {"text": digest_of(made), "asked": answers}

    def body_of(self, kind: RecordKind) -> Body:
        """Return what pages of one kind are made from, besides their rows."""
        return Body(kind.template, self._source(kind.template), self._uses_each(kind.template))

    def unchanged(self, asked: Sequence[Sequence[str | None]]) -> bool:
        """Tell whether the links that a page asked for are answered as they were."""
        return all(self._links.find(str(record), key) == url for record, key, url in asked)


def _doubles(kinds: Sequence[RecordKind], written: Sequence[Template]) -> Iterator[Problem]:
    seen = {written_url(t): t.file for t in written}
    for kind in kinds:
        for page in kind.pages:
            other = seen.get(page.url)
            if other is not None:
                reason = (
                    "两条记录得到同一个页面路径"
                    if other == kind.template.file
                    else f"{other} 已经用了页面路径"
                )
                yield error(
                    kind.template.file,
                    1,
                    "template-error",
                    f"{reason} {page.url or '/'}。请改 path，并让它含主键。",
                )
            seen[page.url] = kind.template.file


def digest_of(words: str) -> str:
    """Return a digest of a text."""
    return hashlib.blake2b(words.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def written_url(template: Template) -> str:
    """Return where a written page goes, relative to the site's root."""
    return "" if template.name == "index" else template.name.removesuffix("/index") + "/"


def converter(extensions: list[str], configs: dict[str, Any]) -> Callable[[str], str]:
    """Return Markdown to HTML with the site's own extensions."""
    machine = markdown.Markdown(extensions=extensions, extension_configs=configs)

    def convert(source: str) -> str:
        machine.reset()
        return machine.convert(source)

    return convert
