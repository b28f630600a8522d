"""A proposed change: its commits, its files, and what it does to records.

Empty in an ordinary build; filled when a change is reviewed or a history audited.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lingtouyan.history.changes import Change
from lingtouyan.history.log import LoggedCommit, brought_by, read_log, readable


@dataclass
class Proposal:
    """What is proposed.

    Attributes:
        commits: those the change consists of, oldest first.
        changes: what it does to records, over all commits.
        brought: commit -> the merge that brought it.
        landed: whether it is part of the main line already, as in an audit.
    """

    commits: list[LoggedCommit] = field(default_factory=list)
    changes: Sequence[Change] = ()
    brought: Mapping[str, str] = field(default_factory=dict)
    landed: bool = False

    @property
    def files(self) -> list[tuple[str, LoggedCommit]]:
        """Every file that a commit of it touches, with the commit."""
        return [(readable(f.path), c) for c in self.commits for f in c.files]


def proposal_of(root: Path, base: str, head: str, changes: Sequence[Change]) -> Proposal:
    """Return the commits from `base` to `head` with their files."""
    commits = list(read_log(root, head, base))
    return Proposal(commits, changes, brought_by(commits, head))
