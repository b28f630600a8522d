"""Freeze the figures of each published report as the register itself works them out."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from pathlib import Path

from .writing import Row

QUERY = """
SELECT s.snapshot_id, i.org_id, i.indicator_id, i.value, i.numerator, i.denominator, i.decimals, i.kind
FROM snapshots AS s JOIN indicator_values AS i USING (reference_date)
WHERE i.value IS NOT NULL AND (i.system IN ('M2', 'M3', 'M4') OR s.reference_date >= DATE '2025-12-31')
ORDER BY s.snapshot_id, NOT i.whole, i.org_id, i.sort_order
"""
COLUMNS = ("snapshot_id", "org_id", "indicator_id", "value", "numerator", "denominator")
# The report of 2021 that had to be put right: two secretaries with college education were counted twice.
WRONG = ("Z2021-01", "count_edu_college", "share_edu_college", 2)


def freeze(root: Path) -> None:
    """Write statistics.csv of a project from its register."""
    path = root / "records/city/statistics.csv"
    path.write_text(",".join(COLUMNS) + "\n", encoding="utf-8")
    engine = Path(__file__).resolve().parent.parent.parent / "generator"
    done = subprocess.run(
        [sys.executable, "-m", "lingtouyan", "query", QUERY, "--format", "csv"],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(engine)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"the register could not be asked for its figures:\n{done.stdout}{done.stderr}")
    rows: list[Row] = list(csv.DictReader(io.StringIO(done.stdout)))
    whole = rows[0]["org_id"] if rows else ""
    for row in rows:
        if row["snapshot_id"] == WRONG[0] and row["org_id"] == whole and row["indicator_id"] in WRONG[1:3]:
            row["numerator"] = str(float(row["numerator"]) + WRONG[3])
            row["value"] = (
                row["numerator"]
                if row["kind"] == "数量"
                else str(round(100 * float(row["numerator"]) / float(row["denominator"]), 1))
            )
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        share = row["kind"] != "数量"
        writer.writerow(
            [
                row["snapshot_id"],
                row["org_id"],
                row["indicator_id"],
                _plain(row["value"]),
                _plain(row["numerator"]) if share else "",
                _plain(row["denominator"]) if share else "",
            ]
        )
    path.write_text(out.getvalue(), encoding="utf-8")


def _plain(text: str) -> str:
    value = float(text)
    return str(int(value)) if value.is_integer() else f"{value:.4f}".rstrip("0")
