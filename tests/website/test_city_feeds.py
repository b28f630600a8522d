"""The city's own feeds, filled with what nobody should type: the calendar stays valid, JSON and CSV hold it as typed."""

from __future__ import annotations

import csv
import datetime
import io
import json
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

from lingtouyan.templates.links import Links
from lingtouyan.templates.templates import make_environment
from lingtouyan.website.feeds import write_feeds

PROJECT = Path(__file__).parents[2]
TITLES = [
    "清泉镇还有3名书记没有体检",
    "a\r\nEND:VEVENT\nBEGIN:VEVENT",
    'say "hi", c:\\d; <b>|{{ as_of }}',
    "=1+1",
    "𠮷𬭎䶮·阿依古丽" * 20,
    "单\u2028行\u0085尾\x0b",
]
TODO = """CREATE TABLE todo AS
SELECT md5(n::VARCHAR) AS todo_id, 'M0' AS system, title AS kind, title, 'qingquan' AS org_id, title AS org_name,
    NULL::VARCHAR AS township_id, NULL::VARCHAR AS village_id, NULL::VARCHAR AS village_name, NULL::VARCHAR AS person_id,
    NULL::VARCHAR AS filing_id, CASE WHEN n > 0 THEN DATE '2026-12-31' END AS due_on, n = 1 AS overdue,
    NULL::INTEGER AS days_left, '以后' AS state, 'filings' AS table_name, title AS record_key
FROM typed"""
FIGURES = """CREATE TABLE indicator_values AS
SELECT DATE '2026-11-20' AS reference_date, 'sw' AS org_id, title AS org_name, true AS whole, 'M4' AS system,
    n::VARCHAR AS indicator_id, title, 0.5::DOUBLE AS value, '人' AS unit, NULL::DOUBLE AS numerator,
    NULL::DOUBLE AS denominator, n AS sort_order
FROM typed;
CREATE TABLE reference_dates AS SELECT DATE '2026-11-20' AS reference_date, '现在' AS title;
CREATE TABLE organisations AS
SELECT 'sw' AS org_id, '市委' AS name, '市委' AS type, NULL::VARCHAR AS folder, 1 AS sort_order;
CREATE TABLE change_digest AS SELECT NULL::VARCHAR AS org_id, 1 AS ordinal;
CREATE TABLE indicators AS SELECT n::VARCHAR AS indicator_id, title AS definition FROM typed;
CREATE TABLE statistics AS SELECT 'Z1' AS snapshot_id, 'sw' AS org_id, '0' AS indicator_id, 7::DOUBLE AS value;
CREATE TABLE snapshots AS
SELECT 'Z1' AS snapshot_id, DATE '2026-11-20' AS reference_date, DATE '2026-11-20' AS published_on"""

REVIEWS = """CREATE TABLE people AS
SELECT n::VARCHAR AS person_id, '男' AS sex, '1975-03' AS birth, '中共党员' AS political_status FROM typed;
CREATE TABLE review_replies AS
SELECT '2026' AS term, 'E2026-0001' AS election_id, n::VARCHAR AS person_id, title AS person_name, 'sjw' AS org_id,
    title AS org_name, n AS org_order, title AS duty, title AS township_name, title AS village_name, title AS post,
    DATE '2026-03-10' AS sent_on, DATE '2026-03-17' AS due_on, NULL::DATE AS replied_on, NULL::VARCHAR AS result,
    NULL::DATE AS valid_to, title AS state
FROM typed"""


def made(out: Path, edition: str, more: str = "", functions: dict[str, Any] | None = None) -> Path:
    connection = duckdb.connect()
    connection.execute("CREATE TABLE typed (n INTEGER, title VARCHAR)")
    connection.executemany("INSERT INTO typed VALUES (?, ?)", list(enumerate(TITLES)))
    connection.execute(f"{TODO}; {FIGURES}; {REVIEWS}; {more}")
    out.mkdir()
    day = datetime.date(2026, 11, 20)
    at = datetime.datetime(2026, 11, 20, 8, 30)  # noqa: DTZ001 -- as the register holds it
    facts: dict[str, Any] = {
        "edition": edition,
        "as_of": day,
        "links": Links(),
        "build": {"commit": "abc", "commit_time": at},
    }
    environment = make_environment(PROJECT, html=False, functions=functions or {})
    write_feeds(PROJECT, out, connection, environment, facts)
    return out


@pytest.fixture(scope="module")
def feeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("feeds") / "site", "internal")


