/*
id: R51
title: 评议不称职的启动调整
severity: warning
clause: assessment#9
table: appraisals
column: grade
message: "{village_name}书记{person_name}{year}年度{problem}，没有启动调整。"
remedy: "请核实情况，由乡镇党委决定启动调整程序，登记线索来源和处理方式。"
*/
-- An adjustment opened after the votes, or one that cites this appraisal, answers it. Who has left office since needs none.
SELECT a.person_id, a.village_id, a.appraisal_id, coalesce(a.village_name, a.village_id) AS village_name,
    coalesce(a.person_name, a.person_id) AS person_name, a.year,
    CASE WHEN a.years_incompetent >= param_number('incompetent_years', a.asked_on) THEN '连续' || a.years_incompetent || '年确定为不称职'
        ELSE a.worst_body || '评议不称职票' || fraction(a.worst_incompetent, a.worst_returned) || '，达到规定的'
            || as_percent(param_number('incompetent_share', a.asked_on)) END AS problem,
    r._file, r._line
FROM build CROSS JOIN appraisal_summary AS a JOIN appraisals AS r USING (appraisal_id)
WHERE a.adjustment_asked
  AND NOT EXISTS (SELECT 1 FROM adjustments AS j
    WHERE j.appraisal_id = a.appraisal_id OR (j.person_id = a.person_id AND j.opened_on >= coalesce(a.reports_members_date, a.asked_on)))
  AND EXISTS (SELECT 1 FROM secretary_tenures AS t WHERE t.person_id = a.person_id AND in_office(t.started_on, t.ended_on, as_of))
