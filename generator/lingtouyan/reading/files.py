"""Which files belong to a table: patterns from the data package matched against the tree, safely.

A tree may be a stranger's: links, devices and paths that leave the root are refused, sizes are bounded.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lingtouyan.problems import Problem, RecordsError, error, printable, quoted

# Never records, wherever they stand; and what only stands at the root.
SKIPPED_FOLDERS = frozenset({".git", "__pycache__"})
SKIPPED_AT_ROOT = frozenset({".venv", "build", "node_modules"})
MAX_BYTES = {".csv": 64 * 2**20, ".yaml": 2 * 2**20, ".yml": 2 * 2**20, ".md": 2 * 2**20, ".sql": 2**20}
# Pictures, styles and scripts of templates and themes: one, and all of a folder together.
MAX_SHARED = 20 * 2**20
MAX_FOLDER = 256 * 2**20
_DATA_SUFFIXES = frozenset(
    {".csv", ".tsv", ".yaml", ".yml", ".md", ".json", ".xlsx", ".xls", ".et", ".ods", ".txt"}
)


_REFUSED = {
    "link": "这是符号链接，没有读取：链接可能指向别处。请改为普通文件后重新提交。",
    "special": "这是特殊文件（设备、管道等），没有读取。请删除后重新提交。",
    "closed": "文件夹无法打开，里面的记录没有读取。请检查读取权限。",
    "name": "文件名中有无法显示或不是 UTF-8 的字符，没有读取。请改名后重新提交。",
}


class UnsafePathError(ValueError):
    """A path in the tree that would lead out of it."""


def checked_pattern(pattern: str) -> str:
    """Return the pattern when it is relative and stays inside the root.

    Raises:
        UnsafePathError: the pattern is absolute, climbs, is remote or uses backslashes.
    """
    parts = PurePosixPath(pattern).parts
    if (
        not pattern
        or pattern.startswith("/")
        or ".." in parts
        or "\\" in pattern
        or "://" in pattern
        or "\0" in pattern
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


def record_folders(patterns: Iterable[str]) -> set[str]:
    """Return the folders to look through for records, and for what was put beside them by mistake.

    Where several patterns begin in one folder, all of it belongs to the records.
    """
    prefixes = {static_prefix(p) for p in patterns} - {""}
    tops = [p.partition("/")[0] for p in prefixes]
    return {top if tops.count(top) > 1 else p for p, top in zip(prefixes, tops, strict=True)}


@dataclass(frozen=True, slots=True)
class Listing:
    """All regular files under some folders of the root, and what was refused on the way.

    Attributes:
        files: paths relative to the root, sorted.
        problems: links and special files that are not read.
    """

    files: tuple[str, ...]
    problems: tuple[Problem, ...]


def list_tree(root: Path, folders: Iterable[str]) -> Listing:
    """Walk the folders once. Links are refused, not followed: a link in a record tree can point anywhere."""
    files: list[str] = []
    problems: list[Problem] = []
    tops = sorted(set(folders))
    tops = [t for t in tops if not any(t != o and (o == "" or t.startswith(o + "/")) for o in tops)]
    for top in tops:
        for kind, path in _walk(root, top):
            if kind == "file":
                files.append(path)
            else:
                rule = "source-error" if kind == "closed" else "unsafe-file"
                problems.append(error(printable(path), 0, rule, _REFUSED[kind]))
    return Listing(tuple(sorted(files)), tuple(problems))


def _encodable(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _walk(root: Path, folder: str) -> Iterator[tuple[str, str]]:
    link = _link_before(root, f"{folder}/x")
    if link:
        yield "link", link
        return
    top = root / folder
    if not top.is_dir():
        return
    start = len(str(root)) + 1
    stack = [str(top)]
    while stack:
        here = stack.pop()
        try:
            with os.scandir(here) as found:
                entries = list(found)
        except OSError:
            yield "closed", here[start:]
            continue
        for entry in entries:
            name = entry.path[start:]
            if not name.isprintable() or not _encodable(name):
                yield "name", name.encode("utf-8", "backslashreplace").decode()
            elif entry.is_symlink():
                yield "link", name
            elif entry.is_dir(follow_symlinks=False):
                if entry.name not in SKIPPED_FOLDERS and name not in SKIPPED_AT_ROOT:
                    stack.append(entry.path)
            elif entry.is_file(follow_symlinks=False):
                yield "file", name
            else:
                yield "special", name


def _link_before(root: Path, name: str) -> str:
    """Return the first folder on the way to a file that is a link, or nothing."""
    parts = name.split("/")
    for end in range(1, len(parts)):
        folder = "/".join(parts[:end])
        if folder and os.path.islink(f"{root}/{folder}"):  # noqa: PTH114
            return folder
    return ""


def unclaimed(files: Iterable[str], claimed: Container[str]) -> list[Problem]:
    """Name files that look like records but that no table of the data package takes in: a record must not be lost."""
    problems = []
    for name in files:
        if name in claimed:
            continue
        leaf = PurePosixPath(name).name
        suffix = PurePosixPath(name).suffix.lower()
        if leaf.startswith((".", "~$")) or leaf.upper().startswith("README"):
            continue
        if suffix not in _DATA_SUFFIXES:
            continue
        advice = (
            "表格文件请另存为“CSV UTF-8”，并使用该表规定的文件名。"
            if suffix in {".xlsx", ".xls", ".et", ".ods"}
            else "请核对文件夹和文件名（含大小写、扩展名）是否与 datapackage.yaml 中的路径一致。"
        )
        problems.append(
            error(
                name,
                0,
                "unclaimed-file",
                f"文件 {quoted(leaf)} 不属于任何登记表，里面的记录不会被读取。{advice}",
            )
        )
    return problems


def read_bytes(
    root: Path, name: str, checked: set[str] | None = None, limit: int | None = None
) -> bytes | Problem:
    """Read one file of the tree, bounded; refuses what is a link, lies behind one, or is past the bound for its kind.

    Args:
        checked: folders that were found to be no links already; grows.
        limit: the bound in bytes; None takes that of its kind.
    """
    if limit is None:
        limit = MAX_BYTES.get(os.path.splitext(name)[1].lower(), 2 * 2**20)  # noqa: PTH122
    folder = name.rpartition("/")[0]
    if checked is None or folder not in checked:
        link = _link_before(root, name)
        if link:
            return error(link, 0, "unsafe-file", _REFUSED["link"])
        if checked is not None:
            checked.add(folder)
    try:
        descriptor = os.open(f"{root}/{name}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as fault:
        if fault.errno == errno.ELOOP:
            return error(name, 0, "unsafe-file", _REFUSED["link"])
        if fault.errno in (errno.ENXIO, errno.ENODEV):
            return error(name, 0, "unsafe-file", _REFUSED["special"])
        reason = {errno.ENOENT: "文件不存在", errno.ENOTDIR: "文件不存在", errno.EACCES: "没有读取权限"}
        return error(
            name,
            0,
            "source-error",
            f"文件无法打开：{reason.get(fault.errno or 0, fault.strerror)}。请检查文件名和权限。",
        )
    try:
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode):
            return error(name, 0, "unsafe-file", _REFUSED["special"])
        if info.st_size > limit:
            return error(
                name,
                0,
                "source-error",
                f"文件有 {info.st_size:,} 字节，超过上限 {limit:,} 字节。请拆分后重新提交。",
            )
        # One byte more than there should be: a file that grows meanwhile is not followed without end.
        data = os.read(descriptor, info.st_size + 1)
        while len(data) < info.st_size and (more := os.read(descriptor, info.st_size - len(data))):
            data += more
        return data
    finally:
        os.close(descriptor)


def folder_files(
    root: Path, folder: str, taken: Callable[[PurePosixPath], bool]
) -> Iterator[tuple[PurePosixPath, bytes]]:
    """Yield the plain files below a folder of the tree, each by its path there and with its bytes, in order.

    Args:
        taken: tells by its path below the folder whether a file is wanted.

    Raises:
        RecordsError: one of them, or all together, are larger than any that a template needs.
    """
    whole = 0
    for path in sorted((root / folder).rglob("*")):
        inside = PurePosixPath(path.relative_to(root / folder).as_posix())
        if not taken(inside) or not stat.S_ISREG(path.lstat().st_mode):
            continue
        data = read_bytes(root, f"{folder}/{inside}", None, MAX_SHARED)
        if isinstance(data, Problem):
            raise RecordsError([data])
        whole += len(data)
        if whole > MAX_FOLDER:
            text = f"文件夹里的文件共超过 {MAX_FOLDER >> 20} MB。请删去不用的文件后重试。"
            raise RecordsError([error(folder, 0, "source-error", text)])
        yield inside, data
