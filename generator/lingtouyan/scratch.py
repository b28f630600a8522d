"""Folders for the time of a run, outside the tree; what runs that were killed left behind is taken away by later ones.

Each is locked while its run lives, and the system lets go for whoever is killed: that tells the ones from the others.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import shutil
import tempfile
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

PREFIX = "lingtouyan-run-"
# Seconds for which a folder is left alone: between being made and being locked it looks forsaken.
_YOUNG = 600.0
_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Give an empty folder that only this user can enter; it is gone at the end."""
    folder, lock = _made()
    try:
        yield folder
    finally:
        _end(folder, lock)


def scratch_of(owner: object) -> Path:
    """Give such a folder for as long as an object lives."""
    folder, lock = _made()
    weakref.finalize(owner, _end, folder, lock)
    return folder


def _made() -> tuple[Path, int]:
    _sweep_once(tempfile.gettempdir())
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    lock = os.open(folder, _OPEN)
    # Where locks are not to be had, nothing is taken for forsaken either.
    with contextlib.suppress(OSError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return folder, lock


def _end(folder: Path, lock: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    os.close(lock)


@functools.cache
def _sweep_once(place: str) -> None:
    with contextlib.suppress(OSError):
        sweep(place)


def sweep(place: str) -> None:
    """Take away the folders of this user's runs that are no more.

    Raises:
        OSError: the place cannot be looked through.
    """
    with os.scandir(place) as found:
        names = [e.name for e in found if e.name.startswith(PREFIX) and e.is_dir(follow_symlinks=False)]
    for name in names:
        with contextlib.suppress(OSError):
            _take_away(f"{place}/{name}")


def _take_away(folder: str) -> None:
    lock = os.open(folder, _OPEN)
    try:
        info = os.fstat(lock)
        foreign = info.st_uid != os.geteuid() or info.st_mode & 0o077
        if foreign or time.time() - info.st_mtime < _YOUNG:
            return
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # By the folder that is open, not by its name: another may stand there by now. By its name only if it is empty.
        with os.scandir(lock) as found:
            entries = list(found)
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.name, dir_fd=lock)
            else:
                os.unlink(entry.name, dir_fd=lock)
        Path(folder).rmdir()
    finally:
        os.close(lock)
