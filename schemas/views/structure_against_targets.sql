/*
title: 结构对照目标
description: 每个统计时点，省定、市定目标与实际的差距。目标按该时点有效的政策。
rows:
  public: >-
    indicator_id IN (SELECT indicator_id FROM indicators WHERE open_to_public)
    AND (policy_id, indicator_id, level) IN (
        SELECT (g.policy_id, g.indicator_id, g.level) FROM policy_goals AS g JOIN policies AS p USING (policy_id)
        WHERE g.open_to_public AND p.open_to_public)
erased: counted
fields:
  reference_date: {title: 统计时点, sensitivity: public}
  reference_title: {title: 时点名称, sensitivity: public}
  is_now: {title: 是否基准日, sensitivity: public}
  org_id: {title: 机构编号, sensitivity: public}
  org_name: {title: 统计范围, sensitivity: public}
  whole: {title: 是否全市, sensitivity: public}
  indicator_id: {title: 指标编号, sensitivity: public}
  title: {title: 指标, sensitivity: public}
  kind: {title: 指标类型, sensitivity: public}
  unit: {title: 单位, sensitivity: public}
  decimals: {title: 小数位数, sensitivity: public}
  level: {title: 目标级别, sensitivity: public}
  direction: {title: 方向, sensitivity: public}
  goal: {title: 目标值, sensitivity: public}
  value: {title: 实际值, sensitivity: public, unless: few}
  numerator: {title: 分子, sensitivity: public, unless: few}
  denominator: {title: 分母, sensitivity: public, unless: few}
  met: {title: 是否达到, sensitivity: public, unless: few}
  gap: {title: 差距, description: 实际值减目标值。, sensitivity: public, unless: few}
  persons_short: {title: 还差人数, description: 占比指标要达到目标还差几人；书记总数不变时计算。, sensitivity: public, unless: few}
  policy_id: {title: 依据文件, sensitivity: public}
  section: {title: 依据条款, sensitivity: public}
  sort_order: {title: 排列次序, sensitivity: public}
  few: {title: 是否不足以公开, sensitivity: internal}
*/
SELECT d.reference_date, d.title AS reference_title, d.is_now, v.org_id, v.org_name, v.whole,
    v.indicator_id, v.title, v.kind, v.unit, v.decimals, g.level, g.direction, g.value AS goal, v.value, v.numerator, v.denominator,
    -- On the exact ratio: 29.96 % shown as 30.0 % has not reached 30 %.
    CASE g.direction
        WHEN '不低于' THEN exact >= g.value - 1e-9
        ELSE exact <= g.value + 1e-9
    END AS met,
    rounded(v.value - g.value, v.decimals) AS gap,
    CASE WHEN v.kind = '占比' THEN TRY_CAST(greatest(0, CASE g.direction
        WHEN '不低于' THEN ceil(g.value * v.denominator / 100 - v.numerator - 1e-9)
        ELSE ceil(v.numerator - g.value * v.denominator / 100 - 1e-9)
    END) AS BIGINT) END AS persons_short,
    g.policy_id, g.section, v.sort_order, v.few
FROM reference_dates AS d
JOIN policy_goals AS g ON g.effective_from <= d.reference_date AND (g.effective_to IS NULL OR g.effective_to >= d.reference_date)
JOIN (
    SELECT *, CASE kind WHEN '占比' THEN 100 * numerator / denominator WHEN '平均数' THEN numerator / denominator ELSE value END
        AS exact
    FROM indicator_values WHERE value IS NOT NULL
) AS v ON v.reference_date = d.reference_date AND v.indicator_id = g.indicator_id
