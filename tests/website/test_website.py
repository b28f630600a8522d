"""The written pages: what is built, that it is the same every time, and that a part equals the whole."""

from __future__ import annotations

import gzip
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import jieba
import pytest
from small_site import (
    FRAMES,
    PROJECT,
    build_site,
    contents,
    make_job,
    people,
    roster,
    write_page,
)

from lingtouyan.website.frames import FrameSpec
from lingtouyan.website.mkdocs_process import MkDocs, warm_up
from lingtouyan.website.search import RecordEntry, plain_letters, write_record_index
from lingtouyan.website.site_config import SiteError
from lingtouyan.website.website import SiteJob, Website, build_written, write_sitemap

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def mkdocs() -> Iterator[MkDocs]:
    with MkDocs(PROJECT / "site" / "theme") as child:
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
    assert contents(job.out) == plain


def test_same_input_gives_same_bytes_anywhere(tmp_path: Path, mkdocs: MkDocs) -> None:
    one, other = (build_site(tmp_path / name, mkdocs) for name in ("a", "deeper/b"))
    assert contents(one.out) == contents(other.out)
    assert contents(one.tree) == contents(other.tree)


def test_only_the_facts_differ_between_commits(built: tuple[SiteJob, Website], mkdocs: MkDocs) -> None:
    job, website = built
    later = replace(job, out=job.out.with_name("later"), commit="fedcba", as_of="2026-11-21")
    again = build_written(later, (job.out, website.state), mkdocs)
    assert again.rebuilt == ()
    before, after = contents(job.out), contents(later.out)
    assert {name for name in before | after if before.get(name) != after.get(name)} == {"assets/build.js"}
    assert "fedcba" in after["assets/build.js"].decode()


def test_pages_and_folders_may_have_chinese_names(tmp_path: Path, mkdocs: MkDocs) -> None:
    job = make_job(tmp_path)
    write_page(job.tree, "办法/第 一.md", "办法", "内容。")
    settings = job.root / "mkdocs.yml"
    settings.write_text(settings.read_text("utf-8").replace("rules.md", "办法/第 一.md"), "utf-8")
    job = replace(job, frames=(FrameSpec("人 员", "人员", "办法/第 一/"), FrameSpec("根", "")))
    first = build_written(job, mkdocs=mkdocs)
    assert "办法/第 一/" in first.urls
    assert set(first.frames) == {"人 员", "根"}
    page = first.frames["人 员"].fill(title="甲", content="", url="人员/甲/").decode()
    assert 'href="https://example.invalid/goose/%E4%BA%BA%E5%91%98/%E7%94%B2/"' in page
    assert "7d1c" not in page
    assert 'class="md-nav__link md-nav__link--active"' in page
    write_page(job.tree, "办法/第 一.md", "办法", "改了。")
    part, whole = (replace(job, out=job.out.with_name(name)) for name in ("part", "whole"))
    assert build_written(part, (job.out, first.state), mkdocs).rebuilt == ("办法/第 一.md",)
    build_written(whole, mkdocs=mkdocs)
    assert contents(part.out) == contents(whole.out)


# --- building a part ------------------------------------------------------------------------------------


def _append(name: str, text: str) -> Callable[[SiteJob], None]:
    def change(job: SiteJob) -> None:
        path = job.tree / name
        path.write_text(path.read_text("utf-8") + text, "utf-8")

    return change


def _long_table(job: SiteJob) -> None:
    rows = people()
    rows[7]["name"] = "改名<i>"
    write_page(job.tree, "roster.md", "花名册", roster(rows))


def _title(job: SiteJob) -> None:
    write_page(job.tree, "outside.md", "改了标题", "没有导航的页面。")


def _settings(job: SiteJob) -> None:
    path = job.root / "mkdocs.yml"
    path.write_text(path.read_text("utf-8").replace("花名册", "名册"), "utf-8")


def _theme(job: SiteJob) -> None:
    path = job.root / "site" / "theme" / "assets" / "site.css"
    path.write_text(path.read_text("utf-8") + "/* */", "utf-8")


def _remove(job: SiteJob) -> None:
    (job.tree / "outside.md").unlink()


def _icon(job: SiteJob) -> None:
    write_page(job.tree, "people/index.md", "人员", "全部人员的名单。", icon="material/account")


