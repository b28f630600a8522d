"""What every test stands on: a Git that is the same everywhere, and no log line that nobody expected."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from trees import Tree

# On a shared machine a slow example is no failure, and a run that others cannot repeat is no proof.
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("here", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "here")


def _own_git() -> None:
    """Make the Git of the tests independent of who runs them, from where, and of a commit hook around them."""
    for name in [name for name in os.environ if name.startswith("GIT_") and not name.startswith("GIT_SSL")]:
        del os.environ[name]
    for role in ("AUTHOR", "COMMITTER"):
        os.environ[f"GIT_{role}_NAME"] = "测试"
        os.environ[f"GIT_{role}_EMAIL"] = "test@example.invalid"
    options = {
        "init.defaultBranch": "main",
        "commit.gpgSign": "false",
        "core.autocrlf": "false",
        "gc.auto": "0",
    }
    os.environ["GIT_CONFIG_COUNT"] = str(len(options))
    for number, (key, value) in enumerate(options.items()):
        os.environ[f"GIT_CONFIG_KEY_{number}"] = key
        os.environ[f"GIT_CONFIG_VALUE_{number}"] = value


_own_git()
# A build's time and colours are given by the test that is about them.
for _name in ("SOURCE_DATE_EPOCH", "FORCE_COLOR", "NO_COLOR"):
    os.environ.pop(_name, None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the slow files, so that several processes end at about the same time."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(autouse=True)
def no_unexpected_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail on a warning in the log. A test that expects one asserts it and then calls `caplog.clear()`."""
    yield
    unexpected = [
        record
        for record in caplog.get_records("call")
        # The watcher of files may hear of one more change while it is being stopped.
        if record.levelno >= logging.WARNING and not record.name.startswith("watchdog.")
    ]
    assert not unexpected, "unexpected in the log:\n" + "\n".join(
        f"{record.name}: {record.getMessage()}" for record in unexpected
    )


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the cache out of the home of whoever runs the tests."""
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """An empty tree of records."""
    return Tree(tmp_path / "tree")
