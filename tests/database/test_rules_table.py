"""The register's table of rules: what each enforces and reads, for the pages that list rules by clause and by table."""

from __future__ import annotations

import pytest
from trees import Tree

HEAD = "/*\nid: X{n}\ntitle: 试\nseverity: error\nmessage: 不行。\n{more}*/\n-- why\n"


@pytest.fixture
def rules(tree: Tree) -> Tree:
    for name in ("wells", "pumps", "repairs", "owners"):
        tree.table(name, ["wells_id" if name == "wells" else f"{name}_id"])
    tree.write("schemas/views/old.sql", "/*\ntitle: 旧\n*/\n-- why\nSELECT * FROM repairs JOIN far ON true\n")
    tree.write("schemas/views/far.sql", "/*\ntitle: 远\n*/\n-- why\nSELECT owners_id FROM owners\n")
    return tree


def test_a_rule_may_enforce_several_clauses_the_first_is_the_main_one(rules: Tree) -> None:
    select = "SELECT '' AS _file, 0 AS _line FROM wells WHERE false\n"
    for n, more in enumerate(["clause: a#1\n", "clause: [a#2, b#1]\n", "clause: [a#3, '']\n", ""], 1):
        rules.write(f"schemas/rules/X{n}.sql", HEAD.format(n=n, more=more) + select)
    found = rules.register().connection.execute("SELECT clause, clauses FROM rules ORDER BY rule").fetchall()
    assert found == [("a#1", ["a#1"]), ("a#2", ["a#2", "b#1"]), ("a#3", ["a#3"]), ("", [])]


def test_a_rule_reads_the_tables_it_names_and_those_of_the_views_it_names(rules: Tree) -> None:
    select = "SELECT '' AS _file, 0 AS _line FROM wells JOIN old ON true WHERE false\n"
    rules.write("schemas/rules/X1.sql", HEAD.format(n=1, more="") + select)
    (found,) = rules.register().connection.execute("SELECT tables FROM rules").fetchall()
    assert sorted(found[0]) == ["repairs", "wells"]
