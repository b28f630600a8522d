"""A tree as it was at a commit, laid out in a folder of its own; the work tree is not touched.

Only plain files come out: links, devices and paths that climb stay in the archive.
"""

from __future__ import annotations

import datetime
import re
import subprocess
import tarfile
from pathlib import Path, PurePosixPath
from typing import IO, cast

from generator.history.git import Commit, command, environment, git
from generator.problems import UsageError

_MAX_BYTES = 4 * 2**30
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?)?\Z")


def resolve(root: Path, revision: str) -> Commit:
    """Return the commit that a name, a tag, a number or a date (the last commit of that day on this line) stands for.

    Raises:
        UsageError: nothing is called that.
    """
    if _DATE.match(revision):
        end = revision if "T" in revision else f"{revision}T23:59:59"
        when = datetime.datetime.fromisoformat(end).replace(
            tzinfo=datetime.timezone(datetime.timedelta(hours=8))
        )
        name = (
            git(root, "rev-list", "-1", "--first-parent", f"--before={int(when.timestamp())}", "HEAD") or ""
        ).strip()
        if not name:
            raise UsageError(f"{revision} 之前没有提交。")
    else:
        if revision.startswith("-"):
            raise UsageError(f"版本名 {revision} 不能以“-”开头。")
        name = revision
    # Exactly one commit: a range or an option would be understood by `git log` as well.
    found = (
        git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}") or ""
    ).strip()
    answer = git(root, "log", "-1", "--format=%H %ct", found, "--") if found else None
    if not answer or not answer.strip():
        raise UsageError(f"仓库里没有叫 {revision} 的提交、标签或分支。")
    identity, time = answer.split()
    return Commit(identity, int(time), False)


def extract(root: Path, commit: Commit, folder: Path) -> None:
    """Lay the commit's plain files out below `folder`.

    Raises:
        UsageError: git fails, or the tree is larger than any city's.
    """
    process = subprocess.Popen(
        command(root, "-c", "core.autocrlf=false", "archive", "--format=tar", commit.id),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(),
    )
    try:
        with cast("IO[bytes]", process.stdout) as output:
            total = _unpack(output, folder)
    except tarfile.TarError:
        # An empty tree, or git has failed half way.
        total = 0
    finally:
        process.kill()
        process.wait()
    if total > _MAX_BYTES:
        raise UsageError(f"提交 {commit.short} 的内容超过 {_MAX_BYTES >> 30} GB，没有展开。")
    if not total:
        raise UsageError(f"无法展开提交 {commit.short}，或者里面没有文件。")


def _unpack(output: IO[bytes], folder: Path) -> int:
    """Write the plain files of an archive; return their size, at which it stops when that is too much."""
    total = 0
    with tarfile.open(fileobj=output, mode="r|") as archive:
        for member in archive:
            path = PurePosixPath(member.name)
            if (
                not member.isfile()
                or path.is_absolute()
                or ".." in path.parts
                or path.parts[:1] == ("build",)
            ):
                continue
            total += member.size
            if total > _MAX_BYTES:
                break
            # Written by hand: the older of the two Debians has no extraction filter, and nothing but bytes is wanted.
            content = archive.extractfile(member)
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.read() if content else b"")
    return total


def first_common(root: Path, base: str, head: str) -> str:
    """Return the commit where the two lines parted, which is what a change is measured from."""
    return (git(root, "merge-base", base, head) or base).strip()
