"""The key store: a data key for each record and compartment, wrapped with age for the offices that may open it.

A folder outside the repository. What is in Git alone opens nothing; a record is erased by taking its keys away.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lingtouyan.problems import UsageError, did_you_mean, printable, quoted
from lingtouyan.reading import yaml

if TYPE_CHECKING:
    from pyrage.x25519 import Identity

    from lingtouyan.project import Project

_OFFICES = "offices.yaml"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_KEY_BYTES = 32


def identity_file() -> Path:
    """Return where this machine's own age identity lies: `LINGTOUYAN_IDENTITY`, else below the user's settings."""
    given = os.environ.get("LINGTOUYAN_IDENTITY")
    settings = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(given) if given else Path(settings) / "lingtouyan" / "identity.txt"


@dataclass(frozen=True)
class Office:
    """Who may open what: an office, its age recipient and the compartments that it is entitled to."""

    name: str
    recipient: str
    compartments: tuple[str, ...]


@dataclass
class Keys:
    """A key store and the identity of whoever asks.

    Attributes:
        folder: `offices.yaml`, and one file per record: `<table>/<key>.json`, compartment -> wrapped key.
        erased: table and key of each record that has no key any more, whatever a backup brought back.
    """

    folder: Path
    erased: frozenset[tuple[str, str]] = frozenset()
    _known: dict[tuple[str, str, str], bytes | None] = field(default_factory=dict)

    def offices(self) -> dict[str, Office]:
        """Return all offices by name.

        Raises:
            UsageError: `offices.yaml` cannot be read.
        """
        path = self.folder / _OFFICES
        if not path.is_file():
            return {}
        result: dict[str, Office] = {}
        try:
            value = yaml.parse_yaml(path.read_text("utf-8"))
            for name, item in value.items() if isinstance(value, yaml.Mapping) else ():
                words = item if isinstance(item, yaml.Mapping) else yaml.Mapping(0)
                listed = words.get("compartments")
                compartments = tuple(str(c) for c in listed) if isinstance(listed, list) else ()
                result[name] = Office(name, str(words.get("recipient") or ""), compartments)
        except (yaml.YamlError, UnicodeDecodeError) as fault:
            raise UsageError(f"{path} 读不出来：{fault}") from None
        return result

    def admit(self, office: Office) -> None:
        """Add an office, or change what it is entitled to; `rewrap` then gives it the keys.

        Raises:
            UsageError: a name that cannot be one, or no age recipient.
        """
        import pyrage

        if wrong := [n for n in (office.name, *office.compartments) if not _NAME.fullmatch(n)]:
            raise UsageError(f"{quoted(wrong[0])} 不能作名称：只用英文字母、数字、点、横线。")
        try:
            pyrage.x25519.Recipient.from_str(office.recipient)
        except pyrage.RecipientError:
            raise UsageError(f"{quoted(office.recipient)} 不是 age 公钥，应以 age1 开头。") from None
        self._write_offices({**self.offices(), office.name: office})

    def dismiss(self, name: str) -> Office:
        """Take an office off the list; `rewrap` then takes the keys away from it.

        Raises:
            UsageError: there is none of that name.
        """
        offices = self.offices()
        if name not in offices:
            raise UsageError(f"没有 {quoted(name)} 这个单位{did_you_mean(name, offices)}")
        gone = offices.pop(name)
        self._write_offices(offices)
        return gone

    def _write_offices(self, offices: dict[str, Office]) -> None:
        lines = [
            f"{o.name}: {{recipient: {o.recipient}, compartments: [{', '.join(o.compartments)}]}}\n"
            for o in sorted(offices.values(), key=lambda o: o.name)
        ]
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _replace(self.folder / _OFFICES, "".join(lines))

    def get(self, table: str, key: str, compartment: str) -> bytes | None:
        """Return the data key of a record's compartment, or None: there is none, or it is not for this identity."""
        place = (table, key, compartment)
        if place not in self._known:
            wrapped = {} if (table, key) in self.erased else self._read(table, key)
            self._known[place] = self._unwrap(wrapped.get(compartment, ""))
        return self._known[place]

    def make(self, table: str, key: str, compartment: str) -> bytes:
        """Return the data key of a record's compartment; a new one where there is none.

        Raises:
            UsageError: the record has a key that this identity cannot open or is erased, or no office is entitled to the
                compartment.
        """
        if (table, key) in self.erased:
            raise UsageError(f"{printable(key)} 已经销毁（见销毁登记），不能再封存它的内容，没有改动。")
        if found := self.get(table, key, compartment):
            return found
        wrapped = self._read(table, key)
        if compartment in wrapped:
            raise UsageError(f"{key} 的 {compartment} 已有钥匙，但本机的身份打不开。请由有权的单位来填。")
        made = os.urandom(_KEY_BYTES)
        self._write(table, key, {**wrapped, compartment: _wrap(made, compartment, self.offices())})
        self._known[table, key, compartment] = made
        return made

    def rewrap(self) -> tuple[int, int]:
        """Wrap every key anew for the offices that are entitled now; destroy again those that a backup brought back.

        Returns:
            How many were, and how many this identity cannot open.
        """
        done = closed = 0
        offices = self.offices()
        for table, key in self.records():
            if (table, key) in self.erased:
                self.erase(table, key)
                continue
            wrapped = self._read(table, key)
            for compartment, text in wrapped.items():
                if (opened := self._unwrap(text)) is None:
                    closed += 1
                    continue
                wrapped[compartment] = _wrap(opened, compartment, offices)
                done += 1
            self._write(table, key, wrapped)
        return done, closed

    def records(self) -> Iterator[tuple[str, str]]:
        """Yield table and key of every record that has keys."""
        for path in sorted(self.folder.glob("*/*.json")):
            yield path.parent.name, bytes.fromhex(path.stem).decode()

    def erase(self, table: str, key: str) -> None:
        """Destroy all keys of a record."""
        self._path(table, key).unlink(missing_ok=True)
        self._known.clear()

    def _path(self, table: str, key: str) -> Path:
        # A key may hold any character, a file name may not.
        return self.folder / table / f"{key.encode().hex()}.json"

    def _read(self, table: str, key: str) -> dict[str, str]:
        path = self._path(table, key)
        if not path.is_file():
            return {}
        try:
            value = json.loads(path.read_bytes())
            return {str(k): str(v) for k, v in value.items()}
        except (ValueError, AttributeError):
            raise UsageError(f"钥匙文件 {path} 损坏。请从备份恢复。") from None

    def _write(self, table: str, key: str, wrapped: dict[str, str]) -> None:
        path = self._path(table, key)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _replace(path, json.dumps(wrapped, indent=1, sort_keys=True) + "\n")

    def _unwrap(self, text: str) -> bytes | None:
        import pyrage

        if not text or (identity := self.identity) is None:
            return None
        try:
            return bytes(pyrage.decrypt(base64.b64decode(text), [identity]))
        except (pyrage.DecryptError, ValueError):
            return None

    @cached_property
    def identity(self) -> Identity | None:
        """The identity of this machine's user, or None.

        Raises:
            UsageError: the file holds none.
        """
        import pyrage

        path = identity_file()
        if not path.is_file():
            return None
        lines = [w for w in path.read_text("utf-8").split("\n") if w and not w.startswith("#")]
        try:
            return pyrage.x25519.Identity.from_str(lines[0].strip())
        except (pyrage.IdentityError, IndexError):
            raise UsageError(f"{path} 里没有 age 私钥（AGE-SECRET-KEY-…）。") from None


