"""Templates of the tree: front matter that names queries, a body in Jinja, run in a sandbox.

A template sees the rows of its queries, the facts of the build and the components it is given; nothing else.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn, TypeAlias

import duckdb
import jinja2
from markupsafe import Markup

from lingtouyan.database.database import SqlError, rows_of
from lingtouyan.problems import WORDING, Problem, RecordsError, error, quoted
from lingtouyan.project import EDITIONS, shown_in
from lingtouyan.reading.markdown import parse_markdown
from lingtouyan.reading.source import Source, UnsafePathError, WorkTree, checked_pattern
from lingtouyan.reading.yaml import Mapping as YamlMapping
from lingtouyan.reading.yaml import YamlError, parse_yaml
from lingtouyan.templates.escaping import FILTERS, escape, text
from lingtouyan.templates.grids import Grid, read_grid
from lingtouyan.templates.sandbox import Groups, Row, Sandbox, grouped, known


@dataclass(frozen=True, slots=True)
class Query:
    """A named SELECT of a template; `by` groups its rows, `edition` names the only edition that has any."""

    name: str
    sql: str
    by: str
    line: int
    edition: str = ""


@dataclass(frozen=True)
class Template:
    """One template file.

    Attributes:
        name: path below its folder, without suffix.
        file: path relative to the root.
        each: name of the query that gives one page per row, or empty.
        path: pattern of the output path, with `{{ row.column }}`.
        record, key: the table whose records these pages show, and the column that identifies them.
        search: what of each row the header search finds.
        edition: the only edition it belongs to, or empty.
        as_of: the column of the `each` query that says what day each page tells of, or empty for the reference date.
        on_demand: it is made only when asked for by name, not by a build.
        blank: what an empty form for handwriting has instead of rows: query name -> a SELECT, or how many empty rows;
            None when there is no such form.
        grids: long lists that its body shows by name.
        lines: where the keys of the head stand.
        digest: over the file and all that it takes in: files of queries, includes, imports, each with its name.
        words: the names that stand in any of these.
    """

    name: str
    file: str
    title: str
    body: str
    body_line: int
    queries: dict[str, Query]
    each: str
    path: str
    record: str
    key: str
    search: dict[str, str]
    edition: str
    styles: tuple[str, ...]
    meta: dict[str, Any]
    digest: str
    words: frozenset[str] = frozenset()
    as_of: str = ""
    on_demand: bool = False
    blank: Mapping[str, str | int] | None = field(default_factory=dict)
    grids: Mapping[str, Grid] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)

    @property
    def called(self) -> str:
        """What people call its kind: the words of the title before any of a row's, else the name."""
        return self.title.partition("{")[0].rstrip(" （(") or self.name


PATH_SLOT = re.compile(r"\{\{\s*row\.(\w+)\s*\}\}|\{(\w+)\}")
_NAME = re.compile(r"[A-Za-z_]\w*")
_UNSAFE_IN_PATH = re.compile(r"[^0-9A-Za-z_\-\u00b7\u3400-\u9fff\U00020000-\U0003ffff.]")
# Names that one system or another takes for a device.
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|\Z)", re.IGNORECASE)
_TAKEN = ("row", "title", "edition", "as_of", "draft", "build", "blank")
MAX_BLANK_ROWS = 500
# Dossiers that are no pages but data for other programs; made on demand only.
XML_SUFFIXES = (".lrmx", ".xml")
# Where templates stand, and which files there are some.
FOLDERS: dict[str, tuple[str, ...]] = {
    "site/pages": (".md",),
    "site/dossiers": (".html", *XML_SUFFIXES),
    "site/feeds": (".ics", ".json", ".csv", ".atom"),
}
# Key of a head -> what it holds, and how to say so.
_HEAD: dict[str, tuple[type, str]] = {
    **dict.fromkeys(("title", "description", "each", "as_of", "path", "record"), (str, "应是一段文字。")),
    **dict.fromkeys(("key", "edition", "icon", "status", "on_demand"), (str, "应是一段文字。")),
    **dict.fromkeys(("hide", "styles"), (list, "应是一个列表，写成 [名称]。")),
    **dict.fromkeys(("queries", "search", "grid"), (YamlMapping, "应是“名称: 内容”的映射。")),
    "blank": (object, ""),
}
_SEARCHED = ("kind", "title", "subtitle", "pinyin", "key", "parts", "part", "anchor")
_SHARED_NAME = re.compile(r"_[\w-]+\.yaml", re.ASCII)
_INCLUDES = re.compile(r"\{%[-+]?\s*(?:include|import|from|extends)\b(.*?)%\}", re.DOTALL)
_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"")


