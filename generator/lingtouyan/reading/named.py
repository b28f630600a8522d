"""Tables and fields as people name them: by name or by title."""

from __future__ import annotations

from collections.abc import Iterable

from lingtouyan.problems import UsageError, did_you_mean, printable, quoted
from lingtouyan.reading.package import Field, Table


def find_table(tables: Iterable[Table], name: str, otherwise: str = "没有 {} 这张表") -> Table:
    """Return the table of this name or, where one alone has it, this title.

    Raises:
        UsageError: there is none; the text tells which there are.
    """
    there = {t.name: t for t in tables}
    titled = [t for t in there.values() if t.title == name]
    if name in there or len(titled) == 1:
        return there.get(name) or titled[0]
    near = did_you_mean(name, {*there, *(t.title for t in there.values())})
    known, titles = "、".join(there), "、".join(t.title for t in there.values())
    raise UsageError(f"{otherwise.format(quoted(name))}{near}可用的表：{known}（{titles}）")


def find_field(table: Table, name: str) -> Field:
    """Return the field of this name or title.

    Raises:
        UsageError: there is none; the text tells which there are.
    """
    for field in table.fields:
        if name in (field.name, field.title):
            return field
    near = did_you_mean(name, {w for f in table.fields for w in (f.name, f.title)})
    known = "、".join(f"{f.name}（{f.title}）" for f in table.fields)
    raise UsageError(f"“{table.title}”没有 {printable(name)} 这一项{near}可用：{known}")
