"""The preview: shows one edition to this machine only; open pages follow the files as they are edited.

A page is rendered when it is asked for, from what it shows; the whole register, with all its rules and links, is
worked out when there is time. What is wrong is shown over the page as it was before.
"""

from __future__ import annotations

import contextlib
import json
import mimetypes
import queue
import re
import tempfile
import threading
import traceback
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, unquote, urlsplit

import duckdb
from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from lingtouyan.checks.register import register_with_editions
from lingtouyan.commands.build import facts_of
from lingtouyan.database.database import literal
from lingtouyan.database.database import quote as quote_identifier
from lingtouyan.database.editions import open_edition
from lingtouyan.database.statements import passages, reached, read_statements, words_of
from lingtouyan.database.views import HISTORY
from lingtouyan.problems import Problem, RecordsError, Severity, UsageError, as_text
from lingtouyan.project import EDITIONS, Project
from lingtouyan.reading.package import DESCRIPTOR
from lingtouyan.reading.source import glob_regex
from lingtouyan.templates.links import Links
from lingtouyan.templates.templates import PATH_SLOT, Template, read_templates
from lingtouyan.website.feeds import write_feeds
from lingtouyan.website.frames import Frame
from lingtouyan.website.mkdocs import MkDocs
from lingtouyan.website.pages import Kind, PageMaker, entries, frame_of, written_url
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

_SNIPPET = """(() => {
  let build = null;
  const box = document.createElement("div");
  box.style.cssText = "position:fixed;z-index:99;inset:auto 1rem 1rem 1rem;max-height:70vh;overflow:auto;"
    + "padding:.8rem 1rem;border-left:6px solid #a8201a;background:#fff;color:#1f2329;"
    + "font:15px/1.6 'Noto Sans CJK SC','Microsoft YaHei',sans-serif;white-space:pre-wrap;box-shadow:0 2px 16px #0006";
  const show = (text) => { box.textContent = text; text ? document.body.append(box) : box.remove(); };
  const source = new EventSource("/__preview");
  source.onmessage = ({ data }) => {
    const state = JSON.parse(data);
    if (build !== null && state.build !== build) { location.reload(); return; }
    build = state.build;
    show(state.error ? "下面的问题改好后本页会自动刷新：\\n\\n" + state.error : state.busy ? "正在生成……" : "");
  };
  source.onerror = () => show("预览已停止。重新运行后本页会自动刷新。");
})();
"""
_TAG = f'<script src="{SCRIPT}"></script>'
_WAITING = """<!doctype html><html lang="zh"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>正在生成</title><body><p>本页正在生成，完成后会自动刷新。</p></body></html>"""


class _State:
    """What the open pages are told: how often the tree was looked at, whether that is under way, what went wrong."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._version = self._build = 0
        self._state = ""
        self.closed = False
        self.set(busy=True)

    def set(self, *, built: bool = False, busy: bool = False, error: str = "", closed: bool = False) -> None:
        with self._changed:
            self._build += built
            state = {"build": self._build, "busy": busy, "error": error}
            self._state = json.dumps(state, ensure_ascii=False)
            self._version += 1
            self.closed = self.closed or closed
            self._changed.notify_all()

    def wait(self, seen: int, seconds: float) -> tuple[int, str]:
        """Return the state as JSON, as soon as it differs from version `seen` or the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._version != seen or self.closed, seconds)
            return self._version, self._state


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
            self._events()
        elif self.path == SCRIPT:
            self._send(HTTPStatus.OK, "text/javascript", _SNIPPET.encode())
        else:
            self._answer(unquote(urlsplit(self.path).path).lstrip("/"))

    def _events(self) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        version, state = -1, self._preview.state
        try:
            while not state.closed:
                version, data = state.wait(version, 15)
                self.wfile.write(f"data: {data}\n\n".encode())
                self.wfile.flush()
        except OSError:
            # The page was closed.
            return

    def _answer(self, name: str) -> None:
        file = self._preview.site.file(name)
        if file is not None:
            kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
            self._send(HTTPStatus.OK, kind, file.read_bytes())
        elif html := self._preview.page(name if not name or name.endswith("/") else f"{name}/"):
            if not name or name.endswith("/"):
                self._send(HTTPStatus.OK, "text/html", _with_script(html))
            else:
                self.send_response(HTTPStatus.MOVED_PERMANENTLY)
                self.send_header("Location", quote(f"/{name}/"))
                self.end_headers()
        else:
            missing = self._preview.site.file("404.html")
            html = missing.read_text("utf-8") if missing else _WAITING
            self._send(HTTPStatus.NOT_FOUND, "text/html", _with_script(html))

    def _send(self, status: HTTPStatus, kind: str, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind + ("; charset=utf-8" if kind.startswith("text/") else ""))
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            with contextlib.suppress(OSError):
                # The browser may have closed the connection.
                self.wfile.write(data)


