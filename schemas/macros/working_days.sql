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
        SELECT _all._day, _known._working,
            CASE WHEN _known._working IS NOT NULL THEN sum(_known._working::INTEGER) OVER so_far END AS _number,
            CASE WHEN _known._working IS NOT NULL THEN sum((_known._working IS NULL)::INTEGER) OVER so_far END AS _run
        FROM (
            -- A mistyped century would make lists of millions of days, which every row that asks is given.
            SELECT unnest(generate_series(min(date), max(date), INTERVAL 1 DAY))::DATE AS _day FROM calendar
            WHERE date BETWEEN DATE '1900-01-01' AND DATE '2199-12-31'
        ) AS _all
        LEFT JOIN (
            SELECT date AS _day, working AS _working
            FROM calendar SEMI JOIN calendar_years ON year(calendar.date) = calendar_years.year
        ) AS _known USING (_day)
        WINDOW so_far AS (ORDER BY _all._day)
    );

-- How many working days the calendar has up to and including a day; NULL for a day that it lacks.
-- Place 0 and below would count from the end of the list, so a day before the first has none.
CREATE MACRO calendar_number(on_date) AS (
    SELECT _numbers[_place]
    FROM (SELECT *, CASE WHEN on_date >= _first THEN date_diff('day', _first, on_date) + 1 END AS _place FROM calendar_lists())
);

-- Working days after one day up to and including another: 0 for the same day, NULL where the calendar does not reach.
-- One subquery each, for planning it costs more than running it.
CREATE MACRO working_days_between(from_day, to_day) AS (
    SELECT CASE WHEN _runs[_from] = _runs[_to] THEN (_numbers[_to] - _numbers[_from])::BIGINT END
    FROM (
        SELECT *,
            CASE WHEN from_day >= _first THEN date_diff('day', _first, from_day) + 1 END AS _from,
            CASE WHEN to_day >= _first THEN date_diff('day', _first, to_day) + 1 END AS _to
        FROM calendar_lists()
    )
);

-- The n-th working day after a day: the last day of a time limit that begins the day after the event.
CREATE MACRO add_working_days(from_day, day_count) AS (
    SELECT CASE WHEN _runs[_place] = _runs[date_diff('day', _first, _day) + 1] THEN _day END
    FROM (
        SELECT *, CASE WHEN day_count >= 0 THEN _days[TRY_CAST(_numbers[_place] + day_count AS BIGINT)] END AS _day
        FROM (SELECT *, CASE WHEN from_day >= _first THEN date_diff('day', _first, from_day) + 1 END AS _place FROM calendar_lists())
    )
);
