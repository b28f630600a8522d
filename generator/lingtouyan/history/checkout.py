"""A tree as it was at a commit, laid out in a folder of its own; the work tree is not touched.

Only plain files come out, byte for byte as they were committed: no links, no submodules, no filters, no substitutions.
"""

from __future__ import annotations

import bisect
import datetime
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple, cast

from lingtouyan.history.blobs import MAX_BYTES as MAX_BLOB
from lingtouyan.history.blobs import Blobs
from lingtouyan.history.git import Commit, command, environment, git, seconds
from lingtouyan.history.log import PLAIN_FILES
from lingtouyan.problems import UsageError, printable, quoted
from lingtouyan.settings import ZONE

_MAX_BYTES = 4 * 2**30
_MAX_LISTING = 512 * 2**20
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?)?\Z")


def resolve(root: Path, revision: str) -> Commit:
    """Return the commit that a name, a tag, a number or a date (the last commit of that day on this line) stands for.

    Raises:
        UsageError: nothing is called that.
    """
    if _DATE.match(revision):
        end = revision if "T" in revision else f"{revision}T23:59:59"
        try:
            when = datetime.datetime.fromisoformat(end).replace(tzinfo=ZONE)
        except ValueError:
            raise UsageError(f"日历上没有 {revision} 这一天（或这个时刻）。") from None
        name = _known_by(root, int(when.timestamp()))
        if not name:
            raise UsageError(f"{revision} 之前没有提交。")
    else:
        if revision.startswith("-"):
            raise UsageError(f"版本名 {printable(revision)} 不能以“-”开头。")
        name = revision
    # Exactly one commit: a range or an option would be understood by `git log` as well.
    found = (
        git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}") or ""
    ).strip()
    answer = git(root, "log", "-1", "--format=%H %ct", found, "--") if found else None
    if not answer or not answer.strip():
        raise UsageError(f"仓库里没有叫 {printable(revision)} 的提交、标签或分支。")
    identity, _, time = answer.strip().partition(" ")
    return Commit(identity, seconds(time), False)


def _known_by(root: Path, when: int) -> str:
    """Return the last commit of this line that was there at a time, or nothing.

    Whoever commits says when, so a date before those of the commits it stands on proves nothing. The longest run of
    dates that do not go back is believed; what is not in it was there by the date of the next that is.
    """
    lines = (git(root, "log", "--first-parent", "--format=%H %ct", "HEAD", "--") or "").split("\n")
    commits = [(c, seconds(t)) for c, _, t in (line.partition(" ") for line in lines if line)]
    # For each length of run: the newest date that one can have at its older end, and which commit that is.
    ends: list[int] = []
    last: list[int] = []
    newer: list[int | None] = []
    for place, (_, time) in enumerate(commits):
        length = bisect.bisect_right(ends, -time)
        newer.append(last[length - 1] if length else None)
        if length == len(ends):
            ends.append(-time)
            last.append(place)
        else:
            ends[length], last[length] = -time, place
    believed: set[int] = set()
    at = last[-1] if last else None
    while at is not None:
        believed.add(at)
        at = newer[at]
    return next((c for p, (c, time) in enumerate(commits) if p in believed and time <= when), "")


class _Entry(NamedTuple):
    blob: str
    size: int
    path: str


def extract(root: Path, commit: Commit, folder: Path) -> None:
    """Lay the commit's plain files out below `folder`, which is empty.

    Raises:
        UsageError: git fails, the tree is larger than any city's, or its names cannot stand side by side here.
    """
    entries = list(_entries(root, commit))
    if sum(e.size for e in entries) > _MAX_BYTES:
        raise UsageError(f"提交 {commit.short} 的内容超过 {_MAX_BYTES >> 30} GB，没有展开。")
    if not entries:
        raise UsageError(f"无法展开提交 {commit.short}，或者里面没有文件。")
    made: set[str] = set()
    with Blobs(root, [e.blob for e in entries if e.size <= MAX_BLOB]) as blobs:
        for entry in entries:
            target = folder / entry.path
            try:
                if (parent := os.path.dirname(entry.path)) not in made:  # noqa: PTH120
                    target.parent.mkdir(parents=True, exist_ok=True)
                    made.add(parent)
                with target.open("xb") as stream:
                    if entry.size <= MAX_BLOB:
                        stream.write(blobs.read(entry.blob) or b"")
                    else:
                        # As large as it was, so that its reader refuses it, and with nothing in it.
                        stream.truncate(entry.size)
            except (FileExistsError, NotADirectoryError):
                raise UsageError(
                    f"提交 {commit.short} 里有两个名字在本机无法区分（例如只有大小写不同）：{quoted(entry.path, 200)}，没有展开。"
                ) from None
            except OSError as fault:
                raise UsageError(
                    f"提交 {commit.short} 的文件 {quoted(entry.path, 200)} 无法写出：{fault.strerror}。"
                ) from None


def _entries(root: Path, commit: Commit) -> Iterator[_Entry]:
    """Yield the plain files of a commit; what could lead out of a folder, or into `.git`, is passed over."""
    process = subprocess.Popen(
        command(root, "ls-tree", "-r", "-z", "-l", "--full-tree", commit.id),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(),
    )
    try:
        with cast("IO[bytes]", process.stdout) as output:
            # A tree of trees of trees can list more than any disk holds.
            listing = output.read(_MAX_LISTING + 1)
    finally:
        process.kill()
        process.wait()
    if len(listing) > _MAX_LISTING:
        raise UsageError(f"提交 {commit.short} 的文件太多，没有展开。")
    for line in listing.split(b"\0"):
        facts, tab, name = line.partition(b"\t")
        words = facts.decode("ascii", "replace").split()
        if not tab or len(words) != 4 or words[0] not in PLAIN_FILES:
            continue
        if not words[3].isdecimal():
            raise UsageError(
                f"仓库里缺少提交 {commit.short} 的部分文件（部分克隆或仓库损坏）。请重新完整克隆后再试。"
            )
        path = os.fsdecode(name)
        parts = path.split("/")
        if parts[0] == "build" or any(p in ("", ".", "..") or p.lower() == ".git" for p in parts):
            continue
        yield _Entry(words[2], int(words[3]), path)


def first_common(root: Path, base: str, head: str) -> str:
    """Return the commit where the two lines parted, which is what a change is measured from."""
    return (git(root, "merge-base", base, head) or base).strip()
