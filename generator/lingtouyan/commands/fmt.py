"""`fmt`: one written form for record files, so that a diff shows what changed and nothing else.

Only what is surely the same is rewritten; a file with a fault that this does not mend is left as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from lingtouyan.exchange.writing import canonical, replace
from lingtouyan.problems import Problem, UsageError, printable
from lingtouyan.project import Project
from lingtouyan.reading.package import Table
from lingtouyan.sealing.keys import open_keys


@dataclass
class Formatted:
    """What formatting did: files (to be) rewritten or left alone and why, ruined values, how many seen and sealed."""

    changed: list[str] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)
    named: list[Problem] = field(default_factory=list)
    seen: int = 0
    sealed: int = 0


def format_records(root: Path, only: Iterable[Path] = (), *, write: bool = True) -> Formatted:
    """Put record files, `only` these or all, into canonical form, or only say which are not.

    Raises:
        UsageError: a named file is none of the records' files.
    """
    project = Project.open(root)
    result = Formatted()
    for name, table in record_files(project, only):
        result.seen += 1
        data = project.source.read(name)
        made = data
        if not isinstance(data, Problem):
            made = canonical(data, name, table, project.package, result.named)
        if isinstance(made, Problem):
            place = f"第{made.line}行" + (f" [{made.column}]" if made.column else "") + "："
            result.left.append((name, (place if made.line else "") + made.message))
        elif made != data:
            result.changed.append(name)
            if write:
                replace(project.root / name, made)
    if write and open_keys(project).offices:
        from lingtouyan.commands.seal import seal_files

        left = {name for name, _ in result.left}
        files = [project.root / n for n, _ in record_files(project, only) if n not in left]
        result.sealed = seal_files(root, files).total() if files else 0
    return result


def record_files(project: Project, only: Iterable[Path] = ()) -> list[tuple[str, Table]]:
    """Return the CSV and YAML files of records, `only` these or all, each with its table.

    Raises:
        UsageError: one that is named is not there, or none of these.
    """
    found = project.package.files(project.source)
    files = {name: table for name, table in found if table.kind in ("csv", "yaml")}
    paths = {project.root / name: name for name in files}
    for path in only:
        if path.resolve() not in paths:
            there = f"不在记录库 {project.root} 里，或不是记录文件" if path.is_file() else "不存在"
            raise UsageError(f"{printable(str(path))} {there}。没有处理。")
    names = [paths[p.resolve()] for p in only] or list(files)
    return [(name, files[name]) for name in names]
