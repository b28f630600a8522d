"""Cases of rules and views as data: a small register per case, made with the engine's own functions from a few rows.

One register holds the city's standing tables (policies, calendar, terms, offices); each case changes it, computes only
the views which it asks for, and puts back what it changed.
"""

from __future__ import annotations

import dataclasses
import datetime
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from lingtouyan.checks.conformance import Locator
from lingtouyan.checks.rules import Rule, create_rules, read_rules, run_rules
from lingtouyan.database import database
from lingtouyan.database.cells import create_cells
from lingtouyan.database.database import rows_of
from lingtouyan.database.history_tables import create_proposal
from lingtouyan.database.statements import (
    Statement,
    create_macros,
    read_statements,
)
from lingtouyan.database.views import Views
from lingtouyan.reading.package import Package, Table, load_package
from lingtouyan.reading.records import Records, read_records
from lingtouyan.reading.source import WorkTree
from lingtouyan.reading.yaml import Mapping, YamlError, parse_yaml

ROOT = Path(__file__).resolve().parents[1]
CASES = ROOT / "tests" / "cases"
AS_OF = datetime.date(2026, 11, 20)
# What every case sees unless it gives rows for the table itself.
STANDING = ("policies", "calendar", "calendar_years", "terms", "organisations", "indicators")
_DESCRIPTIONS = ("tables", "fields", "rules", "proposed_commits", "proposed_files", "proposed_changes")
_SLOT = re.compile(r"\{(\w+)\}")


@dataclasses.dataclass(frozen=True)
class Case:
    """One case of a rule or a view: the rows it stands on, and the findings or rows it should yield."""

    subject: str
    name: str
    file: str
    as_of: datetime.date
    records: dict[str, list[dict[str, str | None]]]
    finds: list[dict[str, str | None]]
    says: tuple[str, ...]
    where: dict[str, str | None]

    def __str__(self) -> str:
        return f"{self.subject}: {self.name}"


def read_cases(kind: str) -> list[Case]:
    """Read every case file of `rules` or of `views`."""
    word, yields = {"rules": ("rule", "finds"), "views": ("view", "rows")}[kind]
    return [case for path in sorted((CASES / kind).glob("*.yaml")) for case in _cases_of(path, word, yields)]


def _cases_of(path: Path, word: str, yields: str) -> list[Case]:
    try:
        document = parse_yaml(path.read_text(encoding="utf-8"))
    except YamlError as fault:
        raise AssertionError(f"{path.name}:{fault.line}: {fault}") from None
    assert isinstance(document, Mapping), path
    subject, listed = document[word], document["cases"]
    assert isinstance(subject, str), path
    assert isinstance(listed, list), path
    cases = []
    for item in listed:
        assert isinstance(item, Mapping), path
        unknown = set(item) - {"name", "as_of", "records", yields, "says" if word == "rule" else "where"}
        assert not unknown, f"{path.name}:{item.line} has keys no case has: {sorted(unknown)}"
        records = item.get("records") or Mapping(0)
        assert isinstance(records, Mapping), path
        says = item.get("says") or []
        cases.append(
            Case(
                subject=subject,
                name=str(item["name"]),
                file=path.name,
                as_of=datetime.date.fromisoformat(str(item.get("as_of") or AS_OF)),
                records={t: _rows(rows, f"{path.name}: {item['name']}: {t}") for t, rows in records.items()},
                finds=_rows(item[yields], f"{path.name}: {item['name']}: {yields}"),
                says=tuple(str(s) for s in says) if isinstance(says, list) else (str(says),),
                where=_rows([item.get("where") or Mapping(0)], path.name)[0],
            )
        )
    return cases


def _rows(value: object, place: str) -> list[dict[str, str | None]]:
    assert isinstance(value, list), f"{place} should be a list"
    rows: list[dict[str, str | None]] = []
    for item in value:
        assert isinstance(item, Mapping), f"{place} should be a list of mappings"
        rows.append(
            {k: v if v is None or isinstance(v, str) else _text_of_list(v, place) for k, v in item.items()}
        )
    return rows


