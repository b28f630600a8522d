"""A review as a comment on a change request: the summary in full, the rest folded, the whole bounded.

Git hosts read more into a comment than Markdown says: nothing that somebody typed may call a person, an issue or a command.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from lingtouyan.problems import Problem, printable
from lingtouyan.review.account import UNREADABLE, headline, parts, place, verdict, weight
from lingtouyan.review.review import Review
from lingtouyan.templates.escaping import escape

# Hosts refuse a comment of more than 65,536 characters; a marker or a heading may be put around this one.
LIMIT = 65_000
_ALARMS = 20
_ITEM = 2_000
# What hosts link after the Markdown has been read: @person #1 !2 ~label %stage $snippet &group :emoji: GH-1 www.
_CALLS = re.compile(r"&#(?:33|35|36|37|38|58|64|126);|[%:]|\bGH(?=-)|\bwww(?=\.)", re.IGNORECASE)
_GAP = "&#8203;"
_REST = "- …… 其余 {} 项从略，运行 `lingtouyan review` 查看全部"


def unreadable_as_markdown(problems: Sequence[Problem]) -> str:
    """Write for a comment that the head could not be read at all, and why."""
    lines = ["## 变更审阅", "", f"**未通过**　{UNREADABLE}请先改正：", ""]
    lines += [
        f"- {words(_cut(f'{weight(p)} {p.rule} {p.message}（{place(p)}）'))}" for p in problems[:_ALARMS]
    ]
    if len(problems) > _ALARMS:
        lines.append(f"- 另有 {len(problems) - _ALARMS} 处，运行 `lingtouyan check` 查看。")
    return "\n".join(lines) + "\n"


def words(value: str) -> str:
    """Return words that somebody typed as they read in a comment, whatever they contain.

    A space of no width parts each sign from what follows it, so that a host finds no reference; the reader sees none.
    """
    return _CALLS.sub(lambda m: m[0] + _GAP, str(escape(printable(value))))


def as_markdown(review: Review, limit: int = LIMIT) -> str:
    """Write for a comment.

    Args:
        limit: the most characters it may have.
    """
    lines = ["## 变更审阅", ""]
    for alarm in review.alarms[:_ALARMS]:
        lines += [f"> **请先看这里：** {words(_cut(alarm))}", ">"]
    if len(review.alarms) > _ALARMS:
        lines += [f"> 另有 {len(review.alarms) - _ALARMS} 项，见 `lingtouyan review`。"]
    if review.alarms:
        lines.append("")
    passed = "未通过" if review.refused else "通过"
    lines += [f"**{passed}**　{words(headline(review))}", "", words(verdict(review)), ""]
    room = limit - sum(len(line) + 1 for line in lines)
    given = [p for p in parts(review) if p.items]
    # The frame of every part is paid for before the first item is written.
    frames = [
        (
            f"<details{' open' if p.opened else ''}><summary>{p.heading}</summary>",
            "</details>",
        )
        for p in given
    ]
    room -= sum(len(head) + len(foot) + len(_REST) + 20 for head, foot in frames)
    for part, (head, foot) in zip(given, frames, strict=True):
        shown: list[str] = []
        for item in part.items:
            line = f"- {words(_cut(item))}"
            if len(line) + 1 > room:
                break
            room -= len(line) + 1
            shown.append(line)
        if len(shown) < len(part.items):
            shown.append(_REST.format(len(part.items) - len(shown)))
        lines += [head, "", *shown, "", foot, ""]
    return "\n".join(lines)


def _cut(item: str) -> str:
    return item if len(item) <= _ITEM else item[: _ITEM - 1] + "…"
