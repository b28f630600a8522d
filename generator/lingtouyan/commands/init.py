"""`init` and `upgrade`: a new records repository from the project's tree, and later what has become newer there.

What is taken over, and what is written otherwise, is data: `starter/starter.yaml`. The commit that brings it says from
where and with which answers; a newer version is merged by git against just what was brought before.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from lingtouyan.commands.check import check_all
from lingtouyan.commands.exchange import known_author
from lingtouyan.commands.owners import write_owners
from lingtouyan.exchange.roster import TOTALS, heading_forms
from lingtouyan.exchange.workbook import cell_text, read_workbook
from lingtouyan.history.git import ask as git
from lingtouyan.history.git import ask_text
from lingtouyan.problems import Problem, UsageError, printable, quoted
from lingtouyan.reading.source import glob_regex
from lingtouyan.reading.yaml import parse_yaml

STARTER, TRAILER = "starter/starter.yaml", "lingtouyan-starter: "
Files = dict[str, tuple[bytes, bool]]
"""Path -> content, and whether it can be run."""


@dataclass
class Made:
    """What came of it: what to tell, what the check of the new tree says, and whether something is left to be done."""

    told: list[str]
    problems: list[Problem] = field(default_factory=list)
    unfinished: bool = False


def init(target: Path, source: str, answers: dict[str, str], units: Path | None) -> Made:
    """Make a new repository in an empty folder, with one commit.

    Args:
        source: folder or address of the project; empty for the tree that this program stands in.
        answers: name, code, as_of, starts_on, host.
        units: the list of those that have a folder of their own, or None.

    Raises:
        UsageError: the folder is not empty, the list cannot be read, the project is not there.
    """
    if target.exists() and any(target.iterdir()):
        raise UsageError(f"{target} 不是空文件夹，没有写入。请换一个。")
    with tempfile.TemporaryDirectory() as space:
        tree, spec, version = _project(source, Path(space))
        if answers["host"] not in spec["hosts"]:
            raise UsageError(f"没有 {quoted(answers['host'])} 这种平台，可用：{'、'.join(spec['hosts'])}。")
        listed, unread = read_units(units, spec["units"]) if units else ([], [])
        origin = source if "://" in source else str(tree.resolve())
        facts = {"id": _latin(answers["name"]), **answers, "upstream": origin, "version": version}
        files = {**_brought(tree, spec, facts), **_written(tree, facts, listed)}
    target.mkdir(parents=True, exist_ok=True)
    git(target, "init", "-q", "-b", "main")
    known_author(target)
    _put(target, files)
    write_owners(target, write=True)
    git(target, "add", "-A")
    message = f"建立{answers['name']}的记录库\n\n{_trailer(facts)}\n"
    git(target, "commit", "-q", "-F", "-", data=message.encode())
    places = sum(len(u["items"]) for u in listed)
    told = [f"{target}：{len(files)} 个文件，{len(listed)} 个单位、{places} 个下级单位，已提交。", *unread]
    if bare := [u["name"] for u in listed if not u["code"]]:
        told.append(f"没有代码的单位：{'、'.join(bare)}，请补在登记表里。")
    if bare := [i["name"] for u in listed for i in u["items"] if not i["code"]]:
        told.append(
            f"没有代码的下级单位 {len(bare)} 个（{'、'.join(bare[:5])}{' 等' if bare[5:] else ''}），请补。"
        )
    return Made(told, check_all(target, None, None))


def upgrade(root: Path, source: str) -> Made:
    """Merge what has become newer in the project into a repository that `init` made; conflicts stay in the work tree.

    Raises:
        UsageError: the work tree has changes, it was not made by `init`, or the project is not there.
    """
    if git(root, "status", "--porcelain", "--untracked-files=no"):
        raise UsageError("有没有提交的改动，没有升级。请先提交。")
    known_author(root)
    base, _, message = ask_text(root, "log", "-1", "--format=%H%n%B", f"--grep=^{TRAILER}").partition("\n")
    line = next((w for w in message.splitlines() if w.startswith(TRAILER)), "")
    if not line:
        raise UsageError("历史里没有 lingtouyan init 的提交，不知道从哪一版升级。")
    facts = json.loads(line.removeprefix(TRAILER))
    with tempfile.TemporaryDirectory() as space:
        tree, spec, version = _project(source or facts["upstream"], Path(space))
        beside = Path(space, "beside")
        facts |= {"version": version}
        files = _brought(tree, spec, facts)
        git(root, "worktree", "add", "-q", "--detach", str(beside), base)
        try:
            mine = [glob_regex(f) for f in (*spec["files"], *files)]
            for name in (git(beside, "ls-files", "-z") or b"").decode().split("\0"):
                if name and name not in files and any(p.match(name) for p in mine):
                    (beside / name).unlink()
            _put(beside, files)
            git(beside, "add", "-A")
            if git(beside, "diff", "--cached", "--name-only") == b"":
                return Made([f"已经是 {version[:10]} 的内容，没有新的。"])
            message = f"取来上游 {version[:10]}\n\n{_trailer(facts)}\n"
            git(beside, "commit", "-q", "-F", "-", data=message.encode())
            brought = ask_text(beside, "rev-parse", "HEAD")
        finally:
            git(root, "worktree", "remove", "--force", str(beside))
    before = ask_text(root, "rev-parse", "HEAD")
    merged = git(root, "merge", "-q", "--no-ff", "-m", f"升级到 {version[:10]}", brought, no=(1,))
    if merged is None:
        names = (git(root, "diff", "--name-only", "--diff-filter=U", "-z") or b"").decode().split("\0")
        told = ["本市改过、上游也改了的地方合不到一起：", *(f"  {printable(n)}" for n in names if n)]
        told.append(
            "请在这些文件里的 <<<<<<< 和 >>>>>>> 之间选定（一边删了的没有这些记号，不留就 git rm），"
            "再 git add、git commit；不升级了：git merge --abort。"
        )
        return Made(told, unfinished=True)
    # By the engine that came along: the new rules may need it.
    env = {**os.environ, "PYTHONPATH": str(root.resolve() / "generator")}
    command = [sys.executable, "-m", "lingtouyan", "--root", str(root), "review", before, "--no-prints"]
    review = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    told = [f"已合并到 {version[:10]}。对现有记录的影响：", review.stdout or review.stderr]
    return Made(told, unfinished=review.returncode not in (0, 1))


def _project(source: str, space: Path) -> tuple[Path, Any, str]:
    """Return the project's tree, cloned where it is elsewhere, what it says of starting, and its commit."""
    tree = Path(source) if source else Path(__file__).resolve().parents[3]
    if "://" in source or source.startswith("git@"):
        tree = space / "upstream"
        if (
            git(space, "clone", "-q", "--depth", "1", "--", source, str(tree), no=(128,), network=True)
            is None
        ):
            raise UsageError(f"{source} 取不来。请检查地址和网络。")
    if not (tree / STARTER).is_file():
        raise UsageError(f"{tree} 里没有 {STARTER}。请用 --from 指明领头雁项目的文件夹或网址。")
    known = git(tree, "rev-parse", "HEAD", no=(128,)) if (tree / ".git").exists() else None
    spec = parse_yaml((tree / STARTER).read_text("utf-8"))
    return tree, spec, known.decode().strip() if known else "没有版本号的副本"


