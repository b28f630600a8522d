"""How values are written on paper: dates, ages and shares, as filters for templates.

Every function takes what a column can hold (a date, text such as `1975-03`, a number, nothing) and gives text.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal

_PARTIAL = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")


def _parts(value: object) -> tuple[str, ...] | None:
    """Split a full or partial date into year, month, day as far as they are known."""
    if isinstance(value, datetime.date):
        return f"{value.year:04}", f"{value.month:02}", f"{value.day:02}"
    found = _PARTIAL.fullmatch(value.strip()) if isinstance(value, str) else None
    return None if found is None else tuple(part for part in found.groups() if part)


def _other(value: object) -> str:
    return "" if value is None else str(value)


def dots(value: object) -> str:
    """Write year and month as forms do: `1975.03`. What is no date stays as it is."""
    parts = _parts(value)
    return _other(value) if parts is None else ".".join(parts[:2])


def full_dots(value: object) -> str:
    """Write a date with all that is known of it: `1975.03.15`, `1975.03`."""
    parts = _parts(value)
    return _other(value) if parts is None else ".".join(parts)


def chinese_date(value: object) -> str:
    """Write a date in words without leading zeros: `2026年11月20日`, `1975年3月`."""
    parts = _parts(value)
    if parts is None:
        return _other(value)
    return "".join(f"{int(part)}{unit}" for part, unit in zip(parts, "年月日", strict=False))


def percent(part: object, whole: object, digits: int = 1) -> str:
    """Write a share, rounded half up: `percent(38, 44)` is `86.4%`; empty when there is nothing to share."""
    if part is None or whole is None or not Decimal(str(whole)):
        return ""
    share = Decimal(str(part)) * 100 / Decimal(str(whole))
    return f"{share.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)}%"


def years_between(start: object, end: object) -> int | None:
    """Count full years from a date to another; of a partial date the first day counts. None when unknown."""
    first, last = _parts(start), _parts(end)
    if first is None or last is None:
        return None
    begun, ended = ([*map(int, parts), 1, 1][:3] for parts in (first, last))
    return ended[0] - begun[0] - (ended[1:] < begun[1:])


FILTERS: dict[str, Callable[..., object]] = {
    "dots": dots,
    "full_dots": full_dots,
    "chinese_date": chinese_date,
    "percent": percent,
    "years_between": years_between,
}
