"""Values that rules, views and macros name and that no record gives: what compares with one is mute without a word."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence

import duckdb

from lingtouyan.checks.rules import Rule
from lingtouyan.database.database import quote
from lingtouyan.database.statements import Statement, passages, reached
from lingtouyan.problems import Problem, did_you_mean, error, quoted, warning
from lingtouyan.reading.package import Table

# A call is told by its name and the text that it begins with; comments and other texts are passed over.
_CALL = re.compile(r"--[^\n]*|/\*.*?\*/|(\w+)\s*\(\s*'((?:[^']|'')*)'|'(?:[^']|'')*'", re.DOTALL)


def missing_values(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    rules: Sequence[Rule],
    views: Sequence[Statement],
    macros: Sequence[Statement],
) -> Iterator[Problem]:
    """Yield an error for each place where a parameter is named that the table does not have, and one warning.

    A parameter is the text that a macro reading the table gets as its first argument. Without a value on the reference
    date (not in force, or not in the form that the macro takes) it is in the warning, with the rules that go by it.
    """
    through = passages([*views, *macros])
    made = connection.execute(
        "SELECT lower(function_name), len(parameter_types) FROM duckdb_functions() WHERE NOT internal AND function_type = 'macro'"
    ).fetchall()
    arguments = {
        name: count for name, count in made if table.name in reached([name], through) and 0 < count < 3
    }
    column = quote("name" if "name" in table.primary_key else table.primary_key[0])
    known = {
        n for (n,) in connection.execute(f"SELECT DISTINCT {column} FROM raw.{quote(table.name)}").fetchall()
    }
    statements = {s.file: s for s in (*macros, *views, *(r.statement for r in rules))}
    calls: dict[tuple[str, str], set[str]] = {}
    for file, statement in statements.items():
        for found in _CALL.finditer(statement.sql):
            macro, name = (found[1] or "").lower(), (found[2] or "").replace("''", "'")
            if macro in arguments and (name in known or not known):
                calls.setdefault((macro, name), set()).add(statement.name.lower())
            elif macro in arguments:
                line = statement.line + statement.sql.count("\n", 0, found.start())
                message = f"“{table.title}”里没有 {quoted(name)} 这个参数，用到它的地方得不出结论{did_you_mean(name, known)}"
                yield error(file, line, "no-parameter", message)
    silent = _valueless(connection, arguments, [*calls])
    mute = {name for call in silent for name in calls[call]}
    held = [
        r.id
        for r in rules
        if r.statement.name.lower() in mute or not mute.isdisjoint(reached(r.statement.words, through))
    ]
    if silent:
        named = "、".join(sorted({name for _, name in silent}))
        reason = "在基准日没有值（没有登记、还没有生效、已经失效，或者写法不对）"
        after = f"，规则 {'、'.join(sorted(held))} 没有按它判断" if held else ""
        yield warning(
            "", 0, "not-judged", f"参数 {named} {reason}{after}。请核对“{table.title}”的数值和生效日期。"
        )


def _valueless(
    connection: duckdb.DuckDBPyConnection, arguments: Mapping[str, int], calls: Sequence[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Return the calls that give nothing on the reference date; each macro is asked once for all its names."""
    silent: list[tuple[str, str]] = []
    for macro in sorted({m for m, _ in calls}):
        names = sorted(n for m, n in calls if m == macro)
        # Names that no table has: within the macro, a column of its own would be taken for them.
        given = "_asked_name, _asked_day" if arguments[macro] > 1 else "_asked_name"
        asked = "SELECT unnest($1) AS _asked_name, as_of AS _asked_day FROM build"
        sql = f"SELECT _asked_name FROM ({asked}) WHERE {macro}({given}) IS NULL ORDER BY 1"
        # A macro whose second argument is no date is not asked.
        with contextlib.suppress(duckdb.Error):
            silent += [(macro, n) for (n,) in connection.execute(sql, [names]).fetchall()]
    return silent
