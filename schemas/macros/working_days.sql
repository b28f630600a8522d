/*
title: 工作日
description: 按工作日历计算工作日。日历没有列出或不连续的日期不推算，结果为空。
*/
-- The calendar as one row of lists, so that a day is found by its place and not by a join: `_numbers` gives for each day
-- since `_first` how many working days there are up to and including it, `_runs` which unbroken run of days it is in,
-- `_days` the working days themselves. A year that calendar_years lacks is a hole: nothing is counted across it.
CREATE MACRO calendar_lists() AS TABLE
    SELECT min(_day) AS _first, list(_number ORDER BY _day) AS _numbers, list(_run ORDER BY _day) AS _runs,
        list(_day ORDER BY _day) FILTER (WHERE _working) AS _days
    FROM (
        SELECT _day, _working, CASE WHEN _working IS NOT NULL THEN _number END AS _number,
            CASE WHEN _working IS NOT NULL THEN sum((_working IS NULL)::INTEGER) OVER (ORDER BY _day) END AS _run
        FROM (
            SELECT _all._day, _known._working, sum(_known._working::INTEGER) OVER (ORDER BY _all._day) AS _number
            FROM (
                SELECT unnest(generate_series(min(date), max(date), INTERVAL 1 DAY))::DATE AS _day FROM calendar
            ) AS _all
            LEFT JOIN (
                SELECT date AS _day, working AS _working
                FROM calendar SEMI JOIN calendar_years ON year(calendar.date) = calendar_years.year
            ) AS _known USING (_day)
        )
    );

-- What the calendar's lists hold for a day; NULL outside them. Place 0 and below would count from the end of the list.
CREATE MACRO calendar_place(on_date) AS
    CASE WHEN on_date >= (SELECT _first FROM calendar_lists())
    THEN date_diff('day', (SELECT _first FROM calendar_lists()), on_date) + 1 END;

CREATE MACRO calendar_number(on_date) AS (SELECT _numbers FROM calendar_lists())[calendar_place(on_date)];

CREATE MACRO calendar_run(on_date) AS (SELECT _runs FROM calendar_lists())[calendar_place(on_date)];

-- Working days after one day up to and including another: 0 for the same day, NULL where the calendar does not reach.
CREATE MACRO working_days_between(from_day, to_day) AS
    CASE WHEN calendar_run(from_day) = calendar_run(to_day)
    THEN (calendar_number(to_day) - calendar_number(from_day))::BIGINT END;

-- The n-th working day after a day: the last day of a time limit that begins the day after the event.
CREATE MACRO unchecked_working_day(from_day, day_count) AS
    (SELECT _days FROM calendar_lists())[(calendar_number(from_day) + day_count::BIGINT)::BIGINT];

CREATE MACRO add_working_days(from_day, day_count) AS
    CASE WHEN calendar_run(from_day) = calendar_run(unchecked_working_day(from_day, day_count))
    THEN unchecked_working_day(from_day, day_count) END;
