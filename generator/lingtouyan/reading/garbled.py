"""Text that decodes and is wrong all the same: characters lost on the way, and one encoding read as another.

Only what no writer means is named; questions, rare characters, and words of other scripts are left alone.
"""

from __future__ import annotations

import re

_HAN = "\u3007\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_KANA = "\u3041-\u3096\u30a1-\u30fa\u30fc"


def _read_as(encoding: str, *bounds: tuple[int, int]) -> str:
    """Return a class of the characters that two bytes within these bounds mean in an encoding."""
    pairs = (bytes([a, b]) for a in range(*bounds[0]) for b in range(*bounds[1]))
    return f"[{''.join(sorted(c for p in pairs if len(c := p.decode(encoding, 'ignore')) == 1))}]"


_REPLACED = "锟斤|斤拷|烫烫烫|屯屯屯|\xef\xbf\xbd|\xef\xbb\xbf|\ufffd"
# What becomes of three bytes of UTF-8 and the three after them, read two by two; and of the letters of Arabic.
_TWO_BY_TWO = _read_as("gb18030", (0xE0, 0xF0), (0x80, 0xC0)) + _read_as(
    "gb18030", (0x81, 0xC0), (0xE0, 0xF0)
)
_ARABIC = _read_as("gb18030", (0xD8, 0xDC), (0x80, 0xC0)) + "{4,}"
# The later bytes of UTF-8 as a code page of the West shows them, and what becomes of it there.
_LATER = "".join(c for b in range(0x80, 0xA0) if (c := bytes([b]).decode("cp1252", "ignore")))
_LATER = f"[\x80-\xbf{_LATER}]"
_ONE_BY_ONE = f"(?:[\xe0-\xef]{_LATER}{{2}}){{2,}}|(?:[\xd8-\xdb]{_LATER}){{3,}}|[\xc2\xc3][\xa0-\xbf]"
# GBK as the West reads it, GBK that happens to be UTF-8, Big5 read as GBK.
_WESTERN = "[\xa1-\xff]{4,}"
_BY_CHANCE = "[\x80-\u05ff]{2,}"
_WORDS = "[А-яЁё]+|[Ά-ώ]+|[\u0531-\u05ff]+"
_ODD_PAGES = f"\u0391-\u03c9\u0410-\u044f\u3105-\u3129\ue000-\uf8ff{_KANA}"
_BIG5 = f"[{_ODD_PAGES}][{_HAN}]|[{_HAN}][{_ODD_PAGES}]"
_COMMON_IN_BIG5 = range(0xA440, 0xC67F)
_ZERO = "[一二三四五六七八九十〇][Oo0Ｏｏ０○][一二三四五六七八九〇Oo0○]"
# Letters that are taken for others: which, and the script that they are of.
_STRANGERS = {
    "西里尔字母": ("АВЕЅІЈКМНОРСТУХаеорсухіѕјһԛԝҮү", "\u0400-\u052f"),
    "希腊字母": ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "\u0370-\u03ff\u1f00-\u1fff"),
    "国际音标": ("ɑɡı", "\u0250-\u02af\u02c8-\u02d1"),
    "日文假名": ("エニハロカトタチミリーへべ", _KANA),
    "注音符号": ("\u3105-\u312f\u31a0-\u31bf", "\u3105-\u312f\u31a0-\u31bf"),
    "谚文字母": ("\u3131-\u318e", "\u1100-\u11ff\u3131-\u318e\uac00-\ud7af"),
    "汉字笔画": ("\u31c0-\u31ef", "\u31c0-\u31ef"),
}
_QUESTION = (
    "[吗呢吧谁哪]|什么|怎|多[少久大]|几[个人时年月日号名户]|第几|[为如任]何|何[时人处地故]|[是能可应与]否|有无|请问|还是|难道"
    r"|([\u4e00-\u9fff])[不没]\1"
)
_LOST = rf"(?<=[{_HAN}])\?+(?![A-Za-z0-9_/&=#%])|(?<![\w/)\]}}）】”\"'])\?+(?=[{_HAN}])"
_BOX = rf"(?<=[{_HAN}])[□■](?=[{_HAN}]|$)|〓"
# Characters as programs write them, and the words with which they say that there is nothing.
_WRITTEN_OUT = r"&(?:#x?[0-9A-Fa-f]{2,6}|nbsp|amp|lt|gt|quot);|\\u[0-9A-Fa-f]{4}|(?:=[4-9A-F][0-9A-F]){3}"
_NOTHING = r"^(?:[Nn]ull|NULL|None|NONE|NaN|nan|[Nn]il|N/A|n/a|undefined)$"

