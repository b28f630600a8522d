/*
title: 日期与周岁
description: 只有年月的日期按当月第一天计算；周岁按足年计算，不是年份相减。
*/
-- The day from which a partial date counts: 1975-03 stands for 1975-03-01. NULL for what is no date.
CREATE MACRO first_day(partial_date) AS TRY_CAST(
    CASE length(partial_date) WHEN 7 THEN partial_date || '-01' WHEN 10 THEN partial_date END AS DATE
);

-- The last day that a partial date can mean: what is not known to be too early is not called too early.
CREATE MACRO latest_day(partial_date) AS
    CASE length(partial_date) WHEN 7 THEN last_day(first_day(partial_date)) ELSE first_day(partial_date) END;

-- Whole years from one day to another. Who was born on 29 February completes a year on 1 March.
CREATE MACRO years_between(from_day, to_day) AS
    year(to_day) - year(from_day)
    - CASE WHEN month(to_day) * 100 + day(to_day) < month(from_day) * 100 + day(from_day) THEN 1 ELSE 0 END;

-- 周岁 on a day; `birth` is the text of the record, with or without its day.
CREATE MACRO age_on(birth, on_date) AS years_between(first_day(birth), on_date);

-- Months from one year-month to another, whatever the days.
CREATE MACRO months_between(from_day, to_day) AS
    (year(to_day) - year(from_day)) * 12 + month(to_day) - month(from_day);

-- In office from the day of appointment; on the day of leaving it is the successor who is in office.
CREATE MACRO in_office(started_on, ended_on, on_date) AS
    started_on <= on_date AND (ended_on IS NULL OR ended_on > on_date);

-- A date inside a sentence: 2026年4月7日, of one that is not known to the day 1975年3月. Tables and cells keep 2026-04-07.
CREATE MACRO day_in_words(on_date) AS CASE length(on_date::VARCHAR)
    WHEN 7 THEN strftime(first_day(on_date::VARCHAR), '%Y年%-m月')
    ELSE strftime(first_day(left(on_date::VARCHAR, 10)), '%Y年%-m月%-d日') END;
