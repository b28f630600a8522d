"""The preview: shows one edition to this machine only; open pages follow the files as they are edited.

A page is rendered when it is asked for, from what it shows; the whole register, with all its rules and links, is
worked out when there is time. What is wrong is shown over the page as it was before.
"""

from __future__ import annotations

import contextlib
import datetime
import itertools
import json
import mimetypes
import re
import shutil
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import quote, unquote, urlsplit

import duckdb
from watchdog.events import FileSystemEvent, RegexMatchingEventHandler
from watchdog.observers import Observer

from lingtouyan.checks.register import Register, register_with_editions
from lingtouyan.commands.build import facts_of
from lingtouyan.database.database import literal
from lingtouyan.database.database import quote as quote_identifier
from lingtouyan.database.editions import open_edition
from lingtouyan.database.statements import passages, reached, read_statements, words_of
from lingtouyan.database.views import HISTORY
from lingtouyan.problems import Problem, RecordsError, Severity, UsageError, as_text
from lingtouyan.project import Project
from lingtouyan.reading.package import DESCRIPTOR
from lingtouyan.templates.links import Links
from lingtouyan.templates.templates import PATH_SLOT, Template
from lingtouyan.website.feeds import write_feeds
from lingtouyan.website.frames import Frame
from lingtouyan.website.mkdocs import MkDocs
from lingtouyan.website.pages import (
    PageMaker,
    RecordPage,
    entries,
    frame_of,
    read_pages,
    site_job,
    written_url,
)
from lingtouyan.website.search import write_record_index
from lingtouyan.website.site_config import CONFIG, read_config
from lingtouyan.website.website import SiteJob, begin, finish, write_file

HOST = "127.0.0.1"
EVENTS, SCRIPT = "/__preview", "/__preview.js"
# Long enough for an editor to finish writing several files, short enough not to be noticed.
SETTLE = 0.1
# What takes all records, and their rules or their past.
_SLOW = HISTORY | {"findings", "finding_subjects"}
# Open pages are asked for again first.
_QUIET = 1.5
_WATCHED = ("records", "schemas", "site", "mkdocs.yml", "datapackage.yaml")
_CHANGES = ("created", "modified", "moved", "deleted")
# Locks and swap files of office programs and editors.
_PASSING = r"(.*/)?((\.~|~\$|\.#)[^/]*|[^/]*(~|\.sw[px]|\.tmp)|4913)$"

_SNIPPET = Path(__file__).with_name("preview.js")
_TAG = f'<script src="{SCRIPT}"></script>'
_WAITING = """<!doctype html><html lang="zh"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,"><title>正在生成</title><body><p>本页正在生成，完成后会自动刷新。</p></body></html>"""


