"""Views computed once each, side by side, in the order in which they read one another."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

import duckdb

from lingtouyan.database.database import SqlError, bounded, explain, insert, one_select, quote
from lingtouyan.database.statements import Statement, columns_of
from lingtouyan.problems import Problem, error


def compute_views(
    connection: duckdb.DuckDBPyConnection, views: Sequence[Statement], problems: list[Problem]
) -> list[Statement]:
    """Compute views once each; return those that could be, add what is wrong with the others.

    Args:
        views: in dependency order.
    """
    names = {v.name for v in views}
    faults: dict[str, str] = {}
    done: set[str] = set()
    waiting = list(views)
    running: dict[Future[str], Statement] = {}
    # Most of a view's time is planning, which one query does on one core: those that do not wait for each other
    # are computed together.
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        while waiting or running:
            ready = [v for v in waiting if v.needs & names <= done]
            waiting = [v for v in waiting if v not in ready]
            running.update((pool.submit(_compute, connection, v), v) for v in ready)
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                view = running.pop(future)
                done.add(view.name)
                if fault := future.result():
                    faults[view.name] = fault
    problems.extend(
        error(v.file, 1, "sql-error", f"视图 {v.name} 无法计算：{faults[v.name]}")
        for v in views
        if v.name in faults
    )
    return [v for v in views if v.name not in faults]


def _compute(connection: duckdb.DuckDBPyConnection, view: Statement) -> str:
    """Compute one view; return what is wrong with it, if anything."""
    with connection.cursor() as own:
        try:
            query = one_select(own, view.sql)
            with bounded(own):
                own.execute(f"CREATE TABLE {quote(view.name)} AS {query}")
        except SqlError as fault:
            return str(fault)
        except duckdb.Error as fault:
            return explain(fault)
    return ""


def describe_views(connection: duckdb.DuckDBPyConnection, views: Sequence[Statement]) -> None:
    """Create `views`: what each view's header says of its columns."""
    connection.execute(
        "CREATE TABLE views (name VARCHAR, title VARCHAR, description VARCHAR, field VARCHAR, field_title VARCHAR, "
        "field_description VARCHAR, sensitivity VARCHAR, file VARCHAR)"
    )
    insert(
        connection,
        "views",
        [
            (
                v.name,
                v.text("title", v.name),
                v.text("description"),
                name,
                c.title,
                c.description,
                c.sensitivity.name.lower(),
                v.file,
            )
            for v in views
            for name, c in columns_of(v).items()
        ],
    )
