"""The whole build: register, editions, pages, data, dossiers; made aside and swapped in whole.

What has not changed since the last build of this user is linked from it, not made again.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, TextIO

from lingtouyan.checks.register import Register, register_with_editions
from lingtouyan.commands.memory import Memory
from lingtouyan.commands.shares import Hands, Place, hands
from lingtouyan.commands.staging import Spare, make_folder, spare_of, staging, swap
from lingtouyan.commands.stamping import Stamping
from lingtouyan.database.editions import open_edition
from lingtouyan.database.export import export_edition
from lingtouyan.history.anchors import ANCHOR, anchor_text
from lingtouyan.locks import in_turn
from lingtouyan.problems import Problem, RecordsError, has_errors
from lingtouyan.project import EDITION_TITLES, EDITIONS, Project
from lingtouyan.reading.files import folder_files
from lingtouyan.scratch import scratch
from lingtouyan.templates.functions import make_functions
from lingtouyan.templates.links import Links
from lingtouyan.templates.templates import make_environment, read_templates
from lingtouyan.website.feeds import write_feeds
from lingtouyan.website.mkdocs_process import MkDocs, warm_up
from lingtouyan.website.pages import PageMaker, converter
from lingtouyan.website.search import RecordEntry, write_record_index
from lingtouyan.website.site_config import read_config
from lingtouyan.website.website import SiteJob, build_written, write_sitemap

_LIBRARIES = ("jinja2", "markupsafe", "markdown", "pymdown-extensions")
_TEMPLATES = ("pages", "feeds", "dossiers", "theme")


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
        dossiers: also print the PDFs.
        progress: where printing shows how far it is.

    Raises:
        UsageError: the tool was used wrongly or the machine lacks something.
        RecordsError: templates or SQL of the tree are at fault.
    """
    project = Project.open(root, revision)
    make_folder(project.build)
    # Two builds write the same folders, whichever commits they are of.
    with in_turn(project.build / ".building.lock", progress):
        return _build(project, edition, as_of, draft, dossiers, progress)


def _build(
    project: Project, edition: str, as_of: str | None, draft: bool, dossiers: bool, progress: TextIO | None
) -> BuildReport:
    date = project.as_of(as_of)
    names = list(EDITIONS) if edition == "all" else [edition]
    with contextlib.ExitStack() as stack:
        # They import their libraries while the records are read.
        children = {n: stack.enter_context(warm_up(project.tree)) for n in names}
        staged = stack.enter_context(staging(project, names))
        folder = stack.enter_context(scratch())
        paths = {n: folder / f"{n}.duckdb" for n in names}
        helpers = stack.enter_context(hands())
        memories = {n: Memory(project.cache, n) for n in names}
        register = register_with_editions(project, date, paths, draft=draft, allow_errors=draft)
        report = BuildReport(problems=register.problems)
        if has_errors(register.problems) and not draft:
            report.refused = True
            report.lines.append(
                "记录有错误，没有生成；上一次生成的结果没有改动。改正后重试，或用 --draft 生成带“草稿”标记的预览。"
            )
            return report
        makers = [
            _EditionBuild(project, register, memories[n], n, date, draft, paths[n], staged[n], helpers)
            for n in names
        ]
        with ThreadPoolExecutor(len(makers)) as pool:
            for lines in pool.map(lambda m: m.site_and_data(children[m.edition]), makers):
                report.lines.extend(lines)
        if dossiers:
            for maker in makers:
                report.lines.extend(maker.dossiers(report.problems, progress))
        for maker in makers:
            swap(staged[maker.edition], project.build / maker.edition)
            maker.remember()
    return report


