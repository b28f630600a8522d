"""What may stand in the way of a build: things that are no folders, a full disk, nonsense for a time; each is told."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from trees import copy_of

from lingtouyan.cli import main

pytestmark = pytest.mark.exhaustive

BUILD = ("build", "--edition", "public", "--no-dossiers")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return copy_of("parliament", tmp_path / "tree")


def test_what_is_no_folder_in_the_place_of_a_build_gives_way(tree: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    build = tree / "build"
    (build / "public/tree").mkdir(parents=True)
    for name in ("site", "data"):
        os.mkfifo(build / "public" / name)
    (build / "public/tree/docs").symlink_to(outside)
    (build / ".public.new").write_text("x", "utf-8")
    os.mkfifo(build / ".public.spare")
    assert main(["--root", str(tree), *BUILD]) == 0
    assert (build / "public/site/index.html").is_file()
    for path in (build / "public", build / ".public.spare"):
        subprocess.run(["rm", "-rf", path], check=True)
        os.mkfifo(path)
    assert main(["--root", str(tree), *BUILD]) == 0
    assert (build / "public/site/index.html").is_file()
    assert not list(outside.iterdir())


def test_a_file_in_the_place_of_the_build_folder_is_named(tree: Path, capsys: pytest.CaptureFixture) -> None:
    (tree / "build").write_text("x", "utf-8")
    for more in ((), ("--rev", "HEAD")):
        assert main(["--root", str(tree), *BUILD, *more]) == 2
    assert "build 不是文件夹" in capsys.readouterr().err


@pytest.mark.parametrize("epoch", ["99999999999999999999", "²", "253402300800", "-5", "1.5", "abc"])
def test_a_nonsensical_time_of_build_is_refused(
    tree: Path, epoch: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    assert main(["--root", str(tree), *BUILD]) == 2
    assert "SOURCE_DATE_EPOCH 应为" in capsys.readouterr().err


def _small_files_only() -> None:
    # Like a disk that fills up half way through: EFBIG instead of ENOSPC, from the same calls.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))


def test_a_disk_that_takes_no_more_ends_in_a_sentence_and_leaves_the_last_build(tree: Path) -> None:
    assert main(["--root", str(tree), *BUILD]) == 0
    before = {p: p.read_bytes() for p in (tree / "build/public").rglob("*") if p.is_file()}
    # What measures the tests writes a file at the end, too, and would complain about the same disk.
    unmeasured = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE_")}
    done = subprocess.run(
        [sys.executable, "-m", "lingtouyan", "--root", str(tree), *BUILD, "--as-of", "2026-02-01"],
        env=unmeasured,
        preexec_fn=_small_files_only,
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "请检查磁盘" in done.stderr
    assert {p: p.read_bytes() for p in before} == before
