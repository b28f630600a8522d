"""The child process that runs MkDocs: started by path, isolated, and confined before MkDocs is imported.

It imports nothing of the engine. It reads one job per line (JSON), builds each in a forked copy of itself and
answers with one line. What it may open, call and start is a short list: see `_confine` and `_Environment`.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import json
import logging
import os
import re
import resource
import select
import signal
import sys
import traceback
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import jinja2
import jinja2.sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MEMORY = 6 << 30
SECONDS = 1200

# --- what templates may do -------------------------------------------------------------------------

_PLAIN = (str, bytes, int, float, list, tuple, dict, set, frozenset)
_CALLABLE = (
    *(jinja2.runtime.Macro, jinja2.runtime.BlockReference, jinja2.runtime.LoopContext),
    *(jinja2.utils.Namespace, jinja2.utils.Cycler, jinja2.utils.Joiner),
)


class _Compiled(jinja2.BytecodeCache):
    """Templates compiled earlier in this process; a forked copy finds them ready."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], types.CodeType] = {}

    def load_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        bucket.code = self._codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        if bucket.code is not None:
            self._codes[bucket.key, bucket.checksum] = bucket.code


_COMPILED = _Compiled()


class _Environment(jinja2.sandbox.ImmutableSandboxedEnvironment):
    """The environment that MkDocs gets for theme templates: an author's override is somebody else's code.

    Beyond Jinja's sandbox, only template machinery and methods of plain values can be called: the objects
    that MkDocs hands to templates (files, pages, config) have methods that read and write files.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{**options, "bytecode_cache": _COMPILED})
        self._allowed = {id(value) for value in self.globals.values()}

    def is_safe_callable(self, obj: Any) -> bool:
        known = (
            isinstance(obj, _CALLABLE)
            or id(obj) in self._allowed
            or isinstance(getattr(obj, "__self__", None), (*_PLAIN, *_CALLABLE))
        )
        return known and super().is_safe_callable(obj)


def _sandbox_jinja() -> None:
    jinja2.Environment = jinja2.environment.Environment = _Environment  # type: ignore[misc]
    jinja2.Template.environment_class = _Environment


# --- what the process may do -----------------------------------------------------------------------

_FORBIDDEN = re.compile(
    r"subprocess\.|os\.(?:exec|posix_spawn|spawn|system|startfile|fork|forkpty|symlink|link|chmod|chown|putenv)"
    r"|socket\.(?!__new__)|ctypes\.|pty\.|urllib\.|http\.|ftplib\.|smtplib\.|webbrowser\.|pickle\."
    r"|sys\.(?:settrace|setprofile|addaudithook)"
)


class ForbiddenError(Exception):
    """Something in the build tried to reach beyond the site's own files."""


def _confine(readable: Iterable[Path], writable: Iterable[Path]) -> None:
    """From here on, refuse other files, processes and connections. It cannot be undone in this process."""
    # Not `sys.path`: an editable installation puts the project itself there.
    python = [__file__, sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix]
    reads = tuple(os.path.realpath(path) + os.sep for path in [*map(str, [*readable, *writable]), *python])
    writes = tuple(os.path.realpath(path) + os.sep for path in writable)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = arguments
            if isinstance(path, int):
                return
            writing = bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)) or (mode or "r")[0] in "wax"
            where = os.path.realpath(os.fsdecode(path)) + os.sep
            if where == "/dev/null/" or where.startswith(writes if writing else reads):
                return
        elif event in ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.truncate", "shutil.rmtree"):
            paths = [path for path in arguments[:2] if isinstance(path, str | bytes | os.PathLike)]
            touched = [os.path.realpath(os.fsdecode(path)) + os.sep for path in paths]
            if all(where.startswith(writes) for where in touched):
                return
        elif not _FORBIDDEN.match(event):
            return
        raise ForbiddenError(f"{event} {arguments[0] if arguments else ''}")

    # A module first imported from here on cannot leave its compiled form behind, and need not.
    sys.dont_write_bytecode = True
    sys.addaudithook(hook)


# --- words for the search ---------------------------------------------------------------------------


class _Words(types.ModuleType):
    """Stands in for the module `jieba`: the same words, kept between builds, the dictionary read lazily.

    Loading jieba's dictionary costs more than building ten pages; nearly all runs of text are known from the
    build before.
    """

    known: dict[str, list[str]]

    def cut(self, data: bytes) -> list[str]:
        """Split a run of Chinese text into words."""
        run = data.decode()
        words = self.known.get(run)
        if words is None:
            words = self.known[run] = list(_tokenizer().cut(run))
        return words


_WORDS = _Words("jieba")


