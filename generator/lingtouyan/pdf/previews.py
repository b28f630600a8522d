"""A dossier as one HTML file to look at: style sheets and pictures inside, typefaces by name, nothing fetched.

It can be printed from a browser, but it is a preview: the dossier is the PDF, and every preview says so.
"""

from __future__ import annotations

import base64
import html
import mimetypes
import re
from collections.abc import Mapping, Sequence

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
# On a screen the page is what the body is, and its margins are drawn around it.
_SCREEN = """@media screen {
html { background: #ddd } body { position: relative; width: fit-content; max-width: 420mm; margin: 42mm auto 34mm;
background: #fff; box-shadow: 0 0 0 30mm #fff } .preview-note { position: absolute; bottom: -16mm } }
.preview-note { margin: 4mm 0 0; font: 9pt sans-serif; color: #666 }
"""


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
    sheets = [_families(), *(_sheet(files, name) for name in styles), _SCREEN]
    document = _FORWARDING.sub("", document)
    document = _SHEET.sub(lambda m: _linked(files, m[0]), document)
    document = _SOURCE.sub(lambda m: f"{m[1]}{m[2]}{_inside(files, html.unescape(m[3]))}{m[2]}", document)
    start = _HEAD.match(document)
    head = start[0] if start else "<!doctype html>\n"
    rest = document[len(start[0]) :] if start else document
    style = "".join(f"<style>\n{_quiet(s)}</style>\n" for s in sheets)
    note = f'<p class="preview-note">{html.escape(_note(mark))}</p>\n'
    body, end, tail = rest.rpartition("</body>")
    rest = body + note + end + tail if end else rest + note
    return head + _POLICY + style + rest


def _note(mark: Mark | None) -> str:
    if mark is None:
        return "网页预览，以 PDF 为准。"
    if mark.blank:
        return f"空白表，不是记录；网页预览，以 PDF 为准。模板 {mark.digest}"
    return f"网页预览，以 PDF 为准。{mark.words()}　摘要 {mark.digest}"


def _families() -> str:
    # By name, best first: whoever has the proper typefaces sees them.
    variables = ""
    for role in ROLES:
        names = ", ".join(f'"{name}"' for name in (*role.proper, *role.stand_ins))
        variables += f"--font-{role.name}: {names}, serif; "
    return f":root {{ {variables}}}\nhtml {{ font-family: var(--font-{ROLES[-1].name}) }}\n"


def _quiet(style: str) -> str:
    """Return a style sheet that cannot end its element."""
    return re.sub(r"</(?=style)", r"<\\/", style, flags=re.IGNORECASE)


def _sheet(files: Mapping[str, bytes], name: str) -> str:
    text = _IMPORT.sub("", files.get(name, b"").decode("utf-8", "replace"))
    return _URL.sub(lambda m: f'url("{_inside(files, m[2])}")', text)


def _linked(files: Mapping[str, bytes], link: str) -> str:
    found = _HREF.search(link)
    return f"<style>\n{_quiet(_sheet(files, html.unescape(found[2])))}</style>" if found else ""


def _inside(files: Mapping[str, bytes], address: str) -> str:
    """Return a picture's address as one that holds the picture; empty when it is none of the folder's."""
    if address.startswith("data:image/"):
        return html.escape(address)
    kind = mimetypes.guess_type(address)[0] or ""
    data = files.get(address, b"") if kind.startswith("image/") else b""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}" if data else ""
