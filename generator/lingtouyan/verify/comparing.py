"""Saying in words where two data sets or two texts of a dossier differ.

The first is always what it should be, the second what it is.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lingtouyan.problems import quoted
from lingtouyan.templates.functions import Labels

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
