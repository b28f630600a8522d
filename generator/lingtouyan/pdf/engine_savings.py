"""What the layout engine would do again and again, done once: packing streams, cutting fonts alike, styles nobody set.

Packing goes through the engine's own door. The rest reaches inside it, so it is done for the releases it was checked
with only; any other release prints the same bytes without it, more slowly.
"""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import Any

import pydyf
import weasyprint

CHECKED_RELEASES = ("70.0",)

# The best costs twice the time of the usual and saves half a percent.
_LEVEL = 6
# Page contents are new in each dossier; colour profiles and the fonts of titles and page numbers are not.
_LARGEST_KEPT = 2**18
_KEPT = 64
# The directory of an OpenType font: number of tables, then tag, checksum, place and length of each.
_DIRECTORY = 12 + 16 * 32


class _Written(pydyf.Object):  # type: ignore[misc]
    """A PDF object as it stands in the file: the engine asks for that twice."""

    def __init__(self, written: pydyf.Object) -> None:
        super().__init__()
        self.number, self.generation, self.free = written.number, written.generation, written.free
        self._data = bytes(written.data)

    @property
    def data(self) -> bytes:
        """What stands between `obj` and `endobj`."""
        return self._data


class _WrittenStream(_Written, pydyf.Stream):  # type: ignore[misc]
    """The same of a stream, which never stands inside another."""


def pack(document: object, pdf: Any) -> None:
    """Write every object of a PDF once, its streams packed; a finisher of the layout engine, and the last."""
    for place, written in enumerate(pdf.objects):
        if written.free == "f":
            continue
        if not isinstance(written, pydyf.Stream):
            pdf.objects[place] = _Written(written)
            continue
        if written.compress:
            _, _, body = pydyf.Stream(written.stream).data.partition(b"stream\n")
            content = body.removesuffix(b"\nendstream")
            written.stream = [_packed(content) if len(content) <= _LARGEST_KEPT else _pack(content)]
            written.extra["Filter"] = "/FlateDecode"
            written.compress = False
        pdf.objects[place] = _WrittenStream(written)


def _pack(content: bytes) -> bytes:
    return zlib.compress(content, _LEVEL)


_packed = lru_cache(_KEPT)(_pack)


def install() -> bool:
    """Make the engine spare what it can in this process; tell whether this release is one that it was checked with."""
    if weasyprint.__version__ not in CHECKED_RELEASES:
        return False
    _keep_cuts()
    _shorten_styles()
    return True


def _keep_cuts() -> None:
    from weasyprint.pdf.fonts import Font

    kept: dict[tuple[object, ...], bytes] = {}
    plain = Font.subset

    def subset(self: Any, to_unicode: dict[int, str], hinting: bool) -> None:
        content = self.file_content
        key = (
            content[:_DIRECTORY],
            len(content),
            self.index,
            frozenset(to_unicode),
            bool(self.missing),
            hinting,
        )
        found = kept.pop(key, None)
        if found is None:
            plain(self, to_unicode, hinting)
            found = self.file_content
            if len(found) > _LARGEST_KEPT:
                return
            while len(kept) >= _KEPT:
                del kept[next(iter(kept))]
        kept[key] = self.file_content = found

    if plain.__module__ == Font.__module__:
        Font.subset = subset


def _shorten_styles() -> None:
    """Answer at once for properties that no rule sets: seven of eight that layout asks for."""
    from weasyprint.css import ComputedStyle
    from weasyprint.css.computed_values import COMPUTER_FUNCTIONS, PHYSICAL_FUNCTIONS
    from weasyprint.css.functions import check_math
    from weasyprint.css.properties import INHERITED, INITIAL_NOT_COMPUTED, INITIAL_VALUES

    special = {"display", "float", "page", "position"}
    ordinary = {
        k for k in INITIAL_VALUES if k not in special and not k.startswith(("__", "text_decoration_"))
    }
    handed_down = frozenset(ordinary & set(INHERITED) - set(PHYSICAL_FUNCTIONS))
    settled = {
        k for k in ordinary - set(INHERITED) - set(INITIAL_NOT_COMPUTED) if not check_math(INITIAL_VALUES[k])
    }
    fixed, sided = frozenset(settled - set(PHYSICAL_FUNCTIONS)), frozenset(settled & set(PHYSICAL_FUNCTIONS))
    # What may be set instead of a side: the start or the end of a line or of the page.
    flowing = frozenset(
        function(block="ttb", inline=inline)
        for function in PHYSICAL_FUNCTIONS.values()
        for inline in ("ltr", "rtl")
    )
    # A line that is not drawn has no width.
    lines = {
        k: k.replace("width", "style")
        for k in ordinary & set(INITIAL_NOT_COMPUTED)
        if COMPUTER_FUNCTIONS.get(k) is COMPUTER_FUNCTIONS["outline_width"]
    }
    plain = ComputedStyle.__missing__

    def missing(self: Any, key: str) -> Any:
        cascaded = self.cascaded
        if key not in cascaded:
            if key in fixed or (key in sided and flowing.isdisjoint(cascaded)):
                value = self[key] = INITIAL_VALUES[key]
                return value
            if key in lines and self[lines[key]] in ("none", "hidden") and flowing.isdisjoint(cascaded):
                self[key] = 0
                return 0
            if key in handed_down and self.parent_style is not None:
                value = self[key] = self.parent_style[key]
                return value
        return plain(self, key)

    if plain.__module__ == ComputedStyle.__module__:
        ComputedStyle.__missing__ = missing
