"""Views, computed once each when something reaches them, side by side where they do not wait for one another."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from graphlib import CycleError, TopologicalSorter

import duckdb

from lingtouyan.database.database import SqlError, create_table, explain, one_select, quote, side_by_side
from lingtouyan.database.statements import Statement, columns_of, passages, reached
from lingtouyan.problems import Problem, RecordsError, error

HISTORY = frozenset({"changes", "commits"})


class Views:
    """The views of one register, and its history: both cost time, so neither is there before it is needed.

    Args:
        views, macros: as read.
        history: fills `changes` and `commits`; called once, when something reaches them.

    Attributes:
        order: all views, each after those that it reads.
        computed: names of those that are tables of the register.

    Raises:
        RecordsError: views read each other in a circle.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        views: Sequence[Statement],
        macros: Sequence[Statement],
        history: Callable[[], None] = lambda: None,
    ) -> None:
        self._connection = connection
        self._history = history
        self._told = False
        self._faults: dict[str, str] = {}
        self._planned: set[str] = set()
        self._through = passages([*views, *macros])
        by_name = {v.name: v for v in views}
        macro_only = passages(macros)
        self._needs = {
            v.name: sorted((reached(v.words, macro_only) & by_name.keys()) - {v.name}) for v in views
        }
        try:
            self.order = [by_name[n] for n in TopologicalSorter(self._needs).static_order()]
        except CycleError as fault:
            circle = sorted(set(fault.args[1]))
            message = f"视图互相引用，无法计算：{'、'.join(circle)}。请去掉其中一处引用。"
            raise RecordsError([error(by_name[circle[0]].file, 1, "sql-error", message)]) from None
        self.computed: set[str] = set()

    def reach(self, words: Iterable[str]) -> frozenset[str]:
        """Return all identifiers that a statement with these words reaches through views and macros."""
        return reached(words, self._through)

    def need(self, words: Iterable[str] | None = None) -> None:
        """Compute what a statement with these words reaches; everything for None."""
        names = {v.name for v in self.order}
        reach = self.reach(words) if words is not None else names | HISTORY
        if not self._told and not reach.isdisjoint(HISTORY):
            self._told = True
            self._history()
        wanted = (names & reach) - self.computed - self._faults.keys()
        by_name = {v.name: v for v in self.order}
        sorter = TopologicalSorter({n: wanted.intersection(self._needs[n]) for n in wanted})
        sorter.prepare()
        while sorter.is_active():
            ready = sorter.get_ready()
            made = side_by_side(self._connection, lambda own, n: self._make(own, by_name[n], "TABLE"), ready)
            for name, fault in zip(ready, made, strict=True):
                self._note(name, fault, self.computed)
            sorter.done(*ready)

    def forget(self, tables: Iterable[str], kept: Collection[str] = ()) -> None:
        """Drop what was computed from these tables, but for views that are `kept`; `need` makes it again."""
        changed = frozenset(tables)
        for view in self.order:
            if view.name in self.computed.difference(kept) and not changed.isdisjoint(self.reach(view.words)):
                self._connection.execute(f"DROP TABLE {quote(view.name)}")
                self.computed.discard(view.name)

    def plan(self) -> None:
        """Look at all that was not needed without computing it: what is wrong with it is told as well."""
        for view in self.order:
            if view.name not in self.computed | self._planned | self._faults.keys():
                self._note(view.name, self._make(self._connection, view, "VIEW"), self._planned)

    def _note(self, name: str, fault: str, good: set[str]) -> None:
        if fault:
            self._faults[name] = fault
        else:
            good.add(name)

    def _make(self, connection: duckdb.DuckDBPyConnection, view: Statement, kind: str) -> str:
        """Make one view a table, or a view of the database; return what is wrong with it, if anything."""
        name = quote(view.name)
        try:
            query = one_select(connection, view.sql)
            if view.name in self._planned:
                connection.execute(f"DROP VIEW {name}")
            connection.execute(f"CREATE {kind} {name} AS {query}")
        except SqlError as fault:
            return str(fault)
        except duckdb.Error as fault:
            return explain(fault)
        return ""

    @property
    def there(self) -> list[Statement]:
        """The views that can be read, in order."""
        return [v for v in self.order if v.name in self.computed | self._planned]

    def problems(self) -> list[Problem]:
        """Return what is wrong with views that could not be made."""
        return [
            error(v.file, 1, "sql-error", f"视图 {v.name} 无法计算：{self._faults[v.name]}")
            for v in self.order
            if v.name in self._faults
        ]


def describe_views(connection: duckdb.DuckDBPyConnection, views: Sequence[Statement]) -> None:
    """Create `views`: what each view's header says of its columns."""
    rows: list[tuple[str, ...]] = []
    for v in views:
        said = (v.name, v.text("title", v.name), v.text("description"))
        for name, c in columns_of(v).items():
            rows.append((*said, name, c.title, c.description, c.sensitivity.name.lower(), v.file))
    create_table(connection, "views", rows)
