/*
id: R93
title: 村（居）委会有妇女成员
severity: warning
clause: term-2026#6
complete: tenures
table: villages
column: village_id
message: "{village_name}{body}在任{members}人，妇女成员{women}人，少于{least}人。"
remedy: "请核对成员登记；确实缺少的，通过补选补齐。"
*/
-- A committee has three members and more by law: with fewer on record the record is not complete, and nothing follows from it.
SELECT f.village_id, f.name AS village_name, CASE v.kind WHEN '社区' THEN '居委会' ELSE '村委会' END AS body, f.committee AS members, f.committee_women AS women,
    param_count('committee_women_min', as_of) AS least, v._file, v._line
FROM build CROSS JOIN team_figures AS f JOIN villages AS v USING (village_id)
WHERE f.scope = '村' AND f.committee >= 3 AND f.committee_women < param_count('committee_women_min', as_of)
