"""The text below the first line of each commit message."""

from __future__ import annotations

from pathlib import Path

from lingtouyan.history.log import read_log


def read_messages(root: Path, tip: str) -> dict[str, str]:
    """Return commit -> text, for the commits reachable from `tip`; each is bounded in length."""
    return {c.id: c.body for c in read_log(root, tip) if c.body}
