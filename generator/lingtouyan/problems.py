"""What can be wrong, as values: one type for every finding, whatever found it.

Reading, conformance and rules all yield `Problem`; printers turn lists of them into text, JSON or CI annotations.
"""

from __future__ import annotations

import dataclasses
import difflib
import errno
import hashlib
import itertools
import json
import os
import re
import tomllib
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

WORDING: dict[str, dict[str, str]] = tomllib.loads(
    Path(__file__).with_name("wording.toml").read_text("utf-8")
)
"""What users are told, by subject, and there by what it is about."""


class Severity(StrEnum):
    """How much a problem weighs: an error blocks a merge, a warning is shown."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong at one place.

    Attributes:
        file: path relative to the project root, with `/`; empty when no file is at fault.
        line: physical line, from 1; 0 when no line is at fault.
        column: title of the field at fault, or empty.
        rule: id of the rule, or the error type of the table standard (`type-error`, `foreign-key`, ...).
        severity: error or warning.
        message: what is wrong and what to do, in the user's language.
        place: follows the column's title where people read: its name in the file, and a spreadsheet's letter.
        cause: `place_of` another problem that this one may only follow from; `*` for all errors together.
        stage: by what it was found: 0 the form of the records, 1 a rule, 2 a rule over all records.
    """

    file: str
    line: int
    column: str
    rule: str
    severity: Severity
    message: str
    place: str = dataclasses.field(default="", compare=False)
    cause: str = dataclasses.field(default="", compare=False)
    stage: int = dataclasses.field(default=0, compare=False)

    @property
    def place_of(self) -> str:
        """What others name it by as their cause."""
        return f"{self.file}:{self.line}:{self.column}:{self.rule}"

    def as_dict(self) -> dict[str, str | int]:
        """Return the six members that the JSON output promises, in that order."""
        names = ("file", "line", "column", "rule", "severity", "message")
        return {name: getattr(self, name) for name in names} | {"severity": self.severity.value}


class RecordsError(Exception):
    """The tree cannot be read any further: carries the problems to show (exit code 1)."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems[0].message if problems else "")
        self.problems = list(problems)


class UsageError(Exception):
    """The tool was used wrongly or the machine lacks something (exit code 2); the text is for the user."""


def error(file: str, line: int, rule: str, message: str, column: str = "") -> Problem:
    """Make an error."""
    return Problem(file, line, column, rule, Severity.ERROR, message)


def warning(file: str, line: int, rule: str, message: str, column: str = "") -> Problem:
    """Make a warning."""
    return Problem(file, line, column, rule, Severity.WARNING, message)


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Sort by place and drop exact repeats, so that two runs print the same."""
    return sorted(set(problems), key=lambda p: (p.file, p.line, p.severity, p.rule, p.column, p.message))


def _folded(problems: Sequence[Problem]) -> list[Problem]:
    """Return causes first: without what may follow from others, which say how many these are; errors before warnings."""
    places = {p.place_of for p in problems if not p.cause}
    followers: dict[str, list[str]] = {}
    for p in problems:
        if p.cause in places:
            followers.setdefault(p.cause, []).append(p.rule)
    told = []
    for p in problems:
        if not p.cause or p.cause not in places | {"*"}:
            rules = followers.pop(p.place_of, [])
            named = "、".join(sorted(set(rules))[:_NAMED]) + (" 等" if len(set(rules)) > _NAMED else "")
            more = f"另有 {len(rules)} 处可能由此引起（{named}）。" if rules else ""
            told.append(dataclasses.replace(p, message=p.message + more))
    return sorted(told, key=lambda p: p.stage if p.severity is Severity.ERROR else _WARNINGS)


def has_errors(problems: Iterable[Problem]) -> bool:
    """Tell whether any problem blocks a merge."""
    return any(p.severity is Severity.ERROR for p in problems)


_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def printable(text: str) -> str:
    """Show control, direction and invisible characters as code points: a value must not steer the reader's terminal."""
    text = text.encode("utf-8", "backslashreplace").decode()
    return _UNPRINTABLE.sub(lambda m: f"⟨U+{ord(m[0]):04X}⟩", text)


def date_words(parts: Iterable[str]) -> str:
    """Write year, month and day, as far as they are given, as running text has them: `2026年4月7日`, `1975年3月`."""
    return "".join(f"{int(part)}{unit}" for part, unit in zip(parts, "年月日", strict=False))


# So many files' worth of one rule's lines are shown in all.
_FILES = 5
# After the stages of errors.
_WARNINGS = 3
_NAMED = 8
# As long as the numbers of persons, telephones and accounts are: typed into whatever field, a message does not tell them.
_LONG_NUMBER = re.compile(r"(?<![0-9A-Za-z])(?:\d{15,18}[\dXx]|1[3-9]\d{9})(?![0-9A-Za-z])")


def quoted(value: object, limit: int = 40) -> str:
    """Quote a value for a message, bounded in length; of a number that may be a person's only the beginning."""
    text = printable(_LONG_NUMBER.sub(lambda m: f"{m[0][:2]}●●●", str(value)))
    return f"“{text if len(text) <= limit else text[: limit - 1] + '…'}”"


def meant(word: str, known: Collection[str]) -> str:
    """Return the known word that is spelt nearly so, or an empty text."""
    # Of a word of two characters, one in common is much.
    near = difflib.get_close_matches(word, sorted(known), 1, 0.6 if word.isascii() else 0.5)
    return near[0] if near else ""


def did_you_mean(word: str, known: Collection[str], otherwise: str = "。") -> str:
    """Return the end of a sentence about an unknown word: the known one that is spelt nearly so, or `otherwise`."""
    near = meant(word, known)
    return f"，您是不是要找 {near}？" if near else otherwise


