"""Templates of a stranger's tree: what their heads must say, and that their bodies get nowhere and end in time."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
from jinja2.exceptions import SecurityError
from trees import Tree

from lingtouyan.problems import RecordsError
from lingtouyan.templates.escaping import escape
from lingtouyan.templates.links import Links
from lingtouyan.templates.sandbox import Groups, Row, Sandbox
from lingtouyan.templates.templates import Template, make_environment, read_templates, template_fault

PAGES = "site/pages"


def read(tree: Tree, text: str | bytes, name: str = "p.md") -> Template:
    tree.write(f"{PAGES}/{name}", text)
    (template,) = read_templates(tree.root, PAGES)
    return template


def environment(root: Path, **functions: Any) -> Sandbox:
    return make_environment(root, html=False, functions=functions)


def show(root: Path, source: str, **values: Any) -> str:
    return environment(root).from_string(source).render(values)


# Heads


def test_a_template_is_its_head_and_its_body_with_their_lines(tree: Tree) -> None:
    template = read(
        tree,
        "---\ntitle: 名册\nqueries:\n  a: SELECT 1\n  b: {sql: SELECT 2 AS k, by: k, edition: internal}\n"
        "---\n\n# 名册\n\n---\n\n尾\n",
        "x/y.md",
    )
    assert (template.name, template.file, template.title) == ("x/y", f"{PAGES}/x/y.md", "名册")
    assert {n: (q.sql, q.by, q.edition, q.line) for n, q in template.queries.items()} == {
        "a": ("SELECT 1", "", "", 4),
        "b": ("SELECT 2 AS k", "k", "internal", 5),
    }
    assert template.body == "\n# 名册\n\n---\n\n尾\n"
    assert template.body_line == 7


def test_a_template_from_windows_is_the_same_template(tree: Tree) -> None:
    text = "---\ntitle: 名册\n---\n# 名册\n"
    plain = read(tree, text)
    windows = read(tree, b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert (plain.title, plain.body, plain.body_line) == (windows.title, windows.body, windows.body_line)


def test_parts_of_templates_are_no_pages(tree: Tree) -> None:
    tree.write(f"{PAGES}/_part.md", "没有文件头")
    tree.write(f"{PAGES}/notes.txt", "没有文件头")
    assert read_templates(tree.root, PAGES) == []


@pytest.mark.parametrize(
    "text, line, words",
    [
        ("# 没有文件头", 1, ["文件头"]),
        ("---\ntitle: a\n", 1, ["没有结束"]),
        ("---\ntitle: [a\nedition: x\n---\n", 2, ["括号"]),
        ("---\ntitel: a\n---\n", 2, ["titel", "title"]),
        ("---\nqueries:\n  a: [SELECT 1]\n---\n", 3, ["查询 a"]),
        ("---\nqueries:\n  a: {by: x}\n---\n", 3, ["查询 a"]),
        ("---\nqueries:\n  a: {sql: SELECT 1, edition: secret}\n---\n", 3, ["edition"]),
        ("---\nqueries:\n  row: SELECT 1\n---\n", 3, ["查询名"]),
        ("---\nqueries:\n  __class__: SELECT 1\n---\n", 3, ["查询名"]),
        ("---\nqueries:\n  a: SELECT 1\neach: b\npath: x/{a}\n---\n", 4, ["each"]),
        ("---\nqueries:\n  a: SELECT 1\neach: a\n---\n", 4, ["path"]),
        ("---\nqueries:\n  a: {sql: SELECT 1 AS k, by: k}\neach: a\npath: x/{k}\n---\n", 4, ["分组"]),
        ("---\nedition: secret\n---\n", 2, ["public"]),
        ("---\ntitle: [a]\n---\n", 2, ["title"]),
        ("---\ntitle: a\nstyles: form.css\n---\n", 3, ["styles", "列表"]),
        ("---\nhide: toc\n---\n", 2, ["hide", "列表"]),
        ("---\nqueries: [a]\n---\n", 2, ["queries"]),
        ("---\nqueries:\n  a: {sql: SELECT 1, bye: x}\n---\n", 3, ["查询 a"]),
        ("---\nsearch: name\n---\n", 2, ["search"]),
        ("---\nsearch:\n  titel: name\n---\n", 3, ["titel", "subtitle"]),
        ("---\non_demand: 是\n---\n", 2, ["true"]),
        ("---\nqueries:\n  a: {from: ../_s.yaml}\n---\n", 3, ["同一文件夹"]),
        ("---\nqueries:\n  a: {from: _absent.yaml}\n---\n", 3, ["_absent.yaml"]),
        ("---\nqueries:\n  b: {from: _s.yaml}\n---\n", 3, ["没有查询", "b"]),
        ("---\nqueries:\n  a: {from: _s.yaml, edition: public}\n---\n", 3, ["不能写 edition"]),
    ],
)
def test_a_head_that_cannot_be_one_is_named_at_its_line(
    tree: Tree, text: str, line: int, words: list[str]
) -> None:
    tree.write(f"{PAGES}/_s.yaml", "a: SELECT 1 AS k\n")
    with pytest.raises(RecordsError) as fault:
        read(tree, text)
    (found,) = fault.value.problems
    assert (found.file, found.line, found.rule) == (f"{PAGES}/p.md", line, "template-error")
    for word in words:
        assert word in found.message


def test_templates_share_queries_and_change_with_them(tree: Tree) -> None:
    tree.write(f"{PAGES}/_s.yaml", "a: SELECT 1 AS k;\nb:\n  by: k\n  sql: SELECT 2 AS k\nc: SELECT 3 AS k\n")
    head = "---\nqueries:\n  a: {from: _s.yaml, where: k > 0}\n  b: {from: _s.yaml}\n"
    head += "  c: {from: _s.yaml, where: k > 0, sql: SELECT k + 1 AS n FROM c, by: n}\n---\n"
    before = read(tree, head)
    assert {n: (q.sql, q.by, q.line) for n, q in before.queries.items()} == {
        "a": ("SELECT * FROM (SELECT 1 AS k\n) AS rows WHERE (k > 0\n)", "", 3),
        "b": ("SELECT 2 AS k", "k", 4),
        "c": (
            "WITH c AS (SELECT * FROM (SELECT 3 AS k\n) AS rows WHERE (k > 0\n)\n) SELECT k + 1 AS n FROM c",
            "n",
            5,
        ),
    }
    tree.write(f"{PAGES}/_s.yaml", "a: SELECT 1 AS k\nb: {by: k, sql: SELECT 3 AS k}\nc: SELECT 3 AS k\n")
    assert read(tree, head).digest != before.digest


@pytest.mark.parametrize(
    "statement",
    [
        "{% include 'a/_part.html' %}",
        '{%- import "a/_part.html" as part -%}',
        "{% from 'a/_part.html' import x with context %}",
        "{% extends 'a/_part.html' %}",
        "{% include ['none.html', 'a/_part.html'] ignore missing %}",
        "{% include 'a/_through.html' %}",
        "{% set name = 'a/_part.html' %}{% include name %}",
    ],
)
def test_a_digest_tells_what_a_template_takes_in_and_from_where(tree: Tree, statement: str) -> None:
    head = f"---\ntitle: a\n---\n{statement}\n"
    tree.write("site/a/_through.html", "{% include 'a/_part.html' %}")
    tree.write("site/a/_part.html", "one")
    first = read(tree, head).digest
    assert read(tree, head).digest == first
    (tree.root / "site/a/_part.html").unlink()
    tree.write("site/b/_part.html", "one")
    tree.write("site/a/_through.html", "{% include 'b/_part.html' %}")
    moved = read(tree, head.replace("a/_part", "b/_part")).digest
    tree.write("site/b/_part.html", "two")
    altered = read(tree, head.replace("a/_part", "b/_part")).digest
    assert len({first, moved, altered}) == 3


@pytest.mark.parametrize(
    "path",
    [
        "../../x/{k}",
        "/etc/{k}",
        "x/../../{k}",
        "..",
        "x/./{k}",
        "x//{k}",
        "x\\\\{k}",
        "{{ row.k | upper }}",
        "{{ row[1] }}",
        "a b/{k}",
        "x/{k}?",
        "~/{k}",
        "C:/{k}",
        "{}",
    ],
)
def test_a_path_that_could_climb_is_refused(tree: Tree, path: str) -> None:
    with pytest.raises(RecordsError) as fault:
        read(tree, f"---\nqueries: {{a: SELECT 1 AS k}}\neach: a\npath: '{path}'\n---\n")
    assert fault.value.problems[0].line == 4
    assert "path" in fault.value.problems[0].message


def test_a_template_in_another_encoding_is_named(tree: Tree) -> None:
    with pytest.raises(RecordsError) as fault:
        read(tree, "---\ntitle: 名册\n---\n".encode("gb18030"))
    assert "UTF-8" in fault.value.problems[0].message


def test_a_template_behind_a_link_is_refused(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "out.md").write_text("---\ntitle: a\n---\ncanary")
    (tree.root / PAGES).mkdir(parents=True)
    (tree.root / PAGES / "p.md").symlink_to(tmp_path / "out.md")
    with pytest.raises(RecordsError) as fault:
        read_templates(tree.root, PAGES)
    assert fault.value.problems[0].rule == "unsafe-file"


# No way out

ESCAPES = [
    "{{ ''.__class__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''['__class__'] }}",
    "{{ ''|attr('__class__') }}",
    "{{ ''|attr('__cl' ~ 'ass__') }}",
    "{{ ['']|map(attribute='__class__')|list }}",
    "{{ ['']|map('attr', '__class__')|list }}",
    "{{ [rows]|map(attribute='0.__class__')|list }}",
    "{{ rows|groupby('__class__') }}",
    "{{ rows|sort(attribute='__class__') }}",
    "{{ rows|sum(attribute='__class__') }}",
    "{{ link.__globals__ }}",
    "{{ link.__self__ }}",
    "{{ link.__func__.__code__ }}",
    "{{ self.__init__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ cycler.__init__.__globals__ }}",
    "{{ joiner.__init__ }}",
    "{{ namespace.__init__ }}",
    "{{ dict.__base__ }}",
    "{{ range.__globals__ }}",
    "{{ (rows|map('upper')).gi_frame }}",
    "{{ '{0.__class__}'.format('') }}",
    "{{ '{0.__class__}'|format('') }}{{ ''.__class__ }}",
    "{{ '{x.__class__}'.format_map({'x': ''}) }}",
    "{{ ('{0.__class__}'|safe).format('') }}",
    "{% set f = ''.format %}{{ f.__self__.__class__ }}",
    "{{ environment.globals }}",
    "{{ config }}",
    "{{ rows.append(1) }}",
    "{{ rows[0].update({'a': 1}) }}",
    "{{ rows[0].pop('a') }}",
    "{{ rows.sort() }}",
    "{{ rows.clear() }}",
    "{{ lipsum() }}",
    "{{ [1, 2]|random }}",
    "{% include '/etc/passwd' %}",
    "{% include '../secret.txt' %}",
    "{% include 'pages/../../secret.txt' %}",
    "{% include 'link.txt' %}",
    "{% include 'folder/secret.txt' %}",
    "{% include 'file:///etc/passwd' %}",
    "{% include '' %}",
    "{% import '/etc/passwd' as x %}",
    "{% extends '/etc/passwd' %}",
    "{% from '../secret.txt' import x %}",
    "{% include ['/etc/passwd', '../secret.txt'] %}",
    "{% import os %}",
    "{{ open('/etc/passwd') }}",
    "{{ undefined.__class__ }}",
    "{{ nothing }}",
]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "site" / "pages").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("canary-5")
    (root / "secret.txt").write_text("canary-5")
    (root / "site" / "link.txt").symlink_to(tmp_path / "secret.txt")
    (root / "site" / "folder").symlink_to(tmp_path)
    (root / "site" / "pages" / "_part.md").write_text("部分 {{ word }}")
    return root


@pytest.mark.parametrize("source", ESCAPES)
def test_there_is_no_way_out(site: Path, source: str) -> None:
    rows = [Row(a=1), Row(a=2)]

    def link(value: str) -> str:
        return value

    try:
        said = environment(site, link=link).from_string(source).render(rows=rows)
    except Exception as fault:
        problem = template_fault(_template(source), fault).problems[0]
        assert problem.rule == "template-error"
        assert "canary" not in problem.message
    else:
        for word in ("canary", "root:", "class", "globals", "subclasses", "<function", "<bound", "0x"):
            assert word not in said
        pytest.fail(f"it was allowed and gave {said!r}")
    assert rows == [Row(a=1), Row(a=2)]


def _template(body: str) -> Template:
    return Template("p", "site/pages/p.md", "p", body, 4, {}, "", "", "", "", {}, "", (), {}, "")


def test_what_is_below_the_site_can_be_included(site: Path) -> None:
    assert show(site, "{% set word = '甲' %}{% include 'pages/_part.md' %}") == "部分 甲"


def test_a_row_gives_its_columns_whatever_they_are_called(site: Path) -> None:
    row = Row(items="a", keys="b", get="c", values=None, pop="d")
    assert (
        show(site, "{{ row.items }}{{ row.keys }}{{ row.get }}{{ row['pop'] }}{{ row.values }}|", row=row)
        == "abcd|"
    )
    with pytest.raises(Exception, match="nothing"):
        show(site, "{{ row.nothing }}", row=row)


def test_groups_give_no_rows_for_a_value_that_does_not_occur(site: Path) -> None:
    groups = Groups({"a": [Row(x=1)]})
    assert show(site, "{{ g['a']|length }}{{ g['b']|length }}{{ g[none]|length }}", g=groups) == "100"


# No text that fills the memory, no loop that never ends

HUGE = [
    "{{ 'x' * 10 ** 9 }}",
    "{{ 'x' * 100000000 }}",
    "{{ 100000000 * 'x' }}",
    "{{ [1] * 100000000 }}",
    "{{ [1, 2] * 3 ** 40 }}",
    "{{ 9 ** (9 ** 9) }}",
    "{{ 2 ** 100000000 }}",
    "{% set ns = namespace(n=3) %}{% for i in range(99) %}{% set ns.n = ns.n * ns.n %}{% endfor %}{{ ns.n }}",
    "{{ range(10 ** 9)|list }}",
    "{{ range(10 ** 12)|length }}",
    "{% macro m(n) %}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}",
    "{% include 'pages/_self.md' %}",
    "{{ " + "(" * 20000 + "1" + ")" * 20000 + " }}",
    "{{ " + "-" * 20000 + "1 }}",
]


@pytest.mark.parametrize("source", HUGE, ids=lambda s: s[:60])
def test_what_would_be_huge_is_refused_before_it_is_made(site: Path, source: str) -> None:
    (site / "site/pages/_self.md").write_text("{% include 'pages/_self.md' %}")
    with pytest.raises(Exception) as raised:  # noqa: PT011 -- what matters is that it ends, in a problem
        show(site, source)
    problem = template_fault(_template(source), raised.value).problems[0]
    assert problem.rule == "template-error"
    assert problem.file == "site/pages/p.md"


# Nothing that differs from one run, or one machine, to the next

ADDRESSES = [
    "{{ table }}",
    "{{ '%s'|format(table) }}",
    "{{ '%s' % table }}",
    "{{ '%s' % (table,) }}",
    "{{ '{}'.format(table) }}",
    "{{ 'a' ~ table }}",
    "{{ table|string }}",
    "{{ table|upper }}",
    "{{ table|replace('x', 'y') }}",
    "{{ [table]|join }}",
    "{{ [table]|string }}",
    "{{ {'a': table}|string }}",
    "{{ [table]|pprint }}",
    "{{ (table|string)[-5:] }}",
    "{{ {'a': table}|xmlattr }}",
    "{{ {'a': table}|urlencode }}",
    "{{ href|string }}",
    "{{ ''.upper }}",
    "{{ ''.upper|string }}",
    "{{ 'a' ~ rows[0].b.isoformat }}",
    "{{ cycler(1)|string }}",
    "{{ joiner()|string }}",
    "{% block a %}{{ self.a|string }}{% endblock %}",
    "{% for r in rows %}{{ loop.cycle|string }}{% endfor %}",
]


@pytest.mark.parametrize("source", ADDRESSES)
def test_what_is_no_value_is_not_shown(site: Path, source: str) -> None:
    def table(rows: object) -> str:
        return "x"

    made = environment(site, table=table, href=Links().href)
    with pytest.raises(SecurityError) as raised:
        made.from_string(source).render(rows=[Row(b=datetime.date(2026, 1, 5))])
    assert template_fault(_template(source), raised.value).problems[0].rule == "template-error"


@pytest.mark.parametrize("source", ["{}|string", "'%s'|format({})", "'a' ~ {}"])
@pytest.mark.parametrize(
    "given, shown",
    [
        ("(rows|map(attribute='a'))", "[1, 2]"),
        ("(rows|map(attribute='a')|select('>', 1))", "[2]"),
        ("(rows|map(attribute='a')|reverse)", "[2, 1]"),
        ("(rows|batch(2))|map('length')", "[2]"),
    ],
)
def test_what_a_filter_gives_is_a_list(site: Path, source: str, given: str, shown: str) -> None:
    said = show(site, "{{ (" + source.format(f"({given})") + ")|safe }}", rows=[Row(a=1), Row(a=2)])
    assert said in (shown, f"a{shown}")


CLOCKS = [
    "as_of.today()",
    "as_of.fromtimestamp(0)",
    "at.now()",
    "at.utcnow()",
    "at.today()",
    "at.fromtimestamp(0)",
    "at.utcfromtimestamp(0)",
    "at.timestamp()",
    "at.astimezone()",
    "(as_of|attr('today'))()",
]


@pytest.mark.parametrize("source", CLOCKS)
def test_no_clock_and_no_zone_of_the_machine_is_asked(site: Path, source: str) -> None:
    with pytest.raises(SecurityError):
        show(site, "{{ " + source + " }}", as_of=datetime.date(2026, 1, 5), at=datetime.datetime(2026, 1, 5))  # noqa: DTZ001
    said = show(site, "{{ as_of.replace(day=6).isoformat() }}", as_of=datetime.date(2026, 1, 5))
    assert said == "2026-01-06"


def test_an_official_page_of_some_size_is_no_offence(site: Path) -> None:
    rows = [Row(name=f"名{n}", value=n * 1000) for n in range(20_000)]
    source = "{% for r in rows %}| {{ r.name }} | {{ '%d'|format(r.value) }} | {{ '{:,}'.format(r.value) }} |\n{% endfor %}"
    page = show(site, source, rows=rows)
    assert len(page.splitlines()) == 20_000
    assert escape("19,999,000") in page


@pytest.mark.parametrize(
    "source, line, words",
    [
        ("a\n{{ 1 / 0 }}\n", 5, ["ZeroDivisionError"]),
        ("a\n\n{% for x in %}\n", 6, ["语法"]),
        ("{{ nothing }}", 4, ["没有的名字", "nothing"]),
        ("a\n{{ ''.__class__ }}", 5, ["沙箱"]),
        ("{% include 'none.md' %}", 4, ["none.md"]),
        ("a\n{{ rows[0]['x'] + 'y' }}", 5, ["没有的名字"]),
        ("\n\n{{ ([1]|first).x.y }}", 6, ["没有的名字"]),
        ("{{ 'a'|nonsense }}", 4, ["语法", "nonsense"]),
    ],
)
def test_a_fault_is_shown_at_its_line_of_the_file(
    site: Path, source: str, line: int, words: list[str]
) -> None:
    with pytest.raises(Exception) as raised:  # noqa: PT011
        show(site, source, rows=[Row(a=1)])
    problem = template_fault(_template(source), raised.value).problems[0]
    assert problem.line == line
    for word in words:
        assert word in problem.message


def test_a_fault_in_an_included_file_is_shown_at_its_own_line(site: Path) -> None:
    (site / "site/pages/_macros.html").write_text("\n\n{% macro m() %}\n{{ 1 / 0 }}\n{% endmacro %}")
    source = "{% from 'pages/_macros.html' import m %}\n{{ m() }}"
    with pytest.raises(ZeroDivisionError) as raised:
        show(site, source)
    problem = template_fault(_template(source), raised.value).problems[0]
    assert (problem.file, problem.line) == ("site/pages/_macros.html", 4)
    assert "site/pages/p.md" in problem.message
