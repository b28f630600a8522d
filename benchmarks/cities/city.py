"""Make a city of any size out of the sample city, for measuring: its townships again and again under other names.

    python benchmarks/cities/city.py --villages 1700 --out DIR [--source DIR] [--commits 300]

What a township's files call by a key, a code, a document number or a name is renamed in each copy, so that every rule that
the sample meets is met again. Figures that were published for the sample are left out: they are not this city's.
With --commits the city becomes a Git repository: one import commit, then so many ordinary ones.
"""

from __future__ import annotations

import argparse
import csv
import io
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from fast_import import Person, Stream

ROOT = Path(__file__).resolve().parents[2]
PARTS = (
    ".gitattributes",
    ".gitignore",
    "datapackage.yaml",
    "mkdocs.yml",
    "pyproject.toml",
    "records",
    "schemas",
    "site",
)
TOWNSHIPS = "records/townships/"
OFFICES = "records/city/organisations.csv"
# Tables of the city that speak of villages, and those that say what was published of the whole.
OF_VILLAGES = ("records/city/first_secretaries.csv", "records/city/inspections.csv")
PUBLISHED = ("records/city/snapshots.csv", "records/city/statistics.csv")
_DIGITS = "零一二三四五六七八九"
_KEY = re.compile(r"(?<![A-Za-z0-9])([A-Z]\d{4}-|[A-Z])(\d{4,6})(?![\d-])")
_CODE = re.compile(r"(?<!\d)9901(\d{2})(?=\d{3}(?:\d{3}){0,2}(?!\d))")
_DOCUMENT = re.compile(r"([\u4e00-\u9fff]+)〔(\d{4})〕(\d+)号")
_DIGEST = re.compile(r"(?<=hmac-sha256:)[0-9a-f]{2}")
_NAME = re.compile(r"^name: ([\u4e00-\u9fff]{3})$", re.M)
_PINYIN = re.compile(r"^(name: [\u4e00-\u9fff]{3}\npinyin: )\S+", re.M)
_SURNAMES = (
    *(
        "赵 zhào",
        "钱 qián",
        "孙 sūn",
        "李 lǐ",
        "周 zhōu",
        "吴 wú",
        "郑 zhèng",
        "王 wáng",
        "冯 féng",
        "陈 chén",
    ),
    *("褚 chǔ", "卫 wèi", "蒋 jiǎng", "沈 shěn", "韩 hán", "杨 yáng", "朱 zhū", "秦 qín", "许 xǔ", "何 hé"),
    *("吕 lǚ", "张 zhāng", "孔 kǒng", "曹 cáo", "严 yán", "金 jīn", "魏 wèi", "陶 táo", "姜 jiāng", "戚 qī"),
)


@dataclass
class Sample:
    """The city that is copied.

    Attributes:
        shared: files that every copy has in common -> content.
        townships: folder of a township -> its files.
        offices: rows of the townships in the table of offices; the others stay.
        spoken: tables of the city that speak of villages -> rows.
        series: (name of a number series of the city, year) -> its last number.
    """

    shared: dict[str, str]
    townships: dict[str, dict[str, str]]
    offices: list[dict[str, str]]
    spoken: dict[str, list[list[str]]]
    series: dict[tuple[str, str], int]
    step: int


def read_sample(source: Path) -> Sample:
    """Read a city."""
    shared: dict[str, str] = {}
    townships: dict[str, dict[str, str]] = {}
    for part in PARTS:
        top = source / part
        for path in [top] if top.is_file() else sorted(p for p in top.rglob("*") if p.is_file()):
            name = path.relative_to(source).as_posix()
            text = path.read_bytes().decode("utf-8", "surrogateescape")
            if name.startswith(TOWNSHIPS):
                townships.setdefault(name.split("/")[2], {})[name] = text
            else:
                shared[name] = text
    rows = list(csv.DictReader(io.StringIO(shared[OFFICES])))
    offices = [r for r in rows if r["folder"].startswith(TOWNSHIPS)]
    prefixes = {r["doc_prefix"] for r in offices}
    texts = [t for files in townships.values() for t in files.values()]
    fixed = {m[0] for n, t in shared.items() if n not in OF_VILLAGES for m in _DOCUMENT.finditer(t)}
    series: dict[tuple[str, str], int] = {}
    for text in texts:
        for found in _DOCUMENT.finditer(text):
            if found[1] not in prefixes and found[0] not in fixed:
                series[found[1], found[2]] = max(int(found[3]), series.get((found[1], found[2]), 0))
    spoken = {n: list(csv.reader(io.StringIO(shared.pop(n)))) for n in OF_VILLAGES}
    for name in PUBLISHED:
        shared[name] = shared[name].split("\n", 1)[0] + "\n"
    highest = max(int(m[2]) for t in texts for m in _KEY.finditer(t))
    return Sample(shared, townships, offices, spoken, series, 10 ** len(str(highest)))


