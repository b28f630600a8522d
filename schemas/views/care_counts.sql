/*
title: 关怀和激励人数
description: 全市每年在账、走访、体检、补助和政治激励的人数。只有全市合计，不列乡镇，不列个人。
fields:
  year: {title: 年度, sensitivity: public}
  category: {title: 类别, sensitivity: public}
  item: {title: 项目, sensitivity: public}
  ordinal: {title: 次序, sensitivity: public}
  persons: {title: 人数（次）, sensitivity: public}
*/
-- The public door of M15 and M16. Figures of a township could be few enough to point at somebody, so there are none.
WITH years AS (
    SELECT y.year::INTEGER AS year, least(year_end(y.year), as_of) AS on_date, as_of
    FROM build, unnest(range(least((SELECT min(first_year) FROM ledger_starts WHERE ledger IN ('走访慰问', '体检')), year(as_of)), year(as_of) + 1)) AS y(year)
)
SELECT y.year, '台账' AS category, '在账' || n.word AS item, 10 + n.ordinal AS ordinal, count(g.ledger_id) AS persons
FROM years AS y CROSS JOIN (VALUES ('困难', '困难书记', 1), ('离任', '离任书记', 2)) AS n(ledger, word, ordinal)
LEFT JOIN care_ledgers AS g ON g.ledger = n.ledger AND in_office(g.entered_on, g.exited_on, y.on_date)
GROUP BY y.year, n.word, n.ordinal
UNION ALL
SELECT y.year, '走访慰问', n.w || '走访', 20 + n.ordinal, count(c.care_id)
FROM years AS y CROSS JOIN (VALUES ('春节', 1), ('七一', 2)) AS n(w, ordinal)
LEFT JOIN care AS c ON c.action = '走访慰问' AND c.visit_window = n.w AND year(c.date) = y.year AND c.date <= y.as_of
GROUP BY y.year, n.w, n.ordinal
UNION ALL
SELECT y.year, '体检谈心', n.action, 30 + n.ordinal, count(c.care_id)
FROM years AS y CROSS JOIN (VALUES ('体检', 1), ('谈心', 2)) AS n(action, ordinal)
LEFT JOIN care AS c ON c.action = n.action AND year(c.date) = y.year AND c.date <= y.as_of
GROUP BY y.year, n.action, n.ordinal
UNION ALL
-- By reason, a single death in service would be a person.
SELECT y.year, '补助', '发放补助', 40, count(s.subsidy_id)
FROM years AS y LEFT JOIN subsidies AS s ON year(s.paid_on) = y.year AND s.paid_on <= y.as_of
GROUP BY y.year
UNION ALL
SELECT y.year, '政治激励', n.channel, 50 + n.ordinal, count(a.advancement_id)
FROM years AS y CROSS JOIN (VALUES ('选拔录用', 1), ('“两代表一委员”', 2), ('先进典型', 3)) AS n(channel, ordinal)
LEFT JOIN advancement_status AS a ON a.channel = n.channel AND a.result NOT IN ('进行中', '未通过')
    AND year(a.decided_on) = y.year AND a.decided_on <= y.as_of
GROUP BY y.year, n.channel, n.ordinal
