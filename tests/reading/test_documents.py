"""YAML and Markdown records: what they may hold, how they become rows, and what is said of those that cannot."""

from __future__ import annotations

import time
from typing import Any

import pytest
from trees import Tree, places

from lingtouyan.problems import Problem, Severity

PERSON = [
    {"name": "person_id", "title": "编号", "constraints": {"required": True}},
    {"name": "name", "title": "姓名", "constraints": {"required": True}},
    {"name": "code", "title": "代码"},
    {"name": "born", "title": "出生日期", "type": "date"},
    {"name": "education_full_time_level", "title": "全日制学历"},
    {"name": "education_full_time_school", "title": "全日制院校"},
    {"name": "skills", "title": "专长", "type": "array"},
    {"name": "phone", "title": "电话", "sensitivity": "restricted", "constraints": {"pattern": r"\d{11}"}},
]
POST = [
    {"name": "person_id", "constraints": {"required": True}},
    {"name": "ordinal", "title": "序号", "type": "integer"},
    {"name": "begun", "title": "起", "constraints": {"pattern": r"\d{4}-\d{2}"}},
    {"name": "work", "title": "内容", "constraints": {"required": True}},
]
AWARD = [
    {"name": "person_id", "constraints": {"required": True}},
    {"name": "post_ordinal", "type": "integer"},
    {"name": "title", "title": "奖项"},
]


@pytest.fixture
def people(tree: Tree) -> Tree:
    tree.table("people", PERSON, path="records/*/people/*.yaml", primaryKey=["person_id"])
    tree.table("posts", POST, parent="people", property="career.posts", primaryKey=["person_id", "ordinal"])
    tree.table("honours", ["person_id", "value"], parent="people", property="honours")
    return tree


def check(tree: Tree, content: str | bytes, file: str = "records/a/people/P1.yaml") -> list[Problem]:
    tree.write(file, content)
    return tree.check()


def rows(tree: Tree, sql: str) -> list[tuple[Any, ...]]:
    register = tree.register()
    assert [p for p in register.problems if p.severity is Severity.ERROR] == []
    return register.connection.execute(sql).fetchall()


GOOD = """\
person_id: P1
name: 张三
code: 0123
born: 1975-03-15
education:
  full_time: {level: 大专, school: "某 # 学校"}
skills: [养殖, "=1+1"]
phone: ~
career:
  posts:
    - {begun: 1999-07, work: 务农}
    - begun: 2005-01
      work: |
        经商，
        办厂
honours: [先进个人, 模范]
"""


def test_nested_keys_flatten_and_lists_become_rows_with_their_parents_key(people: Tree) -> None:
    people.write("records/a/people/P1.yaml", GOOD)
    register = people.register()
    # A sign that stands for nothing is read as nothing, and told.
    assert [(p.line, p.rule) for p in register.problems] == [(8, "doubtful-writing")]
    db = register.connection
    assert db.execute("SELECT name, code, born::VARCHAR, skills, phone, _line FROM people").fetchall() == [
        ("张三", "0123", "1975-03-15", ["养殖", "=1+1"], None, 1)
    ]
    assert db.execute(
        "SELECT education_full_time_level, education_full_time_school FROM people"
    ).fetchall() == [("大专", "某 # 学校")]
    assert db.execute("SELECT person_id, ordinal, begun, work, _line FROM posts").fetchall() == [
        ("P1", 1, "1999-07", "务农", 11),
        ("P1", 2, "2005-01", "经商，\n办厂\n", 12),
    ]
    assert db.execute("SELECT person_id, value, _file FROM honours ORDER BY ALL").fetchall() == [
        ("P1", "先进个人", "records/a/people/P1.yaml"),
        ("P1", "模范", "records/a/people/P1.yaml"),
    ]


@pytest.mark.parametrize(
    "written",
    [
        "0123",
        "yes",
        "No",
        "on",
        "true",
        "1e3",
        "0x1F",
        "0o17",
        "1_000",
        ".inf",
        "2020-01-01",
        "12:30:00",
        "=",
        "<<",
    ],
)
def test_plain_values_stay_the_text_they_are(people: Tree, written: str) -> None:
    people.write("records/a/people/P1.yaml", f"person_id: P1\nname: 张三\ncode: {written}\n")
    assert rows(people, "SELECT code FROM people") == [(written,)]


