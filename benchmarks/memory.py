"""How much memory a process and all that it has started take together."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path


def members(session: int) -> list[int]:
    """Return the processes of a session."""
    found = []
    for name in (p.name for p in Path("/proc").iterdir() if p.name.isdigit()):
        with contextlib.suppress(OSError):
            if os.getsid(int(name)) == session:
                found.append(int(name))
    return sorted(found)


def proportional(process: int, kind: str = "Pss") -> float:
    """Return the memory of a process in MiB, its share only of what it shares with others; 0 when it is gone.

    Args:
        kind: `Pss_Anon` leaves out mapped files, whose share grows when a stranger that uses them too ends.
    """
    with contextlib.suppress(OSError, StopIteration, ValueError):
        lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()
        return int(next(line for line in lines if line.startswith(f"{kind}:")).split()[1]) / 1024
    return 0


class Watch(threading.Thread):
    """Looks at all processes of a session, several times a second."""

    def __init__(self, session: int) -> None:
        super().__init__(daemon=True)
        self._session = session
        self._over = threading.Event()
        self.peak = 0.0

    def run(self) -> None:
        """Look until it is stopped."""
        while not self._over.wait(0.2):
            self.peak = max(self.peak, sum(map(proportional, members(self._session))))

    def stop(self) -> float:
        """Return the peak in MiB."""
        self._over.set()
        self.join()
        return self.peak
