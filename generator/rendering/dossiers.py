"""Dossiers: HTML made from templates becomes PDF files, in worker processes, unchanged ones taken over.

A dossier that cannot be printed right is not printed at all: it yields a problem, and the others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TextIO

from generator.checking.problems import Problem


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
class DossierJob:
    """One PDF to make.

    Attributes:
        path: where it goes inside the output folder, with `/`, ending in `.pdf`.
        html: the whole HTML document, or a function that gives it (called once, only when it is needed; it may
            raise `RecordsError`, whose problems then stand for this dossier).
        record: how a message names the record, e.g. the page title.
        source: file that a problem is reported under, relative to the project root (the record, or the template).
        line: line in that file, 0 when there is none.
        styles: style sheets inside the template folder, in order.
        digest: fingerprint of all that the HTML is made from (template, rows, engine facts it shows). Empty: the
            HTML is made and hashed instead, which is always right and costs the templating.
        created: date in the PDF's metadata; None leaves it out. It must come from the records or the commit.
        attachments: files to carry; they need `created`.
    """

    path: str
    html: str | Callable[[], str]
    record: str
    source: str = ""
    line: int = 0
    styles: tuple[str, ...] = ()
    digest: str = ""
    created: datetime | None = None
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Printed:
    """What is known of a finished PDF: fingerprints (hex SHA-256) of what went in and of the file itself."""

    inputs: str
    output: str


@dataclass(frozen=True, slots=True)
class Previous:
    """The last build of the same folder, from a list that the caller trusts (signed), not from the folder itself.

    Attributes:
        folder: where its PDFs lie.
        printed: path inside the folder -> fingerprints, as `DossierReport.printed` gave them.
    """

    folder: Path
    printed: Mapping[str, Printed]


@dataclass(slots=True)
class DossierReport:
    """What a run did.

    Attributes:
        printed: every PDF now in the output folder, for the next run's `Previous`.
        rendered: how many were made anew.
        reused: how many were taken over unchanged.
        problems: one or more per dossier that could not be printed (errors), and warnings about style sheets.
    """

    printed: dict[str, Printed] = field(default_factory=dict)
    rendered: int = 0
    reused: int = 0
    problems: list[Problem] = field(default_factory=list)


def render_dossiers(
    jobs: Iterable[DossierJob],
    *,
    templates: Path,
    out: Path,
    previous: Previous | None = None,
    executor: Executor | None = None,
    workers: int | None = None,
    progress: TextIO | None = None,
) -> DossierReport:
    """Make all PDFs.

    Args:
        jobs: read once, so it may be a generator.
        templates: the folder of templates and style sheets; nothing outside it can be read by a dossier.
        out: output folder (made when missing); it must not be the folder of `previous`.
        previous: the last build; what has not changed is linked from there.
        executor: runs the work elsewhere (any `concurrent.futures.Executor`); default is a pool of processes.
        workers: size of the default pool; default one per core.
        progress: where to show progress (a bar on a terminal, else one line at the end); None shows nothing.

    Raises:
        UsageError: the machine lacks a library or a font that every dossier needs.
    """
    raise NotImplementedError
