"""Contents of blobs through `git cat-file`: asked for in one breath, kept while still needed, bounded in size.

A repository whose contents are elsewhere (a partial clone) is refused: what cannot be read is not the same as empty.
"""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import IO, cast

from lingtouyan.history.git import command, environment
from lingtouyan.problems import UsageError

MAX_BYTES = 64 * 2**20
_MAX_KEPT = 256 * 2**20
_CHUNK = 2**20


class Blobs:
    """Reads blobs of one repository.

    Args:
        root: the repository.
        plan: the blobs that will be read, in that order and as often; others can be read too, but not as fast.
    """

    def __init__(self, root: Path, plan: Iterable[str] = ()) -> None:
        self._root = root
        order = list(plan)
        self._left = Counter(order)
        self._kept: dict[str, bytes] = {}
        self._size = 0
        self._ahead: _Pipe | None = None
        self._single: _Pipe | None = None
        if order:
            self._ahead = _Pipe(root, list(dict.fromkeys(order)))
        self._met: set[str] = set()

    def __enter__(self) -> Blobs:
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in (self._ahead, self._single):
            if pipe is not None:
                pipe.close()

    def read(self, identity: str) -> bytes | None:
        """Return one blob's bytes; None when it is too large to be a record file, and nothing for an empty name.

        Raises:
            UsageError: the repository does not hold it.
        """
        if not identity:
            return b""
        if identity in self._left:
            self._left[identity] -= 1
        data = self._kept.get(identity)
        if data is None:
            data = self._fetch(identity)
            if data is None:
                return None
        elif self._left[identity] <= 0:
            del self._kept[identity]
            self._size -= len(data)
            return data
        if self._left[identity] > 0 and identity not in self._kept and self._size + len(data) <= _MAX_KEPT:
            self._kept[identity] = data
            self._size += len(data)
        return data

    def _fetch(self, identity: str) -> bytes | None:
        if self._ahead is not None and identity in self._ahead.waiting and identity not in self._met:
            while True:
                name = self._ahead.next_name()
                self._met.add(name)
                data = self._ahead.receive()
                if name == identity:
                    return data
                # Asked for before others that stand in front of it.
                if data is not None and self._size + len(data) <= _MAX_KEPT:
                    self._kept[name] = data
                    self._size += len(data)
        if self._single is None:
            self._single = _Pipe(self._root)
        return self._single.ask(identity)


class _Pipe:
    """One `git cat-file --batch`."""

    def __init__(self, root: Path, names: list[str] | None = None) -> None:
        self._process = subprocess.Popen(
            command(root, "cat-file", "--batch", *(["--buffer"] if names else [])),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(),
        )
        self._in = cast("IO[bytes]", self._process.stdin)
        self._out = cast("IO[bytes]", self._process.stdout)
        self._names = iter(names or ())
        self.waiting = frozenset(names or ())
        self._feeder: threading.Thread | None = None
        if names:
            self._feeder = threading.Thread(target=self._feed, args=(names,), daemon=True)
            self._feeder.start()

    def _feed(self, names: list[str]) -> None:
        # The reader may have seen enough and closed the pipe.
        with contextlib.suppress(OSError):
            for start in range(0, len(names), 1000):
                self._in.write("".join(f"{n}\n" for n in names[start : start + 1000]).encode())
            self._in.close()

    def next_name(self) -> str:
        return next(self._names)

    def ask(self, name: str) -> bytes | None:
        self._in.write(name.encode("utf-8", "surrogateescape") + b"\n")
        self._in.flush()
        return self.receive()

    def receive(self) -> bytes | None:
        head = self._out.readline().split()
        if len(head) != 3 or head[1] != b"blob":
            raise UsageError("仓库里缺少部分文件的内容（部分克隆或仓库损坏）。请重新完整克隆后再试。")
        size = int(head[2])
        if size <= MAX_BYTES:
            data = self._out.read(size)
            self._out.read(1)
            return data
        left = size + 1
        while left:
            left -= len(self._out.read(min(left, _CHUNK)))
        return None

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._out.close()
        if self._feeder is not None:
            self._feeder.join()
        with contextlib.suppress(OSError):
            self._in.close()
