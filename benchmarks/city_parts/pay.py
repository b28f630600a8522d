"""Pay by year: schemes, each payment without its amount, and the townships' totals."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta

from .people import Person
from .registry import CITY, City
from .service import Service
from .writing import Row

BENCHMARKS = {
    2019: 48000,
    2020: 49200,
    2021: 51600,
    2022: 54000,
    2023: 56400,
    2024: 58800,
    2025: 61200,
    2026: 62400,
}
FIRST = 2024


def pay_schemes(city: City) -> None:
    """Enter the yearly schemes."""
    for year, benchmark in BENCHMARKS.items():
        day = date(year, 1, 1)
        city.add(
            "pay_schemes",
            CITY,
            {
                "year": year,
                "document": "示办发〔2018〕41号" if year < 2022 else "示办发〔2021〕38号",
                "benchmark": benchmark,
                "base_percent": city.number("base_percent", day),
                "performance_percent": city.number("performance_percent", day),
                "reward_percent": city.number("reward_percent", day),
                "note": "按副乡镇长工资水平确定，按月直达个人账户。",
            },
        )


def pay(
    city: City,
    service: Service,
    appraisals: dict[tuple[Person, int], Row],
    trouble: dict[tuple[str, int, int], str],
) -> None:
    """Pay each secretary from 2024 on, and sum up the townships from 2022.

    Args:
        trouble: by village, year and month: `indirect` or `short`.
    """
    totals: dict[tuple[str, str, int, str], list[float]] = defaultdict(lambda: [0, 0.0])
    settled: dict[tuple[str, int], date] = {}
    for year in range(2022, city.as_of.year + 1):
        for person, tenures in service.by_person.items():
            for tenure in tenures:
                if tenure.row["origin"] == "机关下派":
                    continue
                months = _months(city, tenure.row, year)
                village = tenure.village
                folder = village.township.folder
                base = BENCHMARKS[year] * city.number("base_percent", date(year, 1, 1)) / 100 / 12
                for month in months:
                    paid = _payday(city, year, month)
                    if paid > city.as_of:
                        continue
                    mark = trouble.get((village.name, year, month), "")
                    if year >= FIRST:
                        city.add(
                            "payments",
                            folder,
                            {
                                "person_id": person.key,
                                "village_id": village.key,
                                "year": year,
                                "kind": "基本报酬",
                                "month": month,
                                "paid_on": paid,
                                "direct": mark != "indirect",
                                "variance": -3 if mark == "short" else 0,
                                "_sort": (village.code, year, month, 0),
                            },
                        )
                    if year < city.as_of.year:
                        slot = totals[folder, village.township.org_id, year, "基本报酬"]
                        slot[1] += base
                if months and year < city.as_of.year:
                    totals[folder, village.township.org_id, year, "基本报酬"][0] += 1
            appraisal = appraisals.get((person, year))
            last = tenures[-1]
            if appraisal is None or year >= city.as_of.year or appraisal["grade"] == "不称职":
                continue
            held = next((t for t in tenures if t.row["tenure_id"] is appraisal["tenure_id"]), last)
            if held.row["origin"] == "机关下派":
                continue
            paid = city.workdays.add(appraisal["decided_on"], 6)
            folder, org_id = held.village.township.folder, held.village.township.org_id
            settled[org_id, year] = max(settled.get((org_id, year), paid), paid)
            rng = city.rng("pay", held.village.code, person.name, year)
            for kind, name, share in (
                ("绩效报酬", "performance_percent", rng.uniform(0.9, 1.0)),
                ("奖励报酬", "reward_percent", 1.0 if appraisal["grade"] == "优秀" else 0.6),
            ):
                slot = totals[folder, org_id, year, kind]
                slot[0] += 1
                slot[1] += BENCHMARKS[year] * city.number(name, date(year, 1, 1)) / 100 * share
                if year >= FIRST:
                    city.add(
                        "payments",
                        folder,
                        {
                            "person_id": person.key,
                            "village_id": held.village.key,
                            "year": year,
                            "kind": kind,
                            "month": 12,
                            "paid_on": paid,
                            "direct": True,
                            "variance": 0,
                            "appraisal_id": appraisal["appraisal_id"] if kind == "绩效报酬" else None,
                            "_sort": (held.village.code, year, 12, 1 if kind == "绩效报酬" else 2),
                        },
                    )
    for (folder, org_id, year, kind), (count, amount) in totals.items():
        city.add(
            "pay_totals",
            folder,
            {
                "org_id": org_id,
                "year": year,
                "kind": kind,
                "recipients": int(count),
                "amount": round(amount),
                "settled_on": settled.get((org_id, year)),
                "_sort": (year, ("基本报酬", "绩效报酬", "奖励报酬").index(kind)),
            },
        )


def _payday(city: City, year: int, month: int) -> date:
    return city.workdays.on_or_after(date(year, month, 15) + timedelta(days=(year + month) % 3))


def _months(city: City, row: Row, year: int) -> list[int]:
    """Return the whole months of a year that a tenure covers."""
    result = []
    for month in range(1, 13):
        first = date(year, month, 1)
        following = date(year + month // 12, month % 12 + 1, 1)
        if row["started_on"] <= first and (row.get("ended_on") or date.max) >= following:
            result.append(month)
    return result
