/*
id: R56
title: 绩效报酬考核后一次发放
severity: error
clause: pay#6
complete: appraisals
table: payments
column: paid_on
message: "{village_name}书记{person_name}{year}年绩效报酬{problem}。"
remedy: "绩效报酬在年度考核等次确定以后发放一次，填写据以发放的考核编号；考核不称职的不发。"
*/
-- What has been paid is judged, what is still to be paid is not.
WITH performance AS (
    SELECT y.*, row_number() OVER (PARTITION BY y.person_id, y.village_id, y.year ORDER BY y.paid_on, y.month) AS nth
    FROM payments AS y WHERE y.kind = '绩效报酬' AND y.paid_on IS NOT NULL
)
SELECT y.person_id, y.village_id, y.appraisal_id, coalesce(v.name, y.village_id) AS village_name, coalesce(p.name, y.person_id) AS person_name, y.year,
    CASE WHEN y.nth > 1 THEN day_in_words(y.paid_on) || '第' || y.nth || '次发放'
        WHEN y.appraisal_id IS NULL THEN '于' || day_in_words(y.paid_on) || '发放，没有填写考核编号'
        WHEN a.person_id <> y.person_id OR a.year <> y.year THEN '依据的考核' || y.appraisal_id || '是另一人或者另一年度的'
        WHEN a.grade IS NULL OR a.decided_on IS NULL THEN '于' || day_in_words(y.paid_on) || '发放，考核等次还没有确定'
        WHEN y.paid_on < a.decided_on THEN '于' || day_in_words(y.paid_on) || '发放，早于考核等次确定日期' || day_in_words(a.decided_on)
        ELSE '于' || day_in_words(y.paid_on) || '发放，考核等次是不称职' END AS problem,
    CASE WHEN y.nth = 1 AND (y.appraisal_id IS NULL OR a.person_id <> y.person_id OR a.year <> y.year) THEN 'appraisal_id' ELSE 'paid_on' END AS _column,
    y._file, y._line
FROM performance AS y LEFT JOIN appraisals AS a ON a.appraisal_id = y.appraisal_id
LEFT JOIN people AS p ON p.person_id = y.person_id LEFT JOIN villages AS v ON v.village_id = y.village_id
WHERE y.nth > 1 OR y.appraisal_id IS NULL OR a.person_id <> y.person_id OR a.year <> y.year OR a.grade IS NULL OR a.decided_on IS NULL
   OR y.paid_on < a.decided_on OR a.grade = '不称职'
