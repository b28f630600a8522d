"""What was read of a history, kept from run to run: a first part and what later runs added to it.

Written with `marshal`, which loads ten times faster than text; that is safe because a cache entry is signed.
"""

from __future__ import annotations

import marshal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lingtouyan.history.log import FileChange, LoggedCommit
from lingtouyan.signed import SignedCache as Cache

_NAME = "changes"
_FORM = f"3 {sys.version}"
# Past so many small parts they are written into one again.
_MOST_PARTS = 32


@dataclass
class Stored:
    """A stretch of history.

    Attributes:
        tip: its last commit.
        changes: rows of changes, as plain tuples.
        broken: blob that nothing could be read from -> the last one before it that could be.
        parts: how many parts it was read from.
    """

    tip: str = ""
    commits: list[LoggedCommit] = field(default_factory=list)
    changes: Sequence[tuple[str, ...]] = ()
    broken: dict[str, str] = field(default_factory=dict)
    parts: int = 0


class Store:
    """The stored history of one repository, by one data package."""

    def __init__(self, cache: Cache | None, digest: str) -> None:
        self._cache = cache
        self._digest = digest

    def load(self) -> Stored:
        """Return all that is stored, or an empty stretch."""
        result = Stored()
        changes: list[tuple[str, ...]] = []
        while result.parts < _MOST_PARTS + 1:
            part = self._part(result.parts, result.tip)
            if part is None:
                break
            result.tip = part["tip"]
            result.commits += map(_commit, part["commits"])
            changes += part["changes"]
            result.broken.update(part["broken"])
            result.parts += 1
        result.changes = changes
        return result

    def _part(self, number: int, after: str) -> dict[str, Any] | None:
        data = self._cache.load(_name(number)) if self._cache is not None else None
        if data is None or not data.startswith(self._head):
            return None
        part: dict[str, Any] = marshal.loads(data[len(self._head) :])  # noqa: S302
        # A part that follows another history than the one before it was left over.
        return part if part["after"] == after else None

    @property
    def _head(self) -> bytes:
        return f"{_FORM}\n{self._digest}\n".encode()

    def save(self, fresh: Stored, *, after: Stored) -> None:
        """Keep what is new; `after` is what was loaded, which stays as it is unless it has too many parts."""
        if self._cache is None:
            return
        number, before = after.parts, after.tip
        if number >= _MOST_PARTS:
            number, before = 0, ""
            fresh = Stored(
                fresh.tip, [*after.commits, *fresh.commits], [*after.changes, *fresh.changes], fresh.broken
            )
        part = {
            "after": before,
            "tip": fresh.tip,
            "commits": [_plain(c) for c in fresh.commits],
            "changes": [tuple(c) for c in fresh.changes],
            "broken": fresh.broken,
        }
        self._cache.save(_name(number), self._head + marshal.dumps(part))


def _name(number: int) -> str:
    return f"{_NAME}-{number:02}"


def _plain(c: LoggedCommit) -> tuple[Any, ...]:
    files = [(f.path, f.before, f.after, f.base) for f in c.files]
    return (
        *(c.id, c.parents, c.author_time, c.commit_time, c.author, c.author_email, c.committer),
        *(c.committer_email, c.subject, c.body, files),
    )


def _commit(values: tuple[Any, ...]) -> LoggedCommit:
    commit = LoggedCommit(*values[:-1])
    commit.files = [FileChange(*f) for f in values[-1]]
    return commit
