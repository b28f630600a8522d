"""A small repository with two people and their posts, whose cards are printed and verified."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from trees import Tree

from lingtouyan.cli import main

STYLE = """@page { size: A5; margin: 20mm 20mm 22mm 24mm;
  @bottom-center { content: counter(page); font: 10pt var(--font-songti) } }
html { font: 12pt var(--font-fangsong) } h1 { font: 22pt var(--font-biaosong) } .next { break-before: page }"""
CARD = """---
title: "履历卡 {{ row.name }}"
edition: internal
each: people
path: "card/{{ row.person_id }}"
styles: [card.css]
blank:
  posts: 2
  places: SELECT DISTINCT title FROM posts ORDER BY title LIMIT 1
queries:
  people: SELECT * FROM people ORDER BY person_id
  posts:
    by: person_id
    sql: SELECT person_id, title, since FROM posts ORDER BY post_id
  places:
    by: person_id
    sql: SELECT person_id, title FROM posts WHERE false
---
<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><title>{{ row.name }}</title></head><body>
<h1>{{ row.name }}</h1><p>{{ row.note }}</p>
{% if row.name.split("·")[0] | length > 9 or row.note == 3 %}<p>超长 {{ (row.name | length + 2) * row.note }}</p>{% endif %}
{% if blank %}
<p>任职起始：{{ row.since | dots }}{{ "%s%.1f" | format(row.note, row.note) }}年</p>
{% for place in places %}<p>【{{ place.title }}】</p>{% endfor %}
{% endif %}
{% for post in posts %}
<p class="next">{{ post.title }} {{ post.since }}</p>
{% endfor %}
</body></html>
"""
# Parts of a bound volume come from a shared file, each with its own rows and without a query of its own.
SHEET = """{% for post in posts %}
<p>{{ person.name }}：{{ post.title }}</p>
{% endfor %}
"""
VOLUME = """---
title: 卷
blank: false
edition: internal
styles: [volume.css]
queries:
  people: SELECT person_id, name FROM people ORDER BY person_id
  all_posts: SELECT person_id, title FROM posts ORDER BY post_id
---
<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><title>卷</title></head><body>
<section class="cover"><h1>卷</h1>
{% for person in people %}
<p><a href="#{{ person.person_id }}">{{ person.name }}</a></p>
{% endfor %}
</section>
{% set posts_of = all_posts | grouped("person_id") %}
{% for person in people %}
{% set posts = posts_of[person.person_id] %}
<section class="sheet" id="{{ person.person_id }}" data-bearer="{{ person.name }}"><h2>{{ person.name }}</h2>
{% include "dossiers/_sheet.html" %}
<p class="next">附页</p></section>
{% endfor %}
</body></html>
"""
VOLUME_STYLE = """@page { size: A5; margin: 20mm 20mm 22mm 24mm }
@page :left { margin-left: 20mm; margin-right: 24mm }
@page cover { counter-reset: page 40 }
@page sheet { @top-left { content: string(bearer) "（续）"; font: 9pt var(--font-kaiti) } }
@page sheet:nth(1 of sheet) { @top-left { content: none } }
html { font: 12pt var(--font-fangsong) }
.cover { page: cover } .sheet { page: sheet; break-before: page; string-set: bearer attr(data-bearer) }
h1 { bookmark-level: 1 } h2 { bookmark-level: 2 } .next { break-before: page }
a::after { content: leader(".") target-counter(attr(href), page) }"""
DATA = """---
title: "数据 {{ row.name }}"
each: people
path: "data/{{ row.person_id }}"
edition: internal
queries:
  people: SELECT * FROM people ORDER BY person_id
---
<?xml version="1.0" encoding="utf-8"?>
<person id="{{ row.person_id }}"><name>{{ row.name }}</name><note>{{ row.note }}</note></person>
"""
LIST = """---
title: 名册
styles: [card.css]
queries:
  people: SELECT person_id, name FROM people ORDER BY person_id
---
<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><title>名册</title></head><body>
{% for person in people %}
<p>{{ person.name }}</p>
{% endfor %}
</body></html>
"""


def git(root: Path, *arguments: str) -> str:
    """Run one git command."""
    done = subprocess.run(["git", "-C", root, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(root: Path, message: str = "改") -> str:
    """Commit all there is and return the commit's id."""
    git(root, "add", "-A")
    git(root, "commit", "-qm", message)
    return git(root, "rev-parse", "HEAD")


def prints(root: Path, out: Path, *options: str) -> dict[str, bytes]:
    """Print and return path -> bytes."""
    assert main(["--root", str(root), "dossiers", *options, "--out", str(out)]) == 0
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}


def person(tree: Tree, key: str, name: str, note: str) -> None:
    """Write one person's record."""
    tree.write(f"records/people/{key}.yaml", f"person_id: {key}\nname: {name}\nnote: {note}\n")


def write_city(root: Path) -> Tree:
    """Write the records, schemas and templates, and commit them."""
    tree = Tree(root)
    tree.table(
        "people", ["person_id", "name", "note"], path="records/people/*.yaml", primaryKey=["person_id"]
    )
    key = {"fields": ["person_id"], "reference": {"resource": "people", "fields": ["person_id"]}}
    since = {"name": "since", "type": "date"}
    tree.table(
        "posts",
        ["post_id", "person_id", "title", since],
        path="records/*/posts.csv",
        primaryKey=["post_id"],
        foreignKeys=[key],
    )
    person(tree, "P1", "李示范", "在本村任职。")
    person(tree, "P2", "王𬭎𠮷", "返乡创业。")
    tree.write(
        "records/east/posts.csv",
        "post_id,person_id,title,since\nA1,P1,副书记,2018-03-01\nA2,P1,书记,2021-03-01\n",
    )
    tree.write("records/west/posts.csv", "post_id,person_id,title,since\nB1,P2,委员,2021-03-01\n")
    tree.write("site/dossiers/card.css", STYLE)
    tree.write("site/dossiers/card.html", CARD)
    tree.write("site/dossiers/list.html", LIST)
    tree.write("site/dossiers/_sheet.html", SHEET)
    tree.write("site/dossiers/data.xml", DATA)
    tree.write("site/dossiers/volume.html", VOLUME)
    tree.write("site/dossiers/volume.css", VOLUME_STYLE)
    tree.write(".gitignore", "build/\n")
    git(root, "init", "-q")
    commit(root, "初始")
    return tree


@cache
def _printed(factory: Callable[[str], Path]) -> tuple[Path, dict[str, bytes]]:
    folder = factory("city")
    tree = write_city(folder / "city")
    return tree.root, prints(tree.root, folder / "out")


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """A repository and what it printed, made once. To be read only: `copy` is for changing."""
    return _printed(tmp_path_factory.mktemp)
