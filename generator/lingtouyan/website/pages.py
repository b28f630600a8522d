"""Pages of one edition: a written page becomes Markdown for MkDocs, a record page HTML for the frame of its kind.

Queries run once per template. A record template's Markdown is converted once, with its Jinja kept, and filled for each
row: values are filled into HTML and never read as Markdown.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import duckdb
import jinja2
import markdown

from lingtouyan.database.database import quote as quote_identifier
from lingtouyan.database.history_tables import proposed_records
from lingtouyan.problems import Problem, RecordsError, error
from lingtouyan.project import EDITION_TITLES, EDITIONS, Project
from lingtouyan.reading.source import Source
from lingtouyan.templates.escaping import front_matter, tag, text
from lingtouyan.templates.functions import make_functions
from lingtouyan.templates.links import Links, Lists
from lingtouyan.templates.sandbox import Groups, Row
from lingtouyan.templates.templates import (
    Results,
    Template,
    make_environment,
    output_path,
    read_templates,
    refused,
    rows_for,
    run_queries,
    slug,
    template_fault,
)
from lingtouyan.website.downloads import with_downloads
from lingtouyan.website.frames import FrameSpec
from lingtouyan.website.search import RecordEntry
from lingtouyan.website.site_config import read_config
from lingtouyan.website.vet import vet_part
from lingtouyan.website.website import SiteJob, as_script, write_file

# Of one edition, all kinds together.
MAX_PAGES = 500_000
_TAG = re.compile(r"\{#.*?#\}|\{%-?\s*macro\b.*?\bendmacro\s*-?%\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
Made = TypeVar("Made")
_PROPOSED = str(
    tag("p", tag("strong", "本次改动"), "　本页的记录有送审的改动。", class_="notice notice--changed")
)
# What a search says besides the columns of `each`.
_OTHER = ("kind", "parts", "part", "anchor")
_SLOT = re.compile(r"<!--jinja-(\d+)-->|\ue000(\d+)\ue001")


class WrittenPage(NamedTuple):
    """A page that MkDocs renders, and its `path` in the Markdown tree; beside it, its long lists and other files, by path."""

    path: str
    markdown: str
    files: Mapping[str, str | bytes] = {}

    def save(self, tree: Path) -> None:
        """Write it and what stands beside it into the tree."""
        for path, content in {self.path: self.markdown, **self.files}.items():
            write_file(tree / path, content)


class RecordPage(NamedTuple):
    """One record's page before it is rendered.

    Attributes:
        url: relative to the site's root, with a slash at the end.
        title, description: plain text.
        row: of the template's `each`.
    """

    url: str
    title: str
    description: str
    row: Row


class Kind(NamedTuple):
    """All pages of one template with `each`, and what the search finds inside them: rows by the pages' keys."""

    template: Template
    spec: FrameSpec
    pages: list[RecordPage]
    parts: Groups


class Pages(NamedTuple):
    """Everything one edition's site shows: written pages, and record pages by kind."""

    written: list[WrittenPage]
    kinds: list[Kind]


