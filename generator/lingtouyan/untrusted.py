"""`--untrusted`: the same command again, confined by the operating system, over a tree that a stranger wrote.

bubblewrap gives it namespaces of its own: no network, only the tree and the programs to read, only `build/` to write.
prlimit bounds each process. Where there are no namespaces nothing is run.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from lingtouyan.problems import UsageError, printable

CONFINED = "LINGTOUYAN_CONFINED"
"""Set in the environment of a command that is confined already."""
STOPPED = 2
_ENDS = (0, 1, 2, 3, 128 + signal.SIGINT)
_KEPT = ("LANG", "TERM", "NO_COLOR", "FORCE_COLOR", "SOURCE_DATE_EPOCH", "LINGTOUYAN_DEBUG")
_TMP = "/tmp"  # noqa: S108
_PATH = "/usr/local/bin:/usr/bin:/bin"
# What the fonts, the dynamic loader and the clock are looked up in; no names, no keys, no addresses.
_SYSTEM = ("/etc/fonts", "/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime", "/var/cache/fontconfig")
_MIB = 2**20
_TEMPORARY = 1024 * _MIB
_FILE = 2048 * _MIB
_PROCESSES = 4096


def confine(root: Path, files: Iterable[Path], arguments: Sequence[str], *, container: bool) -> int:
    """Run this command again, confined, and return its exit code; 2 where it had to be stopped.

    Args:
        files: what else the command line names, to be read.
        container: whether this machine is itself thrown away and holds no secrets: then only the limits are set.

    Raises:
        UsageError: this machine cannot confine it.
    """
    seconds, memory = _limit("LINGTOUYAN_MAX_SECONDS", 1800), _limit("LINGTOUYAN_MAX_MEMORY", 8192)
    limits = {"as": memory * _MIB, "cpu": seconds, "fsize": _FILE, "nproc": _PROCESSES, "core": 0}
    command = ["prlimit", *(f"--{name}={value}" for name, value in limits.items()), "--"]
    command += [sys.executable, "-m", "lingtouyan", *arguments]
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        (home / ".gitconfig").write_text("[safe]\n\tdirectory = *\n", encoding="utf-8")
        (home / "passwd").write_text(
            f"user:x:{os.getuid()}:{os.getgid()}::{_TMP}:/bin/false\n", encoding="utf-8"
        )
        if not container:
            root = root.resolve()
            wall = sandbox(root, home, files)
            _try_out(wall)
            command = [*wall, *command]
        environment = _environment(home if container else Path(_TMP))
        try:
            code = subprocess.run(command, env=environment, timeout=seconds, check=False).returncode
        except subprocess.TimeoutExpired:
            code = -signal.SIGKILL
    if code not in _ENDS:
        sys.stderr.write(
            f"已停止：内容超过了时间（{seconds} 秒）或内存（{memory} MiB）的上限。内容确实这样大时，"
            "用环境变量 LINGTOUYAN_MAX_SECONDS、LINGTOUYAN_MAX_MEMORY 放宽后重试。\n"
        )
        return STOPPED
    return code


def sandbox(root: Path, home: Path, files: Iterable[Path] = ()) -> list[str]:
    """Return the beginning of a command line that runs the rest of it with `root` to read and `root/build` to write.

    `root` is absolute and without links; `home` holds `.gitconfig` and `passwd`; `files` are others to read.
    """
    build = root / "build"
    if build.is_symlink():
        raise UsageError("build 是符号链接，没有写入。请删除它后重试。")
    build.mkdir(exist_ok=True)
    line = ["bwrap", "--unshare-all", "--cap-drop", "ALL", "--die-with-parent", "--new-session"]
    line += ["--proc", "/proc", "--dev", "/dev"]
    for folder in (_TMP, "/dev/shm"):  # noqa: S108
        line += ["--size", f"{_TEMPORARY}", "--tmpfs", folder]
    for path in (Path("/usr"), Path("/bin"), Path("/sbin"), *sorted(Path("/").glob("lib*"))):
        if path.is_symlink():
            line += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            line += ["--ro-bind", str(path), str(path)]
    for name in _SYSTEM:
        line += ["--ro-bind-try", name, name]
    for name, target in (("passwd", "/etc/passwd"), (".gitconfig", f"{_TMP}/.gitconfig")):
        line += ["--ro-bind", f"{home}/{name}", target]
    engine = Path(__file__).parents[1]
    outside = [f for f in files if not f.is_symlink() and not f.resolve().is_relative_to(root)]
    for path in (Path(sys.base_prefix), Path(sys.prefix), engine, *_history(root), root, *outside):
        if path.exists() and not path.is_relative_to("/usr"):
            # By the name under which it is asked for, and by the one that links lead to.
            for name in dict.fromkeys((str(path.resolve()), os.path.abspath(path))):  # noqa: PTH100
                line += ["--ro-bind", str(path.resolve()), name]
    here = str(Path.cwd())
    line += ["--bind", str(build), str(build), "--dir", here, "--chdir", here]
    return [*line, "--remount-ro", "/", "--"]


def _history(root: Path) -> Iterator[Path]:
    """Yield the folders of a linked work tree's history; only Git writes there that the work tree is this one."""
    link = root / ".git"
    if link.is_file() and not link.is_symlink():
        folder = root / link.read_text(errors="replace").removeprefix("gitdir:").strip()
        back, common = folder / "gitdir", folder / "commondir"
        if back.is_file() and Path(back.read_text(errors="replace").strip()) == link:
            yield folder
            yield folder / common.read_text(errors="replace").strip()


def _environment(home: Path) -> Mapping[str, str]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {
        "LANG": "C.UTF-8",
        **kept,
        CONFINED: "1",
        "HOME": str(home),
        "TMPDIR": str(home),
        "XDG_CACHE_HOME": f"{home}/cache",
        "PATH": _PATH,
        "PYTHONPATH": str(Path(__file__).parents[1]),
        # A module of the tree is never taken for one of ours.
        "PYTHONSAFEPATH": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _limit(name: str, usual: int) -> int:
    given = os.environ.get(name, str(usual))
    if not given.isascii() or not given.isdigit() or not 0 < len(given) < 8 or not int(given):
        raise UsageError(f"环境变量 {name} 应是正整数，如 {usual}。请改正或取消它。")
    return int(given)


def _try_out(wall: Sequence[str]) -> None:
    """Look whether this machine lets a program be confined; UsageError: it does not; what to do about it."""
    said = "没有找到 bubblewrap（apt install bubblewrap）"
    if shutil.which("bwrap"):
        done = subprocess.run([*wall, "true"], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
        said = f"这台机器不允许建立命名空间（{printable(done.stderr.strip())[:200]}）"
    raise UsageError(
        f"不能隔离运行陌生人的内容：{said}。没有运行。\n"
        "在用后即弃、没有任何密钥的容器里，可以改用 --untrusted-container（只设资源上限，不隔离）。"
    )
