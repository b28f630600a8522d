"""Care: check-ups, the two ledgers with their visits, talks, and subsidies."""

from __future__ import annotations

from datetime import date, timedelta

from .registry import City
from .service import Service
from .writing import Key, Row

OPINIONS = (
    "希望加强冷链仓储建设",
    "建议把村级会计培训放到冬季",
    "希望修通后山产业路",
    "建议多给年轻党员压担子",
    "希望帮助联系农产品销路",
    "建议规范小微工程招标",
    "对村里工作满意，愿意继续出力",
)
FIRST = 2023


def care_for(city: City, service: Service, unchecked: set[tuple[str, int]], unvisited: set[int]) -> None:
    """Enter check-ups, ledgers, visits, talks and subsidies.

    Args:
        unchecked: village and year of secretaries who missed the check-up.
        unvisited: places, in the list of all ledger visits, of visits that did not take place.
    """
    _checkups(city, service, unchecked)
    ledgers = _ledgers(city, service)
    _visits(city, ledgers, unvisited)
    _talks(city, service)
    _subsidies(city, service)


def _add(city: City, folder: str, row: Row) -> None:
    row["care_id"] = city.key("H", str(row["date"].year), sort=(row["date"], row["org_id"]))
    city.add("care", folder, row)


def _checkups(city: City, service: Service, unchecked: set[tuple[str, int]]) -> None:
    for year in range(FIRST, city.as_of.year + 1):
        done = set()
        for first, spread in ((date(year, 9, 8), 8), (date(year, 12, 1), 8)):
            for tenure in service.in_office(first):
                village, person = tenure.village, tenure.person
                if person in done or (village.name, year) in unchecked:
                    continue
                day = city.workdays.add(
                    first, city.rng("checkup", village.township.code, year).randint(0, spread)
                )
                if day > city.as_of or (tenure.row.get("ended_on") or date.max) <= day:
                    continue
                done.add(person)
                _add(
                    city,
                    village.township.folder,
                    {
                        "action": "体检",
                        "org_id": village.township.org_id,
                        "date": day,
                        "person_id": person.key,
                        "approval": None,
                    },
                )


def _ledgers(city: City, service: Service) -> list[tuple[str, str, Key, date, date | None, str]]:
    """Return (folder, office, number, entered, left, which ledger)."""
    result: list[tuple[str, str, Key, date, date | None, str]] = []
    for tenure in service.departures(date(2018, 1, 1)):
        row, village = tenure.row, tenure.village
        if (
            row["end_reason"] in ("亡故", "违纪违法", "调任", "不胜任")
            or tenure.person.row["origin"] == "机关干部"
            or row["ended_on"] > city.as_of
        ):
            continue
        # Who is secretary somewhere again is no former secretary.
        if any(t.row["started_on"] >= row["ended_on"] for t in service.by_person[tenure.person]):
            continue
        rng = city.rng("ledger", village.township.code, village.name, row["ended_on"])
        entered = city.workdays.add(row["ended_on"], rng.randint(15, 35))
        if entered > city.as_of:
            continue
        key = city.key("L", sort=(entered, village.code))
        left = None
        city.add(
            "care_ledgers",
            village.township.folder,
            {
                "ledger_id": key,
                "org_id": village.township.org_id,
                "ledger": "离任",
                "tenure_id": row["tenure_id"],
                "entered_on": entered,
                "exited_on": left,
            },
        )
        result.append((village.township.folder, village.township.org_id, key, entered, left, "离任"))
    townships = {v.township.org_id: v.township for v in city.villages}
    for org_id, township in townships.items():
        rng = city.rng("hardship", township.code)
        for _ in range(rng.randint(1, 3)):
            entered = city.workdays.on_or_after(
                date(rng.randint(2019, 2025), rng.randint(1, 12), rng.randint(1, 28))
            )
            left = (
                city.workdays.on_or_after(date(2025, 3, 10))
                if rng.random() < 0.25 and entered < date(2024, 6, 1)
                else None
            )
            key = city.key("L", sort=(entered, township.code))
            city.add(
                "care_ledgers",
                township.folder,
                {
                    "ledger_id": key,
                    "org_id": org_id,
                    "ledger": "困难",
                    "entered_on": entered,
                    "exited_on": left,
                },
            )
            result.append((township.folder, org_id, key, entered, left, "困难"))
    return result


