"""The villages' own rows: their Party organisations, their sizes, and the members of their supervision committees."""

from __future__ import annotations

from datetime import date

from .names import han_name, uyghur_name
from .places import Village
from .registry import City
from .writing import Row

ORGANISATION = {"党委": "委员会", "党总支": "总支部委员会", "党支部": "支部委员会"}


def describe(city: City, village: Village, order: int, prefix: str) -> None:
    """Make up a village's figures and keep its row.

    Args:
        prefix: what stands before the township in the name of a Party organisation, such as 示例市.
    """
    rng = city.rng("village", village.township.code, village.name)
    community = village.kind == "社区"
    households = rng.randint(900, 2800) if community else rng.randint(140, 900)
    population = round(
        households * rng.uniform(2.3, 2.9) if community else households * rng.uniform(3.1, 4.2)
    )
    members = (
        rng.randint(60, 160) if community else max(22, min(96, round(population * rng.uniform(0.022, 0.045))))
    )
    kind = "党委" if members > 100 else "党总支" if members >= 50 else "党支部"
    village.key = city.key("V", sort=(order,))
    poor_exit = (
        rng.choice((date(2018, 12, 31), date(2019, 12, 31), date(2020, 11, 30))) if village.poor else None
    )
    village.row.update(
        village_id=village.key,
        code=village.code,
        name=village.name,
        kind=village.kind,
        township_id=village.township.org_id,
        party_org_name=f"中共{prefix}{village.township.name}{village.name}{ORGANISATION[kind]}",
        party_org_type=kind,
        party_org_code=f"{village.code}001",
        poor=village.poor,
        poor_exit=poor_exit,
        weak=village.weak is not None,
        weak_from=village.weak[0] if village.weak else None,
        weak_exit=village.weak[1] if village.weak else None,
        households=households,
        population=population,
        party_members=members,
        representatives=rng.randint(41, 71) if community else max(25, min(65, households // 12)),
        valid_from=village.valid_from,
        valid_to=village.valid_to,
        _order=order,
        _voters=round(population * 0.78),
    )
    city.add("villages", village.township.folder, village.row)


def supervise(city: City, village: Village, secretaries: set[str]) -> None:
    """Elect a supervision committee of three in each of the last two terms, none of them the secretary or his kin."""
    rng = city.rng("supervision", village.township.code, village.name)
    for start, end in ((date(2021, 5, 10), date(2026, 5, 11)), (date(2026, 5, 11), None)):
        if start > city.as_of or not (
            village.valid_from <= start and (village.valid_to is None or village.valid_to > start)
        ):
            continue
        until = end or village.valid_to
        if village.valid_to and end and village.valid_to < end:
            until = village.valid_to
        for post in ("主任", "委员", "委员"):
            name = ""
            while not name or name in secretaries:
                sex = "女" if rng.random() < 0.3 else "男"
                uyghur = village.township.org_id == "aketashi" and rng.random() < 0.7
                name = (uyghur_name(rng, sex) if uyghur else han_name(rng, sex))[0]
            row: Row = {
                "member_id": city.key("M", sort=(village.row["_order"], start)),
                "village_id": village.key,
                "name": name,
                "post": post,
                "kin_of_secretary": False,
                "valid_from": start,
                "valid_to": until,
            }
            city.add("supervision_members", village.township.folder, row)
