"""Feeds: what people typed can break neither a calendar, nor JSON, nor a spreadsheet, and faults name their template."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from xml.etree import ElementTree

import duckdb
import pytest

from lingtouyan.problems import RecordsError
from lingtouyan.templates.links import Links
from lingtouyan.templates.templates import make_environment
from lingtouyan.website.feeds import write_feeds

WORDS = ['say "hi"', "=1+1", "a,b;c\\d", "one\ntwo", "<b>|{{x}}", "𠮷𬭎䶮·阿依古丽" * 12]
QUERY = "---\ntitle: 事项\nqueries:\n  things: SELECT n, word, day FROM things ORDER BY n\n---\n"
JSON = QUERY + (
    "[{% for t in things %}\n"
    '{"n": {{ t.n }}, "word": {{ t.word }}, "day": {{ t.day }}}{% if not loop.last %},{% endif %}{% endfor %}]\n'
)
CSV = QUERY + "序号,事项\n{% for t in things %}\n{{ t.n }},{{ t.word }}\n{% endfor %}\n"
ICS = (
    QUERY
    + "BEGIN:VCALENDAR\n{% for t in things %}\nDTSTART:{{ t.day }}\nSUMMARY:{{ t.word }}\n{% endfor %}\nEND:VCALENDAR\n"
)


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    made = duckdb.connect()
    made.execute("CREATE TABLE things (n INTEGER, word VARCHAR, day DATE)")
    made.executemany("INSERT INTO things VALUES (?, ?, DATE '2026-07-01')", list(enumerate(WORDS)))
    return made


def feeds(root: Path, connection: duckdb.DuckDBPyConnection, **templates: str) -> Path:
    folder, site = root / "site" / "feeds", root / "out"
    folder.mkdir(parents=True)
    site.mkdir()
    for name, body in templates.items():
        (folder / name.replace("_", ".")).write_text(body, "utf-8")
    environment = make_environment(root, html=False, functions={})
    facts = {"edition": "internal", "links": Links()}
    write_feeds(root, site, connection, environment, facts)
    return site


def test_atom_holds_every_word_as_typed_one_file_a_row(
    tmp_path: Path, connection: duckdb.DuckDBPyConnection
) -> None:
    connection.execute("INSERT INTO things VALUES (99, 'a\x01b', DATE '2026-07-01')")
    head = QUERY.replace("---\ntitle", "---\neach: things\npath: 'feeds/{{ row.n }}'\ntitle", 1)
    body = '<?xml version="1.0"?>\n<feed a="{{ row.word }}"><title>{{ row.word }}</title></feed>\n'
    site = feeds(tmp_path, connection, word_atom=head + body)
    for number, word in enumerate(WORDS):
        root = ElementTree.fromstring((site / f"feeds/{number}.atom").read_text("utf-8"))
        assert root.findtext("title") == word
        assert root.get("a") == word.replace("\n", " ")
    assert ElementTree.fromstring((site / "feeds/99.atom").read_text("utf-8")).findtext("title") == "ab"


def test_json_holds_every_word_as_typed(tmp_path: Path, connection: duckdb.DuckDBPyConnection) -> None:
    site = feeds(tmp_path, connection, todo_json=JSON)
    read = json.loads((site / "todo.json").read_text("utf-8"))
    assert [r["word"] for r in read] == WORDS
    assert read[0]["day"] == "2026-07-01"


def test_csv_holds_every_word_as_typed_and_opens_in_a_spreadsheet(
    tmp_path: Path, connection: duckdb.DuckDBPyConnection
) -> None:
    data = (feeds(tmp_path, connection, todo_csv=CSV) / "todo.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert [r[1] for r in rows if r][1:] == [f"'{w}" if w == "=1+1" else w for w in WORDS]


def test_no_word_is_a_formula_of_a_spreadsheet(tmp_path: Path, connection: duckdb.DuckDBPyConnection) -> None:
    formulas = ["=HYPERLINK(1)", "＝1", "+cmd|' /C calc'!A0", "-2+SUM(A1)", "@SUM(1)", "\t=1"]
    plain = ["-5.2%", "+86 (99) 1234-5678", "a=1", "——", "3-1"]
    connection.execute("DELETE FROM things")
    connection.executemany(
        "INSERT INTO things VALUES (?, ?, DATE '2026-07-01')", list(enumerate([*formulas, *plain]))
    )
    data = (feeds(tmp_path, connection, todo_csv=CSV) / "todo.csv").read_text("utf-8-sig")
    rows = list(csv.reader(io.StringIO(data, newline="")))
    assert [r[1] for r in rows if r][1:] == [*(f"'{w}" for w in formulas), *plain]


def test_a_calendar_folds_its_lines_and_no_word_starts_one(
    tmp_path: Path, connection: duckdb.DuckDBPyConnection
) -> None:
    data = (feeds(tmp_path, connection, todo_ics=ICS) / "todo.ics").read_bytes()
    lines = data.split(b"\r\n")
    assert all(len(line) <= 75 for line in lines)
    assert all(line.decode() for line in lines[:-1])
    unfolded = data.decode().replace("\r\n ", "").split("\r\n")
    assert [x for x in unfolded if not x.startswith(("SUMMARY:", "DTSTART:20260701"))] == [
        "BEGIN:VCALENDAR",
        "END:VCALENDAR",
        "",
    ]
    summaries = [x.removeprefix("SUMMARY:") for x in unfolded if x.startswith("SUMMARY:")]
    assert summaries[2:4] == [r"a\,b\;c\\d", r"one\ntwo"]
    assert summaries[5] == WORDS[5]


@pytest.mark.parametrize(
    "name, body, said",
    [
        ("todo_json", QUERY + '[{"n": 1},]', "不是 JSON"),
        ("todo_json", QUERY + "{{ nothing.here }}", "没有的名字"),
        ("todo_csv", QUERY + "{% for n in range(10**9) %}x{% endfor %}", "沙箱"),
        ("todo_csv", QUERY.replace("---\ntitle", "---\neach: things\npath: one\ntitle", 1), "同一个 path"),
        ("todo_atom", QUERY + "<feed><title></feed>", "XML"),
    ],
)
def test_a_fault_names_the_template(
    tmp_path: Path, connection: duckdb.DuckDBPyConnection, name: str, body: str, said: str
) -> None:
    with pytest.raises(RecordsError) as fault:
        feeds(tmp_path, connection, **{name: body})
    assert [p.file for p in fault.value.problems] == [f"site/feeds/{name.replace('_', '.')}"]
    assert said in fault.value.problems[0].message
