"""Filings with the city: steps within their deadlines, signatures, materials, and numbers without gaps."""

from __future__ import annotations

from datetime import date
from random import Random
from typing import Any

from .elections import Outcome
from .people import Person
from .places import Village
from .registry import City, term_of
from .writing import Row

SHORT = {
    "换届预审": "预审",
    "任前备案": "任前",
    "任后备案": "任后",
    "免职备案": "免职",
    "信息变更": "变更",
    "更正撤销": "更正",
}
PAGES = {
    "备案请示": (1, 2),
    "备案登记表": (2, 2),
    "党员推荐记录": (2, 3),
    "群众推荐记录": (2, 3),
    "资格联审意见": (1, 2),
    "考察报告": (3, 6),
    "乡镇党委会议纪要": (2, 3),
    "选举办法及结果": (3, 5),
    "公示及结果": (2, 3),
    "乡镇党委批复": (1, 1),
    "承诺书": (1, 1),
    "学历证明": (1, 2),
    "党员身份证明": (1, 1),
    "村（居）委会当选证书": (1, 1),
    "免职理由说明": (1, 2),
    "调整记录": (2, 4),
    "离任审计报告": (4, 8),
    "工作交接清单": (2, 4),
    "变更依据": (1, 2),
    "更正撤销说明": (1, 2),
}
# What can be missing at first, and what the office says when it sends the papers back.
FAULTS = (
    ("学历证明", "学历证明缺少毕业证书编号，请补正"),
    ("公示及结果", "公示结果没有盖章，请补正"),
    ("备案登记表", "登记表简历与任职文件的年月不一致，请核对"),
    ("考察报告", "考察报告缺少谈话情况汇总，请补正"),
)


