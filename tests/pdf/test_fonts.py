"""Typefaces: what prints here, what no font holds, and glyphs that every reader finds by the same number."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pypdf
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont
from paper import words

from lingtouyan.pdf import fonts
from lingtouyan.pdf.fonts import FontFile, configuration, find_stacks
from lingtouyan.pdf.render import DossierJob, DossierReport, render_dossiers
from lingtouyan.problems import UsageError

pytestmark = pytest.mark.exhaustive

NAMES = "李示范 王𬭎𠮷䶮㛃 阿卜杜热合曼·买买提图尔荪 喆堃珺翀赟祎"


@pytest.fixture
def fresh():
    """Let this test see fonts of its own, and later tests the machine's again."""
    fonts.installed.cache_clear()
    yield
    fonts.installed.cache_clear()


@cache
def held(font: FontFile) -> frozenset[int]:
    with TTFont(font.path, fontNumber=font.index, lazy=True) as opened:
        return frozenset(opened.getBestCmap())


def lacking(codes) -> dict[str, list[int]]:
    """Role -> those of the characters that no font of its stack holds."""
    return {s.role.name: sorted(set(codes).difference(*(held(f) for f in s.fonts))) for s in find_stacks()}


def print_text(folder: Path, text: str, role: str = "fangsong") -> DossierReport:
    page = f'<!doctype html><html lang="zh-CN"><title>表</title><p style="font-family: var(--font-{role})">{text}</p>'
    return render_dossiers([DossierJob("a.pdf", page, "表")], files={}, out=folder)


def make_font(path: Path, name: str, characters: str) -> None:
    square = TTGlyphPen(None)
    square.moveTo((0, 0))
    square.lineTo((0, 800))
    square.lineTo((800, 800))
    square.closePath()
    glyphs = {".notdef": square.glyph(), **{f"u{ord(c):x}": square.glyph() for c in characters}}
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(list(glyphs))
    builder.setupCharacterMap({ord(c): f"u{ord(c):x}" for c in characters})
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics(dict.fromkeys(glyphs, (1000, 0)))
    builder.setupHorizontalHeader(ascent=880, descent=-120)
    builder.setupNameTable(
        {"familyName": name, "styleName": "Regular", "fullName": name, "psName": "Own-Regular"}
    )
    builder.setupOS2(sTypoAscender=880, usWeightClass=400)
    builder.setupPost()
    path.parent.mkdir(parents=True, exist_ok=True)
    builder.save(path)


def test_names_that_people_bear_can_be_printed_in_every_role():
    assert not any(lacking(map(ord, NAMES)).values())


def test_every_character_of_the_national_standard_can_be_printed():
    # GB 18030-2022 up to its third level: the unified ideographs through extension F.
    blocks = [(0x3400, 0x4DBF), (0x4E00, 0x9FA5), (0x20000, 0x2A6D6), (0x2A700, 0x2B734), (0x2B740, 0x2B81D),
              (0x2B820, 0x2CEA1), (0x2CEB0, 0x2EBE0)]  # fmt: skip
    found = lacking(code for first, last in blocks for code in range(first, last + 1))
    assert {role: len(missing) for role, missing in found.items()} == dict.fromkeys(found, 0)


@pytest.mark.slow
@pytest.mark.parametrize("character", ["\ue123", "\U000f0001", "\ufffd", "\u0378", "ཀ"])
def test_what_no_font_holds_or_no_standard_defines_is_named(tmp_path, character):
    report = print_text(tmp_path, f"李{character}示范")
    assert [p.rule for p in report.problems] == ["missing-glyph"]
    assert f"U+{ord(character):04X}" in report.problems[0].message


@pytest.mark.slow
def test_characters_that_print_nothing_need_no_glyph(tmp_path):
    assert print_text(tmp_path, "示\n\t范 \u00a0\u3000\u200b\u200d葛\U000e0100").problems == []


@pytest.mark.slow
def test_names_in_other_scripts_and_in_the_newest_ideographs_are_printed_with_what_is_installed(tmp_path):
    # Unicode 15, and a script for which only a font of the whole world is installed.
    assert print_text(tmp_path, "陈长\U00031350 ئۇيغۇرچە").problems == []
    assert "陈长\U00031350" in words(tmp_path / "a.pdf")


