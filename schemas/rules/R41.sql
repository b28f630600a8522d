/*
id: R41
title: 每季度各单位都督导
severity: warning
clause: first-secretary#10
table: first_secretaries
column: first_secretary_id
message: "{village_name}第一书记{person_name}{quarter_name}没有{missing}的督导记录（应有{due}个单位，已督导{done}个）。"
remedy: "已经督导的请补录，没有督导的请说明原因并在下一季度安排。"
*/
-- One finding for a quarter, however many bodies were missing. The calendar view decides which quarters are asked for.
SELECT c.first_secretary_id, c.person_id, c.village_id, any_value(v.name) AS village_name,
    coalesce(any_value(c.person_name), c.person_id) AS person_name, c.quarter_name,
    string_agg(c.org_name, '、' ORDER BY c.org_ordinal) FILTER (c.state = '未督导') AS missing,
    count(*) AS due, count(*) FILTER (c.state = '已督导') AS done, any_value(f._file) AS _file, any_value(f._line) AS _line
FROM inspection_calendar AS c JOIN first_secretaries AS f USING (first_secretary_id) LEFT JOIN villages AS v ON v.village_id = c.village_id
WHERE c.state IN ('已督导', '未督导')
GROUP BY c.first_secretary_id, c.person_id, c.village_id, c.quarter_name
HAVING bool_or(c.state = '未督导')
