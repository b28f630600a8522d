"""The settings of a tree: what may stand under `lingtouyan:` in datapackage.yaml, declared once, checked and documented.

Each field of `Settings` is one: how its text is read, its default, and an example; what it is for stands in wording.toml.
"""

from __future__ import annotations

import dataclasses
import datetime
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from lingtouyan.problems import did_you_mean, quoted

# The only time zone of the country. No setting: a date that names a revision is read before the settings are.
ZONE = datetime.timezone(datetime.timedelta(hours=8))

Tables = Mapping[str, Collection[str]]
"""Name of each table -> names of its fields."""


class Owners(NamedTuple):
    """Where the accounts of those who answer for a folder are recorded: a table and two of its columns."""

    table: str
    folder: str
    accounts: str


class Readers(NamedTuple):
    """Who may have an edition of his own: the word that tables name as owner, a table, its columns of keys and of folders."""

    kind: str
    table: str
    key: str
    folder: str


def _date(text: str, _: Tables) -> datetime.date:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{quoted(text)} 不是日期，应写成 2026-11-20 的样子。") from None


def _share(text: str, _: Tables) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1
    if not 0 <= share <= 1:
        raise ValueError(f"应是 0 到 1 之间的小数，如 0.05，不能是 {quoted(text)}。")
    return share


def _table(text: str, tables: Tables) -> str:
    if text not in tables:
        raise ValueError(f"{quoted(text)} 不是表名{did_you_mean(text, tables)}")
    return text


def _erasures(text: str, tables: Tables) -> str:
    needed = ("table_name", "record_key", "erased_on", "paper")
    if lacking := [c for c in needed if c not in tables[_table(text, tables)]]:
        raise ValueError(f"表 {text} 里没有 {lacking[0]} 这一列；应有 {'、'.join(needed)} 四列。")
    return text


def _text(text: str, _: Tables) -> str:
    return text


def _tables(text: str, tables: Tables) -> tuple[str, ...]:
    return tuple(_table(word, tables) for word in text.split())


def _owners(text: str, tables: Tables) -> Owners:
    words = text.split()
    if len(words) != 3:
        raise ValueError("应写明三个词：登记负责人的表、写文件夹的列、写账号的列，用空格分开。")
    owners = Owners(*words)
    columns = tables[_table(owners.table, tables)]
    for column in owners[1:]:
        if column not in columns:
            raise ValueError(
                f"表 {owners.table} 里没有 {quoted(column)} 这一列{did_you_mean(column, columns)}"
            )
    return owners


def _readers(text: str, tables: Tables) -> Readers:
    words = text.split()
    if len(words) != 4:
        raise ValueError(
            "应写明四个词：读者的种类（表结构里 owner 的写法）、登记读者的表、写代码的列、写文件夹的列。"
        )
    _owners(" ".join(words[1:]), tables)
    return Readers(*words)


def _path(text: str, _: Tables) -> str:
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or path != PurePosixPath(text.strip("/")):
        raise ValueError(f"{quoted(text)} 应是仓库内一个文件的路径。")
    return str(path)


def _owners_files(text: str, tables: Tables) -> tuple[str, ...]:
    files = tuple(_path(word, tables) for word in text.split())
    for file in files:
        if PurePosixPath(file).name != "CODEOWNERS":
            raise ValueError(f"{quoted(file)} 应是仓库内名为 CODEOWNERS 的文件。")
    return files


def _required(text: str, _: Tables) -> bool:
    if text != "required":
        raise ValueError(f"只能写 required，不能是 {quoted(text)}；不要求签名时请删去这一项。")
    return True


def _host_url(slot: str, words: str) -> Callable[[str, Tables], str]:
    """Return what reads an address on the Git host with a place to fill in."""

    def read(text: str, _: Tables) -> str:
        if slot not in text or not re.match(r"https?://[^\s{}]+", text):
            raise ValueError(f"应是代码平台上的网址，以 https:// 开头，{words}的位置写 {slot}。")
        return text

    return read


def _site_url(text: str, _: Tables) -> str:
    if not re.fullmatch(r"https?://[^\s<>\"'#?]+", text):
        raise ValueError("应是网站的网址，以 https:// 或 http:// 开头，不含空格、引号、# 和 ?。")
    return f"{text.rstrip('/')}/"


