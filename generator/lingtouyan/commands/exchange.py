"""`sheet`, `take` and `import`: records out into a workbook and in again, all or nothing for each record."""

from __future__ import annotations

import bisect
import dataclasses
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from lingtouyan.checks.messages import damage, dangling, value_fault
from lingtouyan.checks.register import build_register, check
from lingtouyan.commands.new import file_of
from lingtouyan.exchange.forms import as_roster, complete, kind_of, pictures, read_forms, without_known
from lingtouyan.exchange.records import (
    Change,
    Entry,
    Key,
    Tree,
    Values,
    about,
    book_of,
    changes_of,
    close_gaps,
    origin_of,
    sheets_of,
)
from lingtouyan.exchange.roster import Reader, find_headings, guess, map_text, read_map
from lingtouyan.exchange.workbook import (
    ANSWER,
    DOUBTFUL,
    REFUSED,
    REMINDED,
    SAME,
    SEALED,
    TAKEN,
    TOO_LONG,
    Mark,
    Sheet,
    read_workbook,
    write_workbook,
)
from lingtouyan.exchange.writing import (
    canonical,
    documents,
    records_of,
    records_text,
    replace,
    table_text,
    text_of,
)
from lingtouyan.history.git import ask as git
from lingtouyan.history.git import ask_text
from lingtouyan.problems import Problem, Severity, UsageError, printable, quoted
from lingtouyan.project import Project
from lingtouyan.reading.package import Sensitivity, Table
from lingtouyan.reading.records import Records
from lingtouyan.reading.source import Overlaid
from lingtouyan.reading.yaml import Value, YamlError, has_comments, parse_yaml
from lingtouyan.sealing.keys import open_keys
from lingtouyan.sealing.pictures import seal_picture, sealed_file

_TOGETHER = "这些改动合在一起会使别处出错，一条也没有收："
Files = dict[str, bytes | None]
"""Path -> content of a file as it will be; None deletes it."""


@dataclasses.dataclass
class Taken:
    """What came of a workbook: how many records of each kind, what is to be told, and the files that were written."""

    counts: dict[str, int]
    marks: list[Mark]
    files: list[str]
    told: list[str]
    answer: Path
    commit: str = ""

    @property
    def summary(self) -> str:
        """The counts in one line."""
        return "，".join(f"{k} {n} 条" for k, n in self.counts.items())

    @property
    def refused(self) -> bool:
        """Whether anything was."""
        return any(m.kind == REFUSED for m in self.marks)


def make_sheet(root: Path, out: Path, folder: str, tables: Sequence[str]) -> list[Sheet]:
    """Write a workbook of the records as they are committed, and return its sheets.

    Raises:
        UsageError: there is no commit, no such table or folder, or the file is no xlsx.
    """
    if out.suffix.lower() != ".xlsx":
        raise UsageError(f"{printable(str(out))} 应以 .xlsx 结尾。")
    commit = Project.open(root).commit
    if commit is None:
        raise UsageError("记录库还没有提交，工作簿没有根据。请先用 git 提交一次。")
    tree = Tree(Project.open(root, commit.id))
    sheets = sheets_of(tree, tables, folder)
    if not sheets:
        raise UsageError("没有可以放进工作簿的表。")
    write_workbook(out, sheets, about(sheets, commit.id, folder))
    return sheets


def known_author(root: Path, wanted: bool = True) -> None:
    """Refuse to begin what could not be committed in the end."""
    if wanted and not all(git(root, "config", k, no=(1,)) for k in ("user.name", "user.email")):
        raise UsageError(
            "git 还不知道您是谁，不能提交。请先运行 git config --global user.name 姓名 和 git config --global user.email 邮箱。"
        )


