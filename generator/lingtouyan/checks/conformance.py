"""Whether the records conform to their Table Schemas: types, constraints, unique values, primary and foreign keys.

DuckDB accepts whole columns at once; each distinct cell it does not accept goes to Frictionless, which has the last word.
"""

from __future__ import annotations

import contextlib
import csv
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import PurePosixPath
from typing import Any

import duckdb

from lingtouyan.checks.messages import TEXTS, Wording, dangling, doubtful
from lingtouyan.database.database import dangling_rows, literal, quote, side_by_side, typed
from lingtouyan.problems import Problem, Severity, error, quoted
from lingtouyan.reading.csv import decode
from lingtouyan.reading.documents import read_document
from lingtouyan.reading.garbled import SUSPECT
from lingtouyan.reading.package import Field, ForeignKey, Package, Sensitivity, Table
from lingtouyan.reading.source import Source
from lingtouyan.sealing.values import PREFIX

_RULES = {"type": "type-error", "range": "number-range"}
_PLAIN_TYPES = frozenset({"string", "integer", "year", "number", "boolean", "date", "array", "any"})
_WRITTEN_FORMS = ("decimalChar", "groupChar", "bareNumber", "floatNumber")
_SIGNS = {"minimum": ">=", "maximum": "<=", "exclusiveMinimum": ">", "exclusiveMaximum": "<"}
# Numbers this short are the same in binary as they are written, so that bounds compare alike.
_EXACT_DIGITS = 15
_LARGEST = 2**63
_TEXT_LIST = r'\[(?:"[^"\\\x00-\x1f]*"(?:, ?"[^"\\\x00-\x1f]*")*)?\]'
# What the two regex engines understand differently: negated classes meet other digits, sets in sets, open counts.
_UNLIKE = re.compile(r"\\[DWSBbQECXpP]|\[\^[^\]]*\\[dws]|\[\[:|\{,")
_CODE_POINT = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})")

# File, line of the row, text, and whether it was refused (else it is only doubtful).
_Cell = tuple[str, int, str | None, bool]
_Said = tuple[str, Severity, str]


class Locator:
    """Answers on which line a field of a row stands: of a table file its row's, of a document that of its key.

    Documents are read again with their keys' places only when a fault has to be explained.
    """

    def __init__(self, source: Source, package: Package) -> None:
        self._source = source
        self.package = package
        self._places: dict[str, dict[tuple[str, int, str], int]] = {}

    def line(self, file: str, table: Table, row_line: int, field: str) -> int:
        """Return the physical line of the field, or of its row where the field is not written."""
        origin = self.package.origin(table)
        if origin.lined():
            return row_line
        if file not in self._places:
            places: dict[tuple[str, int, str], int] = {}

            def note(table: str, row_line: int, field: str, line: int) -> None:
                places[table, row_line, field] = line

            data = self._source.read(file)
            if not isinstance(data, Problem):
                read_document(data, file, origin, self.package, note)
            # Tables are looked at side by side: another must not find the places of a document half told.
            self._places[file] = places
        return self._places[file].get((table.name, row_line, field), row_line)

    def named(self, problems: Sequence[Problem], files: Mapping[str, str]) -> Iterator[Problem]:
        """Yield the problems with the names of their columns as the file writes them, and the spreadsheet's letters.

        Args:
            files: file -> its table.
        """
        heads: dict[str, list[str]] = {}
        csv_files = {p.file for p in problems if p.column and p.file.endswith(".csv") and p.file in files}
        for file, data in self._source.read_all(sorted(csv_files)):
            first = "" if isinstance(data, Problem) else decode(data, file)[0].partition("\n")[0]
            with contextlib.suppress(csv.Error):
                heads[file] = [label.strip() for label in next(csv.reader([first]), [])]
        for p in problems:
            place = _place(p.column, self.package, files.get(p.file, ""), heads.get(p.file))
            yield replace(p, place=place) if place else p


