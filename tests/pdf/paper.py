"""What stands where on printed pages, as a reader's own program tells it."""

from __future__ import annotations

import html
import re
import subprocess
from functools import cache
from pathlib import Path

MILLIMETRE = 72 / 25.4


def files_in(folder: Path) -> dict[str, bytes]:
    """Return what a template folder offers its dossiers: plain files, no links."""
    found = sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink())
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in found}


@cache
def _told(pdf: Path, _changed: int, *options: str) -> str:
    """What `pdftotext` says of a whole file: asked once, however many pages are looked at."""
    command = ["pdftotext", *options, pdf, "-"]
    return subprocess.run(command, check=True, capture_output=True, text=True, errors="replace").stdout


def number_of_pages(pdf: Path) -> int:
    """Return how many pages a PDF has."""
    return _told(pdf, pdf.stat().st_mtime_ns, "-raw").count("\f")


def words(pdf: Path, page: int = 0) -> str:
    """Return the text of a PDF or of one of its pages as a reader would copy it, without its spacing."""
    shown = _told(pdf, pdf.stat().st_mtime_ns, "-raw")
    return re.sub(r"\s", "", shown.split("\f")[page - 1] if page else shown)


def boxes(pdf: Path, number: int) -> list[tuple[float, float, float, float, str]]:
    """Return (left, top, right, bottom, word) of a page in millimetres."""
    shown = _told(pdf, pdf.stat().st_mtime_ns, "-bbox").split("<page ")[number]
    # Only the title, which comes first, can hold what the tool writes wrongly (a character outside the first plane).
    found = re.findall(r'xMin="(.*?)" yMin="(.*?)" xMax="(.*?)" yMax="(.*?)">(.*?)</word>', shown)
    return [(*(float(v) / MILLIMETRE for v in place), html.unescape(word)) for *place, word in found]
