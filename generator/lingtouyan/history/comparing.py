"""Two readings of a tree compared record by record, each by its own schemas, without a database.

Only what differs is kept, so that the size of the register does not matter, only the size of the change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from lingtouyan.history.changes import HIDDEN, Change, Key, Record, Records, table_changes
from lingtouyan.reading.package import Package, Sensitivity, Table
from lingtouyan.reading.records import Records as ReadRecords
from lingtouyan.reading.tables import has_hidden_key

Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class RecordChange:
    """All that changes in one record, its list items included.

    Attributes:
        name: what the record is called, or empty.
        kind: the title of its table.
        action: `added`, `changed`, `removed` or `renamed`.
        former: its former key, when it was renamed.
        facts: for one that came or went, its fields that may be shown: name, title and value.
        names: values of its other fields, by name, as far as they may be shown: what it refers to.
    """

    table: str
    key: str
    name: str
    kind: str
    action: str
    changes: tuple[Change, ...]
    facts: tuple[tuple[str, str, str], ...]
    names: Mapping[str, str]
    former: str = ""


@dataclass(frozen=True, slots=True)
class Side:
    """One reading of a tree."""

    package: Package
    rows: ReadRecords

    def records(self, table: str) -> Iterator[tuple[Key, str, Record]]:
        """Yield key, file and filled fields of every record of a table."""
        declared = self.package.tables.get(table)
        if declared is None:
            return
        names = [f.name for f in declared.fields]
        places = [names.index(k) for k in declared.primary_key]
        for file, (_, cells) in self.rows.rows(table):
            record = {n: c for n, c in zip(names, cells, strict=True) if c is not None}
            yield tuple(cells[i] or "" for i in places), file, record

    def found(self, wanted: Mapping[str, set[str]]) -> dict[Place, Record]:
        """Return the wanted records, given as table -> keys."""
        return {
            (table, "/".join(key)): record
            for table, keys in wanted.items()
            for key, _, record in self.records(table)
            if "/".join(key) in keys
        }


def changes_between(old: Side, new: Side) -> Iterator[Change]:
    """Yield every change of a field or record; a field or table that only one side knows counts too."""
    for name in dict.fromkeys([*new.package.tables, *old.package.tables]):
        package = new.package if name in new.package.tables else old.package
        table = package.tables[name]
        if table.primary_key:
            before, after, where = _differing(table, old, new)
            if before or after:
                changes = table_changes(package, table, "", [before], after, where)
                yield from _unnamed(changes) if has_hidden_key(table) else changes


def _unnamed(changes: Iterable[Change]) -> Iterator[Change]:
    """Tell of restricted lists only that something in their record changed: that there is an item tells enough."""
    seen: set[Place] = set()
    for c in changes:
        key = HIDDEN if c.table == c.root_table else c.root_key
        if (c.root_table, key) not in seen:
            seen.add((c.root_table, key))
            yield Change("", "changed", c.root_table, key, c.root_table, key, "", HIDDEN, HIDDEN, c.file)


def _differing(table: Table, old: Side, new: Side) -> tuple[Records, Records, dict[tuple[str, Key], str]]:
    before: Records = {}
    where: dict[tuple[str, Key], str] = {}
    for key, file, record in old.records(table.name):
        before[key] = record
        where[table.name, key] = file
    after: Records = {}
    same: set[Key] = set()
    for key, file, record in new.records(table.name):
        after[key] = record
        where[table.name, key] = file
        if before.get(key) == record:
            same.add(key)
    if table.parent:
        # Items of one list are told apart by their neighbours: a list is left out whole or not at all.
        touched = {k[:-1] for k in (*before, *after) if k not in same}
        same = {k for k in same if k[:-1] not in touched}
    for key in same:
        del before[key], after[key]
    return before, after, where


def by_record(changes: Iterable[Change], old: Side, new: Side) -> list[RecordChange]:
    """Group changes by the record whose document holds them; one that only changed its key is told as renamed."""
    grouped: dict[Place, list[Change]] = {}
    for change in changes:
        grouped.setdefault((change.root_table, change.root_key), []).append(change)
    wanted: dict[str, set[str]] = {}
    for table, key in grouped:
        wanted.setdefault(table, set()).add(key)
    was, now = old.found(wanted), new.found(wanted)
    formers = _formers(grouped, was, now, new.package)
    result = []
    for place, members in grouped.items():
        if place in formers.values():
            continue
        action = "renamed" if place in formers else _action(place, was, now)
        package = new.package if place[0] in new.package.tables else old.package
        result.append(
            _record(
                package.tables[place[0]], place, members, action, was, now, formers.get(place, ("", ""))[1]
            )
        )
    return result


def _action(place: Place, was: Mapping[Place, Record], now: Mapping[Place, Record]) -> str:
    if place[1] == HIDDEN:
        return "changed"
    return "changed" if place in was and place in now else "added" if place in now else "removed"


def _record(
    table: Table,
    place: Place,
    members: list[Change],
    action: str,
    was: Mapping[Place, Record],
    now: Mapping[Place, Record],
    former: str,
) -> RecordChange:
    record = now.get(place) or was.get(place) or {}
    shown = {
        f.name: record[f.name]
        for f in table.fields
        if f.name in record and f.sensitivity is not Sensitivity.RESTRICTED
    }
    facts = [
        (f.name, f.title, shown[f.name])
        for f in table.fields
        if f.name in shown and f.name not in table.primary_key
    ]
    return RecordChange(
        table=table.name,
        key=place[1],
        name="" if table.primary_key == (table.label,) else shown.get(table.label, ""),
        kind=table.title,
        action=action,
        changes=() if action == "renamed" else tuple(members),
        facts=tuple(facts) if action in ("added", "removed") else (),
        names=shown,
        former=former,
    )


def _formers(
    grouped: Iterable[Place], was: Mapping[Place, Record], now: Mapping[Place, Record], package: Package
) -> dict[Place, Place]:
    """Pair each record that came with one that went and is the same in all but its key."""
    gone: dict[tuple[str, frozenset[tuple[str, str]]], Place] = {}
    came: list[Place] = []
    for place in grouped:
        if place[0] not in package.tables:
            continue
        if place in was and place not in now:
            gone[place[0], _apart_from_key(package.tables[place[0]], was[place])] = place
        elif place in now and place not in was:
            came.append(place)
    result: dict[Place, Place] = {}
    for place in came:
        former = gone.pop((place[0], _apart_from_key(package.tables[place[0]], now[place])), None)
        if former is not None:
            result[place] = former
    return result


def _apart_from_key(table: Table, record: Record) -> frozenset[tuple[str, str]]:
    return frozenset((k, v) for k, v in record.items() if k not in table.primary_key)


def labels(side: Side, wanted: Mapping[str, set[str]]) -> dict[Place, str]:
    """Return what records are called; a restricted label is not used."""
    result: dict[Place, str] = {}
    for name, keys in wanted.items():
        table = side.package.tables.get(name)
        label = table.field(table.label) if table else None
        if label is not None and label.sensitivity is not Sensitivity.RESTRICTED:
            for place, record in side.found({name: keys}).items():
                if label.name in record:
                    result[place] = record[label.name]
    return result


def references(package: Package) -> dict[tuple[str, str], str]:
    """Return (table, field) -> the table whose record a field names."""
    return {
        (t.name, k.fields[0]): k.table
        for t in package.tables.values()
        for k in t.foreign_keys
        if len(k.fields) == 1
    }


def referred(
    records: Iterable[RecordChange], refers: Mapping[tuple[str, str], str], sides: Iterable[Side]
) -> dict[Place, str]:
    """Return what the records are called that changed fields and facts name; the last side that knows one wins."""
    wanted: dict[str, set[str]] = {}
    for record in records:
        for change in record.changes:
            if change.action == "changed" and (change.table, change.field) in refers:
                wanted.setdefault(refers[change.table, change.field], set()).update(
                    {change.before, change.after}
                )
        for name, _, value in record.facts:
            if (record.table, name) in refers:
                wanted.setdefault(refers[record.table, name], set()).add(value)
    return {place: label for side in sides for place, label in labels(side, wanted).items()}
