from __future__ import annotations

import html
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import markdown
import pytest
from edited import Edited
from repository import Repository
from trees import copy_of

from lingtouyan.cli import main
from lingtouyan.database import database
from lingtouyan.problems import RecordsError
from lingtouyan.review.compare import Review
from lingtouyan.review.compare import review as review_with_prints
from lingtouyan.review.page import as_html
from lingtouyan.review.report import LIMIT, as_json, as_markdown, as_text, headline, subject_words, words

ROOT = Path(__file__).resolve().parents[2]
HEAD = "member_id,name,name_pinyin,party_id,degree,attendance,full_time,started,ended,successor,home_phone\n"
# What a git host would act on, and what would break a list, a table or the terminal.
HOSTILE = (
    "@octocat #12 !3 ~bug GH-7 www.evil.example | <img src=x> `a` [b](javascript:c)\u202e :smile: a@b.example"
)


def member(number: int, **values: str) -> str:
    row = {
        "member_id": f"M{number:03}",
        "name": f"议员{number}",
        "degree": "学士",
        "attendance": "0.9",
        "started": "2020-01-01",
        "home_phone": "13800000000",
        **values,
    }
    return ",".join('"' + row.get(n, "").replace('"', '""') + '"' for n in HEAD.strip().split(",")) + "\n"


@pytest.fixture
def house(tmp_path: Path) -> Edited:
    """Forty members of a parliament on `main`, and a branch to change them on."""
    root = copy_of("parliament", tmp_path / "house")
    repository = Edited(root)
    repository.edit(
        "datapackage.yaml",
        (
            "{as_of: 2026-01-31}",
            "{as_of: 2026-01-31, review_subjects: members parties, review_parameters: limits}",
        ),
    )
    for file in (root / "records").glob("members-*.csv"):
        file.unlink()
    write_members(repository, {})
    repository.commit("开始")
    repository.git("switch", "-q", "-c", "change")
    return repository


def write_members(repository: Edited, changed: dict[int, dict[str, str]], count: int = 40) -> None:
    rows = "".join(member(n, **changed.get(n, {})) for n in range(1, count + 1))
    (repository.root / "records/members-a.csv").write_text(HEAD + rows, "utf-8")


def review(root: Path, base: str, head: str) -> Review:
    """Leave out the prints, which these members have none of."""
    return review_with_prints(root, base, head, prints=False)


def sentence(result: Review, name: str) -> str:
    return next(subject_words(s, result) for s in result.subjects if s.name == name)


def test_says_of_each_subject_what_changes_and_which_rule_it_now_breaks_or_meets(house: Edited) -> None:
    write_members(house, {3: {"degree": "硕士"}, 4: {"attendance": "0.1"}})
    house.commit("改")
    result = review(house.root, "main", "HEAD")
    assert sentence(result, "议员3") == "学位 学士 → 硕士"
    assert sentence(result, "议员4") == "出席率 0.9 → 0.1；Q2 新违反"
    house.git("switch", "-q", "-c", "later")
    write_members(house, {3: {"degree": "硕士"}})
    house.commit("改回")
    assert sentence(review(house.root, "change", "HEAD"), "议员4") == "出席率 0.1 → 0.9；Q2 现已符合"
    assert not result.alarms


def test_a_moved_and_resorted_table_is_no_change(house: Edited) -> None:
    lines = (house.root / "records/members-a.csv").read_text("utf-8").splitlines()
    (house.root / "records/members-a.csv").unlink()
    (house.root / "records/members-b.csv").write_text(
        "\n".join([lines[0], *reversed(lines[1:])]) + "\n", "utf-8"
    )
    house.commit("换文件")
    result = review(house.root, "main", "HEAD")
    assert not result.records
    assert "记录没有变化" in headline(result)


def test_a_record_copied_to_another_file_and_then_taken_out_of_the_first_neither_came_nor_went(
    house: Edited,
) -> None:
    path, other = house.root / "records/members-a.csv", house.root / "records/members-z.csv"
    other.write_text(HEAD + member(3), "utf-8")
    house.commit("抄到另一文件")
    assert review(house.root, "main", "HEAD").records == []
    house.git("branch", "copied")
    path.write_text(path.read_text("utf-8").replace(member(3), ""), "utf-8")
    house.commit("原来的删去")
    assert review(house.root, "copied", "HEAD").records == []
    assert review(house.root, "main", "HEAD").records == []
    # The same number for somebody else is a record of its own.
    other.write_text(HEAD + member(3) + member(4, name="别人", degree="博士", started="2025-01-01"), "utf-8")
    house.commit("重号")
    [taken] = review(house.root, "HEAD~1", "HEAD").records
    assert (taken.action, taken.name) == ("added", "别人")


