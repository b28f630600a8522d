"""Sealed values: one text per restricted value, which only a holder of its record's key can open.

`sealed:v1:<compartment>:<nonce and AES-GCM-SIV ciphertext, base64url>`. Table, key and field are authenticated with
it, so that a value that is moved elsewhere does not open.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import hmac
import io
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import duckdb

from lingtouyan.database.database import create_typed, literal, put_cells, quote, record_key, tables_in
from lingtouyan.problems import UsageError
from lingtouyan.reading.csv import csv_text
from lingtouyan.reading.package import Field, Package, Sensitivity, Table
from lingtouyan.reading.yaml import Mapping
from lingtouyan.sealing.keys import DIGESTS, Keys

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
    name, key = keys.make(place.table, place.key, compartment)
    made = nonce + AESGCMSIV(key).encrypt(nonce, value.encode("utf-8", "surrogatepass"), place.bound())
    return f"{PREFIX}{name}:{base64.urlsafe_b64encode(made).decode()}"


def sealed_anew(value: str, compartment: str, place: Place, keys: Keys) -> str:
    """Seal a value; one that is sealed stays, unless its record has got a newer key and it opens here."""
    if not (found := _FORM.fullmatch(value)):
        return seal(value, compartment, place, keys)
    if found[1] == keys.newest(place.table, place.key, compartment):
        return value
    plain = unseal(value, place, keys)
    return value if plain is None else seal(plain, compartment, place, keys)


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


def _digest(value: str, compartment: str, place: Place, keys: Keys) -> str | None:
    """Return a keyed digest of a value: equal ones mean equal values, and nobody without the key can try any.

    None where the value does not open, or where the key of digests is not for this identity.
    """
    if (plain := unseal(value, place, keys) if is_sealed(value) else value) is None:
        return None
    try:
        key = keys.make(DIGESTS, place.field, compartment)[1]
    except UsageError:
        return None
    return f"hmac-sha256:{hmac.new(key, plain.strip().upper().encode(), hashlib.sha256).hexdigest()[:32]}"


Change = Callable[[Table, Field, Place, str], str]
"""Called for each filled restricted value; returns what shall stand there."""
Digest = Callable[[Field, Place, str, str], str]
"""Called for each filled value that a digest is kept of, sealed or not, with the digest there is; returns the right one."""


def closing(keys: Keys, note: Callable[[bool], None]) -> tuple[Change, Digest]:
    """Return what seals values, those with a replaced key anew, and makes digests; each change is noted: sealed or digest."""

    def close(_: Table, field: Field, place: Place, value: str) -> str:
        made = sealed_anew(value, field.compartment, place, keys)
        if made != value:
            note(True)
        return made

    def digest(field: Field, place: Place, value: str, before: str) -> str:
        # One that cannot be made here is somebody else's to make; that of another value is wrong.
        made = _digest(value, field.compartment, place, keys) or (before if is_sealed(value) else "")
        if made != before:
            note(False)
        return made

    return close, digest


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


def key_of(item: Mapping, columns: Iterable[str]) -> str:
    """Return the key of a record, or of whose row it is: its values of these columns, joined by `/`."""
    return "/".join(str(item.get(c) or "") for c in columns)


def digests(table: Table) -> list[tuple[Field, Field]]:
    """Return the fields of a table that hold digests, each with the field that it is of."""
    return [(f, source) for f in table.fields if (source := table.field(f.digest_of))]


def change_table(
    text: str, name: str, table: Table, package: Package, change: Change, digest: Digest | None = None
) -> str:
    """Return a CSV file with its restricted values changed, and those that `digest` is asked for.

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
        for f, of in digests(table):
            if digest and {f.name, of.name} <= {*labels} and (value := row[labels.index(of.name)]):
                at = labels.index(f.name)
                row[at] = digest(of, Place.of(owner, key, table, of), value, row[at])
        for place, f in fields:
            if row[place]:
                row[place] = change(table, f, Place.of(owner, key, table, f), row[place])
    return csv_text(rows)


def change_document(
    package: Package, table: Table, item: Mapping, change: Change, digest: Digest | None = None
) -> None:
    """Change the restricted values of one record and its lists in place, and those that `digest` is asked for."""
    owner, columns = subject(package, table)
    key = key_of(item, columns)
    for f, of in digests(table):
        if digest and (value := item.get(of.name)):
            before = str(item.get(f.name) or "")
            item[f.name] = digest(of, Place.of(owner, key, table, of), str(value), before) or None

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
    connection: duckdb.DuckDBPyConnection, package: Package, keys: Keys | None, more: Iterable[Table] = ()
) -> tuple[list[str], Counter[tuple[str, str]]]:
    """Put plain text in the place of sealed values of the register, and nothing where the key is not here.

    Args:
        keys: None leaves all as it is.
        more: tables that changed otherwise, to be typed anew with them.

    Returns:
        The tables that held any, their typed tables made anew, and how many values of which table and field stay closed.
    """
    touched = {t.name: t for t in more}
    closed = Counter[tuple[str, str]]()
    for table in [package.tables[name] for name in sorted(tables_in(connection, "raw"))]:
        owner, columns = subject(package, table)
        raw = f"raw.{quote(table.name)}"
        # What has no key has no place to be sealed for.
        for f in restricted(table) if columns else ():
            cell = quote(f.name)
            found = connection.execute(
                f"SELECT rowid, {record_key(columns)}, {cell} FROM {raw} WHERE starts_with({cell}, {literal(PREFIX)})"
            ).fetchall()
            if not found:
                continue
            if keys is None:
                closed[table.name, f.name] += len(found)
                continue
            touched[table.name] = table
            plain = [unseal(value, Place.of(owner, k, table, f), keys) for _, k, value in found]
            closed[table.name, f.name] += plain.count(None)
            put_cells(connection, table, f, [row for row, _, _ in found], plain)
    for name in touched:
        connection.execute(f"DROP TABLE {quote(name)}")
    create_typed(connection, replace(package, tables=touched))
    return list(touched), +closed
