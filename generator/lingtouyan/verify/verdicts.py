"""What verifying a file comes to: one of three states, and the sentences that say why.

Something that differs outweighs what cannot be told, and that outweighs what is true.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from lingtouyan.problems import printable

TRUE, DIFFERS, UNPROVEN = "属实", "不符", "无法核验"


@dataclass
class Verdict:
    """What was found out about one file."""

    file: Path
    state: str = TRUE
    lines: list[str] = field(default_factory=list)

    def differs(self, line: str) -> None:
        """Enter something that is not as it should be."""
        self.state = DIFFERS
        self.lines.append(f"不符：{line}")

    def unproven(self, line: str) -> None:
        """Enter something that cannot be told."""
        if self.state == TRUE:
            self.state = UNPROVEN
        self.lines.append(f"无法核验：{line}")

    def holds(self, line: str) -> None:
        """Enter something that is true."""
        self.lines.append(f"相符：{line}")

    def remark(self, line: str) -> None:
        """Enter something worth knowing."""
        self.lines.append(f"说明：{line}")

    def text(self) -> str:
        """Return the verdict for the user."""
        return "\n".join(
            [
                f"{printable(str(self.file))}：{self.state}",
                *(f"  {printable(line)}" for line in self.lines),
            ]
        )
