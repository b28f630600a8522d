"""A change seen as a whole: figures that move, and what is so large that it has to be read first.

Thresholds are settings of the data package, so that a city can say what is large for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from lingtouyan.checks.register import Register
from lingtouyan.database.asking import rows_of
from lingtouyan.database.database import SqlError, quote
from lingtouyan.database.statements import Statement, columns_of
from lingtouyan.history.changes import Change
from lingtouyan.problems import RecordsError, error
from lingtouyan.reading.package import Package, Sensitivity
from lingtouyan.reading.records import Records as ReadRecords
from lingtouyan.templates.escaping import text

# Below these a share says little: two of ten records, four persons instead of three.
_ALARM_FROM = 20
_FIGURE_FROM = 10


@dataclass(frozen=True, slots=True)
class FigureChange:
    """One figure of a view whose header declares `compare`.

    Attributes:
        view: title of the view, `column` title of the column.
        row: the words of the columns that the view is compared by.
        loud: whether a jump of it is said first.
    """

    view: str
    row: str
    column: str
    before: Any
    after: Any
    loud: bool = True


def figure_changes(old: Register, new: Register) -> Iterator[FigureChange]:
    """Yield what moved in the views whose header says `compare: {by: [columns], figures: [columns], alarm: [columns]}`.

    Without `alarm` every figure may sound one.
    """
    former = {v.name: v for v in old.views}
    for view in new.views:
        # What is to be compared and what is loud is as it was: a change does not silence its own alarm.
        keys, figures, alarming = next(
            (c for c in (_compared(former.get(view.name)), _compared(view)) if c[0]), ([], [], [])
        )
        if not keys or view.name not in former:
            continue
        titles = {n: c.title for n, c in columns_of(view).items()}
        was, now = _figures(old, former[view.name], keys, figures), _figures(new, view, keys, figures)
        for row in dict.fromkeys([*was, *now]):
            mine, others = was.get(row, {}), now.get(row, {})
            for name in figures:
                if mine.get(name) != others.get(name):
                    yield FigureChange(
                        view.text("title", view.name),
                        " ".join(row),
                        titles.get(name) or name,
                        mine.get(name),
                        others.get(name),
                        name in alarming,
                    )


def _compared(view: Statement | None) -> tuple[list[str], list[str], list[str]]:
    declared = view.header.get("compare") if view else None
    if not isinstance(declared, Mapping):
        return [], [], []
    by, figures, alarming = (
        [str(k) for k in listed] if isinstance(listed := declared.get(name), list) else []
        for name in ("by", "figures", "alarm")
    )
    return by, figures, alarming if "alarm" in declared else figures


def _figures(
    register: Register, view: Statement, keys: Sequence[str], figures: Sequence[str]
) -> dict[tuple[str, ...], dict[str, Any]]:
    # What is restricted, or not declared, is in no edition and in no review either.
    shown = {n for n, c in columns_of(view).items() if c.sensitivity is not Sensitivity.RESTRICTED}
    wanted = [n for n in (*keys, *figures) if n in shown]
    if not set(keys) <= shown:
        return {}
    try:
        _, rows = rows_of(
            register.connection, f"SELECT {', '.join(map(quote, wanted))} FROM {quote(view.name)}"
        )
    except SqlError as fault:
        raise RecordsError(
            [error(view.file, 1, "sql-error", f"视图 {view.name} 无法比较：{fault}")]
        ) from None
    return {
        tuple(text(v) for v in values[: len(keys)]): dict(
            zip(wanted[len(keys) :], values[len(keys) :], strict=True)
        )
        for values in rows
    }


def alarms(
    changes: Iterable[Change],
    old: ReadRecords,
    packages: tuple[Package, Package],
) -> Iterator[str]:
    """Yield one sentence for each table of which much is lost or altered.

    Args:
        packages: before and after. The threshold is that of before.
    """
    package, now = packages
    share = package.settings.alarm_share
    removed: dict[str, set[str]] = {}
    altered: dict[str, set[str]] = {}
    for change in changes:
        if change.action != "added":
            kind = removed if change.action == "removed" else altered
            kind.setdefault(change.table, set()).add(change.key)
    for name in dict.fromkeys([*removed, *altered]):
        total = sum(1 for _ in old.rows(name))
        title = next((p.tables[name].title for p in (now, package) if name in p.tables), name)
        gone = removed.get(name, set())
        yield from _share(title, "删除", len(gone), total, share)
        yield from _share(title, "改动", len(altered.get(name, set()) - gone), total, share)


def jumps(figures: Iterable[FigureChange], packages: tuple[Package, Package]) -> list[str]:
    """Return one sentence for each figure that jumps, the widest first; thresholds as for `alarms`."""
    jump = packages[0].settings.alarm_jump
    found: list[tuple[float, str]] = []
    for figure in figures:
        before, after = figure.before, figure.after
        if not figure.loud or not isinstance(before, int | float) or abs(before) < _FIGURE_FROM:
            continue
        what = f"“{figure.view}”{figure.row} {figure.column}"
        if after is None:
            found.append((1.0, f"{what}原为 {before:g}，现在没有这个数字了。请核对。"))
        elif isinstance(after, int | float):
            moved = abs(after - before) / abs(before)
            if moved > jump:
                words = f"{what}由 {before:g} 变为 {after:g}，变动 {moved:.0%}，超过 {jump:.0%}。请核对。"
                found.append((moved, words))
    return [words for _, words in sorted(found, key=lambda pair: (-pair[0], pair[1]))]


def _share(title: str, word: str, count: int, total: int, share: float) -> Iterator[str]:
    # A small table gives no share worth the name, but losing all of it is never small.
    emptied = word == "删除" and count >= total > 2
    if total and count and (emptied or (total >= _ALARM_FROM and count > share * total)):
        yield (
            f"“{title}”{word}了 {count} 条记录，占原有 {total} 条的 {count / total:.1%}，"
            f"超过 {share:.0%}。请确认是有意为之。"
        )


def affected(names: Iterable[str], statements: Mapping[str, Statement]) -> dict[str, set[str]]:
    """Return for each name which statements speak of it as a text, themselves or through others they read.

    Args:
        names: e.g. names of figures that statements look up.
        statements: by name, views, macros and rules alike.
    """
    reads = {n: s.words & statements.keys() for n, s in statements.items()}
    result: dict[str, set[str]] = {}
    for name in names:
        result[name] = _resting({n for n, s in statements.items() if f"'{name}'" in s.sql}, reads)
    return result


def unlike(old: Iterable[Statement], new: Iterable[Statement]) -> set[str]:
    """Return which statements ask otherwise than before, or are gone, themselves or through others they read."""
    was, now = ({s.name: s for s in side} for side in (old, new))
    both = {**now, **was}
    reads = {n: {*both[n].words, *(now[n].words if n in now else ())} & both.keys() for n in both}
    touched = {n for n, s in was.items() if n not in now or s.sql != now[n].sql}
    return _resting(touched, reads)


def _resting(on: set[str], reads: Mapping[str, Set[str]]) -> set[str]:
    """Return these names and all that rest on them."""
    found, more = set(on), set(on)
    while more:
        more = {n for n, words in reads.items() if words & more} - found
        found |= more
    return found
