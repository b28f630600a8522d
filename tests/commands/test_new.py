"""A new record from a few words: the next number, the right folder, valid afterwards or not written at all."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from trees import Tree

from lingtouyan.cli import main
from lingtouyan.commands.fmt import format_records
from lingtouyan.commands.new import new_record
from lingtouyan.problems import Severity, UsageError
from lingtouyan.project import Project
from lingtouyan.reading.package import Field
from lingtouyan.reading.records import read_records
from lingtouyan.reading.source import WorkTree

ROOT = Path(__file__).resolve().parents[2]
# What has to differ from a record that is there already, where the key is not just a number.
OTHERWISE = {
    "organisations": {"org_id": "xindanwei"},
    "terms": {"term": "2031"},
    "calendar": {"date": "2031-01-01"},
    "calendar_years": {"year": "2031"},
    "indicators": {"indicator_id": "new_one"},
    "snapshots": {"snapshot_id": "Z2026-99"},
    "statistics": {"org_id": "sfy"},
    "inspections": {"year": "2019"},
    "pay_schemes": {"year": "2035"},
    "people": {},
    "attendance": {"class_id": "C2021-01"},
    "targets": {"metric": "新的指标"},
    "payments": {"year": "2017"},
    "pay_totals": {"year": "2017"},
}


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample city, to be written to."""
    root = tmp_path_factory.mktemp("new") / "city"
    for part in ("records", "schemas"):
        shutil.copytree(ROOT / part, root / part)
    shutil.copy(ROOT / "datapackage.yaml", root)
    return root


# One of each shape of file; LINGTOUYAN_NEW=all tries every table of the city, which takes minutes.
SOME = ("people", "payments")


@pytest.mark.slow
@pytest.mark.exhaustive
def test_records_of_the_sample_city_can_be_made(city: Path) -> None:
    package = Project.open(city).package
    records = read_records(WorkTree(city), package)
    failed = {}
    for table in package.tables.values():
        every = os.environ.get("LINGTOUYAN_NEW") == "all" or table.name in SOME
        if table.parent or table.kind == "markdown" or not every:
            continue
        names = [f.name for f in table.fields]
        rows = [(file, dict(zip(names, cells, strict=True))) for file, (_, cells) in records.rows(table.name)]
        file, row = rows[-1]
        needed = {f.name for f in table.fields if f.required} | set(table.primary_key)
        needed |= {k for key in table.foreign_keys for k in key.fields}
        if table.name not in OTHERWISE:
            needed -= set(table.primary_key)
        given = {n: v for n, v in row.items() if n in needed and v} | OTHERWISE.get(table.name, {})
        if table.name == "people":
            given = {n: v for n, v in given.items() if n not in table.primary_key}
        # A person without a village, and tables that name none, do not say by themselves where they belong.
        folder = file.split("/")[2] if "townships" in file else ""
        try:
            made = new_record(city, table.name, given, folder, None)
        except UsageError as fault:
            failed[table.name] = str(fault)
            continue
        if Path(made.file).parent != Path(file).parent:
            failed[table.name] = f"{made.file} beside {file}"
    assert failed == {}
    assert format_records(city, write=False).changed == []


