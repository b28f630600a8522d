"""What a change does to all that is declared: settings, tables, views, rules, templates, pipelines and the engine.

Both sides are read as nested mappings by the names of things and compared whole, so that nothing is overlooked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from lingtouyan.database.statements import read_statements
from lingtouyan.problems import WORDING, Problem, printable
from lingtouyan.project import EDITION_TITLES, Project
from lingtouyan.reading.markdown import parse_markdown
from lingtouyan.reading.package import DESCRIPTOR
from lingtouyan.reading.source import MAX_FOLDER
from lingtouyan.reading.yaml import YamlError, parse_yaml

Node = Mapping[str, Any] | str | None
Place = tuple[str, ...]


class Kind(StrEnum):
    """What a change is about, and the word for it; in the order of telling."""

    SETTING = "设置"
    TABLE = "登记表"
    VIEW = "视图"
    MACRO = "宏"
    RULE = "规则"
    CONFIG = "网站配置"
    PIPELINE = "流水线和仓库设置"
    ENGINE = "程序"
    THEME = "网站外观"
    PAGE = "页面模板"
    DOSSIER = "卷宗模板"
    FEED = "数据接口模板"
    TEMPLATE = "模板宏"
    CASE = "用例"
    OTHER = "其他文件"


# By the beginning of their path; what is no record and stands nowhere here is another file.
_FILES = {
    Kind.CONFIG: ("mkdocs.yml",),
    Kind.PAGE: ("site/pages/",),
    Kind.DOSSIER: ("site/dossiers/",),
    Kind.FEED: ("site/feeds/",),
    Kind.THEME: ("site/theme/",),
    Kind.TEMPLATE: ("site/",),
    Kind.ENGINE: ("generator/", "requirements/", "pyproject.toml", "Makefile", "schemas/"),
    Kind.CASE: ("tests/",),
    Kind.OTHER: (".editorconfig", ".gitignore", ".vscode/"),
    Kind.PIPELINE: (".",),
}
_FRONTED = {Kind.PAGE, Kind.DOSSIER, Kind.FEED}
_LOUD_FILES = {Kind.CONFIG, Kind.PIPELINE, Kind.ENGINE, Kind.THEME}
_FOLDERS = {"schemas/views": Kind.VIEW, "schemas/macros": Kind.MACRO, "schemas/rules": Kind.RULE}
_LEVELS = ("公开", "内部", "限制")
# What only names and explains, and cannot let anything pass or be seen.
_HARMLESS = frozenset(
    {"title", "description", "example", "label", "order", "scaffold", "codes", "message", "remedy", "clause"}
    | {"column", "former_names", "formerNames", "formerPaths", "name"}
    | {"purpose", "basis", "retention", "printed"}
)
# What only tightens by being added.
_TIGHTENING = frozenset({"constraints", "foreignKeys", "rows", "primaryKey", "compare", "alarm"})
# Mappings of things that come and go one by one, even the first and the last of them.
_OPENED = frozenset({"constraints", "foreignKeys", "rows", "lingtouyan", "fields"})
_SHOWN, _LOUD, _WORDS = 6, 3, 60


class SchemaChange(NamedTuple):
    """One change to something declared.

    Attributes:
        place, words: what changes, as names from the whole to the part; the change as a sentence.
        loud: whether it may let more be seen or less be checked.
        rule, column: what findings that it brings about are told by: a rule's id, a field's title.
        weight: of changes to one thing the heavier come first.
    """

    kind: Kind
    place: Place
    words: str
    loud: bool = False
    rule: str = ""
    column: str = ""
    weight: int = 0

    def explain(self, effect: str = "") -> str:
        """Return the sentence, marked when it is loud, with what it brings about."""
        return ("【注意】" if self.loud else "") + printable(self.words) + effect


def changed_files(old: Project, new: Project) -> set[str]:
    """Return all files that are not the same on both sides, by Git's own digests."""
    was, now = (p.source.digests(p.source.files([""]).files) for p in (old, new))
    return {name for name in was.keys() | now.keys() if was.get(name) != now.get(name)}


