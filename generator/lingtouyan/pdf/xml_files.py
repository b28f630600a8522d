"""Dossiers that are XML for other programs: values as text of the document, which must be whole.

A document with a DOCTYPE is refused: what has none has no entities, so nothing in it can be expanded or fetched.
"""

from __future__ import annotations

import re
from typing import Any
from xml.parsers import expat

from markupsafe import Markup

from lingtouyan.templates.escaping import REPLACEMENT, text

# What XML 1.0 has no way to say, not even as a reference.
_FORBIDDEN = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_text(value: Any) -> Any:
    """Return a value as it may stand in XML; the template's environment escapes it."""
    return value if isinstance(value, Markup) else _FORBIDDEN.sub(REPLACEMENT, text(value))


def xml_document(made: str) -> bytes:
    """Return what a template made as a file.

    Raises:
        ValueError: it is not well formed, or has a DOCTYPE; the text says where, for the user.
    """
    document = made.strip() + "\n"
    parser = expat.ParserCreate()

    def refuse(*_: object) -> None:
        raise ValueError("XML 里不能有 DOCTYPE。")

    parser.StartDoctypeDeclHandler = refuse
    try:
        content = document.encode()
        parser.Parse(content, True)
    except expat.ExpatError as fault:
        raise ValueError(
            f"生成的 XML 不完整（第 {fault.lineno} 行第 {fault.offset + 1} 列：{expat.ErrorString(fault.code)}）。"
        ) from None
    except UnicodeEncodeError:
        raise ValueError("生成的 XML 含有已损坏的字符。") from None
    return content
