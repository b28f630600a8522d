"""The whole build: register, editions, pages, data, dossiers; everything is made anew, aside, and swapped in whole."""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import duckdb

from lingtouyan.checks.register import Register, register_with_editions
from lingtouyan.database.editions import open_edition
from lingtouyan.database.export import export_edition
from lingtouyan.history.anchors import ANCHOR, anchor_text
from lingtouyan.problems import Problem, UsageError, has_errors, os_fault, printable
from lingtouyan.project import EDITION_TITLES, EDITIONS, Project
from lingtouyan.templates.functions import make_functions
from lingtouyan.templates.links import Links
from lingtouyan.templates.templates import make_environment, read_templates
from lingtouyan.website.feeds import write_feeds
from lingtouyan.website.mkdocs import MkDocs
from lingtouyan.website.pages import PageMaker, converter
from lingtouyan.website.search import write_record_index
from lingtouyan.website.site_config import read_config
from lingtouyan.website.sitemap import write_sitemap
from lingtouyan.website.website import SiteJob, build_written


@dataclass
class BuildReport:
    """What a build did.

    Attributes:
        problems: all findings of the check and of printing.
        refused: nothing was built, because the records have errors.
        lines: what was made, one line each, for the user.
    """

    problems: list[Problem] = field(default_factory=list)
    refused: bool = False
    lines: list[str] = field(default_factory=list)


def build(
    root: Path,
    *,
    edition: str = "all",
    as_of: str | None = None,
    revision: str | None = None,
    draft: bool = False,
    dossiers: bool = True,
    progress: TextIO | None = None,
) -> BuildReport:
    """Build one edition or all.

    Args:
        root: the tree.
        edition: a name of `EDITIONS`, or `all`.
        as_of: reference date; None takes the project's.
        revision: commit, tag or date whose knowledge is shown; None takes the work tree.
        draft: build in spite of errors, every page marked.
        dossiers: also print the PDFs; if not, those of the last build stay.
        progress: where printing shows how far it is.

    Raises:
        UsageError: the tool was used wrongly or the machine lacks something.
        RecordsError: templates or SQL of the tree are at fault.
    """
    names = list(EDITIONS) if edition == "all" else [edition]
    project = Project.open(root, revision)
    date = project.as_of(as_of)
    with contextlib.ExitStack() as stack:
        staged = stack.enter_context(staging(project.build, names, progress))
        # It imports its libraries while the records are read.
        read_config(project.source)
        mkdocs = stack.enter_context(MkDocs())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lingtouyan-")))
        paths = {n: folder / f"{n}.duckdb" for n in names}
        register = register_with_editions(project, date, paths, draft=draft, allow_errors=draft)
        report = BuildReport(problems=register.problems)
        if has_errors(register.problems) and not draft:
            report.refused = True
            report.lines.append(
                "记录有错误，没有生成；上一次生成的结果没有改动。改正后重试，或用 --draft 生成带“草稿”标记的预览。"
            )
            return report
        editions = [_Edition(project, register, n, date, draft, paths[n], staged[n]) for n in names]
        for made in editions:
            stack.enter_context(contextlib.closing(made.connection))
        with ThreadPoolExecutor(len(editions)) as pool:
            report.lines.extend(pool.map(lambda made: made.site_and_data(mkdocs), editions))
        for made in editions:
            last = project.build / made.name
            if dossiers:
                report.lines.extend(made.dossiers(report.problems, progress))
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
    try:
        build.mkdir(exist_ok=True)
        # The system lets go of the lock for whoever is killed.
        with contextlib.closing(_Held(build, progress)):
            try:
                for folder in folders.values():
                    _remove(folder)
                    folder.mkdir()
                yield folders
            finally:
                for folder in folders.values():
                    _remove(folder)
    except FileExistsError as fault:
        raise UsageError(f"{printable(str(fault.filename))} 不是文件夹，没有写入。请删除它后重试。") from None


