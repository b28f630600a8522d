"""What a reviewer has to read first: many records lost, figures that jump, rules that report no longer what they did.

Thresholds are settings of the data package, taken as the base has them: a change does not silence its own alarm.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from lingtouyan.checks.register import Register
from lingtouyan.database.database import SqlError, quote, rows_of
from lingtouyan.database.statements import Statement, columns_of, compared, passages, reached
from lingtouyan.history.changes import Change
from lingtouyan.problems import Problem, RecordsError, error
from lingtouyan.reading.package import Sensitivity
from lingtouyan.templates.escaping import text

if TYPE_CHECKING:
    from lingtouyan.review.compare import Review, Side

# Below these a share says little: two of ten records, four persons instead of three.
_ALARM_FROM = 20
_FIGURE_FROM = 10
_FILES = 3


class FigureChange(NamedTuple):
    """A figure of a view whose header declares `compare`: titles of view and column, the words that name the row."""

    view: str
    row: str
    column: str
    before: Any
    after: Any
    loud: bool = True


Figures = Mapping[str, Mapping[tuple[str, ...], Mapping[str, Any]]]
"""View -> words of the columns that name a row -> figure -> value."""


class Comparison:
    """What the views say is to be compared, and what is loud: as it was, so that no change silences its own alarm.

    `views` is name -> view of the head and what `compared` returns of it.
    """

    def __init__(self, old: Iterable[Statement], new: Iterable[Statement]) -> None:
        was, now = ({s.name: s for s in side if s.file.startswith("schemas/views/")} for side in (old, new))
        found = {n: compared(was[n]) or compared(now[n]) for n in now if n in was}
        self.views = {name: (now[name], declared) for name, declared in found.items() if declared}

    def figures(self, register: Register) -> Figures:
        """Return the figures of a register; RecordsError where a view cannot be asked or has too many rows."""
        result: dict[str, dict[tuple[str, ...], dict[str, Any]]] = {}
        for view in (v for v in register.views if v.name in self.views):
            keys, figures, _ = self.views[view.name][1]
            # What is restricted, or not declared, is in no edition and in no review either.
            shown = [n for n, c in columns_of(view).items() if c.sensitivity is not Sensitivity.RESTRICTED]
            names = [n for n in (shown if figures is None else figures) if n in shown and n not in keys]
            picks = ", ".join(map(quote, [*keys, *names]))
            try:
                sql = f"SELECT {picks} FROM {quote(view.name)}"
                rows = rows_of(register.connection, sql)[1] if set(keys) <= set(shown) else []
            except SqlError as fault:
                problem = error(view.file, 1, "sql-error", f"视图 {view.name} 无法比较：{fault}")
                raise RecordsError([problem]) from None
            found = result.setdefault(view.name, {})
            for values in rows:
                cells = zip(names, values[len(keys) :], strict=True)
                # Where no figures are named, they are what can be counted with.
                found[tuple(map(text, values[: len(keys)]))] = {
                    n: v
                    for n, v in cells
                    if figures is not None or (isinstance(v, int | float) and not isinstance(v, bool))
                }
        return result

    def changes(self, old: Figures, new: Figures) -> Iterator[FigureChange]:
        """Yield what moved."""
        for name in (n for n in new if n in old):
            view, (_, _, alarming) = self.views[name]
            titles = {n: c.title for n, c in columns_of(view).items()}
            for row in dict.fromkeys([*old[name], *new[name]]):
                was, now = old[name].get(row, {}), new[name].get(row, {})
                for figure in (f for f in dict.fromkeys([*was, *now]) if was.get(f) != now.get(f)):
                    place = view.text("title", name), " ".join(row), titles.get(figure) or figure
                    loud = alarming is None or figure in alarming
                    yield FigureChange(*place, was.get(figure), now.get(figure), loud)


def jumps(figures: Iterable[FigureChange], jump: float) -> list[str]:
    """Return one sentence for each figure that moves by a larger share than `jump`, the widest first."""
    found: list[tuple[float, str]] = []
    for figure in figures:
        before, after = figure.before, figure.after
        if not figure.loud or not isinstance(before, int | float) or abs(before) < _FIGURE_FROM:
            continue
        what = f"“{figure.view}”{figure.row} {figure.column}"
        if after is None:
            found.append((1.0, f"{what}原为 {before:g}，现在没有这个数字了。请核对。"))
        elif isinstance(after, int | float) and (moved := abs(after - before) / abs(before)) > jump:
            words = f"{what}由 {before:g} 变为 {after:g}，变动 {moved:.0%}，超过 {jump:.0%}。请核对。"
            found.append((moved, words))
    return [words for _, words in sorted(found, key=lambda pair: (-pair[0], pair[1]))]


def losses(changes: Iterable[Change], totals: Mapping[str, int], review: Review) -> Iterator[str]:
    """Yield one sentence for each table of which much is lost or altered; `totals` is how many records there were."""
    share = review.sides[0].package.settings.alarm_share
    keys: dict[str, dict[str, set[str]]] = {}
    for change in (c for c in changes if c.action != "added"):
        kinds = keys.setdefault(change.table, {"removed": set(), "changed": set()})
        kinds[change.action].add(change.key)
    for name, kinds in keys.items():
        total, table, gone = totals.get(name, 0), review.tables[name], kinds["removed"]
        for word, count in (("删除", len(gone)), ("改动", len(kinds["changed"] - gone))):
            # Of a small table a share says little, but losing all of it is told.
            emptied = word == "删除" and count >= total > 2
            if total and count and (emptied or (total >= _ALARM_FROM and count > share * total)):
                yield (
                    f"“{table.title}”{word}了 {count} 条记录，占原有 {total} 条的 {count / total:.1%}，"
                    f"超过 {share:.0%}。请确认是有意为之。"
                )


def unread(changes: Iterable[Change], after: Side) -> Iterator[str]:
    """Yield the files that are there but can no longer be read: their records are not really removed."""
    gone: dict[tuple[str, str], set[str]] = {}
    for change in changes:
        if change.action == "removed" and change.table == change.root_table:
            gone.setdefault((change.file, change.table), set()).add(change.key)
    left = {(file, table) for table in {t for _, t in gone} for _, file, _ in after.records(table)}
    lost = [(p[0], k) for p, k in gone.items() if p not in left and after.project.source.exists(p[0])]
    for file, keys in lost[:_FILES]:
        yield (
            f"文件 {file} 读不出记录，原有的 {len(keys)} 条在下文都按“删除”列出。请先改正这个文件；"
            "确实要全部删除的，请说明理由。"
        )
    if len(lost) > _FILES:
        yield f"还有 {len(lost) - _FILES} 个文件也读不出记录。"


def altered_rules(
    old: Sequence[Statement], new: Sequence[Statement], problems: Iterable[Problem]
) -> set[str]:
    """Return the statements that ask otherwise than before, are gone, or cannot run, themselves or through what they read."""
    now = {s.name: s.sql for s in new}
    touched = [s for s in old if now.get(s.name) != s.sql]
    broken = {p.file for p in problems if p.rule == "sql-error"}
    return resting(touched, [*old, *new]) | {s.name for s in new if s.file in broken}


def silenced(review: Review) -> Iterator[str]:
    """Yield the rules that changed and report less: whether the records were corrected is not known."""
    for rule, count in sorted(Counter(p.rule for p in review.met if p.rule in review.altered).items()):
        yield (
            f"规则 {rule}（或者它所用的视图、宏）改动或取消以后，原来报告的 {count} 处不再报告。"
            "请核对是规则放宽了，还是记录改正了。"
        )


def resting(on: Iterable[Statement], statements: Sequence[Statement]) -> set[str]:
    """Return the names of the statements that are among some, or rest on them, directly or not."""
    names, through = passages(on).keys(), passages(statements)
    return {s.name for s in statements if not names.isdisjoint(reached([s.name], through))}
