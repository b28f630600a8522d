/*
id: R30
title: 每次任免都有对应的备案
severity: error
clause: [filing#11, filing#7, filing#8]
complete: filings
table: tenures
column: tenure_id
dated: event_date
message: "{village_name}书记{name}（{person_id}）{event_date}{change}（{tenure_id}），期限{due_on}已过，没有{required}{instead}。"
remedy: "请补办备案；已经办理的，在备案中填写这段任职的编号。"
*/
-- Nothing is missing before its limit has passed; where the calendar cannot say when that is, R66 names the year.
SELECT d._file, d._line, CASE d.change WHEN '任职' THEN 'started_on' ELSE 'ended_on' END AS _column,
    d.tenure_id, d.person_id, d.village_id, d.township_id, d.village_name, p.name, d.change, d.event_date, d.due_on,
    array_to_string(d.kinds, '或者') AS required,
    coalesce('，只有' || array_to_string(d.other_kinds, '、'), '') AS instead
FROM filing_duties AS d LEFT JOIN people AS p USING (person_id)
WHERE d.overdue
