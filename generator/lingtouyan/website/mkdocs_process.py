"""The engine's end of the MkDocs child: starts it apart from the tree, hands it jobs, explains its faults."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from threading import Lock
from typing import IO, TYPE_CHECKING, Any, Self, cast

from lingtouyan.problems import quoted
from lingtouyan.website.site_config import SiteError, read_config

if TYPE_CHECKING:
    from types import TracebackType

SANDBOX = Path(__file__).with_name("mkdocs_sandbox.py")

# Nothing of the caller's environment: it may hold secrets, and it must not change the result. The
# time is constant because pages do not carry one; the sitemap, which does, is the engine's own.
_ENVIRONMENT = {"PATH": os.defpath, "LANG": "C.UTF-8", "SOURCE_DATE_EPOCH": "0", "NO_MKDOCS_2_WARNING": "1"}

# Of the processor, for one page; the largest takes a few.
PAGE_SECONDS = 120.0

_WARNINGS = (
    (
        re.compile(r"Doc file '(.+?)' contains a link '(.+?)', but the target.* is not found"),
        "{0} 里的链接 {1} 指向的页面不存在。请改正链接，或补上那个页面。",
    ),
    (
        re.compile(r"A reference to '(.+?)' is included in the 'nav' configuration"),
        "mkdocs.yml 的 nav 里有 {0}，但没有这个页面。请删去这一项，或补上那个页面。",
    ),
)


class MkDocs:
    """A running child that has MkDocs imported. Jobs are built one at a time, each in a fresh copy of it."""

    def __init__(self, theme: Path | None) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 -- closed with the process
        self._lock = Lock()
        # -I: no PYTHON* variables, no user site, and neither the working directory nor the script's in sys.path.
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(SANDBOX), str(theme or "")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd="/",
            env=_ENVIRONMENT,
            text=True,
            encoding="utf-8",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child; a job under way is abandoned."""
        with self._process as process:
            process.kill()
        self._errors.close()

    def run(self, job: dict[str, Any]) -> dict[str, Any]:
        """Build one job.

        Raises:
            SiteError: the pages, the theme or the settings are at fault.
        """
        stdin, stdout = cast("IO[str]", self._process.stdin), cast("IO[str]", self._process.stdout)
        with self._lock:
            try:
                stdin.write(json.dumps(job | {"page_seconds": PAGE_SECONDS}) + "\n")
                stdin.flush()
                line = stdout.readline()
            except BrokenPipeError:
                line = ""
        if not line:
            self._errors.seek(0)
            raise SiteError(
                f"MkDocs 没有启动成功：\n{self._errors.read().decode('utf-8', 'replace').strip()}"
            )
        answer: dict[str, Any] = json.loads(line)
        if "fault" in answer:
            raise SiteError(_explain(answer))
        if answer["log"]:
            lines = "\n".join(f"- {_translate(text)}" for text in dict.fromkeys(answer["log"]))
            raise SiteError(f"网站页面有问题：\n{lines}")
        return answer


def warm_up(root: Path) -> MkDocs:
    """Start the child for the site of `root` ahead of time: it imports while the records are being read.

    Raises:
        SiteError: mkdocs.yml or the theme is not acceptable.
    """
    return MkDocs(read_config(root).theme)


def _translate(line: str) -> str:
    for pattern, message in _WARNINGS:
        if match := pattern.search(line):
            return message.format(*map(quoted, match.groups()))
    return line


def _explain(answer: dict[str, Any]) -> str:
    fault, message = answer["fault"], answer["message"]
    page = next((m[1] for text in answer["log"] if (m := re.search(r"page '(.+?)'", text))), "")
    where = f"（页面 {page}）" if page else ""
    if fault == "ModuleNotFoundError":
        library = re.search(r"'(.+?)'", message)
        return f"缺少程序库 {library[1] if library else message}，网站不能生成。请运行 make 重新安装。"
    if fault in ("SecurityError", "ForbiddenError"):
        return (
            f"网站的模板或页面试图做不允许的操作（读取网站以外的文件、运行程序或访问内部对象），已经阻止{where}："
            f"{quoted(message, 160)}。请检查主题文件夹里的模板。"
        )
    if fault.startswith("Template") or fault == "UndefinedError":
        return f"主题模板有误{where}：{quoted(message, 160)}。请检查主题文件夹里的模板。"
    if fault == "OverrunError":
        return (
            f"页面 {quoted(message, 160)} 用去处理器 {PAGE_SECONDS:.0f} 秒仍未生成，已停止。"
            "请检查内容是否异常庞大、有没有成千上万个连在一起的括号或符号。"
        )
    if fault == "RecursionError":
        return f"网站的页面或模板嵌套过深，无法生成{where}。请检查列表、引用和宏的层次。"
    if fault in ("Killed", "MemoryError", "OverflowError"):
        return "生成网站时超出了时间或内存的上限。请检查主题文件夹里的模板是否有过大的循环。"
    return f"MkDocs 生成网站时出错{where}：{fault}: {message}\n{answer['trace']}"
