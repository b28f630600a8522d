"""The key store: a data key for each record and compartment, wrapped with age for the offices that may open it.

A folder outside the repository. What is in Git alone opens nothing; a record is erased by taking its keys away.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lingtouyan.problems import Problem, UsageError, did_you_mean, printable, quoted
from lingtouyan.reading import yaml
from lingtouyan.reading.documents import rows_of

if TYPE_CHECKING:
    from pyrage.x25519 import Identity

    from lingtouyan.project import Project

_OFFICES = "offices.yaml"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_KEY_BYTES = 32
# A compartment's second and later keys: `personal.2`.
_LATER = re.compile(r"(.+)\.(\d+)")
# Where the keys of digests stand among those of records; only offices that may see all records have them.
DIGESTS = "digests"


def identity_file() -> Path:
    """Return where this machine's own age identity lies: `LINGTOUYAN_IDENTITY`, else below the user's settings."""
    given = os.environ.get("LINGTOUYAN_IDENTITY")
    settings = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(given) if given else Path(settings) / "lingtouyan" / "identity.txt"


@dataclass(frozen=True)
class Office:
    """Who may open what: an office, its age recipient, the compartments that it is entitled to, and of which folder's records.

    An empty folder is all of them.
    """

    name: str
    recipient: str
    compartments: tuple[str, ...]
    folder: str = ""


@dataclass
class Keys:
    """A key store and the identity of whoever asks.

    Attributes:
        folder: `offices.yaml`, and one file per record: `<table>/<key>.json`, compartment -> wrapped key. After a change of
            keys a compartment has several, and the newest seals.
        erased: table and key of each record that has no key any more, whatever a backup brought back.
        locate: finds the file of each record that may have keys; asked where an office has a folder's records alone.
    """

    folder: Path
    erased: frozenset[tuple[str, str]] = frozenset()
    locate: Callable[[], dict[tuple[str, str], str]] = dict
    _known: dict[tuple[str, str, str], bytes | None] = field(default_factory=dict)

    @cached_property
    def offices(self) -> dict[str, Office]:
        """All offices by name; read once, however many keys are wrapped for them.

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
                # A misspelt folder would be all of them.
                if wrong := [k for k in words if k not in ("recipient", "compartments", "folder")]:
                    raise UsageError(f"{path} 里 {name} 的 {quoted(wrong[0])} 不认识，没有打开钥匙文件夹。")
                listed = words.get("compartments")
                compartments = tuple(str(c) for c in listed) if isinstance(listed, list) else ()
                folder = str(words.get("folder") or "")
                result[name] = Office(name, str(words.get("recipient") or ""), compartments, folder)
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
        self._write_offices({**self.offices, office.name: office})

    def dismiss(self, name: str) -> Office:
        """Take an office off the list; `rewrap` then takes the keys away from it.

        Raises:
            UsageError: there is none of that name.
        """
        if name not in self.offices:
            raise UsageError(f"没有 {quoted(name)} 这个单位{did_you_mean(name, self.offices)}")
        gone = self.offices[name]
        self._write_offices({n: o for n, o in self.offices.items() if n != name})
        return gone

    def _write_offices(self, offices: dict[str, Office]) -> None:
        lines = [
            f"{o.name}: {{recipient: {o.recipient}, compartments: [{', '.join(o.compartments)}]"
            + (f", folder: {json.dumps(o.folder, ensure_ascii=False)}}}\n" if o.folder else "}\n")
            for o in sorted(offices.values(), key=lambda o: o.name)
        ]
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _replace(self.folder / _OFFICES, "".join(lines))
        self.offices = offices

    @cached_property
    def homes(self) -> dict[tuple[str, str], str]:
        """Table and key of each record -> its file; of one that is about to be written, whoever writes it enters it."""
        return self.locate()

    def entitled(self, compartment: str, table: str, key: str) -> list[Office]:
        """Return the offices that may open a compartment of a record."""
        found = [o for o in self.offices.values() if compartment in o.compartments]
        if any(o.folder for o in found):
            home = self.homes.get((table, key), "")
            found = [o for o in found if not o.folder or home.startswith(f"{o.folder}/")]
        return found

    def get(self, table: str, key: str, name: str) -> bytes | None:
        """Return a data key of a record by its name, or None: there is none, or it is not for this identity."""
        place = (table, key, name)
        if place not in self._known:
            wrapped = {} if (table, key) in self.erased else self._read(table, key)
            self._known[place] = self._unwrap(wrapped.get(name, ""))
        return self._known[place]

    def make(self, table: str, key: str, compartment: str) -> tuple[str, bytes]:
        """Return name and content of the key that seals a record's compartment; a new one where there is none.

        Raises:
            UsageError: the record has a key that this identity cannot open or is erased, or no office is entitled to the
                compartment.
        """
        if (table, key) in self.erased:
            raise UsageError(f"{printable(key)} 已经销毁（见销毁登记），不能再封存它的内容，没有改动。")
        wrapped = self._read(table, key)
        if name := _newest(wrapped, compartment):
            if found := self.get(table, key, name):
                return name, found
            raise UsageError(f"{key} 的 {compartment} 已有钥匙，但本机的身份打不开。请由有权的单位来填。")
        return compartment, self._add(table, key, compartment, compartment, wrapped)

    def newest(self, table: str, key: str, compartment: str) -> str:
        """Return the name of the key that seals a record's compartment; empty where there is none."""
        return _newest(self._read(table, key), compartment)

    def _add(self, table: str, key: str, compartment: str, name: str, wrapped: dict[str, str]) -> bytes:
        made = os.urandom(_KEY_BYTES)
        self._write(table, key, {**wrapped, name: self._wrap(made, compartment, table, key)})
        self._known[table, key, name] = made
        return made

    def rewrap(self, *, rotate: bool = False) -> tuple[int, int]:
        """Wrap every key anew for the offices that are entitled now; destroy again those that a backup brought back.

        Args:
            rotate: give every compartment that this identity can open a new key as well; what is sealed with the one
                before opens until it is sealed anew, and then only in the history. Keys of digests are replaced.

        Returns:
            How many were, and how many this identity cannot open.
        """
        done = closed = 0
        for table, key in self.records():
            if (table, key) in self.erased:
                self.erase(table, key)
                continue
            wrapped = self._read(table, key)
            opened = {n: k for n, text in wrapped.items() if (k := self._unwrap(text)) is not None}
            done, closed = done + len(opened), closed + len(wrapped) - len(opened)
            new = {n: self._wrap(k, _parts(n)[0], table, key) for n, k in opened.items()}
            self._write(table, key, {**wrapped, **new})
            for name in {_newest(wrapped, _parts(n)[0]) for n in opened} & opened.keys() if rotate else ():
                compartment, number = _parts(name)
                kept = {} if table == DIGESTS else self._read(table, key)
                self._add(table, key, compartment, f"{compartment}.{number + 1}", kept)
        return done, closed

    def records(self) -> Iterator[tuple[str, str]]:
        """Yield table and key of every record that has keys."""
        for path in sorted(self.folder.glob("*/*.json")):
            try:
                key = bytes.fromhex(path.stem).decode()
            except ValueError:
                raise UsageError(f"{path} 不是钥匙文件（也许是同步留下的副本）。请移到别处。") from None
            yield path.parent.name, key

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

    def _wrap(self, content: bytes, compartment: str, table: str, key: str) -> str:
        import pyrage

        offices = self.entitled(compartment, table, key)
        if not offices:
            raise UsageError(
                f"没有单位有权看 {printable(compartment)}，没有封存。请先用 lingtouyan keys add 登记有权的单位。"
            )
        recipients = [pyrage.x25519.Recipient.from_str(o.recipient) for o in offices]
        return base64.b64encode(pyrage.encrypt(content, recipients)).decode()

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
    return Keys(folder, project.erased, lambda: _homes(project))


