"""Long lists: declared in a page's head, written as a table of the first rows and as columns for the grid in the browser."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NoReturn, TypeAlias

from jinja2 import TemplateRuntimeError
from markupsafe import Markup

from lingtouyan.problems import did_you_mean, quoted
from lingtouyan.reading.yaml import Mapping as YamlMapping
from lingtouyan.reading.yaml import YamlError
from lingtouyan.templates.escaping import is_number, text
from lingtouyan.templates.sandbox import Row

# So many rows stand in the page itself.
FIRST = 100
_TOTALS = ("sum", "average")
Href: TypeAlias = Callable[[Row], "str | None"]


@dataclass(frozen=True)
class Grid:
    """A list as the head of a page declares it.

    Attributes:
        query: whose rows it shows.
        columns: in order; those of `more` are shown only when asked for, those of `internal` not to the public.
        source: table or view whose schema titles the columns.
        facets, ranges: columns to choose values of, and to bound from below and above.
        links: column -> (record, column of its key).
        orders: column -> its values from low to high.
        badges: column -> value -> kind of badge.
        totals: column -> `sum` or `average`, for the heads of groups.
        group: column that the list is grouped by at first.
        blank: what stands for a value that is missing.
        key: column that identifies a row; with it, rows can be put on a shortlist and compared.
    """

    query: str
    columns: tuple[str, ...]
    line: int
    more: tuple[str, ...] = ()
    internal: tuple[str, ...] = ()
    source: str = ""
    facets: tuple[str, ...] = ()
    ranges: tuple[str, ...] = ()
    titles: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, Sequence[str]] = field(default_factory=dict)
    orders: Mapping[str, Sequence[str]] = field(default_factory=dict)
    badges: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    totals: Mapping[str, str] = field(default_factory=dict)
    group: str = ""
    blank: str = ""
    key: str = ""


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


_WORDS, _LISTS = (
    ("query", "source", "group", "key", "blank"),
    ("columns", "more", "internal", "facets", "ranges"),
)
_MAPPINGS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "titles": (lambda v: isinstance(v, str), "列名: 标题"),
    "links": (lambda v: _is_list(v) and len(v) == 2, "列名: [记录种类, 主键所在的列]"),
    "orders": (_is_list, "列名: [从低到高的值]"),
    "badges": (
        lambda v: isinstance(v, dict) and all(isinstance(k, str) for k in v.values()),
        "列名: {值: 标记}",
    ),
    "totals": (lambda v: v in _TOTALS, "列名: sum 或 average"),
}


def read_grid(name: str, given: Any, line: int, queries: Sequence[str]) -> Grid:
    """Read one entry of `grid` in a head.

    Raises:
        YamlError: a key, a query or a column is unknown, or has not the form it should have.
    """
    if not isinstance(given, YamlMapping):
        raise YamlError(line, f"grid 的 {quoted(name)} 应是“项: 值”的映射，至少写 query 和 columns。")

    declared: dict[str, Any] = dict(given)

    def fail(key: str, reason: str) -> NoReturn:
        raise YamlError(given.lines.get(key, line), f"grid 的 {name}：{reason}")

    known = (*_WORDS, *_LISTS, *_MAPPINGS)
    for key, value in declared.items():
        if key not in known:
            fail(key, f"不认识的项 {quoted(key)}" + did_you_mean(key, known, f"。可用：{'、'.join(known)}。"))
        if key in _WORDS and not isinstance(value, str):
            fail(key, f"{key} 应是一个名称。")
        if key in _LISTS and not _is_list(value):
            fail(key, f"{key} 应是列名的列表，写成 [列名, 列名]。")
        if key in _MAPPINGS:
            fits, form = _MAPPINGS[key]
            if not isinstance(value, dict) or not all(map(fits, value.values())):
                fail(key, f"{key} 应是“{form}”的映射。")
    for key in ("query", "columns"):
        if not declared.get(key):
            fail(key, f"缺少 {key}。")
    if (query := declared["query"]) not in queries:
        fail("query", f"没有查询 {quoted(query)}" + did_you_mean(query, queries))
    shown = [*declared["columns"], *declared.get("more", ())]
    for key in ("internal", "facets", "ranges", *_MAPPINGS, "group"):
        named = declared.get(key, ())
        for column in [named] if isinstance(named, str) else named:
            if column and column not in shown:
                fail(
                    key,
                    f"{key} 里的列 {quoted(column)} 不在 columns 和 more 里" + did_you_mean(column, shown),
                )
    made: dict[str, Any] = {key: tuple(value) if key in _LISTS else value for key, value in declared.items()}
    return Grid(line=line, **made)


def check_columns(name: str, grid: Grid, row: Row, columns: Sequence[str]) -> None:
    """Make sure that a query gives what a list shows.

    Raises:
        TemplateRuntimeError: it does not.
    """
    keys = [key for column, (_, key) in grid.links.items() if column in columns]
    for column in (*columns, *keys, *filter(None, [grid.key])):
        if column not in row:
            hint = did_you_mean(column, list(row), f"；查询结果有：{'、'.join(row)}。")
            raise TemplateRuntimeError(
                f"grid 的 {name} 要显示列 {column}，但查询 {grid.query} 没有这一列{hint}"
            )


def grid_data(
    grid: Grid,
    rows: Sequence[Row],
    columns: Sequence[str],
    titles: Mapping[str, str],
    href: Mapping[str, Href],
    cells: Mapping[str, Callable[[Row], object]],
) -> dict[str, Any]:
    """Return a list as columns of values, each value of a column written once.

    Args:
        columns: those of this edition, in order.
        titles: their headings.
        href: column -> where a row's cell leads.
        cells: column -> what writes the cell of a row, as HTML that is vetted by whoever puts it on a page.
    """
    made = []
    for name in columns:
        values = [row[name] for row in rows] if name not in cells else [cells[name](row) for row in rows]
        some = [value for value in values if value is not None]
        kind = (
            "html"
            if name in cells
            else "number"
            if some and all(map(is_number, some))
            else "date"
            if some and all(isinstance(value, dt.date) for value in some)
            else "text"
        )
        if kind == "number":
            plain: list[Any] = [float(v) if isinstance(v, Decimal) else v for v in values]
        else:
            plain = [
                " ".join(str(v).split()) if isinstance(v, Markup) else text(v) or grid.blank for v in values
            ]
        column: dict[str, Any] = {"name": name, "title": titles[name], "kind": kind}
        words = list(dict.fromkeys(plain))
        if kind != "number" and len(words) * 2 < len(plain):
            place = {word: number for number, word in enumerate(words)}
            column |= {"words": words, "at": [place[word] for word in plain]}
        else:
            column["values"] = plain
        for key, chosen in (("facet", grid.facets), ("range", grid.ranges), ("more", grid.more)):
            if name in chosen:
                column[key] = True
        told = {"order": grid.orders, "badges": grid.badges, "total": grid.totals}
        column |= {key: given[name] for key, given in told.items() if name in given}
        if grid.blank:
            column["blank"] = grid.blank
        if to := href.get(name):
            column["link"] = common_ends([to(row) or "" for row in rows])
        made.append(column)
    result: dict[str, Any] = {"rows": len(rows), "group": grid.group, "columns": made}
    if grid.key:
        result["keys"] = [text(row[grid.key]) for row in rows]
    return result


def common_ends(addresses: list[str]) -> dict[str, Any]:
    """Return addresses without what they all begin and end with."""
    some = [a for a in addresses if a]
    start = os.path.commonprefix(some)  # noqa: RUF071 -- of letters
    reversed_ends = [a[len(start) :][::-1] for a in some]
    end = os.path.commonprefix(reversed_ends)[::-1]  # noqa: RUF071
    return {"start": start, "end": end, "at": [a and a[len(start) : len(a) - len(end)] for a in addresses]}
