"""YAML documents as plain text values with line numbers; nothing is interpreted, nothing can expand.

Built from libyaml's event stream: no recursion, no aliases, no tags, no repeated keys, so a hostile file stays small.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, TypeAlias

import yaml
from yaml.events import (
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from lingtouyan.problems import WORDING, quoted

MAX_DEPTH = 40

Value: TypeAlias = "str | Mapping | list[Value] | None"


class Mapping(dict[str, "Value"]):
    """A YAML mapping that knows where it and its keys stand.

    Attributes:
        line: physical line of its first key, from 1.
        lines: physical line of each key.
    """

    __slots__ = ("line", "lines")

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[str, int] = {}


class Items(list["Value"]):
    """A YAML list that knows where it and its items stand.

    Attributes:
        line: physical line on which it begins.
        lines: physical line of each item.
    """

    __slots__ = ("line", "lines")

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: list[int] = []


class YamlError(ValueError):
    """The document cannot be taken as data; `line` is physical, from 1, the text is for the user."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def _events(text: str) -> Iterator[Any]:
    loader = yaml.CLoader(text)
    try:
        while loader.check_event():
            yield loader.get_event()
    except yaml.YAMLError as fault:
        line = _line_of(fault, text)
        lines = text.split("\n")
        if "mapping values are not allowed" in str(fault) and line > 1 and _FULL_COLON.match(lines[line - 2]):
            # A key with a colon of another width is taken for text that goes on in the next line.
            line -= 1
        raise YamlError(line, f"YAML 写法有误：{_explain(fault, lines[line - 1])}") from None
    finally:
        loader.dispose()


_FULL_COLON = re.compile(r"[^:]*(：|:[\u3000\xa0])[^:]*$")
# Faults that are noticed long after the place that is to be mended.
_LATE = ("could not find expected ':'", "found unexpected end of stream", "did not find expected ',' or")


def _line_of(fault: yaml.YAMLError, text: str) -> int:
    position = getattr(fault, "position", None)
    if isinstance(position, int):
        return text.encode()[:position].count(b"\n") + 1
    marks = [getattr(fault, name, None) for name in ("context_mark", "problem_mark")]
    if not str(getattr(fault, "problem", "") or "").startswith(_LATE):
        marks.reverse()
    mark = next((m for m in marks if m is not None), None)
    return min(mark.line, text.count("\n")) + 1 if mark is not None else 1


def _explain(fault: yaml.YAMLError, line: str) -> str:
    text = f"{getattr(fault, 'problem', '') or ''} {getattr(fault, 'context', '') or ''} {fault}"
    colon = "could not find expected ':'" in text or "mapping values are not allowed" in text
    if colon and _FULL_COLON.match(line):
        return "这一行的冒号或冒号后的空格是全角的。键和值之间应写“英文冒号加空格”。"
    return next((hint for key, hint in WORDING["yaml"].items() if key in text), "请检查缩进、冒号和引号。")


Remarks: TypeAlias = list[tuple[int, str]]
"""Line, and what stands there that is hardly meant as it is read."""

_COMMENT = "“#”和它后面的文字是注释，没有读取。属于内容的，请给整个值加英文引号；是说明的，请另起一行。"
_ONE_ITEM = "方括号里的项用英文逗号分隔，{}是一项。要分成几项，请改用英文逗号；就是一项的，请加英文引号。"
_NO_PAIR = "{}看起来像键值，却没有当作键值读取：冒号应为英文冒号，后面加一个空格。是内容的，请加英文引号。"
_NULLS = ("~", "null")
_NOTHING = "{}在这里表示没有填写，没有当作文字读取。没有内容的请空着；是内容的，请加英文引号。"
_GOES_ON = "这一行接在上一行的值后面，没有当作新的一项读取。请对齐缩进，“-”和英文冒号后加一个空格；是内容的，请加英文引号。"
_NEW_LINE = re.compile(r"\s*(-\S|[A-Za-z_]\w*\s*[:：]|[-\w]+：)", re.ASCII)
_PAIR = re.compile(r"(?:^|.*[，,；;、\s])[a-z_]+\s*(：|:(?!//))")


