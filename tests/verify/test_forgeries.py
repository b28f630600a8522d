"""Staged forgeries: each is found out, is named in one plain sentence, and ends with the right exit code."""

from __future__ import annotations

import io
import json
import zlib

import pypdf
import pytest
from forging import data_of, glyphs_of, judge, rewritten, saved, with_content, with_data
from pypdf.generic import (
    ArrayObject,
    DecodedStreamObject,
    DictionaryObject,
    FloatObject,
    NameObject,
    NumberObject,
    TextStringObject,
)

from lingtouyan.cli import main
from lingtouyan.pdf.footer import canonical
from lingtouyan.verify.reading import gather
from lingtouyan.verify.verify import DIFFERS, UNPROVEN

pytestmark = pytest.mark.slow


def stream(writer: pypdf.PdfWriter, data: bytes, **entries: object):
    made = DecodedStreamObject()
    made.set_data(data)
    made.update({NameObject(f"/{k}"): v for k, v in entries.items()})
    return writer._add_object(made)


def with_object(content: bytes, name: str, made, draw: bytes) -> bytes:
    """The print with an XObject drawn over its first page."""
    writer = rewritten(content)
    page = writer.pages[0]
    resources = page["/Resources"].get_object()
    objects = resources.setdefault(NameObject("/XObject"), DictionaryObject()).get_object()
    objects[NameObject(name)] = made(writer)
    page[NameObject("/Contents")] = stream(writer, page.get_contents().get_data() + draw)
    return saved(writer)


def white(writer: pypdf.PdfWriter):
    return stream(
        writer,
        b"\xff",
        Type=NameObject("/XObject"),
        Subtype=NameObject("/Image"),
        Width=NumberObject(1),
        Height=NumberObject(1),
        ColorSpace=NameObject("/DeviceGray"),
        BitsPerComponent=NumberObject(8),
    )


def words(writer: pypdf.PdfWriter):
    page = writer.pages[0]
    font = next(iter(page["/Resources"]["/Font"]))
    return stream(
        writer,
        f"BT {font} 20 Tf 60 300 Td <00010002> Tj ET".encode(),
        Type=NameObject("/XObject"),
        Subtype=NameObject("/Form"),
        BBox=ArrayObject(map(FloatObject, (0, 0, 400, 600))),
        Resources=page["/Resources"],
    )


def with_note(content: bytes, **entries: object) -> bytes:
    writer = rewritten(content)
    note = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Annot"),
            NameObject("/Rect"): ArrayObject(map(FloatObject, (50, 400, 200, 420))),
            NameObject("/AP"): DictionaryObject({NameObject("/N"): words(writer)}),
            **{NameObject(f"/{k}"): v for k, v in entries.items()},
        }
    )
    for name in [k for k, v in note.items() if v is None]:
        del note[name]
    writer.pages[0][NameObject("/Annots")] = ArrayObject([writer._add_object(note)])
    return saved(writer)


def with_root(content: bytes, name: str, value) -> bytes:
    writer = rewritten(content)
    writer.root_object[NameObject(name)] = value
    return saved(writer)


def with_title(content: bytes) -> bytes:
    writer = rewritten(content)
    writer.add_metadata({"/Title": "李冒充"})
    return saved(writer)


def with_bookmark(content: bytes, action: DictionaryObject) -> bytes:
    writer = rewritten(content)
    first = writer.root_object["/Outlines"]["/First"].get_object()
    del first["/Dest"]
    first[NameObject("/A")] = action
    return saved(writer)


def with_spoken(content: bytes) -> bytes:
    """The print with a part that is read aloud otherwise than it shows."""
    writer = rewritten(content)
    part = writer.root_object["/StructTreeRoot"]["/K"][0].get_object()
    part[NameObject("/ActualText")] = TextStringObject("免去职务")
    return saved(writer)


def with_file_called(content: bytes, description: str) -> bytes:
    writer = rewritten(content)
    writer.root_object["/AF"][0].get_object()[NameObject("/Desc")] = TextStringObject(description)
    return saved(writer)


def with_properties(content: bytes) -> bytes:
    writer = rewritten(content)
    before = writer.root_object["/Metadata"].get_data()
    claim = "<dc:creator><rdf:Seq><rdf:li>县委</rdf:li></rdf:Seq></dc:creator></rdf:Description></rdf:RDF>"
    opened = '<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" rdf:about="">'
    after = before.replace(b"</rdf:RDF>", (opened + claim).encode())
    assert after != before
    writer.root_object[NameObject("/Metadata")] = stream(writer, after)
    return saved(writer)


def with_field(content: bytes) -> bytes:
    """The print with a field that shows on no page."""
    writer = rewritten(content)
    field = {"/FT": NameObject("/Tx"), "/T": TextStringObject("a"), "/V": TextStringObject("免职")}
    form = DictionaryObject(
        {NameObject("/Fields"): ArrayObject([DictionaryObject({NameObject(k): v for k, v in field.items()})])}
    )
    writer.root_object[NameObject("/AcroForm")] = form
    return saved(writer)


