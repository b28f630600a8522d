"""`seal`, `unseal`, `edit`, `keys`, `erase`: restricted values of records, and who may open them.

Plain text is only ever in memory and on the terminal of who asked for it.
"""

from __future__ import annotations

import csv
import datetime
import getpass
import io
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from lingtouyan.checks.messages import value_fault
from lingtouyan.commands.fmt import record_files
from lingtouyan.commands.new import new_record
from lingtouyan.exchange.writing import canonical, record_text, records_of, records_text, replace, text_of
from lingtouyan.problems import Problem, UsageError, printable, quoted
from lingtouyan.project import Project
from lingtouyan.reading.csv import csv_text
from lingtouyan.reading.documents import rows_of
from lingtouyan.reading.named import find_field, find_table
from lingtouyan.reading.package import Field, Table
from lingtouyan.reading.yaml import Mapping, YamlError
from lingtouyan.sealing.keys import Keys, Office, identity_file, new_identity, open_keys
from lingtouyan.sealing.pictures import seal_picture, sealed_file
from lingtouyan.sealing.values import (
    Change,
    Digest,
    Place,
    change_document,
    change_table,
    closing,
    is_sealed,
    key_of,
    restricted,
    seal,
    sealed_anew,
    subject,
    unseal,
)
from lingtouyan.settings import ZONE


def _text(project: Project, name: str) -> str:
    text = text_of(project.source, name)
    if text is None:
        raise UsageError(f"{name} 读不出来，没有改动。请先运行 lingtouyan check。")
    return text


def _records(project: Project, name: str, table: Table) -> tuple[list[Mapping], bool]:
    """Return the records of a file, and whether they stand in a list.

    Raises:
        UsageError: it cannot be written without losing something.
    """
    made = canonical(_text(project, name).encode(), name, table, project.package, [])
    if isinstance(made, Problem):
        raise UsageError(f"{name} 没有改动：{made.message}")
    if table.kind == "yaml":
        return records_of(made.decode())
    labels, *rows = csv.reader(io.StringIO(made.decode()))
    items = [Mapping(1) for _ in rows]
    for item, row in zip(items, rows, strict=True):
        item.update(zip(labels, row, strict=True))
    return items, True


def _written(project: Project, table: Table, records: list[Mapping], listed: bool) -> str:
    if table.kind == "yaml":
        return records_text(project.package, table, records, listed)
    names = [f.name for f in table.fields]
    return csv_text([names, *([str(r.get(n) or "") for n in names] for r in records)])


def _changed(project: Project, name: str, table: Table, change: Change, digest: Digest | None = None) -> str:
    """Return a record file with its restricted values changed.

    Raises:
        UsageError: it cannot be written without losing something.
    """
    if table.kind == "csv":
        return change_table(_text(project, name), name, table, project.package, change, digest)
    records, listed = _records(project, name, table)
    for record in records:
        change_document(project.package, table, record, change, digest)
    return records_text(project.package, table, records, listed)


def seal_files(root: Path, only: Iterable[Path] = ()) -> Counter[str]:
    """Seal every restricted value that stands in clear text, in these files or in all; return how many, by file.

    What is sealed with a key that has been replaced is sealed anew, pictures too, and the declared digests are made.

    Raises:
        UsageError: a file cannot be read, or no office may open what is to be sealed; then none is written.
    """
    project = Project.open(root)
    keys, done, files = open_keys(project), Counter[str](), dict[str, bytes]()
    holding = {project.package.origin(t).name for t in project.package.tables.values() if restricted(t)}
    for name, table in ((n, t) for n, t in record_files(project, only) if t.name in holding):

        def note(sealed: bool, name: str = name) -> None:
            done[name] += sealed

        text = _changed(project, name, table, *closing(keys, note))
        if name in done:
            files[name] = text.encode()
    if not only:
        files |= _pictures_anew(project, keys)
    for name, data in files.items():
        replace(project.root / name, data)
    return +done


def _pictures_anew(project: Project, keys: Keys) -> dict[str, bytes]:
    """Return the sealed pictures whose record has got a newer key, sealed with that."""
    found: dict[str, bytes] = {}
    for name, table in record_files(project):
        for field in (f for f in table.fields if f.picture):
            picture = sealed_file(name, field.name)
            data = project.source.read(picture) if project.source.exists(picture) else b""
            if isinstance(data, bytes) and (text := data.decode("ascii", "replace").strip()):
                for record in _records(project, name, table)[0]:
                    place = Place.of(table.name, key_of(record, table.primary_key), table, field)
                    made = sealed_anew(text, field.compartment, place, keys)
                    found |= {picture: f"{made}\n".encode()} if made != text else {}
    return found