def test_tells_a_new_key_from_a_record_that_went_and_one_that_came(house: Edited) -> None:
    write_members(house, {5: {"member_id": "M900"}, 6: {"member_id": "M901", "name": "新人"}})
    house.commit("改编号")
    result = review(house.root, "main", "HEAD")
    assert sentence(result, "议员5") == "编号 M005 → M900"
    assert {(r.key, r.action) for r in result.records} == {
        ("M900", "renamed"),
        ("M901", "added"),
        ("M006", "removed"),
    }
    assert sentence(result, "新人").startswith("新增（姓名 新人，")


def test_what_concerns_the_whole_is_said_first(house: Edited) -> None:
    write_members(house, {}, count=36)
    house.edit("schemas/rules/Q1.sql", ("severity: error", "severity: warning"))
    house.edit(
        "schemas/tables/members.yaml",
        (
            "title: 出席率, type: number, sensitivity: internal",
            "title: 出席率, type: number, sensitivity: public",
        ),
    )
    house.commit("大改")
    result = review(house.root, "main", "HEAD")
    assert [a for a in result.alarms if "“议员”删除了 4 条记录，占原有 40 条的 10.0%" in a]
    assert [a for a in result.alarms if "Q1" in a and "由错误改为提醒" in a]
    assert [a for a in result.alarms if "出席率" in a and "会让更多人看到" in a]
    for written in (as_text(result), as_markdown(result)):
        assert max(written.index(words(a)[:6]) for a in result.alarms) < written.index("新违反")


def test_the_thresholds_are_those_of_before_so_that_no_change_silences_its_own_alarm(house: Edited) -> None:
    write_members(house, {}, count=36)
    house.edit("datapackage.yaml", ("{as_of: 2026-01-31,", "{as_of: 2026-01-31, alarm_share: '0.2',"))
    (house.root / "schemas/views/by_party.sql").unlink()
    house.commit("这里算小改")
    loud = review(house.root, "main", "HEAD").alarms
    assert [a for a in loud if "删除了 4 条" in a]
    assert [a for a in loud if "删除视图" in a]
    house.git("switch", "-q", "-c", "later")
    write_members(house, {}, count=30)
    house.commit("再小改")
    assert not [a for a in review(house.root, "change", "HEAD").alarms if "删除了" in a]
    house.edit("datapackage.yaml", ("alarm_share: '0.2'", "alarm_share: 很多"))
    house.commit("写错")
    with pytest.raises(RecordsError, match="alarm_share"):
        review(house.root, "change", "HEAD")


def test_a_figure_that_jumps_is_said_first_where_its_view_says_so(house: Edited) -> None:
    house.git("switch", "-q", "main")
    house.edit(
        "schemas/views/by_party.sql",
        ("title: 各党团在任人数\n", "title: 各党团在任人数\ncompare: {by: [party_id], figures: [members]}\n"),
    )
    write_members(house, {n: {"party_id": "red"} for n in range(1, 41)})
    house.commit("党团")
    house.git("switch", "-q", "-c", "split")
    write_members(house, {n: {"party_id": "red" if n < 20 else "blue"} for n in range(1, 41)})
    house.commit("分裂")
    result = review(house.root, "main", "HEAD")
    assert {(f.row, f.before, f.after) for f in result.figures} == {("red", 40, 19), ("blue", 0, 21)}
    assert [a for a in result.alarms if "“各党团在任人数”red 人数由 40 变为 19" in a]
    # To be silent it has to say so before.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "MAX_ROWS", 1)
        with pytest.raises(RecordsError, match="by_party 无法比较：查询结果超过"):
            review(house.root, "main", "HEAD")
    house.edit("schemas/views/by_party.sql", ("figures: [members]}", "figures: [members], alarm: []}"))
    house.commit("不响")
    assert [a for a in review(house.root, "main", "HEAD").alarms if "各党团" in a]
    write_members(house, {n: {"party_id": "red"} for n in range(1, 41)})
    house.commit("合并")
    result = review(house.root, "HEAD~1", "HEAD")
    assert result.figures
    assert not [a for a in result.alarms if "各党团" in a]


