"""Previews in HTML: one file with all it needs, that fetches, runs and follows nothing."""

from __future__ import annotations

import re

import proof_city
import pytest
from paper import files_in

from lingtouyan.pdf.footer import Mark
from lingtouyan.pdf.previews import self_contained

HOSTILE = """<!doctype html>
<html lang="zh-CN"><head><meta http-equiv="refresh" content="0;url=https://example.invalid/">
<link rel="stylesheet" href="more.css"><link rel="stylesheet" href="https://example.invalid/x.css">
<script>alert(1)</script></head><body onload="alert(2)">
<img src="seal.png"><img src='../secret.png'><img src="https://example.invalid/x.png"><img src="data:image/png;base64,AA==">
<p>src="seal.png"</p></body></html>"""


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "dossiers"
    made.mkdir()
    (tmp_path / "secret.png").write_bytes(b"secret")
    (made / "seal.png").write_bytes(b"\x89PNG")
    (made / "rule.svg").write_text("<svg/>")
    (made / "link.css").symlink_to(tmp_path / "secret.png")
    (made / "more.css").write_text('@import "x.css"; p { background: url("https://example.invalid/y.png") }')
    (made / "main.css").write_text(
        "@page { size: A4 } p { background: url(rule.svg) } i { background: url('../secret.png') } </style><script>x"
    )
    return made


def test_everything_is_inside_and_nothing_is_fetched(folder) -> None:
    made = self_contained(
        HOSTILE, ["main.css", "link.css", "../secret.png"], files_in(folder), Mark("a" * 10, "b" * 16)
    )
    assert "data:image/svg+xml;base64,PHN2Zy8+" in made
    assert '<img src="data:image/png;base64,iVBORw==">' in made
    assert "secret" not in made
    assert "example.invalid" not in made
    assert "http-equiv" in made
    assert "refresh" not in made
    # What the browser may do is said before anything of the template's.
    assert made.index("default-src 'none'") < made.index("<script>")
    assert made.count("</style>") == made.count("<style>")
    # Words that look like an address stay words; what makes the page on paper stays too.
    assert '<p>src="seal.png"</p>' in made
    assert "@page { size: A4 }" in made
    assert "提交 aaaaaaaaaa" in made
    assert "仿宋_GB2312" in made


@pytest.mark.slow
def test_a_preview_is_made_beside_the_prints(city, tmp_path) -> None:
    files = proof_city.prints(city[0], tmp_path / "out", "card", "--format", "html")
    assert list(files) == ["card/P1.html", "card/P2.html"]
    text = files["card/P1.html"].decode()
    assert "李示范" in text
    assert "@page { size: A5" in text
    assert "以 PDF 为准" in text
    assert not re.search(r"(src|href)=\"(?!data:|#)", text)
    blank = proof_city.prints(city[0], tmp_path / "blank", "list", "--blank", "--format", "html")
    assert "空白表，不是记录" in blank["blank/list.html"].decode()
