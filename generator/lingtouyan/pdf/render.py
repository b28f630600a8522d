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
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from itertools import chain, islice
from pathlib import Path, PurePosixPath
from typing import TextIO

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
        record: how a message names the record, e.g. the title of the form and the name.
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
class Press:
    """What all dossiers of a run share.

    Attributes:
        files: what a dossier may take in: style sheets and pictures of the template folder, by name.
        fonts: file with the configuration of fontconfig.
        style: style sheet that goes before all others.
        name: which programs and fonts print it; whoever has the same prints the same bytes.
    """

    files: Mapping[str, bytes]
    fonts: Path
    style: str
    name: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """One dossier to print.

    Attributes:
        html: the document.
        styles: names of style sheets, in order.
        created: date for the metadata, or None.
        data: the records that it carries; empty for none.
        mark: what stands at the foot of every page, or None.
        title: what it is called, where the document does not say.
    """

    html: str
    styles: tuple[str, ...] = ()
    created: datetime | None = None
    data: bytes = b""
    mark: Mark | None = None
    title: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a sheet: the PDF, or what kept it from being printed; and what the layout engine grumbled about.

    Attributes:
        faults: (rule, sentence).
    """

    content: bytes = b""
    faults: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class DossierReport:
    """What a run did.

    Attributes:
        printed: paths of all that is now in the output folder.
        rendered: how many were made anew.
        reused: how many were taken over unchanged.
        problems: one or more per dossier that could not be printed (errors), and remarks of the layout engine
            about templates and style sheets (warnings).
        refused: nothing was printed, because the records have the errors that `problems` are.
        folder: the output folder.
    """

    printed: list[str] = field(default_factory=list)
    rendered: int = 0
    reused: int = 0
    problems: list[Problem] = field(default_factory=list)
    refused: bool = False
    folder: Path = Path()


def render_dossiers(
    jobs: Iterable[DossierJob],
    *,
    files: Mapping[str, bytes],
    out: Path,
    cache: Cache | None = None,
    finish: Callable[[bytes], bytes] = bytes,
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
        workers: how many processes; default one per processor.
        progress: where to show progress (a bar on a terminal, else one line at the end); None shows nothing.

    Raises:
        UsageError: the machine lacks a library or a font that every dossier needs.
    """
    require_libraries()
    stacks = find_stacks()
    shared = [hashlib.sha256(files[name]).hexdigest() + name for name in sorted(files)]
    run = _Run(out.resolve(), cache, finish, shared, f"lingtouyan {_programs(identity(stacks))[:16]}")
    live = progress is not None and progress.isatty()
    total = len(jobs) if isinstance(jobs, Sized) else None
    with (
        tempfile.TemporaryDirectory(prefix="lingtouyan-") as folder,
        tqdm(
            jobs, "排印文书", total, unit="份", file=progress or sys.stderr, disable=not live, leave=False
        ) as bar,
    ):
        fonts = Path(folder) / "fonts.conf"
        fonts.write_text(configuration(stacks), encoding="utf-8")
        press = Press(files, fonts, role_style(stacks), run.press)
        count = workers or len(os.sched_getaffinity(0))
        for job, outcome in _results(map(run.prepare, bar), press, count):
            run.finish(job, outcome)
    report = run.report
    if progress is not None:
        print(
            f"文书 {len(report.printed)} 份：新排印 {report.rendered} 份，沿用 {report.reused} 份。",
            file=progress,
        )
    return report


def _programs(fonts: str) -> str:
    """Return a digest over the programs and fonts that shape the pages: where it is the same, so is every page."""
    digest = hashlib.sha256(f"{fonts} {zlib.ZLIB_RUNTIME_VERSION}".encode())
    for library in ("libpango-1.0", "libharfbuzz"):
        digest.update(f"{library} {library_version(library)}\n".encode())
    for package in _LAYOUT:
        digest.update(f"{package} {version(package)}\n".encode())
    for name in ("fonts.py", "fonts.toml", "footer.py", "layout.py"):
        digest.update((Path(__file__).parent / name).read_bytes())
    return digest.hexdigest()


