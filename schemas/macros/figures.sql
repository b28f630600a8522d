/*
title: 数字
description: 占比和平均数的四舍五入，以及数字的写法。
*/
-- Half up on the decimal figure: 12.345 is a little less in binary, which the tiny addend outweighs.
CREATE MACRO rounded(figure, decimals) AS round(figure + 1e-9, TRY_CAST(decimals AS INTEGER));

CREATE MACRO share_of(part, total, decimals) AS CASE WHEN total > 0 THEN rounded(100.0 * part / total, decimals) END;

-- A ratio as people write it: 0.8636 is 86.4%.
CREATE MACRO as_percent(ratio) AS printf('%.1f%%', rounded(100.0 * ratio, 1));

-- A figure as people write it: 50 and not 50.0.
CREATE MACRO as_figure(figure) AS CASE WHEN figure = floor(figure) AND abs(figure) < 1e15 THEN figure::BIGINT::VARCHAR ELSE figure::VARCHAR END;

-- A number so small that it points at persons, or all but so few of a total.
CREATE MACRO is_few(part, total) AS coalesce(part > 0 AND part < few_limit(), false) OR coalesce(total > part AND total - part < few_limit(), false);
