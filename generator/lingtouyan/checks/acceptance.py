"""SQL that accepts whole columns of cells at once: true only where the table standard surely agrees.

It may say no too often, never yes wrongly: what it does not accept is judged cell by cell.
"""

from __future__ import annotations

import re

from lingtouyan.database.database import literal, quote, typed
from lingtouyan.reading.tables import Field

_PLAIN_TYPES = frozenset({"string", "integer", "year", "number", "boolean", "date", "array", "any"})
_SPECIAL = ("decimalChar", "groupChar", "bareNumber", "floatNumber", "arrayItem")
# Numbers this short are the same in binary as they are written, so that bounds compare alike.
_EXACT_DIGITS = 15
_TEXT_LIST = r'\[(?:"[^"\\\x00-\x1f]*"(?:, ?"[^"\\\x00-\x1f]*")*)?\]'
# What the two regex engines understand differently: negated classes meet other digits, sets in sets, open counts.
_UNLIKE = re.compile(r"\\[DWSBbQECXpP]|\[\^[^\]]*\\[dws]|\[\[:|\{,")
_CODE_POINT = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})")
_SIGNS = {"minimum": ">=", "maximum": "<=", "exclusiveMinimum": ">", "exclusiveMaximum": "<"}


def accepts(field: Field, value: str = "") -> str:
    """Return SQL over the raw cell of this field; NULL counts as no.

    Args:
        value: SQL for its typed value, where that is at hand.
    """
    cell, value = quote(field.name), value or typed(field)
    limits = field.constraints
    special = any(k in field.descriptor for k in _SPECIAL) or (field.type == "array" and "enum" in limits)
    if field.type not in _PLAIN_TYPES or field.descriptor.get("format", "default") != "default" or special:
        return f"({cell} IS NULL)" if not field.required else "false"
    tests: list[str] = []
    if field.type not in ("string", "any"):
        tests.append(f"({value}) IS NOT NULL")
    if field.type == "number":
        tests.append(f"length({cell}) <= {_EXACT_DIGITS}")
    if field.type == "array":
        tests.append(f"regexp_full_match({cell}, {literal(_TEXT_LIST)})")
    if "enum" in limits:
        tests.append(f"({value})::VARCHAR IN ({', '.join(literal(str(v)) for v in limits['enum'])})")
    if "pattern" in limits:
        pattern = shared_pattern(limits["pattern"])
        tests.append("false" if pattern is None else f"regexp_full_match({cell}, {literal(pattern)})")
    size = f"len({value})" if field.type == "array" else f"length({cell})"
    tests += [
        f"{size} {sign} {limits[n]}" for n, sign in (("minLength", ">="), ("maxLength", "<=")) if n in limits
    ]
    for name, sign in _SIGNS.items():
        if name in limits:
            bound = f"DATE {literal(limits[name])}" if field.type == "date" else str(limits[name])
            tests.append(f"({value}) {sign} {bound}")
    accepted = " AND ".join(tests) or "true"
    return f"({cell} IS NOT NULL AND {accepted})" if field.required else f"({cell} IS NULL OR ({accepted}))"


def shared_pattern(pattern: str) -> str | None:
    """Return the pattern as the database's engine writes it, or None where the two may disagree."""
    if _UNLIKE.search(pattern):
        return None
    return _CODE_POINT.sub(lambda m: f"\\x{{{m[1] or m[2]}}}", pattern)


def ascii_digits(pattern: str) -> str:
    """Return the pattern with its digit class taken as 0 to 9 only."""
    out, inside, i = "", False, 0
    while i < len(pattern):
        pair = pattern[i : i + 2]
        if pair == "\\d":
            out += "0-9" if inside else "[0-9]"
        elif pair.startswith("\\"):
            out += pair
        else:
            pair = pattern[i]
            out += pair
            inside = pair == "[" or (inside and pair != "]")
        i += len(pair)
    return out