def _place(title: str, package: Package, table: str, head: list[str] | None) -> str:
    """Return how a file writes the columns of these titles: ` started_on，F 列`; nothing where it cannot be told."""
    names, letters = [], []
    for word in title.split("、") if table else ():
        of = [t for t in package.tables.values() if package.origin(t).name == table]
        found = {f.name for t in of for f in t.fields if f.title == word}
        label = next((x for x in head or () if x == word or x in found), "")
        if len(found) != 1 or (head is not None and not label):
            return ""
        names += [label or found.pop()] if label != word else []
        letters += [_letters((head or []).index(label) + 1)] if label else []
    return (f" {'、'.join(names)}" if names else "") + (f"，{'、'.join(letters)} 列" if letters else "")


def _letters(number: int) -> str:
    """Return what a spreadsheet calls a column: A, B, …, Z, AA."""
    return (_letters((number - 1) // 26) if number > 26 else "") + chr(ord("A") + (number - 1) % 26)


def check_conformance(
    connection: duckdb.DuckDBPyConnection, locator: Locator, tables: Sequence[Table]
) -> list[Problem]:
    """Check the cells of tables of the register.

    A cell that only Frictionless accepts (`2020-1-5`, ` 7`) is rewritten in `raw` in its plain form, with a warning,
    so call this before the typed tables are made; keys are checked by `check_keys` after.
    """
    package = locator.package
    _first_days(connection, tables)
    garbled = _garbled(connection, tables)
    found = side_by_side(
        connection, lambda own, table: _suspects(own, table, package, table.name in garbled), tables
    )
    problems: list[Problem] = []
    told: dict[str, set[tuple[str, str]]] = {}
    for table, suspects in zip(tables, found, strict=True):
        # A list's items take their record's key from it: what is wrong with it was said of the record.
        inherited = package.tables[table.parent].primary_key if table.parent else ()
        of_parent = told.get(table.parent, set())
        for field, cells in suspects:
            for problem in _judge_cells(connection, table, field, cells, locator):
                place = (problem.file, field.name)
                told.setdefault(table.name, set()).add(place)
                if field.name not in inherited or place not in of_parent:
                    problems.append(problem)
    return problems


def _first_days(connection: duckdb.DuckDBPyConnection, tables: Iterable[Table]) -> None:
    """Write the first day for months of which no more needs to be known."""
    for table in tables:
        months = {
            quote(f.name): f"coalesce(regexp_full_match({quote(f.name)}, '[0-9]{{4}}-(0[1-9]|1[0-2])') AND "
            f"{quote(f.name)} < {literal(f.months_before)}, false)"
            for f in table.fields
            if f.months_before
        }
        if months:
            sets = ", ".join(f"{n} = CASE WHEN {c} THEN {n} || '-01' ELSE {n} END" for n, c in months.items())
            connection.execute(
                f"UPDATE raw.{quote(table.name)} SET {sets} WHERE {' OR '.join(months.values())}"
            )


def _garbled(connection: duckdb.DuckDBPyConnection, tables: Iterable[Table]) -> set[str]:
    """Return the tables in which text may be garbled: that pattern is made ready once, which costs more than its use."""
    parts = [
        f"SELECT {literal(t.name)}, concat_ws('\n', {', '.join(texts)}) FROM raw.{quote(t.name)}"
        for t in tables
        if (texts := [quote(f.name) for f in t.fields if f.type in TEXTS])
    ]
    sql = f"SELECT DISTINCT n FROM ({' UNION ALL '.join(parts)}) t(n, x) WHERE regexp_matches(x, {literal(SUSPECT)})"
    return {name for (name,) in connection.execute(sql).fetchall()} if parts else set()


def _suspects(
    connection: duckdb.DuckDBPyConnection, table: Table, package: Package, garbled: bool
) -> list[tuple[Field, list[_Cell]]]:
    """Return the cells that are not surely right, or hold what no record should, by field."""
    sheet, source = package.origin(table).lined(), f"raw.{quote(table.name)}"
    refused = {f.name: f"NOT coalesce({_sealed(f)}{_accepts(f)}, false)" for f in table.fields}
    odd = {f.name: doubtful(f, sheet) for f in table.fields}
    if garbled:
        suspect = literal(SUSPECT)
        for f in table.fields:
            if f.type in TEXTS:
                odd[f.name] += f" OR coalesce(regexp_matches({quote(f.name)}, {suspect}), false)"

    def suspected(fields: Sequence[Field]) -> list[Field]:
        counts = ", ".join(f"count(*) FILTER (WHERE {refused[f.name]} OR {odd[f.name]})" for f in fields)
        try:
            row = connection.execute(f"SELECT {counts} FROM {source}").fetchone() or ()
        except duckdb.Error:
            # A pattern that this regex engine does not know: only its own field is left to Frictionless altogether.
            if len(fields) > 1:
                return [g for f in fields for g in suspected([f])]
            refused[fields[0].name] = "true"
            return list(fields)
        return [f for f, count in zip(fields, row, strict=True) if count]

    return [
        (
            f,
            connection.execute(
                f"SELECT _file, _line, {quote(f.name)}, {refused[f.name]} FROM {source} "
                f"WHERE {refused[f.name]} OR {odd[f.name]}"
            ).fetchall(),
        )
        for f in suspected(table.fields)
    ]


def _sealed(field: Field) -> str:
    """Return the beginning of a condition that takes a sealed value: what it says is not to be judged here."""
    hidden = field.sensitivity is Sensitivity.RESTRICTED
    return f"starts_with({quote(field.name)}, {literal(PREFIX)}) OR " if hidden else ""


def _accepts(field: Field) -> str:
    """Return SQL over the raw cell of a field that is true only where the table standard surely agrees; NULL is no."""
    cell, value, limits = quote(field.name), typed(field), field.constraints
    special = any(k in field.descriptor for k in (*_WRITTEN_FORMS, "arrayItem"))
    special = special or (field.type == "array" and "enum" in limits)
    if field.type not in _PLAIN_TYPES or field.descriptor.get("format", "default") != "default" or special:
        return "false" if field.required else f"({cell} IS NULL)"
    tests = [] if field.type in ("string", "any") else [f"({value}) IS NOT NULL"]
    if field.type == "number":
        tests.append(f"length({cell}) <= {_EXACT_DIGITS}")
    if field.type == "array":
        tests.append(f"regexp_full_match({cell}, {literal(_TEXT_LIST)})")
    if "enum" in limits:
        tests.append(f"({value})::VARCHAR IN ({', '.join(literal(str(v)) for v in limits['enum'])})")
    if pattern := limits.get("pattern"):
        shared = _CODE_POINT.sub(lambda m: f"\\x{{{m[1] or m[2]}}}", pattern)
        unlike = _UNLIKE.search(pattern)
        tests.append("false" if unlike else f"regexp_full_match({cell}, {literal(shared)})")
    size = f"len({value})" if field.type == "array" else f"length({cell})"
    for name, sign in {"minLength": ">=", "maxLength": "<="}.items():
        if name in limits:
            tests.append(f"{size} {sign} {limits[name]}")
    for name, sign in _SIGNS.items():
        if name in limits:
            bound = f"DATE {literal(limits[name])}" if field.type == "date" else str(limits[name])
            tests.append(f"({value}) {sign} {bound}")
    accepted = " AND ".join(tests) or "true"
    return f"({cell} IS NOT NULL AND {accepted})" if field.required else f"({cell} IS NULL OR ({accepted}))"


def _judge(
    field: Field, values: Iterable[str | None]
) -> dict[str | None, tuple[list[str], str | None]] | str:
    """Return Frictionless' verdict on values of one field, or what is wrong with the field's own declaration.

    The verdict on a value gives the names of what it breaks (`type`, a constraint, `range` for what conforms and does
    not fit the register), and the value as the register casts it.
    """
    # Importing it costs half a second; a tree without faults never pays.
    import frictionless

    try:
        # Which texts are no value was settled in reading: here every text is one.
        made = frictionless.Field.from_descriptor({**field.descriptor, "missingValues": []})
        read_value = made.create_value_reader()
        for name in _SIGNS.keys() & field.constraints.keys():
            if read_value(field.constraints[name]) is None:
                return f"约束 {name} 的值不是 {field.type}"
        if any(read_value(v) is None for v in field.constraints.get("enum", ())):
            return f"约束 enum 中有不是 {field.type} 的值"
        read = made.create_cell_reader()
    except frictionless.FrictionlessException as fault:
        return f"表结构标准不允许这样声明（{fault.error.note}）"

    def verdict(value: str | None) -> tuple[list[str], str | None]:
        try:
            cell, notes = read(value)
        except Exception:
            # Values of one type that cannot be compared: times with and without a zone.
            cell, notes = None, {"type": ""}
        if notes or cell is None or value is None:
            return list(notes or ()), value
        if field.type == "integer" and not -_LARGEST <= cell < _LARGEST:
            return ["range"], None
        if field.type == "number" and not math.isfinite(float(cell)):
            return ["range"], None
        if field.type in ("integer", "year", "number"):
            return [], str(cell)
        return [], str(cell.isoformat()) if field.type == "date" else value

    return {value: verdict(value) for value in values}


def _judge_cells(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    field: Field,
    cells: Sequence[_Cell],
    locator: Locator,
) -> Iterator[Problem]:
    """Yield what is wrong with suspected cells; each distinct value is judged once."""
    wording, sheet = Wording(field), locator.package.origin(table).lined()
    refused = dict.fromkeys(value for _, _, value, wrong in cells if wrong)
    said: dict[str | None, list[_Said]] = {}
    rewritten: dict[str, str] = {}
    judged = _judge(field, refused) if refused else {}
    if isinstance(judged, str):
        message = f"字段 {field.name} 无法校验：{judged}。"
        yield error(table.schema_file, field.line, "schema-error", message)
        judged = {}
    for value, (faults, plain) in judged.items():
        told = ((_RULES.get(f, "constraint-error"), Severity.ERROR, wording.fault(f, value)) for f in faults)
        # Two bounds are broken by what is no number at all: one fault.
        said[value] = list(dict.fromkeys(told))
        if faults or value is None or plain is None:
            continue
        if plain != value:
            rewritten[value] = plain
            # Where the schema itself declares how values are written, no form is unusual.
            if not any(k in field.descriptor for k in ("format", *_WRITTEN_FORMS)):
                said[value].append(("unusual-form", Severity.WARNING, wording.unusual(value, plain)))
        # Digits other than 0 to 9 are digits to a pattern; where only a digit may stand, a letter may not.
        lettered, pattern = re.sub(r"[^\D0-9]", "字", value), field.constraints.get("pattern")
        if pattern and lettered != value and not re.match(f"^{pattern}$", lettered):
            said[value].append(("full-width-digits", Severity.ERROR, wording.full_width(value)))
    for file, line, value, _ in cells:
        # What breaks a constraint is said in its words, and no doubt besides.
        if value is not None and not said.get(value):
            doubt = wording.doubt(value, sheet) if field.type in TEXTS else None
            said[value] = [doubt] if doubt else []
        for rule, severity, message in said.get(value, ()):
            where = locator.line(file, table, line, field.name)
            yield Problem(file, where, field.title, rule, severity, message)
    if rewritten:
        source, cell = f"raw.{quote(table.name)}", quote(field.name)
        connection.execute(
            f"UPDATE {source} SET {cell} = plain "
            f"FROM (SELECT unnest($1) AS found, unnest($2) AS plain) WHERE {cell} = found",
            [list(rewritten), list(rewritten.values())],
        )


def check_keys(
    connection: duckdb.DuckDBPyConnection,
    locator: Locator,
    unread: Mapping[str, Sequence[str]],
) -> list[Problem]:
    """Check unique values, primary and foreign keys over all files of each table, on the typed tables.

    Args:
        unread: table -> its files that could not be read. What may refer to a record in them is not at fault: that
            file is. A document's key is told by its name, a table file may have held any.
    """

    def check(own: duckdb.DuckDBPyConnection, table: Table) -> list[Problem]:
        return list(_Keys(own, table, locator).problems(unread))

    return list(chain.from_iterable(side_by_side(connection, check, locator.package.tables.values())))


class _Keys:
    """What is wrong with the keys of one table."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, table: Table, locator: Locator) -> None:
        self._ask: Callable[[str], list[tuple[Any, ...]]] = lambda sql: connection.execute(sql).fetchall()
        self._table = table
        self._package = locator.package
        self._locator = locator

    def problems(self, unread: Mapping[str, Sequence[str]]) -> Iterator[Problem]:
        """Ask one question for all keys; only what it finds is looked at closely."""
        table = self._table
        keys = {table.primary_key: "primary-key"} if table.primary_key else {}
        for field in table.fields:
            if field.constraints.get("unique"):
                keys.setdefault((field.name,), "unique-error")
        counts = [_repeats(table, fields, missing=rule == "primary-key") for fields, rule in keys.items()]
        counts += [f"SELECT count(*) FROM {self._lost(key)}" for key in table.foreign_keys]
        if not counts:
            return
        ((*found,),) = self._ask(f"SELECT {', '.join(f'({c})' for c in counts)}")
        for (fields, rule), count in zip(keys.items(), found, strict=False):
            if count:
                yield from self._repeated(fields, rule)
        for key, count in zip(table.foreign_keys, found[len(keys) :], strict=True):
            if count:
                yield from self._dangling(key, unread.get(key.table, ()))

    def _lost(self, key: ForeignKey) -> str:
        lost = dangling_rows(self._table, key, self._package.tables[key.table])
        register = self._package.settings.erasures
        if not register or len(key.fields) != 1:
            return lost
        # What was erased may be gone from the tree; what refers to it stays, for the figures.
        entry = f"SELECT 1 FROM {quote(register)} WHERE table_name = {literal(key.table)}"
        return f"{lost} AND NOT EXISTS ({entry} AND record_key = t.{quote(key.fields[0])}::VARCHAR)"

    def _titled(self, fields: Sequence[str]) -> tuple[str, bool]:
        """Return the fields' titles, and whether their values may be told."""
        named = [f for f in map(self._table.field, fields) if f is not None]
        shown = len(named) == len(fields) and all(f.sensitivity < Sensitivity.RESTRICTED for f in named)
        return "、".join(f.title for f in named), shown

    def _repeated(self, fields: tuple[str, ...], rule: str) -> Iterator[Problem]:
        table, keys = self._table, ", ".join(map(quote, fields))
        title, shown = self._titled(fields)
        all_null = " AND ".join(f"{quote(f)} IS NULL" for f in fields)
        if rule == "primary-key":
            # What is written and of the wrong type is not missing.
            for file, line in self._ask(f"SELECT _file, _line FROM raw.{quote(table.name)} WHERE {all_null}"):
                yield error(file, line, rule, f"主键“{title}”没有填写，这条记录无法识别。请填写。", title)
        within = keys
        if table.parent and set(self._package.tables[table.parent].primary_key) <= set(fields):
            # What two documents of one key both hold is their repetition, told of them.
            within = f"_file, {keys}"
        # A missing value is no repeat.
        rows = self._ask(
            f"SELECT _file, _line, first_value(_file) OVER w, first_value(_line) OVER w, {keys} "
            f"FROM {quote(table.name)} WHERE NOT ({all_null}) "
            f"WINDOW w AS (PARTITION BY {within} ORDER BY {_order(table, fields)}) QUALIFY row_number() OVER w > 1"
        )
        for file, line, first_file, first_line, *values in rows:
            where = self._locator.line(file, table, line, fields[0])
            other = self._locator.line(first_file, table, first_line, fields[0])
            place = f"第 {other} 行" if first_file == file else f"{first_file} 第 {other} 行"
            key = f" {'、'.join(map(quoted, values))}" if shown else ""
            advice = "请核对两条记录，改正其中一条或删除重复的一条。"
            yield error(file, where, rule, f"“{title}”{key} 重复：{place}已有。{advice}", title)

    def _dangling(self, key: ForeignKey, lost_files: Sequence[str]) -> Iterator[Problem]:
        target = self._package.tables[key.table]
        origin = self._package.origin(target)
        naming = [n for n, other in enumerate(key.references) if (other,) == origin.primary_key]
        if lost_files and (origin.lined() or not naming):
            return
        stems = {PurePosixPath(f).stem for f in lost_files}
        title, shown = self._titled(key.fields)
        picked = ", ".join(f"t.{quote(f)}" for f in key.fields)
        for file, line, *values in self._ask(f"SELECT t._file, t._line, {picked} FROM {self._lost(key)}"):
            if not any(str(values[n]) in stems for n in naming):
                where = self._locator.line(file, self._table, line, key.fields[0])
                yield error(file, where, "foreign-key", dangling(target, values, shown=shown), title)


def _repeats(table: Table, fields: tuple[str, ...], *, missing: bool) -> str:
    """Return SQL that counts rows whose key is not their own, and, where asked, rows without any."""
    some = " OR ".join(f"{quote(f)} IS NOT NULL" for f in fields)
    # Several parts are compared as one row; a part alone is cheaper.
    key = quote(fields[0]) if len(fields) == 1 else f"({', '.join(map(quote, fields))})"
    total = "count(*)" if missing else f"count(*) FILTER (WHERE {some})"
    return f"SELECT {total} - count(DISTINCT {key}) FILTER (WHERE {some}) FROM {quote(table.name)}"


def _order(table: Table, fields: Sequence[str]) -> str:
    """Return by what records of one key are put in order: a document named after its key comes before its copies."""
    named = f"NOT contains(_file, '/' || {quote(fields[0])}::VARCHAR || '.'), "
    return f"{named if table.path and not table.lined() and len(fields) == 1 else ''}_file, _line"


def keep_first(connection: duckdb.DuckDBPyConnection, package: Package, problems: Sequence[Problem]) -> None:
    """Leave one record of each key in the typed tables, with its lists, when repeated keys were found.

    A document copied by mistake would else be counted twice in every figure, and one fault be told a hundred times.
    """
    if not any(p.rule == "primary-key" for p in problems):
        return
    for table in package.tables.values():
        if not table.primary_key:
            continue
        name, keys = quote(table.name), ", ".join(map(quote, table.primary_key))
        some = " OR ".join(f"{quote(f)} IS NOT NULL" for f in table.primary_key)
        window = f"PARTITION BY {keys} ORDER BY {_order(table, table.primary_key)}"
        made = connection.execute(
            f"CREATE OR REPLACE TEMP TABLE copies AS SELECT rowid AS copy, _file, {keys} FROM {name} "
            f"WHERE {some} QUALIFY row_number() OVER ({window}) > 1"
        ).fetchone()
        if made == (0,):
            continue
        connection.execute(f"DELETE FROM {name} WHERE rowid IN (SELECT copy FROM copies)")
        pending = list(package.children.get(table.name, ()))
        while pending:
            child = pending.pop()
            if all(map(child.field, table.primary_key)):
                same = " AND ".join(
                    f"c.{quote(f)}::VARCHAR IS NOT DISTINCT FROM o.{quote(f)}::VARCHAR"
                    for f in ("_file", *table.primary_key)
                )
                # Unless the record that stays is in the same file.
                connection.execute(
                    f"DELETE FROM {quote(child.name)} c WHERE EXISTS (SELECT 1 FROM copies o WHERE {same}) "
                    f"AND NOT EXISTS (SELECT 1 FROM {name} o WHERE {same})"
                )
                pending.extend(package.children.get(child.name, ()))
