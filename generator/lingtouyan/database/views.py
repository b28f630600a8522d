"""Views computed once each, side by side, in the order in which they read one another.

After a change only those that may have other rows are computed, and what they read, if it is not kept.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

import duckdb

from lingtouyan.database.database import SqlError, bounded, explain, insert, one_select, quote
from lingtouyan.database.differences import ROWS, differing
from lingtouyan.database.shelf import kept_view
from lingtouyan.database.statements import Statement, columns_of
from lingtouyan.database.verdicts import Standing
from lingtouyan.problems import Problem, error


class Views:
    """The views of one register, as far as they have been asked for.

    Args:
        views: in dependency order.
        standing: tells which of them an earlier run has; it is told what changes.

    Attributes:
        there: those that can be read.
        idle: those that have the rows they had, which nobody keeps and nobody has asked for yet.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        views: Sequence[Statement],
        standing: Standing | None = None,
    ) -> None:
        self._connection = connection
        self._views = list(views)
        self._standing = standing
        self._names = {v.name for v in views}
        self._undecided = list(views)
        self._decided: set[str] = set()
        self._faults: dict[str, str] = {}
        self.there: set[str] = set()
        self.idle: dict[str, Statement] = {}

    def compute(self, asked: Collection[str] = ()) -> None:
        """Compute all that may have other rows than before, and those asked for."""
        wanted: dict[str, Statement] = {}
        running: dict[Future[tuple[str, frozenset[str]]], Statement] = {}
        # Most of a view's time is planning, which one query does on one core: those that do not wait for each other
        # are computed together. What a view reads is over-estimated by the order it is given in, never under-estimated.
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            while True:
                wanted.update(self._decide())
                wanted.update(self._called_on(wanted, asked))
                for view in [
                    v for v in wanted.values() if v.needs & self._names <= self.there | self._faults.keys()
                ]:
                    del wanted[view.name]
                    running[pool.submit(self._compute, view, view.name in self._decided)] = view
                if not running:
                    return
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    view = running.pop(future)
                    fault, changed = future.result()
                    if fault:
                        self._faults[view.name] = fault
                    else:
                        self.there.add(view.name)
                    if self._standing is not None and changed:
                        self._standing.changed[view.name] = changed
                    self._decided.add(view.name)

    def problems(self) -> list[Problem]:
        """Return what is wrong with views that could not be computed."""
        return [
            error(v.file, 1, "sql-error", f"视图 {v.name} 无法计算：{self._faults[v.name]}")
            for v in self._views
            if v.name in self._faults
        ]

    def _decide(self) -> dict[str, Statement]:
        """Return the views to compute of those that read only what is decided on; show what is kept of the others."""
        again: dict[str, Statement] = {}
        left = []
        for view in self._undecided:
            if not view.needs & self._names <= self._decided:
                left.append(view)
            elif self._standing is None or not self._standing.holds(view):
                again[view.name] = view
            else:
                self._decided.add(view.name)
                if view.name in self._standing.known.views:
                    name = quote(view.name)
                    self._connection.execute(f"CREATE VIEW {name} AS FROM {kept_view(view.name)}")
                    self.there.add(view.name)
                else:
                    self.idle[view.name] = view
        self._undecided = left
        return again

    def _called_on(self, wanted: Collection[str], asked: Collection[str]) -> dict[str, Statement]:
        """Return the idle views that are asked for, or that one to compute reads."""
        called: dict[str, Statement] = {}
        needs = {v.name: v.needs for v in self._views}
        pending = {*asked, *(n for w in wanted for n in needs[w])}
        while pending:
            name = pending.pop()
            if name in self.idle:
                called[name] = self.idle.pop(name)
                pending |= needs[name]
        return called

    def _compute(self, view: Statement, as_before: bool) -> tuple[str, frozenset[str]]:
        """Compute one view; return what is wrong with it, if anything, and in which columns it is not what it was."""
        with self._connection.cursor() as own:
            try:
                query = one_select(own, view.sql)
                with bounded(own):
                    own.execute(f"CREATE TABLE {quote(view.name)} AS {query}")
                if as_before or self._standing is None:
                    return "", frozenset()
                if view.name not in self._standing.known.views:
                    return "", frozenset({ROWS})
                names = [r[0] for r in own.execute(f"DESCRIBE {quote(view.name)}").fetchall()]
                return "", differing(own, kept_view(view.name), quote(view.name), names)
            except SqlError as fault:
                return str(fault), frozenset({ROWS})
            except duckdb.Error as fault:
                return explain(fault), frozenset({ROWS})


def compute_views(
    connection: duckdb.DuckDBPyConnection, views: Sequence[Statement], problems: list[Problem]
) -> list[Statement]:
    """Compute views once each, in the order given; return those that could be, add what is wrong with the others."""
    made = Views(connection, views)
    made.compute()
    problems.extend(made.problems())
    return [v for v in views if v.name in made.there]


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
