"""Which commit each dossier's content last changed at: by the records it shows, their keys, and its template.

Errs to the newer side: a commit too new costs a reprint, one too old would belie a true print.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import duckdb

from lingtouyan.database.database import quote
from lingtouyan.database.editions import visible_table
from lingtouyan.database.statements import passages, reached, read_statements, words_of
from lingtouyan.history.origin import UNCOMMITTED, Origins, key_names
from lingtouyan.project import EDITIONS, Project
from lingtouyan.reading.files import glob_regex
from lingtouyan.reading.package import DESCRIPTOR, Table
from lingtouyan.reading.source import Source
from lingtouyan.templates.sandbox import Row
from lingtouyan.templates.templates import Results, Template

# What these say may change with any commit.
_RESTLESS = frozenset(
    (
        *("changes", "commits", "commit", "commit_time", "findings", "finding_subjects"),
        *("rules", "cells", "query", "query_table"),
    )
)
_SCHEMAS = re.compile(rf"{re.escape(DESCRIPTOR)}\Z|schemas/(tables|views|macros)/")
_SHARED = re.compile(r"site/dossiers/(?!(?:.*/)?[^_/][^/]*\.(?:html|lrmx|xml)\Z)")


def files_named(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the files that rows say they come from, in columns called `_file` or `_file_…`."""
    for row in rows:
        for column, value in row.items():
            if column == "_file" or column.startswith("_file_"):
                yield from (v for v in (value if isinstance(value, list) else [value]) if isinstance(v, str))


class Provenance:
    """What the dossiers of one edition come from.

    Args:
        connection: the edition's database.
        origins: the history; None where there is none.
    """

    def __init__(
        self, project: Project, connection: duckdb.DuckDBPyConnection, edition: str, origins: Origins | None
    ) -> None:
        self._package = project.package
        self._connection = connection
        self._edition = edition
        self._origins = origins
        self._statements = self._read(project.source)
        self._keys = key_names(project.package)
        self._indexes: dict[str, dict[str, set[str]]] = {}

    @staticmethod
    def _read(source: Source) -> tuple[list[Any], list[Any]]:
        return read_statements(source, "schemas/views"), read_statements(source, "schemas/macros")

    def of(self, template: Template, results: Results) -> Callable[[Row, list[Row]], str]:
        """Return what tells, for a row and all rows shown with it, the commit; empty when that is not committed."""
        origins = self._origins
        if origins is None:
            return lambda row, shown: ""
        views, macros = self._statements
        direct = frozenset().union(*(words_of(q.sql) for q in template.queries.values()))
        known = passages([*views, *macros])
        words = reached(direct, known)
        filters = " ".join(
            t.row_filters.get(self._edition, "") for t in self._package.tables.values() if t.name in words
        )
        through = (
            reached([*words_of(filters)], known)
            | reached(direct & {s.name.lower() for s in [*views, *macros]}, known)
            | reached(self._macro_names(macros) & direct, known)
        )
        words |= through
        base = min(
            origins.of_file(template.file),
            origins.matching(_SCHEMAS),
            origins.matching(_SHARED),
        )
        if words & _RESTLESS:
            base = min(base, UNCOMMITTED if origins.dirty else 0)
        columns = set(results.columns.get(template.each, ())) & self._keys
        keyed: list[Table] = []
        for table in self._package.tables.values():
            if table.name.lower() not in words:
                continue
            if table.name.lower() not in through and columns & set(self._key_columns(table)):
                keyed.append(table)
            else:
                base = min(base, origins.of_table(self._package, table))
        patterns = {o.name: glob_regex(o.path) for o in map(self._package.origin, keyed)}

        def commit(row: Row, shown: list[Row]) -> str:
            rows = [row, *shown]
            values = {v for r in rows for v in r.values() if isinstance(v, str)}
            files = set(files_named(rows))
            for table in keyed:
                index = self._index(table)
                files.update(f for v in values & index.keys() for f in index[v])
            position = min([base, *map(origins.of_file, files)])
            for table in keyed:
                position = min(position, origins.of_departed(table.name, values))
            if origins.dirty and any(origins.lost(p, values) for p in patterns.values()):
                position = UNCOMMITTED
            return origins.name(position)

        return commit

    @staticmethod
    def _macro_names(macros: Iterable[Any]) -> frozenset[str]:
        found = (n for m in macros for n in (m.name, *re.findall(r"(?i)\bmacro\s+(\w+)", m.sql)))
        return frozenset(n.lower() for n in found)

    def _key_columns(self, table: Table) -> list[str]:
        seen = visible_table(table, self._edition)
        if seen is None or EDITIONS[self._edition] < EDITIONS["internal"]:
            # No edition below knows the files of its rows.
            return []
        return [f.name for f in seen.fields if f.name in self._keys and f.type == "string"]

    def _index(self, table: Table) -> dict[str, set[str]]:
        """Return key value -> files with a row of this table that holds it; one query per column."""
        if table.name not in self._indexes:
            index: dict[str, set[str]] = {}
            for column in self._key_columns(table):
                found = self._connection.execute(
                    f"SELECT DISTINCT {quote(column)}::VARCHAR, _file FROM {quote(table.name)} WHERE {quote(column)} IS NOT NULL"
                )
                for value, file in found.fetchall():
                    index.setdefault(value, set()).add(file)
            self._indexes[table.name] = index
        return self._indexes[table.name]
