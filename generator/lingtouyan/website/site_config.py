"""The site's settings: mkdocs.yml read without running anything, vetted, and derived for one edition.

What a stranger's branch may set is a list of harmless keys; every other key is refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

import yaml

from lingtouyan.problems import Problem, RecordsError, UsageError, quoted
from lingtouyan.reading.source import Source

CONFIG = "mkdocs.yml"
# Written by every build: what the pages say of it.
FACTS = "assets/build.js"
# The engine's part of the theme; the city's own stands above it.
THEME = Path(__file__).with_name("theme")
LARGEST_CONFIG = 1 << 20

Settings: TypeAlias = dict[str, Any]

# Each of these makes the theme load or call something outside the site.
_EXTRA_REFUSED = {"analytics", "social", "polyfills", "consent", "version", "alternate", "scope", "homepage"}
# Markdown extensions that read no file, fetch nothing and leave ordinary text as it was typed.
_EXTENSIONS = {
    *("abbr", "admonition", "attr_list", "def_list", "fenced_code", "footnotes", "md_in_html"),
    *("sane_lists", "tables", "toc", "pymdownx.details", "pymdownx.superfences", "pymdownx.tasklist"),
}
_THEME = {
    *("custom_dir", "favicon", "features", "font", "icon", "language", "logo", "name", "palette", "variant"),
}
_SEPARATOR = "[\\s\\u200b\\u3000\\-、。，．？！；]+"
_DEFAULTS: Settings = {
    "theme": {},
    "plugins": ["search"],
    "markdown_extensions": [],
    "extra": {},
    "use_directory_urls": True,
}
# What the theme puts into pages as it is.
_SHOWN_TEXTS = ("site_name", "site_url", "site_description", "site_author")


class SiteError(UsageError):
    """The site cannot be built as it is set up; the text says which file, which key, and what to do."""


class _RefusedError(Exception):
    """A setting that cannot be used.

    Attributes:
        word: what stands in its line.
    """

    def __init__(self, key: object, remedy: str, word: object = "") -> None:
        super().__init__(f"的 {quoted(key, 120)} 不能使用：{remedy}。请修改后重试。")
        self.word = str(word or re.split(r"[.: ]+", str(key))[-1])


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
        for key, own in (("extra_css", ["search.css"]), ("extra_javascript", ["build.js", "search.js"])):
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
    text, settings = _parsed(source)
    try:
        for key, value in settings.items():
            if key not in _KEYS:
                raise _RefusedError(key, f"可用的项有 {'、'.join(sorted(_KEYS))}")
            settings[key] = _KEYS[key](key, value)
        if not settings.get("site_name"):
            raise SiteError(f"{CONFIG} 缺少 site_name。请写上网站名称。")
        for key, default in _DEFAULTS.items():
            settings.setdefault(key, _KEYS[key](key, default))
        folder = settings["theme"].get("custom_dir", "")
        listing = source.files([folder] if folder else [])
        if listing.problems:
            raise RecordsError(listing.problems)
        if folder and not listing.files:
            raise _RefusedError("theme.custom_dir", f"文件夹 {folder} 不存在")
        _check_files(settings, {name[len(folder) + 1 :] for name in listing.files})
        for path in _linked_pages(settings.get("nav", [])):
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


def _text(key: str, value: object) -> str | None:
    if not isinstance(value, str | None):
        raise _RefusedError(key, "应是一段文字")
    return value


def _url(key: str, value: object) -> str | None:
    if not re.match(r"https?://[^\s<>\"']*\Z", str(value or "https://")):
        raise _RefusedError(key, "应以 https:// 或 http:// 开头，不含空格和引号")
    return _text(key, value)


def _directories(key: str, value: object) -> bool:
    if value is not True:
        raise _RefusedError(key, "本工具的网址都是目录形式，请删去这一项或写成 true")
    return True


def _theme(_: str, value: object) -> Settings:
    theme = {"name": value} if isinstance(value, str) else value
    if not isinstance(theme, dict):
        raise _RefusedError("theme", "应是 name、language 等项")
    for key in theme:
        if key not in _THEME:
            raise _RefusedError(f"theme.{key}", f"可用的项有 {'、'.join(sorted(_THEME))}")
    if theme.get("name", "material") != "material":
        raise _RefusedError("theme.name", "只支持 material")
    # A font named here is fetched from a font service by every reader.
    if theme.get("font", False) is not False:
        raise _RefusedError("theme.font", "字体会从外部网站下载，应写成 false")
    for key in ("favicon", "logo", "custom_dir"):
        if key in theme:
            _local(f"theme.{key}", theme[key])
    return {**theme, "name": "material", "font": False}


def _plugins(key: str, value: object) -> list[Settings]:
    plugins: list[Settings] = []
    for name, options in _named(key, value):
        if name != "search":
            raise _RefusedError(f"plugins: {name}", "插件会运行程序，只能用 search")
        for option, chosen in options.items():
            if option != "separator" or not isinstance(chosen, str):
                raise _RefusedError(f"plugins: search: {option}", "search 只能设置 separator")
        # Chinese words are parted in the language of any theme.
        plugins.append({name: {"separator": _SEPARATOR, **options}})
    return plugins


def _extensions(key: str, value: object) -> list[Settings]:
    extensions: list[Settings] = []
    for name, options in _named(key, value):
        if name not in _EXTENSIONS:
            raise _RefusedError(f"{key}: {name}", f"它不在允许的扩展之内（{'、'.join(sorted(_EXTENSIONS))}）")
        for option, chosen in options.items():
            if not isinstance(chosen, (str, int, float, bool)):
                raise _RefusedError(f"{key}: {name}: {option}", "只能是文字、数字或 true/false")
        extensions.append({name: options})
    return extensions


def _extra(_: str, value: object) -> Settings:
    if not isinstance(value, dict):
        raise _RefusedError("extra", "应是“项: 值”的形式")
    for key in value:
        if key in _EXTRA_REFUSED:
            raise _RefusedError(f"extra.{key}", "它会让网页连接外部网站或改动网址")
    return value


def _local(key: str, value: object) -> str:
    """Return a path inside the tree, as it is written."""
    if (
        not isinstance(value, str)
        or not re.match(r"[^\s/\\:]", value)
        or re.search(r"[\x00-\x1f\\:]", value)
        or ".." in PurePosixPath(value).parts
    ):
        raise _RefusedError(key, f"{quoted(value)} 应是记录库内的相对路径，不能是网址或上级文件夹")
    return value


def _locals(key: str, value: object) -> list[str]:
    return [_local(key, path) for path in _list(key, value)]


def _nav(_: str, value: object) -> list[Any]:
    entries: list[Any] = []
    for item in _list("nav", value):
        title, target = (
            next(iter(item.items())) if isinstance(item, dict) and len(item) == 1 else (None, item)
        )
        if isinstance(target, list):
            entries.append({str(title): _nav("nav", target)})
            continue
        path = _local("nav", target)
        if not path.endswith(".md"):
            raise _RefusedError("nav", f"{quoted(path)} 应是以 .md 结尾的页面")
        entries.append(path if title is None else {str(title): path})
    return entries


def _linked_pages(nav: list[Any]) -> Iterator[str]:
    for item in nav:
        target = next(iter(item.values())) if isinstance(item, dict) else item
        yield from _linked_pages(target) if isinstance(target, list) else [target]


def _check_files(settings: Settings, there: Collection[str]) -> None:
    """Refuse files of the theme that are not there."""
    theme = settings["theme"]
    named = [(f"theme.{key}", theme[key]) for key in ("favicon", "logo") if key in theme]
    named += [(key, path) for key in ("extra_css", "extra_javascript") for path in settings.get(key, [])]
    for key, path in named:
        if path not in there and path != FACTS and not (THEME / path).is_file():
            raise _RefusedError(key, f"主题文件夹里没有文件 {quoted(path)}", path)


def _pruned(nav: list[Any], pages: Mapping[str, str]) -> list[Any]:
    """Return the entries that have a page, each with its title as the theme may show it."""
    kept: list[Any] = []
    for item in nav:
        title, target = next(iter(item.items())) if isinstance(item, dict) else ("", item)
        if isinstance(target, list):
            if below := _pruned(target, pages):
                kept.append({escape(title): below})
        elif target in pages:
            title = title or pages[target]
            kept.append({escape(title): target} if title else target)
    return kept


def _list(key: str, value: object) -> list[Any]:
    if not isinstance(value, list):
        raise _RefusedError(key, "应是一个列表")
    return value


def _named(key: str, value: object) -> Iterator[tuple[str, Settings]]:
    """Yield the entries of a list whose items are names or `name: options`."""
    items = [{k: v} for k, v in value.items()] if isinstance(value, dict) else _list(key, value)
    for item in items:
        if not isinstance(item, str) and not (isinstance(item, dict) and len(item) == 1):
            raise _RefusedError(key, f"{quoted(item)} 应是名称")
        name, options = (item, {}) if isinstance(item, str) else next(iter(item.items()))
        if not isinstance(options, dict | None):
            raise _RefusedError(f"{key}: {name}", "它的设置应是“项: 值”的形式")
        yield str(name), options or {}


# Key -> what checks its value and returns it.
_KEYS: dict[str, Callable[[str, object], Any]] = {
    **dict.fromkeys(
        ("site_name", "site_description", "site_author", "copyright", "docs_dir", "site_dir"), _text
    ),
    "site_url": _url,
    "use_directory_urls": _directories,
    "theme": _theme,
    "plugins": _plugins,
    "markdown_extensions": _extensions,
    "extra": _extra,
    "extra_css": _locals,
    "extra_javascript": _locals,
    "nav": _nav,
}
