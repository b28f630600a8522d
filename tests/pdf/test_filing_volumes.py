"""The volumes and notices of a filing: contents that lead to the right pages, letters on the grid of the standard."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import form_city
import pypdf
import pytest
import yaml
from paper import MILLIMETRE, boxes, files_in, number_of_pages, words

from lingtouyan.pdf.jobs import Selection, chosen_templates
from lingtouyan.pdf.render import DossierJob, render_dossiers
from lingtouyan.project import Project
from lingtouyan.templates.templates import read_templates

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]

LINE = 225 / 22
PRINTED = (
    *(f"appointment-volume/F2026-900{n}" for n in (1, 2, 3, 4)),
    "removal-volume/F2026-9009",
    "filing-notice/F2026-9001",
    "filing-notice/F2026-9003",
    "filing-notice/F2026-9005",
    "term-volume/qingquan-2026-任后备案",
    "change-form/F2026-9010",
    "registration/F2026-9002",
    "roster-internal",
    "statistics-table/2026-11-20",
    "reports/now",
)
BLANK = ("appointment-volume", "removal-volume", "filing-notice", "change-form", "statistics-table")
VOLUMES = [name for name in PRINTED if "volume" in name]
# Long enough for any sheet: what a letter of the standard holds can be counted on it.
LETTER = '<section class="letter"><p style="text-indent: 0">' + "字" * 28 * 40 + "</p></section>"


def lengthen(root: Path) -> None:
    """Make everything that the dossier of a filing shows as long as the schemas allow."""

    def long(length: int) -> str:
        return ("群众反映良好工作扎实" * 40)[:length]

    def change(file: str, **values: object) -> None:
        path = root / form_city.FOLDER / file
        path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | values, allow_unicode=True))

    name = (form_city.LONG_NAME * 4)[:50]
    criteria = ("政治素质高", "群众威信高", "带头致富能力强", "带领群众共同致富能力强")
    election = yaml.safe_load((root / form_city.FOLDER / "elections/E2026-9003.yaml").read_text())
    for meeting in election["meetings"]:
        meeting |= {"place": long(60), "chair": name, "tellers": long(100)}
        meeting["exclusions"] = [
            {"exclusion": f"x{n}", "headcount": "1", "reason": long(100), "approved_by": "qingquan"}
            for n in (1, 2)
        ]
    ratings = [
        {"person_id": "P0003", "criterion": c, "rating": "好", "evidence": long(300)} for c in criteria
    ]
    change(
        "elections/E2026-9003.yaml",
        method=long(200),
        meetings=election["meetings"],
        inspection=election["inspection"] | {"team": long(100), "conclusion": long(300), "ratings": ratings},
        approval={"org": "qingquan", "decision": "同意", "document": long(40), "date": "2026-03-18"},
    )
    step = {
        "date": "2026-03-22",
        "org_id": "qingquan",
        "signer": name,
        "opinion": long(200),
        "document": long(40),
    }
    change(
        "filings/F2026-9003.yaml",
        proposed_post=long(80),
        reason=long(300),
        request_number=long(40),
        prepared_by=name,
        checked_by=name,
        steps=[{"state": s, **step} for s in ("乡镇审核", "报送", "退回", "报送", "受理", "审查", "备案")],
        materials=[
            {"material": m, "title": long(100), "formed_on": "2026-03-01", "pages": "12", "note": long(100)}
            for m in ("备案请示", "备案登记表", "资格联审意见", "考察报告", "承诺书", "其他材料")
        ],
    )


@pytest.fixture(scope="module")
def printed(tmp_path_factory) -> Path:
    root = form_city.write_tree(tmp_path_factory.mktemp("city"))
    lengthen(root)
    jobs = list(form_city.jobs_of(root, "internal", PRINTED).values())
    jobs.append(
        DossierJob("letter.pdf", f"<html lang=zh><title>x</title>{LETTER}", "x", styles=("letter.css",))
    )
    jobs.extend(form_city.blanks_of(root, BLANK))
    out = root / "out"
    report = render_dossiers(jobs, files=files_in(root / "site" / "dossiers"), out=out)
    assert [p.message for p in report.problems] == []
    return out


def bookmarks(file: Path) -> list[tuple[int, str, int]]:
    """Return (depth, label, page) of the outline."""
    pdf = pypdf.PdfReader(file)

    def flat(items: list, depth: int) -> list[tuple[int, str, int]]:
        found = []
        for item in items:
            if isinstance(item, list):
                found += flat(item, depth + 1)
            else:
                found.append((depth, item.title, pdf.get_destination_page_number(item) + 1))
        return found

    return flat(pdf.outline, 0)


def test_the_contents_of_a_volume_name_the_pages_where_the_sheets_really_are(printed):
    file = printed / "appointment-volume" / "F2026-9001.pdf"
    contents = words(file, 2)
    heads = {
        "备案请示": "关于报送李示范同志任前备案材料的请示",
        "备案登记表": "村（社区）党组织书记任职备案登记表填报单位",
        "党员推荐记录": "党员推荐记录会议党员推荐会",
        "群众推荐记录": "群众推荐记录会议群众推荐会",
        "资格联审意见": "人选资格联审意见表",
        "考察报告": "考察报告（记录部分）",
        "选举办法及结果": "选举办法及结果选任种类",
        "公示及结果": "公示及结果公示种类",
        "承诺书": "本人李示范，拟任云岭村党总支书记",
        "学历证明": "所附证明和其他材料",
        "备案材料核对表": "备案材料核对表序号",
        "卷内备考表": "卷内备考表本卷情况",
    }
    for name, head in heads.items():
        found = re.search(rf"{name}(\d+)(?:没有报送|卷内|“原件页数”)", contents)
        assert found, name
        assert head in words(file, int(found[1])), name


@pytest.mark.parametrize("name", VOLUMES)
def test_pages_are_numbered_through_a_volume_and_the_cover_tells_how_many(printed, name):
    file = printed / f"{name}.pdf"
    count = number_of_pages(file)
    assert f"排印{count}页" in words(file, 1)
    for number in range(2, count + 1):
        assert f"第{number}页共{count}页" in words(file, number), number


@pytest.mark.parametrize("name", VOLUMES)
def test_the_binding_edge_of_a_volume_changes_sides_and_stays_free_however_much_there_is_to_say(
    printed, name
):
    file = printed / f"{name}.pdf"
    for number in range(1, number_of_pages(file) + 1):
        left, right = (25, 210) if number % 2 else (20, 210 - 25)
        for x0, _, x1, _, word in boxes(file, number):
            assert x0 >= left, (number, word)
            assert x1 <= right, (number, word)


@pytest.mark.parametrize("name", VOLUMES)
def test_who_signs_and_the_date_stand_on_one_page(printed, name):
    file = printed / f"{name}.pdf"
    for number in range(1, number_of_pages(file) + 1):
        text = words(file, number)
        if "（签字）：" in text or "（盖章）" in text.replace("填报单位（盖章）", "").replace(
            "签字（盖章）", ""
        ):
            assert re.search(r"年\d*月\d*日", text), (number, text)
        if "联系人：" in text:
            # The name and date of a letter follow words of it, never on a page of their own.
            assert "附件：备案材料" in text, (number, text)
            assert "中共示例市清泉镇委员会" in text, (number, text)
            assert set("年月日") <= set(text), (number, text)


def test_a_volume_has_a_bookmark_for_each_sheet(printed):
    found = bookmarks(printed / "removal-volume" / "F2026-9009.pdf")
    labels = [label for _, label, _ in found]
    assert labels[:4] == ["封面", "卷内目录", "备案报告", "备案登记表"]
    assert "免职理由说明和调整记录" in labels
    assert "工作交接清单" in labels
    pages = [page for *_, page in found]
    assert pages == sorted(set(pages))


def test_the_volume_of_a_term_leads_to_each_village_and_person(printed):
    file = printed / "term-volume" / "qingquan-2026-任后备案.pdf"
    found = bookmarks(file)
    assert [(d, label) for d, label, _ in found] == [
        (0, "封面"),
        (0, "卷内目录"),
        (0, "云岭村"),
        (1, form_city.LONG_NAME),
        (0, "大湾村"),
        (1, form_city.HOSTILE_NAME),
    ]
    contents = words(file, 2)
    for depth, label, page in found:
        if depth:
            name = re.escape("".join(label.split()))
            assert re.search(
                rf"〔2026〕\d号[^〔]*{name}任职备案登记表\d{{4}}\.\d\d\.\d\d{page}\d?\D", contents
            ), label
            assert label in words(file, page)


def test_a_long_resume_runs_on_inside_a_volume_under_the_head_of_its_form(printed):
    file = printed / "appointment-volume" / "F2026-9003.pdf"
    form = {label: page for _, label, page in bookmarks(file)}["备案登记表"]
    assert form % 2 == 1
    for number in (form + 1, form + 2):
        text = words(file, number)
        assert f"{form_city.RARE_NAME}大湾村任职备案登记表" in text
        assert "简历（续）" in text
    whole = words(file)
    for n in range(1, 97):
        assert f"第{n}生产合作社社员" in whole
    # After the form the sheets are headed by the volume's name again.
    assert f"{form_city.RARE_NAME}大湾村任职备案卷" in words(file, number_of_pages(file))


def test_a_repeated_election_is_filed_with_what_the_failed_one_had_done(printed):
    form = words(printed / "registration" / "F2026-9002.pdf")
    assert "党员推荐会2026.02.10" in form
    assert "清泉镇党委考察组谈话22人" in form
    assert "市纪委监委通过" in form
    volume = words(printed / "appointment-volume" / "F2026-9002.pdf")
    assert "（第1次选任的会议；该次结果：失败，得票没有过半数）" in volume
    assert "党员大会选举（第1次选任，结果：失败，得票没有过半数）" in volume


def test_votes_are_shown_with_their_arithmetic(printed):
    text = words(printed / "appointment-volume" / "F2026-9001.pdf")
    assert "有选举权46人不计入2人应到44人" in text
    assert "实到42人占应到95.5%发出票42张" in text
    assert "李示范3921" + "88.6%92.9%入围" in text
    assert "赞成38票，应到44人；当选" in text


def test_a_change_shows_before_and_after_and_keeps_restricted_contents_out(printed):
    text = words(printed / "change-form" / "F2026-9010.pdf")
    assert "1在职教育学历大专本科毕业证书" in text
    assert "2联系电话不写内容（受限制的信息只写项目）本人申请" in text
    assert number_of_pages(printed / "change-form" / "F2026-9010.pdf") == 1


def test_the_working_roster_shows_who_is_not_announced_and_where_nobody_is(printed):
    text = words(printed / "roster-internal" / "qingquan.pdf")
    assert "村（社区）3个，在任书记4名，“一肩挑”0名，空缺1个。" in text
    assert f"{form_city.LONG_NAME}男维吾尔族1975.03" in text
    assert "任职没有公布" in text
    assert re.search(r"石桥村空缺", text), text


def test_tables_of_figures_carry_their_arithmetic_and_a_place_to_sign(printed):
    table = words(printed / "statistics-table" / "2026-11-20.pdf")
    assert "总数在任书记4100" in table
    assert "女125" in table
    # The figures of the site's pages, for who has the paper alone.
    assert "历次换届后的年龄结构" in table
    assert "目标不低于" in table
    report = words(printed / "reports" / "now.pdf")
    assert re.search(r"女书记占比25.0%1÷4", report), report
    for text in (table, report):
        assert "单位负责人（签字）：审核人（签字）：填表人（签字）：" in text
        assert "填报日期：年月日" in text


def test_a_blank_volume_has_every_sheet_and_leads_to_it(printed):
    file = printed / "blank" / "appointment-volume.pdf"
    labels = {label: page for _, label, page in bookmarks(file)}
    contents = words(file, 2)
    for name, label in {
        "备案请示": "备案请示",
        "选举办法及结果": "选举办法及结果",
        "承诺书": "承　诺　书",
    }.items():
        assert f"{name}{labels[label]}" in contents, name
    for kind in BLANK:
        text = words(printed / "blank" / f"{kind}.pdf")
        for absent in ("None", "Nothing", "李示范", "内部版不载"):
            assert absent not in text, (kind, absent)


# ---- the letter of GB/T 9704-2012 -------------------------------------------------------------------------------------


def test_a_letter_has_22_lines_of_28_characters_on_156_by_225_millimetres(printed):
    file = printed / "letter.pdf"
    for number, left in ((1, 28), (2, 26)):
        lines = [b for b in boxes(file, number) if "字" in b[4]]
        assert sum(len(word) for *_, word in lines) == (616 if number == 1 else 28 * 40 - 616)
        assert {len(word) for *_, word in lines} == {28}
        assert min(x0 for x0, *_ in lines) == pytest.approx(left, abs=0.3)
        assert max(x1 for _, _, x1, _, _ in lines) == pytest.approx(left + 156, abs=0.5)
    first = sorted(y0 for _, y0, *_ in boxes(file, 1) if _[-1].startswith("字"))
    assert len(first) == 22
    for above, below in itertools.pairwise(first):
        assert below - above == pytest.approx(LINE, abs=0.05)


def test_the_page_number_of_a_letter_stands_outside_below_the_type_area(printed):
    file = printed / "letter.pdf"
    for number in (1, 2):
        (mark,) = [b for b in boxes(file, number) if b[4] == str(number) and b[1] > 262]
        rules = [b for b in boxes(file, number) if b[4] == "—" and b[1] > 262]
        assert len(rules) == 2
        # One character in from the outer edge of the type area.
        if number == 1:
            assert max(b[2] for b in rules) == pytest.approx(28 + 156 - 14 / MILLIMETRE, abs=1)
        else:
            assert min(b[0] for b in rules) == pytest.approx(26 + 14 / MILLIMETRE, abs=1)
        # 7 mm below the type area, which ends at 262 mm.
        assert 262 + 6 <= (mark[1] + mark[3]) / 2 <= 262 + 11


def test_a_notice_has_head_number_title_seal_and_imprint_in_their_places(printed):
    file = printed / "filing-notice" / "F2026-9001.pdf"
    last = number_of_pages(file)
    found = boxes(file, 1)

    def where(words_: str) -> tuple[float, float, float, float]:
        return next(b[:4] for b in found if words_ in b[4])

    organ = where("中共示例市委组织部文件")
    assert organ[1] == pytest.approx(37 + 35, abs=3)
    assert (organ[0] + organ[2]) / 2 == pytest.approx(28 + 78, abs=1)
    title = where("关于同意李示范同志任职备案的通知")
    assert (title[3] - title[1]) > (
        where("中共示例市清泉镇委员会：")[3] - where("中共示例市清泉镇委员会：")[1]
    )
    assert where("中共示例市清泉镇委员会：")[0] == pytest.approx(28, abs=0.5)
    text = words(file)
    assert re.search(r"中共示例市委组织部2026年3月30日(抄送|—|—?\d)", text), text
    assert "抄送：中共示例市清泉镇大湾村总支部委员会。" in text
    # The imprint closes the type area of the last page.
    issued = next(b for b in boxes(file, last) if "印发" in b[4])
    assert 262 - 10 < issued[3] < 262.5


def test_a_refusal_gives_its_reason_and_no_number(printed):
    text = words(printed / "filing-notice" / "F2026-9005.pdf")
    assert "同志任职备案的通知" in text
    assert "关于不同意" in text
    assert "不予备案。" in text
    assert "二、理由：程序有缺漏。请重新提出人选" in text
    assert "备案编号" not in text


def test_volumes_are_printed_on_demand_only():
    project = Project.open(form_city.ROOT)
    kinds = {t.name for t in read_templates(form_city.ROOT, "site/dossiers") if t.on_demand}
    assert {"appointment-volume", "removal-volume", "term-volume", "filing-notice"} <= kinds
    assert not kinds & {t.name for t in chosen_templates(project, "internal", Selection())}
    asked = Selection(frozenset({"term-volume"}))
    assert [t.name for t in chosen_templates(project, "internal", asked)] == ["term-volume"]
