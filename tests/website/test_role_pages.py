"""The page of a leader: what is overdue comes first, with since when, whose it is and which telephone; the rest is left out."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

import duckdb

from lingtouyan.project import Project
from lingtouyan.templates.templates import read_templates
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


def leader() -> str:
    connection = duckdb.connect()
    connection.execute(TABLES)
    template = next(t for t in read_templates(PROJECT, "site/pages") if t.name == "home/leader")
    facts = {"edition": "internal", "as_of": datetime.date(2026, 11, 20), "draft": False, "build": {}}
    maker = PageMaker(Project.open(PROJECT), connection, facts)
    # The tables of this test are all there are.
    maker.links.known = ()
    return maker.write(template).markdown


def test_a_leader_reads_what_is_overdue_since_when_whose_and_whom_to_call() -> None:
    page = leader()
    words = re.sub(r"<[^>]+>", " ", page)
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
