"""The files around the program: locks, system packages, pipelines. What fails here fails on somebody else's machine."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lingtouyan.commands.schemas import editor_schemas
from lingtouyan.pdf.fonts import RARE_PACKAGES, ROLES
from lingtouyan.project import Project

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("build", "run", "sign", "dev")
# What runs by itself after another run may write, and so must not touch what came with a request.
COMMENT = ROOT / ".github/workflows/comment.yml"
WORKFLOWS = sorted(p for p in (ROOT / ".github/workflows").glob("*.yml") if p != COMMENT)
ELSEWHERE = sorted((ROOT / ".ci/hosts/gitea/.gitea/workflows").glob("*.yml"))


def pins(kind: str) -> dict[str, str]:
    """Return package -> version of one lock."""
    lines = (ROOT / f"requirements/{kind}.txt").read_text().splitlines()
    return dict(match.groups() for line in lines if (match := re.match(r"([a-z0-9-]+)==(\S+)", line)))


def workflow(path: Path) -> dict[str, Any]:
    """Return a workflow; YAML 1.1 reads the key `on` as true."""
    read: dict[str, Any] = yaml.safe_load(path.read_text())
    read["on"] = read.pop(True)
    return read


def steps(path: Path) -> list[dict[str, Any]]:
    """Return every step of every job of a workflow."""
    return [step for job in workflow(path)["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("kind", LOCKS)
def test_a_lock_holds_versions_and_hashes_and_no_address(kind: str) -> None:
    text = (ROOT / f"requirements/{kind}.txt").read_text()
    assert pins(kind)
    assert "://" not in text
    assert not re.search(r"^\s*--(?!hash=sha256:)", text, re.MULTILINE)
    for requirement in re.split(r"\n(?=[a-z])", text.split("\n", 2)[2]):
        assert "--hash=sha256:" in requirement, requirement


def test_the_locks_agree_and_hold_all_that_the_project_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    named = {
        "build": groups["build"],
        "run": project["project"]["dependencies"],
        "sign": project["project"]["optional-dependencies"]["sign"],
        "dev": [each for each in groups["dev"] if isinstance(each, str)],
    }
    locked = {kind: pins(kind) for kind in LOCKS}
    for kind, requirements in named.items():
        for requirement in map(Requirement, requirements):
            version = locked[kind].get(canonicalize_name(requirement.name))
            assert version is not None, f"{requirement} is not in requirements/{kind}.txt: run `make lock`"
            assert requirement.specifier.contains(version), f"{requirement} but {version}: run `make lock`"
    assert locked["build"].items() <= locked["run"].items() <= locked["sign"].items()
    assert locked["sign"].items() <= locked["dev"].items()


def test_the_set_up_installs_every_system_package_that_a_message_asks_for() -> None:
    lines = (ROOT / ".ci/apt-packages").read_text().splitlines()
    installed = {line.split()[1] for line in lines if line.startswith("run ")}
    sources = "\n".join(path.read_text() for path in (ROOT / "generator").rglob("*.py"))
    asked = {
        *(
            package
            for line in re.findall(r"apt install ((?:[a-z0-9][a-z0-9.+-]*\s*)+)", sources)
            for package in line.split()
        ),
        *(role.package for role in ROLES),
        *RARE_PACKAGES,
    }
    assert asked <= installed


def test_the_help_lists_every_command_of_the_makefile() -> None:
    offered = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"^  make ([a-z]+)", shown, re.MULTILINE)) == set(offered)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_trusts_no_stranger(path: Path) -> None:
    read = workflow(path)
    assert set(read["on"]) <= {"pull_request", "push", "workflow_dispatch"}
    assert read["permissions"] == {"contents": "read"}
    # Only who may push here starts what takes workbooks in; strangers' requests never do.
    assert "secrets." not in path.read_text() or (path.stem == "inbox" and set(read["on"]) == {"push"})
    if "pull_request" in read["on"]:
        assert not any("permissions" in job for job in read["jobs"].values())
    for step in steps(path):
        if "uses" in step:
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step["uses"]), "a tag can be moved, a commit cannot"
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False
        # What a branch or a title is called is its author's: in a script it would be run.
        assert "${{" not in step.get("run", "")


def test_what_may_write_on_a_request_reads_text_and_nothing_else() -> None:
    read = workflow(COMMENT)
    assert set(read["on"]) == {"workflow_run"}
    assert read["permissions"] == {"contents": "read"}
    [job] = read["jobs"].values()
    assert job["permissions"] == {"actions": "read", "pull-requests": "write"}
    assert job["if"] == "${{ github.event.workflow_run.event == 'pull_request' }}"
    for step in job["steps"]:
        # No action, no checkout, no word of a stranger's in a script, and of an archive one file to a pipe.
        assert set(step) == {"name", "run"}
        assert "${{" not in step["run"]
        assert not re.search(r"\b(eval|source|bash|python3?|git|tar)\s", step["run"])
        assert not re.search(r"unzip (?!-p )", step["run"])
    # The number of the request comes from the host, never from what the run left behind.
    assert "pulls" in job["steps"][1]["run"]
    assert "head.sha == $sha" in job["steps"][1]["run"]


@pytest.mark.parametrize("path", ELSEWHERE, ids=lambda path: path.stem)
def test_on_other_hosts_a_request_runs_without_secrets_too(path: Path) -> None:
    read = workflow(path)
    assert set(read["on"]) <= {"pull_request", "schedule", "workflow_dispatch"} or path.stem == "inbox"
    if "pull_request" in read["on"]:
        assert set(read["on"]) == {"pull_request"}
        assert "secrets." not in path.read_text()
        for command in re.findall(r"\S*/lingtouyan|\S*/set-up", path.read_text()):
            assert command.startswith("base/")
        # The job's token stays outside of what reads the request.
        assert all(
            line.strip().startswith(("run: env -i", "env -i"))
            for line in path.read_text().splitlines()
            if "bin/lingtouyan" in line
        )
    for step in steps(path):
        assert "${{" not in step.get("run", "")
        if "uses" in step:
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step["uses"])


def test_the_token_for_reviews_is_used_by_the_main_branch_only() -> None:
    jobs = yaml.safe_load((ROOT / ".ci/hosts/gitlab/.gitlab-ci.yml").read_text())
    users = {n for n, job in jobs.items() if "post-reviews" in str(job) or "REVIEW_TOKEN" in str(job)}
    assert users == {"张贴审阅"}
    [rule] = jobs["张贴审阅"]["rules"]
    assert rule["if"] == '$CI_PIPELINE_SOURCE == "schedule" && $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH'


def test_each_kind_of_change_has_a_checklist_with_the_materials_that_the_policy_asks() -> None:
    folders = (
        ROOT / ".github/PULL_REQUEST_TEMPLATE",
        ROOT / ".ci/hosts/gitlab/.gitlab/merge_request_templates",
    )
    lists, others = ({p.name: p.read_text() for p in f.glob("*.md") if p.stem != "Default"} for f in folders)
    assert lists == others
    default = (ROOT / ".github/pull_request_template.md").read_text()
    for path in (
        ".ci/hosts/gitea/.gitea/pull_request_template.md",
        ".ci/hosts/gitee/.gitee/PULL_REQUEST_TEMPLATE.zh-CN.md",
    ):
        assert (ROOT / path).read_text() == default
    assert (folders[1] / "Default.md").read_text() == default
    assert all(Path(name).stem in default for name in lists)
    head = (ROOT / "records/city/policies/filing.md").read_text().split("---")[1]
    asked = {(m["kind"], m["material"]) for m in yaml.safe_load(head)["materials"]}
    page = {
        "任前备案": "任职",
        "任后备案": "任职",
        "免职备案": "免职",
        "信息变更": "信息变更",
        "更正撤销": "更正撤销",
    }
    lacking = {(k, m) for k, m in asked if k in page and f"- [ ] {m}" not in lists[f"{page[k]}.md"]}
    assert lacking == set()


def test_a_change_request_is_read_by_the_base_branch_engine() -> None:
    path = ROOT / ".github/workflows/records.yml"
    assert set(workflow(path)["on"]) == {"pull_request"}
    checkouts = {
        step["with"]["path"]: step["with"]["ref"] for step in steps(path) if "ref" in step.get("with", {})
    }
    assert checkouts["base"] == "${{ github.event.pull_request.base.sha }}"
    assert checkouts["head"] == "refs/pull/${{ github.event.pull_request.number }}/head"
    for step in steps(path):
        for command in re.findall(r"(\S*/lingtouyan|\S*/set-up)", step.get("run", "")):
            assert command.startswith("base/")


def test_the_editor_checks_by_the_present_schemas() -> None:
    package = Project.open(ROOT).package
    folder = ROOT / "schemas/json"
    written = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
    assert written == editor_schemas(package), "run `lingtouyan schemas` and commit what it wrote"
    wired = json.loads((ROOT / ".vscode/settings.json").read_text())["yaml.schemas"]
    assert wired == {f"./schemas/json/{name}.json": [package.tables[name].path] for name in written}
