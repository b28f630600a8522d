"""Photographs are sealed beside their records: small, without what cameras write, seen by the entitled alone."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import pytest
from PIL import Image
from test_sealing import Machine, machine, run
from trees import Tree

from lingtouyan.cli import main

__all__ = ["machine"]

CARD = """---
title: "卡 {{ row.name }}"
each: people
path: "card/{{ row.id }}"
edition: internal
queries:
  people: SELECT id, name FROM people ORDER BY id
  sealed: {by: id, edition: restricted, sql: "SELECT id, photo FROM people"}
---
<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>{{ row.name }}</title></head><body>
<h1>{{ row.name }}</h1>{% for s in sealed %}{% if picture(s.photo) %}
<img src="{{ picture(s.photo) }}" alt="照片">{% endif %}{% endfor %}</body></html>
"""


def photograph(size: tuple[int, int] = (3000, 4000)) -> bytes:
    """A picture as a camera makes it: large, lying on its side, with a place and a maker written into it."""
    picture = Image.effect_noise(size, 90).convert("RGB")
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x9C9C] = 6, "SECRET-CAMERA", "SECRET-PLACE"
    stream = io.BytesIO()
    picture.save(stream, "JPEG", exif=exif, quality=95)
    return stream.getvalue()


@pytest.fixture
def city(tree: Tree, machine: Machine) -> Tree:
    fields = [
        {"name": "id", "example": "P1"},
        "name",
        {"name": "photo", "sensitivity": "restricted", "picture": "true"},
    ]
    tree.table("people", fields, path="records/people/*.yaml", primaryKey=["id"])
    tree.write("records/people/P1.yaml", "id: P1\nname: 李示范\n")
    tree.write("records/people/P2.yaml", "id: P2\nname: 王示例\n")
    tree.write("site/dossiers/card.html", CARD)
    assert run(tree, "keys", "add", "city") == 0
    return tree


def sealed(city: Tree, tmp_path: Path, data: bytes) -> Path:
    source = tmp_path / "face.jpg"
    source.write_bytes(data)
    assert run(city, "edit", "people", "P1", "--picture", str(source)) == 0
    return city.root / "records/people/P1.photo.sealed"


def printed(city: Tree, out: Path, edition: str = "restricted") -> str:
    arguments = ("--edition", edition, "--format", "html", "--out", str(out))
    assert run(city, "dossiers", "card", "--key", "P1", *arguments) == 0
    return (out / "card/P1.html").read_text("utf-8")


def shown(html: str) -> Image.Image:
    data = html.partition("data:image/jpeg;base64,")[2].partition('"')[0]
    return Image.open(io.BytesIO(base64.b64decode(data.replace("&#43;", "+").replace("&#61;", "="))))


def test_a_photograph_is_small_upright_and_rid_of_what_the_camera_wrote(city: Tree, tmp_path: Path) -> None:
    file = sealed(city, tmp_path, photograph())
    assert file.stat().st_size < 300_000
    assert b"SECRET" not in file.read_bytes()
    picture = shown(printed(city, tmp_path / "out"))
    assert picture.width > picture.height
    assert max(picture.size) <= 876
    assert not picture.getexif()
    assert run(city, "check") == 0


def test_without_a_key_and_in_other_editions_there_is_no_picture(
    city: Tree, tmp_path: Path, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    sealed(city, tmp_path, photograph((300, 400)))
    assert "data:image" not in printed(city, tmp_path / "internal", "internal")
    machine.use("nobody")
    capsys.readouterr()
    assert "data:image" not in printed(city, tmp_path / "nobody")
    assert "1 处没有钥匙" in capsys.readouterr().out


def test_a_picture_that_is_moved_to_another_record_does_not_open(city: Tree, tmp_path: Path) -> None:
    file = sealed(city, tmp_path, photograph((300, 400)))
    file.rename(file.with_name("P2.photo.sealed"))
    out = tmp_path / "out"
    arguments = ("--edition", "restricted", "--format", "html", "--out", str(out))
    assert run(city, "dossiers", "card", "--key", "P2", *arguments) == 0
    assert "data:image" not in (out / "card/P2.html").read_text("utf-8")


def test_what_is_no_picture_is_refused(
    city: Tree, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, content in (("a.jpg", b"MZ\x90 not a picture"), ("b.jpg", b""), ("c.gif", b"GIF89a")):
        (tmp_path / name).write_bytes(content)
        code = main(["--root", str(city.root), "edit", "people", "P1", "--picture", str(tmp_path / name)])
        assert code == 2
        assert "没有封存" in capsys.readouterr().err
    assert not (city.root / "records/people/P1.photo.sealed").exists()


def test_a_plain_photograph_among_the_records_is_an_error(city: Tree) -> None:
    city.write("records/people/P1.jpg", photograph((30, 40)))
    (problem,) = city.check()
    assert problem.file == "records/people/P1.jpg"
    assert "--picture" in problem.message
