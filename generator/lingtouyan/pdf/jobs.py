"""What is to be printed: for each row of a template a PDF, an XML file or a preview, or one blank form for handwriting.

Queries run once per template; the HTML of a dossier is only made when it is not in the cache.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from xml.parsers import expat

import duckdb
import jinja2
from markupsafe import Markup

from lingtouyan.checks.register import register_with_editions
from lingtouyan.database.editions import open_edition
from lingtouyan.database.statements import words_of
from lingtouyan.history.log import last_commits, uncommitted
from lingtouyan.pdf.footer import SCHEMA, Mark, canonical, lookup_path, mark_of, plain
from lingtouyan.pdf.render import DossierJob
from lingtouyan.problems import (
    Problem,
    RecordsError,
    UsageError,
    did_you_mean,
    error,
    printable,
    quoted,
    warning,
)
from lingtouyan.project import EDITION_TITLES, Project, Scope, shown_in
from lingtouyan.settings import ZONE
from lingtouyan.templates.escaping import REPLACEMENT, text
from lingtouyan.templates.functions import Labels, make_functions
from lingtouyan.templates.links import Links
from lingtouyan.templates.sandbox import Groups, Row, known
from lingtouyan.templates.templates import (
    XML_SUFFIXES,
    Query,
    Template,
    make_environment,
    output_path,
    read_templates,
    refused,
    run_queries,
    template_fault,
)

FOLDER = "site/dossiers"
_TEMPLATES = (".html", ".md", ".yaml", *XML_SUFFIXES)
_HOLDS_RECORDS = ("records/", "schemas/", "site/", "datapackage.yaml")
# What XML 1.0 has no way to say, not even as a reference.
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_EMPTY_BRACKETS = re.compile(r"\s*[（(]\s*[）)]")

CommitOf = Callable[[Iterable[Mapping[str, Any]]], "str | None"]


class Commits:
    """Which commit each print names: the newest that touched any of the files that its rows name.

    When none can be named, `problems` says why.
    """

    def __init__(self, project: Project) -> None:
        self.problems: list[Problem] = []
        self._known: dict[str, tuple[int, str, int]] = {}
        self._changed: set[str] = set()
        try:
            if project.commit is not None:
                self._known = last_commits(project.root, project.commit.id)
                if project.commit.dirty:
                    self._changed = uncommitted(project.root)
        except UsageError as fault:
            self.problems.append(warning("", 0, "no-commit", f"印本没有写明提交：{fault}"))

    def of(self, rows: Iterable[Mapping[str, Any]]) -> str | None:
        """Return the commit of a print that shows these rows: empty when that is not committed, None when not known.

        Rows name files in columns called `_file` or `_file_…`. Those that name none may come from any: the newest commit
        that touched records, schemas or templates.
        """
        if self.problems:
            return None
        named = (v for r in rows for c, v in r.items() if c == "_file" or c.startswith("_file_"))
        listed = (value if isinstance(value, list) else [value] for value in named)
        files = {v for values in listed for v in values if isinstance(v, str)} or self._all
        if files & self._changed or not files <= self._known.keys():
            return ""
        return max(self._known[f] for f in files)[1] if files else ""

    @functools.cached_property
    def days(self) -> dict[str, datetime.date]:
        """Beginning of a commit, as a mark bears it -> its day."""
        known = {(commit[:10], time) for _, commit, time in self._known.values()}
        return {commit: datetime.datetime.fromtimestamp(time, ZONE).date() for commit, time in known}

    @functools.cached_property
    def _all(self) -> set[str]:
        return {f for f in self._known.keys() | self._changed if f.startswith(_HOLDS_RECORDS)}


# ---- what there is to print with ----------------------------------------------------------------------------------


def shared_files(project: Project) -> dict[str, bytes]:
    """Return the style sheets and pictures of dossiers, by name.

    Raises:
        RecordsError: they are larger than any that a dossier needs.
    """
    wanted = project.source.folder(FOLDER, lambda p: p.suffix not in _TEMPLATES)
    return {path.as_posix(): data for path, data in wanted}


@dataclass(frozen=True, slots=True)
class Selection:
    """Which dossiers are wanted.

    Attributes:
        kinds: names or titles of templates; empty for all that are not made on demand only.
        keys: last parts of paths, or whole paths; empty for all.
        where: an SQL condition on the columns of the `each` query, or empty.
        offered: last parts of all paths that were asked about.
    """

    kinds: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    where: str = ""
    offered: set[str] = field(default_factory=set, compare=False)

    def takes(self, path: str) -> bool:
        """Tell whether a path, without suffix, is among the keys."""
        self.offered.add(leaf := path.rsplit("/", 1)[-1])
        return not self.keys or bool({path, leaf} & self.keys)


def chosen_templates(
    project: Project, edition: str, selection: Selection, *, on_demand: bool = False
) -> list[Template]:
    """Return the templates that an edition prints of a selection.

    Args:
        on_demand: also those that are made on demand; else only when the selection names them.

    Raises:
        UsageError: a kind that does not exist, or not in this edition.
    """
    read = read_templates(project.source, FOLDER)
    every = [replace(t, on_demand=True, blank=None) if t.file.endswith(XML_SUFFIXES) else t for t in read]
    for number, template in enumerate(every):
        if template.name in (t.name for t in every[:number]):
            raise refused(template, 1, f"另有一个模板也叫 {template.name}，请改名。")
    known = {t.name: t for t in every if shown_in(t.edition, edition)}
    titles = {t.called: t.name for t in reversed(known.values())}
    kinds = {name if name in known else titles.get(name, name) for name in selection.kinds}
    for name in sorted(kinds - known.keys()):
        only = next((t.edition for t in every if t.name == name), "")
        hint = f"它只在{EDITION_TITLES[only]}里（--edition {only}）。" if only else ""
        near = did_you_mean(name, {*known, *titles})
        there = "、".join(f"{t.called}（{t.name}）" for t in known.values())
        raise UsageError(
            f"{EDITION_TITLES[edition]}没有叫 {printable(name)} 的文书{near}{hint or f'可用：{there}。'}"
        )
    return [
        t
        for t in known.values()
        if (t.name in kinds if kinds else on_demand or not t.on_demand)
        and (t.each or t.name in selection.keys or not (selection.keys or selection.where))
    ]


def words_asked(templates: Collection[Template], where: str = "") -> set[str]:
    """Return the words of all that is asked for templates: what must be read to print them."""
    asked = [where, *(q.sql for t in templates for q in t.queries.values())]
    asked += [sql for t in templates for sql in (t.blank or {}).values() if isinstance(sql, str)]
    # Besides what its queries name, a template may show facts and labels.
    return {"build", "fields", "tables", "views", *(w for sql in asked for w in words_of(sql))}


def _answers(
    connection: duckdb.DuckDBPyConnection, template: Template, edition: str, where: str
) -> dict[str, Any]:
    """Run the queries of a template, its rows narrowed by a condition.

    Raises:
        RecordsError: they fail, or the condition does.
    """
    if not where:
        return run_queries(connection, template, edition)
    query = template.queries[template.each]
    sql = f"SELECT * FROM ({query.sql.strip().rstrip(';')}\n) AS rows WHERE ({where}\n)"
    narrowed = replace(template, queries={**template.queries, query.name: replace(query, sql=sql)})
    try:
        return run_queries(connection, narrowed, edition)
    except RecordsError as fault:
        rows: Any = run_queries(connection, template, edition)[template.each]
        reason = fault.problems[0].message.rstrip("。")
        columns = f"。条件里可用的列：{'、'.join(rows[0])}。" if rows else "。"
        said = f"--where 的条件{quoted(where)}不能用于{template.called}：{reason}{columns}"
        raise RecordsError([error("", 0, "where", said)]) from None


def _blank_answers(
    connection: duckdb.DuckDBPyConnection, template: Template, edition: str
) -> dict[str, list[Row]]:
    """Return the rows of a template's blank form: empty ones, and what it asks of the register to have printed on it."""
    given = template.blank or {}
    queries = {
        n: Query(n, sql, "", template.queries[n].line) for n, sql in given.items() if isinstance(sql, str)
    }
    asked = run_queries(connection, replace(template, queries=queries, each=""), edition)
    return {n: list(asked[n]) if n in asked else [Row()] * int(given.get(n, 0)) for n in template.queries}


