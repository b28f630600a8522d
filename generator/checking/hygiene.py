"""What the table standard lets pass and no record should hold: characters nobody sees, values a spreadsheet ruined.

One condition finds such cells column by column; only those are looked at one by one.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator

from generator.checking.wording import FULL_WIDTH, Wording, damage
from generator.problems import Severity
from generator.reading.tables import Field, Table
from generator.register.database import literal, quote

_TEXT_TYPES = frozenset({"string", "any", "array"})
# Controls, direction and joining marks, unusual spaces, private characters, replacement marks.
_HIDDEN = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f\x{a0}\x{ad}\x{1680}\x{180e}\x{2000}-\x{200f}\x{2028}-\x{202f}\x{205f}-\x{206f}"
    r"\x{e000}-\x{f8ff}\x{fdd0}-\x{fdef}\x{feff}\x{fff9}-\x{ffff}\x{e0000}-\x{e007f}\x{f0000}-\x{10ffff}"
)
_EDGE = r"^[ \t\x{3000}]|[ \t\x{3000}]$"
_RUINED = r"^'[0-9=+@-]|^#[A-Za-z/0]+[!?]?$|^[+-]?[0-9](\.[0-9]+)?[eE]\+?[0-9]+$|^[0-9]{6,}\.0+$"
_SEEN_HIDDEN = re.compile(f"[{re.sub(r'x{([0-9a-f]+)}', lambda m: 'U' + m[1].zfill(8), _HIDDEN)}]")


def doubtful(field: Field, csv: bool) -> str:
    """Return SQL that is true for cells of this field worth a look, or an empty text where none can be.

    Args:
        field: the field.
        csv: the cells stand in a CSV file, where tabs and what spreadsheets do are to be expected.
    """
    if field.type not in _TEXT_TYPES:
        return ""
    # The characters of a list stand in its JSON text, controls among them as escapes.
    pattern = rf"[{_HIDDEN}]|\\(u00[01]|[bfr])" if field.type == "array" else f"[{_HIDDEN}]|{_EDGE}"
    if csv:
        pattern += rf"|\t|{_RUINED}"
    return f"regexp_matches({quote(field.name)}, {literal(pattern)})"


def doubts(table: Table, field: Field, value: str, csv: bool) -> Iterator[tuple[str, Severity, str]]:
    """Yield (rule, severity, message) for what is odd about a value; a restricted value is not repeated."""
    if field.type == "array":
        value = _unlisted(value)
    hidden = _SEEN_HIDDEN.search(value) or (re.search(r"\t", value) if csv else None)
    if hidden:
        yield _hidden(hidden[0], hidden.start())
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
    elif value != value.strip(" \t\u3000"):
        yield "surrounding-spaces", Severity.WARNING, f"{shown} 前后有多余的空格。请删去。"


def _unlisted(value: str) -> str:
    try:
        items = json.loads(value)
    except ValueError:
        return value
    return "".join(map(str, items)) if isinstance(items, list) else value


def _hidden(character: str, position: int) -> tuple[str, Severity, str]:
    where = f"第 {position + 1} 个字是 ⟨U+{ord(character):04X}⟩，"
    kind = unicodedata.category(character)
    if character == "\ufffd":
        return (
            "invisible-character",
            Severity.ERROR,
            f"{where}即乱码：原来的字在转换编码时已经丢失。请按原件重新填写。",
        )
    if kind == "Co":
        return (
            "invisible-character",
            Severity.ERROR,
            f"{where}是自造字，换一台电脑就显示不出来。请改用有正式编码的汉字（GB 18030-2022）。",
        )
    if kind == "Zs":
        return (
            "invisible-character",
            Severity.WARNING,
            f"{where}是特殊的空格，看上去与普通空格一样，查找和比对时却不同。请改成普通空格或删去。",
        )
    return "invisible-character", Severity.ERROR, f"{where}是看不见的控制字符，多由复制粘贴带入。请删去。"


def foreign_digits(value: str) -> str:
    """Return the value with full-width characters made plain when it holds digits other than 0 to 9, else nothing."""
    if not any(c.isdecimal() and c > "9" for c in value):
        return ""
    return value.translate(FULL_WIDTH)
