"""Dossiers: PDFs that hold what the records say, the same bytes each time, and nothing from elsewhere."""

from __future__ import annotations

import datetime
import io
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import form_city
import pypdf
import pytest
from paper import MILLIMETRE, boxes, files_in, number_of_pages, words

from lingtouyan.cache import Cache
from lingtouyan.cli import main
from lingtouyan.pdf import render
from lingtouyan.pdf.fonts import find_stacks
from lingtouyan.pdf.render import DossierJob, DossierReport, render_dossiers
from lingtouyan.problems import RecordsError, Severity, error

CREATED = datetime.datetime(2026, 3, 21, 8, 0, tzinfo=datetime.UTC)

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]


@pytest.fixture
def templates(tmp_path):
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "plain.css").write_text(
        "@page { size: A4; margin: 28mm } html { font: 12pt var(--font-fangsong) } h1 { font: 22pt var(--font-biaosong) }"
    )
    return folder


def page(body: str, head: str = "") -> str:
    return f'<!doctype html><html lang="zh-CN"><head><title>登记表</title>{head}</head><body>{body}</body></html>'


def job(name: str, body: str, **more) -> DossierJob:
    return DossierJob(
        f"{name}.pdf",
        page(body),
        f"登记表{name}",
        source=f"records/{name}.yaml",
        styles=("plain.css",),
        **more,
    )


def letters(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())


def fonts_of(file: Path) -> list[str]:
    """The names of the fonts in a file, their letters only."""
    listed = subprocess.run(["pdffonts", file], check=True, capture_output=True, text=True).stdout
    return [letters(line.split()[0].partition("+")[2]) for line in listed.splitlines()[2:]]


def messages(report: DossierReport) -> list[str]:
    return [p.message for p in report.problems]


# ---- one dossier ------------------------------------------------------------------------------------------------


def test_a_dossier_is_an_archival_tagged_pdf_with_its_own_fonts(templates, tmp_path):
    data = '{"姓名": "李示范"}'.encode()
    jobs = [
        job(
            "a",
            "<h1>李示范</h1><p>王𬭎𠮷䶮㛃 阿卜杜热合曼·买买提图尔荪</p>",
            created=CREATED,
            data=data,
        )
    ]
    report = render_dossiers(jobs, files=files_in(templates), out=tmp_path / "out")
    assert messages(report) == []
    file = tmp_path / "out" / "a.pdf"
    pdf = pypdf.PdfReader(file)
    assert [round(float(side) / MILLIMETRE) for side in pdf.pages[0].mediabox[2:]] == [210, 297]
    root = pdf.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "zh-CN"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    meta = root["/Metadata"].get_data().decode()
    assert 'pdfaid:part="3"' in meta
    assert 'pdfaid:conformance="U"' in meta
    assert "<pdfuaid:part>1</pdfuaid:part>" in meta
    assert meta.count("<rdf:RDF") == 1
    assert pdf.metadata.creation_date == CREATED
    assert pdf.attachments["记录.json"] == [data]
    assert words(file) == "李示范王𬭎𠮷䶮㛃阿卜杜热合曼·买买提图尔荪"
    listed = subprocess.run(
        ["pdffonts", file], check=True, capture_output=True, text=True
    ).stdout.splitlines()[2:]
    assert len(listed) >= 2
    for line in listed:
        # Embedded, subset, with a map back to characters.
        assert line.split()[-5:-2] == ["yes", "yes", "yes"], line


