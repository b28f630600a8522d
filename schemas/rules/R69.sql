/*
id: R69
title: 考核等次符合规定
severity: warning
clause: [assessment#10, assessment#13, scoring#5]
complete: appraisals
table: appraisals
column: grade
message: "{village_name}书记{person_name}{year}年度确定为{grade}，{problem}。"
remedy: "请乡镇党委重新研究等次；登记有误的请更正。"
*/
-- Who is too many is the last of the best by score: the list is found at one line, however long it is. A bad mark for
-- integrity is a matter of one record, and an error.
WITH ranked AS (
    SELECT a.*, s.township_id, s.township_name, s.village_name, s.person_name, s.asked_on,
        count(*) OVER (PARTITION BY s.township_id, a.year) AS appraised,
        count(*) FILTER (a.grade = '优秀') OVER (PARTITION BY s.township_id, a.year) AS best,
        row_number() OVER (PARTITION BY s.township_id, a.year, a.grade ORDER BY a.score NULLS FIRST, a.appraisal_id) AS nth
    FROM appraisals AS a JOIN appraisal_summary AS s USING (appraisal_id)
    WHERE a.grade IS NOT NULL
), judged AS (
    SELECT *, param_decimal('excellent_share_max', asked_on) AS share FROM ranked
)
SELECT appraisal_id, person_id, village_id, township_id, coalesce(village_name, village_id) AS village_name,
    coalesce(person_name, person_id) AS person_name, year, grade::VARCHAR AS grade,
    '但廉洁履职评价为差，不得评为称职以上' AS problem, 'error' AS _severity, _file, _line
FROM judged WHERE integrity_result = '差' AND grade >= '称职'::appraisals_grade
UNION ALL
SELECT appraisal_id, person_id, village_id, township_id, coalesce(village_name, village_id), coalesce(person_name, person_id), year, grade::VARCHAR,
    township_name || '优秀' || fraction(best, appraised) || '，超过规定的' || as_percent(share), 'warning', _file, _line
FROM judged WHERE grade = '优秀' AND nth = 1 AND best > share * appraised
UNION ALL
-- The grade is the township committee's, but not against those who voted.
SELECT appraisal_id, person_id, village_id, township_id, coalesce(village_name, village_id), coalesce(person_name, person_id), year, grade::VARCHAR,
    concat_ws('，', CASE WHEN many_against THEN worst_body || '评议不称职票' || fraction(worst_incompetent, worst_returned) || '，达到'
            || as_percent(incompetent_share) END,
        CASE WHEN few_for THEN '优秀、称职票合计' || fraction(excellent + competent, returned) || '，不足' || as_percent(least_share) END)
        || '，不得评为' || CASE WHEN many_against OR satisfied < competent_least THEN '称职以上' ELSE '优秀' END, 'warning', _file, _line
FROM (
    SELECT *, worst_incompetent >= incompetent_share * worst_returned AS many_against, (excellent + competent) / returned AS satisfied,
        CASE grade WHEN '优秀' THEN excellent_least ELSE competent_least END AS least_share,
        excellent + competent < least_share * returned AS few_for
    FROM (
        SELECT j.*, s.worst_body, s.worst_incompetent, s.worst_returned, s.excellent, s.competent, s.returned,
            param_decimal('incompetent_share', j.asked_on) AS incompetent_share,
            param_decimal('excellent_satisfied_min', year_end(j.year)) AS excellent_least,
            param_decimal('competent_satisfied_min', year_end(j.year)) AS competent_least
        FROM judged AS j JOIN appraisal_summary AS s USING (appraisal_id) WHERE j.grade >= '称职'::appraisals_grade
    )
)
WHERE many_against OR few_for
