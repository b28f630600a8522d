"""Typefaces by role: which installed font prints 仿宋 or 黑体 here, what it holds, what is cut out of it.

A style sheet says `font-family: var(--font-fangsong)`; this room decides which file that is on this machine.
"""

from __future__ import annotations

import hashlib
import html.parser
import re
import subprocess
import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lingtouyan.pdf.cutting import Face
from lingtouyan.problems import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Role:
    """A kind of type in official documents.

    Attributes:
        name: the style sheet variable is `--font-<name>`.
        title: what printers call it.
        proper: names of the typefaces that the standard means, best first (PostScript, full or family name).
        stand_ins: open typefaces that come closest, best first.
        package: the Debian package with a stand-in.
        advice: how to come by the best stand-in, when it is not there.
    """

    name: str
    title: str
    proper: tuple[str, ...]
    stand_ins: tuple[str, ...]
    package: str
    advice: str


ROLES = (
    Role(
        "biaosong",
        "小标宋",
        ("方正小标宋简体", "方正小标宋_GBK", "FZXBSJW--GB1-0", "FZXiaoBiaoSong-B05S", "FZXiaoBiaoSong-B05"),
        ("NotoSerifCJKsc-Bold", "NotoSerifCJKsc-SemiBold", "NotoSerifCJKsc-Regular"),
        "fonts-noto-cjk",
        "可安装：apt install fonts-noto-cjk",
    ),
    Role(
        "fangsong",
        "仿宋",
        ("仿宋_GB2312", "FangSong_GB2312", "FangSong", "仿宋", "方正仿宋_GBK", "方正仿宋简体", "STFangsong"),
        ("FandolFang-Regular", "LXGWWenKai-Light", "NotoSerifCJKsc-Light", "NotoSerifCJKsc-Regular"),
        "fonts-lxgw-wenkai",
        "Debian 软件包 texlive-lang-chinese 中的 FandolFang 更接近仿宋",
    ),
    Role(
        "kaiti",
        "楷体",
        ("楷体_GB2312", "KaiTi_GB2312", "KaiTi", "楷体", "方正楷体_GBK", "方正楷体简体", "STKaiti"),
        ("LXGWWenKai-Regular", "FandolKai-Regular", "ARPLKaitiMGB", "NotoSerifCJKsc-Regular"),
        "fonts-lxgw-wenkai",
        "可安装：apt install fonts-lxgw-wenkai",
    ),
    Role(
        "heiti",
        "黑体",
        ("SimHei", "黑体", "方正黑体_GBK", "方正黑体简体", "STHeiti"),
        ("NotoSansCJKsc-Regular", "NotoSansCJKsc-Medium"),
        "fonts-noto-cjk",
        "可安装：apt install fonts-noto-cjk",
    ),
    Role(
        "songti",
        "宋体",
        ("SimSun", "宋体", "方正书宋_GBK", "方正书宋简体", "STSong"),
        ("NotoSerifCJKsc-Regular",),
        "fonts-noto-cjk",
        "可安装：apt install fonts-noto-cjk",
    ),
)

# Characters that none of a role's own fonts holds come from these: together, all of GB 18030-2022.
RARE = ("NotoSerifCJKsc-Regular", "BabelStoneHan", "HanaMinA", "HanaMinB")
RARE_PACKAGES = ("fonts-babelstone-han", "fonts-hanazono")

# TeX keeps its fonts where fontconfig does not look.
_MORE_FOLDERS = (Path("/usr/share/texlive/texmf-dist/fonts/opentype/public/fandol"),)
_FORMAT = "%{file}\t%{index}\t%{weight}\t%{variable}\t%{postscriptname}\t%{fullname}\t%{family}\n"
_REGULAR = ("75", "80", "100")

# A run of rare characters may contain a space, which is then taken from the same font.
_SPACES = " \u00a0\u3000"


@dataclass(frozen=True, slots=True)
class FontFile:
    """One face on this machine: its file, its index in a collection, its PostScript name."""

    path: Path
    index: int
    name: str


@dataclass(frozen=True, slots=True)
class Stack:
    """What a role prints with on this machine, in the order in which a character is looked for.

    Attributes:
        role: the role.
        fonts: at least one.
        proper: the first of them is what the standard means, not a stand-in.
    """

    role: Role
    fonts: tuple[FontFile, ...]
    proper: bool


