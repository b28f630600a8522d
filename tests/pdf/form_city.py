"""A tree with two villages' records, written for the forms: full ones, bare ones, hostile ones."""

from __future__ import annotations

import csv
import datetime
import shutil
import tempfile
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from lingtouyan.checks.register import register_with_editions
from lingtouyan.database.editions import open_edition
from lingtouyan.pdf.jobs import Selection, chosen_templates, dossier_jobs, words_asked
from lingtouyan.pdf.render import DossierJob
from lingtouyan.project import Project

AS_OF = datetime.date(2026, 11, 20)
ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "site" / "dossiers"
LONG_NAME = "阿卜杜热合曼·买买提图尔荪"
RARE_NAME = "王𬭎𠮷䶮㛃"
HOSTILE_NAME = """<b>陈"|{{x}}'</b>&amp;"""
HOSTILE_WORK = "经营 </p><script>alert(1)</script> {% raw %} ${x} [a](javascript:1)"
FOLDER = "records/townships/990101101-清泉镇"

_FULL = {
    "sex": "男",
    "birth": "1975-03-15",
    "ethnic_group": "汉族",
    "native_place": "示例市清泉镇",
    "birthplace": "示例市清泉镇",
    "political_status": "中共党员",
    "party_joined": "1998-06",
    "work_started": "1995-07",
    "origin": "本村农民",
    "specialities": "茶叶种植与加工、农民专业合作社经营管理",
    "education": {
        "full_time": {"level": "高中", "school": "示例市第二中学"},
        "in_service": {"level": "大专", "school": "国家开放大学示例学院", "major": "农业经济管理"},
    },
    "rewards_note": "多次受到镇党委表彰。",
    "honours": [
        {"title": "市优秀党务工作者", "level": "市级", "granted_by": "中共示例市委", "granted_on": "2021-06"}
    ],
}
_RESUME = [
    ("1992-09", "1995-06", "示例市第二中学高中学生"),
    ("1995-07", "2003-08", "在外地某电子厂务工，历任普工、班组长、车间主管"),
    ("2003-09", "2016-06", "返乡创办茶叶加工厂，任厂长（其间：2005.03--2007.07 在国家开放大学示例学院学习）"),
    ("2016-07", None, "示例市清泉镇云岭村党总支副书记、村民委员会副主任"),
]


def _resume(entries: list[tuple[str, str | None, str]]) -> list[dict[str, str]]:
    return [{"started": a, "content": text, **({"ended": b} if b else {})} for a, b, text in entries]