@pytest.mark.parametrize("written", ["", "~", "null"])
def test_plain_nothing_is_missing_and_quoted_nothing_is_text(people: Tree, written: str) -> None:
    people.write("records/a/people/P1.yaml", f"person_id: P1\nname: 张三\ncode: {written}\n")
    assert rows(people, "SELECT code FROM people") == [(None,)]
    if written:
        people.write("records/a/people/P1.yaml", f"person_id: P1\nname: 张三\ncode: '{written}'\n")
        assert rows(people, "SELECT code FROM people") == [(written,)]


@pytest.mark.parametrize("sign", ["|", ">"])
def test_a_block_ends_without_the_line_break_of_its_last_line(people: Tree, sign: str) -> None:
    people.write("records/a/people/P1.yaml", f"person_id: {sign}\n  P1\nname: 张三\n")
    assert rows(people, "SELECT person_id FROM people") == [("P1",)]


def test_a_document_in_another_encoding_is_told_how_an_editor_saves_it(people: Tree) -> None:
    problems = check(people, "person_id: P1\nname: 张三\n".encode("gbk"))
    assert [p.rule for p in problems] == ["encoding-error"]
    assert "CSV" not in problems[0].message


def test_several_records_may_stand_in_one_file_each_with_its_line(people: Tree) -> None:
    content = "- person_id: P1\n  name: 张三\n- {person_id: P2, name: 李四}\n- person_id: P3\n  nmae: 王五\n"
    problems = check(people, content)
    # Named, and read as what is meant: the name is not missing, too.
    assert places(problems) == [(5, "extra-label", "")]
    assert "是否应为 name" in problems[0].message


@pytest.mark.parametrize(
    "content, line, words",
    [
        ("person_id: P1\n\tname: 张三\n", 2, ["Tab"]),
        ("person_id: P1\n  name: 张三\n", 2, ["缩进"]),
        ("person_id: P1\nname: 张三: 李四\n", 2, ["冒号"]),
        ("person_id: P1\nname 张三\ncode: 1\n", 2, ["冒号"]),
        ('person_id: P1\nname: "张三\ncode: 1\n', 2, ["引号没有闭合"]),
        ("person_id: P1\nskills: [a, b\nname: 张三\n", 2, ["括号"]),
        ("person_id: P1\nname: @张三\n", 2, ["引号"]),
        ("person_id: &a P1\nname: 张三\n", 1, ["锚点", "引号"]),
        ("person_id: P1\nname: *a\n", 2, ["锚点", "引号"]),
        ("a: &a {x: 1}\nb:\n  <<: *a\n", 1, ["锚点"]),
        ("person_id: P1\nname: !!python/object:os.system 张三\n", 2, ["类型标签"]),
        ("person_id: P1\nname: !important\n", 2, ["类型标签"]),
        ("person_id: P1\nname: 张三\nperson_id: P2\n", 3, ["“person_id”重复", "第 1 行"]),
        ("person_id: P1\nname: 张三\n---\nperson_id: P2\nname: 李四\n", 3, ["只能有一个 YAML 文档"]),
        ("person_id: P1\n? [a, b]\n: 1\n", 2, ["键必须是文字"]),
        ("person_id: P1\n? \n: 张三\n", 2, ["键不能为空"]),
        ("person_id: P1\nname：张三\n", 2, ["全角"]),
        ("person_id：P1\nname: 张三\n", 1, ["全角"]),
        ("person_id: P1\nname: !张三\n", 2, ["以 ! 开头"]),
        ("person_id: P1\nname: -\n", 2, ["空着"]),
        ('person_id: P1\nname: "\\uD83D"\n', 2, ["\\u 写法"]),
        ("person_id: P1\n<<<<<<< HEAD\nname: 张三\n=======\nname: 李四\n>>>>>>> b\n", 2, ["合并冲突"]),
        ("person_id: P1\nname: 张\x07三\n", 2, ["控制字符"]),
        ("person_id: P1\nname: " + "[" * 50 + "]" * 50 + "\n", 2, ["嵌套"]),
        ("%YAML 9.9\n---\nperson_id: P1\n", 1, ["YAML"]),
        ("- person_id: P1\nname: 张三\n", 2, ["“-”"]),
    ],
)
def test_what_yaml_cannot_say_is_shown_at_its_line(
    people: Tree, content: str, line: int, words: list[str]
) -> None:
    (found,) = check(people, content)
    assert (found.line, found.rule, found.severity) == (line, "source-error", Severity.ERROR)
    for word in words:
        assert word in found.message


