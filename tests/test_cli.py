"""The commands as somebody types them: what they print, in which form, and with which exit code."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from trees import Tree, copy_of

from lingtouyan import __version__
from lingtouyan.cli import main
from lingtouyan.problems import as_code_quality, as_github, as_json, as_text, error, warning


class Shell:
    """Runs commands on one tree."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root = root
        self._capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        self._capsys.readouterr()
        try:
            code = main(["--root", str(self.root), *arguments])
        except SystemExit as fault:
            code = int(str(fault.code))
        said = self._capsys.readouterr()
        assert "Traceback" not in said.err
        return code, said.out, said.err


@pytest.fixture(scope="module")
def parliament(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of("parliament", tmp_path_factory.mktemp("cli") / "parliament")


@pytest.fixture
def good(parliament: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(parliament, capsys)


@pytest.fixture
def bad(tree: Tree, capsys: pytest.CaptureFixture[str]) -> Shell:
    tree.table("a", ["id", {"name": "n", "title": "人数", "type": "integer"}], primaryKey=["id"])
    tree.table("b", [{"name": "n", "type": "integer"}])
    rows = "".join(f"{n},x%0A:: ,{n}\n" if n == 3 else f"{n},x\n" for n in range(30))
    tree.write("records/a.csv", "id,n\n" + rows.replace(",x%0A:: ,3", ",%0A::"))
    tree.write("records/b.csv", "n\n7\n １\n")
    return Shell(tree.root, capsys)


# check


def test_check_on_good_records_says_so_and_ends_well(good: Shell) -> None:
    code, out, err = good("check")
    assert (code, err) == (0, "")
    assert "0 个错误、1 个提醒" in out
    assert "第3行 [出席率 attendance，F 列] 提醒 Q2：" in out


def test_build_sums_warnings_up_and_leaves_the_list_to_check(good: Shell) -> None:
    code, out, _ = good("build", "--no-dossiers")
    assert code == 0
    assert out.splitlines()[:3] == ["提醒 1 处，不影响生成：", "  Q2 1 处", "  逐条看用 lingtouyan check"]


@pytest.mark.parametrize(
    "name, content, line, words",
    [
        ("pages/a.md", "---\ntitle: 甲\n---\n{% if x %}\n", 4, "Jinja 语法"),
        ("pages/a.md", "---\ntitel: 甲\n---\n", 2, "titel"),
        ("dossiers/a.html", "---\ntitle: 甲\n---\n<p>{{ x | }}</p>\n", 4, "Jinja 语法"),
        ("feeds/a.ics", "---\ntitle: [\n---\n", 3, "YAML"),
    ],
)
def test_check_looks_at_templates_too(bad: Shell, name: str, content: str, line: int, words: str) -> None:
    path = bad.root / "site" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    for _ in range(2):
        code, out, _ = bad("check")
        (told,) = [x for x in out.splitlines() if "template-error" in x]
        assert (code, f"第{line}行 错误" in told, words in told) == (1, True, True)
    path.write_text("---\ntitle: 甲\n---\n甲\n")
    assert "template-error" not in bad("check")[1]


def test_check_looks_at_the_navigation_and_at_style_sheets(bad: Shell) -> None:
    (bad.root / "site/pages").mkdir(parents=True)
    (bad.root / "site/pages/index.md").write_text("---\ntitle: 首页\n---\n好\n")
    config = bad.root / "mkdocs.yml"
    config.write_text("site_name: 甲\nnav:\n  - index.md\n  - gone.md\n")
    for _ in range(2):
        code, out, _ = bad("check")
        assert (code, "site-config：mkdocs.yml 第4行" in out, "没有页面 “gone.md”" in out) == (1, True, True)
    config.write_text("site_name: 甲\nnav:\n  - index.md\n")
    assert "site-config" not in bad("check")[1]
    (bad.root / "site/dossiers").mkdir()
    (bad.root / "site/dossiers/a.html").write_text("---\ntitle: 甲\nstyles: [no.css]\n---\n<p>x</p>\n")
    code, out, _ = bad("check")
    assert (code, "第3行 错误 template-error" in out, "“no.css”" in out) == (1, True, True)


def test_check_looks_at_what_templates_take_in(bad: Shell) -> None:
    pages, macros = bad.root / "site/pages", bad.root / "site/macros"
    pages.mkdir(parents=True)
    macros.mkdir()
    for name in "ab":
        (pages / f"{name}.md").write_text(
            f"---\ntitle: {name}\n---\n{{% import 'macros/one.html' as one %}}\n"
        )
    (macros / "one.html").write_text("{% import 'macros/two.html' as two %}\n")
    (macros / "two.html").write_text("\n{% macro named(none=1) %}{% endmacro %}\n")
    code, out, _ = bad("check")
    (told,) = [x for x in out.splitlines() if "template-error" in x]
    assert (code, "第2行 错误" in told, "site/macros/two.html" in out) == (1, True, True)
    (macros / "two.html").unlink()
    (told,) = [x for x in bad("check")[1].splitlines() if "template-error" in x]
    assert "macros/two.html" in told
    (macros / "two.html").write_text("好\n")
    assert "template-error" not in bad("check")[1]
    maybe = "{% include 'no.html' ignore missing %}{% include ['no.html', 'macros/two.html'] %}\n"
    (macros / "one.html").write_text(maybe)
    assert "template-error" not in bad("check")[1]


@pytest.mark.parametrize(
    "words, said",
    [
        (["--verson"], "您是不是要找 --version？"),
        (["chek"], "您是不是要找 check？"),
        (["history", "议圆", "M001"], "您是不是要找 议员？"),
        (["query", "SELECT nam FROM members"], "没有的列 nam，您是不是要找 name？"),
        (
            ["query", "SELECT home_phone FROM members"],
            "没有的列 home_phone：它不在这一版里，或不在所查的表里。",
        ),
        (["query", "SELECT * FROM 议员"], "没有的表 议员，您是不是要找 members？"),
        (["query", "SELECT lenth(name) FROM members"], "没有的函数 lenth，您是不是要找 length？"),
    ],
)
def test_what_is_mistyped_gets_what_may_be_meant(good: Shell, words: list[str], said: str) -> None:
    code, _, err = good(*words)
    assert (code, said in err) == (2, True)


def test_check_as_json_is_an_array_of_six_members_and_nothing_else(bad: Shell) -> None:
    code, out, _ = bad("check", "--format", "json")
    assert code == 1
    found: list[dict[str, Any]] = json.loads(out)
    assert len(found) == 31
    assert all(list(p) == ["file", "line", "column", "rule", "severity", "message"] for p in found)
    first = found[0]
    assert (first["file"], first["line"], first["column"], first["rule"], first["severity"]) == (
        "records/a.csv",
        2,
        "人数",
        "type-error",
        "error",
    )
    assert found[-1]["severity"] == "warning"


def test_check_as_text_groups_by_file_and_shortens_what_repeats(bad: Shell) -> None:
    code, out, _ = bad("check")
    assert code == 1
    lines = out.splitlines()
    assert lines[0] == "records/a.csv"
    assert lines[1].startswith("  第2行 [人数 n，B 列] 错误 type-error：“x” 不是整数")
    assert sum("type-error：" in line for line in lines) == 20
    assert "  …… 同类 type-error 还有 10 处（--format json 列出全部）" in lines
    assert "records/b.csv" in lines
    assert lines[-1] == "共 30 个错误、1 个提醒，涉及 2 个文件。"


def test_check_for_github_prints_annotations_that_values_cannot_break(bad: Shell) -> None:
    code, out, _ = bad("check", "--format", "github")
    assert code == 1
    lines = out.splitlines()
    assert len(lines) == 31
    assert lines[0].startswith("::error file=records/a.csv,line=2,title=type-error 人数::“x” 不是整数")
    assert "%250A%3A" not in lines[3], "only properties escape colons"
    assert "“%250A::”" in lines[3]
    assert lines[-1].startswith("::warning file=records/b.csv,line=3,")


def test_a_problem_of_no_file_is_printed_in_every_form() -> None:
    problem = warning("", 0, "history", "没有历史。")
    assert as_text([problem]) == "（整库）\n  提醒 history：没有历史。"
    assert as_github([problem]) == "::warning title=history::没有历史。"
    assert json.loads(as_json([problem]))[0]["line"] == 0


def test_a_code_quality_report_tells_findings_apart_and_finds_them_again() -> None:
    twice, other = error("a.csv", 3, "X", "错", "列"), warning("", 0, "history", "没有历史。")
    report = json.loads(as_code_quality([twice, replace(twice, line=9), other]))
    assert [(r["severity"], r["location"]["lines"]["begin"]) for r in report] == [
        ("critical", 3),
        ("critical", 9),
        ("minor", 1),
    ]
    assert len({r["fingerprint"] for r in report}) == 3
    # A finding that only moved to another line is the same one.
    assert (
        json.loads(as_code_quality([replace(twice, line=80)]))[0]["fingerprint"] == report[0]["fingerprint"]
    )
    assert all(r["location"]["path"] for r in report)


def test_titles_and_names_of_a_hostile_tree_steer_nobodys_terminal() -> None:
    problem = error("a\x1b[31m.csv", 3, "X\n::error::", "a\u202eb\r\n::error::x", "列\x1b]0;x\x07\n")
    for text in (as_text([problem]), as_github([problem])):
        assert text.replace("\n", "").isprintable()
        assert len(text.splitlines()) == (1 if text.startswith("::") else 2)
    assert as_json([problem]).isascii() or "\x1b" not in as_json([problem])


def test_colours_are_for_terminals() -> None:
    problem = error("a.csv", 3, "X", "y")
    assert "\033[31m错误\033[0m" in as_text([problem], colour=True)
    assert "\033" not in as_text([problem])


def test_check_without_problems_prints_an_empty_array(tree: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    tree.table("a", ["id"])
    shell = Shell(tree.root, capsys)
    assert shell("check", "--format", "json")[:2] == (0, "[]\n")
    assert shell("check", "--format", "github")[:2] == (0, "")
    assert shell("check", "--format", "codequality")[:2] == (0, "[]\n")
    assert shell("check")[:2] == (0, "没有发现问题。\n")


def test_a_broken_schema_is_a_problem_in_every_form(tree: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    tree.table("a", [{"name": "id", "type": "nonsense"}])
    shell = Shell(tree.root, capsys)
    code, out, _ = shell("check", "--format", "json")
    assert (code, json.loads(out)[0]["rule"]) == (1, "schema-error")
    for command in (["query", "SELECT 1"], ["build"], ["schemas"]):
        code, out, err = shell(*command)
        assert code == 1
        assert "schema-error" in out + err


def test_a_message_of_several_spaces_is_printed_as_it_is(
    tree: Tree, capsys: pytest.CaptureFixture[str]
) -> None:
    tree.table("a", [{"name": "n", "type": "integer"}])
    tree.write("records/a.csv", "n\na     b\n")
    assert "“a     b”" in Shell(tree.root, capsys)("check")[1]


def test_as_of_moves_the_date_of_reference(good: Shell) -> None:
    code, out, _ = good("query", "SELECT as_of FROM build", "--format", "csv", "--as-of", "2018-06-30")
    assert (code, out) == (0, "\ufeffas_of\n2018-06-30\n")
    code, out, _ = good("query", "SELECT as_of FROM build", "--format", "csv")
    assert out == "\ufeffas_of\n2026-01-31\n"
    sitting = "SELECT count(*) AS n FROM sitting_members"
    assert good("query", sitting, "--format", "csv", "--as-of", "2018-06-30")[1] == "\ufeffn\n1\n"


# Wrong use


@pytest.mark.parametrize(
    "arguments, words",
    [
        ([], ["缺少参数"]),
        (["chekc"], ["不能是", "check"]),
        (["check", "--format", "xml"], ["不能是", "json"]),
        (["check", "--nonsense"], ["不认识的参数"]),
        (["query"], ["缺少参数"]),
        (["check", "--as-of"], ["要跟一个值"]),
        (["check", "--as-of", "2026-13-01"], ["2026-13-01", "日期"]),
        (["check", "--as-of", "yesterday"], ["日期"]),
        (["serve", "--port", "x"], ["整数"]),
        (["build", "--edition", "secret"], ["没有 “secret” 这一版", "public"]),
        (["chekc"], ["您是不是要找 check？"]),
        (["check", "--fromat", "json"], ["--fromat", "您是不是要找 --format？"]),
        (["query", "SELECT 1", "--editon=public"], ["您是不是要找 --edition？"]),
        (["check", "--format", "jsno"], ["您是不是要找 json？"]),
        (["review", "HEAD", "--rot", "x"], ["您是不是要找 --root？"]),
    ],
)
def test_wrong_use_is_explained_in_the_users_language(
    good: Shell, arguments: list[str], words: list[str]
) -> None:
    code, out, err = good(*arguments)
    assert (code, out) == (2, "")
    for word in words:
        assert word in err
    assert not re.search("[a-z]+ [a-z]+ [a-z]+ [a-z]+", err), "an English sentence was left"


def test_a_folder_without_records_is_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("check", "build", "schemas"):
        code, out, err = Shell(tmp_path, capsys)(command)
        assert (code, out) == (2, "")
        assert "datapackage.yaml" in err


def test_help_speaks_the_users_language_and_names_every_option(good: Shell) -> None:
    code, out, _ = good("--help")
    assert code == 0
    assert out.startswith("用法：")
    for command in re.findall(r"^    ([a-z]+)  ", out, re.MULTILINE):
        code, out, _ = good(command, "--help")
        assert code == 0
        assert "usage" not in out
        assert "显示本说明" in out
        options = re.split(r"^  (?=-)", out.partition("选项:")[2] or out, flags=re.MULTILINE)[1:]
        assert options
        for option in options:
            assert re.search("[\u4e00-\u9fff]", option.replace("目录", "").replace("日期", "", 1)), option


def test_every_command_shows_an_example_and_the_program_its_version(good: Shell) -> None:
    for command in ("check", "query", "new", "doctor"):
        assert f"例：lingtouyan {command}" in good(command, "--help")[1]
    assert good("--version")[:2] == (0, f"{__version__}\n")


def test_the_program_starts_and_ends_as_a_program_does(parliament: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lingtouyan", "check", "--root", str(parliament), "--format", "json"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={
            "PATH": "/usr/bin:/bin",
            "LC_ALL": "C",
            "PYTHONPATH": str(Path(__file__).resolve().parents[1] / "generator"),
        },
        cwd="/",
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)[0]["column"] == "出席率"


def test_what_nobody_read_to_its_end_is_no_good_end(parliament: Path) -> None:
    generator = Path(__file__).resolve().parents[1] / "generator"
    words = f"{sys.executable} -m lingtouyan check --root {parliament} | true; exit ${{PIPESTATUS[0]}}"
    env = {**os.environ, "PYTHONPATH": str(generator)}
    done = subprocess.run(["bash", "-c", words], env=env, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "")


def broken(parliament: Path, tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a check with a library that fails in a way that nobody foresaw."""
    (tmp_path / "duckdb.py").write_text("raise KeyError('a\\x1b[31mb')\n")
    generator = Path(__file__).resolve().parents[1] / "generator"
    return subprocess.run(
        [sys.executable, "-m", "lingtouyan", "--root", str(parliament), "check"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{generator}", **environment},
    )


def test_what_nobody_foresaw_is_told_in_one_sentence(parliament: Path, tmp_path: Path) -> None:
    done = broken(parliament, tmp_path)
    assert (done.returncode, done.stdout) == (3, "")
    assert "Traceback" not in done.stderr
    assert "KeyError" in done.stderr
    assert "LINGTOUYAN_DEBUG=1" in done.stderr
    assert "\x1b" not in done.stderr
    assert "Traceback" in broken(parliament, tmp_path, LINGTOUYAN_DEBUG="1").stderr


# query


def test_query_prints_a_table_that_lines_up(good: Shell) -> None:
    code, out, _ = good("query", "SELECT name, seats FROM parties ORDER BY seats")
    assert code == 0
    assert out.splitlines() == ["name    seats", "──────  ─────", "蓝党团  8", "红党团  12", "（2 行）"]


def test_query_shows_hostile_values_without_acting_on_them(good: Shell) -> None:
    sql = "SELECT name, chr(27) || '[31m' AS c, NULL AS n, [1, 2] AS l, true AS b FROM members WHERE member_id = 'M005'"
    out = good("query", sql)[1]
    assert "\x1b" not in out
    assert "[a](javascript:alert(1))" in out
    written = good("query", sql, "--format", "csv")[1]
    # A spreadsheet opened by a double click takes a file without a mark for one in the national encoding.
    assert written.startswith("\ufeffname,")
    rows = list(csv.reader(io.StringIO(written.removeprefix("\ufeff"))))
    assert rows == [
        ["name", "c", "n", "l", "b"],
        ["[a](javascript:alert(1))", "\x1b[31m", "", "[1, 2]", "是"],
    ]
    (row,) = json.loads(good("query", sql, "--format", "json")[1])
    assert row == {"name": "[a](javascript:alert(1))", "c": "\x1b[31m", "n": None, "l": [1, 2], "b": True}


def test_query_shortens_an_endless_cell(good: Shell) -> None:
    code, out, _ = good("query", "SELECT repeat('长', 4000000) AS words")
    assert code == 0
    assert "长…" in out
    assert len(out) < 1000


def test_query_gives_dates_numbers_and_nothing_as_they_are(good: Shell) -> None:
    sql = "SELECT started, attendance, ended, full_time FROM members WHERE member_id = 'M001'"
    (row,) = json.loads(good("query", sql, "--format", "json")[1])
    assert row == {"started": "2020-01-01", "attendance": 0.93, "ended": None, "full_time": True}
    assert good("query", "SELECT 1 WHERE false", "--format", "json")[1] == "[]\n"


@pytest.mark.parametrize("edition, code", [("internal", 0), ("public", 2)])
def test_query_asks_an_edition_and_never_more(good: Shell, edition: str, code: int) -> None:
    assert good("query", "SELECT attendance FROM members", "--edition", edition)[0] == code
    got, out, err = good("query", "SELECT home_phone FROM members", "--edition", edition)
    assert (got, out) == (2, "")
    assert "home_phone" in err


def test_query_gives_json_that_any_reader_takes(good: Shell) -> None:
    sql = "SELECT 'NaN'::DOUBLE AS a, [1.5, 'inf'::DOUBLE] AS b, MAP {1: 'x'} AS c"
    code, out, _ = good("query", sql, "--format", "json")
    assert code == 0
    assert json.loads(out, parse_constant=pytest.fail) == [{"a": None, "b": [1.5, None], "c": {"1": "x"}}]
    code, out, err = good("query", "SELECT 1 AS a, 2 AS a", "--format", "json")
    assert (code, out) == (2, "")
    assert "两列都叫 a" in err


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM members",
        "SELECT 1; SELECT 2",
        "",
        "  ",
        "SELECT",
        "SELECT nonsense(1)",
        "SELECT * FROM nowhere",
        "SELECT 1/'a'",
        "SET threads = 1",
    ],
)
def test_query_refuses_what_is_no_question(good: Shell, sql: str) -> None:
    code, out, err = good("query", sql)
    assert (code, out) == (2, "")
    assert re.search("[\u4e00-\u9fff]", err)


def test_query_answers_on_records_with_errors_too(bad: Shell) -> None:
    assert bad("query", "SELECT count(*) AS n FROM a WHERE n IS NULL", "--format", "csv")[:2] == (
        0,
        "\ufeffn\n30\n",
    )
