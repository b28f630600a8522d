"""The city's macros: dates, working days, parameters, education, figures."""

from __future__ import annotations

import datetime

import duckdb
import pytest
from rule_cases import Bench

DATE = datetime.date.fromisoformat


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    return Bench().connection


def ask(connection: duckdb.DuckDBPyConnection, expression: str) -> object:
    row = connection.execute(f"SELECT {expression}").fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize(
    "expression, expected",
    [
        # Subtracting the years would say 45.
        ("age_on('1973-12-20', DATE '2018-09-01')", 44),
        ("age_on('1973-09-01', DATE '2018-09-01')", 45),
        ("age_on('1973-09-02', DATE '2018-09-01')", 44),
        # Where only the month is known, the birthday is its first day.
        ("age_on('1973-09', DATE '2018-09-01')", 45),
        ("age_on('1973-09', DATE '2018-08-31')", 44),
        # Born on 29 February: a year is complete on 1 March.
        ("age_on('2000-02-29', DATE '2018-02-28')", 17),
        ("age_on('2000-02-29', DATE '2018-03-01')", 18),
        ("age_on('2000-02-29', DATE '2020-02-29')", 20),
        ("age_on(NULL, DATE '2018-09-01')", None),
        ("age_on('1973-02-30', DATE '2018-09-01')", None),
        ("age_on('', DATE '2018-09-01')", None),
        ("first_day('1975-03')", DATE("1975-03-01")),
        ("day_in_words(DATE '2026-04-07')", "2026年4月7日"),
        ("day_in_words('2026-04-07')", "2026年4月7日"),
        ("day_in_words('1975-03')", "1975年3月"),
        ("day_in_words(DATE '2026-04-07' + to_months(1))", "2026年5月7日"),
        ("day_in_words(NULL)", None),
        ("latest_day('2024-02')", DATE("2024-02-29")),
        ("latest_day('1975-03-15')", DATE("1975-03-15")),
        ("months_between(DATE '2020-12-31', DATE '2021-01-01')", 1),
        ("months_between(DATE '2021-01-31', DATE '2021-01-01')", 0),
        # In office on the day of appointment, no longer on the day of leaving.
        ("in_office(DATE '2021-03-20', NULL, DATE '2021-03-20')", True),
        ("in_office(DATE '2021-03-20', NULL, DATE '2021-03-19')", False),
        ("in_office(DATE '2021-03-20', DATE '2026-03-15', DATE '2026-03-14')", True),
        ("in_office(DATE '2021-03-20', DATE '2026-03-15', DATE '2026-03-15')", False),
    ],
)
def test_dates(connection: duckdb.DuckDBPyConnection, expression: str, expected: object) -> None:
    assert ask(connection, expression) == expected


@pytest.mark.parametrize(
    "expression, expected",
    [
        # 春节 2026: nine days off from 15 February, two Saturdays worked for it.
        ("add_working_days(DATE '2026-02-11', 5)", DATE("2026-02-25")),
        ("add_working_days(DATE '2026-02-13', 1)", DATE("2026-02-14")),
        ("add_working_days(DATE '2026-02-14', 1)", DATE("2026-02-24")),
        ("add_working_days(DATE '2026-02-18', 1)", DATE("2026-02-24")),
        ("working_days_between(DATE '2026-02-11', DATE '2026-02-25')", 5),
        ("working_days_between(DATE '2026-02-25', DATE '2026-02-25')", 0),
        ("working_days_between(DATE '2026-02-25', DATE '2026-02-11')", -5),
        # Over the end of a year that is in the calendar, and of one that is not.
        ("add_working_days(DATE '2025-12-30', 3)", DATE("2026-01-05")),
        ("add_working_days(DATE '2026-12-31', 1)", None),
        ("add_working_days(DATE '2027-01-04', 1)", None),
        ("add_working_days(DATE '2017-12-29', 1)", None),
        ("working_days_between(DATE '2026-12-31', DATE '2027-01-04')", None),
        ("add_working_days(NULL, 5)", None),
        ("add_working_days(DATE '2026-02-11', NULL)", None),
    ],
)
def test_working_days(connection: duckdb.DuckDBPyConnection, expression: str, expected: object) -> None:
    assert ask(connection, expression) == expected


