/*
title: 各村年度目标合计
description: 每村每年目标的项数、权重合计、得分合计，是否合规、是否考核完毕。
fields:
  village_id: {title: 村（社区）编号, sensitivity: internal}
  village_name: {title: 村（社区）, sensitivity: internal}
  township_id: {title: 乡镇（街道）编号, sensitivity: internal}
  township_name: {title: 乡镇（街道）, sensitivity: internal}
  year: {title: 年度, sensitivity: internal}
  targets: {title: 目标项数, sensitivity: internal}
  basic_targets: {title: 基本目标项数, sensitivity: internal}
  own_targets: {title: 个性目标项数, sensitivity: internal}
  dimensions: {title: 覆盖方面数, sensitivity: internal}
  weight_total: {title: 权重合计, sensitivity: internal}
  weight_required: {title: 规定合计, sensitivity: internal}
  score_total: {title: 得分合计, sensitivity: internal}
  assessed: {title: 已考核项数, sensitivity: internal}
  complete: {title: 是否考核完毕, sensitivity: internal}
  committed_on: {title: 承诺日期, sensitivity: internal}
  assessed_on: {title: 考核日期, sensitivity: internal}
  missing_dimensions: {title: 缺少的方面, sensitivity: internal}
  sound: {title: 目标设置是否合规, sensitivity: internal}
*/
WITH sums AS (
    SELECT village_id, year, count(*) AS targets, count(*) FILTER (target_class = '基本目标') AS basic_targets,
        count(*) FILTER (target_class = '个性目标') AS own_targets, count(DISTINCT dimension) AS dimensions,
        -- Weights may have a fraction; as decimals they add up to what people see.
        sum(exact(weight)) AS weight_total, sum(exact(score)) FILTER (coalesce(assessed_on, year_end(year)) <= as_of) AS score_total,
        count(score) FILTER (coalesce(assessed_on, year_end(year)) <= as_of) AS assessed,
        max(committed_on) AS committed_on, max(assessed_on) AS assessed_on, arg_min(_file, _line) AS _file, min(_line) AS _line
    FROM build CROSS JOIN targets WHERE year <= year(as_of) GROUP BY village_id, year
),
missing AS (
    SELECT village_id, year, string_agg(dimension, '、' ORDER BY ordinal) AS missing_dimensions
    FROM target_results WHERE basic_targets + own_targets = 0 GROUP BY village_id, year
),
required AS (
    SELECT s.*, param_decimal('target_weight_total', year_end(year)) AS weight_required FROM sums AS s
)
SELECT r.village_id, v.name AS village_name, v.township_id, o.short_name AS township_name, r.year, r.targets, r.basic_targets, r.own_targets,
    r.dimensions, r.weight_total::DOUBLE AS weight_total, r.weight_required::DOUBLE AS weight_required, r.score_total::DOUBLE AS score_total,
    r.assessed, r.assessed = r.targets AS complete, r.committed_on, r.assessed_on, m.missing_dimensions,
    r.basic_targets > 0 AND r.own_targets > 0 AND m.missing_dimensions IS NULL
        AND coalesce(r.weight_total = r.weight_required, true) AS sound,
    r._file, r._line
FROM required AS r LEFT JOIN missing AS m ON m.village_id = r.village_id AND m.year = r.year
LEFT JOIN villages AS v ON v.village_id = r.village_id LEFT JOIN organisations AS o ON o.org_id = v.township_id