def dossier_jobs(
    project: Project,
    connection: duckdb.DuckDBPyConnection,
    edition: str,
    facts: dict[str, Any],
    commit_of: CommitOf | None = None,
    selection: Selection | None = None,
    *,
    blank: bool = False,
) -> Iterator[DossierJob]:
    """Yield everything that an edition prints; the HTML (or XML, as the path tells) of each is made when asked for.

    The commit built is no part of it, only the one that its rows last changed at, and the date in a PDF is the
    reference date: what has not changed prints the same after the next commit.

    Args:
        connection: the edition's database.
        facts: what every template sees besides its rows; must hold `edition`, `as_of` and `draft`.
        commit_of: which commit a print names; None leaves marks and attached data out.
        selection: what is wanted; None for all.
        blank: instead one form per kind, whose rows are empty and whose values are `Nothing`; it names the commit
            of its template, and carries no data.

    Raises:
        RecordsError: a template cannot be read or its queries fail.
        UsageError: a kind of the selection does not exist, or has no blank form.
    """
    selection = selection or Selection()
    facts = {name: value for name, value in facts.items() if name != "build"}
    functions, labels = make_functions(project, connection, Links(), edition), Labels(connection)
    environment: jinja2.Environment = make_environment(project.source, html=True, functions=functions)
    if blank:
        environment = environment.overlay(undefined=Nothing)
        environment.filters = {name: _lenient(name, f) for name, f in environment.filters.items()}
    files = shared_files(project)
    site = "" if blank or facts["draft"] else project.address(edition)
    for template in chosen_templates(project, edition, selection, on_demand=blank):
        suffix = PurePosixPath(template.file).suffix
        own = environment if suffix == ".html" else environment.overlay(finalize=xml_text)
        groups: dict[str, Groups] = {}
        told = facts
        if not blank:
            answers = _answers(connection, template, edition, selection.where)
            groups = {n: v for n, v in answers.items() if isinstance(v, Groups)}
        elif template.blank is not None:
            answers = _blank_answers(connection, template, edition)
            template, told = replace(template, as_of=""), {"edition": edition, "draft": False}
        elif template.name in selection.kinds:
            kind = f"{EDITION_TITLES[edition]}的{printable(template.called)}"
            raise UsageError(f"{kind} 没有空白表（模板里写明了 blank: false）。")
        else:
            continue
        try:
            body = own.from_string(template.body)
            title = environment.overlay(autoescape=False, finalize=text).from_string(template.title)
        except Exception as broken:
            raise template_fault(template, broken) from None
        rows: Any = answers[template.each] if template.each else [Row()]
        lists = {n: v for n, v in answers.items() if n != template.each and n not in groups}
        # The address on a print is part of how it looks.
        form = hashlib.sha256(f"{template.digest}{site}".encode())
        for file, content in files.items():
            form.update(f"\0{file}\0{len(content)}\0".encode() + content)
        # What a record type that it does not name is called is none of its business.
        said = (form.hexdigest(), project.package.title, labels.shown(template.words))
        common = hashlib.blake2b(repr(said).encode("utf-8", "backslashreplace"), digest_size=32)
        if not template.as_of:
            common.update(repr(lists).encode("utf-8", "backslashreplace"))
        seen: set[str] = set()
        for row in (rows or [Row()])[:1] if blank else rows:
            path = f"blank/{template.name}"
            if not blank:
                path = output_path(template, row) if template.each else template.name
                if not selection.takes(path):
                    continue
            path += ".pdf" if suffix == ".html" else suffix
            if path in seen:
                raise refused(template, 1, f"两条记录得到同一个文件 {path}。请让 path 含主键。")
            seen.add(path)
            mine: dict[str, Any] = {n: v[row.get(template.queries[n].by)] for n, v in groups.items()}
            at = told
            if template.as_of:
                mine = {**lists, **mine}
            if day := _day(template, row):
                at, row = {**told, "as_of": day}, known(row, day)
                mine = {n: known(v, day) for n, v in mine.items()}
            digest = common.copy()
            digest.update(repr((at, list(row.items()), mine)).encode("utf-8", "backslashreplace"))
            name = _shown(template, title, "title", {"row": row, **at}, lambda _: 0).strip()
            if blank:
                name = _EMPTY_BRACKETS.sub("", name).strip()
            values = {**answers, **mine, **at, "row": row, "title": name, "blank": blank}
            job = DossierJob(
                path=path,
                html=functools.partial(_shown, template, body, "空白表" if blank else name, values),
                record=f"空白的{name or template.name}" if blank else name,
                source=str(row.get("_file") or template.file),
                line=int(row.get("_line") or 0),
                styles=template.styles,
                digest=digest.hexdigest(),
                row=row,
                created=datetime.datetime.combine(
                    at.get("as_of", facts["as_of"]), datetime.time(), datetime.UTC
                ),
            )
            if blank and commit_of is not None:
                commit = commit_of([{"_file": template.file}])
                job = replace(job, mark=Mark(commit and commit[:10], form.hexdigest()[:16], blank=True))
            elif commit_of is not None:
                shown = {**lists, **mine}
                commit = commit_of([row, *(r for rows in shown.values() for r in rows)])
                carried = {
                    "schema": SCHEMA,
                    "kind": template.name,
                    "form": form.hexdigest(),
                    "edition": facts["edition"],
                    "path": path,
                    "title": name,
                    # Of its own day, whatever the reference date.
                    "as_of": None if template.as_of else plain(facts["as_of"]),
                    "draft": bool(facts["draft"]),
                    "row": _said(row),
                    "lists": {n: [_said(r) for r in rows] for n, rows in shown.items()},
                    "commit": commit or "",
                }
                data = canonical(carried)
                place = f"{site}{lookup_path(edition, path)}" if site else ""
                job = replace(job, data=data, mark=mark_of(commit, data, place))
            yield job


