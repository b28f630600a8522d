from __future__ import annotations

import re
from collections import defaultdict

import pytest
from rule_cases import CASES, Bench, Case, matches, read_cases

ALL = read_cases("rules")


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize("case", ALL, ids=str)
def test_rule_finds_what_breaks_it_and_is_silent_on_the_nearest_that_does_not(
    bench: Bench, case: Case
) -> None:
    assert case.subject in bench.rules, f"{case.file} is about a rule that does not exist"
    found, messages = bench.run_rule(case)
    assert matches(found, case.finds), f"{case}\nfound:    {found}\nexpected: {case.finds}"
    for message in messages:
        assert "{" not in message
        assert "None" not in message
        assert not re.search(r"(?<![0-9A-Za-z_-])\d{4}-\d\d(-\d\d)?(?![0-9A-Za-z_-])", message), (
            f"an ISO date in: {message}"
        )
    for words in case.says:
        assert any(words in m for m in messages), f"no message says {words!r}: {messages}"


def test_every_rule_can_be_read(bench: Bench) -> None:
    assert not bench.rule_problems


def test_every_rule_has_a_case_that_breaks_it_and_one_that_does_not(bench: Bench) -> None:
    breaking, silent = defaultdict(int), defaultdict(int)
    for case in ALL:
        (breaking if case.finds else silent)[case.subject] += 1
    lacking = {r: (breaking[r], silent[r]) for r in bench.rules if not (breaking[r] and silent[r])}
    assert not lacking, f"rule: (breaking cases, silent cases): {lacking}"


def test_each_rule_has_one_case_file_named_after_it(bench: Bench) -> None:
    assert {p.stem for p in (CASES / "rules").glob("*.yaml")} == set(bench.rules)
    assert all(case.file == f"{case.subject}.yaml" for case in ALL)


def test_no_rule_names_a_column_like_a_view_that_it_does_not_read(bench: Bench) -> None:
    # What a statement reaches is told by its words: such a name has the view, and all that it reads, computed for nothing.
    views = {v.name for v in bench.views}
    for rule in bench.rules.values():
        told = bench.connection.execute("SELECT json_serialize_sql(?)", [rule.statement.sql]).fetchone()
        read = set(re.findall(r'"type":"BASE_TABLE".*?"table_name":"(\w+)"', str(told)))
        assert read, rule.id
        assert not (rule.statement.words & views) - read, rule.id


def test_every_rule_cites_a_clause_that_the_policies_have(bench: Bench) -> None:
    known = {
        f"{policy}#{section}"
        for policy, section in bench.connection.execute(
            "SELECT policy_id, section FROM policy_clauses"
        ).fetchall()
    }
    wrong = {
        r.id: r.clauses for r in bench.rules.values() if not r.clauses or not known.issuperset(r.clauses)
    }
    assert not wrong, f"no such clause: {wrong}"


def test_every_rule_says_what_it_asks_why_and_what_to_do(bench: Bench) -> None:
    for rule in bench.rules.values():
        assert rule.remedy, f"{rule.id} does not say what to do"
        assert rule.table, f"{rule.id} does not say which table is at fault"
        assert rule.message.endswith("。"), f"the message of {rule.id} is no sentence"
        assert rule.remedy.endswith("。"), f"the remedy of {rule.id} is no sentence"
        assert re.search(r"^\s*--", rule.statement.sql, re.MULTILINE), (
            f"{rule.id} has no comment that says why"
        )
        table = bench.package.tables.get(rule.table)
        if table is not None and rule.column:
            assert table.field(rule.column), (
                f"{rule.id} points at {rule.table}.{rule.column}, which does not exist"
            )
