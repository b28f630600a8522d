"""One value of a record: its plain form, and what is wrong with it in itself."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

from lingtouyan.checks.messages import DOUBTFUL_MONTH, FULL_WIDTH, Wording, as_date, partial_date
from lingtouyan.reading.package import Field, Sensitivity, Table
from lingtouyan.sealing.values import is_sealed

SHAPES = {
    "integer": re.compile(r"[+-]?\d+", re.ASCII),
    "year": re.compile(r"\d{4}", re.ASCII),
    "number": re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII),
}
_LIMITS: dict[str, Callable[[Any, Any], bool]] = {
    **dict.fromkeys(("minLength", "minimum"), operator.ge),
    **dict.fromkeys(("maxLength", "maximum"), operator.le),
    "exclusiveMinimum": operator.gt,
    "exclusiveMaximum": operator.lt,
}


def plain_value(field: Field, value: str) -> str:
    """Write a value as records write it: half-width digits and `年-月-日`, where the field leaves no doubt."""
    half = value.translate(FULL_WIDTH).strip()
    if field.type in SHAPES:
        return half if SHAPES[field.type].fullmatch(half) else value
    pattern = str(field.constraints.get("pattern") or ".*")
    if (
        not is_date(field)
        or DOUBTFUL_MONTH.match(half)
        or (field.type != "date" and re.fullmatch(pattern, value))
    ):
        return value
    made = as_date(half, partial=field.type != "date" or bool(field.months_before))
    return made if made and re.fullmatch(pattern, made) else value


def is_date(field: Field) -> bool:
    """Tell whether a field holds a date, or as much of one as is known."""
    given = field.descriptor.get("format", "default")
    return (field.type == "date" and given == "default") or partial_date(field)


def value_fault(table: Table, field: Field, value: str) -> str:
    """Say what makes a value wrong in itself, or return an empty text."""
    if field.sensitivity is Sensitivity.RESTRICTED and is_sealed(value):
        return ""
    wording = Wording(field)
    if not value:
        return wording.fault("required", None) if field.required or field.name in table.primary_key else ""
    enum, pattern = field.constraints.get("enum"), field.constraints.get("pattern")
    if enum and field.type == "string" and value not in enum:
        return wording.fault("enum", value)
    if pattern and not re.fullmatch(str(pattern), value):
        return wording.fault("pattern", value)
    shape = SHAPES.get(field.type)
    if field.descriptor.keys() & {"bareNumber", "groupChar", "decimalChar", "floatNumber"}:
        shape = None
    date = field.type == "date" and is_date(field)
    if date and re.fullmatch(r"\d{4}-\d\d", value) and value < field.months_before:
        value = f"{value}-01"
    if (shape and not shape.fullmatch(value)) or (date and as_date(value, partial=False) != value):
        return wording.fault("type", value)
    size: Any = len(value) if field.type == "string" else float(value) if shape else value if date else None
    limits = field.constraints.items() if size is not None else ()
    return next((wording.fault(n, value) for n, v in limits if n in _LIMITS and not _LIMITS[n](size, v)), "")
