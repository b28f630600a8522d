"""Time the engine beside the tools it builds on, on the same records and pages, as whole processes.

    python -m benchmarks check  --villages 62 1700 11000
    python -m benchmarks site   --villages 300 1700
    python -m benchmarks forms  --villages 300 --forms 200
    python -m benchmarks memory --villages 300 --forms 5000
    python -m benchmarks history --commits 500 10000

Each line of the result is one measured process and its children: seconds of wall clock and of processor, peak memory in MiB.
Cities are made by `cities/city.py`, as Git repositories with one import commit and 300 ordinary ones, and kept below
`--work` for the next run. Cold means: no cache at all, a folder of its own for each cold run.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import ctypes
import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.memory import Watch

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(ROOT / "generator")]

TOOLS = Path(sys.executable).parent
CACHE = Path("/tmp/lingtouyan-benchmarks/cache")
COMMITS = 300


@dataclass
class Measured:
    """One process."""

    what: str
    villages: int
    wall: float
    cpu: float
    peak_mib: float
    exit_code: int


def run(what: str, villages: int, command: list[str], cwd: Path | None = None) -> Measured:
    """Run a process and measure it with its children: time by the operating system's own accounting, memory by looking."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=_environment(),
        start_new_session=True,
    )
    memory = Watch(process.pid)
    memory.start()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    measured = Measured(
        what,
        villages,
        round(wall, 2),
        round(usage.ru_utime + usage.ru_stime + _orphans(process.pid), 2),
        round(max(memory.stop(), usage.ru_maxrss / 1024), 1),
        os.waitstatus_to_exitcode(status),
    )
    print(
        f"{villages:>6}  {what:<44} {measured.wall:>8.2f} s  {measured.cpu:>8.2f} s cpu  "
        f"{measured.peak_mib:>8.1f} MiB  exit {measured.exit_code}",
        flush=True,
    )
    return measured


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": f"{ROOT / 'generator'}:{ROOT}", "XDG_CACHE_HOME": str(CACHE)}


def forget(folder: Path) -> None:
    """Forget what earlier runs kept and built."""
    shutil.rmtree(CACHE, ignore_errors=True)
    shutil.rmtree(folder / "build", ignore_errors=True)


def _orphans(group: int) -> float:
    """Return the seconds of processor that those have used whom a process started and did not wait for."""
    seconds = 0.0
    with contextlib.suppress(ChildProcessError):
        while True:
            _, _, usage = os.wait4(-group, 0)
            seconds += usage.ru_utime + usage.ru_stime
    return seconds


def engine(*arguments: str) -> list[str]:
    """The engine's command, from this checkout."""
    return [sys.executable, "-m", "lingtouyan", *arguments]


def city(work: Path, villages: int) -> Path:
    """Make a city of that size once."""
    folder = work / f"city-{villages}"
    if not (folder / "datapackage.yaml").exists():
        shutil.rmtree(folder, ignore_errors=True)
        maker = [sys.executable, str(HERE / "cities/city.py"), "--villages", str(villages)]
        subprocess.run([*maker, "--commits", str(COMMITS), "--out", str(folder)], check=True)
    return folder


def change_one(folder: Path, turn: int) -> None:
    """Change one value of one person: the place of birth, which is shown on that person's page."""
    path = sorted(folder.glob("records/townships/*/people/*.yaml"))[turn]
    text = path.read_text(encoding="utf-8")
    found = re.search(r"^native_place: .*?(\d*)$", text, flags=re.M)
    line = f"native_place: 示例省示例市{int(found[1] or 0) + 1 if found else 1}"
    changed = text[: found.start()] + line + text[found.end() :] if found else f"{text}{line}\n"
    path.write_text(changed, encoding="utf-8")


