"""Vets built pages and style sheets: none may fetch from elsewhere or run scripts that are not the theme's.

A Content-Security-Policy in every page says the same to the browser.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import tinycss2

from lingtouyan.problems import quoted
from lingtouyan.website.site_config import SiteError

_POLICY = (
    "default-src 'none'; script-src 'self'{}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; worker-src 'self'; manifest-src 'self'; form-action 'none'; base-uri {}"
)
_MOST_FAULTS = 20
# Attributes whose value is fetched, or sent to, by itself or at a click.
_FETCHED = re.compile(
    "action|archive|background|classid|codebase|data|dynsrc|formaction|href|icon|imagesrcset|lowsrc|manifest|ping|"
    "poster|profile|src|srcset|usemap|xlink:href"
)
_LISTS = {"archive", "imagesrcset", "ping", "srcset"}
_STYLED = re.compile("style|clip-path|cursor|fill|filter|marker(-end|-mid|-start)?|mask|stroke")
# Links that a browser does not follow by itself.
_TOLD_LINKS = {"alternate", "author", "canonical", "help", "license", "next", "prev", "search"}
_FOLLOWED = ("", "http", "https", "mailto", "tel")
_SCRIPT_TYPES = ("", "module", "text/javascript", "application/javascript")
_MOST_DEPTH = 4
_UNFINISHED = "没有写完的标签或注释"

_TAGS = (
    "a|abbr|b|br|caption|circle|code|col|colgroup|dd|del|desc|details|div|dl|dt|em|figcaption|figure|g|h[1-6]|hr|i|ins|"
    "li|line|mark|nav|ol|p|path|polygon|polyline|pre|rect|s|section|small|span|strong|sub|summary|sup|svg|table|tbody|"
    "td|text|tfoot|th|thead|time|title|tr|tspan|u|ul"
)
_NAMES = (
    r"(?:aria|data)-[a-z-]+|alt|class|colspan|cx|cy|d|datetime|dir|dx|dy|height|hidden|id|lang|open|points|r|role|"
    r"rowspan|rx|ry|scope|start|tabindex|text-anchor|title|transform|viewbox|width|x|x1|x2|xmlns|y|y1|y2"
)
# Complete tags of these alone, with nothing in them that could fetch or run: any parser reads them in the same way.
_HARMLESS = re.compile(
    rf"(?:</?(?:{_TAGS})(?:\s++(?:(?:{_NAMES})(?=[\s=/>])(?:=\"[^\"<>]*+\")?|"
    rf"href=\"(?:[^\"<>&:\\\x00-\x20]|&#(?:4[567]|95);)*+\"|style=\"[\w\s:;.%#,-]*+\"))*+\s*+/?>[^<]*+)++",
    re.IGNORECASE,
)
_END = "end-7d1c"


class _Reader(HTMLParser):
    """Reads a page or a part of one and notes what it must not do.

    Attributes:
        faults: what was found, in words.
        scripts: inline scripts of the theme.
    """

    def __init__(self, html: str, depth: int = 0) -> None:
        super().__init__(convert_charrefs=False)
        self._depth = depth
        self.faults: list[str] = []
        self.scripts: list[str] = []
        self._whole = False
        self._open: list[str] = []
        self._script: list[str] | None = None
        self.feed(f"{html}<{_END}>")
        self.close()
        if not self._whole and not depth:
            self.faults.append(_UNFINISHED)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._whole = tag == _END
        given = {name: value or "" for name, value in reversed(attrs)}
        for name, value in attrs:
            self._attribute(tag, name.lower(), value or "", given)
        if tag == "base":
            self.faults.append("<base>")
        if tag == "meta" and given.get("http-equiv", "").lower() == "refresh":
            address = re.sub(r"(?i)^[\s\d.;,]*(?:url\s*=)?\s*['\"]?", "", given.get("content", ""))
            if _elsewhere(address):
                self.faults.append(f"<meta http-equiv=refresh {quoted(address, 80)}>")
        if tag == "script":
            self._script = None if given.get("src") else []
            if self._script is not None and given.get("type", "").lower() not in _SCRIPT_TYPES:
                # Data: nothing runs it.
                self._script = None
            elif self._script is not None and "article" in self._open:
                self.faults.append("正文里的 <script>")
        for _, value in attrs:
            # Where another parser sees the end of a comment, this is no value.
            self._inner(value or "")
        if tag not in ("br", "hr", "img", "input", "link", "meta"):
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)
        if tag in ("script", "style"):
            self.faults.append(f"<{tag}/>")

    def handle_endtag(self, tag: str) -> None:
        if tag == "script" and self._script is not None:
            self.scripts.append("".join(self._script))
            self._script = None
        if tag in self._open:
            del self._open[len(self._open) - 1 - self._open[::-1].index(tag) :]

    def handle_data(self, data: str) -> None:
        if self._script is not None:
            self._script.append(data)
            return
        if self._open and self._open[-1] == "style":
            self.faults.extend(vet_style(data))
        self._inner(data)

    def _inner(self, data: str) -> None:
        """Vet what is no markup here, and may be to another parser."""
        if not re.search("<[A-Za-z!/?]", data):
            return
        if self._depth > _MOST_DEPTH:
            self.faults.append(_UNFINISHED)
            return
        inner = _Reader(data, self._depth + 1)
        self.faults += inner.faults + ["<script>"] * bool(inner.scripts)

    handle_comment = unknown_decl = handle_pi = _inner

    def _attribute(self, tag: str, name: str, value: str, given: dict[str, str]) -> None:
        reasons: Iterable[str] = ()
        followed = tag in ("a", "area") or (
            tag == "link" and given.get("rel") and {*given["rel"].lower().split()} <= _TOLD_LINKS
        )
        if name.startswith("on"):
            reasons = ["（写在标签里的脚本）"]
        elif _STYLED.fullmatch(name):
            reasons = [f"（{fault}）" for fault in vet_style(value)]
        elif name == "attributename":
            reasons = [""] * bool(re.search(r"href|^on", value.strip().lower()))
        elif name == "href" and followed:
            reasons = [""] * (_scheme(value) not in _FOLLOWED)
        elif _FETCHED.fullmatch(name):
            picture = tag in ("img", "image", "source", "link")
            parts = re.split(r"[,\s]+" if name in _LISTS else r"\Z", value)
            reasons = [""] * any(_elsewhere(part, picture=picture) for part in parts)
        self.faults += [f"<{tag} {name}={quoted(value, 80)}>{reason}" for reason in reasons]


def _plain(address: str) -> str:
    """Return an address as a browser reads it: without blanks around it and line breaks in it."""
    return re.sub(r"[\t\n\r]", "", address.strip("".join(map(chr, range(33))))).replace("\\", "/").lower()


def _scheme(address: str) -> str:
    found = re.match(r"([a-z][a-z0-9+.-]*):", _plain(address))
    return found[1] if found else ""


def _elsewhere(address: str, *, picture: bool = True) -> bool:
    """Tell whether what an address names is not a file of this site."""
    plain = _plain(address)
    if picture and plain.startswith(("data:image/", "data:font/")):
        return False
    return plain.startswith("//") or bool(_scheme(plain))


@functools.lru_cache(maxsize=256)
def vet_style(text: str) -> tuple[str, ...]:
    """Return the addresses elsewhere that a style sheet or a `style` attribute names."""
    return tuple(
        quoted(a, 80) for a in _addresses(tinycss2.parse_component_value_list(text)) if _elsewhere(a)
    )


def _addresses(tokens: Iterable[Any], *, strings: bool = False) -> Iterator[str]:
    """Yield every address; `strings` tells whether a text is one."""
    imported = False
    for token in tokens:
        if token.type == "at-keyword":
            imported = token.lower_value == "import"
        elif token.type == "literal" and token.value == ";":
            imported = False
        elif token.type == "url" or (token.type == "string" and (strings or imported)):
            yield token.value
        elif token.type == "function":
            fetched = token.lower_name in ("url", "src") or token.lower_name.endswith(("image-set", "image"))
            yield from _addresses(token.arguments, strings=fetched or strings)
        elif token.type in ("{} block", "[] block", "() block"):
            yield from _addresses(token.content, strings=strings)


def vet_part(html: str) -> list[str]:
    """Return what a part of a page must not do; it is to stand between two tags and not within one."""
    if _HARMLESS.fullmatch(html.lstrip()):
        return []
    reader = _Reader(html)
    return reader.faults + ["正文里的 <script>"] * bool(reader.scripts)


def vet_page(html: str, base: str = "none") -> tuple[str, list[str]]:
    """Return a whole page with its policy, and what it must not do; a `base` of `self` lets its scripts say where it is."""
    reader = _Reader(html)
    hashes = {base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in reader.scripts}
    policy = _POLICY.format("".join(f" 'sha256-{h}'" for h in sorted(hashes)), f"'{base}'")
    tag = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    return re.sub(r'<head>\s*(?:<meta charset="utf-8">)?', lambda m: m[0] + tag, html, count=1), reader.faults


def vet_site(out: Path) -> None:
    """Vet every page and style sheet below a folder, and write its policy into every page.

    Raises:
        SiteError: one fetches from elsewhere, or runs a script that stands in its text.
    """
    told: list[str] = []
    for path in sorted(out.rglob("*")):
        name = path.relative_to(out).as_posix()
        if path.suffix == ".html":
            html, faults = vet_page(path.read_text("utf-8"), "self" if name == "404.html" else "none")
            path.write_text(html, "utf-8")
        elif path.suffix in (".svg", ".htm", ".xhtml", ".xml"):
            faults = vet_part(path.read_text("utf-8", "replace"))
        elif path.suffix == ".css":
            faults = list(vet_style(path.read_text("utf-8", "replace")))
        else:
            continue
        told += [f"- {name}：{fault}" for fault in dict.fromkeys(faults)]
    if told:
        lines = "\n".join(told[:_MOST_FAULTS])
        raise SiteError(
            f"网站里有引用外部网址或内嵌脚本的地方：\n{lines}\n"
            "网页只能用本站的文件。请把要用的文件放进主题文件夹，脚本写进 extra_javascript 所列的文件，或删去这些引用。"
        )
