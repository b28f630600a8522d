"""What a PDF shows of itself: the text of its pages, the data it carries, what was laid over it.

A stranger's file is read in a process of its own, with bounds on time and memory, so that it can only fail itself.
"""

from __future__ import annotations

import hashlib
import logging
import resource
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from lingtouyan.pdf.seal import ATTACHMENT
from lingtouyan.pdf.workers import Workers
from lingtouyan.verify.signatures import Signature, signatures_in
from lingtouyan.watchdog import OverdueError, rationed

MAX_FILE = 200 * 2**20
MAX_DATA = 20 * 2**20
MAX_PAGES = 5000
_MOST_FIELDS = 10_000
# What lies over a page when a signature has a face, as electronic seals have.
SEEN_SIGNATURE = "签章"
_SHAPE = ("/MediaBox", "/CropBox", "/Rotate", "/UserUnit", "/Contents", "/Resources")
# What a print has, and what a signature adds. Anything else could show another face than the pages.
_CATALOGUE = frozenset(
    (
        *(
            "/Type",
            "/Version",
            "/Extensions",
            "/Pages",
            "/PageMode",
            "/PageLayout",
            "/Outlines",
            "/Names",
            "/Dests",
        ),
        *(
            "/Metadata",
            "/OutputIntents",
            "/MarkInfo",
            "/StructTreeRoot",
            "/Lang",
            "/ViewerPreferences",
            "/AF",
        ),
        *("/AcroForm", "/Perms", "/DSS"),
    )
)
_PAGE = frozenset(
    (
        *(
            "/Type",
            "/Parent",
            "/Resources",
            "/Contents",
            "/Annots",
            "/StructParents",
            "/Tabs",
            "/LastModified",
        ),
        *("/MediaBox", "/CropBox", "/BleedBox", "/TrimBox", "/ArtBox", "/Rotate", "/UserUnit", "/Group"),
    )
)
_NAME_TREES = frozenset(("/Dests", "/EmbeddedFiles"))
_FORM = frozenset(("/Fields", "/SigFlags", "/DR", "/DA"))
# Of the processor; and of the clock, for a machine that does nothing else any more.
MAX_SECONDS = 60
MAX_PATIENCE = 1800
MAX_MEMORY = 2 * 2**30

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page as it reads.

    Attributes:
        text: its words.
        drawing: digest of all that it is drawn from: content, fonts, pictures.
        laid_over: kinds of what lies over it (notes, form fields), links and signatures without a face left out.
    """

    text: str
    drawing: str
    laid_over: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a PDF shows.

    Attributes:
        fault: why it cannot be read, in the user's language; then nothing else is known.
        data: the attached records; None when there are none.
        signatures: those it has a place for.
        title: what the file calls itself.
        press: what it says of the programs and fonts that it was printed with.
        extras: what else it holds that no print has: other files, actions, another face of its pages.
    """

    fault: str = ""
    pages: tuple[Sheet, ...] = ()
    data: bytes | None = None
    signatures: tuple[Signature, ...] = ()
    title: str = ""
    press: str = ""
    extras: tuple[str, ...] = ()


def gather(paths: Iterable[Path], trust: Sequence[bytes] = ()) -> list[Evidence]:
    """Read files, each as if it were hostile; `trust` are certificates that signatures are judged by."""
    crashed = Evidence("读取它的进程意外退出（多半是内容异常庞大）。")
    return [found or crashed for found in in_processes(read_print, [(p, tuple(trust)) for p in paths])]


def in_processes(read: Callable[..., Found], arguments: Sequence[tuple[object, ...]]) -> list[Found | None]:
    """Read files in processes with bounds on their memory; None stands for one whose process died of it."""
    found: dict[int, Found | None] = {}
    with Workers[int, Found](None, None, 100, "lingtouyan.verify.evidence", _start, "") as pool:
        for number, given in enumerate(arguments):
            found.update(pool.put(number, read, *given))
        found.update(pool.drain())
    return [found.get(n) for n in range(len(arguments))]


def _start(_: str) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # What the reader grumbles about is no news: the verdict says what matters.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)


def read_print(path: Path, trust: Sequence[bytes] = ()) -> Evidence:
    """Read one file. Never raises for what it contains."""
    return within_bounds(path, lambda: _read(path, trust), Evidence)


def within_bounds(path: Path, read: Callable[[], Found], say: Callable[[str], Found]) -> Found:
    """Read a file that may hold anything; what it cannot be read for is said. Never raises for what it contains."""
    try:
        with rationed(MAX_SECONDS, MAX_PATIENCE):
            if not path.is_file():
                return say("没有这个文件。")
            if path.stat().st_size > MAX_FILE:
                return say(f"文件超过 {MAX_FILE >> 20} MB，不是本工具排印的。")
            return read()
    except OverdueError:
        return say(f"读它用去处理器 {MAX_SECONDS} 秒仍未读完，已停止。")
    except (MemoryError, RecursionError):
        return say("内容异常庞大或嵌套过深，无法读取。")
    except OSError as fault:
        return say(f"无法读取：{fault.strerror or type(fault).__name__}。")
    except Exception:  # a hostile file may break the reader anywhere
        return say("不是完好的 PDF，无法读取。")


