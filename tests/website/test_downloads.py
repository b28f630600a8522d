"""What a reader sees as a long table he can take with him, as it is shown."""

from __future__ import annotations

import csv
from pathlib import Path

from markupsafe import Markup
from python_calamine import CalamineWorkbook

from lingtouyan.templates.components import table
from lingtouyan.website.downloads import with_downloads

ROWS = [
    {
        "name": Markup('<a href="x">王 &amp; 五</a><br>长'),
        "code": f"0{n:02}",
        "count": n * 1.5,
        "note": "=1+1",
    }
    for n in range(1, 15)
]


def test_a_long_table_comes_as_workbook_and_csv(tmp_path: Path) -> None:
    labels = {"name": "姓名", "code": "编号", "count": "数", "note": "备注"}
    long = table(ROWS, [*labels], labels=labels, caption="某表")
    short = table(ROWS[:3], [*labels])
    body, files = with_downloads(f"前\n\n{long}\n\n{short}\n\n后", "花名册", "2026-11-20 内部版", {})
    assert sorted(files) == ["table-1.csv", "table-1.xlsx"]
    assert '<a href="table-1.xlsx" download="花名册-某表-1.xlsx">xlsx</a>' in body
    assert body.count("data-download") == 1
    assert "\n\n" not in body[body.index("<div") : body.index("data-download")]
    lines = list(csv.reader(files["table-1.csv"].decode("utf-8-sig").splitlines()))
    assert lines[:2] == [["姓名", "编号", "数", "备注"], ["王 & 五 长", "001", "1.5", "'=1+1"]]
    (tmp_path / "a.xlsx").write_bytes(files["table-1.xlsx"])
    rows = CalamineWorkbook.from_path(str(tmp_path / "a.xlsx")).get_sheet_by_index(0).to_python()
    assert rows[:2] == [["姓名", "编号", "数", "备注"], ["王 & 五 长", "001", 1.5, "=1+1"]]
    assert len(rows) == 15
    assert with_downloads(f"{long}", "花名册", "2026-11-20 内部版", {})[1] == files


def test_a_list_of_which_the_page_shows_the_first_rows_comes_whole() -> None:
    columns = [
        {"name": "n", "title": "名", "kind": "html", "words": ["<b>甲</b>"], "at": [0, 0, 0]},
        {"name": "m", "title": "数", "kind": "number", "values": [1, None, 2.5]},
    ]
    body = table(ROWS[:2], ["code"], grid="lists/a/b.js")
    _, files = with_downloads(body, "册", "", {"lists/a/b.js": {"rows": 3, "columns": columns}})
    assert files["table-1.csv"].decode("utf-8-sig").splitlines() == ["名,数", "甲,1", "甲,", "甲,2.5"]
