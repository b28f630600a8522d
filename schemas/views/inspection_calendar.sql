/*
title: 第一书记督导日历
description: 每名第一书记、每个季度、每个督导单位一行：已督导、应督导而没有督导、尚未到期或者不要求。
fields:
  first_secretary_id: {title: 派驻编号, sensitivity: internal}
  person_id: {title: 人员编号, sensitivity: internal}
  person_name: {title: 姓名, sensitivity: internal}
  village_id: {title: 村（社区）编号, sensitivity: internal}
  township_id: {title: 乡镇（街道）编号, sensitivity: internal}
  year: {title: 年度, sensitivity: internal}
  quarter: {title: 季度, sensitivity: internal}
  quarter_name: {title: 季度名称, sensitivity: internal}
  quarter_start: {title: 季度起, sensitivity: internal}
  quarter_end: {title: 季度止, sensitivity: internal}
  days_in_post: {title: 在任天数, sensitivity: internal}
  org_id: {title: 督导单位编号, sensitivity: internal}
  org_name: {title: 督导单位, sensitivity: internal}
  org_ordinal: {title: 单位次序, sensitivity: internal}
  state: {title: 状态, description: 已督导、未督导、未到期或者不要求。, sensitivity: internal}
  date: {title: 督导日期, sensitivity: internal}
  result: {title: 督导结果, sensitivity: internal}
  days_month1: {title: 首月在岗天数, sensitivity: internal}
  days_month2: {title: 次月在岗天数, sensitivity: internal}
  days_month3: {title: 末月在岗天数, sensitivity: internal}
  findings: {title: 发现的问题, sensitivity: internal}
  rectify_by: {title: 整改期限, sensitivity: internal}
  rectified_on: {title: 整改完成日期, sensitivity: internal}
  sent_to_unit_on: {title: 反馈派出单位日期, sensitivity: internal}
*/
-- A quarter is asked for when the posting covers 45 days of it: who came in its last weeks has nothing to inspect yet.
WITH quarters AS (
    SELECT f.first_secretary_id, f.person_id, f.village_id, q.quarter_start::DATE AS quarter_start,
        (q.quarter_start + INTERVAL 3 MONTH - INTERVAL 1 DAY)::DATE AS quarter_end, f.started_on, f.ended_on, as_of
    FROM first_secretaries AS f, build,
        -- A posting that ends before it begins has no quarters.
        unnest(generate_series(date_trunc('quarter', f.started_on), greatest(date_trunc('quarter', f.started_on),
            date_trunc('quarter', least(coalesce(f.ended_on, as_of), as_of))), INTERVAL 3 MONTH)) AS q(quarter_start)
    WHERE f.started_on <= as_of
),
counted AS (
    SELECT *, year(quarter_start)::INTEGER AS year, quarter(quarter_start)::INTEGER AS quarter,
        -- The day of leaving is no longer a day in post.
        greatest(0, least(coalesce(ended_on, quarter_end + 1), quarter_end + 1) - greatest(started_on, quarter_start))::INTEGER AS days_in_post
    FROM quarters
),
bodies AS (
    SELECT c.*, d.org_id, d.ordinal AS org_ordinal
    FROM counted AS c JOIN policy_departments AS d ON d.role = '第一书记督导'
        AND d.effective_from <= c.quarter_end AND (d.effective_to IS NULL OR d.effective_to >= c.quarter_end)
    UNION ALL
    -- An inspection by an office that is not on the list is shown all the same.
    SELECT c.*, i.org_id, 99 AS org_ordinal
    FROM counted AS c JOIN inspections AS i USING (first_secretary_id, year, quarter)
    ANTI JOIN policy_departments AS d ON d.role = '第一书记督导' AND d.org_id = i.org_id
        AND d.effective_from <= c.quarter_end AND (d.effective_to IS NULL OR d.effective_to >= c.quarter_end)
)
SELECT b.first_secretary_id, b.person_id, p.name AS person_name, b.village_id, v.township_id, b.year, b.quarter,
    b.year || '年' || ['一', '二', '三', '四'][b.quarter] || '季度' AS quarter_name, b.quarter_start, b.quarter_end, b.days_in_post,
    b.org_id, o.short_name AS org_name, b.org_ordinal,
    CASE
        WHEN i.date IS NOT NULL THEN '已督导'
        WHEN b.days_in_post < 45 OR b.year < (SELECT first_year FROM ledger_starts WHERE ledger = '督导')
            OR param('inspections_per_quarter', b.quarter_end) IS NULL THEN '不要求'
        WHEN b.quarter_end < b.as_of THEN '未督导'
        ELSE '未到期'
    END AS state,
    i.date, i.result::VARCHAR AS result, i.days_month1, i.days_month2, i.days_month3, i.findings, i.rectify_by, i.rectified_on, i.sent_to_unit_on
FROM bodies AS b
LEFT JOIN inspections AS i ON i.first_secretary_id = b.first_secretary_id AND i.year = b.year AND i.quarter = b.quarter AND i.org_id = b.org_id AND i.date <= b.as_of
LEFT JOIN people AS p ON p.person_id = b.person_id
LEFT JOIN villages AS v ON v.village_id = b.village_id
LEFT JOIN organisations AS o ON o.org_id = b.org_id
