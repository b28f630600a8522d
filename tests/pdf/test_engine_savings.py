"""What is spared in the layout engine must show nowhere: the same bytes as from the engine as it comes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import weasyprint

from lingtouyan.pdf.engine_savings import CHECKED_RELEASES

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow

# Inherited, initial and computed values, sides set by what they are in the flow of text, lines with and without a style,
# variables, pages of several kinds, two dossiers whose titles are cut alike.
STYLE = """
@page { size: A4; margin: 28mm; @bottom-center { content: counter(page) "/" counter(pages); font: 9pt var(--font-songti) } }
@page wide { size: A4 landscape; border-top: 1pt dotted }
:root { --gap: 3mm; --line: 0.75pt solid #000 }
html { font: 12pt/1.4 var(--font-fangsong) }
h1 { font: 22pt var(--font-biaosong); margin-inline-start: 2em; padding-block: var(--gap); border-inline-end-style: solid }
table { border-collapse: collapse; width: calc(100% - 10mm) }
td { border: var(--line); padding-inline: 1em; border-left-width: thick; text-decoration: underline }
td p { border: thick none; outline: 2pt none; max-inline-size: 30mm; overflow-wrap: anywhere }
.wide { page: wide; break-before: page; direction: rtl; margin-inline-start: 5mm; display: flex; column-gap: var(--gap) }
.wide span { float: left; position: relative; inset-inline-start: 2mm; border: solid; border-inline-start-width: 4pt }
"""
BODY = """<h1>备案登记表</h1><table><tr><td><p>{0}</p><td>一<td>二<tr><td colspan=3>三</table>
<div class=wide><span>{0}</span><i>四</i></div>"""
SCRIPT = """
import sys
from pathlib import Path
from lingtouyan.pdf import engine_savings
from lingtouyan.pdf.fonts import cut_common, find_stacks
from lingtouyan.pdf.printing import print_sheet
from lingtouyan.pdf.sheets import Mark, Press, Sheet

if sys.argv[2] == "without":
    engine_savings.CHECKED_RELEASES = ()
folder = Path(sys.argv[1])
press = Press(folder, cut_common(find_stacks(), folder), folder)
for name in ("李示范", "王𬭎·买买提"):
    html = f"<!doctype html><html lang=zh-CN><title>表</title>{(folder / 'body.html').read_text().format(name)}"
    outcome = print_sheet(press, Sheet(html, ("a.css",), folder / f"{name}.pdf", mark=Mark("0" * 10, "1" * 16)))
    assert not outcome.faults, outcome
    print(outcome.digest)
"""


def test_the_locked_release_is_one_that_the_savings_were_checked_with() -> None:
    assert weasyprint.__version__ in CHECKED_RELEASES


def test_a_dossier_has_the_same_bytes_with_the_savings_and_without(tmp_path) -> None:
    (tmp_path / "a.css").write_text(STYLE)
    (tmp_path / "body.html").write_text(BODY)
    made = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT, tmp_path, way],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split()
        for way in ("with", "without")
    ]
    assert len(made[0]) == 2
    assert made[0] == made[1]
