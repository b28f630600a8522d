/*
title: 队伍结构
description: 每个统计时点、全市和每个乡镇（街道）的书记总数，以及各项人数和占比。
rows:
  public: count_id IN (SELECT indicator_id FROM indicators WHERE open_to_public)
compare: {by: [reference_title, org_name, title], figures: [persons, share], alarm: [persons]}
erased: counted
fields:
  reference_date: {title: 统计时点, sensitivity: public}
  reference_title: {title: 时点名称, sensitivity: public}
  term: {title: 届次, sensitivity: public}
  is_now: {title: 是否基准日, sensitivity: public}
  org_id: {title: 机构编号, sensitivity: public}
  org_name: {title: 统计范围, sensitivity: public}
  whole: {title: 是否全市, sensitivity: public}
  dimension: {title: 统计维度, sensitivity: public}
  item: {title: 项目代号, sensitivity: public}
  title: {title: 项目, sensitivity: public}
  ordinal: {title: 次序, sensitivity: public}
  count_id: {title: 人数指标, sensitivity: public}
  share_id: {title: 占比指标, sensitivity: public}
  adds_up: {title: 各项是否互不重叠, sensitivity: public}
  persons: {title: 人数, sensitivity: public, unless: few}
  total: {title: 书记总数, sensitivity: public}
  share: {title: 占比（%）, sensitivity: public, unless: few}
  few: {title: 是否不足以公开, description: 同一时点、同一维度、同一层级有一项不足规定的人数，或者由总数可以推算出来；逐人公布的项目不在此列。, sensitivity: internal}
*/
WITH counted AS (
    -- One row per secretary and item that applies, counted per township and then summed for the offices above.
    SELECT s.reference_date, s.township_id, i.item, count(*) AS persons
    FROM secretaries_at AS s JOIN structure_items AS i ON i.reference_date = s.reference_date
        AND CASE
            WHEN i.dimension = '年龄' THEN s.age BETWEEN coalesce(i.lower, 0) AND coalesce(i.upper, 999)
            WHEN i.dimension = '任职年限' THEN s.serve_years BETWEEN coalesce(i.lower, 0) AND coalesce(i.upper, 999)
            WHEN i.dimension = '党龄' THEN s.party_years BETWEEN coalesce(i.lower, 0) AND coalesce(i.upper, 999)
            WHEN i.dimension = '来源渠道' THEN s.channel = i.title
            WHEN i.item = 'edu_senior' THEN s.senior
            WHEN i.item = 'edu_college' THEN s.college
            WHEN i.item = 'concurrent' THEN s.concurrent
            WHEN i.item = 'female' THEN s.sex = '女'
            WHEN i.item = 'minority' THEN s.minority
        END
    GROUP BY ALL
), totals AS (
    SELECT s.reference_date, o.org_id, count(*) AS total
    FROM secretaries_at AS s JOIN offices AS o USING (township_id) GROUP BY ALL
), persons AS (
    SELECT c.reference_date, o.org_id, c.item, sum(c.persons)::BIGINT AS persons
    FROM counted AS c JOIN offices AS o USING (township_id) GROUP BY ALL
), unpublished AS (
    SELECT o.org_id, count(*) AS persons
    FROM secretaries_at AS s JOIN offices AS o USING (township_id) JOIN build ON s.reference_date = as_of
    WHERE s.tenure_id NOT IN (SELECT tenure_id FROM published_tenures) GROUP BY ALL
), scope AS (
    SELECT o.org_id, CASE WHEN o.parent IS NULL THEN '全市' ELSE o.short_name END AS org_name, o.parent IS NULL AS whole
    FROM organisations AS o SEMI JOIN offices USING (org_id)
)
SELECT d.reference_date, d.title AS reference_title, d.term, d.is_now, s.org_id, s.org_name, s.whole,
    i.dimension, i.item, i.title, i.ordinal, i.count_id, i.share_id, i.adds_up,
    coalesce(p.persons, 0) AS persons,
    coalesce(t.total, 0) AS total,
    share_of(coalesce(p.persons, 0), t.total, coalesce(n.decimals, 1)) AS share,
    -- All of a dimension or nothing: what is left out alone is found by taking the others from the total, of the items as of
    -- the townships. What the roster shows of each person today is no secret as a sum.
    bool_or(is_few(coalesce(p.persons, 0), t.total) AND NOT (d.is_now AND u.persons IS NULL AND i.dimension IN ('年龄', '学历', '任职方式', '性别', '民族')))
        OVER (PARTITION BY d.reference_date, i.dimension, s.whole) AS few
FROM reference_dates AS d
JOIN structure_items AS i USING (reference_date)
CROSS JOIN scope AS s
LEFT JOIN totals AS t ON t.reference_date = d.reference_date AND t.org_id = s.org_id
LEFT JOIN persons AS p ON p.reference_date = d.reference_date AND p.org_id = s.org_id AND p.item = i.item
LEFT JOIN unpublished AS u ON u.org_id = s.org_id
LEFT JOIN indicators AS n ON n.indicator_id = i.share_id