def schema_changes(old: Project, new: Project, files: Collection[str]) -> list[SchemaChange]:
    """Return what changes between two trees in these files, which hold no records; loud ones first."""
    if DESCRIPTOR in files:
        files = {*files, *(t.schema_file for p in (old, new) for t in p.package.tables.values())}
    was, now = _declared(old, files), _declared(new, files)
    things: dict[tuple[str, str], dict[str, Any]] = {}
    for kind, name, thing in ((k, n, t) for side in (was, now) for k in side for n, t in side[k].items()):
        if isinstance(thing, Mapping):
            known = things.setdefault((kind, name), {"fields": {}})
            known |= {**thing, "fields": {**known["fields"], **(thing.get("fields") or {})}}
    for name, table in (item for p in (old, new) for item in p.package.tables.items()):
        things.get((Kind.TABLE, name), {})["title"] = table.title
    found = (c for place, a, b in _differences(was, now, ()) for c in _judged(place, a, b, things))
    kinds = list(Kind)
    return sorted(found, key=lambda c: (not c.loud, kinds.index(c.kind), c.place[:2], c.weight, c.place))


def loud(changes: Iterable[SchemaChange]) -> Iterator[str]:
    """Yield what must not be overlooked; of one thing, no more than the first few and how many there are."""
    by_thing: dict[Place, list[SchemaChange]] = {}
    for change in changes:
        if change.loud:
            depth = 2 if change.kind in (Kind.TABLE, Kind.VIEW) else 1
            by_thing.setdefault(change.place[:depth], []).append(change)
    for found in by_thing.values():
        yield from (c.words for c in found[:_LOUD])
        if len(found) > _LOUD:
            yield f"{found[0].kind}还有 {len(found) - _LOUD} 处这样的改动，见“表结构、规则和模板”。"


def _declared(project: Project, files: Collection[str]) -> dict[str, Any]:
    """Return what these files of a tree declare: kind -> name of the thing -> what it says."""
    tables = {t.schema_file: t.name for t in project.package.tables.values()}
    tree: dict[str, Any] = {kind: {} for kind in Kind}
    source = project.source
    for name, data in source.read_all(sorted(f for f in files if source.exists(f)), MAX_FOLDER):
        digest = data.message if isinstance(data, Problem) else hashlib.sha256(data).hexdigest()
        value = _parsed(name, b"" if isinstance(data, Problem) else data)
        if name == DESCRIPTOR and isinstance(value, Mapping):
            tree[Kind.SETTING] = _plain(value.get("lingtouyan") or {})
            for table, declared in _plain(value.get("resources") or {}).items():
                tree[Kind.TABLE].setdefault(table, {}).update(declared)
            tree[Kind.OTHER][name] = {k: v for k, v in _plain(value).items() if isinstance(v, str)}
        elif name in tables and isinstance(value, Mapping):
            tree[Kind.TABLE].setdefault(tables[name], {}).update(_plain(value))
        elif not (name.endswith(".sql") and name.startswith(tuple(f"{f}/" for f in _FOLDERS))):
            kind = next((k for k, starts in _FILES.items() if name.startswith(starts)), Kind.OTHER)
            front = value if kind in _FRONTED and isinstance(value, Mapping) else {}
            told = {k: _plain(v) for k, v in front.items() if k in ("edition", "title")}
            tree[kind][name] = _plain(value) if kind is Kind.CONFIG and value else {**told, "content": digest}
    for folder, kind in _FOLDERS.items():
        for s in read_statements(source, folder) if any(f.startswith(f"{folder}/") for f in files) else ():
            if s.file in files:
                name = s.text("id", s.name) if kind is Kind.RULE else s.name
                tree[kind][name] = {**_plain(s.header), "file": s.file, "sql": s.sql}
    return tree


def _parsed(name: str, data: bytes) -> Any:
    """Return the mapping that a file holds or begins with, or nothing."""
    try:
        text = data.decode("utf-8-sig")
        if name.endswith((".yaml", ".yml")):
            return parse_yaml(text)
        return parse_markdown(text) if text.startswith("---") else None
    except (YamlError, UnicodeDecodeError):
        return None


