"""Print the first forms of a city into a folder, either through the print shop or in a plain loop over WeasyPrint.

python benchmarks/print_forms.py shop|plain|memory CITY COUNT FOLDER
"""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.memory import members, proportional
from lingtouyan.cache import Cache
from lingtouyan.checks.register import register_with_editions
from lingtouyan.database.editions import open_edition
from lingtouyan.pdf.jobs import FOLDER, Selection, dossier_jobs, shared_files
from lingtouyan.pdf.render import DossierJob, render_dossiers
from lingtouyan.project import EDITIONS, Project

FORM = "registration"
STEP = 500


def told(jobs: list[DossierJob], count: int) -> Iterator[DossierJob]:
    """Hand out so many jobs, those of further rounds under other paths; tell along the way what memory is taken."""
    started = time.monotonic()
    for number in range(count):
        if number % STEP == 0 or number == count - 1:
            mine, *others = (f"{proportional(p, 'Pss_Anon'):.0f}" for p in members(os.getsid(0)))
            print(
                f"{number:>6} forms  {time.monotonic() - started:>7.0f} s  engine {mine} MiB, others {' + '.join(others)} MiB",
                flush=True,
            )
        turn, place = divmod(number, len(jobs))
        yield replace(jobs[place], path=f"{turn}/{jobs[place].path}")


def main() -> None:
    """Run one of the two ways; both make the same HTML from the same records first."""
    way, city, count, folder = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    project = Project.open(city)
    date = project.as_of(None)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "internal.duckdb"
        register_with_editions(project, date, {"internal": path}, allow_errors=True)
        connection = open_edition(path)
        facts = {"edition": "internal", "as_of": date, "draft": False}
        wanted = Selection(kinds=frozenset({FORM}))
        jobs = list(
            itertools.islice(dossier_jobs(project, connection, "internal", facts, selection=wanted), count)
        )
        templates, out = project.root / FOLDER, folder / "out"
        if way == "memory":
            report = render_dossiers(told(jobs, count), files=shared_files(project), out=out)
            print(report.rendered, "printed", len(report.problems), "problems")
            return
        if way == "shop":
            cache = Cache(folder / "cache")
            report = render_dossiers(jobs, files=shared_files(project), out=out, cache=cache)
            print(report.rendered, "printed", report.reused, "reused", len(report.problems), "problems")
            return
        import weasyprint

        for job in jobs:
            html = job.html() if callable(job.html) else job.html
            target = out / job.path
            target.parent.mkdir(parents=True, exist_ok=True)
            styles = [weasyprint.CSS(filename=str(templates / name)) for name in job.styles]
            weasyprint.HTML(string=html, base_url=str(templates)).write_pdf(
                target, stylesheets=styles, pdf_variant="pdf/a-3u"
            )


if __name__ == "__main__":
    assert set(EDITIONS) >= {"internal"}
    main()
