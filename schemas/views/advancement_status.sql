/*
title: 政治激励情况
description: 每项推荐、选拔、表彰的结果，推荐时任书记的年限和四项依据是否写明。
fields:
  advancement_id: {title: 激励编号, sensitivity: internal}
  person_id: {title: 人员编号, sensitivity: internal}
  person_name: {title: 姓名, sensitivity: internal}
  village_id: {title: 村（社区）编号, sensitivity: internal}
  village_name: {title: 村（社区）, sensitivity: internal}
  township_id: {title: 乡镇（街道）编号, sensitivity: internal}
  township_name: {title: 乡镇（街道）, sensitivity: internal}
  kind: {title: 种类, sensitivity: internal}
  channel: {title: 类别, sensitivity: internal}
  level: {title: 级别, sensitivity: internal}
  recommended_on: {title: 推荐日期, sensitivity: internal}
  result: {title: 结果, sensitivity: internal}
  decided_on: {title: 结果日期, sensitivity: internal}
  criteria_required: {title: 是否需要四项依据, sensitivity: internal}
  criteria_missing: {title: 没有写明的依据, sensitivity: internal}
  service_years: {title: 推荐时任书记年限, sensitivity: internal}
  service_required: {title: 规定年限, sensitivity: internal}
*/
SELECT a.advancement_id, a.person_id, p.name AS person_name, a.village_id, v.name AS village_name, v.township_id, o.short_name AS township_name,
    a.kind,
    CASE WHEN a.kind IN ('党代表', '人大代表', '政协委员') THEN '“两代表一委员”'
        WHEN a.kind IN ('先进典型', '宣传推介') THEN '先进典型' ELSE '选拔录用' END AS channel,
    a.level::VARCHAR AS level, a.recommended_on, a.result, a.decided_on,
    a.kind IN ('党代表', '人大代表', '政协委员') AS criteria_required,
    nullif(concat_ws('、', CASE WHEN a.political_quality IS NULL THEN '思想政治素质好' END,
        CASE WHEN a.double_lead IS NULL THEN '“双带”能力强' END, CASE WHEN a.prestige IS NULL THEN '群众威信高' END,
        CASE WHEN a.deliberation IS NULL THEN '有一定参政议政能力' END), '') AS criteria_missing,
    years_between(s.counts_from, a.recommended_on) AS service_years,
    CASE WHEN a.kind = '选拔乡镇领导干部' THEN param_number('advancement_service_years', a.recommended_on)::INTEGER END AS service_required
FROM build CROSS JOIN advancement AS a
-- Years in which he was no secretary do not count: what was served before lies as if it went before the last service.
LEFT JOIN (
    SELECT a.advancement_id, a.recommended_on - sum(least(coalesce(s.ended_on, a.recommended_on), a.recommended_on) - s.started_on)::INTEGER AS counts_from
    FROM advancement AS a JOIN secretary_tenures AS s ON s.person_id = a.person_id AND s.started_on <= a.recommended_on
    GROUP BY a.advancement_id, a.recommended_on
) AS s ON s.advancement_id = a.advancement_id
LEFT JOIN people AS p ON p.person_id = a.person_id
LEFT JOIN villages AS v ON v.village_id = a.village_id
LEFT JOIN organisations AS o ON o.org_id = v.township_id
WHERE a.recommended_on <= as_of
