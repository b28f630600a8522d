"""A workbook out and in again: what the clerk changed is taken record by record, and the answer says what was not."""

from __future__ import annotations

import datetime
import html
import json
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from trees import copy_of

from lingtouyan.cli import main
from lingtouyan.exchange.workbook import ABOUT, ANSWER, CHOICES, Sheet, read_workbook, write_workbook
from lingtouyan.problems import UsageError

PHONE = "13900001111"


def git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = copy_of("parliament", tmp_path / "project")
    members = root / "records/members-south.csv"
    members.write_text(members.read_text("utf-8").rstrip("\n") + f"\nM006,丁,d,red,,,,2022-01-01,,,{PHONE}\n")
    git(root, "init", "-q")
    git(root, "config", "user.name", "干事甲")
    git(root, "config", "user.email", "jia@example.org")
    commit(root)
    return root


def commit(root: Path) -> None:
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "x")


def book(root: Path, *more: str) -> Path:
    path = root.parent / "改.xlsx"
    assert main(["--root", str(root), "sheet", str(path), *more]) == 0
    return path


def sheet(path: Path, title: str) -> list[list[Any]]:
    return next(s.rows for s in read_workbook(path) if s.title == title)


def edit(path: Path, title: str, change: Callable[[list[list[Any]]], Any]) -> None:
    """Change the cells of one sheet, as somebody at a spreadsheet does."""
    sheets = read_workbook(path)
    change(next(s.rows for s in sheets if s.title == title))
    write_workbook(path, [Sheet(s.title, rows=s.rows) for s in sheets])


def put(rows: list[list[Any]], key: str, heading: str, value: Any) -> None:
    column = rows[0].index(heading)
    next(r for r in rows if str(r[0]).split(" ")[0] == key)[column] = value


def take(root: Path, path: Path, *more: str) -> int:
    return main(["--root", str(root), "take", str(path), *more])


def answer(path: Path) -> str:
    return "\n".join(" ".join(map(str, r)) for r in sheet(path.with_name(f"改.{ANSWER}.xlsx"), ANSWER))


def record(root: Path, key: str) -> str:
    lines = [x for p in (root / "records").glob("*.csv") for x in p.read_text("utf-8").split("\n")]
    return next(line for line in lines if line.startswith(f"{key},"))


def test_a_workbook_has_headings_choices_and_no_restricted_value(root: Path) -> None:
    path = book(root)
    sheets = {s.title: s.rows for s in read_workbook(path)}
    assert {*sheets} == {"党团", "议员", "会议", "表决", CHOICES, ABOUT}
    assert sheets["议员"][0][:4] == ["议员编号", "姓名", "拼音", "党团"]
    assert "住宅电话" not in sheets["议员"][0]
    assert sheets["议员"][1][3] == "red 红党团"
    assert sheets["议员"][1][7] == datetime.date(2020, 1, 1)
    assert sheets["议员"][3][1] == '=1+1 "引号"'
    assert "序号" not in sheets["表决"][0]
    assert ["commit", git(root, "rev-parse", "HEAD").strip()] == sheets[ABOUT][0][:2]
    assert PHONE.encode() not in path.read_bytes()
    assert PHONE not in str(sheets)
    with zipfile.ZipFile(path) as parts:
        hints = "".join(parts.read(n).decode() for n in parts.namelist() if "sheet" in n)
    assert "必填。&#xA;例：安娜" in hints


def test_numbers_of_records_are_locked_and_what_is_wrong_turns_red(root: Path) -> None:
    with zipfile.ZipFile(book(root)) as parts:
        texts = [
            parts.read(n).decode() for n in sorted(parts.namelist()) if re.match("xl/worksheets/sheet", n)
        ]
        styles = ElementTree.fromstring(parts.read("xl/styles.xml"))
    parties, members, _, votes = texts[:4]
    assert "<sheetProtection" in parties
    assert "password" not in members
    # Rows of a list come and go.
    assert "<sheetProtection" not in votes
    spread = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    open_ = [x.find(f"{spread}protection") is not None for x in styles.find(f"{spread}cellXfs") or ()]
    style = {cell: int(n) for cell, n in re.findall(r'<c r="(\w+)" s="(\d+)"', members)}
    assert [open_[style[cell]] for cell in ("A1", "A2", "B2", "D2")] == [False, False, True, True]
    below = re.search(r'<col min="1" max="\d+" [^>]*style="(\d+)"', members)
    assert below is not None
    assert open_[int(below[1])]
    rules = [
        html.unescape(f) for f in re.findall(r"<formula>(.*?)</formula>", members.split("<dataValid")[0])
    ]
    assert any("DATEVALUE($H2)" in r for r in rules)
    assert any(r.startswith("AND(LEN($B2)=0,COUNTA($A2") for r in rules)


def test_a_workbook_handed_back_as_it_is_changes_nothing(root: Path) -> None:
    assert take(root, book(root)) == 0
    assert git(root, "status", "--short") == ""


