"""What comes out of a build fetches nothing from elsewhere and runs nothing that stands in a page, however it is written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from small_site import build_written, make_job, write_page

from lingtouyan.website.site_config import SiteError
from lingtouyan.website.vet import vet_page, vet_part, vet_style

REFUSED = [
    '<img src="//e.invalid/x.png">',
    '<img src=" /\t/e.invalid/x">',
    '<img src="/\n/e.invalid/x">',
    '<img src="\\\\e.invalid\\x">',
    '<img src="https:e.invalid">',
    '<img alt="a > b" src=//e.invalid>',
    '<img srcset="a.png 1x, //e.invalid/b.png 2x">',
    '<video poster="https://e.invalid/x">',
    '<body background="//e.invalid">',
    '<object data="data:text/html,x">',
    '<iframe srcdoc="&lt;img src=//e.invalid&gt;"></iframe>',
    '<svg><use href="//e.invalid/x.svg#a"/></svg>',
    '<svg><image xlink:href="//e.invalid/x.png"/></svg>',
    '<svg><set attributeName="href" to="javascript:x"/></svg>',
    "<svg><style><img src=//e.invalid></style></svg>",
    '<svg fill="url(//e.invalid/x)"></svg>',
    '<script src="https://e.invalid/x.js"></script>',
    "<script>x()</script>",
    "<script/>x",
    '<link rel="stylesheet" href="https://e.invalid/x.css">',
    '<link rel="prefetch" href="https://e.invalid/">',
    '<base href="x">',
    '<meta http-equiv="refresh" content="0; url=https://e.invalid">',
    '<form action="https://e.invalid"></form>',
    '<button formaction="//e.invalid">x</button>',
    '<a ping="//e.invalid" href="x">x</a>',
    "<p onclick='x()'>x</p>",
    "<img src=x onerror=y>",
    '<p class="x" CLASS="y" OnFocus=x>x</p>',
    "<a href=' java\nscript:alert(1)'>x</a>",
    "<a href='&#106;avascript:x'>x</a>",
    '<a href="data:text/html,x">x</a>',
    '<p style="background:url(//e.invalid/x)">x</p>',
    '<p style="background:u\\72l(//e.invalid/x)">x</p>',
    '<style>@import "//e.invalid/x.css";</style>',
    "<style>@font-face{font-family:x;src:url(https://e.invalid/x)}</style>",
    '<!-- -- ><a title="--><img src=//e.invalid>">x</a>',
    '<textarea><p title="</textarea><img src=//e.invalid>">',
    '<p title="<img src=//e.invalid>">x</p>',
    '<i title="<b class="x"><img src=//e.invalid>">x</i>',
    '<i title="<b class="x">"></i><img src=//e.invalid>',
    "<script>'<p class=\"x\">'</script>",
    '<!-- <p class="x"> --><img src=//e.invalid>',
    "<p",
    "<!-- x",
    '<p title="x',
]
ACCEPTED = [
    "<p>a &lt;img src=//e.invalid&gt; b</p>",
    '<p><a href="https://other.example/x?a=1&amp;b=2">x</a> <a href="mailto:a@b.c">x</a></p>',
    '<a href="../../people/P0001/#c1">x</a>',
    '<img src="data:image/png;base64,xx"><img src="../x.png" srcset="a.png 1x, b.png 2x">',
    '<link rel="canonical" href="https://example.invalid/"><link rel="stylesheet" href="../a.css">',
    '<span style="--share: 0.4; width: 3%">x</span>',
    '<svg viewBox="0 0 1 1" fill="url(#a)"><title>x</title><rect x="1" dx="2" y="2"/></svg>',
    "<details open><summary>x</summary><!-- y --></details>",
]


@pytest.mark.parametrize("html", REFUSED)
def test_refuses(html: str) -> None:
    assert vet_part(html)
    assert (
        not html.endswith(">")
        or vet_page(f"<html><head></head><body><article>{html}</article></body></html>")[1]
    )


@pytest.mark.parametrize("html", ACCEPTED)
def test_accepts(html: str) -> None:
    assert vet_part(html) == []
    assert vet_page(f"<html><head></head><body><article>{html}</article></body></html>")[1] == []


def test_a_large_table_is_read_where_it_stands() -> None:
    block = '<div class="data" data-search-exclude>\n<table><tr><td{}>x</td></tr></table>\n</div>'
    page = "<html><head></head><body><p title='{}'>\n{}\n</p></body></html>"
    assert vet_page(page.format("x", block.format("")))[1] == []
    assert vet_page(page.format("x", block.format(' onclick="x"')))[1]


@pytest.mark.parametrize(
    "css, faults",
    [
        ("a { background: url(../x.png) }", 0),
        ("a { background: url('data:image/svg+xml;base64,xx') }", 0),
        ('@namespace "http://www.w3.org/1999/xhtml"; a { content: "//e.invalid" }', 0),
        ('@import "x.css";', 0),
        ("@import '//e.invalid/x.css' screen;", 1),
        ("@IMPORT url(https://e.invalid/x.css);", 1),
        ("@media print { a { background: url( //e.invalid ) } }", 1),
        ("@font-face { font-family: x; src: local('x'), url(\"//e.invalid\") }", 1),
        ("a { background: image-set('//e.invalid' 1x) }", 1),
        ("a { background: \\75 rl(//e.invalid) }", 1),
    ],
)
def test_style_sheets(css: str, faults: int) -> None:
    assert len(vet_style(css)) == faults


def test_the_policy_allows_the_scripts_of_the_theme_and_no_other() -> None:
    page = "<html><head><title>x</title></head><body><script>a()</script><article>x</article></body></html>"
    html, faults = vet_page(page)
    assert not faults
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    assert policy is not None
    assert "script-src 'self' 'sha256-" in policy[1]
    assert "unsafe-inline" not in policy[1].split("style-src")[0]
    assert html.index(policy[0]) < html.index("<title>")


@pytest.mark.slow
def test_a_build_that_fetches_from_elsewhere_is_refused_and_says_where(tmp_path: Path) -> None:
    job = make_job(tmp_path)
    root = tmp_path / "root"
    with (root / "site/theme/assets/site.css").open("a", encoding="utf-8") as styles:
        styles.write('\n@font-face { font-family: x; src: url("//fonts.invalid/x.woff2") }\n')
    settings = root / "mkdocs.yml"
    text = settings.read_text("utf-8")
    settings.write_text(f"copyright: <img src='https://seen.invalid/x'>\n{text}", "utf-8")
    (root / "site/theme/partials/copyright.html").unlink()
    write_page(job.tree, "outside.md", "页", '<p onclick="x()">甲</p>')
    with pytest.raises(SiteError) as refusal:
        build_written(job)
    told = str(refusal.value)
    assert "assets/site.css" in told
    assert "fonts.invalid" in told
    assert "outside/index.html" in told
    assert "seen.invalid" in told
    assert "请" in told
    assert not (job.out / "index.html").exists()


@pytest.mark.slow
def test_the_name_of_the_site_is_shown_as_typed(tmp_path: Path) -> None:
    job = make_job(tmp_path)
    settings = tmp_path / "root" / "mkdocs.yml"
    text = settings.read_text("utf-8").replace("site_name: 领头雁", "site_name: 领<b>头</b>雁")
    settings.write_text(text, "utf-8")
    build_written(job)
    assert "领&lt;b&gt;头" in (job.out / "index.html").read_text("utf-8")
