"""What a reviewer has to read first: many records lost, figures that jump, rules that report no longer what they did.

Thresholds are settings of the data package, taken as the base has them: a change does not silence its own alarm.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lingtouyan.checks.register import Register
from lingtouyan.database.database import SqlError, quote, rows_of
from lingtouyan.database.statements import Statement, columns_of, compared
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


@dataclass(frozen=True, slots=True)
class FigureChange:
    """A figure of a view whose header declares `compare`: titles of view and column, the words that name the row."""

    view: str
    row: str
    column: str
    before: Any
    after: Any
    loud: bool = True


Row = tuple[str, ...]
Figures = Mapping[str, Mapping[Row, Mapping[str, Any]]]
"""View -> words of the columns that name a row -> figure -> value."""


class Comparison:
    """What the views say is to be compared, and what is loud: as it was, so that no change silences its own alarm."""

    def __init__(self, old: Iterable[Statement], new: Iterable[Statement]) -> None:
        former = {v.name: v for v in old}
        self.views = {v.name: v for v in new if v.name in former}
        self._declared = {
            name: found
            for name, view in self.views.items()
            if (found := compared(former[name]) or compared(view)) is not None
        }

    @property
    def words(self) -> frozenset[str]:
        """The names of the views that are compared."""
        return frozenset(self._declared)

    def figures(self, register: Register) -> Figures:
        """Return the figures of a register; RecordsError where a view cannot be asked or has too many rows."""
        there = {v.name: v for v in register.views}
        return {
            name: _figures(register, there[name], keys, figures)
            for name, (keys, figures, _) in self._declared.items()
            if name in there
        }

    def changes(self, old: Figures, new: Figures) -> Iterator[FigureChange]:
        """Yield what moved."""
        for name in (n for n in new if n in old):
            view, alarming = self.views[name], self._declared[name][2]
            titles = {n: c.title for n, c in columns_of(view).items()}
            for row in dict.fromkeys([*old[name], *new[name]]):
                was, now = old[name].get(row, {}), new[name].get(row, {})
                for figure in dict.fromkeys([*was, *now]):
                    values = was.get(figure), now.get(figure)
                    if values[0] != values[1]:
                        loud = alarming is None or figure in alarming
                        title = titles.get(figure) or figure
                        yield FigureChange(view.text("title", name), " ".join(row), title, *values, loud)


def _figures(
    register: Register, view: Statement, keys: Sequence[str], figures: Sequence[str] | None
) -> dict[Row, dict[str, Any]]:
    # What is restricted, or not declared, is in no edition and in no review either.
    shown = [n for n, c in columns_of(view).items() if c.sensitivity is not Sensitivity.RESTRICTED]
    wanted = [*keys, *(n for n in (shown if figures is None else figures) if n in shown and n not in keys)]
    if not set(keys) <= set(shown):
        return {}
    try:
        _, rows = rows_of(
            register.connection, f"SELECT {', '.join(map(quote, wanted))} FROM {quote(view.name)}"
        )
    except SqlError as fault:
        raise RecordsError(
            [error(view.file, 1, "sql-error", f"视图 {view.name} 无法比较：{fault}")]
        ) from None
    width = len(keys)
    return {
        tuple(map(text, values[:width])): {
            n: v
            for n, v in zip(wanted[width:], values[width:], strict=True)
            # Where no figures are named, they are what can be counted with.
            if figures is not None or (isinstance(v, int | float) and not isinstance(v, bool))
        }
        for values in rows
    }


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
    for change in changes:
        if change.action != "added" and change.table in review.sides[0].package.tables:
            kinds = keys.setdefault(change.table, {"removed": set(), "changed": set()})
            kinds[change.action].add(change.key)
    for name, kinds in keys.items():
        total, table = totals.get(name, 0), review.tables[name]
        gone = kinds["removed"]
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
    lost = [
        (f, keys) for (f, t), keys in gone.items() if (f, t) not in left and after.project.source.exists(f)
    ]
    for file, keys in lost[:_FILES]:
        yield (
            f"文件 {file} 读不出记录，原有的 {len(keys)} 条在下文都按“删除”列出。请先改正这个文件；确实要全部删除的，请说明理由。"
        )
    if len(lost) > _FILES:
        yield f"还有 {len(lost) - _FILES} 个文件也读不出记录。"


def altered_rules(
    old: Sequence[Statement], new: Sequence[Statement], problems: Iterable[Problem]
) -> set[str]:
    """Return the statements that ask otherwise than before, are gone, or cannot run, themselves or through what they read."""
    was, now = ({s.name: s for s in side} for side in (old, new))
    both = {**now, **was}
    reads = {n: {*both[n].words, *(now[n].words if n in now else ())} & both.keys() for n in both}
    touched = {n for n, s in was.items() if n not in now or s.sql != now[n].sql}
    broken = {p.file for p in problems if p.rule == "sql-error"}
    return resting(touched, reads) | {s.name for s in new if s.file in broken}


def silenced(review: Review) -> Iterator[str]:
    """Yield the rules that changed and report less: whether the records were corrected is not known."""
    for rule, count in sorted(Counter(p.rule for p in review.met if p.rule in review.altered).items()):
        yield (
            f"规则 {rule}（或者它所用的视图、宏）改动或取消以后，原来报告的 {count} 处不再报告。"
            "请核对是规则放宽了，还是记录改正了。"
        )


def resting(on: set[str], reads: Mapping[str, Set[str]]) -> set[str]:
    """Return these names and all that rest on them, directly or not."""
    found, more = set(on), set(on)
    while more:
        more = {n for n, words in reads.items() if words & more} - found
        found |= more
    return found
