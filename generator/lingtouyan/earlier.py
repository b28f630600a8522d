"""Files of an earlier build, taken over by the next one when they are still exactly what that build wrote.

What is trusted is a stamp that was kept signed; the file itself may come from anybody's tree.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

MAX_BYTES = 2**30


def stamp_of(path: Path | str) -> list[int]:
    """Return what tells a file from any other that may be put in its place: inode, size, time of the last change.

    Raises:
        OSError: there is no plain file.
    """
    info = os.lstat(path)
    if not stat.S_ISREG(info.st_mode):
        raise OSError(f"{path} is no plain file")
    return [info.st_ino, info.st_size, info.st_mtime_ns]


def read_plain(path: Path) -> bytes:
    """Read a file that an earlier run wrote, or that somebody put in its place: a pipe is not waited for, no link followed.

    Raises:
        OSError: there is no plain file, or it is larger than any that a run writes.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as stream:
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode) or info.st_size > MAX_BYTES:
            raise OSError(f"{path} is no plain file of some size")
        return stream.read(MAX_BYTES)


def take_over(source: Path | str, target: Path | str, stamp: Sequence[int] | None) -> bool:
    """Link a file of an earlier build to its place in this one; tell whether it was there and had this stamp."""
    try:
        if stamp is None or stamp_of(source) != list(stamp):
            return False
        os.link(source, target, follow_symlinks=False)
        # Between looking and linking it could have been changed.
        if stamp_of(target) == list(stamp):
            return True
        Path(target).unlink()
    except OSError:
        pass
    return False
