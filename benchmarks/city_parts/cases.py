"""What is laid down for the sample city: its odd names, its trouble, and the villages that merge."""

from __future__ import annotations

from datetime import date
from typing import Any

from .places import Village
from .story import Event, Script

POOR = (
    "柳树沟村",
    "塬村",
    "瓦窑头村",
    "䶮田村",
    "后岭村",
    "药王沟村",
    "鹰嘴崖村",
    "野狐岭村",
    "喀拉苏村",
    "英也尔村",
    "塔勒德布拉克村",
    "阔什艾日克村",
)
WEAK = {
    "龙王庙村": (date(2023, 4, 10), date(2024, 12, 20)),
    "瓦窑头村": (date(2025, 6, 12), None),
    "喀拉苏村": (date(2021, 5, 20), date(2022, 11, 30)),
    "三岔口村": (date(2026, 7, 8), None),
}
# Dates of birth are given where an age limit is the point.
PEOPLE: dict[str, dict[str, dict[str, Any]]] = {
    "云岭村": {
        "a": {
            "name": "李示范",
            "pinyin": "lǐ shì fàn",
            "sex": "男",
            "birth": date(1975, 3, 15),
            "ethnic_group": "汉族",
            "joined": date(1998, 6, 18),
            "full_time": "高中",
            "in_service": "大专",
            "channel": "致富带头人",
            "trade": "茶叶种植",
            "occupation": "农民技术员",
            "rewards_note": "多次受到市、镇两级党委表彰",
        },
    },
    "河西村": {"a": {"birth": date(1971, 10, 20)}},
    "青年路社区": {"a": {"birth": date(1972, 2, 14)}},
    "单家庄村": {"a": {"name": "单志远", "pinyin": "shàn zhì yuǎn", "sex": "男"}},
    "仇家集村": {"a": {"name": "仇玉兰", "pinyin": "qiú yù lán", "sex": "女"}},
    "大井村": {"a": {"name": "解长顺", "pinyin": "xiè cháng shùn", "sex": "男"}},
    "石桥村": {"a": {"surname": "马", "ethnic_group": "回族"}},
    "䶮田村": {"a": {"name": "王䶮", "pinyin": "wáng yǎn", "sex": "男"}},
    "𬭎山村": {"b": {"name": "刘𬭎", "pinyin": "liú hóng", "sex": "男"}},
    "㛃水村": {"b": {"name": "赵㛃", "pinyin": "zhào jié", "sex": "女"}},
    "𠮷庄村": {
        "a": {
            "name": "𠮷永福",
            "pinyin": "jí yǒng fú",
            "sex": "男",
            "rewards_note": "姓氏“𠮷”按身份证填写，不是“吉”",
        }
    },
    "上河湾村": {"a": {"birth": date(1973, 8, 9)}},
    "小码头村": {"a": {"birth": date(1959, 5, 6), "full_time": "高中"}},
    "渡口村": {"b": {"birth": date(1964, 9, 2), "full_time": "高中", "sex": "男"}},
    "沙滩村": {"b": {"full_time": "初中", "in_service": "初中", "channel": "致富带头人"}},
    "苇塘村": {
        "b": {
            "joined": date(2019, 12, 6),
            "full_time": "大专",
            "channel": "大中专毕业生",
            "birth": date(1992, 4, 11),
        }
    },
    "阿克塔什村": {
        "a": {
            "name": "阿卜杜热依木·买买提艾力·图尔荪",
            "pinyin": "ā bǔ dù rè yī mù mǎi mǎi tí ài lì tú ěr sūn",
            "sex": "男",
            "ethnic_group": "维吾尔族",
        },
    },
    "克孜勒村": {
        "a": {
            "name": "古丽娜尔·吐尔逊江",
            "pinyin": "gǔ lì nà ěr tǔ ěr xùn jiāng",
            "sex": "女",
            "ethnic_group": "维吾尔族",
        }
    },
    "钟楼社区": {"a": {"channel": "其他", "origin": "原街道企业负责人", "sex": "女"}},
    "新华路社区": {"a": {"name": "欧阳慧", "pinyin": "ōu yáng huì", "sex": "女"}},
    "南湖社区": {"b": {"former_name": "何小妹", "sex": "女"}},
}


