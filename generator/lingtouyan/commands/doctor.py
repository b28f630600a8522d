"""What this machine must have to check, build and print, and what is missing.

Says it in lines that a person who set up the machine can act on: every fault names the package that mends it.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from lingtouyan.pdf.fonts import (
    LIBRARIES,
    RARE,
    RARE_PACKAGES,
    find_stacks,
    installed,
    library_version,
    load_library,
)
from lingtouyan.problems import UsageError

_PACKAGES = ("duckdb", "frictionless", "jinja2", "mkdocs", "mkdocs-material", "weasyprint", "fonttools")
_TEST_PROGRAMS = (("chromium", "chromium"), ("pdftotext", "poppler-utils"))


def doctor() -> list[str]:
    """Check the machine, print a line for each thing it needs, and return what is missing and must be mended."""
    missing = []
    for mark, line in _findings():
        sys.stdout.write(f"{mark} {line}\n")
        if mark == "✗":
            missing.append(line)
    end = f"有 {len(missing)} 项需要先处理，见上面标 ✗ 的行。" if missing else "本机可以使用。"
    sys.stdout.write(f"\n{end}\n")
    return missing


def _findings() -> Iterator[tuple[str, str]]:
    """Yield (mark, line): ✓ is there, ✗ must be mended, · is a hint."""
    yield "✓", f"Python {platform.python_version()}（{platform.system()} {platform.machine()}）"
    yield _program("git", "git", "✗", "不能读取历史")
    yield _program("bwrap", "bubblewrap", "·", "不能用 --untrusted 隔离陌生人的内容")
    for name in _PACKAGES:
        try:
            yield "✓", f"{name} {version(name)}"
        except PackageNotFoundError:
            yield "✗", f"没有 Python 软件包 {name}。请运行：make site"
    yield from _libraries()
    yield from _fonts()
    for program, package in _TEST_PROGRAMS:
        yield _program(program, package, "·", "只有运行测试（make test）才需要")


def _program(program: str, package: str, absent: str, why: str) -> tuple[str, str]:
    path = shutil.which(program)
    if path is None:
        return absent, f"没有找到 {program}，{why}。可安装：apt install {package}"
    option = "-v" if program == "pdftotext" else "--version"
    try:
        done = subprocess.run([path, option], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return absent, f"{program} 不能运行，{why}。可重新安装：apt install --reinstall {package}"
    words = (done.stdout or done.stderr).strip().splitlines()
    return "✓", words[0] if words else program


def _libraries() -> Iterator[tuple[str, str]]:
    for library, package in LIBRARIES.items():
        if load_library(library) is None:
            yield "✗", f"没有找到 {library}，不能排印 PDF。请安装：apt install {package}"
        else:
            yield "✓", f"{library} {library_version(library)}".strip()


def _fonts() -> Iterator[tuple[str, str]]:
    try:
        stacks = find_stacks()
    except UsageError as fault:
        yield "✗", str(fault)
        return
    for stack in stacks:
        first, role = stack.fonts[0].name, stack.role
        if stack.proper:
            yield "✓", f"{role.title}：{first}"
        elif first == role.stand_ins[0]:
            better = "、".join(role.proper[:2])
            yield "✓", f"{role.title}：{first}（开源字体代用；装有 {better} 时优先用它们）"
        else:
            yield "·", f"{role.title}：{first}（代用；{role.advice}）"
    missing = [name for name in RARE if name.lower() not in installed()]
    if missing:
        advice = f"遇到这些字时会停止打印。可安装：apt install {' '.join(RARE_PACKAGES)}"
        yield "·", f"缺少生僻字字体 {'、'.join(missing)}，{advice}"
    else:
        yield "✓", "生僻字：BabelStone Han、花园明朝"