def _record(project: Project, table_name: str, key: str) -> tuple[Table, str, str]:
    """Return the table, the key and the file of a record, called by its key or its name.

    Of a table whose values are sealed for the records of another it is all rows of one of these.

    Raises:
        UsageError: there is no such record, or its rows stand in several files.
    """
    table = find_table(project.package.tables.values(), table_name)
    owner, names = subject(project.package, table)
    if table.parent:
        raise UsageError(f"“{table.title}”不是单独成条的记录，请写它所属的那张表。")
    if table.sealed_for:
        key = _record(project, owner, key)[1]
    found: set[tuple[str, str]] = set()
    for name, _ in project.package.files(project.source, table):
        data = project.source.read(name)
        if isinstance(data, Problem) or key.rpartition("/")[2].encode() not in data:
            continue
        rows, _ = rows_of(data, name, table, project.package)
        columns = [f.name for f in table.fields]
        places, label = [columns.index(n) for n in names], columns.index(table.label or names[0])
        for _, cells in rows.get(table.name, ()):
            own = "/".join(str(cells[n]) for n in places)
            if key in (own, cells[label]):
                found.add((own, name))
    named = {(k, f) for k, f in found if k == key} or found
    if len(named) == 1:
        return table, *named.pop()
    if named:
        among = (
            sorted({f for _, f in named}) if len({k for k, _ in named}) == 1 else sorted(k for k, _ in named)
        )
        raise UsageError(f"叫 {quoted(key)} 的“{table.title}”不止一个：{'、'.join(among)}。请写编号。")
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


class _Opened:
    """A record, or the rows of one, as its plain text is read and written."""

    def __init__(self, project: Project, table: Table, key: str, file: str) -> None:
        self.project, self.table, self.key, self.file = project, table, key, file
        self.keys, self.count = open_keys(project), 0
        self._sealed: dict[tuple[Place, str], str] = {}
        self._all, self._listed = _records(project, file, table)
        _, names = subject(project.package, table)
        self._mine = [n for n, r in enumerate(self._all) if key_of(r, names) == key]
        self.items = [self._all[n] for n in self._mine]
        for item in self.items:
            change_document(project.package, table, item, self._show)

    def _show(self, _: Table, __: Field, place: Place, value: str) -> str:
        plain = unseal(value, place, self.keys) if is_sealed(value) else None
        if plain is not None:
            self._sealed[place, plain] = value
        return value if plain is None else plain

    def fault(self) -> str:
        """Say what is wrong with the items as they are now, no restricted value repeated."""
        text = _written(self.project, self.table, self.items, self._listed or len(self.items) > 1)
        made = canonical(text.encode(), self.file, self.table, self.project.package, [])
        names = subject(self.project.package, self.table)[1]
        if isinstance(made, Problem):
            return f"{made.column}：{made.message}"
        same = all(key_of(i, names) == self.key for i in self.items)
        return "" if same else "编号不能改。"

    def write(self) -> None:
        """Seal what is new and write the file."""

        def close(_: Table, field: Field, place: Place, value: str) -> str:
            if is_sealed(value):
                return value
            if (place, value) not in self._sealed:
                self.count += 1
            return self._sealed.get((place, value)) or seal(value, field.compartment, place, self.keys)

        _, anew = closing(self.keys, lambda _: None)

        def digest(field: Field, place: Place, value: str, before: str) -> str:
            return before if before and (place, value) in self._sealed else anew(field, place, value, "")

        for item in self.items:
            change_document(self.project.package, self.table, item, close, digest)
        first = self._mine[0]
        rest = [r for n, r in enumerate(self._all) if n not in self._mine]
        text = _written(self.project, self.table, [*rest[:first], *self.items, *rest[first:]], self._listed)
        made = canonical(text.encode(), self.file, self.table, self.project.package, [])
        if isinstance(made, Problem):
            raise UsageError(f"{self.file} 没有改动：{made.message}")
        replace(self.project.root / self.file, made)


def edit(
    root: Path, table_name: str, key: str, ask: Callable[[str], str] | None = None, editor: str = ""
) -> int:
    """Let a record be edited, restricted values in plain text, or ask for each; seal what is given and write the record.

    Args:
        ask: how to ask; without it, on the terminal, with nothing shown.
        editor: the command of an editor; none to ask.

    Returns:
        How many values were changed.

    Raises:
        UsageError: no such record, a value that cannot be, or no terminal to ask on.
    """
    project = Project.open(root)
    table, key, file = _record(project, table_name, key)
    if ask is None and not editor and not sys.stdin.isatty():
        raise UsageError("edit 要在终端里一项一项地问。")
    opened, pictures = _Opened(project, table, key, file), 0
    if editor:
        _edit_text(opened, editor)
    else:
        pictures = _ask(opened, ask or getpass.getpass)
    opened.write()
    return opened.count + pictures


