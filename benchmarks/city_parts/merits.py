"""What good secretaries get beyond pay: honours, seats as representatives, and posts in the township."""

from __future__ import annotations

from datetime import date

from .people import Person
from .registry import City
from .service import Service
from .story import Tenure
from .writing import Row

SEATS = ("党代表", "人大代表", "政协委员")


def honour(city: City, service: Service, appraisals: dict[tuple[Person, int], Row]) -> None:
    """Give honours to those who were graded best, and a few to others."""
    for person, tenures in service.by_person.items():
        rng = city.rng("honours", person.village.code, person.name)
        village = tenures[0].village
        honours: list[Row] = []
        best = (
            [year for (p, year), row in appraisals.items() if p is person and row["grade"] == "优秀"]
            if len(city.villages) < 200
            else []
        )
        for year in best:
            if rng.random() < 0.6:
                city_level = rng.random() < 0.4
                month = f"{year + 1}-06" if city_level else f"{year + 1}-02"
                honours.append(
                    {
                        "title": "市优秀党务工作者" if city_level else "先进工作者",
                        "level": "市级" if city_level else "乡镇级",
                        "granted_by": "中共示例市委"
                        if city_level
                        else f"中共示例市{village.township.name}{'工作委员会' if village.township.kind == '街道' else '委员会'}",
                        "granted_on": month,
                    }
                )
        if tenures[0].row["term"] == "2018" and rng.random() < 0.15:
            honours.append(
                {
                    "title": "优秀共产党员",
                    "level": "市级",
                    "granted_by": "中共示例市委",
                    "granted_on": "2019-06",
                }
            )
        served = [h for h in honours if not person.deceased or h["granted_on"] < f"{person.deceased:%Y-%m}"]
        person.row["honours"] = sorted(
            (h for h in served if h["granted_on"] < f"{city.as_of:%Y-%m}"), key=lambda h: h["granted_on"]
        )


def advance(
    city: City,
    tenure: Tenure,
    kind: str,
    level: str,
    recommended: date,
    result: str,
    decided: date | None,
    *,
    criteria: int = 4,
) -> Row:
    """Enter a recommendation, with the first `criteria` of the four grounds where it is for a representative."""
    village, person = tenure.village, tenure.person
    rng = city.rng("advance", village.name, kind, recommended)
    grounds: dict[str, str] = {}
    if kind in ("党代表", "人大代表", "政协委员"):
        texts = {
            "political_quality": f"任书记以来每年考核称职以上，{rng.choice(('受过市级表彰', '所在党组织是标准化支部'))}",
            "double_lead": f"带动{rng.randint(20, 120)}户从事{person.trade}，户均增收{rng.randint(3, 12) * 1000}元",
            "prestige": f"民主测评满意率{rng.randint(91, 99)}%",
            "deliberation": f"近三年提出建议{rng.randint(2, 7)}件，采纳{rng.randint(1, 2)}件",
        }
        grounds = dict(list(texts.items())[:criteria])
    return city.add(
        "advancement",
        village.township.folder,
        {
            "advancement_id": city.key("G", str(recommended.year), sort=(recommended, village.code)),
            "person_id": person.key,
            "village_id": village.key,
            "kind": kind,
            "level": level,
            "recommended_on": recommended,
            "document": city.document(f"{village.township.letter}委", recommended),
            **grounds,
            "result": result,
            "decided_on": decided,
        },
    )


def advance_some(city: City, service: Service, appraisals: dict[tuple[Person, int], Row]) -> None:
    """Recommend some of the secretaries who serve well."""
    plan = (
        (date(2021, 6, 10), "党代表", "市级", "当选", date(2021, 9, 24), 0.05),
        (date(2021, 10, 20), "人大代表", "市级", "当选", date(2021, 12, 28), 0.05),
        (date(2021, 10, 22), "政协委员", "市级", "当选", date(2021, 12, 20), 0.03),
        (date(2023, 5, 29), "先进典型", "市级", "表彰", date(2023, 6, 28), 0.05),
        (date(2024, 3, 18), "宣传推介", "市级", "已刊播", date(2024, 4, 10), 0.04),
        (date(2024, 4, 15), "招聘乡镇事业编制", "乡镇级", "未通过", date(2024, 7, 10), 0.04),
        (date(2025, 5, 26), "先进典型", "省级", "表彰", date(2025, 6, 27), 0.03),
        (date(2026, 9, 21), "党代表", "市级", "进行中", None, 0.07),
        (date(2026, 10, 19), "人大代表", "市级", "进行中", None, 0.04),
    )
    seated = {str(id(row["person_id"])) for row in city.all("advancement") if row["kind"] in SEATS}
    for day, kind, level, result, decided, share in plan:
        for tenure in service.in_office(day):
            if (
                city.rng("advance?", tenure.village.township.code, tenure.village.name, kind, day).random()
                < share
            ):
                mark = str(id(tenure.person.key))
                if kind in SEATS:
                    # Nobody sits in two of these bodies.
                    if mark in seated:
                        continue
                    seated.add(mark)
                grade = appraisals.get((tenure.person, day.year - 1), {}).get("grade")
                if grade in (None, "优秀", "称职"):
                    advance(city, tenure, kind, level, day, result, decided)
