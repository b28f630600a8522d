"""The examples in the schemas, which the 填报说明 shows as a row to copy: a row made of them must pass the check."""

from __future__ import annotations

import csv
import datetime
import shutil
from pathlib import Path

import pytest

from lingtouyan.checks.register import build_register
from lingtouyan.problems import Problem
from lingtouyan.project import Project
from lingtouyan.reading.package import Package, load_package
from lingtouyan.reading.source import WorkTree

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def package() -> Package:
    return load_package(WorkTree(ROOT))


@pytest.fixture(scope="module")
def problems(package: Package, tmp_path_factory: pytest.TempPathFactory) -> list[Problem]:
    """What the check says of a tree in which every CSV table has one row: its examples."""
    tree = tmp_path_factory.mktemp("examples")
    shutil.copy(ROOT / "datapackage.yaml", tree)
    for part in ("tables", "macros", "views"):
        shutil.copytree(ROOT / "schemas" / part, tree / "schemas" / part)
    for table in package.tables.values():
        if table.parent or not table.path.endswith(".csv"):
            continue
        shown = [f for f in table.fields if f.sensitivity != "restricted"]
        file = tree / table.path.replace("*", "990101101-清泉镇")
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("w", encoding="utf-8", newline="") as out:
            csv.writer(out, lineterminator="\n").writerows(
                [[f.name for f in shown], [f.example or "" for f in shown]]
            )
    return build_register(Project.open(tree), datetime.date(2026, 11, 20)).problems


def test_an_example_row_passes_the_check(problems: list[Problem]) -> None:
    # What it refers to stands in documents, which have no row here, and so do the parameters.
    told = [p for p in problems if p.rule not in ("foreign-key", "not-judged")]
    assert not told, "\n".join(f"{p.file} {p.column}: {p.rule} {p.message}" for p in told)


def test_every_field_that_must_be_filled_has_an_example_and_a_description(package: Package) -> None:
    bare = [
        f"{t.name}.{f.name}"
        for t in package.tables.values()
        for f in t.fields
        if not f.title or (f.required and f.sensitivity != "restricted" and f.example is None)
    ]
    assert not bare


def test_what_is_held_of_a_person_says_what_for_how_long_and_on_what_basis(package: Package) -> None:
    silent = [
        f"{table.name}.{field.name}"
        for table in package.tables.values()
        if "people" in {k.table for k in table.foreign_keys} or any(f.closed for f in table.fields)
        for field in table.fields
        if not all(own or common for own, common in zip(field.privacy, table.privacy, strict=True))
    ]
    assert silent == []