@functools.cache
def _tokenizer() -> Any:
    del sys.modules["jieba"]
    try:
        import jieba
        import jieba.finalseg
    finally:
        sys.modules["jieba"] = _WORDS
    text = Path(jieba.__file__).with_name("dict.txt").read_text("utf-8")

    class Lazy(jieba.Tokenizer):  # type: ignore[misc]
        """A word starts with one of the sentence's characters: only those parts of the dictionary matter."""

        def __init__(self) -> None:
            super().__init__()
            self.total = sum(map(int, re.findall(r" (\d+)(?: |$)", text, re.MULTILINE)))
            self.initialized = True
            self._lines: dict[str, list[str]] = {}
            for line in text.splitlines():
                self._lines.setdefault(line[:1], []).append(line)

        def get_DAG(self, sentence: str) -> Any:  # noqa: N802 -- jieba's name
            for first in set(sentence):
                for line in self._lines.pop(first, ()):
                    word, count = line.split(" ")[:2]
                    self.FREQ[word] = int(count)
                    for end in range(1, len(word)):
                        self.FREQ.setdefault(word[:end], 0)
            return super().get_DAG(sentence)

    return Lazy()


# --- building ---------------------------------------------------------------------------------------

# A large table that the search skips: nothing in it is Markdown, yet three parsers would read it.
_LARGE_BLOCK = re.compile(r"^<div [^>\n]*\bdata-search-exclude[^>\n]*>\n(?:.*\n)*?</div>$", re.MULTILINE)
_MARK = "<!--set-aside:{}-->"
_MARKS = re.compile(r"<!--set-aside:(\d+)-->")


class _Collector(logging.Handler):
    """Every line that MkDocs logs as a warning or worse."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


class _Site:
    """One run of MkDocs over one tree, with its own steps, so that a part of the pages can be built."""

    def __init__(self, config_file: str) -> None:
        from mkdocs.commands import build
        from mkdocs.config import load_config
        from mkdocs.structure.pages import Page

        self._mkdocs: Any = build
        self.config = load_config(config_file)
        self.config = self.config.plugins.on_config(self.config)
        self.config.plugins.on_pre_build(config=self.config)
        self.files = self._mkdocs.get_files(self.config)
        self.env = self.config.theme.get_env()
        self._search = next((p for name, p in self.config.plugins.items() if name.endswith("search")), None)
        self._aside: list[str] = []
        self._page = Page

    def navigate(self, *, assets: bool) -> None:
        """Gather files and the navigation; the theme's assets only when they are to be copied."""
        if assets:
            self.files.add_files_from_theme(self.env, self.config)
        self.files = self.config.plugins.on_files(self.files, config=self.config)
        self._mkdocs.set_exclusions(self.files, self.config)
        self.nav = self._mkdocs.get_navigation(self.files, self.config)
        self.nav = self.config.plugins.on_nav(self.nav, config=self.config, files=self.files)
        self.env = self.config.plugins.on_env(self.env, config=self.config, files=self.files)
        for file in self.files.documentation_pages():
            if file.page is None:
                self._page(None, file, self.config)

    @property
    def documents(self) -> dict[str, Any]:
        return {file.src_uri: file for file in self.files.documentation_pages()}

    def read(self, file: Any, title: str) -> None:
        """Take over title and head of a page that is not built: the navigation shows them."""
        file.page.read_source(self.config)
        file.page._title_from_render = title

    def populate(self, file: Any) -> None:
        """Markdown to HTML. Large tables are set aside and come back in `write`, unread and unchanged."""
        original = file.content_string
        file.content_string = _LARGE_BLOCK.sub(self._set_aside, original)
        self._mkdocs._populate_page(file.page, self.config, self.files)
        file.content_string = original

    def _set_aside(self, match: re.Match[str]) -> str:
        self._aside.append(match[0])
        return _MARK.format(len(self._aside) - 1)

    def write(self, file: Any) -> list[dict[str, Any]]:
        """Write one page; return what the search knows of it."""
        before = len(self._entries)
        documents = self.files.documentation_pages()
        self._mkdocs._build_page(file.page, self.config, documents, self.nav, self.env)
        path = Path(file.abs_dest_path)
        html = path.read_text("utf-8")
        whole = _MARKS.sub(lambda match: self._aside[int(match[1])], html)
        if whole != html:
            path.write_text(whole, "utf-8")
        return self._entries[before:]

    @property
    def _entries(self) -> list[dict[str, Any]]:
        return self._search.search_index.entries if self._search else []

    def write_rest(self) -> None:
        """Assets and the theme's own pages (404); the sitemap is the engine's."""
        self.files.copy_static_files()
        for template in sorted(self.config.theme.static_templates):
            if template != "sitemap.xml":
                self._mkdocs._build_theme_template(template, self.env, self.files, self.config, self.nav)

    def write_search(self, entries: list[dict[str, Any]]) -> None:
        """Write the search index as MkDocs would after building every page in order."""
        if self._search:
            self._search.search_index.entries = entries
            self.config.plugins.on_post_build(config=self.config)

    def check_anchors(self, files: Iterable[Any]) -> None:
        for file in files:
            file.page.validate_anchor_links(files=self.files, log_level=self.config.validation.links.anchors)


