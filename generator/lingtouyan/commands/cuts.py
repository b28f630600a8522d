"""Editions' databases kept between builds: a table that shows what it showed is not cut again.

Like pages, they are taken over by a stamp that is kept signed; what lies in the tree may be anybody's.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import Any

from lingtouyan.database.editions import Cut
from lingtouyan.earlier import stamp_of
from lingtouyan.signed import SignedCache as Cache


def lay_out(cache: Cache, edition: str, known: Any, path: Path) -> Cut | None:
    """Put the database of the last build where the next one is written; say what it holds, or None without one.

    Args:
        known: what `keep` returned, kept where nobody else writes.
    """
    if not known:
        return None
    state, names, stamp = known
    source = _file(cache, edition)
    with contextlib.suppress(OSError):
        if stamp_of(source) == stamp:
            shutil.copyfile(source, path, follow_symlinks=False)
            if stamp_of(source) == stamp:
                return Cut(state, frozenset(names))
    path.unlink(missing_ok=True)
    return None


def keep(cache: Cache, edition: str, cut: Cut | None, path: Path) -> Any:
    """Keep a database that nobody has open any more for the next build; return what that must know of it."""
    file = _file(cache, edition)
    if cut is None:
        with contextlib.suppress(OSError):
            file.unlink(missing_ok=True)
        return None
    aside = file.with_suffix(f".{os.getpid()}.new")
    try:
        if not cache.prepare():
            return None
        # Exclusively: somebody may have put a link in its place.
        with path.open("rb") as source, aside.open("xb") as target:
            aside.chmod(0o600)
            shutil.copyfileobj(source, target, 2**20)
        aside.replace(file)
        return [cut.state, sorted(cut.names), stamp_of(file)]
    except OSError:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
        return None


def _file(cache: Cache, edition: str) -> Path:
    return cache.folder / f"edition-{edition}.duckdb"
