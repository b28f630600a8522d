"""Typefaces by role: which installed font prints 仿宋 or 黑体 here, and the configuration of fontconfig that says so.

A style sheet says `font-family: var(--font-fangsong)`; this module decides which fonts those are on this machine.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import re
import subprocess
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from lingtouyan.problems import UsageError


@dataclass(frozen=True)
class Role:
    """A kind of type in official documents; `fonts.toml` says what each attribute is."""

    name: str
    title: str
    proper: list[str]
    stand_ins: list[str]
    package: str
    advice: str


_DATA: Any = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
ROLES = [Role(**role) for role in _DATA["roles"]]
RARE, RARE_PACKAGES = _DATA["rare"], _DATA["rare_packages"]
SCRIPTS, SCRIPTS_PACKAGE = _DATA["scripts"], _DATA["scripts_package"]
LIBRARIES: dict[str, str] = _DATA["libraries"]

# TeX keeps its fonts where fontconfig does not look.
_MORE_FOLDERS = (Path("/usr/share/texlive/texmf-dist/fonts/opentype/public/fandol"),)
_FORMAT = "%{file}\t%{index}\t%{weight}\t%{variable}\t%{postscriptname}\t%{fullname}\t%{family}\n"
_REGULAR = ("75", "80", "100")


@cache
def load_library(name: str) -> ctypes.CDLL | None:
    """Load a library of `LIBRARIES`; None when this machine does not have it."""
    number = 1 if name == "libfontconfig" else 0
    for file in (f"{name}.so.{number}", f"{name}.{number}.dylib"):
        with contextlib.suppress(OSError):
            return ctypes.CDLL(file)
    return None


def library_version(name: str) -> str:
    """Return the version of libpango-1.0 or libharfbuzz; empty for others and when it is missing."""
    function = {"libpango-1.0": "pango_version_string", "libharfbuzz": "hb_version_string"}.get(name)
    if function is None or (library := load_library(name)) is None:
        return ""
    getattr(library, function).restype = ctypes.c_char_p
    return str(getattr(library, function)().decode())


def require_libraries() -> None:
    """Make sure that everything printing loads is there.

    Raises:
        UsageError: something is missing; it names the packages.
    """
    if missing := [package for name, package in LIBRARIES.items() if load_library(name) is None]:
        raise UsageError(f"缺少排印 PDF 所需的系统软件。请安装：apt install {' '.join(missing)}")


@dataclass(frozen=True, slots=True)
class FontFile:
    """One face on this machine: its file, its index in a collection, its PostScript name, family and weight (fontconfig's)."""

    path: Path
    index: int
    name: str
    family: str
    weight: str


@dataclass(frozen=True, slots=True)
class Stack:
    """What a role prints with on this machine, in the order in which a character is looked for.

    At least one font; `proper` when the first of them is what the standard means, not a stand-in.
    """

    role: Role
    fonts: tuple[FontFile, ...]
    proper: bool

    @property
    def family(self) -> str:
        """What style sheets call it."""
        return f"lingtouyan {self.role.name}"


@cache
def installed() -> Mapping[str, FontFile]:
    """Return every static face on this machine under each of its names, in lower case.

    Raises:
        UsageError: fontconfig is missing.
    """
    folders = [str(folder) for folder in _MORE_FOLDERS if folder.is_dir()]
    lines = ""
    try:
        for command in (["fc-list"], *(["fc-scan", folder] for folder in folders)):
            command.extend(("--format", _FORMAT))
            lines += subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        raise UsageError("没有找到 fontconfig，查不到本机的字体。请安装：apt install fontconfig") from None
    found: dict[str, FontFile] = {}
    for line in sorted(lines.splitlines()):
        path, index, weight, variable, postscript, full, family = line.split("\t")
        if variable == "True" or not index.isdigit() or not re.fullmatch(r"[\d.]+", weight):
            continue
        families = family.split(",")
        font = FontFile(Path(path), int(index), postscript, families[-1], weight)
        for name in (postscript, *full.split(","), *(families if weight in _REGULAR else ())):
            found.setdefault(name.lower(), font)
    return found


def find_stacks() -> list[Stack]:
    """Return the stack of every role.

    Raises:
        UsageError: a role has no font at all, or fontconfig is missing.
    """
    stacks = []
    for role in ROLES:
        own = [name for name in (*role.proper, *role.stand_ins) if name.lower() in installed()]
        others = [name for name in (*RARE, *SCRIPTS) if name.lower() in installed()]
        if not own:
            raise UsageError(f"没有可用于{role.title}的字体，不能排印。请安装：apt install {role.package}")
        fonts = dict.fromkeys(installed()[name.lower()] for name in own + others)
        stacks.append(Stack(role, tuple(fonts), own[0] in role.proper))
    return stacks


def identity(stacks: Iterable[Stack]) -> str:
    """Return a digest over the releases of all fonts (their head tables, which hold a checksum of the whole)."""
    from fontTools.ttLib import TTFont

    @cache
    def head(font: FontFile) -> str:
        with TTFont(font.path, fontNumber=font.index, lazy=True) as opened:
            return str(opened.reader["head"].hex())

    said = (f"{s.role.name}\0{font.name}\0{head(font)}\n" for s in stacks for font in s.fonts)
    return hashlib.sha256("".join(said).encode()).hexdigest()


def configuration(stacks: Sequence[Stack]) -> str:
    """Return a configuration of fontconfig in which only these fonts exist, and each role is a family of its own.

    Whatever a document asks for is printed with them, the same on machines with the same packages; what none of them
    holds has no glyph, which the layout engine tells.
    """
    template = Path(__file__).with_suffix(".xml").read_text("utf-8")
    fonts = dict.fromkeys(font for stack in stacks for font in stack.fonts)
    folders = sorted({font.path.parent for font in fonts})
    made = jinja2.Template(template, autoescape=True, trim_blocks=True)
    return str(made.render(folders=folders, fonts=fonts, stacks=stacks))


def role_style(stacks: Sequence[Stack]) -> str:
    """Return the style sheet that gives every role its family, and plain text the last role's."""
    variables = "".join(f'--font-{stack.role.name}: "{stack.family}"; ' for stack in stacks)
    # Kerning, ligatures and alternates change nothing that a form needs, and let the digits of one number look unlike.
    plain = "font-kerning: none; font-variant-ligatures: none; font-feature-settings: 'locl' off"
    # By element and not as `:root`, so that the plainest rule of a style sheet outweighs it.
    return (
        f":root {{ {variables}}}\nhtml {{ font-family: var(--font-{stacks[-1].role.name}); {plain} }}\n"
        f"@page {{ {plain} }}\n"
    )