@cache
def _scanned() -> tuple[tuple[str, ...], ...]:
    folders = [str(folder) for folder in _MORE_FOLDERS if folder.is_dir()]
    lines = ""
    try:
        for command in (["fc-list"], *(["fc-scan", folder] for folder in folders)):
            command.extend(("--format", _FORMAT))
            lines += subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        raise UsageError("没有找到 fontconfig，查不到本机的字体。请安装：apt install fontconfig") from None
    return tuple(sorted(tuple(line.split("\t")) for line in lines.splitlines()))


@cache
def installed() -> Mapping[str, FontFile]:
    """Return every static face on this machine under each of its names, in lower case."""
    found: dict[str, FontFile] = {}
    for path, index, weight, variable, postscript, full, family in _scanned():
        if variable == "True" or not index.isdigit():
            continue
        font = FontFile(Path(path), int(index), re.sub(r"[^A-Za-z0-9-]", "", postscript) or "Font")
        names = {postscript, *full.split(",")}
        if weight in _REGULAR:
            names.update(family.split(","))
        for name in names:
            found.setdefault(name.lower(), font)
    return found


def find_stacks(*, open_only: bool = False) -> list[Stack]:
    """Return the stack of every role.

    Args:
        open_only: leave out the proper (bought) typefaces, so that two machines with the same packages agree.

    Raises:
        UsageError: a role has no font at all, or fontconfig is missing.
    """
    stacks = []
    for role in ROLES:
        proper = () if open_only else role.proper
        own = [name for name in (*proper, *role.stand_ins) if name.lower() in installed()]
        rare = [name for name in RARE if name.lower() in installed()]
        if not own:
            raise UsageError(f"没有可用于{role.title}的字体，不能排印。请安装：apt install {role.package}")
        fonts = dict.fromkeys(installed()[name.lower()] for name in own + rare)
        stacks.append(Stack(role, tuple(fonts), own[0] in role.proper))
    return stacks


@cache
def face(font: FontFile) -> Face:
    """Open a face; it stays open as long as the process runs."""
    return Face(font.path, font.index)


def identity(stacks: Iterable[Stack]) -> str:
    """Return a digest over the releases of all fonts: other fonts print other bytes."""
    digest = hashlib.sha256()
    for stack in stacks:
        for font in stack.fonts:
            digest.update(f"{stack.role.name}\0{font.name}\0{face(font).identity()}\n".encode())
    return digest.hexdigest()


@cache
def repertoire() -> str:
    """Return the characters that the common cut of each font holds: ASCII and GB 2312.

    It is fixed, so that the bytes of one document never depend on the characters of another. A document with
    rarer characters brings its own small cuts.
    """
    found = set(map(chr, range(0x20, 0x7F)))
    for high in range(0xA1, 0xF8):
        for low in range(0xA1, 0xFF):
            # Two tables, because they differ on the dash and the middle dot.
            for table in ("gb18030", "gb2312"):
                try:
                    character = bytes((high, low)).decode(table)
                except UnicodeDecodeError:
                    continue
                if len(character) == 1 and unicodedata.category(character) not in ("Co", "Cn"):
                    found.add(character)
    return "".join(sorted(found))


@cache
def _repertoire() -> frozenset[str]:
    return frozenset(repertoire())


@dataclass(frozen=True, slots=True)
class Cut:
    """A role's common font, cut, on disk; it travels to the workers.

    Attributes:
        stack: where it comes from.
        file: the cut font.
    """

    stack: Stack
    file: Path

    @property
    def family(self) -> str:
        """The family name under which style sheets see the cut."""
        return f"{self.stack.fonts[0].name} {self.stack.role.name}"


@cache
def _common_cut(font: FontFile) -> bytes:
    # Kept: each edition prints, and a server that watches the files prints again and again.
    return face(font).cut(repertoire())


def cut_common(stacks: Iterable[Stack], folder: Path) -> tuple[Cut, ...]:
    """Cut the first font of each stack to the common characters.

    Raises:
        UsageError: libharfbuzz-subset is missing.
    """
    cuts = []
    for stack in stacks:
        file = folder / f"{stack.role.name}.font"
        file.write_bytes(_common_cut(stack.fonts[0]))
        cuts.append(Cut(stack, file))
    return tuple(cuts)


