"""From dossier templates and rows to PDF files: says what is to be printed, for the print shop to print.

Queries run once per template; a dossier's HTML is only made when its fingerprint is new.
"""

from __future__ import annotations

import datetime
import functools
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, TextIO

import duckdb
import jinja2

from lingtouyan.database.editions import open_edition
from lingtouyan.history.origin import key_names, read_origins
from lingtouyan.pdf.dossiers import DossierJob, Previous, Printed, render_dossiers
from lingtouyan.pdf.provenance import Provenance
from lingtouyan.pdf.seal import attachment, canonical, mark_of, payload
from lingtouyan.pdf.xml_files import xml_text
from lingtouyan.problems import Problem, RecordsError, UsageError, error, printable
from lingtouyan.project import EDITION_TITLES, EDITIONS, Project
from lingtouyan.reading.files import folder_files
from lingtouyan.templates.escaping import text
from lingtouyan.templates.functions import make_functions
from lingtouyan.templates.links import Links
from lingtouyan.templates.paths import output_path
from lingtouyan.templates.sandbox import Groups, Row, compiled, rendered
from lingtouyan.templates.templates import (
    XML_SUFFIXES,
    Results,
    Template,
    make_environment,
    read_templates,
    run_queries,
    template_fault,
)

FOLDER = "site/dossiers"


def print_dossiers(
    project: Project,
    connection: duckdb.DuckDBPyConnection,
    edition: str,
    facts: dict[str, Any],
    out: Path,
    last: Path,
    known: dict[str, Any],
    problems: list[Problem],
    progress: TextIO | None,
) -> tuple[list[str], dict[str, Any]]:
    """Print every dossier of one edition.

    Args:
        connection: the edition's database.
        facts: what every template sees besides its rows.
        out: output folder; `last` is that of the last build, `known` what that build said of it.
        problems: what could not be printed is added here.

    Returns:
        A line for the user, and what to hand to the next build as `known`.

    Raises:
        RecordsError: a template cannot be read or its queries fail.
    """
    provenance = Provenance(project, connection, edition, read_origins(project))
    previous = (
        Previous(last, {p: Printed(*v) for p, v in known.items()})
        if known and not last.is_symlink()
        else None
    )
    jobs = dossier_jobs(project, connection, edition, facts, provenance)
    report = render_dossiers(
        jobs, templates=project.tree / FOLDER, out=out, previous=previous, progress=progress
    )
    problems.extend(report.problems)
    if not report.printed and not report.problems:
        return [], {}
    line = (
        f"{EDITION_TITLES[edition]}：{len(report.printed)} 份 PDF（新做 {report.rendered}）"
        + (f"，{len({p.message for p in report.problems})} 处没有印成" if report.problems else "")
        + f" → build/{edition}/dossiers"
    )
    return [line], {p: [v.inputs, v.output] for p, v in report.printed.items()}


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
    names = key_names(project.package)
    result: dict[tuple[str, str], Fingerprint] = {}
    for edition, path in editions.items():
        connection = open_edition(path)
        facts = {"edition": edition, "as_of": as_of, "draft": False}
        for job in dossier_jobs(project, connection, edition, facts):
            keys = {n: v for n, v in job.row.items() if n in names and isinstance(v, str)}
            result[edition, job.path] = Fingerprint(job.digest, job.record, keys)
        connection.close()
    return result


