"""A print beside the same one printed again: where their data, words, pages and other parts differ.

The first is always what it should be, the second what it is.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lingtouyan.problems import quoted
from lingtouyan.templates.functions import Labels
from lingtouyan.verify.reading import ABOUT, SEEN_SIGNATURE, Evidence

if TYPE_CHECKING:
    from lingtouyan.verify.verify import Verdict

_NAMES = {
    "kind": "文书种类",
    "form": "模板和样式",
    "edition": "版别",
    "path": "文件路径",
    "title": "标题",
    "as_of": "基准日",
    "draft": "草稿标记",
    "commit": "提交",
}
_MOST = 20
_PARTS = {
    "/Outlines": "书签",
    "/Names": "附件",
    "/AF": "附件",
    "/StructTreeRoot": "朗读文字",
    "/AcroForm": "表单",
    ABOUT: "文件属性",
}
_DRAWN = ("/Contents", "/Resources")


def data_differences(
    truth: Mapping[str, Any],
    found: Mapping[str, Any],
    labels: Labels,
    words: tuple[str, str] = ("应为", "印的是"),
) -> Iterator[str]:
    """Yield where two sets of attached data differ; `words` introduce the one and the other value."""
    for name, title in _NAMES.items():
        if truth[name] != found[name]:
            yield f"{title}：{words[0]}{_said(truth[name])}，{words[1]}{_said(found[name])}"
    yield from _row("", truth["row"], found["row"], labels, words)
    for name in sorted({*truth["lists"], *found["lists"]}):
        left, right = truth["lists"].get(name, []), found["lists"].get(name, [])
        if len(left) != len(right):
            yield f"{quoted(name)}的行数：{words[0]} {len(left)} 行，{words[1]} {len(right)} 行"
        for number, (one, other) in enumerate(zip(left, right, strict=False), 1):
            if one != other:
                yield from _row(f"{name} 第{number}行的", one, other, labels, words)


def _row(
    where: str,
    truth: Mapping[str, Any],
    found: Mapping[str, Any],
    labels: Labels,
    words: tuple[str, str],
) -> Iterator[str]:
    for name in dict.fromkeys([*truth, *found]):
        one, other = truth.get(name), found.get(name)
        # Numbers written alike are alike in canonical form, and true is no number there.
        if one != other or isinstance(one, bool) is not isinstance(other, bool):
            yield f"{where}{labels.of(name)}：{words[0]}{_said(one)}，{words[1]}{_said(other)}"


def _said(value: Any) -> str:
    if value is None:
        return "空"
    return ("是" if value else "否") if isinstance(value, bool) else quoted(value)


def text_differences(truth: Sequence[str], found: Sequence[str]) -> Iterator[str]:
    """Yield where the words of two prints differ, page by page."""
    if len(truth) != len(found):
        yield f"按记录应排 {len(truth)} 页，现有 {len(found)} 页"
    count = 0
    for number, (one, other) in enumerate(zip(truth, found, strict=False), 1):
        left, right = _lines(one), _lines(other)
        if left == right:
            continue
        matcher = difflib.SequenceMatcher(None, left, right, autojunk=False)
        for kind, i, j, m, n in matcher.get_opcodes():
            if kind == "equal":
                continue
            count += 1
            if count > _MOST:
                yield "文字还有更多不同，没有全部列出"
                return
            wanted, printed = " ".join(left[i:j]), " ".join(right[m:n])
            yield f"第 {number} 页文字：按记录应为{_said(wanted or None)}，印的是{_said(printed or None)}"


def _lines(text: str) -> list[str]:
    return [w for line in text.splitlines() if (w := re.sub(r"\s+", " ", line).strip())]


def some(numbers: Sequence[int]) -> str:
    """List numbers for a sentence, no more than one reads."""
    return "、".join(map(str, numbers[:20])) + ("……" if len(numbers) > 20 else "")


def compare_prints(verdict: Verdict, found: Evidence, true: Evidence, content: bytes) -> None:
    """Compare a print that is not byte for byte what is printed again, and enter the outcome into its verdict.

    Args:
        content: the one that was printed again.
    """
    if true.fault:
        verdict.unproven(f"重新排印的一份读不出来：{true.fault}")
        return
    lines = list(text_differences([p.text for p in true.pages], [p.text for p in found.pages]))
    if found.title != true.title:
        lines.append(f"文件的标题：按记录应为{quoted(true.title)}，现在是{quoted(found.title)}。")
    same_programs = found.press == true.press
    drawn: list[int] = []
    elsewhere = set(_changed(found.parts, true.parts))
    added = found.parts.keys() - true.parts.keys()
    for number, (one, other) in enumerate(zip(found.pages, true.pages, strict=False), 1):
        changed = set(_changed(one.parts, other.parts))
        if not changed.isdisjoint(_DRAWN) or one.images != other.images:
            drawn.append(number)
        elsewhere |= changed - set(_DRAWN)
        added |= one.parts.keys() - other.parts.keys()
        kinds = [kind for kind in one.over if kind != SEEN_SIGNATURE]
        if kinds != other.over or (same_programs and one.notes != other.notes):
            shown = "、".join(dict.fromkeys(kinds))
            lines.append(f"第 {number} 页上的批注、链接或表单被改动过（{shown or '已删去'}）。")
    if added:
        lines.append(f"文件里加有印本没有的内容（{_titles(added)}）。")
    if same_programs and (rest := elsewhere - added):
        lines.append(f"文件里各页以外的内容（{_titles(rest)}）与按记录重新排印的不同，被改动过。")
    if same_programs and drawn and not lines:
        lines.append(
            f"第 {some(drawn)} 页的图形（线条、二维码、图片、遮盖）或字体被改动过，文字看上去没有变。"
        )
    for line in lines:
        verdict.differs(line)
    if lines:
        return
    if drawn or elsewhere:
        images = "和图片" if [p.images for p in found.pages] == [p.images for p in true.pages] else ""
        verdict.unproven(
            f"它由另一版程序或字体排印，只能作较弱的核对：附带的数据、各页文字{images}与本机重新排印的相同，"
            "版面的图形不能逐一比对。请用当时的版本核验。"
        )
    elif verdict.file.read_bytes().startswith(content):
        verdict.holds(
            "原件部分与本机按该提交重新排印的一份逐字节相同，此后追加过内容（例如电子签章），各页没有变。"
        )
    else:
        verdict.holds("各页和各页以外的内容与重新排印的一份相同；文件被别的程序另存过，或由另一版程序排印。")


def _changed(found: Mapping[str, str], true: Mapping[str, str]) -> Iterator[str]:
    return (name for name in {**found, **true} if found.get(name) != true.get(name))


def _titles(names: Iterable[str]) -> str:
    return "、".join(dict.fromkeys(_PARTS.get(name, name) for name in sorted(names)))
