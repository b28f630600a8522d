"""Where things are: the root, its data package, the editions, the engine's own identity.

Opened once per command; everything else takes a `Project` and never asks the working directory.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import re
import time
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lingtouyan.history.git import LAST_SECOND, Commit, head_commit
from lingtouyan.history.tree import CommitTree, resolve
from lingtouyan.problems import Problem, RecordsError, UsageError, did_you_mean, quoted
from lingtouyan.reading.documents import rows_of
from lingtouyan.reading.package import DESCRIPTOR, EDITION_LEVELS, Package, load_package
from lingtouyan.reading.source import Source, WorkTree
from lingtouyan.settings import ZONE, Settings

EDITIONS = EDITION_LEVELS
EDITION_TITLES = {"public": "公开版", "internal": "内部版", "restricted": "限制版"}
# What is made of a tree without any key, and has a site; the restricted edition is prints alone.
SITES = ("public", "internal")


def shown_in(declared: str, edition: str) -> bool:
    """Tell whether what is declared for one edition, or for all, is part of another: the restricted has all of the internal."""
    return declared in ("", edition) or (declared, edition) == ("internal", "restricted")


def read_date(text: str) -> datetime.date:
    """Return a day as it is typed; UsageError: the text is none."""
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{quoted(text)} 不是日期，应写成 2026-11-20 的样子。") from None


@dataclass(frozen=True)
class Scope:
    """For whom something is made: an edition's columns, one reader's rows or all, and the compartments that are named.

    Attributes:
        level: a name of `EDITIONS`.
        reader: key of the reader whose rows alone are held; empty for all rows.
        compartments: those named.
        folder: the name of the folder below `build` that holds it.
    """

    level: str = "internal"
    reader: str = ""
    compartments: tuple[str, ...] = ()
    folder: str = "internal"

    @classmethod
    def read(cls, text: str, package: Package, levels: Collection[str] = tuple(EDITIONS)) -> Scope:
        """Read an edition as it is typed: `internal`, `internal+compartment`, `kind:key`, `kind:key+compartment`.

        Raises:
            UsageError: it is none.
        """
        name, *named = text.split("+")
        kind, colon, key = name.partition(":")
        readers, known = package.settings.readers, package.compartments
        if wrong := [c for c in named if c not in known]:
            near = did_you_mean(wrong[0], known, f"，可用：{'、'.join(sorted(known)) or '无'}。")
            raise UsageError(f"没有 {quoted(wrong[0])} 这个保密分隔{near}")
        if (reader := bool(colon)) and (readers is None or kind != readers.kind or not key):
            told = f"请写 {readers.kind}:代码。" if readers else "请先在 datapackage.yaml 里设置 readers。"
            raise UsageError(f"没有 {quoted(name)} 这一版。{told}")
        if not reader and name not in levels:
            own = [f"{readers.kind}:代码"] if readers else []
            near = did_you_mean(name, levels, f"，可用：{'、'.join([*levels, *own])}。")
            raise UsageError(f"没有 {quoted(name)} 这一版{near}")
        folder = re.sub(r"[^\w+.-]", "-", text)
        return cls("internal" if reader else name, key, tuple(named), folder)


ALL = Scope()


@dataclass(frozen=True)
class Project:
    """One tree of records, schemas and templates.

    Attributes:
        root: absolute path of the folder of the project: where its repository is and what is made goes.
        source: the tree's files.
        package: its tables.
        revision: the commit that is shown; None for the work tree.
        since: commit after which all is marked as proposed; empty for nothing.
    """

    root: Path
    source: Source
    package: Package
    revision: Commit | None = None
    since: str = ""

    @classmethod
    def open(cls, root: Path, revision: str | None = None) -> Project:
        """Open the work tree at `root`, or the tree of a revision: a commit, a tag, a branch or a date.

        With a reference date that makes two clocks: what was so on a day, and what was known of it on another.

        Raises:
            UsageError: there is no data package there, or no such revision.
            RecordsError: the data package or a schema has faults.
        """
        root = root.resolve()
        if revision is None:
            files = WorkTree(root)
            if not files.exists(DESCRIPTOR):
                raise UsageError(
                    f"{root} 里没有 {DESCRIPTOR}。请在记录库的根目录运行，或用 --root 指明它的位置。"
                )
            return cls(root, files, load_package(files))
        commit = resolve(root, revision)
        tree = CommitTree(root, commit)
        if not tree.exists(DESCRIPTOR):
            raise UsageError(f"版本 {commit.short} 里没有 {DESCRIPTOR}，不是一个记录库。")
        return cls(root, tree, load_package(tree), commit)

    @property
    def settings(self) -> Settings:
        """What the tree sets under `lingtouyan:` in its data package."""
        return self.package.settings

    @cached_property
    def commit(self) -> Commit | None:
        """The commit checked out, or None outside a repository."""
        return self.revision or head_commit(self.root)

    @cached_property
    def erased(self) -> frozenset[tuple[str, str]]:
        """Table and key of each record that the register of erasures names, in this tree or in the work tree of today.

        Raises:
            RecordsError: the register cannot be read; that must not mean that nobody is erased.
        """
        found: set[tuple[str, str]] = set()
        if table := self.package.tables.get(self.settings.erasures):
            columns = [f.name for f in table.fields]
            for name, _ in self.package.files(self.source, table):
                if isinstance(data := self.source.read(name), Problem):
                    raise RecordsError([data])
                for _, cells in rows_of(data, name, table, self.package)[0].get(table.name, ()):
                    entry = dict(zip(columns, cells, strict=True))
                    found.add((str(entry["table_name"]), str(entry["record_key"])))
        if self.revision is not None:
            # An erasure holds for all that was before it.
            with contextlib.suppress(UsageError):
                found |= Project.open(self.root).erased
        return frozenset(found)

    @cached_property
    def epoch(self) -> int:
        """Seconds since 1970 that stand for the time of the build: SOURCE_DATE_EPOCH, else the commit's time."""
        given = os.environ.get("SOURCE_DATE_EPOCH", "")
        if given:
            if not re.fullmatch(r"[0-9]{1,12}", given) or int(given) > LAST_SECOND:
                raise UsageError(
                    "环境变量 SOURCE_DATE_EPOCH 应为自 1970 年起的整数秒，如 1767225600。请改正或取消它。"
                )
            return int(given)
        if self.commit is not None:
            return self.commit.time
        # Only a tree outside any repository, with no date given, has nothing better than the clock.
        today = datetime.datetime.fromtimestamp(time.time(), ZONE).date()
        return int(datetime.datetime.combine(today, datetime.time(), ZONE).timestamp())

    def as_of(self, given: str | None) -> datetime.date:
        """Return the reference date: as given, else fixed in the data package, else that of the build's epoch.

        Raises:
            UsageError: the text is no date.
        """
        if given:
            return read_date(given)
        return self.settings.as_of or datetime.datetime.fromtimestamp(self.epoch, ZONE).date()

    def address(self, edition: str) -> str:
        """Return where an edition's site stands, with a slash at the end; empty where that is not known."""
        if edition == "internal" and self.settings.internal_url:
            return self.settings.internal_url
        data = self.source.read("mkdocs.yml") if edition in SITES else b""
        found = (
            re.search(rb"^site_url:[ \t]*['\"]?(https?://[^\s<>\"'#]+)", bytes(data), re.M)
            if isinstance(data, bytes)
            else None
        )
        return f"{found[1].decode('ascii', 'ignore').rstrip('/')}/" if found else ""

    @property
    def build(self) -> Path:
        """The folder that receives all that is made. A link there could point anywhere, so it is refused."""
        folder = self.root / "build"
        if folder.is_symlink():
            raise UsageError("build 是符号链接，没有写入。请删除它后重试。")
        return folder
