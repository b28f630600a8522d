"""What a city once had otherwise in its files, until the commit that brought it to what it is now.

Each twist is one thing that happens in every archive and that a history of records must not be misled by.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fast_import import Person

TOWNSHIPS = "records/townships/"
Files = dict[str, bytes]
Rewrite = Callable[[Files], Files]

IMPORTER = Person("数据迁移", "import@zzb.shili.example")
REVIEWERS = (
    Person("马程航", "zzb@shili.example"),
    Person("康鹏海", "kang@zzb.shili.example"),
    Person("刘芳雨", "liu@zzb.shili.example"),
)


@dataclass
class Twist:
    """A difference from the final files that lasts until its own commit.

    Attributes:
        paths: final paths of the files it is about.
        before: the files as they were, from the files as they should be.
    """

    name: str
    message: str
    paths: tuple[str, ...]
    before: Rewrite
    author: Person
    by_merge: bool = False


def is_person(path: str) -> bool:
    """Tell whether a path is that of a person's document."""
    return path.startswith(TOWNSHIPS) and "/people/" in path


def twists(final: Files, folders: list[str]) -> Iterator[Twist]:
    """Yield what this city once had otherwise, as far as its files allow."""
    people = [p for p in sorted(final) if is_person(p)]
    if len(folders) < 2 or not people:
        return
    first, second = f"{TOWNSHIPS}{folders[0]}/", f"{TOWNSHIPS}{folders[1]}/"
    named = people[3]
    yield Twist(
        "rename",
        "人员文件改用编号命名",
        (named,),
        lambda files: {p.replace("/people/", "/people/旧档 “甲”-"): d for p, d in files.items()},
        REVIEWERS[0],
    )
    here, there = first + "villages.csv", second + "villages.csv"
    if here in final and there in final:
        yield Twist(
            "moved-village",
            "区划调整：一村改属另一乡镇",
            (here, there),
            lambda files: _moved(files, here, there),
            REVIEWERS[1],
        )
    one, two = first + "supervision_members.csv", second + "supervision_members.csv"
    if one in final and two in final:
        yield Twist(
            "split",
            "监督委员会成员分乡镇存放",
            (one, two),
            lambda files: {one: files[one] + files[two].split(b"\n", 1)[1]},
            REVIEWERS[0],
        )
    sorted_path = second + "attendance.csv"
    if sorted_path in final:
        yield Twist("re-sorted", "按编号重新排序", (sorted_path,), _reversed, REVIEWERS[2])
    yield Twist("re-formatted", "统一文件写法", (people[5],), _spelt_out, REVIEWERS[2])
    lists = [p for p in people[10:] if final[p].count(b"\n  - {started:") > 1]
    if lists:
        yield Twist("list-reordered", "简历按时间顺序排列", (lists[0],), _swapped, REVIEWERS[2])
    yield Twist("evil-merge", "", (people[9],), _elsewhere, REVIEWERS[2], by_merge=True)


def _moved(files: Files, here: str, there: str) -> Files:
    head, *rows = files[there].split(b"\n")
    column = head.split(b",").index(b"township_id")
    former = files[here].split(b"\n")[1].split(b",")[column]
    cells = rows[0].split(b",")
    cells[column] = former
    return {
        here: files[here] + b",".join(cells) + b"\n",
        there: b"\n".join([head, *rows[1:]]),
    }


def _reversed(files: Files) -> Files:
    return {
        p: b"\n".join([(lines := d.rstrip(b"\n").split(b"\n"))[0], *lines[:0:-1], b""])
        for p, d in files.items()
    }


def _spelt_out(files: Files) -> Files:
    """Top-level keys backwards, values in quotes, items one key a line."""
    result = {}
    for path, data in files.items():
        blocks = re.split(r"(?m)^(?=\w)", data.decode())[1:]
        text = "".join(reversed(blocks))
        text = re.sub(r"(?m)^(\w+): ([^\s\"'].*)$", lambda m: f'{m[1]}:   "{m[2]}"', text)
        text = re.sub(
            r"(?m)^  - \{(.*)\}$",
            lambda m: "  -   " + "\n      ".join(re.split(r", (?=\w+: )", m[1])),
            text,
        )
        result[path] = text.encode()
    return result


def _swapped(files: Files) -> Files:
    result = {}
    for path, data in files.items():
        lines = data.split(b"\n")
        places = [n for n, line in enumerate(lines) if b"- {started:" in line]
        lines[places[0]], lines[places[-1]] = lines[places[-1]], lines[places[0]]
        result[path] = b"\n".join(lines)
    return result


def _elsewhere(files: Files) -> Files:
    # Typed wrongly, and put right by nobody's own commit but in a merge.
    return {p: re.sub(rb"(?m)^birthplace: .*$", "birthplace: 示例市".encode(), d) for p, d in files.items()}
