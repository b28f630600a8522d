/*
title: 精确比较
description: 比例参数按十进制取值，恰好等于界限的票数不因二进制误差误判。
*/
-- 0.8 × 35 must be 28 and not a little more, or 28 present of 35 would fail four fifths.
CREATE MACRO param_decimal(parameter_name, on_date) AS TRY_CAST(param(parameter_name, on_date) AS DECIMAL(12, 4));

-- A part of a whole as a share between 0 and 1, for display.
CREATE MACRO part_of(part, total) AS CASE WHEN total > 0 THEN part::DOUBLE / total END;

-- "38/44 = 86.4%": how every rule shows what it computed.
CREATE MACRO fraction(part, total) AS
    part::BIGINT || '/' || total::BIGINT || CASE WHEN total > 0 THEN ' = ' || as_percent(part::DOUBLE / total) ELSE '' END;

-- 6.0 as 6 and 1.2 as 1.2.
CREATE MACRO shown_number(figure) AS regexp_replace(rounded(figure, 4)::VARCHAR, '\.0$', '');

-- The last day of a year. A year that is none (a slip of the keyboard) has no last day, and stops nothing.
CREATE MACRO year_end(calendar_year) AS
    CASE WHEN calendar_year BETWEEN 1900 AND 2200 THEN make_date(calendar_year::INTEGER, 12, 31) END;

-- A figure as a decimal, so that 33.3 and 33.3 and 33.4 add up to a hundred; NULL for what is beyond all measure.
CREATE MACRO exact(figure) AS TRY_CAST(figure AS DECIMAL(12, 3));
