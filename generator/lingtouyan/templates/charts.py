"""Charts as SVG that fits any width: places along the width are percentages, type keeps its size.

Colours come from the style sheet (light, dark, print); each chart says its figures in words as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from markupsafe import Markup

from lingtouyan.templates.components import Href, Row
from lingtouyan.templates.escaping import NEW_LINE, address, decimals, figure, lines, markup, tag, text

_ROW, _BAR = 46, 14
_PLOT, _HEAD, _FOOT = 200, 22, 30
_COLOURS = 6
# A figure stands inside a piece of a stack that is so high.
_WITHIN = 16


def number(value: object, unit: str = "", digits: int | None = None) -> str:
    """A figure for readers: with so many decimals, else one at most; a dash when missing."""
    return "—" if value is None else figure(value, _digits([value]) if digits is None else digits) + unit


def _digits(values: Iterable[object]) -> int:
    """Decimals that the figures of one chart share: one at most."""
    return min(1, max(map(decimals, values), default=0))


def _size(value: object) -> float:
    return float(value) if isinstance(value, int | float | Decimal) and math.isfinite(value) else 0.0


def _share(value: float, whole: float) -> str:
    return f"{max(0.0, min(100.0, 100 * value / whole if whole else 0)):.2f}%"


def _figure(
    kind: str, caption: str, legend: Markup, height: float, words: tuple[str, str], parts: Sequence[Markup]
) -> Markup:
    title, said = words
    inner = lines(tag("title", title), tag("desc", said), *parts)
    svg = tag("svg", NEW_LINE, inner, NEW_LINE, width="100%", style=f"height:{round(height)}px", role="img")
    head = tag("figcaption", caption) if caption else ""
    return tag("figure", NEW_LINE, lines(head, legend, svg), NEW_LINE, class_=f"chart chart--{kind}")


def _text(kind: str, x: object, y: float, words: object) -> Markup:
    return tag("text", words, class_=kind, x=x, y=round(y, 1))


def _bar(kind: str, top: float, width: str) -> Markup:
    return tag("rect", class_=kind, x="0", y=round(top), width=width, height=_BAR, rx="2")


def bars(
    rows: Sequence[Row],
    x: str,
    y: str,
    *,
    unit: str = "",
    caption: str = "",
    href: Href | None = None,
    most: float | None = None,
) -> Markup:
    """Horizontal bars, one per row.

    Args:
        rows: in the order shown.
        x: column with the label.
        y: column with the figure, not negative; a missing one shows a dash.
        unit: written after each figure.
        caption: title above.
        href: where a label leads.
        most: figure that fills the width; default the largest.
    """
    top = most or max((_size(row.get(y)) for row in rows), default=0)
    digits, parts = _digits(row.get(y) for row in rows), []
    figures = [number(row.get(y), unit, digits) for row in rows]
    for place, row, said in zip(range(0, len(rows) * _ROW, _ROW), rows, figures, strict=True):
        label = _text("label", "0", place + 18, row.get(x))
        to = href(row) if href else None
        parts += [
            markup(f'<a href="{address(to)}">{label}</a>') if to else label,
            _text("figure", "100%", place + 18, said),
            _bar("track", place + 25, "100%"),
            _bar("c0", place + 25, _share(_size(row.get(y)), top)),
        ]
    words = "；".join(f"{text(row.get(x))} {said}" for row, said in zip(rows, figures, strict=True))
    return _figure("bars", caption, markup(""), len(rows) * _ROW, (caption or "条形图", words), parts)


def progress(
    value: float | None,
    target: float | None,
    *,
    label: str = "",
    unit: str = "%",
    whole: float = 100,
    at_most: bool = False,
    digits: int | None = None,
) -> Markup:
    """A figure against its target, with a mark at the target and the verdict in words.

    Args:
        value: what is; None when it is not known.
        target: what should be; None when there is no target.
        label: what the figure is.
        unit: written after both figures.
        whole: figure that fills the width.
        at_most: the target is an upper bound.
        digits: decimals of the value; default one for a share, else its own.
    """
    met = None if value is None or target is None else (value <= target if at_most else value >= target)
    words = number(value, unit, 1 if digits is None and unit == "%" else digits)
    if target is not None:
        verdict = {True: "达标", False: "未达标", None: "没有数据"}[met]
        words += f"　目标{'不高于' if at_most else '不低于'} {number(target, unit)}　{verdict}"
    # The words are no part of the picture: on a narrow screen they take two lines.
    parts = [
        _bar("track", 4, "100%"),
        _bar({True: "ok", False: "short", None: "c0"}[met], 4, _share(_size(value), whole)),
    ]
    if target is not None:
        place = _share(target, whole)
        parts.append(tag("line", class_="mark", x1=place, x2=place, y1=0, y2=22))
    head = tag("figcaption", tag("span", label or "完成情况"), " ", tag("span", words))
    svg = tag("svg", NEW_LINE, lines(*parts), NEW_LINE, width="100%", style="height:22px", aria_hidden="true")
    return tag("figure", NEW_LINE, lines(head, svg), NEW_LINE, class_="chart chart--progress")


def _ticks(top: float) -> list[float]:
    """Round figures from 0 to at least `top`, in at most five steps."""
    if top < 1e-9:
        return [0, 1]
    step = 10 ** math.floor(math.log10(top / 4))
    step *= next(factor for factor in (1, 2, 2.5, 5, 10) if step * factor * 4 >= top)
    return [step * index for index in range(math.ceil(top / step - 1e-9) + 1)]


def columns(
    rows: Sequence[Row],
    x: str,
    series: Sequence[str],
    *,
    labels: Mapping[str, str] | None = None,
    stacked: bool = False,
    unit: str = "",
    caption: str = "",
) -> Markup:
    """Upright columns: per row one group (or one stack) with a column per series.

    Args:
        rows: in the order shown.
        x: column with the label under a group.
        series: columns with the figures, not negative, in the order of the colours (six at most).
        labels: name of each series; the column's name where there is none.
        stacked: one on the other instead of side by side.
        unit: written after each figure.
        caption: title above.
    """
    named = [(labels or {}).get(name, name) for name in series]
    sizes = [[_size(row.get(name)) for name in series] for row in rows]
    together = sum if stacked else max
    ticks = _ticks(max((together(s) for s in sizes if s), default=0))
    floor, scale = _HEAD + _PLOT, _PLOT / ticks[-1]
    parts: list[Markup] = []
    for tick in ticks:
        y = round(floor - scale * tick, 1)
        parts.append(tag("line", class_="grid", x1="0", x2="100%", y1=y, y2=y))
        # To the left of the plot: the style sheet leaves room there.
        parts.append(_text("tick", "0", y + 4, number(tick, unit, _digits(ticks)) + "\u2002"))
    slot = 100 / max(len(rows), 1)
    digits = _digits(row.get(name) for row in rows for name in series)
    width = min(slot * 0.6, 16.0) if stacked else slot * 0.8 / max(len(series), 1)
    for place, (row, figures) in enumerate(zip(rows, sizes, strict=True)):
        middle, below = slot * (place + 0.5), 0.0
        for index, (name, size) in enumerate(zip(series, figures, strict=True)):
            centre = middle if stacked else middle + width * (index + 0.5 - len(series) / 2)
            wide, high, said = (
                width if stacked else width * 0.9,
                scale * size,
                number(row.get(name), unit, digits),
            )
            top = floor - scale * below - high
            shape: dict[str, Any] = {
                "x": f"{centre - wide / 2:.2f}%",
                "width": f"{wide:.2f}%",
                "y": round(top, 1),
            }
            parts.append(tag("rect", class_=f"c{index % _COLOURS}", **shape, height=round(max(0.0, high), 1)))
            if not stacked:
                parts.append(_text("over", f"{centre:.2f}%", top - 5, said))
            elif high >= _WITHIN:
                parts.append(_text("within", f"{centre:.2f}%", top + high / 2 + 5, said))
            below += size if stacked else 0
        parts.append(_text("under", f"{middle:.2f}%", floor + 20, row.get(x)))
    legend = markup("")
    if len(series) > 1:
        keys = (tag("span", "", class_=f"key c{index % _COLOURS}") for index in range(len(series)))
        items = (tag("li", key, name, class_="legend-item") for key, name in zip(keys, named, strict=True))
        legend = tag("ul", *items, class_="legend")
    told = [
        "，".join(
            f"{label} {number(row.get(name), unit, digits)}"
            for label, name in zip(named, series, strict=True)
        )
        for row in rows
    ]
    words = "；".join(f"{text(row.get(x))}：{figures}" for row, figures in zip(rows, told, strict=True))
    return _figure("columns", caption, legend, floor + _FOOT, (caption or "柱形图", words), parts)