CHANGES: dict[str, tuple[Callable[[SiteJob], None], set[str] | None]] = {
    "nothing": (lambda job: None, set()),
    "a paragraph": (_append("rules.md", "\n\n增加一段从未见过的内容。\n"), {"rules.md"}),
    "a heading": (_append("outside.md", "\n\n## 新的一节\n\n内容。\n"), {"outside.md"}),
    "a name in a long table": (_long_table, {"roster.md"}),
    "the home page": (_append("index.md", "\n\n又一段。\n"), {"index.md"}),
    "two pages": (
        lambda job: [_append(name, "\n\n补充。\n")(job) for name in ("rules.md", "towns/index.md")] and None,
        {"rules.md", "towns/index.md"},
    ),
    "a title": (_title, None),
    "an icon in the navigation": (_icon, None),
    "a page more": (lambda job: write_page(job.tree, "new.md", "新页", "内容。"), None),
    "a page less": (_remove, None),
    "the settings": (_settings, None),
    "the styles": (_theme, None),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_part_equals_the_whole(name: str, tmp_path: Path, mkdocs: MkDocs) -> None:
    change, expected = CHANGES[name]
    job = make_job(tmp_path)
    first = build_written(job, mkdocs=mkdocs)
    change(job)
    part = replace(job, out=job.out.with_name("part"))
    whole = replace(job, out=job.out.with_name("whole"))
    second = build_written(part, (job.out, first.state), mkdocs)
    third = build_written(whole, mkdocs=mkdocs)
    assert contents(part.out) == contents(whole.out)
    assert second.frames == third.frames
    assert set(second.urls) == set(third.urls)
    assert set(second.rebuilt) == (set(third.rebuilt) if expected is None else expected)


def test_parts_upon_parts_equal_the_whole(tmp_path: Path, mkdocs: MkDocs) -> None:
    job = make_job(tmp_path)
    website = build_written(job, mkdocs=mkdocs)
    for turn in range(3):
        _append("rules.md", f"\n\n第{turn}次补充说明。\n")(job)
        after = replace(job, out=job.out.with_name(f"turn{turn}"))
        website = build_written(after, (job.out, website.state), mkdocs)
        assert website.rebuilt == ("rules.md",)
        job = after
    idle = replace(job, out=job.out.with_name("idle"))
    assert build_written(idle, (job.out, website.state)).rebuilt == ()
    assert contents(idle.out) == contents(job.out)
    whole = replace(job, out=job.out.with_name("whole"))
    build_written(whole, mkdocs=mkdocs)
    assert contents(job.out) == contents(whole.out)


def test_a_title_taken_from_the_text_counts_as_a_title(tmp_path: Path, mkdocs: MkDocs) -> None:
    job = make_job(tmp_path)
    (job.tree / "outside.md").write_text("# 甲\n\n内容。\n", "utf-8")
    first = build_written(job, mkdocs=mkdocs)
    (job.tree / "outside.md").write_text("# 乙\n\n内容。\n", "utf-8")
    part, whole = (replace(job, out=job.out.with_name(name)) for name in ("part", "whole"))
    build_written(part, (job.out, first.state), mkdocs)
    build_written(whole, mkdocs=mkdocs)
    assert contents(part.out) == contents(whole.out)


def test_a_title_with_markup_stays_in_the_navigation_of_the_others(tmp_path: Path, mkdocs: MkDocs) -> None:
    job = make_job(tmp_path)
    settings = job.root / "mkdocs.yml"
    settings.write_text(
        settings.read_text("utf-8").replace("  - 办法: rules.md", "  - outside.md\n  - rules.md"), "utf-8"
    )
    (job.tree / "outside.md").write_text("# 甲 *乙* `丙`\n\n内容。\n", "utf-8")
    first = build_written(job, mkdocs=mkdocs)
    _append("rules.md", "\n\n补充。\n")(job)
    part, whole = (replace(job, out=job.out.with_name(name)) for name in ("part", "whole"))
    assert build_written(part, (job.out, first.state), mkdocs).rebuilt == ("rules.md",)
    build_written(whole, mkdocs=mkdocs)
    assert contents(part.out) == contents(whole.out)


@pytest.mark.parametrize("attack", ["altered", "removed", "linked"])
def test_a_site_that_is_not_what_was_built_is_not_taken_over(
    attack: str, tmp_path: Path, mkdocs: MkDocs
) -> None:
    job = make_job(tmp_path)
    first = build_written(job, mkdocs=mkdocs)
    expected = contents(job.out)
    page = job.out / "rules" / "index.html"
    secret = tmp_path / "secret"
    secret.write_bytes(page.read_bytes())
    page.unlink()
    if attack == "altered":
        page.write_text("<script>", "utf-8")
    elif attack == "linked":
        page.symlink_to(secret)
    after = replace(job, out=job.out.with_name("after"))
    website = build_written(after, (job.out, first.state), mkdocs)
    assert contents(after.out) == expected
    assert not (after.out / "rules" / "index.html").is_symlink()
    assert website.rebuilt


def test_the_earlier_site_stays_as_it_was(tmp_path: Path, mkdocs: MkDocs) -> None:
    job = make_job(tmp_path)
    first = build_written(job, mkdocs=mkdocs)
    before = contents(job.out)
    _append("rules.md", "\n\n补充。\n")(job)
    after = replace(job, out=job.out.with_name("after"))
    build_written(after, (job.out, first.state), mkdocs)
    write_sitemap(after, ["x/"])
    write_record_index(after.out, [])
    assert contents(job.out) == before


# --- what goes wrong is said ------------------------------------------------------------------------------


def test_a_link_to_no_page_is_named(tmp_path: Path, mkdocs: MkDocs) -> None:
    job = make_job(tmp_path)
    _append("rules.md", "\n\n见[没有的页](missing.md)。\n")(job)
    with pytest.raises(SiteError, match=r"rules\.md.*missing\.md.*不存在"):
        build_written(job, mkdocs=mkdocs)


def test_a_folder_with_files_is_not_built_into(tmp_path: Path) -> None:
    job = make_job(tmp_path)
    job.out.mkdir()
    (job.out / "kept").touch()
    with pytest.raises(SiteError, match="不是空的"):
        build_written(job)


def test_a_fault_in_the_theme_names_the_page(tmp_path: Path) -> None:
    job = make_job(tmp_path)
    main = job.root / "site" / "theme" / "main.html"
    main.write_text(main.read_text("utf-8") + "{% block content %}{{ missing.thing }}{% endblock %}", "utf-8")
    with pytest.raises(SiteError, match=r"主题模板有误.*missing"), warm_up(job.root) as child:
        build_written(job, mkdocs=child)


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
    path = job.root / "mkdocs.yml"
    path.write_text(
        path.read_text("utf-8").replace("  - search\n", "  - search: {separator: '[a-z]'}\n"), "utf-8"
    )
    with pytest.raises(SiteError, match="没有分词"):
        build_written(job)


def test_record_index_is_small_exact_and_stable(tmp_path: Path) -> None:
    entries = [
        RecordEntry("人员", "people/P1/", "单<b>", "青山镇", "Shàn xióng", codes=("P1",)),
        RecordEntry("地方", "towns/T1/", "吕家", pinyin="lǚ jiā"),
        RecordEntry("人员", "people/P2/", "无拼音"),
    ]
    write_record_index(tmp_path, entries)
    index = json.loads((tmp_path / "search" / "records.json").read_text("utf-8"))
    assert index == {
        "kinds": ["人员", "地方"],
        "rows": [
            [0, "people/P1/", "单<b>", "青山镇", "shanxiong\nsx\nP1"],
            [1, "towns/T1/", "吕家", "", "lvjia\nlj"],
            [0, "people/P2/", "无拼音", "", ""],
        ],
    }
    assert plain_letters("Ā-yī gǔ'lì") == "ayi guli"


# --- sitemap ----------------------------------------------------------------------------------------------


def test_sitemap_names_every_page_once_and_is_dated_by_the_job(tmp_path: Path) -> None:
    job = make_job(tmp_path)
    job.out.mkdir()
    write_sitemap(job, ["", "people/P1/", "people/P1/", "名&字/"])
    text = (job.out / "sitemap.xml").read_text("utf-8")
    assert text.count("<loc>") == 3
    assert "<loc>https://example.invalid/goose/</loc><lastmod>2025-10-09</lastmod>" in text
    assert "goose/%E5%90%8D%26%E5%AD%97/" in text
    packed = (job.out / "sitemap.xml.gz").read_bytes()
    assert gzip.decompress(packed).decode() == text
    assert int.from_bytes(packed[4:8], "little") == job.epoch


def test_without_an_address_the_sitemap_is_empty(tmp_path: Path) -> None:
    job = make_job(tmp_path)
    path = job.root / "mkdocs.yml"
    path.write_text(path.read_text("utf-8").replace("site_url: https://example.invalid/goose/", ""), "utf-8")
    job.out.mkdir()
    write_sitemap(job, ["people/P1/"])
    assert "<loc>" not in (job.out / "sitemap.xml").read_text("utf-8")
