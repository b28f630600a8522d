"""The preview: what a browser gets, what it is told, and when the site is made again."""

from __future__ import annotations

import json
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

from lingtouyan.commands.serve import Preview, serve
from lingtouyan.problems import RecordsError, UsageError, error

PAGE = "<!doctype html><html><body><p>{}</p></body></html>"


class Site:
    """A stand-in for a project: one source, one page."""

    def __init__(self, folder: Path) -> None:
        self.out, self.watched = folder / "out", folder / "records"
        self.watched.mkdir()
        self.source = self.watched / "a.csv"
        self.source.write_text("一", "utf-8")
        self.calls: list[set[Path]] = []
        self.said: list[str] = []
        self.fault: Exception | None = None
        self.hold = threading.Event()
        self.hold.set()

    def rebuild(self, changed: set[Path]) -> None:
        self.calls.append(changed)
        self.hold.wait(20)
        if self.fault:
            raise self.fault
        self.out.mkdir(exist_ok=True)
        (self.out / "index.html").write_text(PAGE.format(self.source.read_text("utf-8")), "utf-8")
        (self.out / "site.css").write_text("p{}", "utf-8")

    @contextmanager
    def preview(self) -> Iterator[Preview]:
        with Preview(self.rebuild, self.out, [self.watched], 0) as preview:
            thread = threading.Thread(target=preview.run, args=(self.said.append,))
            thread.start()
            try:
                yield preview
            finally:
                self.hold.set()
                preview.close()
                thread.join(20)
                assert not thread.is_alive()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def until(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def get(url: str, host: str = "", method: str = "GET") -> tuple[int, str, str]:
    request = urllib.request.Request(url, headers={"Host": host} if host else {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.headers["Content-Type"], refusal.read().decode()


def states(url: str) -> Iterator[dict[str, Any]]:
    with urllib.request.urlopen(url + "__preview", timeout=20) as stream:
        for line in stream:
            if line.startswith(b"data: "):
                yield json.loads(line[6:])


def test_answers_before_the_site_is_built_and_reloads_then(site: Site) -> None:
    site.hold.clear()
    with site.preview() as preview:
        status, _, text = get(preview.url)
        assert status == 404
        assert "正在生成" in text
        told = states(preview.url)
        assert next(told) == {"build": 0, "busy": True, "error": ""}
        site.hold.set()
        assert next(told) == {"build": 1, "busy": False, "error": ""}
        assert "<p>一</p>" in get(preview.url)[2]


def test_pages_get_the_snippet_and_files_stay_as_they_are(site: Site) -> None:
    with site.preview() as preview:
        until(lambda: site.said)
        status, kind, text = get(preview.url)
        assert (status, kind) == (200, "text/html; charset=utf-8")
        assert text.index("EventSource") < text.index("</body>")
        assert get(preview.url + "site.css") == (200, "text/css; charset=utf-8", "p{}")
        assert "EventSource" not in (site.out / "index.html").read_text("utf-8")


def test_a_change_leads_to_one_rebuild_that_knows_what_changed(site: Site) -> None:
    with site.preview() as preview:
        until(lambda: site.said)
        told = states(preview.url)
        assert next(told)["build"] == 1
        other = site.watched / "b.csv"
        site.source.write_text("二", "utf-8")
        other.write_text("三", "utf-8")
        (site.watched / "~$b.csv").write_text("", "utf-8")
        until(lambda: len(site.said) == 2)
        assert site.calls == [set(), {site.source, other}]
        # A page that listens late may miss that a build was under way, never how it ended.
        assert next(s for s in told if not s["busy"]) == {"build": 2, "busy": False, "error": ""}
        assert "<p>二</p>" in get(preview.url)[2]


@pytest.mark.parametrize(
    "fault, told",
    [
        (UsageError("主题缺少文件。"), "主题缺少文件。"),
        (RecordsError([error("records/a.csv", 3, "type-error", "不是日期。")]), "不是日期。"),
        (ZeroDivisionError("x"), "程序内部出错"),
    ],
)
def test_a_fault_is_told_and_the_last_site_stays(fault: Exception, told: str, site: Site) -> None:
    with site.preview() as preview:
        until(lambda: site.said)
        site.fault = fault
        site.source.write_text("坏", "utf-8")
        until(lambda: len(site.said) == 2)
        state = next(states(preview.url))
        assert told in state["error"]
        assert state["build"] == 1
        assert "<p>一</p>" in get(preview.url)[2]
        site.fault = None
        site.source.write_text("好", "utf-8")
        until(lambda: len(site.said) == 3)
        assert next(states(preview.url)) == {"build": 2, "busy": False, "error": ""}


def test_other_names_for_this_machine_are_refused(site: Site) -> None:
    with site.preview() as preview:
        until(lambda: site.said)
        for method in ("GET", "HEAD"):
            assert get(preview.url, "evil.example", method)[0] == 403
            assert get(preview.url, "localhost:1", method)[0] == 200
        assert get(preview.url + "site.css", method="HEAD") == (200, "text/css; charset=utf-8", "")


def test_nothing_outside_the_site_is_served(site: Site) -> None:
    with site.preview() as preview:
        until(lambda: site.said)
        for path in ("../records/a.csv", "%2e%2e/records/a.csv", "..%2frecords%2fa.csv", "//etc/passwd"):
            status, _, text = get(preview.url + path)
            assert status == 404
            assert "一" not in text


def test_no_link_leads_out_of_the_site(site: Site) -> None:
    with site.preview() as preview:
        until(lambda: site.said)
        (site.out / "a.csv").symlink_to(site.source)
        (site.out / "folder").symlink_to(site.watched)
        (site.out / "404.html").symlink_to(site.source)
        for path in ("a.csv", "folder/a.csv", "nothing"):
            for method in ("GET", "HEAD"):
                status, _, text = get(preview.url + path, method=method)
                assert status == 404
                assert "一" not in text


def test_listens_on_this_machine_only_and_says_where(site: Site) -> None:
    with site.preview() as preview:
        assert preview.url.startswith("http://127.0.0.1:")


def test_a_single_file_can_be_watched(site: Site, tmp_path: Path) -> None:
    settings = tmp_path / "mkdocs.yml"
    settings.write_text("a", "utf-8")
    with Preview(site.rebuild, site.out, [settings], 0) as preview:
        thread = threading.Thread(target=preview.run, args=(site.said.append,))
        thread.start()
        until(lambda: site.said)
        (tmp_path / "other.txt").write_text("x", "utf-8")
        settings.write_text("b", "utf-8")
        until(lambda: len(site.said) == 2)
        assert site.calls[1] == {settings}
        preview.close()
        thread.join(20)


def test_a_taken_port_is_said(site: Site) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UsageError, match="已被占用"):
            serve(site.rebuild, site.out, [site.watched], taken.getsockname()[1])