def test_changes_are_taken_and_restricted_values_stay(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = book(root)

    def change(rows: list[list[Any]]) -> None:
        put(rows, "M006", "姓名", "丁·甲 |<{{=“”")
        put(rows, "M004", "离任", "2026.1.5")
        put(rows, "M004", "党团", "blue 蓝党团")
        rows.append(["M007", "戊", "wu", "blue", "学士", 0.5, "是", datetime.date(2025, 3, 1), "", ""])

    edit(path, "议员", change)
    assert take(root, path, "--in", "south") == 0
    assert record(root, "M006") == f"M006,丁·甲 |<{{{{=“”,d,red,,,,2022-01-01,,,{PHONE}"
    assert record(root, "M004") == "M004,𠮷田𬭎,ji tian hong,blue,博士,0.99,是,2021-01-01,2026-01-05,,"
    assert record(root, "M007") == "M007,戊,wu,blue,学士,0.5,是,2025-03-01,,,"
    assert "收下 3 条" in answer(path)
    before = git(root, "diff")
    assert take(root, path, "--in", "south") == 0
    assert git(root, "diff") == before
    assert PHONE not in capsys.readouterr().out


def test_a_wrong_record_is_refused_whole_and_the_others_are_taken(root: Path) -> None:
    path = book(root)

    def change(rows: list[list[Any]]) -> None:
        put(rows, "M001", "姓名", "安娜")
        put(rows, "M001", "就任", "2020-13-41")
        put(rows, "M002", "党团", "green")
        put(rows, "M005", "姓名", "戊")
        put(rows, "M003", "拼音", "#REF!")
        rows.append(["", "无号"])
        rows.append(["M004", "重号"])

    edit(path, "议员", change)
    assert take(root, path) == 1
    assert git(root, "diff", "--stat").count("members") == 1
    assert record(root, "M005").startswith("M005,戊,")
    told = answer(path)
    assert "退回 议员 2 就任" in told
    assert "退回 议员 3 党团" in told
    assert "公式错误值" in told
    assert "编号重复" in told
    assert "没有填 议员编号" in told
    # What was refused is mended in the answer and handed in again.
    second = path.with_name(f"改.{ANSWER}.xlsx")
    edit(second, "议员", lambda rows: put(rows, "M001", "就任", "2020-01-02"))
    assert take(root, second) == 1
    assert "安娜," in record(root, "M001")
    assert ",2020-01-02," in record(root, "M001")


def test_what_changed_meanwhile_stays_and_a_conflict_is_told(root: Path) -> None:
    path = book(root)
    file = root / "records/parties.csv"
    file.write_text(file.read_text("utf-8").replace("红党团", "大红党团").replace(",8", ",9"), "utf-8")

    def change(rows: list[list[Any]]) -> None:
        put(rows, "red", "席位", 13)
        put(rows, "blue", "席位", 10)

    edit(path, "党团", change)
    assert take(root, path) == 1
    assert record(root, "red") == "red,大红党团,1998-05-01,13"
    assert record(root, "blue") == "blue,蓝党团,2001-09-30,9"
    assert "两边都改了" in answer(path)


def test_lists_inside_documents_are_taken_in_the_order_of_their_rows(root: Path) -> None:
    file = root / "records/sittings/2026-01.yaml"
    main(["--root", str(root), "fmt"])
    commit(root)
    path = book(root)
    edit(path, "表决", lambda rows: rows.insert(1, [rows[1][0], "新动议", 5, 4]))
    edit(path, "会议", lambda rows: put(rows, "S1", "名称", "一月第一次例会"))
    assert take(root, path) == 0, answer(path)
    made = file.read_text("utf-8")
    assert "title: 一月第一次例会" in made
    assert made.index("新动议") < made.index("motion", made.index("新动议"))
    assert git(root, "diff", "--numstat").split()[:2] == ["2", "1"]
    assert take(root, path) == 0
    assert file.read_text("utf-8") == made


def test_a_list_comes_with_its_records_and_can_be_emptied(root: Path) -> None:
    main(["--root", str(root), "fmt"])
    commit(root)
    path = book(root, "--table", "votes")
    assert [s.title for s in read_workbook(path)][:2] == ["会议", "表决"]

    def empty(rows: list[list[Any]]) -> None:
        del rows[1:]

    edit(path, "表决", empty)
    assert take(root, path) == 0
    assert "motion" not in (root / "records/sittings/2026-01.yaml").read_text("utf-8")


def test_a_missing_row_deletes_nothing_without_being_asked_to(root: Path) -> None:
    path = book(root)
    edit(path, "议员", lambda rows: rows.pop(5))
    assert take(root, path) == 0
    assert git(root, "status", "--short") == ""
    assert "--delete" in answer(path)
    assert take(root, path, "--delete") == 0
    assert git(root, "diff", "--numstat").split()[:2] == ["0", "1"]


def test_the_commit_is_the_clerks_and_names_workbook_and_paper(root: Path) -> None:
    path = book(root)
    edit(path, "党团", lambda rows: put(rows, "red", "席位", 13))
    (root / "other.txt").write_text("x")
    assert take(root, path, "--commit", "--paper", "〔2026〕15号") == 0
    told = git(root, "log", "-1", "--format=%an%n%B", "--name-only")
    assert told.split() == [
        "干事甲",
        "按工作簿",
        "改.xlsx",
        "更新",
        "1",
        "条记录",
        "依据：〔2026〕15号",
        "records/parties.csv",
    ]


def test_a_sheet_under_another_name_is_not_passed_over(root: Path) -> None:
    path = book(root)
    sheets = read_workbook(path)
    write_workbook(path, [Sheet({"议员": "成员"}.get(s.title, s.title), rows=s.rows) for s in sheets])
    assert take(root, path) == 1
    assert "退回 成员 1" in answer(path)
    assert sheet(path.with_name(f"改.{ANSWER}.xlsx"), "成员")[1][1] == "安娜·贝尔"
    assert git(root, "status", "--short") == ""


def test_without_an_author_nothing_is_begun(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = book(root)
    edit(path, "党团", lambda rows: put(rows, "red", "席位", 13))
    git(root, "config", "--unset", "user.email")
    monkeypatch.setenv("HOME", str(root.parent))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(root.parent))
    assert take(root, path, "--commit") == 2
    assert git(root, "status", "--short") == ""


def test_what_is_no_workbook_of_ours_is_told(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = root.parent / "别的.xlsx"
    for content in (b"PK\x03\x04", b"", b"a,b"):
        path.write_bytes(content)
        assert take(root, path) == 2
    write_workbook(path, [Sheet("甲", rows=[["乙"]])])
    assert take(root, path) == 2
    assert take(root, root / "没有.xlsx") == 2
    assert main(["--root", str(root), "sheet", str(path), "--table", "没有"]) == 2
    assert main(["--root", str(root), "sheet", str(path), "--in", "没有"]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_merged_cells_that_cannot_be_told_are_not_taken_for_empty(root: Path) -> None:
    path = root.parent / "册.ods"
    with zipfile.ZipFile(path, "w") as parts:
        parts.writestr("content.xml", '<table:table-cell table:number-rows-spanned="2"/>')
    with pytest.raises(UsageError, match="另存为 xlsx"):
        read_workbook(path)


def test_a_clean_error_elsewhere_refuses_the_record_that_brings_it(root: Path) -> None:
    path = book(root)
    edit(path, "党团", lambda rows: rows.pop(1))
    assert take(root, path, "--delete") == 1
    assert git(root, "status", "--short") == ""


CALC = Path(__file__).with_name("calc.py")
HAS_CALC = (
    bool(shutil.which("soffice"))
    and not subprocess.run(
        ["/usr/bin/python3", "-c", "import uno"], capture_output=True, check=False
    ).returncode
)


def type_in_calc(source: Path, target: Path, *typed: tuple[str, int, int, str]) -> list[list[str]]:
    """Open a workbook in LibreOffice, type into cells (rows and columns from 0) and save it; return what they offer."""
    filters = {".xlsx": "Calc MS Excel 2007 XML", ".ods": "calc8", ".xls": "MS Excel 97"}
    done = subprocess.run(
        ["/usr/bin/python3", str(CALC), str(source), str(target), filters[target.suffix]],
        input="\n".join(map(json.dumps, typed)),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.exhaustive
@pytest.mark.skipif(not HAS_CALC, reason="needs LibreOffice Calc and its Python bridge (python3-uno)")
@pytest.mark.parametrize("kind", ["xlsx", "ods", "xls"])
def test_a_workbook_edited_and_saved_by_libreoffice_is_taken(root: Path, kind: str) -> None:
    people = "议员"
    saved, mended = root.parent / f"改.{kind}", root.parent / f"再.{kind}"
    new = ["M007", "戊", "wu", "blue 蓝党团", "学士", "0.5", "是", "2025-03-01"]
    offered = type_in_calc(
        book(root),
        saved,
        (people, 1, 1, "安娜"),
        (people, 1, 3, "blue 蓝党团"),
        (people, 1, 7, "2021-03-04"),
        (people, 2, 7, "2020-13-41"),
        *((people, 7, n, text) for n, text in enumerate(new)),
    )
    assert offered[1] == ["LIST", "$选项.$A$1:$A$2", "WARNING", "例：red"]
    assert offered[0][3] == "必填。\n例：安娜"
    assert take(root, saved, "--in", "south") == 1
    assert record(root, "M001") == "M001,安娜,an na bei er,blue,硕士,0.93,是,2021-03-04,,,"
    assert record(root, "M007") == "M007,戊,wu,blue,学士,0.5,是,2025-03-01,,,"
    assert git(root, "diff", "--stat", "--", "records/votes", "records/sittings") == ""
    # What was refused is put right in the answer, in LibreOffice too.
    type_in_calc(root.parent / f"改.{ANSWER}.xlsx", mended, (people, 2, 7, "2020-12-31"))
    assert take(root, mended) == 0
    assert record(root, "M002") == "M002,<b>|{{x}},x,blue,学士,0.4,否,2020-12-31,,,"
    assert record(root, "M003").startswith('M003,"=1+1 ""引号""",yin hao,blue')
    assert record(root, "M006").endswith(PHONE)
