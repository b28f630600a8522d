"""Files by which runs at the same time keep out of each other's way; the system lets go for whoever is killed.

A lock file may be taken away by whoever holds it alone; others notice, and open the one that stands there then.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from lingtouyan.problems import UsageError, os_reason


class Lock:
    """A file that is held by one process alone, or by several together; whoever ends lets go."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1

    def _open(self) -> None:
        """Open the file that stands there now, or make one."""
        if self._file >= 0:
            return
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as fault:
            raise UsageError(f"{self._path} 无法写入：{os_reason(fault)}。") from None

    def _current(self) -> bool:
        try:
            there = self._path.lstat()
        except OSError:
            return False
        mine = os.fstat(self._file)
        return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)

    def take_alone(self) -> bool:
        """Hold it alone, if nobody else holds it."""
        while True:
            self._open()
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            if self._current():
                return True
            self.release()

    def wait_alone(self) -> None:
        """Hold it alone, once nobody else holds it."""
        while True:
            self._open()
            fcntl.flock(self._file, fcntl.LOCK_EX)
            if self._current():
                return
            self.release()

    def share(self) -> None:
        """Hold it with others."""
        fcntl.flock(self._file, fcntl.LOCK_SH)

    def wait_and_share(self) -> None:
        """Hold it with others, once nobody holds it alone."""
        self._open()
        self.share()

    def write(self, note: bytes) -> None:
        """Leave a note in the file."""
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, note, 0)

    def says(self, note: bytes) -> bool:
        """Tell whether that is the note, and this still the file that counts."""
        return self._current() and os.pread(self._file, len(note) + 1, 0) == note

    def release(self) -> None:
        """Let go."""
        os.close(self._file)
        self._file = -1

    def drop(self) -> None:
        """Let go and take the file away."""
        self._path.unlink(missing_ok=True)
        self.release()


@contextlib.contextmanager
def in_turn(path: Path, progress: TextIO | None = None) -> Iterator[None]:
    """Wait until nobody else holds the lock, and hold it alone.

    Raises:
        UsageError: the lock file cannot be written.
    """
    lock = Lock(path)
    if not lock.take_alone():
        if progress is not None:
            progress.write("另一次生成正在进行，等它结束……\n")
        lock.wait_alone()
    try:
        yield
    finally:
        lock.release()
