"""Whether the history is still the one that was published, and keeps the city's rules about changes and signatures.

Each published site and each print names a commit (its anchor), which is compared with the history of today.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lingtouyan.cache import Cache
from lingtouyan.checks.register import build_register
from lingtouyan.database.history_tables import PROPOSAL
from lingtouyan.history.anchors import ANCHOR, Anchor, compare, read_anchor
from lingtouyan.history.changes import History, read_history
from lingtouyan.history.git import ask_text
from lingtouyan.history.log import refuse_shallow
from lingtouyan.history.signatures import GOOD, NONE, UNKNOWN, Signature, read_signatures
from lingtouyan.history.tree import resolve
from lingtouyan.problems import Problem, UsageError, error, in_order, warning
from lingtouyan.project import Project
from lingtouyan.settings import ZONE

# Clocks of offices differ by minutes, those that were never set by years.
_SKEW = 86_400


@dataclass
class Audit:
    """What an audit found: how many commits were looked at, which anchors were compared, all that is not as it should be."""

    commits: int = 0
    anchors: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def audit(root: Path, anchors: Sequence[Anchor], *, since: str = "") -> Audit:
    """Check the whole history up to HEAD; UsageError: no repository, a shallow clone, no such commit.

    Args:
        anchors: of what was published; none takes those of the last builds here.
        since: only commits after this one are judged by the rules about changes, and for their signatures; empty takes
            the beginning that the settings name.
    """
    project = Project.open(root)
    refuse_shallow(project.root)
    if project.commit is None:
        raise UsageError("这里不是 git 仓库的根目录，或还没有提交，无法核查历史。")
    tip = project.commit.id
    history = read_history(project.root, project.package, tip, Cache())
    wanted = _wanted(project, history, since)
    result = Audit(len(wanted))
    if history.rewritten:
        text = "本机上次读到的历史已不在当前分支上：有提交被改写或强制推送。请对照其他副本查明原因。"
        result.problems.append(error("", 0, "history-rewritten", text))
    anchors = anchors or [read_anchor(p) for p in sorted(project.build.glob(f"*/site/{ANCHOR}"))]
    for anchor in anchors:
        result.anchors.append(anchor.name)
        result.problems.extend(compare(project.root, tip, anchor))
    result.problems.extend(_dates(history, wanted))
    result.problems.extend(_signatures(project, history, wanted))
    proposal = dataclasses.replace(
        history,
        commits=[c for c in history.commits if c.id in wanted],
        changes=[c for c in history.changes if c.commit in wanted],
        landed=True,
    )
    register = build_register(project, project.as_of(None), proposal=proposal)
    about_changes = {r.id for r in register.rules if not r.statement.words.isdisjoint(PROPOSAL)}
    result.problems.extend(p for p in register.problems if p.rule in about_changes)
    result.problems = in_order(result.problems)
    return result


def _wanted(project: Project, history: History, since: str) -> set[str]:
    """Return the commits that are judged, see `audit`; all of them where none was by the moment that the settings name."""
    start = since or project.settings.history_from
    try:
        first = resolve(project.root, start).id if start else ""
    except UsageError:
        # Of the settings, a moment holds this letter and the number of a commit does not.
        if since or "T" not in start:
            raise
        first = ""
    if not first:
        return {c.id for c in history.commits}
    return set(ask_text(project.root, "rev-list", f"{first}..{history.commits[-1].id}", "--").split())


def _dates(history: History, wanted: Collection[str]) -> Iterator[Problem]:
    """Yield the commits that say they were made long before what they stand on."""
    times = {c.id: c.commit_time for c in history.commits}
    for commit in history.commits:
        before = max((times[p] for p in commit.parents if p in times), default=commit.commit_time)
        if commit.id in wanted and before - commit.commit_time > _SKEW:
            dates = (commit.commit_time, before)
            own, former = (datetime.datetime.fromtimestamp(t, ZONE).date() for t in dates)
            text = (
                f"提交 {commit.id[:10]}（{commit.author}：{commit.subject}）的提交日期 {own} 早于它所接续的提交 {former}，"
                "其中一个日期不真实，可能是倒填。请查明原因。"
            )
            yield warning("", 0, "commit-date", text)


def _signatures(project: Project, history: History, wanted: Collection[str]) -> Iterator[Problem]:
    """Judge signatures only where the city's settings ask for them, and from the day on that they name."""
    settings = project.settings
    if not settings.signatures:
        return
    day, signers = settings.signatures_from or datetime.date.min, settings.signers
    signatures = read_signatures(project.root, history.commits, signers)
    due: set[str] = set()
    for commit in history.commits:
        # A date can be feigned, a parent not: what comes after a commit that had to be signed has to be signed.
        made = datetime.datetime.fromtimestamp(commit.commit_time, ZONE).date()
        if made >= day or not due.isdisjoint(commit.parents):
            due.add(commit.id)
        if commit.id not in due or commit.id not in wanted:
            continue
        fault = _fault(signatures.get(commit.id, Signature()), commit.committer_email, signers)
        if fault:
            who = f"{commit.author}：{commit.subject}"
            yield error("", 0, "signature", f"提交 {commit.id[:10]}（{who}）{fault}")


def _fault(signature: Signature, committer: str, signers: str) -> str:
    if signature.state == GOOD:
        named = signature.signer.lower()
        if signers and "@" in named and named != committer.lower():
            return f"署名的提交人是 {committer}，签名用的却是 {signature.signer} 的密钥。请查明是谁提交的。"
        return ""
    if signature.state == NONE:
        return "没有签名。本库要求每次提交都签名，请由提交人签名后重新提交。"
    if signature.state == UNKNOWN:
        place = f"名单 {signers}" if signers else "本机认可的名单"
        return f"有签名，但签名的密钥 {signature.key} 不在{place}里。请查明是谁的密钥。"
    return f"的签名不能认可：{signature.state}。请查明原因。"
