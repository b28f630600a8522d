"""Pieces of pages as HTML: tables, badges, timelines, flows. Charts are in `charts`.

Each returns one raw HTML block: it starts at column 0 and holds no blank line, so that Markdown passes it through.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import TypeAlias

from markupsafe import Markup

from lingtouyan.templates.escaping import Html, address, escape, text

Row: TypeAlias = Mapping[str, object]
Href: TypeAlias = Callable[[Row], "str | None"]

# From so many rows on, a table gets a filter; from so many on, the page search leaves it to the record index.
FILTER_FROM = 12
EXCLUDE_FROM = 60
# A column with more different values than this is no facet.
FACET_LIMIT = 40
KINDS = ("neutral", "ok", "info", "warn", "error")


def attribute(name: str, value: object) -> Markup:
    """` name="value"`, escaped; nothing when the value is None or False; the bare name when it is True."""
    if value is None or value is False:
        return Markup()
    if value is True:
        return Html(" {}").format(name)
    return Html(' {}="{}"').format(name, escape(value))


def link(href: str | None, words: object) -> Markup:
    """Words, linked when there is somewhere to go."""
    return Html('<a href="{}">{}</a>').format(address(href), escape(words)) if href else escape(words)


def badge(words: object, kind: str = "neutral") -> Markup:
    """A short mark. The words carry the meaning; the colour only repeats it."""
    known = kind if kind in KINDS else "neutral"
    return Html('<span class="badge badge--{}">{}</span>').format(known, escape(words))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def table(
    rows: Sequence[Row],
    columns: Sequence[str],
    *,
    labels: Mapping[str, str] | None = None,
    href: Mapping[str, Href] | None = None,
    caption: str = "",
    facets: Sequence[str] = (),
    orders: Mapping[str, Sequence[str]] | None = None,
    empty: str = "没有记录。",
) -> Markup:
    """A table. Long ones can be sorted, filtered by words, and narrowed by the values of facet columns.

    Args:
        rows: what to show; a cell may be Markup.
        columns: which columns, in order.
        labels: heading of each column; its name where there is none.
        href: per column, where a row's cell leads.
        caption: title above the table.
        facets: columns whose values become choices above the table.
        orders: per column, its values from low to high, for sorting and for the choices.
        empty: what to say when there are no rows.
    """
    labels, href, orders = labels or {}, href or {}, orders or {}
    if not rows:
        return Html('<div class="data data--empty"><p>{}{}</p></div>').format(
            Html("<strong>{}</strong>：").format(escape(caption)) if caption else "", escape(empty)
        )
    numbers = {name for name in columns if _all_numbers(rows, name)}
    heads = Markup().join(
        Html('<th scope="col" style="--wide:{}em"{}{}{}>{}</th>').format(
            _width(rows, name),
            attribute("class", "number" if name in numbers else None),
            attribute("data-facet", name in facets),
            attribute("data-order", json.dumps(orders[name], ensure_ascii=False) if name in orders else None),
            escape(labels.get(name, name)),
        )
        for name in columns
    )
    many = len(rows) >= FILTER_FROM or (bool(facets) and len(rows) > 1)
    parts = [
        Html('<div class="data"{}{}>').format(
            attribute("data-filter", many), attribute("data-search-exclude", len(rows) >= EXCLUDE_FROM)
        ),
        Html('<div class="data-scroll" role="region" tabindex="0"{}>').format(
            attribute("aria-label", caption or "表格")
        ),
        Html('<table class="data-table">'),
        Html("<caption>{}</caption>").format(escape(caption)) if caption else Markup(),
        Html("<thead><tr>{}</tr></thead>").format(heads),
        Html("<tbody>"),
    ]
    plain, numeric, day = "<td>", '<td class="number">', '<td class="date">'
    tags = {
        name: numeric if name in numbers else day if _all_dates(rows, name) else plain for name in columns
    }
    cells = [(name, href.get(name), tags[name]) for name in columns]
    for row in rows:
        # Joined as strings: a table may have thousands of rows.
        line = "".join(
            f"{tag}{link(to(row), row.get(name)) if to else escape(row.get(name))}</td>"
            for name, to, tag in cells
        )
        parts.append(Html(f"<tr>{line}</tr>"))
    parts += [Html("</tbody>"), Html("</table></div>"), Html("</div>")]
    return Html("\n").join(part for part in parts if part)


_WIDEST = 14
_LONG = 300


def _width(rows: Sequence[Row], name: str) -> int:
    """Width, in letters, that spares a column's values a line break on a narrow screen; long texts do break."""
    wide = 0
    for row in rows[:: max(1, len(rows) // 100)]:
        value = row.get(name)
        if not isinstance(value, Markup):
            here = _letters(text(value))
        else:
            here = _known_markup(str(value)) if len(value) <= _LONG else _of_markup(str(value))
        wide = max(wide, here)
    return min(_WIDEST, wide)


def _letters(words: str) -> int:
    # Latin letters are narrow, but so many are wide in any case; the words of most cells stand in many.
    return _WIDEST if len(words) * 0.6 > _WIDEST else _known_letters(words)


@lru_cache(maxsize=1 << 14)
def _known_letters(words: str) -> int:
    return math.ceil(sum(0.6 if letter < "\u2e80" else 1 for letter in words))


def _of_markup(html: str) -> int:
    return max(_letters(str(Markup(part).striptags())) for part in html.split("<br>"))  # noqa: S704 -- only measured


_known_markup = lru_cache(maxsize=1 << 14)(_of_markup)


def _all_numbers(rows: Sequence[Row], name: str) -> bool:
    values = [row.get(name) for row in rows]
    return all(value is None or _is_number(value) for value in values) and any(
        value is not None for value in values
    )


def _all_dates(rows: Sequence[Row], name: str) -> bool:
    """A date is not broken into lines: 2026-04- / 28 takes two looks to read."""
    values = [row.get(name) for row in rows]
    return all(isinstance(value, dt.date | None) for value in values) and any(values)


def definition(pairs: Sequence[tuple[object, object]], *, wide: Sequence[object] = ()) -> Markup:
    """Labels and values side by side; values of labels in `wide` take a whole line. Missing ones show a dash."""
    items = Html("\n").join(
        Html("<div{}><dt>{}</dt><dd>{}</dd></div>").format(
            attribute("class", "wide" if label in wide else None), escape(label), _or_dash(value)
        )
        for label, value in pairs
    )
    return Html('<dl class="facts">\n{}\n</dl>').format(items) if pairs else Markup()


def _or_dash(value: object) -> Markup:
    return escape(value) if text(value) else Html('<span class="none" title="没有记录">—</span>')


def tiles(items: Sequence[Row]) -> Markup:
    """Large figures for a home page: each with `title`, `value` and, if any, `unit`, `note`, `href`, `kind`."""
    cells = Html("\n").join(
        Html('<li class="tile tile--{}"><span class="tile-title">{}</span>{}{}</li>').format(
            item.get("kind") if item.get("kind") in KINDS else "neutral",
            _tile_title(item),
            Html('<span class="tile-value">{}{}</span>').format(
                _or_dash(item.get("value")),
                Html("<small>{}</small>").format(escape(item["unit"])) if item.get("unit") else "",
            ),
            Html('<span class="tile-note">{}</span>').format(escape(item["note"]))
            if item.get("note")
            else "",
        )
        for item in items
    )
    return Html('<ul class="tiles">\n{}\n</ul>').format(cells) if items else Markup()


def _tile_title(item: Row) -> Markup:
    href = item.get("href")
    return link(href if isinstance(href, str) else None, item.get("title"))


def timeline(items: Sequence[Row], *, empty: str = "没有记录。") -> Markup:
    """What happened, in the order given: each with `date`, `title` and, if any, `text`, `href`, `kind`."""
    if not items:
        return Html('<p class="none">{}</p>').format(escape(empty))
    lines = Html("\n").join(
        Html(
            '<li class="timeline-item timeline-item--{}"><span class="timeline-date">{}</span>{}{}</li>'
        ).format(
            item.get("kind") if item.get("kind") in KINDS else "neutral",
            escape(item.get("date")),
            Html('<span class="timeline-title">{}</span>').format(_tile_title(item)),
            Html('<span class="timeline-text">{}</span>').format(escape(item["text"]))
            if item.get("text")
            else "",
        )
        for item in items
    )
    return Html('<ol class="timeline">\n{}\n</ol>').format(lines)


def flow(steps: Sequence[Row]) -> Markup:
    """Steps from left to right: each with `title` and, if any, `count`, `note`, `href`, `state`.

    `state` is one of done, current, open, failed; it is also said in words for those who do not see colours.
    """
    words = {"done": "已完成", "current": "当前环节", "open": "未到", "failed": "未通过"}
    cells = Html("\n").join(
        Html('<li class="step step--{}"{}>{}<span class="step-title">{}</span>{}{}</li>').format(
            step["state"] if step.get("state") in words else "plain",
            attribute("aria-current", "step" if step.get("state") == "current" else None),
            Html('<span class="step-count">{}</span>').format(escape(step["count"]))
            if step.get("count") is not None
            else "",
            _tile_title(step),
            Html('<span class="step-note">{}</span>').format(escape(step["note"]))
            if step.get("note")
            else "",
            Html('<span class="step-state">{}</span>').format(words[str(step["state"])])
            if step.get("state") in words
            else "",
        )
        for step in steps
    )
    return Html('<ol class="flow">\n{}\n</ol>').format(cells) if steps else Markup()


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
    labels = labels or {}
    columns, lines = (
        list(dict.fromkeys(text(r[x]) for r in rows)),
        list(dict.fromkeys(text(r[y]) for r in rows)),
    )
    cells = {(text(row[x]), text(row[y])): row for row in rows}
    given = [float(row[value]) for row in rows if _is_number(row.get(value))]  # type: ignore[arg-type]
    top = high if high is not None else max(given, default=0)
    heads = Markup().join(Html('<th scope="col">{}</th>').format(escape(column)) for column in columns)
    body = []
    for line in lines:
        filled = Markup().join(_heat(cells.get((column, line)), value, low, top, href) for column in columns)
        body.append(Html('<tr><th scope="row">{}</th>{}</tr>').format(escape(line), filled))
    if not body:
        return Html('<p class="none">没有记录。</p>')
    return Html(
        '<div class="data">\n<div class="data-scroll" role="region" tabindex="0"{}>\n<table class="heat">\n{}'
        '<thead><tr><th scope="col">{}</th>{}</tr></thead>\n<tbody>\n{}\n</tbody>\n</table></div>\n</div>'
    ).format(
        attribute("aria-label", caption or "分布图"),
        Html("<caption>{}</caption>\n").format(escape(caption)) if caption else "",
        escape(labels.get(y, "")),
        heads,
        Html("\n").join(body),
    )


def _heat(row: Row | None, value: str, low: float, high: float, href: Href | None) -> Markup:
    if row is None or row.get(value) is None:
        return Html('<td class="none">—</td>')
    shown = row[value]
    level = 0
    if _is_number(shown) and high > low:
        level = min(4, max(0, round((float(shown) - low) / (high - low) * 4)))  # type: ignore[arg-type]
    return Html('<td class="heat-{}">{}</td>').format(level, link(href(row) if href else None, shown))