def _text_of_list(value: object, place: str) -> str:
    assert isinstance(value, list), f"{place} holds a mapping where a cell is meant"
    return "[" + ", ".join(f'"{v}"' for v in value) + "]"


def shown(value: object) -> str | None:
    """Return a result's cell as a case writes it: dates in ISO form, whole numbers without a fraction."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    if isinstance(value, list):
        return "、".join(str(shown(v)) for v in value)
    return str(value)


def matches(found: list[dict[str, str | None]], expected: list[dict[str, str | None]]) -> bool:
    """Tell whether the findings can be paired with what was expected, one to one, in any order."""
    if len(found) != len(expected):
        return False
    if not expected:
        return True
    head, rest = expected[0], expected[1:]
    for n, row in enumerate(found):
        if all(k in row and row[k] == v for k, v in head.items()) and matches(
            found[:n] + found[n + 1 :], rest
        ):
            return True
    return False


def _shown(columns: list[str], rows: list[tuple[object, ...]]) -> list[dict[str, str | None]]:
    return [{c: shown(v) for c, v in zip(columns, row, strict=True)} for row in rows]


class Bench:
    """The prepared register on which cases are tried, one after the other."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        self.package: Package = load_package(WorkTree(root))
        self.macros: list[Statement] = read_statements(WorkTree(root), "schemas/macros")
        self.views: list[Statement] = read_statements(WorkTree(root), "schemas/views")
        rules, self.rule_problems = read_rules(WorkTree(root), self.package)
        self.rules: dict[str, Rule] = {r.id: r for r in rules}
        self._standing_tables = {
            n: t for n, t in self.package.tables.items() if self.package.origin(t).name in STANDING
        }
        self.connection: duckdb.DuckDBPyConnection = database.connect()
        # Cases hold a handful of rows: more threads would only wait for each other.
        self.connection.execute("SET threads = 1")
        database.load_raw(self.connection, self.package, self._standing())
        database.shut(self.connection)
        database.create_enums(self.connection, self.package.tables.values())
        database.create_typed(self.connection, self.package)
        database.create_descriptions(self.connection, self.package)
        create_cells(self.connection, self.package)
        create_rules(self.connection, self.package, rules)
        create_proposal(self.connection, None)
        database.create_build(self.connection, AS_OF, "", "", 0, False)
        create_macros(self.connection, self.macros)
        self._made = Views(self.connection, self.views, self.macros)
        self._stale: set[str] = set()
        self.connection.execute("CREATE SCHEMA kept")
        for name in self._standing_tables:
            self.connection.execute(
                f"CREATE TABLE kept.{database.quote(name)} AS FROM raw.{database.quote(name)}"
            )
        for name in _DESCRIPTIONS:
            self.connection.execute(f"CREATE TABLE kept.{name} AS FROM {name}")

    def _standing(self) -> Records:
        return read_records(
            WorkTree(self.root), dataclasses.replace(self.package, tables=self._standing_tables)
        )

    def rows_of_view(self, case: Case) -> list[dict[str, str | None]]:
        """Return the rows that the case's view has, of those the case looks at."""
        view = next(v for v in self.views if v.name == case.subject)
        with self._filled(case, view):
            rows = _shown(*rows_of(self.connection, f"SELECT * FROM {database.quote(view.name)}"))
            return [r for r in rows if case.where.items() <= r.items()]

    def run_rule(self, case: Case) -> tuple[list[dict[str, str | None]], list[str]]:
        """Return the rows that the case's rule finds, and the messages a reader would get."""
        rule = self.rules[case.subject]
        with self._filled(case, rule.statement):
            columns, rows = rows_of(self.connection, rule.statement.sql)
            missing = set(_SLOT.findall(rule.message + rule.remedy)) - set(columns)
            assert not missing, (
                f"the message of {rule.id} names columns that its query lacks: {sorted(missing)}"
            )
            if not rows:
                return [], []
            findings, broken = run_rules(self.connection, [rule], Locator(WorkTree(self.root), self.package))
            assert not broken, broken[0].message
            return _shown(columns, rows), [f.problem.message for f in findings]

    @contextmanager
    def _filled(self, case: Case, statement: Statement) -> Iterator[None]:
        words = {statement.name} if statement in self.views else statement.words
        try:
            self._fill(case)
            self._made.need(words)
            problems = self._made.problems()
            assert not problems, problems[0].message
            yield
        finally:
            self._restore(case, self._made.computed)
            self._made.computed.clear()

    def _fill(self, case: Case) -> None:
        for key, rows in case.records.items():
            name = key.removesuffix("+")
            if name in _DESCRIPTIONS:
                self._describe(name, rows)
                continue
            table = self.package.tables[name]
            self._stale.add(name)
            if not key.endswith("+"):
                self.connection.execute(f"DELETE FROM raw.{database.quote(name)}")
            columns = ["_file", "_line", *(f.name for f in table.fields)]
            cells = [cell for n, row in enumerate(rows) for cell in self._cells(table, row, n, rows)]
            if rows:
                slots = f"({', '.join('?' for _ in columns)})"
                self.connection.execute(
                    f"INSERT INTO raw.{database.quote(name)} ({', '.join(map(database.quote, columns))}) "
                    f"VALUES {', '.join(slots for _ in rows)}",
                    cells,
                )
        # What the case before left behind is typed anew together with what this one brings.
        stale = {n: self.package.tables[n] for n in self._stale}
        self._drop(stale)
        database.create_typed(self.connection, dataclasses.replace(self.package, tables=stale))
        database.create_build(self.connection, case.as_of, "", "", 0, False)
        self._stale = {key.removesuffix("+") for key in case.records} & set(self.package.tables)

    def _restore(self, case: Case, views: Iterable[str]) -> None:
        # The engine computes views and rules on connections of their own, so a transaction could not undo them.
        self._drop(views)
        for name in {key.removesuffix("+") for key in case.records}:
            if name in _DESCRIPTIONS:
                self.connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM kept.{name}")
                continue
            self.connection.execute(f"DELETE FROM raw.{database.quote(name)}")
            if name in self._standing_tables:
                self.connection.execute(
                    f"INSERT INTO raw.{database.quote(name)} FROM kept.{database.quote(name)}"
                )

    def _drop(self, names: Iterable[str]) -> None:
        statements = "; ".join(f"DROP TABLE IF EXISTS {database.quote(n)}" for n in names)
        if statements:
            self.connection.execute(statements)

    def _cells(
        self, table: Table, row: dict[str, str | None], index: int, rows: list[dict[str, str | None]]
    ) -> list[object]:
        unknown = set(row) - {f.name for f in table.fields} - {"_file", "_line"}
        assert not unknown, f"{table.name} has no field {sorted(unknown)}"
        cells: list[object] = [
            row.get("_file") or f"{table.name}.{index + 1}",
            int(row.get("_line") or index + 2),
        ]
        for field in table.fields:
            if field.name in row:
                cells.append(row[field.name])
            elif field.name == "ordinal" and table.parent:
                key = self.package.tables[table.parent].primary_key
                cells.append(str(1 + sum(all(r.get(k) == row.get(k) for k in key) for r in rows[:index])))
            else:
                cells.append(field.example if field.required else None)
        return cells

    def _describe(self, name: str, rows: list[dict[str, str | None]]) -> None:
        # What the engine says of itself can only be added to: a rule about schemas is tried on one more field, one
        # about changes on a change.
        for row in rows:
            slots = ", ".join("?" for _ in row)
            self.connection.execute(
                f"INSERT INTO {name} ({', '.join(map(database.quote, row))}) VALUES ({slots})",
                list(row.values()),
            )
