"""What a PDF shows of itself, read in a child process of its own: a stranger's file can only fail itself.

Each part of the file becomes a digest, equal where it says the same, whatever numbers its objects have. Of signatures
it is told whose they are, whether they hold, and what came after; nothing is fetched for that.
"""

from __future__ import annotations

import datetime
import hashlib
import io
import logging
import multiprocessing
import os
import resource
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from lingtouyan.pdf.footer import ATTACHMENT
from lingtouyan.pdf.signing import ADVICE, holder_of
from lingtouyan.problems import UsageError, quoted
from lingtouyan.processes import end_with_parent

TRUE, DIFFERS, UNPROVEN, HOLDS, REMARK = "属实", "不符", "无法核验", "相符", "说明"
MAX_DATA = 20 * 2**20
MAX_MEMORY = 2 * 2**30
MAX_SECONDS = 60
_MOST_SIGNATURES = 20
# Entries of a page or of the file that are made here, besides those that it has.
ABOUT, KINDS, NOTES, IMAGES = "about", "kinds", "/Annots", "images"
_NO_PART = frozenset(("/Type", "/Pages", "/Metadata", "/Version", "/Extensions"))
_NO_PAGE_PART = frozenset(("/Type", "/Parent", NOTES, "/StructParents", "/Tabs", "/LastModified"))
_INFO = ("/Title", "/Author", "/Subject", "/Keywords", "/CreationDate")
_DUBLIN_CORE = "{http://purl.org/dc/elements/1.1/}"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a PDF shows.

    Attributes:
        fault: why it cannot be read, in the user's language; then nothing else is known.
        pages: the words of each page.
        data: the attached records; None when there are none.
        title: what the file calls itself.
        press: what it says of the programs and fonts that it was printed with.
        parts: (page, or 0 for the whole file; entry) -> digest of what it says, places for signatures left out.
            `KINDS` and `NOTES` are what lies over a page, `IMAGES` its pictures.
        seals: pages with a signature that can be seen.
        signatures: what each proves, as (`DIFFERS`, `UNPROVEN`, `HOLDS` or `REMARK`; sentence).
    """

    fault: str = ""
    pages: list[str] = field(default_factory=list)
    data: bytes | None = None
    title: str = ""
    press: str = ""
    parts: dict[tuple[int, str], str] = field(default_factory=dict)
    seals: list[int] = field(default_factory=list)
    signatures: list[tuple[str, str]] = field(default_factory=list)


def gather(paths: Sequence[Path], trust: Sequence[bytes] = ()) -> list[Evidence]:
    """Read files, each as if it were hostile; `trust` are certificates (DER) that signatures are judged by."""

    def ask(path: Path) -> Evidence:
        if not path.is_file():
            return Evidence("没有这个文件。")
        # Not forked: there are threads. One process for each file: what breaks it breaks nothing else.
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _bound) as pool:
            try:
                return pool.submit(read_print, path, trust).result()
            except BrokenExecutor:
                return Evidence("读取它的进程用尽了时间或内存，已停止（多半是内容异常庞大）。")

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
        return list(threads.map(ask, paths))


def _bound() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_SECONDS, MAX_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    end_with_parent()
    # What the readers grumble about is no news: the verdict says what matters.
    logging.disable()


def read_print(path: Path, trust: Sequence[bytes] = ()) -> Evidence:
    """Read one file. Never raises for what it contains."""
    try:
        return _read(path, trust)
    except (MemoryError, RecursionError):
        return Evidence("内容异常庞大或嵌套过深，无法读取。")
    except OSError as fault:
        return Evidence(f"无法读取：{fault.strerror or type(fault).__name__}。")
    except Exception:  # a hostile file may break the reader anywhere
        return Evidence("不是完好的 PDF，无法读取。")


def _read(path: Path, trust: Sequence[bytes]) -> Evidence:
    import pypdf

    # Where a file says one thing twice, readers differ in what they show: such a file is no print.
    reader = pypdf.PdfReader(path, strict=True)
    if reader.is_encrypted:
        return Evidence("是加密的 PDF，不是本工具排印的原件。")
    carried = [a for a in reader.attachment_list if ATTACHMENT in (a.alternative_name, a.name)]
    if len(carried) > 1:
        return Evidence("附带了不止一份记录数据，不是本工具排印的原件。")
    data = carried[0].content if carried else None
    if data is not None and len(data) > MAX_DATA:
        return Evidence(f"附带的数据超过 {MAX_DATA >> 20} MB，不是本工具排印的原件。")
    pages = list(reader.pages)
    about: Any = reader.metadata or {}
    root: Any = reader.trailer["/Root"]
    signed, seals = _take_signatures(root, pages)
    unsigned = [(UNPROVEN, "没有电子签章。")] if trust else []
    return Evidence(
        pages=[page.extract_text() for page in pages],
        data=data,
        title=str(about.get("/Title", "")),
        press=str(about.get("/Creator", "")),
        parts=_parts(root, pages, about),
        seals=seals,
        signatures=list(_signatures(path.read_bytes(), trust)) if signed else unsigned,
    )


def _take_signatures(root: Any, pages: list[Any]) -> tuple[bool, list[int]]:
    """Take places for signatures out of a document; tell whether there were any, and on which pages one can be seen."""
    from pypdf.generic import ArrayObject, NameObject

    form = _at(root, "/AcroForm", {})
    fields = [f.get_object() for f in _at(form, "/Fields", ())]
    signatures = [f for f in fields if f.get("/FT") == "/Sig"]
    if not signatures or len(signatures) < len(fields) or form.keys() & {"/XFA", "/CO"}:
        return bool(signatures), []
    for name in root.keys() & {"/AcroForm", "/Perms", "/DSS"}:
        del root[name]
    seen = []
    for number, page in enumerate(pages, 1):
        left = []
        for note in list.__iter__(_at(page, NOTES, [])):
            said = note.get_object()
            place = [float(v) for v in _at(said, "/Rect", ())]
            faceless = len(place) == 4 and place[:2] == place[2:]
            if said.get("/FT") != "/Sig" or said.keys() & {"/A", "/AA"} or not (faceless or "/V" in said):
                left.append(note)
            elif not faceless:
                seen.append(number)
        if NOTES in page:
            page[NameObject(NOTES)] = ArrayObject(left)
    return True, seen


def _at(holder: Any, name: str, default: Any) -> Any:
    """Return an entry of a dictionary of the file, what it refers to when it is a reference."""
    return holder[name] if name in holder else default  # noqa: SIM401 - `get` resolves no reference


def _parts(root: Any, pages: list[Any], about: Any) -> dict[tuple[int, str], str]:
    places = {page.indirect_reference: number for number, page in enumerate(pages, 1)}
    said = {(0, str(k)): root.raw_get(k) for k in root.keys() - _NO_PART}
    said[0, ABOUT] = list(_about(root, about))
    for number, page in enumerate(pages, 1):
        said |= {(number, str(k)): page.raw_get(k) for k in page.keys() - _NO_PAGE_PART}
        if notes := list(list.__iter__(_at(page, NOTES, []))):
            said[number, NOTES] = notes
        objects = [o.get_object() for o in _at(_at(page, "/Resources", {}), "/XObject", {}).values()]
        shown = [hashlib.sha256(o.get_data()).hexdigest() for o in objects if o.get("/Subtype") == "/Image"]
        said[number, IMAGES] = sorted(shown)
    return {place: _digest(value, places) for place, value in said.items()} | {
        (number, KINDS): "、".join(str(n.get_object().get("/Subtype", "")).lstrip("/") for n in notes)
        for (number, name), notes in said.items()
        if name == NOTES
    }


def _about(root: Any, about: Any) -> Iterator[str]:
    """Say what the file says of its title, its makers and its day; not by which program it was saved last."""
    yield from (f"{k} {about[k]}" for k in _INFO if k in about)
    if "/Metadata" in root:
        for element in ElementTree.fromstring(root["/Metadata"].get_data()).iter():  # noqa: S314 - in a process with bounds
            if element.tag.startswith(_DUBLIN_CORE):
                yield f"{element.tag} {[' '.join(e.itertext()).split() for e in element]} {element.text or ''!r}"
            yield from (f"{n} {v!r}" for n, v in element.attrib.items() if n.startswith(_DUBLIN_CORE))


def _digest(value: Any, pages: Mapping[Any, int]) -> str:
    """Return a digest of what an object says, followed from one to the next; a page is told by its number."""
    from pypdf.generic import DictionaryObject, IndirectObject, StreamObject

    numbers: dict[Any, int] = {}
    waiting = [value]

    def plain(value: Any) -> Any:
        if isinstance(value, IndirectObject):
            if value in pages:
                return f"page {pages[value]}"
            if value not in numbers:
                numbers[value] = len(numbers)
                waiting.append(value.get_object())
            return f"object {numbers[value]}"
        if isinstance(value, DictionaryObject):
            names, data = set(value.keys()), ""
            if isinstance(value, StreamObject):
                names -= {"/Length", "/Filter", "/DecodeParms"}
                data = hashlib.sha256(value.get_data()).hexdigest()
            return [(k, plain(value.raw_get(k))) for k in sorted(names)], data
        if isinstance(value, list):
            return [plain(v) for v in list.__iter__(value)]
        return str(value) if isinstance(value, str) else repr(value)

    digest = hashlib.sha256()
    for one in waiting:  # grows meanwhile
        digest.update(repr(plain(one)).encode("utf-8", "replace"))
    return digest.hexdigest()


# ---- signatures ---------------------------------------------------------------------------------------------------


def read_trusted(files: Iterable[Path]) -> list[bytes]:
    """Read certificates of issuers, PEM or DER.

    Raises:
        UsageError: a file is no certificate, or the signing library is not installed.
    """
    made: list[bytes] = []
    for file in files:
        try:
            from pyhanko.keys import load_certs_from_pemder_data

            made += [c.dump() for c in load_certs_from_pemder_data(file.read_bytes()) if c.subject.native]
        except ImportError:
            raise UsageError(ADVICE) from None
        except (OSError, ValueError, TypeError):
            raise UsageError(f"{quoted(str(file))} 不是证书文件（PEM 或 DER）。") from None
    return made


def _signatures(content: bytes, trust: Sequence[bytes]) -> Iterator[tuple[str, str]]:
    """Say of each signature what it proves; call it only where a hostile file can do no harm."""
    try:
        from pyhanko.pdf_utils.reader import PdfFileReader
    except ImportError:
        yield UNPROVEN, f"电子签章：本机没有核验签章的软件，没有核验。{ADVICE}"
        return
    try:
        found = list(PdfFileReader(io.BytesIO(content), strict=False).embedded_signatures)[:_MOST_SIGNATURES]
        if not found:
            yield UNPROVEN, "电子签章：有签章的位置，但签章已被删去。"
        for one in found:
            yield from _judged(one, trust)
    except Exception:  # a hostile signature may break the validator anywhere
        yield UNPROVEN, "电子签章：签章的数据已损坏或不是常用的格式，无法核验。"


def _judged(embedded: Any, trust: Sequence[bytes]) -> Iterator[tuple[str, str]]:
    from asn1crypto import x509
    from pyhanko.sign.diff_analysis import ModificationLevel
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko.sign.validation.settings import KeyUsageConstraints
    from pyhanko.sign.validation.status import SignatureCoverageLevel
    from pyhanko_certvalidator import ValidationContext

    moment = embedded.self_reported_timestamp
    if moment is not None and moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    # A certificate is judged at the time that the signature itself states.
    context = ValidationContext(
        trust_roots=[x509.Certificate.load(c) for c in trust], moment=moment, allow_fetching=False
    )
    usage = KeyUsageConstraints(key_usage=None)
    status = validate_pdf_signature(embedded, context, key_usage_settings=usage)
    name, level = f"{quoted(holder_of(embedded.signer_cert))}的电子签章", status.modification_level
    last = status.coverage == SignatureCoverageLevel.ENTIRE_FILE
    signed_again = level == ModificationLevel.FORM_FILLING and status.docmdp_ok is not False
    if not (status.intact and status.valid):
        yield DIFFERS, f"{name}已经失效：签章所覆盖的内容被改动过。"
        return
    if not last and not signed_again and level not in (ModificationLevel.NONE, ModificationLevel.LTA_UPDATES):
        yield DIFFERS, f"{name}之后，文件又被追加了改动。"
        return
    when = f"，签章时间 {moment:%Y-%m-%d %H:%M %z}（签署人电脑的时间）" if moment else ""
    yield HOLDS, f"{name}完好{when}；{'此后文件没有追加内容' if last else '此后只追加过别的签章'}。"
    if not trust:
        yield REMARK, "签署人的证书由谁签发没有核对；用 --trust 指明可信的证书即可核对。"
    elif not status.trusted or moment is None:
        yield UNPROVEN, f"{name}的证书不是由 --trust 所指的机构签发，或签章时已不在有效期内。"