class OverrunError(Exception):
    """A page takes longer than any page does: some texts cost Markdown the square of their length."""


@contextlib.contextmanager
def _timed(seconds: float, uri: str) -> Iterator[None]:
    def ring(number: int, frame: types.FrameType | None) -> None:
        raise OverrunError(uri)

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _build(job: dict[str, Any]) -> dict[str, Any]:
    """Build a whole site, or only `job["changed"]` onto what an earlier build left (`job["entries"]`)."""
    _WORDS.known = job.get("words", {})
    site = _Site(job["config"])
    changed = job.get("changed")
    site.navigate(assets=changed is None)
    documents = site.documents
    chosen = {uri: file for uri, file in documents.items() if changed is None or uri in changed}
    for uri, file in documents.items():
        if uri in chosen:
            with _timed(job["page_seconds"], uri):
                site.populate(file)
        else:
            site.read(file, job["titles"][uri])
    titles = {uri: file.page.title for uri, file in chosen.items()}
    if changed is not None and any(job["titles"].get(uri) != title for uri, title in titles.items()):
        # The navigation of every page shows this title.
        return {"structure": True}
    if changed is None:
        site.write_rest()
    entries = {uri: [] for uri in documents} | job.get("entries", {})
    for uri, file in chosen.items():
        with _timed(job["page_seconds"], uri):
            entries[uri] = site.write(file)
    site.check_anchors(chosen.values())
    site.write_search([entry for uri in documents for entry in entries[uri]])
    return {
        "outputs": {uri: file.dest_uri for uri, file in documents.items()},
        "titles": job.get("titles", {}) | titles,
        "entries": entries,
        "words": _WORDS.known,
    }


def _answer(job: dict[str, Any]) -> dict[str, Any]:
    logger, collector = logging.getLogger("mkdocs"), _Collector()
    logger.addHandler(collector)
    logger.propagate = False
    folder = Path(job["config"]).parent
    try:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        _confine(
            [Path(job["config"]), Path(job["tree"]), *([Path(job["theme"])] if job["theme"] else [])],
            [Path(job["out"])],
        )
        os.chdir(folder)
        answer = _build(job)
    except BaseException as fault:
        answer = {"fault": type(fault).__name__, "message": str(fault), "trace": traceback.format_exc()}
    return answer | {"log": collector.lines}


def _serve(jobs: TextIO, reply: Callable[[str], object]) -> None:
    _read_dictionary_unless_awaited(jobs)
    for line in jobs:
        # A copy per job: confinement cannot be lifted, and nothing of one build may reach the next.
        child = os.fork()
        if child == 0:
            reply(json.dumps(_answer(json.loads(line))) + "\n")
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status:
            reply(json.dumps({"fault": "Killed", "message": str(status), "trace": "", "log": []}) + "\n")
        _read_dictionary_unless_awaited(jobs)


def _read_dictionary_unless_awaited(jobs: TextIO) -> None:
    """Few builds meet a new word: the dictionary is read while there is nothing else to do."""
    if not select.select([jobs], [], [], 0)[0]:
        with contextlib.suppress(ImportError):
            _tokenizer()


def _warm(theme: str) -> None:
    """Import and compile what every build needs, while nobody waits for it."""
    import material.plugins.search.plugin
    import mkdocs.commands.build
    import mkdocs.config
    from mkdocs.theme import Theme

    del material, mkdocs
    for extension in ("attr_list", "def_list", "fenced_code", "footnotes", "md_in_html", "tables", "toc"):
        importlib.import_module(f"markdown.extensions.{extension}")
    env = Theme(name="material", custom_dir=theme or None, language="zh").get_env()
    for name in env.list_templates(["html"]):
        if "/" not in name or (name.startswith("partials/") and "languages/" not in name):
            # A broken override is reported by the build that needs it.
            with contextlib.suppress(jinja2.TemplateError):
                env.get_template(name)
    for language in ("en", "zh"):
        env.get_template(f"partials/languages/{language}.html")


def main() -> None:
    """Answer jobs until standard input ends."""
    # What libraries print must not reach the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def reply(line: str) -> None:
        answers.write(line)
        answers.flush()

    sys.modules["jieba"] = _WORDS
    _sandbox_jinja()
    with contextlib.suppress(ImportError):
        # A missing library is reported by the build that needs it.
        _warm(sys.argv[1])
    _serve(sys.stdin, reply)


if __name__ == "__main__":
    main()