def _moment_or_commit(text: str, tables: Tables) -> str:
    if re.fullmatch("[0-9a-f]{7,64}", text):
        return text
    try:
        form = "%Y-%m-%dT%H:%M" if "T" in text else "%Y-%m-%d"
        # A day with its city's zone is no other: all times of the register are the city's.
        return datetime.datetime.strptime(text, form).strftime("%Y-%m-%dT%H:%M")  # noqa: DTZ007
    except ValueError:
        said = "应是日期或时刻，如 2026-11-20、2026-11-20T18:30，或者提交号（至少 7 位）。"
        raise ValueError(f"{quoted(text)} {said}") from None


def _setting(read: Callable[[str, Tables], Any], default: Any, example: str) -> Any:
    return dataclasses.field(default=default, metadata={"read": read, "example": example})


@dataclasses.dataclass(frozen=True)
class Settings:
    """All settings, each with its value or its default."""

    as_of: datetime.date | None = _setting(_date, None, "2026-11-20")
    starts_on: datetime.date | None = _setting(_date, None, "2026-01-01")
    upstream: str = _setting(_text, "", "https://git.example/lingtouyan")
    review_subjects: tuple[str, ...] = _setting(_tables, (), "members parties")
    review_parameters: str = _setting(_table, "", "limits")
    alarm_share: float = _setting(_share, 0.05, "0.05")
    alarm_jump: float = _setting(_share, 0.2, "0.2")
    owners: Owners | None = _setting(_owners, None, "offices folder accounts")
    readers: Readers | None = _setting(_readers, None, "office offices code folder")
    owners_files: tuple[str, ...] = _setting(_owners_files, (".github/CODEOWNERS",), ".gitea/CODEOWNERS")
    history_from: str = _setting(_moment_or_commit, "", "2026-01-01")
    signatures: bool = _setting(_required, False, "required")
    signatures_from: datetime.date | None = _setting(_date, None, "2026-01-01")
    signers: str = _setting(_path, "", "signers")
    keys: str = _setting(_text, "", "../keys")
    erasures: str = _setting(_erasures, "", "erasures")
    members: str = _setting(_table, "", "members")
    internal_url: str = _setting(_site_url, "", "https://dangjian.example/internal/")
    commit_url: str = _setting(
        _host_url("{commit}", "提交号"), "", "https://git.example/records/commit/{commit}"
    )
    edit_url: str = _setting(
        _host_url("{file}", "文件"), "", "https://git.example/records/_edit/main/{file}#L{line}"
    )
    issue_url: str = _setting(
        _host_url("{title}", "标题"), "", "https://git.example/records/issues/new?title={title}"
    )


_FIELDS = {field.name: field for field in dataclasses.fields(Settings)}


def read_settings(given: Mapping[str, Any], tables: Tables) -> tuple[Settings, list[tuple[str, str]]]:
    """Read what stands under `lingtouyan:`.

    Args:
        given: key -> text or list of texts.

    Returns:
        The settings, and (key at fault, what is wrong) of those that cannot be taken.
    """
    values: dict[str, Any] = {}
    faults: list[tuple[str, str]] = []
    for key, value in given.items():
        if key not in _FIELDS:
            hint = did_you_mean(key, _FIELDS, f"，可用：{'、'.join(_FIELDS)}。")
            faults.append((key, f"没有 {quoted(key)} 这项设置{hint}"))
            continue
        many = isinstance(_FIELDS[key].default, tuple)
        if many and isinstance(value, list) and all(isinstance(v, str) for v in value):
            value = " ".join(value)
        if not isinstance(value, str) or not value.strip():
            wanted = "一个或几个词（用空格分开）" if many else "一个值"
            faults.append(
                (key, f"lingtouyan.{key} 后面应写{wanted}，如 {_FIELDS[key].metadata['example']}。")
            )
            continue
        try:
            values[key] = _FIELDS[key].metadata["read"](value.strip(), tables)
        except ValueError as fault:
            faults.append((key, f"lingtouyan.{key} {fault}"))
    if "signatures_from" in values and "signatures" not in given:
        faults.append(("signatures_from", "写了 lingtouyan.signatures_from，还应写 signatures: required。"))
    return Settings(**values), faults
