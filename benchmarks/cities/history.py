"""Give a city's records a history: several hundred commits (or ten thousand) that end with exactly these files.

    python benchmarks/cities/history.py --out DIR [--commits 400] [--source DIR]

What a record says is entered when its own dates come: a filing step on its day, the end of a term when it ends. Township
clerks work on branches that the city's staff merge. In between happens what happens in every archive: a bulk import, a
renamed file, a village moved to another township, a change reverted, a table split, re-sorted, saved in another encoding,
a document re-formatted, broken for a while, a merge that changes a value by itself and one that drops one.
The same source gives the same commit ids. With ssh-keygen the last three commits are signed.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import io
import itertools
import re
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from fast_import import Person, Stream, git, sign, signing_key
from history_twists import IMPORTER, REVIEWERS, TOWNSHIPS, Files, Twist, is_person, twists

ROOT = Path(__file__).resolve().parents[2]
START = datetime.date(2018, 6, 20)
PARTS = ("datapackage.yaml", "mkdocs.yml", ".gitattributes", ".gitignore", "records", "schemas", "site")
_DATE = re.compile(r"(?<![\d-])(\d{4}-\d{2}-\d{2})(?![\d-])")
_ZONE = datetime.timezone(datetime.timedelta(hours=8))


_SURNAMES, _GIVEN = "陈王李张刘杨黄赵吴周", ("春明", "秀兰", "建国", "晓燕", "志强", "玉梅")


@dataclass
class Made:
    """A repository that was made.

    Attributes:
        marks: names of what happened -> commit ids.
        subjects: what the named happenings were about: final paths.
        key: the key that signed the last commits, or None.
    """

    root: Path
    commits: int
    marks: dict[str, str]
    subjects: dict[str, tuple[str, ...]]
    key: Path | None = None
    signed: list[str] = field(default_factory=list)


def read_source(source: Path) -> Files:
    """Return every file of a city that belongs into its repository."""
    found: Files = {}
    for part in PARTS:
        top = source / part
        for path in [top] if top.is_file() else sorted(top.rglob("*")) if top.is_dir() else []:
            if path.is_file() and not path.is_symlink():
                found[path.relative_to(source).as_posix()] = path.read_bytes()
    return found


def dates_in(data: bytes) -> list[str]:
    """Return the days that a record file speaks of, from the start of the history on, in order."""
    return sorted({d for d in _DATE.findall(data.decode("utf-8", "replace")) if d > START.isoformat()})


def as_known(path: str, data: bytes, day: str) -> bytes | None:
    """Return a record file as it could be written on a day: nothing later than that day is in it."""
    text = data.decode("utf-8")
    if path.endswith(".csv"):
        head, *rows = csv.reader(io.StringIO(text))
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(head)
        for row in rows:
            days = [c for c in row if _DATE.fullmatch(c)]
            if not days or min(days) <= day:
                writer.writerow(["" if _DATE.fullmatch(c) and c > day else c for c in row])
        return out.getvalue().encode()
    if not path.endswith(".yaml"):
        return data
    # A line or a list item of a later day is not yet there, nor is a heading that nothing is left of.
    kept = [line for line in text.splitlines() if not any(d > day for d in _DATE.findall(line))]
    lines = [
        line
        for line, after in itertools.pairwise([*kept, ""])
        if not line.endswith(":") or _indent(after) > _indent(line) or after.lstrip().startswith("- ")
    ]
    return ("\n".join(lines) + "\n").encode() if len(kept) > 3 else None


def _domains(files: Files) -> dict[str, str]:
    """Return township folder -> the domain its clerks write from, as the offices' table has it."""
    rows = csv.DictReader(io.StringIO(files.get("records/city/organisations.csv", b"").decode()))
    return {
        Path(r["folder"]).name: r["emails"].split("@")[-1]
        for r in rows
        if r.get("folder") and r.get("emails")
    }


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


