"""Rules as SQL: what their headers must say, what becomes of their findings, and what their messages never tell."""

from __future__ import annotations

import json

import pytest
from repository import Repository
from trees import Tree

from lingtouyan.problems import Problem, Severity


def rule(
    message: str = "{person_id} 不行。",
    sql: str = "SELECT person_id, _file, _line FROM people",
    **header: str,
) -> str:
    head = {"id": "X1", "title": "试", "severity": "error", "table": "people", "message": message, **header}
    return f"/*\n{json.dumps(head, ensure_ascii=False)}\n*/\n-- why\n{sql}\n"


@pytest.fixture
def people(tree: Tree) -> Tree:
    fields = [
        {"name": "person_id", "title": "编号"},
        {"name": "name", "title": "姓名"},
        {"name": "age", "title": "年龄", "type": "integer"},
        {"name": "phone", "title": "电话", "sensitivity": "restricted"},
        {"name": "pay", "title": "报酬", "type": "number", "sensitivity": "restricted"},
        {"name": "health", "title": "健康", "sensitivity": "restricted"},
    ]
    tree.table("people", fields, primaryKey=["person_id"])
    tree.table("posts", ["post_id", "person_id"])
    tree.write(
        "records/people.csv",
        "person_id,name,age,phone,pay,health\nP1,张三,40,13900000001,3500.50,良好\nP2,李四,50,13900000002,4000,差\n",
    )
    tree.write("records/posts.csv", "post_id,person_id\nT1,P1\nT2,P2\n")
    return tree


def check(tree: Tree, *rules: str) -> list[Problem]:
    for number, text in enumerate(rules, 1):
        tree.write(f"schemas/rules/X{number}.sql", text)
    return tree.check()


def test_each_row_is_a_finding_at_its_place(people: Tree) -> None:
    (first, second) = check(
        people,
        rule(
            "{name}（{age}）",
            column="age",
            remedy="请改{person_id}。",
            severity="warning",
            sql="SELECT *, _file, _line FROM people ORDER BY age DESC",
        ),
    )
    assert first == Problem("records/people.csv", 2, "年龄", "X1", Severity.WARNING, "张三（40）请改P1。")
    assert second.line == 3


def test_values_are_told_in_words_and_never_looked_into(people: Tree) -> None:
    sql = """SELECT _file, _line, NULL AS nothing, 0.5::DOUBLE AS half, [1, 2] AS list, DATE '2020-01-05' AS day,
      true AS yes, '{person_id} {0.__class__} %s' AS trick, 'a' || chr(27) || '[31m' AS colour, repeat('长', 1000) AS long
      FROM people WHERE person_id = 'P1'"""
    (found,) = check(
        people, rule("{nothing}|{half}|{list}|{day}|{yes}|{trick}|{colour}|{long}|{}|{a.b}|%s", sql)
    )
    nothing, half, listed, day, yes, trick, colour, long, *rest = found.message.split("|")
    assert (nothing, half, listed, day, yes) == ("（未填）", "0.5", "1、2", "2020年1月5日", "True")
    assert trick == "{person_id} {0.__class__} %s"
    assert colour == "a⟨U+001B⟩[31m"
    assert len(long) == 200
    assert rest == ["{}", "{a.b}", "%s"]


@pytest.mark.parametrize(
    "text, words",
    [
        ("SELECT 1", ["缺少", "id", "message"]),
        ("/* id: X1 */ SELECT 1", ["缺少", "title"]),
        (rule(severity="fatal"), ["severity"]),
        (rule(table="nowhere"), ["nowhere"]),
        (rule(column="nothing"), ["people", "nothing"]),
        (rule(complete="persons"), ["persons"]),
        (rule(sql="SELECT person_id FROM people"), ["_file", "_line"]),
        (rule("{nobody} 不行。"), ["nobody"]),
        (rule(remedy="请改{nobody}。"), ["nobody"]),
        (rule(sql="SELECT person_id, _file, _line FROM persons"), ["没有的表"]),
        (rule(sql="SELECT person_id, _file, _line FROM people WHERE age >> 'x' ="), ["语法"]),
        (rule(sql="SELECT nonsense, _file, _line FROM people"), ["没有的列"]),
        (rule(sql=""), ["一条 SELECT"]),
        ("/*\nid: [\n*/ SELECT 1", ["文件头"]),
    ],
)
def test_a_rule_that_cannot_be_one_is_a_fault_of_its_file(people: Tree, text: str, words: list[str]) -> None:
    (found,) = check(people, text)
    assert (found.file, found.rule, found.severity) == ("schemas/rules/X1.sql", "sql-error", Severity.ERROR)
    for word in words:
        assert word in found.message


