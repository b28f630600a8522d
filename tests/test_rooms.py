"""The rooms of the engine stand in an order, and imports run one way: down from it, never up, never round."""

from __future__ import annotations

import ast
from pathlib import Path

ENGINE = Path(__file__).resolve().parents[1] / "generator" / "lingtouyan"
# Each may import those above it. What stands on one line may not import its neighbours.
ORDER = (
    ("__init__", "problems", "cache", "processes"),
    ("settings", "untrusted"),
    ("reading",),
    ("history",),
    ("project",),
    ("database",),
    ("sealing",),
    ("checks",),
    ("templates",),
    ("website", "pdf"),
    ("review", "verify", "exchange"),
    ("commands",),
    ("cli",),
    ("__main__",),
)


def imports() -> dict[tuple[str, str], str]:
    """Return (room, room it imports) -> an example."""
    found: dict[tuple[str, str], str] = {}
    for path in sorted(ENGINE.rglob("*.py")):
        room = path.relative_to(ENGINE).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = (
                [a.name for a in node.names]
                if isinstance(node, ast.Import)
                else [f"{node.module}.{a.name}" for a in node.names]
                if isinstance(node, ast.ImportFrom) and node.module
                else []
            )
            for name in names:
                top, _, rest = name.partition(".")
                if top == "lingtouyan":
                    other = rest.split(".")[0]
                    known = other in {r for line in ORDER for r in line}
                    found[room, other if known else "__init__"] = f"{path.relative_to(ENGINE)}: {name}"
    return found


def test_every_room_has_its_place_in_the_order() -> None:
    rooms = {
        p.name.removesuffix(".py")
        for p in ENGINE.iterdir()
        if p.suffix == ".py" or (p / "__init__.py").exists()
    }
    assert rooms == {room for line in ORDER for room in line}


def test_imports_run_one_way() -> None:
    place = {room: n for n, line in enumerate(ORDER) for room in line}
    wrong = [
        example
        for (room, other), example in imports().items()
        if room != other and place[other] >= place[room]
    ]
    assert wrong == []
