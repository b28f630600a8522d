"""What the city's views answer, on registers of a few rows."""

from __future__ import annotations

import pytest
from rule_cases import CASES, Bench, Case, matches, read_cases

from lingtouyan.database.statements import columns_of
from lingtouyan.reading.package import Sensitivity

ALL = read_cases("views")


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize("case", ALL, ids=str)
def test_view_answers(bench: Bench, case: Case) -> None:
    found = bench.rows_of_view(case)
    assert matches(found, case.finds), f"{case}\nfound:    {found}\nexpected: {case.finds}"


def test_each_case_file_is_named_after_its_view(bench: Bench) -> None:
    assert {p.stem for p in (CASES / "views").glob("*.yaml")} <= {v.name for v in bench.views}
    assert all(case.file == f"{case.subject}.yaml" for case in ALL)


def test_every_view_says_what_it_is_and_what_its_columns_are(bench: Bench) -> None:
    for view in bench.views:
        assert view.text("title"), view.file
        assert view.text("description"), view.file
        for name, column in columns_of(view).items():
            assert column.title != name, f"{view.file}: {name} has no title"


def test_a_public_view_about_persons_or_filings_rests_on_the_published_ones(bench: Bench) -> None:
    identifying = {"person_id", "person_name", "secretary_name", "tenure_id", "filing_id", "notice_id"}
    for view in bench.views:
        public = {n for n, c in columns_of(view).items() if c.sensitivity is Sensitivity.PUBLIC}
        if view.name.startswith("published_") or not public & identifying:
            continue
        rows = view.header.get("rows")
        limited = isinstance(rows, dict) and "FROM published_" in str(rows.get("public"))
        assert limited or any(w.startswith("published_") for w in view.words), view.file
