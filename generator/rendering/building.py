"""The whole build: register, editions, pages, data, dossiers; made aside and swapped in whole.

What has not changed since the last build of this user is linked from it, not made again.
"""

from __future__ import annotations

import contextlib
import ctypes
import datetime
import errno
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from generator.earlier import stamp_of, take_over
from generator.history.integrity import ANCHOR, anchor_text
from generator.history.opening import opened
from generator.locks import in_turn
from generator.problems import Problem, RecordsError, UsageError, has_errors
from generator.project import EDITION_TITLES, EDITIONS, Project
from generator.register.building import Register, register_with_editions
from generator.register.editions import open_edition
from generator.register.export import export_edition
from generator.rendering.feeds import write_feeds
from generator.rendering.functions import make_functions
from generator.rendering.links import Links
from generator.rendering.mkdocs_process import MkDocs, warm_up
from generator.rendering.pages import PageMaker, Pages, converter
from generator.rendering.search import RecordEntry, write_record_index
from generator.rendering.site_config import read_config
from generator.rendering.templates import make_environment, read_templates
from generator.rendering.website import SiteJob, build_written, write_sitemap

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


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
    with opened(root, revision) as project:
        project.build.mkdir(exist_ok=True)
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
        children = {n: stack.enter_context(warm_up(project.root)) for n in names}
        staged = stack.enter_context(_staging(project, names))
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="lingtouyan-"))
        paths = {n: Path(scratch) / f"{n}.duckdb" for n in names}
        register = register_with_editions(project, date, paths, draft=draft, allow_errors=draft)
        report = BuildReport(problems=register.problems)
        if has_errors(register.problems) and not draft:
            report.refused = True
            report.lines.append(
                "记录有错误，没有生成；上一次生成的结果没有改动。改正后重试，或用 --draft 生成带“草稿”标记的预览。"
            )
            return report
        makers = [_EditionBuild(project, register, n, date, draft, paths[n], staged[n]) for n in names]
        with ThreadPoolExecutor(len(makers)) as pool:
            for lines in pool.map(lambda m: m.site_and_data(children[m.edition]), makers):
                report.lines.extend(lines)
        if dossiers:
            for maker in makers:
                report.lines.extend(maker.dossiers(report.problems, progress))
        for maker in makers:
            _swap(staged[maker.edition], project.build / maker.edition)
            maker.remember()
    return report


@contextlib.contextmanager
def _staging(project: Project, names: list[str]) -> Iterator[dict[str, Path]]:
    """Give each edition an empty folder beside its last build; whatever stays there is removed."""
    project.build.mkdir(exist_ok=True)
    folders = {n: project.build / f".{n}.new" for n in names}
    try:
        for folder in folders.values():
            _remove(folder)
            folder.mkdir()
        yield folders
    finally:
        for folder in folders.values():
            _remove(folder)


def _remove(folder: Path) -> None:
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)


def _swap(new: Path, current: Path) -> None:
    """Put `new` in the place of `current` in one step, so that a reader or a crash never meets half a build."""
    if current.is_symlink() or not current.exists():
        if current.is_symlink():
            current.unlink()
        new.rename(current)
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "renameat2"):
        done = libc.renameat2(_AT_FDCWD, os.fsencode(new), _AT_FDCWD, os.fsencode(current), _RENAME_EXCHANGE)
        if done == 0:
            _remove(new)
            return
        if ctypes.get_errno() not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
            raise UsageError(f"无法替换 {current}：{os.strerror(ctypes.get_errno())}。")
    old = current.with_name(f".{current.name}.old")
    _remove(old)
    current.rename(old)
    new.rename(current)
    _remove(old)


class _EditionBuild:
    """Everything made for one edition."""

    def __init__(
        self,
        project: Project,
        register: Register,
        edition: str,
        as_of: datetime.date,
        draft: bool,
        database: Path,
        out: Path,
    ) -> None:
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
        stored = project.cache.load(f"made-{edition}")
        self.known: dict[str, Any] = json.loads(stored) if stored else {}
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
        config = read_config(self.project.root)
        functions, filters, shapes = make_functions(self.project, self.connection, self.links, self.edition)
        environment = make_environment(self.project.root, html=False, functions=functions, filters=filters)
        extensions, configs = _extensions(config.settings["markdown_extensions"])
        shared = f"{shapes}\0{self.edition}\0{self.as_of}\0{self.draft}\0{_digest_of(self.project.root / 'site', '.html')}"
        maker = PageMaker(
            self.connection, environment, self.links, self.facts, converter(extensions, configs), shared
        )
        pages = maker.plan(read_templates(self.project.root, "site/pages", ".md", EDITIONS))
        tree = self.out / "tree" / "docs"
        for page in pages.written:
            target = tree / page.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(page.markdown, encoding="utf-8")
        site = self.out / "site"
        commit = self.project.commit
        job = SiteJob(
            root=self.project.root,
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
        state = self.known.get("website")
        previous = (self.last / "site", state.encode()) if state and not self.last.is_symlink() else None
        website = build_written(job, previous, mkdocs)
        self.made["website"] = website.state.decode()
        count, fresh = self._stamp(maker, pages, website.frames, site)
        write_record_index(site, [_entry(e) for e in pages.search])
        write_sitemap(job, [*website.urls, *(p.url for k in pages.kinds for p in k.pages)])
        write_feeds(self.project.root, site, self.connection, environment, self.facts)
        return (
            f"{EDITION_TITLES[self.edition]}：{len(pages.written)} 个栏目页（新做 {len(website.rebuilt)}）、"
            f"{count} 个记录页（新做 {fresh}）"
        )

    def _stamp(self, maker: PageMaker, pages: Pages, frames: Any, site: Path) -> tuple[int, int]:
        """Fill the frames; link the pages that would come out the same."""
        known: dict[str, Any] = self.known.get("pages", {})
        made: dict[str, Any] = {}
        fresh = 0
        for kind in pages.kinds:
            frame = frames[kind.spec.name]
            frame_digest = hashlib.blake2b(repr(frame.parts).encode(), digest_size=16).hexdigest()
            for page in kind.pages:
                target = site / page.url / "index.html"
                digest = f"{page.digest}{frame_digest}"
                entry = known.get(page.url)
                target.parent.mkdir(parents=True, exist_ok=True)
                if (
                    entry
                    and entry[0] == digest
                    and maker.unchanged(entry[2])
                    and take_over(self.last / "site" / page.url / "index.html", target, entry[1])
                ):
                    made[page.url] = entry
                    continue
                html, asked = maker.render(kind, page)
                data = frame.fill(title=page.title, content=html, url=page.url, description=page.description)
                target.write_bytes(data)
                made[page.url] = [digest, stamp_of(target), asked]
                fresh += 1
        self.made["pages"] = made
        return len(made), fresh

    def dossiers(self, problems: list[Problem], progress: TextIO | None) -> list[str]:
        """Print the PDFs."""
        from generator.rendering.printing_house import print_dossiers

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
        self.project.cache.save(
            f"made-{self.edition}", json.dumps(self.made, ensure_ascii=False, separators=(",", ":")).encode()
        )


def _entry(values: dict[str, str]) -> RecordEntry:
    codes = tuple(c for c in values["key"].split("、") if c)
    return RecordEntry(
        values["kind"], values["url"], values["title"], values["subtitle"], values["pinyin"], codes=codes
    )


def _digest_of(folder: Path, suffix: str) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(folder.rglob(f"*{suffix}")):
        if path.is_file() and not path.is_symlink():
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
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
