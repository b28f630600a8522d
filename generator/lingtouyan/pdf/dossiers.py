"""Dossiers: HTML made from templates becomes PDF files, in worker processes, unchanged ones taken over.

A dossier that cannot be printed right is not printed at all: it yields a problem, and the others go on.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Sized
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TextIO

from tqdm import tqdm

from lingtouyan.earlier import read_plain
from lingtouyan.pdf.cutting import harfbuzz_version, require_libraries
from lingtouyan.pdf.fonts import Stack, cut_common, find_stacks, identity
from lingtouyan.pdf.sheets import Attachment, Mark, Outcome, Press, Sheet
from lingtouyan.pdf.workers import Workers
from lingtouyan.problems import Problem, RecordsError, error, printable, quoted, warning
from lingtouyan.reading.files import folder_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from concurrent.futures import Executor
    from datetime import datetime

__all__ = ["Attachment", "DossierJob", "DossierReport", "Previous", "Printed", "render_dossiers"]

# The layout engine's memory creeps upwards; a process that has printed this many makes room for a fresh one.
SHEETS_PER_PROCESS = 200
_TEMPLATE_SUFFIXES = (".html", ".md", ".lrmx", ".xml")
_MAX_NAME_BYTES = 200
# After so many of one template that never ended, or of any, the others are not tried: each may take minutes.
_MOST_ALIKE, _MOST_OVERRUNS = 3, 8
_OVERRUNS = frozenset({"print-timeout", "print-memory"})
# Seconds of the processor after which a template that fails counts as one that never ended.
_LONG = 2.0


@dataclass(frozen=True, slots=True)
class DossierJob:
    """One PDF to make.

    Attributes:
        path: where it goes inside the output folder, with `/`, ending in `.pdf`.
        html: the whole HTML document, or a function that gives it (called at most once, only when needed; it
            may raise `RecordsError`, whose problems then stand for this dossier).
        record: how a message names the record, e.g. the title of the form and the name.
        source: file that a problem is reported under, relative to the project root.
        line: line in that file, 0 when there is none.
        styles: style sheets inside the template folder, in order.
        digest: fingerprint of all that the HTML is made from (template, rows, engine facts it shows). Empty:
            the HTML is made and hashed instead, which is always right and costs the templating.
        created: date in the PDF's metadata, from the records or the commit; None leaves it out.
        attachments: files to carry; they need `created`.
        mark: what stands at the foot of every page, or None.
        row: the values of the query's row it is made for.
        kind: the template it is made from, where several dossiers are.
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
    mark: Mark | None = None
    row: Mapping[str, object] = field(default_factory=dict)
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Printed:
    """What is known of a finished PDF: fingerprints (hex SHA-256) of what went in and of the file itself."""

    inputs: str
    output: str


@dataclass(frozen=True, slots=True)
class Previous:
    """The last build of the same folder.

    Attributes:
        folder: where its PDFs lie.
        printed: path inside the folder -> fingerprints, as `DossierReport.printed` gave them. This list must
            come from a place the caller trusts (signed); the files are checked against it.
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
        problems: one or more per dossier that could not be printed (errors), and remarks of the layout engine
            about templates and style sheets (warnings).
    """

    printed: dict[str, Printed] = field(default_factory=dict)
    rendered: int = 0
    reused: int = 0
    problems: list[Problem] = field(default_factory=list)

    def dump(self) -> bytes:
        """Return `printed` in a form that can be kept."""
        return json.dumps({path: [p.inputs, p.output] for path, p in sorted(self.printed.items())}).encode()


def load_printed(data: bytes) -> dict[str, Printed]:
    """Return what `DossierReport.dump` kept."""
    return {path: Printed(*pair) for path, pair in json.loads(data).items()}