def font_face(family: str, file: Path) -> str:
    """Return the style rule that makes a font file available under a family name."""
    return f'@font-face {{ font-family: "{family}"; font-weight: 400; src: url("{file.as_uri()}") }}\n'


def common_style(cuts: Sequence[Cut]) -> str:
    """Return the style sheet that gives every role its common font, and plain text the last role's."""
    faces = "".join(font_face(cut.family, cut.file) for cut in cuts)
    variables = "".join(f'--font-{cut.stack.role.name}: "{cut.family}"; ' for cut in cuts)
    plain = "".join(f"var(--font-{cut.stack.role.name})" for cut in cuts[-1:])
    # By element and not as `:root`, so that the plainest rule of a style sheet outweighs it.
    return f"{faces}:root {{ {variables}}}\nhtml {{ font-family: {plain} }}\n"


def _invisible(character: str) -> bool:
    """Tell characters that print nothing and need no glyph: breaks, joiners, variation selectors."""
    selector = "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
    return selector or character in _SPACES or unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp")


def is_meaningless(character: str) -> bool:
    """Tell private-use characters, whose shape is the font's whim, and the mark of one already lost."""
    return character == "\ufffd" or unicodedata.category(character) in ("Co", "Cn", "Cs")


def unprintable(characters: Iterable[str], cuts: Iterable[Cut]) -> list[str]:
    """Return the characters that some role cannot print, or only in a shape that means nothing; sorted."""
    stacks = [cut.stack for cut in cuts]
    return [
        character
        for character in sorted(set(characters))
        if not _invisible(character)
        and (
            is_meaningless(character)
            or not all(any(character in face(font) for font in stack.fonts) for stack in stacks)
        )
    ]


def common_characters(characters: Iterable[str], cuts: Sequence[Cut]) -> set[str]:
    """Return those of the characters that every common cut holds: they print, and need no other font."""
    fonts = [face(cut.stack.fonts[0]) for cut in cuts]
    return {c for c in _repertoire().intersection(characters) if all(c in font for font in fonts)}


def rare_style(characters: Iterable[str], cuts: Iterable[Cut], folder: Path) -> str:
    """Return the style sheet with what the common cuts lack of these characters, cutting the fonts for it.

    Args:
        characters: all that a document prints.
        cuts: the common cuts.
        folder: where the small cuts are written; one that is already there is used again.
    """
    common = _repertoire()
    wanted = set(characters)
    faces: dict[str, str] = {}
    variables = ""
    for cut in cuts:
        first, *_ = cut.stack.fonts
        shares: dict[FontFile, list[str]] = {}
        for character in sorted(wanted):
            if character in common and character in face(first):
                continue
            for font in cut.stack.fonts:
                if character in face(font):
                    shares.setdefault(font, []).append(character)
                    break
        if not any(set(share) - set(_SPACES) for share in shares.values()):
            continue
        families = [f'"{cut.family}"']
        for font in (font for font in cut.stack.fonts if font in shares):
            text = "".join(shares[font])
            family = f"{font.name} {hashlib.sha256(text.encode()).hexdigest()[:12]}"
            file = folder / f"{family}.font"
            if family not in faces:
                if not file.exists():
                    file.write_bytes(face(font).cut(text + _SPACES))
                faces[family] = font_face(family, file)
            families.append(f'"{family}"')
        variables += f"--font-{cut.stack.role.name}: " + ", ".join(families) + "; "
    return f"{''.join(faces.values())}:root {{ {variables}}}\n" if variables else ""


class _Text(html.parser.HTMLParser):
    """Collects the characters of a page: what is printed for sure, and what a style sheet may print."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.printed: set[str] = set()
        self.possible: set[str] = set()
        self._style = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._style += tag in ("style", "script")
        for _, value in attrs:
            if value and not value.startswith("data:"):
                self.possible.update(value)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        self._style = max(0, self._style - (tag in ("style", "script")))

    def handle_data(self, data: str) -> None:
        (self.possible if self._style else self.printed).update(data)


def characters_of(page: str) -> tuple[set[str], set[str]]:
    """Return the characters of an HTML page: those in its text, and those in attributes and styles."""
    parser = _Text()
    parser.feed(page)
    parser.close()
    return parser.printed, parser.possible
