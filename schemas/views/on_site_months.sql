/*
title: 第一书记各月在岗天数
description: 每名第一书记每个完整在任月份经督导核实的在岗天数；几个单位核实不一致的取最少的。
fields:
  first_secretary_id: {title: 派驻编号, sensitivity: internal}
  month_start: {title: 月份, sensitivity: internal}
  days: {title: 在岗天数, sensitivity: internal}
  org_id: {title: 核实单位, sensitivity: internal}
  required: {title: 最低天数, sensitivity: internal}
  met: {title: 是否达到, sensitivity: internal}
*/
-- Three columns become three months. A month in which he came or left is not whole and is not judged.
WITH months AS (
    SELECT i.first_secretary_id, i.org_id, m.n, (year_end(i.year - 1) + 1 + to_months(3 * i.quarter::INTEGER + m.n - 4))::DATE AS month_start,
        CASE m.n WHEN 1 THEN i.days_month1 WHEN 2 THEN i.days_month2 ELSE i.days_month3 END AS days, i._file, i._line
    FROM build CROSS JOIN inspections AS i, (VALUES (1), (2), (3)) AS m(n)
    WHERE i.date <= as_of AND i.quarter BETWEEN 1 AND 4 AND i.year BETWEEN 1900 AND 2200
),
lowest AS (
    SELECT first_secretary_id, month_start, min(days) AS days, arg_min(org_id, (days, org_id)) AS org_id,
        arg_min('days_month' || n, (days, org_id)) AS _column, arg_min(_file, (days, org_id)) AS _file, arg_min(_line, (days, org_id)) AS _line
    FROM months WHERE days IS NOT NULL
    GROUP BY first_secretary_id, month_start
)
SELECT l.first_secretary_id, l.month_start, l.days, l.org_id, param_number('on_site_days_month', l.month_start)::INTEGER AS required,
    l.days >= param_number('on_site_days_month', l.month_start) AS met, l._column, l._file, l._line
FROM lowest AS l JOIN first_secretaries AS f USING (first_secretary_id)
WHERE f.started_on <= l.month_start AND (f.ended_on IS NULL OR f.ended_on > last_day(l.month_start))
