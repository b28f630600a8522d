"""Keys over all files of a table: what stands twice, what is referred to and not there, and in which lines."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from trees import Tree, places

from lingtouyan.checks.conformance import Locator
from lingtouyan.problems import Problem
from lingtouyan.project import Project
from lingtouyan.reading.source import WorkTree

REQUIRED = {"constraints": {"required": True}}


def one(problems: list[Problem]) -> Problem:
    assert len(problems) == 1, problems
    return problems[0]


@pytest.fixture
def people(tree: Tree) -> Tree:
    fields = [
        {"name": "id", "title": "编号", **REQUIRED},
        {"name": "email", "title": "邮箱", "constraints": {"unique": True}},
        {"name": "chief", "title": "上级"},
    ]
    return tree.table(
        "people",
        fields,
        path="records/*/people.csv",
        primaryKey=["id"],
        foreignKeys=[{"fields": ["chief"], "reference": {"resource": "people", "fields": ["id"]}}],
    )


def test_a_key_repeated_in_one_file_names_both_lines(people: Tree) -> None:
    people.write("records/a/people.csv", "id,email,chief\nP1,,\nP2,,\nP1,,\nP1,,\n")
    problems = people.check()
    assert places(problems) == [(4, "primary-key", "编号"), (5, "primary-key", "编号")]
    assert "“P1”" in problems[0].message
    assert "第 2 行" in problems[0].message


def test_a_key_repeated_in_another_file_names_that_file(people: Tree) -> None:
    people.write("records/a/people.csv", "id,email,chief\nP1,,\n")
    people.write("records/b/people.csv", "id,email,chief\nP9,,\nP1,,\n")
    found = one(people.check())
    assert (found.file, found.line, found.rule) == ("records/b/people.csv", 3, "primary-key")
    assert "records/a/people.csv 第 2 行" in found.message


def test_a_missing_key_is_named_where_it_is_missing(people: Tree) -> None:
    people.write("records/a/people.csv", "id,email,chief\n,x,\n,y,\n")
    assert {(p.line, p.rule) for p in people.check()} == {
        (2, "constraint-error"),
        (2, "primary-key"),
        (3, "constraint-error"),
        (3, "primary-key"),
    }


def test_a_unique_value_may_be_missing_often_and_stand_once(people: Tree) -> None:
    people.write("records/a/people.csv", "id,email,chief\nP1,a@b,\nP2,,\nP3,,\nP4,a@b,\n")
    found = one(people.check())
    assert (found.line, found.rule, found.column) == (5, "unique-error", "邮箱")
    assert "第 2 行" in found.message


def test_a_reference_within_a_table_reaches_all_its_files(people: Tree) -> None:
    people.write("records/a/people.csv", "id,email,chief\nP1,,P2\nP2,,P2\n")
    people.write("records/b/people.csv", "id,email,chief\nP3,,P1\nP4,,P9\nP5,, P1\n")
    problems = [p for p in people.check() if p.rule == "foreign-key"]
    assert [(p.file, p.line, p.column) for p in problems] == [
        ("records/b/people.csv", 3, "上级"),
        ("records/b/people.csv", 4, "上级"),
    ]
    assert "“P9”" in problems[0].message
    assert "people表" in problems[0].message
    assert "空格" in problems[1].message


def test_keys_of_several_parts_are_compared_as_a_whole(tree: Tree) -> None:
    tree.table("years", ["place", {"name": "year", "type": "integer"}], primaryKey=["place", "year"])
    tree.table(
        "figures",
        ["figure_id", "place", {"name": "year", "type": "integer"}],
        foreignKeys=[
            {"fields": ["place", "year"], "reference": {"resource": "years", "fields": ["place", "year"]}}
        ],
    )
    tree.write("records/years.csv", "place,year\nA,2020\nA,2021\nB,2020\nA,2020\n,2020\nA,\nA,\n")
    tree.write(
        "records/figures.csv", "figure_id,place,year\n1,A,2020\n2,B,2021\n3,,\n4,,2020\n5,A,2022\n6,B,\n"
    )
    problems = tree.check()
    assert [(p.file, p.line, p.rule) for p in problems] == [
        ("records/figures.csv", 3, "foreign-key"),
        ("records/figures.csv", 6, "foreign-key"),
        ("records/figures.csv", 7, "foreign-key"),
        ("records/years.csv", 5, "primary-key"),
        ("records/years.csv", 8, "primary-key"),
    ]
    assert "“B”、“2021”" in problems[0].message


def test_keys_compare_values_and_not_their_spelling(tree: Tree) -> None:
    tree.table("a", [{"name": "n", "type": "integer"}], primaryKey=["n"])
    tree.table(
        "b",
        [{"name": "n", "type": "integer"}],
        foreignKeys=[{"fields": ["n"], "reference": {"resource": "a", "fields": ["n"]}}],
    )
    tree.write("records/a.csv", "n\n7\n07\n")
    tree.write("records/b.csv", "n\n+7\n")
    assert [(p.file, p.line, p.rule) for p in tree.check()] == [("records/a.csv", 3, "primary-key")]


def test_a_value_of_the_wrong_type_is_no_missing_key(tree: Tree) -> None:
    tree.table("a", [{"name": "n", "type": "integer"}], primaryKey=["n"])
    tree.write("records/a.csv", "n\nseven\neight\n")
    assert places(tree.check()) == [(2, "type-error", "n标题"), (3, "type-error", "n标题")]


def test_keys_in_documents_are_shown_at_the_line_of_the_key(tree: Tree) -> None:
    tree.table("people", ["name", "person_id"], path="records/*.yaml", primaryKey=["person_id"])
    tree.table(
        "posts", ["person_id", "post"], parent="people", property="posts", primaryKey=["person_id", "post"]
    )
    tree.write("records/a.yaml", "name: 甲\nperson_id: P1\nposts:\n- {post: x}\n- {post: x}\n")
    tree.write("records/b.yaml", "name: 乙\nperson_id: P1\n")
    problems = tree.check()
    assert [(p.file, p.line) for p in problems] == [("records/a.yaml", 5), ("records/b.yaml", 2)]
    assert "第 4 行" in problems[0].message
    assert "records/a.yaml 第 2 行" in problems[1].message


def test_two_tables_of_one_document_find_the_same_line_at_once(tree: Tree) -> None:
    """One asks while the document is read for the other."""
    tree.table("people", ["name", "person_id"], path="records/*.yaml", primaryKey=["person_id"])
    tree.write("records/a.yaml", "name: 甲\nperson_id: P1\n")
    both = threading.Barrier(2, timeout=2)

    class Slow(WorkTree):
        def read_all(
            self, names: Sequence[str], limit: int | None = None
        ) -> Iterator[tuple[str, bytes | Problem]]:
            with contextlib.suppress(threading.BrokenBarrierError):
                both.wait()
            yield from super().read_all(names, limit)

    package = Project.open(tree.root).package
    locator = Locator(Slow(tree.root), package)
    table = package.tables["people"]
    with ThreadPoolExecutor(2) as pool:
        lines = list(pool.map(lambda _: locator.line("records/a.yaml", table, 1, "person_id"), range(2)))
    assert lines == [2, 2]


def test_a_restricted_key_is_not_repeated_in_messages(tree: Tree) -> None:
    secret = {"sensitivity": "restricted"}
    tree.table(
        "a",
        [{"name": "n", **secret}, {"name": "u", "constraints": {"unique": True}, **secret}],
        primaryKey=["n"],
    )
    tree.table(
        "b",
        [{"name": "n", **secret}],
        foreignKeys=[{"fields": ["n"], "reference": {"resource": "a", "fields": ["n"]}}],
    )
    tree.write("records/a.csv", "n,u\ncanary-1,canary-3\ncanary-1,canary-3\n")
    tree.write("records/b.csv", "n\ncanary-2\n")
    problems = tree.check()
    assert len(problems) == 3
    assert not any("canary" in p.message for p in problems)


@pytest.mark.parametrize(
    "lost, rule",
    [
        ("", "blank-header"),
        ("name\nP1\n", "missing-label"),
        ('person_id,name\n"P1,x\nP3,y\n', "source-error"),
    ],
)
def test_what_refers_to_a_table_file_that_was_not_read_is_not_at_fault(
    tree: Tree, lost: str, rule: str
) -> None:
    tree.table("people", ["person_id", "name"], path="records/people.csv", primaryKey=["person_id"])
    tree.table(
        "posts",
        ["person_id"],
        foreignKeys=[{"fields": ["person_id"], "reference": {"resource": "people", "fields": ["person_id"]}}],
    )
    tree.write("records/people.csv", lost)
    tree.write("records/posts.csv", "person_id\nP1\nP2\n")
    problems = [p for p in tree.check() if p.rule not in ("primary-key", "extra-label")]
    assert [(p.file, p.rule) for p in problems] == [("", "unread-files"), ("records/people.csv", rule)]
    assert "records/people.csv" in problems[0].message


def test_a_reference_in_a_wrong_form_is_one_fault(people: Tree) -> None:
    people.table(
        "posts",
        [{"name": "person", "title": "人员", "constraints": {"pattern": "P[0-9]"}}],
        foreignKeys=[{"fields": ["person"], "reference": {"resource": "people", "fields": ["id"]}}],
    )
    people.write("records/a/people.csv", "id,email,chief\nP1,,\n")
    people.write("records/posts.csv", "person\np1\nP2\n")
    assert places(people.check()) == [(2, "constraint-error", "人员"), (3, "foreign-key", "人员")]


def test_a_torn_line_is_one_fault(tree: Tree) -> None:
    tree.table("a", [{"name": "n", "type": "integer", **REQUIRED}, "m", {"name": "k", **REQUIRED}])
    tree.write("records/a.csv", "n,m,k\n1,x\nfoo,y\n甲,乙,丙,1\n2,x,z\n")
    assert places(tree.check()) == [
        (2, "missing-cell", "k标题"),
        (3, "missing-cell", "k标题"),
        (3, "type-error", "n标题"),
        (4, "extra-cell", ""),
    ]


def test_a_list_where_one_value_belongs_is_one_fault(tree: Tree) -> None:
    tree.table("people", [{"name": "id", **REQUIRED}, {"name": "birth", **REQUIRED}], path="records/*.yaml")
    tree.write("records/a.yaml", "id: P1\nbirth: [1979, 2]\n")
    assert places(tree.check()) == [(2, "type-error", "birth标题")]


def test_a_missing_column_is_one_fault_and_not_one_per_row(tree: Tree) -> None:
    tree.table("a", [{"name": "n", **REQUIRED}, {"name": "m", **REQUIRED}], primaryKey=["n"])
    tree.write("records/a.csv", "m\n1\n2\n\n")
    assert places(tree.check()) == [(1, "missing-label", "n标题"), (4, "blank-row", "")]


def test_ordered_words_compare_by_their_order_and_not_as_text(tree: Tree) -> None:
    words = ["小学", "高中", "大专", "本科"]
    tree.table(
        "a",
        [
            {
                "name": "e",
                "categories": words,
                "categoriesOrdered": "true",
                "categoriesType": "education",
                "constraints": {"enum": words},
            }
        ],
    )
    tree.write("records/a.csv", 'e\n本科\n小学\n大专\n""\n高中\n中专\n')
    register = tree.register()
    assert [(p.line, p.rule) for p in register.problems] == [(5, "blank-row"), (7, "constraint-error")]
    found = register.connection.execute(
        "SELECT e::VARCHAR FROM a WHERE e >= '大专'::education ORDER BY e"
    ).fetchall()
    assert found == [("大专",), ("本科",)]
    assert register.connection.execute("SELECT e::VARCHAR FROM a ORDER BY e NULLS FIRST").fetchall() == [
        (None,),
        ("小学",),
        ("高中",),
        ("大专",),
        ("本科",),
    ]


@pytest.fixture
def documents(tree: Tree) -> Tree:
    fields = [{"name": "id", "title": "编号", "constraints": {"required": True, "pattern": "P[0-9]"}}, "name"]
    tree.table("people", fields, path="records/people/*.yaml", primaryKey=["id"])
    tree.table(
        "posts",
        [{"name": "id", "constraints": {"required": True, "pattern": "P[0-9]"}}, "post"],
        parent="people",
        property="posts",
    )
    tree.table(
        "payments",
        ["number", "person"],
        path="records/payments.csv",
        foreignKeys=[{"fields": ["person"], "reference": {"resource": "people", "fields": ["id"]}}],
    )
    tree.write("records/payments.csv", "number,person\n1,P1\n2,P7\n3,P9\n")
    tree.write("records/people/P1.yaml", "id: P1\n")
    return tree


@pytest.mark.parametrize("broken", ["", "# 空\n", "id: P7\n id: [\n", "id: P7\nname: 甲\nname: 乙\n"])
def test_what_refers_to_a_document_that_was_not_read_is_not_at_fault(documents: Tree, broken: str) -> None:
    documents.write("records/people/P7.yaml", broken)
    problems = documents.check()
    assert {(p.file, p.rule) for p in problems} == {
        ("", "unread-files"),
        ("records/people/P7.yaml", "source-error"),
        ("records/payments.csv", "foreign-key"),
    }
    assert "1 个文件没有完整读入（records/people/P7.yaml）" in problems[0].message
    (lost,) = [p for p in problems if p.rule == "foreign-key"]
    # A key that no unread document is named by is as wrong as ever, and no file is blamed for it.
    assert (lost.line, "读入" in lost.message) == (4, False)


def test_a_reference_passed_over_is_asked_about_again_when_its_document_is_gone(documents: Tree) -> None:
    path = documents.write("records/people/P7.yaml", "")
    for _ in range(2):
        documents.register()
    path.unlink()
    problems = documents.register().problems
    assert [(p.line, p.rule) for p in problems] == [(3, "foreign-key"), (4, "foreign-key")]


def test_a_wrong_key_of_a_document_is_told_once_and_not_for_each_item(documents: Tree) -> None:
    documents.write("records/payments.csv", "number,person\n")
    documents.write("records/people/P1.yaml", "id: 甲\nposts:\n  - post: A\n  - post: B\n")
    assert places(documents.check()) == [(1, "constraint-error", "编号")]


def test_a_code_that_a_spreadsheet_made_a_number_is_named_as_such(tree: Tree) -> None:
    tree.table("places", ["code", {"name": "area", "type": "number"}], path="records/places.csv")
    tree.write("records/places.csv", "code,area\n990101101202.0,123456.0\n2026.0,1\n990101101202,1\n")
    found = one(tree.check())
    assert (found.line, found.rule, "当成了数字" in found.message) == (2, "spreadsheet-damage", True)


def test_a_document_copied_by_mistake_is_one_fault_and_counts_once(documents: Tree) -> None:
    documents.table(
        "marks",
        [{"name": "id", "constraints": {"required": True}}, "mark"],
        parent="people",
        property="marks",
        primaryKey=["id", "mark"],
    )
    documents.write("records/payments.csv", "number,person\n")
    record = "id: P1\nposts:\n- post: A\nmarks:\n- mark: a\n- mark: b\n- mark: b\n"
    documents.write("records/people/P1.yaml", record)
    documents.write("records/people/P1 (1).yaml", record)
    documents.write("schemas/rules/Q.sql", ALL_PEOPLE)
    for _ in range(2):
        register = documents.register()
        assert [(p.file, p.line, p.rule) for p in register.problems] == [
            ("records/people/P1 (1).yaml", 1, "primary-key"),
            ("records/people/P1 (1).yaml", 7, "primary-key"),
            ("records/people/P1.yaml", 1, "Q"),
            ("records/people/P1.yaml", 7, "primary-key"),
        ]
        (counted,) = register.connection.execute(
            "SELECT (SELECT count(*) FROM people), (SELECT count(*) FROM posts), (SELECT count(*) FROM marks)"
        ).fetchall()
        assert counted == (1, 1, 2)


ALL_PEOPLE = """/*
id: Q
title: 人数
severity: warning
table: people
message: "有{n}人。"
*/
SELECT _file, _line, count(*) OVER () AS n FROM people
"""


def test_what_rules_find_for_want_of_records_is_said_once(documents: Tree) -> None:
    header = "id: {}\ntitle: t\nseverity: error\ntable: payments\nmessage: m\ncomplete: {}\n"
    select = "SELECT p._file, p._line FROM payments p ANTI JOIN people o ON o.id = p.person"
    for name, needs in (("Q1", "people"), ("Q2", "all"), ("Q3", "payments")):
        documents.write(f"schemas/rules/{name}.sql", f"/*\n{header.format(name, needs)}*/\n{select}")
    documents.write("records/payments.csv", "number,person\n1,P1\n2,P7\n")
    documents.write("records/people/P7.yaml", "id: [\n")
    problems = documents.check()
    assert [p.rule for p in problems] == ["unread-files", "Q3", "source-error"]
    assert "规则 Q1、Q2 因此没有判断" in problems[0].message
    # A record that is there and wrong in form: only what is computed from all of them has no result.
    documents.write("records/people/P7.yaml", "id: 甲\n")
    documents.write("records/payments.csv", "number,person\n1,P1\n2,\n")
    problems = documents.check()
    assert [p.rule for p in problems] == ["not-judged", "Q1", "Q3", "constraint-error"]
    assert "规则 Q2 " in problems[0].message
    documents.write("records/people/P7.yaml", "id: P7\n")
    assert [p.rule for p in documents.check()] == ["Q1", "Q2", "Q3"]


def test_a_value_that_did_not_enter_the_register_is_not_judged_by_rules(tree: Tree) -> None:
    tree.table("a", [{"name": "n", "type": "integer"}, "m"], path="records/a.csv")
    tree.write("records/a.csv", "n,m\nfoo,x\n,x\n")
    rule = "id: Q\ntitle: t\nseverity: error\ntable: a\ncolumn: n\nmessage: m"
    tree.write("schemas/rules/Q.sql", f"/*\n{rule}\n*/\nSELECT _file, _line FROM a WHERE n IS NULL")
    assert places(tree.check()) == [(2, "type-error", "n标题"), (3, "Q", "n标题")]
