"""What a PDF says besides its pages: bookmarks, links, what is read aloud, attached files, properties, settings.

Read only where a print is not, byte for byte, what is printed again: each part becomes a digest, equal where it says the
same, whatever numbers its objects have.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from lingtouyan.verify.evidence import MAX_DATA, in_processes, within_bounds

# Titles, as they stand in a verdict.
OUTLINE, LINKS, SPOKEN, FILES, ABOUT, SETTINGS = "书签", "链接", "朗读文字", "附件", "文件属性", "显示设置"
PARTS = (OUTLINE, LINKS, SPOKEN, FILES, ABOUT, SETTINGS)
_MOST = 2_000_000
_DEEPEST = 40
_SPOKEN = ("/S", "/Alt", "/ActualText", "/E", "/Lang", "/T", "/ID")
_SETTINGS = (
    "/PageMode",
    "/PageLayout",
    "/ViewerPreferences",
    "/Lang",
    "/MarkInfo",
    "/OutputIntents",
    "/Dests",
)
_PAGE_LEFT_OUT = frozenset(
    ("/Type", "/Parent", "/Annots", "/StructParents", "/Contents", "/Resources", "/Tabs", "/LastModified")
)
_DUBLIN_CORE = "{http://purl.org/dc/elements/1.1/}"
_ABOUT = ("/Title", "/Author", "/Subject", "/Keywords", "/CreationDate")


def frames(paths: Iterable[Path]) -> list[dict[str, str] | str]:
    """Return for each file part -> digest, or why it could not be read, in the user's language."""
    crashed = "读取它的进程意外退出"
    return [found or crashed for found in in_processes(read_frame, [(p,) for p in paths])]


def read_frame(path: Path) -> dict[str, str] | str:
    """Read one file. Never raises for what it contains."""

    def read() -> dict[str, str] | str:
        return _read(path)

    return within_bounds(path, read, str)


def _read(path: Path) -> dict[str, str]:
    import pypdf

    reader = pypdf.PdfReader(path, strict=True)
    frame = _Frame(reader)
    made = {
        OUTLINE: frame.outline(),
        LINKS: frame.links(),
        SPOKEN: frame.spoken(),
        FILES: frame.files(),
        ABOUT: frame.about(),
        SETTINGS: frame.settings(),
    }
    return {name: _digest(words) for name, words in made.items()}


