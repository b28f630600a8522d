"""Tables and other pieces: they pass through Markdown untouched and show every value as typed."""

from __future__ import annotations

import datetime
import itertools
import re
from html.parser import HTMLParser
from typing import Any

import markdown
import pytest
from hypothesis import given
from markupsafe import Markup
from test_escaping import ANY_TEXT, HOSTILE, extensions

from lingtouyan.templates import charts
from lingtouyan.templates.components import (
    EXCLUDE_FROM,
    badge,
    definition,
    flow,
    heatmap,
    link,
    table,
    tiles,
    timeline,
)
from lingtouyan.templates.escaping import escape, markup

Row = dict[str, Any]


class Seen(HTMLParser):
    """All text, all attribute values, all tags of a piece."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.values: list[tuple[str, str | None]] = []
        self.tags: list[str] = []
        self.cells: list[list[str]] = []
        self.feed(str(html))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.values += attrs
        if tag == "tr":
            self.cells.append([])
        if tag in ("td", "th"):
            self.cells[-1].append("")

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self.cells and self.cells[-1]:
            self.cells[-1][-1] += data.removesuffix("\n")

    @property
    def text(self) -> str:
        return "".join(self.words)


def _pieces(value: str) -> dict[str, Markup]:
    """Every piece with this value in every place that takes one."""
    row = {"a": value, "b": value, "n": 3}
    return {
        "table": table(
            [row, row], ["a", "n"], labels={"a": value}, caption=value, facets=["a"], orders={"a": [value]}
        ),
        "empty table": table([], ["a"], caption=value, empty=value),
        "linked table": table([row], ["a"], href={"a": lambda row: str(row["b"])}),
        "badge": Markup("<p>") + badge(value, value) + Markup("</p>"),
        "definition": definition([(value, value), (value, None)], wide=[value]),
        "tiles": tiles(
            [{"title": value, "value": value, "unit": value, "note": value, "href": value, "kind": value}]
        ),
        "timeline": timeline([{"date": value, "title": value, "text": value, "href": value, "kind": value}]),
        "empty timeline": timeline([], empty=value),
        "flow": flow([{"title": value, "count": value, "note": value, "href": value, "state": value}]),
        "heatmap": heatmap(
            [row], "a", "b", "n", labels={"b": value}, caption=value, href=lambda row: str(row["a"])
        ),
        "progress": charts.progress(1, 2, label=value, unit=value),
    }


def _convert(source: str) -> str:
    names, options = extensions()
    return markdown.markdown(source, extensions=names, extension_configs=options)


@pytest.mark.parametrize("name", _pieces("x"))
@pytest.mark.parametrize("value", HOSTILE)
def test_markdown_leaves_a_piece_alone(name: str, value: str) -> None:
    piece = _pieces(value)[name]
    assert not piece.startswith((" ", "\t"))
    assert "\n\n" not in piece
    converted = _convert(f"前文\n\n{piece}\n\n后文").replace("\n\n", "\n")
    assert converted == f"<p>前文</p>\n{piece}\n<p>后文</p>"


@pytest.mark.parametrize("name", _pieces("x"))
@pytest.mark.parametrize("value", HOSTILE)
def test_values_add_no_tag_and_no_attribute(name: str, value: str) -> None:
    plain, seen = Seen(_pieces("甲")[name]), Seen(_pieces(value)[name])
    assert seen.tags == plain.tags
    assert [key for key, _ in seen.values] == [key for key, _ in plain.values]


@given(ANY_TEXT, ANY_TEXT)
def test_cells_and_headings_show_as_typed(one: str, other: str) -> None:
    seen = Seen(table([{"a": one, "b": other}], ["a", "b"], labels={"a": other, "b": one}))
    assert seen.cells == [[other, one], [one, other]]


@given(ANY_TEXT)
def test_definitions_show_as_typed(value: str) -> None:
    assert Seen(definition([("甲", value)])).text.strip("\n") == f"甲{value}".strip("\n")


# --- tables ---------------------------------------------------------------------------------------------------


def test_figures_stand_right_and_missing_ones_are_empty() -> None:
    html = table([{"n": 1, "t": "1"}, {"n": None, "t": None}, {"n": 2.5, "t": "x"}], ["n", "t"])
    assert html.count('<td class="number">') == 3
    assert Seen(html).cells[1:] == [["1", "1"], ["", ""], ["2.5", "x"]]


def test_fractions_of_a_column_have_the_same_decimals() -> None:
    html = table([{"n": 30.0}, {"n": 62}, {"n": 44.4}, {"n": None}], ["n"])
    assert Seen(html).cells[1:] == [["30.0"], ["62"], ["44.4"], [""]]


def test_words_that_are_figures_stand_right_and_codes_and_months_do_not() -> None:
    rows = [
        {"pay": markup("57,555元"), "pair": "12（34.5%）", "code": "990101", "born": "1975.03", "year": 2026},
        {"pay": markup("—"), "pair": "3（5.0%）", "code": "990102", "born": "1980.11", "year": 12026},
    ]
    html = "".join(table(rows, [name]) for name in rows[0])
    for shown, kind in (
        ("57,555元", "number"),
        ("12（34.5%）", "number"),
        ("1975.03", "date"),
        ("12,026", "number"),
    ):
        assert (
            f'<td class="{kind}">{shown}</td>' in html or f'<td class="{kind}">{escape(shown)}</td>' in html
        )
    assert "<td>990101</td>" in html
    assert ">2026</td>" in html
    # True is no figure.
    assert "number" not in table([{"b": True}], ["b"])


def test_a_column_is_as_wide_as_its_longest_line() -> None:
    rows: list[Row] = [{"two": Markup("一二三<br>四五六"), "one": Markup("一二三<span>四五六</span>")}]
    assert re.findall(r"--wide:\s*(\d+)", str(table(rows, ["two", "one"]))) == ["3", "6"]


def test_dates_are_not_broken_into_lines() -> None:
    rows: list[Row] = [
        {"on": datetime.date(2026, 4, 28), "no": None, "word": "2026"},
        {"on": None, "no": None, "word": ""},
    ]
    assert str(table(rows, ["on", "no", "word"])).count('<td class="date">') == 2


def test_a_cell_may_be_a_piece_of_its_own() -> None:
    html = table([{"a": badge("甲", "ok")}], ["a"])
    assert '<td><span class="badge badge--ok">甲</span></td>' in html


def test_long_tables_can_be_filtered_and_are_left_to_the_record_index() -> None:
    row = {"a": "x"}
    assert "data-filter" not in table([row] * 3, ["a"])
    assert "data-filter" in table([row] * 3, ["a"], facets=["a"])
    assert "data-search-exclude" not in table([row] * (EXCLUDE_FROM - 1), ["a"])
    assert "data-search-exclude" in table([row] * EXCLUDE_FROM, ["a"])


def test_a_row_without_a_target_is_not_linked() -> None:
    html = table([{"a": "甲", "u": "x/"}, {"a": "乙", "u": None}], ["a"], href={"a": lambda row: row["u"]})  # type: ignore[arg-type,return-value]
    assert '<td><a href="x/">甲</a></td>' in html
    assert "<td>乙</td>" in html
    assert link(None, "<") == "&#60;"


def test_a_link_may_lead_to_a_row() -> None:
    rows: list[Row] = [{"a": "甲", "audit": 'A"1'}]
    assert '<tr id="audits-A&#34;1"><td>甲</td></tr>' in table(rows, ["a"], item=("audits", "audit"))
    assert "<tr><td>" in table(rows, ["a"])


def test_links_lead_only_where_an_address_may() -> None:
    assert link("../a/名/?x=1&y#z", "甲") == '<a href="../a/%E5%90%8D/?x=1&amp;y#z">甲</a>'
    for evil in ("javascript:alert(1)", " JavaScript:x", "data:text/html,x", "vbscript:x"):
        assert 'href="#"' in link(evil, "甲")
    assert '"' not in link('"><b>', "甲").split('href="')[1].split('">')[0]


def test_no_rows_is_said() -> None:
    assert "没有记录。" in table([], ["a"])
    assert "没有记录。" in timeline([])
    assert "没有记录。" in heatmap([], "x", "y", "v")
    assert definition([]) == tiles([]) == flow([]) == ""


def test_heatmap_shades_from_low_to_high() -> None:
    rows = [
        {"x": x, "y": y, "v": v}
        for (x, y), v in zip(itertools.product("甲乙", "丙丁"), (0, 5, 10, None), strict=True)
    ]
    seen = Seen(heatmap(rows, "x", "y", "v"))
    assert seen.cells == [["", "甲", "乙"], ["丙", "0", "10"], ["丁", "5", "—"]]
    assert [
        value for key, value in seen.values if key == "class" and value and value.startswith("heat-")
    ] == ["heat-0", "heat-4", "heat-2"]


def test_states_of_a_flow_are_said_in_words() -> None:
    html = flow(
        [
            {"title": "起草", "state": "done"},
            {"title": "审核", "count": 0, "state": "current"},
            {"title": "归档"},
        ]
    )
    assert "已完成" in html
    assert 'aria-current="step"' in html
    assert '<span class="step-count">0</span>' in html


# --- charts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value, target, at_most, verdict",
    [
        (60, 60, False, "达标"),
        (59.9, 60, False, "未达标"),
        (5, 5, True, "达标"),
        (6, 5, True, "未达标"),
        (None, 5, False, "没有数据"),
    ],
)
def test_progress_says_whether_the_target_is_met(
    value: float | None, target: float, at_most: bool, verdict: str
) -> None:
    words = Seen(charts.progress(value, target, at_most=at_most)).text
    assert f"　{verdict}\n" in words
    assert ("不高于" if at_most else "不低于") in words


def test_progress_without_a_target_gives_the_figure_alone() -> None:
    html = charts.progress(12.34, None, label="甲")
    assert "12.3%" in Seen(html).text
    assert "目标" not in Seen(html).text
    assert 'class="mark"' not in html


def test_figures_are_short() -> None:
    assert [charts.number(v, "%") for v in (None, 3, 3.0, 3.14, 66.66, 0.05)] == [
        "—",
        "3%",
        "3%",
        "3.1%",
        "66.7%",
        "0.1%",
    ]
