"""An auditor's questions: is what was published still there, who signed, and did anybody change what was not theirs?"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import re
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from fast_import import signing_key
from history import Made
from repository import LI, WANG, ZHANG, Repository
from trees import Tree

from lingtouyan.cli import main
from lingtouyan.commands.audit import audit
from lingtouyan.history.anchors import anchor_text, read_anchor
from lingtouyan.problems import Problem, UsageError
from lingtouyan.project import Project

A = "records/青山镇/people/P1.yaml"
B = "records/青山镇/people/P2.yaml"
PERSON = "id: P1\nname: 李示范\nborn: 1975-03-15\n"


def said(problems: list[Problem]) -> dict[str, list[str]]:
    result: dict[str, list[str]] = {}
    for p in problems:
        result.setdefault(p.rule, []).append(p.message)
    return result


# what was published


def anchor_of(repository: Repository) -> str:
    commit = Project.open(repository.root).commit
    assert commit is not None
    return anchor_text(repository.root, commit, "2026-01-31")


@pytest.fixture
def published(repository: Repository, tmp_path: Path) -> tuple[Repository, Path]:
    """Three commits, of which the last was published."""
    repository.commit({A: PERSON}, "登记李示范")
    repository.commit({B: PERSON.replace("P1", "P2")}, "登记另一人", LI)
    repository.commit({A: PERSON.replace("1975", "1976")}, "更正出生年月", WANG)
    anchor = tmp_path / "anchor.json"
    anchor.write_text(anchor_of(repository))
    return repository, anchor


def compared(repository: Repository, anchor: Path) -> dict[str, list[str]]:
    return said(audit(repository.root, [read_anchor(anchor)]).problems)


def test_a_history_that_only_grew_stands(published: tuple[Repository, Path]) -> None:
    repository, anchor = published
    assert compared(repository, anchor) == {}
    repository.branch("side")
    repository.commit({B: PERSON.replace("P1", "P2").replace("1975", "1980")}, "改", LI)
    repository.merge("side", who=ZHANG)
    assert compared(repository, anchor) == {}


def test_an_amended_commit_is_named(published: tuple[Repository, Path]) -> None:
    repository, anchor = published
    repository.tree.write(A, PERSON.replace("1975", "1977"))
    repository.git("add", "-A")
    repository.git("commit", "-q", "--amend", "-C", "HEAD", **repository.dated(WANG))
    found = compared(repository, anchor)
    assert set(found) == {"history-rewritten", "commit-amended"}
    assert "更正出生年月" in found["commit-amended"][0]
    assert f"被改写成了 {repository.head[:10]}" in found["commit-amended"][0]


def test_a_reworded_commit_is_named(published: tuple[Repository, Path]) -> None:
    repository, anchor = published
    repository.git("commit", "-q", "--amend", "-m", "例行维护", **repository.dated(WANG))
    assert "commit-amended" in compared(repository, anchor)


def test_a_dropped_commit_is_named_and_those_after_it_are_not(published: tuple[Repository, Path]) -> None:
    repository, anchor = published
    repository.git("rebase", "-q", "--onto", "HEAD~2", "HEAD~1", **repository.dated(WANG))
    found = compared(repository, anchor)
    assert set(found) == {"history-rewritten", "commit-dropped"}
    [text] = found["commit-dropped"]
    assert "李乙：登记另一人" in text
    assert "删去" in text


def test_a_forced_push_that_took_everything_is_noticed(
    published: tuple[Repository, Path], tmp_path: Path
) -> None:
    repository, anchor = published
    repository.git("reset", "-q", "--hard", "HEAD~2")
    repository.commit({A: PERSON.replace("1975", "1999")}, "重新登记")
    found = compared(repository, anchor)
    assert len(found["commit-dropped"]) == 2
    # Whoever clones now does not even get the published commit.
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", f"file://{repository.root}", str(clone)], check=True)
    found = said(audit(clone, [read_anchor(anchor)]).problems)
    assert set(found) == {"history-lost"}
    assert "找不到" in found["history-lost"][0]


def feigned_parent(repository: Repository, child: str, parent: str) -> None:
    """Write the file by which Git finds parents faster so that it tells another parent than the commit does."""
    settings = ("-c", "commitGraph.generationVersion=1", "-c", "core.commitGraph=true")
    repository.git("branch", "old", parent)
    repository.git(*settings, "commit-graph", "write", "--reachable")
    path = repository.root / ".git/objects/info/commit-graph"
    data = bytearray(path.read_bytes())
    chunks = {}
    for number in range(data[6]):
        name, place = struct.unpack_from(">4sQ", data, 8 + 12 * number)
        chunks[name] = place
    count = struct.unpack_from(">I", data, chunks[b"OIDF"] + 255 * 4)[0]
    ids = [data[chunks[b"OIDL"] + 20 * n :][:20].hex() for n in range(count)]
    entry = chunks[b"CDAT"] + 36 * ids.index(child)
    struct.pack_into(">II", data, entry + 20, ids.index(parent), 0x70000000)
    for number in range(count):
        # How far each is from the first commit: Git looks no further back than that allows.
        struct.pack_into(">I", data, chunks[b"CDAT"] + 36 * number + 28, (9 - (ids[number] == parent)) << 2)
    data[-20:] = hashlib.sha1(data[:-20], usedforsecurity=False).digest()
    path.chmod(0o600)
    path.write_bytes(data)
    repository.git(*settings, "merge-base", "--is-ancestor", parent, "HEAD")


def test_what_stands_beside_the_history_is_not_believed_over_it(published: tuple[Repository, Path]) -> None:
    repository, anchor = published
    old = repository.head
    repository.git("reset", "-q", "--hard", "HEAD~2")
    new = repository.commit({A: PERSON.replace("1975", "1999")}, "重新登记")
    repository.commit({B: PERSON.replace("P1", "P2")}, "登记另一人", LI)
    feigned_parent(repository, new, old)
    assert "history-rewritten" in compared(repository, anchor)


@pytest.mark.parametrize("date", ["99999999999999999999", "x", ""])
def test_a_date_that_no_calendar_has_breaks_nothing_and_is_named(
    date: str, published: tuple[Repository, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    repository, anchor = published
    before = repository.git("cat-file", "commit", "HEAD").replace("parent ", "parent ", 1)
    lines = [
        re.sub(r"> -?\d+ ", f"> {date} ", line) if line.startswith(("author ", "committer ")) else line
        for line in before.split("\n")
    ]
    lines[1] = f"parent {repository.head}"
    made = repository.root.parent / "commit"
    made.write_text("\n".join(lines), "utf-8")
    odd = repository.git("hash-object", "-t", "commit", "-w", "--literally", str(made))
    repository.git("update-ref", "HEAD", odd)
    [found] = compared(repository, anchor)["commit-date"]
    assert odd[:10] in found
    root = ["--root", str(repository.root)]
    assert main([*root, "check"]) == main([*root, "check", "--rev", "HEAD"])
    assert main([*root, "query", "SELECT * FROM changes"]) == 0
    assert main([*root, "review", "HEAD~1"]) == 0
    assert "Traceback" not in capsys.readouterr().err


def test_a_commit_dated_before_what_it_stands_on_is_named(published: tuple[Repository, Path]) -> None:
    repository, anchor = published
    repository.clock -= 3_600
    repository.commit({}, "时钟慢一点")
    assert "commit-date" not in compared(repository, anchor)
    repository.clock -= 400 * 86_400
    back = repository.commit({}, "倒填")
    [found] = compared(repository, anchor)["commit-date"]
    assert back[:10] in found
    assert "倒填" in found


def test_an_altered_anchor_is_noticed(published: tuple[Repository, Path]) -> None:
    repository, anchor = published
    facts = json.loads(anchor.read_text())
    anchor.write_text(json.dumps({**facts, "commit": repository.git("rev-parse", "HEAD~1")}))
    assert "改动过" in compared(repository, anchor)["anchor-altered"][0]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"commit": 1, "tree": "x", "digest": "y"}',
        "\x00",
        '{"commit": "--all", "tree": "a", "digest": "b"}',
        "[" * 10000,
    ],
)
def test_what_is_no_anchor_is_refused(repository: Repository, tmp_path: Path, content: str) -> None:
    (tmp_path / "x").write_text(content)
    with pytest.raises(UsageError, match="无法读取"):
        read_anchor(tmp_path / "x")


def test_an_anchor_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x")
    with pytest.raises(UsageError, match="无法读取"):
        read_anchor(tmp_path / "x")


def test_an_anchor_of_changes_not_committed_proves_nothing(repository: Repository, tmp_path: Path) -> None:
    repository.commit({A: PERSON})
    repository.tree.write(A, PERSON.replace("1975", "1976"))
    anchor = tmp_path / "anchor.json"
    anchor.write_text(anchor_of(repository))
    assert "未提交" in compared(repository, anchor)["anchor-unclean"][0]


def test_what_this_machine_read_before_is_an_anchor_too(repository: Repository) -> None:
    repository.commit({A: PERSON})
    repository.commit({A: PERSON.replace("1975", "1976")})
    assert said(audit(repository.root, []).problems) == {}
    repository.git("reset", "-q", "--hard", "HEAD~1")
    repository.commit({A: PERSON.replace("1975", "1977")})
    assert "强制推送" in said(audit(repository.root, []).problems)["history-rewritten"][0]


# signatures


@pytest.fixture
def signing(repository: Repository, tmp_path: Path) -> Callable[..., str]:
    """Commits signed with the key that the city admitted, or with another."""
    keys = {}
    for name in ("admitted", "other"):
        (tmp_path / name).mkdir()
        keys[name] = tmp_path / name / "key"
    signing_key(tmp_path / "admitted")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(keys["other"])], check=True)
    public = keys["admitted"].with_suffix(".pub").read_text()
    repository.tree.write("signers", f"{ZHANG[1]} {public}")
    repository.tree.package(
        lingtouyan={"as_of": "2026-01-31", "signatures": "required", "signers": "signers"}
    )
    repository.git("config", "gpg.format", "ssh")

    def commit(files: dict[str, str], key: str = "admitted", who: tuple[str, str] = ZHANG) -> str:
        repository.git("config", "user.signingKey", str(keys[key]))
        return repository.commit(files, "改", who, "-S")

    return commit


def test_commits_signed_by_who_is_admitted_pass(repository: Repository, signing: Callable[..., str]) -> None:
    signing({A: PERSON})
    signing({A: PERSON.replace("1975", "1976")})
    assert said(audit(repository.root, []).problems) == {}
    # Judged from what was kept, the same.
    assert said(audit(repository.root, []).problems) == {}


def test_every_fault_of_a_signature_has_its_sentence(
    repository: Repository, signing: Callable[..., str], tmp_path: Path
) -> None:
    signing({A: PERSON})
    unsigned = repository.commit({A: PERSON.replace("1975", "1976")}, "没签")
    unknown = signing({A: PERSON.replace("1975", "1977")}, "other")
    feigned = signing({A: PERSON.replace("1975", "1978")}, "admitted", LI)
    # Whoever admits himself with the very commit that he signs is not admitted by it.
    other = (tmp_path / "other" / "key.pub").read_text()
    admits_himself = signing(
        {"signers": (repository.root / "signers").read_text() + f"{WANG[1]} {other}"}, "other", WANG
    )
    after = signing({A: PERSON.replace("1975", "1979")}, "other", WANG)
    raw = subprocess.run(
        ["git", "-C", str(repository.root), "cat-file", "commit", after], capture_output=True, check=True
    ).stdout.replace("改".encode(), "别的".encode())
    broken = (
        subprocess.run(
            ["git", "-C", str(repository.root), "hash-object", "-t", "commit", "-w", "--stdin"],
            input=raw,
            capture_output=True,
            check=True,
        )
        .stdout.decode()
        .strip()
    )
    repository.git("reset", "-q", "--hard", broken)
    texts = said(audit(repository.root, []).problems)["signature"]
    by_commit = {t.split(" ")[1][:10]: t for t in texts}
    assert "没有签名" in by_commit[unsigned[:10]]
    assert "不在名单" in by_commit[unknown[:10]]
    assert f"署名的提交人是 {LI[1]}" in by_commit[feigned[:10]]
    assert "不在名单" in by_commit[admits_himself[:10]]
    assert "签名无效" in by_commit[broken[:10]]
    assert len(texts) == 5
    repository.git("reset", "-q", "--hard", after)
    assert after[:10] not in str(said(audit(repository.root, []).problems)["signature"])


def test_the_register_knows_who_signed_and_by_which_request_a_commit_came(
    repository: Repository, signing: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    signing({A: PERSON})
    repository.branch("side")
    repository.commit({A: PERSON.replace("1975", "1976")}, "补录", LI)
    repository.merge("side", message="Merge pull request #12 from x/side")
    repository.commit({A: PERSON.replace("1975", "1977")}, "压缩合并 (#13)")
    repository.commit({A: PERSON.replace("1975", "1978")}, "!14 码云的合并")
    sql = "SELECT request, signature, signer FROM commits ORDER BY ordinal"
    assert main(["--root", str(repository.root), "query", sql, "--format", "csv"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        f",已验证,{ZHANG[1]}",
        "#12,未签名,",
        "#12,未签名,",
        "#13,未签名,",
        "!14,未签名,",
    ]


def test_signatures_are_asked_for_from_a_day_on(repository: Repository) -> None:
    options = {"as_of": "2026-01-31", "signatures": "required", "signatures_from": "2026-01-02"}
    repository.tree.package(lingtouyan=options)
    repository.commit({A: PERSON})
    assert said(audit(repository.root, []).problems) == {}
    repository.clock += 86400
    repository.commit({A: PERSON.replace("1975", "1976")})
    # A date set back does not help, since its parent had to be signed.
    repository.clock -= 86400
    repository.commit({A: PERSON.replace("1975", "1977")})
    assert len(said(audit(repository.root, []).problems)["signature"]) == 2


def test_nobody_asks_for_signatures_unless_the_city_does(repository: Repository) -> None:
    repository.commit({A: PERSON})
    assert said(audit(repository.root, []).problems) == {}


# where judging begins


def test_the_settings_say_from_when_on_commits_are_judged(repository: Repository) -> None:
    repository.commit({A: PERSON})
    second = repository.commit({A: PERSON.replace("1975", "1976")})
    repository.clock += 86_400
    repository.commit({A: PERSON.replace("1975", "1977")})
    third = datetime.datetime.fromtimestamp(repository.clock, datetime.timezone(datetime.timedelta(hours=8)))
    asked = {"as_of": "2026-01-31", "signatures": "required"}
    for start, count in (
        ("2026-01-02", 1),
        ("2026-01-01", 3),
        (second, 1),
        ("2025-01-01", 3),
        ("2026-02-01", 0),
        (f"{third - datetime.timedelta(minutes=1):%Y-%m-%dT%H:%M}", 1),
        (f"{third:%Y-%m-%dT%H:%M}", 0),
    ):
        repository.tree.package(lingtouyan={**asked, "history_from": start})
        assert len(said(audit(repository.root, []).problems).get("signature", [])) == count, start
    for missing in ("v2-Tag", "2025-01-01T00:00"):
        with pytest.raises(UsageError):
            audit(repository.root, [], since=missing)


# the city


@pytest.mark.exhaustive
def test_an_honest_history_passes(city: Made, capsys: pytest.CaptureFixture[str]) -> None:
    # The sample's own settings begin later than this history.
    first = Repository.__new__(Repository)
    first.root = city.root
    start = first.git("rev-list", "--max-parents=0", "main")
    code = main(["--root", str(city.root), "audit", "--since", start])
    out = capsys.readouterr().out
    assert (code, out.count("\n")) == (0, 1), out
    assert "没有发现问题" in out


@pytest.mark.exhaustive
def test_what_a_city_must_not_do_is_caught(copy_of_city: Path, capsys: pytest.CaptureFixture[str]) -> None:
    repository = Repository.__new__(Repository)
    repository.root, repository.clock = copy_of_city, 1_795_190_000
    repository.tree = Tree(copy_of_city)
    start = repository.head
    clerk = ("王秀兰", "clerk9@yongan.shili.example")
    reviewer = ("康鹏海", "kang@zzb.shili.example")
    mine, others = (
        copy_of_city / "records/townships" / n for n in ("990101001-永安街道", "990101101-清泉镇")
    )

    def edit(
        path: Path, old: str, new: str, who: tuple[str, str], branch: str, merged_by: tuple[str, str]
    ) -> None:
        repository.branch(branch)
        text = path.read_text()
        assert old in text
        repository.commit({path.relative_to(copy_of_city).as_posix(): text.replace(old, new, 1)}, branch, who)
        repository.merge(branch, who=merged_by)

    filed = next(p for p in sorted((mine / "filings").glob("*.yaml")) if "state: 备案" in p.read_text())
    reason = next(line for line in filed.read_text().splitlines() if line.startswith("reason:"))
    edit(filed, reason, "reason: 另有原因", clerk, "filed", reviewer)
    person = sorted((others / "people").glob("*.yaml"))[0]
    place = next(line for line in person.read_text().splitlines() if line.startswith("birthplace:"))
    edit(person, place, "birthplace: 外地", clerk, "folder", reviewer)
    own = sorted((mine / "people").glob("*.yaml"))[1]
    place = next(line for line in own.read_text().splitlines() if line.startswith("birthplace:"))
    edit(own, place, "birthplace: 外地", clerk, "self", clerk)
    # Removed in one commit, entered again in the next: one as it was, one altered.
    again = [p for p in sorted((mine / "filings").glob("*.yaml")) if "state: 备案" in p.read_text()][1:3]
    texts = [p.read_text() for p in again]
    names = [p.relative_to(copy_of_city).as_posix() for p in again]
    reason = next(line for line in texts[1].splitlines() if line.startswith("reason:"))
    repository.branch("again")
    repository.commit(dict.fromkeys(names), "删去", clerk)
    repository.commit({names[0]: texts[0], names[1]: texts[1].replace(reason, "reason: 改过")}, "补回", clerk)
    repository.merge("again", who=reviewer)
    repository.commit(
        {own.relative_to(copy_of_city).as_posix(): own.read_text() + "speciality_x: 无\n"}, "直接", clerk
    )
    code = main(["--root", str(copy_of_city), "audit", "--since", start, "--format", "json"])
    problems = json.loads(capsys.readouterr().out)
    assert code == 1
    found = {p["message"] for p in problems if p["severity"] == "error"}
    for words in (
        "已经备案，改写了任免理由",
        "属于清泉镇，由永安街道的王秀兰修改",
        "作者和合并人都是王秀兰",
        "不经合并直接进入主线",
    ):
        assert any(words in t for t in found), (words, found)
    assert any(again[1].stem in t and "改写了任免理由" in t for t in found), found
    assert len(found) == 5, found