def with_page_entry(content: bytes, name: str, value) -> bytes:
    writer = rewritten(content)
    writer.pages[0][NameObject(name)] = value
    return saved(writer)


def with_file(content: bytes) -> bytes:
    writer = rewritten(content)
    writer.add_attachment("more.txt", b"more")
    return saved(writer)


def with_two_contents(content: bytes) -> bytes:
    """The print with a second drawing named in a page: some readers take the first, some the last."""
    writer = rewritten(content)
    page = writer.pages[0]
    other = stream(writer, b"q 1 g 0 0 400 600 re f Q")
    page[NameObject("/Contentz")] = other
    return saved(writer).replace(b"/Contentz", b"/Contents")


def link(**entries: object):
    """A note of no face of its own that leads somewhere."""
    return {"Subtype": NameObject("/Link"), "AP": None, **entries}


def spaced(glyphs: bytes) -> bytes:
    """As narrow letters are written: each by itself, with its distance to the next."""
    return b">0<".join(glyphs[n : n + 4] for n in range(0, len(glyphs), 4))


def test_each_forgery_is_named(city, tmp_path) -> None:
    root, files = city
    first, second, volume = files["card/P1.pdf"], files["card/P2.pdf"], files["volume.pdf"]
    blank_page = pypdf.PdfWriter(clone_from=io.BytesIO(first))
    blank_page.add_blank_page(420, 595)
    action = DictionaryObject(
        {NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): TextStringObject("app.alert(1)")}
    )
    commit = data_of(first)["commit"]
    old, new = (spaced(glyphs_of(first, 2, code)) for code in (commit[:10], commit[9::-1]))
    forged = {
        "image": (with_object(first, "/W", white, b" q 200 0 0 40 40 400 cm /W Do Q"), "图形"),
        "form": (with_object(first, "/O", words, b" q /O Do Q"), "第 1 页文字"),
        "invisible": (
            with_content(first, 0, lambda c: c + b" BT 3 Tr /F 12 Tf 60 300 Td (x) Tj ET "),
            "第 1 页文字",
        ),
        "emptied": (with_content(first, 1, lambda c: b"q Q"), "第 2 页页脚没有标记"),
        "covered": (with_content(first, 0, lambda c: c + b" 1 g 0 0 60 60 re f "), "二维码"),
        "commit": (with_content(first, 2, lambda c: c.replace(old, new)), "第 3 页印的提交是"),
        "seal": (
            with_note(first, Subtype=NameObject("/Widget"), FT=NameObject("/Sig")),
            "批注、链接或表单被改动过（Widget）",
        ),
        "stamp": (with_note(first, Subtype=NameObject("/Stamp")), "批注、链接或表单被改动过（Stamp）"),
        "link": (with_note(first, Subtype=NameObject("/Link")), "批注、链接或表单被改动过（Link）"),
        "thick frame": (
            with_note(first, **link(Border=ArrayObject(map(NumberObject, (0, 0, 300))))),
            "批注、链接或表单被改动过（Link）",
        ),
        "frame by default": (with_note(first, **link()), "批注、链接或表单被改动过（Link）"),
        "link that runs": (
            with_note(first, **link(Border=ArrayObject(map(NumberObject, (0, 0, 0))), A=action)),
            "批注、链接或表单被改动过（Link）",
        ),
        "script": (with_root(first, "/OpenAction", action), "印本没有的内容（/OpenAction）"),
        "portfolio": (with_root(first, "/Collection", DictionaryObject()), "印本没有的内容（/Collection）"),
        "attached": (with_file(first), "各页以外的内容（附件）"),
        "appended": (saved(blank_page), "第 4 页页脚没有标记"),
        "stranger": (saved(rewritten(first, second, pages=[0, 1, 2, 3])), "第 4 页印的摘要是"),
        "bound": (saved(rewritten(volume, first, pages=[0, 1, 2, 3, 6])), "第 5 页印的摘要是"),
        "other data": (with_data(first, canonical(data_of(second))), "这一页来自另一份印本"),
        "bookmark": (with_bookmark(first, action), "各页以外的内容（书签）"),
        "spoken": (with_spoken(first), "各页以外的内容（朗读文字）"),
        "called": (with_file_called(first, "已批准"), "各页以外的内容（附件）"),
        "properties": (with_properties(first), "各页以外的内容（文件属性）"),
        "field": (with_field(first), "印本没有的内容（表单）"),
        "trimmed": (
            with_page_entry(first, "/TrimBox", ArrayObject(map(FloatObject, (0, 0, 9, 9)))),
            "各页以外的内容（/TrimBox）",
        ),
        "slide": (with_page_entry(first, "/Dur", NumberObject(1)), "印本没有的内容（/Dur）"),
        "elsewhere": (
            with_note(
                first,
                **link(
                    Border=ArrayObject(map(NumberObject, (0, 0, 0))),
                    A=DictionaryObject(
                        {
                            NameObject("/S"): NameObject("/URI"),
                            NameObject("/URI"): TextStringObject("https://evil.example"),
                        }
                    ),
                ),
            ),
            "批注、链接或表单被改动过（Link）",
        ),
        "title": (with_title(first), "文件的标题：按记录应为“李示范”，现在是“李冒充”"),
    }
    verdicts = judge(root, tmp_path, **{name: content for name, (content, _) in forged.items()})
    for name, (_, sentence) in forged.items():
        assert verdicts[name].state == DIFFERS, f"{name}: {verdicts[name].text()}"
        assert sentence in verdicts[name].text(), f"{name}: {verdicts[name].text()}"
    assert main(["--root", str(root), "verify", str(tmp_path / "title.pdf")]) == 1


