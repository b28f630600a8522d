"""`seal`, `unseal`, `edit`, `keys`, `erase`: restricted values of records, and who may open them.

Plain text is only ever in memory and on the terminal of who asked for it.
"""

from __future__ import annotations

import datetime
import getpass
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from lingtouyan.checks.messages import value_fault
from lingtouyan.commands.fmt import record_files
from lingtouyan.commands.new import new_record
from lingtouyan.exchange.writing import canonical, document, records_of, records_text, replace, text_of
from lingtouyan.problems import Problem, UsageError, printable, quoted
from lingtouyan.project import Project
from lingtouyan.reading.documents import rows_of
from lingtouyan.reading.named import find_field, find_table
from lingtouyan.reading.package import Field, Table
from lingtouyan.reading.yaml import Mapping, parse_yaml
from lingtouyan.sealing.keys import Office, entitled, new_identity, open_keys
from lingtouyan.sealing.pictures import seal_picture
from lingtouyan.sealing.values import (
    Change,
    Place,
    change_document,
    change_table,
    is_sealed,
    restricted,
    seal,
    subject,
    unseal,
)
from lingtouyan.settings import ZONE


def _text(project: Project, name: str) -> str:
    text = text_of(project.source, name)
    if text is None:
        raise UsageError(f"{name} 读不出来，没有改动。请先运行 lingtouyan check。")
    return text


def _changed(project: Project, name: str, table: Table, change: Change) -> str:
    """Return a record file with its restricted values changed.

    Raises:
        UsageError: it cannot be written without losing something.
    """
    text, package = _text(project, name), project.package
    if table.kind == "csv":
        return change_table(text, name, table, package, change)
    if isinstance(made := canonical(text.encode(), name, table, package, []), Problem):
        raise UsageError(f"{name} 没有改动：{made.message}")
    records, listed = records_of(made.decode())
    for record in records:
        change_document(package, table, record, change)
    return records_text(package, table, records, listed)


def seal_files(root: Path, only: Iterable[Path] = ()) -> Counter[str]:
    """Seal every restricted value that stands in clear text, in these files or in all; return how many, by file.

    Raises:
        UsageError: a file cannot be read, or no office may open what is to be sealed; then none is written.
    """
    project = Project.open(root)
    keys, done, files = open_keys(project), Counter[str](), dict[str, str]()
    holding = {project.package.origin(t).name for t in project.package.tables.values() if restricted(t)}
    for name, table in ((n, t) for n, t in record_files(project, only) if t.name in holding):

        def close(_: Table, field: Field, place: Place, value: str, name: str = name) -> str:
            if is_sealed(value):
                return value
            done[name] += 1
            return seal(value, field.compartment, place, keys)

        files[name] = _changed(project, name, table, close)
    for name in +done:
        replace(project.root / name, files[name].encode())
    return +done


def _record(project: Project, table_name: str, key: str) -> tuple[Table, str, str]:
    """Return the table, the key and the file of a record, called by its key or its name.

    Raises:
        UsageError: there is no such record.
    """
    table = find_table(project.package.tables.values(), table_name)
    if table.parent or len(table.primary_key) != 1:
        raise UsageError(f"“{table.title}”不是单独成条的记录，请写它所属的那张表。")
    found: set[tuple[str, str]] = set()
    for name, _ in project.package.files(project.source, table):
        data = project.source.read(name)
        if isinstance(data, Problem) or key.encode() not in data:
            continue
        rows, _ = rows_of(data, name, table, project.package)
        columns = [f.name for f in table.fields]
        place, label = columns.index(table.primary_key[0]), columns.index(table.label or table.primary_key[0])
        for _, cells in rows.get(table.name, ()):
            if key in (cells[place], cells[label]):
                found.add((str(cells[place]), name))
    named = {(k, f) for k, f in found if k == key} or found
    if len(named) == 1:
        return table, *named.pop()
    if named:
        raise UsageError(
            f"叫 {quoted(key)} 的“{table.title}”不止一个：{'、'.join(sorted(k for k, _ in named))}。请写编号。"
        )
    raise UsageError(f"“{table.title}”里没有 {quoted(key)}。")


