"""Yearly targets of each village, and the secretaries' reports, votes and grades at the year's end."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from random import Random

from .people import Person
from .places import Village
from .registry import City
from .service import PersonYear, Service
from .writing import Row

BASIC = (
    ("产业发展", "村集体经营性收入（万元）", 12),
    ("农民增收致富", "农村居民人均可支配收入增速（%）", 12),
    ("社会事业进步", "城乡居民医疗保险参保率（%）", 10),
    ("新农村建设", "生活垃圾集中处理的组（个）", 10),
    ("基层组织建设", "“三会一课”按期开展次数", 14),
    ("社会稳定", "矛盾纠纷就地化解率（%）", 12),
    ("群众满意程度", "群众测评满意率（%）", 10),
)
OWN = (
    ("产业发展", "新增{trade}规模（{unit}）", 12),
    ("新农村建设", "硬化入组道路（公里）", 8),
    ("产业发展", "盘活闲置校舍、厂房（处）", 10),
    ("社会事业进步", "建成日间照料点并正常运行（个）", 10),
    ("农民增收致富", "组织劳务输出（人）", 10),
    ("基层组织建设", "培养入党积极分子（名）", 8),
)
YEARS = (2022, 2025)


def set_targets(city: City, service: Service, villages: list[Village]) -> dict[tuple[Village, int], float]:
    """Set each village's targets from 2022 to this year and return the totals scored."""
    totals: dict[tuple[Village, int], float] = {}
    heads = {(t.village, t.row["started_on"]): t.person for t in service.tenures}
    for village in villages:
        trade = (
            next((p.trade for (v, _), p in heads.items() if v is village), "")
            if len(villages) < 200
            else "特色种养"
        )
        for year in range(YEARS[0], city.as_of.year + 1):
            if not village.valid_on(date(year, 2, 20)) or (
                village.valid_to and village.valid_to <= date(year, 12, 31)
            ):
                continue
            rng = city.rng("targets", village.township.code, village.name, year)
            committed = city.workdays.add(date(year, 2, 25), rng.randint(0, 8))
            assessed = (
                city.workdays.add(date(year, 12, 20), rng.randint(0, 6)) if year < city.as_of.year else None
            )
            own = rng.sample(OWN[:2] if rng.random() < 0.6 else OWN[2:4], 2)
            total = 0.0
            for target_class, items in (("基本目标", BASIC), ("个性目标", own)):
                for dimension, metric, weight in items:
                    goal, result, share = _goal(rng, metric)
                    score = round(weight * share * 2) / 2 if assessed else None
                    total += score or 0
                    city.add(
                        "targets",
                        village.township.folder,
                        {
                            "village_id": village.key,
                            "year": year,
                            "target_class": target_class,
                            "dimension": dimension,
                            "metric": metric.format(trade=trade, unit=_unit(trade)),
                            "goal": goal,
                            "weight": weight,
                            "committed_on": committed,
                            "result": result if assessed else None,
                            "score": score,
                            "assessed_on": assessed,
                        },
                    )
            if assessed:
                totals[village, year] = total
    return totals


def _unit(trade: str) -> str:
    if any(word in trade for word in ("种植", "大棚", "栽培")):
        return "亩"
    return "头（只）" if "养" in trade else "户"


def _goal(rng: Random, metric: str) -> tuple[str, str, float]:
    """Return a goal, what came of it, and the share of the weight that this earns."""
    share = rng.choices((1.0, 0.9, 0.8, 0.6), (62, 24, 10, 4))[0]
    if "收入（万元）" in metric:
        goal = rng.randint(8, 40)
        return f"不少于{goal}", f"{goal * (share + rng.uniform(0, 0.2)):.1f}", share
    if "率（%）" in metric or "增速" in metric:
        goal = rng.randint(6, 9) if "增速" in metric else rng.randint(92, 97)
        return f"不低于{goal}", f"{goal * share + (rng.uniform(0, 2) if share == 1 else 0):.1f}", share
    if "三会一课" in metric:
        return "不少于24", str(round(24 * share) + (rng.randint(0, 4) if share == 1 else 0)), share
    goal = (
        rng.randint(2, 9)
        if "公里" in metric or "（个）" in metric or "（处）" in metric or "（名）" in metric
        else rng.randint(20, 160)
    )
    return f"不少于{goal}", str(max(0, round(goal * share))), share