@pytest.mark.slow
def test_advice_names_a_package_for_the_script(tmp_path):
    said = [print_text(tmp_path, text).problems[0].message for text in ("ཀ", "\U0002ebf0")]
    assert "fonts-noto-core" in said[0]
    assert "fonts-babelstone-han" in said[1]


@pytest.mark.slow
def test_a_glyph_bears_the_number_of_its_place_so_that_strict_readers_show_the_same_character(tmp_path):
    for role in ("biaosong", "fangsong", "kaiti", "heiti", "songti"):
        print_text(tmp_path / role, f"{NAMES} 2026 abc", role)
        (page,) = pypdf.PdfReader(tmp_path / role / "a.pdf").pages
        for font in page["/Resources"]["/Font"].values():
            descriptor = font["/DescendantFonts"][0].get_object()["/FontDescriptor"]
            if "/FontFile3" not in descriptor:
                continue
            made = TTFont(io.BytesIO(descriptor["/FontFile3"].get_data()))
            order = made.getGlyphOrder()
            assert order == [".notdef", *(f"cid{n:05}" for n in range(1, len(order)))]


@pytest.mark.slow
def test_the_digits_of_one_number_look_alike(tmp_path):
    # Fonts have other digits for some languages, and a run that begins with a letter counts as another language.
    print_text(tmp_path, "提交 34fcb28487", "heiti")
    (page,) = pypdf.PdfReader(tmp_path / "a.pdf").pages
    (font,) = page["/Resources"]["/Font"].values()
    table = font["/ToUnicode"].get_data().decode("latin-1")
    glyphs = {c: g for g, c in re.findall(r"<([0-9a-f]{4})> <00(3[0-9])>", table)}
    digits = sorted(int(g, 16) - int(c, 16) for c, g in glyphs.items())
    assert len(set(digits)) == 1


@pytest.mark.usefixtures("fresh")
def test_the_proper_typeface_is_taken_when_it_is_installed(tmp_path, monkeypatch):
    make_font(tmp_path / "fonts" / "own.ttf", "仿宋_GB2312", "李示范 ")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    stack = {s.role.name: s for s in find_stacks()}["fangsong"]
    assert stack.proper
    assert stack.fonts[0].name == "Own-Regular"
    # What it lacks comes from the fonts behind it.
    said = configuration([stack])
    assert said.index("<string>仿宋_GB2312</string>") < said.index("<string>BabelStone Han</string>")
    assert print_text(tmp_path / "out", "李村𬭎").problems == []
    assert words(tmp_path / "out" / "a.pdf") == "李村𬭎"


@pytest.mark.usefixtures("fresh")
def test_a_machine_without_fonts_is_told_what_to_install(tmp_path, monkeypatch):
    empty = tmp_path / "fonts.conf"
    empty.write_text(f"<fontconfig><cachedir>{tmp_path}</cachedir></fontconfig>")
    monkeypatch.setenv("FONTCONFIG_FILE", str(empty))
    monkeypatch.setattr(fonts, "_MORE_FOLDERS", ())
    with pytest.raises(UsageError, match="apt install fonts-noto-cjk"):
        find_stacks()


def test_the_doctor_names_what_is_missing(tmp_path):
    # A machine with nothing on its path: git and fontconfig cannot be found.
    script = "import sys; from lingtouyan.commands.doctor import doctor; sys.exit(len(doctor()))"
    environment = {
        **os.environ,
        "PATH": str(tmp_path),
        "PYTHONPATH": str(Path(__file__).parents[2] / "generator"),
    }
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert "apt install git" in done.stdout
    assert "apt install fontconfig" in done.stdout
    assert "✗" in done.stdout
    assert "有 2 项需要先处理" in done.stdout


def test_the_doctor_is_content_with_a_machine_that_runs_the_tests(capsys):
    from lingtouyan.commands.doctor import doctor

    assert doctor() == []
    out = capsys.readouterr().out
    assert "仿宋：" in out
    assert "libharfbuzz-subset" in out
    assert "本机可以使用。" in out
