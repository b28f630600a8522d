"""All records of a tree, file by file, as lines ready for the register; several processes share the reading of many."""

from __future__ import annotations

import contextlib
import csv
import functools
import gc
import multiprocessing
import os
import re
import shutil
import tempfile
import weakref
from collections.abc import Collection, Container, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from unicodedata import normalize

from lingtouyan.problems import WORDING, Problem, RecordsError, did_you_mean, error, meant, quoted, warning
from lingtouyan.processes import end_with_parent
from lingtouyan.reading.csv import Row
from lingtouyan.reading.documents import rows_of
from lingtouyan.reading.package import DESCRIPTOR, Package, Sensitivity, Table
from lingtouyan.reading.source import Source, static_prefix

# From so many files on, starting other processes pays; with so many at a time no process grows with the city.
_MANY = 400
_AT_ONCE = 5000
# Stands for a text of no characters where the schema does not take it for missing.
EMPTY = "\ufdd0"
# What looks like records, and what to do with it where no table takes it in.
_ADVICE = {end: told for ends, told in WORDING["unclaimed"].items() for end in ends.split()}


@dataclass
class Records:
    """What a tree holds.

    Attributes:
        folder: holds files of lines `file,line,cells…` in the schema's order of fields, see `parts`.
        problems: faults in the files' own form.
        files: file -> its table, for all that could be opened.
        filled: the files from which any row could be read.
        names: table -> file, line and key of its files that hold one record each.
        collected: table -> (file, where it stands on disk) of what the register reads by itself.
    """

    folder: Path
    problems: list[Problem] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    filled: set[str] = field(default_factory=set)
    names: dict[str, list[tuple[str, int, str]]] = field(default_factory=dict)
    collected: dict[str, list[tuple[str, Path]]] = field(default_factory=dict)

    def parts(self, table: str) -> list[Path]:
        """Return the files that hold the lines of a table, one after another."""
        return sorted(self.folder.glob(f"{table}.*"))

    def rows(self, table: str) -> Iterator[tuple[str, Row]]:
        """Yield (file, (line, cells)) for one table, files in order; missing cells are None."""
        for part in self.parts(table):
            with part.open(encoding="utf-8", newline="") as stream:
                for file, line, *cells in csv.reader(stream):
                    yield file, (int(line), [None if c == "" else "" if c == EMPTY else c for c in cells])


def read_records(source: Source, package: Package) -> Records:
    """Read every file that a table's pattern names.

    Raises:
        RecordsError: a table that is collected is not there: nothing that is said of its records would be true.
    """
    sources = [t for t in package.tables.values() if t.path]
    listing = source.files(_record_folders(t.path for t in sources))
    at_root = [t.path for t in sources if not static_prefix(t.path)]
    names = {*listing.files, *(p for p in at_root if source.exists(p))}
    if any(re.search(r"[*?\[]", p) for p in at_root):
        # Much else stands at the root: what no table claims there is nobody's loss.
        names.update(source.files([""]).files)
    owners = {n: t for n in sorted(names) if (t := package.owner(n))}
    records = Records(Path(tempfile.mkdtemp(prefix="lingtouyan-")))
    # The parts are there as long as this object is.
    weakref.finalize(records, shutil.rmtree, records.folder, ignore_errors=True)
    idle = [t for t in sources if t not in owners.values()]
    records.problems += [*listing.problems, *_unclaimed(listing.files, owners, idle), *_alike(listing.files)]
    records.problems += _nowhere(source, idle, owners)
    for name, owner in owners.items():
        if owner.kind == "parquet" and (path := source.on_disk(name)):
            records.collected.setdefault(owner.name, []).append((name, path))
            records.files[name] = owner.name
            records.filled.add(name)
    lacking = [t for t in sources if t.kind == "parquet" and t.name not in records.collected]
    if lacking:
        advice = "还没有收来，或不在这个版本里。请先运行 lingtouyan collect fetch。"
        raise RecordsError([error(t.path, 0, "not-collected", f"“{t.title}”{advice}") for t in lacking])
    tasks = [(name, owner) for name, owner in owners.items() if owner.kind != "parquet"]
    for made in _read_all(source, package, tasks, records.folder):
        records.problems += made.problems
        records.files |= made.files
        records.filled |= made.filled
        for table, found in made.names.items():
            records.names.setdefault(table, []).extend(found)
    for name, found in records.names.items():
        records.problems += _misnamed(package.tables[name], found)
    return records


