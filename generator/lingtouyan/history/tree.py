"""A tree as it was at a commit, read from Git's objects: nothing is laid out on disk, no filter runs.

Which commit is meant may be said by a name, a tag, a number or a date.
"""

from __future__ import annotations

import bisect
import datetime
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from lingtouyan.history.git import Commit, ask, ask_text, read_objects, seconds
from lingtouyan.history.log import PLAIN_FILES
from lingtouyan.problems import Problem, UsageError, did_you_mean, printable, quoted
from lingtouyan.reading.source import (
    SKIPPED_AT_ROOT,
    SKIPPED_FOLDERS,
    Source,
    absent,
    limit_of,
    refusal,
    too_large,
)
from lingtouyan.settings import ZONE

# What is read in one go must fit into memory.
_AT_ONCE = 512
_BYTES_AT_ONCE = 32 * 2**20
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?)?\Z")
_LINK = "120000"


class _Entry(NamedTuple):
    kind: str
    blob: str
    size: int


class CommitTree(Source):
    """The files of a commit as they were committed; UsageError where the repository is damaged or does not hold all of it."""

    def __init__(self, repository: Path, commit: Commit) -> None:
        self.repository = repository
        self.commit = commit
        self._entries = dict(_entries(repository, commit))
        self._names = sorted(self._entries)

    def exists(self, name: str) -> bool:
        """See `Source.exists`."""
        return name in self._entries

    def _walk(self, folder: str) -> Iterator[tuple[str, str]]:
        start, odd = f"{folder}/" if folder else "", ""
        for name in self._names[bisect.bisect_left(self._names, start) :]:
            if not name.startswith(start):
                return
            inside = name[len(start) :].split("/")[:-1]
            at_root = inside[:1] if not folder else ()
            if not SKIPPED_FOLDERS.isdisjoint(inside) or not SKIPPED_AT_ROOT.isdisjoint(at_root):
                continue
            kind = self._entries[name].kind
            if kind == "name":
                # As on disk, an odd folder is named once, and not what is in it.
                end = next((n for n, c in enumerate(name) if not c.isprintable()), len(name))
                name = name[:end] + name[end:].partition("/")[0]
                if name == odd:
                    continue
                odd = name
            yield kind, name

    def _is_link(self, folder: str) -> bool:
        return folder in self._entries and self._entries[folder].kind == "link"

    def read_all(
        self, names: Sequence[str], limit: int | None = None
    ) -> Iterator[tuple[str, bytes | Problem]]:
        """See `Source.read_all`."""
        group: list[str] = []
        size = 0
        for name in names:
            entry = self._entries.get(name)
            if len(group) >= _AT_ONCE or (entry and group and size + entry.size > _BYTES_AT_ONCE):
                yield from self._read(group, limit)
                group, size = [], 0
            group.append(name)
            size += entry.size if entry else 0
        yield from self._read(group, limit)

    def _read(self, names: Sequence[str], limit: int | None) -> Iterator[tuple[str, bytes | Problem]]:
        found: dict[str, bytes | Problem] = {n: p for n in names if (p := self._refused(n, limit))}
        wanted = [n for n in names if n not in found]
        blobs = [self._entries[n].blob for n in wanted]
        found.update(zip(wanted, read_objects(self.repository, blobs), strict=True))
        yield from ((n, found[n]) for n in names)

    def _refused(self, name: str, limit: int | None) -> Problem | None:
        entry = self._entries.get(name)
        if entry is None:
            link = self._link_before(name)
            return refusal(link, "link") if link else absent(name)
        if entry.kind != "file":
            return refusal(name, entry.kind)
        most = limit_of(name) if limit is None else limit
        return too_large(name, entry.size, most) if entry.size > most else None

    def digests(self, names: Sequence[str]) -> dict[str, str]:
        """See `Source.digests`; nothing is read."""
        known = ((n, self._entries[n]) for n in names if n in self._entries)
        return {n: e.blob for n, e in known if e.kind == "file"}


