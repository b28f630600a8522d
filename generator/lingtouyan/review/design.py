"""What a change does to the house itself: tables, fields, rules, views and templates, in words.

A lowered sensitivity or a weakened rule is a change to every record, so it is named as such.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lingtouyan.checks.rules import Rule, read_rules
from lingtouyan.database.statements import columns_of, read_statements
from lingtouyan.problems import Severity
from lingtouyan.project import Project
from lingtouyan.reading.package import Field, Sensitivity, Table
from lingtouyan.reading.source import Source

_FOLDERS = {
    "schemas/views": "视图",
    "schemas/macros": "宏",
    "site/pages": "页面模板",
    "site/dossiers": "卷宗模板",
    "site/macros": "模板宏",
    "site/theme": "网站外观",
}


@dataclass(frozen=True, slots=True)
class Design:
    """One change to the house.

    Attributes:
        words: what changes, as a sentence.
        rules: the rule that changes, if it is one.
        column: title of the field that changes, if it is one, and `table` its table's name.
        loud: whether more people will see something, or less is checked.
    """

    words: str
    rule: str = ""
    table: str = ""
    column: str = ""
    loud: bool = False


_LOUD = 3
_COLUMNS = 6
_LEVELS = {"PUBLIC": "公开", "INTERNAL": "内部", "RESTRICTED": "限制"}


def design_changes(old: Project, new: Project) -> Iterator[Design]:
    """Yield one sentence per change between the two trees."""
    before, after = old.package.tables, new.package.tables
    for name in after.keys() - before.keys():
        yield Design(f"新增登记表“{after[name].title}”（{name}）。", table=name)
    for name in before.keys() - after.keys():
        words = f"取消登记表“{before[name].title}”（{name}），其中的记录不再读取。"
        yield Design(words, table=name, loud=True)
    for name in [n for n in after if n in before]:
        yield from _table(before[name], after[name])
    yield from _rules(old, new)
    yield from _columns(old, new)
    for folder, word in _FOLDERS.items():
        mine, others = _digests(old.source, folder), _digests(new.source, folder)
        for file in sorted(mine.keys() | others.keys()):
            if mine.get(file) != others.get(file):
                verb = "新增" if file not in mine else "删除" if file not in others else "修改"
                # Rules and figures rest on views; without one they fall silent.
                yield Design(f"{verb}{word} {file}。", loud=verb == "删除" and folder == "schemas/views")


def loud(designs: Iterable[Design]) -> Iterator[str]:
    """Yield what must not be overlooked; of one table, no more than the first few and how many there are."""
    by_table: dict[str, list[Design]] = {}
    for design in designs:
        if design.loud:
            by_table.setdefault(design.table or design.rule, []).append(design)
    for found in by_table.values():
        yield from (d.words for d in found[:_LOUD])
        if len(found) > _LOUD:
            yield f"同一张表还有 {len(found) - _LOUD} 处这样的改动，见“表结构、规则和模板”。"


def _table(old: Table, new: Table) -> Iterator[Design]:
    where = f"“{new.title}”"
    was, now = {f.name: f for f in old.fields}, {f.name: f for f in new.fields}

    def change(words: str, column: str = "", *, loud: bool = False) -> Design:
        return Design(f"{where}{words}", table=new.name, column=column, loud=loud)

    for name in [n for n in now if n not in was]:
        level = _LEVELS[now[name].sensitivity.name]
        yield change(f"新增字段“{now[name].title}”（{name}，{level}）。", now[name].title)
    for name in [n for n in was if n not in now]:
        yield change(f"取消字段“{was[name].title}”（{name}），其中的内容不再读取。", loud=True)
    # What was kept closest stands first: of many such changes only the first few are read aloud.
    for name in sorted(now.keys() & was.keys(), key=lambda n: (now[n].sensitivity - was[n].sensitivity, n)):
        for words, loud in _field(was[name], now[name]):
            yield change(f"表{words}", now[name].title, loud=loud)
    if old.primary_key != new.primary_key:
        yield change(f"主键由 {'、'.join(old.primary_key)} 改为 {'、'.join(new.primary_key)}。")
    if old.row_filters != new.row_filters:
        yield change("各版显示哪些行的条件有改动，请核对是否会多公开。", loud=True)


def _field(old: Field, new: Field) -> Iterator[tuple[str, bool]]:
    if old.sensitivity != new.sensitivity:
        lower = new.sensitivity < old.sensitivity
        loud = "，会让更多人看到，请确认经过保密审查" if lower else ""
        levels = f"{_LEVELS[old.sensitivity.name]}改为{_LEVELS[new.sensitivity.name]}"
        yield f"“{new.title}”的密级由{levels}{loud}。", lower
    if old.type != new.type:
        yield f"“{new.title}”的类型由 {old.type} 改为 {new.type}。", False
    if old.title != new.title:
        yield f"字段 {new.name} 的名称由“{old.title}”改为“{new.title}”。", False
    if dict(old.constraints) != dict(new.constraints) or old.categories != new.categories:
        yield f"“{new.title}”的填写要求有改动。", False


def _rules(old: Project, new: Project) -> Iterator[Design]:
    was, now = ({r.id: r for r in read_rules(p.source, p.package)[0]} for p in (old, new))
    for name in sorted(now.keys() - was.keys()):
        yield Design(f"新增规则 {name} {now[name].title}。", rule=name)
    for name in sorted(was.keys() - now.keys()):
        yield Design(f"取消规则 {name} {was[name].title}，今后不再检查。", rule=name, loud=True)
    for name in sorted(was.keys() & now.keys()):
        a, b = was[name], now[name]
        if a.severity != b.severity:
            weaker = b.severity is not Severity.ERROR
            yield Design(f"规则 {name} {b.title} 由{_weight(a)}改为{_weight(b)}。", rule=name, loud=weaker)
        if a.statement.sql != b.statement.sql:
            yield Design(f"规则 {name} {b.title} 的判断条件有改动。", rule=name)


def _columns(old: Project, new: Project) -> Iterator[Design]:
    """Yield the columns of views that more people would see: the only other door out of the register."""
    was, now = ({v.name: v for v in read_statements(p.source, "schemas/views")} for p in (old, new))
    for name, view in now.items():
        title = view.text("title", name)
        before = columns_of(was[name]) if name in was else {}
        opened: dict[str, list[str]] = {}
        for column, declared in columns_of(view).items():
            # What is not declared is restricted.
            level = before[column].sensitivity if column in before else Sensitivity.RESTRICTED
            if declared.sensitivity < level and (
                column in before or declared.sensitivity is Sensitivity.PUBLIC
            ):
                source = _LEVELS[level.name] if column in before else ""
                words = f"由{source}改为{_LEVELS[declared.sensitivity.name]}" if source else "新列为公开"
                opened.setdefault(words, []).append(f"“{declared.title}”")
        for words, columns in sorted(opened.items(), key=lambda item: "限制" not in item[0]):
            more = f"等 {len(columns)} 列" if len(columns) > _COLUMNS else ""
            yield Design(
                f"视图“{title}”（{name}）的{'、'.join(columns[:_COLUMNS])}{more}{words}，会让更多人看到，请确认经过保密审查。",
                table=f"view {name}",
                loud=True,
            )


def _weight(rule: Rule) -> str:
    return "错误" if rule.severity is Severity.ERROR else "提醒"


def _digests(source: Source, folder: str) -> dict[str, str]:
    return source.digests(source.files([folder]).files)
