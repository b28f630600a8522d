"""One dossier from HTML to PDF/A-3u, in a worker process: sandboxed, tagged, always the same bytes.

Everything a worker needs comes by value or as a path, so that it can run on any executor that shares the disk.
"""

from __future__ import annotations

import gc
import hashlib
import logging
import os
import resource
import tempfile
from datetime import UTC
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import weasyprint
from weasyprint.logger import LOGGER
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import URLFetcher, URLFetcherResponse

from lingtouyan.pdf.engine_savings import install, pack
from lingtouyan.pdf.fonts import (
    characters_of,
    common_characters,
    common_style,
    is_meaningless,
    rare_style,
    unprintable,
)
from lingtouyan.pdf.marks import mark_style
from lingtouyan.pdf.sheets import Attachment, Outcome, Press, Sheet
from lingtouyan.pdf.tagging import link_cells
from lingtouyan.problems import printable
from lingtouyan.watchdog import OverdueError, rationed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

MAX_FILE = 20 * 2**20
MAX_DATA_URL = 4 * 2**20
# Of the processor, for one dossier: a volume of three hundred forms takes a third of it. The clock's bound is only for a
# machine that does nothing else any more.
MAX_SECONDS = 300
MAX_PATIENCE = 3600
MAX_MEMORY = 4 * 2**30
MAX_PIXELS = 40_000_000
_TYPES = {
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
}


class Sandbox(URLFetcher):  # type: ignore[misc]
    """Serves files below some folders and small `data:` URLs; remembers what it refused."""

    def __init__(self, *folders: Path) -> None:
        super().__init__(allowed_protocols=("data", "file"), allow_redirects=False)
        self._folders = [folder.resolve() for folder in folders]
        self.refused: list[str] = []

    def fetch(self, url: str, headers: object = None) -> URLFetcherResponse:
        """Return the file at `url`.

        Raises:
            ValueError: it lies outside, is too large, or is not there.
        """
        try:
            if url[:5].lower() == "data:":
                if len(url) > MAX_DATA_URL:
                    raise ValueError("data URL too large")
                return super().fetch(url)
            return self._file(url)
        except (OSError, ValueError):
            self.refused.append(url[:200])
            raise

    def _file(self, url: str) -> URLFetcherResponse:
        parts = urlsplit(url)
        if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
            raise ValueError("not a local file")
        # Links are followed first and judged by where they end.
        path = Path(url2pathname(parts.path)).resolve(strict=True)
        if not path.is_file() or not any(path.is_relative_to(folder) for folder in self._folders):
            raise ValueError("outside the template folder")
        if path.stat().st_size > MAX_FILE:
            raise ValueError("file too large")
        kind = _TYPES.get(path.suffix.lower(), "application/octet-stream")
        return URLFetcherResponse(url, path.read_bytes(), {"Content-Type": kind})


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


class _Shared:
    """What one process keeps between dossiers: fonts and parsed style sheets."""

    def __init__(self, press: Press) -> None:
        install()
        self.press = press
        self.common: set[str] = set()
        self.fonts = FontConfiguration()
        self.base_url = press.templates.resolve().as_uri() + "/"
        self._sheets: dict[tuple[str, ...], tuple[list[weasyprint.CSS], set[str], list[str]]] = {}

    def sheets(self, styles: tuple[str, ...]) -> tuple[list[weasyprint.CSS], set[str], list[str]]:
        """Return the parsed sheets, their characters, and what they referred to in vain."""
        if styles not in self._sheets:
            sandbox = Sandbox(self.press.templates, self.press.folder)
            texts = [sandbox.fetch(self.base_url + name).read().decode() for name in styles]
            sheets = [self.parse(text, sandbox) for text in (common_style(self.press.cuts), *texts)]
            self._sheets[styles] = (sheets, set("".join(texts)), sandbox.refused)
        return self._sheets[styles]

    def uncommon(self, characters: set[str]) -> set[str]:
        """Return those that some common cut lacks; what was looked up once is remembered."""
        self.common |= common_characters(characters - self.common, self.press.cuts)
        return characters - self.common

    def parse(self, text: str, sandbox: Sandbox) -> weasyprint.CSS:
        """Parse one style sheet; its fonts become known to this process."""
        return weasyprint.CSS(
            string=text, base_url=self.base_url, url_fetcher=sandbox, font_config=self.fonts
        )


@cache
def _shared(press: Press) -> _Shared:
    return _Shared(press)


