"""Markdown documents with front matter: the front matter is a record, the headings are its sections.

Headings inside fenced code are text. A section's identity is its `{#id}`, so that wording can change and links hold.
"""

from __future__ import annotations

import re

from lingtouyan.reading.yaml import Mapping, YamlError, parse_yaml

_HEADING = re.compile(r"(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*\Z")
_IDENTITY = re.compile(r"[ \t]*\{[ \t]*#([^\s{}]+)[^{}]*\}[ \t]*\Z")
_FENCE = re.compile(r"[ \t]{0,3}(`{3,}|~{3,})")


def parse_markdown(text: str) -> Mapping:
    """Split a document into its record.

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
    record = parse_yaml("\n".join(["", *lines[1:end]]) + "\n")
    if not isinstance(record, Mapping):
        raise YamlError(2, "文件头应是键值（键: 值）。")
    for key, value in (("body", "\n".join(lines[end + 1 :]).strip()), ("sections", sections(lines, end + 1))):
        if key in record:
            raise YamlError(record.lines[key], f"文件头里不能写 {key}，它由正文得出。")
        record[key] = value  # type: ignore[assignment]
        record.lines[key] = end + 2
    return record


def sections(lines: list[str], start: int) -> list[Mapping]:
    """Return one mapping per heading from `lines[start:]`, each with its text up to the next heading."""
    result: list[Mapping] = []
    body: list[str] = []
    fence = ""
    for number, line in enumerate(lines[start:], start + 1):
        mark = _FENCE.match(line)
        if mark and not fence:
            fence = mark[1]
        elif mark and line.strip().startswith(fence) and not line.strip().strip(fence[0]):
            fence = ""
        heading = None if fence or mark else _HEADING.match(line)
        if heading is None:
            body.append(line)
            continue
        _close(result, body)
        body = []
        title = heading[2]
        identity = _IDENTITY.search(title)
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
    return result


def _close(result: list[Mapping], body: list[str]) -> None:
    if result:
        result[-1]["body"] = "\n".join(body).strip() or None
