"""A print beside the same one printed again: page by page in words and drawing, then what the file says besides.

Where both were printed by the same programs and fonts, whatever differs was altered; else some things cannot be told.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lingtouyan.problems import quoted
from lingtouyan.verify.comparing import some, text_differences
from lingtouyan.verify.evidence import Evidence, gather
from lingtouyan.verify.frame import frames
from lingtouyan.verify.verdicts import Verdict

_Print = tuple[Verdict, Evidence, Path]


def compare_pages(prints: Sequence[_Print]) -> None:
    """Compare prints with those printed again, and enter the outcome into their verdicts.

    Args:
        prints: of each its verdict, what it shows, and the file printed again.
    """
    alike: list[_Print] = []
    printed_alike: list[bool] = []
    for one, again in zip(prints, gather([path for _, _, path in prints]), strict=True):
        if _pages_alike(one, again):
            alike.append(one)
            printed_alike.append(one[1].press == again.press)
    mine = frames([verdict.file for verdict, _, _ in alike])
    theirs = frames([path for _, _, path in alike])
    for (verdict, _, _), same_press, found, true in zip(alike, printed_alike, mine, theirs, strict=True):
        if isinstance(found, str) or isinstance(true, str):
            fault = found if isinstance(found, str) else str(true)
            verdict.unproven(f"书签、附件等各页以外的内容没能比对：{fault}")
            continue
        changed = "、".join(name for name in found if found[name] != true[name])
        if changed and same_press:
            verdict.differs(f"文件里各页以外的内容（{changed}）与按记录重新排印的不同，被改动过。")
        elif changed:
            verdict.unproven(
                f"文件里各页以外的内容（{changed}）与本机重新排印的不同：可能改动过，也可能是程序与当时不同。"
            )


def _pages_alike(one: _Print, again: Evidence) -> bool:
    """Compare the pages; tell whether they are the same and the files are not, so that the rest is to be compared."""
    verdict, evidence, path = one
    if again.fault:
        verdict.unproven(f"重新排印的一份读不出来：{again.fault}")
        return False
    content, original = verdict.file.read_bytes(), path.read_bytes()
    if content == original:
        verdict.holds("与本机按该提交重新排印的一份逐字节相同。")
        return False
    mine, theirs = evidence.pages, again.pages
    differences = list(text_differences([p.text for p in theirs], [p.text for p in mine]))
    for line in differences:
        verdict.differs(line)
    if evidence.title != again.title:
        verdict.differs(f"文件的标题：按记录应为{quoted(again.title)}，现在是{quoted(evidence.title)}。")
    if differences:
        return False
    verdict.holds("各页文字与按该提交重新排印的一致。")
    if content.startswith(original):
        verdict.remark("文件在原件之后追加过内容（例如电子签章），原件部分逐字节相同。")
    touched = [
        n for n, (one, two) in enumerate(zip(mine, theirs, strict=True), 1) if one.drawing != two.drawing
    ]
    if touched and evidence.press == again.press:
        verdict.differs(
            f"第 {some(touched)} 页的图形（线条、二维码、图片、遮盖）或字体被改动过，文字看上去没有变。"
        )
    elif touched:
        verdict.unproven(
            "版面的图形或字体与本机重新排印的不同：可能动过图形，也可能是本机的字体、程序与当时不同。"
            "请用当时的版本核验。"
        )
    elif not content.startswith(original):
        verdict.remark("文件由另一版程序排印，或被别的程序另存过；各页的内容没有变。")
    return not touched
