"""Run as a script: loads exported CSV files into one DuckDB file, alone in a fresh process.

The database format leaves memory it never wrote in its padding. A process that has seen more than the edition may hold
must therefore not write it; and a process that starts the same each time writes the same bytes each time.
"""

from __future__ import annotations

import ctypes
import json
import os
import struct
import sys
from pathlib import Path

_ADDR_NO_RANDOMIZE = 0x0040000
_HEADERS = (0, 4096, 8192)
_IDENTIFIER = slice(124, 140)


def _start_over_alike() -> None:
    """Start this script again with fixed addresses, where the kernel lets it: what padding holds then repeats."""
    if os.environ.get("LINGTOUYAN_ALIKE"):
        return
    libc = ctypes.CDLL(None)
    current = libc.personality(0xFFFFFFFF) if hasattr(libc, "personality") else -1
    if current != -1:
        libc.personality(current | _ADDR_NO_RANDOMIZE)
    os.execve(  # noqa: S606
        sys.executable,
        [sys.executable, "-I", *sys.argv],
        {"LINGTOUYAN_ALIKE": "1", "PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8"},
    )


def _checksum(data: bytes) -> int:
    total = 5381
    for (word,) in struct.iter_unpack("<Q", data):
        total ^= (word * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    return total


def _without_identifier(path: str) -> None:
    """Blank the random identifier that each new database gets, and mend the checksums of its headers."""
    with Path(path).open("r+b") as stream:
        content = bytearray(stream.read(12288))
        before = [
            struct.unpack_from("<Q", content, o)[0] == _checksum(bytes(content[o + 8 : o + 4096]))
            for o in _HEADERS
        ]
        if not all(before) or content[8:12] != b"DUCK":
            # Another layout than the one known: leave it valid rather than equal.
            return
        for offset in _HEADERS:
            if offset != 4096:
                content[offset + _IDENTIFIER.start : offset + _IDENTIFIER.stop] = bytes(16)
            struct.pack_into("<Q", content, offset, _checksum(bytes(content[offset + 8 : offset + 4096])))
        stream.seek(0)
        stream.write(content)


def main() -> None:
    """Read the order from standard input: `{"file": …, "types": [sql], "tables": [{"name", "csv", "columns", "select"}]}`."""
    _start_over_alike()
    import duckdb

    order = json.load(sys.stdin)
    path = str(order["file"])
    connection = duckdb.connect(
        path, config={"threads": 1, "autoload_known_extensions": False, "autoinstall_known_extensions": False}
    )
    for statement in order["types"]:
        connection.execute(statement)
    for table in order["tables"]:
        connection.execute(table["create"])
    connection.execute("CHECKPOINT")
    connection.close()
    _without_identifier(path)


if __name__ == "__main__":
    main()
