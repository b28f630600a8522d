"""The whole build: register, editions, pages, data, dossiers; everything is made anew, aside, and swapped in whole."""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TextIO

import duckdb

from lingtouyan.checks.register import Register, register_with_editions
from lingtouyan.database.editions import open_edition
from lingtouyan.database.export import digest_of, export_edition
from lingtouyan.history.anchors import ANCHOR, anchor_text
from lingtouyan.history.tree import resolve
from lingtouyan.problems import Problem, UsageError, has_errors, printable
from lingtouyan.project import EDITION_TITLES, SITES, Project, Scope
from lingtouyan.templates.templates import Template
from lingtouyan.website.feeds import write_feeds
from lingtouyan.website.frames import Frame
from lingtouyan.website.mkdocs import MkDocs
from lingtouyan.website.pages import PageMaker, entries, read_pages, site_job
from lingtouyan.website.record_pages import RecordWork, filling
from lingtouyan.website.search import check_searchable, write_record_index
from lingtouyan.website.website import INDEX, begin, finish, for_disk, write_sitemap


@dataclass
class BuildReport:
    """What a build did.

    Attributes:
        problems: all findings of the check and of printing.
        refused: nothing was built, because the records have errors.
        unprinted: how many dossiers could not be printed.
        lines: what was made, one line each, for the user.
    """

    problems: list[Problem] = field(default_factory=list)
    refused: bool = False
    unprinted: int = 0
    lines: list[str] = field(default_factory=list)


def build(
    root: Path,
    *,
    edition: str = "all",
    as_of: str | None = None,
    revision: str | None = None,
    draft: bool = False,
    since: str = "",
    dossiers: bool = True,
    offline: bool = False,
    progress: TextIO | None = None,
) -> BuildReport:
    """Build one edition or all.

    Args:
        root: the tree.
        edition: a name of `SITES`, or `all`.
        as_of: reference date; None takes the project's.
        revision: commit, tag or date whose knowledge is shown; None takes the work tree.
        draft: build in spite of errors, every page marked.
        since: commit, tag or date; what was changed by commits after it is marked.
        dossiers: also print the PDFs; if not, those of the last build stay.
        offline: the site is to be read from a disk, where no server answers.
        progress: where printing shows how far it is.

    Raises:
        UsageError: the tool was used wrongly or the machine lacks something.
        RecordsError: templates or SQL of the tree are at fault.
    """
    project = Project.open(root, revision)
    if since:
        project = replace(project, since=resolve(project.root, since).id)
    scopes = [Scope.read(n, project.package, SITES) for n in (SITES if edition == "all" else [edition])]
    date = project.as_of(as_of)
    templates = read_pages(project.source)
    with contextlib.ExitStack() as stack:
        staged = stack.enter_context(staging(project.build, [s.folder for s in scopes], progress))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lingtouyan-")))
        mkdocs = stack.enter_context(MkDocs())
        editions = [
            _Edition(project, s, date, draft, templates, folder / s.level, staged[s.folder]) for s in scopes
        ]
        for made in editions:
            # Built while the records are read.
            begin(made.empty, mkdocs, only={f.source for f in made.empty.frames})
        paths = {made.name: made.database for made in editions}
        register = register_with_editions(
            project, date, paths, draft=draft, allow_errors=draft, scope=scopes[-1]
        )
        report = BuildReport(problems=register.problems)
        if has_errors(register.problems) and not draft:
            report.refused = True
            report.lines.append(
                "记录有错误，没有生成；上一次生成的结果没有改动。改正后重试，或用 --draft 生成带“草稿”标记的预览。"
            )
            return report
        for made in editions:
            frames = finish(made.empty, mkdocs).frames
            stack.enter_context(contextlib.closing(made.plan(frames)))
            begin(made.job, mkdocs)
        with filling([made.work for made in editions]) as filled:
            for made in editions:
                publish(project, register, made.database, made.name, made.job.as_of, made.out / "data")
                made.site(mkdocs)
            filled()
        for made in editions if offline else ():
            for_disk(made.job.out)
        for made in editions:
            report.lines.append(made.line())
            last = project.build / made.folder
            if dossiers:
                made.dossiers(report, progress)
            elif (last / "dossiers").is_dir() and not last.is_symlink():
                (last / "dossiers").rename(made.out / "dossiers")
            _swap(made.out, last)
    return report


