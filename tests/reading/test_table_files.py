"""What a clerk's spreadsheet program does to a CSV file, and what the clerk is told about it."""

from __future__ import annotations

import pytest
from trees import Tree, places

from lingtouyan.problems import Problem, Severity
from lingtouyan.reading.source import MAX_BYTES

FIELDS = [
    {"name": "id", "title": "编号", "constraints": {"required": True, "pattern": "[A-Z][0-9]{3}"}},
    {"name": "name", "title": "姓名"},
    {"name": "count", "title": "人数", "type": "integer"},
    {"name": "rate", "title": "比例", "type": "number"},
    {"name": "day", "title": "日期", "type": "date"},
    {"name": "month", "title": "年月", "constraints": {"pattern": r"\d{4}-\d{2}(-\d{2})?"}},
    {"name": "party", "title": "党员", "type": "boolean", "trueValues": ["是"], "falseValues": ["否"]},
    {
        "name": "number",
        "title": "证件号码",
        "sensitivity": "restricted",
        "constraints": {"pattern": r"\d{17}[\dX]"},
    },
]
HEADER = ",".join(f["name"] for f in FIELDS)
GOOD = "A001,张三,3,86.4,2026-01-05,1975-03,是,990101197503154515"


@pytest.fixture
def people(tree: Tree) -> Tree:
    return tree.table("people", FIELDS, primaryKey=["id"])


def check(tree: Tree, content: str | bytes) -> list[Problem]:
    tree.write("records/people.csv", content)
    return tree.check()


def only(problems: list[Problem]) -> Problem:
    assert len(problems) == 1, problems
    return problems[0]


def test_a_good_file_has_no_problems(people: Tree) -> None:
    assert check(people, f"{HEADER}\n{GOOD}\n") == []
    assert check(people, f"{HEADER}\n") == []
    assert check(people, f"{HEADER}\n{GOOD}") == []


# Encodings and line ends


@pytest.mark.parametrize(
    "encoding, rule, word",
    [
        ("gb18030", "encoding-error", "GB18030"),
        ("utf-16", "encoding-error", "UTF-16"),
        ("utf-16-le", "encoding-error", "UTF-16"),
        ("utf-16-be", "encoding-error", "UTF-16"),
    ],
)
def test_another_encoding_is_named_and_the_rest_is_still_checked(
    people: Tree, encoding: str, rule: str, word: str
) -> None:
    content = f"{HEADER}\n{GOOD}\nA002,李四,三,,,,,\n"
    problems = check(people, content.encode(encoding))
    assert places(problems)[1:] == [(3, "type-error", "人数")]
    first = problems[0]
    assert (first.file, first.rule, first.severity) == ("records/people.csv", rule, Severity.ERROR)
    assert word in first.message
    assert "另存为" in first.message
    assert "三" in problems[1].message


def test_gb18030_is_recognised_with_rare_characters(people: Tree) -> None:
    problems = check(people, f"{HEADER}\n{GOOD.replace('张三', '䶮𠮷𬭎')}\n".encode("gb18030"))
    assert "GB18030" in only(problems).message


def test_one_broken_byte_is_not_taken_for_another_encoding(people: Tree) -> None:
    content = (
        f"{HEADER}\n{GOOD}\nA002,李四王五赵六".encode() + b"\xff" + ",3,,,,,\nA003,孙七,三,,,,,\n".encode()
    )
    problems = check(people, content)
    assert places(problems) == [
        (3, "encoding-error", ""),
        (3, "invisible-character", "姓名"),
        (4, "type-error", "人数"),
    ]
    assert "GB18030" not in problems[0].message


def test_a_byte_order_mark_is_only_mentioned(people: Tree) -> None:
    found = only(check(people, f"\ufeff{HEADER}\n{GOOD}\n"))
    assert (found.line, found.rule, found.severity) == (1, "byte-order-mark", Severity.WARNING)


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_foreign_line_ends_are_only_mentioned_and_lines_counted_right(people: Tree, end: str) -> None:
    problems = check(people, end.join([HEADER, GOOD, "A002,李四,三,,,,,", ""]))
    assert [(p.line, p.rule, p.severity) for p in problems] == [
        (1, "line-ending", Severity.WARNING),
        (3, "type-error", Severity.ERROR),
    ]


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\n", b"\r\n", b",,,,,,,\n"])
def test_a_file_without_a_header_is_told_what_the_header_is(people: Tree, content: bytes) -> None:
    found = next(p for p in check(people, content) if p.severity is Severity.ERROR)
    assert (found.line, found.rule) == (1, "blank-header")
    assert HEADER in found.message


