"""The village records of `form_city`, and all that the ledgers show of them: full, bare, too long, and secret."""

from __future__ import annotations

from pathlib import Path

import form_city
from form_city import FOLDER, HOSTILE_NAME, LONG_NAME, RARE_NAME
from form_city import _csv as write_csv
from form_city import _yaml as write_yaml

__all__ = ["HOSTILE_NAME", "LONG_NAME", "RARE_NAME"]

KINDS = (
    "appraisal-form",
    "report-form",
    "audit-form",
    "reserve-form",
    "inspection-form",
    "class-book",
    "hardship-ledger",
    "departed-ledger",
    "visit-form",
    "pay-settlement",
    "timeline",
)
# What stands in restricted fields of these records, in clear: no print may hold any of it.
SECRETS = {
    "audits.amount": "987654.32",
    "adjustments.sanction": "留党察看一年",
    "adjustments.facts": "履行职责不到位",
    "care_ledgers.circumstances": "房屋因雨损毁",
    "subsidies.amount": "54321.09",
    "payments.amount": "43210.98",
    "people.health": "患慢性病",
    "people.phone": "13800138000",
    "people.address": "云岭村二组十三号",
}
LONG = "检查台账、票据和项目资料，发现部分支出没有按程序审批，个别合同没有公开。"
DIMENSIONS = ["产业发展", "农民增收致富", "社会事业进步", "新农村建设", "基层组织建设", "社会稳定"]


def write_tree(root: Path) -> Path:
    """Write the project and return its root."""
    form_city.write_tree(root)
    folder, city = root / FOLDER, root / "records/city"
    for file in (city / "training_classes").iterdir():
        file.unlink()
    person = folder / "people" / "P0004.yaml"
    restricted = {k.split(".")[1]: v for k, v in SECRETS.items() if k.startswith("people.")}
    person.write_text(
        person.read_text("utf-8") + "".join(f"{k}: '{v}'\n" for k, v in restricted.items()), "utf-8"
    )
    _appraisals(folder)
    _audits(folder)
    _first_secretaries(city)
    _training(folder, city)
    _care(folder)
    _pay(folder)
    write_csv(
        folder / "reserve.csv",
        [
            {
                "reserve_id": "R0001", "person_id": "P0002", "village_id": "V9002", "stage": "村干部",
                "capable_on": "2018-03-06", "applied_on": "2017-05-10",
                "member_on": "2019-10-07", "cadre_on": "2021-05-11", "branch_recommended_on": "2022-01-18",
                "mass_recommended_on": "2022-01-23", "entered_on": "2022-02-27", "mentor": "清泉镇党委副书记 罗占建",
                "duty": "负责村集体茶园管护", "duty_from": "2022-03-13",
                # After the day of the print: nobody knows of it yet.
                "exited_on": "2026-12-01", "exit_reason": "本人外出务工",
            },
            {"reserve_id": "R0002", "person_id": "P0003", "village_id": "V9003", "stage": "致富能手",
             "entered_on": "2026-02-27"},
        ],
    )  # fmt: skip
    return root


