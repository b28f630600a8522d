"""The written pages: what is built, and that it is the same every time."""

from __future__ import annotations

import gzip
import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import jieba
import pytest
from small_site import (
    ADDRESS,
    EPOCH,
    FRAMES,
    build_site,
    build_written,
    contents,
    make_job,
    write_page,
)

from lingtouyan.website.frames import FrameSpec
from lingtouyan.website.mkdocs import MkDocs
from lingtouyan.website.search import RecordEntry, plain_letters, write_readings, write_record_index
from lingtouyan.website.site_config import SiteError
from lingtouyan.website.website import SiteJob, Website, write_sitemap

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def mkdocs() -> Iterator[MkDocs]:
    with MkDocs() as child:
        yield child


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, mkdocs: MkDocs) -> tuple[SiteJob, Website]:
    job = make_job(tmp_path_factory.mktemp("built"))
    return job, build_written(job, mkdocs=mkdocs)


def test_pages_stand_where_their_links_say(built: tuple[SiteJob, Website]) -> None:
    job, website = built
    assert set(website.urls) == {"", "roster/", "people/", "towns/", "rules/", "outside/"}
    for url in website.urls:
        assert (job.out / url / "index.html").is_file()
    assert 'href="../roster/"' in (job.out / "rules" / "index.html").read_text("utf-8")


def test_the_page_for_wrong_addresses_knows_where_the_site_stands(built: tuple[SiteJob, Website]) -> None:
    html = (built[0].out / "404.html").read_text("utf-8")
    assert "没有这个页面" in html
    assert 'href="/goose/roster/"' in html
    assert not re.search(r'(?:src|href)="(?!/goose|#|https://example)', html)


def test_navigation_leaves_out_pages_that_the_edition_lacks(built: tuple[SiteJob, Website]) -> None:
    home = (built[0].out / "index.html").read_text("utf-8")
    assert "花名册" in home
    assert "只在内部版" not in home


def test_nothing_of_the_frames_stays_in_the_site(built: tuple[SiteJob, Website]) -> None:
    job, website = built
    assert set(website.frames) == {spec.name for spec in FRAMES}
    for name, data in contents(job.out).items():
        assert "7d1c" not in name
        assert b"7d1c" not in data, name


def _many_words() -> str:
    """Runs of text that put every part of the segmentation to work: known words, names, rare characters."""
    chance = random.Random(7)
    words = [
        line.split()[0] for line in Path(jieba.__file__).with_name("dict.txt").read_text("utf-8").splitlines()
    ]
    signs = [chr(number) for number in range(0x4E00, 0x9FA5)] + list("𠮷𬭎䶮")
    runs = ["".join(chance.choices(words, k=chance.randint(1, 6))) for _ in range(300)]
    runs += ["".join(chance.choices(signs, k=chance.randint(1, 8))) for _ in range(300)]
    return "。\n\n".join(runs)


