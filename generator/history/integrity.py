"""Whether the history is still the one that was published: nothing lost, nothing rewritten, nobody approving their own work.

Each published site carries an anchor; whoever kept one can prove later that what they saw is still part of the record.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from generator.history.changes import read_history
from generator.history.git import git
from generator.history.log import refuse_shallow
from generator.history.proposal import Proposal
from generator.problems import Problem, UsageError, error, in_order, warning
from generator.project import Project
from generator.register.building import build_register

ANCHOR = "anchor.json"
_SIGNED = {
    "G": "",
    "U": "",
    "B": "签名无效",
    "X": "签名已过期",
    "Y": "签名密钥已过期",
    "R": "签名密钥已吊销",
    "E": "签名无法核验",
    "N": "没有签名",
}


def anchor_text(project: Project, as_of: str) -> str:
    """Return the anchor of a build: the commit, its tree, and a digest over both; empty outside a repository."""
    commit = project.commit
    if commit is None or project.repository is None:
        return ""
    tree = (git(project.repository, "rev-parse", f"{commit.id}^{{tree}}") or "").strip()
    facts: dict[str, object] = {
        "commit": commit.id,
        "tree": tree,
        "time": commit.time,
        "as_of": as_of,
        "clean": not commit.dirty,
    }
    facts["digest"] = _digest(facts)
    return json.dumps(facts, sort_keys=True, indent=1) + "\n"


def _digest(facts: dict[str, object]) -> str:
    canonical = json.dumps(
        {k: v for k, v in facts.items() if k != "digest"}, sort_keys=True, separators=(",", ":")
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


@dataclass
class Audit:
    """What an audit found.

    Attributes:
        commits: how many were looked at.
        anchors: anchors that were compared.
        problems: everything that is not as it should be.
    """

    commits: int = 0
    anchors: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def audit(root: Path, anchors: list[Path], *, since: str = "") -> Audit:
    """Check the whole history up to HEAD.

    Args:
        root: the repository.
        anchors: anchor files of published sites; none takes those of the last builds here.
        since: only commits after this one are judged by the rules about changes.

    Raises:
        UsageError: no repository, a shallow clone, an anchor that cannot be read.
    """
    project = Project.open(root)
    refuse_shallow(project.root)
    if project.commit is None:
        raise UsageError("这里不是 git 仓库的根目录，无法核查历史。")
    tip = project.commit.id
    history = read_history(project.root, project.package, tip, project.cache)
    result = Audit(len(history.commits))
    if history.rewritten:
        result.problems.append(
            error(
                "",
                0,
                "history-rewritten",
                "本机上次读到的历史已不在当前分支上：有提交被改写或强制推送。请对照其他副本查明原因。",
            )
        )
    for path in anchors or sorted(project.build.glob(f"*/site/{ANCHOR}")):
        result.anchors.append(str(path))
        result.problems.extend(_compare_anchor(project.root, tip, path))
    result.problems.extend(_signatures(project, since))
    wanted = {c.id for c in history.commits}
    if since:
        listed = git(project.root, "rev-list", f"{since}..{tip}", "--")
        if listed is None:
            raise UsageError(f"仓库里没有叫 {since} 的提交、标签或分支。")
        wanted = set(listed.split())
    proposal = Proposal(
        [c for c in history.commits if c.id in wanted],
        [c for c in history.changes if c.commit in wanted],
        history.brought,
    )
    register = build_register(project, project.as_of(None), proposal=proposal)
    about_changes = {
        r.id
        for r in register.rules
        if r.statement.words & {"proposed_changes", "proposed_files", "proposed_commits"}
    }
    result.problems.extend(p for p in register.problems if p.rule in about_changes)
    result.problems = in_order(result.problems)
    return result


def _compare_anchor(root: Path, tip: str, path: Path) -> Iterator[Problem]:
    name = str(path)
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        commit, tree, digest = str(facts["commit"]), str(facts["tree"]), str(facts["digest"])
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(f"锚点文件 {name} 无法读取。它应是已发布网站里的 {ANCHOR}。") from None
    if digest != _digest(facts):
        yield error(
            name, 0, "anchor-altered", "锚点文件的内容与它的摘要不符，文件被改动过。请改用可信的副本。"
        )
        return
    present = git(root, "rev-parse", "--verify", "--quiet", f"{commit}^{{tree}}")
    if present is None:
        yield error(
            name,
            0,
            "history-lost",
            f"已发布的提交 {commit[:10]} 在本仓库中找不到：历史被删除或强制推送过。请从其他副本恢复。",
        )
    elif present.strip() != tree:
        yield error(name, 0, "anchor-altered", f"提交 {commit[:10]} 的内容与锚点记载的不同。")
    elif git(root, "merge-base", "--is-ancestor", commit, tip) is None:
        yield error(
            name,
            0,
            "history-rewritten",
            f"已发布的提交 {commit[:10]} 不在当前历史中：发布之后历史被改写过。请对照已发布的网站查明原因。",
        )
    elif not facts.get("clean", True):
        yield warning(
            name,
            0,
            "anchor-unclean",
            f"该网站由提交 {commit[:10]} 加上未提交的改动生成，不能作为凭据。请提交后重新发布。",
        )


def _signatures(project: Project, since: str) -> Iterator[Problem]:
    """Judge signatures only where the city's settings ask for them."""
    if project.package.options.get("signatures") != "required":
        return
    span = [f"{since}..HEAD"] if since else ["HEAD"]
    listed = git(project.root, "log", "--format=%H%x00%G?%x00%an%x00%s", *span, "--")
    for line in (listed or "").splitlines():
        commit, state, author, subject = line.split("\0")
        fault = _SIGNED.get(state, "签名无法核验")
        if fault:
            yield error(
                "",
                0,
                "signature",
                f"提交 {commit[:10]}（{author}：{subject}）{fault}。本库要求每次提交都签名。",
            )
