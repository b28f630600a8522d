"""What a stranger's mkdocs.yml and folders may not do, and how the refusal reads."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import yaml
from small_site import PROJECT, make_job, make_project

from lingtouyan.problems import RecordsError
from lingtouyan.reading.source import WorkTree
from lingtouyan.website.site_config import SiteError, read_config
from lingtouyan.website.website import prepare

REFUSED = {
    "hooks": ("hooks: [evil.py]", "hooks"),
    "inherit": ("INHERIT: ../other.yml", "INHERIT"),
    "unknown key": ("watch: [.]", "watch"),
    "plugin": ("plugins: [search, macros]", "macros"),
    "plugin as mapping": ("plugins: {exec: {}}", "exec"),
    "own search settings": ("plugins: [{search: {jieba_dict: /etc/passwd}}]", "jieba_dict"),
    "snippets": ("markdown_extensions: [pymdownx.snippets]", "pymdownx.snippets"),
    "file access in a block": ("markdown_extensions: [{pymdownx.b64: {base_path: /etc}}]", "pymdownx.b64"),
    "emoji from a service": ("markdown_extensions: [pymdownx.emoji]", "pymdownx.emoji"),
    "changed text": ("markdown_extensions: [smarty]", "smarty"),
    "structured option": (
        "markdown_extensions: [{pymdownx.superfences: {custom_fences: [{name: x}]}}]",
        "custom_fences",
    ),
    "other theme": ("theme: {name: readthedocs}", "theme.name"),
    "font service": ("theme: {name: material, font: {text: Roboto}}", "theme.font"),
    "theme key": ("theme: {name: material, static_templates: [x.html]}", "static_templates"),
    "theme outside": ("theme: {name: material, custom_dir: ../theme}", "custom_dir"),
    "theme absolute": ("theme: {name: material, custom_dir: /etc}", "custom_dir"),
    "theme missing": ("theme: {name: material, custom_dir: nowhere}", "不存在"),
    "logo elsewhere": ("theme: {name: material, logo: 'https://e.invalid/x.png'}", "theme.logo"),
    "script elsewhere": ("extra_javascript: ['//e.invalid/x.js']", "extra_javascript"),
    "script behind a blank": ('extra_javascript: [" //e.invalid/x.js"]', "extra_javascript"),
    "script behind a tab": ('extra_javascript: ["\\t//e.invalid/x.js"]', "extra_javascript"),
    "no date": ("extra: {x: 2026-13-45}", "日期"),
    "a number without end": (f"extra: {{x: {'9' * 5000}}}", "数字"),
    "script as mapping": ("extra_javascript: [{path: x.js, type: module}]", "extra_javascript"),
    "style elsewhere": ("extra_css: ['https://e.invalid/x.css']", "extra_css"),
    "style outside": ("extra_css: ['../../x.css']", "extra_css"),
    "analytics": ("extra: {analytics: {provider: google, property: x}}", "extra.analytics"),
    "social": ("extra: {social: []}", "extra.social"),
    "repository widget": ("repo_url: https://github.com/x/y", "repo_url"),
    "page outside": ("nav: [{x: ../../secret.md}]", "nav"),
    "link in the navigation": ("nav: [{x: 'https://e.invalid/'}]", "nav"),
    "no page": ("nav: [{x: index.html}]", "nav"),
    "flat addresses": ("use_directory_urls: false", "use_directory_urls"),
    "no address": ("site_url: 'javascript:x'", "site_url"),
    "script that is not there": ("extra_javascript: [assets/nothing.js]", "第2行"),
    "style that is not there": ("copyright: x\nextra_css:\n  - assets/nothing.css", "第4行"),
    "logo that is not there": ("theme: {name: material, logo: nothing.svg}", "nothing.svg"),
    "environment": ("site_description: !ENV [HOME, x]", "!ENV"),
    "python": ("extra: !!python/object/apply:os.system [id]", "!!python"),
    "python name": ("extra: {x: !!python/name:os.system }", "!!python"),
    "alias": ("extra: {a: &a [x], b: *a}", "引用"),
    "no mapping": ("- x", "YAML"),
    "broken": ("extra: {", "YAML"),
    "text as list": ("copyright: [x]", "copyright"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_and_says_what(name: str, tmp_path: Path) -> None:
    text, told = REFUSED[name]
    (tmp_path / "mkdocs.yml").write_text(f"site_name: 网站\n{text}\n", "utf-8")
    with pytest.raises(SiteError) as refusal:
        read_config(WorkTree(tmp_path))
    assert told in str(refusal.value)
    assert "mkdocs.yml" in str(refusal.value)
    assert "请" in str(refusal.value)


def test_refuses_a_file_that_is_missing_empty_large_or_not_text(tmp_path: Path) -> None:
    path = tmp_path / "mkdocs.yml"
    with pytest.raises(SiteError, match="没有找到"):
        read_config(WorkTree(tmp_path))
    for data, told in (
        (b"", "项: 值"),
        (b"x" * (1 << 21), "超过上限"),
        ("site_name: 网站".encode("gb18030"), "UTF-8"),
    ):
        path.write_bytes(data)
        with pytest.raises(SiteError, match=told):
            read_config(WorkTree(tmp_path))
    path.write_text("nav: []", "utf-8")
    with pytest.raises(SiteError, match="site_name"):
        read_config(WorkTree(tmp_path))


def test_a_navigation_names_pages_that_some_edition_has(tmp_path: Path) -> None:
    source = WorkTree(make_project(tmp_path / "root"))
    pages = {"index.md", "roster.md", "people/index.md", "towns/index.md", "rules.md"}
    read_config(source, {*pages, "internal.md"})
    line = (
        source.root.joinpath("mkdocs.yml").read_text("utf-8").split("\n").index("  - 只在内部版: internal.md")
        + 1
    )
    with pytest.raises(SiteError, match=f"第{line}行.*internal.md"):
        read_config(source, pages)


def test_accepts_the_settings_of_this_project() -> None:
    config = read_config(WorkTree(PROJECT))
    assert config.theme == "site/theme"
    assert config.settings["theme"]["font"] is False


@pytest.mark.parametrize(
    "place", ["mkdocs.yml", "site", "site/theme", "site/theme/main.html", "site/theme/assets/x.css"]
)
def test_follows_no_link_to_settings_or_theme(place: str, tmp_path: Path) -> None:
    outside = make_project(tmp_path / "outside")
    root = make_project(tmp_path / "root")
    (outside / "site/theme/assets/x.css").touch()
    path = root / place
    if path.exists():
        path.rename(tmp_path / "moved")
    path.symlink_to(outside / place)
    with pytest.raises((SiteError, RecordsError), match="符号链接"):
        read_config(WorkTree(root))


@pytest.mark.parametrize(
    "kind, words", [("pipe", "特殊文件"), ("large", "超过上限"), ("many", "共超过"), ("name", "不是 UTF-8")]
)
def test_a_theme_holds_plain_files_of_some_size(kind: str, words: str, tmp_path: Path) -> None:
    root = make_project(tmp_path / "root")
    place = root / "site/theme/assets"
    if kind == "pipe":
        os.mkfifo(place / "x.js")
    if kind == "name":
        (place / os.fsdecode(b"\xff.js")).touch()
    for number in range({"large": 1, "many": 20}.get(kind, 0)):
        with (place / f"x{number}.js").open("wb") as file:
            file.truncate(2**40 if kind == "large" else 15 * 2**20)
    with pytest.raises(RecordsError, match=words):
        prepare(make_job(tmp_path))


def test_derived_settings_are_plain_yaml_with_relative_places(tmp_path: Path) -> None:
    job = make_job(tmp_path)
    prepare(job)
    text = job.config_file.read_text("utf-8")
    # How anchors are made is the one thing that MkDocs and Zensical take a function for, by its name.
    named = "!!python/name:markdown.extensions.toc.slugify_unicode"
    assert {*re.findall(r"![\w!/:.-]+", text)} <= {named}
    settings = yaml.safe_load(text.replace(named, ""))
    assert (settings["docs_dir"], settings["site_dir"]) == ("tree", "site")
    assert settings["theme"]["custom_dir"] == "theme"
    assert settings["extra"] == {
        "draft": False,
        "edition": "public",
        "edition_title": "公开版",
        "generator": False,
        "polyfills": ["assets/offline.js"],
    }
    assert settings["nav"][1] == {"队伍": [{"花名册": "roster.md"}, {"人员": "people/index.md"}]}


def test_a_section_without_pages_and_an_empty_navigation_are_left_out(tmp_path: Path) -> None:
    config = read_config(WorkTree(make_project(tmp_path / "root")))
    pages = dict.fromkeys(["index.md", "roster.md", "rules.md"], "")
    titles = [next(iter(item)) for item in config.derive(pages, {})["nav"]]
    assert titles == ["首页", "队伍", "办法"]
    assert "nav" not in config.derive({}, {})
