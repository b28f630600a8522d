"""Telling a screen reader which heads a cell stands under, where the layout engine does not: under heads of several rows.

PDF/UA asks it of every cell of a table with heads; a cell under none (a line of signatures) takes the nearest above.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_GROUPS = ("/THead", "/TBody", "/TFoot")


def link_cells(document: object, pdf: Any) -> None:
    """Complete the heads of all cells; a finisher of the layout engine."""
    for element in list(pdf.objects):
        if isinstance(element, dict) and element.get("S") == "/Table":
            _link(list(_rows(pdf, element)))


def _kids(pdf: Any, element: Any) -> Iterator[Any]:
    for kid in element.get("K", ()):
        if isinstance(kid, bytes):
            yield pdf.objects[int(kid.split()[0])]


def _rows(pdf: Any, element: Any) -> Iterator[list[Any]]:
    for kid in _kids(pdf, element):
        if kid.get("S") in _GROUPS:
            yield from _rows(pdf, kid)
        elif kid.get("S") == "/TR":
            yield [cell for cell in _kids(pdf, kid) if cell.get("S") in ("/TH", "/TD")]


def _link(rows: list[list[Any]]) -> None:
    # Column -> how many rows more a cell from above reaches down into it, and the head that it is, if any.
    reach: dict[int, tuple[int, Any]] = {}
    nearest: Any = None
    for row in rows:
        column, heads = 0, []
        taken = dict(reach)
        reach = {c: (n - 1, head) for c, (n, head) in taken.items() if n > 1}
        lacking = []
        for cell in row:
            while column in taken:
                if taken[column][1] is not None:
                    heads.append(taken[column][1])
                column += 1
            look = cell.get("A", {})
            head = cell["ID"] if cell["S"] == "/TH" and "ID" in cell else None
            if head is not None:
                heads.append(head)
                nearest = head
            elif not look.get("Headers"):
                lacking.append((look, list(heads)))
            for place in range(column, column + int(look.get("ColSpan", 1))):
                if (down := int(look.get("RowSpan", 1)) - 1) > 0:
                    reach[place] = (down, head)
            column += int(look.get("ColSpan", 1))
        for look, found in lacking:
            look.pop("Headers", None)
            if found or nearest is not None:
                look["Headers"] = _array(dict.fromkeys(found[-1:] or [nearest]))


def _array(items: Any) -> Any:
    import pydyf

    return pydyf.Array(items)
