"""Record pages put into their frames share by share; large numbers of them in several processes.

A process of ours opens the edition for reading by itself. What it makes, and what it says of a fault, is what one process would.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any

from lingtouyan.commands.staging import folder_stamp
from lingtouyan.database.editions import open_edition
from lingtouyan.earlier import stamp_of
from lingtouyan.problems import Problem, RecordsError, UsageError
from lingtouyan.project import Project
from lingtouyan.templates.functions import make_functions
from lingtouyan.templates.links import Links
from lingtouyan.templates.templates import make_environment
from lingtouyan.website.frames import Frame
from lingtouyan.website.record_bodies import Bench, Body, Filler
from lingtouyan.website.record_pages import RecordPage

# Fewer pages are made sooner than processes are started.
WORTH = 600


@dataclass(frozen=True, slots=True)
class Share:
    """Some pages of one kind.

    Attributes:
        site: the folder they go to.
        count: how many pages of that kind there are in all.
    """

    body: Body
    frame: Frame
    site: str
    pages: Sequence[RecordPage]
    count: int


@dataclass(frozen=True, slots=True)
class Made:
    """A page that was put in its place: what it asked of the links, the stamps of its file and of its folder."""

    url: str
    asked: list[list[str | None]]
    file: list[int]
    folder: list[int]


def put(share: Share, bench: Bench) -> list[Made]:
    """Render a share's pages and write them.

    Raises:
        RecordsError: the template or a query is at fault; of several pages, the first is named.
    """
    filler = Filler(bench, share.body, share.pages, share.count)
    made = []
    for page in share.pages:
        html, asked = filler.render(page)
        folder = f"{share.site}/{page.url[:-1]}"
        target = f"{folder}/index.html"
        words = share.frame.fill(title=page.title, content=html, url=page.url, description=page.description)
        try:
            _write(target, words)
        except FileNotFoundError:
            Path(folder).mkdir(parents=True, exist_ok=True)
            _write(target, words)
        made.append(Made(page.url, asked, stamp_of(target), folder_stamp(folder)))
    return made


def _write(target: str, words: bytes) -> None:
    with open(target, "wb", buffering=0) as file:  # noqa: PTH123 -- once per page
        file.write(words)


@dataclass(frozen=True)
class Place:
    """What another process needs to render pages of one edition.

    Attributes:
        database: the edition's file.
        folder: of this build alone; what is handed over lies there.
    """

    project: Project
    edition: str
    database: Path
    folder: Path

    def hand_over(self, bench: Bench) -> str:
        """Write down what a process needs and return the file."""
        path = self.folder / f"{self.edition}.setting"
        # Without what this process has worked out of the project.
        setting = (replace(self.project), self.edition, str(self.database), bench.links, dict(bench.facts))
        path.write_bytes(pickle.dumps(setting))
        return str(path)


class Hands:
    """Processes that render pages, for all editions of a build; started when first needed. Safe to use from threads."""

    def __init__(self) -> None:
        self._count = len(os.sched_getaffinity(0))
        self._pool: ProcessPoolExecutor | None = None
        self._lock = Lock()

    def wanted(self, pages: int) -> bool:
        """Tell whether so many pages are worth the start of processes."""
        return self._count > 1 and pages >= WORTH

    def warm_up(self, pages: int) -> None:
        """Start the processes ahead of time, if so many pages are worth it."""
        if self.wanted(pages):
            for _ in range(self._count):
                self._submit(_nothing)

    def put(self, shares: Sequence[Share], setting: str) -> list[list[Made]]:
        """Have shares put in their places; return what became of each, in their order.

        Raises:
            RecordsError: as `put` says of the first share that has a fault.
        """
        # The largest first, so that no process is left alone with one at the end.
        order = sorted(range(len(shares)), key=lambda n: -len(shares[n].pages))
        under_way = {n: self._submit(_put, setting, shares[n]) for n in order}
        try:
            made = []
            for n in range(len(shares)):
                result, problems = under_way[n].result()
                if problems:
                    raise RecordsError(problems)
                made.append(result)
            return made
        except BrokenExecutor:
            raise UsageError(
                "生成记录页的进程意外终止，可能是内存不够。请关闭其他程序后重试；上一次生成的结果没有改动。"
            ) from None
        finally:
            for future in under_way.values():
                future.cancel()

    def split(self, share: Share) -> list[Share]:
        """Cut a share into one for each process."""
        size = max(-(-len(share.pages) // self._count), WORTH // 6)
        return [replace(share, pages=share.pages[n : n + size]) for n in range(0, len(share.pages), size)]

    def _submit(self, function: Callable[..., Any], *arguments: object) -> Future[Any]:
        with self._lock:
            if self._pool is None:
                # Not forked: this process has threads and open databases.
                context = multiprocessing.get_context("spawn")
                self._pool = ProcessPoolExecutor(self._count, mp_context=context, initializer=_start)
            return self._pool.submit(function, *arguments)

    def close(self) -> None:
        """End the processes when what is under way is done."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def hands() -> Iterator[Hands]:
    """Give processes that are ended at the end."""
    found = Hands()
    try:
        yield found
    finally:
        found.close()


_BENCHES: dict[str, Bench] = {}


def _start() -> None:
    # Whoever interrupts a build at a terminal interrupts all its processes; the first one says so.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _nothing() -> None:
    return None


def _put(setting: str, share: Share) -> tuple[list[Made], list[Problem]]:
    if setting not in _BENCHES:
        _BENCHES[setting] = _bench(setting)
    try:
        return put(share, _BENCHES[setting]), []
    except RecordsError as fault:
        return [], list(fault.problems)


def _bench(setting: str) -> Bench:
    # Our own parent wrote it, into a folder that only this user can reach.
    given = pickle.loads(Path(setting).read_bytes())  # noqa: S301
    project: Project = given[0]
    edition: str = given[1]
    links: Links = given[3]
    connection = open_edition(Path(given[2]))
    functions, filters, _ = make_functions(project, connection, links, edition)
    environment = make_environment(project.tree, html=False, functions=functions, filters=filters)
    return Bench(connection, environment, links, given[4])
