"""CSV files as text rows with physical line numbers; what spreadsheets do to files is recognised and named.

A record is one line. A file in another encoding is read on, so that one run finds all that is wrong with it.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import re
from collections.abc import Iterable, Iterator

from lingtouyan.problems import Problem, error, quoted, warning
from lingtouyan.reading.package import Sensitivity, Table

Row = tuple[int, list[str | None]]
"""Line, and the cells in the schema's order of fields; None for no value."""

CONFLICT = (
    "文件里有没有解决的合并冲突（<<<<<<<、=======、>>>>>>>），没有读取。请保留正确的一方，删去这些标记。"
)
_CONFLICT = re.compile(r"^(<{7} |>{7} )", re.MULTILINE)
# What people save under another name: the first bytes tell.
_OTHER_FILES = (
    (b"PK\x03\x04", "电子表格或压缩文件"),
    (b"\xd0\xcf\x11\xe0", "旧版电子表格文件"),
    (b"%PDF", "PDF 文件"),
)
_TOTAL = re.compile(r"(\S{0,4}[合总小共累]\s*计|\S{0,2}总数|共)\s*[:：]?\s*([\d.,，]+\s*\w?)?")
_REMARK = re.compile(
    r"[（(【]?(注|备注|说明|附|填表|制表|填报|审核|复核|负责|单位|截至|数据来源)[^,]{0,8}[:：]"
)
csv.field_size_limit(2**31 - 1)
_SAMPLE = 4096
# Of text decoded rightly hardly a character is so rare.
_RARE = 1 / 8


def conflict_line(text: str) -> int:
    """Return the line of the first mark of a merge that nobody finished, or 0."""
    found = _CONFLICT.search(text)
    return text.count("\n", 0, found.start()) + 1 if found else 0


def decode(data: bytes, file: str) -> tuple[str, list[Problem]]:
    """Turn bytes into text and name what is unusual about them (encoding, BOM, line ends)."""
    problems: list[Problem] = []
    wide = _wide(data)
    if wide:
        text = data.decode(wide, errors="replace").removeprefix("\ufeff")
        message = f"文件是 UTF-16 编码（“Unicode 文本”）。{_advice(file)}"
        problems.append(error(file, 1, "encoding-error", message))
    else:
        if data.startswith(codecs.BOM_UTF8):
            data = data[3:]
            message = "文件开头有 BOM（字节顺序标记）。内容已正常读取；建议存为不带 BOM 的 UTF-8。"
            problems.append(warning(file, 1, "byte-order-mark", message))
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as fault:
            line = data.count(b"\n", 0, fault.start) + 1
            text, name = _decode_other(data)
            message = f"文件不是 UTF-8 编码{name}，本行起出现无法识别的字节。{_advice(file)}"
            problems.append(error(file, line, "encoding-error", message))
    if "\r" in text:
        line = text.count("\n", 0, text.index("\r")) + 1
        kind = "Windows 换行（CRLF）" if "\r\n" in text else "旧式 Mac 换行（CR）"
        message = f"行尾是{kind}。内容已正常读取；建议改为 LF，避免整个文件显示为已修改。"
        problems.append(warning(file, line, "line-ending", message))
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text, problems


def _advice(file: str) -> str:
    """Return how to save a file of this kind rightly."""
    if file.endswith(".csv"):
        return "请在 WPS/Excel 中另存为“CSV UTF-8（逗号分隔）”后重新提交。"
    return "请在编辑器中另存为 UTF-8 编码（记事本：另存为，编码选 UTF-8）后重新提交。"


def _wide(data: bytes) -> str:
    """Return the two-byte encoding a file is in, told by its mark or by a zero in every other byte, or nothing."""
    sample = data[:_SAMPLE]
    for name, mark, offset in (("utf-16-le", codecs.BOM_UTF16_LE, 1), ("utf-16-be", codecs.BOM_UTF16_BE, 0)):
        zeros, others = sample[offset::2].count(0), sample[1 - offset :: 2].count(0)
        # A Chinese character may hold a zero byte where a Latin one has none.
        if data.startswith(mark) or (zeros > len(sample) / 8 and others * 8 < zeros):
            return name
    return ""


