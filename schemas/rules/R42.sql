/*
id: R42
title: 每月在岗天数
severity: warning
clause: first-secretary#8
table: inspections
column: days_month1
message: "{village_name}第一书记{person_name}{month_name}{problem}。"
remedy: "天数有误的请更正，没有核实的请补填；确实不足的请写明请假情况，连续两个季度不足的应当召回。"
*/
-- Bodies that verified the same month differently yield one finding, at the row of the fewest days.
SELECT m.first_secretary_id, f.person_id, f.village_id, v.name AS village_name, coalesce(p.name, f.person_id) AS person_name,
    strftime(m.month_start, '%Y年%-m月') AS month_name, m.days, m.required,
    '在岗' || m.days || '天，少于' || m.required || '天' AS problem, m._column, m._file, m._line
FROM on_site_months AS m JOIN first_secretaries AS f USING (first_secretary_id)
LEFT JOIN people AS p ON p.person_id = f.person_id LEFT JOIN villages AS v ON v.village_id = f.village_id
WHERE NOT m.met
UNION ALL BY NAME
-- A whole month that none of those who came has verified would pass for a good one. The last of the quarter may be verified
-- in the month after it.
SELECT q.first_secretary_id, f.person_id, f.village_id, v.name AS village_name, coalesce(p.name, f.person_id) AS person_name,
    strftime(q.month_start, '%Y年%-m月') AS month_name, '的在岗天数没有一个督导单位核实' AS problem,
    'days_month' || q.n AS _column, q._file, q._line
FROM (
    SELECT i.first_secretary_id, m.n, (year_end(i.year - 1) + 1 + to_months(3 * i.quarter::INTEGER + m.n - 4))::DATE AS month_start,
        (year_end(i.year - 1) + 1 + to_months(3 * i.quarter::INTEGER + 1))::DATE AS told_by,
        arg_max(i._file, (i.date, i.org_id)) AS _file, arg_max(i._line, (i.date, i.org_id)) AS _line
    FROM build CROSS JOIN inspections AS i, (VALUES (1), (2), (3)) AS m(n)
    WHERE i.date <= as_of AND i.quarter BETWEEN 1 AND 4 AND i.year BETWEEN 1900 AND 2200
    GROUP BY i.first_secretary_id, i.year, i.quarter, m.n
    HAVING count(CASE m.n WHEN 1 THEN i.days_month1 WHEN 2 THEN i.days_month2 ELSE i.days_month3 END) = 0
) AS q CROSS JOIN build JOIN first_secretaries AS f USING (first_secretary_id)
LEFT JOIN people AS p ON p.person_id = f.person_id LEFT JOIN villages AS v ON v.village_id = f.village_id
WHERE as_of >= q.told_by AND param('on_site_days_month', q.month_start) IS NOT NULL
  AND f.started_on <= q.month_start AND (f.ended_on IS NULL OR f.ended_on > last_day(q.month_start))
