"""Jinja for the templates of a stranger's tree: what a template can reach, and that it shows the same everywhere.

How long a template runs and how much it makes is bounded by the limits of the process (`--untrusted`).
"""

from __future__ import annotations

import datetime
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, overload

import jinja2
from jinja2.exceptions import SecurityError
from jinja2.runtime import Macro, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Cycler, Joiner

# The largest text or list that a product may make, and the bits of the largest number.
_MAX_PRODUCT = 1_000_000
_MAX_BITS = 4096
# What asks the clock, or the time zone of the machine.
_CLOCK = frozenset({"astimezone", "fromtimestamp", "now", "timestamp", "today", "utcfromtimestamp", "utcnow"})


class Row(dict[str, Any]):
    """One row of a query; in a template its columns are its attributes, whatever they are called."""

    __slots__ = ()


class Groups(dict[Any, list[Row]]):
    """Rows of a query by the value of a column; a value that does not occur has no rows."""

    __slots__ = ()

    def __missing__(self, key: Any) -> list[Row]:
        return []


def grouped(rows: Iterable[Row], column: str) -> Groups:
    """Return rows by the value of a column, so that a volume hands each of its parts its own rows without a query.

    Raises:
        KeyError: the rows have no such column.
    """
    groups = Groups()
    for row in rows:
        groups.setdefault(row[column], []).append(row)
    return groups


def _no_text(self: object) -> str:
    raise SecurityError("函数不能当作文字显示，要加括号调用")


@overload
def known(value: Row, day: object) -> Row: ...
@overload
def known(value: Iterable[Row], day: object) -> list[Row]: ...
def known(value: Row | Iterable[Row], day: object) -> Row | list[Row]:
    """Return a row, or those of rows, as far as they were known on a day.

    A row's column `_since` is the day from which there was such a row; `_since_x` is that of its column `x`, and of all
    called `x_…`, which are empty before. Of a month or a year it is known once it is over.
    """
    if not isinstance(value, Row):
        return [known(row, day) for row in value if not _later(row.get("_since"), day)]
    hidden = [
        n.removeprefix("_since_") for n, since in value.items() if n[:7] == "_since_" and _later(since, day)
    ]
    return Row(
        (
            name,
            None if any(f"{name.removeprefix('_since_')}_".startswith(f"{h}_") for h in hidden) else content,
        )
        for name, content in value.items()
    )


def _later(since: object, day: object) -> bool:
    date = "" if since is None else str(since)[:10]
    same = str(day)[: len(date)]
    return date > same or (0 < len(date) < 10 and date == same)


class Function:
    """What a template may call and not show: as text it would be an address in memory."""

    __slots__ = ("_made",)
    __str__ = __repr__ = _no_text

    def __init__(self, made: Callable[..., Any]) -> None:
        self._made = made

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it."""
        return self._made(*args, **kwargs)


def _shielded(value: Any) -> Any:
    return (
        Function(value) if callable(value) and not isinstance(value, Function | Macro | Undefined) else value
    )


def _listed(made: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter that gives a list instead of an iterator, which has no text of its own."""

    @functools.wraps(made)
    def listed(*args: Any, **kwargs: Any) -> Any:
        found = made(*args, **kwargs)
        return list(found) if isinstance(found, Iterator) else found

    return listed


class Sandbox(ImmutableSandboxedEnvironment):
    """The environment of one edition's templates.

    Args:
        functions: what templates may call, and what else they see by name.
        filters: what they may filter with, besides Jinja's own.
        options: as for `jinja2.Environment`.
    """

    intercepted_binops = frozenset({"*", "**"})

    def __init__(
        self,
        functions: Mapping[str, Any] | None = None,
        filters: Mapping[str, Callable[..., Any]] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        for made in (Cycler, Joiner):
            hidden = {"__str__": _no_text, "__repr__": _no_text}
            self.globals[made.__name__.lower()] = type(made.__name__, (made,), hidden)
        self.globals.update(functions or {})
        self.globals = {name: _shielded(value) for name, value in self.globals.items()}
        self.filters = {name: _listed(made) for name, made in {**self.filters, **(filters or {})}.items()}
        # Nothing may depend on chance.
        del self.globals["lipsum"], self.filters["random"]

    def call_binop(self, context: jinja2.runtime.Context, operator: str, left: Any, right: Any) -> Any:
        """Refuse a product or power whose result would be huge."""
        numbers = [len(v) if isinstance(v, (str, list, tuple)) else v for v in (left, right)]
        if all(isinstance(v, int) for v in numbers):
            bits = [v.bit_length() for v in numbers]
            if isinstance(left, int) and isinstance(right, int):
                size = sum(bits) if operator == "*" else bits[0] * abs(right)
                huge = size > _MAX_BITS
            else:
                huge = numbers[0] * numbers[1] > _MAX_PRODUCT
            if huge:
                raise SecurityError("乘积过大" if operator == "*" else "乘方过大")
        return super().call_binop(context, operator, left, right)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Give a row's columns as its attributes, and methods as functions."""
        if isinstance(obj, Row):
            return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)
        return _shielded(super().getattr(obj, attribute))

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Give an item, or else an attribute."""
        found = super().getitem(obj, argument)
        return _shielded(found) if callable(found) else found

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Refuse also what asks the clock."""
        if attr in _CLOCK and isinstance(obj, datetime.date):
            return False
        return super().is_safe_attribute(obj, attr, value)