def test_lines_in_two_encodings_are_read_each_in_its_own(people: Tree) -> None:
    content = [
        f"{HEADER}\n{GOOD}\n".encode(),
        "A002,李四王五,3,,,,,\n".encode("gbk"),
        "A003,赵六,三,,,,,\n".encode(),
    ]
    problems = check(people, b"".join(content))
    assert places(problems) == [(3, "encoding-error", ""), (4, "type-error", "人数")]
    assert "1 行" in problems[0].message


def test_wide_characters_with_a_zero_byte_are_recognised(people: Tree) -> None:
    content = f"{HEADER}\n{GOOD.replace('张三', '一二一')}\n".encode("utf-16-le")
    assert "UTF-16" in only(check(people, content)).message


@pytest.mark.parametrize(
    "content, word",
    [
        (b"PK\x03\x04\x00\r\n\xff", "电子表格"),
        (f"2026年台账,,,,,,,\n{HEADER}\n{GOOD}\n", "上面不能有标题"),
        (f"{GOOD}\n{GOOD}\n", "不是表头"),
        (f"{HEADER}\n<<<<<<< HEAD\n{GOOD}\n=======\n{GOOD}\n>>>>>>> b\n", "合并冲突"),
        ("<html><table><tr><td>a</td></tr></table></html>", "不是表头"),
    ],
)
def test_what_is_no_such_table_is_one_fault(people: Tree, content: str | bytes, word: str) -> None:
    assert word in only(check(people, content)).message


# The shape of rows


def test_what_a_spreadsheet_adds_to_rows_and_columns_is_told_once_each(people: Tree) -> None:
    assert places(check(people, f"{HEADER}\n{GOOD}\n{HEADER}\n")) == [(3, "duplicate-header", "")]
    assert places(check(people, f"{HEADER}\n{GOOD}\n合 计,,3,,,,,\n")) == [(3, "total-row", "")]
    wide = check(people, f"{HEADER},,,\n{GOOD},,,\n")
    assert places(wide) == [(1, "blank-label", "")]
    assert "第 9 至 11 列" in wide[0].message


def test_an_unclosed_quote_is_shown_where_it_opens_and_later_lines_are_read(people: Tree) -> None:
    problems = check(people, f'{HEADER}\nA002,"李四,3,,,,,\nA003,王五,三,,,,,\nA004,赵六,四,,,,,\n')
    assert places(problems) == [(2, "source-error", ""), (3, "type-error", "人数"), (4, "type-error", "人数")]
    assert "引号没有闭合" in problems[0].message


def test_text_after_a_closing_quote_is_shown_in_its_line_and_later_lines_are_read(people: Tree) -> None:
    problems = check(people, f'{HEADER}\nA002,"李"四,3,,,,,\nA003,王五,三,,,,,\n')
    assert places(problems) == [(2, "source-error", ""), (3, "type-error", "人数")]
    assert '""' in problems[0].message


def test_a_line_break_in_a_cell_names_its_lines(people: Tree) -> None:
    problems = check(people, f'{HEADER}\nA002,"李\n四",3,,,,,\nA003,王五,三,,,,,\n')
    assert places(problems) == [(2, "cell-line-break", ""), (4, "type-error", "人数")]
    assert "2 至 3" in problems[0].message


def test_ragged_rows_say_what_is_missing_or_too_much(people: Tree) -> None:
    problems = check(people, f"{HEADER}\nA002,李四,3\nA003,王五,3,,,,,,多,余\nA004,赵六,3,,,,,\n")
    assert places(problems) == [(2, "missing-cell", "比例"), (3, "extra-cell", "")]
    assert "3 格" in problems[0].message
    assert "10 格" in problems[1].message


def test_surplus_cells_of_a_table_with_restricted_fields_are_not_repeated(people: Tree, tree: Tree) -> None:
    assert "多余" not in check(people, f"{HEADER}\n{GOOD},多余\n")[0].message
    tree.table("open", ["a", "b"])
    tree.write("records/open.csv", "a,b\n1,2,多余\n")
    assert any("多余" in p.message for p in tree.check())


