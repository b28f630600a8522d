/*
title: 关怀和激励人数
description: 全市每年在账、走访、体检、补助和政治激励的人数。只有全市合计，不列乡镇，不列个人。
erased: counted
fields:
  year: {title: 年度, sensitivity: public}
  category: {title: 类别, sensitivity: public}
  item: {title: 项目, sensitivity: public}
  ordinal: {title: 次序, sensitivity: public}
  persons: {title: 人数（次）, sensitivity: public, unless: few}
  few: {title: 是否不足以公开, sensitivity: internal}
*/
-- The public door of M15 and M16. Figures of a township could be few enough to point at somebody, so there are none.
-- Each kind is told from the year in which its records begin, or a year before them would look like one without anybody.
WITH begun AS (
    SELECT '台账' AS category, min(year(entered_on)) AS first_year FROM care_ledgers
    UNION ALL SELECT '走访慰问', first_year FROM ledger_starts WHERE ledger = '走访慰问'
    UNION ALL SELECT '体检谈心', first_year FROM ledger_starts WHERE ledger = '体检'
    UNION ALL SELECT '补助', min(year(applied_on)) FROM subsidies
    UNION ALL SELECT '政治激励', min(year(recommended_on)) FROM advancement
),
years AS (
    -- Nine years side by side are what a page can show.
    SELECT b.category, y.year::INTEGER AS year, least(year_end(y.year), as_of) AS on_date, as_of
    FROM build CROSS JOIN begun AS b,
        unnest(range(greatest(least(coalesce(b.first_year, year(as_of)), year(as_of)), year(as_of) - 8), year(as_of) + 1)) AS y(year)
),
counted AS (
    SELECT y.year, y.category, '在账' || n.word AS item, 10 + n.ordinal AS ordinal, count(g.ledger_id) AS persons
    FROM years AS y CROSS JOIN (VALUES ('困难', '困难书记', 1), ('离任', '离任书记', 2)) AS n(ledger, word, ordinal)
    LEFT JOIN care_ledgers AS g ON g.ledger = n.ledger AND in_office(g.entered_on, g.exited_on, y.on_date)
    WHERE y.category = '台账' GROUP BY y.year, y.category, n.word, n.ordinal
    UNION ALL
    SELECT y.year, y.category, n.w || '走访', 20 + n.ordinal, count(c.care_id)
    FROM years AS y CROSS JOIN (VALUES ('春节', 1), ('七一', 2)) AS n(w, ordinal)
    LEFT JOIN care AS c ON c.action = '走访慰问' AND c.visit_window = n.w AND year(c.date) = y.year AND c.date <= y.as_of
    WHERE y.category = '走访慰问' GROUP BY y.year, y.category, n.w, n.ordinal
    UNION ALL
    SELECT y.year, y.category, n.action, 30 + n.ordinal, count(c.care_id)
    FROM years AS y CROSS JOIN (VALUES ('体检', 1), ('谈心', 2)) AS n(action, ordinal)
    LEFT JOIN care AS c ON c.action = n.action AND year(c.date) = y.year AND c.date <= y.as_of
    WHERE y.category = '体检谈心' GROUP BY y.year, y.category, n.action, n.ordinal
    UNION ALL
    -- By reason, a single death in service would be a person; so would one subsidy alone in its year.
    SELECT y.year, y.category, '发放补助', 40,
        count(s.subsidy_id)
    FROM years AS y LEFT JOIN subsidies AS s ON year(s.paid_on) = y.year AND s.paid_on <= y.as_of
    WHERE y.category = '补助' GROUP BY y.year, y.category
    UNION ALL
    SELECT y.year, y.category, n.channel, 50 + n.ordinal, count(a.advancement_id)
    FROM years AS y CROSS JOIN (VALUES ('选拔录用', 1), ('“两代表一委员”', 2), ('先进典型', 3)) AS n(channel, ordinal)
    LEFT JOIN advancement_status AS a ON a.channel = n.channel AND a.result NOT IN ('进行中', '未通过')
        AND year(a.decided_on) = y.year AND a.decided_on <= y.as_of
    WHERE y.category = '政治激励' GROUP BY y.year, y.category, n.channel, n.ordinal
)
SELECT *, is_few(persons, NULL) AS few FROM counted