class _Handler(BaseHTTPRequestHandler):
    """Answers the browsers of this machine."""

    def __init__(self, *args: Any, preview: Preview, **options: Any) -> None:
        self._preview = preview
        super().__init__(*args, **options)

    def log_message(self, *_: object) -> None:
        """Log no requests."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        # A page elsewhere on the net can make a browser ask us under another name.
        if self.headers.get("Host", "").rsplit(":", 1)[0] not in (HOST, "localhost"):
            self.send_error(HTTPStatus.FORBIDDEN)
        elif self.path == EVENTS:
            self._head(HTTPStatus.OK, "text/event-stream")
            # The page may be closed.
            with contextlib.suppress(OSError):
                for data in self._preview.states():
                    self.wfile.write(f"data: {data}\n\n".encode())
        elif self.path == SCRIPT:
            self._send(HTTPStatus.OK, "text/javascript", _SNIPPET.read_bytes())
        else:
            self._answer(unquote(urlsplit(self.path).path).lstrip("/"))

    def _answer(self, name: str) -> None:
        url = name if not name or name.endswith("/") else f"{name}/"
        if file := self._preview.site.file(name):
            kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
            self._send(HTTPStatus.OK, kind, file.read_bytes())
        elif not (html := self._preview.page(url)):
            missing = self._preview.site.file("404.html")
            # Before the tree was looked at, nobody knows what is not there.
            status = HTTPStatus.NOT_FOUND if self._preview.site.ready else HTTPStatus.OK
            self._page(status, missing.read_text("utf-8") if missing else _WAITING)
        elif url == name:
            self._page(HTTPStatus.OK, html)
        else:
            self._head(HTTPStatus.MOVED_PERMANENTLY, Location=quote(f"/{url}"))

    def _page(self, status: HTTPStatus, html: str) -> None:
        head, body, tail = html.rpartition("</body>")
        self._send(status, "text/html", f"{head}{_TAG}{body}{tail}".encode())

    def _send(self, status: HTTPStatus, kind: str, data: bytes) -> None:
        charset = "; charset=utf-8" if kind.startswith("text/") else ""
        self._head(status, kind + charset, Content_Length=len(data))
        if self.command != "HEAD":
            with contextlib.suppress(OSError):
                # The browser may have closed the connection.
                self.wfile.write(data)

    def _head(self, status: HTTPStatus, kind: str = "", **more: object) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Cache-Control": "no-store", **more}.items():
            if value != "":
                self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()


class _Watcher(RegexMatchingEventHandler):
    """Notes that a file of interest has changed: none of those that programs leave beside what they edit."""

    def __init__(self, root: Path, changed: threading.Event) -> None:
        watched = f"{re.escape(str(root))}/({'|'.join(map(re.escape, _WATCHED))})(/|$)"
        options: Any = {"ignore_directories": True, "case_sensitive": True, "ignore_policy": "all"}
        super().__init__(regexes=[watched], ignore_regexes=[_PASSING], **options)
        self._changed = changed

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type in _CHANGES:
            self._changed.set()


class _Tree(NamedTuple):
    """The tree as it was looked at last.

    Attributes:
        templates: those of the edition.
        digests: of the files that make the register; the empty name stands for date and commit.
    """

    project: Project
    as_of: datetime.date
    templates: list[Template]
    digests: dict[str, str]


class LiveSite:
    """The pages of one edition of a work tree. Safe to use from threads.

    Args:
        root: the tree.
        edition: a name of `EDITIONS`.
        as_of: reference date; None takes the project's.
    """

    def __init__(self, root: Path, edition: str, as_of: str | None) -> None:
        self._root, self._edition, self._as_of = root, edition, as_of
        self._lock = threading.Lock()
        # One at a time works out everything.
        self._completing = threading.Lock()
        self._folder = tempfile.TemporaryDirectory(prefix="lingtouyan-")
        self._numbers = itertools.count()
        self._mkdocs = MkDocs()
        self._tree: _Tree | None = None
        self._job: SiteJob
        self._key: object = None
        self._frames: Mapping[str, Frame] = {}
        # Template -> what makes its pages, and its record pages by address.
        self._made: dict[str, tuple[PageMaker, dict[str, RecordPage]]] = {}
        # The whole register as it was worked out last, of files with these digests, and what is made of it.
        self._database, self._digests = self._new(), dict[str, str]()
        self._whole: duckdb.DuckDBPyConnection | None = None
        self._errors: list[Problem] = []
        self._links, self._files = Links(), self._new()

    def _new(self) -> Path:
        return Path(self._folder.name) / str(next(self._numbers))

    def close(self) -> None:
        """Let go of everything."""
        with self._completing, self._lock:
            self._mkdocs.close()
            self._made, self._whole, self._tree = {}, None, None
            self._folder.cleanup()

    def renew(self) -> None:
        """Look at the tree anew; pages asked for from now on show it as it is.

        Raises:
            RecordsError, UsageError: data package, templates, settings or theme are at fault.
        """
        project = Project.open(self._root)
        as_of, source, commit = project.as_of(self._as_of), project.source, project.commit
        templates = [t for t in read_pages(source) if t.edition in ("", self._edition)]
        digests = source.digests([DESCRIPTOR, *source.files(["records", "schemas"]).files])
        digests[""] = f"{as_of} {commit.id if commit else None}"
        folder = Path(self._folder.name)
        job = site_job(project, self._edition, as_of, False, templates, folder / "docs", folder / "site")
        theme = read_config(source).theme
        files = [CONFIG, *(source.files([theme]).files if theme else ())]
        key = (source.digests(files), job.titles, job.frames, job.as_of, job.commit)
        with self._lock:
            if key != self._key:
                begin(job, self._mkdocs, only={f.source for f in job.frames} or {"-"})
                self._frames = finish(job, self._mkdocs).frames
            self._tree = _Tree(project, as_of, templates, digests)
            self._job, self._key, self._made = job, key, {}

    def complete(self) -> list[Problem] | None:
        """Work out all that no page has asked for yet, while pages go on being shown.

        Returns:
            The errors of the records; None when the tree was looked at anew meanwhile.

        Raises:
            RecordsError: templates or SQL of the tree are at fault.
        """
        with self._completing:
            if (tree := self._tree) is None:
                return None
            if self._whole is None or tree.digests != self._digests:
                # Else templates alone have changed.
                database = self._new()
                register = self._register(tree, database, None)
                with self._lock:
                    self._database.unlink(missing_ok=True)
                    self._database, self._digests = database, tree.digests
                    self._whole = open_edition(database)
                    self._errors = [p for p in register.problems if p.severity is Severity.ERROR]
            links, files = Links(), self._new()
            maker = self._maker(tree, self._whole.cursor(), links)
            kinds = {t.file: maker.kind(t) for t in tree.templates if t.each}
            write_record_index(files, entries(kinds.values()))
            write_feeds(tree.project.source, files, maker.connection, maker.environment, maker.facts)
            with self._lock:
                if self._tree is not tree:
                    return None
                pages = {file: {page.url: page for page in kind.pages} for file, kind in kinds.items()}
                self._made = {t.file: (maker, pages.get(t.file, {})) for t in tree.templates}
                shutil.rmtree(self._files, ignore_errors=True)
                self._links, self._files = links, files
            return self._errors

    def _register(self, tree: _Tree, database: Path, only: Collection[str] | None) -> Register:
        paths = {self._edition: database}
        made = register_with_editions(tree.project, tree.as_of, paths, allow_errors=True, only=only)
        made.connection.close()
        return made

    def _maker(self, tree: _Tree, connection: duckdb.DuckDBPyConnection, links: Links) -> PageMaker:
        facts = facts_of(connection, self._edition, tree.as_of, draft=False)
        return PageMaker(tree.project, connection, facts, links)

    def _of(self, tree: _Tree, template: Template) -> tuple[PageMaker, dict[str, RecordPage]]:
        """Return what makes a template's pages, from a register of what it shows, and its record pages by address."""
        if template.file not in self._made:
            whole = self._whole if tree.digests == self._digests else None
            connection = whole.cursor() if whole else self._part(tree, template)
            maker = self._maker(tree, connection, self._links)
            pages = maker.kind(template).pages if template.each else []
            self._made[template.file] = maker, {page.url: page for page in pages}
        return self._made[template.file]

    def _part(self, tree: _Tree, template: Template) -> duckdb.DuckDBPyConnection:
        """Return an edition of what a template shows; findings and history, which take all records, are those of before."""
        # Besides what its queries name, a template may show facts and labels.
        words = {"fields", "tables", "views"}.union(*(words_of(q.sql) for q in template.queries.values()))
        database = self._new()
        if self._whole:
            folders = ("schemas/macros", "schemas/views")
            through = passages(s for f in folders for s in read_statements(tree.project.source, f))
            slow = {word for word in words if not reached([word], through).isdisjoint(_SLOW)}
            _copy(self._database, database, slow)
            words -= slow
        self._register(tree, database, words)
        connection = open_edition(database)
        # The connection keeps what it has open.
        database.unlink()
        return connection

    @property
    def ready(self) -> bool:
        """Whether the tree was looked at."""
        return self._tree is not None

    def page(self, url: str) -> str | None:
        """Render a page.

        Args:
            url: below the site's root, with a slash at the end, or empty.

        Raises:
            RecordsError, UsageError: the page's template, or what it shows, is at fault.
        """
        with self._lock:
            if (tree := self._tree) is None:
                return None
            for template in tree.templates:
                if not template.each and written_url(template) == url:
                    return self._written(self._of(tree, template)[0], template)
                slots = PATH_SLOT.sub("\0", template.path.strip("/")).split("\0")
                if template.each and re.fullmatch("[^/]+".join(map(re.escape, slots)) + "/", url):
                    maker, pages = self._of(tree, template)
                    if page := pages.get(url):
                        content = maker.body(template, page)
                        frame = self._frames[frame_of(template).name]
                        return frame.fill(page.title, content, url, page.description).decode()
        return None

    def _written(self, maker: PageMaker, template: Template) -> str:
        page = maker.write(template)
        job = replace(self._job, out=Path(self._folder.name) / "page")
        page.save(job.tree)
        begin(job, self._mkdocs, only=[page.path])
        finish(job, self._mkdocs)
        for path in page.files:
            write_file(self._job.out / path, (job.out / path).read_bytes())
        return (job.out / written_url(template) / "index.html").read_text("utf-8")

    def file(self, name: str) -> Path | None:
        """Return a file of the site that is no page."""
        for folder in (self._files, self._job.out) if self._tree else ():
            path = folder / name
            if path.is_file() and path.resolve().is_relative_to(folder.resolve()):
                return path
        return None


