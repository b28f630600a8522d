"""The same commit prints the same bytes wherever it is printed, and what cannot be printed is told by record."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import proof_city
import pytest
from trees import Tree

from lingtouyan.cli import main

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]


def test_folder_home_clock_language_and_rights_leave_no_trace(city, tmp_path) -> None:
    root, files = city
    elsewhere = tmp_path / "另一个 folder" / ("deep" * 30)
    shutil.copytree(root, elsewhere / "city", ignore=shutil.ignore_patterns("build"))
    for name in ("home", "temporary"):
        (elsewhere / name).mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(__file__).parents[2] / "generator"),
        "HOME": str(elsewhere / "home"),
        "TMPDIR": str(elsewhere / "temporary"),
        "XDG_CACHE_HOME": str(elsewhere / "home" / "cache"),
        "TZ": "America/Los_Angeles",
        "LC_ALL": "C",
        "PYTHONHASHSEED": "7",
        "SOURCE_DATE_EPOCH": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "lingtouyan", "--root", elsewhere / "city", "dossiers", "--out", "prints"],
        cwd=elsewhere,
        env=environment,
        umask=0o077,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    made = elsewhere / "prints"
    found = {p.relative_to(made).as_posix(): p.read_bytes() for p in sorted(made.rglob("*")) if p.is_file()}
    assert found == files
    assert list((elsewhere / "temporary").iterdir()) == []


def test_a_record_with_a_character_that_no_font_holds_is_named_and_the_others_are_printed(
    city, tmp_path, capsys
) -> None:
    shutil.copytree(city[0], tmp_path / "copy", ignore=shutil.ignore_patterns("build"))
    tree = Tree(tmp_path / "copy")
    proof_city.person(tree, "P1", "李ཀ示范", "在本村任职。")
    out = tmp_path / "out"
    assert main(["--root", str(tree.root), "dossiers", "card", "--out", str(out)]) == 1
    said = capsys.readouterr().out
    assert "records/people/P1.yaml" in said
    assert "履历卡 李ཀ示范没有排印：已安装的字体都没有“ཀ”（U+0F40）字" in said
    assert [p.name for p in out.rglob("*.pdf")] == ["P2.pdf"]


def test_names_as_people_bear_them_come_out_as_typed(city, tmp_path) -> None:
    import pypdf

    shutil.copytree(city[0], tmp_path / "copy", ignore=shutil.ignore_patterns("build"))
    tree = Tree(tmp_path / "copy")
    names = "王𠮷𬭎䶮㛃·阿卜杜热合曼·买买提图尔荪"
    proof_city.person(tree, "P1", names, "𠮷 𬭎 䶮 㛃 ·")
    files = proof_city.prints(tree.root, tmp_path / "out", "card", "--key", "P1")
    (tmp_path / "a.pdf").write_bytes(files["card/P1.pdf"])
    first = "".join(pypdf.PdfReader(tmp_path / "a.pdf").pages[0].extract_text().split())
    assert names in first
    assert "𠮷𬭎䶮㛃·" in first
    # And as another reader copies them.
    shown = subprocess.run(["pdftotext", "-raw", tmp_path / "a.pdf", "-"], check=True, capture_output=True)
    assert names in "".join(shown.stdout.decode().split())
