"""A change seen as a whole: figures that move, and what is so large that it has to be read first.

Thresholds are settings of the data package, so that a city can say what is large for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from generator.history.changes import Change
from generator.problems import UsageError
from generator.reading.package import Package, Sensitivity
from generator.reading.records import Records as ReadRecords
from generator.register.building import Register
from generator.register.database import quote
from generator.register.statements import Statement, columns_of
from generator.templating.escaping import text

ALARM_SHARE = 0.05
FIGURE_JUMP = 0.2
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
    rows = register.connection.execute(f"SELECT {', '.join(map(quote, wanted))} FROM {quote(view.name)}")
    return {
        tuple(text(v) for v in values[: len(keys)]): dict(
            zip(wanted[len(keys) :], values[len(keys) :], strict=True)
        )
        for values in rows.fetchall()
    }


def _setting(package: Package, name: str, default: float) -> float:
    """Return a share from the data package's settings.

    Raises:
        UsageError: it is no number from 0 to 1.
    """
    given = package.options.get(name)
    if given is None:
        return default
    try:
        share = float(given)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise UsageError(
            f"datapackage.yaml 的 lingtouyan.{name} 应是 0 到 1 之间的小数，如 0.05，不能是 {given}。"
        )
    return share


def alarms(
    changes: Iterable[Change],
    old: ReadRecords,
    packages: tuple[Package, Package],
    figures: Iterable[FigureChange],
) -> Iterator[str]:
    """Yield one sentence for each thing about the whole that nobody should overlook.

    Args:
        packages: before and after. The thresholds are those of before, but the new ones have to make sense too.
    """
    package, now = packages
    for name in ("alarm_share", "alarm_jump"):
        _setting(now, name, 0)
    share, jump = _setting(package, "alarm_share", ALARM_SHARE), _setting(package, "alarm_jump", FIGURE_JUMP)
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
    for figure in figures:
        before, after = figure.before, figure.after
        if not figure.loud:
            continue
        if isinstance(before, int | float) and isinstance(after, int | float) and abs(before) >= _FIGURE_FROM:
            moved = abs(after - before) / abs(before)
            if moved > jump:
                yield (
                    f"“{figure.view}”{figure.row} {figure.column}由 {before:g} 变为 {after:g}，"
                    f"变动 {moved:.0%}，超过 {jump:.0%}。请核对。"
                )


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
        found = {n for n, s in statements.items() if f"'{name}'" in s.sql}
        more = found
        while more:
            more = {n for n, words in reads.items() if words & more} - found
            found |= more
        result[name] = found
    return result