def take(root: Path, path: Path, folder: str, *, delete: bool, commit: bool, paper: str) -> Taken:
    """Take what somebody changed in a workbook into the records, and write the answer beside it.

    Args:
        folder: words that name the folder of new records, where the workbook was not made for one.
        delete: records whose rows are gone are deleted.
        commit: the changes become a commit, whose message names the workbook and the `paper` that they rest on.

    Raises:
        UsageError: it is no workbook of ours, or the commit that it was made from is not here.
    """
    known_author(root, commit)
    found = read_workbook(path)
    project = Project.open(root)
    now = Tree(project)
    origin = origin_of(found, path.name)
    base = Tree(Project.open(root, origin.commit))
    book = book_of(found, origin, base, now)
    changes = changes_of(book, base, now, delete=delete)
    files = settle(project, now, changes, folder or origin.folder)
    result = _answered(path, [*book.sheets, *book.others], changes, files, [], origin.rows, book.marks)
    write(project, files)
    if commit and files:
        subject = f"按工作簿 {path.name} 更新 {result.counts[TAKEN]} 条记录"
        result.commit = commit_files(project, files, subject, paper)
    return result


@dataclasses.dataclass(frozen=True)
class Asked:
    """How rosters are to be taken.

    Attributes:
        tables: those whose records they are; none to tell it from the headings.
        folder: words that name the folder of new records.
        plan: a map of the headings; without one it is written for the next time if `keep_map`.
        commit, paper: as for `take`.
    """

    tables: Sequence[str] = ()
    folder: str = ""
    plan: Path | None = None
    dry: bool = False
    commit: bool = False
    paper: str = ""
    keep_map: bool = True


def import_files(root: Path, paths: Sequence[Path], asked: Asked) -> Iterator[Taken]:
    """Take a city's own rosters into the records, one after another.

    Raises:
        UsageError: a file or the map cannot be read, or no heading is known.
    """
    known_author(root, asked.commit)
    for path in paths:
        project = Project.open(root)
        tree = Tree(project)
        if kind := kind_of(project.source, path):
            what, read = "", _read_forms(project, tree, path, *kind, asked)
        else:
            what, read = "名册", _read_rosters(project, tree, path, asked)
        result, files = _answered(path, *read), read[2]
        if not asked.dry:
            write(project, files)
        if asked.commit and files and not asked.dry:
            subject = f"按{what} {path.name} 登记 {result.counts[TAKEN]} 条记录"
            result.commit = commit_files(project, files, subject, asked.paper)
        yield result


_Read = tuple[list[Sheet], list[Change], Files, list[str]]
"""What a file asks for: its sheets, the changes, the files as they will be, and what is to be told."""


def _read_rosters(project: Project, tree: Tree, path: Path, asked: Asked) -> _Read:
    found, told = read_workbook(path), list[str]()
    given = read_map(_map(asked.plan), tree, asked.plan.name) if asked.plan else ("", [])
    words = asked.folder or given[0]
    extra = [h for p in given[1] for h in p.columns]
    rosters = [r for s in found if (r := find_headings(s, project.package, extra))]
    if not rosters:
        raise UsageError(f"{path.name} 的前几行里没有认得出的表头。请核对表头，或先做一个：lingtouyan sheet")
    parts = given[1] or guess(max(rosters, key=lambda r: len(r.sheet.rows)), tree, asked.tables)
    if not parts:
        raise UsageError(f"{path.name} 的表头没有对上哪张表。请用 --table 指明，或用 --map 给出对照表。")
    if asked.plan is None and asked.keep_map and not Path("import.yaml").exists():
        Path("import.yaml").write_text(map_text(words, parts), "utf-8")
        told.append("栏目对照写在 import.yaml，可以改，再用 --map import.yaml 收一次。")
        for part in parts:
            if lacking := "、".join(f.title for f in part.lacking):
                title = quoted(tree.package.tables[part.table].title)
                told.append(f"{title} 还缺 {lacking}：每行都一样的，写在对照表的 values 里，再收一次。")
    reader = Reader(tree, words, str(project.as_of(None).year))
    for roster in rosters:
        if any(h in roster.headings for p in parts for h in p.columns):
            reader.read(roster, parts)
    changes = [*reader.changes.values()]
    return found, changes, settle(project, tree, changes, words), told + reader.told


