"""What is wrong with a value, in words a clerk can act on; a restricted value is never repeated.

Names what copying, spreadsheets and input methods did to it; an invisible character is named by place and code point.
"""

from __future__ import annotations

import datetime
import difflib
import json
import math
import operator
import re
import unicodedata
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from lingtouyan.database.database import literal, quote
from lingtouyan.problems import WORDING, Severity, quoted
from lingtouyan.reading.garbled import garbled
from lingtouyan.reading.package import SHAPES, Field, Sensitivity, Table
from lingtouyan.sealing.values import is_sealed

# The types of what people write.
TEXTS = frozenset({"string", "any", "array"})
FULL_WIDTH = {c: c - 0xFEE0 for c in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
# Controls, direction and joining marks, unusual spaces, fillers, selectors, private characters, replacement marks.
_HIDDEN = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f\x{a0}\x{ad}\x{1680}\x{180e}\x{2000}-\x{200f}\x{2028}-\x{202f}\x{205f}-\x{206f}"
    r"\x{34f}\x{61c}\x{115f}\x{1160}\x{180b}-\x{180f}\x{2800}\x{3164}\x{fe00}-\x{fe0f}\x{ffa0}\x{e0100}-\x{e01ef}"
    r"\x{e000}-\x{f8ff}\x{fdd0}-\x{fdef}\x{feff}\x{fff9}-\x{ffff}\x{e0000}-\x{e007f}\x{f0000}-\x{10ffff}"
)
# Parts of characters, characters kept twice for old encodings, marks that stand apart from their letter.
_LOOK_ALIKE = r"\x{2e80}-\x{2fdf}\x{f900}-\x{faff}\x{2f800}-\x{2fa1f}\x{300}-\x{36f}"
# The radicals that have no other form decompose to nothing; those that do, to the character they look like.
_RADICALS = range(0x2E80, 0x2FE0)


def _class(ranges: str) -> re.Pattern[str]:
    """Return the set of characters as Python writes it; the ranges above are written as the database does."""
    return re.compile(f"[{re.sub(r'x{([0-9a-f]+)}', lambda m: 'U' + m[1].zfill(8), ranges)}]")


_SEEN_HIDDEN, _SEEN_LOOK_ALIKE = _class(_HIDDEN), _class(_LOOK_ALIKE)
_SCIENTIFIC = re.compile(r"[+-]?\d(?:\.\d+)?[eE]\+?(\d{1,4})\Z")
# From this power of ten on spreadsheets shorten by themselves.
_LONG = 11
# A code of this many digits is no measure; a spreadsheet took it for a number.
_MADE_NUMBER = re.compile(r"\d{6,}\.0+\Z")
_SHEET_ERROR = re.compile(r"#(REF|N/A|VALUE|NAME|DIV/0|NUM|NULL)[!?]?\Z", re.IGNORECASE)
_RUINED = r"^'[0-9=+@-]|^#[A-Za-z/0]+[!?]?$|^[+-]?[0-9](\.[0-9]+)?[eE]\+?[0-9]+$|^[0-9]{6,}\.0+$"
_EDGE = r"^[ \t\x{3000}]|[ \t\x{3000}]$"
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
# A year with month and day, or with the month alone, as people type it.
_DATE = re.compile(
    r"(\d{4})(?:[/.](\d{1,2})(?:[/.](\d{1,2}))?|年(\d{1,2})(?:月(?:(\d{1,2})日?)?)?|(\d{2})(\d{2})?|-(\d{1,2})(?:-(\d{1,2}))?)\Z"
)
# `2020.1` may be January, or October of which a spreadsheet has dropped the zero.
DOUBTFUL_MONTH = re.compile(r"\d{4}\.\d\Z")
_PARTIAL_DATE = re.compile(r"\^?\(?\\d\{4\}-(?!\\d([+*]|\{[^2]))")
# Numbers as people write them: what stands before the amount, the amount, its factor, what it counts.
_FIGURE = re.compile(
    r"([￥¥$]?)([+-]?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d+)?) ?(万亿|亿|万|千|百|十)?(\D{0,3})\Z"
)
_FACTORS = {"": 1, "十": 10, "百": 100, "千": 1000, "万": 10**4, "亿": 10**8, "万亿": 10**12}
_UNITS = frozenset("元块圆人名位天日个户次岁亩米分年届月份项件篇家斤吨") | {
    *("周岁", "公顷", "公里", "个月", "小时", "学时", "平方米", "公斤")
}
_ABOUT = re.compile(r"[多余几约近>＞<＜≥≤~～]|以上|以下|左右|上下|不足|大概|至少|超过")
# What is added to a word of a list without another meaning.
_ADDED = frozenset(["性", "士", "族", "的", "。", ".", "，", ","])
_NEGATIONS = "非不未无没"
_NOTHING = frozenset(["无", "暂无", "—", "——", "-", "--", "/", "\\", "~", "n/a", "na", "null", "none", "nil"])
_YES = frozenset(["是", "yes", "y", "true", "t", "1", "on", "对", "有", "√", "✓", "✔"])
_NO = frozenset(["否", "no", "n", "false", "f", "0", "off", "错", "无", "×", "✗", "✘"])
_LIMITS: dict[str, Callable[[Any, Any], bool]] = {
    **dict.fromkeys(("minLength", "minimum"), operator.ge),
    **dict.fromkeys(("maxLength", "maximum"), operator.le),
    "exclusiveMinimum": operator.gt,
    "exclusiveMaximum": operator.lt,
}
_MAX_WORDS = 12
_MAX_LOOKED_AT = 200


