"""Printing some dossiers only: those of some kinds, keys or conditions, beside what the last build printed.

What the last build already printed the same is taken over; what it printed besides stays as it is.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from lingtouyan.checks.register import register_with_editions
from lingtouyan.database.editions import open_edition
from lingtouyan.history.origin import read_origins
from lingtouyan.pdf.blanks import blank_jobs
from lingtouyan.pdf.dossiers import DossierJob, Previous, Printed, render_dossiers
from lingtouyan.pdf.printing_house import FOLDER, Selection, dossier_jobs
from lingtouyan.pdf.provenance import Provenance
from lingtouyan.pdf.signing import Seal, sign
from lingtouyan.pdf.web_previews import self_contained
from lingtouyan.pdf.xml_files import xml_document
from lingtouyan.problems import Problem, RecordsError, UsageError, error, has_errors
from lingtouyan.project import Project
from lingtouyan.scratch import scratch


@dataclass
class PrintReport:
    """What was printed.

    Attributes:
        problems: what could not be printed; the findings of the check when they are why.
        refused: nothing was printed, because the records have errors.
        printed: the files, inside `folder`.
    """

    folder: Path
    problems: list[Problem] = field(default_factory=list)
    refused: bool = False
    printed: list[str] = field(default_factory=list)
    rendered: int = 0


def print_selection(
    root: Path,
    selection: Selection,
    *,
    edition: str,
    as_of: str | None = None,
    revision: str | None = None,
    out: Path | None = None,
    blank: bool = False,
    preview: bool = False,
    seal: Seal | None = None,
    progress: TextIO | None = None,
) -> PrintReport:
    """Print a selection of one edition's dossiers.

    Args:
        blank: blank forms of the selected kinds instead.
        seal: what PDFs are signed with.
        preview: HTML files to look at, instead of PDFs. Dossiers that are XML are always that.
        out: where to; None for the place where a build puts them.

    Raises:
        UsageError: nothing is called that, or nothing was selected.
        RecordsError: templates or SQL of the tree are at fault, or the condition is.
    """
    project = Project.open(root, revision)
    with scratch() as folder:
        date = project.as_of(as_of)
        home = project.build / edition / "dossiers"
        report = PrintReport(out or home)
        database = folder / "edition.duckdb"
        register = register_with_editions(project, date, {edition: database})
        if has_errors(register.problems):
            report.problems, report.refused = list(register.problems), True
            return report
        connection = open_edition(database)
        facts = {"edition": edition, "as_of": date, "draft": False}
        provenance = Provenance(project, connection, edition, read_origins(project))
        jobs = list(
            blank_jobs(project, connection, edition, date, provenance, selection.kinds)
            if blank
            else dossier_jobs(project, connection, edition, facts, provenance, selection)
        )
        if not jobs:
            raise UsageError("没有符合条件的文书。请核对种类、编号和条件。")
        (project.build / edition).mkdir(parents=True, exist_ok=True)
        pages = [j for j in jobs if j.path.endswith(".pdf") and not preview]
        if pages:
            _print(project, edition, pages, report, None if out else home, seal, progress)
        for job in jobs:
            if preview or not job.path.endswith(".pdf"):
                _write(job, project.tree / FOLDER, report)
        report.printed.sort()
        connection.close()
    return report


def _print(
    project: Project,
    edition: str,
    jobs: list[DossierJob],
    report: PrintReport,
    home: Path | None,
    seal: Seal | None,
    progress: TextIO | None,
) -> None:
    """Print PDFs and sign them; those in `home`, where builds put them, are remembered for the next time."""
    name = f"made-{edition}"
    stored = project.cache.load(name)
    made: dict[str, Any] = json.loads(stored) if stored else {}
    known = {p: Printed(*v) for p, v in made.get("dossiers", {}).items()}
    trusted = known and not (project.build / edition).is_symlink()
    with tempfile.TemporaryDirectory(dir=project.build, prefix=".print-") as staged:
        done = render_dossiers(
            jobs,
            templates=project.tree / FOLDER,
            out=Path(staged),
            previous=Previous(project.build / edition / "dossiers", known) if trusted else None,
            progress=progress,
        )
        for path in done.printed:
            made_file = Path(staged) / path
            if seal is not None:
                signed = sign(made_file.read_bytes(), seal)
                # A copy: what was taken over is the same file as that of the last build.
                made_file.unlink()
                made_file.write_bytes(signed)
            _move(made_file, report.folder, path)
    report.problems.extend(done.problems)
    report.printed.extend(done.printed)
    report.rendered += done.rendered
    if home is not None:
        made["dossiers"] = {
            **made.get("dossiers", {}),
            **{p: [v.inputs, v.output] for p, v in done.printed.items()},
        }
        _remember(project, name, made)


def _write(job: DossierJob, templates: Path, report: PrintReport) -> None:
    """Write a dossier that is a text: XML, or a preview of what would be printed."""
    try:
        document = job.html if isinstance(job.html, str) else job.html()
        if job.path.endswith(".pdf"):
            path = f"{job.path.removesuffix('.pdf')}.html"
            content = self_contained(document, job.styles, templates, job.mark).encode("utf-8", "replace")
        else:
            path, content = job.path, xml_document(document)
    except RecordsError as stop:
        report.problems.extend(stop.problems)
        return
    except ValueError as fault:
        report.problems.append(
            error(job.source, job.line, "template-error", f"{job.record}没有生成：{fault}")
        )
        return
    with tempfile.NamedTemporaryFile(prefix="lingtouyan-") as made:
        made.write(content)
        made.flush()
        _move(Path(made.name), report.folder, path)
    report.printed.append(path)
    report.rendered += 1


def _remember(project: Project, name: str, made: dict[str, Any]) -> None:
    text = json.dumps(made, ensure_ascii=False, separators=(",", ":"))
    project.cache.save(name, text.encode())


def _move(source: Path, folder: Path, path: str) -> None:
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.resolve().is_relative_to(folder.resolve()):
        raise UsageError(f"{target.parent} 经符号链接通到别处，没有写入。")
    temporary = target.with_name(f".{target.name}.new")
    temporary.unlink(missing_ok=True)
    try:
        shutil.copyfile(source, temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
