/*
title: 后备力量培养流程
description: 全市和每个乡镇（街道）累计有多少人到过每个阶段、现在停在每个阶段、从每个阶段出库。
erased: counted
fields:
  org_id: {title: 机构编号, sensitivity: internal}
  org_name: {title: 统计范围, sensitivity: internal}
  stage: {title: 阶段, sensitivity: internal}
  ordinal: {title: 次序, sensitivity: internal}
  reached: {title: 累计到过, sensitivity: internal}
  staying: {title: 现在停在, sensitivity: internal}
  exited: {title: 从此出库, sensitivity: internal}
  months_average: {title: 到下一阶段平均月数, sensitivity: internal}
*/
WITH person AS (
    SELECT r.township_id, s.stage, s.ordinal, r.place, r.active, r.exited_on, r.days[s.ordinal] AS from_day,
        CASE WHEN r.days[s.ordinal + 1] <= as_of THEN r.days[s.ordinal + 1] END AS to_day
    FROM build CROSS JOIN reserve_at AS r,
        (VALUES ('致富能手', 1), ('党员', 2), ('村干部', 3), ('村党组织书记', 4)) AS s(stage, ordinal)
)
SELECT f.org_id, any_value(o.short_name) AS org_name, p.stage, p.ordinal,
    count(*) FILTER (p.place >= p.ordinal) AS reached,
    count(*) FILTER (p.place = p.ordinal AND p.active) AS staying,
    count(*) FILTER (p.place = p.ordinal AND p.exited_on IS NOT NULL) AS exited,
    rounded(avg(months_between(p.from_day, p.to_day)), 1) AS months_average
FROM person AS p JOIN offices AS f USING (township_id) LEFT JOIN organisations AS o ON o.org_id = f.org_id
GROUP BY f.org_id, p.stage, p.ordinal
