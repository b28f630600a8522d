"""Forms that other programs write as XML, a file for each record: which element is which field is declared in the tree.

They are read as rows of a roster, so that all that goes for rosters goes for them; restricted values are sealed at once.
"""

from __future__ import annotations

import base64
import binascii
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree import ElementTree
from xml.parsers import expat

from lingtouyan.exchange.records import Change, Entry, Tree
from lingtouyan.exchange.roster import Part, Roster
from lingtouyan.exchange.workbook import DOUBTFUL, Sheet
from lingtouyan.problems import Problem, UsageError, quoted
from lingtouyan.reading.package import Field, Sensitivity, Table
from lingtouyan.reading.source import Source
from lingtouyan.reading.yaml import parse_yaml
from lingtouyan.sealing.keys import Keys
from lingtouyan.sealing.values import Place, seal, subject

FOLDER = "schemas/forms"
_MOST_BYTES = 20_000_000


@dataclass
class Form:
    """One file: what its elements say, by field, and by list."""

    name: str
    texts: dict[str, str]
    lists: dict[str, list[dict[str, str]]]
    unread: list[str] = field(default_factory=list)


def kind_of(source: Source, path: Path) -> tuple[str, Any] | None:
    """Return the suffix and the declaration of the forms that a file, a folder or a ZIP archive holds."""
    for name in source.files([FOLDER]).files:
        suffix, data = f".{PurePosixPath(name).stem}", source.read(name)
        if not isinstance(data, Problem) and (path.is_dir() or path.suffix.lower() in (".zip", suffix)):
            return suffix, parse_yaml(data.decode("utf-8"))
    return None


