/*
id: R99
title: 调整的申辩、会议、验收和回访
severity: warning
clause: management-2025#10
table: adjustments
column: heard_on
message: "{village_name}{person_name}的调整（{adjustment_id}）{problem}。"
remedy: "请先听取申辩，再由党（工）委会议决定；整改由乡镇验收，三个月以内回访。"
*/
-- Each step is asked for when what follows it has happened; a visit has three months.
SELECT a.adjustment_id, a.person_id, a.village_id, v.name AS village_name, coalesce(p.name, a.person_id) AS person_name, x.problem, x._column, a._file, a._line
FROM build CROSS JOIN adjustments AS a LEFT JOIN people AS p USING (person_id) LEFT JOIN villages AS v ON v.village_id = a.village_id,
LATERAL (
    SELECT 'heard_on' AS _column, CASE WHEN heard_on IS NULL THEN '没有听取申辩就决定' ELSE '听取申辩（' || day_in_words(heard_on) || '）晚于会议（' || day_in_words(meeting_on) || '）' END AS problem
    WHERE decided_on IS NOT NULL AND (heard_on IS NULL OR heard_on > meeting_on)
    UNION ALL
    SELECT 'meeting_on', CASE WHEN meeting_on IS NULL THEN '没有登记党委会议' ELSE '党委会议（' || day_in_words(meeting_on) || '）晚于决定（' || day_in_words(decided_on) || '）' END
    WHERE decided_on IS NOT NULL AND (meeting_on IS NULL OR meeting_on > decided_on)
    UNION ALL
    SELECT 'accepted_on', day_in_words(rectified_on) || '完成整改，没有验收' WHERE rectified_on IS NOT NULL AND accepted_on IS NULL
    UNION ALL
    SELECT 'revisited_on', CASE WHEN tier = '批评教育' THEN day_in_words(accepted_on) || '验收' ELSE day_in_words(decided_on) || '决定' END || '，三个月以内没有回访'
    WHERE coalesce(revisited_on, as_of) > coalesce(accepted_on, closed_on) + to_months(3)
) AS x
WHERE a.decided_on <= as_of AND param('activist_months', a.decided_on) IS NOT NULL
