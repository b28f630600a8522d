"""Where files come from: a work tree on disk or the objects of a commit, listed and read in the same way.

A tree may be a stranger's: links, devices and odd names are refused, paths stay inside, sizes are bounded.
"""

from __future__ import annotations

import errno
import hashlib
import itertools
import os
import re
import stat
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lingtouyan.problems import WORDING, Problem, RecordsError, error, printable

# Never records, wherever they stand; and what only stands at the root.
SKIPPED_FOLDERS = frozenset({".git", "__pycache__"})
SKIPPED_AT_ROOT = frozenset({".venv", "build", "node_modules"})
MAX_BYTES = {".csv": 64 * 2**20, ".yaml": 2 * 2**20, ".yml": 2 * 2**20, ".md": 2 * 2**20, ".sql": 2**20}
# Pictures, styles and scripts of templates and themes: one, and all of a folder together.
MAX_SHARED = 20 * 2**20
MAX_FOLDER = 256 * 2**20


class UnsafePathError(ValueError):
    """A path in the tree that would lead out of it."""


def checked_pattern(pattern: str) -> str:
    """Return the pattern when it is relative and stays inside the root.

    Raises:
        UnsafePathError: the pattern is absolute, climbs, is remote, uses backslashes or cannot be shown.
    """
    if (
        not pattern
        or pattern.startswith("/")
        or ".." in PurePosixPath(pattern).parts
        or "\\" in pattern
        or "://" in pattern
        or not pattern.isprintable()
    ):
        raise UnsafePathError(pattern)
    return pattern


def glob_regex(pattern: str) -> re.Pattern[str]:
    """Translate a path glob: `*` and `?` stay within a folder, `**` crosses folders, `[a-z]` is a set.

    As elsewhere, no wildcard stands for the dot of a hidden file: editors and other systems keep their own there.
    """
    out, i, leaf = "", 0, pattern.rfind("/") + 1
    while i < len(pattern):
        if i == leaf and pattern[i] in "*?[":
            out += r"(?!\.)"
        if pattern.startswith("**/", i):
            out, i = out + "(?:[^/]+/)*", i + 3
        elif pattern.startswith("**", i):
            out, i = out + ".*", i + 2
        elif pattern[i] == "*":
            out, i = out + "[^/]*", i + 1
        elif pattern[i] == "?":
            out, i = out + "[^/]", i + 1
        elif pattern[i] == "[" and (end := pattern.find("]", i + 1)) > 0:
            inner = pattern[i + 1 : end].replace("\\", "\\\\").replace("[", "\\[")
            out, i = out + "[" + ("^" + inner[1:] if inner.startswith("!") else inner) + "]", end + 1
        else:
            out, i = out + re.escape(pattern[i]), i + 1
    return re.compile(out + r"\Z")


def static_prefix(pattern: str) -> str:
    """Return the folder that a pattern names before its first wildcard (`records/townships/*/x` -> `records/townships`)."""
    fixed: list[str] = []
    for part in PurePosixPath(pattern).parts[:-1]:
        if re.search(r"[*?\[]", part):
            break
        fixed.append(part)
    return "/".join(fixed)


@dataclass(frozen=True, slots=True)
class Listing:
    """The regular files under some folders, and what was refused on the way.

    Attributes:
        files: paths relative to the root, sorted.
        problems: links, special files and odd names, which are not read.
    """

    files: tuple[str, ...]
    problems: tuple[Problem, ...]


