"""Prints that prove themselves: a true one passes, and every way of altering one is found out."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import pypdf
import pytest
from forging import data_of, glyphs_of, judge, rewritten, saved, with_content, with_data
from proof_city import commit, git, person, prints
from pypdf.generic import (
    ArrayObject,
    DecodedStreamObject,
    DictionaryObject,
    FloatObject,
    NameObject,
    TextStringObject,
)
from trees import Tree

from lingtouyan.checks.register import register_with_editions
from lingtouyan.cli import main
from lingtouyan.database.editions import open_edition
from lingtouyan.pdf.footer import ATTACHMENT, canonical, digest_of, marks_in, plain
from lingtouyan.pdf.jobs import Selection, dossier_jobs, shared_files
from lingtouyan.pdf.render import render_dossiers
from lingtouyan.project import Project
from lingtouyan.verify.reading import gather
from lingtouyan.verify.verify import DIFFERS, TRUE, UNPROVEN

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]


@pytest.fixture
def copy(city: tuple[Path, dict[str, bytes]], tmp_path: Path) -> Tree:
    """The repository again, to be changed."""
    shutil.copytree(city[0], tmp_path / "copy", ignore=shutil.ignore_patterns("build"))
    return Tree(tmp_path / "copy")


# ---- what a print carries ---------------------------------------------------------------------------------------


def test_a_print_carries_its_records_and_says_so_on_every_page(city) -> None:
    root, files = city
    content = files["card/P1.pdf"]
    data = data_of(content)
    raw = pypdf.PdfReader(io.BytesIO(content)).attachments[ATTACHMENT][0]
    assert canonical(data) == raw
    assert data["row"] == {"person_id": "P1", "name": "李示范", "note": "在本村任职。"}
    assert [post["title"] for post in data["lists"]["posts"]] == ["副书记", "书记"]
    assert data["commit"] == git(root, "rev-parse", "HEAD")
    pages = [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages]
    assert len(pages) == 3
    for number, text in enumerate(pages, 1):
        (mark,) = marks_in(text)
        assert (mark.commit, mark.digest) == (data["commit"][:10], digest_of(raw)[:16])
        assert (mark.page, mark.pages) == (number, 3)


def test_a_true_print_is_true(city, tmp_path, capsys) -> None:
    root, files = city
    verdicts = judge(root, tmp_path, a=files["card/P1.pdf"], b=files["card/P2.pdf"], c=files["list.pdf"])
    for verdict in verdicts.values():
        assert verdict.state == TRUE, verdict.text()
        assert "逐字节相同" in verdict.text()
    assert main(["--root", str(root), "verify", str(tmp_path / "a.pdf")]) == 0
    assert "属实" in capsys.readouterr().out


# ---- what was altered -------------------------------------------------------------------------------------------


def test_every_alteration_is_found_out(city, tmp_path, capsys) -> None:
    root, files = city
    first, second = files["card/P1.pdf"], files["card/P2.pdf"]
    data = data_of(first)
    other_name = json.loads(json.dumps(data))
    other_name["row"]["name"] = "李冒充"
    other_commit = {**data, "commit": "0" * 40}
    swapped = glyphs_of(first, 2, "书记"), glyphs_of(first, 2, "记书")
    altered = {
        "data": with_data(first, canonical(other_name)),
        "spaced": with_data(first, json.dumps(data, ensure_ascii=False).encode()),
        "commit": with_data(first, canonical(other_commit)),
        "words": with_content(first, 2, lambda c: c.replace(*swapped)),
        "removed": saved(rewritten(first, pages=[0, 2])),
        "reordered": saved(rewritten(first, pages=[0, 2, 1])),
        "mixed": saved(rewritten(first, second, pages=[0, 4, 2])),
        "naked": with_data(first, b"{"),
    }
    verdicts = judge(root, tmp_path, **altered)
    for name, verdict in verdicts.items():
        assert verdict.state == DIFFERS, f"{name}: {verdict.text()}"
        assert "逐字节相同" not in verdict.text()
    said = {name: "\n".join(verdict.lines) for name, verdict in verdicts.items()}
    assert "name标题：应为“李示范”，印的是“李冒充”" in said["data"]
    assert "印的摘要是" in said["data"]
    assert "不是规范写法" in said["spaced"]
    assert "印的提交是" in said["commit"]
    assert "第 3 页文字" in said["words"]
    assert "书记" in said["words"]
    assert "应有 3 页，现有 2 页，缺第 2 页" in said["removed"]
    assert "次序被调换：1、3、2" in said["reordered"]
    assert "第 2 页印的摘要是" in said["mixed"]
    assert "已损坏" in said["naked"]
    assert main(["--root", str(root), "verify", *(str(tmp_path / f"{n}.pdf") for n in altered)]) == 1


def test_data_words_and_marks_changed_alike_still_differ_from_the_repository(copy, city, tmp_path) -> None:
    # Printed by the engine itself, from records that were never committed where it matters.
    root, _ = city
    person(copy, "P1", "李冒充", "在本村任职。")
    commit(copy.root)
    forged = prints(copy.root, tmp_path / "out")["card/P1.pdf"]
    verdict = judge(root, tmp_path / "a", a=forged)["a"]
    assert verdict.state == UNPROVEN
    assert "仓库里没有" in verdict.text()


def test_a_note_laid_over_a_page_and_a_drawing_over_it_do_not_pass(city, tmp_path) -> None:
    root, files = city
    writer = rewritten(files["card/P1.pdf"])
    note = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Annot"),
            NameObject("/Subtype"): NameObject("/FreeText"),
            NameObject("/Rect"): ArrayObject(map(FloatObject, (50, 400, 200, 420))),
            NameObject("/Contents"): TextStringObject("免职"),
        }
    )
    writer.pages[0][NameObject("/Annots")] = ArrayObject([writer._add_object(note)])
    box = with_content(files["card/P1.pdf"], 0, lambda c: c + b"\n1 g 0 0 300 300 re f\n")
    verdicts = judge(root, tmp_path, note=saved(writer), box=box)
    assert verdicts["note"].state == DIFFERS
    assert verdicts["box"].state == DIFFERS
    assert "第 1 页的图形（线条、二维码、图片、遮盖）或字体被改动过" in verdicts["box"].text()


def test_a_print_saved_by_another_program_is_still_true(city, tmp_path) -> None:
    root, files = city
    verdict = judge(root, tmp_path, a=saved(rewritten(files["card/P1.pdf"])))["a"]
    assert verdict.state == TRUE, verdict.text()
    assert "逐字节相同" not in verdict.text()


# ---- which commit -----------------------------------------------------------------------------------------------


def test_the_record_altered_later_leaves_the_print_true_for_its_commit(copy, city, tmp_path) -> None:
    person(copy, "P1", "李示范", "已调离。")
    commit(copy.root)
    verdict = judge(copy.root, tmp_path / "a", a=city[1]["card/P1.pdf"])["a"]
    assert verdict.state == TRUE, verdict.text()
    assert "此后记录有变化" in verdict.text()
    assert "已调离" in verdict.text()


def test_a_print_that_names_a_later_commit_with_the_same_records_is_true_for_that(copy, tmp_path) -> None:
    copy.write("README.md", "说明\n")
    later = commit(copy.root)
    # As an engine that judges more carefully would name it.
    project = Project.open(copy.root)
    database = tmp_path / "edition.duckdb"
    register_with_editions(project, project.as_of(None), {"internal": database})
    facts = {"edition": "internal", "as_of": project.as_of(None), "draft": False}
    wanted = Selection(frozenset({"card"}), frozenset({"P1"}))
    jobs = dossier_jobs(project, open_edition(database), "internal", facts, lambda _: later, wanted)
    render_dossiers(jobs, files=shared_files(project), out=tmp_path / "out")
    file = (tmp_path / "out/card/P1.pdf").read_bytes()
    assert data_of(file)["commit"] == later
    verdict = judge(copy.root, tmp_path / "a", a=file)["a"]
    assert verdict.state == TRUE, verdict.text()
    assert "逐字节相同" in verdict.text()


def test_only_what_changed_prints_other_bytes_and_names_its_own_commit(copy, city, tmp_path) -> None:
    files = city[1]
    copy.write("README.md", "说明\n")
    commit(copy.root)
    assert prints(copy.root, tmp_path / "1") == files
    person(copy, "P2", "王𬭎𠮷", "返乡创业，成绩突出。")
    changed = commit(copy.root)
    again = prints(copy.root, tmp_path / "2")
    assert again["card/P1.pdf"] == files["card/P1.pdf"]
    assert again["card/P2.pdf"] != files["card/P2.pdf"]
    assert data_of(again["card/P2.pdf"])["commit"] == changed
    assert judge(copy.root, tmp_path / "a", a=again["card/P2.pdf"])["a"].state == TRUE


def test_a_print_from_between_the_commit_it_names_and_the_newest_is_true(copy, tmp_path) -> None:
    # The rows of this query do not say which files they come from.
    copy.write("records/north/posts.csv", "post_id,person_id,title,since\nN1,P1,顾问,2022-03-01\n")
    moved = commit(copy.root)
    file = prints(copy.root, tmp_path / "out", "card", "--key", "P1")["card/P1.pdf"]
    assert data_of(file)["commit"] != moved
    assert judge(copy.root, tmp_path / "a", a=file)["a"].state == TRUE
    copy.write("records/north/posts.csv", "post_id,person_id,title,since\nN1,P1,参谋,2022-03-01\n")
    commit(copy.root)
    verdict = judge(copy.root, tmp_path / "b", a=file)["a"]
    assert verdict.state == TRUE, verdict.text()
    assert f"与提交 {moved[:10]} 的记录一致" in verdict.text()
    # What no commit ever held is not found by seeking longer.
    forged = with_data(file, canonical({**data_of(file), "title": "履历卡 李冒充"}))
    assert judge(copy.root, tmp_path / "c", a=forged)["a"].state == DIFFERS


def test_a_merged_branch_counts_from_its_merge(copy, tmp_path) -> None:
    git(copy.root, "switch", "-qc", "branch")
    person(copy, "P1", "李示范", "分支上改的。")
    commit(copy.root)
    git(copy.root, "switch", "-q", "main")
    copy.write(
        "records/east/posts.csv",
        "post_id,person_id,title,since\nA1,P1,副书记,2018-03-01\nA2,P1,主任,2021-03-01\n",
    )
    commit(copy.root)
    git(copy.root, "merge", "-q", "--no-ff", "-m", "合并", "branch")
    file = prints(copy.root, tmp_path / "out", "card", "--key", "P1")["card/P1.pdf"]
    assert data_of(file)["commit"] == git(copy.root, "rev-parse", "HEAD")
    assert judge(copy.root, tmp_path / "a", a=file)["a"].state == TRUE


def test_what_is_not_committed_says_so_and_only_there(copy, city, tmp_path) -> None:
    person(copy, "P1", "李示范", "正在修改。")
    files = prints(copy.root, tmp_path / "out")
    assert data_of(files["card/P1.pdf"])["commit"] == ""
    assert files["card/P2.pdf"] == city[1]["card/P2.pdf"]
    assert "未提交" in pypdf.PdfReader(io.BytesIO(files["card/P1.pdf"])).pages[0].extract_text()
    verdict = judge(copy.root, tmp_path / "a", a=files["card/P1.pdf"])["a"]
    assert verdict.state == UNPROVEN
    assert "还没有提交" in verdict.text()


def test_outside_a_repository_nothing_can_be_traced(copy, tmp_path) -> None:
    shutil.rmtree(copy.root / ".git")
    file = prints(copy.root, tmp_path / "out", "card", "--key", "P1")["card/P1.pdf"]
    assert data_of(file)["commit"] == ""


def test_two_folders_print_the_same_bytes(copy, city, tmp_path) -> None:
    assert prints(copy.root, tmp_path / "out") == city[1]


def test_a_shallow_clone_names_no_commit_and_says_why(city, tmp_path, capsys) -> None:
    root, _ = city
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{root}", "clone")
    out = tmp_path / "out"
    assert main(["--root", str(tmp_path / "clone"), "dossiers", "card", "--out", str(out)]) == 0
    shown = capsys.readouterr()
    assert "印本没有写明提交：这是浅克隆" in shown.out
    pages = pypdf.PdfReader(out / "card/P1.pdf").pages
    assert "提交不详" in pages[0].extract_text()
    assert "未提交" not in pages[0].extract_text()
    verdict = judge(root, tmp_path / "a", a=(out / "card/P1.pdf").read_bytes())["a"]
    assert verdict.state == UNPROVEN


def test_a_build_that_could_not_print_something_says_so_by_its_exit_code(copy, tmp_path, capsys) -> None:
    copy.write("mkdocs.yml", "site_name: 试\ntheme:\n  name: material\n  language: zh\nplugins: []\n")
    copy.write("site/pages/index.md", "---\ntitle: 首页\n---\n# 首页\n")
    person(copy, "P1", "李ཀ示范", "在本村任职。")
    assert main(["--root", str(copy.root), "build", "--edition", "internal"]) == 1
    assert "“ཀ”（U+0F40）" in capsys.readouterr().out
    assert (copy.root / "build/internal/dossiers/card/P2.pdf").is_file()
    # What was asked for besides stays.
    assert main(["--root", str(copy.root), "dossiers", "card", "--key", "P2"]) == 0
    person(copy, "P1", "李示范", "在本村任职。")
    assert main(["--root", str(copy.root), "build", "--edition", "internal"]) == 0
    assert (copy.root / "build/prints/internal/card/P2.pdf").is_file()


# ---- choosing ---------------------------------------------------------------------------------------------------


def test_kinds_keys_and_conditions_choose(city, tmp_path, capsys) -> None:
    root, files = city
    assert list(prints(root, tmp_path / "1", "card")) == ["card/P1.pdf", "card/P2.pdf"]
    assert prints(root, tmp_path / "2", "--where", "name = '李示范'") == {"card/P1.pdf": files["card/P1.pdf"]}
    assert main(["--root", str(root), "dossiers", "--key", "P9"]) == 1
    assert "没有编号为 P9 的文书" in capsys.readouterr().out
    assert main(["--root", str(root), "dossiers", "--key", "P11"]) == 1
    assert "没有编号为 P11 的文书，您是不是要找 P1？" in capsys.readouterr().out
    made = ["--out", str(tmp_path / "3"), "--key", "P1", "P9"]
    assert main(["--root", str(root), "dossiers", *made]) == 1
    assert "没有编号为 P9 的文书" in capsys.readouterr().out
    assert (tmp_path / "3/card/P1.pdf").read_bytes() == files["card/P1.pdf"]
    assert list(prints(root, tmp_path / "4", "履历卡")) == ["card/P1.pdf", "card/P2.pdf"]
    assert main(["--root", str(root), "dossiers", "nothing"]) == 2
    assert main(["--root", str(root), "dossiers", "--where", "name = '"]) == 1
    assert main(["--root", str(root), "dossiers", "--where", "nosuch = 1"]) == 1
    assert "没有的列 nosuch。条件里可用的列：" in capsys.readouterr().out
    assert main(["--root", str(root), "dossiers", "--where", "name = '"]) == 1
    assert main(["--root", str(root), "dossiers", "--where", "1=1); ATTACH 'x"]) == 1
    shown = capsys.readouterr()
    assert "Traceback" not in shown.err
    assert "--where 的条件“name = '”不能用于" in shown.out
    assert "site/dossiers/card.html" not in shown.out
    assert main(["--root", str(root), "dossiers", "card", "--edition", "public"]) == 2
    assert "只在内部版里" in capsys.readouterr().err


def test_printing_some_leaves_the_others_and_prints_nothing_twice(
    copy, tmp_path, capsys, monkeypatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for expected in ("新做 4", "新做 0"):
        assert main(["--root", str(copy.root), "dossiers"]) == 0
        assert expected in capsys.readouterr().out
    person(copy, "P1", "李示范", "改了。")
    assert main(["--root", str(copy.root), "dossiers", "card"]) == 0
    assert "新做 1" in capsys.readouterr().out
    assert (copy.root / "build/prints/internal/list.pdf").is_file()


# ---- hostile files ----------------------------------------------------------------------------------------------


def test_a_hostile_file_gets_a_sentence_and_no_traceback(city, tmp_path, capsys) -> None:
    root, files = city
    first = files["card/P1.pdf"]
    locked = rewritten(first)
    locked.encrypt("geheim", algorithm="RC4-128")
    good = data_of(first)
    hostile = {
        "empty": b"",
        "garbage": b"%PDF-1.7\n" + bytes(range(256)) * 40,
        "half": first[: len(first) // 2],
        "locked": saved(locked),
        "huge": with_data(first, b"[" + b"0," * 15_000_000 + b"0]"),
        "deep": with_data(first, b"[" * 200_000 + b"]" * 200_000),
        "aliases": with_data(first, b"a: &a [x,x]\nb: &b [*a,*a]\n"),
        "number": with_data(first, b'{"row":' + b"9" * 20_000 + b"}"),
        "list": with_data(first, b"[]"),
        "types": with_data(first, canonical({**good, "row": [], "as_of": 7})),
        "climbing": with_data(first, canonical({**good, "path": "../../x.pdf", "kind": "../x"})),
        "option": with_data(first, canonical({**good, "commit": "--output=x"})),
        "escape": with_data(first, canonical({**good, "title": "\x1b[2J"})),
    }
    verdicts = judge(root, tmp_path, **hostile)
    for name, verdict in verdicts.items():
        assert verdict.state in (DIFFERS, UNPROVEN), f"{name}: {verdict.text()}"
        assert "\x1b" not in verdict.text()
    assert main(["--root", str(root), "verify", str(tmp_path / "missing.pdf"), str(root)]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_an_endless_stream_is_given_up(tmp_path) -> None:
    loop = tmp_path / "loop.pdf"
    writer = pypdf.PdfWriter()
    writer.add_blank_page(100, 100)
    form = DecodedStreamObject()
    form.set_data(b"/F Do " * 10)
    form.update({NameObject("/Type"): NameObject("/XObject"), NameObject("/Subtype"): NameObject("/Form")})
    reference = writer._add_object(form)
    form[NameObject("/Resources")] = DictionaryObject(
        {NameObject("/XObject"): DictionaryObject({NameObject("/F"): reference})}
    )
    writer.pages[0][NameObject("/Resources")] = form["/Resources"]
    content = DecodedStreamObject()
    content.set_data(b"/F Do")
    writer.pages[0][NameObject("/Contents")] = writer._add_object(content)
    loop.write_bytes(saved(writer))
    (evidence,) = gather([loop])
    assert evidence.fault or evidence.data is None


# ---- the canonical form -----------------------------------------------------------------------------------------


def test_one_value_has_one_form() -> None:
    # RFC 8785, 3.2.3 and appendix B: keys by UTF-16 units, numbers as ECMAScript writes them.
    assert canonical({"\u20ac": 1, "\r": 2, "\U0001f600": 3, "\ufb33": 4, "1": 5}).decode() == (
        '{"\\r":2,"1":5,"\u20ac":1,"\U0001f600":3,"\ufb33":4}'
    )
    assert (
        canonical([1.0, 1e21, 1e-7, 333333333.33333329, -0.0, 4.5])
        == b"[1,1e+21,1e-7,333333333.3333333,0,4.5]"
    )
    assert canonical('𠮷\u0001"\\/') == '"𠮷\\u0001\\"\\\\/"'.encode()
    assert canonical(plain(2**60)) == b'"1152921504606846976"'
    assert canonical(plain([float("nan"), float("inf"), b"\x01", (1, None, True)])) == (
        b'["nan","inf","01",[1,null,true]]'
    )
    with pytest.raises(ValueError, match=r"surrogate|[Uu][Tt][Ff]"):
        canonical("\ud800")


def test_a_print_is_an_anchor_of_the_history(
    city: tuple[Path, dict[str, bytes]], copy: Tree, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, made = city
    content = next(iter(made.values()))
    paths = {n: tmp_path / f"{n}.PDF" for n in ("true", "altered", "other")}
    paths["true"].write_bytes(content)
    paths["altered"].write_bytes(with_data(content, canonical({**data_of(content), "title": "别的"})))
    paths["other"].write_bytes(b"%PDF-1.7 nothing")

    def audit(name: str) -> tuple[int, str]:
        code = main(["--root", str(copy.root), "audit", "--anchor", str(paths[name])])
        said = capsys.readouterr()
        return code, said.out + said.err

    assert audit("true")[0] == 0
    code, text = audit("altered")
    assert code == 1
    assert "锚点的内容与它的摘要不符" in text
    code, text = audit("other")
    assert code == 2
    assert "不能作锚点" in text
    # All commits made anew with the same files: the print still names one that is gone.
    git(copy.root, "checkout", "-q", "--orphan", "fresh")
    commit(copy.root, "从头来过")
    code, text = audit("true")
    assert code == 1
    assert "不在当前历史中" in text
