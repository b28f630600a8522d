"""Telling a true print from an altered one: it is printed again from the repository, and the two are compared.

Three answers: all true, something differs, cannot be told. A print is true for its commit, whatever changed since.
"""

from __future__ import annotations

import difflib
import functools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from lingtouyan.history.anchors import Anchor
from lingtouyan.history.git import ask, head_commit
from lingtouyan.pdf.footer import SCHEMA, blank_in, canonical, digest_of, mark_of, marks_in
from lingtouyan.pdf.jobs import Selection, chosen_templates, selected_jobs, shared_files
from lingtouyan.pdf.render import DossierJob, render_dossiers
from lingtouyan.problems import WORDING, RecordsError, UsageError, printable, quoted
from lingtouyan.project import Project, Scope
from lingtouyan.templates.functions import Labels
from lingtouyan.verify.reading import (
    DIFFERS,
    HOLDS,
    IMAGES,
    KINDS,
    NOTES,
    REMARK,
    TRUE,
    UNPROVEN,
    Evidence,
    gather,
    read_print,
)

# How many commits between the one that a print names and the newest are tried; each costs reading the records again.
MAX_BETWEEN = 8
_MOST = 20
_DRAWN = ("/Contents", "/Resources", IMAGES)


@dataclass
class Verdict:
    """What was found out about one file. What differs outweighs what cannot be told, and that outweighs what is true.

    Attributes:
        data: the attached records; empty when they are not such as the engine attaches.
        commits: those that may prove it, in the order in which they are tried.
        said: what each of them has in its place, with the titles of columns there; None where it has none.
        fault: why the commit that it names could not be asked.
        proved: one of them was found to have the same data.
    """

    file: Path
    evidence: Evidence
    state: str = TRUE
    lines: list[str] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)
    commits: list[str] = field(default_factory=list)
    said: dict[str, tuple[dict[str, Any], Labels] | None] = field(default_factory=dict)
    fault: str = ""
    proved: bool = False

    def say(self, kind: str, line: str) -> None:
        """Enter a sentence: something that `DIFFERS`, is `UNPROVEN` or `HOLDS`, or a `REMARK`."""
        if kind == DIFFERS or (kind == UNPROVEN and self.state == TRUE):
            self.state = kind
        self.lines.append(f"{kind}：{line}")

    def text(self) -> str:
        """Return the verdict for the user."""
        head = f"{printable(str(self.file))}：{self.state}"
        return "\n".join([head, *(f"  {printable(line)}" for line in self.lines)])

    def group(self) -> tuple[str, bool, str]:
        """Return what prints must share for their records to be read at once."""
        return self.data["as_of"] or "", self.data["draft"], self.data["edition"]


def verify(root: Path, files: Sequence[Path], trust: Sequence[bytes] = ()) -> list[Verdict]:
    """Verify prints against the repository at `root`.

    Args:
        trust: certificates (DER) of those whose signatures count; with any, a print without one is not proved.
    """
    verdicts = _opened(files, trust)
    for verdict in verdicts:
        if verdict.data and not verdict.data["commit"]:
            said = "印的时候记录还没有提交，或者没有写明提交，追溯不到仓库里的哪个版本。"
            verdict.say(UNPROVEN, said)
    _against_repository(root.resolve(), [v for v in verdicts if v.data and v.data["commit"]])
    for verdict in verdicts:
        for kind, line in verdict.evidence.signatures:
            verdict.say(kind, line)
    return verdicts


def print_anchors(files: Sequence[Path]) -> list[Anchor]:
    """Return what prints say of the commit that their records stood at.

    Raises:
        UsageError: one is no print of ours, or names no commit.
    """
    anchors = []
    for verdict in _opened(files):
        altered, commit = verdict.state == DIFFERS, verdict.data.get("commit", "")
        if not altered and not commit:
            reason = "印的时候记录还没有提交。" if verdict.data else verdict.lines[0]
            raise UsageError(f"{printable(str(verdict.file))} 不能作锚点：{reason}")
        anchors.append(Anchor(str(verdict.file), "" if altered else commit, altered=altered))
    return anchors


# ---- the file by itself -------------------------------------------------------------------------------------------


def _opened(files: Sequence[Path], trust: Sequence[bytes] = ()) -> list[Verdict]:
    """Judge files by what they say themselves."""
    verdicts = [Verdict(*pair) for pair in zip(files, gather(files, trust), strict=True)]
    for verdict in verdicts:
        evidence = verdict.evidence
        if evidence.fault:
            verdict.say(UNPROVEN, evidence.fault)
        elif evidence.data is not None:
            _open_data(verdict, evidence.data)
        elif (blank := [blank_in(words) for words in evidence.pages]) and all(blank):
            said = f"是空白表（模板 {blank[0]}），不是记录；手填的内容不在仓库里，无从核验。"
            verdict.say(UNPROVEN, said)
        elif any(marks_in(words) for words in evidence.pages):
            verdict.say(DIFFERS, "页脚有标记，但附带的记录数据不见了。")
        else:
            verdict.say(UNPROVEN, "没有标记，也没有附带记录数据：不是本工具排印的。")
    return verdicts


