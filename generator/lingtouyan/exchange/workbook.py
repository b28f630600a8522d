"""Workbooks: sheets of records written with headings, choices and hints, and read again cell by cell.

Written by XlsxWriter, read by Calamine. Whatever a cell holds is data: nothing is written as a formula.
"""

from __future__ import annotations

import contextlib
import csv
import datetime
import io
import re
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile, is_zipfile

from python_calamine import CalamineError, CalamineWorkbook
from xlsxwriter import Workbook
from xlsxwriter.utility import xl_cell_to_rowcol, xl_range_abs, xl_rowcol_to_cell
from xlsxwriter.worksheet import Worksheet

from lingtouyan.problems import UsageError, printable
from lingtouyan.reading.csv import decode
from lingtouyan.reading.package import Field

# Hidden sheets: what the workbook was made from, and what its dropdowns offer.
ABOUT, CHOICES = "lingtouyan", "选项"
ANSWER = "答复"
# Stand for what a workbook cannot or must not hold; left as they are, they change nothing.
SEALED, TOO_LONG = "（已加密）", "（太长，请在原文件里改）"
TAKEN, SAME, REFUSED, DOUBTFUL, REMINDED = "收下", "没有变化", "退回", "存疑", "提醒"
# Rows below the last that are still given formats, choices and hints.
_SPARE = 500
MOST_CHARACTERS = 32_000
_MERGED_DOWN = re.compile(rb'number-rows-spanned="(?!1")')
_PLACE = re.compile(rb'<c [^>]*?\br="([A-Z]{1,3})(\d{1,7})"')
# Reading fills a sheet up to its last cell, and unpacks all of the file.
_MOST_CELLS, _MOST_BYTES = 20_000_000, 500_000_000
_RED = "#FF7C80"
# What a sheet with locked cells still lets one do.
_ALLOWED = (
    "format_cells",
    "format_columns",
    "format_rows",
    "insert_rows",
    "delete_rows",
    "sort",
    "autofilter",
)
_SHAPES = {"date": "date", "integer": "number", "number": "number"}
# What is written is what stands there: no text becomes a formula, an address or a number.
_PLAIN = {
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "default_date_format": "yyyy-mm-dd",
}


@dataclass
class Sheet:
    """One sheet: a row of headings, and rows of cells as wide.

    Attributes:
        title: its name in the workbook.
        fields: what each column is, where that is known.
        keys: the names of the fields that say which record a row is.
        choices: field -> the words that its dropdown offers, and whether others are refused.
        table: the table whose rows it holds, or empty.
        locked: whether the keys of the rows that are there stay as they are.
        merged: blocks of merged cells, as ((row, column), (row, column)) counted from 0.
    """

    title: str
    headings: list[str] = field(default_factory=list)
    rows: list[list[Any]] = field(default_factory=list)
    fields: list[Field | None] = field(default_factory=list)
    keys: Collection[str] = ()
    choices: Mapping[str, tuple[list[str], bool]] = field(default_factory=dict)
    table: str = ""
    locked: bool = False
    merged: Sequence[tuple[tuple[int, int], tuple[int, int]]] = ()


@dataclass(frozen=True)
class Mark:
    """What is said of a row, or of one of its cells.

    Attributes:
        sheet: its title; row: as the user counts them, from 1; column: heading or empty.
        kind: `REFUSED`, `DOUBTFUL`, or `REMINDED` where it is a rule that reminds.
    """

    sheet: str
    row: int
    column: str
    kind: str
    message: str

    def text(self) -> str:
        """Return the mark as one line."""
        column = f" [{self.column}]" if self.column else ""
        return f"{self.kind} {self.sheet} 第{self.row}行{column}：{self.message}"


def sheet_title(title: str, taken: Sequence[str]) -> str:
    """Return a title as workbooks allow it, unlike those taken: 31 characters, some signs not."""
    plain = re.sub(r"[\[\]:*?/\\]", "_", printable(title)).strip("'")[:31] or "_"
    known = {t.casefold() for t in (*taken, ABOUT, CHOICES, ANSWER, "history")}
    number, made = 1, plain
    while made.casefold() in known:
        number += 1
        made = f"{plain[: 30 - len(str(number))]}_{number}"
    return made


