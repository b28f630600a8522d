/*
id: R46
title: 每年参加集中培训
severity: warning
clause: [training#4, training#3, training#10]
complete: [attendance, training_classes]
table: tenures
column: person_id
message: "{who}{year}年{problem}。"
remedy: "请核对参训记录；确实没有参加的应当安排补训。"
*/
-- Judged when the year is over; while it runs, the list of what is to be done shows who still lacks what.
SELECT t.person_id, t.village_id, t.tenure_id, coalesce(t.village_name, t.village_id) AS village_name, coalesce(t.person_name, t.person_id) AS person_name,
    t.year,
    coalesce(t.village_name, t.village_id) || '书记' || coalesce(t.person_name, t.person_id) AS who,
    concat_ws('，', CASE WHEN t.city_classes < t.classes_required
            THEN '参加市级以上集中培训' || t.city_classes || '次，少于' || shown_number(t.classes_required) || '次' END,
        CASE WHEN t.days < t.days_required
            THEN '累计集中培训' || shown_number(t.days) || '天，少于' || shown_number(t.days_required) || '天' END) AS problem,
    s._file, s._line
FROM build CROSS JOIN training_year AS t JOIN secretary_tenures AS s USING (tenure_id)
WHERE t.judged AND NOT t.met AND t.year < year(as_of)
UNION ALL BY NAME
-- Days that no class had would make up for days that nobody attended.
SELECT a.person_id, year(c.ended_on) AS year, coalesce(p.name, a.person_id) AS who,
    '参加“' || c.title || '”登记' || CASE WHEN a.days > c.days THEN shown_number(a.days) || '天，多于该班的' || shown_number(c.days) || '天'
        ELSE shown_number(a.hours) || '学时，多于该班的' || shown_number(c.hours) || '学时' END AS problem,
    'attendance' AS _table, CASE WHEN a.days > c.days THEN 'days' ELSE 'hours' END AS _column, a._file, a._line
FROM attendance AS a JOIN training_classes AS c USING (class_id) LEFT JOIN people AS p ON p.person_id = a.person_id
WHERE a.result <> '缺课' AND (a.days > c.days OR a.hours > c.hours)
