"""Which commit a set of records last changed at, so that what did not change keeps its commit.

Asked along the main line only: the tree of such a commit holds everything that was merged before it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from lingtouyan.cache import Cache
from lingtouyan.history.changes import read_history
from lingtouyan.history.git import git, status
from lingtouyan.history.tree import Objects
from lingtouyan.problems import UsageError
from lingtouyan.project import Project
from lingtouyan.reading.files import glob_regex
from lingtouyan.reading.package import Package, Table

# A position counts back from the newest commit; this one is before all: not committed yet.
UNCOMMITTED = -1
_WORD = re.compile(r"[\w-]+")


def key_names(package: Package) -> frozenset[str]:
    """Return the fields by which records name one another."""
    names = {t.primary_key[0] for t in package.tables.values() if len(t.primary_key) == 1}
    names.update(f for t in package.tables.values() for k in t.foreign_keys for f in k.fields)
    return frozenset(names)


@dataclass
class Origins:
    """The main line of a tree's history, by file.

    Attributes:
        commits: ids on the main line, newest first; positions count in it.
        touched: path -> position of the last commit that touched it.
        dirty: path that differs from the last commit -> words that its committed version holds.
        departed: table -> key value -> position of the last commit in which a record let go of it.
    """

    commits: list[str]
    touched: dict[str, int]
    dirty: dict[str, frozenset[str]]
    departed: dict[str, dict[str, int]]
    _tables: dict[str, int] = field(default_factory=dict)

    def of_file(self, path: str) -> int:
        """Return the position of one file; one that Git does not know is not committed."""
        return UNCOMMITTED if path in self.dirty else self.touched.get(path, UNCOMMITTED)

    def of_files(self, paths: Iterable[str]) -> int:
        """Return the newest position among files, of which those never committed nor there do not count."""
        found = [self.touched[p] for p in paths if p in self.touched and p not in self.dirty]
        return min(found, default=len(self.commits) - 1)

    def matching(self, pattern: re.Pattern[str]) -> int:
        """Return the newest position among all files, also removed ones, whose path begins as the pattern says."""
        if any(pattern.match(p) for p in self.dirty):
            return UNCOMMITTED
        return self.of_files(p for p in self.touched if pattern.match(p))

    def of_table(self, package: Package, table: Table) -> int:
        """Return the newest position among all files that a table is or was kept in."""
        origin = package.origin(table)
        if origin.name not in self._tables:
            self._tables[origin.name] = self.matching(glob_regex(origin.path))
        return self._tables[origin.name]

    def of_departed(self, table: str, values: Collection[str]) -> int:
        """Return when a record of this table last let go of one of these keys: it is in no file of today's rows."""
        gone = self.departed.get(table)
        if not gone:
            return len(self.commits) - 1
        return min((gone[v] for v in values if v in gone), default=len(self.commits) - 1)

    def lost(self, pattern: re.Pattern[str], values: Collection[str]) -> bool:
        """Tell whether a file with changes not committed held any of these values before them."""
        return any(not words.isdisjoint(values) for path, words in self.dirty.items() if pattern.match(path))

    def name(self, position: int) -> str:
        """Return the commit at a position; empty when that is not committed."""
        return "" if position == UNCOMMITTED else self.commits[position]


def read_origins(project: Project) -> Origins | None:
    """Read the main line of a tree; None outside a repository and in a clone that does not hold all of it."""
    commit, root = project.commit, project.root
    if commit is None:
        return None
    try:
        history = read_history(root, project.package, commit.id, Cache())
    except UsageError:
        return None
    answer = git(
        root,
        "log",
        "--first-parent",
        "--diff-merges=first-parent",
        "--no-renames",
        "--name-only",
        "-z",
        "--format=%x01%H",
        commit.id,
        "--",
    )
    if answer is None:
        return None
    commits: list[str] = []
    touched: dict[str, int] = {}
    for position, block in enumerate(answer.split("\x01")[1:]):
        name, *paths = block.split("\0")
        commits.append(name.strip())
        for path in paths:
            touched.setdefault(path.lstrip("\n"), position)
    line = {c: n for n, c in enumerate(commits)}
    names = key_names(project.package)
    departed: dict[str, dict[str, int]] = {}
    for change in history.changes:
        if change.before and change.field in names:
            position = line.get(history.brought.get(change.commit, change.commit), 0)
            gone = departed.setdefault(change.table, {})
            gone[change.before] = min(position, gone.get(change.before, position))
    return Origins(commits, touched, _dirty(project) if commit.dirty else {}, departed)


def _dirty(project: Project) -> dict[str, frozenset[str]]:
    root = project.root
    options = ("--porcelain=v2", "--no-renames", "--untracked-files=all", "--", ".", ":(exclude)build")
    answer = status(root, *options).decode("utf-8", "surrogateescape")
    result: dict[str, frozenset[str]] = {}
    blobs = Objects(root)
    if True:
        for entry in answer.split("\0"):
            if entry.startswith("1 "):
                *head, path = entry.split(" ", 8)
                committed = head[6]
                old = blobs.read([committed])[0] if committed.strip("0") else b""
                result[path] = frozenset(_WORD.findall((old or b"").decode("utf-8", "replace")))
            elif entry.startswith("u "):
                result[entry.split(" ", 10)[-1]] = frozenset()
            elif entry.startswith("? "):
                result[entry[2:]] = frozenset()
    return result
