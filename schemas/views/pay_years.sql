/*
title: 书记年度报酬发放次数
description: 供规则和合计使用，不进入任何一版：每名书记每年应发、已发的月份和绩效报酬次数，不含金额。
*/
-- Per person, so no column is declared and no edition gets one: pages see the sums of pay_summary.
WITH months AS (
    SELECT s.person_id, s.village_id, s.township_id, s.tenure_id, m.month_start::DATE AS month_start
    FROM build CROSS JOIN secretary_tenures AS s CROSS JOIN ledger_starts AS l,
        unnest(generate_series(
            -- A month that began without him, or ended without him, is settled by the day and not asked for.
            CASE WHEN day(s.started_on) = 1 THEN s.started_on ELSE last_day(s.started_on) + 1 END,
            least(coalesce(s.ended_on, as_of + 1), as_of + 1) - INTERVAL 1 DAY, INTERVAL 1 MONTH)) AS m(month_start)
    -- Who is sent down by an office goes on being paid there.
    WHERE s.origin <> '机关下派' AND l.ledger = '报酬' AND year(m.month_start) >= l.first_year
      AND last_day(m.month_start) < least(coalesce(s.ended_on, as_of + 1), as_of + 1)
      AND param('base_payments', m.month_start::DATE) IS NOT NULL
),
due AS (
    SELECT person_id, village_id, year(month_start)::INTEGER AS year, any_value(township_id) AS township_id, max(tenure_id) AS tenure_id,
        list_sort(list_distinct(list(month(month_start)::INTEGER))) AS months_due
    FROM months GROUP BY person_id, village_id, year(month_start)
),
paid AS (
    SELECT p.person_id, p.village_id, TRY_CAST(p.year AS INTEGER) AS year,
        list_sort(list_distinct(list(TRY_CAST(p.month AS INTEGER)) FILTER (p.kind = '基本报酬' AND p.paid_on <= as_of))) AS months_paid,
        list_sort(list_distinct(list(TRY_CAST(p.month AS INTEGER)) FILTER (p.kind = '基本报酬' AND NOT p.direct))) AS months_indirect,
        list_sort(list_distinct(list(TRY_CAST(p.month AS INTEGER)) FILTER (p.kind = '基本报酬'
            AND abs(p.variance) > param_number('pay_variance_max', year_end(p.year))))) AS months_off,
        count(*) FILTER (p.kind = '绩效报酬' AND p.paid_on <= as_of) AS performance_payments
    FROM build CROSS JOIN payments AS p GROUP BY p.person_id, p.village_id, p.year
)
SELECT coalesce(d.person_id, p.person_id) AS person_id, coalesce(d.village_id, p.village_id) AS village_id, coalesce(d.year, p.year) AS year,
    coalesce(d.township_id, v.township_id) AS township_id, d.tenure_id, coalesce(d.months_due, []) AS months_due,
    coalesce(p.months_paid, []) AS months_paid,
    list_filter(coalesce(d.months_due, []), lambda m: NOT list_contains(coalesce(p.months_paid, []), m)) AS months_missing,
    coalesce(p.months_indirect, []) AS months_indirect, coalesce(p.months_off, []) AS months_off,
    coalesce(p.performance_payments, 0) AS performance_payments
FROM due AS d FULL JOIN paid AS p ON p.person_id = d.person_id AND p.village_id = d.village_id AND p.year = d.year
LEFT JOIN villages AS v ON v.village_id = coalesce(d.village_id, p.village_id)