def test_a_comparison_may_name_no_more_than_its_keys_and_another_form_is_an_error(house: Edited) -> None:
    def declare(form: str) -> Review:
        house.git("switch", "-q", "-C", "declared", "main")
        title = "title: 各党团在任人数\n"
        house.edit("schemas/views/by_party.sql", (title, f"{title}compare: {form}\n"))
        house.commit("比较")
        write_members(house, {n: {"party_id": "red"} for n in range(1, 41)})
        house.commit("党团")
        return review(house.root, "HEAD~1", "HEAD")

    result = declare("[party_id]")
    assert [(f.row, f.column, f.before, f.after) for f in result.figures] == [("red", "人数", 0, 40)]
    assert result.prints is None
    assert "重印" not in headline(result)
    for form in (
        "party_id",
        "{keys: [party_id]}",
        "{by: party_id}",
        "[nobody]",
        "{by: [party_id], alarm: [x]}",
    ):
        problems = [p for p in declare(form).problems if p.rule == "sql-error"]
        assert [p for p in problems if "compare" in p.message], form


def test_a_rule_about_changes_names_the_same_lines_in_a_review_and_in_an_audit(
    house: Edited, capsys: pytest.CaptureFixture[str]
) -> None:
    house.git("switch", "-q", "main")
    (house.root / "schemas/rules/Q9.sql").write_text(
        '/*\nid: Q9\ntitle: 学位\nseverity: warning\nmessage: "{record_key}改了学位。"\n*/\n'
        "SELECT _file, _line, record_key FROM proposed_changes WHERE field = 'degree'",
        "utf-8",
    )
    house.commit("规则")
    house.git("switch", "-q", "-C", "change")
    write_members(house, {3: {"degree": "硕士"}, 30: {"degree": "博士"}})
    house.commit("改")
    found = {(p.file, p.line, p.message) for p in review(house.root, "main", "HEAD").broken}
    assert found == {("records/members-a.csv", n + 1, f"M{n:03}改了学位。") for n in (3, 30)}
    main(["--root", str(house.root), "audit", "--since", "main", "--format", "json"])
    told = [p for p in json.loads(capsys.readouterr().out) if p["rule"] == "Q9"]
    assert {(p["file"], p["line"], p["message"]) for p in told} == found


def test_a_record_that_is_gone_or_went_on_to_another_file_is_told_where_it_is(
    house: Edited, capsys: pytest.CaptureFixture[str]
) -> None:
    house.git("switch", "-q", "main")
    (house.root / "schemas/rules/Q9.sql").write_text(
        '/*\nid: Q9\ntitle: 学位\nseverity: warning\nmessage: "{record_key}改了。"\n*/\n'
        "SELECT DISTINCT _file, _line, record_key FROM proposed_changes WHERE field = 'degree'",
        "utf-8",
    )
    house.commit("规则")
    house.git("switch", "-q", "-C", "change")
    write_members(house, {3: {"degree": "硕士"}})
    house.commit("改")
    path = house.root / "records/members-a.csv"
    lines = [x for x in path.read_text("utf-8").splitlines(keepends=True) if "M005" not in x]
    path.write_text("".join(lines), "utf-8")
    house.git("mv", "records/members-a.csv", "records/members-b.csv")
    house.commit("删一人，改文件名")
    main(["--root", str(house.root), "audit", "--since", "main", "--format", "json"])
    told = [p for p in json.loads(capsys.readouterr().out) if p["rule"] == "Q9"]
    assert {(p["file"], p["line"], p["message"]) for p in told} == {
        ("records/members-b.csv", 4, "M003改了。"),
        # No line is left; the first is the header's.
        ("records/members-a.csv", 0, "M005改了。"),
    }
    found = {(p.file, p.line, p.message) for p in review(house.root, "main", "HEAD").broken}
    assert found == {(p["file"], p["line"], p["message"]) for p in told}


