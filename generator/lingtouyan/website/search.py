"""What the search box looks in: the theme's index of the written pages, and an exact one of the records."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from lingtouyan.website.site_config import SiteError
from lingtouyan.website.website import INDEX, write_script

RECORDS = "search/records.js"
READINGS = "search/pinyin.js"
_HAN = re.compile(r"[\u3400-\u9fff\U00020000-\U000323af]{2,}")


class RecordEntry(NamedTuple):
    """One record as the search box finds it.

    Attributes:
        kind: what it is, in the user's language; hits are grouped under it.
        url: its page, below the site's root.
        title: its name, found by any part.
        subtitle: shown beside the name and found by any part.
        pinyin: the name in Latin letters, syllables separated by spaces; tone marks are ignored.
        codes: numbers and identifiers it is found by.
    """

    kind: str
    url: str
    title: str
    subtitle: str = ""
    pinyin: str = ""
    codes: tuple[str, ...] = ()


def plain_letters(pinyin: str) -> str:
    """Latin letters without tone marks, lower case, `ü` as `v`: what a person types."""
    marked = unicodedata.normalize("NFD", pinyin.lower()).replace("u\u0308", "v")
    return "".join(letter for letter in marked if letter == " " or ("a" <= letter <= "z"))


def write_record_index(out: Path, entries: Iterable[RecordEntry]) -> None:
    """Write the exact index of the records, a script: `{"kinds": […], "rows": [[kind, url, title, subtitle, keys], …]}`.

    `keys` is what a query is looked for in besides title and subtitle: letters, initials and codes, one a line.
    Rows stand in the order given, which is the order of equally good hits.
    """
    kinds: dict[str, int] = {}
    rows: list[tuple[int, str, str, str, str]] = []
    for entry in entries:
        letters = plain_letters(entry.pinyin)
        initials = "".join(word[0] for word in letters.split())
        keys = "\n".join(filter(None, (letters.replace(" ", ""), initials, *entry.codes)))
        kind = kinds.setdefault(entry.kind, len(kinds))
        rows.append((kind, entry.url, entry.title, entry.subtitle, keys))
    write_readings(out, (words for row in rows for words in row[2:4]))
    write_script(out / RECORDS, "recordIndex", {"kinds": list(kinds), "rows": rows})


def write_readings(out: Path, words: Iterable[str]) -> None:
    """Write every way to read each Chinese character of some words: a page knows how what it shows may sound."""
    from pypinyin import Style, pinyin

    signs = sorted(set("".join(set(words))) - set(map(chr, range(0x2E80))))
    read = {sign: pinyin(sign, style=Style.NORMAL, heteronym=True, errors="ignore") for sign in signs}
    write_script(out / READINGS, "pinyinReadings", {sign: found[0] for sign, found in read.items() if found})


def check_searchable(out: Path) -> None:
    """Make sure that Chinese words can be found in the written pages: without segmentation nothing tells.

    Raises:
        SiteError: a word of the index's own pages is not found as a word.
    """
    index = json.loads((out / INDEX).read_text("utf-8"))
    separator = re.compile(index["config"]["separator"])
    chinese = False
    for entry in index["docs"]:
        text = re.sub(r"<[^>]+>", " ", f"{entry['title']} {entry['text']}")
        if any(_HAN.fullmatch(word) for word in separator.split(text)):
            return
        chinese = chinese or len(_HAN.sub("", text)) < len(text)
    if chinese:
        raise SiteError(
            "搜索索引里的中文没有分词，按词语会搜不到。"
            "请确认已安装 jieba，且 mkdocs.yml 里 search 的 separator（如有）包含 \\u200b。"
        )
