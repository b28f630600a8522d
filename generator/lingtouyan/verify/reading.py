"""What a PDF shows of itself, read in a child process of its own: a stranger's file can only fail itself.

Each part of the file becomes a digest, equal where it says the same, whatever numbers its objects have.
"""

from __future__ import annotations

import collections
import hashlib
import logging
import multiprocessing
import os
import resource
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from lingtouyan.pdf.footer import ATTACHMENT
from lingtouyan.processes import end_with_parent
from lingtouyan.verify.signatures import Signature, signatures_in

MAX_FILE = 200 * 2**20
MAX_DATA = 20 * 2**20
MAX_PAGES = 5000
MAX_MEMORY = 2 * 2**30
MAX_SECONDS = 60
_DEEPEST = 40
_MOST = 2_000_000
# What lies over a page when a signature has a face, as electronic seals have.
SEEN_SIGNATURE = "签章"
ABOUT = "about"
_SIGNED = ("/AcroForm", "/Perms", "/DSS")
_NO_PART = frozenset(("/Type", "/Pages", "/Metadata", "/Version", "/Extensions"))
_NO_PAGE_PART = frozenset(("/Type", "/Parent", "/Annots", "/StructParents", "/Tabs", "/LastModified"))
_INFO = ("/Title", "/Author", "/Subject", "/Keywords", "/CreationDate")
_DUBLIN_CORE = "{http://purl.org/dc/elements/1.1/}"