def print_sheet(press: Press, sheet: Sheet) -> Outcome:
    """Print one dossier and write its file, whole or not at all. Never raises for what it contains."""
    listener = _Listener()
    LOGGER.addHandler(listener)
    try:
        with rationed(MAX_SECONDS, MAX_PATIENCE):
            return _print(_shared(press), sheet, listener)
    except OverdueError:
        fault = f"排版用去处理器 {MAX_SECONDS} 秒仍未完成，已停止。请检查模板是否有误、内容是否异常庞大。"
        return Outcome(faults=(("print-timeout", fault),))
    except MemoryError:
        return Outcome(faults=(("print-memory", "排版所需内存超出限制，已停止。请检查内容是否异常庞大。"),))
    except Exception as error:  # a hostile template may break the layout engine anywhere
        text = printable(f"{type(error).__name__}: {error}")[:300]
        return Outcome(faults=(("print-failed", f"模板或样式表有误，无法排版（{text}）。"),))
    finally:
        LOGGER.removeHandler(listener)
        _tidy()


def _tidy() -> None:
    """Collect garbage after each dossier, in processes that do not collect it by themselves."""
    if not gc.isenabled():
        gc.collect(1)


def _print(shared: _Shared, sheet: Sheet, listener: _Listener) -> Outcome:
    press = shared.press
    printed, possible = characters_of(sheet.html)
    sheets, more, refused = shared.sheets(sheet.styles)
    uncommon = shared.uncommon(printed | possible | more)
    if lacking := unprintable(printed & uncommon, press.cuts):
        return Outcome(faults=tuple(_lacking(lacking)))
    sandbox = Sandbox(press.templates, press.folder)
    rare = rare_style(uncommon, press.cuts, press.folder)
    html = weasyprint.HTML(string=sheet.html, base_url=shared.base_url, url_fetcher=sandbox)
    added = [rare, mark_style(sheet.mark) if sheet.mark else ""]
    options: dict[str, Any] = {"pdf_variant": "pdf/a-3u", "pdf_tags": True, "cache": {}}
    document = html.render(
        font_config=shared.fonts,
        stylesheets=[*sheets, *(shared.parse(style, sandbox) for style in added if style)],
        **options,
    )
    _set_metadata(document.metadata, sheet)
    attachments = [_attached(attachment, sheet.created) for attachment in sheet.attachments]
    content = document.write_pdf(attachments=attachments, finisher=_finish, **options)
    if listener.missing:
        return Outcome(faults=tuple(_lacking(sorted(listener.missing))))
    if refused or sandbox.refused:
        names = "、".join(f"“{printable(url)}”" for url in dict.fromkeys([*refused, *sandbox.refused]))
        fault = f"模板引用了 {names}，但只能引用模板文件夹里已有的文件。"
        return Outcome(faults=(("print-refused", fault),))
    _write(sheet.out, content)
    return Outcome(hashlib.sha256(content).hexdigest(), notes=tuple(listener.notes))


def _finish(document: object, pdf: Any) -> None:
    link_cells(document, pdf)
    pack(document, pdf)


def _lacking(characters: list[str]) -> Iterator[tuple[str, str]]:
    for character in characters:
        code = f"U+{ord(character):04X}"
        if is_meaningless(character):
            text = f"含有无法确定字形的字符 {code}（私用区、未定义或已损坏的字符）。请改用该字的正式编码。"
        else:
            text = (
                f"已安装的字体都没有“{printable(character)}”（{code}）字。请先核对有无错字；"
                "确需此字时，安装含有它的字体（如 fonts-babelstone-han、fonts-hanazono）后再生成。"
            )
        yield "missing-glyph", text


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".new")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _attached(attachment: Attachment, created: datetime | None) -> weasyprint.Attachment:
    if created is None:
        raise ValueError("an attachment needs a date")
    return weasyprint.Attachment(
        string=attachment.content,
        name=attachment.name,
        description=attachment.description,
        relationship=attachment.relationship,
        created=created.astimezone(UTC),
        modified=created.astimezone(UTC),
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


def _set_metadata(metadata: Any, sheet: Sheet) -> None:
    metadata.title = (metadata.title or "").strip() or sheet.title
    metadata.generator = sheet.press
    if sheet.created is not None:
        metadata.created = metadata.modified = sheet.created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    plain = metadata.generate_rdf_metadata

    def with_universal_access(*arguments: object) -> bytes:
        head, end, tail = bytes(plain(*arguments)).rpartition(b"</")
        return head + _UNIVERSAL_ACCESS.strip() + end + tail

    metadata.generate_rdf_metadata = with_universal_access


def harden_process(folder: str) -> None:
    """Prepare a process of our own: temporary files in `folder`, and a bound on what a hostile dossier can take."""
    from PIL import Image

    tempfile.tempdir = folder
    # Layout makes a quarter of a million objects that all die together: looking through them meanwhile is a
    # quarter of the whole time.
    gc.disable()
    gc.freeze()
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
