"""The site's settings: mkdocs.yml read without running anything, vetted, and derived for one edition.

What a stranger's branch may set is a list of harmless keys; every other key is refused by name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, TypeAlias

import yaml
from jsonschema import Draft202012Validator
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


# What may be set, as JSON Schema; a `description` there is what the user is told.
_SCHEMA: Settings = yaml.safe_load(Path(__file__).with_name("mkdocs-schema.yaml").read_text("utf-8"))
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


@dataclass(frozen=True)
class SiteConfig:
    """A vetted mkdocs.yml.

    Attributes:
        settings: the file's content, only keys that are known to be harmless.
        theme: folder of overrides, styles and scripts inside the project, or empty.
    """

    settings: Settings
    theme: str

    def derive(self, pages: Mapping[str, str], extra: Mapping[str, object]) -> Settings:
        """The settings for one edition, without the places of tree, site and theme.

        Args:
            pages: path in the Markdown tree -> title. Entries of the navigation without a page are left out.
            extra: what the theme's templates see besides.
        """
        settings = {key: value for key, value in self.settings.items() if key not in ("docs_dir", "site_dir")}
        settings |= {key: escape(settings[key]) for key in _SHOWN_TEXTS if settings.get(key)}
        settings["extra"] = {**settings["extra"], **extra, "polyfills": ["assets/offline.js"]}
        own = {"extra_css": "search.css grid.css", "extra_javascript": "build.js search.js grids.js"}
        for key, files in own.items():
            # The city's own come last.
            names = [*(f"assets/{name}" for name in files.split()), *settings.get(key, [])]
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

    def refusal(key: str, remedy: str, word: str = "") -> SiteError:
        word = word or key.rpartition(".")[2]
        line = next((n for n, words in enumerate(text.split("\n"), 1) if word in words), 1)
        return SiteError(f"{CONFIG} 第{line}行的 {quoted(key, 120)} 不能使用：{remedy}。请修改后重试。")

    def check(value: Any, schema: Settings, *key: str) -> None:
        for fault in Draft202012Validator(schema).iter_errors(value):
            place = [*key, *(part for part in fault.absolute_path if isinstance(part, str))]
            if fault.validator != "additionalProperties":
                raise refusal(".".join(place), f"{quoted(fault.instance)} {fault.schema['description']}")
            known = fault.schema["properties"]
            unknown = next(str(name) for name in fault.instance if name not in known)
            raise refusal(".".join([*place, unknown]), f"可用的项有 {'、'.join(sorted(known))}")

    if isinstance(settings["theme"], str):
        settings["theme"] = {"name": settings["theme"]}
    for key in ("plugins", "markdown_extensions"):
        settings[key] = _named(settings[key])
    if not settings.get("site_name"):
        raise SiteError(f"{CONFIG} 缺少 site_name。请写上网站名称。")
    check(settings, _SCHEMA)
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
        raise refusal("theme.custom_dir", f"文件夹 {folder} 不存在")
    there = {FACTS, *(name[len(folder) + 1 :] for name in listing.files)}
    named = [(f"theme.{key}", settings["theme"].get(key)) for key in ("favicon", "logo")]
    named += [(key, path) for key in ("extra_css", "extra_javascript") for path in settings.get(key, [])]
    for key, path in named:
        if path and path not in there and not (THEME / path).is_file():
            raise refusal(key, f"主题文件夹里没有文件 {quoted(path)}", path)
    for path in _linked(settings.get("nav", [])):
        check(path, _SCHEMA["$defs"]["page"], "nav")
        if pages is not None and path not in pages:
            raise refusal("nav", f"site/pages 里没有页面 {quoted(path)}", path)
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


def _named(value: Any) -> Any:
    """Return name -> options of a list whose items are names or `name: options`."""
    if isinstance(value, list):
        pairs = [item if isinstance(item, dict) else {str(item): {}} for item in value]
        value = {name: options for pair in pairs for name, options in pair.items()}
    return {k: v or {} for k, v in value.items()} if isinstance(value, dict) else value


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
