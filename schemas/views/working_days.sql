/*
title: 工作日编号
description: 工作日历中的每一天，以及从日历开始到这一天（含）的工作日数；依据没有登记的年份不列。
fields:
  date: {title: 日期, sensitivity: public}
  working: {title: 是否工作日, sensitivity: public}
  number: {title: 累计工作日数, sensitivity: public}
*/
SELECT date, working, calendar_number(date)::BIGINT AS number
FROM calendar SEMI JOIN calendar_years ON year(calendar.date) = calendar_years.year
