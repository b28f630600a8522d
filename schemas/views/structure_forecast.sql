/*
title: 结构预测
description: 全市和各乡镇（街道）预计书记的各项人数、占比和平均年龄，同现在比较；有目标的对照目标。
fields:
  org_id: {title: 机构编号, sensitivity: internal}
  org_name: {title: 统计范围, sensitivity: internal}
  whole: {title: 是否全市, sensitivity: internal}
  counted_on: {title: 计算日期, sensitivity: internal}
  title: {title: 项目, sensitivity: internal}
  ordinal: {title: 次序, sensitivity: internal}
  unit: {title: 单位, sensitivity: internal}
  persons: {title: 预计人数, sensitivity: internal}
  total: {title: 预计书记总数, sensitivity: internal}
  now: {title: 现在, sensitivity: internal}
  forecast: {title: 预计, sensitivity: internal}
  level: {title: 目标级别, sensitivity: internal}
  direction: {title: 方向, sensitivity: internal}
  goal: {title: 目标值, sensitivity: internal}
  met: {title: 是否达到, sensitivity: internal}
*/
WITH items AS (
    SELECT dimension, item, title, ordinal, share_id AS indicator_id, lower, upper, reference_date
    FROM structure_items JOIN build ON reference_date = as_of WHERE dimension IN ('年龄', '学历', '任职方式', '性别', '民族')
    UNION ALL SELECT '平均年龄', 'average', '平均年龄', 199, 'average_age', NULL, NULL, as_of FROM build
),
counted AS (
    SELECT o.org_id, max(s.counted_on) AS counted_on, i.item, count(s.person_id) AS total, avg(s.age) AS average,
        count(*) FILTER (CASE WHEN i.dimension = '年龄' THEN s.age BETWEEN coalesce(i.lower, 0) AND coalesce(i.upper, 999)
            WHEN i.item = 'edu_senior' THEN s.senior WHEN i.item = 'edu_college' THEN s.college WHEN i.item = 'concurrent' THEN s.concurrent
            WHEN i.item = 'female' THEN s.sex = '女' WHEN i.item = 'minority' THEN s.minority END) AS persons
    FROM expected_secretaries AS s JOIN offices AS o USING (township_id) CROSS JOIN items AS i GROUP BY o.org_id, i.item
)
SELECT c.org_id, CASE WHEN o.parent IS NULL THEN '全市' ELSE o.short_name END AS org_name, o.parent IS NULL AS whole, c.counted_on, i.title, i.ordinal,
    CASE i.item WHEN 'average' THEN '岁' ELSE '%' END AS unit, CASE WHEN i.item <> 'average' THEN c.persons END AS persons, c.total,
    coalesce(n.share, v.value) AS now,
    CASE i.item WHEN 'average' THEN rounded(c.average, 1) ELSE share_of(c.persons, c.total, 1) END AS forecast,
    g.level, g.direction, g.value AS goal,
    CASE g.direction WHEN '不低于' THEN CASE i.item WHEN 'average' THEN c.average ELSE 100.0 * c.persons / c.total END >= g.value - 1e-9
        WHEN '不高于' THEN CASE i.item WHEN 'average' THEN c.average ELSE 100.0 * c.persons / c.total END <= g.value + 1e-9 END AS met
FROM counted AS c JOIN items AS i USING (item) JOIN organisations AS o ON o.org_id = c.org_id
LEFT JOIN structure AS n ON n.is_now AND n.org_id = c.org_id AND n.item = i.item
LEFT JOIN indicator_values AS v ON v.reference_date = i.reference_date AND v.org_id = c.org_id AND v.indicator_id = i.indicator_id
LEFT JOIN policy_goals AS g ON g.indicator_id = i.indicator_id AND g.effective_from <= c.counted_on
    AND (g.effective_to IS NULL OR g.effective_to >= c.counted_on)
