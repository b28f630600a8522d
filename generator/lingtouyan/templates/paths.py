"""Where a page or a dossier goes, as its template's `path` says: values of the records never climb, hide or collide there."""

from __future__ import annotations

import hashlib
import re

from lingtouyan.problems import RecordsError, error
from lingtouyan.templates.escaping import text
from lingtouyan.templates.sandbox import Row
from lingtouyan.templates.templates import PATH_SLOT, UNSAFE_IN_PATH, Template

# Names that one system or another takes for a device.
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|\Z)", re.IGNORECASE)


def slug(value: object) -> str:
    """Return a value as one path segment: what could climb, split, hide or confuse is written as `~` and its code."""
    plain = UNSAFE_IN_PATH.sub(lambda m: f"~{ord(m[0]):x}", text(value))
    if _DEVICE.match(plain) or plain.startswith("."):
        plain = f"~{ord(plain[0]):x}{plain[1:]}"
    if plain.endswith("."):
        plain = f"{plain[:-1]}~2e"
    if len(plain.encode()) > 150:
        return plain[:30] + "~" + hashlib.blake2b(plain.encode(), digest_size=8).hexdigest()
    return plain or "~"


def output_path(template: Template, row: Row) -> str:
    """Return where a row's page goes, as the template's `path` says.

    Raises:
        RecordsError: the path names a column that the query does not give.
    """

    def segment(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        if name not in row:
            raise RecordsError(
                [error(template.file, 1, "template-error", f"path 用到了查询里没有的列 {name}。")]
            )
        return slug(row[name])

    return PATH_SLOT.sub(segment, template.path).strip("/")
