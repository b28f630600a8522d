"""A proposed change as tables that rules can ask: its commits, its files, and what it does to records.

Empty in an ordinary build; filled when a change is reviewed or a history audited.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from lingtouyan.database.database import insert
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


def create_proposal(connection: duckdb.DuckDBPyConnection, proposal: Proposal | None) -> None:
    """Create `proposed_commits`, `proposed_files` and `proposed_changes`.

    A change's `ordinal` is the place of its commit among those proposed; 0 where the change is told as one.
    """
    connection.execute(
        "CREATE TABLE proposed_commits (commit VARCHAR, author VARCHAR, author_email VARCHAR, committer VARCHAR, "
        "committer_email VARCHAR, commit_time TIMESTAMP, subject VARCHAR, is_merge BOOLEAN, "
        "merge VARCHAR, merge_author_email VARCHAR, merge_committer_email VARCHAR, landed BOOLEAN)"
    )
    connection.execute(
        "CREATE TABLE proposed_files (_file VARCHAR, _line INTEGER, commit VARCHAR, author VARCHAR, author_email VARCHAR)"
    )
    connection.execute(
        "CREATE TABLE proposed_changes (_file VARCHAR, _line INTEGER, commit VARCHAR, ordinal INTEGER, table_name VARCHAR, "
        "record_key VARCHAR, root_table VARCHAR, root_key VARCHAR, action VARCHAR, field VARCHAR, before VARCHAR, after VARCHAR)"
    )
    if proposal is None:
        return
    by_id = {c.id: c for c in proposal.commits}
    order = {c.id: n for n, c in enumerate(proposal.commits, 1)}
    merges = {c.id: by_id.get(proposal.brought.get(c.id, "")) for c in proposal.commits}
    insert(
        connection,
        "proposed_commits",
        [
            (
                c.id,
                c.author,
                c.author_email,
                c.committer,
                c.committer_email,
                datetime.datetime.fromtimestamp(c.commit_time, datetime.UTC).replace(tzinfo=None),
                c.subject,
                len(c.parents) > 1,
                *(_merged(merges[c.id])),
                proposal.landed,
            )
            for c in proposal.commits
        ],
    )
    insert(
        connection,
        "proposed_files",
        [(path, 1, c.id, c.author, c.author_email) for path, c in proposal.files],
    )
    insert(
        connection,
        "proposed_changes",
        [
            (
                c.file,
                1,
                c.commit or None,
                order.get(c.commit, 0),
                c.table,
                c.key,
                c.root_table,
                c.root_key,
                c.action,
                c.field or None,
                c.before or None,
                c.after or None,
            )
            for c in proposal.changes
        ],
    )


def _merged(merge: LoggedCommit | None) -> tuple[str | None, str | None, str | None]:
    return (merge.id, merge.author_email, merge.committer_email) if merge else (None, None, None)
