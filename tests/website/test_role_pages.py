"""The page that each role begins with: what is overdue comes first, with since when, whose it is and which telephone."""

from __future__ import annotations

import datetime
import html
import re
from pathlib import Path

import duckdb

from lingtouyan.project import Project
from lingtouyan.templates.templates import Template, read_templates
from lingtouyan.website.pages import PageMaker

PROJECT = Path(__file__).parents[2]
TABLES = """
CREATE TABLE fields (table_name VARCHAR, name VARCHAR, title VARCHAR, sensitivity VARCHAR);
CREATE TABLE views (name VARCHAR, field VARCHAR, field_title VARCHAR, title VARCHAR, sensitivity VARCHAR);
CREATE TABLE tables (name VARCHAR, title VARCHAR);
CREATE TABLE township_figures AS SELECT 2 AS vacant, 1 AS vacant_over, true AS whole;
CREATE TABLE structure_against_targets AS
SELECT true AS is_now, true AS whole, NOT short AS met, n AS sort_order, '市定' AS level, title, '不低于' AS direction,
    65 AS goal, 60 AS value, '%' AS unit, 1 AS decimals, 2 AS persons_short
FROM (VALUES (1, '大专以上书记占比', true), (2, '“一肩挑”占比', false)) AS t(n, title, short);
CREATE TABLE early_warning AS
SELECT 'P1' AS person_id, '李示范' AS person_name, '云岭村' AS village_name, '清泉镇' AS township_name, '民主评议' AS reason,
    5 AS weight, DATE '2026-02-04' AS since;
CREATE TABLE todo AS
SELECT title AS todo_id, title, org_id, org_name, telephone, due_on::DATE AS due_on, days_left < 0 AS overdue, days_left,
    'filings' AS table_name, 'F1' AS record_key, 'F1' AS filing_id, NULL::VARCHAR AS person_id, NULL::VARCHAR AS village_id
FROM (VALUES
    ('<b>还没到期的', 'qq', '清泉镇', '8800250', '2026-11-25', 5),
    ('刚超期的', 'qq', '清泉镇', '8800250', '2026-11-18', -2),
    ('<b>超期最久的', 'sq', '石桥镇', '8800260', '2024-08-10', -832),
    ('没有承办机构的', NULL, NULL, NULL, '2026-11-01', -19)
) AS t(title, org_id, org_name, telephone, due_on, days_left)
"""

