"""What the city department itself records: secrecy reviews, the reports it publishes, and a new project's frame."""

from __future__ import annotations

import csv
import shutil
from datetime import date
from pathlib import Path

from .registry import CITY, City, term_of

# Tables of the city that are kept by hand and hold for any city.
BY_HAND = ("calendar", "calendar_years", "terms", "indicators", "organisations")


def review_policies(city: City) -> None:
    """Approve the publishing of each policy; the policies name these approvals, so they come first in their years."""
    for policy in sorted(city.policies, key=lambda p: str(p["disclosure_id"])):
        number = policy["disclosure_id"]
        approved = city.workdays.add(policy["issued_on"], -1)
        cadres = city.city_cadres[term_of(approved)]
        key = city.key("D", number[1:5], sort=(0, number))
        city.add(
            "disclosure_approvals",
            CITY,
            {
                "disclosure_id": key,
                "title": f"公开《{policy['title']}》",
                "kind": "政策文件",
                "org_id": "swzzb",
                "applied_on": city.workdays.add(approved, -2),
                "decision": "同意公开",
                "reviewed_by": cadres["审查人"],
                "approved_by": cadres["批准人"],
                "approved_on": approved,
                "document": city.document("示组密审", approved),
            },
        )


def publish_snapshots(city: City) -> None:
    """Publish the figures after each term and at the last year's end; one report of 2021 is put right by a second."""
    reports = (
        ("Z2018-01", "2018年换届后村（社区）党组织书记队伍结构", date(2018, 6, 30), date(2018, 7, 20), None),
        ("Z2021-01", "2021年换届后村（社区）党组织书记队伍结构", date(2021, 6, 30), date(2021, 7, 15), None),
        (
            "Z2021-02",
            "2021年换届后村（社区）党组织书记队伍结构（更正）",
            date(2021, 6, 30),
            date(2021, 9, 10),
            "Z2021-01",
        ),
        ("Z2026-01", "2025年度村（社区）党组织书记队伍建设统计", date(2025, 12, 31), date(2026, 2, 10), None),
        ("Z2026-02", "2026年换届后村（社区）党组织书记队伍结构", date(2026, 6, 30), date(2026, 7, 16), None),
    )
    for snapshot_id, title, reference, published, replaces in reports:
        if published > city.as_of:
            continue
        city.add(
            "snapshots",
            CITY,
            {
                "snapshot_id": snapshot_id,
                "title": title,
                "reference_date": reference,
                "published_on": published,
                "document": city.document("示组", published),
                "replaces": replaces,
                "disclosure_id": city.disclosure(
                    "swzzb", "统计数据", f"公布{title}", published, city.rng("snapshot", snapshot_id)
                ),
            },
        )


def copy_project(source: Path, target: Path, city: City, *, sample: bool) -> None:
    """Copy what makes a project of records: schemas, pages, policies, calendar; the offices become the new city's."""
    target.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(target / "records", ignore_errors=True)
    for name in ("schemas", "site", "records/city/policies"):
        shutil.rmtree(target / name, ignore_errors=True)
        if (source / name).exists():
            shutil.copytree(source / name, target / name)
    for name in (
        "datapackage.yaml",
        "mkdocs.yml",
        "pyproject.toml",
        *(f"records/city/{table}.csv" for table in BY_HAND),
    ):
        if (source / name).exists():
            shutil.copy(source / name, target / name)
    if sample:
        return
    path = target / "records/city/organisations.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        names = list(reader.fieldnames or ())
        offices = [r for r in reader if r["type"] not in ("街道", "镇", "乡")]
    townships = {v.township.org_id: v.township for v in city.villages}
    for place, t in enumerate(townships.values()):
        offices.append(
            {
                "org_id": t.org_id,
                "name": f"中共{t.name}{'工作委员会' if t.kind == '街道' else '委员会'}",
                "short_name": t.name[:20],
                "type": t.kind,
                "parent": "sw",
                "division_code": t.code,
                "doc_prefix": f"{t.letter}委",
                "folder": t.folder,
                "accounts": f"@{t.org_id}",
                "emails": f"@{t.org_id}.example",
                "sort_order": str(1000 + place),
                "valid_from": "2000-01-01",
                "valid_to": "",
            }
        )
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(offices)
