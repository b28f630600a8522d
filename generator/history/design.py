"""What a change does to the house itself: tables, fields, rules, views and templates, in words.

A lowered sensitivity or a weakened rule is a change to every record, so it is named as such.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from generator.checking.rules import Rule, read_rules
from generator.project import Project
from generator.reading.files import list_tree
from generator.reading.package import Field, Table

_FOLDERS = {
    "schemas/views": "视图",
    "schemas/macros": "宏",
    "site/pages": "页面模板",
    "site/dossiers": "卷宗模板",
    "site/macros": "模板宏",
    "site/theme": "网站外观",
}
_LEVELS = {"PUBLIC": "公开", "INTERNAL": "内部", "RESTRICTED": "限制"}


def design_changes(old: Project, new: Project) -> Iterator[str]:
    """Yield one sentence per change between the two trees."""
    before, after = old.package.tables, new.package.tables
    for name in after.keys() - before.keys():
        yield f"新增登记表“{after[name].title}”（{name}）。"
    for name in before.keys() - after.keys():
        yield f"取消登记表“{before[name].title}”（{name}），其中的记录不再读取。"
    for name in [n for n in after if n in before]:
        yield from _table(before[name], after[name])
    yield from _rules(old, new)
    for folder, word in _FOLDERS.items():
        mine, others = _digests(old.root, folder), _digests(new.root, folder)
        for file in sorted(mine.keys() | others.keys()):
            if mine.get(file) != others.get(file):
                verb = "新增" if file not in mine else "删除" if file not in others else "修改"
                yield f"{verb}{word} {file}。"


def _table(old: Table, new: Table) -> Iterator[str]:
    where = f"“{new.title}”"
    was, now = {f.name: f for f in old.fields}, {f.name: f for f in new.fields}
    for name in [n for n in now if n not in was]:
        yield f"{where}新增字段“{now[name].title}”（{name}，{_LEVELS[now[name].sensitivity.name]}）。"
    for name in [n for n in was if n not in now]:
        yield f"{where}取消字段“{was[name].title}”（{name}）。"
    for name in [n for n in now if n in was]:
        yield from _field(where, was[name], now[name])
    if old.primary_key != new.primary_key:
        yield f"{where}主键由 {'、'.join(old.primary_key)} 改为 {'、'.join(new.primary_key)}。"
    if old.row_filters != new.row_filters:
        yield f"{where}各版显示哪些行的条件有改动，请核对是否会多公开。"


def _field(where: str, old: Field, new: Field) -> Iterator[str]:
    if old.sensitivity != new.sensitivity:
        loud = "，会让更多人看到，请确认经过保密审查" if new.sensitivity < old.sensitivity else ""
        yield f"{where}“{new.title}”的密级由 {_LEVELS[old.sensitivity.name]} 改为 {_LEVELS[new.sensitivity.name]}{loud}。"
    if old.type != new.type:
        yield f"{where}“{new.title}”的类型由 {old.type} 改为 {new.type}。"
    if old.title != new.title:
        yield f"{where}字段 {new.name} 的名称由“{old.title}”改为“{new.title}”。"
    if dict(old.constraints) != dict(new.constraints) or old.categories != new.categories:
        yield f"{where}“{new.title}”的填写要求有改动。"


def _rules(old: Project, new: Project) -> Iterator[str]:
    was, now = ({r.id: r for r in read_rules(p.root, p.package)[0]} for p in (old, new))
    for name in sorted(now.keys() - was.keys()):
        yield f"新增规则 {name} {now[name].title}。"
    for name in sorted(was.keys() - now.keys()):
        yield f"取消规则 {name} {was[name].title}，今后不再检查。"
    for name in sorted(was.keys() & now.keys()):
        a, b = was[name], now[name]
        if a.severity != b.severity:
            yield f"规则 {name} {b.title} 由{_weight(a)}改为{_weight(b)}。"
        elif a.statement.sql != b.statement.sql:
            yield f"规则 {name} {b.title} 的判断条件有改动。"


def _weight(rule: Rule) -> str:
    return "错误" if rule.severity == "error" else "提醒"


def _digests(root: Path, folder: str) -> dict[str, str]:
    return {
        f: hashlib.blake2b((root / f).read_bytes(), digest_size=16).hexdigest()
        for f in list_tree(root, [folder]).files
    }
