/*
title: 走访、体检和谈心落实情况
description: 每个慰问期台账上的每个对象是否走访、每年每名书记是否体检、谈心。困难台账只列编号，不写明是谁。
fields:
  kind: {title: 种类, sensitivity: internal}
  year: {title: 年度, sensitivity: internal}
  visit_window: {title: 慰问时段, sensitivity: internal}
  period_start: {title: 起, sensitivity: internal}
  period_end: {title: 止, sensitivity: internal}
  township_id: {title: 乡镇（街道）编号, sensitivity: internal}
  township_name: {title: 乡镇（街道）, sensitivity: internal}
  ledger_id: {title: 台账编号, sensitivity: internal}
  ledger: {title: 台账种类, sensitivity: internal}
  person_id: {title: 人员编号, sensitivity: internal}
  person_name: {title: 姓名, sensitivity: internal}
  tenure_id: {title: 任职编号, sensitivity: internal}
  done_on: {title: 落实日期, sensitivity: internal}
  state: {title: 状态, sensitivity: internal}
*/
-- A person is asked for in a window that lies wholly within his time on the ledger.
WITH visited AS (
    SELECT w.year, w.visit_window, c.ledger_id, min(c.date) AS done_on
    FROM care AS c JOIN visit_windows AS w ON c.date BETWEEN w.window_start AND w.window_end
    WHERE c.action = '走访慰问' GROUP BY ALL
),
visits AS (
    SELECT '走访慰问' AS kind, w.year, w.visit_window, w.window_start AS period_start, w.window_end AS period_end, g.org_id AS township_id,
        g.ledger_id, g.ledger, t.person_id, g.tenure_id, d.done_on, g._file, g._line
    FROM visit_windows AS w
    JOIN care_ledgers AS g ON g.entered_on <= w.window_start AND (g.exited_on IS NULL OR g.exited_on > w.window_end)
    JOIN ledger_starts AS l ON l.ledger = '走访慰问' AND w.year >= l.first_year
    -- Only of the ledger of former secretaries is it known who stands on it.
    LEFT JOIN tenures AS t ON t.tenure_id = g.tenure_id AND g.ledger = '离任'
    LEFT JOIN visited AS d ON d.year = w.year AND d.visit_window = w.visit_window AND d.ledger_id = g.ledger_id
    CROSS JOIN build WHERE w.window_start <= as_of
),
yearly AS (
    SELECT n.action AS kind, s.year, make_date(s.year - n.years + 1, 1, 1) AS period_start, year_end(s.year) AS period_end, s.township_id,
        s.person_id, s.tenure_id,
        (SELECT min(c.date) FROM care AS c WHERE c.action = n.action AND c.person_id = s.person_id
            AND c.date BETWEEN make_date(s.year - n.years + 1, 1, 1) AND year_end(s.year)) AS done_on,
        t._file, t._line
    FROM secretary_years AS s
    CROSS JOIN (
        SELECT '体检' AS action, param_count('checkup_interval_years', as_of) AS years FROM build
        UNION ALL SELECT '谈心', param_count('talk_interval_years', as_of) FROM build
    ) AS n
    JOIN ledger_starts AS l ON l.ledger = n.action AND s.year >= l.first_year
    JOIN secretary_tenures AS t ON t.tenure_id = s.tenure_id
    WHERE s.half_year AND s.in_office AND n.years IS NOT NULL
)
SELECT f.kind, f.year, f.visit_window, f.period_start, f.period_end, f.township_id, o.short_name AS township_name, f.ledger_id, f.ledger,
    f.person_id, p.name AS person_name, f.tenure_id, f.done_on,
    CASE WHEN f.done_on <= as_of THEN '已落实' WHEN f.period_end < as_of THEN '没有落实' ELSE '待落实' END AS state, f._file, f._line
FROM build CROSS JOIN (SELECT * FROM visits UNION ALL BY NAME SELECT * FROM yearly) AS f
LEFT JOIN people AS p ON p.person_id = f.person_id LEFT JOIN organisations AS o ON o.org_id = f.township_id
