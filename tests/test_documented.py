"""Nothing public stands undocumented: commands, options, engine tables and columns, what templates may call, rules."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lingtouyan.checks.register import Register, build_register
from lingtouyan.project import Project
from lingtouyan.templates.escaping import FILTERS
from lingtouyan.templates.functions import make_functions
from lingtouyan.templates.links import Links

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"


def read(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def helped(*arguments: str) -> str:
    command = [sys.executable, "-m", "lingtouyan", *arguments, "--help"]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout


@pytest.fixture(scope="module")
def project() -> Project:
    return Project.open(ROOT / "tests/projects/parliament")


@pytest.fixture(scope="module")
def register(project: Project) -> Register:
    return build_register(project, project.as_of("2026-02-01"))


def test_every_command_and_option_stands_in_the_reference() -> None:
    page = read("commands.md")
    commands = re.findall(r"^ {4}([a-z]+) ", helped(), re.M)
    assert "check" in commands
    for command in commands:
        rows = [line for line in page.split("\n") if line.startswith(f"| `{command}")]
        assert len(rows) == 1, command
        for option in set(re.findall(r"--[a-z][a-z-]+", helped(command))) - {"--help", "--root"}:
            assert option in rows[0], (command, option)
        assert command in (ROOT / "README.md").read_text("utf-8")


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


def test_everything_that_templates_may_call_stands_in_the_reference(
    project: Project, register: Register
) -> None:
    page = read("templates.md")
    functions = make_functions(project, register.connection, Links(), "internal")
    for name in (*functions, *FILTERS):
        assert re.search(rf"`{name}\b", page), name


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


def test_every_kind_of_print_stands_in_the_reference() -> None:
    page = read("prints.md")
    kinds = [p for p in (ROOT / "site/dossiers").iterdir() if p.suffix in (".html", ".lrmx")]
    for path in kinds:
        if not path.name.startswith("_"):
            assert f"`{path.stem}`" in page, path.name
