"""The guides say what is so: their commands exist, their links lead somewhere, their example works as pasted."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from trees import copy_of

from lingtouyan.cli import _parser, main

ROOT = Path(__file__).resolve().parents[1]
GUIDES = sorted((ROOT / "docs/guide").glob("*.md"))
_BLOCK = re.compile(r"^```(\w+)(?: (\w+)=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[str]:
    """Return the lines of a guide that call the tool, in text and in blocks."""
    blocks = [m[4] for m in _BLOCK.finditer(page.read_text("utf-8")) if m[1] == "sh"]
    return [line for block in blocks for line in block.splitlines() if line.startswith("lingtouyan ")]


@pytest.mark.parametrize("page", GUIDES, ids=lambda p: p.stem)
def test_every_command_of_a_guide_is_one(page: Path) -> None:
    for line in commands(page):
        arguments = shlex.split(line)[1:]
        options, rest = _parser()[0].parse_known_args(arguments)
        assert not rest, line
        assert options.run.__name__ == f"_{arguments[0]}"


@pytest.mark.parametrize("page", GUIDES, ids=lambda p: p.stem)
def test_every_link_of_a_guide_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


def test_every_place_that_a_guide_names_is_there() -> None:
    text = "".join(p.read_text("utf-8") for p in GUIDES)
    named = set(re.findall(r"`((?:records/city|\.ci|\.gitea|\.gitlab|\.github|requirements)[\w./-]*)`", text))
    assert len(named) > 5
    # What a city has at its root stands here with its host's files.
    roots = [ROOT, *(ROOT / ".ci/hosts").iterdir()]
    assert [n for n in sorted(named) if not any((r / n).exists() for r in roots)] == []


@pytest.mark.exhaustive
def test_the_example_works_as_pasted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = copy_of("parliament", tmp_path / "tree")
    page = ROOT / "docs/guide/rules.md"
    for _, how, name, content in _BLOCK.findall(page.read_text("utf-8")):
        if how:
            target = tree / name
            target.parent.mkdir(parents=True, exist_ok=True)
            before = target.read_text("utf-8") if how == "append" else ""
            target.write_text(before + content, "utf-8")
    assert main(["--root", str(tree), "check"]) == 0
    assert "水井W0002深80米" in capsys.readouterr().out
    assert main(["--root", str(tree), "dossiers", "well-card", "--key", "W0001"]) == 0
    assert (tree / "build/prints/internal/wells/W0001.pdf").is_file()
    assert main(["--root", str(tree), "build", "--edition", "public", "--no-dossiers"]) == 0
    assert "W0002" in (tree / "build/public/site/wells/index.html").read_text("utf-8")