def _decode_other(data: bytes) -> tuple[str, str]:
    texts, native, mixed = [], False, 0
    for line in data.split(b"\n"):
        try:
            text = line.decode()
            # A line of GB18030 may be taken for UTF-8, but hardly for Chinese in it.
            native = native or any(c > "\u2e7f" for c in text)
        except UnicodeDecodeError:
            # Of a file that was put together from files in two encodings.
            text = _gb18030(line) or line.decode(errors="replace")
            mixed += "\ufffd" not in text
        texts.append(text)
    if not native and (whole := _gb18030(data)):
        sure = "（应为 GB18030/GBK，WPS 或 Excel 的默认编码）"
        return whole, sure if is_gb18030(data) else "，也认不准是 GB18030/GBK 还是 Big5 等"
    return "\n".join(texts), f"：有 {mixed} 行是 GB18030/GBK 编码，与其他行不同" if mixed else ""


def _gb18030(data: bytes) -> str:
    """Decode what may be GB18030, where hardly any Chinese character happens to be UTF-8; nothing for damaged UTF-8."""
    lenient = data.decode(errors="replace")
    with contextlib.suppress(UnicodeDecodeError):
        if sum(c > "\x7f" for c in lenient) <= 2 * lenient.count("\ufffd"):
            return data.decode("gb18030")
    return ""


def is_gb18030(data: bytes) -> bool:
    """Tell whether bytes surely are GB18030: the characters are common there, and less so in Big5."""

    def common(encoding: str, *leads: range) -> float:
        foreign = [c.encode(encoding) for c in data.decode(encoding, "ignore") if c > "\x7f"]
        return sum(len(c) == 2 and any(c[0] in r for r in leads) for c in foreign) / (len(foreign) or 1)

    try:
        text = data.decode("gb18030")
    except UnicodeDecodeError:
        return False
    foreign = [c for c in text if c > "\x7f"]
    rare = sum(not c.encode("gb2312", "ignore") for c in foreign)
    mainland = common("gb18030", range(0xA1, 0xA4), range(0xB0, 0xD8))
    return rare <= _RARE * len(foreign) and mainland > common("big5", range(0xA1, 0xC7))


def read_csv(data: bytes, file: str, table: Table) -> tuple[list[Row], list[Problem]]:
    """Read one file.

    Returns:
        Rows, and the problems of the file's shape, typed as the table standard types them. A row that is too short or
        too long is kept, so far as it goes.
    """
    other = next((words for mark, words in _OTHER_FILES if data.startswith(mark)), "")
    if other:
        message = f"这是{other}，只是文件名以 .csv 结尾，没有读取。请打开后另存为“CSV UTF-8（逗号分隔）”。"
        return [], [error(file, 1, "source-error", message)]
    text, problems = decode(data, file)
    if conflict := conflict_line(text):
        return [], [*problems, error(file, conflict, "source-error", CONFLICT)]
    reader = _CsvReader(file, table, problems)
    return list(reader.rows(text)), problems