def open_keys(project: Project) -> Keys:
    """Return the key store of a project: `LINGTOUYAN_KEYS`, the setting `keys`, or `<root>-keys` beside the root.

    Raises:
        UsageError: it lies inside the repository, where no key may ever be.
    """
    root, setting = project.root, project.settings.keys
    folder = Path(os.environ.get("LINGTOUYAN_KEYS") or root / (setting or f"../{root.name}-keys")).resolve()
    if folder.is_relative_to(root.resolve()):
        raise UsageError(
            f"钥匙不能放在记录库里：{folder}。请用设置 keys 或环境变量 LINGTOUYAN_KEYS 另指一处。"
        )
    return Keys(folder, project.erased)


def open_to(keys: Keys) -> tuple[str, ...]:
    """Return the compartments that this machine's user is entitled to."""
    if (identity := keys.identity) is None:
        return ()
    mine = str(identity.to_public())
    return tuple({c for o in keys.offices().values() if o.recipient == mine for c in o.compartments})


def new_identity() -> str:
    """Make an identity for this machine's user, unless there is one; return its recipient."""
    import pyrage

    path = identity_file()
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = pyrage.x25519.Identity.generate()
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            stream.write(f"# {made.to_public()}\n{made}\n")
    identity = Keys(path.parent).identity
    assert identity is not None  # noqa: S101
    return str(identity.to_public())


def entitled(offices: Mapping[str, Office], compartment: str) -> list[Office]:
    """Return the offices that may open a compartment."""
    return [o for o in offices.values() if compartment in o.compartments]


def _wrap(key: bytes, compartment: str, offices: Mapping[str, Office]) -> str:
    import pyrage

    recipients = [pyrage.x25519.Recipient.from_str(o.recipient) for o in entitled(offices, compartment)]
    if not recipients:
        raise UsageError(
            f"没有单位有权看 {printable(compartment)}，没有封存。请先用 lingtouyan keys add 登记有权的单位。"
        )
    return base64.b64encode(pyrage.encrypt(key, recipients)).decode()


def _replace(path: Path, text: str) -> None:
    """Write a file that its owner alone may read, whole or not at all."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.touch(mode=0o600)
    temporary.write_text(text, "utf-8")
    temporary.replace(path)
