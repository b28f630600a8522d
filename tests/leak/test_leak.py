"""A token in every free text of a small city: nothing that is built holds one that is not for its reader, in no byte."""

from __future__ import annotations

import csv
import gzip
import io
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pypdf import PdfReader
from repository import Repository
from trees import Tree

from lingtouyan.checks.register import register_with_editions
from lingtouyan.cli import main
from lingtouyan.exchange.writing import as_item, document
from lingtouyan.project import Project, Scope
from lingtouyan.reading.package import Field, Package, Table
from lingtouyan.reading.source import glob_regex
from lingtouyan.reading.yaml import Mapping as Item
from lingtouyan.reading.yaml import parse_yaml

CITY = Path(__file__).parents[2]
OWN, OTHER = "990101102", "990101001"
# number of the field, level, place, hidden or not
TOKEN = re.compile(rb"zq(\d{3})l(\d)p(\w)h(\d)x")


def _marked(table: Table) -> list[Field]:
    """The fields that can hold any text; the public ones show that what is looked for is found."""
    names = {*table.primary_key, table.sealed_for, *(n for k in table.foreign_keys for n in k.fields)}
    closed = {"enum", "pattern"}
    return [
        f
        for f in table.fields
        if f.type == "string"
        and f.name not in names
        and not f.picture
        # Settings find the readers and their folders by these.
        and (table.name, f.name) not in {("organisations", "division_code"), ("organisations", "folder")}
        and not closed.intersection(f.constraints)
    ]


class Marks:
    """The token of each place, and what each number stands for."""

    def __init__(self) -> None:
        self.fields: list[tuple[Table, Field]] = []

    def of(self, table: Table, field: Field, file: str, hidden: bool) -> str:
        if (table, field) not in self.fields:
            self.fields.append((table, field))
        place = "o" if OWN in file else "f" if "townships" in file else "c"
        number = self.fields.index((table, field))
        hidden = hidden or "discipline" in field.compartment
        return f"zq{number:03d}l{int(field.sensitivity)}p{place}h{int(hidden)}x"

    def told(self, found: set[tuple[bytes, ...]]) -> list[str]:
        """Say which fields these tokens stand in."""
        return sorted(
            {f"{table.name}.{field.name}" for table, field in (self.fields[int(t[0])] for t in found)}
        )


def _mark_csv(text: str, table: Table, mark: Callable[[Field, bool], str]) -> str:
    rows = list(csv.DictReader(io.StringIO(text)))
    fields = _marked(table)
    for row in rows:
        # A case that is not decided yet is in a compartment, row and all.
        hidden = bool(table.compartments) and not row["tier"]
        for f in fields:
            if f.name in row:
                row[f.name] = mark(f, hidden)
    out = io.StringIO()
    if rows:
        writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return out.getvalue() or text


def _mark_item(package: Package, table: Table, item: Item, mark: Callable[[Table, Field], str]) -> None:
    children = {tuple(c.property.split(".")): c for c in package.children.get(table.name, ())}

    def walk(item: Item, prefix: tuple[str, ...]) -> None:
        fields = {f.name: f for f in _marked(table)}
        for name, value in item.items():
            path = (*prefix, name)
            if path in children:
                for one in value if isinstance(value, list) else ():
                    _mark_item(package, children[path], one, mark)
            elif isinstance(value, Item):
                walk(value, path)
            elif f := fields.get("_".join(path)):
                item[name] = mark(table, f)
        if not prefix:
            item.update(
                {f.name: mark(table, f) for f in fields.values() if f.name not in item and "_" not in f.name}
            )

    walk(item, ())


def _thin(folder: Path, count: int = 3) -> None:
    """Keep of a township a few villages, and what is recorded of them and of their people."""
    kept: set[str] = set()

    def keep(path: Path, column: str) -> list[dict[str, str]]:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        if rows and column in rows[0]:
            left = (
                [r for r in rows if r[column] in kept]
                if kept
                else [r for r in rows if not r["successor"]][:count]
            )
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
                writer.writeheader()
                writer.writerows(left)
            return left
        return []

    kept |= {r["village_id"] for r in keep(folder / "villages.csv", "village_id")}
    files = [p for p in folder.glob("*.csv") if p.name != "villages.csv"]
    kept |= {r.get("person_id", "") for p in files for r in keep(p, "village_id")}
    for path in files:
        keep(path, "person_id")
    for path in folder.rglob("*.yaml"):
        if not kept.intersection(re.findall(r"\b[PV]\d{4}\b", path.read_text("utf-8"))):
            path.unlink()


