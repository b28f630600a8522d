/*
id: R43
title: 督导结果反馈派出单位并纳入考核
severity: warning
clause: first-secretary#12
table: inspections
column: sent_to_unit_on
message: "{village_name}第一书记{person_name}{date}的督导结果（{org_name}）{problem}。"
remedy: "请将督导结果送派出单位，并填写反馈日期和派出单位纳入年度考核的情况。"
*/
-- The unit assesses once a year: how it used the result is asked for when that year is over.
WITH due AS (
    SELECT i.*, as_of, param_number('inspection_feedback_working_days', i.date)::INTEGER AS days,
        add_working_days(i.date, param_number('inspection_feedback_working_days', i.date)) AS due_on
    FROM inspections AS i, build
)
SELECT d.first_secretary_id, f.person_id, f.village_id, v.name AS village_name, coalesce(p.name, f.person_id) AS person_name,
    d.date, coalesce(o.short_name, d.org_id) AS org_name,
    CASE WHEN d.sent_to_unit_on IS NULL THEN '没有反馈派出单位，期限是' || d.due_on
        WHEN d.sent_to_unit_on < d.date THEN '登记于' || d.sent_to_unit_on || '反馈派出单位，早于督导日期'
        WHEN d.sent_to_unit_on > d.due_on THEN '于' || d.sent_to_unit_on || '反馈派出单位，超过' || d.days || '个工作日的期限' || d.due_on
        ELSE '已经反馈，' || d.year || '年度结束后没有填写纳入考核的情况' END AS problem,
    CASE WHEN d.sent_to_unit_on IS NULL OR d.sent_to_unit_on < d.date OR d.sent_to_unit_on > d.due_on THEN 'sent_to_unit_on' ELSE 'unit_use' END AS _column,
    d._file, d._line
FROM due AS d JOIN first_secretaries AS f USING (first_secretary_id)
LEFT JOIN people AS p ON p.person_id = f.person_id LEFT JOIN villages AS v ON v.village_id = f.village_id
LEFT JOIN organisations AS o ON o.org_id = d.org_id
WHERE (d.sent_to_unit_on IS NULL AND d.as_of > d.due_on)
   OR d.sent_to_unit_on > d.due_on OR d.sent_to_unit_on < d.date
   OR (d.sent_to_unit_on IS NOT NULL AND d.unit_use IS NULL AND d.year < year(d.as_of))
