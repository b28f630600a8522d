"""From HTML to finished PDFs: printed in worker processes, taken from the cache where nothing changed.

A dossier that cannot be printed right is not printed at all: it yields a problem, and the others go on.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib.metadata import version
from itertools import chain, islice
from pathlib import Path, PurePosixPath
from typing import Any, TextIO

from tqdm import tqdm

from lingtouyan.cache import Cache
from lingtouyan.pdf.fonts import (
    configuration,
    find_stacks,
    identity,
    library_version,
    require_libraries,
    role_style,
)
from lingtouyan.pdf.footer import Mark, digest_of
from lingtouyan.problems import Problem, RecordsError, UsageError, error, printable, quoted, warning

# The layout engine's memory creeps upwards; processes that have printed this many make room for fresh ones.
SHEETS_PER_PROCESS = 200
_MAX_NAME_BYTES = 200
_LAYOUT = (
    *("weasyprint", "pydyf", "fonttools", "tinycss2", "tinyhtml5", "cssselect2", "pyphen", "pillow", "segno"),
)


@dataclass(frozen=True, slots=True)
class DossierJob:
    """One PDF to make.

    Attributes:
        path: where it goes inside the output folder, with `/`, ending in `.pdf`.
        html: the whole HTML document, or a function that gives it (called at most once, only when needed; it
            may raise `RecordsError`, whose problems then stand for this dossier).
        record: how a message names the record, and what the PDF is called where its HTML does not say.
        source: file that a problem is reported under, relative to the project root.
        line: line in that file, 0 when there is none.
        styles: names of style sheets, in order.
        digest: fingerprint of all that the HTML is made from (template, rows, engine facts it shows). Empty:
            the HTML is made and hashed instead, which is always right and costs the templating.
        created: date in the PDF's metadata, from the records or the commit; None leaves it out.
        data: the records that it carries; they need `created`.
        mark: what stands at the foot of every page, or None.
        row: the values of the query's row it is made for.
    """

    path: str
    html: str | Callable[[], str]
    record: str
    source: str = ""
    line: int = 0
    styles: tuple[str, ...] = ()
    digest: str = ""
    created: datetime | None = None
    data: bytes = b""
    mark: Mark | None = None
    row: Mapping[str, object] = field(default_factory=dict)

    def document(self) -> str:
        """Return the HTML.

        Raises:
            RecordsError: the template stumbles.
        """
        return self.html if isinstance(self.html, str) else self.html()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job: the PDF, or what kept it from being printed, as (rule, sentence); and remarks on its templates."""

    content: bytes = b""
    faults: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


_CRASHED = Outcome(
    faults=(("print-crash", "排版进程意外退出（多半是内容异常庞大、内存不足）。请检查这份记录和模板。"),)
)


@dataclass(slots=True)
class DossierReport:
    """What a run did.

    Attributes:
        printed: paths of all that is now in the output `folder`: `rendered` were made anew, `reused` taken over unchanged.
        problems: one or more per dossier that could not be printed (errors), and remarks of the layout engine
            about templates and style sheets (warnings).
        refused: nothing was printed, because the records have the errors that `problems` are.
        recipient: whose age key all that is written is encrypted for; empty for nobody's.
    """

    printed: list[str] = field(default_factory=list)
    rendered: int = 0
    reused: int = 0
    problems: list[Problem] = field(default_factory=list)
    refused: bool = False
    folder: Path = Path()
    recipient: str = ""

    def fail(self, job: DossierJob, rule: str, fault: str) -> None:
        """Enter why a dossier was not printed."""
        self.problems.append(error(job.source, job.line, rule, f"{job.record}没有排印：{fault}"))

    def keep(self, path: str, content: bytes) -> None:
        """Write a file into the output folder, whole or not at all.

        Raises:
            UsageError: a link there leads elsewhere.
        """
        if self.recipient:
            import pyrage

            path = f"{path}.age"
            content = pyrage.encrypt(content, [pyrage.x25519.Recipient.from_str(self.recipient)])
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.parent.resolve().is_relative_to(self.folder.resolve()):
            raise UsageError(f"{target.parent} 经符号链接通到别处，没有写入。")
        with tempfile.TemporaryDirectory(prefix=".", dir=target.parent) as place:
            made = Path(place) / "new"
            made.write_bytes(content)
            made.replace(target)
        self.printed.append(path)


