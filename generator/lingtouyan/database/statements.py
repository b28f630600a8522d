"""SQL files of the tree: a header in YAML, then one statement; macros, views and rules are read the same way.

The header is a leading block comment, so that the file stays a SQL file which any editor or client can run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

import duckdb

from lingtouyan.database.database import explain
from lingtouyan.database.grammar import refusal
from lingtouyan.problems import Problem, RecordsError, did_you_mean, error
from lingtouyan.reading.package import EDITION_LEVELS, IDENTIFIER, SENSITIVITIES, Sensitivity
from lingtouyan.reading.source import Source
from lingtouyan.reading.yaml import Mapping, YamlError, parse_yaml

_VIEW_KEYS = ("title", "description", "fields", "rows", "compare", "erased")
# What the header of a view says under `erased` where its figures count records that were erased.
COUNTED = "counted"
_HEADER = re.compile(r"\s*/\*(.*?)\*/", re.DOTALL)
_MACRO = re.compile(r"\bmacro\s+([A-Za-z_][A-Za-z0-9_]*)", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NOISE = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL file.

    Attributes:
        name: file name without suffix.
        file: path relative to the root.
        header: what its leading comment declares.
        sql: the text after the header.
        words: identifiers that occur in it, in lower case, for finding what it depends on.
        line: of the file on which `sql` begins.
    """

    name: str
    file: str
    header: Mapping
    sql: str
    words: frozenset[str]
    line: int = 1

    def text(self, key: str, default: str = "") -> str:
        """Return a header value that should be text."""
        value = self.header.get(key)
        return value if isinstance(value, str) else default

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a header value that may be one text or a list of texts, as a tuple without empty ones."""
        value = self.header.get(key)
        listed = value if isinstance(value, list) else [value]
        return tuple(v for v in listed if isinstance(v, str) and v)


@dataclass(frozen=True, slots=True)
class ViewColumn:
    """What a view's header declares of one column; undeclared means restricted.

    Where the condition `unless` holds, or cannot be judged, the public edition has no value of it.
    """

    title: str
    description: str
    sensitivity: Sensitivity
    unless: str | None = None


def read_statements(source: Source, folder: str) -> list[Statement]:
    """Read every `.sql` file of a folder, in the order of their names.

    Raises:
        RecordsError: with every file whose header cannot be read.
    """
    result: list[Statement] = []
    listing = source.files([folder])
    problems: list[Problem] = list(listing.problems)
    for file, data in source.read_all([f for f in listing.files if f.endswith(".sql")]):
        if isinstance(data, Problem):
            problems.append(data)
            continue
        try:
            text = data.decode("utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError:
            problems.append(error(file, 0, "sql-error", "SQL 文件不是 UTF-8 编码。请另存为 UTF-8。"))
            continue
        found = _HEADER.match(text)
        header: Mapping = Mapping(1)
        if found:
            first = text.count("\n", 0, found.start(1))
            try:
                value = parse_yaml(found[1])
            except YamlError as fault:
                problems.append(error(file, fault.line + first, "sql-error", f"SQL 文件头写法有误：{fault}"))
                continue
            header = value if isinstance(value, Mapping) else header
            header.lines = {key: line + first for key, line in header.lines.items()}
        body = text[found.end() if found else 0 :]
        sql = body.strip()
        line = text[: len(text) - len(body.lstrip())].count("\n") + 1
        result.append(Statement(PurePosixPath(file).stem, file, header, sql, words_of(text), line))
    if problems:
        raise RecordsError(problems)
    return result


def usable_views(views: Iterable[Statement], taken: Iterable[str]) -> tuple[list[Statement], list[Problem]]:
    """Return the views that can be tables of the register, and what is wrong with the names and headers of the others.

    Args:
        views: as read.
        taken: names of record tables and of the engine's own.
    """
    used = dict.fromkeys(taken, "")
    usable: list[Statement] = []
    problems: list[Problem] = []
    for view in views:
        if not IDENTIFIER.match(view.name):
            reason = "视图的文件名应为小写英文字母、数字和下划线。"
        elif view.name in used:
            reason = f"视图名 {view.name} 与{used[view.name] or '一张表'}重复。请改文件名。"
        else:
            reason = _header_fault(view)
            usable.append(view)
            used[view.name] = f" {view.file} "
        if reason:
            problems.append(error(view.file, 1, "sql-error", reason))
    return usable, problems


def _header_fault(view: Statement) -> str:
    if unknown := [key for key in view.header if key not in _VIEW_KEYS]:
        hint = did_you_mean(unknown[0], _VIEW_KEYS, f"，可用：{'、'.join(_VIEW_KEYS)}。")
        return f"视图文件头不认识 {unknown[0]}{hint}"
    declared = view.header.get("fields")
    if declared is not None and not isinstance(declared, Mapping):
        return "文件头的 fields 应是“列名: {title, sensitivity}”的映射。"
    for name, item in declared.items() if declared else ():
        level = item.get("sensitivity", "restricted") if isinstance(item, Mapping) else None
        if not isinstance(level, str) or level not in SENSITIVITIES:
            return f"文件头 fields.{name} 应是映射，sensitivity 应为 {'、'.join(SENSITIVITIES)} 之一。"
    if view.header.get("erased", COUNTED) != COUNTED:
        return f"文件头的 erased 只能写 {COUNTED}：已销毁的记录仍计入这张视图的数。"
    if view.header.get("compare") is None:
        return ""
    found = compared(view)
    absent = [n for names in found or () for n in names or () if n not in columns_of(view)]
    if found is None:
        return "文件头的 compare 应是列名的列表 [列, …]，或映射 {by: [列, …], figures: [列, …], alarm: [列, …]}。"
    return f"文件头的 compare 写了 fields 里没有的列 {absent[0]}。" if absent else ""


def row_filters(view: Statement) -> dict[str, str]:
    """Return edition -> condition as a view's header declares it.

    Raises:
        RecordsError: it is not understood, which must not mean "all rows".
    """
    declared = view.header.get("rows", Mapping(0))
    result: dict[str, str] = {}
    if isinstance(declared, Mapping) and EDITION_LEVELS.keys() >= declared.keys():
        result = {k: v for k, v in declared.items() if isinstance(v, str) and v.strip()}
    if not isinstance(declared, Mapping) or len(result) != len(declared):
        message = f"rows 应是“版名: 条件”的映射，条件不能空着，版名可用：{'、'.join(EDITION_LEVELS)}。"
        raise RecordsError([error(view.file, 1, "sql-error", message)])
    return result


def columns_of(view: Statement) -> dict[str, ViewColumn]:
    """Return the columns that a view's header declares."""
    declared = view.header.get("fields")
    result: dict[str, ViewColumn] = {}
    for name, item in declared.items() if isinstance(declared, Mapping) else ():
        values = item if isinstance(item, Mapping) else Mapping(0)
        level = values.get("sensitivity")
        result[name] = ViewColumn(
            str(values.get("title") or name),
            str(values.get("description") or ""),
            SENSITIVITIES.get(level if isinstance(level, str) else "", Sensitivity.RESTRICTED),
            str(values["unless"]) if "unless" in values else None,
        )
    return result