def file_matter(
    city: City,
    village: Village,
    person: Person,
    rng: Random,
    kind: str,
    event: date,
    *,
    trigger: str,
    tenure: Row | None = None,
    outcome: Outcome | None = None,
    returned: bool = False,
    certificate_on: date | None = None,
    decided_by: date | None = None,
    concurrent: bool | None = None,
    reason: str = "",
    adjustment: Row | None = None,
    audited_on: date | None = None,
    corrects: Row | None = None,
    changes: list[Row] | None = None,
    verdict: str = "备案",
    refusal: str = "",
    slow: str = "",
    posts: tuple[str, str, str] = ("", "", ""),
    begin: date | None = None,
) -> Row:
    """File one matter with the city and carry it through its steps.

    Args:
        event: what sets it off: the start or end of a tenure, or the committee's meeting.
        returned: the papers come back once.
        decided_by: the last day on which the decision may fall (a filing that goes before).
        verdict: 备案 or 不予备案.
        slow: `supplement`, `review` or `report`: a deadline is missed there.
        posts: present post, proposed post, post given up.
    """
    work = city.workdays
    township = village.township
    cadres, chiefs = city.cadres(township, term_of(event)), city.city_cadres[term_of(event)]
    limit = {
        name: int(city.number(f"{name}_working_days", event))
        for name in ("report", "acceptance", "review", "supplement")
    }
    tight = kind == "换届预审"
    drafted = work.add(begin or event, 0 if tight else rng.randint(0, 1))
    checked = work.add(drafted, 0 if tight else rng.randint(0, 1))
    reported = work.add(
        event, 1 if tight else rng.randint(1, 3) if decided_by else rng.randint(2, min(limit["report"], 6))
    )
    if slow == "report":
        reported = work.add(event, limit["report"] + 3)
    reported = max(reported, checked)
    key = city.key("F", str(drafted.year), sort=(drafted, village.code))
    steps: list[Row] = []

    def step(
        state: str, day: date, signer: str, opinion: str, *, at_city: bool = False, document: Any = None
    ) -> None:
        steps.append(
            {
                "state": state,
                "date": day,
                "org_id": "swzzb" if at_city else township.org_id,
                "signer": signer,
                "opinion": opinion,
                "document": document,
            }
        )

    request = city.document(f"{township.letter}委", reported)
    step("起草", drafted, cadres["干事"], "填写登记表，整理材料")
    step("乡镇审核", checked, cadres["组织委员"], "情况属实，同意上报")
    step("报送", reported, cadres["书记"], "同意报送", document=request)
    fault = rng.choice(
        FAULTS if kind != "免职备案" else (("工作交接清单", "工作交接清单没有接交双方签字，请补正"),)
    )
    if returned:
        back = work.add(reported, rng.randint(1, min(2, limit["acceptance"])))
        again = work.add(
            back,
            limit["supplement"] + 3
            if slow == "supplement"
            else rng.randint(1, max(1, limit["supplement"] - 1))
            if not tight
            else 1,
        )
        step("退回", back, chiefs["受理"], fault[1], at_city=True)
        step("报送", again, cadres["书记"], "已按要求补正")
        reported = again
    accepted = work.add(
        reported, 1 if tight else rng.randint(1, 2 if decided_by else min(3, limit["acceptance"]))
    )
    examined = work.add(accepted, 0 if tight else rng.randint(1, 2))
    decided = work.add(
        accepted,
        limit["review"] + 4
        if slow == "review"
        else rng.randint(2, 3)
        if tight
        else rng.randint(3, 6 if decided_by else min(limit["review"], 9)),
    )
    if decided_by is not None and decided > decided_by:
        decided = decided_by
    examined = min(examined, decided)
    step("受理", accepted, chiefs["受理"], "材料齐全，予以受理", at_city=True)
    step(
        "审查",
        examined,
        chiefs["审查"],
        "符合规定，建议同意备案" if verdict == "备案" else "不符合规定，建议不予备案",
        at_city=True,
    )
    known = decided <= city.as_of
    number = city.document("示组村备", decided) if known else None
    filed = (
        city.key("filed", SHORT[kind], str(decided.year), sort=(decided,))
        if known and verdict == "备案"
        else None
    )
    step(
        verdict,
        decided,
        chiefs["备案"],
        "同意备案" if verdict == "备案" else refusal,
        at_city=True,
        document=number,
    )
    archived = work.add(decided, rng.randint(3, 12))
    step("归档", archived, chiefs["受理"], "已归档", at_city=True)
    row: Row = {
        "filing_id": key,
        "kind": kind,
        "person_id": person.key,
        "village_id": village.key,
        "tenure_id": tenure["tenure_id"] if tenure else None,
        "trigger_date": event,
        "trigger": trigger,
        "request_number": request,
        "document_number": number,
        "filing_number": filed,
        "election_id": outcome.key if outcome else None,
        "notice_id": outcome.notice["notice_id"]
        if outcome and outcome.notice and kind != "换届预审"
        else None,
        "adjustment_id": adjustment["adjustment_id"] if adjustment else None,
        "corrects": corrects["filing_id"] if corrects else None,
        "current_post": posts[0],
        "proposed_post": posts[1],
        "removed_post": posts[2],
        "concurrent": concurrent,
        "reason": reason,
        "prepared_by": cadres["干事"],
        "checked_by": cadres["组织委员"],
        "prepared_on": drafted,
        "age_reference_on": drafted,
        "steps": [s for s in steps if s["date"] <= city.as_of],
        "changes": changes,
    }
    if len(row["steps"]) < 3:
        row["request_number"] = None
    conditions = {"一律"}
    if tenure:
        conditions.add("选举产生" if tenure["origin"] == "选举产生" else "上级任命")
    if concurrent:
        conditions.add("一肩挑")
    if adjustment:
        conditions.add("组织调整")
    formed = {
        "备案请示": reported,
        "备案登记表": drafted,
        "乡镇党委会议纪要": outcome.meeting_on if outcome and kind != "免职备案" else event,
        "承诺书": outcome.confirmed_on if outcome else event,
        "学历证明": drafted,
        "党员身份证明": drafted,
        "免职理由说明": drafted,
        "工作交接清单": drafted,
        "变更依据": event,
        "更正撤销说明": drafted,
    }
    if kind == "换届预审" and outcome:
        formed["乡镇党委会议纪要"] = outcome.inspected_on
    if outcome:
        formed.update(
            {
                "资格联审意见": outcome.reviewed_on,
                "考察报告": outcome.inspected_on,
                "选举办法及结果": outcome.held_on,
                "乡镇党委批复": outcome.started_on,
            }
        )
        if outcome.notice:
            formed["公示及结果"] = outcome.notice["closed_on"]
        if outcome.recommended_on:
            formed.update(
                {"党员推荐记录": outcome.recommended_on[0], "群众推荐记录": outcome.recommended_on[1]}
            )
    if certificate_on:
        formed["村（居）委会当选证书"] = certificate_on
    if adjustment:
        formed.update({"调整记录": adjustment["decided_on"], "离任审计报告": audited_on or event})
    needed = [
        m for m in city.listed("materials", event) if m["kind"] == kind and m["condition"] in conditions
    ]
    row["materials"] = []
    for item in needed:
        name = item["material"]
        if name == "村（居）委会当选证书" and not (certificate_on and certificate_on <= city.as_of):
            # Not elected yet: the certificate follows, and until then the filing does not claim both posts.
            row["concurrent"] = False
            continue
        if reported > city.as_of and name == "备案请示":
            continue
        row["materials"].append(
            {
                "material": name,
                "formed_on": min(formed.get(name, drafted), city.as_of),
                "pages": rng.randint(*PAGES[name]),
                "note": "取得后补报"
                if name == "村（居）委会当选证书" and certificate_on and certificate_on > reported
                else "补正后重报"
                if returned and name == fault[0]
                else None,
            }
        )
    row["_person"], row["_village"], row["_decided"] = person, village, decided
    city.add("filings", township.folder, row)
    return row


def add_correction(
    city: City, original: Row, rng: Random, on: date, outcome: str, why: str, changes: list[Row]
) -> Row:
    """Correct (更正) or undo (撤销) a filing: a filing of its own, and a last step of the original."""
    person, village = original["_person"], original["_village"]
    row = file_matter(
        city,
        village,
        person,
        rng,
        "更正撤销",
        on,
        trigger=why,
        reason=why,
        corrects=original,
        changes=changes,
        tenure=None
        if outcome == "撤销" and not original.get("tenure_id")
        else {"tenure_id": original["tenure_id"], "origin": "选举产生"},
    )
    chiefs = city.city_cadres[term_of(on)]
    decided = row["_decided"]
    if decided <= city.as_of:
        original["steps"].append(
            {
                "state": outcome,
                "date": decided,
                "org_id": "swzzb",
                "signer": chiefs["备案"],
                "opinion": why,
                "document": row["document_number"],
            }
        )
        archived = city.workdays.add(decided, rng.randint(2, 6))
        if archived <= city.as_of:
            original["steps"].append(
                {
                    "state": "归档",
                    "date": archived,
                    "org_id": "swzzb",
                    "signer": chiefs["受理"],
                    "opinion": "随原卷归档",
                }
            )
    return row