SUSPECT = "|".join(
    (
        *(
            _WRITTEN_OUT,
            _NOTHING,
            r"\?|[□■〓]",
            _REPLACED,
            _TWO_BY_TWO,
            _ARABIC,
            _ONE_BY_ONE,
            _WESTERN,
            _BY_CHANCE,
            _BIG5,
            _ZERO,
        ),
        *(f"[{letters}]" for letters, _ in _STRANGERS.values()),
    )
)
"""Matches wherever `garbled` may have a word to say; understood by the database, too."""


def garbled(text: str) -> str:
    """Say what has become of a text on its way, without repeating it; empty where there is nothing to say."""
    if re.search(SUSPECT, text) is None:
        return ""
    if re.search(_REPLACED, text) or _misread(text):
        return "是乱码：文字曾被当成另一种编码读取。请按原件重新填写"
    if found := re.search(_WRITTEN_OUT, text):
        return f"“{found[0]}”是网页或程序里代替一个字的写法，不是原文。请按原件重新填写"
    if re.search(_NOTHING, text):
        return "是软件表示“没有”的字样。没有内容的请空着"
    if (place := _lost(text)) is not None:
        return f"第 {place + 1} 个字是“{text[place]}”，原来的字多半在转换编码时丢失了。请按原件重新填写"
    return _stranger(text)


def _misread(text: str) -> bool:
    """Tell whether some part of the text says something in the encoding that it comes from."""
    if re.search(_ONE_BY_ONE, text):
        return True
    for found in re.finditer(_TWO_BY_TWO, text):
        part = text[found.start() : found.start() + 3]
        meant = part.encode("gb18030").decode("utf-8", "ignore")
        if len(meant) == 2 and not _common(part) and all(map(_usual, meant)):
            return True
    if any(not _common(m[0]) for m in re.finditer(_ARABIC, text)):
        return True
    for found in re.finditer(_WESTERN, text):
        letters = {c for c in found[0] if c >= "\xc0" and c not in "×÷"}
        meant = found[0].encode("latin-1")[: len(found[0]) // 2 * 2].decode("gb2312", "replace")
        if len(letters) > 1 and "\ufffd" not in meant:
            return True
    for found in re.finditer(_BY_CHANCE, text):
        beside = text[max(found.start() - 1, 0) : found.start()] + text[found.end() : found.end() + 1]
        # The letters of pinyin stand among others (lüè); words of other languages have letters of their own.
        right = (max(found[0]) < "\u0250" and re.search("[A-Za-z]", beside)) or re.fullmatch(_WORDS, found[0])
        if not right and re.fullmatch(f"[{_HAN}]+", found[0].encode().decode("gb2312", "replace")):
            return True
    if re.search(_BIG5, text):
        for run in re.findall(f"[{_HAN}{_ODD_PAGES}]{{2,}}", text):
            data = run.encode("gb18030")
            pairs = [int.from_bytes(data[n : n + 2]) for n in range(0, len(data), 2)]
            if all(p in _COMMON_IN_BIG5 for p in pairs) and "\ufffd" not in data.decode("big5", "replace"):
                return True
    return False


def _common(text: str) -> bool:
    return all(c.encode("gb2312", "ignore") for c in text)


def _usual(character: str) -> bool:
    """Tell characters that records are written in from those that only exist."""
    return _common(character) or re.match("[ༀ-\u0fff᠀-ᢪ가-힣ꀀ-꓆\u3000-\u303f！-～]", character) is not None


def _lost(text: str) -> int | None:
    """Return where a mark stands in the place of a character."""
    if re.fullmatch(r"[?\s·•.]*\?[?\s·•.]*", text):
        return text.index("?")
    box = re.search(_BOX, text)
    # Several boxes are a form's.
    if box and (box[0] == "〓" or len(re.findall("[□■]", text)) == 1):
        return box.start()
    for found in re.finditer(_LOST, text):
        clause = re.split(r"[，。；：！？、,;:!?\n（）()“”]", text[: found.start()])[-1]
        if not re.search(_QUESTION, clause):
            return found.start()
    return None


def _stranger(text: str) -> str:
    """Name a letter of another script that looks like the one that is meant."""
    advice = "看上去与另一个字一样，查找和比对时却不同。请重新输入"
    if found := re.search(_ZERO, text):
        return f"第 {found.start() + 2} 个字不是汉字，却夹在汉字数字里。请写作“〇”"
    for kind, (letters, script) in _STRANGERS.items():
        # A word of a language has more letters than these, and stands apart.
        for found in re.finditer(f"(?<![{script}])[{letters}]{{1,3}}(?![{script}])", text):
            beside = text[max(found.start() - 1, 0) : found.start()] + text[found.end() : found.end() + 1]
            if re.search(f"[{_HAN}A-Za-z0-9]", beside):
                return f"第 {found.start() + 1} 个字是{kind}，{advice}"
    return ""
