"""A review as one page to read: before and after side by side, with nothing fetched and nothing run, on any screen.

The page is a template beside this file; what people typed is escaped there, restricted values never reach it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import jinja2

from lingtouyan.problems import printable
from lingtouyan.project import EDITION_TITLES
from lingtouyan.reading.package import Sensitivity
from lingtouyan.review.compare import RecordChange, Review
from lingtouyan.review.report import (
    ACTIONS,
    PRINTS,
    design_words,
    headline,
    item_words,
    value_words,
    verdict,
)
from lingtouyan.templates.escaping import is_number, text

# Who may see a field.
_READERS = {Sensitivity.PUBLIC: "公开", Sensitivity.INTERNAL: "内部", Sensitivity.RESTRICTED: "限制"}
# So long a text is compared word by word.
_LONG = 12


class Line(NamedTuple):
    """One value of a record, before and after as pieces of (kind, text): `same`, `gone` or `new`; and who may see it."""

    title: str
    before: list[tuple[str, str]]
    after: list[tuple[str, str]]
    readers: str


def as_html(review: Review) -> str:
    """Write one HTML file that needs no server."""
    environment = jinja2.Environment(
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
        undefined=jinja2.StrictUndefined,
    )
    template = environment.from_string(Path(__file__).with_suffix(".html").read_text("utf-8"))
    largest: dict[str, float] = {}
    for f in review.figures:
        sizes = [abs(float(v)) for v in (f.before, f.after) if is_number(v)]
        largest[f.view] = max(largest.get(f.view, 0.0), *sizes, 0.0)
    return template.render(
        review=review,
        headline=headline(review),
        verdict=verdict(review),
        lines=lambda record: list(_lines(record, review)),
        called=lambda record: f"{record.kind} {record.name or record.key}",
        design=[design_words(d, review) for d in review.design],
        share=lambda f, v: f"{100 * abs(float(v)) / (largest[f.view] or 1):.1f}" if is_number(v) else "0",
        text=text,
        actions=ACTIONS,
        prints=PRINTS,
        editions=EDITION_TITLES,
    )


def _shown(value: object) -> object:
    """Keep marks that nobody sees, and that turn text round, from hiding what a value is."""
    return printable(value) if type(value) is str else value


def _lines(record: RecordChange, review: Review) -> Iterator[Line]:
    """Yield what changes in a record, or all of a record that came or went, as far as it may be shown."""
    own = review.tables[record.table]
    if record.action in ("added", "removed"):
        for own_field in own.fields:
            if own_field.name in record.values:
                words = value_words(own, own_field.name, record.values[own_field.name], review)
                gone, new = ([], [("new", words)]) if record.action == "added" else ([("gone", words)], [])
                yield Line(own_field.title, gone, new, _READERS[own_field.sensitivity])
    for change in record.changes:
        table, item = review.tables[change.table], item_words(change, record, review)
        field = table.field(change.field)
        if item and not change.field and change.action != "changed":
            yield Line(item, [], [("new", ACTIONS[change.action])], "")
        elif not change.field and change.action == "changed":
            yield Line("限制级内容", [], [("new", "有改动（不显示）")], _READERS[Sensitivity.RESTRICTED])
        elif field is not None and (item or change.action == "changed"):
            before, after = (value_words(table, field.name, v, review) for v in (change.before, change.after))
            yield Line(
                f"{item}　{field.title}".strip(), *_compared(before, after), _READERS[field.sensitivity]
            )


def _compared(before: str, after: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return two texts in pieces; of a long one only what differs is marked."""
    if min(len(before), len(after)) < _LONG:
        return [("gone", before)], [("new", after)]
    left, right = [], []
    for kind, i, j, m, n in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        left.append(("same" if kind == "equal" else "gone", before[i:j]))
        right.append(("same" if kind == "equal" else "new", after[m:n]))
    return [p for p in left if p[1]], [p for p in right if p[1]]