def _said(row: Row) -> dict[str, Any]:
    # Where a record stands (`_file`, `_line`) is no part of what it says.
    return {k: plain(v) for k, v in row.items() if not k.startswith("_")}


def _day(template: Template, row: Row) -> datetime.date | None:
    """Return the day that a row's dossier tells of; None where the template names none, or the row has none yet."""
    day = row.get(template.as_of)
    if not isinstance(day, datetime.date) and (
        day is not None or (template.as_of and template.as_of not in row)
    ):
        reason = f"as_of 应是 each 的查询里的一列日期，{quoted(template.as_of)} 不是。"
        raise refused(template, 1, reason)
    return day


def _shown(
    template: Template,
    made: jinja2.Template,
    what: str,
    values: Mapping[str, Any],
    lines: Callable[[int], int] | None = None,
) -> str:
    try:
        return made.render(values)
    except Exception as fault:
        raise template_fault(template, fault, what, lines) from None


def selected_jobs(
    project: Project,
    as_of: datetime.date,
    scope: Scope,
    selection: Selection,
    *,
    blank: bool = False,
    draft: bool = False,
) -> tuple[list[DossierJob], list[Problem], Labels]:
    """Return what a tree prints of a selection, from a register of what that asks for.

    Returns:
        The jobs; what was not opened, or why no commit is named; the titles of columns.
    """
    edition, commits = scope.level, Commits(project)
    only = words_asked(chosen_templates(project, edition, selection, on_demand=blank), selection.where)
    with TemporaryDirectory(prefix="lingtouyan-") as folder:
        paths = {edition: Path(folder) / "edition.duckdb"}
        register = register_with_editions(
            project, as_of, paths, draft=draft, allow_errors=True, only=only, scope=scope
        )
        problems = [p for p in register.problems if p.rule == "not-opened"] + commits.problems
        facts = {"edition": edition, "as_of": as_of, "draft": draft}
        with contextlib.closing(open_edition(paths[edition])) as connection:
            jobs = dossier_jobs(project, connection, edition, facts, commits.of, selection, blank=blank)
            return list(jobs), problems, Labels(connection)


