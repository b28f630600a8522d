"""One small repository with its prints, made once for all tests that look at prints."""

from __future__ import annotations

from pathlib import Path

import proof_city
import pytest


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """A repository and what it printed. To be read only: `copy` is for changing."""
    folder = tmp_path_factory.mktemp("city")
    tree = proof_city.write_city(folder / "city")
    return tree.root, proof_city.prints(tree.root, folder / "out")
