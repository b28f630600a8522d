"""Restricted values are sealed before they enter Git: who is entitled opens them, nobody else, and an erasure is final."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from repository import Repository
from trees import Tree

from lingtouyan.cli import main
from lingtouyan.commands.seal import edit, opened
from lingtouyan.problems import UsageError
from lingtouyan.sealing.keys import new_identity

PHONE, KIN = "13900001111", "女儿在外地上学"


class Machine:
    """Somebody's own machine: an identity, and the one key store that all share."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder, self._patch = folder, monkeypatch

    def use(self, name: str) -> None:
        self._patch.setenv("LINGTOUYAN_IDENTITY", str(self._folder / name / "identity.txt"))
        self._patch.setenv("LINGTOUYAN_KEYS", str(self._folder / "keys"))


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(tmp_path, monkeypatch)
    made.use("city")
    return made


@pytest.fixture
def city(tree: Tree) -> Tree:
    tree.table(
        "people",
        [
            {"name": "id", "example": "P1"},
            "name",
            {"name": "phone", "sensitivity": "restricted"},
            {"name": "digest", "sensitivity": "internal", "digestOf": "phone"},
            {"name": "note", "sensitivity": "internal"},
            {"name": "debt", "type": "number", "sensitivity": "restricted", "compartment": "pay"},
        ],
        path="records/*/people/*.yaml",
        primaryKey=["id"],
    )
    tree.table(
        "kin",
        ["id", {"name": "ordinal", "type": "integer"}, {"name": "said", "sensitivity": "restricted"}],
        parent="people",
        property="kin",
        primaryKey=["id", "ordinal"],
    )
    tree.table(
        "payments",
        [
            "number",
            "id",
            {"name": "amount", "type": "number", "sensitivity": "restricted", "compartment": "pay"},
        ],
        primaryKey=["number"],
        sealedFor="id",
        foreignKeys=[{"fields": ["id"], "reference": {"resource": "people", "fields": ["id"]}}],
    )
    tree.table(
        "erasures",
        ["table_name", "record_key", "erased_on", "paper"],
        primaryKey=["table_name", "record_key"],
    )
    tree.package(lingtouyan={"as_of": "2026-01-31", "erasures": "erasures"})
    tree.write(
        "records/east/people/P1.yaml",
        f'id: P1\nname: 李示范\nphone: "{PHONE}"\ndebt: 30000\nkin:\n  - {{said: {KIN}}}\n',
    )
    tree.write("records/east/people/P2.yaml", "id: P2\nname: 王示例\n")
    tree.write("records/payments.csv", "number,id,amount\n1,P1,1234.5\n2,P2,\n")
    tree.write("records/erasures.csv", "table_name,record_key,erased_on,paper\n")
    return tree


def run(tree: Tree, *arguments: str) -> int:
    return main(["--root", str(tree.root), *arguments])


@pytest.fixture
def sealed(city: Tree, machine: Machine) -> Tree:
    assert run(city, "keys", "add", "city") == 0
    assert run(city, "seal") == 0
    return city


def texts(tree: Tree) -> str:
    return "".join(p.read_text("utf-8") for p in sorted((tree.root / "records").rglob("*.*")))


def test_what_is_sealed_is_in_no_file_and_opens_for_who_is_entitled(sealed: Tree, tmp_path: Path) -> None:
    assert texts(sealed).count("sealed:v1:") == 4
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert not any(w.encode() in path.read_bytes() for w in (PHONE, KIN, "30000", "1234.5")), path
    assert dict(opened(sealed.root, "people", "P1")) == {
        "phone标题": PHONE,
        "debt标题": "30000",
        "kin表·said标题": KIN,
    }
    assert dict(opened(sealed.root, "people表", "P1", "phone标题")) == {"phone标题": PHONE}


def test_sealing_again_changes_nothing(sealed: Tree) -> None:
    before = texts(sealed)
    assert run(sealed, "seal") == 0
    assert run(sealed, "fmt") == 0
    assert texts(sealed) == before


