"""MkDocs in a process of its own: starts it early, hands it settings to build by, explains its faults."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, Any, Self, cast

from lingtouyan.problems import WORDING, os_fault, quoted
from lingtouyan.website.site_config import SiteError

_CHILD = Path(__file__).with_name("mkdocs_child.py")
# Nothing of the caller's environment: it may hold secrets, and must not change the result. The time is constant because
# pages do not carry one; the sitemap, which does, is the engine's own.
_ENVIRONMENT = {"PATH": os.defpath, "LANG": "C.UTF-8", "SOURCE_DATE_EPOCH": "0", "NO_MKDOCS_2_WARNING": "1"}


class MkDocs:
    """A running child; as a context, it is ended when left. Sites are built in the order in which they are asked for."""

    def __init__(self) -> None:
        # jieba keeps a cache of its dictionary in TMPDIR: not where another user could put one.
        self._folder = tempfile.TemporaryDirectory(prefix="lingtouyan-")
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 -- closed with the process
        # -I: no PYTHON* variables, no user site, and neither the working directory nor the script's in sys.path.
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(_CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=self._folder.name,
            env={**_ENVIRONMENT, "TMPDIR": self._folder.name},
            text=True,
            encoding="utf-8",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the child; what is under way is abandoned."""
        with self._process as process:
            process.kill()
        self._errors.close()
        self._folder.cleanup()

    def order(self, config_file: Path, out: Path) -> None:
        """Have the site that a mkdocs.yml describes built into a folder; `wait` says what became of it."""
        stdin = cast("IO[str]", self._process.stdin)
        # `wait` reports a child that has ended.
        with contextlib.suppress(BrokenPipeError):
            stdin.write(json.dumps([str(config_file.resolve()), str(out.resolve())]) + "\n")
            stdin.flush()

    def wait(self) -> None:
        """Wait for the first site ordered that was not waited for.

        Raises:
            SiteError: the pages, the theme or the settings are at fault, or the disk is full.
        """
        line = cast("IO[str]", self._process.stdout).readline()
        if not line:
            self._errors.seek(0)
            raise SiteError(_ended(self._errors.read().decode("utf-8", "replace").strip()))
        answer: dict[str, Any] = json.loads(line)
        if "fault" in answer:
            raise SiteError(_explained(answer))
        if answer["log"]:
            lines = "\n".join(f"- {_translated(text)}" for text in dict.fromkeys(answer["log"]))
            raise SiteError(f"网站页面有问题：\n{lines}")


def _translated(line: str) -> str:
    for pattern, message in WORDING["mkdocs_warnings"].items():
        if match := re.search(pattern, line):
            return message.format(*map(quoted, match.groups()))
    return line


def _ended(said: str) -> str:
    if found := re.search(r"ModuleNotFoundError: No module named '(.+?)'", said):
        return f"缺少程序库 {found[1]}，网站不能生成。请运行 make 重新安装。"
    return f"MkDocs 意外终止，可能是内存不够。请关闭其他程序后重试。\n{said[-2000:]}".rstrip()


def _explained(answer: dict[str, Any]) -> str:
    fault, message = answer["fault"], answer["message"]
    page = next((m[1] for text in answer["log"] if (m := re.search(r"page '(.+?)'", text))), "")
    where = f"（页面 {page}）" if page else ""
    if answer.get("errno"):
        return os_fault(OSError(answer["errno"], os.strerror(answer["errno"]), answer["file"]))
    for names, words in WORDING["mkdocs"].items():
        if re.fullmatch(names, fault):
            return words.format(where, quoted(message, 160))
    told = "\n".join(f"- {_translated(text)}" for text in answer["log"])
    return f"MkDocs 不能生成网站{where}：{fault}：{message}\n{told}".rstrip() + "\n请检查 mkdocs.yml 和页面。"
