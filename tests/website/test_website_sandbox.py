"""Building a stranger's branch: whatever its templates and files try, nothing of the machine comes out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from small_site import contents, make_job, write_page

from lingtouyan.website import mkdocs_process
from lingtouyan.website.mkdocs_process import SANDBOX, MkDocs
from lingtouyan.website.site_config import SiteError
from lingtouyan.website.website import SiteJob, build_written

pytestmark = pytest.mark.slow
SECRET = "secret-9f31c"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret.txt"
    path.write_text(SECRET, "utf-8")
    return path


def _override(job: SiteJob, code: str) -> None:
    theme = job.root / "site" / "theme"
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
def test_an_override_reaches_nothing(code: str, tmp_path: Path, secret: Path) -> None:
    job = make_job(tmp_path)
    _override(job, code.replace("SECRET", str(secret)))
    with pytest.raises(SiteError) as refusal:
        build_written(job)
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
def test_what_is_hidden_from_templates_is_empty(code: str, tmp_path: Path) -> None:
    job = make_job(tmp_path)
    _override(job, code)
    build_written(job)
    assert "<p>[]</p>" in (job.out / "rules" / "index.html").read_text("utf-8")


def test_a_template_named_by_a_page_stays_inside_the_theme(tmp_path: Path, secret: Path) -> None:
    job = make_job(tmp_path)
    write_page(job.tree, "evil.md", "恶意", "内容", template=f"../../../{secret.name}")
    path = job.tree / "evil.md"
    path.write_text(f"---\ntemplate: ../../../{secret.name}\n---\n# x\n", "utf-8")
    with pytest.raises(SiteError, match="模板"):
        build_written(job)


def test_environment_and_modules_of_the_tree_stay_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(tmp_path)
    traces = tmp_path / "traces"
    traces.mkdir()
    for name in ("jinja2", "yaml", "jieba", "sitecustomize", "usercustomize", "mkdocs", "markdown", "json"):
        for folder in (job.root, job.tree, job.tree.parent, tmp_path):
            (folder / f"{name}.py").write_text(f"open({str(traces / name)!r}, 'w')\n", "utf-8")
    monkeypatch.chdir(job.root)
    monkeypatch.setenv("PYTHONPATH", str(job.root))
    monkeypatch.setenv("PYTHONSTARTUP", str(job.root / "json.py"))
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
    with MkDocs(None) as child:
        environment = ""
        while not environment and child._process.poll() is None:
            # Empty for a moment while the new program is laid out.
            environment = Path(f"/proc/{child._process.pid}/environ").read_text("utf-8")
    assert "SOURCE_DATE_EPOCH" in environment
    assert "TOKEN" not in environment
    assert "HOME=" not in environment


def test_markdown_includes_no_file(tmp_path: Path, secret: Path) -> None:
    job = make_job(tmp_path)
    body = f'--8<-- "{secret}"\n\n{{% include "{secret}" %}}\n\n!include {secret}\n\n```{{include="{secret}"}}\n```\n'
    write_page(job.tree, "include.md", "包含", body)
    build_written(job)
    assert SECRET.encode() not in (job.out / "include" / "index.html").read_bytes()


ATTEMPTS = {
    "open({secret!r}).read()": False,
    "os.open({secret!r}, os.O_RDONLY)": False,
    "pathlib.Path({inside!r}, '..', 'secret.txt').read_text()": False,
    "open({inside!r} + '/page.md', 'w')": False,
    "os.remove({inside!r} + '/page.md')": False,
    "os.rename({inside!r} + '/page.md', {out!r} + '/x')": False,
    "os.symlink({secret!r}, {out!r} + '/link')": False,
    "subprocess.run(['true'])": False,
    "os.system('true')": False,
    "os.execv('/bin/true', ['true'])": False,
    "os.posix_spawn('/bin/true', ['true'], dict())": False,
    "socket.create_connection(('127.0.0.1', 9))": False,
    "socket.getaddrinfo('example.invalid', 80)": False,
    "ctypes.CDLL(None)": False,
    "open({inside!r} + '/page.md').read()": True,
    "open({out!r} + '/index.html', 'w').write('x')": True,
    "open(json.__file__).read()": True,
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_the_process_itself_is_confined(attempt: str, tmp_path: Path, secret: Path) -> None:
    inside, out = tmp_path / "inside", tmp_path / "out"
    inside.mkdir()
    out.mkdir()
    (inside / "page.md").touch()
    script = f"""
import ctypes, importlib.util, json, os, pathlib, socket, subprocess, sys
spec = importlib.util.spec_from_file_location("sandbox", {str(SANDBOX)!r})
sandbox = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sandbox)
sandbox._confine([pathlib.Path({str(inside)!r})], [pathlib.Path({str(out)!r})])
try:
    {attempt.format(secret=str(secret), inside=str(inside), out=str(out))}
    print("done")
except sandbox.ForbiddenError:
    print("refused")
"""
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == ("done" if ATTEMPTS[attempt] else "refused"), done.stderr


def test_one_build_leaves_no_trace_in_the_next(tmp_path: Path) -> None:
    job, other = make_job(tmp_path / "a"), make_job(tmp_path / "b")
    with MkDocs(None) as child:
        _override(job, "{{ page.missing.thing }}")
        with pytest.raises(SiteError):
            build_written(job, mkdocs=child)
        build_written(other, mkdocs=child)
    alone = make_job(tmp_path / "c")
    build_written(alone)
    assert contents(other.out) == contents(alone.out)


@pytest.mark.parametrize(
    "body, seconds, words",
    [
        ("[" * 40_000, 1.0, "x.md” 用去处理器 1 秒仍未生成"),
        ("".join("  " * n + "- x\n" for n in range(800)), 100.0, "嵌套过深"),
    ],
)
def test_a_page_that_costs_markdown_too_much_is_named(
    body: str, seconds: float, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mkdocs_process, "PAGE_SECONDS", seconds)
    job = make_job(tmp_path)
    for path in job.tree.rglob("*.md"):
        path.unlink()
    (job.tree / "index.md").write_text("# 首页\n", "utf-8")
    (job.tree / "x.md").write_text(f"# 页\n\n{body}\n", "utf-8")
    with pytest.raises(SiteError, match=words):
        build_written(job)