def _brought(tree: Path, spec: Any, facts: Mapping[str, str]) -> Files:
    """Return the files that are taken over, with what a city has otherwise in them."""
    if (tree / ".git").exists():
        names = (git(tree, "ls-files", "-z") or b"").decode().split("\0")
    else:
        names = [p.relative_to(tree).as_posix() for p in tree.rglob("*") if p.suffix != ".pyc"]
    names = sorted(n for n in names if n and (tree / n).is_file())
    hosts = spec["hosts"][facts["host"]]
    wanted, unwanted = (
        [glob_regex(g) for g in globs] for globs in ([*spec["files"], *hosts], spec["without"])
    )
    names = [n for n in names if not any(w.match(n) for w in unwanted)]
    taken = {n: n for n in names if any(w.match(n) for w in wanted)}
    taken |= {n.removeprefix(f"{h}/"): n for h in hosts for n in names if n.startswith(f"{h}/")}
    edits = [(glob_regex(g), re.compile(p, re.M), _template(t).render(facts)) for g, p, t in spec["replace"]]
    files: Files = {}
    for name, origin in taken.items():
        data = (tree / origin).read_bytes()
        if b"\0" not in data:
            text = data.decode("utf-8")
            for where, pattern, words in edits:
                text = pattern.sub(words, text) if where.match(name) else text
            data = text.encode()
        files[name] = data, os.access(tree / origin, os.X_OK)
    return files


def _written(tree: Path, facts: Mapping[str, str], units: list[dict[str, Any]]) -> Files:
    """Return the files that are written from templates; one whose name speaks of a unit, for each."""
    folder, files = tree / "starter/files", Files()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name, template = path.relative_to(folder).as_posix(), _template(path.read_text("utf-8"))
        for unit in units if "{{" in name else [{}]:
            given = {**facts, "units": units, "unit": unit}
            files[_template(name).render(given)] = template.render(given).encode(), False
    return files


