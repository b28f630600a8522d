"""What templates may call: links between records, labels from the schemas, and the components.

Labels are asked of the register's own description, so that a column is called the same on every page.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from functools import partial
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

import duckdb
from jinja2 import TemplateRuntimeError
from markupsafe import Markup

from lingtouyan.problems import did_you_mean
from lingtouyan.project import EDITION_TITLES, Project
from lingtouyan.reading.package import EDITION_LEVELS, ENGINE_TABLES, Sensitivity
from lingtouyan.sealing.keys import open_keys
from lingtouyan.sealing.pictures import open_picture
from lingtouyan.templates import charts, components
from lingtouyan.templates.escaping import NEW_LINE, tag, text
from lingtouyan.templates.grids import FIRST, check_columns, grid_data
from lingtouyan.templates.links import Links
from lingtouyan.templates.sandbox import Row

# What the labels are made of; every page may show some.
LABELS = (
    "SELECT table_name, name, title FROM fields UNION ALL SELECT name, field, field_title FROM views",
    "SELECT name, title FROM tables UNION SELECT DISTINCT name, title FROM views",
)


class Labels:
    """Chinese titles of columns, from table and view schemas."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        rows = connection.execute(LABELS[0]).fetchall()
        self._own = {(t, n): title for t, n, title in rows}
        self._any: dict[str, str] = {}
        for _, name, title in rows:
            self._any.setdefault(name, title)
        self._tables = dict(connection.execute(LABELS[1]).fetchall())

    def of(self, column: str, table: str = "") -> str:
        """Return a column's title, in a given table or view, else where it is first declared."""
        return self._own.get((table, column)) or self._any.get(column, column)

    def table(self, name: str) -> str:
        """Return a table's or view's title."""
        return str(self._tables.get(name, name))

    def shown(self, words: Set[str]) -> str:
        """Return all titles that a template with these words may show, as a text to be compared."""
        own = [(t, n, title) for (t, n), title in self._own.items() if t in words]
        names = sorted(words | {n for _, n, _ in own})
        return repr([*own, *((n, self._any.get(n), self._tables.get(n)) for n in names)])