@contextlib.contextmanager
def staging(build: Path, names: list[str], progress: TextIO | None) -> Iterator[dict[str, Path]]:
    """Give each edition an empty folder beside its last build, to this process alone; what stays there is removed.

    Raises:
        UsageError: nothing can be written there.
    """
    folders = {n: build / f".{n}.new" for n in names}
    with contextlib.ExitStack() as stack:
        try:
            build.mkdir(exist_ok=True)
            held = os.open(build, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileExistsError as fault:
            name = printable(str(fault.filename))
            raise UsageError(f"{name} 不是文件夹，没有写入。请删除它后重试。") from None
        stack.callback(os.close, held)
        # Two builds write the same editions. The system lets go of the lock for whoever is killed.
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if progress is not None:
                progress.write("另一次生成正在进行，等它结束……\n")
            fcntl.flock(held, fcntl.LOCK_EX)
        for folder in folders.values():
            stack.callback(_remove, folder)
            _remove(folder)
            folder.mkdir()
        yield folders


def _swap(new: Path, current: Path) -> None:
    """Put a finished edition in the place of the last one."""
    old = current.with_name(f".{current.name}.old")
    _remove(old)
    with contextlib.suppress(FileNotFoundError):
        current.rename(old)
    new.rename(current)
    _remove(old)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


class _Edition:
    """Everything made for one edition.

    Attributes:
        empty: the site of the frames alone; `job` is that of the written pages.
        database: the edition's file.
    """

    def __init__(
        self,
        project: Project,
        scope: Scope,
        as_of: datetime.date,
        draft: bool,
        templates: Sequence[Template],
        folder: Path,
        out: Path,
    ) -> None:
        name = scope.level
        self.name, self.folder, self.out, self._project, self._as_of = name, scope.folder, out, project, as_of
        self.database = folder.with_suffix(".duckdb")
        self._templates = [t for t in templates if t.edition in ("", name)]
        whole = site_job(project, name, as_of, draft, self._templates, out / "tree" / "docs", out / "site")
        self.empty = replace(whole, tree=folder / "docs", out=folder / "site")
        self.job = replace(whole, frames=())

    def plan(self, frames: Mapping[str, Frame]) -> duckdb.DuckDBPyConnection:
        """Find all pages and write the Markdown of those that MkDocs builds; return the edition's database."""
        self._connection = open_edition(self.database)
        self._facts = facts_of(self._connection, self.name, self._as_of, self.job.draft)
        self._maker = PageMaker(self._project, self._connection, self._facts)
        self._pages = self._maker.plan(self._templates)
        for page in self._pages.written:
            page.save(self.job.tree)
        kinds = [(kind.template, frames[kind.spec.name], kind.pages) for kind in self._pages.kinds]
        given = self._project, self.database, self._facts, self._maker.links, self.job.out
        self.work = RecordWork(*given, kinds, self._maker)
        return self._connection

    def site(self, mkdocs: MkDocs) -> None:
        """Write all of the site but the record pages."""
        website, site = finish(self.job, mkdocs), self.job.out
        if (site / INDEX).is_file():
            check_searchable(site)
        records = [page.url for kind in self._pages.kinds for page in kind.pages]
        write_record_index(site, entries(self._pages.kinds))
        address = self._project.address(self.name)
        write_sitemap(site, address, [*website.urls, *records], self._project.epoch)
        write_feeds(self._project.source, site, self._connection, self._maker.environment, self._facts)
        if commit := self._project.commit:
            anchor = anchor_text(self._project.root, commit, self.job.as_of)
            (site / ANCHOR).write_text(anchor, encoding="utf-8")

    def line(self) -> str:
        """Say what was made."""
        records = sum(len(kind.pages) for kind in self._pages.kinds)
        written = len(self._pages.written)
        return (
            f"{EDITION_TITLES[self.name]}：{written} 个栏目页、{records} 个记录页 → build/{self.folder}/site"
        )

    def dossiers(self, report: BuildReport, progress: TextIO | None) -> None:
        """Print the PDFs, and tell what came of it."""
        from lingtouyan.pdf.run import print_dossiers

        given = self._project, self._connection, self.name, self._facts
        done = print_dossiers(*given, self.out / "dossiers", self.job.out, progress)
        report.problems.extend(done.problems)
        failed = len({p.message for p in done.problems if p.severity == "error"})
        report.unprinted += failed
        if done.printed or failed:
            unprinted = f"，{failed} 处没有印成" if failed else ""
            made = f"{len(done.printed)} 份 PDF（新做 {done.rendered}）{unprinted}"
            report.lines.append(f"{EDITION_TITLES[self.name]}：{made} → build/{self.folder}/dossiers")


def publish(
    project: Project, register: Register, database: Path, edition: str, as_of: str, where: Path
) -> None:
    """Write the data package of an edition, with the anchor that binds it to the commit."""
    time = datetime.datetime.fromtimestamp(project.epoch, datetime.UTC)
    created = f"{time:%Y-%m-%dT%H:%M:%SZ}"
    export_edition(database, register.views, project.package, edition, where, created=created)
    if commit := project.commit:
        # The descriptor tells the digest of each file.
        digest = digest_of(where / "datapackage.json")
        anchor = anchor_text(project.root, commit, as_of, package=digest)
        (where / ANCHOR).write_text(anchor, encoding="utf-8")


def facts_of(
    connection: duckdb.DuckDBPyConnection, edition: str, as_of: datetime.date, draft: bool
) -> dict[str, Any]:
    """Return what every template of an edition sees besides its rows."""
    row = connection.execute("SELECT commit, commit_time FROM build").fetchone() or ("", None)
    facts = {"edition": edition, "as_of": as_of, "draft": draft}
    return {**facts, "build": {**facts, "commit": row[0], "commit_time": row[1]}}