class _Held:
    """A folder that no other build holds at the same time: two builds write the same editions."""

    def __init__(self, folder: Path, progress: TextIO | None) -> None:
        self._folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            fcntl.flock(self._folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if progress is not None:
                progress.write("另一次生成正在进行，等它结束……\n")
            fcntl.flock(self._folder, fcntl.LOCK_EX)

    def close(self) -> None:
        os.close(self._folder)


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
    """Everything made for one edition."""

    def __init__(
        self,
        project: Project,
        register: Register,
        name: str,
        as_of: datetime.date,
        draft: bool,
        database: Path,
        out: Path,
    ) -> None:
        self.name = name
        self.out = out
        self.connection = open_edition(database)
        self._project = project
        self._register = register
        self._database = database
        self._facts = facts_of(self.connection, name, as_of, draft)

    def site_and_data(self, mkdocs: MkDocs) -> str:
        """Build site and data package; return a line for the user."""
        start = time.perf_counter()
        created = datetime.datetime.fromtimestamp(self._project.epoch, datetime.UTC)
        with export_edition(
            self.connection,
            self._database,
            self._register,
            self._project.package,
            self.name,
            self.out / "data",
            created=f"{created:%Y-%m-%dT%H:%M:%SZ}",
        ):
            written, records = self._site(mkdocs)
        return (
            f"{EDITION_TITLES[self.name]}：{written} 个栏目页、{records} 个记录页，"
            f"用时 {time.perf_counter() - start:.1f} 秒 → build/{self.name}/site"
        )

    def _site(self, mkdocs: MkDocs) -> tuple[int, int]:
        root, facts, links = self._project.tree, self._facts, Links()
        functions, filters, _ = make_functions(self._project, self.connection, links, self.name)
        environment = make_environment(root, html=False, functions=functions, filters=filters)
        config = read_config(self._project.source)
        convert = converter(config.settings["markdown_extensions"])
        maker = PageMaker(self.connection, environment, links, facts, convert)
        pages = maker.plan(read_templates(root, "site/pages", ".md", EDITIONS))
        tree, site = self.out / "tree" / "docs", self.out / "site"
        for page in pages.written:
            _write(tree / page.path, page.markdown.encode())
        commit = self._project.commit
        job = SiteJob(
            source=self._project.source,
            tree=tree,
            out=site,
            edition=self.name,
            edition_title=EDITION_TITLES[self.name],
            draft=facts["draft"],
            as_of=facts["as_of"].isoformat(),
            commit=commit.short if commit else "",
            frames=tuple(k.spec for k in pages.kinds),
        )
        website = build_written(job, mkdocs)
        urls = list(website.urls)
        for kind in pages.kinds:
            frame = website.frames[kind.spec.name]
            for record, html in maker.bodies(kind.template, kind.pages):
                content = frame.fill(
                    title=record.title, content=html, url=record.url, description=record.description
                )
                _write(site / record.url / "index.html", content)
                urls.append(record.url)
        write_record_index(site, pages.entries)
        write_sitemap(site, config.url, urls, self._project.epoch)
        write_feeds(root, site, self.connection, environment, facts)
        if anchor := anchor_text(self._project, facts["as_of"].isoformat()):
            (site / ANCHOR).write_text(anchor, encoding="utf-8")
        return len(pages.written), len(urls) - len(website.urls)

    def dossiers(self, problems: list[Problem], progress: TextIO | None) -> list[str]:
        """Print the PDFs; return lines for the user."""
        from lingtouyan.pdf.run import print_dossiers

        out = self.out / "dossiers"
        return print_dossiers(self._project, self.connection, self.name, self._facts, out, problems, progress)


def facts_of(
    connection: duckdb.DuckDBPyConnection, edition: str, as_of: datetime.date, draft: bool
) -> dict[str, Any]:
    """Return what every template of an edition sees besides its rows."""
    commit, time_of_commit = connection.execute("SELECT commit, commit_time FROM build").fetchone() or (
        "",
        None,
    )
    facts = {"edition": edition, "as_of": as_of, "draft": draft}
    return {**facts, "build": {**facts, "commit": commit, "commit_time": time_of_commit}}


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


__all__ = ["BuildReport", "build", "os_fault"]