@pytest.mark.parametrize(
    "content, line, column, words",
    [
        ("张三\n", 1, "", ["键值"]),
        ("- 张三\n", 1, "", ["键值"]),
        ("person_id: P1\nname: [张三]\n", 2, "姓名", ["一个值"]),
        ("person_id: P1\nname: {a: 1}\n", 2, "", ["没有 “name.a”"]),
        ("person_id: P1\nname: 张三\nskills: 养殖\n", 3, "专长", ["一列文字"]),
        ("person_id: P1\nname: 张三\nskills: [{a: 1}]\n", 3, "专长", ["一列文字"]),
        ("person_id: P1\nname: 张三\nhonours: 模范\n", 3, "", ["列表"]),
        ("person_id: P1\nname: 张三\nhonours:\n  - 模范\n  - [a]\n", 5, "", ["第 2 项"]),
        ("person_id: P1\nname: 张三\ncareer:\n  posts:\n    - 务农\n", 5, "", ["第 1 项", "键值"]),
        ("person_id: P1\nname: 张三\ncareer:\n  posts: {begun: 1999-07}\n", 4, "", ["列表"]),
        ("person_id: P1\nname: 张三\ncareer:\n  - begun: 1999-07\n", 3, "", ["“career”", "键值"]),
        (
            "person_id: P1\nname: 张三\ncareer:\n  posts:\n    - {work: 务农, person_id: P9}\n",
            5,
            "",
            ["上级记录"],
        ),
        ("person_id: P1\nname: 张三\n姓名: 李四\n", 3, "", ["是否应为 name"]),
        ("person_id: P1\nname: 张三\nhobby: 钓鱼\n", 3, "", ["没有 “hobby”"]),
        ("person_id: P1\nname: 张三\nhobby: {}\n", 3, "", ["没有 “hobby”"]),
        ("person_id: P1\nname: 张三\nhobby:\n  fish: {}\n", 4, "", ["没有 “hobby.fish”"]),
        ("person_id: P1\nname: 张三\nhobby: []\n", 3, "", ["没有 “hobby”"]),
        ("person_id: P1\nname: 张三\n<<: {code: 1}\n", 3, "", ["没有 “<<.code”"]),
    ],
)
def test_what_no_schema_declares_is_named_at_its_line(
    people: Tree, content: str, line: int, column: str, words: list[str]
) -> None:
    problems = [p for p in check(people, content) if p.rule != "constraint-error"]
    assert places(problems)[0][0::2] == (line, column)
    for word in words:
        assert word in problems[0].message


def test_a_value_given_twice_in_two_spellings_is_not_dropped(people: Tree) -> None:
    content = "person_id: P1\nname: 张三\neducation_full_time_level: 大专\neducation:\n  full_time:\n    level: 本科\n"
    (found,) = check(people, content)
    assert (found.line, found.rule, found.column) == (6, "duplicate-label", "全日制学历")
    assert "第 3 行" in found.message


@pytest.mark.parametrize(
    "empty",
    [
        "education:",
        "education: {}",
        "education: {full_time: }",
        "career:",
        "career: {posts: }",
        "honours: []",
    ],
)
def test_a_group_left_empty_is_no_fault(people: Tree, empty: str) -> None:
    assert check(people, f"person_id: P1\nname: 张三\n{empty}\n") == []


def test_a_wrong_value_is_shown_at_the_line_of_its_key(people: Tree) -> None:
    content = (
        GOOD.replace("1975-03-15", "1975.3.15")
        .replace("2005-01", "200501")
        .replace("phone: ~", "phone: 12345")
    )
    problems = check(people, content)
    assert places(problems) == [
        (4, "type-error", "出生日期"),
        (8, "constraint-error", "电话"),
        (12, "constraint-error", "起"),
    ]
    assert "1975-03-15" in problems[0].message
    assert "12345" not in problems[1].message