def plain(text: str) -> str:
    """Return a text as it comes back from a cell."""
    return re.sub(r"[\x00-\x08\x0b-\x1f]", "", text.replace("\r\n", "\n")).strip()


def cell_text(cell: Any) -> str:
    """Return what a cell holds as text: whole numbers without a point, days without a time."""
    if isinstance(cell, float):
        # As spreadsheets show it: of a longer number they have kept fifteen digits.
        return f"{Decimal(format(cell, '.15g')):f}"
    if isinstance(cell, datetime.datetime):
        return cell.date().isoformat() if cell.time() == datetime.time() else cell.isoformat(" ")
    return "" if cell is None else plain(str(cell))


def write_workbook(
    path: Path,
    sheets: Sequence[Sheet],
    about: Sequence[Sequence[str]] = (),
    marks: Sequence[Mark] = (),
    answer: Sequence[Sequence[str]] = (),
) -> None:
    """Write a workbook.

    Args:
        about: rows of the hidden sheet that says what it was made from.
        marks: cells that are coloured, with what is said of them as a comment.
        answer: rows of a first sheet that sums up; without any there is none.
    """
    with Workbook(str(path), _PLAIN) as book:
        # No time of making: the same records make the same workbook.
        book.set_properties({"created": datetime.datetime(2000, 1, 1)})  # noqa: DTZ001
        if answer:
            first = book.add_worksheet(ANSWER)
            _texts(first, answer)
            first.set_column(0, 3, 16)
            first.set_column(4, 4, 90)
        pages = [book.add_worksheet(s.title) for s in sheets]
        lists = book.add_worksheet(CHOICES) if any(s.choices for s in sheets) else None
        column, red = 0, book.add_format({"bg_color": _RED})
        for sheet, page in zip(sheets, pages, strict=True):
            said = [m for m in marks if m.sheet == sheet.title]
            _write_sheet(book, page, sheet, said)
            for number, field_ in enumerate(sheet.fields):
                if field_ is None or not sheet.headings:
                    continue
                words, only = sheet.choices.get(field_.name, ([], False))
                source = ""
                if lists is not None and words:
                    lists.write_column(0, column, words)
                    source = f"='{CHOICES}'!{xl_range_abs(0, column, len(words) - 1, column)}"
                    column += 1
                _validate(page, sheet, number, field_, source, only)
                _colour(page, sheet, number, field_, source, only, red)
        if lists is not None:
            lists.hide()
        if about:
            hidden = book.add_worksheet(ABOUT)
            _texts(hidden, about)
            hidden.very_hidden()


def _texts(page: Worksheet, rows: Sequence[Sequence[str]]) -> None:
    for number, row in enumerate(rows):
        page.write_row(number, 0, row)


