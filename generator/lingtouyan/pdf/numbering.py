"""Numbering the glyphs of a cut font plainly: in a CID-keyed CFF font, each glyph's CID becomes its place in the font.

Pages name glyphs by their place, and a strict reader looks that number up as a CID; in a cut font the two differ, and it
would show other characters, or none, in a document that looks right everywhere else.
"""

from __future__ import annotations

import itertools
import struct
import sys
from array import array
from collections.abc import Iterator

_CHARSET, _CHAR_STRINGS, _ROS = 15, 17, 0x0C1E
_MAGIC = 0xB1B0AFBA


def plainly_numbered(font: bytes) -> bytes:
    """Return an OpenType font with plain CIDs; any other font as it is."""
    tables = _tables(font)
    if b"CFF " not in tables or b"head" not in tables:
        return font
    record, start, length = tables[b"CFF "]
    cff = bytearray(font[start : start + length])
    if not _renumber(cff):
        return font
    made = bytearray(font)
    made[start : start + length] = cff
    struct.pack_into(">I", made, record + 4, _sum(bytes(cff)))
    head = tables[b"head"][1]
    struct.pack_into(">I", made, head + 8, 0)
    struct.pack_into(">I", made, head + 8, (_MAGIC - _sum(bytes(made))) & 0xFFFFFFFF)
    return bytes(made)


def _tables(font: bytes) -> dict[bytes, tuple[int, int, int]]:
    """Return tag -> place of its record, of the table, and its length."""
    if font[:4] != b"OTTO":
        return {}
    found = {}
    for record in range(12, 12 + 16 * struct.unpack_from(">H", font, 4)[0], 16):
        tag, _, start, length = struct.unpack_from(">4sIII", font, record)
        found[tag] = (record, start, length)
    return found


def _sum(data: bytes) -> int:
    words = array("I", data + bytes(-len(data) % 4))
    if sys.byteorder == "little":
        words.byteswap()
    return sum(words) & 0xFFFFFFFF


def _renumber(cff: bytearray) -> bool:
    """Write the character set anew, in its own format, which is never longer; tell whether there was one to write."""
    _, second = _index(cff, cff[2])
    entries, _ = _index(cff, second)
    top = dict(_dictionary(bytes(cff[slice(*entries[0])])))
    place = top.get(_CHARSET, 0)
    if _ROS not in top or place <= 2:
        return False
    count = struct.unpack_from(">H", cff, top[_CHAR_STRINGS])[0]
    form = cff[place]
    if form == 0:
        struct.pack_into(f">{count - 1}H", cff, place + 1, *range(1, count))
    elif form == 1:
        for number, first in enumerate(range(1, count, 256)):
            struct.pack_into(">HB", cff, place + 1 + 3 * number, first, min(255, count - 1 - first))
    else:
        struct.pack_into(">HH", cff, place + 1, 1, count - 2)
    return True


def _index(cff: bytearray, place: int) -> tuple[list[tuple[int, int]], int]:
    """Return where the entries of an INDEX begin and end, and what follows it."""
    count = struct.unpack_from(">H", cff, place)[0]
    if not count:
        return [], place + 2
    size = cff[place + 2]
    offsets = [
        int.from_bytes(cff[o : o + size], "big")
        for o in range(place + 3, place + 3 + size * (count + 1), size)
    ]
    data = place + 2 + size * (count + 1)
    ends = [data + o for o in offsets]
    return list(itertools.pairwise(ends)), ends[-1]


def _dictionary(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield operator and last operand of a DICT, those of two bytes as one number; only whole operands count."""
    place, operand = 0, 0
    while place < len(data):
        first = data[place]
        if first <= 21:
            operator, width = (first << 8 | data[place + 1], 2) if first == 12 else (first, 1)
            yield operator, operand
            place, operand = place + width, 0
        elif first == 28:
            operand, place = struct.unpack_from(">h", data, place + 1)[0], place + 3
        elif first == 29:
            operand, place = struct.unpack_from(">i", data, place + 1)[0], place + 5
        elif first == 30:
            while data[place] & 0x0F != 0x0F:
                place += 1
            place += 1
        elif first <= 246:
            operand, place = first - 139, place + 1
        else:
            sign, start = (1, 247) if first <= 250 else (-1, 251)
            operand, place = sign * ((first - start) * 256 + data[place + 1] + 108), place + 2
