"""What templates may call: links between records, labels from the schemas, and the components.

Labels are asked of the register's own description, so that a column is called the same on every page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import duckdb
from markupsafe import Markup

from lingtouyan.project import EDITION_TITLES, Project
from lingtouyan.reading.tables import EDITION_LEVELS, Sensitivity
from lingtouyan.templates import charts, components
from lingtouyan.templates.escaping import Html, text
from lingtouyan.templates.formats import FILTERS
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


def _dressed(
    row: Row, badges: dict[str, dict[str, str]], cells: dict[str, Callable[[Row], object]]
) -> dict[str, object]:
    """Return the row with some of its values as they are to be shown."""
    shown: dict[str, object] = dict(row)
    for name, kinds in badges.items():
        if (kind := kinds.get(text(row[name]))) is not None:
            shown[name] = components.badge(row[name], kind)
    for name, write in cells.items():
        words = write(row)
        # Inside a table no line may be blank, or Markdown would take the rest for prose.
        shown[name] = Markup(" ".join(words.split())) if isinstance(words, Markup) else words  # noqa: S704
    return shown


def _commit_address(project: Project, edition: str) -> str:
    """Return the address of a commit with `{commit}` in it; the public has no business on the git host."""
    given = project.settings.commit_url
    return given if EDITION_LEVELS[edition] >= Sensitivity.INTERNAL else ""


def make_functions(
    project: Project, connection: duckdb.DuckDBPyConnection, links: Links, edition: str
) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Return (functions, filters, digest of what they depend on besides their arguments)."""
    labels = Labels(connection)

    def table(
        rows: Sequence[Row],
        columns: Sequence[str] | None = None,
        *,
        source: str = "",
        titles: dict[str, str] | None = None,
        links_to: dict[str, Sequence[str]] | None = None,
        badges: dict[str, dict[str, str]] | None = None,
        cells: dict[str, Callable[[Row], object]] | None = None,
        **options: Any,
    ) -> Markup:
        """Rows as a table.

        Args:
            rows: what to show.
            columns: which columns; all when left out.
            source: table or view whose schema names the columns.
            titles: other names for some of them.
            links_to: column -> (record, column that holds its key): the cell leads to that record's page.
            badges: column -> value -> kind of badge: that value is shown as a badge.
            cells: column -> macro that is given the row and writes the cell.
            options: as for `components.table`.
        """
        shown = list(columns or (rows[0].keys() if rows else ()))
        names = {c: (titles or {}).get(c) or labels.of(c, source) for c in shown}
        href = {
            c: lambda row, record=record, key=key: None if row[key] is None else links.href(record, row[key])
            for c, (record, key) in (links_to or {}).items()
        }
        dressed = [_dressed(row, badges or {}, cells or {}) for row in rows] if badges or cells else rows
        return components.table(dressed, shown, labels=names, href=href, **options)

    address = _commit_address(project, edition)

    def commit_link(commit: object) -> Markup:
        """The first ten digits of a commit, linked to it on the git host where the data package names one."""
        number = text(commit)
        to = address.replace("{commit}", number) if address and number.isalnum() else None
        return Html('<span class="commit">{}</span>').format(components.link(to, number[:10]))

    functions: dict[str, Any] = {
        **{
            name: getattr(components, name)
            for name in ("badge", "definition", "tiles", "timeline", "flow", "heatmap")
        },
        **{name: getattr(charts, name) for name in ("bars", "columns", "progress")},
        "table": table,
        "link": links.link,
        "href": links.href,
        "url": links.url,
        "commit_link": commit_link,
        "label": labels.of,
        "table_title": labels.table,
        "edition_title": EDITION_TITLES[edition],
        "site_title": project.package.title,
    }
    # `~` writes 100.0; joined to other words a figure should look as it does alone.
    return functions, {**FILTERS, "plain": text}, project.package.digest
