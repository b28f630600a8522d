"""Charts as SVG that fits any width: places along the width are percentages, type keeps its size.

Colours come from the style sheet (light, dark, print); each chart says its figures in words as well.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal

from markupsafe import Markup

from lingtouyan.templates.components import Href, Row
from lingtouyan.templates.escaping import Html, address, escape, text

_ROW, _BAR = 46, 14
_PLOT, _HEAD, _FOOT = 200, 22, 30


def number(value: object, unit: str = "") -> str:
    """A figure for readers: at most one decimal, a dash when missing."""
    if value is None:
        return "—"
    if isinstance(value, float | Decimal):
        rounded = f"{value:.1f}"
        return f"{rounded.removesuffix('.0')}{unit}"
    return f"{text(value)}{unit}"


def _size(value: object) -> float:
    return float(value) if isinstance(value, int | float | Decimal) and math.isfinite(value) else 0.0


def _share(value: float, whole: float) -> str:
    return f"{max(0.0, min(100.0, 100 * value / whole if whole else 0)):.2f}%"


def _figure(kind: str, caption: str, svg: Markup, legend: Markup | str = "") -> Markup:
    head = Html("\n<figcaption>{}</figcaption>").format(escape(caption)) if caption else ""
    return Html('<figure class="chart chart--{}">{}{}\n{}\n</figure>').format(kind, head, legend, svg)


def _svg(height: float, title: str, words: str, parts: Sequence[Markup]) -> Markup:
    return Html(
        '<svg width="100%" style="height:{}px" role="img">\n<title>{}</title>\n<desc>{}</desc>\n{}\n</svg>'
    ).format(round(height), escape(title), escape(words), Html("\n").join(parts))


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
    parts = []
    for index, row in enumerate(rows):
        place = index * _ROW
        label = Html('<text class="label" x="0" y="{}">{}</text>').format(place + 18, escape(row.get(x)))
        to = href(row) if href else None
        parts.append(Html('<a href="{}">{}</a>').format(address(to), label) if to else label)
        parts.append(
            Html(
                '<text class="figure" x="100%" y="{}">{}</text>'
                '<rect class="track" x="0" y="{}" width="100%" height="{}" rx="2"/>'
                '<rect class="c0" x="0" y="{}" width="{}" height="{}" rx="2"/>'
            ).format(
                place + 18,
                escape(number(row.get(y), unit)),
                *(place + 25, _BAR, place + 25, _share(_size(row.get(y)), top), _BAR),
            )
        )
    words = "；".join(f"{text(row.get(x))} {number(row.get(y), unit)}" for row in rows)
    return _figure("bars", caption, _svg(len(rows) * _ROW, caption or "条形图", words, parts))


def progress(
    value: float | None,
    target: float | None,
    *,
    label: str = "",
    unit: str = "%",
    whole: float = 100,
    at_most: bool = False,
) -> Markup:
    """A figure against its target, with a mark at the target and the verdict in words.

    Args:
        value: what is; None when it is not known.
        target: what should be; None when there is no target.
        label: what the figure is.
        unit: written after both figures.
        whole: figure that fills the width.
        at_most: the target is an upper bound.
    """
    met = None if value is None or target is None else (value <= target if at_most else value >= target)
    verdict = {True: "达标", False: "未达标", None: "没有目标" if target is None else "没有数据"}[met]
    aim = "" if target is None else f"目标{'不高于' if at_most else '不低于'} {number(target, unit)}"
    words = f"{number(value, unit)}　{aim}　{verdict}" if aim else number(value, unit)
    parts: list[Markup] = [
        Html('<text class="label" x="0" y="18">{}</text>').format(escape(label)),
        Html('<text class="figure" x="100%" y="18">{}</text>').format(escape(words)),
        Html('<rect class="track" x="0" y="27" width="100%" height="{}" rx="2"/>').format(_BAR),
        Html('<rect class="{}" x="0" y="27" width="{}" height="{}" rx="2"/>').format(
            {True: "ok", False: "short", None: "c0"}[met], _share(_size(value), whole), _BAR
        ),
    ]
    if target is not None:
        place = _share(target, whole)
        parts.append(Html('<line class="mark" x1="{}" x2="{}" y1="23" y2="46"/>').format(place, place))
    return _figure("progress", "", _svg(50, label or "完成情况", words, parts))


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
    labels = labels or {}
    sums = [
        sum(_size(row.get(name)) for name in series)
        if stacked
        else max((_size(row.get(n)) for n in series), default=0)
        for row in rows
    ]
    ticks = _ticks(max(sums, default=0))
    floor = _HEAD + _PLOT
    parts: list[Markup] = [
        Html(
            '<line class="grid" x1="0" x2="100%" y1="{}" y2="{}"/><text class="tick" x="0" y="{}">{}</text>'
        ).format(
            *(round(floor - _PLOT * tick / ticks[-1], 1),) * 2,
            round(floor - _PLOT * tick / ticks[-1] - 4, 1),
            escape(number(float(tick), unit)),
        )
        for tick in ticks
    ]
    left = 6.0
    slot = (100 - left) / max(len(rows), 1)
    for place, row in enumerate(rows):
        start = left + slot * place
        parts += (
            _stack(row, series, start, slot, ticks[-1], unit)
            if stacked
            else _group(row, series, start, slot, ticks[-1], unit)
        )
        parts.append(
            Html('<text class="under" x="{:.2f}%" y="{}">{}</text>').format(
                start + slot / 2, floor + 20, escape(row.get(x))
            )
        )
    legend: Markup | str = ""
    if len(series) > 1:
        legend = Html('\n<ul class="legend">{}</ul>').format(
            Markup().join(
                Html('<li class="legend-item"><span class="key c{}"></span>{}</li>').format(
                    index % 6, escape(labels.get(name, name))
                )
                for index, name in enumerate(series)
            )
        )
    words = "；".join(
        f"{text(row.get(x))}："
        + "，".join(f"{labels.get(name, name)} {number(row.get(name), unit)}" for name in series)
        for row in rows
    )
    return _figure("columns", caption, _svg(floor + _FOOT, caption or "柱形图", words, parts), legend)


def _column(x: float, width: float, low: float, high: float, top: float, colour: int) -> Markup:
    floor = _HEAD + _PLOT
    return Html('<rect class="c{}" x="{:.2f}%" width="{:.2f}%" y="{:.1f}" height="{:.1f}"/>').format(
        colour % 6, x, width, floor - _PLOT * high / top, max(0.0, _PLOT * (high - low) / top)
    )


def _group(row: Row, series: Sequence[str], start: float, slot: float, top: float, unit: str) -> list[Markup]:
    width = slot * 0.8 / max(len(series), 1)
    parts = []
    for index, name in enumerate(series):
        x, size = start + slot * 0.1 + width * index, _size(row.get(name))
        parts.append(_column(x + width * 0.05, width * 0.9, 0, size, top, index))
        parts.append(
            Html('<text class="over" x="{:.2f}%" y="{:.1f}">{}</text>').format(
                x + width / 2, _HEAD + _PLOT - _PLOT * size / top - 5, escape(number(row.get(name), unit))
            )
        )
    return parts


def _stack(row: Row, series: Sequence[str], start: float, slot: float, top: float, unit: str) -> list[Markup]:
    width = min(slot * 0.6, 16.0)
    x, below = start + (slot - width) / 2, 0.0
    parts = []
    for index, name in enumerate(series):
        size = _size(row.get(name))
        parts.append(_column(x, width, below, below + size, top, index))
        if _PLOT * size / top >= 16:
            parts.append(
                Html('<text class="within" x="{:.2f}%" y="{:.1f}">{}</text>').format(
                    x + width / 2,
                    _HEAD + _PLOT - _PLOT * (below + size / 2) / top + 5,
                    escape(number(row.get(name), unit)),
                )
            )
        below += size
    return parts
