"""Record pages made by several processes: what comes out is what one process makes, and so is what is said of a fault."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from small_site import contents
from trees import copy_of

from lingtouyan.commands import shares
from lingtouyan.commands.building import build
from lingtouyan.problems import Problem, RecordsError, UsageError

PAGE = "site/pages/members/member.md"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return copy_of("parliament", tmp_path / "tree")


def faults(tree: Path) -> list[Problem]:
    with pytest.raises(RecordsError) as caught:
        build(tree, edition="internal", dossiers=False)
    return caught.value.problems


def several(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Have processes make the pages of the smallest site, too; count the shares that they are handed."""
    counted: list[int] = []
    split = shares.Hands.split
    monkeypatch.setattr(shares, "WORTH", 1)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2})
    monkeypatch.setattr(
        shares.Hands, "split", lambda hands, share: [counted.append(1) or s for s in split(hands, share)]
    )
    return counted


def test_several_processes_give_the_bytes_of_one_and_are_remembered_alike(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not build(tree, dossiers=False).refused
    alone = {name: contents(tree / "build" / name) for name in ("public", "internal")}
    (tree / "build").rename(tree.parent / "build of one")
    counted = several(monkeypatch)
    assert not build(tree, dossiers=False).refused
    assert len(counted) > 2
    assert {name: contents(tree / "build" / name) for name in alone} == alone
    counted.clear()
    report = build(tree, edition="internal", dossiers=False)
    assert "记录页（新做 0）" in report.lines[0]
    assert not counted
    assert contents(tree / "build/internal") == alone["internal"]


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


class Deadly:
    """A share that ends the process which is handed it."""

    pages = ()

    def __reduce__(self) -> tuple[object, ...]:
        return os._exit, (9,)


def test_a_process_that_dies_is_told_of_in_words() -> None:
    with shares.hands() as hands, pytest.raises(UsageError, match="意外终止"):
        hands.put([Deadly()], "")  # type: ignore[list-item]
