"""Everything wrong in a tree: its records, as `checks` finds it, and the templates, which a build would stumble over later."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import jinja2
from jinja2 import meta, nodes

from lingtouyan.cache import Cache
from lingtouyan.checks.register import check
from lingtouyan.problems import Problem, RecordsError, error, in_order
from lingtouyan.project import Project
from lingtouyan.reading.source import Source, blob_id
from lingtouyan.templates.templates import FOLDERS, make_environment, read_templates, template_fault


def check_all(root: Path, as_of: str | None, revision: str | None) -> list[Problem]:
    """Return what is wrong, in order of place; UsageError: no project, no such revision, no date."""
    try:
        project = Project.open(root, revision)
        return in_order([*check(project, project.as_of(as_of)), *_of_templates(project.source)])
    except RecordsError as fault:
        return in_order(fault.problems)


def _of_templates(source: Source) -> Iterator[Problem]:
    """Yield what is wrong with the heads of templates and the grammar of their text; the very same are not read again."""
    files = [*source.files(["site"]).files, *(["mkdocs.yml"] if source.exists("mkdocs.yml") else [])]
    key, cache = (
        f"templates {blob_id(repr((files, sorted(source.digests(files).items()))).encode())}",
        Cache(),
    )
    if cache.get(key):
        return
    faulty = False
    environment = make_environment(source, html=True, functions={})
    parts: set[str] = set()
    for folder in FOLDERS:
        try:
            templates = read_templates(source, folder)
            if folder == "site/pages" and "mkdocs.yml" in files:
                wrong = _of_config(source, {f"{t.name}.md" for t in templates if not t.each})
                faulty |= bool(wrong)
                yield from wrong
            for template in templates:
                try:
                    _parse(environment, template.body, None, parts)
                except jinja2.TemplateError as fault:
                    raise template_fault(template, fault) from None
        except RecordsError as fault:
            faulty = True
            yield from fault.problems
    if not faulty:
        cache.put(key, b"fine")


def _of_config(source: Source, pages: set[str]) -> list[Problem]:
    # What reads the settings takes long to load, and is not needed where nothing has changed.
    from lingtouyan.website.site_config import CONFIG, SiteError, read_config

    try:
        read_config(source, pages)
    except SiteError as fault:
        return [error(CONFIG, 0, "site-config", str(fault))]
    return []


def _parse(environment: jinja2.Environment, text: str, name: str | None, parts: set[str]) -> None:
    """Parse a template and, once, each file of macros or of a part of a page that it takes in."""
    # Jinja's own name for the file: where it is said that a fault arose.
    tree = environment.parse(text, name, f"site/{name}" if name else None)
    # `ignore missing`, or the first of several that is there.
    choices = [
        n for n in tree.find_all(nodes.Include) if n.ignore_missing or not isinstance(n.template, nodes.Const)
    ]
    optional = {c.value for n in choices for c in n.find_all(nodes.Const)}
    for part in sorted({p for p in meta.find_referenced_templates(tree) if p} - parts):
        parts.add(part)
        try:
            source = environment.loader.get_source(environment, part)[0] if environment.loader else ""
        except jinja2.TemplateNotFound:
            if part in optional:
                continue
            raise
        _parse(environment, source, part, parts)