def test_a_character_that_no_font_holds_stops_that_dossier_alone(templates, tmp_path):
    jobs = [job("a", "<p>李ཀ示范</p>"), job("b", "<p>李\ue123示范</p>"), job("c", "<p>李示范</p>")]
    report = render_dossiers(jobs, files=files_in(templates), out=tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["c.pdf"]
    assert report.rendered == 1
    assert {(p.rule, p.file, p.severity) for p in report.problems} == {
        ("missing-glyph", "records/a.yaml", Severity.ERROR),
        ("missing-glyph", "records/b.yaml", Severity.ERROR),
    }
    first, second = sorted(messages(report))
    assert first.startswith("登记表a没有排印")
    assert "“ཀ”（U+0F40）" in first
    assert "U+E123" in second
    assert "\ue123" not in second


def test_a_style_sheet_cannot_print_a_character_that_no_font_holds(templates, tmp_path):
    (templates / "plain.css").write_text('p::before { content: "\\0F40"; font-family: var(--font-fangsong) }')
    report = render_dossiers([job("a", "<p>李</p>")], files=files_in(templates), out=tmp_path / "out")
    assert [p.rule for p in report.problems] == ["missing-glyph"]
    assert "U+0F40" in report.problems[0].message


def test_a_rare_character_that_only_a_style_sheet_prints_is_printed(templates, tmp_path):
    (templates / "plain.css").write_text(
        'p::before { content: attr(title) "𬭎"; font-family: var(--font-fangsong) }'
    )
    jobs = [job("a", '<p title="𠮷">李</p>')]
    assert messages(render_dossiers(jobs, files=files_in(templates), out=tmp_path / "out")) == []
    assert words(tmp_path / "out" / "a.pdf") == "𠮷𬭎李"
    # From the fonts chosen for the role, not from whatever the machine has besides.
    (stack,) = (s for s in find_stacks() if s.role.name == "fangsong")
    allowed = {letters(font.name) for font in stack.fonts}
    found = fonts_of(tmp_path / "out" / "a.pdf")
    assert len(found) >= 2
    assert all(any(f.startswith(name) for f in allowed) for name in found), found


def test_what_the_layout_engine_does_not_understand_is_reported(templates, tmp_path):
    (templates / "plain.css").write_text("p { colour: red }")
    report = render_dossiers(
        [job("a", "<p>李</p>"), job("b", "<p>张</p>")], files=files_in(templates), out=tmp_path / "out"
    )
    assert report.rendered == 2
    assert [(p.severity, p.rule) for p in report.problems] == [(Severity.WARNING, "print-remark")]
    assert "colour" in report.problems[0].message


def test_problems_of_a_template_stand_for_its_dossier(templates, tmp_path):
    def broken() -> str:
        raise RecordsError([error("site/dossiers/form.html", 7, "template-error", "用到了没有的名字。")])

    jobs = [DossierJob("a.pdf", broken, "登记表a"), job("b", "<p>李</p>")]
    report = render_dossiers(jobs, files=files_in(templates), out=tmp_path / "out")
    assert list(report.printed) == ["b.pdf"]
    assert [(p.file, p.line) for p in report.problems] == [("site/dossiers/form.html", 7)]


def test_a_path_that_could_lead_elsewhere_is_refused(templates, tmp_path):
    paths = ["../a.pdf", "/tmp/a.pdf", "a/../../b.pdf", "a.txt", "a\n.pdf", "字" * 100 + ".pdf"]
    report = render_dossiers(
        [DossierJob(path, page("<p>李</p>"), "登记表") for path in paths],
        files=files_in(templates),
        out=tmp_path / "deep" / "out",
    )
    assert [p.rule for p in report.problems] == ["print-path"] * len(paths)
    assert list(tmp_path.rglob("*.pdf")) == []


def test_two_dossiers_for_one_file_are_not_both_printed(templates, tmp_path):
    report = render_dossiers(
        [job("a", "<p>李</p>"), job("a", "<p>张</p>")], files=files_in(templates), out=tmp_path / "out"
    )
    assert [p.rule for p in report.problems] == ["print-path"]
    assert words(tmp_path / "out" / "a.pdf") == "李"


# ---- the sandbox ------------------------------------------------------------------------------------------------


OUTSIDE = [
    ("", '<img src="file:///etc/passwd">'),
    ("", '<img src="/etc/passwd">'),
    ("", '<img src="../secret.png">'),
    ("", '<img src="link.png">'),
    ("", '<img src="folder/secret.png">'),
    ("", '<img src="%2e%2e/secret.png">'),
    ("", '<img src="http://127.0.0.1:9/x.png">'),
    ("", '<img src="ftp://127.0.0.1:9/x.png">'),
    ("", '<img src="file://other.example/x.png">'),
    ("", '<object data="../secret.png"></object>'),
    ("", '<svg width="9" height="9"><image href="../secret.png" width="9" height="9"/></svg>'),
    ("", '<img src="outer.svg">'),
    ("", '<a rel="attachment" href="../secret.png">附件</a>'),
    ('<link rel="attachment" href="../secret.png">', ""),
    ('<link rel="attachment" href="link.png">', ""),
    ('<link rel="stylesheet" href="../secret.css">', ""),
    ('<base href="file:///etc/">', '<img src="passwd">'),
    ('<style>@import url("../secret.css");</style>', ""),
    ('<style>p { background: url("../secret.png") }</style>', "<p>李</p>"),
    ('<style>@font-face { font-family: x; src: url("../secret.png") }</style>', "<p>李</p>"),
    ("", f'<img src="data:image/png;base64,{"A" * 5_000_000}">'),
]


def test_a_dossier_reads_nothing_outside_the_template_folder(templates, tmp_path):
    from PIL import Image

    Image.new("RGB", (4, 4), "red").save(tmp_path / "secret.png")
    (tmp_path / "secret.css").write_text("p { color: red }")
    (templates / "link.png").symlink_to(tmp_path / "secret.png")
    (templates / "folder").symlink_to(tmp_path)
    (templates / "outer.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="../secret.png" width="9" height="9"/></svg>'
    )
    jobs = [
        DossierJob(f"{n}.pdf", page(body, head), f"登记表{n}", source=f"{n}")
        for n, (head, body) in enumerate(OUTSIDE)
    ]
    report = render_dossiers(jobs, files=files_in(templates), out=tmp_path / "out")
    said = {p.file: p for p in report.problems}
    assert len(said) == len(report.problems) == len(OUTSIDE)
    for n, (head, body) in enumerate(OUTSIDE):
        assert said[f"{n}"].rule == "print-refused", (head, body[:99])
        assert "只能引用模板文件夹里已有的文件" in said[f"{n}"].message
    assert list((tmp_path / "out").iterdir()) == []


def test_files_of_the_template_folder_and_small_images_are_shown(templates, tmp_path):
    from PIL import Image

    (templates / "images").mkdir()
    Image.new("RGB", (4, 4), "red").save(templates / "images" / "seal.png")
    (templates / "more.css").write_text("p { text-align: center }")
    dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
    body = f'<img src="images/seal.png" alt="章"><img src="data:image/png;base64,{dot}" alt="点"><p>李</p>'
    jobs = [DossierJob("a.pdf", page(body, '<link rel="stylesheet" href="more.css">'), "登记表")]
    assert messages(render_dossiers(jobs, files=files_in(templates), out=tmp_path / "out")) == []
    assert len(pypdf.PdfReader(tmp_path / "out" / "a.pdf").pages[0].images) == 2


def test_a_style_sheet_outside_the_template_folder_is_refused(templates, tmp_path):
    (tmp_path / "secret.css").write_text("p { color: red }")
    jobs = [DossierJob("a.pdf", page("<p>李</p>"), "登记表", styles=("../secret.css",))]
    report = render_dossiers(jobs, files=files_in(templates), out=tmp_path / "out")
    assert len(report.problems) == 1
    assert not report.printed


def test_a_dossier_that_kills_its_process_leaves_the_others(templates, tmp_path, monkeypatch):
    monkeypatch.setattr(render, "_work", _die_of_zhang)
    jobs = [
        job(name, f"<p>{text}</p>") for name, text in [("a", "李"), ("b", "张"), ("c", "王"), ("d", "赵")]
    ]
    report = render_dossiers(jobs, files=files_in(templates), out=tmp_path / "out", workers=1)
    assert sorted(report.printed) == ["a.pdf", "c.pdf", "d.pdf"]
    assert [p.rule for p in report.problems] == ["print-crash"]
    assert report.problems[0].message.startswith("登记表b没有排印：排版进程意外退出")


def _die_of_zhang(sheet):
    if "张" in sheet.html:
        os._exit(9)
    from lingtouyan.pdf.layout import print_sheet

    return print_sheet(sheet)


# ---- again ------------------------------------------------------------------------------------------------------


def batch() -> list[DossierJob]:
    return [
        job(f"x/{n}", f"<h1>登记表{n}</h1><p>李{'𬭎𠮷䶮'[n % 3]}示范 1975.03</p>", created=CREATED)
        for n in range(6)
    ]


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*.pdf"))}


def test_two_runs_in_two_folders_give_the_same_bytes(templates, tmp_path):
    render_dossiers(batch(), files=files_in(templates), out=tmp_path / "one" / "out")
    # Elsewhere, later, in another order, by one process after other dossiers.
    moved = tmp_path / "elsewhere" / "deep"
    moved.parent.mkdir()
    templates.rename(moved)
    jobs = [job("other", "<p>张𬭎喆堃</p>"), *reversed(batch())]
    render_dossiers(jobs, files=files_in(moved), out=tmp_path / "two", workers=1)
    one, two = contents(tmp_path / "one" / "out"), contents(tmp_path / "two")
    del two["other.pdf"]
    assert one == two
    assert len(one) == 6


def test_what_has_not_changed_is_not_printed_again(templates, tmp_path):
    asked: list[str] = []

    def jobs(changed: int = -1) -> list[DossierJob]:
        def give(n: int) -> str:
            asked.append(f"{n}")
            return page(f"<p>登记表{n}{'改' * (n == changed)}</p>")

        return [
            DossierJob(
                f"{n}.pdf",
                lambda n=n: give(n),
                f"登记表{n}",
                styles=("plain.css",),
                digest=f"{n}{n == changed}",
            )
            for n in range(4)
        ]

    cache = Cache(tmp_path / "cache")
    first = render_dossiers(jobs(), files=files_in(templates), out=tmp_path / "1", cache=cache)
    assert (first.rendered, first.reused, sorted(asked)) == (4, 0, ["0", "1", "2", "3"])

    asked.clear()
    second = render_dossiers(jobs(changed=2), files=files_in(templates), out=tmp_path / "2", cache=cache)
    assert (second.rendered, second.reused, asked) == (1, 3, ["2"])
    one, two = contents(tmp_path / "1"), contents(tmp_path / "2")
    assert [name for name in one if one[name] != two[name]] == ["2.pdf"]
    assert words(tmp_path / "2" / "2.pdf") == "登记表2改"

    # A style sheet shows in all of them.
    (templates / "plain.css").write_text("html { font: 14pt var(--font-fangsong) }")
    third = render_dossiers(jobs(changed=2), files=files_in(templates), out=tmp_path / "3", cache=cache)
    assert (third.rendered, third.reused) == (4, 0)


def test_without_a_digest_the_html_itself_tells(templates, tmp_path):
    cache = Cache(tmp_path / "cache")
    for folder, expected in (("1", (6, 0)), ("2", (0, 6))):
        report = render_dossiers(batch(), files=files_in(templates), out=tmp_path / folder, cache=cache)
        assert (report.rendered, report.reused) == expected
    assert contents(tmp_path / "1") == contents(tmp_path / "2")


# ---- where and how ----------------------------------------------------------------------------------------------


def test_worn_processes_are_replaced(templates, tmp_path, monkeypatch):
    monkeypatch.setattr(render, "SHEETS_PER_PROCESS", 2)
    monkeypatch.setattr(render, "_work", _note_process)
    monkeypatch.setenv("NOTED", str(tmp_path))
    report = render_dossiers(batch(), files=files_in(templates), out=tmp_path / "out", workers=1)
    assert report.rendered == 6
    assert len(list(tmp_path.glob("*.process"))) == 3


def _note_process(sheet):
    from lingtouyan.pdf.layout import print_sheet

    Path(os.environ["NOTED"], f"{os.getpid()}.process").touch()
    return print_sheet(sheet)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_a_bar_on_a_terminal_and_a_line_elsewhere(templates, tmp_path):
    log, terminal = io.StringIO(), Terminal()
    render_dossiers(batch(), files=files_in(templates), out=tmp_path / "1", progress=log)
    render_dossiers(batch(), files=files_in(templates), out=tmp_path / "2", progress=terminal)
    assert log.getvalue() == "文书 6 份：新排印 6 份，沿用 0 份。\n"
    assert "排印文书" in terminal.getvalue()
    assert "/6 [" in terminal.getvalue()
    assert terminal.getvalue().endswith("文书 6 份：新排印 6 份，沿用 0 份。\n")


@pytest.mark.parametrize("depth", [0, 150])
def test_nothing_is_left_behind(templates, tmp_path, depth):
    # Deep enough that no socket could be made there.
    temporary = tmp_path / ("d" * depth) / "t"
    temporary.mkdir(parents=True)
    script = (
        "import sys; from pathlib import Path\n"
        "from lingtouyan.pdf.render import DossierJob, render_dossiers\n"
        "if __name__ == '__main__':\n"
        "    here = Path(sys.argv[1])\n"
        "    jobs = [DossierJob('a.pdf', '<p>李𬭎</p>', 'a', styles=('plain.css',))]\n"
        "    files = {'plain.css': (here / 'templates' / 'plain.css').read_bytes()}\n"
        "    print(render_dossiers(jobs, files=files, out=here / 'out').rendered)\n"
    )
    (tmp_path / "run.py").write_text(script)
    environment = {
        **os.environ,
        "TMPDIR": str(temporary),
        "PYTHONPATH": str(Path(__file__).parents[2] / "generator"),
    }
    done = subprocess.run(
        [sys.executable, tmp_path / "run.py", tmp_path], env=environment, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("1\n", "")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["a.pdf"]
    assert list(temporary.iterdir()) == []


ENDLESS = """
import os, sys, time
from pathlib import Path
from lingtouyan.pdf import render

def endless(sheet):
    Path(sys.argv[1], f"{os.getpid()}.worker").touch()
    time.sleep(600)

if __name__ == "__main__":
    render._work = endless
    jobs = [render.DossierJob(f"{n}.pdf", "<p>李</p>", "a") for n in range(2)]
    render.render_dossiers(jobs, files={}, out=Path(sys.argv[1]), workers=2)
"""


def test_workers_end_with_what_started_them(tmp_path):
    (tmp_path / "run.py").write_text(ENDLESS)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "generator")}
    parent = subprocess.Popen(
        [sys.executable, tmp_path / "run.py", tmp_path], env=environment, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(lambda: len(list(tmp_path.glob("*.worker"))) == 2)
    finally:
        parent.kill()
        parent.wait()
    workers = [int(p.stem) for p in tmp_path.glob("*.worker")]
    wait_for(lambda: not any(alive(w) for w in workers))


def wait_for(condition) -> None:
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("it does not happen")


def alive(process: int) -> bool:
    """Tell whether a process still runs; one that ended and was not waited for does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


# ---- the forms of this city --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def forms(tmp_path_factory) -> Path:
    root = form_city.write_tree(tmp_path_factory.mktemp("city"))
    jobs = form_city.jobs_of(root, "internal") | form_city.jobs_of(root, "public", ["roster"])
    out = root / "out"
    report = render_dossiers(jobs.values(), files=files_in(root / "site" / "dossiers"), out=out)
    assert messages(report) == []
    return out


@pytest.mark.parametrize("number, pages", [(1, 2), (2, 2), (4, 2), (5, 3)])
def test_a_registration_form_fills_both_sides_of_one_sheet_unless_there_is_too_much_to_say(
    forms, number, pages
):
    file = forms / "registration" / f"F2026-900{number}.pdf"
    assert number_of_pages(file) == pages
    for sheet in pypdf.PdfReader(file).pages:
        assert [round(float(side) / MILLIMETRE) for side in sheet.mediabox[2:]] == [210, 297]


def test_the_form_is_set_in_the_typefaces_that_its_style_sheet_names(forms):
    stacks = {s.role.name: s.fonts[0] for s in find_stacks()}
    wanted = {stacks[role].name for role in ("biaosong", "fangsong", "kaiti", "songti")}
    found = fonts_of(forms / "registration" / "F2026-9001.pdf")
    assert len(found) == len(wanted)


def test_the_form_says_what_the_records_say(forms):
    text = words(forms / "registration" / "F2026-9001.pdf")
    for expected in (
        "村（社区）党组织书记任职备案登记表",
        "填报单位（盖章）：中共示例市清泉镇委员会",
        "编号：任前备〔2026〕1号",
        "李示范",
        # On 2026-03-14, the day before a birthday.
        "1975.03（50岁）",
        "茶叶种植与加工、农民专业合作社经营管理",
        "代码：990101101201002",
        "1992.09--1995.06示例市第二中学高中学生",
        "2016.07--示例市清泉镇云岭村党总支副书记、村民委员会副主任",
        "党员大会选举2026.03.16442424138",
        "86.4%",
        "市纪委监委通过",
        "同意，报市委组织部备案。（盖章）签字：2026年3月22日",
        "2021.06，中共示例市委授予“市优秀党务工作者”。",
        "填表人：吴经办审核人：郑审核填表时间：2026年3月21日计算年龄时间：2026年3月14日",
    ):
        assert expected in text, expected


@pytest.mark.parametrize(
    "number, name", [(2, form_city.LONG_NAME), (3, form_city.RARE_NAME), (5, form_city.HOSTILE_NAME)]
)
def test_a_name_is_printed_as_typed(forms, number, name):
    assert name in words(forms / "registration" / f"F2026-900{number}.pdf")


def test_markup_in_a_record_is_printed_as_words(forms):
    assert re.sub(r"\s", "", form_city.HOSTILE_WORK) in words(forms / "registration" / "F2026-9005.pdf")


def test_a_long_resume_runs_on_under_a_head_that_says_whose_it_is(forms):
    file = forms / "registration" / "F2026-9003.pdf"
    count = number_of_pages(file)
    assert count >= 5
    for number in range(2, count + 1):
        shown = subprocess.run(
            ["pdftotext", "-raw", "-f", str(number), "-l", str(number), file, "-"],
            check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
        text = re.sub(r"\s", "", shown)
        assert f"{form_city.RARE_NAME}大湾村任职备案登记表" in text
        assert "任前备〔2026〕3号" in text
        assert f"第{number}页共{count}页" in text
        assert ("简历（续）" in text) == (number < count)
    # Not one line is lost on the way.
    whole = words(file)
    for n in range(1, 97):
        assert f"第{n}生产合作社社员" in whole


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_text_keeps_within_the_margins_and_leaves_the_binding_edge_free(forms, number):
    file = forms / "registration" / f"F2026-900{number}.pdf"
    for sheet in range(1, number_of_pages(file) + 1):
        # Printed on both sides: the binding edge is left on a front, right on a back.
        left, right = (28, 210 - 26) if sheet % 2 else (26, 210 - 28)
        for x0, y0, x1, y1, word in boxes(file, sheet):
            assert left - 0.5 <= x0, word
            assert x1 <= right + 0.5, word
            assert y0 >= 13, word
            assert y1 <= 297 - 10, word


def test_opinion_signature_and_date_stand_on_one_page(forms):
    for file in sorted(forms.rglob("re*/*.pdf")):
        for sheet in range(1, number_of_pages(file) + 1):
            found = [word for *_, word in boxes(file, sheet)]
            seals = sum("（盖章）" in word and "填报" not in word for word in found)
            assert seals == sum("签字" in word for word in found) == len(re.findall(r"见", "".join(found)))
        # Nor does the line of those who filled the form in stand alone.
        assert "签字" in "".join(found)
        assert "填表人" in "".join(found)


def test_restricted_cells_stay_blank_in_the_internal_edition(forms):
    text = words(forms / "registration" / "F2026-9001.pdf")
    assert "健康状况内部版不载" in text
    assert "处分情况属受限内容，内部版不载" in text
    assert "家庭主要成员及重要社会关系属受限内容，内部版不载" in text


def test_a_removal_states_reason_and_handover(forms):
    file = forms / "removal" / "F2026-9009.pdf"
    assert number_of_pages(file) == 2
    text = words(file)
    for expected in (
        "免职备案登记表",
        "任职时间2021.03离任时间2026.03离任原因不胜任",
        "不能胜任现职，予以免职。",
        "2026年3月11日办理交接，交接清单3页。",
    ):
        assert expected in text, expected


LEAD, DEFENCE = "反映沿街门面出租没有公开", "本人说明了招租经过"


def test_what_a_case_was_about_is_sealed_and_printed_by_the_office_that_opens_it(tmp_path, monkeypatch):
    root = form_city.write_tree(tmp_path / "city")
    cases = root / form_city.FOLDER / "adjustments.csv"
    cases.write_text(
        "adjustment_id,person_id,village_id,tenure_id,opened_on,source,facts,heard_on,defence,tier,decided_on\n"
        f"J2026-9001,P0001,V9001,T9009,2026-03-01,群众反映,{LEAD},2026-03-05,{DEFENCE},及时调整,2026-03-08\n",
        "utf-8",
    )
    filing = root / form_city.FOLDER / "filings" / "F2026-9009.yaml"
    filing.write_text(filing.read_text("utf-8") + "adjustment_id: J2026-9001\n", "utf-8")
    monkeypatch.setenv("LINGTOUYAN_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("LINGTOUYAN_IDENTITY", str(tmp_path / "discipline.txt"))
    assert main(["--root", str(root), "keys", "add", "jiwei", "--compartment", "discipline"]) == 0
    assert main(["--root", str(root), "seal", str(cases)]) == 0
    assert LEAD not in cases.read_text("utf-8")
    assert DEFENCE not in cases.read_text("utf-8")

    def printed(edition: str) -> list[str]:
        found = form_city.jobs_of(root, edition, ["removal/F2026-9009", "removal-volume/F2026-9009"])
        return [found[name].html for name in sorted(found, key=len)]

    form, volume = printed("restricted")
    assert f"（线索来源：群众反映）。{LEAD}。处理方式：及时调整" in form
    assert volume.count(LEAD) == 2
    assert "内部版不载" not in form + volume
    monkeypatch.setenv("LINGTOUYAN_IDENTITY", str(tmp_path / "nobody.txt"))
    for form, volume in (printed("restricted"), printed("internal")):
        assert "（线索来源：群众反映）。主要情况封存，另行保管。处理方式：及时调整" in form
        assert ">封存，另行保管</td>" in volume
        assert not {t for t in (LEAD, DEFENCE, "sealed:") if t in form + volume}


def test_the_roster_for_the_wall_shows_only_what_is_published(forms):
    file = forms / "roster" / "qingquan.pdf"
    assert [round(float(side) / MILLIMETRE) for side in pypdf.PdfReader(file).pages[0].mediabox[2:]] == [
        297,
        210,
    ]
    text = words(file)
    assert "清泉镇村（社区）党组织书记花名册" in text
    assert f"1云岭村{form_city.LONG_NAME}男维吾尔族1975.03大专" in text
    assert "共有村（社区）3个，已公布在任书记1名" in text
    # In office, but not yet announced.
    assert "李示范" not in text
    assert "1975.03.15" not in text
