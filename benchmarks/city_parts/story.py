"""What happens in one village over three terms: elections, comings and goings, and the tenures these leave."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

from . import elections
from .elections import Outcome
from .people import DEPUTY, HEAD, MEMBER, SECRETARY, Person, Post, age_on, make_person, plus_years
from .places import Village
from .registry import TERMS, City, city_term_window, term_of
from .writing import Row

# The first day on which a village may begin, and over how many working days the villages are spread.
BEGINS = {"2018": (date(2018, 3, 1), 14), "2021": (date(2021, 3, 1), 14), "2026": (date(2026, 3, 2), 14)}


@dataclass
class Event:
    """Something that ends a tenure before its time.

    Attributes:
        successor: `deputy` (by-election), `sent` (a cadre from the township), `neighbour` (from another village),
            `move` (the same person in the village that takes over), `end` (the village is gone), or `none`.
        gap: working days until the way to a successor begins.
        next_post: what the person does afterwards, for the résumé.
    """

    on: date
    reason: str
    successor: str = "deputy"
    gap: int = 5
    next_post: str = ""
    deceased: bool = False
    adjustment: Row | None = None
    audited_on: date | None = None
    wants: dict[str, Any] = field(default_factory=dict)


@dataclass
class Script:
    """What is laid down for a village; everything else is left to chance."""

    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    renew: dict[str, bool] = field(default_factory=dict)
    both: dict[str, bool] = field(default_factory=dict)
    exemption: dict[str, str] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    begins: dict[str, date] = field(default_factory=dict)
    fails: dict[str, str] = field(default_factory=dict)
    filings: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    age_approval: tuple[str, ...] = ()
    calm: bool = False
    taken_over: bool = False
    struck: tuple[str, ...] = ()
    committees: tuple[str, ...] = ()


@dataclass
class Tenure:
    """A secretary's tenure with what its filings need."""

    person: Person
    village: Village
    row: Row
    outcome: Outcome | None
    before: str
    certificate_on: date | None = None
    event: Event | None = None
    goes_on: bool = False


