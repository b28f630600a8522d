"""What is to be printed: for each row of a template a PDF, an XML file or a preview, or one blank form for handwriting.

Queries run once per template; the HTML of a dossier is only made when it is not in the cache.
"""

from __future__ import annotations

import datetime
import functools
import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any
from xml.parsers import expat

import duckdb
import jinja2
from markupsafe import Markup

from lingtouyan.database.editions import open_edition
from lingtouyan.database.statements import words_of
from lingtouyan.history.log import last_commits, uncommitted
from lingtouyan.pdf.footer import SCHEMA, Mark, canonical, mark_of, plain
from lingtouyan.pdf.render import DossierJob
from lingtouyan.problems import RecordsError, UsageError, did_you_mean, error, printable, quoted
from lingtouyan.project import EDITION_TITLES, EDITIONS, Project, shown_in
from lingtouyan.templates.escaping import REPLACEMENT, text
from lingtouyan.templates.functions import make_functions
from lingtouyan.templates.links import Links
from lingtouyan.templates.sandbox import Groups, Row, Sandbox, known
from lingtouyan.templates.templates import (
    XML_SUFFIXES,
    Query,
    Results,
    Template,
    make_environment,
    output_path,
    read_templates,
    run_queries,
    template_fault,
)

FOLDER = "site/dossiers"
_TEMPLATES = (".html", ".md", ".yaml", *XML_SUFFIXES)
_HOLDS_RECORDS = ("records/", "schemas/", "site/", "datapackage.yaml")
# What XML 1.0 has no way to say, not even as a reference.
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_EMPTY_BRACKETS = re.compile(r"\s*[（(]\s*[）)]")
_SLOT = re.compile(r"\{\{.*?\}\}|\{%.*?%\}")

CommitOf = Callable[[Iterable[Mapping[str, Any]]], "str | None"]


# ---- which commit a print names ---------------------------------------------------------------------------------


