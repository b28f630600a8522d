"""What makes a print prove itself: its records as attached data, a digest over them, and a mark on every page.

The data are canonical JSON (RFC 8785), so that everyone who has the same records computes the same digest.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import io
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import rfc8785

SCHEMA = "lingtouyan-dossier/1"
ATTACHMENT = "记录.json"
DESCRIPTION = "本件所依据的记录"
_LARGEST = 2**53 - 1
# Printer's dots along one square of the code, and the side of the whole in inches: twelve millimetres.
_DOTS = 8
_SIDE = 12 / 25.4


@dataclass(frozen=True, slots=True)
class Mark:
    """What stands at the foot of every page: where the records are found, and what they must hash to.

    Attributes:
        commit: ten hexadecimal digits; empty when the records are not committed, None when the commit is not known.
        digest: sixteen hexadecimal digits.
        blank: it is a blank form's: the digest is that of its template, and there are no records.
        address: of the page that tells whether it is the present print; empty where no site is known.
    """

    commit: str | None
    digest: str
    blank: bool = False
    address: str = ""

    def words(self) -> str:
        """Return the commit as printed."""
        return f"提交 {self.commit}" if self.commit else "未提交" if self.commit == "" else "提交不详"

    def code(self) -> str:
        """Return what the QR code says."""
        if self.address:
            return f"{self.address}#{self.digest}"
        return f"lty1:{'blank:' if self.blank else ''}{self.commit or '-'}:{self.digest}"


def plain(value: Any) -> Any:
    """Return a value as JSON can say it: dates and what JSON has no word for become text."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return value if abs(value) <= _LARGEST else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value.hex() if isinstance(value, bytes) else str(value)


def canonical(value: Any) -> bytes:
    """Return the one form of a JSON value.

    Raises:
        ValueError: it has none (a lone surrogate, a number beyond double precision).
    """
    try:
        return bytes(rfc8785.dumps(value))
    except rfc8785.CanonicalizationError as fault:
        raise ValueError(str(fault)) from None


def digest_of(data: bytes) -> str:
    """Return the digest of canonical data, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def mark_of(commit: str | None, data: bytes, address: str = "") -> Mark:
    """Return what is printed on each page of a dossier with this data."""
    return Mark(commit and commit[:10], digest_of(data)[:16], address=address)


def lookup_path(edition: str, path: str) -> str:
    """Return where, below an edition's site, the page about a print stands: nobody is named in its address."""
    return f"print/{hashlib.sha256(f'{edition}/{path}'.encode()).hexdigest()[:16]}/"


def mark_style(mark: Mark) -> str:
    """Return the style sheet that puts a mark at the foot of every page.

    Margin boxes belong to the page, not to the text: a template needs to do nothing, and readers of the text are not
    told the mark on every page. The code stands in the corner and the words beside it, where form pages have room.
    """
    import segno

    code = segno.make(mark.code(), error="m", micro=False, boost_error=False)
    drawing = io.BytesIO()
    # As a picture and not as lines: it is drawn on every page, and a picture is drawn by its name.
    code.save(drawing, kind="png", border=2, scale=_DOTS)
    image = f"data:image/png;base64,{base64.b64encode(drawing.getvalue()).decode()}"
    size = f"image-resolution: {code.symbol_size(_DOTS, 2)[0] / _SIDE:.6f}dpi"
    words = (
        f"空白表，不是记录\\A 模板 {mark.digest}　{mark.words()}\\A "
        if mark.blank
        else f"{mark.words()}\\A 摘要 {mark.digest}\\A "
    )
    # No template's own style may cover or remove it, or count the pages otherwise.
    style = f"""counter-reset: none; counter-set: none; counter-increment: page 1;
@bottom-left-corner {{ content: url("{image}"); vertical-align: top; margin: 0; text-align: right;
padding: 2mm 1.5mm 0 0; image-rendering: crisp-edges; {size}; }}
@bottom-left {{ content: "{words}" counter(page) "/" counter(pages); vertical-align: top; margin: 0; white-space: pre;
font: 6.5pt/1.35 var(--font-heiti); letter-spacing: 0; text-align: left; padding: 3.4mm 0 0; }}"""
    style = style.replace("; ", " !important; ").replace(";\n", " !important;\n")
    return f"@page {{ {style} }}\n"


_BLANK = re.compile(r"空\s*白\s*表，\s*不\s*是\s*记\s*录\s*模\s*板\s*([0-9a-f]{16})")
_MARK = re.compile(
    r"(?:提\s*交\s*([0-9a-f]{10})|未\s*提\s*交|提\s*交\s*不\s*详)\s*摘\s*要\s*([0-9a-f]{16})\s*(\d{1,6})\s*/\s*(\d{1,6})"
)


class PageMark(NamedTuple):
    """A mark as read from a page: commit (empty when none is named), digest, page and pages."""

    commit: str
    digest: str
    page: int
    pages: int


def marks_in(text: str) -> list[PageMark]:
    """Return every mark that a page's text holds; a record could contain what looks like one."""
    return [PageMark(m[1] or "", m[2], int(m[3]), int(m[4])) for m in _MARK.finditer(text)]


def blank_in(text: str) -> str:
    """Return the digest of the template whose blank form a page is; empty when it is none."""
    found = _BLANK.search(text)
    return found[1] if found else ""