def _entries(root: Path, commit: Commit) -> Iterator[tuple[str, _Entry]]:
    """Yield what a commit holds by name; UsageError where a content is missing, or two files have one name."""
    listing = ask(root, "ls-tree", "-r", "-z", "-l", "--full-tree", commit.id) or b""
    seen: set[bytes] = set()
    for line in listing.split(b"\0")[:-1]:
        facts, _, name = line.partition(b"\t")
        mode, _, blob, size = facts.decode().split()
        if name in seen:
            shown = quoted(name.decode("utf-8", "backslashreplace"), 200)
            raise UsageError(f"提交 {commit.short} 里有两个文件都叫 {shown}，没有读取。")
        seen.add(name)
        path = os.fsdecode(name)
        parts = path.split("/")
        if any(p.lower() == ".git" for p in parts):
            continue
        if mode in PLAIN_FILES and not size.isdecimal():
            raise UsageError(
                f"仓库里缺少提交 {commit.short} 的部分文件（部分克隆或仓库损坏）。请重新完整克隆后再试。"
            )
        if not path.isprintable() or not {"", ".", ".."}.isdisjoint(parts):
            kind = "name"
        elif mode in PLAIN_FILES:
            kind = "file"
        else:
            kind = "link" if mode == _LINK else "module"
        yield path, _Entry(kind, blob, int(size) if size.isdecimal() else 0)


def resolve(root: Path, revision: str) -> Commit:
    """Return the commit that a name, a tag, a number or a date (the last commit of that day on this line) stands for.

    UsageError: nothing is called that, or `root` is a folder inside of a repository.
    """
    if ask_text(root, "rev-parse", "--show-prefix", no=(128,)):
        raise UsageError("这里不是 git 仓库的根目录，没有变更历史可查。")
    if _DATE.match(revision):
        end = revision if "T" in revision else f"{revision}T23:59:59"
        try:
            when = datetime.datetime.fromisoformat(end).replace(tzinfo=ZONE)
        except ValueError:
            raise UsageError(f"日历上没有 {revision} 这一天（或这个时刻）。") from None
        name = _known_by(root, int(when.timestamp()))
        if not name:
            raise UsageError(f"{revision} 之前没有提交。")
    elif revision.startswith("-"):
        raise UsageError(f"版本名 {printable(revision)} 不能以“-”开头。")
    else:
        name = revision
    # Exactly one commit: a range or an option would be understood by `git log` as well.
    options = ("--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    found = ask_text(root, "rev-parse", *options, no=(1, 128))
    if not found:
        names = ask_text(root, "for-each-ref", "--format=%(refname:short)").split()
        advice = "。可以写分支、标签、提交号，或 2026-01-01 这样的日期；别处的分支请先 git fetch。"
        near = did_you_mean(revision, names, advice)
        raise UsageError(f"仓库里没有叫 {printable(revision)} 的提交、标签或分支{near}")
    return Commit(found, seconds(ask_text(root, "log", "-1", "--format=%ct", found, "--")), False)


class _Run(NamedTuple):
    commit: str
    time: int
    newer: _Run | None


def _known_by(root: Path, when: int) -> str:
    """Return the last commit of this line that was there at a time, or nothing.

    Whoever commits says when, so a date before those of the commits it stands on proves nothing. The longest run of
    dates that do not go back is believed; what is not in it was there by the date of the next that is.
    """
    answer = ask_text(root, "log", "--first-parent", "--format=%H %ct", "HEAD", "--")
    # For each length of run: the newest date that one can have at its older end, and the run from there.
    ends: list[int] = []
    runs: list[_Run] = []
    for commit, time in (line.split() for line in answer.splitlines()):
        length = bisect.bisect_right(ends, -seconds(time))
        run = _Run(commit, seconds(time), runs[length - 1] if length else None)
        ends[length : length + 1], runs[length : length + 1] = [-run.time], [run]
    found, at = "", runs[-1] if runs else None
    while at and at.time <= when:
        found, at = at.commit, at.newer
    return found


def first_common(root: Path, base: str, head: str) -> str:
    """Return the commit where two lines parted, which is what a change is measured from; `base` where they never met."""
    return ask_text(root, "merge-base", base, head, no=(1,)) or base
