"""What lies after the city's day is left out: elections that are still going on, notices without a result."""

from __future__ import annotations

from datetime import date

from .registry import City
from .writing import Row


def finish_elections(city: City) -> None:
    """Leave out of elections and notices what lies after the city's day: they are still going on."""
    for folder, rows in city.rows["notices"].items():
        city.rows["notices"][folder] = [r for r in rows if r["started_on"] <= city.as_of]
        for row in rows:
            if row["closed_on"] > city.as_of:
                row.update(closed_on=None, result=None, objections=None)
    for folder, rows in city.rows["elections"].items():
        city.rows["elections"][folder] = [
            r for r in rows if any(s["started_on"] <= city.as_of for s in r["stages"])
        ]
        for row in rows:
            if row["stages"][-1]["ended_on"] > city.as_of:
                _cut(row, city.as_of)


def _cut(row: Row, as_of: date) -> None:
    row["outcome"] = "进行中"
    row["stages"] = [s for s in row["stages"] if s["started_on"] <= as_of]
    for stage in row["stages"]:
        if stage["ended_on"] > as_of:
            stage.update(ended_on=None, result=None, document=None)
    row["meetings"] = [m for m in row["meetings"] if m["date"] <= as_of]
    row["joint_reviews"] = [r for r in row.get("joint_reviews", ()) if r["date"] <= as_of]
    for name in (
        "method_passed_on",
        "inspection_started_on",
        "inspection_ended_on",
        "approval_meeting_on",
        "approval_date",
    ):
        if row.get(name) and row[name] > as_of:
            row[name] = None
    if not row.get("inspection_ended_on"):
        for name in ("inspection_team", "inspection_talks", "inspection_conclusion", "inspection.ratings"):
            row[name] = None
    if not row.get("approval_date"):
        row["approval_document"] = None
    if not row.get("approval_meeting_on"):
        row["approval_decision"] = row["approval_org"] = None
    for candidate in row["candidates"]:
        if candidate.get("confirmed_on") and candidate["confirmed_on"] > as_of:
            candidate["confirmed_on"] = None
        candidate["status"] = "候选"