def _read_forms(project: Project, tree: Tree, path: Path, suffix: str, kind: Any, asked: Asked) -> _Read:
    """Read the forms of a file, a folder or an archive, restricted values and pictures sealed."""
    keys = open_keys(project)
    table = tree.package.tables[kind["table"]]
    found, unreadable = read_forms(path, suffix, kind, tree)
    forms = without_known(found, kind, tree)
    roster, part = as_roster(path, forms, kind, table)
    reader = Reader(tree, asked.folder, str(project.as_of(None).year))
    reader.read(roster, [part])
    changes = [*reader.changes.values()]
    sealed = keys if not asked.dry and keys.offices else None
    left = complete(changes, forms, kind, tree, None)
    files = settle(project, tree, changes, asked.folder)
    if sealed:
        # What is sealed is bound to the number: first it is known who is taken, and as what.
        for change in changes:
            change.numbered = False
        left = complete(changes, forms, kind, tree, sealed)
        files = settle(project, tree, changes, asked.folder)
    for change, field, data in pictures(changes, forms, table) if sealed else ():
        key = "/".join(change.key)
        record = change.file or tree.entries[table.name][change.key].file
        # One that is there already stays: a photograph cannot be compared without being opened.
        if not (project.root / sealed_file(record, field.name)).exists():
            try:
                name, data = seal_picture(tree.package, table, field, key, record, data, keys)
                files[name] = data
            except UsageError as fault:
                change.tell(DOUBTFUL, f"{field.title}{fault}", field.title)
    for name, said in unreadable.items():
        roster.sheet.rows.append([name])
        place = (table.name, roster.sheet.title, len(roster.sheet.rows))
        changes.append(Change(table.name, (name,), places=[place]))
        changes[-1].tell(REFUSED, said)
    why = "只是试收" if asked.dry else "还没有钥匙（lingtouyan keys add）"
    told = [f"限制级内容 {left} 处没有收：{why}。"] if left else []
    return [roster.sheet], changes, files, told


def _map(path: Path) -> Value:
    try:
        return parse_yaml(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, YamlError) as fault:
        raise UsageError(f"对照表 {printable(str(path))} 读不出来：{fault}") from None


def _answered(
    path: Path,
    sheets: Sequence[Sheet],
    changes: Sequence[Change],
    files: Files,
    told: list[str],
    origin: Sequence[Sequence[str]] = (),
    marks: Sequence[Mark] = (),
) -> Taken:
    """Count what was taken, the same, doubtful, refused, and write the workbook again, with what is said of it, beside it.

    A record that is doubtful, or of which a rule reminds, is also one of the others.
    """
    kept = [c for c in changes if not c.refused]
    moved = sum(bool(c.values or c.lists or c.deleted) for c in kept)
    doubtful, reminded = (sum(k in {m.kind for m in c.marks} for c in kept) for k in (DOUBTFUL, REMINDED))
    counts = {TAKEN: moved, DOUBTFUL: doubtful, REFUSED: len(changes) - len(kept)}
    counts |= {SAME: len(kept) - moved, REMINDED: reminded}
    target = path.with_name(f"{path.stem.removesuffix(f'.{ANSWER}')}.{ANSWER}.xlsx")
    said = sorted([*marks, *(m for c in changes for m in c.marks)], key=lambda m: m.kind == REMINDED)
    result = Taken(counts, said, sorted(files), told, target)
    head = [[f"{path.name} 的{ANSWER}"], [result.summary], *([w] for w in told)]
    rows = [[m.kind, m.sheet, str(m.row) if m.row else "", m.column, m.message] for m in result.marks]
    told_rows = [*head, [], ["结果", "表", "行", "栏", "说明"], *rows]
    write_workbook(target, sheets, origin, result.marks, told_rows)
    return result


