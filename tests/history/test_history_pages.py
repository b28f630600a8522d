from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from edited import Edited
from trees import copy_of

from lingtouyan.checks.register import register_with_editions
from lingtouyan.database.editions import open_edition
from lingtouyan.database.statements import read_statements
from lingtouyan.problems import RecordsError
from lingtouyan.project import Project
from lingtouyan.reading.package import Sensitivity, load_package
from lingtouyan.reading.source import WorkTree
from lingtouyan.templates.functions import make_functions
from lingtouyan.templates.links import Links
from lingtouyan.templates.sandbox import Groups
from lingtouyan.templates.templates import read_templates, run_queries

pytestmark = pytest.mark.exhaustive

ROOT = Path(__file__).resolve().parents[2]
HEAD = "member_id,name,name_pinyin,party_id,degree,attendance,full_time,started,ended,successor,home_phone\n"


class Editions:
    """The editions of a tree, open for questions."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.project = Project.open(root)
        paths = {e: folder / f"{e}.duckdb" for e in ("public", "internal")}
        register = register_with_editions(self.project, self.project.as_of(None), paths, allow_errors=True)
        register.connection.close()
        self.open: dict[str, duckdb.DuckDBPyConnection] = {e: open_edition(p) for e, p in paths.items()}

    def rows(self, edition: str, sql: str) -> list[Any]:
        return self.open[edition].execute(sql).fetchall()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Editions:
    """A parliament of which the public does not see one member, with a history of what was typed about all."""
    root = copy_of("parliament", tmp_path_factory.mktemp("house") / "house")
    repository = Edited(root)
    for file in (root / "records").glob("members-*.csv"):
        file.unlink()

    def write(*lines: str) -> None:
        (root / "records/members-a.csv").write_text(HEAD + "".join(f"{x}\n" for x in lines), "utf-8")

    shown, hidden = "M001,安娜,,,学士,0.9,,2020-01-01,,{},{}", "M002,贝拉,,,{},0.9,,1970-01-01,1980-01-01,,"
    write(shown.format("", "13800000000"), hidden.format("学士"))
    repository.commit("建库", author_email="clerk@example.invalid")
    write(shown.format("M002", "13911112222"), hidden.format("硕士"))
    repository.commit("改\n\n依据: 议〔2026〕1号")
    write(shown.format("", "").replace("学士", "硕士").replace("0.9", "0.8"), hidden.format("硕士"))
    repository.commit("再改", author_name="秘书长")
    return Editions(root, tmp_path_factory.mktemp("editions"))


def test_the_public_sees_no_author_and_no_message(house: Editions) -> None:
    columns = {c[0] for c in house.rows("public", "DESCRIBE commits")}
    assert columns == {"commit", "author_time", "commit_time", "proposed", "ordinal"}
    assert "file" not in {c[0] for c in house.rows("public", "DESCRIBE changes")}


def test_the_public_sees_only_public_fields_of_records_it_is_shown(house: Editions) -> None:
    seen = house.rows(
        "public", "SELECT record_key, field, before, after FROM changes WHERE field IS NOT NULL"
    )
    # Not the attendance and the telephone of the one, nothing of the other, and not the other's name in the one's past.
    assert seen == [("M001", "degree", "学士", "硕士")]
    assert "M002" not in str(house.rows("public", "FROM changes"))
    assert len(house.rows("public", "FROM commits")) == 2


def test_the_office_sees_all_fields_and_restricted_values_only_as_hidden(house: Editions) -> None:
    seen = house.rows(
        "internal", "SELECT field, before, after FROM changes WHERE record_key = 'M001' AND field IS NOT NULL"
    )
    assert ("home_phone", "●●●", "●●●") in seen
    assert ("successor", None, "M002") in seen
    assert "13911112222" not in str(house.rows("internal", "FROM changes"))
    assert house.rows("internal", "SELECT body FROM commits WHERE body IS NOT NULL") == [
        ("依据: 议〔2026〕1号",)
    ]


def test_a_commit_is_linked_where_the_host_is_known_and_never_for_the_public(
    house: Editions, tmp_path: Path
) -> None:
    root = tmp_path / "linked"
    shutil.copytree(house.project.root, root)

    def link(edition: str, address: str) -> str:
        content = (house.project.root / "datapackage.yaml").read_text("utf-8")
        content = content.replace("{as_of: 2026-01-31}", f"{{as_of: 2026-01-31, commit_url: '{address}'}}")
        (root / "datapackage.yaml").write_text(content, "utf-8")
        functions = make_functions(Project.open(root), house.open[edition], Links(), edition)
        return str(functions["commit_link"]("0123456789abcdef"))

    address = "https://git.example/c/{commit}"
    assert 'href="https://git.example/c/0123456789abcdef"' in link("internal", address)
    assert "href" not in link("public", address)
    assert "0123456789<" in link("public", address)
    for wrong in ("javascript:alert({commit})", "https://git.example/c/"):
        with pytest.raises(RecordsError, match="commit_url"):
            link("internal", wrong)


# The city's own views and pages.


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editions]:
    root = tmp_path_factory.mktemp("history") / "city"
    root.mkdir()
    for name in ("records", "schemas", "site"):
        shutil.copytree(ROOT / name, root / name)
    for name in ("datapackage.yaml", "mkdocs.yml"):
        shutil.copy(ROOT / name, root / name)
    repository = Edited(root)
    day = {"author_date": "2026-10-05T23:30:00+08:00"}
    repository.commit("建库", author_date="2026-09-01T10:00:00+08:00")
    township = "records/townships/990101101-清泉镇"
    repository.edit(f"{township}/people/P0001.yaml", ("level: 高中", "level: 大专"))
    repository.commit("更正学历\n\n依据：清委〔2026〕31号", author_name="孟兰玉", **day)
    repository.edit(f"{township}/payments.csv", (",是,0,", ",是,0.1,"))
    repository.commit("批量", author_date="2026-11-02T10:00:00+08:00")
    repository.edit(
        f"{township}/people/P0001.yaml",
        ("rewards_note:", "health: 一般\nsanctions:\n  - {title: 警告, decided_on: 2026-10}\nrewards_note:"),
    )
    repository.commit("不该写的", author_date="2026-11-03T10:00:00+08:00")
    made = Editions(root, tmp_path_factory.mktemp("editions"))
    yield made
    for connection in made.open.values():
        connection.close()


@pytest.mark.slow
def test_a_change_is_told_with_day_township_person_and_paper(city: Editions) -> None:
    told = city.rows(
        "internal",
        "SELECT day::VARCHAR, month, author, place, about, action, item, before, after, document FROM change_log "
        "WHERE root_key = 'P0001' AND action <> '新增' AND day < DATE '2026-11-01'",
    )
    assert told == [
        (
            "2026-10-05",
            "2026-10",
            "孟兰玉",
            "清泉镇",
            "李示范",
            "修改",
            "全日制教育学历",
            "高中",
            "大专",
            "清委〔2026〕31号",
        )
    ]


@pytest.mark.slow
def test_a_bulk_change_is_one_line_and_each_record_keeps_its_own(city: Editions) -> None:
    assert (
        city.rows(
            "internal", "SELECT count(*) FROM change_log WHERE month = '2026-11' AND table_name = 'payments'"
        )[0][0]
        > 100
    )
    [line] = city.rows(
        "internal",
        "SELECT item, before, after, records FROM change_digest WHERE month = '2026-11' AND table_title = '报酬发放'",
    )
    assert line[:3] == ("与标准差异", "0", "0.1")
    assert line[3] > 100


@pytest.mark.slow
def test_a_table_whose_key_is_restricted_is_not_spoken_of(city: Editions) -> None:
    for edition in ("public", "internal"):
        assert "sanctions" not in str(city.rows(edition, "SELECT table_name FROM changes"))
    told = city.rows("internal", "SELECT item, before, after FROM change_log WHERE day = DATE '2026-11-03'")
    assert told == [("健康状况", None, "●●●")]


@pytest.mark.slow
def test_every_page_of_changes_is_bounded_in_both_editions(city: Editions) -> None:
    for edition, connection in city.open.items():
        for template in read_templates(city.project.root, "site/pages"):
            if not template.name.startswith("changes/") or template.edition not in ("", edition):
                continue
            for rows in run_queries(connection, template, edition).values():
                groups = [rows[key] for key in rows] if isinstance(rows, Groups) else [rows]
                assert max(map(len, groups), default=0) <= 2000, template.name


def test_every_table_that_names_a_person_or_village_openly_is_found_by_them() -> None:
    view = next(v for v in read_statements(WorkTree(ROOT), "schemas/views") if v.name == "record_subjects")
    listed = set(re.findall(r"FROM (\w+)", view.sql))
    wanted = {
        t.name
        for t in load_package(WorkTree(ROOT)).tables.values()
        if not t.parent
        and any(
            f.name in ("person_id", "village_id") and f.sensitivity < Sensitivity.RESTRICTED for f in t.fields
        )
    }
    assert wanted == listed
