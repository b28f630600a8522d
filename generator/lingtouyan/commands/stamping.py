"""Record pages into their frames: what would come out the same is taken over from the last build, the rest is rendered."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lingtouyan.commands.memory import Memory
from lingtouyan.commands.shares import Hands, Made, Place, Share, put
from lingtouyan.commands.staging import Spare, folder_stamp, whole
from lingtouyan.earlier import take_over
from lingtouyan.website.frames import Frame
from lingtouyan.website.pages import PageMaker, Pages
from lingtouyan.website.record_pages import RecordKind, RecordPage

# A folder with fewer pages is not worth a look of its own.
_MANY = 2


@dataclass
class _Work:
    """One kind's pages: those of `files` come out the same, `fresh` are to be made."""

    kind: RecordKind
    frame: Frame
    shape: str
    files: dict[str, Any]
    asked: dict[str, Any]
    known: int
    fresh: list[RecordPage] = field(default_factory=list)

    @property
    def unchanged(self) -> bool:
        return not self.fresh and self.kind.unchanged and len(self.files) == self.known


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
        folders: address -> stamp of the folder, of those that hold one page and nothing else; also of those that
            hold many pages (`whole`).
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
        work = [self._same(kind, frames[kind.spec.name]) for kind in pages.kinds]
        self._take_folders(work)
        for one in work:
            self._take_rest(one)
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
        for parent, count in Counter(map(_parent, self.folders)).items():
            if parent and count >= _MANY:
                self.folders[whole(parent)] = folder_stamp(f"{self._site}/{parent[:-1]}")

    def _same(self, kind: RecordKind, frame: Frame) -> _Work:
        """Say which pages would come out as they did."""
        name = kind.template.file
        before: dict[str, Any] = self._earlier.get(name, {}).get("files", {})
        shape = hashlib.blake2b(repr(frame.parts).encode(), digest_size=16).hexdigest()
        asked: dict[str, Any] = {} if self._linked else self._memory.part("asked", name)
        files = {
            page.url: entry
            for page in kind.pages
            if (entry := before.get(page.url))
            and entry[0] == page.digest + shape
            and self._same_links(page.url, asked)
        }
        return _Work(kind, frame, shape, files, asked, len(before))

    def _take_folders(self, work: Sequence[_Work]) -> None:
        """Take whole folders over, of those in which pages stay; what does not stay is not in them any more."""
        if self._last is None:
            return
        groups: dict[str, dict[str, list[int]]] = {}
        for one in work:
            for url, entry in one.files.items():
                groups.setdefault(_parent(url), {})[url] = entry[1]
        for parent, pages in sorted(groups.items()):
            if parent and len(pages) >= _MANY:
                folder = f"{self._site}/{parent[:-1]}"
                self._make(folder.rpartition("/")[0])
                taken = self._spare.take_all(parent, folder, pages)
                self.folders.update((url, list(stamp)) for url, stamp in taken.items())

    def _take_rest(self, one: _Work) -> None:
        """Take over what can be, and say what is left to be made."""
        for page in one.kind.pages:
            entry = one.files.get(page.url)
            if entry and not (page.url in self.folders or self._taken(page.url, entry[1])):
                del one.files[page.url]
                entry = None
            if not entry:
                one.fresh.append(page)
        self.count += len(one.kind.pages)
        self.fresh += len(one.fresh)

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


def _parent(url: str) -> str:
    """Return the address of the folder that a page's folder stands in: `a/b/` of `a/b/c/`."""
    return url[: url[:-1].rfind("/") + 1]


def _above(url: str) -> list[str]:
    """Return the addresses above a page's own: `a/`, `a/b/` of `a/b/c/`."""
    parts = url.split("/")
    return ["/".join(parts[:n]) + "/" for n in range(1, len(parts) - 1)]
