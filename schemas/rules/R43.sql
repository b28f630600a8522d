/*
id: R43
title: 督导结果和召回反馈派出单位，问题限期整改
severity: warning
clause: [first-secretary#12, first-secretary#11, first-secretary#13]
table: inspections
column: sent_to_unit_on
message: "{village_name}第一书记{person_name}{what}{problem}。"
remedy: "请将结果送派出单位，并填写反馈日期、整改期限和派出单位纳入年度考核的情况。"
*/
-- The unit assesses once a year: how it used the result is asked for when that year is over.
WITH due AS (
    SELECT i.*, as_of, param_number('inspection_feedback_working_days', i.date)::INTEGER AS days,
        add_working_days(i.date, param_number('inspection_feedback_working_days', i.date)) AS due_on
    FROM inspections AS i, build
)
SELECT d.first_secretary_id, f.person_id, f.village_id, v.name AS village_name, coalesce(p.name, f.person_id) AS person_name,
    d.date, coalesce(o.short_name, d.org_id) AS org_name, day_in_words(d.date) || '的督导结果（' || coalesce(o.short_name, d.org_id) || '）' AS what,
    CASE WHEN d.sent_to_unit_on IS NULL THEN '没有反馈派出单位，期限是' || day_in_words(d.due_on)
        WHEN d.sent_to_unit_on < d.date THEN '登记于' || day_in_words(d.sent_to_unit_on) || '反馈派出单位，早于督导日期'
        WHEN d.sent_to_unit_on > d.due_on THEN '于' || day_in_words(d.sent_to_unit_on) || '反馈派出单位，超过' || d.days || '个工作日的期限' || day_in_words(d.due_on)
        ELSE '已经反馈，' || d.year || '年度结束后没有填写纳入考核的情况' END AS problem,
    CASE WHEN d.sent_to_unit_on IS NULL OR d.sent_to_unit_on < d.date OR d.sent_to_unit_on > d.due_on THEN 'sent_to_unit_on' ELSE 'unit_use' END AS _column,
    d._file, d._line
FROM due AS d JOIN first_secretaries AS f USING (first_secretary_id)
LEFT JOIN people AS p ON p.person_id = f.person_id LEFT JOIN villages AS v ON v.village_id = f.village_id
LEFT JOIN organisations AS o ON o.org_id = d.org_id
WHERE (d.sent_to_unit_on IS NULL AND d.as_of > d.due_on)
   OR d.sent_to_unit_on > d.due_on OR d.sent_to_unit_on < d.date
   OR (d.sent_to_unit_on IS NOT NULL AND d.unit_use IS NULL AND d.year < year(d.as_of))
UNION ALL BY NAME
-- What was found is to be put right by a day, or nobody can say that it is late.
SELECT i.first_secretary_id, f.person_id, f.village_id, v.name AS village_name, coalesce(p.name, f.person_id) AS person_name, i.date,
    day_in_words(i.date) || '的督导（' || coalesce(o.short_name, i.org_id) || '）' AS what, '发现了问题，没有写明整改期限' AS problem,
    'inspections' AS _table, 'rectify_by' AS _column, i._file, i._line
FROM build CROSS JOIN inspections AS i JOIN first_secretaries AS f USING (first_secretary_id)
LEFT JOIN people AS p ON p.person_id = f.person_id LEFT JOIN villages AS v ON v.village_id = f.village_id
LEFT JOIN organisations AS o ON o.org_id = i.org_id
WHERE i.findings IS NOT NULL AND i.rectify_by IS NULL AND i.date <= as_of
UNION ALL BY NAME
SELECT f.first_secretary_id, f.person_id, f.village_id, v.name AS village_name, coalesce(p.name, f.person_id) AS person_name,
    '于' || day_in_words(f.ended_on) || '召回，' AS what, '没有写明' || concat_ws('、', CASE WHEN f.recall_reason IS NULL THEN '原因' END,
        CASE WHEN f.recall_document IS NULL THEN '文号' END, CASE WHEN f.unit_notified_on IS NULL THEN '通报派出单位的日期' END) AS problem,
    'first_secretaries' AS _table, CASE WHEN f.recall_reason IS NULL THEN 'recall_reason' WHEN f.recall_document IS NULL THEN 'recall_document'
        ELSE 'unit_notified_on' END AS _column, f._file, f._line
FROM build CROSS JOIN first_secretaries AS f LEFT JOIN people AS p USING (person_id) LEFT JOIN villages AS v ON v.village_id = f.village_id
WHERE f.end_reason = '召回' AND f.ended_on <= as_of AND (f.recall_reason IS NULL OR f.recall_document IS NULL OR f.unit_notified_on IS NULL)
