"""The same tree, settings and frames with MkDocs-Material's successor: nothing of ours ties us to one builder."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from small_site import FRAMES, build_written, make_job, people

from lingtouyan.website.website import take_frames

zensical = pytest.importorskip("zensical", reason="zensical is a development dependency")

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A site built by MkDocs, and one built by Zensical from the same tree."""
    job = make_job(tmp_path_factory.mktemp("both"))
    build_written(job)
    other = job.config_file.with_name("zensical.yml")
    text = job.config_file.read_text("utf-8").replace("site_dir: site", "site_dir: zensical")
    other.write_text(text, "utf-8")
    program = shutil.which("zensical", path=str(Path(__import__("sys").executable).parent)) or "zensical"
    done = subprocess.run(
        [program, "build", "--strict", "-f", str(other)],
        cwd=job.config_file.parent,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return job.out, job.out.with_name("zensical")


def _pages(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*.html")}


def _words(path: Path) -> list[str]:
    """Words of the page's own content."""
    article = path.read_text("utf-8").split("<article", 1)[1].split("</article>", 1)[0]
    return re.sub(r"<[^>]*>", " ", article.split(">", 1)[1]).split()


def test_both_build_the_same_pages_and_frames(both: tuple[Path, Path]) -> None:
    ours, theirs = both
    frames = take_frames(theirs, FRAMES)
    assert set(frames) == {spec.name for spec in FRAMES}
    assert _pages(ours) == _pages(theirs)
    for page in _pages(ours) - {"404.html"}:
        assert _words(ours / page) == _words(theirs / page), page
    for row in people(6):
        data = (
            frames["people"]
            .fill(title=row["name"], content="<p>正文</p>", url=f"people/{row['id']}/")
            .decode()
        )
        assert "7d1c" not in data
        assert "<p>正文</p>" in data
        assert "<b>|" not in data
        assert f'rel="canonical" href="https://example.invalid/goose/people/{row["id"]}/"' in data
        assert re.search(r"md-tabs__item--active[^<]*<a [^>]*>\s*队伍", data)
        assert [part.strip() for part in re.findall(r'md-path__item.*?md-ellipsis">(.*?)<', data)] == [
            "首页",
            "队伍",
            "人员",
        ]


def test_both_carry_styles_scripts_marks_and_policy(both: tuple[Path, Path]) -> None:
    for folder in both:
        home = (folder / "index.html").read_text("utf-8")
        for needed in ("assets/site.css", "assets/site.js", "assets/search.js", "assets/build.js"):
            assert needed in home
            assert (folder / needed).is_file()
        assert "Content-Security-Policy" in home
        assert 'data-fact="as_of"' in home
        assert not re.search(r'(?:src|href)="(?:https?:)?//(?!example\.invalid)', home)