def _copy(before: Path, database: Path, names: set[str]) -> None:
    """Begin an edition with tables of an earlier one."""
    with duckdb.connect(str(database)) as connection:
        connection.execute(f"ATTACH {literal(str(before))} AS earlier (READ_ONLY)")
        found = connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'earlier'"
        ).fetchall()
        for name in names & {name for (name,) in found}:
            connection.execute(
                f"CREATE TABLE {quote_identifier(name)} AS FROM earlier.{quote_identifier(name)}"
            )


class Preview:
    """A running preview: a server and a watcher in the background, the register in the thread that calls `run`.

    Args:
        root: the tree.
        edition, as_of: what is shown of it.
        port: 0 takes a free one.

    Raises:
        UsageError: there is no project, or the port is taken.
    """

    def __init__(self, root: Path, edition: str, as_of: str | None, port: int) -> None:
        root = Project.open(root).root
        self._shown: dict[str, str] = {}
        self._last = ""
        # What open pages are told: how often the tree was looked at, whether that is under way, what went wrong.
        self._state: dict[str, Any] = {"build": 0, "busy": True, "error": ""}
        self._told = threading.Condition()
        self._changed = threading.Event()
        self._closed = False
        try:
            self._server = ThreadingHTTPServer((HOST, port), partial(_Handler, preview=self))
        except OSError:
            raise UsageError(f"端口 {port} 已被占用。请关闭占用它的程序，或用 --port 换一个端口。") from None
        self._server.daemon_threads = True
        self.url = f"http://{HOST}:{self._server.server_address[1]}/"
        self._observer = Observer()
        watcher = _Watcher(root, self._changed)
        try:
            self._observer.schedule(watcher, str(root))
            for folder in filter(Path.is_dir, (root / name for name in _WATCHED)):
                self._observer.schedule(watcher, str(folder), recursive=True)
            self._observer.start()
        except OSError as fault:
            self._server.server_close()
            raise UsageError(
                f"系统不能再监视更多文件（{fault.strerror}）。请调高 fs.inotify.max_user_watches 后重试。"
            ) from None
        self.site = LiveSite(root, edition, as_of)
        self._serving = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._serving.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving and watching; `run` returns after what is under way."""
        self._closed = True
        self._changed.set()
        self._tell()
        self._observer.stop()
        self._observer.join()
        self._server.shutdown()
        self._server.server_close()
        self._serving.join()
        self.site.close()

    def _tell(self, *, built: bool = False, busy: bool = False, error: str = "") -> None:
        with self._told:
            self._state = {"build": self._state["build"] + built, "busy": busy, "error": error}
            self._told.notify_all()

    def states(self) -> Iterator[str]:
        """Yield what open pages are told, as JSON: now, at every change, and now and then."""
        seen: object = None
        while not self._closed:
            with self._told:
                if self._state is seen:
                    self._told.wait(15)
                seen = self._state
            yield json.dumps(seen, ensure_ascii=False)

    def page(self, url: str) -> str | None:
        """Return a page as the files are now; where that is not possible, as it was, with what is wrong told."""
        try:
            html = self.site.page(url)
        except Exception as fault:
            self._tell(error=_in_words(fault))
            return self._shown.get(url, _WAITING)
        if html is not None:
            self._shown[url], self._last = html, url
        return html

    def run(self, say: Callable[[str], object]) -> None:
        """Follow the files until `close`.

        Args:
            say: is told, in a sentence, what became of each change.
        """
        while not self._closed:
            self._tell(busy=True)
            error = ""
            try:
                self.site.renew()
                if not self._shown:
                    # The links between pages, before the first one is shown.
                    error = self._complete() or ""
            except Exception as fault:
                error = _in_words(fault)
            self._tell(built=not error, error=error)
            say(error or "预览已更新。")
            if not self._changed.wait(_QUIET) and not error:
                # Time for the whole register, with its rules.
                threading.Thread(target=self._follow, daemon=True).start()
            self._changed.wait()
            while self._changed.is_set() and not self._closed:
                self._changed.clear()
                time.sleep(SETTLE)

    def _complete(self) -> str | None:
        """Work out everything and return what is wrong; None when there was another change meanwhile."""
        try:
            errors = self.site.complete()
        except Exception as fault:
            return _in_words(fault)
        return None if errors is None else as_text(errors) if errors else ""

    def _follow(self) -> None:
        """Tell the open pages what only the whole register says."""
        error = self._complete()
        if error is not None:
            before = self._shown.get(self._last)
            differs = not error and before is not None and self.page(self._last) != before
            self._tell(built=differs, error=error)


def _in_words(fault: Exception) -> str:
    if isinstance(fault, RecordsError):
        return as_text(fault.problems)
    if isinstance(fault, UsageError):
        return str(fault)
    # The preview outlives a fault of the engine; the next change may not meet it.
    return "程序内部出错：\n" + "".join(traceback.format_exception(fault))


def serve(
    root: Path, edition: str, as_of: str | None, port: int, say: Callable[[str], object] = print
) -> None:
    """Preview an edition until Ctrl-C: see `Preview`.

    Raises:
        UsageError: the port is taken, or there is no project here.
    """
    with Preview(root, edition, as_of, port) as preview:
        say(f"预览：{preview.url}（仅本机可见，按 Ctrl-C 结束）")
        try:
            preview.run(say)
        except KeyboardInterrupt:
            say("预览结束。")
