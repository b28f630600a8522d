/*
title: 统计时点
description: 到基准日为止的各次换届统计时点、统计报告的时点，以及基准日本身；一天一行。
fields:
  reference_date: {title: 统计时点, sensitivity: public}
  title: {title: 时点名称, sensitivity: public}
  term: {title: 届次, sensitivity: public}
  is_term: {title: 是否换届时点, sensitivity: public}
  is_now: {title: 是否基准日, sensitivity: public}
*/
-- Figures are worked out at these days and no others, so that one pass serves every page and every report.
SELECT reference_date,
    coalesce(max(title) FILTER (WHERE kind = 1), max(title) FILTER (WHERE kind = 2), max(title)) AS title,
    max(term) AS term,
    bool_or(kind = 1) AS is_term,
    bool_or(kind = 2) AS is_now
FROM (
    SELECT reference_date, name AS title, term, 1 AS kind FROM terms, build WHERE reference_date <= as_of
    UNION ALL
    SELECT as_of, '现在', NULL, 2 FROM build
    UNION ALL
    SELECT reference_date, day_in_words(reference_date), NULL, 3
    FROM snapshots, build WHERE reference_date <= as_of
)
GROUP BY reference_date
