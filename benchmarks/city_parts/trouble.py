"""What goes wrong in the sample city, for its rules to find and its pages to show."""

from __future__ import annotations

from datetime import date
from typing import Any

from . import merits
from .audits import add_audit
from .elections import BRANCH
from .filings import add_correction, file_matter
from .people import Person, make_person, plus_years
from .places import Village
from .posts import Posting
from .registry import City
from .service import Service
from .story import Story, Tenure
from .writing import Row

# Who is missing, late or short, by what the yearly parts ask for.
BAD_VOTES = {("龙王庙村", 2023): "grade", ("枣林村", 2025): "votes"}
LATE_AUDITS = {("杨树底村", 2026), ("石门村", -2026), ("沙滩村", 2021)}
MISSED_INSPECTIONS = {("后岭村", 2022, 4, "snyj"), ("药王沟村", 2024, 1, "swdcs")}
UNSENT_INSPECTIONS = {("英也尔村", 2023, 2, "swzzb")}
PAY_TROUBLE = {("东双河村", 2024, 5): "indirect", ("李家寨村", 2025, 8): "short"}
UNCHECKED = {("郭家堡村", 2024), ("西门社区", 2025)}
UNVISITED = {57}
EMPTY_RESERVE = {"塔勒德布拉克村"}
IDLE_RESERVE = {"后岭村"}


def postings(villages: list[Village]) -> list[Posting]:
    """Return the first secretaries of the sample, one of them recalled and replaced, one promoted."""
    by_name = {v.name: v for v in villages}
    first, second, third = date(2021, 7, 1), date(2023, 7, 3), date(2025, 7, 1)
    result = []
    units = ("sczj", "sjtj", "sslj", "swjw", "sgdgs", "snsyh", "swxcb")
    for i, name in enumerate(
        ("喀拉苏村", "英也尔村", "塔勒德布拉克村", "后岭村", "药王沟村", "鹰嘴崖村", "野狐岭村")
    ):
        village, unit = by_name[name], units[i]
        if name == "喀拉苏村":
            result.append(
                Posting(
                    village,
                    unit,
                    first,
                    date(2022, 8, 1),
                    "召回",
                    ("2022-02", "2022-04", "2022-05"),
                    "2022年第一、二季度在岗天数连续不足，经谈话提醒没有改正",
                )
            )
            result.append(Posting(village, unit, date(2022, 8, 22), second, "期满轮换"))
        else:
            result.append(Posting(village, unit, first, second, "期满轮换"))
        if name == "后岭村":
            result.append(Posting(village, unit, second, date(2024, 9, 2), "提拔任用"))
            result.append(Posting(village, unit, date(2024, 9, 18), third, "期满轮换"))
        else:
            result.append(Posting(village, unit, second, third, "期满轮换"))
        result.append(
            Posting(village, unit, third, None, low_months=("2026-05",) if name == "野狐岭村" else ())
        )
    return result