class Source(ABC):
    """A tree of files. Names are relative to its root, with `/`."""

    def files(self, folders: Iterable[str]) -> Listing:
        """List all regular files below the folders; the empty name is the root."""
        files: list[str] = []
        problems: list[Problem] = []
        tops = sorted(set(folders))
        tops = [t for t in tops if not any(t != o and (o == "" or t.startswith(o + "/")) for o in tops)]
        for top in tops:
            link = self._link_before(f"{top}/x")
            for kind, name in [("link", link)] if link else self._walk(top):
                if kind == "file":
                    files.append(name)
                else:
                    problems.append(refusal(name, kind))
        return Listing(tuple(sorted(files)), tuple(problems))

    @abstractmethod
    def _walk(self, folder: str) -> Iterator[tuple[str, str]]:
        """Yield (`file` or a key of the wording `refused`, name) for what stands below a folder."""

    @abstractmethod
    def _is_link(self, folder: str) -> bool:
        """Tell whether a folder is a link."""

    def _link_before(self, name: str) -> str:
        """Return the first folder on the way to a file that is a link, or nothing."""
        folders = itertools.accumulate(name.split("/")[:-1], "{}/{}".format)
        return next((f for f in folders if f and self._is_link(f)), "")

    @abstractmethod
    def exists(self, name: str) -> bool:
        """Tell whether anything stands under this name, though it may be refused when it is read."""

    @abstractmethod
    def read_all(
        self, names: Sequence[str], limit: int | None = None
    ) -> Iterator[tuple[str, bytes | Problem]]:
        """Yield each name with its bytes, or with why it was not read, in the order given.

        Args:
            limit: the most bytes that a file may have; None takes the limit of its kind.
        """

    def on_disk(self, name: str) -> Path | None:
        """Return where a listed file can be opened by another reader, or None where it cannot."""
        return None

    def read(self, name: str, limit: int | None = None) -> bytes | Problem:
        """Return the bytes of one file, or why it was not read."""
        return next(iter(self.read_all([name], limit)))[1]

    def digests(self, names: Sequence[str]) -> dict[str, str]:
        """Return name -> Git's SHA-1 blob id of its content, for those that can be read."""
        return {n: blob_id(d) for n, d in self.read_all(names, MAX_FOLDER) if not isinstance(d, Problem)}

    def folder(
        self, folder: str, taken: Callable[[PurePosixPath], bool]
    ) -> Iterator[tuple[PurePosixPath, bytes]]:
        """Yield the regular files below a folder, each by its path there and with its bytes, in order.

        Args:
            taken: tells by its path below the folder whether a file is wanted.

        Raises:
            RecordsError: one of them, or all together, are larger than any that a template needs.
        """
        inside = {n: PurePosixPath(n[len(folder) + 1 :]) for n in self.files([folder]).files}
        whole = 0
        for name, data in self.read_all([n for n, p in inside.items() if taken(p)], MAX_SHARED):
            if isinstance(data, Problem):
                raise RecordsError([data])
            whole += len(data)
            if whole > MAX_FOLDER:
                text = f"文件夹里的文件共超过 {MAX_FOLDER >> 20} MB。请删去不用的文件后重试。"
                raise RecordsError([error(folder, 0, "source-error", text)])
            yield inside[name], data