def _read_all(
    source: Source, package: Package, tasks: Sequence[tuple[str, Table]], folder: Path
) -> Iterator[Records]:
    workers = len(os.sched_getaffinity(0))
    read = functools.partial(_read_slice, source, package, folder)
    if len(tasks) < _MANY or workers == 1:
        yield read(0, tasks)
        return
    length = min(_AT_ONCE, -(-len(tasks) // (4 * workers)))
    slices = [tasks[n : n + length] for n in range(0, len(tasks), length)]
    with ProcessPoolExecutor(
        min(workers, len(slices)), mp_context=_context(), initializer=end_with_parent
    ) as pool:
        yield from pool.map(read, range(len(slices)), slices)


def _context() -> multiprocessing.context.BaseContext:
    """Return how to start processes: a copy of this one costs nothing, but only one without threads can be copied."""
    # Those that libraries started, too.
    alone = len(os.listdir("/proc/self/task")) == 1  # noqa: PTH208
    return multiprocessing.get_context("fork" if alone else "forkserver")


def _read_slice(
    source: Source, package: Package, folder: Path, number: int, tasks: Sequence[tuple[str, Table]]
) -> Records:
    """Read some files; the lines of each table go into one file of their own."""
    made = Records(folder)
    writers: dict[str, Any] = {}
    # Lines are no cycles: to look for such among them would cost more than making them.
    enabled = gc.isenabled()
    gc.disable()
    try:
        with contextlib.ExitStack() as opened:
            contents = source.read_all([name for name, _ in tasks])
            for (name, owner), (_, data) in zip(tasks, contents, strict=True):
                if isinstance(data, Problem):
                    made.problems.append(data)
                    continue
                made.files[name] = owner.name
                found, problems = rows_of(data, name, owner, package)
                made.problems += problems
                single = (
                    not owner.lined() and len(owner.primary_key) == 1 and "*" in owner.path.split("/")[-1]
                )
                if single and len(own := found.get(owner.name, [])) == 1:
                    key = own[0][1][[f.name for f in owner.fields].index(owner.primary_key[0])]
                    made.names.setdefault(owner.name, []).append((name, own[0][0], key or ""))
                for table, rows in found.items():
                    if rows and table not in writers:
                        path = folder / f"{table}.{number:05d}.csv"
                        stream = opened.enter_context(path.open("w", encoding="utf-8", newline=""))
                        writers[table] = csv.writer(stream, lineterminator="\n")
                    if rows:
                        made.filled.add(name)
                        # Two rows in one line would be one row: the register's reader is told that cells may be quoted.
                        writers[table].writerows(
                            [name, line, *([EMPTY if c == "" else c for c in row] if "" in row else row)]
                            for line, row in rows
                        )
        return made
    finally:
        if enabled:
            gc.enable()


def _record_folders(patterns: Iterable[str]) -> set[str]:
    """Return the folders to look through for records, and for what was put beside them by mistake.

    Where several patterns begin in one folder, all of it belongs to the records.
    """
    prefixes = {static_prefix(p) for p in patterns} - {""}
    tops = [p.partition("/")[0] for p in prefixes]
    return {top if tops.count(top) > 1 else p for p, top in zip(prefixes, tops, strict=True)}


def _nowhere(source: Source, idle: Iterable[Table], owners: Collection[str]) -> Iterator[Problem]:
    """Name tables whose files are looked for in a folder that is not there, though others have theirs."""
    tops = {name.partition("/")[0] for name in owners}
    for table in idle if owners else ():
        top = static_prefix(table.path).partition("/")[0]
        if top and not source.exists(top):
            message = f"“{table.title}”的文件应在 {table.path}，但没有 {top} 这个文件夹"
            yield warning(DESCRIPTOR, 0, "no-files", message + did_you_mean(top, tops, "。请核对 path。"))


def _unclaimed(files: Iterable[str], claimed: Container[str], idle: Iterable[Table]) -> list[Problem]:
    """Name files that look like records but that no table of the data package takes in: a record must not be lost."""
    problems = []
    paths = {t.path: t.title for t in idle}
    for name in files:
        leaf, suffix = PurePosixPath(name).name, PurePosixPath(name).suffix.lower()
        if name in claimed or leaf.startswith((".", "~$")) or leaf.upper().startswith("README"):
            continue
        if not (advice := _ADVICE.get(suffix)):
            continue
        if (near := meant(name, paths)) and PurePosixPath(near).suffix == suffix:
            advice = f"“{paths[near]}”的文件应是 {near}，请核对文件夹和文件名。"
        message = f"文件 {quoted(leaf)} 不属于任何登记表，里面的内容不会被读取。{advice}"
        problems.append(error(name, 0, "unclaimed-file", message))
    return problems


def _alike(files: Iterable[str]) -> Iterator[Problem]:
    """Name files and folders that are one where case, or how a letter is put together, tells nothing apart."""
    known: dict[str, str] = {}
    for name in files:
        path = name
        while path and (other := known.setdefault(normalize("NFC", path).casefold(), path)):
            if other is not path:
                if other != path:
                    message = f"与 {other} 只有大小写不同，在 Windows 和 macOS 上只能留下一个。请改名或合并。"
                    yield error(path, 0, "file-name", message)
                break
            path = path.rpartition("/")[0]


def _misnamed(table: Table, found: Sequence[tuple[str, int, str]]) -> Iterator[Problem]:
    """Name files that are not called by the key of their record, where most of the table's are."""
    wrong = [(file, line, key) for file, line, key in found if key and PurePosixPath(file).stem != key]
    own = next(f for f in table.fields if f.name == table.primary_key[0])
    for file, line, key in wrong if 2 * len(wrong) < len(found) else ():
        held = f"是 {quoted(key)}" if own.sensitivity < Sensitivity.RESTRICTED else "与它不同"
        named = f"文件名是 {quoted(PurePosixPath(file).name)}，里面的“{own.title}”{held}"
        yield warning(file, line, "file-name", f"{named}。请核对，使两者一致。", own.title)
