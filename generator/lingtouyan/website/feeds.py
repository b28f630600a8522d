"""Feeds: files beside the pages that other programs read, made from templates below `site/feeds`.

A value is written as its format asks: a JSON literal, a CSV cell, a calendar's text; so no value can break the file.
"""

from __future__ import annotations

import datetime
import json
import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import duckdb
import jinja2

from lingtouyan.problems import Problem, RecordsError
from lingtouyan.reading.source import Source
from lingtouyan.templates.escaping import text
from lingtouyan.templates.sandbox import Row, Sandbox
from lingtouyan.templates.templates import (
    output_path,
    read_templates,
    refused,
    rows_for,
    run_queries,
    template_fault,
)
from lingtouyan.website.website import write_file

_LINE = 75
# What a spreadsheet takes for a formula, which may start programs and send cells elsewhere. An amount or a telephone
# number with a sign is none; the mark before it is the one that spreadsheets themselves use for text.
_FORMULA = re.compile(r"[=＝]|[-+@－＋＠\t\r](?=.*[^\d\s.,+\-()%])", re.DOTALL)
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def _literal(value: Any) -> str:
    def other(item: Any) -> Any:
        if isinstance(item, Decimal):
            return float(item)
        return item.isoformat() if isinstance(item, datetime.date) else str(item)

    # JSON knows neither NaN nor infinity.
    known = None if isinstance(value, float) and not math.isfinite(value) else value
    return json.dumps(known, ensure_ascii=False, default=other)


def csv_cell(value: Any) -> str:
    """Return a value as a cell of a CSV file that no spreadsheet takes for a formula."""
    words = text(value)
    if isinstance(value, str) and _FORMULA.match(words):
        words = f"'{words}"
    return '"' + words.replace('"', '""') + '"' if re.search(r'[",\r\n]', words) else words


def _calendar_text(value: Any) -> str:
    if isinstance(value, datetime.date):
        return f"{value:%Y%m%d}"
    words = _CONTROLS.sub("", text(value)).replace("\r\n", "\n").replace("\r", "\n")
    return re.sub(r"([\\;,])", r"\\\1", words).replace("\n", "\\n")


def _folded(made: str) -> str:
    """Return a calendar's lines at most 75 bytes long, ended as RFC 5545 asks; a letter is never cut."""
    lines: list[str] = []
    for line in filter(None, made.split("\n")):
        current, size = "", 0
        for letter in line:
            width = len(letter.encode())
            if size + width > _LINE:
                lines.append(current)
                current, size = " ", 1
            current, size = current + letter, size + width
        lines.append(current)
    return "".join(f"{line}\r\n" for line in lines)


def _xml_text(value: Any) -> str:
    return escape(_CONTROLS.sub("", text(value)), {'"': "&quot;"})


def _well_formed(made: str) -> str:
    """Return the text when it is XML; what it is made from cannot break it, a template can."""
    try:
        ElementTree.fromstring(made.strip())  # noqa: S314 - made here, and every value in it is escaped
    except ElementTree.ParseError as fault:
        raise jinja2.TemplateError(f"生成的内容不是完整的 XML（{fault}）。请核对模板里的标签。") from None
    return f"{made.strip()}\n"


def _parsed(made: str) -> str:
    """Return the text when it is JSON; a template can forget a comma."""
    try:
        json.loads(made)
    except ValueError as fault:
        raise jinja2.TemplateError(f"生成的内容不是 JSON（{fault}）。请核对模板里的逗号和引号。") from None
    return made


# What writes a value, and what the whole file goes through at the end.
_FORMATS: dict[str, tuple[Callable[[Any], str], Callable[[str], str]]] = {
    ".json": (_literal, _parsed),
    # Without the mark, a spreadsheet on Chinese Windows takes UTF-8 for GBK.
    ".csv": (csv_cell, "\ufeff{}".format),
    ".ics": (_calendar_text, _folded),
    ".atom": (_xml_text, _well_formed),
}


def write_feeds(
    tree: Source | Path,
    site: Path,
    connection: duckdb.DuckDBPyConnection,
    environment: Sandbox,
    facts: Mapping[str, Any],
) -> None:
    """Make every feed of one edition.

    Args:
        tree: its files.
        site: where the edition's site is; a feed's place in it is its place below `site/feeds`.
        connection: the edition's database.
        environment: where templates run.
        facts: what every template sees besides its rows.

    Raises:
        RecordsError: with the faults of all templates.
    """
    edition = str(facts["edition"])
    problems: list[Problem] = []
    for template in read_templates(tree, "site/feeds"):
        if template.edition and template.edition != edition:
            continue
        suffix = PurePosixPath(template.file).suffix
        write, finish = _FORMATS[suffix]
        try:
            found = run_queries(connection, template, edition)
            body = environment.overlay(autoescape=False, finalize=write).from_string(template.body)
            for row in found[template.each] if template.each else (Row(),):
                name = (output_path(template, row) if template.each else template.name) + suffix
                if (site / name).exists():
                    reason = f"数据文件 {name} 与网站已有的文件同名，或两条记录得到同一个 path。"
                    raise refused(template, template.lines.get("path", 1), reason)
                content = finish(body.render({**rows_for(template, found, row), **facts, "row": row}))
                write_file(site / name, content.encode("utf-8", "replace"))
        except Exception as fault:
            problems.extend(template_fault(template, fault).problems)
    if problems:
        raise RecordsError(problems)