def make_functions(
    project: Project, connection: duckdb.DuckDBPyConnection, links: Links, edition: str
) -> dict[str, Any]:
    """Return what templates may call; besides its arguments it depends on the data package and the database alone."""
    labels = Labels(connection)
    # Of the whole register: what an edition leaves out is no fault of the templates that serve all.
    views = project.source.files(["schemas/views"]).files
    links.known = {*project.package.tables, *(PurePosixPath(file).stem for file in views)}

    def page_of(record: str, key: str, row: components.Row) -> str | None:
        return None if row[key] is None else links.href(record, row[key])

    def table(
        rows: Sequence[Row],
        columns: Sequence[str] | None = None,
        *,
        source: str = "",
        titles: dict[str, str] | None = None,
        links_to: dict[str, Sequence[str]] | None = None,
        **options: Any,
    ) -> Markup:
        """Rows as a table.

        Args:
            rows: what to show.
            columns: which columns; all when left out.
            source: table or view whose schema names the columns.
            titles: other names for some of them.
            links_to: column -> (record, column that holds its key): the cell leads to that record's page.
            options: as for `components.table`; what writes cells is a macro that is given the row.
        """
        shown = list(columns or (rows[0].keys() if rows else ()))
        if source and source not in links.known and source not in ENGINE_TABLES:
            raise TemplateRuntimeError(f"table 的 source 是 {source}，但没有这张表或视图。")
        names = {c: (titles or {}).get(c) or labels.of(c, source) for c in shown}
        href = {}
        for column, (record, key) in (links_to or {}).items():
            links.find(record, None)
            for name in (column, key):
                if rows and name not in rows[0] and name not in shown:
                    raise TemplateRuntimeError(f"links_to 写的列 {name} 不在所给的行里。")
            href[column] = partial(page_of, record, key)
        return components.table(rows, shown, labels=names, href=href, **options)

    def grid(
        name: str, cells: dict[str, Any] | None = None, empty: str = "没有记录。", caption: str = ""
    ) -> Markup:
        """A list that the head declares: a table of its first rows, which the grid in the browser takes over.

        Args:
            name: of the list.
            cells: column -> the macro that writes its cells.
            empty, caption: as for `table`.
        """
        here = links.lists
        if name not in here.grids:
            raise TemplateRuntimeError(f"文件头的 grid 里没有 {name}{did_you_mean(name, list(here.grids))}")
        spec, rows, dressed = here.grids[name], here.rows[here.grids[name].query], cells or {}
        left_out = () if EDITION_LEVELS[edition] >= Sensitivity.INTERNAL else spec.internal
        columns = [c for c in (*spec.columns, *spec.more) if c not in left_out]
        file = f"lists/{here.page}/{name}.js"
        if rows:
            check_columns(name, spec, rows[0], [c for c in columns if c not in dressed])
            titles = {c: spec.titles.get(c) or labels.of(c, spec.source) for c in columns}
            href = {c: partial(page_of, *spec.links[c]) for c in columns if c in spec.links}
            here.files[file] = grid_data(spec, rows, columns, titles, href, dressed)
        made = table(
            rows[:FIRST],
            [c for c in columns if c not in spec.more],
            source=spec.source,
            titles=dict(spec.titles),
            links_to={c: to for c, to in spec.links.items() if c in columns and c not in spec.more},
            badges=spec.badges,
            blank=spec.blank,
            cells=dressed,
            empty=empty,
            caption=caption,
            grid=file,
        )
        if len(rows) <= FIRST:
            return made
        note = f"这里列出前 {FIRST} 条，共 {len(rows):,} 条。浏览器允许脚本时可以翻页、筛选和导出。"
        return made + NEW_LINE + tag("p", note, class_="grid-note none")

    keys = open_keys(project) if edition == "restricted" else None

    def picture(cell: object, *, plain: bool = False) -> str:
        """The address of a sealed picture, which holds it whole; `plain` gives base64 alone. Nothing without a key."""
        opened = open_picture(cell, project.source, keys) if keys else ""
        return opened if plain or not opened else f"data:image/jpeg;base64,{opened}"

    settings = project.settings
    # The public has no business on the git host.
    inside = EDITION_LEVELS[edition] >= Sensitivity.INTERNAL
    address = settings.commit_url if inside else ""

    def commit_link(commit: object) -> Markup:
        """The first ten digits of a commit, linked to it on the git host where the data package names one."""
        number = text(commit)
        to = address.replace("{commit}", number) if address and number.isalnum() else None
        return tag("span", components.link(to, number[:10]), class_="commit")

    def source_links(title: object, file: object = None, line: object = None) -> Markup:
        """The ways back from a record to the git host: to the line where it is written, and to a report of a mistake in it."""
        links = []
        if inside and settings.edit_url and file:
            place = settings.edit_url.replace("{file}", quote(text(file))).replace("{line}", text(line))
            links.append(tag("a", "改这条记录", href=place))
        if inside and settings.issue_url:
            place = settings.issue_url.replace("{title}", quote(text(title), safe=""))
            links.append(tag("a", "报告错误", href=place))
        return tag("p", Markup("　").join(links), class_="source-links") if links else Markup("")

    return {
        **{
            n: getattr(components, n) for n in ("badge", "definition", "tiles", "timeline", "flow", "heatmap")
        },
        "progress": charts.progress,
        "table": table,
        "grid": grid,
        "link": links.link,
        "href": links.href,
        "url": links.url,
        "picture": picture,
        "page_path": links.find,
        "site_url": project.address(edition),
        "commit_link": commit_link,
        "source_links": source_links,
        "label": labels.of,
        "table_title": labels.table,
        "edition_title": EDITION_TITLES[edition],
        "site_title": project.package.title,
    }
