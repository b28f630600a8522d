"""The text below the first line of each commit message, where people cite the paper that a change rests on.

One process for the whole history; commits that say nothing there are left out.
"""

from __future__ import annotations

from pathlib import Path

from lingtouyan.history.git import git

_MOST = 2_000


def read_messages(root: Path, tip: str) -> dict[str, str]:
    """Return commit -> text, for the commits reachable from `tip`; each is bounded in length."""
    answer = git(root, "log", "--format=%x01%H%x00%b", tip, "--") or ""
    result = {}
    for block in answer.split("\x01")[1:]:
        commit, _, body = block.partition("\0")
        if body.strip():
            result[commit] = body.strip()[:_MOST]
    return result
