"""Meetings and their votes: who could come, who came, and ballots that add up."""

from __future__ import annotations

from datetime import date
from math import ceil
from random import Random

from .people import Person
from .places import Village
from .registry import City, term_of
from .writing import Row


def count_meeting(
    rng: Random,
    city: City,
    village: Village,
    meeting: str,
    on: date,
    eligible: int,
    *,
    turnout: tuple[float, float] = (0.83, 0.97),
) -> Row:
    """Return a meeting with its counts: who could come, who was left out, who came, and the ballots."""
    left_out = rng.choice((0, 0, 1, 1, 2, 3)) if eligible >= 20 and meeting != "村（居）民选举" else 0
    expected = eligible - left_out
    floor_share = 0.8 if meeting != "村（居）民选举" else 0.55
    present = min(expected, max(ceil(floor_share * expected), round(expected * rng.uniform(*turnout))))
    returned = present - (1 if rng.random() < 0.15 else 0)
    valid = returned - rng.choice((0, 0, 0, 1, 1, 2) if present > 12 else (0,))
    cadres = city.cadres(village.township, term_of(on))
    reasons = ("外出务工半年以上，经通知不能到会", "年老体弱，卧床不能到会", "居住在外地，经通知不能到会")
    return {
        "meeting": meeting,
        "date": on,
        "place": f"{village.name}党群服务中心" if "村（居）民" not in meeting else f"{village.name}文化广场",
        "chair": cadres["组织委员"],
        "eligible": eligible,
        "excluded": left_out,
        "expected": expected,
        "present": present,
        "issued": present,
        "returned": returned,
        "valid": valid,
        "tellers": f"监票人{cadres['监票']}、计票人{cadres['计票']}",
        "exclusions": [
            {
                "exclusion": "x1",
                "headcount": left_out,
                "reason": rng.choice(reasons),
                "approved_by": village.township.org_id,
                "approved_on": city.workdays.add(on, -2),
            }
        ]
        if left_out
        else [],
        "votes": [],
    }


def recommend(rng: Random, meeting: Row, people: list[Person], lowest: float) -> None:
    """Give the votes of a recommendation meeting; the first person leads."""
    valid = meeting["valid"]
    for i, person in enumerate(people):
        share = rng.uniform(0.66, 0.95) if i == 0 else rng.uniform(max(lowest + 0.03, 0.33), 0.6)
        approve = min(valid, max(ceil(valid * share), ceil(valid * lowest)))
        meeting["votes"].append(
            {
                "person_id": person.key,
                "candidate": False,
                "approve": approve,
                "oppose": 0,
                "abstain": 0,
                "result": "入围",
            }
        )


def elect(
    rng: Random,
    meeting: Row,
    people: list[Person],
    base: int,
    *,
    success: bool = True,
    unanimous: bool = False,
) -> None:
    """Give the votes of an election for one seat; the first person wins, unless nobody is to."""
    if unanimous:
        meeting["returned"] = meeting["valid"] = meeting["issued"]
    valid = meeting["valid"]
    need = base // 2 + 1
    if unanimous:
        first = valid
    elif success:
        first = min(valid, max(need, round(valid * rng.uniform(0.64, 0.95))))
    else:
        first = min(need - rng.randint(1, 2), valid - 2)
    left = valid - first
    for i, person in enumerate(people):
        approve = (
            first
            if i == 0
            else (
                left
                if i == len(people) - 1 and rng.random() < 0.3
                else rng.randint(left // 3, left)
                if left
                else 0
            )
        )
        if i:
            left -= approve
        against = rng.randint((valid - approve) * 2 // 3, valid - approve) if valid > approve else 0
        meeting["votes"].append(
            {
                "person_id": person.key,
                "candidate": True,
                "approve": approve,
                "oppose": against,
                "abstain": valid - approve - against,
                "result": "当选" if success and i == 0 else "未当选",
            }
        )


def elect_committee(rng: Random, meeting: Row, people: list[Person], seats: int) -> None:
    """Give the votes of an election for several seats, or of a preselection: the first `seats` get more than half."""
    valid, expected = meeting["valid"], meeting["expected"]
    early = meeting["meeting"] == "党员大会预选"
    for i, person in enumerate(people):
        low, high = (
            (max(expected // 2 + 1, round(valid * 0.62)), round(valid * 0.95) - 2 * i)
            if i < seats
            else (valid // 4, expected // 2 - 2)
        )
        approve = min(valid, rng.randint(low, max(low, high)))
        against = rng.randint(0, valid - approve)
        won = ("入围", "未入围") if early else ("当选", "未当选")
        meeting["votes"].append(
            {
                "person_id": person.key,
                "candidate": True,
                "approve": approve,
                "oppose": against,
                "abstain": valid - approve - against,
                "result": won[0] if i < seats else won[1],
            }
        )