class Copy:
    """One more set of the sample's townships.

    Args:
        number: which copy; 0 is the sample as it stands.
    """

    def __init__(self, sample: Sample, number: int) -> None:
        self._sample = sample
        self._number = number
        self._label = "".join(_DIGITS[int(d)] for d in str(number))
        self._surname = _SURNAMES[number % len(_SURNAMES)].split()
        words: dict[str, str] = {}
        for row in sample.offices:
            words[row["org_id"]] = f"{row['org_id']}{number}"
            words[row["short_name"]] = f"{self._label}{row['short_name']}"
            words[row["doc_prefix"]] = f"{self._label}{row['doc_prefix']}"
        names = {n for files in sample.townships.values() for t in files.values() for n in _NAME.findall(t)}
        plain = "|".join(sorted(map(re.escape, [*words, *names]), key=len, reverse=True))
        self._words = {**{n: self._surname[0] + n[1:] for n in names}, **words}
        # An office's key is a whole word; a document's prefix stands before its year, and there no name does.
        prefixes = "|".join(re.escape(r["doc_prefix"]) for r in sample.offices)
        self._pattern = re.compile(rf"(?:{prefixes})(?=〔)|(?<![a-z@.])(?:{plain})(?![a-z.〔])")

    def rename(self, text: str) -> str:
        """Return a file's text, or its path, as this copy has it."""
        if not self._number:
            return text
        text = _PINYIN.sub(rf"\g<1>{self._surname[1]}", text)
        text = self._pattern.sub(lambda m: self._words[m[0]], text)
        text = _KEY.sub(self._key, text)
        text = _DIGEST.sub(f"{self._number:04x}", text)
        text = _CODE.sub(lambda m: f"99{1 + self._number // 90:02d}{1 + self._number % 90:02d}", text)
        return _DOCUMENT.sub(self._document, text)

    def _key(self, found: re.Match[str]) -> str:
        if found[1][0] in "CDZ":
            # Classes, approvals and reports are the city's.
            return found[0]
        return f"{found[1]}{int(found[2]) + self._number * self._sample.step:04d}"

    def _document(self, found: re.Match[str]) -> str:
        last = self._sample.series.get((found[1], found[2]))
        if last is None:
            return found[0]
        return f"{found[1]}〔{found[2]}〕{int(found[3]) + self._number * last}号"


def make(sample: Sample, villages: int) -> Iterator[tuple[str, str]]:
    """Yield path and text of every file of a city with so many villages or more: whole copies, so that no number is missing."""
    towns = {r["org_id"] for r in sample.offices}
    every = list(csv.DictReader(io.StringIO(sample.shared[OFFICES])))
    # Offices below a township's own come with each copy of it.
    below = [r for r in every if r["parent"] in towns and r["org_id"] not in towns]
    offices = [r for r in every if r["org_id"] not in towns and r not in below]
    spoken = {name: [rows[0]] for name, rows in sample.spoken.items()}
    own = sum(
        t.count("\n") - 1
        for f in sample.townships.values()
        for n, t in f.items()
        if n.endswith("/villages.csv")
    )
    for number in range(-(-villages // own)):
        copy = Copy(sample, number)
        for files in sample.townships.values():
            for name, text in files.items():
                yield copy.rename(name), copy.rename(text)
        for row in sample.offices:
            offices.append({k: copy.rename(v) for k, v in row.items()})
            if number:
                offices[-1].update(
                    accounts=f"@{row['org_id']}{number}", emails=f"@{row['org_id']}{number}.example"
                )
        offices += [{k: copy.rename(v) for k, v in row.items()} for row in below]
        for name, rows in sample.spoken.items():
            spoken[name] += [[copy.rename(c) for c in cells] for cells in rows[1:]]
    for place, row in enumerate(offices, 1):
        row["sort_order"] = str(10 * place)
    for name, text in sample.shared.items():
        yield (
            name,
            _table([list(offices[0]), *(list(r.values()) for r in offices)]) if name == OFFICES else text,
        )
    for name, rows in spoken.items():
        yield name, _table(rows)


def _table(rows: list[list[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def write(files: dict[str, str], out: Path) -> None:
    """Write a city into a folder; nothing of what stood there stays but `.git` and `build`."""
    for part in PARTS:
        target = out / part
        shutil.rmtree(target) if target.is_dir() else target.unlink(missing_ok=True)
    for name, text in files.items():
        target = out / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode("utf-8", "surrogateescape"))


def commit(files: dict[str, str], out: Path, count: int) -> None:
    """Make a repository of a city: one import commit, then `count` commits that change one person each."""
    shutil.rmtree(out / ".git", ignore_errors=True)
    stream = Stream(out)
    start, clerk = 1_750_000_000, Person("导入", "import@example.invalid")
    data = {n: t.encode("utf-8", "surrogateescape") for n, t in files.items()}
    people = sorted(n for n in files if "/people/" in n)
    changes = [people[n * len(people) // count] for n in range(count)]
    before = {n: re.sub(r"^native_place: .*\n", "", files[n], flags=re.M) for n in changes}
    last = stream.commit("导入现有档案", clerk, start, {**data, **{n: t.encode() for n, t in before.items()}})
    for turn, name in enumerate(changes, 1):
        township = name.split("/")[2].partition("-")[2]
        person = Person(f"{township}干事", "clerk@example.invalid")
        last = stream.commit(
            f"补登 {Path(name).stem} 的籍贯", person, start + turn * 3600, {name: data[name]}, parents=[last]
        )
    stream.finish()


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--villages", type=int, default=300, help="number of villages, at least (whole copies)"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the new project")
    parser.add_argument(
        "--source", type=Path, default=ROOT, help="the city that is copied (default: the sample)"
    )
    parser.add_argument(
        "--commits", type=int, help="make it a repository with so many commits after the first"
    )
    options = parser.parse_args()
    files = dict(make(read_sample(options.source), options.villages))
    if options.commits is None:
        write(files, options.out)
    else:
        commit(files, options.out, options.commits)
    print(f"{len(files)} files → {options.out}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
