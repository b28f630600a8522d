"""The table standard's own verdict on single cells, asked of its reference implementation once per distinct value."""

from __future__ import annotations

import math
from typing import Any

from lingtouyan.reading.tables import Field
from lingtouyan.watchdog import OverdueError, limited

SECONDS = 2.0
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_WRITTEN_FORMS = ("format", "decimalChar", "groupChar", "bareNumber", "floatNumber")
_LARGEST = 2**63


class UnjudgeableError(Exception):
    """The schema asks of a field what cannot be asked; the text is for the user."""


class Judge:
    """Frictionless' verdict on the cells of one field.

    Raises:
        UnjudgeableError: from every method, when the field's declaration is at fault.
    """

    def __init__(self, field: Field) -> None:
        # Importing it costs half a second; a tree without faults never pays.
        import frictionless

        try:
            # Which texts are no value was settled in reading: here every text is one.
            made = frictionless.Field.from_descriptor({**field.descriptor, "missingValues": []})
            read_value = made.create_value_reader()
            for name in _BOUNDS:
                if name in field.constraints and read_value(field.constraints[name]) is None:
                    raise UnjudgeableError(f"约束 {name} 的值不是 {field.type}")
            if any(read_value(v) is None for v in field.constraints.get("enum", ())):
                raise UnjudgeableError(f"约束 enum 中有不是 {field.type} 的值")
            self._read = made.create_cell_reader()
        except frictionless.FrictionlessException as fault:
            raise UnjudgeableError(f"表结构标准不允许这样声明（{fault.error.note}）") from None
        self._field = field
        # Only a pattern can take long.
        self._limit = SECONDS if "pattern" in field.constraints else 0
        self._known: dict[str | None, tuple[list[str], str | None]] = {}

    def judged(self, value: str | None) -> tuple[list[str], str | None]:
        """Return the names of what the value breaks (`type` or a constraint), and the value as the register casts it.

        A value that conforms and yet does not fit the register is named by `range`.
        """
        if value not in self._known:
            try:
                cell, notes = self._asked(value)
            except OverdueError:
                raise UnjudgeableError(
                    f"约束 pattern 在一个值上算了 {SECONDS:.0f} 秒还没有结果，请改写"
                ) from None
            except Exception:
                # Values of one type that cannot be compared: times with and without a zone.
                cell, notes = None, {"type": ""}
            faults = list(notes or ())
            if not faults and self._outside(cell):
                faults = ["range"]
            self._known[value] = (faults, None if faults else self._plain(cell, value))
        return self._known[value]

    def _asked(self, value: str | None) -> Any:
        if not self._limit:
            return self._read(value)
        with limited(self._limit):
            return self._read(value)

    def _outside(self, cell: Any) -> bool:
        if self._field.type == "integer" and cell is not None:
            return not -_LARGEST <= cell < _LARGEST
        return self._field.type == "number" and cell is not None and not math.isfinite(float(cell))

    def _plain(self, cell: Any, value: str | None) -> str | None:
        if cell is None or value is None:
            return value
        if self._field.type in ("integer", "year", "number"):
            return str(cell)
        return str(cell.isoformat()) if self._field.type == "date" else value

    @property
    def free_form(self) -> bool:
        """Whether the schema itself declares how values are written, so that no form is unusual."""
        return any(k in self._field.descriptor for k in _WRITTEN_FORMS)
