"""What a query can depend on: a change it could see always changes its key, a change it cannot see mostly does not."""

from __future__ import annotations

import duckdb
import pytest

from lingtouyan.database.contents import Contents
from lingtouyan.database.database import SqlError

QUERIES_THAT_SEE_ALL = [
    "SELECT * FROM people",
    "FROM people",
    "SELECT name FROM people ORDER BY ALL",
    "TABLE people",
    "SELECT p FROM people p",
    "SELECT people FROM people",
    "SELECT #2 FROM people",
    "SELECT b FROM people AS p(b, c)",
    "SELECT COLUMNS('n.*') FROM people",
    "SELECT name FROM people NATURAL JOIN notes",
    "SELECT * FROM query_table('people')",
    "SELECT * FROM query('SELECT note FROM people')",
    "SELECT column_name FROM information_schema.columns",
    "SELECT estimated_size FROM duckdb_tables()",
    "SELECT * FROM (SUMMARIZE people)",
    "WITH x AS (SELECT * FROM people) SELECT name FROM x",
    "SELECT name, (SELECT max(p) FROM people p) AS m FROM notes",
    "SELECT n.数, p.* FROM notes AS n, people AS p",
    "SELECT n.数 FROM notes AS n, people AS p WHERE EXISTS (SELECT p.* FROM notes)",
    "SELECT x.p FROM (SELECT p FROM people AS p) AS x",
    "SELECT b FROM (FROM people) AS p(b, c)",
    "SELECT name FROM (SELECT 'n1' AS note) NATURAL JOIN people",
]


def database(note: str = "n1", name: str = "甲") -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("CREATE TABLE people AS SELECT $1 AS name, $2 AS note", [name, note])
    connection.execute("CREATE TABLE notes AS SELECT 'n1' AS note, '乙' AS name, 3 AS 数")
    return connection


def key(sql: str, *values: str) -> str:
    return Contents(database(*values), {}, {}).key(sql)


@pytest.mark.parametrize("sql", QUERIES_THAT_SEE_ALL)
def test_columns_that_are_read_without_being_named_count(sql: str) -> None:
    assert key(sql) != key(sql, "n2")
    assert key(sql) == key(sql, "n1")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT name FROM people",
        "SELECT count(*) AS note_count FROM people -- note",
        "SELECT p.name, 'note' AS x FROM people AS p JOIN notes AS n ON n.数 = 3 ORDER BY 1",
        "WITH people2 AS (SELECT name FROM people) SELECT name FROM people2",
        "SELECT 数 FROM notes",
        "WITH x AS (SELECT name FROM people) SELECT * FROM x",
        "SELECT x.*, n.数 FROM (SELECT name FROM people) AS x JOIN notes AS n ON n.name <> x.name",
        "SELECT p.name, n.* FROM people AS p JOIN notes AS n ON n.name <> p.name",
    ],
)
def test_a_column_that_a_query_does_not_read_does_not_count(sql: str) -> None:
    assert key(sql) == key(sql, "n2")


def test_names_are_found_whatever_their_letters() -> None:
    for sql in (
        'SELECT "NOTE" FROM people',
        "SELECT max(Note) FROM main.People",
        "SELECT 1 FROM people JOIN notes USING (note)",
    ):
        assert key(sql) != key(sql, "n2")


def test_rows_count_even_where_no_column_does() -> None:
    connection = database()
    before = Contents(connection, {}, {}).key("SELECT count(*) FROM people")
    connection.execute("INSERT INTO people VALUES ('甲', 'n1')")
    assert Contents(connection, {}, {}).key("SELECT count(*) FROM people") != before


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("SELECT '' AS a, NULL AS b", "SELECT NULL AS a, '' AS b"),
        ("SELECT 'x|y' AS a", "SELECT 'x' AS a UNION ALL SELECT 'y'"),
        ("SELECT ['a, b'] AS a", "SELECT ['a', 'b'] AS a"),
        ("SELECT 1 AS a", "SELECT '1' AS a"),
        ("SELECT '1:x' AS a", "SELECT 'x' AS a"),
        ("VALUES ('甲', 1), ('乙', 2)", "VALUES ('乙', 2), ('甲', 1)"),
    ],
)
def test_tables_that_differ_have_different_digests(before: str, after: str) -> None:
    keys = []
    for query in (before, after):
        connection = duckdb.connect()
        connection.execute(f"CREATE TABLE t AS {query}")
        keys.append(Contents(connection, {}, {}).key("SELECT * FROM t"))
    assert keys[0] != keys[1]


def test_what_an_earlier_build_measured_holds_while_the_table_shows_the_same() -> None:
    sql = "SELECT name FROM people"
    first = Contents(database(), {"people": "same"}, {})
    assert Contents(database("n1", "丙"), {"people": "same"}, first.state).key(sql) == first.key(sql)
    assert Contents(database("n1", "丙"), {"people": "other"}, first.state).key(sql) != first.key(sql)


def test_what_is_no_plain_question_has_no_key() -> None:
    for sql in ("DROP TABLE people", "SELECT 1; SELECT 2", "SELECT now()"):
        with pytest.raises(SqlError):
            key(sql)
