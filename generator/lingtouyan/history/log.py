"""The commit graph with the files each commit touched, from one `git log`; contents from one `git cat-file`.

A fixed number of processes whatever the length of the history. A shallow clone is refused: its dates would be false.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
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

    Args:
        merges: which files of a merge are named: `combined`, those that differ from every parent, or `first-parent`.

    Raises:
        UsageError: git fails.
    """
    for head, entries in _log(root, tip, known, _FIELDS, f"--diff-merges={merges}"):
        name, parents, *words = (w.decode("utf-8", "replace") for w in head)
        times, body = (seconds(words[0]), seconds(words[1])), words[-1].strip()[:_MAX_BODY]
        files = [FileChange(path, tuple(blobs[:-1]), blobs[-1]) for path, blobs in entries]
        shown = (printable(w)[:most] for w, most in zip(words[2:-1], _MOST, strict=True))
        author, email, committer, committer_email, subject = shown
        who = author, email, committer, committer_email
        yield LoggedCommit(name, tuple(parents.split()), *times, *who, subject, body, files)


def last_commits(repository: Path, tip: str) -> dict[str, tuple[int, str]]:
    """Return path -> (ordinal, id) of the commit on the main line that last touched it, for every file there ever was.

    The main line follows first parents: the tree of such a commit holds all that was merged before it, so the newest
    commit (greatest ordinal, counted from 1) of some files is one in which all of them stand as they do at `tip`.

    Raises:
        UsageError: no repository, a shallow clone, or git fails.
    """
    refuse_shallow(repository)
    result: dict[str, tuple[int, str]] = {}
    line = _log(repository, tip, "", ("%H",), "--first-parent", "--diff-merges=first-parent")
    for ordinal, (words, entries) in enumerate(line, 1):
        place = ordinal, words[0].decode()
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


def brought_by(commits: Iterable[LoggedCommit], tip: str) -> dict[str, str]:
    """Return commit -> the merge on the main line that brought it; commits made on the main line itself are left out."""
    by_id = {c.id: c for c in commits}
    line: list[str] = []
    while tip in by_id:
        line.append(tip)
        tip = next(iter(by_id[tip].parents), "")
    left, result = by_id.keys() - line, dict[str, str]()
    for merge in reversed(line):
        pending = list(by_id[merge].parents[1:])
        while pending:
            name = pending.pop()
            if name in left:
                left.remove(name)
                result[name] = merge
                pending.extend(by_id[name].parents)
    return result