class _EditionBuild:
    """Everything made for one edition."""

    def __init__(
        self,
        project: Project,
        register: Register,
        memory: Memory,
        edition: str,
        as_of: datetime.date,
        draft: bool,
        database: Path,
        out: Path,
        helpers: Hands,
    ) -> None:
        self.helpers = helpers
        self.project = project
        self.register = register
        self.edition = edition
        self.as_of = as_of
        self.draft = draft
        self.out = out
        self.last = project.build / edition
        self.database = database
        self.connection = open_edition(database)
        self.links = Links()
        self.memory = memory
        self.known = memory.known
        self.made: dict[str, Any] = {}
        row = self.connection.execute("SELECT commit, commit_time FROM build").fetchone() or ("", None)
        self.facts: dict[str, Any] = {
            "edition": edition,
            "as_of": as_of,
            "draft": draft,
            "build": {
                "as_of": as_of,
                "edition": edition,
                "commit": row[0],
                "commit_time": row[1],
                "draft": draft,
            },
        }

    def site_and_data(self, mkdocs: MkDocs) -> list[str]:
        """Build site and data package."""
        start = time.perf_counter()
        created = (
            datetime.datetime.fromtimestamp(self.project.epoch, datetime.UTC)
            .isoformat()
            .replace("+00:00", "Z")
        )
        data = self.out / "data"
        with export_edition(
            self.connection,
            self.database,
            self.register,
            self.project.package,
            self.edition,
            data,
            created=created,
            last=None if self.last.is_symlink() else self.last / "data",
            known=self.known.get("data"),
        ) as export:
            line = self._site(mkdocs)
        self.made["data"] = export.made
        anchor = anchor_text(self.project, self.as_of.isoformat())
        if anchor:
            (self.out / "site" / ANCHOR).write_text(anchor, encoding="utf-8")
        return [f"{line}，用时 {time.perf_counter() - start:.1f} 秒 → build/{self.edition}/site"]

    def _site(self, mkdocs: MkDocs) -> str:
        root = self.project.tree
        config = read_config(root)
        functions, filters, shapes = make_functions(self.project, self.connection, self.links, self.edition)
        environment = make_environment(root, html=False, functions=functions, filters=filters)
        extensions, configs = _extensions(config.settings["markdown_extensions"])
        shared = json.dumps(
            [
                [shapes, self.edition, self.as_of.isoformat(), self.draft, extensions, configs],
                [_digest_of(root), [version(n) for n in _LIBRARIES]],
            ]
        )
        maker = PageMaker(
            self.connection,
            environment,
            self.links,
            self.facts,
            converter(extensions, configs),
            shared,
        )
        templates = read_templates(root, "site/pages", ".md", EDITIONS)
        pages = maker.plan(templates)
        kinds: dict[str, Any] = {t.file: {} for t in templates if t.each}
        tree = self.out / "tree" / "docs"
        for page in pages.written:
            target = tree / page.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(page.markdown, encoding="utf-8")
        site = self.out / "site"
        commit = self.project.commit
        job = SiteJob(
            root=root,
            tree=tree,
            out=site,
            edition=self.edition,
            edition_title=EDITION_TITLES[self.edition],
            draft=self.draft,
            epoch=self.project.epoch,
            as_of=self.as_of.isoformat(),
            commit=commit.short if commit else "",
            frames=tuple(k.spec for k in pages.kinds),
        )
        # The processes start while the written pages are built.
        self.helpers.warm_up(sum(len(k.pages) for k in pages.kinds))
        state = self.known.get("website")
        last = None if self.last.is_symlink() else self.last / "site"
        website = build_written(job, (last, state.encode()) if last and state else None, mkdocs)
        self.made["website"] = website.state.decode()
        spare = Spare(spare_of(self.last), self.memory.part("folders", "spare"))
        place = Place(self.project, self.edition, self.database, self.database.parent)
        stamping = Stamping(maker, self.memory, site, last, spare, kinds, self.helpers, place, linked=False)
        stamping.stamp(pages, website.frames)
        self.memory.save_part("folders", "spare", self.memory.part("folders", "site"))
        self.memory.save_part("folders", "site", stamping.folders)
        write_record_index(site, [_entry(e) for e in pages.search])
        write_sitemap(job, [*website.urls, *(p.url for k in pages.kinds for p in k.pages)])
        write_feeds(root, site, self.connection, environment, self.facts)
        return (
            f"{EDITION_TITLES[self.edition]}：{len(pages.written)} 个栏目页（新做 {len(website.rebuilt)}）、"
            f"{stamping.count} 个记录页（新做 {stamping.fresh}）"
        )

    def dossiers(self, problems: list[Problem], progress: TextIO | None) -> list[str]:
        """Print the PDFs."""
        from lingtouyan.pdf.printing_house import print_dossiers

        lines, self.made["dossiers"] = print_dossiers(
            self.project,
            self.connection,
            self.edition,
            self.facts,
            self.out / "dossiers",
            self.last / "dossiers",
            self.known.get("dossiers", {}),
            problems,
            progress,
        )
        return lines

    def remember(self) -> None:
        """Keep what was made, for the next build."""
        self.connection.close()
        self.memory.save(self.made)


def _entry(values: dict[str, str]) -> RecordEntry:
    codes = tuple(c for c in values["key"].split("、") if c)
    return RecordEntry(
        values["kind"], values["url"], values["title"], values["subtitle"], values["pinyin"], codes=codes
    )


def _digest_of(root: Path) -> str:
    """Return a digest of what templates may take in: all of the site's folder but the templates and the theme."""
    digest = hashlib.blake2b(digest_size=16)
    for path, data in folder_files(
        root, "site", lambda p: p.parts[0] not in _TEMPLATES or p.suffix == ".html"
    ):
        digest.update(os.fsencode(path) + b"\0" + data)
    return digest.hexdigest()


def _extensions(settings: list[Any]) -> tuple[list[str], dict[str, Any]]:
    names: list[str] = []
    configs: dict[str, Any] = {}
    for item in settings:
        for name, options in item.items() if isinstance(item, dict) else [(item, None)]:
            names.append(str(name))
            if options:
                configs[str(name)] = options
    return names, configs


__all__ = ["BuildReport", "RecordsError", "build"]
