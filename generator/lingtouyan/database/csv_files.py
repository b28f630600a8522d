"""Run as a script: writes tables of one edition's database as CSV files and says their digests, alone in a process.

The engine's own process has shut the doors of its databases; this one runs no SQL of the tree, so it may write files.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_FORM = "FORMAT csv, HEADER true, DELIMITER ',', QUOTE '\"', ESCAPE '\"', NULLSTR ''"


def main() -> None:
    """Read the order `{"database": …, "tables": {name: SELECT}}` from standard input, write `<name>.csv` each.

    Answers on standard output with `{name: digest of the file}`. An empty text is written as `""`, a missing one as
    nothing; texts are quoted where they hold what would part or end a cell; lines end in a line feed.
    """
    import duckdb

    order = json.load(sys.stdin)
    connection = duckdb.connect(
        str(order["database"]),
        read_only=True,
        config={"autoload_known_extensions": False, "autoinstall_known_extensions": False},
    )

    def write(item: tuple[str, str]) -> str:
        name, select = item
        path = f"{name}.csv"
        with connection.cursor() as own:
            own.execute(f"COPY ({select}) TO '{path}' ({_FORM})")
        with Path(path).open("rb") as stream:
            return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()

    # One file is written by one core; a build waits for all of them.
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        digests = dict(zip(order["tables"], pool.map(write, order["tables"].items()), strict=True))
    json.dump(digests, sys.stdout)


if __name__ == "__main__":
    main()
