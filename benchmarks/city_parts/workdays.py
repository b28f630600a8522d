"""The city's working-day calendar, read from its records: deadlines and meetings fall on days when offices work."""

from __future__ import annotations

import csv
from bisect import bisect_left, bisect_right
from datetime import date, timedelta
from pathlib import Path


class Workdays:
    """Working days in order, and the visiting windows of each year."""

    def __init__(self, path: Path) -> None:
        self.days: list[date] = []
        self.windows: dict[tuple[int, str], list[date]] = {}
        with path.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                day = date.fromisoformat(row["date"])
                if row["working"] == "是":
                    self.days.append(day)
                if row["visit_window"]:
                    self.windows.setdefault((day.year, row["visit_window"]), []).append(day)
        self._known = set(self.days)

    def is_workday(self, day: date) -> bool:
        """Tell whether offices work on that day."""
        return day in self._known

    def on_or_after(self, day: date) -> date:
        """Return the day itself, or the next working day; past the calendar's end, the day itself."""
        at = bisect_left(self.days, day)
        return self.days[at] if at < len(self.days) else day

    def add(self, day: date, count: int) -> date:
        """Return the count-th working day after a day (before it, when negative)."""
        if count >= 0:
            at = bisect_right(self.days, day) + count - 1
            return self.on_or_after(day) if count == 0 else self.days[min(at, len(self.days) - 1)]
        at = bisect_left(self.days, day) + count
        return self.days[at] if at >= 0 else day + timedelta(days=count)

    def between(self, start: date, end: date) -> int:
        """Count the working days after one day, up to and including another."""
        return bisect_right(self.days, end) - bisect_right(self.days, start)
