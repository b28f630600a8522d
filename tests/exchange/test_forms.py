"""Cadre forms (lrmx): read by field, restricted values sealed, and written again with nothing lost."""

from __future__ import annotations

import base64
import io
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from lingtouyan.cli import main
from lingtouyan.exchange.workbook import ANSWER, read_workbook

ROOT = Path(__file__).resolve().parents[2]
RESUME = """1992.09--1995.06  示例市第二中学高中学生
1995.07—2001.3　清泉镇云岭村务农
                  （其间：1999.03--2000.12在省农校学习）
2001.03-2016.07 清泉镇云岭村“两委”委员；兼任会计 & <出纳>
2016.07--         清泉镇云岭村党总支书记"""
WRITTEN = """1992.09--1995.06  示例市第二中学高中学生
1995.07--2001.03  清泉镇云岭村务农（其间：1999.03--2000.12在省农校学习）
2001.03--2016.07  清泉镇云岭村“两委”委员；兼任会计 & <出纳>
2016.07--         清泉镇云岭村党总支书记"""


def photo() -> str:
    stream = io.BytesIO()
    Image.new("RGB", (60, 80), (200, 30, 30)).save(stream, "JPEG")
    return base64.b64encode(stream.getvalue()).decode()


def form(**more: str) -> bytes:
    texts = {
        "XingMing": "单示范", "XingBie": "男", "ChuShengNianYue": "197503", "MinZu": "汉族", "JiGuan": "示例市清泉镇",
        "RuDangShiJian": "199806", "CanJiaGongZuoShiJian": "1995.07", "JianKangZhuangKuang": "健康",
        "QuanRiZhiJiaoYu_XueLi": "高中", "QuanRiZhiJiaoYu_XueLi_BiYeYuanXiaoXi": "示例市第二中学", "ZaiZhiJiaoYu_XueLi": "大专",
        "ZaiZhiJiaoYu_XueLi_BiYeYuanXiaoXi": "国家开放大学示例学院农业经济管理", "JianLi": RESUME,
        "ShenFenZheng": "990101197503150012",
        "JiangChengQingKuang": "2021.06，中共示例市委授予“优秀党务工作者”。多次受到镇党委表彰", "ZhaoPian": photo(), **more,
    }  # fmt: skip
    root = ElementTree.Element("Person")
    for tag, text in texts.items():
        ElementTree.SubElement(root, tag).text = text
    family = ElementTree.SubElement(ElementTree.SubElement(root, "JiaTingChengYuan"), "Item")
    for tag, text in {"ChengWei": "妻子", "XingMing": "李某", "ChuShengRiQi": "197611"}.items():
        ElementTree.SubElement(family, tag).text = text
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)


@pytest.fixture
def city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root, listed = tmp_path / "city", tmp_path / "list.csv"
    listed.write_text("名称,代码,村（社区）,村代码\n清泉镇,990101101,云岭村,990101101201\n")
    (tmp_path / ".gitconfig").write_text("[user]\nname = 某人\nemail = a@b.example\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    given = [
        "--name",
        "示例市",
        "--townships",
        str(listed),
        "--starts-on",
        "2026-01-01",
        "--as-of",
        "2026-11-20",
    ]
    assert main(["init", str(root), "--from", str(ROOT), *given]) == 0
    monkeypatch.setenv("LINGTOUYAN_IDENTITY", str(tmp_path / "identity.txt"))
    monkeypatch.setenv("LINGTOUYAN_KEYS", str(tmp_path / "keys"))
    monkeypatch.chdir(tmp_path)
    return root


def take(city: Path, file: Path, *more: str) -> int:
    return main(["--root", str(city), "import", str(file), *more])


