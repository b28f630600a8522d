"""A figure against its target, as SVG that fits any width: places along the width are percentages.

Colours come from the style sheet (light, dark, print); the figures stand beside it in words.
"""

from __future__ import annotations

import math
from decimal import Decimal

from markupsafe import Markup

from lingtouyan.templates.escaping import NEW_LINE, decimals, figure, lines, tag


def number(value: object, unit: str = "", digits: int | None = None) -> str:
    """A figure for readers: with so many decimals, else one at most; a dash when missing."""
    return (
        "—" if value is None else figure(value, min(1, decimals(value)) if digits is None else digits) + unit
    )


def _size(value: object) -> float:
    return float(value) if isinstance(value, int | float | Decimal) and math.isfinite(value) else 0.0


def _share(value: float, whole: float) -> str:
    return f"{max(0.0, min(100.0, 100 * value / whole if whole else 0)):.2f}%"


def _bar(kind: str, width: str) -> Markup:
    return tag("rect", class_=kind, x="0", y=4, width=width, height=14, rx="2")


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
        _bar("track", "100%"),
        _bar({True: "ok", False: "short", None: "c0"}[met], _share(_size(value), whole)),
    ]
    if target is not None:
        place = _share(target, whole)
        parts.append(tag("line", class_="mark", x1=place, x2=place, y1=0, y2=22))
    head = tag("figcaption", tag("span", label or "完成情况"), " ", tag("span", words))
    svg = tag("svg", NEW_LINE, lines(*parts), NEW_LINE, width="100%", style="height:22px", aria_hidden="true")
    return tag("figure", NEW_LINE, lines(head, svg), NEW_LINE, class_="chart chart--progress")
