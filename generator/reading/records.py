"""All records of a tree as rows, file by file; a file read before and unchanged is not parsed again.

One walk of the tree, one read per file. Rows are kept per file so that a change to one file is a change to its rows.
"""

from __future__ import annotations

import gc
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from generator.cache import Cache
from generator.problems import Problem, Severity
from generator.reading.csv import Row, read_csv
from generator.reading.documents import Rows, read_document
from generator.reading.files import glob_regex, list_tree, read_bytes, static_prefix, unclaimed
from generator.reading.package import Package, Table

_CACHE = "documents"


@dataclass
class Records:
    """What the tree holds.

    Attributes:
        files: file -> rows per table.
        tables: file -> the table its pattern belongs to.
        digests: file -> digest of its bytes.
        problems: faults in the files' own form.
    """

    files: dict[str, Rows] = field(default_factory=dict)
    tables: dict[str, str] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def rows(self, table: str) -> Iterator[tuple[str, Row]]:
        """Yield (file, row) for one table, files in order."""
        for file, tables in self.files.items():
            for row in tables.get(table, ()):
                yield file, row


def read_records(root: Path, package: Package, cache: Cache | None = None) -> Records:
    """Read every file that a table's pattern names.

    Args:
        root: the tree.
        package: its tables.
        cache: parsed documents of earlier runs, by digest; None reads all anew.
    """
    records = Records()
    sources = [t for t in package.tables.values() if t.path]
    listing = list_tree(root, {static_prefix(t.path) for t in sources if static_prefix(t.path)})
    flat = [t.path for t in sources if not static_prefix(t.path)]
    names = set(listing.files).union(p for p in flat if (root / p).is_file())
    records.problems.extend(listing.problems)
    owner = _claims(sorted(names), sources, package, records)
    records.problems.extend(unclaimed(listing.files, set(owner)))
    known = _load(cache, package)
    kept: dict[str, object] = {}
    enabled = gc.isenabled()
    gc.disable()
    try:
        for name in sorted(owner):
            table = owner[name]
            data = read_bytes(root, name)
            if isinstance(data, Problem):
                records.problems.append(data)
                continue
            digest = hashlib.blake2b(data, digest_size=16).hexdigest()
            records.tables[name], records.digests[name] = table.name, digest
            if table.kind == "csv":
                rows, problems = read_csv(data, name, table)
                records.files[name] = {table.name: rows}
            else:
                entry = known.get(name)
                if entry is not None and entry[0] == digest:
                    records.files[name] = entry[1]
                    problems = [_problem(p) for p in entry[2]]
                    kept[name] = entry
                else:
                    records.files[name], problems = read_document(data, name, table, package)
                    kept[name] = (digest, records.files[name], [asdict(p) for p in problems])
                    known.pop(name, None)
            records.problems.extend(problems)
    finally:
        if enabled:
            gc.enable()
    if cache is not None and (len(kept) != len(known) or any(kept.get(n) is not e for n, e in known.items())):
        payload = {"package": package.digest, "files": kept}
        cache.save(_CACHE, json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode())
    return records


def _claims(names: list[str], sources: list[Table], package: Package, records: Records) -> dict[str, Table]:
    owner: dict[str, Table] = {}
    for table in sources:
        pattern = glob_regex(table.path)
        for name in names:
            if name not in owner and pattern.match(name):
                owner[name] = table
    return owner


def _load(cache: Cache | None, package: Package) -> dict[str, tuple[str, Rows, list[dict[str, str]]]]:
    data = cache.load(_CACHE) if cache is not None else None
    if data is None:
        return {}
    payload = json.loads(data)
    return dict(payload["files"]) if payload["package"] == package.digest else {}


def _problem(values: Mapping[str, str]) -> Problem:
    return Problem(
        values["file"],
        int(values["line"]),
        values["column"],
        values["rule"],
        Severity(values["severity"]),
        values["message"],
    )