@dataclass(frozen=True, slots=True)
class Page:
    """One page as it reads.

    Attributes:
        text: its words.
        parts: digest of each of its entries (drawing, resources, boxes, ...).
        over: kinds of what lies over it (notes, links, form fields), signatures without a face left out.
        notes: digest of all that.
        images: digests of its pictures.
    """

    text: str
    parts: dict[str, str]
    over: list[str]
    notes: str
    images: list[str]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a PDF shows.

    Attributes:
        fault: why it cannot be read, in the user's language; then nothing else is known.
        data: the attached records; None when there are none.
        title: what the file calls itself.
        press: what it says of the programs and fonts that it was printed with.
        parts: digest of each entry besides the pages: bookmarks, attached files, what is read aloud, ...
        signatures: those it has a place for.
    """

    fault: str = ""
    pages: list[Page] = field(default_factory=list)
    data: bytes | None = None
    title: str = ""
    press: str = ""
    parts: dict[str, str] = field(default_factory=dict)
    signatures: list[Signature] = field(default_factory=list)


def gather(paths: Sequence[Path], trust: Sequence[bytes] = ()) -> list[Evidence]:
    """Read files, each as if it were hostile; `trust` are certificates (DER) that signatures are judged by."""
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return list(pool.map(lambda path: _ask(path, trust), paths))


def _ask(path: Path, trust: Sequence[bytes]) -> Evidence:
    if not path.is_file():
        return Evidence("没有这个文件。")
    if path.stat().st_size > MAX_FILE:
        return Evidence(f"文件超过 {MAX_FILE >> 20} MB，不是本工具排印的。")
    # Not forked: there are threads. One process for each file: what breaks it breaks nothing else.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _bound) as pool:
        try:
            return pool.submit(read_print, path, trust).result()
        except BrokenExecutor:
            return Evidence("读取它的进程用尽了时间或内存，已停止（多半是内容异常庞大）。")


def _bound() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_SECONDS, MAX_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    end_with_parent()
    # What the reader grumbles about is no news: the verdict says what matters.
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
    if len(reader.pages) > MAX_PAGES:
        return Evidence(f"超过 {MAX_PAGES} 页，没有读取。")
    carried = [a for a in reader.attachment_list if ATTACHMENT in (a.alternative_name, a.name)]
    if len(carried) > 1:
        return Evidence("附带了不止一份记录数据，不是本工具排印的原件。")
    data = carried[0].content if carried else None
    if data is not None and len(data) > MAX_DATA:
        return Evidence(f"附带的数据超过 {MAX_DATA >> 20} MB，不是本工具排印的原件。")
    graph = _Graph(reader)
    about: Any = reader.metadata or {}
    return Evidence(
        pages=[graph.page(page) for page in reader.pages],
        data=data,
        title=str(about.get("/Title", "")),
        press=str(about.get("/Creator", "")),
        parts=graph.parts(),
        signatures=list(signatures_in(path.read_bytes(), trust)) if graph.has_signature else [],
    )


class _Graph:
    """Digests of what a document's objects say, followed from one to the next."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self._root = reader.trailer["/Root"]
        self._pages = {self._place(p.indirect_reference): n for n, p in enumerate(reader.pages)}
        self._streams: dict[tuple[int, int], str] = {}
        self._left = _MOST
        form = self._root.get("/AcroForm")
        form = {} if form is None else form.get_object()
        fields = [f.get_object() for f in form.get("/Fields") or ()]
        self.has_signature = any(f.get("/FT") == "/Sig" for f in fields)
        only = all(f.get("/FT") == "/Sig" for f in fields) and not form.keys() & {"/XFA", "/CO"}
        self._signed = _SIGNED if self.has_signature and only else ()

    @staticmethod
    def _place(reference: Any) -> tuple[int, int]:
        return reference.idnum, reference.generation

    def parts(self) -> dict[str, str]:
        """Return the digest of each entry of the catalogue, of a signature's own left out, and of what it says of itself."""
        keys = self._root.keys() - _NO_PART - set(self._signed)
        return {
            **{str(k): self.digest(self._root.raw_get(k)) for k in keys},
            ABOUT: self.digest(list(self._about())),
        }

    def page(self, page: Any) -> Page:
        """Return what one page shows."""
        notes = [n for n in (page.get("/Annots") or ()) if not self._is_plain_signature(n.get_object())]
        return Page(
            text=page.extract_text(),
            parts={str(k): self.digest(page.raw_get(k)) for k in page.keys() - _NO_PAGE_PART},
            over=[self._kind(n.get_object()) for n in notes],
            notes=self.digest([n for n in notes if self._kind(n.get_object()) != SEEN_SIGNATURE]),
            images=sorted(self._images(page)),
        )

    def _kind(self, note: Any) -> str:
        signature = self._is_signature(note) and "/V" in note
        return SEEN_SIGNATURE if signature else str(note.get("/Subtype", "")).lstrip("/")

    def _is_signature(self, note: Any) -> bool:
        return bool(self._signed) and note.get("/FT") == "/Sig" and not {"/A", "/AA"} & note.keys()

    def _is_plain_signature(self, note: Any) -> bool:
        place = [float(v) for v in note.get("/Rect") or ()]
        faceless = len(place) == 4 and place[0] == place[2] and place[1] == place[3]
        return self._is_signature(note) and faceless

    def _images(self, page: Any) -> Iterator[str]:
        resources = page.get("/Resources")
        objects = resources.get_object().get("/XObject") if resources is not None else None
        for one in (objects.get_object() if objects is not None else {}).values():
            if one.get_object().get("/Subtype") == "/Image":
                yield hashlib.sha256(one.get_object().get_data()).hexdigest()

    def _about(self) -> Iterator[str]:
        """Say what the file says of its title, its makers and its day; not by which program it was saved last."""
        about = self._reader.metadata or {}
        yield from (f"{k} {about[k]}" for k in _INFO if k in about)
        stream = self._root.get("/Metadata")
        data = stream.get_object().get_data() if stream is not None else b""
        if not data or len(data) > MAX_DATA:
            yield f"{len(data) and 'large'}"
            return
        for element in ElementTree.fromstring(data).iter():  # noqa: S314 - in a process with bounds
            if element.tag.startswith(_DUBLIN_CORE):
                yield f"{element.tag} {[' '.join(e.itertext()).split() for e in element]} {element.text or ''!r}"
            yield from (f"{n} {v!r}" for n, v in element.attrib.items() if n.startswith(_DUBLIN_CORE))

    def digest(self, value: Any) -> str:
        """Return a digest over a value and all that it refers to; a page is told by its number."""
        digest = hashlib.sha256()
        numbers: dict[tuple[int, int], int] = {}
        waiting = collections.deque([value])
        while waiting:
            digest.update(
                repr(self._plain(waiting.popleft(), numbers, waiting, 0)).encode("utf-8", "replace")
            )
        return digest.hexdigest()

    def _plain(self, value: Any, numbers: dict[tuple[int, int], int], waiting: Any, depth: int) -> Any:
        from pypdf.generic import DictionaryObject, IndirectObject, StreamObject

        self._left -= 1
        if depth > _DEEPEST or self._left < 0:
            raise RecursionError
        if isinstance(value, IndirectObject):
            place = self._place(value)
            if place in self._pages:
                return f"page {self._pages[place]}"
            if place not in numbers:
                numbers[place] = len(numbers)
                waiting.append(value.get_object())
            return f"object {numbers[place]}"
        if isinstance(value, StreamObject):
            left_out = {"/Length", "/Filter", "/DecodeParms"}
            entries = [
                (k, self._plain(value.raw_get(k), numbers, waiting, depth + 1))
                for k in sorted(value.keys() - left_out)
            ]
            return "stream", entries, self._data(value)
        if isinstance(value, DictionaryObject):
            return [(k, self._plain(value.raw_get(k), numbers, waiting, depth + 1)) for k in sorted(value)]
        if isinstance(value, list):
            return [self._plain(v, numbers, waiting, depth + 1) for v in list.__iter__(value)]
        return str(value) if isinstance(value, str) else repr(value)

    def _data(self, stream: Any) -> str:
        reference = stream.indirect_reference
        place = self._place(reference) if reference is not None else (-1, id(stream))
        if place not in self._streams:
            self._streams[place] = hashlib.sha256(stream.get_data()).hexdigest()
        return self._streams[place]
