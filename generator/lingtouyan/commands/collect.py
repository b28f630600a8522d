"""Members: what other repositories publish is brought here, proved and joined; work on their repositories is spread out.

Each table of all members becomes one, with a column `member`, which this project reads like any other table of its own.
"""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import datetime
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import NamedTuple

import duckdb

from lingtouyan import __version__
from lingtouyan.database.database import connect, literal, quote
from lingtouyan.database.export import as_text, digest_of, words
from lingtouyan.history.anchors import ANCHOR, Anchor, compare, read_anchor
from lingtouyan.history.git import ask
from lingtouyan.problems import RecordsError, UsageError, error, has_errors, printable, quoted
from lingtouyan.project import Project
from lingtouyan.reading.csv import csv_text
from lingtouyan.reading.package import Table
from lingtouyan.reading.records import read_records
from lingtouyan.settings import ZONE

TAKEN = "collected/members.csv"
MEMBER = "member"
_DESCRIPTOR = "datapackage.json"
_TIP = "refs/heads/taken"
_SECONDS = 60
_RETRIES = 2


@dataclasses.dataclass(frozen=True)
class Member:
    """One member, as the table that the setting `members` names has it.

    Attributes:
        package: folder or address of its published data; empty for what `collect build` made of its repository.
        repository: folder or address of its repository, `revision` what of it is meant.
        commit, digest: what is expected: the beginning of the commit, the digest of the published descriptor.
    """

    name: str
    title: str
    package: str = ""
    repository: str = ""
    revision: str = "HEAD"
    commit: str = ""
    digest: str = ""


_KNOWN = frozenset(f.name for f in dataclasses.fields(Member))


class Taken(NamedTuple):
    """What was taken of a member: a line of `collected/members.csv`, which Git remembers."""

    member: str
    title: str
    commit: str
    tree: str
    commit_date: str
    as_of: str
    digest: str


def read_members(project: Project) -> list[Member]:
    """Read the table of members; RecordsError where it cannot be read."""
    name = project.settings.members
    if not name:
        raise UsageError("请在 datapackage.yaml 的 lingtouyan: 之下写明 members: 登记成员的表。")
    table = project.package.tables[name]
    records = read_records(project.source, dataclasses.replace(project.package, tables={name: table}))
    problems = [p for p in records.problems if p.file in records.files and p.severity == "error"]
    members: dict[str, Member] = {}
    for file, (line, cells) in records.rows(name):
        given = {f.name: c for f, c in zip(table.fields, cells, strict=True) if c and f.name in _KNOWN}
        made = Member(**{"name": "", "title": given.get("name", ""), **given})
        if not re.fullmatch("[a-z0-9][a-z0-9_-]{0,62}", made.name) or made.name in members:
            said = f"name {quoted(made.name)} 应由小写英文字母、数字、- 和 _ 组成，不能重复。"
            problems.append(error(file, line, "member", said))
        elif not made.package and not made.repository:
            said = "应写 package（数据包的文件夹或网址）或 repository（仓库）。"
            problems.append(error(file, line, "member", said))
        members[made.name] = made
    if problems:
        raise RecordsError(problems)
    return list(members.values())


def _begin(root: Path, only: Collection[str]) -> tuple[Project, list[Member], dict[str, Taken]]:
    """Return the project, its members, and what was taken of them before; those of `only` have to be among them."""
    project = Project.open(root)
    members = read_members(project)
    if unknown := {*only} - {m.name for m in members}:
        raise UsageError(f"没有登记成员 {'、'.join(sorted(unknown))}。")
    return project, members, _taken(project)


def fetch(root: Path, edition: str = "internal", only: Collection[str] = ()) -> Iterator[tuple[bool, str]]:
    """Bring every member's data package, prove it and join the tables that this project collects.

    A member that cannot be taken is named, and what was taken of it before stays; so it does where it is not of `only`.

    Yields:
        Whether all is well, and a line for the user.
    """
    project, members, before = _begin(root, only)
    tables = [t for t in project.package.tables.values() if t.kind == "parquet" and "*" not in t.path]
    wanted = {name for t in tables for name in _called(t)}
    taken: list[Taken] = []
    for member in members:
        folder, last = project.build / "members" / member.name, before.get(member.name)
        base = _place(project, member.package) or str(folder / edition / "data")
        if only and member.name not in only:
            taken += [last] if last else []
            continue
        try:
            taken.append(_bring(project, member, base, folder / "data", wanted, last))
            yield True, f"{member.title}：已收，提交 {taken[-1].commit[:10]}，基准日 {taken[-1].as_of}"
        except UsageError as fault:
            kept = last is not None and _same(folder / "data" / _DESCRIPTOR, last.digest)
            taken += [last] if kept and last else []
            yield False, f"{member.title}：没有收。{fault}{'仍用上次收的。' if kept else ''}"
    (project.root / TAKEN).parent.mkdir(exist_ok=True)
    with connect(threads=1) as connection:
        for table in tables:
            for line in _join(connection, project, table, taken):
                yield True, line
    (project.root / TAKEN).write_text(csv_text([Taken._fields, *taken]), encoding="utf-8")
    yield True, f"收了 {len(taken)} 个成员的 {len(tables)} 张表 → collected（{TAKEN} 请提交）"


