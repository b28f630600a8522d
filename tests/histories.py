"""Repositories with a history, for the tests that look at one: the sample city over three terms, and a small one.

Fixtures for the `conftest.py` of each room that needs them; the city is made once, whichever asks first.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from trees import Tree

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "benchmarks/cities")]

from history import Made, make_history  # noqa: E402
from repository import Repository  # noqa: E402

PEOPLE = [
    "id",
    "name",
    {"name": "born", "type": "date"},
    {"name": "phone", "sensitivity": "restricted"},
    "school_name",
]


@cache
def _made(factory: Callable[[str], Path]) -> Made:
    return make_history(ROOT, factory("history") / "city", 300)


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The sample city's repository. Nobody writes to it; `copy_of_city` is there for that."""
    return _made(tmp_path_factory.mktemp)


@pytest.fixture
def copy_of_city(city: Made, tmp_path: Path) -> Path:
    """A copy to commit to; its objects are shared."""
    target = tmp_path / "city"
    shutil.copytree(city.root, target, symlinks=True, copy_function=shutil.copy2)
    return target


@pytest.fixture
def repository(tree: Tree) -> Repository:
    """People as documents with two lists, villages as tables in two folders."""
    tree.table("people", PEOPLE, path="records/*/people/*.yaml", primaryKey=["id"], label="name")
    tree.table(
        "posts",
        ["id", "post", "place", {"name": "ordinal", "type": "integer"}],
        parent="people",
        property="posts",
        primaryKey=["id", "ordinal"],
    )
    tree.table(
        "honours", ["id", "title", "level"], parent="people", property="honours", primaryKey=["id", "title"]
    )
    tree.table("villages", ["village", "name", "size"], path="records/*/villages.csv", primaryKey=["village"])
    return Repository(tree)
