"""Print the first forms of a city, either through the print shop or in a plain loop over WeasyPrint.

python benchmarks/print_forms.py shop|plain CITY COUNT [OUT]
"""

from __future__ import annotations

import itertools
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from generator.project import EDITIONS, Project
from generator.register.building import register_with_editions
from generator.register.editions import open_edition
from generator.rendering.dossiers import render_dossiers
from generator.rendering.printing_house import FOLDER, dossier_jobs


def main() -> None:
    """Run one of the two ways; both make the same HTML from the same records first."""
    way, city, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    project = Project.open(city)
    date = project.as_of(None)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "internal.duckdb"
        register_with_editions(project, date, {"internal": path}, allow_errors=True)
        connection = open_edition(path)
        facts = {"edition": "internal", "as_of": date, "draft": False}
        jobs = list(itertools.islice(dossier_jobs(project, connection, "internal", facts), count))
        templates, out = project.root / FOLDER, Path(sys.argv[4] if len(sys.argv) > 4 else scratch) / "out"
        if way == "shop":
            report = render_dossiers(jobs, templates=templates, out=out)
            print(len(report.printed), "printed", len(report.problems), "problems")
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
