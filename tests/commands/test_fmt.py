"""One canonical form: small diffs, no value lost, and a file that cannot be mended surely is left alone."""

from __future__ import annotations

import json
import string
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from trees import Tree

from lingtouyan.cli import main
from lingtouyan.commands.fmt import Formatted, format_records
from lingtouyan.exchange.writing import scalar
from lingtouyan.problems import UsageError
from lingtouyan.project import Project
from lingtouyan.reading.records import read_records
from lingtouyan.reading.source import WorkTree
from lingtouyan.reading.yaml import parse_yaml

ROOT = Path(__file__).resolve().parents[2]
CSV, DOCUMENT = "records/villages.csv", "records/people/P1.yaml"


@pytest.fixture
def city(tree: Tree) -> Tree:
    return declare(tree)


def declare(tree: Tree) -> Tree:
    tree.table(
        "villages",
        [
            {"name": "village", "title": "编号"},
            {"name": "name", "title": "村名"},
            {"name": "size", "title": "户数", "type": "integer", "constraints": {"minimum": 0}},
            {"name": "since", "title": "成立", "type": "date"},
            {"name": "id_number", "title": "证号", "sensitivity": "restricted"},
        ],
        primaryKey=["village"],
    )
    tree.table(
        "people",
        [
            "id",
            "name",
            {"name": "born", "constraints": {"pattern": r"^\d{4}-\d{2}(-\d{2})?$"}},
            "school_name",
            "note",
        ],
        path="records/people/*.yaml",
        primaryKey=["id"],
    )
    tree.table(
        "posts",
        ["id", "post", {"name": "since", "type": "date"}, {"name": "ordinal", "type": "integer"}],
        parent="people",
        property="posts",
        primaryKey=["id", "ordinal"],
    )
    return tree


def formatted(tree: Tree, path: str, content: str | bytes) -> str:
    tree.write(path, content)
    format_records(tree.root)
    return (tree.root / path).read_text("utf-8")


HEAD = "village,name,size,since,id_number\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (HEAD + "V10,甲,1,,\nV2,乙,2,,\n", HEAD + "V2,乙,2,,\nV10,甲,1,,\n"),
        (HEAD.replace("\n", "\r\n") + "V1,甲,1,,\r\n", HEAD + "V1,甲,1,,\n"),
        ("\ufeff" + HEAD + "V1,甲,1,,", HEAD + "V1,甲,1,,\n"),
        ((HEAD + "V1,云岭,1,,\n").encode("gb18030"), HEAD + "V1,云岭,1,,\n"),
        ((HEAD + "V1,云岭,1,,\n").encode("utf-16"), HEAD + "V1,云岭,1,,\n"),
        ("编号,村名,户数,成立,证号\nV1,甲,1,,\n", HEAD + "V1,甲,1,,\n"),
        ("name,village,id_number,size,since\n甲,V1,,1,\n", HEAD + "V1,甲,1,,\n"),
        (HEAD + 'V1,"甲",１２,２０２０/1/5,\n\n,,,,\n', HEAD + "V1,甲,12,2020-01-05,\n"),
        (
            HEAD + "V1,甲,1,2020年1月5日,\nV2,乙,1,2020.1.5,\nV3,丙,1,20200105,\n",
            HEAD + "V1,甲,1,2020-01-05,\nV2,乙,1,2020-01-05,\nV3,丙,1,2020-01-05,\n",
        ),
        (HEAD + 'V1,"甲，""乙"",丙",1,,\n', HEAD + 'V1,"甲，""乙"",丙",1,,\n'),
        # A name is not a number: nothing is done to it.
        (HEAD + "Ｖ１, 甲 ,1,,\n", HEAD + "Ｖ１, 甲 ,1,,\n"),
    ],
    ids=[
        "order",
        "crlf",
        "bom",
        "gb18030",
        "utf-16",
        "titles",
        "columns",
        "digits and dates",
        "dates",
        "quotes",
        "names",
    ],
)
def test_a_table_is_put_into_one_form(city: Tree, before: str | bytes, after: str) -> None:
    assert formatted(city, CSV, before) == after
    assert format_records(city.root).changed == []


