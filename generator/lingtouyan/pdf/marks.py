"""The mark at the foot of every page: commit, short digest, page of pages, and a QR code of the first two.

Written by the print workers, so it imports nothing of the register; read back when a print is verified.
"""

from __future__ import annotations

import base64
import io
import re
from dataclasses import dataclass

from lingtouyan.pdf.sheets import Mark

# Printer's dots along one square of the code, and the side of the whole in inches: twelve millimetres.
_DOTS = 8
_SIDE = 12 / 25.4


def mark_style(mark: Mark) -> str:
    """Return the style sheet that puts a mark at the foot of every page.

    Margin boxes belong to the page, not to the text: a template needs to do nothing, and readers of the text are not
    told the mark on every page. The code stands in the corner and the words beside it, where form pages have room.
    """
    import segno

    code = segno.make(code_of(mark), error="m", micro=False, boost_error=False)
    drawing = io.BytesIO()
    # As a picture and not as lines: it is drawn on every page, and a picture is drawn by its name.
    code.save(drawing, kind="png", border=2, scale=_DOTS)
    image = f"data:image/png;base64,{base64.b64encode(drawing.getvalue()).decode()}"
    size = f"image-resolution: {code.symbol_size(_DOTS, 2)[0] / _SIDE:.6f}dpi"
    words = (
        f"空白表，不是记录\\A 模板 {mark.digest}　{_commit_words(mark)}\\A "
        if mark.blank
        else f"{_commit_words(mark)}\\A 摘要 {mark.digest}\\A "
    )
    boxes = {
        "bottom-left-corner": (
            f'url("{image}")',
            f"text-align: right; padding: 2mm 1.5mm 0 0; image-rendering: crisp-edges; {size}",
        ),
        "bottom-left": (
            f'"{words}" counter(page) "/" counter(pages)',
            "white-space: pre; font: 6.5pt/1.35 var(--font-heiti); letter-spacing: 0; text-align: left; padding: 3.4mm 0 0",
        ),
    }
    rules = "".join(
        f"@{name} {{ content: {content}; vertical-align: top; margin: 0; {look} }} "
        for name, (content, look) in boxes.items()
    )
    # No template's own style may cover or remove it, or count the pages otherwise.
    counting = "counter-reset: none; counter-set: none; counter-increment: page 1; "
    return (
        "@page { " + (counting + rules).replace("; ", " !important; ").replace(" }", " !important }") + "}\n"
    )


def code_of(mark: Mark) -> str:
    """Return what the QR code says."""
    kind = "blank:" if mark.blank else ""
    return f"lty1:{kind}{mark.commit or '-'}:{mark.digest}"


def _commit_words(mark: Mark) -> str:
    return f"提交 {mark.commit}" if mark.commit else "未提交"


_BLANK = re.compile(r"空\s*白\s*表，\s*不\s*是\s*记\s*录\s*模\s*板\s*([0-9a-f]{16})")
_MARK = re.compile(
    r"(?:提\s*交\s*([0-9a-f]{10})|(未\s*提\s*交))\s*摘\s*要\s*([0-9a-f]{16})\s*(\d{1,6})\s*/\s*(\d{1,6})"
)


@dataclass(frozen=True, slots=True)
class PageMark:
    """A mark as read from a page: commit (empty when not committed), digest, page and pages."""

    commit: str
    digest: str
    page: int
    pages: int


def marks_in(text: str) -> list[PageMark]:
    """Return every mark that a page's text holds; a record could contain what looks like one."""
    return [PageMark(m[1] or "", m[3], int(m[4]), int(m[5])) for m in _MARK.finditer(text)]


def blank_in(text: str) -> str:
    """Return the digest of the template whose blank form a page is; empty when it is none."""
    found = _BLANK.search(text)
    return found[1] if found else ""
