"""The life of one record on a terminal: every field it had, who changed it, when, in which commit, on what paper.

Answers from the whole register's history; what is restricted stays hidden, down to whether it is there.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lingtouyan.history.changes import HIDDEN, Change, History, read_history
from lingtouyan.history.comparing import Place, Side
from lingtouyan.history.log import LoggedCommit
from lingtouyan.history.messages import read_messages
from lingtouyan.problems import UsageError, printable, quoted
from lingtouyan.project import Project
from lingtouyan.reading.package import Package, Sensitivity, Table
from lingtouyan.reading.records import read_records
from lingtouyan.reading.tables import has_hidden_key
from lingtouyan.settings import ZONE

_ACTIONS = {"added": "新增", "changed": "修改", "removed": "删除"}
_CLOSED = "限制级内容"
_NAMED = 8


@dataclass(frozen=True, slots=True)
class _Event:
    """One change, with the values a new record came with."""

    change: Change
    values: dict[str, str] = field(default_factory=dict)


def life(root: Path, table: str, key: str, field: str | None, form: str) -> str:
    """Return the history of a record (its list items included), or of one field of it.

    Args:
        table, field: names, or the titles that users read.
        key: the record's key, parts joined by `/`; or what it is called, where one record alone is.

    Raises:
        UsageError: no repository, no such table or field, or a record that never was.
    """
    project = Project.open(root)
    package = project.package
    declared = _table(package, table)
    wanted = _field(declared, field) if field else ""
    if has_hidden_key(declared):
        raise UsageError(f"“{declared.title}”属于限制级，不提供历史。")
    if project.commit is None:
        raise UsageError("这里不是 git 仓库的根目录，没有变更历史可查。")
    tip = project.commit.id
    history = read_history(project.root, package, tip, project.cache)
    side = _side(project, declared)
    found = _of_record(history, declared, key)
    if not found:
        key = _called(side, declared, key)
        found = _of_record(history, declared, key)
    if not found:
        raise UsageError(
            f"历史里没有“{declared.title}”{quoted(key)}。请核对编号；由几项组成的编号用 / 连接，如 甲/2026。"
        )
    events = _with_values(package, side, found)
    if wanted:
        # A record that came or went is an event in the life of each of its fields.
        events = [e for e in events if e.change.table == declared.name and e.change.field in (wanted, "")]
    commits = {c.id: c for c in history.commits}
    rows = [_row(package, history, commits, e, wanted) for e in events]
    messages = read_messages(project.root, tip)
    for row in rows:
        row["message"] = messages.get(row["commit"])
    if form == "json":
        return json.dumps(rows, ensure_ascii=False, indent=1) + "\n"
    return _text(package, rows)


def _table(package: Package, name: str) -> Table:
    if name in package.tables:
        return package.tables[name]
    titled = [t for t in package.tables.values() if t.title == name]
    if len(titled) == 1:
        return titled[0]
    known = "、".join(f"{t.name}（{t.title}）" for t in package.tables.values())
    raise UsageError(f"没有 {quoted(name)} 这张表。可用：{known}")


def _field(table: Table, name: str) -> str:
    found = [f.name for f in table.fields if name in (f.name, f.title)]
    if found:
        return found[0]
    known = "、".join(f"{f.name}（{f.title}）" for f in table.fields)
    raise UsageError(f"“{table.title}”没有 {quoted(name)} 这一项。可用：{known}")


def _of_record(history: History, table: Table, key: str) -> list[Change]:
    return [
        c
        for c in history.changes
        if (c.table == table.name and c.key == key) or (c.root_table == table.name and c.root_key == key)
    ]


def _side(project: Project, table: Table) -> Side:
    """Return the records of a table's files, and of the lists in them, as last committed."""
    tree = Project.open(project.root, "HEAD" if project.commit and project.commit.dirty else None)
    package = tree.package
    origin = package.origin(package.tables.get(table.name, table)).name
    kept = {n: t for n, t in package.tables.items() if package.origin(t).name == origin}
    return Side(package, read_records(tree.source, dataclasses.replace(package, tables=kept)))


