"""What one edition's build remembers for the next: signed, in parts that are read and written only when needed.

A part is believed only beside the whole that it was kept with: a build that ended between two of them is no memory.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from lingtouyan.signed import SignedCache as Cache


class Memory:
    """The memory of one edition.

    Attributes:
        known: what the last build remembered, without its parts.
    """

    def __init__(self, cache: Cache, edition: str) -> None:
        self._cache = cache
        self._name = f"made-{edition}"
        stored = cache.load(self._name)
        self.known: dict[str, Any] = json.loads(stored) if stored else {}
        self._before: dict[str, str] = self.known.get("parts", {})
        self._after: dict[str, str] = {}
        self._pending: dict[str, bytes] = {}

    def part(self, sort: str, name: str) -> dict[str, Any]:
        """Return a part; empty when it is not there as it was kept."""
        digest = self._before.get(f"{sort} {name}")
        stored = self._cache.load(self._place(sort, name)) if digest else None
        found: dict[str, Any] = json.loads(stored) if stored and _digest(stored) == digest else {}
        return found

    def keep(self, sort: str, name: str) -> None:
        """Say that a part stays as it is."""
        key = f"{sort} {name}"
        if key in self._before:
            self._after[key] = self._before[key]

    def save_part(self, sort: str, name: str, value: Mapping[str, Any]) -> None:
        """Remember a part anew; it counts when `save` has been called."""
        data = _dumped(value)
        self._after[f"{sort} {name}"] = _digest(data)
        if self._after[f"{sort} {name}"] != self._before.get(f"{sort} {name}"):
            self._pending[self._place(sort, name)] = data

    def save(self, value: Mapping[str, Any]) -> None:
        """Remember the whole. Nothing is written before: a build that fails leaves the memory of the last one."""
        for place, data in self._pending.items():
            self._cache.save(place, data)
        self._cache.save(self._name, _dumped({**value, "parts": self._after}))

    def _place(self, sort: str, name: str) -> str:
        return f"{self._name}-{sort}-{hashlib.blake2b(name.encode(), digest_size=8).hexdigest()}"


def _dumped(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()