class WorkTree(Source):
    """The files on disk below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def exists(self, name: str) -> bool:
        """See `Source.exists`."""
        return _usable(name) and os.path.lexists(f"{self.root}/{name}")

    def on_disk(self, name: str) -> Path | None:
        """See `Source.on_disk`."""
        return self.root / name

    def _walk(self, folder: str) -> Iterator[tuple[str, str]]:
        start = len(str(self.root)) + 1
        stack = [f"{self.root}/{folder}".rstrip("/")]
        if not Path(stack[0]).is_dir():
            return
        while stack:
            here = stack.pop()
            try:
                with os.scandir(here) as found:
                    entries = list(found)
            except OSError:
                yield "closed", here[start:]
                continue
            if len(here) >= start and any(e.name == ".git" for e in entries):
                yield "module", here[start:]
                continue
            for entry in entries:
                name = entry.path[start:]
                if not name.isprintable():
                    yield "name", name
                elif entry.is_symlink():
                    yield "link", name
                elif entry.is_dir(follow_symlinks=False):
                    if entry.name not in SKIPPED_FOLDERS and name not in SKIPPED_AT_ROOT:
                        stack.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    yield "file", name
                else:
                    yield "special", name

    def _is_link(self, folder: str) -> bool:
        return os.path.islink(f"{self.root}/{folder}")  # noqa: PTH114

    def read_all(
        self, names: Sequence[str], limit: int | None = None
    ) -> Iterator[tuple[str, bytes | Problem]]:
        """See `Source.read_all`."""
        checked: set[str] = set()
        for name in names:
            folder = name.rpartition("/")[0]
            if folder not in checked and _usable(name):
                if link := self._link_before(name):
                    yield name, refusal(link, "link")
                    continue
                checked.add(folder)
            yield name, self._read(name, limit_of(name) if limit is None else limit)

    def _read(self, name: str, limit: int) -> bytes | Problem:
        if not _usable(name):
            return absent(name)
        try:
            descriptor = os.open(f"{self.root}/{name}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as fault:
            if fault.errno in (errno.ELOOP, errno.ENXIO, errno.ENODEV):
                return refusal(name, "link" if fault.errno == errno.ELOOP else "special")
            if fault.errno in (errno.ENOENT, errno.ENOTDIR):
                return absent(name)
            reason = "没有读取权限" if fault.errno == errno.EACCES else str(fault.strerror)
            return absent(name, reason)
        try:
            info = os.fstat(descriptor)
            if not stat.S_ISREG(info.st_mode):
                return refusal(name, "special")
            if info.st_size > limit:
                return too_large(name, info.st_size, limit)
            # One byte more than there should be: a file that grows meanwhile is not followed without end.
            data = os.read(descriptor, info.st_size + 1)
            while len(data) < info.st_size and (more := os.read(descriptor, info.st_size - len(data))):
                data += more
            return data
        finally:
            os.close(descriptor)


class Overlaid(WorkTree):
    """The files on disk as they would be with some of them changed, added, or (None) gone."""

    def __init__(self, root: Path, changed: Mapping[str, bytes | None]) -> None:
        super().__init__(root)
        self._changed = changed

    def exists(self, name: str) -> bool:
        """See `Source.exists`."""
        return self._changed[name] is not None if name in self._changed else super().exists(name)

    def _walk(self, folder: str) -> Iterator[tuple[str, str]]:
        yield from (found for found in super()._walk(folder) if found[1] not in self._changed)
        start = f"{folder}/" if folder else ""
        yield from (
            ("file", n) for n, data in self._changed.items() if data is not None and n.startswith(start)
        )

    def _read(self, name: str, limit: int) -> bytes | Problem:
        if name not in self._changed:
            return super()._read(name, limit)
        data = self._changed[name]
        return absent(name) if data is None else data


def limit_of(name: str) -> int:
    """Return the most bytes that a file of its kind may have."""
    return MAX_BYTES.get(os.path.splitext(name)[1].lower(), 2 * 2**20)  # noqa: PTH122


def blob_id(data: bytes) -> str:
    """Return what Git calls a file of this content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _usable(name: str) -> bool:
    """Tell whether the system can be asked for a file of this name."""
    try:
        return b"\0" not in os.fsencode(name)
    except UnicodeEncodeError:
        return False


def refusal(name: str, kind: str) -> Problem:
    """Say that a file is none that may be read; `kind` is a key of the wording `refused`."""
    return error(
        printable(name), 0, "source-error" if kind == "closed" else "unsafe-file", WORDING["refused"][kind]
    )


def absent(name: str, reason: str = "文件不存在") -> Problem:
    """Say that a file cannot be opened."""
    return error(printable(name), 0, "source-error", f"文件无法打开：{reason}。请检查文件名和权限。")


def too_large(name: str, size: int, limit: int) -> Problem:
    """Say that a file is larger than may be read."""
    return error(
        name, 0, "source-error", f"文件有 {size:,} 字节，超过上限 {limit:,} 字节。请拆分后重新提交。"
    )
