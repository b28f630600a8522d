"""The cache between runs: what is taken from it is exactly what was put there, and it stays small."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lingtouyan import cache as caches
from lingtouyan.cache import Cache


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def entries(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache").iterdir())


def test_what_was_put_is_there_for_the_next_run(cache: Cache, tmp_path: Path) -> None:
    assert cache.get("a") is None
    cache.put("a", b"1")
    cache.put("b\udce4", b"")
    cache.put("a", b"2")
    again = Cache(tmp_path / "cache")
    assert (again.get("a"), again.get("b\udce4"), again.get("c")) == (b"2", b"", None)
    assert len(entries(tmp_path)) == 2


@pytest.mark.parametrize("content", [b"", b"x", b"x" * 100])
def test_an_entry_that_is_not_whole_is_not_used(cache: Cache, tmp_path: Path, content: bytes) -> None:
    cache.put("a", b"1" * 50)
    (entry,) = entries(tmp_path)
    entry.write_bytes(content)
    assert cache.get("a") is None
    entry.unlink()
    entry.mkdir()
    assert cache.get("a") is None
    cache.put("a", b"2")
    assert entries(tmp_path) == [entry], "nothing half written is left"


def test_another_engine_finds_nothing(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.put("a", b"1")
    monkeypatch.setattr(caches, "engine_digest", lambda: "another")
    assert cache.get("a") is None


def test_it_lives_where_the_user_keeps_such_things(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    Cache().put("a", b"1")
    assert (tmp_path / "lingtouyan").stat().st_mode & 0o777 == 0o700
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    Cache().put("a", b"1")
    assert len(list((tmp_path / "home/.cache/lingtouyan").iterdir())) == 1


def test_a_cache_that_cannot_be_written_is_none(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    cache = Cache(tmp_path / "cache")
    cache.put("a", b"1")
    assert cache.get("a") is None


def test_what_nobody_used_for_long_goes(cache: Cache, tmp_path: Path) -> None:
    cache.put("old", b"1")
    cache.put("used", b"1")
    for entry in entries(tmp_path):
        os.utime(entry, (0, 0))
    assert cache.get("used") == b"1"
    later = Cache(tmp_path / "cache")
    later.put("new", b"1")
    assert [later.get(k) for k in ("old", "used", "new")] == [None, b"1", b"1"]


def test_it_stays_small(cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caches, "MAX_BYTES", 100)
    for number in range(5):
        cache.put(f"{number}", b"x" * 30)
    for number, key in enumerate("01234"):
        os.utime(cache._path(key), (1e10 + number,) * 2)
    Cache(tmp_path / "cache").put("5", b"x" * 30)
    assert sum(e.stat().st_size for e in entries(tmp_path)) <= 100
    assert cache.get("4") is not None
