/*
title: 参数取值
description: 取政策参数在某一天的数值。改了数字的参数从新的生效日期起才按新数字执行。
*/
-- The value in force on a day: the one that began last and has not run out. NULL where no policy sets it on that day,
-- so that a rule which compares with it stays silent on what happened before the policy.
-- The columns are renamed inside, or an argument called like one of them would be taken for it.
-- arg_max instead of ORDER BY … LIMIT 1: as an aggregate it is joined once for all rows of the caller.
CREATE MACRO param(parameter_name, on_date) AS (
    SELECT arg_max(_value, _from)
    FROM (SELECT name AS _name, value AS _value, effective_from AS _from, effective_to AS _to FROM parameters)
    WHERE _name = parameter_name AND _from <= on_date AND (_to IS NULL OR _to >= on_date)
);

CREATE MACRO param_number(parameter_name, on_date) AS TRY_CAST(param(parameter_name, on_date) AS DOUBLE);

-- A number of days or years, as a whole number that a date can be moved by: what is out of all bounds is no value.
CREATE MACRO param_count(parameter_name, on_date) AS
    TRY_CAST(TRY_CAST(param(parameter_name, on_date) AS DOUBLE) AS SMALLINT)::INTEGER;

-- Fewer than this are not published; without a parameter of its own, three.
CREATE MACRO few_limit() AS (SELECT coalesce(param_count('public_count_min', as_of), 3) FROM build);

CREATE MACRO param_date(parameter_name, on_date) AS TRY_CAST(param(parameter_name, on_date) AS DATE);
