"""Elections and appointments, stage by stage, with meetings whose votes add up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from random import Random

from .ballots import count_meeting, elect, elect_committee, recommend
from .people import DEPUTY, HEAD, MEMBER, SECRETARY, Person
from .places import Village
from .registry import City
from .scrutiny import add_notice, ratings, reviews
from .writing import Key, Row

BRANCH, BY_BRANCH, APPOINTMENT = "党组织换届", "党组织补选", "组织任命"
COMMITTEE, BY_COMMITTEE = "村（居）委会换届", "村（居）委会补选"


@dataclass
class Outcome:
    """What an election leaves behind for the tenure and the filing."""

    row: Row
    key: Key
    started_on: date
    notice: Row | None
    inspected_on: date
    confirmed_on: date
    held_on: date
    meeting_on: date
    recommended_on: tuple[date, date] | None
    reviewed_on: date


def _stage(stage: str, start: date, end: date, org_id: str, document: object = None, result: str = "") -> Row:
    return {
        "stage": stage,
        "started_on": start,
        "ended_on": end,
        "org_id": org_id,
        "document": document,
        "result": result,
    }


def branch_election(
    city: City,
    village: Village,
    rng: Random,
    term: str,
    kind: str,
    begin: date,
    people: list[Person],
    *,
    previous: Outcome | None = None,
    attempt: int = 1,
    failure: str = "",
    struck: Person | None = None,
    others: list[Person] | None = None,
) -> Outcome:
    """Elect a secretary by the members' meeting after two rounds of recommendation.

    Args:
        people: the candidates; the first wins.
        previous: the failed attempt whose recommendations, reviews and inspection still hold.
        failure: `quorum` or `votes` when it fails, else empty.
        others: two more candidates, when a committee of three is elected that then elects the secretary.
        struck: somebody recommended whom the joint review does not let through.
    """
    work, org = city.workdays, village.township.org_id
    people = [*people, *(others or ())]
    members = village.row["party_members"] - rng.randint(0, 2)
    key = city.key("E", str(begin.year), sort=(begin, str(village.code)))
    stages: list[Row] = []
    meetings: list[Row] = []
    lowest = city.number("recommend_share", begin)
    names = "、".join(p.name for p in people)
    row: Row = {
        "election_id": key,
        "village_id": village.key,
        "term": term,
        "kind": kind,
        "attempt": attempt,
        "seats": 1,
        "previous": previous.key if previous else None,
        "method": "党员大会直接差额选举书记，无记名投票",
        "outcome": "失败" if failure else "成功",
        "stages": stages,
        "meetings": meetings,
    }
    if previous is None:
        recommended = work.add(begin, rng.randint(2, 4))
        by_mass = work.add(recommended, rng.randint(1, 2))
        first_list = work.add(by_mass, rng.randint(1, 2))
        review = work.add(first_list, 1)
        review_end = work.add(review, rng.randint(3, 5))
        inspect = work.add(review_end, 1)
        inspect_end = work.add(inspect, rng.randint(1, 2))
        posted = work.add(inspect_end, rng.randint(1, 2))
        notices = [
            add_notice(city, village, p, key, "候选人公示", posted, city.rng("notice", village.code, begin))
            for p in people
        ]
        confirmed = work.add(notices[0]["closed_on"], rng.randint(1, 2))
        for name, day, eligible in (
            ("党员推荐会", recommended, members),
            ("群众推荐会", by_mass, village.row["representatives"]),
        ):
            meeting = count_meeting(rng, city, village, name, day, eligible)
            recommend(rng, meeting, [*people, struck] if struck else people, lowest)
            meetings.append(meeting)
        stages += [
            _stage(
                "动员部署", begin, begin, org, f"{village.township.committee}会议记录", "成立工作组，公布方案"
            ),
            _stage("党员推荐", recommended, recommended, org, "党员推荐会记录", f"推荐{names}"),
            _stage("群众推荐", by_mass, by_mass, org, "群众推荐会记录", f"推荐{names}"),
            _stage(
                "初步人选",
                first_list,
                first_list,
                org,
                f"{village.township.committee}会议纪要",
                f"确定{len(people)}名初步人选",
            ),
            _stage(
                "资格联审",
                review,
                review_end,
                "swzzb",
                "资格联审汇总表",
                "1人没有通过，其余通过" if struck else "全部通过",
            ),
            _stage("组织考察", inspect, inspect_end, org, "考察报告", "符合任职条件"),
            _stage("候选人公示", posted, notices[0]["ended_on"], org, "公示", "无异议"),
            _stage(
                "候选人批复",
                confirmed,
                confirmed,
                org,
                city.document(f"{village.township.letter}委", confirmed),
                "同意作为候选人",
            ),
        ]
        row["joint_reviews"] = [r for p in people for r in reviews(rng, city, p, review, review_end)]
        if struck:
            refused = reviews(rng, city, struck, review, review_end)
            refused[3]["result"] = "不通过"
            row["joint_reviews"] += refused
        share = meetings[1]["votes"][0]["approve"] / meetings[1]["valid"]
        row["inspection.ratings"] = [
            r
            for i, p in enumerate(people)
            for r in ratings(rng, p, village, share if i == 0 else rng.uniform(0.6, 0.85))
        ]
        row.update(
            inspection_started_on=inspect,
            inspection_ended_on=inspect_end,
            inspection_team=f"{village.township.committee}考察组",
            inspection_talks=rng.randint(12, 36),
            inspection_conclusion=f"{people[0].name}等{len(people)}人符合书记任职条件",
        )
        held = work.add(confirmed, rng.randint(1, 3))
        outcome = Outcome(
            row, key, held, notices[0], inspect_end, confirmed, held, held, (recommended, by_mass), review_end
        )
    else:
        held = work.add(begin, 1)
        outcome = Outcome(
            row,
            key,
            held,
            previous.notice,
            previous.inspected_on,
            previous.confirmed_on,
            held,
            held,
            previous.recommended_on,
            previous.reviewed_on,
        )
    if others:
        row.update(seats=3, method="党员大会差额选举委员，委员会会议等额选举书记，无记名投票")
        first = count_meeting(rng, city, village, "党员大会预选", work.add(outcome.confirmed_on, 0), members)
        elect_committee(rng, first, people, 4)
        meetings.append(first)
    meeting = count_meeting(rng, city, village, "党员大会选举", held, members)
    base = meeting["expected"] if held >= date(2021, 1, 1) else meeting["present"]
    if failure == "quorum":
        meeting["present"] = int(0.8 * meeting["expected"]) - rng.randint(1, 4)
        meeting.update(issued=0, returned=0, valid=0)
        row["failure_reason"] = (
            f"实到{meeting['present']}人，不足应到{meeting['expected']}人的五分之四，没有进行选举"
        )
    elif others:
        elect_committee(rng, meeting, people, 3)
    else:
        elect(rng, meeting, people, base, success=not failure)
        if failure:
            row["failure_reason"] = "没有人得到超过应到会人数半数的赞成票"
    meetings.append(meeting)
    if others:
        inner = count_meeting(rng, city, village, "委员会会议选举", held, 3, turnout=(1, 1))
        elect(rng, inner, people[:1], 3, unanimous=True)
        meetings.append(inner)
    row["method_passed_on"] = None if failure == "quorum" else held
    won = "没有选出" if failure else f"{people[0].name}当选"
    stages.append(_stage("大会选举", held, held, org, "党员大会选举记录", won))
    row["candidates"] = [
        {
            "person_id": p.key,
            "post": (SECRETARY, DEPUTY, MEMBER, MEMBER)[i] if others else SECRETARY,
            "confirmed_on": outcome.confirmed_on,
            "status": "候选" if failure else "当选" if i < row["seats"] else "落选",
        }
        for i, p in enumerate(people)
    ]
    if struck:
        row["candidates"].append(
            {"person_id": struck.key, "post": SECRETARY, "status": "取消资格", "note": "资格联审没有全部通过"}
        )
    if not failure:
        outcome.meeting_on = work.add(held, rng.randint(1, 2))
        outcome.started_on = work.add(outcome.meeting_on, rng.randint(0, 1))
        approval = city.document(f"{village.township.letter}委", outcome.started_on)
        stages.append(_stage("任职批复", outcome.meeting_on, outcome.started_on, org, approval, "同意任职"))
        row.update(
            approval_org=org,
            approval_meeting_on=outcome.meeting_on,
            approval_decision="同意",
            approval_document=approval,
            approval_date=outcome.started_on,
        )
    city.add("elections", village.township.folder, row)
    return outcome


def appointment(
    city: City,
    village: Village,
    rng: Random,
    term: str,
    begin: date,
    person: Person,
    start: date | None = None,
) -> Outcome:
    """Appoint a secretary: review, inspection, notice; the approval waits for the filing before it.

    Args:
        start: the day on which the appointment takes effect, where that is given.
    """
    work, org = city.workdays, village.township.org_id
    key = city.key("E", str(begin.year), sort=(begin, str(village.code)))
    review = work.add(begin, 1)
    review_end = work.add(review, rng.randint(3, 5))
    inspect = work.add(review_end, 1)
    inspect_end = work.add(inspect, rng.randint(1, 2))
    posted = work.add(inspect_end, rng.randint(1, 2))
    notice = add_notice(
        city, village, person, key, "任前公示", posted, city.rng("notice", village.code, begin)
    )
    meeting_on = work.add(notice["closed_on"], rng.randint(0, 1))
    # Five days to report, three to accept, ten to review: an appointment leaves room for the filing.
    start = work.add(start, -1) if start else work.add(meeting_on, rng.randint(11, 14))
    approval = city.document(f"{village.township.letter}委", start)
    row: Row = {
        "election_id": key,
        "village_id": village.key,
        "term": term,
        "kind": APPOINTMENT,
        "attempt": 1,
        "seats": 1,
        "method": "乡镇党委研究任命",
        "outcome": "成功",
        "inspection_started_on": inspect,
        "inspection_ended_on": inspect_end,
        "inspection_team": f"{village.township.committee}考察组",
        "inspection_talks": rng.randint(10, 24),
        "inspection_conclusion": "符合书记任职条件",
        "approval_org": org,
        "approval_meeting_on": meeting_on,
        "approval_decision": "同意",
        "approval_document": approval,
        "approval_date": start,
        "stages": [
            _stage(
                "初步人选",
                begin,
                begin,
                org,
                f"{village.township.committee}会议纪要",
                f"提出{person.name}为人选",
            ),
            _stage("资格联审", review, review_end, "swzzb", "资格联审汇总表", "全部通过"),
            _stage("组织考察", inspect, inspect_end, org, "考察报告", "符合任职条件"),
            _stage("候选人公示", posted, notice["ended_on"], org, "任前公示", "无异议"),
            _stage("任职批复", meeting_on, start, org, approval, "同意任职"),
        ],
        "meetings": [],
        "candidates": [
            {"person_id": person.key, "post": SECRETARY, "confirmed_on": meeting_on, "status": "当选"}
        ],
        "joint_reviews": reviews(rng, city, person, review, review_end),
        "inspection.ratings": ratings(rng, person, village, rng.uniform(0.82, 0.97)),
    }
    city.add("elections", village.township.folder, row)
    return Outcome(row, key, start, notice, inspect_end, meeting_on, meeting_on, meeting_on, None, review_end)


def committee_election(
    city: City, village: Village, rng: Random, term: str, kind: str, after: date, people: list[Person]
) -> tuple[Row, Key, date]:
    """Elect the head of the village committee by the villagers; the first person wins."""
    work, org = city.workdays, village.township.org_id
    register = work.add(after, -rng.randint(9, 12))
    registered = work.add(register, 3)
    nominate = work.add(after, rng.randint(1, 3))
    review = work.add(nominate, 1)
    review_end = work.add(review, rng.randint(1, 3))
    held = work.add(review_end, rng.randint(2, 6))
    key = city.key("E", str(register.year), sort=(register, str(village.code)))
    meeting = count_meeting(
        rng, city, village, "村（居）民选举", held, village.row["_voters"], turnout=(0.62, 0.93)
    )
    elect(rng, meeting, people, meeting["present"])
    row = city.add(
        "elections",
        village.township.folder,
        {
            "election_id": key,
            "village_id": village.key,
            "term": term,
            "kind": kind,
            "attempt": 1,
            "seats": 1,
            "method": "有候选人的差额选举，无记名投票",
            "method_passed_on": nominate,
            "outcome": "成功",
            "stages": [
                _stage(
                    "选民登记", register, registered, org, "选民登记册", f"登记选民{meeting['eligible']}人"
                ),
                _stage(
                    "提名候选人",
                    nominate,
                    nominate,
                    org,
                    "提名记录",
                    "提名" + "、".join(p.name for p in people),
                ),
                _stage("资格联审", review, review_end, "swzzb", "资格联审汇总表", "全部通过"),
                _stage(
                    "大会选举", held, held, org, f"{village.committee}选举报告单", f"{people[0].name}当选主任"
                ),
            ],
            "meetings": [meeting],
            "candidates": [
                {"person_id": p.key, "post": HEAD, "status": "当选" if i == 0 else "落选"}
                for i, p in enumerate(people)
            ],
        },
    )
    return row, key, held