def _source(tree: Source | Path) -> Source:
    return WorkTree(tree) if isinstance(tree, Path) else tree


def read_templates(tree: Source | Path, folder: str) -> list[Template]:
    """Read the templates below one of the `FOLDERS` of the tree.

    Raises:
        RecordsError: with every template whose front matter cannot be read.
    """
    source = _source(tree)
    listing = source.files([folder])
    problems = list(listing.problems)
    templates: list[Template] = []
    shared = _Shared(source, folder)
    names = [
        f for f in listing.files if f.endswith(FOLDERS[folder]) and not PurePosixPath(f).name.startswith("_")
    ]
    for file, data in source.read_all(names):
        if isinstance(data, Problem):
            problems.append(data)
            continue
        try:
            name = str(PurePosixPath(file).relative_to(folder).with_suffix(""))
            templates.append(template := _template(file, name, _text_of(data), shared))
            if lost := [s for s in template.styles if f"{folder}/{s}" not in listing.files]:
                line = template.lines["styles"]
                raise YamlError(line, f"styles 里的 {quoted(lost[0])}，文件夹 {folder} 里没有这个文件。")
        except YamlError as fault:
            problems.append(error(file, fault.line, "template-error", f"模板文件头：{fault}"))
    if problems:
        raise RecordsError(problems)
    return templates


