"""The preview of one edition: build, serve, and build again what a changed file changes.

Errors in the records are shown in the browser instead of a page that hides them.
"""

from __future__ import annotations

from pathlib import Path

from lingtouyan.commands.build import build
from lingtouyan.commands.serve import serve
from lingtouyan.problems import RecordsError, Severity
from lingtouyan.project import Project

_WATCHED = ("records", "schemas", "site", "mkdocs.yml", "datapackage.yaml")


def preview(root: Path, edition: str, as_of: str | None, port: int) -> None:
    """Serve an edition on this machine until Ctrl-C.

    Raises:
        UsageError: the port is taken, or there is no project here.
    """
    project = Project.open(root)

    def rebuild(_changed: set[Path]) -> None:
        report = build(root, edition=edition, as_of=as_of, dossiers=False)
        if report.refused:
            raise RecordsError([p for p in report.problems if p.severity is Severity.ERROR])

    watched = [project.root / name for name in _WATCHED if (project.root / name).exists()]
    serve(rebuild, project.build / edition / "site", watched, port)
