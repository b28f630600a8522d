"""The filings that a village's story asks for: one for each beginning and each end of a secretary's tenure."""

from __future__ import annotations

from typing import Any

from . import elections
from .filings import file_matter
from .people import SECRETARY
from .story import Story, Tenure

LEAVING = {
    "届满": "任期届满，换届后不再担任",
    "调任": "因工作需要调任",
    "辞职": "本人申请辞去职务",
    "健康": "因身体原因不能继续履职",
    "不胜任": "履行职责不到位，经考核不胜任",
    "违纪违法": "涉嫌违纪违法，已停职免职",
    "亡故": "因病去世，职务自然免除",
    "村撤并": "村（社区）撤并，职务自然免除",
}


def file_tenures(story: Story) -> None:
    """File each beginning and each end with the city, and those who were put forward in vain."""
    for person, outcome in story.struck:
        file_matter(
            story.city,
            story.village,
            person,
            story.city.rng("struck", story.village.code),
            "换届预审",
            outcome.inspected_on,
            trigger="换届首次提名为书记人选",
            outcome=outcome,
            decided_by=outcome.confirmed_on,
            verdict="不予备案",
            refusal="资格联审没有全部通过，不予备案",
            reason="拟提名为书记候选人",
            posts=("", f"{story.village.branch}书记", ""),
            concurrent=False,
        )
    for number, tenure in enumerate(story.tenures, 1):
        _file_start(story, number, tenure)
        _file_end(story, number, tenure)


def _file_start(story: Story, number: int, tenure: Tenure) -> None:
    row, outcome, village = tenure.row, tenure.outcome, tenure.village
    if outcome is None:
        return
    rng = story.city.rng("start", village.township.code, village.name, number)
    options: dict[str, Any] = {"returned": rng.random() < 0.08} | story.script.filings.get(
        ("start", number), {}
    )
    elected = row["origin"] == "选举产生"
    new = not any(p.post == SECRETARY and p.start < row["started_on"] for p in tenure.person.posts)
    proposed = f"{village.branch}书记"
    in_term = outcome.row["kind"] == elections.BRANCH
    if elected and in_term and new and row["term"] != "2018":
        file_matter(
            story.city,
            village,
            tenure.person,
            rng,
            "换届预审",
            outcome.inspected_on,
            trigger="换届首次提名为书记人选",
            outcome=outcome,
            decided_by=outcome.confirmed_on,
            reason="经两轮推荐、资格联审和组织考察，拟提名为书记候选人",
            posts=(tenure.before, proposed, ""),
            concurrent=False,
        )
    both = bool(tenure.certificate_on and (tenure.certificate_on - row["started_on"]).days < 90)
    if elected:
        trigger = "换届选举当选" if in_term else "届中补选当选"
        reason = (
            f"经党员推荐、群众推荐和党员大会选举当选，{'连任' if not new and in_term else '符合任职条件'}"
        )
        row["_filing"] = file_matter(
            story.city,
            village,
            tenure.person,
            rng,
            "任后备案",
            row["started_on"],
            trigger=trigger,
            tenure=row,
            outcome=outcome,
            certificate_on=tenure.certificate_on if both else None,
            concurrent=both,
            reason=reason,
            posts=(tenure.before, proposed, ""),
            **options,
        )
    else:
        options.pop("returned", None)
        row["_filing"] = file_matter(
            story.city,
            village,
            tenure.person,
            rng,
            "任前备案",
            outcome.meeting_on,
            trigger=f"{row['origin']}担任书记",
            tenure=row,
            outcome=outcome,
            decided_by=outcome.row["approval_date"],
            concurrent=False,
            reason="经资格联审、组织考察和党委会议研究，符合任职条件",
            posts=(tenure.before, proposed, ""),
            **options,
        )


def _file_end(story: Story, number: int, tenure: Tenure) -> None:
    row, village = tenure.row, tenure.village
    if row.get("ended_on") is None or tenure.goes_on:
        return
    rng = story.city.rng("end", village.township.code, village.name, number)
    event = tenure.event
    reason = LEAVING[row["end_reason"]]
    row.setdefault("end_document", story.city.document(f"{village.township.letter}委", row["ended_on"]))
    options: dict[str, Any] = {"returned": rng.random() < 0.05} | story.script.filings.get(
        ("end", number), {}
    )
    row["_removal"] = file_matter(
        story.city,
        village,
        tenure.person,
        rng,
        "免职备案",
        row["ended_on"],
        trigger=f"书记离任（{row['end_reason']}）",
        tenure=row,
        reason=reason,
        adjustment=event.adjustment if event else None,
        audited_on=event.audited_on if event else None,
        posts=(f"{village.branch}书记", "", f"{village.branch}书记"),
        **options,
    )