def hidden(value: str, *, tabs: bool = False) -> tuple[Severity, str] | None:
    """Name the first invisible or replacement character of a value; `tabs` counts them too."""
    found = _SEEN_HIDDEN.search(value) or (re.search(r"\t", value) if tabs else None)
    if found is None:
        return None
    where = f"第 {found.start() + 1} 个字是 ⟨U+{ord(found[0]):04X}⟩，"
    kind = unicodedata.category(found[0])
    if kind == "Zs":
        reason = "是特殊的空格，看上去与普通空格一样，查找和比对时却不同。请改成普通空格或删去"
        return Severity.WARNING, where + reason
    if found[0] == "\ufffd":
        reason = "即乱码：原来的字在转换编码时已经丢失。请按原件重新填写"
    elif kind == "Co":
        reason = "是自造字，换一台电脑就显示不出来。请改用有正式编码的汉字（GB 18030-2022）"
    else:
        reason = "是看不见的控制字符，多由复制粘贴带入。请删去"
    return Severity.ERROR, where + reason


def _look_alike(value: str, *, shown: bool) -> str:
    """Name the first character that only looks like the one that is meant, or return an empty text."""
    for found in _SEEN_LOOK_ALIKE.finditer(value):
        character, place = found[0], found.start()
        # A mark and its letter are two code points where one would do.
        marked = bool(place and unicodedata.combining(character))
        written = value[place - 1 : place + 1] if marked else character
        radical = ord(character) in _RADICALS
        meant = unicodedata.normalize("NFKC" if radical else "NFC", written)
        if meant == written and not radical:
            continue
        code = f" ⟨U+{ord(character):04X}⟩" if shown else ""
        if meant == written:
            return f"第 {place + 1} 个字是偏旁部首{code}，不是汉字。请重新输入"
        like = f"“{meant}”" if shown else "常用的字"
        return (
            f"第 {place + 1} 个字用的是另一个编码{code}，看上去与{like}一样，查找和比对时却不同"
            "（多由 PDF 或旧系统复制带入）。请重新输入"
        )
    return ""


def _plain(value: str) -> str:
    """Return a code as it was probably meant: half-width, without spaces and invisible characters."""
    return re.sub(r"\s+", "", _SEEN_HIDDEN.sub("", value.translate(FULL_WIDTH)))


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


def partial_date(field: Field) -> bool:
    """Tell whether a text field holds a date, or as much of one as is known."""
    pattern = str(field.constraints.get("pattern", ""))
    return field.type == "string" and _PARTIAL_DATE.match(pattern) is not None


def as_date(text: str, *, partial: bool) -> str:
    """Read a date as people type it and return it as `年-月-日`, or an empty text; `partial` also takes a month."""
    found = _DATE.match(text)
    parts = [part.zfill(2) for part in found.groups() if part] if found else []
    if len(parts) < (2 if partial else 3):
        return ""
    try:
        datetime.date(*[*map(int, parts), 1][:3])
    except ValueError:
        return ""
    return "-".join(parts)


