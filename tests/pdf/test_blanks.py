"""Blank forms: the same templates with nothing filled in, and nothing that could be taken for a record."""

from __future__ import annotations

import io

import proof_city
import pypdf
import pytest
from trees import Tree

from lingtouyan.cli import main
from lingtouyan.pdf.footer import marks_in
from lingtouyan.verify.verify import DIFFERS, UNPROVEN, verify

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def blanks(city, tmp_path_factory) -> dict[str, bytes]:
    return proof_city.prints(city[0], tmp_path_factory.mktemp("blank"), "--blank")


def test_every_kind_has_one_blank_form_unless_its_template_says_otherwise(blanks) -> None:
    assert list(blanks) == ["blank/card.pdf", "blank/list.pdf"]


def test_a_blank_form_holds_its_printed_words_and_no_record(blanks) -> None:
    pdf = pypdf.PdfReader(io.BytesIO(blanks["blank/card.pdf"]))
    # As many empty rows as the template asks for; what it asks of the register by a query is printed.
    assert len(pdf.pages) == 3
    text = "".join(page.extract_text() for page in pdf.pages)
    assert "任职起始：年" in text
    assert "【书记】" in text
    for absent in ("李示范", "王", "2021", "超长", "None", "Nothing"):
        assert absent not in text
    assert not pdf.attachments


def test_a_blank_form_says_on_each_page_that_it_is_no_record(city, blanks, tmp_path, capsys) -> None:
    pdf = pypdf.PdfReader(io.BytesIO(blanks["blank/card.pdf"]))
    for number, page in enumerate(pdf.pages, 1):
        text = page.extract_text()
        assert "空白表，不是记录" in text
        assert proof_city.git(city[0], "rev-parse", "HEAD")[:10] in text
        assert f"{number}/3" in text
        assert marks_in(text) == []
    file = tmp_path / "blank.pdf"
    file.write_bytes(blanks["blank/card.pdf"])
    assert main(["--root", str(city[0]), "verify", str(file)]) == 2
    assert "是空白表（模板" in capsys.readouterr().out


def test_blank_pages_do_not_excuse_others(city, blanks, tmp_path) -> None:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(blanks["blank/card.pdf"]))
    writer.append(io.BytesIO(city[1]["list.pdf"]), import_outline=False)
    file = tmp_path / "mixed.pdf"
    writer.write(file)
    (verdict,) = verify(city[0], [file])
    assert verdict.state in (DIFFERS, UNPROVEN)
    assert "空白表" not in verdict.text()


def test_a_blank_form_does_not_wait_for_the_records_to_be_right(tree: Tree, tmp_path) -> None:
    tree.table("a", [{"name": "n", "type": "integer"}])
    tree.write("records/a.csv", "n\nx\n")
    tree.write(
        "site/dossiers/form.html",
        "---\ntitle: 表\neach: a\npath: form/x\nqueries: {a: SELECT n FROM a}\n---\n<p>数：{{ row.n }}</p>",
    )
    out = tmp_path / "out"
    assert main(["--root", str(tree.root), "dossiers", "--out", str(out)]) == 1
    assert main(["--root", str(tree.root), "dossiers", "--blank", "--out", str(out)]) == 0
    assert [p.suffix for p in out.rglob("*.pdf")] == [".pdf"]


def test_what_has_no_blank_form_says_so(city, capsys) -> None:
    assert main(["--root", str(city[0]), "dossiers", "volume", "--blank"]) == 2
    assert "没有空白表" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--root", str(city[0]), "dossiers", "card", "--blank", "--key", "P1"])
    assert "参数 --key 不能与 --blank 同时使用" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong", ["blank: 3", "blank: {other: 3}", "blank: {people: 501}", "blank: {people: []}"]
)
def test_a_head_that_asks_for_the_impossible_is_told_so(tree: Tree, wrong, capsys) -> None:
    proof_city.write_city(tree.root)
    tree.write("site/dossiers/list.html", proof_city.LIST.replace("styles: [card.css]", wrong))
    assert main(["--root", str(tree.root), "dossiers", "--blank"]) == 1
    assert "site/dossiers/list.html" in (said := capsys.readouterr().out)
    assert "blank" in said