def _appraisals(folder: Path) -> None:
    full = {
        "appraisal_id": "K2025-9001", "person_id": "P0001", "village_id": "V9001", "tenure_id": "T9009", "year": "2025",
        "reports": {
            "township": {"date": "2026-01-08", "document": "述职报告、党委会议记录"},
            "members": {"date": "2026-01-05", "present": "40", "representatives": "33"},
        },
        "score": "91.5", "grade": "称职", "decided_on": "2026-01-12",
        "integrity": {"result": "好", "note": "按规定公开“三资”"}, "openness": {"times": "11", "result": "较好"},
        "procedure": {"result": "较好"}, "feedback": "进一步完善集体资产台账", "feedback_on": "2026-01-20",
        "tallies": [
            {"body": b, "issued": i, "returned": r, "excellent": e, "competent": c, "basic": k, "incompetent": n}
            for b, i, r, e, c, k, n in (
                ("村（居）民代表", "33", "32", "14", "15", "2", "1"),
                ("乡镇党委", "12", "12", "5", "6", "1", "0"),
                ("党员", "40", "39", "20", "17", "2", "0"),
            )
        ],
    }  # fmt: skip
    write_yaml(folder / "appraisals" / "K2025-9001.yaml", full)
    bare = {"appraisal_id": "K2025-9002", "person_id": "P0002", "village_id": "V9002", "year": "2025"}
    write_yaml(folder / "appraisals" / "K2025-9002.yaml", bare)
    target = {"village_id": "V9001", "year": 2025, "committed_on": "2025-02-20", "assessed_on": "2025-12-28"}
    basic = [
        {**target, "target_class": "基本目标", "dimension": d, "metric": f"{d}的第一项指标（%）", "goal": "不低于94",
         "weight": 15, "result": "95.5", "score": 14.5}
        for d in DIMENSIONS
    ]  # fmt: skip
    own = {**target, "target_class": "个性目标", "dimension": "产业发展", "metric": "新增中药材种植规模（亩）",
    "goal": "不少于42",
           "weight": 10, "result": "38", "score": 8}  # fmt: skip
    write_csv(folder / "targets.csv", [own, *basic])


def _audits(folder: Path) -> None:
    done = {
        "audit_id": "A2026-9001", "person_id": "P0001", "village_id": "V9001", "tenure_id": "T9009", "kind": "离任审计",
        "org_id": "qingquan", "started_on": "2026-03-20", "reported_on": "2026-04-08", "document": "清审〔2026〕3号",
        "conclusion": "存在一般问题", "problems": 2, "summary": LONG * 3, "amount": SECRETS["audits.amount"],
        "rectify_by": "2026-06-30", "rectified_on": "2026-06-10", "published_on": "2026-04-15",
    }  # fmt: skip
    running = {
        "audit_id": "A2026-9002", "person_id": "P0005", "village_id": "V9002", "tenure_id": "T9005", "kind": "任中审计",
        "org_id": "qingquan", "started_on": "2026-11-02",
    }  # fmt: skip
    write_csv(folder / "audits.csv", [done, running])
    write_csv(
        folder / "adjustments.csv",
        [
            {
                "adjustment_id": "J2026-9001", "person_id": "P0001", "village_id": "V9001", "tenure_id": "T9009",
                "opened_on": "2026-04-10", "source": "经济责任审计", "audit_id": "A2026-9001",
                "tier": "批评教育", "decided_on": "2026-04-20", "document": "清委〔2026〕5号",
                "facts": SECRETS["adjustments.facts"], "sanction": SECRETS["adjustments.sanction"],
            }
        ],
    )  # fmt: skip


def _first_secretaries(city: Path) -> None:
    write_csv(
        city / "first_secretaries.csv",
        [
            {
                "first_secretary_id": "S9001", "person_id": "P0002", "village_id": "V9001", "dispatching_org": "sczj",
                "unit_post": "办公室副主任", "city_responsible": "市委组织部 陈娟金",
                "unit_responsible": "市财政局副局长 刘生东",
                "township_responsible": "清泉镇党委副书记 叶敏怡", "started_on": "2026-01-04",
                "document": "示组〔2026〕1号",
            }
        ],
    )  # fmt: skip
    quarter = {"first_secretary_id": "S9001", "year": 2026, "quarter": 2}
    write_csv(
        city / "inspections.csv",
        [
            {**quarter, "org_id": "snyj", "date": "2026-06-17", "days_month1": 22, "days_month2": 19, "result": "一般",
             "findings": LONG * 5, "rectify_by": "2026-07-17", "rectified_on": "2026-07-09",
             "sent_to_unit_on": "2026-06-27",
             "unit_use": "纳入2026年度单位目标绩效考核"},
            {**quarter, "org_id": "swdcs", "date": "2026-06-26", "days_month1": 22, "days_month2": 19,
             "days_month3": 0, "result": "好"},
        ],
    )  # fmt: skip


