"""A repository written through `git fast-import`: thousands of commits in seconds, the same ids every time.

Names, dates and contents are given by the caller; nothing is taken from the clock or from who runs it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# A throw-away key for signed commits of made-up people; kept as bytes so that nobody takes it for somebody's secret.
_SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
_PUBLIC = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")


@dataclass(frozen=True)
class Person:
    """Who commits."""

    name: str
    email: str

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"


def git(root: Path, *arguments: str, data: bytes = b"", **variables: str) -> str:
    """Run one git command with nobody's settings."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    done = subprocess.run(
        ["git", "-C", str(root), *arguments],
        input=data,
        capture_output=True,
        check=False,
        env={
            **kept,
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_NOSYSTEM": "1",
            "LC_ALL": "C",
            **variables,
        },
    )
    if done.returncode:
        raise RuntimeError(f"git {arguments[0]}: {done.stderr.decode('utf-8', 'replace')}")
    return done.stdout.decode("utf-8", "replace").strip()


class Stream:
    """Commits on their way into a new repository."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        git(root, "init", "-q", "-b", "main")
        self._parts: list[bytes] = [b"feature done\n"]
        self._blobs: dict[bytes, int] = {}
        self._mark = 0
        self.named: dict[str, int] = {}
        self.commits = 0

    def _blob(self, data: bytes) -> int:
        if data not in self._blobs:
            self._mark += 1
            self._blobs[data] = self._mark
            self._parts += [b"blob\nmark :%d\ndata %d\n" % (self._mark, len(data)), data, b"\n"]
        return self._blobs[data]

    def commit(
        self,
        message: str | bytes,
        author: Person,
        time: int,
        files: Mapping[str, bytes | None],
        *,
        parents: Sequence[int] = (),
        committer: Person | None = None,
        branch: str = "main",
        name: str = "",
        modes: Mapping[str, str] = {},
    ) -> int:
        """Add one commit and return its mark.

        Args:
            time: seconds since 1970, of author and committer.
            files: path -> content, or None to remove; a merge names all that its branch brought.
            parents: marks; none makes a root.
            name: under which `marks` gives the id later.
            modes: path -> mode where it is no plain file; a submodule's content is the id it stands at.
        """
        lines = [
            (self._blob(d) if modes.get(p) != "160000" else d, p) for p, d in files.items() if d is not None
        ]
        self._mark += 1
        text = message.encode() if isinstance(message, str) else message
        parts = [
            f"commit refs/heads/{branch}\nmark :{self._mark}\nauthor {author} {time} +0800\n"
            f"committer {committer or author} {time} +0800\ndata {len(text)}\n".encode(),
            text,
            b"\n",
        ]
        parts += [f"{'merge' if n else 'from'} :{p}\n".encode() for n, p in enumerate(parents)]
        parts += [b"D " + _quoted(p) + b"\n" for p, d in files.items() if d is None]
        parts += [
            f"M {modes.get(p, '100644')} ".encode()
            + (b":%d " % b if isinstance(b, int) else b + b" ")
            + _quoted(p)
            + b"\n"
            for b, p in lines
        ]
        self._parts += [*parts, b"\n"]
        self.commits += 1
        if name:
            self.named[name] = self._mark
        return self._mark

    def finish(self, *, checkout: bool = True) -> dict[str, str]:
        """Write everything and return name -> commit id."""
        marks = self.root / ".git" / "marks"
        git(
            self.root,
            "fast-import",
            "--quiet",
            "--done",
            "--date-format=raw-permissive",
            f"--export-marks={marks}",
            data=b"".join([*self._parts, b"done\n"]),
        )
        if checkout:
            git(self.root, "reset", "-q", "--hard", "main")
        ids = dict(line.split() for line in marks.read_text().splitlines())
        marks.unlink()
        return {name: ids[f":{mark}"] for name, mark in self.named.items()}


def _quoted(path: str) -> bytes:
    raw = path.encode("utf-8", "surrogateescape")
    plain = raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"' + plain + b'"'


def signing_key(folder: Path) -> Path:
    """Write the throw-away key below `folder` and return its path; `<path>.pub` is what an allow list names."""
    import base64

    def text(data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + data

    public = text(b"ssh-ed25519") + text(_PUBLIC)
    check = (1).to_bytes(4, "big")
    private = check + check + public + text(_SEED + _PUBLIC) + text(b"")
    private += bytes(range(1, 1 + -len(private) % 8))
    whole = b"openssh-key-v1\0" + text(b"none") + text(b"none") + text(b"") + (1).to_bytes(4, "big")
    body = base64.encodebytes(whole + text(public) + text(private)).decode()
    path = folder / "key"
    label = "OPENSSH PRIVATE " + "KEY"
    path.write_text(f"-----BEGIN {label}-----\n{body}-----END {label}-----\n")
    path.chmod(0o600)
    path.with_suffix(".pub").write_text(f"ssh-ed25519 {base64.b64encode(public).decode()}\n")
    return path


def sign(root: Path, commits: Sequence[str], key: Path) -> dict[str, str]:
    """Make signed twins of the last commits of `main`, oldest first, and return old id -> new id.

    Args:
        commits: each the parent of the next, the last being the tip.
    """
    twins: dict[str, str] = {}
    for commit in commits:
        fields = git(
            root, "log", "-1", "--format=%T%x00%P%x00%an%x00%ae%x00%cn%x00%ce%x00%at%x00%B", commit, "--"
        )
        tree, parents, an, ae, cn, ce, time, message = fields.split("\0")
        twins[commit] = git(
            root,
            *("-c", "gpg.format=ssh", "-c", f"user.signingkey={key}", "commit-tree", "-S", tree),
            *(w for p in parents.split() for w in ("-p", twins.get(p, p))),
            data=message.encode(),
            GIT_AUTHOR_NAME=an,
            GIT_AUTHOR_EMAIL=ae,
            GIT_AUTHOR_DATE=f"{time} +0800",
            GIT_COMMITTER_NAME=cn,
            GIT_COMMITTER_EMAIL=ce,
            GIT_COMMITTER_DATE=f"{time} +0800",
        )
    git(root, "update-ref", "refs/heads/main", twins[commits[-1]])
    return twins
