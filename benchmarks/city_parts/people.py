"""Invented people: who they are when they first appear, and a résumé that agrees with what became of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

from .names import han_name, uyghur_name
from .places import Village
from .writing import Key, Row

SECRETARY, DEPUTY, MEMBER, HEAD = "党组织书记", "党组织副书记", "党组织委员", "村（居）委会主任"
CHANNELS = ("致富带头人", "退伍军人", "回乡青年", "大中专毕业生", "外出务工返乡", "其他")
LEVELS = ("小学", "初中", "高中", "中专", "中技", "职高", "大专", "本科", "硕士", "博士")
TRADES = (
    "茶叶种植",
    "苹果种植",
    "肉牛养殖",
    "生猪养殖",
    "蔬菜大棚",
    "食用菌栽培",
    "中药材种植",
    "粮油加工",
    "农机服务",
    "林下养鸡",
    "水产养殖",
    "花椒种植",
    "乡村旅游",
    "建材经营",
    "农产品电商",
    "葡萄种植",
)
SCHOOLS = ("示例市第一中学", "示例市第二中学", "示例市第四中学", "示例市民族中学")
COLLEGES = {
    "中专": ("示例市农业学校", "示例市卫生学校"),
    "中技": ("示例市技工学校",),
    "职高": ("示例市职业高级中学",),
    "大专": ("示例职业技术学院", "示例农业职业学院"),
    "本科": ("示例农业大学", "示例大学", "示例师范学院"),
    "硕士": ("示例农业大学",),
}
MAJORS = {
    "中专": ("农学", "畜牧兽医", "会计"),
    "中技": ("机电技术", "汽车维修"),
    "职高": ("计算机应用", "家电维修"),
    "大专": ("农业经济管理", "畜牧兽医", "法律事务", "会计", "园艺技术", "行政管理"),
    "本科": ("农学", "行政管理", "法学", "农林经济管理", "汉语言文学", "社会工作"),
    "硕士": ("农业管理",),
}


def plus_years(day: date, years: int) -> date:
    """Return the same day some years later; 29 February becomes 1 March."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)


def age_on(birth: date, day: date) -> int:
    """Whole years on a day."""
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


def month_of(day: date) -> str:
    """Return the year and month, as résumés write them."""
    return f"{day.year:04d}-{day.month:02d}"


def days_between(rng: Random, first: date, last: date) -> date:
    """Return a random day from the first to the last."""
    return first + timedelta(days=rng.randrange(max(1, (last - first).days + 1)))


@dataclass
class Post:
    """A spell in a village post, as the person's résumé needs it; `row` is the record of it."""

    post: str
    village: Village
    row: Row

    @property
    def start(self) -> date:
        """The first day."""
        return self.row["started_on"]  # type: ignore[no-any-return]

    @property
    def end(self) -> date | None:
        """The last day, if it has come."""
        return self.row.get("ended_on")


@dataclass(eq=False)
class Person:
    """A person while the city is made; `row` is the record."""

    key: Key
    village: Village
    row: Row
    birth: date
    joined: date
    channel: str
    trade: str
    earlier: list[tuple[str, str]] = field(default_factory=list)
    posts: list[Post] = field(default_factory=list)
    after: list[tuple[date, str]] = field(default_factory=list)
    deceased: date | None = None

    @property
    def name(self) -> str:
        """The name as the identity card has it."""
        return self.row["name"]  # type: ignore[no-any-return]

    @property
    def level(self) -> int:
        """The higher of the two levels of education, as a place in LEVELS."""
        levels = (self.row.get("education_full_time_level"), self.row.get("education_in_service_level"))
        return max(LEVELS.index(v) for v in levels if v)

    @property
    def confirmed(self) -> date:
        """The day of full membership."""
        return plus_years(self.joined, 1)


