"""Record pages into their frames, by several processes where there are many: what comes out is what one process makes."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lingtouyan.database.editions import open_edition
from lingtouyan.problems import Problem, RecordsError, UsageError
from lingtouyan.processes import end_with_parent
from lingtouyan.project import Project
from lingtouyan.templates.links import Links
from lingtouyan.templates.templates import Template
from lingtouyan.website.frames import Frame
from lingtouyan.website.pages import PageMaker, RecordPage
from lingtouyan.website.website import write_file

# Fewer pages are made sooner than processes are started; a process takes so many at a time.
MANY = 400
SHARE = 100


@dataclass
class RecordWork:
    """The record pages of one edition, for one process or several.

    Attributes:
        kinds: template, frame and pages of each kind.
        maker: of this process; others make one of their own.
    """

    project: Project
    database: Path
    facts: Mapping[str, Any]
    links: Links
    out: Path
    kinds: list[tuple[Template, Frame, list[RecordPage]]]
    maker: PageMaker | None = None

    def fill(self, kind: int, pages: Sequence[RecordPage]) -> list[Problem]:
        """Make some pages of one kind; return what is wrong."""
        if self.maker is None:
            self.maker = PageMaker(self.project, open_edition(self.database), self.facts, self.links)
        template, frame, _ = self.kinds[kind]
        try:
            for page in pages:
                content = frame.fill(page.title, self.maker.body(template, page), page.url, page.description)
                write_file(self.out / page.url / "index.html", content)
        except RecordsError as fault:
            return fault.problems
        return []


@contextlib.contextmanager
def filling(work: Sequence[RecordWork]) -> Iterator[Callable[[], None]]:
    """Have all record pages made by processes of their own, where there are many; give what waits for them.

    Raises:
        RecordsError: a template is at fault; of several pages, the first is named.
        UsageError: a process died.
    """
    shares = [
        (edition, kind, pages[start : start + SHARE])
        for edition, one in enumerate(work)
        for kind, (_, _, pages) in enumerate(one.kinds)
        for start in range(0, len(pages), SHARE)
    ]
    cores = len(os.sched_getaffinity(0))
    with contextlib.ExitStack() as stack:
        if cores == 1 or sum(len(pages) for one in work for _, _, pages in one.kinds) < MANY:
            results: Iterator[list[Problem]] = (
                work[edition].fill(kind, pages) for edition, kind, pages in shares
            )
        else:
            # Not forked: this process has databases open.
            context = multiprocessing.get_context("forkserver")
            # Pages come with each share: all of a large city's, in each process, are too many.
            alone = [replace(one, maker=None, kinds=[(t, f, []) for t, f, _ in one.kinds]) for one in work]
            pool = stack.enter_context(ProcessPoolExecutor(cores, context, _start, (alone,)))
            stack.callback(pool.shutdown, cancel_futures=True)
            results = map(Future.result, [pool.submit(_fill, *share) for share in shares])

        def wait() -> None:
            try:
                for problems in filter(None, results):
                    raise RecordsError(problems)
            except BrokenExecutor:
                raise UsageError(
                    "生成记录页的进程意外终止，可能是内存不够。请关闭其他程序后重试；上一次生成的结果没有改动。"
                ) from None

        yield wait


_work: list[RecordWork] = []


def _start(work: Sequence[RecordWork]) -> None:
    # Ctrl-C reaches all processes of a build; only the first one reports it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
    _work[:] = work


def _fill(edition: int, kind: int, pages: Sequence[RecordPage]) -> list[Problem]:
    for other in _work[:edition]:
        # Done with: editions come one after another.
        other.maker = None
    return _work[edition].fill(kind, pages)
