/*
title: 书记年度培训
description: 每名书记每年参加集中培训的班次、天数，对照当年规定。任职不满半年的年度不作要求。
fields:
  person_id: {title: 人员编号, sensitivity: internal}
  person_name: {title: 姓名, sensitivity: internal}
  year: {title: 年度, sensitivity: internal}
  village_id: {title: 村（社区）编号, sensitivity: internal}
  village_name: {title: 村（社区）, sensitivity: internal}
  township_id: {title: 乡镇（街道）编号, sensitivity: internal}
  township_name: {title: 乡镇（街道）, sensitivity: internal}
  tenure_id: {title: 任职编号, sensitivity: internal}
  classes: {title: 参加班次, sensitivity: internal}
  city_classes: {title: 市级以上班次, sensitivity: internal}
  days: {title: 累计天数, sensitivity: internal}
  hours: {title: 累计学时, sensitivity: internal}
  classes_required: {title: 规定市级以上班次, sensitivity: internal}
  days_required: {title: 规定天数, sensitivity: internal}
  met: {title: 是否达到, sensitivity: internal}
  judged: {title: 是否要求, sensitivity: internal}
  in_office: {title: 年末或者基准日在任, sensitivity: internal}
*/
-- By the year in which a class ends, as the statistics count; a class that was missed counts nothing.
WITH attended AS (
    SELECT a.person_id, year(c.ended_on)::INTEGER AS year, count(*) AS classes,
        count(*) FILTER (c.level >= '市级'::training_classes_level) AS city_classes, sum(a.days) AS days, sum(a.hours) AS hours
    FROM build CROSS JOIN attendance AS a JOIN training_classes AS c USING (class_id)
    WHERE a.result <> '缺课' AND c.ended_on <= as_of
    GROUP BY ALL
),
asked AS (
    SELECT s.*, s.half_year AND s.year >= l.first_year AS asked,
        -- What is asked for in a year is what was in force on its last day, or is in force now.
        param_decimal('city_classes_min', least(year_end(s.year), as_of)) AS classes_required,
        param_decimal('training_days_min', least(year_end(s.year), as_of)) AS days_required
    FROM build CROSS JOIN secretary_years AS s CROSS JOIN ledger_starts AS l WHERE l.ledger = '培训'
)
SELECT s.person_id, p.name AS person_name, s.year, s.village_id, v.name AS village_name, s.township_id, o.short_name AS township_name, s.tenure_id,
    coalesce(a.classes, 0) AS classes, coalesce(a.city_classes, 0) AS city_classes, coalesce(a.days, 0) AS days, coalesce(a.hours, 0) AS hours,
    s.classes_required::DOUBLE AS classes_required, s.days_required::DOUBLE AS days_required,
    coalesce(a.city_classes, 0) >= s.classes_required AND coalesce(a.days, 0) >= s.days_required AS met,
    s.asked AND s.classes_required IS NOT NULL AND s.days_required IS NOT NULL AS judged, s.in_office
FROM asked AS s LEFT JOIN attended AS a ON a.person_id = s.person_id AND a.year = s.year
LEFT JOIN people AS p ON p.person_id = s.person_id
LEFT JOIN villages AS v ON v.village_id = s.village_id
LEFT JOIN organisations AS o ON o.org_id = s.township_id
