"""One dossier from HTML to PDF/A-3u and PDF/UA-1, in a worker process: nothing is fetched, always the same bytes.

Imported by the workers only: a build in which nothing is printed does not load the layout engine.
"""

from __future__ import annotations

import gc
import html
import logging
import mimetypes
import os
import resource
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import UTC
from multiprocessing import parent_process
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
from lingtouyan.pdf.render import Outcome, Press, Sheet
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
        parts = urlsplit(url)
        name = unquote(url.removeprefix(BASE))
        if parts.scheme == "data" and len(url) <= MAX_DATA_URL:
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
    """What one process keeps between dossiers: fonts and parsed style sheets."""

    def __init__(self, press: Press) -> None:
        os.environ["FONTCONFIG_FILE"] = str(press.fonts)
        self.press = press
        self.fonts = FontConfiguration()
        self._sheets: dict[tuple[str, ...], tuple[list[weasyprint.CSS], list[str]]] = {}

    def _parse(self, text: str, fetcher: _Fetcher) -> weasyprint.CSS:
        return weasyprint.CSS(string=text, base_url=BASE, url_fetcher=fetcher, font_config=self.fonts)

    def _styles(self, names: tuple[str, ...]) -> tuple[list[weasyprint.CSS], list[str]]:
        """Return the parsed sheets, and what they referred to in vain."""
        if names not in self._sheets:
            fetcher = _Fetcher(self.press.files)
            texts = [fetcher.fetch(BASE + name).read().decode() for name in names]
            sheets = [self._parse(text, fetcher) for text in (self.press.style, *texts)]
            self._sheets[names] = sheets, fetcher.refused
        return self._sheets[names]

    def print(self, sheet: Sheet, listener: _Listener) -> Outcome:
        """Lay out one dossier."""
        if lost := sorted({c for c in html.unescape(sheet.html) if _is_meaningless(c)}):
            return Outcome(faults=tuple(_lacking(lost)))
        sheets, refused = self._styles(sheet.styles)
        fetcher = _Fetcher(self.press.files)
        options: dict[str, Any] = {"pdf_variant": "pdf/a-3u", "pdf_tags": True, "cache": {}}
        document = weasyprint.HTML(string=sheet.html, base_url=BASE, url_fetcher=fetcher).render(
            font_config=self.fonts,
            stylesheets=[*sheets, *([self._parse(mark_style(sheet.mark), fetcher)] if sheet.mark else [])],
            **options,
        )
        _set_metadata(document.metadata, sheet, self.press.name)
        content = document.write_pdf(
            attachments=[_attached(sheet)] if sheet.data else None, finisher=_head_every_cell, **options
        )
        if listener.missing:
            return Outcome(faults=tuple(_lacking(sorted(listener.missing))))
        if refused or fetcher.refused:
            names = "、".join(f"“{printable(url)}”" for url in dict.fromkeys([*refused, *fetcher.refused]))
            fault = f"模板引用了 {names}，但只能引用模板文件夹里已有的文件。"
            return Outcome(faults=(("print-refused", fault),))
        return Outcome(content, notes=tuple(listener.notes))


# One, in a worker.
_printers: list[_Printer] = []


def start(press: Press) -> None:
    """Prepare a worker process: it ends with its parent, and one dossier takes no more memory than any needs."""
    if parent_process() is not None:
        end_with_parent()
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        if most == resource.RLIM_INFINITY or most > MAX_MEMORY:
            resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
        # Layout makes a quarter of a million objects that all die together: they are looked through once, afterwards.
        gc.disable()
        gc.freeze()
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    _printers[:] = [_Printer(press)]


def print_sheet(sheet: Sheet) -> Outcome:
    """Print one dossier. Never raises for what it contains."""
    listener = _Listener()
    LOGGER.addHandler(listener)
    try:
        return _printers[0].print(sheet, listener)
    except MemoryError:
        return Outcome(faults=(("print-memory", "排版所需内存超出限制，已停止。请检查内容是否异常庞大。"),))
    except Exception as error:  # a hostile template may break the layout engine anywhere
        text = printable(f"{type(error).__name__}: {error}")[:300]
        return Outcome(faults=(("print-failed", f"模板或样式表有误，无法排版（{text}）。"),))
    finally:
        LOGGER.removeHandler(listener)
        if not gc.isenabled():
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


def _attached(sheet: Sheet) -> weasyprint.Attachment:
    if sheet.created is None:
        raise ValueError("an attachment needs a date")
    date = sheet.created.astimezone(UTC)
    return weasyprint.Attachment(
        string=sheet.data,
        name=ATTACHMENT,
        description=DESCRIPTION,
        relationship="Data",
        created=date,
        modified=date,
    )


# PDF/A does not know PDF/UA: its mark is declared as foreign metadata is (ISO 19005-3, 6.6.2.3).
_UNIVERSAL_ACCESS = b"""
<rdf:Description rdf:about="" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/"><pdfuaid:part>1</pdfuaid:part></rdf:Description>
<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/" \
xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
<pdfaSchema:schema>PDF/UA Universal Accessibility Schema</pdfaSchema:schema>
<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>
<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>
<pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">
<pdfaProperty:name>part</pdfaProperty:name><pdfaProperty:valueType>Integer</pdfaProperty:valueType>
<pdfaProperty:category>internal</pdfaProperty:category>
<pdfaProperty:description>Indicates which part of ISO 14289 standard is followed</pdfaProperty:description>
</rdf:li></rdf:Seq></pdfaSchema:property>
</rdf:li></rdf:Bag></pdfaExtension:schemas></rdf:Description>
"""


def _set_metadata(metadata: Any, sheet: Sheet, press: str) -> None:
    metadata.title = (metadata.title or "").strip() or sheet.title
    metadata.generator = press
    if sheet.created is not None:
        metadata.created = metadata.modified = sheet.created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    plain = metadata.generate_rdf_metadata

    def with_universal_access(*arguments: object) -> bytes:
        head, end, tail = bytes(plain(*arguments)).rpartition(b"</")
        return head + _UNIVERSAL_ACCESS.strip() + end + tail

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
