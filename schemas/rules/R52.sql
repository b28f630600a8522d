/*
id: R52
title: 离任审计按期报告
severity: warning
clause: audit#5
table: tenures
column: ended_on
message: "{village_name}书记{person_name}{ended_on}离任，{problem}。"
remedy: "请组织离任审计并登记报告日期和文号。"
*/
-- Found at the tenure when nothing was begun, and at the audit when it is late.
SELECT a.tenure_id, a.person_id, a.village_id, a.audit_id, coalesce(a.village_name, a.village_id) AS village_name,
    coalesce(a.person_name, a.person_id) AS person_name, a.ended_on,
    CASE WHEN a.audit_id IS NULL THEN '没有离任审计，报告期限是' || a.due_on
        WHEN a.reported_on IS NULL THEN '离任审计还没有报告，期限是' || a.due_on
        ELSE '离任审计' || a.reported_on || '才报告，期限是' || a.due_on END AS problem,
    CASE WHEN a.audit_id IS NULL THEN 'tenures' ELSE 'audits' END AS _table,
    CASE WHEN a.audit_id IS NULL THEN 'ended_on' ELSE 'reported_on' END AS _column,
    coalesce(u._file, t._file) AS _file, coalesce(u._line, t._line) AS _line
FROM build CROSS JOIN audit_status AS a JOIN tenures AS t USING (tenure_id) LEFT JOIN audits AS u ON u.audit_id = a.audit_id
WHERE a.due_on IS NOT NULL AND coalesce(NOT a.in_time, as_of > a.due_on)
