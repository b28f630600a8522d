/*
id: R41
title: 每季度各单位都督导
severity: warning
clause: first-secretary#10
complete: [inspections, organisations]
table: first_secretaries
column: first_secretary_id
message: "{village_name}第一书记{person_name}{quarter_name}{problem}。"
remedy: "已经督导的请补录，日期有误的请更正，没有督导的请说明原因并在下一季度安排。"
*/
-- One finding for a quarter, however many bodies were missing. The calendar view decides which quarters are asked for.
SELECT *, '没有' || missing || '的督导记录（应有' || due || '个单位，已督导' || done || '个）' AS problem
FROM (
SELECT c.first_secretary_id, c.person_id, c.village_id, any_value(v.name) AS village_name,
    coalesce(any_value(c.person_name), c.person_id) AS person_name, c.quarter_name,
    string_agg(c.org_name, '、' ORDER BY c.org_ordinal) FILTER (c.state = '未督导') AS missing,
    count(*) AS due, count(*) FILTER (c.state = '已督导') AS done, any_value(f._file) AS _file, any_value(f._line) AS _line
FROM inspection_calendar AS c JOIN first_secretaries AS f USING (first_secretary_id) LEFT JOIN villages AS v ON v.village_id = c.village_id
WHERE c.state IN ('已督导', '未督导')
GROUP BY c.first_secretary_id, c.person_id, c.village_id, c.quarter_name
HAVING bool_or(c.state = '未督导')
)
UNION ALL BY NAME
-- An inspection is of the quarter in which it falls, or of the one that ended the month before: what is dated otherwise
-- would fill a gap that it does not fill.
SELECT c.first_secretary_id, c.person_id, c.village_id, v.name AS village_name, coalesce(c.person_name, c.person_id) AS person_name,
    c.quarter_name, c.org_name || '的督导日期是' || day_in_words(c.date) || '，不在这一季度和次月以内' AS problem,
    'inspections' AS _table, 'date' AS _column, i._file, i._line
FROM inspection_calendar AS c JOIN inspections AS i USING (first_secretary_id, year, quarter, org_id) LEFT JOIN villages AS v ON v.village_id = c.village_id
WHERE c.date NOT BETWEEN c.quarter_start AND last_day(c.quarter_end + 1)