def test_blank_lines_are_named_wherever_they_stand(people: Tree) -> None:
    problems = check(people, f"{HEADER}\n\n{GOOD}\n   \n,,,,,,,\n, ,,,,,,\n")
    assert places(problems) == [
        (2, "blank-row", ""),
        (4, "blank-row", ""),
        (5, "blank-row", ""),
        (6, "blank-row", ""),
    ]


# Headers


def test_titles_as_header_are_taken_as_meant_and_named(people: Tree) -> None:
    titles = ",".join(f["title"] for f in FIELDS)
    problems = check(people, f"{titles}\n{GOOD}\nA002,李四,三,,,,,\n")
    assert places(problems)[-1] == (3, "type-error", "人数")
    assert {p.rule for p in problems[:-1]} == {"extra-label"}
    assert len(problems) == len(FIELDS) + 1
    assert any("“编号”" in p.message and "请改为 id" in p.message for p in problems)


def test_each_fault_of_a_header_is_named_and_the_rows_still_read(people: Tree) -> None:
    problems = check(
        people, "id,name,name,Count,,month,party,number\nA1,张三,张三,3,x,1975-03,是,990101197503154515\n"
    )
    found = {(p.rule, p.column): p.message for p in problems}
    assert "第 3 列" in found["duplicate-label", ""]
    assert "请改为 count" in found["extra-label", ""]
    assert "第 5 列" in found["blank-label", ""]
    assert ("missing-label", "比例") in found
    assert ("missing-label", "日期") in found
    assert ("missing-label", "人数") not in found, "it is there, wrongly written"
    assert any(p.rule == "constraint-error" and p.column == "编号" and p.line == 2 for p in problems)


def test_a_header_in_another_order_is_told_the_right_one_and_read_by_name(people: Tree) -> None:
    names = HEADER.split(",")
    swapped = ",".join([names[1], names[0], *names[2:]])
    cells = GOOD.split(",")
    problems = check(people, f"{swapped}\n{','.join([cells[1], cells[0], *cells[2:]])}\n")
    found = only(problems)
    assert (found.line, found.rule) == (1, "incorrect-label")
    assert HEADER in found.message


def test_a_header_both_short_and_out_of_order_is_told_both(people: Tree) -> None:
    problems = check(people, "name,id\n张三,A001\n")
    assert {"incorrect-label", "missing-label"} <= {p.rule for p in problems}


@pytest.mark.parametrize("separator", [";", "\t", "，", "；"])
def test_another_separator_is_recognised(people: Tree, separator: str) -> None:
    found = only(check(people, f"{HEADER}\n{GOOD}\n".replace(",", separator)))
    assert (found.line, found.rule) == (1, "incorrect-label")
    assert "分隔符" in found.message


def test_a_header_with_spaces_around_names_says_so(people: Tree) -> None:
    found = only(check(people, f"{HEADER.replace('name', ' name')}\n{GOOD}\n"))
    assert found.rule == "extra-label"
    assert "请改为 name" in found.message


# Values


