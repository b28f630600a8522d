"""The preview: shows one edition to this machine only; open pages follow the files as they are edited.

A page is rendered when it is asked for. What is wrong is shown over the page as it was before.
"""

from __future__ import annotations

import contextlib
import json
import mimetypes
import queue
import threading
import traceback
from collections.abc import Callable, Iterable
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, unquote, urlsplit

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from lingtouyan.commands.live import LiveSite
from lingtouyan.problems import RecordsError, UsageError, as_text
from lingtouyan.project import Project

HOST = "127.0.0.1"
EVENTS, SCRIPT = "/__preview", "/__preview.js"
# Long enough for an editor to finish writing several files, short enough not to be noticed.
SETTLE = 0.1
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
        self._version = 0
        self._state: dict[str, Any] = {"build": 0, "busy": True, "error": ""}
        self.closed = False

    def set(self, *, built: bool = False, busy: bool = False, error: str = "") -> None:
        with self._changed:
            self._state = {"build": self._state["build"] + built, "busy": busy, "error": error}
            self._version += 1
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self.closed = True
            self._changed.notify_all()

    def wait(self, seen: int, seconds: float) -> tuple[int, str]:
        """The state as JSON, as soon as it differs from version `seen` or the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._version != seen or self.closed, seconds)
            return self._version, json.dumps(self._state, ensure_ascii=False)


class _Handler(BaseHTTPRequestHandler):
    """Answers the browsers of this machine."""

    def __init__(self, *args: Any, preview: Preview, **options: Any) -> None:
        self._preview = preview
        super().__init__(*args, **options)

    def log_message(self, *_: object) -> None:
        """Requests of one's own browser are no news."""

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
                # Whoever asked may be gone.
                self.wfile.write(data)


def _with_script(html: str) -> bytes:
    head, body, tail = html.rpartition("</body>")
    return f"{head}{_TAG}{body}{tail}".encode()


class _Watcher(FileSystemEventHandler):
    """Puts every changed path of interest into a queue."""

    def __init__(self, paths: Iterable[Path], changes: queue.Queue[Path | None]) -> None:
        self._files = {path.resolve() for path in paths if not path.is_dir()}
        self._folders = [path.resolve() for path in paths if path.is_dir()]
        self._changes = changes

    def places(self) -> list[tuple[Path, bool]]:
        """Folders to watch, and whether with all below them."""
        around = {path.parent for path in self._files}
        return [(path, True) for path in self._folders] + [(path, False) for path in sorted(around)]

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type not in _CHANGES or event.is_directory:
            return
        for name in (event.src_path, event.dest_path):
            path = Path(str(name))
            if name and not _passing(path.name) and self._watched(path):
                self._changes.put(path)

    def _watched(self, path: Path) -> bool:
        return path in self._files or any(path.is_relative_to(folder) for folder in self._folders)


def _passing(name: str) -> bool:
    """Lock and swap files that office programs and editors leave beside what they edit."""
    return (
        name.startswith((".~", "~$", ".#")) or name.endswith(("~", ".swp", ".swx", ".tmp")) or name == "4913"
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
        watcher = _Watcher([root / n for n in _WATCHED if (root / n).exists()], self._changes)
        self._observer = Observer()
        try:
            for folder, below in watcher.places():
                self._observer.schedule(watcher, str(folder), recursive=below)
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
        self.state.close()
        self._observer.stop()
        self._observer.join()
        self._server.shutdown()
        self._server.server_close()
        self._serving.join()
        self.site.close()

    def page(self, url: str) -> str | None:
        """Return a page as the files are now; where that is not possible, as it was, with what is wrong told."""
        error = ""
        try:
            html = self.site.page(url)
        except Exception as fault:
            error, html = _told(fault), self._shown.get(url, _WAITING)
        if error:
            self.state.set(error=error)
        elif html is not None:
            self._shown[url], self._last = html, url
        return html

    def _differs(self) -> bool:
        """Tell whether the page shown last says something else, now that all is known."""
        before = self._shown.get(self._last)
        return before is not None and self.page(self._last) != before

    def run(self, say: Callable[[str], object]) -> None:
        """Follow the files until `close`.

        Args:
            say: is told, in a sentence, what became of each change.
        """
        while True:
            self.state.set(busy=True)
            error = _fault_of(self.site.renew)
            if not error and not self._shown:
                # The links between pages, before the first one is shown.
                error = self._whole() or ""
            self.state.set(built=not error, error=error)
            say(error or "预览已更新。")
            changed = self._wait(_QUIET)
            if changed is None:
                # Nobody is typing: the whole register, with its rules.
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
            self.state.set(built=not error and self._differs(), error=error)

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


def _fault_of(work: Callable[[], object]) -> str:
    try:
        work()
    except Exception as fault:
        return _told(fault)
    return ""


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