def _read(path: Path, trust: Sequence[bytes]) -> Evidence:
    import pypdf

    # Where a file says one thing twice, readers differ in what they show: such a file is no print.
    reader = pypdf.PdfReader(path, strict=True)
    if reader.is_encrypted:
        return Evidence("是加密的 PDF，不是本工具排印的原件。")
    if len(reader.pages) > MAX_PAGES:
        return Evidence(f"超过 {MAX_PAGES} 页，没有读取。")
    known: dict[tuple[int, int], str] = {}
    pages = []
    for page in reader.pages:
        shape = [page.get(k) for k in _SHAPE]
        drawing = _digest(shape, known)
        pages.append(Sheet(page.extract_text(), drawing, tuple(_laid_over(page))))
    carried = [a for a in reader.attachment_list if ATTACHMENT in (a.alternative_name, a.name)]
    if len(carried) > 1:
        return Evidence("附带了不止一份记录数据，不是本工具排印的原件。")
    data = carried[0].content if carried else None
    if data is not None and len(data) > MAX_DATA:
        return Evidence(f"附带的数据超过 {MAX_DATA >> 20} MB，不是本工具排印的原件。")
    signatures = signatures_in(path.read_bytes(), trust) if _has_signature_field(reader) else ()
    about: Any = reader.metadata or {}
    return Evidence(
        pages=tuple(pages),
        data=data,
        signatures=signatures,
        title=str(about.get("/Title", "")),
        press=str(about.get("/Creator", "")),
        extras=tuple(_extras(reader)),
    )


def _extras(reader: Any) -> Iterator[str]:
    root = reader.trailer["/Root"]
    yield from (str(k) for k in sorted(root.keys() - _CATALOGUE))
    for name, known in (("/Names", _NAME_TREES), ("/AcroForm", _FORM)):
        inside = root.get(name)
        if inside is not None:
            yield from (str(k) for k in sorted(inside.get_object().keys() - known))
    for page in reader.pages:
        yield from (str(k) for k in sorted(page.keys() - _PAGE))
    if any(ATTACHMENT not in (a.alternative_name, a.name) for a in reader.attachment_list):
        yield "附件"
    fields = list(_fields(reader))
    if any(field.get("/FT") != "/Sig" for field in fields):
        yield "表单"
    if not fields:
        yield from (str(k) for k in ("/DSS", "/Perms") if k in root)
    outlines = root.get("/Outlines")
    waiting = [outlines] if outlines is not None else []
    for _ in range(_MOST_FIELDS * len(reader.pages)):
        if not waiting:
            return
        item = waiting.pop().get_object()
        if not _plain_action(item):
            yield "书签的动作"
        waiting.extend(item[k] for k in ("/First", "/Next") if k in item)
    yield "/Outlines"


def _fields(reader: Any) -> Iterator[Any]:
    """Yield the form fields that have no others below them."""
    form = reader.trailer["/Root"].get("/AcroForm")
    waiting = list((form.get_object() if form else {}).get("/Fields") or ())
    for _ in range(_MOST_FIELDS):
        if not waiting:
            return
        field = waiting.pop().get_object()
        # The places where a field shows are its kids, too.
        kids = [k for k in field.get("/Kids") or () if "/T" in k.get_object()]
        waiting.extend(kids)
        if not kids:
            yield field


def _has_signature_field(reader: Any) -> bool:
    return any(field.get("/FT") == "/Sig" for field in _fields(reader))


def _digest(value: Any, known: dict[tuple[int, int], str]) -> str:
    """Return a digest over an object and all that it refers to, whatever numbers those objects have."""
    from pypdf.generic import DictionaryObject, IndirectObject, StreamObject

    if isinstance(value, IndirectObject):
        place = (value.idnum, value.generation)
        if place not in known:
            known[place] = "…"
            known[place] = _digest(value.get_object(), known)
        return known[place]
    digest = hashlib.sha256(type(value).__name__.encode())
    if isinstance(value, DictionaryObject):
        if isinstance(value, StreamObject):
            digest.update(hashlib.sha256(value.get_data()).digest())
        left_out = {"/Parent", "/Length", "/Filter", "/DecodeParms"}
        for name in sorted(value.keys() - left_out):
            digest.update(f"{name}\0{_digest(value.raw_get(name), known)}\0".encode())
    elif isinstance(value, list):
        for item in list.__iter__(value):
            digest.update(_digest(item, known).encode())
    else:
        digest.update(repr(value).encode("utf-8", "backslashreplace"))
    return digest.hexdigest()


def _laid_over(page: Any) -> Iterator[str]:
    for note in page.get("/Annots") or ():
        note = note.get_object()
        kind = str(note.get("/Subtype", ""))
        place = [float(v) for v in note.get("/Rect") or ()]
        faceless = len(place) == 4 and place[0] == place[2] and place[1] == place[3]
        signature = kind == "/Widget" and note.get("/FT") == "/Sig" and not {"/A", "/AA"} & note.keys()
        if signature and faceless:
            continue
        if signature and "/V" in note:
            yield SEEN_SIGNATURE
            continue
        if kind != "/Link" or not _plain_link(note):
            yield kind.lstrip("/")


def _plain_link(note: Any) -> bool:
    """Tell whether a link shows nothing and only leads somewhere: a face could say anything, a wide frame hide it."""
    # Without either a frame is drawn; with both, it depends on the reader.
    style, border = note.get("/BS"), note.get("/Border")
    widths = [style.get_object().get("/W", 1)] if style is not None else []
    widths += [*border.get_object()][2:3] if border is not None else []
    shown = not widths or any(float(w) != 0 for w in widths)
    return _plain_action(note) and not shown and not {"/AP", "/PA"} & note.keys()


def _plain_action(item: Any) -> bool:
    """Tell whether what a link or a bookmark does is to lead somewhere, and nothing after that."""
    action = item.get("/A")
    action = {} if action is None else action.get_object()
    return action.get("/S", "/GoTo") in ("/GoTo", "/URI") and "/Next" not in action and "/AA" not in item
