"""Who signed each commit, and whether that key was admitted by then: one git process for each list of admitted keys.

The list is a file of the repository; a commit is judged by the list as it stood before it, so that nobody admits himself.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lingtouyan.history.git import ask, command, environment
from lingtouyan.history.log import LoggedCommit
from lingtouyan.problems import UsageError, printable

NONE, GOOD, UNKNOWN = "未签名", "已验证", "密钥未登记"
_STATES = {
    "N": NONE,
    "G": GOOD,
    "U": UNKNOWN,
    "B": "签名无效",
    "X": "签名已过期",
    "Y": "密钥已过期",
    "R": "密钥已吊销",
    "E": "无法核验",
}


@dataclass(frozen=True, slots=True)
class Signature:
    """The signature of one commit.

    Attributes:
        state: in the user's words.
        signer: whom the list of admitted keys or the keyring names; else empty.
        key: fingerprint.
    """

    state: str = NONE
    signer: str = ""
    key: str = ""


def read_signatures(root: Path, commits: Sequence[LoggedCommit], signers: str) -> dict[str, Signature]:
    """Return commit -> its signature, for those that have one.

    Args:
        commits: all of a history, parents first.
        signers: path of the list of admitted SSH keys in the repository; empty takes what this machine trusts.

    Raises:
        UsageError: git cannot read the commits.
    """
    lists = _lists(root, commits, signers) if signers else {}
    asked: dict[str, list[str]] = {}
    signed = _signed(root, [c.id for c in commits])
    for commit in commits:
        if commit.id in signed:
            asked.setdefault(lists.get(commit.id, ""), []).append(commit.id)
    found: dict[str, Signature] = {}
    for blob, members in asked.items():
        found |= _verified(root, members, blob, listed=bool(signers))
    return found


def _lists(root: Path, commits: Sequence[LoggedCommit], signers: str) -> dict[str, str]:
    """Return commit -> blob of the list of admitted keys as it stood before that commit."""
    after: dict[str, str] = {}
    before: dict[str, str] = {}
    for commit in commits:
        inherited = [after.get(p, "") for p in commit.parents]
        first = inherited[0] if inherited else ""
        touched = next((f.after for f in commit.files if f.path == signers), None)
        if touched is not None:
            after[commit.id] = touched
        elif len(set(inherited)) > 1:
            after[commit.id] = (
                (ask(root, "rev-parse", "--verify", "--quiet", f"{commit.id}:{signers}", no=(1,)) or b"")
                .decode()
                .strip()
            )
        else:
            after[commit.id] = first
        # The first list of all has to vouch for itself.
        before[commit.id] = first or after[commit.id]
    return before


def _signed(root: Path, commits: Sequence[str]) -> set[str]:
    """Return those commits that carry a signature."""
    if not commits:
        return set()
    done = subprocess.run(
        command(root, "cat-file", "--batch", "--buffer"),
        input="".join(f"{c}\n" for c in commits).encode(),
        capture_output=True,
        env=environment(),
        check=False,
    )
    found: set[str] = set()
    data, place = done.stdout, 0
    while place < len(data):
        end = data.index(b"\n", place)
        words = data[place:end].split()
        if len(words) != 3:
            raise UsageError("仓库里缺少部分提交（仓库损坏）。请重新完整克隆后再试。")
        size = int(words[2])
        header = data[end + 1 : end + 1 + size].partition(b"\n\n")[0]
        if b"\ngpgsig" in header:
            found.add(words[0].decode())
        place = end + size + 2
    return found


def _verified(root: Path, commits: Sequence[str], blob: str, *, listed: bool) -> Mapping[str, Signature]:
    with tempfile.TemporaryDirectory() as folder:
        admitted = Path(folder) / "signers"
        options: tuple[str, ...] = ()
        if listed:
            admitted.write_bytes((ask(root, "cat-file", "blob", blob) or b"") if blob else b"")
            options = ("-c", f"gpg.ssh.allowedSignersFile={admitted}")
        done = subprocess.run(
            command(
                root,
                *options,
                *(
                    "log",
                    "--no-walk=unsorted",
                    "--stdin",
                    "--encoding=UTF-8",
                    "--format=%H%x00%G?%x00%GS%x00%GF%x00",
                ),
            ),
            input="".join(f"{c}\n" for c in commits).encode(),
            capture_output=True,
            env=environment(),
            check=False,
        )
    if done.returncode:
        raise UsageError("git log 无法核对提交的签名。")
    words = done.stdout.decode("utf-8", "replace").split("\0")
    return {
        words[n].strip(): Signature(
            _STATES.get(words[n + 1], _STATES["E"]),
            printable(words[n + 2])[:100],
            printable(words[n + 3])[:100],
        )
        for n in range(0, len(words) - 4, 4)
    }
