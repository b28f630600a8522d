"""Training: a survey of needs, courses that answer them, the classes, and who came for how many days."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from random import Random

from .people import Person
from .registry import CITY, City
from .service import Service
from .writing import Row

# Title, level, first day, days, place; `late` classes are for those who missed the others.
CLASSES = (
    ("2021年新一届村（社区）党组织书记任职培训班", "市级", date(2021, 9, 13), 5, "市委党校", ""),
    ("2022年村（社区）党组织书记基层治理培训班", "市级", date(2022, 5, 23), 5, "市委党校", ""),
    ("2022年村（社区）党组织书记补训班", "市级", date(2022, 11, 7), 5, "市委党校", "late"),
    ("2023年村（社区）党组织书记能力提升班", "市级", date(2023, 5, 15), 5, "市委党校", ""),
    ("2023年村级集体经济发展培训班", "市级", date(2023, 6, 13), 3, "示例农业职业学院", ""),
    ("2023年村（社区）党组织书记补训班", "市级", date(2023, 11, 6), 7, "市委党校", "late"),
    ("2024年村（社区）党组织书记能力提升班", "市级", date(2024, 4, 22), 5, "市委党校", ""),
    ("2024年乡村建设和村庄规划培训班", "市级", date(2024, 6, 3), 3, "示例职业技术学院", ""),
    ("2024年全省村党组织书记示范培训班", "省级", date(2024, 9, 9), 5, "省委党校", "few"),
    ("2024年村（社区）党组织书记补训班", "市级", date(2024, 11, 11), 7, "市委党校", "late"),
    ("2025年村（社区）党组织书记能力提升班", "市级", date(2025, 4, 14), 5, "市委党校", ""),
    ("2025年村级财务和集体资产管理培训班", "市级", date(2025, 6, 9), 3, "市委党校", ""),
    ("2025年村（社区）党组织书记补训班", "市级", date(2025, 11, 10), 7, "市委党校", "late"),
    ("2026年新一届村（社区）党组织书记任职培训班", "市级", date(2026, 6, 22), 5, "市委党校", ""),
    ("2026年乡村产业带头人培训班", "市级", date(2026, 9, 14), 3, "示例农业职业学院", ""),
)
# Title, kind, form, teacher, and the need that the course answers.
COURSES = (
    ("党的“三农”政策解读", "政治理论", "专家授课", "市委党校 顾教授", "党的农村政策怎样学深用好"),
    ("村党组织领导乡村治理的方法", "岗位业务", "课堂教学", "市委组织部 何立", "矛盾纠纷怎样早发现、早调处"),
    ("发展党员和“三会一课”实务", "岗位业务", "课堂教学", "市委组织部 何立", "发展党员的程序和材料"),
    ("村级集体经济项目案例分析", "岗位业务", "学员互动", "市农业农村局 白科长", "集体经济项目怎样选、怎样管"),
    ("“三资”管理常见问题", "岗位业务", "专家授课", "市审计局 康科长", "“三资”管理和村级财务公开"),
    ("现代种养技术", "实用技术", "专家授课", "示例农业职业学院 葛老师", "新品种、新技术怎样用"),
    ("农产品电商和品牌", "实用技术", "专家授课", "示例职业技术学院 秦老师", "农产品怎样卖上好价钱"),
    ("先进村现场教学", "实用技术", "参观考察", "现场讲解", "先进村是怎样做起来的"),
    ("分组讨论：工作中的难题", "岗位业务", "学习交流", "班主任", "工作中的难题怎样办"),
    ("制定本村发展计划", "实用技术", "成果运用", "班主任", "本村发展计划怎样定"),
)
RESOLUTIONS = (
    "年内把合作社社员从30户增加到50户",
    "三个月内清理全部到期合同并公开",
    "每月安排一次夜间议事会",
    "建起冷库，把错季销售做起来",
    "带头退出多占宅基地，修通入村路",
    "年内发展两名35岁以下入党积极分子",
)


def hold_classes(city: City, service: Service, extra: list[Person]) -> None:
    """Hold the classes and enter who attended.

    Args:
        extra: first secretaries, who come to the spring classes while they are posted.
    """
    served: dict[tuple[Person, int], float] = defaultdict(float)
    for title, level, start, days, place, purpose in CLASSES:
        rng = city.rng("class", title)
        end = city.workdays.add(start, days - 1) if days <= 5 else start + timedelta(days=days - 1)
        class_id = city.key("C", str(start.year), sort=(start,))
        needed = 5 if start.year < 2023 else 7
        pupils = [t for t in service.in_office(start) if (t.row.get("ended_on") or date.max) > end]
        if purpose == "late":
            pupils = [t for t in pupils if served[t.person, start.year] < needed]
        elif purpose == "few":
            pupils = [t for t in pupils if city.rng("few", t.person.name, title).random() < 0.06]
        if not pupils:
            continue
        for tenure in pupils:
            one = city.rng("attends", title, tenure.village.code, tenure.person.name)
            late_leave = one.random() < 0.04 and purpose == "" and start.year >= 2023
            came = days - 0.5 if late_leave else days
            served[tenure.person, start.year] += came
            city.add(
                "attendance",
                tenure.village.township.folder,
                _attendance(class_id, tenure.person, came, one, late_leave),
            )
        for person in extra:
            posting = person.row.get("_posting")
            if (
                purpose == ""
                and posting
                and posting["started_on"] <= start
                and (posting.get("ended_on") or date.max) > end
            ):
                one = city.rng("attends", title, person.name)
                city.add(
                    "attendance",
                    person.village.township.folder,
                    _attendance(class_id, person, days, one, False),
                )
        talks = rng.sample(pupils, min(3, len(pupils))) if level == "市级" else []
        city.add(
            "training_classes",
            CITY,
            _class(
                city,
                rng,
                class_id,
                title,
                level,
                start,
                end,
                days,
                place,
                len(pupils),
                [t.person for t in talks],
            ),
        )


def _attendance(class_id: object, person: Person, days: float, rng: Random, left_early: bool) -> Row:
    return {
        "class_id": class_id,
        "person_id": person.key,
        "days": days,
        "hours": days * 8,
        "result": "优秀学员" if rng.random() < 0.06 else "结业",
        "note": rng.choice(("防汛值班请假半天", "村里开党员大会请假半天")) if left_early else None,
    }


def _class(
    city: City,
    rng: Random,
    class_id: object,
    title: str,
    level: str,
    start: date,
    end: date,
    days: int,
    place: str,
    pupils: int,
    talkers: list[Person],
) -> Row:
    row: Row = {
        "class_id": class_id,
        "title": title,
        "level": level,
        "org_id": "swzzb",
        "started_on": start,
        "ended_on": end,
        "days": days,
        "hours": days * 8,
        "place": place,
        "quota": pupils + rng.randint(0, 4),
    }
    if level == "市级":
        survey = city.workdays.add(start, -rng.randint(34, 44))
        # The last three are how every class is taught; what else is taught is what was asked for.
        chosen = [
            COURSES[0],
            *sorted(rng.sample(COURSES[1:-3], min(4, days)), key=COURSES.index),
            *COURSES[-3:],
        ]
        asked = sorted(chosen, key=lambda c: rng.random())
        mentions = sorted((rng.randint(9, 52) for _ in asked), reverse=True)
        numbers = {course[4]: f"n{i}" for i, course in enumerate(asked, 1)}
        left = days * 8
        lessons = []
        for i, (name, kind, form, teacher, need) in enumerate(chosen):
            hours = left if i + 1 == len(chosen) else max(2, left // (len(chosen) - i) // 2 * 2)
            left -= hours
            lessons.append(
                {
                    "title": name,
                    "type": kind,
                    "form": form,
                    "teacher": teacher,
                    "hours": hours,
                    "need": numbers[need],
                }
            )
        row.update(
            {
                "survey_started_on": survey,
                "survey_ended_on": city.workdays.add(survey, rng.randint(8, 14)),
                "survey_methods": rng.choice(
                    (["座谈会", "个别访谈", "调查问卷"], ["座谈会", "调查问卷"], ["个别访谈", "调查问卷"])
                ),
                "survey_sample": rng.randint(48, 120),
                "survey_team": rng.choice(
                    ("市委组织部、市委党校联合调研组", "市委组织部、市农业农村局联合调研组")
                ),
                "combinations_lecture_interaction": rng.choice(
                    ("每半天留30分钟提问，专家现场解答", "专题讲授后分组讨论，专家点评")
                ),
                "combinations_class_visit": rng.choice(
                    (
                        "参观云岭村茶叶合作社和民宿",
                        "到双河村看集体经济项目和议事大厅",
                        "观摩文昌社区网格服务站",
                    )
                ),
                "combinations_exchange_use": rng.choice(
                    ("每人提交一份本村发展计划，半年后回访", "学员两两结对，约定互访一次")
                ),
                "survey.needs": [
                    {"need": numbers[course[4]], "topic": course[4], "mentions": count}
                    for course, count in zip(asked, mentions, strict=True)
                ],
                "courses": lessons,
                "closing_talks": [
                    {
                        "person_id": p.key,
                        "topic": rng.choice(
                            (f"把{p.trade}做成大产业", f"把{p.trade}技术送到每一户", "把党员的作用亮出来")
                        ),
                        "resolution": r,
                    }
                    for i, (p, r) in enumerate(
                        zip(talkers, rng.sample(RESOLUTIONS, len(talkers)), strict=True)
                    )
                ],
            }
        )
    else:
        row["org_id"] = "shengwzzb"
    row["disclosure_id"] = city.disclosure("swzzb", "培训班次", f"公开《{title}》信息", start, rng)
    return row