def _with_script(html: str) -> bytes:
    head, body, tail = html.rpartition("</body>")
    return f"{head}{_TAG}{body}{tail}".encode()


class _Watcher(FileSystemEventHandler):
    """Puts every changed path of interest into a queue."""

    def __init__(self, root: Path, changes: queue.Queue[Path | None]) -> None:
        self._root = root.resolve()
        self._changes = changes

    def watch(self, observer: BaseObserver) -> None:
        """Have the folders of interest watched."""
        observer.schedule(self, str(self._root))
        for folder in filter(Path.is_dir, (self._root / name for name in _WATCHED)):
            observer.schedule(self, str(folder), recursive=True)

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type in _CHANGES and not event.is_directory:
            for path in (Path(str(name)) for name in (event.src_path, event.dest_path) if name):
                inside = path.relative_to(self._root).parts if path.is_relative_to(self._root) else ()
                if {*inside[:1]} & {*_WATCHED} and not _passing(path.name):
                    self._changes.put(path)


def _passing(name: str) -> bool:
    """Tell whether a file is a lock or swap file that office programs and editors leave beside what they edit."""
    return (
        name.startswith((".~", "~$", ".#")) or name.endswith(("~", ".swp", ".swx", ".tmp")) or name == "4913"
    )


@dataclass
class _Known:
    """The whole register of a moment, on which the next one stands.

    Attributes:
        path, connection: the edition's database.
        digests: of the files it was made from; the empty name stands for date and commit.
        errors: of the records.
    """

    path: Path
    connection: duckdb.DuckDBPyConnection
    digests: dict[str, str]
    errors: list[Problem]

    def close(self) -> None:
        self.connection.close()
        self.path.unlink(missing_ok=True)


class _Moment:
    """The records as they were at one moment, and what of them was worked out so far."""

    def __init__(
        self, root: Path, edition: str, as_of: str | None, kept: Path, before: _Moment | None
    ) -> None:
        self.project = Project.open(root)
        self.as_of = self.project.as_of(as_of)
        every = read_templates(self.project.source, "site/pages", ".md", EDITIONS)
        read_config(self.project.source, {f"{t.name}.md" for t in every if not t.each})
        self.templates = [t for t in every if t.edition in ("", edition)]
        self.links: Links = before.links if before else Links()
        self.known: _Known | None = before.known if before else None
        self._kept = kept
        self._edition = edition
        self._made: dict[str, tuple[PageMaker, Kind | None]] = {}
        self._folder = tempfile.TemporaryDirectory(prefix="lingtouyan-")
        self._connections: list[duckdb.DuckDBPyConnection] = []
        source, commit = self.project.source, self.project.commit
        self._digests = dict(source.digests(source.files(["records", "schemas"]).files))
        self._digests |= source.digests([DESCRIPTOR]) | {"": f"{self.as_of} {commit.id if commit else None}"}
        # Files that are made of the whole register.
        self.files = Path(self._folder.name) / "site"

    def of(self, template: Template) -> tuple[PageMaker, Kind | None]:
        """Return what makes a template's pages, and its record pages."""
        if template.file not in self._made:
            # Besides what its queries name, a template may show facts and labels.
            words = {w for query in template.queries.values() for w in words_of(query.sql)}
            maker = self._maker({"fields", "tables", "views", *words})
            self._made[template.file] = (maker, maker.kind(template) if template.each else None)
        return self._made[template.file]

    def complete(self) -> list[Problem]:
        """Work out everything; return the errors of the records.

        Raises:
            RecordsError: templates or SQL of the tree are at fault.
        """
        self.links = Links()
        maker = self._maker(None)
        kinds = {t.file: maker.kind(t) for t in self.templates if t.each}
        self._made = {t.file: (maker, kinds.get(t.file)) for t in self.templates}
        write_record_index(self.files, entries(kinds.values()))
        write_feeds(self.project.source, self.files, maker.connection, maker.environment, maker.facts)
        return self.known.errors if self.known else []

    def _maker(self, only: Collection[str] | None) -> PageMaker:
        database = Path(self._folder.name) / f"{len(self._connections)}.duckdb"
        asked = None if only is None else self._changed(only)
        if self.known and (self.known.digests == self._digests if asked is None else not asked):
            # Templates alone have changed, or files that these pages do not show.
            connection = self.known.connection.cursor()
        else:
            if self.known and only is not None and asked is not None:
                _copy(self.known.path, database, {*only} - asked)
            register = register_with_editions(
                self.project, self.as_of, {self._edition: database}, allow_errors=True, only=asked
            )
            register.connection.close()
            if only is None:
                # It outlives this moment.
                database = database.rename(self._kept / f"{Path(self._folder.name).name}.duckdb")
                errors = [p for p in register.problems if p.severity is Severity.ERROR]
                self.known = _Known(database, open_edition(database), self._digests, errors)
                connection = self.known.connection.cursor()
            else:
                connection = open_edition(database)
        self._connections.append(connection)
        facts = facts_of(connection, self._edition, self.as_of, draft=False)
        return PageMaker(self.project, connection, facts, self.links)

    def _changed(self, words: Collection[str]) -> set[str]:
        """Return what of the words has to be asked anew; findings and history, which take all records, come later."""
        if self.known is None:
            return {*words}
        before, now = self.known.digests, self._digests
        files = {name for name in {*before, *now} if before.get(name) != now.get(name)}
        package, source = self.project.package, self.project.source
        patterns = {t.name: glob_regex(package.origin(t).path) for t in package.tables.values()}
        tables = {name for name, pattern in patterns.items() if any(map(pattern.match, files))}
        through = passages(
            [*read_statements(source, "schemas/macros"), *read_statements(source, "schemas/views")]
        )
        # Of schemas, date and commit everything may depend.
        whole = not all(file.startswith("records/") for file in files)
        return {
            word
            for word in words
            if (reach := reached([word], through)).isdisjoint(_SLOW)
            and (whole or not reach.isdisjoint(tables))
        }

    def close(self) -> None:
        for connection in self._connections:
            connection.close()
        self._folder.cleanup()


