/*
id: R66
title: 工作日历齐全
severity: error
clause: records#19
complete: [calendar, calendar_years]
table: calendar_years
column: year
message: "工作日历{problem}，有{items}项时限无法计算，如{example}。"
remedy: "请按国务院办公厅的放假通知录入该年每一天，登记放假通知并复核；通知没有公布的，不得推算。"
*/
-- No other rule guesses a working day: a limit that the calendar cannot give is silent there and named here, once a year.
-- The year to come is announced late, so for it this is a reminder; a year already under way must be there.
WITH wanted AS (
    SELECT filing_id AS item, '备案' || filing_id AS example, base_date AS on_date
    FROM filing_trail WHERE limit_days IS NOT NULL AND due_on IS NULL
    UNION ALL
    SELECT filing_id, '备案' || filing_id, base_date
    FROM filing_status WHERE open AND limit_days IS NOT NULL AND due_on IS NULL
    UNION ALL
    SELECT tenure_id, '任职' || tenure_id || '的' || change || '备案', event_date FROM filing_duties WHERE due_on IS NULL
    UNION ALL
    SELECT notice_id, '公示' || notice_id, started_on
    FROM notices, build
    WHERE started_on <= as_of AND working_days_between(started_on, ended_on) IS NULL
), unbroken AS (
    SELECT min(date) AS first_date, max(date) AS last_date
    FROM (
        SELECT date, date - row_number() OVER (ORDER BY date)::INTEGER AS run
        FROM calendar SEMI JOIN calendar_years ON year(calendar.date) = calendar_years.year WHERE working IS NOT NULL
    ) GROUP BY run
), yearly AS (
    -- Where the day itself is in the calendar, counting on from it met the next day that is not.
    SELECT year(coalesce(u.last_date + 1, w.on_date)) AS in_year, count(DISTINCT w.item) AS items, min(w.example) AS example
    FROM wanted AS w LEFT JOIN unbroken AS u ON w.on_date BETWEEN u.first_date AND u.last_date
    GROUP BY ALL
), days AS (
    SELECT year(date) AS in_year, count(*) AS listed FROM calendar WHERE working IS NOT NULL GROUP BY ALL
)
SELECT coalesce(y._file, (SELECT min(_file) FROM calendar_years), '') AS _file,
    coalesce(y._line, (SELECT max(_line) FROM calendar_years), 0) AS _line,
    CASE WHEN w.in_year > year(as_of) THEN 'warning' ELSE 'error' END AS _severity,
    w.in_year AS year, w.items, w.example,
    CASE WHEN y.year IS NOT NULL THEN '的' || w.in_year || '年不完整（列出' || coalesce(d.listed, 0) || '天）'
        ELSE '没有登记' || w.in_year || '年' END AS problem
FROM yearly AS w CROSS JOIN build LEFT JOIN calendar_years AS y ON y.year = w.in_year LEFT JOIN days AS d ON d.in_year = w.in_year