def _visits(
    city: City, ledgers: list[tuple[str, str, Key, date, date | None, str]], unvisited: set[int]
) -> None:
    count = 0
    townships = {v.township.org_id: v.township for v in city.villages}
    for year in range(FIRST, city.as_of.year + 1):
        for window in ("春节", "七一"):
            days = city.workdays.windows.get((year, window), [])
            if not days or days[0] > city.as_of:
                continue
            work = [d for d in days if city.workdays.is_workday(d)] or days
            for folder, org_id, key, entered, left, _ in ledgers:
                if entered > days[0] or (left is not None and left <= days[-1]):
                    continue
                count += 1
                if count in unvisited:
                    continue
                rng = city.rng("visit", org_id, year, window, count)
                township = townships[org_id]
                approval_day = city.workdays.add(days[0], -3)
                _add(
                    city,
                    folder,
                    {
                        "action": "走访慰问",
                        "org_id": org_id,
                        "date": rng.choice(work),
                        "ledger_id": key,
                        "visit_window": window,
                        "visitor": f"{township.committee}{rng.choice(('书记', '组织委员', '副书记'))}",
                        "opinions": rng.choice(OPINIONS) if rng.random() < 0.5 else None,
                        "approval": _plan(city, org_id, township.letter, year, window, approval_day),
                    },
                )


def _plan(city: City, org_id: str, letter: str, year: int, window: str, day: date) -> Key:
    plans = city.plans
    if (org_id, year, window) not in plans:
        plans[org_id, year, window] = city.document(f"{letter}委", day)
    return plans[org_id, year, window]


def _talks(city: City, service: Service) -> None:
    for year in range(FIRST, city.as_of.year + 1):
        day = date(year, 11, 5)
        for tenure in service.in_office(day):
            rng = city.rng("talk", tenure.village.township.code, tenure.village.name, year)
            if rng.random() < 0.22:
                on = city.workdays.add(day, -rng.randint(1, 25))
                township = tenure.village.township
                if on <= city.as_of and tenure.row["started_on"] < on:
                    _add(
                        city,
                        township.folder,
                        {
                            "action": "谈心",
                            "org_id": township.org_id,
                            "date": on,
                            "person_id": tenure.person.key,
                            "visitor": f"{township.committee}书记",
                            "opinions": rng.choice(OPINIONS),
                        },
                    )


def _subsidies(city: City, service: Service) -> None:
    for tenure in service.departures(date(2019, 1, 1)):
        row, village = tenure.row, tenure.village
        rng = city.rng("subsidy", village.township.code, village.name, row["ended_on"])
        reason = (
            "因公死亡"
            if row["end_reason"] == "亡故" and rng.random() < 0.5
            else "正常离任无固定收入"
            if row["end_reason"] in ("届满", "健康")
            else ""
        )
        if not reason or rng.random() > (1 if reason == "因公死亡" else 0.16):
            continue
        applied = city.workdays.add(row["ended_on"], rng.randint(25, 60))
        approved = city.workdays.add(applied, rng.randint(8, 18))
        paid = approved + timedelta(days=rng.randint(10, 30))
        if applied > city.as_of:
            continue
        known = approved <= city.as_of
        city.add(
            "subsidies",
            village.township.folder,
            {
                "subsidy_id": city.key("B", str(applied.year), sort=(applied, village.code)),
                "org_id": village.township.org_id,
                "year": applied.year,
                "reason": reason,
                "applied_on": applied,
                "approved_by": "swzzb" if known else None,
                "approved_on": approved if known else None,
                "document": city.document("示组", approved) if known else None,
                "paid_on": city.workdays.on_or_after(paid) if known and paid <= city.as_of else None,
            },
        )