def _ask(opened: _Opened, ask: Callable[[str], str]) -> int:
    table, pictures = opened.table, 0
    for item, field in ((i, f) for i in opened.items for f in restricted(table)):
        if field.picture:
            asked = f"{field.title}（图片文件的路径；不改请直接回车）："
            if path := (input if ask is getpass.getpass else ask)(asked).strip():
                _put_picture(opened.project, table, field, opened.key, opened.file, path)
                pictures += 1
            continue
        which = f"{key_of(item, table.primary_key)} " if len(opened.items) > 1 else ""
        asked = f"{which}{field.title}（{field.description or '限制级'}；不改请直接回车）："
        while value := ask(asked).strip():
            fault = value_fault(table, field, value)
            if not fault:
                item[field.name] = value
                break
            sys.stderr.write(f"{fault}\n")
    return pictures


def _edit_text(opened: _Opened, editor: str) -> None:
    """Let somebody edit the items as one text until there is nothing wrong with it."""
    table, package = opened.table, opened.project.package
    told = {t.property: t for t in package.children.get(table.name, ()) if restricted(t)}
    lines = [
        f"# {table.title} {opened.key}：保存并退出以后检查、封存；明文只在内存里。# 开头的行不算，空着的不填。",
        *(f"# {f.name} {f.title}：{f.description}" for f in restricted(table) if not f.picture),
        *(
            f"# {name} {t.title}：- {{{', '.join(f'{f.name}: {f.title}' for f in restricted(t))}}}"
            for name, t in told.items()
        ),
    ]
    for item in opened.items:
        item.update({f.name: "" for f in restricted(table) if not f.picture and not item.get(f.name)})
    text = "\n".join([*lines, record_text(package, table, opened.items)])
    while True:
        text = _in_editor(text, editor)
        try:
            opened.items = records_of(text)[0]
            for item, field in ((i, f) for i in opened.items for f in restricted(table)):
                if not item.get(field.name):
                    item.pop(field.name, None)
            fault = opened.fault() if opened.items else "没有内容。"
        except YamlError as wrong:
            fault = str(wrong)
        if not fault:
            return
        sys.stderr.write(f"{fault}\n")
        try:
            input("按回车再改；Ctrl+C 放弃，不改动。")
        except EOFError:
            raise UsageError("没有改动。") from None


def _in_editor(text: str, editor: str) -> str:
    """Return a text as somebody left it in an editor, which sees it in a file system of its own that is only memory.

    That goes with the last process that sees it, however it ends; nothing of it is under any name outside.

    Raises:
        UsageError: this machine lets nobody have such a file system, or the editor failed.
    """
    place = "/dev/shm"  # noqa: S108 - one of the editor's own
    given, got = os.memfd_create("given"), os.memfd_create("got")
    with os.fdopen(given, "r+b", closefd=False) as stream:
        stream.write(text.encode())
    os.lseek(given, 0, os.SEEK_SET)
    line = ["bwrap", "--dev-bind", "/", "/", "--tmpfs", place, "--unshare-pid", "--die-with-parent"]
    for name in ("HOME", "TMPDIR"):
        line += ["--setenv", name, place]
    line += ["--perms", "0600", "--file", str(given), f"{place}/record.yaml"]
    line += ["sh", "-c", f'{editor} "$0" && cat "$0" >/dev/fd/{got}', f"{place}/record.yaml"]
    try:
        done = subprocess.run(line, pass_fds=(given, got), check=False)
    except FileNotFoundError:
        raise UsageError(
            "没有找到 bubblewrap（apt install bubblewrap）；不设 EDITOR 就一项一项地问。"
        ) from None
    if done.returncode:
        raise UsageError("编辑器没有正常结束，没有改动。不设 EDITOR 就一项一项地问。")
    with os.fdopen(got, "r+b") as stream:
        stream.seek(0)
        os.close(given)
        return stream.read().decode("utf-8", "replace")


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
    stem = file.rpartition("/")[2].rpartition(".")[0]
    # Wherever it ever lay: who moves to another folder keeps the name of the file.
    paths, gone = f"--invert-paths --path-glob '*/{stem}.*' ", "的文件（连同照片）从所有提交中消失"
    if stem != key:
        paths, gone = "", f"的内容要另外从 {file} 删去"
    return (
        f"以明文提交过的内容还在历史里。要连历史一起删去，在一个新的克隆里运行：\n\n"
        f"  sudo apt install git-filter-repo\n"
        f"  printf '%s==>某某\\n' '名称' > ../names.txt\n"
        f"  git filter-repo --force {paths}--replace-text ../names.txt --replace-message ../names.txt\n"
        f"  git remote add origin 仓库地址\n"
        f"  git push --force --all && git push --force --tags\n\n"
        f"“名称”写它叫什么，别处和提交说明里写到的都变成“某某”；有同名的，不要用 --replace-text 和 --replace-message，"
        f"逐处改写。{table.title} {printable(key)} {gone}，引用它的编号的记录留下。之后的每个提交号都变。"
        "已发布的锚点和印本上的提交号从此对不上，audit 和 verify 会这样说；请把改写的日期、依据和新旧提交号的对照另存。"
        "托管网站上还留着改写以前的提交，请它的管理员清理：删去已关闭的合并请求和旧分支，在仓库里运行 git gc --prune=now。"
        "别人的克隆和备份里还有，要一一通知删除。后来才封存的，从前的原文在 names.txt 里也各写一行。"
    )


