"""The written pages: a Markdown tree becomes a site, and what has not changed is not made again.

A build of some pages gives the bytes of a full build; whatever every page shows (navigation, titles, theme,
settings) leads to a full one.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import shutil
import time
from contextlib import nullcontext
from dataclasses import dataclass
from html import escape as escape_xml
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from lingtouyan.earlier import read_plain
from lingtouyan.website.frames import Frame, FrameSpec
from lingtouyan.website.mkdocs_process import SANDBOX, MkDocs
from lingtouyan.website.search import PAGES, check_searchable
from lingtouyan.website.site_config import CONFIG, Settings, SiteConfig, SiteError, read_config, refuse_links

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FACTS = "assets/build.js"
_LIBRARIES = ("mkdocs", "mkdocs-material", "markdown", "pymdown-extensions", "jinja2", "jieba")
_HEAD = re.compile(rb"\A---[ \t]*\r?\n.*?^---[ \t]*$", re.DOTALL | re.MULTILINE)


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
        state: hand it to the next build with the folder of this site. Whoever can forge it can forge pages.
        rebuilt: sources rendered this time; empty when all was taken over.
        urls: addresses of the written pages, below the site's root.
    """

    frames: Mapping[str, Frame]
    state: bytes
    rebuilt: tuple[str, ...]
    urls: tuple[str, ...]


def build_written(
    job: SiteJob, previous: tuple[Path, bytes] | None = None, mkdocs: MkDocs | None = None
) -> Website:
    """Build the written pages of `job.tree` and the frames into `job.out`.

    Args:
        job: what to build.
        previous: folder of an earlier build and the state it returned; unchanged files are taken from there.
        mkdocs: a child started earlier (`warm_up`); without it, one is started when needed.

    Raises:
        SiteError: settings, theme or pages are at fault, or the search would not find Chinese words.
    """
    config, settings = prepare(job)
    sources = _digests(job.tree, exclude=FACTS)
    structure = _structure(job, config, settings, sources)
    state = _load(previous, structure)
    job.out.mkdir(parents=True, exist_ok=True)
    if any(job.out.iterdir()):
        raise SiteError(f"输出文件夹 {job.out} 不是空的。请先删除它。")
    changed = {uri for uri, digest in sources.items() if state and state["sources"][uri] != digest}
    taken = _take_over(previous[0], job.out, state, changed) if state and previous else None
    if taken is None:
        state = None
    if state is not None and not changed:
        shutil.copyfile(job.tree / FACTS, job.out / FACTS)
        return _website(job, state, ())
    order: dict[str, Any] = {
        "config": str(job.config_file.resolve()),
        "tree": str(job.tree.resolve()),
        "theme": str(config.theme or ""),
        "out": str(job.out.resolve()),
    }
    with nullcontext(mkdocs) if mkdocs is not None else MkDocs(config.theme) as child:
        if state is not None:
            shutil.copyfile(job.tree / FACTS, job.out / FACTS)
            known = {key: state[key] for key in ("entries", "titles", "words")}
            answer = child.run(order | known | {"changed": sorted(changed)})
            if answer.get("structure"):
                state = None
                shutil.rmtree(job.out)
                job.out.mkdir()
        if state is None:
            answer = child.run(order)
    frames = {name: list(frame.parts) for name, frame in take_frames(job.out, job.frames).items()}
    if any("search" in plugin for plugin in config.settings["plugins"]):
        check_searchable(job.out)
    result = {
        "structure": structure,
        "sources": sources,
        "frames": frames if state is None else state["frames"],
        "files": _digests(job.out, known=taken if state is not None else None, exclude=FACTS),
        **{key: answer[key] for key in ("outputs", "titles", "entries", "words")},
    }
    return _website(job, result, tuple(sorted(changed)) if state is not None else tuple(answer["outputs"]))


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
    for name, content in (("sitemap.xml", data), ("sitemap.xml.gz", gzip.compress(data, mtime=job.epoch))):
        path = job.out / name
        path.unlink(missing_ok=True)
        path.write_bytes(content)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def _digests(folder: Path, *, known: Mapping[str, str] | None = None, exclude: str = "") -> dict[str, str]:
    """Digest of every file below a folder, by its path there."""
    digests: dict[str, str] = {}
    for where, _, names in os.walk(folder):
        for name in names:
            path = Path(where, name)
            relative = path.relative_to(folder).as_posix()
            if relative != exclude:
                digests[relative] = (known or {}).get(relative) or _digest(path.read_bytes())
    return dict(sorted(digests.items()))


def _digest_of(source: Path) -> str:
    """Return the digest of a file of the earlier site; an empty text where there is none, or no plain one."""
    try:
        return _digest(read_plain(source))
    except OSError:
        return ""


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _structure(job: SiteJob, config: SiteConfig, settings: Settings, sources: dict[str, str]) -> str:
    """Digest of all that any page may show: when it differs, every page is built again."""
    parts: list[object] = [settings, _digest(SANDBOX.read_bytes())]
    for library in _LIBRARIES:
        try:
            parts.append((library, version(library)))
        except PackageNotFoundError:
            raise SiteError(f"缺少程序库 {library}，网站不能生成。请运行 make 重新安装。") from None
    if config.theme is not None:
        parts.append(_digests(config.theme))
    for uri, digest in sources.items():
        if uri.endswith(".md"):
            # The head names title, icon and status, which the navigation of other pages shows.
            head = _HEAD.match((job.tree / uri).read_bytes())
            parts.append((uri, head[0].decode("utf-8", "replace") if head else ""))
        else:
            parts.append((uri, digest))
    parts.extend((spec.name, spec.folder, spec.parent) for spec in job.frames)
    return _digest(json.dumps(parts, sort_keys=True).encode())


def _load(previous: tuple[Path, bytes] | None, structure: str) -> dict[str, Any] | None:
    if previous is None:
        return None
    state: dict[str, Any] = json.loads(previous[1])
    return state if state["structure"] == structure else None


def _take_over(old: Path, new: Path, state: dict[str, Any], changed: set[str]) -> dict[str, str] | None:
    """Link what stays from the earlier site; None when it is not the site that the state describes.

    Returns the digests of the files that were linked.
    """
    renewed = {state["outputs"][uri] for uri in changed}
    if changed:
        renewed.add(PAGES)
    taken: dict[str, str] = {}
    for name, digest in state["files"].items():
        source, target = old / name, new / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if name in renewed:
            continue
        if _digest_of(source) != digest:
            shutil.rmtree(new)
            new.mkdir()
            return None
        try:
            target.hardlink_to(source)
        except OSError:
            shutil.copyfile(source, target)
        taken[name] = digest
    return taken


def _website(job: SiteJob, state: dict[str, Any], rebuilt: tuple[str, ...]) -> Website:
    frames = {name: Frame(tuple(parts)) for name, parts in state["frames"].items()}
    framed = {spec.url for spec in job.frames}
    pages = (output.removesuffix("index.html") for output in state["outputs"].values())
    urls = tuple(url for url in pages if url not in framed)
    data = json.dumps(state, ensure_ascii=False, separators=(",", ":")).encode()
    return Website(frames, data, rebuilt, urls)
