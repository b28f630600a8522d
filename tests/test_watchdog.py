"""A bound on time holds also where the first ring is swallowed."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from lingtouyan.watchdog import OverdueError, limited, rationed, watched

BOUNDS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "limited": lambda: limited(0.1),
    "rationed": lambda: rationed(0.1, 60),
    "watched": lambda: watched(0.1),
}


@pytest.fixture
def slow_collector() -> Iterator[None]:
    """A collector's callback that takes its time, once: Python swallows whatever is raised in there."""
    calls: list[str] = []

    def spin(phase: str, info: object) -> None:
        if not calls:
            calls.append(phase)
            busy(1)

    gc.callbacks.append(spin)
    yield
    gc.callbacks.remove(spin)


def busy(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("bound", BOUNDS)
def test_a_swallowed_ring_is_rung_again(bound: str, slow_collector: None) -> None:
    def block() -> None:
        with BOUNDS[bound]():
            gc.collect()
            busy(10)

    with pytest.raises(OverdueError):
        block()


def test_nothing_rings_after_the_block() -> None:
    heard: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(5):
                try:
                    with watched(0.1):
                        busy(0.4)
                except OverdueError:
                    pass
            busy(1.5)
        except BaseException as error:
            heard.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert heard == []


# A tracing tool as the one that measures the tests' coverage is such a profiler.
@pytest.mark.parametrize("seconds", [0, 1])
def test_a_profiler_goes_on_after_the_block(seconds: int) -> None:
    script = f"""
import cProfile, time
from lingtouyan.watchdog import OverdueError, watched
def busy():
    end = time.monotonic() + {seconds}
    while time.monotonic() < end:
        pass
with watched(0.3):
    try:
        busy()
    except OverdueError:
        pass
print(cProfile.Profile().runcall(lambda: sum(map(int, "12"))))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout == "3\n", done.stderr
