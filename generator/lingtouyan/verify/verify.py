"""Telling a true print from an altered one: it is printed again from the repository, and the two are compared.

Three answers: all true, something differs, cannot be told. A print is true for its commit, whatever changed since.
"""

from __future__ import annotations

import datetime
import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lingtouyan.checks.register import register_with_editions
from lingtouyan.database.editions import open_edition
from lingtouyan.history.anchors import Anchor
from lingtouyan.history.git import ask, head_commit
from lingtouyan.pdf.footer import SCHEMA, PageMark, blank_in, canonical, digest_of, marks_in
from lingtouyan.pdf.jobs import (
    CommitOf,
    Commits,
    Selection,
    chosen_templates,
    dossier_jobs,
    shared_files,
    words_asked,
)
from lingtouyan.pdf.render import DossierJob, render_dossiers
from lingtouyan.problems import RecordsError, UsageError, printable, quoted
from lingtouyan.project import EDITIONS, Project
from lingtouyan.templates.functions import Labels
from lingtouyan.verify.compare import compare_prints, data_differences, some
from lingtouyan.verify.reading import SEEN_SIGNATURE, Evidence, gather
from lingtouyan.verify.signatures import judge_signatures

TRUE, DIFFERS, UNPROVEN = "属实", "不符", "无法核验"
# How many commits between the one that a print names and the newest are tried; each costs reading the records again.
MAX_BETWEEN = 8
_TEXTS = ("schema", "kind", "form", "edition", "path", "title", "commit")
_MEMBERS = {*_TEXTS, "as_of", "draft", "row", "lists"}


@dataclass
class Verdict:
    """What was found out about one file. What differs outweighs what cannot be told, and that outweighs what is true."""

    file: Path
    state: str = TRUE
    lines: list[str] = field(default_factory=list)

    def differs(self, line: str) -> None:
        """Enter something that is not as it should be."""
        self.state = DIFFERS
        self.lines.append(f"不符：{line}")

    def unproven(self, line: str) -> None:
        """Enter something that cannot be told."""
        if self.state == TRUE:
            self.state = UNPROVEN
        self.lines.append(f"无法核验：{line}")

    def holds(self, line: str) -> None:
        """Enter something that is true."""
        self.lines.append(f"相符：{line}")

    def remark(self, line: str) -> None:
        """Enter something worth knowing."""
        self.lines.append(f"说明：{line}")

    def text(self) -> str:
        """Return the verdict for the user."""
        head = f"{printable(str(self.file))}：{self.state}"
        return "\n".join([head, *(f"  {printable(line)}" for line in self.lines)])


@dataclass
class _Case:
    """A file whose data could be read.

    Attributes:
        later: what became of its records since.
        sought: what the commit that it names says otherwise; None when it could not be asked.
    """

    verdict: Verdict
    evidence: Evidence
    data: dict[str, Any]
    later: str = ""
    sought: list[str] | None = None


