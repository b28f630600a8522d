/*
id: R50
title: 按期双向述职
severity: error
clause: assessment#7
complete: appraisals
table: appraisals
column: reports_township_date
dated: year_ended_on
message: "{village_name}书记{person_name}{year}年度{problem}，期限是{report_deadline}。"
remedy: "书记应当在期限以前分别向乡镇党委、向党员和群众代表述职；已经述职的请补录日期。"
*/
-- After the deadline, not before. A secretary without any appraisal is found through his tenure; one who served less than
-- half of the year, or left before the deadline, is not asked for it.
SELECT a.person_id, a.village_id, a.appraisal_id, a.tenure_id, coalesce(a.village_name, a.village_id) AS village_name,
    coalesce(a.person_name, a.person_id) AS person_name, a.year, year_end(a.year) AS year_ended_on, a.report_deadline,
    in_place(concat_ws('，', CASE WHEN a.reports_township_date IS NULL THEN '没有向乡镇党委述职'
            WHEN year(a.reports_township_date) < a.year THEN day_in_words(a.reports_township_date) || '向乡镇党委述职，早于考核年度'
            WHEN a.reports_township_date > a.report_deadline THEN day_in_words(a.reports_township_date) || '才向乡镇党委述职' END,
        CASE WHEN a.reports_members_date IS NULL THEN '没有向党员和村（居）民代表述职'
            WHEN year(a.reports_members_date) < a.year THEN day_in_words(a.reports_members_date) || '向党员和村（居）民代表述职，早于考核年度'
            WHEN a.reports_members_date > a.report_deadline THEN day_in_words(a.reports_members_date) || '才向党员和村（居）民代表述职' END), v.kind) AS problem,
    'appraisals' AS _table,
    CASE WHEN a.reports_township_date IS NULL OR a.reports_township_date > a.report_deadline OR year(a.reports_township_date) < a.year THEN 'reports_township_date'
        ELSE 'reports_members_date' END AS _column,
    r._file, r._line
FROM build CROSS JOIN appraisal_summary AS a JOIN appraisals AS r USING (appraisal_id) LEFT JOIN villages AS v ON v.village_id = a.village_id
WHERE NOT a.both_in_time AND (as_of > a.report_deadline OR greatest(a.reports_township_date, a.reports_members_date) > a.report_deadline
        OR year(least(a.reports_township_date, a.reports_members_date)) < a.year)
  AND EXISTS (SELECT 1 FROM secretary_tenures AS t
    WHERE t.person_id = a.person_id AND t.village_id = a.village_id AND in_office(t.started_on, t.ended_on, a.report_deadline))
UNION ALL BY NAME
SELECT s.person_id, s.village_id, NULL AS appraisal_id, s.tenure_id, coalesce(v.name, s.village_id) AS village_name,
    coalesce(p.name, s.person_id) AS person_name, s.year, year_end(s.year) AS year_ended_on,
    s.report_deadline, '没有述职评议考核记录' AS problem, 'tenures' AS _table, 'person_id' AS _column, t._file, t._line
FROM (
    SELECT y.*, TRY_CAST((y.year + 1) || '-' || param('report_deadline', year_end(y.year)) AS DATE) AS report_deadline
    FROM secretary_years AS y, ledger_starts AS l
    WHERE l.ledger = '考核' AND y.half_year AND y.finished AND y.in_office AND y.year >= l.first_year
) AS s CROSS JOIN build
JOIN secretary_tenures AS t ON t.tenure_id = s.tenure_id
LEFT JOIN people AS p ON p.person_id = s.person_id LEFT JOIN villages AS v ON v.village_id = s.village_id
ANTI JOIN appraisals AS a ON a.person_id = s.person_id AND a.year = s.year
WHERE as_of > s.report_deadline
  AND EXISTS (SELECT 1 FROM secretary_tenures AS still
    WHERE still.person_id = s.person_id AND in_office(still.started_on, still.ended_on, s.report_deadline))