def _long_resume() -> list[tuple[str, str | None, str]]:
    months = [(1986 + n // 3, 1 + n % 3 * 4) for n in range(96)]
    ends = [*(f"{y}-{m:02}" for y, m in months[1:]), None]
    return [
        (f"{y}-{m:02}", end, f"第{n}生产合作社社员、记工员、保管员，并兼任民兵营文书、农技推广员")
        for n, ((y, m), end) in enumerate(zip(months, ends, strict=True), 1)
        if y < 2018
    ]


# person_id -> (name, what the record holds besides)
PEOPLE: dict[str, tuple[str, dict[str, Any]]] = {
    "P0001": ("李示范", {**_FULL, "resume": _resume(_RESUME)}),
    "P0002": (LONG_NAME, {**_FULL, "ethnic_group": "维吾尔族", "resume": _resume(_RESUME[:2])}),
    "P0003": (RARE_NAME, {**_FULL, "sex": "女", "resume": _resume(_long_resume())}),
    "P0004": (
        "赵新",
        {"sex": "女", "birth": "1992-01", "ethnic_group": "土家族", "political_status": "中共党员"},
    ),
    # So much to say that the last opinion would begin on the second page and end on the third.
    "P0005": (
        HOSTILE_NAME,
        {
            **_FULL,
            "rewards_note": "多次受到表彰。" * 40,
            "resume": _resume([("2003-07", None, HOSTILE_WORK)]),
        },
    ),
}
KINDS = {
    "P0001": "任前备案",
    "P0002": "任后备案",
    "P0003": "换届预审",
    "P0004": "任前备案",
    "P0005": "任后备案",
}


def _yaml(path: Path, value: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(value, allow_unicode=True, sort_keys=False), encoding="utf-8")


def _csv(path: Path, rows: list[dict[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        columns = list(dict.fromkeys(key for row in rows for key in row))
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _election(number: str, person: str) -> dict[str, Any]:
    meetings = [
        ("党员推荐会", "2026-02-10", 46, 2, 44, 42, 42, 39, "入围"),
        ("群众推荐会", "2026-02-11", 36, 0, 36, 33, 33, 28, "入围"),
        ("党员大会选举", "2026-03-16", 46, 2, 44, 42, 41, 38, "当选"),
    ]
    return {
        "election_id": number, "village_id": "V9001", "term": "2026", "kind": "党组织换届",
        "attempt": "1", "seats": "5", "outcome": "成功",
        "inspection": {
            "started_on": "2026-02-24", "ended_on": "2026-02-26", "team": "清泉镇党委考察组",
            "talks": "22", "conclusion": "符合任职条件",
            "ratings": [
                {"person_id": person, "criterion": "政治素质高", "rating": "好", "evidence": "考察谈话均认为作风正派"},
                {"person_id": person, "criterion": "群众威信高", "rating": "好", "evidence": "民主测评满意率93%"},
            ],
        },
        "meetings": [
            {
                "meeting": m, "date": d, "eligible": str(el), "excluded": str(x), "expected": str(ex),
                "present": str(p), "issued": str(p), "returned": str(p), "valid": str(v),
                "votes": [
                    {"person_id": person, "candidate": "是", "approve": str(a), "oppose": "2", "abstain": "1", "result": r}
                ],
            }
            for m, d, el, x, ex, p, v, a, r in meetings
        ],
        "joint_reviews": [
            {"person_id": person, "org_id": org, "date": "2026-02-20", "result": "通过"} for org in ("sjw", "sgaj")
        ],
    }  # fmt: skip


def _repeat(folder: Path, person: str) -> None:
    """Let an election have failed: it was repeated on what had been done before, with a vote of its own."""
    failed = {**_election("E2026-9012", person), "outcome": "失败", "failure_reason": "得票没有过半数"}
    failed["meetings"][2]["votes"][0] |= {"approve": "20", "result": "未当选"}
    failed["meetings"][2]["date"] = "2026-03-09"
    again = {**_election("E2026-9002", person), "attempt": "2", "previous": "E2026-9012"}
    again["meetings"] = again["meetings"][2:]
    del again["inspection"], again["joint_reviews"]
    _yaml(folder / "E2026-9012.yaml", failed)
    _yaml(folder / "E2026-9002.yaml", again)


def write_tree(root: Path) -> Path:
    """Write the project and return its root."""
    for name in ("schemas", "records/city", "site/dossiers", "site/macros"):
        shutil.copytree(ROOT / name, root / name)
    shutil.copy(ROOT / "datapackage.yaml", root)
    folder = root / FOLDER
    _csv(
        folder / "villages.csv",
        [
            {
                "village_id": village, "code": f"9901011012{n:02}", "name": name, "kind": "村", "township_id": "qingquan",
                "party_org_name": f"中共示例市清泉镇{name}总支部委员会", "party_org_type": "党总支",
                "party_org_code": f"990101101201{n:03}", "poor": "否", "weak": "否", "valid_from": "2000-01-01",
            }
            for n, (village, name) in enumerate([("V9001", "云岭村"), ("V9002", "大湾村"), ("V9003", "石桥村")], 1)
        ],
    )  # fmt: skip
    tenures: list[dict[str, object]] = []
    for n, (person, (name, record)) in enumerate(PEOPLE.items(), 1):
        _yaml(
            folder / "people" / f"{person}.yaml", {"person_id": person, "name": name, "pinyin": "x", **record}
        )
        village = f"V900{1 + n % 2}"
        if person != "P0004":
            tenures.append(
                {
                    "tenure_id": f"T900{n}", "person_id": person, "village_id": village, "post": "党组织书记", "term": "2026",
                    "started_on": "2026-03-20", "origin": "选举产生", "channel": "致富带头人",
                    "published_on": "2026-03-25" if person == "P0002" else "", "disclosure_id": "D2026-901",
                }
            )  # fmt: skip
            _yaml(folder / "elections" / f"E2026-900{n}.yaml", _election(f"E2026-900{n}", person))
            if person == "P0002":
                _repeat(folder / "elections", person)
        _yaml(folder / "filings" / f"F2026-900{n}.yaml", _filing(n, person, village))
    tenures.append(
        {
            "tenure_id": "T9009", "person_id": "P0001", "village_id": "V9001", "post": "党组织书记", "term": "2021",
            "started_on": "2021-03-20", "ended_on": "2026-03-10", "end_reason": "不胜任", "origin": "选举产生",
        }
    )  # fmt: skip
    _csv(folder / "tenures.csv", tenures)
    _csv(
        root / "records/city/disclosure_approvals.csv",
        [
            {
                "disclosure_id": "D2026-901", "title": "换届任职信息", "kind": "任职信息", "org_id": "qingquan",
                "applied_on": "2026-03-20", "decision": "同意公开", "approved_on": "2026-03-23",
            }
        ],
    )  # fmt: skip
    _yaml(
        folder / "filings" / "F2026-9009.yaml",
        {
            "filing_id": "F2026-9009", "kind": "免职备案", "person_id": "P0001", "village_id": "V9001",
            "tenure_id": "T9009", "trigger_date": "2026-03-10", "trigger": "组织调整", "reason": "不能胜任现职，予以免职。",
            "removed_post": "云岭村党总支书记", "prepared_by": "吴经办", "prepared_on": "2026-03-12",
            "age_reference_on": "2026-03-12",
            "materials": [{"material": "工作交接清单", "formed_on": "2026-03-11", "pages": "3"}],
        },
    )  # fmt: skip
    _yaml(
        folder / "filings" / "F2026-9010.yaml",
        {
            "filing_id": "F2026-9010", "kind": "信息变更", "person_id": "P0002", "village_id": "V9001", "tenure_id": "T9002",
            "trigger_date": "2026-06-10", "trigger": "学历发生变化", "current_post": "云岭村党总支书记",
            "prepared_by": "吴经办", "prepared_on": "2026-06-12", "age_reference_on": "2026-06-12",
            "changes": [
                {"item": "在职教育学历", "before": "大专", "after": "本科", "basis": "毕业证书"},
                {"item": "联系电话", "basis": "本人申请"},
            ],
        },
    )  # fmt: skip
    return root


def _filing(n: int, person: str, village: str) -> dict[str, Any]:
    filing: dict[str, Any] = {
        "filing_id": f"F2026-900{n}", "kind": KINDS[person], "person_id": person, "village_id": village,
        "trigger_date": "2026-03-20", "trigger": "换届选举当选", "proposed_post": "云岭村党总支书记",
        "prepared_by": "吴经办", "prepared_on": "2026-03-21", "age_reference_on": "2026-03-14",
    }  # fmt: skip
    if person != "P0004":
        filing |= {
            "tenure_id": f"T900{n}", "election_id": f"E2026-900{n}", "filing_number": f"任前备〔2026〕{n}号",
            "current_post": "云岭村党总支副书记", "removed_post": "云岭村党总支副书记", "concurrent": "是",
            "reason": "经“两推一选”当选，符合任职条件。", "checked_by": "郑审核",
            "steps": [
                {"state": "乡镇审核", "date": "2026-03-22", "org_id": "qingquan", "signer": "冯签署",
                 "opinion": "同意，报市委组织部备案。"},
                {"state": "不予备案" if n == 5 else "备案", "date": "2026-03-30", "org_id": "swzzb", "signer": "陈审签",
                 "opinion": "程序有缺漏。" if n == 5 else "同意备案。"},
            ],
        }  # fmt: skip
    return filing


def edition_of(root: Path, edition: str, kinds: Collection[str], folder: str) -> tuple[Project, Any]:
    """Return a tree, and of its edition what the dossiers of these kinds read."""
    project, path = Project.open(root), Path(folder) / "edition.duckdb"
    wanted = Selection(frozenset(kinds))
    only = words_asked(chosen_templates(project, edition, wanted, on_demand=True))
    register = register_with_editions(project, AS_OF, {edition: path}, allow_errors=True, only=only)
    register.connection.close()
    return project, open_edition(path)


def jobs_of(
    root: Path, edition: str, kinds: Collection[str] = ("registration", "removal")
) -> dict[str, DossierJob]:
    """Return what is to be printed of a tree in one edition, by path: whole kinds, or `kind/key` alone."""
    names = {k.split("/")[0] for k in kinds}
    with tempfile.TemporaryDirectory() as folder:
        project, connection = edition_of(root, edition, names, folder)
        facts = {"edition": edition, "as_of": AS_OF, "draft": False}
        made = dossier_jobs(project, connection, edition, facts, None, Selection(frozenset(names)))
        jobs = {job.path.removesuffix(".pdf"): replace(job, html=job.document()) for job in made}
        connection.close()
    return {name: job for name, job in jobs.items() if name in kinds or name.split("/")[0] in kinds}


def blanks_of(root: Path, kinds: Collection[str]) -> list[DossierJob]:
    """Return the blank forms of these kinds."""
    with tempfile.TemporaryDirectory() as folder:
        project, connection = edition_of(root, "internal", kinds, folder)
        facts = {"edition": "internal", "as_of": AS_OF, "draft": False}
        wanted = Selection(frozenset(kinds))
        made = list(dossier_jobs(project, connection, "internal", facts, lambda _: "", wanted, blank=True))
        connection.close()
    return made