def opened(root: Path, table_name: str, key: str, field: str = "") -> list[tuple[str, str | None]]:
    """Return (title, plain text) of a record's sealed values; None where the key is not here.

    Raises:
        UsageError: no such record or field.
    """
    project = Project.open(root)
    table, key, file = _record(project, table_name, key)
    keys, found = open_keys(project), list[tuple[str, str | None]]()
    wanted = find_field(table, field).name if field else ""

    def note(of: Table, column: Field, place: Place, value: str) -> str:
        if place.key == key and (not wanted or (of is table and column.name == wanted)):
            title = column.title if of is table else f"{of.title}·{column.title}"
            found.append((title, unseal(value, place, keys) if is_sealed(value) else value))
        return value

    _changed(project, file, table, note)
    return found


def edit(root: Path, table_name: str, key: str, ask: Callable[[str], str] | None = None) -> int:
    """Ask for each restricted field of a record, seal what is given and write the record.

    Args:
        ask: how to ask; without it, on the terminal, with nothing shown.

    Returns:
        How many values were changed.

    Raises:
        UsageError: no such record, a value that cannot be, or no terminal to ask on.
    """
    project = Project.open(root)
    table, key, file = _record(project, table_name, key)
    if ask is None and not sys.stdin.isatty():
        raise UsageError("edit 要在终端里一项一项地问。")
    ask = ask or getpass.getpass
    keys = open_keys(project)
    owner, columns = subject(project.package, table)
    if table.kind == "csv" or columns != table.primary_key:
        raise UsageError(f"“{table.title}”请直接改文件，再运行 lingtouyan seal。")
    given: dict[str, str] = {}
    pictures = 0
    for field in restricted(table):
        if field.picture:
            asked = f"{field.title}（图片文件的路径；不改请直接回车）："
            if path := (input if ask is getpass.getpass else ask)(asked).strip():
                _put_picture(project, table, field, key, file, path)
                pictures += 1
            continue
        while value := ask(f"{field.title}（{field.description or '限制级'}；不改请直接回车）：").strip():
            fault = value_fault(table, field, value)
            if not fault:
                given[field.name] = seal(value, field.compartment, Place.of(owner, key, table, field), keys)
                break
            sys.stderr.write(f"{fault}\n")
    if given:
        text = _text(project, file)
        record = parse_yaml(text)
        if not isinstance(record, Mapping):
            raise UsageError(f"{file} 里不止一条记录，请直接改文件，再运行 lingtouyan seal。")
        for name, value in given.items():
            record[name] = value
        replace(project.root / file, document(project.package, table, record).encode())
    return len(given) + pictures


def put_picture(root: Path, table_name: str, key: str, path: Path) -> str:
    """Seal a picture into the file beside a record; return its name.

    Raises:
        UsageError: no such record, no such file, no picture, or the table has no field for one.
    """
    project = Project.open(root)
    table, key, file = _record(project, table_name, key)
    field = next((f for f in table.fields if f.picture), None)
    if field is None:
        raise UsageError(f"“{table.title}”没有放照片的字段（表结构里写 picture: true）。")
    return _put_picture(project, table, field, key, file, str(path))


def _put_picture(project: Project, table: Table, field: Field, key: str, record: str, path: str) -> str:
    try:
        data = Path(path).expanduser().read_bytes()
    except OSError as fault:
        raise UsageError(f"{printable(path)} 打不开：{fault.strerror}。") from None
    name, sealed = seal_picture(project.package, table, field, key, record, data, open_keys(project))
    replace(project.root / name, sealed)
    return name


def erase(root: Path, table_name: str, key: str, paper: str) -> str:
    """Destroy a record's keys and enter that in the register of erasures; return the file of the entry.

    Raises:
        UsageError: no such record, it is erased already, or the register cannot be written.
    """
    project = Project.open(root)
    table, key, _ = _record(project, table_name, key)
    keys = open_keys(project)
    if (table.name, key) in project.erased:
        raise UsageError(f"{printable(key)} 已经销毁，登记簿里有它。")
    if not project.settings.erasures:
        raise UsageError("没有登记簿：请在 datapackage.yaml 的 lingtouyan 下写明 erasures: 表名。")
    today = datetime.datetime.fromtimestamp(time.time(), ZONE).date()
    entry = {"table_name": table.name, "record_key": key, "erased_on": today.isoformat(), "paper": paper}
    # Entered first: a key that is gone without an entry could not be accounted for.
    made = new_record(root, project.settings.erasures, entry, "", None)
    keys.erase(table.name, key)
    return made.file