def _template(text: str) -> Any:
    shape = {"trim_blocks": True, "lstrip_blocks": True, "keep_trailing_newline": True}
    return SandboxedEnvironment(undefined=StrictUndefined, **shape).from_string(text)


def _put(target: Path, files: Files) -> None:
    for name, (data, runs) in files.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o755 if runs else 0o644)


def _trailer(facts: Mapping[str, str]) -> str:
    return TRAILER + json.dumps(facts, ensure_ascii=False)


def _latin(name: str) -> str:
    from pypinyin import lazy_pinyin

    return re.sub(r"[^a-z0-9]", "", "".join(lazy_pinyin(name)).lower()) or "x"


def read_units(path: Path, spec: Any) -> tuple[list[dict[str, Any]], list[str]]:
    """Read the units and what is in each from a list: all of a unit's in one cell, or one a row; and tell what was not read.

    Args:
        spec: `name`, `code`, `items`, `item_code`: the headings; `short`: what the end of a name is called.

    Raises:
        UsageError: no heading is known, or a name has signs that no name has.
    """
    known = {k: {w for heading in spec[k] for w in heading_forms(heading)} for k in spec if k != "short"}
    units: dict[str, dict[str, Any]] = {}
    unread: list[str] = []
    for sheet in read_workbook(path):
        rows = [[re.sub(r"\s+", "", cell_text(c)) for c in row] for row in sheet.rows]
        heads = next(
            (n for n, r in enumerate(rows[:20]) if any(known["name"] & heading_forms(h) for h in r)), None
        )
        if heads is None:
            unread += [f"{sheet.title} 没有认得出的表头，整张没有读。"] if any(map(any, rows)) else []
            continue
        forms = list(map(heading_forms, rows[heads]))
        at = {k: next((n for n, f in enumerate(forms) if words & f), None) for k, words in known.items()}
        unread += [
            f"{sheet.title} {quoted(heading)} 没有对应的栏目，没有读。"
            for n, heading in enumerate(rows[heads])
            if heading and n not in at.values()
        ]
        above = ""
        for number, row in enumerate(rows[heads + 1 :], heads + 2):
            if any(map(TOTALS.match, row)):
                continue
            cells = {k: row[n] if n is not None and n < len(row) else "" for k, n in at.items()}
            # What stands once for several rows, in a merged cell say, goes for those below.
            above = cells["name"] or above
            items = [i for i in re.split(r"[、，,;；]", cells["items"]) if i]
            if not above or not (cells["name"] or items):
                continue
            unit = units.setdefault(above, {"name": above, "codes": [], "items": []})
            unit["codes"] += [cells["code"]] if cells["code"] else []
            for item in items:
                name, code = re.fullmatch(r"(.*?)[(（]?(\d{6,})?[)）]?", item).groups()  # type: ignore[union-attr]
                code = code or (cells["item_code"] if len(items) == 1 else "")
                unit["items"].append({"name": name, "code": code or "", "row": cells["code"]})
            for name in (above, *(i["name"] for i in unit["items"][-len(items) :] if items)):
                if not re.fullmatch(r"(?!\d*$)[\w（）()·]+", name):
                    raise UsageError(
                        f"{path.name} {sheet.title} 第 {number} 行：{quoted(name)} 不像名称，请核对。"
                    )
    if not units:
        raise UsageError(f"{path.name} 里没有认得出的表头，应有“{spec['name'][0]}”和“{spec['items'][0]}”。")
    if not any(u["items"] for u in units.values()):
        unread.append(
            f"没有读到下级单位：它们那一栏的表头应是“{spec['items'][0]}”，请改好后在新文件夹里再建一次。"
        )
    # Codes that differ within a unit are those of the items.
    inner = any(len({*u["codes"]}) > 1 for u in units.values())
    count, ids = 0, set[str]()
    for number, unit in enumerate(units.values(), 1):
        unit["code"] = "" if inner else next(iter(unit["codes"]), "")
        stem = _latin(re.sub(spec["short"], "", unit["name"]))
        unit["id"] = next(i for n in range(1, 1000) if (i := f"{stem}{n if n > 1 else ''}") not in ids)
        ids.add(unit["id"])
        unit |= {"number": number, "folder": "-".join(w for w in (unit["code"], unit["name"]) if w)}
        for count, item in enumerate(unit["items"], count + 1):  # noqa: B020
            item |= {"number": count, "code": item["code"] or (item["row"] if inner else "")}
    return list(units.values()), unread
