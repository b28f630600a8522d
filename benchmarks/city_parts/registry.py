"""The city while it is being made: its rows by table, its policies, and the numbers still to be given."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import yaml

from .names import han_name
from .places import Township, Village
from .workdays import Workdays
from .writing import Key, Row, give_numbers

CITY = "city"
TERMS = ("2018", "2021", "2026")


class City:
    """Everything that the parts share.

    Attributes:
        rows: rows by table and folder (`city`, or a township's folder).
        as_of: the day up to which things have happened; what would come later is left out.
    """

    def __init__(self, records: Path, seed: int, as_of: date) -> None:
        self.seed = seed
        self.as_of = as_of
        self.workdays = Workdays(records / "calendar.csv")
        self.rows: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
        self.keys: list[Key] = []
        self.documents: list[Key] = []
        self.villages: list[Village] = []
        self.policies = [_front_matter(path) for path in sorted((records / "policies").glob("*.md"))]
        self._disclosures: dict[tuple[Any, ...], Key] = {}
        self.plans: dict[tuple[str, int, str], Key] = {}
        self._listed: dict[tuple[str, date], list[Row]] = {}
        self._tick = 0
        rng = self.rng("city cadres")
        self.city_cadres = {
            term: {
                role: han_name(rng, "男" if rng.random() < 0.6 else "女")[0]
                for role in ("受理", "审查", "备案", "审查人", "批准人")
            }
            for term in TERMS
        }

    def rng(self, *names: Any) -> Random:
        """Return a generator of its own for a name, so that one more village changes nothing elsewhere."""
        return Random("/".join(str(n) for n in (self.seed, *names)))

    def add(self, table: str, folder: str, row: Row) -> Row:
        """Keep a row."""
        self.rows[table][folder].append(row)
        return row

    def all(self, table: str) -> list[Row]:
        """Return the rows of a table over all folders."""
        return [row for rows in self.rows[table].values() for row in rows]

    def key(self, *series: str, sort: tuple[Any, ...] = ()) -> Key:
        """Return a number to be given later: `series` is its letter, or its letter and year."""
        self._tick += 1
        made = Key(series, (*sort, self._tick))
        self.keys.append(made)
        return made

    def document(self, prefix: str, on: date) -> Key:
        """Return a document number such as 清委〔2021〕15号, given in the order of the dates."""
        self._tick += 1
        made = Key((prefix, str(on.year)), (on, self._tick))
        self.documents.append(made)
        return made

    def disclosure(self, org_id: str, kind: str, title: str, needed: date, rng: Random) -> Key:
        """Return the disclosure approval of that matter, decided before it is needed."""
        known = self._disclosures.get((org_id, kind, title))
        if known:
            return known
        cadres = self.city_cadres[term_of(needed)]
        approved = self.workdays.add(needed, -1)
        made = self.key("D", str(approved.year), sort=(1, approved))
        self._disclosures[org_id, kind, title] = made
        self.add(
            "disclosure_approvals",
            CITY,
            {
                "disclosure_id": made,
                "title": title,
                "kind": kind,
                "org_id": org_id,
                "applied_on": self.workdays.add(approved, -rng.randint(1, 3)),
                "decision": "同意公开",
                "reviewed_by": cadres["审查人"],
                "approved_by": cadres["批准人"],
                "approved_on": approved,
                "document": self.document("示组密审", approved),
            },
        )
        return made

    def cadres(self, township: Township, term: str) -> dict[str, str]:
        """Return the names of a township's officers in a term: clerk, organisation officer, Party secretary."""
        if term not in township.cadres:
            rng = self.rng("cadres", township.code, term)
            township.cadres[term] = {
                role: han_name(rng, "女" if rng.random() < 0.35 else "男")[0]
                for role in ("干事", "组织委员", "书记", "纪委书记", "监票", "计票")
            }
        return township.cadres[term]

    def listed(self, prop: str, on: date) -> list[Row]:
        """Return the items of a list in the policies' front matter that are in force on a day."""
        found = self._listed.get((prop, on))
        if found is None:
            found = self._listed[prop, on] = [
                item
                for policy in self.policies
                for item in policy.get(prop) or ()
                if item["effective_from"] <= on
                and (item.get("effective_to") is None or item["effective_to"] >= on)
            ]
        return found

    def number(self, name: str, on: date) -> float:
        """Return a parameter on a day."""
        return float(next(p["value"] for p in self.listed("parameters", on) if p["name"] == name))

    def finish(self) -> None:
        """Give all numbers."""
        widths = {"V": 4, "P": 4, "T": 4, "R": 4, "S": 4, "M": 4, "L": 4}

        def shape(series: tuple[str, ...], number: int) -> str:
            if series[0] == "filed":
                return f"{series[1]}备〔{series[2]}〕{number}号"
            if len(series) == 1:
                return f"{series[0]}{number:0{widths[series[0]]}d}"
            width = {"D": 3, "C": 2, "Z": 2}.get(series[0], 4)
            return f"{series[0]}{series[1]}-{number:0{width}d}"

        give_numbers(self.keys, shape)
        # Offices also write documents that are none of ours: their series have gaps; those of the register have none.
        give_numbers(self.documents, lambda series, n: f"{series[0]}〔{series[1]}〕{_spread(series, n)}号")


def _spread(series: tuple[str, ...], number: int) -> int:
    if series[0] in ("示组村备", "示组密审") or series[0].endswith("备"):
        return number
    return number * 2 + len(series[0]) + int(series[1]) % 3


def term_of(day: date) -> str:
    """Return the term whose officers serve on a day."""
    return "2018" if day < date(2021, 2, 22) else "2021" if day < date(2026, 2, 26) else "2026"


def city_term_window(term: str, day: date) -> bool:
    """Tell whether a day lies in the weeks in which the whole city elects."""
    return date(int(term), 2, 20) <= day <= date(int(term), 6, 20)


def _front_matter(path: Path) -> Row:
    text = path.read_text(encoding="utf-8").split("\n---\n", 1)[0]
    return yaml.load(text.removeprefix("---\n"), Loader=yaml.CSafeLoader)  # type: ignore[no-any-return]
