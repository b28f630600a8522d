"""What a message advises is what was meant, or it advises nothing: a wrong figure taken over on advice is worse than none."""

from __future__ import annotations

import dataclasses
import re

import pytest
from trees import Tree

from lingtouyan.checks.messages import Wording
from lingtouyan.project import Project
from lingtouyan.reading.package import Field

WORDS = ["男", "女", "汉族", "回族", "中共党员", "中共预备党员", "非公党员", "称职", "不称职", "大专", "本科"]


@pytest.fixture(scope="module")
def fields(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Field]:
    tree = Tree(tmp_path_factory.mktemp("hints") / "tree")
    month = {"name": "month", "constraints": {"pattern": r"^\d{4}-\d{2}(-\d{2})?$"}}
    kinds = [{"name": n, "type": n} for n in ("integer", "number", "date", "year")]
    tens = {"name": "tens", "title": "投资（万元）", "type": "number"}
    tree.table("a", [*kinds, month, tens, {"name": "word", "constraints": {"enum": WORDS}}])
    return {f.name: f for f in Project.open(tree.root).package.tables["a"].fields}


def said(field: Field, value: str) -> str:
    kind = "enum" if "enum" in field.constraints else "pattern" if "pattern" in field.constraints else "type"
    return Wording(field).fault(kind, value)


@pytest.mark.parametrize(
    "value, number, integer",
    [
        ("3万元", "30000", "30000"),
        ("1.2万", "12000", "12000"),
        ("12.5万", "125000", "125000"),
        ("5千", "5000", "5000"),
        ("1.2亿", "120000000", "120000000"),
        ("1,234.5", "1234.5", ""),
        ("1,234", "1234", "1234"),
        ("1,200万元", "12000000", "12000000"),
        ("￥30", "30", "30"),
        ("30 元", "30", "30"),
        ("3.5元", "3.5", ""),
        *(
            (v, "", "")
            for v in (
                "50%",
                "5成",
                "百分之五",
                "二十",
                "2,5",
                "2，5",
                "约30",
                "30多",
                "30余人",
                "30几",
                "30-40",
            )
        ),
        *(
            (v, "", "")
            for v in ("2个半", "3万5", "12,34", "1/2", "30以上", "5%o", "3丈", "1万多元", "(30)", "两万")
        ),
    ],
)
def test_a_figure_is_advised_in_full_or_not_at_all(
    fields: dict[str, Field], value: str, number: str, integer: str
) -> None:
    for name, wanted in (("number", number), ("integer", integer)):
        told = re.findall(r"即 (\S+?)。", said(fields[name], value))
        assert told == ([wanted] if wanted else [])


def test_a_column_that_counts_in_tens_of_thousands_is_left_to_the_reader(fields: dict[str, Field]) -> None:
    assert "即" not in said(fields["tens"], "3万元")
    assert "即 30。" in said(fields["tens"], "30元")


@pytest.mark.parametrize(
    "value, words",
    [
        *(
            (v, "日历上没有")
            for v in ("2026.13.40", "2026/2/29", "2026年2月30日", "20260230", "2026-3-32", "2026-02-30")
        ),
        ("2月30日", "缺少年份"),
        ("3-5", "缺少年份"),
        ("202603", "缺少月或日"),
        ("２０２６－３－５", "即 2026-03-05。"),
        ("2026-03-05至2026-04-01", "只填一个日期"),
        ("至今", "空着"),
        ("二〇二六年三月", "阿拉伯数字"),
    ],
)
def test_a_date_that_is_none_is_told_why(fields: dict[str, Field], value: str, words: str) -> None:
    assert words in said(fields["date"], value)


def test_a_month_is_doubtful_only_where_a_zero_may_be_lost(fields: dict[str, Field]) -> None:
    assert "分不清" in said(fields["month"], "2026.1")
    assert "即 2026-02。" in said(fields["month"], "2026.2")
    assert "没有这个月份" in said(fields["month"], "2026.13")
    # A day before the register began may be known to its month only.
    early = dataclasses.replace(fields["date"], months_before="2026-01")
    assert "分不清" in said(early, "2021.1")
    assert "缺少月或日" in said(early, "2026.1")


@pytest.mark.parametrize(
    "value, meant",
    [
        ("男性", "男"),
        ("汉", "汉族"),
        ("中共党", "中共党员"),
        ("中共员党", "中共党员"),
        *(
            (v, "")
            for v in (
                "党员",
                "大学",
                "专科",
                "男女",
                "非党员",
                "不是党员",
                "基本称职",
                "未称职",
                "预备",
                "中共",
                "人",
            )
        ),
    ],
)
def test_a_word_of_a_list_is_proposed_only_where_it_is_surely_meant(
    fields: dict[str, Field], value: str, meant: str
) -> None:
    assert re.findall(r"是否应为“(.*?)”", said(fields["word"], value)) == ([meant] if meant else [])
