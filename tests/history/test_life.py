from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from repository import LI, WANG, Repository

from lingtouyan.cli import main
from lingtouyan.history import changes

Asked = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ask(repository: Repository, capsys: pytest.CaptureFixture[str]) -> Asked:
    """The command, on a repository where a person's file was filled, moved, changed and given a list."""
    repository.tree.table("secrets", [{"name": "id", "sensitivity": "restricted"}, "why"], primaryKey=["id"])
    person = "id: P1\nname: 张三\nborn: 1970-01-01\nphone: '13800000000'\nposts:\n- post: 委员\n  place: 甲\n"
    repository.commit(
        {"records/a/people/P1.yaml": person, "records/a/people/P2.yaml": "id: P2\nname: 李四\n"}, "建档"
    )
    moved = person.replace("13800000000", "13911112222").replace("委员", "主任")
    repository.commit(
        {"records/a/people/P1.yaml": None, "records/b/people/P1.yaml": moved},
        "迁到乙镇\n\n依据：乙委〔2026〕3号",
        LI,
    )
    repository.commit(
        {
            "records/b/people/P1.yaml": moved.replace("张三", "张叁"),
            "records/a/people/P3.yaml": "id: P3\nname: 李四\n",
        },
        "更名",
        WANG,
    )
    repository.commit({"records/a/people/P2.yaml": None, "records/secrets.csv": "id,why\nP1,警告\n"}, "删去")

    def asked(*arguments: str) -> tuple[int, str, str]:
        code = main(["--root", str(repository.root), "history", *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return asked


def rows(answer: tuple[int, str, str]) -> list[dict[str, Any]]:
    assert answer[0] == 0, answer[2]
    result: list[dict[str, Any]] = json.loads(answer[1])
    return result


def test_a_record_is_followed_to_another_file_with_its_lists(ask: Asked) -> None:
    code, out, _ = ask("people", "P1")
    assert code == 0
    assert "新增 people表 P1：name标题 张三，born标题 1970-01-01，phone标题 ●●●" in out
    assert "新增 posts表 P1/1：post标题 委员，place标题 甲" in out
    assert "修改 posts表 P1/1 post标题：委员 → 主任" in out
    assert "修改 people表 P1 name标题：张三 → 张叁" in out
    assert "李乙：迁到乙镇" in out
    assert "    | 依据：乙委〔2026〕3号" in out
    assert "13800000000" not in out
    assert "13911112222" not in out


def test_a_field_is_asked_for_by_name_or_title_and_begins_with_its_first_value(ask: Asked) -> None:
    told = rows(ask("people", "P1", "name", "--format", "json"))
    assert told == rows(ask("people表", "P1", "name标题", "--format", "json"))
    assert [(r["action"], r["values"], r["before"], r["after"], r["author"]) for r in told] == [
        ("added", {"name": "张三"}, None, None, "张甲"),
        ("changed", {}, "张三", "张叁", "王丙"),
    ]
    assert told[1]["file"] == "records/b/people/P1.yaml"


def test_a_list_item_has_a_life_of_its_own(ask: Asked) -> None:
    told = rows(ask("posts", "P1/1", "--format", "json"))
    assert [(r["action"], r["field"], r["after"]) for r in told] == [
        ("added", None, None),
        ("changed", "post", "主任"),
    ]


def test_a_record_that_is_gone_tells_what_it_held(ask: Asked) -> None:
    told = rows(ask("people", "P2", "name", "--format", "json"))
    assert [(r["action"], r["values"], r["before"]) for r in told] == [
        ("added", {"name": "李四"}, None),
        ("removed", {}, "李四"),
    ]


def test_what_is_not_committed_is_no_history(ask: Asked, repository: Repository) -> None:
    (repository.root / "records/b/people/P1.yaml").write_text("id: P1\nname: 别人\n", "utf-8")
    assert "别人" not in ask("people", "P1")[1]
    assert ask("people", "P1", "name")[1].count("张三") == 2


def test_a_name_stands_for_the_one_record_that_has_it(ask: Asked, repository: Repository) -> None:
    assert rows(ask("people", "张叁", "--format", "json")) == rows(ask("people", "P1", "--format", "json"))
    repository.commit({"records/a/people/P4.yaml": "id: P4\nname: 李四\n"}, "同名")
    code, _, err = ask("people", "李四")
    assert (code, "P3、P4" in err) == (2, True)


def test_who_is_gone_or_was_called_so_once_is_found_by_name(ask: Asked, repository: Repository) -> None:
    assert rows(ask("people", "张三", "--format", "json")) == rows(ask("people", "P1", "--format", "json"))
    repository.commit({"records/a/people/P3.yaml": None}, "离任")
    code, _, err = ask("people", "李四")
    assert (code, "P2、P3" in err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("people", "P9"), "请核对编号"),
        (("nothing", "P1"), "没有 “nothing” 这张表"),
        (("people", "P1", "nothing"), "可用：id（id标题）"),
        (("secrets", "P1"), "限制级"),
        (("people", "P1\x1b[31m"), "请核对编号"),
    ],
)
def test_what_is_not_there_is_told_with_what_to_do(
    ask: Asked, arguments: tuple[str, ...], words: str
) -> None:
    code, out, err = ask(*arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert "\x1b" not in err


# one key in two files


V = "records/{}/villages.csv"
HEAD = "village,name,size\n"


def village(repository: Repository, capsys: pytest.CaptureFixture[str]) -> list[tuple[bool, list[str]]]:
    """Of each record that was ever V6: whether it lives, and what happened to it in words."""
    assert main(["--root", str(repository.root), "history", "villages", "V6", "--format", "json"]) == 0
    stories: dict[tuple[str, bool], list[str]] = {}
    for r in json.loads(capsys.readouterr().out):
        words = r["values"].get("name") or f"{r['field']} {r['before']}→{r['after']}"
        stories.setdefault((r["record"], r["lives"]), []).append(f"{r['action']} {words}")
    return [(lives, told) for (_, lives), told in sorted(stories.items())]


@pytest.mark.parametrize("at_the_merge", [False, True])
def test_a_number_taken_on_two_branches_by_records_that_are_much_alike(
    repository: Repository, capsys: pytest.CaptureFixture[str], at_the_merge: bool
) -> None:
    repository.commit({V.format("a"): HEAD + "V1,一,10\n", V.format("b"): HEAD + "V2,二,10\n"})
    repository.branch("side")
    repository.commit({V.format("b"): HEAD + "V2,二,10\nV6,乙,10\n"})
    repository.git("checkout", "-q", "main")
    repository.commit({V.format("a"): HEAD + "V1,一,10\nV6,甲,10\n"})
    renumbered = {V.format("b"): HEAD + "V2,二,10\nV7,乙,10\n"}
    repository.merge("side", renumbered if at_the_merge else {})
    if not at_the_merge:
        assert village(repository, capsys) == [(True, ["added 甲"]), (True, ["added 乙"])]
        repository.commit(renumbered)
    gone = ["added 乙", "removed village V6→None", "removed name 乙→None", "removed size 10→None"]
    assert village(repository, capsys) == [(True, ["added 甲"]), (False, gone)]


@pytest.mark.parametrize("first", ["甲", "乙"])
def test_a_number_taken_on_two_branches_in_one_file(
    repository: Repository, capsys: pytest.CaptureFixture[str], first: str
) -> None:
    file = V.format("a")
    repository.commit({file: HEAD + "V1,一,10\n"})
    lines = ["V6,甲,10\n", "V6,乙,30\n"][:: 1 if first == "甲" else -1]
    repository.branch("side")
    repository.commit({file: HEAD + "V1,一,10\n" + lines[1]})
    repository.git("checkout", "-q", "main")
    repository.commit({file: HEAD + "V1,一,10\n" + lines[0]})
    repository.merge("side", {file: HEAD + "V1,一,10\n" + "".join(lines)})
    repository.commit({file: HEAD + "V1,一,10\nV7,甲,10\nV6,乙,30\n"})
    gone = ["added 甲", "removed village V6→None", "removed name 甲→None", "removed size 10→None"]
    assert village(repository, capsys) == [(False, gone), (True, ["added 乙"])]
    repository.commit({file: HEAD + "V1,一,10\nV7,甲,10\nV6,乙,31\nV6,丙,40\n"})
    repository.commit({file: HEAD + "V1,一,10\nV7,甲,10\nV6,丙,41\n"})
    lives = [told for lives, told in village(repository, capsys) if lives]
    assert lives == [["added 丙", "changed size 40→41"]]


def test_a_number_taken_again_by_another_is_another_record(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.commit({V.format("a"): HEAD + "V1,一,10\nV6,甲,10\n"})
    repository.commit({V.format("b"): HEAD + "V6,乙,10\n"})
    repository.commit({V.format("a"): HEAD + "V1,一,10\nV7,甲,10\n"})
    gone = ["added 甲", "removed village V6→None", "removed name 甲→None", "removed size 10→None"]
    assert village(repository, capsys) == [(False, gone), (True, ["added 乙"])]
    repository.commit({V.format("a"): HEAD + "V1,一,10\nV6,丙,30\n"})
    assert [told for lives, told in village(repository, capsys) if lives] == [["added 丙"], ["added 乙"]]


def test_a_number_handed_on_in_one_commit_is_no_move(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.commit({V.format("a"): HEAD + "V1,一,10\nV6,甲,10\n"})
    repository.commit({V.format("a"): HEAD + "V1,一,10\nV7,甲,10\n", V.format("b"): HEAD + "V6,乙,30\n"})
    gone = ["added 甲", "removed village V6→None", "removed name 甲→None", "removed size 10→None"]
    assert village(repository, capsys) == [(False, gone), (True, ["added 乙"])]


def test_taken_out_of_one_file_and_then_put_into_another_it_is_one_record(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.commit({V.format("a"): HEAD + "V1,一,10\nV6,甲,10\n"})
    repository.commit({V.format("a"): HEAD + "V1,一,10\n"})
    repository.commit({V.format("b"): HEAD + "V6,甲,11\n"})
    [(lives, told)] = village(repository, capsys)
    assert lives
    assert (told[0], told[-2:]) == ("added 甲", ["added 甲", "changed size 10→11"])


def test_of_two_copies_changed_apart_the_one_that_stays_is_told_as_it_is(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.commit({V.format("a"): HEAD + "V6,甲,10\n"})
    repository.commit({V.format("b"): HEAD + "V6,甲,10\n"})
    repository.commit({V.format("a"): HEAD + "V6,甲,11\n"})
    repository.commit({V.format("b"): HEAD + "V6,甲村,10\n"})
    repository.commit({V.format("a"): HEAD})
    assert village(repository, capsys) == [
        (True, ["added 甲", "changed size 10→11", "changed name 甲→甲村", "changed size 11→10"])
    ]


def test_an_import_with_odd_names_is_told(
    repository: Repository, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "IMPORT", 1)
    odd = os.fsdecode(b"records/\xb1\xb1/people/P2.yaml")
    repository.commit({"records/a/people/P1.yaml": "id: P1\nname: 张三\n", odd: "id: P2\nname: 李四\n"})
    root = ["--root", str(repository.root)]
    assert main([*root, "history", "people", "P1"]) == 0
    assert "name标题 张三" in capsys.readouterr().out
    assert main([*root, "query", "SELECT record_key, action FROM changes"]) == 0
    assert "P1" in capsys.readouterr().out
