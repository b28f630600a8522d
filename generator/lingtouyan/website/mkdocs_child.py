"""The process that runs MkDocs: started by path and isolated, it builds one site for each line of its input.

It imports nothing of the engine and ends when its input does, whatever it is doing.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import re
import sys
import threading
from logging.handlers import BufferingHandler
from typing import Any

import jinja2
import jinja2.sandbox
from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.plugins import BasePlugin

_PLAIN = (str, bytes, int, float, list, tuple, dict, set, frozenset)
_CALLABLE = (
    *(jinja2.runtime.Macro, jinja2.runtime.BlockReference, jinja2.runtime.LoopContext),
    *(jinja2.utils.Namespace, jinja2.utils.Cycler, jinja2.utils.Joiner),
)
# A large table that the search skips: nothing in it is Markdown, yet three parsers would read it.
_LARGE_BLOCK = re.compile(r"^<div [^>\n]*\bdata-search-exclude[^>\n]*>\n(?:.*\n)*?</div>$", re.MULTILINE)
_MARK = "<!--set-aside:{}-->"
_MARKS = re.compile(_MARK.format(r"(\d+)"))


class _Sandbox(jinja2.sandbox.ImmutableSandboxedEnvironment):
    """Where the theme's templates run: an override in the tree is somebody else's code.

    The objects that MkDocs hands to templates (files, pages, settings) have methods that read and write files; only
    template machinery and methods of plain values can be called.
    """

    def is_safe_callable(self, obj: Any) -> bool:
        known = (
            isinstance(obj, _CALLABLE)
            or any(obj is made for made in self.globals.values())
            or isinstance(getattr(obj, "__self__", None), (*_PLAIN, *_CALLABLE))
        )
        return known and super().is_safe_callable(obj)


_SANDBOXES: dict[tuple[str, ...], _Sandbox] = {}


class _Engine(BasePlugin):  # type: ignore[type-arg, no-untyped-call]
    """The engine's part in a build, by the events that MkDocs offers to any plugin."""

    def __init__(self) -> None:
        self._aside: list[str] = []

    def on_page_markdown(self, markdown: str, **_: Any) -> str:
        return _LARGE_BLOCK.sub(self._set_aside, markdown)

    def _set_aside(self, found: re.Match[str]) -> str:
        self._aside.append(found[0])
        return _MARK.format(len(self._aside) - 1)

    def on_post_page(self, output: str, **_: Any) -> str:
        return _MARKS.sub(lambda found: self._aside[int(found[1])], output)

    def on_env(self, env: jinja2.Environment, **_: Any) -> jinja2.Environment:
        # Kept for the next site with the same theme, with the templates that it has compiled.
        folders = tuple(getattr(env.loader, "searchpath", ()))
        if folders not in _SANDBOXES:
            _SANDBOXES[folders] = _Sandbox(loader=env.loader, extensions=list(env.extensions))
        sandbox = _SANDBOXES[folders]
        sandbox.filters.update(env.filters)
        # Jinja's plain range has no upper bound.
        sandbox.globals.update({**env.globals, "range": jinja2.sandbox.safe_range})
        return sandbox


def _answer(config_file: str, out: str) -> dict[str, Any]:
    logger, warnings = logging.getLogger("mkdocs"), BufferingHandler(sys.maxsize)
    warnings.setLevel(logging.WARNING)
    logger.addHandler(warnings)
    logger.propagate = False
    answer: dict[str, Any] = {}
    try:
        config = load_config(config_file, site_dir=out)
        config.plugins["engine"] = _Engine()
        build(config)
    except BaseException as fault:
        answer = {"fault": type(fault).__name__, "message": str(fault)}
        if isinstance(fault, OSError):
            answer |= {"errno": fault.errno, "file": fault.filename}
    finally:
        logger.removeHandler(warnings)
    return answer | {"log": [record.getMessage() for record in warnings.buffer]}


def main() -> None:
    """Answer jobs, one at a time: a line names a mkdocs.yml and a folder, a line says what became of it."""
    # What libraries print must not reach the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    jobs: queue.SimpleQueue[list[str]] = queue.SimpleQueue()

    def read() -> None:
        for line in sys.stdin:
            jobs.put(json.loads(line))
        # The engine has ended, or was killed.
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    # Slow to load, and needed by every build: while the engine is still reading the records.
    import jieba
    import material.plugins.search.plugin

    del material
    jieba.setLogLevel(logging.WARNING)
    jieba.initialize()
    while True:
        answers.write(json.dumps(_answer(*jobs.get())) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
