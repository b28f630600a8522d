/*
id: R57
title: 推荐代表委员写明四项依据，选拔乡镇领导达到年限
severity: warning
clause: [advancement#6, advancement#3]
table: advancement
column: political_quality
message: "{village_name}书记{person_name}推荐为{kind}（{advancement_id}），{problem}。"
remedy: "依据请逐项写明事实或者数据；年限不够的不得推荐，任职记录不全的请补录。"
*/
-- The criteria are asked for representatives and committee members only; posts and honours have conditions of their own.
SELECT s.advancement_id, s.person_id, s.village_id, coalesce(s.village_name, s.village_id) AS village_name,
    coalesce(s.person_name, s.person_id) AS person_name, s.kind, replace(s.criteria_missing, '、', '”“') AS missing,
    '没有写明“' || replace(s.criteria_missing, '、', '”“') || '”的依据' AS problem,
    CASE WHEN a.political_quality IS NULL THEN 'political_quality' WHEN a.double_lead IS NULL THEN 'double_lead'
        WHEN a.prestige IS NULL THEN 'prestige' ELSE 'deliberation' END AS _column,
    a._file, a._line
FROM advancement_status AS s JOIN advancement AS a USING (advancement_id)
WHERE s.criteria_required AND s.criteria_missing IS NOT NULL
UNION ALL BY NAME
SELECT s.advancement_id, s.person_id, s.village_id, coalesce(s.village_name, s.village_id) AS village_name,
    coalesce(s.person_name, s.person_id) AS person_name, s.kind,
    '推荐时任书记' || coalesce(s.service_years, 0) || '年，不满' || s.service_required || '年' AS problem, 'recommended_on' AS _column, a._file, a._line
FROM advancement_status AS s JOIN advancement AS a USING (advancement_id)
WHERE coalesce(s.service_years, 0) < s.service_required
