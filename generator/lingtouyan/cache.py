"""What earlier runs worked out: files in $XDG_CACHE_HOME/lingtouyan, each named by a digest of all that it was made from.

An entry is either exactly what was put there or not used; old ones are pruned by age and by size.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import sys
import tempfile
import time
from pathlib import Path

MAX_BYTES = 2**30
MAX_DAYS = 60
_DIGEST = 16


@functools.cache
def engine_digest() -> str:
    """Return a digest over all files of the engine, the Python that runs it and the versions of all libraries."""
    here = Path(__file__).parent
    libraries = sorted({p.name for folder in sys.path for p in Path(folder).glob("*.dist-info")})
    digest = hashlib.blake2b(f"{sys.version}{libraries}".encode(), digest_size=_DIGEST)
    for path in sorted(p for p in here.rglob("*") if p.is_file() and p.suffix != ".pyc"):
        digest.update(path.relative_to(here).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


class Cache:
    """A folder of byte strings by key, of this user's alone; `place` is the user's own unless given."""

    def __init__(self, place: Path | None = None) -> None:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        self._place = place or Path(base) / "lingtouyan"
        self._pruned = False

    def _path(self, key: str) -> Path:
        words = f"{engine_digest()}\0{key}".encode("utf-8", "surrogatepass")
        return self._place / hashlib.blake2b(words, digest_size=_DIGEST).hexdigest()

    def get(self, key: str) -> bytes | None:
        """Return what was put under `key`; None when it is not there or not whole.

        Args:
            key: names, by digests, all that the entry is made from; the engine and its libraries are always part of it.
        """
        path = self._path(key)
        with contextlib.suppress(OSError):
            if path.stat().st_uid == os.geteuid():
                os.utime(path)
                content = path.read_bytes()
                if content[:_DIGEST] == _digest(content[_DIGEST:]):
                    return content[_DIGEST:]
        return None

    def put(self, key: str, data: bytes) -> None:
        """Keep `data` under `key`, whole or not at all. A folder that cannot be written to costs time, no more."""
        with contextlib.suppress(OSError):
            self._place.mkdir(mode=0o700, parents=True, exist_ok=True)
            file, name = tempfile.mkstemp(dir=self._place, suffix=".new")
            try:
                with os.fdopen(file, "wb") as stream:
                    stream.write(_digest(data) + data)
                Path(name).replace(self._path(key))
            except OSError:
                Path(name).unlink()
                raise
            if not self._pruned:
                self._pruned = True
                self._prune()

    def _prune(self) -> None:
        """Remove what nobody used for long, then the longest unused until the rest is small enough."""
        found = [(entry, entry.stat()) for entry in os.scandir(self._place) if entry.is_file()]
        found.sort(key=lambda pair: pair[1].st_mtime)
        size = sum(info.st_size for _, info in found)
        oldest = time.time() - MAX_DAYS * 86_400
        for entry, info in found:
            if info.st_mtime >= oldest and size <= MAX_BYTES:
                break
            Path(entry.path).unlink(missing_ok=True)
            size -= info.st_size


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=_DIGEST).digest()
