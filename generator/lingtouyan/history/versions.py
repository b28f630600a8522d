"""Versions of a file as records: only the parts in which they differ are read, whatever state the file was in then.

A document is cut at its top-level keys and each piece is parsed once; a table is compared line by line before it is read.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as AbstractMapping

from lingtouyan.history.pieces import Cutter, Pieces, pairs_of
from lingtouyan.problems import Severity
from lingtouyan.reading.csv import decode, read_csv
from lingtouyan.reading.files import MAX_BYTES
from lingtouyan.reading.markdown import parse_markdown
from lingtouyan.reading.package import Package, Table
from lingtouyan.reading.yaml import Mapping, Value, YamlError, parse_yaml

Key = tuple[str, ...]
Record = dict[str, str]
Records = dict[Key, Record]
Parts = dict[str, Records]
"""Table -> the records of a file in it."""

_Flat = tuple[str, int, list[str]]
"""A simple list: its table, the place of its first item, its items' lines."""


class Versions:
    """Reads versions of the files of one data package."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._shapes = {t.name: _Shape(t, package) for t in package.tables.values()}
        self._cutter = Cutter()
        self._rows: dict[bytes, tuple[bytes, list[bytes], frozenset[bytes]]] = {}

    def differing(
        self,
        source: Table,
        file: str,
        new: bytes | None,
        olds: Sequence[bytes | None],
        *,
        came: bool = False,
    ) -> tuple[Parts | None, list[Parts | None]]:
        """Return the records of the new version and of each old one, so far as they differ.

        Args:
            source: the table that the file belongs to.
            new, olds: contents; nothing for a file that is not there, None for one too large.
            came: all that is new came with this commit and left no other file: of simple lists the keys will do.

        Returns:
            None stands for a version that nothing can be read from: broken, or too large.
        """
        limit = MAX_BYTES.get(file[file.rfind(".") :].lower(), 2 * 2**20)
        sides = [None if d is None or len(d) > limit else d for d in (new, *olds)]
        if source.kind == "csv":
            return self._tables(source, file, sides)
        if source.kind == "yaml":
            some = self._pieces_differing(source, sides, came=came)
            if some is not None:
                return some[0], some[1:]
        whole = [self._document(source, d) for d in sides]
        return whole[0], whole[1:]

    # ---- documents ----

    def _pieces_differing(
        self, source: Table, sides: list[bytes | None], *, came: bool
    ) -> list[Parts | None] | None:
        """Read only the top-level keys in which versions differ; None when a version has to be read as a whole."""
        cuts: list[Pieces] = []
        for data in sides:
            pieces = self._cutter.cut(data) if data is not None else None
            if pieces is None:
                return None
            cuts.append(pieces)
        if came and not any(cuts[1:]):
            return [self._keys(source, c) if c else {} for c in cuts]
        first, *others = cuts
        wanted: Iterable[str] = first
        if all(cuts):
            # What all have in common may be left out, but for the key, by which they are compared.
            wanted = {n: 0 for n, piece in first.items() if any(c.get(n) is not piece for c in others)}
            wanted.update({n: 0 for c in others for n in c if n not in first})
            heads = [n for n in self._shapes[source.name].heads if n in first]
            wanted = (
                dict.fromkeys([*heads, *wanted]) if heads and not any(n in wanted for n in heads) else first
            )
        lists = self._lists_differing(source, wanted, cuts) if all(cuts) else {}
        result: list[Parts | None] = []
        for side, pieces in enumerate(cuts):
            item = Mapping(1)
            flat: list[_Flat] = []
            for name in wanted if wanted is not first else pieces:
                if name in lists:
                    flat.append(lists[name][side])
                elif name in pieces:
                    item[name] = pieces[name].value
            result.append(self._with_lists(source, item, flat) if pieces else {})
        return result

    def _lists_differing(
        self, source: Table, names: Iterable[str], cuts: list[Pieces]
    ) -> dict[str, list[_Flat]]:
        """Return for simple lists the items of each version, without those that all have at the same place."""
        result: dict[str, list[_Flat]] = {}
        for name in names:
            child = self._shapes[source.name].children.get((name,))
            pieces = [c.get(name) for c in cuts]
            if (
                child is None
                or self._shapes[child].children
                or not all(p is not None and p.count for p in pieces)
            ):
                continue
            rows = [p.rows for p in pieces if p is not None]
            start = 0
            if self._shapes[child].ordinal:
                for same in zip(*rows, strict=False):
                    if any(r is not same[0] and r != same[0] for r in same):
                        break
                    start += 1
                result[name] = [(child, start + 1, r[start:]) for r in rows]
            else:
                common = set.intersection(*(set(r) for r in rows))
                result[name] = [(child, 1, [x for x in r if x not in common]) for r in rows]
        return result

    def _with_lists(self, source: Table, item: Mapping, lists: list[_Flat]) -> Parts:
        parts = self._records(source, item)
        if not lists:
            return parts
        record = next(iter(parts[source.name].values()))
        own = {k: record[k] for k in source.primary_key if k in record}
        for child, start, rows in lists:
            shape = self._shapes[child]
            found = parts.setdefault(child, {})
            for ordinal, row in enumerate(rows, start):
                made = dict(own)
                for name, value in pairs_of(row):
                    field = shape.names.get(name)
                    if field is None or field in own or value is None or value in shape.missing[field]:
                        continue
                    made[field] = value
                if shape.ordinal and "ordinal" not in made:
                    made["ordinal"] = str(ordinal)
                found[tuple([made.get(k, "") for k in shape.key])] = made
        return parts

    def _keys(self, source: Table, pieces: Pieces) -> Parts:
        """Return the records of a document; of simple lists no more than the keys."""
        shape = self._shapes[source.name]
        item = Mapping(1)
        flat: list[_Flat] = []
        counted: list[tuple[str, int]] = []
        for name, piece in pieces.items():
            child = shape.children.get((name,)) if piece.count else None
            if child is None or self._shapes[child].children:
                item[name] = piece.value
            elif self._shapes[child].counted(shape):
                counted.append((child, piece.count))
            else:
                flat.append((child, 1, piece.rows))
        parts = self._with_lists(source, item, flat)
        head = next(iter(parts[source.name]))
        for child, count in counted:
            parts[child] = {(*head, str(n)): {} for n in range(1, count + 1)}
        return parts

    def _document(self, source: Table, data: bytes | None) -> Parts | None:
        if data is None:
            return None
        if not data:
            return {}
        text, _ = decode(data, "")
        try:
            value: Value = parse_markdown(text) if source.kind == "markdown" else parse_yaml(text)
        except YamlError:
            return None
        return self._records(source, value)

    def _records(self, source: Table, value: Value) -> Parts:
        parts: Parts = {}
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, Mapping):
                self._record(source.name, item, {}, None, parts)
        return parts

    def _record(self, table: str, item: Mapping, key: Record, ordinal: int | None, parts: Parts) -> None:
        shape = self._shapes[table]
        record = dict(key)
        lists: list[tuple[str, Value]] = []
        names, missing = shape.names, shape.missing
        for name, single in item.items():
            if type(single) is str and name not in shape.tops:
                field = names.get(name)
                if field is not None and field not in key and single not in missing[field]:
                    record[field] = single if "\r" not in single else single.replace("\r", " ")
                continue
            for path, value in shape.leaves({name: single}):
                child = shape.children.get(path)
                if child is not None:
                    lists.append((child, value))
                    continue
                field = names.get("_".join(path))
                if field is None or field in key or value is None or isinstance(value, Mapping):
                    continue
                if isinstance(value, list):
                    if field not in shape.arrays or not all(isinstance(v, str) for v in value):
                        continue
                    value = json.dumps(value, ensure_ascii=False)
                if value not in missing[field]:
                    record[field] = value.replace("\r", " ")
        if ordinal is not None and shape.ordinal and "ordinal" not in record:
            record["ordinal"] = str(ordinal)
        parts.setdefault(table, {})[tuple([record.get(k, "") for k in shape.key])] = record
        if lists:
            own = {k: record[k] for k in shape.key if k in record}
            for child, value in lists:
                self._items(child, value, own, parts)

    def _items(self, name: str, value: Value, key: Record, parts: Parts) -> None:
        if not isinstance(value, list):
            return
        for ordinal, item in enumerate(value, 1):
            if isinstance(item, Mapping):
                self._record(name, item, key, ordinal, parts)
            elif "value" in self._shapes[name].names and not isinstance(item, list):
                single = Mapping(1)
                single["value"] = item
                self._record(name, single, key, ordinal, parts)

    # ---- tables ----

    def _tables(
        self, source: Table, file: str, sides: list[bytes | None]
    ) -> tuple[Parts | None, list[Parts | None]]:
        lines = [self._lines(source, d) if d is not None else None for d in sides]
        readable = [part for part in lines if part is not None]
        alike = len({part[0] for part in readable if part[0] or part[1]}) <= 1 and len(readable) > 1
        common = frozenset.intersection(*(part[2] for part in readable)) if alike else frozenset[bytes]()
        tables = [
            None if part is None else self._table(source, file, part[0], _left(part, common))
            for part in lines
        ]
        _leave_repeated(source, tables, common)
        parts = [None if t is None else {source.name: t} if t else {} for t in tables]
        return parts[0], parts[1:]

    def _lines(self, source: Table, data: bytes) -> tuple[bytes, list[bytes], frozenset[bytes]]:
        known = self._rows.get(data)
        if known is None:
            head, rest = self._shapes[source.name].lines(data)
            known = head, rest, frozenset(rest)
            if len(self._rows) > 64:
                self._rows.clear()
            self._rows[data] = known
        return known

    def _table(self, source: Table, file: str, head: bytes, rest: list[bytes]) -> Records | None:
        shape = self._shapes[source.name]
        if not head or not rest:
            # A header alone is an empty table; something else alone is none.
            return {} if not head or shape.labels.intersection(head.split(b",")) else None
        names = [f.name for f in source.fields]
        places = [names.index(k) for k in source.primary_key]
        if head == shape.head:
            text = b"\n".join(rest).decode("utf-8", "replace")
            if '"' not in text and "\0" not in text:
                split = [line.split(",") for line in text.split("\n")]
                if all(len(cells) == len(names) for cells in split):
                    return {
                        tuple([cells[i] for i in places]): {
                            n: c for n, c in zip(names, cells, strict=True) if c and c not in shape.missing[n]
                        }
                        for cells in split
                        if any(cells)
                    }
        rows, problems = read_csv(b"\n".join([head, *rest]), file, source)
        if any(p.rule == "source-error" for p in problems):
            # A line with a broken quote is still that record's line: what was typed is what was known.
            mended = [next(csv.reader([x.decode("utf-8", "replace")]), []) for x in rest]
            data = "\n".join(
                ",".join(f'"{c.replace(chr(34), chr(34) * 2)}"' for c in cells) for cells in mended
            )
            rows, problems = read_csv(head + b"\n" + data.encode(), file, source)
        titles = {f.title for f in source.fields if f.name in source.primary_key}
        lost = ("blank-header", "incorrect-label", "source-error") if not rows else ()
        if any(
            p.severity is Severity.ERROR
            and (p.rule in lost or (p.rule == "missing-label" and p.column in titles))
            for p in problems
        ):
            return None
        return {
            tuple([cells[i] or "" for i in places]): {
                n: c for n, c in zip(names, cells, strict=True) if c is not None
            }
            for _, cells in rows
        }


def _left(part: tuple[bytes, list[bytes], frozenset[bytes]], common: frozenset[bytes]) -> list[bytes]:
    _, rest, distinct = part
    left = distinct - common
    # In their order: of two lines with one key the later counts.
    return [x for x in rest if x in left] if len(left) > 1 else list(left)


def _leave_repeated(source: Table, tables: Sequence[Records | None], common: frozenset[bytes]) -> None:
    """Leave out records of one version only whose key also stands on a line that all have: the record did not come or go."""
    known = [t for t in tables if t is not None]
    keys = [f.name for f in source.fields][: len(source.primary_key)]
    if not common or len(known) < 2 or keys != list(source.primary_key):
        return
    single = set[Key]().union(*known) - set[Key].intersection(*(set(t) for t in known))
    if not single:
        return
    width = len(keys)
    heads = {tuple(line.split(b",", width)[:width]) for line in common}
    for key in single:
        if tuple(k.encode() for k in key) in heads:
            for table in known:
                table.pop(key, None)


class _Shape:
    """How the records of one table stand in files, by today's schema and by the names it had before."""

    def __init__(self, table: Table, package: Package) -> None:
        self.key = table.primary_key
        self.children = {tuple(c.property.split(".")): c.name for c in package.children.get(table.name, ())}
        self.tops = frozenset(path[0] for path in self.children)
        self.names = {n: f.name for f in table.fields for n in (*f.former_names, f.name)}
        self.missing = {f.name: frozenset(table.missing(f)) for f in table.fields}
        self.arrays = frozenset(f.name for f in table.fields if f.type == "array")
        self.ordinal = table.field("ordinal") is not None
        former = {n: f.name for f in table.fields for n in f.former_names}
        self._former = {n.encode(): f.encode() for n, f in former.items()}
        # The top-level keys under which the parts of the primary key may stand.
        self.heads = {"_".join(k.split("_")[:n]) for k in self.key for n in range(1, k.count("_") + 2)}
        self.heads.update(n for n, f in former.items() if f in self.key)
        self.labels = {f.name.encode() for f in table.fields}
        self.head = ",".join(f.name for f in table.fields).encode()

    def counted(self, parent: _Shape) -> bool:
        """Tell whether the keys of a list's items follow from their number."""
        return not self.children and self.ordinal and self.key == (*parent.key, "ordinal")

    def leaves(
        self, item: AbstractMapping[str, Value], prefix: tuple[str, ...] = ()
    ) -> Iterator[tuple[tuple[str, ...], Value]]:
        for name, value in item.items():
            path = (*prefix, name)
            if isinstance(value, Mapping) and value and path not in self.children:
                yield from self.leaves(value, path)
            else:
                yield path, value

    def lines(self, data: bytes) -> tuple[bytes, list[bytes]]:
        """Return a table file's header, in today's names, and its other lines, whatever it was saved as."""
        try:
            data.decode("utf-8")
            plain = b"\0" not in data and not data.startswith(b"\xef\xbb\xbf")
        except UnicodeDecodeError:
            plain = False
        if not plain:
            data = decode(data, "")[0].encode()
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        head, *rest = data.split(b"\n")
        if self._former:
            labels = head.split(b",")
            head = b",".join([f if (f := self._former.get(x, x)) not in labels else x for x in labels])
        return head, [line for line in rest if line]
