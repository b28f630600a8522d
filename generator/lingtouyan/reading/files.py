"""Reading below a folder on disk, for rooms that do not take a `Source` yet. Goes when the last of them does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath

from lingtouyan.problems import Problem
from lingtouyan.reading.source import (
    MAX_BYTES,
    MAX_FOLDER,
    MAX_SHARED,
    Listing,
    UnsafePathError,
    WorkTree,
    checked_pattern,
    glob_regex,
    static_prefix,
)

__all__ = [
    "MAX_BYTES",
    "MAX_FOLDER",
    "MAX_SHARED",
    "UnsafePathError",
    "checked_pattern",
    "folder_files",
    "glob_regex",
    "list_tree",
    "read_bytes",
    "static_prefix",
]


def list_tree(root: Path, folders: Iterable[str]) -> Listing:
    """See `Source.files`."""
    return WorkTree(root).files(folders)


def read_bytes(root: Path, name: str, _checked: None = None, limit: int | None = None) -> bytes | Problem:
    """See `Source.read`."""
    return WorkTree(root).read(name, limit)


def folder_files(
    root: Path, folder: str, taken: Callable[[PurePosixPath], bool]
) -> Iterator[tuple[PurePosixPath, bytes]]:
    """See `Source.folder`."""
    return WorkTree(root).folder(folder, taken)
