"""Printing for the commands: every dossier of an edition, or a selection of them, as PDF, XML or HTML preview."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import duckdb
import jinja2

from lingtouyan.cache import Cache
from lingtouyan.checks.register import check
from lingtouyan.pdf.footer import lookup_path
from lingtouyan.pdf.jobs import (
    Commits,
    Selection,
    chosen_templates,
    dossier_jobs,
    selected_jobs,
    shared_files,
    xml_document,
)
from lingtouyan.pdf.previews import self_contained
from lingtouyan.pdf.render import DossierJob, DossierReport, render_dossiers
from lingtouyan.pdf.signing import Seal, sign
from lingtouyan.problems import RecordsError, UsageError, did_you_mean, error, has_errors, printable, quoted
from lingtouyan.project import EDITION_TITLES, Project, Scope
from lingtouyan.sealing.keys import open_keys


def print_dossiers(
    project: Project,
    connection: duckdb.DuckDBPyConnection,
    edition: str,
    facts: dict[str, Any],
    out: Path,
    site: Path,
    progress: TextIO | None,
) -> DossierReport:
    """Print every dossier of one edition, and write into its site the pages that the codes on the prints lead to.

    Each tells whether the print is the present one, or another took its place; those made on demand have one, too.

    Args:
        connection: the edition's database.
        facts: what every template sees besides its rows.

    Raises:
        RecordsError: a template cannot be read or its queries fail.
    """
    commits = Commits(project)
    # The digest stands in the address after `#`, which no server is told; without script both are there to compare.
    page = jinja2.Template(Path(__file__).with_name("lookup.html").read_text("utf-8"), autoescape=True)

    every = chosen_templates(project, edition, Selection(), on_demand=True)
    later = frozenset(t.name for t in every if t.on_demand and t.file.endswith(".html"))

    def jobs(selection: Selection | None = None) -> Iterator[DossierJob]:
        for job in dossier_jobs(project, connection, edition, facts, commits.of, selection):
            if job.mark and job.mark.address:
                told = {"title": job.record, "mark": job.mark, "edition": EDITION_TITLES[edition]}
                file = site / lookup_path(edition, job.path) / "index.html"
                file.parent.mkdir(parents=True, exist_ok=True)
                html = page.render(**told, day=commits.days.get(job.mark.commit or ""))
                file.write_text(html, encoding="utf-8")
            yield job

    if later and project.address(edition) and not facts["draft"]:
        for _ in jobs(Selection(later)):
            pass
    report = render_dossiers(jobs(), files=shared_files(project), out=out, cache=Cache(), progress=progress)
    report.problems[:0] = commits.problems
    return report


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
    share: str = "",
    seal: Seal | None = None,
    office: str = "",
    progress: TextIO | None = None,
) -> DossierReport:
    """Print a selection of one edition's dossiers.

    Args:
        out: where to; None for `build/prints/<edition>`, which no build removes.
        blank: blank forms of the selected kinds instead.
        preview: HTML files to look at, instead of PDFs. Dossiers that are XML are always that.
        share: `2/4` for the second of four shares, which together are all of the selection.
        seal: what PDFs are signed with.
        office: for whom the files are encrypted; nothing is written in plain text.

    Raises:
        UsageError: nothing is called that, or nothing was selected.
        RecordsError: templates or SQL of the tree are at fault, or the condition is.
    """
    project = Project.open(root, revision)
    scope, date = Scope.read(edition, project.package), project.as_of(as_of)
    part = re.fullmatch(r"([1-9]\d{0,3})/([1-9]\d{0,3})", share or "1/1")
    if part is None or int(part[1]) > int(part[2]):
        raise UsageError(f"--share {printable(share)} 应写成 第几份/共几份，如 2/4。")
    known = open_keys(project).offices if office else {}
    if office and office not in known:
        raise UsageError(f"没有 {quoted(office)} 这个单位{did_you_mean(office, known)}")
    recipient = known[office].recipient if office else ""
    edition, target = scope.level, out or project.build / "prints" / scope.folder
    # A form with nothing on it says nothing of the records.
    if not blank and has_errors(problems := check(project, date)):
        return DossierReport(problems=problems, refused=True)
    jobs, remarks, _ = selected_jobs(project, date, scope, selection, blank=blank)
    paths = {j.path.rpartition(".")[0] for j in jobs}
    missing = sorted(selection.keys - paths - {p.rpartition("/")[2] for p in paths})
    hints = {key: did_you_mean(key, selection.offered, "。请核对编号、种类和版别。") for key in missing}
    problems = [
        error("", 0, "not-found", f"没有编号为 {printable(k)} 的文书{hint}") for k, hint in hints.items()
    ]
    if not jobs and not problems:
        raise UsageError("没有符合条件的文书。请核对种类、编号和条件。")
    jobs = jobs[int(part[1]) - 1 :: int(part[2])]
    files, report = shared_files(project), DossierReport(folder=target, recipient=recipient)
    pages = [j for j in jobs if j.path.endswith(".pdf") and not preview]
    if pages:
        with tempfile.TemporaryDirectory(prefix="lingtouyan-") as folder:
            # What was opened for one print is kept nowhere else.
            cache = Cache(Path(folder) if edition == "restricted" else None)
            finish = (lambda content: sign(content, seal)) if seal else bytes
            report = render_dossiers(
                pages,
                files=files,
                out=target,
                cache=cache,
                finish=finish,
                recipient=recipient,
                progress=progress,
            )
    report.problems = [*problems, *remarks, *report.problems]
    for job in jobs:
        if preview or not job.path.endswith(".pdf"):
            _write(job, files, report)
    return report


def _write(job: DossierJob, files: dict[str, bytes], report: DossierReport) -> None:
    """Write a dossier that is a text: XML, or a preview of what would be printed."""
    path, content = job.path, b""
    try:
        if path.endswith(".pdf"):
            path = f"{path.removesuffix('.pdf')}.html"
            content = self_contained(job.document(), job.styles, files, job.mark).encode("utf-8", "replace")
        else:
            content = xml_document(job.document())
    except RecordsError as stop:
        report.problems.extend(stop.problems)
    except ValueError as fault:
        said = f"{job.record}没有生成：{fault}"
        report.problems.append(error(job.source, job.line, "template-error", said))
    else:
        report.keep(path, content)
        report.rendered += 1