def _mend(root: Path, package: Package) -> bool:
    """Take out what refers to a record that is not there; tell whether there was any."""
    files = [
        (path, table)
        for table in package.tables.values()
        if table.path and table.kind != "markdown"
        for path in sorted((root / "records").rglob(f"*{Path(table.path).suffix}"))
        if glob_regex(table.path).match(path.relative_to(root).as_posix())
    ]
    read: dict[Path, list[Any]] = {}
    held: dict[tuple[str, str], set[str]] = {}
    for path, table in files:
        text = path.read_text("utf-8")
        value = list(csv.DictReader(io.StringIO(text))) if table.kind == "csv" else parse_yaml(text)
        read[path] = value if isinstance(value, list) else [value]
        for name in table.primary_key:
            held.setdefault((table.name, name), set()).update(item.get(name) or "" for item in read[path])

    def sound(table: Table, item: Any) -> bool:
        for key in table.foreign_keys:
            known = held.get((key.table, key.references[0]))
            if known is not None and (value := item.get(key.fields[0])) and value not in known:
                return False
        for child in package.children.get(table.name, ()):
            *way, last = child.property.split(".")
            inner = item
            for name in way:
                inner = inner.get(name) or {}
            if isinstance(listed := inner.get(last), list):
                inner[last] = [one for one in listed if sound(child, one)]
        return True

    changed = False
    for path, table in files:
        left = [item for item in read[path] if sound(table, item)]
        if table.kind == "csv":
            if len(left) < len(read[path]):
                with path.open("w", encoding="utf-8", newline="") as file:
                    writer = csv.DictWriter(file, list(read[path][0]), lineterminator="\n")
                    writer.writeheader()
                    writer.writerows(left)
        elif not left:
            path.unlink()
        else:
            written = [document(package, table, item) for item in left]
            path.write_text(written[0] if len(written) == 1 else "".join(map(as_item, written)), "utf-8")
        changed = changed or len(left) < len(read[path])
    return changed


def _city(root: Path, townships: tuple[str, ...] = (OWN, OTHER)) -> Marks:
    for name in ("schemas", "site", "records"):
        shutil.copytree(CITY / name, root / name)
    for name in ("datapackage.yaml", "mkdocs.yml"):
        shutil.copy(CITY / name, root / name)
    for folder in (root / "records/townships").iterdir():
        if townships and not folder.name.startswith(townships):
            shutil.rmtree(folder)
        elif townships:
            _thin(folder)
    # Former names are of villages that were left out.
    names = root / "records/city/earlier_names.csv"
    names.write_text(names.read_text("utf-8").partition("\n")[0] + "\n", "utf-8")
    package, marks = Project.open(root).package, Marks()
    while _mend(root, package):
        pass
    for table in (t for t in package.tables.values() if t.path):
        pattern = glob_regex(table.path)
        for path in sorted((root / "records").rglob(f"*{Path(table.path).suffix}")):
            file = path.relative_to(root).as_posix()
            if not pattern.match(file) or table.kind == "markdown":
                continue
            text = path.read_text("utf-8")
            if table.kind == "csv":
                made = _mark_csv(text, table, lambda f, h, t=table, n=file: marks.of(t, f, n, h))
            else:
                value = parse_yaml(text)
                items = value if isinstance(value, list) else [value]
                for item in items:
                    _mark_item(package, table, item, lambda t, f, n=file: marks.of(t, f, n, False))
                written = [document(package, table, i) for i in items]
                made = "".join(map(as_item, written) if isinstance(value, list) else written)
            path.write_text(made, "utf-8")
    return marks


