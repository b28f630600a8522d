"""The program that makes cities for measuring: their records meet every rule, and the same source makes the same city."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.exhaustive

ROOT = Path(__file__).resolve().parent.parent
VILLAGES = 71


def make(folder: Path, *options: str) -> Path:
    done = subprocess.run(
        [
            sys.executable,
            ROOT / "benchmarks/cities/city.py",
            "--villages",
            str(VILLAGES),
            "--out",
            folder,
            *options,
        ],
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
    first = make(tmp_path / "first")
    checked = subprocess.run(
        [sys.executable, "-m", "lingtouyan", "check"],
        cwd=first,
        env={"PYTHONPATH": str(ROOT / "generator"), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
    )
    assert "共 0 个错误" in checked.stdout
    assert checked.returncode == 0, checked.stdout
    made = files(first)
    places = [
        line.split(",")[0]
        for n, d in made.items()
        if n.endswith("villages.csv")
        for line in d.decode().split()[1:]
    ]
    assert len(places) == len(set(places)) > VILLAGES
    # A city made over another leaves nothing of it behind, and its repository ends with the same files.
    stray = tmp_path / "second/records/townships/990101999-旧镇/villages.csv"
    stray.parent.mkdir(parents=True)
    stray.write_text("village_id\n", encoding="utf-8")
    assert files(make(tmp_path / "second")) == made
    repository = make(tmp_path / "third", "--commits", "5")
    assert files(repository) == made
    counted = subprocess.run(
        ["git", "-C", repository, "rev-list", "--count", "HEAD"], capture_output=True, text=True, check=True
    )
    assert counted.stdout.strip() == "6"
