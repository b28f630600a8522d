"""What is wrong with a value, in words a clerk can act on; a restricted value is never repeated.

Recognises what spreadsheets and input methods do to values, since naming the cause is half of the repair.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Sequence
from typing import Any

from lingtouyan.checks.characters import FULL_WIDTH, hidden, plain
from lingtouyan.problems import quoted
from lingtouyan.reading.package import Field, Sensitivity, Table

_TYPE_NAMES = {
    "integer": "整数，如 12",
    "year": "年份，如 2026",
    "number": "数字，如 86.4",
    "date": "日期，如 2026-03-05",
    "array": "一列文字，如 [甲, 乙]",
    "yearmonth": "年月，如 2026-03",
    "datetime": "日期时间，如 2026-03-05T09:00:00",
    "time": "时间，如 09:00:00",
    "object": "一组键值",
    "list": "用分隔符隔开的若干项",
    "duration": "时长，如 P1Y2M",
    "geopoint": "经纬度，如 81.3,43.9",
    "geojson": "GeoJSON",
}
_SCIENTIFIC = re.compile(r"[+-]?\d(?:\.\d+)?[eE]\+?(\d{1,4})\Z")
# From this power of ten on spreadsheets shorten by themselves.
_LONG = 11
# A code of this many digits is no measure; a spreadsheet took it for a number.
_MADE_NUMBER = re.compile(r"\d{6,}\.0+\Z")
_SHEET_ERROR = re.compile(r"#(REF|N/A|VALUE|NAME|DIV/0|NUM|NULL)[!?]?\Z", re.IGNORECASE)
_DATE_SHAPES = (
    re.compile(r"(\d{4})[/.](\d{1,2})[/.](\d{1,2})\Z"),
    re.compile(r"(\d{4})年(\d{1,2})月(\d{1,2})日?\Z"),
    re.compile(r"(\d{4})(\d{2})(\d{2})\Z"),
    re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})\Z"),
)
_MONTH_SHAPES = (
    re.compile(r"(\d{4})[/.](\d{1,2})\Z"),
    re.compile(r"(\d{4})年(\d{1,2})月?\Z"),
    re.compile(r"(\d{4})(\d{2})\Z"),
    re.compile(r"(\d{4})-(\d)\Z"),
)
# `2020.1` may be January, or October of which a spreadsheet has dropped the zero.
DOUBTFUL_MONTH = re.compile(r"\d{4}\.\d\Z")
_PARTIAL_DATE = re.compile(r"\^?\(?\\d\{4\}-")
_NOTHING = frozenset(["无", "暂无", "—", "——", "-", "--", "/", "\\", "~", "n/a", "na", "null", "none", "nil"])
_YES = frozenset(["是", "yes", "y", "true", "t", "1", "on", "对", "有", "√", "✓", "✔"])
_NO = frozenset(["否", "no", "n", "false", "f", "0", "off", "错", "无", "×", "✗", "✘"])
_MAX_WORDS = 12
_MAX_LOOKED_AT = 200


def damage(value: str, *, long_number: bool = False, code: bool = False) -> str:
    """Name what a spreadsheet did to a value, or return an empty text; `code`: digits are a name here, no amount."""
    if _SHEET_ERROR.match(value):
        return "这是电子表格的公式错误值，原来的内容已经丢失"
    if shortened := _SCIENTIFIC.match(value):
        if not code and int(shortened[1]) < _LONG:
            return "这是科学计数的写法；请写出全部数字"
        return "长数字被电子表格改成了科学计数，后面的位数已经丢失；请先把该列设为“文本”，再按原件重新填写"
    if code and _MADE_NUMBER.match(value):
        return "编号被电子表格当成了数字，末尾加上了“.0”；请先把该列设为“文本”，再删去“.0”、按原件核对"
    if long_number and re.fullmatch(r"\d{15}0{3}", value):
        return "长数字的末三位被电子表格改成了 0；请先把该列设为“文本”，再按原件重新填写"
    return ""


class Wording:
    """Writes the messages about one field of one table."""

    def __init__(self, table: Table, field: Field | None) -> None:
        self._table = table
        self._field = field
        self._open = field is not None and field.sensitivity < Sensitivity.RESTRICTED

    def value(self, value: Any) -> str:
        """Show a value, or say that it is not shown."""
        return quoted(value) if self._open else "所填内容（不予显示）"

    def fault(self, name: str, value: str | None) -> str:
        """Say what a cell breaks: `type` or a constraint."""
        field = self._field
        if field is None or value is None:
            title = field.title if field else ""
            example = f"，例如 {field.example}" if field and field.example and self._open else ""
            return f"“{title}”没有填写。这一项必填{example}。"
        text = self._broken(name, value, field)
        hint = self._hint(value)
        if not hint and name == "pattern" and field.description:
            hint = field.description.rstrip("。")
        if not hint and name == "pattern" and field.example:
            hint = f"应写成 {field.example} 的样子"
        return f"{text}。{hint}。" if hint else f"{text}。请更正。"

    def _broken(self, name: str, value: str, field: Field) -> str:
        shown, limit = self.value(value), field.constraints.get(name)
        match name:
            case "type" if field.type == "boolean":
                words = "或".join(quoted(w[0]) for w in _yes_and_no(field) if w)
                return f"{shown} 不对，应填{words}"
            case "type":
                return f"{shown} 不是{_TYPE_NAMES.get(field.type, field.type)}"
            case "range":
                return f"{shown} 超出登记库能存的范围，或不是有限的数"
            case "enum":
                return f"{shown} 不在可选范围内，应为：{_words(field)}"
            case "pattern":
                return f"{shown} 的写法不符合要求"
            case "minLength":
                return f"{shown} 太短，至少 {limit} {_unit(field)}"
            case "maxLength":
                return f"太长：{_size(value, field)}，最多 {limit} {_unit(field)}"
            case "minimum" | "exclusiveMinimum" | "maximum" | "exclusiveMaximum" if not _finite(value):
                return f"{shown} 不是有限的数"
            case "minimum" | "exclusiveMinimum":
                return f"{shown} 小于下限 {limit}" if name == "minimum" else f"{shown} 应大于 {limit}"
            case "maximum" | "exclusiveMaximum":
                return f"{shown} 大于上限 {limit}" if name == "maximum" else f"{shown} 应小于 {limit}"
        return f"{shown} 不符合要求（{name}）"

    def _hint(self, value: str) -> str:
        field = self._field
        if field is None:
            return ""
        unseen = hidden(value, tabs=True)
        if unseen is not None:
            return unseen[1]
        found = damage(value, long_number=True, code=field.type == "string")
        if found:
            return found
        if value != value.strip():
            return "前后有多余的空格，请删去"
        if len(value) > _MAX_LOOKED_AT:
            return ""
        if value.casefold() in _NOTHING and not field.required:
            return "没有内容的请空着"
        if field.type == "boolean":
            return self._yes_or_no(value, field)
        half = value.translate(FULL_WIDTH)
        if half != value and field.type != "string":
            return f"有全角字符，请改为半角{self._suggest(half)}"
        if field.type in ("integer", "number", "year") and (found := self._figure(half)):
            return found
        if (field.type == "date" or partial_date(field)) and (found := self._day(half, field.type == "date")):
            return found
        guess = self._repaired(value, field)
        if guess and guess != half:
            return f"是否应为“{guess}”"
        if half != value and "pattern" in field.constraints:
            return f"有全角字符，请改为半角{self._suggest(half)}"
        if value.startswith("'"):
            return "开头多了一个英文单引号，请删去"
        if value.endswith(".0") and field.type == "integer":
            return f"电子表格加了小数点{self._suggest(value[:-2])}"
        if "enum" in field.constraints:
            return self._near(value)
        return ""

    def _day(self, value: str, to_the_day: bool) -> str:
        """Say what is wrong with a date that is none."""
        if DOUBTFUL_MONTH.match(value) and not to_the_day:
            return "分不清是 1 月还是 10 月（电子表格会去掉末尾的 0），请按原件写成“年-月”"
        if found := as_date(value, partial=not to_the_day):
            return f"日期应写成“年-月-日”、月日各两位{self._suggest(found)}"
        if re.fullmatch(r"\d{4}-\d{1,2}-\d{1,2}", value):
            return "日历上没有这一天"
        if re.fullmatch(r"[1-9]\d{4}(\.0)?", value):
            return "看起来是电子表格里的日期序号；请先把该列设为“文本”，再按“年-月-日”填写"
        if re.fullmatch(r"\d{1,2}([-/.])\d{1,2}\1\d{4}", value):
            return "年应写在最前面，按“年-月-日”填写"
        if re.fullmatch(r"\d{2}([-/.])\d{1,2}\1\d{1,2}", value):
            return "年份应写四位，按“年-月-日”填写"
        if timed := re.fullmatch(r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2})[T ]\d{1,2}:\d{2}\S*", value):
            found = as_date(timed[1].replace("/", "-").replace(".", "-"), partial=False)
            return f"只填日期，不带时间{self._suggest(found) if found else ''}"
        if to_the_day and re.fullmatch(r"\d{4}(年|[-/.年]\d{1,2}月?)?", value):
            return "缺少月或日，请按原件填到日"
        return ""

    def _figure(self, value: str) -> str:
        """Say what is wrong with a number that is none."""
        if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", value):
            return f"数字里不加逗号{self._suggest(value.replace(',', ''))}"
        if found := re.fullmatch(r"([+-]?\d+(?:\.\d+)?) ?(%|[^\W\d_]{1,6})", value):
            return f"只填数字，不带单位和符号{self._suggest(found[1]) if found[2] != '%' else ''}"
        return ""

    def _yes_or_no(self, value: str, field: Field) -> str:
        near = plain(value).casefold()
        for meant, words in zip((_YES, _NO), _yes_and_no(field), strict=True):
            if words and (near in meant or near in words):
                return f"是否应为“{words[0]}”" if self._open else ""
        return ""

    def _repaired(self, value: str, field: Field) -> str:
        """Guess a code that only case, width or spaces keep from its pattern."""
        pattern = field.constraints.get("pattern")
        if not pattern or not self._open:
            return ""
        for guess in dict.fromkeys((plain(value), plain(value).upper(), plain(value).lower())):
            try:
                if guess != value and re.fullmatch(pattern, guess):
                    return guess
            except re.error:
                return ""
        return ""

    def _near(self, value: str) -> str:
        import difflib

        words = [str(w) for w in (self._field.constraints["enum"] if self._field else ())]
        by_code = {c: w for w, c in self._field.codes.items()} if self._field else {}
        near = by_code.get(value) or next(iter(difflib.get_close_matches(value.strip(), words, 1, 0.4)), "")
        return f"是否应为“{near}”" if near and self._open else ""

    def _suggest(self, text: str) -> str:
        return f"，即 {text}" if self._open else ""

    def unusual(self, value: str, plain: str) -> str:
        """Say that a value was understood but is not in the form that records use."""
        half = value.translate(FULL_WIDTH)
        cause = "用了全角数字" if half != value else "前后有空格" if value != value.strip() else "写法不统一"
        return f"{self.value(value)} {cause}，已按{self._suggest_or(plain)}读取。请改成统一写法。"

    def full_width(self, value: str, half: str) -> str:
        """Say that digits are not those that numbers are looked up by."""
        return (
            f"{self.value(value)} 有全角数字，查找、比对和计算时认不出来。请改为半角{self._suggest(half)}。"
        )

    def _suggest_or(self, text: str) -> str:
        return f" {text} " if self._open else "其数值"

    def repeated(self, title: str, values: Sequence[Any] | None, place: str) -> str:
        """Say that a key stands twice."""
        shown = " " + "、".join(quoted(v) for v in values) if values is not None else ""
        return f"“{title}”{shown} 重复：{place}已有。请核对两条记录，改正其中一条或删除重复的一条。"

    def dangling(self, target: Table, values: Sequence[Any], *, shown: bool) -> str:
        """Say that a reference leads nowhere."""
        words = "、".join(quoted(v) for v in values if v is not None) if shown else "所填内容"
        text = f"{words} 在“{target.title}”中不存在。"
        if any(isinstance(v, str) and v != v.strip() for v in values):
            text += "前后有多余的空格，请删去。"
        return f"{text}请核对编号，或先登记“{target.title}”。"


def partial_date(field: Field) -> bool:
    """Tell whether a text field holds a date, or as much of one as is known."""
    pattern = str(field.constraints.get("pattern", ""))
    return field.type == "string" and _PARTIAL_DATE.match(pattern) is not None


def _yes_and_no(field: Field) -> tuple[list[str], list[str]]:
    true, false = field.descriptor.get("trueValues"), field.descriptor.get("falseValues")
    return list(true or ["true"]), list(false or ["false"])


def _finite(value: str) -> bool:
    try:
        return math.isfinite(float(value))
    except ValueError:
        return True


def _unit(field: Field) -> str:
    return "个字" if field.type == "string" else "项"


def _size(value: str, field: Field) -> str:
    return f"现有 {len(value)} 个字" if field.type == "string" else "项数太多"


def _words(field: Field) -> str:
    words = [str(w) for w in field.constraints["enum"]]
    shown = "、".join(words[:_MAX_WORDS])
    return shown if len(words) <= _MAX_WORDS else f"{shown} 等 {len(words)} 种（见数据字典）"


def as_date(text: str, *, partial: bool) -> str:
    """Read a date as people type it and return it as `年-月-日`, or an empty text; `partial` also takes a month."""
    for shape in _DATE_SHAPES:
        if found := shape.match(text):
            return _real(f"{found[1]}-{int(found[2]):02d}-{int(found[3]):02d}", "")
    for shape in _MONTH_SHAPES if partial else ():
        if found := shape.match(text):
            return _real(f"{found[1]}-{int(found[2]):02d}", "-01")
    return ""


def _real(text: str, rest: str) -> str:
    try:
        datetime.date.fromisoformat(text + rest)
    except ValueError:
        return ""
    return text
