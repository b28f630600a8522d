"""The whole history of one record: every change of its fields, who made it, when, in which commit, with what message.

Other records that had the same key are listed apart. Restricted values are hidden; of restricted tables not even keys show.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lingtouyan.cache import Cache
from lingtouyan.history.changes import HIDDEN, Change, History, read_history
from lingtouyan.history.log import readable
from lingtouyan.history.tree import CommitTree
from lingtouyan.history.versions import Document, Documents, Record, Versions, name_of
from lingtouyan.problems import UsageError, printable, quoted
from lingtouyan.project import Project
from lingtouyan.reading.csv import decode
from lingtouyan.reading.named import find_field, find_table
from lingtouyan.reading.package import Package, Table, has_hidden_key
from lingtouyan.settings import ZONE

_ACTIONS = {"added": "新增", "changed": "修改", "removed": "删除"}
_NAMED = 8


def record_history(root: Path, table: str, key: str, field: str | None, form: str) -> str:
    """Return the history of a record (its list items included), or of one field of it.

    Args:
        table, field: names, or the titles that users read.
        key: the record's key, parts joined by `/`; or what it is called, where one record alone is.
        form: `text` or `json`.

    UsageError: no repository, no such table or field, or a record that never was.
    """
    project = Project.open(root)
    declared = find_table(project.package.tables.values(), table)
    wanted = find_field(declared, field).name if field else ""
    if has_hidden_key(declared):
        raise UsageError(f"“{declared.title}”属于限制级，不提供历史。")
    if project.commit is None:
        raise UsageError("这里不是 git 仓库的根目录，或还没有提交，没有变更历史可查。")
    past = _Past(project, declared)
    stories = past.of(key) or past.of(past.called(key))
    if any((e.root_table, e.root_key) in project.erased for s in stories for e, _ in s.events):
        raise UsageError(f"“{declared.title}”{quoted(key)} 已经销毁（见销毁登记），不提供历史。")
    if not stories:
        raise UsageError(
            f"历史里没有“{declared.title}”{quoted(key)}。请核对编号；由几项组成的编号用 / 连接，如 甲/2026。"
        )
    # A record that came or went is an event in the life of each of its fields.
    told = {(declared.name, wanted), (declared.name, "")}
    rows = [
        [past.row(s, *e, wanted) for e in s.events if not wanted or (e[0].table, e[0].field) in told]
        for s in stories
    ]
    if form == "json":
        return json.dumps([r for found in rows for r in found], ensure_ascii=False, indent=1) + "\n"
    return _text(project.package, stories, rows)


@dataclass
class _Story:
    """One record: what happened to it, with the values it came with; `file` is where it stands, or stood last."""

    file: str
    lives: bool = False
    events: list[tuple[Change, Record]] = field(default_factory=list)


class _Past:
    """The history of one table's records, and what their files hold as last committed."""

    def __init__(self, project: Project, table: Table) -> None:
        self.package = project.package
        self.table = table
        self.source = project.package.origin(table)
        assert project.commit is not None  # noqa: S101
        self.history: History = read_history(project.root, self.package, project.commit.id, Cache())
        self.commits = {c.id: c for c in self.history.commits}
        self.versions = Versions(project.root, self.package)
        self.read: dict[str, Documents] = {}
        self.tree = CommitTree(project.root, project.commit)

    def called(self, name: str) -> str:
        """Return the key of the one record of that name, today or before; the name itself when there is none."""
        records = (r for _, _, d in self._today(name) for r in d.get(self.table.name, {}).items())
        keys = ["/".join(k) for k, record in records if name and name_of(self.table, record) == name]
        if not keys and name:
            # Who is gone, or was called so once.
            place = self.table.name, self.table.label, name
            keys = sorted({c.key for c in self.history.changes if (c.table, c.field, c.before) == place})
        if len(keys) > 1:
            more = f" 等 {len(keys)} 个" if len(keys) > _NAMED else ""
            raise UsageError(
                f"叫 {quoted(name)} 的“{self.table.title}”不止一个：{'、'.join(keys[:_NAMED])}{more}。请写编号。"
            )
        return keys[0] if keys else name

    def _today(self, text: str) -> Iterator[tuple[str, str, Document]]:
        """Yield (file, key, document) of what the last commit holds in files of the table in which this text stands."""
        for name, data in self.tree.read_all([n for n, _ in self.package.files(self.tree, self.source)]):
            if isinstance(data, bytes) and text in decode(data, name)[0]:
                for key, document in (self.versions.parse(self.source, name, data) or {}).items():
                    yield name, "/".join(key), document

    def of(self, key: str) -> list[_Story]:
        """Return the stories of all records that had this key, those that are there today last."""
        name = self.table.name
        holding: dict[str, set[str]] = {
            c.root_key: set() for c in self.history.changes if c.table == name and c.key == key
        }
        for file, root, document in self._today(key.partition("/")[0]):
            if any("/".join(k) == key for k in document.get(name, ())):
                holding.setdefault(root, set()).add(file)
        stories = [s for root in sorted(holding) for s in self._stories(root, holding[root])]
        for story in stories if self.table is not self.source else ():
            story.events = [e for e in story.events if (e[0].table, e[0].key) == (name, key)]
        return sorted((s for s in stories if s.events), key=lambda s: s.lives)

    def _stories(self, root: str, here: set[str]) -> list[_Story]:
        """Return the stories of the documents that had this key; `here` are the files that hold one today."""
        name = self.source.name
        stories: dict[str, _Story] = {}
        for change in (c for c in self.history.changes if (c.root_table, c.root_key) == (name, root)):
            story = stories.setdefault(change.life, _Story(change.file))
            story.file = change.file
            document: Document = {}
            if change.action == "added":
                document = self._at(change.commit, change.file, root, *change.life.split("\0")[1:2])
            held = {"/".join(k): r for k, r in document.get(change.table, {}).items()}
            story.events.append((change, held.get(change.key, {})))
        stays = self.history.stays.get((name, root), ())
        lives = {readable(s.file): s.life for s in sorted(stays)}
        places = [(p.partition("\0")[0], life) for p, life in lives.items() if life]
        unknown = here.difference(p for p, _ in places)
        for file, life in sorted({(p, life) for p, life in places if p in here} | {(f, f) for f in unknown}):
            story = stories.setdefault(life, _Story(file))
            story.file, story.lives = file, True
            if file in self.history.imports and not any(c.action == "added" for c, _ in story.events):
                commit = self.history.imports[file]
                document = self._at(commit, file, root)
                story.events[:0] = [
                    (Change(commit, "added", t, "/".join(key), name, root, "", "", "", file), record)
                    for t in self.package.tables
                    for key, record in sorted(document.get(t, {}).items())
                ]
        return list(stories.values())

    def _at(self, commit: str, file: str, root: str, called: str = "") -> Document:
        """Return a record as a commit left it in a file that it touched; of several, that of this name."""
        found = next((f for f in self.commits[commit].files if readable(f.path) == file), None)
        if found is None:
            return {}
        if found.after not in self.read:
            self.read[found.after] = self.versions.read(self.source, found.path, found.after) or {}
        documents = {"/".join(k): d for k, d in self.read[found.after].items()}
        return documents.get(f"{root}/{called}") or documents.get(root, {})

    def row(self, story: _Story, change: Change, values: Record, wanted: str) -> dict[str, Any]:
        """Return one event as it is told."""
        commit = self.commits[change.commit]
        merge = self.commits.get(self.history.brought.get(change.commit, ""))
        table = self.package.tables[change.table]
        facts: tuple[Any, ...] = (None, None, None, HIDDEN, HIDDEN, {})
        if not has_hidden_key(table):
            shown = {
                f.name: HIDDEN if f.closed else values[f.name]
                for f in table.fields
                if values.get(f.name) and f.name not in table.primary_key and wanted in ("", f.name)
            }
            told = change.field or None, change.before or None, change.after or None
            facts = change.table, change.key, *told, shown
        return {
            "time": datetime.datetime.fromtimestamp(commit.author_time, ZONE).isoformat(timespec="minutes"),
            "commit": commit.id,
            "author": commit.author,
            "merge": merge.id if merge else None,
            "merged_by": merge.author if merge else None,
            "subject": commit.subject,
            "action": change.action,
            **dict(zip(("table", "key", "field", "before", "after", "values"), facts, strict=True)),
            "file": change.file,
            "record": story.file,
            "lives": story.lives,
            "message": commit.body or None,
        }


