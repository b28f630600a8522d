/*
id: R52
title: 离任审计按期报告，问题限期整改
severity: warning
clause: [audit#5, audit#6]
complete: audits
table: tenures
column: ended_on
message: "{village_name}书记{person_name}{what}{problem}。"
remedy: "请组织离任审计并登记报告日期和文号；审计有问题的，登记结论和整改期限。"
*/
-- Found at the tenure when nothing was begun, and at the audit when it is late.
SELECT a.tenure_id, a.person_id, a.village_id, a.audit_id, coalesce(a.village_name, a.village_id) AS village_name,
    coalesce(a.person_name, a.person_id) AS person_name, a.ended_on, day_in_words(a.ended_on) || '离任，' AS what,
    CASE WHEN a.audit_id IS NULL THEN '没有离任审计，报告期限是' || day_in_words(a.due_on)
        WHEN a.reported_on IS NULL THEN '离任审计还没有报告，期限是' || day_in_words(a.due_on)
        ELSE '离任审计' || day_in_words(a.reported_on) || '才报告，期限是' || day_in_words(a.due_on) END AS problem,
    CASE WHEN a.audit_id IS NULL THEN 'tenures' ELSE 'audits' END AS _table,
    CASE WHEN a.audit_id IS NULL THEN 'ended_on' ELSE 'reported_on' END AS _column,
    coalesce(u._file, t._file) AS _file, coalesce(u._line, t._line) AS _line
FROM build CROSS JOIN audit_status AS a JOIN tenures AS t USING (tenure_id) LEFT JOIN audits AS u ON u.audit_id = a.audit_id
WHERE a.due_on IS NOT NULL AND coalesce(NOT a.in_time, as_of > a.due_on)
UNION ALL BY NAME
-- A report without a conclusion, or with problems and no day by which they are put right, can never be called late.
SELECT u.tenure_id, u.person_id, u.village_id, u.audit_id, coalesce(v.name, u.village_id) AS village_name, coalesce(p.name, u.person_id) AS person_name,
    u.kind || '（' || u.audit_id || '）' AS what,
    CASE WHEN u.conclusion IS NULL THEN '已经报告，没有写明结论' ELSE '有问题，没有写明整改期限' END AS problem,
    'audits' AS _table, CASE WHEN u.conclusion IS NULL THEN 'conclusion' ELSE 'rectify_by' END AS _column, u._file, u._line
FROM build CROSS JOIN audits AS u LEFT JOIN people AS p USING (person_id) LEFT JOIN villages AS v ON v.village_id = u.village_id
WHERE u.reported_on <= as_of AND (u.conclusion IS NULL
    OR (u.rectify_by IS NULL AND (u.conclusion <> '未发现问题' OR u.problems > 0)))