def _scalar_remarks(event: Any, listed: bool, flow: bool, lines: list[str]) -> Iterator[tuple[int, str]]:
    """Tell of a plain value that was meant to be more than one, or something else."""
    first, last = event.start_mark.line, event.end_mark.line
    if event.value in _NULLS:
        yield first + 1, _NOTHING.format(quoted(event.value))
    if listed and flow and re.search("[，、；;\u3000]", event.value):
        yield first + 1, _ONE_ITEM.format(quoted(event.value))
    if (listed or flow) and _PAIR.match(event.value):
        yield first + 1, _NO_PAIR.format(quoted(event.value))
    for n in range(first + 1, min(last + 1, len(lines))):
        if _NEW_LINE.match(lines[n]):
            yield n + 1, _GOES_ON


def _comments(text: str, spans: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield where the comments begin: a `#` outside all values, and the line it is on."""
    line = 0
    for place in (m.start() for m in re.finditer("#", text)):
        number = text.count("\n", 0, place) + 1
        if number > line and not any(a <= place < b for a, b in spans):
            line = number
            yield place, number


def _span(event: Any, text: str) -> tuple[int, int]:
    start, end = event.start_mark.index, event.end_mark.index
    # What stands beside the sign of a block is not in the block.
    return (text.find("\n", start) if event.style in ("|", ">") else start), end


def has_comments(text: str) -> bool:
    """Tell whether a document has comments, which whoever writes it anew would lose."""
    spans = [_span(e, text) for e in _events(text) if type(e) is ScalarEvent] if "#" in text else []
    return next(_comments(text, spans), None) is not None


def parse_yaml(text: str, remarks: Remarks | None = None) -> Value:
    """Parse one document.

    Args:
        text: the file's text; BOM already removed.
        remarks: takes what is hardly meant as it is read, where someone asks.

    Returns:
        Mappings (`Mapping`), lists, text, or None for a plain empty value, `~` or `null`. Scalars are never
        interpreted: `0123`, `yes` and `2020-01-01` stay the text they are.

    Raises:
        YamlError: syntax, more than one document, anchors, aliases, tags, repeated or compound keys, too deep.
    """
    result: Value = None
    stack: list[tuple[Mapping | Items, str | None]] = []
    container: Mapping | Items | None = None
    key: str | None = None
    documents = 0
    flows: list[bool] = [False]
    spans: list[tuple[int, int]] = []
    lines = text.split("\n") if remarks is not None else []
    for event in _events(text):
        kind, line = type(event), event.start_mark.line + 1
        if getattr(event, "anchor", None) is not None:
            raise YamlError(line, "不能使用锚点和引用（& 或 *）。值以 & 或 * 开头时请加引号。")
        if getattr(event, "tag", None) is not None:
            raise YamlError(line, f"不能使用类型标签 {quoted(event.tag)}。值以 ! 开头时请加引号。")
        if kind is ScalarEvent:
            value: Value = event.value
            if event.implicit[0] and (not value or value in _NULLS):
                value = None
            if remarks is not None:
                spans.append(_span(event, text))
                if event.implicit[0]:
                    remarks.extend(_scalar_remarks(event, type(container) is Items, flows[-1], lines))
        elif kind is MappingStartEvent or kind is SequenceStartEvent:
            if len(stack) >= MAX_DEPTH:
                raise YamlError(line, f"嵌套超过 {MAX_DEPTH} 层。请按该表的填报说明书写。")
            if type(container) is Mapping and key is None:
                raise YamlError(line, "键必须是文字，不能是列表或映射。")
            flows.append(bool(event.flow_style))
            stack.append((container, key))  # type: ignore[arg-type]
            container, key = (Mapping(line) if kind is MappingStartEvent else Items(line)), None
            continue
        elif kind is MappingEndEvent or kind is SequenceEndEvent:
            value = container
            line = container.line  # type: ignore[union-attr]
            container, key = stack.pop()
            flows.pop()
        elif kind is DocumentStartEvent:
            documents += 1
            if documents > 1:
                raise YamlError(line, "一个文件里只能有一个 YAML 文档，请去掉多余的“---”。")
            continue
        else:
            # The stream's beginning and end, a document's end.
            continue
        if container is None:
            result = value
        elif type(container) is Items:
            container.append(value)
            container.lines.append(line)
        elif key is None:
            if not isinstance(value, str):
                raise YamlError(line, "键不能为空。")
            key = value
            mapping: Mapping = container  # type: ignore[assignment]
            if key in mapping:
                told = f"键{quoted(key)}重复（第 {mapping.lines[key]} 行已经写过），请只保留一处。"
                raise YamlError(line, told)
            mapping.lines[key] = line
        else:
            container[key] = value  # type: ignore[call-overload]
            key = None
    if remarks is not None:
        for place, number in _comments(text, spans):
            if text[text.rfind("\n", 0, place) + 1 : place].strip():
                remarks.append((number, _COMMENT))
    return result


# ---- the plain form, as forms, editors and `fmt` write it: read at a fraction of the parser's cost ------------------
# This may say no too often, never read anything differently: what it does not surely know is left to the parser.

# No scalar may begin with an indicator, or hold what begins a comment or a pair; in braces it ends at a comma.
_FIRST = r"[^-?:,\[\]{}#&*!|>'\"%@`~= \n]"
_WORD, _IN_QUOTES = "[a-z_][a-z0-9_]*", r'"[^"\\\n]+"'
_VALUE = rf'{_FIRST}(?:[^:#"\n]*[^:#" \n])?|{_IN_QUOTES}'
_INNER = rf'{_FIRST}(?:[^,:#"?\[\]{{}}\n]*[^,:#"?\[\]{{}} \n])?|{_IN_QUOTES}'
_PAIRS = re.compile(f"({_WORD}): ({_INNER})")
_BRACES = rf"\{{({_WORD}: (?:{_INNER})(?:, {_WORD}: (?:{_INNER}))*)\}}"
_LINE = re.compile(f"^( *)(- )?(?:({_WORD}):(?: ({_VALUE}))?|{_BRACES})?$", re.MULTILINE)
# A colon of another width after what looks like a key: the parser has a word to say.
_DEEP = " " * (MAX_DEPTH - 2)
_SLIP = re.compile("[a-z]：")


def parse_plain(data: bytes) -> Mapping | None:
    """Return what the parser would make of a document in plain form, items in braces without their keys' lines; else None."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    lines = text.split("\n")
    # Line breaks of other kinds, marks that nobody sees, words that mean nothing, no end of indenting.
    if lines[-1] or not "".join(lines).isprintable() or "null" in text or _DEEP in text or _SLIP.search(text):
        return None
    found = _LINE.findall(text)
    if len(found) != len(lines):
        return None
    root: Mapping | None = None
    stack: list[tuple[int, Mapping | Items]] = []
    # The key without a value that the line before ended in, and its width of indentation.
    opened: tuple[Mapping, str] | None = None
    width = 0
    for number, (spaces, dash, key, value, braces) in enumerate(found, 1):
        indent = len(spaces)
        if not key and not braces:
            if indent or dash:
                return None
            continue
        fresh: Mapping | Items | None = None
        if root is None:
            root = fresh = Mapping(number)
            if indent or dash:
                return None
        elif opened is not None and (indent >= width if dash else indent > width):
            fresh = opened[0][opened[1]] = Items(number) if dash else Mapping(number)
        if fresh is not None:
            stack.append((indent, fresh))
        else:
            while stack and (stack[-1][0] > indent or (not dash and type(stack[-1][1]) is Items)):
                stack.pop()
        opened, (depth, container) = None, stack[-1]
        if depth != indent:
            return None
        if type(container) is Items:
            item = Mapping(number)
            container.append(item)
            container.lines.append(number)
            if braces:
                pairs = _PAIRS.findall(braces)
                item.update(pairs)
                if '"' in braces:
                    item.update({name: cell.strip('"') for name, cell in pairs})
                if len(item) < len(pairs):
                    return None
                continue
            container, indent = item, indent + 2
            stack.append((indent, item))
        elif dash or braces:
            return None
        if not isinstance(container, Mapping) or key in container:
            return None
        container[key] = value.strip('"') if value else None
        container.lines[key] = number
        if not value:
            opened, width = (container, key), indent
    return root