def shared_files(root: Path) -> str:
    """Return a digest over all that dossiers share: style sheets, pictures, parts of templates.

    Raises:
        RecordsError: they are larger than any that a dossier needs.
    """
    digest = hashlib.blake2b(digest_size=16)
    for path, data in folder_files(
        root, FOLDER, lambda p: p.suffix not in (".html", *XML_SUFFIXES) or p.name.startswith("_")
    ):
        digest.update(path.name.encode() + b"\0" + data)
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Selection:
    """Which dossiers are wanted.

    Attributes:
        kinds: names of templates; empty for all that are not made on demand only.
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
    every = read_templates(project.tree, FOLDER, ".html", EDITIONS)
    for suffix in XML_SUFFIXES:
        for other in read_templates(project.tree, FOLDER, suffix, EDITIONS):
            if any(other.name == t.name for t in every):
                fault = f"另有一个模板也叫 {other.name}，请改名。"
                raise RecordsError([error(other.file, 1, "template-error", fault)])
            every.append(replace(other, on_demand=True, blank=None))
    known = {t.name: t for t in every if t.edition in ("", edition)}
    for name in sorted(selection.kinds - known.keys()):
        only = next((t.edition for t in every if t.name == name), "")
        hint = f"它只在{EDITION_TITLES[only]}里（--edition {only}）。" if only else ""
        raise UsageError(
            f"{EDITION_TITLES[edition]}没有叫 {printable(name)} 的文书。{hint or '可用：' + '、'.join(known) + '。'}"
        )
    return [
        t
        for t in known.values()
        if (t.name in selection.kinds if selection.kinds else on_demand or not t.on_demand)
        and (t.each or t.name in selection.keys or not (selection.keys or selection.where))
    ]


def _with_condition(template: Template, where: str) -> Template:
    if not where:
        return template
    query = template.queries[template.each]
    limited = replace(
        query, sql=f"SELECT * FROM ({query.sql.strip().rstrip(';')}\n) AS rows WHERE ({where}\n)"
    )
    return replace(template, queries={**template.queries, query.name: limited})


def dossier_jobs(
    project: Project,
    connection: duckdb.DuckDBPyConnection,
    edition: str,
    facts: dict[str, Any],
    provenance: Provenance | None = None,
    selection: Selection | None = None,
) -> Iterator[DossierJob]:
    """Yield everything that an edition prints; the HTML of each is made only when asked for.

    A dossier that is no page but data for other programs has its XML instead, and a path that ends accordingly.

    The commit built is no part of it, only the one that the content last changed at, and the date in a PDF is the
    reference date: what has not changed prints the same after the next commit.

    Args:
        connection: the edition's database.
        facts: what every template sees besides its rows; must hold `edition`, `as_of` and `draft`.
        provenance: where the content comes from; None leaves marks and attachments out.
        selection: what is wanted; None for all.

    Raises:
        RecordsError: a template cannot be read or its queries fail.
        UsageError: a kind of the selection does not exist.
    """
    selection = selection or Selection()
    templates = chosen_templates(project, edition, selection)
    facts = {name: value for name, value in facts.items() if name != "build"}
    functions, filters, shapes = make_functions(project, connection, Links(), edition)
    environment = make_environment(project.tree, html=True, functions=functions, filters=filters)
    files = shared_files(project.tree)
    shared = f"{shapes}\0{facts!r}\0{files}"
    created = datetime.datetime.combine(facts["as_of"], datetime.time(), datetime.UTC)
    for template in templates:
        template = _with_condition(template, selection.where)
        results = run_queries(connection, template, edition)
        commit_of = provenance.of(template, results) if provenance else None
        form = hashlib.sha256(f"{template.digest}\0{files}".encode()).hexdigest()
        always = [r for n, v in results.rows.items() if n != template.each and isinstance(v, list) for r in v]
        suffix = PurePosixPath(template.file).suffix
        try:
            body = compiled(
                environment if suffix == ".html" else environment.overlay(finalize=xml_text), template.body
            )
            title = compiled(environment.overlay(autoescape=False, finalize=text), template.title)
        except Exception as fault:
            raise template_fault(template, fault) from None
        common = hashlib.blake2b(f"{template.digest}\0{shared}\0".encode(), digest_size=32)
        groups = {n: v for n, v in results.rows.items() if isinstance(v, Groups)}
        for name, value in sorted(results.rows.items()):
            if name not in groups and name != template.each:
                common.update(repr(value).encode("utf-8", "backslashreplace"))
        rows: Any = results.rows[template.each] if template.each else [Row()]
        seen: set[str] = set()
        for row in rows:
            path = (output_path(template, row) if template.each else template.name) + (
                ".pdf" if suffix == ".html" else suffix
            )
            if path in seen:
                raise RecordsError(
                    [
                        error(
                            template.file,
                            1,
                            "template-error",
                            f"两条记录得到同一个文件 {path}。请让 path 含主键。",
                        )
                    ]
                )
            seen.add(path)
            if not selection.takes(path.rpartition(".")[0]):
                continue
            digest = common.copy()
            mine = {n: v[row.get(template.queries[n].by)] for n, v in groups.items()}
            digest.update(repr((list(row.items()), mine)).encode("utf-8", "backslashreplace"))
            name = _title(template, title, row, facts) if template.each else template.title
            commit, data = "", b""
            if commit_of is not None:
                commit = commit_of(row, [*always, *(r for rows in mine.values() for r in rows)])
                data = canonical(payload(template, form, path, name, facts, row, results, mine, commit))
            yield DossierJob(
                path=path,
                html=functools.partial(_render, template, body, results, row, mine, facts, name),
                record=name,
                source=str(row.get("_file") or template.file),
                line=int(row.get("_line") or 0),
                styles=template.styles,
                digest=digest.hexdigest(),
                row=row,
                kind=template.name,
                created=created,
                attachments=(attachment(data),) if data else (),
                mark=mark_of(commit, data) if data else None,
            )


def _render(
    template: Template,
    body: jinja2.Template,
    results: Results,
    row: Row,
    mine: dict[str, Any],
    facts: dict[str, Any],
    name: str,
) -> str:
    try:
        return rendered(body, **{**results.rows, **mine, **facts, "row": row, "title": name, "blank": False})
    except Exception as fault:
        raise template_fault(template, fault, name) from None


def _title(template: Template, title: jinja2.Template, row: Row, facts: dict[str, Any]) -> str:
    try:
        return rendered(title, row=row, **facts).strip()
    except Exception as fault:
        raise template_fault(template, fault, "title", lambda _: 0) from None
