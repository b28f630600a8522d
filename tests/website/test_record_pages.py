"""Record pages made by several processes: what comes out is what one process makes, and so is what is said of a fault."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from small_site import contents
from trees import copy_of

from lingtouyan.commands.build import build
from lingtouyan.problems import Problem, RecordsError
from lingtouyan.website import record_pages

pytestmark = pytest.mark.exhaustive

PAGE = "site/pages/members/member.md"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return copy_of("parliament", tmp_path / "tree")


def faults(tree: Path) -> list[Problem]:
    with pytest.raises(RecordsError) as caught:
        build(tree, edition="internal", dossiers=False)
    return caught.value.problems


def several(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have processes make the pages of the smallest site, too."""
    monkeypatch.setattr(record_pages, "MANY", 1)
    monkeypatch.setattr(record_pages, "SHARE", 2)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2})


def test_several_processes_give_the_bytes_of_one(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not build(tree, edition="internal", dossiers=False).refused
    alone = contents(tree / "build" / "internal")
    several(monkeypatch)
    assert not build(tree, edition="internal", dossiers=False).refused
    assert contents(tree / "build" / "internal") == alone


def test_a_fault_on_a_late_page_is_told_as_one_process_tells_it(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tree / PAGE
    path.write_text(
        path.read_text("utf-8") + "\n\n{% if row.member_id > 'M002' %}{{ row.nothing }}{% endif %}\n", "utf-8"
    )
    alone = faults(tree)
    assert "nothing" in alone[0].message
    several(monkeypatch)
    assert faults(tree) == alone
    assert not list((tree / "build").glob(".*.new"))


def test_a_template_that_fetches_from_elsewhere_or_runs_a_value_is_named(tree: Path) -> None:
    path = tree / PAGE
    text = path.read_text("utf-8")
    # Which words are refused is tried in test_vet.py.
    path.write_text(f"{text}\n\n<p onclick='x'>x</p>\n", "utf-8")
    (problem,) = faults(tree)
    assert problem.file == PAGE
    assert "外部网址或内嵌脚本" in problem.message