def test_a_bad_template_is_told_and_all_else_as_well(house: Edited) -> None:
    template = "---\ntitle: 表\nqueries:\n  all: SELECT name FROM members\n---\n{{ all }}"
    (house.root / "site/dossiers").mkdir()
    (house.root / "site/dossiers/list.html").write_text(template, "utf-8")
    write_members(house, {3: {"degree": "硕士"}})
    house.commit("加卷宗")
    result = review_with_prints(house.root, "main", "HEAD")
    assert [p.action for p in result.prints or ()] == ["new", "new"]
    house.edit("site/dossiers/list.html", ("FROM members", "FROM nothing"))
    house.commit("写错")
    result = review_with_prints(house.root, "main", "HEAD")
    assert sentence(result, "议员3") == "学位 学士 → 硕士"
    assert result.prints is None
    assert result.refused
    assert [a for a in result.alarms if "没有计算需要打印的文书" in a and "list.html" in a]
    assert [p for p in result.broken if p.file == "site/dossiers/list.html"]


def test_a_project_in_a_folder_of_a_repository_is_refused_as_it_is_elsewhere(
    house: Edited, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(house.root, tmp_path / "large/house", ignore=shutil.ignore_patterns(".git"))
    Edited(tmp_path / "large").commit("全部")
    for command in (["review", "HEAD"], ["history", "members", "M001"], ["audit"]):
        assert main(["--root", str(tmp_path / "large/house"), *command]) == 2
        assert "不是 git 仓库的根目录" in capsys.readouterr().err


def test_a_finding_that_only_reads_differently_is_neither_new_nor_met(house: Edited) -> None:
    write_members(house, {4: {"attendance": "0.2"}})
    house.commit("低")
    house.git("switch", "-q", "-c", "later")
    write_members(house, {4: {"attendance": "0.3"}})
    house.commit("略高")
    told = sentence(review(house.root, "change", "HEAD"), "议员4")
    assert told == "出席率 0.2 → 0.3；Q2 仍不符合，情况有变化"


def with_cards(house: Edited) -> None:
    card = (
        '---\ntitle: 议员卡\neach: m\npath: "{{ row.member_id }}"\n'
        "queries:\n  m: SELECT member_id, name FROM members\n---\n<!doctype html>{{ table([row], source='members') }}\n"
    )
    file = house.root / "site/dossiers/card.html"
    file.parent.mkdir()
    file.write_text(card, "utf-8")
    house.commit("议员卡")


def test_a_new_record_type_makes_no_print_stale_and_another_title_all_that_show_it(house: Edited) -> None:
    with_cards(house)
    house.edit(
        "datapackage.yaml",
        (
            "resources:\n",
            "resources:\n  - {name: wells, title: 井, path: records/wells.csv, schema: schemas/tables/wells.yaml}\n",
        ),
    )
    (house.root / "schemas/tables/wells.yaml").write_text(
        "fields:\n  - {name: well_id, title: 编号}\n  - {name: name, title: 井名}\n"
    )
    (house.root / "records/wells.csv").write_text("well_id,name\n1,甜水井\n", "utf-8")
    house.commit("水井")
    assert review_with_prints(house.root, "HEAD~1", "HEAD").prints == []
    house.edit("schemas/tables/members.yaml", ("name: name, title: 姓名", "name: name, title: 名字"))
    house.commit("改名称")
    prints = review_with_prints(house.root, "HEAD~1", "HEAD").prints
    assert prints is not None
    assert len({p.path for p in prints}) == len({p.path for p in prints if p.action == "again"}) == 40


def test_a_moved_reference_date_does_not_call_every_print_stale(house: Edited) -> None:
    with_cards(house)
    house.edit("datapackage.yaml", ("as_of: 2026-01-31", "as_of: 2026-03-01"))
    write_members(house, {7: {"name": "改名"}})
    house.commit("基准日改为 2026-03-01；改名")
    prints = review_with_prints(house.root, "HEAD~1", "HEAD").prints
    assert prints is not None
    assert {p.path for p in prints} == {"M007.pdf"}


def test_a_parameter_tells_what_it_does_to_all_records(house: Edited) -> None:
    file = next((house.root / "records/statutes").glob("*.md"))
    content = file.read_text("utf-8")
    file.write_text(re.sub(r"(name: attendance, value: )[^,}]+", r"\g<1>0.95", content), "utf-8")
    house.commit("提高限额")
    result = review(house.root, "main", "HEAD")
    [setting] = result.settings
    assert "→ 0.95" in setting.words
    assert setting.rules == {"Q2": (40, 0)}
    assert "Q2（新违反 40 处，新符合 0 处）" in as_text(result)


def test_an_item_with_a_key_of_its_own_changes_its_document_and_removes_none(house: Edited) -> None:
    house.git("switch", "-q", "main")
    house.edit("schemas/tables/limits.yaml", ("primaryKey: [statute_id, name]", "primaryKey: [name]"))
    house.commit("限额各有其名")
    house.git("switch", "-q", "-c", "other")
    house.edit(
        "records/statutes/standing.md", ("name: attendance, value: 0.8", "name: attendance, value: 0.7")
    )
    house.commit("降低限额")
    result = review(house.root, "main", "HEAD")
    [record] = result.records
    assert (record.table, record.key, record.action) == ("statutes", "standing", "changed")
    assert "第 attendance 项" in as_text(result)


def test_a_view_that_shows_more_is_said_first_and_what_was_kept_closest_before_the_rest(
    house: Edited,
) -> None:
    house.edit(
        "schemas/views/sitting_members.sql",
        (
            "title: 出席率, sensitivity: internal}",
            "title: 出席率, sensitivity: public}\n  home_phone: {title: 住宅电话, sensitivity: public}",
        ),
    )
    members = house.root / "schemas/tables/members.yaml"
    content = re.sub(
        r"\bsensitivity: (internal|restricted)", "sensitivity: public", members.read_text("utf-8")
    )
    members.write_text(
        content.replace(
            "title: 住宅电话, type: string", "title: 住宅电话, type: string, sensitivity: public"
        ),
        "utf-8",
    )
    house.commit("都公开")
    alarms = review(house.root, "main", "HEAD").alarms
    assert [a for a in alarms if "视图“在任议员”" in a and "“出席率”由内部改为公开" in a]
    assert [a for a in alarms if "视图“在任议员”" in a and "“住宅电话”新列为公开" in a]
    assert "“住宅电话”的密级由限制改为公开" in next(a for a in alarms if a.startswith("“议员”"))


def test_a_rule_that_falls_silent_is_said_first_and_nobody_is_said_to_have_mended_anything(
    house: Edited,
) -> None:
    house.git("switch", "-q", "main")
    write_members(house, {4: {"attendance": "0.1"}, 5: {"attendance": "0.2"}})
    house.commit("低")
    for edited, was, now in (
        ("schemas/rules/Q2.sql", "WHERE attendance <", "WHERE false AND attendance <"),
        ("schemas/macros/limit_of.sql", "SELECT value", "SELECT 0 * value"),
    ):
        house.git("switch", "-q", "-C", "weak", "main")
        house.edit(edited, (was, now))
        house.commit("放宽")
        result = review(house.root, "main", "HEAD")
        assert [a for a in result.alarms if "Q2" in a and "原来报告的 2 处不再报告" in a], edited
        assert "现已符合" not in as_text(result)
        assert sentence(result, "议员4") == "Q2 不再报告（规则有改动）"


def test_a_file_that_cannot_be_read_is_said_not_to_be_deleted(house: Edited) -> None:
    sitting = next((house.root / "records/sittings").glob("*.yaml"))
    sitting.write_text("agenda: [\n", "utf-8")
    house.commit("写坏")
    alarms = review(house.root, "main", "HEAD").alarms
    assert [a for a in alarms if sitting.name in a and "读不出记录" in a]
    sitting.unlink()
    house.commit("删除")
    assert not [a for a in review(house.root, "main", "HEAD").alarms if "读不出记录" in a]


@pytest.mark.parametrize("damage", ["gone", "broken", "schema"])
def test_a_head_that_cannot_be_read_is_said_so_in_the_form_asked_for(
    house: Edited, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    if damage == "gone":
        (house.root / "datapackage.yaml").unlink()
    else:
        file = "datapackage.yaml" if damage == "broken" else "schemas/tables/members.yaml"
        (house.root / file).write_text("'@octocat <img>': [", "utf-8")
    house.commit("坏")
    house.git("checkout", "-q", "main")
    for form in ("json", "markdown", "text"):
        code = main(["--root", str(house.root), "review", "main", "change", "--format", form])
        said = capsys.readouterr()
        assert (code, said.err) == (1, "")
        assert "/tmp" not in said.out
        if form == "json":
            assert json.loads(said.out)["passed"] is False
            assert json.loads(said.out)["problems"]
        if form == "markdown":
            assert said.out.startswith("## 变更审阅\n\n**未通过**")
            assert "@octocat" not in said.out


def test_what_somebody_typed_is_only_text_in_a_comment(house: Edited) -> None:
    write_members(house, {3: {"name": HOSTILE}})
    house.commit(f"改 {HOSTILE}")
    shown = as_markdown(review(house.root, "main", "HEAD"))
    assert "\u202e" not in as_text(review(house.root, "main", "HEAD"))
    page = markdown.markdown(shown, extensions=["md_in_html", "tables"])
    plain = html.unescape(re.sub(r"<[^>]+>", "", page))
    assert "<img" not in page
    assert "javascript" not in re.findall(r'href="[^"]*"', page)
    # A host looks for these in the words of the finished page.
    assert not re.search(r"[@#!~$][A-Za-z0-9]|GH-\d|www\.|:smile:", plain), plain
    assert "octocat" in plain


def test_a_comment_is_bounded_whatever_changes(house: Edited) -> None:
    write_members(
        house, {n: {"name": "@|<" * 16, "name_pinyin": "&" * 5000} for n in range(1, 1500)}, count=1500
    )
    house.commit("很多 " + "@" * 3000)
    result = review(house.root, "main", "HEAD")
    written = as_markdown(result)
    assert len(written) <= LIMIT
    assert written.count("<details") == written.count("</details>")
    assert headline(result).split("→")[0].strip() in written
    assert "项从略" in written
    assert len(as_markdown(result, limit=3000)) <= 3000


def test_a_restricted_value_is_shown_hidden_in_every_form(house: Edited) -> None:
    write_members(house, {3: {"home_phone": "13912345678"}, 41: {}}, count=41)
    house.commit("换电话")
    result = review(house.root, "main", "HEAD")
    assert sentence(result, "议员3") == "住宅电话 ●●● → ●●●"
    for written in (as_text(result), as_markdown(result), as_json(result)):
        assert "13912345678" not in written
        assert "13800000000" not in written


def test_is_measured_from_where_the_two_lines_parted_and_leaves_the_work_tree_alone(
    house: Edited,
) -> None:
    write_members(house, {3: {"degree": "硕士"}})
    house.commit("改")
    house.git("switch", "-q", "main")
    write_members(house, {7: {"degree": "博士"}})
    house.commit("别人改的")
    (house.root / "records/members-a.csv").write_text("不是表", "utf-8")
    result = review(house.root, "main", "change")
    assert [s.name for s in result.subjects] == ["议员3"]
    assert (house.root / "records/members-a.csv").read_text("utf-8") == "不是表"


def test_exit_codes_and_messages(house: Edited, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(["--root", str(house.root), "review", *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    assert run("main")[0] == 0
    write_members(house, {3: {"degree": "大师"}})
    house.commit("错")
    code, out, _ = run("main", "--format", "json")
    assert code == 1
    assert json.loads(out)["passed"] is False
    for wrong in ("nowhere", "--output=/tmp/x", "main..change"):
        code, _, err = run("--", wrong)
        assert (code, bool(err)) == (2, True)
    house.git("switch", "-q", "--orphan", "empty")
    house.git("commit", "-q", "--allow-empty", "-m", "空")
    code, _, err = run("empty", "change")
    assert code == 2
    assert "作为基准的版本" in err


# The sample city: what an official would read.


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Review]:
    """The sample city with a branch on which a clerk did several things; reviewed once."""
    root = tmp_path_factory.mktemp("review") / "city"
    root.mkdir()
    for name in ("records", "schemas", "site"):
        shutil.copytree(ROOT / name, root / name)
    for name in ("datapackage.yaml", "mkdocs.yml"):
        shutil.copy(ROOT / name, root / name)
    repository = Edited(root)
    person = "records/townships/990101101-清泉镇/people/P0001.yaml"
    repository.edit(person, ("level: 高中", "level: 小学"), ("level: 大专", "level: 小学"))
    repository.commit("建库", author_email="zzb@shili.example")
    repository.git("switch", "-q", "-c", "change")
    repository.edit(person, ("full_time:\n    level: 小学", "full_time:\n    level: 高中"))
    repository.edit(
        "records/townships/990101101-清泉镇/people/P0003.yaml",
        (
            "residence_village_id:",
            "sanctions:\n  - {title: 严重警告, decided_on: 2026-10}\nresidence_village_id:",
        ),
    )
    outside = "records/townships/990101102-石桥镇/villages.csv"
    repository.edit(outside, (",石桥村,", ",石桥新村,"))
    gone = sorted((root / "records/townships/990101101-清泉镇/filings").glob("F2018-*.yaml"))[0]
    gone.unlink()
    repository.commit("清泉镇九月变更", author_name="孟兰玉", author_email="meng@qingquan.shili.example")
    results: list[Review] = []

    def once() -> Review:
        if not results:
            results.append(review_with_prints(repository.root, "main", "HEAD"))
        return results[0]

    return once


@pytest.mark.slow
@pytest.mark.exhaustive
def test_an_official_reads_what_changed_which_rule_is_met_and_what_to_print(
    city: Callable[[], Review],
) -> None:
    result = city()
    told = sentence(result, "李示范")
    assert told.startswith("全日制教育学历 小学 → 高中；")
    assert "R19 现已符合" in told
    assert re.search(r"《任职备案登记表 李示范（F2018-\d+）》需重印", told)


@pytest.mark.slow
@pytest.mark.exhaustive
def test_that_somebody_has_a_sanction_is_not_told(city: Callable[[], Review]) -> None:
    result = city()
    [subject] = [s for s in result.subjects if s.key == "P0003"]
    assert subject_words(subject, result).startswith("限制级内容有改动")
    for written in (as_text(result), as_markdown(result), as_json(result)):
        assert "严重警告" not in written
    # The rule that finds it in clear text has to say where; nothing else does.
    for written in (as_text(result), as_markdown(result)):
        assert "处分" not in "".join(line for line in written.splitlines() if "受限信息" not in line)
    told = json.loads(as_json(result))
    assert "person_sanctions" not in str([told["records"], told["subjects"]])


@pytest.mark.slow
@pytest.mark.exhaustive
def test_an_official_is_told_of_what_a_clerk_had_no_business_with(city: Callable[[], Review]) -> None:
    result = city()
    found = {p.rule: p.message for p in result.broken if p.rule in ("R64", "R68") and p.severity == "error"}
    assert "属于石桥镇，由清泉镇的孟兰玉修改" in found["R64"]
    assert "已经备案，被删除，没有更正备案" in found["R68"]
    assert result.refused
    assert [p for p in result.prints if p.action == "gone"]
    assert [f for f in result.figures if f.column == "应备未备" and f.row == "全市"]


def test_what_belongs_to_a_compartment_is_in_no_review(repository: Repository) -> None:
    tree = repository.tree
    tree.table("persons", ["id", {"name": "facts", "compartment": "discipline"}], primaryKey=["id"])
    tree.table(
        "cases",
        ["id", "person", {"name": "source", "constraints": {"maxLength": 8}}, "decided"],
        primaryKey=["id"],
        compartments={"discipline": "decided IS NULL"},
    )
    tree.write(
        "schemas/rules/R1.sql",
        "/*\nid: R1\ntitle: 要写明\nseverity: error\ntable: cases\nmessage: '{person}没有写明'\n*/\n"
        "SELECT 'cases' AS _table, '' AS _column, _file, _line, person FROM cases WHERE source IS NULL",
    )
    tree.write("records/cases.csv", "id,person,source,decided\nJ1,P1,来信,\n")
    repository.commit({"records/persons.csv": "id,facts\nP1,从前的事\n"})
    repository.commit(
        {
            "records/persons.csv": "id,facts\nP1,现在的事\n",
            "records/cases.csv": "id,person,source,decided\nJ1,P1,太长的来信来电来访,\nJ2,P7,,\n",
        }
    )
    result = review(repository.root, "HEAD~1", "HEAD")
    for written in (as_text(result), as_markdown(result), as_json(result), as_html(result)):
        assert not re.search("从前|现在的|来信|J1|J2|P7", written), written
        # That there was a change, and that something is wrong, is told.
        assert "cases表" in written or "records/cases.csv" in written
        assert "facts标题" in written or '"field": "facts"' in written
    assert result.refused
