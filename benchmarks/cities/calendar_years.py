"""Draft the rows of the working-day calendar for some years, for a person to check against the yearly notice.

Needs two packages that the project itself does not: `pip install chinesecalendar lunardate`.
"""

from __future__ import annotations

import csv
import sys
from datetime import date, timedelta

import chinese_calendar
from chinese_calendar.constants import holidays, workdays
from lunardate import LunarDate

NAMES = {
    "New Year's Day": "元旦",
    "Spring Festival": "春节",
    "Tomb-sweeping Day": "清明节",
    "Labour Day": "劳动节",
    "Dragon Boat Festival": "端午节",
    "Mid-autumn Festival": "中秋节",
    "National Day": "国庆节",
    "Anti-Fascist 70th Day": "抗战胜利纪念日",
}
MONTHS = ("正月", "二月", "三月", "四月", "五月", "六月", "七月", "八月", "九月", "十月", "冬月", "腊月")
DIGITS = "一二三四五六七八九十"


def lunar_name(day: date) -> str:
    """Name a day as the lunar calendar does, such as 腊月二十三."""
    lunar = LunarDate.from_solar_date(day.year, day.month, day.day)
    number = lunar.day
    if number <= 10:
        text = "初" + DIGITS[number - 1]
    elif number < 20:
        text = "十" + DIGITS[number - 11]
    elif number in (20, 30):
        text = {20: "二十", 30: "三十"}[number]
    else:
        text = "廿" + DIGITS[number - 21]
    return ("闰" if lunar.is_leap_month else "") + MONTHS[lunar.month - 1] + text


def visit_window(day: date, lunar: str) -> str:
    """Tell in which visiting window a day lies: twelve days around 1 July, or 腊月二十 to 正月初六."""
    if date(day.year, 6, 20) <= day <= date(day.year, 7, 1):
        return "七一"
    late = lunar.startswith("腊月") and (lunar[2:] in ("二十", "三十") or lunar[2] == "廿")
    early = lunar.startswith("正月初") and DIGITS.index(lunar[3]) < 6
    return "春节" if late or early else ""


def main(first: int, last: int) -> None:
    """Print the rows from the first year to the last."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["date", "working", "name", "lunar", "visit_window"])
    day = date(first, 1, 1)
    while day.year <= last:
        lunar = lunar_name(day)
        window = visit_window(day, lunar)
        name = NAMES[holidays[day]] if day in holidays else "调休上班" if day in workdays else ""
        working = "是" if chinese_calendar.is_workday(day) else "否"
        writer.writerow([day.isoformat(), working, name, lunar if window == "春节" else "", window])
        day += timedelta(days=1)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