def _text(package: Package, stories: Iterable[_Story], rows: list[list[dict[str, Any]]]) -> str:
    lines: list[str] = []
    for story, found in zip(stories, rows, strict=True):
        if len(rows) > 1:
            state = "现有的记录" if story.lives else "用过同一编号的另一条记录，已不在"
            lines += ["", f"【{state}：{printable(story.file)}】"]
        last = ""
        for row in found:
            if row["commit"] != last:
                last = row["commit"]
                line = f"{row['time'].replace('T', ' ')[:16]}  {last[:10]}  {row['author']}：{row['subject']}"
                if row["merge"]:
                    line += f"，经 {row['merged_by']} 合并 {row['merge'][:10]}"
                message = (row["message"] or "").splitlines()
                lines += [line, *(f"    | {printable(m)}" for m in message if m.strip())]
            words = _words(package, row)
            # Several items of a hidden list say no more than one.
            if words != lines[-1]:
                lines.append(words)
    return "\n".join(lines).lstrip("\n") + "\n"


def _words(package: Package, row: dict[str, Any]) -> str:
    if row["table"] is None:
        return "    限制级内容有改动"
    table = package.tables[row["table"]]
    titles = {f.name: f.title for f in table.fields}
    where = f"    {_ACTIONS[row['action']]} {table.title} {printable(row['key'])}"
    if row["field"]:
        before, after = (printable(row[side] or "") or "（空）" for side in ("before", "after"))
        return f"{where} {titles[row['field']]}：{before} → {after}"
    values = "，".join(f"{titles[n]} {printable(v)}" for n, v in row["values"].items())
    return where + (f"：{values}" if values else "")