@pytest.mark.parametrize(
    "header, line, words",
    [
        ({"remdy": "请改。"}, 8, ["remdy", "remedy"]),
        ({"colum": "age"}, 8, ["colum", "column"]),
        ({"severty": "error"}, 8, ["severty", "severity"]),
        ({"abc": "x"}, 8, ["abc", "complete", "remedy"]),
        ({"remedy": ["请改。"]}, 8, ["remedy", "文字"]),
        ({"clause": {"a": "b"}}, 8, ["clause", "文字"]),
        ({"severity": "fatal"}, 5, ["severity"]),
    ],
)
def test_a_header_says_nothing_that_is_not_heard(
    people: Tree, header: dict[str, object], line: int, words: list[str]
) -> None:
    head = {"id": "X1", "title": "试", "severity": "error", "table": "people", "message": "不行。", **header}
    lines = "\n".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in head.items())
    people.write("schemas/rules/X1.sql", f"\n/*\n{lines}\n*/\nSELECT person_id, _file, _line FROM people\n")
    (found,) = people.check()
    assert (found.file, found.line, found.rule) == ("schemas/rules/X1.sql", line, "sql-error")
    for word in words:
        assert word in found.message


def test_two_rules_of_one_name_are_one_too_many(people: Tree) -> None:
    (found,) = [p for p in check(people, rule(severity="warning"), rule()) if p.rule == "sql-error"]
    assert found.file == "schemas/rules/X2.sql"
    assert "X1.sql" in found.message


@pytest.mark.parametrize("column", ["_line", "_severity", "_table", "_file", "_column"])
@pytest.mark.parametrize("value", ["'x'", "NULL", "-5", "1.5", "[1]"])
def test_odd_places_are_no_crash(people: Tree, column: str, value: str) -> None:
    places = {"_file": "_file", "_line": "_line", column: value}
    picked = ", ".join(f"{v} AS {k}" for k, v in places.items())
    problems = check(people, rule(sql=f"SELECT person_id, {picked} FROM people"))
    assert all(p.line >= 0 for p in problems)
    assert len({p.message for p in problems}) >= 1


def test_a_rule_from_windows_is_read(people: Tree) -> None:
    people.write("schemas/rules/X1.sql", b"\xef\xbb\xbf" + rule().replace("\n", "\r\n").encode())
    assert {p.rule for p in people.check()} == {"X1"}


def test_a_rule_in_another_encoding_is_named(people: Tree) -> None:
    people.write("schemas/rules/X1.sql", rule().encode("gb18030"))
    (found,) = people.check()
    assert (found.file, found.rule) == ("schemas/rules/X1.sql", "sql-error")
    assert "UTF-8" in found.message


SECRETS = ["13900000001", "13900000002", "3500.5", "良好"]


