"""A new city from the project's own tree, and later what has become newer there."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from trees import Tree

from lingtouyan.cli import main
from lingtouyan.commands.init import read_units
from lingtouyan.exchange.workbook import Sheet, write_workbook
from lingtouyan.problems import Severity, UsageError
from lingtouyan.reading.yaml import parse_yaml

ROOT = Path(__file__).resolve().parents[2]
UNITS: Any = parse_yaml((ROOT / "starter/starter.yaml").read_text())
NAMES = ["平川镇", "高岭乡"]


def git(root: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=True).stdout


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project, as somebody cloned it."""
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "某人")
    config = tmp_path / "gitconfig"
    config.write_text("[user]\nname = 某人\nemail = a@b.example\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".gitconfig").write_bytes(config.read_bytes())
    names = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for name in (n for n in names if not n.startswith((".venv", "tests", "records/townships"))):
        target = tmp_path / "project" / name
        if (ROOT / name).is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target)
    git(tmp_path / "project", "init", "-q")
    git(tmp_path / "project", "add", "-A")
    git(tmp_path / "project", "commit", "-q", "-m", "now")
    return tmp_path / "project"


def city(project: Path, *more: str) -> Path:
    listed = project.parent / "list.csv"
    listed.write_text("名称,代码,村（社区）\n平川镇,530101101,东风村、桥头社区\n高岭乡,,上坝村\n")
    made = project.parent / "city"
    given = ["--name", "云川市", "--code", "5301", "--townships", str(listed), "--starts-on", "2026-01-01"]
    assert main(["init", str(made), "--from", str(project), *given, *more]) == 0
    return made