def _plain(value: Any) -> Any:
    """Return a document as mappings and texts: lists of things by their names, lists of words as one text."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list) and any(isinstance(v, Mapping) for v in value):
        return {_name(v): _plain(_said(v)) if isinstance(v, Mapping) else "" for v in value}
    return "、".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)


def _name(item: Any) -> str:
    if not isinstance(item, Mapping):
        return str(item)
    if "reference" in item:
        return f"{_short(_plain(item.get('fields')))} → {_short(_plain(item['reference']))}"
    if "name" in item:
        return str(item["name"])
    return next(iter(item)) if len(item) == 1 else json.dumps(item, ensure_ascii=False, sort_keys=True)


def _said(item: Mapping[str, Any]) -> Any:
    """Return what an entry of a list says under its name: of `title: page`, as in a `nav`, what follows the colon."""
    return item if len(item) > 1 or "name" in item else next(iter(item.values()))


def _differences(old: Node, new: Node, place: Place) -> Iterator[tuple[Place, Node, Node]]:
    """Yield (place, before, after) for each part that differs; a thing that comes or goes is told as one."""
    if place and (place[-1] in _OPENED or len(place) == 1):
        old, new = (old or {}, new or {}) if isinstance(old or new, Mapping) else (old, new)
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in dict.fromkeys([*new, *old]):
            yield from _differences(old.get(name), new.get(name), (*place, name))
    elif old != new:
        yield place, old, new


def _short(value: Node) -> str:
    if isinstance(value, Mapping):
        value = "，".join(f"{k} {_short(v)}" for k, v in value.items())
    words = " ".join((value or "").split())
    return words if len(words) <= _WORDS else f"{words[: _WORDS - 1]}…"


def _moved(old: Node, new: Node) -> str:
    """Say what something was and is."""
    if old is None:
        return f"新增：{_short(new)}" if new else "新增"
    if new is None:
        return f"取消（原为 {_short(old)}）"
    return f"由 {_short(old) or '空'} 改为 {_short(new) or '空'}"


def _judged(place: Place, old: Node, new: Node, things: Mapping[Any, Any]) -> Iterator[SchemaChange]:
    """Yield what one difference means; what is not known to be harmless is loud."""
    kind, name, rest = Kind(place[0]), place[1] if len(place) > 1 else "", place[2:]
    thing: Mapping[str, Any] = things.get((kind, name), {})
    title, file = str(thing.get("title") or name), str(thing.get("file") or name)
    came, went = old is None and not rest, new is None and not rest
    verb = "新增" if came else ("取消" if kind is Kind.TABLE else "删除") if went else "修改"
    is_table, moved, part = kind is Kind.TABLE, _moved(old, new), ".".join(rest)
    where, rule = f"“{title}”" if is_table else f"视图“{title}”（{name}）", f"规则 {name} {title}"
    # Of a table or a view, the field that it is about.
    field = rest[1] if rest[:1] == ("fields",) and len(rest) > 1 else ""
    declared = (thing.get("fields") or {}).get(field)
    column = str(declared.get("title") or field) if isinstance(declared, Mapping) else field
    own = f"{where}表“{column}”的" if is_table else f"{where}的“{column}”"
    more = "，会让更多人看到，请确认经过保密审查"
    was, now, level = _level(old), _level(new), _LEVELS[_level(new)]
    words, is_loud, weight = "", True, 0
    match kind, rest:
        case ((Kind.SETTING | Kind.CONFIG), _):
            words = f"{kind} {'.'.join(place[1:])} {moved}。"
        case Kind.TABLE, ():
            effect, is_loud = "，其中的记录不再读取" if went else "", went
            words = f"{verb}登记表“{title}”（{name}）{effect}。"
        case Kind.VIEW, ():
            words, is_loud = f"{verb}视图 {file}。", went
            for shown, told in (thing.get("fields") or {}).items() if came else ():
                yield from _judged((*place, "fields", shown), None, told, things)
        case ((Kind.TABLE | Kind.VIEW), ("fields", _, "sensitivity")):
            is_loud, weight = now < was, now - was
            words = f"{own}{'密级' if is_table else ''}由{_LEVELS[was]}改为{level}{more if is_loud else ''}。"
        case Kind.TABLE, ("fields", _) if old is None:
            words, is_loud = f"{where}新增字段“{column}”（{field}，{level}）。", False
        case Kind.TABLE, ("fields", _):
            words, column = f"{where}取消字段“{column}”（{field}），其中的内容不再读取。", ""
        case Kind.VIEW, ("fields", _):
            is_loud, weight, column = bool(new) and now == 0, now - 2, ""
            words = f"{own}新列为{level}{more if is_loud else ''}。" if new else f"{own}不再列出。"
        case ((Kind.TABLE | Kind.VIEW), ("rows", *_)):
            edition, is_loud = EDITION_TITLES.get(rest[-1], rest[-1]), old is not None
            words = f"{where}在{edition}显示哪些行的条件{moved}，请核对是否会多公开。"
        case Kind.VIEW, ("sql",):
            words = f"{where}的查询有改动：各列可能显示别的内容，以它为据的规则可能改变结论，请核对。"
        case ((Kind.TABLE | Kind.VIEW), ("fields", _, "title")):
            words = f"{where}字段 {field} 的名称由“{_short(old)}”改为“{_short(new)}”。"
            is_loud = False
        case ((Kind.TABLE | Kind.VIEW | Kind.RULE), ("file",)):
            pass
        case ((Kind.TABLE | Kind.VIEW), _):
            is_loud = rest[-1] not in _HARMLESS and not (old is None and not _TIGHTENING.isdisjoint(rest))
            what = "的".join(WORDING["declared"].get(r, r) for r in (rest[2:] if field else rest))
            words = f"{(own if is_table else f'{own}的') if field else f'{where}的'}{what} {moved}。"
        case Kind.MACRO, _ if not rest or rest[-1] not in _HARMLESS:
            effect, is_loud = ("", False) if came else ("，用到它的视图和规则可能改变结论", True)
            words = f"{verb}宏 {file}{effect}。"
        case Kind.RULE, ():
            words, is_loud = f"取消{rule}，今后不再检查。" if went else f"新增{rule}。", went
        case Kind.RULE, ("severity",):
            levels = ["错误" if v == "error" else "提醒" for v in (old, new)]
            words, is_loud = f"{rule} 由{levels[0]}改为{levels[1]}。", new != "error"
        case Kind.RULE, ("sql",):
            words = f"{rule} 的判断条件有改动，请核对是否放宽。"
        case Kind.RULE, ("complete", *_):
            words, is_loud = f"{rule} 的 {part} {moved}：所列的表有文件读不出来时不下结论。", new is not None
        case Kind.RULE, _:
            words, is_loud = f"{rule} 的 {part} {moved}。", rest[0] not in _HARMLESS and rest[0] != "table"
        case Kind.OTHER, _ if name == DESCRIPTOR:
            words, is_loud = f"{name} 的 {part} {moved}。", False
        case _, (*_, "edition"):
            editions = [EDITION_TITLES.get(str(v or ""), "各版") for v in (old, new)]
            words = f"{kind} {name} 由只在{editions[0]}改为在{editions[1]}显示，请核对是否会多公开。"
            is_loud = new != "internal"
        case (_, ()) | (_, (*_, "content")):
            words, is_loud = f"{verb}{kind} {name}。", kind in _LOUD_FILES or (kind is Kind.CASE and went)
    if words:
        told_by = {"rule": name} if kind is Kind.RULE else {"column": column if rest else ""}
        yield SchemaChange(kind, place, words, is_loud, weight=weight, **told_by)


def _level(declared: Node) -> int:
    """Return who may see a column, as a place in the levels; what is not declared is restricted."""
    value = declared.get("sensitivity") if isinstance(declared, Mapping) else declared
    return {"public": 0, "internal": 1}.get(str(value), 2)
