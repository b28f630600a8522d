"""Values that people typed, made to show as typed wherever a page puts them; and how dates and shares are written.

One escape serves HTML text, attributes, Markdown and Jinja: a template author does not know which of them a value meets.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import TypeGuard
from urllib.parse import quote

from markupsafe import Markup

from lingtouyan.problems import date_words

# Punctuation that some reader of the page may act on, wherever it stands.
_ACTIVE = r"""[&<>"'\\`*_{}\[\]()#+!|~^=@$]"""
# Punctuation that acts only at the edge of a word: a list mark, an autolink, a rule, a definition.
# Between letters and digits it stays readable (2026-11-20, 1.5, a/b).
_EDGE = r"(?<![A-Za-z0-9])[-.:/]|[-.:/](?![A-Za-z0-9])"
# Spaces that Markdown would strip, fold, or take for an indented block; any space but the plain one.
_SPACE = r"^\ |\ $|(?<=\s)\ |[^\S ]"
# What no HTML page can carry: controls and halves of surrogate pairs.
_FORBIDDEN = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]"
_SPECIAL = re.compile(f"(?P<forbidden>{_FORBIDDEN})|{_ACTIVE}|{_EDGE}|{_SPACE}")
_SCHEME = re.compile(r"\s*([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_SCHEMES = ("http", "https", "mailto")
_PARTIAL_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")
_PATH = re.compile("&#(45|46|47);")
REPLACEMENT = "\ufffd"
# The same names and words stand on many pages.
_LONG = 200


def text(value: object) -> str:
    """The words in which a value is shown: missing is empty, 是/否, ISO dates, lists joined by 、."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, int | dt.date):
        return str(value)
    if isinstance(value, float):
        return format(value, ".15g")
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Iterable):
        return "、".join(text(item) for item in value)
    return str(value)


def is_number(value: object) -> TypeGuard[int | float | Decimal]:
    """Tell whether a value is a figure; True is none."""
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def markup(html: str) -> Markup:
    """HTML whose values are escaped already; not `Markup(html)`, which asks each text first what it is."""
    return str.__new__(Markup, html)


NEW_LINE = markup("\n")


def escape(value: object) -> Markup:
    """A value as text that shows as typed in HTML, in attributes, in Markdown and in Jinja source.

    Markup passes as it is. Not for Markdown code spans, which show references as such: use `<code>`.
    """
    if isinstance(value, Markup):
        return value
    words = value if isinstance(value, str) else text(value)
    return _known(words) if len(words) <= _LONG else _escaped(words)


def _reference(match: re.Match[str]) -> str:
    return REPLACEMENT if match["forbidden"] else f"&#{ord(match[0])};"


def _escaped(words: str) -> Markup:
    return markup(_SPECIAL.sub(_reference, words))


_known = lru_cache(maxsize=1 << 16)(_escaped)


@lru_cache(maxsize=1 << 14)
def address(url: str) -> Markup:
    """An address as the value of an attribute: percent-encoded where it is not plain, no scheme that runs."""
    if (scheme := _SCHEME.match(url)) and scheme[1].lower() not in _SCHEMES:
        return markup("#")
    return markup(quote(url, safe="/:?#=&%~+,;", errors="replace").replace("&", "&amp;"))


def location(path: object) -> Markup:
    """The way to another page as the value of an attribute: escaped, but readable, since a path acts nowhere in there."""
    return markup(_PATH.sub(lambda found: chr(int(found[1])), escape(path)))


def attribute(name: str, value: object) -> str:
    """` name="value"`, escaped; nothing when the value is None, False or empty; the bare name when it is True."""
    if value is None or value is False or value == "":
        return ""
    shown = location(value) if name in ("href", "src") else escape(value)
    return f" {name}" if value is True else f' {name}="{shown}"'


def tag(name: str, *inner: object, class_: object = None, style: str = "", **attributes: object) -> Markup:
    """An element; what is in it and in its attributes is escaped, class and style hold the engine's own words.

    Without anything in it, not even an empty text, it is written as one closed tag, as SVG has them.
    """
    shown = f' class="{class_}"' if class_ else ""
    if style:
        shown += f' style="{style}"'
    for key, value in attributes.items():
        shown += attribute(key.replace("_", "-"), value)
    if not inner:
        return markup(f"<{name}{shown}/>")
    return markup(f"<{name}{shown}>{''.join(map(escape, inner))}</{name}>")


def lines(*parts: object) -> Markup:
    """Parts one below the other, empty ones left out: no blank line, which would end an HTML block of Markdown."""
    return markup("\n".join(word for part in parts if (word := escape(part))))


def front_matter(meta: Mapping[str, object]) -> str:
    """The YAML head of a Markdown page. Texts are escaped: themes print them into HTML as they are."""
    import yaml

    def safe(value: object) -> object:
        if isinstance(value, str):
            return str(escape(value))
        if isinstance(value, dict):
            return {key: safe(item) for key, item in value.items()}
        return [safe(item) for item in value] if isinstance(value, (list, tuple)) else value

    body = yaml.safe_dump(safe(meta), allow_unicode=True, sort_keys=False, width=10_000)
    return f"---\n{body}---\n\n"


# Filters. Each takes what a column can hold (a date, text such as `1975-03`, a number, nothing) and gives text.


def _parts(value: object) -> list[str]:
    """Split a full or partial date into year, month, day as far as they are known; what is no date has none."""
    if isinstance(value, dt.date):
        value = value.isoformat()[:10]
    found = _PARTIAL_DATE.fullmatch(value.strip()) if isinstance(value, str) else None
    return [part for part in found.groups() if part] if found else []


def _other(value: object) -> str:
    return "" if value is None else str(value)


def dots(value: object) -> str:
    """Write year and month as forms do: `1975.03`. What is no date stays as it is."""
    return ".".join(_parts(value)[:2]) or _other(value)


def full_dots(value: object) -> str:
    """Write a date with all that is known of it: `1975.03.15`, `1975.03`."""
    return ".".join(_parts(value)) or _other(value)


def chinese_date(value: object) -> str:
    """Write a date in words without leading zeros: `2026年11月20日`, `1975年3月`."""
    return date_words(_parts(value)) or _other(value)


def decimals(value: object) -> int:
    """Count the digits after the point with which a figure is written: none for 30, one for 30.5 and DECIMAL 30.0."""
    return len(text(value).partition(".")[2]) if is_number(value) else 0


def figure(value: object, digits: int | None = None) -> str:
    """Write a figure: with so many decimals, else with its own; thousands apart from five digits on (GB/T 15835)."""
    if not is_number(value) or not math.isfinite(value):
        return text(value)
    shown = Decimal(text(value))
    if digits is not None:
        shown = shown.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
    return f"{shown:,f}" if abs(shown) >= 10_000 else f"{shown:f}"


def percent(part: object, whole: object, digits: int = 1) -> str:
    """Write a share, rounded half up: `percent(38, 44)` is `86.4%`; empty when there is nothing to share."""
    if part is None or whole is None or not Decimal(str(whole)):
        return ""
    share = Decimal(str(part)) * 100 / Decimal(str(whole))
    return f"{share.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)}%"


def years_between(start: object, end: object) -> int | None:
    """Count full years from a date to another; of a partial date the first day counts. None when unknown."""
    first, last = _parts(start), _parts(end)
    if not first or not last:
        return None
    begun, ended = ([*map(int, parts), 1, 1][:3] for parts in (first, last))
    return ended[0] - begun[0] - (ended[1:] < begun[1:])


# `~` writes 100.0; joined to other words a figure should look as it does alone: `figure`.
FILTERS: dict[str, Callable[..., object]] = {
    f.__name__: f for f in (dots, full_dots, chinese_date, figure, percent, years_between)
}