def _taken(project: Project) -> dict[str, Taken]:
    if not (project.root / TAKEN).is_file():
        return {}
    rows = csv.DictReader((project.root / TAKEN).read_text("utf-8-sig").splitlines())
    return {r[MEMBER]: Taken(*(r.get(f) or "" for f in Taken._fields)) for r in rows if r.get(MEMBER)}


def _place(project: Project, where: str) -> str:
    """Return a folder of this machine as seen from the project's root; an address as it is."""
    return where if not where or "://" in where or re.match(r"[^/]+@", where) else str(project.root / where)


def _called(table: Table) -> list[str]:
    """Return what members call a table: as its file is called, or was."""
    return [Path(p).stem for p in (table.path, *table.former_paths)]


def _same(file: Path, digest: str) -> bool:
    return file.is_file() and digest_of(file) == digest


def _bring(
    project: Project, member: Member, base: str, target: Path, wanted: Iterable[str], last: Taken | None
) -> Taken:
    """Bring a member's package into `target`; UsageError says why it is not taken."""
    new = target.with_name("data.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    _copy(base, ANCHOR, new)
    _copy(base, _DESCRIPTOR, new)
    anchor = read_anchor(new / ANCHOR)
    try:
        facts = json.loads((new / ANCHOR).read_bytes())
        held = {
            r["name"]: r.get("parquet") for r in json.loads((new / _DESCRIPTOR).read_bytes())["resources"]
        }
        day = datetime.datetime.fromtimestamp(facts["time"], ZONE).date().isoformat()
        found = Taken(
            member.name, member.title, anchor.commit, anchor.tree, day, facts["as_of"], facts["package"]
        )
        digests = {n: held[n]["hash"] for n in wanted if held.get(n)}
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        raise UsageError("数据包不完整，或是旧版程序做的。请用现在的版本重新生成。") from None
    _prove(member, anchor, found, new / _DESCRIPTOR, last)
    if member.repository:
        _follow(project, member, [found, *([last] if last else [])])
    for name, digest in digests.items():
        _copy(base, f"{name}.parquet", new)
        if not _same(new / f"{name}.parquet", digest):
            raise UsageError(f"{name}.parquet 与数据包记载的摘要不符：发布之后被改写过，或没有传完整。")
    shutil.rmtree(target, ignore_errors=True)
    new.rename(target)
    return found


def _copy(base: str, name: str, target: Path) -> None:
    try:
        with contextlib.ExitStack() as opened:
            if re.match("https?://", base):
                address = f"{base.rstrip('/')}/{name}"
                source = opened.enter_context(urllib.request.urlopen(address, timeout=_SECONDS))  # noqa: S310
            else:
                source = opened.enter_context((Path(base) / name).open("rb"))
            shutil.copyfileobj(source, opened.enter_context((target / name).open("wb")), 2**20)
    except OSError as fault:
        raise UsageError(
            f"取不到 {printable(base)} 的 {name}（{fault.strerror or printable(str(fault))}）。"
        ) from None


def _prove(member: Member, anchor: Anchor, found: Taken, descriptor: Path, last: Taken | None) -> None:
    """Refuse a package that is not what was published, what is expected, or what follows on the last one."""
    if anchor.altered:
        raise UsageError("锚点的内容与它的摘要不符，文件被改动过。")
    if not anchor.clean:
        raise UsageError("它由没有提交的改动生成，不能作为凭据。请提交后重新发布。")
    if not _same(descriptor, found.digest):
        raise UsageError(f"{_DESCRIPTOR} 与锚点记载的摘要不符：发布之后被改写过。")
    if not found.commit.startswith(member.commit):
        raise UsageError(f"提交是 {found.commit[:10]}，登记的是 {member.commit[:10]}。")
    if member.digest not in ("", found.digest):
        raise UsageError("摘要与登记的不同：被改写过，或已重新发布。核实后请改 digest。")
    if last and (last.commit, last.as_of) == (found.commit, found.as_of) and last.digest != found.digest:
        said = f"同一提交 {found.commit[:10]}、同一基准日，数据却与上次收的不同：发布之后被改写过。"
        raise UsageError(f"{said}核实无误（如程序升级）的，请删去 {TAKEN} 里它那一行再收。")
    if last and last.commit_date > found.commit_date:
        raise UsageError(f"发布的是 {found.commit_date} 的提交，比上次收的（{last.commit_date}）旧。")


def _follow(project: Project, member: Member, points: Sequence[Taken]) -> Path:
    """Bring a member's history and prove that what it published is still in it; return the bare repository."""
    if not member.repository:
        raise UsageError("没有登记仓库（repository）。")
    mirror = project.build / "members" / member.name / "repository"
    if not mirror.is_dir():
        mirror.mkdir(parents=True)
        ask(mirror, "init", "-q", "--bare")
    where, refs = _place(project, member.repository), f"+{member.revision}:refs/brought/tip"
    if ask(mirror, "fetch", "-q", "--no-tags", "--", where, refs, no=(1, 128), network=True) is None:
        raise UsageError(
            f"取不到仓库 {printable(where)} 的 {printable(member.revision)}。请检查网址、权限和版本。"
        )
    ask(mirror, "update-ref", _TIP, "refs/brought/tip^{commit}")
    for point in points:
        anchor = Anchor(member.name, point.commit, point.tree)
        if has_errors(found := list(compare(mirror, _TIP, anchor))):
            raise UsageError("".join(p.message for p in found))
    return mirror


def _join(
    connection: duckdb.DuckDBPyConnection, project: Project, table: Table, taken: Sequence[Taken]
) -> Iterator[str]:
    """Write one table of all members as text cells; yield what differs between theirs and this project's."""
    parts, lacking, more = [], dict[str, list[str]](), dict[str, list[str]]()
    if table.field(MEMBER) is None:
        raise RecordsError([error(table.schema_file, 1, "schema-error", f"收来的表须有 {MEMBER} 这一列。")])
    for one in taken:
        folder = project.build / "members" / one.member / "data"
        file = next((f for n in _called(table) if (f := folder / f"{n}.parquet").is_file()), None)
        if file is None:
            yield f"{one.title}：数据包里没有“{table.title}”（{_called(table)[0]}）"
            continue
        source = f"read_parquet({literal(str(file))})"
        held = {
            str(n): str(t) for n, t, *_ in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        }
        used = {
            f.name: n
            for f in table.fields
            if (n := next((n for n in (f.name, *f.former_names) if n in held), ""))
        }
        cells = [f"{literal(one.member)} AS {MEMBER}"]
        for field in (f for f in table.fields if f.name != MEMBER):
            name = used.get(field.name, "")
            cell = as_text(quote(name), held[name], words(field)) if name else "NULL"
            cells.append(f"nullif({cell}::VARCHAR, '') AS {quote(field.name)}")
            if not name:
                lacking.setdefault(field.name, []).append(one.title)
        for name in held.keys() - used.values():
            more.setdefault(name, []).append(one.title)
        parts.append(f"SELECT {', '.join(cells)} FROM {source}")
    target = project.root / table.path
    if parts:
        target.parent.mkdir(parents=True, exist_ok=True)
        new = target.with_suffix(".new")
        connection.execute(
            f"COPY ({' UNION ALL '.join(parts)}) TO {literal(str(new))} (FORMAT parquet, COMPRESSION zstd)"
        )
        new.replace(target)
    # What every member has and this project does not ask for is no difference between their versions.
    more = {name: titles for name, titles in more.items() if len(titles) < len(parts)}
    for said, columns in (("没有这些列，留空", lacking), ("有这些列，本项目没有声明，没有收", more)):
        alike: dict[tuple[str, ...], list[str]] = {}
        for name, those in sorted(columns.items()):
            alike.setdefault(tuple(those), []).append(name)
        for titles, names in alike.items():
            who = "、".join(titles[:3]) + (f" 等 {len(titles)} 个" if len(titles) > 3 else "")
            yield f"{who}的“{table.title}”{said}：{'、'.join(names)}"


def spread(
    root: Path,
    action: str,
    arguments: Sequence[str],
    on: str = "processes",
    only: Collection[str] = (),
    shares: int = 1,
) -> Iterator[tuple[bool, str]]:
    """Run one command on the repository of each member, each in a process of its own, and bring here what it made.

    Args:
        action: `check`, `build` or `dossiers`, with its `arguments`.
        on: `processes` of this machine, or `dask://HOST:PORT`, `dask+tls://HOST:PORT`: the scheduler of a cluster.
        only: names of members; all where there are none.
        shares: into how many parts the prints of each member are divided, each a piece of work of its own.

    Yields:
        Whether a member, or its share, went well, and a line for the user; as they end.
    """
    project, members, before = _begin(root, only)
    if shares < 1 or (shares > 1 and action != "dossiers"):
        raise UsageError("--shares 只用于 dossiers，应是不小于 1 的整数。")
    parts = [f"{n}/{shares}" for n in range(1, shares + 1)] if shares > 1 else [""]
    waiting = [m for m in members if (m.name in only if only else m.repository)]
    if not waiting:
        raise UsageError("成员都没有登记仓库（repository），没有可做的。")
    waiting.reverse()
    running: dict[Future[tuple[int, str, bytes]], tuple[Member, str]] = {}
    came: set[str] = set()
    with _workers(on) as (pool, slots):
        while waiting or running:
            # No more histories in memory than there is work for; the shares of one member are of the same.
            while waiting and len(running) < 2 * slots:
                member = waiting.pop()
                last = before.get(member.name)
                try:
                    mirror = _follow(project, member, [last] if last else [])
                    history = ask(mirror, "bundle", "create", "-q", "-", _TIP) or b""
                except UsageError as fault:
                    yield False, f"{member.title}：{fault}"
                    continue
                for part in parts:
                    asked = (action, *arguments, *(("--share", part) if part else ()))
                    running[pool.submit(work, history, asked, __version__)] = member, part
            for done in wait(running, return_when=FIRST_COMPLETED).done if running else ():
                member, part = running.pop(done)
                try:
                    code, said, packed = done.result()
                    _unpack(packed, project.build / "members" / member.name, member.name in came)
                    if packed:
                        came.add(member.name)
                except Exception as fault:
                    code, said = 3, f"没有做完：{type(fault).__name__}：{printable(str(fault))[:300]}"
                yield code == 0, f"{member.title}{part and f'第 {part} 份'}：{said}"


@contextlib.contextmanager
def _workers(on: str) -> Iterator[tuple[Executor, int]]:
    """Give what work is submitted to, and how much of it is done at a time."""
    cluster = re.fullmatch(r"dask(\+tls)?://([^/\s]+:\d+)", on)
    if on == "processes":
        count = len(os.sched_getaffinity(0))
        # Each piece of work starts a process of its own; threads only wait for them.
        with ThreadPoolExecutor(count) as pool:
            yield pool, count
    elif cluster is None:
        raise UsageError(f"--on {printable(on)} 应是 processes、dask://主机:端口 或 dask+tls://主机:端口。")
    else:
        try:
            from distributed import Client
        except ImportError:
            raise UsageError(
                "本机没有 distributed。请安装：pip install --require-hashes -r requirements/dask.txt"
            ) from None
        try:
            # Certificates are where Dask's own settings say.
            client = Client(
                f"{'tls' if cluster[1] else 'tcp'}://{cluster[2]}", timeout=_SECONDS, set_as_default=False
            )
        except (OSError, RuntimeError, ValueError, TypeError) as fault:
            raise UsageError(f"连不上 {printable(on)}：{printable(str(fault))[:200]}") from None
        with client:
            yield client.get_executor(pure=False, retries=_RETRIES), max(1, sum(client.nthreads().values()))


def work(history: bytes, arguments: Sequence[str], version: str) -> tuple[int, str, bytes]:
    """Run a command on a repository that came as a bundle; return its exit code, its last line, and what it made, packed."""
    if version != __version__:
        return 2, f"这台机器上是 {__version__} 版，发来的是 {version} 版。请装同一版。", b""
    with tempfile.TemporaryDirectory(prefix="lingtouyan-") as folder:
        bundle, tree = Path(folder) / "bundle", Path(folder) / "tree"
        bundle.write_bytes(history)
        ask(bundle.parent, "clone", "-q", "-b", _TIP.rpartition("/")[2], str(bundle), str(tree), network=True)
        command = [sys.executable, "-m", "lingtouyan", arguments[0], "--root", str(tree), *arguments[1:]]
        done = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)
        said = (done.stdout or done.stderr).decode("utf-8", "replace").strip()
        (tree / "build").mkdir(exist_ok=True)
        (tree / "build" / f"{arguments[0]}.txt").write_text(f"{said}\n", encoding="utf-8")
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
            for path in sorted((tree / "build").rglob("*")):
                archive.add(path, path.relative_to(tree / "build").as_posix(), recursive=False)
    return done.returncode, said.rpartition("\n")[2], packed.getvalue()


def _unpack(packed: bytes, target: Path, more: bool) -> None:
    """Put what a member's command made in the place of what it made before, or beside `more` of the same."""
    if not packed:
        return
    with tempfile.TemporaryDirectory(dir=target, prefix=".") as folder:
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(folder, filter="data")
        for made in sorted(Path(folder).iterdir()):
            old = target / made.name
            if more and old.is_dir():
                shutil.copytree(made, old, dirs_exist_ok=True)
                continue
            shutil.rmtree(old) if old.is_dir() else old.unlink(missing_ok=True)
            made.rename(old)