def test_plain_mkdocs_builds_the_same_from_tree_and_settings(tmp_path: Path, mkdocs: MkDocs) -> None:
    job = make_job(tmp_path)
    write_page(job.tree, "words.md", "词语", _many_words())
    build_written(job, mkdocs=mkdocs)
    config = job.config_file.with_name("plain.yml")
    config.write_text(
        job.config_file.read_text("utf-8").replace("site_dir: site", "site_dir: plain"), "utf-8"
    )
    # The temporary folder is jieba's: it would leave a cache in everybody's.
    settings = {"SOURCE_DATE_EPOCH": "0", "NO_MKDOCS_2_WARNING": "1", "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "-f", str(config)]
    done = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    plain = {
        name: data
        for name, data in contents(job.out.with_name("plain")).items()
        if "frame-7d1c" not in name and not name.startswith("sitemap")
    }
    policy = re.compile(
        rb'<meta http-equiv="Content-Security-Policy" content="default-src[^"]*sha256-[^"]*">'
    )
    ours = {name: policy.sub(b"", data, count=1) for name, data in contents(job.out).items()}
    assert ours == plain


def test_same_input_gives_same_bytes_anywhere(tmp_path: Path, mkdocs: MkDocs) -> None:
    one, other = (build_site(tmp_path / name, mkdocs) for name in ("a", "deeper/b"))
    assert contents(one.out) == contents(other.out)
    assert contents(one.tree) == contents(other.tree)


def test_only_the_facts_differ_between_commits(built: tuple[SiteJob, Website], mkdocs: MkDocs) -> None:
    job, _ = built
    later = replace(job, out=job.out.with_name("later"), commit="fedcba", as_of="2026-11-21")
    build_written(later, mkdocs)
    before, after = contents(job.out), contents(later.out)
    assert {name for name in before | after if before.get(name) != after.get(name)} == {"assets/build.js"}
    assert "fedcba" in after["assets/build.js"].decode()


def test_pages_and_folders_may_have_chinese_names(tmp_path: Path, mkdocs: MkDocs) -> None:
    job = make_job(tmp_path)
    write_page(job.tree, "办法/第 一.md", "办法", "内容。")
    settings = job.source.root / "mkdocs.yml"
    settings.write_text(settings.read_text("utf-8").replace("rules.md", "办法/第 一.md"), "utf-8")
    job = replace(job, frames=(FrameSpec("人 员", "人员", "办法/第 一/"), FrameSpec("根", "")))
    first = build_written(job, mkdocs=mkdocs)
    assert "办法/第 一/" in first.urls
    assert set(first.frames) == {"人 员", "根"}
    page = first.frames["人 员"].fill(title="甲", content="", url="人员/甲/").decode()
    assert 'href="https://example.invalid/goose/%E4%BA%BA%E5%91%98/%E7%94%B2/"' in page
    assert "7d1c" not in page
    assert 'class="md-nav__link md-nav__link--active"' in page


def _append(name: str, text: str) -> Callable[[SiteJob], None]:
    def change(job: SiteJob) -> None:
        path = job.tree / name
        path.write_text(path.read_text("utf-8") + text, "utf-8")

    return change


# --- what goes wrong is said ------------------------------------------------------------------------------


def test_a_link_to_no_page_is_named(tmp_path: Path, mkdocs: MkDocs) -> None:
    job = make_job(tmp_path)
    _append("rules.md", "\n\n见[没有的页](missing.md)。\n")(job)
    with pytest.raises(SiteError, match=r"rules\.md.*missing\.md.*不存在"):
        build_written(job, mkdocs=mkdocs)


def test_a_fault_in_the_theme_names_the_page(tmp_path: Path) -> None:
    job = make_job(tmp_path)
    main = job.source.root / "site" / "theme" / "main.html"
    main.write_text(main.read_text("utf-8") + "{% block content %}{{ missing.thing }}{% endblock %}", "utf-8")
    with pytest.raises(SiteError, match=r"主题模板有误.*missing"):
        build_written(job)


# --- search -------------------------------------------------------------------------------------------------


def test_words_of_the_pages_are_in_the_index(built: tuple[SiteJob, Website]) -> None:
    index = json.loads((built[0].out / "search" / "search_index.json").read_text("utf-8"))
    texts = {entry["location"]: entry["text"].split("\u200b") for entry in index["docs"]}
    assert "工作日" in texts["rules/#c一"] or "工作日内" in texts["rules/#c一"]
    assert "备案" in texts["rules/#c一"]


def test_long_tables_of_records_are_left_to_the_exact_index(built: tuple[SiteJob, Website]) -> None:
    index = (built[0].out / "search" / "search_index.json").read_text("utf-8")
    assert json.dumps("人79")[1:-1] not in index
    assert "人79" in (built[0].out / "roster" / "index.html").read_text("utf-8")


def test_a_separator_that_hides_chinese_words_is_noticed(tmp_path: Path) -> None:
    job = make_job(tmp_path)
    path = job.source.root / "mkdocs.yml"
    path.write_text(
        path.read_text("utf-8").replace("  - search\n", "  - search: {separator: '[a-z]'}\n"), "utf-8"
    )
    with pytest.raises(SiteError, match="没有分词"):
        build_written(job)


def test_an_english_site_with_a_chinese_word_builds(tmp_path: Path, mkdocs: MkDocs) -> None:
    job = replace(make_job(tmp_path), frames=())
    for page in job.tree.rglob("*.md"):
        page.unlink()
    write_page(job.tree, "index.md", "Home", "Members of the 议会 meet.")
    settings = job.source.root / "mkdocs.yml"
    settings.write_text(settings.read_text("utf-8").replace("language: zh", "language: en"), "utf-8")
    build_written(job, mkdocs=mkdocs)
    assert "议会" in (job.out / "index.html").read_text("utf-8")


def test_record_index_is_small_exact_and_stable(tmp_path: Path) -> None:
    entries = [
        RecordEntry("人员", "people/P1/", "单<b>", "青山镇", "Shàn xióng", codes=("P1",)),
        RecordEntry("地方", "towns/T1/", "吕家", pinyin="lǚ jiā"),
        RecordEntry("人员", "people/P2/", "无拼音"),
    ]
    write_record_index(tmp_path, entries)

    def data(name: str) -> Any:
        script = (tmp_path / "search" / name).read_text("utf-8")
        return json.loads(script.partition(" = ")[2].removesuffix(";\n"))

    assert data("records.js") == {"kinds": [{"kind": "人员", "rows": 2}, {"kind": "地方", "rows": 1}]}
    people = data("records-0.js")
    assert (people["start"], people["end"], people["at"]) == ("people/P", "/", "1\t1")
    assert people["titles"] == "单<b>\n无拼音"
    assert people["besides"] == ["青山镇\n"]
    # Letters stand only where the characters do not tell them, a code only where the address does not end with it.
    assert people["keys"] == ["shanxiong\n", "sx\n"]
    assert data("records-1.js")["keys"] == []
    assert data("pinyin.js")["吕"] == ["lv"]
    assert plain_letters("Ā-yī gǔ'lì") == "ayi guli"


def test_addresses_that_count_on_stand_as_their_number(tmp_path: Path) -> None:
    long = "9" * 18
    urls = [
        f"people/{key}/" for key in ("P08", "P09", "P10", "P12", "P1", "P2", "Q", "", long, f"1{'0' * 18}")
    ]
    write_record_index(tmp_path, [RecordEntry("人员", url, "甲") for url in urls])
    script = (tmp_path / "search" / "records-0.js").read_text("utf-8")
    shard = json.loads(script.partition(" = ")[2].removesuffix(";\n"))
    assert shard["at"].split("\n") == ["P08\t2", "P12", "P1\t1", "Q", "", long, f"1{'0' * 18}"]


# --- sitemap ----------------------------------------------------------------------------------------------


def test_sitemap_names_every_page_once_and_is_dated_by_the_job(tmp_path: Path) -> None:
    write_sitemap(tmp_path, ADDRESS, ["", "people/P1/", "people/P1/", "名&字/"], EPOCH)
    text = (tmp_path / "sitemap.xml").read_text("utf-8")
    assert text.count("<loc>") == 3
    assert "<loc>https://example.invalid/goose/</loc><lastmod>2025-10-09</lastmod>" in text
    assert "goose/%E5%90%8D%26%E5%AD%97/" in text
    packed = (tmp_path / "sitemap.xml.gz").read_bytes()
    assert gzip.decompress(packed).decode() == text
    assert int.from_bytes(packed[4:8], "little") == EPOCH


def test_without_an_address_the_sitemap_is_empty(tmp_path: Path) -> None:
    write_sitemap(tmp_path, "", ["people/P1/"], EPOCH)
    assert "<loc>" not in (tmp_path / "sitemap.xml").read_text("utf-8")


def test_a_rare_form_is_read_as_the_plain_one_that_it_is_searched_by(tmp_path: Path) -> None:
    readings = write_readings(tmp_path, ["𠮷庄村"])
    assert readings["吉"] == ["ji"]
    assert "zhuang" in readings["庄"]
    script = (files("lingtouyan") / "website/theme/assets/pinyin.js").read_text("utf-8")
    plain = re.findall(r'": "(.)"', script)
    assert [sign for sign in plain if sign not in readings] == []