def bomb() -> bytes:
    """A page whose drawing is a few kilobytes and grows to eight hundred million."""
    pump = zlib.compressobj(9)
    once = b"".join(pump.compress(bytes(2**20)) for _ in range(800)) + pump.flush()
    squeezed = zlib.compress(once, 9)
    writer = pypdf.PdfWriter()
    writer.add_blank_page(100, 100)
    content = DecodedStreamObject()
    content.set_data(b"")
    content[NameObject("/Filter")] = ArrayObject([NameObject("/FlateDecode"), NameObject("/FlateDecode")])
    writer.pages[0][NameObject("/Contents")] = writer._add_object(content)
    content._data = squeezed
    return saved(writer)


def ring() -> bytes:
    """A tree of pages that holds itself."""
    writer = pypdf.PdfWriter()
    writer.add_blank_page(100, 100)
    pages = writer.root_object["/Pages"]
    pages[NameObject("/Kids")] = ArrayObject([writer.root_object.raw_get("/Pages")] * 3)
    return saved(writer)


def test_what_is_no_print_at_all_is_told_in_a_sentence(city, tmp_path, capsys) -> None:
    root, files = city
    first = files["card/P1.pdf"]
    locked = rewritten(first)
    locked.encrypt("geheim", algorithm="AES-256")
    cases = {
        "empty": (b"", "不是完好的 PDF"),
        "letter": ("一封信".encode(), "不是完好的 PDF"),
        "cut": (first[: len(first) * 2 // 3], ""),
        "locked": (saved(locked), "是加密的 PDF"),
        "bomb": (bomb(), ""),
        "ring": (ring(), ""),
    }
    for name, (content, _) in cases.items():
        (tmp_path / f"{name}.pdf").write_bytes(content)
    evidence = dict(zip(cases, gather([tmp_path / f"{n}.pdf" for n in cases]), strict=True))
    for name, (_, sentence) in cases.items():
        assert evidence[name].data is None, name
        assert sentence in evidence[name].fault, f"{name}: {evidence[name].fault}"
    assert main(["--root", str(root), "verify", *(str(tmp_path / f"{name}.pdf") for name in cases)]) == 2
    told = capsys.readouterr()
    assert "Traceback" not in told.err
    # None of them is called true, and none is called altered, which would be the exit code 1.
    assert "：属实" not in told.out
    assert all(f"{name}.pdf：" in told.out for name in cases)


def test_a_page_that_readers_may_see_differently_is_never_true(city, tmp_path) -> None:
    verdict = judge(city[0], tmp_path, a=with_two_contents(city[1]["card/P1.pdf"]))["a"]
    assert verdict.state in (DIFFERS, UNPROVEN), verdict.text()


def test_a_claim_to_be_printed_elsewhere_gains_no_more_than_doubt(city, tmp_path) -> None:
    # Who alters a drawing and says that other programs printed it: it cannot be told, and so is not true.
    writer = rewritten(with_content(city[1]["card/P1.pdf"], 0, lambda c: c + b" 1 g 0 0 300 300 re f "))
    writer.add_metadata({"/Creator": "lingtouyan 0000000000000000"})
    verdict = judge(city[0], tmp_path, a=saved(writer))["a"]
    assert verdict.state == UNPROVEN, verdict.text()


def test_the_records_in_the_file_are_never_believed_over_the_repository(city, tmp_path) -> None:
    data = data_of(city[1]["card/P1.pdf"])
    changes = {"commit": "f" * 40, "kind": "list", "edition": "public", "as_of": "2020-01-01"}
    forged = {
        name: with_data(city[1]["card/P1.pdf"], canonical(json.loads(json.dumps({**data, name: value}))))
        for name, value in changes.items()
    }
    verdicts = judge(city[0], tmp_path, **forged)
    assert {name: verdicts[name].state for name in changes} == dict.fromkeys(changes, DIFFERS)
