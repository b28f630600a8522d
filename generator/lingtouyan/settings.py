"""The settings of a tree: what may stand under `lingtouyan:` in datapackage.yaml, declared once, checked and documented.

Each field of `Settings` is one: its default, how its text is read, what it is for, and an example.
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


def _setting(read: Callable[[str, Tables], Any], default: Any, description: str, example: str) -> Any:
    meaning = {"read": read, "description": description, "example": example}
    return dataclasses.field(default=default, metadata=meaning)


@dataclasses.dataclass(frozen=True)
class Settings:
    """All settings, each with its value or its default."""

    as_of: datetime.date | None = _setting(
        _date, None, "基准日：年龄、期限都算到这一天；不写时取提交日期", "2026-11-20"
    )
    starts_on: datetime.date | None = _setting(
        _date,
        None,
        "登记起始日：规则查到在它以前发生的事（规则写明 dated 的）只作提醒；那以前的日期可以只写年月，按当月 1 日计",
        "2026-01-01",
    )
    upstream: str = _setting(
        _text, "", "`upgrade` 从哪里取新的版本：领头雁项目的网址或文件夹", "https://git.example/lingtouyan"
    )
    review_subjects: tuple[str, ...] = _setting(
        _tables, (), "审阅按哪些表的记录归并变更，依次写表名；每张表须有单独一列的主键", "members parties"
    )
    review_parameters: str = _setting(
        _table,
        "",
        "参数在哪张表（须有 value 列）；审阅据此说明参数一改影响哪些记录，`check` 指出没有的和没有值的参数",
        "limits",
    )
    alarm_share: float = _setting(_share, 0.05, "一张表丢失或改动的记录超过这个比例时，审阅醒目提示", "0.05")
    alarm_jump: float = _setting(_share, 0.2, "一项统计数字变动超过这个比例时，审阅醒目提示", "0.2")
    owners: Owners | None = _setting(
        _owners, None, "谁负责哪个文件夹登记在哪里：表、写文件夹的列、写账号的列", "offices folder accounts"
    )
    readers: Readers | None = _setting(
        _readers,
        None,
        "谁可以有自己的一版（`--edition 种类:代码`）：种类（表结构里 owner 的写法）、登记他们的表、写代码的列、写文件夹的列",
        "office offices code folder",
    )
    owners_files: tuple[str, ...] = _setting(
        _owners_files, (".github/CODEOWNERS",), "`lingtouyan owners` 写哪些文件", ".gitea/CODEOWNERS"
    )
    history_from: str = _setting(
        _moment_or_commit,
        "",
        "`audit` 从哪一天、哪一时刻起（或哪个提交之后）按规则和签名要求核查提交；不写时核查全部历史",
        "2026-01-01",
    )
    signatures: bool = _setting(_required, False, "写 required：`audit` 要求每次提交都有签名", "required")
    signatures_from: datetime.date | None = _setting(
        _date, None, "从哪一天起的提交须有签名；与 signatures 同用，不写时为全部提交", "2026-01-01"
    )
    signers: str = _setting(
        _path,
        "",
        "获准签名的 SSH 公钥名单（allowed signers）在仓库里的路径；不写时用本机认可的名单",
        "signers",
    )
    keys: str = _setting(
        _text,
        "",
        "封存限制级内容的钥匙放在哪个文件夹（在仓库之外，相对仓库根目录）；不写时是 `../仓库名-keys`",
        "../keys",
    )
    erasures: str = _setting(
        _table,
        "",
        "销毁钥匙的登记簿是哪张表（须有 table_name、record_key、erased_on、paper 四列）",
        "erasures",
    )
    members: str = _setting(
        _table,
        "",
        "成员登记在哪张表（须有 name、package 或 repository，可有 title、revision、commit、digest 列），见 `collect`",
        "members",
    )
    internal_url: str = _setting(
        _site_url,
        "",
        "内部版网站的网址；内部版印本上的二维码指向它（公开版用 mkdocs.yml 的 site_url，不写这一项时内部版也用它）",
        "https://dangjian.example/internal/",
    )
    commit_url: str = _setting(
        _host_url("{commit}", "提交号"),
        "",
        "内部版网站上的提交号链接到代码平台的哪个网址，提交号的位置写 {commit}",
        "https://git.example/records/commit/{commit}",
    )
    edit_url: str = _setting(
        _host_url("{file}", "文件"),
        "",
        "内部版记录页上的“改这条记录”链接到代码平台的哪个网址，文件的位置写 {file}，要行号的另写 {line}",
        "https://git.example/records/_edit/main/{file}#L{line}",
    )
    issue_url: str = _setting(
        _host_url("{title}", "标题"),
        "",
        "内部版记录页上的“报告错误”链接到代码平台的哪个网址，标题的位置写 {title}",
        "https://git.example/records/issues/new?title={title}",
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
