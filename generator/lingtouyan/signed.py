"""The signed cache in `build/.cache`, for the modules that have not moved to `cache.py` yet; goes with the last of them."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from lingtouyan.cache import Cache
from lingtouyan.earlier import read_plain

_SIZE = 32


def _key_file() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "lingtouyan" / "key"


def user_key() -> bytes:
    """Return this user's key, made at first use; a fresh one for this run only when none can be kept."""
    path = _key_file()
    try:
        key = path.read_bytes()
        if len(key) == _SIZE:
            return key
    except OSError:
        pass
    key = secrets.token_bytes(_SIZE)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"key.{os.getpid()}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(key)
        temporary.replace(path)
    return key


class SignedCache(Cache):
    """Named byte strings in a folder, each signed over its name, the engine's version and its content."""

    def __init__(self, folder: Path, version: str) -> None:
        super().__init__()
        self.folder = folder
        self._key = user_key()
        self._version = version

    def _sign(self, name: str, data: bytes) -> bytes:
        mac = hmac.new(self._key, f"{self._version}\0{name}\0".encode(), hashlib.sha256)
        mac.update(data)
        return mac.digest()

    def load(self, name: str) -> bytes | None:
        """Return what was saved under this name by this user and this engine, or None."""
        path = self.folder / name
        try:
            content = read_plain(path)
        except OSError:
            return None
        signature, data = content[:_SIZE], content[_SIZE:]
        return data if hmac.compare_digest(signature, self._sign(name, data)) else None

    def prepare(self) -> bool:
        """Make the folder; tell whether it can be written to. A link in its place could point anywhere."""
        if self.folder.is_symlink() or self.folder.parent.is_symlink():
            return False
        with contextlib.suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            return True
        return False

    def save(self, name: str, data: bytes) -> None:
        """Save whole or not at all. A cache that cannot be written costs time, not correctness."""
        with contextlib.suppress(OSError):
            if not self.prepare():
                return
            temporary = self.folder / f"{name}.{os.getpid()}.new"
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(self._sign(name, data))
                stream.write(data)
            temporary.replace(self.folder / name)
