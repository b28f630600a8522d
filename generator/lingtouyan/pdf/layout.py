"""One dossier from HTML to PDF/A-3u and PDF/UA-1, in a worker process: nothing is fetched, always the same bytes.

Imported by the workers only: a build in which nothing is printed does not load the layout engine.
"""

from __future__ import annotations

import functools
import gc
import html
import logging
import mimetypes
import os
import resource
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import UTC
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pydyf
import weasyprint
from PIL import Image
from weasyprint.logger import LOGGER
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import URLFetcher, URLFetcherResponse

from lingtouyan.pdf.fonts import RARE_PACKAGES, SCRIPTS_PACKAGE
from lingtouyan.pdf.footer import ATTACHMENT, DESCRIPTION, mark_style
from lingtouyan.pdf.render import DossierJob, Outcome
from lingtouyan.problems import printable
from lingtouyan.processes import end_with_parent

MAX_DATA_URL = 4 * 2**20
MAX_MEMORY = 4 * 2**30
MAX_PIXELS = 40_000_000
# Where the files of the template folder stand for the layout engine; nothing on disk is called that.
BASE = "file:///dossiers/"


class _Fetcher(URLFetcher):  # type: ignore[misc]
    """Serves the given files and small `data:` URLs; remembers what it refused."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        super().__init__(allowed_protocols=("data",), allow_redirects=False)
        self._files = files
        self.refused: list[str] = []

    def fetch(self, url: str, headers: object = None) -> URLFetcherResponse:
        """Return what an address names.

        Raises:
            ValueError: it is none of the files.
        """
        name = unquote(url.removeprefix(BASE))
        if urlsplit(url).scheme == "data" and len(url) <= MAX_DATA_URL:
            return super().fetch(url)
        if not url.startswith(BASE) or name not in self._files:
            self.refused.append(url[:200])
            raise ValueError("not a file of the template folder")
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return URLFetcherResponse(url, self._files[name], {"Content-Type": kind})


class _Listener(logging.Handler):
    """Collects what the layout engine says about one document."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.missing: set[str] = set()
        self.notes: dict[str, None] = {}

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg.startswith(".notdef") and isinstance(record.args, tuple):
            self.missing.add(chr(int(str(record.args[1]))))
        else:
            self.notes[record.getMessage()[:300]] = None


class _Printer:
    """What one process keeps between dossiers: fonts and parsed style sheets.

    Args:
        files: what a dossier may take in: style sheets and pictures of the template folder, by name.
        fonts: file with the configuration of fontconfig.
        style: style sheet that goes before all others.
        name: which programs and fonts print it; whoever has the same prints the same bytes.
    """

    def __init__(self, files: Mapping[str, bytes], fonts: Path, style: str, name: str) -> None:
        os.environ["FONTCONFIG_FILE"] = str(fonts)
        self.files, self.style, self.name = files, style, name
        self.fonts = FontConfiguration()
        self._styles = functools.cache(self._read_styles)

    def _parse(self, text: str, fetcher: _Fetcher) -> weasyprint.CSS:
        return weasyprint.CSS(string=text, base_url=BASE, url_fetcher=fetcher, font_config=self.fonts)

    def _read_styles(self, names: tuple[str, ...]) -> tuple[list[weasyprint.CSS], list[str]]:
        """Return the parsed sheets, and what they referred to in vain."""
        fetcher = _Fetcher(self.files)
        texts = [fetcher.fetch(BASE + name).read().decode() for name in names]
        return [self._parse(text, fetcher) for text in (self.style, *texts)], fetcher.refused

    def print(self, job: DossierJob, listener: _Listener) -> Outcome:
        """Lay out one dossier."""
        text = job.document()
        if lost := sorted({c for c in html.unescape(text) if _is_meaningless(c)}):
            return Outcome(faults=tuple(_lacking(lost)))
        sheets, refused = self._styles(job.styles)
        fetcher = _Fetcher(self.files)
        marks = [self._parse(mark_style(job.mark), fetcher)] if job.mark else []
        options: dict[str, Any] = {"pdf_variant": "pdf/a-3u", "pdf_tags": True, "cache": {}}
        document = weasyprint.HTML(string=text, base_url=BASE, url_fetcher=fetcher).render(
            font_config=self.fonts, stylesheets=[*sheets, *marks], **options
        )
        _set_metadata(document.metadata, job, self.name)
        about = {"name": ATTACHMENT, "description": DESCRIPTION, "relationship": "Data"}
        dates = {"created": job.created, "modified": job.created}
        carried = [weasyprint.Attachment(string=job.data, **about, **dates)] if job.data else None
        content = document.write_pdf(attachments=carried, finisher=_head_every_cell, **options)
        if listener.missing:
            return Outcome(faults=tuple(_lacking(sorted(listener.missing))))
        if refused or fetcher.refused:
            names = "、".join(f"“{printable(url)}”" for url in dict.fromkeys([*refused, *fetcher.refused]))
            fault = f"模板引用了 {names}，但只能引用模板文件夹里已有的文件。"
            return Outcome(faults=(("print-refused", fault),))
        return Outcome(content, notes=tuple(listener.notes))


