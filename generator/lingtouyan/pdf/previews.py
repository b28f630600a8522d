"""A dossier as one HTML file to look at: style sheets and pictures inside, typefaces by name, nothing fetched.

It can be printed from a browser, but it is a preview: the dossier is the PDF, and every preview says so.
"""

from __future__ import annotations

import base64
import html
import mimetypes
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from lingtouyan.pdf.fonts import ROLES
from lingtouyan.pdf.footer import Mark

# A stranger's template may hold scripts and forwardings; whoever opens its preview runs and follows none.
_POLICY = (
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'\">\n"
)
_URL = re.compile(r"""url\(\s*(["']?)([^"')]*)\1\s*\)""")
_SOURCE = re.compile(
    r"""(<(?:img|image|object)\b[^>]*?\b(?:src|href|data)\s*=\s*)(["'])(.*?)\2""", re.I | re.S
)
_SHEET = re.compile(r"<link\b[^>]*\bstylesheet\b[^>]*>", re.IGNORECASE)
_HREF = re.compile(r"""\bhref\s*=\s*(["'])(.*?)\1""", re.IGNORECASE)
# The policy stands before any element that could hold a handler: what an attribute says before it, it does not bind.
_HEAD = re.compile(
    r"""\A\s*<!doctype html>\s*(?:<html(?:\s+lang=["']?[\w-]+["']?)?\s*>\s*)?(?:<head>\s*)?""", re.IGNORECASE
)
_FORWARDING = re.compile(r"<meta\b[^>]*\bhttp-equiv\b[^>]*>", re.IGNORECASE)
_IMPORT = re.compile(r"@(import|charset)\b[^;{}]*;", re.IGNORECASE)
_SCREEN = Path(__file__).with_name("preview.css").read_text("utf-8")


def self_contained(
    document: str, styles: Sequence[str], files: Mapping[str, bytes], mark: Mark | None
) -> str:
    """Return the preview of a dossier.

    Args:
        document: its HTML, as for printing.
        styles: names of its style sheets.
        files: the style sheets and pictures of the template folder by name; nothing else is put in.
        mark: which records it shows; None when they are unknown.
    """

    def picture(address: str) -> str:
        """Return a picture's address as one that holds the picture; empty when it is none of the folder's."""
        if address.startswith("data:image/"):
            return html.escape(address)
        kind = mimetypes.guess_type(address)[0] or ""
        data = files.get(address, b"") if kind.startswith("image/") else b""
        return f"data:{kind};base64,{base64.b64encode(data).decode()}" if data else ""

    def sheet(name: str) -> str:
        text = _IMPORT.sub("", files.get(name, b"").decode("utf-8", "replace"))
        return element(_URL.sub(lambda m: f'url("{picture(m[2])}")', text))

    def element(style: str) -> str:
        # Nothing in it may end it.
        return "<style>\n" + re.sub(r"</(?=style)", r"<\\/", style, flags=re.IGNORECASE) + "</style>\n"

    def linked(link: re.Match[str]) -> str:
        found = _HREF.search(link[0])
        return sheet(html.unescape(found[2])) if found else ""

    document = _SHEET.sub(linked, _FORWARDING.sub("", document))
    document = _SOURCE.sub(lambda m: f"{m[1]}{m[2]}{picture(html.unescape(m[3]))}{m[2]}", document)
    start = _HEAD.match(document)
    head, rest = (start[0], document[start.end() :]) if start else ("<!doctype html>\n", document)
    # By name, best first: whoever has the proper typefaces sees them.
    names = {r.name: ", ".join(f'"{name}"' for name in (*r.proper, *r.stand_ins)) for r in ROLES}
    variables = "".join(f"--font-{role}: {listed}, serif; " for role, listed in names.items())
    families = f":root {{ {variables}}}\nhtml {{ font-family: var(--font-{ROLES[-1].name}) }}\n"
    note = "网页预览，以 PDF 为准。"
    if mark is not None:
        shown = f"模板 {mark.digest}" if mark.blank else f"{mark.words()}　摘要 {mark.digest}"
        note = f"{'空白表，不是记录；' if mark.blank else ''}{note}{shown}"
    body, end, tail = rest.rpartition("</body>")
    body, tail = (body, end + tail) if end else (rest, "")
    style = element(families) + "".join(map(sheet, styles)) + element(_SCREEN)
    return f'{head}{_POLICY}{style}{body}<p class="preview-note">{html.escape(note)}</p>\n{tail}'
