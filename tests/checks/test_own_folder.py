from __future__ import annotations

from pathlib import Path

from lingtouyan.database.statements import read_statements
from lingtouyan.reading.package import load_package
from lingtouyan.reading.source import WorkTree

ROOT = Path(__file__).resolve().parents[2]


def test_every_table_a_township_keeps_about_a_village_is_looked_at_by_the_rule_on_folders() -> None:
    rule = next(s for s in read_statements(WorkTree(ROOT), "schemas/rules") if s.name == "R64")
    tables = load_package(WorkTree(ROOT)).tables.values()
    about_villages = {
        t.name for t in tables if t.owner == "township" and not t.parent and t.field("village_id")
    }
    assert about_villages, "the schemas have changed beyond what this test knows"
    assert about_villages - rule.words == set()