def _digest(words: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for word in words:
        digest.update(f"{len(word)}:{word}".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


class _Frame:
    """One file's parts, each as a run of words."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self._root = reader.trailer["/Root"]
        self._pages = {
            (p.indirect_reference.idnum, p.indirect_reference.generation): n
            for n, p in enumerate(reader.pages)
        }
        self._left = _MOST

    def outline(self) -> Iterator[str]:
        """Walk the bookmarks in the order in which they show."""
        waiting = [(0, self._of(self._root, "/Outlines"))]
        while waiting:
            level, item = waiting.pop()
            if item is None:
                continue
            self._spend()
            if level:
                yield f"{level} {self._words(item, ('/Title', '/Dest', '/A', '/SE', '/C', '/F'))}"
                waiting.append((level, self._of(item, "/Next")))
            waiting.append((level + 1, self._of(item, "/First")))

    def links(self) -> Iterator[str]:
        """Walk what lies over the pages, signatures aside."""
        for number, page in enumerate(self._reader.pages):
            for note in self._of(page, "/Annots") or ():
                note = note.get_object()
                if note.get("/FT") != "/Sig":
                    keys = sorted(note.keys() - {"/P", "/Parent", "/StructParent", "/Type", "/Popup"})
                    yield f"{number} {self._words(note, keys)}"

    def spoken(self) -> Iterator[str]:
        """Walk what is read aloud: the tree of the document's parts, in its order."""
        tree = self._of(self._root, "/StructTreeRoot")
        if tree is None:
            return
        yield self._words(tree, ("/RoleMap", "/ClassMap"))
        waiting: list[tuple[int, Any]] = [(0, tree.get("/K"))]
        while waiting:
            level, item = waiting.pop()
            item = item.get_object() if hasattr(item, "get_object") else item
            self._spend()
            if isinstance(item, list):
                waiting.extend((level, part) for part in reversed(list(list.__iter__(item))))
            elif isinstance(item, dict) and "/S" in item:
                yield f"{level} {self._words(item, _SPOKEN)}"
                waiting.append((level + 1, item.get("/K")))
            elif isinstance(item, dict):
                yield f"{level} {self._page(item)} {item.get('/MCID')} {item.get('/Type')}"
            elif item is not None:
                yield f"{level} {item!r}"

    def files(self) -> Iterator[str]:
        """Walk the attached files: in the list that readers show, and where parts of the document name them."""
        names = self._of(self._of(self._root, "/Names") or {}, "/EmbeddedFiles")
        waiting = [names] if names is not None else []
        while waiting:
            node = waiting.pop()
            self._spend()
            listed = self._of(node, "/Names") or ()
            for name, file in zip(listed[::2], listed[1::2], strict=False):
                yield f"{name!r} {self._file(file)}"
            waiting.extend(k.get_object() for k in reversed(self._of(node, "/Kids") or []))
        for file in self._of(self._root, "/AF") or ():
            yield f"AF {self._file(file)}"

    def about(self) -> Iterator[str]:
        """Say what the file says of its title, its makers and its day; not by which program it was saved last."""
        yield self._words(self._reader.metadata or {}, _ABOUT)
        stream = self._of(self._root, "/Metadata")
        data = stream.get_data() if stream is not None else b""
        if not data or len(data) > MAX_DATA:
            yield f"{len(data) and 'large'}"
            return
        for element in ElementTree.fromstring(data).iter():  # noqa: S314 - in a process with bounds
            if element.tag.startswith(_DUBLIN_CORE):
                yield f"{element.tag} {[' '.join(e.itertext()).split() for e in element]} {element.text or ''!r}"
            for name, value in element.attrib.items():
                if name.startswith(_DUBLIN_CORE):
                    yield f"{name} {value!r}"

    def settings(self) -> Iterator[str]:
        """Say how readers are told to show it: of the whole, and of each page what it has besides its drawing."""
        yield self._words(self._root, _SETTINGS)
        names = self._of(self._root, "/Names") or {}
        yield self._words(names, ("/Dests",))
        for page in self._reader.pages:
            yield self._words(page, sorted(page.keys() - _PAGE_LEFT_OUT))

    def _file(self, file: Any) -> str:
        return self._words(file.get_object(), ("/F", "/UF", "/Desc", "/AFRelationship", "/EF", "/RF"))

    def _words(self, value: Any, keys: Sequence[str]) -> str:
        def raw(key: str) -> Any:
            return value.raw_get(key) if hasattr(value, "raw_get") else value[key]

        return repr([(key, self._plain(raw(key), 0)) for key in keys if key in value])

    def _plain(self, value: Any, depth: int) -> Any:
        """Return a value without the numbers of its objects; a page is its place."""
        from pypdf.generic import DictionaryObject, IndirectObject, StreamObject

        self._spend()
        if isinstance(value, IndirectObject):
            place = (value.idnum, value.generation)
            if place in self._pages:
                return f"page {self._pages[place]}"
            value = value.get_object()
        if depth > _DEEPEST:
            raise RecursionError
        if isinstance(value, StreamObject):
            return "stream", hashlib.sha256(value.get_data()).hexdigest()
        if isinstance(value, DictionaryObject):
            return [(k, self._plain(value.raw_get(k), depth + 1)) for k in sorted(value)]
        if isinstance(value, list):
            return [self._plain(v, depth + 1) for v in list.__iter__(value)]
        return str(value) if isinstance(value, str) else repr(value)

    def _page(self, item: Any) -> int | None:
        page: Any = item.raw_get("/Pg") if "/Pg" in item else None
        return self._pages.get((page.idnum, page.generation)) if hasattr(page, "idnum") else None

    def _of(self, value: Any, key: str) -> Any:
        found = value.get(key)
        return found.get_object() if found is not None else None

    def _spend(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise MemoryError