def adjust(city: City, service: Service, appraisals: dict[tuple[Person, int], Row]) -> dict[str, Row]:
    """Enter the adjustments with what led to them; return the audits made before those departures, by tenure."""
    by_village: dict[str, list[Tenure]] = {}
    for tenure in service.tenures:
        by_village.setdefault(tenure.village.name, []).append(tenure)

    def held(name: str, day: date) -> Tenure:
        return next(
            t
            for t in by_village[name]
            if t.row["started_on"] <= day and (t.row.get("ended_on") or date.max) >= day
        )

    def open_case(tenure: Tenure, opened: date, source: str, facts: str, **rest: Any) -> Row:
        village = tenure.village
        decided = rest.get("decided_on")
        return city.add(
            "adjustments",
            village.township.folder,
            {
                "adjustment_id": city.key("J", str(opened.year), sort=(opened,)),
                "person_id": tenure.person.key,
                "village_id": village.key,
                "tenure_id": tenure.row["tenure_id"],
                "opened_on": opened,
                "source": source,
                "facts": facts,
                "document": city.document(f"{village.township.letter}委", decided) if decided else None,
                **rest,
            },
        )

    early: dict[str, Row] = {}
    unfit = held("龙王庙村", date(2024, 2, 1))
    case = open_case(
        unfit,
        date(2024, 2, 20),
        "民主评议",
        "连续两年多项目标没有完成，2023年度党员评议不称职票超过三分之一",
        appraisal_id=appraisals[unfit.person, 2023]["appraisal_id"],
        tier="及时调整",
        decided_on=date(2024, 3, 1),
        closed_on=date(2024, 4, 12),
    )
    audit = add_audit(
        city, unfit, city.rng("audit unfit"), "离任审计", date(2024, 2, 21), 9, conclusion="存在一般问题"
    )
    early[str(id(unfit))] = audit
    if unfit.event:
        unfit.event.adjustment, unfit.event.audited_on = case, audit["reported_on"]

    corrupt = held("瓦窑头村", date(2025, 3, 1))
    audit = add_audit(
        city,
        corrupt,
        city.rng("audit corrupt"),
        "任中审计",
        date(2025, 3, 3),
        32,
        conclusion="存在严重问题",
        summary="工程结算与实际不符、集体资产出租没有公开、大额支出没有集体研究",
        rectified=False,
    )
    case = open_case(
        corrupt,
        date(2025, 4, 10),
        "经济责任审计",
        "审计发现集体资金管理严重问题，线索移送纪检监察机关",
        audit_id=audit["audit_id"],
        tier="严肃处理",
        decided_on=date(2025, 5, 19),
        closed_on=date(2025, 6, 24),
    )
    leaving = add_audit(
        city,
        corrupt,
        city.rng("audit leaving"),
        "离任审计",
        date(2025, 5, 6),
        14,
        conclusion="存在严重问题",
        rectified=False,
    )
    early[str(id(corrupt))] = leaving
    if corrupt.event:
        corrupt.event.adjustment, corrupt.event.audited_on = case, leaving["reported_on"]

    open_case(
        held("郭家堡村", date(2025, 4, 1)),
        date(2025, 4, 2),
        "群众反映",
        "入户走访少，群众反映办事拖拉",
        tier="批评教育",
        decided_on=date(2025, 4, 15),
        rectify_by=date(2025, 7, 10),
        rectified_on=date(2025, 7, 2),
        closed_on=date(2025, 7, 8),
    )
    open_case(
        held("单家庄村", date(2022, 9, 1)),
        date(2022, 9, 5),
        "日常了解",
        "党员大会不按期召开，会议记录补记",
        tier="批评教育",
        decided_on=date(2022, 9, 14),
        rectify_by=date(2022, 12, 9),
        rectified_on=date(2022, 11, 28),
        closed_on=date(2022, 12, 5),
    )
    open_case(
        held("南寨村", date(2026, 7, 1)),
        date(2026, 7, 10),
        "群众反映",
        "村级工程招标信息公开不及时，群众有意见",
        tier="批评教育",
        decided_on=date(2026, 7, 20),
        rectify_by=date(2026, 10, 15),
    )
    open_case(
        held("东关社区", date(2026, 11, 1)),
        date(2026, 11, 9),
        "纪检监察",
        "街道纪工委转来反映沿街门面出租问题的线索，正在核实",
    )
    return early


def extra_filings(city: City, stories: list[Story]) -> None:
    """File what is not a beginning or an end: changes, corrections, and an appointment that was undone."""
    by_name = {s.village.name: s for s in stories if s.tenures}

    def current(name: str, term: str) -> Tenure:
        return next(t for t in by_name[name].tenures if t.row["term"] == term)

    changes = (
        ("大井村", "2021", date(2022, 7, 18), "在职教育学历", "高中", "大专", "国家开放大学毕业证书"),
        (
            "兴隆村",
            "2021",
            date(2022, 9, 6),
            "党组织名称",
            "党支部",
            "党总支",
            "清泉镇党委关于设立党总支的批复",
        ),
        ("后岭村", "2021", date(2023, 3, 14), "参加工作时间", "1996-07", "1995-07", "档案材料核查认定表"),
        ("文昌社区", "2021", date(2024, 1, 9), "在职教育学历", "大专", "本科", "国家开放大学毕业证书"),
        ("东双河村", "2021", date(2024, 10, 21), "入党时间", "2003-06", "2003-07", "入党志愿书"),
        ("克孜勒村", "2021", date(2025, 2, 11), "姓名中的间隔号", "原用其他符号", "改用“·”", "居民身份证"),
        ("桃园社区", "2026", date(2026, 8, 12), "联系电话", "", "", "本人申请"),
        ("仇家集村", "2026", date(2026, 11, 10), "在职教育学历", "高中", "大专", "国家开放大学毕业证书"),
    )
    for name, term, day, item, before, after, basis in changes:
        tenure = current(name, term)
        file_matter(
            city,
            tenure.village,
            tenure.person,
            city.rng("change", name),
            "信息变更",
            city.workdays.on_or_after(day),
            trigger=f"{item}发生变化",
            tenure=tenure.row,
            reason=f"{item}变更",
            changes=[{"item": item, "before": before, "after": after, "basis": basis}],
            posts=(f"{tenure.village.branch}书记", f"{tenure.village.branch}书记", ""),
        )
    tenure = current("老营盘村", "2021")
    add_correction(
        city,
        tenure.row["_filing"],
        city.rng("correction"),
        date(2022, 4, 11),
        "更正",
        "登记表参加工作时间填写有误",
        [
            {
                "item": "参加工作时间",
                "before": "1989-03",
                "after": tenure.person.row["work_started"],
                "basis": "档案材料",
            }
        ],
    )
    tenure = current("马家坪村", "2026")
    add_correction(
        city,
        tenure.row["_filing"],
        city.rng("correction 2"),
        date(2026, 10, 28),
        "更正",
        "登记表入党时间填写有误",
        [
            {
                "item": "入党时间",
                "before": "误填为转正时间",
                "after": "以入党志愿书为准",
                "basis": "入党志愿书",
            }
        ],
    )
    story = by_name["鹰嘴崖村"]
    village = story.village
    sent = make_person(
        city.rng("undone"),
        city.key("P", sort=(village.row["_order"], 50)),
        village,
        date(2024, 3, 4),
        (30, 38),
        official=f"示例市{village.township.name}人民政府",
        joined_before=plus_years(date(2024, 3, 4), -4),
    )
    city.add("people", village.township.folder, sent.row)
    sent.row["_person"] = sent
    undone = file_matter(
        city,
        village,
        sent,
        city.rng("undone filing"),
        "任前备案",
        date(2024, 3, 7),
        trigger="机关下派担任书记",
        decided_by=date(2024, 3, 21),
        reason="经党委会议研究，拟下派担任书记",
        posts=("松坪乡人民政府干部", f"{village.branch}书记", ""),
        concurrent=False,
    )
    add_correction(
        city,
        undone,
        city.rng("undone correction"),
        date(2024, 3, 25),
        "撤销",
        "拟任人选调任其他单位，没有到任",
        [{"item": "任前备案", "before": "准予备案", "after": "撤销", "basis": "松坪乡党委会议纪要"}],
    )


