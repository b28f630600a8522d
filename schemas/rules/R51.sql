/*
id: R51
title: 评议票数属实，不称职的启动调整
severity: warning
clause: [assessment#9, assessment#8]
complete: adjustments
table: appraisals
column: grade
message: "{village_name}书记{person_name}{year}年度{problem}{ending}。"
remedy: "请核实情况和票数；达到条件的，由乡镇党委决定启动调整程序，登记线索来源和处理方式。"
*/
-- An adjustment opened after the votes, or one that cites this appraisal, answers it. Who has left office since needs none.
SELECT a.person_id, a.village_id, a.appraisal_id, coalesce(a.village_name, a.village_id) AS village_name,
    coalesce(a.person_name, a.person_id) AS person_name, a.year,
    CASE WHEN a.years_incompetent >= param_number('incompetent_years', a.asked_on) THEN '连续' || a.years_incompetent || '年确定为不称职'
        ELSE a.worst_body || '评议不称职票' || fraction(a.worst_incompetent, a.worst_returned) || '，达到规定的'
            || as_percent(param_number('incompetent_share', a.asked_on)) END AS problem, '，没有启动调整' AS ending,
    r._file, r._line
FROM build CROSS JOIN appraisal_summary AS a JOIN appraisals AS r USING (appraisal_id)
WHERE a.adjustment_asked
  AND NOT EXISTS (SELECT 1 FROM adjustments AS j
    WHERE j.appraisal_id = a.appraisal_id OR (j.person_id = a.person_id AND j.opened_on >= coalesce(a.reports_members_date, a.asked_on)))
  AND EXISTS (SELECT 1 FROM secretary_tenures AS t WHERE t.person_id = a.person_id AND in_office(t.started_on, t.ended_on, as_of))
UNION ALL BY NAME
-- Where the votes do not add up, no third of them can be told.
SELECT a.person_id, a.village_id, a.appraisal_id, coalesce(v.name, a.village_id) AS village_name, coalesce(p.name, a.person_id) AS person_name, a.year,
    t.body || '评议票' || CASE WHEN t.returned > t.issued THEN '收回' || t.returned || '张，多于发出' || t.issued || '张'
        ELSE '各等次合计' || (t.excellent + t.competent + t.basic + t.incompetent) || '张，多于收回' || t.returned || '张' END AS problem, '' AS ending,
    'appraisal_tallies' AS _table, 'returned' AS _column, t._file, t._line
FROM appraisal_tallies AS t JOIN appraisals AS a USING (appraisal_id)
LEFT JOIN villages AS v ON v.village_id = a.village_id LEFT JOIN people AS p ON p.person_id = a.person_id
WHERE t.returned > t.issued OR t.excellent + t.competent + t.basic + t.incompetent > t.returned