def _text_of(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise YamlError(1, "不是 UTF-8 编码。") from None


class _Shared:
    """What the templates of one folder take in from other files; every file is read once."""

    def __init__(self, source: Source, folder: str) -> None:
        self._source, self._folder = source, folder
        self._read = functools.cache(source.read)

    def query(self, name: str, asked: YamlMapping) -> tuple[dict[str, Any], str]:
        """Return a query that a template takes from a shared file, as if its head said it, and that file's name.

        Such a file maps query names to a SELECT, or to `{by, sql, edition}`, as the head of a template does.

        Args:
            name: of the query, the same in both files.
            asked: `{from: _file.yaml}`, with `where` (a condition that keeps only some of its rows), or with `sql` (a
                SELECT from a table that is called like the query) and `by`.

        Raises:
            YamlError: there is no such file or query; the line is the template's.
        """
        line, file = asked.lines["from"], asked["from"]
        for key in asked:
            if key not in ("from", "where", "sql", "by"):
                reason = f"查询 {name} 取自别的文件，只能再写 where、sql 和 by，不能写 {key}。"
                raise YamlError(asked.lines[key], reason)
        if not isinstance(file, str) or not _SHARED_NAME.fullmatch(file):
            raise YamlError(line, "from 应是同一文件夹里以“_”开头的 .yaml 文件名。")
        data = self._read(path := f"{self._folder}/{file}")
        if isinstance(data, Problem):
            raise YamlError(line, f"读不出 {file}：{data.message}")
        try:
            content = parse_yaml(_text_of(data))
        except YamlError as fault:
            raise YamlError(line, f"{file} 第 {fault.line} 行：{fault}") from None
        found = content.get(name) if isinstance(content, YamlMapping) else None
        made: dict[str, Any] = {**found} if isinstance(found, YamlMapping) else {"sql": found}
        if not isinstance(made.get("sql"), str):
            raise YamlError(line, f"{file} 里没有查询 {quoted(name)}，或它没有 sql。")
        sql = made["sql"].strip().rstrip(";")
        if isinstance(where := asked.get("where"), str):
            sql = f"SELECT * FROM ({sql}\n) AS rows WHERE ({where}\n)"
        if isinstance(further := asked.get("sql"), str):
            sql = f"WITH {name} AS ({sql}\n) {further}"
        return {**made, "sql": sql, **({"by": asked["by"]} if "by" in asked else {})}, path

    def all_of(self, words: str, queries: Iterable[str]) -> tuple[str, frozenset[str]]:
        """Return a digest over a template, the files of its queries, and all that it includes, and the names in these.

        An include whose name is worked out could mean every HTML file of the site.
        """
        digest = hashlib.blake2b(words.encode(), digest_size=16)
        names, seen, texts, found = list(queries), set[str](), [words], set[str]()
        while texts:
            found.update(w for t in texts for w in _NAME.findall(t))
            for statement in _INCLUDES.findall("\n".join(texts)):
                quoted_names = [f"site/{a or b}" for a, b in _QUOTED.findall(statement)]
                site = () if quoted_names else self._source.files(["site"]).files
                names += quoted_names or [f for f in site if f.endswith(".html")]
            texts = []
            for name in sorted(set(names) - seen):
                data = self._read(name)
                if not isinstance(data, Problem):
                    digest.update(f"\0{name}\0{len(data)}\0".encode() + data)
                    texts.append(data.decode("utf-8", "replace"))
            seen.update(names)
        return digest.hexdigest(), frozenset(found)


def _template(file: str, name: str, words: str, shared: _Shared) -> Template:
    record: Any = parse_markdown(words)

    def fail(key: str, reason: str) -> NoReturn:
        raise YamlError(record.lines[key], reason)

    for key, value in record.items():
        if key in ("body", "sections"):
            continue
        if key not in _HEAD:
            fail(key, f"不认识的键 {key}。可用：{'、'.join(sorted(_HEAD))}。")
        kind, words_of_kind = _HEAD[key]
        items = value if kind is list and isinstance(value, list) else ()
        if value is not None and not (isinstance(value, kind) and all(isinstance(i, str) for i in items)):
            fail(key, f"{key} {words_of_kind}")
    mappings: Any = [record.get(key) or YamlMapping(1) for key in ("queries", "search", "grid")]
    declared, search, lists = mappings
    for word, column in search.items():
        if word not in _SEARCHED or not isinstance(column, str):
            raise YamlError(
                search.lines[word], f"search 的 {quoted(word)} 应是 {'、'.join(_SEARCHED)} 之一，值是列名。"
            )
    files: list[str] = []
    queries = {query: _query(query, declared, shared, files) for query in declared}
    grids = {
        grid: read_grid(grid, made, lists.lines[grid], [n for n, q in queries.items() if not q.by])
        for grid, made in lists.items()
    }
    each, path, edition, as_of = (record.get(k) or "" for k in ("each", "path", "edition", "as_of"))
    if path and not _inside(path):
        allowed = "字母、数字、汉字、“-”“_”“.”和 {{ row.列名 }}"
        fail("path", f"path 应是相对路径，由{allowed} 组成，不能含“..”。")
    if each in queries and queries[each].by:
        fail("each", f"each 的查询 {each} 不能分组（by）。")
    if each and (each not in queries or not path):
        fail("each", "each 应是 queries 中的一个查询名，并用 path 写明每页的路径。")
    if each and grids:
        fail("grid", "grid 只能写在没有 each 的页面里。")
    if as_of and not each:
        fail("as_of", "as_of 应是 each 的查询里写明日期的列名，要同 each 一起用。")
    _check_edition(edition, record.lines.get("edition", 1))
    if (on_demand := record.get("on_demand") or "false") not in ("true", "false"):
        fail("on_demand", "on_demand 应为 true 或 false。")
    line = record.lines["body"]
    digest, names = shared.all_of(words, files)
    return Template(
        name=name,
        file=file,
        title=record.get("title") or PurePosixPath(file).stem,
        body="\n".join(words.split("\n")[line - 1 :]),
        body_line=line,
        queries=queries,
        each=each,
        path=path,
        record=record.get("record") or "",
        key=record.get("key") or "",
        search=dict(search),
        edition=edition,
        styles=tuple(record.get("styles") or ()),
        meta={k: record[k] for k in ("description", "icon", "status", "hide") if record.get(k)},
        digest=digest,
        words=names,
        as_of=as_of,
        on_demand=on_demand == "true",
        blank=_blank(record, queries),
        grids=grids,
        lines=record.lines,
    )


def _query(name: str, declared: YamlMapping, shared: _Shared, files: list[str]) -> Query:
    """Return one query of a head; the file that it is taken from is noted."""
    value: Any = declared[name]
    line = declared.lines[name]
    if not re.fullmatch("[a-z][a-z0-9_]*", name) or name in _TAKEN:
        raise YamlError(
            line, f"查询名 {quoted(name)} 应为小写英文字母、数字和下划线，且不能是 {'、'.join(_TAKEN)}。"
        )
    if isinstance(value, YamlMapping) and "from" in value:
        value, file = shared.query(name, value)
        files.append(file)
    if isinstance(value, str):
        value = {"sql": value}
    known = {"sql", "by", "edition"}
    if not isinstance(value, dict) or not isinstance(value.get("sql"), str) or not known.issuperset(value):
        raise YamlError(line, f"查询 {name} 应是一条 SELECT，或含 sql、by、edition、from、where 的映射。")
    sql, by, only = (str(value.get(key) or "") for key in ("sql", "by", "edition"))
    _check_edition(only, value.lines.get("edition", line) if isinstance(value, YamlMapping) else line)
    return Query(name, sql, by, line, only)


def _check_edition(edition: str, line: int) -> None:
    if edition and edition not in EDITIONS:
        raise YamlError(line, f"edition 应为 {'、'.join(sorted(EDITIONS))} 之一。")


def _blank(record: YamlMapping, queries: Mapping[str, Query]) -> dict[str, str | int] | None:
    declared = record.get("blank")
    if declared == "false":
        return None
    if not isinstance(declared, YamlMapping | None):
        raise YamlError(record.lines["blank"], "blank 应是 false，或“查询名: 空行的行数或 SELECT”的映射。")
    result: dict[str, str | int] = {}
    for name, value in (declared or {}).items():
        line = declared.lines[name] if declared else 1
        if name not in queries or not isinstance(value, str):
            reason = f"blank 的 {quoted(name)} 应是 queries 里的名称，值是空行的行数或一条 SELECT。"
            raise YamlError(line, reason)
        number = value.isascii() and value.isdigit()
        if number and (len(value) > 4 or int(value) > MAX_BLANK_ROWS):
            raise YamlError(line, f"blank 的空行不能超过 {MAX_BLANK_ROWS} 行。")
        result[name] = int(value) if number else value
    return result


def _inside(path: str) -> bool:
    """Tell whether a pattern of output paths stays below the output folder, whatever values fill it."""
    segments = PATH_SLOT.sub("x", path.strip("/")).split("/")
    return not path.startswith("/") and all(s.strip(".") and not _UNSAFE_IN_PATH.search(s) for s in segments)


def slug(value: object) -> str:
    """Return a value as one path segment: what could climb, split, hide or confuse is written as `~` and its code."""
    plain = _UNSAFE_IN_PATH.sub(lambda m: f"~{ord(m[0]):x}", text(value))
    if _DEVICE.match(plain) or plain.startswith("."):
        plain = f"~{ord(plain[0]):x}{plain[1:]}"
    if plain.endswith("."):
        plain = f"{plain[:-1]}~2e"
    if len(plain.encode()) > 150:
        return plain[:30] + "~" + hashlib.blake2b(plain.encode(), digest_size=8).hexdigest()
    return plain or "~"


def refused(template: Template, line: int, reason: str) -> RecordsError:
    """Return what is wrong with a template, to be raised."""
    return RecordsError([error(template.file, line, "template-error", reason)])


def output_path(template: Template, row: Row) -> str:
    """Return where a row's page goes, as the template's `path` says.

    Raises:
        RecordsError: the path names a column that the query does not give.
    """

    def segment(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        if name not in row:
            line = template.lines.get("path", 1)
            raise refused(template, line, f"path 用到了查询里没有的列 {name}。")
        return slug(row[name])

    return PATH_SLOT.sub(segment, template.path).strip("/")


def make_environment(tree: Source | Path, *, html: bool, functions: Mapping[str, Any]) -> Sandbox:
    """Make the environment that templates of one kind run in.

    Args:
        tree: its files; `{% import %}` and `{% include %}` reach files below `site/` only.
        html: the output is an HTML document (dossiers); otherwise values are also safe from Markdown.
        functions: what templates may call.
    """

    def load(name: str) -> tuple[str, str, None] | None:
        try:
            data = _source(tree).read(checked_pattern(f"site/{checked_pattern(name)}"))
        except UnsafePathError:
            return None
        return None if isinstance(data, Problem) else (data.decode("utf-8", "replace"), f"site/{name}", None)

    return Sandbox(
        functions,
        {"grouped": grouped, "known": known, **FILTERS},
        loader=jinja2.FunctionLoader(load),
        autoescape=True,
        finalize=_shown if html else escape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _shown(value: Any) -> Any:
    return value if isinstance(value, Markup) else text(value)


# What the queries of one template gave: query name -> rows, or rows by group.
Results: TypeAlias = dict[str, list[Row] | Groups]


def run_queries(connection: duckdb.DuckDBPyConnection, template: Template, edition: str) -> Results:
    """Run every query of a template once.

    Raises:
        RecordsError: a query fails; one that asks for what the edition does not hold is told so.
    """
    results: Results = {}
    for query in template.queries.values():
        if not shown_in(query.edition, edition):
            # One template serves all editions: what only one of them can be asked is empty in the others.
            results[query.name] = Groups() if query.by else []
            continue
        try:
            columns, rows = rows_of(connection, query.sql)
            if query.by and query.by not in columns:
                raise SqlError(f"by 所写的列 {query.by} 不在查询结果中。")
        except SqlError as fault:
            raise query_fault(connection, template, query, fault, edition) from None
        made = [Row(zip(columns, row, strict=True)) for row in rows]
        results[query.name] = grouped(made, query.by) if query.by else made
    return results


def rows_for(template: Template, results: Results, row: Row) -> Results:
    """Return what the queries of a template gave for one row of its `each`: of grouped ones, that row's group."""
    return {
        name: rows[row.get(template.queries[name].by)] if isinstance(rows, Groups) else rows
        for name, rows in results.items()
    }


def query_fault(
    connection: duckdb.DuckDBPyConnection, template: Template, query: Query, fault: SqlError, edition: str
) -> RecordsError:
    """Turn what a query ran into into a problem of its template."""
    hint = _absent(connection, str(fault), edition)
    return refused(template, query.line, f"查询 {query.name} 无法运行：{fault}{hint}")


def _absent(connection: duckdb.DuckDBPyConnection, message: str, edition: str) -> str:
    """Say why a name is missing, when it exists in the whole register but not in this edition."""
    found = re.search(
        r'(?:Referenced column|Table with name|column named|Column) "?([A-Za-z_][A-Za-z0-9_]*)"?', message
    )
    if found is None:
        return ""
    name = found[1]
    rows = connection.execute(
        "SELECT DISTINCT sensitivity FROM fields WHERE name = $1 OR table_name = $1 "
        "UNION SELECT DISTINCT sensitivity FROM views WHERE field = $1 OR name = $1 ORDER BY ALL",
        [name],
    ).fetchall()
    if not rows:
        return ""
    levels = "、".join(r[0] for r in rows)
    return (
        f" {name} 的 sensitivity 是 {levels}，{edition} 版里没有它。"
        "请改查该版有的列，或在文件头或这条查询里写 edition: internal。"
    )


def template_fault(
    template: Template, fault: Exception, what: str = "", lines: Callable[[int], int] | None = None
) -> RecordsError:
    """Turn whatever a template ran into into a problem of its file.

    Args:
        what: the record that was being shown.
        lines: line of the compiled source -> line of the template's body, where the two differ.
    """
    if isinstance(fault, RecordsError):
        return fault
    file, line = _place(template, fault)
    about = f"生成“{what}”时：" if what else ""
    if file == template.file or isinstance(fault, RecursionError):
        line = template.body_line - 1 + (lines(line) if line and lines else line or 1)
        file = template.file
    else:
        about = f"{template.file} 用到这里；{about}"
    known = WORDING["template"]
    words = next(known[kind.__name__] for kind in type(fault).__mro__ if kind.__name__ in known)
    reason = words.format(fault, type(fault).__name__, quoted(getattr(fault, "name", None) or fault))
    return RecordsError([error(file, line, "template-error", f"{about}{reason}")])


def _place(template: Template, fault: Exception) -> tuple[str, int]:
    """Return the file, and the line in it (of the template itself: in its body), where a fault arose; line 0 is unknown."""
    file, line = getattr(fault, "filename", None) or "", getattr(fault, "lineno", 0)
    trace = None if line else fault.__traceback__
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if name == "<template>" or name.startswith("site/"):
            file, line = name, trace.tb_lineno
        trace = trace.tb_next
    return (file, line) if file.startswith("site/") else (template.file, line)