def _write_sheet(book: Workbook, page: Worksheet, sheet: Sheet, marks: Sequence[Mark]) -> None:
    styles: dict[str, dict[str, Any]] = {
        "key": {"bg_color": "#FFE699", "bold": True, "border": 1},
        "required": {"bg_color": "#DDEBF7", "bold": True, "border": 1},
        "other": {"bg_color": "#EDEDED", "border": 1},
        "text": {"num_format": "@"},
        "date": {"num_format": "yyyy-mm-dd"},
        "number": {},
    }
    made = {name: book.add_format({**style, "locked": name == "key"}) for name, style in styles.items()}
    # Without a password: who has a reason takes the protection off.
    keys = {n for n, f in enumerate(sheet.fields) if sheet.locked and f and f.name in sheet.keys}
    fixed = {shape: book.add_format(styles[shape]) for shape in ("text", "date", "number")} if keys else made
    if keys:
        page.protect("", dict.fromkeys(_ALLOWED, True))
    colours = {REFUSED: _RED, DOUBTFUL: "#FFD966", REMINDED: "#FFF2CC"}
    titles = sheet.headings or [f.title if f else "" for f in sheet.fields]
    marked: dict[tuple[int, int], list[Mark]] = {}
    for mark in marks:
        column = titles.index(mark.column) if mark.column in titles else 0
        marked.setdefault((mark.row - 1, column), []).append(mark)
    painted = {
        (shape, kind): book.add_format({**styles[shape], "bg_color": colour, "locked": False})
        for shape in ("text", "date", "number")
        for kind, colour in (colours.items() if marks else ())
    }
    shapes = [_SHAPES.get(f.type, "text") if f else "text" for f in sheet.fields]
    for n, (heading, field_) in enumerate(zip(sheet.headings, sheet.fields, strict=False)):
        kind = "required" if field_ and field_.required else "other"
        kind = "key" if field_ and field_.name in sheet.keys else kind
        page.write(0, n, heading, made[kind])
        page.set_column(n, n, min(40, max(10, 2 * len(heading) + 2)), made[shapes[n]])
    if sheet.headings:
        page.freeze_panes(1, 1)
    offset = 1 if sheet.headings else 0
    for r, row in enumerate(sheet.rows, offset):
        for c, cell in enumerate(row):
            shape = shapes[c] if c < len(shapes) else "text"
            kind = min((m.kind for m in marked.get((r, c), ())), key=[*colours].index, default="")
            _write_cell(
                page, r, c, cell, shape, painted.get((shape, kind), (fixed if c in keys else made)[shape])
            )
    for (r, c), found in marked.items():
        # A row that is told of as a whole shows it at its first cell, which may be empty.
        text = "\n".join(dict.fromkeys(m.message for m in found))
        page.write_comment(r, c, text[:MOST_CHARACTERS], {"x_scale": 2, "y_scale": 2})


def _write_cell(page: Worksheet, row: int, column: int, cell: Any, shape: str, style: Any) -> None:
    if isinstance(cell, str) and shape == "date" and re.fullmatch(r"(19|20)\d\d-\d\d-\d\d", cell):
        with contextlib.suppress(ValueError):
            cell = datetime.date.fromisoformat(cell)
    elif isinstance(cell, str) and shape == "number" and re.fullmatch(r"-?\d{1,15}(\.\d{1,10})?", cell):
        # Only what comes back as it was written; anything else, and every long number, is text.
        number = float(cell)
        cell = number if format(number, ".15g") == cell else cell
    if not isinstance(cell, int | float | datetime.date):
        cell = "" if cell is None else str(cell)[:MOST_CHARACTERS]
    page.write(row, column, cell, style)


def _colour(
    page: Worksheet, sheet: Sheet, column: int, field_: Field, source: str, only: bool, red: Any
) -> None:
    """Let cells turn red for what a spreadsheet can judge of a schema; it knows no patterns and no other sheets."""
    limits, cell = field_.constraints, xl_rowcol_to_cell(1, column, col_abs=True)
    length, number = f"LEN({cell})", f"VALUE({cell})"
    wrong, bounds = list[str](), list[tuple[str, str, str]]()
    shape = _SHAPES.get(field_.type)
    if source and only:
        wrong.append(f"ISNA(MATCH({cell},{source.lstrip('=')},0))")
    elif shape == "date" and not field_.months_before:
        wrong.append(f"AND(NOT(ISNUMBER({cell})),ISERROR(DATEVALUE({cell})))")
    elif shape == "number":
        wrong.append(f"ISERROR({number})")
        bounds = [(number, "<", "minimum"), (number, ">", "maximum")]
        if field_.type == "integer":
            wrong.append(f"IFERROR({number}<>INT({number}),FALSE)")
    elif field_.type == "string":
        bounds = [(length, "<", "minLength"), (length, ">", "maxLength")]
    wrong += [f"IFERROR({what}{sign}{limits[name]},FALSE)" for what, sign, name in bounds if name in limits]
    stand_in = f'{cell}="{SEALED}",{cell}="{TOO_LONG}"'
    rules = [f"=AND({length}>0,NOT(OR({stand_in})),OR({','.join(wrong)}))"] if wrong else []
    if field_.required:
        row = f"{xl_rowcol_to_cell(1, 0, col_abs=True)}:{xl_rowcol_to_cell(1, len(sheet.fields) - 1, col_abs=True)}"
        rules.append(f"=AND({length}=0,COUNTA({row})>0)")
    for rule in rules:
        options = {"type": "formula", "criteria": rule, "format": red}
        page.conditional_format(1, column, len(sheet.rows) + _SPARE, column, options)