def _copy(before: Path, database: Path, names: Collection[str]) -> None:
    """Begin an edition with tables of an earlier one."""
    with duckdb.connect(str(database)) as connection:
        connection.execute(f"ATTACH {literal(str(before))} AS earlier (READ_ONLY)")
        found = connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'earlier'"
        ).fetchall()
        for (name,) in found:
            if name in names and name != "build":
                quoted_name = quote_identifier(name)
                connection.execute(f"CREATE TABLE {quoted_name} AS FROM earlier.{quoted_name}")


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
        self._whole = threading.Lock()
        self._folder = tempfile.TemporaryDirectory(prefix="lingtouyan-")
        self._mkdocs = MkDocs()
        self._moment: _Moment | None = None
        self._key: object = None
        self._frames: dict[str, Frame] = {}

    def close(self) -> None:
        """Let go of everything."""
        with self._whole, self._lock:
            if self._moment:
                self._moment.close()
                if self._moment.known:
                    self._moment.known.close()
            self._mkdocs.close()
            self._folder.cleanup()

    def renew(self) -> None:
        """Look at the tree anew; pages asked for from now on show it as it is.

        Raises:
            RecordsError, UsageError: data package, templates, settings or theme are at fault.
        """
        with self._lock:
            before = self._moment
            moment = _Moment(self._root, self._edition, self._as_of, Path(self._folder.name), before)
            try:
                self._frame(moment)
            except BaseException:
                moment.close()
                raise
            self._moment = moment
            if before:
                before.close()

    def _frame(self, moment: _Moment) -> None:
        """Have the theme put around pages anew, where it, the settings or the navigation changed."""
        source = moment.project.source
        theme = read_config(source).theme
        files = [CONFIG, *(source.files([theme]).files if theme else ())]
        titles = {f"{t.name}.md": t.title for t in moment.templates if not t.each}
        folder = Path(self._folder.name)
        job = SiteJob(
            source=source,
            tree=folder / "docs",
            out=folder / "site",
            edition=self._edition,
            draft=False,
            as_of=moment.as_of.isoformat(),
            commit=moment.project.commit.short if moment.project.commit else "",
            frames=tuple(frame_of(t) for t in moment.templates if t.each),
        )
        key = (source.digests(files), titles, job.frames, job.as_of, job.commit)
        if key != self._key:
            begin(job, self._mkdocs, titles, only={f.source for f in job.frames} or {"-"})
            self._frames = dict(finish(job, self._mkdocs).frames)
        self._job, self._titles, self._key = job, titles, key

    def complete(self) -> list[Problem] | None:
        """Work out all that no page has asked for yet, while pages go on being shown.

        Returns:
            The errors of the records; None when the tree was looked at anew meanwhile.

        Raises:
            RecordsError: templates or SQL of the tree are at fault.
        """
        with self._whole:
            before = self._moment
            moment = _Moment(self._root, self._edition, self._as_of, Path(self._folder.name), before)
            try:
                errors = moment.complete()
            except BaseException:
                moment.close()
                raise
            with self._lock:
                late = self._moment is not before
                old, new = (before, moment) if not late else (moment, before)
                if old:
                    old.close()
                    if old.known and (new is None or new.known is not old.known):
                        old.known.close()
                if not late:
                    self._moment = moment
                return None if late else errors

    def page(self, url: str) -> str | None:
        """Render a page.

        Args:
            url: below the site's root, with a slash at the end, or empty.

        Raises:
            RecordsError, UsageError: the page's template, or what it shows, is at fault.
        """
        with self._lock:
            moment = self._moment
            if moment is None:
                return None
            for template in moment.templates:
                if not template.each and written_url(template) == url:
                    return self._written(moment, template)
                if template.each and re.fullmatch(_pattern(template), url):
                    maker, kind = moment.of(template)
                    for page in kind.pages if kind else ():
                        if page.url == url:
                            frame = self._frames[frame_of(template).name]
                            content = maker.body(template, page, alone=True)
                            html = frame.fill(page.title, content, url, page.description)
                            return html.decode()
        return None

    def _written(self, moment: _Moment, template: Template) -> str:
        page = moment.of(template)[0].write(template)
        job = replace(self._job, out=Path(self._folder.name) / "page")
        write_file(job.tree / page.path, page.markdown)
        begin(job, self._mkdocs, self._titles, only=[page.path])
        finish(job, self._mkdocs)
        return (job.out / written_url(template) / "index.html").read_text("utf-8")

    def file(self, name: str) -> Path | None:
        """Return a file of the site that is no page."""
        for folder in (self._moment.files, self._job.out) if self._moment else ():
            path = folder / name
            if path.is_file() and path.resolve().is_relative_to(folder.resolve()):
                return path
        return None


