"""Queries that several templates ask: written once in a `_….yaml` beside them, named by `{from: _file.yaml}`.

Such a file maps query names to a SELECT, or to `{by, sql, edition}`, as the head of a template does. A template may
narrow one with `where`, or ask further of it: its own `sql` sees the shared query as a table of the same name.
"""

from __future__ import annotations

import re
from pathlib import Path

from lingtouyan.problems import Problem, quoted
from lingtouyan.reading.files import read_bytes
from lingtouyan.reading.yaml import Mapping, YamlError, parse_yaml

_NAME = re.compile(r"_[\w-]+\.yaml", re.ASCII)
_KEYS = ("from", "where", "sql", "by")


class SharedQueries:
    """What the templates of one folder share; every file is read once."""

    def __init__(self, root: Path, folder: str) -> None:
        self._root = root
        self._folder = folder
        self._files: dict[str, tuple[Mapping, bytes]] = {}

    def resolve(self, query: str, asked: Mapping) -> tuple[Mapping, bytes]:
        """Return a query that a template takes from a shared file, as if its head said it, and that file's bytes.

        Args:
            query: its name, the same in both files.
            asked: `{from: _file.yaml}`, with `where` (a condition that keeps only some of its rows), or with `sql` (a
                SELECT from a table that is called like the query) and `by`.

        Raises:
            YamlError: there is no such file or query; the line is the template's.
        """
        line = asked.lines["from"]
        for key in asked:
            if key not in _KEYS:
                raise YamlError(
                    asked.lines[key], f"查询 {query} 取自别的文件，只能再写 where、sql 和 by，不能写 {key}。"
                )
        name = asked["from"]
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise YamlError(line, "from 应是同一文件夹里以“_”开头的 .yaml 文件名。")
        content, data = self._file(name, line)
        found = content.get(query)
        made = Mapping(line)
        if isinstance(found, Mapping):
            made.update(found)
        elif isinstance(found, str):
            made["sql"] = found
        if not isinstance(made.get("sql"), str):
            raise YamlError(line, f"{name} 里没有查询 {quoted(query)}，或它没有 sql。")
        source = str(made["sql"]).strip().rstrip(";")
        if isinstance(where := asked.get("where"), str):
            source = f"SELECT * FROM ({source}\n) AS rows WHERE ({where}\n)"
        further = asked.get("sql")
        made["sql"] = f"WITH {query} AS ({source}\n) {further}" if isinstance(further, str) else source
        if "by" in asked:
            made["by"] = asked["by"]
        made.lines = dict.fromkeys(made, line)
        return made, data

    def _file(self, name: str, line: int) -> tuple[Mapping, bytes]:
        if name not in self._files:
            data = read_bytes(self._root, f"{self._folder}/{name}")
            if isinstance(data, Problem):
                raise YamlError(line, f"读不出 {name}：{data.message}")
            try:
                content = parse_yaml(data.decode("utf-8-sig").replace("\r\n", "\n"))
            except UnicodeDecodeError:
                raise YamlError(line, f"{name} 不是 UTF-8 编码。") from None
            except YamlError as fault:
                raise YamlError(line, f"{name} 第 {fault.line} 行：{fault}") from None
            if not isinstance(content, Mapping):
                raise YamlError(line, f"{name} 应是“查询名: SELECT”的键值。")
            self._files[name] = content, data
        return self._files[name]
