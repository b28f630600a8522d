"""Text that decodes and is wrong all the same is named in every column; what people really write is left alone."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from trees import Tree, copy_of

from lingtouyan.problems import Problem, Severity
from lingtouyan.reading.garbled import SUSPECT, garbled

WRONG = [
    # Lost on the way out of a code page that lacks them.
    *(
        "张?",
        "?志明",
        "双?乡",
        "何?",
        "王成?",
        "阿里?·买买提",
        "???·????",
        "是否同意?张?",
        "张□",
        "张〓",
        "张\ufffd",
    ),
    # UTF-8 read as GBK, whole and torn; bytes that were replaced twice.
    *(
        t.encode().decode("gbk", "replace")
        for t in ("张三", "张三丰", "李四", "甲：乙", "阿里·买买提", "བཀྲ་ཤིས", "ئۇيغۇر")
    ),
    *("黄寮犱笁", "寮犱笁涓?", "张锟斤拷", "烫烫烫"),
    # UTF-8 or GBK as a code page of the West shows them.
    *(t.encode().decode("latin-1") for t in ("张三", "李四", "ئۇيغۇر", "阿·里", "\ufffd")),
    *(t.encode("gbk").decode("latin-1") for t in ("张三", "中国", "李委员会")),
    # GBK that happens to be UTF-8; Big5 read as GBK.
    *("学校".encode("gbk").decode(), "陳李村".encode("big5").decode("gb18030")),
    # Letters that look like the one that is meant.
    *("Р0103", "Ρ0103", "张Р", "二O二六", "二0二六", "二○二六", "王エ", "ロ子", "wánɡ", "张ㄧ", "ㄖ本"),
    # What programs wrote in the place of characters, and of nothing.
    *(
        "&#24352;三",
        "张&nbsp;三",
        "甲&amp;乙",
        "\\u5f20三",
        "=E5=BC=A0",
        "NULL",
        "null",
        "None",
        "nan",
        "N/A",
        "undefined",
    ),
]
RIGHT = [
    *(
        "是否同意?",
        "有没有意见?",
        "为什么这样做?因为",
        "谁来负责?",
        "怎么办??",
        "https://a.cn/路?x=1",
        "约12人（?）",
        "12?",
        "AB?",
    ),
    *(
        "张三",
        "张𬭎",
        "龘",
        "喆",
        "镕",
        "張三豐",
        "陳鎮區",
        "臺灣省臺北縣",
        "二〇二六",
        "××乡",
        "×××",
        "□是 □否",
        "是□ 否□",
    ),
    *(
        "阿里·买买提",
        "ئۇيغۇرچە",
        "سادات",
        "བཀྲ་ཤིས་བདེ་ལེགས།",
        "ᠮᠣᠩᠭᠣᠯ",
        "한국어",
        "ꆈꌠ",
        "ニュース",
        "山の家",
        "Москва",
        "где",
    ),
    *(
        *("A&B", "甲&乙;丙", "C:\\用户", "1+1=2", "Nullius", "Nan", "NA", "a=AB"),
        "lüè",
        "wáng lǐ",
        "Müller",
        "créée",
        "“é”“è”",
        "卡拉OK厅",
        "GDP增长5%",
        "A组",
        "α粒子",
        "β受体",
        "μm",
        "Ⅱ级",
        "①②",
        "℃",
        "㎡",
    ),
]


@pytest.mark.parametrize("text", WRONG)
def test_what_was_damaged_on_the_way_is_named(text: str) -> None:
    assert garbled(text)


@pytest.mark.parametrize("text", RIGHT)
def test_what_people_write_is_left_alone(text: str) -> None:
    assert garbled(text) == ""


def test_common_names_of_any_characters_are_left_alone() -> None:
    draw = random.Random(1)
    pool = [bytes([a, b]).decode("gb2312", "ignore") for a in range(0xB0, 0xF7) for b in range(0xA1, 0xFF)]
    names = ("".join(draw.choices(pool, k=draw.randint(2, 4))) for _ in range(20_000))
    assert [n for n in names if garbled(n)] == []


def test_the_database_finds_all_that_is_looked_at(tree: Tree) -> None:
    from lingtouyan.database.database import connect

    found = connect().execute("SELECT regexp_matches(unnest($1), $2)", [WRONG, SUSPECT]).fetchall()
    assert all(f for (f,) in found)


def _told(problems: list[Problem], rule: str) -> list[tuple[str, int, str]]:
    return [(p.file, p.line, p.column) for p in problems if p.rule == rule and p.severity is Severity.WARNING]


def test_every_column_of_every_kind_of_file_is_looked_at(tree: Tree) -> None:
    tree.table("a", ["id", {"name": "secret", "sensitivity": "restricted"}], primaryKey=["id"])
    tree.table(
        "b", ["id", "x_y", {"name": "many", "type": "array"}], path="records/b/*.yaml", primaryKey=["id"]
    )
    tree.table("c", ["id", "word"], parent="b", property="words", primaryKey=["id", "word"])
    tree.table("d", ["id", "note", "body"], path="records/d/*.md", primaryKey=["id"])
    tree.write("records/a.csv", "id,secret\n1,张?\n2,秘密是什么?\n")
    tree.write("records/b/1.yaml", "id: 1\nx: {y: ÕÅÈý}\nmany: [甲, 寮犱笁]\nwords:\n  - {word: 锟斤拷}\n")
    tree.write("records/d/1.md", "---\nid: 1\nnote: 双?乡\n---\n\n是否同意?\n\n李锟斤拷\n")
    problems = tree.check()
    assert _told(problems, "garbled-text") == [
        ("records/a.csv", 2, "secret标题"),
        ("records/b/1.yaml", 2, "x_y标题"),
        ("records/b/1.yaml", 3, "many标题"),
        ("records/b/1.yaml", 5, "word标题"),
        ("records/d/1.md", 3, "note标题"),
        ("records/d/1.md", 5, "body标题"),
    ]
    assert "张" not in problems[0].message


def test_names_that_some_systems_cannot_tell_apart_are_named(tree: Tree) -> None:
    tree.table("b", ["id"], path="records/*/b/*.yaml", primaryKey=["id"])
    for n in ("P1", "P2", "P3"):
        tree.write(f"records/x/b/{n}.yaml", f"id: {n}\n")
    assert tree.check() == []
    tree.write("records/x/b/p2.yaml", "id: P9\n")
    tree.write("records/X/b/P4.yaml", "id: P4\n")
    tree.write("records/x/b/P5.yaml", "id: P6\n")
    found = [(p.file, p.severity.value) for p in tree.check() if p.rule == "file-name"]
    assert found == [
        ("records/x/b", "error"),
        ("records/x/b/P5.yaml", "warning"),
        ("records/x/b/p2.yaml", "error"),
        ("records/x/b/p2.yaml", "warning"),
    ]


def test_files_may_be_called_otherwise_where_they_all_are(tree: Tree) -> None:
    tree.table("b", ["id"], path="records/b/*.yaml", primaryKey=["id"])
    for n in range(4):
        tree.write(f"records/b/{n}.yaml", f"id: P{n}\n")
    assert tree.check() == []


DAY = "sitting_id: S2\ntitle: 例会\ndate: 2026-02-10\n"


SLIPS = [
    (DAY.replace("例会", "东街 #3 楼会议"), 2, "doubtful-writing"),
    (DAY.replace("例会", '"东街"#3'), 2, "doubtful-writing"),
    (DAY + "topics:\n  - 预算 #1号\n", 5, "doubtful-writing"),
    (DAY + "topics: [预算，条例]\n", 4, "doubtful-writing"),
    (DAY + "topics: [甲, 预算、条例]\n", 4, "doubtful-writing"),
    (DAY + "topics: [预算；条例]\n", 4, "doubtful-writing"),
    (DAY + "topics: [预算　条例]\n", 4, "doubtful-writing"),
    (DAY + "topics: 预算，条例\n", 4, "type-error"),
    (DAY + "topics:\n  - 预算\n    -条例\n", 6, "doubtful-writing"),
    (DAY + "topics:\n  - 　预算\n", 4, "surrounding-spaces"),
    (DAY + "topics:\n  - title：预算\n", 5, "doubtful-writing"),
    (DAY + "agenda:\n  votes:\n    - {motion: 甲，present：4, yes: 4}\n", 6, "doubtful-writing"),
    (DAY + "agenda:\n  votes:\n    - motion：甲\n", 6, "doubtful-writing"),
    (DAY.replace("例会", "例会\n  chair：甲"), 3, "doubtful-writing"),
    (DAY.replace("title: 例会", "title：例会"), 2, "source-error"),
    (DAY.replace("title: 例会", "title:　例会"), 2, "source-error"),
    (DAY.replace("例会", "　例会"), 2, "surrounding-spaces"),
    (DAY + "chair:\n  remark: ~\n", 5, "doubtful-writing"),
    (DAY + "topics: [null]\n", 4, "type-error"),
    (DAY + DAY, 4, "source-error"),
    (DAY + "---\n" + DAY, 4, "source-error"),
    (DAY.replace("例会", "&a 例会"), 2, "source-error"),
]
MEANT = [
    "# 整行说明\n" + DAY,
    DAY.replace("例会", "3#楼"),
    DAY + 'chair:\n  remark: "~"\n',
    DAY + "chair:\n  remark:\n",
    DAY.replace("例会", '"东街 #3 楼"'),
    DAY.replace("例会", "|\n  # 不是注释\n  例会"),
    DAY.replace("例会", "例会：第一次\n  （续）"),
    DAY + 'topics: ["预算，条例", http://a.cn/x]\n',
    DAY + "topics:\n  - 预算，条例\n",
]


def test_what_is_typed_in_a_document_is_not_dropped_in_silence(parliament: Tree) -> None:
    texts = [*(text for text, _, _ in SLIPS), *MEANT]
    for n, text in enumerate(texts, 2):
        parliament.write(f"records/sittings/S{n}.yaml", text.replace("S2", f"S{n}"))
    found = {
        (p.file, p.line, p.rule) for p in parliament.check() if p.rule != "file-name" and "Q" not in p.rule
    }
    expected = {(f"records/sittings/S{n}.yaml", line, rule) for n, (_, line, rule) in enumerate(SLIPS, 2)}
    assert expected <= found
    assert {f for f, *_ in found} - {""} == {f for f, *_ in expected}


HEAD = "---\nstatute_id: standing\ntitle: 议事规程\n---\n"
NO_HEADINGS = [
    ("###第一条\n", 5),
    ("###　第一条\n", 5),
    ("＃＃ 第一条\n", 5),
    ("    ### 第一条\n", 5),
    ("####### 第一条\n", 5),
    ("### 第一条 ｛#1｝\n", 5),
    ("### 第一条 {1}\n", 5),
    ("第一条\n=====\n", 6),
    ("```\n### 第一条\n", 5),
    ("### 第一条　出席 {#1}\n\n第二条　表决\n", 7),
    ("limits：x\n", 5),
    ("issued: x\n---\n# 标题\n", 5),
]


def test_a_heading_that_is_none_is_named(parliament: Tree) -> None:
    for n, (body, _) in enumerate(NO_HEADINGS):
        parliament.write(f"records/statutes/s{n}.md", HEAD.replace("standing", f"s{n}") + body)
    body = "前言。\n\n   ### 第一条 {#1}\n\n按第二条办，见 #3。\n\n| a |\n|---|\n\n---\n\n```\n#代码\n```\n"
    parliament.write("records/statutes/right.md", HEAD.replace("standing", "right") + body)
    found = {(p.file, p.line) for p in parliament.check() if p.rule == "doubtful-writing"}
    assert {(f"records/statutes/s{n}.md", line) for n, (_, line) in enumerate(NO_HEADINGS)} <= found
    assert not any("right" in file for file, _ in found)


COLUMNS = (
    "member_id,name,name_pinyin,party_id,degree,attendance,full_time,started,ended,successor,home_phone\n"
)
MEMBER = "M101,张三,x,red,,,,2020-01-01,,,\n"


NO_RECORDS = [
    ("议员编号,姓名,拼音,党团,学位,出席率,专职,就任,离任,继任者,住宅电话", "duplicate-header"),
    ("\ufeff" + COLUMNS.strip(), "duplicate-header"),
    ("Member_ID,姓 名,name_pinyin,party_id,学位,出席率,专职,就任,离任,,", "duplicate-header"),
    ("2026年议员名册,,,,,,,,,,", "remark-row"),
    ("2026年议员名册,,,,,,,,,单位：人,", "remark-row"),
    ("填表人：李四,,,,,,,填表日期：2026年1月1日,,,", "remark-row"),
    ("注：本表截至年底", "remark-row"),
    ("合计,,,,,,,,,2,", "total-row"),
    (",合计,,,,,,,,,", "total-row"),
    ("共2人,,,,,,,,,,", "total-row"),
    ("总计,1,2,3,4,5,6,7,8,9,10", "total-row"),
]
FAULTY = ["M102,,,,,,,,,,", "议员甲,李四,y,red,,,,2020-01-01,,,", ",李四,,,,,,,,,"]


def test_a_line_that_is_no_record_is_one_fault(parliament: Tree) -> None:
    rows = [*(row for row, _ in NO_RECORDS), *FAULTY]
    parliament.write("records/members-east.csv", COLUMNS + MEMBER + "\n".join(rows) + "\n")
    problems = [p for p in parliament.check() if p.file == "records/members-east.csv"]
    last = len(NO_RECORDS) + 2
    assert [(p.line, p.rule) for p in problems if p.line <= last] == [
        (n, rule) for n, (_, rule) in enumerate(NO_RECORDS, 3)
    ]
    # A record with faults stays one.
    assert {p.rule for p in problems if p.line > last} <= {"constraint-error", "primary-key"}
    assert {p.line for p in problems if p.line > last} == {last + 1, last + 2, last + 3}


@pytest.mark.parametrize("sign", ["，", "；", ";", "\t"])
def test_a_record_parted_by_other_signs_is_told_so_and_kept(parliament: Tree, sign: str) -> None:
    row = MEMBER.strip().replace("M101", "M102").replace(",", sign)
    parliament.write("records/members-east.csv", COLUMNS + MEMBER + row + "\n")
    (problem,) = [p for p in parliament.check() if p.file == "records/members-east.csv"]
    assert (problem.line, problem.rule) == (3, "missing-cell")
    assert "英文逗号" in problem.message


@pytest.fixture
def parliament(tmp_path: Path) -> Tree:
    return Tree(copy_of("parliament", tmp_path / "parliament"))
