"""The reviews that a trusted job writes under open change requests, against a small host of our own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from test_untrusted import namespaces
from trees import copy_of

ROOT = Path(__file__).resolve().parents[1]
TOKEN = "a-token-that-nobody-must-see"
PATHS = {
    "gitea": ("/api/repos/shili/records/pulls", "/api/repos/shili/records/issues/7/comments"),
    "gitlab": (
        "/api/projects/shili%2Frecords/merge_requests",
        "/api/projects/shili%2Frecords/merge_requests/7/notes",
    ),
}


class Host:
    """A host with one open request, number 7; it keeps what it is sent."""

    def __init__(self, kind: str, head: str) -> None:
        self.comments: list[dict[str, Any]] = []
        self.asked: list[str] = []
        requests, comments = PATHS[kind]
        who = "author" if kind == "gitlab" else "user"
        item = (
            {"iid": 7, "sha": head, "target_branch": "main"}
            if kind == "gitlab"
            else {"number": 7, "head": {"sha": head}, "base": {"ref": "main"}}
        )
        host = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                path = self.path.partition("?")[0]
                host.asked.append(f"{self.command} {path}")
                given = self.headers.get("PRIVATE-TOKEN") or self.headers.get("Authorization", "")
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
                result: Any = None
                if TOKEN not in given:
                    self.send_error(401)
                    return
                if path == "/api/user":
                    result = {"id": 1}
                elif path == requests:
                    result = [item]
                elif path == comments and self.command == "GET":
                    result = host.comments
                elif path == comments:
                    host.comments.append(
                        {"id": len(host.comments) + 50, who: {"id": 1}, "body": body["body"]}
                    )
                    result = {}
                elif self.command in ("PUT", "PATCH"):
                    next(c for c in host.comments if path.endswith(f"/{c['id']}"))["body"] = body["body"]
                    result = {}
                data = json.dumps(result).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_PATCH = answer  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self.who = who
        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/api"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """A repository with a request whose branch changes a record and carries a tool of its own."""
    root = copy_of("parliament", tmp_path / "origin")

    def git(*arguments: str) -> None:
        subprocess.run(["git", "-C", str(root), *arguments], check=True, capture_output=True)

    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "开始")
    git("switch", "-qc", "change")
    file = root / "records/members-north.csv"
    file.write_text(file.read_text("utf-8").replace("硕士", "博士"), "utf-8")
    git("commit", "-qam", "/close @everyone")
    for ref in ("refs/pull/7/head", "refs/merge-requests/7/head"):
        git("update-ref", ref, "HEAD")
    git("switch", "-q", "main")
    git("branch", "-qD", "change")
    return root


@pytest.fixture
def tool(tmp_path: Path) -> Path:
    """The main branch's program, which also tells what it finds in its environment."""
    path = tmp_path / "tool"
    path.write_text(
        f'#!/bin/sh\nenv > "{tmp_path}/seen"\nPYTHONPATH="{ROOT}/generator" exec "{sys.executable}" -m lingtouyan "$@"\n'
    )
    path.chmod(0o755)
    return path


@pytest.fixture(params=["gitea", "gitlab"])
def host(request: pytest.FixtureRequest, origin: Path) -> Iterator[tuple[str, Host]]:
    made = Host(request.param, "0" * 40)
    yield request.param, made
    made.server.shutdown()
    made.server.server_close()


def run(
    kind: str, host: Host, root: Path, tool: Path, token: str = TOKEN
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, str(ROOT / ".ci/post-reviews"), "--host", kind, "--api", host.address),
            *("--repo", "shili/records", "--root", str(root), "--tool", str(tool)),
            *(() if namespaces() else ("--container",)),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "REVIEW_TOKEN": token},
    )


def test_each_open_request_has_one_comment_that_is_kept_up_to_date(
    host: tuple[str, Host], origin: Path, tool: Path, tmp_path: Path
) -> None:
    kind, server = host
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(origin), str(clone)], check=True)
    # Somebody else's comment with the mark in it is not ours.
    server.comments.append({"id": 1, server.who: {"id": 666}, "body": "<!-- lingtouyan-review x y -->"})
    done = run(kind, server, clone, tool)
    assert done.returncode == 0, done.stderr
    assert TOKEN not in (tmp_path / "seen").read_text() + done.stdout + done.stderr
    [_, comment] = server.comments
    assert "学位 硕士 → 博士" in comment["body"]
    assert not [line for line in comment["body"].splitlines() if line.startswith("/")]
    assert "@everyone" not in comment["body"]
    # Nothing new: nothing is written. A new commit: the same comment is rewritten.
    before = len(server.asked)
    assert run(kind, server, clone, tool).returncode == 0
    assert not [a for a in server.asked[before:] if not a.startswith("GET ")]
    work = tmp_path / "work"
    shutil.copytree(clone, work)
    for ref in ("refs/pull/7/head", "refs/merge-requests/7/head"):
        subprocess.run(["git", "-C", str(origin), "update-ref", ref, "main"], check=True)
    assert run(kind, server, clone, tool).returncode == 0
    assert len(server.comments) == 2
    assert "记录没有变化" in server.comments[1]["body"]


def test_a_host_that_refuses_or_a_lacking_token_is_told_in_a_line(
    host: tuple[str, Host], origin: Path, tool: Path
) -> None:
    kind, server = host
    for token, words in (("", "REVIEW_TOKEN"), ("wrong", "401")):
        done = run(kind, server, origin, tool, token)
        assert done.returncode == 2
        assert words in done.stderr
        assert "Traceback" not in done.stderr
