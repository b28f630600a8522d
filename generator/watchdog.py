"""Time bounds for what a tree brings with it (patterns, templates): a stranger's loop must not run for ever.

In the main thread an alarm interrupts even a regular expression; in another thread the interpreter is told to raise.
"""

from __future__ import annotations

import ctypes
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class OverdueError(Exception):
    """The time allowed has passed."""


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise `OverdueError` in this thread when the block takes longer. Bounds must not be nested."""
    if threading.current_thread() is threading.main_thread():
        with _alarm(seconds):
            yield
    else:
        with _told(seconds):
            yield


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    def ring(number: int, frame: FrameType | None) -> None:
        raise OverdueError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _told(seconds: float) -> Iterator[None]:
    thread = threading.get_ident()
    lock = threading.Lock()
    rung = done = False

    def ring() -> None:
        nonlocal rung
        with lock:
            if not done:
                rung = True
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(thread), ctypes.py_object(OverdueError)
                )

    timer = threading.Timer(seconds, ring)
    timer.daemon = True
    timer.start()
    arrived = False
    try:
        yield
    except OverdueError:
        arrived = True
        raise
    finally:
        with lock:
            done = True
        timer.cancel()
        if rung and not arrived:
            # It is on its way: let it arrive here and not in what comes after.
            time.sleep(0.1)
