"""Plain documents are read line by line; whatever that reading accepts, the parser reads in exactly the same way."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trees import Tree

from lingtouyan.problems import Problem
from lingtouyan.reading.csv import Row
from lingtouyan.reading.documents import read_document, rows_of
from lingtouyan.reading.package import Package, load_package
from lingtouyan.reading.source import WorkTree
from lingtouyan.reading.yaml import parse_plain, parse_yaml

ROOT = Path(__file__).resolve().parents[2]
PLAIN = """\
id: E1
name: 张三
term: "2018"
born: 1975-03
group:
  level: 高中, 中专
  deep:
    school: 一中
note:
rounds:
  - round: 一
    date: 2018-03-01
    marks:
      - {who: P1, points: 3}
      - {who: P2, points: 4, remark: "好"}

  - round: 二
    ordinal: 7
honours:
  - {title: 优秀, year: 2019}
  - {year: 2020, title: 先进}
"""
PIECES = [
    *(
        "a",
        "张",
        " ",
        "  ",
        "\n",
        ":",
        ": ",
        "- ",
        "-",
        "{",
        "}",
        "[",
        "]",
        ",",
        ", ",
        "#",
        " #",
        '"',
        "'",
        "&a",
        "*a",
    ),
    *(
        "|",
        ">",
        "!x",
        "%",
        "@",
        "`",
        "?",
        "? ",
        "~",
        "null",
        "=",
        "<<",
        "\t",
        "\r",
        "\x85",
        "\u2028",
        "\ufeff",
        "\xa0",
    ),
    *(
        "\ufdd1",
        "\u3000",
        "\\",
        "---\n",
        "...\n",
        "id: E2\n",
        "note: x\n",
        "    ",
        "  - ",
        "{who: P3}",
        "yes",
        "\U000f0000",
    ),
]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    tree = Tree(tmp_path_factory.mktemp("plain"))
    tree.table(
        "events",
        ["id", "name", "term", "born", "group_level", "group_deep_school", "note"],
        path="records/*.yaml",
        primaryKey=["id"],
    )
    tree.table(
        "rounds",
        ["id", "ordinal", "round", "date"],
        parent="events",
        property="rounds",
        primaryKey=["id", "ordinal"],
    )
    tree.table(
        "marks",
        ["id", "ordinal", "who", "points", "remark"],
        parent="rounds",
        property="marks",
        primaryKey=["id", "ordinal", "who"],
    )
    tree.table(
        "honours", ["id", "ordinal", "title", "year"], parent="events", property="honours", primaryKey=["id"]
    )
    return load_package(WorkTree(tree.root))


def told(rows: dict[str, list[Row]], problems: list[Problem]) -> dict[str, list[list[str | None]]] | str:
    if problems:
        return problems[0].message
    return {t: [["x.yaml", str(line), *cells] for line, cells in found] for t, found in rows.items()}


def plainly(
    package: Package, text: bytes, table: str = "events"
) -> dict[str, list[list[str | None]]] | str | None:
    """Return table -> rows of a document in plain form, which the parser must take for the same; None for another."""
    item = parse_plain(text)
    if item is None:
        return None
    assert item == parse_yaml(text.decode())
    return told(*rows_of(text, "x.yaml", package.tables[table], package))


def fully(package: Package, text: bytes, table: str = "events") -> dict[str, list[list[str | None]]] | str:
    return told(*read_document(text, "x.yaml", package.tables[table], package))


def test_a_plain_document_gives_its_rows_with_lines_keys_and_places_in_lists(package: Package) -> None:
    assert plainly(package, PLAIN.encode()) == {
        "events": [["x.yaml", "1", "E1", "张三", "2018", "1975-03", "高中, 中专", "一中", None]],
        "rounds": [["x.yaml", "11", "E1", "1", "一", "2018-03-01"], ["x.yaml", "17", "E1", "7", "二", None]],
        "marks": [["x.yaml", "14", "E1", "1", "P1", "3", None], ["x.yaml", "15", "E1", "1", "P2", "4", "好"]],
        "honours": [["x.yaml", "20", "E1", "1", "优秀", "2019"], ["x.yaml", "21", "E1", "2", "先进", "2020"]],
    }
    assert fully(package, PLAIN.encode()) == plainly(package, PLAIN.encode())


@pytest.mark.parametrize(
    "text",
    [
        "id: a\nid: b\n",
        "id: a\n- name: b\n",
        "id: a\nhonours:\n  - {title: x}\n  title: y\n",
        "id: a\nhonours:\n  - title: x\n    - {title: y}\n",
        "id: a: b\n",
        "id: a #b\n",
        "id: a\n  b\n",
        "id: a\n  name: b\n",
        "id: a\nname:: b\n",
        "id: a\n: b\n",
        "id: a\nname: \n",
        "id: a\nnmae: b\n",
        "id: a\ngroup: b\n",
        "id: a\ngroup:\n  level: b\n group_level: c\n",
        "id: a\ngroup_level: c\ngroup:\n  level: b\n",
        "id: a\nnote:\nnote: b\n",
        "id: a\nnote: b\nnote:\n",
        "id: a\nnote:\n  - b\n",
        "id: a\ngroup:\n  level: b\ngroup:\n  level: c\n",
        "honours:\n  - {title: x}\nid: a\n",
        "id: a\nhonours:\n- {title: x}\n",
        "id: a\nhonours:\n    - {title: x}\n  - {title: y}\n",
        "id: a\nhonours:\n  - {title: x}\n    - {title: y}\n",
        "id: a\nhonours:\n  - {title: x, title: y}\n",
        "id: a\nhonours:\n  - {id: x}\n",
        "id: a\nhonours:\n  - {title: x, y}\n",
        "id: a\nhonours:\n  - {title: x}}\n",
        "id: a\nhonours:\n  - {title: a:b}\n",
        "id: a\nhonours:\n  title: x\n",
        "id: a\nhonours: x\n",
        "id: a\nrounds:\n  - round: x\n   date: y\n",
        "id: a\nrounds:\n  - marks:\n      - {who: b}\n",
        "id: a\nrounds:\n  - round: x\n    marks:\n      - {who: b}\n    ordinal: 5\n",
        "id: a\nrounds:\n  - round: x\n    ordinal:\n",
        "id: null\nname: ~\n",
        "- id: a\n",
        "\n",
        "id: a",
        "id: a\r\n",
        "id: a\x00\n",
        "id: \x85a\n",
        "id: a\u2028b\n",
        "\ufeffid: a\n",
        "id: a\tb\n",
        "id: a\n---\nid: b\n",
    ],
)
def test_what_the_parser_refuses_or_reads_otherwise_is_left_to_it(package: Package, text: str) -> None:
    found = plainly(package, text.encode())
    assert found is None or found == fully(package, text.encode())


def test_bytes_that_are_no_text_are_left_to_the_reader_that_names_them(package: Package) -> None:
    assert plainly(package, "id: 张\n".encode("gb18030")) is None


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(
        st.tuples(st.integers(0, len(PLAIN)), st.integers(0, 4), st.sampled_from(PIECES)),
        min_size=1,
        max_size=4,
    )
)
def test_a_damaged_document_is_read_alike_or_left_alone(
    package: Package, changes: list[tuple[int, int, str]]
) -> None:
    text = PLAIN
    for place, length, piece in changes:
        text = text[:place] + piece + text[place + length :]
    found = plainly(package, text.encode())
    assert found is None or found == fully(package, text.encode())


def test_rows_are_the_same_whichever_way_they_were_read(package: Package) -> None:
    table = package.tables["events"]
    assert rows_of(PLAIN.encode(), "x.yaml", table, package) == read_document(
        PLAIN.encode(), "x.yaml", table, package
    )
    # With something that the plain form does not know, in the parser's way.
    odd = PLAIN.replace("name: 张三", "name: '张三'")
    assert rows_of(odd.encode(), "x.yaml", table, package) == rows_of(
        PLAIN.encode(), "x.yaml", table, package
    )


def test_the_sample_city_is_plain_and_read_alike() -> None:
    package = load_package(WorkTree(ROOT))
    seen = 0
    for place, table in (("people", "people"), ("elections", "elections"), ("filings", "filings")):
        for path in sorted(ROOT.glob(f"records/townships/*/{place}/*.yaml"))[::15]:
            data = path.read_bytes()
            found = plainly(package, data, table)
            assert found is None or found == fully(package, data, table)
            seen += found is not None
    assert seen > 20
