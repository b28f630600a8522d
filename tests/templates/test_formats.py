"""How values are written on paper."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest

from lingtouyan.templates.escaping import chinese_date, dots, figure, full_dots, percent, years_between


@pytest.mark.parametrize(
    "value, year_and_month, whole, words",
    [
        ("1975-03-15", "1975.03", "1975.03.15", "1975年3月15日"),
        ("1975-03", "1975.03", "1975.03", "1975年3月"),
        ("1975", "1975", "1975", "1975年"),
        (datetime.date(2026, 11, 5), "2026.11", "2026.11.05", "2026年11月5日"),
        (
            datetime.datetime(2026, 11, 5, 8, 30, tzinfo=datetime.UTC),
            "2026.11",
            "2026.11.05",
            "2026年11月5日",
        ),
        (None, "", "", ""),
        ("至今", "至今", "至今", "至今"),
        ("1975-3", "1975-3", "1975-3", "1975-3"),
    ],
)
def test_dates_are_written_with_what_is_known_of_them(value, year_and_month, whole, words):
    assert (dots(value), full_dots(value), chinese_date(value)) == (year_and_month, whole, words)


@pytest.mark.parametrize(
    "part, whole, digits, share",
    [(38, 44, 1, "86.4%"), (1, 8, 1, "12.5%"), (1, 16, 1, "6.3%"), (1, 3, 2, "33.33%"), (0, 5, 0, "0%")],
)
def test_a_share_is_rounded_half_up(part, whole, digits, share):
    assert percent(part, whole, digits) == share


@pytest.mark.parametrize("part, whole", [(None, 5), (5, None), (0, 0)])
def test_a_share_of_nothing_is_not_written(part, whole):
    assert percent(part, whole) == ""


@pytest.mark.parametrize(
    "birth, day, years",
    [
        ("1973-12-20", "2018-09-01", 44),
        ("1973-12-20", "2018-12-19", 44),
        ("1973-12-20", "2018-12-20", 45),
        ("1975-03", "2026-02-28", 50),
        ("1975-03", "2026-03-01", 51),
        ("2000-02-29", datetime.date(2018, 2, 28), 17),
        ("2000-02-29", datetime.date(2018, 3, 1), 18),
        (None, "2018-01-01", None),
    ],
)
def test_years_are_full_years_and_not_a_difference_of_years(birth, day, years):
    assert years_between(birth, day) == years


@pytest.mark.parametrize(
    ("value", "digits", "words"),
    [
        (30.0, 1, "30.0"),
        (30.0, None, "30"),
        (Decimal("30.0"), None, "30.0"),
        (2.25, 1, "2.3"),
        (2026, None, "2026"),
        (57555, None, "57,555"),
        (-1234567.5, 1, "-1,234,567.5"),
        (None, 1, ""),
        (float("nan"), 1, "nan"),
        ("未定", 1, "未定"),
    ],
)
def test_figures_have_their_decimals_and_thousands(value: object, digits: int | None, words: str) -> None:
    assert figure(value, digits) == words
