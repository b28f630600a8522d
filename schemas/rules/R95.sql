/*
id: R95
title: 发展党员的步骤
severity: warning
clause: management-2025#5
table: reserve
column: activist_on
message: "{village_name}后备{person_name}（{reserve_id}）{problem}。"
remedy: "请按入党材料核对各步骤的日期；没有满规定时间的，报乡镇（街道）党（工）委处理。"
*/
-- Who joined before being taken into the reserve may have no dates: only what is filled in is judged.
WITH step AS (
    SELECT r.*, param_count('activist_months', coalesce(r.target_on, r.confirmed_on, r.entered_on)) AS months FROM reserve AS r
)
SELECT s.reserve_id, s.person_id, s.village_id, v.name AS village_name, coalesce(p.name, s.person_id) AS person_name, x.problem, x._column, s._file, s._line
FROM step AS s LEFT JOIN people AS p USING (person_id) LEFT JOIN villages AS v ON v.village_id = s.village_id,
LATERAL (
    SELECT 'activist_on' AS _column, '确定为积极分子（' || day_in_words(activist_on) || '）早于递交入党申请书（' || day_in_words(applied_on) || '）' AS problem WHERE activist_on < applied_on
    UNION ALL
    SELECT 'target_on', '确定为积极分子（' || day_in_words(activist_on) || '）不满' || months || '个月就列为发展对象（' || day_in_words(target_on) || '）'
    WHERE target_on < activist_on + to_months(coalesce(months, 12))
    UNION ALL
    SELECT 'member_on', '接收为预备党员（' || day_in_words(member_on) || '）早于列为发展对象（' || day_in_words(target_on) || '）' WHERE member_on < target_on
    UNION ALL
    SELECT 'confirmed_on', '预备期（' || day_in_words(member_on) || '起）不满一年就转正（' || day_in_words(confirmed_on) || '）' WHERE confirmed_on < member_on + to_months(12)
) AS x
