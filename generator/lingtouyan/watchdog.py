"""Time bounds for what a tree brings with it (patterns, templates): a stranger's loop must not run for ever.

In the main thread an alarm interrupts even a regular expression; elsewhere one watchman tells the thread to raise, which
it does between two steps of Python.
"""

from __future__ import annotations

import ctypes
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

_ROUND = 0.2
_AGAIN = 1.0
"""Seconds after which it rings again: what arrives inside a finaliser or a collector's callback is swallowed there."""


class OverdueError(BaseException):
    """The time allowed has passed."""


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise `OverdueError` in this thread when the block takes longer. Not for blocks within blocks."""
    if threading.current_thread() is not threading.main_thread():
        with watched(seconds):
            yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise OverdueError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def rationed(seconds: float, patience: float) -> Iterator[None]:
    """Raise `OverdueError` when the block takes more of the processor's time than `seconds`, or of the clock's than `patience`.

    A busy machine makes the clock run, not the processor's time. For processes of our own: outside a main thread, which
    alone can be interrupted, there is no bound.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise OverdueError

    bounds = [
        (signal.SIGPROF, signal.ITIMER_PROF, seconds),
        (signal.SIGALRM, signal.ITIMER_REAL, patience),
    ]
    before = [signal.signal(number, ring) for number, _, _ in bounds]
    for _, timer, bound in bounds:
        signal.setitimer(timer, bound, _AGAIN)
    try:
        yield
    finally:
        for (number, timer, _), handler in zip(bounds, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)


@contextmanager
def watched(seconds: float) -> Iterator[None]:
    """Do the same for a block that is all Python, in any thread, at next to no cost."""
    _WATCHMAN.begin(seconds)
    try:
        yield
    finally:
        ended = False
        while not ended:
            # Told just now, when the block was already done: that is no overrun.
            with suppress(OverdueError):
                _WATCHMAN.end()
                ended = True


class _Watchman:
    """One thread that looks at all the others' deadlines a few times a second."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._deadlines: dict[int, float] = {}
        self._told: set[int] = set()
        self._work = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, seconds: float) -> None:
        """Note the deadline of this thread."""
        with self._lock:
            self._deadlines[threading.get_ident()] = time.monotonic() + seconds
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._walk, name="watchman", daemon=True)
            self._thread.start()
        if not self._work.is_set():
            self._work.set()

    def end(self) -> None:
        """Forget the deadline of this thread; what it was told and has not heard yet arrives here and is dropped."""
        me = threading.get_ident()
        with self._lock:
            self._deadlines.pop(me, None)
            told = me in self._told
        while told:
            # What is told cannot be taken back: Python 3.11 would look for it at every call for ever after, and under a
            # profiler come no further. So it is told once more, and heard.
            try:
                _tell(me)
                for _ in range(100):
                    pass
            except OverdueError:
                told = False
        with self._lock:
            self._told.discard(me)

    def _walk(self) -> None:
        while True:
            self._work.wait()
            time.sleep(_ROUND)
            now = time.monotonic()
            with self._lock:
                if not self._deadlines:
                    self._work.clear()
                for thread in [t for t, deadline in self._deadlines.items() if deadline < now]:
                    self._deadlines[thread] = now + _AGAIN
                    self._told.add(thread)
                    _tell(thread)


def _tell(thread: int) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(OverdueError))


_WATCHMAN = _Watchman()
