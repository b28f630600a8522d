"""The code on a print leads to a page that says whether it is the present one; nobody is named in the address."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import zxingcpp
from browser import EXECUTABLE, browser
from edited import Edited
from PIL import Image
from trees import copy_of

from lingtouyan.cli import main
from lingtouyan.pdf import jobs

SITE = "https://host.example/dangjian/"
CARD = """---
title: "证明 {{ row.name }}"
each: rows
path: "{{ row.member_id }}"
queries:
  rows: "SELECT member_id, name, _file, _line FROM members WHERE member_id = 'M001'"
---
<!doctype html>
<html lang="zh"><head><title>{{ title }}</title></head><body><h1>{{ row.name }}</h1></body></html>
"""


@pytest.fixture
def house(tmp_path: Path) -> Edited:
    repository = Edited(copy_of("parliament", tmp_path / "house"))
    settings = repository.root / "mkdocs.yml"
    settings.write_text(f"site_url: {SITE}\n{settings.read_text('utf-8')}", "utf-8")
    folder = repository.root / "site/dossiers"
    folder.mkdir(parents=True)
    (folder / "card.html").write_text(CARD, "utf-8")
    slip = CARD.replace("each:", "on_demand: true\neach:", 1).replace('path: "', 'path: "slip/')
    (folder / "slip.html").write_text(slip, "utf-8")
    repository.commit("开始")
    return repository


def build(repository: Edited) -> str:
    """Build, and return what the code on the one print says."""
    assert main(["--root", str(repository.root), "build", "--edition", "internal"]) == 0
    print_ = repository.root / "build/internal/dossiers/card/M001.pdf"
    if not print_.exists():
        print_ = next((repository.root / "build/internal/dossiers").rglob("M001.pdf"))
    return code_on(print_, repository)


def code_on(print_: Path, repository: Edited) -> str:
    picture = repository.root.parent / "scan"
    subprocess.run(["pdftoppm", "-r", "200", "-gray", "-png", "-singlefile", print_, picture], check=True)
    with Image.open(picture.with_suffix(".png")) as scan:
        (code,) = zxingcpp.read_barcodes(scan)
    assert main(["--root", str(repository.root), "verify", str(print_)]) == 0
    return str(code.text)


def said(repository: Edited, code: str) -> str:
    path = urlsplit(code).path.removeprefix(urlsplit(SITE).path)
    file = repository.root / "build/internal/site" / path / "index.html"
    with browser() as page:
        page.open(f"{file.as_uri()}#{urlsplit(code).fragment}")
        assert page.complaints() == []
        return str(page.evaluate("document.getElementById('verdict').textContent"))


@pytest.mark.exhaustive
@pytest.mark.skipif(EXECUTABLE is None, reason="no Chromium")
def test_the_page_tells_the_present_print_from_one_that_was_replaced(house: Edited) -> None:
    first = build(house)
    assert re.fullmatch(rf"{SITE}print/[0-9a-f]{{16}}/#[0-9a-f]{{16}}", first)
    assert said(house, first) == "这份印本是现行的。"
    house.edit("records/members-north.csv", ("M001,", "M001,新"))
    house.commit("改名")
    second = build(house)
    assert second.partition("#")[0] == first.partition("#")[0]
    assert said(house, second) == "这份印本是现行的。"
    replaced = said(house, first)
    assert "不是现行的" in replaced
    assert second.partition("#")[2] in replaced
    assert re.search(r"\d{4}年\d+月\d+日起", replaced)


@pytest.mark.exhaustive
def test_a_print_of_the_internal_edition_leads_to_where_that_stands(house: Edited) -> None:
    house.edit(
        "datapackage.yaml",
        ("{as_of: 2026-01-31}", "{as_of: 2026-01-31, internal_url: 'https://inner.example/x'}"),
    )
    house.commit("内网")
    assert build(house).startswith("https://inner.example/x/print/")
    # What is printed only when asked for is told of, too.
    assert main(["--root", str(house.root), "dossiers", "slip", "--key", "M001"]) == 0
    place, _, digest = code_on(next((house.root / "build/prints").rglob("M001.pdf")), house).partition("#")
    page = house.root / "build/internal/site" / place.removeprefix("https://inner.example/x/") / "index.html"
    assert digest in page.read_text("utf-8")
    sitemap = (house.root / "build/internal/site/sitemap.xml").read_text("utf-8")
    assert "<loc>https://inner.example/x/members/" in sitemap
    assert SITE not in sitemap


def test_the_policy_of_the_page_admits_its_script() -> None:
    text = (Path(jobs.__file__).with_name("lookup.html")).read_text("utf-8")
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text
