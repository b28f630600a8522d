"""The tables of an earlier run, kept in a database file beside its output: what no changed file touches is not made again.

Trusted only when this user's engine wrote it: its digest stands in a signed list of the files that it was made from.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import shutil
import stat
import sys
import tempfile
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb
import yaml

from lingtouyan.checks.conformance import Unjudged
from lingtouyan.database.database import (
    PLACE,
    beside,
    create_enums,
    create_raw,
    is_text,
    literal,
    quote,
    side_by_side,
    typed,
    typed_columns,
)
from lingtouyan.database.differences import ROWS, differing
from lingtouyan.database.verdicts import Verdicts, pack_verdicts, unpack_verdicts
from lingtouyan.reading.package import Package, Table
from lingtouyan.reading.records import Entry, Records, pack_entries, read_records, unpack_entries
from lingtouyan.signed import SignedCache as Cache

_ALIAS = "_shelf"
# With more changed files than this, all are read anew: the next run then starts from them.
MOST_CHANGED = 300
_MOST_ROWS = 20_000
_LEFT_OVER_SECONDS = 3600


class ShelfError(Exception):
    """The shelf cannot be used or written: work goes on without it."""


@dataclass
class Shelf:
    """Where the register's tables come from, and which of them an earlier run found in order.

    Attributes:
        entries: file -> what the earlier reading gave.
        clean: tables each of whose cells the set-based check accepted, of what is kept.
        sound: tables whose keys were in order, of what is kept.
        clean_now, sound_now: the same of this run.
        changed: table -> its columns in which it differs from what is kept, and `ROWS` where its rows do; all tables, when
            nothing was kept.
        replaced: the files whose rows in what is kept no longer hold.
        verdicts: what rules found in what is kept.
    """

    package: Package
    cache: Cache
    name: str
    entries: Mapping[str, Entry] = field(default_factory=dict)
    clean: frozenset[str] = frozenset()
    sound: frozenset[str] = frozenset()
    clean_now: frozenset[str] = frozenset()
    sound_now: frozenset[str] = frozenset()
    changed: dict[str, frozenset[str]] = field(default_factory=dict)
    replaced: frozenset[str] = frozenset()
    verdicts: Verdicts | None = None
    _started: int = 0
    _content: str = ""
    _scratch: Path | None = None
    _rest: Callable[[], object] | None = None
    _fresh: tuple[str, ...] = ()
    _near: frozenset[str] = frozenset()

    @classmethod
    def open(cls, cache: Cache, package: Package, name: str = "records") -> Shelf:
        """Return what an earlier run kept, or an empty shelf."""
        shelf = cls(package, cache, name)
        data = cache.load(f"{name}.json")
        if data is None:
            return shelf
        payload = json.loads(data.decode("utf-8", "surrogatepass"))
        if payload["made_by"] != _made_by(package) or payload["content"] != _digest(shelf._file):
            return shelf
        shelf.entries = unpack_entries(payload["files"], payload["started"])
        shelf.clean, shelf.sound = frozenset(payload["clean"]), frozenset(payload["sound"])
        shelf._content, shelf._started = payload["content"], payload["started"]
        if payload["verdicts"] is not None:
            shelf.verdicts = unpack_verdicts(payload["verdicts"])
        return shelf

    @property
    def begun(self) -> bool:
        """Whether this run makes all anew, and `keep` will keep what it made."""
        return self._scratch is not None

    @property
    def content(self) -> str:
        """Digest of what is kept, empty when nothing is."""
        return self._content

    @property
    def _file(self) -> Path:
        return self.cache.folder / f"{self.name}.duckdb"

    def read(self, root: Path) -> Records:
        """Read what differs from the earlier reading; everything, where that is much."""
        records = read_records(root, self.package, self.entries)
        if len(records.replaced | records.fresh) > MOST_CHANGED and self._content:
            self.entries, self._content = {}, ""
            records = read_records(root, self.package)
        return records

    def load(self, connection: duckdb.DuckDBPyConnection, records: Records) -> None:
        """Create `raw.<table>` for all tables: what is kept as it is, with the rows of changed files in their places.

        Raises:
            ShelfError: the shelf's file cannot be read or written.
        """
        try:
            connection.execute("CREATE SCHEMA raw")
            if self._content:
                connection.execute(f"ATTACH {literal(str(self._file))} AS {_ALIAS} (READ_ONLY)")
                self._fresh, self.replaced = tuple(sorted(records.fresh)), frozenset(records.replaced)
                self._near = self._near_to(records)
            else:
                self._begin(connection)
                self.clean = self.sound = frozenset()
                self.changed = dict.fromkeys(self.package.tables, frozenset({ROWS}))
            side_by_side(
                connection,
                lambda own, table: self._load_table(own, table, records),
                self.package.tables.values(),
            )
        except (duckdb.Error, OSError) as fault:
            raise ShelfError from fault

    def _load_table(self, connection: duckdb.DuckDBPyConnection, table: Table, records: Records) -> None:
        own, kept = f"raw.{quote(table.name)}", _kept(table)
        columns = ", ".join(["_file", "_line", *(quote(f.name) for f in table.fields)])
        if not self._content:
            # Text and value side by side: what is text anyway is not written twice.
            more = [f"{typed(f, _ALIAS + '.')} AS {quote(beside(f))}" for f in table.fields if not is_text(f)]
            create_raw(connection, kept, table, records, more)
            connection.execute(f"CREATE VIEW {own} AS SELECT {columns} FROM {kept}")
            return
        fresh = f"raw.{quote(table.name + '+')}"
        gone = ", ".join(map(literal, sorted(self.replaced))) or "NULL"
        if table.name in self._near:
            create_raw(connection, fresh, table, records)
            new = f"(SELECT *, rowid AS _place FROM {fresh})"
            old = f"(SELECT *, rowid AS _place FROM {kept} WHERE _file IN ({gone}))"
            names = [*PLACE, *(f.name for f in table.fields)]
            if changed := differing(connection, old, new, names, "_file, _place"):
                # Where a file has more rows now and another less, rows in between have changed places.
                self.changed[table.name] = frozenset({ROWS}) if "_file" in changed else changed
            else:
                connection.execute(f"DROP TABLE {fresh}")
        if table.name in self.changed:
            # Files in the order of their names, rows of one file as they were read.
            connection.execute(
                f"CREATE TABLE {own} AS SELECT {columns} FROM ("
                f"SELECT {columns}, rowid AS _place FROM {kept} WHERE (_file IN ({gone})) IS NOT true "
                f"UNION ALL SELECT {columns}, rowid FROM {fresh}) ORDER BY _file, _place"
            )
            connection.execute(f"DROP TABLE {fresh}")
        elif table.name in self.clean:
            connection.execute(f"CREATE VIEW {own} AS SELECT {columns} FROM {kept}")
        else:
            # Its cells may be rewritten.
            connection.execute(f"CREATE TABLE {own} AS SELECT {columns} FROM {kept}")

    def _near_to(self, records: Records) -> frozenset[str]:
        """Return the tables that rows of changed files may stand in."""
        owners = {e[f].table for e in (records.entries, self.entries) for f in records.replaced if f in e}
        owners |= {records.entries[f].table for f in records.fresh}
        tables = self.package.tables.values()
        return frozenset(t.name for t in tables if self.package.origin(t).name in owners)

    def _begin(self, connection: duckdb.DuckDBPyConnection) -> None:
        if not self.cache.prepare():
            raise ShelfError
        for left_over in self.cache.folder.glob(f"{self.name}-*.new"):
            if time.time() - left_over.lstat().st_mtime > _LEFT_OVER_SECONDS:
                shutil.rmtree(left_over, ignore_errors=True)
        # A name that nobody can have put a link in the place of.
        self._scratch = Path(tempfile.mkdtemp(prefix=f"{self.name}-", suffix=".new", dir=self.cache.folder))
        self._rest = weakref.finalize(self, shutil.rmtree, self._scratch, ignore_errors=True)
        # Whole once it is copied, or of no use to anybody: a log to recover it from would cost as much as its tables.
        scratch = literal(str(self._scratch / "tables.duckdb"))
        connection.execute(f"ATTACH {scratch} AS {_ALIAS} (RECOVERY_MODE no_wal_writes)")
        connection.execute(f"CREATE SCHEMA {_ALIAS}.raw")
        create_enums(connection, self.package, f"{_ALIAS}.")

    def unjudged(self, table: Table) -> Unjudged:
        """Return the rows whose cells no earlier run has accepted."""
        own = f"raw.{quote(table.name)}"
        if not self._content:
            values = {f.name: quote(beside(f)) for f in table.fields if not is_text(f)}
            return Unjudged(_kept(table), values)
        if table.name not in self.clean:
            return Unjudged(own)
        if table.name not in self.changed:
            return Unjudged("")
        files = ", ".join(map(literal, self._fresh)) or "NULL"
        return Unjudged(f"(SELECT * FROM {own} WHERE _file IN ({files}))")

    def known_sound(self, table: Table) -> bool:
        """Tell whether the keys of a table were in order before and can have broken nowhere since."""
        keys: dict[str, set[str]] = {table.name: {ROWS, *table.primary_key}}
        keys[table.name].update(f.name for f in table.fields if f.constraints.get("unique"))
        for key in table.foreign_keys:
            keys[table.name].update(key.fields)
            keys.setdefault(key.table, {ROWS}).update(key.references)
        return table.name in self.sound and all(
            t in self.clean and columns.isdisjoint(self.changed.get(t, ())) for t, columns in keys.items()
        )

    def create_typed(self, connection: duckdb.DuckDBPyConnection, clean: frozenset[str]) -> None:
        """Create `<table>` for all tables.

        Args:
            clean: tables whose raw cells stand as they were read.

        Raises:
            ShelfError: the shelf's file cannot be written.
        """

        def create(own: duckdb.DuckDBPyConnection, table: Table) -> None:
            name, source = quote(table.name), f"raw.{quote(table.name)}"
            if table.name in clean and (table.name not in self.changed or not self._content):
                columns = ", ".join(
                    quote(f.name) if is_text(f) else f"{quote(beside(f))} AS {quote(f.name)}"
                    for f in table.fields
                )
                own.execute(f"CREATE VIEW {name} AS SELECT {columns}, _file, _line FROM {_kept(table)}")
            else:
                own.execute(f"CREATE TABLE {name} AS SELECT {typed_columns(table)} FROM {source}")

        try:
            side_by_side(connection, create, self.package.tables.values())
        except (duckdb.Error, OSError) as fault:
            raise ShelfError from fault

    def keep(
        self,
        connection: duckdb.DuckDBPyConnection,
        records: Records,
        verdicts: Callable[[duckdb.DuckDBPyConnection], Verdicts] | None,
        views: Sequence[str],
    ) -> None:
        """Keep for the next run what this one made, or what it learnt of files that are still the same.

        Args:
            verdicts: tells what rules found; None when views or rules could not be computed.
            views: the views there are.
        """
        if self._scratch is None:
            still = self._still(records)
            if any(still[n].stamp != e.stamp or not e.settled for n, e in self.entries.items()):
                self.entries, self._started = still, records.started
                self._save()
            return
        made, copy = self._scratch / "tables.duckdb", self._scratch / "copy.duckdb"
        # This run goes on with its own: what is kept belongs to nobody who may still write to it.
        with contextlib.suppress(duckdb.Error, OSError):
            found = self._keep_views(connection, verdicts, views) if verdicts is not None else None
            connection.execute(f"CHECKPOINT {_ALIAS}")
            shutil.copyfile(made, copy)
            copy.chmod(0o600)
            self._content = _digest(copy)
            copy.replace(self._file)
            self.entries, self._started = records.entries, records.started
            self.clean, self.sound, self.verdicts = self.clean_now, self.sound_now, found
            self._save()
        self.close()

    def _keep_views(
        self,
        connection: duckdb.DuckDBPyConnection,
        verdicts: Callable[[duckdb.DuckDBPyConnection], Verdicts],
        views: Sequence[str],
    ) -> Verdicts:
        """Keep views that are sooner written than computed: most of a small one's time is planning."""
        sizes = dict(
            connection.execute(
                "SELECT table_name, estimated_size FROM duckdb_tables() WHERE schema_name = 'main' AND NOT internal "
                "AND database_name <> $1",
                [_ALIAS],
            ).fetchall()
        )
        kept = sorted(v for v in views if sizes.get(v, _MOST_ROWS) < _MOST_ROWS)

        found: list[Verdicts] = []
        # To find out what each statement reads takes as long as writing: one is done beside the other.
        jobs: list[Callable[[duckdb.DuckDBPyConnection], object]] = [
            lambda own: found.append(verdicts(own)),
            *(functools.partial(_keep_view, name=name) for name in kept),
        ]
        side_by_side(connection, lambda own, job: job(own), jobs)
        return replace(found[0], views=frozenset(kept))

    def _still(self, records: Records) -> dict[str, Entry]:
        """Return the entries of what is kept, with today's stamps where the content is the same."""
        result = dict(self.entries)
        for name, entry in self.entries.items():
            now = records.entries.get(name)
            if now is not entry:
                same = now is not None and now.digest == entry.digest
                # The stamp of another content must not be met again.
                result[name] = replace(entry, stamp=now.stamp if same and now else (0, 0, 0, 0))
        return result

    def _save(self) -> None:
        payload = {
            "made_by": _made_by(self.package),
            "content": self._content,
            "started": self._started,
            "clean": sorted(self.clean),
            "sound": sorted(self.sound),
            "verdicts": pack_verdicts(self.verdicts) if self.verdicts is not None else None,
            "files": pack_entries(self.entries),
        }
        text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
        self.cache.save(f"{self.name}.json", text.encode("utf-8", "surrogatepass"))

    def close(self) -> None:
        """Remove what was begun and not kept; who still reads from it may go on."""
        if self._rest is not None:
            self._rest()


def kept_view(name: str) -> str:
    """Return what to select a kept view's rows from."""
    return f"{_ALIAS}.{quote(name)}"


def _keep_view(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    connection.execute(f"CREATE TABLE {kept_view(name)} AS FROM {quote(name)}")


def _kept(table: Table) -> str:
    return f"{_ALIAS}.raw.{quote(table.name)}"


def _made_by(package: Package) -> list[str]:
    return [package.digest, sys.version, duckdb.__version__, yaml.__version__]


def _digest(path: Path) -> str:
    """Return the digest of a plain file, or an empty text."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as stream:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                return hashlib.file_digest(stream, "sha256").hexdigest()
    return ""
