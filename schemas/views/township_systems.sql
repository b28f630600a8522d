/*
title: 乡镇各项机制情况
description: 全市和每个乡镇（街道）选任、第一书记、后备、培训、目标、考核、审计、调整、报酬和关怀的主要数字。
fields:
  org_id: {title: 机构编号, sensitivity: internal}
  org_name: {title: 统计范围, sensitivity: internal}
  elections_open: {title: 进行中的选任, sensitivity: internal}
  elections_failed: {title: 失败未重选, sensitivity: internal}
  first_in_post: {title: 在岗第一书记, sensitivity: internal}
  inspections_missed: {title: 当年未督导（次）, sensitivity: internal}
  first_months_short: {title: 在岗不足（月次）, sensitivity: internal}
  reserve_in_store: {title: 在库后备, sensitivity: internal}
  poor_short: {title: 缺后备的贫困村, sensitivity: internal}
  training_asked: {title: 上年应达标, sensitivity: internal}
  training_met: {title: 上年培训达标, sensitivity: internal}
  training_share: {title: 上年培训达标率（%）, sensitivity: internal}
  targets_average: {title: 上年目标平均得分, sensitivity: internal}
  excellent: {title: 上年优秀, sensitivity: internal}
  incompetent: {title: 上年不称职, sensitivity: internal}
  appraised: {title: 上年已考核, sensitivity: internal}
  audits_due: {title: 应审未审, sensitivity: internal}
  audits_open: {title: 审计整改中, sensitivity: internal}
  adjustments_open: {title: 在办调整, sensitivity: internal}
  pay_average: {title: 上年人均报酬（元）, sensitivity: internal}
  pay_months_missing: {title: 上年未发基本报酬（人次）, sensitivity: internal}
  advancements: {title: 当年政治激励（人次）, sensitivity: internal}
  ledger_hardship: {title: 困难台账在账, sensitivity: internal}
  ledger_former: {title: 离任台账在账, sensitivity: internal}
  visits_missed: {title: 当年未走访（人次）, sensitivity: internal}
  checkups_open: {title: 当年未体检, sensitivity: internal}
  warned: {title: 预警人数, sensitivity: internal}
  todo_overdue: {title: 超期待办, sensitivity: internal}
*/
-- Each measure is counted per township once and summed upwards through the offices; shares are worked out on the sums.
WITH now AS (SELECT as_of, year(as_of)::INTEGER AS this_year FROM build),
counts AS (
    SELECT township_id, 'elections_open' AS measure, 1.0 AS figure FROM election_summary WHERE outcome = '进行中'
    UNION ALL SELECT township_id, 'elections_failed', 1 FROM todo WHERE kind = '失败待重选'
    UNION ALL SELECT township_id, 'first_in_post', 1 FROM first_secretary_status WHERE in_post
    UNION ALL SELECT township_id, 'inspections_missed', 1 FROM now CROSS JOIN inspection_calendar WHERE state = '未督导' AND year = this_year
    UNION ALL SELECT township_id, 'first_months_short', months_short FROM first_secretary_status WHERE in_post
    UNION ALL SELECT township_id, 'reserve_in_store', in_store FROM reserve_pipeline
    UNION ALL SELECT township_id, 'poor_short', 1 FROM reserve_pipeline WHERE short
    UNION ALL SELECT township_id, 'training_asked', 1 FROM now CROSS JOIN training_year WHERE judged AND year = this_year - 1
    UNION ALL SELECT township_id, 'training_met', 1 FROM now CROSS JOIN training_year WHERE judged AND met AND year = this_year - 1
    UNION ALL SELECT township_id, 'targets_score', score_total FROM now CROSS JOIN target_years WHERE complete AND year = this_year - 1
    UNION ALL SELECT township_id, 'targets_sets', 1 FROM now CROSS JOIN target_years WHERE complete AND year = this_year - 1
    UNION ALL SELECT township_id, 'excellent', 1 FROM now CROSS JOIN appraisal_summary WHERE grade = '优秀' AND year = this_year - 1
    UNION ALL SELECT township_id, 'incompetent', 1 FROM now CROSS JOIN appraisal_summary WHERE grade = '不称职' AND year = this_year - 1
    UNION ALL SELECT township_id, 'appraised', 1 FROM now CROSS JOIN appraisal_summary WHERE grade IS NOT NULL AND year = this_year - 1
    UNION ALL SELECT township_id, 'audits_due', 1 FROM audit_status WHERE state IN ('应审未审', '逾期未报告')
    UNION ALL SELECT township_id, 'audits_open', 1 FROM audit_status WHERE state IN ('整改中', '整改逾期')
    UNION ALL SELECT township_id, 'adjustments_open', 1 FROM adjustment_status WHERE state NOT IN ('已办结', '已整改', '已免职')
    UNION ALL SELECT township_id, 'advancements', 1 FROM now CROSS JOIN advancement_status
        WHERE result NOT IN ('进行中', '未通过') AND year(decided_on) = this_year AND decided_on <= as_of
    UNION ALL SELECT org_id, 'ledger_hardship', hardship FROM care_townships
    UNION ALL SELECT org_id, 'ledger_former', former FROM care_townships
    UNION ALL SELECT township_id, 'visits_missed', 1 FROM now CROSS JOIN care_due WHERE kind = '走访慰问' AND state = '没有落实' AND year = this_year
    UNION ALL SELECT township_id, 'checkups_open', 1 FROM now CROSS JOIN care_due WHERE kind = '体检' AND state <> '已落实' AND year = this_year
    UNION ALL SELECT township_id, 'warned', 1 FROM (SELECT DISTINCT township_id, person_id FROM early_warning)
    UNION ALL SELECT township_id, 'todo_overdue', 1 FROM todo WHERE overdue
),
summed AS (
    SELECT f.org_id, c.measure, sum(c.figure) AS figure FROM counts AS c JOIN offices AS f USING (township_id) GROUP BY f.org_id, c.measure
),
wide AS (
    SELECT org_id, map_from_entries(list((measure, figure))) AS of FROM summed GROUP BY org_id
)
SELECT s.org_id, o.short_name AS org_name,
    coalesce(of['elections_open'], 0)::BIGINT AS elections_open, coalesce(of['elections_failed'], 0)::BIGINT AS elections_failed,
    coalesce(of['first_in_post'], 0)::BIGINT AS first_in_post, coalesce(of['inspections_missed'], 0)::BIGINT AS inspections_missed,
    coalesce(of['first_months_short'], 0)::BIGINT AS first_months_short, coalesce(of['reserve_in_store'], 0)::BIGINT AS reserve_in_store,
    coalesce(of['poor_short'], 0)::BIGINT AS poor_short, coalesce(of['training_asked'], 0)::BIGINT AS training_asked,
    coalesce(of['training_met'], 0)::BIGINT AS training_met, share_of(coalesce(of['training_met'], 0), of['training_asked'], 1) AS training_share,
    rounded(of['targets_score'] / of['targets_sets'], 1) AS targets_average, coalesce(of['excellent'], 0)::BIGINT AS excellent,
    coalesce(of['incompetent'], 0)::BIGINT AS incompetent, coalesce(of['appraised'], 0)::BIGINT AS appraised,
    coalesce(of['audits_due'], 0)::BIGINT AS audits_due, coalesce(of['audits_open'], 0)::BIGINT AS audits_open,
    coalesce(of['adjustments_open'], 0)::BIGINT AS adjustments_open, y.average AS pay_average, y.months_missing AS pay_months_missing,
    coalesce(of['advancements'], 0)::BIGINT AS advancements, coalesce(of['ledger_hardship'], 0)::BIGINT AS ledger_hardship,
    coalesce(of['ledger_former'], 0)::BIGINT AS ledger_former, coalesce(of['visits_missed'], 0)::BIGINT AS visits_missed,
    coalesce(of['checkups_open'], 0)::BIGINT AS checkups_open, coalesce(of['warned'], 0)::BIGINT AS warned,
    coalesce(of['todo_overdue'], 0)::BIGINT AS todo_overdue
FROM now CROSS JOIN (SELECT DISTINCT org_id FROM offices) AS s
LEFT JOIN wide AS w ON w.org_id = s.org_id
LEFT JOIN organisations AS o ON o.org_id = s.org_id
LEFT JOIN pay_summary AS y ON y.org_id = s.org_id AND y.year = this_year - 1
