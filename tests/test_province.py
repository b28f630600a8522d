"""The sample province asks its cities for nothing that they do not publish, and says of them what is so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from trees import copy_of

from lingtouyan.checks.register import Register, build_register
from lingtouyan.database.export import COUNTS
from lingtouyan.database.statements import columns_of, read_statements
from lingtouyan.project import Project

ROOT = Path(__file__).resolve().parents[1]
HEAD = "member,title,commit,tree,commit_date,as_of,digest\n"
VILLAGE = {"village_id": "V1", "code": "990101001001", "name": "甲村"}
CHANGE = {"member": "two", "table_title": "人员", "action": "修改", "records": "2"}
SHARE = {
    "reference_date": "2026-11-20",
    "org_id": "x",
    "whole": "true",
    "indicator_id": "share_age_le_45",
    "kind": "占比",
}


def province(root: Path, rows: dict[str, list[dict[str, str]]], as_of: str = "2026-10-20") -> Register:
    """Make the sample of two cities with these rows of collected tables, and read it."""
    copy_of("province", root)
    package = Project.open(root).package
    lines = "".join(f"{name},{name},abc,abc,2026-10-01,{as_of},sha256:0\n" for name in ("one", "two"))
    (root / "collected").mkdir()
    (root / "collected/members.csv").write_text(HEAD + lines, "utf-8")
    for table in package.tables.values():
        if table.kind == "parquet":
            held = rows.get(table.name, [])
            names = [f.name for f in table.fields]
            duckdb.sql(f"CREATE OR REPLACE TEMP TABLE made ({' VARCHAR, '.join(names)} VARCHAR)")
            for row in held:
                duckdb.execute(
                    f"INSERT INTO made VALUES ({', '.join('?' * len(names))})", [row.get(n) for n in names]
                )
            duckdb.sql("FROM made").write_parquet(str(root / table.path))
    project = Project.open(root)
    return build_register(project, project.as_of(None))


def found(register: Register) -> Iterator[tuple[str, str]]:
    for problem in register.problems:
        yield problem.rule, problem.message


def test_every_column_that_is_collected_is_published_by_the_city() -> None:
    city = Project.open(ROOT)
    published = {n: {f.name for f in t.fields} for n, t in city.package.tables.items()}
    published |= {v.name: {*columns_of(v)} for v in read_statements(city.source, "schemas/views")}
    published["finding_counts"] = {*COUNTS}
    for table in Project.open(ROOT / "tests/projects/province").package.tables.values():
        if table.kind == "parquet":
            assert {f.name for f in table.fields} - {"member"} <= published[Path(table.path).stem], table.name


@pytest.mark.parametrize("young, rules", [("24", ["P1"]), ("25", [])])
def test_a_city_below_the_target_of_the_province_is_told(
    tmp_path: Path, young: str, rules: list[str]
) -> None:
    values = [{**SHARE, "member": "one", "numerator": young, "denominator": "100"}]
    assert [rule for rule, _ in found(province(tmp_path / "p", {"indicator_values": values}))] == rules


def test_the_province_is_the_sum_of_its_cities_and_no_mean_of_shares(tmp_path: Path) -> None:
    values = [
        {**SHARE, "member": "one", "numerator": "90", "denominator": "100"},
        {**SHARE, "member": "two", "numerator": "300", "denominator": "900"},
        # An older figure of the same city.
        {**SHARE, "member": "two", "numerator": "1", "denominator": "900", "reference_date": "2021-01-01"},
    ]
    register = province(tmp_path / "p", {"indicator_values": values})
    sql = "SELECT city, value FROM structure ORDER BY member NULLS FIRST"
    assert register.connection.execute(sql).fetchall() == [("全省", 39.0), ("甲市", 90.0), ("乙市", 33.3)]


@pytest.mark.parametrize("as_of, rules", [("2026-10-19", ["P2", "P2"]), ("2026-10-20", [])])
def test_a_city_that_has_not_published_for_a_month_is_told(
    tmp_path: Path, as_of: str, rules: list[str]
) -> None:
    assert [rule for rule, _ in found(province(tmp_path / "p", {}, as_of))] == rules


@pytest.mark.parametrize("code, rules", [("980101001001", ["P3"]), ("990101001001", [])])
def test_a_code_of_another_city_is_an_error(tmp_path: Path, code: str, rules: list[str]) -> None:
    villages = [{**VILLAGE, "member": m} for m in ("one", "two")]
    villages[1]["code"] = code
    register = province(tmp_path / "p", {"villages": villages})
    assert [rule for rule, _ in found(register)] == rules


def test_cities_stand_side_by_side(tmp_path: Path) -> None:
    rows = {
        "figures": [
            {"member": "one", "org_id": "x", "whole": "true", "villages": "54", "filings_overdue": "1"}
        ],
        "finding_counts": [
            {"member": "one", "rule": "R1", "severity": "error", "findings": "2"},
            {"member": "one", "rule": "R2", "severity": "warning", "findings": "3"},
        ],
        "city_changes": [{**CHANGE, "day": day} for day in ("2026-10-31", "2026-11-01")],
    }
    register = province(tmp_path / "p", rows)
    sql = "SELECT city, villages, filings_overdue, errors::INT, warnings::INT FROM cities ORDER BY member"
    assert register.connection.execute(sql).fetchall() == [("甲市", 54, 1, 2, 3), ("乙市", None, None, 0, 0)]
    assert register.connection.execute("SELECT city, records FROM month_changes").fetchall() == [("乙市", 2)]
