"""The commit graph with the files each commit touched, from one `git log`; contents from one `git cat-file`.

Two processes whatever the length of the history. A shallow clone is refused: its dates and authors would be false.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

from generator.history.git import command, environment, git
from generator.problems import UsageError

_ABSENT = "0" * 40
_FORMAT = "%x01%H%x00%P%x00%at%x00%ct%x00%an%x00%ae%x00%cn%x00%ce%x00%s%x00"


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file in one commit.

    Attributes:
        path: where it stands after the commit (before it, when it was removed).
        before: blobs on the side of each parent; empty text where the file was absent.
        after: blob after the commit, or empty.
    """

    path: str
    before: tuple[str, ...]
    after: str


@dataclass(slots=True)
class LoggedCommit:
    """One commit.

    Attributes:
        parents: ids, the first being the line it was merged into.
        author_time, commit_time: seconds since 1970.
        files: what it changed itself; for a merge, only what differs from every parent.
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
    span = f"{known}..{tip}" if known else tip
    arguments = [
        "log",
        "--reverse",
        "--topo-order",
        "--raw",
        "-z",
        "--no-abbrev",
        "--no-renames",
        "-c",
        f"--format={_FORMAT}",
        span,
        "--",
    ]
    process = subprocess.Popen(
        command(root, *arguments), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment()
    )
    output, _ = process.communicate()
    if process.returncode:
        raise UsageError(f"git log 无法读取 {span} 的历史。")
    wanted = tuple(folders)
    for block in output.split(b"\x01")[1:]:
        yield _commit(block, wanted)


def _commit(block: bytes, wanted: tuple[str, ...]) -> LoggedCommit:
    parts = block.split(b"\0")
    text = [p.decode("utf-8", "replace") for p in parts[:9]]
    commit = LoggedCommit(
        text[0],
        tuple(text[1].split()),
        int(text[2]),
        int(text[3]),
        text[4],
        text[5],
        text[6],
        text[7],
        text[8],
    )
    rest = iter(parts[9:])
    for entry in rest:
        entry = entry.lstrip(b"\n")
        if not entry.startswith(b":"):
            continue
        sides = len(entry) - len(entry.lstrip(b":"))
        words = entry[sides:].decode("ascii", "replace").split()
        path = next(rest, b"").decode("utf-8", "replace")
        if wanted and not path.startswith(wanted):
            continue
        # n parents: n+1 modes, n+1 blobs, one status.
        blobs = ["" if b == _ABSENT else b for b in words[sides + 1 : 2 * sides + 2]]
        commit.files.append(FileChange(path, tuple(blobs[:-1]), blobs[-1]))
    return commit


class Blobs:
    """Contents of blobs through one `git cat-file --batch`, asked in the order they are needed."""

    def __init__(self, root: Path) -> None:
        self._process = subprocess.Popen(
            command(root, "cat-file", "--batch"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
        )
        self._in = cast("IO[bytes]", self._process.stdin)
        self._out = cast("IO[bytes]", self._process.stdout)
        self._kept: dict[str, bytes] = {}

    def __enter__(self) -> Blobs:
        return self

    def __exit__(self, *_: object) -> None:
        self._in.close()
        self._out.close()
        self._process.wait()

    def read(self, identity: str) -> bytes:
        """Return one blob's bytes; what was just written is mostly what is asked for next, so a few are kept."""
        if identity in self._kept:
            return self._kept[identity]
        self._in.write(identity.encode() + b"\n")
        self._in.flush()
        head = self._out.readline().split()
        if len(head) != 3:
            return b""
        data = self._out.read(int(head[2]))
        self._out.read(1)
        if len(self._kept) > 512:
            for old in list(self._kept)[:256]:
                del self._kept[old]
        self._kept[identity] = data
        return data


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
