"""Changes of records become the text of their files; whether that may stand is judged elsewhere."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable

from lingtouyan.exchange.records import ORDINAL, Change, Entry, Tree, Values, descendants
from lingtouyan.reading.package import Table
from lingtouyan.reading.yaml import Items, Mapping, Value


def table_text(table: Table, changes: Iterable[Change], held: Iterable[Entry]) -> str:
    """Return a CSV file with its changes, `held` being what it holds now."""
    names = [f.name for f in table.fields]
    wanted = {c.key: c for c in changes}
    gone = {key for key, change in wanted.items() if change.deleted}
    rows = [
        e.values | wanted[e.key].values if e.key in wanted else e.values for e in held if e.key not in gone
    ]
    rows += [c.values for c in wanted.values() if c.new]
    absent = {f.name: "" if "" in (m := table.missing(f)) or not m else m[0] for f in table.fields}
    stream = io.StringIO()
    lines = [[v if (v := r.get(n)) is not None else absent[n] for n in names] for r in rows]
    csv.writer(stream, lineterminator="\n").writerows([names, *lines])
    return stream.getvalue()


def documents(tree: Tree, table: Table, found: list[Mapping], changes: Iterable[Change]) -> list[Mapping]:
    """Return the documents of a YAML file with their changes; `found` are those that it holds now."""
    for change in changes:
        place = next((d for d in found if tuple(_get(d, k) for k in table.primary_key) == change.key), None)
        if change.deleted:
            found = [d for d in found if d is not place]
            continue
        if place is None:
            place = Mapping(1)
            found.append(place)
        for name, text in change.values.items():
            _put(place, table, name, text)
        if change.lists:
            entry = tree.entries[table.name].get(change.key) or Entry(
                table.name, change.key, "", change.values
            )
            own = entry.values | change.values
            _put_lists(tree, table, place, own, entry.lists | change.lists, set(change.lists))
    return found


def _get(item: Mapping, name: str) -> Value:
    for key, inner in item.items():
        if isinstance(inner, Mapping) and name.startswith(f"{key}_"):
            return _get(inner, name[len(key) + 1 :])
    return item.get(name)


def _put(item: Mapping, table: Table, name: str, text: str | None, whole: str = "") -> None:
    """Set a value where the document keeps it: in the group that its name begins with, where there is one."""
    for key, inner in item.items():
        if isinstance(inner, Mapping) and name.startswith(f"{key}_"):
            return _put(inner, table, name[len(key) + 1 :], text, whole or name)
    field = table.field(whole or name)
    item[name] = json.loads(text) if text and field and field.type == "array" else text
    return None


def _put_lists(
    tree: Tree, table: Table, item: Mapping, row: Values, lists: dict[str, list[Values]], changed: set[str]
) -> None:
    """Write the lists of a document that changed, or in which one did, anew."""
    for child in tree.package.children.get(table.name, ()):
        if changed.isdisjoint([child.name, *(d.name for d in descendants(tree, child.name))]):
            continue
        inherited = table.primary_key
        items: Items = Items(1)
        mine = [r for r in lists.get(child.name, []) if all(r.get(k) == row.get(k) for k in inherited)]
        for number, own in enumerate(mine, 1):
            made = Mapping(1)
            for field in child.fields:
                text = own.get(field.name)
                counted = field.name == ORDINAL and text == str(number)
                if text is not None and field.name not in inherited and not counted:
                    _put(made, child, field.name, text)
            full = own if own.get(ORDINAL) or not child.field(ORDINAL) else {**own, ORDINAL: str(number)}
            _put_lists(tree, child, made, full, lists, {d.name for d in descendants(tree, child.name)})
            items.append(made["value"] if [*made] == ["value"] else made)
        *groups, last = child.property.split(".")
        place = item
        for group in groups:
            inner = place.get(group)
            if not isinstance(inner, Mapping):
                inner = place[group] = Mapping(1)
            place = inner
        place[last] = items