# One, in a worker.
_printers: list[_Printer] = []


def start(*press: Any) -> None:
    """Prepare a worker process (as `_Printer`): it ends with its parent, and no dossier takes more memory than any needs."""
    end_with_parent()
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    if most == resource.RLIM_INFINITY or most > MAX_MEMORY:
        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    # Layout makes a quarter of a million objects that all die together: they are looked through once, afterwards.
    gc.disable()
    gc.freeze()
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    _printers[:] = [_Printer(*press)]


def print_sheet(job: DossierJob) -> Outcome:
    """Print one dossier. Never raises for what it contains."""
    listener = _Listener()
    LOGGER.addHandler(listener)
    try:
        return _printers[0].print(job, listener)
    except MemoryError:
        return Outcome(faults=(("print-memory", "排版所需内存超出限制，已停止。请检查内容是否异常庞大。"),))
    except Exception as error:  # a hostile template may break the layout engine anywhere
        text = printable(f"{type(error).__name__}: {error}")[:300]
        return Outcome(faults=(("print-failed", f"模板或样式表有误，无法排版（{text}）。"),))
    finally:
        LOGGER.removeHandler(listener)
        gc.collect(1)


def _is_meaningless(character: str) -> bool:
    """Tell private-use characters, whose shape is the font's whim, and the mark of one already lost."""
    return character == "\ufffd" or (character > "\ud7ff" and unicodedata.category(character) in ("Co", "Cs"))


def _lacking(characters: list[str]) -> Iterator[tuple[str, str]]:
    for character in characters:
        code = f"U+{ord(character):04X}"
        if _is_meaningless(character):
            text = f"含有无法确定字形的字符 {code}（私用区或已损坏的字符）。请改用该字的正式编码。"
        else:
            ideograph = "CJK" in unicodedata.name(character, "CJK")
            packages = " 或 ".join(RARE_PACKAGES) if ideograph else SCRIPTS_PACKAGE
            text = (
                f"已安装的字体都没有“{printable(character)}”（{code}）字。请先核对有无错字；"
                f"确需此字时，安装含有它的字体（如 {packages}）后再生成。"
            )
        yield "missing-glyph", text


# PDF/A does not know PDF/UA: its mark is declared as foreign metadata is (ISO 19005-3, 6.6.2.3).
_UNIVERSAL_ACCESS = Path(__file__).with_name("universal-access.xml").read_bytes().strip()


def _set_metadata(metadata: Any, job: DossierJob, press: str) -> None:
    metadata.title = (metadata.title or "").strip() or job.record
    metadata.generator = press
    if job.created is not None:
        metadata.created = metadata.modified = job.created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    plain = metadata.generate_rdf_metadata

    def with_universal_access(*arguments: object) -> bytes:
        head, end, tail = bytes(plain(*arguments)).rpartition(b"</")
        return head + _UNIVERSAL_ACCESS + end + tail

    # A file has one description of itself, so `xmp_metadata`, which adds another, will not do.
    metadata.generate_rdf_metadata = with_universal_access


def _head_every_cell(document: object, pdf: Any) -> None:
    """Name a head for each table cell for which the layout engine finds none: PDF/UA asks for one.

    It looks for heads in the cell's own column or marked as heads of a row; in forms they stand to the left.
    """
    for table in [o for o in pdf.objects if isinstance(o, dict) and o.get("S") == "/Table"]:
        head, waiting = None, [table]
        while waiting:
            element = waiting.pop()
            look = element.get("A", {})
            if element["S"] == "/TH":
                head = element.get("ID", head)
            elif element["S"] != "/TD":
                kids = (
                    pdf.objects[int(k.split()[0])] for k in reversed(element["K"]) if isinstance(k, bytes)
                )
                waiting.extend(k for k in kids if "S" in k)
            elif not look.get("Headers"):
                look.pop("Headers", None)
                if head is not None:
                    look["Headers"] = pydyf.Array([head])
