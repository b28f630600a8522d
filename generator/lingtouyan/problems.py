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
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


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
    """

    file: str
    line: int
    column: str
    rule: str
    severity: Severity
    message: str

    def as_dict(self) -> dict[str, str | int]:
        """Return the six members that the JSON output promises, in that order."""
        return dataclasses.asdict(self) | {"severity": self.severity.value}


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


def has_errors(problems: Iterable[Problem]) -> bool:
    """Tell whether any problem blocks a merge."""
    return any(p.severity is Severity.ERROR for p in problems)


_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def printable(text: str) -> str:
    """Show control, direction and invisible characters as code points: a value must not steer the reader's terminal."""
    return _UNPRINTABLE.sub(lambda m: f"⟨U+{ord(m[0]):04X}⟩", text)


# As long as the numbers of persons, telephones and accounts are: typed into whatever field, a message does not tell them.
_LONG_NUMBER = re.compile(r"(?<![0-9A-Za-z])(?:\d{15,18}[\dXx]|1[3-9]\d{9})(?![0-9A-Za-z])")


def quoted(value: object, limit: int = 40) -> str:
    """Quote a value for a message, bounded in length; of a number that may be a person's only the beginning."""
    text = printable(_LONG_NUMBER.sub(lambda m: f"{m[0][:2]}●●●", str(value)))
    return f"“{text if len(text) <= limit else text[: limit - 1] + '…'}”"


def did_you_mean(word: str, known: Collection[str], otherwise: str = "。") -> str:
    """Return the end of a sentence about an unknown word: the known one that is spelt nearly so, or `otherwise`."""
    near = difflib.get_close_matches(word, sorted(known), 1, 0.6)
    return f"，您是不是要找 {near[0]}？" if near else otherwise


_MACHINE = {
    errno.ENOSPC: "磁盘已满",
    errno.EDQUOT: "磁盘配额已用完",
    errno.EROFS: "所在的磁盘是只读的",
    errno.EACCES: "没有权限",
    errno.EPERM: "没有权限",
    errno.EMFILE: "打开的文件太多",
    errno.ENOMEM: "内存不足",
    errno.EIO: "磁盘读写出错",
    errno.ENOENT: "文件不存在",
    errno.EISDIR: "是文件夹，不是文件",
    errno.ENOTDIR: "不是文件夹",
    errno.ELOOP: "是符号链接",
}


def os_fault(fault: OSError) -> str:
    """Say in the user's language what the machine refused, and where."""
    reason = _MACHINE.get(fault.errno or 0) or fault.strerror or type(fault).__name__
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
        f"::{p.severity.value} {place(p)}title={prop(_title(p))}::{data(p.message)}" for p in problems
    )


def as_code_quality(problems: Sequence[Problem]) -> str:
    """Print a report in the form that GitLab shows beside the changed lines; each finding has a lasting fingerprint."""
    seen: Counter[str] = Counter()
    report = []
    for p in problems:
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
    """Print grouped by file, errors and warnings marked; `limit` bounds the lines shown per file and rule."""
    red, yellow, bold, off = ("\033[31m", "\033[33m", "\033[1m", "\033[0m") if colour else ("", "", "", "")
    lines: list[str] = []
    for file, found in itertools.groupby(problems, lambda p: p.file):
        lines.append(f"{bold}{printable(file) or '（整库）'}{off}")
        shown: Counter[str] = Counter()
        for p in found:
            shown[p.rule] += 1
            if limit is None or shown[p.rule] <= limit:
                mark = f"{red}错误{off}" if p.severity is Severity.ERROR else f"{yellow}提醒{off}"
                place = f"第{p.line}行" if p.line else ""
                column = f"[{printable(p.column)}]" if p.column else ""
                head = " ".join(part for part in (place, column, mark) if part)
                lines.append(f"  {head} {printable(p.rule)}：{printable(p.message)}")
        for rule, count in shown.items():
            if limit is not None and count > limit:
                lines.append(f"  …… 同类 {rule} 还有 {count - limit} 处（--format json 列出全部）")
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
    errors = sum(p.severity is Severity.ERROR for p in problems)
    files = len({p.file for p in problems})
    return f"共 {errors} 个错误、{len(problems) - errors} 个提醒，涉及 {files} 个文件。"
