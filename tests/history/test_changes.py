"""What a history says was changed: each clause of it tried on a small repository."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from repository import LI, WANG, Repository
from trees import Tree

from lingtouyan.cache import Cache
from lingtouyan.history.changes import read_history
from lingtouyan.problems import UsageError
from lingtouyan.project import Project
from lingtouyan.reading.source import MAX_BYTES

A, B = "records/青山镇/people/P1.yaml", "records/青山镇/people/P2.yaml"
V, W = "records/青山镇/villages.csv", "records/绿水乡/villages.csv"
PERSON = "id: P1\nname: 李示范\nborn: 1975-03-15\n"
HEAD = "village,name,size\n"


# fields, records


def test_a_changed_field_is_one_row_with_both_values(repository: Repository) -> None:
    repository.commit({A: PERSON})
    assert repository.rows() == [("added", "people", "P1", "", "", "")]
    repository.commit({A: PERSON.replace("1975", "1976")})
    assert repository.rows() == [("changed", "people", "P1", "born", "1975-03-15", "1976-03-15")]
    repository.commit({A: None})
    assert ("removed", "people", "P1", "name", "李示范", "") in repository.rows()


def test_restricted_values_never_enter_the_history(repository: Repository) -> None:
    repository.commit({A: PERSON + "phone: 13800000000\n"})
    repository.commit({A: PERSON + "phone: 13900000000\n"})
    repository.commit({A: None})
    history = repository.history()
    assert any(c.field == "phone" and c.before == c.after == "●●●" for c in history.changes)
    assert "13800000000" not in str(history.changes)
    assert "13900000000" not in str(history.changes)


def test_nested_keys_and_their_flat_spelling_are_the_same_field(repository: Repository) -> None:
    repository.commit({A: PERSON + "school_name: 甲校\n"})
    repository.commit({A: PERSON + "school:\n  name: 甲校\n"})
    assert repository.rows() == []
    repository.commit({A: PERSON + "school:\n  name: 乙校\n"})
    assert repository.rows() == [("changed", "people", "P1", "school_name", "甲校", "乙校")]


# what is no change


@pytest.mark.parametrize(
    "text",
    [
        "born: 1975-03-15\nname: 李示范\nid: P1\n",
        'id: "P1"\nname: \'李示范\'\nborn:   "1975-03-15"\n',
        "# 说明\nid: P1   # 编号\nname: 李示范\n\n\nborn: 1975-03-15\n",
        "{id: P1, name: 李示范, born: 1975-03-15}\n",
        "- id: P1\n  name: 李示范\n  born: 1975-03-15\n",
        PERSON.replace("\n", "\r\n"),
        "\ufeff" + PERSON,
        PERSON.encode("gb18030"),
        PERSON.rstrip("\n"),
        "name: >-\n  李示范\nid: P1\nborn: 1975-03-15\n",
    ],
    ids=["order", "quotes", "comments", "flow", "list", "crlf", "bom", "gb18030", "no line end", "folded"],
)
def test_another_spelling_of_a_document_is_no_change(repository: Repository, text: str | bytes) -> None:
    repository.commit({A: PERSON})
    repository.commit({A: text})
    assert repository.rows() == []
    repository.commit({A: PERSON.replace("李示范", "李示")})
    assert repository.rows() == [("changed", "people", "P1", "name", "李示范", "李示")]


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "V3,丙,30\nV2,乙,20\nV1,甲,10\n",
        "name,size,village\n甲,10,V1\n乙,20,V2\n丙,30,V3\n",
        (HEAD + "V1,甲,10\nV2,乙,20\nV3,丙,30\n").replace("\n", "\r\n"),
        (HEAD + "V1,甲,10\nV2,乙,20\nV3,丙,30\n").encode("gb18030"),
        (HEAD + "V1,甲,10\nV2,乙,20\nV3,丙,30\n").encode("utf-16"),
        "\ufeff" + HEAD + '"V1","甲",10\nV2,乙,"20"\n\nV3,丙,30',
    ],
    ids=["sorted", "columns", "crlf", "gb18030", "utf-16", "bom, quotes, blank line"],
)
def test_another_form_of_a_table_is_no_change(repository: Repository, text: str | bytes) -> None:
    repository.commit({V: HEAD + "V1,甲,10\nV2,乙,20\nV3,丙,30\n"})
    repository.commit({V: text})
    assert repository.rows() == []
    repository.commit({V: HEAD + "V1,甲,10\nV2,乙,21\nV3,丙,30\n"})
    assert repository.rows() == [("changed", "villages", "V2", "size", "20", "21")]


def test_a_record_is_followed_to_another_file(repository: Repository) -> None:
    repository.commit({A: PERSON, V: HEAD + "V1,甲,10\nV2,乙,20\n", W: HEAD + "V3,丙,30\n"})
    repository.commit({A: None, "records/绿水乡/people/旧 “名” 'x'.yaml": PERSON})
    assert repository.rows() == []
    repository.commit({V: HEAD + "V1,甲,10\n", W: HEAD + "V2,乙,20\nV3,丙,31\n"})
    assert repository.rows() == [("changed", "villages", "V3", "size", "30", "31")]
    # One table split over three files, and one document of several records over several.
    third = "records/third/villages.csv"
    repository.commit({W: HEAD + "V3,丙,31\n", third: HEAD + "V2,乙,20\n"})
    assert repository.rows() == []


def test_a_repeated_key_is_no_coming_and_going(repository: Repository) -> None:
    repository.commit({V: HEAD + "V1,甲,10\nV1,甲,11\nV2,乙,20\n"})
    repository.commit({V: HEAD + "V1,甲,10\nV2,乙,20\n"})
    assert [r for r in repository.rows() if r[0] == "removed"] == []


# lists


def test_an_item_put_in_front_moves_no_other(repository: Repository) -> None:
    lists = "posts:\n  - {post: 村主任, place: 甲村}\n  - {post: 书记, place: 甲村}\n"
    repository.commit({A: PERSON + lists})
    repository.commit({A: PERSON + lists.replace("posts:\n", "posts:\n  - {post: 会计, place: 甲村}\n")})
    assert repository.rows() == [("added", "posts", "P1/1", "", "", "")]


def test_an_item_moved_is_one_change_of_its_place(repository: Repository) -> None:
    items = [f"  - {{post: 职{n}, place: 甲村}}\n" for n in range(5)]
    repository.commit({A: PERSON + "posts:\n" + "".join(items)})
    repository.commit({A: PERSON + "posts:\n" + "".join([items[4], *items[:4]])})
    assert repository.rows() == [("changed", "posts", "P1/1", "ordinal", "5", "1")]


def test_a_list_that_is_told_by_names_may_be_sorted(repository: Repository) -> None:
    text = "honours:\n  - {title: 甲, level: 市}\n  - {title: 乙, level: 县}\n"
    repository.commit({A: PERSON + text})
    repository.commit({A: PERSON + "honours:\n  - title: 乙\n    level: 县\n  - {title: 甲, level: 省}\n"})
    assert repository.rows() == [("changed", "honours", "P1/甲", "level", "市", "省")]


def test_what_stands_below_an_item_follows_it(tree: Tree) -> None:
    tree.table("plans", ["plan"], path="records/*.yaml", primaryKey=["plan"])
    steps = ["plan", "what", {"name": "ordinal", "type": "integer"}]
    tree.table("steps", steps, parent="plans", property="steps", primaryKey=["plan", "ordinal"])
    tree.table(
        "votes",
        ["plan", {"name": "ordinal", "type": "integer"}, "who", "vote"],
        parent="steps",
        property="votes",
        primaryKey=["plan", "ordinal", "who"],
    )
    repository = Repository(tree)
    step = "  - what: 表决\n    votes:\n      - {who: 甲, vote: 同意}\n      - {who: 乙, vote: 反对}\n"
    repository.commit({"records/a.yaml": f"plan: A\nsteps:\n{step}"})
    repository.commit(
        {"records/a.yaml": f"plan: A\nsteps:\n  - {{what: 动员}}\n{step.replace('反对', '弃权')}"}
    )
    assert repository.rows() == [
        ("added", "steps", "A/1", "", "", ""),
        ("changed", "votes", "A/2/乙", "vote", "反对", "弃权"),
    ]


# merges


def test_a_merge_is_no_change_of_its_own(repository: Repository) -> None:
    repository.commit({A: PERSON, V: HEAD + "V1,甲,10\nV2,乙,20\n"})
    repository.branch("one")
    one = repository.commit({V: HEAD + "V1,甲,11\nV2,乙,20\n", A: PERSON + "school_name: 甲校\n"}, who=LI)
    repository.branch("two")
    two = repository.commit({V: HEAD + "V1,甲,10\nV2,乙,22\n", A: PERSON.replace("李示范", "李示")}, who=WANG)
    merges = [
        repository.merge("one"),
        repository.merge(
            "two",
            {V: HEAD + "V1,甲,11\nV2,乙,22\n", A: PERSON.replace("李示范", "李示") + "school_name: 甲校\n"},
        ),
    ]
    history = repository.history()
    assert [repository.rows(m, history) for m in merges] == [[], []]
    assert len(repository.rows(one, history)) == len(repository.rows(two, history)) == 2
    assert history.brought == {one: merges[0], two: merges[1]}


def test_a_value_that_only_the_merge_has_is_the_merges(repository: Repository) -> None:
    repository.commit({A: PERSON, B: PERSON.replace("P1", "P2")})
    repository.branch("side")
    repository.commit({A: PERSON.replace("1975", "1976")})
    repository.git("checkout", "-q", "main")
    repository.commit({V: HEAD + "V1,甲,10\n"})
    evil = repository.merge("side", {B: PERSON.replace("P1", "P2").replace("李示范", "李暗改")})
    assert repository.rows(evil) == [("changed", "people", "P2", "name", "李示范", "李暗改")]


@pytest.mark.parametrize("ours", [True, False])
def test_a_change_that_a_merge_drops_is_told(repository: Repository, ours: bool) -> None:
    repository.commit({A: PERSON, V: HEAD + "V1,甲,10\n"})
    repository.branch("side")
    repository.commit({A: PERSON.replace("1975", "1976")})
    repository.git("checkout", "-q", "main")
    repository.commit({V: HEAD + "V1,甲,11\n"})
    if ours:
        merge = repository.merge("side", strategy=["-s", "ours"])
        assert repository.rows(merge) == [("changed", "people", "P1", "born", "1976-03-15", "1975-03-15")]
    else:
        merge = repository.merge("side", {V: HEAD + "V1,甲,10\n"})
        assert repository.rows(merge) == [("changed", "villages", "V1", "size", "11", "10")]


def test_a_change_dropped_on_the_way_to_a_branch_is_told(repository: Repository) -> None:
    repository.commit({A: PERSON, V: HEAD + "V1,甲,10\nV2,乙,20\n"})
    repository.branch("side")
    repository.commit({V: HEAD + "V1,甲,11\nV2,乙,20\n"})
    repository.git("checkout", "-q", "main")
    repository.commit({A: PERSON.replace("1975", "1976"), V: HEAD + "V1,甲,10\nV2,乙,22\n"})
    # The branch takes the main line in, but of both files keeps its own.
    inner = repository.merge("main", {A: PERSON, V: HEAD + "V1,甲,11\nV2,乙,20\n"}, into="side")
    outer = repository.merge("side")
    history = repository.history()
    assert repository.rows(inner, history) == [
        ("changed", "people", "P1", "born", "1976-03-15", "1975-03-15"),
        ("changed", "villages", "V2", "size", "22", "20"),
    ]
    assert repository.rows(outer, history) == []


def test_the_same_change_on_both_sides_is_nobodys_loss(repository: Repository) -> None:
    repository.commit({A: PERSON})
    repository.branch("side")
    repository.commit({A: PERSON.replace("1975", "1976")})
    repository.git("checkout", "-q", "main")
    repository.commit({A: PERSON.replace("1975", "1976")})
    assert repository.rows(repository.merge("side")) == []


def test_a_merge_of_three_lines_is_read(repository: Repository) -> None:
    repository.commit({A: PERSON})
    for name, path in (("one", B), ("two", V)):
        repository.branch(name)
        repository.commit({path: PERSON.replace("P1", "P2") if path == B else HEAD + "V1,甲,10\n"})
    repository.git("checkout", "-q", "main")
    repository.git("merge", "-q", "--no-ff", "-m", "合并两支", "one", "two", **repository.dated())
    history = repository.history()
    assert repository.rows(repository.head, history) == []
    assert set(history.brought.values()) == {repository.head}


# what was wrong at the time


def test_a_broken_document_hides_nothing_before_or_after_it(repository: Repository) -> None:
    repository.commit({A: PERSON})
    broken = repository.commit(
        {A: PERSON.replace("1975", "1976") + "school_name: [\n", V: HEAD + "V1,甲,10\n"}
    )
    again = repository.commit({A: PERSON.replace("1975", "1976") + "school_name: {\n"})
    mended = repository.commit({A: PERSON.replace("1975", "1976") + "school_name: 甲校\n"})
    last = repository.commit({A: PERSON.replace("1975", "1977") + "school_name: 甲校\n"})
    history = repository.history()
    assert repository.rows(broken, history) == [("added", "villages", "V1", "", "", "")]
    assert repository.rows(again, history) == []
    assert repository.rows(mended, history) == [
        ("changed", "people", "P1", "born", "1975-03-15", "1976-03-15"),
        ("changed", "people", "P1", "school_name", "", "甲校"),
    ]
    assert repository.rows(last, history) == [("changed", "people", "P1", "born", "1976-03-15", "1977-03-15")]


def test_broken_from_the_first_it_comes_when_it_can_be_read(repository: Repository) -> None:
    repository.commit({A: "id: P1\nname: *x\n"})
    assert repository.rows() == []
    repository.commit({A: PERSON})
    assert repository.rows() == [("added", "people", "P1", "", "", "")]


def test_a_broken_line_is_still_that_record(repository: Repository) -> None:
    good = HEAD + "V1,甲,10\nV2,乙,20\n"
    repository.commit({V: good})
    repository.commit({V: good.replace("乙", '"乙')})
    assert [r[:3] for r in repository.rows()] in ([], [("changed", "villages", "V2")] * 2)
    assert {r[0] for r in repository.rows()} <= {"changed"}
    repository.commit({V: good.replace("乙", '"乙').replace("10", "11")})
    assert ("changed", "villages", "V1", "size", "10", "11") in repository.rows()
    repository.commit({V: good.replace("10", "11")})
    assert {r[2] for r in repository.rows()} == {"V2"}


@pytest.mark.parametrize(
    "text",
    [
        "village;name;size\nV1;甲;10\n",
        "",
        "\n\n",
        "name,size\n甲,10\n",
        b"\x00\x01\x02",
        "<<<<<<< HEAD\n=======\n",
    ],
    ids=["semicolons", "empty", "blank", "no key", "zeros", "conflict"],
)
def test_a_table_that_cannot_be_read_stops_nothing(repository: Repository, text: str | bytes) -> None:
    good = HEAD + "V1,甲,10\nV2,乙,20\n"
    repository.commit({V: good})
    repository.commit({V: text})
    repository.commit({V: good.replace("20", "21")})
    assert any(r[2] == "V2" and r[5] == "21" for r in repository.rows()) or text in ("", "\n\n")
    assert not [r for r in repository.rows() if r[0] == "removed" and r[2].startswith("V")]


def test_files_out_of_all_proportion_are_passed_over(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MAX_BYTES, ".yaml", 1000)
    repository.commit({A: PERSON})
    repository.commit({A: PERSON + "school_name: " + "长" * 1000 + "\n"})
    assert repository.rows() == []
    repository.commit({A: PERSON.replace("1975", "1976")})
    assert repository.rows() == [("changed", "people", "P1", "born", "1975-03-15", "1976-03-15")]


def test_links_and_submodules_are_no_records(repository: Repository) -> None:
    repository.commit({A: PERSON})
    (repository.root / B).symlink_to("P1.yaml")
    repository.git(
        "update-index", "--add", "--cacheinfo", f"160000,{repository.head},records/青山镇/people/P3.yaml"
    )
    repository.git("add", B)
    repository.git("commit", "-q", "-m", "链接", **repository.dated())
    assert repository.rows() == []
    repository.git("rm", "-q", "--cached", "records/青山镇/people/P3.yaml")
    (repository.root / B).unlink()
    repository.commit({B: PERSON.replace("P1", "P2")})
    assert repository.rows() == [("added", "people", "P2", "", "", "")]


def test_a_path_of_any_bytes_is_followed(repository: Repository) -> None:
    strange = os.fsdecode("records/青山镇/people/\"引\\号'\t".encode() + b"\xff\x01.yaml")
    repository.commit({strange: PERSON})
    repository.commit({strange: None, A: PERSON})
    assert repository.rows() == []


# schemas that changed


def test_a_field_that_was_added_or_taken_away_changes_no_record(repository: Repository) -> None:
    repository.commit({V: "village,name,old\nV1,甲,x\n"})
    repository.commit({V: "village,name,old,size\nV1,甲,x,\n"})
    assert repository.rows() == []
    repository.commit({V: HEAD + "V1,甲,\n"})
    assert repository.rows() == []


def test_a_field_and_a_path_that_were_renamed_are_followed(tree: Tree) -> None:
    tree.table("villages", ["village", {"name": "size", "formerNames": ["heads"]}], primaryKey=["village"])
    tree._resources[0]["formerPaths"] = ["old/*.csv"]
    tree._resources[0]["path"] = "records/villages.csv"
    tree.package()
    repository = Repository(tree)
    repository.commit({"old/list.csv": "village,heads\nV1,10\nV2,20\n"})
    repository.commit({"old/list.csv": "village,heads\nV1,11\nV2,20\n"})
    changed = [("changed", "villages", "V1", "size", "10", "11")]
    assert repository.rows() == changed
    repository.commit({"old/list.csv": None, "records/villages.csv": "village,size\nV1,11\nV2,20\n"})
    assert repository.rows() == []


def test_a_new_schema_reads_the_whole_history_anew(repository: Repository, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    repository.commit({A: PERSON + "note: 甲\n"})
    last = repository.commit({A: PERSON + "note: 乙\n"})
    assert repository.rows(last, repository.history(cache)) == []
    repository.tree._resources[0]["schema"] = "schemas/tables/wider.yaml"
    schema = (repository.root / "schemas/tables/people.yaml").read_text()
    repository.commit(
        {
            "schemas/tables/wider.yaml": schema.replace(
                '"fields": [', '"fields": [{"name": "note", "sensitivity": "public"}, '
            )
        }
    )
    repository.tree.package()
    assert repository.rows(last, repository.history(cache)) == [
        ("changed", "people", "P1", "note", "甲", "乙")
    ]


# what people type, and what git lets them do


def test_names_and_messages_can_feign_nothing(repository: Repository) -> None:
    repository.commit({A: PERSON})
    nasty = "\x01HEAD\x1b[31m红\u202e<script>alert(1)</script>"
    repository.commit(
        {A: PERSON.replace("1975", "1976")},
        nasty + "\n\n:100644 x",
        ("甲\x1b]0;x\x07\u2066" + "长" * 500, "a\x01@b"),
    )
    last = repository.history().commits[-1]
    assert repository.rows() == [("changed", "people", "P1", "born", "1975-03-15", "1976-03-15")]
    for text in (last.subject, last.author, last.author_email):
        assert text.isprintable()
        assert len(text) <= 300
    assert "⟨U+001B⟩" in last.subject
    assert "<script>" in last.subject


def test_a_commit_in_another_encoding_is_read(repository: Repository) -> None:
    repository.commit({A: PERSON})
    repository.tree.write(B, PERSON.replace("P1", "P2"))
    repository.git("add", "-A")
    subprocess.run(
        ["git", "-C", str(repository.root), "-c", "i18n.commitEncoding=GB18030", "commit", "-q", "-F", "-"],
        input="登记新人".encode("gb18030"),
        check=True,
        env={**os.environ, **repository.dated()},
    )
    assert repository.history().commits[-1].subject == "登记新人"


def test_replaced_commits_grafts_and_notes_change_no_history(repository: Repository) -> None:
    first = repository.commit({A: PERSON})
    second = repository.commit({A: PERSON.replace("1975", "1976")})
    third = repository.commit({A: PERSON.replace("1975", "1977")})
    before = repository.history().changes
    repository.git("replace", second, first)
    repository.git("notes", "add", "-m", "注", third, **repository.dated())
    (repository.root / ".git/info/grafts").write_text(f"{third} {first}\n")
    assert repository.history().changes == before


def test_a_shallow_clone_is_refused(repository: Repository, tmp_path: Path) -> None:
    repository.commit({A: PERSON})
    repository.commit({A: PERSON.replace("1975", "1976")})
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{repository.root}", str(clone)], check=True)
    package = Project.open(repository.root).package
    with pytest.raises(UsageError, match="浅克隆"):
        read_history(clone, package, repository.head, None)


def test_contents_that_are_not_there_are_not_taken_for_empty(repository: Repository, tmp_path: Path) -> None:
    repository.commit({A: PERSON})
    blob = repository.git("rev-parse", f"HEAD:{A}")
    repository.commit({A: PERSON.replace("1975", "1976")})
    (repository.root / ".git/objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(UsageError, match="完整克隆"):
        repository.history()


# the cache


def test_the_history_is_extended_commit_by_commit(repository: Repository, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    repository.commit({A: PERSON})
    for year in range(1976, 2016):
        repository.commit(
            {A: PERSON.replace("1975", str(year)) + ("school_name: [\n" if year % 7 == 0 else "")}
        )
        assert repository.history(cache) == repository.history()
    assert len(list((tmp_path / "cache").iterdir())) < 40


def test_a_rewritten_history_is_noticed_and_read_anew(repository: Repository, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    repository.commit({A: PERSON})
    kept = repository.head
    repository.commit({A: PERSON.replace("1975", "1976")})
    assert not repository.history(cache).rewritten
    repository.git("reset", "-q", "--hard", kept)
    repository.commit({A: PERSON.replace("1975", "1977")})
    found = repository.history(cache)
    assert found.rewritten
    assert found.changes == repository.history().changes
    assert not repository.history(cache).rewritten


def test_another_branch_and_an_earlier_commit_are_no_rewriting(
    repository: Repository, tmp_path: Path
) -> None:
    cache = Cache(tmp_path / "cache")
    first = repository.commit({A: PERSON})
    repository.branch("side")
    side = repository.commit({A: PERSON.replace("1975", "1976")})
    repository.git("checkout", "-q", "main")
    main = repository.commit({B: PERSON.replace("P1", "P2")})
    for tip in (main, first, side, first, main):
        found = repository.history(cache, tip)
        assert not found.rewritten
        plain = repository.history(tip=tip)
        assert sorted(found.changes) == sorted(plain.changes)
        assert {c.id for c in found.commits} == {c.id for c in plain.commits}
