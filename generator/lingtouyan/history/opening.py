"""Opening a project as the work tree has it, or as the repository knew it at a commit, a tag or a date.

With a reference date that makes two clocks: what was so on a day, and what was known of it on another.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from lingtouyan.history.checkout import extract, resolve
from lingtouyan.history.git import Commit
from lingtouyan.locks import Lock
from lingtouyan.problems import UsageError
from lingtouyan.project import Project
from lingtouyan.scratch import scratch

_PREFIX = ".rev-"


@contextlib.contextmanager
def opened(root: Path, revision: str | None = None, *, writes: bool = True) -> Iterator[Project]:
    """Open the tree at `root`, or the one of `revision`, laid out in a folder for as long as it is needed.

    Args:
        root: the repository.
        revision: commit, tag, branch or date.
        writes: whether anything is built from it; if not, nothing is written below `root`.

    Raises:
        UsageError: no data package, no such revision.
        RecordsError: the data package or a schema has faults.
    """
    if revision is None:
        yield Project.open(root)
        return
    home = root.resolve()
    commit = resolve(home, revision)
    with _shared(home, commit) if writes else _alone(home, commit) as folder:
        yield Project.open(folder, commit, home)


@contextlib.contextmanager
def _alone(home: Path, commit: Commit) -> Iterator[Path]:
    with scratch() as place:
        folder = place / "tree"
        folder.mkdir()
        extract(home, commit, folder)
        yield folder


@contextlib.contextmanager
def _shared(home: Path, commit: Commit) -> Iterator[Path]:
    """Lay a commit out beside the output; runs at the same time use the same folder, the last one takes it away.

    Not in a random place: paths between the two are part of what is built.
    """
    build = home / "build"
    if build.is_symlink():
        raise UsageError("build 是符号链接，没有写入。请删除它后重试。")
    try:
        build.mkdir(exist_ok=True)
    except OSError as fault:
        raise UsageError(f"build 文件夹无法写入：{fault.strerror}。") from None
    _sweep(build)
    folder = build / f"{_PREFIX}{commit.id[:12]}"
    lock = Lock(folder.with_name(f"{folder.name}.lock"))
    while True:
        if lock.take_alone():
            # Nobody uses it: whatever stands there was left over, or was put there.
            _remove(folder)
            try:
                folder.mkdir()
                extract(home, commit, folder)
            except BaseException:
                _remove(folder)
                lock.drop()
                raise
            lock.write(_identity(folder))
            lock.share()
        else:
            lock.wait_and_share()
        if folder.is_dir() and lock.says(_identity(folder)):
            break
        lock.release()
    try:
        yield folder
    finally:
        if lock.take_alone():
            _remove(folder)
            lock.drop()
        else:
            lock.release()


def _sweep(build: Path) -> None:
    """Take away what runs that were killed left behind."""
    for path in build.glob(f"{_PREFIX}*.lock"):
        lock = Lock(path)
        with contextlib.suppress(OSError, UsageError):
            if lock.take_alone():
                _remove(path.with_suffix(""))
                lock.drop()


def _remove(folder: Path) -> None:
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    else:
        shutil.rmtree(folder, ignore_errors=True)


def _identity(folder: Path) -> bytes:
    info = os.lstat(folder)
    return f"{info.st_dev} {info.st_ino} {folder.name}".encode()
