"""Nothing public stands undocumented: commands, options, engine tables and columns, what templates may call, rules."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lingtouyan.checks import rules
from lingtouyan.checks.register import Register, build_register
from lingtouyan.cli import _parser
from lingtouyan.database import statements
from lingtouyan.pdf.jobs import Selection, chosen_templates
from lingtouyan.project import Project
from lingtouyan.reading import package
from lingtouyan.templates import grids, templates

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"


def read(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


@pytest.fixture(scope="module")
def project() -> Project:
    return Project.open(ROOT / "tests/projects/parliament")


@pytest.fixture(scope="module")
def register(project: Project) -> Register:
    return build_register(project, project.as_of("2026-02-01"))


def test_the_reference_is_what_the_engine_declares() -> None:
    command = [sys.executable, ROOT / ".ci/reference", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_every_command_has_an_example_and_stands_in_the_readme() -> None:
    commands = _parser()[1]
    assert "check" in commands
    readme = (ROOT / "README.md").read_text("utf-8") + (ROOT / "README.zh.md").read_text("utf-8")
    for name, parser in commands.items():
        assert readme.count(f"`{name}") >= 2, name
        assert str(parser.epilog).startswith(f"例：lingtouyan {name}")


@pytest.mark.parametrize(
    ("page", "keys"),
    [
        ("templates.md", templates._HEAD.keys() - {"styles", "as_of", "on_demand", "blank"}),
        ("prints.md", {"styles", "as_of", "on_demand", "blank"}),
        ("templates.md", {*grids._WORDS, *grids._LISTS, *grids._MAPPINGS}),
        ("rules.md", {*rules._KEYS}),
        ("rules.md", {*statements._VIEW_KEYS}),
        ("records.md", package._RESOURCE_KEYS | package._SCHEMA_KEYS | package._FIELD_KEYS),
    ],
    ids=["front matter", "dossier", "grid", "rule", "view", "schema"],
)
def test_every_key_that_files_may_have_stands_in_the_reference(page: str, keys: set[str]) -> None:
    text = "".join(re.findall(r"`[^`]+`|```.*?```", read(page), re.DOTALL))
    assert [key for key in sorted(keys) if not re.search(rf"\b{key}\b", text)] == []


def test_every_kind_of_print_is_found_by_its_title() -> None:
    project = Project.open(ROOT)
    for edition in ("public", "internal"):
        for kind in chosen_templates(project, edition, Selection(), on_demand=True):
            assert re.fullmatch(r"[\w（）]+", kind.called), kind.name
            found = chosen_templates(project, edition, Selection(frozenset([kind.called])))
            assert [t.name for t in found] == [kind.name]


ENGINE_TABLES = ("build", "tables", "fields", "views", "rules", "findings", "finding_subjects")


def test_every_table_of_the_engine_and_its_columns_stand_in_the_reference(register: Register) -> None:
    page = read("rules.md") + read("history.md")
    for name in (*ENGINE_TABLES, "commits", "changes"):
        row = next(
            line for line in page.split("\n") if line.startswith(f"| `{name}`") and line.count("`") > 4
        )
        told = set(re.findall(r"`(\w+)`", row)) - {name}
        has = [row[0] for row in register.connection.execute(f'DESCRIBE SELECT * FROM "{name}"').fetchall()]
        assert set(has) == told - {"added", "changed", "removed"} | ({name} & set(has)), name


@pytest.mark.parametrize("path", sorted((ROOT / "schemas/rules").glob("*.sql")), ids=lambda p: p.stem)
def test_every_rule_belongs_to_a_system(path: Path) -> None:
    header = yaml.safe_load(path.read_text("utf-8").partition("/*")[2].partition("*/")[0])
    number = int(header["id"][1:])
    spans = [(int(a), int(b or a)) for a, b in re.findall(r"\bR(\d+)(?:–R(\d+))?", read("systems.md"))]
    assert any(first <= number <= last for first, last in spans)


def test_every_record_type_belongs_to_a_system() -> None:
    package = Project.open(ROOT).package
    page = read("systems.md")
    told = {n for n, t in package.tables.items() if not t.parent and t.path and re.search(rf"\b{n}\b", page)}
    everywhere = {"organisations", "terms", "calendar", "calendar_years", "villages", "people"}
    assert {n for n, t in package.tables.items() if not t.parent and t.path} - told <= everywhere
