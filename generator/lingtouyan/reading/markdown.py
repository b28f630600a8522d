"""Markdown documents with front matter: the front matter is a record, the headings are its sections.

Headings inside fenced code are text. A section's identity is its `{#id}`, so that wording can change and links hold.
"""

from __future__ import annotations

import re

from lingtouyan.reading.yaml import Mapping, Remarks, YamlError, parse_yaml

_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*\Z")
_IDENTITY = re.compile(r"[ \t]*\{[ \t]*#([^\s{}]+)[^{}]*\}[ \t]*\Z")
_FENCE = re.compile(r"[ \t]{0,3}(`{3,}|~{3,})")
# What looks like a heading, an underlined one, a key, a clause in an order of clauses, and is none.
_ALMOST = re.compile(r"[\s\u3000\xa0]*[#＃]+[\s\u3000\xa0]*[^\s#＃]")
_UNDERLINE = re.compile(r" {0,3}(=+|-{2,})[ \t]*\Z")
_KEY = re.compile(r"([a-z_][a-z0-9_]*[ \t]*[:：]|---[ \t]*\Z)")
_ORDINAL = re.compile(r"[\s\u3000>*_-]*第[一二三四五六七八九十百零〇\d]+([章节条款])[\s\u3000*_:：]")


def parse_markdown(text: str, remarks: Remarks | None = None) -> Mapping:
    """Split a document into its record.

    Args:
        text: the file's text.
        remarks: takes what is hardly meant as it is read, where someone asks.

    Returns:
        The front matter plus `body` (the text after it) and `sections`: a list with, for each heading,
        `section` (its id, else `h` and its running number), `level`, `title` and `body`.

    Raises:
        YamlError: the front matter is missing or cannot be read.
    """
    lines = text.split("\n")
    if not lines or lines[0].rstrip() != "---":
        raise YamlError(1, "缺少文件头：第一行应为“---”，其后是键值，再以“---”结束。")
    end = next((i for i, line in enumerate(lines[1:], 1) if line.rstrip() == "---"), None)
    if end is None:
        raise YamlError(1, "文件头没有结束：请在键值之后另起一行写“---”。")
    # Lines are counted from the top of the file.
    record = parse_yaml("\n".join(["", *lines[1:end]]) + "\n", remarks)
    if not isinstance(record, Mapping):
        raise YamlError(2, "文件头应是键值（键: 值）。")
    for key, value in (
        ("body", "\n".join(lines[end + 1 :]).strip()),
        ("sections", sections(lines, end + 1, remarks)),
    ):
        if key in record:
            raise YamlError(record.lines[key], f"文件头里不能写 {key}，它由正文得出。")
        record[key] = value  # type: ignore[assignment]
        record.lines[key] = end + 2
    return record


def sections(lines: list[str], start: int, remarks: Remarks | None = None) -> list[Mapping]:
    """Return one mapping per heading from `lines[start:]`, each with its text up to the next heading."""
    result: list[Mapping] = []
    body: list[str] = []
    fence, opened = "", 0
    told: Remarks = []
    clauses: list[tuple[int, str]] = []
    for number, line in enumerate(lines[start:], start + 1):
        mark = _FENCE.match(line)
        if mark and not fence:
            fence, opened = mark[1], number
        elif mark and line.strip().startswith(fence) and not line.strip().strip(fence[0]):
            fence = ""
        heading = None if fence or mark else _HEADING.match(line)
        if heading is None:
            if not fence:
                told += _almost(line, number, body, start if not result else 0)
                if clause := _ORDINAL.match(line):
                    clauses.append((number, clause[1]))
            body.append(line)
            continue
        _close(result, body)
        body = []
        title = heading[2]
        identity = _IDENTITY.search(title)
        if not identity and re.search(r"[{｛][^{}｛｝]*[}｝]\s*\Z", title):
            told.append((number, "标题末尾的编号没有认出来。请写成 {#编号}，括号和 # 都用半角。"))
        section = Mapping(number)
        section.update(
            section=identity[1] if identity else f"h{len(result) + 1}",
            level=str(len(heading[1])),
            title=_IDENTITY.sub("", title),
            body=None,
        )
        section.lines = dict.fromkeys(section, number)
        result.append(section)
    _close(result, body)
    if fence:
        told.append((opened, "代码块（```）没有结束，后面的标题都没有读取。请补上结束的一行。"))
    kinds = {m[1] for s in result if (m := _ORDINAL.match(f"{s['title']} "))}
    told += [
        (n, "这一行像是另一条，却不是标题，归入了上一条。请在前面加上 # 和空格。")
        for n, k in clauses
        if k in kinds
    ]
    if remarks is not None:
        remarks += told
    return result


def _almost(line: str, number: int, before: list[str], head: int) -> Remarks:
    """Tell of a line of text that was meant to be something else; `head`: where the front matter ended, before any heading."""
    if _ALMOST.match(line):
        return [
            (number, "这一行不是标题：“#”应在行首，半角，至多六个，后面加一个空格。是正文的，请写成“\\#”。")
        ]
    if head and _KEY.match(line):
        return [(number, f"文件头在第 {head} 行已经结束，这一行没有当作键值读取。请移到文件头里。")]
    if before and before[-1].strip() and "|" not in before[-1] and _UNDERLINE.match(line):
        return [(number, "上一行没有当作标题读取：标题请在行首写 # 和空格，不用下划线。")]
    return []


def _close(result: list[Mapping], body: list[str]) -> None:
    if result:
        result[-1]["body"] = "\n".join(body).strip() or None