def test_a_missing_value_is_shown_at_its_key_or_else_at_its_record(people: Tree) -> None:
    assert places(check(people, "code: 1\nperson_id: P1\nname:\n")) == [(3, "constraint-error", "姓名")]
    assert places(check(people, "code: 1\nperson_id: P1\n")) == [(1, "constraint-error", "姓名")]


def test_grandchildren_carry_the_keys_of_all_above_them(tree: Tree) -> None:
    tree.table("people", ["person_id", "name"], path="records/*.yaml", primaryKey=["person_id"])
    tree.table(
        "posts",
        ["person_id", "post_id"],
        parent="people",
        property="posts",
        primaryKey=["person_id", "post_id"],
    )
    tree.table("awards", ["person_id", "post_id", "title"], parent="posts", property="awards")
    tree.write(
        "records/P1.yaml",
        "person_id: P1\nposts:\n  - post_id: A\n    awards:\n      - title: 甲\n      - {title: 乙}\n"
        "  - post_id: B\n    awards: []\n",
    )
    assert rows(tree, "SELECT person_id, post_id, title, _line FROM awards") == [
        ("P1", "A", "甲", 5),
        ("P1", "A", "乙", 6),
    ]
    tree.write("records/P1.yaml", "person_id: P1\nposts:\n  - post_id: A\n    awards:\n      - tilte: 甲\n")
    assert places(tree.check()) == [(5, "extra-label", "")]


@pytest.mark.parametrize("content", ["", "# 只有注释\n", "---\n", "~\n", "[]\n"])
def test_a_document_without_a_record_is_an_error_of_its_file(people: Tree, content: str) -> None:
    found = check(people, content)
    assert [(p.file, p.line, p.rule, p.severity) for p in found] == [
        ("records/a/people/P1.yaml", 1, "source-error", Severity.ERROR)
    ]


def test_a_document_from_windows_is_read_and_its_lines_counted(people: Tree) -> None:
    problems = check(people, b"\xef\xbb\xbf" + "person_id: P1\r\nname: 张三\r\nborn: 1975\r\n".encode())
    assert [(p.line, p.rule) for p in problems] == [
        (1, "byte-order-mark"),
        (1, "line-ending"),
        (3, "type-error"),
    ]


def test_a_document_in_gb18030_is_recognised_and_read_on(people: Tree) -> None:
    problems = check(people, "person_id: P1\nname: 张三\nborn: 昨天\n".encode("gb18030"))
    assert places(problems) == [(2, "encoding-error", ""), (3, "type-error", "出生日期")]
    assert "GB18030" in problems[0].message
    assert "昨天" in problems[1].message


@pytest.mark.parametrize("written", [r'"a\0b"', r'"a\x1b[31m"', r'"a\u202eb"', r'"a\rb"'])
def test_escapes_cannot_smuggle_in_what_nobody_sees(people: Tree, written: str) -> None:
    problems = check(people, f"person_id: P1\nname: 张三\ncode: {written}\n")
    assert places(problems) == [(3, "invisible-character", "代码")]
    problems = check(people, f"person_id: P1\nname: 张三\nskills: [a, {written}]\n")
    assert places(problems) == [(3, "invisible-character", "专长")]


def test_text_of_several_lines_is_whole_and_clean(people: Tree) -> None:
    people.write("records/a/people/P1.yaml", 'person_id: P1\nname: 张三\ncode: "a\\nb,\\"c\\"\\n"\n')
    assert rows(people, "SELECT code FROM people") == [('a\nb,"c"\n',)]


def test_a_bomb_is_read_in_no_time(people: Tree) -> None:
    start = time.monotonic()
    laughs = "a: &a [x,x]\n" + "".join(f"b{n}: &b{n} [*b{n - 1},*b{n - 1}]\n" for n in range(1, 30))
    assert places(check(people, laughs)) == [(1, "source-error", "")]
    deep = "a: " + "{a: " * 100_000
    assert places(check(people, deep)) == [(1, "source-error", "")]
    wide = "person_id: P1\nname: 张三\nskills: [" + "a," * 300_000 + "]\n"
    check(people, wide)
    assert time.monotonic() - start < 30


# Markdown

POLICY = """\
---
policy_id: p1
title: 办法
---
前言。

## 第一条　范围 {#1}

适用于全部。

```
## 不是标题
```

### 第二条 ###

~~~~
```
# 也不是
```
~~~~
尾。
"""


