"""Record pages into their frames: what would come out the same is taken over from the last build, the rest is rendered."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from generator.building.memory import Memory
from generator.building.staging import Spare, folder_stamp
from generator.earlier import stamp_of, take_over
from generator.website.frames import Frame
from generator.website.pages import PageMaker, Pages
from generator.website.record_pages import RecordKind, RecordPage


class Stamping:
    """The record pages of one build of one edition.

    Args:
        site: where they go; `last` is the site of the last build, if it can be taken over.
        spare: the site of the build before that.
        earlier: template -> what that build remembered of its pages (`files`).
        linked: whether every record's page is where it was then.

    Attributes:
        count: how many pages the site has; `fresh`: how many were rendered.
        folders: address -> stamp of the folder, of those that hold one page and nothing else.
    """

    def __init__(
        self,
        maker: PageMaker,
        memory: Memory,
        site: Path,
        last: Path | None,
        spare: Spare,
        earlier: Mapping[str, Any],
        *,
        linked: bool,
    ) -> None:
        self._maker = maker
        self._memory = memory
        self._site = str(site)
        self._last = str(last) if last else None
        self._spare = spare
        self._earlier = earlier
        self._linked = linked
        self.count = self.fresh = 0
        self.folders: dict[str, list[int]] = {}
        self._made: set[str] = set()

    def stamp(self, pages: Pages, frames: Mapping[str, Frame]) -> None:
        """Fill the frames.

        Raises:
            RecordsError: a template is at fault.
        """
        for kind in pages.kinds:
            self._stamp(kind, frames[kind.spec.name])
        # A folder with folders in it is more than its own page.
        for url in {parent for page in self.folders for parent in _above(page)}:
            self.folders.pop(url, None)

    def _stamp(self, kind: RecordKind, frame: Frame) -> None:
        name = kind.template.file
        before: dict[str, Any] = self._earlier.get(name, {}).get("files", {})
        shape = hashlib.blake2b(repr(frame.parts).encode(), digest_size=16).hexdigest()
        asked: dict[str, Any] = {} if self._linked else self._memory.part("asked", name)
        files: dict[str, Any] = {}
        fresh: list[RecordPage] = []
        for page in kind.pages:
            entry = before.get(page.url)
            if (
                entry
                and entry[0] == page.digest + shape
                and self._same_links(page.url, asked)
                and self._taken(page.url, entry[1])
            ):
                files[page.url] = entry
            else:
                fresh.append(page)
        self.count += len(kind.pages)
        self.fresh += len(fresh)
        if not fresh and kind.unchanged and files.keys() == before.keys():
            self._memory.keep("pages", name)
            self._memory.keep("asked", name)
            return
        if fresh:
            if self._linked:
                asked = self._memory.part("asked", name)
            filler = self._maker.filler(kind, fresh)
            for page in fresh:
                html, asked[page.url] = filler.render(page)
                target = Path(f"{self._folder(page.url)}/index.html")
                target.write_bytes(
                    frame.fill(title=page.title, content=html, url=page.url, description=page.description)
                )
                files[page.url] = [page.digest + shape, stamp_of(target)]
                self._note(page.url)
            self._memory.save_part("asked", name, {u: a for u, a in asked.items() if u in files})
        else:
            self._memory.keep("asked", name)
        self._memory.save_part("pages", name, {"plan": kind.known, "files": files})

    def _taken(self, url: str, stamp: list[int]) -> bool:
        """Take over an unchanged page, with its folder if that can be."""
        if self._last is None:
            return False
        target = f"{self._site}/{url[:-1]}"
        self._make(target.rpartition("/")[0])
        if not self._spare.take(url, target, stamp):
            self._folder(url)
            if not take_over(f"{self._last}/{url}index.html", f"{target}/index.html", stamp):
                return False
        self._note(url)
        return True

    def _folder(self, url: str) -> str:
        folder = f"{self._site}/{url[:-1]}"
        self._make(folder)
        return folder

    def _make(self, folder: str) -> None:
        if folder not in self._made:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self._made.add(folder)

    def _note(self, url: str) -> None:
        """Remember the folder of a page that was put there."""
        self.folders[url] = folder_stamp(f"{self._site}/{url[:-1]}")

    def _same_links(self, url: str, asked: Mapping[str, Any]) -> bool:
        if self._linked:
            return True
        return url in asked and self._maker.unchanged(asked[url])


def _above(url: str) -> list[str]:
    """Return the addresses above a page's own: `a/`, `a/b/` of `a/b/c/`."""
    parts = url.split("/")
    return ["/".join(parts[:n]) + "/" for n in range(1, len(parts) - 1)]
