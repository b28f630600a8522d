"""Sealed values: one text per restricted value, which only a holder of its record's key can open.

`sealed:v1:<compartment>:<nonce and AES-GCM-SIV ciphertext, base64url>`. Table, key and field are authenticated with
it, so that a value that is moved elsewhere does not open.
"""

from __future__ import annotations

import base64
import csv
import io
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import duckdb

from lingtouyan.database.database import create_typed, literal, put_cells, quote, record_key, tables_in
from lingtouyan.problems import UsageError
from lingtouyan.reading.csv import csv_text
from lingtouyan.reading.package import Field, Package, Sensitivity, Table
from lingtouyan.reading.yaml import Mapping
from lingtouyan.sealing.keys import Keys

# What a sealed value of any version begins with, and of this one.
SCHEME = "sealed:"
PREFIX = f"{SCHEME}v1:"
_FORM = re.compile(r"sealed:v1:([A-Za-z0-9][A-Za-z0-9._-]*):([A-Za-z0-9_=-]+)")
_NONCE = 12


@dataclass(frozen=True, slots=True)
class Place:
    """Whose value it is: the table and key of the record whose key seals it, and the field, with its own table."""

    table: str
    key: str
    field: str

    @classmethod
    def of(cls, owner: str, key: str, table: Table, field: Field) -> Place:
        """Return the place of a field's value in the record, or the list of it, that `owner` and `key` name."""
        return cls(owner, key, f"{table.name}.{field.name}")

    def bound(self) -> bytes:
        """Return what is authenticated with the value."""
        return "\x1f".join((self.table, self.key, self.field)).encode()


def is_sealed(value: str) -> bool:
    """Tell whether a value is sealed."""
    return _FORM.fullmatch(value) is not None


def seal(value: str, compartment: str, place: Place, keys: Keys) -> str:
    """Seal a value.

    Raises:
        UsageError: no office is entitled to the compartment, or the record's key cannot be opened here.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

    nonce = os.urandom(_NONCE)
    cipher = AESGCMSIV(keys.make(place.table, place.key, compartment))
    made = nonce + cipher.encrypt(nonce, value.encode("utf-8", "surrogatepass"), place.bound())
    return f"{PREFIX}{compartment}:{base64.urlsafe_b64encode(made).decode()}"


def unseal(value: str, place: Place, keys: Keys) -> str | None:
    """Open a value; None where the key is not here, or where the value was altered or belongs to another place."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

    found = _FORM.fullmatch(value)
    if not found or (key := keys.get(place.table, place.key, found[1])) is None:
        return None
    try:
        content = base64.urlsafe_b64decode(found[2])
        return AESGCMSIV(key).decrypt(content[:_NONCE], content[_NONCE:], place.bound()).decode()
    except (InvalidTag, ValueError):
        return None


Change = Callable[[Table, Field, Place, str], str]
"""Called for each filled restricted value; returns what shall stand there."""


def restricted(table: Table) -> list[Field]:
    """Return the fields of a table that are sealed: restricted ones but for keys, which say only which row it is."""
    named = {*table.primary_key, "ordinal"}
    return [f for f in table.fields if f.sensitivity is Sensitivity.RESTRICTED and f.name not in named]


def subject(package: Package, table: Table) -> tuple[str, tuple[str, ...]]:
    """Return the table whose record's key seals a table's values, and the columns of its own that hold that key."""
    if table.sealed_for:
        for key in table.foreign_keys:
            if key.fields == (table.sealed_for,):
                return key.table, key.fields
    origin = package.origin(table)
    return origin.name, origin.primary_key


def change_table(text: str, name: str, table: Table, package: Package, change: Change) -> str:
    """Return a CSV file with its restricted values changed.

    Raises:
        UsageError: a row cannot be told from its neighbours, or there is no column that says whose it is.
    """
    rows = list(csv.reader(io.StringIO(text)))
    labels = rows[0] if rows else []
    owner, columns = subject(package, table)
    if missing := [c for c in columns if c not in labels]:
        raise UsageError(f"{name} 没有 {missing[0]} 这一列，不知道是谁的，没有改动。")
    fields = [(labels.index(f.name), f) for f in restricted(table) if f.name in labels]
    for row in rows[1:]:
        if len(row) != len(labels):
            raise UsageError(f"{name} 有一行的格数与表头不同，没有改动。请先运行 lingtouyan check。")
        key = "/".join(row[labels.index(c)] for c in columns)
        for place, f in fields:
            if row[place]:
                row[place] = change(table, f, Place.of(owner, key, table, f), row[place])
    return csv_text(rows)


def change_document(package: Package, table: Table, item: Mapping, change: Change) -> None:
    """Change the restricted values of one record and its lists in place."""
    owner, columns = subject(package, table)
    key = "/".join(str(item.get(c) or "") for c in columns)

    def walk(table: Table, item: Mapping, prefix: tuple[str, ...]) -> None:
        children = {tuple(c.property.split(".")): c for c in package.children.get(table.name, ())}
        fields = {f.name: f for f in restricted(table)}
        for name, value in item.items():
            path = (*prefix, name)
            if path in children:
                for one in value if isinstance(value, list) else ():
                    if isinstance(one, Mapping):
                        walk(children[path], one, ())
            elif isinstance(value, Mapping):
                walk(table, value, path)
            elif (f := fields.get("_".join(path))) and isinstance(value, str) and value:
                item[name] = change(table, f, Place.of(owner, key, table, f), value)

    walk(table, item, ())


def open_cells(
    connection: duckdb.DuckDBPyConnection, package: Package, keys: Keys, more: Iterable[Table] = ()
) -> tuple[list[str], int]:
    """Put plain text in the place of sealed values of the register, and nothing where the key is not here.

    Args:
        more: tables that changed otherwise, to be typed anew with them.

    Returns:
        The tables that held any, their typed tables made anew, and how many values could not be opened.
    """
    touched = {t.name: t for t in more}
    closed = 0
    for table in [package.tables[name] for name in sorted(tables_in(connection, "raw"))]:
        owner, columns = subject(package, table)
        raw = f"raw.{quote(table.name)}"
        for f in restricted(table):
            cell = quote(f.name)
            found = connection.execute(
                f"SELECT rowid, {record_key(columns)}, {cell} FROM {raw} WHERE starts_with({cell}, {literal(PREFIX)})"
            ).fetchall()
            if not found:
                continue
            touched[table.name] = table
            plain = [unseal(value, Place.of(owner, k, table, f), keys) for _, k, value in found]
            closed += plain.count(None)
            put_cells(connection, table, f, [row for row, _, _ in found], plain)
    for name in touched:
        connection.execute(f"DROP TABLE {quote(name)}")
    create_typed(connection, replace(package, tables=touched))
    return list(touched), closed
