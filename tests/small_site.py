"""A small site with the project's own theme and settings, for tests that build, open or break one."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from markupsafe import Markup

from lingtouyan.reading.source import WorkTree
from lingtouyan.templates.charts import progress
from lingtouyan.templates.components import definition, flow, table, tiles, timeline
from lingtouyan.templates.escaping import escape, front_matter
from lingtouyan.website.frames import FrameSpec
from lingtouyan.website.mkdocs import MkDocs
from lingtouyan.website.search import INDEX, RecordEntry, check_searchable, write_record_index
from lingtouyan.website.website import SiteJob, Website, begin, finish, write_sitemap

PROJECT = Path(__file__).parents[1]
FRAMES = (FrameSpec("people", "people", "people/"), FrameSpec("places", "towns/places", "towns/"))
ADDRESS = "https://example.invalid/goose/"
EPOCH = 1_760_000_000
NAV = """
site_url: https://example.invalid/goose/
nav:
  - 首页: index.md
  - 队伍:
    - 花名册: roster.md
    - 人员: people/index.md
  - 地方:
    - 乡镇: towns/index.md
  - 办法: rules.md
  - 只在内部版: internal.md
"""
# Names as people have typed them; each has to look like this wherever it stands.
NAMES = ["李示范", "<b>|{{x}}", "[a](javascript:alert(1))", "阿依古丽·买买提", "𠮷𬭎䶮", "单 & \"雄\" 'x'"]
PINYIN = ["li shi fan", "", "", "a yi gu li mai mai ti", "ji hong yan", "shàn xióng"]
LEVELS = ["初中", "高中", "大专", "本科"]


def people(count: int = 80) -> list[dict[str, Any]]:
    """Rows as a query gives them."""
    return [
        {
            "id": f"P{number:04}",
            "name": NAMES[number] if number < len(NAMES) else f"人{number}",
            "level": LEVELS[number % 4],
            "town": ("青山镇", "绿水乡")[number % 2],
            "votes": number % 7 * 10 + 3,
        }
        for number in range(count)
    ]


LABELS = {"name": "姓名", "level": "学历", "town": "乡镇", "votes": "得票"}


def roster(rows: list[dict[str, Any]]) -> str:
    """A table long enough for filters, sorting, and to be set aside by the builder."""
    return table(
        rows,
        ["name", "level", "town", "votes"],
        labels=LABELS,
        href={"name": lambda row: f"../people/{row['id']}/"},
        facets=["level", "town"],
        orders={"level": LEVELS},
        caption="现任花名册",
    )


def write_page(tree: Path, name: str, title: str, body: str, **meta: object) -> None:
    """A written page as the engine writes one."""
    path = tree / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{front_matter({'title': title, **meta})}# {escape(title)}\n\n{body}\n", "utf-8")


def make_project(root: Path) -> Path:
    """A project folder with this project's theme and settings and a navigation of its own."""
    root.mkdir(parents=True)
    shutil.copytree(PROJECT / "site" / "theme", root / "site" / "theme")
    settings = (PROJECT / "mkdocs.yml").read_text("utf-8").split("\nnav:")[0]
    (root / "mkdocs.yml").write_text(settings + NAV, "utf-8")
    return root


def write_tree(tree: Path) -> None:
    """Eight pages: figures, a long table, charts, clauses."""
    rows = people()
    write_page(
        tree,
        "index.md",
        "首页",
        "\n\n".join(
            [
                tiles(
                    [
                        {"title": "现任", "value": 80, "unit": "人", "href": "roster/"},
                        {"title": "<差>", "value": None},
                    ]
                ),
                progress(63.2, 60, label="四十五岁以下"),
                progress(41, 50, label="大专以上"),
                flow(
                    [
                        {"title": "起草", "count": 4, "state": "done"},
                        {"title": "审核", "count": 2, "state": "current"},
                    ]
                ),
            ]
        ),
    )
    write_page(tree, "roster.md", "花名册", roster(rows))
    write_page(tree, "people/index.md", "人员", "全部人员的名单。")
    write_page(tree, "towns/index.md", "乡镇", table(rows[:3], ["name", "votes"], caption="乡镇"))
    write_page(
        tree,
        "rules.md",
        "办法",
        "\n".join(f"## 第{n}条 {{#c{n}}}\n\n应当在任职后五个工作日内报送备案材料。\n" for n in "一二三")
        + "\n另见[花名册](roster.md)。\n",
    )
    write_page(tree, "outside.md", "不在导航中", "没有导航的页面。")


def make_job(folder: Path, out: str = "site", **changes: Any) -> SiteJob:
    """A job on `folder`: `root` and `tree` are made when missing."""
    root, tree = folder / "root", folder / "work" / "tree"
    if not root.exists():
        make_project(root)
    if not tree.exists():
        write_tree(tree)
    job = SiteJob(WorkTree(root), tree, folder / "work" / out, "public", False)
    return replace(job, as_of="2026-11-20", commit="0123456789abcdef", frames=FRAMES, **changes)


def build_written(job: SiteJob, mkdocs: MkDocs | None = None) -> Website:
    """The written pages and the frames, built by a child of MkDocs that runs already, or by one for this build alone."""
    with contextlib.nullcontext(mkdocs) if mkdocs is not None else MkDocs() as child:
        begin(job, child)
        website = finish(job, child)
    if (job.out / INDEX).is_file():
        check_searchable(job.out)
    return website


def stamp(job: SiteJob, website: Website) -> None:
    """Record pages, their index and the sitemap: the rest of a site."""
    urls = list(website.urls)
    rows = people()
    for row in rows:
        url = f"people/{row['id']}/"
        content = definition([("姓名", row["name"]), ("学历", row["level"]), ("备注", None)])
        content += timeline(
            [{"date": "2026-02-03", "title": row["name"], "text": "经选举产生。", "kind": "ok"}]
        )
        content += Markup(
            '<h2 id="posts">任职</h2><p>没有任职。</p><h2 id="events">大事记</h2><p>没有记录。</p>'
        )
        page = job.out / url / "index.html"
        page.parent.mkdir(parents=True)
        page.write_bytes(website.frames["people"].fill(title=row["name"], content=content, url=url))
        urls.append(url)
    entries = [
        RecordEntry(
            "人员", f"people/{row['id']}/", row["name"], row["town"], pinyin, codes=(f"99010110{n:04}",)
        )
        for n, (row, pinyin) in enumerate(zip(rows, PINYIN + [""] * len(rows), strict=False))
    ]
    write_record_index(job.out, entries)
    write_sitemap(job.out, ADDRESS, urls, EPOCH)


def build_site(folder: Path, mkdocs: MkDocs | None = None, **changes: Any) -> SiteJob:
    """A whole site: written pages, record pages, indexes."""
    job = make_job(folder, **changes)
    stamp(job, build_written(job, mkdocs=mkdocs))
    return job


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes, and every empty folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file():
            found[name] = path.read_bytes()
        elif not any(path.iterdir()):
            found[name + "/"] = b""
    return found
