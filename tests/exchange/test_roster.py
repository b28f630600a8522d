"""A city's own roster: headings and values as people write them, each row taken whole or told why not."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
from trees import Tree
from xlsxwriter import Workbook

from lingtouyan.cli import main
from lingtouyan.exchange.workbook import ANSWER, Sheet, read_workbook, write_workbook

PEOPLE: list[Any] = [
    {"name": "id", "title": "编号", "example": "P001", "constraints": {"required": True}},
    {"name": "name", "title": "姓名", "constraints": {"required": True}},
    {"name": "read", "title": "读音", "suggest": {"pinyin": "name", "surnames": {"单": "shàn"}}},
    {
        "name": "group",
        "title": "民族",
        "constraints": {"enum": ["汉族", "土族", "土家族"]},
        "valueAliases": {"土": "土族"},
        "codes": {"汉族": "01"},
    },
    {
        "name": "birth",
        "title": "出生日期",
        "aliases": ["出生年月"],
        "constraints": {"required": True, "pattern": r"\d{4}-\d{2}(-\d{2})?"},
    },
    {"name": "school_day", "title": "全日制学历"},
    {"name": "school_late", "title": "在职学历", "aliases": ["学历在职"]},
    {"name": "card", "title": "身份证号", "sensitivity": "restricted", "aliases": ["身份证号码"]},
]
POSTS: list[Any] = [
    {"name": "post_id", "title": "任期编号", "example": "T001", "constraints": {"required": True}},
    {"name": "person", "title": "人", "constraints": {"required": True}},
    {"name": "place", "title": "地方", "constraints": {"required": True}},
    {"name": "what", "title": "岗位", "constraints": {"required": True}},
    {
        "name": "since",
        "title": "起",
        "type": "date",
        "aliases": ["上任时间"],
        "constraints": {"required": True},
    },
    {"name": "until", "title": "止", "type": "date"},
]


def city(folder: Path, posts: list[Any]) -> Tree:
    tree = Tree(folder)
    key = [{"fields": ["person"], "reference": {"resource": "people", "fields": ["id"]}}]
    key += [{"fields": ["place"], "reference": {"resource": "places", "fields": ["place_id"]}}]
    tree.table(
        "places", ["place_id", "name"], path="records/*/places.csv", primaryKey=["place_id"], label="name"
    )
    tree.table("people", PEOPLE, path="records/*/people/*.yaml", primaryKey=["id"], label="name")
    tree.table(
        "posts", posts, path="records/*/posts.csv", primaryKey=["post_id"], foreignKeys=key, label="what"
    )
    tree.write("records/north/places.csv", "place_id,name\nV1,东山\nV2,西山\n")
    tree.write("records/south/places.csv", "place_id,name\nV3,东山\n")
    return tree


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return city(tmp_path / "tree", POSTS).root


def take(root: Path, rows: list[list[Any]] | bytes, *more: str, merged: str = "") -> int:
    path = root.parent / ("册.csv" if isinstance(rows, bytes) else "册.xlsx")
    if isinstance(rows, bytes):
        path.write_bytes(rows)
    else:
        write_workbook(path, [Sheet("册", rows=rows)])
    return main(["--root", str(root), "import", str(path), "--in", "north", *more])


def answer(root: Path) -> str:
    rows = read_workbook(root.parent / f"册.{ANSWER}.xlsx")[0].rows
    return "\n".join(" ".join(map(str, r)) for r in rows)


def person(root: Path, key: str) -> str:
    return (root / f"records/north/people/{key}.yaml").read_text("utf-8")


def test_a_roster_as_cities_have_it(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head = ["序号", "姓 名", "民族", "出生年月", "身份证号码", "备注"]
    rows = [
        ["某地花名册", "", "", "", "", ""],
        head,
        [1, "单丽", "汉", "1975.3", 9.90101197503154e17, "甲"],
        [2, "李四", "土", datetime.date(1980, 5, 6), "", ""],
        [3, "王五", "01", "1975年12月", "", ""],
        [4, "赵六", "", 27468, "", ""],
        ["", "", "", "", "", ""],
        head,
        [5, "钱七", "火星", "1990-01", "", ""],
        [6, "孙八", "汉族", 1980.1, "", ""],
        ["合计", "6人", "", "", "", ""],
        ["填表人：某某", "", "", "", "", ""],
    ]
    assert take(root, rows) == 1
    assert person(root, "P001") == "id: P001\nname: 单丽\nread: shàn lì\ngroup: 汉族\nbirth: 1975-03\n"
    assert "group: 土族\nbirth: 1980-05-06" in person(root, "P002")
    assert "group: 汉族\nbirth: 1975-12" in person(root, "P003")
    assert "birth: 1975-03-15" in person(root, "P004")
    told = answer(root)
    assert "收下 4 条，存疑 0 条，退回 2 条" in told
    assert "退回 册 9 民族" in told
    assert "退回 册 10 出生日期" in told
    assert "1 格的长数字已被电子表格损坏" in told
    for words in ("“某地花名册” 是标题", "“合计” 是标题", "“填表人：某某” 是标题", "“备注” 没有对应的栏目"):
        assert words in told
    assert "990101" not in told + capsys.readouterr().out
    assert not any("990101" in str(s.rows) for s in read_workbook(root.parent / f"册.{ANSWER}.xlsx"))
    # A second time nothing is new; what was empty is filled, what differs stays.
    files = sorted((root / "records").rglob("*.yaml"))
    rows[5][2], rows[3][2] = "土家族", "汉族"
    assert take(root, rows) == 1
    assert sorted((root / "records").rglob("*.yaml")) == files
    assert "group: 土家族" in person(root, "P004")
    assert "group: 土族" in person(root, "P002")
    assert "已登记的是 “土族”" in answer(root)


def test_one_row_becomes_records_of_several_tables(root: Path) -> None:
    rows = [
        ["姓名", "出生年月", "地方", "岗位", "上任时间", "止"],
        ["甲", "1975-03", "东山", "主任", "2021.3.5—", "至今"],
        ["乙", "1976-03", "西", "主任", "2021年3月5日至今", ""],
        ["丙", "1977-03", "南山", "主任", "2021-03-05", ""],
    ]
    assert take(root, rows) == 1
    posts = (root / "records/north/posts.csv").read_text("utf-8")
    assert posts.split("\n")[1:3] == ["T001,P001,V1,主任,2021-03-05,", "T002,P002,V2,主任,2021-03-05,"]
    assert not (root / "records/north/people/P003.yaml").exists()
    assert "退回 册 4 地方" in answer(root)
    before = {p: p.read_bytes() for p in (root / "records").rglob("*.*")}
    assert take(root, rows) == 1
    assert {p: p.read_bytes() for p in (root / "records").rglob("*.*")} == before


def test_numbers_go_to_those_that_are_taken(root: Path) -> None:
    head = ["姓名", "出生年月", "地方", "岗位", "上任时间"]
    rows = [head, *([n, "1975-03", "东山", "主任", "2021-03-05"] for n in "甲乙丙丁戊")]
    rows[2][1], rows[4][2] = "1975.1", "南山"
    assert take(root, rows) == 1
    assert sorted(p.stem for p in (root / "records/north/people").iterdir()) == ["P001", "P002", "P003"]
    assert "name: 丙\n" in person(root, "P002")
    posts = (root / "records/north/posts.csv").read_text("utf-8").split("\n")
    assert [p[:9] for p in posts[1:4]] == ["T001,P001", "T002,P002", "T003,P003"]
    assert "name: 戊\n" in person(root, "P003")
    # Put right, the others get the next; what was taken is taken no second time.
    rows[2][1], rows[4][2] = "1975-01", "西山"
    assert take(root, rows) == 0
    assert "收下 4 条，存疑 0 条，退回 0 条，没有变化 6 条" in answer(root)
    assert "name: 乙\n" in person(root, "P004")
    assert "T005,P005,V2" in (root / "records/north/posts.csv").read_text("utf-8")


def test_the_map_can_be_edited_and_two_rows_of_headings_are_one(root: Path) -> None:
    rows = [
        ["姓名", "生辰", "学历", "学历"],
        ["姓名", "生辰", "全日制", "在职"],
        ["甲", "1975-03", "高中", "大专"],
    ]
    assert take(root, rows, "--table", "people") == 1
    plan = Path("import.yaml")
    text = plan.read_text("utf-8")
    assert "在职学历: school_late" in text
    text = text.replace("      姓名: name\n", "      姓名: name\n      生辰: birth\n")
    plan.write_text(text.replace("values: {}", "values: {民族: 汉}"), "utf-8")
    assert take(root, rows, "--map", "import.yaml", "--dry-run") == 0
    assert not list((root / "records").rglob("*.yaml"))
    assert take(root, rows, "--map", "import.yaml") == 0
    made = person(root, "P001")
    assert "group: 汉族\nbirth: 1975-03\nschool_day: 高中\nschool_late: 大专" in made.replace(
        "school:\n  ", "school_"
    )
    plan.write_text("tables: [{table: 没有}]", "utf-8")
    assert take(root, rows, "--map", "import.yaml") == 2


def test_a_roster_is_of_those_it_names_and_the_map_says_what_is_lacking(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Another table has more of the headings, but names people; a post needs what no roster says in every row.
    term = {"name": "term", "title": "届次", "constraints": {"required": True}}
    what = {**POSTS[3], "constraints": {"required": True, "enum": ["主任", "书记"]}}
    tree = city(root.parent / "other", [*POSTS[:3], what, *POSTS[4:], term])
    kin = {"name": "kin", "constraints": {"required": True}}
    fields = ["id", PEOPLE[1], *PEOPLE[4:6], "person", {"name": "duty", "title": "职责"}, kin]
    tree.table(
        "watchers",
        fields,
        path="records/*/watchers.csv",
        primaryKey=["id"],
        foreignKeys=[{"fields": ["person"], "reference": {"resource": "people", "fields": ["id"]}}],
        label="name",
    )
    root = tree.root
    rows = [
        ["姓名", "出生年月", "全日制学历", "职责", "地方", "任职情况", "任职情况"],
        ["姓名", "出生年月", "全日制学历", "职责", "地方", "岗位", "上任时间"],
        *([f"某{n}", "1975-03", "高中", "", "东山", "主任", "2021-03-05"] for n in range(1, 31)),
    ]
    assert take(root, rows) == 1
    told = capsys.readouterr().out
    assert "“posts表” 还缺 届次：" in told
    assert "第3行 [届次]" in told
    assert "第32行 [届次]" not in told
    assert "还有 25 处 退回 [届次]" in told
    plan = Path("import.yaml")
    text = plan.read_text("utf-8")
    assert "table: people" in text
    assert "岗位: what" in text
    plan.write_text(text.replace("values: {}  # 缺 届次（term）", "values: {term: 2021}"), "utf-8")
    rows[2][5] = "书记、主任"
    assert take(root, rows, "--map", "import.yaml") == 0
    posts = (root / "records/north/posts.csv").read_text("utf-8")
    assert "T001,P001,V1,书记,2021-03-05,,2021\nT002,P001,V1,主任,2021-03-05,,2021\n" in posts
    assert posts.endswith("T031,P030,V1,主任,2021-03-05,,2021\n")


def test_a_cell_far_from_the_rest_costs_nothing_or_is_told(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # A blank typed by mistake in the last row of the sheet, which reading fills up to.
    rows = [["姓名", "出生年月"], ["甲", "1975-03"]]
    path = root.parent / "册.xlsx"
    for last, words in (((1_048_575, 1), "收下 1 条"), ((1_048_575, 16_383), "XFD1048576")):
        book = Workbook(str(path))
        page = book.add_worksheet("册")
        for number, row in enumerate(rows):
            page.write_row(number, 0, row)
        page.write(*last, " ")
        book.close()
        assert main(["--root", str(root), "import", str(path), "--in", "north"]) == (
            2 if "XFD" in words else 0
        )
        told = capsys.readouterr()
        assert words in told.out + told.err


def test_what_a_rule_reminds_of_comes_after_what_is_doubtful(root: Path) -> None:
    rule = "/*\nid: Q1\ntitle: 读音\nseverity: warning\nmessage: 请核对{name}的读音。\n*/\n"
    (root / "schemas/rules").mkdir()
    (root / "schemas/rules/Q1.sql").write_text(rule + "SELECT *, 'read' AS _field FROM people\n", "utf-8")
    assert take(root, [["姓名", "出生年月"], ["甲", "1975-03"], ["甲", "1976-03"]]) == 0
    told = answer(root)
    assert "收下 2 条，存疑 1 条，退回 0 条，没有变化 0 条，提醒 2 条" in told
    assert told.index("存疑 册 3  已有同名的 第 2 行") < told.index("提醒 册 2")


def test_csv_in_the_encoding_of_wps_and_a_roster_of_nothing_known(root: Path) -> None:
    assert take(root, "姓名,出生年月\n张三丰,1975.1\n李逵,1975.03\n".encode("gb18030")) == 1
    assert "李逵" in person(root, "P001")
    assert "分不清是 1 月还是 10 月" in answer(root)
    assert take(root, [["姓名", "出生年月", "读音"], ["马六", "1975-03", 990101197503154000.0]]) == 1
    assert "长数字的末三位被电子表格改成了 0" in answer(root)
    assert take(root, b"") == 2
    assert take(root, [["x", "y"], [1, 2]]) == 2


def test_a_roster_of_all_says_in_a_column_whose_each_row_is(root: Path) -> None:
    head = ["单位", "姓名", "出生年月", "地方", "岗位", "上任时间"]
    rows = [
        head,
        ["nor", "王五", "1975.12", "东山", "长", "2020-01-01"],
        ["south", "钱七", "1990-11", "东山", "长", "2020-01-01"],
    ]
    path = root.parent / "册.xlsx"
    write_workbook(path, [Sheet("册", rows=rows)])
    assert main(["--root", str(root), "import", str(path)]) == 0
    assert "T001,P001,V1" in (root / "records/north/posts.csv").read_text()
    assert "T002,P002,V3" in (root / "records/south/posts.csv").read_text()
    assert (root / "records/south/people/P002.yaml").is_file()