WRONG: list[tuple[str, str, str, list[str]]] = [
    ("day", "2020/1/5", "type-error", ["年-月-日", "2020-01-05"]),
    ("day", "20200105", "type-error", ["2020-01-05"]),
    ("day", "2020年1月5日", "type-error", ["2020-01-05"]),
    ("day", "2020.1.5", "type-error", ["2020-01-05"]),
    ("day", "43835", "type-error", ["序号"]),
    ("day", "2026-02-30", "type-error", ["日期"]),
    ("day", "２０２０－０１－０５", "type-error", ["全角", "2020-01-05"]),
    ("day", "０２０２-01-32", "type-error", ["全角"]),
    ("day", "9.9E+17", "type-error", ["科学计数"]),
    ("month", "1975/3", "constraint-error", ["1975-03"]),
    ("month", "197503", "constraint-error", ["1975-03"]),
    ("month", "1975.3.15", "constraint-error", ["1975-03-15"]),
    ("month", "'1975-03", "constraint-error", ["单引号"]),
    ("count", "1.0", "type-error", ["小数点", "即 1"]),
    ("count", "1,000", "type-error", ["整数"]),
    ("count", "#REF!", "type-error", ["公式错误值"]),
    ("count", "#N/A", "type-error", ["公式错误值"]),
    ("count", "三", "type-error", ["“三”", "整数"]),
    ("count", "'3", "type-error", ["单引号"]),
    ("rate", "８６．４%", "type-error", ["全角"]),
    ("rate", "86.4%", "type-error", ["数字"]),
    ("rate", "NaN", "number-range", ["NaN"]),
    ("rate", "1e999", "number-range", ["超出"]),
    ("count", "99999999999999999999", "number-range", ["超出"]),
    ("day", "2021-04", "type-error", ["缺少月或日"]),
    ("day", "4/10/2021", "type-error", ["年应写在最前"]),
    ("day", "2021/4/10 8:00", "type-error", ["不带时间", "2021-04-10"]),
    ("month", "1975.1", "constraint-error", ["分不清"]),
    ("month", "１９７５-03", "full-width-digits", ["计算", "1975-03"]),
    ("month", "1975-02-30", "impossible-date", ["日历上没有"]),
    ("count", "1,234", "type-error", ["逗号", "即 1234"]),
    ("count", "12人", "type-error", ["单位", "即 12"]),
    ("count", "1e3", "type-error", ["科学计数", "写出全部数字"]),
    ("rate", "无", "type-error", ["空着"]),
    ("party", "Y", "type-error", ["“是”或“否”", "是否应为“是”"]),
    ("id", "a００1", "constraint-error", ["A001"]),
    ("id", "A001\u200b", "constraint-error", ["第 5 个字", "⟨U+200B⟩"]),
    ("id", "A1", "constraint-error", ["“A1”"]),
    ("id", " A001", "constraint-error", ["空格"]),
    ("id", "Ａ００１", "constraint-error", ["全角", "A001"]),
    ("id", "", "constraint-error", ["没有填写", "必填"]),
    ("number", "9.90101E+17", "constraint-error", ["科学计数"]),
    ("number", "990101197503150000", "", []),
    ("number", "990101197503154000", "", []),
    ("number", "99010119750315", "constraint-error", ["不予显示"]),
    ("name", "#REF!", "spreadsheet-damage", ["公式错误值"]),
    ("name", "9.9E+17", "spreadsheet-damage", ["科学计数"]),
    ("name", "'0101", "spreadsheet-damage", ["单引号"]),
    ("name", "张\0三", "invisible-character", ["⟨U+0000⟩"]),
    ("name", "张\x1b[31m三", "invisible-character", ["⟨U+001B⟩"]),
    ("name", "张\u202e三", "invisible-character", ["⟨U+202E⟩"]),
    ("name", "张\u200b三", "invisible-character", ["⟨U+200B⟩"]),
    ("name", "张\ufeff三", "invisible-character", ["⟨U+FEFF⟩"]),
    ("name", "张\t三", "invisible-character", ["⟨U+0009⟩"]),
    ("name", "张\ufffd三", "invisible-character", ["乱码"]),
    ("name", "张\ue000三", "invisible-character", ["⟨U+E000⟩"]),
    ("number", "99010119750315451\u200bX", "constraint-error", ["不予显示"]),
]


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> dict[int, list[Problem]]:
    """All wrong values in one file, one a line; the problems by line."""
    tree = Tree(tmp_path_factory.mktemp("wrong")).table("people", FIELDS)
    lines = [HEADER]
    for name, value, _, _ in WRONG:
        cells = dict(zip(HEADER.split(","), GOOD.split(","), strict=True))
        cells[name] = f'"{value}"' if "," in value else value
        lines.append(",".join(cells.values()))
    tree.write("records/people.csv", "\n".join(lines) + "\n")
    found: dict[int, list[Problem]] = {}
    for problem in tree.check():
        found.setdefault(problem.line, []).append(problem)
    return found


@pytest.mark.parametrize(
    "line", range(2, len(WRONG) + 2), ids=lambda n: "-".join(map(repr, WRONG[n - 2][:2]))
)
def test_a_wrong_value_names_cause_and_remedy(wrong: dict[int, list[Problem]], line: int) -> None:
    name, value, rule, words = WRONG[line - 2]
    problems = wrong.get(line, [])
    if not rule:
        assert problems == []
        return
    title = next(f["title"] for f in FIELDS if f["name"] == name)
    found = [p for p in problems if p.rule == rule]
    assert found, problems
    assert (found[0].file, found[0].column, found[0].severity) == (
        "records/people.csv",
        title,
        Severity.ERROR,
    )
    assert problems == found[:1], "nothing else is wrong in that line, and that is told once"
    for word in words:
        assert word in found[0].message
    if name == "number":
        assert value not in found[0].message


