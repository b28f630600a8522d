"""Dossiers that are XML: whole, free of entities, and what the programs that read them expect."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from xml.etree import ElementTree
from xml.parsers import expat

import form_city
import proof_city
import pytest
from trees import Tree

from lingtouyan.cli import main
from lingtouyan.pdf.jobs import xml_document, xml_text

# As programs that fill in and read the form of appointment write it; the order is that of their own files.
FIELDS = re.findall(
    r"\w+",
    """
XingMing XingBie ChuShengNianYue MinZu JiGuan ChuShengDi RuDangShiJian CanJiaGongZuoShiJian JianKangZhuangKuang
ZhuanYeJiShuZhiWu ShuXiZhuanYeYouHeZhuanChang QuanRiZhiJiaoYu_XueLi QuanRiZhiJiaoYu_XueWei
QuanRiZhiJiaoYu_XueLi_BiYeYuanXiaoXi QuanRiZhiJiaoYu_XueWei_BiYeYuanXiaoXi ZaiZhiJiaoYu_XueLi ZaiZhiJiaoYu_XueWei
ZaiZhiJiaoYu_XueLi_BiYeYuanXiaoXi ZaiZhiJiaoYu_XueWei_BiYeYuanXiaoXi XianRenZhiWu NiRenZhiWu NiMianZhiWu JianLi
JiangChengQingKuang NianDuKaoHeJieGuo RenMianLiYou JiaTingChengYuan ChengBaoDanWei JiSuanNianLingShiJian
TianBiaoShiJian TianBiaoRen ShenFenZheng ZhaoPian Version
""",
)
ITEM = ["ChengWei", "XingMing", "ChuShengRiQi", "ZhengZhiMianMao", "GongZuoDanWeiJiZhiWu"]


def parsed(content: bytes) -> ElementTree.Element:
    """Parse as a careful reader does: no DOCTYPE, no entity but the five of XML."""
    parser = expat.ParserCreate()

    def refuse(*_: object) -> None:
        raise AssertionError("a declaration")

    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    parser.Parse(content, True)
    return ElementTree.fromstring(content)


@pytest.fixture(scope="module")
def people(tmp_path_factory) -> dict[str, ElementTree.Element]:
    """The files of all people of a small city, by number."""
    root = form_city.write_tree(tmp_path_factory.mktemp("city") / "tree")
    jobs = form_city.jobs_of(root, "internal", ["cadre"]).values()
    return {Path(j.path).stem: parsed(xml_document(j.document())) for j in jobs if j.path.endswith(".lrmx")}


def test_a_person_is_written_as_such_programs_read_it(people) -> None:
    assert set(people) == set(form_city.PEOPLE)
    for person in people.values():
        assert person.tag == "Person"
        assert [field.tag for field in person] == FIELDS
        assert all([part.tag for part in item] == ITEM for item in person.findall("JiaTingChengYuan/Item"))
        assert person.attrib == {}


def test_dates_and_resume_lines_have_the_widths_that_they_expect(people) -> None:
    person = people["P0001"]
    said = {field.tag: field.text or "" for field in person}
    assert said["XingMing"] == "李示范"
    assert (said["ChuShengNianYue"], said["RuDangShiJian"]) == ("197503", "199806")
    assert (said["JiSuanNianLingShiJian"], said["TianBiaoShiJian"]) == ("20261120", "20261120")
    assert said["JianLi"].split("\n")[0] == "1992.09--1995.06  示例市第二中学高中学生"
    # The current line leaves the end blank, and what follows stands below what stands above.
    assert (
        said["JianLi"].split("\n")[-1] == "2016.07--         示例市清泉镇云岭村党总支副书记、村民委员会副主任"
    )
    assert said["XianRenZhiWu"] == "大湾村党总支书记"
    assert said["ZaiZhiJiaoYu_XueLi_BiYeYuanXiaoXi"] == "国家开放大学示例学院农业经济管理"


def test_names_stand_in_it_as_typed(people) -> None:
    assert people["P0002"].findtext("XingMing") == form_city.LONG_NAME
    assert people["P0003"].findtext("XingMing") == form_city.RARE_NAME
    assert people["P0005"].findtext("XingMing") == form_city.HOSTILE_NAME
    assert form_city.HOSTILE_WORK in people["P0005"].findtext("JianLi")


def test_what_no_edition_holds_stays_empty(people) -> None:
    for person in people.values():
        for name in ("ShenFenZheng", "ZhaoPian", "JianKangZhuangKuang"):
            assert not person.findtext(name)
        assert not "".join(person.find("JiaTingChengYuan").itertext()).strip()


@pytest.mark.parametrize(
    "value",
    [
        "<a>&amp;</a>",
        "]]>",
        "\"'",
        "&lol;",
        "一\x00\x0b\x1b二\ufffe",
        "<!ENTITY x SYSTEM 'file:///etc/passwd'>",
    ],
)
def test_no_value_can_end_or_break_the_document(value) -> None:
    from markupsafe import escape

    made = f'<?xml version="1.0"?>\n<a b="{escape(xml_text(value))}">{escape(xml_text(value))}</a>'
    element = parsed(xml_document(made))
    assert element.text == element.get("b") == xml_text(value)


@pytest.mark.parametrize(
    "made, said",
    [
        ("<a><b></a>", "不完整"),
        ("", "不完整"),
        ("<a>&x;</a>", "不完整"),
        ('<!DOCTYPE a [<!ENTITY x "x">]><a>&x;</a>', "DOCTYPE"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "DOCTYPE"),
        ("<a>\ud800</a>", "损坏"),
    ],
)
def test_a_document_that_is_not_whole_or_declares_entities_is_refused(made, said) -> None:
    with pytest.raises(ValueError, match=said):
        xml_document(made)


@pytest.mark.slow
def test_such_files_are_made_when_asked_for_by_name(city, tmp_path, capsys) -> None:
    files = proof_city.prints(city[0], tmp_path / "out", "data", "--key", "P2")
    assert list(files) == ["data/P2.xml"]
    assert parsed(files["data/P2.xml"]).findtext("name") == "王𬭎𠮷"
    assert not any(name.startswith("data/") for name in city[1])
    assert main(["--root", str(city[0]), "dossiers", "data", "--blank"]) == 2
    assert "没有空白表" in capsys.readouterr().err


def test_a_template_whose_files_are_not_whole_is_named(city, tmp_path, capsys) -> None:
    shutil.copytree(city[0], tmp_path / "copy", ignore=shutil.ignore_patterns("build"))
    tree = Tree(tmp_path / "copy")
    tree.write("site/dossiers/data.xml", proof_city.DATA.replace("</note>", ""))
    assert main(["--root", str(tree.root), "dossiers", "data"]) == 1
    assert "数据 李示范没有生成：生成的 XML 不完整（第 2 行" in capsys.readouterr().out
    tree.write("site/dossiers/card.xml", proof_city.DATA)
    assert main(["--root", str(tree.root), "dossiers", "data"]) == 1
    assert "另有一个模板也叫 card" in capsys.readouterr().out


def test_the_parser_of_these_tests_refuses_what_it_should() -> None:
    with pytest.raises((AssertionError, expat.ExpatError)):
        parsed(b'<!DOCTYPE a [<!ENTITY x "x">]><a>&x;</a>')
