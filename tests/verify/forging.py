"""What a forger does to a print, for the tests that catch him."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pypdf
from pypdf.generic import ArrayObject, DecodedStreamObject, FloatObject, NameObject

from lingtouyan.pdf.footer import ATTACHMENT
from lingtouyan.verify.verify import Verdict, verify


def judge(root: Path, folder: Path, **files: bytes) -> dict[str, Verdict]:
    """Verify several files at once."""
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{name}.pdf" for name in files]
    for path, content in zip(paths, files.values(), strict=True):
        path.write_bytes(content)
    return dict(zip(files, verify(root, paths), strict=True))


def rewritten(*contents: bytes, pages: list[int] | None = None) -> pypdf.PdfWriter:
    """The first print with some pages of all prints, counted through."""
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(contents[0]))
    for more in contents[1:]:
        writer.append(io.BytesIO(more))
    if pages is not None:
        tree = writer._pages.get_object() if hasattr(writer._pages, "get_object") else writer._pages
        kids = list(tree["/Kids"])
        tree[NameObject("/Kids")] = ArrayObject(kids[n] for n in pages)
        tree[NameObject("/Count")] = FloatObject(len(pages))
        writer.flattened_pages = None
    return writer


def saved(writer: pypdf.PdfWriter) -> bytes:
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def with_data(content: bytes, data: bytes) -> bytes:
    """The print with other data attached."""
    writer = rewritten(content)
    next(a for a in writer.attachment_list if a.alternative_name == ATTACHMENT).content = data
    return saved(writer)


def data_of(content: bytes) -> dict:
    return json.loads(pypdf.PdfReader(io.BytesIO(content)).attachments[ATTACHMENT][0])


def with_content(content: bytes, page: int, change) -> bytes:
    """The print with one page's drawing changed."""
    writer = rewritten(content)
    target = writer.pages[page]
    stream = DecodedStreamObject()
    before = target.get_contents().get_data()
    after = change(before)
    assert after != before
    stream.set_data(after)
    target[NameObject("/Contents")] = writer._add_object(stream)
    return saved(writer)


def glyphs_of(content: bytes, page: int, words: str) -> bytes:
    """How a run of text is written in a page's drawing: as glyph numbers of its font."""
    reader = pypdf.PdfReader(io.BytesIO(content))
    for font in reader.pages[page]["/Resources"]["/Font"].values():
        table = font.get_object()["/ToUnicode"].get_data().decode("latin-1")
        found = {
            bytes.fromhex(code).decode("utf-16-be"): glyph
            for glyph, code in re.findall(r"<([0-9a-fA-F]{4})> <([0-9a-fA-F]+)>", table)
        }
        if all(c in found for c in words):
            return "".join(found[c] for c in words).encode()
    raise AssertionError(words)