def prepare_places(villages: list[Village]) -> None:
    """Lay down which villages merge, change their kind, are poor or in disorder."""
    named = {(v.township.org_id, v.name): v for v in villages}

    def successor_of(names: list[tuple[str, str]], new: Village, on: date) -> None:
        for name in names:
            named[name].valid_to, named[name].successor = on, new
        if new not in villages:
            new.valid_from = on
            villages.insert(villages.index(named[names[-1]]) + 1, new)

    qingquan, yongan = named["qingquan", "云岭村"].township, named["yongan", "钟楼社区"].township
    successor_of(
        [("qingquan", "上河湾村"), ("qingquan", "下河湾村")],
        Village(qingquan, "河湾村", "村", 212),
        date(2023, 7, 1),
    )
    successor_of([("yongan", "城北村")], Village(yongan, "城北社区", "社区", 10), date(2020, 7, 1))
    successor_of([("songping", "小松坪村")], named["songping", "松坪村"], date(2020, 12, 15))
    successor_of([("shuanghe", "西双河村")], named["shuanghe", "双河村"], date(2020, 12, 31))
    for village in villages:
        village.poor = village.name in POOR
        village.weak = WEAK.get(village.name)


def script_of(village: Village) -> Script:
    """Return what is laid down for a village of the sample city."""
    name = village.name
    script = Script(people=dict(PEOPLE.get(name, {})), calm=True, taken_over=name in ("河湾村", "城北社区"))
    make = _MAKERS.get((village.township.org_id, name)) or _MAKERS.get(("", name))
    if make:
        make(script, village)
    return script


def _yunling(s: Script, _: Village) -> None:
    s.renew, s.both = {"2021": True, "2026": True}, {"2018": True, "2021": True, "2026": True}
    s.filings = {("start", 2): {"returned": False}, ("start", 3): {"returned": True}}
    s.committees = ("2026",)


def _death_2019(s: Script, _: Village) -> None:
    s.events = [Event(date(2019, 7, 14), "亡故", "deputy", 6, deceased=True)]
    s.renew = {"2021": True}


def _merge_end(s: Script, v: Village) -> None:
    s.events = [Event(v.valid_to or date.max, "村撤并", "end")]
    s.renew = {"2021": False}


def _merge_move(s: Script, v: Village) -> None:
    s.events = [Event(v.valid_to or date.max, "村撤并", "move")]
    s.renew = {"2021": True, "2026": True}


def _unfit_2024(s: Script, _: Village) -> None:
    # The adjustment itself is linked when assessments are written.
    s.renew = {"2021": False}
    s.events = [Event(date(2024, 3, 4), "不胜任", "deputy", 8)]


def _discipline_2025(s: Script, _: Village) -> None:
    s.renew = {"2021": True}
    s.both = {"2021": True}
    s.events = [Event(date(2025, 5, 20), "违纪违法", "sent", 52)]


def _promoted_2023(s: Script, v: Village) -> None:
    s.renew = {"2021": True, "2026": False}
    s.events = [Event(date(2023, 8, 21), "调任", "sent", 3, f"示例市{v.township.name}人民政府副镇长")]


def _civil_servant_2024(s: Script, v: Village) -> None:
    s.renew = {"2021": False, "2026": True}
    s.events = [Event(date(2024, 9, 2), "调任", "deputy", 4, f"示例市{v.township.name}办事处公务员")]


def _neighbour_2022(s: Script, _: Village) -> None:
    s.renew = {"2021": True}
    s.events = [Event(date(2022, 2, 21), "健康", "neighbour", 5)]


def _vacant_2026(s: Script, _: Village) -> None:
    s.renew = {"2021": True, "2026": True}
    s.both = {"2026": True}
    s.events = [Event(date(2026, 8, 3), "辞职", "none")]


def _death_2026(s: Script, _: Village) -> None:
    s.renew = {"2021": True, "2026": True}
    s.events = [Event(date(2026, 11, 10), "亡故", "deputy", 3, deceased=True)]
    s.filings = {("end", 3): {"returned": True, "slow": "supplement"}}


def _by_election_2026(s: Script, _: Village) -> None:
    s.renew = {"2021": True, "2026": True}
    s.events = [Event(date(2026, 9, 21), "健康", "deputy", 2)]