@pytest.fixture
def small(tree: Tree) -> Tree:
    villages = [{"name": n, "constraints": {"required": True}} for n in ("village", "town")]
    tree.table("villages", [*villages, "note"], path="records/*/villages.csv", primaryKey=["village"])
    tree.table(
        "people",
        [
            {
                "name": "id",
                "title": "编号",
                "example": "P0001",
                "constraints": {"required": True, "pattern": r"^P\d{4}$"},
            },
            {"name": "name", "title": "姓名", "constraints": {"required": True}},
            {"name": "sex", "title": "性别", "constraints": {"required": True, "enum": ["男", "女"]}},
            {"name": "village", "constraints": {"required": True}},
            {"name": "born", "title": "出生", "type": "date"},
            {
                "name": "phone",
                "title": "电话",
                "sensitivity": "restricted",
                "constraints": {"pattern": r"^\d{11}$"},
            },
        ],
        path="records/*/people/*.yaml",
        primaryKey=["id"],
        foreignKeys=[{"fields": ["village"], "reference": {"resource": "villages", "fields": ["village"]}}],
    )
    tree.table(
        "papers",
        [
            "id",
            {"name": "paper", "constraints": {"required": True}},
            {"name": "pages", "type": "integer", "constraints": {"required": True}},
        ],
        parent="people",
        property="papers",
        primaryKey=["id", "paper"],
        scaffold="SELECT paper, pages FROM (VALUES ('甲', 1), ('乙', NULL)) AS x(paper, pages) WHERE $sex = '女'",
    )
    tree.write("records/青山镇/villages.csv", "village,town,note\nV1,青山镇,\nV2,青山镇,\n")
    tree.write("records/绿水乡/villages.csv", "village,town,note\nV3,绿水乡,\n")
    tree.write("records/绿水乡/people/P0007.yaml", "id: P0007\nname: 甲\nsex: 男\nvillage: V3\n")
    return tree


def new(tree: Tree, table: str, *values: str) -> int:
    return main(["--root", str(tree.root), "new", table, *values])


