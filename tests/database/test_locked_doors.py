"""SQL of a stranger's tree, tried as views, rules, macros, row filters and questions: it may read rows and nothing else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from trees import Tree

from lingtouyan.checks.register import register_with_editions
from lingtouyan.commands.query import query
from lingtouyan.database import database
from lingtouyan.database.database import SqlError, rows_of
from lingtouyan.database.editions import open_edition
from lingtouyan.problems import Problem, RecordsError, UsageError
from lingtouyan.project import Project

WRITES = [
    "WITH x AS (INSERT INTO people VALUES ('P9', 'x', 'y', 'f', 1) RETURNING person_id) SELECT *, '' AS _file, 0 AS _line FROM x",
    "WITH x AS (DELETE FROM people RETURNING person_id) SELECT *, '' AS _file, 0 AS _line FROM x",
    "WITH x AS (UPDATE people SET name = 'z' RETURNING person_id) SELECT *, '' AS _file, 0 AS _line FROM x",
    "with\nx as (delete /* c */ from raw.people returning _file, _line) select * from x",
    "WITH x AS (DELETE FROM rules RETURNING rule) SELECT *, '' AS _file, 0 AS _line FROM x",
    "WITH x AS (INSERT INTO edition_of_public.main.members VALUES (1) RETURNING 1) SELECT * FROM x",
    "WITH x AS (COPY (SELECT 1) TO '{out}') SELECT 1",
    "DROP TABLE people",
    "ALTER TABLE people ADD COLUMN x INTEGER",
    "TRUNCATE people",
    "CREATE TABLE x AS SELECT 1",
    "INSERT INTO people SELECT * FROM people RETURNING *",
    "MERGE INTO people USING people p ON true WHEN MATCHED THEN DELETE",
    "SELECT 1; DROP TABLE people",
    "SELECT 1;\nSELECT 2",
]
DOORS = [
    "SELECT * FROM read_csv('{secret}')",
    "SELECT * FROM '{secret}'",
    "SELECT * FROM read_text('{secret}')",
    "SELECT * FROM read_blob('{secret}')",
    "SELECT * FROM read_json('{secret}')",
    "SELECT * FROM read_parquet('{secret}')",
    "SELECT * FROM glob('{folder}/*')",
    "SELECT * FROM sniff_csv('{secret}')",
    "SELECT * FROM query('SELECT * FROM read_text(''{secret}'')')",
    "SELECT getenv('CANARY')",
    "SELECT * FROM read_text('https://e.example/x')",
    "COPY people TO '{out}'",
    "COPY (SELECT 1) TO '{out}'",
    "EXPORT DATABASE '{out}'",
    "ATTACH '{out}' AS x",
    "DETACH memory",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD '{secret}'",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "RESET enable_external_access",
    "PRAGMA enable_external_access = true",
    "SET VARIABLE x = 1",
    "CALL pragma_version()",
    "CHECKPOINT",
    "BEGIN TRANSACTION",
    "COMMIT",
    "USE raw",
    "EXPLAIN ANALYZE SELECT 1",
    "PREPARE p AS SELECT 1",
    "SELECT * FROM enable_logging()",
    "SELECT * FROM checkpoint()",
    "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
]
CLOCKS = [
    "SELECT current_date",
    "SELECT CURRENT_TIMESTAMP",
    "SELECT now()",
    "SELECT today()",
    "SELECT age(DATE '2000-01-01')",
    "SELECT (SELECT max(localtimestamp))",
    "SELECT random()",
    "SELECT uuid()",
    "SELECT * FROM people USING SAMPLE 1",
    "SELECT * FROM people TABLESAMPLE 10%",
    "SELECT nextval('s')",
]
MACHINE = [
    "SELECT * FROM duckdb_settings()",
    "SELECT name, value FROM duckdb_settings() WHERE name = 'memory_limit'",
    "SELECT * FROM duckdb_databases()",
    "SELECT path FROM duckdb_databases",
    "SELECT * FROM duckdb_memory()",
    "SELECT (SELECT count(*) FROM duckdb_tables())",
    "SELECT * FROM pragma_database_list",
    "SELECT * FROM pragma_version()",
    "SELECT * FROM pragma_storage_info('people')",
    "SELECT current_setting('threads')",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM pg_catalog.pg_settings",
    "SELECT pg_postmaster_start_time()",
    "SELECT * FROM sqlite_master",
    "SELECT version()",
    "SHOW TABLES",
    "SHOW ALL TABLES",
    "SHOW DATABASES",
    "SELECT * FROM query('SELECT ' || '1')",
    "SELECT * FROM query_table('people')",
]
TRIED = [*WRITES, *DOORS, *CLOCKS, *MACHINE]
FINE = [
    "SELECT 'INSERT INTO people; now() random()' AS t, '' AS _file, 0 AS _line -- DELETE FROM people",
    "SELECT age(DATE '2020-01-01', DATE '2000-01-01')::VARCHAR AS years, '' AS _file, 0 AS _line",
    'SELECT p."update" AS "now", \'\' AS _file, 0 AS _line FROM (SELECT 1 AS "update") p',
    "WITH x AS (SELECT 1 AS a) SELECT a, '' AS _file, 0 AS _line FROM x UNION ALL SELECT 2, '', 0",
    "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT n, '' AS _file, 0 AS _line FROM r",
    "FROM people SELECT name, _file, _line;",
    "SELECT 1 AS version, 'duckdb_settings()' AS t, '' AS _file, 0 AS _line -- SHOW TABLES",
    "SELECT v.version, '' AS _file, 0 AS _line FROM (SELECT 1 AS version) v",
]


@pytest.fixture
def people(tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    fields = ["person_id", "name", {"name": "phone", "sensitivity": "restricted"}]
    tree.table("people", fields, primaryKey=["person_id"])
    tree.write("records/people.csv", "person_id,name,phone\nP1,张三,13900000001\nP2,李四,13900000002\n")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.txt").write_text("canary-9")
    monkeypatch.setenv("CANARY", "canary-9")
    return tree


def filled(sql: str, tree: Tree) -> str:
    outside = tree.root.parent / "outside"
    values = {"secret": outside / "secret.txt", "folder": outside, "out": outside / "written"}
    for key, value in values.items():
        sql = sql.replace(f"{{{key}}}", str(value))
    return sql


def untouched(tree: Tree, problems: list[Problem]) -> None:
    assert sorted(p.name for p in (tree.root.parent / "outside").iterdir()) == ["secret.txt"]
    assert not any("canary" in p.message for p in problems)
    assert not (tree.root / ".tmp").exists()


RULE = "/*\nid: X\ntitle: x\nseverity: warning\nmessage: x\n*/\n"


def test_no_rule_and_no_view_gets_through_a_door(people: Tree) -> None:
    for number, sql in enumerate(TRIED):
        people.write(
            f"schemas/rules/X{number}.sql", RULE.replace("id: X", f"id: X{number}") + filled(sql, people)
        )
        people.write(f"schemas/views/v{number}.sql", filled(sql, people))
    register = people.register()
    refused = {p.file for p in register.problems if p.rule == "sql-error"}
    expected = {f"schemas/{k}.sql" for n in range(len(TRIED)) for k in (f"rules/X{n}", f"views/v{n}")}
    assert {TRIED[int(re.sub(r"\D", "", f))] for f in expected - refused} == set()
    untouched(people, register.problems)
    rows = register.connection.execute("SELECT person_id, name FROM people ORDER BY ALL").fetchall()
    assert rows == [("P1", "张三"), ("P2", "李四")]
    assert register.connection.execute("SELECT count(*) FROM raw.people").fetchone() == (2,)
    assert register.connection.execute("SELECT count(*) FROM rules").fetchone() == (len(TRIED),)


def test_what_only_looks_like_an_offence_is_none(people: Tree) -> None:
    for number, sql in enumerate(FINE):
        people.write(f"schemas/rules/X{number}.sql", RULE.replace("id: X", f"id: X{number}") + sql)
        people.write(f"schemas/views/v{number}.sql", sql)
    register = people.register()
    assert [p for p in register.problems if p.rule == "sql-error"] == []
    assert len(register.views) == len(FINE)


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE people",
        "CREATE TABLE x AS SELECT 1",
        "CREATE MACRO f() AS 1; DROP TABLE people",
        "CREATE MACRO f() AS TABLE WITH x AS (DELETE FROM people RETURNING name) SELECT * FROM x",
        "CREATE MACRO f() AS TABLE SELECT * FROM read_text('{secret}')",
        "CREATE MACRO f() AS TABLE (INSERT INTO people VALUES (1))",
        "CREATE SECRET s (TYPE s3)",
        "CREATE TEMP MACRO f() AS 1",
        "CREATE OR REPLACE MACRO f() AS 1",
        "INSTALL httpfs",
        "SET threads = 1",
        "SELECT 1",
        "CREATE MACRO f( AS",
        "CREATE FUNCTION f() AS TABLE SELECT * FROM glob('/*')",
    ],
)
def test_a_macro_file_makes_macros_and_nothing_else(people: Tree, sql: str) -> None:
    people.write("schemas/macros/f.sql", filled(sql, people))
    people.write("schemas/views/v.sql", "SELECT * FROM f()")
    problems = people.check()
    assert {p.rule for p in problems} == {"sql-error"}
    untouched(people, problems)


@pytest.mark.parametrize(
    "sql",
    ["now_ish() AS current_date", "f() AS TABLE FROM duckdb_settings()", "f() AS current_setting('threads')"],
)
def test_a_macro_cannot_ask_the_clock_or_the_machine(people: Tree, sql: str) -> None:
    people.write("schemas/macros/f.sql", f"CREATE MACRO {sql}")
    assert [p.rule for p in people.check()] == ["sql-error"]


@pytest.mark.parametrize(
    "condition",
    [
        "true); DROP TABLE people; --",
        "true) ; SELECT (1",
        "name IN (SELECT content FROM read_text('{secret}'))",
        "nonsense(",
        "no_such_column = 1",
        "EXISTS (SELECT current_date)",
        "true -- and the rest",
        "true /*",
    ],
)
def test_a_row_filter_is_one_condition_or_nothing_is_cut(
    people: Tree, tmp_path: Path, condition: str
) -> None:
    people.table("more", ["a"], rows={"public": filled(condition, people)})
    people.write("records/more.csv", "a\n1\n")
    problems = people.check()
    untouched(people, problems)
    if condition == "true -- and the rest":
        assert problems == []
        return
    assert [(p.file, p.rule) for p in problems] == [("schemas/tables/more.yaml", "schema-error")]
    project = Project.open(people.root)
    with pytest.raises(RecordsError):
        register_with_editions(
            project, project.as_of(None), {"public": tmp_path / "p.duckdb"}, allow_errors=True
        )


def test_a_question_gets_through_no_door(people: Tree, tmp_path: Path) -> None:
    project = Project.open(people.root)
    path = tmp_path / "internal.duckdb"
    register_with_editions(project, project.as_of(None), {"internal": path})
    edition = open_edition(path)
    for sql in TRIED:
        with pytest.raises(SqlError):
            rows_of(edition, filled(sql, people))
    for sql in FINE:
        rows_of(edition, sql)
    untouched(people, [])
    with pytest.raises(UsageError):
        query(people.root, WRITES[0], "internal", None, "table")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT string_agg(range::VARCHAR, ',') AS t, '' AS _file, 0 AS _line FROM range(1000000000)",
        "SELECT list(range) AS t, '' AS _file, 0 AS _line FROM range(10000000000)",
        "SELECT range AS t, '' AS _file, 0 AS _line FROM range(1000000000000)",
    ],
)
def test_what_takes_too_much_memory_is_stopped(
    people: Tree, monkeypatch: pytest.MonkeyPatch, sql: str
) -> None:
    monkeypatch.setattr(database, "MAX_MEGABYTES", 200)
    monkeypatch.setattr(database, "MAX_ROWS", 10_000)
    people.write("schemas/rules/X.sql", RULE + sql)
    (found,) = people.check()
    assert (found.file, found.rule) == ("schemas/rules/X.sql", "sql-error")
    assert "停止" in found.message


def test_what_a_fault_of_sql_says_repeats_no_value(people: Tree) -> None:
    people.write("schemas/rules/A.sql", RULE + "SELECT phone::DATE AS d, _file, _line FROM people")
    people.write(
        "schemas/rules/B.sql",
        RULE.replace("id: X", "id: B") + "SELECT error('x' || phone), _file, _line FROM people",
    )
    people.write(
        "schemas/rules/C.sql",
        RULE.replace("id: X", "id: C")
        + "SELECT (phone || '9999999')::BIGINT::TINYINT, _file, _line FROM people",
    )
    people.write("schemas/views/v.sql", "SELECT CAST('a'' ' || phone || ' ''b' AS DATE) AS d FROM people")
    problems = people.check()
    assert len(problems) == 4
    assert {p.rule for p in problems} == {"sql-error"}
    assert not any("139" in p.message for p in problems)


def test_the_process_itself_stays_as_it_was(people: Tree) -> None:
    before = (Path.cwd(), dict(os.environ))
    people.check()
    assert (Path.cwd(), dict(os.environ)) == before


def test_no_bar_of_the_database_stands_among_our_lines() -> None:
    # As in the processes that fill pages, which have no main file either.
    code = """
from lingtouyan.database.database import connect
with connect() as connection:
    print(connection.execute("SELECT current_setting('enable_progress_bar')").fetchall()[0][0])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
