"""Templates of a stranger's tree: what their heads must say, and that their bodies get nowhere and end in time."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jinja2.exceptions import SecurityError
from trees import Tree

from lingtouyan.problems import RecordsError
from lingtouyan.project import EDITIONS
from lingtouyan.templates import sandbox
from lingtouyan.templates.escaping import escape
from lingtouyan.templates.sandbox import Groups, Row, Sandbox, compiled, rendered
from lingtouyan.templates.templates import Template, make_environment, read_templates, template_fault

PAGES = "site/pages"


def read(tree: Tree, text: str | bytes, name: str = "p.md") -> Template:
    tree.write(f"{PAGES}/{name}", text)
    (template,) = read_templates(tree.root, PAGES, ".md", EDITIONS)
    return template


def environment(root: Path, **functions: Any) -> Sandbox:
    return make_environment(root, html=False, functions=functions, filters={})


def show(root: Path, source: str, **values: Any) -> str:
    return rendered(compiled(environment(root), source), **values)


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
    assert read_templates(tree.root, PAGES, ".md", EDITIONS) == []


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
        read_templates(tree.root, PAGES, ".md", EDITIONS)
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
        said = rendered(compiled(environment(site, link=link), source), rows=rows)
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
    "{{ 9 ** 9 ** 9 }}",
    "{{ 2 ** 100000000 }}",
    "{% set ns = namespace(n=3) %}{% for i in range(99) %}{% set ns.n = ns.n * ns.n %}{% endfor %}{{ ns.n }}",
    "{% set ns = namespace(t='ab') %}{% for i in range(99) %}{% set ns.t = ns.t + ns.t %}{% endfor %}{{ ns.t }}",
    "{% set ns = namespace(t='ab') %}{% for i in range(99) %}{% set ns.t = ns.t ~ ns.t %}{% endfor %}{{ ns.t }}",
    "{% set ns = namespace(t=[1]) %}{% for i in range(99) %}{% set ns.t = ns.t + ns.t %}{% endfor %}{{ ns.t|length }}",
    "{{ range(10 ** 9)|list }}",
    "{{ range(10 ** 12)|length }}",
    "{{ 'x'|center(10 ** 9) }}",
    "{{ 'x'.center(1000000000) }}",
    "{{ 'x'.ljust(1000000000) }}",
    "{{ 'x'.zfill(1000000000) }}",
    "{{ ('\\t' * 99).expandtabs(1000000000) }}",
    "{{ ['x']|map('center', 1000000000)|list }}",
    "{{ range(100000)|map('string')|map('center', 90000)|list|length }}",
    "{{ '%1000000000d'|format(1) }}",
    "{{ '%*d'|format(1000000000, 1) }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ '%.*f' % (1000000000, 1.5) }}",
    "{{ '{:1000000000}'.format(1) }}",
    "{{ '{:{}}'.format(1, 1000000000) }}",
    "{{ ('{:>99999999}'|safe).format('x') }}",
    "{{ ('x' * 99999)|replace('x', 'y' * 99999) }}",
    "{{ ('x' * 99999).replace('x', 'y' * 99999) }}",
    "{{ ''.replace('', 'y') }}{{ ('x' * 999999).replace('', 'y' * 999) }}",
    "{{ (['x' * 999999] * 999999)|join }}",
    "{{ ''.join(['x' * 999999] * 99999) }}",
    "{{ ('x' * 99999).join(['y'] * 99999) }}",
    "{{ ['y'] * 99999|join('x' * 99999) }}",
    "{{ 'x'|indent(1000000000) }}",
    "{{ [1]|batch(1000000000, 'x')|list }}",
    "{{ [1]|slice(1000000000)|list|length }}",
    "{{ 1.5|round(1000000000, 'ceil') }}",
    "{{ (5).to_bytes(1000000000, 'big')|length }}",
    "{{ ('x' * 99999).translate({120: 'y' * 99999}) }}",
    "{{ range(3000)|map('string')|map('center', 900)|map('list')|list|sum(start=[])|length }}",
    "{% macro m(n) %}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}",
    "{% macro m() %}{% for i in range(99999) %}{{ 'x' * 9999 }}{% endfor %}{% endmacro %}{{ m()|length }}",
    "{% set t %}{% for i in range(99999) %}{{ 'x' * 9999 }}{% endfor %}{% endset %}{{ t|length }}",
    "{% for i in range(99999) %}{{ 'x' * 99999 }}{% endfor %}",
    "{% include 'pages/_self.md' %}",
    "{{ " + "(" * 20000 + "1" + ")" * 20000 + " }}",
    "{{ " + "-" * 20000 + "1 }}",
]


@pytest.mark.parametrize("source", HUGE, ids=lambda s: s[:60])
def test_what_would_be_huge_is_refused_before_it_is_made(site: Path, source: str) -> None:
    (site / "site/pages/_self.md").write_text("{% include 'pages/_self.md' %}")
    start = time.monotonic()
    with pytest.raises(Exception) as raised:  # noqa: PT011 -- what matters is that it ends, in a problem
        show(site, source)
    assert time.monotonic() - start < 20
    problem = template_fault(_template(source), raised.value).problems[0]
    assert problem.rule == "template-error"
    assert problem.file == "site/pages/p.md"


ENDLESS = [
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "{% for a in range(99999) %}{% for b in range(99999) %}{% if a == b - 1 %}x{% endif %}{% endfor %}{% endfor %}",
    (
        "{% set ns = namespace(n=0) %}"
        "{% for a in range(99999) %}{% for b in range(99999) %}{% set ns.n = b %}{% endfor %}{% endfor %}"
    ),
    "{{ range(99999)|map('string')|select('in', range(99999)|map('string')|list)|list|length }}",
]


@pytest.fixture
def untraced() -> Iterator[None]:
    """No measuring of coverage: an exception told to a thread may reach the measurer while it holds its own lock."""
    here, elsewhere = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)  # type: ignore[arg-type]
    yield
    threading.settrace(elsewhere)  # type: ignore[arg-type]
    sys.settrace(here)


@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize("elsewhere", [False, True])
def test_what_never_ends_is_stopped_in_any_thread(
    site: Path, monkeypatch: pytest.MonkeyPatch, elsewhere: bool
) -> None:
    monkeypatch.setattr(sandbox, "SECONDS", 0.5)
    monkeypatch.setattr(sandbox, "BUDGET", 10**15)
    faults: list[Exception] = []

    def run() -> None:
        for source in ENDLESS:
            try:
                show(site, source)
            except SecurityError as fault:
                faults.append(fault)
        # The thread goes on unharmed.
        assert show(site, "{{ 1 + 1 }}") == "2"
        faults.append(SecurityError("done"))

    start = time.monotonic()
    if elsewhere:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    else:
        run()
    assert [str(f) for f in faults] == ["用时超过 0 秒"] * len(ENDLESS) + ["done"]
    assert time.monotonic() - start < 30


@pytest.mark.usefixtures("untraced")
def test_two_threads_are_stopped_apart(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "SECONDS", 1.0)
    monkeypatch.setattr(sandbox, "BUDGET", 10**15)
    ends: dict[str, str] = {}

    def run(name: str, source: str) -> None:
        try:
            ends[name] = show(site, source)
        except SecurityError:
            ends[name] = "stopped"

    threads = [
        threading.Thread(target=run, args=("endless", ENDLESS[0])),
        threading.Thread(target=run, args=("short", "{% for i in range(3) %}{{ i }}{% endfor %}")),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ends == {"endless": "stopped", "short": "012"}


def test_an_official_page_of_some_size_is_no_offence(site: Path) -> None:
    rows = [Row(name=f"名{n}", value=n * 1000) for n in range(20_000)]
    source = "{% for r in rows %}| {{ r.name }} | {{ '%d'|format(r.value) }} | {{ '{:,}'.format(r.value) }} |\n{% endfor %}"
    page = show(site, source, rows=rows)
    assert len(page.splitlines()) == 20_000
    assert escape("19,999,000") in page


def test_each_page_has_a_budget_of_its_own(site: Path) -> None:
    made = environment(site)
    template = compiled(made, "{% for i in range(10) %}{{ 'x' * 999999 }}{% endfor %}")
    for _ in range(4):
        assert len(rendered(template)) == 10 * 999_999


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