def render_dossiers(
    jobs: Iterable[DossierJob],
    *,
    templates: Path,
    out: Path,
    previous: Previous | None = None,
    stacks: list[Stack] | None = None,
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
        stacks: the fonts to print with; default: the best installed ones.
        executor: runs the work elsewhere, on machines that share the disk; default is processes of our own.
        workers: how many processes of our own; default one per processor.
        progress: where to show progress (a bar on a terminal, else one line at the end); None shows nothing.

    Raises:
        UsageError: the machine lacks a library or a font that every dossier needs.
    """
    require_libraries()
    templates, out = templates.resolve(), out.resolve()
    stacks = find_stacks() if stacks is None else stacks
    shaping = _shaping(stacks)
    run = _Run(templates, out, previous, _engine(shaping, templates), f"lingtouyan {shaping[:16]}")
    press: Press | None = None
    with (
        tempfile.TemporaryDirectory(dir=out, prefix=".fonts-") as folder,
        _Progress(len(jobs) if isinstance(jobs, Sized) else None, progress) as bar,
        Workers[DossierJob, Outcome](
            executor, workers, SHEETS_PER_PROCESS, "lingtouyan.pdf.printing", _start_worker, folder
        ) as pool,
    ):
        for job in jobs:
            sheet = run.prepare(job)
            if sheet is None:
                bar.advance()
                continue
            if press is None:
                press = Press(templates, cut_common(stacks, Path(folder)), Path(folder))
            for finished, outcome in pool.put(job, _work, press, sheet):
                run.finish(finished, outcome)
                bar.advance()
        for finished, outcome in pool.drain():
            run.finish(finished, outcome)
            bar.advance()
        report = run.report
        bar.close(f"文书 {len(report.printed)} 份：新排印 {report.rendered} 份，沿用 {report.reused} 份。")
    return report


def _shaping(stacks: list[Stack]) -> str:
    """Return a digest over the programs and fonts that shape the pages: where it is the same, so is every page."""
    digest = hashlib.sha256()
    for package in (
        "weasyprint",
        "pydyf",
        "fonttools",
        "tinycss2",
        "tinyhtml5",
        "cssselect2",
        "pyphen",
        "pillow",
        "segno",
    ):
        digest.update(f"{package} {version(package)}\n".encode())
    digest.update(f"{harfbuzz_version()} {zlib.ZLIB_RUNTIME_VERSION} {identity(stacks)}\n".encode())
    for module in ("cutting", "engine_savings", "fonts", "marks", "numbering", "printing", "tagging"):
        digest.update((Path(__file__).parent / f"{module}.py").read_bytes())
    return digest.hexdigest()


def _engine(shaping: str, templates: Path) -> str:
    """Return a digest over everything that shapes a PDF besides its own HTML."""
    digest = hashlib.sha256(shaping.encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    # Style sheets import one another and name images: any of these files may show in any dossier.
    for path, data in folder_files(
        templates.parent, templates.name, lambda p: p.suffix not in _TEMPLATE_SUFFIXES
    ):
        digest.update(path.as_posix().encode() + b"\0" + data)
    return digest.hexdigest()


def _call(html: str | Callable[[], str]) -> str:
    return html if isinstance(html, str) else html()


class _Run:
    """One call of `render_dossiers`: decides what is taken over, keeps the report."""

    def __init__(
        self, templates: Path, out: Path, previous: Previous | None, engine: str, press: str
    ) -> None:
        self.templates = templates
        self.out = out
        self.previous = previous
        self.engine = engine
        self.press = press
        self.report = DossierReport()
        self._inputs: dict[str, str] = {}
        self._overruns: Counter[str] = Counter()
        out.mkdir(parents=True, exist_ok=True)

    def prepare(self, job: DossierJob) -> Sheet | None:
        """Return what must be printed, or None when it was taken over or has failed already."""
        if fault := self._path_fault(job.path):
            self.fail(job, "print-path", fault)
            return None
        html = job.html if isinstance(job.html, str) else None
        start = time.thread_time()
        try:
            if html is None and not job.digest:
                html = _call(job.html)
            inputs = self._inputs_of(job, f"digest {job.digest}" if html is None else html)
            self._inputs[job.path] = inputs
            if self._take_over(job.path, inputs):
                return None
            if fault := self._given_up(job):
                self.fail(job, "print-timeout", fault)
                return None
            if html is None:
                html = _call(job.html)
        except RecordsError as stop:
            self.report.problems.extend(stop.problems)
            if time.thread_time() - start > _LONG:
                self._overruns[job.kind] += 1
            return None
        return Sheet(
            html,
            job.styles,
            self.out / job.path,
            job.created,
            job.attachments,
            job.mark,
            job.record,
            self.press,
        )

    def _given_up(self, job: DossierJob) -> str:
        """Say why a dossier is not even tried, or nothing."""
        if job.kind and self._overruns[job.kind] >= _MOST_ALIKE:
            return (
                f"同一模板已有 {_MOST_ALIKE} 份超出时间或内存的上限，其余没有再试。请先检查模板 {job.kind}。"
            )
        if self._overruns.total() >= _MOST_OVERRUNS:
            return f"本次已有 {_MOST_OVERRUNS} 份超出时间或内存的上限，其余没有再试。请先检查那些模板。"
        return ""

    def _path_fault(self, path: str) -> str:
        parts = PurePosixPath(path).parts
        if path in self._inputs:
            return f"有两份文书都要写入 {quoted(path, 80)}，只排印了第一份。请检查模板中的 path。"
        if (
            not path.endswith(".pdf")
            or path.startswith("/")
            or any(p == ".." or len(p.encode()) > _MAX_NAME_BYTES for p in parts)
            or "\\" in path
            or not path.isprintable()
        ):
            return f"文件路径 {quoted(path, 80)} 不能使用。请检查模板中的 path 和记录的编号。"
        return ""

    def _inputs_of(self, job: DossierJob, content: str) -> str:
        digest = hashlib.sha256()
        attached = [
            (a.name, hashlib.sha256(a.content).hexdigest(), a.description, a.relationship)
            for a in job.attachments
        ]
        mark = job.mark and (job.mark.commit, job.mark.digest, job.mark.blank)
        facts = (self.engine, job.styles, str(job.created), attached, mark, job.record, content)
        digest.update(json.dumps(facts, ensure_ascii=False).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def _take_over(self, path: str, inputs: str) -> bool:
        before = self.previous and self.previous.printed.get(path)
        if not self.previous or not before or before.inputs != inputs:
            return False
        old, new = self.previous.folder / path, self.out / path
        try:
            if hashlib.sha256(read_plain(old)).hexdigest() != before.output:
                return False
            new.parent.mkdir(parents=True, exist_ok=True)
            new.unlink(missing_ok=True)
            try:
                os.link(old, new)
            except OSError:
                shutil.copyfile(old, new)
        except OSError:
            return False
        self.report.printed[path] = before
        self.report.reused += 1
        return True

    def finish(self, job: DossierJob, outcome: Outcome | None) -> None:
        """Enter the outcome of a sheet into the report; None when its process died."""
        if outcome is None or any(rule in _OVERRUNS for rule, _ in outcome.faults):
            self._overruns[job.kind] += 1
        if outcome is None:
            self.fail(
                job, "print-crash", "排版进程意外退出（多半是内容异常庞大、内存不足）。请检查这份记录和模板。"
            )
            return
        for rule, fault in outcome.faults:
            self.fail(job, rule, fault)
        if not outcome.faults:
            self.report.printed[job.path] = Printed(self._inputs[job.path], outcome.digest)
            self.report.rendered += 1
        for note in outcome.notes:
            remark = warning("", 0, "print-remark", f"排版引擎提示：{printable(note)}")
            if remark not in self.report.problems:
                self.report.problems.append(remark)

    def fail(self, job: DossierJob, rule: str, fault: str) -> None:
        """Enter a fault: this dossier is not printed."""
        self.report.problems.append(error(job.source, job.line, rule, f"{job.record}没有排印：{fault}"))


def _work(press: Press, sheet: Sheet) -> Outcome:
    # Here, not above: the engine's own process has no need of the layout engine.
    from lingtouyan.pdf.printing import print_sheet

    return print_sheet(press, sheet)


def _start_worker(folder: str) -> None:
    from lingtouyan.pdf.printing import harden_process

    harden_process(folder)


class _Progress:
    """A bar on a terminal, one closing line elsewhere, or nothing."""

    def __init__(self, total: int | None, stream: TextIO | None) -> None:
        self._stream = stream
        live = stream is not None and stream.isatty()
        self._bar: Any = tqdm(
            total=total, desc="排印文书", unit="份", file=stream or sys.stderr, disable=not live, leave=False
        )

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def advance(self) -> None:
        self._bar.update()

    def close(self, line: str) -> None:
        self._bar.close()
        if self._stream is not None:
            print(line, file=self._stream)
