"""Documents cut at their top-level keys; pieces in the plain form that `fmt` writes are read without the YAML parser.

A document is cut only where that is surely the same as reading it whole; each piece is parsed once for all versions.
"""

from __future__ import annotations

import re

from lingtouyan.reading.yaml import Items, Mapping, Value, YamlError, parse_yaml

_KEY = re.compile(rb"([A-Za-z_]\w*):(?=[ \n]|\Z)")
_TOP = re.compile(rb"\n(?=\S)")
# What libyaml reads as one plain or quoted text in one line, and nothing that it could read otherwise.
_HAN = r"\u3001-\u30ff\u3400-\u9fff"
_FIRST = rf"[0-9A-Za-z{_HAN}\u3014\u3015]"
_PLAIN = rf"{_FIRST}[0-9A-Za-z{_HAN}\uff01-\uff5e\u2014-\u201d\u00b7 ()/;.+%_=<>@\-]*(?<! )"
_QUOTED = r'"[^"\\\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\uffff]*"'
_WORD = r"[A-Za-z_]\w*"
_LINE = re.compile(rf"({_WORD}): (?:({_PLAIN})|({_QUOTED}))\n?", re.ASCII)
_PAIR = re.compile(rf"({_WORD}): (?:({_PLAIN})|({_QUOTED}))", re.ASCII)
_ITEM = rf"  - \{{{_WORD}: (?:{_PLAIN}|{_QUOTED})(?:, {_WORD}: (?:{_PLAIN}|{_QUOTED}))*\}}\n?"
_LIST = re.compile(rf"({_WORD}):\n(?:{_ITEM})+", re.ASCII)
_NAME = re.compile(r"[{,] ?([A-Za-z_]\w*): ", re.ASCII)
_INNER = rf"{_WORD}: (?:{_PLAIN}|{_QUOTED})(?:, {_WORD}: (?:{_PLAIN}|{_QUOTED}))*"
_ROW = re.compile(rf"( *)(- )?(?:({_WORD}):(?: (?:({_PLAIN})|({_QUOTED})))?|\{{({_INNER})\}})", re.ASCII)
_DEEPEST = 20
_MANY = 100_000
_MANY_DOCUMENTS = 4096


class Piece:
    """One top-level key with its value.

    Attributes:
        count: for a list of items of one line each, how many; its value is worked out when it is asked for.
    """

    __slots__ = ("_rows", "_text", "_value", "count", "name")

    def __init__(self, name: str, text: str, value: Value, count: int) -> None:
        self.name = name
        self.count = count
        self._text = text
        self._value = value
        self._rows: list[str] = []

    @property
    def rows(self) -> list[str]:
        """The lines of a list of items of one line each."""
        if not self._rows:
            self._rows = [row for row in self._text.split("\n")[1:] if row]
        return self._rows

    @property
    def value(self) -> Value:
        """What the key holds."""
        if self.count and self._value is None:
            self._value = Items(1)
            for row in self.rows:
                item = Mapping(1)
                item.update(pairs_of(row))
                self._value.append(item)
        return self._value


Pieces = dict[str, Piece]


def _parse_piece(piece: bytes) -> Piece | None:
    """Parse one top-level key with its value; None when it does not stand by itself."""
    if not _KEY.match(piece):
        return None
    try:
        text = piece.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if line := _LINE.fullmatch(text):
        return Piece(line[1], "", _plain(line[2], line[3]), 0)
    if (rows := _LIST.fullmatch(text)) and not any(map(_twice, text.split("\n"))):
        return Piece(rows[1], text, None, text.count("\n  - {"))
    value: Value = _plain_form(text)
    if value is None:
        try:
            value = parse_yaml(text)
        except YamlError:
            return None
    if not isinstance(value, Mapping) or len(value) != 1:
        return None
    [(name, content)] = value.items()
    return Piece(name, "", content, 0)


class _OddError(Exception):
    """Not in plain form."""


def _plain_form(text: str) -> Mapping | None:
    """Read nested keys and lists that hold nothing but plain and quoted text, one line each; None for all else."""
    rows = []
    for line in text.rstrip("\n").split("\n"):
        found = _ROW.fullmatch(line)
        if found is None or len(found[1]) > _DEEPEST:
            return None
        rows.append(found.groups())
    try:
        value, end = _mapping(rows, 0, 0)
    except _OddError:
        return None
    return value if end == len(rows) else None


_Row = tuple["str | None", ...]


def _mapping(rows: list[_Row], place: int, indent: int) -> tuple[Mapping, int]:
    result = Mapping(1)
    while place < len(rows):
        space, dash, name, plain, quoted, _ = rows[place]
        if len(space or "") != indent or dash or not name:
            break
        if name in result:
            raise _OddError
        place += 1
        if plain is not None or quoted is not None:
            result[name] = _plain(plain, quoted)
            continue
        below = len(rows[place][0] or "") if place < len(rows) else 0
        if below > indent:
            result[name], place = (_items if rows[place][1] else _mapping)(rows, place, below)
        else:
            result[name] = None
    return result, place


def _items(rows: list[_Row], place: int, indent: int) -> tuple[Items, int]:
    result = Items(1)
    while place < len(rows):
        space, dash, name, plain, quoted, flow = rows[place]
        if len(space or "") != indent or not dash:
            break
        if flow is None:
            # What follows the dash is the first key of the item.
            rows[place] = (" " * (indent + 2), None, name, plain, quoted, None)
            item, place = _mapping(rows, place, indent + 2)
        else:
            item, pairs = Mapping(1), pairs_of(flow)
            item.update(pairs)
            if len(item) != len(pairs):
                raise _OddError
            place += 1
        result.append(item)
    return result, place


def _twice(row: str) -> bool:
    names = _NAME.findall(row)
    return len(set(names)) < len(names)


def _plain(plain: str | None, quoted: str | None) -> str | None:
    if quoted:
        return quoted[1:-1]
    return None if plain == "null" else plain


class Cutter:
    """Cuts documents into pieces and keeps what was parsed."""

    def __init__(self) -> None:
        self._parsed: dict[bytes, Piece | None] = {}
        self._cut: dict[bytes, Pieces | None] = {}

    def cut(self, data: bytes) -> Pieces | None:
        """Return top-level key -> piece; None when that is not surely the same as reading the document whole."""
        if not data:
            return {}
        if data in self._cut:
            return self._cut[data]
        pieces: Pieces = {}
        parsed = self._parsed
        *texts, end = _TOP.split(data)
        for text in [*[t + b"\n" for t in texts], end]:
            piece = parsed[text] if text in parsed else self._parse(text)
            if piece is None or piece.name in pieces:
                return None
            pieces[piece.name] = piece
        if len(self._cut) > _MANY_DOCUMENTS:
            self._cut.clear()
        self._cut[data] = pieces
        return pieces

    def _parse(self, text: bytes) -> Piece | None:
        if len(self._parsed) > _MANY:
            self._parsed.clear()
            self._cut.clear()
        self._parsed[text] = made = _parse_piece(text)
        return made


def pairs_of(row: str) -> list[tuple[str, str | None]]:
    """Return the keys and values of one line of a simple list."""
    return [(k, _plain(plain, quoted)) for k, plain, quoted in _PAIR.findall(row)]
