"""The preview: serves a built site to this machine only, rebuilds as files change, reloads open pages.

Files on disk stay as they were built: what a page needs for reloading is added on the way to the browser.
"""

from __future__ import annotations

import json
import queue
import threading
import traceback
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from lingtouyan.problems import RecordsError, UsageError, as_text

HOST = "127.0.0.1"
EVENTS = "/__preview"
# Long enough for an editor to finish writing several files, short enough not to be noticed.
SETTLE = 0.15
_CHANGES = ("created", "modified", "moved", "deleted")

_SNIPPET = """<script>
(() => {
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
    show(state.error ? "没有重新生成，下面的问题改好后会自动刷新：\\n\\n" + state.error : state.busy ? "正在生成……" : "");
  };
  source.onerror = () => show("预览已停止。重新运行后本页会自动刷新。");
})();
</script>"""
_WAITING = """<!doctype html><html lang="zh"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>正在生成</title><body><p>网站正在生成，完成后本页会自动刷新。</p></body></html>"""


class _State:
    """What the open pages are told: number of the build, whether one is under way, what went wrong."""

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


class _Handler(SimpleHTTPRequestHandler):
    """Files of the site as it stands at this moment; pages with the snippet in them."""

    def __init__(self, *args: Any, state: _State, names: tuple[str, ...], **options: Any) -> None:
        self._state, self._names = state, names
        super().__init__(*args, **options)

    def log_message(self, *_: object) -> None:
        """Requests of one's own browser are no news."""

    def do_HEAD(self) -> None:
        if self._asked_by_name():
            self._file()

    def do_GET(self) -> None:
        if not self._asked_by_name():
            return
        if self.path == EVENTS:
            self._events()
        else:
            self._file()

    def _asked_by_name(self) -> bool:
        # A page elsewhere on the net can make a browser ask us under another name.
        known = self.headers.get("Host", "").rsplit(":", 1)[0] in self._names
        if not known:
            self.send_error(HTTPStatus.FORBIDDEN)
        return known

    def _events(self) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        version = -1
        try:
            while not self._state.closed:
                version, data = self._state.wait(version, 15)
                self.wfile.write(f"data: {data}\n\n".encode())
                self.wfile.flush()
        except OSError:
            # The page was closed.
            return

    def _file(self) -> None:
        path = Path(self.translate_path(self.path))
        if path.is_dir():
            if not self.path.split("?", 1)[0].endswith("/"):
                super().do_HEAD()
                return
            path /= "index.html"
        status = HTTPStatus.OK
        if not self._inside(path):
            status = HTTPStatus.NOT_FOUND
            missing = Path(self.directory) / "404.html"
            data = missing.read_bytes() if self._inside(missing) else _WAITING.encode()
        else:
            data = path.read_bytes()
        kind = "text/html" if status is HTTPStatus.NOT_FOUND else self.guess_type(path)
        if kind == "text/html":
            head, body, tail = data.rpartition(b"</body>")
            data = head + _SNIPPET.encode() + body + tail if body else data + _SNIPPET.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind + ("; charset=utf-8" if kind.startswith("text/") else ""))
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _inside(self, path: Path) -> bool:
        """Tell whether it is a file of the site and not, by a link, one from outside."""
        return path.is_file() and path.resolve().is_relative_to(Path(self.directory).resolve())


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
    """A running preview: a server and a watcher in the background, builds in the thread that calls `run`."""

    def __init__(
        self, rebuild: Callable[[set[Path]], object], out: Path, watch: Sequence[Path], port: int
    ) -> None:
        """Start serving.

        Args:
            rebuild: makes the site in `out` anew; is told which files changed (none the first time).
            out: folder of the site; may be missing, and may be replaced, at any time.
            watch: files and folders whose changes lead to a rebuild.
            port: 0 takes a free one.

        Raises:
            UsageError: the port is taken.
        """
        self._rebuild = rebuild
        self._state = _State()
        self._changes: queue.Queue[Path | None] = queue.Queue()
        handler = partial(_Handler, directory=str(out), state=self._state, names=(HOST, "localhost"))
        try:
            self._server = ThreadingHTTPServer((HOST, port), handler)
        except OSError:
            raise UsageError(f"端口 {port} 已被占用。请关闭占用它的程序，或用 --port 换一个端口。") from None
        self._server.daemon_threads = True
        self.url = f"http://{HOST}:{self._server.server_address[1]}/"
        self._serving = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._serving.start()
        watcher = _Watcher(watch, self._changes)
        self._observer = Observer()
        try:
            for folder, below in watcher.places():
                self._observer.schedule(watcher, str(folder), recursive=below)
            self._observer.start()
        except OSError as fault:
            self._server.shutdown()
            self._server.server_close()
            raise UsageError(
                f"系统不能再监视更多文件（{fault.strerror}）。请调高 fs.inotify.max_user_watches 后重试。"
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving and watching; `run` returns after the build under way."""
        self._changes.put(None)
        self._state.close()
        self._observer.stop()
        self._observer.join()
        self._server.shutdown()
        self._server.server_close()
        self._serving.join()

    def run(self, say: Callable[[str], object]) -> None:
        """Build, then build again whenever watched files change, until `close`.

        Args:
            say: is told, in a sentence, how each build went.
        """
        changed: set[Path] | None = set()
        while changed is not None:
            self._state.set(busy=True)
            error = self._build(changed)
            self._state.set(built=not error, error=error)
            say(error or "网站已生成。")
            changed = self._next()

    def _build(self, changed: set[Path]) -> str:
        try:
            self._rebuild(changed)
        except RecordsError as fault:
            return as_text(fault.problems)
        except UsageError as fault:
            return str(fault)
        except Exception:
            # The preview outlives a fault of the engine; the next change may not meet it.
            return f"程序内部出错：\n{traceback.format_exc()}"
        return ""

    def _next(self) -> set[Path] | None:
        """Wait for a change and for quiet after it; None when the preview is closed."""
        changed: set[Path] = set()
        while True:
            try:
                path = self._changes.get(timeout=SETTLE if changed else None)
            except queue.Empty:
                return changed
            if path is None:
                return None
            changed.add(path)


def serve(
    rebuild: Callable[[set[Path]], object],
    out: Path,
    watch: Sequence[Path],
    port: int,
    say: Callable[[str], object] = print,
) -> None:
    """Preview a site until Ctrl-C: see `Preview`.

    Raises:
        UsageError: the port is taken.
    """
    with Preview(rebuild, out, watch, port) as preview:
        say(f"预览：{preview.url}（仅本机可见，按 Ctrl-C 结束）")
        try:
            preview.run(say)
        except KeyboardInterrupt:
            say("预览结束。")
