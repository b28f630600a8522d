"""What travels between the engine and its print workers: light shapes, so that neither drags in the other.

The layout engine takes half a second to import; a build in which no dossier changed never imports it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from lingtouyan.pdf.fonts import Cut


@dataclass(frozen=True, slots=True)
class Press:
    """What all dossiers of a run share.

    Attributes:
        templates: folder of templates, style sheets and images; the only one a dossier can read.
        cuts: the fonts.
        folder: where workers may write their small fonts.
    """

    templates: Path
    cuts: tuple[Cut, ...]
    folder: Path


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that travels inside the PDF.

    Attributes:
        name: file name shown to the reader.
        content: the bytes.
        description: what it is, in the user's language.
        relationship: `Data`, `Source`, `Supplement`, `Alternative` or `Unspecified` (ISO 32000-2, 7.11.3).
    """

    name: str
    content: bytes
    description: str = ""
    relationship: str = "Data"


@dataclass(frozen=True, slots=True)
class Mark:
    """What stands at the foot of every page: where the records are found, and what they must hash to.

    Attributes:
        commit: ten hexadecimal digits; empty when the records are not committed.
        digest: sixteen hexadecimal digits.
        blank: it is a blank form's: the digest is that of its template, and there are no records.
    """

    commit: str
    digest: str
    blank: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """One dossier to print.

    Attributes:
        html: the document.
        styles: style sheets inside the template folder.
        out: the file to write.
        created: date for the metadata, or None.
        attachments: files to carry.
        mark: what stands at the foot of every page, or None.
        title: what it is called, where the document does not say.
        press: which programs and fonts print it; whoever has the same prints the same bytes.
    """

    html: str
    styles: tuple[str, ...]
    out: Path
    created: datetime | None = None
    attachments: tuple[Attachment, ...] = ()
    mark: Mark | None = None
    title: str = ""
    press: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a sheet.

    Attributes:
        digest: hex SHA-256 of the file written; empty when there are faults and nothing was written.
        faults: what kept it from being printed, as (kind, sentence).
        notes: what the layout engine grumbled about, in its own words.
    """

    digest: str = ""
    faults: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
