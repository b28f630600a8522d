"""Items of a list followed through insertions and moves: their place is part of their key, and it shifts.

An item put in front moves none of the others; an item moved is one change, of its place.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from lingtouyan.history.versions import Key, Record, Records
from lingtouyan.reading.package import Table

Renumbered = dict[str, dict[Key, Key]]
"""Table -> former key -> the key that the same item has now."""

# Marks the former place of an item that is no longer in its list.
GONE = "−"
_MOST = 2000


def aligned(table: Table, old: Records, new: Records, moved: Renumbered) -> Records:
    """Give the old items of each list the places of the new items that they are or became.

    Args:
        moved: how the lists above were renumbered; completed with this table's items.
    """
    above = moved.get(table.parent)
    if above:
        width = len(next(iter(above)))
        old = {
            (*above.get(k[:width], k[:width]), *k[width:]): _below(table, r, above, k[:width])
            for k, r in old.items()
        }
    if table.field("ordinal") is None or not old or not new:
        return old
    numbered = table.primary_key[-1:] == ("ordinal",)
    lists: dict[Key, tuple[list[Key], list[Key]]] = {}
    depth = -1 if numbered else len(table.primary_key) - 1
    for side, records in enumerate((old, new)):
        for key in records:
            lists.setdefault(key[:depth], ([], []))[side].append(key)
    result: Records = {}
    mine = moved.setdefault(table.name, {})
    for before, after in lists.values():
        before.sort(key=lambda k: _place(old[k]))
        after.sort(key=lambda k: _place(new[k]))
        if numbered:
            for was, now, shifted in _pairs(
                [_content(old[k]) for k in before], [_content(new[k]) for k in after]
            ):
                target = after[now] if now is not None else (*before[was][:-1], f"{before[was][-1]}{GONE}")
                record = old[before[was]]
                result[target] = (
                    {**record, "ordinal": target[-1]} if now is not None and not shifted else record
                )
                mine[before[was]] = target
        else:
            for was, now, shifted in _pairs(list(before), list(after)):
                record = old[before[was]]
                if now is not None and not shifted and "ordinal" in record:
                    record = {**record, "ordinal": new[after[now]].get("ordinal", "")}
                result[before[was]] = record
    return result


def _below(table: Table, record: Record, above: dict[Key, Key], head: Key) -> Record:
    target = above.get(head)
    if target is None or target == head:
        return record
    return {**record, **{n: v for n, v in zip(table.primary_key, target, strict=False) if n in record}}


def _pairs(left: Sequence[object], right: Sequence[object]) -> Iterator[tuple[int, int | None, bool]]:
    """Yield (old place, new place or None, whether it was moved past others) for each old item."""
    if left == right:
        yield from ((n, n, False) for n in range(len(left)))
        return
    rest_left: list[int] = []
    rest_right: list[int] = []
    replaced: list[tuple[list[int], list[int]]] = []
    if len(left) > _MOST or len(right) > _MOST:
        replaced.append((list(range(len(left))), list(range(len(right)))))
    else:
        matcher = difflib.SequenceMatcher(None, left, right, autojunk=False)
        for kind, i, j, m, n in matcher.get_opcodes():
            if kind == "equal":
                yield from ((was, now, False) for was, now in zip(range(i, j), range(m, n), strict=True))
            else:
                replaced.append((list(range(i, j)), list(range(m, n))))
    for was_here, now_here in replaced:
        rest_left += was_here
        rest_right += now_here
    # The same item at another place: moved.
    places: dict[object, list[int]] = {}
    for now in rest_right:
        places.setdefault(right[now], []).append(now)
    taken: set[int] = set()
    gone: set[int] = set()
    for was in rest_left:
        if places.get(left[was]):
            now = places[left[was]].pop(0)
            taken.add(now)
            gone.add(was)
            yield was, now, True
    for was_here, now_here in replaced:
        olds, news = [w for w in was_here if w not in gone], [n for n in now_here if n not in taken]
        yield from ((was, now, False) for was, now in zip(olds, news, strict=False))
        yield from ((was, None, False) for was in olds[len(news) :])


def _place(record: Record) -> tuple[int, str]:
    text = record.get("ordinal", "")
    return (int(text) if text.isdecimal() and len(text) < 10 else 0, text)


def _content(record: Record) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((k, v) for k, v in record.items() if k != "ordinal"))
