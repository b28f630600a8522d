"""What comes before a vote: the departments' reviews, the ratings of the inspection, the notice."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from .people import SECRETARY, Person
from .places import Village
from .registry import City, city_term_window, term_of
from .writing import Key, Row

CRITERIA = ("政治素质高", "群众威信高", "带头致富能力强", "带领群众共同致富能力强")


def ratings(rng: Random, person: Person, village: Village, share: float) -> list[Row]:
    """Rate someone on the four criteria, each with its evidence."""
    honoured = rng.choice(
        (
            "连续三年参加主题党日全勤",
            "任小组长期间工作无差错",
            "受过乡镇党委表彰",
            "在防汛抢险中表现突出",
            "带头落实移风易俗",
        )
    )
    led = rng.randint(8, 60)
    evidence = (
        f"政治立场坚定，{honoured}",
        f"民主测评满意率{share:.0%}，群众推荐得票靠前",
        f"从事{person.trade}，家庭年纯收入居全村前列",
        f"带动{led}户发展{person.trade}，户均增收{rng.randint(2, 9) * 1000}元",
    )
    return [
        {
            "person_id": person.key,
            "criterion": criterion,
            "rating": rng.choices(("好", "较好", "一般"), (70, 27, 3))[0],
            "evidence": text,
        }
        for criterion, text in zip(CRITERIA, evidence, strict=True)
    ]


def reviews(rng: Random, city: City, person: Person, start: date, end: date) -> list[Row]:
    """Let every department on the list of that day review someone."""
    result = []
    for department in city.listed("departments", start):
        if department["role"] == "资格联审":
            signers = city.rng("signer", department["org_id"], term_of(start))
            day = city.workdays.on_or_after(start + timedelta(days=rng.randrange((end - start).days + 1)))
            result.append(
                {
                    "person_id": person.key,
                    "org_id": department["org_id"],
                    "date": min(day, end),
                    "result": "通过",
                    "signer": f"{signers.choice('赵钱孙李周吴郑王冯陈')}{signers.choice('明华国平立新志远文海')}",
                }
            )
    return result


def add_notice(
    city: City, village: Village, person: Person, election: Key | None, kind: str, start: date, rng: Random
) -> Row:
    """Post a notice of five or more working days, closed on the next."""
    end = city.workdays.add(start, rng.choice((4, 4, 4, 5)))
    term = term_of(start)
    in_term = city_term_window(term, start)
    title = (
        f"{village.township.name}{term}年换届候选人公示"
        if in_term
        else f"{village.name}{start.year}年{start.month}月{kind}"
    )
    return city.add(
        "notices",
        village.township.folder,
        {
            "notice_id": city.key("N", str(start.year), sort=(start,)),
            "kind": kind,
            "village_id": village.key,
            "person_id": person.key,
            "post": SECRETARY,
            "election_id": election,
            "started_on": start,
            "ended_on": end,
            "place": rng.choice(("村务公开栏", "村务公开栏、党员微信群", "村务公开栏、各小组公示点"))
            if village.kind == "村"
            else "社区公开栏",
            "report_phone": "12380",
            "objections": 0,
            "result": "无异议",
            "closed_on": city.workdays.add(end, 1),
            # Approved once for the township's whole term, so before the first of its notices.
            "disclosure_id": city.disclosure(
                village.township.org_id, "公示", title, date(int(term), 3, 1) if in_term else start, rng
            ),
        },
    )
