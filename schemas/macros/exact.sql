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