class _CsvReader:
    def __init__(self, file: str, table: Table, problems: list[Problem]) -> None:
        self.file = file
        self.table = table
        self.names = [f.name for f in table.fields]
        self.words = {*self.names, *(f.title for f in table.fields)}
        self.problems = problems

    def fault(self, line: int, rule: str, message: str, title: str = "") -> None:
        self.problems.append(error(self.file, line, rule, message, title))

    def rows(self, text: str) -> Iterator[Row]:
        records = self.records(text)
        line, header = next(records, (1, []))
        if not any(c.strip() for c in header):
            self.fault(1, "blank-header", f"文件没有表头。第一行应为：{','.join(self.names)}")
            return
        where = self.header(header, line)
        if where is None:
            return
        width = len(header)
        plain = where == list(range(width))
        missing = [self.table.missing(f) for f in self.table.fields]
        usual = all(m == ("",) for m in missing)
        first = self.table.field(meant[0]) if (meant := self.meant(header)) else None
        pattern = first.constraints.get("pattern") if first and first.name in self.table.primary_key else None
        key = re.compile(pattern or r"(?!.*[计数共:：])[^\ufeff].*")
        words = self.words
        for line, cells in records:
            if len(cells) != width and len(other := re.split("[，；;\t]", ",".join(cells))) == width > 1:
                message = "这一行的分隔符不是英文逗号（例如用了全角逗号）。请改为英文逗号。"
                self.fault(line, "missing-cell", message)
                cells = other
            odd = len(cells) != width or not key.fullmatch(cells[0]) or not words.isdisjoint(cells)
            if odd and self.apart(cells, header, line, key if pattern else None):
                continue
            if len(cells) != width:
                self.ragged(cells, header, line)
                cells = cells[:width] + [""] * (width - len(cells))
            if not plain:
                cells = [cells[i] if i is not None else "" for i in where]
            if usual:
                yield line, [c or None for c in cells]
            else:
                yield line, [None if c in m else c for c, m in zip(cells, missing, strict=True)]

    def records(self, text: str) -> Iterator[tuple[int, list[str]]]:
        """Yield (first physical line, cells). A quote that is never closed swallows what follows: read on line by line."""
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        lines: list[str] = []
        before = width = 0
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:
                yield from self.by_line(text.split("\n"), before)
                return
            first, before = before + 1, reader.line_num
            if before > first:
                lines = lines or text.split("\n")
                if any('"' not in line and line.count(",") + 1 == width for line in lines[first:before]):
                    # Whole records stand between the quotes.
                    yield from self.by_line(lines, first - 1)
                    return
                self.fault(
                    first,
                    "cell-line-break",
                    f"单元格里有换行（第 {first} 至 {before} 行）。一条记录只能占一行：请删去换行，或检查引号是否成对。",
                )
            width = width or len(cells)
            yield first, cells

    def by_line(self, lines: list[str], start: int) -> Iterator[tuple[int, list[str]]]:
        if lines[-1] == "":
            lines = lines[:-1]
        for number, line in enumerate(lines[start:], start + 1):
            try:
                yield number, next(csv.reader([line], strict=True))
            except csv.Error as fault:
                reason = "引号没有闭合" if "end of data" in str(fault) else "引号后面紧跟着其他字符"
                advice = '请检查英文引号是否成对；内容里的引号要写两个（""），整格再用引号括起。'
                self.fault(number, "source-error", f"{reason}，这一行无法读取。{advice}")

    def apart(self, cells: list[str], header: list[str], line: int, key: re.Pattern[str] | None) -> bool:
        """Tell whether a line is no record but something of the sheet around the records, and say so once.

        Args:
            key: what a record begins with, where that is known.
        """
        filled = [c for cell in cells if (c := cell.strip("\ufeff \t\u3000"))]
        few = len(filled) <= max(2, len(header) / 2)
        if not filled:
            self.fault(line, "blank-row", "空行。请删除这一行。")
            return True
        if len(filled) > 1 and 2 * sum(c in self.words or c in header for c in filled) > len(filled):
            self.fault(line, "duplicate-header", "这一行又是一遍表头。请删除这一行。")
            return True
        if (key and key.fullmatch(filled[0])) or not (key or few):
            return False
        if _TOTAL.fullmatch(filled[0]):
            message = f"{quoted(filled[0])} 像是合计行，不是一条记录。请删除这一行，合计由系统计算。"
            self.fault(line, "total-row", message)
            return True
        titled = key and cells[0].strip() and len(filled) <= 2 < len(header) and not filled[0].isascii()
        if few and (titled or _REMARK.match(filled[0])):
            self.fault(line, "remark-row", "这一行像是标题、说明或落款，不是一条记录。请删除这一行。")
            return True
        return False

    def ragged(self, cells: list[str], header: list[str], line: int) -> None:
        count = f"这一行有 {len(cells)} 格，表头只有 {len(header)} 列"
        if len(cells) > len(header):
            surplus = cells[len(header) :]
            visible = all(f.sensitivity < Sensitivity.RESTRICTED for f in self.table.fields)
            extra = "、".join(map(quoted, surplus[:3])) if visible else f"{len(surplus)} 格"
            advice = "内容里有英文逗号时，请给整格加英文引号。"
            self.fault(line, "extra-cell", f"{count}，多出 {extra}。{advice}")
            return
        name = header[len(cells)]
        known = self.table.field(name)
        title = known.title if known else name
        count = f"这一行只有 {len(cells)} 格，表头有 {len(header)} 列"
        self.fault(line, "missing-cell", f"{count}，从“{title}”起缺失。请补足逗号。", title)

    def header(self, header: list[str], line: int) -> list[int | None] | None:
        """Compare the labels with the schema; return for each field where it stands, or None when nothing can be read."""
        names = self.names
        if header == names:
            return list(range(len(names)))
        if len(header) == 1 and len(names) > 1 and any(s in header[0] for s in ";\t；，|"):
            message = "列之间的分隔符不是英文逗号。请另存为“CSV UTF-8（逗号分隔）”。"
            self.fault(line, "incorrect-label", message)
            return None
        meant = self.meant(header)
        if not any(meant):
            message = (
                f"第一行不是表头：没有一列是本表的列。第一行应为：{','.join(names)}，上面不能有标题或说明。"
            )
            self.fault(line, "incorrect-label", message)
            return None
        # Empty columns at the end are what a spreadsheet leaves behind: one fault, however many.
        filled = max(n for n, label in enumerate(header, 1) if label.strip())
        if filled < len(header):
            last = f" 至 {len(header)}" if len(header) > filled + 1 else ""
            message = f"表头第 {filled + 1}{last} 列没有列名。请补上；是空列的，请连同下面的空格一起删除。"
            self.fault(line, "blank-label", message)
        seen: dict[str, int] = {}
        for position, (label, name) in enumerate(zip(header[:filled], meant, strict=False)):
            place = f"表头第 {position + 1} 列"
            if not label.strip():
                self.fault(line, "blank-label", f"{place}没有列名。请补上或删除这一列。")
            elif (name or label) in seen:
                other = seen[name or label] + 1
                message = f"{place} {quoted(label)} 与第 {other} 列重复。请删除一列。"
                self.fault(line, "duplicate-label", message)
            else:
                seen[name or label] = position
                if label != name:
                    advice = f"请改为 {name}。" if name else f"本表的列是：{','.join(names)}"
                    self.fault(line, "extra-label", f"{place} {quoted(label)} 不是本表的列。{advice}")
        for f in self.table.fields:
            if f.name not in seen:
                self.fault(line, "missing-label", f"表头缺少“{f.title}”（{f.name}）一列。", f.title)
        present = [n for n in names if n in seen]
        order = sorted(present, key=lambda n: seen[n])
        if order != present:
            found, wanted = next((f, w) for f, w in zip(order, present, strict=True) if f != w)
            column = f"表头第 {seen[found] + 1} 列是 {quoted(header[seen[found]])}，那里应为 {wanted}。"
            self.fault(line, "incorrect-label", f"{column}列的顺序应为：{','.join(names)}")
        return [seen.get(n) for n in names] if present else None

    def meant(self, header: list[str]) -> list[str]:
        """Return for each label the field it means: its name, or else its name in capitals or its title; or nothing."""
        titles: dict[str, str] = {}
        for f in self.table.fields:
            # Two fields of one title: which is meant cannot be told.
            titles[f.title] = "" if f.title in titles else f.name
        exact = {*self.names}.intersection(header)
        meant = []
        for label in header:
            plain = label.strip()
            guess = plain.lower() if plain.lower() in self.names else titles.get(plain, "")
            meant.append(label if label in self.names else "" if guess in exact else guess)
        return meant


def csv_text(rows: Iterable[Iterable[object]]) -> str:
    """Return rows as the text of a CSV file, a line each."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue()
