"""Résumés: the life before, the posts, and what lies between and after them, month by month."""

from __future__ import annotations

from datetime import date
from typing import Any

from .people import HEAD, SECRETARY, Person, month_of
from .places import Village
from .writing import Row


def write_resume(person: Person, as_of: date) -> None:
    """Put the résumé together: the life before, the posts, and what lies between and after them."""
    spans = _main_posts(person)
    lines: list[tuple[str, Row]] = []
    first = spans[0][0] if spans else "9999-12"
    now = month_of(as_of)
    for month, text in person.earlier:
        if month < min(first, now):
            lines.append((month, {"content": text}))
    for i, (start, end, text, village, post) in enumerate(spans):
        lines.append((start, {"content": text, "village_id": village.key, "post": post}))
        following = spans[i + 1][0] if i + 1 < len(spans) else None
        if end is not None and (following is None or end < following) and not _told(person, end):
            lines.append(
                (
                    end,
                    {
                        "content": f"{person.village.place}村民，从事{person.trade}"
                        if person.row["origin"] != "机关干部"
                        else "回原单位工作"
                    },
                )
            )
    for day, text in person.after:
        lines.append((month_of(day), {"content": text}))
    lines.sort(key=lambda item: item[0])
    # Two lines that begin in one month: the later one is what the person was for the rest of it.
    kept = [line for i, line in enumerate(lines) if i + 1 == len(lines) or lines[i + 1][0] != line[0]]
    last = month_of(person.deceased) if person.deceased else None
    kept = [line for line in kept if last is None or line[0] < last] or kept[:1]
    person.row["resume"] = [
        {"started": month, "ended": kept[i + 1][0] if i + 1 < len(kept) else last, **text}
        for i, (month, text) in enumerate(kept)
    ]


def _told(person: Person, end: str) -> bool:
    return any(month_of(day) == end for day, _ in person.after) or (
        person.deceased is not None and month_of(person.deceased) <= end
    )


def _main_posts(person: Person) -> list[tuple[str, str | None, str, Village, str]]:
    """Return (from, to, text, village, post) of the main posts by month; a secretary's post hides any other."""
    posts = sorted(person.posts, key=lambda p: (p.start, p.post != SECRETARY))
    main = [p for p in posts if p.post == SECRETARY]
    spans: list[list[Any]] = []
    for post in main:
        start, end = month_of(post.start), month_of(post.end) if post.end else None
        if spans and spans[-1][3] is post.village and spans[-1][1] == start:
            spans[-1][1] = end
        else:
            spans.append([start, end, "", post.village, SECRETARY])
    for span in spans:
        heads = any(
            p.post == HEAD
            and p.village is span[3]
            and (span[1] is None or month_of(p.start) < span[1])
            and (p.end is None or month_of(p.end) > span[0])
            for p in posts
        )
        branch = span[3].branch
        span[2] = f"示例市{span[3].township.name}{branch}书记" + (
            f"、{span[3].committee}主任" if heads else ""
        )
    for post in posts:
        if post.post == SECRETARY:
            continue
        start, end = month_of(post.start), month_of(post.end) if post.end else None
        for piece in _outside(start, end, [(s[0], s[1]) for s in spans]):
            name = (
                f"{post.village.committee}主任"
                if post.post == HEAD
                else f"{post.village.row['party_org_type']}{post.post[3:]}"
            )
            spans.append([*piece, f"{post.village.place}{name}", post.village, post.post])
    merged: list[list[Any]] = []
    for span in sorted(spans, key=lambda s: s[0]):
        before = merged[-1] if merged else None
        if before and before[1] == span[0] and before[3] is span[3] and before[4] == span[4] == HEAD:
            before[1] = span[1]
        else:
            merged.append(span)
    return [tuple(s) for s in merged]  # type: ignore[misc]


def _outside(
    start: str, end: str | None, taken: list[tuple[str, str | None]]
) -> list[tuple[str, str | None]]:
    """Return the parts of a span of months that no taken span covers."""
    pieces: list[tuple[str, str | None]] = [(start, end)]
    for low, high in taken:
        rest: list[tuple[str, str | None]] = []
        for a, b in pieces:
            if (high is not None and high <= a) or (b is not None and b <= low):
                rest.append((a, b))
                continue
            if a < low:
                rest.append((a, low))
            if high is not None and (b is None or high < b):
                rest.append((high, b))
        pieces = rest
    return pieces
