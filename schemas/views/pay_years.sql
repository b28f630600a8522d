/*
title: 书记年度报酬发放次数
description: 供规则和合计使用，不进入任何一版：每名书记每年应发、已发的月份和绩效报酬次数，不含金额。
*/
-- Per person, so no column is declared and no edition gets one: pages see the sums of pay_summary. A month is asked for
-- when it lies wholly within a service, whatever terms or villages that is made of; one begun or ended without him is
-- settled by the day. It is told under the last tenure of the year.
WITH months AS (
    SELECT s.person_id, m.month_start::DATE AS month_start, arg_max(s.tenure_id, (s.started_on, s.tenure_id)) AS tenure_id
    FROM build CROSS JOIN secretary_tenures AS s CROSS JOIN ledger_starts AS l,
        unnest(generate_series(date_trunc('month', s.started_on), least(coalesce(s.ended_on - 1, as_of), as_of), INTERVAL 1 MONTH)) AS m(month_start)
    WHERE l.ledger = '报酬' AND year(m.month_start) >= l.first_year AND m.month_start >= s.service_from
      AND last_day(m.month_start) < least(coalesce(s.service_to, as_of + 1), as_of + 1)
      AND param('base_payments', m.month_start::DATE) IS NOT NULL
    GROUP BY s.person_id, m.month_start
    -- Who is sent down by an office goes on being paid there.
    HAVING NOT bool_or(s.origin = '机关下派')
),
due AS (
    SELECT person_id, year(month_start)::INTEGER AS year, arg_max(tenure_id, month_start) AS tenure_id,
        list(month(month_start)::INTEGER ORDER BY month_start) AS months_due
    FROM months GROUP BY person_id, year(month_start)
),
paid AS (
    SELECT p.person_id, TRY_CAST(p.year AS INTEGER) AS year, max(p.village_id) AS village_id,
        list_sort(list_distinct(list(TRY_CAST(p.month AS INTEGER)) FILTER (p.kind = '基本报酬' AND p.paid_on <= as_of))) AS months_paid,
        list_sort(list_distinct(list(TRY_CAST(p.month AS INTEGER)) FILTER (p.kind = '基本报酬' AND NOT p.direct))) AS months_indirect,
        list_sort(list_distinct(list(TRY_CAST(p.month AS INTEGER)) FILTER (p.kind = '基本报酬'
            AND abs(p.variance) > param_number('pay_variance_max', year_end(p.year))))) AS months_off,
        count(*) FILTER (p.kind = '绩效报酬' AND p.paid_on <= as_of) AS performance_payments
    FROM build CROSS JOIN payments AS p GROUP BY p.person_id, p.year
)
SELECT coalesce(d.person_id, p.person_id) AS person_id, v.village_id, coalesce(d.year, p.year) AS year,
    v.township_id, d.tenure_id, coalesce(d.months_due, []) AS months_due,
    coalesce(p.months_paid, []) AS months_paid,
    list_filter(coalesce(d.months_due, []), lambda m: NOT list_contains(coalesce(p.months_paid, []), m)) AS months_missing,
    coalesce(p.months_indirect, []) AS months_indirect, coalesce(p.months_off, []) AS months_off,
    coalesce(p.performance_payments, 0) AS performance_payments
FROM due AS d FULL JOIN paid AS p ON p.person_id = d.person_id AND p.year = d.year
LEFT JOIN tenures AS t ON t.tenure_id = d.tenure_id
LEFT JOIN villages AS v ON v.village_id = coalesce(t.village_id, p.village_id)
