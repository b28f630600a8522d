"""A review written out for a terminal and for a script; `comment` writes it for a change request.

What weighs most stands first; the sentences about one subject are made here for both.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lingtouyan.history.changes import Change
from lingtouyan.history.comparing import RecordChange
from lingtouyan.problems import Problem, Severity, printable
from lingtouyan.project import EDITION_TITLES
from lingtouyan.review.design import Design
from lingtouyan.review.review import Review
from lingtouyan.review.subjects import PrintChange, SubjectChange
from lingtouyan.templates.escaping import text

ACTIONS = {"added": "新增", "changed": "修改", "removed": "删除", "renamed": "改编号"}
UNREADABLE = "要审阅的版本无法读取，没有审阅。"
PRINTS = {"again": "需重印", "new": "需新印", "gone": "不再需要"}
_SHOWN = 200
_VALUE = 80
_FACTS = 6
_SAME = 8
_ALIKE = 2


@dataclass(frozen=True, slots=True)
class Part:
    """One list of a written review: what must not be overlooked is open, the rest may be folded."""

    title: str
    items: list[str]
    opened: bool = False
    count: int | None = None

    @property
    def heading(self) -> str:
        """Title and number; the number is that of the things told, not of the lines."""
        return f"{self.title}（{len(self.items) if self.count is None else self.count}）"


def headline(review: Review) -> str:
    """Say in one line what the change amounts to."""
    count = Counter(r.action for r in review.records)
    parts = [f"{ACTIONS[a]} {count[a]} 条" for a in ACTIONS if count[a]]
    errors = sum(p.severity is Severity.ERROR for p in review.broken)
    silent = sum(p.rule in review.altered for p in review.met)
    prints = Counter(p.action for p in review.prints)
    return (
        f"{review.base.short} → {review.head.short}：{'、'.join(parts) or '记录没有变化'}；"
        f"新违反规则 {len(review.broken)} 处（错误 {errors}），新符合 {len(review.met) - silent} 处；"
        + (f"规则改动后不再报告 {silent} 处；" if silent else "")
        + f"需重印 {prints['again']} 份"
        + (f"，需新印 {prints['new']} 份" if prints["new"] else "")
        + (f"，不再需要 {prints['gone']} 份" if prints["gone"] else "")
        + "。"
    )


def verdict(review: Review) -> str:
    """Say whether the head passes."""
    errors = sum(p.severity is Severity.ERROR for p in review.problems)
    return (
        f"校验{'未通过' if errors else '通过'}（错误 {errors}，提醒 {len(review.problems) - errors}；"
        f"基准日 {review.as_of}）"
    )


def short(value: str) -> str:
    """Bound a value: a change of a long text is read in its file."""
    value = printable(value)
    return value if len(value) <= _VALUE else f"{value[: _VALUE - 1]}…（共 {len(value)} 字）"


def subject_words(subject: SubjectChange, review: Review) -> str:
    """Say all that happens to one subject: fields, then rules, then prints."""
    kinds = Counter((r.kind, r.action) for r in subject.records)
    parts = [
        words
        for record in subject.records
        if kinds[record.kind, record.action] <= _ALIKE
        for words in _record_words(record, subject, review)
    ]
    parts += [f"{kind}{ACTIONS[action]} {n} 条" for (kind, action), n in kinds.items() if n > _ALIKE]
    # What a rule says differently now, it still says.
    both = {p.rule for p in subject.broken} & {p.rule for p in subject.met}
    parts += [f"{rule} 仍不符合，情况有变化" for rule in sorted(both)]
    for problems, words in ((subject.broken, "新违反"), (subject.met, "现已符合")):
        for rule, found in Counter(p.rule for p in problems if p.rule not in both).items():
            if words == "现已符合" and rule in review.altered:
                parts.append(f"{rule} 不再报告（规则有改动）")
                continue
            weight = "（错误）" if words == "新违反" and _is_error(rule, problems) else ""
            parts.append(f"{rule} {words}{weight}" + (f" {found} 处" if found > 1 else ""))
    for (action, title), found in Counter((p.action, p.title) for p in subject.prints).items():
        several = f"（{found} 种版本）" if found > 1 else ""
        parts.append(f"《{short(title)}》{PRINTS[action]}{several}")
    return "；".join(parts)


def _is_error(rule: str, problems: Iterable[Problem]) -> bool:
    return any(p.severity is Severity.ERROR for p in problems if p.rule == rule)


def _record_words(record: RecordChange, subject: SubjectChange, review: Review) -> Iterator[str]:
    own = record.table == subject.table and record.key == subject.key
    called = (
        ""
        if own
        else f"{record.kind}{'' if record.name else ' '}{short(record.name or record.key)}"
        + (f"（{short(record.key)}）" if record.name else "")
    )
    if record.action == "renamed":
        yield f"{called}编号 {short(record.former)} → {short(record.key)}"
    elif record.action in ("added", "removed"):
        facts = "，".join(
            f"{title} {_value(record.table, name, value, review)}"
            for name, title, value in record.facts[:_FACTS]
        )
        yield f"{called}{ACTIONS[record.action]}" + (f"（{facts}）" if facts else "")
    else:
        fields = [w for c in record.changes for w in _field_words(c, record, review)]
        yield (f"{called}：" if called else "") + "，".join(dict.fromkeys(fields))


def _field_words(change: Change, record: RecordChange, review: Review) -> Iterator[str]:
    kind = review.titles.get((change.table, ""), change.table)
    item = change.table != record.table
    place = change.key[len(record.key) :].strip("/").rstrip("−") if item else ""
    if item and change.action != "changed":
        yield f"{kind}第 {place} 项{ACTIONS[change.action]}"
    elif not change.field:
        yield "限制级内容有改动"
    elif change.action == "changed":
        title = review.titles.get((change.table, change.field), change.field)
        yield (
            (f"{kind}第 {place} 项" if item else "")
            + f"{title} {_value(change.table, change.field, change.before, review)}"
            + f" → {_value(change.table, change.field, change.after, review)}"
        )


def _value(table: str, field: str, value: str, review: Review) -> str:
    name = review.names.get((review.refers.get((table, field), ""), value), "")
    return (f"{short(name)}（{short(value)}）" if name else short(value)) or "（空）"


def weight(problem: Problem) -> str:
    """Say how much a problem weighs."""
    return "错误" if problem.severity is Severity.ERROR else "提醒"


def place(problem: Problem) -> str:
    """Say where a problem stands."""
    return printable(f"{problem.file}:{problem.line}" if problem.line else problem.file) or "整库"


def design_words(design: Design, review: Review) -> str:
    """Say one change to the house, and what it does to all records."""

    def belongs(problem: Problem) -> bool:
        if design.rule:
            return problem.rule == design.rule
        return bool(design.column) and problem.column == design.column and not problem.rule[:1].isupper()

    broken, met = (sum(map(belongs, ps)) for ps in (review.broken, review.met))
    gone = "不再报告" if design.rule else "新符合"
    effect = f"由此新违反 {broken} 处、{gone} {met} 处。" if broken or met else ""
    return ("【注意】" if design.loud else "") + printable(design.words) + effect


def parts(review: Review) -> Iterator[Part]:
    """Yield everything but headline and alarms, in the order of reading."""
    yield Part("新违反的规则", list(_told(review.broken)), opened=True, count=len(review.broken))
    yield Part(
        "参数",
        [
            printable(p.words)
            + ("。涉及规则：" if p.rules else "。没有规则因此改变结论。")
            + "、".join(f"{r}（新违反 {b} 处，新符合 {m} 处）" for r, (b, m) in p.rules.items())
            for p in review.settings
        ],
        opened=True,
    )
    yield Part("表结构、规则和模板", [design_words(d, review) for d in review.design], opened=True)
    yield Part("逐个对象的变化", [f"{short(s.name)}：{subject_words(s, review)}" for s in review.subjects])
    tables = Counter((r.kind, ACTIONS[r.action]) for r in review.records)
    yield Part("记录数", [f"{kind}{action} {count} 条" for (kind, action), count in tables.items()])
    for title, met in (
        ("规则改动后不再报告的", [p for p in review.met if p.rule in review.altered]),
        ("现已符合的规则", [p for p in review.met if p.rule not in review.altered]),
    ):
        yield Part(title, list(_told(met)), count=len(met))
    yield Part(
        "变动的统计数字",
        [
            printable(f"{f.view} {f.row} {f.column}：{text(f.before) or '无'} → {text(f.after) or '无'}")
            for f in review.figures
        ],
    )
    yield Part("需要打印的文书", [print_words(p) for p in review.prints])
    yield Part(
        "提交",
        [f"{c.id[:10]} {short(c.author)}：{short(c.subject)}" for c in review.proposal.commits],
    )


def _told(problems: Iterable[Problem]) -> Iterator[str]:
    """Tell errors first; of what one rule found over and over, the first few and how many more."""
    by_rule: dict[tuple[bool, str], list[Problem]] = {}
    for problem in problems:
        by_rule.setdefault((problem.severity is not Severity.ERROR, problem.rule), []).append(problem)
    for (_, rule), found in sorted(by_rule.items(), key=lambda pair: pair[0]):
        for problem in found[:_SAME]:
            yield f"{weight(problem)} {rule} {printable(problem.message)}（{place(problem)}）"
        if len(found) > _SAME:
            yield f"{weight(found[0])} {rule} 同类还有 {len(found) - _SAME} 处"


def print_words(item: PrintChange) -> str:
    """Say which dossier, in which edition, and what is to be done with it."""
    path = f"{item.path.removesuffix('.pdf')}.pdf"
    return printable(f"{PRINTS[item.action]}：{item.title}（{EDITION_TITLES[item.edition]} {path}）")


def as_text(review: Review) -> str:
    """Write for a terminal."""
    lines = [f"！！ {printable(a)}" for a in review.alarms[:_SHOWN]]
    lines += [headline(review), verdict(review)]
    for part in parts(review):
        if part.items:
            lines += ["", part.heading, *(f"  {i}" for i in part.items[:_SHOWN])]
            if len(part.items) > _SHOWN:
                lines.append(f"  …… 其余 {len(part.items) - _SHOWN} 项见 --format json")
    return "\n".join(lines) + "\n"


def as_json(review: Review) -> str:
    """Write everything, for scripts."""
    return (
        json.dumps(
            {
                "base": review.base.id,
                "head": review.head.id,
                "as_of": review.as_of.isoformat(),
                "passed": not review.refused,
                "summary": headline(review),
                "alarms": review.alarms,
                "subjects": [
                    {
                        "table": s.table,
                        "key": s.key,
                        "name": s.name,
                        "words": subject_words(s, review),
                        "records": [{"table": r.table, "key": r.key} for r in s.records],
                        "broken": [p.rule for p in s.broken],
                        "met": [p.rule for p in s.met],
                        "prints": [{"edition": p.edition, "path": p.path} for p in s.prints],
                    }
                    for s in review.subjects
                ],
                "records": [_record_json(r) for r in review.records],
                "broken": [p.as_dict() for p in review.broken],
                "met": [p.as_dict() for p in review.met],
                "problems": [p.as_dict() for p in review.problems],
                "design": [design_words(d, review) for d in review.design],
                "settings": [
                    {"words": p.words, "rules": {r: {"broken": b, "met": m} for r, (b, m) in p.rules.items()}}
                    for p in review.settings
                ],
                "figures": [
                    {"view": f.view, "row": f.row, "column": f.column, "before": f.before, "after": f.after}
                    for f in review.figures
                ],
                "prints": [
                    {"edition": p.edition, "path": p.path, "title": p.title, "action": p.action}
                    for p in review.prints
                ],
                "commits": [
                    {
                        "commit": c.id,
                        "author": c.author,
                        "subject": c.subject,
                        "files": [f.path for f in c.files],
                    }
                    for c in review.proposal.commits
                ],
            },
            ensure_ascii=False,
            indent=1,
            default=str,
        )
        + "\n"
    )


def unreadable_as_json(problems: Sequence[Problem]) -> str:
    """Write for scripts that the head could not be read at all, and why."""
    told = {"passed": False, "summary": UNREADABLE, "problems": [p.as_dict() for p in problems]}
    return json.dumps(told, ensure_ascii=False, indent=1) + "\n"


def _record_json(record: RecordChange) -> dict[str, object]:
    return {
        "table": record.table,
        "key": record.key,
        "name": record.name or None,
        "action": record.action,
        "former_key": record.former or None,
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
            for c in record.changes
        ],
    }
