"""Audits of secretaries: in mid-term, before a new term, and when they leave."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from .registry import City
from .service import Service
from .story import Tenure
from .writing import Row

PROBLEMS = (
    "部分支出票据手续不全",
    "合同没有按规定公开",
    "固定资产没有及时登记",
    "村级工程结算资料不完整",
    "往来款项没有按期清理",
)


def add_audit(
    city: City,
    tenure: Tenure,
    rng: Random,
    kind: str,
    start: date,
    days: int,
    *,
    conclusion: str = "",
    summary: str = "",
    rectified: bool = True,
) -> Row:
    """Audit a tenure; the report comes some days after the auditors."""
    village = tenure.village
    reported = start + timedelta(days=days)
    known = reported <= city.as_of
    conclusion = conclusion or rng.choices(("未发现问题", "存在一般问题"), (64, 36))[0]
    count = (
        0
        if conclusion == "未发现问题"
        else rng.randint(1, 3)
        if conclusion == "存在一般问题"
        else rng.randint(4, 6)
    )
    by = reported + timedelta(days=60) if count else None
    done = by - timedelta(days=rng.randint(4, 30)) if by and rectified else None
    return city.add(
        "audits",
        village.township.folder,
        {
            "audit_id": city.key("A", str(start.year), sort=(start, village.code)),
            "person_id": tenure.person.key,
            "village_id": village.key,
            "tenure_id": tenure.row["tenure_id"],
            "kind": kind,
            "org_id": village.township.org_id,
            "started_on": start,
            "reported_on": reported if known else None,
            "document": city.document(f"{village.township.letter}审", reported) if known else None,
            "conclusion": conclusion if known else None,
            "problems": count if known else None,
            "summary": (summary or "、".join(rng.sample(PROBLEMS, min(count, 2))))
            if known and count
            else None,
            "rectify_by": by if known else None,
            "rectified_on": done if known and done and done <= city.as_of else None,
        },
    )


def audit_departures(
    city: City, service: Service, late: set[tuple[str, int]], already: dict[str, Row]
) -> None:
    """Audit those who left since audits are on record.

    Args:
        late: village and year of departures whose audit is late (-1 added to the year: missing).
        already: tenures audited beforehand, by the text of their identity.
    """
    for tenure in service.departures(date(2021, 1, 1)):
        end, village = tenure.row["ended_on"], tenure.village
        if end > city.as_of or str(id(tenure)) in already:
            continue
        rng = city.rng("departure", village.township.code, village.name, end)
        if (village.name, -end.year) in late:
            continue
        start = city.workdays.add(end, rng.randint(2, 6))
        if start > city.as_of:
            continue
        add_audit(
            city,
            tenure,
            rng,
            "离任审计",
            start,
            41 if (village.name, end.year) in late else min(rng.randint(12, 19), (end - start).days + 30),
        )


def audit_terms(city: City, service: Service) -> None:
    """Audit a third of the secretaries in mid-term, and some before they stand again."""
    for day, kind, share in (
        (date(2023, 9, 1), "任中审计", 0.2),
        (date(2024, 5, 6), "任中审计", 0.2),
        (date(2026, 1, 5), "任期审计", 0.35),
    ):
        for tenure in service.in_office(day):
            rng = city.rng(kind, day, tenure.village.township.code, tenure.village.name)
            if rng.random() < share and (tenure.row.get("ended_on") or date.max) > day + timedelta(days=60):
                add_audit(
                    city, tenure, rng, kind, city.workdays.add(day, rng.randint(0, 12)), rng.randint(20, 35)
                )
