"""Record pages into their frames: what would come out the same is taken over from the last build, the rest is rendered."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from generator.earlier import stamp_of, take_over
from generator.rendering.frames import Frame
from generator.rendering.memory import Memory
from generator.rendering.pages import PageMaker, Pages
from generator.rendering.record_pages import RecordKind, RecordPage


class Stamping:
    """The record pages of one build of one edition.

    Args:
        site: where they go; `last` is the site of the last build, if it can be taken over.
        earlier: template -> what that build remembered of its pages (`files`).
        linked: whether every record's page is where it was then.

    Attributes:
        count: how many pages the site has; `fresh`: how many were rendered.
    """

    def __init__(
        self,
        maker: PageMaker,
        memory: Memory,
        site: Path,
        last: Path | None,
        earlier: Mapping[str, Any],
        *,
        linked: bool,
    ) -> None:
        self._maker = maker
        self._memory = memory
        self._site = str(site)
        self._last = str(last) if last else None
        self._earlier = earlier
        self._linked = linked
        self.count = self.fresh = 0

    def stamp(self, pages: Pages, frames: Mapping[str, Frame]) -> None:
        """Fill the frames.

        Raises:
            RecordsError: a template is at fault.
        """
        for kind in pages.kinds:
            self._stamp(kind, frames[kind.spec.name])

    def _stamp(self, kind: RecordKind, frame: Frame) -> None:
        name = kind.template.file
        before: dict[str, Any] = self._earlier.get(name, {}).get("files", {})
        shape = hashlib.blake2b(repr(frame.parts).encode(), digest_size=16).hexdigest()
        asked: dict[str, Any] = {} if self._linked else self._memory.part("asked", name)
        files: dict[str, Any] = {}
        fresh: list[RecordPage] = []
        for page in kind.pages:
            entry = before.get(page.url)
            Path(f"{self._site}/{page.url}").mkdir(parents=True, exist_ok=True)
            if self._last and entry and entry[0] == page.digest + shape and self._same_links(page.url, asked):
                place = f"{page.url}index.html"
                if take_over(f"{self._last}/{place}", f"{self._site}/{place}", entry[1]):
                    files[page.url] = entry
                    continue
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
                target = Path(f"{self._site}/{page.url}index.html")
                target.write_bytes(
                    frame.fill(title=page.title, content=html, url=page.url, description=page.description)
                )
                files[page.url] = [page.digest + shape, stamp_of(target)]
            self._memory.save_part("asked", name, {u: a for u, a in asked.items() if u in files})
        else:
            self._memory.keep("asked", name)
        self._memory.save_part("pages", name, {"plan": kind.known, "files": files})

    def _same_links(self, url: str, asked: Mapping[str, Any]) -> bool:
        if self._linked:
            return True
        return url in asked and self._maker.unchanged(asked[url])
