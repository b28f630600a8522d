"""Small repositories for tests of the history: a tree's schemas, and commits given as files."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence

from trees import Tree

from lingtouyan.cache import Cache
from lingtouyan.history.changes import Change, History, read_history
from lingtouyan.project import Project

START = 1_767_225_600
ZHANG, LI, WANG = (
    ("张甲", "zhang@example.invalid"),
    ("李乙", "li@example.invalid"),
    ("王丙", "wang@example.invalid"),
)


class Repository:
    """A work tree that is committed step by step, each a minute after the one before."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.root = tree.root
        self.clock = START
        self.git("init", "-q")

    def git(self, *arguments: str, **variables: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(self.root), *arguments],
            capture_output=True,
            env={**os.environ, **variables},
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode("utf-8", "replace").strip()

    def dated(self, who: tuple[str, str] = ZHANG, committer: tuple[str, str] | None = None) -> dict[str, str]:
        self.clock += 60
        result = {}
        for role, (name, email) in (("AUTHOR", who), ("COMMITTER", committer or who)):
            result |= {
                f"GIT_{role}_NAME": name,
                f"GIT_{role}_EMAIL": email,
                f"GIT_{role}_DATE": f"{self.clock} +0800",
            }
        return result

    def commit(
        self,
        files: Mapping[str, str | bytes | None] = {},
        message: str = "改",
        who: tuple[str, str] = ZHANG,
        *options: str,
    ) -> str:
        """Write or remove files, commit everything, return the commit."""
        for path, content in files.items():
            if content is None:
                (self.root / path).unlink()
            else:
                self.tree.write(path, content)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message, *options, **self.dated(who))
        return self.head

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    def branch(self, name: str, start: str = "main") -> None:
        self.git("checkout", "-q", "-b", name, start)

    def merge(
        self,
        name: str,
        files: Mapping[str, str | bytes | None] = {},
        who: tuple[str, str] = LI,
        *,
        into: str = "main",
        strategy: Sequence[str] = (),
        message: str = "",
    ) -> str:
        """Merge a branch into another, with files of the merge's own."""
        self.git("checkout", "-q", into)
        subprocess.run(
            ["git", "-C", str(self.root), "merge", "-q", "--no-ff", "--no-commit", *strategy, name],
            capture_output=True,
            env={**os.environ, **self.dated(who)},
            check=False,
        )
        return self.commit(files, message or f"合并 {name}", who)

    def history(self, cache: Cache | None = None, tip: str = "") -> History:
        project = Project.open(self.root)
        return read_history(self.root, project.package, tip or self.head, cache)

    def rows(self, commit: str = "", history: History | None = None) -> list[tuple[str, ...]]:
        """Return (action, table, key, field, before, after) of one commit's changes."""
        found = history or self.history()
        return [_row(c) for c in found.changes if c.commit == (commit or self.head)]


def _row(c: Change) -> tuple[str, ...]:
    return (c.action, c.table, c.key, c.field, c.before, c.after)
