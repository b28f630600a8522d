"""The configurations for nginx, as they stand in docs/nginx, in a real nginx: who gets which pages, with which headers."""

from __future__ import annotations

import gzip
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPSConnection
from pathlib import Path

import certificates
import pytest

DOCS = Path(__file__).resolve().parents[1] / "docs/nginx"
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin")
pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
HEADERS = ("x-content-type-options", "referrer-policy", "content-security-policy", "x-frame-options")
MAIN = """daemon off; pid {root}/nginx.pid; error_log {root}/error.log; worker_processes 1;{user}
events {{}}
http {{
    include /etc/nginx/mime.types; default_type application/octet-stream; access_log off;
    client_body_temp_path {root}/t1; proxy_temp_path {root}/t2; fastcgi_temp_path {root}/t3;
    uwsgi_temp_path {root}/t4; scgi_temp_path {root}/t5;
    include {name};
}}
"""


class Server:
    """A running nginx, and whom it is asked as."""

    def __init__(self, root: Path, port: int) -> None:
        self.root, self.port = root, port

    def ask(
        self, path: str, who: str = "", method: str = "GET", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if who:
            context.load_cert_chain(self.root / f"ssl/{who}.pem", self.root / f"ssl/{who}.key")
        connection = HTTPSConnection("127.0.0.1", self.port, context=context, timeout=20)
        try:
            connection.request(method, path, headers={"Host": "dangjian.example.cn", **headers})
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()


@contextmanager
def serving(root: Path, name: str) -> Iterator[Server]:
    """Run nginx with one of the configurations: only its port and its paths are changed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for file in DOCS.glob("*.conf"):
        text = file.read_text("utf-8").replace("    listen [::]:443 ssl;\n", "")
        text = text.replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
        for place, there in (
            ("/srv/lingtouyan", root),
            ("/etc/ssl/lingtouyan", root / "ssl"),
            ("/var/log/nginx", root),
        ):
            text = text.replace(str(place), str(there))
        (root / file.name).write_text(text, "utf-8")
    user = " user root;" if Path("/root").owner() == Path(root).owner() else ""
    (root / "nginx.conf").write_text(MAIN.format(root=root, name=name, user=user), "utf-8")
    process = subprocess.Popen([str(NGINX), "-p", str(root), "-c", str(root / "nginx.conf")])
    try:
        end = time.monotonic() + 20
        while time.monotonic() < end and process.poll() is None:
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        assert process.poll() is None, (root / "error.log").read_text("utf-8")
        yield Server(root, port)
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three editions, the secrets beside them, and the certificates of two offices and a stranger."""
    for edition in ("public", "internal", "township-990101101", "township-990101102"):
        site = tmp_path / "build" / edition / "site"
        (site / "people/P1").mkdir(parents=True)
        page = f"<h1>{edition}</h1>" + "字" * 3000
        (site / "index.html").write_text(page, "utf-8")
        (site / "index.html.gz").write_bytes(gzip.compress(page.encode()))
        (site / "people/P1/index.html").write_text(f"<h1>{edition} P1</h1>", "utf-8")
        (site / "404.html").write_text("<h1>没有这一页</h1>", "utf-8")
        (site / "assets").mkdir()
        (site / "assets/site.css").write_text("body {}", "utf-8")
        (site / ".git").mkdir()
        (site / ".git/config").write_text("secret", "utf-8")
        (site / "out").symlink_to(tmp_path)
    (tmp_path / "secret.txt").write_text("secret", "utf-8")
    folder = tmp_path / "ssl"
    folder.mkdir()
    authority, other = certificates.make("offices"), certificates.make("offices")
    (folder / "offices-ca.pem").write_bytes(authority.pem())
    issuers = {"public": authority, "internal": authority, "swzzb": authority, "qingquan": authority}
    for name, issuer in {**issuers, "unlisted": authority, "stranger": other}.items():
        made = certificates.make("swzzb" if name == "stranger" else name, issuer)
        (folder / f"{name}.pem").write_bytes(made.pem())
        (folder / f"{name}.key").write_bytes(made.key_pem())
    return tmp_path


def test_the_public_gets_pages_with_headers_and_nothing_beside_them(root: Path) -> None:
    with serving(root, "public.conf") as server:
        status, headers, body = server.ask("/")
        assert (status, "public" in body.decode()) == (200, True)
        assert {*HEADERS, "strict-transport-security"} <= headers.keys()
        assert headers["content-type"] == "text/html; charset=utf-8"
        assert "/" not in headers["server"]
        status, headers, body = server.ask("/", **{"Accept-Encoding": "gzip"})
        assert headers["content-encoding"] == "gzip"
        assert body == (root / "build/public/site/index.html.gz").read_bytes()
        status, headers, _ = server.ask("/people/P1")
        assert (status, headers["location"]) == (301, "/people/P1/")
        status, headers, body = server.ask("/nowhere/")
        assert (status, body.decode()) == (404, "<h1>没有这一页</h1>")
        assert {*HEADERS} <= headers.keys()
        for path in ("/assets/", "/.git/config", "/out/secret.txt", "/../secret.txt", "/%2e%2e/secret.txt"):
            status, _, body = server.ask(path)
            assert status in (400, 403, 404), path
            assert b"secret" not in body
            assert b"site.css" not in body
        assert server.ask("/", method="POST")[0] == 403


def test_each_office_gets_its_own_edition_and_nobody_else_any(root: Path) -> None:
    with serving(root, "internal.conf") as server:
        for who, edition in (("swzzb", "internal"), ("qingquan", "township-990101101")):
            for path in ("/", "/people/P1/"):
                status, headers, body = server.ask(path, who)
                assert status == 200
                assert edition in body.decode()
                assert {*HEADERS} <= headers.keys()
                assert headers["cache-control"] == "private, no-store"
        assert server.ask("/", "unlisted")[0] == 403
        assert server.ask("/people/P1/", "unlisted")[0] in (403, 404)
        for who in ("", "stranger"):
            status, _, body = server.ask("/", who)
            assert status == 400
            assert "internal" not in body.decode()
        _, _, body = server.ask("/../../township-990101102/site/index.html", "qingquan")
        assert "township-990101102" not in body.decode()