def render_dossiers(
    jobs: Iterable[DossierJob],
    *,
    files: Mapping[str, bytes],
    out: Path,
    cache: Cache | None = None,
    finish: Callable[[bytes], bytes] = bytes,
    recipient: str = "",
    workers: int | None = None,
    progress: TextIO | None = None,
) -> DossierReport:
    """Make all PDFs.

    Args:
        jobs: read once, so it may be a generator.
        files: the style sheets and pictures of the template folder by name; a dossier can read nothing else.
        out: output folder (made when missing).
        cache: where finished PDFs are kept and looked for; None prints everything.
        finish: what becomes of a PDF before it is written, e.g. a signature; its result is not kept.
        recipient: whose age key the files are encrypted for.
        workers: how many processes; default one per processor.
        progress: where to show progress (a bar on a terminal, else one line at the end); None shows nothing.

    Raises:
        UsageError: the machine lacks a library or a font that every dossier needs.
    """
    require_libraries()
    stacks = find_stacks()
    shared = [hashlib.sha256(files[name]).hexdigest() + name for name in sorted(files)]
    program = f"lingtouyan {_programs(identity(stacks))[:16]}"
    report, keys = DossierReport(folder=out, recipient=recipient), dict[str, str]()
    out.mkdir(parents=True, exist_ok=True)

    def wanted() -> Iterator[DossierJob]:
        """Yield what must be printed, with its HTML made; what was taken over or has failed is settled here."""
        for job in jobs:
            if fault := _path_fault(job.path, keys):
                report.fail(job, "print-path", fault)
            else:
                try:
                    made = job if job.digest else replace(job, html=job.document())
                    keys[job.path] = _key(made, program, shared)
                    kept = cache.get(keys[job.path]) if cache else None
                    if kept is None:
                        yield replace(made, html=made.document(), row={})
                        continue
                    report.reused += 1
                    report.keep(job.path, finish(kept))
                except RecordsError as stop:
                    report.problems.extend(stop.problems)
            bar.update()

    with (
        tempfile.TemporaryDirectory(prefix="lingtouyan-") as folder,
        tqdm(
            desc="排印文书",
            total=len(jobs) if isinstance(jobs, Sized) else None,
            unit="份",
            file=progress or sys.stderr,
            disable=progress is None or not progress.isatty(),
            leave=False,
        ) as bar,
    ):
        fonts = Path(folder) / "fonts.conf"
        fonts.write_text(configuration(stacks), encoding="utf-8")
        press = files, fonts, role_style(stacks), program
        for job, outcome in _results(wanted(), press, workers or len(os.sched_getaffinity(0))):
            for rule, fault in outcome.faults:
                report.fail(job, rule, fault)
            if not outcome.faults:
                report.rendered += 1
                if cache:
                    cache.put(keys[job.path], outcome.content)
                report.keep(job.path, finish(outcome.content))
            for note in outcome.notes:
                remark = warning("", 0, "print-remark", f"排版引擎提示：{printable(note)}")
                if remark not in report.problems:
                    report.problems.append(remark)
            bar.update()
    if progress is not None:
        done = f"文书 {len(report.printed)} 份：新排印 {report.rendered} 份，沿用 {report.reused} 份。"
        print(done, file=progress)
    return report


def _programs(fonts: str) -> str:
    """Return a digest over the programs and fonts that shape the pages: where it is the same, so is every page."""
    digest = hashlib.sha256(f"{fonts} {zlib.ZLIB_RUNTIME_VERSION}".encode())
    for library in ("libpango-1.0", "libharfbuzz"):
        digest.update(f"{library} {library_version(library)}\n".encode())
    for package in _LAYOUT:
        digest.update(f"{package} {version(package)}\n".encode())
    for name in ("fonts.py", "fonts.toml", "fonts.xml", "footer.py", "layout.py", "universal-access.xml"):
        digest.update(Path(__file__).with_name(name).read_bytes())
    return digest.hexdigest()


def _key(job: DossierJob, program: str, shared: list[str]) -> str:
    """Return a digest over all that a PDF is made from; what stands where in it is not told by its parts alone."""
    mark = job.mark and (job.mark.commit, job.mark.digest, job.mark.blank)
    html = "" if job.digest else job.html
    made = (html, job.digest, job.styles, str(job.created), digest_of(job.data), mark, job.record)
    facts = json.dumps((program, shared, made), ensure_ascii=False)
    return "print " + hashlib.sha256(facts.encode("utf-8", "surrogatepass")).hexdigest()


def _path_fault(path: str, taken: Mapping[str, str]) -> str:
    parts = PurePosixPath(path).parts
    if path in taken:
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


def _results(
    jobs: Iterator[DossierJob], press: tuple[Any, ...], count: int
) -> Iterator[tuple[DossierJob, Outcome]]:
    """Print in processes, as many jobs at a time as a set of them may print, and yield what became of each."""
    for first in jobs:
        printing: list[tuple[DossierJob, Future[Outcome]]] = []
        suspects: list[DossierJob] = []
        with _pool(press, count) as pool:
            for job in chain((first,), islice(jobs, SHEETS_PER_PROCESS * count - 1)):
                try:
                    printing.append((job, pool.submit(_work, job)))
                except BrokenExecutor:
                    suspects.append(job)
                    break
            for job, future in printing:
                try:
                    yield job, future.result()
                except BrokenExecutor:
                    suspects.append(job)
        # A process died: of one of these, which shows when each is printed alone.
        for job in suspects:
            with _pool(press, 1) as alone:
                try:
                    yield job, alone.submit(_work, job).result()
                except BrokenExecutor:
                    yield job, _CRASHED


def _pool(press: tuple[Any, ...], count: int) -> ProcessPoolExecutor:
    # Not forked: the register has threads. And not `max_tasks_per_child`, with which Python 3.11 can hang (issue 115634).
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(count, mp_context=context, initializer=_start, initargs=press)


def _start(*press: Any) -> None:
    # Here, not above: a build in which nothing is printed does not load the layout engine.
    from lingtouyan.pdf import layout

    layout.start(*press)


def _work(job: DossierJob) -> Outcome:
    from lingtouyan.pdf import layout

    return layout.print_sheet(job)