def doubtful(field: Field, csv: bool) -> str:
    """Return SQL that is true for the cells of a field that `Wording.doubt` may have a word about.

    Args:
        field: the field.
        csv: the cells stand in a CSV file, where tabs and what spreadsheets do are to be expected.
    """
    if field.type not in TEXTS:
        return "false"
    # The characters of a list stand in its JSON text, controls among them as escapes.
    odd, name = f"[{_HIDDEN}{_LOOK_ALIKE}]", quote(field.name)
    pattern = (
        rf'{odd}|\\(u00[01]|[bfr])|"\x{{3000}}|\x{{3000}}"' if field.type == "array" else f"{odd}|{_EDGE}"
    )
    if csv:
        pattern += rf"|\t|{_RUINED}"
    test = f"coalesce(regexp_matches({name}, {literal(pattern)}), false)"
    if partial_date(field):
        # A pattern knows the shape of a day, not the calendar.
        test += f" OR (regexp_full_match({name}, {literal(_DAY)}) AND try_cast({name} AS DATE) IS NULL)"
    return test


class Wording:
    """Writes the messages about one field of one table."""

    def __init__(self, field: Field) -> None:
        self._field = field
        self._open = not field.closed

    def value(self, value: Any) -> str:
        """Show a value, or say that it is not shown."""
        return quoted(value) if self._open else "所填内容（不予显示）"

    def doubt(self, value: str, csv: bool) -> tuple[str, Severity, str] | None:
        """Return (rule, severity, message) for what the table standard lets pass and no record should hold."""
        field = self._field
        listed = field.type == "array"
        wide = listed and re.search('"\u3000|\u3000"', value)
        if listed:
            value = _unlisted(value)
        shown, wrong = self.value(value), garbled(value)
        if (unseen := hidden(value, tabs=csv)) is not None and not (wrong and unseen[0] is Severity.WARNING):
            return "invisible-character", unseen[0], f"{unseen[1]}。"
        if wrong:
            return "garbled-text", Severity.WARNING, f"{shown}：{wrong}。"
        if other := _look_alike(value, shown=self._open):
            return "look-alike-character", Severity.WARNING, f"{other}。"
        if listed:
            told = f"{shown} 里有一项前后有多余的空格。请删去。"
            return ("surrounding-spaces", Severity.WARNING, told) if wide else None
        if csv and (ruined := damage(value, code=True)):
            return "spreadsheet-damage", Severity.ERROR, f"{shown}：{ruined}。"
        if csv and re.match(r"'[0-9=+@-]", value):
            reason = "开头多了一个英文单引号，是电子表格的文本标记。请删去。"
            return "spreadsheet-damage", Severity.ERROR, f"{shown} {reason}"
        if partial_date(field) and re.fullmatch(_DAY, value) and not as_date(value, partial=False):
            return "impossible-date", Severity.ERROR, f"{shown}：日历上没有这一天。请按原件更正。"
        if value != value.strip(" \t\u3000"):
            return "surrounding-spaces", Severity.WARNING, f"{shown} 前后有多余的空格。请删去。"
        return None

    def fault(self, name: str, value: str | None) -> str:
        """Say what a cell breaks: `type` or a constraint."""
        field = self._field
        if value is None:
            example = f"，例如 {field.example}" if field.example and self._open else ""
            return f"“{field.title}”没有填写。这一项必填{example}。"
        hint = self._hint(value, field)
        if not hint and name == "pattern":
            example = f"应写成 {field.example} 的样子" if field.example else ""
            hint = field.description.rstrip("。") or example
        return f"{self._broken(name, value, field)}。{hint or '请更正'}。"

    def _broken(self, name: str, value: str, field: Field) -> str:
        text, limit, kind = field.type == "string", field.constraints.get(name), name
        if name == "type" and field.type == "boolean":
            kind = "boolean"
        elif name.endswith("imum") and not _finite(value):
            kind = "finite"
        return (
            WORDING["broken"]
            .get(kind, WORDING["broken"]["other"])
            .format(
                shown=self.value(value),
                name=name,
                limit=limit,
                unit="个字" if text else "项",
                size=f"现有 {len(value)} 个字" if text else "项数太多",
                type=WORDING["types"].get(field.type, field.type),
                words=_words(field) if kind == "enum" else "",
                yes_no="或".join(quoted(w[0]) for w in field.yes_and_no),
            )
        )

    def _hint(self, value: str, field: Field) -> str:
        """Name the cause, or what was probably meant; empty where nothing is known."""
        if (unseen := hidden(value, tabs=True)) is not None:
            return unseen[1]
        if found := damage(value, long_number=True, code=field.type == "string"):
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
        wide = f"有全角字符，请改为半角{self._suggest(half)}" if half != value else ""
        found = self._figure(half, field) if field.type in ("integer", "number", "year") else ""
        if field.type == "date" or partial_date(field):
            found = self._day(half, field)
        if found:
            return f"有全角字符；{found}" if wide else found
        if wide and field.type != "string":
            right = as_date(half, partial=False) == half or re.fullmatch(r"[+-]?\d+(\.\d+)?", half)
            return f"有全角字符，请改为半角{self._suggest(half) if right else ''}"
        guess = self._repaired(value, field)
        if guess and guess != half:
            return f"是否应为“{guess}”"
        if wide and "pattern" in field.constraints:
            return wide
        if value.startswith("'"):
            return "开头多了一个英文单引号，请删去"
        return self._near(value, field) if "enum" in field.constraints else ""

    def _day(self, value: str, field: Field) -> str:
        """Say what is wrong with a date that is none."""
        to_the_day = field.type == "date"
        months = not to_the_day or value < field.months_before
        if value.endswith(".1") and DOUBTFUL_MONTH.match(value) and months:
            return "分不清是 1 月还是 10 月（电子表格会去掉末尾的 0），请按原件写成“年-月”"
        if found := as_date(value, partial=not to_the_day):
            return f"日期应写成“年-月-日”、月日各两位{self._suggest(found)}" if found != value else ""
        if (parts := _DATE.match(value)) and sum(p is not None for p in parts.groups()) > 1 + to_the_day:
            return "日历上没有这一天" if len([p for p in parts.groups() if p]) > 2 else "没有这个月份"
        for shape, reason in WORDING["dates"].items():
            if re.fullmatch(shape, value):
                return reason
        if timed := re.fullmatch(r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2})[T ]\d{1,2}:\d{2}\S*", value):
            found = as_date(re.sub("[/.]", "-", timed[1]), partial=False)
            return f"只填日期，不带时间{self._suggest(found) if found else ''}"
        if to_the_day and re.fullmatch(r"\d{4}(年|\d{2}|[-/.年]\d{1,2}月?)?", value):
            return "缺少月或日，请按原件填到日"
        return ""

    def _figure(self, value: str, field: Field) -> str:
        """Say what is wrong with a number that is none; what it comes to is told only where there is no doubt."""
        if _ABOUT.search(value):
            return "应是一个确切的数，请按原件填写"
        if re.fullmatch(r"[零〇一二两三四五六七八九十百千万亿半点]+\D{0,2}", value):
            return "请用阿拉伯数字填写"
        if re.fullmatch(r"[+-]?[\d.]+ ?[-—至到] ?[\d.]+\D{0,2}", value):
            return "只填一个数"
        if re.search(r"[%‰成]\Z|百分之", value):
            return "只填数字，不带百分号；按这一项的说明填小数或百分数"
        if not (found := _FIGURE.match(value)):
            unclear = re.fullmatch(r"[\d,.]*,[\d,.]*", value)
            return "分不清逗号是小数点还是千分位，请按原件填写" if unclear else ""
        _, amount, factor, unit = found.groups()
        meant = Decimal(amount.replace(",", "")) * _FACTORS[factor or ""]
        text = f"{meant.normalize():f}" if factor or field.type == "integer" else amount.replace(",", "")
        fits = field.type == "number" or (text.isdigit() and (field.type == "integer" or len(text) == 4))
        # A column that counts in tens of thousands: which is meant cannot be told.
        certain = (not unit or unit in _UNITS) and not (factor and factor in field.title + field.description)
        reason = "只填数字，不带单位和符号" if factor or unit or found[1] else "数字里不加逗号"
        if "," not in amount and reason.startswith("数字"):
            reason = "电子表格加了小数点" if fits else "应是整数" if field.type == "integer" else ""
        return reason + (self._suggest(text) if reason and fits and certain else "")

    def _yes_or_no(self, value: str, field: Field) -> str:
        near = _plain(value).casefold()
        for meant, words in zip((_YES, _NO), field.yes_and_no, strict=True):
            if words and (near in meant or near in words):
                return f"是否应为“{words[0]}”" if self._open else ""
        return ""

    def _repaired(self, value: str, field: Field) -> str:
        """Guess a code that only case, width or spaces keep from its pattern."""
        pattern, plain = field.constraints.get("pattern"), _plain(value)
        if not pattern or not self._open:
            return ""
        try:
            guesses = (g for g in (plain, plain.upper(), plain.lower()) if g != value)
            return next((g for g in guesses if re.fullmatch(pattern, g)), "")
        except re.error:
            return ""

    def _near(self, value: str, field: Field) -> str:
        """Name the one word of a list that is surely meant: its code, its beginning, or with a word added or turned round."""
        words = [str(w) for w in field.constraints["enum"]]
        plain = _plain(value)

        def same(word: str) -> bool:
            if any((c in plain) != (c in word) for c in _NEGATIONS):
                return False
            added = plain.startswith(word) and plain[len(word) :] in _ADDED
            typo = word.isascii() and difflib.SequenceMatcher(None, plain, word).ratio() > 0.7
            turned = len(word) > 2 and sorted(plain) == sorted(word)
            alike = _plain(word).casefold() == plain.casefold()
            return added or typo or turned or alike or word.startswith(plain)

        by_code = {code: word for word, code in field.codes.items()}
        near = [by_code[value]] if value in by_code else [w for w in words if same(w)]
        return f"是否应为“{near[0]}”" if len(near) == 1 and self._open else ""

    def _suggest(self, text: str) -> str:
        return f"，即 {text}" if self._open else ""

    def unusual(self, value: str, plain: str) -> str:
        """Say that a value was understood but is not in the form that records use."""
        half = value.translate(FULL_WIDTH)
        cause = "用了全角数字" if half != value else "前后有空格" if value != value.strip() else "写法不统一"
        read = f" {plain} " if self._open else "其数值"
        return f"{self.value(value)} {cause}，已按{read}读取。请改成统一写法。"

    def full_width(self, value: str) -> str:
        """Say that digits are not those that numbers are looked up by."""
        half = self._suggest(value.translate(FULL_WIDTH))
        return f"{self.value(value)} 有全角数字，查找、比对和计算时认不出来。请改为半角{half}。"


