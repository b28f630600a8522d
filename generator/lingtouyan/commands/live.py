"""One edition's site in memory: a page is rendered when it is asked for, from the records as they are then.

What a page shows is computed for that page; the whole register, with all its rules and links, when there is time.
"""

from __future__ import annotations

import re
import tempfile
import threading
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from lingtouyan.checks.register import Register, register_with_editions
from lingtouyan.commands.build import facts_of
from lingtouyan.database.editions import open_edition
from lingtouyan.database.statements import words_of
from lingtouyan.problems import Problem, Severity
from lingtouyan.project import EDITIONS, Project
from lingtouyan.templates.links import Links
from lingtouyan.templates.templates import PATH_SLOT, Template, read_templates
from lingtouyan.website.feeds import write_feeds
from lingtouyan.website.frames import Frame
from lingtouyan.website.mkdocs import MkDocs
from lingtouyan.website.pages import Kind, PageMaker, entries, site_job, written_url
from lingtouyan.website.search import write_record_index
from lingtouyan.website.site_config import CONFIG, read_config
from lingtouyan.website.website import begin, finish

# What every template may show besides the rows of its queries: facts and labels.
_ALWAYS = ("build", "fields", "tables", "views")


class _Moment:
    """The records as they were at one moment, and what of them was worked out so far."""

    def __init__(self, root: Path, edition: str, as_of: str | None, links: Links) -> None:
        self.project = Project.open(root)
        self.as_of = self.project.as_of(as_of)
        every = read_templates(self.project.source, "site/pages", ".md", EDITIONS)
        self.templates = [t for t in every if t.edition in ("", edition)]
        self.links = links
        self._edition = edition
        self._made: dict[str, tuple[PageMaker, Kind | None]] = {}
        self._folder = tempfile.TemporaryDirectory(prefix="lingtouyan-")
        self._connections: list[Any] = []

    @property
    def files(self) -> Path:
        """Where files stand that are made of the whole register."""
        return Path(self._folder.name) / "site"

    def of(self, template: Template) -> tuple[PageMaker, Kind | None]:
        """Return what makes a template's pages, and its record pages."""
        if template.file not in self._made:
            words = {w for query in template.queries.values() for w in words_of(query.sql)}
            maker, _ = self._maker({*_ALWAYS, *words})
            self._made[template.file] = (maker, maker.kind(template) if template.each else None)
        return self._made[template.file]

    def complete(self) -> list[Problem]:
        """Work out everything; return the errors of the records.

        Raises:
            RecordsError: templates or SQL of the tree are at fault.
        """
        self.links = Links()
        maker, register = self._maker(None)
        kinds = {t.file: maker.kind(t) for t in self.templates if t.each}
        self._made = {t.file: (maker, kinds.get(t.file)) for t in self.templates}
        write_record_index(self.files, entries(kinds.values()))
        write_feeds(self.project.source, self.files, maker.connection, maker.environment, maker.facts)
        return [p for p in register.problems if p.severity is Severity.ERROR]

    def _maker(self, only: Collection[str] | None) -> tuple[PageMaker, Register]:
        database = Path(self._folder.name) / f"{len(self._connections)}.duckdb"
        paths = {self._edition: database}
        register = register_with_editions(self.project, self.as_of, paths, allow_errors=True, only=only)
        register.connection.close()
        self._connections.append(open_edition(database))
        facts = facts_of(self._connections[-1], self._edition, self.as_of, draft=False)
        return PageMaker(self.project, self._connections[-1], facts, self.links), register

    def close(self) -> None:
        for connection in self._connections:
            connection.close()
        self._folder.cleanup()