def history_plan(root: Path, table_name: str, key: str) -> str:
    """Return the commands that take a record's unsealed values out of the whole history, and what that means."""
    project = Project.open(root)
    table, key, file = _record(project, table_name, key)
    paths = f"--invert-paths --path-glob '{file.rpartition('.')[0]}.*' "
    gone = "的文件（连同照片）从所有提交中消失"
    if table.kind == "csv":
        paths, gone = "", f"的那一行要另外从 {file} 删去"
    return (
        f"没有封存过的内容还在历史里。要连历史一起删去，在一个新的克隆里运行：\n\n"
        f"  printf '%s==>某某\\n' '名称' > ../names.txt\n"
        f"  git filter-repo --force {paths}--replace-text ../names.txt\n"
        f"  git remote add origin 仓库地址\n"
        f"  git push --force --all && git push --force --tags\n\n"
        f"“名称”写它叫什么，别处写到的都变成“某某”；有同名的，不要用 --replace-text，逐处改写。"
        f"{table.title} {printable(key)} {gone}，引用它的编号的记录留下。之后的每个提交号都变。"
        "已发布的锚点和印本上的提交号从此对不上，audit 和 verify 会这样说；请把改写的日期、依据和新旧提交号的对照另存。"
        "别人的克隆和备份里还有，要一一通知删除。"
    )


def manage_keys(root: Path, action: str, name: str, recipient: str, wanted: Iterable[str]) -> tuple[str, int]:
    """Do what `keys` asks for.

    Args:
        action: `add` an office and give it the keys that it is entitled to (without a `recipient`, this machine's
            user), `remove` one and take them away, `rewrap` all for those entitled now, or just `list` them.
        wanted: the compartments of a new office; none for all.

    Returns:
        What came of it, who may open what, and how many records have keys; and how many keys should have been wrapped
        anew and could not be opened here.

    Raises:
        UsageError: a name, a recipient or a compartment that cannot be one, or no such office.
    """
    project = Project.open(root)
    keys, known = open_keys(project), sorted(project.package.compartments)
    said, closed = "", 0
    if action in ("add", "remove") and not name:
        raise UsageError(f"请写明单位，如 lingtouyan keys {action} shili。")
    if action == "add":
        chosen = tuple(wanted) or tuple(known)
        if wrong := [c for c in chosen if c not in known]:
            raise UsageError(f"没有 {quoted(wrong[0])} 这个保密分隔。表结构里用到的：{'、'.join(known)}。")
        keys.admit(Office(name, recipient or new_identity(), chosen))
        said = f"{name} 可以打开：{'、'.join(chosen)}。"
    elif action == "remove":
        held = "、".join(keys.dismiss(name).compartments)
        said = f"{name} 不能再打开新的内容。它可能已经留下副本的：{held}；要紧的请更换内容。"
    if action != "list":
        done, closed = keys.rewrap()
        said += f"重新包装了 {done} 把钥匙。"
        said += (
            f"另有 {closed} 把本机的身份打不开，请由有权的单位再运行一次 lingtouyan keys rewrap。"
            if closed
            else ""
        )
    lines = [said] if said else []
    lines.append(f"钥匙文件夹：{keys.folder}（{sum(1 for _ in keys.records())} 条记录有钥匙）")
    offices = keys.offices()
    for compartment in sorted({*known, *(c for o in offices.values() for c in o.compartments)}):
        who = "、".join(o.name for o in entitled(offices, compartment)) or "没有单位有权打开"
        rows = [t.title for t in project.package.tables.values() if compartment in t.compartments]
        who += f"；整行只在写明 +{compartment} 的版里：{'、'.join(rows)}" if rows else ""
        lines.append(f"{compartment}：{who}")
    return "\n".join(lines), closed
