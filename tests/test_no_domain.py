"""The engine knows no domain: not one word of this city's, no table, no field, no rule stands in it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from lingtouyan.reading.package import load_package
from lingtouyan.reading.source import WorkTree

ROOT = Path(__file__).resolve().parents[1]
ENGINE = sorted((ROOT / "generator").rglob("*.py"))
WORDS = re.compile(
    "书记|村|乡镇|街道|社区|党|备案|换届|一肩挑|选举|组织部|任职|任免|简历|述职|民主|报酬|审计|培训|帮扶|后备|驻村|支部|委员|干部"
)
# Words of the schemas that are words of every language of tables, too.
COMMON = {"end_date", "start_date"}


def _texts(tree: ast.AST) -> list[tuple[int, str]]:
    """Return (line, text) of every string that is no docstring, and of every name."""
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            found.append((node.lineno, node.value))
        elif isinstance(node, ast.Name):
            found.append((node.lineno, node.id))
        elif isinstance(node, ast.Attribute):
            found.append((node.lineno, node.attr))
    return found


@pytest.mark.parametrize("path", ENGINE, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_the_engine_speaks_no_word_of_the_domain(path: Path) -> None:
    found = [f"{n}: {line}" for n, line in enumerate(path.read_text().split("\n"), 1) if WORDS.search(line)]
    assert found == []


def test_the_engine_names_no_table_and_no_field_of_the_city() -> None:
    package = load_package(WorkTree(ROOT))
    # The columns of the register of erasures are the engine's: docs/settings.md asks for them, as for the table.
    own = {package.settings.erasures}
    fields = {f.name for t in package.tables.values() if t.name not in own for f in t.fields if "_" in f.name}
    names = (set(package.tables) - own | fields) - COMMON
    rules = re.compile(r"\bR\d\d\b")
    found = []
    for path in ENGINE:
        for line, text in _texts(ast.parse(path.read_text())):
            hits = names.intersection(re.findall(r"[a-z][a-z0-9_]*", text)) | set(rules.findall(text))
            found += [f"{path.relative_to(ROOT)}:{line}: {hit}" for hit in sorted(hits)]
    assert found == []