def test_the_next_number_in_the_right_folder(small: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    assert new(small, "people", "姓名=李示范", "sex=女", "village=V1", "出生=１９７５/3/5") == 0
    assert (small.root / "records/青山镇/people/P0008.yaml").read_text() == (
        "id: P0008\nname: 李示范\nsex: 女\nvillage: V1\nborn: 1975-03-05\npapers:\n  - {paper: 甲, pages: 1}\n"
    )
    out = capsys.readouterr().out
    assert "编号 P0008" in out
    # Of what more has to be known first, only a list is given.
    assert "另填pages标题" in out
    assert "□ 乙" in out
    assert new(small, "villages", "village=V9", "town=青山镇", "--in", "青山") == 0
    assert (small.root / "records/青山镇/villages.csv").read_text().endswith("V2,青山镇,\nV9,青山镇,\n")
    assert [p for p in small.check() if p.severity is Severity.ERROR] == []


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (("name=李",), "sex=…  性别"),
        (("name=李", "sex=他", "village=V1"), "男"),
        (("name=李", "sex=男", "village=V404"), "V404"),
        (("name=李", "sex=男", "village=V1", "id=Q1"), "P0001"),
        (("name=李", "sex=男", "village=V3", "id=P0007"), "已经存在"),
        (("name=李", "sex=男", "village=V1", "born=1975-02-30"), "日历上没有"),
        (("name=李", "sex=男", "village=V1", "phone=138-1234"), "不予显示"),
        (("nme=李",), "name（姓名）"),
        (("李",), "字段=值"),
    ],
)
def test_what_does_not_fit_is_not_written(
    small: Tree, values: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted((p, p.read_bytes()) for p in small.root.glob("records/**/*") if p.is_file())
    assert new(small, "people", *values) == 2
    said = capsys.readouterr().err
    assert words in said
    assert "138-1234" not in said
    assert sorted((p, p.read_bytes()) for p in small.root.glob("records/**/*") if p.is_file()) == before


@pytest.mark.parametrize("table", ["papers", "nothing", "a\x1b[31m"])
def test_only_tables_of_records_can_be_added_to(
    small: Tree, table: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert new(small, table) == 2
    said = capsys.readouterr().err
    assert "可用的表：villages、people" in said
    assert "\x1b" not in said


def test_a_table_in_another_form_is_mended_and_one_that_is_broken_is_left(
    small: Tree, capsys: pytest.CaptureFixture[str]
) -> None:
    path = "records/青山镇/villages.csv"
    small.write(path, "town,village,note\r\n青山镇,V1,山\r\n".encode("gb18030"))
    assert new(small, "villages", "village=V2", "town=青山镇", "--in", "青山") == 0
    assert (small.root / path).read_text() == "village,town,note\nV1,青山镇,山\nV2,青山镇,\n"
    broken = 'village,town,note\nV1,"青山镇,山\n'
    small.write(path, broken)
    assert new(small, "villages", "village=V2", "town=青山镇", "--in", "青山") == 2
    assert (small.root / path).read_text() == broken
    assert "没有写入" in capsys.readouterr().err
    small.write(path, "village,town,note\n")
    assert new(small, "villages", "village=V2\nV3", "town=青山镇", "--in", "青山") == 2
    assert "换行" in capsys.readouterr().err
    assert new(small, "villages", "village=V2", "town=青山镇") == 2
    assert "--in" in capsys.readouterr().err


def test_a_person_is_asked_until_the_answer_fits(small: Tree) -> None:
    answers = iter(["", "李示范", "他", "女", "V1"])
    heard: list[tuple[str, str]] = []

    def ask(field: Field, fault: str) -> str:
        heard.append((field.title, fault))
        return next(answers)

    made = new_record(small.root, "people", {}, "", ask)
    assert made.key == "P0008"
    assert [title for title, _ in heard] == ["姓名", "姓名", "性别", "性别", "village标题"]
    assert "没有填写" in heard[1][1]
    assert "男" in heard[3][1]


def test_what_a_person_refers_to_is_asked_for_again_until_it_exists(small: Tree) -> None:
    answers = iter(["李示范", "女", "V404", "V1"])
    heard: list[str] = []

    def ask(field: Field, fault: str) -> str:
        heard.append(fault)
        return next(answers)

    assert new_record(small.root, "people", {}, "", ask).file.startswith("records/青山镇/")
    assert "V404" in heard[3]
    # What was given beforehand is judged before anything is asked.
    with pytest.raises(UsageError, match="V404"):
        new_record(small.root, "people", {"village": "V404"}, "", ask)


def test_a_record_is_referred_to_by_what_it_is_called(tree: Tree) -> None:
    named: list[Any] = [{"name": "village"}, {"name": "called", "title": "名称"}]
    key = [{"fields": ["village"], "reference": {"resource": "villages", "fields": ["village"]}}]
    tree.table("villages", named, path="records/*/villages.csv", primaryKey=["village"], label="called")
    tree.table("posts", ["id", "village"], path="records/*/posts.csv", primaryKey=["id"], foreignKeys=key)
    tree.write("records/north/villages.csv", "village,called\nV1,东山\nV2,西山\n")
    tree.write("records/south/villages.csv", "village,called\nV3,东山\n")
    given = {"id": "T1", "village": "西山"}
    assert new_record(tree.root, "posts", given, "", None).file == "records/north/posts.csv"
    assert "T1,V2" in (tree.root / "records/north/posts.csv").read_text()
    with pytest.raises(UsageError, match="叫 “东山” 的不止一个：V1、V3。请写编号"):
        new_record(tree.root, "posts", {"id": "T2", "village": "东山"}, "", None)
    new_record(tree.root, "posts", {"id": "T2", "village": "东山"}, "south", None)
    assert "T2,V3" in (tree.root / "records/south/posts.csv").read_text()


def test_a_number_that_is_taken_and_a_folder_that_is_not_clear_are_asked_for_again(tree: Tree) -> None:
    tree.table("days", ["day", "note"], path="records/*/days.csv", primaryKey=["day"])
    for town in ("青山镇", "绿水乡"):
        tree.write(f"records/{town}/days.csv", f"day,note\n{town},\n")
    answers = iter(["青山镇", "三月", "山水", "", "绿"])
    heard: list[str] = []

    def ask(field: Field, fault: str) -> str:
        heard.append(fault)
        return next(answers)

    assert new_record(tree.root, "days", {}, "", ask).file == "records/绿水乡/days.csv"
    assert "青山镇 已经存在" in heard[1]
    assert "“山水” 不能确定是哪一个" in heard[3]


def test_what_was_answered_is_not_lost(
    small: Tree, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(["李 示范", "女"])

    def answer(_: str) -> str:
        try:
            return next(answers)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr("builtins.input", answer)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    assert new(small, "people", "born=1975-03-05") == 2
    assert "加在命令后面再来：'name=李 示范' 'sex=女'\n" in capsys.readouterr().err


def test_a_mistyped_table_or_field_gets_the_one_that_is_meant(
    small: Tree, capsys: pytest.CaptureFixture[str]
) -> None:
    for table, value, meant in (
        ("poeple", "name=李", "people"),
        ("people", "姓民=李", "姓名"),
        ("people", "nam=李", "name"),
    ):
        assert new(small, table, value) == 2
        assert f"您是不是要找 {meant}？" in capsys.readouterr().err


def test_a_table_goes_by_its_title_and_options_stand_anywhere(small: Tree) -> None:
    assert new(small, "villages表", "village=V9", "--in", "青山", "town=青山镇") == 0
    assert (small.root / "records/青山镇/villages.csv").read_text().endswith("V9,青山镇,\n")
    with pytest.raises(SystemExit):
        new(small, "villages表", "village=V10", "--into", "青山")


def test_the_first_record_of_a_folder_that_is_empty_yet(small: Tree) -> None:
    (small.root / "records/白云镇").mkdir()
    assert new(small, "villages", "village=V9", "town=白云镇", "--in", "白云") == 0
    assert (small.root / "records/白云镇/villages.csv").read_text() == "village,town,note\nV9,白云镇,\n"
    (small.root / "records/空镇").mkdir()
    assert new(small, "people", "name=李", "sex=男", "village=V9", "--in", "空镇") == 0
    assert (small.root / "records/空镇/people/P0008.yaml").is_file()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("- id: N1\n  name: 甲\n", "- id: N1\n  name: 甲\n- id: N2\n  name: 乙\n"),
        ("id: N1\nname: 甲\n", "- id: N1\n  name: 甲\n- id: N2\n  name: 乙\n"),
        ("- id: N1 # 旧\n  name: 甲\n", "- id: N1 # 旧\n  name: 甲\n- id: N2\n  name: 乙\n"),
        ("", "- id: N2\n  name: 乙\n"),
    ],
    ids=["list", "single", "comment", "none"],
)
def test_a_table_that_is_one_file_is_added_to(tree: Tree, before: str, after: str) -> None:
    tree.table("notes", ["id", "name"], path="records/notes.yaml", primaryKey=["id"])
    if before:
        tree.write("records/notes.yaml", before)
    else:
        (tree.root / "records").mkdir()
    new_record(tree.root, "notes", {"id": "N2", "name": "乙"}, "", None)
    assert (tree.root / "records/notes.yaml").read_text() == after


def test_a_record_is_added_where_others_are_wrong_and_only_its_own_faults_are_told(small: Tree) -> None:
    path = "records/青山镇/villages.csv"
    small.write(path, "village,town,note\nV7,,山\nV1,青山镇,\n")
    made = new_record(small.root, "villages", {"village": "V2", "town": "青山镇"}, "青山", None)
    assert (small.root / path).read_text() == "village,town,note\nV7,,山\nV1,青山镇,\nV2,青山镇,\n"
    assert made.problems == []


def test_a_series_that_names_a_year_begins_anew(tree: Tree) -> None:
    tree.table("filings", ["id"], path="records/filings.csv", primaryKey=["id"])
    tree.table("days", [{"name": "day", "type": "date"}], path="records/days.csv", primaryKey=["day"])
    tree.write("records/filings.csv", "id\nF2024-0099\nF2025-0007\n")
    tree.write("records/days.csv", "day\n2026-12-31\n")
    assert new_record(tree.root, "filings", {}, "", None).key == "F2026-0001"
    assert new_record(tree.root, "filings", {}, "", None).key == "F2026-0002"
    with pytest.raises(UsageError, match="day=…"):
        new_record(tree.root, "days", {}, "", None)


def test_without_a_terminal_nothing_is_asked(small: Tree) -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lingtouyan"), "--root", str(small.root), "new", "people"],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    assert done.returncode == 2
    assert "还缺必填的内容" in done.stderr
