"""Who served as secretary when: the index that all yearly records are made from."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta

from .people import Person
from .registry import City
from .story import Story, Tenure


@dataclass
class PersonYear:
    """One secretary's year: the days served, and the last tenure of the year."""

    person: Person
    year: int
    tenure: Tenure
    days: int
    at_end: bool


class Service:
    """All secretaries' tenures, by person and by year."""

    def __init__(self, city: City, stories: list[Story]) -> None:
        self.city = city
        self.tenures = [t for s in stories for t in s.tenures]
        self.by_person: dict[Person, list[Tenure]] = defaultdict(list)
        for tenure in self.tenures:
            self.by_person[tenure.person].append(tenure)

    def years(self, first: int, last: int) -> list[PersonYear]:
        """Return every secretary's years, as the rules count them: the day of leaving is the successor's."""
        result = []
        for person, tenures in self.by_person.items():
            for year in range(first, last + 1):
                low, high = date(year, 1, 1), min(date(year + 1, 1, 1), self.city.as_of + timedelta(days=1))
                spans = [
                    (max(t.row["started_on"], low), min(t.row.get("ended_on") or high, high), t)
                    for t in tenures
                ]
                spans = [s for s in spans if s[1] > s[0]]
                if spans:
                    days = sum((b - a).days for a, b, _ in spans)
                    result.append(
                        PersonYear(person, year, spans[-1][2], days, max(b for _, b, _ in spans) == high)
                    )
        return result

    def in_office(self, day: date) -> list[Tenure]:
        """Return the tenures in force on a day."""
        return [
            t
            for t in self.tenures
            if t.row["started_on"] <= day and (t.row.get("ended_on") is None or t.row["ended_on"] > day)
        ]

    def departures(self, since: date) -> list[Tenure]:
        """Return the tenures whose holders left for good since a day."""
        return [
            t for t in self.tenures if t.row.get("ended_on") and t.row["ended_on"] >= since and not t.goes_on
        ]
