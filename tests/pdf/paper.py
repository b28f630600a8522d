"""What stands where on printed pages, as a reader's own program tells it."""

from __future__ import annotations

import html
import re
import subprocess
from pathlib import Path

import pypdf

MILLIMETRE = 72 / 25.4


def files_in(folder: Path) -> dict[str, bytes]:
    """Return what a template folder offers its dossiers: plain files, no links."""
    found = sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink())
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in found}


def number_of_pages(pdf: Path) -> int:
    """Return how many pages a PDF has."""
    return len(pypdf.PdfReader(pdf).pages)


def words(pdf: Path, page: int = 0) -> str:
    """Return the text of a PDF or of one of its pages as a reader would copy it, without its spacing."""
    pages = ["-f", str(page), "-l", str(page)] if page else []
    shown = subprocess.run(
        ["pdftotext", "-raw", *pages, pdf, "-"], check=True, capture_output=True, text=True
    ).stdout
    return re.sub(r"\s", "", shown)


def boxes(pdf: Path, number: int) -> list[tuple[float, float, float, float, str]]:
    """Return (left, top, right, bottom, word) of a page in millimetres."""
    shown = subprocess.run(
        ["pdftotext", "-bbox", "-f", str(number), "-l", str(number), pdf, "-"],
        check=True,
        capture_output=True,
        text=True,
        errors="replace",
    ).stdout
    # Only the title, which comes first, can hold what the tool writes wrongly (a character outside the first plane).
    found = re.findall(r'xMin="(.*?)" yMin="(.*?)" xMax="(.*?)" yMax="(.*?)">(.*?)</word>', shown)
    return [(*(float(v) / MILLIMETRE for v in place), html.unescape(word)) for *place, word in found]
