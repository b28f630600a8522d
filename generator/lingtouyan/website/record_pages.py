"""Record pages: one page per row of a template's `each`; which of them changed is told by digests, not by rendering.

What the build before knew is taken over query by query, then page by page.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import duckdb
import jinja2

from lingtouyan.database.asking import Allowance
from lingtouyan.database.database import SqlError
from lingtouyan.problems import RecordsError, error
from lingtouyan.templates.answers import Answer
from lingtouyan.templates.escaping import text
from lingtouyan.templates.paths import output_path
from lingtouyan.templates.sandbox import Groups, Row, grouped, rendered
from lingtouyan.templates.templates import Query, Template, query_fault, template_fault
from lingtouyan.website.frames import FrameSpec

# Types whose values are found again in the database by their text.
_BY_TEXT = ("VARCHAR", "BIGINT", "INTEGER", "DATE", "ENUM")

# Of one edition, all kinds together.
MAX_PAGES = 500_000


@dataclass(slots=True)
class RecordPage:
    """One record's page, not yet rendered.

    Attributes:
        url: relative to the site's root, with a slash at the end.
        title, description: plain text.
        search: what the header search finds of it, or empty.
        key: what identifies the record for links, or None.
        row: digest of the row; `parts` of each query's rows that belong to it.
        digest: over the template and all rows that the page shows.
        place: which row of `each` it is, counted from 0.
    """

    url: str
    title: str
    description: str
    search: dict[str, str]
    key: str | None
    row: str
    parts: list[str]
    digest: str
    place: int = 0

    def known(self) -> list[Any]:
        """Return what the next build may reuse."""
        return [
            self.url,
            self.title,
            self.description,
            self.search,
            self.key,
            self.row,
            self.parts,
            self.digest,
        ]


@dataclass
class RecordKind:
    """All pages of one template with `each`.

    Attributes:
        known: what the next build may reuse of it.
        unchanged: that is what the last build knew.
    """

    template: Template
    spec: FrameSpec
    pages: list[RecordPage] = field(default_factory=list)
    known: dict[str, Any] = field(default_factory=dict)
    unchanged: bool = False


class RecordPlanner:
    """Plans the record pages of one edition.

    Args:
        shown: compiles a template's title.
        facts: what every template sees besides its rows.
        shared: template -> digest over all that shapes its pages besides their rows.
        uses_each: template -> whether a page can show all rows of `each`, not only its own.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        facts: Mapping[str, Any],
        title_of: Callable[[Template], jinja2.Template],
        shared: Callable[[Template], str],
        uses_each: Callable[[Template], bool],
    ) -> None:
        self.connection = connection
        self._facts = facts
        self.edition = str(facts["edition"])
        self.title_of = title_of
        self.shared = shared
        self.uses_each = uses_each
        self._count = 0

    def plan(self, template: Template, spec: FrameSpec) -> RecordKind:
        """Return the pages of one template.

        Raises:
            RecordsError: a query, the path or the title is at fault.
        """
        asked = [q for q in template.queries.values() if q.edition in ("", self.edition)]
        common = self.shared(template)
        kind = RecordKind(template, spec)
        _Comparison(self, template, asked).fill(kind)
        kind.known = {"common": common, **kind.known}
        return kind

    def take(self, template: Template, count: int) -> None:
        """Count pages to be made.

        Raises:
            RecordsError: there are more than any city has.
        """
        self._count += count
        if self._count > MAX_PAGES:
            reason = (
                f"记录页共超过 {MAX_PAGES:,} 页，没有生成。请核对 each 的查询 {template.each} 是否多给了行。"
            )
            raise RecordsError(
                [error(template.file, template.queries[template.each].line, "template-error", reason)]
            )

    def page(self, template: Template, title: jinja2.Template, row: Row, digest: str) -> RecordPage:
        """Return what is said of one row before its page is rendered."""
        url = output_path(template, row) + "/"
        key = row.get(template.key) if template.key else next(iter(row.values()))
        try:
            words = rendered(title, row=row, **self._facts).strip()
        except Exception as fault:
            raise template_fault(template, fault, "title", lambda _: 0) from None
        description = text(row.get(template.meta.get("description", ""), ""))
        search = _search_entry(template, row, url) if template.search else {}
        return RecordPage(url, words, description, search, None if key is None else str(key), digest, [], "")


