"""A review written out: for a terminal, for a comment on a change request, for a script.

What weighs most stands first and always in full; the long rest is folded and bounded.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable

from generator.history.changes import Change
from generator.history.review import RecordChange, Review
from generator.problems import Problem, Severity, printable
from generator.project import EDITION_TITLES
from generator.rendering.escaping import escape, text

_ACTIONS = {"added": "新增", "changed": "修改", "removed": "删除", "renamed": "改编号"}
_MOST = 60_000
_SHOWN = 200


def headline(review: Review) -> str:
    """Say in one line what the change amounts to."""
    count = Counter(r.action for r in review.records)
    parts = [f"{_ACTIONS[a]} {count[a]} 条" for a in ("added", "changed", "removed", "renamed") if count[a]]
    errors = sum(p.severity is Severity.ERROR for p in review.broken)
    return (
        f"{review.base.short} → {review.head.short}：{'、'.join(parts) or '记录没有变化'}；"
        f"新违反规则 {len(review.broken)} 处（错误 {errors}），新满足 {len(review.met)} 处；"
        f"需重印 {len(review.prints)} 份。"
    )


def describe(change: Change, review: Review) -> str:
    """Say one change of a field in words."""
    field = review.titles.get((change.table, change.field), change.field)
    if change.action == "added":
        return "新增一项" if change.key != change.root_key else "新增"
    before, after = change.before or "（空）", change.after or "（空）"
    return f"{field} {before} → {after}"


def as_text(review: Review) -> str:
    """Write for a terminal."""
    lines = [headline(review)]
    lines += [f"！！{a}" for a in review.alarms]
    if review.records:
        lines.append("\n记录")
    for record in review.records[:_SHOWN]:
        lines.append(f"  {_ACTIONS[record.action]} {_title(record)}")
        lines += [f"    {printable(describe(c, review))}" for c in _fields(record)]
    lines += _rest(len(review.records))
    for title, problems in (("新违反的规则", review.broken), ("新满足的规则", review.met)):
        if problems:
            lines.append(f"\n{title}")
            lines += [
                f"  {_weight(p)} {p.rule} {p.file}:{p.line} {printable(p.message)}" for p in problems[:_SHOWN]
            ]
            lines += _rest(len(problems))
    for title, items in _plain_parts(review):
        lines.append(f"\n{title}")
        lines += [f"  {printable(i)}" for i in items[:_SHOWN]]
        lines += _rest(len(items))
    return "\n".join(lines) + "\n"


def _rest(count: int) -> list[str]:
    return [f"  …… 其余 {count - _SHOWN} 项见 --format json"] if count > _SHOWN else []


def _title(record: RecordChange) -> str:
    former = f"（原编号 {record.former}）" if record.former else ""
    return printable(f"{record.title}（{record.key}）{former}")


def _fields(record: RecordChange) -> list[Change]:
    # A record that came or went is one line, not one line per field.
    return [
        c
        for c in record.changes
        if c.action == "changed" or (c.table != record.table and c.action == "added")
    ]


def _weight(problem: Problem) -> str:
    return "错误" if problem.severity is Severity.ERROR else "提醒"


def _plain_parts(review: Review) -> Iterable[tuple[str, list[str]]]:
    if review.design:
        yield "表结构、规则和模板", review.design
    if review.figures:
        yield (
            "变动的统计数字",
            [
                f"{f.view} {f.row} {f.column}：{text(f.before) or '无'} → {text(f.after) or '无'}"
                for f in review.figures
            ],
        )
    if review.prints:
        yield (
            "需要重新打印",
            [f"{EDITION_TITLES[e]} {path}.pdf".replace(".pdf.pdf", ".pdf") for e, path in review.prints],
        )
    authors = Counter((c.author, c.id[:10], c.subject) for c in review.proposal.commits)
    if authors:
        yield "提交", [f"{i} {a}：{s}" for a, i, s in authors]


def as_markdown(review: Review) -> str:
    """Write for a comment: the summary in full, the rest folded, the whole bounded."""
    errors = [p for p in review.problems if p.severity is Severity.ERROR]
    lines = ["## 变更审阅", "", str(escape(headline(review))), ""]
    lines += [f"> **注意** {escape(a)}\n" for a in review.alarms]
    lines.append(
        f"校验结果：**{'未通过' if errors else '通过'}**（错误 {len(errors)}，"
        f"提醒 {len(review.problems) - len(errors)}；基准日 {review.as_of}）\n"
    )
    parts: list[tuple[str, list[str], bool]] = [
        (
            f"新违反的规则（{len(review.broken)}）",
            [
                f"{_weight(p)} **{escape(p.rule)}** {escape(p.message)} （{escape(p.file)}:{p.line}）"
                for p in review.broken
            ],
            True,
        ),
        (
            f"新满足的规则（{len(review.met)}）",
            [f"**{escape(p.rule)}** {escape(p.message)}" for p in review.met],
            False,
        ),
        (f"记录（{len(review.records)}）", [_markdown_record(r, review) for r in review.records], False),
    ]
    parts += [
        (f"{title}（{len(items)}）", [str(escape(i)) for i in items], False)
        for title, items in _plain_parts(review)
    ]
    size = sum(map(len, lines))
    for title, items, opened in parts:
        if not items:
            continue
        shown: list[str] = []
        for item in items:
            if size + len(item) > _MOST:
                shown.append(f"- …… 其余 {len(items) - len(shown)} 项从略，运行 `lingtouyan review` 查看全部")
                break
            shown.append(f"- {item}")
            size += len(item) + 3
        lines += [
            f"<details{' open' if opened else ''}><summary>{title}</summary>",
            "",
            *shown,
            "",
            "</details>",
            "",
        ]
    return "\n".join(lines) + "\n"


def _markdown_record(record: RecordChange, review: Review) -> str:
    fields = "；".join(str(escape(describe(c, review))) for c in _fields(record))
    return f"{_ACTIONS[record.action]} **{escape(_title(record))}**" + (f"：{fields}" if fields else "")


def as_json(review: Review) -> str:
    """Write everything, for scripts."""
    return json.dumps(
        {
            "base": review.base.id,
            "head": review.head.id,
            "as_of": review.as_of.isoformat(),
            "passed": not review.refused,
            "summary": headline(review),
            "alarms": review.alarms,
            "records": [
                {
                    "table": r.table,
                    "key": r.key,
                    "title": r.title,
                    "action": r.action,
                    "former_key": r.former or None,
                    "changes": [
                        {
                            "table": c.table,
                            "key": c.key,
                            "action": c.action,
                            "field": c.field or None,
                            "before": c.before or None,
                            "after": c.after or None,
                            "file": c.file,
                        }
                        for c in r.changes
                    ],
                }
                for r in review.records
            ],
            "broken": [p.as_dict() for p in review.broken],
            "met": [p.as_dict() for p in review.met],
            "problems": [p.as_dict() for p in review.problems],
            "design": review.design,
            "figures": [
                {"view": f.view, "row": f.row, "column": f.column, "before": f.before, "after": f.after}
                for f in review.figures
            ],
            "prints": [{"edition": e, "path": p} for e, p in review.prints],
            "commits": [
                {"commit": c.id, "author": c.author, "subject": c.subject, "files": [f.path for f in c.files]}
                for c in review.proposal.commits
            ],
        },
        ensure_ascii=False,
        indent=1,
        default=str,
    )