def _homes(project: Project) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for name, table in project.package.files(project.source):
        data = project.source.read(name)
        if table.primary_key and not isinstance(data, Problem):
            columns = [f.name for f in table.fields]
            places = [columns.index(k) for k in table.primary_key]
            for _, cells in rows_of(data, name, table, project.package)[0].get(table.name, ()):
                found[table.name, "/".join(cells[n] or "" for n in places)] = name
    return found


def open_to(keys: Keys) -> tuple[str, ...]:
    """Return the compartments that this machine's user is entitled to."""
    if (identity := keys.identity) is None:
        return ()
    mine = str(identity.to_public())
    return tuple({c for o in keys.offices.values() if o.recipient == mine for c in o.compartments})


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


def _parts(name: str) -> tuple[str, int]:
    """Return the compartment that a key is of, and its number there."""
    found = _LATER.fullmatch(name)
    return (found[1], int(found[2])) if found else (name, 1)


def _newest(wrapped: Mapping[str, str], compartment: str) -> str:
    mine = (n for n in wrapped if _parts(n)[0] == compartment)
    return max(mine, key=lambda n: _parts(n)[1], default="")


def _replace(path: Path, text: str) -> None:
    """Write a file that its owner alone may read, whole or not at all."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.touch(mode=0o600)
    temporary.write_text(text, "utf-8")
    temporary.replace(path)