def advance(city: City, service: Service) -> None:
    """Recommend particular secretaries."""

    def held(name: str, day: date) -> Tenure:
        return next(t for t in service.in_office(day) if t.village.name == name)

    merits.advance(
        city,
        held("石桥村", date(2023, 6, 5)),
        "选拔乡镇领导干部",
        "乡镇级",
        date(2023, 6, 5),
        "任用",
        date(2023, 8, 21),
    )
    merits.advance(
        city,
        held("铁路社区", date(2024, 4, 22)),
        "考录乡镇公务员",
        "乡镇级",
        date(2024, 4, 22),
        "录用",
        date(2024, 8, 26),
    )
    merits.advance(
        city,
        held("云岭村", date(2021, 10, 20)),
        "人大代表",
        "市级",
        date(2021, 10, 20),
        "当选",
        date(2021, 12, 28),
    )
    merits.advance(
        city,
        held("云岭村", date(2025, 5, 26)),
        "先进典型",
        "省级",
        date(2025, 5, 26),
        "表彰",
        date(2025, 6, 27),
    )
    merits.advance(
        city, held("云岭村", date(2026, 10, 19)), "人大代表", "市级", date(2026, 10, 19), "进行中", None
    )
    merits.advance(
        city,
        held("阿克塔什村", date(2021, 10, 22)),
        "政协委员",
        "市级",
        date(2021, 10, 22),
        "当选",
        date(2021, 12, 20),
    )
    merits.advance(
        city,
        held("南湖社区", date(2026, 10, 19)),
        "政协委员",
        "市级",
        date(2026, 10, 19),
        "进行中",
        None,
        criteria=3,
    )


def spoil(city: City, stories: list[Story]) -> None:
    """Put in the slips that a real register has, for the rules to find."""
    by_name = {s.village.name: s for s in stories if s.tenures}

    def election_of(name: str, term: str) -> Row:
        story = by_name[name]
        return next(
            r
            for r in city.all("elections")
            if r["village_id"] is story.village.key and r["term"] == term and r["kind"] == BRANCH
        )

    election_of("新民村", "2026")["inspection.ratings"][3]["evidence"] = None
    weak = election_of("马家坪村", "2026")["meetings"][1]
    weak["votes"][1]["approve"] = int(weak["valid"] * 0.27)
    gap = by_name["文昌社区"].tenures[-1].person.row["resume"]
    gap[1]["started"] = (
        f"{int(gap[1]['started'][:4]) + 1}{gap[1]['started'][4:]}" if len(gap) > 2 else gap[1]["started"]
    )
    late = by_name["东关社区"].tenures[-1].person.row["resume"]
    line = next(r for r in late if r.get("post"))
    month = int(line["started"][5:]) + 2
    before = late[late.index(line) - 1]
    line["started"] = before["ended"] = f"{line['started'][:5]}{month:02d}"
    classes = {row["title"]: row for row in city.all("training_classes")}
    classes["2025年村（社区）党组织书记补训班"]["courses"][-1]["need"] = None
    classes["2024年乡村建设和村庄规划培训班"]["combinations_exchange_use"] = None
