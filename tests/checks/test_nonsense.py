"""Whatever stands in the cells, every view and every rule can be computed: one wrong figure is one problem, not fifty."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from lingtouyan.checks.rules import create_rules, read_rules
from lingtouyan.database import database
from lingtouyan.database.cells import create_cells
from lingtouyan.database.database import rows_of
from lingtouyan.database.history_tables import create_history, create_proposal
from lingtouyan.database.statements import create_macros, read_statements
from lingtouyan.database.views import Views
from lingtouyan.reading.package import Field, Package, load_package
from lingtouyan.reading.records import read_records
from lingtouyan.reading.source import WorkTree

pytestmark = pytest.mark.exhaustive

ROOT = Path(__file__).resolve().parents[2]
Change = Callable[[Field], str | None]


def _numbers(text: str) -> Change:
    return lambda field: text if field.type in ("integer", "number") else None


def _dates(text: str) -> Change:
    return lambda field: text if field.type == "date" else None


def _words(field: Field) -> str | None:
    return (
        "没有这一项" if field.categories or "enum" in field.constraints or field.type == "boolean" else None
    )


def _nothing(_field: Field) -> str:
    return ""


# Every seventh row gets one kind of nonsense in all its cells of that type.
KINDS: tuple[Change, ...] = (
    _numbers("99999999999"),
    _numbers("-1"),
    _numbers("0"),
    _dates("0001-01-01"),
    _dates("9999-12-31"),
    _words,
    _nothing,
)


def _spoil(connection: duckdb.DuckDBPyConnection, package: Package) -> None:
    for table in package.tables.values():
        for n, kind in enumerate(KINDS):
            new = {
                f.name: kind(f) for f in table.fields if f.name not in table.primary_key or f.type != "string"
            }
            sets = [
                f"{database.quote(k)} = nullif({database.literal(v)}, '')"
                for k, v in new.items()
                if v is not None
            ]
            if sets:
                connection.execute(
                    f"UPDATE raw.{database.quote(table.name)} SET {', '.join(sets)} WHERE rowid % {len(KINDS)} = {n}"
                )


@pytest.mark.slow
def test_no_nonsense_in_the_cells_stops_a_view_or_a_rule() -> None:
    package = load_package(WorkTree(ROOT))
    connection = database.connect()
    database.load_raw(connection, package, read_records(WorkTree(ROOT), package))
    _spoil(connection, package)
    database.shut(connection)
    database.create_enums(connection, package.tables.values())
    database.create_typed(connection, package)
    database.create_descriptions(connection, package)
    create_cells(connection, package)
    rules, _ = read_rules(WorkTree(ROOT), package)
    create_rules(connection, package, rules)
    database.create_build(connection, datetime.date(2026, 11, 20), "", "", 0, False)
    create_history(connection, None)
    create_proposal(connection, None)
    macros = read_statements(WorkTree(ROOT), "schemas/macros")
    create_macros(connection, macros)
    views = Views(connection, read_statements(WorkTree(ROOT), "schemas/views"), macros)
    views.need()
    assert [p.message for p in views.problems()] == []
    for rule in rules:
        rows_of(connection, rule.statement.sql)