def os_fault(fault: OSError) -> str:
    """Say in the user's language what the machine refused, and where."""
    reason = (
        WORDING["machine"].get(errno.errorcode.get(fault.errno or 0, ""))
        or fault.strerror
        or type(fault).__name__
    )
    name = fault.filename if isinstance(fault.filename, str | bytes) else ""
    place = printable(os.fsdecode(name))
    return f"{f'{place}：' if place else ''}{reason}，没有做完。请检查磁盘空间和读写权限后重试。"


def as_json(problems: Sequence[Problem]) -> str:
    """Print an array of `{file,line,column,rule,severity,message}`."""
    return json.dumps([p.as_dict() for p in problems], ensure_ascii=False, indent=1)


def as_github(problems: Sequence[Problem]) -> str:
    """Print workflow commands that the git host shows beside the changed lines."""

    def data(text: str) -> str:
        return printable(text).replace("%", "%25")

    def prop(text: str) -> str:
        return data(text).replace(":", "%3A").replace(",", "%2C")

    def place(p: Problem) -> str:
        return f"file={prop(p.file)},line={max(p.line, 1)}," if p.file else ""

    return "\n".join(
        f"::{p.severity.value} {place(p)}title={prop(_title(p))}::{data(p.message)}"
        for p in _folded(problems)
    )


def as_code_quality(problems: Sequence[Problem]) -> str:
    """Print a report in the form that GitLab shows beside the changed lines; each finding has a lasting fingerprint."""
    seen: Counter[str] = Counter()
    report = []
    for p in _folded(problems):
        words = f"{p.file}\0{p.rule}\0{p.column}\0{p.message}"
        seen[words] += 1
        report.append(
            {
                "description": printable(f"{_title(p)}：{p.message}"),
                "check_name": p.rule,
                "fingerprint": hashlib.sha256(f"{words}\0{seen[words]}".encode()).hexdigest(),
                "severity": "critical" if p.severity is Severity.ERROR else "minor",
                "location": {
                    "path": printable(p.file) or "datapackage.yaml",
                    "lines": {"begin": max(p.line, 1)},
                },
            }
        )
    return json.dumps(report, ensure_ascii=False, indent=1)


def _title(problem: Problem) -> str:
    return f"{problem.rule} {problem.column}".strip()


def as_text(problems: Sequence[Problem], *, colour: bool = False, limit: int | None = None) -> str:
    """Print grouped by file, errors and warnings marked.

    Args:
        limit: how many lines of one rule are shown of each file; of all files five times as many.
    """
    red, yellow, bold, off = ("\033[31m", "\033[33m", "\033[1m", "\033[0m") if colour else ("", "", "", "")
    lines: list[str] = []
    whole: Counter[str] = Counter()
    unseen: dict[str, Counter[str]] = {}
    for file, found in itertools.groupby(_folded(problems), lambda p: p.file):
        shown: Counter[str] = Counter()
        here: list[str] = []
        for p in found:
            shown[p.rule] += 1
            if limit is not None and whole[p.rule] >= _FILES * limit:
                unseen.setdefault(p.rule, Counter())[file] += 1
            elif limit is None or shown[p.rule] <= limit:
                whole[p.rule] += 1
                mark = f"{red}错误{off}" if p.severity is Severity.ERROR else f"{yellow}提醒{off}"
                place = f"第{p.line}行" if p.line else ""
                column = f"[{printable(p.column + p.place)}]" if p.column else ""
                head = " ".join(part for part in (place, column, mark) if part)
                here.append(f"  {head} {printable(p.rule)}：{printable(p.message)}")
        for rule, count in shown.items():
            more = count - (limit or count) - unseen.get(rule, Counter())[file]
            if more > 0:
                here.append(f"  …… 同类 {rule} 还有 {more} 处（--format json 列出全部）")
        if here:
            lines += [f"{bold}{printable(file) or '（整库）'}{off}", *here]
    for rule, files in unseen.items():
        where = f"{files.total()} 处，在 {len(files)} 个文件里"
        lines.append(f"…… 同类 {rule} 还有 {where}（--format json 列出全部）")
    return "\n".join(lines)


def written(problems: Sequence[Problem], form: str, *, colour: bool = False, limit: int | None = None) -> str:
    """Return problems in one of the forms that commands offer: text, json, github, codequality."""
    if form == "text":
        told = as_text(problems, colour=colour, limit=limit)
        return f"{told}\n{summary(problems)}" if problems else summary(problems)
    return {"json": as_json, "github": as_github, "codequality": as_code_quality}[form](problems)


def summary(problems: Sequence[Problem]) -> str:
    """Say in one line how many errors and warnings there are."""
    if not problems:
        return "没有发现问题。"
    told = _folded(problems)
    errors = sum(p.severity is Severity.ERROR for p in told)
    files = len({p.file for p in told})
    more = len(problems) - len(told)
    after = f"另有 {more} 处可能由这些错误引起，改正后再校验一次（--format json 列出全部）。" if more else ""
    return f"共 {errors} 个错误、{len(told) - errors} 个提醒，涉及 {files} 个文件。{after}"


def warnings_by_rule(problems: Sequence[Problem]) -> str:
    """Sum warnings up in three lines, for whoever asked for something else than a check."""
    counts = Counter(p.rule for p in problems)
    told = "、".join(f"{printable(rule)} {count} 处" for rule, count in counts.most_common(_NAMED))
    more = f" 等 {len(counts)} 条规则" if len(counts) > _NAMED else ""
    return f"提醒 {len(problems)} 处，不影响生成：\n  {told}{more}\n  逐条看用 lingtouyan check"