class Fingerprint(NamedTuple):
    """A dossier as it would be printed: what it is made from, its title, and what its row calls records by (field -> key)."""

    digest: str
    title: str
    keys: dict[str, str]


def fingerprints(
    project: Project, editions: dict[str, Path], as_of: datetime.date
) -> dict[tuple[str, str], Fingerprint]:
    """Return (edition, path) -> fingerprint for every dossier that the project would print, without printing any.

    The commit is left out: two commits with the same records print the same.

    Args:
        editions: edition -> its written database.
    """
    tables = project.package.tables.values()
    names = {t.primary_key[0] for t in tables if len(t.primary_key) == 1}
    names.update(f for t in tables for k in t.foreign_keys for f in k.fields)
    result: dict[tuple[str, str], Fingerprint] = {}
    for edition, path in editions.items():
        facts = {"edition": edition, "as_of": as_of, "draft": False}
        with contextlib.closing(open_edition(path)) as connection:
            for job in dossier_jobs(project, connection, edition, facts):
                keys = {n: v for n, v in job.row.items() if n in names and isinstance(v, str)}
                result[edition, job.path] = Fingerprint(job.digest, job.record, keys)
    return result


# ---- dossiers that are XML for other programs ---------------------------------------------------------------------


def xml_text(value: Any) -> Any:
    """Return a value as it may stand in XML; the template's environment escapes it."""
    return value if isinstance(value, Markup) else _NOT_XML.sub(REPLACEMENT, text(value))


