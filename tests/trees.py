"""Small trees of records for tests: a data package put together in a few lines, and what `check` says of it."""

from __future__ import annotations

import datetime
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lingtouyan.checks.register import Register, build_register
from lingtouyan.problems import Problem, RecordsError, Severity, in_order
from lingtouyan.project import Project

PROJECTS = Path(__file__).parent / "projects"
AS_OF = datetime.date(2026, 1, 31)


class Tree:
    """A tree under a temporary folder; tables are declared as plain data and written as YAML (JSON is YAML)."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._resources: list[dict[str, Any]] = []
        root.mkdir(parents=True, exist_ok=True)

    def table(self, name: str, fields: Iterable[Any], *, path: str = "", **more: Any) -> Tree:
        """Declare a table; a field given as a word is a public text. `parent` and `property` make it a child."""
        declared = [
            {"name": f, "title": f"{f}标题", "sensitivity": "public"}
            if isinstance(f, str)
            else {"title": f"{f['name']}标题", "sensitivity": "public", **f}
            for f in fields
        ]
        place = {k: more.pop(k) for k in ("parent", "property") if k in more}
        if not place:
            place = {"path": path or f"records/{name}.csv"}
        schema = f"schemas/tables/{name}.yaml"
        self._resources.append({"name": name, "title": f"{name}表", **place, "schema": schema})
        self.write(schema, json.dumps({"fields": declared, **more}, ensure_ascii=False))
        self.package()
        return self

    def package(self, **more: Any) -> None:
        """Write the descriptor."""
        options = {
            "name": "tree",
            "lingtouyan": {"as_of": AS_OF.isoformat()},
            "resources": self._resources,
            **more,
        }
        self.write("datapackage.yaml", json.dumps(options, ensure_ascii=False))

    def write(self, path: str, content: str | bytes) -> Path:
        """Write one file."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        return target

    def register(self) -> Register:
        """Read and check the tree."""
        project = Project.open(self.root)
        return build_register(project, project.as_of(None))

    def check(self) -> list[Problem]:
        """Return what `check` would print."""
        try:
            return self.register().problems
        except RecordsError as fault:
            return in_order(fault.problems)


def places(problems: Iterable[Problem]) -> list[tuple[int, str, str]]:
    """Return (line, rule, column) of each error."""
    return [(p.line, p.rule, p.column) for p in problems if p.severity is Severity.ERROR]


def copy_of(name: str, target: Path) -> Path:
    """Copy a fixture project."""
    shutil.copytree(PROJECTS / name, target, symlinks=True)
    return target