@pytest.mark.slow
def test_a_list_of_townships_becomes_a_checked_repository_of_its_own(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = city(project, "--host", "gitlab")
    said = capsys.readouterr().out
    assert "没有代码的单位：高岭乡" in said
    assert "没有代码的下级单位 3 个" in said
    # Warnings alone are summed up.
    assert "不影响生成" in said
    assert "个错误" not in said
    assert git(made, "log", "--format=%s").splitlines() == ["建立云川市的记录库"]
    assert git(made, "status", "--porcelain") == ""
    assert (made / ".gitlab-ci.yml").is_file()
    assert not (made / ".github").exists()
    assert (made / ".gitlab/CODEOWNERS").is_file()
    assert (made / ".ci/set-up").stat().st_mode & 0o100
    assert "V0003,,上坝村,村" in (made / "records/townships/高岭乡/villages.csv").read_text()
    everything = "".join(
        p.read_text() for p in made.rglob("*") if p.suffix in (".yaml", ".yml", ".csv", ".md", ".sql")
    )
    assert "示例市" not in everything
    assert "@shili" not in (made / "records/city/organisations.csv").read_text()
    assert not list((made / "records").rglob("people"))
    assert all("draft: 是" in p.read_text() for p in (made / "records/city/policies").iterdir())


def test_without_a_terminal_it_asks_nothing_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", str(tmp_path / "city")]) == 2
    assert "--name" in capsys.readouterr().err
    assert not (tmp_path / "city").exists()
    (tmp_path / "mine.txt").write_text("")
    assert main(["init", str(tmp_path), "--name", "云川市", "--from", str(ROOT)]) == 2
    assert "不是空文件夹" in capsys.readouterr().err


LISTS: dict[str, list[list[Any]]] = {
    "parted": [
        ["名单"],
        ["名称", "代码", "村（社区）"],
        [NAMES[0], 530101101, "东风村、桥头社区"],
        [NAMES[1], "530101201", "上坝村"],
    ],
    "one a row, the township once": [
        ["乡镇", "乡镇代码", "村名", "村代码"],
        [NAMES[0], "530101101", "东风村", "530101101201"],
        ["", "", "桥头社区", "530101101001"],
        [NAMES[1], "530101201", "上坝村", "530101201200"],
        ["合计", "", "3个", ""],
    ],
    "numbered, the total a figure": [
        ["序号", "乡镇", "乡镇代码", "村名", "村代码"],
        [1, NAMES[0], "530101101", "东风村", "530101101201"],
        [2, "", "", "桥头社区", "530101101001"],
        [3, NAMES[1], "530101201", "上坝村", "530101201200"],
        ["合 计", 2, "", 3, ""],
    ],
    "the codes are the villages'": [
        ["街道（乡镇）", "村", "代码"],
        [NAMES[0], "东风村", "530101101201"],
        [NAMES[0], "桥头社区", "530101101001"],
        [NAMES[1], "上坝村", "530101201200"],
    ],
}


@pytest.mark.parametrize("shape", LISTS)
def test_lists_as_cities_have_them(tmp_path: Path, shape: str) -> None:
    path = tmp_path / "list.xlsx"
    write_workbook(path, [Sheet("一", rows=LISTS[shape])])
    units, unread = read_units(path, UNITS["units"])
    assert [w for w in unread if "序号" not in w] == []
    assert [(u["name"], u["id"]) for u in units] == [("平川镇", "pingchuan"), ("高岭乡", "gaoling")]
    assert [(i["name"], i["number"]) for u in units for i in u["items"]] == [
        ("东风村", 1),
        ("桥头社区", 2),
        ("上坝村", 3),
    ]
    codes = [i["code"] for u in units for i in u["items"]]
    assert codes == (["", "", ""] if shape == "parted" else ["530101101201", "530101101001", "530101201200"])
    assert units[0]["code"] == ("" if "villages" in shape else "530101101")


@pytest.mark.parametrize("heading", ["村(社区)", "所辖村（社区）", "行政村", "村（居）委会"])
def test_a_column_of_villages_by_its_other_names(tmp_path: Path, heading: str) -> None:
    (tmp_path / "list.csv").write_text(f"镇街,{heading}\n平川镇,东风村、桥头社区\n")
    units, unread = read_units(tmp_path / "list.csv", UNITS["units"])
    assert ([i["name"] for i in units[0]["items"]], unread) == (["东风村", "桥头社区"], [])


def test_what_is_not_read_of_a_list_is_told(tmp_path: Path) -> None:
    rows = [["乡镇", "片区里的"], ["平川镇", "东风村、桥头社区"]]
    write_workbook(tmp_path / "list.xlsx", [Sheet("一", rows=rows), Sheet("二", rows=[["说明"]])])
    units, unread = read_units(tmp_path / "list.xlsx", UNITS["units"])
    assert [len(u["items"]) for u in units] == [0]
    assert [w.partition("，")[0] for w in unread[:2]] == [
        "一 “片区里的” 没有对应的栏目",
        "二 没有认得出的表头",
    ]
    assert "没有读到下级单位" in unread[2]


@pytest.mark.parametrize("text", ["甲,乙\n1,2\n", "名称,代码\n../../x,1\n", "名称,代码\n12,1\n"])
def test_a_list_that_cannot_be_meant_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(UsageError, match=r"认得出的表头|不像名称"):
        read_units(tmp_path / "list.csv", UNITS["units"])


@pytest.mark.slow
@pytest.mark.exhaustive
def test_an_upgrade_brings_what_is_new_and_keeps_what_the_city_changed(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # A host without pipelines of its own, and with one template for all kinds of change.
    made = city(project, "--host", "gitee")
    assert "没有随库的流水线" in (made / "README.md").read_text()
    assert (made / ".gitee/PULL_REQUEST_TEMPLATE.zh-CN.md").is_file()
    assert (made / ".ci/hosts/gitlab/.gitlab/merge_request_templates/任职.md").is_file()
    policy = made / "records/city/policies/selection.md"
    policy.write_text(
        policy.read_text().replace(
            'name: vacancy_days, title: 书记空缺最长天数, value: "90"',
            'name: vacancy_days, title: 书记空缺最长天数, value: "60"',
        )
    )
    rule = made / "schemas/rules/R01.sql"
    rule.write_text(rule.read_text() + "-- ours\n")
    git(made, "commit", "-q", "-am", "ours")
    newer = project / "schemas/rules/R89.sql"
    newer.write_text(newer.read_text().replace("还没有登记区划代码", "缺区划代码"))
    (project / "schemas/rules/R05.sql").unlink()
    (project / "records/city/organisations.csv").write_text("")
    git(project, "commit", "-q", "-am", "newer")
    capsys.readouterr()
    assert main(["--root", str(made), "upgrade"]) == 0
    said = capsys.readouterr().out
    assert "缺区划代码" in said
    assert "缺区划代码" in (made / "schemas/rules/R89.sql").read_text()
    assert not (made / "schemas/rules/R05.sql").exists()
    assert rule.read_text().endswith("-- ours\n")
    assert "中共云川市委员会" in (made / "records/city/organisations.csv").read_text()
    assert main(["--root", str(made), "upgrade"]) == 0
    assert "没有新的" in capsys.readouterr().out
    # The same place, changed on both sides.
    upstream = project / "schemas/rules/R01.sql"
    upstream.write_text(upstream.read_text() + "-- theirs\n")
    git(project, "commit", "-q", "-am", "newest")
    assert main(["--root", str(made), "upgrade"]) == 1
    assert "schemas/rules/R01.sql" in capsys.readouterr().out
    assert "<<<<<<<" in rule.read_text()


@pytest.mark.parametrize(
    "day,severity",
    [("2025-12-31", Severity.WARNING), ("2025-12", Severity.WARNING), ("2026-01-01", Severity.ERROR)],
)
def test_what_was_before_the_register_began_is_a_reminder(tree: Tree, day: str, severity: Severity) -> None:
    tree.table("a", ["n", {"name": "day", "type": "date"}], path="records/a.csv")
    tree.package(lingtouyan={"as_of": "2026-01-31", "starts_on": "2026-01-01"})
    tree.write("records/a.csv", f"n,day\n1,{day}\n")
    head = "/*\nid: Q\ntitle: 试\nseverity: error\ntable: a\nmessage: '{n}不对'\ndated: day\n*/\n"
    tree.write("schemas/rules/Q.sql", f"{head}SELECT _file, _line, n, day FROM a")
    (found,) = tree.check()
    assert (found.rule, found.severity) == ("Q", severity)
    assert ("登记起始日" in found.message) is (severity is Severity.WARNING)


def test_from_the_day_the_register_began_a_date_is_a_whole_one(tree: Tree) -> None:
    tree.table("a", ["n", {"name": "day", "type": "date"}], path="records/a.csv")
    tree.package(lingtouyan={"as_of": "2026-01-31", "starts_on": "2026-01-01"})
    tree.write("records/a.csv", "n,day\n1,2026-01\n")
    (found,) = tree.check()
    assert (found.column, found.severity) == ("day标题", Severity.ERROR)
