"""Volumes: many parts bound into one file, with contents, bookmarks and heads that say whose page it is."""

from __future__ import annotations

import io

import pypdf
import pytest

from lingtouyan.pdf.footer import marks_in
from lingtouyan.verify.verify import TRUE, verify

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]


@pytest.fixture(scope="module")
def volume(city) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(city[1]["volume.pdf"]))


def test_contents_bookmarks_and_marks_agree_on_where_a_part_begins(volume) -> None:
    texts = [page.extract_text() for page in volume.pages]
    # Cover, then two people with two pages each; a template that counts otherwise does not mislead the marks.
    assert [(m.page, m.pages) for t in texts for m in marks_in(t)] == [(n, 5) for n in range(1, 6)]
    assert ["王𬭎𠮷" in t for t in texts] == [True, False, False, True, True]
    contents = texts[0].replace(".", "")
    assert "李示范2" in contents.replace(" ", "")
    assert "王𬭎𠮷4" in contents.replace(" ", "")
    outline = volume.outline
    assert outline[0].title == "卷"
    assert [(o.title, volume.get_destination_page_number(o)) for o in outline[1]] == [
        ("李示范", 1),
        ("王𬭎𠮷", 3),
    ]


def test_each_part_has_its_own_rows_and_its_own_first_page(volume) -> None:
    texts = [page.extract_text() for page in volume.pages]
    assert "李示范：书记" in texts[1]
    assert "王𬭎𠮷：委员" in texts[3]
    assert "委员" not in texts[1]
    assert ["（续）" in t for t in texts] == [False, False, True, False, True]


def test_a_volume_is_verified_like_any_print(city, tmp_path) -> None:
    file = tmp_path / "volume.pdf"
    file.write_bytes(city[1]["volume.pdf"])
    (verdict,) = verify(city[0], [file])
    assert verdict.state == TRUE, verdict.text()
