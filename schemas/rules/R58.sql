/*
id: R58
title: 每年体检
severity: warning
clause: care#2
complete: care
table: tenures
column: person_id
message: "{village_name}书记{person_name}{year}年没有体检记录。"
remedy: "请核对体检安排；已经体检的补录日期（体检结果不登记），没有体检的尽快安排。"
*/
-- Judged when the year is over, for those in office at its end who served at least half of it.
SELECT d.person_id, t.village_id, d.tenure_id, coalesce(v.name, t.village_id) AS village_name, coalesce(d.person_name, d.person_id) AS person_name,
    d.year, d._file, d._line
FROM care_due AS d JOIN secretary_tenures AS t USING (tenure_id) LEFT JOIN villages AS v ON v.village_id = t.village_id
WHERE d.kind = '体检' AND d.state = '没有落实'
