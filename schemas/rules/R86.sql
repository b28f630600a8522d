/*
id: R86
title: 每年谈心
severity: warning
clause: [care#5, support-2022#6]
complete: care
table: tenures
column: person_id
message: "{village_name}书记{person_name}{year}年没有谈心记录。"
remedy: "请乡镇（街道）党（工）委负责人谈心并登记日期；已经谈心的补录。"
*/
-- Judged when the year is over, for those in office at its end who served at least half of it.
SELECT d.person_id, t.village_id, d.tenure_id, coalesce(v.name, t.village_id) AS village_name, coalesce(d.person_name, d.person_id) AS person_name,
    d.year, d._file, d._line
FROM care_due AS d JOIN tenures AS t USING (tenure_id) LEFT JOIN villages AS v ON v.village_id = t.village_id
WHERE d.kind = '谈心' AND d.state = '没有落实'
