"""A repository with a real history, made once: the sample city over three terms, several hundred commits."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from trees import Tree

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "benchmarks"), str(Path(__file__).parent)]

from history import Made, make_history  # noqa: E402
from repository import Repository  # noqa: E402

PEOPLE = [
    "id",
    "name",
    {"name": "born", "type": "date"},
    {"name": "phone", "sensitivity": "restricted"},
    "school_name",
]


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The sample city's repository. Nobody writes to it; `copy_of_city` is there for that."""
    return make_history(ROOT, tmp_path_factory.mktemp("history") / "city", 300)


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
