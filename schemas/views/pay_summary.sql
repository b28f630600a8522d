/*
title: 报酬年度合计
description: 全市和每个乡镇（街道）每年三类报酬的合计、结构、人均和发放次数，不分到人。
erased: counted
fields:
  org_id: {title: 机构编号, sensitivity: internal}
  org_name: {title: 统计范围, sensitivity: internal}
  year: {title: 年度, sensitivity: internal}
  recipients: {title: 发放人数, sensitivity: internal}
  base_amount: {title: 基本报酬（元）, sensitivity: internal}
  performance_amount: {title: 绩效报酬（元）, sensitivity: internal}
  reward_amount: {title: 奖励报酬（元）, sensitivity: internal}
  total_amount: {title: 合计（元）, sensitivity: internal}
  average: {title: 人均（元）, sensitivity: internal}
  benchmark: {title: 参照标准（元）, sensitivity: internal}
  base_share: {title: 基本报酬占比（%）, sensitivity: internal}
  performance_share: {title: 绩效报酬占比（%）, sensitivity: internal}
  reward_share: {title: 奖励报酬占比（%）, sensitivity: internal}
  base_percent: {title: 方案规定基本报酬（%）, sensitivity: internal}
  performance_percent: {title: 方案规定绩效报酬（%）, sensitivity: internal}
  reward_percent: {title: 方案规定奖励报酬（%）, sensitivity: internal}
  months_due: {title: 应发基本报酬（人次）, sensitivity: internal}
  months_paid: {title: 已发基本报酬（人次）, sensitivity: internal}
  months_missing: {title: 未发基本报酬（人次）, sensitivity: internal}
  months_indirect: {title: 未直达账户（人次）, sensitivity: internal}
  months_off: {title: 差异超限（人次）, sensitivity: internal}
  performance_paid: {title: 已发绩效报酬（人）, sensitivity: internal}
  settled_on: {title: 结算日期, sensitivity: internal}
*/
WITH amounts AS (
    SELECT f.org_id, t.year, sum(t.recipients) FILTER (t.kind = '基本报酬')::BIGINT AS recipients,
        sum(t.amount) FILTER (t.kind = '基本报酬') AS base_amount, sum(t.amount) FILTER (t.kind = '绩效报酬') AS performance_amount,
        sum(t.amount) FILTER (t.kind = '奖励报酬') AS reward_amount, sum(t.amount) AS total_amount,
        -- The year is settled when its last part is.
        CASE WHEN bool_and(t.settled_on IS NOT NULL) THEN max(t.settled_on) END AS settled_on
    FROM build CROSS JOIN pay_totals AS t JOIN offices AS f ON f.township_id = t.org_id WHERE t.year <= year(as_of) GROUP BY f.org_id, t.year
),
counts AS (
    SELECT f.org_id, y.year, sum(len(y.months_due)) AS months_due,
        sum(len(y.months_due) - len(y.months_missing)) AS months_paid, sum(len(y.months_missing)) AS months_missing,
        sum(len(y.months_indirect)) AS months_indirect, sum(len(y.months_off)) AS months_off,
        count(*) FILTER (y.performance_payments > 0) AS performance_paid
    FROM build CROSS JOIN pay_years AS y JOIN offices AS f USING (township_id) WHERE y.year <= year(as_of) GROUP BY f.org_id, y.year
)
SELECT coalesce(a.org_id, c.org_id) AS org_id, o.short_name AS org_name, TRY_CAST(coalesce(a.year, c.year) AS INTEGER) AS year, a.recipients,
    a.base_amount, a.performance_amount, a.reward_amount, a.total_amount,
    CASE WHEN a.recipients > 0 THEN rounded(a.total_amount / a.recipients, 0) END AS average, s.benchmark,
    share_of(a.base_amount, a.total_amount, 1) AS base_share, share_of(a.performance_amount, a.total_amount, 1) AS performance_share,
    share_of(a.reward_amount, a.total_amount, 1) AS reward_share, s.base_percent, s.performance_percent, s.reward_percent,
    coalesce(c.months_due, 0)::BIGINT AS months_due, coalesce(c.months_paid, 0)::BIGINT AS months_paid,
    coalesce(c.months_missing, 0)::BIGINT AS months_missing, coalesce(c.months_indirect, 0)::BIGINT AS months_indirect,
    coalesce(c.months_off, 0)::BIGINT AS months_off, coalesce(c.performance_paid, 0)::BIGINT AS performance_paid, a.settled_on
FROM amounts AS a FULL JOIN counts AS c ON c.org_id = a.org_id AND c.year = a.year
LEFT JOIN pay_schemes AS s ON s.year = coalesce(a.year, c.year)
LEFT JOIN organisations AS o ON o.org_id = coalesce(a.org_id, c.org_id)