def files_named(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the files that rows say they come from, in columns called `_file` or `_file_…`."""
    for row in rows:
        for column, value in row.items():
            if column == "_file" or column.startswith("_file_"):
                yield from (v for v in (value if isinstance(value, list) else [value]) if isinstance(v, str))


class Commits:
    """Which commit each print names: the newest that touched any of the files that its rows name.

    Attributes:
        fault: why none can be named, in the user's language; empty when they can.
    """

    def __init__(self, project: Project) -> None:
        self.fault = ""
        self._known: dict[str, tuple[int, str]] = {}
        self._changed: set[str] = set()
        if project.commit is None:
            return
        try:
            self._known = last_commits(project.root, project.commit.id)
            if project.commit.dirty:
                self._changed = uncommitted(project.root)
        except UsageError as fault:
            self.fault = str(fault)

    def of(self, rows: Iterable[Mapping[str, Any]]) -> str | None:
        """Return the commit of a print that shows these rows: empty when that is not committed, None when not known.

        Rows that name no file may come from any: the newest commit that touched records, schemas or templates.
        """
        if self.fault:
            return None
        files = set(files_named(rows)) or self._all
        if files & self._changed or not files <= self._known.keys():
            return ""
        return max(self._known[f] for f in files)[1] if files else ""

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


def _form(template: Template, files: Mapping[str, bytes]) -> str:
    """Return a digest over a template and all style sheets and pictures."""
    digest = hashlib.sha256(template.digest.encode())
    for name, data in files.items():
        digest.update(f"\0{name}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Selection:
    """Which dossiers are wanted.

    Attributes:
        kinds: names or titles of templates; empty for all that are not made on demand only.
        keys: last parts of paths, or whole paths; empty for all.
        where: an SQL condition on the columns of the `each` query, or empty.
    """

    kinds: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    where: str = ""

    def takes(self, path: str) -> bool:
        """Tell whether a path, without suffix, is among the keys."""
        return not self.keys or bool({path, path.rsplit("/", 1)[-1]} & self.keys)


def chosen_templates(
    project: Project, edition: str, selection: Selection, *, on_demand: bool = False
) -> list[Template]:
    """Return the templates that an edition prints of a selection.

    Args:
        on_demand: also those that are made on demand; else only when the selection names them.

    Raises:
        UsageError: a kind that does not exist, or not in this edition.
    """
    every = read_templates(project.source, FOLDER, ".html", EDITIONS)
    for suffix in XML_SUFFIXES:
        for other in read_templates(project.source, FOLDER, suffix, EDITIONS):
            if any(other.name == t.name for t in every):
                fault = f"另有一个模板也叫 {other.name}，请改名。"
                raise RecordsError([error(other.file, 1, "template-error", fault)])
            every.append(replace(other, on_demand=True, blank=None))
    known = {t.name: t for t in every if shown_in(t.edition, edition)}
    titles = {_SLOT.sub("", t.title).strip(" （）()"): t.name for t in reversed(known.values())}
    kinds = {name if name in known else titles.get(name, name) for name in selection.kinds}
    for name in sorted(kinds - known.keys()):
        only = next((t.edition for t in every if t.name == name), "")
        hint = f"它只在{EDITION_TITLES[only]}里（--edition {only}）。" if only else ""
        near = did_you_mean(name, {*known, *titles})
        raise UsageError(
            f"{EDITION_TITLES[edition]}没有叫 {printable(name)} 的文书{near}{hint or '可用：' + '、'.join(known) + '。'}"
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
) -> tuple[Template, Results]:
    """Run the queries of a template, its rows narrowed by a condition.

    Raises:
        RecordsError: they fail, or the condition does.
    """
    if not where:
        return template, run_queries(connection, template, edition)
    query = template.queries[template.each]
    sql = f"SELECT * FROM ({query.sql.strip().rstrip(';')}\n) AS rows WHERE ({where}\n)"
    narrowed = replace(template, queries={**template.queries, query.name: replace(query, sql=sql)})
    try:
        return narrowed, run_queries(connection, narrowed, edition)
    except RecordsError as fault:
        run_queries(connection, template, edition)
        reason = fault.problems[0].message
        said = f"--where 的条件{quoted(where)}不能用于 {template.name}：{reason}"
        raise RecordsError([error("", 0, "where", said)]) from None


# ---- dossiers -----------------------------------------------------------------------------------------------------


def dossier_jobs(
    project: Project,
    connection: duckdb.DuckDBPyConnection,
    edition: str,
    facts: dict[str, Any],
    commit_of: CommitOf | None = None,
    selection: Selection | None = None,
) -> Iterator[DossierJob]:
    """Yield everything that an edition prints; the HTML of each is made only when asked for.

    A dossier that is no page but data for other programs has its XML instead, and a path that ends accordingly.

    The commit built is no part of it, only the one that its rows last changed at, and the date in a PDF is the
    reference date: what has not changed prints the same after the next commit.

    Args:
        connection: the edition's database.
        facts: what every template sees besides its rows; must hold `edition`, `as_of` and `draft`.
        commit_of: which commit a print names; None leaves marks and attached data out.
        selection: what is wanted; None for all.

    Raises:
        RecordsError: a template cannot be read or its queries fail.
        UsageError: a kind of the selection does not exist.
    """
    selection = selection or Selection()
    templates = chosen_templates(project, edition, selection)
    facts = {name: value for name, value in facts.items() if name != "build"}
    functions, filters, shapes = make_functions(project, connection, Links(), edition)
    environment = make_environment(project.source, html=True, functions=functions, filters=filters)
    files = shared_files(project)
    for template in templates:
        template, results = _answers(connection, template, edition, selection.where)
        form = _form(template, files)
        groups = {n: v for n, v in results.items() if isinstance(v, Groups)}
        lists = {n: v for n, v in results.items() if n != template.each and not isinstance(v, Groups)}
        suffix = PurePosixPath(template.file).suffix
        try:
            made = environment if suffix == ".html" else environment.overlay(finalize=xml_text)
            body = made.from_string(template.body)
            title = environment.overlay(autoescape=False, finalize=text).from_string(template.title)
        except Exception as broken:
            raise template_fault(template, broken) from None
        common = hashlib.blake2b(f"{form}\0{shapes}\0".encode(), digest_size=32)
        if not template.as_of:
            common.update(repr(lists).encode("utf-8", "backslashreplace"))
        rows: Any = results[template.each] if template.each else [Row()]
        seen: set[str] = set()
        for row in rows:
            path = (output_path(template, row) if template.each else template.name) + (
                ".pdf" if suffix == ".html" else suffix
            )
            if path in seen:
                fault = f"两条记录得到同一个文件 {path}。请让 path 含主键。"
                raise RecordsError([error(template.file, 1, "template-error", fault)])
            seen.add(path)
            if not selection.takes(path.rpartition(".")[0]):
                continue
            mine = {n: v[row.get(template.queries[n].by)] for n, v in groups.items()}
            told = facts
            if template.as_of:
                mine = {**lists, **mine}
            if day := _day(template, row):
                told, row = {**facts, "as_of": day}, known(row, day)
                mine = {n: known(v, day) for n, v in mine.items()}
            digest = common.copy()
            digest.update(repr((told, list(row.items()), mine)).encode("utf-8", "backslashreplace"))
            name = _title(template, title, row, told) if template.each else template.title
            commit: str | None = None
            data = b""
            if commit_of is not None:
                shown = {**lists, **mine}
                commit = commit_of([row, *(r for rows in shown.values() for r in rows)])
                carried = _carried(template, form, path, name, facts, row, shown)
                data = canonical({**carried, "commit": commit or ""})
            own = {"row": row, "title": name, "blank": False}
            values = {**results, **mine, **told, **own}
            yield DossierJob(
                path=path,
                html=functools.partial(_render, template, body, name, values),
                record=name,
                source=str(row.get("_file") or template.file),
                line=int(row.get("_line") or 0),
                styles=template.styles,
                digest=digest.hexdigest(),
                row=row,
                created=_midnight(told["as_of"]),
                data=data,
                mark=mark_of(commit, data) if data else None,
            )


def _midnight(day: datetime.date) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time(), datetime.UTC)


def _day(template: Template, row: Row) -> datetime.date | None:
    """Return the day that a row's dossier tells of; None where the template names none, or the row has none yet."""
    day = row.get(template.as_of)
    if not isinstance(day, datetime.date) and (
        day is not None or (template.as_of and template.as_of not in row)
    ):
        fault = f"as_of 应是 each 的查询里的一列日期，{quoted(template.as_of)} 不是。"
        raise RecordsError([error(template.file, 1, "template-error", fault)])
    return day


def _carried(
    template: Template,
    form: str,
    path: str,
    title: str,
    facts: Mapping[str, Any],
    row: Row,
    lists: Mapping[str, list[Row]],
) -> dict[str, Any]:
    """Return the data of one dossier but for its commit; `form` is a digest of the template and what it shares."""

    def shown(row: Row) -> dict[str, Any]:
        # Where a record stands (`_file`, `_line`) is no part of what it says.
        return {k: plain(v) for k, v in row.items() if not k.startswith("_")}

    return {
        "schema": SCHEMA,
        "kind": template.name,
        "form": form,
        "edition": facts["edition"],
        "path": path,
        "title": title,
        # Of its own day, whatever the reference date.
        "as_of": None if template.as_of else plain(facts["as_of"]),
        "draft": bool(facts["draft"]),
        "row": shown(row),
        "lists": {n: [shown(r) for r in rows] for n, rows in lists.items()},
    }


def _render(template: Template, body: jinja2.Template, title: str, values: Mapping[str, Any]) -> str:
    try:
        return body.render(values)
    except Exception as fault:
        raise template_fault(template, fault, title) from None


def _title(template: Template, title: jinja2.Template, row: Row, facts: dict[str, Any]) -> str:
    try:
        return title.render(row=row, **facts).strip()
    except Exception as fault:
        raise template_fault(template, fault, "title", lambda _: 0) from None


@dataclass(frozen=True, slots=True)
class Fingerprint:
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
        connection = open_edition(path)
        facts = {"edition": edition, "as_of": as_of, "draft": False}
        for job in dossier_jobs(project, connection, edition, facts):
            keys = {n: v for n, v in job.row.items() if n in names and isinstance(v, str)}
            result[edition, job.path] = Fingerprint(job.digest, job.record, keys)
        connection.close()
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
    document = made.strip() + "\n"
    parser = expat.ParserCreate()

    def refuse(*_: object) -> None:
        raise ValueError("XML 里不能有 DOCTYPE。")

    parser.StartDoctypeDeclHandler = refuse
    try:
        content = document.encode()
        parser.Parse(content, True)
    except expat.ExpatError as fault:
        raise ValueError(
            f"生成的 XML 不完整（第 {fault.lineno} 行第 {fault.offset + 1} 列：{expat.ErrorString(fault.code)}）。"
        ) from None
    except UnicodeEncodeError:
        raise ValueError("生成的 XML 含有已损坏的字符。") from None
    return content


# ---- blank forms for handwriting ----------------------------------------------------------------------------------


class Nothing(jinja2.ChainableUndefined):
    """What a blank form has for every value."""

    __slots__ = ()

    def _nothing(self, *_: Any, **__: Any) -> Nothing:
        return self

    def _no(self, _: object) -> bool:
        return False

    def _zero(self) -> int:
        return 0

    # Undefined values refuse these; a form without values must not stumble over them.
    __call__ = __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _nothing  # type: ignore[assignment]
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = _nothing  # type: ignore[assignment]
    __pow__ = __rpow__ = __neg__ = __pos__ = __round__ = __abs__ = _nothing  # type: ignore[assignment]
    __lt__ = __le__ = __gt__ = __ge__ = _no  # type: ignore[assignment]
    __int__ = __index__ = _zero  # type: ignore[assignment]

    def __float__(self) -> float:  # type: ignore[override]
        return 0.0

    def __format__(self, _: str) -> str:
        return ""


def _lenient(name: str, made: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter that gives nothing when it is given nothing."""
    first = 1 if getattr(made, "jinja_pass_arg", None) is not None else 0

    @functools.wraps(made)
    def lenient(*arguments: Any, **options: Any) -> Any:
        asked = arguments[first:] if name not in ("default", "d", "known") else arguments[first : first + 1]
        if name not in ("length", "count", "list") and any(isinstance(a, Nothing) for a in asked):
            return Nothing()
        return made(*arguments, **options)

    return lenient


def _emptied(environment: Sandbox) -> jinja2.Environment:
    made = environment.overlay(undefined=Nothing)
    made.filters = {name: _lenient(name, f) for name, f in environment.filters.items()}
    return made


def _asked(template: Template) -> Template:
    """Return the template with the queries of its blank form only."""
    queries = {
        name: Query(name, sql, "", template.queries[name].line)
        for name, sql in (template.blank or {}).items()
        if isinstance(sql, str)
    }
    return replace(template, queries=queries, each="")


def _rows(template: Template, results: Results) -> dict[str, Any]:
    made: dict[str, Any] = {name: [] for name in template.queries}
    for name, given in (template.blank or {}).items():
        made[name] = results[name] if isinstance(given, str) else [Row() for _ in range(given)]
    return made


def blank_jobs(
    project: Project,
    connection: duckdb.DuckDBPyConnection,
    edition: str,
    as_of: datetime.date,
    commit_of: CommitOf,
    kinds: frozenset[str],
) -> Iterator[DossierJob]:
    """Yield one blank form per kind.

    Args:
        connection: the edition's database: what a form has printed on it (offices, departments) can be asked of it.
        as_of: the date in the PDF's metadata.
        commit_of: which commit a print names; here that of the template.
        kinds: which; empty for all that have a blank form.

    Raises:
        RecordsError: a template cannot be read, or stumbles over the lack of values.
        UsageError: a kind does not exist or has no blank form.
    """
    functions, filters, shapes = make_functions(project, connection, Links(), edition)
    environment = _emptied(make_environment(project.source, html=True, functions=functions, filters=filters))
    files = shared_files(project)
    for template in chosen_templates(project, edition, Selection(kinds), on_demand=True):
        if template.blank is None:
            if template.name in kinds:
                raise UsageError(
                    f"{EDITION_TITLES[edition]}的 {printable(template.name)} 没有空白表（模板里写明了 blank: false）。"
                )
            continue
        asked = _asked(template)
        rows = _rows(template, run_queries(connection, asked, edition))
        row = (rows[template.each] or [Row()])[0] if template.each else Row()
        form = _form(template, files)
        known = hashlib.sha256(f"{form}\0{shapes}\0{edition}\0{sorted(rows.items())!r}".encode())
        try:
            body = environment.from_string(template.body)
            title = environment.overlay(autoescape=False, finalize=text).from_string(template.title)
            name = _EMPTY_BRACKETS.sub("", title.render(row=row, edition=edition)).strip()
        except Exception as fault:
            raise template_fault(template, fault) from None
        commit = commit_of([{"_file": template.file}])
        given = {**rows, "row": row, "title": name, "edition": edition, "draft": False, "blank": True}
        yield DossierJob(
            path=f"blank/{template.name}.pdf",
            html=functools.partial(_render, template, body, "空白表", given),
            record=f"空白的{name or template.name}",
            source=template.file,
            styles=template.styles,
            digest=known.hexdigest(),
            created=_midnight(as_of),
            mark=Mark(commit and commit[:10], form[:16], blank=True),
        )
