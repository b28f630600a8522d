"""Which rules ask otherwise than before: also those that only read what was altered, whatever the file is called."""

from __future__ import annotations

from pathlib import Path

from trees import Tree

from lingtouyan.database.statements import Statement, read_statements
from lingtouyan.reading.source import WorkTree
from lingtouyan.review.alarms import altered_rules

RULE = "/*\nid: {0}\ntitle: {0}\nseverity: error\nmessage: x\n*/\n{1}"


def statements(folder: Path, limit: int) -> list[Statement]:
    tree = Tree(folder)
    tree.write("schemas/macros/limits.sql", f"CREATE MACRO most() AS {limit}; CREATE MACRO least() AS 1;")
    tree.write("schemas/views/many.sql", "SELECT * FROM a WHERE n > most()")
    for name, sql in {"X01": "FROM many", "X02": "FROM a WHERE n < least()", "X03": "FROM a"}.items():
        tree.write(f"schemas/rules/{name}.sql", RULE.format(name, sql))
    parts = ("macros", "views", "rules")
    return [s for part in parts for s in read_statements(WorkTree(tree.root), f"schemas/{part}")]


def test_a_rule_is_altered_by_the_macro_that_its_view_calls(tmp_path: Path) -> None:
    before, after = statements(tmp_path / "old", 3), statements(tmp_path / "new", 4)
    altered = altered_rules(before, after, [])
    # What a file holds is taken together.
    assert {"many", "X01", "X02"} <= altered
    assert "X03" not in altered
    assert altered_rules(before, before, []) == set()
