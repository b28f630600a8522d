"""Worker processes that are replaced before they grow and after they die, behind the `Executor` interface.

The one seam to more machines: any other executor can be handed in instead.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.util
import os
import tempfile
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, ProcessPoolExecutor, wait
from typing import TYPE_CHECKING, Generic, TypeVar

from lingtouyan.problems import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor, Future
    from types import TracebackType

Ticket = TypeVar("Ticket")
Result = TypeVar("Result")


# A socket's path has 108 bytes; what is added to the folder's takes some forty.
_LONGEST_FOLDER = 60


def _settle_sockets() -> None:
    """Have the workers' sockets made where their paths are short enough, whatever `TMPDIR` says.

    Raises:
        UsageError: there is no such folder.
    """
    before = tempfile.tempdir
    if len(os.fsencode(tempfile.gettempdir())) > _LONGEST_FOLDER:
        short = next((f for f in ("/tmp", "/var/tmp") if os.access(f, os.W_OK | os.X_OK)), None)  # noqa: S108 - a folder of our own is made in it
        if short is None:
            raise UsageError("临时文件夹的路径过长（见环境变量 TMPDIR），请设为 60 个字节以内的路径。")
        tempfile.tempdir = short
    try:
        multiprocessing.util.get_temp_dir()
    finally:
        tempfile.tempdir = before


class _Lane(Generic[Result]):
    """One worker process and what waits for it."""

    def __init__(self, module: str, start: Callable[[str], None], argument: str) -> None:
        # A pool of one, and not `max_tasks_per_child`: Python 3.11 can hang with that (cpython issue 115634),
        # and when a process dies it is plain whose work killed it.
        _settle_sockets()
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([module])
        self._pool = ProcessPoolExecutor(1, mp_context=context, initializer=start, initargs=(argument,))
        self.waiting: set[Future[Result]] = set()
        self.given = 0

    def submit(self, function: Callable[..., Result], *arguments: object) -> Future[Result]:
        future = self._pool.submit(function, *arguments)
        self.given += 1
        self.waiting.add(future)
        future.add_done_callback(self.waiting.discard)
        return future

    def close(self, *, wait: bool) -> None:
        self._pool.shutdown(wait=wait)


class Workers(Generic[Ticket, Result]):
    """Runs functions elsewhere, with a bounded number in flight, and yields results as they come.

    Args:
        executor: where to run; None for processes of our own.
        count: how many processes of our own; None for one per processor.
        share: after how much work a process is replaced.
        module: what the processes have imported before they start.
        start: called once in each process, with `argument`.
        argument: for `start`.
    """

    def __init__(
        self,
        executor: Executor | None,
        count: int | None,
        share: int,
        module: str,
        start: Callable[[str], None],
        argument: str,
    ) -> None:
        self._executor = executor
        self._count = count or len(os.sched_getaffinity(0))
        self._share = share
        self._setting = (module, start, argument)
        self._lanes: list[_Lane[Result] | None] = [None] * self._count
        self._open: dict[Future[Result], tuple[Ticket, Callable[..., Result], tuple[object, ...]]] = {}

    def __enter__(self) -> Workers[Ticket, Result]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for future in self._open:
            future.cancel()
        for lane in self._lanes:
            if lane is not None:
                lane.close(wait=True)

    def put(
        self, ticket: Ticket, function: Callable[..., Result], *arguments: object
    ) -> Iterator[tuple[Ticket, Result | None]]:
        """Hand out one piece of work; yield what has been finished meanwhile, as `drain` does."""
        future = self._submit(function, *arguments)
        self._open[future] = (ticket, function, arguments)
        while len(self._open) >= 2 * self._count:
            yield from self._collect()

    def drain(self) -> Iterator[tuple[Ticket, Result | None]]:
        """Yield the ticket and result of all that is under way; None for work whose process died of it."""
        while self._open:
            yield from self._collect()

    def _submit(self, function: Callable[..., Result], *arguments: object) -> Future[Result]:
        if self._executor is not None:
            return self._executor.submit(function, *arguments)
        index = min(range(self._count), key=self._load)
        lane = self._lanes[index]
        if lane is not None and lane.given >= self._share:
            lane.close(wait=False)
            lane = None
        if lane is not None:
            try:
                return lane.submit(function, *arguments)
            except BrokenExecutor:
                lane.close(wait=False)
        lane = self._lanes[index] = _Lane(*self._setting)
        return lane.submit(function, *arguments)

    def _load(self, index: int) -> int:
        lane = self._lanes[index]
        return -1 if lane is None else len(lane.waiting)

    def _collect(self) -> Iterator[tuple[Ticket, Result | None]]:
        finished, _ = wait(self._open, return_when=FIRST_COMPLETED)
        for future in finished:
            ticket, function, arguments = self._open.pop(future)
            try:
                result: Result | None = future.result()
            except BrokenExecutor:
                # Its process died, but perhaps of the work before it: once more, alone.
                result = self._alone(function, *arguments)
            yield ticket, result

    def _alone(self, function: Callable[..., Result], *arguments: object) -> Result | None:
        lane: _Lane[Result] = _Lane(*self._setting)
        try:
            return lane.submit(function, *arguments).result()
        except BrokenExecutor:
            return None
        finally:
            lane.close(wait=True)
