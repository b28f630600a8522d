/*
title: 早期预警
description: 哪些在任书记和第一书记的记录提示有问题：每条一个原因、依据和分量，供及早谈话和核实，不是结论。
fields:
  person_id: {title: 人员编号, sensitivity: internal}
  person_name: {title: 姓名, sensitivity: internal}
  role: {title: 身份, sensitivity: internal}
  village_id: {title: 村（社区）编号, sensitivity: internal}
  village_name: {title: 村（社区）, sensitivity: internal}
  township_id: {title: 乡镇（街道）编号, sensitivity: internal}
  township_name: {title: 乡镇（街道）, sensitivity: internal}
  reason: {title: 原因, sensitivity: internal}
  detail: {title: 依据, sensitivity: internal}
  weight: {title: 分量, description: 5 为最重，1 为最轻。, sensitivity: internal}
  since: {title: 发生日期, sensitivity: internal}
  link_table: {title: 出处, sensitivity: internal}
  link_key: {title: 出处编号, sensitivity: internal}
  total_weight: {title: 本人合计分量, sensitivity: internal}
  reasons: {title: 本人原因条数, sensitivity: internal}
*/
-- Only who is in office is warned of: for the others it is too late, and their cases are elsewhere. The weights order the
-- list and nothing hangs on them: 5 asks for an adjustment by the policy, 3 and 4 are open duties or bad results, 1 and 2
-- are early signs. Only the last two years count, or an old trouble that was dealt with would never leave the list.
WITH secretary AS (
    SELECT s.person_id, s.village_id, s.tenure_id, s.first_started_on FROM build CROSS JOIN secretary_tenures AS s
    WHERE in_office(s.started_on, s.ended_on, as_of)
),
appraisal AS (
    SELECT a.* FROM build CROSS JOIN appraisal_summary AS a
    WHERE a.year >= year(as_of) - 2 AND coalesce(a.decided_on, a.reports_members_date, year_end(a.year - 1)) <= as_of
),
-- A year asked for is the last finished one; what came before has been dealt with or is past mending.
signs AS (
    SELECT person_id, '考核等次' AS reason, year || '年度考核' || grade AS detail, CASE grade WHEN '不称职' THEN 5 ELSE 2 END AS weight,
        decided_on AS since, 'appraisals' AS link_table, appraisal_id AS link_key
    FROM appraisal WHERE grade IN ('不称职', '基本称职')
    UNION ALL
    SELECT person_id, '民主评议', year || '年度' || worst_body || '不称职票' || fraction(worst_incompetent, worst_returned),
        CASE WHEN worst_share >= param_number('incompetent_share', asked_on) THEN 5 ELSE 2 END, asked_on, 'appraisals', appraisal_id
    FROM appraisal WHERE 2 * worst_share >= param_number('incompetent_share', asked_on)
    UNION ALL
    SELECT person_id, '廉政评价', year || '年度廉政评价' || integrity_result, CASE integrity_result WHEN '差' THEN 5 ELSE 3 END, asked_on,
        'appraisals', appraisal_id
    FROM appraisal WHERE integrity_result IN ('差', '一般')
    UNION ALL
    SELECT person_id, '党务公开', year || '年度公开' || openness_times || '次，少于' || param('openness_times_min', year_end(year)) || '次',
        1, year_end(year), 'appraisals', appraisal_id
    FROM appraisal WHERE openness_times < param_number('openness_times_min', year_end(year))
    UNION ALL
    SELECT a.person_id, '述职', a.year || '年度没有按期双向述职', 2, a.report_deadline, 'appraisals', a.appraisal_id
    FROM build CROSS JOIN appraisal AS a WHERE NOT a.both_in_time AND as_of > a.report_deadline
    UNION ALL
    SELECT a.person_id, '审计结论', a.kind || a.conclusion || '，' || a.state, CASE a.conclusion WHEN '存在严重问题' THEN 5 ELSE 2 END, a.reported_on,
        'audits', a.audit_id
    FROM build CROSS JOIN audit_status AS a
    WHERE a.conclusion <> '未发现问题' AND a.reported_on <= as_of
      AND (a.state <> '已整改' OR a.reported_on > as_of - 365) AND a.state <> '整改逾期'
    UNION ALL
    SELECT a.person_id, '审计整改逾期', a.kind || a.conclusion || '，整改期限' || day_in_words(a.rectify_by) || '，还没有完成',
        CASE a.conclusion WHEN '存在严重问题' THEN 5 ELSE 3 END, a.rectify_by, 'audits', a.audit_id
    FROM audit_status AS a WHERE a.state = '整改逾期'
    UNION ALL
    SELECT j.person_id, CASE WHEN j.state = '整改逾期' THEN '调整整改逾期' ELSE '在办调整' END,
        coalesce(j.tier || '，', '') || CASE WHEN j.state = '整改逾期' THEN '整改期限' || day_in_words(j.rectify_by) || '，还没有完成' ELSE j.state END,
        CASE WHEN j.tier IN ('及时调整', '严肃处理') THEN 5 WHEN j.state = '整改逾期' THEN 4 ELSE 3 END, j.opened_on, 'adjustments', j.adjustment_id
    FROM adjustment_status AS j WHERE j.state NOT IN ('已办结', '已整改', '已免职')
    UNION ALL
    SELECT s.person_id, '目标完成', t.year || '年岗位目标得' || shown_number(t.score_total) || '分', CASE WHEN t.score_total < 60 THEN 4 ELSE 2 END,
        t.assessed_on, 'targets', s.village_id
    FROM build CROSS JOIN secretary AS s JOIN target_years AS t USING (village_id)
    -- Only the years he answers for.
    JOIN secretary_years AS y ON y.person_id = s.person_id AND y.year = t.year AND y.village_id = t.village_id AND y.half_year
    WHERE t.complete AND t.score_total < 70 AND t.year >= year(as_of) - 2 AND t.assessed_on <= as_of
    UNION ALL
    SELECT t.person_id, '培训', t.year || '年参加市级以上培训' || t.city_classes || '次、累计' || shown_number(t.days) || '天，没有达到规定', 1,
        year_end(t.year), 'people', t.person_id
    FROM build CROSS JOIN training_year AS t WHERE t.judged AND NOT t.met AND t.year = year(as_of) - 1
    UNION ALL
    SELECT a.person_id, '培训缺课', c.title || '缺课', 1, c.ended_on, 'training_classes', c.class_id
    FROM build CROSS JOIN attendance AS a JOIN training_classes AS c USING (class_id)
    WHERE a.result IN ('缺课', '未结业') AND c.ended_on <= as_of AND c.ended_on > as_of - 365
    UNION ALL
    SELECT s.person_id, '软弱涣散', '党组织' || day_in_words(v.weak_from) || '列为软弱涣散，还没有销号', 3, v.weak_from, 'villages', v.village_id
    FROM build CROSS JOIN secretary AS s JOIN villages AS v USING (village_id)
    -- A village is weak from the day it was listed; who came later came to mend it.
    WHERE v.weak AND v.weak_from <= as_of AND (v.weak_exit IS NULL OR v.weak_exit > as_of) AND s.first_started_on < v.weak_from
),
first_signs AS (
    SELECT f.person_id, f.first_secretary_id, f.village_id, '在岗不足' AS reason, '在岗不足的月份' || f.months_short || '个' AS detail,
        CASE WHEN f.recall_due THEN 5 WHEN f.months_short > 1 THEN 3 ELSE 2 END AS weight, f.last_inspected_on AS since
    FROM first_secretary_status AS f WHERE f.in_post AND f.months_short > 0
    UNION ALL
    SELECT f.person_id, f.first_secretary_id, f.village_id, '督导结果', '连续' || f.poor_quarters_running || '个季度不合格，达到召回条件', 5, f.last_inspected_on
    FROM first_secretary_status AS f WHERE f.recall_due
    UNION ALL
    SELECT f.person_id, f.first_secretary_id, f.village_id, '督导整改逾期', f.overdue_findings || '个问题超过整改期限', 3, f.last_inspected_on
    FROM first_secretary_status AS f WHERE f.in_post AND f.overdue_findings > 0
),
listed AS (
    SELECT s.person_id, '党组织书记' AS role, s.village_id, g.reason, g.detail, g.weight, g.since, g.link_table, g.link_key
    FROM signs AS g JOIN secretary AS s USING (person_id)
    UNION ALL
    SELECT person_id, '第一书记', village_id, reason, detail, weight, since, 'first_secretaries', first_secretary_id FROM first_signs
)
SELECT l.person_id, p.name AS person_name, l.role, l.village_id, v.name AS village_name, v.township_id, o.short_name AS township_name,
    l.reason, l.detail, l.weight, l.since, l.link_table, l.link_key,
    sum(l.weight) OVER (PARTITION BY l.person_id)::INTEGER AS total_weight, count(*) OVER (PARTITION BY l.person_id) AS reasons
FROM listed AS l
LEFT JOIN people AS p ON p.person_id = l.person_id
LEFT JOIN villages AS v ON v.village_id = l.village_id
LEFT JOIN organisations AS o ON o.org_id = v.township_id
