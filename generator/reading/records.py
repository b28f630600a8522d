"""All records of a tree, file by file, as lines ready for the register; what is unchanged is not parsed again.

One walk of the tree. A document that this user's last run parsed is not even opened while its place on disk, size and
times are the same; a table file in plain form is only counted through, not taken apart.
"""

from __future__ import annotations

import csv
import gc
import hashlib
import io
import json
import multiprocessing
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from generator.cache import Cache
from generator.problems import Problem, Severity
from generator.reading.csv import Row, read_csv
from generator.reading.documents import read_document
from generator.reading.files import glob_regex, list_tree, read_bytes, static_prefix, unclaimed
from generator.reading.package import Package, Table

# Stands for a text of no characters where the schema does not take it for missing.
EMPTY = "\ufdd0"
_UNREAD = frozenset({"blank-header", "incorrect-label", "extra-label", "source-error", "unsafe-file"})
_CACHE = "documents"
_MANY = 1500
_SETTLED_NS = 2_000_000_000
_BLANK = re.compile(rb'\n[ \t,"]*\n')

Chunks = dict[str, str]
"""Table -> CSV lines, each beginning with file and line."""


@dataclass
class Records:
    """What the tree holds.

    Attributes:
        chunks: file -> its rows per table, as CSV lines `file,line,cells…` in the schema's order of fields.
        problems: faults in the files' own form.
    """

    chunks: dict[str, Chunks] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def rows(self, table: str) -> Iterator[tuple[str, Row]]:
        """Yield (file, (line, cells)) for one table, files in order; missing cells are None."""
        for tables in self.chunks.values():
            for file, line, *cells in csv.reader(io.StringIO(tables.get(table, ""), newline="")):
                yield file, (int(line), [None if c == "" else "" if c == EMPTY else c for c in cells])


def read_records(root: Path, package: Package, cache: Cache | None = None) -> Records:
    """Read every file that a table's pattern names.

    Args:
        root: the tree.
        package: its tables.
        cache: parsed documents of earlier runs; None reads all anew.
    """
    records = Records()
    sources = [t for t in package.tables.values() if t.path]
    folders = {static_prefix(t.path) for t in sources} - {""}
    listing = list_tree(root, folders)
    records.problems.extend(listing.problems)
    at_root = [t.path for t in sources if not static_prefix(t.path)]
    names = {*listing.files, *(p for p in at_root if os.path.lexists(root / p))}
    if any(re.search(r"[*?\[]", p) for p in at_root):
        # Much else stands at the root: what no table claims there is nobody's loss.
        names.update(list_tree(root, [""]).files)
    owner = _claims(sorted(names), sources)
    records.problems.extend(unclaimed(listing.files, set(owner)))
    known = _load(cache, package)
    kept: dict[str, list[Any]] = {}
    fresh = [n for n, t in owner.items() if t.kind != "csv" and n not in known]
    known.update(_parsed_elsewhere(root, package, {n: owner[n].name for n in sorted(fresh)}))
    enabled = gc.isenabled()
    gc.disable()
    try:
        for name in sorted(owner):
            _read(root, name, owner[name], package, known, kept, records)
    finally:
        if enabled:
            gc.enable()
    if cache is not None and (
        fresh or kept.keys() != known.keys() or any(kept[n] is not e for n, e in known.items())
    ):
        payload = {"package": package.digest, "saved": time.time_ns(), "files": kept}
        cache.save(
            _CACHE,
            json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"),
        )
    return records


def unread_files(package: Package, records: Records) -> dict[str, str]:
    """Return table -> a file of it, or of the documents it stands in, from which nothing could be read."""
    sources = [(glob_regex(t.path), t) for t in package.tables.values() if t.path]
    silent = {p.file for p in records.problems if p.rule in _UNREAD}
    empty = {f for f in silent if not any(records.chunks.get(f, {}).values())}
    found: dict[str, str] = {}
    for file in sorted(empty):
        source = next((t for pattern, t in sources if pattern.match(file)), None)
        if source is not None:
            found.setdefault(source.name, file)
    return {t.name: found[o] for t in package.tables.values() if (o := package.origin(t).name) in found}