class LiveSite:
    """The pages of one edition of a work tree. Safe to use from threads.

    Args:
        root: the tree.
        edition: a name of `EDITIONS`.
        as_of: reference date; None takes the project's.
    """

    def __init__(self, root: Path, edition: str, as_of: str | None) -> None:
        self._root, self._edition, self._as_of = root, edition, as_of
        self._lock = threading.Lock()
        # One at a time works out everything.
        self._whole = threading.Lock()
        self._folder = tempfile.TemporaryDirectory(prefix="lingtouyan-")
        self._mkdocs = MkDocs()
        self._moment: _Moment | None = None
        self._key: object = None
        self._frames: dict[str, Frame] = {}

    def close(self) -> None:
        """Let go of everything."""
        with self._whole, self._lock:
            if self._moment:
                self._moment.close()
            self._mkdocs.close()
            self._folder.cleanup()

    def renew(self) -> None:
        """Look at the tree anew; pages asked for from now on show it as it is.

        Raises:
            RecordsError, UsageError: data package, templates, settings or theme are at fault.
        """
        with self._lock:
            before = self._moment
            moment = _Moment(self._root, self._edition, self._as_of, before.links if before else Links())
            try:
                self._frame(moment)
            except BaseException:
                moment.close()
                raise
            self._moment = moment
            if before:
                before.close()

    def _frame(self, moment: _Moment) -> None:
        """Have the theme put around pages anew, where it, the settings or the navigation changed."""
        source = moment.project.source
        theme = read_config(source).theme
        files = [CONFIG, *(source.files([theme]).files if theme else ())]
        titles = {f"{t.name}.md": t.title for t in moment.templates if not t.each}
        folder = Path(self._folder.name)
        facts = {"as_of": moment.as_of, "draft": False}
        tree, out = folder / "docs", folder / "site"
        job = site_job(moment.project, self._edition, facts, moment.templates, tree, out)
        key = (source.digests(files), titles, job.frames, job.as_of, job.commit)
        if key != self._key:
            begin(job, self._mkdocs, titles, only={f.source for f in job.frames} or {"-"})
            self._frames = dict(finish(job, self._mkdocs).frames)
        self._job, self._titles, self._key = job, titles, key

    def complete(self) -> list[Problem] | None:
        """Work out all that no page has asked for yet, while pages go on being shown.

        Returns:
            The errors of the records; None when the tree was looked at anew meanwhile.

        Raises:
            RecordsError: templates or SQL of the tree are at fault.
        """
        with self._whole:
            before = self._moment
            moment = _Moment(self._root, self._edition, self._as_of, Links())
            try:
                errors = moment.complete()
            except BaseException:
                moment.close()
                raise
            with self._lock:
                if self._moment is not before:
                    moment.close()
                    return None
                self._moment = moment
                if before:
                    before.close()
                return errors

    def page(self, url: str) -> str | None:
        """Render a page.

        Args:
            url: below the site's root, with a slash at the end, or empty.

        Raises:
            RecordsError, UsageError: the page's template, or what it shows, is at fault.
        """
        with self._lock:
            moment = self._moment
            if moment is None:
                return None
            for template in moment.templates:
                if not template.each and written_url(template) == url:
                    return self._written(moment, template)
                if template.each and re.fullmatch(_pattern(template), url):
                    maker, kind = moment.of(template)
                    page = next((p for p in kind.pages if p.url == url), None) if kind else None
                    if page is not None and kind is not None:
                        content = maker.body(template, page, alone=True)
                        frame = self._frames[kind.spec.name]
                        return frame.fill(
                            title=page.title, content=content, url=url, description=page.description
                        ).decode()
        return None

    def _written(self, moment: _Moment, template: Template) -> str:
        page = moment.of(template)[0].write(template)
        job = replace(self._job, out=Path(self._folder.name) / "page")
        (job.tree / page.path).write_text(page.markdown, "utf-8")
        begin(job, self._mkdocs, self._titles, only=[page.path])
        finish(job, self._mkdocs)
        return (job.out / page.url / "index.html").read_text("utf-8")

    def file(self, name: str) -> Path | None:
        """Return a file of the site that is no page."""
        for folder in (self._moment.files if self._moment else None, self._job.out if self._moment else None):
            if folder is not None:
                path = folder / name
                if path.is_file() and path.resolve().is_relative_to(folder.resolve()):
                    return path
        return None


def _pattern(template: Template) -> str:
    """Return a regular expression for the addresses of a template's record pages."""
    parts = PATH_SLOT.sub("\0", template.path.strip("/")).split("\0")
    return "[^/]+".join(re.escape(part) for part in parts) + "/"