REVIEWER = """
CREATE TABLE build AS SELECT DATE '2026-11-20' AS as_of;
CREATE TABLE organisations AS
SELECT 'sq' AS org_id, '8800260' AS telephone, 'records/townships/sq' AS folder UNION ALL SELECT 'zz', '8800000', NULL;
CREATE TABLE filing_queue AS
SELECT *, 'F' || ordinal AS filing_id, '任前备案' AS kind, '云岭村' AS village_name, '市委组织部' AS org_name,
    DATE '2026-11-20' + days_left::INTEGER AS due_on, days_left < 0 AS overdue
FROM (VALUES
    (1, '<b>等镇上', '退回补正', 'sq', -3), (2, '轮到市里', '市级审核', 'zz', 4), (3, '市里已超期', '市级审核', 'zz', -1)
) AS t(ordinal, person_name, state, org_id, days_left);
CREATE TABLE change_digest AS
SELECT n AS ordinal, DATE '2026-11-18' + n::INTEGER AS day, '改' || n AS about, '学历' AS item, '修改' AS action, '旧' AS before,
    '<i>新' AS after, '石桥镇' AS place, '任职' AS table_title, '张三' AS author, NULL AS document, NULL AS document_filing,
    '0123456789' AS commit, 'tenures' AS root_table, 'T1' AS root_key, NULL AS person_id, NULL AS village_id
FROM range(3) AS r(n);
CREATE TABLE filing_status AS
SELECT 'F' || n AS filing_id, kind, 'P1' AS person_id, '李' || n AS person_name, '云岭村' AS village_name, '备案' AS decision,
    DATE '2026-11-20' - n::INTEGER AS decided_on
FROM (VALUES (2, '任前备案'), (5, '免职备案'), (60, '任前备案')) AS t(n, kind);
CREATE TABLE review_replies AS
SELECT 'gaj' AS org_id, '公安局' AS org_name, '202611' AS batch, DATE '2026-11-25' AS due_on, NULL::DATE AS replied_on;
"""
# What a township's page asks for besides, without a row.
NOTHING = {
    "structure_items": "title, ordinal, dimension, reference_date",
    "form_roster": "township_id, village_id, village_name, person_id, name, sex, birth_month, education, started_on, "
    "concurrent, code",
    "village_status": "township_id, village_id, name, successor, successor_name, valid, code, secretary_name, person_id, vacant, "
    "vacant_from, vacancy_days, vacancy_limit, vacancy_due_on",
    "filing_queue": "township_id, filing_id, kind, person_name, village_name, state, org_name, due_on, overdue, "
    "days_left, ordinal",
    "villages": "township_id, village_id, name, kind, code",
    "term_risks": "village_id, level",
    "term_progress": "township_id, village_id, stage, due_on, done_on, state, days_late, place",
    "township_systems": "org_id",
    "findings": "finding_id, severity, rule, message, file",
    "finding_subjects": "finding_id, field, value",
}
TOWNSHIP = """
CREATE TABLE build AS SELECT DATE '2026-11-20' AS as_of;
CREATE TABLE organisations AS
SELECT org_id, name, name AS short_name, '乡镇' AS type, '990101102' AS division_code, '清' AS doc_prefix, NULL AS parent, folder
FROM (VALUES ('qq', '清泉镇', 'records/townships/qq'), ('sq', '石桥镇', 'records/townships/sq')) AS t(org_id, name, folder);
CREATE TABLE township_figures AS
SELECT org_id, org_id IS NULL AS whole, n AS sort_order, 5 AS villages, 1 AS communities, 6 AS secretaries,
    3 AS concurrent, 50.0 AS concurrent_share, 1 AS women, 48.5 AS average_age, 1 AS youngest, 16.7 AS youngest_share,
    1 AS oldest,
    5 AS senior, 83.3 AS senior_share,
    4 AS college, 66.7 AS college_share, 1 AS vacant, 1 AS vacant_over, 2 AS filings_open, 1 AS filings_overdue,
    0 AS filings_missing,
    4 AS filings_this_year, 3 AS reserve
FROM (VALUES ('qq', 1), ('sq', 2), (NULL, 3)) AS t(org_id, n);
CREATE TABLE commits AS FROM (VALUES ('c1', false), ('c2', true)) AS t(commit, proposed);
CREATE TABLE change_log AS
FROM (VALUES ('c1', 'people', 'P1', 'qq'), ('c2', 'people', 'P2', 'qq'), ('c2', 'people', 'P3', 'sq'))
AS t(commit, root_table, root_key, org_id);
CREATE TABLE todo AS
SELECT title AS todo_id, '备案' AS kind, title, org_id, org_name, telephone, township_id,
    DATE '2026-11-20' + days_left::INTEGER AS due_on, days_left < 0 AS overdue, days_left, 'filings' AS table_name,
    'F1' AS record_key, 'F1' AS filing_id, NULL::VARCHAR AS person_id, NULL::VARCHAR AS village_id
FROM (VALUES
    ('<b>快到期的', 'qq', '清泉镇', '8800250', 'qq', 5),
    ('超期的', 'qq', '清泉镇', '8800250', 'qq', -12),
    ('明年的', 'qq', '清泉镇', '8800250', 'qq', 200),
    ('等组织部的', 'zz', '市委组织部', '8800000', 'qq', -3),
    ('别的镇的', 'sq', '石桥镇', '8800260', 'sq', -9)
) AS t(title, org_id, org_name, telephone, township_id, days_left);
""" + "".join(
    f"CREATE TABLE {name} ({', '.join(f'{column.strip()} VARCHAR' for column in columns.split(','))});\n"
    for name, columns in NOTHING.items()
)


def maker(tables: str) -> PageMaker:
    connection = duckdb.connect()
    connection.execute(tables)
    facts = {"edition": "internal", "as_of": datetime.date(2026, 11, 20), "draft": False, "build": {}}
    made = PageMaker(Project.open(PROJECT), connection, facts)
    made.links.known = (
        "filing_queue",
        "form_roster",
        "townships",
        "villages",
        "people",
        "filings",
        "rules",
        "tenures",
    )
    return made


def read(name: str) -> Template:
    return next(t for t in read_templates(PROJECT, "site/pages") if t.name == name)


def plain(page: str) -> str:
    return re.sub(r"<[^>]+>", " ", page)


def test_a_reviewer_reads_his_queue_the_last_days_changes_and_what_to_print() -> None:
    page = (
        maker(TABLES.partition("CREATE TABLE township_figures")[0] + REVIEWER)
        .write(read("home/reviewer"))
        .markdown
    )
    words = plain(page)
    assert "轮到市里办的备案2件，在乡镇（街道）的1件，最近三十天办结2件" in words
    ours, theirs, changes, prints = re.split("## (?:等乡镇|最近登记|要打印)", words)
    assert ours.index("轮到市里") < ours.index("市里已超期")
    assert "超期1天" in ours
    assert re.search(r"等镇上.*8800260\s+超期3天", theirs, re.DOTALL), theirs
    # Those of the last day with any.
    assert "改2" in changes
    assert "改1" not in changes
    assert "lingtouyan dossiers registration filing-notice --key F2" in prints
    assert "lingtouyan dossiers removal filing-notice --key F5" in prints
    assert "F60" not in prints
    assert "lingtouyan dossiers review-list --key gaj-202611" in prints
    assert "<b>" not in page
    assert "<i>" not in page