def _validate(page: Worksheet, sheet: Sheet, column: int, field_: Field, source: str, only: bool) -> None:
    example = f"例：{field_.example}" if field_.example else ""
    said = ("必填。" if field_.required else "", printable(field_.description), printable(example))
    hint = "\n".join(w for w in said if w)
    options: dict[str, Any] = {"validate": "list", "source": source} if source else {"validate": "any"}
    if hint:
        options |= {"input_title": printable(field_.title)[:32], "input_message": hint[:255]}
    if source:
        options |= {"error_type": "stop" if only else "warning", "error_title": "请从列表里选"}
        options |= {"error_message": "所填的不在列表里。"}
    if source or hint:
        page.data_validation(1, column, len(sheet.rows) + _SPARE, column, options)


def read_workbook(path: Path) -> list[Sheet]:
    """Read all sheets of a workbook (xlsx, xls, et, ods) or a CSV file; the cells as they are, no headings taken off.

    Raises:
        UsageError: there is no such file, or it is none of these, damaged, or locked with a password.
    """
    if not path.is_file():
        raise UsageError(f"没有 {printable(str(path))} 这个文件。")
    if path.suffix.lower() in (".csv", ".txt", ".tsv"):
        text, problems = decode(path.read_bytes(), path.name)
        if lost := [p.message for p in problems if "\ufffd" in text]:
            raise UsageError(f"{path.name}：{lost[0]}")
        head = text.partition("\n")[0]
        mark = max(",\t;", key=head.count)
        return [Sheet(path.stem, rows=[list(r) for r in csv.reader(io.StringIO(text), delimiter=mark)])]
    try:
        _check_size(path)
        # Which cells are merged is told of every format but this one.
        if path.suffix.lower() == ".ods" and _MERGED_DOWN.search(ZipFile(path).read("content.xml")):
            raise UsageError(
                f"{path.name} 里有上下合并的格子，ods 里读不出合并到哪一行。请另存为 xlsx 再收。"
            )
        with CalamineWorkbook.from_path(str(path)) as book:
            found = []
            for name in book.sheet_names:
                page = book.get_sheet_by_name(name)
                cells: list[list[Any]] = page.to_python(skip_empty_area=False)
                while cells and not any(map(cell_text, cells[-1])):
                    cells.pop()
                found.append(Sheet(name, rows=cells, merged=page.merged_cell_ranges or ()))
            return found
    except (BadZipFile, CalamineError, KeyError, OSError, RuntimeError, ValueError, zlib.error):
        raise UsageError(
            f"{path.name} 打不开：不是 xlsx、xls、et、ods 或 CSV 文件，或已损坏、加了密码。请用 WPS 打开，另存为 xlsx。"
        ) from None


def _check_size(path: Path) -> None:
    """Refuse a workbook that would take all memory: packed with something huge, or with a cell far from the others."""
    if not is_zipfile(path):
        return
    with ZipFile(path) as packed:
        if sum(i.file_size for i in packed.infolist()) > _MOST_BYTES:
            raise UsageError(f"{path.name} 解开以后太大，没有读。请分成几个工作簿再收。")
        for name in packed.namelist():
            row, columns = 0, {b"A"}
            for place in _PLACE.finditer(packed.read(name) if name.startswith("xl/worksheets/") else b""):
                row = max(row, int(place[2]))
                columns.add(place[1])
            column = max(columns, key=lambda c: (len(c), c)).decode()
            if row * (xl_cell_to_rowcol(f"{column}1")[1] + 1) > _MOST_CELLS:
                words = f"有格子远在 {column}{row} 一带，表太大，没有读。请在 WPS 里删掉数据以外的行和列，存盘再收。"
                raise UsageError(f"{path.name} 里{words}")