def _open_data(verdict: Verdict, content: bytes) -> None:
    try:
        data = json.loads(content)
        regular = canonical(data) == content
    except (ValueError, RecursionError):
        verdict.say(DIFFERS, "附带的数据已损坏，读不出来。")
        return
    if _well_formed(data):
        if not regular:
            verdict.say(DIFFERS, "附带的数据被改写过（不是规范写法）。")
        verdict.data = data
        _check_marks(verdict, digest_of(content)[:16], data["commit"][:10])
        return
    other = str(data.get("schema", "")) if isinstance(data, dict) else ""
    if other.startswith("lingtouyan-dossier/") and other != SCHEMA:
        said = f"附带的数据是另一种版式 {quoted(other)}，请用排印它的那一版程序核验。"
        verdict.say(UNPROVEN, said)
    else:
        verdict.say(DIFFERS, "附带的数据不是本工具写的样子。")


def _well_formed(data: Any) -> bool:
    shape = yaml.safe_load(Path(__file__).with_name("dossier-schema.yaml").read_text("utf-8"))
    return Draft202012Validator(shape).is_valid(data)


def _check_marks(verdict: Verdict, digest: str, commit: str) -> None:
    """Compare the marks on the pages with those that the data demand, and with one another."""
    before, count, numbers, total = len(verdict.lines), len(verdict.evidence.pages), list[int](), 0
    for number, words in enumerate(verdict.evidence.pages, 1):
        marks = marks_in(words)
        if not marks:
            verdict.say(DIFFERS, f"第 {number} 页页脚没有标记，是后加的页或标记被抹去。")
            continue
        # A record may hold what looks like a mark; the engine's own stands last or first, so any true one will do.
        mark = next((m for m in marks if (m.digest, m.commit) == (digest, commit)), marks[-1])
        numbers.append(mark.page)
        total = max(total, mark.pages)
        if mark.digest != digest:
            said = f"第 {number} 页印的摘要是 {mark.digest}，附带的数据算出来是 {digest}："
            verdict.say(DIFFERS, f"{said}数据被改过，或这一页来自另一份印本。")
        if mark.commit != commit:
            said = f"第 {number} 页印的提交是 {mark.commit or '未提交'}，"
            verdict.say(DIFFERS, f"{said}附带的数据写的是 {commit or '未提交'}。")
    missing = sorted(set(range(1, min(total, 9999) + 1)) - set(numbers))
    if total != count or missing:
        lacking = f"，缺第 {_some(missing)} 页" if missing else ""
        verdict.say(DIFFERS, f"应有 {total} 页，现有 {count} 页{lacking}。")
    elif numbers != sorted(numbers):
        verdict.say(DIFFERS, f"各页的次序被调换：{_some(numbers)}。")
    for number in verdict.evidence.seals:
        verdict.say(UNPROVEN, f"第 {number} 页上有看得见的签章图形，被它遮住的内容请人工核对。")
    if len(verdict.lines) == before:
        verdict.say(HOLDS, f"{count} 页的标记齐全、连续，与附带的数据一致（摘要 {digest}）。")


def _some(numbers: Sequence[int]) -> str:
    return "、".join(map(str, numbers[:_MOST])) + ("……" if len(numbers) > _MOST else "")


# ---- the file and the repository ----------------------------------------------------------------------------------


def _against_repository(root: Path, verdicts: list[Verdict]) -> None:
    """Print again: as the newest commit has it, else as the one that the print names, else as one between them."""
    head = head_commit(root)
    newest = head.id if head else ""
    places = {named: _place(root, named, newest) for named in sorted({v.data["commit"] for v in verdicts})}
    for verdict in verdicts:
        fault, between = places[verdict.data["commit"]]
        if fault:
            verdict.say(DIFFERS, fault)
        verdict.commits = [c for c in (newest, verdict.data["commit"], *between[:MAX_BETWEEN]) if c]
    order = [newest, *places, *(c for _, between in places.values() for c in between)]
    for commit in dict.fromkeys(order):
        if asked := [v for v in verdicts if commit in v.commits and not v.proved]:
            _print_again(root, commit, asked)
    for verdict in verdicts:
        named, count = verdict.data["commit"], len(places[verdict.data["commit"]][1])
        if verdict.fault and not verdict.proved:
            verdict.say(UNPROVEN, f"提交 {named[:10]} 的记录库读不出来：{verdict.fault}")
        elif not verdict.proved:
            truth = verdict.said[named]
            none = [f"没有这份文书：{verdict.data['kind']} {verdict.data['path']}"]
            for line in data_differences(truth[0], verdict.data, truth[1]) if truth else none:
                verdict.say(DIFFERS, f"{line}（按提交 {named[:10]} 的记录）。")
        if count > MAX_BETWEEN and not verdict.proved:
            verdict.say(REMARK, f"此后的提交有 {count} 个，只试了其中最近的 {MAX_BETWEEN} 个。")
        if newest != named and newest in verdict.said:
            if (today := verdict.said[newest]) is None:
                verdict.say(REMARK, "现在的记录里已没有这份文书。")
                continue
            data = {**today[0], "commit": named, "form": verdict.data["form"]}
            changed = list(data_differences(verdict.data, data, today[1], ("印的是", "现在是")))
            if changed:
                verdict.say(REMARK, f"此后记录有变化：{'；'.join(changed[:10])}。")