def _held(root: Path, edition: str, folder: Path, *, whole: bool) -> set[tuple[bytes, ...]]:
    """Return the tokens that an edition's database holds: what is not there is on no page, in no print and no file."""
    project = Project.open(root)
    scope, path = Scope.read(edition, project.package), folder / f"{edition.replace(':', '-')}.duckdb"
    # Without findings and history it takes a fraction of the time.
    views = [v.stem for v in (root / "schemas/views").glob("*.sql")]
    only = None if whole else {*project.package.tables, *views}
    register = register_with_editions(
        project, project.as_of(None), {scope.level: path}, allow_errors=True, scope=scope, only=only
    )
    register.connection.close()
    found: set[tuple[bytes, ...]] = set()
    with duckdb.connect(str(path), read_only=True) as database:
        for (name,) in database.execute("SELECT table_name FROM duckdb_tables()").fetchall():
            rows = database.execute(f'SELECT * FROM "{name}"').fetchall()
            found |= set(TOKEN.findall("\n".join(map(str, rows)).encode()))
    return found


def _leaks(edition: str, found: set[tuple[bytes, ...]]) -> set[tuple[bytes, ...]]:
    """Return those that are not for an edition's reader."""
    level = 0 if edition == "public" else 1
    return {
        t
        for t in found
        if int(t[1]) > level
        or (t[3] == b"1" and "discipline" not in edition)
        or (t[2] == b"f" and edition.startswith("township"))
    }


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Marks]:
    root = tmp_path_factory.mktemp("leak") / "city"
    return root, _city(root)


@pytest.mark.parametrize(
    "edition",
    [
        pytest.param("internal", marks=pytest.mark.exhaustive),
        pytest.param("internal+discipline", marks=pytest.mark.exhaustive),
        pytest.param(f"township:{OWN}", marks=pytest.mark.exhaustive),
    ],
)
def test_nothing_leaks(city: tuple[Path, Marks], edition: str, tmp_path: Path) -> None:
    root, marks = city
    found = _held(root, edition, tmp_path, whole=edition in ("internal", f"township:{OWN}"))
    assert marks.told(_leaks(edition, found)) == []
    # It was looked for where it is.
    told = {t for t in found if t[1] == b"1"}
    assert {t for t in told if t[2] == b"o"}
    assert any(t[3] == b"1" for t in told) == ("discipline" in edition)
    assert any(t[2] == b"f" for t in told) == edition.startswith("internal")


def _texts(name: str, data: bytes) -> Iterator[bytes]:
    """Yield all that the bytes of a file say, what they pack included; of a print text, metadata and attachments."""
    yield name.encode() + data
    match Path(name).suffix:
        case ".gz":
            yield gzip.decompress(data)
        case ".xlsx":
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                for member in archive.namelist():
                    yield from _texts(member, archive.read(member))
        case ".parquet":
            with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
                file.write(data)
                file.flush()
                yield str(duckdb.read_parquet(file.name).fetchall()).encode()
        case ".pdf":
            reader = PdfReader(io.BytesIO(data))
            # A narrow cell breaks a word.
            yield re.sub(r"\s", "", "".join(page.extract_text() for page in reader.pages)).encode()
            yield str(reader.metadata).encode()
            yield reader.xmp_metadata.stream.get_data() if reader.xmp_metadata else b""
            for attached, versions in reader.attachments.items():
                for content in versions:
                    yield from _texts(attached, content)


def _texts_found(folder: Path) -> set[tuple[bytes, ...]]:
    """Return the tokens that all files below a folder hold."""
    return set().union(*_searched(folder).values())


def _searched(folder: Path) -> dict[str, set[tuple[bytes, ...]]]:
    """Return kind of file -> the tokens that all files of that kind hold."""
    found: dict[str, set[tuple[bytes, ...]]] = {}
    for path in folder.rglob("*"):
        if path.is_file():
            kind = found.setdefault(path.suffix, set())
            for text in _texts(str(path), path.read_bytes()):
                kind |= set(TOKEN.findall(text))
    return found