def compared(view: Statement) -> tuple[list[str], list[str] | None, list[str] | None] | None:
    """Return which columns of a view name its rows in a comparison, which are figures, and which of those may sound an alarm.

    A list stands for `{by: [...]}`; without `figures` all numbers are, without `alarm` all figures may sound one. None
    where nothing is to be compared, or what is declared has another form.
    """
    declared = view.header.get("compare")
    given = {"by": declared} if isinstance(declared, list) else declared
    if not isinstance(given, dict) or not given.keys() <= {"by", "figures", "alarm"} or not given.get("by"):
        return None
    if not all(isinstance(v, list) and all(isinstance(n, str) for n in v) for v in given.values()):
        return None
    return given["by"], given.get("figures"), given.get("alarm")  # type: ignore[return-value]


def passages(statements: Iterable[Statement]) -> dict[str, set[str]]:
    """Return view or macro -> the identifiers, in lower case, that whoever names it reaches by that.

    One file may hold several macros, whatever its own name: what reads any of them reads all that the file names.
    """
    through: dict[str, set[str]] = {}
    for statement in statements:
        for name in {statement.name, *_MACRO.findall(_NOISE.sub(" ", statement.sql))}:
            through.setdefault(name.lower(), set()).update(statement.words)
    return through


def reached(words: Iterable[str], through: dict[str, set[str]]) -> frozenset[str]:
    """Return all identifiers, in lower case, that a query with these words reaches through views and macros."""
    found = {w.lower() for w in words}
    pending = [w for w in found if w in through]
    while pending:
        more = through[pending.pop()] - found
        found |= more
        pending.extend(w for w in more if w in through)
    return frozenset(found)


def words_of(sql: str) -> frozenset[str]:
    """Return the identifiers of a statement, in lower case."""
    return frozenset(_WORD.findall(_NOISE.sub(" ", sql).lower()))


def create_macros(connection: duckdb.DuckDBPyConnection, macros: Iterable[Statement]) -> None:
    """Create the macros; a file may hold several `CREATE MACRO` statements and nothing else.

    Raises:
        RecordsError: a file holds something else or fails.
    """
    problems: list[Problem] = []
    macros = list(macros)
    pending: list[tuple[str, str]] = []
    for macro in macros:
        try:
            found = [s.query.strip() for s in connection.extract_statements(macro.sql)]
        except duckdb.Error as fault:
            problems.append(error(macro.file, 1, "sql-error", explain(fault)))
            continue
        if any(_NOISE.sub(" ", s).upper().split()[:2] != ["CREATE", "MACRO"] for s in found):
            problems.append(error(macro.file, 1, "sql-error", "这里只能写 CREATE MACRO 语句。"))
            continue
        pending += [(macro.file, sql) for sql in found]
    # A macro may use one that stands in a later file.
    while pending:
        faults: dict[tuple[str, str], str] = {}
        for file, sql in pending:
            try:
                connection.execute(sql)
            except duckdb.Error as fault:
                faults[file, sql] = explain(fault)
        if len(faults) == len(pending):
            problems += [error(f, 1, "sql-error", f"宏无法建立：{why}") for (f, _), why in faults.items()]
            break
        pending = list(faults)
    # The database takes longer to list its own functions than a small register takes to check.
    if macros and not problems:
        problems.extend(_offending(connection, macros))
    if problems:
        raise RecordsError(problems)


def _offending(connection: duckdb.DuckDBPyConnection, macros: Iterable[Statement]) -> Iterator[Problem]:
    """Yield a problem for each macro that does what a SELECT of the tree may not do."""
    made = connection.execute(
        "SELECT function_name, function_type, macro_definition FROM duckdb_functions() WHERE NOT internal"
    ).fetchall()
    files = {name.lower(): m.file for m in macros for name in _MACRO.findall(_NOISE.sub(" ", m.sql))}
    for name, kind, definition in sorted(made):
        reason = refusal(connection, definition if kind == "table_macro" else f"SELECT {definition}")
        if reason:
            yield error(files.get(name.lower(), "schemas/macros"), 1, "sql-error", f"宏 {name}：{reason}")
