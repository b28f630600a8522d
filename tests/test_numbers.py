"""Numbers of persons do not get into the history by a message, a branch or the name of a file: the hook says so in time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HOOK = Path(__file__).parents[1] / ".ci/numbers"
PHONE, NUMBER = "13800138000", "990101197503154515"


@pytest.mark.parametrize(
    ("message", "branch", "file", "told"),
    [
        ("2026年11月20日更正 示组村备〔2026〕7号", "main", "a.csv", ""),
        (f"更正李示范（{PHONE}）", "main", "a.csv", "提交说明"),
        ("更正", f"change-{NUMBER}", "a.csv", "分支名称"),
        ("更正", "main", f"{NUMBER}-照片.sealed", "文件名"),
        (f"更正\n# {PHONE}", "main", "a.csv", ""),
    ],
)
def test_the_hook_refuses_numbers(tmp_path: Path, message: str, branch: str, file: str, told: str) -> None:
    def git(*words: str) -> None:
        subprocess.run(("git", *words), cwd=tmp_path, check=True)

    git("init", "-q", "-b", branch)
    (tmp_path / file).write_text("a\n", "utf-8")
    git("add", file)
    (tmp_path / ".git/MESSAGE").write_text(message, "utf-8")
    command = [sys.executable, str(HOOK), ".git/MESSAGE"]
    made = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert made.returncode == bool(told), made.stderr
    assert told in made.stderr
    assert PHONE not in made.stderr
    assert NUMBER not in made.stderr
