"""Pieces of pages as HTML: tables, badges, heat maps; tiles, timelines and the like are macros in `components.html`.

Each returns one raw HTML block: it starts at column 0 and holds no blank line, so that Markdown passes it through.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import jinja2
from jinja2 import TemplateRuntimeError
from markupsafe import Markup

from lingtouyan.templates.escaping import (
    NEW_LINE,
    address,
    attribute,
    decimals,
    escape,
    figure,
    is_number,
    lines,
    markup,
    tag,
    text,
)

Row: TypeAlias = Mapping[str, object]
Href: TypeAlias = Callable[[Row], "str | None"]

# From so many rows on, a table gets a filter; from so many on, the page search leaves it to the record index.
FILTER_FROM = 12
EXCLUDE_FROM = 60
KINDS = ("neutral", "ok", "info", "warn", "error")
# "57,555元", "12（34.5%）", "3 / 4"; "1975.03" is a month.
_FIGURE = re.compile(r"[-+−]?\d[\d,]*(\.\d+)?\s?([^\W\d_]{1,3}|%)?(（[\d.,]+%?）)?(\s?/\s?\d[\d.,]*)?")
_YEARS = range(1900, 2101)
_MONTH = re.compile(r"\d{4}\.\d{2}(\.\d{2})?")
_NUMBER, _DATE = ' class="number"', ' class="date"'
# The widest that a column is kept from breaking its lines, in letters; what a telephone is wide.
_WIDEST = 14
_TELEPHONE = 23


def link(href: object, words: object) -> Markup:
    """Words, linked when there is somewhere to go."""
    shown = escape(words)
    return markup(f'<a href="{address(href)}">{shown}</a>') if href and isinstance(href, str) else shown


def badge(words: object, kind: object = "neutral") -> Markup:
    """A short mark. The words carry the meaning; the colour only repeats it."""
    return tag("span", words, class_=f"badge badge--{_kind(kind)}")


def _kind(kind: object) -> object:
    return kind if kind in KINDS else "neutral"


def table(
    rows: Sequence[Row],
    columns: Sequence[str],
    *,
    labels: Mapping[str, str] | None = None,
    href: Mapping[str, Href] | None = None,
    badges: Mapping[str, Mapping[str, str]] | None = None,
    cells: Mapping[str, Callable[[Row], object]] | None = None,
    caption: str = "",
    facets: Sequence[str] = (),
    orders: Mapping[str, Sequence[str]] | None = None,
    empty: str = "没有记录。",
    blank: str = "",
    item: tuple[str, str] | None = None,
    grid: str = "",
) -> Markup:
    """A table. Long ones can be sorted, filtered by words, and narrowed by the values of facet columns.

    Args:
        rows: what to show; a cell may be Markup.
        columns: which columns, in order.
        labels: heading of each column; its name where there is none.
        href: per column, where a row's cell leads.
        badges: per column, value -> kind of badge: that value is shown as a badge.
        cells: per column, what writes the cell of a row.
        caption: title above the table.
        facets: columns whose values become choices above the table.
        orders: per column, its values from low to high, for sorting and for the choices.
        empty: what to say when there are no rows.
        blank: what stands for a value that is missing.
        item: table of the rows and the column of their key: a link to `#table-key` leads to the row, and marks it.
        grid: where the data of a list stands, of which these are the first rows.

    Raises:
        TemplateRuntimeError: no row has one of the columns.
    """
    labels, href, badges, cells, orders = labels or {}, href or {}, badges or {}, cells or {}, orders or {}
    if not rows:
        head = tag("strong", caption) + "：" if caption else ""
        return tag("div", tag("p", head, empty), class_="data data--empty")
    heads, filled, wide = [], [], 0.0
    for name in columns:
        if name in cells:
            values = [_on_one_line(cells[name](row)) for row in rows]
        else:
            _check_column("table", name, rows)
            values = [row.get(name) for row in rows]
            if kinds := badges.get(name):
                values = [badge(v, kinds[w]) if (w := text(v)) in kinds else v for v in values]
        if (kind := _class(values)) == _NUMBER:
            # One under the other, fractions have the same decimals; counts among them have none.
            digits = max(map(decimals, values))
            values = [
                figure(v, None if isinstance(v, int) else digits) if is_number(v) else v for v in values
            ]
        if blank:
            values = [blank if v is None else v for v in values]
        order = json.dumps(orders[name], ensure_ascii=False) if name in orders else None
        width = _width(values)
        title = labels.get(name, name)
        # Figures and what stands above them keep to one line.
        wide += (max(width, _letters(title)) if kind == _NUMBER else min(width, 8)) + 1.2
        heads.append(
            f'<th scope="col" style="--wide:{width}em"{kind if kind == _NUMBER else ""}'
            f"{' data-facet' if name in facets else ''}{attribute('data-order', order)}>"
            f"{escape(title)}</th>"
        )
        shown: Iterable[str] = map(escape, values)
        if to := href.get(name):
            shown = (link(to(row), value) for row, value in zip(rows, values, strict=True))
        filled.append((kind, title, list(shown)))
    # On a telephone, what is too wide is read record by record, each cell with the name of its column.
    cards = wide > _TELEPHONE
    cells_of = [
        [f"<td{kind}{attribute('data-title', cards and title)}>{words}</td>" for words in shown]
        for kind, title, shown in filled
    ]
    marks = [""] * len(rows)
    if item:
        _check_column("table", item[1], rows)
        marks = [attribute("id", f"{item[0]}-{text(row[item[1]])}") for row in rows]
    body = lines(
        *([tag("caption", caption)] if caption else []),
        markup(f"<thead><tr>{''.join(heads)}</tr></thead>"),
        markup("<tbody>"),
        *(markup(f"<tr{m}>{''.join(row)}</tr>") for m, *row in zip(marks, *cells_of, strict=True)),
        markup("</tbody>"),
    )
    return _scrolled(
        tag("table", NEW_LINE, body, NEW_LINE, class_="data-table"),
        caption or "、".join(labels.get(name, name) for name in columns[:3]),
        data_cards=cards,
        data_grid=grid,
        data_filter=len(rows) >= FILTER_FROM or (bool(facets) and len(rows) > 1),
        data_search_exclude=len(rows) >= EXCLUDE_FROM,
    )


def _scrolled(piece: Markup, label: str, **attributes: Any) -> Markup:
    inner = tag("div", NEW_LINE, piece, class_="data-scroll", role="group", tabindex=0, aria_label=label)
    return tag("div", NEW_LINE, inner, NEW_LINE, class_="data", **attributes)


def _check_column(piece: str, name: str, rows: Sequence[Row]) -> None:
    if not any(name in row for row in rows):
        known = "、".join(rows[0])
        raise TemplateRuntimeError(f"{piece} 要显示的列 {name} 不在所给的行里；行里有：{known}。")


def _on_one_line(value: object) -> object:
    # Inside a table no line may be blank, or Markdown would take the rest for prose.
    return markup(" ".join(str.split(value))) if isinstance(value, Markup) else value


def _class(values: Sequence[object]) -> str:
    """Figures stand right, years do not; a date is not broken into lines: 2026-04- / 28 takes two looks to read."""
    some = [v for v in values if v is not None and v != ""]
    if all(isinstance(v, int) and v in _YEARS for v in some):
        return ""
    if all(is_number(v) or _is_figure(v) for v in some):
        return _NUMBER
    return _DATE if all(isinstance(v, dt.date) or _is_month(v) for v in some) else ""


def _words(value: object) -> str:
    return value.striptags() if isinstance(value, Markup) else value if isinstance(value, str) else ""


def _is_figure(value: object) -> bool:
    """Tell whether words are a figure with its unit; digits alone are a code, unless a macro wrote them."""
    words = _words(value)
    found = words == "—" or (_FIGURE.fullmatch(words) and not _MONTH.fullmatch(words))
    return bool(found) and (isinstance(value, Markup) or not words.isdigit())


def _is_month(value: object) -> bool:
    return bool(_MONTH.fullmatch(_words(value)))


def _width(values: Sequence[object]) -> int:
    """Width, in letters, that spares a column's values a line break on a narrow screen; long texts do break."""
    some = values[:: max(1, len(values) // 100)]
    return min(_WIDEST, max(_letters(v if isinstance(v, Markup) else text(v)) for v in some))


@lru_cache(maxsize=1 << 14, typed=True)
def _letters(words: str) -> int:
    if isinstance(words, Markup):
        return max(_letters(markup(part).striptags()) for part in str.split(words, "<br>"))
    # Latin letters are narrow, but so many are wide in any case.
    if len(words) * 0.6 > _WIDEST:
        return _WIDEST
    return math.ceil(sum(0.6 if letter < "\u2e80" else 1 for letter in words))


_pieces: Any = jinja2.Environment(  # every value goes through `escape`, which Markup passes
    autoescape=True, finalize=escape, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
)
_pieces.globals |= {"link": link, "figure": figure, "text": text, "kind_of": _kind}
_pieces = _pieces.from_string(Path(__file__).with_suffix(".html").read_text("utf-8")).module
definition, tiles, timeline, flow = _pieces.definition, _pieces.tiles, _pieces.timeline, _pieces.flow


def heatmap(
    rows: Sequence[Row],
    x: str,
    y: str,
    value: str,
    *,
    labels: Mapping[str, str] | None = None,
    caption: str = "",
    href: Href | None = None,
    low: float = 0,
    high: float | None = None,
) -> Markup:
    """A grid with one shaded cell per pair of `x` and `y`, in the order in which they first appear.

    Shades run in five steps from `low` to `high` (default: the largest value). A pair without a row shows a dash.
    """
    if not rows:
        return tag("p", "没有记录。", class_="none")
    for name in (x, y, value):
        _check_column("heatmap", name, rows)
    columns = list(dict.fromkeys(text(row[x]) for row in rows))
    cells = {(text(row[x]), text(row[y])): row for row in rows}
    figures = {at: float(v) for at, row in cells.items() if is_number(v := row.get(value))}
    digits = max((decimals(cells[at][value]) for at in figures), default=0)
    top = high if high is not None else max(figures.values(), default=0)

    def cell(column: str, line: str) -> tuple[str, object]:
        """Return the class and the content of a cell."""
        at = (column, line)
        row = cells.get(at)
        if row is None or row.get(value) is None:
            return "none", "—"
        level = (figures.get(at, low) - low) / (top - low) if top > low else 0
        shown = figure(row[value], digits) if at in figures else row[value]
        return f"heat-{min(4, max(0, round(level * 4)))}", link(href(row) if href else None, shown)

    given = {name: [cell(column, name) for column in columns] for name in (text(row[y]) for row in rows)}
    grid = _pieces.heat(columns, given, (labels or {}).get(y), caption)
    return _scrolled(grid, caption or "分布图")
