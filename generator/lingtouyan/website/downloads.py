"""The longer tables of a written page as files beside it, a workbook and a CSV file, for browsers without scripts."""

from __future__ import annotations

import datetime
import html
import io
import re
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup
from xlsxwriter import Workbook

from lingtouyan.website.feeds import csv_cell

# As `components.table` writes those that can be filtered, and the beginnings of lists.
_TABLE = re.compile(
    r'(<div class="data"[^>]*\bdata-(?:filter|grid)\b[^>]*>\n<div class="data-scroll"[^>]*>\n<table class="data-table">)'
    r"(.*?)(</table>\n?</div>\n)(?=</div>)",
    re.DOTALL,
)
_CELL = re.compile(r"<t[hd]([^>]*)>(.*?)</t[hd]>", re.DOTALL)
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,6})?")


def with_downloads(
    body: str, title: str, note: str, lists: Mapping[str, Any]
) -> tuple[str, dict[str, bytes]]:
    """Return a page's body with links to its tables as files, and the files by name.

    Args:
        title: of the page, and what the files are called when they are saved.
        note: the line at the foot of a workbook: of which day it is, and for whom.
        lists: data of the lists of which the page shows the first rows, by path.
    """
    files: dict[str, bytes] = {}

    def add(found: re.Match[str]) -> str:
        number = len(files) // 2 + 1
        rows = [_CELL.findall(row) for row in re.findall(r"<tr>(.*?)</tr>", found[2], re.DOTALL)]
        texts = [[(_plain(words), 'class="number"' in kind) for kind, words in row] for row in rows]
        if (whole := re.search(r'data-grid="([^"]*)"', found[1])) and whole[1] in lists:
            texts = _of_list(lists[whole[1]])
        caption = re.search(r"<caption>(.*?)</caption>", found[2])
        name = "-".join(w for w in (title, _plain(caption[1]) if caption else "", str(number)) if w)
        files[f"table-{number}.xlsx"] = _workbook(name, texts, note)
        files[f"table-{number}.csv"] = _csv(texts)
        links = "　".join(
            f'<a href="table-{number}.{kind}" download="{html.escape(name)}.{kind}">{kind}</a>'
            for kind in ("xlsx", "csv")
        )
        said = f'<noscript><p class="data-download">下载：{links}</p></noscript>'
        return f"{found[1]}{found[2]}{found[3]}{said}\n"

    return _TABLE.sub(add, body), files


def _of_list(data: Mapping[str, Any]) -> list[list[tuple[str, bool]]]:
    """Return all rows of a list, headings first, from what the browser's grid is given."""
    columns = data["columns"]
    cells = [c["values"] if "values" in c else [c["words"][n] for n in c["at"]] for c in columns]
    filled = [
        [("" if v is None else _plain(str(v)), c["kind"] == "number") for v in column]
        for c, column in zip(columns, cells, strict=True)
    ]
    return [[(c["title"], False) for c in columns], *map(list, zip(*filled, strict=True))]


def _plain(words: str) -> str:
    return Markup(re.sub(r"<br\s*/?>", " ", words)).striptags()  # noqa: S704 - read, never shown


def _csv(rows: list[list[tuple[str, bool]]]) -> bytes:
    """Return a CSV file that spreadsheets open with the right encoding."""
    return "".join(("\ufeff", *(",".join(csv_cell(t) for t, _ in row) + "\r\n" for row in rows))).encode()


def _workbook(title: str, rows: list[list[tuple[str, bool]]], note: str) -> bytes:
    stream = io.BytesIO()
    with Workbook(stream, {"in_memory": True}) as book:
        # No time of making: the same records make the same workbook.
        book.set_properties({"title": title, "created": datetime.datetime(2000, 1, 1)})  # noqa: DTZ001
        page = book.add_worksheet()
        head = book.add_format({"bold": True, "bg_color": "#EDEDED", "border": 1, "text_wrap": True})
        for n, row in enumerate(rows):
            for m, (words, figure) in enumerate(row):
                if n and figure and _NUMBER.fullmatch(words):
                    page.write_number(n, m, float(words))
                else:
                    page.write_string(n, m, words, None if n else head)
        for m in range(len(rows[0]) if rows else 0):
            longest = max(len(row[m][0]) for row in rows if m < len(row))
            page.set_column(m, m, min(40, max(8, 2 * longest)))
        page.freeze_panes(1, 0)
        page.autofilter(0, 0, len(rows) - 1, max(len(rows[0]) - 1, 0))
        page.repeat_rows(0)
        page.set_header(f"&C{title.replace('&', '&&')}")
        page.set_footer(f"&L{note}&R&P / &N")
    return stream.getvalue()