class _Comparison:
    """One template's queries, run and compared with what an earlier build knew of them."""

    def __init__(
        self,
        planner: RecordPlanner,
        template: Template,
        asked: Sequence[Query],
    ) -> None:
        self._planner = planner
        self._template = template
        self._grouped = [q for q in asked if q.by and q.name != template.each]
        self._always = [q for q in asked if not q.by and q.name != template.each]
        self._each = (
            next(q for q in asked if q.name == template.each)
            if any(q.name == template.each for q in asked)
            else None
        )
        self._shapes: dict[str, str] = {}
        self._wholes: dict[str, str] = {}

    def fill(self, kind: RecordKind) -> None:
        """Plan all pages."""
        pages: list[RecordPage] = []
        values: dict[str, list[Any]] = {}
        if self._each is not None:
            with self._answered(self._each) as answer:
                self._planner.take(self._template, answer.count)
                self._shapes[self._each.name] = answer.shape
                self._check_groups(answer)
                pages = self._pages(answer)
                if self._planner.uses_each(self._template):
                    self._wholes[self._each.name] = answer.whole()
                values = {by: answer.values(by) for by in {q.by for q in self._grouped}}
        for query in self._always:
            self._whole(query)
        parts = [self._parts(q, pages, values) for q in self._grouped]
        shapes = json.dumps([self._shapes, self._wholes], sort_keys=True)
        common = hashlib.blake2b(f"{self._planner.shared(self._template)}\0{shapes}".encode(), digest_size=16)
        for n, page in enumerate(pages):
            page.parts = [p[n] for p in parts]
            digest = common.copy()
            digest.update("\0".join([page.row, *page.parts]).encode())
            page.digest = digest.hexdigest()
            page.place = n
        kind.pages = pages
        kind.known = {
            "shapes": self._shapes,
            "wholes": self._wholes,
            "pages": [p.known() for p in pages],
        }

    def _answered(self, query: Query) -> AbstractContextManager[Answer]:
        return answered(self._planner.connection, self._template, query, self._planner.edition)

    def _check_groups(self, answer: Answer) -> None:
        for query in sorted(self._grouped, key=lambda q: q.name):
            if query.by not in answer.names:
                reason = (
                    f"查询 {query.name} 按 {query.by} 分组，但 each 的查询 {self._template.each} 没有这一列。"
                )
                raise RecordsError([error(self._template.file, query.line, "template-error", reason)])

    def _pages(self, answer: Answer) -> list[RecordPage]:
        """Return the pages without their parts."""
        title = self._planner.title_of(self._template)
        return [
            self._planner.page(self._template, title, row, digest)
            for row, digest in zip(answer.rows(), answer.each(), strict=True)
        ]

    def _whole(self, query: Query) -> None:
        with self._answered(query) as answer:
            self._shapes[query.name] = answer.shape
            self._wholes[query.name] = answer.whole()

    def _parts(
        self,
        query: Query,
        pages: Sequence[RecordPage],
        values: Mapping[str, list[Any]],
    ) -> list[str]:
        """Return for each page a digest of the query's rows that belong to it."""
        with self._answered(query) as answer:
            self._shapes[query.name] = answer.shape
            groups = answer.groups(query.by)
        return [groups.get(v, "") for v in values[query.by]] if pages else []


@contextmanager
def answered(
    connection: duckdb.DuckDBPyConnection,
    template: Template,
    query: Query,
    edition: str,
    allowance: Allowance | None = None,
) -> Iterator[Answer]:
    """Run a query of a template and let go of its rows at the end.

    Args:
        allowance: shared with other queries whose rows are held at the same time.

    Raises:
        RecordsError: it fails.
    """
    try:
        answer = Answer(connection, query.sql, allowance)
        if query.by and query.by not in answer.names:
            answer.close()
            raise SqlError(f"by 所写的列 {query.by} 不在查询结果中。")
    except SqlError as fault:
        raise query_fault(connection, template, query, fault, edition) from None
    with answer:
        yield answer


class RecordRows:
    """The rows that some pages of one kind show, fetched together."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        template: Template,
        pages: Sequence[RecordPage],
        count: int,
        edition: str,
        *,
        all_rows: bool,
    ) -> None:
        """Fetch them.

        Args:
            count: how many pages the template makes in all.
            all_rows: pages may also show all rows of `each`.

        Raises:
            RecordsError: a query fails.
        """
        self._template = template
        self._values: dict[str, list[Row] | Groups] = {}
        few, allowance = len(pages) < count, Allowance()
        places = sorted(p.place for p in pages)
        each = template.queries[template.each]
        with answered(connection, template, each, edition, allowance) as answer:
            self._rows = dict(zip(places, answer.rows_at(places), strict=True))
            kinds = dict(zip(answer.names, answer.kinds, strict=True))
            if all_rows:
                self._values[template.each] = answer.rows()
        for query in template.queries.values():
            if query.edition not in ("", edition):
                self._values[query.name] = Groups() if query.by else []
            elif query.name != template.each:
                with answered(connection, template, query, edition, allowance) as answer:
                    if not query.by:
                        self._values[query.name] = answer.rows()
                    elif (
                        few
                        and kinds[query.by] == answer.kind(query.by)
                        and kinds[query.by].startswith(_BY_TEXT)
                    ):
                        wanted = {row[query.by] for row in self._rows.values()}
                        words = [None if v is None else str(v) for v in wanted]
                        self._values[query.name] = grouped(answer.rows_with(query.by, words), query.by)
                    else:
                        self._values[query.name] = grouped(answer.rows(), query.by)

    def of(self, page: RecordPage) -> dict[str, Any]:
        """Return what the template sees of one page: `row`, and the rows of each query."""
        row = self._rows[page.place]
        shown: dict[str, Any] = {"row": row}
        for name, value in self._values.items():
            shown[name] = (
                value[row.get(self._template.queries[name].by)] if isinstance(value, Groups) else value
            )
        return shown


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