@pytest.mark.parametrize(
    ("value", "column", "words"),
    [
        ("V1,甲,9.9E+17,,", "户数", "科学计数"),
        ("V1,甲,1,2020.1,", "成立", "1 月还是 10 月"),
        ("V1,甲,1,43831,", "成立", "日期序号"),
        ("V1,#REF!,1,,", "村名", "公式错误"),
        ("V1,甲,1,,990101197503154000", "证号", "末三位"),
    ],
)
def test_what_a_spreadsheet_ruined_is_named_and_not_guessed(
    city: Tree, value: str, column: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert formatted(city, CSV, HEAD + value + "\n") == HEAD + value + "\n"
    [problem] = format_records(city.root).named
    assert (problem.file, problem.line, problem.column) == (CSV, 2, column)
    assert words in problem.message
    assert "990101" not in problem.message
    assert main(["--root", str(city.root), "fmt"]) == 1
    assert f"第2行 [{column}]" in capsys.readouterr().out


@pytest.mark.parametrize(
    "content",
    [
        HEAD + 'V1,"甲,1,,\n',
        HEAD + "V1,甲,1\n",
        HEAD.replace("name", "nmae") + "V1,甲,1,,\n",
        b"village,name,size,since,id_number\nV1,\xe4\xba\x91\xff\xe5\xb2\xad\xe6\x9d\x91,1,,\n",
        b"\x80\x81\xfe\xff\x00",
        (HEAD + "V1,甲,1,,\n").replace(",", ";"),
        "2026年台账,,,,\n" + HEAD + "V1,甲,1,,\n",
        HEAD + "V1,甲,1,,\n合计,,1,,\n",
        HEAD + "<<<<<<< HEAD\nV1,甲,1,,\n=======\nV1,乙,1,,\n>>>>>>> b\n",
        # Cells that were merged: whose line it is nobody can tell once it stands elsewhere.
        HEAD + "V9,甲,1,,\n,乙,1,,\nV2,丙,1,,\n,丁,１,,\n",
        HEAD + "V9,甲,1,,\n编号,村名,户数,成立,证号\nV2,乙,2,,\n",
        HEAD + "V9,甲,1,,\n填表人：李四,,,填表日期：2026年1月1日,\n",
        HEAD + "V9,甲,约１２户,,\nV2,乙,２,,\n",
        (HEAD + "V9,云岭,1,,\n").encode("gb18030") + "V2,清泉,1,,\n".encode(),
        HEAD.encode() + "V9,雲嶺鄉許厝村,1,,\nV2,鹽埕區,1,,\n".encode("big5"),
        HEAD.encode() + "V9,陳鎮,1,,\n".encode("big5"),
        (HEAD + "V9,张𬭎,1,,\n").encode("gbk", "replace"),
        HEAD.encode() + "V9,学校,1,,\nV2,小心,1,,\n".encode("gbk"),
        HEAD + "V9,寮犱笁,1,,\nV2,甲,1,,\n",
        HEAD + "V9,甲,1,,\nV2,乙,1,,\nV9,丙,1,,\n",
        HEAD + "V9,甲,1,,\nV2,丁,-１,,\n",
    ],
    ids=[
        *("quote", "short", "label", "damaged", "binary", "separator", "title", "total", "conflict"),
        *("merged cells", "second header", "no date", "no number", "two encodings", "big5", "short big5"),
        *("lost character", "short gbk", "misread", "key twice", "below zero"),
    ],
)
def test_a_table_that_cannot_be_read_whole_is_left_alone(city: Tree, content: str | bytes) -> None:
    city.write(CSV, content)
    before = (city.root / CSV).read_bytes()
    done = format_records(city.root)
    assert [name for name, _ in done.left] == [CSV]
    assert done.left[0][1]
    assert (city.root / CSV).read_bytes() == before


def test_values_that_stand_for_nothing_keep_their_meaning(tree: Tree) -> None:
    tree.table("a", ["id", "b"], primaryKey=["id"], missingValues=["-", "无"])
    assert formatted(tree, "records/a.csv", "id,b\n2,无\n1,\n3,-\n") == "id,b\n1,\n2,-\n3,-\n"


def test_lines_whose_place_is_not_known_stay_where_they_are(tree: Tree) -> None:
    tree.table("a", ["id", {"name": "rank", "type": "integer"}], primaryKey=["id"], order=["rank"])
    assert formatted(tree, "records/a.csv", "id,rank\nx,１０\ny,\na,9\n") == "id,rank\nx,10\ny,\na,9\n"


def test_a_schema_says_in_which_order_lines_stand(tree: Tree) -> None:
    tree.table("a", ["id", {"name": "rank", "type": "integer"}], primaryKey=["id"], order=["rank"])
    tree.table("b", ["id"], primaryKey=["id"], order=[])
    assert formatted(tree, "records/a.csv", "id,rank\nx,10\ny,9\na,10\n") == "id,rank\ny,9\nx,10\na,10\n"
    assert formatted(tree, "records/b.csv", "id\nz\na\n") == "id\nz\na\n"
    tree.table("c", ["id"], primaryKey=["id"], order=["no"])
    assert [p.rule for p in tree.check()] == ["schema-error"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "note: \"甲：乙\"\nname:   '李'\nid: P1\nposts:\n- post: 书记\n  since: 2020/1/5\n- {post: 主任}\n",
            "id: P1\nname: 李\nnote: 甲：乙\nposts:\n  - {post: 书记, since: 2020-01-05}\n  - {post: 主任}\n",
        ),
        ("id: P1\r\nborn: 1975.03\r\n", "id: P1\nborn: 1975-03\n"),
        ("\ufeffid: P1\nschool_name: 甲校\n", "id: P1\nschool_name: 甲校\n"),
        ("{id: P1, school: {name: 甲校}}", "id: P1\nschool:\n  name: 甲校\n"),
        ("id: P1\nname:\nnote: null\nposts: []\n", "id: P1\n"),
        ('id: P1\nname: "2018"\nnote: "yes"\n', 'id: P1\nname: "2018"\nnote: "yes"\n'),
        ("id: P1\nname: 2018年生\nnote: a#b\n", 'id: P1\nname: 2018年生\nnote: "a#b"\n'),
        ("id: P1\nnote: |\n  一\n  # 不是注释\n", 'id: P1\nnote: "一\\n# 不是注释\\n"\n'),
        ("- id: P1\n  name: 甲\n- {id: P2}\n", "- id: P1\n  name: 甲\n- id: P2\n"),
        ("id: P1\nname: 李示范\n".encode("gb18030"), "id: P1\nname: 李示范\n"),
    ],
    ids=["order", "crlf", "bom", "flow", "empty", "words", "digits", "block", "list", "gb18030"],
)
def test_a_document_is_put_into_one_form(city: Tree, before: str | bytes, after: str) -> None:
    assert formatted(city, DOCUMENT, before) == after
    assert format_records(city.root).changed == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("id: P1 # 编号\n", "注释"),
        ("# 说明\nid: P1\n", "注释"),
        ("id: P1\nnote: it's # 注释 isn't\n", "注释"),
        ("id: P1\nnote: | # 注释\n  甲\n", "注释"),
        ("id: P1\nposts:\n  # 注释\n  - {post: 甲}\n", "注释"),
        ("id: [\n", "YAML"),
        ("id: P1\nunknown: 1\n", "没有"),
        ("id: &a P1\nname: *a\n", "锚点"),
        ("name: 甲\nid: P1\nborn: 一九七五年\n", "一九七五年"),
    ],
)
def test_a_document_that_would_lose_something_is_left_alone(city: Tree, content: str, words: str) -> None:
    assert formatted(city, DOCUMENT, content) == content
    done = format_records(city.root)
    assert [name for name, _ in done.left] == [DOCUMENT]
    assert words in done.left[0][1]
    assert main(["--root", str(city.root), "fmt"]) == 1