def _contents(path: Path, suffix: str) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of each form; a name in an archive may be in the Windows of before."""
    if path.is_dir():
        for file in sorted(p for p in path.rglob("*") if p.suffix.lower() == suffix and p.is_file()):
            yield file.relative_to(path).as_posix(), file.read_bytes()
    elif path.suffix.lower() != ".zip":
        yield path.name, path.read_bytes()
    else:
        try:
            with zipfile.ZipFile(path) as archive:
                for info in archive.infolist():
                    name = info.filename
                    if not info.flag_bits & 0x800:
                        name = name.encode("cp437", "replace").decode("gb18030", "replace")
                    if name.lower().endswith(suffix):
                        if info.file_size > _MOST_BYTES:
                            raise UsageError(f"{path.name} 里的 {quoted(name)} 太大，没有读。")
                        yield name, archive.read(info)
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError):
            raise UsageError(f"{path.name} 打不开：不是 ZIP 压缩包，或已损坏、加了密码。") from None


def parse(data: bytes, name: str) -> ElementTree.Element:
    """Parse XML that may be a stranger's: without declarations of entities, which could make it grow without end.

    Raises:
        UsageError: it is no XML, or declares a document type.
    """
    if found := re.match(rb"""<\?xml[^>]*encoding=["'](gb\w+)["'][^>]*\?>""", data[:200], re.I):
        data = data[found.end() :].decode("gb18030", "replace").encode()

    def refuse(*_: object) -> None:
        raise UsageError(f"{name} 里有 DOCTYPE 声明，没有读。")

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    try:
        parser.Parse(data, True)
        return ElementTree.fromstring(data)  # noqa: S314 - no entity is declared in it
    except (expat.ExpatError, ElementTree.ParseError, ValueError, LookupError) as fault:
        raise UsageError(f"{name} 不是完整的 XML：{fault}。") from None


def read_forms(path: Path, suffix: str, kind: Any, tree: Tree) -> tuple[list[Form], dict[str, str]]:
    """Read all forms of a file, a folder or an archive.

    Returns:
        The forms, and name -> why of those that cannot be read.

    Raises:
        UsageError: none is there that can be read.
    """
    if not path.exists():
        raise UsageError(f"没有 {path} 这个文件。")
    forms, unreadable = list[Form](), dict[str, str]()
    for name, data in _contents(path, suffix):
        try:
            forms.append(_form(parse(data, name), name, kind, tree))
        except UsageError as fault:
            unreadable[name] = str(fault)
    if not forms:
        raise UsageError(next(iter(unreadable.values()), f"{path.name} 里没有 {suffix} 文件。"))
    return forms, unreadable


def as_roster(path: Path, forms: list[Form], kind: Any, table: Table) -> tuple[Roster, Part]:
    """Return forms as the rows of a roster, restricted values left out."""
    names = dict.fromkeys(n for f in forms for n in f.texts)
    fields = [f for n in names if (f := table.field(n)) and f.sensitivity < Sensitivity.RESTRICTED]
    rows = [
        [f.name, PurePosixPath(f.name).parent.name, *(f.texts.get(n.name, "") for n in fields)] for f in forms
    ]
    headings = ["文件", "文件夹", *(f.title for f in fields)]
    part = Part(table.name, {f.title: f.name for f in fields}, {}, [*kind["match"]])
    return Roster(Sheet(path.stem[:31], rows=[headings, *rows]), headings, 1), part


def _form(root: ElementTree.Element, name: str, kind: Any, tree: Tree) -> Form:
    if root.tag != kind["root"]:
        raise UsageError(f"{name} 的根元素是 {quoted(root.tag)}，应为 {kind['root']}。")
    made = Form(name, {}, {})
    texts = {e.tag: (e.text or "").strip() for e in root}
    for tag, target in kind["fields"].items():
        text = re.sub(r"[ \t]*\n\s*", "", texts.get(tag, ""))
        found = re.fullmatch(target, text) if "(" in target else None
        made.texts |= {k: v or "" for k, v in found.groupdict().items()} if found else {}
        if "(" not in target:
            made.texts[target] = text
    for tag, said in kind.get("implied", {}).items():
        made.texts[said["field"]] = said["filled" if texts.get(tag) else "empty"]
    for tag, spec in kind.get("lists", {}).items():
        rows: list[dict[str, str]] = made.lists.setdefault(spec["table"], [])
        element = root.find(tag)
        for item in element.iterfind(spec["item"]) if element is not None and "item" in spec else ():
            row = {f: (item.findtext(t) or "").strip() for t, f in spec["fields"].items()}
            rows += [row] if any(row.values()) else []
        for line in map(str.strip, texts.get(tag, "").splitlines() if "line" in spec else ()):
            if found := re.fullmatch(spec["line"], line):
                table = tree.package.tables[spec["table"]]
                rows.append({k: _plain(tree, table, k, v or "") for k, v in found.groupdict().items()})
            elif line and rows:
                rows[-1][[*rows[-1]][-1]] += line
            elif line:
                made.unread.append(line)
    return made


def _plain(tree: Tree, table: Table, name: str, text: str) -> str:
    """Return a value as records write it; here a month of one figure has lost no zero."""
    field_ = table.field(name)
    padded = re.sub(r"(\d{4})[.．年](\d)$", r"\1.0\2", text)
    return (field_ and tree.value(table, field_, padded)) or text


def without_known(forms: list[Form], kind: Any, tree: Tree) -> list[Form]:
    """Take out of the texts the sentences that the lists of records on file say already; return the forms."""
    label, by_name = kind["match"][0], dict[str, list[Entry]]()
    for entry in tree.entries[kind["table"]].values():
        by_name.setdefault(entry.values.get(label) or "", []).append(entry)
    for form, (tag, spec) in ((f, k) for f in forms for k in kind.get("known", {}).items()):
        target, text = kind["fields"][tag], form.texts[kind["fields"][tag]]
        held = [r for e in by_name.get(form.texts[label], ()) for r in e.lists.get(spec["table"], [])]
        for found in re.finditer(spec["pattern"], text):
            words = {k: v.replace(".", "-") for k, v in found.groupdict().items()}
            if any(all((r.get(k) or "").startswith(v) for k, v in words.items()) for r in held):
                text = text.replace(found[0], "", 1)
        form.texts[target] = text
    return forms


def complete(changes: list[Change], forms: list[Form], kind: Any, tree: Tree, keys: Keys | None) -> int:
    """Add to the changes their lists and, sealed, their restricted values; return how many were left without keys.

    What is on record stays; where a form says otherwise, that is told, a restricted value never repeated.
    """
    left, table = 0, tree.package.tables[kind["table"]]
    for change in changes:
        form = forms[change.places[-1][2] - 2]
        entry, key = tree.entries[table.name].get(change.key), "/".join(change.key)
        for line in form.unread:
            change.tell(DOUBTFUL, f"这一行没有认出来，没有收：{quoted(line)}")
        if keys and change.file:
            keys.homes[table.name, key] = change.file
        own = dict(zip(table.primary_key, change.key, strict=True))
        for name, rows in form.lists.items():
            child = tree.package.tables[name]
            held = entry.lists.get(name, []) if entry else []
            secret = all(
                f.sensitivity is Sensitivity.RESTRICTED
                for n in (*rows[:1],)
                for f in map(child.field, n)
                if f
            )
            if rows and secret and keys is None:
                left += len(rows)
            elif rows and not held:
                cells = [{n: _sealed(tree, child, n, key, v, keys) for n, v in r.items()} for r in rows]
                change.lists[name] = [{**own, **c} for c in cells]
            elif rows and not secret and [{n: h.get(n) or "" for n in rows[0]} for h in held] != rows:
                change.tell(DOUBTFUL, f"“{child.title}”与已登记的不同，没有改，请逐段核对。")
        for name, text in form.texts.items():
            field_ = table.field(name)
            if not text or field_ is None or field_.sensitivity < Sensitivity.RESTRICTED or field_.picture:
                continue
            if entry and entry.values.get(name):
                continue
            if keys is None:
                left += 1
            else:
                change.values[name] = _sealed(tree, table, name, key, text, keys)
    return left


def _sealed(tree: Tree, table: Table, name: str, key: str, text: str, keys: Keys | None) -> str | None:
    field_ = table.field(name)
    if not text or field_ is None or field_.sensitivity < Sensitivity.RESTRICTED:
        return text or None
    owner = subject(tree.package, tree.package.origin(table))[0]
    return seal(text, field_.compartment, Place.of(owner, key, table, field_), keys) if keys else None


def pictures(changes: list[Change], forms: list[Form], table: Table) -> Iterator[tuple[Change, Field, bytes]]:
    """Yield the pictures that come with the changes that are taken."""
    for change in changes:
        for field_ in (f for f in table.fields if f.picture):
            text = forms[change.places[-1][2] - 2].texts.get(field_.name, "")
            try:
                data = base64.b64decode(re.sub(r"\s", "", text), validate=True)
            except binascii.Error:
                change.tell(DOUBTFUL, "照片的数据已经损坏，没有收。")
                continue
            if data and not change.refused:
                yield change, field_, data