def test_a_file_that_cannot_be_sealed_leaves_all_as_they_are_and_one_that_is_none_is_told(
    city: Tree, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(city, "keys", "add", "city") == 0
    before = texts(city)
    files = sorted(p for p in city.root.glob("records/**/*") if p.is_file())
    broken = files[-1]
    broken.write_bytes(broken.read_bytes() + b"\xff\n")
    assert run(city, "seal") == 2
    broken.write_bytes(broken.read_bytes()[:-2])
    assert texts(city) == before
    for wrong in ("records/none.yaml", "datapackage.yaml"):
        assert run(city, "seal", str(city.root / wrong)) == 2
        assert wrong in capsys.readouterr().err


def test_another_machine_opens_only_its_compartments(sealed: Tree, machine: Machine) -> None:
    machine.use("finance")
    assert run(sealed, "unseal", "people", "P1") == 1
    assert [v for _, v in opened(sealed.root, "people", "P1")] == [None, None, None]
    recipient = new_identity()
    machine.use("city")
    assert run(sealed, "keys", "add", "finance", "--recipient", recipient, "--compartment", "pay") == 0
    machine.use("finance")
    assert dict(opened(sealed.root, "people", "P1")) == {
        "phone标题": None,
        "debt标题": "30000",
        "kin表·said标题": None,
    }
    # What this machine cannot open stays wrapped as it was: somebody else has to do it.
    assert run(sealed, "keys", "rewrap") == 1
    machine.use("city")
    assert run(sealed, "keys", "remove", "finance") == 0
    machine.use("finance")
    assert [v for _, v in opened(sealed.root, "people", "P1")] == [None, None, None]


def test_a_value_moved_elsewhere_does_not_open(sealed: Tree) -> None:
    path = sealed.root / "records/east/people/P1.yaml"
    words = next(line for line in path.read_text("utf-8").split("\n") if line.startswith("phone"))
    sealed.write("records/east/people/P2.yaml", f"id: P2\nname: 王示例\n{words}\n")
    assert opened(sealed.root, "people", "P2") == [("phone标题", None)]


def test_without_keys_everything_is_checked(
    sealed: Tree, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.use("nobody")
    assert run(sealed, "check") == 0, capsys.readouterr().out


def test_an_erased_record_never_opens_again_and_is_accounted_for(
    sealed: Tree, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(sealed, "erase", "people", "P1", "--paper", "市委〔2026〕9号") == 0
    assert [v for _, v in opened(sealed.root, "people", "P1")] == [None, None, None]
    entry = (sealed.root / "records/erasures.csv").read_text("utf-8").split("\n")[1]
    assert entry.startswith("people,P1,")
    assert entry.endswith("市委〔2026〕9号")
    assert PHONE not in capsys.readouterr().out
    assert run(sealed, "erase", "people", "P1", "--paper", "x") == 2


COUNT = """/*
title: 人数
{}fields:
  persons: {{title: 人数, sensitivity: internal}}
  names: {{title: 姓名, sensitivity: restricted}}
*/
SELECT count(*) AS persons, string_agg(name) AS names FROM people"""
RULE = """/*
id: R1
title: 付给谁
severity: warning
clause: a
table: payments
column: number
message: "{name}领了钱。"
*/
SELECT p._file, p._line, o.id, o.name FROM payments AS p JOIN people AS o USING (id)"""


def test_of_an_erased_record_every_command_keeps_counts_alone(
    sealed: Tree, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sealed.write("schemas/views/here.sql", COUNT.format(""))
    sealed.write("schemas/views/ever.sql", COUNT.format("erased: counted\n"))
    sealed.write("schemas/rules/R1.sql", RULE)
    repository = Repository(sealed)
    repository.commit()
    for said in ("见过李示范", "见过他"):
        sealed.write("records/east/people/P2.yaml", f"id: P2\nname: 王示例\nnote: {said}\n")
        repository.commit()
    before = texts(sealed)
    kept = shutil.copytree(tmp_path / "keys", tmp_path / "backup")
    assert run(sealed, "check") == 0
    assert "李示范领了钱" in capsys.readouterr().out
    assert run(sealed, "erase", "people", "李示范", "--paper", "市委〔2026〕9号") == 0
    repository.commit()
    capsys.readouterr()

    def answer(*words: str) -> str:
        assert run(sealed, *words) == 0
        return capsys.readouterr().out

    everything = (
        "SELECT (SELECT string_agg(id) FROM people) AS p, (SELECT string_agg(number) FROM payments) AS m, "
        "(SELECT count(*) FROM kin) AS k, (SELECT persons FROM here) AS h, (SELECT persons FROM ever) AS e, "
        "(SELECT count(*) FROM changes WHERE root_key = 'P1' OR contains(after, '李示范')) AS c"
    )
    for more in ((), ("--edition", "restricted"), ("--rev", "HEAD~1")):
        assert answer("query", everything, "--format", "csv", *more).split("\n")[1] == "P2,2,0,1,2,0"
    assert answer("query", "SELECT number FROM payments", "--format", "csv").split() == ["\ufeffnumber", "2"]
    told = answer("check")
    assert "王示例领了钱" in told
    assert "李示范" not in told
    assert run(sealed, "history", "people", "P1") == 2
    assert "已经销毁" in capsys.readouterr().err
    # It is not sealed again, and a backup of the keys opens nothing.
    path = sealed.root / "records/east/people/P1.yaml"
    sealed.write("records/east/people/P1.yaml", f'id: P1\nname: 李示范\nphone: "{PHONE}"\n')
    assert run(sealed, "seal") == 2
    assert "P1 已经销毁" in capsys.readouterr().err
    sealed.write("records/east/people/P1.yaml", before[before.index("id: P1") : before.index("id: P2")])
    shutil.copytree(kept, tmp_path / "keys", dirs_exist_ok=True)
    assert [v for _, v in opened(sealed.root, "people", "P1")] == [None, None, None]
    assert run(sealed, "keys", "rewrap") == 0
    assert not list((tmp_path / "keys").glob("people/*"))
    capsys.readouterr()
    # A review tells that it changed, and nothing else; what refers to a record whose file is gone stays.
    path.unlink()
    repository.commit()
    told = answer("review", "HEAD~1")
    assert "李示范" not in told
    assert "P1" not in told.replace("people/P1.yaml", "")
    assert "李示范" not in answer("check")
    lists = "SELECT string_agg(DISTINCT table_name) AS t FROM changes WHERE root_key = 'P1'"
    assert answer("query", lists, "--format", "csv").split() == ["\ufefft", '""']


def test_the_plan_takes_a_record_out_of_every_object_of_the_history(
    city: Tree, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repository = Repository(city)
    repository.commit(message="李示范报到")
    (city.root / "records/west/people").mkdir(parents=True)
    (city.root / "records/east/people/P1.yaml").rename(city.root / "records/west/people/P1.yaml")
    city.write("records/east/people/P2.yaml", "id: P2\nname: 王示例\nnote: 接李示范\n")
    repository.commit(message="李示范调走")
    assert run(city, "erase", "people", "P1", "--history-plan") == 0
    told = capsys.readouterr().out
    assert "锚点" in told
    lines = [line.strip() for line in told.splitlines() if line.startswith("  ")]
    assert lines[0] == "sudo apt install git-filter-repo"
    if not shutil.which("git-filter-repo"):
        pytest.skip("git-filter-repo is not installed")
    clone, host = tmp_path / "clone", tmp_path / "host.git"
    for command in (
        f"git clone -q --bare {city.root} {host}",
        f"git clone -q {host} {clone}",
        *(f"cd {clone} && {line}" for line in lines[1:]),
        f"git -C {host} gc -q --prune=now",
    ):
        command = command.replace("名称", "李示范").replace("仓库地址", str(host))
        subprocess.run(["bash", "-c", command], check=True, capture_output=True)
    for place in (clone, host):
        every = ["git", "-C", str(place), "cat-file", "--batch-all-objects", "--batch"]
        objects = subprocess.run(every, check=True, capture_output=True).stdout
        assert "接某某".encode() in objects
        assert [w for w in ("李示范", PHONE, KIN) if w.encode() in objects] == []


def test_keys_may_not_lie_in_the_repository(city: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINGTOUYAN_KEYS", str(city.root / "keys"))
    assert run(city, "keys") == 2


def test_what_a_list_of_offices_says_wrong_is_an_error(
    sealed: Tree, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "keys/offices.yaml"
    path.write_text(path.read_text("utf-8").replace("]}", "], folde: west}"), "utf-8")
    assert run(sealed, "keys", "rewrap") == 2
    assert "folde" in capsys.readouterr().err


def test_a_file_that_is_none_of_the_keys_is_told(
    sealed: Tree, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [key] = (tmp_path / "keys/people").glob("*.json")
    shutil.copy2(key, key.with_name(f"{key.stem} (1).json"))
    assert run(sealed, "keys") == 2
    assert "(1).json 不是钥匙文件" in capsys.readouterr().err


def test_nothing_is_sealed_that_nobody_could_open(city: Tree, machine: Machine) -> None:
    before = texts(city)
    assert run(city, "seal") == 2
    assert texts(city) == before


def test_edit_asks_and_seals_what_is_given(sealed: Tree) -> None:
    answers = iter(["13900002222", "很多", "50"])
    assert edit(sealed.root, "people", "P2", lambda _: next(answers, "")) == 2
    assert dict(opened(sealed.root, "people", "P2")) == {"phone标题": "13900002222", "debt标题": "50"}
    assert "13900002222" not in texts(sealed)


def test_a_record_may_be_called_by_its_name(sealed: Tree) -> None:
    assert ("phone标题", PHONE) in opened(sealed.root, "people", "李示范")
    sealed.write("records/east/people/P3.yaml", "id: P3\nname: 李示范\n")
    with pytest.raises(UsageError, match="P1、P3"):
        opened(sealed.root, "people", "李示范")


def test_a_record_that_is_not_there_is_told(sealed: Tree) -> None:
    with pytest.raises(UsageError, match="P9"):
        opened(sealed.root, "people", "P9")


CARD = """---
title: "卡 {{ row.name }}"
each: people
path: "card/{{ row.id }}"
edition: internal
queries:
  people: SELECT id, name FROM people ORDER BY id
  sealed: {by: id, edition: restricted, sql: "SELECT id, phone, debt FROM people"}
---
<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>{{ row.name }}</title></head><body>
<h1>{{ row.name }}</h1>{% for s in sealed %}<p>电话{{ s.phone }} 欠款{{ s.debt }}</p>{% endfor %}</body></html>
"""


def test_the_restricted_edition_is_printed_whole_where_a_key_is(
    sealed: Tree, machine: Machine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sealed.write("site/dossiers/card.html", CARD)

    def printed(edition: str) -> str:
        out = tmp_path / f"out-{edition}"
        arguments = ("--edition", edition, "--format", "html", "--out", str(out))
        assert run(sealed, "dossiers", "card", "--key", "P1", *arguments) == 0
        return (out / "card/P1.html").read_text("utf-8")

    assert f"电话{PHONE} 欠款30000" in printed("restricted")
    assert "电话" not in printed("internal")
    machine.use("nobody")
    capsys.readouterr()
    shown = printed("restricted")
    assert PHONE not in shown
    assert "sealed:" not in shown
    assert "3 处没有钥匙" in capsys.readouterr().out


JUDGED = f"""/*
id: R2
title: 电话
severity: warning
clause: a
table: people
column: phone
message: "{{name}}的电话不对：{{phone}}。"
*/
SELECT _file, _line, name, phone FROM people WHERE phone = '{PHONE}'"""


def _office(tree: Tree, machine: Machine, name: str, *more: str) -> None:
    """Admit an office that has made its own identity on its own machine."""
    machine.use(name)
    recipient = new_identity()
    machine.use("city")
    assert run(tree, "keys", "add", name, "--recipient", recipient, *more) == 0


def test_an_office_of_a_folder_opens_the_records_that_lie_there(
    city: Tree, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    city.write("records/west/people/P3.yaml", f'id: P3\nname: 赵示例\nphone: "{PHONE[::-1]}"\n')
    assert run(city, "keys", "add", "city") == 0
    _office(city, machine, "west", "--in", "west", "--compartment", "personal")
    assert "west（只有 records/west）" in capsys.readouterr().out
    assert run(city, "seal") == 0
    machine.use("west")
    assert ("phone标题", PHONE[::-1]) in opened(city.root, "people", "P3")
    assert {v for _, v in opened(city.root, "people", "P1")} == {None}
    # It seals for the city, and by itself, what it enters.
    assert run(city, "new", "people", "id=P4", "name=钱示例", f"phone={PHONE}", "--in", "west") == 0
    assert PHONE not in texts(city)
    for name in ("west", "city"):
        machine.use(name)
        assert ("phone标题", PHONE) in opened(city.root, "people", "P4")
    # Who moves goes on to another office, and an office that is admitted later gets what lies there.
    (city.root / "records/west/people/P3.yaml").rename(city.root / "records/east/people/P3.yaml")
    _office(city, machine, "east", "--in", "east", "--compartment", "personal")
    for name, plain in (("west", None), ("east", PHONE[::-1])):
        machine.use(name)
        assert ("phone标题", plain) in opened(city.root, "people", "P3")
    machine.use("city")
    assert run(city, "keys", "add", "x", "--recipient", new_identity(), "--in", "nowhere") == 2


def test_equal_values_have_equal_digests_that_no_clone_and_no_office_of_a_folder_can_guess(
    city: Tree, machine: Machine
) -> None:
    city.write("records/west/people/P3.yaml", f'id: P3\nname: 赵示例\nphone: "{PHONE}"\n')
    assert run(city, "keys", "add", "city") == 0
    _office(city, machine, "west", "--in", "west", "--compartment", "personal")
    assert run(city, "seal") == 0
    found = re.findall(r"digest: \"?(hmac-sha256:\w{32})", texts(city))
    assert len(found) == 2
    assert len({*found}) == 1
    # An office of a folder changes the value: the digest of the old one goes, and the city makes the new one.
    path = city.root / "records/west/people/P3.yaml"
    machine.use("west")
    city.write("records/west/people/P3.yaml", path.read_text("utf-8").replace("phone: ", "note: "))
    answers = iter(["13900002222"])
    assert edit(city.root, "people", "P3", lambda _: next(answers, "")) == 1
    assert "hmac" not in path.read_text("utf-8")
    machine.use("city")
    assert run(city, "seal") == 0
    assert "hmac" in path.read_text("utf-8")
    assert found[0] not in path.read_text("utf-8")


def test_after_a_change_of_keys_an_office_that_kept_copies_opens_nothing_new(
    sealed: Tree, machine: Machine, tmp_path: Path
) -> None:
    _office(sealed, machine, "finance", "--compartment", "pay", "personal")
    stolen = shutil.copytree(tmp_path / "keys", tmp_path / "stolen")
    before = texts(sealed)
    assert run(sealed, "keys", "remove", "finance") == 0
    assert run(sealed, "keys", "rotate") == 0
    assert not {*re.findall("sealed:v1:\\S+", before)} & {*re.findall("sealed:v1:\\S+", texts(sealed))}
    assert not {*re.findall("hmac-\\S+", before)} & {*re.findall("hmac-\\S+", texts(sealed))}
    assert ("phone标题", PHONE) in opened(sealed.root, "people", "P1")
    assert run(sealed, "seal") == 0
    machine.use("finance")
    assert {v for _, v in opened(sealed.root, "people", "P1")} == {None}
    shutil.copytree(stolen, tmp_path / "keys", dirs_exist_ok=True)
    assert {v for _, v in opened(sealed.root, "people", "P1")} == {None}


def test_rules_judge_sealed_values_where_a_key_is_and_elsewhere_it_is_said_once(
    sealed: Tree, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    sealed.write("schemas/rules/R2.sql", JUDGED)
    for _ in range(2):
        assert run(sealed, "check") == 0
        told = capsys.readouterr().out
        assert "李示范的电话不对" in told
        assert PHONE not in told
        assert "没有判断" not in told
    machine.use("nobody")
    for _ in range(2):
        assert run(sealed, "check") == 0
        told = capsys.readouterr().out
        assert "电话不对" not in told
        assert told.count("规则 R2 对它们没有判断") == 1


def test_a_new_record_and_a_formatted_one_are_sealed(city: Tree, machine: Machine) -> None:
    # Without an office nothing could be sealed: it is refused, and formatting leaves it for who has a key.
    assert run(city, "new", "people", "id=P5", "name=孙示例", f"phone={PHONE}") == 2
    assert run(city, "fmt") == 0
    assert "sealed:" not in texts(city)
    assert run(city, "keys", "add", "city") == 0
    assert run(city, "fmt", "--check") in (0, 1)
    assert "sealed:" not in texts(city)
    assert run(city, "fmt") == 0
    assert run(city, "new", "people", "id=P5", "name=孙示例", f"phone={PHONE}", "--in", "east") == 0
    assert run(city, "new", "payments", "number=3", "id=P5", "amount=1234.5") == 0
    for value in (PHONE, KIN, "30000", "1234.5"):
        assert value not in texts(city)


@pytest.mark.skipif(not shutil.which("bwrap"), reason="bubblewrap is not installed")
def test_an_editor_opens_a_record_whole_and_what_it_saw_is_in_no_file(
    sealed: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    written = tmp_path / "written.py"
    written.write_text(
        "import pathlib, sys\n"
        "path = pathlib.Path(sys.argv[-1])\n"
        "text = path.read_text()\n"
        f"assert '{PHONE}' in text and '{KIN}' in text, text\n"
        f"text = text.replace('{PHONE}', '13900002222')\n"
        "path.write_text(text + '  - {said: 儿子在县城}\\n')\n"
        "path.with_name('.swap').write_text(text)\n",
        "utf-8",
    )
    before = texts(sealed)
    assert edit(sealed.root, "people", "P1", editor=f"{sys.executable} {written}") == 2
    assert opened(sealed.root, "people", "P1") == [
        ("phone标题", "13900002222"),
        ("debt标题", "30000"),
        ("kin表·said标题", KIN),
        ("kin表·said标题", "儿子在县城"),
    ]
    # A field that was left empty is not written.
    assert run(sealed, "unseal", "people", "P2") == 0
    assert edit(sealed.root, "people", "P2", editor="true") == 0
    assert 'phone: ""' not in texts(sealed)
    # What was not changed is not sealed anew.
    assert len({*re.findall("sealed:v1:\\S+", before)} & {*re.findall("sealed:v1:\\S+", texts(sealed))}) == 3
    assert not Path("/dev/shm/.swap").exists()
    assert not list(tmp_path.rglob(".swap"))
    # All rows of a person in a table are edited together.
    rows = tmp_path / "rows.py"
    rows.write_text(
        "import pathlib, sys\n"
        "path = pathlib.Path(sys.argv[-1])\n"
        "path.write_text(path.read_text().replace('1234.5', '99') + '- {number: 3, id: P1, amount: 7}\\n')\n",
        "utf-8",
    )
    assert edit(sealed.root, "payments", "李示范", editor=f"{sys.executable} {rows}") == 2
    assert [v for _, v in opened(sealed.root, "payments", "P1")] == ["99", "7"]
    assert "2,P2,\n" in texts(sealed)
    # An editor that fails changes nothing.
    before = texts(sealed)
    with pytest.raises(UsageError, match="没有改动"):
        edit(sealed.root, "people", "P1", editor="false")
    assert texts(sealed) == before


def test_neither_a_workbook_nor_a_list_of_prints_names_an_erased_record(
    sealed: Tree, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = {"fields": ["voter"], "reference": {"resource": "people", "fields": ["id"]}}
    more = {"parent": "people", "property": "votes", "primaryKey": ["id", "voter"], "foreignKeys": [key]}
    sealed.table("votes", ["id", "voter", {"name": "said", "sensitivity": "internal"}], **more)
    sealed.package(lingtouyan={"as_of": "2026-01-31", "erasures": "erasures"})
    sealed.write("site/dossiers/card.html", CARD)
    path = sealed.root / "records/east/people/P2.yaml"
    path.write_text(path.read_text("utf-8") + "votes:\n  - {voter: P1, said: 同意}\n", "utf-8")
    repository = Repository(sealed)
    repository.commit()
    assert run(sealed, "erase", "people", "P1", "--paper", "市委〔2026〕9号") == 0
    repository.commit()
    out = tmp_path / "out.xlsx"
    assert run(sealed, "sheet", str(out), "--table", "votes") == 0
    with zipfile.ZipFile(out) as book:
        told = "".join(book.read(n).decode("utf-8", "replace") for n in book.namelist())
    assert "同意" in told
    assert not re.search(r">P1\b|李示范", told)
    path = sealed.root / "records/east/people/P1.yaml"
    path.write_text(path.read_text("utf-8").replace("李示范", "李改名"), "utf-8")
    repository.commit()
    capsys.readouterr()
    assert run(sealed, "review", "HEAD~1") == 0
    told = capsys.readouterr().out
    assert "改名" not in told
    assert "card/P1" not in told
