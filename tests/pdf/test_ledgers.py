"""The ledgers of the city, all printed once: what they say, what they keep to themselves, how they lie on paper."""

from __future__ import annotations

import html
import itertools
import re
import subprocess
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import form_city
import ledger_city
import pytest
from paper import files_in

from lingtouyan.cli import main
from lingtouyan.pdf.render import render_dossiers
from lingtouyan.templates.templates import read_templates

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]
MILLIMETRE = 72 / 25.4
_PAGE = re.compile(r'<page width="(.*?)" height="(.*?)">(.*?)</page>', re.DOTALL)
_WORD = re.compile(r'<word xMin="(.*?)" yMin="(.*?)" xMax="(.*?)" yMax="(.*?)">(.*?)</word>')


@dataclass(frozen=True)
class Word:
    """A word of a page; lengths in millimetres."""

    left: float
    top: float
    right: float
    bottom: float
    text: str

    def runs_into(self, other: Word) -> bool:
        """Tell whether two words lie over each other; lines of a narrow leading touch a little."""
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        return across > 0.5 and down > 0.5 * min(self.bottom - self.top, other.bottom - other.top)


@dataclass
class Print:
    """One PDF as `pdftotext` reads it: of each page its width and height, its words."""

    path: Path
    pages: list[tuple[float, float, list[Word]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        shown = subprocess.run(
            ["pdftotext", "-bbox", self.path, "-"],
            check=True,
            capture_output=True,
            text=True,
            errors="replace",
        ).stdout
        for width, height, content in _PAGE.findall(shown):
            words = [
                Word(*(float(v) / MILLIMETRE for v in place), html.unescape(text))
                for *place, text in _WORD.findall(content)
            ]
            self.pages.append((float(width) / MILLIMETRE, float(height) / MILLIMETRE, words))

    @cached_property
    def sheets(self) -> list[str]:
        """The text of each page, without spaces."""
        command = ["pdftotext", "-raw", self.path, "-"]
        shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return [re.sub(r"\s", "", page) for page in shown.split("\f")[:-1]]

    @property
    def text(self) -> str:
        return "".join(self.sheets)


@dataclass
class Prints:
    made: dict[str, Print]
    sources: dict[str, str]


@pytest.fixture(scope="module")
def prints(tmp_path_factory) -> Prints:
    root = ledger_city.write_tree(tmp_path_factory.mktemp("city"))
    jobs = form_city.jobs_of(root, "internal", ledger_city.KINDS)
    out = root / "out"
    report = render_dossiers(
        [*jobs.values(), *form_city.blanks_of(root, ledger_city.KINDS)],
        files=files_in(root / "site" / "dossiers"),
        out=out,
    )
    assert [p.message for p in report.problems] == []
    made = {p.relative_to(out).as_posix().removesuffix(".pdf"): Print(p) for p in sorted(out.rglob("*.pdf"))}
    return Prints(made, {name: str(job.html) for name, job in jobs.items()})


def test_every_kind_is_printed_for_its_records_and_blank(prints) -> None:
    kinds = {name.split("/")[0] for name in prints.sources}
    assert kinds == set(ledger_city.KINDS)
    assert {n.removeprefix("blank/") for n in prints.made if n.startswith("blank/")} == kinds


SAYS = {
    "appraisal-form/K2025-9001": [
        "村（社区）党组织书记年度考核登记表",
        "填报单位：中共示例市清泉镇委员会2025年度编号：K2025-9001",
        "担任职务云岭村党总支书记（2021.03—至今）",
        # The basic target of a dimension before its own, and a dimension without any is not left out.
        "新增中药材种植规模（亩）不少于4210388",
        "群众满意程度没有设定目标",
        "合计（7项）10095",
        "乡镇党委121256",
        "党员403920172094.9%",
        "考核得分91.5",
        "确定为称职等次。（盖章）签字：2026年1月12日",
        "进一步完善集体资产台账",
    ],
    "appraisal-form/K2025-9002": [ledger_city.LONG_NAME, "产业发展没有设定目标"],
    "report-form/K2025-9001": [
        "述职日期2026年1月8日述职材料述职报告、党委会议记录",
        "到会党员40人到会代表33人",
        "村民代表33321415",
        "90.6%3.1%",
        "公开次数11次公开评价较好",
        "按规定公开“三资”",
        "（2026年1月20日向本人反馈）",
    ],
    "audit-form/A2026-9001": [
        "村（社区）党组织书记离任审计登记表",
        "任职起止2021.03.20—2026.03.10届次2021年离任原因不胜任",
        "报告文号清审〔2026〕3号审计结论存在一般问题结果公布2026年4月15日",
        ledger_city.LONG * 3,
        "涉及金额属受限内容，内部版不载",
        "整改期限2026.06.30",
        "2026年4月10日据此启动组织调整，2026年4月20日决定批评教育（清委〔2026〕5号）。",
    ],
    "audit-form/A2026-9002": ["村（社区）党组织书记任中审计登记表", "审计中"],
    "reserve-form/R0001": [
        "致富能手2018.03.06→党员2019.10.07→村干部2021.05.11→村党组织书记年月日",
        "2022.01.18",
        "2022.01.23",
        "清泉镇党委副书记罗占建",
        "申请入党积极分子发展对象预备党员转正2017.05.102019.10.07",
        "承担工作负责村集体茶园管护",
        "2025.05.172025年村（社区）党组织书记能力提升班5天结业",
    ],
    "inspection-form/S9001-2026-2": [
        "2026年二季度",
        "2026.06.26　好".replace("　", ""),
        # A day count of nothing is a count; one that is not there is room for a hand.
        "6月0天",
        "未督导",
        ledger_city.LONG * 5,
        "2026.07.172026.07.09",
        "纳入2026年度单位目标绩效考核",
        "市财政局副局长刘生东",
    ],
    "class-book/C2025-01": [
        "调研方式座谈会、调查问卷",
        "n2账怎样公开9没有设课",
        "2农村政策政治理论专家授课市委党校顾教授6.5",
        "（参训2人，结业2人，其中优秀学员1人；缺课1人）",
        "清泉镇云岭村书记5.5优秀学员",
        "把党员的作用亮出来年内清理到期合同",
        "评估日期2025.05.17收回份数2满意份数1（50.0%）",
        "5月12日5月13日5月14日5月15日5月16日",
        "5月17日",
    ],
    "hardship-ledger/qingquan": ["在账1人截至2026年11月20日", "1L90012026.05.152026.06.2512026.06.25"],
    "departed-ledger/qingquan": ["在账2人", "1L9002李示范男1975.03云岭村2021.032026.03不胜任2026.06.262026.05.15"],
    "visit-form/qingquan-2026-七一": [
        "2026年七一走访慰问登记表",
        "应走访3人，已走访2人",
        "慰问期：2026.06.20—2026.07.01",
        "2L9002离任李示范2026.06.26清泉镇党委书记建议把村级会计培训放到冬季清委〔2026〕7号",
    ],
    "pay-settlement/qingquan-2025": [
        "基本报酬3103,500.0067.3%",
        "绩效报酬241,200.5026.8%",
        "合计153,700.50",
        "已发基本报酬11未发基本报酬1",
    ],
    "timeline/P0001": [
        "个人履历时间轴",
        "1992●09履历示例市第二中学高中学生至1995.06",
        "04.08审计离任审计：存在一般问题（云岭村）清审〔2026〕3号",
        "01.12考核2025年度考核：称职（云岭村）得分91.5",
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", SAYS)
def test_a_ledger_says_what_the_records_say(prints, name) -> None:
    text = prints.made[name].text
    for expected in SAYS[name]:
        assert expected in text, expected


def test_what_happens_after_the_day_of_the_print_is_not_on_it(prints) -> None:
    assert "外出务工" not in prints.made["reserve-form/R0001"].text
    assert "2026.12.01" not in prints.made["departed-ledger/qingquan"].text


def test_markup_in_a_record_is_printed_as_words(prints) -> None:
    assert ledger_city.HOSTILE_NAME in prints.made["audit-form/A2026-9002"].text


def test_nothing_restricted_is_on_any_print(prints) -> None:
    for secret in ledger_city.SECRETS.values():
        for name, made in prints.made.items():
            assert secret not in made.text, name
            assert secret not in prints.sources.get(name, ""), name


def test_a_ledger_of_hardship_does_not_tell_whose_it_is(prints) -> None:
    for name in ("hardship-ledger/qingquan", "visit-form/qingquan-2026-七一", "pay-settlement/qingquan-2025"):
        assert ledger_city.RARE_NAME not in prints.made[name].text
        assert ledger_city.RARE_NAME not in prints.sources[name]


SIGNED = {
    "appraisal-form": 3,
    "report-form": 3,
    "audit-form": 4,
    "reserve-form": 3,
    "inspection-form": 4,
    "class-book": 2,
    "pay-settlement": 2,
}


def test_opinion_signature_and_date_stand_on_one_page_with_room_to_sign(prints) -> None:
    for name, made in prints.made.items():
        kind = name.split("/")[1 if name.startswith("blank/") else 0]
        places = []
        for number, (_, _, words) in enumerate(made.pages):
            for word in words:
                if not word.text.startswith("签字："):
                    continue
                places.append((number, word.top))
                below = [w.text for w in words if 3 < w.top - word.top < 12]
                assert any(text.endswith("日") for text in below), name
                beside = [w.text for w in words if w.right < 75 and -22 < w.top - word.top < 12]
                assert "意" in "".join(beside), name
        assert len(places) == SIGNED.get(kind, 0), name
        places.sort()
        for (page, above), (again, top) in itertools.pairwise(places):
            assert page != again or top - above >= 35, (name, places)


def test_words_keep_within_the_margins_and_off_one_another(prints) -> None:
    for name, made in prints.made.items():
        for number, (width, height, words) in enumerate(made.pages, 1):
            if width > height:
                left, right = 20, width - 20
            else:
                # Printed on both sides: the binding edge is left on a front, right on a back.
                left, right = (28, 210 - 26) if number % 2 else (26, 210 - 28)
            for n, word in enumerate(words):
                assert left - 0.5 <= word.left, (name, word)
                assert word.right <= right + 0.5, (name, word)
                assert word.top >= 13, (name, word)
                assert word.bottom <= height - 7, (name, word)
                for other in words[:n]:
                    assert not word.runs_into(other), (name, word, other)


def test_a_page_across_is_bound_at_its_head_on_a_front_and_at_its_foot_on_a_back(prints) -> None:
    fronts_and_backs = [
        (number % 2, max(w.bottom for w in words if "页" not in w.text), min(w.top for w in words))
        for number, (width, height, words) in enumerate(prints.made["blank/class-book"].pages, 1)
        if width > height
    ]
    assert {side for side, _, _ in fronts_and_backs} == {0, 1}
    for front, bottom, top in fronts_and_backs:
        assert top >= 18 if front else bottom <= 210 - 10


def test_what_runs_on_repeats_its_heads_and_says_whose_it_is(prints) -> None:
    sheets = prints.made["reserve-form/R0002"].sheets
    assert len(sheets) > 5
    for number, sheet in enumerate(sheets, 1):
        assert f"第{number}页共{len(sheets)}页" in sheet
        assert (f"{ledger_city.RARE_NAME}石桥村后备人才登记表" in sheet) == (number > 1)
        assert ("简历" in sheet) == ("生产合作社" in sheet)


def test_a_blank_form_leaves_rows_to_fill_in(prints) -> None:
    for kind in ledger_city.KINDS:
        blank = prints.made[f"blank/{kind}"]
        assert len(blank.pages) <= (6 if kind == "class-book" else 2)
        for sheet in blank.sheets:
            assert "空白表，不是记录" in sheet
        for absent in ("None", "<br>", "&", "示例市", "P0001", "2026.0"):
            assert absent not in blank.text, (kind, absent)
    assert all(str(n) in prints.made["blank/visit-form"].text for n in range(1, 11))
    # No targets, no tallies: their rows are there all the same.
    assert "群众满意程度基本目标" in prints.made["blank/appraisal-form"].text


def test_kinds_that_come_by_the_hundred_wait_to_be_asked_for() -> None:
    templates = read_templates(form_city.ROOT, "site/dossiers")
    built = {t.name for t in templates if t.name in ledger_city.KINDS and not t.on_demand}
    assert built == {"class-book", "hardship-ledger", "departed-ledger"}


@pytest.mark.exhaustive
def test_a_portrait_is_one_page_and_says_what_is_known(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    out = tmp_path / "out"
    assert (
        main(["--root", str(root), "dossiers", "portrait", "--where", "name LIKE '阿%'", "--out", str(out)])
        == 0
    )
    (made,) = [p for p in out.rglob("*.pdf") if "阿克塔什村" in words_of(p)]
    assert pages_of(made) == 1
    assert "维吾尔族" in words_of(made)


def words_of(path: Path) -> str:
    return subprocess.run(
        ["pdftotext", "-layout", path, "-"], capture_output=True, text=True, check=True
    ).stdout


def pages_of(path: Path) -> int:
    told = subprocess.run(["pdfinfo", path], capture_output=True, text=True, check=True).stdout
    return int(re.search(r"Pages:\s+(\d+)", told)[1])


@pytest.mark.parametrize(
    ("kind", "where", "words"),
    [
        ("public-notice", "notice_id = 'N2026-0001'", ("公示时间", "监督电话", "拟任")),
        ("notice-result", "notice_id = 'N2026-0001'", ("公示结果",)),
        ("approval-reply", "election_id = 'E2026-0001'", ("批复", "同志任", "此复")),
        ("appointment-notice", "tenure_id = 'T0273'", ("任职的通知", "同志任青石岭村党支部书记", "起计算")),
        ("ballot", "election_id = 'E2026-0001'", ("另选人", "应选", "盖章有效")),
        # The committee elects its secretary alone; of four candidates the members had elected it.
        ("ballot", "form = 'E2026-0013-4'", ("塬村委员会会议选举选票", "汪诚光党总支书记", "应选1名")),
        ("ballot", "form = 'E2026-0013-3'", ("汪诚光党总支委员", "应选3名")),
        # To come: candidates are named, nobody has voted.
        ("ballot", "form = 'E2026-0136-3'", ("前岭村党员大会选举选票", "温云红", "应选1名")),
        ("election-report", "election_id = 'E2026-0001'", ("应到人数", "总监票人", "赞成")),
    ],
)
@pytest.mark.exhaustive
def test_a_paper_of_an_election_is_printed_with_what_it_must_say(
    tmp_path: Path, kind: str, where: str, words: tuple[str, ...]
) -> None:
    root = Path(__file__).resolve().parents[2]
    out = tmp_path / "out"
    assert main(["--root", str(root), "dossiers", kind, "--where", where, "--out", str(out)]) == 0
    texts = ["".join(words_of(p).split()) for p in out.rglob("*.pdf")]
    assert texts
    assert all(word in text for word in words for text in texts)
