"""Telling a true print from an altered one: its data, its marks and its words, against the repository it names.

Three answers: all true, something differs, cannot be told. A print is true for its commit, whatever changed since.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lingtouyan.checks.register import register_with_editions
from lingtouyan.database.editions import open_edition
from lingtouyan.history.anchors import Anchor
from lingtouyan.history.git import git
from lingtouyan.history.origin import read_origins
from lingtouyan.pdf.dossiers import DossierJob, render_dossiers
from lingtouyan.pdf.marks import PageMark, blank_in, marks_in
from lingtouyan.pdf.printing_house import FOLDER, Selection, dossier_jobs
from lingtouyan.pdf.provenance import Provenance
from lingtouyan.pdf.seal import SCHEMA, attachment, canonical, digest_of, mark_of
from lingtouyan.problems import RecordsError, UsageError, printable, quoted
from lingtouyan.project import EDITIONS, Project
from lingtouyan.scratch import scratch
from lingtouyan.templates.functions import Labels
from lingtouyan.verify.comparing import data_differences, some
from lingtouyan.verify.evidence import SEEN_SIGNATURE, Evidence, gather
from lingtouyan.verify.pages import compare_pages
from lingtouyan.verify.signatures import judge_signatures
from lingtouyan.verify.verdicts import DIFFERS, TRUE, UNPROVEN, Verdict

__all__ = ["DIFFERS", "TRUE", "UNPROVEN", "Verdict", "verify"]

_TEXTS = ("schema", "kind", "form", "edition", "path", "title", "as_of", "commit")
_MEMBERS = {*_TEXTS, "draft", "row", "lists"}


@dataclass
class _Case:
    """A file whose data could be read; `later` says what became of its records since."""

    verdict: Verdict
    evidence: Evidence
    data: dict[str, Any]
    later: str = ""


def verify(root: Path, files: Sequence[Path], trust: Sequence[bytes] = ()) -> list[Verdict]:
    """Verify prints against the repository at `root`.

    Args:
        trust: certificates (PEM or DER) of those whose signatures count; with any, a print without one is not proved.

    What the records of today still print is proved by them, in one go; only what has changed since needs the tree of
    its own commit, and every such tree is opened once, however many prints name it.
    """
    root = root.resolve()
    verdicts = [Verdict(f) for f in files]
    cases: list[_Case] = []
    gathered = gather(files, trust)
    for verdict, evidence in zip(verdicts, gathered, strict=True):
        data = _carried(verdict, evidence)
        if data is None:
            continue
        _check_marks(verdict, evidence, data)
        if data["commit"]:
            cases.append(_Case(verdict, evidence, data))
        else:
            verdict.unproven("印的时候记录还没有提交，追溯不到仓库里的哪个版本。")
    left: list[_Case] = []
    head = (git(root, "rev-parse", "HEAD") or "").strip()
    for members in _grouped(cases, "as_of", "draft"):
        left.extend(_against_repository(root, head, members, now=True) if head else members)
    for members in _grouped(left, "commit", "as_of", "draft"):
        _against_repository(root, members[0].data["commit"], members, now=False)
    for case in left:
        if case.later:
            case.verdict.remark(case.later)
    for verdict, evidence in zip(verdicts, gathered, strict=True):
        if not evidence.fault:
            judge_signatures(verdict, evidence.signatures, demanded=bool(trust))
    return verdicts


def print_anchors(files: Sequence[Path]) -> list[Anchor]:
    """Return what prints say of the commit that their records stood at.

    Raises:
        UsageError: one is no print of ours, or names no commit.
    """
    anchors = []
    for file, evidence in zip(files, gather(files), strict=True):
        verdict = Verdict(file)
        data = _carried(verdict, evidence)
        if data is not None:
            _check_marks(verdict, evidence, data)
        if verdict.state == DIFFERS:
            anchors.append(Anchor(str(file), "", altered=True))
        elif data is None or not data["commit"]:
            reason = verdict.lines[0] if verdict.lines else "印的时候记录还没有提交。"
            raise UsageError(f"{printable(str(file))} 不能作锚点：{reason}")
        else:
            anchors.append(Anchor(str(file), data["commit"]))
    return anchors


def _grouped(cases: Sequence[_Case], *names: str) -> list[list[_Case]]:
    groups: dict[tuple[Any, ...], list[_Case]] = {}
    for case in cases:
        groups.setdefault(tuple(case.data[n] for n in names), []).append(case)
    return [groups[k] for k in sorted(groups)]


# ---- the file by itself -------------------------------------------------------------------------------------------


def _carried(verdict: Verdict, evidence: Evidence) -> dict[str, Any] | None:
    """Return the attached data, when they are such as the engine attaches."""
    if evidence.fault:
        verdict.unproven(evidence.fault)
        return None
    if evidence.data is None:
        if evidence.pages and all(blank_in(p.text) for p in evidence.pages):
            verdict.unproven(
                f"是空白表（模板 {blank_in(evidence.pages[0].text)}），不是记录；手填的内容不在仓库里，无从核验。"
            )
        elif any(marks_in(p.text) for p in evidence.pages):
            verdict.differs("页脚有标记，但附带的记录数据不见了。")
        else:
            verdict.unproven("没有标记，也没有附带记录数据：不是本工具排印的。")
        return None
    try:
        data = json.loads(evidence.data)
        regular = canonical(data) == evidence.data
    except (ValueError, RecursionError):
        verdict.differs("附带的数据已损坏，读不出来。")
        return None
    if not isinstance(data, dict) or data.keys() != _MEMBERS or not _well_formed(data):
        other = data.get("schema") if isinstance(data, dict) else None
        if isinstance(other, str) and other.startswith("lingtouyan-dossier/") and other != SCHEMA:
            verdict.unproven(f"附带的数据是另一种版式 {quoted(other)}，请用排印它的那一版程序核验。")
        else:
            verdict.differs("附带的数据不是本工具写的样子。")
        return None
    if not regular:
        verdict.differs("附带的数据被改写过（不是规范写法）。")
    return data


def _well_formed(data: dict[str, Any]) -> bool:
    def rows(value: Any) -> bool:
        return isinstance(value, list) and all(isinstance(r, dict) for r in value)

    try:
        datetime.date.fromisoformat(data["as_of"])
    except (TypeError, ValueError):
        return False
    return (
        all(isinstance(data[n], str) for n in _TEXTS)
        and data["schema"] == SCHEMA
        and data["edition"] in EDITIONS
        and re.fullmatch(r"[0-9a-f]{40}|", data["commit"]) is not None
        and isinstance(data["draft"], bool)
        and isinstance(data["row"], dict)
        and isinstance(data["lists"], dict)
        and all(rows(v) for v in data["lists"].values())
    )


def _check_marks(verdict: Verdict, evidence: Evidence, data: dict[str, Any]) -> None:
    """Compare the marks on the pages with the data, and with one another."""
    assert evidence.data is not None  # noqa: S101 - there are data only of what was carried
    digest, commit, count = digest_of(evidence.data)[:16], data["commit"][:10], len(evidence.pages)
    before = len(verdict.lines)
    seen: list[PageMark] = []
    for number, page in enumerate(evidence.pages, 1):
        marks = marks_in(page.text)
        if not marks:
            verdict.differs(f"第 {number} 页页脚没有标记，是后加的页或标记被抹去。")
            continue
        # A record may hold what looks like a mark; the engine's own stands last or first, so any true one will do.
        mark = next((m for m in marks if (m.digest, m.commit) == (digest, commit)), marks[-1])
        seen.append(mark)
        if mark.digest != digest:
            verdict.differs(
                f"第 {number} 页印的摘要是 {mark.digest}，附带的数据算出来是 {digest}："
                "数据被改过，或这一页来自另一份印本。"
            )
        if mark.commit != commit:
            verdict.differs(
                f"第 {number} 页印的提交是 {mark.commit or '未提交'}，附带的数据写的是 {commit or '未提交'}。"
            )
    numbers = [m.page for m in seen]
    totals = {m.pages for m in seen}
    if len(totals) > 1:
        verdict.differs(f"各页印的总页数不同（{'、'.join(map(str, sorted(totals)))}），不是同一份。")
    elif totals and len(seen) == count:
        total = totals.pop()
        missing = sorted(set(range(1, min(total, 9999) + 1)) - set(numbers))
        if total != count or missing:
            lacking = f"，缺第 {some(missing)} 页" if missing else ""
            verdict.differs(f"应有 {total} 页，现有 {count} 页{lacking}。")
        elif numbers != list(range(1, count + 1)):
            verdict.differs(f"各页的次序被调换：{some(numbers)}。")
    for number, page in enumerate(evidence.pages, 1):
        laid = set(page.laid_over)
        if SEEN_SIGNATURE in laid and any(one.intact for one in evidence.signatures):
            laid.discard(SEEN_SIGNATURE)
            verdict.unproven(f"第 {number} 页上有看得见的签章图形，被它遮住的内容请人工核对。")
        if laid:
            verdict.differs(f"第 {number} 页上加有批注或表单（{'、'.join(sorted(laid))}）。")
    if evidence.extras:
        verdict.differs(f"文件里加有印本没有的内容（{'、'.join(dict.fromkeys(evidence.extras))}）。")
    if len(verdict.lines) == before:
        verdict.holds(f"{count} 页的标记齐全、连续，与附带的数据一致（摘要 {digest}）。")


# ---- the file and the repository ----------------------------------------------------------------------------------


def _against_repository(root: Path, commit: str, cases: list[_Case], *, now: bool) -> list[_Case]:
    """Compare data and words with those that the repository gives for a commit.

    Args:
        now: it is the newest commit, not the one that the prints name.

    Returns:
        The cases that it does not print (any more), or could not be asked about.
    """
    left: list[_Case] = []
    try:
        tree = Project.open(root, commit)
        with scratch() as place:
            merged = now or git(root, "merge-base", "--is-ancestor", commit, "HEAD") is not None
            folder = place / "prints"
            printed: dict[Path, _Case] = {}
            jobs: list[DossierJob] = []
            for number, (case, job, labels) in enumerate(_jobs_of(tree, cases, place)):
                if not merged:
                    case.verdict.differs(f"提交 {commit[:10]} 不在当前这条历史上，它的内容没有被合并。")
                if now and (job is None or job.attachments[0].content != case.evidence.data):
                    case.later = _later(case, job, labels)
                    left.append(case)
                    continue
                job = _at_named_commit(case, job)
                _compare_data(case, job, labels)
                if job is not None:
                    target = f"{number}/{job.path}"
                    printed[folder / target] = case
                    jobs.append(replace(job, path=target))
            _compare_prints(tree, jobs, folder, printed)
    except (UsageError, RecordsError, OSError) as fault:
        if now:
            return cases
        for case in cases:
            case.verdict.unproven(f"提交 {commit[:10]} 的记录库读不出来：{_reason(fault)}")
    return left


def _reason(fault: Exception) -> str:
    if isinstance(fault, RecordsError):
        return fault.problems[0].message if fault.problems else ""
    return (fault.strerror or type(fault).__name__) if isinstance(fault, OSError) else str(fault)


def _later(case: _Case, job: DossierJob | None, labels: Labels) -> str:
    """Say what the records of today say otherwise."""
    if job is None:
        return "现在的记录里已没有这份文书。"
    today = {**_data_of(job), "commit": case.data["commit"], "form": case.data["form"]}
    changed = list(data_differences(case.data, today, labels, ("印的是", "现在是")))[:10]
    return f"此后记录有变化：{'；'.join(changed)}。" if changed else ""


def _compare_prints(
    tree: Project, jobs: Sequence[DossierJob], folder: Path, printed: dict[Path, _Case]
) -> None:
    report = render_dossiers(jobs, templates=tree.tree / FOLDER, out=folder)
    done = [p for p in printed if p.exists()]
    compare_pages([(printed[p].verdict, printed[p].evidence, p) for p in done])
    for path in printed.keys() - set(done):
        reason = "；".join(p.message for p in report.problems[:1])
        printed[path].verdict.unproven(f"本机不能重新排印它，没有比对文字。{reason}")


def _jobs_of(
    project: Project, cases: list[_Case], place: Path
) -> Iterator[tuple[_Case, DossierJob | None, Labels]]:
    """Yield what the tree prints in place of each case; None where it prints no such thing."""
    date, draft = datetime.date.fromisoformat(cases[0].data["as_of"]), cases[0].data["draft"]
    editions = sorted({c.data["edition"] for c in cases})
    paths = {e: place / f"{e}.duckdb" for e in editions}
    register_with_editions(project, date, paths, draft=draft, allow_errors=True)
    origins = read_origins(project)
    for edition in editions:
        members = [c for c in cases if c.data["edition"] == edition]
        connection = open_edition(paths[edition])
        provenance = Provenance(project, connection, edition, origins)
        facts = {"edition": edition, "as_of": date, "draft": draft}
        jobs: dict[tuple[str, str], DossierJob] = {}
        for kind in sorted({c.data["kind"] for c in members}):
            keys = frozenset(c.data["path"].removesuffix(".pdf") for c in members if c.data["kind"] == kind)
            try:
                found = dossier_jobs(
                    project, connection, edition, facts, provenance, Selection(frozenset({kind}), keys)
                )
                jobs.update({(kind, j.path): j for j in found})
            except UsageError:
                continue
        labels = Labels(connection)
        for case in members:
            yield case, jobs.get((case.data["kind"], case.data["path"])), labels
        connection.close()


def _data_of(job: DossierJob) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(job.attachments[0].content)
    return data


def _at_named_commit(case: _Case, job: DossierJob | None) -> DossierJob | None:
    """Return the job as a print that names this commit has it: any commit that holds the same data is a true one."""
    if job is None:
        return None
    data = canonical({**_data_of(job), "commit": case.data["commit"]})
    if data != case.evidence.data:
        return job
    return replace(job, attachments=(attachment(data),), mark=mark_of(case.data["commit"], data))


def _compare_data(case: _Case, job: DossierJob | None, labels: Labels) -> None:
    where = f"提交 {case.data['commit'][:10]}"
    if job is None:
        case.verdict.differs(f"{where} 里没有这份文书（{case.data['kind']}：{case.data['path']}）。")
    elif job.attachments[0].content == case.evidence.data:
        case.verdict.holds(f"附带的数据与{where} 的记录一致。")
    else:
        for line in data_differences(_data_of(job), case.data, labels):
            case.verdict.differs(f"{line}（按{where} 的记录）。")
