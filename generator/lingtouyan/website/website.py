"""One edition's site on the disk: MkDocs builds the written pages of a Markdown tree, and the frames of the others."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import yaml

from lingtouyan.project import EDITION_TITLES
from lingtouyan.reading.source import Source
from lingtouyan.website.frames import Frame, FrameSpec
from lingtouyan.website.mkdocs import MkDocs
from lingtouyan.website.site_config import CONFIG, FACTS, THEME, read_config
from lingtouyan.website.vet import vet_site

INDEX = "search/search_index.json"
# A link to a folder of the site. `&#95;` is a letter; any other `#` begins a fragment.
_FOLDER_LINK = re.compile(
    r'(<(?:a|area|link)\b[^>]*? href="(?:\.\.?|(?![\w+.-]*:|/)(?:[^"?#]|(?<=&)#)*?/(?:\.\.?)?))(?=["?#])'
)


@dataclass(frozen=True)
class SiteJob:
    """One edition's site to build.

    Attributes:
        source: the project, which holds mkdocs.yml and the theme.
        tree: the Markdown tree; frame pages and facts are written there, a mkdocs.yml and the theme beside it, so that
            other programs (`mkdocs build -f`, `zensical build -f`) can build the same.
        out: the site, to which the pages are added.
        edition: name of the edition, for styles and templates.
        draft: whether every page is marked as a draft.
        as_of: reference date, shown at the foot of every page.
        commit: commit that was built, shown there too.
        frames: kinds of record pages.
        titles: path in the tree -> title of the written pages, where the navigation gives none; none of them stands for
            the pages that are there.
    """

    source: Source
    tree: Path
    out: Path
    edition: str
    draft: bool
    as_of: str = ""
    commit: str = ""
    frames: tuple[FrameSpec, ...] = ()
    titles: Mapping[str, str] = field(default_factory=dict)

    @property
    def config_file(self) -> Path:
        """The derived mkdocs.yml."""
        return self.tree.parent / CONFIG

    @property
    def beside(self) -> Path:
        """Where MkDocs, which empties its folder first, builds."""
        return self.out.with_name(f".{self.out.name}")


class Website(NamedTuple):
    """What a build of the written pages gives.

    Attributes:
        frames: by name, ready to be filled. Their pages no longer stand in the site.
        urls: addresses of the written pages, below the site's root.
    """

    frames: Mapping[str, Frame]
    urls: list[str]


def begin(job: SiteJob, mkdocs: MkDocs, only: Iterable[str] = ()) -> None:
    """Complete the tree and have it built by MkDocs: these pages `only`, or all."""
    prepare(job, only)
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
                urls.append(f"{inside.parent.as_posix()}/".removeprefix("./"))
            (job.out / inside).parent.mkdir(parents=True, exist_ok=True)
            path.rename(job.out / inside)
    finally:
        shutil.rmtree(job.beside, ignore_errors=True)
    return Website(frames, urls)


def prepare(job: SiteJob, only: Iterable[str] = ()) -> None:
    """Complete the tree: frame pages and facts, and beside it the theme and a mkdocs.yml.

    Args:
        only: the pages to build; none for all.

    Raises:
        SiteError: the settings are not acceptable.
        RecordsError: the theme is not.
    """
    config = read_config(job.source)
    for spec in job.frames:
        write_file(job.tree / spec.source, spec.markdown())
    title = EDITION_TITLES[job.edition]
    facts = {"as_of": job.as_of, "commit": job.commit, "draft": job.draft, "edition": title}
    write_script(job.tree / FACTS, "siteFacts", facts)
    for name in job.titles:
        if not (job.tree / name).exists():
            write_file(job.tree / name, "")
    folder = job.tree.parent
    pages = job.titles or {p.relative_to(job.tree).as_posix(): "" for p in job.tree.rglob("*.md")}
    extra = {"edition": job.edition, "edition_title": title, "draft": job.draft}
    settings = config.derive(pages, extra)
    shutil.copytree(THEME, folder / "theme", dirs_exist_ok=True)
    for path, data in job.source.folder(config.theme, lambda _: True) if config.theme else ():
        write_file(folder / "theme" / path, data)
    settings["theme"] = {**settings["theme"], "custom_dir": "theme"}
    settings["docs_dir"] = job.tree.name
    settings["site_dir"] = Path(os.path.relpath(job.out, folder)).as_posix()
    if names := sorted(only):
        settings["exclude_docs"] = "\n".join(["*.md", *(f"!/{name}" for name in names)])
    write_file(job.config_file, yaml.dump(settings, Dumper=yaml.CDumper, allow_unicode=True, width=120))


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


def for_disk(site: Path) -> None:
    """Make a finished site work where no server answers: links name files, and the theme's index is a script too."""
    for page in site.rglob("*.html"):
        html = page.read_text("utf-8")
        page.write_text(_FOLDER_LINK.sub(lambda m: m[1].removesuffix("/") + "/index.html", html), "utf-8")
    file = site / INDEX
    if file.is_file():
        index = json.loads(file.read_text("utf-8"))
        for entry in index["docs"]:
            entry["location"] = re.sub(r"(?:(?<=/)|^)(?=#|$)", "index.html", entry["location"], count=1)
        write_script(file.with_suffix(".js"), "__index", index)


def write_sitemap(out: Path, base: str, urls: Iterable[str], epoch: int) -> None:
    """Write sitemap.xml and its compressed twin.

    Args:
        out: the site.
        base: where it will stand (`https://…/`); when that is not known, the sitemap stays empty.
        urls: pages, relative to the site's root.
        epoch: time of the build in seconds since 1970, the date of every page.
    """
    date = time.strftime("%Y-%m-%d", time.gmtime(epoch))
    pages = [escape(base + quote(url)) for url in sorted(set(urls))] if base else []
    listed = "".join(f"<url><loc>{page}</loc><lastmod>{date}</lastmod></url>\n" for page in pages)
    data = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{listed}</urlset>\n'
    ).encode()
    write_file(out / "sitemap.xml", data)
    write_file(out / "sitemap.xml.gz", gzip.compress(data, mtime=epoch))


def as_script(name: str, value: object) -> str:
    """Return data as a script that gives it a name."""
    return f"var {name} = {json.dumps(value, ensure_ascii=False, separators=(',', ':'))};\n"


def write_script(path: Path, name: str, value: object) -> None:
    """Write data as a script that gives it a name."""
    write_file(path, as_script(name, value))


def write_file(path: Path, content: str | bytes) -> None:
    """Write a file, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
