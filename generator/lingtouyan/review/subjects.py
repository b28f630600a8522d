"""Who or what a change is about: records, findings and prints gathered under the person, place or case they concern.

Which tables count as subjects, and in which order they are asked, is a setting of the data package.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lingtouyan.history.comparing import Place, RecordChange, Side, labels
from lingtouyan.problems import Problem, Severity, UsageError
from lingtouyan.reading.package import Package, Table


@dataclass(frozen=True, slots=True)
class PrintChange:
    """A dossier that is not the same on both sides.

    Attributes:
        action: `again` (its content changed), `new` or `gone`.
        keys: field -> value, of the row it was made from.
    """

    edition: str
    path: str
    title: str
    action: str
    keys: Mapping[str, str]


@dataclass
class SubjectChange:
    """All that a change does to one subject; `name` tells it from the others of the change."""

    table: str
    key: str
    name: str
    kind: str
    records: list[RecordChange] = field(default_factory=list)
    broken: list[Problem] = field(default_factory=list)
    met: list[Problem] = field(default_factory=list)
    prints: list[PrintChange] = field(default_factory=list)

    @property
    def weight(self) -> int:
        """Order of reading: new errors, then new warnings, then the rest."""
        return -2 * any(p.severity is Severity.ERROR for p in self.broken) - bool(self.broken)


def subject_tables(package: Package) -> list[Table]:
    """Return the tables whose records are subjects.

    Raises:
        UsageError: the setting names a table that is not there or has no key of one field.
    """
    names = package.settings.review_subjects
    for name in names:
        table = package.tables.get(name)
        if table is None or len(table.primary_key) != 1 or table.parent:
            raise UsageError(
                f"datapackage.yaml 的 lingtouyan.review_subjects 里的 {name} 不是表名，"
                "或者这张表没有单独一列的主键。多个表名用空格分开。"
            )
    return [package.tables[n] for n in names]


class Gathering:
    """Puts what changes under its subject."""

    def __init__(self, package: Package, old: Side, new: Side) -> None:
        self._tables = subject_tables(package)
        self._old, self._new = old, new
        self._subjects: dict[Place, SubjectChange] = {}

    def records(self, records: Iterable[RecordChange]) -> None:
        """Take records in; one that names no subject is a subject itself."""
        for record in records:
            place = self._of_record(record)
            self._at(place or (record.table, record.key), record).records.append(record)

    def _of_record(self, record: RecordChange) -> Place | None:
        if any(t.name == record.table for t in self._tables):
            return record.table, record.key
        side = self._new if record.table in self._new.package.tables else self._old
        keys = side.package.tables[record.table].foreign_keys
        for table in self._tables:
            for key in keys:
                if key.table == table.name and len(key.fields) == 1 and record.names.get(key.fields[0]):
                    return table.name, record.names[key.fields[0]]
        return None

    def findings(self, pairs: Iterable[tuple[Problem, Mapping[str, str]]], kind: str) -> None:
        """Take findings in, with their subjects' keys by field; `kind` is `broken` or `met`.

        One that concerns several is told at the one that changes; one that concerns nobody is left to the lists.
        """
        for problem, keys in pairs:
            place = self._named(keys)
            if place is not None:
                getattr(self._at(place), kind).append(problem)

    def prints(self, prints: Iterable[PrintChange]) -> None:
        """Take dossiers in."""
        for item in prints:
            place = self._named(item.keys)
            if place is not None:
                self._at(place).prints.append(item)

    def _named(self, keys: Mapping[str, str]) -> Place | None:
        places = [(t.name, keys[t.primary_key[0]]) for t in self._tables if keys.get(t.primary_key[0])]
        changed = [p for p in places if p in self._subjects and self._subjects[p].records]
        return next(iter([*changed, *places]), None)

    def _at(self, place: Place, record: RecordChange | None = None) -> SubjectChange:
        if place not in self._subjects:
            side = self._new if place[0] in self._new.package.tables else self._old
            own = record is not None and (record.table, record.key) == place
            name = record.name if record is not None and own else ""
            self._subjects[place] = SubjectChange(*place, name, side.package.tables[place[0]].title)
        return self._subjects[place]

    def all(self) -> list[SubjectChange]:
        """Return the subjects, those with new errors first, all with their names."""
        wanted: dict[str, set[str]] = {}
        for (table, key), subject in self._subjects.items():
            if not subject.name:
                wanted.setdefault(table, set()).add(key)
        names = {**labels(self._old, wanted), **labels(self._new, wanted)}
        for place, subject in self._subjects.items():
            subject.name = subject.name or names.get(place, "")
        same = Counter(s.name for s in self._subjects.values())
        for subject in self._subjects.values():
            if not subject.name:
                subject.name = f"{subject.kind} {subject.key}"
            elif subject.table not in {t.name for t in self._tables}:
                subject.name = f"{subject.kind} {subject.name}（{subject.key}）"
            elif same[subject.name] > 1:
                subject.name = f"{subject.name}（{subject.key}）"
        order = {t.name: n for n, t in enumerate(self._tables)}
        return sorted(
            self._subjects.values(), key=lambda s: (s.weight, order.get(s.table, len(order)), s.table, s.key)
        )
