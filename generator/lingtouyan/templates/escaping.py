"""Values that people typed, made to show as typed wherever a page puts them.

One escape serves HTML text, attributes, Markdown and Jinja, because a template author cannot be
expected to know which of them a value will pass through.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from urllib.parse import quote

from markupsafe import Markup
from markupsafe import escape as html_escape

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
_SCHEMES = ("http", "https", "mailto")
REPLACEMENT = "\ufffd"


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
    if isinstance(value, float):
        return format(value, ".15g")
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Iterable):
        return "、".join(text(item) for item in value)
    return str(value)


def _reference(match: re.Match[str]) -> str:
    return REPLACEMENT if match["forbidden"] else f"&#{ord(match[0])};"


def escape(value: object) -> Markup:
    """A value as text that shows as typed in HTML, in attributes, in Markdown and in Jinja source.

    Markup passes as it is. Not for Markdown code spans, which show references as such: use `code`.
    """
    if isinstance(value, Markup):
        return value
    words = text(value)
    return _known(words) if len(words) <= _LONG else _escaped(words)


def _escaped(words: str) -> Markup:
    # Not `Markup(words)`: it asks every text first whether it is markup already, once per cell of every page.
    return str.__new__(Markup, _SPECIAL.sub(_reference, words))


# The same names and words stand on many pages.
_LONG = 200
_known = lru_cache(maxsize=1 << 16)(_escaped)


def address(url: str) -> Markup:
    """An address as the value of an attribute: percent-encoded where it is not plain, no scheme that runs."""
    if (scheme := re.match(r"\s*([a-z][a-z0-9+.-]*):", url, re.IGNORECASE)) and scheme[
        1
    ].lower() not in _SCHEMES:
        return Markup("#")
    return Markup(quote(url, safe="/:?#=&%~+,;", errors="replace").replace("&", "&amp;"))  # noqa: S704 -- nothing active is left


def code(value: object) -> Markup:
    """A value in fixed-width type."""
    return Markup("<code>") + escape(value) + Markup("</code>")


def front_matter(meta: Mapping[str, object]) -> str:
    """The YAML head of a Markdown page. Texts are escaped: themes print them into HTML as they are."""
    import yaml

    def safe(value: object) -> object:
        if isinstance(value, str):
            return str(escape(value))
        if isinstance(value, dict):
            return {key: safe(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [safe(item) for item in value]
        return value

    body = yaml.safe_dump(safe(meta), allow_unicode=True, sort_keys=False, width=10_000)
    return f"---\n{body}---\n\n"


class Html(Markup):
    """Markup with a `format` in C: its standard one takes each template apart in Python, once per cell of every table.

    Arguments that are no markup and no number are escaped for plain HTML, as the standard one does.
    """

    __slots__ = ()

    def format(self, *args: object) -> Html:  # type: ignore[override]
        """Fill the slots in order."""
        shown = [a if isinstance(a, (Markup, int, float)) else html_escape(a) for a in args]
        return str.__new__(Html, str.format(self, *shown))
