/*
title: 结构对照
fields:
  member: {title: 代号, sensitivity: internal}
  city: {title: 市（州）, sensitivity: internal}
  indicator_id: {title: 指标编号, sensitivity: internal}
  title: {title: 指标, sensitivity: internal}
  value: {title: 实际值, sensitivity: internal}
  direction: {title: 方向, sensitivity: internal}
  goal: {title: 目标值, sensitivity: internal}
  unit: {title: 单位, sensitivity: internal}
  met: {title: 是否达到, sensitivity: internal}
*/
-- Each city as of its own latest date; the province from the sums of what the shares are made of.
WITH latest AS (
    SELECT v.* FROM indicator_values AS v WHERE whole QUALIFY reference_date = max(reference_date) OVER (PARTITION BY member, indicator_id)
), figures_of AS (
    SELECT v.member, m.title AS city, v.indicator_id, v.kind, v.numerator, v.denominator FROM latest AS v JOIN members AS m ON m.name = v.member
    UNION ALL BY NAME
    SELECT NULL AS member, '全省' AS city, indicator_id, any_value(kind) AS kind, sum(numerator) AS numerator, sum(denominator) AS denominator
    FROM latest GROUP BY indicator_id
), exact AS (
    SELECT *, CASE kind WHEN '占比' THEN 100 * numerator / nullif(denominator, 0) WHEN '平均数' THEN numerator / nullif(denominator, 0)
        ELSE numerator END AS value
    FROM figures_of
)
SELECT e.member, e.city, t.indicator_id, t.title, round(e.value, 1) AS value, t.direction, t.goal, t.unit,
    CASE t.direction WHEN '不低于' THEN e.value >= t.goal - 1e-9 ELSE e.value <= t.goal + 1e-9 END AS met
FROM exact AS e JOIN targets AS t USING (indicator_id)
WHERE e.value IS NOT NULL
