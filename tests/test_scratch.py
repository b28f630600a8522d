"""What killed runs leave in the folder for temporary files, and what is nobody's business there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lingtouyan.scratch import PREFIX, scratch, sweep


def forsaken(place: Path, name: str) -> Path:
    folder = place / f"{PREFIX}{name}"
    (folder / "tree").mkdir(parents=True)
    (folder / "tree/a.csv").write_text("a", "utf-8")
    folder.chmod(0o700)
    os.utime(folder, (0, 0))
    return folder


def test_what_a_killed_run_left_is_taken_away_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "place"))
    place = tmp_path / "place"
    outside = forsaken(tmp_path, "outside")
    dead = forsaken(place, "dead")
    (dead / "link").symlink_to(outside)
    (dead / "tree/link").symlink_to(outside)
    os.utime(dead, (0, 0))
    young = forsaken(place, "young")
    os.utime(young)
    shared = forsaken(place, "shared")
    shared.chmod(0o755)
    other = place / "somebody-elses"
    other.mkdir()
    (place / f"{PREFIX}link").symlink_to(outside)
    with scratch() as living:
        os.utime(living, (0, 0))
        sweep(str(place))
        assert {p.name for p in place.iterdir()} == {
            living.name,
            young.name,
            shared.name,
            other.name,
            f"{PREFIX}link",
        }
        assert (outside / "tree/a.csv").is_file()
    assert not living.exists()
