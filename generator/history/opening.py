"""Opening a project as the work tree has it, or as the repository knew it at a commit, a tag or a date.

With a reference date that makes two clocks: what was so on a day, and what was known of it on another.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from generator.history.checkout import extract, resolve
from generator.problems import UsageError
from generator.project import Project


@contextlib.contextmanager
def opened(root: Path, revision: str | None = None) -> Iterator[Project]:
    """Open the tree at `root`, or the one of `revision`, laid out below its build folder for as long as it is needed.

    Raises:
        UsageError: no data package, no such revision.
        RecordsError: the data package or a schema has faults.
    """
    if revision is None:
        yield Project.open(root)
        return
    home = root.resolve()
    commit = resolve(home, revision)
    build = home / "build"
    if build.is_symlink():
        raise UsageError("build 是符号链接，没有写入。请删除它后重试。")
    # Beside the output, not in a random place: paths between the two are part of what is built.
    folder = build / f".rev-{commit.id[:12]}"
    if folder.exists() or folder.is_symlink():
        folder.unlink() if folder.is_symlink() else shutil.rmtree(folder)
    folder.mkdir(parents=True)
    try:
        extract(home, commit, folder)
        yield Project.open(folder, commit, home)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
