"""The site's settings: mkdocs.yml read without running anything, vetted, and derived for one edition.

What a stranger's branch may set is a list of harmless keys; every other key is refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, TypeAlias

import yaml
from markdown.extensions.toc import slugify_unicode

from lingtouyan.problems import Problem, RecordsError, UsageError, quoted
from lingtouyan.reading.source import Source

CONFIG = "mkdocs.yml"
# Written by every build: what the pages say of it.
FACTS = "assets/build.js"
# The engine's part of the theme; the city's own stands above it.
THEME = Path(__file__).with_name("theme")
LARGEST_CONFIG = 1 << 20

Settings: TypeAlias = dict[str, Any]


class _Kind(NamedTuple):
    """What a value may be: whether one is, and in words."""

    fits: Callable[[Any], object]
    words: str


def _inside(value: object) -> bool:
    """Tell whether a value is a path inside the tree."""
    plain = isinstance(value, str) and re.match(r"[^\s/\\:][^\x00-\x1f\\:]*\Z", value)
    return bool(plain) and ".." not in PurePosixPath(str(value)).parts


_ANY = _Kind(lambda _: True, "")
_TEXT = _Kind(lambda value: isinstance(value, str | None), "应是一段文字")
_PLAIN = _Kind(lambda value: isinstance(value, str | int | float), "只能是文字、数字或 true/false")
_URL = _Kind(
    lambda value: value is None or re.fullmatch(r"(https?://[^\s<>\"']*)?", str(value)),
    "应以 https:// 或 http:// 开头，不含空格和引号",
)
_PATH = _Kind(_inside, "应是记录库内的相对路径，不能是网址或上级文件夹")
_PAGE = _Kind(lambda value: _inside(value) and value.endswith(".md"), "应是记录库内以 .md 结尾的页面")
_ELSEWHERE = _Kind(lambda _: False, "会让网页连接外部网站或改动网址，请删去")
# They read no file, fetch nothing and leave ordinary text as it was typed.
_EXTENSIONS = (
    *("abbr", "admonition", "attr_list", "def_list", "fenced_code", "footnotes", "md_in_html", "sane_lists"),
    *("tables", "toc", "pymdownx.details", "pymdownx.superfences", "pymdownx.tasklist"),
)
# What may be set: a key with the kind of its value, `*` for any other key, a list of one kind.
_KEYS: Settings = {
    **dict.fromkeys(
        ("site_name", "site_description", "site_author", "copyright", "docs_dir", "site_dir"), _TEXT
    ),
    "site_url": _URL,
    "use_directory_urls": _Kind(lambda value: value is True, "应删去或写成 true：本工具的网址都是目录形式"),
    "theme": {
        "name": _Kind("material".__eq__, "只能是 material"),
        # A font named here is fetched from a font service by every reader.
        "font": _Kind(lambda value: value is False, "应写成 false：字体会从外部网站下载"),
        **dict.fromkeys(("custom_dir", "favicon", "logo"), _PATH),
        **dict.fromkeys(("features", "icon", "language", "palette", "variant"), _ANY),
    },
    # Plugins run programs.
    "plugins": {"search": {"separator": _Kind(lambda value: isinstance(value, str), "应是一段文字")}},
    "markdown_extensions": {name: {"*": _PLAIN} for name in _EXTENSIONS},
    # Each of these makes the theme load or call something outside the site.
    "extra": {
        "*": _ANY,
        **dict.fromkeys(("analytics", "social", "polyfills", "consent"), _ELSEWHERE),
        **dict.fromkeys(("version", "alternate", "scope", "homepage"), _ELSEWHERE),
    },
    "extra_css": [_PATH],
    "extra_javascript": [_PATH],
    "nav": [_ANY],
}
_DEFAULTS: Settings = {
    "theme": {},
    "plugins": ["search"],
    "markdown_extensions": [],
    "extra": {},
    "use_directory_urls": True,
}
# Chinese words are parted in the language of any theme.
_SEPARATOR = "[\\s\\u200b\\u3000\\-、。，．？！；]+"
# What the theme puts into pages as it is.
_SHOWN_TEXTS = ("site_name", "site_url", "site_description", "site_author")


class SiteError(UsageError):
    """The site cannot be built as it is set up; the text says which file, which key, and what to do."""


class _RefusedError(Exception):
    """A setting that cannot be used.

    Attributes:
        word: what stands in its line.
    """

    def __init__(self, key: str, remedy: str, word: str = "") -> None:
        super().__init__(f"的 {quoted(key, 120)} 不能使用：{remedy}。请修改后重试。")
        self.word = word or key.rpartition(".")[2]


@dataclass(frozen=True)
class SiteConfig:
    """A vetted mkdocs.yml.

    Attributes:
        settings: the file's content, only keys that are known to be harmless.
        theme: folder of overrides, styles and scripts inside the project, or empty.
    """

    settings: Settings
    theme: str

    @property
    def url(self) -> str:
        """Where the site will stand (`https://…/`), or empty when that is not known."""
        url = str(self.settings.get("site_url") or "")
        return url if not url or url.endswith("/") else url + "/"

    def derive(self, pages: Mapping[str, str], extra: Mapping[str, object]) -> Settings:
        """The settings for one edition, without the places of tree, site and theme.

        Args:
            pages: path in the Markdown tree -> title. Entries of the navigation without a page are left out.
            extra: what the theme's templates see besides.
        """
        settings = {key: value for key, value in self.settings.items() if key not in ("docs_dir", "site_dir")}
        settings |= {key: escape(settings[key]) for key in _SHOWN_TEXTS if settings.get(key)}
        settings["extra"] = {**settings["extra"], **extra, "polyfills": ["assets/offline.js"]}
        for key, own in (
            ("extra_css", ["search.css", "grid.css"]),
            ("extra_javascript", ["build.js", "search.js", "grids.js"]),
        ):
            # The city's own come last.
            names = [*(f"assets/{name}" for name in own), *settings.get(key, [])]
            settings[key] = list(dict.fromkeys(names))
        if nav := _pruned(settings.pop("nav", []), pages):
            settings["nav"] = nav
        return settings


def read_config(source: Source, pages: Collection[str] | None = None) -> SiteConfig:
    """Read and vet mkdocs.yml and the theme folder that it names.

    Args:
        pages: the written pages of all editions, by path in the Markdown tree; a navigation to others is refused.

    Raises:
        SiteError: mkdocs.yml is missing or sets something that is not allowed.
        RecordsError: the theme holds links or other things that are no plain files.
    """
    text, given = _parsed(source)
    settings = {**_DEFAULTS, **given}
    try:
        if isinstance(settings["theme"], str):
            settings["theme"] = {"name": settings["theme"]}
        for key in ("plugins", "markdown_extensions"):
            settings[key] = _named(key, settings[key])
        _check("", settings, _KEYS)
        if not settings.get("site_name"):
            raise SiteError(f"{CONFIG} 缺少 site_name。请写上网站名称。")
        settings["theme"] |= {"name": "material", "font": False}
        for options in settings["plugins"].values():
            options.setdefault("separator", _SEPARATOR)
        if (toc := settings["markdown_extensions"].get("toc")) is not None:
            # Anchors are the headings' own words: numbers would shift with every new section.
            toc.setdefault("slugify", slugify_unicode)
        for key in ("plugins", "markdown_extensions"):
            settings[key] = [{name: options} for name, options in settings[key].items()]
        folder = settings["theme"].get("custom_dir", "")
        listing = source.files([folder] if folder else [])
        if listing.problems:
            raise RecordsError(listing.problems)
        if folder and not listing.files:
            raise _RefusedError("theme.custom_dir", f"文件夹 {folder} 不存在")
        there = {FACTS, *(name[len(folder) + 1 :] for name in listing.files)}
        named = [(f"theme.{key}", settings["theme"].get(key)) for key in ("favicon", "logo")]
        named += [(key, path) for key in ("extra_css", "extra_javascript") for path in settings.get(key, [])]
        for key, path in named:
            if path and path not in there and not (THEME / path).is_file():
                raise _RefusedError(key, f"主题文件夹里没有文件 {quoted(path)}", path)
        for path in _linked(settings.get("nav", [])):
            _check("nav", path, _PAGE)
            if pages is not None and path not in pages:
                raise _RefusedError("nav", f"site/pages 里没有页面 {quoted(path)}", path)
    except _RefusedError as fault:
        line = next((n for n, words in enumerate(text.split("\n"), 1) if fault.word in words), 1)
        raise SiteError(f"{CONFIG} 第{line}行{fault}") from None
    return SiteConfig(settings, folder)


def _parsed(source: Source) -> tuple[str, Settings]:
    data = source.read(CONFIG, LARGEST_CONFIG)
    if isinstance(data, Problem):
        reason = data.message if source.exists(CONFIG) else f"没有找到。请在记录库的根目录放一份 {CONFIG}。"
        raise SiteError(f"{CONFIG}：{reason}")
    try:
        text = data.decode("utf-8-sig")
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.CSafeLoader)):
            raise SiteError(f"{CONFIG} 里用了 YAML 的引用（*名称）。请把内容直接写出来。")
        settings = yaml.load(text, Loader=yaml.CSafeLoader)
    except UnicodeDecodeError:
        raise SiteError(f"{CONFIG} 不是 UTF-8 编码。请另存为 UTF-8 后重试。") from None
    except yaml.MarkedYAMLError as fault:
        line = fault.problem_mark.line + 1 if fault.problem_mark else 0
        reason = "的 YAML 写法有误。请检查缩进、冒号和引号。"
        if isinstance(fault, yaml.constructor.ConstructorError):
            reason = "用了 YAML 标签（如 !!python、!ENV），可能运行程序或读取环境变量，不能使用。请改成普通的文字或列表。"
        raise SiteError(f"{CONFIG} 第{line}行{reason}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as fault:
        raise SiteError(
            f"{CONFIG} 里有不能显示的字符、不成立的日期、过长的数字或过深的层次（{quoted(fault, 120)}）。"
            "请改正，文字请加引号。"
        ) from None
    if not isinstance(settings, dict):
        raise SiteError(f"{CONFIG} 应是“项: 值”的形式。请参照 README 中的示例。")
    return text, settings


def _check(key: str, value: Any, kind: Any) -> None:
    """Refuse a value that is not of its kind, and say which part of it."""
    if isinstance(kind, _Kind):
        if not kind.fits(value):
            raise _RefusedError(key, f"{quoted(value)} {kind.words}")
    elif isinstance(kind, list):
        if not isinstance(value, list):
            raise _RefusedError(key, "应是一个列表")
        for item in value:
            _check(key, item, kind[0])
    else:
        if not isinstance(value, dict):
            raise _RefusedError(key, "应是“项: 值”的形式")
        for name, part in value.items():
            inner = f"{key}.{name}" if key else str(name)
            if (known := kind.get(name, kind.get("*"))) is None:
                raise _RefusedError(inner, f"可用的项有 {'、'.join(sorted(kind))}")
            _check(inner, part, known)


def _named(key: str, value: Any) -> Settings:
    """Return name -> options of a list whose items are names or `name: options`."""
    if not isinstance(value, dict):
        _check(key, value, [_Kind(lambda item: isinstance(item, str | dict), "应是名称")])
        value = {
            k: v for item in value for k, v in (item.items() if isinstance(item, dict) else [(item, {})])
        }
    return {
        str(name): dict(options) if isinstance(options, dict) else options or {}
        for name, options in value.items()
    }


def _entry(item: Any) -> tuple[str, Any]:
    """Return the title of an entry of the navigation, or none, and its page or what is below it."""
    title, target = next(iter(item.items())) if isinstance(item, dict) and len(item) == 1 else ("", item)
    return str(title), target


def _linked(nav: list[Any]) -> Iterator[Any]:
    for _, target in map(_entry, nav):
        yield from _linked(target) if isinstance(target, list) else [target]


def _pruned(nav: list[Any], pages: Mapping[str, str]) -> list[Any]:
    """Return the entries that have a page, each with its title as the theme may show it."""
    kept: list[Any] = []
    for title, target in map(_entry, nav):
        if isinstance(target, list):
            if below := _pruned(target, pages):
                kept.append({escape(title): below})
        elif target in pages:
            shown = title or pages[target]
            kept.append({escape(shown): target} if shown else target)
    return kept
