"""Printing for the commands: every dossier of an edition, or a selection of them, as PDF, XML or HTML preview."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, TextIO

import duckdb

from lingtouyan.cache import Cache
from lingtouyan.checks.register import check, register_with_editions
from lingtouyan.database.editions import open_edition
from lingtouyan.pdf.jobs import (
    Commits,
    Selection,
    blank_jobs,
    chosen_templates,
    dossier_jobs,
    shared_files,
    words_asked,
    xml_document,
)
from lingtouyan.pdf.previews import self_contained
from lingtouyan.pdf.render import DossierJob, DossierReport, render_dossiers, write_whole
from lingtouyan.pdf.signing import Seal, sign
from lingtouyan.problems import Problem, RecordsError, UsageError, error, has_errors, printable, warning
from lingtouyan.project import EDITION_TITLES, Project


def print_dossiers(
    project: Project,
    connection: duckdb.DuckDBPyConnection,
    edition: str,
    facts: dict[str, Any],
    out: Path,
    problems: list[Problem],
    progress: TextIO | None,
) -> list[str]:
    """Print every dossier of one edition.

    Args:
        connection: the edition's database.
        facts: what every template sees besides its rows.
        out: output folder.
        problems: what could not be printed is added here.

    Returns:
        A line for the user.

    Raises:
        RecordsError: a template cannot be read or its queries fail.
    """
    commits = Commits(project)
    jobs = dossier_jobs(project, connection, edition, facts, commits.of)
    report = render_dossiers(jobs, files=shared_files(project), out=out, cache=Cache(), progress=progress)
    problems.extend([*_no_commit(commits), *report.problems])
    if not report.printed and not report.problems:
        return []
    failed = len({p.message for p in report.problems if p.severity == "error"})
    return [
        f"{EDITION_TITLES[edition]}：{len(report.printed)} 份 PDF（新做 {report.rendered}）"
        + (f"，{failed} 处没有印成" if failed else "")
        + f" → build/{edition}/dossiers"
    ]


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
) -> DossierReport:
    """Print a selection of one edition's dossiers.

    Args:
        out: where to; None for `build/prints/<edition>`, which no build removes.
        blank: blank forms of the selected kinds instead.
        preview: HTML files to look at, instead of PDFs. Dossiers that are XML are always that.
        seal: what PDFs are signed with.

    Raises:
        UsageError: nothing is called that, or nothing was selected.
        RecordsError: templates or SQL of the tree are at fault, or the condition is.
    """
    project = Project.open(root, revision)
    with tempfile.TemporaryDirectory(prefix="lingtouyan-") as folder:
        date, database = project.as_of(as_of), Path(folder) / "edition.duckdb"
        target = out or project.build / "prints" / edition
        if has_errors(problems := check(project, date)):
            return DossierReport(problems=problems, refused=True)
        only = words_asked(chosen_templates(project, edition, selection, on_demand=blank), selection.where)
        register = register_with_editions(project, date, {edition: database}, allow_errors=True, only=only)
        connection = open_edition(database)
        facts = {"edition": edition, "as_of": date, "draft": False}
        commits = Commits(project)
        jobs = list(
            blank_jobs(project, connection, edition, date, commits.of, selection.kinds)
            if blank
            else dossier_jobs(project, connection, edition, facts, commits.of, selection)
        )
        connection.close()
        paths = {j.path.rpartition(".")[0] for j in jobs}
        problems = [
            error("", 0, "not-found", f"没有编号为 {printable(key)} 的文书。请核对编号、种类和版别。")
            for key in sorted(selection.keys - paths - {p.rpartition("/")[2] for p in paths})
        ]
        if not jobs and not problems:
            raise UsageError("没有符合条件的文书。请核对种类、编号和条件。")
        files, report = shared_files(project), DossierReport()
        if pages := [j for j in jobs if j.path.endswith(".pdf") and not preview]:
            report = render_dossiers(
                pages,
                files=files,
                out=target,
                # What was opened for one print is kept nowhere else.
                cache=Cache(Path(folder) / "cache" if edition == "restricted" else None),
                finish=(lambda content: sign(content, seal)) if seal else bytes,
                progress=progress,
            )
        unopened = [p for p in register.problems if p.rule == "not-opened"]
        report.folder = target
        report.problems = [*problems, *unopened, *_no_commit(commits), *report.problems]
        for job in jobs:
            if preview or not job.path.endswith(".pdf"):
                _write(job, files, report)
    return report


def _no_commit(commits: Commits) -> list[Problem]:
    return [warning("", 0, "no-commit", f"印本没有写明提交：{commits.fault}")] if commits.fault else []


def _write(job: DossierJob, files: dict[str, bytes], report: DossierReport) -> None:
    """Write a dossier that is a text: XML, or a preview of what would be printed."""
    try:
        if job.path.endswith(".pdf"):
            path = f"{job.path.removesuffix('.pdf')}.html"
            content = self_contained(job.document(), job.styles, files, job.mark).encode("utf-8", "replace")
        else:
            path, content = job.path, xml_document(job.document())
    except RecordsError as stop:
        report.problems.extend(stop.problems)
        return
    except ValueError as fault:
        said = f"{job.record}没有生成：{fault}"
        report.problems.append(error(job.source, job.line, "template-error", said))
        return
    write_whole(report.folder, path, content)
    report.printed.append(path)
    report.rendered += 1
