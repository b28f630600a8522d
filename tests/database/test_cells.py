from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from lingtouyan.checks.register import Register, build_register
from lingtouyan.database.cells import digits_of, is_free
from lingtouyan.project import Project

PACKAGE = """
name: small
title: 小库
resources:
  - {name: houses, title: 房屋, path: houses.csv, schema: houses.yaml}
  - {name: owners, title: 房主, path: "owners/*.yaml", schema: owners.yaml}
"""
HOUSES = """
title: 房屋
primaryKey: [house_id]
fields:
  - {name: house_id, title: 编号, type: string, sensitivity: public}
  - {name: note, title: 说明, type: string, sensitivity: internal}
  - {name: key_code, title: 门锁密码, type: string}
"""
OWNERS = """
title: 房主
primaryKey: [owner_id]
fields:
  - {name: owner_id, title: 编号, type: string, sensitivity: public}
  - {name: note, title: 说明, type: string, sensitivity: internal}
"""
# One rule over two tables: it names the table and the field at fault in each row.
RULE = """/*
id: X1
title: 不写“空”
severity: warning
table: houses
message: "{table_name} 的 {field} 写着“{value}”。"
*/
SELECT table_name, field, value, table_name AS _table, field AS _column, _file, _line FROM cells WHERE value LIKE '空%'
"""


def _register(root: Path, rules: str | None, houses: str, owner: str) -> Register:
    for name, text in (
        ("datapackage.yaml", PACKAGE),
        ("houses.yaml", HOUSES),
        ("owners.yaml", OWNERS),
        ("houses.csv", houses),
    ):
        (root / name).write_text(text, encoding="utf-8")
    (root / "owners").mkdir()
    (root / "owners" / "o1.yaml").write_text(owner, encoding="utf-8")
    if rules:
        (root / "schemas" / "rules").mkdir(parents=True)
        (root / "schemas" / "rules" / "X1.sql").write_text(rules, encoding="utf-8")
    return build_register(Project.open(root), datetime.date(2026, 1, 1))


def test_a_rule_can_look_through_every_filled_cell_and_name_table_field_and_line(tmp_path: Path) -> None:
    register = _register(
        tmp_path, RULE, "house_id,note,key_code\nH1,空着,\nH2,住人,空\n", "owner_id: O1\nnote: 空\n"
    )
    found = {(p.file, p.line, p.column, p.message) for p in register.problems}
    assert found == {
        ("houses.csv", 2, "说明", "houses 的 note 写着“空着”。"),
        # The code of the lock is restricted: whatever a rule selects, its value does not reach the message.
        ("houses.csv", 3, "门锁密码", "houses 的 key_code 写着“●●●”。"),
        ("owners/o1.yaml", 2, "说明", "owners 的 note 写着“空”。"),
    }
    tables = register.connection.execute("SELECT DISTINCT table_name FROM findings ORDER BY 1").fetchall()
    assert tables == [("houses",), ("owners",)]


def test_values_of_more_than_one_character_in_restricted_fields_are_struck_from_messages(
    tmp_path: Path,
) -> None:
    register = _register(
        tmp_path, RULE, "house_id,note,key_code\nH2,住人,空4711\n", "owner_id: O1\nnote: 有\n"
    )
    assert [p.message for p in register.problems] == ["houses 的 key_code 写着“●●●”。"]


def test_a_title_is_not_struck_when_a_value_happens_to_be_part_of_it(tmp_path: Path) -> None:
    rule = """/*
id: X2
title: 门锁密码不写明文
severity: error
table: houses
message: "“{field_title}”一栏写着“{value}”。"
*/
SELECT f.title AS field_title, c.value, c.field AS _column, c._file, c._line
FROM cells AS c JOIN fields AS f ON f.table_name = c.table_name AND f.name = c.field WHERE c.sensitivity = 'restricted'
"""
    register = _register(tmp_path, rule, "house_id,note,key_code\nH2,住人,门锁\n", "owner_id: O1\nnote: 有\n")
    assert [p.message for p in register.problems] == ["“门锁密码”一栏写着“●●●”。"]


def test_cells_says_how_sensitive_each_value_is_and_leaves_out_empty_ones(tmp_path: Path) -> None:
    register = _register(tmp_path, RULE, "house_id,note,key_code\nH1,,K7\n", "owner_id: O1\nnote: 有\n")
    query = "SELECT table_name, field, sensitivity, value, _file, _line FROM cells ORDER BY ALL"
    rows = register.connection.execute(query).fetchall()
    assert rows == [
        ("houses", "house_id", "public", "H1", "houses.csv", 2),
        ("houses", "key_code", "restricted", "K7", "houses.csv", 2),
        ("owners", "note", "internal", "有", "owners/o1.yaml", 1),
        ("owners", "owner_id", "public", "O1", "owners/o1.yaml", 1),
    ]


def test_nobody_pays_for_cells_who_does_not_read_them(tmp_path: Path) -> None:
    register = _register(tmp_path, None, "house_id,note,key_code\nH1,,\n", "owner_id: O1\n")
    names = register.connection.execute(
        "SELECT view_name FROM duckdb_views() WHERE view_name = 'cells'"
    ).fetchall()
    assert names == []


@pytest.mark.parametrize(
    "pattern, digits",
    [
        (r"^P\d{4,6}$", 6),
        (r"^E\d{4}-\d{4,6}$", 10),
        (r"^[A-Za-z0-9._-]{1,40}$", 40),
        (r"^1[3-9]\d{9}$", 11),
        # Without an end: as many as it takes.
        (r"^\d+$", 11),
        (r"^\d{3,}$", 11),
        (r"^(\d\d)*$", 11),
        (r"^(\d\d){9}$", 11),
    ],
)
def test_a_pattern_tells_how_many_digits_it_lets_in(pattern: str, digits: int) -> None:
    assert digits_of(pattern) == digits


def test_a_field_is_free_when_nothing_in_the_schema_keeps_a_number_out(tmp_path: Path) -> None:
    schema = (
        HOUSES
        + """
  - {name: kind, title: 类别, type: string, constraints: {enum: [平房, 楼房]}}
  - {name: built, title: 建成, type: date}
  - {name: rooms, title: 间数, type: integer, constraints: {maximum: 99}}
  - {name: area, title: 面积, type: number}
  - {name: plate, title: 门牌, type: string, constraints: {pattern: '^\\d{1,4}$'}}
  - {name: owner, title: 房主, type: string}
foreignKeys: [{fields: [owner], reference: {resource: owners, fields: [owner_id]}}]
"""
    )
    for name, text in (("datapackage.yaml", PACKAGE), ("houses.yaml", schema), ("owners.yaml", OWNERS)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    table = Project.open(tmp_path).package.tables["houses"]
    assert [f.name for f in table.fields if is_free(table, f)] == ["house_id", "note", "key_code", "area"]
