"""Photographs: each a sealed file beside its record, made small and rid of what cameras write into files.

A field that is declared `picture: true` has no value in the record; `P1.yaml` has its photograph in `P1.photo.sealed`.
"""

from __future__ import annotations

import base64
import io
from typing import NamedTuple

import duckdb

from lingtouyan.database.database import put_cells, quote, tables_in
from lingtouyan.problems import Problem, UsageError
from lingtouyan.reading.package import Field, Package, Table
from lingtouyan.reading.source import Source, static_prefix
from lingtouyan.sealing.keys import Keys
from lingtouyan.sealing.values import Place, seal, subject, unseal

SUFFIX = ".sealed"
MAX_BYTES = 200_000
_MAX_PIXELS = 60_000_000
# Two inches high at 300 dots to the inch and over: what a form shows.
_SIZE = (626, 876)
# A cell of the restricted edition that stands for a sealed file: where, what is authenticated with it, and its digest.
_SEPARATOR = "\x1f"


class Picture(NamedTuple):
    """A sealed picture: its file, what it belongs to, and Git's digest of the file."""

    file: str
    place: Place
    digest: str

    def cell(self) -> str:
        """Return it as the text of a cell."""
        return _SEPARATOR.join((self.file, *(getattr(self.place, n) for n in Place.__slots__), self.digest))


def sealed_file(record: str, field: str) -> str:
    """Return the name of the file of a record's picture."""
    return f"{record.rpartition('.')[0]}.{field}{SUFFIX}"


def small_picture(data: bytes) -> bytes:
    """Return a picture as a JPEG of at most `MAX_BYTES`, upright, with nothing in it but the picture.

    Raises:
        UsageError: it is no picture, or larger than any camera's.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "BMP")) as opened:
            if opened.width * opened.height > _MAX_PIXELS:
                raise UsageError("图片过大，没有封存。请缩小后再来。")
            made = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise UsageError("不是 JPEG、PNG 或 BMP 图片，或者已经损坏，没有封存。") from None
    made.thumbnail(_SIZE)
    for quality in (90, 80, 65, 50):
        stream = io.BytesIO()
        made.save(stream, "JPEG", quality=quality)
        if stream.tell() <= MAX_BYTES:
            break
    return stream.getvalue()


def seal_picture(
    package: Package, table: Table, field: Field, key: str, record: str, data: bytes, keys: Keys
) -> tuple[str, bytes]:
    """Seal a picture, and return the name of the file beside its record that is to hold it, and its content.

    Args:
        record: the record's file, relative to the root.
        data: the picture as it came from a camera or a scanner.

    Raises:
        UsageError: it is no picture, or may not be sealed here.
    """
    owner, _ = subject(package, table)
    text = base64.b64encode(small_picture(data)).decode()
    sealed = seal(text, field.compartment, Place.of(owner, key, table, field), keys)
    return sealed_file(record, field.name), f"{sealed}\n".encode()


def place_pictures(
    connection: duckdb.DuckDBPyConnection, source: Source, package: Package, keys: Keys
) -> tuple[list[Table], int]:
    """Enter where the pictures are into the raw tables; none is opened before a print asks for it.

    Returns:
        The tables that have any, and how many of the pictures have no key here.
    """
    touched, closed = [], 0
    here = tables_in(connection, "raw")
    for table in (t for t in package.tables.values() if t.name in here and t.primary_key):
        for field in (f for f in table.fields if f.picture):
            there = {n for n in source.files([static_prefix(table.path)]).files if n.endswith(SUFFIX)}
            picked = f"SELECT rowid, _file, {quote(table.primary_key[0])} FROM raw.{quote(table.name)}"
            rows = connection.execute(picked).fetchall()
            named = [(r, sealed_file(f, field.name), k) for r, f, k in rows if k]
            found = [(r, f, k) for r, f, k in named if f in there]
            if not found:
                continue
            digests = source.digests([f for _, f, _ in found])
            owner, _ = subject(package, table)
            places = [Place.of(owner, k, table, field) for _, _, k in found]
            cells = [
                Picture(f, p, digests.get(f, "")).cell() for (_, f, _), p in zip(found, places, strict=True)
            ]
            closed += sum(keys.get(owner, k, field.compartment) is None for _, _, k in found)
            put_cells(connection, table, field, [r for r, _, _ in found], cells)
            touched.append(table)
    return touched, closed


def open_picture(cell: object, source: Source, keys: Keys) -> str:
    """Return a picture in base64; nothing where the cell holds none, or this machine has no key for it."""
    parts = cell.split(_SEPARATOR) if isinstance(cell, str) else []
    if len(parts) != len(Place.__slots__) + 2:
        return ""
    data = source.read(parts[0])
    if isinstance(data, Problem):
        return ""
    return unseal(data.decode("ascii", "replace").strip(), Place(*parts[1:-1]), keys) or ""
