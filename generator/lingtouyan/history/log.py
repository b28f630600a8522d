"""The commit graph with the files each commit touched, from one `git log`; contents from one `git cat-file`.

A fixed number of processes whatever the length of the history. A shallow clone is refused: its dates would be false.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lingtouyan.history.git import command, environment, git, seconds
from lingtouyan.problems import UsageError, printable

_FORMAT = "%H%x00%P%x00%at%x00%ct%x00%an%x00%ae%x00%cn%x00%ce%x00%s%x00"
_FIELDS = 9
_MAX_SUBJECT = 300
_MAX_NAME = 100
# A link or a submodule is no record, whatever its name.
PLAIN_FILES = frozenset(("100644", "100755", "100664"))


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file in one commit.

    Attributes:
        path: where it stands after the commit (before it, when it was removed).
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
        files: what it changed itself; for a merge, only what is not simply one side's doing.
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
    files: list[FileChange] = field(default_factory=list)


def refuse_shallow(root: Path) -> None:
    """Refuse a clone that does not hold the whole history.

    Raises:
        UsageError: it is shallow, or no repository at all.
    """
    answer = git(root, "rev-parse", "--is-shallow-repository")
    if answer is None:
        raise UsageError("这里不是 git 仓库，没有变更历史可查。")
    if answer.strip() == "true":
        raise UsageError(
            "这是浅克隆，历史不完整，由它得出的时间和作者会是错的。请先运行 git fetch --unshallow。"
        )


def read_log(root: Path, tip: str, known: str = "", folders: Iterable[str] = ()) -> Iterator[LoggedCommit]:
    """Yield the commits reachable from `tip` but not from `known`, parents before children.

    Args:
        root: the repository.
        tip: commit to start from.
        known: commit whose history is known already, or empty.
        folders: only files below these paths are named.

    Raises:
        UsageError: git fails.
    """
    wanted = tuple(folders)
    for words in _log(root, tip, known, _FORMAT, "--diff-merges=combined"):
        commit = _commit(words.head)
        commit.files = [
            FileChange(path, tuple(blobs[:-1]), blobs[-1])
            for path, blobs in words.entries
            if not wanted or path.startswith(wanted)
        ]
        yield commit


def merged_files(root: Path, tip: str, known: str = "") -> dict[str, set[str]]:
    """Return merge -> the files in which it differs from its first parent, for the commits that `read_log` yields."""
    listed = _log(root, tip, known, "%H%x00", "--merges", "--diff-merges=first-parent")
    return {words.head[0]: {path for path, _ in words.entries} for words in listed}


@dataclass(slots=True)
class _Words:
    head: list[str]
    entries: list[tuple[str, list[str]]]


def _log(root: Path, tip: str, known: str, form: str, *options: str) -> Iterator[_Words]:
    span = f"{known}..{tip}" if known else tip
    arguments = (
        *(
            "log",
            "--reverse",
            "--topo-order",
            "--raw",
            "-z",
            "--no-abbrev",
            "--no-renames",
            "--encoding=UTF-8",
        ),
        *(*options, f"--format={form}", span, "--"),
    )
    done = subprocess.run(command(root, *arguments), capture_output=True, env=environment(), check=False)
    if done.returncode:
        raise UsageError(f"git log 无法读取 {printable(span)} 的历史。")
    width = form.count("%x00")
    # Told by position alone: no text that people type holds a zero byte, and none can feign one.
    tokens = done.stdout.decode("utf-8", "surrogateescape").split("\0")
    place, end = 0, len(tokens) - 1
    while place < end:
        if not tokens[place]:
            place += 1
            continue
        words = _Words(tokens[place : place + width], [])
        place += width
        while place < end and (not tokens[place] or tokens[place].lstrip("\n").startswith(":")):
            entry = tokens[place].lstrip("\n")
            place += 1
            if entry:
                words.entries.append((tokens[place], _blobs(entry)))
                place += 1
        yield words


def _blobs(entry: str) -> list[str]:
    """Return the blobs of one raw line: one for each parent, and the one after; empty where there is no plain file."""
    words = entry.lstrip(":").split(" ")
    sides = len(entry) - len(entry.lstrip(":")) + 1
    # n parents: n+1 modes, n+1 blobs, one status.
    modes, blobs = words[:sides], words[sides : 2 * sides]
    return [b if m in PLAIN_FILES else "" for m, b in zip(modes, blobs, strict=True)]


def _commit(words: list[str]) -> LoggedCommit:
    typed = [
        printable(w.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))[:limit]
        for w, limit in zip(words[4:_FIELDS], (*(_MAX_NAME,) * 4, _MAX_SUBJECT), strict=True)
    ]
    author, author_email, committer, committer_email, subject = typed
    return LoggedCommit(
        *(words[0], tuple(words[1].split()), seconds(words[2]), seconds(words[3])),
        *(author, author_email, committer, committer_email, subject),
    )


def between(root: Path, base: str, tip: str) -> set[str]:
    """Return the commits reachable from `tip` but not from `base`.

    Raises:
        UsageError: there is no `base`.
    """
    listed = git(root, "rev-list", "--end-of-options", f"{base}..{tip}")
    if listed is None:
        raise UsageError(f"仓库里没有叫 {printable(base)} 的提交、标签或分支。")
    return set(listed.split())


def brought_by(commits: Iterable[LoggedCommit], tip: str) -> dict[str, str]:
    """Return commit -> the merge on the main line that brought it; commits made on the main line itself are left out."""
    by_id = {c.id: c for c in commits}
    line: list[LoggedCommit] = []
    here = by_id.get(tip)
    while here is not None:
        line.append(here)
        here = by_id.get(here.parents[0]) if here.parents else None
    seen = {c.id for c in line}
    result: dict[str, str] = {}
    for merge in reversed(line):
        pending = list(merge.parents[1:])
        while pending:
            name = pending.pop()
            if name in seen or name not in by_id:
                continue
            seen.add(name)
            result[name] = merge.id
            pending.extend(by_id[name].parents)
    return result
