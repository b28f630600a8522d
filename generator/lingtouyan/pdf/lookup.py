"""The page that the code on a print leads to: whether the print is the present one, or another took its place.

The digest stands in the address after `#`, which no server is told; without script both digests are there to compare.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from pathlib import Path
from urllib.parse import urlsplit

import jinja2

from lingtouyan.pdf.footer import Mark
from lingtouyan.pdf.jobs import Commits
from lingtouyan.project import EDITION_TITLES


def lookup_page(title: str, mark: Mark, edition: str, commits: Commits) -> tuple[str, str]:
    """Return the page about a print whose mark bears an address: its file below the site's root, and its HTML."""
    day = commits.days.get(mark.commit or "")
    html = _template().render(title=title, mark=mark, day=day, edition=EDITION_TITLES[edition])
    return "/".join(urlsplit(mark.address).path.split("/")[-3:]) + "index.html", html


@functools.cache
def _template() -> jinja2.Template:
    text = Path(__file__).with_suffix(".html").read_text("utf-8")
    policy = "".join(
        f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"
        for script in re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    )
    made: jinja2.Template = jinja2.Template(text.replace("SCRIPT", policy, 1), autoescape=True)
    return made
