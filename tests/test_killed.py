"""A command that is terminated or killed leaves no process behind: whatever it started ends with it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from trees import Tree, copy_of

GENERATOR = Path(__file__).resolve().parents[1] / "generator"
SECONDS = 20.0


def processes() -> dict[int, tuple[int, str, str]]:
    """Return process -> (its parent, when it started, its command line), of those that live."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            words = (folder / "cmdline").read_text(errors="replace").replace("\0", " ")
            if fields[0] != "Z":
                found[int(folder.name)] = (int(fields[1]), fields[19], words)
    return found


def started_by(process: int) -> dict[int, tuple[str, str]]:
    found: dict[int, tuple[str, str]] = {}
    living = processes()
    for _ in range(5):
        for number, (parent, since, words) in living.items():
            if parent == process or parent in found:
                found[number] = since, words
    return found


def run_until(line: list[str], marks: tuple[str, ...], number: signal.Signals) -> set[int]:
    """Run a command, kill it when it has started all that bear the marks, and return what outlives it."""
    environment = {**os.environ, "PYTHONPATH": str(GENERATOR)}
    running = subprocess.Popen(
        [sys.executable, "-m", "lingtouyan", *line], env=environment, stdout=subprocess.DEVNULL, cwd="/"
    )
    children: dict[int, tuple[str, str]] = {}
    while not all(any(mark in words for _, words in children.values()) for mark in marks):
        assert running.poll() is None, "it ended before it was killed"
        children |= started_by(running.pid)
    children |= started_by(running.pid)
    running.send_signal(number)
    assert running.wait() == -number
    end = time.monotonic() + SECONDS
    while True:
        living = processes()
        left = {c for c, (since, _) in children.items() if c in living and living[c][1] == since}
        if not left or time.monotonic() > end:
            return left
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_build_takes_its_children_along(tmp_path: Path, number: signal.Signals) -> None:
    root = copy_of("parliament", tmp_path / "tree")
    line = ["--root", str(root), "build", "--draft"]
    assert run_until(line, ("mkdocs_child",), number) == set()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_check_takes_its_readers_along(tree: Tree, number: signal.Signals) -> None:
    tree.table("a", ["id", "text"], path="records/*.csv")
    for part in range(1500):
        rows = "".join(f"{part}-{n},{'x' * 60}\n" for n in range(100))
        tree.write(f"records/{part}.csv", f"id,text\n{rows}")
    assert run_until(["--root", str(tree.root), "check"], ("lingtouyan --root",), number) == set()
