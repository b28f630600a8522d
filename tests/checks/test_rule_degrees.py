"""A rule may judge by degrees: a row can weigh less, or more, than the rule's header says."""

from __future__ import annotations

from pathlib import Path

from trees import Tree

from lingtouyan.problems import Severity

RULE = """/*
id: X1
title: 分数
severity: error
table: people
column: score
message: "{name}得{score}分。"
remedy: "请核对。"
*/
-- Below 60 is an error, below 70 a warning.
SELECT _file, _line, name, score, CASE WHEN score::INTEGER >= 60 THEN 'warning' END AS _severity
FROM people WHERE score::INTEGER < 70
"""


def test_a_row_may_weigh_less_than_its_rule(tmp_path: Path) -> None:
    tree = Tree(tmp_path).table("people", ["name", "score"])
    tree.write("records/people.csv", "name,score\n甲,59\n乙,60\n丙,70\n")
    tree.write("schemas/rules/X1.sql", RULE)
    found = [(p.line, p.rule, p.severity) for p in tree.check()]
    assert found == [(2, "X1", Severity.ERROR), (3, "X1", Severity.WARNING)]
