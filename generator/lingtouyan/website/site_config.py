"""The site's settings: mkdocs.yml read without running anything, vetted, and derived for one edition.

What a stranger's branch may set is a list of harmless keys; every other key is refused by name.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeAlias

import yaml

from lingtouyan.problems import UsageError, quoted
from lingtouyan.reading.files import MAX_FOLDER, MAX_SHARED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

CONFIG = "mkdocs.yml"
LARGEST_CONFIG = 1 << 20

Settings: TypeAlias = dict[str, Any]

_TEXTS = {"site_name", "site_url", "site_description", "site_author", "copyright", "docs_dir", "site_dir"}
_KEYS = _TEXTS | {
    *("nav", "theme", "plugins", "markdown_extensions", "extra", "extra_css", "extra_javascript"),
    "use_directory_urls",
}
_THEME_KEYS = {
    *("name", "variant", "custom_dir", "language", "font", "favicon", "logo", "features", "palette", "icon"),
}
# Each of these makes the theme load or call something outside the site.
_EXTRA_REFUSED = {"analytics", "social", "polyfills", "consent", "version", "alternate", "scope", "homepage"}
# Markdown extensions that read no file, fetch nothing and leave ordinary text as it was typed.
_EXTENSIONS = {
    *("abbr", "admonition", "attr_list", "def_list", "fenced_code", "footnotes", "md_in_html"),
    *("sane_lists", "tables", "toc", "pymdownx.details", "pymdownx.superfences", "pymdownx.tasklist"),
}
_SEARCH_KEYS = {"separator"}
_SCALARS = (str, int, float, bool)
_OUTWARD = re.compile(r"^(?:[a-z][a-z0-9+.-]*:|//|/|\\)", re.IGNORECASE)


class SiteError(UsageError):
    """The site cannot be built as it is set up; the text says which file, which key, and what to do."""


@dataclass(frozen=True)
class SiteConfig:
    """A vetted mkdocs.yml.

    Attributes:
        settings: the file's content, only keys that are known to be harmless.
        theme: folder of overrides, styles and scripts inside the project, or None.
    """

    settings: Settings
    theme: Path | None

    @property
    def url(self) -> str:
        """Where the site will stand (`https://…/`), or empty when that is not known."""
        url = str(self.settings.get("site_url") or "")
        return url if not url or url.endswith("/") else url + "/"

    def derive(self, tree: Path, extra: Mapping[str, object]) -> Settings:
        """The settings for one edition, without the places of tree, site and theme.

        Entries of the navigation whose page the tree lacks are left out.
        """
        settings = {key: value for key, value in self.settings.items() if key not in ("docs_dir", "site_dir")}
        settings["extra"] = {**settings["extra"], **extra}
        if nav := _prune(settings.pop("nav", []), tree):
            settings["nav"] = nav
        return settings

    def place(self, settings: Settings, *, folder: Path, tree: Path, out: Path) -> str:
        """Derived settings as the text of a mkdocs.yml that stands in `folder`.

        Its paths are relative, so that equal trees in two places give equal files.
        """
        theme = dict(settings["theme"])
        if self.theme is not None:
            theme["custom_dir"] = _relative(self.theme, folder)
        placed = {
            **settings,
            "theme": theme,
            "docs_dir": _relative(tree, folder),
            "site_dir": _relative(out, folder),
        }
        text: str = yaml.dump(placed, Dumper=yaml.CSafeDumper, allow_unicode=True, width=120)
        return text


def read_config(root: Path) -> SiteConfig:
    """Read and vet `<root>/mkdocs.yml` and the theme folder that it names.

    Raises:
        SiteError: a file is missing, is a link, or sets something that is not allowed.
    """
    settings = _parse(root / CONFIG)
    for key, value in settings.items():
        if key not in _KEYS:
            raise _refused(key, f"可用的项有 {'、'.join(sorted(_KEYS))}")
        if key in _TEXTS and not isinstance(value, str | None):
            raise _refused(key, "应是一段文字")
    if settings.get("use_directory_urls", True) is not True:
        raise _refused("use_directory_urls", "本工具的网址都是目录形式，请删去这一项或写成 true")
    settings["use_directory_urls"] = True
    if not re.match(r"https?://", str(settings.get("site_url") or "https://")):
        raise _refused("site_url", "应以 https:// 或 http:// 开头")
    if not settings.get("site_name"):
        raise SiteError(f"{CONFIG} 缺少 site_name。请写上网站名称。")
    theme = _vet_theme(root, settings)
    settings["plugins"] = _vet_plugins(settings.get("plugins", ["search"]))
    settings["markdown_extensions"] = _vet_extensions(settings.get("markdown_extensions", []))
    settings["extra"] = _vet_extra(settings.get("extra", {}))
    for key in ("extra_css", "extra_javascript"):
        settings[key] = [_vet_local(key, path) for path in _list(key, settings.get(key, []))]
    if "nav" in settings:
        settings["nav"] = _vet_nav(settings["nav"])
    return SiteConfig(settings, theme)


def refuse_links(folder: Path, title: str, *, typed: bool = False) -> None:
    """Refuse a folder that holds anything but folders and plain files.

    A symbolic link could show a file from outside, a pipe would be waited for without end.

    Args:
        typed: people made the files: they are refused as well where they are larger than such files are.

    Raises:
        SiteError: there is one.
    """
    whole = 0
    for where, folders, files in os.walk(folder):
        for name in (*folders, *files):
            info = os.lstat(f"{where}/{name}")
            told = f"{title}里的 {quoted(Path(where, name).relative_to(folder))} "
            if not name.isprintable():
                raise SiteError(f"{title}里有文件的名字含无法显示或不是 UTF-8 的字符。请改名后重试。")
            if stat.S_ISLNK(info.st_mode):
                raise SiteError(f"{told}是符号链接。请换成文件本身，网站不会跟随链接。")
            if stat.S_ISDIR(info.st_mode):
                continue
            if not stat.S_ISREG(info.st_mode):
                raise SiteError(f"{told}是特殊文件（设备、管道等），网站不能使用。请删除后重试。")
            whole += info.st_size
            if typed and info.st_size > MAX_SHARED:
                raise SiteError(f"{told}超过 {MAX_SHARED >> 20} MB，网站不能使用。请删去或缩小后重试。")
            if typed and whole > MAX_FOLDER:
                raise SiteError(f"{title}共超过 {MAX_FOLDER >> 20} MB。请删去不用的文件后重试。")


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


def _refused(key: object, remedy: str) -> SiteError:
    return SiteError(f"{CONFIG} 里的 {quoted(key, 120)} 不能使用：{remedy}。请修改后重试。")


class _Loader(yaml.CSafeLoader):
    """Plain YAML: any tag (`!!python/…`, `!ENV`) is an error."""


def _parse(path: Path) -> Settings:
    if path.is_symlink() or not path.is_file():
        raise SiteError(f"没有找到 {CONFIG}（或它是符号链接）。请在记录库的根目录放一份 {CONFIG}。")
    if path.stat().st_size > LARGEST_CONFIG:
        raise SiteError(f"{CONFIG} 超过 1 MB，不像是网站设置。请检查这个文件。")
    try:
        text = path.read_text("utf-8")
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=_Loader)):
            raise SiteError(f"{CONFIG} 里用了 YAML 的引用（*名称）。请把内容直接写出来。")
        settings = yaml.load(text, Loader=_Loader)  # noqa: S506 -- a SafeLoader
    except UnicodeDecodeError:
        raise SiteError(f"{CONFIG} 不是 UTF-8 编码。请另存为 UTF-8 后重试。") from None
    except yaml.constructor.ConstructorError as fault:
        line = fault.problem_mark.line + 1 if fault.problem_mark else 0
        raise SiteError(
            f"{CONFIG} 第{line}行用了 YAML 标签（如 !!python、!ENV），可能运行程序或读取环境变量，不能使用。"
            "请改成普通的文字或列表。"
        ) from None
    except yaml.MarkedYAMLError as fault:
        line = fault.problem_mark.line + 1 if fault.problem_mark else 0
        raise SiteError(f"{CONFIG} 第{line}行的 YAML 写法有误。请检查缩进、冒号和引号。") from None
    except yaml.YAMLError:
        raise SiteError(f"{CONFIG} 里有不能显示的字符。请检查这个文件。") from None
    if not isinstance(settings, dict):
        raise SiteError(f"{CONFIG} 应是“项: 值”的形式。请参照 README 中的示例。")
    return settings


def _vet_theme(root: Path, settings: Settings) -> Path | None:
    theme = settings.get("theme", {})
    theme = {"name": theme} if isinstance(theme, str) else theme
    if not isinstance(theme, dict):
        raise _refused("theme", "应是 name、language 等项")
    for key in theme:
        if key not in _THEME_KEYS:
            raise _refused(f"theme.{key}", f"可用的项有 {'、'.join(sorted(_THEME_KEYS))}")
    if theme.get("name", "material") != "material":
        raise _refused("theme.name", "只支持 material")
    # A font named here is fetched from a font service by every reader.
    if theme.get("font", False) is not False:
        raise _refused("theme.font", "字体会从外部网站下载，应写成 false")
    for key in ("favicon", "logo"):
        if key in theme:
            _vet_local(f"theme.{key}", theme[key])
    settings["theme"] = {**theme, "name": "material", "font": False}
    if "custom_dir" not in theme:
        return None
    named = PurePosixPath(_vet_local("theme.custom_dir", theme["custom_dir"]))
    folder = root / named
    steps = [root.joinpath(*named.parts[: i + 1]) for i in range(len(named.parts))]
    if any(step.is_symlink() for step in steps):
        raise _refused("theme.custom_dir", f"{named} 经过符号链接，应是记录库里的文件夹本身")
    if not folder.is_dir():
        raise SiteError(f"{CONFIG} 里 theme.custom_dir 指的文件夹 {named} 不存在。请新建它，或删去这一项。")
    refuse_links(folder, f"文件夹 {named} ", typed=True)
    return folder


def _vet_plugins(value: object) -> list[Settings]:
    plugins: list[Settings] = []
    for name, options in _named("plugins", value):
        if name != "search":
            raise _refused(f"plugins: {name}", "插件会运行程序，只能用 search")
        for key, option in options.items():
            if key not in _SEARCH_KEYS or not isinstance(option, str):
                raise _refused(f"plugins: search: {key}", "search 只能设置 separator")
        plugins.append({name: options})
    return plugins


def _vet_extensions(value: object) -> list[Settings]:
    extensions: list[Settings] = []
    for name, options in _named("markdown_extensions", value):
        if name not in _EXTENSIONS:
            raise _refused(
                f"markdown_extensions: {name}",
                f"它不在允许的扩展之内（{'、'.join(sorted(_EXTENSIONS))}）",
            )
        for key, option in options.items():
            if not isinstance(option, _SCALARS):
                raise _refused(f"markdown_extensions: {name}: {key}", "只能是文字、数字或 true/false")
        extensions.append({name: options})
    return extensions


def _vet_extra(value: object) -> Settings:
    if not isinstance(value, dict):
        raise _refused("extra", "应是“项: 值”的形式")
    for key in value:
        if key in _EXTRA_REFUSED:
            raise _refused(f"extra.{key}", "它会让网页连接外部网站或改动网址")
    return value


def _vet_local(key: str, value: object) -> str:
    if not isinstance(value, str) or not value or _OUTWARD.match(value) or ".." in PurePosixPath(value).parts:
        raise _refused(key, f"{quoted(value)} 应是记录库内的相对路径，不能是网址或上级文件夹")
    return value


def _vet_nav(value: object) -> list[Any]:
    entries: list[Any] = []
    for item in _list("nav", value):
        title, target = (
            next(iter(item.items())) if isinstance(item, dict) and len(item) == 1 else (None, item)
        )
        if isinstance(target, list):
            entries.append({str(title): _vet_nav(target)})
            continue
        path = _vet_local("nav", target)
        if not path.endswith(".md"):
            raise _refused("nav", f"{quoted(path)} 应是以 .md 结尾的页面")
        entries.append(path if title is None else {str(title): path})
    return entries


def _prune(nav: list[Any], tree: Path) -> list[Any]:
    kept: list[Any] = []
    for item in nav:
        target = next(iter(item.values())) if isinstance(item, dict) else item
        if isinstance(target, list):
            if below := _prune(target, tree):
                kept.append({next(iter(item)): below})
        elif (tree / target).is_file():
            kept.append(item)
    return kept


def _list(key: str, value: object) -> list[Any]:
    if not isinstance(value, list):
        raise _refused(key, "应是一个列表")
    return value


def _named(key: str, value: object) -> Iterator[tuple[str, Settings]]:
    """Entries of a list whose items are names or `name: options`."""
    items: Iterable[object] = (
        [{k: v} for k, v in value.items()] if isinstance(value, dict) else _list(key, value)
    )
    for item in items:
        if isinstance(item, str):
            yield item, {}
        elif isinstance(item, dict) and len(item) == 1:
            name, options = next(iter(item.items()))
            if not isinstance(options, dict | None):
                raise _refused(f"{key}: {name}", "它的设置应是“项: 值”的形式")
            yield str(name), options or {}
        else:
            raise _refused(key, f"{quoted(item)} 应是名称")
