"""One edition's site on the disk: MkDocs builds the written pages of a Markdown tree, and the frames of the others."""

from __future__ import annotations

import gzip
import json
import shutil
import time
from contextlib import nullcontext
from dataclasses import dataclass
from html import escape as escape_xml
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from lingtouyan.website.frames import Frame, FrameSpec
from lingtouyan.website.mkdocs import MkDocs
from lingtouyan.website.search import check_searchable
from lingtouyan.website.site_config import CONFIG, Settings, SiteConfig, SiteError, read_config, refuse_links

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FACTS = "assets/build.js"


@dataclass(frozen=True)
class SiteJob:
    """One edition's site to build.

    Attributes:
        root: the project, which holds mkdocs.yml and the theme.
        tree: the Markdown tree; frame pages, facts and, beside it, a mkdocs.yml are written there.
        out: the site; missing or empty before.
        edition: name of the edition, for styles and templates.
        edition_title: its title for readers.
        draft: whether every page is marked as a draft.
        epoch: time of the build in seconds since 1970; stands in the sitemap only.
        as_of: reference date, shown at the foot of every page.
        commit: commit that was built, shown there too.
        frames: kinds of record pages.
    """

    root: Path
    tree: Path
    out: Path
    edition: str
    edition_title: str
    draft: bool
    epoch: int
    as_of: str = ""
    commit: str = ""
    frames: tuple[FrameSpec, ...] = ()

    @property
    def config_file(self) -> Path:
        """The derived mkdocs.yml: `mkdocs build -f` and `zensical build -f` read it as well."""
        return self.tree.parent / CONFIG


@dataclass(frozen=True)
class Website:
    """What a build of the written pages gives.

    Attributes:
        frames: by name, ready to be filled. Their pages no longer stand in the site.
        urls: addresses of the written pages, below the site's root.
    """

    frames: Mapping[str, Frame]
    urls: tuple[str, ...]


def build_written(job: SiteJob, mkdocs: MkDocs | None = None) -> Website:
    """Build the written pages of `job.tree` and the frames into `job.out`.

    Args:
        job: what to build.
        mkdocs: a child started earlier; without it, one is started for this build.

    Raises:
        SiteError: settings, theme or pages are at fault, or the search would not find Chinese words.
    """
    config, _ = prepare(job)
    if job.out.is_dir() and any(job.out.iterdir()):
        raise SiteError(f"输出文件夹 {job.out} 不是空的。请先删除它。")
    job.out.mkdir(parents=True, exist_ok=True)
    with nullcontext(mkdocs) if mkdocs is not None else MkDocs() as child:
        child.build(job.config_file.resolve())
    for name in ("sitemap.xml", "sitemap.xml.gz"):
        # MkDocs writes those of its own pages; see `write_sitemap`.
        (job.out / name).unlink(missing_ok=True)
    frames = take_frames(job.out, job.frames)
    if any("search" in plugin for plugin in config.settings["plugins"]):
        check_searchable(job.out)
    return Website(frames, tuple(_url(page, job.out) for page in sorted(job.out.rglob("index.html"))))


def _url(page: Path, out: Path) -> str:
    folder = page.parent.relative_to(out).as_posix()
    return "" if folder == "." else f"{folder}/"


def prepare(job: SiteJob) -> tuple[SiteConfig, Settings]:
    """Complete the tree: frame pages, facts, and the mkdocs.yml beside it.

    Returns the vetted settings, and those derived for this edition.

    Raises:
        SiteError: settings or theme are not acceptable.
    """
    config = read_config(job.root)
    refuse_links(job.tree, "网页的中间文件")
    for spec in job.frames:
        _write(job.tree / spec.source, spec.markdown())
    facts = {"edition": job.edition_title, "as_of": job.as_of, "commit": job.commit, "draft": job.draft}
    _write(job.tree / FACTS, f"var siteFacts = {json.dumps(facts, ensure_ascii=False, sort_keys=True)};\n")
    extra = {"edition": job.edition, "edition_title": job.edition_title, "draft": job.draft}
    settings = config.derive(job.tree, extra)
    _write(
        job.config_file,
        config.place(settings, folder=job.config_file.parent, tree=job.tree, out=job.out),
    )
    return config, settings


def take_frames(out: Path, specs: Iterable[FrameSpec]) -> dict[str, Frame]:
    """Load the frames that a built site holds and remove their pages from it."""
    frames: dict[str, Frame] = {}
    for spec in specs:
        page = out / spec.url
        if page.is_dir():
            frames[spec.name] = Frame.load(out, spec)
            shutil.rmtree(page)
            for folder in page.parents:
                if folder == out or any(folder.iterdir()):
                    break
                folder.rmdir()
    return frames


def write_sitemap(job: SiteJob, urls: Iterable[str]) -> None:
    """Write sitemap.xml and its compressed twin for all pages, dated by the job's epoch.

    A sitemap needs full addresses: without `site_url` in mkdocs.yml it stays empty.
    """
    base = read_config(job.root).url
    date = time.strftime("%Y-%m-%d", time.gmtime(job.epoch))
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    lines.append('<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">')
    if base:
        pages = (escape_xml(base + quote(url)) for url in sorted(set(urls)))
        lines += (f"<url><loc>{page}</loc><lastmod>{date}</lastmod></url>" for page in pages)
    data = "\n".join([*lines, "</urlset>", ""]).encode()
    (job.out / "sitemap.xml").write_bytes(data)
    (job.out / "sitemap.xml.gz").write_bytes(gzip.compress(data, mtime=job.epoch))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
