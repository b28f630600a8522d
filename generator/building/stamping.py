"""Record pages into their frames: what would come out the same is taken over from the last build, the rest is rendered."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generator.building.memory import Memory
from generator.building.shares import Hands, Made, Place, Share, put
from generator.building.staging import Spare, folder_stamp
from generator.earlier import take_over
from generator.website.frames import Frame
from generator.website.pages import PageMaker, Pages
from generator.website.record_pages import RecordKind, RecordPage


@dataclass
class _Work:
    """One kind's pages: `files` were taken over, `fresh` are to be made."""

    kind: RecordKind
    frame: Frame
    shape: str
    fresh: list[RecordPage]
    files: dict[str, Any]
    asked: dict[str, Any]
    unchanged: bool


class Stamping:
    """The record pages of one build of one edition.

    Args:
        site: where they go; `last` is the site of the last build, if it can be taken over.
        spare: the site of the build before that.
        earlier: template -> what that build remembered of its pages (`files`).
        hands: processes for large numbers of pages; `place` is what they are told of this edition.
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
        hands: Hands,
        place: Place,
        *,
        linked: bool,
    ) -> None:
        self._maker = maker
        self._memory = memory
        self._site = str(site)
        self._last = str(last) if last else None
        self._spare = spare
        self._earlier = earlier
        self._hands = hands
        self._place = place
        self._linked = linked
        self.count = self.fresh = 0
        self.folders: dict[str, list[int]] = {}
        self._made: set[str] = set()

    def stamp(self, pages: Pages, frames: Mapping[str, Frame]) -> None:
        """Fill the frames.

        Raises:
            RecordsError: a template is at fault.
        """
        work = [self._taken_over(kind, frames[kind.spec.name]) for kind in pages.kinds]
        shares = [
            Share(self._maker.body_of(one.kind), one.frame, self._site, one.fresh, len(one.kind.pages))
            for one in work
            if one.fresh
        ]
        setting = None
        if self._hands.wanted(sum(len(s.pages) for s in shares)):
            setting = self._place.hand_over(self._maker.bench)
            shares = [part for share in shares for part in self._hands.split(share)]
        made: dict[str, list[Made]] = {}
        results = self._hands.put(shares, setting) if setting else [put(s, self._maker.bench) for s in shares]
        for share, result in zip(shares, results, strict=True):
            made.setdefault(share.body.template.file, []).extend(result)
        for one in work:
            self._remember(one, made.get(one.kind.template.file, []))
        # A folder with folders in it is more than its own page.
        for url in {parent for page in self.folders for parent in _above(page)}:
            self.folders.pop(url, None)

    def _taken_over(self, kind: RecordKind, frame: Frame) -> _Work:
        """Take over what would come out the same, and say what is left to be made."""
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
        unchanged = not fresh and kind.unchanged and files.keys() == before.keys()
        return _Work(kind, frame, shape, fresh, files, asked, unchanged)

    def _remember(self, one: _Work, made: Sequence[Made]) -> None:
        """Keep for the next build what is known of one kind's pages."""
        name, files, asked = one.kind.template.file, one.files, one.asked
        if one.unchanged:
            self._memory.keep("pages", name)
            self._memory.keep("asked", name)
            return
        if made:
            if self._linked:
                asked = self._memory.part("asked", name)
            for page, put_there in zip(one.fresh, made, strict=True):
                files[page.url] = [page.digest + one.shape, put_there.file]
                asked[page.url] = put_there.asked
                self.folders[page.url] = put_there.folder
            self._memory.save_part("asked", name, {u: a for u, a in asked.items() if u in files})
        else:
            self._memory.keep("asked", name)
        self._memory.save_part("pages", name, {"plan": one.kind.known, "files": files})

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
