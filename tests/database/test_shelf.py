"""What is kept between runs: a register made from it is the register that a fresh reading of the same files gives."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from trees import AS_OF, Tree

from lingtouyan.database import shelf as shelves
from lingtouyan.database.building import Register, build_register
from lingtouyan.database.database import quote
from lingtouyan.history.opening import opened
from lingtouyan.problems import Problem
from lingtouyan.project import Project
from lingtouyan.reading import records


@pytest.fixture
def city(tree: Tree) -> Tree:
    tree.table(
        "places",
        ["place_id", {"name": "size", "type": "integer", "constraints": {"maximum": "9"}}],
        path="records/*/places.csv",
        primaryKey=["place_id"],
    )
    levels = ["低", "中", "高"]
    tree.table(
        "people",
        [
            {"name": "person_id", "constraints": {"required": "true"}},
            "name",
            "place_id",
            {
                "name": "level",
                "categories": levels,
                "categoriesOrdered": "true",
                "constraints": {"enum": levels},
            },
            {"name": "born", "type": "date"},
        ],
        path="records/*/people/*.yaml",
        primaryKey=["person_id"],
        foreignKeys=[{"fields": ["place_id"], "reference": {"resource": "places", "fields": ["place_id"]}}],
    )
    tree.table(
        "jobs",
        ["person_id", {"name": "ordinal", "type": "integer"}, "what"],
        parent="people",
        property="jobs",
        primaryKey=["person_id", "ordinal"],
    )
    for town in "ab":
        tree.write(f"records/{town}/places.csv", f"place_id,size\nL{town},3\nM{town},4\n")
        for n in range(4):
            tree.write(f"records/{town}/people/P{n}.yaml", person(f"{town}{n}", f"L{town}"))
    tree.write(
        "schemas/rules/T1.sql",
        "/*\nid: T1\ntitle: 低\nseverity: warning\nmessage: '{person_id}低'\ntable: people\n*/\n"
        "SELECT person_id, _file, _line FROM people WHERE level < '中'::people_level",
    )
    return tree


def person(key: str, place: str, level: str = "中", more: str = "") -> str:
    return (
        f"person_id: {key}\nname: 人{key}\nplace_id: {place}\nlevel: {level}\nborn: 1975-03-01\n{more}"
        "jobs:\n  - {what: 甲}\n  - {what: 乙}\n"
    )


def contents(register: Register) -> dict[str, list[tuple[object, ...]]]:
    """Return everything a register holds of the records, rows in their own order."""
    tables = [*register.connection.execute("SELECT name FROM tables ORDER BY ordinal").fetchall()]
    return {
        f"{schema}{name}": register.connection.execute(f"FROM {schema}{quote(name)}").fetchall()
        for (name,) in tables
        for schema in ("raw.", "")
    }


def both(tree: Tree) -> tuple[Register, Register]:
    """Return the register made with what earlier runs kept, and the one that is made anew."""
    kept, anew = tree.register(use_cache=True), tree.register()
    assert contents(kept) == contents(anew)
    assert kept.problems == anew.problems
    return kept, anew


def shown(register: Register) -> set[str]:
    """Return the tables whose rows were not made again."""
    found = register.connection.execute(
        "SELECT view_name FROM duckdb_views() WHERE schema_name = 'main' AND NOT internal AND view_name <> 'cells'"
    ).fetchall()
    return {name for (name,) in found}


def settle(tree: Tree) -> None:
    """Let all files be old: what was changed in the moment of reading is read again as a matter of course."""
    for path in (tree.root / "records").rglob("*"):
        os.utime(path, ns=(10**18, 10**18))


def edit(tree: Tree) -> None:
    tree.write("records/a/people/P1.yaml", person("a1", "Lb", "低"))


def break_form(tree: Tree) -> None:
    tree.write("records/a/people/P1.yaml", person("a1", "La", "低") + "oops: 1\n")


def break_cells(tree: Tree) -> None:
    tree.write("records/b/places.csv", "place_id,size\nLb,12\nMb,x\n")


def repeat_a_key(tree: Tree) -> None:
    tree.write("records/b/people/P1.yaml", person("a1", "Lb"))


def lose_a_target(tree: Tree) -> None:
    tree.write("records/a/places.csv", "place_id,size\nMa,4\n")


def unusual_form(tree: Tree) -> None:
    tree.write("records/a/people/P2.yaml", person("a2", "La").replace("1975-03-01", "1975-3-1"))


def delete(tree: Tree) -> None:
    (tree.root / "records/a/people/P0.yaml").unlink()


def rename(tree: Tree) -> None:
    (tree.root / "records/b/people/P0.yaml").rename(tree.root / "records/a/people/P00.yaml")


def add(tree: Tree) -> None:
    tree.write("records/a/people/P11.yaml", person("a11", "La"))
    tree.write("records/c/places.csv", "place_id,size\nLc,1\n")


def ruin(tree: Tree) -> None:
    tree.write("records/a/people/P3.yaml", "person_id: [\n")


def link(tree: Tree) -> None:
    path = tree.root / "records/a/people/P3.yaml"
    path.unlink()
    path.symlink_to("P2.yaml")


def touch(tree: Tree) -> None:
    for path in (tree.root / "records").rglob("*.yaml"):
        os.utime(path)


def widen_a_schema(tree: Tree) -> None:
    schema = tree.root / "schemas/tables/places.yaml"
    schema.write_text(schema.read_text("utf-8").replace('"9"', '"3"'), "utf-8")


CHANGES = [
    edit,
    break_form,
    break_cells,
    repeat_a_key,
    lose_a_target,
    unusual_form,
    delete,
    rename,
    add,
    ruin,
    link,
]


@pytest.mark.parametrize("change", [*CHANGES, touch, widen_a_schema], ids=lambda c: c.__name__)
def test_after_a_change_what_is_kept_gives_what_a_fresh_reading_gives(
    city: Tree, change: Callable[[Tree], None]
) -> None:
    city.register(use_cache=True)
    change(city)
    both(city)
    both(city)


def test_changes_add_up_and_can_be_taken_back(city: Tree) -> None:
    before, _ = both(city)
    files = {p: p.read_bytes() for p in (city.root / "records").rglob("*.*")}
    for change in CHANGES:
        change(city)
        both(city)
    for path in (city.root / "records").rglob("*.*"):
        path.unlink()
    for path, data in files.items():
        city.write(str(path.relative_to(city.root)), data)
    after, _ = both(city)
    assert contents(after) == contents(before)


def test_only_tables_with_changed_rows_are_made_again(city: Tree) -> None:
    settle(city)
    both(city)
    kept, _ = both(city)
    assert shown(kept) == {"places", "people", "jobs"}
    edit(city)
    kept, _ = both(city)
    assert shown(kept) == {"places", "jobs"}, "the file's list is what it was"
    change_a_job(city)
    kept, _ = both(city)
    assert shown(kept) == {"places", "people"}


def test_many_changes_are_read_anew_and_kept(city: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelves, "MOST_CHANGED", 1)
    both(city)
    edit(city)
    unusual_form(city)
    both(city)
    settle(city)
    both(city)
    kept, _ = both(city)
    assert "jobs" in shown(kept)
    assert "people" not in shown(kept), "its cells are rewritten each time"


def test_a_file_changed_in_the_moment_it_was_read_is_not_missed(city: Tree) -> None:
    path = city.root / "records/a/people/P1.yaml"
    both(city)
    before = path.stat()
    path.write_text(path.read_text("utf-8").replace("level: 中", "level: 低"), "utf-8")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    both(city)
    kept, _ = both(city)
    assert [p.rule for p in kept.problems] == ["T1"]


def test_a_stamp_that_stood_for_another_content_is_never_trusted(city: Tree) -> None:
    # Inode, size and both times alike: as on a disk that counts time in seconds.
    project = Project.open(city.root)
    first = shelves.Shelf.open(project.cache, project.package)
    reading = first.read(city.root)
    stamp = reading.entries["records/a/people/P1.yaml"].stamp
    values = records.pack_entries(reading.entries)
    assert not records.unpack_entries(values, reading.started)["records/a/people/P1.yaml"].settled
    assert records.unpack_entries(values, stamp[3] + records.SETTLED_NS + 1)[
        "records/a/people/P1.yaml"
    ].settled


def test_a_shelf_that_was_tampered_with_is_ignored(city: Tree) -> None:
    settle(city)
    both(city)
    folder = city.root / "build/.cache"
    file, listing = folder / "records.duckdb", folder / "records.json"
    good, signed = file.read_bytes(), listing.read_bytes()

    def forge() -> None:
        with duckdb.connect(str(file)) as connection:
            connection.execute("UPDATE raw.people SET name = '冒名'")

    def cut() -> None:
        file.write_bytes(good[: len(good) // 2])

    def lead_away() -> None:
        (folder / "other").write_bytes(good)
        file.unlink()
        file.symlink_to("other")

    def lie() -> None:
        listing.write_bytes(signed.replace(b'"sound":[', b'"sound":[ '))

    def shorten() -> None:
        listing.write_bytes(signed[:-10])

    for harm in (forge, cut, file.unlink, lead_away, lie, shorten, listing.unlink):
        harm()
        kept, _ = both(city)
        assert contents(kept)["people"][0][1] == "人a0"
        if file.is_symlink():
            file.unlink()
        file.write_bytes(good)
        listing.write_bytes(signed)


def test_another_engine_does_not_take_over_what_this_one_kept(
    city: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(city)
    both(city)
    monkeypatch.setattr("lingtouyan.project.engine_digest", lambda: "another")
    project = Project.open(city.root)
    assert not shelves.Shelf.open(project.cache, project.package).entries
    monkeypatch.undo()
    project = Project.open(city.root)
    assert shelves.Shelf.open(project.cache, project.package).entries
    monkeypatch.setattr("sys.version", "4.0")
    assert not shelves.Shelf.open(project.cache, project.package).entries


def test_where_nothing_can_be_kept_all_is_read(city: Tree) -> None:
    (city.root / "build").mkdir()
    (city.root / "build/.cache").write_text("in the way", "utf-8")
    both(city)
    both(city)


def test_what_is_kept_can_be_read_by_its_owner_only_and_leaves_no_rest(city: Tree) -> None:
    both(city)
    folder = city.root / "build/.cache"
    assert sorted(p.name for p in folder.iterdir()) == ["records.duckdb", "records.json"]
    assert {p.stat().st_mode & 0o777 for p in folder.iterdir()} == {0o600}


def test_two_registers_of_one_tree_live_side_by_side(city: Tree) -> None:
    settle(city)
    first = city.register(use_cache=True)
    second = city.register(use_cache=True)
    edit(city)
    third = city.register(use_cache=True)
    assert contents(first) == contents(second)
    assert contents(third) != contents(first)


def test_what_is_kept_is_only_read(city: Tree, tmp_path: Path) -> None:
    settle(city)
    both(city)
    kept = city.register(use_cache=True)
    with pytest.raises(duckdb.Error):
        kept.connection.execute("CREATE TABLE _shelf.more AS SELECT 1 AS x")
    with pytest.raises(duckdb.Error):
        kept.connection.execute(f"ATTACH '{tmp_path}/x.duckdb' AS x")


def test_what_is_kept_serves_any_reference_date(city: Tree) -> None:
    settle(city)
    both(city)
    project = Project.open(city.root)
    assert shown(build_register(project, AS_OF.replace(year=2025))) == {"places", "people", "jobs"}


def rules_and_views(tree: Tree) -> None:
    """Rules that read a table by its own name, through a view, through a macro, or through all cells."""
    tree.write(
        "schemas/macros/about.sql",
        "CREATE MACRO job_of(key) AS (SELECT max(what) FROM jobs WHERE person_id = key);",
    )
    tree.write(
        "schemas/views/staffed.sql",
        "/*\ntitle: 人\n*/\nSELECT place_id, count(*) AS people, max(job_of(person_id)) AS what FROM people GROUP BY ALL",
    )
    tree.write(
        "schemas/views/sized.sql",
        "/*\ntitle: 大\n*/\nSELECT place_id, 100 // (size - 7) AS share FROM places",
    )
    head = "/*\nid: {0}\ntitle: {0}\nseverity: warning\nmessage: '{{place_id}}'\n*/\n"
    tree.write(
        "schemas/rules/T2.sql",
        head.format("T2") + '-- not people\nSELECT place_id, _file, _line FROM "places" WHERE size > 3',
    )
    tree.write(
        "schemas/rules/T3.sql",
        head.format("T3")
        + "SELECT p.place_id, _file, _line FROM places p JOIN staffed s USING (place_id) WHERE s.people > 3 AND what = '甲'",
    )
    tree.write(
        "schemas/rules/T4.sql",
        head.format("T4") + "SELECT value AS place_id, _file, _line FROM cells WHERE value LIKE '%丙%'",
    )


def asked(tree: Tree) -> Register:
    return tree.register(use_cache=True)


def problems_alone(tree: Tree) -> list[Problem]:
    """Return what `check` prints."""
    project = Project.open(tree.root)
    return build_register(project, project.as_of(None), only_problems=True).problems


def rows_of_views(register: Register) -> dict[str, list[tuple[object, ...]]]:
    return {v.name: register.connection.execute(f"FROM {v.name}").fetchall() for v in register.views}


def change_a_job(tree: Tree) -> None:
    tree.write("records/a/people/P1.yaml", person("a1", "La").replace("乙", "丙丙"))


def divide(tree: Tree) -> None:
    tree.write("records/b/places.csv", "place_id,size\nLb,7\nMb,4\n")


def drop_a_person(tree: Tree) -> None:
    (tree.root / "records/b/people/P3.yaml").unlink()


def grow(tree: Tree) -> None:
    tree.write("records/b/places.csv", "place_id,size\nLb,9\nMb,2\n")


def rewrite_a_view(tree: Tree) -> None:
    path = tree.root / "schemas/views/staffed.sql"
    path.write_text(path.read_text("utf-8").replace("count(*)", "count(*) - 1"), "utf-8")


def rewrite_a_macro(tree: Tree) -> None:
    path = tree.root / "schemas/macros/about.sql"
    path.write_text(path.read_text("utf-8").replace("max", "min"), "utf-8")


def break_a_rule(tree: Tree) -> None:
    path = tree.root / "schemas/rules/T2.sql"
    path.write_text(path.read_text("utf-8").replace("size > 3", "sise > 3"), "utf-8")


@pytest.mark.parametrize(
    "change",
    [*CHANGES, change_a_job, divide, drop_a_person, grow, rewrite_a_view, rewrite_a_macro, break_a_rule],
    ids=lambda c: c.__name__,
)
def test_what_rules_found_is_found_again_only_where_it_must_be_the_same(
    city: Tree, change: Callable[[Tree], None]
) -> None:
    rules_and_views(city)
    settle(city)
    before = asked(city).problems
    assert {p.rule for p in before} == {"T2", "T3"}
    assert asked(city).problems == before
    change(city)
    anew = city.register()
    kept = asked(city)
    assert kept.problems == anew.problems
    assert rows_of_views(kept) == rows_of_views(anew)
    assert problems_alone(city) == anew.problems


def test_only_views_that_a_change_reaches_are_computed_again(city: Tree) -> None:
    rules_and_views(city)
    settle(city)
    asked(city)
    assert shown(asked(city)) == {"places", "people", "jobs", "sized", "staffed"}
    change_a_job(city)
    assert shown(asked(city)) == {"places", "people", "sized"}


def test_a_change_is_followed_through_the_columns_that_are_read(city: Tree) -> None:
    head = "/*\ntitle: 表\n*/\n"
    for name, sql in {
        "by_name": "SELECT person_id, name, born FROM people",
        "by_level": "SELECT p.person_id, p.level = '低' AS low FROM people AS p",
        "whole_rows": "SELECT p.* FROM people AS p",
        "counted": "SELECT count(*) AS people FROM by_level",
        "lows": "SELECT count(*) FILTER (low) AS lows FROM by_level",
        "passed_on": "SELECT b.lows FROM (SELECT * FROM lows) AS b",
        "whole_inside": "WITH x AS (SELECT name FROM people) SELECT x.*, places.* FROM x, places",
        "as_rows": "SELECT max(p) AS most FROM people AS p",
        "places_by_year": "SELECT year(born) AS year, size FROM people JOIN places USING (place_id)",
    }.items():
        city.write(f"schemas/views/{name}.sql", head + sql)
    every = {p.stem for p in (city.root / "schemas/views").iterdir()}

    def again(more: str, level: str = "中", place: str = "La") -> set[str]:
        city.write("records/a/people/P1.yaml", person("a1", place, level, more))
        kept, anew = asked(city), city.register()
        assert rows_of_views(kept) == rows_of_views(anew)
        assert kept.problems == anew.problems
        return every - shown(kept)

    settle(city)
    asked(city)
    assert again("# nothing\n") == set(), "only the file's layout"
    assert again("", "高") == {"by_level", "whole_rows", "as_rows"}, "what reads it has the rows it had"
    assert again("", "低") == {"by_level", "whole_rows", "as_rows", "lows", "passed_on"}
    assert again("", place="Lb") == {"whole_rows", "as_rows", "places_by_year"}
    (city.root / "records/a/people/P2.yaml").unlink()
    assert again("") == every - {"passed_on"}


def test_the_line_of_a_finding_follows_its_file_where_no_value_changes(city: Tree) -> None:
    rule = (city.root / "schemas/rules/T1.sql").read_text("utf-8")
    city.write("schemas/rules/T1.sql", rule.replace("table: people", "table: people\ncolumn: level"))
    city.write("records/a/people/P1.yaml", person("a1", "La", "低"))
    settle(city)
    assert [p.line for p in asked(city).problems] == [4]
    city.write("records/a/people/P1.yaml", person("a1", "La", "低").replace("level:", "# 级\nlevel:"))
    assert [p.line for p in asked(city).problems] == [5]


def test_what_must_not_be_said_is_struck_also_where_a_rule_finds_what_it_found(city: Tree) -> None:
    city.table(
        "phones",
        ["person_id", {"name": "phone", "sensitivity": "restricted"}],
        primaryKey=["person_id"],
    )
    city.write("records/phones.csv", "person_id,phone\na1,13800138000\n")
    city.write(
        "schemas/views/reachable.sql",
        "/*\ntitle: 有电话\n*/\nSELECT person_id, phone IS NOT NULL AS yes FROM phones",
    )
    city.write(
        "schemas/rules/T2.sql",
        "/*\nid: T2\ntitle: 有电话\nseverity: warning\nmessage: '{name}有电话'\ntable: people\n*/\n"
        "SELECT name, p._file, p._line FROM people AS p JOIN reachable AS r USING (person_id) WHERE yes",
    )
    settle(city)
    assert [p.message for p in asked(city).problems] == ["人a1有电话"]
    city.write("records/phones.csv", "person_id,phone\na1,人a1\n")
    kept, anew = asked(city), city.register()
    assert kept.problems == anew.problems
    assert "人a1" not in kept.problems[-1].message


@pytest.mark.parametrize("change", [change_a_job, divide, edit, break_a_rule, grow], ids=lambda c: c.__name__)
def test_views_too_large_to_keep_are_computed_where_something_asks_for_them(
    city: Tree, change: Callable[[Tree], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelves, "_MOST_ROWS", 0)
    rules_and_views(city)
    settle(city)
    before = problems_alone(city)
    project = Project.open(city.root)
    assert build_register(project, AS_OF, only_problems=True).views == []
    assert problems_alone(city) == before
    change(city)
    anew = city.register()
    assert problems_alone(city) == anew.problems
    assert rows_of_views(asked(city)) == rows_of_views(anew)


def test_another_day_or_draft_is_another_question(city: Tree) -> None:
    city.write(
        "schemas/rules/T5.sql",
        "/*\nid: T5\ntitle: 日\nseverity: warning\nmessage: '{day}'\n*/\n"
        "SELECT as_of::VARCHAR AS day, '' AS _file, 0 AS _line FROM build",
    )
    settle(city)
    project = Project.open(city.root)
    for day in (AS_OF, AS_OF, AS_OF.replace(year=2025), AS_OF):
        found = build_register(project, day).problems
        assert [p.message for p in found] == [str(day)]


def test_what_tells_of_commits_is_asked_again_after_a_commit(city: Tree) -> None:
    rules_and_views(city)
    head = "/*\nid: {0}\ntitle: {0}\nseverity: warning\nmessage: '{{said}}'\n*/\n"
    for name, sql in (
        ("T5", "SELECT commit AS said, '' AS _file, 0 AS _line FROM build"),
        ("T6", "SELECT b.said, '' AS _file, 0 AS _line FROM (SELECT * FROM build) AS b(a, e, said)"),
        ("T7", "SELECT count(*)::VARCHAR AS said, '' AS _file, 0 AS _line FROM commits"),
    ):
        city.write(f"schemas/rules/{name}.sql", head.format(name) + sql)
    settle(city)

    def commit() -> set[str]:
        for words in (("init", "-q"), ("add", "records"), ("commit", "-q", "--allow-empty", "-m", "x")):
            subprocess.run(["git", "-C", str(city.root), *words], check=True)
        kept, anew = asked(city), city.register()
        assert kept.problems == anew.problems
        assert {"sized", "staffed"} <= shown(kept) or not shown(kept)
        return {p.message for p in kept.problems if p.rule in ("T5", "T6", "T7")}

    asked(city)
    assert not commit() & commit()


def test_a_tree_with_too_much_wrong_is_judged_anew(city: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lingtouyan.database.verdicts._MOST_FINDINGS", 1)
    rules_and_views(city)
    settle(city)
    before = asked(city).problems
    kept = asked(city)
    assert kept.problems == before
    assert shown(kept) == {"places", "people", "jobs", "sized", "staffed"}


def test_a_revision_that_is_only_looked_at_leaves_nothing_behind(city: Tree) -> None:
    for words in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "x")):
        subprocess.run(["git", "-C", str(city.root), *words], check=True)
    with opened(city.root, "HEAD", writes=False) as project:
        looked = build_register(project, AS_OF)
    assert not (city.root / "build").exists()
    with opened(city.root, "HEAD") as project:
        assert build_register(project, AS_OF).problems == looked.problems
    assert (city.root / "build/.cache/revision.duckdb").exists()
