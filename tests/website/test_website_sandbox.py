"""Building a stranger's branch: whatever its templates and files try, nothing of the machine comes out."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_site import build_written, contents, make_job, write_page

from lingtouyan.website.mkdocs import MkDocs
from lingtouyan.website.site_config import SiteError
from lingtouyan.website.website import SiteJob

pytestmark = pytest.mark.slow
SECRET = "secret-9f31c"


@pytest.fixture(scope="module")
def child() -> Iterator[MkDocs]:
    """A child that makes one site after the other: what one leaves behind, the next would show."""
    with MkDocs() as running:
        yield running


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret.txt"
    path.write_text(SECRET, "utf-8")
    return path


def _override(job: SiteJob, code: str) -> None:
    theme = job.source.root / "site" / "theme"
    (theme / "main.html").write_text(
        '{% extends "base.html" %}{% block content %}{{ super() }}<p>[' + code + "]</p>{% endblock %}",
        "utf-8",
    )


# With SECRET standing for the path of a file outside the tree.
REFUSED = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ config.__init__.__globals__['os'].popen('id').read() }}",
    "{{ self.__init__.__globals__ }}",
    "{{ lipsum.__globals__['os'].system('id') }}",
    "{{ cycler.__init__.__globals__ }}",
    "{{ page.file.generated(config, 'x.md', abs_src_path='SECRET').content_string }}",
    "{{ pages[0].copy_file() }}",
    "{{ config.load_file('SECRET') }}",
    "{{ config.theme.get_env().from_string('x') }}",
    "{{ config.update({'x': 1}) }}",
    "{{ page.read_source(config) }}",
    "{{ config.plugins['material/search'].on_post_build(config=config) }}",
    "{{ '{0.__class__.__mro__}'.format(page) }}",
    "{{ [page] | map(attribute='__class__.__mro__') | list }}",
    "{% include '/etc/passwd' %}",
    "{% include '../../../mkdocs.yml' %}",
    "{% include 'SECRET' %}",
    "{% import 'SECRET' as x %}",
    "{% for a in range(10**9) %}{% endfor %}",
]


@pytest.mark.parametrize("code", REFUSED)
def test_an_override_reaches_nothing(code: str, tmp_path: Path, secret: Path, child: MkDocs) -> None:
    job = make_job(tmp_path)
    _override(job, code.replace("SECRET", str(secret)))
    with pytest.raises(SiteError) as refusal:
        build_written(job, child)
    told = str(refusal.value)
    assert "模板" in told
    assert "site/theme" in told or "主题" in told
    assert SECRET not in told
    assert "root:x:" not in told


@pytest.mark.parametrize(
    "code",
    [
        "{{ ''.__class__ }}",
        "{{ page.__class__ }}",
        "{{ config._schema }}",
        "{{ config | attr('__init__') }}",
        "{{ page | attr('__class__') | attr('__mro__') }}",
        "{{ [''] | map(attribute='__class__') | join }}",
    ],
)
def test_what_is_hidden_from_templates_is_empty(code: str, tmp_path: Path, child: MkDocs) -> None:
    job = make_job(tmp_path)
    _override(job, code)
    build_written(job, child)
    assert "<p>[]</p>" in (job.out / "rules" / "index.html").read_text("utf-8")


def test_a_template_named_by_a_page_stays_inside_the_theme(
    tmp_path: Path, secret: Path, child: MkDocs
) -> None:
    job = make_job(tmp_path)
    write_page(job.tree, "evil.md", "恶意", "内容", template=f"../../../{secret.name}")
    path = job.tree / "evil.md"
    path.write_text(f"---\ntemplate: ../../../{secret.name}\n---\n# x\n", "utf-8")
    with pytest.raises(SiteError, match="模板"):
        build_written(job, child)


def test_environment_and_modules_of_the_tree_stay_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(tmp_path)
    traces = tmp_path / "traces"
    traces.mkdir()
    for name in ("jinja2", "yaml", "jieba", "sitecustomize", "usercustomize", "mkdocs", "markdown", "json"):
        for folder in (job.source.root, job.tree, job.tree.parent, tmp_path):
            (folder / f"{name}.py").write_text(f"open({str(traces / name)!r}, 'w')\n", "utf-8")
    monkeypatch.chdir(job.source.root)
    monkeypatch.setenv("PYTHONPATH", str(job.source.root))
    monkeypatch.setenv("PYTHONSTARTUP", str(job.source.root / "json.py"))
    monkeypatch.setenv("TOKEN", SECRET)
    write_page(job.tree, "env.md", "环境", "内容")
    (job.tree / "env.md").write_text("---\ntitle: !ENV TOKEN\n---\n# x\n", "utf-8")
    build_written(job)
    assert list(traces.iterdir()) == []
    assert not any(SECRET.encode() in data for data in contents(job.out).values())


@pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="the environment of a process is read from /proc"
)
def test_the_child_is_given_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", SECRET)
    with MkDocs() as child:
        environment = ""
        while not environment and child._process.poll() is None:
            # Empty for a moment while the new program is laid out.
            environment = Path(f"/proc/{child._process.pid}/environ").read_text("utf-8")
    assert "SOURCE_DATE_EPOCH" in environment
    assert "TOKEN" not in environment
    assert "HOME=" not in environment


def test_markdown_includes_no_file(tmp_path: Path, secret: Path, child: MkDocs) -> None:
    job = make_job(tmp_path)
    body = f'--8<-- "{secret}"\n\n{{% include "{secret}" %}}\n\n!include {secret}\n\n```{{include="{secret}"}}\n```\n'
    write_page(job.tree, "include.md", "包含", body)
    build_written(job, child)
    assert SECRET.encode() not in (job.out / "include" / "index.html").read_bytes()


def test_one_build_leaves_no_trace_in_the_next(tmp_path: Path, child: MkDocs) -> None:
    job, other = make_job(tmp_path / "a"), make_job(tmp_path / "b")
    _override(job, "{{ page.missing.thing }}")
    with pytest.raises(SiteError):
        build_written(job, child)
    build_written(other, child)
    alone = make_job(tmp_path / "c")
    build_written(alone)
    assert contents(other.out) == contents(alone.out)


def test_a_page_that_nests_too_deep_is_named(tmp_path: Path, child: MkDocs) -> None:
    job = make_job(tmp_path)
    (job.tree / "x.md").write_text("# 页\n\n" + "".join("  " * n + "- x\n" for n in range(550)), "utf-8")
    with pytest.raises(SiteError, match="嵌套过深"):
        build_written(job, child)


@pytest.mark.parametrize("sign", ["SIGKILL", "SIGTERM"])
def test_the_child_ends_with_whoever_started_it(sign: str, tmp_path: Path) -> None:
    script = (
        "import sys, time; from lingtouyan.website.mkdocs import MkDocs\n"
        "with MkDocs() as child: print(child._process.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = Path(f"/proc/{int(parent.stdout.readline())}")
    parent.send_signal(getattr(signal, sign))
    parent.wait()
    parent.stdout.close()
    end = time.monotonic() + 20
    while child.exists() and "State:\tZ" not in (child / "status").read_text():
        assert time.monotonic() < end, "it lives on"
        time.sleep(0.05)