@pytest.mark.parametrize(
    "name, value, rule, word, becomes",
    [
        ("day", "2020-1-5", "unusual-form", "2020-01-05", "2020-01-05"),
        ("count", "１２", "unusual-form", "全角", "12"),
        ("count", " 7", "unusual-form", "空格", "7"),
        ("rate", "８６.４", "unusual-form", "全角", "86.4"),
        ("name", " 张三 ", "surrounding-spaces", "空格", " 张三 "),
        ("name", "　张三", "surrounding-spaces", "空格", "　张三"),
        ("name", "张⼀", "look-alike-character", "重新输入", "张⼀"),
        ("name", "zha\u0304ng", "look-alike-character", "“ā”", "zha\u0304ng"),
    ],
)
def test_a_value_that_can_be_understood_is_read_and_mentioned(
    people: Tree, name: str, value: str, rule: str, word: str, becomes: str
) -> None:
    cells = dict(zip(HEADER.split(","), GOOD.split(","), strict=True))
    cells[name] = value
    people.write("records/people.csv", f"{HEADER}\n{','.join(cells.values())}\n")
    register = people.register()
    found = only(register.problems)
    assert (found.line, found.rule, found.severity) == (2, rule, Severity.WARNING)
    assert word in found.message
    assert register.connection.execute(f"SELECT {name}::VARCHAR FROM people").fetchall() == [(becomes,)]


def test_what_is_no_number_is_told_once_and_not_for_each_bound(tree: Tree) -> None:
    tree.table("a", [{"name": "n", "type": "number", "constraints": {"minimum": 0, "maximum": 100}}])
    tree.write("records/a.csv", "n\nNaN\ninf\n1\n")
    problems = tree.check()
    assert places(problems) == [(2, "constraint-error", "n标题"), (3, "constraint-error", "n标题")]
    assert all("不是有限的数" in p.message for p in problems)


def test_no_message_repeats_a_restricted_value(people: Tree) -> None:
    values = [
        "990101197503154514x",
        "9.9E+17",
        "'990101197503154515",
        " 990101197503154515",
        "９９０１０１１９７５０３１５４５１５",
        "a\u202eb",
    ]
    rows = "\n".join(f"A{n:03},,,,,,,{v}" for n, v in enumerate(values))
    problems = check(people, f"{HEADER}\n{rows}\n")
    assert {p.line for p in problems} == set(range(2, 2 + len(values)))
    for problem in problems:
        assert all(v.strip() not in problem.message for v in values), problem


def test_all_faults_come_in_one_run_in_the_order_of_the_files(tree: Tree) -> None:
    tree.table("a", [{"name": "x", "type": "integer"}]).table("b", [{"name": "y", "type": "integer"}])
    tree.write("records/a.csv", "x\n1\nfoo\nbar\n")
    tree.write("records/b.csv", "y,z\nbaz,1\n")
    assert [(p.file, p.line, p.rule) for p in tree.check()] == [
        ("records/a.csv", 3, "type-error"),
        ("records/a.csv", 4, "type-error"),
        ("records/b.csv", 1, "extra-label"),
        ("records/b.csv", 2, "type-error"),
    ]


def test_a_value_with_everything_a_table_file_can_quote_comes_back_whole(people: Tree) -> None:
    people.write("records/people.csv", f'{HEADER}\nA001,"=1+1 ""a"",b|<i>{{{{x}}}}\'\\",,,,,,\n')
    register = people.register()
    assert register.problems == []
    assert register.connection.execute("SELECT name FROM people").fetchall() == [('=1+1 "a",b|<i>{{x}}\'\\',)]


def test_a_file_past_its_bound_is_refused(people: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MAX_BYTES, ".csv", 100)
    found = only(check(people, f"{HEADER}\n" + f"{GOOD}\n" * 3))
    assert found.rule == "source-error"
    assert "拆分" in found.message


def test_a_huge_cell_is_read_and_named_in_a_bounded_message(people: Tree) -> None:
    problems = check(people, f"{HEADER}\nA001,{'长' * 300_000},{'9' * 100_000},,,,,\n")
    found = only(problems)
    assert found.column == "人数"
    assert len(found.message) < 300
