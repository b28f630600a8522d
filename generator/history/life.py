"""The life of one record on a terminal: every field it had, who changed it, when, in which commit.

Answers from the whole register's history; what is restricted stays hidden.
"""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

from generator.history.changes import Change, History, read_history
from generator.problems import UsageError, printable
from generator.project import Project
from generator.reading.package import Package

_ACTIONS = {"added": "新增", "changed": "修改", "removed": "删除"}


def life(root: Path, table: str, key: str, field: str | None, form: str) -> str:
    """Return the history of a record (its list items included), or of one field of it.

    Raises:
        UsageError: no repository, no such table or field, or a record that never was.
    """
    project = Project.open(root)
    package = project.package
    if table not in package.tables:
        known = "、".join(package.tables)
        raise UsageError(f"没有 {table} 这张表。可用：{known}")
    if field and package.tables[table].field(field) is None:
        raise UsageError(
            f"“{package.tables[table].title}”没有 {field} 这一项。可用：{'、'.join(f.name for f in package.tables[table].fields)}"
        )
    if project.commit is None:
        raise UsageError("这里不是 git 仓库的根目录，没有变更历史可查。")
    history = read_history(project.root, package, project.commit.id, project.cache)
    found = [
        c
        for c in history.changes
        if ((c.table == table and c.key == key) or (c.root_table == table and c.root_key == key))
        and (not field or (c.table == table and c.field in (field, "")))
    ]
    if not found:
        raise UsageError(f"历史里没有“{package.tables[table].title}”{key}。请核对编号。")
    rows = _rows(history, found)
    if form == "json":
        return json.dumps(rows, ensure_ascii=False, indent=1) + "\n"
    return _text(package, rows)


def _rows(history: History, changes: list[Change]) -> list[dict[str, Any]]:
    commits = {c.id: c for c in history.commits}
    zone = datetime.timezone(datetime.timedelta(hours=8))
    rows = []
    for change in changes:
        commit = commits[change.commit]
        rows.append(
            {
                "time": datetime.datetime.fromtimestamp(commit.author_time, zone).isoformat(
                    timespec="minutes"
                ),
                "commit": commit.id,
                "author": commit.author,
                "merge": history.brought.get(commit.id),
                "subject": commit.subject,
                "action": change.action,
                "table": change.table,
                "key": change.key,
                "field": change.field or None,
                "before": change.before or None,
                "after": change.after or None,
                "file": change.file,
            }
        )
    return rows


def _text(package: Package, rows: list[dict[str, Any]]) -> str:
    lines: list[str] = []
    last = ""
    for row in rows:
        if row["commit"] != last:
            last = row["commit"]
            brought = f"，经合并 {row['merge'][:10]}" if row["merge"] else ""
            lines.append(
                f"{row['time'].replace('T', ' ')[:16]}  {row['commit'][:10]}  "
                f"{printable(row['author'])}：{printable(row['subject'])}{brought}"
            )
        table = package.tables.get(row["table"])
        where = f"{table.title if table else row['table']} {row['key']}"
        known = table.field(row["field"]) if table and row["field"] else None
        title = known.title if known else (row["field"] or "")
        values = f" {title}：{row['before'] or '（空）'} → {row['after'] or '（空）'}" if row["field"] else ""
        lines.append(f"    {_ACTIONS[row['action']]} {where}{printable(values)}")
    return "\n".join(lines) + "\n"
