"""What a reader is told first: the cause, with its place in the file as he sees it; what may follow from it is counted."""

from __future__ import annotations

import pytest
from trees import Tree

from lingtouyan.problems import Severity, as_github, error, written

HEADER = "id: {}\ntitle: 试\nseverity: error\ntable: posts\ncolumn: ended\nmessage: '{{person}}{}'\n{}"
DAY = {"name": "ended", "title": "离任日期", "type": "date"}


@pytest.fixture
def posts(tree: Tree) -> Tree:
    tree.table("people", ["person_id", "name"], path="records/people.csv", primaryKey=["person_id"])
    tree.table(
        "posts",
        ["post_id", {"name": "person", "title": "人员"}, DAY],
        primaryKey=["post_id"],
        foreignKeys=[{"fields": ["person"], "reference": {"resource": "people", "fields": ["person_id"]}}],
    )
    tree.table("letters", ["letter_id", "post"], path="records/a/letters.csv")
    tree.write("records/people.csv", "person_id,name\nP1,甲\nP2,乙\n")
    tree.write("records/posts.csv", "post_id,person,ended\nT01,P1,2020-01-01\nT02,P9,2020-01-01\n")
    tree.write("records/a/letters.csv", "letter_id,post\nL1,T01\nL2,T02\n")
    return tree


def rule(tree: Tree, name: str, sql: str, text: str = "不符", more: str = "") -> None:
    tree.write(f"schemas/rules/{name}.sql", f"/*\n{HEADER.format(name, text, more)}\n*/\n{sql}")


STRANGER = "SELECT p._file, p._line, p.person FROM posts p ANTI JOIN people o ON o.person_id = p.person"
LETTER = "SELECT 'letters' AS _table, l._file, l._line, l.post AS person FROM letters l WHERE l.post = '{}'"


def test_an_unknown_person_is_one_error_with_what_may_follow(posts: Tree) -> None:
    rule(posts, "Q1", STRANGER)
    rule(posts, "Q2", LETTER.format("T02"))
    rule(posts, "Q3", LETTER.format("T01"))
    posts.write("records/a/letters.csv", "letter_id,post\nL1,T01\nL2,T02\n")
    problems = posts.check()
    assert sorted(p.rule for p in problems) == ["Q1", "Q2", "Q3", "foreign-key"]
    lines = written(problems, "text").splitlines()
    assert lines[0] == "records/posts.csv"
    assert lines[1].startswith("  第3行 [人员 person，B 列] 错误 foreign-key：“P9”")
    assert lines[1].endswith("另有 2 处可能由此引起（Q1、Q2）。")
    assert [line for line in lines if "Q3：" in line and "T01" in line]
    assert lines[-1].startswith("共 2 个错误、0 个提醒，涉及 2 个文件。另有 2 处可能由这些错误引起")
    assert as_github(problems).count("::error") == 2


def test_what_is_counted_over_all_records_does_not_stand_before_its_cause(posts: Tree) -> None:
    posts.write("records/posts.csv", "post_id,person,ended\nT01,P1,2020-01-01\n")
    total = "SELECT l._file, l._line, l.post AS person FROM letters l"
    rule(posts, "A1", total, more="complete: all")
    lines = written(posts.check(), "text").splitlines()
    assert "A1：" in lines[1]
    rule(posts, "Q1", "SELECT _file, _line, person FROM posts")
    lines = written(posts.check(), "text").splitlines()
    assert (lines[0], "Q1：" in lines[1]) == ("records/posts.csv", True)
    assert not [line for line in lines if "A1：" in line]
    assert "另有 2 处可能由这些错误引起" in lines[-1]


def test_what_rules_find_for_want_of_a_file_is_put_under_it(posts: Tree) -> None:
    rule(posts, "Q1", STRANGER)
    rule(posts, "Q2", LETTER.format("T02"))
    posts.write("records/people.csv", b"PK\x03\x04")
    text = written(posts.check(), "text")
    assert "source-error：" in text.splitlines()[1]
    assert "另有 2 处可能由此引起（Q1）。" in text
    assert ("Q1：" in text, "Q2：" in text) == (False, True)


@pytest.mark.parametrize(
    "head, place",
    [
        ("post_id,person,ended", "[离任日期 ended，C 列]"),
        ("post_id,person,离任日期", "[离任日期，C 列]"),
        ("post_id,ended,person", "[离任日期 ended，B 列]"),
    ],
)
def test_a_column_is_named_as_the_file_has_it(posts: Tree, head: str, place: str) -> None:
    cells = {"post_id": "T01", "person": "P1", "ended": "2020-13-40", "离任日期": "2020-13-40"}
    posts.write("records/posts.csv", f"{head}\n{','.join(cells[h] for h in head.split(','))}\n")
    (line,) = [x for x in written(posts.check(), "text").splitlines() if "type-error" in x]
    assert line.startswith(f"  第2行 {place} 错误")


def test_columns_past_z_have_two_letters(tree: Tree) -> None:
    names = [f"c{n}" for n in range(27)]
    tree.table("wide", [*names, {"name": "last", "type": "integer"}])
    tree.write("records/wide.csv", ",".join([*names, "last"]) + "\n" + "," * 27 + "x\n")
    assert "[last标题 last，AB 列]" in written(tree.check(), "text")


def test_thousands_of_like_errors_over_many_files_are_counted() -> None:
    problems = [error(f"{n:04}.yaml", 1, "type-error", "“x” 不是整数。", "人数") for n in range(3000)]
    problems.append(error("z.csv", 1, "foreign-key", "没有。"))
    lines = written(problems, "text", limit=20).splitlines()
    assert len(lines) < 210
    assert [line for line in lines if "type-error 还有 2900 处，在 2900 个文件里" in line]
    assert [line for line in lines if "foreign-key：" in line]
    assert all(p.severity is Severity.ERROR for p in problems)
