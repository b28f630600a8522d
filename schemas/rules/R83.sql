/*
id: R83
title: 年度学时，上任半年内培训
severity: warning
clause: [support-2022#2, support-2022#3]
complete: [attendance, training_classes]
table: tenures
column: person_id
message: "{village_name}书记{person_name}{problem}。"
remedy: "请核对参训记录；确实没有参加或者学时不够的，应当安排补训。"
*/
-- Hours are judged when the year is over. The first training is asked once of a service, not again of who is re-elected,
-- and not of who left before the half year was over.
SELECT t.person_id, t.village_id, t.tenure_id, coalesce(t.village_name, t.village_id) AS village_name, coalesce(t.person_name, t.person_id) AS person_name,
    t.year || '年累计培训' || shown_number(t.hours) || '学时，少于' || param('training_hours_min', year_end(t.year)) || '学时' AS problem, s._file, s._line
FROM build CROSS JOIN training_year AS t JOIN tenures AS s USING (tenure_id)
WHERE t.judged AND t.year < year(as_of) AND t.hours < param_decimal('training_hours_min', year_end(t.year))
UNION ALL BY NAME
SELECT s.person_id, s.village_id, s.tenure_id, coalesce(s.village_name, s.village_id) AS village_name, coalesce(p.name, s.person_id) AS person_name,
    day_in_words(s.started_on) || '任职，到' || day_in_words(s.due_on) || '没有参加过培训' AS problem, s._file, s._line
FROM (
    SELECT *, (started_on + to_months(param_count('first_training_months', started_on)))::DATE AS due_on
    FROM secretary_tenures WHERE started_on = service_from
) AS s LEFT JOIN people AS p USING (person_id), build
WHERE least(coalesce(s.service_to, as_of), as_of) > s.due_on
  AND NOT EXISTS (SELECT 1 FROM attendance AS a JOIN training_classes AS c USING (class_id)
      WHERE a.person_id = s.person_id AND a.result <> '缺课' AND c.ended_on >= s.started_on AND c.started_on <= s.due_on)
