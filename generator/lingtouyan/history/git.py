"""What git knows of the tree, asked through git's own plumbing, one process per question.

A tree may be a stranger's: no hooks, no file-system monitors, no pagers, no prompts.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from lingtouyan.problems import UsageError, quoted

SECONDS = 120.0
# A day short of the year 10000: a date is what most is made of it.
LAST_SECOND = 253_402_300_799 - 86_400
_SAFE = {
    "core.fsmonitor": "false",
    "core.hooksPath": "/dev/null",
    "core.pager": "cat",
    # A file beside the history that tells each commit's parents faster, and may tell others than the commits do.
    "core.commitGraph": "false",
    "log.showSignature": "false",
    # Who signed is judged with the programs of this machine, not with what a repository's settings name.
    "gpg.program": "gpg",
    "gpg.ssh.program": "ssh-keygen",
    "gpg.x509.program": "gpgsm",
}


# Nothing that redirects Git, no prompts, plain English.
_ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    # The history as it is, not as somebody has it shown: no replaced commits, no grafts, nothing fetched on the way.
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_GRAFT_FILE": os.devnull,
    "GIT_NO_LAZY_FETCH": "1",
    # Versions of Git that do not know the line above: a tree's settings may name any program as a way to fetch.
    "GIT_ALLOW_PROTOCOL": "none",
    "LC_ALL": "C",
}
# What a hook says of its own repository; the rest of a user's settings says how other machines are reached.
_REDIRECTING = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY")


class Commit(NamedTuple):
    """A commit: its full name, its time in seconds since 1970, and whether the work tree differs from it.

    Of the one checked out, `refs` are the names of the branches and tags that stand at it.
    """

    id: str
    time: int
    dirty: bool
    refs: str = ""

    @property
    def short(self) -> str:
        """The first ten digits, and `+` when the work tree has changes of its own."""
        return self.id[:10] + ("+" if self.dirty else "")


def seconds(text: str) -> int:
    """Return a time that Git tells, in seconds since 1970; 0 where it is none, or none that a calendar knows."""
    return int(text) if re.fullmatch("[0-9]{1,12}", text) and int(text) <= LAST_SECOND else 0


def ask(
    root: Path,
    *arguments: str,
    no: tuple[int, ...] = (),
    data: bytes = b"",
    settings: Mapping[str, str] | None = None,
    network: bool = False,
) -> bytes | None:
    """Run one git command in `root` and return its output.

    Args:
        no: exit codes that are an answer in themselves, "there is none": they give None.
        data: what it reads.
        settings: set for this command, over those of the repository.
        network: it reaches another repository, as the user has set, and may take long.

    UsageError: git is missing, does not answer, or ends with any other exit code.
    """
    disarmed = _SAFE | dict(settings or {})
    ours = [k for k in os.environ if k.startswith("GIT_") and k != "GIT_EXEC_PATH"]
    left_out = _REDIRECTING if network else ours
    given = {k: v for k, v in os.environ.items() if k not in left_out}
    given |= {**_ENVIRONMENT, "GIT_CONFIG_COUNT": str(len(disarmed))}
    if network:
        del given["GIT_ALLOW_PROTOCOL"]
    for number, (key, value) in enumerate(disarmed.items()):
        given |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    try:
        command = ["git", "-C", str(root), *arguments]
        limit = None if network else SECONDS
        done = subprocess.run(command, input=data, capture_output=True, check=False, env=given, timeout=limit)
    except OSError:
        raise UsageError("没有找到 git 程序。请先安装 git。") from None
    except subprocess.TimeoutExpired:
        raise UsageError(
            f"git {SECONDS:.0f} 秒没有回答，已停止。请检查仓库是否完好：.git 里可能有管道一类的特殊文件，或磁盘过慢。"
        ) from None
    if done.returncode in no:
        return None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
        raise UsageError(
            f"git {arguments[0]} 没有成功：{quoted(said, 200)}。"
            "仓库可能已损坏或不完整，请运行 git fsck 检查，或重新完整克隆。"
        )
    return done.stdout


def ask_text(root: Path, *arguments: str, no: tuple[int, ...] = ()) -> str:
    """Return what `ask` does as text without the last line break; not for names of files, which need not be text."""
    return (ask(root, *arguments, no=no) or b"").decode("utf-8", "replace").strip()


def read_objects(root: Path, ids: Sequence[str]) -> list[bytes]:
    """Return the contents of some hundred blobs or commits, from one `git cat-file`; UsageError where one is not there."""
    asked = "".join(f"{i}\n" for i in ids).encode()
    data = (ask(root, "cat-file", "--batch", "--buffer", data=asked) or b"") if ids else b""
    found: list[bytes] = []
    place = 0
    for _ in ids:
        start = data.find(b"\n", place) + 1
        words = data[place:start].split()
        if len(words) != 3:
            raise UsageError("仓库里缺少部分文件的内容（部分克隆或仓库损坏）。请重新完整克隆后再试。")
        place = start + int(words[2]) + 1
        found.append(data[start : place - 1])
    return found


def status(root: Path, *arguments: str) -> bytes:
    """Return how the work tree differs from its commit, as `git status --porcelain -z` tells it; see `ask`.

    To compare contents Git runs the filters that a repository's own settings name: those are any program at all, and
    are not run. This machine's own (large files, say) are.
    """
    options = ("--includes", "--show-scope", "-z", "--name-only", "--get-regexp", r"^filter\.")
    words = [os.fsdecode(w) for w in (ask(root, "config", *options, no=(1,)) or b"").split(b"\0")]
    disarmed = {
        f"{key.rpartition('.')[0]}.{setting}": "false" if setting == "required" else ""
        for scope, key in zip(words[::2], words[1::2], strict=False)
        if scope in ("local", "worktree")
        for setting in ("clean", "smudge", "process", "required")
    }
    # A submodule is a repository with settings of its own, and none of its files is a record.
    asked = ("status", "--porcelain", "-z", "--ignore-submodules=all", *arguments)
    return ask(root, *asked, settings=disarmed) or b""


def head_commit(root: Path) -> Commit | None:
    """Return the commit checked out at `root`, when `root` is the top of a work tree that has one.

    UsageError: there is a repository and git cannot read it.
    """
    marker = root / ".git"
    if not os.path.lexists(marker) or shutil.which("git") is None:
        return None
    if marker.is_dir() and not any(os.path.lexists(marker / name) for name in ("HEAD", "objects")):
        return None
    answer = ask(root, "log", "-1", "--format=%H %ct %D", no=(128,))
    if answer is None:
        # Without a commit yet, or damaged.
        ask(root, "status", "--porcelain", "--untracked-files=no", "--ignore-submodules=all")
        return None
    top = ask(root, "rev-parse", "--show-toplevel") or b""
    if Path(os.fsdecode(top.strip(b"\n"))).resolve() != root.resolve():
        return None
    identity, time, refs = answer.decode("utf-8", "replace").strip("\n").split(" ", 2)
    changes = status(root, "--untracked-files=normal", "--", ".", ":(exclude)build")
    return Commit(identity, seconds(time), bool(changes), refs)