def typed(value: str) -> str:
    """What a calendar program shows of an escaped text."""
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] in "nN" else m[1], value)


def test_every_open_item_with_a_limit_is_one_event_of_a_valid_calendar(feeds: Path) -> None:
    data = (feeds / "todo.ics").read_bytes()
    assert data.endswith(b"END:VCALENDAR\r\n")
    assert b"\n" not in data.replace(b"\r\n", b"")
    assert b"\r" not in data.replace(b"\r\n", b"")
    assert max(map(len, data.split(b"\r\n"))) <= 75
    head, *events = data.decode().replace("\r\n ", "").split("\r\nBEGIN:VEVENT\r\n")
    assert {"VERSION:2.0", "PRODID:-//lingtouyan//todo//ZH"} <= set(head.split("\r\n"))
    assert len(events) == len(TITLES) - 1
    identities, said = set(), set()
    for event in events:
        lines = event.partition("\r\nEND:VEVENT")[0].split("\r\n")
        fields = dict(line.split(":", 1) for line in lines)
        assert len(fields) == len(lines) == 9
        identities.add(fields["UID"])
        assert fields["DTSTAMP"] == "20261120T083000Z"
        assert (fields["DTSTART;VALUE=DATE"], fields["DTEND;VALUE=DATE"]) == ("20261231", "20270101")
        said.add(typed(fields["SUMMARY"]))
    assert len(identities) == len(events)
    late, *others = (t.replace("\r\n", "\n").replace("\x0b", "") for t in TITLES[1:])
    assert said == {f"【超期】{late}", *others}


def test_an_entry_of_a_township_leads_to_its_page_where_the_record_has_none(tmp_path: Path) -> None:
    links = Links()
    links.add("townships", {"qq": "townships/qq/"})
    links.add("filings", {"=1+1": "filings/F1/"})
    functions = {"page_path": links.find, "site_url": "https://city.example/", "site_title": "记录"}
    more = (
        "INSERT INTO organisations VALUES ('qq', '清泉镇', '镇', 'qq', 2); UPDATE todo SET township_id = 'qq'"
    )
    made(tmp_path / "site", "internal", more, functions)
    feed = (tmp_path / "site/feeds/qq.atom").read_text("utf-8")
    ways = re.findall(r'<link href="https://city.example/([^"]*)"/>\s*<updated>', feed)
    assert sorted(ways) == ["filings/F1/", *["townships/qq/"] * len(TITLES[2:]), "townships/qq/"]


def test_json_tells_of_every_item_as_it_was_typed(feeds: Path) -> None:
    read = json.loads((feeds / "todo.json").read_text("utf-8"))
    assert (read["as_of"], read["commit"]) == ("2026-11-20", "abc")
    assert {i["title"] for i in read["items"]} == set(TITLES)
    assert [i["due_on"] for i in read["items"]].count(None) == 1


def test_the_statistics_open_in_a_spreadsheet_beside_what_was_published(feeds: Path) -> None:
    words = (feeds / "reports.csv").read_bytes().decode("utf-8-sig")
    head, *rows = list(csv.reader(io.StringIO(words, newline="")))
    assert all(len(row) == len(head) for row in rows)
    # A spreadsheet shows the text of a formula when an apostrophe stands before it.
    assert [row[head.index("指标")] for row in rows] == [t.replace("=1+1", "'=1+1") for t in TITLES]
    assert [row[head.index("发布数字")] for row in rows] == ["7", *[""] * (len(TITLES) - 1)]


def test_the_lists_for_the_departments_open_in_a_spreadsheet(feeds: Path) -> None:
    head, *rows = list(
        csv.reader(io.StringIO((feeds / "reviews.csv").read_bytes().decode("utf-8-sig"), newline=""))
    )
    assert all(len(row) == len(head) for row in rows)
    assert [row[head.index("姓名")] for row in rows] == [t.replace("=1+1", "'=1+1") for t in TITLES]


def test_the_public_edition_has_figures_and_no_list_of_what_is_to_be_done(tmp_path: Path) -> None:
    assert sorted(p.name for p in made(tmp_path / "site", "public").iterdir()) == ["reports.csv"]


def test_the_same_records_give_the_same_bytes(feeds: Path, tmp_path: Path) -> None:
    again = made(tmp_path / "site", "internal")
    for file in feeds.iterdir():
        assert file.read_bytes() == (again / file.name).read_bytes()
