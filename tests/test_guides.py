"""The guides say what is so: their commands exist, their links lead somewhere, their example works as pasted."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from rule_cases import Bench, _cases_of

from lingtouyan.cli import _parser, main
from lingtouyan.exchange.workbook import Sheet, write_workbook
from lingtouyan.history.anchors import anchor_text
from lingtouyan.project import Project

ROOT = Path(__file__).resolve().parents[1]
GUIDES = sorted((ROOT / "docs/guide").glob("*.md"))
# A comment above a block says what is done with it: <!-- file=PATH -->, append, change, exit=CODE.
_BLOCK = re.compile(r"^(?:<!-- (\w+)=(\S+) -->\n)?```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[str]:
    """Return the lines of a guide that call the tool, in text and in blocks."""
    blocks = [m[4] for m in _BLOCK.finditer(page.read_text("utf-8")) if m[3] == "sh"]
    return [line for block in blocks for line in block.splitlines() if line.startswith("lingtouyan ")]


@pytest.mark.parametrize("page", GUIDES, ids=lambda p: p.stem)
def test_every_command_of_a_guide_is_one(page: Path) -> None:
    for line in commands(page):
        arguments = shlex.split(line)[1:]
        options, rest = _parser()[0].parse_known_args(arguments)
        assert not rest, line
        named = arguments[2] if arguments[0] == "--root" else arguments[0]
        assert options.run.__name__ == f"_{named}"


PAGES = [*sorted((ROOT / "docs").rglob("*.md")), *ROOT.glob("*.md"), ROOT / ".ci/README.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    for target, _, place in re.findall(r"\]\((?!\w+:)([^)#]*)(#([^)]*))?\)", page.read_text("utf-8")):
        there = page.parent / target if target else page
        assert there.exists(), target
        if place and there.suffix == ".md":
            heads = re.findall(r"^#+ (.*)", there.read_text("utf-8"), re.MULTILINE)
            slugs = [re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads]
            assert place in slugs, (target, place)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_every_block_is_one_in_the_built_guide_too(page: Path) -> None:
    # More than a language after the marks, or marks that are moved in, and MkDocs shows the block as running text.
    assert re.findall(r"^(?:```\w+ .*|[ ]+```.*)", page.read_text("utf-8"), re.MULTILINE) == []


def _made_ready(folder: Path) -> Path:
    """Return a clerk's clone of the sample, with an origin, a tag, and the files that the guides speak of."""
    origin, city = folder / "origin.git", folder / "city"
    for command in (
        ["git", "init", "-q", "-b", "main", str(city)],
        ["git", "-C", str(city), "config", "user.name", "干事"],
        ["git", "-C", str(city), "config", "user.email", "clerk@qingquan.shili.example"],
    ):
        subprocess.run(command, check=True)
    for name in (
        "datapackage.yaml",
        "mkdocs.yml",
        "pyproject.toml",
        ".gitignore",
        "records",
        "schemas",
        "site",
    ):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        copy(ROOT / name, city / name)
    for command in (
        ["git", "-C", str(city), "add", "-A"],
        ["git", "-C", str(city), "commit", "-q", "-m", "示例市"],
        ["git", "-C", str(city), "tag", "v2026.1"],
        ["git", "clone", "-q", "--bare", str(city), str(origin)],
        ["git", "-C", str(city), "remote", "add", "origin", str(origin)],
    ):
        subprocess.run(command, check=True)
    rows = [["姓名", "性别", "出生年月", "民族", "政治面貌"], ["钱某某", "男", "1985.6", "汉", "群众"]]
    write_workbook(city / "花名册.xlsx", [Sheet("册", rows=rows)])
    write_workbook(city / "名单.xlsx", [Sheet("名单", rows=[["名称", "村（社区）"], ["甲镇", "东村、西村"]])])
    (city / "build/public/site").mkdir(parents=True)
    project = Project.open(city)
    assert project.commit is not None
    (city / "anchor.json").write_text(anchor_text(city, project.commit, str(project.as_of(None))), "utf-8")
    return city


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "page", [p for p in GUIDES if p.stem not in ("README", "rules", "appointment")], ids=lambda p: p.stem
)
def test_every_command_of_a_guide_runs_as_pasted(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    city = _made_ready(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if page.stem == "reviewer":
        # What the clerk pushed, and a print that somebody handed in.
        file = next((city / "records/townships").glob("*清泉镇/people/P0001.yaml"))
        file.write_text(file.read_text("utf-8").replace("specialities: ", "specialities: 电商、"), "utf-8")
        subprocess.run(["git", "-C", str(city), "commit", "-qam", "专长"], check=True)
        subprocess.run(["git", "-C", str(city), "push", "-q", "origin", "HEAD:清泉镇-王新民任职"], check=True)
        assert main(["--root", str(city), "dossiers", "registration", "--key", "F2026-0113"]) == 0
        shutil.copy2(next((city / "build/prints").rglob("F2026-0113.pdf")), city / "收到的.pdf")
    if page.stem == "clerk":
        # A machine with a key, and a picture at hand.
        Image.new("RGB", (300, 400)).save(city / "照片.jpg")
        assert main(["--root", str(city), "keys", "add", "swzzb"]) == 0
    if page.stem == "administrator":
        # The city that `init` made has no host yet; a sealed value, so that there are keys to lose.
        subprocess.run(["git", "-C", str(city), "remote", "remove", "origin"], check=True)
        (tmp_path / "backup").mkdir()
    blocks = [(m[4], int(m[2] or 0)) for m in _BLOCK.finditer(page.read_text("utf-8")) if m[3] == "sh"]
    lines = [(line, code) for block, code in blocks for line in block.splitlines()]
    assert lines
    for line, code in lines:
        if line.startswith(("sudo", "make")):
            continue
        line = line.replace("/backup", str(tmp_path / "backup")).replace("地址", str(tmp_path / "origin.git"))
        if line.startswith("git add"):
            (city / "records/city/README.md").write_text("说明\n", "utf-8")
        # What is opened in an editor asks for a terminal; the editor is one that saves what it was given.
        if line.startswith("EDITOR=nano "):
            line = shlex.join(["script", "-qec", line.replace("nano", "true", 1), "/dev/null"])
        done = subprocess.run(["bash", "-c", line], cwd=city, capture_output=True, text=True, check=False)
        assert done.returncode == code, f"{line}\n{done.stdout}\n{done.stderr}"


def test_every_place_that_a_guide_names_is_there() -> None:
    text = "".join(p.read_text("utf-8") for p in GUIDES)
    named = set(re.findall(r"`((?:records/city|\.ci|\.gitea|\.gitlab|\.github|requirements)[\w./-]*)`", text))
    assert len(named) > 5
    named -= {m[1] for m in _BLOCK.findall(text) if m[0] == "file"}
    # What a city has at its root stands here with its host's files.
    roots = [ROOT, *(ROOT / ".ci/hosts").iterdir()]
    assert [n for n in sorted(named) if not any((r / n).exists() for r in roots)] == []


def _paste(tree: Path, page: str, first: int = 0, last: int | None = None) -> None:
    """Do with a page's marked blocks what it asks for: a new file, lines at the end of one, lines changed in one."""
    marked = [m for m in _BLOCK.findall((ROOT / "docs/guide" / page).read_text("utf-8")) if m[0]]
    for how, name, _, content in marked[first:last]:
        target = tree / name
        target.parent.mkdir(parents=True, exist_ok=True)
        before = "" if how == "file" else target.read_text("utf-8")
        if how == "change":
            old, new = (
                "\n".join(line[1:] for line in content.splitlines() if line[0] != sign) for sign in "+-"
            )
            assert before.count(old) == 1, (name, old)
            before, content = before.replace(old, new), ""
        target.write_text(before + content, "utf-8")


def _check(city: Path, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert main(["--root", str(city), "check"]) == 0
    return capsys.readouterr().out


@pytest.mark.exhaustive
def test_the_example_works_as_pasted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    city = _made_ready(tmp_path)
    _paste(city, "rules.md")
    assert "水井W0002深80米，超过60米" in _check(city, capsys)
    assert main(["--root", str(city), "dossiers", "水井登记卡", "--key", "W0001"]) == 0
    assert (city / "build/prints/internal/wells/W0001.pdf").is_file()
    assert main(["--root", str(city), "build", "--no-dossiers"]) == 0
    public, internal = (city / f"build/{edition}/site" for edition in ("public", "internal"))
    assert "W0002,V0002,80" in (public / "wells.csv").read_text("utf-8")
    assert "W0002" in (public / "wells/index.html").read_text("utf-8")
    assert "张三" in (internal / "wells/W0001/index.html").read_text("utf-8")
    assert "张三" not in (public / "wells/W0001/index.html").read_text("utf-8")
    bench, cases = Bench(city), _cases_of(city / "tests/cases/rules/W1.yaml", "rule", "finds")
    assert [len(bench.run_rule(case)[0]) for case in cases] == [1, 0]


@pytest.mark.exhaustive
def test_an_appointment_works_as_pasted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    city = _made_ready(tmp_path)
    _paste(city, "appointment.md", last=5)
    mine = "F2026-0901：报送后应在3个工作日内"
    assert mine in _check(city, capsys)
    _paste(city, "appointment.md", first=5)
    told = _check(city, capsys)
    assert mine not in told
    assert "𠮷庄村（V0027）自2026年8月3日起没有书记（至2026年11月18日）" in told
    for kind, key in (("任职备案登记表", "1"), ("任职备案卷", "1"), ("免职备案登记表", "2")):
        assert main(["--root", str(city), "dossiers", kind, "--key", f"F2026-090{key}"]) == 0
    assert main(["--root", str(city), "fmt"]) == 0
    assert "整理了 0 个" in capsys.readouterr().out


@pytest.mark.exhaustive
def test_a_correction_works_as_pasted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    city = _made_ready(tmp_path)
    _paste(city, "reviewer.md")
    _check(city, capsys)
    for command in (
        ["add", "records"],
        ["-c", "user.email=zzb@shili.example", "commit", "-qm", "更正（示组村备〔2026〕121号）"],
    ):
        subprocess.run(["git", "-C", str(city), *command], check=True)
    assert main(["--root", str(city), "review", "v2026.1"]) == 0
    assert "R68" not in capsys.readouterr().out
