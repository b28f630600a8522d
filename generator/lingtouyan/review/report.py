"""A review written out: for a terminal, as a comment on a change request, for a script. What weighs most stands first.

Git hosts read more into a comment than Markdown says: nothing that somebody typed may call a person, an issue or a command.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from lingtouyan.history.changes import Change
from lingtouyan.history.log import readable
from lingtouyan.problems import Problem, Severity, has_errors, printable
from lingtouyan.project import EDITION_TITLES
from lingtouyan.reading.package import Table
from lingtouyan.review.compare import RecordChange, Review, SubjectChange
from lingtouyan.review.schema_changes import SchemaChange
from lingtouyan.templates.escaping import escape, text

# Hosts refuse a comment of more than 65,536 characters; a marker or a heading may be put around this one.
LIMIT = 65_000
ACTIONS = {"added": "新增", "changed": "修改", "removed": "删除", "renamed": "改编号"}
PRINTS = {"again": "需重印", "new": "需新印", "gone": "不再需要"}
_UNREADABLE = "要审阅的版本无法读取，没有审阅。"
# How much is shown: items of a list on a terminal, alarms and letters of an item in a comment, letters of a value,
# facts of a record, findings of one rule, changes of one kind.
_SHOWN, _ALARMS, _ITEM, _VALUE, _FACTS, _SAME, _ALIKE = 200, 20, 2_000, 80, 6, 8, 2
# What hosts link after the Markdown has been read: @person #1 !2 ~label %stage $snippet &group :emoji: GH-1 www.
_CALLS = re.compile(r"&#(?:33|35|36|37|38|58|64|126);|[%:]|\bGH(?=-)|\bwww(?=\.)", re.IGNORECASE)
_REST = "- …… 其余 {} 项从略，运行 `lingtouyan review` 查看全部"


class Part(NamedTuple):
    """One list of a written review: what must not be overlooked is open; `number` of things told, if not one a line."""

    title: str
    items: list[str]
    opened: bool = False
    number: int = 0

    @property
    def heading(self) -> str:
        """Title and number."""
        return f"{self.title}（{self.number or len(self.items)}）"


def headline(review: Review) -> str:
    """Say in one line what the change amounts to."""
    count = Counter(r.action for r in review.records)
    records = "、".join(f"{word} {count[a]} 条" for a, word in ACTIONS.items() if count[a])
    silent = sum(p.rule in review.altered for p in review.met)
    errors = sum(p.severity is Severity.ERROR for p in review.broken)
    told = [
        records or "记录没有变化",
        f"新违反规则 {len(review.broken)} 处（错误 {errors}），新符合 {len(review.met) - silent} 处",
    ]
    if silent:
        told.append(f"规则改动后不再报告 {silent} 处")
    if review.prints is not None:
        prints = Counter(p.action for p in review.prints)
        told.append(
            "，".join(f"{word} {prints[a]} 份" for a, word in PRINTS.items() if prints[a] or a == "again")
        )
    return f"{review.base.short} → {review.head.short}：{'；'.join(told)}。"


def verdict(review: Review) -> str:
    """Say whether the head passes."""
    errors = sum(p.severity is Severity.ERROR for p in review.problems)
    passed = f"错误 {errors}，提醒 {len(review.problems) - errors}；基准日 {review.as_of}"
    return f"校验{'未通过' if errors else '通过'}（{passed}）"


def short(value: str) -> str:
    """Bound a value: a change of a long text is read in its file."""
    value = printable(value)
    return value if len(value) <= _VALUE else f"{value[: _VALUE - 1]}…（共 {len(value)} 字）"


def subject_words(subject: SubjectChange, review: Review) -> str:
    """Say all that happens to one subject: fields, then rules, then prints."""
    kinds = Counter((r.kind, r.action) for r in subject.records)
    few = [r for r in subject.records if kinds[r.kind, r.action] <= _ALIKE]
    parts = [_record_words(r, subject, review) for r in few]
    parts += [f"{kind}{ACTIONS[action]} {n} 条" for (kind, action), n in kinds.items() if n > _ALIKE]
    broken, met = (Counter(p.rule for p in problems) for problems in (subject.broken, subject.met))
    # What a rule says differently now, it still says.
    parts += [f"{rule} 仍不符合，情况有变化" for rule in sorted(broken.keys() & met.keys())]
    for rule in (r for r in (*broken, *met) if (r in broken) != (r in met)):
        count = broken[rule] or met[rule]
        several = f" {count} 处" if count > 1 else ""
        if rule in broken:
            weight = "（错误）" if has_errors(p for p in subject.broken if p.rule == rule) else ""
            parts.append(f"{rule} 新违反{weight}{several}")
        else:
            altered = rule in review.altered
            parts.append(f"{rule} 不再报告（规则有改动）" if altered else f"{rule} 现已符合{several}")
    for (action, title), n in Counter((p.action, p.title) for p in subject.prints).items():
        parts.append(f"《{short(title)}》{PRINTS[action]}" + (f"（{n} 种版本）" if n > 1 else ""))
    return "；".join(parts)


def _record_words(record: RecordChange, subject: SubjectChange, review: Review) -> str:
    called = f"{record.kind}{'' if record.name else ' '}{short(record.name or record.key)}"
    called += f"（{short(record.key)}）" if record.name else ""
    if (record.table, record.key) == (subject.table, subject.key):
        called = ""
    if record.action == "renamed":
        return f"{called}编号 {short(record.former)} → {short(record.key)}"
    if record.action == "changed":
        told = dict.fromkeys(w for c in record.changes if (w := _field_words(c, record, review)))
        return (f"{called}：" if called else "") + "，".join(told)
    table, values = review.tables[record.table], record.values
    fields = [f for f in table.fields if f.name in values and f.name not in table.primary_key][:_FACTS]
    facts = "，".join(f"{f.title} {value_words(table, f.name, values[f.name], review)}" for f in fields)
    return f"{called}{ACTIONS[record.action]}" + (f"（{facts}）" if facts else "")


def item_words(change: Change, record: RecordChange, review: Review) -> str:
    """Say which item of a list a change is about; nothing when it is about the record itself."""
    place = change.key.removeprefix(record.key).strip("/").rstrip("−")
    return f"{review.tables[change.table].title}第 {place} 项" if change.table != record.table else ""


def _field_words(change: Change, record: RecordChange, review: Review) -> str:
    table, item = review.tables[change.table], item_words(change, record, review)
    if item and change.action != "changed":
        return f"{item}{ACTIONS[change.action]}"
    if not change.field:
        return "限制级内容有改动"
    if change.action != "changed":
        return ""
    named = table.field(change.field)
    before, after = (value_words(table, change.field, v, review) for v in (change.before, change.after))
    return f"{item}{named.title if named else change.field} {before} → {after}"


def value_words(table: Table, field: str, value: str, review: Review) -> str:
    """Return a value as it is shown, with what the record that it names is called."""
    target = next((k.table for k in table.foreign_keys if k.fields == (field,)), "")
    name = review.names.get((target, value), "")
    return (f"{short(name)}（{short(value)}）" if name else short(value)) or "（空）"


def _problem_words(problem: Problem) -> str:
    place = printable(f"{problem.file}:{problem.line}" if problem.line else problem.file) or "整库"
    return f"{_weight(problem)} {problem.rule} {printable(problem.message)}（{place}）"


def _weight(problem: Problem) -> str:
    return "错误" if problem.severity is Severity.ERROR else "提醒"


def design_words(design: SchemaChange, review: Review) -> str:
    """Say one change to what is declared, and what it does to all records."""

    def belongs(problem: Problem) -> bool:
        if design.rule:
            return problem.rule == design.rule
        return bool(design.column) and problem.column == design.column and not problem.rule[:1].isupper()

    broken, met = (sum(map(belongs, ps)) for ps in (review.broken, review.met))
    gone = "不再报告" if design.rule else "新符合"
    return design.explain(f"由此新违反 {broken} 处、{gone} {met} 处。" if broken or met else "")


def parts(review: Review) -> Iterator[Part]:
    """Yield everything but headline and alarms, in the order of reading."""
    yield Part("新违反的规则", list(_told(review.broken)), opened=True, number=len(review.broken))
    told = []
    for p in review.settings:
        effect = "、".join(f"{r}（新违反 {b} 处，新符合 {m} 处）" for r, (b, m) in p.rules.items())
        told.append(printable(p.words) + (f"。涉及规则：{effect}" if effect else "。没有规则因此改变结论。"))
    yield Part("参数", told, opened=True)
    yield Part("表结构、规则和模板", [design_words(d, review) for d in review.design], opened=True)
    yield Part("逐个对象的变化", [f"{short(s.name)}：{subject_words(s, review)}" for s in review.subjects])
    tables = Counter((r.kind, ACTIONS[r.action]) for r in review.records)
    yield Part("记录数", [f"{kind}{action} {count} 条" for (kind, action), count in tables.items()])
    for altered, title in ((True, "规则改动后不再报告的"), (False, "现已符合的规则")):
        met = [p for p in review.met if (p.rule in review.altered) is altered]
        yield Part(title, list(_told(met)), number=len(met))
    figures = [
        printable(f"{f.view} {f.row} {f.column}：{text(f.before) or '无'} → {text(f.after) or '无'}")
        for f in review.figures
    ]
    yield Part("变动的统计数字", figures)
    prints = [
        printable(
            f"{PRINTS[p.action]}：{p.title}（{EDITION_TITLES[p.edition]} {p.path.removesuffix('.pdf')}.pdf）"
        )
        for p in review.prints or ()
    ]
    yield Part("需要打印的文书", prints)
    commits = [f"{c.id[:10]} {short(c.author)}：{short(c.subject)}" for c in review.proposal.commits]
    yield Part("提交", commits)


def _told(problems: Iterable[Problem]) -> Iterator[str]:
    """Tell errors first; of what one rule found over and over, the first few and how many more."""
    by_rule: dict[tuple[bool, str], list[Problem]] = {}
    for problem in problems:
        by_rule.setdefault((problem.severity is not Severity.ERROR, problem.rule), []).append(problem)
    for (_, rule), found in sorted(by_rule.items(), key=lambda pair: pair[0]):
        yield from map(_problem_words, found[:_SAME])
        if len(found) > _SAME:
            yield f"{_weight(found[0])} {rule} 同类还有 {len(found) - _SAME} 处"


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


def words(value: str) -> str:
    """Return words that somebody typed as they read in a comment, whatever they contain.

    A space of no width parts each sign from what follows it, so that a host finds no reference; the reader sees none.
    """
    value = value if len(value) <= _ITEM else value[: _ITEM - 1] + "…"
    return _CALLS.sub(lambda m: m[0] + "&#8203;", str(escape(printable(value))))


def as_markdown(review: Review, limit: int = LIMIT) -> str:
    """Write for a comment of at most `limit` characters: the summary in full, the rest folded."""
    lines = ["## 变更审阅", ""]
    for alarm in review.alarms[:_ALARMS]:
        lines += [f"> **请先看这里：** {words(alarm)}", ">"]
    if len(review.alarms) > _ALARMS:
        lines += [f"> 另有 {len(review.alarms) - _ALARMS} 项，见 `lingtouyan review`。"]
    passed = "未通过" if review.refused else "通过"
    lines += ["", f"**{passed}**　{words(headline(review))}", "", words(verdict(review)), ""]
    given = [p for p in parts(review) if p.items]
    heads = [f"<details{' open' if p.opened else ''}><summary>{p.heading}</summary>" for p in given]
    # The frame of every part is paid for before the first item is written.
    room = limit - sum(len(line) + 1 for line in lines) - sum(len(h) + len(_REST) + 30 for h in heads)
    for part, head in zip(given, heads, strict=True):
        shown: list[str] = []
        for item in part.items:
            line = f"- {words(item)}"
            if len(line) + 1 > room:
                shown.append(_REST.format(len(part.items) - len(shown)))
                break
            room -= len(line) + 1
            shown.append(line)
        lines += [head, "", *shown, "", "</details>", ""]
    return "\n".join(lines)


def as_json(review: Review) -> str:
    """Write everything, for scripts."""
    subjects, records = _told_of(review.subjects, "table key name"), _told_of(review.records, "table key")
    for s, told in zip(review.subjects, subjects, strict=True):
        told |= {"words": subject_words(s, review), "records": _told_of(s.records, "table key")}
        told |= {"broken": [p.rule for p in s.broken], "met": [p.rule for p in s.met]}
        told |= {"prints": _told_of(s.prints, "edition path")}
    for r, told in zip(review.records, records, strict=True):
        told |= {"name": r.name or None, "action": r.action, "former_key": r.former or None}
        found = _told_of(r.changes, "table key action field before after file")
        told["changes"] = [{n: v or None for n, v in c.items()} for c in found]
    settings = [
        {"words": p.words, "rules": {r: {"broken": b, "met": m} for r, (b, m) in p.rules.items()}}
        for p in review.settings
    ]
    prints = None if review.prints is None else _told_of(review.prints, "edition path title action")
    commits = _told_of(review.proposal.commits, "author subject")
    for c, told in zip(review.proposal.commits, commits, strict=True):
        told |= {"commit": c.id, "files": [readable(f.path) for f in c.files]}
    design = _told_of(review.design, "kind place words loud")
    for d, told in zip(review.design, design, strict=True):
        told["kind"] = d.kind.name.lower()
    return _json(
        {
            "base": review.base.id,
            "head": review.head.id,
            "as_of": review.as_of.isoformat(),
            "passed": not review.refused,
            "summary": headline(review),
            "alarms": review.alarms,
            "subjects": subjects,
            "records": records,
            "broken": [p.as_dict() for p in review.broken],
            "met": [p.as_dict() for p in review.met],
            "problems": [p.as_dict() for p in review.problems],
            "design": [design_words(d, review) for d in review.design],
            "schema_changes": design,
            "settings": settings,
            "figures": _told_of(review.figures, "view row column before after"),
            "prints": prints,
            "commits": commits,
        }
    )


def _told_of(items: Iterable[object], names: str) -> list[dict[str, object]]:
    return [{n: getattr(item, n) for n in names.split()} for item in items]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, default=str) + "\n"


def unreadable(problems: Sequence[Problem], form: str) -> str:
    """Write for a comment or a script that the head could not be read at all, and why."""
    if form == "json":
        return _json({"passed": False, "summary": _UNREADABLE, "problems": [p.as_dict() for p in problems]})
    if form == "html":
        told = "".join(f"<li>{escape(_problem_words(p))}</li>" for p in problems)
        title = '<!doctype html><html lang="zh"><meta charset="utf-8"><title>变更审阅</title>'
        return f"{title}<h1>未通过</h1><p>{_UNREADABLE}请先改正：</p><ul>{told}</ul>\n"
    lines = ["## 变更审阅", "", f"**未通过**　{_UNREADABLE}请先改正：", ""]
    lines += [f"- {words(_problem_words(p))}" for p in problems[:_ALARMS]]
    if len(problems) > _ALARMS:
        lines.append(f"- 另有 {len(problems) - _ALARMS} 处，运行 `lingtouyan check` 查看。")
    return "\n".join(lines) + "\n"