@pytest.mark.parametrize(
    "edition",
    [
        "public",
        pytest.param("internal", marks=pytest.mark.exhaustive),
        pytest.param("internal+discipline", marks=pytest.mark.exhaustive),
        pytest.param(f"township:{OWN}", marks=pytest.mark.exhaustive),
    ],
)
def test_no_byte_of_a_build_leaks(
    city: tuple[Path, Marks],
    edition: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    root, marks = tmp_path / "city", city[1]
    shutil.copytree(city[0], root)
    # An error of the database repeats the value that it stumbled upon.
    (root / "schemas/views/broken.sql").write_text(
        "/*\ntitle: 坏的\nfields:\n  a: {title: 甲, sensitivity: public}\n*/\nSELECT health::INTEGER AS a FROM people",
        "utf-8",
    )
    repository = Repository(Tree(root))
    repository.commit()
    for path in (root / "records").rglob("*.*"):
        path.write_bytes(TOKEN.sub(rb"\g<0>y", path.read_bytes()))
    repository.commit()
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    main(["--root", str(root), "build", "--draft", "--edition", edition])
    said = capfd.readouterr()
    assert "broken.sql" in said.out + said.err
    found = _searched(next(p for p in (root / "build").iterdir() if p.is_dir()))
    assert {
        kind: told for kind, tokens in found.items() if (told := marks.told(_leaks(edition, tokens)))
    } == {}
    assert {".html", ".js", ".json", ".csv", ".parquet", ".pdf", ".xlsx"} <= {
        k for k, v in found.items() if v
    }
    assert list(temporary.iterdir()) == []
    # What is written to a terminal is for who has the clone.
    assert marks.told(_leaks("internal+discipline", set(TOKEN.findall(f"{said}".encode())))) == []


@pytest.mark.exhaustive
def test_no_restricted_byte_is_printed_without_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    # Only records without errors are printed: of the sample one person is marked, where it is restricted.
    root, marks = tmp_path / "city", Marks()
    for name in ("schemas", "site", "records"):
        shutil.copytree(CITY / name, root / name)
    for name in ("datapackage.yaml", "mkdocs.yml"):
        shutil.copy(CITY / name, root / name)
    package = Project.open(root).package
    path = next((root / "records").rglob("P0001.yaml"))

    def marked(name: str) -> dict[str, str]:
        table = package.tables[name]
        return {f.name: marks.of(table, f, OWN, False) for f in _marked(table) if f.sensitivity == 2}

    item = parse_yaml(path.read_text("utf-8"))
    assert isinstance(item, Item)
    item.update(marked("people"))
    item["family"] = [parse_yaml("".join(f"{k}: {v}\n" for k, v in marked("family_members").items()))]
    path.write_text(document(package, package.tables["people"], item), "utf-8")
    # A mark is no identity number, and where the key is that is an error.
    (root / "schemas/rules/R02.sql").unlink()
    monkeypatch.setenv("LINGTOUYAN_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("LINGTOUYAN_IDENTITY", str(tmp_path / "city.txt"))
    assert main(["--root", str(root), "keys", "add", "shili"]) == 0
    assert main(["--root", str(root), "seal"]) == 0
    Repository(Tree(root)).commit()
    assert _texts_found(root / "records") == set()

    def printed(name: str) -> set[tuple[bytes, ...]]:
        monkeypatch.setenv("LINGTOUYAN_IDENTITY", str(tmp_path / f"{name}.txt"))
        out, filing = tmp_path / name, "person_id = 'P0001'"
        for kind in ("registration", "cadre"):
            words = [kind, "--edition", "restricted", "--where", filing, "--out", str(out)]
            assert main(["--root", str(root), "dossiers", *words]) == 0
        return _texts_found(out) | set(TOKEN.findall(f"{capfd.readouterr()}".encode()))

    assert marks.told(printed("nobody")) == []
    told = marks.told(printed("city"))
    assert {"people.id_number", "people.health", "family_members.name"} <= {*told}


@pytest.mark.exhaustive
@pytest.mark.parametrize("form", ["text", "markdown", "json", "html"])
def test_a_review_leaks_nothing(
    city: tuple[Path, Marks], form: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    root, marks = tmp_path / "city", city[1]
    shutil.copytree(city[0], root)
    repository = Repository(Tree(root))
    repository.commit()
    for path in (root / "records").rglob("*.*"):
        path.write_bytes(TOKEN.sub(rb"\g<0>y", path.read_bytes()))
    repository.commit()
    main(["--root", str(root), "review", "HEAD~1", "--format", form])
    found = set(TOKEN.findall(capfd.readouterr().out.encode()))
    assert found
    assert marks.told(_leaks("internal", found)) == []


def _edit(path: str, *changes: tuple[str, str]) -> Callable[[Path], None]:
    def edit(root: Path) -> None:
        text = (root / path).read_text("utf-8")
        for pattern, new in changes:
            text, count = re.subn(pattern, new, text, count=1)
            assert count
        (root / path).write_text(text, "utf-8")

    return edit


_LEAKS = {
    "a field that a schema makes public": (
        "public",
        "people.occupation",
        _edit(
            "schemas/tables/people.yaml",
            (r"(name: occupation(?:\n.+)+?\n    sensitivity: )internal", r"\1public"),
        ),
    ),
    "an internal text in a public column of a view": (
        "public",
        "tenures.exemption",
        _edit("schemas/views/current_secretaries.sql", ("(  exemption: .*)internal", r"\1public")),
    ),
    "rows of a compartment that a schema forgets": (
        "internal",
        "adjustments.document",
        _edit("schemas/tables/adjustments.yaml", ("  discipline: .*", "  discipline: 'false'")),
    ),
    "rows of others that a schema calls the city's": (
        f"township:{OWN}",
        "targets.goal",
        _edit(
            "schemas/tables/targets.yaml",
            ("owner: township", "owner: city"),
            (r"foreignKeys:\n(?:  - .*\n)+", ""),
        ),
    ),
}


# One of them in every run, to know that the search finds.
@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.exhaustive) if number else n for number, n in enumerate(_LEAKS)],
)
def test_a_leak_is_found(city: tuple[Path, Marks], name: str, tmp_path: Path) -> None:
    edition, field, leak = _LEAKS[name]
    root, marks = city
    leaking = tmp_path / "city"
    shutil.copytree(root, leaking)
    leak(leaking)
    told = marks.told(_leaks(edition, _held(leaking, edition, tmp_path, whole=False)))
    assert field in told


