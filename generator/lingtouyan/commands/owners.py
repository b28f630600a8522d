"""Who has to agree to a change of which folder, written for git hosts from the records that say whose folder it is.

Which table and columns those are is a setting of the data package; everything outside the folders belongs to the rest.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path, PurePosixPath

from lingtouyan.problems import Problem, RecordsError, UsageError, error, quoted
from lingtouyan.project import Project
from lingtouyan.reading.records import read_records
from lingtouyan.reading.source import glob_regex

_HEAD = "# 由 lingtouyan owners 按登记的账号生成，请勿手改。规定哪些改动须经谁同意。\n"
_ACCOUNT = re.compile(r"@[A-Za-z0-9][A-Za-z0-9._/-]*|[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+")
# What the hosts' patterns take for more than itself, or do not take at all.
_FOLDER = re.compile(r"[^\s#*?\[\]!\\:]+")
# These hosts read regular expressions where the others read the patterns of ignore files.
_BY_EXPRESSION = (".gitea", ".forgejo")


def write_owners(root: Path, *, write: bool) -> list[str]:
    """Bring the files that name the owners up to date, and return those that are, or were, out of date.

    Raises:
        UsageError: the data package does not say which table and files, or says it wrongly.
        RecordsError: an account or a folder that cannot stand in such a file.
    """
    project = Project.open(root)
    owners = _read(project)
    stale = []
    for name in project.settings.owners_files:
        path = PurePosixPath(name)
        target = project.root / path
        if not target.resolve().is_relative_to(project.root) or target.is_symlink():
            raise UsageError(f"{name} 是符号链接，没有写入。请删除它后重试。")
        content = _written(owners, expressions=path.parts[0] in _BY_EXPRESSION)
        if not target.is_file() or target.read_text(encoding="utf-8", errors="replace") != content:
            stale.append(name)
            if write:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(content, encoding="utf-8", newline="\n")
    return stale


def _read(project: Project) -> dict[str, list[str]]:
    """Return folder -> accounts; the empty name stands for the whole."""
    package = project.package
    owners = project.settings.owners
    if owners is None:
        raise UsageError(
            "datapackage.yaml 的 lingtouyan.owners 应写明三个词：登记单位的表、写文件夹的列、写账号的列，用空格分开。"
        )
    table = package.tables[owners.table]
    records = read_records(project.source, dataclasses.replace(package, tables={table.name: table}))
    names = [f.name for f in table.fields]
    folder_at, accounts_at = names.index(owners.folder), names.index(owners.accounts)
    # Files of the other tables belong to no table here; that is no fault.
    mine = glob_regex(table.path)
    problems: list[Problem] = [p for p in records.problems if mine.match(p.file)]
    found: dict[str, list[str]] = {}
    for file, (line, cells) in records.rows(table.name):
        folder, accounts = (cells[folder_at] or "").strip().strip("/"), (cells[accounts_at] or "").split()
        for wrong in [a for a in accounts if not _ACCOUNT.fullmatch(a)]:
            reason = (
                f"账号 {quoted(wrong)} 应以 @ 开头，只含字母、数字和 . _ / -，或者是邮箱；多个用空格分开。"
            )
            problems.append(error(file, line, "owners", reason, table.fields[accounts_at].title))
        if folder and (not _FOLDER.fullmatch(folder) or ".." in PurePosixPath(folder).parts):
            reason = f"文件夹 {quoted(folder)} 里有空格或者代码平台不认的符号，请改名。"
            problems.append(error(file, line, "owners", reason, table.fields[folder_at].title))
        if accounts:
            found.setdefault(folder, []).extend(accounts)
    if problems:
        raise RecordsError(problems)
    return found


def _written(owners: dict[str, list[str]], *, expressions: bool) -> str:
    # One owner's word is enough on every host: whoever keeps the whole may also answer for a part.
    rest = owners.get("", [])
    lines = [_HEAD.rstrip()]
    for folder, accounts in sorted(owners.items()):
        if expressions:
            pattern = re.escape(folder).replace("\\-", "-") + "/.*" if folder else ".*"
        else:
            pattern = f"/{folder}/" if folder else "*"
        lines.append(" ".join(dict.fromkeys([pattern, *accounts, *rest])))
    return "\n".join(lines) + "\n"
