/*
title: 走访慰问期
description: 工作日历中每年“七一”和春节走访慰问期的起止日期。
fields:
  year: {title: 年度, sensitivity: public}
  visit_window: {title: 慰问时段, sensitivity: public}
  window_start: {title: 起, sensitivity: public}
  window_end: {title: 止, sensitivity: public}
*/
SELECT year(date)::INTEGER AS year, visit_window, min(date) AS window_start, max(date) AS window_end
FROM calendar WHERE visit_window IS NOT NULL GROUP BY ALL