def appraise(
    city: City, service: Service, totals: dict[tuple[Village, int], float], poor: dict[tuple[str, int], str]
) -> dict[tuple[Person, int], Row]:
    """Write the appraisals of the secretaries in office at the end of each year.

    Args:
        poor: by village and year, `grade` (a grade 不称职 after the members' votes) or `votes` (only the votes are bad).
    """
    due = [y for y in service.years(*YEARS) if y.days >= 180 and y.at_end]
    ranked: dict[tuple[str, int], list[PersonYear]] = defaultdict(list)
    for item in due:
        ranked[item.tenure.village.township.code, item.year].append(item)
    result = {}
    for (code, year), items in ranked.items():
        items.sort(key=lambda y: (-totals.get((y.tenure.village, year), 80), str(y.tenure.village.code)))
        best = int(len(items) * 0.25)
        for place, item in enumerate(items):
            trouble = poor.get((item.tenure.village.name, year), "") if len(poor) else ""
            result[item.person, year] = _appraisal(
                city, item, totals.get((item.tenure.village, year), 80.0), place < best, trouble, code
            )
    return result


def _appraisal(city: City, item: PersonYear, total: float, best: bool, trouble: str, code: str) -> Row:
    village, year = item.tenure.village, item.year
    rng = city.rng("appraisal", code, village.name, year, item.person.name)
    work = city.workdays
    to_members = work.add(date(year, 12, 20), rng.randint(4, 9))
    to_township = work.add(date(year + 1, 1, 4), rng.randint(1, 10))
    decided = work.add(date(year + 1, 2, 1), rng.randint(0, 4))
    present = max(10, round(village.row["party_members"] * rng.uniform(0.75, 0.93)))
    representatives = max(10, round(village.row["representatives"] * rng.uniform(0.76, 0.95)))
    score = min(100.0, round(total * 0.6 + rng.uniform(34, 40), 1))
    grade = "优秀" if best else "称职" if score > 88.7 else "基本称职"
    if trouble == "grade":
        score, grade = round(rng.uniform(52, 58), 1), "不称职"
    tallies = []
    for body, issued in (
        ("乡镇党委", rng.randint(9, 13)),
        ("党员", present),
        ("村（居）民代表", representatives),
    ):
        returned = issued - (1 if rng.random() < 0.2 else 0)
        if trouble and body != "乡镇党委" and (trouble == "grade" or body == "党员"):
            bad = -(-returned // 3) + rng.randint(1, 3)
        else:
            bad = rng.choice((0, 0, 0, 1, 1, 2)) if body != "乡镇党委" else 0
        rest = returned - bad
        excellent = round(
            rest * (rng.uniform(0.55, 0.75) if best else rng.uniform(0.2, 0.5) if not trouble else 0.1)
        )
        basic = round((rest - excellent) * (rng.uniform(0.05, 0.2) if not trouble else 0.6))
        tallies.append(
            {
                "body": body,
                "issued": issued,
                "returned": returned,
                "excellent": excellent,
                "competent": rest - excellent - basic,
                "basic": basic,
                "incompetent": bad,
            }
        )
    good = ("好", "好", "较好")
    return city.add(
        "appraisals",
        village.township.folder,
        {
            "appraisal_id": city.key("K", str(year), sort=(village.code,)),
            "person_id": item.person.key,
            "village_id": village.key,
            "tenure_id": item.tenure.row["tenure_id"],
            "year": year,
            "reports_township_date": to_township,
            "reports_township_document": "述职报告、党委会议记录",
            "reports_members_date": to_members,
            "reports_members_present": present,
            "reports_members_representatives": representatives,
            "score": score,
            "grade": grade,
            "decided_on": decided,
            "integrity_result": "一般" if trouble else rng.choice(good),
            "integrity_note": rng.choice(("按季度公开“三资”", "没有收到廉政方面的反映", "落实村务监督要求"))
            if not trouble
            else "群众对项目招标有反映",
            "openness_times": rng.choice((4, 4, 6, 12)) if not trouble else 3,
            "openness_result": rng.choice(good) if not trouble else "一般",
            "procedure_result": rng.choice(good) if not trouble else "差",
            "feedback": _feedback(rng, grade),
            "feedback_on": decided + timedelta(days=rng.randint(3, 12)),
            "tallies": tallies,
        },
    )


def _feedback(rng: Random, grade: str) -> str:
    if grade == "不称职":
        return "目标完成差，党员群众意见集中，乡镇党委将按规定处理"
    return rng.choice(
        (
            "进一步完善集体资产台账",
            "加快产业项目落地",
            "多到户走访，及时回应群众关切",
            "规范会议记录",
            "抓紧培养后备干部",
            "巩固人居环境整治成果",
        )
    )
