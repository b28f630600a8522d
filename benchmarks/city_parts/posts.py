"""First secretaries sent to villages, and the quarterly inspections by three offices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from .names import han_name
from .people import Person, make_person, plus_years
from .places import Village
from .registry import CITY, City, term_of
from .writing import Row

UNITS = {
    "sczj": ("市财政局", "党组成员、副局长"),
    "sjtj": ("市交通运输局", "党组副书记"),
    "sslj": ("市水利局", "党组成员"),
    "swjw": ("市卫生健康委", "党委委员、副主任"),
    "sgdgs": ("市供电公司", "党委副书记"),
    "snsyh": ("市农商银行", "党委委员"),
    "swxcb": ("市委宣传部", "副部长"),
    "snyj": ("市农业农村局", "党组成员、副局长"),
}
FINDINGS = ("驻村日志记录不完整", "帮扶项目进度偏慢", "入户走访覆盖不够", "请假手续不全")


@dataclass
class Posting:
    """One posting: the village, from when to when, how it ended."""

    village: Village
    unit: str
    start: date
    end: date | None
    reason: str = ""
    low_months: tuple[str, ...] = ()
    recall: str = ""


def usual_postings(city: City) -> list[Posting]:
    """Send first secretaries to the poor villages of any city, two years each."""
    starts = (date(2021, 7, 1), date(2023, 7, 3), date(2025, 7, 1))
    units = list(UNITS)
    result = []
    for number, village in enumerate(v for v in city.villages if v.poor):
        for start, end in zip(starts, (*starts[1:], None), strict=True):
            result.append(Posting(village, units[number % len(units)], start, end, "期满轮换" if end else ""))
    return result


def post(city: City, postings: list[Posting]) -> list[Person]:
    """Send the first secretaries and return them."""
    result = []
    for number, posting in enumerate(postings):
        village = posting.village
        rng = city.rng("posting", village.name, posting.start)
        name, leader = UNITS[posting.unit]
        key = city.key("P", sort=(100000, number))
        person = make_person(
            rng,
            key,
            village,
            posting.start,
            (30, 46),
            official=name,
            joined_before=plus_years(posting.start, -3),
            wants={"ethnic_group": "汉族"} if rng.random() < 0.8 else {},
        )
        person.after.append((posting.start, f"示例市{village.township.name}{village.name}驻村第一书记"))
        if posting.end:
            person.after.append(
                (posting.end, f"{name}{'机关党委副书记' if posting.reason == '提拔任用' else '工作'}")
            )
        city.add("people", village.township.folder, person.row)
        person.row["_person"] = person
        cadres = city.cadres(village.township, term_of(posting.start))
        recalled = posting.reason == "召回"
        row: Row = {
            "first_secretary_id": city.key("S", sort=(posting.start, number)),
            "person_id": key,
            "village_id": village.key,
            "dispatching_org": posting.unit,
            "unit_post": rng.choice(("科长", "副科长", "主任科员", "办公室副主任")),
            "city_responsible": f"市委组织部 {city.city_cadres[term_of(posting.start)]['审查']}",
            "unit_responsible": f"{name}{leader} {han_name(city.rng('unit', posting.unit), '男')[0]}",
            "township_responsible": f"{village.township.committee}副书记 {cadres['纪委书记']}",
            "started_on": posting.start,
            "ended_on": posting.end,
            "end_reason": posting.reason or None,
            "recall_reason": posting.recall if recalled else None,
            "recall_document": city.document("示组", posting.end) if recalled and posting.end else None,
            "unit_notified_on": city.workdays.add(posting.end, 2)
            if posting.end and posting.reason in ("召回", "期满轮换")
            else None,
            "document": city.document("示组", posting.start - timedelta(days=12)),
        }
        person.row["_posting"] = row
        city.add("first_secretaries", CITY, row)
        result.append(person)
    return result


def inspect(
    city: City,
    postings: list[Posting],
    people: list[Person],
    missed: set[tuple[str, int, int, str]],
    unsent: set[tuple[str, int, int, str]],
) -> None:
    """Inspect each posting every quarter, by each of the three offices.

    The organisation department comes in the first days of the next quarter and so sees all three months.
    """
    for posting, person in zip(postings, people, strict=True):
        row = person.row["_posting"]
        for year in range(2021, city.as_of.year + 1):
            for quarter in (1, 2, 3, 4):
                first = date(year, 3 * quarter - 2, 1)
                last = (date(year, 3 * quarter + 1, 1) if quarter < 4 else date(year + 1, 1, 1)) - timedelta(
                    days=1
                )
                until = posting.end or date.max
                covered = (min(until, last + timedelta(days=1)) - max(posting.start, first)).days
                if covered < 45:
                    continue
                _inspect_quarter(city, posting, row, year, quarter, first, last, missed, unsent)


def _inspect_quarter(
    city: City,
    posting: Posting,
    row: Row,
    year: int,
    quarter: int,
    first: date,
    last: date,
    missed: set[tuple[str, int, int, str]],
    unsent: set[tuple[str, int, int, str]],
) -> None:
    work = city.workdays
    until = posting.end or date.max
    months = [date(year, first.month + i, 1) for i in range(3)]
    base = city.rng("quarter", posting.village.name, posting.start, year, quarter)
    on_site: list[int | None] = []
    for month in months:
        following = date(month.year + month.month // 12, month.month % 12 + 1, 1)
        whole = posting.start <= month and until > following - timedelta(days=1)
        low = f"{month.year}-{month.month:02d}" in posting.low_months
        on_site.append(None if not whole else base.randint(14, 17) if low else base.randint(20, 25))
    bad = any(n is not None and n < 20 for n in on_site)
    for org_id in ("swdcs", "snyj", "swzzb"):
        mark = (posting.village.name, year, quarter, org_id)
        rng = city.rng("inspection", posting.start, *mark)
        after = org_id == "swzzb"
        day = (
            work.add(last, rng.randint(1, 6))
            if after
            else work.on_or_after(last - timedelta(days=rng.randint(3, 20)))
        )
        if posting.end and posting.end <= last:
            after = False
            day = work.add(posting.end, -rng.randint(2, 6))
        if day > city.as_of or mark in missed:
            continue
        seen = [
            n if after or (month.month, month.year) < (day.month, day.year) or month.year < day.year else None
            for n, month in zip(on_site, months, strict=True)
        ]
        found = rng.choice(FINDINGS) if rng.random() < 0.16 or (bad and after) else None
        if bad and after:
            found = "在岗天数不足，请假手续不全"
        by = day + timedelta(days=30) if found else None
        done = by - timedelta(days=rng.randint(2, 15)) if by and not bad else None
        sent = work.add(day, rng.randint(2, 9))
        city.add(
            "inspections",
            CITY,
            {
                "first_secretary_id": row["first_secretary_id"],
                "year": year,
                "quarter": quarter,
                "org_id": org_id,
                "date": day,
                "days_month1": seen[0],
                "days_month2": seen[1],
                "days_month3": seen[2],
                "result": "差"
                if bad and after
                else "一般"
                if bad
                else "较好"
                if found
                else rng.choice(("好", "好", "较好")),
                "findings": found,
                "rectify_by": by,
                "rectified_on": done if done and done <= city.as_of else None,
                "sent_to_unit_on": None if mark in unsent or sent > city.as_of else sent,
                "unit_use": None
                if mark in unsent or sent > city.as_of
                else f"纳入{year}年度单位目标绩效考核"
                if year < city.as_of.year
                else None,
                "_sort": (posting.start, posting.village.code, year, quarter, org_id),
            },
        )