def make_person(
    rng: Random,
    key: Key,
    village: Village,
    on: date,
    ages: tuple[int, int],
    *,
    education_min: str = "初中",
    joined_before: date | None = None,
    official: str = "",
    wants: dict[str, Any] | None = None,
) -> Person:
    """Invent a person of a village.

    Args:
        on: the day on which the ages hold.
        education_min: the lowest level that the better of the two levels may have.
        joined_before: the latest day of admission to the Party.
        official: for cadres sent from offices, the office; they are not residents of the village.
        wants: fields that are given, besides `channel` and `trade`.
    """
    wants = dict(wants or {})
    sex = wants.pop("sex", "女" if rng.random() < 0.17 else "男")
    mostly_uyghur = village.township.org_id == "aketashi"
    ethnic = wants.pop("ethnic_group", None) or (
        "维吾尔族"
        if mostly_uyghur and not official and rng.random() < 0.75
        else rng.choice(("回族", "满族", "蒙古族", "土家族", "苗族", "壮族"))
        if rng.random() < 0.05
        else "汉族"
    )
    if "name" in wants:
        name, reading = wants.pop("name"), wants.pop("pinyin")
    else:
        name, reading = (
            uyghur_name(rng, sex) if ethnic == "维吾尔族" else han_name(rng, sex, wants.pop("surname", None))
        )
    age = rng.randint(*ages)
    birth = wants.pop("birth", None) or days_between(
        rng, plus_years(on, -age - 1) + timedelta(days=1), plus_years(on, -age)
    )
    official_level = rng.choice(("本科", "本科", "大专", "硕士")) if official else None
    full_time = wants.pop("full_time", None) or official_level or _education(rng, birth)
    in_service = wants.pop("in_service", None)
    if in_service is None and not official:
        if LEVELS.index(full_time) < LEVELS.index(education_min):
            in_service = "高中" if LEVELS.index(education_min) <= 5 and rng.random() < 0.3 else "大专"
        elif LEVELS.index(full_time) < LEVELS.index("大专") and rng.random() < (
            0.36 if birth.year > 1975 else 0.14
        ):
            in_service = "大专"
    channel = wants.pop("channel", None) or ("其他" if official else _channel(rng, full_time, sex))
    trade = wants.pop("trade", None) or rng.choice(TRADES)
    latest = min(plus_years(birth, 34), joined_before or plus_years(on, -3))
    earliest = min(plus_years(birth, 20), latest - timedelta(days=200))
    earliest = max(earliest, plus_years(birth, 18) + timedelta(days=30))
    joined = wants.pop("joined", None) or _party_day(rng, earliest, latest)
    home = f"示例市{village.township.name}"
    row: Row = {
        "person_id": key,
        "name": name,
        "pinyin": reading,
        "sex": sex,
        "birth": month_of(birth) if rng.random() < 0.12 else birth.isoformat(),
        "ethnic_group": ethnic,
        "native_place": home if not official or rng.random() < 0.4 else "示例市",
        "birthplace": home if not official else "示例市",
        "political_status": "中共党员",
        "party_joined": joined.isoformat() if rng.random() < 0.5 else month_of(joined),
        "party_confirmed": month_of(plus_years(joined, 1)),
        "origin": "机关干部" if official else _origin(rng, channel),
        "specialities": None if official else trade,
        "education_full_time_level": full_time,
        "education_full_time_degree": {"本科": "学士", "硕士": "硕士"}.get(full_time),
        "education_full_time_school": rng.choice(
            COLLEGES.get(full_time) or (SCHOOLS if full_time == "高中" else (f"{village.township.name}中学",))
        ),
        "education_full_time_major": rng.choice(MAJORS[full_time]) if full_time in MAJORS else None,
        "education_in_service_level": in_service,
        "education_in_service_school": {
            "高中": "示例市成人中等专业学校",
            "大专": "国家开放大学",
            "本科": "国家开放大学",
        }.get(in_service or ""),
        "education_in_service_major": {"大专": "农村行政管理", "本科": "行政管理"}.get(in_service or ""),
        "residence_village_id": None if official else village.key,
    }
    row["party_joined"] = row["party_joined"][:7] if len(row["birth"]) == 7 else row["party_joined"]
    if full_time == "小学":
        row["education_full_time_school"] = f"{village.name}小学"
    row.update(wants)
    person = Person(key, village, row, birth, joined, channel, trade)
    person.earlier = _career(rng, person, official)
    first_work = next(month for month, text in person.earlier if "学习" not in text)
    row.setdefault("work_started", first_work)
    return person


def _education(rng: Random, birth: date) -> str:
    if birth.year < 1970:
        weights = (2, 32, 44, 9, 2, 3, 7, 1)
    elif birth.year < 1982:
        weights = (0, 16, 42, 14, 3, 6, 16, 3)
    else:
        weights = (0, 4, 28, 14, 4, 7, 31, 12)
    return rng.choices(LEVELS[:8], weights)[0]


def _channel(rng: Random, level: str, sex: str) -> str:
    weights = [
        36,
        14 if sex == "男" else 1,
        14,
        26 if LEVELS.index(level) >= LEVELS.index("中专") else 0,
        20,
        2,
    ]
    return rng.choices(CHANNELS, weights)[0]


