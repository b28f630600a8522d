"""Builds are made beside the last one and swapped in whole; the site before that gives its folders to the next.

Making and removing a folder costs more than all else that a page costs which has not changed.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from lingtouyan.earlier import stamp_of
from lingtouyan.problems import UsageError, os_fault, printable
from lingtouyan.project import Project

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


@contextlib.contextmanager
def staging(project: Project, names: list[str]) -> Iterator[dict[str, Path]]:
    """Give each edition an empty folder beside its last build; whatever stays there is removed.

    Raises:
        UsageError: nothing can be written there.
    """
    make_folder(project.build)
    folders = {n: project.build / f".{n}.new" for n in names}
    try:
        try:
            for name, folder in folders.items():
                _clear(project.build / name)
                _remove(folder)
                folder.mkdir()
        except OSError as fault:
            raise _unwritable(project.build, fault) from None
        yield folders
    finally:
        for folder in folders.values():
            _remove(folder)


def make_folder(folder: Path) -> None:
    """Make the folder that receives what is made, unless it is there.

    Raises:
        UsageError: it cannot be made.
    """
    try:
        folder.mkdir(exist_ok=True)
    except OSError as fault:
        raise _unwritable(folder, fault) from None


def _unwritable(folder: Path, fault: OSError) -> UsageError:
    if isinstance(fault, FileExistsError):
        return UsageError(f"{printable(str(folder))} 不是文件夹，没有写入。请删除它后重试。")
    return UsageError(os_fault(fault))


def _clear(last: Path) -> None:
    """Take away what stands in place of a build and is none: to open a pipe, for one, would wait for ever."""
    parts = [last / name for name in ("data", "site", "tree", "tree/docs", "dossiers")]
    for path in (last, *parts):
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            path.unlink()


def _remove(folder: Path) -> None:
    if folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder)
    else:
        folder.unlink(missing_ok=True)


def swap(new: Path, current: Path) -> None:
    """Put `new` in the place of `current` in one step, so that a reader or a crash never meets half a build.

    The site that stood there is kept as the spare one: the next build takes its folders over.
    """
    if current.is_symlink() or not current.exists():
        if current.is_symlink():
            current.unlink()
        new.rename(current)
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "renameat2"):
        done = libc.renameat2(_AT_FDCWD, os.fsencode(new), _AT_FDCWD, os.fsencode(current), _RENAME_EXCHANGE)
        if done == 0:
            _retire(new, spare_of(current))
            return
        if ctypes.get_errno() not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
            raise UsageError(f"无法替换 {current}：{os.strerror(ctypes.get_errno())}。")
    old = current.with_name(f".{current.name}.old")
    _remove(old)
    current.rename(old)
    new.rename(current)
    _retire(old, spare_of(current))


def spare_of(current: Path) -> Path:
    """Return where the site is kept that the last build took the place of."""
    return current.with_name(f".{current.name}.spare")


def _retire(old: Path, spare: Path) -> None:
    _remove(spare)
    with contextlib.suppress(OSError):
        (old / "site").rename(spare)
    _remove(old)


def folder_stamp(path: str) -> list[int]:
    """Return what tells a folder and the list of its entries from any other: inode and time of the last change.

    Raises:
        OSError: there is no folder.
    """
    info = os.lstat(path)
    if not stat.S_ISDIR(info.st_mode):
        raise OSError(f"{path} is no folder")
    return [info.st_ino, info.st_mtime_ns]


class Spare:
    """Folders of single pages in a site that is no longer used; they are taken away when they are as they were left.

    Args:
        folder: where that site is.
        stamps: address of a page, or `whole` of a folder of pages -> stamp of that folder, kept where nobody else writes.
    """

    def __init__(self, folder: Path, stamps: Mapping[str, Sequence[int]]) -> None:
        self._folder = str(folder)
        self._stamps = stamps

    def take(self, url: str, target: str, stamp: Sequence[int]) -> bool:
        """Move a page's folder to its place in a new site; tell whether it held this very page and nothing else."""
        source = f"{self._folder}/{url[:-1]}"
        if not self._is_left(url, source, stamp):
            return False
        try:
            Path(source).rename(target)
        except OSError:
            return False
        return True

    def take_all(
        self, parent: str, target: str, pages: Mapping[str, Sequence[int]]
    ) -> dict[str, Sequence[int]]:
        """Move a folder of pages to its place in a new site; what else it held is removed.

        Args:
            parent: address of the folder, as `people/`.
            target: its place, where other things may be already.
            pages: address of a page in it -> stamp that its file must have.

        Returns:
            Address -> stamp of the folder, of those pages that are there now.
        """
        known, source, aside = (
            self._stamps.get(whole(parent)),
            f"{self._folder}/{parent[:-1]}",
            f"{target}.new",
        )
        try:
            # The very folder that was left there: what is removed below is ours.
            if known is None or folder_stamp(source) != list(known):
                return {}
            Path(source).rename(aside)
        except OSError:
            return {}
        kept: dict[str, Sequence[int]] = {}
        with os.scandir(aside) as entries:
            for entry in entries:
                url = f"{parent}{entry.name}/"
                if self._is_left(url, entry.path, pages.get(url)):
                    kept[url] = self._stamps[url]
                else:
                    _remove(Path(entry.path))
        with contextlib.suppress(FileNotFoundError):
            for path in Path(target).iterdir():
                path.rename(f"{aside}/{path.name}")
            Path(target).rmdir()
        Path(aside).rename(target)
        return kept

    def _is_left(self, url: str, folder: str, stamp: Sequence[int] | None) -> bool:
        """Tell whether a folder holds this very page and nothing else."""
        known = self._stamps.get(url)
        if known is None or stamp is None:
            return False
        try:
            return folder_stamp(folder) == list(known) and stamp_of(f"{folder}/index.html") == list(stamp)
        except OSError:
            return False


def whole(parent: str) -> str:
    """Return the name under which the stamp of a folder of pages is kept, which may hold a page of its own."""
    return f"{parent}*"
