"""The program that makes cities for measuring: its records must meet every rule, and the same seed make the same city."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def make(folder: Path, villages: int) -> Path:
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks/city.py", "--villages", str(villages), "--out", folder],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted((folder / "records").rglob("*"))
        if p.is_file()
    }


@pytest.mark.slow
def test_a_made_city_meets_every_rule_and_comes_out_the_same_again(tmp_path: Path) -> None:
    first = make(tmp_path / "first", 24)
    checked = subprocess.run(
        [sys.executable, "-m", "lingtouyan", "check"],
        cwd=first,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout
    assert "共 0 个错误" in checked.stdout
    made = files(first)
    assert len(list((first / "records/townships").glob("*/people/*.yaml"))) > 24
    # A city made over another leaves nothing of it behind.
    stray = tmp_path / "second/records/townships/990101999-旧镇/villages.csv"
    stray.parent.mkdir(parents=True)
    stray.write_text("village_id\n", encoding="utf-8")
    assert files(make(tmp_path / "second", 24)) == made
