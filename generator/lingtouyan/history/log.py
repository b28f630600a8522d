"""The commit graph with the files each commit touched, from one `git log`; contents from one `git cat-file`.

A fixed number of processes whatever the length of the history. A shallow clone is refused: its dates would be false.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import or_
from pathlib import Path
from typing import NamedTuple

from lingtouyan.history.git import ask, seconds, status
from lingtouyan.problems import UsageError, printable

_FIELDS = ("%H", "%P", "%at", "%ct", "%an", "%ae", "%cn", "%ce", "%s", "%b")
# Names, addresses and the first line of the message.
_MOST = (100, 100, 100, 100, 300)
_MAX_BODY = 2_000
# A link or a submodule is no record, whatever its name.
PLAIN_FILES = frozenset(("100644", "100755", "100664"))


class FileChange(NamedTuple):
    """One file in one commit.

    Attributes:
        path: where it stands after the commit (before it, when it was removed); bytes that are no text are escaped
            as Python escapes them, see `readable`.
        before: blobs on the side of each parent; empty text where the file was absent.
        after: blob after the commit, or empty.
        base: for a merge, the blob where its sides parted; None where that is not known.
    """

    path: str
    before: tuple[str, ...]
    after: str
    base: str | None = None


@dataclass(slots=True)
class LoggedCommit:
    """One commit; what people typed is made printable and bounded.

    Attributes:
        parents: ids, the first being the line it was merged into.
        author_time, commit_time: seconds since 1970.
        body: the message below its first line, where people cite the paper that a change rests on.
        files: what it changed itself; for a merge, only what is not simply one side's doing.
        settled: for a merge, path and blob of every file that its sides had changed since they parted.
    """

    id: str
    parents: tuple[str, ...]
    author_time: int
    commit_time: int
    author: str
    author_email: str
    committer: str
    committer_email: str
    subject: str
    body: str = ""
    files: list[FileChange] = field(default_factory=list)
    settled: list[tuple[str, str]] = field(default_factory=list)


def readable(path: str) -> str:
    """Return a path as it may be shown and kept: bytes that are no text stand as hexadecimal numbers."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def refuse_shallow(root: Path) -> None:
    """Raise UsageError where a clone does not hold the whole history, or is no repository at all."""
    answer = ask(root, "rev-parse", "--is-shallow-repository", no=(128,))
    if answer is None:
        raise UsageError("这里不是 git 仓库，没有变更历史可查。")
    if answer.strip() == b"true":
        raise UsageError(
            "这是浅克隆，历史不完整，由它得出的时间和作者会是错的。请先运行 git fetch --unshallow。"
        )


def read_log(root: Path, tip: str, known: str = "", merges: str = "combined") -> Iterator[LoggedCommit]:
    """Yield the commits reachable from `tip` but not from `known`, if that is given, parents before children.

    Of a merge, `combined` names the files that differ from every parent, `first-parent` those that differ from the first.
    """
    for head, entries in _log(root, tip, known, _FIELDS, f"--diff-merges={merges}"):
        name, parents, *words = (w.decode("utf-8", "replace") for w in head)
        times, body = (seconds(words[0]), seconds(words[1])), words[-1].strip()[:_MAX_BODY]
        files = [FileChange(path, tuple(blobs[:-1]), blobs[-1]) for path, blobs in entries]
        shown = (printable(w)[:most] for w, most in zip(words[2:-1], _MOST, strict=True))
        author, email, committer, committer_email, subject = shown
        who = author, email, committer, committer_email
        yield LoggedCommit(name, tuple(parents.split()), *times, *who, subject, body, files)


def last_commits(repository: Path, tip: str) -> dict[str, tuple[int, str, int]]:
    """Return path -> (ordinal, id, time) of the commit on the main line that last touched it, for every file there ever was.

    The main line follows first parents: the tree of such a commit holds all that was merged before it, so the newest
    commit (greatest ordinal, counted from 1) of some files is one in which all of them stand as they do at `tip`.
    """
    refuse_shallow(repository)
    result: dict[str, tuple[int, str, int]] = {}
    line = _log(repository, tip, "", ("%H", "%ct"), "--first-parent", "--diff-merges=first-parent")
    for ordinal, (words, entries) in enumerate(line, 1):
        place = ordinal, words[0].decode(), int(words[1])
        result.update((path, place) for path, _ in entries)
    return result


