"""What a table, its fields and its keys are, once a schema has been read.

Plain values: every room of the engine sees records through them and none knows how a schema is written.
"""

from __future__ import annotations

from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any


class Sensitivity(IntEnum):
    """Who may see a value; an edition shows all up to its own level."""

    PUBLIC = 0
    INTERNAL = 1
    RESTRICTED = 2


SENSITIVITIES = {s.name.lower(): s for s in Sensitivity}
# Edition -> the most that its readers may see; nothing restricted is in any.
EDITION_LEVELS = {"public": Sensitivity.PUBLIC, "internal": Sensitivity.INTERNAL}


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a table.

    Attributes:
        name: identifier used in files and SQL.
        title: what users read.
        type: type of the Table Schema standard.
        sensitivity: restricted unless declared otherwise.
        categories: the words of an ordered list from low to high, or empty.
        enum_type: name of the DuckDB ENUM made from the categories, or empty.
        descriptor: the field as the Table Schema standard knows it, values typed.
        missing_values: texts that mean "no value" in this field, where it has its own.
        former_names: what the field was called before, so that its history does not break off.
    """

    name: str
    title: str
    type: str
    description: str
    example: str
    sensitivity: Sensitivity
    constraints: AbstractMapping[str, Any]
    categories: tuple[str, ...]
    enum_type: str
    codes: AbstractMapping[str, str]
    descriptor: AbstractMapping[str, Any]
    line: int
    missing_values: tuple[str, ...] | None = None
    former_names: tuple[str, ...] = ()

    @property
    def required(self) -> bool:
        """Whether each row must have a value."""
        return bool(self.constraints.get("required"))


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """Fields of this table that name a row of another (or, with an equal name, of this one)."""

    fields: tuple[str, ...]
    table: str
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """One record type.

    Attributes:
        kind: `csv`, `yaml`, `markdown`, or `child` for a list inside the parent's documents.
        path: glob relative to the root; empty for a child.
        parent, property: for a child, the table it belongs to and the dotted key of its list.
        label: the field that names a record to a reader.
        row_filters: edition -> SQL condition a row must meet to enter that edition.
        schema_file: where the schema stands, relative to the root.
        scaffold: for a child, the SELECT that fills its list in a new parent record, with `$field` for the parent's values.
        order: fields by which `fmt` sorts a table's lines; lines that are alike in them keep their order.
        former_paths: globs of where its files were before, for its history.
    """

    name: str
    title: str
    description: str
    kind: str
    path: str
    parent: str
    property: str
    fields: tuple[Field, ...]
    primary_key: tuple[str, ...]
    foreign_keys: tuple[ForeignKey, ...]
    missing_values: tuple[str, ...]
    label: str
    owner: str
    row_filters: AbstractMapping[str, str]
    schema_file: str
    scaffold: str = ""
    former_paths: tuple[str, ...] = ()
    order: tuple[str, ...] = ()

    def field(self, name: str) -> Field | None:
        """Return the field of that name."""
        return next((f for f in self.fields if f.name == name), None)

    def missing(self, field: Field) -> tuple[str, ...]:
        """Return the texts that mean "no value" in a field of this table."""
        return self.missing_values if field.missing_values is None else field.missing_values

    def visible(self, level: Sensitivity) -> tuple[Field, ...]:
        """Return the fields an edition of that level may see."""
        return tuple(f for f in self.fields if f.sensitivity <= level)


def has_hidden_key(table: Table) -> bool:
    """Tell whether it is nobody's business which record is meant, or that there is one: the key itself is restricted."""
    return any(f.sensitivity is Sensitivity.RESTRICTED for f in table.fields if f.name in table.primary_key)
