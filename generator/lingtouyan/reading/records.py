"""All records of a tree, file by file, as lines ready for the register; what is unchanged is not read again.

One walk of the tree. A file that an earlier run of this user read is not even opened while its place on disk, size and
times are the same; many new ones are read by several processes, each writing its share of the lines aside.
"""

from __future__ import annotations

import csv
import functools
import gc
import hashlib
import io
import multiprocessing
import os
import re
import threading
import time
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

from lingtouyan.problems import Problem, Severity, error, quoted
from lingtouyan.reading.csv import MAYBE_TOTAL, Row, read_csv
from lingtouyan.reading.documents import read_document
from lingtouyan.reading.package import Package, Table
from lingtouyan.reading.plain import PlainReader
from lingtouyan.reading.source import Source, WorkTree, glob_regex, static_prefix
from lingtouyan.scratch import scratch_of

# Stands for a text of no characters where the schema does not take it for missing.
EMPTY = "\ufdd0"
# From this many bytes on, starting other processes pays.
_MUCH = 2**20
_SLICES_PER_WORKER = 4
# So that the memory of a process does not grow with the city.
_SLICE_BYTES = 2**24
SETTLED_NS = 2_000_000_000
_BLANK = re.compile(rb'\n[ \t,"]*\n')

_DATA_SUFFIXES = frozenset(
    {".csv", ".tsv", ".yaml", ".yml", ".md", ".json", ".xlsx", ".xls", ".et", ".ods", ".txt"}
)

Stamp: TypeAlias = "tuple[int, int, int, int]"
"""What tells, as git has it too, that a file was not touched: inode, size, times of change of content and of state."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What one reading of a file gave, but for its rows.

    Attributes:
        table: the table whose pattern names the file.
        filled: whether any row could be read from it.
        problems: faults in its form.
        settled: False where a later change may have left the same stamp.
    """

    stamp: Stamp
    digest: str
    table: str
    filled: bool
    problems: tuple[Problem, ...]
    settled: bool = True


@dataclass
class Records:
    """What the tree holds, or what of it differs from an earlier reading.

    Attributes:
        parts: table -> files of lines `file,line,cells…` in the schema's order of fields, one after another.
        problems: faults in the files' own form.
        entries: file -> what its reading gave, for all files that could be read.
        replaced: the files of the earlier reading whose rows no longer hold.
        fresh: the files whose rows are given.
        renewed: whether `entries` says more than the earlier reading did.
    """

    parts: dict[str, list[Path]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)
    replaced: set[str] = field(default_factory=set)
    fresh: set[str] = field(default_factory=set)
    renewed: bool = False
    started: int = 0

    def rows(self, table: str) -> Iterator[tuple[str, Row]]:
        """Yield (file, (line, cells)) for one table, files in order; missing cells are None."""
        for part in self.parts.get(table, ()):
            with part.open(encoding="utf-8", newline="") as stream:
                for file, line, *cells in csv.reader(stream):
                    yield file, (int(line), [None if c == "" else "" if c == EMPTY else c for c in cells])


def read_records(source: Source, package: Package, known: Mapping[str, Entry] | None = None) -> Records:
    """Read every file that a table's pattern names.

    Args:
        source: the tree.
        package: its tables.
        known: file -> what an earlier reading with the same package gave; None or empty reads all. The rows of files
            that have not changed since are not given again.
    """
    known = known or {}
    # Before anything is looked at: what changes from now on has a later time than what was read.
    records = Records(started=time.time_ns())
    sources = [t for t in package.tables.values() if t.path]
    listing = source.files(_record_folders(t.path for t in sources))
    records.problems.extend(listing.problems)
    at_root = [t.path for t in sources if not static_prefix(t.path)]
    names = {*listing.files, *(p for p in at_root if source.exists(p))}
    if any(re.search(r"[*?\[]", p) for p in at_root):
        # Much else stands at the root: what no table claims there is nobody's loss.
        names.update(source.files([""]).files)
    owner = _claims(sorted(names), sources)
    records.problems.extend(_unclaimed(listing.files, owner))
    pending: list[_Task] = []
    size = 0
    for name, table in owner.items():
        entry = known.get(name)
        stamp = _stamp(source, name)
        if entry is not None and entry.settled and entry.stamp == stamp:
            records.entries[name] = entry
        else:
            pending.append((name, table.name, entry.digest if entry is not None else ""))
            size += stamp[1]
    folder = scratch_of(records)
    for number, (parts, found) in enumerate(_read_all(source, package, pending, size, folder)):
        for name in parts:
            records.parts.setdefault(name, []).append(_part(folder, name, number))
        for name, made in found:
            earlier = known.get(name)
            if isinstance(made, Problem):
                records.problems.append(made)
            elif earlier is not None and made.digest == earlier.digest:
                records.entries[name] = Entry(
                    made.stamp, earlier.digest, earlier.table, earlier.filled, earlier.problems
                )
                continue
            else:
                records.entries[name] = made
                records.fresh.add(name)
            if earlier is not None:
                records.replaced.add(name)
    records.replaced.update(known.keys() - records.entries.keys())
    records.renewed = bool(pending or records.replaced)
    records.entries = dict(sorted(records.entries.items()))
    for entry in records.entries.values():
        records.problems.extend(entry.problems)
    return records