def test_a_township_reads_what_it_owes_by_date_and_whom_it_waits_for() -> None:
    made = maker(TABLES.partition("CREATE TABLE township_figures")[0] + TOWNSHIP)
    template = read("townships/township")
    page = next(p for p in made.kind(template).pages if p.url == "townships/qq/")
    body = made.body(template, page)
    words = plain(body)
    assert re.search("送审的修改改动了[^。]*1条记录", words)
    owed, waiting, rest = re.split("由其他机构承办的|与全市对照", words)
    assert owed.index("超期12天") < owed.index("还有5天")
    assert "明年的" not in owed
    assert re.search(r"超期3天\s+等组织部的\s+市委组织部\s+8800000", waiting), waiting
    assert "别的镇的" not in words
    assert re.search(r"空缺\s+1\s*个\s*其中超过规定天数1个", rest), rest[:300]
    assert 'href="tel:8800000"' in body
    assert "<b>" not in body


def test_what_is_doubtful_or_due_leads_to_its_line() -> None:
    made = maker(
        """
CREATE TABLE build AS SELECT DATE '2026-11-20' AS as_of;
CREATE TABLE fields (table_name VARCHAR, name VARCHAR, title VARCHAR, sensitivity VARCHAR);
CREATE TABLE views (name VARCHAR, field VARCHAR, field_title VARCHAR, title VARCHAR, sensitivity VARCHAR);
CREATE TABLE tables (name VARCHAR, title VARCHAR);
CREATE TABLE early_warning AS
SELECT 'P1' AS person_id, '李示范' AS person_name, '书记' AS role, 'V1' AS village_id, '云岭村' AS village_name,
    'qq' AS township_id, '清泉镇' AS township_name, table_name || '的' AS reason,
    '2025年度' AS detail, 5 AS weight, NULL::DATE AS since,
    table_name AS link_table, key AS link_key, 5 AS total_weight, 6 AS reasons
FROM (VALUES ('audits', 'A1'), ('people', 'P1'), ('targets', 'V1'), ('villages', 'V1')) AS t(table_name, key);
CREATE TABLE todo AS
SELECT table_name || '的' AS todo_id, 'M12' AS system, '审计' AS kind, table_name || '的' AS title, 'qq' AS org_id,
    '清泉镇' AS org_name, '8800250' AS telephone,
    DATE '2026-11-25' AS due_on, false AS overdue, 5 AS days_left, '七日内' AS state, table_name,
    key AS record_key, NULL AS filing_id, 'P1' AS person_id, 'V1' AS village_id
FROM (VALUES ('audits', 'A1'), ('people', 'P1')) AS t(table_name, key);
CREATE TABLE organisations AS SELECT 'qq' AS org_id, 1 AS sort_order;
"""
    )
    made.links.known = (*made.links.known, "audits", "first_secretaries", "early_warning", "training_classes")
    made.links.add("people", {"P1": "people/P1/"})
    made.links.add("villages", {"V1": "villages/V1/"})
    ways = re.findall(r'<a href="([^"]*)">(\w+)的</a>', html.unescape(made.write(read("warnings")).markdown))
    assert {word: way.removeprefix("../") for way, word in ways} == {
        "audits": "people/P1/#audits-A1",
        "people": "people/P1/#training_year-2025",
        "targets": "villages/V1/#target_years-2025",
        "villages": "villages/V1/",
    }
    ways = re.findall(r'<a href="([^"]*)">(\w+)的</a>', html.unescape(made.write(read("todo")).markdown))
    assert {word: way.removeprefix("../") for way, word in ways} == {
        "audits": "people/P1/#audits-A1",
        "people": "people/P1/",
    }


def test_a_leader_reads_what_is_overdue_since_when_whose_and_whom_to_call() -> None:
    page = maker(TABLES).write(read("home/leader")).markdown
    words = plain(page)
    order = [page.index(w) for w in ("超期", "## 问谁", "## 超期最久的", "## 没有达到的目标")]
    assert order == sorted(order)
    assert re.search(r"超期\s+3\s*项\s+七日内到期1项", words), words[:600]
    assert "还没到期的" not in words
    asked = words[words.index("问谁") :]
    assert re.search(r"石桥镇\s+1\s+2024-08-10\s+8800260", asked), asked[:400]
    assert re.search(r"未定\s+1\s+2026-11-01", asked)
    assert asked.index("刚超期的") > asked.index("超期832天")
    assert 'href="tel:8800260"' in page
    assert "还差2人" in words
    assert "“一肩挑”占比" not in words
    assert "<b>" not in page
