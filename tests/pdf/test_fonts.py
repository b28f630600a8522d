"""Typefaces: what prints here, what no font holds, and cuts that depend on nothing but their own characters."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.recordingPen import RecordingPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont

from lingtouyan.pdf import fonts
from lingtouyan.pdf.cutting import Face
from lingtouyan.pdf.fonts import (
    characters_of,
    cut_common,
    find_stacks,
    rare_style,
    repertoire,
    unprintable,
)
from lingtouyan.problems import UsageError

NAMES = "李示范 王𬭎𠮷䶮㛃 阿卜杜热合曼·买买提图尔荪 喆堃珺翀赟祎"


@pytest.fixture(scope="module")
def cuts(tmp_path_factory):
    return cut_common(find_stacks(), tmp_path_factory.mktemp("fonts"))


@pytest.fixture
def fresh():
    """Let this test see fonts of its own, and later tests the machine's again."""
    found = (fonts._scanned, fonts.installed, fonts.face, fonts._common_cut)
    for function in found:
        function.cache_clear()
    yield
    for function in found:
        function.cache_clear()


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


def test_names_that_people_bear_can_be_printed_in_every_role(cuts):
    assert unprintable(NAMES, cuts) == []


def test_every_character_of_the_national_standard_can_be_printed(cuts):
    # GB 18030-2022 up to its third level: the unified ideographs through extension F.
    blocks = [(0x3400, 0x4DBF), (0x4E00, 0x9FA5), (0x20000, 0x2A6D6), (0x2A700, 0x2B734), (0x2B740, 0x2B81D),
              (0x2B820, 0x2CEA1), (0x2CEB0, 0x2EBE0)]  # fmt: skip
    missing = unprintable((chr(code) for first, last in blocks for code in range(first, last + 1)), cuts)
    assert len(missing) == 0, f"{len(missing)} missing, e.g. {missing[:5]}"


@pytest.mark.parametrize("character", ["\ue123", "\U000f0001", "\ufffd", "\u0378", "ئ", "ཀ"])
def test_what_no_font_holds_or_no_standard_defines_is_named(cuts, character):
    assert unprintable(f"李{character}示范", cuts) == [character]


def test_characters_that_print_nothing_need_no_glyph(cuts):
    assert unprintable("示\n\t范 \u00a0\u3000\u200b\u200d葛\U000e0100", cuts) == []


def test_dash_and_middle_dot_are_common_in_both_of_their_forms():
    assert set("—―·・…“”（）《》0Az〔〕") <= set(repertoire())


def test_a_cut_depends_on_its_characters_only():
    stack = find_stacks()[0]
    font = stack.fonts[0]
    first = Face(font.path, font.index).cut("李示范村")
    assert first == Face(font.path, font.index).cut("村范示李李")
    assert "李" in fonts.face(font)
    assert len(first) < 100_000


@pytest.mark.parametrize("count", [1, 3, 200, 400, 7000])
def test_a_glyph_bears_the_number_of_its_place_so_that_strict_readers_show_the_same_character(count):
    text = "李" + "".join(c for c in repertoire() if "一" <= c <= "龥" and c != "李")[: count - 1]
    for stack in find_stacks(open_only=True):
        data = Face(stack.fonts[0].path, stack.fonts[0].index).cut(text)
        font = TTFont(io.BytesIO(data), checkChecksums=2)
        if "CFF " not in font:
            continue
        top = font["CFF "].cff[0]
        order = font.getGlyphOrder()
        if hasattr(top, "ROS"):
            assert order == [".notdef", *(f"cid{n:05}" for n in range(1, len(order)))]
        # It is still the same shape.
        shapes = []
        with TTFont(stack.fonts[0].path, fontNumber=stack.fonts[0].index, lazy=True) as whole:
            for each in (font, whole):
                pen = RecordingPen()
                each.getGlyphSet()[each.getBestCmap()[ord("李")]].draw(pen)
                shapes.append(pen.value)
        assert shapes[0] == shapes[1]


def test_only_what_the_common_cut_lacks_is_cut_for_a_document(cuts, tmp_path):
    assert rare_style("李示范 2026", cuts, tmp_path) == ""
    assert list(tmp_path.iterdir()) == []
    style = rare_style("李示范 𬭎", cuts, tmp_path)
    assert "--font-fangsong:" in style
    for file in tmp_path.iterdir():
        held = Face(file)
        assert "𬭎" in held
        # A space inside a rare name is taken from the rare font.
        assert " " in held
        assert "李" not in held


def test_text_and_what_a_style_sheet_may_print_are_told_apart():
    page = (
        '<html><head><style>p::before { content: "甲" }</style></head>'
        '<body><p data-x="乙&#x4E19;">丁&amp;<!-- 戊 --></p><img src="data:image/png;base64,己"></body></html>'
    )
    printed, possible = characters_of(page)
    assert printed == set("丁&")
    assert {"甲", "乙", "丙"} <= possible
    assert "己" not in possible


@pytest.mark.usefixtures("fresh")
def test_the_proper_typeface_is_taken_when_it_is_installed(tmp_path, monkeypatch):
    make_font(tmp_path / "fonts" / "own.ttf", "仿宋_GB2312", "李示范 ")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    stack = {s.role.name: s for s in find_stacks()}["fangsong"]
    assert stack.proper
    assert stack.fonts[0].name == "Own-Regular"
    # What it lacks comes from the fonts behind it.
    assert unprintable("李村𬭎", cut_common([stack], tmp_path)) == []
    open_stack = {s.role.name: s for s in find_stacks(open_only=True)}["fangsong"]
    assert not open_stack.proper
    assert open_stack.fonts[0].name != "Own-Regular"


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
    script = "import sys; from lingtouyan.doctor import doctor; sys.exit(len(doctor()))"
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
    from lingtouyan.doctor import doctor

    assert doctor() == []
    out = capsys.readouterr().out
    assert "仿宋：" in out
    assert "libharfbuzz-subset" in out
    assert "本机可以使用。" in out