_SHOWS = {
    "schemas/views/leaked.sql": """/*
title: 漏出
fields:
  a: {title: 甲, sensitivity: public}
  b: {title: 乙, sensitivity: public}
  c: {title: 丙, sensitivity: public}
  d: {title: 丁, sensitivity: public}
*/
SELECT occupation AS a, specialities AS b, native_place AS c, birthplace AS d FROM people""",
    "site/macros/leaked.html": "{% macro told(row) %}{{ row.b }}{% endmacro %}",
    "site/pages/leaked.md": """---
title: 漏出
queries:
  rows: SELECT a, b FROM leaked
  chart: SELECT c AS x, 1 AS y FROM leaked
  listed: SELECT d FROM leaked
grid:
  listed: {query: listed, source: leaked, columns: [d]}
---
{% import "macros/leaked.html" as macros %}{% import "macros/charts.html" as charts %}

# 漏出

{{ rows[0].a }} {{ macros.told(rows[0]) }}

{{ charts.bars(chart, 'x', 'y', '图') }}

{{ grid('listed') }}
""",
    "site/feeds/leaked.csv": """---
title: 漏出
queries:
  rows: SELECT a FROM leaked
---
甲
{% for row in rows %}
{{ row.a }}
{% endfor %}
""",
}


@pytest.mark.exhaustive
def test_a_leak_is_found_wherever_it_is_shown(city: tuple[Path, Marks], tmp_path: Path) -> None:
    root, marks = tmp_path / "city", city[1]
    shutil.copytree(city[0], root)
    for name, text in _SHOWS.items():
        (root / name).write_text(text, "utf-8")
    Repository(Tree(root)).commit()
    main(["--root", str(root), "build", "--draft", "--no-dossiers", "--edition", "public"])

    def told(name: str) -> list[str]:
        data = (root / "build/public" / name).read_bytes()
        return marks.told(_leaks("public", set(TOKEN.findall(data))))

    fields = [f"people.{n}" for n in ("occupation", "specialities", "native_place", "birthplace")]
    # The template, its macro and its chart; the grid; the feed; the view.
    assert {*fields[:3]} <= {*told("site/leaked/index.html")}
    assert told("site/lists/leaked/listed.js") == [fields[3]]
    assert told("site/leaked.csv") == [fields[0]]
    assert told("data/leaked.csv") == sorted(fields)
