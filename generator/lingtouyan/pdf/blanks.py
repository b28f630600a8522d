"""Blank forms for handwriting: a template printed once with nothing in it, marked as no record.

Every value is nothing: it shows as nothing, is false, and whatever is done with it gives nothing again.
"""

from __future__ import annotations

import datetime
import functools
import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import duckdb
import jinja2

from lingtouyan.pdf.dossiers import DossierJob
from lingtouyan.pdf.printing_house import Selection, chosen_templates, shared_files
from lingtouyan.pdf.provenance import Provenance
from lingtouyan.pdf.sheets import Mark
from lingtouyan.problems import UsageError, printable
from lingtouyan.project import EDITION_TITLES, Project
from lingtouyan.templates.escaping import text
from lingtouyan.templates.functions import make_functions
from lingtouyan.templates.links import Links
from lingtouyan.templates.sandbox import Row, Sandbox, compiled, rendered
from lingtouyan.templates.templates import (
    Query,
    Results,
    Template,
    make_environment,
    run_queries,
    template_fault,
)

_EMPTY_BRACKETS = re.compile(r"\s*[（(]\s*[）)]")


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
        asked = arguments[first:] if name not in ("default", "d") else arguments[first : first + 1]
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
        made[name] = results.rows[name] if isinstance(given, str) else [Row() for _ in range(given)]
    return made


def blank_jobs(
    project: Project,
    connection: duckdb.DuckDBPyConnection,
    edition: str,
    as_of: datetime.date,
    provenance: Provenance,
    kinds: frozenset[str],
) -> Iterator[DossierJob]:
    """Yield one blank form per kind.

    Args:
        connection: the edition's database: what a form has printed on it (offices, departments) can be asked of it.
        as_of: the date in the PDF's metadata.
        provenance: which commit the template last changed at.
        kinds: which; empty for all that have a blank form.

    Raises:
        RecordsError: a template cannot be read, or stumbles over the lack of values.
        UsageError: a kind does not exist or has no blank form.
    """
    functions, filters, shapes = make_functions(project, connection, Links(), edition)
    environment = _emptied(make_environment(project.tree, html=True, functions=functions, filters=filters))
    files = shared_files(project.tree)
    created = datetime.datetime.combine(as_of, datetime.time(), datetime.UTC)
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
        form = hashlib.sha256(f"{template.digest}\0{files}".encode()).hexdigest()
        known = hashlib.sha256(f"{form}\0{shapes}\0{edition}\0{sorted(rows.items())!r}".encode())
        try:
            body = compiled(environment, template.body)
            title = compiled(environment.overlay(autoescape=False, finalize=text), template.title)
            name = _EMPTY_BRACKETS.sub("", rendered(title, row=row, edition=edition)).strip()
        except Exception as fault:
            raise template_fault(template, fault) from None
        given = {**rows, "row": row, "title": name, "edition": edition, "draft": False, "blank": True}
        yield DossierJob(
            path=f"blank/{template.name}.pdf",
            html=functools.partial(_render, template, body, given),
            record=f"空白的{name or template.name}",
            source=template.file,
            styles=template.styles,
            digest=known.hexdigest(),
            created=created,
            mark=Mark(provenance.of(asked, Results())(Row(), [])[:10], form[:16], blank=True),
        )


def _render(template: Template, body: jinja2.Template, given: dict[str, Any]) -> str:
    try:
        return rendered(body, **given)
    except Exception as fault:
        raise template_fault(template, fault, "空白表") from None