def verify(root: Path, files: Sequence[Path], trust: Sequence[bytes] = ()) -> list[Verdict]:
    """Verify prints against the repository at `root`.

    Args:
        trust: certificates (DER) of those whose signatures count; with any, a print without one is not proved.
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
            verdict.unproven("印的时候记录还没有提交，或者没有写明提交，追溯不到仓库里的哪个版本。")
    groups: dict[tuple[str, bool], list[_Case]] = {}
    for case in cases:
        groups.setdefault((case.data["as_of"] or "", case.data["draft"]), []).append(case)
    for _, members in sorted(groups.items(), key=lambda item: item[0]):
        _against_repository(root, members)
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
        datetime.date.fromisoformat(data["as_of"] or "2000-01-01")
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
    digest, commit, count = digest_of(evidence.data or b"")[:16], data["commit"][:10], len(evidence.pages)
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
        if SEEN_SIGNATURE in page.over:
            verdict.unproven(f"第 {number} 页上有看得见的签章图形，被它遮住的内容请人工核对。")
    if len(verdict.lines) == before:
        verdict.holds(f"{count} 页的标记齐全、连续，与附带的数据一致（摘要 {digest}）。")


# ---- the file and the repository ----------------------------------------------------------------------------------


def _against_repository(root: Path, cases: list[_Case]) -> None:
    """Print again: as the newest commit has it, else as the one that the print names, else as one between them."""
    head = head_commit(root)
    newest = head.id if head else ""
    left = _print_again(root, newest, cases, "newest") if newest else cases
    for commit in sorted({c.data["commit"] for c in left}):
        members = [c for c in left if c.data["commit"] == commit]
        between: list[str] = []
        if ask(root, "cat-file", "-e", f"{commit}^{{commit}}", no=(1, 128)) is not None:
            if ask(root, "merge-base", "--is-ancestor", commit, "HEAD", no=(1, 128)) is None:
                for case in members:
                    case.verdict.differs(f"提交 {commit[:10]} 不在当前这条历史上，它的内容没有被合并。")
            else:
                listed = ask(root, "rev-list", "--first-parent", f"{commit}..{newest}^", "--", no=(128,))
                between = (listed or b"").decode().split()
        open_cases = _print_again(root, commit, members, "named")
        for one in between[:MAX_BETWEEN]:
            open_cases = _print_again(root, one, open_cases, "between") if open_cases else []
        for case in open_cases:
            for line in case.sought or ():
                case.verdict.differs(f"{line}（按提交 {commit[:10]} 的记录）。")
            if len(between) > MAX_BETWEEN:
                case.verdict.remark(f"此后的提交有 {len(between)} 个，只试了其中最近的 {MAX_BETWEEN} 个。")
        for case in members:
            if case.later:
                case.verdict.remark(case.later)


def _print_again(root: Path, commit: str, cases: list[_Case], which: str) -> list[_Case]:
    """Print what a commit has in place of each case, and compare where the data are the same.

    Args:
        which: `newest`, `named` or `between`. The named commit proves whatever names it; others only prints that are
            named by them as they name it themselves.

    Returns:
        The cases whose data this commit does not give.
    """
    left: list[_Case] = []
    try:
        tree = Project.open(root, commit)
        with tempfile.TemporaryDirectory(prefix="lingtouyan-") as place:
            naming = (lambda _: commit) if which == "named" else Commits(tree).of
            found: list[tuple[_Case, DossierJob]] = []
            for case, job, labels in _jobs_of(tree, cases, Path(place), naming):
                if job is not None and job.data == case.evidence.data:
                    case.verdict.holds(f"附带的数据与提交 {commit[:10]} 的记录一致。")
                    found.append((case, replace(job, path=f"{len(found)}/{job.path}")))
                else:
                    left.append(case)
                    _note(case, job, labels, which)
            _compare(tree, found, Path(place) / "prints")
    except (UsageError, RecordsError, OSError) as fault:
        if which == "named":
            away = (
                ""
                if head_commit(root)
                else "这里不是记录库。请在出具文书的记录库根目录运行，或用 --root 指明它的位置。"
            )
            for case in cases:
                case.verdict.unproven(f"提交 {commit[:10]} 的记录库读不出来：{away or _reason(fault)}")
        return cases
    return left


def _note(case: _Case, job: DossierJob | None, labels: Labels, which: str) -> None:
    """Keep what a commit says otherwise than the print."""
    if which == "named" and job is None:
        case.sought = [f"没有这份文书：{case.data['kind']} {case.data['path']}"]
    elif which == "named" and job is not None:
        case.sought = list(data_differences(json.loads(job.data), case.data, labels))
    elif which == "newest" and job is None:
        case.later = "现在的记录里已没有这份文书。"
    elif which == "newest" and job is not None:
        kept = {name: case.data[name] for name in ("commit", "form")}
        today = {**json.loads(job.data), **kept}
        changed = list(data_differences(case.data, today, labels, ("印的是", "现在是")))[:10]
        case.later = f"此后记录有变化：{'；'.join(changed)}。" if changed else ""


def _reason(fault: Exception) -> str:
    if isinstance(fault, RecordsError):
        return fault.problems[0].message if fault.problems else ""
    return (fault.strerror or type(fault).__name__) if isinstance(fault, OSError) else str(fault)


def _compare(tree: Project, found: list[tuple[_Case, DossierJob]], folder: Path) -> None:
    report = render_dossiers([job for _, job in found], files=shared_files(tree), out=folder)
    done = [(case, folder / job.path) for case, job in found if job.path in report.printed]
    for case, job in found:
        if job.path not in report.printed:
            reason = "；".join(p.message for p in report.problems[:1])
            case.verdict.unproven(f"本机不能重新排印它，没有比对。{reason}")
    others = [pair for pair in done if pair[1].read_bytes() != pair[0].verdict.file.read_bytes()]
    again = dict(zip((p for _, p in others), gather([p for _, p in others]), strict=True))
    for case, path in done:
        if path in again:
            compare_prints(case.verdict, case.evidence, again[path], path.read_bytes())
        else:
            case.verdict.holds("与本机按该提交重新排印的一份逐字节相同。")


def _jobs_of(
    project: Project, cases: list[_Case], place: Path, commit_of: CommitOf
) -> Iterator[tuple[_Case, DossierJob | None, Labels]]:
    """Yield what the tree prints in place of each case; None where it prints no such thing."""
    date, draft = project.as_of(cases[0].data["as_of"]), cases[0].data["draft"]
    paths = {e: place / f"{e}.duckdb" for e in sorted({c.data["edition"] for c in cases})}
    kinds = {c.data["kind"] for c in cases}
    every = [t for e in paths for t in chosen_templates(project, e, Selection(), on_demand=True)]
    only = words_asked([t for t in every if t.name in kinds])
    register_with_editions(project, date, paths, draft=draft, allow_errors=True, only=only)
    for edition, path in paths.items():
        members = [c for c in cases if c.data["edition"] == edition]
        connection = open_edition(path)
        facts = {"edition": edition, "as_of": date, "draft": draft}
        jobs: dict[tuple[str, str], DossierJob] = {}
        for kind in sorted({c.data["kind"] for c in members}):
            keys = frozenset(c.data["path"].removesuffix(".pdf") for c in members if c.data["kind"] == kind)
            wanted = Selection(frozenset({kind}), keys)
            try:
                found = dossier_jobs(project, connection, edition, facts, commit_of, wanted)
                jobs.update({(kind, j.path): j for j in found})
            except UsageError:
                continue
        labels = Labels(connection)
        for case in members:
            yield case, jobs.get((case.data["kind"], case.data["path"])), labels
        connection.close()