def plain_tables(folder: Path, out: Path) -> int:
    """Write the same tables as plain CSV with a plain descriptor, for frictionless alone; return the number of rows."""
    from lingtouyan.reading.package import load_package
    from lingtouyan.reading.records import read_records
    from lingtouyan.reading.source import WorkTree

    package = load_package(WorkTree(folder))
    records = read_records(WorkTree(folder), package)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    resources, total = [], 0
    for table in package.tables.values():
        with (out / f"{table.name}.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow([f.name for f in table.fields])
            for _, (_, cells) in records.rows(table.name):
                writer.writerow(["" if c is None else c for c in cells])
                total += 1
        schema: dict[str, object] = {"fields": [dict(f.descriptor) for f in table.fields]}
        if table.primary_key:
            schema["primaryKey"] = list(table.primary_key)
        if table.foreign_keys:
            schema["foreignKeys"] = [
                {
                    "fields": list(k.fields),
                    "reference": {
                        "resource": "" if k.table == table.name else k.table,
                        "fields": list(k.references),
                    },
                }
                for k in table.foreign_keys
            ]
        resources.append(
            {
                "name": table.name,
                "type": "table",
                "path": f"{table.name}.csv",
                "format": "csv",
                "encoding": "utf-8",
                "schema": schema,
            }
        )
    (out / "datapackage.json").write_text(
        json.dumps({"name": "plain", "resources": resources}, ensure_ascii=False), encoding="utf-8"
    )
    return total


def check(work: Path, sizes: list[int]) -> list[Measured]:
    """`check` (conformance, keys, views, history and all rules) against `frictionless validate` (conformance and keys).

    Then a query of nothing and of one table, and the review of one changed cell; all cold.
    """
    results = []
    for size in sizes:
        folder = city(work, size)
        print(f"{size:>6}  {plain_tables(folder, work / f'tables-{size}')} rows")
        ask = engine("--root", str(folder))
        forget(folder)
        first = run("check, cold", size, [*ask, "check"])
        results += [first, run("check, again", size, [*ask, "check"])]
        for name, sql in (("of nothing", "SELECT 1"), ("of one table", "SELECT count(*) FROM tenures")):
            forget(folder)
            results.append(run(f"query {name}, cold", size, [*ask, "query", sql]))
        change_one(folder, 0)
        forget(folder)
        results.append(run("review of one cell, cold", size, [*ask, "review", "HEAD"]))
        print(f"{size:>6}  review {results[-1].wall / first.wall:.2f} times as long as check")
        subprocess.run(["git", "-C", str(folder), "checkout", "-q", "."], check=True)
        command = [str(TOOLS / "frictionless"), "validate", "datapackage.json"]
        other = run("frictionless validate, same tables", size, command, work / f"tables-{size}")
        print(f"{size:>6}  check {other.wall / first.wall:.1f} times as fast as frictionless")
        results.append(other)
    return results


def plain_site(folder: Path, out: Path) -> int:
    """Lay the same pages out as a plain MkDocs-Material project, one Markdown file per page; return their number."""
    built = folder / "build" / "internal"
    shutil.rmtree(out, ignore_errors=True)
    docs = out / "docs"
    shutil.copytree(built / "tree" / "docs", docs)
    for frame in docs.rglob("frame-*.md"):
        frame.unlink()
    written = {p.relative_to(docs).as_posix() for p in docs.rglob("*.md")}
    for page in (built / "site").rglob("index.html"):
        url = page.parent.relative_to(built / "site").as_posix()
        if f"{url}.md" in written or f"{url}/index.md" in written or url == ".":
            continue
        html = page.read_text(encoding="utf-8")
        found = re.search(r"<article[^>]*>(.*?)</article>", html, re.S)
        title = re.search(r"<title>(.*?)</title>", html, re.S)
        body = re.sub(r"\n\s*\n+", "\n", found[1]) if found else ""
        target = docs / f"{url}.md"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(
            f"---\ntitle: {json.dumps(title[1] if title else url, ensure_ascii=False)}\n---\n\n<div>\n{body.strip()}\n</div>\n",
            encoding="utf-8",
        )
    config = (built / "tree" / "mkdocs.yml").read_text(encoding="utf-8")
    config = re.sub(r"^docs_dir:.*$", "docs_dir: docs", config, flags=re.M)
    config = re.sub(r"^site_dir:.*$", "site_dir: site", config, flags=re.M)
    config = re.sub(
        r"^(\s*)custom_dir:.*$", rf"\1custom_dir: {folder / 'site' / 'theme'}", config, flags=re.M
    )
    (out / "mkdocs.yml").write_text(config, encoding="utf-8")
    return sum(1 for _ in docs.rglob("*.md"))


def site(work: Path, sizes: list[int], *, plain: bool) -> list[Measured]:
    """`build` of one edition against plain MkDocs-Material on the same pages, cold."""
    results = []
    for size in sizes:
        folder = city(work, size)
        forget(folder)
        command = engine("--root", str(folder), "build", "--edition", "internal", "--no-dossiers")
        built = run("build, cold", size, command)
        results.append(built)
        if plain:
            other = work / f"plain-{size}"
            print(f"{size:>6}  {plain_site(folder, other)} pages")
            mkdocs = [str(TOOLS / "mkdocs"), "build", "-q", "-f", "mkdocs.yml"]
            results.append(run("plain MkDocs-Material, same pages", size, mkdocs, other))
            print(f"{size:>6}  {results[-1].wall / built.wall:.1f} times as fast")
    return results


def forms(work: Path, sizes: list[int], count: int) -> list[Measured]:
    """The print shop against a plain loop over WeasyPrint on the same HTML and style sheets; cold, and with one changed."""
    results = []
    for size in sizes:
        folder = city(work, size)
        script = [sys.executable, str(HERE / "print_forms.py")]
        for way, name in (("shop", "print shop"), ("plain", "plain WeasyPrint loop")):
            out = work / f"forms-{way}-{size}"
            shutil.rmtree(out, ignore_errors=True)
            forget(folder)
            command = [*script, way, str(folder), str(count), str(out)]
            results.append(run(f"{name}, {count} forms, cold", size, command))
            change_one(folder, 0)
            results.append(run(f"{name}, {count} forms, one record changed", size, command))
        shop, plain = results[-4:-2], results[-2:]
        for unit in ("wall", "cpu"):
            cold, changed = (getattr(p, unit) / getattr(s, unit) for s, p in zip(shop, plain, strict=True))
            print(f"{size:>6}  {unit}: cold {cold:.1f} times, one record changed {changed:.1f} times as fast")
    return results


def memory(work: Path, sizes: list[int], count: int) -> list[Measured]:
    """The print shop's memory along the way; a city with fewer forms prints them again under other names."""
    for size in sizes:
        out = work / f"forms-memory-{size}"
        shutil.rmtree(out, ignore_errors=True)
        script = [sys.executable, str(HERE / "print_forms.py")]
        command = [*script, "memory", str(city(work, size)), str(count), str(out)]
        subprocess.run(command, check=True, start_new_session=True, env=_environment())
    return []


def history(work: Path, sizes: list[int]) -> list[Measured]:
    """All changes of a history against `git log -p` over it; then with one commit more, and with none."""
    results = []
    for size in sizes:
        folder = work / f"history-{size}"
        if not (folder / "datapackage.yaml").exists():
            shutil.rmtree(folder, ignore_errors=True)
            maker = [
                sys.executable,
                str(HERE / "cities/history.py"),
                "--commits",
                str(size),
                "--out",
                str(folder),
            ]
            subprocess.run(maker, check=True, stdout=subprocess.DEVNULL)
        forget(folder)
        asked = engine("--root", str(folder), "history", "people", "P0185")
        results.append(run("git log -p", size, ["git", "-C", str(folder), "log", "-p"]))
        results.append(run("history, cold", size, asked))
        for turn in range(2):
            change_one(folder, turn)
            who = ["-c", "user.name=x", "-c", "user.email=x@example.invalid"]
            subprocess.run(["git", "-C", str(folder), *who, "commit", "-qam", f"x{turn}"], check=True)
            results.append(run("history, one commit more", size, asked))
        results.append(run("history, nothing new", size, asked))
        subprocess.run(["git", "-C", str(folder), "reset", "-q", "--hard", "HEAD~2"], check=True)
    return results


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "what", nargs="?", default="check", choices=("check", "site", "forms", "memory", "history")
    )
    parser.add_argument("--villages", type=int, nargs="+", default=[300])
    parser.add_argument("--forms", type=int, default=200)
    parser.add_argument("--commits", type=int, nargs="+", default=[500, 10_000])
    parser.add_argument("--no-plain", action="store_true", help="leave out plain MkDocs, which takes minutes")
    parser.add_argument("--work", type=Path, default=Path("/tmp/lingtouyan-benchmarks"))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    # Those whom a measured process leaves behind are ours to wait for (PR_SET_CHILD_SUBREAPER).
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
    options.work.mkdir(parents=True, exist_ok=True)
    if options.what == "check":
        results = check(options.work, options.villages)
    elif options.what == "site":
        results = site(options.work, options.villages, plain=not options.no_plain)
    elif options.what == "history":
        results = history(options.work, options.commits)
    elif options.what == "memory":
        results = memory(options.work, options.villages, options.forms)
    else:
        results = forms(options.work, options.villages, options.forms)
    if options.json:
        options.json.write_text(json.dumps([asdict(r) for r in results], indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
