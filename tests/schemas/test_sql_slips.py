"""Slips that SQL lets pass and that change an answer: found by reading the statements of the tree."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from lingtouyan.database.statements import Statement, read_statements
from lingtouyan.reading.source import WorkTree

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("schemas/macros", "schemas/views", "schemas/rules")
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_WORD = r"'(?:[^']|'')*'"
# An order comparison with a bare word on either side. A date carries its type before it, an ENUM's word after it.
_BARE = re.compile(
    rf"(?:<=|>=|<(?!>)|(?<!<)(?<!-)>|\bBETWEEN\b)\s*(?P<right>{_WORD})(?!\s*::)"
    rf"|(?<!DATE )(?<!TIMESTAMP )(?<!INTERVAL )(?P<left>{_WORD})\s*(?:<=|>=|<(?!>)|>)",
    re.IGNORECASE,
)

_CLOCK = re.compile(
    r"\b(?:current_date|current_time|current_timestamp|localtimestamp)\b|\b(?:now|today|get_current_time\w*)\s*\(",
    re.IGNORECASE,
)


def slips(sql: str) -> list[str]:
    return [m[0] for m in _BARE.finditer(_COMMENT.sub(" ", sql))]


def statements() -> list[Statement]:
    return [s for folder in FOLDERS for s in read_statements(WorkTree(ROOT), folder)]


@pytest.mark.parametrize("statement", statements(), ids=lambda s: s.file)
def test_no_rank_is_compared_with_a_bare_word(statement: Statement) -> None:
    assert slips(statement.sql) == [], (
        f"{statement.file}: write '大专'::education: a bare word is compared as text"
    )


def test_no_row_filter_compares_a_rank_with_a_bare_word() -> None:
    for path in sorted((ROOT / "schemas" / "tables").glob("*.yaml")):
        schema = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        for condition in (schema.get("rows") or {}).values():
            assert slips(condition) == [], path.name


@pytest.mark.parametrize(
    "sql",
    [
        "education >= '大专'",
        "p.education<'大专'",
        "level > '市级'",
        "'大专' <= education",
        "education BETWEEN '高中' AND '大专'",
        "highest_education(a, b) >= '高中'",
    ],
)
def test_the_slip_is_seen(sql: str) -> None:
    assert slips(f"SELECT * FROM t WHERE {sql}")


@pytest.mark.parametrize(
    "sql",
    [
        "education >= '大专'::education",
        "education BETWEEN '高中'::education AND '职高'::education",
        "'大专'::education <= education",
        "started_on >= DATE '2021-01-01'",
        "DATE '2021-01-01' <= started_on",
        "ethnic_group <> '汉族'",
        "'汉族' <> ethnic_group",
        "concat('a', '->', 'b') = x",
        "a < b AND c = '大专'",
        "a > 1 -- education >= '大专'",
    ],
)
def test_what_is_no_slip_passes(sql: str) -> None:
    assert slips(f"SELECT * FROM t WHERE {sql}") == []


@pytest.mark.parametrize("statement", statements(), ids=lambda s: s.file)
def test_no_statement_asks_the_clock(statement: Statement) -> None:
    # The day is that of the build, or the city could not be shown as of another.
    asked = _CLOCK.findall(_COMMENT.sub(" ", statement.sql))
    assert not asked, f"{statement.file}: take as_of from build"