def _overdue_2026(s: Script, _: Village) -> None:
    s.renew = {"2021": True, "2026": True}
    s.events = [Event(date(2026, 9, 14), "辞职", "deputy", 2)]
    s.filings = {("start", 4): {"slow": "review"}}


def _leaving_now(s: Script, v: Village) -> None:
    s.renew = {"2026": True}
    s.events = [Event(date(2026, 11, 17), "调任", "deputy", 5, f"示例市{v.township.name}办事处工作人员")]


def _committee_2026(s: Script, _: Village) -> None:
    s.committees = ("2026",)


def _stays(s: Script, _: Village) -> None:
    s.renew = {"2026": True}


def _quorum_2021(s: Script, _: Village) -> None:
    s.fails = {"2021": "quorum"}


def _votes_2026(s: Script, _: Village) -> None:
    s.fails = {"2026": "votes"}
    s.renew = {"2026": False}


def _postponed_2021(s: Script, _: Village) -> None:
    s.begins = {"2021": date(2021, 7, 5)}


def _too_old_approved(s: Script, _: Village) -> None:
    s.renew = {"2021": True, "2026": False}
    s.age_approval = ("2021",)


def _too_old(s: Script, _: Village) -> None:
    s.renew = {"2021": False}


def _new_2021(s: Script, _: Village) -> None:
    s.renew = {"2021": False}


def _apart_unexplained(s: Script, _: Village) -> None:
    s.both = {"2021": True, "2026": False}
    s.renew = {"2026": False}
    s.exemption = {"2026": ""}


def _apart_explained(s: Script, _: Village) -> None:
    s.both = {"2021": False}
    s.exemption = {"2021": "主任由致富带头人当选，书记、主任分设有利于工作"}


def _withdrawn_2024(s: Script, _: Village) -> None:
    s.renew = {"2021": True}
    s.events = [Event(date(2024, 3, 1), "健康", "deputy", 22)]


def _late_review(s: Script, _: Village) -> None:
    s.filings = {("start", 3): {"slow": "review"}}


def _late_supplement(s: Script, _: Village) -> None:
    s.filings = {("start", 2): {"returned": True, "slow": "supplement"}}


def _struck_2021(s: Script, _: Village) -> None:
    s.renew = {"2021": False}
    s.struck = ("2021",)


_MAKERS = {
    ("", "云岭村"): _yunling,
    ("", "柳树沟村"): _death_2019,
    ("", "上河湾村"): _merge_move,
    ("", "下河湾村"): _merge_end,
    ("", "城北村"): _merge_move,
    ("", "小松坪村"): _merge_end,
    ("", "西双河村"): _merge_end,
    ("", "龙王庙村"): _unfit_2024,
    ("", "瓦窑头村"): _discipline_2025,
    ("", "石桥村"): _promoted_2023,
    ("", "铁路社区"): _civil_servant_2024,
    ("", "青石岭村"): _neighbour_2022,
    ("", "𠮷庄村"): _vacant_2026,
    ("", "前岭村"): _death_2026,
    ("", "水磨沟村"): _by_election_2026,
    ("", "塬村"): _quorum_2021,
    ("", "杨树底村"): _votes_2026,
    ("", "北寨村"): _postponed_2021,
    ("", "小码头村"): _too_old_approved,
    ("", "渡口村"): _too_old,
    ("", "沙滩村"): _new_2021,
    ("", "苇塘村"): _new_2021,
    ("", "三岔口村"): _apart_unexplained,
    ("", "和平村"): _apart_explained,
    ("", "鹰嘴崖村"): _withdrawn_2024,
    ("", "石门村"): _late_review,
    ("", "野狐岭村"): _late_supplement,
    ("", "药王沟村"): _struck_2021,
    ("", "河西村"): _overdue_2026,
    ("", "枣林村"): _stays,
    ("", "青年路社区"): _leaving_now,
    ("", "文昌社区"): _committee_2026,
}


def neighbours(villages: list[Village], scripts: dict[Village, Script]) -> None:
    """Say from which village a secretary comes who serves in another."""
    by_name = {v.name: v for v in villages}
    for event in scripts[by_name["青石岭村"]].events:
        event.wants = {"home": by_name["前岭村"]}
