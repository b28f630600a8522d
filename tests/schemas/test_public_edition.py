"""What the public edition of the sample city holds: nothing that dangles, nothing of what was taken back."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import duckdb
import pytest

from lingtouyan.checks.register import register_with_editions
from lingtouyan.database.editions import open_edition, visible_table
from lingtouyan.project import Project

ROOT = Path(__file__).resolve().parents[2]


def public_edition(root: Path, path: Path) -> duckdb.DuckDBPyConnection:
    project = Project.open(root)
    register_with_editions(project, project.as_of(None), {"public": path}, allow_errors=True)
    return open_edition(path)


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    return public_edition(ROOT, tmp_path_factory.mktemp("public") / "public.duckdb")


def test_no_row_names_another_that_is_not_there(public: duckdb.DuckDBPyConnection) -> None:
    project = Project.open(ROOT)
    for table in project.package.tables.values():
        seen = visible_table(table, "public")
        if seen is None:
            continue
        for key in seen.foreign_keys:
            target = visible_table(project.package.tables[key.table], "public")
            if target is None or not {f.name for f in target.fields}.issuperset(key.references):
                continue
            pairs = " AND ".join(
                f't."{a}" = r."{b}"' for a, b in zip(key.fields, key.references, strict=True)
            )
            filled = " AND ".join(f't."{a}" IS NOT NULL' for a in key.fields)
            dangling = public.execute(
                f'SELECT * FROM "{table.name}" AS t WHERE {filled} '
                f'AND NOT EXISTS (SELECT 1 FROM "{key.table}" AS r WHERE {pairs})'
            ).fetchall()
            assert dangling == [], f"{table.name}.{key.fields} -> {key.table}"


@pytest.mark.parametrize(
    "column, table",
    [
        ("person_id", "people"),
        ("tenure_id", "tenures"),
        ("filing_id", "filings"),
        ("village_id", "villages"),
        ("policy_id", "policies"),
    ],
)
def test_no_view_names_a_person_or_a_record_that_is_not_there(
    public: duckdb.DuckDBPyConnection, column: str, table: str
) -> None:
    views = public.execute(
        "SELECT DISTINCT name FROM views JOIN duckdb_columns() AS c ON c.table_name = name WHERE c.column_name = ?",
        [column],
    ).fetchall()
    assert views
    for (view,) in views:
        strangers = public.execute(
            f'SELECT DISTINCT "{column}" FROM "{view}" WHERE "{column}" IS NOT NULL EXCEPT SELECT "{column}" FROM "{table}"'
        )
        assert strangers.fetchall() == [], view


def test_a_document_that_is_not_declared_public_is_nowhere(public: duckdb.DuckDBPyConnection) -> None:
    text = (ROOT / "records/city/policies/adjustment.md").read_text("utf-8")
    assert "open_to_public" not in text
    clauses = [line for line in text.split("---", 2)[2].splitlines() if len(line) > 20]
    for (table,) in public.execute("SELECT table_name FROM duckdb_tables()").fetchall():
        held = str(public.execute(f'SELECT * FROM "{table}"').fetchall())
        assert not [c for c in clauses if c in held], table
        assert table == "rules" or "adjustment#" not in held, table
    assert public.execute("SELECT count(*) FROM structure_against_targets").fetchone() != (0,)


@pytest.mark.slow
@pytest.mark.exhaustive
def test_a_person_whose_approval_is_taken_back_is_nowhere(
    tmp_path: Path, public: duckdb.DuckDBPyConnection
) -> None:
    # Somebody with one published tenure and a name that nobody else has.
    person, name, tenure = public.execute("""
        SELECT person_id, any_value(name), any_value(tenure_id) FROM people JOIN tenures USING (person_id)
        WHERE name IN (SELECT name FROM people GROUP BY name HAVING count(*) = 1) AND length(name) >= 3
        GROUP BY person_id HAVING count(*) = 1 ORDER BY person_id LIMIT 1
    """).fetchone() or ("", "", "")
    assert person
    assert occurrences(public, person)
    assert occurrences(public, name)

    root = tmp_path / "city"
    for part in ("records", "schemas"):
        shutil.copytree(ROOT / part, root / part)
    shutil.copy(ROOT / "datapackage.yaml", root)
    take_back(root, tenure)
    with public_edition(root, tmp_path / "public.duckdb") as after:
        assert occurrences(after, person) == []
        assert occurrences(after, name) == []
        assert occurrences(after, tenure) == []


def take_back(root: Path, tenure: str) -> None:
    """Give the tenure an approval of its own, and withdraw that."""
    approvals = root / "records" / "city" / "disclosure_approvals.csv"
    with approvals.open(encoding="utf-8", newline="") as stream:
        header = next(csv.reader(stream))
    row = {
        "disclosure_id": "D2020-999",
        "title": "撤回",
        "kind": "任职信息",
        "org_id": "sw",
        "applied_on": "2020-01-01",
        "decision": "同意公开",
        "approved_on": "2020-01-02",
        "withdrawn_on": "2020-01-03",
    }
    with approvals.open("a", encoding="utf-8", newline="") as stream:
        csv.DictWriter(stream, header).writerow(row)
    for path in (root / "records" / "townships").glob("*/tenures.csv"):
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        for entry in rows:
            if entry["tenure_id"] == tenure:
                entry["disclosure_id"] = "D2020-999"
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)


def occurrences(connection: duckdb.DuckDBPyConnection, text: str) -> list[str]:
    """Return every column of the whole edition in which the text stands anywhere."""
    columns = connection.execute(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal"
    ).fetchall()
    return [
        f"{table}.{column}"
        for table, column in columns
        if connection.execute(
            f'SELECT count(*) FROM "{table}" WHERE contains("{column}"::VARCHAR, ?)', [text]
        ).fetchone()
        != (0,)
    ]