def _read(
    root: Path,
    name: str,
    table: Table,
    package: Package,
    known: dict[str, list[Any]],
    kept: dict[str, list[Any]],
    records: Records,
) -> None:
    if table.kind == "csv":
        data = read_bytes(root, name)
        if isinstance(data, Problem):
            records.problems.append(data)
            return
        plain = _plain_lines(data, name, table)
        if plain is not None:
            records.chunks[name] = {table.name: plain}
            return
        rows, problems = read_csv(data, name, table)
        records.chunks[name] = {table.name: _lines(name, rows)}
        records.problems.extend(problems)
        return
    entry = known.get(name)
    if entry is None or entry[4] or entry[0] != _stamp(root / name):
        made = _entry(root, name, table, package, entry)
        if isinstance(made, Problem):
            records.problems.append(made)
            return
        entry = made
    records.chunks[name] = entry[2]
    records.problems.extend(map(_problem, entry[3]))
    kept[name] = entry


def _parsed_elsewhere(root: Path, package: Package, files: dict[str, str]) -> dict[str, list[Any]]:
    """Parse many new documents in several processes; few are parsed sooner here."""
    workers = os.cpu_count() or 1
    if len(files) < _MANY or workers == 1:
        return {}
    items = list(files.items())
    size = -(-len(items) // (workers * 4))
    slices = [dict(items[n : n + size]) for n in range(0, len(items), size)]
    context = multiprocessing.get_context("forkserver")
    result: dict[str, list[Any]] = {}
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        for entries in pool.map(_parse_slice, [root] * len(slices), [package] * len(slices), slices):
            result.update(entries)
    return result


def _parse_slice(root: Path, package: Package, files: dict[str, str]) -> dict[str, list[Any]]:
    gc.disable()
    entries = {
        name: _entry(root, name, package.tables[table], package, None) for name, table in files.items()
    }
    return {name: entry for name, entry in entries.items() if not isinstance(entry, Problem)}


def _entry(
    root: Path, name: str, table: Table, package: Package, known: list[Any] | None
) -> list[Any] | Problem:
    """Return [stamp, digest, chunks, problems, doubtful] of a document, from `known` where its bytes are the same."""
    # The stamp is taken before the bytes: a change in between makes the entry look old, never new.
    stamp = _stamp(root / name)
    data = read_bytes(root, name)
    if isinstance(data, Problem):
        return data
    digest = hashlib.blake2b(data, digest_size=16).hexdigest()
    if known is not None and known[1] == digest:
        return [stamp, *known[1:4], False]
    found, problems = read_document(data, name, table, package)
    chunks = {t: _lines(name, rows) for t, rows in found.items()}
    return [stamp, digest, chunks, [asdict(p) for p in problems], False]


def _stamp(path: Path) -> list[int]:
    """Return what tells, as git has it too, that a file was not touched."""
    info = os.lstat(path)
    return [info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns]


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
    if b"\r" in data or b"\0" in data or _BLANK.search(data):
        return None
    try:
        lines = data.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        return None
    commas = len(table.fields) - 1
    prefix = _lines(file, [(0, [])]).removesuffix("0\n")
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
        kind = (folder, leaf if leaf in fixed or not simple else leaf.rpartition(".")[2])
        if kind not in known:
            known[kind] = next((t for p, t in patterns if p.match(name)), None)
        table = known[kind]
        if table is not None:
            owner[name] = table
    return owner


def _load(cache: Cache | None, package: Package) -> dict[str, list[Any]]:
    """Return file -> [stamp, digest, chunks, problems, doubtful] of the last run."""
    data = cache.load(_CACHE) if cache is not None else None
    if data is None:
        return {}
    payload = json.loads(data.decode("utf-8", "surrogatepass"))
    if payload["package"] != package.digest:
        return {}
    # A file changed in the moment it was read may carry the same times with another content: read such again.
    limit = payload["saved"] - _SETTLED_NS
    for entry in payload["files"].values():
        entry[4] = max(entry[0][2], entry[0][3]) >= limit
    return dict(payload["files"])


def _problem(values: Mapping[str, str]) -> Problem:
    return Problem(
        values["file"],
        int(values["line"]),
        values["column"],
        values["rule"],
        Severity(values["severity"]),
        values["message"],
    )
