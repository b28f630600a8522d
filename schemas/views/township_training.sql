/*
title: 乡镇年度培训达标
description: 全市和每个乡镇（街道）每年应当达标的书记人数、达标人数和平均天数。
fields:
  org_id: {title: 机构编号, sensitivity: internal}
  org_name: {title: 统计范围, sensitivity: internal}
  year: {title: 年度, sensitivity: internal}
  asked: {title: 应达标人数, sensitivity: internal}
  met: {title: 达标人数, sensitivity: internal}
  share: {title: 达标率（%）, sensitivity: internal}
  days_average: {title: 人均天数, sensitivity: internal}
*/
SELECT f.org_id, any_value(o.short_name) AS org_name, t.year, count(*) AS asked, count(*) FILTER (t.met) AS met,
    share_of(count(*) FILTER (t.met), count(*), 1) AS share, rounded(avg(t.days), 1) AS days_average
FROM training_year AS t JOIN offices AS f USING (township_id) LEFT JOIN organisations AS o ON o.org_id = f.org_id
WHERE t.judged
GROUP BY f.org_id, t.year