class Story:
    """Lives through one village; `tenures` holds its secretaries in order, also across a merger."""

    def __init__(self, city: City, village: Village, script: Script) -> None:
        self.city, self.village, self.script = city, village, script
        self.rng: Random = city.rng("story", village.township.code, village.name)
        self.tenures: list[Tenure] = []
        self.heads: list[tuple[Person, Row]] = []
        self.deputy: Person | None = None
        self.struck: list[tuple[Person, Outcome]] = []
        self.born = 0

    # People

    def new_person(self, role: str, on: date, ages: tuple[int, int], **options: Any) -> Person:
        """Invent a person of this village; the script may lay down who."""
        wants = self.script.people.get(role, {}) | options.pop("wants", {})
        home = wants.pop("home", self.village)
        self.born += 1
        key = self.city.key("P", sort=(self.village.row["_order"], self.born))
        rng = self.city.rng("person", self.village.township.code, self.village.name, self.born)
        person = make_person(rng, key, home, on, ages, wants=wants, **options)
        self.city.add("people", self.village.township.folder, person.row)
        person.row["_person"] = person
        return person

    def first_secretary_of_2018(self, on: date) -> Person:
        """Invent who was secretary when the records begin."""
        ages = self.rng.choices(((31, 45), (46, 54), (55, 57)), (27, 56, 17))[0]
        person = self.new_person("a", on, ages, joined_before=plus_years(on, -5))
        if self.rng.random() < 0.62:
            since = f"{self.rng.choice((2011, 2012, 2014, 2015))}-{self.rng.randint(1, 12):02d}"
            post = self.rng.choice(
                ("党支部书记", "党支部书记", "党支部委员", f"{self.village.committee}主任")
            )
            if since > person.earlier[-1][0] and int(since[:4]) - person.birth.year > 24:
                person.earlier.append((since, f"{self.village.place}{post}"))
        return person

    def new_deputy(self, on: date, role: str = "c") -> Person:
        """Invent somebody younger who stands beside the secretary."""
        return self.new_person(role, on, (27, 41), education_min="高中", joined_before=plus_years(on, -3))

    # Tenures

    @property
    def current(self) -> Tenure | None:
        """The secretary in office."""
        return self.tenures[-1] if self.tenures and self.tenures[-1].row.get("ended_on") is None else None

    @property
    def head(self) -> tuple[Person, Row] | None:
        """The head of the village committee in office."""
        return self.heads[-1] if self.heads and self.heads[-1][1].get("ended_on") is None else None

    def publish(self, row: Row, term: str, start: date) -> None:
        """Make a tenure public some days after it began, under the approval of the township's term."""
        township = self.village.township
        day = self.city.workdays.add(start, self.rng.randint(2, 5))
        if day > self.city.as_of:
            return
        in_term = city_term_window(term_of(start), start)
        title = (
            f"{township.name}{term}年换届任职信息"
            if in_term
            else f"{self.village.name}{start.year}年{start.month}月任职信息"
        )
        row["published_on"] = day
        # Approved before the first that is published: the township's terms begin within weeks of each other.
        needed = BEGINS[term][0] if in_term else start
        row["disclosure_id"] = self.city.disclosure(township.org_id, "任职信息", title, needed, self.rng)

    def take_office(
        self, person: Person, term: str, outcome: Outcome, origin: str, start: date | None = None
    ) -> Tenure | None:
        """Begin a tenure; nothing when it would begin after the city's day."""
        start = start or outcome.started_on
        if start > self.city.as_of:
            return None
        village = self.village
        row: Row = {
            "tenure_id": self.city.key("T", sort=(start, village.code, 0)),
            "person_id": person.key,
            "village_id": village.key,
            "post": SECRETARY,
            "term": term,
            "started_on": start,
            "origin": origin,
            "channel": person.channel,
            "channel_note": person.row["origin"] if person.channel == "其他" else None,
            "election_id": outcome.key,
            "document": outcome.row.get("approval_document"),
            "notice_id": outcome.notice["notice_id"] if outcome.notice else None,
        }
        self.publish(row, term, start)
        if term in self.script.age_approval:
            row["age_approval"] = self.city.document("示组", outcome.confirmed_on)
        before = ""
        if person.posts:
            last = person.posts[-1]
            before = (
                f"{last.village.branch}书记"
                if last.post == SECRETARY
                else f"{last.village.name}{last.village.committee}主任"
            )
        person.posts.append(Post(SECRETARY, village, row))
        self.city.add("tenures", village.township.folder, row)
        tenure = Tenure(person, village, row, outcome, before)
        self.tenures.append(tenure)
        return tenure

    def join_committee(self, person: Person, post: str, term: str, outcome: Outcome) -> None:
        """Begin the tenure of a member of the Party committee."""
        start = outcome.started_on
        row: Row = {
            "tenure_id": self.city.key("T", sort=(start, self.village.code, 2)),
            "person_id": person.key,
            "village_id": self.village.key,
            "post": post,
            "term": term,
            "started_on": start,
            "origin": "选举产生",
            "election_id": outcome.key,
            "document": outcome.row.get("approval_document"),
        }
        self.publish(row, term, start)
        person.posts.append(Post(post, self.village, row))
        self.city.add("tenures", self.village.township.folder, row)

    def leave(self, on: date, reason: str, event: Event | None = None) -> None:
        """End the secretary's tenure."""
        tenure = self.current
        if tenure:
            tenure.row.update(ended_on=on, end_reason=reason)
            tenure.event = event

    def leave_head(self, on: date, reason: str) -> None:
        """End the tenure of the head of the village committee."""
        if self.head:
            self.head[1].update(ended_on=on, end_reason=reason)

    def elect_head(self, term: str, kind: str, after: date, people: list[Person]) -> None:
        """Elect the head of the village committee; the last head's tenure ends that day."""
        if self.city.workdays.add(after, -12) > self.city.as_of:
            return
        _, key, held = elections.committee_election(
            self.city, self.village, self.rng, term, kind, after, people
        )
        if held > self.city.as_of:
            return
        self.leave_head(held, "届满")
        post: Row = {
            "tenure_id": self.city.key("T", sort=(held, self.village.code, 1)),
            "person_id": people[0].key,
            "village_id": self.village.key,
            "post": HEAD,
            "term": term,
            "started_on": held,
            "origin": "选举产生",
            "election_id": key,
        }
        self.publish(post, term, held)
        people[0].posts.append(Post(HEAD, self.village, post))
        self.city.add("tenures", self.village.township.folder, post)
        self.heads.append((people[0], post))
        tenure = self.current
        if tenure and tenure.person is people[0]:
            tenure.certificate_on = tenure.certificate_on or held

    # Terms and events

    def live(self) -> Story:
        """Go through the terms; a village that takes another's place is lived through by that one."""
        if self.script.taken_over:
            return self
        for term in TERMS:
            first, spread = BEGINS[term]
            begin = self.script.begins.get(term) or self.city.workdays.add(first, self.rng.randint(0, spread))
            if begin > self.city.as_of or not self.village.valid_on(begin):
                continue
            self.hold_term(term, begin)
            following = {"2018": date(2021, 2, 1), "2021": date(2026, 2, 1), "2026": date(2099, 1, 1)}[term]
            events = [e for e in self.script.events if self.tenures[-1].row["started_on"] <= e.on < following]
            if not events and not self.script.calm:
                events = self.chance(term, following)
            for event in events:
                self.befall(event, term)
        return self

    def chance(self, term: str, following: date) -> list[Event]:
        """Now and then a secretary leaves before the term is over."""
        if term == "2026" or self.rng.random() > 0.1:
            return []
        start = self.tenures[-1].row["started_on"]
        on = self.city.workdays.on_or_after(
            start + timedelta(days=self.rng.randint(200, (following - start).days - 250))
        )
        reason = self.rng.choices(("辞职", "健康", "调任", "亡故"), (35, 25, 30, 10))[0]
        next_post = f"示例市{self.village.township.name}政府事业岗位" if reason == "调任" else ""
        return [
            Event(
                on,
                reason,
                "deputy" if self.rng.random() < 0.75 else "sent",
                self.rng.randint(2, 9),
                next_post,
                reason == "亡故",
            )
        ]

    def hold_term(self, term: str, begin: date) -> None:
        """Hold the elections of a term, first the secretary's, then the head's."""
        city, rng = self.city, self.rng
        current = self.current
        if current is None and not self.tenures:
            winner = self.first_secretary_of_2018(begin)
            self.deputy = self.deputy or self.new_deputy(date(2018, 3, 1), "b")
        else:
            kept = current is not None and self.may_stay(current.person, begin, term)
            if kept and current is not None:
                winner = current.person
                self.deputy = self.deputy or self.new_deputy(begin)
            else:
                winner = (
                    self.deputy if self.deputy and self.fit(self.deputy, begin) else self.new_deputy(begin)
                )
                self.deputy = None
        runner = self.deputy or self.new_deputy(begin, "d")
        self.deputy = runner
        people = [winner, runner]
        struck = (
            self.new_person("x", begin, (33, 48), education_min="高中", joined_before=plus_years(begin, -3))
            if term in self.script.struck
            else None
        )
        others = []
        if term in self.script.committees:
            others = [
                self.new_person(
                    f"m{i}", begin, (30, 50), education_min="高中", joined_before=plus_years(begin, -4)
                )
                for i in (1, 2)
            ]
        failure = self.script.fails.get(term, "")
        outcome = elections.branch_election(
            city,
            self.village,
            rng,
            term,
            elections.BRANCH,
            begin,
            people,
            failure=failure,
            struck=struck,
            others=others,
        )
        if struck:
            self.struck.append((struck, outcome))
        if failure:
            again = city.workdays.add(outcome.held_on, rng.randint(8, 15))
            outcome = elections.branch_election(
                city, self.village, rng, term, elections.BRANCH, again, people, previous=outcome, attempt=2
            )
        old = self.current
        self.leave(outcome.started_on, "届满")
        tenure = self.take_office(winner, term, outcome, "选举产生")
        if old:
            old.goes_on = old.person is winner
        if tenure is None:
            return
        for person, post in ((runner, DEPUTY), (others[0], MEMBER)) if others else ():
            self.join_committee(person, post, term, outcome)
        share = {"2018": 0.45, "2021": 0.9, "2026": 0.95}[term]
        both = self.script.both.get(term)
        both = (
            (rng.random() < share or (old is not None and self.head is not None and self.head[0] is winner))
            if both is None
            else both
        )
        if both:
            self.elect_head(term, elections.COMMITTEE, outcome.started_on, people)
        else:
            head = self.head[0] if self.head and self.head[0] is not winner else runner
            self.elect_head(
                term, elections.COMMITTEE, outcome.started_on, [head, winner if head is runner else runner]
            )
            if term != "2018":
                self.exempt(
                    tenure,
                    self.script.exemption.get(term, "主任在群众中威信较高，依法当选连任，书记、主任分设"),
                )

    def exempt(self, tenure: Tenure, why: str) -> None:
        """State why the secretary is not also the head."""
        if why:
            tenure.row["exemption"] = why
            tenure.row["exemption_document"] = self.city.document("示组", tenure.row["started_on"])

    def may_stay(self, person: Person, begin: date, term: str) -> bool:
        """Tell whether the secretary is elected again."""
        if term in self.script.renew:
            return self.script.renew[term]
        limit = 60 if term != "2018" else 65
        sent = person.row["origin"] == "机关干部"
        return (
            not sent
            and age_on(person.birth, begin + timedelta(days=60))
            <= limit - (0 if self.rng.random() < 0.2 else 2)
            and self.rng.random() < 0.8
        )

    def fit(self, person: Person, begin: date) -> bool:
        """Tell whether someone may become secretary for the first time."""
        if "birth" in self.script.people.get("b", {}):
            return person.deceased is None
        return person.deceased is None and age_on(person.birth, begin + timedelta(days=90)) <= 54

    def befall(self, event: Event, term: str) -> None:
        """Let an event happen, and find a successor."""
        tenure = self.current
        if tenure is None or event.on > self.city.as_of:
            return
        person, village, work = tenure.person, self.village, self.city.workdays
        was_head = self.head is not None and self.head[0] is person
        self.leave(event.on, event.reason, event)
        if was_head or event.reason == "村撤并":
            self.leave_head(event.on, event.reason)
        if event.deceased:
            person.deceased = event.on
            person.row["deceased_on"] = event.on
        elif event.next_post:
            person.after.append((event.on, event.next_post))
        if event.reason not in ("亡故", "村撤并") or event.successor == "end":
            tenure.row["end_document"] = self.city.document(f"{village.township.letter}委", event.on)
        if event.successor in ("none", "end"):
            return
        if event.successor == "move":
            self.move(event, tenure, term, was_head)
            return
        begin = work.add(event.on, event.gap)
        if begin > self.city.as_of:
            return
        if event.successor == "deputy":
            winner = self.deputy if self.deputy and self.fit(self.deputy, begin) else self.new_deputy(begin)
            runner = self.new_deputy(begin, "e")
            outcome = elections.branch_election(
                self.city, village, self.rng, term, elections.BY_BRANCH, begin, [winner, runner]
            )
            self.deputy = runner
            origin = "选举产生"
        else:
            neighbour = event.wants.get("home")
            winner = self.new_person(
                "sent",
                begin,
                (29, 42),
                education_min="高中",
                joined_before=plus_years(begin, -3),
                wants=dict(event.wants),
                official="" if neighbour else f"示例市{village.township.name}人民政府",
            )
            outcome = elections.appointment(self.city, village, self.rng, term, begin, winner)
            origin = "跨村任职" if neighbour else "机关下派"
        following = self.take_office(winner, term, outcome, origin)
        if following is None:
            return
        if origin == "选举产生":
            if was_head or self.head is None:
                other = self.deputy or winner
                self.elect_head(term, elections.BY_COMMITTEE, outcome.started_on, [winner, other])
            elif self.head[0] is not winner:
                self.exempt(following, "届中补选书记，主任由原主任继续担任")
        else:
            self.exempt(following, "书记不是本村选民，主任由村民另行选举产生")
            if self.head is None and self.deputy:
                self.elect_head(
                    term,
                    elections.BY_COMMITTEE,
                    outcome.started_on,
                    [self.deputy, self.new_deputy(begin, "f")],
                )

    def move(self, event: Event, tenure: Tenure, term: str, was_head: bool) -> None:
        """Carry the secretary over into the village that takes this one's place."""
        successor = self.village.successor
        if successor is None:
            raise ValueError(f"{self.village.name} has no successor")
        self.village = successor
        begin = self.city.workdays.add(event.on, -32)
        outcome = elections.appointment(
            self.city, successor, self.rng, term, begin, tenure.person, start=event.on
        )
        tenure.goes_on = True
        following = self.take_office(tenure.person, term, outcome, "上级任命", event.on)
        if following and self.deputy:
            if was_head or term != "2018":
                self.elect_head(term, elections.BY_COMMITTEE, event.on, [tenure.person, self.deputy])
            else:
                self.elect_head(term, elections.BY_COMMITTEE, event.on, [self.deputy, tenure.person])