def test_checking_changes_nothing_and_tells(city: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    text = HEAD + "V2,乙,2,,\nV1,甲,1,,\n"
    city.write(CSV, text)
    city.write(DOCUMENT, "id: P1\n")
    assert main(["--root", str(city.root), "fmt", "--check"]) == 1
    assert f"需要整理 {CSV}" in capsys.readouterr().out
    assert (city.root / CSV).read_text() == text
    assert main(["--root", str(city.root), "fmt", str(city.root / DOCUMENT)]) == 0
    assert "看了 1 个文件，整理了 0 个" in capsys.readouterr().out
    assert main(["--root", str(city.root), "fmt", str(city.root / "records/none.csv")]) == 2
    with pytest.raises(UsageError, match="不在"):
        format_records(city.root, [ROOT / "pyproject.toml"])


def test_a_link_is_not_followed(city: Tree, tmp_path: Path) -> None:
    (tmp_path / "outside.csv").write_text(HEAD + "V2,乙,2,,\nV1,甲,1,,\n")
    city.write("records/people/x", "")
    (city.root / CSV).symlink_to(tmp_path / "outside.csv")
    format_records(city.root)
    assert (tmp_path / "outside.csv").read_text().startswith(HEAD + "V2")


@pytest.mark.exhaustive
def test_the_sample_city_is_in_canonical_form() -> None:
    done = format_records(ROOT, write=False)
    assert (done.changed, done.left, done.named) == ([], [], [])
    assert done.seen > 1000


# any value


# What an input method, a spreadsheet or an attacker may put into a cell; a line break ends a record and is for YAML only.
_ANY = st.text(
    st.one_of(
        st.sampled_from("一二·Ｖ１２：，“”𠮷 \t#:-?[]{}'\"&*!|>%@`,=~.+\\0123456789eEnyxo/年月日"),
        st.characters(exclude_categories=("Cs", "Cc", "Co", "Cn")),
        st.sampled_from(string.ascii_letters),
    ),
    max_size=12,
)


def test_a_number_that_begins_like_a_date_is_none(tree: Tree) -> None:
    tree.table(
        "a", ["id", {"name": "file_number", "constraints": {"pattern": r"\d{4}-\d+"}}], primaryKey=["id"]
    )
    for value in ("2026-1", "2026/1/5", "2026年1月"):
        content = f"id,file_number\nb,{value}\na,2026-11\n"
        assert value in formatted(tree, "records/a.csv", content)


@given(_ANY)
def test_any_text_reads_again_as_itself_by_us_and_by_others(text: str) -> None:
    for plain in (False, True):
        line = f"a: {scalar(text, plain=plain)}\nb:\n  - {{c: {scalar(text, plain=plain)}, d: 1}}\n"
        value = parse_yaml(line)
        assert value == {"a": text, "b": [{"c": text, "d": "1"}]}
    other = yaml.safe_load(f"a: {scalar(text)}\n")["a"]
    # A date is left bare, since every tool of ours and most of theirs show it as written.
    assert other == text or str(other) == text


@given(
    st.lists(
        st.tuples(_ANY, _ANY, st.integers(-5, 10**6), st.dates().map(str) | st.just("") | _ANY),
        max_size=6,
        unique_by=lambda r: r[0],
    )
)
def test_any_table_formats_once_and_loses_nothing(rows: list[tuple[str, str, int, str]]) -> None:
    tree = _shared()
    lines = [",".join('"' + str(c).replace('"', '""') + '"' for c in (*r, "")) for r in rows]
    _formats_once(tree, CSV, HEAD + "".join(f"{line}\n" for line in lines))


@given(
    st.dictionaries(
        st.sampled_from(["name", "born", "school_name", "note"]), _ANY | st.just("1975.03"), max_size=4
    ),
    st.lists(
        st.dictionaries(st.sampled_from(["post", "since"]), _ANY | st.dates().map(str), min_size=1),
        max_size=3,
    ),
    st.booleans(),
)
def test_any_document_formats_once_and_loses_nothing(
    fields: dict[str, str], posts: list[dict[str, str]], spread: bool
) -> None:
    tree = _shared()
    document = {**fields, "posts": posts, "id": "P1"}
    text = json.dumps(document, ensure_ascii=True) if spread else yaml.safe_dump(document, allow_unicode=True)
    _formats_once(tree, DOCUMENT, text)


_TREES: list[Tree] = []


def _shared() -> Tree:
    import tempfile

    if not _TREES:
        _TREES.append(declare(Tree(Path(tempfile.mkdtemp()) / "tree")))
    for path in (CSV, DOCUMENT):
        (_TREES[0].root / path).unlink(missing_ok=True)
    return _TREES[0]


def _formats_once(tree: Tree, path: str, content: str) -> None:
    tree.write(path, content)
    before = _rows(tree)
    first = format_records(tree.root)
    once = (tree.root / path).read_bytes()
    again: Formatted = format_records(tree.root)
    assert again.changed == []
    assert (tree.root / path).read_bytes() == once
    after = _rows(tree)
    if first.left:
        assert after == before
    # Dates and digits may have been mended; everything else is to the letter what it was.
    for table, names in {
        "villages": {"village", "name"},
        "people": {"id", "name", "school_name", "note"},
        "posts": {"post"},
    }.items():
        assert sorted(_only(before[table], names)) == sorted(_only(after[table], names))


def _rows(tree: Tree) -> dict[str, list[dict[str, str | None]]]:
    package = Project.open(tree.root).package
    records = read_records(WorkTree(tree.root), package)
    return {
        n: [dict(zip((f.name for f in t.fields), c, strict=True)) for _, (_, c) in records.rows(n)]
        for n, t in package.tables.items()
    }


def _only(rows: list[dict[str, str | None]], names: set[str]) -> list[list[tuple[str, str]]]:
    return [sorted((k, str(v)) for k, v in row.items() if k in names) for row in rows]


def test_a_table_at_the_root_is_put_in_order_too(tree: Tree) -> None:
    tree.table("notes", ["id", "text"], path="notes.csv", primaryKey=["id"]).write(
        "notes.csv", "id,text\r\n1,甲\r\n"
    )
    assert format_records(tree.root).changed == ["notes.csv"]
    assert (tree.root / "notes.csv").read_bytes() == "id,text\n1,甲\n".encode()
