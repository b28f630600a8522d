"""Anchors: the commit and tree that a published site or print was made from, compared with today's history.

With a copy of an anchor it can be proved later that the published commit is still there, or what became of it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from lingtouyan.history.git import Commit, ask, ask_text
from lingtouyan.history.log import LoggedCommit, read_log
from lingtouyan.problems import Problem, UsageError, error, warning

ANCHOR = "anchor.json"
_SHOWN = 20
_MAX_ANCHOR = 64 * 1024


class Anchor(NamedTuple):
    """What was published; `name` for messages, an empty `tree` where only the commit is known.

    `clean` tells that nothing uncommitted was published with it, `altered` that it was changed after it was made.
    """

    name: str
    commit: str
    tree: str = ""
    clean: bool = True
    altered: bool = False


def anchor_text(root: Path, commit: Commit, as_of: str, **more: str) -> str:
    """Return the anchor of a build: the commit, its tree, what `more` was published with it, and a digest over all."""
    tree = ask_text(root, "rev-parse", f"{commit.id}^{{tree}}")
    facts: dict[str, object] = {
        "commit": commit.id,
        "tree": tree,
        "time": commit.time,
        "as_of": as_of,
        "clean": not commit.dirty,
        **more,
    }
    facts["digest"] = _digest(facts)
    return json.dumps(facts, sort_keys=True, indent=1) + "\n"


def _digest(facts: dict[str, object]) -> str:
    signed = {k: v for k, v in facts.items() if k != "digest"}
    return hashlib.sha256(json.dumps(signed, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def read_anchor(path: Path) -> Anchor:
    """Read the anchor of a site; UsageError where it cannot be read as one."""
    try:
        # What was handed on may be a pipe, and would be waited for.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
            facts = json.loads(stream.read(_MAX_ANCHOR) or b"")
        commit, tree, digest = (facts[k] for k in ("commit", "tree", "digest"))
        fit = all(isinstance(v, str) and v.isalnum() and v.isascii() for v in (commit, tree, digest))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        fit = False
    if not fit:
        raise UsageError(f"锚点文件 {path} 无法读取。它应是已发布网站里的 {ANCHOR}，或者排印的卷宗（PDF）。")
    return Anchor(str(path), commit, tree, facts.get("clean") is not False, digest != _digest(facts))


def compare(root: Path, tip: str, anchor: Anchor) -> Iterator[Problem]:
    """Yield what is not as the anchor has it; history is followed from `tip`."""
    name, commit = anchor.name, anchor.commit
    if anchor.altered:
        yield error(name, 0, "anchor-altered", "锚点的内容与它的摘要不符，文件被改动过。请改用可信的副本。")
        return
    present = ask(root, "rev-parse", "--verify", "--quiet", f"{commit}^{{tree}}", no=(1, 128))
    if present is None:
        text = f"已发布的提交 {commit[:10]} 在本仓库中找不到：历史被删除或强制推送过。请从其他副本恢复。"
        yield error(name, 0, "history-lost", text)
    elif anchor.tree and present.decode().strip() != anchor.tree:
        yield error(name, 0, "anchor-altered", f"提交 {commit[:10]} 的内容与锚点记载的不同。")
    elif ask(root, "merge-base", "--is-ancestor", commit, tip, no=(1,)) is None:
        text = (
            f"已发布的提交 {commit[:10]} 不在当前历史中：发布之后历史被改写过（强制推送）。"
            "请对照已发布的网站查明原因。"
        )
        yield error(name, 0, "history-rewritten", text)
        yield from _what_became(root, tip, anchor)
    elif not anchor.clean:
        text = f"该网站由提交 {commit[:10]} 加上未提交的改动生成，不能作为凭据。请提交后重新发布。"
        yield warning(name, 0, "anchor-unclean", text)


def _what_became(root: Path, tip: str, anchor: Anchor) -> Iterator[Problem]:
    """Say of each published commit that is gone whether it was dropped or amended; those only carried along are not named."""
    gone, there = list(read_log(root, anchor.commit, tip)), list(read_log(root, tip, anchor.commit))
    twins: dict[tuple[str, int], list[LoggedCommit]] = {}
    for commit in there:
        twins.setdefault((commit.author_email, commit.author_time), []).append(commit)
    found = []
    for commit in gone:
        same = twins.get((commit.author_email, commit.author_time), [])
        what = f"已发布的提交 {commit.id[:10]}（{commit.author}：{commit.subject}）"
        if not same:
            text = f"{what}被删去了，它的改动不在当前历史中。请恢复这个提交。"
            found.append(error(anchor.name, 0, "commit-dropped", text))
        elif not any(_work(commit) == _work(other) for other in same):
            text = f"{what}被改写成了 {same[0].id[:10]}，内容或说明已不是发布时的样子。请恢复原来的提交。"
            found.append(error(anchor.name, 0, "commit-amended", text))
    yield from found[:_SHOWN]
    if len(found) > _SHOWN:
        text = f"另有 {len(found) - _SHOWN} 个已发布的提交被删去或改写，没有一一列出。"
        yield error(anchor.name, 0, "commit-dropped", text)


def _work(commit: LoggedCommit) -> tuple[object, ...]:
    # Blobs name contents: what a commit made of its files, whatever stood before it.
    return (commit.subject, len(commit.parents), {(f.path, f.after) for f in commit.files})