class PageMaker:
    """Makes the pages of one edition.

    Args:
        project: where templates and settings come from.
        connection: the edition's database.
        facts: what every template sees besides its rows (`edition`, `as_of`, `draft`, `build`).
        links: every record page, where they are known already; else filled by `plan`.

    Attributes:
        environment: where the templates run.
    """

    def __init__(
        self,
        project: Project,
        connection: duckdb.DuckDBPyConnection,
        facts: Mapping[str, Any],
        links: Links | None = None,
    ) -> None:
        self.links = Links() if links is None else links
        self.connection = connection
        self.facts = facts
        self._count = 0
        self._edition = str(facts["edition"])
        functions = make_functions(project, connection, self.links, self._edition)
        self.environment = make_environment(project.source, html=False, functions=functions)
        self._source = functions["source_links"]
        self._convert = converter(read_config(project.source).settings["markdown_extensions"])
        self._settings, self._package = project.settings, project.package
        self._proposed = proposed_records(connection, project.package) if project.since else set()
        self._places: dict[str, dict[str, tuple[str, int]]] = {}
        self._ready: tuple[str, jinja2.Template, Callable[[int], int], Results] | None = None

    def plan(self, templates: Sequence[Template]) -> Pages:
        """Register all record pages, render the written ones.

        Args:
            templates: those of this edition.

        Raises:
            RecordsError: with the faults of all templates.
        """
        problems: list[Problem] = []

        def made(make: Callable[[Template], Made], wanted: list[Template]) -> Iterator[Made]:
            for template in wanted:
                try:
                    yield make(template)
                except RecordsError as fault:
                    problems.extend(fault.problems)

        written = [t for t in templates if not t.each]
        kinds = list(made(self.kind, [t for t in templates if t.each]))
        problems.extend(_doubles(kinds, written))
        pages = Pages(list(made(self.write, written)), kinds)
        if problems:
            raise RecordsError(problems)
        return pages

    def write(self, template: Template) -> WrittenPage:
        """Render a written page.

        Raises:
            RecordsError: the template or a query is at fault.
        """
        rows = run_queries(self.connection, template, self._edition)
        self.links.here = written_url(template)
        self.links.lists = lists = Lists(template.name, template.grids, rows)
        try:
            body = self.environment.from_string(template.body).render({**rows, **self.facts})
        except Exception as fault:
            raise template_fault(template, fault) from None
        dressed = [c for data in lists.files.values() for c in data["columns"] if c["kind"] == "html"]
        if faults := vet_part("".join(word for c in dressed for word in c.get("words", c.get("values")))):
            reason = f"列表里有引用外部网址或内嵌脚本的地方：{'；'.join(faults[:3])}。请改模板。"
            raise refused(template, template.body_line, reason)
        head = front_matter({"title": template.title, **template.meta})
        note = f"{self.facts.get('as_of', '')} {EDITION_TITLES[self._edition]}"
        body, files = with_downloads(body, template.title, note, lists.files)
        beside: dict[str, str | bytes] = {p: as_script("gridData", d) for p, d in lists.files.items()}
        beside.update({f"{self.links.here}{name}": data for name, data in files.items()})
        return WrittenPage(f"{template.name}.md", head + body.lstrip("\n"), beside)

    def kind(self, template: Template) -> Kind:
        """Find the record pages of one template and enter them into the links.

        Raises:
            RecordsError: the query, the path or the title is at fault, or there are more pages than any city has.
        """
        each = template.queries[template.each]
        rows = cast("list[Row]", self._rows(template, template.each))
        columns = rows[0] if rows else {}
        self._count += len(rows)
        if self._count > MAX_PAGES:
            reason = f"记录页共超过 {MAX_PAGES:,} 页，没有生成。请核对 each 的查询 {each.name} 是否多给了行。"
            raise refused(template, each.line, reason)
        named = [(f"查询 {q.name} 的 by", q.by, q.line) for q in template.queries.values()]
        named.append(("key", template.key, template.lines.get("key", 1)))
        named += [
            ("search", c, template.lines["search"]) for n, c in template.search.items() if n not in _OTHER
        ]
        for where, column, line in named:
            if column and rows and column not in columns:
                reason = f"{where} 用到的列 {column} 不在 each 的查询 {each.name} 里。"
                raise refused(template, line, reason)
        described = template.meta.get("description", "")
        pages = []
        urls = [output_path(template, row) + "/" for row in rows]
        try:
            plain = self.environment.overlay(autoescape=False, finalize=text)
            title = plain.from_string(template.title)
            for url, row in zip(urls, rows, strict=True):
                words = title.render(row=row, **self.facts).strip()
                pages.append(RecordPage(url, words, text(row.get(described, "")), row))
        except Exception as fault:
            raise template_fault(template, fault, "title", lambda _: 0) from None
        if template.record:
            keys = [p.row.get(template.key) if template.key else next(iter(p.row.values())) for p in pages]
            addresses = {str(k): p.url for k, p in zip(keys, pages, strict=True) if k is not None}
            self.links.add(template.record, addresses)
        inner = template.search.get("parts")
        parts = cast("Groups", self._rows(template, inner)) if inner in template.queries else Groups()
        return Kind(template, frame_of(template), pages, parts)

    def _rows(self, template: Template, query: str) -> list[Row] | Groups:
        """Run one query of a template."""
        alone = replace(template, queries={query: template.queries[query]})
        return run_queries(self.connection, alone, self._edition)[query]

    def body(self, template: Template, page: RecordPage) -> str:
        """Render a record page: the HTML below its heading. The template's queries run once, for all its pages.

        Raises:
            RecordsError: the template or a query is at fault.
        """
        if self._ready is None or self._ready[0] != template.file:
            # One template at a time: what the pages of one kind show takes gigabytes in a large city.
            self._ready = None
            ready = template.file, *self._compiled(template)
            self._ready = *ready, run_queries(self.connection, template, self._edition)
        _, body, lines, results = self._ready
        self.links.here = page.url
        mine = rows_for(template, results, page.row)
        try:
            html = body.render({**mine, **self.facts, "row": page.row})
        except Exception as fault:
            raise template_fault(template, fault, page.title, lines) from None
        if faults := vet_part(html):
            reason = (
                f"“{page.title}”的页面里有引用外部网址或内嵌脚本的地方：{'；'.join(faults[:3])}。"
                "网页只能用本站的文件，请改模板。"
            )
            raise refused(template, template.body_line, reason)
        changed = (template.record, text(page.row.get(template.key))) in self._proposed
        return (_PROPOSED if changed else "") + html + self._source_links(template, page)

    def _source_links(self, template: Template, page: RecordPage) -> str:
        """Return the ways back from a record's page to where it is written; the public has no business there."""
        table = self._package.tables.get(template.record)
        if (
            table is None
            or table.primary_key != (template.key,)
            or EDITIONS[self._edition] < EDITIONS["internal"]
        ):
            return ""
        if table.name not in self._places:
            sql = f"SELECT {quote_identifier(template.key)}::VARCHAR, _file, _line FROM {quote_identifier(table.name)}"
            found = self.connection.execute(sql).fetchall() if self._settings.edit_url else []
            self._places[table.name] = {key: (file, line) for key, file, line in found}
        key = text(page.row[template.key])
        return str(self._source(f"{table.title} {key} {page.title}", *self._places[table.name].get(key, ())))

    def _compiled(self, template: Template) -> tuple[jinja2.Template, Callable[[int], int]]:
        """Return a record template ready to be filled, and line of that -> line of the template's body."""
        lines = None
        try:
            source = compile_record_body(template.body, self._convert)
            lines = lines_of(template.body, source)
            return self.environment.from_string(source), lines
        except Exception as fault:
            raise template_fault(template, fault, lines=lines) from None


