"""A print tells what was known on its own day: made then, made today or made a year from now, it is the same."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from lingtouyan.checks.register import register_with_editions
from lingtouyan.pdf.jobs import Selection, chosen_templates, dossier_jobs, words_asked
from lingtouyan.project import Project
from lingtouyan.templates.sandbox import Row, known

pytestmark = pytest.mark.exhaustive

ROOT = Path(__file__).resolve().parents[2]
KINDS = ["registration", "removal", "change-form", "filing-notice", "appointment-volume", "removal-volume"]
# What is recorded later, of everyone of whom there is a filing.
LATER = """
INSERT INTO person_resume (person_id, started, content, ordinal) SELECT person_id, '2026-12', '以后的经历', 99
FROM people;
UPDATE person_resume SET ended = '2026-12' WHERE ended IS NULL AND started < '2026-12';
INSERT INTO person_honours (person_id, title, granted_by, granted_on, ordinal)
SELECT person_id, '奖', '市委', '2027-07', 99 FROM people;
UPDATE tenures SET ended_on = '2027-03-01', end_reason = '届满', end_document = '文' WHERE ended_on IS NULL;
INSERT INTO tenures (tenure_id, person_id, village_id, post, started_on)
SELECT 'T9' || filing_id[2:], person_id, village_id, '村（居）委会主任', DATE '2027-03-02' FROM filings;
INSERT INTO audits (audit_id, person_id, village_id, tenure_id, kind, org_id, started_on, reported_on, conclusion)
SELECT 'A9' || tenure_id, person_id, village_id, tenure_id, '离任审计', 'swzzb', DATE '2027-03-02', DATE '2027-04-01', '合格'
FROM tenures WHERE ended_on IS NOT NULL;
INSERT INTO appraisals (appraisal_id, person_id, village_id, tenure_id, year, grade, decided_on)
SELECT 'S9' || tenure_id, person_id, village_id, tenure_id, 2026, '优秀', DATE '2027-01-20' FROM tenures
WHERE tenure_id[2] <> '9';
INSERT INTO filings (filing_id, kind, person_id, village_id, prepared_on, concurrent)
SELECT 'F9' || person_id, '信息变更', person_id, any_value(village_id), DATE '2027-02-01', NULL FROM filings
WHERE person_id NOT IN (SELECT person_id FROM filings JOIN filing_changes USING (filing_id)) GROUP BY person_id;
INSERT INTO filing_changes (filing_id, ordinal, item, before, after)
SELECT 'F9' || person_id, 1, '在职教育学历', education_in_service_level, '硕士'
FROM people WHERE 'F9' || person_id IN (SELECT filing_id FROM filings);
INSERT INTO filing_changes (filing_id, ordinal, item, before, after)
SELECT 'F9' || person_id, 2, '在职教育毕业院校', education_in_service_school, '党校'
FROM people WHERE 'F9' || person_id IN (SELECT filing_id FROM filings);
INSERT INTO filing_changes (filing_id, ordinal, item, before, after)
SELECT 'F9' || person_id, 3, '在职教育所学专业', education_in_service_major, '党建'
FROM people WHERE 'F9' || person_id IN (SELECT filing_id FROM filings);
UPDATE people SET education_in_service_school = '党校', education_in_service_major = '党建', education_in_service_level = '硕士'
WHERE 'F9' || person_id IN (SELECT filing_id FROM filings) AND education_in_service_level IS NOT NULL;
UPDATE elections SET approval_document = '文', approval_date = DATE '2027-01-05', outcome = '成功'
WHERE outcome = '进行中';
UPDATE notices SET closed_on = DATE '2027-01-05', result = '无影响' WHERE closed_on IS NULL;
"""
# What had not been recorded yet at the end of a day.
BEFORE = """
DELETE FROM person_resume WHERE started >= '{day}'[:7];
UPDATE person_resume SET ended = NULL WHERE ended >= '{day}'[:7];
DELETE FROM person_honours WHERE granted_on >= '{day}'[:7];
DELETE FROM tenures WHERE started_on > '{day}';
UPDATE tenures SET ended_on = NULL, end_reason = NULL, end_document = NULL WHERE ended_on > '{day}';
DELETE FROM meeting_votes WHERE (election_id, meeting) IN (SELECT (election_id, meeting) FROM election_meetings
WHERE date > '{day}');
DELETE FROM meeting_exclusions WHERE approved_on > '{day}';
DELETE FROM election_meetings WHERE date > '{day}';
DELETE FROM election_tests WHERE on_date > '{day}';
DELETE FROM election_stages WHERE started_on > '{day}';
UPDATE election_stages SET ended_on = NULL, result = NULL WHERE ended_on > '{day}';
DELETE FROM joint_reviews WHERE date > '{day}';
DELETE FROM notices WHERE started_on > '{day}';
UPDATE notices SET objections = NULL, result = NULL, closed_on = NULL WHERE closed_on > '{day}';
UPDATE elections SET approval_document = NULL, approval_date = NULL WHERE approval_date > '{day}';
UPDATE elections SET approval_meeting_on = NULL, approval_decision = NULL, approval_org = NULL
WHERE approval_meeting_on > '{day}';
DELETE FROM audits WHERE started_on > '{day}';
UPDATE audits SET reported_on = NULL, conclusion = NULL, document = NULL, summary = NULL, problems = NULL, rectify_by = NULL
WHERE reported_on > '{day}';
UPDATE audits SET rectified_on = NULL WHERE rectified_on > '{day}';
DELETE FROM appraisals WHERE decided_on > '{day}';
"""


@pytest.fixture(scope="module")
def city(tmp_path_factory) -> tuple[Project, Path]:
    """The sample and its internal edition, as far as filings reach."""
    project, path = Project.open(ROOT), tmp_path_factory.mktemp("city") / "edition.duckdb"
    templates = chosen_templates(project, "internal", Selection(frozenset(KINDS)))
    only = {*words_asked(templates), "appraisals", "people"}
    day = datetime.date(2026, 11, 20)
    register_with_editions(project, day, {"internal": path}, allow_errors=True, only=only).connection.close()
    return project, path


@pytest.fixture(scope="module")
def today(city) -> dict[str, str]:
    return dict(digests(*city))


def test_a_form_shows_no_vote_and_no_audit_that_came_after_it(city):
    project, path = city
    facts = {"edition": "internal", "as_of": datetime.date(2026, 11, 20), "draft": False}
    with duckdb.connect(str(path)) as connection:
        jobs = list(
            dossier_jobs(project, connection, "internal", facts, None, Selection(frozenset(KINDS[:2])))
        )
    shown = {job.row["filing_id"]: job.document() for job in jobs}
    # Filled in on 7 April 2026; the members voted on the 21st, and the city signed on the 14th.
    assert "党员推荐会" in shown["F2026-0032"]
    assert "党员大会选举" not in shown["F2026-0032"]
    assert "2026年4月14日" in shown["F2026-0032"]
    # Secretary since the 4th, head of the committee since the 17th.
    assert '<span class="spread">届次</span>' in shown["F2018-0001"].partition("<td>否</td>")[2]
    # Head of the committee before the register's first, by the form's own present post; who headed none is not.
    assert '<span class="spread">届次</span>' in shown["F2018-0007"].partition("<td>是</td>")[2]
    assert '<span class="spread">届次</span>' in shown["F2018-0011"].partition("<td>否</td>")[2]
    # Removed and filled in on 2 April 2021: what he did from that month on was not known.
    assert "2018.04--</span>" in shown["F2021-0019"]
    assert "从事农机服务</p>" not in shown["F2021-0019"]
    # The audit was reported on 2 May.
    assert "永审〔2021〕6号" not in shown["F2021-0054"]


def test_the_minutes_in_a_volume_say_what_was_decided_by_their_own_day(city):
    project, path = city
    facts = {"edition": "internal", "as_of": datetime.date(2026, 11, 20), "draft": False}
    chosen = Selection(frozenset({"appointment-volume"}), frozenset({"F2026-0032"}))
    with duckdb.connect(str(path)) as connection:
        (job,) = dossier_jobs(project, connection, "internal", facts, None, chosen)
        minutes = job.document().partition('id="minutes"')[2].partition("</section>")[0]
    # Minutes of 7 April; named a candidate on the 17th, approved on the 23rd, the volume bound on the 28th.
    assert "2026年4月7日形成" in minutes
    assert "候选人批复" not in minutes
    assert "2026年4月23日" not in minutes


def digests(
    project: Project, path: Path, day: str = "2026-11-20", sql: str = ""
) -> Iterator[tuple[str, str]]:
    """Yield path and digest of every print about a filing that was closed by the day the facts end."""
    place = path.with_name("other.duckdb")
    shutil.copy(path, place)
    with duckdb.connect(str(place)) as connection:
        connection.execute(sql.replace("{day}", day))
        facts = {"edition": "internal", "as_of": datetime.date.fromisoformat(day), "draft": False}
        for job in dossier_jobs(project, connection, "internal", facts, None, Selection(frozenset(KINDS))):
            if str(job.row["filed_on"]) <= day and str(job.row["filing_id"])[1] != "9":
                yield job.path, job.digest
    place.unlink()


def test_what_comes_later_changes_no_print(city, today):
    assert dict(digests(*city, day="2027-11-20", sql=LATER)) == today
    assert len(today) > 800


@pytest.mark.parametrize("day", ["2021-04-22", "2026-04-15"])
def test_a_print_of_its_own_day_is_the_print_of_today(city, today, day):
    then = dict(digests(*city, day=day, sql=BEFORE))
    assert len(then) > 100
    assert {path: digest for path, digest in then.items() if today[path] != digest} == {}


def test_of_a_month_it_is_known_once_it_is_over():
    row = Row(
        what="任职",
        ended="2026-04",
        _since="2021-04",
        _since_ended="2026-04",
        by_whom="市",
        _since_by="2026-04-08",
    )
    shown = {day: known(row, day) for day in ("2026-04-07", "2026-04-08", "2026-04-30", "2026-05-01")}
    assert [s["ended"] for s in shown.values()] == [None, None, None, "2026-04"]
    assert [s["by_whom"] for s in shown.values()] == [None, "市", "市", "市"]
    assert [len(known([row], day)) for day in ("2021-03-31", "2021-04-30", "2021-05-01")] == [0, 0, 1]
