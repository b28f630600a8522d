/*
title: 换届风险
description: 最近一次换届还没有全部完成的村（社区）的风险，一条一个原因；都完成的村（社区）没有风险。
fields:
  village_id: {title: 村（社区）编号, sensitivity: internal}
  village_name: {title: 村（社区）, sensitivity: internal}
  township_id: {title: 乡镇（街道）编号, sensitivity: internal}
  township_name: {title: 乡镇（街道）, sensitivity: internal}
  level: {title: 风险, sensitivity: internal}
  reason: {title: 原因, sensitivity: internal}
  detail: {title: 情况, sensitivity: internal}
*/
WITH open AS (SELECT village_id FROM term_progress GROUP BY village_id HAVING bool_or(done_on IS NULL)),
risks AS (
    SELECT village_id, CASE WHEN days_late > param_number('term_late_days', as_of) THEN '高' ELSE '中' END AS level, '环节逾期' AS reason,
        stage || '应在' || day_in_words(due_on) || '以前完成，已逾期' || days_late || '天' AS detail
    FROM term_progress, build WHERE done_on IS NULL AND days_late > 0 AND state <> '选举失败'
    UNION ALL
    SELECT village_id, '高', '选举没有成功', stage || '没有人当选，还没有重新选举成功' FROM term_progress WHERE state = '选举失败'
    UNION ALL
    -- The last word of each department counts; its reasons stay restricted.
    SELECT village_id, '高', '联审没有通过', count(*) || '人有部门意见不是“通过”'
    FROM (
        SELECT e.village_id, r.person_id FROM build CROSS JOIN elections AS e JOIN joint_reviews AS r USING (election_id)
        WHERE e.outcome <> '失败' AND r.date <= as_of AND e.term IN (SELECT term FROM term_progress)
        GROUP BY e.village_id, r.person_id, r.org_id HAVING arg_max(r.result, r.date) <> '通过'
    ) GROUP BY village_id
    UNION ALL
    SELECT village_id, '中', '书记空缺', day_in_words(vacant_from) || '起没有书记，已' || days || '天' FROM vacancies WHERE vacant_to IS NULL
    UNION ALL
    SELECT village_id, '中', '软弱涣散', '党组织' || day_in_words(weak_from) || '列为软弱涣散，还没有销号'
    FROM villages, build WHERE weak AND weak_from <= as_of AND (weak_exit IS NULL OR weak_exit > as_of)
    UNION ALL
    SELECT village_id, '低', '没有后备', '书记空缺，也没有在库后备' FROM reserve_pipeline
    WHERE in_store = 0 AND village_id IN (SELECT village_id FROM vacancies WHERE vacant_to IS NULL)
)
SELECT r.village_id, v.name AS village_name, v.township_id, o.short_name AS township_name, r.level, r.reason, r.detail
FROM risks AS r SEMI JOIN open USING (village_id) JOIN villages AS v USING (village_id) LEFT JOIN organisations AS o ON o.org_id = v.township_id