def write(project: Project, files: Files) -> None:
    """Write the files of records; None deletes one."""
    for name, data in files.items():
        path = project.root / name
        if data is None:
            path.unlink(missing_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            replace(path, data)


def commit_files(project: Project, files: Collection[str], subject: str, paper: str) -> str:
    """Commit just these files and return the commit's short name."""
    message = f"{printable(subject)}\n" + (f"\n依据：{printable(paper)}\n" if paper else "")
    git(project.root, "add", "-A", "--", *files)
    git(project.root, "commit", "-q", "-F", "-", "--", *files, data=message.encode())
    return ask_text(project.root, "rev-parse", "--short=10", "HEAD")


def settle(project: Project, now: Tree, changes: Sequence[Change], folder: str) -> Files:
    """Judge changes and return the files as they will be, without those that were refused; nothing is written yet.

    A record that would bring an error which is not there today is refused, and the others are judged again without it.
    """
    added = {(c.table, c.key) for c in changes}
    for change in changes:
        if not change.refused and not change.deleted and (change.values or change.lists or change.new):
            _judge(now, change, added)
    as_of, rules = project.as_of(None), None
    while True:
        close_gaps(now.package, changes)
        live = [c for c in changes if not c.refused and (c.values or c.lists or c.deleted)]
        for change in live:
            _place(project, now, change, folder)
        if any(c.refused for c in live):
            continue
        files = _files(project, now, live)
        if any(c.refused for c in live):
            continue
        if not files:
            return {}
        if rules is None:
            rules = Counter(map(_words, check(project, as_of)))
        overlaid = dataclasses.replace(project, source=Overlaid(project.root, files))
        register = build_register(overlaid, as_of, only=())
        register.connection.close()
        known = rules.copy()
        fresh: list[Problem] = []
        for problem in register.problems:
            known[_words(problem)] -= 1
            if known[_words(problem)] < 0:
                fresh.append(problem)
        errors = [p for p in fresh if p.severity is Severity.ERROR]
        places = _places(now, register.records, files, live)
        elsewhere = [p for p in errors if not _tell(places, p, REFUSED)]
        if not errors:
            for problem in fresh:
                _tell(places, problem, REMINDED)
            return files
        if len(elsewhere) == len(errors):
            words = "；".join(f"{p.file} {p.column} {p.message}" for p in elsewhere[:3])
            for change in live:
                change.tell(REFUSED, f"{_TOGETHER}{words}")


def _words(problem: Problem) -> tuple[str, ...]:
    return problem.file, problem.rule, problem.column, problem.message


def _judge(now: Tree, change: Change, added: Collection[tuple[str, Key]]) -> None:
    """Say what is wrong with the values of a change in themselves."""
    table = now.package.tables[change.table]
    if change.new:
        given = change.values | dict(zip(table.primary_key, change.key, strict=True))
        change.values = dict.fromkeys((f.name for f in now.fields(table)), None) | given
    _judge_row(now, table, change, change.values, 0, added)
    for name, rows in change.lists.items():
        child = now.package.tables[name]
        own = [p[2] for p in change.places if p[0] == name]
        for place, row in zip(own, rows, strict=False):
            cells = {f.name: row.get(f.name) for f in now.fields(child)}
            _judge_row(now, child, change, cells, place, added)


def _place(project: Project, now: Tree, change: Change, folder: str) -> None:
    """Find the file of a record, that of a new one by its number."""
    table = now.package.tables[change.table]
    if change.file:
        return None
    if not change.new:
        change.file = now.entries[change.table][change.key].file
    else:
        named = [(k, change.values.get(k.fields[0])) for k in table.foreign_keys if len(k.fields) == 1]
        referred = {
            e.file
            for k, v in named
            if v and (e := now.entries[now.package.origin(now.package.tables[k.table]).name].get((v,)))
        }
        try:
            plain = {n: v for n, v in change.values.items() if v}
            change.file = file_of(project, table, plain, change.folder or folder, referred)
        except UsageError as fault:
            return change.tell(REFUSED, str(fault))
    if change.file in now.broken:
        words = f"{change.file} 本身有错误，整理不了。请先运行 lingtouyan check，改正以后再收。"
        change.tell(REFUSED, words)
    return None


def _judge_row(
    now: Tree, table: Table, change: Change, row: Values, place: int, added: Collection[tuple[str, Key]]
) -> None:
    for name, value in row.items():
        field = table.field(name)
        if field is None or (not value and field.sensitivity is Sensitivity.RESTRICTED):
            continue
        words = value_fault(table, field, value or "")
        if not words and (ruined := damage(value or "", long_number=True, code=field.type == "string")):
            words = f"{ruined}。"
        if value in (SEALED, TOO_LONG):
            words = "这一格的内容不在工作簿里，不能从这里改。"
        if value and table.kind == "csv" and "\n" in value:
            words = "不能换行：表格里一行是一条记录。"
        target = now.reference(table, name)
        known = not target or not value or (target[0].name, (value,)) in added
        if not known and not words and target and value not in now.display(target[0].name, target[1]):
            words = dangling(target[0], [value], shown=field.sensitivity < Sensitivity.RESTRICTED)
        if words:
            change.tell(REFUSED, words, field.title, table.name, place)


def _files(project: Project, now: Tree, live: Sequence[Change]) -> Files:
    """Return the files with the changes, in canonical form; the changes of a file that cannot be written are refused."""
    by_file: dict[tuple[str, str], list[Change]] = {}
    for change in live:
        by_file.setdefault((change.table, change.file), []).append(change)
    held: dict[tuple[str, str], list[Entry]] = {}
    for entry in (e for t in {t for t, _ in by_file} for e in now.entries[t].values()):
        held.setdefault((entry.table, entry.file), []).append(entry)
    made: Files = {}
    for (name, file), changes in by_file.items():
        table = now.package.tables[name]
        before = text_of(project.source, file)
        fault = "读不出来，没有收。" if before is None else ""
        if before and table.kind != "csv" and has_comments(before):
            fault = "里有注释，重排会丢失注释，只能在原文件里改。"
        text = ""
        if not fault and table.kind == "csv":
            text = table_text(table, changes, held.get((name, file), []))
        elif not fault:
            records, listed = records_of(before or "")
            found = documents(now, table, records, changes)
            text = records_text(now.package, table, found, listed or "*" not in table.path)
        done = canonical(text.encode(), file, table, now.package, []) if text else None
        if isinstance(done, Problem) and (table.kind != "csv" or done.severity is Severity.ERROR):
            fault = f"整理不了：{f'[{done.column}] ' if done.column else ''}{done.message}"
        for change in changes if fault else ():
            change.tell(REFUSED, f"{file} {fault}")
        made[file] = text.encode() if isinstance(done, Problem) else done
    return made


_Places = dict[str, list[tuple[int, Change | None, str, int]]]
"""File -> where records begin there, as (line, what changes them, table, row of the workbook), in order."""


def _places(now: Tree, records: Records, files: Files, live: Sequence[Change]) -> _Places:
    """Return where the records stand in the files as they will be."""
    changes = {(c.table, c.key): c for c in live}
    places: _Places = {}
    for table in now.package.tables.values():
        top = now.package.origin(table)
        count: Counter[Key] = Counter()
        rows = records.rows(table.name) if any(c.table == top.name for c in live) else ()
        for file, (line, cells) in ((f, r) for f, r in rows if f in files):
            row = {f.name: cell for f, cell in zip(table.fields, cells, strict=True)}
            key = tuple(row[k] or "" for k in top.primary_key)
            change = changes.get((top.name, key))
            asking = [n for name, _, n in change.places if name == table.name] if change else []
            # The items of a list stand there in the order of the workbook's rows.
            number = asking[count[key]] if count[key] < len(asking) else 0
            count[key] += 1
            places.setdefault(file, []).append((line, change, table.name, number))
    for found in places.values():
        found.sort(key=lambda place: place[0])
    return places


def _tell(places: _Places, problem: Problem, kind: str) -> bool:
    """Put a problem to the row of the workbook that it comes from; tell whether there is one."""
    found = places.get(problem.file, [])
    at = bisect.bisect_right(found, problem.line, key=lambda place: place[0]) - 1
    _, change, table, row = found[at] if at >= 0 else (0, None, "", 0)
    if change is not None:
        message = problem.message
        for other in (change, *change.partners):
            if kind == REFUSED and other.numbered:
                # Another will have this number.
                message = message.replace(other.key[0], "编号待定")
        change.tell(kind, f"{problem.rule} {message}", problem.column, table, row)
    return change is not None
