from __future__ import annotations

import threading

import duckdb
import pytest

from lingtouyan.database import asking
from lingtouyan.database.asking import rows_of
from lingtouyan.database.database import SqlError, bounded, connect


def test_nothing_waits_on_a_query_that_is_done() -> None:
    before = threading.active_count()
    connection = connect()
    for _ in range(20):
        rows_of(connection, "SELECT 1")
        # A thread still waiting would hold the connection, and abort the program when it is the last to let go.
        assert threading.active_count() == before


def test_a_query_without_end_is_stopped() -> None:
    connection = connect()
    with pytest.raises(duckdb.InterruptException), bounded(connection, 0.2):
        connection.execute(
            "SELECT count(*) FROM range(1000000) a, range(1000000) b, range(1000000) c"
        ).fetchall()
    with pytest.raises(SqlError):
        rows_of(connection, "SELECT * FROM missing")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT repeat('x', 600) AS a FROM range(2)",
        "SELECT a, a, a, a FROM (SELECT repeat('x', 300) AS a)",
        "SELECT range(40) AS a",
        "SELECT {'a': repeat('x', 100)} AS a",
        "SELECT encode(repeat('x', 1200)) AS a",
        "SELECT range AS a, range AS b, range AS c FROM range(40)",
    ],
)
def test_what_would_fill_the_memory_outside_the_database_stays_in(
    sql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = connect()
    rows_of(connection, sql)
    monkeypatch.setattr(asking, "MAX_BYTES", 1000)
    monkeypatch.setattr(asking, "MAX_CELLS", 100)
    with pytest.raises(SqlError, match="查询结果过大"):
        rows_of(connection, sql)
    allowance = asking.Allowance()
    asked = [rows_of(connection, "SELECT repeat('x', 400) AS a", allowance) for _ in range(2)]
    assert asked[0] == asked[1] == (["a"], [("x" * 400,)])
    with pytest.raises(SqlError, match="查询结果过大"):
        rows_of(connection, "SELECT repeat('x', 400) AS a", allowance)


def test_columns_keep_the_names_that_a_query_gives_them() -> None:
    assert rows_of(connect(), "SELECT 1 AS a, 2 AS a, 3 AS a_1 ORDER BY 1") == (
        ["a", "a", "a_1"],
        [(1, 2, 3)],
    )
