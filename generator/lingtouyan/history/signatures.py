"""Who signed each commit, and whether that key was admitted by then: one git process for each list of admitted keys.

The list is a file of the repository; a commit is judged by the list as it stood before it: it cannot admit its own key.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from lingtouyan.history.git import ask, read_objects
from lingtouyan.history.log import Graph, LoggedCommit
from lingtouyan.problems import WORDING, printable

# By the letters with which Git tells them.
_STATES = WORDING["signatures"]
NONE, GOOD, UNKNOWN = (_STATES[letter] for letter in "NGU")


class Signature(NamedTuple):
    """The signature of one commit: state in the user's words, whom the list of keys or the keyring names, fingerprint."""

    state: str = NONE
    signer: str = ""
    key: str = ""


def read_signatures(root: Path, commits: Sequence[LoggedCommit], signers: str) -> dict[str, Signature]:
    """Return commit -> its signature, for those that have one.

    Args:
        commits: all of a history, parents first.
        signers: path of the list of admitted SSH keys in the repository; empty takes what this machine trusts.
    """
    graph = Graph(commits)
    asked: dict[str, list[str]] = {}
    for commit, content in zip(commits, read_objects(root, [c.id for c in commits]), strict=True):
        if b"\ngpgsig" in content.partition(b"\n\n")[0]:
            before = (graph.at(graph.numbers[c], signers) for c in (*commit.parents[:1], commit.id))
            # The first list of all has to vouch for itself.
            asked.setdefault(next(filter(None, before), ""), []).append(commit.id)
    found: dict[str, Signature] = {}
    for blob, members in asked.items():
        found |= _verified(root, members, blob, listed=bool(signers))
    return found


def _verified(root: Path, commits: Sequence[str], blob: str, *, listed: bool) -> Mapping[str, Signature]:
    with tempfile.NamedTemporaryFile() as admitted:
        admitted.write(read_objects(root, [blob])[0] if blob else b"")
        admitted.flush()
        settings = {"gpg.ssh.allowedSignersFile": admitted.name} if listed else None
        options = (
            "--no-walk=unsorted",
            "--stdin",
            "--encoding=UTF-8",
            "--format=%H%x00%G?%x00%GS%x00%GF%x00",
        )
        answer = ask(root, "log", *options, data="\n".join(commits).encode(), settings=settings)
    words = (answer or b"").decode("utf-8", "replace").split("\0")
    found = {}
    for commit, state, *typed in zip(words[::4], words[1::4], words[2::4], words[3::4], strict=False):
        signer, key = (printable(w)[:100] for w in typed)
        found[commit.strip()] = Signature(_STATES.get(state, _STATES["E"]), signer, key)
    return found
