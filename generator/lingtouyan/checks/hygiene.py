"""What the table standard lets pass and no record should hold: characters nobody sees, values a spreadsheet ruined.

One condition finds such cells column by column; only those are looked at one by one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from lingtouyan.checks.characters import FULL_WIDTH, HIDDEN, LOOK_ALIKE, hidden, look_alike
from lingtouyan.checks.wording import Wording, damage, partial_date
from lingtouyan.database.database import literal, quote
from lingtouyan.problems import Severity
from lingtouyan.reading.tables import Field, Sensitivity, Table

_TEXT_TYPES = frozenset({"string", "any", "array"})
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_EDGE = r"^[ \t\x{3000}]|[ \t\x{3000}]$"
_RUINED = r"^'[0-9=+@-]|^#[A-Za-z/0]+[!?]?$|^[+-]?[0-9](\.[0-9]+)?[eE]\+?[0-9]+$|^[0-9]{6,}\.0+$"


def doubtful(field: Field, csv: bool) -> str:
    """Return SQL that is true for cells of this field worth a look, or an empty text where none can be.

    Args:
        field: the field.
        csv: the cells stand in a CSV file, where tabs and what spreadsheets do are to be expected.
    """
    if field.type not in _TEXT_TYPES:
        return ""
    # The characters of a list stand in its JSON text, controls among them as escapes.
    odd = f"[{HIDDEN}{LOOK_ALIKE}]"
    pattern = rf"{odd}|\\(u00[01]|[bfr])" if field.type == "array" else f"{odd}|{_EDGE}"
    if csv:
        pattern += rf"|\t|{_RUINED}"
    name = quote(field.name)
    test = f"regexp_matches({name}, {literal(pattern)})"
    if partial_date(field):
        # A pattern knows the shape of a day, not the calendar.
        test += f" OR (regexp_full_match({name}, {literal(_DAY)}) AND try_cast({name} AS DATE) IS NULL)"
    return test


def doubts(table: Table, field: Field, value: str, csv: bool) -> Iterator[tuple[str, Severity, str]]:
    """Yield (rule, severity, message) for what is odd about a value; a restricted value is not repeated."""
    if field.type == "array":
        value = _unlisted(value)
    unseen = hidden(value, tabs=csv)
    if unseen is not None:
        yield "invisible-character", unseen[0], f"{unseen[1]}。"
        return
    other = look_alike(value, shown=field.sensitivity < Sensitivity.RESTRICTED)
    if other:
        yield "look-alike-character", Severity.WARNING, f"{other}。"
        return
    shown = Wording(table, field).value(value)
    if field.type == "array":
        return
    ruined = damage(value, code=True) if csv else ""
    if ruined:
        yield "spreadsheet-damage", Severity.ERROR, f"{shown}：{ruined}。"
    elif csv and re.match(r"'[0-9=+@-]", value):
        yield (
            "spreadsheet-damage",
            Severity.ERROR,
            f"{shown} 开头多了一个英文单引号，是电子表格的文本标记。请删去。",
        )
    elif partial_date(field) and re.fullmatch(_DAY, value):
        yield "impossible-date", Severity.ERROR, f"{shown}：日历上没有这一天。请按原件更正。"
    elif value != value.strip(" \t\u3000"):
        yield "surrounding-spaces", Severity.WARNING, f"{shown} 前后有多余的空格。请删去。"


def _unlisted(value: str) -> str:
    try:
        items = json.loads(value)
    except ValueError:
        return value
    return "".join(map(str, items)) if isinstance(items, list) else value


def foreign_digits(value: str) -> str:
    """Return the value with full-width characters made plain when it holds digits other than 0 to 9, else nothing."""
    if not any(c.isdecimal() and c > "9" for c in value):
        return ""
    return value.translate(FULL_WIDTH)
