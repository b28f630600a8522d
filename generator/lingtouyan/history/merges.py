"""What a merge did by itself: files that equal no side, and files in which it dropped what one side had changed.

A merge that keeps one side of a file whole is silent in git's own account, though it may undo somebody's change.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence

from lingtouyan.history.log import FileChange, LoggedCommit

_OURS, _THEIRS = 1, 2


class Lines:
    """The graph of commits, parents before children.

    Args:
        commits: all of a history, in an order in which each comes after its parents.
    """

    def __init__(self, commits: Sequence[LoggedCommit]) -> None:
        self._commits = commits
        self._place = {c.id: n for n, c in enumerate(commits)}

    def apart(self, ours: str, theirs: str) -> tuple[list[LoggedCommit], list[LoggedCommit]]:
        """Return the commits that only the one and only the other descends from, oldest first."""
        sides = {self._place[c]: 0 for c in (ours, theirs) if c in self._place}
        for commit, side in ((ours, _OURS), (theirs, _THEIRS)):
            if commit in self._place:
                sides[self._place[commit]] |= side
        heap = [-n for n in sides]
        heapq.heapify(heap)
        open_ends = sum(s != _OURS | _THEIRS for s in sides.values())
        found: tuple[list[LoggedCommit], list[LoggedCommit]] = ([], [])
        # From the newest back: when only common ancestors are left, both sides are known.
        while heap and open_ends:
            place = -heapq.heappop(heap)
            side = sides.pop(place)
            if side != _OURS | _THEIRS:
                open_ends -= 1
                found[side - 1].append(self._commits[place])
            for parent in self._commits[place].parents:
                at = self._place.get(parent)
                if at is None:
                    continue
                before = sides.get(at)
                after = (before or 0) | side
                if before is None:
                    heapq.heappush(heap, -at)
                open_ends += (after != _OURS | _THEIRS) - (before is not None and before != _OURS | _THEIRS)
                sides[at] = after
        return found[0][::-1], found[1][::-1]


def add_own_work(
    commits: Sequence[LoggedCommit], fresh: Iterable[LoggedCommit], brought: Mapping[str, set[str]]
) -> None:
    """Complete the files of merges: where their sides parted, and the files in which one side was dropped.

    Args:
        commits: all of the history, parents first.
        fresh: those whose files are to be completed.
        brought: merge -> the files in which it differs from its first parent.
    """
    lines = Lines(commits)
    for merge in fresh:
        if len(merge.parents) != 2:
            continue
        ours, theirs = (_touched(side) for side in lines.apart(*merge.parents))
        differing = brought.get(merge.id, set())
        own = {f.path for f in merge.files}
        files = []
        for file in merge.files:
            base = theirs.get(file.path, ours.get(file.path))
            files.append(FileChange(file.path, file.before, file.after, base[0] if base else None))
        for path, (begun, last) in theirs.items():
            if path not in differing and begun != last:
                files.append(_kept(merge.id, path, 0, last, begun))
        for path, (begun, last) in ours.items():
            if path in differing and path not in own and begun != last:
                files.append(_kept(merge.id, path, 1, last, begun))
        merge.files = files


def _touched(commits: Iterable[LoggedCommit]) -> dict[str, tuple[str, str]]:
    """Return path -> blob before the first of these commits that touched it, and after the last."""
    result: dict[str, tuple[str, str]] = {}
    for commit in commits:
        for file in commit.files:
            first = result[file.path][0] if file.path in result else file.before[0]
            result[file.path] = (first, file.after)
    return result


def _kept(merge: str, path: str, winner: int, dropped: str, base: str) -> FileChange:
    # The side that was kept is what the merge holds; git names that blob as well as any.
    kept = f"{merge}:{path}" if "\n" not in path else base
    return FileChange(path, (kept, dropped) if winner == 0 else (dropped, kept), kept, base)