def test_a_form_is_taken_sealed_and_written_again_with_nothing_lost(
    city: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--root", str(city), "keys", "add", "swzzb"]) == 0
    archive = tmp_path / "forms.zip"
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("清泉镇/单示范.lrmx", form())
        made.writestr("清泉镇/说明.txt", "不是")
        made.writestr("清泉镇/坏的.lrmx", "<Person><XingMing>")
    # One that cannot be read is refused by its name; the others are taken.
    assert take(city, archive) == 1
    (file,) = (city / "records").rglob("people/*.yaml")
    text = file.read_text()
    assert file.parent.parent.name == "990101101-清泉镇"
    assert "pinyin: shàn shì fàn" in text
    assert "school: 国家开放大学示例学院" in text
    assert "major: 农业经济管理" in text
    said = capsys.readouterr().out + "".join(
        str(s.rows) for s in read_workbook(tmp_path / f"forms.{ANSWER}.xlsx")
    )
    for secret in ("990101197503150012", "妻子", "李某", "健康"):
        assert secret not in text + said
    assert said.count("坏的.lrmx 不是完整的 XML") == 2
    assert file.with_name(f"{file.stem}.photo.sealed").is_file()
    # A second time nothing is new, whatever is sealed.
    assert take(city, archive) == 1
    assert "没有变化 1 条，提醒 0 条；写了 0 个文件" in capsys.readouterr().out
    assert (
        main(
            [
                "--root",
                str(city),
                "dossiers",
                "cadre",
                "--edition",
                "restricted",
                "--out",
                str(tmp_path / "out"),
            ]
        )
        == 0
    )
    (written,) = (tmp_path / "out").rglob("*.lrmx")
    before, after = ElementTree.fromstring(form()), ElementTree.parse(written).getroot()
    for element in before:
        if element.tag not in ("JianLi", "ZhaoPian", "JiaTingChengYuan", "CanJiaGongZuoShiJian"):
            assert after.findtext(element.tag) == element.text, element.tag
    assert after.findtext("JianLi") == WRITTEN
    assert after.findtext("CanJiaGongZuoShiJian") == "199507"
    assert after.findtext("JiaTingChengYuan/Item/XingMing") == "李某"
    with Image.open(io.BytesIO(base64.b64decode(after.findtext("ZhaoPian") or ""))) as picture:
        assert picture.size == (60, 80)
    # A photograph that cannot be taken is told of, on the terminal and in the answer.
    (tmp_path / "broken.lrmx").write_bytes(form(ZhaoPian="@"))
    assert take(city, tmp_path / "broken.lrmx", "--in", "清泉") == 0
    answer = "".join(str(s.rows) for s in read_workbook(tmp_path / f"broken.{ANSWER}.xlsx"))
    for said in (capsys.readouterr().out, answer):
        assert "照片的数据已经损坏" in said


@pytest.mark.exhaustive
def test_without_keys_the_restricted_is_left_out_and_what_differs_is_told(
    city: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "forms"
    folder.mkdir()
    (folder / "a.lrmx").write_bytes(form().replace(b"<?xml version='1.0' encoding='utf-8'?>", b""))
    assert take(city, folder, "--in", "清泉") == 0
    assert "限制级内容 3 处没有收" in capsys.readouterr().out
    (file,) = (city / "records").rglob("people/*.yaml")
    assert "health" not in file.read_text()
    before = file.read_bytes()
    (folder / "a.lrmx").write_bytes(form(MinZu="回族", JianLi="2016.07--  乡干部"))
    assert take(city, folder, "--in", "清泉") == 0
    said = capsys.readouterr().out
    assert "已登记的是 “汉族”，表里是 “回族”" in said
    assert "“简历”与已登记的不同" in said
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    "data,words",
    [
        (b'<!DOCTYPE a [<!ENTITY b "c">]><Person><XingMing>&b;</XingMing></Person>', "DOCTYPE"),
        pytest.param(b"<Person><XingMing>", "不是完整的 XML", marks=pytest.mark.exhaustive),
        pytest.param(b"<Other/>", "根元素", marks=pytest.mark.exhaustive),
    ],
)
def test_what_is_no_such_form_is_refused(
    city: Path, tmp_path: Path, data: bytes, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.lrmx"
    file.write_bytes(data)
    assert take(city, file) == 2
    assert words in capsys.readouterr().err
    assert not list((city / "records").rglob("people/*.yaml"))
