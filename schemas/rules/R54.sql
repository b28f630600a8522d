/*
id: R54
title: 报酬结构合计百分之百，与办法一致
severity: error
clause: pay#4
table: pay_schemes
column: base_percent
message: "{year}年报酬方案：基本{base}%、绩效{performance}%、奖励{reward}%，合计{total}%，{problem}。"
remedy: "请按报酬管理办法核对三项比例。"
*/
-- Summed as decimals: 33.3 and 33.3 and 33.4 are a hundred. A year in which the policy changes may follow either, the one
-- at its beginning or the one at its end.
WITH scheme AS (
    SELECT *, exact(base_percent) + exact(performance_percent) + exact(reward_percent) AS sum, year_end(year - 1) + 1 AS first, year_end(year) AS last
    FROM pay_schemes
), judged AS (
    SELECT *,
        exact(base_percent) = param_decimal('base_percent', first) AND exact(performance_percent) = param_decimal('performance_percent', first)
            AND exact(reward_percent) = param_decimal('reward_percent', first) AS as_at_first,
        exact(base_percent) = param_decimal('base_percent', last) AND exact(performance_percent) = param_decimal('performance_percent', last)
            AND exact(reward_percent) = param_decimal('reward_percent', last) AS as_at_last,
        param('base_percent', last) || '%、' || param('performance_percent', last) || '%、' || param('reward_percent', last) || '%' AS asked
    FROM scheme
)
SELECT year, shown_number(base_percent) AS base, shown_number(performance_percent) AS performance, shown_number(reward_percent) AS reward,
    shown_number(base_percent + performance_percent + reward_percent) AS total,
    CASE WHEN sum <> 100 THEN '应当是100%' ELSE '办法规定的是' || asked END AS problem, _file, _line
FROM judged
WHERE sum <> 100 OR NOT (coalesce(as_at_first, false) OR coalesce(as_at_last, true))