def xml_document(made: str) -> bytes:
    """Return what a template made as a file.

    Raises:
        ValueError: it is not well formed, or has a DOCTYPE; the text says where, for the user.
    """

    def refuse(*_: object) -> None:
        raise ValueError("XML 里不能有 DOCTYPE。")

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    try:
        content = f"{made.strip()}\n".encode()
        parser.Parse(content, True)
    except expat.ExpatError as fault:
        where = f"第 {fault.lineno} 行第 {fault.offset + 1} 列：{expat.ErrorString(fault.code)}"
        raise ValueError(f"生成的 XML 不完整（{where}）。") from None
    except UnicodeEncodeError:
        raise ValueError("生成的 XML 含有已损坏的字符。") from None
    return content


# ---- blank forms for handwriting ----------------------------------------------------------------------------------


class Nothing(jinja2.ChainableUndefined):
    """What a blank form has for every value: it may be calculated and compared with, and stays nothing."""

    __slots__ = ()

    def __format__(self, _: str) -> str:
        return ""


_ANSWERS: dict[Callable[..., Any], str] = {
    lambda self, *_, **__: (
        self
    ): "call add radd sub rsub mul rmul truediv rtruediv floordiv rfloordiv mod rmod pow rpow neg "
    "pos round abs",
    lambda *_: False: "lt le gt ge",
    lambda _: 0: "int index",
    lambda _: 0.0: "float",
}
for _answer, _names in _ANSWERS.items():
    for _name in _names.split():
        setattr(Nothing, f"__{_name}__", _answer)


def _lenient(name: str, made: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter that gives nothing when it is given nothing."""
    first = 1 if getattr(made, "jinja_pass_arg", None) is not None else 0
    last = first + 1 if name in ("default", "d", "known") else None

    @functools.wraps(made)
    def lenient(*arguments: Any, **options: Any) -> Any:
        if name not in ("length", "count", "list") and any(
            isinstance(a, Nothing) for a in arguments[first:last]
        ):
            return Nothing()
        return made(*arguments, **options)

    return lenient