def _training(folder: Path, city: Path) -> None:
    write_yaml(
        city / "training_classes" / "C2025-01.yaml",
        {
            "class_id": "C2025-01", "title": "2025年村（社区）党组织书记能力提升班", "level": "市级", "org_id": "swzzb",
            "started_on": "2025-05-12", "ended_on": "2025-05-17", "days": "5.5", "hours": "44", "place": "市委党校",
            "quota": "30",
            "survey": {
                "started_on": "2025-03-20", "ended_on": "2025-04-03", "methods": ["座谈会", "调查问卷"], "sample": "99",
                "team": "市委组织部、市委党校联合调研组",
                "needs": [{"need": "n1", "topic": "集体经济项目怎样选", "mentions": "48"}, {"need": "n2",
                "topic": "账怎样公开", "mentions": "9"}],
            },
            "combinations": {"lecture_interaction": "每半天留30分钟提问", "class_visit": "观摩网格服务站",
            "exchange_use": "两两结对"},
            "courses": [
                {"title": "项目案例分析", "type": "岗位业务", "form": "学员互动", "teacher": "市农业农村局 白科长",
                 "hours": "4", "need": "n1"},
                {"title": "农村政策", "type": "政治理论", "form": "专家授课", "teacher": "市委党校 顾教授", "hours": "6.5"},
            ],
            "evaluation": {"date": "2025-05-17", "returned": 2, "satisfied": 1},
            "closing_talks": [{"person_id": "P0002", "topic": "把党员的作用亮出来", "resolution": "年内清理到期合同"}],
        },
    )  # fmt: skip
    people = [("P0001", "优秀学员", 5.5), ("P0002", "结业", 5), ("P0005", "缺课", 0)]
    write_csv(
        folder / "attendance.csv",
        [
            {"class_id": "C2025-01", "person_id": p, "days": d, "hours": d * 8, "result": r}
            for p, r, d in people
        ],
    )


def _care(folder: Path) -> None:
    ledger = {"org_id": "qingquan", "entered_on": "2026-05-15"}
    write_csv(
        folder / "care_ledgers.csv",
        [
            {**ledger, "ledger_id": "L9001", "ledger": "困难", "person_id": "P0003",
             "circumstances": SECRETS["care_ledgers.circumstances"]},
            {**ledger, "ledger_id": "L9002", "ledger": "离任", "tenure_id": "T9009"},
            {**ledger, "ledger_id": "L9003", "ledger": "离任", "tenure_id": "T9002", "exited_on": "2026-12-01"},
        ],
    )  # fmt: skip
    visit = {
        "action": "走访慰问",
        "org_id": "qingquan",
        "visit_window": "七一",
        "visitor": "清泉镇党委书记",
        "approval": "清委〔2026〕7号",
    }
    write_csv(
        folder / "care.csv",
        [
            {**visit, "care_id": "H2026-9001", "date": "2026-06-25", "ledger_id": "L9001"},
            {**visit, "care_id": "H2026-9002", "date": "2026-06-26", "ledger_id": "L9002",
             "opinions": "建议把村级会计培训放到冬季"},
        ],
    )  # fmt: skip
    write_csv(
        folder / "subsidies.csv",
        [
            {
                "subsidy_id": "B2026-9001", "org_id": "qingquan", "year": 2026, "reason": "正常离任无固定收入",
                "applied_on": "2026-06-03",
                "person_id": "P0003", "amount": SECRETS["subsidies.amount"],
            }
        ],
    )  # fmt: skip


def _pay(folder: Path) -> None:
    write_csv(
        folder / "pay_totals.csv",
        [
            {"org_id": "qingquan", "year": 2025, "kind": k, "recipients": n, "amount": a, "settled_on": s}
            for k, n, a, s in (("基本报酬", 3, 103500, "2026-02-15"), ("绩效报酬", 2, 41200.5, "2026-02-15"),
            ("奖励报酬", 2, 9000, ""))
        ],
    )  # fmt: skip
    paid = {
        "person_id": "P0001",
        "village_id": "V9001",
        "year": 2025,
        "kind": "基本报酬",
        "direct": "是",
        "variance": 0,
    }
    write_csv(
        folder / "payments.csv",
        [{**paid, "month": m, "paid_on": f"2025-{m:02}-15", "amount": SECRETS["payments.amount"]} for m in range(1, 12)],
    )  # fmt: skip
