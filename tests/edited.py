"""A project under Git, changed file by file and committed as whoever the test says."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


class Edited:
    """A project under Git."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.git("init", "-q")

    def git(self, *arguments: str) -> str:
        """Run one git command and return what it prints."""
        done = subprocess.run(
            ["git", "-C", str(self.root), *arguments], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self, message: str, **who: str) -> str:
        """Commit all that changed; `author_name`, `author_email`, `author_date` and the like say by whom and when."""
        self.git("add", "-A")
        given = {f"GIT_{k.upper()}": v for k, v in who.items()}
        command = ["git", "-C", str(self.root), "commit", "-q", "-m", message]
        subprocess.run(command, check=True, env={**os.environ, **given})
        return self.git("rev-parse", "HEAD")

    def edit(self, path: str, *pairs: tuple[str, str]) -> None:
        """Replace words in a file; each must be there."""
        file = self.root / path
        content = file.read_text("utf-8")
        for old, new in pairs:
            assert old in content, old
            content = content.replace(old, new)
        file.write_text(content, "utf-8")
