"""A stranger's tree under `--untrusted`: what runs there reads nothing else, writes only build/, reaches nobody, and ends."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from repository import Repository
from trees import Tree, copy_of

from lingtouyan.cli import main
from lingtouyan.untrusted import sandbox

GENERATOR = Path(__file__).resolve().parents[1] / "generator"
ENDLESS = "SELECT sum(a.range * b.range % 7) AS n FROM range(10000000000) a, range(10000000) b"


def namespaces() -> bool:
    line = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"]
    return bool(shutil.which("bwrap")) and subprocess.run(line, stderr=subprocess.DEVNULL).returncode == 0


confined = pytest.mark.skipif(not namespaces(), reason="this machine gives no namespaces (bubblewrap)")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = copy_of("parliament", tmp_path / "tree")
    (tmp_path / "secret").write_text("geheim")
    return root


@pytest.fixture
def shell(root: Path, tmp_path: Path):  # type: ignore[no-untyped-def]
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("")
    (home / "passwd").write_text("user:x:0:0::/tmp:/bin/false\n")

    def run(command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*sandbox(root, home), "sh", "-c", command], capture_output=True, text=True)

    return run


def command(root: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lingtouyan", "--root", str(root), *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(GENERATOR), **environment},
        cwd="/",
    )


@confined
@pytest.mark.parametrize(
    "path",
    ["/etc/shadow", "/etc/group", "{home}/.ssh", "{home}/.gitconfig", "{outside}/secret", "/root/.bashrc"],
)
def test_nothing_else_of_the_machine_can_be_read(shell, root: Path, tmp_path: Path, path: str) -> None:  # type: ignore[no-untyped-def]
    done = shell(f"cat {path.format(home=Path.home(), outside=tmp_path)}; ls -a {Path.home()} {tmp_path}")
    assert "No such file" in done.stderr
    assert "geheim" not in done.stdout
    assert set(done.stdout.split()) - {".", ".."} <= {"tree", f"{tmp_path}:", f"{Path.home()}:", ".pyenv"}
    (root / "link").symlink_to(tmp_path / "secret")
    assert shell(f"cat {root}/link").returncode != 0


@confined
def test_only_build_can_be_written(shell, root: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    for place in (root, root / "records", root / ".git", Path("/"), Path("/usr"), Path("/etc")):
        assert shell(f"mkdir -p {place}; touch {place}/x").returncode != 0, place
    # What is written beside the tree, in /tmp, is written to a /tmp of its own.
    shell(f"touch {tmp_path}/x")
    assert not (tmp_path / "x").exists()
    assert shell(f"touch {root}/build/x && touch /tmp/x").returncode == 0
    assert (root / "build/x").exists()
    assert not (root / "x").exists()
    assert "No space left" in shell("head -c 1100M /dev/zero > /tmp/x").stderr


@confined
def test_nobody_can_be_reached(shell) -> None:  # type: ignore[no-untyped-def]
    script = (
        "import socket\n"
        "print(sorted(name for _, name in socket.if_nameindex()))\n"
        "try:\n    socket.create_connection(('1.1.1.1', 53), 3)\nexcept OSError as fault:\n    print(fault.errno)"
    )
    done = shell(f'{sys.executable} -c "{script}"')
    assert done.stdout.split("\n")[:2] == ["['lo']", "101"]


@confined
def test_no_variable_of_the_users_comes_along(root: Path, tmp_path: Path) -> None:
    environment = {"REVIEW_TOKEN": "geheim", "LINGTOUYAN_DEBUG": "1"}
    wall = "import lingtouyan.untrusted as u, subprocess, sys; from pathlib import Path; "
    script = wall + "sys.exit(subprocess.run(['env'], env=u._environment(Path('/tmp'))).returncode)"
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(GENERATOR), **environment},
    )
    assert "LINGTOUYAN_DEBUG=1" in done.stdout
    assert "geheim" not in done.stdout
    assert "HOME=/tmp" in done.stdout


@confined
@pytest.mark.parametrize("linked", [False, True])
def test_a_command_does_there_what_it_does_elsewhere(tree: Tree, tmp_path: Path, linked: bool) -> None:
    repository = Repository(tree.table("people", ["id", "name"], primaryKey=["id"]))
    repository.commit({"records/people.csv": "id,name\n1,甲\n"})
    root = repository.root
    if linked:
        root = tmp_path / "linked"
        repository.git("worktree", "add", "-q", str(root))
    question = ("query", "SELECT left(commit, 4) AS c, name FROM build, people", "--format", "csv")
    open_ = command(root, *question)
    assert open_.stdout.count("\n") == 2
    assert not open_.stderr
    for option in ("--untrusted", "--untrusted-container"):
        done = command(root, *question, option)
        assert (done.returncode, done.stdout, done.stderr) == (0, open_.stdout, "")


@confined
def test_exit_codes_and_files_elsewhere_come_through(root: Path, tmp_path: Path) -> None:
    member = next((root / "records").glob("members-*.csv"))
    member.write_text(member.read_text("utf-8").replace("M001", "M001,,,,"), "utf-8")
    assert command(root, "check", "--untrusted").returncode == 1
    (tmp_path / "x.pdf").write_text("no print")
    done = command(root, "--untrusted", "verify", str(tmp_path / "x.pdf"))
    assert done.returncode == 2
    assert "不存在" not in done.stdout + done.stderr
    assert command(root, "--untrusted", "fmt").returncode in {0, 2}
    assert "," in member.read_text("utf-8")


@pytest.mark.parametrize("option", [pytest.param("--untrusted", marks=confined), "--untrusted-container"])
def test_what_does_not_end_is_ended(tree: Tree, option: str) -> None:
    tree.table("a", ["id"]).write("records/a.csv", "id\n1\n")
    start = time.monotonic()
    done = command(tree.root, option, "query", ENDLESS, LINGTOUYAN_MAX_SECONDS="6")
    assert done.returncode in {1, 2}
    assert not done.stdout.count("\n1\n")
    assert "Traceback" not in done.stderr
    assert (done.stdout + done.stderr).strip()
    assert time.monotonic() - start < 60


@pytest.mark.parametrize("option", [pytest.param("--untrusted", marks=confined), "--untrusted-container"])
def test_what_takes_all_memory_is_ended(tree: Tree, option: str) -> None:
    tree.table("a", ["id"]).write("records/a.csv", "id\n1\n")
    hungry = "SELECT list(range) FROM range(100000000000)"
    done = command(tree.root, option, "query", hungry, LINGTOUYAN_MAX_MEMORY="3000")
    assert done.returncode in {1, 2}
    assert (done.stdout + done.stderr).strip()
    assert "Traceback" not in done.stderr
    starved = command(tree.root, option, "query", hungry, LINGTOUYAN_MAX_MEMORY="600")
    assert starved.returncode in {1, 2}
    assert (starved.stdout + starved.stderr).strip()
    assert "Traceback" not in starved.stderr


@confined
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_outlives_the_command(tree: Tree, number: signal.Signals) -> None:
    tree.table("a", ["id"]).write("records/a.csv", "id\n1\n")
    line = [sys.executable, "-m", "lingtouyan", "--root", str(tree.root), "--untrusted", "query", ENDLESS]
    running = subprocess.Popen(line, env={**os.environ, "PYTHONPATH": str(GENERATOR)}, cwd="/")

    def inside() -> list[str]:
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                found.append(path.read_text(errors="replace"))
        return [words for words in found if str(tree.root) in words]

    while len(inside()) < 3:
        time.sleep(0.1)
    running.send_signal(number)
    running.wait()
    end = time.monotonic() + 20
    while inside() and time.monotonic() < end:
        time.sleep(0.1)
    assert inside() == []


def test_without_namespaces_nothing_runs(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    tree.table("a", ["id"])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["--root", str(tree.root), "--untrusted", "check"]) == 2
    said = capsys.readouterr()
    assert "apt install bubblewrap" in said.err
    assert said.out == ""
    (tmp_path / "bwrap").write_text("#!/bin/sh\necho 'bwrap: No permissions' >&2; exit 1\n")
    (tmp_path / "bwrap").chmod(0o755)
    assert main(["--root", str(tree.root), "--untrusted", "check"]) == 2
    assert "命名空间（bwrap: No permissions）" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["serve"], ["dossiers", "--sign", "x.p12"]])
def test_what_makes_no_sense_there_is_refused(
    tree: Tree, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert main(["--root", str(tree.root), "--untrusted", *arguments]) == 2
    assert "--untrusted" in capsys.readouterr().err


@pytest.mark.parametrize("value", ["0", "-1", "viel", "", "99999999"])
def test_a_limit_that_is_none_is_named(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], value: str
) -> None:
    monkeypatch.setenv("LINGTOUYAN_MAX_SECONDS", value)
    assert main(["--root", str(tree.root), "--untrusted", "check"]) == 2
    assert "LINGTOUYAN_MAX_SECONDS" in capsys.readouterr().err