class _Story:
    def __init__(self, files: Files, out: Path, commits: int) -> None:
        self.final = files
        self.stream = Stream(out)
        self.wanted = commits
        self.folders = sorted({p.split("/")[2] for p in files if p.startswith(TOWNSHIPS)})
        domains = _domains(files)
        self.clerks = {
            f: tuple(
                Person(
                    _SURNAMES[(n * 2 + k) % 10] + _GIVEN[(n + k) % 6],
                    f"c{k + 1}@{domains.get(f, f.split('-')[0] + '.example')}",
                )
                for k in range(2)
            )
            for n, f in enumerate(self.folders)
        }
        self.active: list[Twist] = []
        self.state: Files = {}
        self.tip = 0
        self.day = START.isoformat()
        self.minute = 0
        self.requests = 0
        self.subjects: dict[str, tuple[str, ...]] = {}

    # ---- time and content ----

    def now(self) -> int:
        """A later second each time it is asked, on the present day."""
        self.minute += 1
        date = datetime.datetime.fromisoformat(self.day).replace(hour=9, tzinfo=_ZONE)
        return int(date.timestamp()) + self.minute * 7

    def move_to(self, day: str) -> None:
        if day != self.day:
            self.day, self.minute = day, 0

    def shown(self, paths: Iterable[str]) -> Files:
        """Return the files that stand for these final paths on the present day."""
        wanted = set(paths)
        for twist in self.active:
            if wanted.intersection(twist.paths):
                wanted.update(twist.paths)
        files = {p: d for p in wanted if (d := self._known(p)) is not None}
        for twist in self.active:
            if all(p in files for p in twist.paths):
                mine = {p: files.pop(p) for p in twist.paths}
                files.update(twist.before(mine))
        return files

    def _known(self, path: str) -> bytes | None:
        data = self.final[path]
        return as_known(path, data, self.day) if path.startswith(TOWNSHIPS) else data

    def difference(self, paths: Iterable[str], base: Files) -> dict[str, bytes | None]:
        names = self._aliases(paths)
        new = self.shown(names & self.final.keys())
        gone = [p for p in names if p in base and p not in new]
        return {**{p: d for p, d in new.items() if base.get(p) != d}, **dict.fromkeys(gone)}

    def _aliases(self, paths: Iterable[str]) -> set[str]:
        names = set(paths)
        for twist in self.twists:
            if names.intersection(twist.paths):
                names.update(twist.paths)
                names.update(twist.before({p: self.final[p] for p in twist.paths}))
        return names

    def commit(self, message: str, author: Person, files: dict[str, bytes | None], name: str = "") -> None:
        # Straight to the main line goes only what somebody else has looked at, who is the one to commit it.
        self.tip = self.stream.commit(
            message,
            author,
            self.now(),
            files,
            parents=[self.tip] if self.tip else [],
            committer=next(r for r in REVIEWERS if r != author),
            name=name,
        )
        self.apply(files)

    def apply(self, files: dict[str, bytes | None]) -> None:
        for path, data in files.items():
            if data is None:
                self.state.pop(path, None)
            else:
                self.state[path] = data

    # ---- what happens ----

    def tell(self) -> None:
        self.twists = list(twists(self.final, self.folders))
        self.subjects = {t.name: t.paths for t in self.twists}
        self.active = list(self.twists)
        everything = self.shown(self.final)
        design = {p: d for p, d in everything.items() if not p.startswith("records/")}
        city = {
            p: d for p, d in everything.items() if p.startswith("records/") and not p.startswith(TOWNSHIPS)
        }
        towns = {p: d for p, d in everything.items() if p.startswith(TOWNSHIPS)}
        self.commit("建立备案库：表结构、规则和模板", REVIEWERS[0], dict(design), "design")
        self.commit("录入全市机构、政策和日历", REVIEWERS[0], dict(city))
        self.commit("批量导入各乡镇2018年换届以前的台账", IMPORTER, dict(towns), "import")
        buckets = self.buckets()
        specials = self.specials()
        gap = max(1, len(buckets) // (len(specials) + 1))
        for number, bucket in enumerate(buckets, 1):
            self.work(bucket)
            if number % gap == 0 and specials:
                specials.pop(0)()
        for special in specials:
            special()
        self.close()

    def buckets(self) -> list[dict[str, list[tuple[str, str]]]]:
        """Cut the days' work into as many portions as give the commits that are wanted: folder -> (day, path)."""
        events = [
            (day, path)
            for path, data in self.final.items()
            if path.startswith(TOWNSHIPS)
            for day in dates_in(data)
        ]
        events.sort()
        # A portion of one township costs a commit or two and its merge.
        portions = max(1, int((self.wanted - 30) / (len(self.folders) * 2.4)))
        size = max(1, -(-len(events) // portions))
        result = []
        for n in range(0, len(events), size):
            portion: dict[str, list[tuple[str, str]]] = {}
            for day, path in events[n : n + size]:
                portion.setdefault(path.split("/")[2], []).append((day, path))
            result.append(portion)
        return result

    def work(self, bucket: dict[str, list[tuple[str, str]]]) -> None:
        """Each township enters its portion on a branch; the branches start together and are merged one after another."""
        start, base = self.tip, dict(self.state)
        self.move_to(max(day for events in bucket.values() for day, _ in events))
        ready = []
        for folder, events in bucket.items():
            author = self.clerks[folder][len(events) % 2]
            paths = list(dict.fromkeys(p for _, p in events))
            half = -(-len(paths) // (2 if len(paths) > 3 else 1))
            brought: dict[str, bytes | None] = {}
            here = start
            for part in (paths[:half], paths[half:]):
                known = {**base, **{p: d for p, d in brought.items() if d is not None}}
                # What a twist keeps in another township's folder is not this township's to change.
                home = f"{TOWNSHIPS}{folder}/"
                files = {p: d for p, d in self.difference(part, known).items() if p.startswith(home)}
                if files:
                    subject = f"{folder.split('-')[-1]}：登记{self.day[:7]}的变动（{len(files)} 个文件）"
                    here = self.stream.commit(
                        subject, author, self.now(), files, parents=[here], branch=folder[:9]
                    )
                    brought.update(files)
            if here != start:
                ready.append((folder, here, brought))
        for folder, here, brought in ready:
            self.merge(folder, here, brought)

    def merge(self, folder: str, branch: int, files: dict[str, bytes | None], name: str = "") -> None:
        self.requests += 1
        code, _, name_of = folder.partition("-")
        subject = f"Merge pull request #{self.requests} from {code}/{self.day}\n\n{name_of}{self.day[:7]}登记"
        reviewer = REVIEWERS[self.requests % 3]
        self.tip = self.stream.commit(
            subject, reviewer, self.now(), files, parents=[self.tip, branch], name=name
        )
        self.apply(files)

    def specials(self) -> list[Callable[[], None]]:
        released = [lambda t=t: self.release(t) for t in self.twists]  # type: ignore[misc]
        extra = [
            self.mistake_and_revert,
            self.dropped_by_a_merge,
            self.broken_for_a_while,
            self.other_encoding,
        ]
        return [x for pair in itertools.zip_longest(released, extra) for x in pair if x is not None]

    def release(self, twist: Twist) -> None:
        self.active.remove(twist)
        files = self.difference(twist.paths, self.state)
        if not twist.by_merge:
            self.commit(twist.message, twist.author, files, twist.name)
            return
        folder = self.folders[-1]
        path = f"{TOWNSHIPS}{folder}/README.md"
        own: dict[str, bytes | None] = {
            path: f"# {folder.split('-')[-1]}\n\n联系人：{self.clerks[folder][0].name}\n".encode()
        }
        branch = self.stream.commit(
            "补充联系人", self.clerks[folder][0], self.now(), own, parents=[self.tip], branch="contact"
        )
        self.merge(folder, branch, {**own, **files}, twist.name)
        self.commit("联系人改记在机构表", REVIEWERS[1], {path: None})

    def _person(self, number: int) -> tuple[str, bytes, bytes]:
        """Return a document that no twist is about, as it is, and with another place of birth."""
        taken = {p for t in self.twists for p in t.paths}
        found = [p for p in sorted(self.state) if is_person(p) and p not in taken]
        path = found[number * 7 % len(found)]
        return (
            path,
            self.state[path],
            re.sub(rb"(?m)^birthplace: .*$", "birthplace: 外省外市".encode(), self.state[path]),
        )

    def mistake_and_revert(self) -> None:
        path, good, bad = self._person(1)
        self.subjects["mistake"] = self.subjects["revert"] = (path,)
        self.commit("修改出生地", self.clerks[path.split("/")[2]][0], {path: bad}, "mistake")
        self.commit('Revert "修改出生地"\n\n与档案不符，退回。', REVIEWERS[1], {path: good}, "revert")

    def dropped_by_a_merge(self) -> None:
        path, _, bad = self._person(2)
        folder = path.split("/")[2]
        self.subjects["drop"] = (path,)
        branch = self.stream.commit(
            "更正出生地",
            self.clerks[folder][1],
            self.now(),
            {path: bad},
            parents=[self.tip],
            branch="drop",
            name="dropped",
        )
        self.merge(folder, branch, {}, "drop")

    def broken_for_a_while(self) -> None:
        path, good, _ = self._person(3)
        author = self.clerks[path.split("/")[2]][0]
        self.subjects["broken"] = self.subjects["mended"] = (path,)
        self.commit("补充专长", author, {path: good + b"specialities: [\n"}, "broken")
        self.commit("改正写坏的文件", author, {path: good}, "mended")

    def other_encoding(self) -> None:
        path = f"{TOWNSHIPS}{self.folders[0]}/notices.csv"
        if path not in self.state:
            return
        good, author = self.state[path], self.clerks[self.folders[0]][0]
        self.subjects["gb18030"] = self.subjects["crlf"] = (path,)
        self.commit(
            "用表格软件另存", author, {path: good.decode().replace("\n", "\r\n").encode("gb18030")}, "gb18030"
        )
        self.commit("存为 UTF-8", author, {path: good.replace(b"\n", b"\r\n")}, "crlf")
        self.commit("改回 LF 换行", author, {path: good}, "lf")

    def close(self) -> None:
        """Enter what is left, and as many checks of single documents as bring the number of commits that is wanted."""
        rounds = 0
        tables = [p for p in sorted(self.state) if p.startswith(TOWNSHIPS) and p.endswith(".csv")]
        while self.stream.commits + 3 < self.wanted:
            path, good, _ = self._person(5 + rounds)
            doubtful = re.sub(rb"(?m)^(native_place: .*)$", rf"\1（{rounds}次核对中）".encode(), good)
            if rounds % 3 == 2:
                path = tables[rounds % len(tables)]
                good = self.state[path]
                head, first, rest = good.split(b"\n", 2)
                # The last cell in words: one of the first may be part of the key.
                cells = re.split(rb"(?<=[^\0-\x7f]),", first)
                doubtful = b"\n".join(
                    [head, f"（{rounds}核）,".encode().join([b",".join(cells[:-1]), cells[-1]]), rest]
                )
            author = self.clerks[path.split("/")[2]][rounds % 2]
            self.commit(f"标记待核：{Path(path).stem}", author, {path: doubtful})
            self.commit(f"核对无误：{Path(path).stem}", author, {path: good})
            rounds += 1
        left = {p: d for p, d in self.final.items() if self.state.get(p) != d}
        halves = [dict(itertools.islice(left.items(), n, None, 2)) for n in range(2)]
        for half in halves:
            self.commit("年度核对：补录各表", REVIEWERS[0], dict(half))
        self.commit("年度核对完毕，准备发布", REVIEWERS[0], {}, "last")


def make_history(source: Path | Files, out: Path, commits: int = 400, *, signed: bool = True) -> Made:
    """Write a repository of about that many commits whose last tree is the source.

    Args:
        source: a city's folder, or its files.
        out: a folder that does not exist yet.
        signed: sign the last three commits, where ssh-keygen is there; the key is left in the repository's `.git`.
    """
    story = _Story(source if isinstance(source, dict) else read_source(source), out, commits)
    story.tell()
    marks = story.stream.finish(checkout=not signed)
    made = Made(out, story.stream.commits, marks, story.subjects)
    if signed:
        if shutil.which("ssh-keygen"):
            last = git(out, "rev-list", "--first-parent", "--reverse", "-3", "main").split()
            made.key = signing_key(out / ".git")
            twins = sign(out, last, made.key)
            made.marks = {n: twins.get(i, i) for n, i in marks.items()}
            made.signed = list(twins.values())
        git(out, "reset", "-q", "--hard", "main")
    return made


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--source", type=Path, default=ROOT, help="a city; by default the sample city of this project"
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--commits", type=int, default=400)
    options = parser.parse_args()
    if options.out.exists():
        parser.error(f"{options.out} exists")
    made = make_history(options.source, options.out, options.commits)
    print(f"{made.commits} commits in {made.root}")
    for name, commit in made.marks.items():
        print(f"  {name:<16} {commit[:12]}  {'、'.join(made.subjects.get(name, ()))}")


if __name__ == "__main__":
    main()
