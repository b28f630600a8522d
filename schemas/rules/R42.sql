/*
id: R42
title: 每月在岗天数
severity: warning
clause: first-secretary#8
table: inspections
column: days_month1
message: "{village_name}第一书记{person_name}{month_name}在岗{days}天，少于{required}天。"
remedy: "天数有误的请更正；确实不足的请写明请假情况，连续两个季度不足的应当召回。"
*/
-- Bodies that verified the same month differently yield one finding, at the row of the fewest days.
SELECT m.first_secretary_id, f.person_id, f.village_id, v.name AS village_name, coalesce(p.name, f.person_id) AS person_name,
    strftime(m.month_start, '%Y年%-m月') AS month_name, m.days, m.required, m._column, m._file, m._line
FROM on_site_months AS m JOIN first_secretaries AS f USING (first_secretary_id)
LEFT JOIN people AS p ON p.person_id = f.person_id LEFT JOIN villages AS v ON v.village_id = f.village_id
WHERE NOT m.met