@pytest.fixture
def policies(tree: Tree) -> Tree:
    tree.table("policies", ["policy_id", "title", "body"], path="records/*.md", primaryKey=["policy_id"])
    fields = ["policy_id", "section", "level", "title", "body", {"name": "ordinal", "type": "integer"}]
    tree.table("clauses", fields, parent="policies", property="sections", primaryKey=["policy_id", "section"])
    return tree


def test_headings_become_sections_and_code_is_no_heading(policies: Tree) -> None:
    policies.write("records/p1.md", POLICY)
    assert rows(policies, "SELECT section, level, title, body, ordinal, _line FROM clauses") == [
        ("1", "2", "第一条　范围", "适用于全部。\n\n```\n## 不是标题\n```", 1, 7),
        ("h2", "3", "第二条", "~~~~\n```\n# 也不是\n```\n~~~~\n尾。", 2, 15),
    ]
    ((body,),) = rows(policies, "SELECT body FROM policies")
    assert body.startswith("前言。")
    assert body.endswith("尾。")


@pytest.mark.parametrize(
    "content, line, words",
    [
        ("# 没有文件头\n", 1, ["文件头"]),
        ("", 1, ["文件头"]),
        ("---\npolicy_id: p1\n# 没有结束\n", 1, ["没有结束"]),
        ("---\n---\n正文\n", 2, ["键值"]),
        ("---\n- a\n---\n", 2, ["键值"]),
        ("---\npolicy_id: p1\ntitle: [a\n---\n", 3, ["括号"]),
        ("---\npolicy_id: p1\nbody: 正文\n---\n", 3, ["body"]),
        ("---\npolicy_id: p1\nsections: []\n---\n", 3, ["sections"]),
    ],
)
def test_a_head_that_cannot_be_read_is_shown_at_its_line(
    policies: Tree, content: str, line: int, words: list[str]
) -> None:
    (found,) = check(policies, content, "records/p1.md")
    assert (found.line, found.rule) == (line, "source-error")
    for word in words:
        assert word in found.message


def test_an_unknown_key_in_a_head_is_shown_at_its_line(policies: Tree) -> None:
    assert places(check(policies, "---\npolicy_id: p1\ntitel: 办法\n---\n", "records/p1.md")) == [
        (3, "extra-label", "")
    ]


def test_a_section_named_twice_is_a_repeated_key(policies: Tree) -> None:
    content = "---\npolicy_id: p1\n---\n# 甲 {#1}\n# 乙 {#1}\n"
    (found,) = check(policies, content, "records/p1.md")
    assert (found.line, found.rule) == (5, "primary-key")
    assert "第 4 行" in found.message


def test_markdown_without_declared_sections_is_no_fault(tree: Tree) -> None:
    tree.table("notes", ["note_id"], path="records/*.md")
    assert check(tree, "---\nnote_id: n1\n---\n# 甲\n正文\n", "records/n1.md") == []


def test_no_message_repeats_a_number_that_may_be_somebodys(people: Tree) -> None:
    for name, text in (
        ("P2", 'person_id: P2\nname: 李四\n"13900000001": x\n'),
        ("P3", "person_id: P3\nname: !13900000001 王五\n"),
        ("P4", 'person_id: P4\n"990101197503154515": 1\n"990101197503154515": 1\n'),
    ):
        people.write(f"records/a/people/{name}.yaml", text)
    problems = people.check()
    assert {p.file[-7:-5] for p in problems if p.file} == {"P2", "P3", "P4"}
    assert not [p for p in problems if "9750315" in p.message or "900000" in p.message]


def test_a_record_in_the_folder_of_others_is_one_fault(people: Tree) -> None:
    fields = [
        {"name": "paper_id", "constraints": {"required": True}},
        {"name": "kind", "constraints": {"required": True}},
    ]
    people.table("papers", fields, path="records/*/papers/*.yaml", primaryKey=["paper_id"])
    (found,) = check(people, GOOD, "records/a/papers/P1.yaml")
    assert (found.line, found.rule) == (1, "source-error")
    assert "people表" in found.message
    assert len(check(people, "kind: x\nname: 张三\n", "records/a/papers/P1.yaml")) > 1
