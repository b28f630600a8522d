"""The preview: what a browser gets, what it is told, and that a page shows the files as they are."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from trees import copy_of

from lingtouyan.checks.register import register_with_editions
from lingtouyan.commands.serve import LiveSite, Preview, serve
from lingtouyan.problems import UsageError

MEMBERS = "records/members-north.csv"
PAGE = "members/M001/"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return copy_of("parliament", tmp_path / "tree")


@contextmanager
def running(tree: Path) -> Iterator[Preview]:
    with Preview(tree, "internal", None, 0) as preview:
        thread = threading.Thread(target=preview.run, args=(lambda _: None,))
        thread.start()
        try:
            yield preview
        finally:
            preview.close()
            thread.join(60)
            assert not thread.is_alive()


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Preview]:
    """A preview of a tree that no test changes, ready."""
    with running(copy_of("parliament", tmp_path_factory.mktemp("unchanged") / "tree")) as preview:
        until(lambda: states(preview)["build"])
        yield preview


def until(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def get(url: str, host: str = "", method: str = "GET") -> tuple[int, str, str]:
    request = urllib.request.Request(url, headers={"Host": host} if host else {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.headers["Content-Type"], refusal.read().decode()


def states(preview: Preview) -> dict[str, Any]:
    """What a page that is opened now is told."""
    with urllib.request.urlopen(preview.url + "__preview", timeout=60) as stream:
        return next(json.loads(line[6:]) for line in stream if line.startswith(b"data: "))


def replace(tree: Path, file: str, before: str, after: str) -> None:
    text = (tree / file).read_text("utf-8")
    assert before in text
    (tree / file).write_text(text.replace(before, after), "utf-8")


def test_an_open_page_follows_records_templates_and_theme(tree: Path) -> None:
    with running(tree) as preview:
        status, _, text = get(preview.url + PAGE)
        # Whoever comes before anything is known waits, and is told when to ask again.
        assert status in (200, 404)
        assert "__preview.js" in text
        until(lambda: states(preview)["build"] == 1)
        assert "安娜·贝尔" in get(preview.url + PAGE)[2]
        seen = states(preview)["build"]
        replace(tree, MEMBERS, "安娜·贝尔", "安娜·雷")
        (tree / "records/~$x.csv").write_text("", "utf-8")
        until(lambda: states(preview)["build"] > seen)
        assert "安娜·雷" in get(preview.url + PAGE)[2]
        assert "安娜·雷" in get(preview.url + "members/")[2]
        seen = states(preview)["build"]
        replace(tree, "site/pages/members/member.md", "## 基本情况", "## 改了的标题")
        until(lambda: states(preview)["build"] > seen)
        assert "改了的标题" in get(preview.url + PAGE)[2]
        seen = states(preview)["build"]
        replace(tree, "mkdocs.yml", "site_name: 议会成员名册", "site_name: 新名册")
        until(lambda: states(preview)["build"] > seen)
        assert "新名册" in get(preview.url + PAGE)[2]
        assert "新名册" in get(preview.url)[2]
        assert not (tree / "build").exists()


def test_what_has_not_changed_is_not_worked_out_again(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def counted(*args: Any, only: Any, **more: Any) -> Any:
        asked.append(only)
        return register_with_editions(*args, only=only, **more)

    monkeypatch.setattr("lingtouyan.commands.serve.register_with_editions", counted)
    site = LiveSite(tree, "internal", None)
    try:
        site.renew()
        site.complete()
        replace(tree, "site/pages/members/member.md", "## 基本情况", "## 改了的标题")
        site.renew()
        assert "改了的标题" in (site.page(PAGE) or "")
        assert site.complete() == []
        assert asked == [None]
        # A record: only what shows it, and findings are those of before until all is worked out.
        replace(tree, MEMBERS, "安娜·贝尔", "安娜·雷")
        site.renew()
        assert "安娜·雷" in (site.page(PAGE) or "")
        assert "<article" in (site.page("internal/") or "")
        assert "findings" not in asked[1]
        site.complete()
        assert asked[-1] is None
    finally:
        site.close()


@pytest.mark.parametrize(
    "file, before, after, told",
    [
        (MEMBERS, "2020-01-01", "2020-13-01", "日期"),
        ("site/pages/members/member.md", "## 基本情况", "{{ row.nothing }}", "nothing"),
        ("mkdocs.yml", "site_name", "hooks: [x.py]\nsite_name", "hooks"),
    ],
)
def test_a_fault_is_told_and_the_page_stays(
    file: str, before: str, after: str, told: str, tree: Path
) -> None:
    with running(tree) as preview:
        until(lambda: states(preview)["build"])
        assert "安娜·贝尔" in get(preview.url + PAGE)[2]
        replace(tree, file, before, after)
        until(lambda: get(preview.url + PAGE)[0] == 200 and told in states(preview)["error"])
        assert "安娜·贝尔" in get(preview.url + PAGE)[2]
        replace(tree, file, after, before)
        until(lambda: get(preview.url + PAGE)[0] == 200 and not states(preview)["error"])


def test_pages_are_those_of_a_build_with_a_script_more(unchanged: Preview) -> None:
    status, kind, text = get(unchanged.url + PAGE)
    assert (status, kind) == (200, "text/html; charset=utf-8")
    assert text.index("__preview.js") < text.index("</body>")
    assert "Content-Security-Policy" in text
    assert "EventSource" in get(unchanged.url + "__preview.js")[2]
    assert get(unchanged.url + PAGE.rstrip("/"))[2] == text
    until(lambda: get(unchanged.url + "search/records.js")[0] == 200)
    styles = re.search(r'href="([^"]*assets/stylesheets/main[^"]*\.css)"', get(unchanged.url)[2])
    assert styles is not None
    assert get(unchanged.url + styles[1])[:2] == (200, "text/css; charset=utf-8")
    assert get(unchanged.url + "members/M999/")[0] == get(unchanged.url + "x")[0] == 404


def test_other_names_for_this_machine_are_refused(unchanged: Preview) -> None:
    for method in ("GET", "HEAD"):
        assert get(unchanged.url, "evil.example", method)[0] == 403
        assert get(unchanged.url, "localhost:1", method)[0] == 200
    assert get(unchanged.url + "assets/build.js", method="HEAD")[2] == ""
    assert unchanged.url.startswith("http://127.0.0.1:")


def test_nothing_outside_the_site_is_served(unchanged: Preview) -> None:
    for path in ("../docs/index.md", "%2e%2e/docs/index.md", "..%2fdocs%2findex.md", "//etc/passwd", "%00"):
        status, _, text = get(unchanged.url + path)
        assert status == 404
        assert "title" not in text.split("<html", 1)[0]
    assert unchanged.site.file("../docs/index.md") is None


def test_a_taken_port_is_said(tree: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UsageError, match="已被占用"):
            serve(tree, "internal", None, taken.getsockname()[1])
