"""Every kind of dossier of this city, filled in and blank, is what an archive and a screen reader ask for.

Two judges: veraPDF against PDF/A-3u and PDF/UA-1, and checks of our own with another reader (pikepdf) of what matters
here: the attached records, no way out of the file, a title, all text tagged or marked as decoration. Neither sees
whether the tags are *sensible* (reading order, a good alternative text, a heading that is one): that is for eyes.
"""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
from pathlib import Path

import certificates
import pikepdf
import pytest
import zxingcpp
from paper import files_in
from PIL import Image

from lingtouyan.checks.register import register_with_editions
from lingtouyan.database.editions import open_edition
from lingtouyan.pdf.footer import ATTACHMENT, digest_of
from lingtouyan.pdf.jobs import FOLDER, Selection, chosen_templates, dossier_jobs, words_asked
from lingtouyan.pdf.render import DossierJob, render_dossiers
from lingtouyan.pdf.signing import load_seal, sign
from lingtouyan.project import EDITIONS, Project

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]

ROOT = Path(__file__).resolve().parents[2]
AS_OF = datetime.date(2026, 11, 20)
KINDS = sorted(
    p.relative_to(ROOT / FOLDER).with_suffix("").as_posix()
    for p in (ROOT / FOLDER).rglob("*.html")
    if not p.name.startswith("_")
)


def _weight(job: DossierJob) -> int:
    return len(job.data)


@pytest.fixture(scope="module")
def prints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One print of each kind (of middling length, a volume of the shortest) and its blank form, and one signed."""
    folder = tmp_path_factory.mktemp("prints")
    project = Project.open(ROOT)
    paths = {
        edition: folder / f"{edition}.duckdb" for edition in EDITIONS if edition in ("public", "internal")
    }
    every = [t for e in paths for t in chosen_templates(project, e, Selection(frozenset()), on_demand=True)]
    register_with_editions(project, AS_OF, paths, allow_errors=True, only=words_asked(every))
    jobs: dict[str, DossierJob] = {}
    for edition, path in paths.items():
        connection = open_edition(path)
        facts = {"edition": edition, "as_of": AS_OF, "draft": False}
        for kind in KINDS:
            try:
                made = dossier_jobs(
                    project, connection, edition, facts, lambda _: "", Selection(frozenset({kind}))
                )
                found = sorted(made, key=_weight)
            except Exception:  # not of this edition
                continue
            if found:
                jobs[kind] = found[0 if "volume" in kind else len(found) // 2]
        for blank in dossier_jobs(project, connection, edition, facts, lambda _: "", blank=True):
            jobs[blank.path.removesuffix(".pdf")] = blank
        connection.close()
    report = render_dossiers(jobs.values(), files=files_in(ROOT / FOLDER), out=folder)
    assert [p.message for p in report.problems] == []
    made_files = {name: folder / job.path for name, job in jobs.items()}
    own = certificates.make("中共示例市委组织部")
    seal_files = certificates.write(folder, own_pem=own.pem() + own.key_pem())
    signed = folder / "signed.pdf"
    signed.write_bytes(sign(made_files["registration"].read_bytes(), load_seal([seal_files["own_pem"]], str)))
    return {**made_files, "signed": signed}


@pytest.fixture(scope="module")
def verdicts(prints: dict[str, Path]) -> dict[str, list[str]]:
    """veraPDF's faults by print."""
    command = [sys.executable, ROOT / "tests" / "verapdf.py", *prints.values()]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    return {
        name: list(
            dict.fromkeys(
                f"{standard} {clause} {message} {place}" for standard, clause, place, message in found[str(p)]
            )
        )
        for name, p in prints.items()
    }


def test_no_kind_is_left_out(prints) -> None:
    assert set(KINDS) <= set(prints)
    assert len([name for name in prints if name.startswith("blank/")]) >= 2


@pytest.mark.parametrize("blank", ["", "blank/"])
@pytest.mark.parametrize("kind", [*KINDS, "signed"])
def test_verapdf_finds_no_fault(verdicts, kind, blank) -> None:
    assert verdicts.get(f"{blank}{kind}", []) == []


@pytest.mark.parametrize("kind", [*KINDS, "signed"])
def test_a_print_holds_its_records_and_leads_nowhere(prints, kind) -> None:
    for name in {kind, f"blank/{kind}"} & prints.keys():
        with pikepdf.open(prints[name]) as pdf:
            assert pdf.check_pdf_syntax() == []
            assert not pdf.is_encrypted
            root = pdf.Root
            assert str(root.Lang) == "zh-CN"
            assert str(pdf.docinfo["/Title"]).strip()
            assert not {"/OpenAction", "/AA", "/JavaScript"} & {*root.keys(), *root.get("/Names", {}).keys()}
            actions = [note.get("/A", {}) for page in pdf.pages for note in page.get("/Annots", [])]
            assert all(not action or action.get("/S") == "/GoTo" for action in actions)
            if name.startswith("blank/"):
                assert not pdf.attachments
                continue
            carried = root.AF[0]
            assert len(pdf.attachments) == 1
            assert (str(carried.UF), str(carried.AFRelationship)) == (ATTACHMENT, "/Data")


@pytest.mark.parametrize("kind", ["registration", "appointment-volume"])
def test_the_code_on_every_page_is_read_from_paper_and_says_which_records_these_are(
    prints, tmp_path, kind
) -> None:
    with pikepdf.open(prints[kind]) as pdf:
        (records,) = (attached.get_file().read_bytes() for attached in pdf.attachments.values())
        pages = len(pdf.pages)
    # As an office's scanner gives it: grey, 200 dots to the inch.
    command = ["pdftoppm", "-r", "200", "-gray", "-png", prints[kind], tmp_path / "page"]
    subprocess.run(command, check=True)
    scans = sorted(tmp_path.glob("page*.png"))
    commit = json.loads(records)["commit"][:10] or "-"
    assert len(scans) == pages > 1
    for scan in scans:
        with Image.open(scan) as picture:
            read = [code.text for code in zxingcpp.read_barcodes(picture)]
        assert read == [f"lty1:{commit}:{digest_of(records)[:16]}"], scan.name


def test_the_judges_see_a_fault(prints, tmp_path) -> None:
    with pikepdf.open(prints["registration"]) as pdf:
        del pdf.Root.MarkInfo
        del pdf.Root.OutputIntents
        pdf.save(tmp_path / "broken.pdf")
    command = [sys.executable, ROOT / "tests" / "verapdf.py", tmp_path / "broken.pdf"]
    (found,) = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout).values()
    assert {"PDFA-3U", "PDFUA-1"} <= {standard for standard, *_ in found}
