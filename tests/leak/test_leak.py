"""A token in every text that is not public, in a city of two townships: no edition holds one that is not for its reader."""

from __future__ import annotations

import csv
import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from lingtouyan.checks.register import register_with_editions
from lingtouyan.exchange.writing import as_item, document
from lingtouyan.project import Project, Scope
from lingtouyan.reading.package import Field, Package, Sensitivity, Table
from lingtouyan.reading.source import glob_regex
from lingtouyan.reading.yaml import Mapping as Item
from lingtouyan.reading.yaml import parse_yaml

CITY = Path(__file__).parents[2]
OWN, OTHER = "990101102", "990101001"
# number of the field, level, place, hidden or not
TOKEN = re.compile(rb"zq(\d{3})l(\d)p(\w)h(\d)x")


def _marked(table: Table) -> list[Field]:
    """The fields that can hold any text and are not public."""
    names = {*table.primary_key, table.sealed_for, *(n for k in table.foreign_keys for n in k.fields)}
    closed = {"enum", "pattern"}
    return [
        f
        for f in table.fields
        if f.type == "string"
        and f.sensitivity > Sensitivity.PUBLIC
        and f.name not in names
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


def _city(root: Path, townships: tuple[str, ...] = (OWN, OTHER)) -> Marks:
    for name in ("schemas", "site", "records"):
        shutil.copytree(CITY / name, root / name)
    for name in ("datapackage.yaml", "mkdocs.yml"):
        shutil.copy(CITY / name, root / name)
    for folder in (root / "records/townships").iterdir():
        if townships and not folder.name.startswith(townships):
            shutil.rmtree(folder)
    package, marks = Project.open(root).package, Marks()
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
        "public",
        pytest.param("internal", marks=pytest.mark.exhaustive),
        pytest.param("internal+discipline", marks=pytest.mark.exhaustive),
        f"township:{OWN}",
    ],
)
def test_nothing_leaks(city: tuple[Path, Marks], edition: str, tmp_path: Path) -> None:
    root, marks = city
    found = _held(root, edition, tmp_path, whole=edition in ("internal", f"township:{OWN}"))
    assert marks.told(_leaks(edition, found)) == []
    if edition != "public":
        # It was looked for where it is.
        assert {t for t in found if t[2] == b"o"}
    assert any(t[3] == b"1" for t in found) == ("discipline" in edition)
    assert any(t[2] == b"f" for t in found) == edition.startswith("internal")


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
