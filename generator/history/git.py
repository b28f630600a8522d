"""What git knows of the tree, asked through git's own plumbing, one process per question.

A tree may be a stranger's: no hooks, no file-system monitors, no pagers, no prompts.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

_SAFE = (
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.pager=cat",
    "-c",
    "log.showSignature=false",
    # Who signed is judged with the programs of this machine, not with what a repository's settings name.
    "-c",
    "gpg.program=gpg",
    "-c",
    "gpg.ssh.program=ssh-keygen",
    "-c",
    "gpg.x509.program=gpgsm",
)


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit.

    Attributes:
        id: full hexadecimal name.
        time: commit time, seconds since 1970.
        dirty: whether the work tree differs from it.
    """

    id: str
    time: int
    dirty: bool

    @property
    def short(self) -> str:
        """The first ten digits, and `+` when the work tree has changes of its own."""
        return self.id[:10] + ("+" if self.dirty else "")


def command(root: Path, *arguments: str) -> list[str]:
    """Return the command line for one git command in `root`, with a stranger's settings disarmed."""
    return ["git", *_SAFE, "-C", str(root), *arguments]


def environment() -> dict[str, str]:
    """Return the environment git runs in: nothing that redirects it, no prompts, no replaced history, plain English."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k == "GIT_EXEC_PATH"}
    return {
        **kept,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        # The history as it is, not as somebody has it shown: no replaced commits, no grafts, nothing fetched on the way.
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_GRAFT_FILE": os.devnull,
        "GIT_NO_LAZY_FETCH": "1",
        "LC_ALL": "C",
    }


def git(root: Path, *arguments: str) -> str | None:
    """Run one git command in `root` and return its output, or None where git or a repository is missing."""
    try:
        done = subprocess.run(
            command(root, *arguments), capture_output=True, check=False, env=environment(), timeout=120
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None


def head_commit(root: Path) -> Commit | None:
    """Return the commit checked out at `root`, when `root` is the top of a work tree."""
    answer = git(root, "log", "-1", "--format=%H %ct")
    top = git(root, "rev-parse", "--show-toplevel")
    if not answer or top is None or Path(top.strip()).resolve() != root.resolve():
        return None
    identity, time = answer.split()
    status = git(
        root, "status", "--porcelain", "--untracked-files=normal", "-z", "--", ".", ":(exclude)build"
    )
    return Commit(identity, int(time), bool(status))