def test_working_days_are_not_counted_across_a_year_that_is_lacking() -> None:
    connection = Bench().connection
    connection.execute("DELETE FROM calendar_years WHERE year = 2024")
    assert ask(connection, "add_working_days(DATE '2023-12-29', 1)") is None
    assert ask(connection, "working_days_between(DATE '2023-12-29', DATE '2025-01-02')") is None
    assert ask(connection, "working_days_between(DATE '2023-12-25', DATE '2023-12-29')") == 4
    assert ask(connection, "add_working_days(DATE '2025-01-02', 1)") == DATE("2025-01-03")


def test_working_days_agree_with_counting_one_by_one(connection: duckdb.DuckDBPyConnection) -> None:
    wrong = connection.execute("""
        WITH pair AS (
            SELECT a.date AS a, b.date AS b,
                (SELECT count(*) FROM calendar AS c WHERE c.working AND c.date > a.date AND c.date <= b.date) AS counted
            FROM calendar AS a JOIN calendar AS b ON b.date BETWEEN a.date AND a.date + 40
            WHERE year(a.date) = 2025 AND day(a.date) % 3 = 0 AND b.working
        )
        SELECT * FROM pair
        WHERE working_days_between(a, b) <> counted OR (counted > 0 AND add_working_days(a, counted) <> b)
    """).fetchall()
    assert wrong == []


def test_a_parameter_takes_effect_from_its_day_and_not_before() -> None:
    connection = Bench().connection
    connection.execute("DELETE FROM parameters WHERE name = 'vacancy_days'")
    connection.execute("""
        INSERT INTO parameters (name, value, effective_from, effective_to) VALUES
            ('vacancy_days', '90', DATE '2018-01-01', DATE '2023-12-31'),
            ('vacancy_days', '60', DATE '2021-07-01', NULL),
            ('vacancy_days', '30', DATE '2025-01-01', DATE '2025-06-30')
    """)
    days = ["2017-12-31", "2018-01-01", "2021-06-30", "2021-07-01", "2024-01-01", "2025-01-01", "2025-07-01"]
    values = [ask(connection, f"param_number('vacancy_days', DATE '{day}')") for day in days]
    assert values == [None, 90, 90, 60, 60, 30, 60]
    assert ask(connection, "param('no_such_parameter', DATE '2021-01-01')") is None


def test_a_parameter_is_asked_for_a_column_of_any_name(connection: duckdb.DuckDBPyConnection) -> None:
    # `name`, `value` and `effective_from` are columns of the parameters' own table.
    found = connection.execute("""
        SELECT param('report_working_days', effective_from), param(name, value)
        FROM (SELECT DATE '2021-01-31' AS effective_from, DATE '2021-02-01' AS value, 'report_working_days' AS name)
    """).fetchone()
    assert found == ("10", "5")


@pytest.mark.parametrize(
    "expression, expected",
    [
        ("highest_education('高中'::education, '大专'::education)", "大专"),
        ("highest_education('本科'::education, '大专'::education)", "本科"),
        ("highest_education('初中'::education, NULL)", "初中"),
        ("highest_education(NULL, NULL)", None),
        # As text, 大专 comes before 高中.
        ("highest_education('大专'::education, NULL) >= '高中'::education", True),
        ("education_level('职高'::education)", "高中"),
        ("education_level('大专'::education)", "大专"),
        ("share_of(1, 3, 1)", 33.3),
        ("share_of(2, 3, 1)", 66.7),
        # 12.25 and 6.25 are halves; half goes up.
        ("share_of(49, 400, 1)", 12.3),
        ("share_of(1, 16, 1)", 6.3),
        ("share_of(0, 0, 1)", None),
        ("as_percent(38 / 44)", "86.4%"),
        ("as_figure(50.0)", "50"),
        ("as_figure(49.5)", "49.5"),
    ],
)
def test_education_and_figures(
    connection: duckdb.DuckDBPyConnection, expression: str, expected: object
) -> None:
    assert ask(connection, expression) == expected