def _place(root: Path, commit: str, newest: str) -> tuple[str, list[str]]:
    """Return what is wrong with where a commit stands in the history, and the commits between it and the newest."""
    if ask(root, "cat-file", "-e", f"{commit}^{{commit}}", no=(1, 128)) is None:
        return "", []
    if ask(root, "merge-base", "--is-ancestor", commit, "HEAD", no=(1, 128)) is None:
        return f"提交 {commit[:10]} 不在当前这条历史上，它的内容没有被合并。", []
    listed = ask(root, "rev-list", "--first-parent", f"{commit}..{newest}^", "--", no=(128,))
    return "", (listed or b"").decode().split()


def _print_again(root: Path, commit: str, verdicts: list[Verdict]) -> None:
    """Print what a commit has in place of each file, and compare where the data are the same.

    The commit proves whatever names it; other prints only when they name their commit as it does.
    """
    try:
        tree = Project.open(root, commit)
        found: list[tuple[Verdict, DossierJob]] = []
        for _, group in groupby(sorted(verdicts, key=Verdict.group), key=Verdict.group):
            members = list(group)
            as_of, draft, edition = members[0].group()
            every = chosen_templates(tree, edition, Selection(), on_demand=True)
            kinds = {t.name for t in every} & {v.data["kind"] for v in members}
            keys = frozenset(v.data["path"].removesuffix(".pdf") for v in members)
            asked = tree.as_of(as_of), Scope(edition), Selection(frozenset(kinds), keys)
            made, _, labels = selected_jobs(tree, *asked, draft=draft) if kinds else ((), (), None)
            jobs = {job.path: job for job in made}
            for verdict in members:
                job = jobs.get(verdict.data["path"])
                if job is None or labels is None:
                    verdict.said[commit] = None
                    continue
                if verdict.data["commit"] == commit:
                    data = canonical({**json.loads(job.data), "commit": commit})
                    address = job.mark.address if job.mark else ""
                    job = replace(job, data=data, mark=mark_of(commit, data, address))
                if job.data == verdict.evidence.data:
                    found.append((verdict, job))
                else:
                    verdict.said[commit] = json.loads(job.data), labels
        _compare(tree, commit, found)
    except (UsageError, RecordsError, OSError) as fault:
        away = "这里不是记录库。请在出具文书的记录库根目录运行，或用 --root 指明它的位置。"
        reason = str(fault) if head_commit(root) else away
        for verdict in verdicts:
            if verdict.data["commit"] == commit:
                verdict.fault = reason


def _compare(tree: Project, commit: str, found: list[tuple[Verdict, DossierJob]]) -> None:
    # Files with the same data are compared with one print.
    jobs = {path: replace(job, path=path) for _, job in found if (path := f"{digest_of(job.data)}.pdf")}
    with TemporaryDirectory(prefix="lingtouyan-") as folder:
        report = render_dossiers(jobs.values(), files=shared_files(tree), out=Path(folder))
        shown = functools.cache(read_print)
        for verdict, job in found:
            path = f"{digest_of(job.data)}.pdf"
            verdict.proved = True
            verdict.say(HOLDS, f"附带的数据与提交 {commit[:10]} 的记录一致。")
            if path not in report.printed:
                reason = "；".join(p.message for p in report.problems[:1])
                verdict.say(UNPROVEN, f"本机不能重新排印它，没有比对。{reason}")
            elif (content := Path(folder, path).read_bytes()) == verdict.file.read_bytes():
                verdict.say(HOLDS, "与本机按该提交重新排印的一份逐字节相同。")
            else:
                _compare_prints(verdict, shown(Path(folder, path)), content)


# ---- where two prints differ ------------------------------------------------------------------------------------


