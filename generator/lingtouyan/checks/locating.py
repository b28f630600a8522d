"""On which physical line a field stands: in a table file its row's line, in a document the line of its key.

Documents are read again with their keys' places only when a fault has to be explained.
"""

from __future__ import annotations

from lingtouyan.problems import Problem
from lingtouyan.reading.documents import read_document
from lingtouyan.reading.package import Package, Table
from lingtouyan.reading.source import Source


class Locator:
    """Answers where a field of a row stands; remembers each document it had to read again."""

    def __init__(self, source: Source, package: Package) -> None:
        self._source = source
        self._package = package
        self._places: dict[str, dict[tuple[str, int, str], int]] = {}

    def line(self, file: str, table: Table, row_line: int, field: str) -> int:
        """Return the physical line of the field, or of its row where the field is not written."""
        source = self._package.origin(table)
        if source.kind == "csv":
            return row_line
        if file not in self._places:
            self._places[file] = self._read(file, source)
        return self._places[file].get((table.name, row_line, field), row_line)

    def _read(self, file: str, source: Table) -> dict[tuple[str, int, str], int]:
        places: dict[tuple[str, int, str], int] = {}

        def note(table: str, row_line: int, field: str, line: int) -> None:
            places[table, row_line, field] = line

        data = self._source.read(file)
        if not isinstance(data, Problem):
            read_document(data, file, source, self._package, note)
        return places