def _doubles(kinds: Sequence[Kind], written: Sequence[Template]) -> Iterator[Problem]:
    seen = {written_url(t): t.file for t in written}
    for kind in kinds:
        for page in kind.pages:
            other = seen.get(page.url)
            if other is not None:
                same = other == kind.template.file
                reason = "两条记录得到同一个页面路径" if same else f"{other} 已经用了页面路径"
                fault = f"{reason} {page.url or '/'}。请改 path，并让它含主键。"
                yield error(kind.template.file, 1, "template-error", fault)
            seen[page.url] = kind.template.file


def entries(kinds: Iterable[Kind]) -> Iterator[RecordEntry]:
    """Yield what the exact search finds."""
    for kind in kinds:
        search = kind.template.search
        for page in kind.pages if search else ():
            # A name of a column stands for its value; another word, as the kind of record, for itself.
            value = {
                name: text(page.row[column]) if column in page.row else column if name == "kind" else ""
                for name, column in search.items()
            }
            yield RecordEntry(
                value.get("kind", ""),
                page.url,
                value.get("title", ""),
                value.get("subtitle", ""),
                value.get("pinyin", ""),
                tuple(filter(None, value.get("key", "").split("、"))),
            )
            if not kind.parts:
                continue
            for part in kind.parts[page.row[kind.template.queries[search["parts"]].by]]:
                url = f"{page.url}#{text(part[search['anchor']])}"
                yield RecordEntry(f"{value['kind']}·各条", url, text(part[search["part"]]), value["title"])


def read_pages(source: Source) -> list[Template]:
    """Read the templates of all editions' pages.

    Raises:
        RecordsError, SiteError: templates or settings are at fault; the navigation names a page that no edition has.
    """
    templates = read_templates(source, "site/pages")
    read_config(source, {f"{t.name}.md" for t in templates if not t.each})
    return templates


def site_job(
    project: Project,
    edition: str,
    as_of: datetime.date,
    draft: bool,
    templates: Iterable[Template],
    tree: Path,
    out: Path,
) -> SiteJob:
    """Return what is to be built of an edition's templates."""
    return SiteJob(
        source=project.source,
        tree=tree,
        out=out,
        edition=edition,
        draft=draft,
        as_of=as_of.isoformat(),
        commit=project.commit.short if project.commit else "",
        frames=tuple(frame_of(t) for t in templates if t.each),
        titles={f"{t.name}.md": t.title for t in templates if not t.each},
    )


def frame_of(template: Template) -> FrameSpec:
    """Return the frame of a template's record pages."""
    fixed = template.path.split("{")[0].rpartition("/")[0]
    # As deep as the pages themselves: `changes/{{ month }}/{{ office }}` has two folders above it.
    folder = re.sub(r"\{\{.*?\}\}", "x", template.path).rpartition("/")[0]
    return FrameSpec(slug(template.name.replace("/", "-")), folder, f"{fixed}/" if fixed else "")


def written_url(template: Template) -> str:
    """Return where a written page goes, relative to the site's root."""
    return "" if template.name == "index" else template.name.removesuffix("/index") + "/"


def compile_record_body(body: str, convert: Callable[[str], str]) -> str:
    """Convert a template's Markdown once, with its Jinja kept.

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


def converter(extensions: Sequence[Mapping[str, Any]]) -> Callable[[str], str]:
    """Return Markdown to HTML with the site's own extensions (`markdown_extensions` of its settings)."""
    configs = {name: options for entry in extensions for name, options in entry.items()}
    machine = markdown.Markdown(
        extensions=list(configs), extension_configs={n: dict(o) for n, o in configs.items() if o}
    )

    def convert(source: str) -> str:
        machine.reset()
        return machine.convert(source)

    return convert
