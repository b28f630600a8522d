/*
id: R98
title: 述职会到会和四议两公开
severity: warning
clause: [management-2025#8, management-2025#9]
complete: appraisals
table: appraisals
column: reports_members_expected
message: "{village_name}书记{person_name}{year}年度{problem}。"
remedy: "请核对会议记录；到会不足的重新召开，没有按程序决定的重大事项补办并说明。"
*/
-- The share is a rounded two thirds, so the comparison has its tolerance.
SELECT a.appraisal_id, a.person_id, a.village_id, v.name AS village_name, coalesce(p.name, a.person_id) AS person_name, a.year, x.problem, x._column, a._file, a._line
FROM (SELECT *, coalesce(reports_members_present, 0) + coalesce(reports_members_representatives, 0) AS came,
          param_number('report_attendance_share', reports_members_date) AS share FROM appraisals WHERE reports_members_date IS NOT NULL) AS a
LEFT JOIN people AS p USING (person_id) LEFT JOIN villages AS v ON v.village_id = a.village_id,
LATERAL (
    SELECT 'reports_members_expected' AS _column,
        CASE WHEN reports_members_expected IS NULL THEN '述职会没有填写应到人数' ELSE '述职会到会' || fraction(came, reports_members_expected) || '，不足三分之二' END AS problem
    WHERE a.year >= 2025 AND share IS NOT NULL AND (reports_members_expected IS NULL OR came < reports_members_expected * share - 0.01)
    UNION ALL
    SELECT 'procedure_followed', '重大事项' || procedure_matters || '件，按四议两公开决定' || procedure_followed || '件' WHERE procedure_followed < procedure_matters
) AS x
