"""Cutting fonts: what a font file holds, and a smaller font with only some of its characters.

Done by HarfBuzz, which shapes the pages anyway; a cut of 7,500 characters takes a tenth of a second.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import TYPE_CHECKING

from lingtouyan.pdf.numbering import plainly_numbered
from lingtouyan.problems import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

# What shaping needs when a base letter carries marks. Everything else (kerning, ligatures, alternates,
# vertical forms) changes nothing in a form and costs time in every document.
KEPT_FEATURES = ("ccmp", "mark", "mkmk")

# From hb-subset.h.
_DESUBROUTINIZE = 0x4
_LAYOUT_FEATURES = 6


# What printing loads, and the Debian package of each.
LIBRARIES = {
    "libgobject-2.0": "libglib2.0-0",
    "libfontconfig": "libfontconfig1",
    "libpango-1.0": "libpango-1.0-0",
    "libpangoft2-1.0": "libpangoft2-1.0-0",
    "libharfbuzz": "libharfbuzz0b",
    "libharfbuzz-subset": "libharfbuzz-subset0",
}


@cache
def load_library(name: str) -> ctypes.CDLL | None:
    """Load a library of `LIBRARIES`; None when this machine does not have it."""
    number = 1 if name == "libfontconfig" else 0
    for file in (f"{name}.so.{number}", f"{name}.{number}.dylib"):
        try:
            return ctypes.CDLL(file)
        except OSError:
            continue
    return None


def require_libraries() -> None:
    """Make sure that everything printing loads is there.

    Raises:
        UsageError: something is missing; it names the packages.
    """
    missing = [package for name, package in LIBRARIES.items() if load_library(name) is None]
    if missing:
        raise UsageError(f"缺少排印 PDF 所需的系统软件。请安装：apt install {' '.join(missing)}")


def _required(name: str) -> ctypes.CDLL:
    library = load_library(name)
    if library is None:
        raise UsageError(f"没有找到 {name}，不能排印 PDF。请安装：apt install {LIBRARIES[name]}")
    return library


def _declare(library: ctypes.CDLL, result: type | None, name: str, *arguments: type) -> None:
    function = getattr(library, name)
    function.restype, function.argtypes = result, list(arguments)


@cache
def harfbuzz() -> ctypes.CDLL:
    """Return libharfbuzz, its functions declared.

    Raises:
        UsageError: it is not installed.
    """
    library = _required("libharfbuzz")
    pointer, number = ctypes.c_void_p, ctypes.c_uint
    _declare(library, ctypes.c_char_p, "hb_version_string")
    _declare(library, pointer, "hb_blob_create_from_file_or_fail", ctypes.c_char_p)
    _declare(library, pointer, "hb_blob_get_data", pointer, ctypes.POINTER(number))
    _declare(library, None, "hb_blob_destroy", pointer)
    _declare(library, pointer, "hb_face_create", pointer, number)
    _declare(library, None, "hb_face_destroy", pointer)
    _declare(library, pointer, "hb_face_reference_blob", pointer)
    _declare(library, pointer, "hb_face_reference_table", pointer, number)
    _declare(library, None, "hb_face_collect_unicodes", pointer, pointer)
    _declare(library, pointer, "hb_set_create")
    _declare(library, None, "hb_set_destroy", pointer)
    _declare(library, None, "hb_set_add", pointer, number)
    _declare(library, None, "hb_set_clear", pointer)
    _declare(library, ctypes.c_int, "hb_set_has", pointer, number)
    return library


@cache
def harfbuzz_subset() -> ctypes.CDLL:
    """Return libharfbuzz-subset, its functions declared.

    Raises:
        UsageError: it is not installed.
    """
    library = _required("libharfbuzz-subset")
    pointer, number = ctypes.c_void_p, ctypes.c_uint
    _declare(library, pointer, "hb_subset_input_create_or_fail")
    _declare(library, None, "hb_subset_input_destroy", pointer)
    _declare(library, pointer, "hb_subset_input_unicode_set", pointer)
    _declare(library, pointer, "hb_subset_input_set", pointer, ctypes.c_int)
    _declare(library, None, "hb_subset_input_set_flags", pointer, number)
    _declare(library, pointer, "hb_subset_or_fail", pointer, pointer)
    return library


def harfbuzz_version() -> str:
    """Return the version of the shaping library, e.g. `6.0.0`."""
    return str(harfbuzz().hb_version_string().decode())


def _tag(name: str) -> int:
    return int.from_bytes(name.encode("ascii"), "big")


def _blob_bytes(blob: int) -> bytes:
    hb = harfbuzz()
    length = ctypes.c_uint(0)
    data = hb.hb_blob_get_data(blob, ctypes.byref(length))
    content = ctypes.string_at(data, length.value) if data else b""
    hb.hb_blob_destroy(blob)
    return content


class Face:
    """One face of a font file, opened without being read as a whole.

    Args:
        path: the font file (TrueType, OpenType, or a collection of them).
        index: which face of a collection.

    Raises:
        OSError: the file cannot be read.
    """

    def __init__(self, path: Path, index: int = 0) -> None:
        hb = harfbuzz()
        blob = hb.hb_blob_create_from_file_or_fail(str(path).encode())
        if not blob:
            raise OSError(f"cannot read font {path}")
        self._face = hb.hb_face_create(blob, index)
        hb.hb_blob_destroy(blob)
        self._characters = hb.hb_set_create()
        hb.hb_face_collect_unicodes(self._face, self._characters)

    def __del__(self) -> None:
        if getattr(self, "_face", None):
            harfbuzz().hb_set_destroy(self._characters)
            harfbuzz().hb_face_destroy(self._face)

    def __contains__(self, character: str) -> bool:
        """Tell whether the face has a glyph for this character."""
        return bool(harfbuzz().hb_set_has(self._characters, ord(character)))

    def identity(self) -> str:
        """Return what tells one release of the font from another: its head table, which holds a checksum."""
        return _blob_bytes(harfbuzz().hb_face_reference_table(self._face, _tag("head"))).hex()

    def cut(self, characters: Iterable[str]) -> bytes:
        """Return a font with the glyphs of these characters only (those that the face lacks are left out).

        The result depends on nothing but this face and the set of characters.
        """
        hb, subset = harfbuzz(), harfbuzz_subset()
        plan = subset.hb_subset_input_create_or_fail()
        wanted = subset.hb_subset_input_unicode_set(plan)
        for character in characters:
            hb.hb_set_add(wanted, ord(character))
        features = subset.hb_subset_input_set(plan, _LAYOUT_FEATURES)
        hb.hb_set_clear(features)
        for feature in KEPT_FEATURES:
            hb.hb_set_add(features, _tag(feature))
        subset.hb_subset_input_set_flags(plan, _DESUBROUTINIZE)
        face = subset.hb_subset_or_fail(self._face, plan)
        subset.hb_subset_input_destroy(plan)
        if not face:
            raise OSError("HarfBuzz could not cut the font")
        content = _blob_bytes(hb.hb_face_reference_blob(face))
        hb.hb_face_destroy(face)
        return plainly_numbered(content)
