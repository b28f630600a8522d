"""One question to an edition, answered as a table, CSV or JSON: for people who know SQL and for scripts.

Asks an edition, not the whole register, so that an answer never holds what its reader may not see.
"""

from __future__ import annotations

import json
import math
import tempfile
import unicodedata
from pathlib import Path
from typing import Any

from lingtouyan.checks.register import register_with_editions
from lingtouyan.database.database import SqlError, rows_of
from lingtouyan.database.editions import open_edition
from lingtouyan.database.statements import words_of
from lingtouyan.problems import UsageError, did_you_mean, printable
from lingtouyan.project import Project, Scope
from lingtouyan.reading.csv import csv_text
from lingtouyan.reading.package import Package
from lingtouyan.templates.escaping import text

_WIDEST = 40


def query(
    root: Path, sql: str, edition: str, as_of: str | None, form: str, revision: str | None = None
) -> str:
    """Run one SELECT on an edition of the tree's records, errors in them notwithstanding.

    Only what the statement reaches is read, computed and cut.

    Args:
        form: `table`, `csv` or `json`.

    Returns:
        The answer as text, ending in a line break.

    Raises:
        UsageError: the statement is refused or fails.
        RecordsError: the tree cannot be read at all.
    """
    project = Project.open(root, revision)
    with tempfile.TemporaryDirectory(prefix="lingtouyan-") as folder:
        path = Path(folder) / "edition.duckdb"
        scope, only = Scope.read(edition, project.package), words_of(sql)
        paths = {scope.level: path}
        register_with_editions(
            project, project.as_of(as_of), paths, allow_errors=True, only=only, scope=scope
        ).connection.close()
        with open_edition(path) as connection:
            try:
                columns, rows = rows_of(connection, sql)
            except SqlError as fault:
                raise UsageError(_hinted(fault, project.package)) from None
    return _shown(columns, rows, form)


def _hinted(fault: SqlError, package: Package) -> str:
    """Return what is wrong, with the table or column that may be meant where the database has no idea: titles, too."""
    tables = package.tables.values()
    titles = {f.title: f.name for t in tables for f in t.fields} | {t.title: t.name for t in tables}
    known, said = {*titles.values(), *package.tables}, str(fault)
    near = did_you_mean(titles.get(fault.unknown, fault.unknown), known)
    end = "：它不在这一版里，或不在所查的表里。" if fault.unknown in known else near
    return said.removesuffix("。") + end if fault.unknown and said.endswith(f"{fault.unknown}。") else said


def _shown(columns: list[str], rows: list[tuple[Any, ...]], form: str) -> str:
    if form == "json":
        twice = next((c for n, c in enumerate(columns) if c in columns[:n]), None)
        if twice is not None:
            raise UsageError(
                f"有两列都叫 {printable(twice)}，JSON 里只能留下一列。请用 AS 给它们起不同的名字。"
            )
        values = [dict(zip(columns, map(_json_value, r), strict=True)) for r in rows]
        return json.dumps(values, ensure_ascii=False, indent=1, default=str, allow_nan=False) + "\n"
    if form == "csv":
        # Without the mark, a spreadsheet opened by a double click takes it for another encoding.
        return "\ufeff" + csv_text([columns, *([_plain(v) for v in row] for row in rows)])
    return _table(columns, rows)


def _json_value(value: Any) -> Any:
    """Return a value as JSON has it: what is no finite number is none there, and a key is text."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list | tuple):
        return [_json_value(v) for v in value]
    if isinstance(value, dict):
        return {str(k): _json_value(v) for k, v in value.items()}
    return value


def _plain(value: Any) -> str:
    return (
        json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, (list, dict)) else text(value)
    )


def _width(words: str) -> int:
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in words
    )


def _cut(value: Any) -> str:
    words = text(value)
    # A cell can hold more than anybody reads; it is shortened before it is looked at letter by letter.
    longest = 4 * _WIDEST
    words = printable(words if len(words) <= longest else words[:longest] + "…")
    while _width(words) > _WIDEST:
        words = words[:-2] + "…"
    return words


def _table(columns: list[str], rows: list[tuple[Any, ...]]) -> str:
    cells = [columns, *([_cut(v) for v in row] for row in rows)]
    widths = [max(_width(r[i]) for r in cells) for i in range(len(columns))]
    lines = [
        "  ".join(c + " " * (w - _width(c)) for c, w in zip(r, widths, strict=True)).rstrip() for r in cells
    ]
    lines.insert(1, "  ".join("─" * w for w in widths))
    return "\n".join(lines) + f"\n（{len(rows)} 行）\n"
