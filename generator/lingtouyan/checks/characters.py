"""Characters that look like others or like nothing at all: found in texts, and named by place and code point.

Whoever copied them cannot see them, so a message never shows them as they are.
"""

from __future__ import annotations

import re
import unicodedata

from lingtouyan.problems import Severity

FULL_WIDTH = {c: c - 0xFEE0 for c in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
# Controls, direction and joining marks, unusual spaces, fillers, selectors, private characters, replacement marks.
HIDDEN = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f\x{a0}\x{ad}\x{1680}\x{180e}\x{2000}-\x{200f}\x{2028}-\x{202f}\x{205f}-\x{206f}"
    r"\x{34f}\x{61c}\x{115f}\x{1160}\x{180b}-\x{180f}\x{2800}\x{3164}\x{fe00}-\x{fe0f}\x{ffa0}\x{e0100}-\x{e01ef}"
    r"\x{e000}-\x{f8ff}\x{fdd0}-\x{fdef}\x{feff}\x{fff9}-\x{ffff}\x{e0000}-\x{e007f}\x{f0000}-\x{10ffff}"
)
# Parts of characters, characters kept twice for old encodings, marks that stand apart from their letter.
LOOK_ALIKE = r"\x{2e80}-\x{2fdf}\x{f900}-\x{faff}\x{2f800}-\x{2fa1f}\x{300}-\x{36f}"


def _class(ranges: str) -> re.Pattern[str]:
    return re.compile(f"[{re.sub(r'x{([0-9a-f]+)}', lambda m: 'U' + m[1].zfill(8), ranges)}]")


_SEEN_HIDDEN = _class(HIDDEN)
_SEEN_LOOK_ALIKE = _class(LOOK_ALIKE)
# The radicals that have no other form decompose to nothing; those that do, to the character they look like.
_RADICALS = range(0x2E80, 0x2FE0)


def hidden(value: str, *, tabs: bool = False) -> tuple[Severity, str] | None:
    """Name the first character of a value that nobody sees, or that only stands for a lost one.

    Args:
        value: the text.
        tabs: count a tab among them.
    """
    found = _SEEN_HIDDEN.search(value) or (re.search(r"\t", value) if tabs else None)
    if found is None:
        return None
    character = found[0]
    where = f"第 {found.start() + 1} 个字是 ⟨U+{ord(character):04X}⟩，"
    kind = unicodedata.category(character)
    if character == "\ufffd":
        return Severity.ERROR, f"{where}即乱码：原来的字在转换编码时已经丢失。请按原件重新填写"
    if kind == "Co":
        return (
            Severity.ERROR,
            f"{where}是自造字，换一台电脑就显示不出来。请改用有正式编码的汉字（GB 18030-2022）",
        )
    if kind == "Zs":
        return (
            Severity.WARNING,
            f"{where}是特殊的空格，看上去与普通空格一样，查找和比对时却不同。请改成普通空格或删去",
        )
    return Severity.ERROR, f"{where}是看不见的控制字符，多由复制粘贴带入。请删去"


def look_alike(value: str, *, shown: bool = True) -> str:
    """Name the first character that only looks like the one that is meant, or return an empty text.

    Args:
        value: the text.
        shown: whether the characters themselves may be told.
    """
    for found in _SEEN_LOOK_ALIKE.finditer(value):
        character, place = found[0], found.start()
        # A mark and its letter are two code points where one would do.
        marked = bool(place and unicodedata.combining(character))
        written = value[place - 1 : place + 1] if marked else character
        radical = ord(character) in _RADICALS
        meant = unicodedata.normalize("NFKC" if radical else "NFC", written)
        if meant == written and not radical:
            continue
        code = f" ⟨U+{ord(character):04X}⟩" if shown else ""
        if meant == written:
            return f"第 {place + 1} 个字是偏旁部首{code}，不是汉字。请重新输入"
        like = f"“{meant}”" if shown else "常用的字"
        return (
            f"第 {place + 1} 个字用的是另一个编码{code}，看上去与{like}一样，查找和比对时却不同"
            "（多由 PDF 或旧系统复制带入）。请重新输入"
        )
    return ""


def plain(value: str) -> str:
    """Return a code as it was probably meant: half-width, without spaces and without what nobody sees."""
    return re.sub(r"\s+", "", _SEEN_HIDDEN.sub("", value.translate(FULL_WIDTH)))