def _pattern(template: Template) -> str:
    """Return a regular expression for the addresses of a template's record pages."""
    parts = PATH_SLOT.sub("\0", template.path.strip("/")).split("\0")
    return "[^/]+".join(re.escape(part) for part in parts) + "/"


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
        self.state = _State()
        self._shown: dict[str, str] = {}
        self._last = ""
        self._changes: queue.Queue[Path | None] = queue.Queue()
        try:
            self._server = ThreadingHTTPServer((HOST, port), partial(_Handler, preview=self))
        except OSError:
            raise UsageError(f"端口 {port} 已被占用。请关闭占用它的程序，或用 --port 换一个端口。") from None
        self._server.daemon_threads = True
        self.url = f"http://{HOST}:{self._server.server_address[1]}/"
        self._observer = Observer()
        try:
            _Watcher(root, self._changes).watch(self._observer)
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
        self._changes.put(None)
        self.state.set(closed=True)
        self._observer.stop()
        self._observer.join()
        self._server.shutdown()
        self._server.server_close()
        self._serving.join()
        self.site.close()

    def page(self, url: str) -> str | None:
        """Return a page as the files are now; where that is not possible, as it was, with what is wrong told."""
        try:
            html = self.site.page(url)
        except Exception as fault:
            self.state.set(error=_told(fault))
            return self._shown.get(url, _WAITING)
        if html is not None:
            self._shown[url], self._last = html, url
        return html

    def run(self, say: Callable[[str], object]) -> None:
        """Follow the files until `close`.

        Args:
            say: is told, in a sentence, what became of each change.
        """
        while True:
            self.state.set(busy=True)
            error = ""
            try:
                self.site.renew()
                if not self._shown:
                    # The links between pages, before the first one is shown.
                    error = self._whole() or ""
            except Exception as fault:
                error = _told(fault)
            self.state.set(built=not error, error=error)
            say(error or "预览已更新。")
            changed = self._wait(_QUIET)
            if changed is None:
                # No change for a while: time for the whole register, with its rules.
                if not error:
                    threading.Thread(target=self._follow, daemon=True).start()
                changed = self._wait(None)
            if not changed:
                return

    def _whole(self) -> str | None:
        """Work out everything and return what is wrong; None when there was another change meanwhile."""
        try:
            errors = self.site.complete()
        except Exception as fault:
            return _told(fault)
        return as_text(errors) if errors else None if errors is None else ""

    def _follow(self) -> None:
        """Tell the open pages what only the whole register says."""
        error = self._whole()
        if error is not None:
            before = self._shown.get(self._last)
            differs = not error and before is not None and self.page(self._last) != before
            self.state.set(built=differs, error=error)

    def _wait(self, seconds: float | None) -> bool | None:
        """Wait for a change and for quiet after it: whether there was one; None when the time is over."""
        try:
            path = self._changes.get(timeout=seconds)
        except queue.Empty:
            return None
        while path is not None:
            try:
                path = self._changes.get(timeout=SETTLE)
            except queue.Empty:
                return True
        return False


def _told(fault: Exception) -> str:
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
