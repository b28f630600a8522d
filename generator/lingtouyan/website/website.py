"""One edition's site on the disk: MkDocs builds the written pages of a Markdown tree, and the frames of the others."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import yaml

from lingtouyan.reading.source import Source
from lingtouyan.website.frames import Frame, FrameSpec
from lingtouyan.website.mkdocs import MkDocs
from lingtouyan.website.search import INDEX, check_searchable
from lingtouyan.website.site_config import CONFIG, SiteConfig, read_config
from lingtouyan.website.vet import vet_site

FACTS = "assets/build.js"


@dataclass(frozen=True)
class SiteJob:
    """One edition's site to build.

    Attributes:
        source: the project, which holds mkdocs.yml and the theme.
        tree: the Markdown tree; frame pages and facts are written there, a mkdocs.yml and the theme beside it, so that
            other programs (`mkdocs build -f`, `zensical build -f`) can build the same.
        out: the site, to which the pages are added.
        edition: name of the edition, for styles and templates.
        edition_title: its title for readers.
        draft: whether every page is marked as a draft.
        as_of: reference date, shown at the foot of every page.
        commit: commit that was built, shown there too.
        frames: kinds of record pages.
    """

    source: Source
    tree: Path
    out: Path
    edition: str
    edition_title: str
    draft: bool
    as_of: str = ""
    commit: str = ""
    frames: tuple[FrameSpec, ...] = ()

    @property
    def config_file(self) -> Path:
        """The derived mkdocs.yml."""
        return self.tree.parent / CONFIG

    @property
    def beside(self) -> Path:
        """Where MkDocs, which empties its folder first, builds."""
        return self.out.with_name(f".{self.out.name}")


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
    with nullcontext(mkdocs) if mkdocs is not None else MkDocs() as child:
        begin(job, child)
        website = finish(job, child)
    if (job.out / INDEX).is_file():
        check_searchable(job.out)
    return website


def begin(
    job: SiteJob, mkdocs: MkDocs, titles: Mapping[str, str] | None = None, only: Iterable[str] = ()
) -> None:
    """Complete the tree and have it built; arguments as for `prepare`."""
    prepare(job, titles, only)
    mkdocs.order(job.config_file, job.beside)


def finish(job: SiteJob, mkdocs: MkDocs) -> Website:
    """Wait for what was begun, vet it, and move it into the site."""
    try:
        mkdocs.wait()
        for name in ("sitemap.xml", "sitemap.xml.gz"):
            # MkDocs writes those of its own pages only.
            (job.beside / name).unlink(missing_ok=True)
        vet_site(job.beside)
        frames = take_frames(job.beside, job.frames)
        urls = []
        for path in sorted(p for p in job.beside.rglob("*") if p.is_file()):
            inside = path.relative_to(job.beside)
            if inside.name == "index.html":
                urls.append("" if len(inside.parts) == 1 else f"{inside.parent.as_posix()}/")
            (job.out / inside).parent.mkdir(parents=True, exist_ok=True)
            path.rename(job.out / inside)
    finally:
        shutil.rmtree(job.beside, ignore_errors=True)
    return Website(frames, tuple(urls))


def prepare(job: SiteJob, titles: Mapping[str, str] | None = None, only: Iterable[str] = ()) -> SiteConfig:
    """Complete the tree: frame pages and facts, and beside it the theme and a mkdocs.yml.

    Args:
        titles: path in the tree -> title where the navigation gives none; None for the pages that are there.
        only: the pages to build; none for all.

    Raises:
        SiteError: the settings are not acceptable.
        RecordsError: the theme is not.
    """
    config = read_config(job.source)
    for spec in job.frames:
        _write(job.tree / spec.source, spec.markdown())
    facts = {"edition": job.edition_title, "as_of": job.as_of, "commit": job.commit, "draft": job.draft}
    _write(job.tree / FACTS, f"var siteFacts = {json.dumps(facts, ensure_ascii=False, sort_keys=True)};\n")
    for name in titles or ():
        if not (job.tree / name).exists():
            _write(job.tree / name, "")
    folder = job.tree.parent
    pages = titles or {p.relative_to(job.tree).as_posix(): "" for p in job.tree.rglob("*.md")}
    extra = {"edition": job.edition, "edition_title": job.edition_title, "draft": job.draft}
    settings = config.derive(pages, extra)
    if config.theme:
        for path, data in job.source.folder(config.theme, lambda _: True):
            _write(folder / "theme" / path, data)
        settings["theme"] = {**settings["theme"], "custom_dir": "theme"}
    settings["docs_dir"] = job.tree.name
    settings["site_dir"] = Path(os.path.relpath(job.out, folder)).as_posix()
    if names := sorted(only):
        settings["exclude_docs"] = "\n".join(["*.md", *(f"!/{name}" for name in names)])
    text = yaml.dump(settings, Dumper=yaml.CSafeDumper, allow_unicode=True, width=120)
    _write(job.config_file, text)
    return config


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


def _write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
