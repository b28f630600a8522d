"""What makes a print prove itself: its records as attached data, a digest over them, and a mark on every page.

The data are canonical JSON (RFC 8785), so that everyone who has the same records computes the same digest.
A digest of values that an edition may show gives nothing away; one over restricted values could be guessed from,
and would have to be keyed (HMAC): `digest_of` is the one place where digests are made.
"""

from __future__ import annotations

import datetime
import hashlib
import math
from collections.abc import Mapping
from typing import Any

import rfc8785

from lingtouyan.pdf.sheets import Attachment, Mark
from lingtouyan.templates.sandbox import Groups, Row
from lingtouyan.templates.templates import Results, Template

SCHEMA = "lingtouyan-dossier/1"
ATTACHMENT = "记录.json"
DESCRIPTION = "本件所依据的记录"
_LARGEST = 2**53 - 1


def plain(value: Any) -> Any:
    """Return a value as JSON can say it: dates and what JSON has no word for become text."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return value if abs(value) <= _LARGEST else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value.hex() if isinstance(value, bytes) else str(value)


def canonical(value: Any) -> bytes:
    """Return the one form of a JSON value.

    Raises:
        ValueError: it has none (a lone surrogate, a number beyond double precision).
    """
    try:
        return bytes(rfc8785.dumps(value))
    except rfc8785.CanonicalizationError as fault:
        raise ValueError(str(fault)) from None


def digest_of(data: bytes) -> str:
    """Return the digest of canonical data, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def mark_of(commit: str, data: bytes) -> Mark:
    """Return what is printed on each page of a dossier with this data."""
    return Mark(commit[:10], digest_of(data)[:16])


def _shown(row: Row) -> dict[str, Any]:
    # Where a record stands (`_file`, `_line`) is no part of what it says.
    return {k: plain(v) for k, v in row.items() if not k.startswith("_")}


def payload(
    template: Template,
    form: str,
    path: str,
    title: str,
    facts: Mapping[str, Any],
    row: Row,
    results: Results,
    mine: Mapping[str, list[Row]],
    commit: str,
) -> dict[str, Any]:
    """Return the data of one dossier.

    Args:
        form: digest of the template and what it is printed with.
        facts: must hold `edition`, `as_of` and `draft`.
        mine: its share of the grouped queries.
    """
    lists = {
        n: mine[n] if isinstance(v, Groups) else v for n, v in results.rows.items() if n != template.each
    }
    return {
        "schema": SCHEMA,
        "kind": template.name,
        "form": form,
        "edition": facts["edition"],
        "path": path,
        "title": title,
        "as_of": plain(facts["as_of"]),
        "draft": bool(facts["draft"]),
        "commit": commit,
        "row": _shown(row),
        "lists": {n: [_shown(r) for r in rows] for n, rows in lists.items()},
    }


def attachment(data: bytes) -> Attachment:
    """Return the data as it travels in the PDF."""
    return Attachment(ATTACHMENT, data, DESCRIPTION, "Data")
