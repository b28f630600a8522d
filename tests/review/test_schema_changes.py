"""Every kind of thing that is declared: what a change to it is told as, and whether it stands first."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from trees import copy_of

from lingtouyan.project import Project
from lingtouyan.review.schema_changes import SchemaChange, changed_files, loud, schema_changes

PACKAGE, MEMBERS = "datapackage.yaml", "schemas/tables/members.yaml"
RULE, VIEW = "schemas/rules/Q1.sql", "schemas/views/sitting_members.sql"
CASE = "tests/cases/rules/Q1.yaml"
BEFORE = {
    PACKAGE: (
        "{as_of: 2026-01-31}",
        "{as_of: 2026-01-31, signatures: required, alarm_share: '0.05', alarm_jump: '0.2'}",
    ),
    VIEW: (
        "title: 在任议员\n",
        "title: 在任议员\ncompare: [member_id]\nrows: {public: \"name <> '安娜'\"}\n",
    ),
}


def edited(root: Path, file: str, old: str, new: str) -> None:
    path = root / file
    content = path.read_text("utf-8") if path.exists() else ""
    assert old in content, old
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content.replace(old, new, 1) if old else new, "utf-8")


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = copy_of("parliament", tmp_path_factory.mktemp("before") / "house")
    for file, (old, new) in BEFORE.items():
        edited(root, file, old, new)
    for file in (
        "site/feeds/all.json",
        "site/theme/main.js",
        ".github/workflows/a.yml",
        "generator/x.py",
        CASE,
    ):
        edited(root, file, "", "---\ntitle: 甲\n---\n")
    return root


def told(before: Path, after: Path) -> list[SchemaChange]:
    old, new = Project.open(before), Project.open(after)
    return schema_changes(old, new, {f for f in changed_files(old, new) if not f.startswith("records/")})


@pytest.fixture
def after(before: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(before, tmp_path / "house"))


LOUD = {
    "signatures": (PACKAGE, "signatures: required, ", "", "设置 signatures 取消（原为 required）"),
    "share": (PACKAGE, "alarm_share: '0.05'", "alarm_share: '0.5'", "alarm_share 由 0.05 改为 0.5"),
    "jump": (PACKAGE, ", alarm_jump: '0.2'", "", "alarm_jump 取消"),
    "date": (PACKAGE, "as_of: 2026-01-31", "as_of: 2020-01-31", "as_of 由 2026-01-31 改为 2020-01-31"),
    "new setting": (PACKAGE, "{as_of", "{review_subjects: members, as_of", "review_subjects 新增：members"),
    "all settings": (
        PACKAGE,
        "lingtouyan: {as_of: 2026-01-31, signatures: required, alarm_share: '0.05', alarm_jump: '0.2'}\n",
        "",
        "signatures 取消",
    ),
    "path": (PACKAGE, "path: records/parties.csv", "path: records/none.csv", "“党团”的文件位置 由"),
    "visibility": (
        MEMBERS,
        "title: 出席率, type: number, sensitivity: internal",
        "title: 出席率, type: number, sensitivity: public",
        "“议员”表“出席率”的密级由内部改为公开",
    ),
    "undeclared visibility": (
        MEMBERS,
        "title: 住宅电话, type: string",
        "title: 住宅电话, type: string, sensitivity: public",
        "“议员”表“住宅电话”的密级由限制改为公开",
    ),
    "required": (
        MEMBERS,
        "constraints: {required: true, maxLength: 50}",
        "constraints: {maxLength: 50}",
        "“姓名”的填写要求的required 取消",
    ),
    "last constraint": (
        MEMBERS,
        ", constraints: {pattern: '\\d{7,11}'}",
        "",
        "“住宅电话”的填写要求的pattern 取消",
    ),
    "bound": (MEMBERS, "maximum: 1}", "maximum: 9}", "“出席率”的填写要求的maximum 由 1 改为 9"),
    "foreign key": (
        MEMBERS,
        "  - {fields: [party_id], reference: {resource: parties, fields: [party_id]}}\n",
        "",
        "“议员”的关联的party_id → resource parties，fields party_id 取消",
    ),
    "primary key": (MEMBERS, "primaryKey: [member_id]\n", "primaryKey: [name]\n", "primaryKey 由"),
    "type": (
        MEMBERS,
        "title: 就任, type: date",
        "title: 就任, type: string",
        "“就任”的type 由 date 改为 string",
    ),
    "missing values": (
        MEMBERS,
        "label: name\n",
        "label: name\nmissingValues: ['', 无]\n",
        "代表空缺的写法 新增",
    ),
    "row filter": (
        MEMBERS,
        "rows: {public: \"ended IS NULL OR ended > DATE '1990-01-01'\"}\n",
        "",
        "“议员”在公开版显示哪些行的条件取消",
    ),
    "wider row filter": (MEMBERS, "ended IS NULL OR", "true OR", "在公开版显示哪些行的条件由"),
    "view's row filter": (
        VIEW,
        "rows: {public: \"name <> '安娜'\"}\n",
        "",
        "视图“在任议员”（sitting_members）在公开版",
    ),
    "field": (
        MEMBERS,
        "  - {name: ended, title: 离任, type: date, sensitivity: public}\n",
        "",
        "取消字段“离任”",
    ),
    "comparison": (VIEW, "compare: [member_id]\n", "", "的compare 取消"),
    "view's column": (
        VIEW,
        "title: 出席率, sensitivity: internal",
        "title: 出席率, sensitivity: public",
        "视图“在任议员”（sitting_members）的“出席率”由内部改为公开",
    ),
    "column from elsewhere": (VIEW, "m.name, date_diff", "m.home_phone AS name, date_diff", "的查询有改动"),
    "macro": (
        "schemas/macros/limit_of.sql",
        "SELECT value",
        "SELECT 0 * value",
        "修改宏 schemas/macros/limit_of.sql",
    ),
    "severity": (RULE, "severity: error", "severity: warning", "规则 Q1 表决人数 由错误改为提醒"),
    "complete": (
        RULE,
        "column: yes\n",
        "column: yes\ncomplete: [votes]\n",
        "规则 Q1 表决人数 的 complete 新增：votes",
    ),
    "condition": (RULE, "WHERE yes >", "WHERE yes > 1000 +", "规则 Q1 表决人数 的判断条件有改动"),
    "public page": ("site/pages/internal.md", "edition: internal\n", "", "由只在内部版改为在各版显示"),
    "theme": ("site/theme/main.js", "甲", "乙", "修改网站外观 site/theme/main.js"),
    "config": (
        "mkdocs.yml",
        "font: false",
        "font: true",
        "网站配置 mkdocs.yml.theme.font 由 false 改为 true",
    ),
    "navigation": (
        "mkdocs.yml",
        "  - 首页: index.md\n",
        "  - 首页: index.md\n  - 人员: members/index.md\n",
        "网站配置 mkdocs.yml.nav.人员 新增：members/index.md",
    ),
    "pipeline": (".github/workflows/a.yml", "甲", "乙", "修改流水线和仓库设置 .github/workflows/a.yml"),
    "new pipeline": (".gitlab-ci.yml", "", "a: b", "新增流水线和仓库设置 .gitlab-ci.yml"),
    "engine": ("generator/x.py", "甲", "乙", "修改程序 generator/x.py"),
}
QUIET = {
    "clause": (RULE, "clause: standing#2", "clause: standing#1", "的 clause 由 standing#2 改为 standing#1"),
    "message": (RULE, "多于出席", "超过出席", "的 message 由"),
    "column": (RULE, "column: yes", "column: present", "的 column 由 yes 改为 present"),
    "stricter": ("schemas/rules/Q2.sql", "severity: warning", "severity: error", "由提醒改为错误"),
    "title": (MEMBERS, "title: 离任", "title: 卸任", "字段 ended 的名称由“离任”改为“卸任”"),
    "constraint": (
        MEMBERS,
        "title: 拼音, type: string",
        "title: 拼音, type: string, constraints: {maxLength: 9}",
        "“拼音”的填写要求的maxLength 新增：9",
    ),
    "purpose": (
        MEMBERS,
        "title: 拼音, type: string",
        "title: 拼音, type: string, purpose: 检索",
        "“拼音”的用途 新增：检索",
    ),
    "closer": (
        MEMBERS,
        "title: 就任, type: date, sensitivity: public",
        "title: 就任, type: date, sensitivity: internal",
        "密级由公开改为内部",
    ),
    "page": ("site/pages/index.md", "# 首页", "# 主页", "修改页面模板 site/pages/index.md"),
    "feed": ("site/feeds/all.json", "甲", "乙", "修改数据接口模板 site/feeds/all.json"),
    "dossier": ("site/dossiers/a.html", "", "<p>", "新增卷宗模板 site/dossiers/a.html"),
    "other": ("README.md", "", "甲", "新增其他文件 README.md"),
}


@pytest.mark.parametrize(("file", "old", "new", "words"), LOUD.values(), ids=LOUD)
def test_what_lets_more_be_seen_or_less_be_checked_stands_first(
    before: Path, after: Path, file: str, old: str, new: str, words: str
) -> None:
    edited(after, file, old, new)
    changes = told(before, after)
    assert [c.words for c in changes if c.loud and words in c.words], [c.words for c in changes]
    assert changes[0].loud
    assert changes[0].explain().startswith("【注意】")


@pytest.mark.parametrize(("file", "old", "new", "words"), QUIET.values(), ids=QUIET)
def test_what_cannot_is_told_and_no_more(
    before: Path, after: Path, file: str, old: str, new: str, words: str
) -> None:
    edited(
        after, file, old.replace("severity: error", "remedy: 请核对票数。") if "remedy" in new else old, new
    )
    changes = told(before, after)
    assert [c.words for c in changes if words in c.words], [c.words for c in changes]
    assert not [c.words for c in changes if c.loud]


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (RULE, "取消规则 Q1 表决人数，今后不再检查"),
        (VIEW, "删除视图 schemas/views/sitting_members.sql"),
        ("schemas/macros/limit_of.sql", "删除宏"),
        (".github/workflows/a.yml", "删除流水线和仓库设置"),
        (CASE, "删除用例 tests/cases/rules/Q1.yaml"),
    ],
)
def test_what_is_gone_stands_first(before: Path, after: Path, file: str, words: str) -> None:
    (after / file).unlink()
    [change] = told(before, after)
    assert change.loud
    assert words in change.words


def test_a_table_that_is_gone(before: Path, after: Path) -> None:
    resource = "  - {name: votes, title: 表决, parent: sittings, property: agenda.votes, schema: schemas/tables/votes.yaml}\n"
    edited(after, PACKAGE, resource, "")
    (after / RULE).unlink()
    assert next(c.words for c in told(before, after) if c.loud).startswith("取消登记表“表决”（votes）")


def test_nothing_changed_is_nothing_told_and_much_is_counted(before: Path, after: Path) -> None:
    assert told(before, after) == []
    for number in range(9):
        edited(after, f"generator/y{number}.py", "", "甲")
    assert len(list(loud(told(before, after)))) == 4
    assert "还有 6 处" in list(loud(told(before, after)))[-1]


def test_a_view_that_is_new_opens_a_door(before: Path, after: Path) -> None:
    header = "/*\ntitle: 电话\nfields:\n  home_phone: {title: 住宅电话, sensitivity: public}\n*/\n"
    edited(after, "schemas/views/phones.sql", "", header + "SELECT home_phone FROM members")
    assert [c.words for c in told(before, after) if c.loud] == [
        "视图“电话”（phones）的“住宅电话”新列为公开，会让更多人看到，请确认经过保密审查。"
    ]
