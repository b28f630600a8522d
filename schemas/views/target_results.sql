/*
title: 岗位目标完成情况
description: 每村每年每个考核方面的基本目标和个性目标、权重和得分；七个方面都列，没有目标的也列。
fields:
  village_id: {title: 村（社区）编号, sensitivity: internal}
  village_name: {title: 村（社区）, sensitivity: internal}
  township_id: {title: 乡镇（街道）编号, sensitivity: internal}
  year: {title: 年度, sensitivity: internal}
  dimension: {title: 考核方面, sensitivity: internal}
  ordinal: {title: 次序, sensitivity: internal}
  basic_targets: {title: 基本目标项数, sensitivity: internal}
  own_targets: {title: 个性目标项数, sensitivity: internal}
  weight: {title: 权重, sensitivity: internal}
  score: {title: 得分, sensitivity: internal}
  share: {title: 得分率（%）, sensitivity: internal}
  assessed: {title: 已考核项数, sensitivity: internal}
*/
-- The seven dimensions come from the schema, in its order, so that a missing one shows as an empty row.
WITH dimensions AS (
    SELECT unnest(words) AS dimension, generate_subscripts(words, 1)::INTEGER AS ordinal
    FROM fields WHERE table_name = 'targets' AND name = 'dimension'
),
sets AS (SELECT DISTINCT village_id, year FROM targets)
SELECT s.village_id, v.name AS village_name, v.township_id, s.year, d.dimension, d.ordinal,
    count(*) FILTER (t.target_class = '基本目标') AS basic_targets,
    count(*) FILTER (t.target_class = '个性目标') AS own_targets,
    coalesce(sum(t.weight), 0) AS weight, sum(t.score) AS score,
    share_of(sum(t.score), sum(t.weight) FILTER (t.score IS NOT NULL), 1) AS share,
    count(t.score) AS assessed
FROM sets AS s CROSS JOIN dimensions AS d
LEFT JOIN targets AS t ON t.village_id = s.village_id AND t.year = s.year AND t.dimension = d.dimension
LEFT JOIN villages AS v ON v.village_id = s.village_id
GROUP BY s.village_id, v.name, v.township_id, s.year, d.dimension, d.ordinal
