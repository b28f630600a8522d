"""The reserve: from capable farmer to Party member, village cadre and secretary, one stage after another."""

from __future__ import annotations

from datetime import date, timedelta

from .people import HEAD, SECRETARY, Person, make_person
from .registry import City
from .story import Story
from .writing import Key, Row

DUTIES = (
    "负责{trade}技术服务",
    "分管村级合作社日常工作",
    "联系第二村民小组，办理党务",
    "担任网格长，负责矛盾调处",
    "协助村集体经济项目管理",
    "负责村务公开和档案",
    "担任防汛突击队队长",
    "负责人居环境整治",
)
STAGES = ("致富能手", "党员", "村干部", "村党组织书记")


def fill_reserve(
    city: City, stories: list[Story], share: float, without: set[str], no_duty: set[str]
) -> None:
    """Enter deputies, and some farmers who are not yet members.

    Args:
        without: villages whose reserve stays empty.
        no_duty: villages whose reserve has nothing to do yet.
    """
    for story in stories:
        village = story.village
        if not village.valid_on(city.as_of) or village.name in without:
            continue
        rng = city.rng("reserve", village.township.code, village.name)
        if not village.poor and rng.random() > share:
            continue
        head = story.head[0] if story.head else None
        current = story.current
        person = story.deputy
        if (
            person is not None
            and person.deceased is None
            and (current is None or person is not current.person)
        ):
            _enter(city, story, person, person is head, no_duty)
        # Who came up through the reserve and is secretary now has left it.
        if (
            current
            and len(story.tenures) > 1
            and story.tenures[0].person is not current.person
            and _came_up(current.person)
        ):
            _arrived(city, story, current.person)
        if rng.random() < 0.14 and len(city.villages) < 200:
            farmer = _farmer(city, story)
            _enter(city, story, farmer, False, set())


def _came_up(person: Person) -> bool:
    """Tell whether someone headed the village committee well before becoming secretary."""
    first = min(p.start for p in person.posts if p.post == SECRETARY)
    return any(p.post == HEAD and p.start < first - timedelta(days=200) for p in person.posts)


def _farmer(city: City, story: Story) -> Person:
    village = story.village
    story.born += 1
    key: Key = city.key("P", sort=(village.row["_order"], story.born))
    rng = city.rng("farmer", village.township.code, village.name)
    person = make_person(
        rng,
        key,
        village,
        date(2025, 1, 1),
        (25, 36),
        education_min="高中",
        joined_before=date(2024, 1, 1),
        wants={"channel": "致富带头人", "political_status": rng.choice(("群众", "群众", "共青团员"))},
    )
    if person.row["political_status"] == "共青团员" and person.birth.year < 1998:
        person.row["political_status"] = "群众"
    person.row["party_joined"] = person.row["party_confirmed"] = None
    city.add("people", village.township.folder, person.row)
    person.row["_person"] = person
    return person


def _dates(city: City, person: Person, village_code: str) -> tuple[date, date, date, date]:
    rng = city.rng("reserve dates", village_code, person.name)
    entered = city.workdays.on_or_after(date(rng.randint(2022, 2025), rng.randint(2, 11), rng.randint(1, 28)))
    branch = entered - timedelta(days=rng.randint(30, 60))
    mass = branch + timedelta(days=rng.randint(3, 12))
    capable = min(entered, person.joined) - timedelta(days=rng.randint(250, 600))
    return capable, branch, mass, entered


def _cadre_from(city: City, person: Person, village_code: str) -> date | None:
    """Return since when a member has been on the village committee; two of three are not."""
    rng = city.rng("cadre", village_code, person.name)
    if rng.random() > 0.34:
        return None
    elected = [date(2018, 5, 14), date(2021, 5, 12)]
    since = [day for day in elected if day > person.joined]
    return city.workdays.on_or_after(rng.choice(since)) if since else None


def _enter(city: City, story: Story, person: Person, is_head: bool, no_duty: set[str]) -> Row:
    village = story.village
    rng = city.rng("duty", village.township.code, village.name, person.name)
    member = person.row.get("party_joined") is not None
    capable, branch, mass, entered = _dates(city, person, village.code)
    heads = [p for p in person.posts if p.post == HEAD]
    cadre = (
        heads[0].start if is_head and heads else _cadre_from(city, person, village.code) if member else None
    )
    stage = STAGES[2] if cadre else STAGES[1] if member else STAGES[0]
    if not member:
        capable = entered - timedelta(days=rng.randint(90, 300))
    duty_from = city.workdays.add(entered, rng.randint(5, 25))
    idle = village.name in no_duty
    mentor = story.current.person.name if story.current else city.cadres(village.township, "2026")["组织委员"]
    return city.add(
        "reserve",
        village.township.folder,
        {
            "reserve_id": city.key("R", sort=(entered, village.code)),
            "person_id": person.key,
            "village_id": village.key,
            "stage": stage,
            "capable_on": capable,
            "member_on": person.joined if member else None,
            "cadre_on": cadre,
            "branch_recommended_on": branch,
            "mass_recommended_on": mass,
            "entered_on": entered,
            "mentor": f"{village.name}书记{mentor}" if story.current else f"{village.township.name}{mentor}",
            "duty": None if idle else rng.choice(DUTIES).format(trade=person.trade),
            "duty_from": None if idle else duty_from,
        },
    )


def _arrived(city: City, story: Story, person: Person) -> None:
    village = story.village
    rng = city.rng("arrived", village.township.code, village.name)
    first = next(p for p in sorted(person.posts, key=lambda p: p.start) if p.post == SECRETARY)
    head = next(p for p in sorted(person.posts, key=lambda p: p.start) if p.post == HEAD)
    entered = max(date(2018, 5, 7), first.start - timedelta(days=rng.randint(500, 900)))
    entered = city.workdays.on_or_after(entered)
    capable = min(person.joined, entered) - timedelta(days=rng.randint(300, 700))
    city.add(
        "reserve",
        village.township.folder,
        {
            "reserve_id": city.key("R", sort=(entered, village.code)),
            "person_id": person.key,
            "village_id": village.key,
            "stage": STAGES[3],
            "capable_on": capable,
            "member_on": person.joined,
            "cadre_on": head.start,
            "secretary_on": first.start,
            "branch_recommended_on": entered - timedelta(days=40),
            "mass_recommended_on": entered - timedelta(days=33),
            "entered_on": entered,
            "mentor": f"{village.township.name}{city.cadres(village.township, '2018')['组织委员']}",
            "duty": rng.choice(DUTIES).format(trade=person.trade),
            "duty_from": city.workdays.add(entered, 10),
            "exited_on": first.start,
            "exit_reason": "已担任村党组织书记",
        },
    )
