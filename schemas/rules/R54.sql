/*
id: R54
title: 报酬结构合计百分之百
severity: error
clause: pay#4
table: pay_schemes
column: base_percent
message: "{year}年报酬方案：基本{base}%、绩效{performance}%、奖励{reward}%，合计{total}%，应当是100%。"
remedy: "请按报酬管理办法核对三项比例。"
*/
-- Summed as decimals: 33.3 and 33.3 and 33.4 are a hundred.
SELECT year, shown_number(base_percent) AS base, shown_number(performance_percent) AS performance, shown_number(reward_percent) AS reward,
    shown_number(base_percent + performance_percent + reward_percent) AS total, _file, _line
FROM pay_schemes
WHERE exact(base_percent) + exact(performance_percent) + exact(reward_percent) <> 100