def manage_keys(
    root: Path, action: str, name: str, recipient: str, wanted: Iterable[str], words: str = ""
) -> tuple[str, int]:
    """Do what `keys` asks for.

    Args:
        action: `add` an office and give it the keys that it is entitled to (without a `recipient`, this machine's
            user), `remove` one and take them away, `rewrap` all for those entitled now, `rotate` to new keys, tell `me`
            this machine's recipient, or just `list` them.
        wanted: the compartments of a new office; none for all.
        words: what picks the folder whose records alone are for a new office; none for all.

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
    if action == "me":
        return f"本机的公钥：{new_identity()}（私钥在 {identity_file()}，不要给人）", 0
    if action == "add":
        chosen = tuple(wanted) or tuple(known)
        if wrong := [c for c in chosen if c not in known]:
            raise UsageError(f"没有 {quoted(wrong[0])} 这个保密分隔。表结构里用到的：{'、'.join(known)}。")
        folder = _folder(project, words) if words else ""
        keys.admit(Office(name, recipient or new_identity(), chosen, folder))
        said = f"{name} 可以打开{f' {folder} 里的' if folder else ''}：{'、'.join(chosen)}。"
    elif action == "remove":
        held = "、".join(keys.dismiss(name).compartments)
        said = (
            f"已去掉 {name}。它可能留下过钥匙和内容的：{held}。请再运行 lingtouyan keys rotate，"
            "以后封存的它就打不开；以前的要紧内容请更换。"
        )
    if action != "list":
        done, closed = keys.rewrap(rotate=action == "rotate")
        said += f"重新包装了 {done} 把钥匙。"
        if action == "rotate":
            said += f"换了新钥匙，重新封存 {seal_files(root).total()} 处，请提交。"
        said += (
            f"另有 {closed} 把本机的身份打不开，请由有权的单位再运行一次 lingtouyan keys rewrap。"
            if closed
            else ""
        )
    lines = [said] if said else []
    lines.append(f"钥匙文件夹：{keys.folder}（{sum(1 for _ in keys.records())} 条记录有钥匙）")
    offices = keys.offices.values()
    for compartment in sorted({*known, *(c for o in offices for c in o.compartments)}):
        held_by = [o for o in offices if compartment in o.compartments]
        who = (
            "、".join(o.name + (f"（只有 {o.folder}）" if o.folder else "") for o in held_by)
            or "没有单位有权打开"
        )
        rows = [t.title for t in project.package.tables.values() if compartment in t.compartments]
        who += f"；整行只在写明 +{compartment} 的版里：{'、'.join(rows)}" if rows else ""
        lines.append(f"{compartment}：{who}")
    return "\n".join(lines), closed


def _folder(project: Project, words: str) -> str:
    """Return the one folder of records that these words pick.

    Raises:
        UsageError: none, or several.
    """
    found = set[str]()
    for name, _ in project.package.files(project.source):
        parts = name.split("/")[:-1]
        found.update(["/".join(parts[: n + 1]) for n, p in enumerate(parts) if words in p][:1])
    if words in found:
        return words
    if len(found) == 1:
        return found.pop()
    among = f"有几个：{'、'.join(sorted(found))}" if found else "没有"
    raise UsageError(f"记录的文件夹里，名称含 {quoted(words)} 的{among}。请写全。")