class _Run:
    """One call of `render_dossiers`: decides what is taken over, writes files, keeps the report."""

    def __init__(
        self, out: Path, cache: Cache | None, finish: Callable[[bytes], bytes], shared: list[str], press: str
    ) -> None:
        self.press = press
        self.report = DossierReport()
        out.mkdir(parents=True, exist_ok=True)
        self._out = out
        self._cache = cache
        self._finish = finish
        self._shared = shared
        self._inputs: dict[str, str] = {}

    def prepare(self, job: DossierJob) -> tuple[DossierJob, Sheet | None]:
        """Return what must be printed; None when it was taken over or has failed already."""
        if fault := self._path_fault(job.path):
            self._fail(job, "print-path", fault)
            return job, None
        try:
            html = None if job.digest else job.document()
            self._inputs[job.path] = self._digest(job, html)
            kept = self._cache.get(self._inputs[job.path]) if self._cache else None
            if kept is not None:
                self.report.reused += 1
                self._write(job, kept)
                return job, None
            html = html or job.document()
        except RecordsError as stop:
            self.report.problems.extend(stop.problems)
            return job, None
        return job, Sheet(html, job.styles, job.created, job.data, job.mark, job.record)

    def finish(self, job: DossierJob, outcome: Outcome | None) -> None:
        """Enter the outcome of a sheet into the report; None when its process died."""
        if outcome is None:
            fault = "排版进程意外退出（多半是内容异常庞大、内存不足）。请检查这份记录和模板。"
            self._fail(job, "print-crash", fault)
            return
        for rule, fault in outcome.faults:
            self._fail(job, rule, fault)
        if not outcome.faults:
            self.report.rendered += 1
            if self._cache:
                self._cache.put(self._inputs[job.path], outcome.content)
            self._write(job, outcome.content)
        for note in outcome.notes:
            remark = warning("", 0, "print-remark", f"排版引擎提示：{printable(note)}")
            if remark not in self.report.problems:
                self.report.problems.append(remark)

    def _write(self, job: DossierJob, content: bytes) -> None:
        content = self._finish(content)
        write_whole(self._out, job.path, content)
        self.report.printed.append(job.path)

    def _fail(self, job: DossierJob, rule: str, fault: str) -> None:
        self.report.problems.append(error(job.source, job.line, rule, f"{job.record}没有排印：{fault}"))

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

    def _digest(self, job: DossierJob, html: str | None) -> str:
        """Return a digest over all that a PDF is made from; what stands where in it is not told by its parts alone."""
        mark = job.mark and (job.mark.commit, job.mark.digest, job.mark.blank)
        made = (html or "", job.digest, job.styles, str(job.created), digest_of(job.data), mark, job.record)
        facts = json.dumps((self.press, self._shared, made), ensure_ascii=False)
        return "print " + hashlib.sha256(facts.encode("utf-8", "surrogatepass")).hexdigest()


def write_whole(folder: Path, path: str, content: bytes) -> None:
    """Write a file below a folder, whole or not at all.

    Raises:
        UsageError: a link there leads elsewhere.
    """
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.parent.resolve().is_relative_to(folder.resolve()):
        raise UsageError(f"{target.parent} 经符号链接通到别处，没有写入。")
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=".new")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        Path(name).chmod(0o644)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


_Task = tuple[DossierJob, Sheet]


def _results(
    prepared: Iterable[tuple[DossierJob, Sheet | None]], press: Press, count: int
) -> Iterator[tuple[DossierJob, Outcome | None]]:
    """Print sheets in processes and yield the outcomes as they come; None for one whose process died of it."""
    tasks = ((job, sheet) for job, sheet in prepared if sheet is not None)
    for first in tasks:
        waiting: dict[Future[Outcome], _Task] = {}
        suspects: list[_Task] = []
        with _pool(press, count) as pool:
            for task in chain((first,), islice(tasks, SHEETS_PER_PROCESS * count - 1)):
                try:
                    waiting[pool.submit(_work, task[1])] = task
                except BrokenExecutor:
                    suspects.append(task)
                    break
                if len(waiting) >= 3 * count:
                    yield from _finished(waiting, suspects)
            while waiting:
                yield from _finished(waiting, suspects)
        # A process died: of one of these, which shows when each is printed alone.
        for task in suspects:
            with _pool(press, 1) as alone:
                try:
                    yield task[0], alone.submit(_work, task[1]).result()
                except BrokenExecutor:
                    yield task[0], None


def _pool(press: Press, count: int) -> ProcessPoolExecutor:
    # Not forked: the register has threads. And not `max_tasks_per_child`, with which Python 3.11 can hang (issue 115634).
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(count, mp_context=context, initializer=_start, initargs=(press,))


def _start(press: Press) -> None:
    # Here, not above: a build in which nothing is printed does not load the layout engine.
    from lingtouyan.pdf import layout

    layout.start(press)


def _work(sheet: Sheet) -> Outcome:
    from lingtouyan.pdf import layout

    return layout.print_sheet(sheet)


def _finished(
    waiting: dict[Future[Outcome], _Task], suspects: list[_Task]
) -> Iterator[tuple[DossierJob, Outcome | None]]:
    for future in wait(waiting, return_when=FIRST_COMPLETED).done:
        task = waiting.pop(future)
        try:
            outcome = future.result()
        except BrokenExecutor:
            suspects.append(task)
        else:
            yield task[0], outcome