def _part(folder: Path, table: str, number: int) -> Path:
    return folder / f"{table}.{number:05d}.csv"


_Task: TypeAlias = "tuple[str, str, str]"
"""File, its table, the digest of its content when it was read before."""
_Result: TypeAlias = "tuple[list[str], list[tuple[str, Entry | Problem]]]"
"""Tables that got lines, and what the reading of each file gave."""


def _read_all(
    source: Source, package: Package, tasks: Sequence[_Task], size: int, folder: Path
) -> Iterator[_Result]:
    """Read files in the order given, each slice's lines into files of its own."""
    workers = os.cpu_count() or 1
    if size < _MUCH or workers == 1 or len(tasks) < workers:
        if tasks:
            yield _read_slice(source, package, folder, 0, tasks)
        return
    length = -(-len(tasks) // max(workers * _SLICES_PER_WORKER, size // _SLICE_BYTES))
    slices = [tasks[n : n + length] for n in range(0, len(tasks), length)]
    work = functools.partial(_read_slice, source, package, folder)
    with ProcessPoolExecutor(min(workers, len(slices)), mp_context=_context()) as pool:
        yield from pool.map(work, range(len(slices)), slices)


def _context() -> multiprocessing.context.BaseContext:
    """Return how to start processes: a copy of this one costs nothing, but only one without threads can be copied."""
    alone = threading.active_count() == 1
    try:
        # Those that libraries started, too.
        alone = alone and len(os.listdir("/proc/self/task")) == 1  # noqa: PTH208
    except OSError:
        alone = False
    return multiprocessing.get_context("fork" if alone else "forkserver")


def _read_slice(
    source: Source, package: Package, folder: Path, number: int, tasks: Sequence[_Task]
) -> _Result:
    # Lines and entries are no cycles: to look for such among them would cost more than making them.
    enabled = gc.isenabled()
    gc.disable()
    try:
        reader = _Reader(package)
        found: list[tuple[str, Entry | Problem]] = []
        contents = source.read_all([t[0] for t in tasks])
        for name, table, digest in tasks:
            # The stamp is taken before the bytes: a change in between makes the entry look old, never new.
            stamp = _stamp(source, name)
            data = next(contents)[1]
            entry = (
                data
                if isinstance(data, Problem)
                else reader.read(name, data, stamp, package.tables[table], digest)
            )
            found.append((name, entry))
        for table, lines in reader.lines.items():
            with _part(folder, table, number).open("w", encoding="utf-8", newline="") as stream:
                stream.writelines(lines)
        return list(reader.lines), found
    finally:
        if enabled:
            gc.enable()


class _Reader:
    """Reads files one after another and gathers their lines by table."""

    def __init__(self, package: Package) -> None:
        self.lines: dict[str, list[str]] = {}
        self._package = package
        self._plain: dict[str, PlainReader] = {}

    def read(self, name: str, data: bytes, stamp: Stamp, table: Table, known: str) -> Entry:
        """Read one file; its lines are not gathered when its content has the known digest."""
        digest = hashlib.blake2b(data, digest_size=16).hexdigest()
        if digest == known:
            return Entry(stamp, digest, table.name, False, ())
        lines, problems = (
            self._csv(data, name, table) if table.kind == "csv" else self._document(data, name, table)
        )
        filled = False
        for place, text in lines.items():
            if text:
                filled = True
                self.lines.setdefault(place, []).append(text)
        return Entry(stamp, digest, table.name, filled, tuple(problems))

    def _csv(self, data: bytes, name: str, table: Table) -> tuple[dict[str, str], list[Problem]]:
        plain = _plain_lines(data, name, table)
        if plain is not None:
            return {table.name: plain}, []
        rows, problems = read_csv(data, name, table)
        return {table.name: _lines(name, rows)}, problems

    def _document(self, data: bytes, name: str, table: Table) -> tuple[dict[str, str], list[Problem]]:
        if table.name not in self._plain:
            self._plain[table.name] = PlainReader(table, self._package)
        plain = self._plain[table.name].read(data, _prefix(name))
        if plain is not None:
            return plain, []
        found, problems = read_document(data, name, table, self._package)
        return {t: _lines(name, rows) for t, rows in found.items()}, problems


def _stamp(source: Source, name: str) -> Stamp:
    if not isinstance(source, WorkTree):
        return 0, _MUCH, 0, 0
    try:
        info = os.lstat(f"{source.root}/{name}")
    except OSError:
        # Gone since the walk, or not to be looked at: reading it will say so.
        return 0, 0, 0, 0
    return info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns


def _prefix(name: str) -> str:
    """Return what each of a file's lines begins with."""
    return _lines(name, [(0, [])]).removesuffix("0\n")


def _lines(file: str, rows: Iterable[Row]) -> str:
    stream = io.StringIO(newline="")
    # Two rows in one line would be one row: the register's reader is told that cells may be quoted.
    csv.writer(stream, lineterminator="\n").writerows(
        [file, line, *([EMPTY if c == "" else c for c in cells] if "" in cells else cells)]
        for line, cells in rows
    )
    return stream.getvalue()


def _plain_lines(data: bytes, file: str, table: Table) -> str | None:
    """Return a table file's lines as they stand, when nothing about its form is unusual; None leaves it to `read_csv`."""
    names = ",".join(f.name for f in table.fields)
    if (
        any(table.missing(f) != ("",) for f in table.fields)
        or not data.startswith(names.encode() + b"\n")
        or not data.endswith(b"\n")
    ):
        return None
    if b"\r" in data or b"\0" in data or _BLANK.search(data) or MAYBE_TOTAL.search(data):
        return None
    if data.count(b"\n" + names.encode() + b"\n"):
        return None
    try:
        lines = data.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        return None
    commas = len(table.fields) - 1
    prefix = _prefix(file)
    made = []
    for number, line in enumerate(lines[1:-1], 2):
        if '"' in line:
            try:
                width = len(next(csv.reader([line], strict=True))) - 1
            except csv.Error:
                return None
        else:
            width = line.count(",")
        if width != commas:
            return None
        made.append(f"{prefix}{number},{line}\n")
    return "".join(made)


def _record_folders(patterns: Iterable[str]) -> set[str]:
    """Return the folders to look through for records, and for what was put beside them by mistake.

    Where several patterns begin in one folder, all of it belongs to the records.
    """
    prefixes = {static_prefix(p) for p in patterns} - {""}
    tops = [p.partition("/")[0] for p in prefixes]
    return {top if tops.count(top) > 1 else p for p, top in zip(prefixes, tops, strict=True)}


def _unclaimed(files: Iterable[str], claimed: Container[str]) -> list[Problem]:
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


def _claims(names: list[str], sources: list[Table]) -> dict[str, Table]:
    """Return file -> the first table whose pattern names it; folders are matched once, not once per file."""
    patterns = [(glob_regex(t.path), t) for t in sources]
    leaves = {PurePosixPath(t.path).name for t in sources}
    fixed = {leaf for leaf in leaves if not re.search(r"[*?\[]", leaf)}
    simple = all(leaf in fixed or re.fullmatch(r"\*\.\w+", leaf) for leaf in leaves)
    known: dict[tuple[str, str], Table | None] = {}
    owner: dict[str, Table] = {}
    for name in names:
        folder, _, leaf = name.rpartition("/")
        own = leaf in fixed or leaf.startswith(".") or not simple
        kind = (folder, leaf if own else leaf.rpartition(".")[2])
        if kind not in known:
            known[kind] = next((t for p, t in patterns if p.match(name)), None)
        table = known[kind]
        if table is not None:
            owner[name] = table
    return owner


def pack_entries(entries: Mapping[str, Entry]) -> list[list[Any]]:
    """Return entries as plain values for a cache."""
    return [
        [name, *e.stamp, e.digest, e.table, e.filled, [asdict(p) for p in e.problems]]
        for name, e in entries.items()
    ]


def unpack_entries(values: Iterable[list[Any]], started: int) -> dict[str, Entry]:
    """Return file -> entry.

    Args:
        values: as packed.
        started: nanoseconds at which that reading began. A file changed in the moment it was read may carry the same
            times with another content: such are read again.
    """
    limit = started - SETTLED_NS
    return {
        name: Entry(
            (inode, size, changed, altered),
            digest,
            table,
            filled,
            tuple(map(_problem, problems)),
            changed < limit and altered < limit,
        )
        for name, inode, size, changed, altered, digest, table, filled, problems in values
    }


def _problem(values: Mapping[str, str]) -> Problem:
    return Problem(
        values["file"],
        int(values["line"]),
        values["column"],
        values["rule"],
        Severity(values["severity"]),
        values["message"],
    )
