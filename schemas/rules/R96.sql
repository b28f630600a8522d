/*
id: R96
title: 期满考核和请假批准
severity: warning
clause: [management-2025#2, management-2025#3]
complete: first_secretaries
table: first_secretaries
column: term_grade
message: "{who}{problem}。"
remedy: "请补填期满考核等次，或者核对请假的天数、批准机构和批准日期。"
*/
-- Judged thirty days after he left; a leave of more than the days of the clause is the city's to approve.
SELECT s.person_id, s.village_id, coalesce(v.name, s.village_id) || '第一书记' || coalesce(p.name, s.person_id) AS who,
    day_in_words(s.ended_on) || '离任，没有期满考核等次' AS problem, 'first_secretaries' AS _table, 'term_grade' AS _column, s._file, s._line
FROM build CROSS JOIN first_secretaries AS s LEFT JOIN people AS p USING (person_id) LEFT JOIN villages AS v ON v.village_id = s.village_id
WHERE s.end_reason IN ('期满轮换', '提拔任用') AND s.ended_on + 30 < as_of AND s.term_grade IS NULL AND param('leave_city_days', s.ended_on) IS NOT NULL
UNION ALL BY NAME
SELECT NULL AS person_id, w.village_id, coalesce(v.name, w.village_id) || '工作队队员' || w.name AS who, day_in_words(w.ended_on) || '离任，没有期满考核等次' AS problem,
    'team_workers' AS _table, 'term_grade' AS _column, w._file, w._line
FROM build CROSS JOIN team_workers AS w LEFT JOIN villages AS v USING (village_id)
WHERE w.ended_on + 30 < as_of AND w.term_grade IS NULL AND param('leave_city_days', w.ended_on) IS NOT NULL
UNION ALL BY NAME
SELECT s.person_id, coalesce(s.village_id, w.village_id) AS village_id, '请假' || l.leave_id || '（' || day_in_words(l.started_on) || '至' || day_in_words(l.ended_on) || '）' AS who,
    CASE WHEN l.approved_on IS NULL OR l.approved_by IS NULL THEN '没有填写批准' WHEN l.approved_on > l.started_on THEN '于' || day_in_words(l.approved_on) || '批准，晚于请假'
        ELSE '共' || l.days || '天，超过' || l.most || '天，应当由市委组织部批准' END AS problem,
    'leaves' AS _table, 'approved_by' AS _column, l._file, l._line
FROM (SELECT *, ended_on - started_on + 1 AS days, param_count('leave_city_days', started_on) AS most FROM leaves) AS l
LEFT JOIN first_secretaries AS s USING (first_secretary_id) LEFT JOIN team_workers AS w ON w.worker_id = l.worker_id
LEFT JOIN organisations AS o ON o.org_id = l.approved_by
WHERE l.most IS NOT NULL AND (l.approved_on IS NULL OR l.approved_by IS NULL OR l.approved_on > l.started_on
    OR (l.days > l.most AND l.approved_by NOT IN (SELECT issued_by FROM policies WHERE policy_id = 'management-2025')))