@pytest.mark.parametrize(
    "sql, message",
    [
        ("SELECT phone, _file, _line FROM people", "电话 {phone}"),
        ("SELECT 'x' || phone || 'y' AS v, _file, _line FROM people", "{v}"),
        ("SELECT pay, _file, _line FROM people", "{pay}"),
        ("SELECT health, _file, _line FROM people", "{health}"),
        ("SELECT list(phone) AS v, min(_file) AS _file, 1 AS _line FROM people", "{v}"),
        ("SELECT p.phone AS v, t._file, t._line FROM posts t JOIN people p USING (person_id)", "{v}"),
        ("SELECT 'x' || p.phone AS v, t._file, t._line FROM posts t JOIN people p USING (person_id)", "{v}"),
        ("SELECT p.phone AS v, '' AS _file, 0 AS _line FROM people p", "{v}"),
        ("SELECT p::VARCHAR AS v, '' AS _file, 0 AS _line FROM people p", "{v}"),
        ("SELECT to_json(people)::VARCHAR AS v, '' AS _file, 0 AS _line FROM people", "{v}"),
        ("SELECT x.* FROM (SELECT phone AS v, '' AS _file, 0 AS _line FROM people) x", "{v}"),
        ("SELECT v, '' AS _file, 0 AS _line FROM (SELECT * FROM people) q(a, b, c, v, e, f)", "{v}"),
        ("SELECT v, '' AS _file, 0 AS _line FROM people AS q(a, b, c, v)", "{v}"),
        ("SELECT v, '' AS _file, 0 AS _line FROM (FROM people) q(a, b, c, v)", "{v}"),
        ("WITH q(a, b, c, v) AS (FROM people) SELECT v, '' AS _file, 0 AS _line FROM q", "{v}"),
        ("SELECT #4 AS v, '' AS _file, 0 AS _line FROM people", "{v}"),
        ("SELECT value AS v, _file, _line FROM cells WHERE table_name = 'people'", "{v}"),
        ("SELECT value AS v, '' AS _file, 0 AS _line FROM cells", "{v}"),
        ("SELECT v, '' AS _file, 0 AS _line FROM phones", "{v}"),
        ("SELECT phone_of(person_id) AS v, _file, _line FROM posts", "{v}"),
        ("SELECT repeat('长', 195) || phone AS v, _file, _line FROM people", "{v}"),
        ("SELECT concat(*COLUMNS('phone|health')) AS v, '' AS _file, 0 AS _line FROM people", "{v}"),
        ("SELECT '健康' || health || '。' AS v, '' AS _file, 0 AS _line FROM people", "{v}"),
        ("SELECT phone AS phone_id, _file, _line FROM people", "{phone_id}"),
    ],
)
def test_no_message_tells_a_restricted_value_however_it_is_selected(
    people: Tree, sql: str, message: str
) -> None:
    people.write("schemas/views/phones.sql", "SELECT phone AS v FROM people")
    people.write(
        "schemas/macros/m.sql",
        "CREATE MACRO phone_of(k) AS (SELECT max(phone) FROM people WHERE person_id = k)",
    )
    people.write("schemas/rules/X1.sql", rule(message, sql))
    register = people.register()
    assert [p for p in register.problems if p.rule == "sql-error"] == []
    assert any("●●●" in p.message for p in register.problems)
    told = json.dumps([p.as_dict() for p in register.problems], ensure_ascii=False)
    told += str(register.connection.execute("SELECT * FROM findings").fetchall())
    told += str(register.connection.execute("SELECT * FROM finding_subjects").fetchall())
    assert [s for s in SECRETS if s in told] == []


def test_a_restricted_day_is_not_told_in_words_either(tree: Tree) -> None:
    fields = [
        {"name": "person_id"},
        {"name": "hurt_on", "type": "date", "sensitivity": "restricted"},
        {"name": "joined", "sensitivity": "restricted"},
    ]
    tree.table("people", fields, primaryKey=["person_id"])
    tree.write("records/people.csv", "person_id,hurt_on,joined\nP1,2026-04-07,1998-07\n")
    sql = "SELECT hurt_on, strftime(hurt_on, '于%Y年%-m月%-d日') AS v, '1998年7月起' AS w, _file, _line FROM people"
    (found,) = check(tree, rule("{hurt_on}{v}{w}", sql))
    assert found.message == "●●●于●●●●●●起"


def test_what_may_be_told_is_told_in_a_row_with_secrets(people: Tree) -> None:
    (first, second) = check(
        people,
        rule(
            "{name}（{person_id}）{age} 岁，健康",
            "SELECT name, person_id, age, _file, _line FROM people WHERE phone IS NOT NULL",
        ),
    )
    assert first.message == "张三（P1）40 岁，健康"
    assert second.message == "李四（P2）50 岁，健康"


def test_a_rule_judges_the_name_of_the_branch_that_is_checked_out(tree: Tree) -> None:
    repository = Repository(tree)
    tree.table("people", ["id"], primaryKey=["id"])
    tree.write(
        "schemas/rules/R1.sql",
        "/*\nid: R1\ntitle: 分支\nseverity: error\ntable: people\nmessage: 名称不当\n*/\n"
        "SELECT '' AS _table, '' AS _column, '' AS _file, 0 AS _line FROM build WHERE contains(refs, '13800138000')",
    )
    repository.commit({"records/people.csv": "id\nP1\n"})
    assert tree.check() == []
    repository.branch("改13800138000")
    assert [p.rule for p in tree.check()] == ["R1"]