def _called(side: Side, table: Table, name: str) -> str:
    """Return the key of the one record of that name; the name itself when there is none."""
    label = table.field(table.label)
    if label is None or label.sensitivity is Sensitivity.RESTRICTED:
        return name
    keys = ["/".join(key) for key, _, record in side.records(table.name) if record.get(label.name) == name]
    if len(keys) > 1:
        more = f" 等 {len(keys)} 个" if len(keys) > _NAMED else ""
        raise UsageError(
            f"叫 {quoted(name)} 的“{table.title}”不止一个：{'、'.join(keys[:_NAMED])}{more}。请写编号。"
        )
    return keys[0] if keys else name


def _with_values(package: Package, side: Side, changes: Iterable[Change]) -> list[_Event]:
    """Give each record that came the values it came with, by going back from what it holds now."""
    changes = list(changes)
    wanted: dict[str, set[str]] = {}
    for change in changes:
        wanted.setdefault(change.table, set()).add(change.key)
    state: dict[Place, dict[str, str]] = {p: dict(r) for p, r in side.found(wanted).items()}
    events: list[_Event] = []
    for change in reversed(changes):
        values = state.setdefault((change.table, change.key), {})
        if change.action == "added":
            events.append(_Event(change, _shown(package.tables[change.table], values)))
            values.clear()
            continue
        events.append(_Event(change))
        values[change.field] = change.before
    return events[::-1]


def _shown(table: Table, values: dict[str, str]) -> dict[str, str]:
    return {
        f.name: HIDDEN if f.sensitivity is Sensitivity.RESTRICTED else values[f.name]
        for f in table.fields
        if values.get(f.name) and f.name not in table.primary_key
    }


def _row(
    package: Package, history: History, commits: dict[str, LoggedCommit], event: _Event, wanted: str
) -> dict[str, Any]:
    change = event.change
    commit = commits[change.commit]
    merge = commits.get(history.brought.get(change.commit, ""))
    secret = has_hidden_key(package.tables[change.table])
    values = {n: v for n, v in event.values.items() if not wanted or n == wanted}
    return {
        "time": datetime.datetime.fromtimestamp(commit.author_time, ZONE).isoformat(timespec="minutes"),
        "commit": commit.id,
        "author": commit.author,
        "merge": merge.id if merge else None,
        "merged_by": merge.author if merge else None,
        "subject": commit.subject,
        "action": change.action,
        "table": None if secret else change.table,
        "key": None if secret else change.key,
        "field": None if secret else change.field or None,
        "before": HIDDEN if secret else change.before or None,
        "after": HIDDEN if secret else change.after or None,
        "values": {} if secret else values,
        "file": change.file,
    }


def _text(package: Package, rows: list[dict[str, Any]]) -> str:
    lines: list[str] = []
    last = ""
    for row in rows:
        if row["commit"] != last:
            last = row["commit"]
            brought = f"，经 {printable(row['merged_by'])} 合并 {row['merge'][:10]}" if row["merge"] else ""
            lines.append(
                f"{row['time'].replace('T', ' ')[:16]}  {row['commit'][:10]}  "
                f"{printable(row['author'])}：{printable(row['subject'])}{brought}"
            )
            lines += [
                f"    | {printable(line)}" for line in (row["message"] or "").splitlines() if line.strip()
            ]
        words = _words(package, row)
        # Several items of a hidden list say no more than one.
        if words != lines[-1]:
            lines.append(words)
    return "\n".join(lines) + "\n"


def _words(package: Package, row: dict[str, Any]) -> str:
    if row["table"] is None:
        return f"    {_CLOSED}有改动"
    table = package.tables[row["table"]]

    def title(name: str) -> str:
        known = table.field(name)
        return known.title if known else name

    where = f"    {_ACTIONS[row['action']]} {table.title} {printable(row['key'])}"
    if row["field"]:
        return f"{where} {title(row['field'])}：{_value(row['before'])} → {_value(row['after'])}"
    values = "，".join(f"{title(n)} {_value(v)}" for n, v in row["values"].items())
    return where + (f"：{values}" if values else "")


def _value(value: str | None) -> str:
    return printable(value) if value else "（空）"
