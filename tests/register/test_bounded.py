from __future__ import annotations

import threading

import duckdb
import pytest

from generator.register.database import SqlError, bounded, connect, rows_of


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