def plain_value(field: Field, value: str) -> str:
    """Write a value as records write it: half-width digits and `年-月-日`, where the field leaves no doubt."""
    half = value.translate(FULL_WIDTH).strip()
    if field.type in SHAPES:
        return half if re.fullmatch(SHAPES[field.type], half) else value
    pattern = str(field.constraints.get("pattern") or ".*")
    if (
        not is_date(field)
        or DOUBTFUL_MONTH.match(half)
        or (field.type != "date" and re.fullmatch(pattern, value))
    ):
        return value
    made = as_date(half, partial=field.type != "date" or bool(field.months_before))
    return made if made and re.fullmatch(pattern, made) else value


def is_date(field: Field) -> bool:
    """Tell whether a field holds a date, or as much of one as is known."""
    given = field.descriptor.get("format", "default")
    return (field.type == "date" and given == "default") or partial_date(field)


def value_fault(table: Table, field: Field, value: str) -> str:
    """Say what makes a value wrong in itself, or return an empty text."""
    if field.sensitivity is Sensitivity.RESTRICTED and is_sealed(value):
        return ""
    wording = Wording(field)
    if not value:
        return wording.fault("required", None) if field.required or field.name in table.primary_key else ""
    enum, pattern = field.constraints.get("enum"), field.constraints.get("pattern")
    if enum and field.type == "string" and value not in enum:
        return wording.fault("enum", value)
    if pattern and not re.fullmatch(str(pattern), value):
        return wording.fault("pattern", value)
    shape = SHAPES.get(field.type)
    if field.descriptor.keys() & {"bareNumber", "groupChar", "decimalChar", "floatNumber"}:
        shape = None
    date = field.type == "date" and is_date(field)
    if date and re.fullmatch(r"\d{4}-\d\d", value) and value < field.months_before:
        value = f"{value}-01"
    if (shape and not re.fullmatch(shape, value)) or (date and as_date(value, partial=False) != value):
        return wording.fault("type", value)
    size: Any = len(value) if field.type == "string" else float(value) if shape else value if date else None
    limits = field.constraints.items() if size is not None else ()
    return next((wording.fault(n, value) for n, v in limits if n in _LIMITS and not _LIMITS[n](size, v)), "")


def dangling(target: Table, values: Sequence[Any], *, shown: bool) -> str:
    """Say that a reference leads nowhere."""
    words = "、".join(quoted(v) for v in values if v is not None) if shown else "所填内容"
    spaced = any(isinstance(v, str) and v != v.strip() for v in values)
    hint = "前后有多余的空格，请删去。" if spaced else ""
    return f"{words} 在“{target.title}”中不存在。{hint}请核对编号，或先登记“{target.title}”。"


def _finite(value: str) -> bool:
    try:
        return math.isfinite(float(value))
    except ValueError:
        return True


def _words(field: Field) -> str:
    words = [str(w) for w in field.constraints["enum"]]
    shown = "、".join(words[:_MAX_WORDS])
    return shown if len(words) <= _MAX_WORDS else f"{shown} 等 {len(words)} 种（见数据字典）"


def _unlisted(value: str) -> str:
    try:
        items = json.loads(value)
    except ValueError:
        return value
    return "".join(map(str, items)) if isinstance(items, list) else value