def _party_day(rng: Random, earliest: date, latest: date) -> date:
    day = days_between(rng, earliest, latest)
    # Branches admit members in batches: before 1 July and at the year's end.
    for month in (6, 12) if rng.random() < 0.7 else ():
        batch = date(day.year, month, rng.randint(3, 28))
        if earliest <= batch <= latest:
            return batch
    return day


def _origin(rng: Random, channel: str) -> str:
    return {
        "致富带头人": rng.choice(("本村农民", "合作社负责人", "种养大户")),
        "退伍军人": "退伍军人",
        "回乡青年": "回乡青年",
        "大中专毕业生": rng.choice(("大中专毕业生", "大学生村官")),
        "外出务工返乡": "返乡人员",
        "其他": rng.choice(("原民办教师", "原村办企业负责人", "个体工商户")),
    }[channel]


def _career(rng: Random, person: Person, official: str) -> list[tuple[str, str]]:
    """Return (month from, text) for the life before the first recorded post."""
    row, village = person.row, person.village
    level = row["education_full_time_level"]
    school_years = {
        "小学": 13,
        "初中": 16,
        "高中": 19,
        "中专": 19,
        "中技": 19,
        "职高": 19,
        "大专": 22,
        "本科": 23,
        "硕士": 26,
    }[level]
    done = person.birth.year + school_years
    result: list[tuple[str, str]] = []
    if level in ("中专", "大专", "本科", "硕士"):
        years = {"中专": 3, "大专": 3, "本科": 4, "硕士": 3}[level]
        result.append(
            (
                f"{done - years}-09",
                f"{row['education_full_time_school']}{row['education_full_time_major']}专业学习",
            )
        )
    year = done
    if official:
        result.append((f"{year}-07", f"{official}科员"))
        result.append(
            (
                f"{year + rng.randint(4, 8)}-{rng.randint(1, 12):02d}",
                f"{official}副主任科员" if rng.random() < 0.5 else f"{official}办公室副主任",
            )
        )
        return result
    home = f"{village.place}"
    if person.channel == "退伍军人":
        enlist = max(done, person.birth.year + 18)
        if enlist > done:
            result.append((f"{done}-07", f"{home}务农"))
        result.append((f"{enlist}-12", "中国人民解放军某部服役"))
        year = enlist + rng.randint(2, 8)
        result.append((f"{year}-12", f"{home}务农，从事{person.trade}"))
    elif person.channel == "外出务工返乡":
        result.append((f"{year}-07", f"{home}务农"))
        year += rng.randint(1, 3)
        place = rng.choice(
            (
                "浙江省义乌市经商",
                "广东省东莞市务工",
                "江苏省苏州市务工",
                "福建省晋江市务工",
                "上海市从事建筑安装",
            )
        )
        result.append((f"{year}-{rng.randint(2, 4):02d}", place))
        year += rng.randint(4, 10)
        result.append((f"{year}-{rng.randint(5, 12):02d}", f"返乡创业，从事{person.trade}"))
    elif person.channel == "大中专毕业生":
        result.append(
            (
                f"{year}-07",
                rng.choice(
                    (
                        "示例市农资公司技术员",
                        "示例市丰源食品公司职员",
                        "示例市某建筑公司资料员",
                        f"{village.township.name}中心小学代课教师",
                    )
                ),
            )
        )
        year += rng.randint(2, 5)
        result.append(
            (
                f"{year}-{rng.randint(7, 12):02d}",
                f"{home}大学生村官" if rng.random() < 0.5 else f"{home}{village.committee}文书",
            )
        )
    elif person.channel == "回乡青年":
        result.append((f"{year}-07", f"{home}务农"))
        year += rng.randint(2, 6)
        result.append((f"{year}-{rng.randint(1, 12):02d}", f"{home}团支部书记、文书"))
    elif person.channel == "其他":
        result.append(
            (
                f"{year}-07",
                f"{home}小学民办教师"
                if row["origin"] == "原民办教师"
                else f"{village.township.name}农机修造厂工人",
            )
        )
        year += rng.randint(5, 12)
        result.append((f"{year}-{rng.randint(1, 12):02d}", f"{home}从事{person.trade}"))
    else:
        result.append((f"{year}-07", f"{home}务农"))
        year += rng.randint(3, 7)
        result.append((f"{year}-{rng.randint(1, 12):02d}", f"{home}{person.trade}大户"))
        year += rng.randint(2, 6)
        result.append((f"{year}-{rng.randint(1, 12):02d}", f"{home}{person.trade}专业合作社理事长"))
    return result
