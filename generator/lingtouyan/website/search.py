"""What the search box looks in: the theme's index of the written pages, and an exact one of the records."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from lingtouyan.templates.grids import common_ends
from lingtouyan.website.site_config import SiteError
from lingtouyan.website.website import INDEX, write_script

RECORDS = "search/records.js"
READINGS = "search/pinyin.js"
# What the browser writes for rare forms of the same character (`plainForms` in pinyin.js), some of which have no reading.
_PLAIN_FORMS = "吉高清青黄户峰群宁恒产"
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
    """Write the exact index of the records: the kinds, and each kind's records in a script of its own, as columns.

    What all addresses of a kind begin and end with stands once, and those that count on stand as their number; letters are
    worked out from the readings of characters, and stand with a record only where its own differ. Rows stand in the order
    given, that of equally good hits.
    """
    kinds: dict[str, list[RecordEntry]] = {}
    for entry in entries:
        kinds.setdefault(entry.kind, []).append(entry)
    readings = write_readings(
        out, (w for rows in kinds.values() for e in rows for w in (e.title, e.subtitle))
    )
    counts = [{"kind": kind, "rows": len(rows)} for kind, rows in kinds.items()]
    write_script(out / RECORDS, "recordIndex", {"kinds": counts})
    for place, rows in enumerate(kinds.values()):
        addresses = common_ends([entry.url for entry in rows])
        # A record is also found by the last part of its address, which mostly is its key.
        keys = ([*_letters(e, readings), *(c for c in e.codes if not e.url.endswith(f"/{c}/"))] for e in rows)
        shard = {
            "start": addresses["start"],
            "end": addresses["end"],
            "at": "\n".join(_runs(addresses["at"])),
            "titles": "\n".join(" ".join(entry.title.split()) for entry in rows),
            "besides": _columns(entry.subtitle.split() for entry in rows),
            "keys": _columns([" ".join(key.split()) for key in found] for found in keys),
        }
        write_script(out / f"search/records-{place}.js", "recordShard", shard)


def _columns(rows: Iterable[list[str]]) -> list[str]:
    """Return texts of a line a row: the first words of all rows, the second ones … What is alike packs well."""
    return ["\n".join(column) for column in zip_longest(*rows, fillvalue="")]


def _runs(addresses: list[str]) -> list[str]:
    """Return addresses; behind a tab stands how many more count on from one (`0009`, `0010` …), in what a browser can count."""
    runs: list[tuple[str, int]] = []
    for address in addresses:
        first, more = runs[-1] if runs else ("", 0)
        stem = first.rstrip("0123456789")
        digits = first[len(stem) :]
        if 0 < len(digits) < 16 and address == f"{stem}{int(digits) + more + 1:0{len(digits)}}":
            runs[-1] = (first, more + 1)
        else:
            runs.append((address, 0))
    return [f"{first}\t{more}" if more else first for first, more in runs]


def _letters(entry: RecordEntry, readings: Mapping[str, list[str]]) -> Iterator[str]:
    """Yield letters and initials of a name whose characters are not known to be read so."""
    syllables = plain_letters(entry.pinyin).split()
    signs = [sign for sign in entry.title if sign not in "·•"]
    known = len(signs) == len(syllables) and all(
        s in readings.get(sign, ()) for sign, s in zip(signs, syllables, strict=True)
    )
    if syllables and not known:
        yield "".join(syllables)
        yield "".join(word[0] for word in syllables)


def write_readings(out: Path, words: Iterable[str]) -> dict[str, list[str]]:
    """Write, and return, every way to read each Chinese character of some words."""
    from pypinyin import Style, pinyin

    signs = sorted({*_PLAIN_FORMS, *"".join(set(words))} - set(map(chr, range(0x2E80))))
    read = {sign: pinyin(sign, style=Style.NORMAL, heteronym=True, errors="ignore") for sign in signs}
    readings = {sign: found[0] for sign, found in read.items() if found}
    write_script(out / READINGS, "pinyinReadings", readings)
    return readings


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