def _compare_prints(verdict: Verdict, true: Evidence, content: bytes) -> None:
    """Compare a print that is not byte for byte what is printed again (`true`, `content`)."""
    found = verdict.evidence
    if true.fault:
        verdict.say(UNPROVEN, f"重新排印的一份读不出来：{true.fault}")
        return
    last, same_programs = min(len(found.pages), len(true.pages)), found.press == true.press
    changed = {
        (number, name)
        for number, name in found.parts.keys() | true.parts.keys()
        if number <= last and found.parts.get((number, name)) != true.parts.get((number, name))
    }
    over = {number for number, name in changed if name == KINDS or (name == NOTES and same_programs)}
    drawn = sorted({number for number, name in changed if name in _DRAWN})
    elsewhere = {p for p in changed if p[1] not in (*_DRAWN, KINDS, NOTES)}
    lines = list(_text_differences(true.pages, found.pages))
    if found.title != true.title:
        lines.append(f"文件的标题：按记录应为{quoted(true.title)}，现在是{quoted(found.title)}。")
    for number in sorted(over):
        shown = found.parts.get((number, KINDS)) or "已删去"
        lines.append(f"第 {number} 页上的批注、链接或表单被改动过（{shown}）。")
    if added := elsewhere - true.parts.keys():
        lines.append(f"文件里加有印本没有的内容（{_titles(added)}）。")
    if same_programs and (rest := elsewhere - added):
        lines.append(f"文件里各页以外的内容（{_titles(rest)}）与按记录重新排印的不同，被改动过。")
    if same_programs and drawn and not lines:
        shown = f"第 {_some(drawn)} 页的图形（线条、二维码、图片、遮盖）或字体"
        lines.append(f"{shown}被改动过，文字看上去没有变。")
    for line in lines:
        verdict.say(DIFFERS, line)
    if lines:
        return
    if changed:
        images = "" if any(name == IMAGES for _, name in changed) else "和图片"
        said = (
            f"它由另一版程序或字体排印，只能作较弱的核对：附带的数据、各页文字{images}与本机重新排印的相同，"
        )
        verdict.say(UNPROVEN, f"{said}版面的图形不能逐一比对。请用当时的版本核验。")
    elif verdict.file.read_bytes().startswith(content):
        said = "原件部分与本机按该提交重新排印的一份逐字节相同，此后追加过内容（例如电子签章），各页没有变。"
        verdict.say(HOLDS, said)
    else:
        said = "各页和各页以外的内容与重新排印的一份相同；文件被别的程序另存过，或由另一版程序排印。"
        verdict.say(HOLDS, said)


def _titles(parts: Iterable[tuple[int, str]]) -> str:
    return "、".join(dict.fromkeys(WORDING["print_parts"].get(name, name) for _, name in sorted(parts)))


def _text_differences(truth: Sequence[str], found: Sequence[str]) -> Iterator[str]:
    if len(truth) != len(found):
        yield f"按记录应排 {len(truth)} 页，现有 {len(found)} 页"
    count = 0
    for number, pair in enumerate(zip(truth, found, strict=False), 1):
        left, right = ([" ".join(w) for line in page.splitlines() if (w := line.split())] for page in pair)
        for kind, i, j, m, n in difflib.SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
            if kind != "equal" and (count := count + 1) <= _MOST:
                wanted, printed = " ".join(left[i:j]) or None, " ".join(right[m:n]) or None
                yield f"第 {number} 页文字：按记录应为{_said(wanted)}，印的是{_said(printed)}"
    if count > _MOST:
        yield "文字还有更多不同，没有全部列出"


def data_differences(
    truth: Mapping[str, Any],
    found: Mapping[str, Any],
    labels: Labels,
    words: tuple[str, str] = ("应为", "印的是"),
) -> Iterator[str]:
    """Yield where two sets of attached data differ; `words` introduce the one and the other value."""
    pairs = [(title, truth[name], found[name]) for name, title in WORDING["print_data"].items()]
    rows = [("", truth["row"], found["row"])]
    for name in sorted({*truth["lists"], *found["lists"]}):
        left, right = truth["lists"].get(name, []), found["lists"].get(name, [])
        pairs.append((f"{quoted(name)}的行数", len(left), len(right)))
        rows += [
            (f"{name} 第{number}行的", *pair) for number, pair in enumerate(zip(left, right, strict=False), 1)
        ]
    for where, one, other in rows:
        names = dict.fromkeys([*one, *other])
        pairs += [(f"{where}{labels.of(name)}", one.get(name), other.get(name)) for name in names]
    for title, one, other in pairs:
        # True is no number in JSON.
        if one != other or isinstance(one, bool) is not isinstance(other, bool):
            yield f"{title}：{words[0]}{_said(one)}，{words[1]}{_said(other)}"


def _said(value: Any) -> str:
    if value is None:
        return "空"
    return ("是" if value else "否") if isinstance(value, bool) else quoted(value)
