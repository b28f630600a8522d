"""Jinja for the templates of a stranger's tree: no way out, no sum that never ends, no text that fills the memory.

Every value a template makes is charged to its page, and what would be huge in one step is refused before it is made.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from lingtouyan.templates.escaping import escape
from lingtouyan.watchdog import OverdueError, watched

SECONDS = 10.0
# Characters and items that one page may make in all, its own text included.
BUDGET = 50_000_000
_MAX_PRODUCT = 1_000_000
_MAX_NUMBER = 100_000
_MAX_BITS = 4096
# Filters whose numbers say how much to make.
_SIZED = frozenset({"batch", "center", "indent", "round", "slice", "wordwrap"})
# Nothing may depend on chance; and what reads text by heavy patterns has no use in official pages.
_REMOVED_FILTERS = ("random", "urlize")
_REMOVED_GLOBALS = ("lipsum",)
_REFUSED_METHODS = frozenset({"translate", "format_map", "maketrans"})
_WIDE_FORMAT = re.compile(r"\d{5}|%[^A-Za-z%]*\*|\{[^{}]*\{")


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


class _Generator(CodeGenerator):
    """Compiles `a ~ b` so that its result is charged like that of `a + b`, and escapes a value once."""

    def _output_child_pre(
        self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo
    ) -> None:
        # What has gone through our own escape is markup: a second one would only copy it, once per value shown.
        if frame.eval_ctx.autoescape and not frame.eval_ctx.volatile and self.environment.finalize is escape:
            self.write(f"({finalize.src or ''}")
        else:
            super()._output_child_pre(node, frame, finalize)

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802
        self.write("environment.charged(")
        super().visit_Concat(node, frame)
        self.write(")")


class Sandbox(ImmutableSandboxedEnvironment):
    """The environment of one edition's templates; used by one thread at a time."""

    code_generator_class = _Generator
    intercepted_binops = frozenset(["+", "*", "**", "%"])

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # A list, so that overlays of this environment spend from the same purse.
        self.spent = [0]
        for name in _REMOVED_GLOBALS:
            self.globals.pop(name, None)
        self.add_filters({k: v for k, v in self.filters.items() if k not in _REMOVED_FILTERS})
        for name in _REMOVED_FILTERS:
            self.filters.pop(name, None)

    def add_filters(self, filters: Mapping[str, Callable[..., Any]]) -> None:
        """Make filters known, each charged for what it gives."""
        self.filters.update({name: self._bounded(name, made) for name, made in filters.items()})

    def _bounded(self, name: str, made: Callable[..., Any]) -> Callable[..., Any]:
        # A filter that is handed the environment or context has its value second.
        first = 1 if getattr(made, "jinja_pass_arg", None) is not None else 0

        @functools.wraps(made)
        def bounded(*arguments: Any, **options: Any) -> Any:
            value, *others = arguments[first:]
            others.extend(options.values())
            if name in _SIZED and any(isinstance(v, int) and abs(v) > _MAX_NUMBER for v in others):
                raise SecurityError(f"{name} 的数字过大")
            if name == "format" and _WIDE_FORMAT.search(str(value)):
                raise SecurityError("格式的宽度过大")
            if name == "sum" and any(not isinstance(v, (int, float, str)) for v in others):
                raise SecurityError("sum 只能从数字算起")
            if name == "replace":
                _check_replace(str(value), others)
            if name == "join":
                value = _check_join(value, others)
                arguments = (*arguments[:first], value, *arguments[first + 1 :])
            return self.charged(made(*arguments, **options))

        return bounded

    def charged(self, value: Any) -> Any:
        """Charge a value to the page and return it."""
        size = len(value) if isinstance(value, (str, bytes, list, tuple)) else 0
        self.spent[0] += size + 1
        if self.spent[0] > BUDGET:
            raise SecurityError("一页生成的内容过大")
        return value

    def concat(self, parts: Iterable[str]) -> str:
        """Join the parts of a page or macro, charging each."""
        kept = []
        for part in parts:
            self.charged(part)
            kept.append(part)
        return "".join(kept)

    def call_binop(self, context: jinja2.runtime.Context, operator: str, left: Any, right: Any) -> Any:
        """Refuse a sum whose result would be huge, and charge any other."""
        """Refuse a sum whose result would be huge, and charge any other."""
        if operator == "%" and isinstance(left, str) and _WIDE_FORMAT.search(left):
            raise SecurityError("格式的宽度过大")
        if operator == "**" and isinstance(left, (int, float)) and isinstance(right, (int, float)):
            if abs(right) > 64 or abs(left) > _MAX_PRODUCT:
                raise SecurityError("乘方过大")
        elif operator == "*":
            _check_product(left, right)
        return self.charged(super().call_binop(context, operator, left, right))

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Give a row's columns as its attributes."""
        """Give a row's columns as its attributes."""
        if isinstance(obj, Row):
            return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)
        return super().getattr(obj, attribute)

    def call(__self, __context: jinja2.runtime.Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        """Refuse a method that would make something huge, and charge any other."""
        """Refuse a method that would make something huge, and charge any other."""
        owner, name = getattr(__obj, "__self__", None), getattr(__obj, "__name__", "")
        if isinstance(owner, (str, bytes, int)) or hasattr(__obj, "__wrapped__"):
            _check_method(owner, name, __obj, [*args, *kwargs.values()])
        if name == "join" and isinstance(owner, str) and args:
            args = (_check_join(args[0], [owner]), *args[1:])
        return __self.charged(super().call(__context, __obj, *args, **kwargs))


def _check_product(left: Any, right: Any) -> None:
    sizes = [len(v) if isinstance(v, (str, list, tuple)) else v for v in (left, right)]
    if not all(isinstance(v, int) for v in sizes):
        return
    if any(isinstance(v, (str, list, tuple)) for v in (left, right)):
        if abs(sizes[0] * sizes[1]) > _MAX_PRODUCT:
            raise SecurityError("乘积过大")
    elif sizes[0].bit_length() + sizes[1].bit_length() > _MAX_BITS:
        raise SecurityError("乘积过大")


def _check_method(owner: Any, name: str, called: Any, arguments: list[Any]) -> None:
    if name in _REFUSED_METHODS:
        raise SecurityError(f"不能使用 {name}")
    if name == "format":
        # The sandbox hands out a wrapper whose string is the wrapped method's.
        source = getattr(getattr(called, "__wrapped__", called), "__self__", "")
        if isinstance(source, str) and _WIDE_FORMAT.search(source):
            raise SecurityError("格式的宽度过大")
    elif any(isinstance(v, int) and abs(v) > _MAX_NUMBER for v in arguments):
        raise SecurityError(f"{name} 的数字过大")
    if name == "replace" and isinstance(owner, str):
        _check_replace(owner, arguments)


def _check_replace(value: str, arguments: list[Any]) -> None:
    words = [v for v in arguments if isinstance(v, str)]
    if (
        len(words) > 1
        and (value.count(words[0]) if words[0] else len(value) + 1) * len(words[1]) > _MAX_PRODUCT
    ):
        raise SecurityError("替换后的内容过大")


def _check_join(value: Any, arguments: list[Any]) -> Any:
    if isinstance(value, (str, dict)):
        return value
    items = list(value)
    between = max((len(v) for v in arguments if isinstance(v, str)), default=0)
    if sum(len(v) if isinstance(v, str) else 1 for v in items) + between * len(items) > BUDGET:
        raise SecurityError("连接后的内容过大")
    return items


def compiled(environment: jinja2.Environment, source: str) -> jinja2.Template:
    """Compile a template within the time that a page has."""
    try:
        with watched(SECONDS):
            return environment.from_string(source)
    except OverdueError:
        raise SecurityError(f"编译超过 {SECONDS:.0f} 秒") from None


def rendered(template: jinja2.Template, **values: Any) -> str:
    """Render one page within its time and budget.

    Raises:
        SecurityError: it took or made too much, or tried what a sandbox does not allow.
        Exception: whatever else the template ran into.
    """
    environment = template.environment
    if isinstance(environment, Sandbox):
        environment.spent[0] = 0
    try:
        with watched(SECONDS):
            return template.render(values)
    except OverdueError:
        raise SecurityError(f"用时超过 {SECONDS:.0f} 秒") from None
