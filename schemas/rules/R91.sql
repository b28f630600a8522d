/*
id: R91
title: 每年资格条件回头看
severity: warning
clause: term-2026#5
complete: rechecks
table: tenures
column: person_id
message: "{village_name}书记{person_name}{problem}。"
remedy: "请会同联审部门复核并登记结论；不符合条件的，启动调整并填写调整编号。"
*/
-- Judged when the year is over, like the yearly talk; what a recheck found is judged at once. Its reasons stay unsaid.
SELECT y.person_id, y.village_id, coalesce(v.name, y.village_id) AS village_name, coalesce(p.name, y.person_id) AS person_name,
    y.year || '年没有完成资格条件回头看' AS problem, t._file, t._line, 'tenures' AS _table, 'person_id' AS _column
FROM build CROSS JOIN secretary_years AS y JOIN tenures AS t USING (tenure_id)
LEFT JOIN villages AS v ON v.village_id = y.village_id LEFT JOIN people AS p ON p.person_id = y.person_id
WHERE y.half_year AND y.finished AND y.in_office AND param('review_reply_working_days', year_end(y.year)) IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM rechecks AS r WHERE r.person_id = y.person_id AND r.year = y.year AND r.completed_on <= as_of)
UNION ALL BY NAME
SELECT r.person_id, r.village_id, coalesce(v.name, r.village_id) AS village_name, coalesce(p.name, r.person_id) AS person_name,
    r.year || '年回头看不符合条件，没有启动调整' AS problem, r._file, r._line, 'rechecks' AS _table, 'adjustment_id' AS _column
FROM rechecks AS r LEFT JOIN villages AS v USING (village_id) LEFT JOIN people AS p USING (person_id)
WHERE r.result = '不符合条件' AND r.adjustment_id IS NULL