def uncommitted(root: Path) -> set[str]:
    """Return the paths in which the work tree differs from its commit, new files among them."""
    # With -z a renamed file's former name follows as an entry without a status: renames are told as two.
    options = ("--no-renames", "--untracked-files=all", "--", ".", ":(exclude)build")
    return {os.fsdecode(entry[3:]) for entry in status(root, *options).split(b"\0") if entry}


def _log(
    root: Path, tip: str, known: str, fields: Sequence[str], *options: str
) -> Iterator[tuple[list[bytes], list[tuple[str, list[str]]]]]:
    """Yield the fields of each commit, and the path and the blobs of each file that it touched."""
    form = "".join(f"{f}%x00" for f in fields)
    answer = ask(
        root,
        *("log", "--reverse", "--topo-order", "--raw", "-z", "--no-abbrev", "--no-renames"),
        *("--encoding=UTF-8", f"--format={form}", *options),
        *("--end-of-options", f"{known}..{tip}" if known else tip, "--"),
    )
    # Told by position alone: no text that people type holds a zero byte, and none can feign one.
    tokens = (answer or b"").split(b"\0")
    place, end, width = 0, len(tokens) - 1, len(fields)
    while place < end:
        head = tokens[place : place + width]
        place += width
        entries: list[tuple[str, list[str]]] = []
        # Neither an id nor a path is empty: an empty word or a line break only separates.
        while place < end and ((word := tokens[place].lstrip(b"\n")).startswith(b":") or not word):
            if word:
                entries.append((os.fsdecode(tokens[place + 1]), _blobs(word.decode())))
            place += 2 if word else 1
        yield head, entries


def _blobs(entry: str) -> list[str]:
    """Return the blobs of one raw line: one for each parent, and the one after; empty where there is no plain file."""
    words = entry.lstrip(":").split(" ")
    sides = len(entry) - len(entry.lstrip(":")) + 1
    # n parents: n+1 modes, n+1 blobs, one status.
    modes, blobs = words[:sides], words[sides : 2 * sides]
    return [b if m in PLAIN_FILES else "" for m, b in zip(modes, blobs, strict=True)]


def touched(commit: LoggedCommit) -> list[tuple[str, str]]:
    """Return path and blob of the files that a commit or, for a merge, its sides have changed."""
    return commit.settled or [(f.path, f.after) for f in commit.files]


def numbers(bits: int) -> Iterator[int]:
    """Yield the places of the bits that are set, the highest first."""
    while bits:
        yield bits.bit_length() - 1
        bits ^= 1 << bits.bit_length() - 1


class Graph:
    """Commits by number, parents before children: which others each reaches, and what stood in a file then.

    Attributes:
        numbers: id -> number.
        reached, line: bits of the commits that each reaches, itself included, and of those that follow first parents.
    """

    def __init__(self, commits: Sequence[LoggedCommit]) -> None:
        self.commits = commits
        self.numbers = {c.id: n for n, c in enumerate(commits)}
        self.reached: list[int] = []
        self.line: list[int] = []
        self._files: dict[str, list[tuple[int, str]]] = {}
        for number, commit in enumerate(commits):
            parents = [self.numbers.get(p) for p in commit.parents]
            there = [self.reached[p] for p in parents if p is not None]
            self.reached.append(functools.reduce(or_, there, 1 << number))
            first = parents[0] if parents else None
            self.line.append(1 << number | (0 if first is None else self.line[first]))
            for path, blob in touched(commit):
                self._files.setdefault(path, []).append((number, blob))

    def at(self, number: int, path: str) -> str:
        """Return the blob that stood in a file after a commit; nothing before the first, or where there was none."""
        line = self.line[number] if number >= 0 else 0
        return next((blob for n, blob in reversed(self._files.get(path, ())) if line >> n & 1), "")

    def brought(self, tip: str) -> dict[str, str]:
        """Return commit -> the merge on the line of `tip` that brought it; those made on that line are left out."""
        line = self.line[self.numbers[tip]] if tip in self.numbers else 0
        result: dict[str, str] = {}
        for merge in numbers(line):
            commit = self.commits[merge]
            known = [self.reached[self.numbers[p]] for p in commit.parents[:1] if p in self.numbers]
            others = self.reached[merge] & ~functools.reduce(or_, known, 1 << merge)
            result.update((self.commits[n].id, commit.id) for n in numbers(others))
        return result
